"""Exercises of RealNVP: the affine coupling, both ways, how much it stretches space, and the code
length of integers under a density."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, jacobian

SHAPES = """
    mask is 1 for each coordinate that is kept and 0 for each that is changed; it broadcasts against
    one example. s and t come from a network that receives the kept half. They are full arrays:
    their entries on the kept half, which may be 1000 or -1000, must have no effect on the result
    or on any gradient. On the changed half s may have any size, too: the result must be correct
    wherever it is finite.
"""

# Scales of two examples, and their mask: the large ones are on the kept half.
FAR = np.array([[1000.0, -1000.0, 0.5, -0.5], [-1000.0, 1000.0, 8.0, -20.0]])
HALF = np.array([1.0, 1.0, 0.0, 0.0])


def layer(rng, n=5, d=4):
    """Inputs, raw scales and shifts that are not zero anywhere, and a mask."""
    a, s, t = rng.standard_normal((3, n, d))
    return a, s, t, (np.arange(d) < d // 2).astype(float)


def picture_layer(rng):
    a, s, t = rng.standard_normal((3, 2, 4, 4, 2))
    row, column = np.indices((4, 4))
    return a, s, t, ((row + column) % 2 == 0).astype(float)[:, :, None]


forward = Exercise(
    "flow/05/affine_forward",
    target="minigen.flow.coupling:affine_forward",
    minutes=10,
    prompt=f"""
    The affine coupling in the direction that generates. Where the mask is 1, z is kept; where it is
    0, z is first scaled and then shifted: s is the logarithm of the scale, t the shift. Return the
    pair of the result x and of log |det dx/dz|, a tuple. Both must be differentiable.

    z, s and t have shape (N, ...), and so has x; the log-determinant has shape (N,), one number for
    each example.

    {SHAPES}
    """,
    hints="""
    Make s and t zero on the kept half. Then one formula is correct for both halves.

    The Jacobian is triangular, with 1 on the diagonal for the kept half and exp(s) for the changed
    one, so log |det| is the sum of s over the changed coordinates of each example.

        s, t = (1 - mask) * s, (1 - mask) * t
        return z * np.exp(s) + t, np.sum(np.reshape(s, (len(s), -1)), axis=1)
    """,
)


@forward.case(points=1, kind="equation", expect={"x": [[2.0, 7.0]], "log_det": [np.log(2.0)]})
def two_coordinates(impl, rng):
    """The first is kept; the second is doubled, and 1 is added."""
    z, s, t = np.array([[2.0, 3.0]]), np.array([[5.0, np.log(2.0)]]), np.array([[-9.0, 1.0]])
    x, log_det = impl(z, s, t, np.array([1.0, 0.0]))
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="equation")
def vectors(impl, rng):
    x, log_det = impl(*layer(rng))
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-8)
def jacobian_agrees(impl, rng):
    """The log-determinant is that of the Jacobian by differentiation."""
    z, s, t, mask = layer(rng, n=1)
    matrix = jacobian(lambda v: impl(v, s, t, mask)[0])(z).reshape(4, 4)
    return {"gap": impl(z, s, t, mask)[1][0] - np.linalg.slogdet(matrix)[1]}


@forward.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def kept_half(impl, rng):
    """The kept half passes through."""
    z, s, t, mask = layer(rng)
    return {"gap": mask * (impl(z, s, t, mask)[0] - z)}


@forward.case(points=2, kind="shapes")
def pictures(impl, rng):
    x, log_det = impl(*picture_layer(rng))
    return {"x": x, "log_det": log_det}


@forward.case(points=1, kind="gradient")
def gradients(impl, rng):
    z, s, t, mask = layer(rng)

    def total(v):
        x, log_det = impl(z, v, t, mask)
        return np.sum(x**2) + np.sum(log_det)

    return {
        "grad_s": grad(total)(s),
        "grad_z": grad(lambda v: np.sum(impl(v, s, t, mask)[0] ** 2))(z),
        "grad_t": grad(lambda v: np.sum(impl(z, s, v, mask)[0] ** 2))(t),
    }


@forward.case(
    points=2, kind="extremes", property=True, expect={"kept": 0.0, "grad_s of the kept half": 0.0}
)
def large_on_the_kept_half(impl, rng):
    """Scales of 1000 and -1000 on the kept half change nothing there, and get no gradient."""
    z, t = rng.standard_normal((2, 2, 4))

    def total(s):
        x, log_det = impl(z, s, t, HALF)
        return np.sum(x**2) + np.sum(log_det)

    x, log_det = impl(z, FAR, t, HALF)
    slope = grad(total)(FAR)
    return {
        "kept": (x - z)[:, :2],
        "changed": x[:, 2:],
        "log_det": log_det,
        "grad_s of the kept half": slope[:, :2],
        "grad_s of the changed half": slope[:, 2:],
    }


@forward.case(points=1, kind="extremes", expect={"x": [[2.0, 5.0, 7.0]], "log_det": [-2000.0]})
def shrunk_to_nothing(impl, rng):
    """s = -1000 on both coordinates of the changed half: only the shifts 5 and 7 are left of it, of
    z = 3e20 too."""
    s, t = np.full((1, 3), -1000.0), np.array([[9.0, 5.0, 7.0]])
    x, log_det = impl(np.array([[2.0, 3e20, -4.0]]), s, t, np.array([1.0, 0.0, 0.0]))
    return {"x": x, "log_det": log_det}


inverse = Exercise(
    "flow/05/affine_inverse",
    target="minigen.flow.coupling:affine_inverse",
    minutes=10,
    prompt=f"""
    The affine coupling in the direction that infers: given x, compute the z from which
    `affine_forward` makes x, with the same s, t and mask. Return the pair of z and log |det dz/dx|,
    a tuple. Both must be differentiable.

    x, s and t have shape (N, ...), and so has z; the log-determinant has shape (N,), one number for
    each example.

    {SHAPES}
    """,
    hints="""
    Solve x = z exp(s) + t for z. s and t come from the kept half, which is the same on both sides,
    so no network has to be inverted.

    z = (x - t) exp(-s) on the changed half. The determinant is the reciprocal of the other
    direction's.

        s, t = (1 - mask) * s, (1 - mask) * t
        return (x - t) * np.exp(-s), -np.sum(np.reshape(s, (len(s), -1)), axis=1)
    """,
)


@inverse.case(points=2, kind="equation", expect={"z": [[2.0, 3.0]], "log_det": [-np.log(2.0)]})
def two_coordinates_back(impl, rng):
    """The first is kept; from the second 1 is taken, then it is halved."""
    x, s, t = np.array([[2.0, 7.0]]), np.array([[5.0, np.log(2.0)]]), np.array([[-9.0, 1.0]])
    z, log_det = impl(x, s, t, np.array([1.0, 0.0]))
    return {"z": z, "log_det": log_det}


@inverse.case(points=2, kind="equation")
def vectors_back(impl, rng):
    z, log_det = impl(*layer(rng))
    return {"z": z, "log_det": log_det}


@inverse.case(points=2, kind="equation", property=True, expect={"z": 0.0, "log_det": 0.0})
def there_and_back(impl, rng):
    """It undoes the forward map, and the log-determinants cancel."""
    z, s, t, mask = layer(rng)
    x = mask * z + (1 - mask) * (z * np.exp(s) + t)
    back, log_det = impl(x, s, t, mask)
    return {"z": back - z, "log_det": log_det + np.sum((1 - mask) * s, axis=1)}


@inverse.case(points=2, kind="shapes")
def pictures_back(impl, rng):
    z, log_det = impl(*picture_layer(rng))
    return {"z": z, "log_det": log_det}


@inverse.case(points=1, kind="gradient")
def gradients_back(impl, rng):
    x, s, t, mask = layer(rng)

    def nll(v):
        z, log_det = impl(x, v, t, mask)
        return 0.5 * np.sum(z**2) - np.sum(log_det)

    return {
        "grad_s": grad(nll)(s),
        "grad_x": grad(lambda v: np.sum(impl(v, s, t, mask)[0] ** 2))(x),
        "grad_t": grad(lambda v: np.sum(impl(x, s, v, mask)[0] ** 2))(t),
    }


@inverse.case(
    points=1, kind="extremes", property=True, expect={"kept": 0.0, "grad_s of the kept half": 0.0}
)
def large_on_the_kept_half_back(impl, rng):
    """Scales of 1000 and -1000 on the kept half change nothing there, and get no gradient."""
    x, t = rng.standard_normal((2, 2, 4))

    def nll(s):
        z, log_det = impl(x, s, t, HALF)
        return 0.5 * np.sum(z**2) - np.sum(log_det)

    z, log_det = impl(x, FAR, t, HALF)
    slope = grad(nll)(FAR)
    return {
        "kept": (z - x)[:, :2],
        "changed": z[:, 2:],
        "log_det": log_det,
        "grad_s of the kept half": slope[:, :2],
        "grad_s of the changed half": slope[:, 2:],
    }


@inverse.case(
    points=1, kind="extremes", fixed=True, expect={"z": [[2.0, 0.0, 0.0]], "log_det": [-2000.0]}
)
def stretched_without_end(impl, rng):
    """s = 1000 on both coordinates of the changed half: its preimage is at 0. And s = -88 in
    float32, where x exp(88) is too large, and (x - t) exp(88) is not."""
    s, t = np.full((1, 3), 1000.0), np.array([[9.0, 5.0, 7.0]])
    x, mask = np.array([[2.0, 3.0, -4.0]]), np.array([1.0, 0.0, 0.0])
    z, log_det = impl(x, s, t, mask)
    s, t = np.full((1, 3), -88, np.float32), t.astype(np.float32)
    with np.errstate(all="ignore"):
        near, _ = impl(t + np.float32(2**-10), s, t, mask.astype(np.float32))
    return {"z": z, "log_det": log_det, "z / 1e35, s = -88": near / 1e35}


log_det = Exercise(
    "flow/05/affine_log_det",
    target="minigen.flow.coupling:affine_log_det",
    minutes=5,
    prompt=f"""
    Return log |det dx/dz| of `affine_forward`, from s and mask alone. The entries of its Jacobian
    off the diagonal, the derivatives of the network, have no effect.

    s has shape (N, ...), where an example is a vector or an image; the result has shape (N,), one
    number for each example. It must be differentiable with respect to s.

    {SHAPES}
    """,
    hints="""
    Order the coordinates with the kept half first: the Jacobian is lower triangular, so only its
    diagonal matters.

    The diagonal is 1 on the kept half and exp(s) on the changed half; the logarithm of the product
    is a sum.

        return np.sum(np.reshape((1 - mask) * s, (len(s), -1)), axis=1)
    """,
)


@log_det.case(points=1, kind="equation", expect={"log_det": [2.0, 6.0]})
def numbers_to_add(impl, rng):
    return {
        "log_det": impl(np.array([[7.0, -1.0, 3.0], [7.0, 2.0, 4.0]]), np.array([1.0, 0.0, 0.0]))
    }


@log_det.case(points=2, kind="equation")
def random_scales(impl, rng):
    _, s, _, mask = layer(rng, d=6)
    return {"log_det": impl(s, mask)}


@log_det.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def against_a_matrix(impl, rng):
    """It is the log-determinant of a triangular matrix with these scales."""
    _, s, _, mask = layer(rng, n=1)
    matrix = np.diag(np.where(mask == 1, 1.0, np.exp(s[0]))) + np.tril(
        rng.standard_normal((4, 4)), -1
    )
    return {"gap": impl(s, mask)[0] - np.linalg.slogdet(matrix)[1]}


@log_det.case(points=2, kind="shapes")
def scales_of_pictures(impl, rng):
    _, s, _, mask = picture_layer(rng)
    return {"log_det": impl(s, mask)}


@log_det.case(
    points=2,
    kind="extremes",
    fixed=True,
    property=True,
    expect={"log_det": [2000.0, -2000.0], "grad": [0.0, 1.0, 1.0]},
)
def no_exp_needed(impl, rng):
    """Of scales of 1000 and -1000 the sum is taken, and its slope is 1 where the mask is 0."""
    s, mask = np.array([[-7.0, 1000.0, 1000.0], [7.0, -1000.0, -1000.0]]), np.array([1.0, 0.0, 0.0])
    return {"log_det": impl(s, mask), "grad": grad(lambda s: impl(s, mask)[0])(s)[0]}


bound = Exercise(
    "flow/05/dequantization_bits",
    target="minigen.metrics.likelihood:dequantization_bits",
    minutes=15,
    prompt="""
    A flow is a density p of real vectors, and it is used for integers: to each example x a noise u
    in [0, 1) is added in every component. Return the pair (bound, code), a tuple of two arrays of
    shape (N,), both in bits per dimension.

    bound is what a flow is trained on: for each example the mean of -log p(x + u) + log q(u | x)
    over its K values of the noise, where q is the density of the noise. code is the length of an
    ideal code for the integers: minus the logarithm of P(x), where P(x) is estimated by the mean of
    the ratio p(x + u) / q(u | x) over the K values.

    log_p (N, K) holds log p(x + u), in nats. log_q holds log q(u | x), in nats: (N, K), or a single
    number, 0 for uniform noise. dims is the number of components of an example. Log-densities of
    images are large: values such as -6000 or 6000 must not underflow or overflow. The result need
    not be differentiable, so you may use plain NumPy.
    """,
    hints="""
    Both numbers are made from the same log-ratios. Which comes first in each, the logarithm or the
    mean? And nats become bits per dimension by one division.

    With r = log p - log q: bound = -mean(r) / (D log 2) and code = -log(mean(exp(r))) / (D log 2),
    means over the K values. Subtract the largest r of an example before exp, and add it afterwards.

        r = log_p - log_q
        top = np.max(r, axis=1, keepdims=True)
        log_mean = top[:, 0] + np.log(np.mean(np.exp(r - top), axis=1))
        return -np.mean(r, axis=1) / (dims * np.log(2)), -log_mean / (dims * np.log(2))
    """,
)


@bound.case(points=2, kind="equation", expect={"bound": [3.5], "code": [np.log2(64 / 9)]})
def two_values_of_the_noise(impl, rng):
    """p is 1/4 at one value and 1/32 at the other: logarithms of -2 and -5 bits, and a mean of
    9/64."""
    bits, code = impl(np.log(np.array([[1 / 4, 1 / 32]])))
    return {"bound": bits, "code": code}


@bound.case(points=1, kind="equation", expect={"bound": [1.0, 2.0, 3.0], "code": [1.0, 2.0, 3.0]})
def flat_on_each_level(impl, rng):
    """p is 1/2, 1/4 and 1/8 at all four values of the noise: both numbers are 1, 2 and 3."""
    bits, code = impl(np.log(np.array([[1 / 2], [1 / 4], [1 / 8]])) * np.ones((3, 4)))
    return {"bound": bits, "code": code}


@bound.case(points=2, kind="equation")
def noise_of_another_density(impl, rng):
    """log_q of shape (N, K), and of 3 dimensions."""
    log_p, log_q = rng.standard_normal((2, 5, 7))
    bits, code = impl(log_p, log_q, 3)
    return {"bound": bits, "code": code}


@bound.case(points=2, kind="equation", property=True, expect={"gap": 0.0, "code": 0.0})
def noise_in_proportion(impl, rng):
    """Where q is proportional to p, the bound is met: the ratio P(x) is the same at all values."""
    log_q, log_mass = rng.standard_normal((4, 6)), rng.standard_normal(4)
    bits, code = impl(log_q + log_mass[:, None], log_q, 2)
    return {"gap": bits - code, "code": code + log_mass / (2 * np.log(2))}


@bound.case(points=1, kind="shapes", property=True, expect={"gap": 0.0})
def one_value_of_the_noise(impl, rng):
    """With K = 1 both numbers are the same; log_q is the number 0.5."""
    bits, code = impl(rng.standard_normal((6, 1)), 0.5, 4)
    return {"gap": bits - code, "bound": bits}


@bound.case(
    points=2, kind="extremes", expect={"code": [3000.0, -3000.0], "bound": [3000.0, -3000.0]}
)
def an_image(impl, rng):
    """Log-densities of 6000 log 2 below and above 0, in 2 dimensions."""
    log_p = np.array([[-6000.0, -6000.0, -6000.0], [6000.0, 6000.0, 6000.0]]) * np.log(2)
    bits, code = impl(log_p, 0.0, 2)
    return {"bound": bits, "code": code}


@bound.case(points=1, kind="extremes")
def values_far_apart(impl, rng):
    """One value of the noise has nearly all of the probability."""
    bits, code = impl(np.array([[-2000.0, -7.0, -900.0], [0.0, 800.0, -800.0]]))
    return {"bound": bits, "code": code}
