"""Exercises on the plain autoencoder: its loss, and the best linear code."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

loss = Exercise(
    "vae/02/reconstruction_loss",
    target="minigen.vae.autoencoder:reconstruction_loss",
    minutes=5,
    prompt="""
    How far the rebuilt examples are from the given ones: the squared distance of each, averaged
    over the batch. A number.

    x and decoded have shape (N, D), or more axes after the first, as images have; the squared
    distance of one example is a sum over all of them. Its gradient in decoded is taken; where
    nothing is lost it is 0.
    """,
    hints="""
    One example has a squared length; the batch has the mean of N of these.

    1/N times the sum over i of |x_i - decoded_i|^2, and each |.|^2 is a sum over the pixels.

        return np.sum((x - decoded) ** 2) / len(x)
    """,
)


@loss.case(points=1, kind="equation", expect={"loss": 5.0})
def one_point(impl, rng):
    """Off by (1, -2)."""
    return {"loss": impl(np.array([[1.0, -2.0]]), np.zeros((1, 2)))}


@loss.case(points=1, kind="equation", expect={"loss": 2.5})
def two_points(impl, rng):
    """Squared distances 1 and 4."""
    return {"loss": impl(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 0.0], [0.0, 3.0]]))}


@loss.case(points=2, kind="equation")
def random_batch(impl, rng):
    x, decoded = rng.standard_normal((2, 5, 7))
    return {"loss": impl(x, decoded)}


@loss.case(points=1, kind="shapes")
def images(impl, rng):
    x, decoded = rng.random((2, 3, 4, 5, 1))
    return {"loss": impl(x, decoded)}


@loss.case(points=2, kind="gradient", property=True, expect={"gap": 0.0})
def slope(impl, rng):
    """Its slope in decoded is 2 (decoded - x) / N."""
    x, decoded = rng.standard_normal((2, 4, 3))
    return {"gap": grad(lambda d: impl(x, d))(decoded) - 2 * (decoded - x) / 4}


@loss.case(points=1, kind="gradient", property=True, expect={"loss": 0.0, "grad": 0.0})
def nothing_lost(impl, rng):
    """A perfect copy costs nothing, and has no slope."""
    x = rng.random((3, 2, 2))
    return {"loss": impl(x, x.copy()), "grad": grad(lambda d: impl(x, d))(x.copy())}


components = Exercise(
    "vae/02/pca",
    target="minigen.vae.pca:pca",
    minutes=15,
    rtol=1e-6,
    atol=1e-8,
    imports=["from minigen.vae.pca import PCA"],
    prompt="""
    The first k principal components of the rows of x (N, D), as PCA(mean, directions, variances).

    mean (D,) is the average row. directions (k, D) are orthonormal rows, the directions along which
    the rows of x vary most, by falling variance; either sign of a direction is right. variances
    (k,) are the mean squares of the coordinates along them (divide by N). D may be larger than N,
    as it is for images; k is smaller than both, or equal to D. No gradient is taken.
    """,
    hints="""
    Take the mean off first. Then find the directions along which the centered rows reach furthest:
    by their covariance, or by a singular value decomposition.

    The directions are the eigenvectors of (x - mean)^T (x - mean) / N with the k largest
    eigenvalues, and these are the variances. np.linalg.eigh returns them rising, the vectors as
    columns.

        mean = np.mean(x, axis=0)
        centered = x - mean
        values, vectors = np.linalg.eigh(centered.T @ centered / len(x))
        return PCA(mean, vectors[:, ::-1][:, :k].T, values[::-1][:k])
    """,
)


def cloud(rng, n=40, d=5):
    """Rows with well separated variances, in random directions, away from the origin."""
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return (rng.standard_normal((n, d)) * 2.0 ** -np.arange(d)) @ turn + 3 * rng.standard_normal(d)


def facts(found):
    """What does not depend on signs: each direction times itself."""
    mean, directions, variances = found
    return {
        "mean": mean,
        "variances": variances,
        "outer": directions[:, :, None] * directions[:, None, :],
    }


@components.case(
    points=2,
    kind="equation",
    expect={"mean": [1.0, 1.0], "variances": [5.0], "outer": [[[0.8, 0.4], [0.4, 0.2]]]},
)
def on_a_line(impl, rng):
    """Two points at (1, 1) plus and minus (2, 1): the direction is (2, 1)/√5."""
    return facts(impl(np.array([[3.0, 2.0], [-1.0, 0.0]]), 1))


@components.case(points=2, kind="equation")
def a_cloud(impl, rng):
    return facts(impl(cloud(rng), 3))


@components.case(points=1, kind="equation")
def all_directions(impl, rng):
    return facts(impl(cloud(rng, 30, 4), 4))


@components.case(points=1, kind="shapes")
def few_rows(impl, rng):
    """Fewer rows than columns; and numbers that are all small."""
    wide = rng.standard_normal((6, 9)) * 2.0 ** -np.arange(6)[:, None] + 1.0
    small = facts(impl(1e-3 * cloud(rng), 2))
    return facts(impl(wide, 3)) | {"variances of small ones": 1e6 * small["variances"]}


@components.case(
    points=2,
    kind="equation",
    property=True,
    expect={"product": np.eye(3), "off_diagonal": np.zeros((3, 3))},
    atol=1e-7,
)
def uncorrelated(impl, rng):
    """Directions are orthonormal, and the coordinates along them uncorrelated."""
    x = cloud(rng)
    mean, directions, variances = impl(x, 3)
    z = (x - mean) @ directions.T
    return {
        "product": directions @ directions.T,
        "off_diagonal": z.T @ z / len(x) - np.diag(variances),
    }


@components.case(points=1, kind="equation", property=True, expect={"turned": 0.0, "moved": 0.0})
def moved(impl, rng):
    """Moving all rows moves the mean and nothing else."""
    x, by = cloud(rng), rng.standard_normal(5)
    here, there = facts(impl(x, 2)), facts(impl(x + by, 2))
    return {"turned": there["outer"] - here["outer"], "moved": there["mean"] - here["mean"] - by}
