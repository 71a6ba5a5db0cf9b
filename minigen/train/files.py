"""Writing files so that a reader only ever sees the old one or the new one, whole."""

from __future__ import annotations

import os
import uuid
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import numpy as np


def write_atomically(path: str | os.PathLike, write: Callable[[IO[bytes]], None]) -> Path:
    """Call `write(file)` on a new file beside `path`, flush it to the disk, then put it in the place of `path`.

    A full disk, an exception or a kill at any moment leaves the file that was there before. Raises OSError.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def save_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> Path:
    """Write named arrays as an uncompressed `.npz`, atomically and without pickle."""
    return write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def load_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote; ValueError when the file is no such file or is damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise ValueError(f"{path} is not a readable .npz file: {error}") from error
