"""Convolution with fewer products, after Winograd (Lavin & Gray 2015, "Fast algorithms for convolutional networks").

Two neighboring outputs of a kernel of three weights, y0 = d0 w0 + d1 w1 + d2 w2 and y1 = d1 w0 + d2 w1 + d3 w2, take
six products. Four are enough:

    m0 = (d0 - d2) w0    m1 = (d1 + d2)(w0 + w1 + w2)/2    m2 = (d2 - d1)(w0 - w1 + w2)/2    m3 = (d1 - d3) w2
    y0 = m0 + m1 + m2    y1 = m1 - m2 - m3

(multiply out and see the extra terms cancel). With three small matrices, y = AT [(G w) * (BT d)]. In an image the
same is done along rows and along columns: a tile of 2*2 outputs takes 16 products instead of 36. The products of all
tiles with all channels are 16 matrix products, with 9/4 times less work than the one over columns of windows; the
sums before and after are cheap, since they are shared by all channels of the other side. For a kernel of two weights,
three products replace four.

A convolution of stride s with a kernel of r*s pixels (4*4 at stride 2: r = 2) is one of stride 1 with r*r weights on
the image whose pixels are blocks of s*s pixels, each with s*s*c channels. So two sizes, r = 2 and 3, serve for all.

The gradients reuse the same three matrices. Toward the input the loss's gradient g is convolved with the kernel
turned by 180 degrees, block by block. Toward the weights the formula is read backwards, with A the transpose of AT and
G' that of G: dw = G' [sum over tiles of (BT d) * (A g)].

The price: the extra terms cancel up to rounding only. If w2 is exactly zero, y0 should not depend on d2 at all, and
here it does, by a rounding error. So a kernel with exact zeros, as in a masked convolution, goes the plain way.
(Pixels outside the kernel's window never enter: y0 has no d3 in it, y1 no d0.)
"""

import math

import numpy as np

from minigen.tensor.scratch import chunks, scratch

BT = {
    2: ((1, -1, 0), (0, 1, 0), (0, -1, 1)),
    3: ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
}
G = {
    2: ((1, 0), (1, 1), (0, 1)),
    3: ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
}
AT = {
    2: ((1, 1, 0), (0, 1, 1)),
    3: ((1, 1, 1, 0), (0, 1, -1, -1)),
}

LEAST_CHANNELS, LEAST_SAVING = 32, 1.6  # below, the sums cost more than the products they save


def pays(kernel, stride, padding, dilation, channels, size):
    """Whether the method applies, and saves enough products, for outputs (or blocks of the input) of this `size`."""
    (kh, kw), (sh, sw) = kernel, stride
    if kh != kw or sh != sw or kh % sh or kh // sh not in BT or dilation != (1, 1) or max(map(max, padding)) >= kh:
        return False
    r, covered = kh // sh, math.prod(n / (n + n % 2) for n in size)  # an odd size leaves tiles half used
    return min(channels) >= LEAST_CHANNELS and (2 * r / (r + 1)) ** 2 * covered >= LEAST_SAVING


