"""Pooling and upsampling of images (N, H, W, C) over blocks of pixels.

Each operation comes with its transpose, which is its gradient, and whose own gradient it is: sums over blocks and
repetition over blocks; looking up one pixel of each block and putting a value back there. So all of them can be
differentiated any number of times.
"""

from typing import Any

import numpy as np
from autograd.tracer import getval

from minigen.tensor.conv import check_axes, pair
from minigen.tensor.core import primitive
from minigen.types import Array

Pair = tuple[int, int]


def _block_parts(x: Array, size: Pair) -> list[Array]:
    """Return the sh*sw views (N, H//sh, W//sw, C) of the pixels at the same position in each block, row by row."""
    (sh, sw), (H, W) = size, x.shape[1:3]
    return [x[:, i : H // sh * sh : sh, j : W // sw * sw : sw] for i in range(sh) for j in range(sw)]


# --------------------------------------------------------------------- sum over blocks, and repetition


def _block_sum_forward(x: Array, size: Pair, scale: float) -> tuple[Array, Any]:
    """scale times the sum over blocks of (sh, sw) pixels: (N, H, W, C) -> (N, H//sh, W//sw, C); a rest is left out."""
    parts = _block_parts(x, size)
    y = parts[0] + parts[1] if len(parts) > 1 else parts[0].copy()
    for part in parts[2:]:
        y += part
    return (y if scale == 1 else np.multiply(y, y.dtype.type(scale), out=y)), None


def _block_sum_backward(
    needed: list[int], g: Array, y: Array, saved: Any, x: Array, size: Pair, scale: float
) -> dict[int, Array]:
    """Each pixel of a block gets scale times the gradient of the block."""
    return {0: _block_repeat(g, size, x.shape[1:3], scale)}


def _block_repeat_forward(y: Array, size: Pair, shape: tuple[int, ...], scale: float) -> tuple[Array, Any]:
    """scale times y, each pixel repeated over a block (sh, sw): (N, h, w, C) -> (N, *shape, C), zeros in the rest."""
    (N, h, w, C), (sh, sw) = y.shape, size
    y = y if scale == 1 else y * y.dtype.type(scale)
    if shape == (h * sh, w * sw):
        x = np.empty((N, h, sh, w, sw, C), y.dtype)
        x[...] = y[:, :, None, :, None]
        return x.reshape(N, h * sh, w * sw, C), None
    x = np.zeros((N, *shape, C), y.dtype)
    for part in _block_parts(x, size):
        part[...] = y
    return x, None


def _block_repeat_backward(
    needed: list[int], g: Array, x: Array, saved: Any, y: Array, size: Pair, shape: tuple[int, ...], scale: float
) -> dict[int, Array]:
    """Each pixel gets scale times the sum of the gradients over its block."""
    return {0: _block_sum(g, size, scale)}


_block_sum = primitive(_block_sum_forward, _block_sum_backward)
_block_repeat = primitive(_block_repeat_forward, _block_repeat_backward)


# --------------------------------------------------------------------- maximum of blocks


def _block_max_forward(x: Array, size: Pair) -> tuple[Array, Any]:
    """Return the maximum of each block of (sh, sw) pixels: (N, H, W, C) -> (N, H//sh, W//sw, C)."""
    parts = _block_parts(x, size)
    y = parts[0].copy()
    for part in parts[1:]:
        np.maximum(y, part, out=y)
    return y, None


def _block_max_backward(needed: list[int], g: Array, y: Array, saved: Any, x: Array, size: Pair) -> dict[int, Array]:
    """Return g at the position of each block's (first) maximum.

    A small change of the maximum changes the output as much, and a change of another pixel does not change it at all.
    """
    return {0: _block_put(g, _first_maximum(getval(x), size), size, x.shape[1:3])}


def _first_maximum(x: Array, size: Pair) -> Array:
    """Return the position, 0 ... sh*sw - 1 counted row by row, of each block's first maximum."""
    parts = _block_parts(x, size)
    largest, position = parts[0].copy(), np.zeros(parts[0].shape, np.min_scalar_type(len(parts)))
    for k, part in enumerate(parts[1:], 1):
        np.putmask(position, part > largest, k)
        np.maximum(largest, part, out=largest)
    return position


def _block_put_forward(g: Array, position: Array, size: Pair, shape: tuple[int, ...]) -> tuple[Array, Any]:
    """g (N, h, w, C) put at `position` of each block of an image (N, *shape, C) of zeros."""
    N, _, _, C = g.shape
    x = np.zeros((N, *shape, C), g.dtype)
    for k, part in enumerate(_block_parts(x, size)):
        np.multiply(g, position == k, out=part)
    return x, None


def _block_put_backward(
    needed: list[int], u: Array, x: Array, saved: Any, g: Array, position: Array, size: Pair, shape: tuple[int, ...]
) -> dict[int, Array]:
    return {0: _block_take(u, position, size)}


def _block_take_forward(x: Array, position: Array, size: Pair) -> tuple[Array, Any]:
    """Return the pixel at `position` of each block: (N, H, W, C) -> (N, h, w, C)."""
    y = np.zeros(position.shape, x.dtype)
    for k, part in enumerate(_block_parts(x, size)):
        np.copyto(y, part, where=position == k)
    return y, None


def _block_take_backward(
    needed: list[int], g: Array, y: Array, saved: Any, x: Array, position: Array, size: Pair
) -> dict[int, Array]:
    return {0: _block_put(g, position, size, x.shape[1:3])}


_block_max = primitive(_block_max_forward, _block_max_backward)
_block_put = primitive(_block_put_forward, _block_put_backward)
_block_take = primitive(_block_take_forward, _block_take_backward)


# --------------------------------------------------------------------- the public functions


def avg_pool2d(x: Array, size: int | Pair) -> Array:
    """Mean over blocks of `size` (int or pair) pixels of x (N, H, W, C): returns (N, H//size, W//size, C).

    Rows and columns left over at the end are dropped. Raises ValueError on a wrong rank, or blocks larger than the
    image.
    """
    height, width = _block_size("avg_pool2d", x, size)
    return _block_sum(x, (height, width), 1.0 / (height * width))


def max_pool2d(x: Array, size: int | Pair) -> Array:
    """Maximum over blocks of `size` (int or pair) pixels of x (N, H, W, C): returns (N, H//size, W//size, C).

    Among equal maxima the first, row by row, takes the whole gradient. Rows and columns left over at the end are
    dropped. Raises ValueError on a wrong rank, or blocks larger than the image.
    """
    return _block_max(x, _block_size("max_pool2d", x, size))


def upsample_nearest(x: Array, factor: int | Pair) -> Array:
    """Repeat each pixel of x (N, H, W, C) over a block of `factor` (int or pair): returns (N, H*factor, W*factor, C).

    Raises ValueError on a wrong rank or a factor below 1.
    """
    check_axes("upsample_nearest: x", x, "(N, H, W, C)")
    fh, fw = pair("upsample_nearest: factor", factor, least=1)
    return _block_repeat(x, (fh, fw), (x.shape[1] * fh, x.shape[2] * fw), 1)


def _block_size(function: str, x: Array, size: int | Pair) -> Pair:
    check_axes(f"{function}: x", x, "(N, H, W, C)")
    size = pair(f"{function}: size", size, least=1)
    if size[0] > x.shape[1] or size[1] > x.shape[2]:
        raise ValueError(f"{function}: size must be at most the image {x.shape[1:3]}, got {size}")
    return size
