"""A class that is graded by a Python without what only POSIX systems have, as on Windows; see tests/without_posix.py.

The answers run in processes that are spawned, without limits on time, memory and files, and without signals.
"""

import json
import os
import subprocess
import sys
import time

import pytest

from minigen.course.exercise.grading import status as S

from . import hostile
from .conftest import SECRET
from .test_pool import processes_with

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="what is missing is simulated")]

TOML = """\
title = "Homework 1"
allowed_modules = []

[limits]
seconds = 4

[[exercise]]
id = "gan/12/critic_loss"
points = 8
"""
SAME = ["right", "bom and crlf", "missing", "syntax", "stub", "wrong", "recursion", "exits at once", "patches numpy"]
KILL = "import ctypes, os\nctypes.CDLL(None).kill(os.getppid(), 9)\nwhile True: pass"
ELSEWHERE = "import os\nfor name in ('../stack', __file__, '../../x'):\n    open(name, 'w').write('x' * 10**6)"
UNWATCHED = "import faulthandler\nfaulthandler.cancel_dump_traceback_later()\nwhile True: pass"
HOSTILE = {  # what stands in the function, its status, and the line that is named
    "hangs": ("while True: pass", S.TIMEOUT, "while True: pass"),
    "hangs past the clock": (UNWATCHED, S.TIMEOUT, ""),
    "memory": ("x = bytearray(10**15)", S.MEMORY, "x = bytearray(10**15)"),
    "exits at once": ("import os\nos._exit(0)", S.EXITED, ""),
    "prints without end": ("while True: print('é' * 10000)", S.OUTPUT, ""),
    "prints thousands of lines": ("for n in range(5000): print(n)", S.PASS, ""),
    "writes elsewhere": (ELSEWHERE, S.OUTSIDE, "open(name, 'w').write('x' * 10**6)"),
    "signals": ("import os\nos.kill(os.getppid(), 9)", S.PROCESS, "os.kill(os.getppid(), 9)"),
    "would kill its grader and go on": (KILL, S.OUTSIDE, "ctypes.CDLL(None).kill(os.getppid(), 9)"),
}


@pytest.fixture
def graded(a_class, tmp_path, without_posix):
    """graded(submissions, out, ...): the documents by student, and how long it took; afterwards nothing is left."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    def run(writers, out, **environment):
        a_class.write("hw1.toml", TOML)
        a_class.write("roster.csv", "student_id\n" + "".join(f"{name}\n" for name in writers))
        for name, write in writers.items():
            folder = a_class.submissions / name
            folder.mkdir(exist_ok=True)
            write(folder)
        command = [sys.executable, "-m", "minigen", "grade", "submissions", "--assignment", "hw1.toml"]
        command += [
            "--roster",
            "roster.csv",
            "--seed",
            SECRET,
            "--out",
            out,
            "--jobs",
            "2",
            "--json",
            "--sandbox",
            "none",
        ]
        environment = {**os.environ, **environment, "TMPDIR": str(temporary)}
        start = time.monotonic()
        done = subprocess.run(command, cwd=a_class.folder, env=environment, capture_output=True, timeout=600)
        seconds = time.monotonic() - start
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        assert json.loads(done.stdout)["graded"] == len(writers)
        files = (a_class.folder / out / "results").iterdir()
        documents = [json.loads(file.read_text("utf-8")) for file in files]
        return {document["student"]["student_id"]: document for document in documents}, seconds

    yield run
    assert list(temporary.iterdir()) == []
    deadline = time.monotonic() + 600
    while (left := processes_with(str(temporary))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, "a worker whose parent is gone ends by its own clock"


def test_two_processes_give_the_same_as_where_all_is_there(graded, without_posix):
    """All that is kept of an answer but the time that it took, and the note on the limits that are missing."""
    writers = {name: hostile.KINDS[name][0] for name in SAME}
    writers["complains"] = hostile.written(hostile.body("import sys\nsys.stderr.write('σ é')\nreturn 1.0"))
    documents = [graded(writers, "with")[0], graded(writers, "without", **without_posix)[0]]
    notes = [str(document["exercises"][0]["notes"]) for document in documents[1].values()]
    assert sum("no limit on: cpu, file size, memory, processes" in note for note in notes) == len(writers) - 2, (
        "two are not run"
    )
    for document in (one for each in documents for one in each.values()):
        del document["exercises"][0]["seconds"], document["exercises"][0]["notes"]
    assert documents[0] == documents[1]
    for name in SAME:
        assert documents[1][name]["exercises"][0]["status"] == hostile.KINDS[name][1]
    assert documents[1]["complains"]["exercises"][0]["output"].startswith("σ é")


def test_what_hostile_answers_do_is_told_and_the_next_one_is_graded(graded, without_posix):
    writers = {name: hostile.written(hostile.body(code)) for name, (code, _, _) in HOSTILE.items()}
    documents, seconds = graded(writers, "grades", **without_posix)
    assert seconds < 600, "each has four seconds, and those who end what runs them a second try"
    for name, (_, state, line) in HOSTILE.items():
        row = documents[name]["exercises"][0]
        assert (row["status"], row["points"]) == (state, 8 if state == S.PASS else 0), row
        assert row["message"] or state == S.PASS
        assert not line or row["cases"][0]["text"] == line, row
