"""Exercises on the plain autoencoder: its loss, and the best linear code by a singular value
decomposition."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

# ------------------------------------------------------------------------------------------- the
# loss

loss = Exercise(
    "vae/02/reconstruction_loss",
    target="minigen.vae.autoencoder:reconstruction_loss",
    minutes=5,
    prompt="""
    How far the rebuilt examples are from the given ones: the squared distance of each, averaged
    over the batch. A number.

    x and decoded have shape (N, D), or more axes after the first, as images have; the squared
    distance of one example is a sum over all of them.
    """,
    hints=[
        "One example has a squared length; the batch has the mean of N of these.",
        "1/N times the sum over i of |x_i - decoded_i|^2, and each |.|^2 is a sum over the pixels.",
        "Sum all squared differences and divide by len(x), not by the number of elements.",
    ],
)


@loss.case(points=1, expect={"loss": 5.0})
def one_point(impl, rng):
    """Off by (1, -2)."""
    return {"loss": impl(np.array([[1.0, -2.0]]), np.zeros((1, 2)))}


@loss.case(points=1, expect={"loss": 2.5})
def two_points(impl, rng):
    """Squared distances 1 and 4."""
    return {"loss": impl(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 0.0], [0.0, 3.0]]))}


@loss.case(points=2)
def random_batch(impl, rng):
    x, decoded = rng.standard_normal((2, 5, 7))
    return {"loss": impl(x, decoded)}


@loss.case(points=1)
def images(impl, rng):
    x, decoded = rng.random((2, 3, 4, 5, 1))
    return {"loss": impl(x, decoded)}


@loss.case(points=2, property="its slope in decoded is 2 (decoded - x) / N", expect={"gap": 0.0})
def slope(impl, rng):
    x, decoded = rng.standard_normal((2, 4, 3))
    return {"gap": grad(lambda d: impl(x, d))(decoded) - 2 * (decoded - x) / 4}


def rest(a):
    """All axes but the first."""
    return tuple(range(1, a.ndim))


@loss.mistake(
    hint=(
        "The square of a vector is summed over its D numbers: this mean over all elements is D"
        " times smaller."
    )
)
def mean_over_pixels(x, decoded):
    return np.mean((x - decoded) ** 2)


@loss.mistake(hint="Average over the batch: this sum over the examples is N times larger.")
def sum_over_the_batch(x, decoded):
    return np.sum((x - decoded) ** 2)


@loss.mistake(
    hint="One number for the batch: the mean of the examples' squared distances, not each of them."
)
def one_for_each(x, decoded):
    return np.sum((x - decoded) ** 2, axis=rest(x))


@loss.mistake(hint="The squared distance is asked for: do not take its root.")
def root(x, decoded):
    return np.sum(np.sqrt(np.sum((x - decoded) ** 2, axis=rest(x)) + 1e-30)) / len(x)


@loss.mistake(hint="Squares, not magnitudes.")
def magnitudes(x, decoded):
    return np.sum(np.abs(x - decoded)) / len(x)


@loss.mistake(hint="Equation vae.01 has no factor one half.")
def halved(x, decoded):
    return 0.5 * np.sum((x - decoded) ** 2) / len(x)


@loss.mistake(hint="Compare with x: this is the squared length of the rebuilt example alone.")
def without_the_input(x, decoded):
    return np.sum(decoded**2 + 0 * x) / len(x)


@loss.mistake(
    hint=(
        "Take the difference of each pixel, square it, then sum: here errors of opposite sign"
        " cancel."
    )
)
def squared_sum(x, decoded):
    return np.sum(np.sum(x - decoded, axis=rest(x)) ** 2) / len(x)


@loss.mistake(
    hint="Divide by the number of examples, the length of the first axis, not of the last."
)
def divided_by_the_width(x, decoded):
    return np.sum((x - decoded) ** 2) / x.shape[-1]


@loss.variant
def mean_of_sums(x, decoded):
    return np.mean(np.sum((decoded - x) ** 2, axis=rest(x)))


@loss.variant
def example_by_example(x, decoded):
    total = 0.0
    for a, b in zip(x, decoded):
        total = total + np.sum((a - b) * (a - b))
    return total / x.shape[0]


loss.equivalent("(x, decoded) → (decoded, x)", reason="the square of a difference has no order")
loss.equivalent(
    "zip(x, decoded) → zip(decoded, x)", reason="the square of a difference has no order"
)

# -------------------------------------------------------------------------------------------
# principal components

components = Exercise(
    "vae/02/pca",
    target="minigen.vae.pca:pca",
    minutes=15,
    prompt="""
    The first k principal components of the rows of x (N, D), as PCA(mean, directions, variances).

    mean (D,) is the average row. directions (k, D) are orthonormal rows, the directions along which
    the rows of x vary most, by falling variance; either sign of a direction is right. variances
    (k,) are the mean squares of the coordinates along them (divide by N).
    """,
    hints=[
        (
            "Take the mean off first. Then a singular value decomposition sorts the directions by"
            " how far the data reach along them."
        ),
        (
            "If x - mean = U S V^T, the directions are the first k rows of V^T and the variances"
            " are s_j^2 / N."
        ),
        "np.linalg.svd with full_matrices=False returns u, s and the transposed v, s falling.",
    ],
    imports=["import numpy as np", "from minigen.vae.pca import PCA"],
    rtol=1e-6,
    atol=1e-8,
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
    points=2, expect={"mean": [1.0, 1.0], "variances": [5.0], "outer": [[[0.8, 0.4], [0.4, 0.2]]]}
)
def on_a_line(impl, rng):
    """Two points at (1, 1) plus and minus (2, 1): the direction is (2, 1)/√5."""
    return facts(impl(np.array([[3.0, 2.0], [-1.0, 0.0]]), 1))


@components.case(points=2)
def a_cloud(impl, rng):
    return facts(impl(cloud(rng), 3))


@components.case(points=1)
def all_directions(impl, rng):
    return facts(impl(cloud(rng, 30, 4), 4))


@components.case(
    points=2,
    property="directions are orthonormal, and the coordinates along them uncorrelated",
    expect={"product": np.eye(3), "off_diagonal": np.zeros((3, 3))},
    atol=1e-7,
)
def uncorrelated(impl, rng):
    x = cloud(rng)
    mean, directions, variances = impl(x, 3)
    z = (x - mean) @ directions.T
    return {
        "product": directions @ directions.T,
        "off_diagonal": z.T @ z / len(x) - np.diag(variances),
    }


@components.case(
    points=1,
    property="moving all rows moves the mean and nothing else",
    expect={"turned": 0.0, "moved": 0.0},
)
def moved(impl, rng):
    x, by = cloud(rng), rng.standard_normal(5)
    here, there = facts(impl(x, 2)), facts(impl(x + by, 2))
    return {"turned": there["outer"] - here["outer"], "moved": there["mean"] - here["mean"] - by}


def answer(mean, directions, variances):
    from minigen.vae.pca import PCA

    return PCA(mean, directions, variances)


@components.mistake(
    hint=(
        "Take the mean off before the decomposition: otherwise the first direction points at the"
        " mean."
    )
)
def not_centered(x, k):
    _, s, v = np.linalg.svd(x, full_matrices=False)
    return answer(x.mean(axis=0), v[:k], s[:k] ** 2 / len(x))


@components.mistake(
    hint="NumPy returns V already transposed: the directions are its rows, not its columns."
)
def columns_for_rows(x, k):
    _, s, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=True)
    return answer(x.mean(axis=0), v[:, :k].T, s[:k] ** 2 / len(x))


@components.mistake(
    hint="Singular values are square roots of sums of squares: square them for variances."
)
def values_not_squared(x, k):
    _, s, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return answer(x.mean(axis=0), v[:k], s[:k] / len(x))


@components.mistake(
    hint="Divide the squared singular values by N: variances are means over the rows."
)
def not_divided(x, k):
    _, s, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return answer(x.mean(axis=0), v[:k], s[:k] ** 2)


@components.mistake(hint="Divide by N, as asked, not by N - 1.")
def divided_by_one_less(x, k):
    _, s, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return answer(x.mean(axis=0), v[:k], s[:k] ** 2 / (len(x) - 1))


@components.mistake(hint="These are standard deviations: variances are their squares.")
def standard_deviations(x, k):
    _, s, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return answer(x.mean(axis=0), v[:k], s[:k] / np.sqrt(len(x)))


@components.mistake(
    hint="eigh sorts eigenvalues upward: the last ones belong to the largest variances."
)
def smallest_first(x, k):
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    return answer(x.mean(axis=0), vectors[:, :k].T, values[:k])


@components.mistake(
    hint="Center every column by its own mean over the rows, not by one number for all."
)
def one_mean_for_all(x, k):
    _, s, v = np.linalg.svd(x - x.mean(), full_matrices=False)
    return answer(x.mean(axis=0), v[:k], s[:k] ** 2 / len(x))


@components.mistake(
    hint=(
        "Do not scale the columns to the same spread: then their variances would count for nothing."
    )
)
def standardized(x, k):
    _, s, v = np.linalg.svd((x - x.mean(axis=0)) / x.std(axis=0), full_matrices=False)
    return answer(x.mean(axis=0), v[:k], s[:k] ** 2 / len(x))


@components.variant
def through_the_covariance(x, k):
    mean = x.mean(axis=0)
    centered = x - mean
    values, vectors = np.linalg.eigh(centered.T @ centered / len(x))
    return answer(mean, vectors[:, ::-1][:, :k].T, values[::-1][:k])


@components.variant
def with_other_signs(x, k):
    mean = x.sum(axis=0) / x.shape[0]
    u, s, v = np.linalg.svd(x - mean)
    return answer(mean, -v[:k], np.mean((u[:, :k] * s[:k]) ** 2, axis=0))


components.equivalent("-v[:k] → v[:k]", reason="either sign of a direction is right")
