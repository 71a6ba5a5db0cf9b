"""otter-grader: a test file for each exercise, in its format of functions that raise (`OK_FORMAT = False`)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from minigen.classroom import notebooks
from minigen.classroom.assignment import AssignedExercise, Assignment, given
from minigen.classroom.platforms.export import copy_package, requirements
from minigen.classroom.platforms.gaps import section
from minigen.course.exercise import limits
from minigen.course.exercise.grading.secret import grading_of

__all__ = ["build", "tests_of"]

README = """\
# otter-grader

Students hand in one notebook (`minigen assignment build --notebook` makes it) or one Python file.

    otter check {slug}.ipynb -t tests  # one submission, here
    otter generate -t tests -c otter_config.json -r requirements.txt {files}
    otter run {slug}.ipynb -a autograder.zip  # one submission, as the autograder does

The second command makes `autograder.zip`, for Gradescope or `otter grade`. It holds the folder `minigen`, which otter
puts beside each notebook, and installs the packages of `requirements.txt`, which minigen needs.
An answer runs in otter's own process: nothing is hidden from it. For untrusted students use `minigen grade`.
An endless loop within a function is stopped, as in `minigen grade`. One outside of functions keeps `otter run` from
ending, and `otter grade --timeout SECONDS` ends it without points.
"""
FILE = """\
from otter.test_files import test_case

from minigen.classroom.platforms.score import Checked

OK_FORMAT = False

name = "{name}"
points = None

checked = Checked("{id}", seeds={seeds})
"""
CASE = """

@test_case(name="{case}", points={points}, hidden={hidden})
def test_{case}(env):
    checked.require("{case}", env)
"""
SPELLING = """

@test_case(name="{case}, with the right name", points={points}, hidden={hidden})
def test_{case}_with_the_right_name(env):
    checked.require("{case}", env, spelled=True)
"""


def build(assignment: Assignment, folder: Path, seeds: Sequence[int]) -> str:
    """Write tests/, otter_config.json, requirements.txt and the package. Raises UsageError for functions of one name.

    The package is a folder and not a wheel, because `otter grade` makes its environment before it has the files.
    """
    notebooks.check_names(assignment)
    (folder / "tests").mkdir(parents=True)
    for assigned in assignment.exercises:
        (folder / "tests" / f"{_name(assigned)}.py").write_text(tests_of(assigned, seeds), encoding="utf-8")
    possible = sum(assigned.points for assigned in assignment.exercises)
    config = {"points_possible": possible, "show_stdout": False, "show_hidden": False}
    (folder / "otter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements(), encoding="utf-8")
    copy_package(folder)
    if assignment.numbers:
        text = limits.text(assignment.parts, assignment.hints, given(assignment, seeds))
        (folder / "minigen" / "_lessons" / limits.FILE_NAME).write_text(text, encoding="utf-8")
    files = " ".join(map(shlex.quote, ["minigen", *assignment.files]))
    (folder / "README.md").write_text(
        README.format(slug=assignment.slug, files=files) + section(assignment, "otter"), encoding="utf-8"
    )
    for name, data in assignment.files.items():
        (folder / name).write_bytes(data)
    return "tests of otter-grader"


def _name(assigned: AssignedExercise) -> str:
    return assigned.id.replace("/", "_")


def tests_of(assigned: AssignedExercise, seeds: Sequence[int]) -> str:
    """A test file: each case of the exercise with its fraction of the points, the first one shown to students.

    What a misspelled name loses is in cases of its own.
    """
    text = FILE.format(name=_name(assigned), id=assigned.exercise.address, seeds=list(seeds))
    weights = grading_of(assigned.exercise, seeds).weights
    rows = zip(assigned.exercise.cases, assigned.parts(weights), assigned.parts(weights, renamed=True), strict=True)
    for number, (case, points, kept) in enumerate(rows):
        text += CASE.format(case=case.name, points=kept, hidden=number > 0)
        if points > kept:
            text += SPELLING.format(case=case.name, points=round(points - kept, 6), hidden=number > 0)
    return text
