"""Two threads, each with half of the batch.

NumPy's element-wise work runs on one core, whatever the BLAS library does, so a convolutional model leaves a second
core idle for half of each step. Three remedies are given here:

* `parallel_value_and_grad`: each thread differentiates the whole model on half of the batch, and the two gradients are
  averaged. Everything runs on both cores, but the model must treat its examples independently. It pays for convolution
  and attention (1.2 to 1.4 times); small models lose more to the overhead than they gain.
* `parallel_call`: the same for a model that is only evaluated, as a sampler does.
* `in_halves`: a single operation, a convolution or a large matrix product, shares its own work. It requires nothing of
  the model, so it also serves networks with batch norm. Inside the other two it does nothing.

They need BLAS on one thread and derivatives that are counted by thread, as `runtime.py` sets them. Where that is
switched off, nothing is shared, and all work is done by the calling thread.

Sums over the two halves are taken in a fixed order, so that a seed still gives the same numbers bit for bit.
"""

import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from minigen.tensor import runtime
from minigen.tensor.core import differentiate, tree_of
from minigen.tensor.tree import map_items
from minigen.types import Array

CORES = os.cpu_count() or 1
UPDATED = 1 << 17  # numbers from which an update in place is worth two threads


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="half-batch")


if hasattr(os, "register_at_fork"):  # a child process does not inherit the thread
    os.register_at_fork(after_in_child=_pool.cache_clear)


class _Half(threading.local):
    """Whether this thread is already at work on a half, so that it must not be halved again."""

    running = False


_half = _Half()


