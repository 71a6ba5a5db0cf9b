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
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigen import checks
from minigen.types import Array

__all__ = ["points", "standardize", "table_columns", "unstandardize"]

TEXT = (".csv", ".tsv", ".txt")
ROUNDING = 0.01  # of the range of a column: from here on a cast to float32 is warned of


def points(
    path: str | os.PathLike,
    columns: Sequence[str | int] | None = None,
    header: bool | None = None,
    dtype: type[np.floating[Any]] = np.float32,
) -> np.ndarray:
    """Return the points of a table, one for each row, (N, D) for D columns.

    path:    a text file (.csv, .tsv, .txt), whose cells are separated by semicolons, tabs, commas or spaces, with or
             without a line of names at the top; or an array (N, D) that `numpy.save` wrote (.npy).
    columns: the columns to keep, by name or by number from 0; all of them unless given.
    header:  whether the first line of a text file holds names. By default it does if none of its cells is a number; a
             line of names such as "2020,2021" needs header=True.
    dtype:   of the result, numpy.float32 or numpy.float64. Numbers with a large common part, such as times in seconds
             since 1970, are distinct in float64 only: standardize them first, and cast afterwards.

    In a text file empty lines and lines that begin with # are skipped. Where semicolons or tabs separate the cells, a
    comma in a number is a decimal comma.
    Warns where rounding to float32 is not small against the spread of a column.
    Raises FileNotFoundError, and ValueError for another kind of file, for no rows, for a row of another length, for a
    cell that is not a finite number in `dtype`, and for columns that do not exist.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be numpy.float32 or numpy.float64, got {dtype!r}")
    if suffix == ".npy":
        table, names = _from_array(path, columns)
    elif suffix in TEXT:
        table, names = _from_text(path, columns, header)
    else:
        raise ValueError(f"path must end in {', '.join(TEXT)} or .npy, got {path.name!r}")
    return _cast(path, table, names, dtype)


def table_columns(path: str | os.PathLike, header: bool | None = None) -> dict[str | int, bool]:
    """Return the columns of a table that `points` reads, each with whether it holds a number in most rows.

    A column has its name, or its number from 0 where the table has no names, or one of them twice. Raises as `points`.
    """
    path = Path(path)
    if path.suffix.lower() not in TEXT:
        return dict.fromkeys(range(points(path, dtype=np.float64).shape[1]), True)
    names, rows = _named_rows(path, header)
    width = len(names or rows[0][1])
    called: Sequence[str | int] = names if names and len(set(names)) == width else range(width)
    columns = [[cells[k] for _, cells in rows if k < len(cells)] for k in range(width)]
    counts = [sum(_number(cell) is not None for cell in cells) for cells in columns]
    return {name: 2 * count > len(rows) for name, count in zip(called, counts)}


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


def _from_array(path: Path, columns: Sequence[str | int] | None) -> tuple[np.ndarray, list[str]]:
    """Return the chosen columns of a .npy file (N, D) in float64, and what to call each."""
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: expected an array that numpy.save wrote, got another file ({error})") from None
    if array.dtype.kind not in "fiu" or array.ndim != 2 or not array.size:
        raise ValueError(f"{path}: expected an array of numbers (N, D), got {array.dtype} of shape {array.shape}")
    chosen = _numbers_of_columns(path, array.shape[1], None, columns)
    return array[:, chosen].astype(np.float64), [f"column {column}" for column in chosen]


def _from_text(path: Path, columns: Sequence[str | int] | None, header: bool | None) -> tuple[np.ndarray, list[str]]:
    """Return the chosen columns of a text file (N, D) in float64, and what to call each."""
    names, rows = _named_rows(path, header)
    width = len(names or rows[0][1])
    chosen = _numbers_of_columns(path, width, names, columns)
    called = [f"column {names[column]!r}" if names else f"column {column}" for column in chosen]
    table = np.empty((len(rows), len(chosen)))
    for point, (line, cells) in zip(table, rows):
        if len(cells) != width:
            raise ValueError(f"{path}, line {line}: expected {width} cells, got {len(cells)}: {_shown(cells)}")
        for k, column in enumerate(chosen):
            value = _number(cells[column])
            if value is None or not math.isfinite(value):
                is_first = line == rows[0][0]
                hint = "; header=True takes this line for names" if is_first and not names else ""
                if is_first and value is None and len(chosen) > 1 and not hint:
                    hint = "; columns=[...] chooses others"
                where = f"{path}, line {line}: expected a finite number in {called[k]}"
                raise ValueError(f"{where}, got {cells[column]!r}{hint}")
            point[k] = value
    return table, called


def _cast(path: Path, table: np.ndarray, names: list[str], dtype: type[np.floating[Any]]) -> np.ndarray:
    """Return a table (N, D) in `dtype`, with a warning for each column that loses what its values differ by."""
    with np.errstate(over="ignore"):  # said in words below
        cast = table.astype(dtype)
    bad = ~np.isfinite(cast).all(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"{path}, row {row}: expected finite numbers, got {table[row].tolist()}"
            + (f", too large for {dtype.__name__}" if np.isfinite(table[row]).all() else "")
        )
    rounding = np.abs(cast - table).max(axis=0)
    spread = np.ptp(table, axis=0)
    for name in (name for name, r, s in zip(names, rounding, spread) if s and r > ROUNDING * s):
        warnings.warn(
            f"{path}: the values of {name} differ by little compared with their size, and float32 rounds most of that "
            "away: read them with dtype=numpy.float64, standardize, and cast to float32 afterwards",
            stacklevel=3,
        )
    return cast


def _named_rows(path: Path, header: bool | None) -> tuple[list[str] | None, list[tuple[int, list[str]]]]:
    """The names of the columns, if the first line holds any, and the rows below."""
    rows = _rows(path)
    if not rows:
        raise ValueError(f"{path}: expected a table of numbers, got no rows")
    line, first = rows[0]
    if header is None:
        header = all(_number(cell) is None for cell in first)
    if not header:
        return None, rows
    if len(rows) == 1:
        raise ValueError(f"{path}: expected rows of numbers, got line {line} only: {_shown(first)}")
    return [cell.strip() for cell in first], rows[1:]


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
        rows.append((number, cells if separator == "," else [_with_point(cell) for cell in cells]))
    return rows


def _with_point(cell: str) -> str:
    """A number with a point for its decimal comma; another text as it is."""
    number = cell.replace(",", ".")
    return cell if _number(number) is None else number


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
    if columns is None:
        return list(range(width))
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
