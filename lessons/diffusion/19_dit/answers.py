"""Mistakes in the exercises of diffusion/19, and other right answers."""

import autograd.numpy as np

from minigen.tensor import stop_gradient


def cut(x, size):
    """(N, H/size, size, W/size, size, C)."""
    n, height, width, c = np.shape(x)
    return np.reshape(x, (n, height // size, size, width // size, size, c))


def waves(i, dim, base=10000.0, shift=0, divisor=None):
    """The sines and cosines of indices (n,), each (n, dim/4)."""
    omega = base ** (-(np.arange(dim // 4) + shift) / (divisor or dim / 4))
    angles = i[:, None] * omega
    return np.sin(angles), np.cos(angles)


def joined(*parts):
    return np.concatenate(parts, axis=1).astype(np.float32)


def grid(height, width):
    """The row and the column of each place, (height width,)."""
    return np.divmod(np.arange(height * width), width)


MISTAKES = {
    "patchify": """
    # A reshape alone keeps rows of pixels together; patches need a transposition between two.
    return np.reshape(x, (len(x), -1, size * size * x.shape[3]))
    # The tokens are ordered row by row, not column by column.
    out = np.transpose(cut(x, size), (0, 3, 1, 2, 4, 5))
    return np.reshape(out, (len(x), -1, size**2 * x.shape[3]))
    # Inside a token the features are ordered by row, then by column, not the reverse.
    out = np.transpose(cut(x, size), (0, 1, 3, 4, 2, 5))
    return np.reshape(out, (len(x), -1, size**2 * x.shape[3]))
    # Inside a token the channel comes last.
    out = np.transpose(cut(x, size), (0, 1, 3, 5, 2, 4))
    return np.reshape(out, (len(x), -1, size**2 * x.shape[3]))
    # A token holds a patch; here it holds the same place of every patch.
    return np.reshape(np.transpose(cut(x, size), (0, 2, 4, 1, 3, 5)), (len(x), size**2, -1))
    # size is the side of a patch, not the number of patches along a side.
    n, height, width, c = np.shape(x)
    p, q = height // size, width // size
    x = np.transpose(np.reshape(x, (n, size, p, size, q, c)), (0, 1, 3, 2, 4, 5))
    return np.reshape(x, (n, size * size, -1))
    # Each patch is one row of features: the last three axes become one.
    n, height, width, c = np.shape(x)
    out = np.transpose(cut(x, size), (0, 1, 3, 2, 4, 5))
    return np.reshape(out, (n, -1, size, size * c))
    # Height and width have changed places: an image need not be square.
    n, height, width, c = np.shape(x)
    x = np.reshape(x, (n, width // size, size, height // size, size, c))
    return np.reshape(np.transpose(x, (0, 1, 3, 2, 4, 5)), (n, -1, size * size * c))
    # All pixels of a patch are kept, not their mean.
    return np.reshape(np.mean(cut(x, size), axis=(2, 4)), (len(x), -1, x.shape[3]))
    # All channels belong to the token, not the first only.
    out = np.transpose(cut(x[..., :1], size), (0, 1, 3, 2, 4, 5))
    return np.reshape(out, (len(x), -1, size * size))
    # The patches of all examples are kept apart: the first axis stays.
    out = np.transpose(cut(x, size), (0, 1, 3, 2, 4, 5))
    return np.reshape(out, (-1, size * size * x.shape[3]))
    # Tokens come first, then their features: the two axes are exchanged.
    out = np.transpose(cut(x, size), (0, 1, 3, 2, 4, 5))
    return np.swapaxes(np.reshape(out, (len(x), -1, size * size * x.shape[3])), 1, 2)
    # The width is divided into as many parts as the height: as many patches are along a row as fit
    # into its width.
    n, height, width, c = np.shape(x)
    p = height // size
    x = np.transpose(np.reshape(x, (n, p, size, p, size, c)), (0, 1, 3, 2, 4, 5))
    return np.reshape(x, (n, p * p, size * size * c))
    # The patch comes first, then the place in it: split H into H/size and size, in this order.
    n, height, width, c = np.shape(x)
    out = np.reshape(x, (n, size, height // size, size, width // size, c))
    return np.reshape(np.transpose(out, (0, 2, 4, 1, 3, 5)), (n, -1, size**2 * c))
    # size is an argument; here it is always 2.
    n, height, width, c = np.shape(x)
    out = np.transpose(cut(x, 2), (0, 1, 3, 2, 4, 5))
    return np.reshape(out, (n, -1, 4 * c))
    # The tokens have two axes, rows and columns of patches: put them into one.
    out = np.transpose(cut(x, size), (0, 1, 3, 2, 4, 5))
    return np.reshape(out, (*np.shape(out)[:3], -1))
    # Patches do not overlap: the next one begins `size` pixels later.
    n, height, width, c = np.shape(x)
    places = [(i, j) for i in range(height - size + 1) for j in range(width - size + 1)]
    tokens = [np.reshape(x[:, i : i + size, j : j + size], (n, -1)) for i, j in places]
    return np.stack(tokens, axis=1)
    """,
    "modulate": """
    # A scale of 0 removes the tokens: scales are counted from 1.
    return x * scale[:, None] + shift[:, None]
    # The shift is added after the scaling, and is not scaled itself.
    return (x + shift[:, None]) * (1 + scale[:, None])
    # The shift is missing.
    return x * (1 + scale[:, None])
    # The scale is missing.
    return x + shift[:, None]
    # shift and scale are exchanged.
    return x * (1 + shift[:, None]) + scale[:, None]
    # The shift is added, not subtracted.
    return x * (1 + scale[:, None]) - shift[:, None]
    # The scale has the wrong sign: it is added to 1.
    return x * (1 - scale[:, None]) + shift[:, None]
    # The exponential of the scale is taken: the scale itself is counted from 1.
    return x * np.exp(scale[:, None]) + shift[:, None]
    # Scale and shift are added along the wrong axis: their new axis is that of the tokens, the
    # second.
    return x * (1 + scale) + shift
    # shift and scale belong to the last axis of x; here they are along the tokens.
    return x * (1 + scale[:, :, None]) + shift[:, :, None]
    # x is added once: this is x plus all of it.
    return x + x * (1 + scale[:, None]) + shift[:, None]
    # The norm has been taken before: do not take it again.
    h = x - np.mean(x, axis=2, keepdims=True)
    h = h / np.sqrt(np.mean(h**2, axis=2, keepdims=True) + 1e-6)
    return h * (1 + scale[:, None]) + shift[:, None]
    # Each example has its own scale, not their mean.
    return x * (1 + np.mean(scale, axis=0)) + np.mean(shift, axis=0)
    # The tokens are divided by their scale: they are multiplied by it.
    return x / (1 + scale[:, None]) + shift[:, None]
    # The scale and shift of the first example are used for all: each example has its own.
    return x * (1 + scale[0]) + shift[0]
    # Scales are counted from -1: with scale = 0 the tokens are left as they are.
    return x * (scale[:, None] - 1) + shift[:, None]
    # Every token is shifted, not only the first.
    first = (np.arange(np.shape(x)[1]) == 0)[:, None]
    return x * (1 + scale[:, None]) + shift[:, None] * first
    # The scale has a gradient too: do not stop it.
    return x * (1 + stop_gradient(scale)[:, None]) + shift[:, None]
    # The scale is doubled: take it as it is.
    return x * (1 + 2 * scale[:, None]) + shift[:, None]
    # A sigmoid of the scale is taken: the scale itself is counted from 1.
    return x * 2 / (1 + np.exp(-scale[:, None])) + shift[:, None]
    # Each of the D features has its own scale, not their mean.
    return x * (1 + np.mean(scale, axis=1)[:, None, None]) + shift[:, None]
    """,
    "sincos_2d": """
    # The first half encodes the column, the second the row.
    rows, columns = grid(height, width)
    return joined(*waves(rows, dim), *waves(columns, dim))
    # The cosines come first: put the sines first, then the cosines.
    rows, columns = grid(height, width)
    return joined(*waves(columns, dim)[::-1], *waves(rows, dim)[::-1])
    # The places go row by row: the column changes fastest.
    columns, rows = grid(width, height)
    return joined(*waves(columns, dim), *waves(rows, dim))
    # k begins with 0, so that the first angle is the index itself.
    rows, columns = grid(height, width)
    return joined(*waves(columns, dim, shift=1), *waves(rows, dim, shift=1))
    # The exponent counts the wrong number of frequencies: there are dim/4 of them.
    rows, columns = grid(height, width)
    return joined(*waves(columns, dim, divisor=dim), *waves(rows, dim, divisor=dim))
    # The frequencies fall too slowly: there are dim/4 of them, so the exponent is k/(dim/4).
    rows, columns = grid(height, width)
    return joined(*waves(columns, dim, divisor=dim / 2), *waves(rows, dim, divisor=dim / 2))
    # The frequencies fall from 1 to nearly 1/10000: they do not reach it.
    rows, columns = grid(height, width)
    last = max(dim // 4 - 1, 1)
    return joined(*waves(columns, dim, divisor=last), *waves(rows, dim, divisor=last))
    # 10000 is the base.
    rows, columns = grid(height, width)
    return joined(*waves(columns, dim, base=1000.0), *waves(rows, dim, base=1000.0))
    # The frequencies fall: the exponent is negative.
    rows, columns = grid(height, width)
    return joined(*waves(columns, dim, base=1e-4), *waves(rows, dim, base=1e-4))
    # Indices begin with 0.
    rows, columns = grid(height, width)
    return joined(*waves(columns + 1, dim), *waves(rows + 1, dim))
    # Column and row have their own sines and cosines; this is one index for the place.
    place = np.arange(height * width)
    return joined(*waves(place, dim), *waves(place, dim))
    # The row is missing: it has the second half of the numbers.
    rows, columns = grid(height, width)
    return joined(*waves(columns, dim), *waves(columns, dim))
    # All sines of the column come first, then all its cosines: they do not alternate.
    rows, columns = grid(height, width)
    of_columns = np.reshape(np.stack(waves(columns, dim), axis=2), (height * width, -1))
    of_rows = np.reshape(np.stack(waves(rows, dim), axis=2), (height * width, -1))
    return joined(of_columns, of_rows)
    # One half is the column's, the other the row's: sines and cosines are not sorted over both.
    rows, columns = grid(height, width)
    a, b = waves(columns, dim), waves(rows, dim)
    return joined(a[0], b[0], a[1], b[1])
    # Indices are whole numbers, not divided by the size of the grid.
    rows, columns = grid(height, width)
    return joined(*waves(columns / width, dim), *waves(rows / height, dim))
    # The result has another dtype: it is float32.
    rows, columns = grid(height, width)
    return np.concatenate([*waves(columns, dim), *waves(rows, dim)], axis=1)
    # The numbers of column and row are added: they are side by side, half of the numbers each.
    rows, columns = grid(height, width)
    of_columns, of_rows = joined(*waves(columns, 2 * dim)), joined(*waves(rows, 2 * dim))
    return of_columns + of_rows
    # Column and row have their own sines and cosines; this is one index for the place.
    return joined(*waves(np.arange(height * width), 2 * dim))
    # The places are in one axis: (height width, dim).
    rows, columns = grid(height, width)
    return np.reshape(joined(*waves(columns, dim), *waves(rows, dim)), (height, width, dim))
    # The angle is the index times the frequency; no 2 pi.
    rows, columns = grid(height, width)
    turn = 2 * np.pi
    return joined(*waves(turn * columns, dim), *waves(turn * rows, dim))
    # Indices begin with 0 at the border, not in the middle.
    rows, columns = grid(height, width)
    return joined(*waves(columns - width / 2, dim), *waves(rows - height / 2, dim))
    """,
}

VARIANTS = {
    "patchify": """
    # patch by patch
    n, height, width, c = np.shape(x)
    tokens = []
    for i in range(0, height, size):
        for j in range(0, width, size):
            tokens.append(np.reshape(x[:, i : i + size, j : j + size], (n, -1)))
    return np.stack(tokens, axis=1)
    """,
    "modulate": """
    # as a sum of three
    return x + x * np.expand_dims(scale, 1) + np.expand_dims(shift, 1)
    # with einsum
    n, length, dim = np.shape(x)
    return np.einsum("nld,nd->nld", x, 1 + scale) + np.reshape(shift, (n, 1, dim))
    """,
    "sincos_2d": """
    # by repeating and tiling
    columns = np.concatenate(waves(np.arange(width), dim), axis=1)
    rows = np.concatenate(waves(np.arange(height), dim), axis=1)
    return joined(np.tile(columns, (height, 1)), np.repeat(rows, width, axis=0))
    # place by place
    out = []
    for i in range(height):
        for j in range(width):
            of_i, of_j = waves(np.array([i]), dim), waves(np.array([j]), dim)
            out.append(np.concatenate([*of_j, *of_i], axis=1)[0])
    return np.stack(out).astype(np.float32)
    """,
}
