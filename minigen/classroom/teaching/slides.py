"""The slides of a lesson: its sections, equations, figures and tables, its questions, each answer on the slide after.

A slide is MyST, and so are its notes, which hold the text in full: the deck (`teaching.deck`) shows them
to the speaker. What a prediction keeps closed on a page comes after the slide with its answer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from minigen.course.console import markdown_table
from minigen.course.exercise import catalog, prompts
from minigen.course.index.sources import sources_of
from minigen.course.lesson import blocks
from minigen.course.lesson.predict import LETTERS
from minigen.course.reading.composition import Reading
from minigen.course.reading.descriptions import describe

__all__ = ["PICTURES", "Slide", "slides_of"]

PICTURES = "pictures"  # the folder of a deck's pictures
UNITS = 7  # on a slide: a sentence is one, an equation two
ROWS = 8  # of a table, on a slide
LINES = 24  # of code or of printed text; what is longer is left out
DISPLAY = re.compile(r"(\$\$.*?\$\$)", re.S)
FOLD = re.compile(r"<details>.*?</details>", re.S)
FENCE = re.compile(r"^(```|\|)", re.M)
# A sentence ends where a capital letter, a formula, code or emphasis follows; "Eq. gan.07" and "et al. 2014" go on.
SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`*])")


@dataclass(frozen=True)
class Slide:
    """A slide. section: the heading of the part of the lesson; kind: what is on it, such as "question" or "figure"."""

    section: str
    kind: str
    body: str
    notes: str = ""


def slides_of(reading: Reading) -> list[Slide]:
    """Return the slides of a lesson in their order; the first one is the title."""
    title, *rest = reading.blocks
    assert isinstance(title, blocks.Heading), "a lesson begins with its title"
    slides, section, begun = [], title.text, True
    for block in rest:
        if isinstance(block, blocks.Heading):
            if not begun:
                slides.append(Slide(section, "section", ""))
            section, begun = block.text, False
            continue
        render = blocks.of_kind(SLIDES, block)
        made = list(render(block, section)) if render else []
        slides += made
        begun = begun or bool(made)
    sources = "\n".join(f"- {source}" for source in sources_of(reading.lesson))
    return [*slides, Slide("Sources", "sources", sources)] if sources else slides


def _picture(block: blocks.Picture, section: str) -> Iterator[Slide]:
    yield Slide(section, "figure", f"![{describe(block.file, '')}]({PICTURES}/{block.file})", block.caption)


def _table(block: blocks.Table, section: str) -> Iterator[Slide]:
    if block.rows:
        body = (f"{block.title}\n\n" if block.title else "") + _markdown_table(block.rows[:ROWS], block.header)
        yield Slide(section, "table", body, _left_out(len(block.rows) - ROWS, "rows"))


def _claims(block: blocks.Claims, section: str) -> Iterator[Slide]:
    for first in range(0, len(block.rows), ROWS):
        shown = [row[:3] for row in block.rows[first : first + ROWS]]
        yield Slide(section, "claims", _markdown_table(shown, ["claim", "value", "threshold"]))


def _source(block: blocks.Source, section: str) -> Iterator[Slide]:
    short = _without_docstring(block.code)
    if short.count("\n") < LINES:
        yield Slide(section, "source", f"```python\n{short}\n```\n\n`{block.name}`, {block.where}")


def _printed(block: blocks.Printed, section: str) -> Iterator[Slide]:
    if block.text.count("\n") < LINES:
        yield Slide(section, "printed", f"```text\n{block.text}\n```")


def _invitation(block: blocks.Invitation, section: str) -> Iterator[Slide]:
    yield Slide(section, "change", f"**Try it.** {block.sentence}", f"`{block.name}`: {block.answer}")


# -- text --------------------------------------------------------------------------------------------------------------


def _text(block: blocks.Text, section: str) -> Iterator[Slide]:
    """Yield the sentence that opens each paragraph, the one before each equation, the equations, and lists."""
    pieces = [piece for paragraph in _paragraphs(FOLD.sub("", block.text)) for piece in _pieces(paragraph)]
    on_slide: list[str] = []
    room, notes = UNITS, block.text
    for weight, piece in pieces:
        if on_slide and weight > room:
            yield Slide(section, "text", "\n\n".join(on_slide), notes)
            room, on_slide, notes = UNITS, [], ""
        on_slide.append(piece)
        room -= weight
    if on_slide:
        yield Slide(section, "text", "\n\n".join(on_slide), notes)


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text; what is fenced or displayed keeps its empty lines."""
    parts = re.split(r"(```.*?```|\$\$.*?\$\$)", text, flags=re.S)
    kept = [part if i % 2 else re.sub(r"\n[ \t]*\n", "\0", part) for i, part in enumerate(parts)]
    return [paragraph.strip() for paragraph in "".join(kept).split("\0") if paragraph.strip()]


