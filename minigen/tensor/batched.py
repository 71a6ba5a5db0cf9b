"""A function of a large batch, computed in parts so that its intermediate arrays stay small."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
from autograd import tracer

from minigen import checks
from minigen.progress import bar_is_seen, progress_bar
from minigen.tensor.parallel import in_halves
from minigen.tensor.tree import map_items


def batched(
    fn: Callable, *arrays: np.ndarray | None, size: int = 500, progress: str | None = None, threads: bool = False
) -> Any:
    """`fn(*arrays)`, for `size` examples at a time, the results put end to end.

    arrays:   of one length, their first axis the batch; None is passed on as None.
    fn:       returns an array whose first axis is the batch, or a tuple, list or dict of such arrays.
    progress: the name of a progress bar, on a terminal or in a notebook; without it none is shown.
    threads:  compute two parts at a time, on two threads, from the first part and from the middle on. Only for an fn
              that treats each part by itself: one that draws random numbers, or counts, would do so in no fixed order.

    For evaluation, not inside a derivative. Raises ValueError for no array or arrays of different lengths.
    """
    size = checks.whole("size", size)
    lengths = {len(a) for a in arrays if a is not None}
    if len(lengths) != 1:
        raise ValueError(f"arrays must have one length, got {sorted(lengths) or 'no array'}")
    (n,) = lengths
    parts = [slice(start, start + size) for start in range(0, max(n, 1), size)]  # one part for an empty batch
    shown = progress and len(parts) > 1 and bar_is_seen()
    with progress_bar(total=len(parts), desc=progress, unit="part", leave=False) if shown else nullcontext() as bar:

        def results_of(some: slice) -> list:
            results = []
            for part in parts[some]:
                results.append(fn(*(None if a is None else a[part] for a in arrays)))
                if bar is not None:
                    bar.update()
            return results

        halves = in_halves(results_of, len(parts), threads and tracer.trace_stack.top < 0)
    return map_items(lambda *each: np.concatenate(each), *[result for half in halves for result in half])
