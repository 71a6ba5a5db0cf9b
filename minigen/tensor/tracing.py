"""The record of minigen's own derivatives: autograd's, with nodes, arrays and some rules of its own.

autograd's functions record on `GradNode`s and `TracedArray`s as they do on its own types for `autograd.grad`, of which
nothing is changed. What is different belongs to these two types:

* an operator of a traced array looks at its operands once. autograd's wrapper lists the traced ones, looks for arrays
  of other libraries, and calls itself a second time with the values: a step of RealNVP takes 1.2 times as long so;
* a node takes its derivative rule from `RULES`, and autograd's where there is none. Those that save time are here
  (RealNVP's step takes 1.1 times as long without them, MAF's 1.15), those for other reasons in `rules.py`;
* what a traced array cannot do is refused with a sentence that says what to do instead.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import tracer
from autograd.core import VJPNode, primitive_vjps
from autograd.extend import defjvp, defvjp, primitive
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.numpy.numpy_vjps import unbroadcast_f
from autograd.tracer import Box, notrace_primitives

from minigen.types import Array

Vjp = Callable[[Array], Any]
Rule = Callable[[tuple, Any, tuple, dict], Vjp]  # of (argnums, value, args, kwargs), for the arguments argnums
WRONG_ARGUMENTS = (TypeError, ValueError, LookupError, AttributeError, AssertionError)  # that a rule was not made for
_PLAIN = frozenset([np.ndarray, np.float32, np.float64, np.bool_, float, int, bool, tuple, slice, type(None)])


class GradNode(VJPNode):
    """A node of the record that also holds its function, and the dtype and the shape of its value."""

    __slots__ = ["dtype", "function", "shape"]

    def __init__(self, value: Any, function: Callable, args: tuple, kwargs: dict, argnums: tuple, parents: tuple):
        self.dtype, self.shape = getattr(value, "dtype", None), getattr(value, "shape", None)
        self.function, self.parents = function, parents  # type: ignore[misc]
        rule = RULES.get(function) or primitive_vjps.get(function)
        if rule is None:
            module = getattr(getattr(function, "fun", function), "__module__", None) or "numpy"
            name = f"{module}.{function.__name__}".replace("numpy", "np", 1)
            raise NotImplementedError(f"{name} has no derivative in autograd: compose it of functions that have one")
        try:
            self.vjp = rule(argnums, value, args, kwargs)  # type: ignore[misc]
        except WRONG_ARGUMENTS as error:
            raise NotImplementedError(wrong_arguments(function, error)) from error

    def initialize_root(self, value: Array) -> None:
        super().initialize_root()
        self.dtype, self.shape = value.dtype, value.shape


def wrong_arguments(function: Callable, error: Exception) -> str:
    """Say that the derivative of a function of autograd.numpy is not defined for the arguments of a call."""
    return f"the derivative of np.{function.__name__} is not defined for these arguments ({error}): use other functions"


def record(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Return `function(*args, **kwargs)`, a function of autograd.numpy, one of whose arguments is a TracedArray.

    The usual case, traced and plain arrays and numbers, is done here; the others are left to autograd's wrapper.
    """
    trace = -1  # of the innermost derivative that one of the arguments takes part in
    for a in args:
        kind = type(a)
        if kind is TracedArray:
            if a._trace > trace:
                trace = a._trace
        elif kind not in _PLAIN:
            return function(*args, **kwargs)
    argnums, parents, values, outer = [], [], [], False
    for i, a in enumerate(args):
        if type(a) is TracedArray:
            if a._trace == trace:
                argnums.append(i)
                parents.append(a._node)
                a = a._value
            outer = outer or type(a) in TRACED  # an outer derivative is being taken too: it records this call
        values.append(a)
    value = function(*values, **kwargs) if outer else function.fun(*values, **kwargs)
    return TracedArray(value, trace, GradNode(value, function, tuple(values), kwargs, tuple(argnums), tuple(parents)))


# ------------------------------------------------------------------------------------------- rules that save time


