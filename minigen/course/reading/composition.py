"""What is shown of a lesson, in which order, and what a prediction keeps closed.

Text and code are in the order of the lesson's file, the outputs of a run after the code that made them. Of a cell's
code, what only shows or checks something is folded, and is below what it shows.

A prediction keeps its answer closed and the evidence for it, nothing else: its outcomes, and the one figure or table
that is nearest to them. They are together below the question, before the first block that gives the result away: a
result, or code that says what must come out (that of checks, claims and outcomes, or with the text of the answer in
it). Everything else follows in the open, in its order, and may use the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError, plural
from minigen.course.from_scratch.task import task_of
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import LessonInfo, short_id
from minigen.course.lesson import blocks
from minigen.course.lesson.blocks import OUTPUTS, Block, Picture, Question
from minigen.course.lesson.recorded import read, status_of
from minigen.course.lesson.result import Result
from minigen.course.reading.purposes import BOXES, TELLING, PageCell, page_cells
from minigen.course.reading.sections import Section, reading_minutes, sections_of
from minigen.course.reading.unrecorded import RESULT, entries_of_file

__all__ = ["Reading", "compose", "joined", "recorded_reading", "summary_of"]

EVIDENCE = (blocks.Picture, blocks.Table)

Entry = Mapping[str, Any]  # an output, as `record.jsonl` has it


@dataclass(frozen=True)
class Reading:
    """A lesson as its reader meets it.

    result:  where its pictures are, and what was measured; None if the lesson has not been run.
    blocks:  what is shown, in order; the first one is the title.
    sources: the keys of its papers in the bibliography.
    minutes: how long it takes to read.
    """

    lesson: LessonInfo
    result: Result | None
    blocks: tuple[Block, ...]
    sources: tuple[str, ...]
    minutes: int

    @cached_property
    def status(self) -> str:
        """Whether the result is one of this text and code, by the words of `minigen.course.lesson.recorded`."""
        return status_of(self.lesson, self.result)

    @property
    def lead(self) -> Picture | None:
        """The picture at the top of the page: the lesson's own choice, or else the first figure that is open."""
        pictures = [block for block in self.blocks if isinstance(block, Picture)]
        chosen = [picture for picture in pictures if picture.path.stem == self.lesson.picture]
        return next(iter(chosen or [picture for picture in pictures if picture.closed_by is None]), None)

    @cached_property
    def sections(self) -> list[Section]:
        """Its opening and its sections; asides are those that may be skipped."""
        return sections_of(self.blocks)

    @property
    def aside_minutes(self) -> int:
        """How long the asides take to read, of all the minutes."""
        return round(sum(section.minutes for section in self.sections if section.is_aside))

    @property
    def time_to_read(self) -> str:
        """ "30 minutes to read, 11 of them asides"."""
        asides = f", {self.aside_minutes} of them asides" if self.aside_minutes else ""
        return f"{plural(self.minutes, 'minute')} to read{asides}"

    @property
    def questions(self) -> list[Question]:
        """The predictions, by their numbers."""
        return [block for block in self.blocks if isinstance(block, Question)]


@dataclass(frozen=True)
class Missing(Block):
    """The place of a result of a lesson that has not been run. Only the decision what is closed sees it."""

    is_result = True


def recorded_reading(lesson: LessonInfo, otherwise: str = "") -> Reading:
    """Return a lesson with its recorded outputs. Raises UsageError if there are none, or none that fit its file.

    otherwise: what else its reader may do, at the end of that error.
    """
    record = read(lesson)
    make = f"make a record with  minigen record {lesson.id}{otherwise}"
    if record.result is None:
        raise UsageError(f"{lesson.id} has no recorded run: {make}")
    if record.misfits:
        raise UsageError(f"the record of {lesson.id} no longer fits the lesson ({record.misfits[0]}): {make}")
    return compose(lesson, record.result)


def compose(lesson: LessonInfo, result: Result | None) -> Reading:
    """What is shown of a lesson with the result of a run, or of its file alone."""
    source = lesson.source
    cells = page_cells(source)
    shown = list(_numbered(_blocks(cells, _entries_by_cell(source, result), result)))
    shown = list(_exercises_placed_once(shown, lesson))
    kept = tuple(block for block in _gathered(_closed(shown)) if not isinstance(block, Missing))
    return Reading(lesson, result, kept, lesson.sources, max(1, round(reading_minutes(kept))))