def in_halves(work: Callable[[slice], Any], n: int, worth_it: bool = True) -> list:
    """`[work(first half of range(n)), work(second half)]`, on two threads.

    `work` takes a slice. The result is `[work(slice(0, n))]` if the work is not worth two threads (to start the other
    half takes up to a tenth of a millisecond), on a machine with one core, inside another half, or where `runtime` is
    switched off.
    """
    if not worth_it or n < 2 or _half.running or CORES < 2:
        return [work(slice(0, n))]
    if not runtime.begun:
        runtime.begin()
    if not runtime.applied:
        return [work(slice(0, n))]

    def marked(part: slice) -> Any:
        _half.running = True
        try:
            return work(part)
        finally:
            _half.running = False

    second = _pool().submit(marked, slice(n // 2, n))
    try:
        mine = marked(slice(0, n // 2))
    finally:
        other = second.result()  # also after an error: the arrays in use belong to the caller
    return [mine, other]


def in_parts(update: Callable, *arrays: np.ndarray) -> None:
    """`update(*arrays)`, an update in place, element by element, so that it can be done for some rows at a time.

    Arrays of one shape. From `UPDATED` numbers on, as many rows at a time as the cache holds, half of them on each
    thread.
    """
    first = arrays[0]
    if first.size < UPDATED or first.ndim == 0:
        return update(*arrays)

    def work(part: slice) -> Any:
        for rows in chunks(part, 4 * first[0].nbytes):
            update(*(a[rows] for a in arrays))

    in_halves(work, len(first))


# ------------------------------------------------------------------------------------------- buffers

BUFFER_BYTES = 1 << 20  # what one buffer should hold at a time; about what a core keeps in its own cache


class _Scratch(threading.local):
    """`scratch(name, shape, dtype)` returns an unfilled array, valid until the thread calls it with `name` again."""

    def __init__(self) -> None:
        self.buffers: dict[Any, np.ndarray] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        size = math.prod(shape)
        buffer = self.buffers.get((name, dtype))
        if buffer is None or buffer.size < size:
            buffer = self.buffers[name, dtype] = np.empty(size, dtype)
        return buffer[:size].reshape(shape)


scratch = _Scratch()


def chunks(part: slice, bytes_each: int) -> list[slice]:
    """Slices of `part`, a slice of the samples, of as many samples as fit in one buffer, at least one."""
    step = max(1, BUFFER_BYTES // max(1, bytes_each))
    return [slice(start, min(start + step, part.stop)) for start in range(part.start, part.stop, step)]


# ------------------------------------------------------------------------------------------- models


def parallel_value_and_grad(fn: Callable, has_aux: bool = False) -> Callable:
    """Like `value_and_grad(fn, has_aux)`, on two threads, for an `fn(tree, *batch)` that is a mean over the batch.

    `batch` are arrays whose first axis is the batch (all of the same length) or None; each half goes to one thread. The
    result equals that of `value_and_grad` up to rounding. Not for layers that use statistics of the batch, nor for an
    `fn` that draws random numbers: the halves would share the generator in no fixed order.

    With `has_aux`, `fn` returns `(scalar, aux)`. In aux there may be, in dicts, lists and tuples: arrays with the batch
    for their first axis, which are put end to end; numbers, which are taken for means over the batch and averaged; None
    and strings. Raises ValueError for others, such as an array without the batch axis.

    On a machine with one core, for a batch of one, or with `runtime` switched off, it is `value_and_grad`.
    """

    def run(tree: Any, *batch: Any) -> tuple[Any, Any]:
        value, aux, gradients = differentiate_in_halves(fn, tree, batch, has_aux)
        return ((value, aux) if has_aux else value), tree_of(gradients, tree)

    return run


def differentiate_in_halves(
    fn: Callable, tree: Any, batch: tuple, has_aux: bool = False
) -> tuple[Any, Any, list[np.ndarray]]:
    """Return what `parallel_value_and_grad` finds as `core.differentiate` does, its gradients as a list."""

    def differentiate_part(part: slice) -> tuple:
        return part, *differentiate(fn, tree, tuple([_rows(a, part) for a in batch]), has_aux)

    halves = in_halves(differentiate_part, _batch_size(batch))
    return halves[0][1:] if len(halves) == 1 else _mean_of_halves(*halves)


def parallel_call(fn: Callable) -> Callable:
    """Like `fn(*batch)`, each half of the batch on a thread of its own, for evaluation: not inside a derivative.

    batch: arrays whose first axis is the batch (all of the same length) or None. fn returns an array whose first axis
    is the batch, or a tuple, list or dict of such arrays, and must treat its examples independently: a model that holds
    the labels of a whole batch does not. The result equals that of fn up to rounding. Raises ValueError for arrays of
    different lengths.

    On a machine with one core, for a batch of one, or with `runtime` switched off, it is fn.
    """

    def run(*batch: Any) -> Any:
        halves = in_halves(lambda part: fn(*(_rows(a, part) for a in batch)), _batch_size(batch))
        return halves[0] if len(halves) == 1 else map_items(lambda *each: np.concatenate(each), *halves)

    return run


def _batch_size(batch: tuple) -> int:
    for a in batch:
        if a is not None and not np.ndim(a):
            raise ValueError(f"a batch must be arrays whose first axis is the batch, or None, got {type(a).__name__}")
    sizes = {len(a) for a in batch if a is not None}
    if len(sizes) != 1:
        raise ValueError(f"the arrays of a batch must have one length, got {sorted(sizes) or 'no array'}")
    return sizes.pop()


def _rows(a: Any, part: slice) -> Any:
    return None if a is None else a[part]


def _mean_of_halves(first: tuple, second: tuple) -> tuple[Any, Any, list[np.ndarray]]:
    """Value, aux and gradients of the whole batch from those of its halves, each weighted by its size."""
    (part1, value1, aux1, gradients1), (part2, value2, aux2, gradients2) = first, second
    sizes = part1.stop - part1.start, part2.stop - part2.start
    w1, w2 = (np.float32(size / sum(sizes)) for size in sizes)

    def average(out: Array, a: Array, b: Array) -> None:
        np.multiply(a, w1, out=out)
        out += b * w2

    means: dict[int, np.ndarray] = {}  # by the first half's array, which is the same one for tied weights
    for a, b in zip(gradients1, gradients2, strict=True):
        if id(a) not in means:
            means[id(a)] = np.empty_like(a)
            in_parts(average, means[id(a)], a, b)
    gradients = [means[id(a)] for a in gradients1]

    def join(a: Array, b: Array) -> Any:
        if isinstance(a, np.ndarray) and a.ndim:
            return _end_to_end(a, b, sizes)
        if a is None or isinstance(a, (str, bool, np.bool_)):
            if a is not b and a != b:
                raise ValueError(f"aux must be the same for both halves of a batch, got {a!r} and {b!r}")
            return a
        if isinstance(a, (int, float, np.number, np.ndarray)):
            return a * w1 + b * w2
        raise ValueError(f"aux may hold arrays, numbers, None and strings, got {type(a).__name__}")

    return value1 * w1 + value2 * w2, map_items(join, aux1, aux2), gradients


def _end_to_end(a: np.ndarray, b: np.ndarray, sizes: tuple[int, int]) -> np.ndarray:
    if (len(a), len(b)) != sizes:
        raise ValueError(
            f"arrays in aux must have the batch for their first axis, {sizes[0]} and {sizes[1]} for its halves, "
            f"got shapes {a.shape} and {b.shape}"
        )
    return np.concatenate([a, b])
