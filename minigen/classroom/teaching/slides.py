"""The slides of a lesson, about twenty: its problem, and of each section that carries the argument its reason,
equations and figures, and its predictions, each with the result on the slide after.

A slide is Markdown. Its notes are Markdown too, and hold the text in full. No slide has the code of an exercise unless
the answers are asked for. What a prediction keeps closed on a page is on the slide with its result.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minigen.course.console import markdown_table
from minigen.course.exercise import catalog
from minigen.course.index.sources import sources_of
from minigen.course.lesson import blocks
from minigen.course.lesson.predict import LETTERS
from minigen.course.reading.composition import Reading
from minigen.course.reading.descriptions import describe
from minigen.course.reading.sections import Section

__all__ = ["LICENCE", "PICTURES", "Slide", "markdown_of", "slides_of"]

LICENCE = "From minigen, (c) The minigen authors, MIT licence: adapt it as you like, and keep this line."
PICTURES = "pictures"  # the folder of a deck's pictures
SENTENCES = 3  # of a section, on its slide
EQUATIONS = 3  # on a slide
ROWS = 8  # of a table, on a slide
LINES = 24  # of code; what is longer is left out
DISPLAY = re.compile(r"(\$\$.*?\$\$)", re.S)
FOLD = re.compile(r"<details>.*?</details>", re.S)
LIST = re.compile(r"([-*]|\d+\.) |```|\|", re.M)
TO_REMEMBER = "To remember"
# A sentence ends where a capital letter, a formula, code or emphasis follows; "Eq. gan.07" and "et al. 2014" go on.
SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`*])")


@dataclass
class Slide:
    """A slide. heading: "" where it goes on with the section; kind: what is on it, such as "question"."""

    kind: str
    heading: str
    body: str
    notes: str = ""


def slides_of(reading: Reading, answers: bool = False) -> list[Slide]:
    """Return the slides of a lesson in their order; answers: with the code that its exercises ask for."""
    opening, *sections = reading.sections
    title = opening.blocks[0]
    assert isinstance(title, blocks.Heading), "a lesson begins with its title"
    lead = reading.lead
    first = next((block.text for block in opening.blocks if isinstance(block, blocks.Text)), "")
    slides = [
        Slide("title", f"# {title.text}", "" if lead is None else _picture(lead)),
        Slide("problem", "## The problem", _sentences_of(first, 5), first),
    ]
    for section in sections:
        if section.number and not section.is_aside:
            slides += _Part(reading, section, answers).slides()
    remember = next((section for section in sections if section.heading == TO_REMEMBER), None)
    if remember is not None:
        text = "\n\n".join(block.text for block in remember.blocks if isinstance(block, blocks.Text))
        slides.append(Slide("remember", f"## {TO_REMEMBER}", text))
    exercises = [block.id for block in reading.blocks if isinstance(block, blocks.ExerciseBox)]
    if exercises:
        slides.append(_exercises(exercises))
    sources = "\n".join(f"- {source}" for source in sources_of(reading.lesson))
    return [*slides, Slide("sources", "## Sources", f"{sources}\n\n{LICENCE}".strip())]


class _Part:
    """The slides of one section, as they are made block by block."""

    def __init__(self, reading: Reading, section: Section, answers: bool):
        self.reading, self.section, self.answers = reading, section, answers
        self.made: list[Slide] = []
        self.equations: list[str] = []
        self.has_picture = False

    def slides(self) -> list[Slide]:
        for block in self.section.blocks:
            if block.closed_by is not None:
                continue
            if isinstance(block, blocks.Text):
                self.text(block.text)
            elif isinstance(block, blocks.Question):
                self.question(block)
            elif isinstance(block, blocks.Figure | blocks.Animation) and block != self.reading.lead:
                self.picture(block)
            elif isinstance(block, blocks.Source) and self.answers:
                self.source(block)
        self.flush()
        return self.made

    def text(self, text: str) -> None:
        """Open the section with the first text; of the others only equations are shown, and all is in the notes."""
        open_text = FOLD.sub("", text)
        if not self.made:
            self.made.append(Slide("text", f"## {self.section.heading}", _sentences_of(open_text, SENTENCES), text))
        else:
            last = self.made[-1]
            last.notes = f"{last.notes}\n\n{text}".strip()
        self.equations += _equations(open_text)

    def flush(self) -> None:
        """Show the equations that were met: the first on the section's own slide, if that has room."""
        if self.equations and len(self.made) == 1 and not self.has_picture:
            self.made[0].body += f"\n\n{self.equations.pop(0)}"
        for i in range(0, len(self.equations), EQUATIONS):
            self.made.append(Slide("equations", "", "\n\n".join(self.equations[i : i + EQUATIONS])))
        self.equations = []

    def picture(self, block: blocks.Picture) -> None:
        """Show a picture: on the section's own slide, if that is all that there is so far."""
        if len(self.made) == 1 and not self.equations and not self.has_picture:
            self.made[0].body += f"\n\n{_picture(block)}"
            self.made[0].notes += f"\n\n{block.caption}"
            self.has_picture = True
            return
        self.flush()
        self.made.append(Slide("figure", "", _picture(block), block.caption))

    def question(self, question: blocks.Question) -> None:
        """Ask, and show on the slide after what came out with its evidence."""
        self.flush()
        choices = "\n".join(f"- **{LETTERS[i]})** {choice}" for i, choice in enumerate(question.choices))
        name = f"Prediction {question.number + 1}"
        self.made.append(Slide("question", "", f"**{name}.** {question.question}\n\n{choices}"))
        outcome = question.outcome
        if outcome is None:
            return
        closed = [block for block in self.reading.blocks if block.closed_by == question.number]
        evidence = [_picture(block) for block in closed if isinstance(block, blocks.Picture)]
        evidence += [_table(block) for block in closed if isinstance(block, blocks.Table) and block.rows]
        parts = [f"**{name}: {outcome.label or 'the answer'}**", outcome.text, *evidence[:1]]
        self.made.append(Slide("answer", "", "\n\n".join(parts), question.question))
        self.made += [Slide("evidence", "", each) for each in evidence[1:]]

    def source(self, block: blocks.Source) -> None:
        short = _without_docstring(block.code)
        if short.count("\n") < LINES:
            self.flush()
            self.made.append(Slide("source", "", f"```python\n{short}\n```\n\n`{block.name}`, {block.where}"))


