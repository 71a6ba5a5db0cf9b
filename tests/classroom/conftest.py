"""A small class to try things on: two exercises, answers of many kinds, and grading without other processes."""

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import jsonschema
import pytest

from minigen import files
from minigen.classroom import assignment as assignments
from minigen.classroom import decisions, roster
from minigen.classroom.grade import batch
from minigen.classroom.grade.pool import Graded
from minigen.classroom.schemas import schema
from minigen.course.exercise.grading import grade, in_process, status

HEAD = "import autograd.numpy as np\nfrom minigen.tensor import softplus\n\n\n"
CRITIC = "def critic_loss(real_scores, fake_scores):\n    return np.mean(fake_scores) - np.mean(real_scores)\n"
MINIMAX = "def generator_loss_minimax(fake_logits):\n    return -np.mean(softplus(fake_logits))\n"
TOML = """\
title = "Homework 1"
due = 2027-02-01T23:59:00+00:00

[[exercise]]
id = "gan/12/critic_loss"
points = 8

[[exercise]]
id = "gan/02/generator_loss_minimax"
points = 5
"""
ROSTER = """\
student_id,last_name,first_name,email
s001,Noether,Emmy,emmy@example.org
s002,Gauss,Carl,carl@example.org
s003,Lovelace,Ada,ada@example.org
"""
SECRET = "a secret"


def in_this_process(jobs, setup):
    """Grades as `pool.run` does, without its processes: a test that is about something else starts sooner."""
    grader = setup.grader()
    for job in jobs:
        yield Graded(job.student_id, grader.grade(job.answers))


@pytest.fixture
def quickly(monkeypatch):
    """Answers run in this process: for tests of what is done with the results, not of how an answer is run."""

    def grade_file(exercise, submission, limits=None, seed=0, wanted=None, files=None):
        if submission.status != status.PASS:
            return grade.grade_file(exercise, submission)
        names: dict = {}
        exec(submission.source, names)
        return in_process.grade_function(exercise, names.get(exercise.name), seed, wanted)

    monkeypatch.setattr("minigen.classroom.grade.grader.grade_file", grade_file)


@pytest.fixture
def open_in_excel(monkeypatch):
    """Names of files that cannot be replaced, as of those that Excel shows on Windows."""
    names, replace = set(), os.replace

    def replaced(new, path):
        if Path(path).name in names:
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(new, path)

    monkeypatch.setattr(files, "PAUSES", ())
    monkeypatch.setattr(files.os, "replace", replaced)
    return names


class Class:
    """A folder with an assignment, a roster and submissions."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.submissions = folder / "submissions"
        self.submissions.mkdir()
        self.out = folder / "grades"
        self.write("hw1.toml", TOML)
        self.write("roster.csv", ROSTER)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def hand_in(self, student: str, critic: str | bytes | None = CRITIC, minimax: str | bytes | None = MINIMAX) -> None:
        """The two files of a student; text gets the usual imports, bytes stay as they are, None is not there."""
        for name, text in (("gan_12.py", critic), ("gan_02.py", minimax)):
            if text is not None:
                text = text if isinstance(text, bytes) else HEAD + text
                self.write(f"submissions/{student}/{name}", text)

    @property
    def assignment(self):
        return assignments.load(self.folder / "hw1.toml")

    @property
    def students(self):
        return roster.read_roster(self.folder / "roster.csv")

    def grade(self, run=in_this_process, out: Path | None = None, secret: str = SECRET, **options) -> batch.Summary:
        """Grade it into `out`, with the decisions that stand beside the assignment."""
        given = self.assignment, self.students
        options.setdefault("decisions", decisions.read(self.folder / "adjust.csv", *given))
        options = batch.Options(**options)
        out = self.out if out is None else out
        return batch.grade_class(self.submissions, self.assignment, self.students, secret, out, options, run)

    def document(self, student: str) -> dict:
        """The results of a student, which follow the schema."""
        document = json.loads((self.out / "results" / f"{student}.json").read_text(encoding="utf-8"))
        jsonschema.validate(document, schema("submission"))
        return document

    def rows(self, out: Path | None = None) -> dict[tuple[str, str], dict[str, str]]:
        """The long gradebook, by student and exercise."""
        import csv

        path = (self.out if out is None else out) / "gradebook.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return {(row["student_id"], row["exercise"].rpartition("/")[2]): row for row in csv.DictReader(file)}


@pytest.fixture
def a_class(tmp_path):
    return Class(tmp_path)


@pytest.fixture(scope="session")
def programs():
    """The folder of the programs that are installed with this Python: nbgrader, otter, dask."""
    return Path(sys.executable).parent


@pytest.fixture
def path_of_programs(programs, monkeypatch):
    """These programs are found first."""
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return shutil.which
