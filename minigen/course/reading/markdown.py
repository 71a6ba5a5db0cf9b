"""The page of a lesson in Markdown, `README.md` in its folder, and the contents of all of them, `lessons/README.md`.

They are written as GitHub shows them: CommonMark with tables, mathematics in fences (```` ```math ````) or as
`` $`x`$ ``, in which nothing else is Markdown, and of HTML only what is folded (`details`), pictures with their width,
and small print. Links are relative.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from minigen.course.console import markdown_table, plural
from minigen.course.exercise import catalog, prompts, stubs
from minigen.course.index import posts
from minigen.course.index.lessons import LessonInfo, short_id
from minigen.course.index.sources import Reference, sources_of
from minigen.course.lesson import blocks
from minigen.course.lesson.blocks import Block
from minigen.course.lesson.predict import LETTERS
from minigen.course.lesson.recorded import CODE_CHANGED
from minigen.course.reading.composition import Reading, joined, summary_of
from minigen.course.reading.descriptions import describe
from minigen.course.reading.evening import evenings, hours

__all__ = ["PAGE", "contents_page", "lesson_page", "math", "short"]

PAGE = "README.md"
POINTS_PER_PIXEL = 2.0  # pictures are recorded at twice the size at which a page shows them
THUMBNAIL = 240  # pixels, the width of a picture in the contents
SMALL, WIDE = 360, 640  # pixels, of the width of a picture at the top of a page

INTRODUCTION = """\
Each lesson runs one section of one of four posts. Its page has the text, the code, and the results of a full run:
figures, tables, printed numbers. Where the text asks for a prediction, choose first: the answer is folded below the
question. An exercise is a function that you write: `minigen exercise start ID` begins it, and `minigen exercise check`
tests it.

