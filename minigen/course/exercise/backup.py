"""A copy of the student's file, before it is written over."""

from __future__ import annotations

import datetime
from pathlib import Path

from minigen.course.console import UsageError
from minigen.files import write_new

__all__ = ["backup"]


def backup(path: Path) -> Path:
    """Copy a file to a free name beside it."""
    if not path.is_file():
        raise UsageError(f"{path} is not a regular file; nothing was changed")
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    for number in range(1000):
        kept = path.with_name(f"{path.name}.{stamp}{f'-{number}' if number else ''}.bak")
        try:
            write_new(kept, path.read_bytes())
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(
                f"cannot keep your file as {kept}: {error.strerror or error}; nothing was changed"
            ) from None
        return kept
    raise UsageError(f"too many backups of {path}; nothing was changed")
