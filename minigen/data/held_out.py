"""A part of the data that is held out of the training, and noise that makes whole numbers continuous.

train, held_out = data.split(x, rng)                     # 80 % and 20 % of the rows
(x, y), held_out = data.split((x, y), rng)               # the same rows of both arrays
for train, held_out in data.folds(len(x), rng): ...      # five times: each row is held out once
x = data.dequantize(x, rng)                              # for a density model, before the split
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigen import checks

__all__ = ["dequantize", "folds", "split"]

LARGEST = 2**23  # beyond it float32 has no numbers between two whole ones


def split(x: Any, rng: np.random.Generator, held_out: float = 0.2) -> tuple[Any, Any]:
    """Return two parts of the rows of x, for the training and held out of it; which rows, `rng` draws.

    x:        an array (N, ...), or a tuple of arrays with N rows each: then each part is such a tuple.
    held_out: the fraction of the rows that is held out, in (0, 1); at least one row is in each part.

    In both parts the rows keep their order. Raises ValueError for arrays of different lengths, and for fewer than two
    rows.
    """
    arrays = x if isinstance(x, tuple) else (x,)
    shapes = [np.shape(a) for a in arrays]
    if not arrays or not all(isinstance(a, np.ndarray) and a.ndim for a in arrays) or len({len(a) for a in arrays}) > 1:
        raise ValueError(f"x must be an array, or a tuple of arrays with the same number of rows, got shapes {shapes}")
    rows = len(arrays[0])
    if rows < 2:
        raise ValueError(f"x must have at least two rows to be split, got {rows}")
    fraction = checks.number("held_out", held_out, 0, 1)
    if fraction in (0, 1):
        raise ValueError(f"held_out must be a fraction between 0 and 1, got {held_out}")
    count = min(max(round(fraction * rows), 1), rows - 1)
    is_held_out = np.zeros(rows, dtype=bool)
    is_held_out[checks.rng(rng).permutation(rows)[:count]] = True
    parts = [tuple([a[chosen] for a in arrays]) for chosen in (~is_held_out, is_held_out)]
    first, second = parts if isinstance(x, tuple) else (part[0] for part in parts)
    return first, second


def folds(rows: int, rng: np.random.Generator, count: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs (training, held_out) of row numbers, such that each of the rows is held out in one of them.

    A model has seen the rows that it is trained on, and gives them better scores than others. Scores that are to be
    compared with one another, such as those of outliers, come from models that have not seen the row:

        for training, held_out in data.folds(len(x), rng):
            ...                                          # train a model on x[training]
            scores[held_out] = -model.log_prob(x[held_out])

    Each pair holds all `rows`, in their order; the `count` held-out parts differ by at most one row in size, and which
    rows they hold, `rng` draws. Raises ValueError unless there are 2 to `rows` parts.
    """
    rows = checks.whole("rows", rows, least=2)
    parts = np.array_split(checks.rng(rng).permutation(rows), checks.whole("count", count, least=2, most=rows))
    return [(np.setdiff1d(np.arange(rows), part), np.sort(part)) for part in parts]


def dequantize(x: np.ndarray, rng: np.random.Generator, columns: Sequence[int] | None = None) -> np.ndarray:
    """Return x (N, D), float32, with uniform noise on [0, 1) added to its columns of whole numbers.

    columns: the columns that get noise, by number; unless given, all that hold whole numbers below 2^23 in size only.
             Larger ones, such as times in seconds since 1970, are as good as continuous.

    A density p of the result gives each whole number k at least the probability exp(E log p(k + u)), u the noise, so
    its likelihood is bounded (Theis, van den Oord and Bethge 2016). `numpy.floor` takes the noise away again.
    Raises ValueError for `columns` that do not hold whole numbers, or hold some of 2^23 and more, which float32 cannot
    tell from their neighbors, and where there are none.
    """
    x = checks.array("x", np.asarray(x, dtype=np.float64), "N", "D")
    whole = (x == np.rint(x)).all(axis=0)
    if columns is None:
        chosen = np.flatnonzero(whole & (np.abs(x).max(axis=0) < LARGEST))
        if not chosen.size:
            raise ValueError(f"x must have a column of whole numbers below {LARGEST:,} in size, got none")
    else:
        chosen = checks.integers("columns", np.asarray(columns), "K", most=x.shape[1] - 1)
        if not whole[chosen].all():
            raise ValueError(f"columns must hold whole numbers, got {chosen[~whole[chosen]].tolist()}, which do not")
    values = x[:, chosen]
    if np.abs(values).max() >= LARGEST:
        got = f"{np.abs(values).max():,.0f}; larger ones, such as times, need no noise"
        raise ValueError(f"whole numbers must be below {LARGEST:,} in size, got {got}")
    noisy = (values + checks.rng(rng).random(values.shape)).astype(np.float32)
    below_next = np.nextafter((values + 1).astype(np.float32), np.float32(-np.inf))
    result = x.astype(np.float32)
    result[:, chosen] = np.minimum(noisy, below_next)  # rounding to float32 must not reach the next whole number
    return result
