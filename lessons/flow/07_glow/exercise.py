"""Exercises of Glow: the start of actnorm, a 1×1 convolution and its log-determinant, and the
matrix that is trained in parts."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

start = Exercise(
    "flow/07/actnorm_init",
    target="minigen.flow.glow:actnorm_init",
    minutes=10,
    prompt=r"""
    Return the initial parameters of actnorm, computed from its first batch: a `shift` and a
    `log_scale` for each channel, such that $(x - \mathrm{shift}) \exp(-\mathrm{log\_scale})$ has
    mean 0 and variance 1 in that channel.

    `x` is a batch of vectors $(N, C)$ or of images $(N, H, W, C)$. Return a tuple of `shift` and
    `log_scale`, two arrays $(C,)$. Mean and variance run over the batch and all positions of an
    image; the variance of $n$ values is the mean of their squared deviations, with $1/n$. Every
    channel varies, but its standard deviation may be tiny, even in comparison with its mean, and
    the batch may be a single image. `x` may be `float32`. The result need not be differentiable.
    """,
    hints="""
    Shift by the mean and divide by the standard deviation of all values of a channel.

    shift = mean, log_scale = log std, over all axes but the last.

        axes = tuple(range(x.ndim - 1))
        x = x.astype(float)
        return x.mean(axis=axes), np.log(x.std(axis=axes))
    """,
)


def both(impl, x):
    """The two results of `actnorm_init` by name."""
    shift, log_scale = impl(x)
    return {"shift": shift, "log_scale": log_scale}


@start.case(
    points=2,
    kind="equation",
    expect={"shift": [3.0, 1.0], "log_scale": [0.5 * np.log(14 / 3), 0.5 * np.log(8.0)]},
)
def two_channels(impl, rng):
    """Channels (1, 2, 6) and (-1, -1, 5): squared deviations 4 + 1 + 9 and 4 + 4 + 16."""
    return both(impl, np.array([[1.0, -1.0], [2.0, -1.0], [6.0, 5.0]]))


@start.case(points=2, kind="shapes")
def images(impl, rng):
    return both(impl, 3 * rng.standard_normal((2, 4, 5, 3)) + np.array([2.0, -7.0, 0.5]))


@start.case(points=2, kind="equation", property=True, expect={"mean": 0.0, "variance": 1.0})
def standardized(impl, rng):
    """The output has mean 0 and variance 1 in each channel, also for a single image."""
    x = 0.3 * rng.standard_normal((1, 3, 4, 2)) + np.array([5.0, -1.0])
    shift, log_scale = both(impl, x).values()
    out = (x - shift) * np.exp(-log_scale)
    return {"mean": np.mean(out, axis=(0, 1, 2)), "variance": np.mean(out**2, axis=(0, 1, 2))}


@start.case(
    points=1,
    kind="equation",
    fixed=True,
    property=True,
    expect={"gap of shift": 0.0, "gap of log_scale": 0.0},
)
def scaled_and_shifted(impl, rng):
    """For 2 - 3x the shift is 2 - 3 times as large, and log_scale grows by log 3."""
    x = rng.standard_normal((6, 4))
    shift, log_scale = both(impl, x).values()
    other, other_scale = both(impl, 2 - 3 * x).values()
    return {
        "gap of shift": other - (2 - 3 * shift),
        "gap of log_scale": other_scale - log_scale - np.log(3.0),
    }


@start.case(points=1, kind="extremes")
def tiny_and_huge(impl, rng):
    """Deviations near 1e-9 and near 1e9, and near 1e-7 around a mean of 7."""
    x = rng.standard_normal((7, 3)) * np.array([1e-9, 1e9, 1e-7])
    shift, log_scale = impl(x + np.array([0.0, 0.0, 7.0]))
    return {
        "shift in units of its size": shift / np.array([1e-9, 1e9, 7.0]),
        "log_scale": log_scale,
    }


@start.case(points=1, kind="extremes", atol=2e-3)
def far_from_zero(impl, rng):
    """Float32 images around 500 whose standard deviation is 0.02."""
    return both(impl, (500 + 0.02 * rng.standard_normal((8, 6, 6, 2))).astype(np.float32))


mixing = Exercise(
    "flow/07/conv1x1",
    target="minigen.flow.glow:conv1x1",
    minutes=10,
    blocked=["minigen.nn.layers:Conv2d", "minigen.tensor.conv:conv2d"],
    prompt="""
    Return a 1×1 convolution of `h`: at each position of an image, the channel vector is multiplied
    from the left by one matrix `W`.

    `h` is a batch of images $(N, H, W, C)$, or of vectors $(N, C)$; `W` has shape $(C, C)$. The
    result has the shape of `h`: its entry $i$ at a position is the sum over $j$ of `W[i, j]` times
    entry $j$ of `h` at the same position. The result must be differentiable with respect to both.
    """,
    hints="""
    Channels are the last axis of h; a matrix product from the right sums over this axis.

    y[..., i] = sum_j h[..., j] W[i, j] = (h W^T)[..., i].

        return np.matmul(h, W.T)
    """,
)


@mixing.case(points=3, kind="equation", expect={"y": [[17.0, -9.0], [4.0, -18.0]]})
def two_vectors(impl, rng):
    """W = [[1, 2], [3, -4]] times (5, 6) is (5 + 12, 15 - 24); times (-2, 3) it is (4, -18)."""
    return {"y": impl(np.array([[5.0, 6.0], [-2.0, 3.0]]), np.array([[1.0, 2.0], [3.0, -4.0]]))}


@mixing.case(points=1, kind="shapes")
def images_of_four_channels(impl, rng):
    return {"y": impl(rng.standard_normal((2, 5, 3, 4)), rng.standard_normal((4, 4)))}


@mixing.case(points=1, kind="shapes")
def all_sizes_equal(impl, rng):
    """Three images, 3 × 3 places, 3 channels."""
    return {"y": impl(rng.standard_normal((3, 3, 3, 3)), rng.standard_normal((3, 3)))}


@mixing.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0}, atol=1e-8)
def one_after_the_other(impl, rng):
    """A, then B, is the product B A."""
    A, B = rng.standard_normal((2, 3, 3))
    h = rng.standard_normal((2, 4, 2, 3))
    return {"gap": impl(impl(h, A), B) - impl(h, B @ A)}


@mixing.case(points=1, kind="extremes")
def large_channels_beside_small_ones(impl, rng):
    """Channels near 1000 and near 0.001, and a matrix with entries of equally different sizes."""
    h = rng.standard_normal((2, 2, 3, 2)) * np.array([1000.0, 0.001])
    return {"y": impl(h, np.array([[0.001, 1000.0], [-1000.0, 0.002]]))}


@mixing.case(points=1, kind="gradient")
def gradients(impl, rng):
    h, W, g = rng.standard_normal((2, 3, 4, 2)), rng.standard_normal((2, 2)), rng.standard_normal(2)
    return {
        "gradient with respect to h": grad(lambda a: np.sum(g * impl(a, W) ** 2))(h),
        "gradient with respect to W": grad(lambda a: np.sum(g * impl(h, a) ** 2))(W),
    }


volume = Exercise(
    "flow/07/conv1x1_log_det",
    target="minigen.flow.glow:conv1x1_log_det",
    minutes=10,
    prompt=r"""
    Return the log-determinant of a 1×1 convolution on one whole image: $\log |\det|$ of the map
    that multiplies the channel vector of each position by the same matrix, $y = W h$.

    `W` has shape $(C, C)$ and is invertible; its determinant may be negative. `height` and `width`
    are those of the image. The result is one number, in nats. It must be differentiable with
    respect to `W`. The determinant itself may be far below the smallest floating-point number, or
    above the largest; its logarithm must still be right.
    """,
    hints="""
    Each place is multiplied separately, and by the same W: the Jacobian of the whole map has a
    block W for each place, and zeros elsewhere.

    log |det W|^(h w) = h w log |det W|. To avoid overflow do not compute the determinant first and
    then its logarithm: slogdet returns the sign and log |det|.

        return height * width * np.linalg.slogdet(W)[1]
    """,
)


@volume.case(points=2, kind="equation", expect={"log_det": 6 * np.log(5.0)})
def two_channels_of_a_small_image(impl, rng):
    """W = [[2, 1], [1, 3]] has determinant 5; an image of 2 × 3 has six places."""
    return {"log_det": impl(np.array([[2.0, 1.0], [1.0, 3.0]]), 2, 3)}


@volume.case(points=2, kind="equation", expect={"log_det": 20 * np.log(2.5)})
def negative_determinant(impl, rng):
    """W = [[1, 2], [3, 3.5]] has determinant -2.5."""
    return {"log_det": impl(np.array([[1.0, 2.0], [3.0, 3.5]]), 4, 5)}


@volume.case(points=2, kind="equation")
def five_channels(impl, rng):
    """Of digits of 28 × 27 pixels."""
    return {"log_det": impl(2 * rng.standard_normal((5, 5)), 28, 27)}


@volume.case(points=1, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def stretched(impl, rng):
    """3 W stretches each of the C channels of each place by an additional factor 3."""
    W = rng.standard_normal((4, 4))
    return {"gap": impl(3 * W, 2, 5) - impl(W, 2, 5) - 2 * 5 * 4 * np.log(3.0)}


@volume.case(points=2, kind="gradient")
def gradient(impl, rng):
    W = rng.standard_normal((3, 3))
    return {"gradient with respect to W": grad(lambda W: impl(W, 2, 3))(W)}


@volume.case(points=2, kind="extremes")
def determinants_out_of_range(impl, rng):
    """Sixteen channels, whose determinants are near 10^-480 and 10^480."""
    W = rng.standard_normal((16, 16))
    return {
        "log_det of 1e-30 W": impl(1e-30 * W, 2, 3),
        "log_det of 1e30 W": impl(1e30 * W, 2, 3),
    }


parts = Exercise(
    "flow/07/lu_matrix",
    target="minigen.flow.glow:lu_matrix",
    minutes=10,
    prompt="""
    Return the matrix $W$ of a 1×1 convolution from the parts in which Glow trains it: the product
    of three matrices, first a permutation `P`, then a lower triangular one, then an upper
    triangular one.

    `P` is $(C, C)$. The lower one has the entries of `L` $(C, C)$ below its diagonal, and ones on
    it. The upper one has the entries of `U` $(C, C)$ above its diagonal. The entries on its
    diagonal have the signs in `sign` $(C,)$, 1 or $-1$, and the logarithms of their absolute values
    are in `log_s` $(C,)$. All other entries of `L` and `U` must have no effect, on the gradients
    either. The result is $(C, C)$. The result must be differentiable with respect to `L`, `U` and
    `log_s`; no argument may be changed.
    """,
    hints="""
    Cut out both triangles first, then complete them: ones on the diagonal of the lower one, the
    scales on the diagonal of the upper one.

    np.tril(L, -1) is L below its diagonal, np.triu(U, 1) is U above it. The scales are
    sign exp(log_s). P comes first in the product.

        eye = np.eye(len(P), dtype=P.dtype)
        lower = np.tril(L, -1) + eye
        upper = np.triu(U, 1) + eye * (sign * np.exp(log_s))
        return P @ (lower @ upper)
    """,
)


def random_parts(rng, c):
    """P that is not its own inverse, L and U with numbers everywhere, sign, log_s."""
    P = np.eye(c)[np.roll(np.arange(c), 1)]
    L, U = rng.standard_normal((2, c, c))
    return P, L, U, rng.choice([-1.0, 1.0], c), rng.standard_normal(c)


@parts.case(points=2, kind="equation", expect={"W": [[1.0, -3.5], [2.0, 3.0]]})
def two_by_two(impl, rng):
    """[[1, 0], [0.5, 1]] times [[2, 3], [0, -5]] is [[2, 3], [1, -3.5]]; P exchanges the rows."""
    P, L = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[0.0, 0.0], [0.5, 0.0]])
    U, sign = np.array([[0.0, 3.0], [0.0, 0.0]]), np.array([1.0, -1.0])
    return {"W": impl(P, L, U, sign, np.log(np.array([2.0, 5.0])))}


@parts.case(points=2, kind="equation")
def four_channels(impl, rng):
    P, L, U, sign, log_s = random_parts(rng, 4)
    return {"W": impl(P, np.tril(L, -1), np.triu(U, 1), sign, log_s)}


@parts.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def the_rest_has_no_effect(impl, rng):
    """Entries on and above the diagonal of L, and on and below that of U, change nothing."""
    P, L, U, sign, log_s = random_parts(rng, 3)
    clean = impl(P, np.tril(L, -1), np.triu(U, 1), sign, log_s)
    return {"gap": impl(P, L, U, sign, log_s) - clean, "W": clean}


@parts.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def determinant(impl, rng):
    """log |det W| is the sum of log_s, whatever L, U and the signs."""
    P, L, U, sign, log_s = random_parts(rng, 5)
    return {"gap": np.linalg.slogdet(impl(P, L, U, sign, log_s))[1] - np.sum(log_s)}


@parts.case(points=2, kind="gradient")
def gradients_of_the_parts(impl, rng):
    P, L, U, sign, log_s = random_parts(rng, 3)
    g = rng.standard_normal((3, 3))
    return {
        "gradient with respect to L": grad(lambda a: np.sum(g * impl(P, a, U, sign, log_s)))(L),
        "gradient with respect to U": grad(lambda a: np.sum(g * impl(P, L, a, sign, log_s)))(U),
        "gradient with respect to log_s": grad(lambda a: np.sum(g * impl(P, L, U, sign, a)))(log_s),
    }


@parts.case(
    points=1,
    kind="extremes",
    expect={"W": [[np.exp(-30.0), 0.0], [4 * np.exp(-30.0), np.exp(20.0)]]},
)
def scales_far_apart(impl, rng):
    """log_s = -30 and 20, P = I, 4 below the diagonal: nothing is cut off."""
    L, U = np.array([[0.0, 0.0], [4.0, 0.0]]), np.zeros((2, 2))
    return {"W": impl(np.eye(2), L, U, np.ones(2), np.array([-30.0, 20.0]))}
