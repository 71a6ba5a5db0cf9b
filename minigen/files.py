"""Files that other processes may be using: written whole or not at all, and locked by one process at a time."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

__all__ = ["locked", "write_atomically", "write_new", "write_text"]

PAUSES = (0.05, 0.2, 0.75)  # seconds after which a file that another program holds is tried again


def write_atomically(path: str | os.PathLike, write: Callable[[IO[bytes]], object]) -> Path:
    """Call `write(file)` on a new file beside `path`, flush it to the disk, then let it replace `path`.

    A full disk, an exception or a kill at any moment leaves the file that was there before. Raises OSError, even where
    another program has the file open, as Excel on Windows keeps it from being replaced.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def _replace(new: Path, path: Path) -> None:
    """Give a file the name of another one, which a virus scanner may hold for a moment, and a spreadsheet for hours."""
    for pause in PAUSES:
        with contextlib.suppress(PermissionError):
            os.replace(new, path)
            return
        time.sleep(pause)
    try:
        os.replace(new, path)
    except PermissionError as error:
        message = f"{path.name} cannot be replaced: if it is open in another program, close it there"
        raise PermissionError(error.errno, message) from error


def write_text(path: str | os.PathLike, text: str) -> Path:
    """Write `text` as UTF-8, its line ends as they are, whole or not at all. Raises OSError."""
    return write_atomically(path, lambda file: file.write(text.encode("utf-8")))


def write_new(path: str | os.PathLike, content: bytes) -> Path:
    """Write a file that is not there yet: FileExistsError if it is, whatever happens in between.

    A full disk or an exception leaves no file. Raises OSError.
    """
    path, created = Path(path), False
    try:
        with open(path, "xb") as file:
            created = True
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        if created:
            path.unlink(missing_ok=True)
        raise
    return path


@contextlib.contextmanager
def locked(path: str | os.PathLike, busy: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold the lock file `path`: no other process, and no other thread, does until the block ends.

    busy: called once if the lock is held elsewhere, before waiting for it; it may raise instead of waiting. The system
    releases the lock of a process that was killed. Raises OSError where the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if busy is not None:
            busy()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
