"""Arrays in a file: `.npz` without pickle, written so that a full disk or a kill leaves the old file whole."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from minigen.files import write_atomically


def save_arrays(path: str | os.PathLike, arrays: dict[str, np.ndarray]) -> Path:
    """Write named arrays to `path` (.npz), all or nothing: to a temporary file beside it, which then replaces `path`.

    Raises ValueError for an array that would need pickle, FileNotFoundError if the folder does not exist.
    """
    path = Path(path)
    named: dict[str, Any] = {name: np.asarray(a) for name, a in arrays.items()}
    for name, a in named.items():
        if a.dtype.hasobject:
            raise ValueError(f"array {name!r} holds Python objects (dtype {a.dtype}) and cannot be saved")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist")
    return write_atomically(path, lambda file: np.savez(file, **named))


def load_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read what `save_arrays` wrote. Raises FileNotFoundError, or ValueError if the file is not such an archive."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"{path} is not a readable .npz file of arrays: {error}") from error
