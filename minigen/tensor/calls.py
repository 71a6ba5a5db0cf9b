"""Functions of `autograd.numpy` whose calls cost less: the arguments are looked at once.

autograd's own wrapper lists the traced arguments, looks for arrays of other libraries, and calls itself a second time
with the values. With arrays of a few hundred numbers this takes several times as long as NumPy's work. `lean` does it
in one scan for the usual case: arrays traced by `value_and_grad`, plain arrays and numbers. All else is left to
autograd's wrapper: other kinds of derivatives, of boxes and of arrays.
"""

from collections.abc import Callable
from types import EllipsisType, FunctionType, NoneType
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import primitive_vjps
from autograd.numpy import numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import getval, new_box, trace_primitives_map

from minigen.tensor.core import GradNode

# the functions that models of many small arrays call most; `mean` is the primitive inside autograd's function
NAMES = """
    add subtract multiply divide negative power exp log tanh sqrt abs sum _primitive_mean
    reshape transpose swapaxes concatenate_args
""".split()
_PLAIN = frozenset(
    [np.ndarray, np.float32, np.float64, np.bool_, float, int, bool, tuple, slice, NoneType, EllipsisType]
)


def lean(slow: Callable) -> Callable:
    """autograd's primitive `slow`, called at less cost; its rule is the entry of the new function."""
    raw = slow.fun  # type: ignore[attr-defined]

    def call(*args: Any, called_by_autograd_dispatcher: bool = False, **kwargs: Any) -> Any:
        trace = -1  # of the innermost derivative that one of the arguments takes part in
        for a in args:
            kind = type(a)
            if kind is ArrayBox:
                if a._trace > trace:
                    trace = a._trace
            elif kind not in _PLAIN:
                return slow(*args, called_by_autograd_dispatcher=called_by_autograd_dispatcher, **kwargs)
        if trace < 0:
            return raw(*args, **kwargs)
        argnums, parents, values, outer = [], [], [], False
        for i, a in enumerate(args):
            if type(a) is ArrayBox:
                if a._trace == trace:
                    argnums.append(i)
                    parents.append(a._node)
                    a = a._value
                outer = outer or type(a) is ArrayBox  # an outer derivative is being taken too: it records this call
            values.append(a)
        if type(parents[0]) is not GradNode:
            return slow(*args, called_by_autograd_dispatcher=called_by_autograd_dispatcher, **kwargs)
        value = call(*values, **kwargs) if outer else raw(*values, **kwargs)
        function = call if call in primitive_vjps else slow  # taken back, but still held as `exp` by an importer
        return new_box(value, trace, GradNode(value, function, tuple(values), kwargs, tuple(argnums), tuple(parents)))

    call.__name__, call.__doc__ = slow.__name__, slow.__doc__
    call.fun, call._is_autograd_primitive = raw, True  # type: ignore[attr-defined]
    return call


CALLS = {slow: lean(slow) for slow in (*[getattr(numpy_wrapper, name) for name in NAMES], ArrayBox.__getitem__)}


def shape(a: Any) -> tuple[int, ...]:
    """np.shape of an array, traced or not, and of all that NumPy takes for one."""
    kind = type(a)
    if kind is np.ndarray:
        return a.shape
    return shape(a._value) if kind is ArrayBox else np.shape(getval(a))


def make_calls_lean() -> Callable[[], None]:
    """Put the lean functions in the place of autograd's, with the rules in force; returns what takes them back."""

    def replace(new_of: dict[Callable, Callable]) -> None:
        for home in (anp, numpy_wrapper, ArrayBox):
            for name, function in list(vars(home).items()):
                if type(function) is FunctionType and function in new_of:
                    setattr(home, name, new_of[function])
        for new in new_of.values():
            trace_primitives_map[new.fun] = new  # type: ignore[attr-defined]

    def undo() -> None:
        replace({new: old for old, new in CALLS.items()})
        for new in CALLS.values():
            del primitive_vjps[new]

    for old, new in CALLS.items():
        primitive_vjps[new] = primitive_vjps[old]
    replace(CALLS)
    return undo
