"""Exercises on new digits: the shapes that come out of a DCGAN's blocks, and the walk between two
latents."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.nn import Conv2d, ConvTranspose2d

# ------------------------------------------------------------------------------------------- output
# shapes

shape = Exercise(
    "gan/13/block_shape",
    target="minigen.gan.networks:block_shape",
    minutes=15,
    prompt="""
    What shape comes out of one block of a DCGAN? In goes a batch of images of shape (N, H, W, C).
    Return the shape of what comes out, a tuple of four whole numbers (N, H', W', channels).

    kernel, stride and padding are whole numbers, the same both ways. With transposed=False the
    block is a convolution: the image gets `padding` rows and columns of zeros on every side, the
    kernel is laid on it every `stride` pixels, and each place where it fits as a whole gives one
    number. With transposed=True it goes the other way: each pixel stamps a whole kernel, stamps
    begin `stride` pixels apart, and at the end `padding` pixels are cut off on every side.
    """,
    hints=[
        (
            "Take one row of pixels. Convolution: how long is it with its padding, and where can"
            " the kernel start? Transposed: where does the last stamp start, and where does it end?"
            " N and the new channels do not depend on it."
        ),
        (
            "Convolution: (H + 2 padding - kernel) // stride + 1. Transposed: (H - 1) stride +"
            " kernel - 2 padding."
        ),
        "Compute both sides with the same formula, and return (shape[0], height, width, channels).",
    ],
)


@shape.case(points=1, expect={"shape": [8, 14, 14, 32]})
def half_the_side(impl, rng):
    """A discriminator's first block: 28 x 28 with kernel 4, stride 2, padding 1."""
    return {"shape": np.array(impl((8, 28, 28, 1), 32, 4, 2, 1))}


@shape.case(points=1, expect={"shape": [8, 14, 14, 32]})
def twice_the_side(impl, rng):
    """A generator's block: 7 x 7 with kernel 4, stride 2, padding 1, transposed."""
    return {"shape": np.array(impl((8, 7, 7, 64), 32, 4, 2, 1, transposed=True))}


@shape.case(points=1, expect={"down": [2, 3, 4, 5], "up": [2, 13, 19, 5]})
def not_square(impl, rng):
    """5 x 7 pixels, kernel 3, stride 2 and padding 1 down; kernel 5, stride 3 and padding 2 up:
    what is over is dropped."""
    return {
        "down": np.array(impl((2, 5, 8, 3), 5, 3, 2, 1)),
        "up": np.array(impl((2, 5, 7, 3), 5, 5, 3, 2, transposed=True)),
    }


@shape.case(
    points=2, property="it is the shape that the live layer gives", expect={"down": 0, "up": 0}
)
def live_layers(impl, rng):
    gaps = {}
    for name, layer, transposed in [("down", Conv2d, False), ("up", ConvTranspose2d, True)]:
        height, width, c, out = (int(k) for k in rng.integers(5, 9, 4))
        kernel, stride, padding = (
            int(rng.integers(3, 6)),
            int(rng.integers(2, 4)),
            int(rng.integers(0, 2)),
        )
        x = rng.standard_normal((3, height, width, c), dtype=np.float32)
        real = layer(rng, c, out, kernel, stride, padding)(x).shape
        gaps[name] = np.abs(
            np.array(impl(x.shape, out, kernel, stride, padding, transposed)) - np.array(real)
        ).sum()
    return gaps


@shape.case(points=2)
def many_blocks(impl, rng):
    rows = []
    for _ in range(12):
        sizes = tuple(int(k) for k in rng.integers(6, 30, 4))
        kernel, stride, padding, channels = (
            int(rng.integers(*span)) for span in [(2, 6), (1, 4), (0, 3), (1, 64)]
        )
        rows += [
            impl(sizes, channels, kernel, stride, padding, transposed)
            for transposed in (False, True)
        ]
    return {"shapes": np.array(rows)}