def input_blocks(size, stride, padding):
    """How many blocks of stride * stride pixels reach into an image (H, W), that may begin inside a block."""
    return tuple(-(-(n + before % stride) // stride) for n, (before, _) in zip(size, padding))


def convolve(x, w, b, y, stride, padding):
    """Write to y (N, oh, ow, o) the convolution of x (N, H, W, c) with w (k, k, c, o), plus b."""
    r = w.shape[0] // stride
    _convolve(x, _kernel_tiles(w, r, stride, y.dtype), b, y, r, stride, 1, padding, y.shape[1:3], (0, 0))


def convolve_input(g, w, b, x, stride, padding):
    """Write to x (N, H, W, c) the sum over windows of g (N, oh, ow, o) times w (k, k, c, o), plus b.

    Block i of the padded image gets g[i - a] times block a of w, for a = 0 ... r-1: a convolution with the turned
    kernel, after r - 1 zeros; blocks that lie in the padding altogether are left out.
    """
    (k, _, c, o), s = w.shape, stride
    r = k // s
    border = [(r - 1 - before // s, 0) for before, _ in padding]
    offset = [before % s for before, _ in padding]
    size = input_blocks(x.shape[1:3], s, padding)
    w = w.reshape(r, s, r, s, c, o)[::-1, :, ::-1].transpose(0, 2, 5, 1, 3, 4).reshape(r, r, o, s * s * c)
    _convolve(g, _kernel_tiles(w, r, 1, x.dtype), b, x, r, 1, s, border, size, offset)


def convolve_weight(x, g, w, stride, padding):
    """Write to w (k, k, c, o) the sum over windows of x (N, H, W, c) times g (N, oh, ow, o)."""
    (k, _, c, o), s, dtype = w.shape, stride, w.dtype
    r = k // s
    total = np.zeros(((r + 1) ** 2, s * s * c, o), dtype)
    part = scratch("weight", total.shape, dtype)
    for samples, tiles in _image_tiles(x, r, s, padding, g.shape[1:3], o, dtype):
        total += np.matmul(tiles.swapaxes(1, 2), _gradient_tiles(g[samples], r), out=part)
    both = np.kron(G[r], G[r]).astype(dtype).T @ total.reshape((r + 1) ** 2, -1)
    w.reshape(r, s, r, s, c, o)[...] = both.reshape(r, r, s, s, c, o).transpose(1, 2, 0, 3, 4, 5)


# ----------------------------------------------------------------------------------------------------------- the parts


def _convolve(x, kernel, b, y, r, stride, spread, padding, size, offset):
    """Convolve x, in blocks of stride * stride pixels, into y, in blocks of spread * spread, from pixel `offset` on."""
    o = kernel.shape[2]
    for samples, tiles in _image_tiles(x, r, stride, padding, size, o, y.dtype):
        products = scratch("products", (*tiles.shape[:2], o), y.dtype)
        np.matmul(tiles, kernel, out=products)
        _write_outputs(products, b, y[samples], r, spread, size, offset)


def _kernel_tiles(w, r, s, dtype):
    """(G w) in both directions: (k, k, c, o) -> ((r+1)**2, s*s*c, o), one matrix for each of the products of a
    tile."""
    (_, _, c, o) = w.shape
    blocks = w.reshape(r, s, r, s, c, o).transpose(2, 0, 1, 3, 4, 5).astype(dtype).reshape(r * r, -1)
    return (np.kron(G[r], G[r]).astype(dtype) @ blocks).reshape((r + 1) ** 2, s * s * c, o)


def _image_tiles(x, r, s, padding, size, channels, dtype):
    """Yield (samples, (BT d) in both directions), ((r+1)**2, tiles, s*s*c), for the tiles of `size` outputs."""
    (N, H, W, c), ((top, _), (left, _)) = x.shape, padding
    th, tw = (-(-n // 2) for n in size)
    t, k = r + 1, s * s * c
    for samples in chunks(N, t * t * th * tw * max(k, channels) * dtype.itemsize):
        n = samples.stop - samples.start
        image = scratch("padded", (n, 2 * th + 2, 2, tw + 1, s, s, c), dtype)  # columns of blocks: even, then odd ones
        image[...] = 0
        for p, rows, i in _phases(H, top, s, 2 * th + 2):
            for q, columns, j in _phases(W, left, 2 * s, tw + 1):
                image[:, i, q // s, j, p, q % s] = x[samples, rows, columns]
        image = image.reshape(n, th + 1, 2, 2, tw + 1, k)
        half = scratch("half", (t, n, th, 2, tw + 1, k), dtype)
        _combine(BT[r], [image[:, a // 2 : a // 2 + th, a % 2] for a in range(t)], half)
        tiles = scratch("tiles", (t, t, n, th, tw, k), dtype)
        _combine(BT[r], [half[:, :, :, a % 2, a // 2 : a // 2 + tw] for a in range(t)], tiles)
        yield samples, tiles.reshape(t * t, n * th * tw, k)


def _write_outputs(products, b, y, r, spread, size, offset):
    """y = AT m in both directions, plus b, added to m1: it goes with sign + into every output of its tile."""
    n, t, c = len(y), r + 1, y.shape[-1]
    th, tw = (-(-m // 2) for m in size)
    products = products.reshape(t, t, n, th, tw, spread, spread, c)
    if b is not None:
        products[1, 1] += b
    half = scratch("half", (2, *products.shape[1:]), y.dtype)
    _combine(AT[r], products, half)
    outputs = scratch("outputs", (2, 2, *products.shape[2:]), y.dtype)
    _combine(AT[r], half.swapaxes(0, 1), outputs)
    for p, rows, i in _phases(y.shape[1], offset[0], 2 * spread, th):
        for q, columns, j in _phases(y.shape[2], offset[1], 2 * spread, tw):
            y[:, rows, columns] = outputs[p // spread, q // spread, :, i, j, p % spread, q % spread]


def _gradient_tiles(g, r):
    """(A g) in both directions: (n, oh, ow, o) -> ((r+1)**2, tiles, o)."""
    n, oh, ow, o = g.shape
    t, th, tw = r + 1, -(-oh // 2), -(-ow // 2)
    outputs = scratch("outputs", (2, 2, n, th, tw, o), g.dtype)
    if oh % 2 or ow % 2:
        outputs[...] = 0
    for p, rows, i in _phases(oh, 0, 2, th):
        for q, columns, j in _phases(ow, 0, 2, tw):
            outputs[p, q, :, i, j] = g[:, rows, columns]
    half = scratch("half", (t, 2, n, th, tw, o), g.dtype)
    _combine(tuple(zip(*AT[r])), outputs, half)
    products = scratch("products", (t, t, n, th, tw, o), g.dtype)
    _combine(tuple(zip(*AT[r])), half.swapaxes(0, 1), products)
    return products.reshape(t * t, n * th * tw, o)


def _combine(matrix, parts, out):
    """out[i] = sum over j of matrix[i][j] * parts[j], for entries -1, 0 and 1: additions only."""
    for row, target in zip(matrix, out):
        (sign, first), *rest = sorted(((s, p) for s, p in zip(row, parts) if s), key=lambda term: -term[0])
        if not rest:
            np.multiply(first, target.dtype.type(sign), out=target) if sign < 0 else np.copyto(target, first)
            continue
        (s, second), *rest = rest
        (np.add if s > 0 else np.subtract)(first, second, out=target)
        for s, more in rest:
            (np.add if s > 0 else np.subtract)(target, more, out=target)


def _phases(n, before, period, most):
    """Yield (phase, pixels, places): pixel i of range(n), with i + before = place * period + phase and place < most."""
    for phase in range(period):
        start = (phase - before) % period
        first = (start + before) // period
        count = min(len(range(start, n, period)), most - first)
        if count > 0:
            yield phase, slice(start, start + (count - 1) * period + 1, period), slice(first, first + count)
