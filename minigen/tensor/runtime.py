"""What importing `minigen.tensor` changes in the running process: everything, in one place, and how to switch it off.

Three things are changed, for speed, for two threads to be safe, and for gradients to be right. None of them changes
what a program computes, but for rounding and for the gradients that autograd gets wrong.

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

3. **autograd.** Its rules of differentiation are replaced by those of `rules.py`, and the functions that models
   call most (`+`, `np.sum`, `x[index]`, ...) by those of `calls.py`, for three reasons.

   Faster:

   * its counter of nested derivatives becomes thread-local, so that two threads can differentiate two halves of a
     batch; and an exception inside a trace does not leave it raised;
   * the gradient of `x[index]` for a plain slice is one assignment rather than `np.add.at`, ten times slower;
   * the gradient of `np.mean` divides by a Python int, not by a NumPy int64 that makes float64 of float32; it and that
     of `np.sum` are views, not arrays that are added to zeros (two replacements);
   * the gradient of `x**2` is a product, not a power with a float64 exponent, three to five times slower;
   * the gradient of `np.tanh` is 1 − tanh², from the value at hand, not 1/cosh², which overflows in float32;
   * a gradient that already has its operand's shape skips the search for broadcast axes, and the rules of `+`, `-`
     and `*` do not look for them where an operand has the shape of the result;
   * shape and ndim of a traced array are read off its value, and `np.shape` off an array, without a dispatch between;
   * a call of one of the functions in `calls.py` looks at its arguments once: it takes a third to a half less time
     with small arrays.

   Right, where autograd's gradient has another shape or value than the derivative:

   * `np.linalg.norm` with keepdims has a gradient of another shape, with ord=inf NaN, of a row of zeros NaN; now the
     shape of x, and 0 for the zeros. ord=1 and -inf, negative axes and an axis as a tuple of one are added;
   * `np.where(mask, x, y)`, `np.clip`, `np.cross`, `np.broadcast_to` and `np.linalg.solve` of an operand that is
     broadcast: its gradient is summed to its own shape. Bounds of `np.clip` have gradients, too;
   * `np.std` and `np.var` take `correction` for what it is; std is 0/0 for equal values, and its gradient now 0;
   * `np.prod` divides by x, which is NaN at zeros: there the other elements are multiplied out;
   * `np.repeat` with a negative axis or several counts, `np.tile` with fewer counts than axes, `np.roll` with several
     shifts, `np.transpose` with negative axes, `np.diag` of a matrix that is not square, `np.outer` of matrices,
     `np.trace` of a batch, `np.sort` along an axis, `np.pad` without a mode or with one other than constant;
   * `np.full_like(x, value)` passes the derivative on to `value`; `np.sinc` has one at 0;
   * `np.cumprod` (where x is not 0), `flip`, `take`, `take_along_axis`, `diagonal`, `delete`, `matrix_transpose`,
     `copy` and `asarray` have a gradient at all; so have the methods dot and copy, `x.transpose(0, 2, 1)`, the
     attribute mT, and the fields of what `np.linalg` returns by name, such as `slogdet(x).logabsdet`.

   Refused, with an error that says what to use instead: arguments that autograd overlooks (`where=` of a sum, a
   repeated index in einsum), every function that has no derivative (`np.median`, `np.cov`), methods that a traced array
   lacks, `float(x)` of a traced array, assignment into one, and plain NumPy where autograd's is needed (which would
   make an array of objects of it, and fail later).

**To leave the process as it was**, set the environment variable `MINIGEN_RUNTIME=off` before the import, or call
`runtime.restore()` at any time after it; `runtime.apply()` makes the changes again. Without them minigen runs on one
thread of its own (BLAS keeps its threads), slower, and with the gradients as autograd has them.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import autograd.core as autograd_core
import autograd.numpy as anp
import numpy as np
from autograd import tracer
from autograd.builtins import SequenceBox
from autograd.numpy import numpy_vjps, numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox

from minigen.tensor import rules
from minigen.tensor.calls import make_calls_lean, shape
from minigen.types import Array

SWITCH = "MINIGEN_RUNTIME"  # environment variable, "on" (the default) or "off"

Undo = Callable[[], Any]
_undo: list[Undo] = []  # what takes the changes back; empty while nothing is changed


def is_applied() -> bool:
    """Whether the changes described at the top are in force."""
    return bool(_undo)


def apply() -> None:
    """Make the changes described at the top; nothing happens if they are in force already."""
    if not _undo:
        _undo.extend([_keep_freed_memory(), _one_blas_thread(), _replace_rules_of_autograd(), make_calls_lean()])


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


def blas_threads(count: int) -> Any:
    """Set NumPy's BLAS to `count` threads, from now on or, as a context, for a while."""
    return _blas().limit(limits=count, user_api="blas")