# -- blocks in their order ---------------------------------------------------------------------------------------------


def _entries_by_cell(source: LessonSource, result: Result | None) -> dict[int, list[Entry]]:
    """The outputs of each cell: those of the result or, without one, what the file says of them.

    Outputs of statements that a changed file no longer has are left out (`minigen.course.lesson.misfits` names them).
    """
    entries = entries_of_file(source) if result is None else result.entries
    by_cell: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry["statement"] < len(source.statements):
            by_cell.setdefault(source.statements[entry["statement"]].cell, []).append(entry)
    return by_cell


def _blocks(
    cells: Sequence[PageCell], entries: Mapping[int, Sequence[Entry]], result: Result | None
) -> Iterator[Block]:
    folder = Path() if result is None else result.folder
    for cell in cells:
        if cell.is_text:
            yield from _text(cell)
            continue
        outputs = list(_outputs(cell.index, entries.get(cell.index, []), folder))
        code = list(_code(cell, result is not None))
        if outputs and isinstance(outputs[0], Question):  # the code may give the result away: it comes later
            yield outputs.pop(0)
        yield from [*code, *outputs]


def _text(cell: PageCell) -> Iterator[Block]:
    """The text of a cell, cut at its headings."""
    for level, text in cell.cell.parts:
        yield blocks.Heading(level, text, cell=cell.index) if level else blocks.Text(text, cell=cell.index)


def _code(cell: PageCell, is_run: bool) -> Iterator[Block]:
    """The code of a cell, unless blocks stand for all of it. Without a run there are no blocks of sources."""
    boxes = BOXES if is_run else BOXES - {"show_source"}
    if not cell.text or (cell.purpose == "questions" and cell.methods <= boxes):
        return
    make = partial(blocks.Code, purpose=cell.purpose, cell=cell.index)
    is_folded = cell.open_lines == 0
    if cell.purpose != "code" or not cell.plumbing.text:
        yield make(cell.text, methods=cell.methods, folded=is_folded, label=cell.label)
        return
    yield make(cell.teaching.text, methods=cell.teaching.methods, folded=is_folded, label=cell.label)
    yield make(cell.plumbing.text, methods=cell.plumbing.methods, folded=True, is_rest=True)


def _outputs(cell: int, entries: Sequence[Entry], folder: Path) -> Iterator[Block]:
    """The outputs of a cell; what was printed, and checks, are joined where they follow each other."""
    for kind, group in groupby((_output(entry, folder, cell) for entry in entries), key=type):
        if kind is blocks.Printed:
            yield blocks.Printed("\n".join(block.text for block in group), cell=cell)
        elif kind is blocks.Check:
            yield blocks.Checks(list(group), cell=cell)
        else:
            yield from group


def _output(entry: Entry, folder: Path, cell: int) -> Any:
    if entry["kind"] == RESULT:
        return Missing(cell=cell)
    return OUTPUTS[entry["kind"]].of_record(entry["payload"], folder, cell)


def _numbered(shown: Iterator[Block]) -> Iterator[Block]:
    """The blocks, in which questions have their numbers and their last outcomes, and outcomes their questions."""
    result: list[Block] = []
    at: list[int] = []  # where the questions are
    for block in shown:
        if isinstance(block, Question):
            at.append(len(result))
            block = replace(block, number=len(at) - 1)
        elif isinstance(block, blocks.Outcome):
            question = result[at[-1]]
            assert isinstance(question, Question)
            block = replace(block, question=question.question, choices=question.choices)
            result[at[-1]] = replace(question, outcome=block)
        result.append(block)
    yield from result


def _exercises_placed_once(shown: Sequence[Block], lesson: LessonInfo) -> Iterator[Block]:
    """The blocks, in which each exercise is once; at the end follow those that the lesson does not point to."""
    placed: set[str] = set()
    for block in shown:
        if isinstance(block, blocks.ExerciseBox):
            if block.id in placed:
                continue
            placed.add(block.id)
        yield block
    own = [f"{short_id(lesson.path.parent)}/{name}" for name in lesson.exercises]
    left = [id for id in own if id not in placed]
    end = shown[-1].cell if shown else 0
    task = task_of(lesson.path.parent)
    if left:
        yield blocks.Heading(2, "More exercises" if placed else "Exercises", cell=end)
        yield from (blocks.ExerciseBox(id, cell=end) for id in left)
    if task:
        yield blocks.Heading(2, "Now from an empty file", cell=end)
        yield blocks.Text(task.on_the_page, cell=end)


