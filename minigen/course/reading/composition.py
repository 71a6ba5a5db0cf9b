"""What is shown of a lesson, in which order, and what a prediction keeps closed.

Text and code stand in the order of the lesson's file, the outputs of a run after the code that made them. A prediction
reaches from its question to the next one, or to the next heading, but at least over its outcome. There it closes
everything from the first block on that gives the result away, also what comes after the outcome: a result, code that
says what must come out (that of checks, claims and outcomes, or with the text of the answer in it), or folded code that
makes a result. Headings, exercises and the question itself are always open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import LessonInfo, short_id
from minigen.course.lesson import blocks
from minigen.course.lesson.blocks import OUTPUTS, Block, Question
from minigen.course.lesson.recorded import read, status_of
from minigen.course.lesson.result import Result
from minigen.course.reading.purposes import BOXES, TELLING, PageCell, page_cells, reading_minutes
from minigen.course.reading.unrecorded import RESULT, entries_of_file

__all__ = ["Reading", "compose", "recorded_reading"]

ALWAYS_OPEN = (blocks.Heading, Question, blocks.ExerciseBox)

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
    kept = tuple(block for block in _closed(shown) if not isinstance(block, Missing))
    minutes = reading_minutes(cells, sum(isinstance(block, blocks.Picture) for block in kept))
    return Reading(lesson, result, kept, lesson.sources, minutes)


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
    if cell.text and not (cell.purpose == "questions" and cell.methods <= boxes):
        summary = "" if cell.is_open else cell.summary
        yield blocks.Code(cell.text, cell.purpose, summary, cell.methods, cell=cell.index)


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
    """The blocks, in which each exercise stands once; at the end follow those that the lesson does not point to."""
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
    if left:
        yield blocks.Heading(2, "More exercises" if placed else "Exercises", cell=end)
        yield from (blocks.ExerciseBox(id, cell=end) for id in left)


# -- what a prediction keeps closed ------------------------------------------------------------------------------------


def _closed(shown: Sequence[Block]) -> list[Block]:
    """The blocks, each with the number of the prediction that keeps it closed."""
    result = list(shown)
    at = [i for i, block in enumerate(shown) if isinstance(block, Question)]
    for number, (begin, stop) in enumerate(zip(at, [*at[1:], len(shown)])):
        reach = range(begin + 1, _end_of_reach(shown, begin, stop))
        first = next((i for i in reach if _gives_away(shown[i], shown[begin], shown[i:stop])), stop)
        for i in range(first, reach.stop):
            if not isinstance(shown[i], ALWAYS_OPEN):
                result[i] = replace(shown[i], closed_by=number)
    return result


def _end_of_reach(shown: Sequence[Block], begin: int, stop: int) -> int:
    """Where a question's reach ends: at the first heading after its last outcome, or at the next question."""
    outcomes = [i for i in range(begin, stop) if _has_outcome(shown[i])]
    last = outcomes[-1] if outcomes else begin
    return next((i for i in range(last, stop) if isinstance(shown[i], blocks.Heading)), stop)


def _has_outcome(block: Block) -> bool:
    """Whether a block is an outcome, or the code of one."""
    return isinstance(block, blocks.Outcome) or (isinstance(block, blocks.Code) and "outcome" in block.methods)


def _gives_away(block: Block, question: Block, following: Sequence[Block]) -> bool:
    """Whether a block shows the result of a question, or is code that tells it or, folded, makes it."""
    if not isinstance(block, blocks.Code):
        return block.is_result
    outcome = question.outcome if isinstance(question, Question) else None
    if TELLING & block.methods or (outcome and outcome.answer and f'"{outcome.answer}"' in block.code):
        return True
    return bool(block.summary) and any(other.cell == block.cell and other.is_result for other in following)
