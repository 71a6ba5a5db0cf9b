"""A function of a large batch, computed in parts so that its intermediate arrays stay small."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen import checks
from minigen.progress import bar_is_seen, progress_bar
from minigen.tensor.tree import map_items


def batched(fn: Callable, *arrays: np.ndarray | None, size: int = 500, progress: str | None = None) -> Any:
    """`fn(*arrays)`, for `size` examples at a time, the results put end to end.

    arrays:   of one length, their first axis the batch; None is passed on as None.
    fn:       returns an array whose first axis is the batch, or a tuple, list or dict of such arrays.
    progress: the name of a progress bar, on a terminal or in a notebook; without it none is shown.

    For evaluation, not inside a derivative. Raises ValueError for no array or arrays of different lengths.
    """
    size = checks.whole("size", size)
    lengths = {len(a) for a in arrays if a is not None}
    if len(lengths) != 1:
        raise ValueError(f"arrays must have one length, got {sorted(lengths) or 'no array'}")
    (n,) = lengths
    parts = [slice(start, start + size) for start in range(0, max(n, 1), size)]  # one part for an empty batch
    if progress and len(parts) > 1 and bar_is_seen():
        parts = progress_bar(parts, desc=progress, unit="part", leave=False)
    results = [fn(*(None if a is None else a[part] for a in arrays)) for part in parts]
    return map_items(lambda *each: np.concatenate(each), *results)
