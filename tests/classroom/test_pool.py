"""Processes that grade: one that dies costs one submission, and however a run ends nothing is left."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from minigen.classroom.grade import pool
from minigen.classroom.grade.pool import Failed, Graded, Job, Setup
from minigen.classroom.schemas import schema
from minigen.cli import main
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.submission import Submission

from .conftest import CRITIC, HEAD, MINIMAX, SECRET

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such signals elsewhere")


def job(student: str, critic: str = CRITIC) -> Job:
    missing = Submission("", "", S.MISSING_FILE, "nothing")
    return Job(student, [(Submission("x.py", HEAD + critic), "", ()), (missing, "", ())])


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where temporary folders go: empty at the end."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def killing(monkeypatch, times):
    """The process that gets the submission of s002 is killed, the first so many times."""
    give, given = pool._Process.give, []

    def kills(self, job):
        give(self, job)
        if job.student_id == "s002" and len(given) < times:
            given.append(job)
            self.process.kill()

    monkeypatch.setattr(pool._Process, "give", kills)
    return iter([job("s001"), job("s002"), job("s003")])


@pytest.mark.slow
@posix
def test_a_submission_whose_process_dies_is_graded_by_another(a_class, temporary, monkeypatch):
    results = list(pool.run(killing(monkeypatch, 1), Setup.of(a_class.assignment, [1]), 1))
    assert [result.student_id for result in results] == ["s001", "s002", "s003"]
    assert [result.rows[0]["status"] for result in results] == [S.PASS] * 3


@pytest.mark.slow
@posix
def test_a_submission_that_ends_two_processes_has_crashed(a_class, temporary, monkeypatch):
    """With no points, and the reason; the one after it is graded."""
    results = list(pool.run(killing(monkeypatch, 2), Setup.of(a_class.assignment, [1]), 1))
    assert [type(result) for result in results] == [Graded] * 3
    row, missing = results[1].rows
    assert row["status"] == S.CRASHED and row["points"] == 0 and missing["status"] == S.MISSING_FILE
    assert "ended (exit code -9); so did another before it" in row["message"]
    assert results[2].rows[0]["status"] == S.PASS and results[2].rows[0]["points"] == 8


@pytest.mark.slow
def test_an_answer_that_would_kill_its_grader_has_no_points(a_class, temporary):
    """By the C library, which an answer cannot call; what dies nevertheless is graded by another process (above)."""
    line = "__import__('ctypes').CDLL(None).kill(__import__('os').getppid(), 9)"
    kill = CRITIC.replace("    return", f"    {line}\n    return")
    results = list(pool.run(iter([job("s001", kill), job("s002")]), Setup.of(a_class.assignment, [1]), 1))
    assert [result.rows[0]["status"] for result in results] == [S.OUTSIDE, S.PASS]
    assert results[0].rows[0]["points"] == 0


def test_one_that_does_not_come_back_is_given_up(a_class, temporary, monkeypatch):
    monkeypatch.setattr(pool, "PATIENCE", -299.9)  # all that comes back in 0.1 s
    results = list(pool.run([job("s001")], Setup.of(a_class.assignment, [1]), 1))
    assert results[0].rows[0]["status"] == S.CRASHED and "did not come back" in results[0].rows[0]["message"]


def test_time_for_which_others_ran_is_not_held_against_a_process():
    process = object.__new__(pool._Process)
    process.deadline, process.starvation = 10.0, types.SimpleNamespace(since_last=iter([5.0, 0.0, 0.0]).__next__)
    assert [process.is_late(now) for now in (12.0, 14.9, 15.0)] == [False, False, True]


@pytest.mark.slow
def test_an_exception_of_the_grader_is_its_own(a_class, temporary, monkeypatch):
    """Not tried a second time here, and not the student's."""
    monkeypatch.setattr(pool._Process, "take", lambda self: Failed(self.job.student_id, "the grader failed"))
    assert list(pool.run([job("s001")], Setup.of(a_class.assignment, [1]), 1)) == [Failed("s001", "the grader failed")]


COMMAND = [
    "grade",
    "submissions",
    "--assignment",
    "hw1.toml",
    "--roster",
    "roster.csv",
    "--seed",
    SECRET,
    "--out",
    "grades",
]


