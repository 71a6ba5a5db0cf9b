"""A class of broken and hostile submissions: each row as if it were graded alone. The large one: tests/bench."""

import os
import shutil

import pytest

from minigen.classroom import roster
from minigen.classroom.grade import batch, pool

from .conftest import SECRET
from .hostile import CHEAP, KINDS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="some of the files exist on POSIX systems only")
TOML = 'title = "Load"\nallowed_modules = []\n\n[[exercise]]\nid = "gan/12/critic_loss"\n'


def ids(kinds):
    return {f"s{number:03}": kind for number, kind in enumerate(kinds)}


@pytest.mark.slow
def test_rows_are_those_of_each_graded_alone(a_class):
    """Two at a time, among hostile neighbours; then each in a class of its own."""
    a_class.write("hw1.toml", TOML)
    names = ids(CHEAP)
    a_class.write("roster.csv", "student_id\n" + "".join(f"{id}\n" for id in names))
    for id, kind in names.items():
        folder = a_class.submissions / id
        folder.mkdir()
        KINDS[kind][0](folder)
    summary = a_class.grade(run=lambda jobs, setup: pool.run(jobs, setup, 2))
    rows = a_class.rows()
    assert {id: rows[id, "critic_loss"]["status"] for id in names} == {id: KINDS[kind][1] for id, kind in names.items()}
    assert len(rows) == len(names) == summary.graded and not summary.retries
    for id in ("s002", "s011"):
        alone = a_class.folder / "alone"
        shutil.rmtree(alone, ignore_errors=True)
        one = [student for student in a_class.students if student.student_id == id]
        batch.grade_class(a_class.submissions / id, a_class.assignment, one, SECRET, alone, run=_here(id, a_class))
        assert a_class.rows(alone)[id, "critic_loss"] == rows[id, "critic_loss"]


def _here(id, a_class):
    """Grades the one submission whose folder is given as the whole class's."""
    from minigen.classroom import collect
    from minigen.classroom.grade.pool import Graded

    def run(jobs, setup):
        list(jobs)
        found = collect.find(a_class.submissions, [roster.Student(id)], a_class.assignment)
        submitted = collect.answers_of(roster.Student(id), found.entries[id], a_class.assignment)
        answers = [(answer.submission, answer.sha256, answer.notes) for answer in submitted.answers]
        yield Graded(id, setup.grader().grade(answers))

    return run


def test_forty_kinds_are_listed():
    assert len(KINDS) >= 40 and set(CHEAP) <= set(KINDS)
