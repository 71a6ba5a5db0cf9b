"""What minigen changes in the running process, when, and how to switch it off.

Nothing is changed by the import. Three things are when minigen first computes: at its first derivative, or at the first
of its own operations (`linear`, `conv2d`, ...), and at the beginning of a lesson. None of them changes what a program
computes, but for rounding where BLAS sums in another order on one thread.

1. **The allocator** (glibc only). A training step allocates and frees the same arrays of 1 to 10 MB again and again.
   glibc returns blocks of that size to the operating system, so every fresh array pays a page fault for each 4 kB:
   measured, 7 to 19 times the cost of reusing a block. `mallopt` sets three parameters: M_MMAP_THRESHOLD, so that even
   large blocks come from the heap and not from a mapping of their own; M_TRIM_THRESHOLD, so that the top of the heap
   is not returned after each free; M_ARENA_MAX, so that threads share one heap and what one frees another can reuse.
   The process keeps the memory of its largest step until it ends. Elsewhere (macOS, Windows, musl) nothing is set.

2. **BLAS threads.** NumPy's BLAS is set to one thread, because minigen shares large work between two threads itself
   (`parallel.py`), element-wise work included. Threads of BLAS spin for a while after each product, and take the core
   that the other half needs: measured, a DCGAN's step took 1.6 times as long. `blas_threads(2)` sets another number,
   for good or as a context. It is set for each BLAS that the process has loaded by then, NumPy's at least. One that is
   loaded later keeps its threads: SciPy brings its own, in which minigen computes nothing large.

3. **autograd's counter of nested derivatives** counts by thread (`tracing.count_by_thread`), so that two threads can
   differentiate two halves of a batch.

Nothing else of autograd is changed: minigen's derivatives have types and rules of their own (`tracing.py`), and those
of `autograd.grad` are autograd's.

**To leave the process as it was**, set the environment variable `MINIGEN_RUNTIME=off`, or call `runtime.restore()` at
any time; `runtime.apply()` makes the changes at once, or again. Without them minigen runs on one thread of its own
(BLAS keeps its threads), slower, with the same results up to rounding; then only one thread at a time may take
derivatives. `restore` brings back BLAS's threads and autograd's counter. It cannot bring back glibc's thresholds, which
move with the blocks that a program frees until the first of them is set, and never again. It sets both to where they
end up in a program that frees large blocks, 32 and 64 MB: with glibc's initial 128 kB for good, a U-Net's step took
36 % longer than if they had never been touched.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from minigen.tensor.tracing import count_by_thread

SWITCH = "MINIGEN_RUNTIME"  # environment variable, "on" (the default) or "off"

Undo = Callable[[], Any]
_undo: list[Undo] = []  # what takes the changes back; empty while nothing is changed
_lock = threading.Lock()
applied = False  # whether the changes described at the top are in force
begun = False  # whether it has been decided that they are made, or are not


def begin() -> None:
    """Make the changes, at the first call of all and unless the environment variable MINIGEN_RUNTIME is "off".

    Raises ValueError unless it is on, off or not set.
    """
    if begun:
        return
    switch = os.environ.get(SWITCH, "on").lower()
    if switch not in ("on", "off"):
        raise ValueError(f"the environment variable {SWITCH} must be on or off, got {switch!r}")
    if switch == "on":
        apply()
    else:
        restore()


def apply() -> None:
    """Make the changes described at the top; nothing happens if they are in force already."""
    global applied, begun
    with _lock:
        if not _undo:
            _undo.extend([_keep_freed_memory(), _one_blas_thread(), count_by_thread()])
        applied = begun = True


def restore() -> None:
    """Take the changes back, as far as described at the top, and make none until `apply` is called."""
    global applied, begun
    with _lock:
        while _undo:
            _undo.pop()()
        applied, begun = False, True


# ------------------------------------------------------------------------------------------- 1. the allocator

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
CEILING = 32 * 2**20  # of glibc's own M_MMAP_THRESHOLD; M_TRIM_THRESHOLD is twice that


def _keep_freed_memory() -> Undo:
    _mallopt({M_MMAP_THRESHOLD: 2**30, M_TRIM_THRESHOLD: 2**31 - 1, M_ARENA_MAX: 1})
    return lambda: _mallopt({M_MMAP_THRESHOLD: CEILING, M_TRIM_THRESHOLD: 2 * CEILING, M_ARENA_MAX: 0})


def _mallopt(parameters: dict[int, int]) -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library
        return
    for parameter, value in parameters.items():
        mallopt(parameter, value)


# ------------------------------------------------------------------------------------------- 2. BLAS threads


def blas_threads(count: int) -> Any:
    """Set NumPy's BLAS to `count` threads, from now on or, as a context, for a while."""
    return _blas().limit(limits=count, user_api="blas")


def blas_kernels() -> set[str]:
    """Return the processors for which the loaded BLAS libraries compute, such as {"SkylakeX"}."""
    return {library.get("architecture", "") for library in _blas().info() if library["user_api"] == "blas"}


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _one_blas_thread() -> Undo:
    return blas_threads(1).restore_original_limits
