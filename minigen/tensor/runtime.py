"""What importing `minigen.tensor` changes in the running process: everything, in one place, and how to switch it off.

Three things are changed, for speed and for two threads to be safe. None of them changes what a program computes,
but for rounding.

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

3. **autograd.** Seven replacements, which change its speed only:

   * its counter of nested derivatives becomes thread-local, so that two threads can differentiate two halves of a
     batch; and an exception inside a trace does not leave it raised;
   * the gradient of `x[index]` for a plain slice is one assignment rather than `np.add.at`, ten times slower;
   * the gradient of `np.mean` divides by a Python int, not by a NumPy int64 that makes float64 of float32; it and that
     of `np.sum` are views, not arrays that are added to zeros (two replacements);
   * the gradient of `x**2` is a product, not a power with a float64 exponent, three to five times slower;
   * a gradient that already has its operand's shape skips the search for broadcast axes;
   * shape and ndim of a traced array are read off its value, without autograd's dispatch between.

   And three errors get messages of their own: `float(x)` of a traced array, assignment into one, and plain NumPy
   where autograd's is needed (which would make an array of objects of it, and fail later).

**To leave the process as it was**, set the environment variable `MINIGEN_RUNTIME=off` before the import, or call
`runtime.restore()` at any time after it; `runtime.apply()` makes the changes again. Without them minigen runs on one
thread of its own (BLAS keeps its threads), and slower.
"""

import ctypes
import math
import os
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from typing import Any

import autograd.core as autograd_core
import autograd.numpy as anp
import numpy as np
from autograd import tracer
from autograd.numpy import numpy_vjps, numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox

from minigen.tensor.core import primitive

SWITCH = "MINIGEN_RUNTIME"  # environment variable, "on" (the default) or "off"

Undo = Callable[[], Any]
_undo: list[Undo] = []  # what takes the changes back; empty while nothing is changed


def is_applied() -> bool:
    """Whether the changes described at the top are in force."""
    return bool(_undo)


def apply() -> None:
    """Make the changes described at the top; nothing happens if they are in force already."""
    if not _undo:
        _undo.extend([_keep_freed_memory(), _one_blas_thread(), _replace_rules_of_autograd()])


def restore() -> None:
    """Take the changes back: autograd's own rules, BLAS threads as they were, glibc's default thresholds."""
    while _undo:
        _undo.pop()()


def apply_unless_switched_off() -> None:
    """`apply`, unless the environment variable MINIGEN_RUNTIME is "off"; ValueError unless it is on, off or not set."""
    switch = os.environ.get(SWITCH, "on").lower()
    if switch not in ("on", "off"):
        raise ValueError(f"the environment variable {SWITCH} must be on or off, got {switch!r}")
    if switch == "on":
        apply()


# ------------------------------------------------------------------------------------------- 1. the allocator

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
DEFAULT_THRESHOLD = 128 * 1024  # glibc's, for both


def _keep_freed_memory() -> Undo:
    _mallopt({M_MMAP_THRESHOLD: 2**30, M_TRIM_THRESHOLD: 2**31 - 1, M_ARENA_MAX: 1})
    return lambda: _mallopt({M_MMAP_THRESHOLD: DEFAULT_THRESHOLD, M_TRIM_THRESHOLD: DEFAULT_THRESHOLD, M_ARENA_MAX: 0})


def _mallopt(parameters: dict[int, int]) -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library
        return
    for parameter, value in parameters.items():
        mallopt(parameter, value)


# ------------------------------------------------------------------------------------------- 2. BLAS threads


def blas_threads(count: int):
    """Set NumPy's BLAS to `count` threads, from now on or, as a context, for a while."""
    return _blas().limit(limits=count, user_api="blas")


@cache
def _blas():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _one_blas_thread() -> Undo:
    return blas_threads(1).restore_original_limits


# ------------------------------------------------------------------------------------------- 3. autograd


_ABSENT = object()


def _refuse(message: str) -> Callable:
    def method(self, *args, **kwargs):
        raise TypeError(message)

    return method


_NO_NUMBER = (
    "an array that is being differentiated cannot be made a Python number by float() or int(): return it beside the "
    "loss (has_aux=True), or take its value as a constant by minigen.tensor.stop_gradient"
)
_NO_NUMPY = (
    "plain NumPy cannot compute with an array that is being differentiated: use autograd's, "
    "`import autograd.numpy as np`, or take its value as a constant by minigen.tensor.stop_gradient"
)
_NO_ASSIGNMENT = (
    "an array that is being differentiated cannot be changed in place: make a new one, by np.where or np.concatenate "
    "of autograd.numpy"
)
_REFUSED = {
    "__float__": _refuse(_NO_NUMBER),
    "__int__": _refuse(_NO_NUMBER),
    "__array__": _refuse(_NO_NUMPY),
    "__setitem__": _refuse(_NO_ASSIGNMENT),
}


