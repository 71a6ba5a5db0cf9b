"""Exercises of NICE: the additive coupling, both ways, and the scale at the end."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, jacobian

SHAPES = r"""
    `mask` holds for each coordinate whether it is kept (1) or changed (0); it has the shape of one
    example, or broadcasts against it. `m` stands for a network. Call it as `m(a)`, with an array
    `a` of the full shape $(N, \dots)$ in which the changed half is 0: only the kept half may be its
    input. It returns shifts of the same full shape. Its shifts on the kept half must have no
    effect, however large they are.
"""


def net(rng, shape):
    """A nonlinear function m of arrays (N, *shape), in which every output depends on every input;
    and its weights."""
    size = int(np.prod(shape))
    w, v = rng.standard_normal((2, size, size))
    return with_weights(w, v), w, v


def with_weights(w, v):
    def m(a):
        flat = np.reshape(a, (len(a), -1))
        return np.reshape(np.dot(np.tanh(np.dot(flat, w) + 0.3), v) + 0.5, np.shape(a))

    return m


def by_hand(a):
    """m(a) = a W + b: its shift of the second coordinate is 1.5 a_1 + 0.25, if a_2 is 0."""
    return np.dot(a, np.array([[4.0, 1.5], [-2.0, 7.0]])) + np.array([9.0, 0.25])


def first_two(d):
    return (np.arange(d) < 2).astype(float)


def board(height, width):
    row, column = np.indices((height, width))
    return ((row + column) % 2 == 0).astype(float)[:, :, None]


forward = Exercise(
    "flow/06/additive_forward",
    target="minigen.flow.coupling:additive_forward",
    minutes=10,
    blocked=["minigen.flow.coupling:additive_inverse", "minigen.flow.coupling:additive_shift"],
    prompt=r"""
    Return NICE's additive coupling in the direction that generates, `z` to $x$: a tuple of $x$ and
    $\log |\det \mathrm{d}x/\mathrm{d}z|$. Where `mask` is 1, `z` is kept. Where it is 0, `z` is
    shifted by the output of `m` for the kept half. The results must be differentiable: write the
    function with `np`, which is autograd's.

    `z` has shape $(N, \dots)$, where an example is a vector or an image, and $x$ has the same
    shape. The log-determinant has shape $(N,)$, one number for each example.
    """
    + SHAPES,
    hints="""
    The kept half passes through, so its shift is 0. The other half is shifted, never stretched.

    x = z + (1 - mask) m(mask z). The Jacobian is triangular with 1 all along its diagonal:
    determinant 1, logarithm 0.

        return z + (1 - mask) * m(mask * z), np.zeros(len(z))
    """,
)


@forward.case(points=1, kind="equation", expect={"x": [[2.0, 6.25]], "log_det": [0.0]})
def two_coordinates(impl, rng):
    """The first, 2, is kept, and shifts the second, 3, by 1.5 * 2 + 0.25."""
    x, log_det = impl(np.array([[2.0, 3.0]]), by_hand, np.array([1.0, 0.0]))
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="equation")
def vectors(impl, rng):
    z = rng.standard_normal((3, 5))
    x, log_det = impl(z, net(rng, 5)[0], first_two(5))
    return {"x": x, "log_det": log_det}


@forward.case(points=1, kind="equation")
def what_the_network_sees(impl, rng):
    """The array that m is given: the kept half of z, and 0 elsewhere."""
    seen = []

    def m(a):
        seen.append(a)
        return np.ones(np.shape(a))

    impl(rng.standard_normal((3, 4)), m, np.array([0.0, 1.0, 1.0, 0.0]))
    return {"a": seen[0]}


@forward.case(
    points=2, kind="equation", property=True, expect={"kept half": 0.0, "log_det": 0.0, "gap": 0.0}
)
def volume(impl, rng):
    """It preserves volume: the determinant of the Jacobian, found by differentiation, is 1."""
    z, mask = rng.standard_normal((2, 4)), np.array([0.0, 1.0, 0.0, 1.0])
    m, _, _ = net(rng, 4)
    x, log_det = impl(z, m, mask)
    J = jacobian(lambda v: impl(v, m, mask)[0])(z[:1]).reshape(4, 4)
    return {
        "kept half": mask * (x - z),
        "log_det": log_det,
        "gap": np.linalg.det(J) - 1,
    }


@forward.case(points=2, kind="shapes")
def images(impl, rng):
    """Images of two channels, of which a checkerboard is kept; the mask has one channel."""
    z = rng.standard_normal((3, 4, 2, 2))
    x, log_det = impl(z, net(rng, (4, 2, 2))[0], board(4, 2))
    return {"x": x, "log_det": log_det}


@forward.case(points=2, kind="gradient")
def gradients(impl, rng):
    z, c = rng.standard_normal((2, 3, 4))
    m, w, v = net(rng, 4)
    mask = first_two(4)
    return {
        "grad_z": grad(lambda z: np.sum(c * impl(z, m, mask)[0]))(z),
        "grad_w": grad(lambda w: np.sum(c * impl(z, with_weights(w, v), mask)[0]))(w),
    }


@forward.case(points=1, kind="extremes", rtol=1e-5, expect={"x": [[-4.0, 1001.5, -1000.5]]})
def large_shifts(impl, rng):
    """Shifts of 1e20, 1000 and -1000 in float32, the first on the kept half."""
    z = np.array([[-4.0, 1.5, -0.5]], np.float32)
    x, log_det = impl(
        z, lambda a: np.array([[1e20, 1e3, -1e3]], np.float32), np.array([1, 0, 0], np.float32)
    )
    return {"x": x, "log_det": log_det}


inverse = Exercise(
    "flow/06/additive_inverse",
    target="minigen.flow.coupling:additive_inverse",
    minutes=10,
    blocked=["minigen.flow.coupling:additive_forward", "minigen.flow.coupling:additive_shift"],
    prompt=r"""
    Return NICE's additive coupling in the direction that infers, `x` to $z$: a tuple of $z$ and
    $\log |\det \mathrm{d}z/\mathrm{d}x|$. $z$ is the point that `additive_forward` maps to `x`,
    with the same `m` and `mask`. Both must be differentiable.

    `x` has shape $(N, \dots)$, where an example is a vector or an image, and $z$ has the same
    shape. The log-determinant has shape $(N,)$, one number for each example.
    """
    + SHAPES,
    hints="""
    The kept half of x is that of z, so the input of m is still there. Compute the same shift again.

    z = x - (1 - mask) m(mask x). Nothing is stretched, so the log-determinant is 0.

        return x - (1 - mask) * m(mask * x), np.zeros(len(x))
    """,
)


@inverse.case(points=1, kind="equation", expect={"z": [[2.0, 3.0]], "log_det": [0.0]})
def two_coordinates_back(impl, rng):
    """The first, 2, is kept, and had moved the second by 1.5 * 2 + 0.25 to 6.25."""
    z, log_det = impl(np.array([[2.0, 6.25]]), by_hand, np.array([1.0, 0.0]))
    return {"z": z, "log_det": log_det}


@inverse.case(points=2, kind="equation")
def vectors_back(impl, rng):
    x = rng.standard_normal((3, 5))
    z, log_det = impl(x, net(rng, 5)[0], first_two(5))
    return {"z": z, "log_det": log_det}


@inverse.case(points=2, kind="equation", property=True, expect={"z": 0.0, "log_det": 0.0})
def there_and_back(impl, rng):
    """It inverts two couplings, the last one first, which keep different halves."""
    z, mask = rng.standard_normal((3, 4)), np.array([1.0, 0.0, 0.0, 1.0])
    m, _, _ = net(rng, 4)
    n, _, _ = net(rng, 4)
    x = z + (1 - mask) * m(mask * z)
    x = x + mask * n((1 - mask) * x)
    back, one = impl(x, n, 1 - mask)
    back, two = impl(back, m, mask)
    return {"z": back - z, "log_det": one + two}


@inverse.case(points=2, kind="shapes")
def images_back(impl, rng):
    """Images of two channels, of which a checkerboard is kept; the mask has one channel."""
    x = rng.standard_normal((3, 4, 2, 2))
    z, log_det = impl(x, net(rng, (4, 2, 2))[0], board(4, 2))
    return {"z": z, "log_det": log_det}


@inverse.case(points=2, kind="gradient")
def gradients_back(impl, rng):
    x, c = rng.standard_normal((2, 3, 4))
    m, w, v = net(rng, 4)
    mask = first_two(4)
    return {
        "grad_x": grad(lambda x: np.sum(c * impl(x, m, mask)[0]))(x),
        "grad_w": grad(lambda w: np.sum(c * impl(x, with_weights(w, v), mask)[0]))(w),
    }


@inverse.case(points=1, kind="extremes", rtol=1e-5, expect={"z": [[-4.0, -998.5, 999.5]]})
def large_shifts_back(impl, rng):
    """Shifts of 1e20, 1000 and -1000 in float32, the first on the kept half."""
    x = np.array([[-4.0, 1.5, -0.5]], np.float32)
    z, log_det = impl(
        x, lambda a: np.array([[1e20, 1e3, -1e3]], np.float32), np.array([1, 0, 0], np.float32)
    )
    return {"z": z, "log_det": log_det}


scale = Exercise(
    "flow/06/diagonal_scale",
    target="minigen.flow.coupling:diagonal_scale",
    minutes=5,
    prompt=r"""
    Return NICE's last layer, in which every coordinate has a scale of its own: a tuple of
    $x = \exp(\mathrm{log\_scale})\, z$ and $\log |\det \mathrm{d}x/\mathrm{d}z|$. Both must be
    differentiable with respect to `z` and `log_scale`.

    `z` has shape $(N, \dots)$, where an example is a vector $(D,)$ or an image $(H, W, C)$;
    `log_scale` has the shape of one example. The log-determinant has shape $(N,)$, one number for
    each example. It must be right wherever it is finite, even where the determinant itself is too
    large or too small for a floating-point number.
    """,
    hints="""
    The Jacobian is diagonal, with the scales on it, whatever z is.

    log of the product of exp(log_scale_i) = the sum of log_scale_i, over all coordinates of one
    example; the same for each of the N examples.

        return np.exp(log_scale) * z, np.sum(log_scale) * np.ones(len(z))
    """,
)


@scale.case(
    points=1,
    kind="equation",
    expect={"x": [[3.0, -6.0, 1.0], [1.0, 0.0, -2.0]], "log_det": 2 * [np.log(1.5)]},
)
def three_coordinates(impl, rng):
    """Scales 2, 3 and 1/4: the volume grows by a factor of 6/4, even where a coordinate is 0."""
    z = np.array([[1.5, -2.0, 4.0], [0.5, 0.0, -8.0]])
    x, log_det = impl(z, np.log(np.array([2.0, 3.0, 0.25])))
    return {"x": x, "log_det": log_det}


@scale.case(points=2, kind="equation")
def more_vectors(impl, rng):
    x, log_det = impl(rng.standard_normal((2, 5)), rng.standard_normal(5))
    return {"x": x, "log_det": log_det}


@scale.case(points=2, kind="shapes")
def images_scaled(impl, rng):
    """Images (3, 2, 2): a scale for every pixel and channel."""
    x, log_det = impl(rng.standard_normal((4, 3, 2, 2)), rng.standard_normal((3, 2, 2)))
    return {"x": x, "log_det": log_det}


@scale.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-8)
def jacobian_agrees(impl, rng):
    """The log-determinant is that of the Jacobian by differentiation."""
    z, s = rng.standard_normal((1, 4)), rng.standard_normal(4)
    J = jacobian(lambda v: impl(v, s)[0])(z).reshape(4, 4)
    return {"gap": impl(z, s)[1][0] - np.linalg.slogdet(J)[1]}


@scale.case(points=2, kind="equation", property=True, expect={"z": 0.0, "log_det": 0.0})
def undone(impl, rng):
    """The negative log-scale inverts the layer, and the log-determinants cancel."""
    z, s = rng.standard_normal((3, 4)), rng.standard_normal(4)
    x, there = impl(z, s)
    back, log_det = impl(x, -s)
    return {"z": back - z, "log_det": there + log_det}


@scale.case(points=2, kind="gradient")
def gradients_of_scales(impl, rng):
    z, c, s = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), rng.standard_normal(4)
    weight = np.array([1.0, 2.0, 3.0])

    def total(z, s):
        x, log_det = impl(z, s)
        return np.sum(c * x) + np.sum(weight * log_det)

    return {
        "grad_z": grad(lambda z: total(z, s))(z),
        "grad_log_scale": grad(lambda s: total(z, s))(s),
    }


@scale.case(
    points=2,
    kind="extremes",
    fixed=True,
    expect={"log_det": [-2400.0, -2400.0], "log_det up": [1200.0]},
)
def tiny_and_huge_determinants(impl, rng):
    """Three scales of exp(-800), or of exp(400): only the logarithm can be written down."""
    x, log_det = impl(rng.standard_normal((2, 3)), np.full(3, -800.0))
    _, up = impl(rng.standard_normal((1, 3)), np.full(3, 400.0))
    return {"x": x, "log_det": log_det, "log_det up": up}


@scale.case(points=1, kind="extremes", rtol=1e-5)
def single_precision(impl, rng):
    z, s = np.float32(rng.standard_normal((3, 4))), np.float32(20 * rng.standard_normal(4))
    x, log_det = impl(z, s)
    return {"x": x, "log_det": log_det}