**Begin here:** with [start/01](start/01_background/README.md) if arrays, gradients, logits or Adam are new to you,
otherwise with [gan/02](gan/02_gan/README.md). No time for a whole post? Each has a way through it that takes an
evening."""

MATH_OR_CODE = re.compile(r"(```.*?```|\$\$.*?\$\$|\$[^$]+\$|`[^`]*`)", re.S)
LESSON = re.compile(rf"`((?:{'|'.join(posts.FAMILIES)})/\d\d)`")
EMPHASIS = re.compile(r"(\*\*.+?\*\*|(?<![\w*])\*[^*\s][^*]*\*(?![\w*]))")
SPECIAL = re.compile(r"[\\`<\[\]~*]|(?<![^\W_])_|_(?![^\W_])")  # an underscore between letters is only that
LIST = re.compile(r"^(\d+|)([-+#>.)])(?=\s)")  # how a line begins that would be a list, a heading or a quotation


# -- the page of a lesson ----------------------------------------------------------------------------------------------


def lesson_page(reading: Reading, lessons: Sequence[LessonInfo]) -> str:
    """Return the page of a lesson; lessons: all of them in order."""
    return _Page(reading, lessons).render()


class _Page:
    def __init__(self, reading: Reading, lessons: Sequence[LessonInfo]):
        self.reading, self.lesson = reading, reading.lesson
        self.id = short_id(self.lesson.path.parent)
        self.lessons = {short_id(lesson.path.parent): lesson for lesson in lessons}
        self.exercises = {exercise.id: exercise for exercise in catalog.exercises_of(self.id)}

    def render(self) -> str:
        title, *rest = self.reading.blocks
        parts = [self._block(title), *self._front(), *self._lead()]
        for closed_by, group in groupby(_by_section(rest), key=lambda block: block.closed_by):
            shown = joined(_with_joined_checks(group))
            body = "\n\n".join(_folded(each) if isinstance(each, list) else self._block(each) for each in shown)
            parts.append(body if closed_by is None else self._closed(body, closed_by))
        return "\n\n".join([*parts, *self._end()]) + "\n"

    # -- the head and the foot -----------------------------------------------------------------------------------------

    def _front(self) -> list[str]:
        """Return what surrounds the lesson: its neighbours, how to run it, how long it takes, and how old its results
        are.
        """
        ways = f"A notebook with `minigen notebook {self.id}` · [the script](lesson.py): `minigen run {self.id}`"
        facts = [self.reading.time_to_read, f"{plural(self.lesson.minutes, 'minute')} to run"]
        if self.exercises:
            facts.insert(1, plural(len(self.exercises), "exercise"))
        return [self._neighbours(), ways, ", ".join(facts) + ".", *self._status()]

    def _lead(self) -> list[str]:
        """Return the lesson's best picture, without its caption, which may give a result away."""
        lead = self.reading.lead
        if lead is None or not self.lesson.picture:
            return []
        alt = escape(describe(lead.file, ""))
        return [f'<img src="recorded/{lead.file}" alt="{alt}" width="{_lead_width(lead.path)}">']

    def _neighbours(self) -> str:
        ids = list(self.lessons)
        at = ids.index(self.id)
        parts = ["[All lessons](../../README.md)"]
        if at > 0:
            parts.append(f"before: {self._link(ids[at - 1])}")
        if at + 1 < len(ids):
            parts.append(f"next: {self._link(ids[at + 1])}")
        return " · ".join(parts)

    def _link(self, id: str) -> str:
        return f"[{id} {short(self.lessons[id].title)}]({self._page_of(id)})"

    def _page_of(self, id: str) -> str:
        """Return the path from this page to that of another lesson."""
        family, folder = self.lessons[id].id.split("/")
        above = ".." if family == self.lesson.id.split("/")[0] else f"../../{family}"
        return f"{above}/{folder}/{PAGE}"

    def _status(self) -> list[str]:
        if self.reading.result is None:
            minutes = plural(self.lesson.minutes, "minute")
            return [
                "> **Not recorded yet:** the page has no figures and no numbers."
                f" Run it with `minigen run {self.id}`, about {minutes}."
            ]
        if self.reading.status == CODE_CHANGED:
            return ["> Recorded with an earlier version of the code: a new run may give slightly different numbers."]
        return []

    def _end(self) -> list[str]:
        sources = [_reference(source) for source in sources_of(self.lesson)]
        parts = ["## Sources", "\n".join(sources)] if sources else []
        parts += ["---", self._neighbours()]
        if self.reading.result is not None:
            metrics = self.reading.result.metrics
            seed, processor = metrics["seed"], metrics["machine"]["processor"]
            took = f"{metrics['minutes']:.1f} minutes on {metrics['machine']['cores']} cores ({processor})"
            command = f"minigen run {self.id}" + (f" --seed {seed}" if seed else "")
            parts.append(f"<sub>Recorded with seed {seed} in {took}; `{command}` repeats it.</sub>")
        parts.append("<sub>`minigen record` writes this page: change [lesson.py](lesson.py) instead.</sub>")
        return parts

    # -- blocks --------------------------------------------------------------------------------------------------------

    def _closed(self, body: str, number: int) -> str:
        if self.reading.result is None:
            return details(f"How prediction {number + 1} is answered (choose before you open it)", body)
        return details(f"Result of prediction {number + 1} (choose before you open it)", body)

    def _block(self, block: Block) -> str:
        render = blocks.of_kind(RENDERED, block)
        assert render is not None, f"a block of another kind: {block}"
        return render(self, block)

    def heading(self, block: blocks.Heading) -> str:
        return f"{'#' * block.level} {self._linked(math(block.text))}"

    def text(self, block: blocks.Text) -> str:
        return self._linked(math(block.text))

    def invitation(self, block: blocks.Invitation) -> str:
        folded = details("What happens", self._linked(math(block.answer)))
        return f"**Try it.** {self._linked(math(block.sentence))}\n\n{folded}"

    def play(self, block: blocks.Play) -> str:
        sliders = f"In the book it has sliders: `minigen book {self.id} --serve`."
        return self.picture(block, f"{block.caption or block.name} {sliders}")

    def _linked(self, markdown: str) -> str:
        """Markdown with the names of other lessons, `gan/04`, as links to their pages; code and mathematics stay."""
        parts = MATH_OR_CODE.split(markdown)
        for i, part in enumerate(parts):
            found = LESSON.fullmatch(part)
            before_link = parts[i - 1].endswith("[") if i else False
            if i % 2 and found and found[1] in self.lessons and found[1] != self.id and not before_link:
                parts[i] = f"[{part}]({self._page_of(found[1])})"
        return "".join(parts)

    def picture(self, block: blocks.Picture, caption: str | None = None) -> str:
        caption = block.caption if caption is None else caption
        alt = escape(describe(block.file, block.caption))
        image = f'<img src="recorded/{block.file}" alt="{alt}" width="{_width(block.path)}">'
        return f"{image}\n\n<sub>{self._linked(short(caption))}</sub>" if caption else image

    def source(self, block: blocks.Source) -> str:
        file = block.where.partition(":")[0]
        above = Path("../../..", file)
        where = f"[{file}]({above.as_posix()})" if (self.lesson.path.parent / above).is_file() else f"`{file}`"
        body = f"`{block.name}`, from {where}:\n\n{fence(block.code, 'python')}"
        return details(f"{block.name} is an exercise: try it first", body) if block.exercises else body

    def exercise(self, block: blocks.ExerciseBox) -> str:
        id = block.id
        if id not in self.exercises:
            return f"**Exercise:** `minigen exercise start {id}`"
        exercise = self.exercises[id]
        paragraphs = [self._linked(math(paragraph)) for paragraph in prompts.paragraphs(exercise)]
        stub = fence(stubs.bare_stub(exercise).rstrip(), "python")
        size = f"{plural(exercise.points, 'point')}, about {plural(exercise.minutes, 'minute')}"
        start = f"`minigen exercise start {id}`"
        folded = details(f"Specification of {exercise.name}", "\n\n".join([*paragraphs, stub]))
        return f"**Exercise: write `{exercise.name}`** ({size}). Begin with {start}.\n\n{folded}"