def _pieces(paragraph: str) -> Iterator[tuple[int, str]]:
    """(weight, Markdown) of what a slide shows of a paragraph."""
    if FENCE.search(paragraph) or re.match(r"([-*]|\d+\.) ", paragraph):  # code, a table, a list
        yield max(2, len(paragraph) // 130), paragraph
        return
    parts = DISPLAY.split(paragraph)
    for i, part in enumerate(parts):
        if i % 2:
            yield 2, part
            continue
        sentences = [sentence for sentence in _sentences(part.strip()) if re.search(r"\w", sentence)]
        if not sentences:
            continue
        leads_in = i + 1 < len(parts)  # the last sentence introduces the equation
        shown = sentences if len(sentences) < 4 else [sentences[0], sentences[-1] if leads_in else sentences[1]]
        yield len(shown), " ".join(shown)


def _sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph; none ends inside a formula or code."""
    hidden = re.findall(r"\$[^$]+\$|`[^`]+`", text)
    numbers = iter(range(len(hidden)))
    found = SENTENCE_END.split(re.sub(r"\$[^$]+\$|`[^`]+`", lambda _: f"`{next(numbers)}`", text))
    return [re.sub(r"`(\d+)`", lambda match: hidden[int(match[1])], sentence) for sentence in found]


# -- the other kinds ---------------------------------------------------------------------------------------------------


def _question(question: blocks.Question, section: str) -> Iterator[Slide]:
    choices = "\n".join(f"- **{LETTERS[i]})** {choice}" for i, choice in enumerate(question.choices))
    name = f"Prediction {question.number + 1}"
    yield Slide(section, "question", f"**{name}.** {question.question}\n\n{choices}")
    outcome = question.outcome
    if outcome is not None:
        label = f"**{outcome.label}**\n\n" if outcome.label else ""
        yield Slide(section, "answer", f"**{name}: the answer.**\n\n{label}{outcome.text}", question.question)


def _exercise(block: blocks.ExerciseBox, section: str) -> Iterator[Slide]:
    (exercise,) = catalog.find(block.id)
    about = f"{exercise.minutes:g} minutes, {exercise.points} points"
    body = (
        f"**Your turn: `{exercise.id}`** ({about})\n\n{_sentences(prompts.paragraphs(exercise)[0])[0]}\n\n"
        f"```text\nminigen exercise start {exercise.id}\nminigen exercise check {exercise.id}\n```"
    )
    yield Slide(section, "exercise", body)


def _markdown_table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    """Return a table of Markdown, each cell in one line."""
    return markdown_table(rows, header, cell=lambda text: " ".join(text.split()).replace("|", r"\|"))


def _left_out(count: int, what: str) -> str:
    return f"{count} more {what} in the lesson." if count > 0 else ""


def _without_docstring(code: str) -> str:
    """Code whose functions and classes have no docstrings: a slide is too small for them."""
    lines = code.split("\n")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) and len(node.body) > 1:
            for i in range(node.body[0].lineno - 1, node.body[0].end_lineno or 0):
                lines[i] = "\0"
    return re.sub(r"\n\n\n+", "\n\n", "\n".join(line for line in lines if line != "\0")).strip()


SLIDES: dict[type, Callable[[Any, str], Iterator[Slide]]] = {  # of (block, section); of another kind there are none
    blocks.Text: _text,
    blocks.Question: _question,
    blocks.ExerciseBox: _exercise,
    blocks.Invitation: _invitation,
    blocks.Picture: _picture,
    blocks.Table: _table,
    blocks.Claims: _claims,
    blocks.Source: _source,
    blocks.Printed: _printed,
}
