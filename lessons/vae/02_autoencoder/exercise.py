"""Exercises on the plain autoencoder: its loss, and the best linear code."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

loss = Exercise(
    "vae/02/reconstruction_loss",
    target="minigen.vae.autoencoder:reconstruction_loss",
    minutes=5,
    prompt="""
    Return the reconstruction loss, one number: the squared distance between each example and its
    reconstruction, averaged over the batch.

    `x` and `decoded` have shape $(N, D)$, or more axes after the first, as images have. The squared
    distance of one example is a sum over all of these axes. The result must be differentiable with
    respect to `decoded`, and its gradient must be 0 where `decoded` equals `x`.
    """,
    hints="""
    Each example has one squared distance. The loss is the mean of N of them.

    1/N times the sum over i of |x_i - decoded_i|^2, where |.|^2 is a sum over the pixels.

        return np.sum((x - decoded) ** 2) / len(x)
    """,
)


@loss.case(points=1, kind="equation", expect={"loss": 5.0})
def one_point(impl, rng):
    """The reconstruction differs by (1, -2)."""
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
    """The gradient with respect to decoded is 2 (decoded - x) / N."""
    x, decoded = rng.standard_normal((2, 4, 3))
    return {"gap": grad(lambda d: impl(x, d))(decoded) - 2 * (decoded - x) / 4}


@loss.case(points=1, kind="gradient", fixed=True, property=True, expect={"loss": 0.0, "grad": 0.0})
def nothing_lost(impl, rng):
    """A perfect reconstruction has loss 0 and gradient 0."""
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
    Return the first `k` principal components of the rows of `x` $(N, D)$, as
    `PCA(mean, directions, variances)`.

    `mean` $(D,)$ is the mean of the rows. `directions` $(k, D)$ has orthonormal rows, the
    directions along which the rows of `x` vary most, in order of decreasing variance. Either sign
    of a direction is correct. `variances` $(k,)$ are the variances of the coordinates along these
    directions (divide by $N$). $D$ may be larger than $N$, and `k` is smaller than $N$ and at most
    $D$. The result need not be differentiable.
    """,
    hints="""
    Subtract the mean first. Then find the directions along which the centered rows vary most, from
    their covariance or by a singular value decomposition.

    The directions are the eigenvectors of (x - mean)^T (x - mean) / N with the k largest
    eigenvalues, and these eigenvalues are the variances. np.linalg.eigh returns the eigenvalues in
    increasing order and the eigenvectors as columns.

        mean = np.mean(x, axis=0)
        centered = x - mean
        values, vectors = np.linalg.eigh(centered.T @ centered / len(x))
        return PCA(mean, vectors[:, ::-1][:, :k].T, values[::-1][:k])
    """,
)


def cloud(rng, n=40, d=5):
    """Rows with well separated variances, in random directions, away from the origin."""
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return (
        rng.standard_normal((n, d)) * 2.0 ** -np.arange(d)
    ) @ rotation + 3 * rng.standard_normal(d)


def facts(found):
    """The result without the signs: the outer product of each direction with itself."""
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
    """Fewer rows than columns; and small numbers only."""
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
    """The directions are orthonormal, and the coordinates along them are uncorrelated."""
    x = cloud(rng)
    mean, directions, variances = impl(x, 3)
    z = (x - mean) @ directions.T
    return {
        "product": directions @ directions.T,
        "off_diagonal": z.T @ z / len(x) - np.diag(variances),
    }


@components.case(points=1, kind="equation", property=True, expect={"rotated": 0.0, "shifted": 0.0})
def shifted(impl, rng):
    """Adding a vector to every row shifts the mean and changes nothing else."""
    x, by = cloud(rng), rng.standard_normal(5)
    here, there = facts(impl(x, 2)), facts(impl(x + by, 2))
    return {"rotated": there["outer"] - here["outer"], "shifted": there["mean"] - here["mean"] - by}