@pytest.mark.slow
@posix
def test_sigterm_leaves_no_process_and_no_folder(a_class, temporary):
    """Two submissions hang; while they do the command is ended, and then goes on where it was."""
    hang = CRITIC.replace("    return", "    while True:\n        pass\n    return")
    mark = f"hang_{os.getpid()}_{time.time_ns()}"
    a_class.hand_in("s001", CRITIC, None)
    a_class.hand_in("s002", hang.replace("pass", f"{mark} = 0"), None)
    a_class.hand_in("s003", hang.replace("pass", f"{mark} = 0"), None)
    command = [sys.executable, "-m", "minigen", *COMMAND, "--jobs", "2"]
    process = subprocess.Popen(command, cwd=a_class.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 600
    while not (
        (a_class.out / "results" / "s001.json").exists() and len(list(temporary.glob("*/minigen-check-*"))) == 2
    ):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert list(temporary.iterdir()) == []
    assert processes_with(str(temporary)) == []
    assert [path.name for path in (a_class.out / "results").glob("*.json")] == ["s001.json"]
    assert not list(a_class.out.glob("*.new")) and not (a_class.out / "gradebook.csv").exists()


def processes_with(text: str) -> list[int]:
    """Processes whose environment or command line has a text in it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in words and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


@pytest.mark.slow
def test_the_command_and_its_json(a_class, temporary, monkeypatch, capsys):
    """`minigen grade --json` from a class to a gradebook; every document is as its schema says."""
    a_class.hand_in("s001")
    a_class.hand_in("s002", CRITIC.replace("np.mean(fake", "np.inf * np.mean(fake"), MINIMAX.replace("-np", "np"))
    a_class.write("submissions/who/gan_12.py", CRITIC)
    monkeypatch.chdir(a_class.folder)
    assert main([*COMMAND, "--json"]) == 0
    text = capsys.readouterr().out
    summary = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    jsonschema.validate(summary, schema("grading"))
    assert (summary["students"], summary["graded"], summary["exit_code"]) == (3, 3, 0)
    assert [row["file"] for row in summary["unmatched"]] == ["who/gan_12.py"]
    assert all(Path(file).is_file() for file in summary["files"].values())
    for student in ("s001", "s002", "s003"):
        document = json.loads((a_class.out / "results" / f"{student}.json").read_text())
        jsonschema.validate(document, schema("submission"))
        broken = json.loads(json.dumps(document))
        broken["exercises"][0]["points"] = "8"  # numbers are numbers
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema("submission"))
    assert main(COMMAND) == 0
    assert "3 students graded, 3 of them before" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--jobs", "0"], "a whole number of at least 1"),
        (["--roster", "no.csv"], "cannot read no.csv"),
        (["--assignment", "no.toml"], "cannot read the assignment no.toml"),
        (["--sandbox", "chroot"], "argument --sandbox: invalid choice: 'chroot'"),
        (["--times", "no.csv"], "cannot read no.csv"),
        (["--unknown"], "unrecognized arguments"),
    ],
)
def test_what_cannot_be_done_is_json_too(a_class, monkeypatch, capsys, words, expected):
    monkeypatch.chdir(a_class.folder)
    assert main([*COMMAND, *words, "--json"]) == 2
    out, err = capsys.readouterr()
    error = json.loads(out)
    jsonschema.validate(error, schema("grading"))
    assert expected in error["error"] and error["code"] == "usage" and error["exit_code"] == 2 and expected in err


def test_check_speaks_json_of_the_same_kind(a_class, monkeypatch, capsys):
    from minigen.course.commands import exercise

    wanted = schema("check")
    monkeypatch.chdir(a_class.folder)
    path = a_class.write("answers.py", HEAD + CRITIC)
    assert exercise.main(["check", "gan/12/critic_loss", str(path), "--json", "--seed", "3"]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.validate(data, wanted)
    import hashlib

    assert data["seed"] == 3 and data["exercises"][0]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert exercise.main(["check", "gan/99", "--json"]) == 2
    jsonschema.validate(json.loads(capsys.readouterr().out), wanted)
    assert exercise.main(["check", "--json", "--nonsense"]) == 2
    error = json.loads(capsys.readouterr().out)
    jsonschema.validate(error, wanted)
    assert error["code"] == "usage" and "--nonsense" in error["error"]


class Clock:
    """A clock that a test moves on."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_the_time_of_a_stop_counts_for_no_submission(monkeypatch):
    """`minigen grade` is stopped for a day while it waits; then the process that grades answers."""
    clock, waits = Clock(), []

    def wait(channels, timeout):
        waits.append(timeout)
        clock.now += timeout + (86400.0 if len(waits) == 2 else 0.0)
        return channels if len(waits) == 5 else []

    monkeypatch.setattr(pool, "time", clock)
    monkeypatch.setattr(pool, "wait", wait)
    busy = [SimpleNamespace(channel="a", deadline=clock.now + 100.0)]
    busy[0].is_late = lambda now: now >= busy[0].deadline
    assert pool._ready(busy) == busy and len(waits) == 5 and max(waits) <= 1.0
    assert busy[0].deadline == 1100.0 + 86400.0


def test_a_process_that_is_late_is_found_without_a_stop(monkeypatch):
    clock = Clock()

    def wait(channels, timeout):
        clock.now += timeout
        return []

    monkeypatch.setattr(pool, "time", clock)
    monkeypatch.setattr(pool, "wait", wait)
    busy = [SimpleNamespace(channel="a", deadline=clock.now + 100.0)]
    busy[0].is_late = lambda now: now >= busy[0].deadline
    assert pool._ready(busy) == busy and clock.now == pytest.approx(1100.0)
