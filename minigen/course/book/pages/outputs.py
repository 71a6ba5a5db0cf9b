"""What a lesson showed and asked, block by block, as blocks of a MyST page."""

from __future__ import annotations

from collections.abc import Sequence

from minigen.course.book.markup import code_block, html_around, html_block
from minigen.course.console import format_number, numeric_columns
from minigen.course.lesson import blocks
from minigen.course.lesson.predict import LETTERS
from minigen.course.reading.descriptions import describe

__all__ = [
    "cell",
    "checks",
    "claims",
    "details",
    "figure",
    "invitation",
    "outcome",
    "play",
    "prediction",
    "printed",
    "recorded",
    "source",
    "table",
    "trains",
]

COMPACT = 52  # letters across: so many columns of a table fit beside each other on a phone
WIDE = 500  # pixels: a wider figure is not shrunk on a phone, where its letters would be too small, but scrolled


def details(summary: str, body: str, kind: str, aside: str = "", **data: str) -> str:
    """Return a folded part, opened by a click. `summary` and `body` are Markdown; data becomes `data-` attributes.

    aside: a remark after the summary, in small letters.
    """
    return html_around("outputs/details.html", body, summary=summary, aside=aside, kind=kind, data=data)


def printed(block: blocks.Printed) -> str:
    """Return what was printed."""
    is_log = all(line.startswith("training ") for line in block.text.splitlines())
    return html_block("outputs/printed.html", text=block.text, is_log=is_log)


def checks(block: blocks.Checks) -> str:
    """Show checks that followed each other: a list of what was compared, and whether it held."""
    return html_block("outputs/checks.html", checks=block.checks)


def figure(block: blocks.Picture, id: str, picture: str, size: tuple[int, int], caption: str) -> str:
    """Return a picture with its caption. `picture` is its address from the page, `caption` Markdown with its links."""
    alt = describe(block.file, block.caption)
    values = {"id": id, "picture": picture, "alt": alt, "width": size[0], "height": size[1], "is_wide": size[0] > WIDE}
    if not caption:
        return html_block("outputs/figure.html", body="", **values)
    return html_around("outputs/figure.html", caption + "\n", **values)


def play(
    block: blocks.Play, id: str, still: str, size: tuple[int, int], data: str, caption: str, plays_at_once: bool = False
) -> str:
    """Return a figure with sliders; without scripts, and in print, its still picture.

    `data` is the address of its data.

    plays_at_once: its time goes by, once, as soon as it is there.
    """
    return html_around(
        "outputs/play.html",
        (caption or block.name) + "\n",
        id=id,
        name=block.name,
        data=data,
        still=still,
        alt=describe(block.file, block.caption),
        width=size[0],
        height=size[1],
        plays_at_once=plays_at_once,
    )


def table(block: blocks.Table, root: str = "", equations: Sequence[str] = ()) -> str:
    """Return a table. On a phone it becomes a list of cards, unless its columns fit beside each other."""
    rows, header = block.rows, [str(name) for name in block.header]
    numeric = numeric_columns(rows, len(header))
    cells = [[format_number(value) for value in row] for row in rows]
    return html_block(
        "outputs/table.html",
        title=str(block.title),
        header=header,
        rows=cells,
        numeric=numeric,
        is_compact=all(numeric[1:]) or _least_letters([header, *cells]) <= COMPACT,
        root=root,
        equations=equations,
    )


def _least_letters(rows: Sequence[Sequence[str]]) -> int:
    """Return the letters across that a table needs: of each column its longest word, and half of a text, with a gap."""
    return sum(
        max(max((len(text) + 1) // 2, *map(len, text.split()), 0) for text in column) + 1 for column in zip(*rows)
    )


def claims(block: blocks.Claims) -> str:
    """Return the claims of a run with their verdicts, folded below how many of them hold."""
    verdicts = [verdict for *_, verdict, _ in block.rows]
    with_sources = any(source for *_, source in block.rows)
    return html_block("outputs/claims.html", rows=block.rows, with_sources=with_sources, verdicts=verdicts)


def prediction(block: blocks.Question, key: str, short: str) -> str:
    """Return a question with a button for each choice. What came out is next to them, and is shown after a choice.

    key: `gan/02:0`, the lesson and the number of the question. short: the lesson, `gan/02`.
    """
    result = block.outcome
    return html_block(
        "outputs/prediction.html",
        key=key,
        anchor=key.replace("/", "-").replace(":", "-"),
        question=block.question,
        choices=list(zip(LETTERS, block.choices)),
        answer=str(block.choices.index(result.answer)) if result and result.answer is not None else "",
        result=result,
        short=short,
    )


def invitation(sentence: str, answer: str, short: str, in_page: bool = False) -> str:
    """Something to change and to run again, with what comes out then folded. Both are Markdown.

    short: the lesson, `gan/02`. in_page: whether the cell can be changed and run in the page.
    """
    folded = details("What happens", answer + "\n", "mg-change-answer")
    return html_around("outputs/invitation.html", f"**Try it.** {sentence}\n\n{folded}", short=short, in_page=in_page)


def cell(code: str, number: int) -> str:
    """Return the code of a cell that can be run in the page."""
    return html_around("outputs/cell.html", code, number=number)


def recorded(output: str, number: int) -> str:
    """Return an output of a cell that can be run in the page: a run there takes its place."""
    return html_around("outputs/recorded.html", output, number=number)


def trains(seconds: float, short: str) -> str:
    """Return what is below a cell that trains. seconds: that it took in the recorded run, 0 if that is not known."""
    return html_block("outputs/trains.html", took=_duration(seconds), short=short)


def _duration(seconds: float) -> str:
    """ "40 s", "3 minutes"; "" for 0."""
    return f"{seconds:.0f} s" if 0.5 < seconds < 100 else f"{seconds / 60:.0f} minutes" if seconds >= 100 else ""


def outcome(block: blocks.Outcome) -> str:
    """Return what came out, where it was measured."""
    return html_block("outputs/outcome.html", result=block)


def source(block: blocks.Source, link: str = "") -> str:
    """Return the package's own code.

    If it answers an exercise, it stays folded until that is passed or the reader opens it.

    link: the address of the page that shows the whole file, if there is one.
    """
    file, name = block.where.partition(":")[0], block.name
    body = code_block(block.code, class_="mg-code-block")
    if not block.exercises:
        return html_block("outputs/where.html", name=name, file=file, link=link) + "\n" + body
    where = html_block("outputs/where.html", name="", file=file, link=link)
    summary = f"`{name}` is an exercise: try it first, or open it"
    return details(summary, where + "\n" + body, "mg-source", exercise=" ".join(block.exercises))