def _replace_rules_of_autograd() -> Undo:
    """Make the replacements listed at the top; returns the function that takes them back."""
    rules = {
        ArrayBox.__getitem__: _getitem_vjp,
        getattr(numpy_wrapper, "_primitive_mean", anp.mean): _reduction_vjp(
            mean=True
        ),  # autograd 1.9 wraps it a second time
        anp.sum: _reduction_vjp(mean=False),
        anp.power: _power_vjp,
    }
    before = {function: autograd_core.primitive_vjps[function] for function in rules}
    attributes = [
        (tracer, "trace_stack", _TraceStack()),
        (numpy_vjps, "unbroadcast_f", _unbroadcast_f),
        (ArrayBox, "shape", property(lambda self: np.shape(self._value))),
        (ArrayBox, "ndim", property(lambda self: np.ndim(self._value))),
        *[(ArrayBox, name, method) for name, method in _REFUSED.items()],
    ]
    attributes_before = [(owner, name, getattr(owner, name, _ABSENT)) for owner, name, _ in attributes]

    def put(rules, attributes):
        for function, rule in rules.items():
            autograd_core.defvjp_argnums(function, rule)
        for owner, name, value in attributes:
            if value is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, value)

    put(rules, attributes)
    return lambda: put(before, attributes_before)


class _TraceStack(threading.local):
    """autograd's counter of nested derivatives, one per thread, and restored when the traced function raises."""

    top = -1

    @contextmanager
    def new_trace(self):
        self.top += 1
        try:
            yield self.top
        finally:
            self.top -= 1


def _getitem_vjp(argnums, value, args, kwargs):
    """The gradient of x[index]: g where x was read, zeros elsewhere."""
    x, index = args
    return lambda g: (_scatter(g, index, np.shape(x), x.dtype),)


def _scatter_forward(g, index, shape, dtype):
    out = np.zeros(shape, dtype)
    if _is_basic(index):
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out, None


_scatter = primitive(_scatter_forward, lambda needed, g, value, saved, x, index, shape, dtype: {0: g[index]})


def _is_basic(index) -> bool:
    """Whether an index picks every element at most once (ints, slices, None, ...), so that no sum is needed."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts)


def _reduction_vjp(mean: bool):
    """The gradient of `np.sum`, or of `np.mean`: g is spread over the axes that were reduced, as a view."""

    def vjp_of(argnums, value, args, kwargs):
        x = args[0]
        axis = kwargs.get("axis", args[1] if len(args) > 1 else None)
        keepdims = kwargs.get("keepdims", False)
        shape = np.shape(x)
        if axis is None:
            axes = tuple(range(len(shape)))
        else:
            axes = tuple([a % max(len(shape), 1) for a in np.atleast_1d(axis).tolist()])
        kept = tuple([1 if i in axes else n for i, n in enumerate(shape)])
        count = math.prod([shape[a] for a in axes]) if mean else 1

        def vjp(g):
            g = g if keepdims else anp.reshape(g, kept)
            return (
                anp.broadcast_to(g / count if mean else g, shape),
            )  # `count` is a Python int: float32 stays float32

        return vjp

    return vjp_of


_GENERAL_POWER_VJP = autograd_core.primitive_vjps[anp.power]


def _power_vjp(argnums, value, args, kwargs):
    """The gradient of x ** n for a plain number n, n x ** (n − 1): with Python's numbers, which NumPy has shortcuts
    for."""
    x, n = args
    if argnums != (0,) or type(n) not in (int, float) or np.shape(x) == ():
        return _GENERAL_POWER_VJP(argnums, value, args, kwargs)
    if n == 2:
        return lambda g: (g * (2 * x),)
    return lambda g: (g * (n * x ** (n - 1)) if n else anp.zeros_like(x),)


def _unbroadcast_f(target, f, slow=numpy_vjps.unbroadcast_f):
    """The gradient `f(g)` of an operand `target`, summed over the axes along which the operand was broadcast."""
    if type(target) is not np.ndarray or target.dtype.kind != "f":
        return slow(target, f)
    shape = target.shape

    def vjp(g):
        g = f(g)
        if type(g) is np.ndarray and g.shape == shape and g.dtype.kind == "f":
            return g
        return numpy_vjps.unbroadcast(g, anp.metadata(target))

    return vjp
