"""Two threads, each with half of the batch.

NumPy's element-wise work runs on one core, whatever the BLAS library does, so a convolutional model leaves a second
core idle for half of each step. Two ways out are given here:

* `parallel_value_and_grad`: each thread differentiates the whole model on half of the batch, and the two gradients are
  averaged. Everything runs on both cores, but the model must treat its examples one by one. It pays for convolution and
  attention (1.2 to 1.4 times); small models lose more to the bookkeeping than they gain.
* `in_halves`: a single operation, a convolution or a large matrix product, shares its own work. It asks nothing of the
  model, so it also serves networks with batch norm. Inside the first it does nothing.

Both need BLAS on one thread and derivatives that are counted by thread: `runtime.py` sees to it. Where that is switched
off, nothing is shared, and all work is done by the calling thread.

Sums over the two halves are taken in a fixed order, so that a seed still gives the same numbers bit for bit.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from minigen.tensor import runtime
from minigen.tensor.core import tree_of, value_and_gradients
from minigen.tensor.scratch import chunks

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

    `work` takes a slice. The result is `[work(slice(0, n))]` if the work is not worth two threads (to hand over a
    half takes up to a tenth of a millisecond), on a machine with one core, inside another half, or where `runtime` is
    switched off.
    """
    if not worth_it or n < 2 or _half.running or CORES < 2 or not runtime.is_applied():
        return [work(slice(0, n))]

    def marked(part):
        _half.running = True
        try:
            return work(part)
        finally:
            _half.running = False

    other = _pool().submit(marked, slice(n // 2, n))
    try:
        mine = marked(slice(0, n // 2))
    finally:
        other = other.result()  # also after an error: the arrays in use belong to the caller
    return [mine, other]


def in_parts(update: Callable, *arrays: np.ndarray) -> None:
    """`update(*arrays)`, an update in place that treats each number by itself: row by row, which it cannot notice.

    Arrays of one shape. From `UPDATED` numbers on, as many rows at a time as the cache holds, half of them on each
    thread.
    """
    first = arrays[0]
    if first.size < UPDATED or first.ndim == 0:
        return update(*arrays)

    def work(part):
        for rows in chunks(part, 4 * first[0].nbytes):
            update(*(a[rows] for a in arrays))

    in_halves(work, len(first))


def parallel_value_and_grad(fn: Callable, has_aux: bool = False) -> Callable:
    """Like `value_and_grad(fn, has_aux)`, on two threads, for an `fn(tree, *batch)` that is a mean over the batch.

    `batch` are arrays whose first axis is the batch (all of the same length) or None; each half goes to one thread. The
    result equals that of `value_and_grad` up to rounding. With `has_aux`, `fn` returns `(scalar, aux)`: in the `aux` of
    the whole batch (a dict, list, tuple or single value) arrays are those of the two halves, one after the other, and
    numbers are the halves' mean, weighted by their size. Not for layers that use statistics of the batch.
    On a machine with one core, or for a batch of one, it is `value_and_grad`.
    """

    def run(tree: Any, *batch):
        sizes = {len(a) for a in batch if a is not None}
        if len(sizes) != 1:
            raise ValueError(f"the arrays of a batch must have one length, got {sorted(sizes)}")
        (n,) = sizes

        def differentiate(part):
            return value_and_gradients(fn, tree, [None if a is None else a[part] for a in batch], has_aux)

        halves = in_halves(differentiate, n)
        if len(halves) == 1:
            value, aux, gradients = halves[0]
            return ((value, aux) if has_aux else value), tree_of(gradients, tree)
        (value1, aux1, gradients1), (value2, aux2, gradients2) = halves
        w1, w2 = np.float32(n // 2 / n), np.float32((n - n // 2) / n)

        def average(out, a, b):
            np.multiply(a, w1, out=out)
            out += b * w2

        def averaged(a, b):
            out = np.empty_like(a)
            in_parts(average, out, a, b)
            return out

        value = value1 * w1 + value2 * w2
        grads = tree_of([averaged(a, b) for a, b in zip(gradients1, gradients2)], tree)
        return ((value, _joined(aux1, aux2, w1, w2)) if has_aux else value), grads

    return run


def _joined(a: Any, b: Any, w1: np.float32, w2: np.float32) -> Any:
    """What two halves of a batch returned beside the loss, as the whole batch would have returned it."""
    if isinstance(a, dict):
        return {key: _joined(a[key], b[key], w1, w2) for key in a}
    if isinstance(a, (list, tuple)):
        parts = [_joined(x, y, w1, w2) for x, y in zip(a, b, strict=True)]
        return type(a)(*parts) if hasattr(a, "_fields") else type(a)(parts)
    if np.ndim(a):
        return np.concatenate([a, b])
    return a * w1 + b * w2 if a is not None else None