RENDERED: dict[type, Callable[[Any, Any], str]] = {  # of (page, block)
    blocks.Heading: _Page.heading,
    blocks.Text: _Page.text,
    blocks.Code: lambda page, block: fence(block.code, "python"),
    blocks.Question: lambda page, block: _question(block),
    blocks.Outcome: lambda page, block: _outcome(block),
    blocks.ExerciseBox: _Page.exercise,
    blocks.Invitation: _Page.invitation,
    blocks.Printed: lambda page, block: fence(block.text, "text"),
    blocks.Checks: lambda page, block: _checks(block.checks),
    blocks.Table: lambda page, block: _titled(block.title, table(block.header, block.rows)),
    blocks.Play: _Page.play,
    blocks.Picture: _Page.picture,
    blocks.Claims: lambda page, block: _claims(block.rows),
    blocks.Source: _Page.source,
}


def _width(picture: Path) -> int:
    """Return the width at which a page shows a picture, in pixels."""
    from PIL import Image

    with Image.open(picture) as image:
        return round(image.width / POINTS_PER_PIXEL)


def _by_section(shown: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks, in which the code that only shows or checks something is at the end of its section."""
    plumbing: list[Block] = []
    for block in shown:
        if isinstance(block, blocks.Heading) and block.level <= 2:
            yield from plumbing
            plumbing = []
        if isinstance(block, blocks.Code) and block.is_plumbing and block.closed_by is None:
            plumbing.append(block)
        else:
            yield block
    yield from plumbing


def _lead_width(picture: Path) -> int:
    """Return the width of the picture at the top of a page: a small one is shown as large as it is."""
    from PIL import Image

    with Image.open(picture) as image:
        return min(max(_width(picture), min(image.width, SMALL)), WIDE)


def _with_joined_checks(shown: Iterable[Block]) -> Iterator[Block]:
    """Yield the blocks, in which checks that follow each other are one block."""
    for kind, group in groupby(shown, key=type):
        if kind is blocks.Checks:
            yield blocks.Checks(
                [check for block in group if isinstance(block, blocks.Checks) for check in block.checks]
            )
        else:
            yield from group


def _folded(parts: Sequence[blocks.Code]) -> str:
    """Folded code of cells that follow each other."""
    return details(summary_of(parts), fence("\n\n".join(part.code for part in parts), "python"))


def _reference(source: Reference) -> str:
    """Return a paper, with a link."""
    link = f" [{source.number or 'online'}]({source.link})" if source.link else ""
    return f"- {short(str(source))}{link}"


def _question(block: blocks.Question) -> str:
    choices = [f"> - {LETTERS[i]}) {short(choice)}" for i, choice in enumerate(block.choices)]
    asked = f"> **Prediction {block.number + 1}.** {short(block.question)}"
    return "\n".join([asked, ">", *choices]) if choices else asked


def _outcome(block: blocks.Outcome) -> str:
    text = short(block.text)
    return f"**Answer: {short(block.label)}.** {text}" if block.label else f"**Answer:** {text}"


def _checks(checks: Sequence[blocks.Check]) -> str:
    """Show checks in small letters, one after the other: a reader who trusts them passes over one line."""
    return f"<sub>{' · '.join(map(_check, checks))}</sub>"


def _check(check: blocks.Check) -> str:
    name, value, bar = short(check.name), short(check.value), short(check.bar.removeprefix("= "))
    if check.status != "passed":
        return f"✗ {name}: {value} (must be {bar})"
    return f"✓ {name}: {value}" if check.bar.startswith("= ") else f"✓ {name}: {value} ({bar})"


def _claims(rows: Sequence[Sequence[str]]) -> str:
    """Return the table of claims, with their sources if a claim has one."""
    columns = 5 if any(source for *_, source in rows) else 4
    header = ["claim", "value", "threshold", "verdict", "source"]
    return _titled("What a full run must show", table(header[:columns], [row[:columns] for row in rows]))


def _titled(title: str, body: str) -> str:
    return f"**{short(title)}**\n\n{body}" if title else body


# -- the contents ------------------------------------------------------------------------------------------------------


def contents_page(readings: Sequence[Reading]) -> str:
    """Return the table of all lessons, post by post, with a picture of each that is recorded."""
    parts = ["# The lessons", INTRODUCTION]
    for family in dict.fromkeys([*posts.FAMILIES, *(reading.lesson.post for reading in readings)]):
        rows = [_contents_row(reading) for reading in readings if reading.lesson.id.startswith(f"{family}/")]
        if rows:
            header = ["| lesson | minutes to read | exercises | minutes to run |", "| --- | ---: | ---: | ---: |"]
            parts += [f"## {posts.heading(family)}", *_evening(family, readings), "\n".join([*header, *rows])]
    return "\n\n".join([*parts, "<sub>`minigen record` writes this page.</sub>"]) + "\n"


def _evening(post: str, readings: Sequence[Reading]) -> list[str]:
    """Return the way through a post that takes an evening, if all its lessons are there."""
    pages = {short_id(reading.lesson.path.parent): f"{reading.lesson.id}/{PAGE}" for reading in readings}
    evening = evenings([*pages]).get(post)
    if evening is None:
        return []
    stops = [f"[{stop.short}]({pages[stop.short]}) {stop.places}" for stop in evening.stops]
    exercises = plural(len(evening.exercises), "exercise")
    needs = f" It needs the evenings {' and '.join(evening.before)}." if evening.before else ""
    return [
        f"**In an evening**, {hours(evening.minutes)} with {exercises}, and a minute for each of"
        f" {evening.predictions} predictions: {'; '.join(stops)}.{needs} `minigen list --path {post}` lists the"
        f" exercises; others in these sections may wait. With another hour, write the whole model from an empty file:"
        f" `minigen exercise start {evening.model.id}`."
    ]


def _contents_row(reading: Reading) -> str:
    lesson = reading.lesson
    page = f"{lesson.id}/{PAGE}"
    link = f"[{short_id(lesson.path.parent)} {short(lesson.title, in_cell=True)}]({page})"
    picture = _thumbnail(reading)
    image = f"<br>[{picture}]({page})" if picture else ""
    note = "" if reading.result else " (not recorded yet)"
    exercises = len(lesson.exercises) or ""
    return f"| {link}{note}{image} | {reading.minutes} | {exercises} | {lesson.minutes:g} |"


def _thumbnail(reading: Reading) -> str:
    """Return the picture of a lesson, "" if it has none."""
    if reading.lead is None:
        return ""
    alt = describe(reading.lead.file, "")  # its caption may give a result away
    width = min(THUMBNAIL, _width(reading.lead.path))
    return f'<img src="{reading.lesson.id}/recorded/{reading.lead.file}" alt="{escape(alt)}" width="{width}">'


# -- pieces of Markdown ------------------------------------------------------------------------------------------------


def details(summary: str, body: str) -> str:
    """Return a part that is opened by a click. summary: its line, in which backticks are left out."""
    return f"<details>\n<summary>{escape(summary.replace('`', ''), quote=False)}</summary>\n\n{body}\n\n</details>"


def fence(code: str, language: str) -> str:
    """Code or output unchanged, between rows of backticks longer than those inside."""
    ticks = "`" * max(3, 1 + max((len(row) for row in re.findall(r"`+", code)), default=0))
    return f"{ticks}{language}\n{code}\n{ticks}"


def math(markdown: str) -> str:
    """Markdown with its mathematics as GitHub takes it: display in a fence, inline as `` $`x`$ `` in one line.

    A formula in display is in lines of its own.
    """
    parts = MATH_OR_CODE.split(markdown)
    for i, part in enumerate(parts):
        if i % 2 and part.startswith("$$"):
            parts[i] = fence(allowed(part[2:-2]).strip(), "math")
        elif i % 2 and part.startswith("$"):
            parts[i] = _inline(part)
    return "".join(parts)


def _inline(formula: str) -> str:
    return f"$`{' '.join(allowed(formula[1:-1]).split())}`$"


def allowed(formula: str) -> str:
    """Return a formula without the command that GitHub refuses."""
    return re.sub(r"\\operatorname\*?\{([^}]*)\}", r"\\mathop{\\mathrm{\1}}", formula)


def table(header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; columns that hold only numbers are set to the right."""
    return markdown_table(rows, header, cell=lambda text: short(text, in_cell=True), align_numbers=True)


def short(text: str, in_cell: bool = False) -> str:
    """Return a short text as Markdown of one line: mathematics, code, *italic* and **bold** letters, all else
    unchanged.
    """
    parts = re.split(r"(\$[^$]+\$|`[^`]+`)", " ".join(text.split()))
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = _inline(part) if part.startswith("$") else part
        else:
            parts[i] = "".join(
                _emphasis(piece) if k % 2 else _plain(piece) for k, piece in enumerate(EMPHASIS.split(part))
            )
    line = LIST.sub(r"\1\\\2", "".join(parts))
    return line.replace("|", r"\|") if in_cell else line


def _emphasis(text: str) -> str:
    stars = "**" if text.startswith("**") else "*"
    return f"{stars}{_plain(text.strip('*'))}{stars}"


def _plain(text: str) -> str:
    """Text in which nothing is Markdown."""
    return SPECIAL.sub(r"\\\g<0>", text)
