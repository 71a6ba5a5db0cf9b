"""Exercises of RealNVP: the affine coupling, both ways, and how much it stretches space."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, jacobian

SHAPES = """
    mask says for each coordinate whether it is kept (1) or changed (0); it broadcasts against one
    example. s and t are what a network made of the kept half: full arrays, whose entries on the
    kept half mean nothing and must have no effect.
"""


def layer(rng, n=4, d=4):
    """Inputs, raw scales and shifts that are not zero anywhere, and a mask."""
    a, s, t = rng.standard_normal((3, n, d))
    return a, s, t, (np.arange(d) < d // 2).astype(float)


def picture_layer(rng):
    a, s, t = rng.standard_normal((3, 2, 4, 4, 2))
    row, column = np.indices((4, 4))
    return a, s, t, ((row + column) % 2 == 0).astype(float)[:, :, None]


# -------------------------------------------------------------------------------------------
# forward

forward = Exercise(
    "flow/05/affine_forward",
    target="minigen.flow.coupling:affine_forward",
    minutes=10,
    prompt=f"""
    The affine coupling in the direction that generates: where the mask is 1, x = z; where it is 0, x = z exp(s) + t.
    Return x and log |det dx/dz|.

    z, s and t have shape (N, ...), and so has x; the log-determinant has shape (N,), one number for each example.

    {SHAPES}
    """,
    hints=[
        "Make s and t zero on the kept half; then one formula serves both halves.",
        (
            "The Jacobian is triangular, with 1 on the diagonal for the kept half and exp(s) for"
            " the changed one, so log |det| is the sum of s over the changed coordinates of each"
            " example."
        ),
        (
            "With u = (1 - mask) * s: x is z * np.exp(u) + (1 - mask) * t, and the log-determinant"
            " is the sum of u over all axes but the first."
        ),
    ],
)


@forward.case(points=1, expect={"x": [[2.0, 7.0]], "log_det": [np.log(2.0)]})
def two_coordinates(impl, rng):
    """The first is kept; the second is doubled and moved by 1."""
    z, s, t = np.array([[2.0, 3.0]]), np.array([[5.0, np.log(2.0)]]), np.array([[-9.0, 1.0]])
    x, log_det = impl(z, s, t, np.array([1.0, 0.0]))
    return {"x": x, "log_det": log_det}


@forward.case(points=2)
def vectors(impl, rng):
    x, log_det = impl(*layer(rng))
    return {"x": x, "log_det": log_det}


@forward.case(
    points=2,
    property="the log-determinant is that of the Jacobian by differentiation",
    expect={"gap": 0.0},
    rtol=0,
    atol=1e-8,
)
def jacobian_agrees(impl, rng):
    z, s, t, mask = layer(rng, n=1)
    matrix = jacobian(lambda v: impl(v, s, t, mask)[0])(z).reshape(4, 4)
    return {"gap": impl(z, s, t, mask)[1][0] - np.linalg.slogdet(matrix)[1]}


@forward.case(points=1, property="the kept half passes through", expect={"gap": 0.0})
def kept_half(impl, rng):
    z, s, t, mask = layer(rng)
    return {"gap": mask * (impl(z, s, t, mask)[0] - z)}


@forward.case(points=2)
def pictures(impl, rng):
    x, log_det = impl(*picture_layer(rng))
    return {"x": x, "log_det": log_det}


@forward.case(points=1)
def gradients(impl, rng):
    z, s, t, mask = layer(rng)

    def total(v):
        x, log_det = impl(z, v, t, mask)
        return np.sum(x**2) + np.sum(log_det)

    return {"grad_s": grad(total)(s)}


def over_coordinates(a):
    return np.sum(np.reshape(a, (len(a), -1)), axis=1)


@forward.mistake(hint="The halves are swapped: mask = 1 means kept.")
def wrong_half_forward(z, s, t, mask):
    s, t = mask * s, mask * t
    return z * np.exp(s) + t, over_coordinates(s)


@forward.mistake(hint="The mask is forgotten: s and t must have no effect on the kept half.")
def no_mask_forward(z, s, t, mask):
    return z * np.exp(s) + t, over_coordinates(s)


@forward.mistake(hint="The log-determinant of the direction called, z to x, has a plus.")
def sign_forward(z, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, -over_coordinates(s)


@forward.mistake(hint="This is the determinant; its logarithm is asked for.")
def determinant_itself(z, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, np.exp(over_coordinates(s))


@forward.mistake(hint="The log-determinant sums the changed half only; x is right.")
def sums_all_of_s(z, s, t, mask):
    return z * np.exp((1 - mask) * s) + (1 - mask) * t, over_coordinates(s)


@forward.mistake(hint="Scale first, then shift: z exp(s) + t, not (z + t) exp(s).")
def shifts_first(z, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return (z + t) * np.exp(s), over_coordinates(s)


@forward.mistake(hint="s is the logarithm of the scale: multiply by exp(s).")
def scale_without_exp(z, s, t, mask):
    scale = mask + (1 - mask) * s
    return z * scale + (1 - mask) * t, over_coordinates(np.log(np.abs(scale)))


@forward.mistake(hint="The kept half is missing from x: it passes through unchanged.")
def kept_half_lost(z, s, t, mask):
    return (1 - mask) * (z * np.exp(s) + t), over_coordinates((1 - mask) * s)


@forward.mistake(
    hint="One log-determinant for each example: sum over its coordinates, do not average."
)
def averages_s(z, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(s) / s[0].size


@forward.variant
def half_by_half(z, s, t, mask):
    """Each half by itself."""
    kept, changed = mask * z, (1 - mask) * (z * np.exp(s) + t)
    log_det = np.sum((s - mask * s).reshape(len(z), -1), axis=-1)
    return kept + changed, log_det


# -------------------------------------------------------------------------------------------
# inverse

inverse = Exercise(
    "flow/05/affine_inverse",
    target="minigen.flow.coupling:affine_inverse",
    minutes=10,
    prompt=f"""
    The affine coupling in the direction that infers: given x, the z from which x = z on the kept half (mask 1) and
    x = z exp(s) + t on the changed one (mask 0). Return z and log |det dz/dx|.

    x, s and t have shape (N, ...), and so has z; the log-determinant has shape (N,), one number for each example.

    {SHAPES}
    """,
    hints=[
        (
            "Solve x = z exp(s) + t for z. s and t come from the kept half, which is the same on"
            " both sides, so no network has to be inverted."
        ),
        (
            "z = (x - t) exp(-s) on the changed half. The determinant is the reciprocal of the"
            " other direction's."
        ),
        (
            "With u = (1 - mask) * s: z is (x - (1 - mask) * t) * np.exp(-u), and the"
            " log-determinant is minus the sum of u."
        ),
    ],
)


@inverse.case(points=1, expect={"z": [[2.0, 3.0]], "log_det": [-np.log(2.0)]})
def two_coordinates_back(impl, rng):
    """The first is kept; from the second 1 is taken, then it is halved."""
    x, s, t = np.array([[2.0, 7.0]]), np.array([[5.0, np.log(2.0)]]), np.array([[-9.0, 1.0]])
    z, log_det = impl(x, s, t, np.array([1.0, 0.0]))
    return {"z": z, "log_det": log_det}


@inverse.case(points=2)
def vectors_back(impl, rng):
    z, log_det = impl(*layer(rng))
    return {"z": z, "log_det": log_det}


@inverse.case(
    points=2,
    property="it undoes the forward map, and the log-determinants cancel",
    expect={"z": 0.0, "log_det": 0.0},
)
def there_and_back(impl, rng):
    z, s, t, mask = layer(rng)
    x = mask * z + (1 - mask) * (z * np.exp(s) + t)
    back, log_det = impl(x, s, t, mask)
    return {"z": back - z, "log_det": log_det + np.sum((1 - mask) * s, axis=1)}


@inverse.case(points=2)
def pictures_back(impl, rng):
    z, log_det = impl(*picture_layer(rng))
    return {"z": z, "log_det": log_det}


@inverse.case(points=1)
def gradients_back(impl, rng):
    x, s, t, mask = layer(rng)

    def nll(v):
        z, log_det = impl(x, v, t, mask)
        return 0.5 * np.sum(z**2) - np.sum(log_det)

    return {"grad_s": grad(nll)(s)}


@inverse.mistake(hint="The halves are swapped: mask = 1 means kept.")
def wrong_half_back(x, s, t, mask):
    s, t = mask * s, mask * t
    return (x - t) * np.exp(-s), -over_coordinates(s)


@inverse.mistake(hint="The mask is forgotten: s and t must have no effect on the kept half.")
def no_mask_back(x, s, t, mask):
    return (x - t) * np.exp(-s), -over_coordinates(s)


@inverse.mistake(hint="The log-determinant of the direction called, x to z, has a minus.")
def sign_back(x, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x - t) * np.exp(-s), over_coordinates(s)


@inverse.mistake(hint="Undo in the reverse order: take t away first, then divide by exp(s).")
def divides_first(x, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return x * np.exp(-s) - t, -over_coordinates(s)


@inverse.mistake(hint="Divide by the scale: exp(-s), not exp(s).")
def scales_again(x, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x - t) * np.exp(s), -over_coordinates(s)


@inverse.mistake(hint="Take the shift away: x - t.")
def shifts_again(x, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x + t) * np.exp(-s), -over_coordinates(s)


@inverse.mistake(hint="This is the forward map, z exp(s) + t; solve it for z.")
def forward_again(x, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return x * np.exp(s) + t, over_coordinates(s)


@inverse.mistake(hint="The log-determinant sums the changed half only; z is right.")
def sums_all_of_s_back(x, s, t, mask):
    return (x - (1 - mask) * t) * np.exp(-(1 - mask) * s), -over_coordinates(s)


@inverse.variant
def by_division(x, s, t, mask):
    z = mask * x + (1 - mask) * (x - t) / np.exp(s)
    return z, np.sum(((mask - 1) * s).reshape(len(x), -1), axis=-1)


# ------------------------------------------------------------------------------------------- the
# log-determinant

log_det = Exercise(
    "flow/05/affine_log_det",
    target="minigen.flow.coupling:affine_log_det",
    minutes=5,
    prompt=f"""
    log |det dx/dz| of the affine coupling x = z (mask 1), x = z exp(s) + t (mask 0), from s and mask alone.

    s has shape (N, ...), an example being a vector or a picture; the result has shape (N,), one number for each example.

    {SHAPES}
    """,
    hints=[
        (
            "Order the coordinates with the kept half first: the Jacobian is lower triangular, so"
            " only its diagonal matters."
        ),
        (
            "The diagonal is 1 on the kept half and exp(s) on the changed half; the logarithm of"
            " the product is a sum."
        ),
        "Sum (1 - mask) * s over all axes but the first: reshape to (N, -1) first.",
    ],
)


@log_det.case(points=1, expect={"log_det": [2.0, 6.0]})
def numbers_to_add(impl, rng):
    return {
        "log_det": impl(np.array([[7.0, -1.0, 3.0], [7.0, 2.0, 4.0]]), np.array([1.0, 0.0, 0.0]))
    }


@log_det.case(points=2)
def random_scales(impl, rng):
    _, s, _, mask = layer(rng, d=6)
    return {"log_det": impl(s, mask)}


@log_det.case(
    points=2,
    property="it is the sum of the logarithms of the scales that a matrix shows",
    expect={"gap": 0.0},
    atol=1e-8,
)
def against_a_matrix(impl, rng):
    _, s, _, mask = layer(rng, n=1)
    matrix = np.diag(np.where(mask == 1, 1.0, np.exp(s[0]))) + np.tril(
        rng.standard_normal((4, 4)), -1
    )
    return {"gap": impl(s, mask)[0] - np.linalg.slogdet(matrix)[1]}


@log_det.case(points=2)
def scales_of_pictures(impl, rng):
    _, s, _, mask = picture_layer(rng)
    return {"log_det": impl(s, mask)}


@log_det.mistake(
    hint="The halves are swapped: mask = 1 means kept, and what is kept is not stretched."
)
def wrong_half(s, mask):
    return over_coordinates(mask * s)


@log_det.mistake(hint="Only the changed half is stretched: leave out s where the mask is 1.")
def no_mask(s, mask):
    return over_coordinates(s)


@log_det.mistake(hint="From z to x the space is stretched by exp(s): plus, not minus.")
def sign(s, mask):
    return -over_coordinates((1 - mask) * s)


@log_det.mistake(
    hint="The determinant is a product of exp(s), so its logarithm is the sum of s, without exp."
)
def sum_of_scales(s, mask):
    return over_coordinates((1 - mask) * np.exp(s))


@log_det.mistake(hint="Sum over the coordinates of an example, do not average.")
def mean_of_s(s, mask):
    return over_coordinates((1 - mask) * s) / s[0].size


@log_det.mistake(hint="One number for each example: do not sum over the batch.")
def over_the_batch(s, mask):
    return np.sum((1 - mask) * s)


@log_det.mistake(hint="Sum over all axes of a picture but the first, not only the last.")
def last_axis_only(s, mask):
    return np.sum((1 - mask) * s, axis=-1)


@log_det.mistake(hint="The scale is exp(s), so |s| has no place: a negative s shrinks.")
def absolute_values(s, mask):
    return over_coordinates((1 - mask) * np.abs(s))


@log_det.variant
def all_minus_kept(s, mask):
    axes = tuple(range(1, s.ndim))
    return np.sum(s, axis=axes) - np.sum(mask * s, axis=axes)


@log_det.variant
def where_changed(s, mask):
    return np.array([np.where(np.broadcast_to(mask, one.shape) == 1, 0.0, one).sum() for one in s])
