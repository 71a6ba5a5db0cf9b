"""Convolution of images (N, H, W, C) and sequences (N, T, C), channels last.

Everything is cross-correlation: the kernel is not flipped. With kernel w (kh, kw, c_in, c_out), stride s, padding p,

    y[n, i, j, o] = b[o] + sum over a, e, c of  x[n, s*i + a - p, s*j + e - p, c] * w[a, e, c, o].

**Three operations, closed under differentiation.** Pair the output with any g of its shape. The number

    <conv(x, w), g> = sum over all indices of  x[n, s*i + a - p, s*j + e - p, c] * w[a, e, c, o] * g[n, i, j, o]

is linear in each of x, w and g, so it can be read as a product of any one of them with an operation on the other two:

    <conv(x, w), g>  =  <x, conv_input(g, w)>  =  <w, conv_weight(x, g)>.

The last two are the gradients of the first; and since all three give the same number, the gradients of each are the
other two. Three primitives whose gradients are one another can be differentiated any number of times (a gradient
penalty through a convolution needs two).

**Implementation.** A convolution is a matrix product once every window of x is written out as a row of a matrix of
*columns*, (N*oh*ow, kh*kw*c_in). That matrix is kh*kw times as large as x, and writing it to memory and reading it
back costs more than the product. So:

- where the kernel moves by single rows, only windows of one of its rows, (1, kw), are written; each row of the kernel
  takes its product from them, for a few rows of one image, and the products are added (`linear.py` says why such
  small ones are faster, and where);
- windows are written for a few samples at a time, into one buffer of about 1 MB that stays in the processor's cache
  and is reused; each thread has its own, so that two threads may work on halves of a batch;
- `as_strided` makes a view of all windows of x (with overlapping rows), so that filling the buffer is one NumPy copy,
  whose inner loop runs over kw*c_in adjacent numbers. With one to three channels these runs are too short: the columns
  are then written transposed, and the inner loop runs along the image;
- the weight gradient does not keep the columns of the forward pass but writes them again, or shares those that the
  input gradient writes (stride 1, and the transposed convolution);
- two threads take half of the samples each (`in_halves`);
- the input gradient at stride 1 is a convolution of g with the kernel turned by 180 degrees. At stride s it is one
  product, g times the kernel, which gives each window's contribution to the input, and these are then added where
  they overlap: ceil(k/s)**2 additions of whole s*s blocks.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
from numpy.lib.stride_tricks import as_strided

from minigen import checks
from minigen.tensor.activations import as_floats
from minigen.tensor.core import primitive
from minigen.tensor.linear import ROWS, product, small
from minigen.tensor.parallel import chunks, in_halves, scratch
from minigen.types import Array

Pair = tuple[int, int]

# ---------------------------------------------------------------------------------------------------------------------
# Geometry
# ---------------------------------------------------------------------------------------------------------------------


class Geometry(NamedTuple):
    """How a kernel moves over an image. Fields are (vertical, horizontal), padding ((top, bottom), (left, right))."""

    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)

    def reach(self, kernel: Pair) -> tuple[int, ...]:
        """Extent in pixels of a kernel (kh, kw), dilation included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(kernel, self.dilation))

    def output_size(self, size: Pair, kernel: Pair) -> tuple[int, ...]:
        """(oh, ow): the number of positions of a kernel (kh, kw) on an image (H, W)."""
        return tuple(
            (n + sum(p) - r) // s + 1 for n, p, r, s in zip(size, self.padding, self.reach(kernel), self.stride)
        )

    def is_pointwise(self, kernel: Pair) -> bool:
        """Whether each output sees exactly one pixel: then the columns are the image itself."""
        return tuple(kernel) == (1, 1) and self.stride == (1, 1) and self.padding == ((0, 0), (0, 0))

    def turned(self, kernel: Pair) -> "Geometry | None":
        """Return the geometry that leads back from output to input at stride 1,
        or None if padding exceeds the kernel.
        """
        padding: Any = tuple((r - 1 - a, r - 1 - b) for r, (a, b) in zip(self.reach(kernel), self.padding))
        if self.stride == (1, 1) and min(map(min, padding)) >= 0:
            return self._replace(padding=padding)
        return None