def sides(shape, side, channels):
    """The shape with the function `side` applied to height and width."""
    return shape[0], side(shape[1]), side(shape[2]), channels


@shape.mistake(
    hint="The kernel takes room: its first place is at 0, its last at H + 2 padding - kernel."
)
def kernel_forgotten(shape, channels, kernel, stride, padding, transposed=False):
    up, down = lambda h: h * stride, lambda h: -(-h // stride)
    return sides(shape, up if transposed else down, channels)


@shape.mistake(
    hint="Count the places, not the steps between them: one more than the number of steps."
)
def one_place_short(shape, channels, kernel, stride, padding, transposed=False):
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride,
    )
    return sides(shape, up if transposed else down, channels)


@shape.mistake(hint="Padding lies on both sides of a row: it counts twice.")
def padding_on_one_side(shape, channels, kernel, stride, padding, transposed=False):
    up, down = (
        lambda h: (h - 1) * stride - padding + kernel,
        lambda h: (h + padding - kernel) // stride + 1,
    )
    return sides(shape, up if transposed else down, channels)


@shape.mistake(hint="A transposed convolution cuts the padding off: it makes the result smaller.")
def padding_added_when_transposed(shape, channels, kernel, stride, padding, transposed=False):
    up, down = (
        lambda h: (h - 1) * stride + 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride + 1,
    )
    return sides(shape, up if transposed else down, channels)


@shape.mistake(hint="transposed=True goes the other way: it makes a small image large.")
def never_transposed(shape, channels, kernel, stride, padding, transposed=False):
    return sides(shape, lambda h: (h + 2 * padding - kernel) // stride + 1, channels)


@shape.mistake(
    hint="Between H stamps there are H - 1 steps of `stride`; the last stamp adds a whole kernel."
)
def a_step_too_many(shape, channels, kernel, stride, padding, transposed=False):
    up, down = (
        lambda h: h * stride - 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride + 1,
    )
    return sides(shape, up if transposed else down, channels)


@shape.mistake(hint="A place where the kernel does not fit as a whole gives nothing: round down.")
def rounded_up(shape, channels, kernel, stride, padding, transposed=False):
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: -(-(h + 2 * padding - kernel) // stride) + 1,
    )
    return sides(shape, up if transposed else down, channels)


@shape.mistake(
    hint="How many channels come out is the block's choice (`channels`), whatever came in."
)
def channels_kept(shape, channels, kernel, stride, padding, transposed=False):
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride + 1,
    )
    return sides(shape, up if transposed else down, shape[3])


@shape.mistake(
    hint=(
        "Images are (N, H, W, C), channels last: the two sides are the second and the third number."
    )
)
def channels_first(shape, channels, kernel, stride, padding, transposed=False):
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride + 1,
    )
    side = up if transposed else down
    return shape[0], channels, side(shape[1]), side(shape[2])


@shape.mistake(
    hint="Height and width are each computed from their own side; images need not be square."
)
def always_square(shape, channels, kernel, stride, padding, transposed=False):
    up, down = (
        lambda h: (h - 1) * stride - 2 * padding + kernel,
        lambda h: (h + 2 * padding - kernel) // stride + 1,
    )
    height = (up if transposed else down)(shape[1])
    return shape[0], height, height, channels


@shape.variant
def by_counting(shape, channels, kernel, stride, padding, transposed=False):
    def side(h):
        if transposed:
            ends = [place * stride + kernel for place in range(h)]
            return max(ends) - 2 * padding
        return len(range(0, h + 2 * padding - kernel + 1, stride))

    return sides(shape, side, channels)


@shape.variant
def both_sides_at_once(shape, channels, kernel, stride, padding, transposed=False):
    h = np.array(shape[1:3])
    h = (
        stride * (h - 1) + kernel - 2 * padding
        if transposed
        else (h - kernel + 2 * padding + stride) // stride
    )
    return tuple([shape[0], *(int(side) for side in h), channels])


