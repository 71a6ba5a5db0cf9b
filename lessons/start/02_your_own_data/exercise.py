"""Exercises of your own data: standardized points and their log-determinant, samples as pixels."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

standardize = Exercise(
    "start/02/standardize",
    target="minigen.data.points:standardize",
    minutes=10,
    blocked=["minigen.data.points:unstandardize"],
    prompt=r"""
    Standardize points, and say how the map changes a density.

    `x`: points $(N, D)$. `mean`, `std`: one number for each coordinate, $(D,)$, `std` positive.
    Return a pair: $u$, the points with `mean` subtracted and the result divided by `std`,
    coordinate by coordinate, $(N, D)$; and $\log |\det \mathrm{d}u/\mathrm{d}x|$ of each point,
    $(N,)$: the same number $N$ times.

    If $p(u)$ is the density of $u$, then
    $\log p(x) = \log p(u) + \log |\det \mathrm{d}u/\mathrm{d}x|$. Both results have the dtype of
    `x`. `mean` and `std` have the same dtype as `x`.
    """,
    hints="""
    The map acts on each coordinate alone: its Jacobian is diagonal, and what is on the diagonal is
    the slope of u_d in x_d.

    The slope is 1 / std_d, the determinant is their product, and log |det| = -sum_d log std_d.

        u = (x - mean) / std
        log_det = np.full(len(x), -np.sum(np.log(std)), x.dtype)
        return u, log_det
    """,
)


def both(impl, x, mean, std):
    u, log_det = impl(x, mean, std)
    return {"u": u, "log_det": log_det}


@standardize.case(
    points=2,
    kind="equation",
    atol=1e-4,
    expect={"u": [[1.0, 0.0], [0.0, 2.0]], "log_det": [0.693147, 0.693147]},
)
def by_hand(impl, rng):
    """Two points, means 1 and 1, standard deviations 2 and 0.25: 1/2 times 4 is 2."""
    x = np.array([[3.0, 1.0], [1.0, 1.5]])
    return both(impl, x, np.array([1.0, 1.0]), np.array([2.0, 0.25]))


@standardize.case(points=2, kind="equation")
def random_points(impl, rng):
    """Seven points with three coordinates of different units."""
    mean, std = 5 * rng.standard_normal(3), np.array([0.1, 1.5, 30.0]) * (0.5 + rng.random(3))
    return both(impl, mean + std * rng.standard_normal((7, 3)), mean, std)


@standardize.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def density_of_a_gaussian(impl, rng):
    """For x from N(mean, std^2), log N(u; 0, 1) + log |det| is log p(x): the difference is 0."""
    mean, std = rng.standard_normal(2), 0.2 + 3 * rng.random(2)
    x = mean + std * rng.standard_normal((6, 2))
    u, log_det = impl(x, mean, std)
    of_u = np.sum(-0.5 * u**2 - 0.5 * np.log(2 * np.pi), axis=1)
    of_x = np.sum(-0.5 * ((x - mean) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi), axis=1)
    return {"difference": np.abs(of_u + log_det - of_x).max()}


@standardize.case(points=1, kind="shapes", rtol=1e-5, exact_dtype=True)
def in_single_precision(impl, rng):
    """float32 stays float32, one point and one coordinate too."""
    mean, std = np.float32([2.0]), np.float32([0.5])
    return both(impl, np.float32([[3.0]]), mean, std)


@standardize.case(points=1, kind="extremes", rtol=1e-5)
def tiny_units(impl, rng):
    """Forty coordinates of standard deviation 1e-3 in float32: their product would be 0."""
    x = (1e-3 * rng.standard_normal((3, 40))).astype(np.float32)
    return both(impl, x, np.zeros(40, np.float32), np.full(40, 1e-3, np.float32))


to_pixels = Exercise(
    "start/02/to_pixels",
    target="minigen.data.images:to_pixels",
    minutes=10,
    blocked=["minigen.data.images:to_range"],
    prompt=r"""
    The pixels of samples that a model draws in the range from `low` to `high`.

    `x`: float array of any shape. `low`, `high`: numbers, $\mathrm{low} < \mathrm{high}$, $-1$ and
    1 unless given. Return an array of the same shape and of dtype `uint8`, whole numbers from 0 to
    255: `low` becomes 0, `high` becomes 255, linear in between, rounded to the nearest. What lies
    beyond `low` or `high` is clipped: a sample may overshoot. A value midway between two pixels
    goes to the even one, as `np.rint` rounds.
    """,
    hints="""
    Three steps: to the range 0 to 1, clip, to whole numbers. Clip before the conversion: uint8 has
    no 256, and 256 becomes 0.

    share = (x - low) / (high - low), then rint(255 clip(share, 0, 1)).

        share = np.clip((x - low) / (high - low), 0, 1)
        return np.rint(255 * share).astype(np.uint8)
    """,
)


@to_pixels.case(points=2, kind="equation", fixed=True, expect={"pixels": [0, 64, 128, 191, 255]})
def from_minus_one_to_one(impl, rng):
    """-1, -0.5, 0, 0.5 and 1, in the range -1 to 1."""
    return {"pixels": impl(np.array([-1.0, -0.5, 0.0, 0.5, 1.0]), -1.0, 1.0)}


@to_pixels.case(points=2, kind="equation")
def another_range(impl, rng):
    """Values between 0 and 1, and between -3 and 0.5, of the ranges of these names."""
    x = rng.random(40)
    return {"0 to 1": impl(x, 0.0, 1.0), "-3 to 0.5": impl(3.5 * x - 3, -3.0, 0.5)}


@to_pixels.case(points=2, kind="equation", fixed=True, property=True, expect={"difference": 0})
def every_pixel_comes_back(impl, rng):
    """The 256 pixels, brought to the range -1 to 1 and back: the difference is 0."""
    pixels = np.arange(256)
    back = impl((pixels / 127.5 - 1).astype(np.float32), -1.0, 1.0)
    return {"difference": int(np.abs(np.asarray(back).astype(int) - pixels).max())}


@to_pixels.case(points=1, kind="equation", fixed=True, expect={"pixels": [0, 2, 2, 4, 254]})
def midway(impl, rng):
    """0.5, 1.5, 2.5, 3.5 and 254.5, in the range 0 to 255, are midway between two pixels."""
    return {"pixels": impl(np.array([0.5, 1.5, 2.5, 3.5, 254.5]), 0.0, 255.0)}


@to_pixels.case(points=1, kind="extremes", expect={"pixels": [0, 0, 0, 255, 255, 255]})
def beyond_the_range(impl, rng):
    """-1000, -1.2, -1.001, 1.004, 1.2 and 1000 are clipped."""
    return {"pixels": impl(np.array([-1000.0, -1.2, -1.001, 1.004, 1.2, 1000.0]), -1.0, 1.0)}


@to_pixels.case(points=1, kind="shapes", exact_dtype=True)
def images(impl, rng):
    """Two color images in float32, low and high not given: their shape, dtype uint8."""
    x = np.clip(0.7 * rng.standard_normal((2, 4, 5, 3)), -1.3, 1.3).astype(np.float32)
    return {"pixels": impl(x)}
