"""The page of a lesson: its text, its code, and the outputs of its run after the code that made them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from minigen.course.book.contents import Chapter, Contents, root_of
from minigen.course.book.markup import code_block, html_block
from minigen.course.book.pages import outputs
from minigen.course.book.pages.exercise_box import exercise_box
from minigen.course.cells import cell_of_statement
from minigen.course.reading.purposes import PageCell

__all__ = ["Pictures", "lesson_page"]

RESULTS = {"text", "figure", "animation", "table", "check", "outcome", "play"}  # closed until a prediction is made
FOLDED = '<details class="mg-code'
ASKING = {"predict", "exercise", "show_source", "finish", "sampler"}  # a cell of these needs no code beside its boxes

Part = tuple[int | None, str]  # the number of the prediction that keeps a block closed, or None; the block
Pictures = Callable[[Chapter, str], tuple[str, tuple[int, int]]]


@dataclass
class Shown:
    """An output with the prediction that keeps it closed: the number of the question, or None."""

    kind: str
    payload: Mapping[str, Any]
    closed_by: int | None = None


@dataclass
class Question:
    """A prediction with its number in the lesson, and the payload of its last outcome."""

    number: int
    payload: Mapping[str, Any]
    result: Mapping[str, Any] | None = None


@dataclass
class Page:
    """A lesson's page while it is put together.

    pictures: gives the address of a picture of a chapter, from the book's first folder, and its size on the page.
    source_page: gives the address of the page of a file of the package, "minigen/gan/wgan.py", or None.
    """

    chapter: Chapter
    contents: Contents
    pictures: Pictures
    source_page: Callable[[str], str | None]
    questions: list[Question] = field(default_factory=list)
    placed: set[str] = field(default_factory=set)  # exercises that have their box already
    number: int = -1  # of the last question that stands on the page

    @property
    def root(self) -> str:
        return root_of(self.chapter.document)

    def render(self) -> str:
        by_cell = self._outputs_by_cell()
        parts: list[Part] = [(None, self._front())]
        for cell in self.chapter.cells:
            if cell.is_text:
                parts.append((None, self._text(cell)))
            else:
                parts += self._code_cell(cell, by_cell.get(cell.index, []))
        parts += [(None, block) for block in self._exercises_at_the_end()]
        parts.append((None, self._about_the_run()))
        blocks = []
        for closed_by, group in groupby(_joined([part for part in parts if part[1]]), key=lambda part: part[0]):
            body = "\n\n".join(block for _, block in group)
            blocks.append(body if closed_by is None else self._closed(body, closed_by))
        return "\n\n".join(blocks) + "\n"

    # -- the head and the foot -----------------------------------------------------------------------------------------

    def _front(self) -> str:
        chapter = self.chapter
        heading = re.match(r"# (.+)", chapter.cells[0].text) if chapter.cells[0].is_text else None
        title = heading[1] if heading else chapter.lesson.title
        needs = [need for need in map(self.contents.chapter, chapter.needs) if need]
        facts = html_block("lesson/facts.html", chapter=chapter, needs=needs, root=self.root)
        return "\n\n".join([f"# {title}", facts, self._quick_banner()])

    def _quick_banner(self) -> str:
        return html_block("lesson/quick.html", short=self.chapter.short) if self.chapter.result.quick else ""

    def _about_the_run(self) -> str:
        metrics = self.chapter.result.metrics
        seconds = metrics["timings"]["total"]
        took = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        seed = f" --seed {metrics['seed']}" if metrics["seed"] else ""
        quick = " --quick" if self.chapter.result.quick else ""
        return html_block("lesson/run.html", command=f"minigen run {self.chapter.short}{seed}{quick}", took=took)

    def _exercises_at_the_end(self) -> Iterator[str]:
        left = [exercise for exercise in self.chapter.exercises if exercise.id not in self.placed]
        if left:
            yield "## Exercises" if not self.placed else "## More exercises"
            yield from (exercise_box(exercise) for exercise in left)

    # -- cells ---------------------------------------------------------------------------------------------------------

    def _text(self, cell: PageCell) -> str:
        text = re.sub(r"\A# .+\n*", "", cell.text) if cell.index == 0 else cell.text
        return self.contents.linked(text, self.chapter)

    def _code_cell(self, cell: PageCell, shown: list[Shown]) -> Iterator[Part]:
        """The code of a cell and its outputs.

        Code that names the answer of a prediction is closed with the outputs, and so is all code that is folded.
        """
        closers = [one.closed_by for one in shown if one.kind == "outcome" or not cell.is_open]
        yield next((number for number in closers if number is not None), None), self._code(cell)
        for closed_by, group in groupby(shown, key=lambda one: one.closed_by):
            for block in self._blocks(list(group)):
                yield closed_by, block

    def _code(self, cell: PageCell) -> str:
        """A cell's code: as it stands, folded to a line, or left out where the boxes below it replace it."""
        called = set(re.findall(r"^lesson\.(\w+)", cell.text, re.M))
        if cell.purpose == "questions" and called <= ASKING:
            return ""
        block = code_block(cell.text, class_="mg-code-block")
        if cell.is_open:
            return block
        kind = "mg-code" if cell.purpose == "code" else "mg-code mg-plumbing"  # plumbing is left out in print
        return outputs.details(cell.summary, block, kind)

    def _closed(self, body: str, number: int) -> str:
        aside = "(make your prediction first, or open it)"
        return outputs.details("What came out", body, "mg-outcome", aside, prediction=self._key(number))

    def _key(self, number: int) -> str:
        return f"{self.chapter.short}:{number}"

    # -- outputs -------------------------------------------------------------------------------------------------------

    def _outputs_by_cell(self) -> dict[int, list[Shown]]:
        """The outputs of each cell, and which prediction keeps each closed.

        A prediction closes the results from its question to the end of the cell with its last outcome.
        """
        cells = cell_of_statement(self.chapter.source)
        shown: list[tuple[int, Shown]] = []
        waiting: list[Shown] = []
        outcome_cell = -1  # the cell of the last outcome
        for entry in self.chapter.result.entries:
            cell, output = cells[entry["statement"]], Shown(entry["kind"], entry["payload"])
            shown.append((cell, output))
            if output.kind == "predict":
                self.questions.append(Question(len(self.questions), output.payload))
                waiting = []
                outcome_cell = -1
            elif output.kind in RESULTS and cell == outcome_cell:
                output.closed_by = self.questions[-1].number
            elif output.kind in RESULTS and self.questions:
                waiting.append(output)
            if output.kind == "outcome":
                outcome_cell = cell
                self.questions[-1].result = output.payload
                for one in [*waiting, output]:
                    one.closed_by = self.questions[-1].number
                waiting = []
        by_cell: dict[int, list[Shown]] = {}
        for cell, output in shown:
            by_cell.setdefault(cell, []).append(output)
        return by_cell

    def _blocks(self, shown: list[Shown]) -> Iterator[str]:
        """Outputs as blocks; what was printed, and checks, are joined where they follow each other."""
        for kind, group in groupby(shown, key=lambda one: one.kind):
            payloads = [one.payload for one in group]
            if kind == "text":
                yield outputs.printed([payload["text"] for payload in payloads])
            elif kind == "check":
                yield outputs.checks(payloads)
            else:
                for payload in payloads:
                    yield self._block(kind, payload)

    def _block(self, kind: str, payload: Mapping[str, Any]) -> str:
        chapter = self.chapter
        if kind == "predict":
            self.number += 1
            return outputs.prediction(payload, self._key(self.number), self.questions[self.number].result)
        if kind == "outcome":
            return outputs.outcome(self.questions[self.number].payload, payload)
        if kind in ("figure", "animation"):
            picture, size = self.pictures(chapter, payload["file"])
            id = figure_anchor(chapter, payload["file"])
            return outputs.figure(payload, id, self.root + picture, size, self._caption(payload))
        if kind == "play":
            still, size = self.pictures(chapter, payload["file"])
            return outputs.play(payload, chapter.slug, self.root, size, self.root + still, self._caption(payload))
        if kind == "table":
            return outputs.table(payload, self.root, list(self.contents.equations))
        if kind == "claims":
            return outputs.claims(payload)
        if kind == "source":
            page = self.source_page(payload["where"].partition(":")[0])
            return outputs.source(payload, self.root + page if page else "")
        return self._exercise(payload["id"])

    def _caption(self, payload: Mapping[str, Any]) -> str:
        return self.contents.linked(payload["caption"], self.chapter)

    def _exercise(self, id: str) -> str:
        if id in self.placed:
            return ""
        for exercise in self.contents.exercises:
            if exercise.id == id:
                self.placed.add(id)
                return exercise_box(exercise)
        return html_block("lesson/elsewhere.html", id=id)


def _joined(parts: list[Part]) -> list[Part]:
    """The parts, with folded code between two closed ones of the same prediction closed with them."""
    joined = list(parts)
    for i in range(1, len(parts) - 1):
        closed_by, block = parts[i]
        before = joined[i - 1][0]
        after = next(
            (number for number, other in parts[i + 1 :] if not (number is None and FOLDED in other[:80])), None
        )
        if closed_by is None and FOLDED in block[:80] and before is not None and before == after:
            joined[i] = (before, block)
    return joined


def figure_anchor(chapter: Chapter, file: str) -> str:
    """The place of a figure on its lesson's page: "figure-gan-02-chase"."""
    return f"figure-{chapter.short.replace('/', '-')}-{file.rpartition('.')[0]}"


def lesson_page(
    chapter: Chapter, contents: Contents, pictures: Pictures, source_page: Callable[[str], str | None]
) -> str:
    """The MyST page of a lesson. The last two arguments are those of `Page`."""
    return Page(chapter, contents, pictures, source_page).render()