def _picture(block: blocks.Picture) -> str:
    return f"![{describe(block.file, '')}]({PICTURES}/{block.file})"


def _table(block: blocks.Table) -> str:
    """Return a table of Markdown, each cell in one line."""
    rows = markdown_table(block.rows[:ROWS], block.header, cell=lambda text: " ".join(text.split()).replace("|", r"\|"))
    return f"{block.title}\n\n{rows}" if block.title else rows


def _exercises(ids: Sequence[str]) -> Slide:
    """Return the slide with the exercises of a lesson, without a word of their answers."""
    exercises = [catalog.find(id)[0] for id in ids]
    rows = [f"- `{each.id}`: {each.minutes:g} minutes, {each.points} points" for each in exercises]
    lesson = exercises[0].lesson
    commands = f"```text\nminigen exercise start {lesson}\nminigen exercise check {lesson}\n```"
    return Slide("exercises", "## Your turn", "\n".join(rows) + f"\n\n{commands}")


# -- text --------------------------------------------------------------------------------------------------------------


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text; what is fenced or displayed keeps its empty lines."""
    parts = re.split(r"(```.*?```|\$\$.*?\$\$)", text, flags=re.S)
    kept = [part if i % 2 else re.sub(r"\n[ \t]*\n", "\0", part) for i, part in enumerate(parts)]
    return [paragraph.strip() for paragraph in "".join(kept).split("\0") if paragraph.strip()]


def _sentences_of(text: str, count: int) -> str:
    """Return the first sentences of a text, up to its first equation, and a list that they introduce."""
    shown: list[str] = []
    for paragraph in _paragraphs(text):
        if LIST.match(paragraph):
            if shown and shown[-1].endswith(":"):
                shown.append(paragraph)
            break
        sentences = _sentences(DISPLAY.split(paragraph)[0].strip())
        left = count - sum(len(_sentences(each)) for each in shown)
        shown.append(" ".join(sentences[:left]))
        if "$$" in paragraph or len(sentences) >= left and not shown[-1].endswith(":"):
            break
    return "\n\n".join(filter(None, shown))


def _equations(text: str) -> Iterator[str]:
    """Yield the displayed equations of a text, each below the sentence that leads in to it."""
    before = ""  # the sentence before an equation
    for paragraph in _paragraphs(text):
        for part in DISPLAY.split(paragraph):
            sentences = (
                [] if part.startswith("$$") else [each for each in _sentences(part.strip()) if each.strip(" .,;")]
            )
            if part.startswith("$$"):
                yield "\n\n".join(filter(None, [before, part]))
                before = ""
            elif sentences:
                before = "" if LIST.match(paragraph) else sentences[-1]


def _sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph; none ends inside a formula or code."""
    hidden = re.findall(r"\$[^$]+\$|`[^`]+`", text)
    numbers = iter(range(len(hidden)))
    found = SENTENCE_END.split(re.sub(r"\$[^$]+\$|`[^`]+`", lambda _: f"`{next(numbers)}`", text))
    return [re.sub(r"`(\d+)`", lambda match: hidden[int(match[1])], sentence) for sentence in found]


def _without_docstring(code: str) -> str:
    """Code whose functions and classes have no docstrings: a slide is too small for them."""
    lines = code.split("\n")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) and len(node.body) > 1:
            for i in range(node.body[0].lineno - 1, node.body[0].end_lineno or 0):
                lines[i] = "\0"
    return re.sub(r"\n\n\n+", "\n\n", "\n".join(line for line in lines if line != "\0")).strip()


# -- as a file ---------------------------------------------------------------------------------------------------------

BREAK = "\n\n---\n\n"


def markdown_of(slides: Sequence[Slide]) -> str:
    """Return the slides as Markdown, as Pandoc and Quarto read it: `---` between two, notes in `::: notes`."""
    return BREAK.join(map(_as_text, slides)) + "\n"


def _as_text(slide: Slide) -> str:
    notes = f"::: notes\n{slide.notes.strip()}\n:::" if slide.notes.strip() else ""
    return "\n\n".join(filter(None, [slide.heading, slide.body.strip(), notes]))
