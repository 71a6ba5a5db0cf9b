"""Exercises on the denoising autoencoder: the corruption of the input, and the loss with the
clean target."""

import autograd.numpy as np
import numpy

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

corruption = Exercise(
    "vae/03/corrupt",
    target="minigen.vae.autoencoder:corrupt",
    minutes=15,
    seconds=5.0,
    prompt="""
    Return a corrupted copy of the array `x`, of the same shape, drawn with the generator `rng`.

    If `kind` is `"masking"`, each entry becomes 0 with probability `level`. If it is `"gaussian"`,
    normal noise of standard deviation `level` is added to each entry, and the sum is not clipped.
    If it is `"salt_pepper"`, each entry is replaced with probability `level`, and then becomes 0 or
    1 with equal probability.

    All entries of `x` are treated in the same way, whatever their values, and independently of each
    other. All randomness comes from `rng`, so generators in the same state give the same copy. `x`
    itself is the target of the loss, so do not change it. `x` may have any shape.
    """,
    hints="""
    The entries are independent, so draw as many random numbers as x has entries.

    A uniform u is below level with probability level. With salt-and-pepper noise an entry becomes 0
    if u is below level/2, and 1 if u is between level/2 and level.

        if kind == "gaussian":
            return x + level * rng.standard_normal(x.shape).astype(x.dtype)
        u = rng.random(x.shape)
        if kind == "masking":
            return np.where(u < level, 0.0, x)
        return np.where(u < level / 2, 0.0, np.where(u < level, 1.0, x))
    """,
)


def tenths(values):
    """Shares and standard deviations of many draws, rounded to tenths: they do not depend on which
    random numbers were drawn."""
    return np.round(10 * np.asarray(values)).astype(int)


@corruption.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"masking": [[2.0, 3.0]], "gaussian": [[2.0, 3.0]], "salt_pepper": [[2.0, 3.0]]},
)
def level_zero(impl, rng):
    """Level 0 changes nothing."""
    return {
        kind: impl(np.array([[2.0, 3.0]]), rng, kind, 0.0)
        for kind in ("masking", "gaussian", "salt_pepper")
    }


@corruption.case(points=1, kind="equation", fixed=True, expect={"masking": [[0.0, 0.0, 0.0]]})
def level_one(impl, rng):
    """Every entry is erased."""
    return {"masking": impl(np.array([[2.0, 3.0, -1.0]]), rng, "masking", 1.0)}


@corruption.case(
    points=2,
    kind="equation",
    property=True,
    expect={"rows": [3, 3, 3, 3, 3], "columns": [3, 3, 3, 3, 3], "untouched": 0.0},
)
def masking(impl, rng):
    """3 in 10 of each row and of each column are erased; the others are unchanged."""
    rows, columns = 1.0 + rng.random((5, 5000)), 1.0 + rng.random((5000, 5))
    y, z = impl(rows, rng, "masking", 0.3), impl(columns, rng, "masking", 0.3)
    return {
        "rows": tenths((y == 0).mean(axis=1)),
        "columns": tenths((z == 0).mean(axis=0)),
        "untouched": np.max(np.abs((y - rows)[y != 0])),
    }


@corruption.case(
    points=2, kind="equation", fixed=True, property=True, expect={"facts": [0, 20, 7, 0]}
)
def gaussian(impl, rng):
    """The noise has mean 0 and standard deviation 2, is normal (68 % lie within one standard
    deviation), independent for each entry, and not clipped."""
    x = rng.random((1000, 200))
    noise = impl(x, rng, "gaussian", 2.0) - x
    repeats = (
        np.mean(noise[:, 0] * noise[:, 1]) + np.mean(noise[0] * noise[1]) / 20
    )  # 0 if entries have noise of their own
    within = np.mean(np.abs(noise) < 2.0)
    return {"facts": tenths([noise.mean(), noise.std(), within, repeats / 20])}


@corruption.case(points=2, kind="equation", fixed=True, property=True, expect={"shares": [2, 2, 6]})
def salt_pepper(impl, rng):
    """Two in ten become 0, two in ten become 1, the rest is unchanged."""
    x = np.full((50, 20, 20, 1), 0.5)
    y = impl(x, rng, "salt_pepper", 0.4)
    return {"shares": tenths([np.mean(y == 0), np.mean(y == 1), np.mean(y == 0.5)])}