# -- what a prediction keeps closed ------------------------------------------------------------------------------------


def _closed(shown: Sequence[Block]) -> list[Block]:
    """The blocks, in which the outcomes of each question and the evidence are together, closed."""
    at = [i for i, block in enumerate(shown) if isinstance(block, Question)]
    result = list(shown[: at[0]] if at else shown)
    for number, (begin, stop) in enumerate(zip(at, [*at[1:], len(shown)])):
        result += _with_fold(shown[begin:stop], number)
    return result


def _with_fold(reach: Sequence[Block], number: int) -> Iterator[Block]:
    """A question and what follows it up to the next one, in which its answer is closed."""
    question, *others = reach
    outcomes = [i for i, block in enumerate(others) if isinstance(block, blocks.Outcome)]
    if outcomes:
        closed = [*outcomes, *_evidence(others, outcomes)]
    else:  # without a run: the code that says what must come out
        closed = [i for i, block in enumerate(others) if _is_code_of_outcome(block)]
    first = next((i for i, block in enumerate(others) if i in closed or _gives_away(block, question)), len(others))
    yield question
    yield from others[:first]
    yield from (replace(others[i], closed_by=number) for i in closed)
    yield from (block for i, block in enumerate(others) if i >= first and i not in closed)


def _evidence(others: Sequence[Block], outcomes: Sequence[int]) -> list[int]:
    """Where the figure or table is that belongs to outcomes: none, or one.

    It is one of the same cell or, if there is none, the last one above, or else the first one below, if neither text
    nor heading is between them.
    """
    last = outcomes[-1]
    found = [i for i, block in enumerate(others) if isinstance(block, EVIDENCE)]
    same = [i for i in found if others[i].cell == others[last].cell]
    above = [i for i in found if i < last]
    between = (blocks.Text, blocks.Heading, blocks.ExerciseBox)
    below = [i for i in found if i > last and not any(isinstance(block, between) for block in others[last:i])]
    return same[-1:] or above[-1:] or below[:1]


def _is_code_of_outcome(block: Block) -> bool:
    return isinstance(block, blocks.Code) and "outcome" in block.methods


def _gives_away(block: Block, question: Block) -> bool:
    """Whether a block shows the result of a question, or is open code that tells it."""
    if not isinstance(block, blocks.Code):
        return block.is_result
    outcome = question.outcome if isinstance(question, Question) else None
    tells = TELLING & block.methods or (outcome and outcome.answer and f'"{outcome.answer}"' in block.code)
    return bool(tells) and not block.folded


# -- folded code -------------------------------------------------------------------------------------------------------


def _gathered(shown: Sequence[Block]) -> Iterator[Block]:
    """The blocks, in which folded code is below the results that follow it, up to the next text or open code."""
    for is_apparatus, group in groupby(shown, key=_is_apparatus):
        stretch = list(group)
        yield from (block for block in stretch if not (is_apparatus and isinstance(block, blocks.Code)))
        yield from (block for block in stretch if is_apparatus and isinstance(block, blocks.Code))


def _is_apparatus(block: Block) -> bool:
    """Whether a block is a result or folded code, not what is said."""
    return block.folded if isinstance(block, blocks.Code) else block.is_result


def joined(shown: Iterable[Block]) -> Iterator[Block | list[blocks.Code]]:
    """The blocks as a page has them: folded code that follows each other as a list, shown as one line."""
    for is_folded, group in groupby(shown, key=lambda block: isinstance(block, blocks.Code) and block.folded):
        if is_folded:
            yield [block for block in group if isinstance(block, blocks.Code)]
        else:
            yield from group


def summary_of(parts: Sequence[blocks.Code]) -> str:
    """The line that stands for folded code, in Markdown."""
    labels = [*dict.fromkeys(part.label for part in parts if part.label)]
    if all(part.is_plumbing for part in parts):
        labels = ["checks and figures"]
    return f"code: {', '.join(labels)}" if labels else "code"
