"""What a lesson showed, output by output, as blocks of a MyST page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from minigen.course.book.markup import code_block, inline_html, plain, raw
from minigen.course.console import format_number
from minigen.course.lesson.predict import LETTERS

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


def details(summary: str, body: str, kind: str, **data: str) -> str:
    """A folded part, opened by a click. `summary` is HTML, `body` Markdown; data becomes `data-` attributes."""
    attributes = "".join(f' data-{name}="{html.escape(value)}"' for name, value in data.items())
    opening = f'<details class="{kind}"{attributes}><summary>{summary}</summary>'
    return "\n".join([raw(opening), body, raw("</details>")])


def printed(texts: Sequence[str]) -> str:
    """What was printed, one text below the other."""
    return raw(f'<pre class="mg-output">{html.escape(chr(10).join(texts))}</pre>')


def checks(payloads: Iterable[Mapping[str, Any]]) -> str:
    """Checks that followed each other: a list of what was compared, and whether it held."""
    items = []
    for check in payloads:
        passed = check["status"] == "passed"
        mark = '<span class="mg-passed">✓</span>' if passed else '<span class="mg-failed">✗ failed</span>'
        value = f"<code>{html.escape(check['value'])}</code>" if len(check["value"]) < 80 else "as expected"
        items.append(f"<li>{mark} {inline_html(check['name'])}: {value} ({html.escape(check['bar'])})</li>")
    return raw('<ul class="mg-checks" aria-label="checks">' + "".join(items) + "</ul>")


def figure(payload: Mapping[str, Any], id: str, picture: str, size: tuple[int, int], caption: str) -> str:
    """A picture with its caption. `picture` is its address from the page, `caption` Markdown with its links."""
    alt = html.escape(describe(payload["file"], payload["caption"]))
    width, height = size
    image = f'<img src="{picture}" alt="{alt}" width="{width}" height="{height}">'
    opening = f'<figure class="mg-figure" id="{id}"><a href="{picture}" title="the picture alone">{image}</a>'
    if not caption:
        return raw(opening + "</figure>")
    return "\n".join([raw(opening + "<figcaption>"), caption + "\n", raw("</figcaption></figure>")])


def describe(file: str, caption: str) -> str:
    """The alternative text of a picture: its title, and the first sentence of its caption."""
    name = Path(file).stem.replace("_", " ").replace("-", " ")
    first = plain(caption).split(". ")[0].rstrip(".")
    return f"Figure {name}: {first}" if first else f"Figure {name}"


def play(payload: Mapping[str, Any], slug: str, root: str, size: tuple[int, int], still: str, caption: str) -> str:
    """A figure with sliders; without scripts, and in print, its still picture."""
    alt = html.escape(describe(payload["file"], payload["caption"]))
    name = html.escape(payload["name"])
    image = f'<img class="mg-still" src="{still}" alt="{alt}" width="{size[0]}" height="{size[1]}">'
    opening = f'<figure class="mg-play" data-name="{name}" data-src="{root}_play/{slug}/{payload["data"]}">{image}'
    return "\n".join([raw(opening + "<figcaption>"), (caption or name) + "\n", raw("</figcaption></figure>")])


def table(payload: Mapping[str, Any], root: str = "", equations: Sequence[str] = ()) -> str:
    """A table that becomes a list of cards on a phone."""
    rows, header = payload["rows"], [str(name) for name in payload["header"]]
    numeric = [
        bool(rows) and all(not isinstance(row[j], (str, type(None))) for row in rows) for j in range(len(header))
    ]
    kinds = [' class="mg-number"' if number else "" for number in numeric]

    def cell(value: Any, j: int) -> str:
        shown = inline_html(format_number(value), root, equations)
        return f'<td data-label="{html.escape(plain(header[j]))}"{kinds[j]}>{shown}</td>'

    title = str(payload["title"])
    caption = f"<caption>{inline_html(title, root, equations)}</caption>" if title else ""
    head = "".join(f'<th scope="col"{kinds[j]}>{inline_html(name, root)}</th>' for j, name in enumerate(header))
    body = "".join("<tr>" + "".join(cell(value, j) for j, value in enumerate(row)) + "</tr>" for row in rows)
    label = html.escape(plain(title) or "table")
    return raw(
        f'<div class="mg-table" role="region" aria-label="{label}" tabindex="0"><table>{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def claims(payload: Mapping[str, Any]) -> str:
    """The claims of a run with their verdicts."""
    words = {"passed": "✓ holds", "failed": "✗ fails", "not judged": "not judged"}
    names = ["claim", "value", "bar", "verdict", "where the bar comes from"]
    if not any(origin for *_, origin in payload["rows"]):
        names.pop()
    rows = []
    for name, value, bar, verdict, origin in payload["rows"]:
        judged = f'<span class="mg-{verdict.replace(" ", "-")}">{words.get(verdict, verdict)}</span>'
        cells = [inline_html(name), html.escape(value), html.escape(bar), judged, inline_html(origin)]
        row = [f'<td data-label="{label}">{cell}</td>' for label, cell in zip(names, cells)]
        rows.append(f"<tr>{''.join(row)}</tr>")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    caption = "<caption>What this run measured, and the bar that it had to meet</caption>"
    return raw(
        '<div class="mg-table mg-claims" role="region" aria-label="claims" tabindex="0"><table>'
        f"{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def prediction(payload: Mapping[str, Any], key: str, result: Mapping[str, Any] | None) -> str:
    """A question with a button for each choice. What came out stands beside them, and is shown after a choice.

    key: `gan/02:0`, the lesson and the number of the question. result: the payload of its outcome, if there is one.
    """
    answer = "" if result is None or result["answer"] is None else str(payload["choices"].index(result["answer"]))
    buttons = "".join(
        f'<button type="button" class="mg-choice" data-choice="{k}" aria-pressed="false">'
        f"{LETTERS[k]}) {inline_html(choice)}</button>"
        for k, choice in enumerate(payload["choices"])
    )
    shown = ""
    if result is not None:
        shown = f'<div class="mg-came-out" hidden><p>{_came_out(payload, result)}</p></div>'
    return raw(
        f'<div class="mg-predict" id="prediction-{anchor(key)}" data-key="{key}" data-answer="{answer}">'
        f'<p class="mg-question"><strong>Your prediction.</strong> {inline_html(payload["question"])}</p>'
        f'<div class="mg-choices" role="group" aria-label="choices">{buttons}</div>'
        f'<div class="mg-said" aria-live="polite">{shown}</div></div>'
    )


def outcome(asked: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    """What came out, where it was measured."""
    return raw(f'<p class="mg-verdict">{_came_out(asked, payload)}</p>')


def _came_out(asked: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    answer = payload["answer"]
    label = "" if answer is None else f"{LETTERS[asked['choices'].index(answer)]}) {answer}. "
    return f"<strong>It came out: {inline_html(label)}</strong>{inline_html(payload['text'])}"


def source(payload: Mapping[str, Any], link: str = "") -> str:
    """The package's own code. Where it answers an exercise it stays folded until that is passed, or by choice.

    link: the address of the page that shows the whole file, if there is one.
    """
    where = html.escape(payload["where"].partition(":")[0])
    path = f'<a href="{link}"><code>{where}</code></a>' if link else f"<code>{where}</code>"
    name = f"<code>{html.escape(payload['name'])}</code>"
    body = code_block(payload["code"], class_="mg-code-block")
    if payload["exercises"]:
        summary = f"{name} is an exercise: try it first, or open it"
        where_line = raw(f'<p class="mg-where">from {path}</p>')
        return details(summary, where_line + "\n" + body, "mg-source", exercise=" ".join(payload["exercises"]))
    return raw(f'<p class="mg-where">{name}, from {path}</p>') + "\n" + body


def anchor(key: str) -> str:
    """A key as the name of a place on the page: "gan-02-0"."""
    return key.replace("/", "-").replace(":", "-")
