"""The record of a student's folder: no result is lost, whatever else writes, and a lock that is left costs nothing."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minigen.course.exercise import catalog
from minigen.course.exercise.progress import FILE_NAME, Progress, changed

DATA = Path(__file__).with_name("exercise_data")
NLL, FLOW = "gan/90/gaussian_nll", "gan/90/scale_and_shift"

HOLDER = """
import sys, time
from minigen.course.exercise import catalog
from minigen.course.exercise.progress import changed
with changed(sys.argv[1]) as record:
    print("in", flush=True)
    sys.stdin.readline()
    record.checked(catalog.find("gaussian_nll")[0], 6, True)
    time.sleep(float(sys.argv[2]))
"""
CHECKER = """
import sys
from minigen.course.exercise import catalog
from minigen.course.exercise.progress import changed
exercise = catalog.find(sys.argv[2])[0]
sys.stdin.readline()
for _ in range(20):
    with changed(sys.argv[1]) as record:
        record.checked(exercise, exercise.points, True)
"""


@pytest.fixture(autouse=True)
def lessons(monkeypatch):
    monkeypatch.setenv("MINIGEN_LESSONS", f"{DATA / 'lessons'}{os.pathsep}-")
    monkeypatch.syspath_prepend(str(DATA))


def started(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_lock_that_was_left_costs_nothing(tmp_path, monkeypatch):
    """Nothing is waited for."""
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited for a lock that nobody holds"))
    (tmp_path / f"{FILE_NAME}.lock").write_text("")
    with changed(tmp_path) as record:
        record.checked(catalog.find("gaussian_nll")[0], 6, True)
    assert Progress(tmp_path).entries[NLL]["passed"]


def test_a_second_process_waits_and_no_result_is_lost(tmp_path):
    """The first holds the record, is told to write, and stays a while; the second has read nothing before that."""
    with started(HOLDER, tmp_path, 1.0) as holder:
        assert holder.stdout.readline() == "in\n"
        holder.stdin.write("\n")
        holder.stdin.flush()
        with changed(tmp_path) as record:
            assert record.entries[NLL]["passed"], "entered before the first had saved"
            record.checked(catalog.find("scale_and_shift")[0], 3, False)
        assert holder.wait(600) == 0
    assert Progress(tmp_path).entries.keys() == {NLL, FLOW}


def test_two_processes_at_once_lose_no_pass(tmp_path):
    checkers = [started(CHECKER, tmp_path, name) for name in ("gaussian_nll", "scale_and_shift")]
    for checker in checkers:
        checker.stdin.write("\n")
        checker.stdin.close()
    assert [checker.wait(600) for checker in checkers] == [0, 0]
    for checker in checkers:
        checker.stdout.close()
    entries = Progress(tmp_path).entries
    assert {id: (entry["tries"], entry["passed"]) for id, entry in entries.items()} == {
        NLL: (20, True),
        FLOW: (20, True),
    }


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path):
    """A file stands where the lock would be opened, so that this holds for root too."""
    (tmp_path / FILE_NAME).write_text(json.dumps({"exercises": {NLL: {"passed": True}}}))
    (tmp_path / f"{FILE_NAME}.lock").mkdir()
    exercise = catalog.find("gaussian_nll")[0]
    assert Progress(tmp_path).of(exercise)["passed"]
    with pytest.raises(OSError), changed(tmp_path) as record:
        record.checked(exercise, 0, False)
    assert Progress(tmp_path).entries == {NLL: {"passed": True}}


def test_a_change_that_fails_leaves_the_record_as_it_was(tmp_path):
    exercise = catalog.find("gaussian_nll")[0]
    with changed(tmp_path) as record:
        record.checked(exercise, 6, True)
    with pytest.raises(ZeroDivisionError), changed(tmp_path) as record:
        record.entries.clear()
        raise ZeroDivisionError
    assert Progress(tmp_path).entries[NLL]["passed"]
