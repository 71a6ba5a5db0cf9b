"""nbgrader: a source notebook with its cells, whose answers and tests nbgrader takes out for the students."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from minigen.classroom import notebooks
from minigen.classroom.assignment import NAME_COSTS, AssignedExercise, Assignment, given
from minigen.classroom.platforms.gaps import section
from minigen.classroom.platforms.score import seeds_file
from minigen.course.exercise import limits, stubs

__all__ = ["build", "source_notebook"]

README = """\
# nbgrader

`source/{slug}/{slug}.ipynb` is the source notebook. Copy the folder `source/{slug}` into the `source/` of your course,
and `{seeds}` into the course's own folder, or use this folder as a course. nbgrader's kernel needs minigen.

    nbgrader generate_assignment {slug}     # release/{slug}: without answers and hidden tests
    nbgrader autograde {slug}               # what is in submitted/STUDENT/{slug}/
    nbgrader generate_feedback {slug}       # feedback/STUDENT/{slug}/: points case by case, hints, no expected values
    nbgrader export                         # grades.csv

The cell below each answer prints how the answer does on the inputs that students practise with, and `nbgrader validate`
reports the cells that do not have all points. The seeds of the graded inputs are in `{seeds}` alone, which students
must not get: `nbgrader` returns the hidden tests to them with their grades.

An answer runs in the notebook's own process, and nothing is hidden from it. An endless loop within a function is
stopped, as in `minigen grade`; one outside of functions ends at nbgrader's own time limit.
For untrusted students use `minigen grade`, which takes functions out of notebooks too.

The assignment's questions are cells that you grade by hand in `nbgrader formgrader`. What you write into the cell of an
answer in `source/`, such as your rubric, is taken out for the students.
"""
CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "{slug}"
c.ExecutePreprocessor.timeout = {seconds:g}
"""


def build(assignment: Assignment, folder: Path, seeds: Sequence[int]) -> str:
    """Write a course with one assignment. Raises UsageError without nbformat, and for two functions of one name."""
    notebooks.check_names(assignment)
    source = folder / "source" / assignment.slug
    nbformat = notebooks.module()
    book = source_notebook(assignment)
    source.mkdir(parents=True)
    nbformat.write(book, source / f"{assignment.slug}.ipynb")
    for name, data in assignment.files.items():
        (source / name).write_bytes(data)
    private = given(assignment, [assignment.practice_seed])  # the cells below the answers look them up here
    text = limits.text(assignment.parts, assignment.hints, private, assignment.rules)
    (source / limits.FILE_NAME).write_text(text, encoding="utf-8")
    (folder / seeds_file(assignment.slug)).write_text(json.dumps(list(seeds)) + "\n", encoding="utf-8")
    names = {"slug": assignment.slug, "seconds": assignment.seconds, "seeds": seeds_file(assignment.slug)}
    (folder / "nbgrader_config.py").write_text(CONFIG.format(**names), encoding="utf-8")
    (folder / "README.md").write_text(README.format(**names) + section(assignment, "nbgrader"), encoding="utf-8")
    return "a course of nbgrader with the source notebook"


def source_notebook(assignment: Assignment) -> Any:
    """Return the teacher's notebook: for each exercise its text, a cell with the solution, and one that gives the
    points.
    """
    nbformat = notebooks.module()
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.cells = list(_cells(assignment))
    return book


def _cells(assignment: Assignment) -> Iterator[Any]:
    v4 = notebooks.module().v4
    yield v4.new_markdown_cell(f"# {assignment.title}", id="title")
    yield v4.new_code_cell(notebooks.imports(assignment, check=False), id="imports")
    for assigned in assignment.exercises:
        name = assigned.id.replace("/", "-")
        yield v4.new_markdown_cell(notebooks.text_of(assigned), id=f"{name}-text"[:64])
        solution = v4.new_code_cell(_solution(assigned), id=_cell_id(name, "answer"))
        solution.metadata["nbgrader"] = _metadata(f"{name}-answer", solution=True)
        yield solution
        tests = v4.new_code_cell(_tests(assigned, assignment), id=_cell_id(name, "test"))
        tests.metadata["nbgrader"] = {**_metadata(f"{name}-test", grade=True), "points": assigned.points}
        yield tests
    for question in assignment.questions:
        text = f"## {question.id}\n\n{question.text}\n\n{question.points:g} points"
        yield v4.new_markdown_cell(text, id=f"question-{question.id}")
        answer = v4.new_markdown_cell("*What a good answer says.*", id=f"question-{question.id}-answer")
        manual = _metadata(f"question-{question.id}-answer", "markdown", solution=True, grade=True)
        answer.metadata["nbgrader"] = {**manual, "points": question.points}
        yield answer


def _cell_id(name: str, kind: str) -> str:
    return f"{name[:50]}-{kind}"


def _metadata(grade_id: str, kind: str = "code", solution: bool = False, grade: bool = False) -> dict[str, Any]:
    """Return what nbgrader's schema 3 requires in a cell. One that is both a solution and graded is graded by hand."""
    return {
        "schema_version": 3,
        "grade_id": grade_id,
        "cell_type": kind,
        "grade": grade,
        "solution": solution,
        "locked": grade and not solution,
        "task": False,
    }


def _solution(assigned: AssignedExercise) -> str:
    """Return the stub with the answer between nbgrader's marks."""
    answer = f"### BEGIN SOLUTION\n{assigned.exercise.hints[2]}\n### END SOLUTION"
    raised, typed = (textwrap.indent(text, "    ") for text in (stubs.RAISE, answer))
    return stubs.bare_stub(assigned.exercise).replace(raised, typed)


def _tests(assigned: AssignedExercise, assignment: Assignment) -> str:
    """Return the cell whose value is the points: for students on the inputs of practice, for the teacher on hidden
    ones.
    """
    seed, costs = assignment.practice_seed, assigned.name_costs
    more = f", practice={seed}" if seed else ""
    more += "" if costs == NAME_COSTS else f", name_costs={costs:g}"
    return (
        f"# The points for {assigned.id}, of {assigned.points:g}: here on the inputs that you practise with\n"
        "from minigen.classroom.platforms.score import score\n\n"
        "graded_on = None\n"
        "### BEGIN HIDDEN TESTS\n"
        "from minigen.classroom.platforms.score import hidden_seeds\n\n"
        f"graded_on = hidden_seeds({json.dumps(assignment.slug)})\n"
        "### END HIDDEN TESTS\n"
        f'score("{assigned.exercise.address}", globals(), points={assigned.points:g}, seeds=graded_on{more})'
    )
