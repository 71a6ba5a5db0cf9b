"""The page of a lesson: the blocks of its reading, each as MyST."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from minigen.course.book.contents import Chapter, Contents, root_of
from minigen.course.book.markup import code_block, html_block
from minigen.course.book.pages import outputs
from minigen.course.book.pages.exercise_box import exercise_box
from minigen.course.book.runnable import Cells, cells_of_lesson
from minigen.course.index.sources import sources_of
from minigen.course.lesson import blocks, recorded
from minigen.course.lesson.blocks import Block
from minigen.course.reading.composition import joined, summary_of
from minigen.course.reading.descriptions import describe
from minigen.course.repository import CHECKOUT, colab_address

__all__ = ["Pictures", "figure_anchor", "lesson_page"]

LEAD = 272  # pixels: the picture at the top of a page is at most so high
# The outputs in whose place a run in the page puts its own.
OUTPUTS = (blocks.Printed, blocks.Checks, blocks.Table, blocks.Figure, blocks.Outcome)
Pictures = Callable[[Chapter, str], tuple[str, tuple[int, int]]]


@dataclass(frozen=True)
class Page:
    """A lesson's page.

    pictures: gives the address of a picture of a chapter, from the book's first folder, and its size on the page.
    source_page: gives the address of the page of a file of the package, "minigen/gan/wgan.py", or None.
    """

    chapter: Chapter
    contents: Contents
    pictures: Pictures
    source_page: Callable[[str], str | None]

    @property
    def root(self) -> str:
        return root_of(self.chapter.document)

    @cached_property
    def cells(self) -> Cells:
        """Which cells can be run in the page."""
        return cells_of_lesson(self.chapter.lesson)

    def render(self) -> str:
        title, *shown = self.chapter.reading.blocks
        assert isinstance(title, blocks.Heading), "a lesson begins with its title"
        parts = [f"# {title.text}", *self._head()]
        for closed_by, group in groupby(shown, key=lambda block: block.closed_by):
            blocks_of_page = joined(group)
            body = "\n\n".join(
                self._folded(each) if isinstance(each, list) else self._block(each) for each in blocks_of_page
            )
            parts.append(body if closed_by is None else self._closed(body, closed_by))
        return "\n\n".join([*parts, *self._foot()]) + "\n"

    # -- the head and the foot -----------------------------------------------------------------------------------------

    def _head(self) -> Iterator[str]:
        chapter = self.chapter
        needs = [need for need in map(self.contents.chapter, chapter.needs) if need]
        colab = colab_address(chapter.lesson.id) if chapter.lesson.path.is_relative_to(CHECKOUT) else ""
        yield html_block("lesson/facts.html", chapter=chapter, needs=needs, root=self.root, colab=colab)
        if chapter.is_quick:
            yield html_block("lesson/quick.html", short=chapter.short)
        elif chapter.reading.status in (recorded.MISSING, recorded.CODE_CHANGED):
            is_missing = chapter.reading.status == recorded.MISSING
            yield html_block("lesson/status.html", chapter=chapter, is_missing=is_missing)
        if chapter.lead:
            picture, (width, height) = self.pictures(chapter, chapter.lead.file)
            yield html_block(
                "lesson/lead.html",
                anchor=figure_anchor(chapter, chapter.lead.file),
                picture=self.root + picture,
                width=round(width * min(1, LEAD / height)),  # in numbers, or the text jumps when the picture is there
                height=min(height, LEAD),
                alt=describe(chapter.lead.file, chapter.lead.caption),
            )

    def _foot(self) -> Iterator[str]:
        sources = sources_of(self.chapter.lesson)
        if sources:
            yield "## Sources"
            yield html_block("lesson/sources.html", sources=sources)
        yield self._about_the_run()
        if self.cells.chains:
            yield html_block("lesson/cells.html", cells=self.cells.as_data(self.chapter.short))

    def _about_the_run(self) -> str:
        result = self.chapter.result
        if result is None:
            return html_block("lesson/not_run.html", short=self.chapter.short)
        metrics = result.metrics
        seconds = metrics["timings"]["total"]
        took = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        seed = f" --seed {metrics['seed']}" if metrics["seed"] else ""
        quick = " --quick" if result.quick else ""
        command = f"minigen run {self.chapter.short}{seed}{quick}"
        processor = metrics.get("machine", {}).get("processor", "")
        return html_block("lesson/run.html", command=command, took=took, processor=processor)

    def _closed(self, body: str, number: int) -> str:
        aside = "(choose before you open it)"
        return outputs.details("Result", body, "mg-outcome", aside, prediction=self._key(number))

    def _key(self, number: int) -> str:
        return f"{self.chapter.short}:{number}"

    # -- blocks --------------------------------------------------------------------------------------------------------

    def _block(self, block: Block) -> str:
        shown = self._shown(block)
        if isinstance(block, OUTPUTS) and block.cell in self.cells.chains:
            return outputs.recorded(shown, block.cell)
        return shown

    def _shown(self, block: Block) -> str:
        render = blocks.of_kind(RENDERED, block)
        if render is None:
            raise TypeError(f"the book cannot show {type(block).__name__}")
        return render(self, block)

    def heading(self, block: blocks.Heading) -> str:
        return f"{'#' * block.level} {self._linked(block.text)}"

    def text(self, block: blocks.Text) -> str:
        return self._linked(block.text)

    def invitation(self, block: blocks.Invitation) -> str:
        sentence, answer = self._linked(block.sentence), self._linked(block.answer)
        return outputs.invitation(sentence, answer, self.chapter.short, in_page=self.cells.carries_out(block.name))

    def question(self, block: blocks.Question) -> str:
        return outputs.prediction(block, self._key(block.number), self.chapter.short)

    def table(self, block: blocks.Table) -> str:
        return outputs.table(block, self.root, list(self.contents.equations))

    def play(self, block: blocks.Play) -> str:
        data = f"{self.root}_play/{self.chapter.slug}/{block.data}"
        return outputs.play(block, *self._placed(block), data, self._linked(block.caption))

    def picture(self, block: blocks.Picture) -> str:
        return outputs.figure(block, *self._placed(block), self._linked(block.caption))

    def source(self, block: blocks.Source) -> str:
        page = self.source_page(block.where.partition(":")[0])
        return outputs.source(block, self.root + page if page else "")

    def _linked(self, text: str) -> str:
        return self.contents.linked(text, self.chapter)

    def _placed(self, block: blocks.Picture) -> tuple[str, str, tuple[int, int]]:
        """Return the place of a picture on the page, its address from there, and its size."""
        address, size = self.pictures(self.chapter, block.file)
        return figure_anchor(self.chapter, block.file), self.root + address, size

    def code(self, block: blocks.Code) -> str:
        """Return the code of a cell or, if the others are above, the rest of its lines."""
        code = code_block(block.code, class_="mg-code-block")
        if block.is_rest:
            return code
        if block.cell in self.cells.chains:
            return outputs.cell(code, block.cell)
        seconds = self.cells.seconds(block.cell, self.chapter.result)
        if seconds or self.cells.trains(block.cell):  # a cell may train by a function of a cell above
            code += "\n" + outputs.trains(seconds, self.chapter.short)
        return code

    def _folded(self, parts: Sequence[blocks.Code]) -> str:
        """Folded code of cells that follow each other."""
        kind = "mg-code mg-plumbing" if all(part.purpose != "code" or part.is_rest for part in parts) else "mg-code"
        body = "\n\n".join(self.code(part) for part in parts)
        return outputs.details(summary_of(parts), body, kind)  # plumbing is left out in print

    def exercise(self, block: blocks.ExerciseBox) -> str:
        found = [exercise for exercise in self.contents.exercises if exercise.id == block.id]
        return exercise_box(found[0], self._linked) if found else html_block("lesson/elsewhere.html", id=block.id)


RENDERED: dict[type, Callable[[Page, Any], str]] = {
    blocks.Heading: Page.heading,
    blocks.Text: Page.text,
    blocks.Code: Page.code,
    blocks.Question: Page.question,
    blocks.Outcome: lambda page, block: outputs.outcome(block),
    blocks.ExerciseBox: Page.exercise,
    blocks.Invitation: Page.invitation,
    blocks.Printed: lambda page, block: outputs.printed(block),
    blocks.Checks: lambda page, block: outputs.checks(block),
    blocks.Table: Page.table,
    blocks.Play: Page.play,
    blocks.Picture: Page.picture,
    blocks.Claims: lambda page, block: outputs.claims(block),
    blocks.Source: Page.source,
}


def figure_anchor(chapter: Chapter, file: str) -> str:
    """Return the place of a figure on its lesson's page: "figure-gan-02-chase"."""
    return f"figure-{chapter.short.replace('/', '-')}-{file.rpartition('.')[0]}"


def lesson_page(
    chapter: Chapter, contents: Contents, pictures: Pictures, source_page: Callable[[str], str | None]
) -> str:
    """Return the MyST page of a lesson. The last two arguments are those of `Page`."""
    return Page(chapter, contents, pictures, source_page).render()
