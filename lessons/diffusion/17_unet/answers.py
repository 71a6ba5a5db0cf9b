"""Mistakes in the exercises of diffusion/17, and other right answers."""

import autograd.numpy as np


def walk(size, depth, less=4, halved=lambda side: side // 2, doubled=lambda side: 2 * side):
    """Down and up, with what a level takes off."""
    down = [size - less]
    for _ in range(depth):
        down.append(halved(down[-1]) - less)
    up, side = [], down[-1]
    for _ in range(depth):
        side = doubled(side) - less
        up.append(side)
    return down, up


def waves(t, dim, max_period, last=0):
    """t omega_k, (N, dim/2); `last` is taken off the number of frequencies in the exponent."""
    half = dim // 2
    omega = float(max_period) ** (-np.arange(half) / max(half - last, 1))
    return np.asarray(t, float)[:, None] * omega


def side_by_side(a, b):
    return np.concatenate([a, b], axis=1).astype(np.float32)


MISTAKES = {
    "unet_sizes": """
    # Only one convolution, or one border of each, has been counted: two of them take 4 off a side.
    return walk(size, depth, less=2)
    # Without padding a convolution makes the feature map smaller.
    return walk(size, depth, less=0)
    # A level takes too much off: two convolutions, each with one pixel at every border.
    return walk(size, depth, less=8)
    # depth is an argument; here it is always 4.
    return walk(size, 4)
    # The input is not a level: the first entry is the side after two convolutions.
    down, up = walk(size, depth)
    return [size, *down[:-1]], up
    # The bottom, after the last pooling, is a level too: depth + 1 of them.
    down, up = walk(size, depth)
    return down[:-1], up
    # On the way up the convolutions come before the doubling: double first, then subtract.
    return walk(size, depth, doubled=lambda side: 2 * (side - 4) + 4)
    # On the way up two convolutions follow each doubling, too.
    return walk(size, depth, doubled=lambda side: 2 * side + 4)
    # On the way down the convolutions come before the pooling: halve first, then subtract.
    return walk(size, depth, halved=lambda side: (side - 4) // 2 + 4)
    # The sides before the convolutions are not asked for.
    down, up = walk(size, depth)
    return [side + 4 for side in down], [side + 4 for side in up]
    # The order on the way up is wrong: it is from the bottom to the output.
    down, up = walk(size, depth)
    return down, up[::-1]
    # The bottom belongs to the way down; on the way up there are depth levels.
    down, up = walk(size, depth)
    return down, [down[-1], *up]
    # The way up does not repeat the sides of the way down: the borders are lost again.
    down, up = walk(size, depth)
    return down, down[-2::-1]
    # Pooling halves the side; it does not take a pixel off.
    return walk(size, depth, halved=lambda side: side - 1)
    # The doubling is missing on the way up.
    return walk(size, depth, doubled=lambda side: side)
    # The halving is missing on the way down.
    return walk(size, depth, halved=lambda side: side)
    # The bottom is a level: two convolutions there as well.
    down, up = walk(size, depth)
    side, up = down[-1] + 4, []
    for _ in range(depth):
        side = 2 * side - 4
        up.append(side)
    return [*down[:-1], down[-1] + 4], up
    # Only the last side of each list is returned: all of them are asked for.
    down, up = walk(size, depth)
    return down[-1:], up[-1:]
    # The two lists are the way down first, then the way up.
    return walk(size, depth)[::-1]
    # The sides are not whole numbers: divide by //.
    return walk(size, depth, halved=lambda side: side / 2)
    # These are the sides before the convolutions; a level takes 4 more off.
    down, up = walk(size, depth)
    return down, [side + 4 for side in up]
    # The sides after each level are asked for, before pooling halves them.
    down, up = walk(size, depth)
    return [side // 2 for side in down[:-1]] + down[-1:], up
    # The convolutions of the first level take 4 off as well.
    down = [size]
    for _ in range(depth):
        down.append(down[-1] // 2 - 4)
    up, side = [], down[-1]
    for _ in range(depth):
        side = 2 * side - 4
        up.append(side)
    return down, up
    # The bottom is a level too, behind the last pooling: depth + 1 sides on the way down.
    down = [size - 4]
    for _ in range(depth - 1):
        down.append(down[-1] // 2 - 4)
    up, side = [], down[-1]
    for _ in range(depth):
        side = 2 * side - 4
        up.append(side)
    return down, up
    # Without padding each convolution makes the feature map smaller, on the way up as well.
    down = [size // 2**k for k in range(depth + 1)]
    return down, down[-2::-1]
    # Two lists in a tuple are asked for: the way down, and the way up.
    down, up = walk(size, depth)
    return down + up
    # On the way up a level has two convolutions, too: 4 less, not 2.
    down, _ = walk(size, depth)
    up, side = [], down[-1]
    for _ in range(depth):
        side = 2 * side - 2
        up.append(side)
    return down, up
    """,
    "sinusoidal": """
    # The two halves are exchanged: the sines come first.
    angle = waves(t, dim, max_period)
    return side_by_side(np.cos(angle), np.sin(angle))
    # Sines and cosines are not interleaved: the first half are the sines.
    angle = waves(t, dim, max_period)
    pairs = np.stack([np.sin(angle), np.cos(angle)], axis=2)
    return np.reshape(pairs, (len(angle), dim)).astype(np.float32)
    # The last frequency is 1/max_period, which is the one past it: divide k by dim/2.
    angle = waves(t, dim, max_period, last=1)
    return side_by_side(np.sin(angle), np.cos(angle))
    # The frequencies fall too slowly: k is divided by dim/2, their number.
    omega = float(max_period) ** (-np.arange(dim // 2) / dim)
    angle = np.asarray(t, float)[:, None] * omega
    return side_by_side(np.sin(angle), np.cos(angle))
    # The frequencies fall twice too fast: k counts pairs of features, of which there are dim/2.
    omega = float(max_period) ** (-2 * np.arange(dim // 2) / (dim // 2))
    angle = np.asarray(t, float)[:, None] * omega
    return side_by_side(np.sin(angle), np.cos(angle))
    # The frequencies fall from 1; here they rise.
    omega = float(max_period) ** (np.arange(dim // 2) / (dim // 2))
    angle = np.asarray(t, float)[:, None] * omega
    return side_by_side(np.sin(angle), np.cos(angle))
    # The frequencies fall in equal ratios, not in a straight line.
    angle = np.asarray(t, float)[:, None] * np.linspace(1, 1 / max_period, dim // 2)
    return side_by_side(np.sin(angle), np.cos(angle))
    # omega_0 is 1: k begins at 0.
    omega = float(max_period) ** (-(np.arange(dim // 2) + 1) / (dim // 2))
    angle = np.asarray(t, float)[:, None] * omega
    return side_by_side(np.sin(angle), np.cos(angle))
    # The angle is t omega; no 2 pi.
    angle = 2 * np.pi * waves(t, dim, max_period)
    return side_by_side(np.sin(angle), np.cos(angle))
    # max_period is an argument; here it is always 10000.
    angle = waves(t, dim, 10000)
    return side_by_side(np.sin(angle), np.cos(angle))
    # The cosines are missing.
    angle = waves(t, 2 * dim, max_period)
    return np.sin(angle).astype(np.float32)
    # There are half as many features as asked for: dim/2 sines and dim/2 cosines.
    angle = waves(t, dim // 2 + dim // 2 % 2, max_period)
    return side_by_side(np.sin(angle), np.cos(angle))
    # There are twice as many features as asked for: dim/2 sines and dim/2 cosines.
    angle = waves(t, 2 * dim, max_period)
    return side_by_side(np.sin(angle), np.cos(angle))
    # t has been divided: it is taken as it is.
    angle = waves(np.asarray(t) / max_period, dim, max_period)
    return side_by_side(np.sin(angle), np.cos(angle))
    # The result has another dtype: it is float32.
    angle = waves(t, dim, max_period)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    # A negative time is a time.
    angle = waves(np.abs(t), dim, max_period)
    return side_by_side(np.sin(angle), np.cos(angle))
    # The times need not be whole.
    angle = waves(np.floor(t), dim, max_period)
    return side_by_side(np.sin(angle), np.cos(angle))
    # The result is transposed: each time has a row, (N, dim).
    angle = waves(t, dim, max_period)
    return side_by_side(np.sin(angle), np.cos(angle)).T
    # The sines come twice: the second half are the cosines.
    angle = waves(t, dim, max_period)
    return side_by_side(np.sin(angle), np.sin(angle))
    # Frequencies in equal ratios are powers of max_period, not of e.
    angle = np.asarray(t, float)[:, None] * np.exp(-np.arange(dim // 2) / (dim // 2))
    return side_by_side(np.sin(angle), np.cos(angle))
    # The times need not be whole.
    angle = waves(np.asarray(t).astype(int), dim, max_period)
    return side_by_side(np.sin(angle), np.cos(angle))
    # t is taken as it is, not a thousand times as large.
    angle = 1000 * waves(t, dim, max_period)
    return side_by_side(np.sin(angle), np.cos(angle))
    # The cosines are rows below the sines: sines and cosines of one time are in one row, axis 1.
    angle = waves(t, dim, max_period)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=0).astype(np.float32)
    # Frequencies in equal ratios are powers of max_period, not of 10.
    angle = np.asarray(t, float)[:, None] * 10.0 ** (-np.arange(dim // 2) / (dim // 2))
    return side_by_side(np.sin(angle), np.cos(angle))
    """,
}

VARIANTS = {
    "unet_sizes": """
    # with the convolutions first in the loop
    down = []
    for _ in range(depth + 1):
        size = size - 4
        down.append(size)
        size = size // 2
    up = []
    side = down[depth]
    for _ in range(depth):
        side = (side - 2) * 2
        up.append(side)
    return down, up
    # in closed form: side + 8 halves on the way down, side - 4 doubles on the way up
    down = [(size + 4) // 2**k - 8 for k in range(depth + 1)]
    return down, [2**k * (down[depth] - 4) + 4 for k in range(1, depth + 1)]
    """,
    "sinusoidal": """
    # by logarithms, as papers' codes do
    half = dim // 2
    omega = np.exp(-np.log(float(max_period)) * np.arange(half) / half)
    angle = np.outer(np.asarray(t, float), omega)
    return np.hstack([np.sin(angle), np.cos(angle)]).astype(np.float32)
    # as the two parts of a complex number
    wave = np.exp(1j * waves(t, dim, max_period))
    return np.concatenate([wave.imag, wave.real], axis=1).astype(np.float32)
    # time by time, into an array
    found = np.zeros((len(t), dim), np.float32)
    for n, each in enumerate(waves(t, dim, max_period)):
        found[n, : dim // 2] = np.sin(each)
        found[n, dim // 2 :] = np.cos(each)
    return found
    """,
}

EQUIVALENT = {
    "sinusoidal": """
    # every entry is filled afterwards
    np.zeros((len(t), dim), np.float32) → np.ones((len(t), dim), np.float32)
    """,
}
