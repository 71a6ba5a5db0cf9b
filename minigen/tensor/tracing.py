"""The record of minigen's own derivatives: autograd's, with nodes and arrays of its own types.

`value_and_grad` starts a record whose nodes are `GradNode`s, and whose arrays are `TracedArray`s. autograd's functions
record on them as they do for `autograd.grad`, of which nothing is changed. What is different belongs to these types:

* a node takes its derivative rule from `rules.py`, and autograd's where there is none;
* an operator of a traced array looks at its operands once. autograd's wrapper lists the traced ones, looks for arrays
  of other libraries, and calls itself a second time with the values, which takes several times as long as NumPy's work
  on arrays of a few hundred numbers;
* what a traced array cannot do is refused with a sentence that says what to do instead.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import EllipsisType, NoneType
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import tracer
from autograd.builtins import SequenceBox
from autograd.core import VJPNode, primitive_vjps
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import Box, getval, notrace_primitives

from minigen.tensor.rules import RULES, prepare_rules, without_rule
from minigen.types import Array

WRONG_ARGUMENTS = (TypeError, ValueError, LookupError, AttributeError, AssertionError)  # that a rule was not made for
_PLAIN = frozenset(
    [np.ndarray, np.float32, np.float64, np.bool_, float, int, bool, tuple, slice, NoneType, EllipsisType]
)


class GradNode(VJPNode):
    """A node of the record that also holds its function, and the dtype and the shape of its value."""

    __slots__ = ["dtype", "function", "shape"]

    def __init__(
        self, value: Any, fun: Callable, args: tuple, kwargs: dict, parent_argnums: tuple, parents: tuple
    ) -> None:
        self.dtype, self.shape = getattr(value, "dtype", None), getattr(value, "shape", None)
        self.function, self.parents = fun, parents  # type: ignore[misc]
        rule = RULES.get(fun) or primitive_vjps.get(fun)
        if rule is None:
            raise NotImplementedError(without_rule(fun))
        try:
            self.vjp = rule(parent_argnums, value, args, kwargs)  # type: ignore[misc]
        except WRONG_ARGUMENTS as error:
            raise NotImplementedError(wrong_arguments(fun, error)) from error

    def initialize_root(self, value: Array) -> None:
        super().initialize_root()
        self.dtype, self.shape = value.dtype, value.shape


def wrong_arguments(function: Callable, error: Exception) -> str:
    """Say that the derivative of a function of autograd.numpy is not defined for the arguments of a call."""
    return (
        f"the derivative of np.{function.__name__} is not defined for these arguments ({error}): compute it in "
        "another way"
    )


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


def _operator(function: Callable) -> Callable:
    return lambda self, *others: record(function, self, *others)


def _swapped(function: Callable) -> Callable:
    return lambda self, other: record(function, other, self)


def _method(function: Callable) -> Callable:
    return lambda self, *args, **kwargs: record(function, self, *args, **kwargs)


def _method_with_sizes(function: Callable) -> Callable:
    """A method that takes sizes or axes one by one, x.reshape(2, -1), or as one tuple."""
    return lambda self, *sizes, **kwargs: record(function, self, *(sizes if len(sizes) < 2 else (sizes,)), **kwargs)


def _refused(message: str) -> Callable:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(message)

    return method


_NO_NUMBER = (
    "an array that is being differentiated cannot be made a Python number by float() or int(): return it beside the "
    "loss (has_aux=True), or take its value as a constant by minigen.tensor.stop_gradient"
)
_NO_NUMPY = (
    "plain NumPy cannot compute with an array that is being differentiated: use autograd's, "
    "`import autograd.numpy as np` (of a list of arrays make one first, by its np.stack or np.concatenate; these also "
    "do the work of np.r_, np.c_ and np.select), or take its value as a constant by minigen.tensor.stop_gradient"
)
_NO_ASSIGNMENT = (
    "an array that is being differentiated cannot be changed in place: make a new one, by np.where or np.concatenate "
    "of autograd.numpy"
)


class TracedArray(ArrayBox):
    """An array in one of minigen's derivatives."""

    __slots__ = []

    shape = property(lambda self: self._value.shape if type(self._value) is np.ndarray else np.shape(self._value))
    dtype = property(
        lambda self: self._value.dtype if type(self._value) is np.ndarray else anp.result_type(self._value)
    )
    ndim = property(lambda self: np.ndim(self._value))
    T = property(_operator(anp.transpose))
    mT = property(lambda self: record(anp.swapaxes, self, -1, -2))

    __getitem__ = _operator(ArrayBox.__getitem__)
    __neg__, __abs__ = _operator(anp.negative), _operator(anp.abs)
    __add__, __radd__ = _operator(anp.add), _swapped(anp.add)
    __sub__, __rsub__ = _operator(anp.subtract), _swapped(anp.subtract)
    __mul__, __rmul__ = _operator(anp.multiply), _swapped(anp.multiply)
    __truediv__, __rtruediv__ = _operator(anp.true_divide), _swapped(anp.true_divide)
    __pow__, __rpow__ = _operator(anp.power), _swapped(anp.power)

    sum, swapaxes, copy, dot = _method(anp.sum), _method(anp.swapaxes), _method(anp.copy), _method(anp.dot)
    reshape, transpose = _method_with_sizes(anp.reshape), _method_with_sizes(anp.transpose)

    __float__ = __int__ = _refused(_NO_NUMBER)
    __array__, __setitem__ = _refused(_NO_NUMPY), _refused(_NO_ASSIGNMENT)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Record `array + self` and the like, in which NumPy has the first say."""
        if ufunc in _UFUNCS and method == "__call__" and not kwargs and type(inputs[0]) in _PLAIN:
            return record(_UFUNCS[ufunc], *inputs)
        return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"an array that is being differentiated has no {name!r}: use the function of autograd.numpy instead, such "
            "as np.sum(x) for x.sum()"
        )


TRACED = frozenset([TracedArray, ArrayBox])  # by minigen, and by autograd
_UFUNCS = {f.fun: f for f in (anp.add, anp.subtract, anp.multiply, anp.true_divide, anp.power)}


class TracedSequence(SequenceBox):
    """A list or tuple in one of minigen's derivatives; the fields of a named tuple are attributes."""

    __slots__ = []

    def __getattr__(self, name: str) -> Any:
        """Return a field, such as the logabsdet of np.linalg.slogdet."""
        value = getval(self)
        if name not in getattr(value, "_fields", ()):
            raise AttributeError(f"{type(value).__name__} has no {name!r}")
        return self[value._fields.index(name)]