@corruption.case(
    points=2,
    kind="shapes",
    property=True,
    expect={"masking": 1, "gaussian": 1, "salt_pepper": 1, "kept": 0.0},
)
def fresh(impl, rng):
    """Two calls give different copies, and the input is unchanged."""
    x = 0.25 + 0.5 * rng.random((40, 40))
    before = x.copy()
    kinds = ("masking", "gaussian", "salt_pepper")
    differ = {
        kind: int(np.any(impl(x, rng, kind, 0.5) != impl(x, rng, kind, 0.5))) for kind in kinds
    }
    return {**differ, "kept": np.abs(x - before).sum()}


@corruption.case(
    points=1,
    kind="equation",
    fixed=True,
    property=True,
    expect={"masking": 0, "gaussian": 0, "salt_pepper": 0},
)
def same_state(impl, rng):
    """Two generators in the same state give the same copy: does any entry differ (1 if so)?"""
    x, seed = 0.25 + 0.5 * rng.random(50), int(rng.integers(2**32))

    def copy(kind):
        return impl(x, numpy.random.default_rng(seed), kind, 0.5)

    kinds = ("masking", "gaussian", "salt_pepper")
    return {kind: int(np.any(copy(kind) != copy(kind))) for kind in kinds}


def beyond(value, expected, deviation, n):
    """1 if a mean of n draws is more than 5 standard errors from what is expected, else 0."""
    return int(abs(value - expected) > 5 * deviation / n**0.5)


@corruption.case(
    points=2,
    kind="equation",
    fixed=True,
    property=True,
    expect={
        "zeros of masking": 0,
        "zeros of salt_pepper": 0,
        "ones of salt_pepper": 0,
        "ones in place of zeros": 0,
        "mean of the noise": 0,
        "variance of the noise": 0,
        "fourth moment of the noise": 0,
    },
)
def shares(impl, rng):
    """For 200,000 entries, shares and moments are within 5 standard errors of the expected ones (1
    if not); half of the entries that get noise are 0."""
    n = 200_000
    x, zeros = np.full((n // 8, 8), 0.5), np.zeros((n // 8, 8))
    masked, corrupted = impl(x, rng, "masking", 0.25), impl(x, rng, "salt_pepper", 0.25)
    dark = np.concatenate([x[::2], zeros[::2]])
    noise = (impl(dark, rng, "gaussian", 0.3) - dark) / 0.3
    squares = noise**2
    return {
        "zeros of masking": beyond(np.mean(masked == 0), 1 / 4, (3 / 16) ** 0.5, n),
        "zeros of salt_pepper": beyond(np.mean(corrupted == 0), 1 / 8, (7 / 64) ** 0.5, n),
        "ones of salt_pepper": beyond(np.mean(corrupted == 1), 1 / 8, (7 / 64) ** 0.5, n),
        "ones in place of zeros": beyond(
            np.mean(impl(zeros, rng, "salt_pepper", 1.0) == 1), 1 / 2, 1 / 2, n
        ),
        "mean of the noise": beyond(np.mean(noise), 0, 1, n),
        "variance of the noise": beyond(np.mean(squares), 1, 2**0.5, n),
        "fourth moment of the noise": beyond(np.mean(squares**2), 3, 96**0.5, n),
    }


def alike(a):
    """For each axis, 1 if neighbors along it are correlated by more than 5 standard errors."""
    a = (a - np.mean(a)) / np.std(a)
    pairs = [(np.delete(a, 0, axis), np.delete(a, -1, axis)) for axis in range(a.ndim)]
    return [beyond(np.mean(left * right), 0, 1, left.size) for left, right in pairs]


@corruption.case(
    points=2,
    kind="shapes",
    property=True,
    expect={
        "erased together": [0, 0, 0, 0],
        "corrupted together": [0, 0, 0, 0],
        "same noise": [0, 0, 0, 0],
        "same salt": [0],
        "same number each time": [0, 0],
    },
)
def independent(impl, rng):
    """Neighbors along each axis of (N, H, W, C) are corrupted independently, and the number of
    corrupted entries varies from call to call (1 where this does not hold)."""
    x = np.full((40, 20, 20, 4), 0.5)
    corrupted, small = impl(x, rng, "salt_pepper", 0.4), np.full((4, 5), 0.5)
    hits = [
        [np.count_nonzero(impl(small, rng, kind, 0.3) != 0.5) for _ in range(30)]
        for kind in ("masking", "salt_pepper")
    ]
    return {
        "erased together": alike(1.0 * (impl(x, rng, "masking", 0.4) == 0)),
        "corrupted together": alike(1.0 * (corrupted != 0.5)),
        "same noise": alike(impl(x, rng, "gaussian", 0.4) - x),
        "same salt": alike(corrupted[corrupted != 0.5]),
        "same number each time": [int(min(counts) == max(counts)) for counts in hits],
    }


loss = Exercise(
    "vae/03/denoising_loss",
    target="minigen.vae.autoencoder:denoising_loss",
    minutes=5,
    prompt=r"""
    Return the loss of a denoising autoencoder, one number. It is the squared distance between the
    clean example and the autoencoder's output for the corrupted one, summed over the pixels and
    averaged over the batch.

    `autoencoder` is a function that maps $(N, D) \to (N, D)$. `x` $(N, D)$ are the clean examples,
    `corrupted` $(N, D)$ the corrupted ones. The result must be differentiable with respect to the
    weights of the autoencoder, and its gradient must be 0 where the output equals `x`.
    """,
    hints="""
    There are two arrays. Which is the input of the autoencoder, and which is the target?

    1/N times the sum over i of |x_i - f(g(corrupted_i))|^2.

        return np.sum((x - autoencoder(corrupted)) ** 2) / len(x)
    """,
)


@loss.case(points=1, kind="equation", fixed=True, expect={"loss": 1.0})
def copying(impl, rng):
    """The loss of copying is the corruption: one 1 of (1, 1) was erased."""
    return {"loss": impl(lambda seen: seen, np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]]))}


