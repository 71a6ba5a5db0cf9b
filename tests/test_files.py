"""Files are written whole or not at all, and a lock is held by one process at a time."""

import errno
import os
import subprocess
import sys
import threading
import time

import pytest

from minigen import files
from minigen.files import locked, write_atomically, write_new, write_text


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "notes.txt"
    write_text(path, "one\r\nα\n")
    assert path.read_bytes() == b"one\r\n\xce\xb1\n"
    write_text(path, "two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")

    def half(file):
        file.write(b"ne")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_that_another_program_holds_is_tried_again(tmp_path, monkeypatch):
    """Windows refuses to replace it: for a moment where it is scanned, and as long as a spreadsheet shows it."""
    path, replace, tries = tmp_path / "notes.csv", os.replace, []

    def held(*paths):
        tries.append(paths)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(*paths)

    path.write_text("old")
    monkeypatch.setattr(files, "PAUSES", (0, 0, 0))
    monkeypatch.setattr(files.os, "replace", held)
    write_text(path, "new")
    assert path.read_text() == "new" and len(tries) == 3
    monkeypatch.setattr(files, "PAUSES", (0,))
    tries.clear()
    with pytest.raises(PermissionError, match=r"notes.csv cannot be replaced: if it is open in another program, close"):
        write_text(path, "newer")
    assert path.read_text() == "new" and len(tries) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["notes.csv"]


def test_a_new_file_is_written_once_and_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "notes.txt"
    assert write_new(path, b"one").read_bytes() == b"one"
    with pytest.raises(FileExistsError):
        write_new(path, b"two")
    assert path.read_bytes() == b"one"

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_new(tmp_path / "other.txt", b"three")
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


HOLDER = """
import sys, time
from minigen.files import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of tmp_path / "lock" until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_that_another_process_holds_is_waited_for(tmp_path, holder):
    """The wait begins with a call of `busy`, and ends when the holder is killed: no lock is left behind."""
    order = []

    def busy():
        order.append("busy")
        threading.Timer(0.3, lambda: (order.append("killed"), holder.kill())).start()

    with locked(tmp_path / "lock", busy):
        order.append("in")
    assert order == ["busy", "killed", "in"]


def test_busy_may_refuse_to_wait(tmp_path, holder):
    def refuse():
        raise TimeoutError("in use")

    with pytest.raises(TimeoutError, match="in use"), locked(tmp_path / "lock", refuse):
        raise AssertionError("the lock was taken from its holder")
    assert holder.poll() is None


def test_a_file_left_by_an_earlier_lock_costs_no_time(tmp_path, monkeypatch):
    """Nothing is waited for."""
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited for a lock that nobody holds"))
    (tmp_path / "lock").write_text("")
    with locked(tmp_path / "lock"):
        pass
    with locked(tmp_path / "lock"):  # and can be taken again
        pass


def test_threads_exclude_each_other_too(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(10):
            with locked(tmp_path / "lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