def blas_kernels() -> set[str]:
    """The processors for which the loaded BLAS libraries compute, such as {"SkylakeX"}."""
    return {library.get("architecture", "") for library in _blas().info() if library["user_api"] == "blas"}


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _one_blas_thread() -> Undo:
    return blas_threads(1).restore_original_limits


# ------------------------------------------------------------------------------------------- 3. autograd


_ABSENT = object()


def _refuse(message: str) -> Callable:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(message)

    return method


_NO_NUMBER = (
    "an array that is being differentiated cannot be made a Python number by float() or int(): return it beside the "
    "loss (has_aux=True), or take its value as a constant by minigen.tensor.stop_gradient"
)
_NO_NUMPY = (
    "plain NumPy cannot compute with an array that is being differentiated: use autograd's, "
    "`import autograd.numpy as np` (of a list of arrays make one first, by its np.stack or np.concatenate), or take "
    "its value as a constant by minigen.tensor.stop_gradient"
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


def _missing_attribute(self: Any, name: str) -> Any:
    raise AttributeError(
        f"an array that is being differentiated has no {name!r}: use the function of autograd.numpy instead, such as "
        "np.sum(x) for x.sum()"
    )


def _field(self: SequenceBox, name: str) -> Any:
    """A field of a named tuple, such as the logabsdet of np.linalg.slogdet."""
    value = tracer.getval(self)
    if name not in getattr(value, "_fields", ()):
        raise AttributeError(f"{type(value).__name__} has no {name!r}")
    return self[value._fields.index(name)]


def _replace_rules_of_autograd() -> Undo:
    """Make the replacements listed at the top; returns the function that takes them back."""
    before = {function: autograd_core.primitive_vjps.get(function) for function in rules.RULES}
    attributes = [
        (tracer, "trace_stack", _TraceStack()),
        (numpy_vjps, "unbroadcast_f", rules.unbroadcast_f),
        (anp, "full_like", rules.full_like),
        (anp, "shape", shape),
        (numpy_wrapper, "shape", shape),
        (ArrayBox, "shape", property(lambda self: shape(self._value))),
        (ArrayBox, "ndim", property(lambda self: np.ndim(self._value))),
        (ArrayBox, "mT", property(anp.matrix_transpose)),
        (ArrayBox, "dot", lambda self, other: anp.dot(self, other)),
        (ArrayBox, "copy", lambda self: anp.copy(self)),
        (ArrayBox, "reshape", _method_with_sizes("reshape")),
        (ArrayBox, "transpose", _method_with_sizes("transpose")),
        (ArrayBox, "__getattr__", _missing_attribute),
        (SequenceBox, "__getattr__", _field),
        *[(ArrayBox, name, method) for name, method in _REFUSED.items()],
    ]
    attributes_before = [(owner, name, getattr(owner, name, _ABSENT)) for owner, name, _ in attributes]

    def put(rules: dict, attributes: list) -> None:
        for function, rule in rules.items():
            if rule is None:
                autograd_core.primitive_vjps.pop(function)
            else:
                autograd_core.defvjp_argnums(function, rule)
        for owner, name, value in attributes:
            if value is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, value)

    put(rules.RULES, attributes)
    return lambda: put(before, attributes_before)


def _method_with_sizes(name: str) -> Callable:
    """The method of this function that takes sizes or axes one by one, x.reshape(2, -1), or as one tuple."""

    def method(self: ArrayBox, *sizes: Any, **kwargs: Any) -> Array:
        return getattr(anp, name)(self, *(sizes if len(sizes) < 2 else (sizes,)), **kwargs)

    return method


class _TraceStack(threading.local):
    """autograd's counter of nested derivatives, one per thread, and restored when the traced function raises."""

    top = -1

    @contextmanager
    def new_trace(self) -> Iterator[int]:
        self.top += 1
        try:
            yield self.top
        finally:
            self.top -= 1
