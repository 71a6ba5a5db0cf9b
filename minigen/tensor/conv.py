"""Convolution and pooling on images (N, H, W, C) and sequences (N, T, C), channels last.

Everything is cross-correlation: the kernel is not flipped. With kernel w (kh, kw, c_in, c_out), stride s, padding p,

    y[n, i, j, o] = b[o] + sum over a, e, c of  x[n, s*i + a - p, s*j + e - p, c] * w[a, e, c, o].

**Three operations, closed under differentiation.** Pair the output with any g of its shape. The number

    <conv(x, w), g> = sum over all indices of  x[n, s*i + a - p, s*j + e - p, c] * w[a, e, c, o] * g[n, i, j, o]

is linear in each of x, w and g, so it can be read as a product of any one of them with an operation on the other two:

    <conv(x, w), g>  =  <x, conv_input(g, w)>  =  <w, conv_weight(x, g)>.

The last two are the gradients of the first; and since all three pair up into the same number, the gradients of each
are the other two. Three primitives that point at one another can be differentiated any number of times (a gradient
penalty through a convolution needs twice).

**Why it looks the way it does.** A convolution is a matrix product once every window of x is written out as a row of
a matrix of *columns*, (N*oh*ow, kh*kw*c_in). That matrix is kh*kw times as large as x, and writing it to memory and
reading it back costs more than the product. So:

- windows are written for a few samples at a time, into one buffer of about 1 MB that stays in the processor's cache
  and is used over and over; each thread has its own, so that two threads may work on halves of a batch;
- `as_strided` names every window of x without copying (a view with overlapping rows), so that filling the buffer is
  one NumPy copy, whose inner loop runs over kw*c_in neighboring numbers. With one to three channels these runs are
  too short: the columns are then written transposed, and the inner loop runs along the image;
- the weight gradient does not keep the columns of the forward pass but writes them again, or shares those that the
  input gradient writes (stride 1, and the transposed convolution);
- two threads take half of the samples each (`in_halves`);
- the input gradient at stride 1 is a convolution of g with the kernel turned by 180 degrees. At stride s it is one
  product, g times the kernel, which gives each window's contribution to the input, and these are then added where
  they overlap: ceil(k/s)**2 additions of whole s*s blocks.
"""

import math
from typing import NamedTuple

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp_argnums, primitive
from autograd.tracer import isbox
from numpy.lib.stride_tricks import as_strided

from minigen.tensor.parallel import in_halves
from minigen.tensor.scratch import chunks, scratch

# ---------------------------------------------------------------------------------------------------------------------
# Geometry
# ---------------------------------------------------------------------------------------------------------------------


