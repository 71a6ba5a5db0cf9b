"""Exercises on the diffusion transformer: patches, positions, and the adaptive norm."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

patches = Exercise(
    "diffusion/19/patchify",
    target="minigen.diffusion.networks.dit:patchify",
    minutes=15,
    prompt=r"""
    Images cut into square patches, each patch one token.

    `x` is $(N, H, W, C)$; `size` divides $H$ and $W$. The result is
    $(N, H/\mathrm{size} \cdot W/\mathrm{size}, \mathrm{size} \cdot \mathrm{size} \cdot C)$. The
    tokens are ordered row by row; inside a token the features are ordered by row, then by column,
    then by channel. The result must be differentiable with respect to `x`.
    """,
    hints="""
    Split the rows into two axes, the patch and the row in it, and the columns too. Then bring the
    axes into the required order.

    (N, H/p, p, W/p, p, C) -> (N, H/p, W/p, p, p, C) -> the last three axes become one, and the two
    before them.

        n, height, width, c = np.shape(x)
        x = np.reshape(x, (n, height // size, size, width // size, size, c))
        x = np.transpose(x, (0, 1, 3, 2, 4, 5))
        return np.reshape(x, (n, -1, size * size * c))
    """,
)


@patches.case(
    points=1, kind="equation", expect={"tokens": [[[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]]}
)
def one_row_of_patches(impl, rng):
    """Two rows of six pixels, numbered from 0 to 11: three patches of 2 x 2."""
    return {"tokens": impl(np.arange(12.0).reshape(1, 2, 6, 1), 2)}


@patches.case(points=1, kind="equation")
def images_with_channels(impl, rng):
    """Taller than wide, three channels, patches of 2 and of 3."""
    x = rng.standard_normal((2, 12, 6, 3))
    return {"size 2": impl(x, 2), "size 3": impl(x, 3)}


@patches.case(points=1, kind="equation")
def the_ends(impl, rng):
    """Patches of one pixel; one patch for the whole image."""
    x = rng.standard_normal((2, 4, 4, 2))
    return {"size 1": impl(x, 1), "size 4": impl(x, 4)}


@patches.case(points=1, kind="equation", property=True, expect={"sum": 0.0})
def nothing_is_lost(impl, rng):
    """Each pixel occurs once: the sums stay the same."""
    x = rng.standard_normal((2, 4, 6, 2))
    tokens = impl(x, 2)
    sums = np.sum(tokens, axis=(1, 2)) - np.sum(x, axis=(1, 2, 3))
    return {"sum": sums, "tokens": tokens}


@patches.case(points=1, kind="gradient")
def gradient_in_x(impl, rng):
    """The gradient of a feature belongs to the pixel that it comes from."""
    x, weights = rng.standard_normal((2, 4, 6, 2)), rng.standard_normal((2, 6, 8))
    return {"gradient": grad(lambda x: np.sum(weights * impl(x, 2)))(x)}


adaptive = Exercise(
    "diffusion/19/modulate",
    target="minigen.diffusion.networks.dit:modulate",
    minutes=5,
    prompt=r"""
    The scale and shift of an adaptive layer norm, applied after the norm.

    `x` is $(N, L, D)$, normalized tokens; `shift` and `scale` are $(N, D)$, one for each example
    and feature, the same for all its tokens. Scales are counted from 1: with $\mathrm{scale} = 0$
    and $\mathrm{shift} = 0$ the tokens are left as they are. The result has the shape of `x`. The
    result must be differentiable with respect to all three.
    """,
    hints="""
    shift and scale have no axis for the tokens: give them one of length 1.

    x (1 + scale) + shift.

        return x * (1 + scale[:, None]) + shift[:, None]
    """,
)


@adaptive.case(points=1, kind="equation", expect={"x": [[[3.1, -1.2], [0.85, 2.8]]]})
def two_tokens(impl, rng):
    """scale (0.5, 0) and shift (0.1, -0.2), for the tokens (2, -1) and (0.5, 3)."""
    x = np.array([[[2.0, -1.0], [0.5, 3.0]]])
    return {"x": impl(x, np.array([[0.1, -0.2]]), np.array([[0.5, 0.0]]))}


@adaptive.case(points=1, kind="equation")
def a_batch(impl, rng):
    """Equal numbers of examples, tokens and features: a wrong axis raises no error here."""
    x, shift, scale = rng.standard_normal((4, 4, 4)), *rng.standard_normal((2, 4, 4))
    return {"x": impl(x, shift, scale)}


@adaptive.case(points=1, kind="equation", property=True, expect={"nothing": 0.0})
def zero_is_nothing(impl, rng):
    """With zeros the tokens are unchanged; with scale = -1 only the shift remains."""
    x, shift = rng.standard_normal((3, 5, 2)), rng.standard_normal((3, 2))
    zero = np.zeros((3, 2))
    return {"nothing": impl(x, zero, zero) - x, "shift alone": impl(x, shift, zero - 1)}


@adaptive.case(points=1, kind="gradient", rtol=1e-5)
def gradients(impl, rng):
    from minigen.tensor import value_and_grad

    arguments = (rng.standard_normal((2, 3, 4)), *rng.standard_normal((2, 2, 4)))
    weights = rng.standard_normal((2, 3, 4))
    value, found = value_and_grad(lambda a: np.sum(weights * impl(*a) ** 2))(arguments)
    return {"value": value, "x": found[0], "shift": found[1], "scale": found[2]}


@adaptive.case(points=1, kind="extremes", rtol=1e-5)
def large_values(impl, rng):
    """1000 and -1000, in float32."""
    x = 1000 * rng.standard_normal((2, 3, 2)).astype(np.float32)
    shift, scale = np.array([[[1000, -3], [0.5, 7]], [[-1000, 2], [0.1, -9]]], np.float32)
    return {"x": impl(x, shift, scale)}


places = Exercise(
    "diffusion/19/sincos_2d",
    target="minigen.diffusion.networks.dit:sincos_2d",
    minutes=20,
    prompt=r"""
    Position encodings of a grid, of sines and cosines, which are added to its tokens.

    The result is $(\mathrm{height} \cdot \mathrm{width}, \mathrm{dim})$, `float32`, with the
    positions in the order of the tokens, row by row. The first $\mathrm{dim}/2$ features of a
    position encode its column, the others its row: for an index $i$ $(0, 1, \dots)$ first the sines
    of $i \cdot 10000^{-k/(\mathrm{dim}/4)}$, $k = 0 \dots\, \mathrm{dim}/4 - 1$, then the cosines
    of the same angles. `dim` is a multiple of 4. The result need not be differentiable.
    """,
    hints="""
    Write the encoding of one row of indices first, (n,) -> (n, dim/2). Then find out the column and
    the row of each place.

    angles = i[:, None] * 10000^(-k/(dim/4)); [sin, cos]; columns repeat 0 ... width - 1 for each
    row.

        omega = 10000.0 ** (-np.arange(dim // 4) / (dim / 4))
        rows, columns = np.divmod(np.arange(height * width), width)
        angles = [columns[:, None] * omega, rows[:, None] * omega]
        parts = [fn(a) for a in angles for fn in (np.sin, np.cos)]
        return np.concatenate(parts, axis=1).astype(np.float32)
    """,
)


@places.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"positions": [[0, 1, 0, 1], [0.841471, 0.540302, 0, 1], [0.909297, -0.416147, 0, 1]]},
    atol=1e-5,
)
def one_row(impl, rng):
    """Three places in a row, dim = 4: sine and cosine of the column 0, 1, 2, then of the row 0."""
    return {"positions": impl(1, 3, 4)}


@places.case(points=2, kind="equation", rtol=1e-4, atol=1e-5)
def a_grid(impl, rng):
    """Random sizes; height and width differ."""
    height, width = int(rng.integers(2, 6)), int(rng.integers(7, 12))
    return {"wide": impl(height, width, 16), "tall": impl(width, height, 8)}


@places.case(points=1, kind="shapes", fixed=True, exact_dtype=True)
def in_single_precision(impl, rng):
    """Positions are float32, as are the tokens to which they are added."""
    return {"positions": impl(2, 3, 8)}


@places.case(
    points=1, kind="equation", fixed=True, property=True, expect={"length": 0.0}, atol=1e-4
)
def equally_long(impl, rng):
    """All positions have the same length: sine and cosine of one angle together are 1."""
    positions = np.asarray(impl(5, 7, 12), float)
    return {"length": np.sum(positions**2, axis=1) - 6, "far": positions[-1]}


@places.case(points=1, kind="equation", fixed=True, rtol=1e-4, atol=3e-4)
def a_long_row(impl, rng):
    """1,000 places in a row, where a wrong base shows; only some of them are shown."""
    return {"positions": impl(1, 1000, 16)[501::83]}