# -------------------------------------------------------------------------------------------
# between two latents

walk = Exercise(
    "gan/13/interpolate_spherical",
    target="minigen.gan.interpolation:interpolate_spherical",
    minutes=15,
    rtol=1e-7,
    prompt="""
    The way from one latent vector to another along the sphere: points (T, D) at the times t (T,),
    which is at a (D,) for t = 0 and at b (D,) for t = 1.

    Let Omega be the angle between a and b, in radians. At time t the point is made of a and b, each
    with its own weight, and a weight is a sine of a part of Omega over the sine of Omega. If a and
    b are equally long, every point on the way is as long as they are, and the walk has one speed.
    If they point the same way (the sine of Omega is below 1e-5) go straight: the mean of a and b
    with weights 1 - t and t. a and b are never 0 and never opposite.
    """,
    hints=[
        (
            "What is the angle between two vectors that need not have length 1? What are the two"
            " weights at t = 0 and at t = 1?"
        ),
        (
            "cos Omega = a.b / (|a| |b|); the point is (sin((1 - t) Omega) a + sin(t Omega) b) /"
            " sin Omega."
        ),
        (
            "Make t a column, t[:, None]. omega = np.arccos(np.clip(a @ b / (np.linalg.norm(a) *"
            " np.linalg.norm(b)), -1, 1))."
        ),
    ],
)


@walk.case(points=1, expect={"path": [[1.0, 0.0], [0.5**0.5, 0.5**0.5], [0.0, 1.0]]})
def a_quarter_turn(impl, rng):
    """From east to north: northeast in the middle, at length 1."""
    return {"path": impl(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0]))}


@walk.case(points=1, expect={"path": [[3**0.5, 1.0]]})
def a_third_of_the_way(impl, rng):
    """A quarter turn at radius 2: after a third of it the angle is 30 degrees."""
    return {"path": impl(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.array([1 / 3]))}


@walk.case(points=2)
def of_two_lengths(impl, rng):
    a, b = rng.standard_normal(6), 2 * rng.standard_normal(6)
    return {"path": impl(a, b, rng.random(5))}


@walk.case(
    points=2,
    property="the sphere is not left, and the steps are equally long",
    expect={"length": 0.0, "steps": 0.0},
)
def on_the_sphere(impl, rng):
    a, b = rng.standard_normal((2, 20))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    path = impl(a, b, np.linspace(0, 1, 8))
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    return {"length": np.linalg.norm(path, axis=1) - np.linalg.norm(a), "steps": steps - steps[0]}


@walk.case(
    points=1, expect={"path": [[1.0, 0.0], [1.5, 0.0], [2.0, 0.0]], "rounded": [[1.25, 1.25, 1.25]]}
)
def the_same_direction(impl, rng):
    """Omega is 0: the straight way, not 0/0. For the second pair rounding would give a cosine above
    1."""
    t = np.array([0.0, 0.5, 1.0])
    ones = np.ones(3)
    return {
        "path": impl(np.array([1.0, 0.0]), np.array([2.0, 0.0]), t),
        "rounded": impl(ones, 2 * ones, np.array([0.25])),
    }


@walk.case(points=1, expect={"path": [[0.5, 0.75**0.5]]})
def an_obtuse_angle(impl, rng):
    """Half of the way around a third of the circle."""
    return {"path": impl(np.array([1.0, 0.0]), np.array([-0.5, 0.75**0.5]), np.array([0.5]))}


def angle(a, b):
    return np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))


def spherical(a, b, t, omega):
    t = t[:, None]
    if np.sin(omega) < 1e-5:
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)


@walk.mistake(hint="This is the straight way: halfway it is too near to the origin.")
def straight(a, b, t):
    return (1 - t[:, None]) * a + t[:, None] * b


@walk.mistake(hint="It walks from b to a: the weight of a must be 1 at t = 0.")
def backward(a, b, t):
    return spherical(b, a, t, angle(a, b))