def _index(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
    """Of x[index]: g where x was read, zeros elsewhere; np.add.at only where x may be read twice."""
    x, index = args
    shape, dtype = x.shape, x.dtype
    return lambda g: ((_scatter.fun if type(g) is np.ndarray else _scatter)(g, index, shape, dtype),)


@primitive
def _scatter(g: Array, index: Any, shape: tuple, dtype: Any) -> Array:
    out = np.zeros(shape, dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts):
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out


defvjp(_scatter, lambda value, g, index, shape, dtype: lambda h: h[index])
defjvp(_scatter, "same")


def elementwise(*gradient_of: Callable) -> Rule:
    """The rule of an operation from gradient_of[i](value, *args), of argument i: it is summed over broadcast axes."""

    def rule(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
        vjps = []
        for i in argnums:
            argument, vjp = args[i], gradient_of[i](value, *args, **kwargs)
            if type(argument) is not np.ndarray or argument.shape != value.shape or argument.dtype != value.dtype:
                vjp = unbroadcast_f(argument, vjp)
            vjps.append(vjp)
        if len(vjps) == 1:
            return lambda g: (vjps[0](g),)
        return lambda g: [vjp(g) for vjp in vjps]

    return rule


def of_array(function: Callable, vjp_of: Callable) -> Rule:
    """The rule of a function of one array from vjp_of(value, *args, **kwargs); autograd's own for complex numbers."""

    def rule(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
        if args[0].dtype.kind == "c":
            return primitive_vjps[function](argnums, value, args, kwargs)
        vjp = vjp_of(value, *args, **kwargs)
        return lambda g: (vjp(g),)

    return rule


def reduced_shape(x: Array, axis: Any) -> tuple[int, ...]:
    """The shape of a reduction of x over `axis` that keeps its dimensions."""
    shape = x.shape
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [a % len(shape) for a in axes]
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def _sum(value: Array, x: Array, axis: Any = None, *, keepdims: Any = False, dtype: Any = None, out: Any = None) -> Vjp:
    """Of the sum: g is spread over the axes that were reduced, as a view."""
    shape, reduced = x.shape, reduced_shape(x, axis)
    return lambda g: (np if type(g) is np.ndarray else anp).broadcast_to(g.reshape(reduced), shape)


def mean_vjp(value: Array, x: Array, axis: Any = None, **options: Any) -> Vjp:
    """Of the mean: as of the sum, divided by their number, a Python int, so that float32 stays float32."""
    spread, count = _sum(value, x, axis, **options), x.size // max(math.prod(reduced_shape(x, axis)), 1)
    return lambda g: spread(g / count)


def _reshape(value: Array, x: Array, shape: Any, order: str = "C") -> Vjp:
    before = x.shape
    return lambda g: g.reshape(before) if order == "C" else anp.reshape(g, before, order=order)


def _transpose(value: Array, x: Array, axes: Any = None) -> Vjp:
    """Of the transpose, whose axes may be counted from the last."""
    back = None if axes is None else np.argsort([axis % len(axes) for axis in axes])
    return lambda g: anp.transpose(g, back)


RULES: dict[Callable, Rule] = {  # by function of autograd.numpy; `rules.prepare` adds others
    ArrayBox.__getitem__: _index,
    anp.transpose: of_array(anp.transpose, _transpose),
    anp.sum: of_array(anp.sum, _sum),
    anp.reshape: of_array(anp.reshape, _reshape),
    anp.add: elementwise(lambda value, x, y: lambda g: g, lambda value, x, y: lambda g: g),
    anp.subtract: elementwise(lambda value, x, y: lambda g: g, lambda value, x, y: lambda g: -g),
    anp.multiply: elementwise(lambda value, x, y: lambda g: g * y, lambda value, x, y: lambda g: g * x),
    anp.true_divide: elementwise(lambda value, x, y: lambda g: g / y, lambda value, x, y: lambda g: -g * x / y**2),
    anp.tanh: elementwise(lambda value, x: lambda g: g * (1 - value * value)),  # autograd's 1 / cosh² overflows
}


# ------------------------------------------------------------------------------------------- the arrays


def _operator(function: Callable) -> Callable:
    return lambda self, *others: record(function, self, *others)


def _swapped(function: Callable) -> Callable:
    return lambda self, other: record(function, other, self)


def _refused(message: str) -> Callable:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(message)

    return method


class TracedArray(ArrayBox):
    """An array in one of minigen's derivatives."""

    __slots__ = []

    shape = property(lambda a: a._value.shape if type(a._value) is np.ndarray else np.shape(a._value))
    dtype = property(lambda a: a._value.dtype if type(a._value) is np.ndarray else anp.result_type(a._value))
    T = property(_operator(anp.transpose))

    __getitem__ = _operator(ArrayBox.__getitem__)
    __neg__, __abs__ = _operator(anp.negative), _operator(anp.abs)
    __add__, __radd__ = _operator(anp.add), _swapped(anp.add)
    __sub__, __rsub__ = _operator(anp.subtract), _swapped(anp.subtract)
    __mul__, __rmul__ = _operator(anp.multiply), _swapped(anp.multiply)
    __truediv__, __rtruediv__ = _operator(anp.true_divide), _swapped(anp.true_divide)
    __pow__, __rpow__ = _operator(anp.power), _swapped(anp.power)
    copy, dot = _operator(anp.copy), _operator(anp.dot)

    def transpose(self, *axes: Any) -> Any:
        """Take the axes one by one, or as one tuple; autograd's method takes a tuple alone."""
        return record(anp.transpose, self, *(axes if len(axes) < 2 else (axes,)))

    __float__ = __int__ = _refused(
        "an array that is being differentiated cannot be made a Python number by float() or int(): return it beside "
        "the loss (has_aux=True), or take its value as a constant by minigen.tensor.stop_gradient"
    )
    __array__ = _refused(
        "plain NumPy cannot compute with an array that is being differentiated: use autograd's, `import autograd.numpy "
        "as np` (of a list of arrays make one first, by its np.stack or np.concatenate; these also do the work of "
        "np.r_, np.c_ and np.select), or take its value as a constant by minigen.tensor.stop_gradient"
    )
    __setitem__ = _refused("an array being differentiated cannot be changed in place: make a new one, as by np.where")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Record `array * self` and the like, in which NumPy has the first say."""
        if ufunc in _UFUNCS and method == "__call__" and not kwargs and type(inputs[0]) in _PLAIN:
            return record(_UFUNCS[ufunc], *inputs)
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"an array that is being differentiated has no {name!r}: use a function of autograd.numpy")


TRACED = frozenset([TracedArray, ArrayBox])  # by minigen, and by autograd
_UFUNCS = {f.fun: f for f in (anp.add, anp.subtract, anp.multiply, anp.true_divide, anp.power)}


def use_types() -> None:
    """Make autograd use `TracedArray` for a GradNode: a function replaces `ArrayBox` in its table of types of boxes."""

    def box(value: Any, trace: int, node: Any) -> ArrayBox:
        return (TracedArray if type(node) is GradNode else ArrayBox)(value, trace, node)

    notrace_primitives[GradNode] = notrace_primitives[VJPNode] - {anp.full_like}  # argmax, shape, ... have no gradient
    Box.types.add(TracedArray)
    for kind in [kind for kind, type_of_box in Box.type_mappings.items() if type_of_box is ArrayBox]:
        Box.type_mappings[kind] = box
    Box.type_mappings[TracedArray] = box


# ------------------------------------------------------------------------------------------- the counter


@contextmanager
def new_trace(counter: tracer.TraceStack) -> Iterator[int]:
    """The number of a new trace, one deeper than those around it; given back even when the traced function raises."""
    counter.top = number = counter.top + 1
    try:
        yield number
    finally:
        counter.top = number - 1


class _ByThread(tracer.TraceStack):
    """autograd's counter of nested derivatives with a `top` for each thread; a new one begins where it was."""

    local, new_trace = threading.local(), new_trace
    top = property(
        lambda self: getattr(self.local, "top", self.__dict__["top"]), lambda self, top: setattr(self.local, "top", top)
    )


def count_by_thread() -> Callable[[], None]:
    """Make autograd's counter count by thread, for two threads to differentiate; returns the function that undoes it.

    It stays the same object: derivatives that are being taken now, and those of `autograd.grad`, draw from it too.
    """
    counter = tracer.trace_stack
    counter.__class__ = _ByThread

    def undo() -> None:
        top, counter.__class__ = counter.top, tracer.TraceStack
        counter.top, _ByThread.local = top, threading.local()

    return undo