def prepare() -> None:
    """Make autograd use the types above for the nodes above; nothing happens from the second time on.

    The type of a box is chosen in a table of autograd, by the type of the value. There a function takes the place of
    the type: it chooses `TracedArray` for a GradNode, and for every other node the type that was there.
    """
    if TracedArray in Box.type_mappings:
        return
    prepare_rules()
    notrace_primitives[GradNode] = notrace_primitives[VJPNode] - {anp.full_like}  # argmax, shape, ... have no gradient
    own = {ArrayBox: TracedArray, SequenceBox: TracedSequence}
    Box.types.update(own.values())
    for kind, box in list(Box.type_mappings.items()):
        if box in own:
            Box.type_mappings[kind] = _of_node(own[box], box)
    Box.type_mappings[TracedArray] = Box.type_mappings[np.ndarray]
    Box.type_mappings[TracedSequence] = Box.type_mappings[tuple]


def _of_node(own: type, autograds: type) -> Callable:
    return lambda value, trace, node: (own if type(node) is GradNode else autograds)(value, trace, node)


class _ByThread(tracer.TraceStack):
    """autograd's counter of nested derivatives with a `top` for each thread; a new one begins where it was."""

    _local = threading.local()

    @property
    def top(self) -> int:
        return getattr(self._local, "top", self.__dict__["top"])

    @top.setter
    def top(self, value: int) -> None:
        self._local.top = value

    @contextmanager
    def new_trace(self) -> Iterator[int]:
        """Give the number back also when the traced function raises."""
        self.top = number = self.top + 1
        try:
            yield number
        finally:
            self.top = number - 1


def count_by_thread() -> Callable[[], None]:
    """Make autograd's counter count by thread; returns the function that takes it back.

    It stays the same object, and gives each thread the numbers that it would give if there were no other: also to
    derivatives that are being taken now. minigen's derivatives and those of `autograd.grad` draw their numbers from it
    alike, so that either may stand inside the other. A derivative that fails gives its number back.
    """
    counter = tracer.trace_stack
    counter.__class__ = _ByThread

    def undo() -> None:
        top = counter.top
        counter.__class__ = tracer.TraceStack
        counter.top = top
        _ByThread._local = threading.local()

    return undo