@walk.mistake(
    hint="a.b is the cosine of the angle only for vectors of length 1: divide by both lengths."
)
def lengths_forgotten(a, b, t):
    return spherical(a, b, t, np.arccos(np.clip(a @ b, -1, 1)))


@walk.mistake(hint="Divide by |a| |b|, not by one of the squares.")
def one_length_squared(a, b, t):
    return spherical(a, b, t, np.arccos(np.clip(a @ b / (a @ a), -1, 1)))


@walk.mistake(
    hint=(
        "The sum of the two sines is not yet the point: divide by sin Omega, so that the weights"
        " are 1 at the ends."
    )
)
def not_divided(a, b, t):
    omega = angle(a, b)
    return spherical(a, b, t, omega) * (np.sin(omega) if np.sin(omega) >= 1e-5 else 1)


@walk.mistake(
    hint="Pushing the straight way out to the sphere gives the right arc, but not at one speed."
)
def pushed_out(a, b, t):
    path = (1 - t[:, None]) * a + t[:, None] * b
    length = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
    return path / np.linalg.norm(path, axis=1, keepdims=True) * length[:, None]


@walk.mistake(hint="For Omega = 0 the formula is 0/0: take the straight way there.")
def zero_over_zero(a, b, t):
    omega, t = angle(a, b), t[:, None]
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)


@walk.mistake(
    hint=(
        "cos and sin of t times a quarter turn suit only vectors at a right angle: take their own"
        " Omega."
    )
)
def always_a_quarter_turn(a, b, t):
    t = t[:, None]
    if np.sin(angle(a, b)) < 1e-5:
        return (1 - t) * a + t * b
    return np.cos(t * np.pi / 2) * a + np.sin(t * np.pi / 2) * b


@walk.mistake(hint="Omega is in radians, as np.sin expects.")
def in_degrees(a, b, t):
    return (
        spherical(a, b, t, np.degrees(angle(a, b)))
        if np.sin(angle(a, b)) >= 1e-5
        else straight(a, b, t)
    )


@walk.mistake(
    hint="The ends are a and b themselves, with their own lengths, not the unit vectors along them."
)
def unit_ends(a, b, t):
    if np.sin(angle(a, b)) < 1e-5:
        return straight(a, b, t)
    return spherical(a / np.linalg.norm(a), b / np.linalg.norm(b), t, angle(a, b))


@walk.variant
def with_an_axis_across(a, b, t):
    """Turn from a toward the part of b that is across a."""
    u = a / np.linalg.norm(a)
    along = b @ u
    omega = np.arctan2(np.linalg.norm(b - along * u), along)
    if omega == 0:
        return straight(a, b, t)
    return np.outer(np.sin((1 - t) * omega) / np.sin(omega), a) + np.outer(
        np.sin(t * omega) / np.sin(omega), b
    )


@walk.variant
def time_by_time(a, b, t):
    omega = angle(a, b)
    if omega == 0:
        return np.array([a + s * (b - a) for s in t])
    return np.array(
        [
            np.sin(omega - s * omega) / np.sin(omega) * a + np.sin(s * omega) / np.sin(omega) * b
            for s in t
        ]
    )


walk.equivalent(
    "np.clip(a @ b / lengths, -1, 1) → np.clip(-1, a @ b / lengths, 1)",
    reason="the ends are never opposite, so the cosine stays above -1",
)
walk.equivalent(
    "np.clip(a @ b / lengths, -1, 1) → np.clip(a @ b / lengths, -2, 1)",
    reason="the ends are never opposite, so the cosine stays above -1",
)
walk.equivalent(
    "np.sin(omega) < PARALLEL → np.sin(omega) <= PARALLEL",
    reason="the sine is never exactly at the bound",
)
walk.equivalent("a @ b → b @ a", reason="the inner product is symmetric")
walk.equivalent("b @ u → u @ b", reason="the inner product is symmetric")
walk.equivalent("angle(a, b) → angle(b, a)", reason="the angle is symmetric")