class Geometry(NamedTuple):
    """How a kernel moves over an image. Fields are (vertical, horizontal), padding ((top, bottom), (left, right))."""

    stride: tuple = (1, 1)
    padding: tuple = ((0, 0), (0, 0))
    dilation: tuple = (1, 1)

    def reach(self, kernel):
        """Extent in pixels of a kernel (kh, kw), dilation included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(kernel, self.dilation))

    def output_size(self, size, kernel):
        """(oh, ow): the places a kernel (kh, kw) takes on an image (H, W)."""
        return tuple(
            (n + sum(p) - r) // s + 1 for n, p, r, s in zip(size, self.padding, self.reach(kernel), self.stride)
        )

    def is_pointwise(self, kernel):
        """Whether each output sees exactly one pixel: then the columns are the image itself."""
        return tuple(kernel) == (1, 1) and self.stride == (1, 1) and self.padding == ((0, 0), (0, 0))

    def turned(self, kernel):
        """The geometry that leads back from output to input at stride 1, or None if padding exceeds the kernel."""
        padding = tuple((r - 1 - a, r - 1 - b) for r, (a, b) in zip(self.reach(kernel), self.padding))
        if self.stride == (1, 1) and min(map(min, padding)) >= 0:
            return self._replace(padding=padding)
        return None


def _turn(w):
    """The kernel turned by 180 degrees, its input and output channels exchanged."""
    return w[::-1, ::-1].swapaxes(2, 3)


def _is_thin(kernel, channels):
    """Whether a row of a window is so short that columns are better written transposed."""
    return kernel[1] * channels <= 9


def _common_dtype(*arrays):
    """The float type of the result: the widest among the arrays that are floats."""
    floats = [a.dtype for a in arrays if a is not None and a.dtype.kind == "f"]
    return np.result_type(*floats) if floats else np.dtype(np.float64)


# ---------------------------------------------------------------------------------------------------------------------
# Columns: windows of an image as rows of a matrix, a few samples at a time
# ---------------------------------------------------------------------------------------------------------------------


def _columns(x, kernel, geometry, dtype, part):
    """Yield (samples, columns): a slice of the batch and its windows (n*oh*ow, kh*kw*c), valid until the next yield.

    The slices are those of `part`, a slice of the batch.
    """
    (_, H, W, C), (kh, kw) = x.shape, kernel
    if geometry.is_pointwise(kernel):
        yield part, np.ascontiguousarray(x[part], dtype).reshape(-1, C)
        return
    oh, ow = geometry.output_size((H, W), kernel)
    (sh, sw), (dh, dw) = geometry.stride, geometry.dilation
    (top, bottom), (left, right) = geometry.padding
    pieces = chunks(part, oh * ow * kh * kw * C * dtype.itemsize)
    most = pieces[0].stop - pieces[0].start if pieces else 0  # samples; only the last piece may have fewer
    image = padded = x
    if top or bottom or left or right:  # the border is cleared once, the inside is overwritten by each piece
        image = scratch("padded", (most, top + H + bottom, left + W + right, C), dtype)
        image[...] = 0
        padded = image[:, top : top + H, left : left + W]
    s0, s1, s2, s3 = image.strides
    windows = as_strided(image, (len(image), oh, ow, kh, kw, C), (s0, sh * s1, sw * s2, dh * s1, dw * s2, s3))
    thin = _is_thin(kernel, C)
    columns = scratch("columns", (kh, kw, C, most, oh, ow) if thin else (most, oh, ow, kh, kw, C), dtype)
    for samples in pieces:
        n = samples.stop - samples.start
        if padded is not x:
            padded[:n] = x[samples]
        seen = windows[samples] if padded is x else windows[:n]
        if thin:
            if n < most:
                columns = scratch("columns", (kh, kw, C, n, oh, ow), dtype)
            np.copyto(columns, seen.transpose(3, 4, 5, 0, 1, 2))
            yield samples, columns.reshape(kh * kw * C, n * oh * ow).T
        else:
            np.copyto(columns[:n], seen)
            yield samples, columns[:n].reshape(n * oh * ow, kh * kw * C)


def _fold(g, w, out, geometry, part):
    """Write to out (N, H, W, c) the sum of g (N, oh, ow, o) times w (kh, kw, c, o) over all windows, overlaps added.

    Only for the samples of `part`, a slice of the batch. It is the transpose of writing columns. With stride s, offset
    a*s + r of a window at i lies in row r of block i + a: so the padded image is seen as blocks of s*s pixels, and each
    of the ceil(k/s)**2 groups of offsets is one addition.
    """
    (_, oh, ow, O), (kh, kw, C, _), (H, W) = g.shape, w.shape, out.shape[1:3]
    (sh, sw), ((top, _), (left, _)) = geometry.stride, geometry.padding
    bh = max(oh + (kh - 1) // sh, -(-(top + H) // sh))  # blocks in the padded image
    bw = max(ow + (kw - 1) // sw, -(-(left + W) // sw))
    matrix = np.ascontiguousarray(w.reshape(kh * kw * C, O))
    thin = _is_thin((sh, sw), C)
    for samples in chunks(part, oh * ow * kh * kw * C * out.dtype.itemsize):
        n = samples.stop - samples.start
        rows = g[samples].reshape(n * oh * ow, O)
        if thin:  # one plane of the image for each channel and each place inside a block
            columns = scratch("columns", (kh, kw, C, n, oh, ow), out.dtype)
            blocks = scratch("padded", (sh, sw, C, n, bh, bw), out.dtype)
            np.matmul(matrix, rows.T, out=columns.reshape(kh * kw * C, n * oh * ow))
            columns, blocks = columns.transpose(3, 4, 0, 5, 1, 2), blocks.transpose(3, 4, 0, 5, 1, 2)
        else:
            columns = scratch("columns", (n, oh, ow, kh, kw, C), out.dtype)
            blocks = scratch("padded", (n, bh, sh, bw, sw, C), out.dtype)
            np.matmul(rows, matrix.T, out=columns.reshape(n * oh * ow, kh * kw * C))
            columns = columns.transpose(0, 1, 3, 2, 4, 5)
        # columns (n, oh, kh, ow, kw, C) are added to blocks (n, bh, sh, bw, sw, C)
        blocks[...] = 0
        for a in range(0, kh, sh):
            for e in range(0, kw, sw):
                group = columns[:, :, a : a + sh, :, e : e + sw]
                i, j, r, q = a // sh, e // sw, group.shape[2], group.shape[4]
                blocks[:, i : i + oh, :r, j : j + ow, :q] += group
        _copy_interior(blocks, out[samples], top, left)


def _copy_interior(blocks, out, top, left):
    """Copy blocks (n, bh, sh, bw, sw, c), seen as a padded image, into out (n, H, W, c)."""
    n, bh, sh, bw, sw, C = blocks.shape
    H, W = out.shape[1:3]
    if blocks.flags.c_contiguous:
        out[...] = blocks.reshape(n, bh * sh, bw * sw, C)[:, top : top + H, left : left + W]
        return
    for r in range(sh):  # rows r, r + sh, ... of the padded image: those inside start at the first that is >= top
        for q in range(sw):
            i, j = -((r - top) // sh), -((q - left) // sw)
            y, x = i * sh + r - top, j * sw + q - left
            part = out[:, y::sh, x::sw]
            part[...] = blocks[:, i : i + part.shape[1], r, j : j + part.shape[2], q]


# ---------------------------------------------------------------------------------------------------------------------
# Products with the columns
# ---------------------------------------------------------------------------------------------------------------------

SHARED = 1 << 24  # multiplications from which a convolution is worth two threads (a third of a millisecond)


def _products(x, geometry, w=None, b=None, g=None, kernel=None):
    """(conv(x, w) + b, conv_weight(x, g)): both with w and g, or one and None for what is not given.

    conv is a row of columns times w, as a matrix (kh*kw*c, o); conv_weight is the transposed columns times g, added up
    over the samples. Writing the columns is the dear part, so whoever needs both asks for both at once.
    """
    kernel, dtype = w.shape[:2] if kernel is None else kernel, _common_dtype(x, w, b, g)
    N, size, C, O = len(x), geometry.output_size(x.shape[1:3], kernel), x.shape[3], (w if g is None else g).shape[3]
    rows = math.prod(kernel) * C
    if w is not None:
        matrix, y = np.ascontiguousarray(w, dtype).reshape(rows, O), np.empty((N, *size, O), dtype)
    g = None if g is None else np.ascontiguousarray(g, dtype)

    def work(part):
        total, piece = (None, None) if g is None else (np.zeros((rows, O), dtype), scratch("weight", (rows, O), dtype))
        for samples, columns in _columns(x, kernel, geometry, dtype, part):
            if w is not None:
                out = y[samples].reshape(-1, O)
                np.matmul(columns, matrix, out=out)
                if b is not None:
                    out += b
            if g is not None:
                total += np.matmul(columns.T, g[samples].reshape(-1, O), out=piece)
        return total

    totals = in_halves(work, N, N * math.prod(size) * rows * O > SHARED)
    return None if w is None else y, None if g is None else sum(totals).reshape(*kernel, C, O)


# ---------------------------------------------------------------------------------------------------------------------
# The three primitives
# ---------------------------------------------------------------------------------------------------------------------


@primitive
def _conv(x, w, b, geometry):
    """conv(x, w) + b: (N, H, W, c), (kh, kw, c, o), (o,) or None -> (N, oh, ow, o).

    A row of columns times w, as a matrix (kh*kw*c, o). Gradient, with g the gradient of the loss in the output: the
    loss changes by <conv(dx, w) + conv(x, dw) + db, g>, so by the pairing above it is conv_input(g, w) in x and
    conv_weight(x, g) in w; b is added at every place, so its gradient is the sum of g over all places.
    """
    return _products(x, geometry, w=w, b=b)[0]


@primitive
def _conv_input(g, w, b, size, geometry):
    """conv_input(g, w) + b: (N, oh, ow, o), (kh, kw, c, o), (c,) or None -> (N, H, W, c), (H, W) = size.

    Each output place sends its value back along the kernel: x[s*i + a - p] gets g[i] w[a] for all i, a. At stride 1
    that is x[j] = sum over a of g[j + p - a] w[a], a convolution of g with w turned by 180 degrees and its channels
    exchanged. Gradient, with u that of the output: the loss changes by <conv_input(dg, w), u> = <conv(u, w), dg> and
    <conv_input(g, dw), u> = <conv_weight(u, g), dw>.
    """
    dtype, turned = _common_dtype(g, w, b), geometry.turned(w.shape[:2])
    if turned is not None:
        return _conv(g, _turn(w), b, turned)
    x = np.empty((g.shape[0], *size, w.shape[2]), dtype)
    g, w = np.ascontiguousarray(g, dtype), w.astype(dtype, copy=False)

    def work(part):
        _fold(g, w, x, geometry, part)
        if b is not None:
            x[part] += b

    in_halves(work, len(g), g[..., 0].size * w.size > SHARED)
    return x


@primitive
def _conv_weight(x, g, kernel, geometry):
    """conv_weight(x, g): (N, H, W, c), (N, oh, ow, o) -> (kh, kw, c, o), (kh, kw) = kernel.

    w[a] meets x[s*i + a - p] and g[i] for all i: the transposed columns of x times g, added up over the chunks.
    Gradient, with v that of the output: the loss changes by <conv_weight(dx, g), v> = <conv_input(g, v), dx> and
    <conv_weight(x, dg), v> = <conv(x, v), dg>.
    """
    return _products(x, geometry, g=g, kernel=kernel)[1]


def _conv_vjp(argnums, y, args, kwargs):
    (x, w, _, geometry), dtype = args, y.dtype
    turned = geometry.turned(w.shape[:2])

    def vjp(g):
        g = _as_dtype(g, dtype)
        if 0 in argnums and 1 in argnums and turned is not None and not any(map(isbox, (g, x, w))):
            # at stride 1 the columns of g, which conv_input writes, also give conv_weight, as turned as the kernel is
            dx, dw = _products(g, turned, w=_turn(w), g=x)
            gradient = {0: dx, 1: _turn(dw), 2: _sum_over_places(g) if 2 in argnums else None}
            return tuple(gradient[i] for i in argnums)
        gradient = {
            0: lambda: _conv_input(g, w, None, x.shape[1:3], geometry),
            1: lambda: _conv_weight(x, g, w.shape[:2], geometry),
            2: lambda: _sum_over_places(g),
        }
        return tuple(gradient[i]() for i in argnums)

    return vjp


def _conv_input_vjp(argnums, x, args, kwargs):
    (g, w, _, _, geometry), dtype = args, x.dtype

    def vjp(u):
        u = _as_dtype(u, dtype)
        if 0 in argnums and 1 in argnums and not any(map(isbox, (u, g, w))):
            dg, dw = _products(u, geometry, w=w, g=g)  # both from the columns of u
            gradient = {0: dg, 1: dw, 2: _sum_over_places(u) if 2 in argnums else None}
            return tuple(gradient[i] for i in argnums)
        gradient = {
            0: lambda: _conv(u, w, None, geometry),
            1: lambda: _conv_weight(u, g, w.shape[:2], geometry),
            2: lambda: _sum_over_places(u),
        }
        return tuple(gradient[i]() for i in argnums)

    return vjp


def _conv_weight_vjp(argnums, w, args, kwargs):
    (x, g, _, geometry), dtype = args, w.dtype

    def vjp(v):
        v = _as_dtype(v, dtype)
        gradient = {
            0: lambda: _conv_input(g, v, None, x.shape[1:3], geometry),
            1: lambda: _conv(x, v, None, geometry),
        }
        return tuple(gradient[i]() for i in argnums)

    return vjp


defvjp_argnums(_conv, _conv_vjp)
defvjp_argnums(_conv_input, _conv_input_vjp)
defvjp_argnums(_conv_weight, _conv_weight_vjp)


@primitive
def _sum_over_places(g):
    """Sum over all axes but the last: (..., c) -> (c,), the gradient of a bias.

    As a product with ones, which BLAS takes faster than NumPy its sum. Gradient: every place gets that of its channel.
    """
    rows = g.reshape(-1, g.shape[-1])
    return np.ones(len(rows), g.dtype) @ rows


def _sum_over_places_vjp(argnums, y, args, kwargs):
    (g,) = args
    shape, dtype = g.shape, y.dtype
    return lambda v: (v * np.ones(shape, dtype),)


defvjp_argnums(_sum_over_places, _sum_over_places_vjp)


def _as_dtype(g, dtype):
    """A gradient that arrives wider than the array it belongs to is narrowed before the work, not after."""
    return g if g.dtype == dtype else g.astype(dtype)


# ---------------------------------------------------------------------------------------------------------------------
# Convolutions
# ---------------------------------------------------------------------------------------------------------------------


def conv2d(x, w, b=None, stride=1, padding=0):
    """Cross-correlate images x (N, H, W, c_in) with a kernel w (kh, kw, c_in, c_out), and add b (c_out,).

    Returns (N, oh, ow, c_out) with oh = (H + 2*padding - kh) // stride + 1. `stride` and `padding` (zeros) are an int
    or a pair (vertical, horizontal); padding "same" keeps the size at stride 1 with odd kernels. Raises ValueError on
    wrong ranks, channels that differ, a kernel larger than the padded image, a stride below 1.
    """
    _check_arrays("conv2d", x, "(N, H, W, C)", w, "(kh, kw, c_in, c_out)", b)
    stride, kernel = _pair(stride, "conv2d", "stride", 1), w.shape[:2]
    if isinstance(padding, str):
        if padding != "same" or stride != (1, 1) or kernel[0] % 2 == 0 or kernel[1] % 2 == 0:
            raise ValueError(
                f"conv2d: padding must be an int, a pair, or 'same' with stride 1 and an odd kernel, "
                f"got {padding!r} with stride {stride} and kernel {kernel}"
            )
        padding = (kernel[0] // 2, kernel[1] // 2)
    py, px = _pair(padding, "conv2d", "padding", 0)
    padded = (x.shape[1] + 2 * py, x.shape[2] + 2 * px)
    if kernel[0] > padded[0] or kernel[1] > padded[1]:
        raise ValueError(f"conv2d: kernel must fit into the padded image {padded}, got kernel {kernel}")
    return _conv(x, w, b, Geometry(stride, ((py, py), (px, px))))


def conv_transpose2d(x, w, b=None, stride=1, padding=0, output_padding=0):
    """Transposed convolution of x (N, H, W, c_in) with w (kh, kw, c_in, c_out), plus b (c_out,): the adjoint of
    `conv2d`.

    Returns (N, oh, ow, c_out) with oh = (H - 1)*stride - 2*padding + kh + output_padding. For every x, w, y and the
    same stride and padding, <conv2d(x, w), y> = <x, conv_transpose2d(y, w.swapaxes(2, 3))>: each pixel paints the
    kernel, times its value, at `stride` times its place; no flip. `output_padding` (below the stride) names one of
    the sizes that `conv2d` maps to the same (H, W). Ints or pairs. Raises ValueError as `conv2d` does.
    """
    name = "conv_transpose2d"
    _check_arrays(name, x, "(N, H, W, C)", w, "(kh, kw, c_in, c_out)", b)
    stride, padding = _pair(stride, name, "stride", 1), _pair(padding, name, "padding", 0)
    extra = _pair(output_padding, name, "output_padding", 0)
    if extra[0] >= stride[0] or extra[1] >= stride[1]:
        raise ValueError(f"{name}: output_padding must be below the stride {stride}, got {extra}")
    axes = zip(x.shape[1:3], stride, padding, w.shape[:2], extra)
    size = tuple((n - 1) * s - 2 * p + k + e for n, s, p, k, e in axes)
    if min(size) < 1:
        raise ValueError(
            f"{name}: output size (H - 1)*stride - 2*padding + kernel + output_padding must be at least 1, got {size}"
        )
    return _conv_input(x, anp.swapaxes(w, 2, 3), b, size, Geometry(stride, tuple((p, p) for p in padding)))


def conv1d(x, w, b=None, dilation=1):
    """Causal convolution of sequences x (N, T, c_in) with w (k, c_in, c_out), plus b (c_out,): returns (N, T, c_out).

    y[t] = b + sum over a of x[t - (k-1-a)*dilation] @ w[a]: output t sees t, t - d, ..., t - (k-1)*d and nothing later;
    w[k-1] multiplies the present, w[0] the most distant past; before the start there are zeros.
    Raises ValueError on wrong ranks, channels that differ, a dilation below 1.
    """
    _check_arrays("conv1d", x, "(N, T, C)", w, "(k, c_in, c_out)", b)
    d = _whole(dilation, "conv1d", "dilation", 1)
    geometry = Geometry(padding=((0, 0), (d * (w.shape[0] - 1), 0)), dilation=(1, d))
    x = anp.reshape(x, (x.shape[0], 1, *x.shape[1:]))  # (N, 1, T, c_in): an image of one row, padded on the left
    y = _conv(x, anp.reshape(w, (1, *w.shape)), b, geometry)  # (N, 1, T, c_out)
    return anp.reshape(y, (y.shape[0], *y.shape[2:]))  # (N, T, c_out)


# ---------------------------------------------------------------------------------------------------------------------
# Pooling and upsampling
# ---------------------------------------------------------------------------------------------------------------------


@primitive
def _block_sum(x, size, scale):
    """scale times the sum over blocks of (sh, sw) pixels: (N, H, W, C) -> (N, H//sh, W//sw, C); a rest is left out.

    Gradient: each pixel of a block gets scale times that of the block, which is `_block_repeat`.
    """
    parts = _block_parts(x, size)
    y = parts[0] + parts[1] if len(parts) > 1 else parts[0].copy()
    for part in parts[2:]:
        y += part
    return y if scale == 1 else np.multiply(y, y.dtype.type(scale), out=y)


@primitive
def _block_repeat(y, size, shape, scale):
    """scale times y, each pixel repeated over a block of (sh, sw): (N, h, w, C) -> (N, *shape, C), zeros in the rest.

    Gradient: each pixel gets scale times the sum over its block, which is `_block_sum`. The two are adjoint.
    """
    (N, h, w, C), (sh, sw) = y.shape, size
    y = y if scale == 1 else y * y.dtype.type(scale)
    if shape == (h * sh, w * sw):
        x = np.empty((N, h, sh, w, sw, C), y.dtype)
        x[...] = y[:, :, None, :, None]
        return x.reshape(N, h * sh, w * sw, C)
    x = np.zeros((N, *shape, C), y.dtype)
    for part in _block_parts(x, size):
        part[...] = y
    return x


def _block_parts(x, size):
    """The sh*sw views (N, H//sh, W//sw, C) of the pixels at the same place in each block, row by row."""
    (sh, sw), (H, W) = size, x.shape[1:3]
    return [x[:, i : H // sh * sh : sh, j : W // sw * sw : sw] for i in range(sh) for j in range(sw)]


def _block_sum_vjp(argnums, y, args, kwargs):
    x, size, scale = args
    shape, dtype = x.shape[1:3], y.dtype
    return lambda g: (_block_repeat(_as_dtype(g, dtype), size, shape, scale),)


def _block_repeat_vjp(argnums, x, args, kwargs):
    (_, size, _, scale), dtype = args, x.dtype
    return lambda g: (_block_sum(_as_dtype(g, dtype), size, scale),)


defvjp_argnums(_block_sum, _block_sum_vjp)
defvjp_argnums(_block_repeat, _block_repeat_vjp)


@primitive
def _block_max(x, size):
    """The maximum of each block of (sh, sw) pixels: (N, H, W, C) -> (N, H//sh, W//sw, C).

    Gradient: a small change of the block's (first) maximum changes the output as much, one of another pixel not at
    all. So g goes to the place of the maximum (`_block_put`), whose own gradient is to look there (`_block_take`).
    """
    parts = _block_parts(x, size)
    y = parts[0].copy()
    for part in parts[1:]:
        np.maximum(y, part, out=y)
    return y


def _first_maximum(x, size):
    """The place, 0 ... sh*sw - 1 counted row by row, of each block's first maximum."""
    parts = _block_parts(x, size)
    largest, place = parts[0].copy(), np.zeros(parts[0].shape, np.min_scalar_type(len(parts)))
    for k, part in enumerate(parts[1:], 1):
        np.putmask(place, part > largest, k)
        np.maximum(largest, part, out=largest)
    return place


@primitive
def _block_put(g, place, size, shape):
    """g (N, h, w, C) put at `place` of each block of an image (N, *shape, C) of zeros. Gradient: `_block_take`."""
    N, _, _, C = g.shape
    x = np.zeros((N, *shape, C), g.dtype)
    for k, part in enumerate(_block_parts(x, size)):
        np.multiply(g, place == k, out=part)
    return x


@primitive
def _block_take(x, place, size):
    """The pixel at `place` of each block: (N, H, W, C) -> (N, h, w, C). Gradient: put it back, `_block_put`."""
    y = np.zeros(place.shape, x.dtype)
    for k, part in enumerate(_block_parts(x, size)):
        np.copyto(y, part, where=place == k)
    return y


def _block_max_vjp(argnums, y, args, kwargs):
    (x, size), dtype = args, y.dtype
    place = _first_maximum(_value(x), size)
    return lambda g: (_block_put(_as_dtype(g, dtype), place, size, x.shape[1:3]),)


def _block_put_vjp(argnums, x, args, kwargs):
    (_, place, size, _), dtype = args, x.dtype
    return lambda u: (_block_take(_as_dtype(u, dtype), place, size),)


def _block_take_vjp(argnums, y, args, kwargs):
    (x, place, size), dtype = args, y.dtype
    return lambda g: (_block_put(_as_dtype(g, dtype), place, size, x.shape[1:3]),)


defvjp_argnums(_block_max, _block_max_vjp)
defvjp_argnums(_block_put, _block_put_vjp)
defvjp_argnums(_block_take, _block_take_vjp)


def avg_pool2d(x, size):
    """Mean over blocks of `size` (int or pair) pixels of x (N, H, W, C): returns (N, H//size, W//size, C).

    Rows and columns left over at the end are dropped. Raises ValueError on a wrong rank, or blocks larger than the
    image.
    """
    size = _block_size("avg_pool2d", x, size)
    return _block_sum(x, size, 1.0 / (size[0] * size[1]))


def max_pool2d(x, size):
    """Maximum over blocks of `size` (int or pair) pixels of x (N, H, W, C): returns (N, H//size, W//size, C).

    Among equal maxima the first, row by row, takes the whole gradient. Rows and columns left over at the end are
    dropped. Raises ValueError on a wrong rank, or blocks larger than the image.
    """
    return _block_max(x, _block_size("max_pool2d", x, size))


def upsample_nearest(x, factor):
    """Repeat each pixel of x (N, H, W, C) over a block of `factor` (int or pair): returns (N, H*factor, W*factor, C).

    Raises ValueError on a wrong rank or a factor below 1.
    """
    _check_rank("upsample_nearest", "x", x, "(N, H, W, C)")
    fh, fw = _pair(factor, "upsample_nearest", "factor", 1)
    return _block_repeat(x, (fh, fw), (x.shape[1] * fh, x.shape[2] * fw), 1)


# ---------------------------------------------------------------------------------------------------------------------
# Checks
# ---------------------------------------------------------------------------------------------------------------------


def _whole(value, function, name, least):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{function}: {name} must be a whole number, at least {least}, got {value!r}")
    return int(value)


def _pair(value, function, name, least):
    """An int, or a pair (vertical, horizontal) of them, as a pair."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{function}: {name} must be an int or a pair, got {value!r}")
        return tuple(_whole(v, function, name, least) for v in value)
    return (_whole(value, function, name, least),) * 2


def _check_rank(function, name, array, layout):
    shape = np.shape(array)
    if len(shape) != layout.count(",") + 1:
        raise ValueError(f"{function}: {name} must have shape {layout}, got {shape}")


def _check_arrays(function, x, x_layout, w, w_layout, b):
    _check_rank(function, "x", x, x_layout)
    _check_rank(function, "w", w, w_layout)
    if min(x.shape[1:]) < 1 or min(w.shape) < 1:
        raise ValueError(f"{function}: x and w must have no empty axis but the batch, got {x.shape} and {w.shape}")
    if x.shape[-1] != w.shape[-2]:
        raise ValueError(
            f"{function}: w must have c_in = {x.shape[-1]} as x {x.shape} has channels, got w {w_layout} = {w.shape}"
        )
    if b is not None and np.shape(b) != (w.shape[-1],):
        raise ValueError(f"{function}: b must have shape ({w.shape[-1]},) as w has c_out, got {np.shape(b)}")


def _block_size(function, x, size):
    _check_rank(function, "x", x, "(N, H, W, C)")
    size = _pair(size, function, "size", 1)
    if size[0] > x.shape[1] or size[1] > x.shape[2]:
        raise ValueError(f"{function}: size must be at most the image {x.shape[1:3]}, got {size}")
    return size


def _value(x):
    """The plain array inside any number of autograd boxes."""
    while hasattr(x, "_value"):
        x = x._value
    return x
