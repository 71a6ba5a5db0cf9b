"""The checks that the flows share: masks, matrices, and arrays of examples that pass through a network.

    @checked(z=EXAMPLES, s=EXAMPLES, t=EXAMPLES, mask=MASK)      # above a formula

They raise ValueError, which names the argument. The values of examples are not looked at, only their shapes.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy
from autograd.tracer import isbox

from minigen import checks
from minigen.checks import Call, Declared, Sized, Words, worded
from minigen.types import Array


def check_broadcast(name: str, part: Any, **examples: Array) -> None:
    """ValueError unless `part`, called `name`, broadcasts against one example of a batch (N, ...), to its shape."""
    ((batch, a),) = examples.items()
    small, shape = numpy.shape(part), numpy.shape(a)
    one = shape[1:]  # of one example
    fits = len(small) <= len(one) and all(m in (1, n) for m, n in zip(small[::-1], one[::-1]))
    if not shape or not fits:
        raise ValueError(f"{name} must broadcast against one example of {batch}, {one}, got {small}")


def check_varies(x: numpy.ndarray, axis: int | tuple[int, ...], what: str = "coordinate", name: str = "x") -> None:
    """ValueError, which says where, if x is constant over `axis`; its computed deviation need not be 0."""
    constant = x.max(axis=axis) == x.min(axis=axis)
    if numpy.any(constant):
        where = f"{numpy.count_nonzero(constant)} of {constant.size} places"
        if constant.ndim == 1:
            where = f"{name}[..., {', '.join(map(str, numpy.flatnonzero(constant)[:5]))}]"
        hint = "leave out what does not vary, or add noise to it"
        raise ValueError(f"{name} must vary in every {what} to be standardized, got a constant in {where}: {hint}")


@worded("made of zeros (changed) and ones (kept), some of each")
def zeros_and_ones(name: str, mask: Any) -> numpy.ndarray:
    """A mask as float32. ValueError unless it holds zeros (changed) and ones (kept), some of each."""
    mask = numpy.asarray(mask, numpy.float32)
    if mask.size == 0 or not numpy.all((mask == 0) | (mask == 1)) or numpy.all(mask == 1) or not numpy.any(mask):
        raise ValueError(f"{name} must hold zeros (changed) and ones (kept), some of each")
    return mask


def check_coupling(mask: Array, **arrays: Array) -> None:
    """ValueError unless the arrays have one shape (N, ...) and `mask` broadcasts against one example."""
    checks.same_shape(2, **arrays)
    first = next(iter(arrays))
    check_broadcast("mask", mask, **{first: arrays[first]})


def checked_input(mask: Array, name: str, a: Any) -> Array:
    """`a` (N, ...) as floats. ValueError unless `mask` broadcasts against one example."""
    a = checks.array(name, a, "N", ..., finite=False)
    check_coupling(mask, **{name: a})
    return a


class Mask(Declared):
    """A mask that broadcasts against one example of the array before it."""

    def words(self) -> Words:
        return Words("an array that broadcasts against one example")

    def __call__(self, name: str, value: Any, call: Call) -> Array:
        first = call.first[EXAMPLES.axes]
        check_coupling(value, **{first: call.arguments[first]})
        return value


class OneScaleEach(Declared):
    """An array (N, ...) whose examples have the shape of the argument `log_scale`."""

    def words(self) -> Words:
        return Words("an array (N, ...) of examples in the shape of log_scale")

    def __call__(self, name: str, value: Any, call: Call) -> Array:
        return one_scale_each(name, value, call.arguments["log_scale"])


EXAMPLES, MASK = Sized("N, ...", finite=False), Mask()


def one_scale_each(name: str, a: Array, log_scale: Array) -> Array:
    """`a` (N, ...) as floats, if `log_scale` has the shape of one example."""
    a = checks.array(name, a, "N", ..., finite=False)
    if numpy.shape(a)[1:] != numpy.shape(log_scale):
        wanted, got = numpy.shape(log_scale), numpy.shape(a)
        raise ValueError(f"{name} must have shape (N, ...) with examples {wanted}, got {got}")
    return a


class Invertible(Sized):
    """A square matrix that is not singular to rounding, whatever the scales of its rows and columns.

    One that autograd traces passes.
    """

    def __init__(self) -> None:
        super().__init__("C, C")

    def words(self) -> Words:
        return super().words()._replace(one="a finite, invertible array")

    def __call__(self, name: str, value: Any, call: Call) -> Array:
        W = super().__call__(name, value, call)
        if not isbox(W) and _is_singular(W):
            raise ValueError(f"{name} must be invertible, got a singular matrix")
        return W


def _is_singular(W: Array) -> bool:
    rows = numpy.abs(W).max(axis=1, keepdims=True)
    if not numpy.all(rows > 0):
        return True
    W = W / rows
    columns = numpy.abs(W).max(axis=0)
    return not numpy.all(columns > 0) or numpy.linalg.matrix_rank(W / columns) < len(W)


def halved_image_shape(shape: Sequence[int], scales: int) -> tuple[int, ...]:
    """`shape` (H, W, C), if H and W can be halved at each scale."""
    if len(shape) != 3:
        raise ValueError(f"shape must be (H, W, C), got {tuple(shape)}")
    sizes = tuple(checks.whole("shape", n) for n in shape)
    least = 2 ** checks.whole("scales", scales)
    if sizes[0] % least or sizes[1] % least:
        raise ValueError(f"shape must be divisible by 2^scales = {least}, got {tuple(shape)}")
    return sizes


def width_at_each_scale(width: int | Sequence[int], scales: int) -> list[int]:
    """The widths of `scales` scales from one number or one for each. ValueError: another count of numbers."""
    if isinstance(width, Integral):
        return [checks.whole("width", width)] * scales
    widths = checks.wholes("width", width)
    if len(widths) != scales:
        raise ValueError(f"width must be one number, or one for each of {scales} scales, got {len(widths)} numbers")
    return widths
