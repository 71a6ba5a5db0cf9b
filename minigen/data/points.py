"""Your own points: a table from a text file or a .npy file, and its standardized form.

    from minigen import data
    x = data.points("spiral.csv")                            # (N, 2), float32
    mean, std = x.mean(axis=0), x.std(axis=0)
    u, log_det = data.standardize(x, mean, std)              # mean 0 and standard deviation 1 in each coordinate
    x, log_det = data.unstandardize(u, mean, std)            # and back

An error names the file, the line, what was expected and what was found.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minigen import checks
from minigen.types import Array

__all__ = ["points", "standardize", "unstandardize"]

TEXT = (".csv", ".tsv", ".txt")


def points(path: str | os.PathLike, columns: Sequence[str | int] | None = None) -> np.ndarray:
    """The points of a table, one a row: (N, 2), or (N, D) for D `columns`; float32.

    path:    a text file (.csv, .tsv, .txt), whose cells are separated by semicolons, tabs, commas or spaces, with or
             without a line of names at the top; or an array (N, D) that `numpy.save` wrote (.npy).
    columns: the columns to keep, by name or by number from 0; needed where the table has more than two.

    In a text file empty lines and lines that begin with # are skipped. Where semicolons or tabs separate the cells, a
    comma in a number is a decimal comma.
    Raises FileNotFoundError, and ValueError for another kind of file, for no rows, for a row of another length, for a
    cell that is not a finite number, and for columns that do not exist.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _from_array(path, columns)
    if suffix in TEXT:
        return _from_text(path, columns)
    raise ValueError(f"path must end in {', '.join(TEXT)} or .npy, got {path.name!r}")


def standardize(x: Array, mean: Array, std: Array) -> tuple[Array, Array]:
    """u = (x − mean)/std (N, D), and log|det du/dx| of each point (N,), which is −Σ log std.

    x (N, D), mean and std (D,), std positive. If p is the density of u, that of x has log p(x) = log p(u) + log|det|.
    Eq. flow.04
    """
    x, mean, std = _checked("x", x, mean, std)
    return (x - mean) / std, np.full(len(x), -np.sum(np.log(std)), x.dtype)


def unstandardize(u: Array, mean: Array, std: Array) -> tuple[Array, Array]:
    """x = mean + std u (N, D), and log|det dx/du| of each point (N,), Σ log std; the inverse of `standardize`."""
    u, mean, std = _checked("u", u, mean, std)
    return mean + std * u, np.full(len(u), np.sum(np.log(std)), u.dtype)


def _checked(name: str, x: Array, mean: Array, std: Array) -> tuple[Array, Array, Array]:
    """The three arrays in the dtype of x."""
    x = checks.array(name, x, "N", "D")
    mean, std = (checks.array(each, a, x.shape[1], dtype=x.dtype) for each, a in (("mean", mean), ("std", std)))
    if np.any(std <= 0):
        hint = "a coordinate that is the same in every point has no scale"
        raise ValueError(f"std must be positive, got {std.min():.6g}: {hint}")
    return x, mean, std


# ------------------------------------------------------------------------------------------------ reading a file


def _from_array(path: Path, columns: Sequence[str | int] | None) -> np.ndarray:
    """The columns of a .npy file (N, D)."""
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: expected an array that numpy.save wrote, got another file ({error})") from None
    if array.dtype.kind not in "fiu" or array.ndim != 2 or not array.size:
        raise ValueError(f"{path}: expected an array of numbers (N, D), got {array.dtype} of shape {array.shape}")
    kept = array[:, _numbers_of_columns(path, array.shape[1], None, columns)]
    bad = ~np.isfinite(kept).all(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"{path}, row {row}: expected finite numbers, got {kept[row].tolist()}")
    return kept.astype(np.float32)


def _from_text(path: Path, columns: Sequence[str | int] | None) -> np.ndarray:
    """The columns of a text file (N, D)."""
    rows = _rows(path)
    if not rows:
        raise ValueError(f"{path}: expected a table of numbers, got no rows")
    first_line, first = rows[0]
    names = None if any(_number(cell) is not None for cell in first) else [cell.strip() for cell in first]
    if names is not None:
        rows = rows[1:]
        if not rows:
            raise ValueError(f"{path}: expected rows of numbers, got line {first_line} only: {_shown(first)}")
    kept = _numbers_of_columns(path, len(first), names, columns)
    table = np.empty((len(rows), len(kept)), np.float32)
    for point, (line, cells) in zip(table, rows):
        if len(cells) != len(first):
            raise ValueError(f"{path}, line {line}: expected {len(first)} cells, got {len(cells)}: {_shown(cells)}")
        for k, column in enumerate(kept):
            value = _number(cells[column])
            if value is None or not math.isfinite(value):
                where = f"column {names[column]!r}" if names else f"column {column}"
                raise ValueError(f"{path}, line {line}: expected a finite number in {where}, got {cells[column]!r}")
            point[k] = value
    return table


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The cells of each line that has any, with the line's number; decimal commas are replaced by points."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8, got byte {error.object[error.start]:#x}") from None
    numbered = [
        (number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")
    ]
    if not numbered:
        return []
    separator = next((each for each in ";\t," if each in numbered[0][1]), None)
    if separator is None:
        return [(number, line.split()) for number, line in numbered]
    rows = []
    for number, line in numbered:
        cells = next(csv.reader([line], delimiter=separator))
        rows.append((number, cells if separator == "," else [cell.replace(",", ".") for cell in cells]))
    return rows


def _number(cell: str) -> float | None:
    """The number in a cell; None if there is none."""
    try:
        return float(cell)
    except ValueError:
        return None


def _numbers_of_columns(
    path: Path, width: int, names: list[str] | None, columns: Sequence[str | int] | None
) -> list[int]:
    """The numbers of the columns asked for."""
    known = ", ".join(map(repr, names)) if names else f"0 to {width - 1}"
    if columns is None and width == 2:
        return [0, 1]
    if columns is None:
        hint = f"choose by columns=[...] among {known}" if width > 2 else "a point of the plane has two"
        raise ValueError(f"{path}: expected 2 columns, got {width}; {hint}")
    if isinstance(columns, str) or not len(columns):
        raise ValueError(f"columns must be a list of names or numbers, got {columns!r}")
    numbers = []
    for column in columns:
        if names and column in names:
            numbers.append(names.index(str(column)))
        elif isinstance(column, int) and not isinstance(column, bool) and 0 <= column < width:
            numbers.append(column)
        else:
            raise ValueError(f"{path}: expected columns among {known}, got {column!r}")
    return numbers


def _shown(cells: list[str]) -> str:
    text = ", ".join(cells)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
