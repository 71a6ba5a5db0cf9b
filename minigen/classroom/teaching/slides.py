"""The slides of a lesson: its sections, equations, figures and tables, its questions, each answer on the slide after.

A slide is MyST, and so are its notes, which hold the text in full: the deck (`teaching.deck`) shows them
to the speaker. What a prediction keeps closed on a page comes after the slide with its answer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minigen.course.console import format_number
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.index.sources import sources_of
from minigen.course.lesson.predict import LETTERS
from minigen.course.reading import blocks
from minigen.course.reading.blocks import Block
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
    """The slides of a lesson in their order; the first one is the title."""
    title, *rest = reading.blocks
    assert isinstance(title, blocks.Heading), "a lesson begins with its title"
    exercises = {exercise.id: exercise for exercise in catalog.exercises_of(reading.lesson.id)}
    slides, section, begun = [], title.text, True
    for block in rest:
        if isinstance(block, blocks.Heading):
            if not begun:
                slides.append(Slide(section, "section", ""))
            section, begun = block.text, False
            continue
        made = list(_slides(block, section, exercises))
        slides += made
        begun = begun or bool(made)
    sources = "\n".join(f"- {source}" for source in sources_of(reading.lesson))
    return [*slides, Slide("Sources", "sources", sources)] if sources else slides


def _slides(block: Block, section: str, exercises: dict[str, Exercise]) -> Iterator[Slide]:
    match block:
        case blocks.Text(text):
            yield from _text_slides(text, section)
        case blocks.Question():
            yield from _question_slides(block, section)
        case blocks.Exercise(id):
            yield Slide(section, "exercise", _exercise(exercises[id]))
        case blocks.Invitation(name, sentence, answer):
            yield Slide(section, "change", f"**Try it.** {sentence}", f"`{name}`: {answer}")
        case blocks.Picture():
            picture = f"![{describe(block.file, '')}]({PICTURES}/{block.file})"
            yield Slide(section, "figure", picture, block.caption)
        case blocks.Table(title, header, rows) if rows:
            body = f"{title}\n\n" if title else ""
            yield Slide(section, "table", body + _table(header, rows[:ROWS]), _left_out(len(rows) - ROWS, "rows"))
        case blocks.Claims(rows):
            for first in range(0, len(rows), ROWS):
                shown = [row[:3] for row in rows[first : first + ROWS]]
                yield Slide(section, "claims", _table(["claim", "value", "threshold"], shown))
        case blocks.Source(where, name, code):
            short = _without_docstring(code)
            if short.count("\n") < LINES:
                yield Slide(section, "source", f"```python\n{short}\n```\n\n`{name}`, {where}")
        case blocks.Printed(text) if text.count("\n") < LINES:
            yield Slide(section, "printed", f"```text\n{text}\n```")


# -- text --------------------------------------------------------------------------------------------------------------


def _text_slides(text: str, section: str) -> Iterator[Slide]:
    """The sentence that opens each paragraph, the one before each equation, the equations, and lists."""
    pieces = [piece for paragraph in _paragraphs(FOLD.sub("", text)) for piece in _pieces(paragraph)]
    on_slide: list[str] = []
    room, notes = UNITS, text
    for weight, piece in pieces:
        if on_slide and weight > room:
            yield Slide(section, "text", "\n\n".join(on_slide), notes)
            room, on_slide, notes = UNITS, [], ""
        on_slide.append(piece)
        room -= weight
    if on_slide:
        yield Slide(section, "text", "\n\n".join(on_slide), notes)


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a text; what is fenced or displayed keeps its empty lines."""
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
    """The sentences of a paragraph; none ends inside a formula or code."""
    hidden = re.findall(r"\$[^$]+\$|`[^`]+`", text)
    numbers = iter(range(len(hidden)))
    found = SENTENCE_END.split(re.sub(r"\$[^$]+\$|`[^`]+`", lambda _: f"`{next(numbers)}`", text))
    return [re.sub(r"`(\d+)`", lambda match: hidden[int(match[1])], sentence) for sentence in found]


# -- the other kinds ---------------------------------------------------------------------------------------------------


def _question_slides(question: blocks.Question, section: str) -> Iterator[Slide]:
    choices = "\n".join(f"- **{LETTERS[i]})** {choice}" for i, choice in enumerate(question.choices))
    name = f"Prediction {question.number + 1}"
    yield Slide(section, "question", f"**{name}.** {question.question}\n\n{choices}")
    outcome = question.outcome
    if outcome is not None:
        label = f"**{outcome.label}**\n\n" if outcome.label else ""
        yield Slide(section, "answer", f"**{name}: what came out.**\n\n{label}{outcome.text}", question.question)


def _exercise(exercise: Exercise) -> str:
    about = f"{exercise.minutes:g} minutes, {exercise.points} points"
    return (
        f"**Your turn: `{exercise.id}`** ({about})\n\n{_sentences(_paragraphs(exercise.prompt)[0])[0]}\n\n"
        f"```text\nminigen exercise start {exercise.id}\nminigen exercise check {exercise.id}\n```"
    )


def _table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A table of Markdown."""
    lines = [[str(name) for name in header], *([format_number(value) for value in row] for row in rows)]
    first, *others = [
        "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in line) + " |" for line in lines
    ]
    return "\n".join([first, "|" + " --- |" * len(header), *others])


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
