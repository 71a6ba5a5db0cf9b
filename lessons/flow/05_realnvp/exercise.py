"""Exercises of RealNVP: the affine coupling in both directions, and how much it stretches space."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, jacobian

KEPT = """
    `mask` is 1 on the kept half, 0 on the changed half, and broadcasts against one example. Entries
    of `s` and `t` on the kept half, up to 1000 and $-1000$, must not affect any result or gradient;
    on the changed half `s` may have any size.
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


log_det = Exercise(
    "flow/05/affine_log_det",
    target="minigen.flow.coupling:affine_log_det",
    minutes=5,
    prompt=r"""
    Return $\log |\det \mathrm{d}x/\mathrm{d}z|$ of the coupling that keeps one half of `z`, scales
    the other half by $\exp(s)$ and shifts it. The result needs only `s` and `mask`.

    `s` has shape $(N, \dots)$, where an example is a vector or an image. The result has shape
    $(N,)$, one number for each example, so the sum runs over all axes but the first. It must be
    differentiable with respect to `s`.

    `mask` is 1 on the kept half, 0 on the changed half, and broadcasts against one example. Entries
    of `s` on the kept half must not affect the result or its gradient. On the changed half `s` may
    be 1000 or $-1000$.
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


forward = Exercise(
    "flow/05/affine_forward",
    target="minigen.flow.coupling:affine_forward",
    minutes=10,
    prompt=r"""
    Return the tuple of $x$ and $\log |\det \mathrm{d}x/\mathrm{d}z|$ of the coupling that
    generates: `z` is kept or, on the changed half, scaled by $\exp(s)$, then shifted by `t`. `z`,
    `s`, `t` and $x$ have shape $(N, \dots)$, the log-determinant $(N,)$. Both must be
    differentiable with respect to `z`, `s` and `t`. Your `affine_log_det` may help.
    """
    + KEPT,
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
    prompt=r"""
    Return the tuple of $z$ and $\log |\det \mathrm{d}z/\mathrm{d}x|$, where $z$ is the input from
    which `affine_forward` makes `x` with the same `s`, `t` and `mask`. `x`, `s`, `t` and $z$ have
    shape $(N, \dots)$, the log-determinant $(N,)$. Both must be differentiable with respect to `x`,
    `s` and `t`. In `float32` the product of `x` and $\exp(-s)$ may overflow where $z$ does not.
    """
    + KEPT,
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