def _turn(w: Array) -> Array:
    """Return the kernel turned by 180 degrees, its input and output channels exchanged."""
    return w[::-1, ::-1].swapaxes(2, 3)


def _is_thin(kernel: Pair, channels: int) -> bool:
    """Whether a row of a window is so short that columns are better written transposed."""
    return kernel[1] * channels <= 9


def _common_dtype(*arrays: Array) -> Any:
    """Return the float type of the result: the widest among the arrays that are floats."""
    floats = [a.dtype for a in arrays if a is not None and a.dtype.kind == "f"]
    return np.result_type(*floats) if floats else np.dtype(np.float64)


# ---------------------------------------------------------------------------------------------------------------------
# Columns: windows of an image as rows of a matrix, a few samples at a time
# ---------------------------------------------------------------------------------------------------------------------


def _columns(x: Array, kernel: Pair, geometry: Geometry, dtype: Any, part: slice) -> Iterator[tuple[slice, Array]]:
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


def _fold(g: Array, w: Array, out: Array, geometry: Geometry, part: slice) -> None:
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
        if thin:  # one plane of the image for each channel and each position inside a block
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


def _copy_interior(blocks: Array, out: Array, top: int, left: int) -> None:
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


def _products(
    x: Array, geometry: Geometry, w: Any = None, b: Any = None, g: Any = None, kernel: Pair | None = None
) -> tuple[Array, Array]:
    """(conv(x, w) + b, conv_weight(x, g)): both with w and g, or one and None for what is not given.

    conv is a row of columns times w, as a matrix (kh*kw*c, o); conv_weight is the transposed columns times g, added up
    over the samples. Writing the columns is much of the cost, so a caller that needs both computes both at once.

    Where BLAS multiplies small matrices faster, it is done for one row of the kernel after the other: a convolution is
    the sum over a of the convolutions of a kernel (1, kw), row a, with the image from row a*dh on. These share their
    columns, which are a kh-th of those of whole windows, and each product is one for a few rows of one image.
    """
    kernel, dtype = w.shape[:2] if kernel is None else kernel, _common_dtype(x, w, b, g)
    N, (oh, ow), C, O = len(x), geometry.output_size(x.shape[1:3], kernel), x.shape[3], (w if g is None else g).shape[3]
    lines = _lines_in_a_product(kernel, geometry, (oh, ow), C, O)
    kh, kw = kernel if lines else (1, kernel[0] * kernel[1])  # without them the kernel is one row, its whole window
    w = None if w is None else np.ascontiguousarray(w, dtype).reshape(kh, kw * C, O)
    g = None if g is None else np.ascontiguousarray(g, dtype)
    y: Any = None if w is None else np.empty((N, oh, ow, O), dtype)

    def whole_windows(part: slice) -> Any:
        total: Any = None if g is None else np.zeros((kw * C, O), dtype)
        for samples, columns in _columns(x, kernel, geometry, dtype, part):
            if w is not None:
                out = product(columns, w[0], y[samples].reshape(-1, O))
                if b is not None:
                    out += b
            if g is not None:
                piece = scratch("weight", (kw * C, O), dtype)
                total += np.matmul(columns.T, g[samples].reshape(-1, O), out=piece)
        return total

    def row_by_row(part: slice) -> Any:
        total: Any = None if g is None else np.zeros((kh, kw * C, O), dtype)
        for samples, columns in _columns(x, (1, kw), geometry, dtype, part):
            n = samples.stop - samples.start
            blocks = (n, oh // lines, lines * ow)
            columns = columns.reshape(n, -1, kw * C)  # (n, rows of the padded image * ow, kw*c)
            for a in range(kh):
                first = a * geometry.dilation[0] * ow
                seen = columns[:, first : first + oh * ow].reshape(*blocks, kw * C)
                if w is not None:
                    out = y[samples].reshape(*blocks, O)
                    if a == 0:
                        np.matmul(seen, w[a], out=out)
                    else:
                        out += np.matmul(seen, w[a], out=scratch("row", out.shape, dtype))
                if g is not None:
                    pieces = scratch("weights", (*blocks[:2], kw * C, O), dtype)
                    np.matmul(seen.swapaxes(2, 3), g[samples].reshape(*blocks, O), out=pieces)
                    total[a] += pieces.sum(axis=(0, 1))
            if w is not None and b is not None:
                out += b
        return total

    work = row_by_row if lines else whole_windows
    totals = in_halves(work, N, N * oh * ow * kh * kw * C * O > SHARED)
    return y, None if g is None else sum(totals).reshape(*kernel, C, O)


def _lines_in_a_product(kernel: Pair, geometry: Geometry, size: Any, C: int, O: int) -> int:
    """Return the rows of an image that a product computes, row by row of the kernel;
    0 where whole windows are faster.
    """
    (kh, kw), (oh, ow) = kernel, size
    if kh == 1 or geometry.stride[0] > 1 or _is_thin((1, kw), C):
        return 0
    fits = [n for n in range(1, oh + 1) if oh % n == 0 and n * ow >= ROWS and n * ow * kw * C * O <= small()]
    return max(fits, default=0)


# ---------------------------------------------------------------------------------------------------------------------
# The three primitives
# ---------------------------------------------------------------------------------------------------------------------


def _conv_forward(x: Array, w: Array, b: Array | None, geometry: Geometry) -> tuple[Array, Any]:
    """conv(x, w) + b: (N, H, W, c), (kh, kw, c, o), (o,) or None -> (N, oh, ow, o)."""
    return _products(x, geometry, w=w, b=b)[0], ()


def _conv_backward(
    needed: list[int], g: Array, y: Array, saved: Any, x: Array, w: Array, b: Array | None, geometry: Geometry
) -> dict[int, Array]:
    """Return the gradients that are needed: the loss changes by <conv(dx, w) + conv(x, dw) + db, g>.

    By the pairing above its gradient is conv_input(g, w) with respect to x and conv_weight(x, g) with respect to w;
    b is added at every position, so its gradient is the sum of g over all of them.

    At stride 1 the columns of g, which conv_input writes, also give conv_weight, with the kernel turned.
    """
    turned = geometry.turned(w.shape[:2])
    gradients = {}
    if saved is not None and 0 in needed and 1 in needed and turned is not None:
        gradients[0], dw = _products(g, turned, w=_turn(w), g=x)
        gradients[1] = _turn(dw)
    else:
        if 0 in needed:
            gradients[0] = _conv_input(g, w, None, x.shape[1:3], geometry)
        if 1 in needed:
            gradients[1] = _conv_weight(x, g, w.shape[:2], geometry)
    if 2 in needed:
        gradients[2] = _sum_over_positions(g)
    return gradients


def _conv_input_forward(g: Array, w: Array, b: Array | None, size: Pair, geometry: Geometry) -> tuple[Array, Any]:
    """conv_input(g, w) + b: (N, oh, ow, o), (kh, kw, c, o), (c,) or None -> (N, H, W, c), (H, W) = size.

    Each output position sends its value back along the kernel: x[s*i + a - p] gets g[i] w[a] for all i, a. At stride 1
    that is x[j] = sum over a of g[j + p - a] w[a], a convolution of g with w turned by 180 degrees and its channels
    exchanged.
    """
    dtype, turned = _common_dtype(g, w, b), geometry.turned(w.shape[:2])
    if turned is not None:
        return _conv_forward(g, _turn(w), b, turned)
    x = np.empty((g.shape[0], *size, w.shape[2]), dtype)
    g, w = np.ascontiguousarray(g, dtype), w.astype(dtype, copy=False)

    def work(part: slice) -> Any:
        _fold(g, w, x, geometry, part)
        if b is not None:
            x[part] += b

    in_halves(work, len(g), g[..., 0].size * w.size > SHARED)
    return x, ()


def _conv_input_backward(
    needed: list[int],
    u: Array,
    x: Array,
    saved: Any,
    g: Array,
    w: Array,
    b: Array | None,
    size: Pair,
    geometry: Geometry,
) -> dict[int, Array]:
    """With u the gradient of the output: the loss changes by <conv_input(dg, w), u> = <conv(u, w), dg> and
    <conv_input(g, dw), u> = <conv_weight(u, g), dw>. Both are products with the columns of u."""
    gradients = {}
    if saved is not None and 0 in needed and 1 in needed:
        gradients[0], gradients[1] = _products(u, geometry, w=w, g=g)
    else:
        if 0 in needed:
            gradients[0] = _conv(u, w, None, geometry)
        if 1 in needed:
            gradients[1] = _conv_weight(u, g, w.shape[:2], geometry)
    if 2 in needed:
        gradients[2] = _sum_over_positions(u)
    return gradients


def _conv_weight_forward(x: Array, g: Array, kernel: Pair, geometry: Geometry) -> tuple[Array, Any]:
    """conv_weight(x, g): (N, H, W, c), (N, oh, ow, o) -> (kh, kw, c, o), (kh, kw) = kernel.

    w[a] is multiplied with x[s*i + a - p] and g[i] for all i: the transposed columns of x times g, added up.
    """
    return _products(x, geometry, g=g, kernel=kernel)[1], ()


def _conv_weight_backward(
    needed: list[int], v: Array, w: Array, saved: Any, x: Array, g: Array, kernel: Pair, geometry: Geometry
) -> dict[int, Array]:
    """With v the gradient of the output: the loss changes by <conv_weight(dx, g), v> = <conv_input(g, v), dx> and
    <conv_weight(x, dg), v> = <conv(x, v), dg>."""
    gradients = {}
    if 0 in needed:
        gradients[0] = _conv_input(g, v, None, x.shape[1:3], geometry)
    if 1 in needed:
        gradients[1] = _conv(x, v, None, geometry)
    return gradients


def _sum_over_positions_forward(g: Array) -> tuple[Array, Any]:
    """Sum over all axes but the last: (..., c) -> (c,), the gradient of a bias; as a product with ones, which is faster
    in BLAS than NumPy's sum."""
    rows = g.reshape(-1, g.shape[-1])
    return np.ones(len(rows), g.dtype) @ rows, None


def _sum_over_positions_backward(needed: list[int], v: Array, y: Array, saved: Any, g: Array) -> dict[int, Array]:
    """Every position gets the gradient of its channel."""
    return {0: v * np.ones(g.shape, y.dtype)}


_conv = primitive(_conv_forward, _conv_backward)
_conv_input = primitive(_conv_input_forward, _conv_input_backward)
_conv_weight = primitive(_conv_weight_forward, _conv_weight_backward)
_sum_over_positions = primitive(_sum_over_positions_forward, _sum_over_positions_backward)


# ---------------------------------------------------------------------------------------------------------------------
# Convolutions
# ---------------------------------------------------------------------------------------------------------------------


def conv2d(x: Array, w: Array, b: Array | None = None, stride: int | Pair = 1, padding: int | Pair | str = 0) -> Array:
    """Cross-correlate images x (N, H, W, c_in) with a kernel w (kh, kw, c_in, c_out), and add b (c_out,).

    Returns (N, oh, ow, c_out) with oh = (H + 2*padding - kh) // stride + 1. `stride` and `padding` (zeros) are an int
    or a pair (vertical, horizontal); padding "same" keeps the size at stride 1 with odd kernels. Raises ValueError on
    wrong ranks, channels that differ, a kernel larger than the padded image, a stride below 1.
    """
    x = as_floats(x)
    _check_arrays("conv2d", x, "(N, H, W, C)", w, "(kh, kw, c_in, c_out)", b)
    stride, kernel = pair("conv2d: stride", stride, least=1), w.shape[:2]
    if isinstance(padding, str):
        if padding != "same" or stride != (1, 1) or kernel[0] % 2 == 0 or kernel[1] % 2 == 0:
            raise ValueError(
                f"conv2d: padding must be an int, a pair, or 'same' with stride 1 and an odd kernel, "
                f"got {padding!r} with stride {stride} and kernel {kernel}"
            )
        padding = (kernel[0] // 2, kernel[1] // 2)
    py, px = pair("conv2d: padding", padding, least=0)
    padded = (x.shape[1] + 2 * py, x.shape[2] + 2 * px)
    if kernel[0] > padded[0] or kernel[1] > padded[1]:
        raise ValueError(f"conv2d: kernel must fit into the padded image {padded}, got kernel {kernel}")
    return _conv(x, w, b, Geometry(stride, ((py, py), (px, px))))


def conv_transpose2d(
    x: Array,
    w: Array,
    b: Array | None = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    output_padding: int | Pair = 0,
) -> Array:
    """Transposed convolution of x (N, H, W, c_in) with w (kh, kw, c_in, c_out), plus b (c_out,): the adjoint of
    `conv2d`.

    Returns (N, oh, ow, c_out) with oh = (H - 1)*stride - 2*padding + kh + output_padding. For every x, w, y and the
    same stride and padding, <conv2d(x, w), y> = <x, conv_transpose2d(y, w.swapaxes(2, 3))>: each pixel adds the kernel,
    times its value, at `stride` times its position; no flip. `output_padding` (below the stride) selects one of the
    sizes that `conv2d` maps to the same (H, W). Ints or pairs. Raises ValueError as `conv2d` does.
    """
    name = "conv_transpose2d"
    x = as_floats(x)
    _check_arrays(name, x, "(N, H, W, C)", w, "(kh, kw, c_in, c_out)", b)
    stride = pair(f"{name}: stride", stride, least=1)
    py, px = pair(f"{name}: padding", padding, least=0)
    extra = pair(f"{name}: output_padding", output_padding, least=0)
    if extra[0] >= stride[0] or extra[1] >= stride[1]:
        raise ValueError(f"{name}: output_padding must be below the stride {stride}, got {extra}")
    axes = zip(x.shape[1:3], stride, (py, px), w.shape[:2], extra)
    size = tuple((n - 1) * s - 2 * p + k + e for n, s, p, k, e in axes)
    if min(size) < 1:
        raise ValueError(
            f"{name}: output size (H - 1)*stride - 2*padding + kernel + output_padding must be at least 1, got {size}"
        )
    return _conv_input(x, anp.swapaxes(w, 2, 3), b, size, Geometry(stride, ((py, py), (px, px))))


def conv1d(x: Array, w: Array, b: Array | None = None, dilation: int = 1) -> Array:
    """Causal convolution of sequences x (N, T, c_in) with w (k, c_in, c_out), plus b (c_out,): returns (N, T, c_out).

    y[t] = b + sum over a of x[t - (k-1-a)*dilation] @ w[a]: output t sees t, t - d, ..., t - (k-1)*d and nothing later;
    w[k-1] multiplies the present, w[0] the most distant past; before the start there are zeros.
    Raises ValueError on wrong ranks, channels that differ, a dilation below 1.
    """
    x = as_floats(x)
    _check_arrays("conv1d", x, "(N, T, C)", w, "(k, c_in, c_out)", b)
    d = checks.whole("conv1d: dilation", dilation)
    geometry = Geometry(padding=((0, 0), (d * (w.shape[0] - 1), 0)), dilation=(1, d))
    x = anp.reshape(x, (x.shape[0], 1, *x.shape[1:]))  # (N, 1, T, c_in): an image of one row, padded on the left
    y = _conv(x, anp.reshape(w, (1, *w.shape)), b, geometry)  # (N, 1, T, c_out)
    return anp.reshape(y, (y.shape[0], *y.shape[2:]))  # (N, T, c_out)


def correlate1d(
    x: Array, w: Array, b: Array | None = None, stride: int = 1, padding: int | str = 0, dilation: int = 1
) -> Array:
    """Cross-correlate sequences x (N, T, c_in) with a kernel w (k, c_in, c_out), and add b (c_out,): (N, T', c_out).

    y[t] = b + sum over a of x[t*stride - left + a*dilation] @ w[a], with zeros outside of x. `padding` is the number of
    zeros at each end, so left = padding; or "same", which keeps T at stride 1 and centers the kernel; or "causal",
    left = (k - 1)*dilation and nothing at the other end, so that output t depends on inputs up to t*stride only.
    T' = (T + zeros - (k - 1)*dilation - 1) // stride + 1. Raises ValueError on wrong ranks, channels that differ, a
    kernel larger than the padded sequence, "same" with another stride or a kernel that has no center.
    """
    x = as_floats(x)
    _check_arrays("correlate1d", x, "(N, T, C)", w, "(k, c_in, c_out)", b)
    step, d = checks.whole("correlate1d: stride", stride), checks.whole("correlate1d: dilation", dilation)
    past = d * (w.shape[0] - 1)  # how far apart the first and the last tap are
    if padding == "causal":
        ends = (past, 0)
    elif padding == "same":
        if step != 1 or past % 2:
            raise ValueError(
                "correlate1d: padding 'same' needs stride 1 and an even (kernel - 1)*dilation, got "
                f"stride {step}, kernel {w.shape[0]}, dilation {d}"
            )
        ends = (past // 2, past // 2)
    else:
        check_padding1d("correlate1d: padding", padding)
        ends = (int(padding), int(padding))
    if past + 1 > x.shape[1] + sum(ends):
        raise ValueError(
            f"correlate1d: kernel must fit into the padded sequence of {x.shape[1] + sum(ends)}, got {past + 1} steps"
        )
    # The gradient of a stride, or of wide padding, is `_fold`, which has no dilation. So a dilated kernel moves by 1,
    # and what lies between the strides is left out; and its wide padding is written out.
    along = step if d == 1 else 1
    if d > 1 and max(ends) > past:
        zeros = np.zeros((x.shape[0], ends[0], x.shape[2]), x.dtype)
        x, ends = anp.concatenate([zeros, x, zeros], axis=1), (0, 0)
    geometry = Geometry((1, along), ((0, 0), ends), (1, d))
    x = anp.reshape(x, (x.shape[0], 1, *x.shape[1:]))  # (N, 1, T, c_in): an image of one row
    y = _conv(x, anp.reshape(w, (1, *w.shape)), b, geometry)  # (N, 1, T', c_out)
    y = anp.reshape(y, (y.shape[0], *y.shape[2:]))  # (N, T', c_out)
    return y if along == step else y[:, ::step]


def check_padding1d(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a padding of `correlate1d`."""
    if isinstance(value, str):
        if value not in ("same", "causal"):
            raise ValueError(f"{name} must be a whole number, 'same' or 'causal', got {value!r}")
    else:
        checks.whole(name, value, 0)


def _check_arrays(function: str, x: Array, x_axes: str, w: Array, w_axes: str, b: Array | None) -> None:
    check_axes(f"{function}: x", x, x_axes)
    check_axes(f"{function}: w", w, w_axes)
    if min(x.shape[1:]) < 1 or min(w.shape) < 1:
        raise ValueError(f"{function}: x and w must have no empty axis but the batch, got {x.shape} and {w.shape}")
    if x.shape[-1] != w.shape[-2]:
        raise ValueError(
            f"{function}: w must have c_in = {x.shape[-1]} as x {x.shape} has channels, got w {w_axes} = {w.shape}"
        )
    if b is not None and np.shape(b) != (w.shape[-1],):
        raise ValueError(f"{function}: b must have shape ({w.shape[-1]},) as w has c_out, got {np.shape(b)}")


def check_axes(name: str, x: Any, axes: str) -> None:
    """Raise ValueError unless `x` has as many axes as are written in `axes`, such as "(N, H, W, C)"."""
    shape = np.shape(x)
    if len(shape) != axes.count(",") + 1:
        raise ValueError(f"{name} must have shape {axes}, got {shape}")


def pair(name: str, value: Any, least: int) -> tuple[int, int]:
    """Return a whole number, or a pair (vertical, horizontal) of them, as a pair."""
    if type(value) is int and value >= least:  # as from a layer, at each of its calls
        return value, value
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name} must be a whole number or a pair, got {value!r}")
        return checks.whole(name, value[0], least), checks.whole(name, value[1], least)
    return (checks.whole(name, value, least),) * 2
