"""What a lesson showed, output by output, as blocks of a MyST page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minigen.course.book.markup import code_block, html_around, html_block
from minigen.course.console import format_number
from minigen.course.lesson.predict import LETTERS
from minigen.course.reading.descriptions import describe

__all__ = [
    "checks",
    "claims",
    "details",
    "figure",
    "outcome",
    "play",
    "prediction",
    "printed",
    "source",
    "table",
]


def details(summary: str, body: str, kind: str, aside: str = "", **data: str) -> str:
    """A folded part, opened by a click. `summary` and `body` are Markdown; data becomes `data-` attributes.

    aside: a remark after the summary, in small letters.
    """
    return html_around("outputs/details.html", body, summary=summary, aside=aside, kind=kind, data=data)


def printed(texts: Sequence[str]) -> str:
    """What was printed, one text below the other."""
    return html_block("outputs/printed.html", text="\n".join(texts))


def checks(payloads: Iterable[Mapping[str, Any]]) -> str:
    """Checks that followed each other: a list of what was compared, and whether it held."""
    return html_block("outputs/checks.html", checks=payloads)


def figure(payload: Mapping[str, Any], id: str, picture: str, size: tuple[int, int], caption: str) -> str:
    """A picture with its caption. `picture` is its address from the page, `caption` Markdown with its links."""
    alt = describe(payload["file"], payload["caption"])
    values = {"id": id, "picture": picture, "alt": alt, "width": size[0], "height": size[1]}
    if not caption:
        return html_block("outputs/figure.html", body="", **values)
    return html_around("outputs/figure.html", caption + "\n", **values)


def play(payload: Mapping[str, Any], slug: str, root: str, size: tuple[int, int], still: str, caption: str) -> str:
    """A figure with sliders; without scripts, and in print, its still picture."""
    return html_around(
        "outputs/play.html",
        (caption or payload["name"]) + "\n",
        name=payload["name"],
        data=f"{root}_play/{slug}/{payload['data']}",
        still=still,
        alt=describe(payload["file"], payload["caption"]),
        width=size[0],
        height=size[1],
    )


def table(payload: Mapping[str, Any], root: str = "", equations: Sequence[str] = ()) -> str:
    """A table that becomes a list of cards on a phone."""
    rows, header = payload["rows"], [str(name) for name in payload["header"]]
    numeric = [
        bool(rows) and all(not isinstance(row[j], (str, type(None))) for row in rows) for j in range(len(header))
    ]
    return html_block(
        "outputs/table.html",
        title=str(payload["title"]),
        header=header,
        rows=[[format_number(value) for value in row] for row in rows],
        numeric=numeric,
        root=root,
        equations=equations,
    )


def claims(payload: Mapping[str, Any]) -> str:
    """The claims of a run with their verdicts."""
    rows = payload["rows"]
    return html_block("outputs/claims.html", rows=rows, with_sources=any(source for *_, source in rows))


def prediction(payload: Mapping[str, Any], key: str, result: Mapping[str, Any] | None) -> str:
    """A question with a button for each choice. What came out stands beside them, and is shown after a choice.

    key: `gan/02:0`, the lesson and the number of the question. result: the payload of its outcome, if there is one.
    """
    choices = payload["choices"]
    answer = "" if result is None or result["answer"] is None else str(choices.index(result["answer"]))
    return html_block(
        "outputs/prediction.html",
        key=key,
        anchor=key.replace("/", "-").replace(":", "-"),
        question=payload["question"],
        choices=list(zip(LETTERS, choices)),
        answer=answer,
        has_outcome=result is not None,
        **({} if result is None else _came_out(payload, result)),
    )


def outcome(question: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    """What came out, where it was measured. `question` is the payload of the prediction that it answers."""
    return html_block("outputs/outcome.html", **_came_out(question, payload))


def _came_out(question: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, str]:
    """The values of the template `came_out.html`."""
    answer = payload["answer"]
    label = "" if answer is None else f"{LETTERS[question['choices'].index(answer)]}) {answer}. "
    return {"label": label, "text": payload["text"]}


def source(payload: Mapping[str, Any], link: str = "") -> str:
    """The package's own code. If it answers an exercise, it stays folded until that is passed or the reader opens it.

    link: the address of the page that shows the whole file, if there is one.
    """
    file, name = payload["where"].partition(":")[0], payload["name"]
    body = code_block(payload["code"], class_="mg-code-block")
    if not payload["exercises"]:
        return html_block("outputs/where.html", name=name, file=file, link=link) + "\n" + body
    where = html_block("outputs/where.html", name="", file=file, link=link)
    summary = f"`{name}` is an exercise: try it first, or open it"
    return details(summary, where + "\n" + body, "mg-source", exercise=" ".join(payload["exercises"]))