@loss.case(points=1, kind="equation", fixed=True, expect={"loss": 4.5})
def doubling(impl, rng):
    """The squared distance of (1, 1) and (2, 0) is 1 + 1, that of (2, 2 + √3) and (0, 2) is 4 + 3;
    their mean is 4.5."""
    return {
        "loss": impl(
            lambda seen: 2 * seen,
            np.array([[1.0, 1.0], [2.0, 2.0 + 3**0.5]]),
            np.array([[1.0, 0.0], [0.0, 1.0]]),
        )
    }


@loss.case(points=2, kind="equation")
def random_network(impl, rng):
    w, x, seen = rng.standard_normal((4, 4)), rng.random((6, 4)), rng.random((6, 4))
    return {"loss": impl(lambda s: np.tanh(s @ w), x, seen)}


@loss.case(points=2, kind="equation", fixed=True, property=True, expect={"loss": 0.0})
def perfect(impl, rng):
    """A perfect repair has loss 0: it doubles an input that was halved."""
    x = rng.random((5, 3))
    return {"loss": impl(lambda seen: 2 * seen, x, x / 2)}


@loss.case(points=2, kind="gradient")
def gradient(impl, rng):
    """The gradient with respect to the weights of a linear autoencoder."""
    w, x, seen = rng.standard_normal((3, 3)), rng.random((5, 3)), rng.random((5, 3))
    return {"grad": grad(lambda w: impl(lambda s: s @ w, x, seen))(w)}


@loss.case(points=1, kind="gradient", fixed=True, property=True, expect={"loss": 0.0, "grad": 0.0})
def gradient_of_a_perfect_repair(impl, rng):
    """An autoencoder that copies an uncorrupted input: loss 0 and gradient 0."""
    x = rng.random((5, 3))
    return {
        "loss": impl(lambda s: s @ np.eye(3), x, x.copy()),
        "grad": grad(lambda w: impl(lambda s: s @ w, x, x.copy()))(np.eye(3)),
    }
