"""Exercises on new digits: the output shapes of a DCGAN's blocks, and the interpolation between
two latents."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.nn import Conv2d, ConvTranspose2d

shape = Exercise(
    "gan/13/block_shape",
    target="minigen.gan.networks:block_shape",
    minutes=15,
    prompt=r"""
    Return the output shape of one block of a DCGAN: a tuple of four whole numbers
    $(N, H', W', \mathrm{channels})$. The input is a batch of images of the shape $(N, H, W, C)$,
    which is `shape`.

    `kernel`, `stride` and `padding` are whole numbers, the same for height and width. With
    `transposed=False` the block is a convolution: `padding` rows and columns of zeros are added on
    every side, the kernel is placed every `stride` pixels, and each place where the whole kernel
    fits gives one output pixel. With `transposed=True` the block is a transposed convolution: each
    pixel adds a copy of the whole kernel, the copies begin `stride` pixels apart, and finally
    `padding` pixels are removed on every side.
    """,
    hints="""
    Take one row of pixels. Convolution: how long is the row with its padding, and where can the
    kernel start? Transposed: where does the last copy start, and where does it end? N and the new
    channels do not depend on the sides.

    Convolution: (H + 2 padding - kernel) // stride + 1. Transposed: (H - 1) stride + kernel - 2
    padding.

        def side(size):
            if transposed:
                return (size - 1) * stride + kernel - 2 * padding
            return (size + 2 * padding - kernel) // stride + 1
        return shape[0], side(shape[1]), side(shape[2]), channels
    """,
)


@shape.case(points=1, kind="equation", fixed=True, expect={"shape": [8, 14, 14, 32]})
def half_the_side(impl, rng):
    """A discriminator's first block: 28 x 28 with kernel 4, stride 2, padding 1."""
    return {"shape": np.array(impl((8, 28, 28, 1), 32, 4, 2, 1))}


@shape.case(points=1, kind="equation", fixed=True, expect={"shape": [8, 14, 14, 32]})
def twice_the_side(impl, rng):
    """A generator's block: 7 x 7 with kernel 4, stride 2, padding 1, transposed."""
    return {"shape": np.array(impl((8, 7, 7, 64), 32, 4, 2, 1, transposed=True))}


@shape.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"down": [2, 3, 4, 5], "up": [2, 13, 19, 5], "up, with gaps": [2, 14, 20, 5]},
)
def not_square(impl, rng):
    """A convolution of 5 x 8 pixels with kernel 3, stride 2 and padding 1, in which the remainder
    is dropped; a transposed one of 5 x 7 pixels with kernel 5, stride 3 and padding 2, and one with
    kernel 2, stride 3 and no padding, whose copies leave gaps."""
    return {
        "down": np.array(impl((2, 5, 8, 3), 5, 3, 2, 1)),
        "up": np.array(impl((2, 5, 7, 3), 5, 5, 3, 2, transposed=True)),
        "up, with gaps": np.array(impl((2, 5, 7, 3), 5, 2, 3, 0, transposed=True)),
    }


@shape.case(points=2, kind="equation", property=True, expect={"down": 0, "up": 0})
def live_layers(impl, rng):
    """The shape is that of the layer's own output."""
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


@shape.case(points=2, kind="equation")
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


sphere = Exercise(
    "gan/13/interpolate_spherical",
    target="minigen.gan.interpolation:interpolate_spherical",
    minutes=15,
    rtol=1e-7,
    prompt=r"""
    Return the path from one latent vector to another along the sphere: points $(T, D)$ at the times
    `t` $(T,)$. The path is at `a` $(D,)$ for $t = 0$ and at `b` $(D,)$ for $t = 1$.

    Let $\Omega$ be the angle between `a` and `b`, in radians. The point at time `t` is a weighted
    sum of `a` and `b`. Each weight is the sine of a part of $\Omega$, over the sine of $\Omega$. If
    `a` and `b` have the same length, every point of the path has this length, and the speed is
    constant. If `a` and `b` have the same direction (the sine of $\Omega$ is below $10^{-5}$),
    return the straight line, with weights $1 - t$ and `t`. `a` and `b` are never 0 and never
    opposite; $\Omega$ may be more than a right angle. The result need not be differentiable: plain
    NumPy will do.
    """,
    hints="""
    What is the angle between two vectors whose lengths need not be 1? What are the two weights at t
    = 0 and at t = 1?

    cos Omega = a.b / (|a| |b|); the point is (sin((1 - t) Omega) a + sin(t Omega) b) / sin Omega.

        t = t[:, None]
        omega = np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))
        if np.sin(omega) < 1e-5:
            return (1 - t) * a + t * b
        return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)
    """,
)


@sphere.case(
    points=1, kind="equation", expect={"path": [[1.0, 0.0], [0.5**0.5, 0.5**0.5], [0.0, 1.0]]}
)
def a_quarter_turn(impl, rng):
    """From east to north: the midpoint is northeast, at length 1."""
    return {"path": impl(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0]))}


@sphere.case(points=1, kind="equation", expect={"path": [[3**0.5, 1.0]]})
def a_third_of_the_way(impl, rng):
    """A quarter turn at radius 2: after a third of it the angle is 30 degrees."""
    return {"path": impl(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.array([1 / 3]))}


@sphere.case(points=2, kind="equation")
def of_two_lengths(impl, rng):
    a, b = rng.standard_normal(6), 2 * rng.standard_normal(6)
    return {"path": impl(a, b, rng.random(5))}


@sphere.case(points=2, kind="equation", property=True, expect={"length": 0.0, "steps": 0.0})
def on_the_sphere(impl, rng):
    """Every point is on the sphere, and the steps are equally long."""
    a, b = rng.standard_normal((2, 20))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    path = impl(a, b, np.linspace(0, 1, 8))
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    return {"length": np.linalg.norm(path, axis=1) - np.linalg.norm(a), "steps": steps - steps[0]}


@sphere.case(
    points=1,
    kind="extremes",
    expect={"path": [[1.0, 0.0], [1.5, 0.0], [2.0, 0.0]], "rounded": [[1.25, 1.25, 1.25]]},
)
def the_same_direction(impl, rng):
    """Omega is 0: the straight line, not 0/0. For the second pair, rounding gives a cosine above
    1."""
    t = np.array([0.0, 0.5, 1.0])
    ones = np.ones(3)
    return {
        "path": impl(np.array([1.0, 0.0]), np.array([2.0, 0.0]), t),
        "rounded": impl(ones, 2 * ones, np.array([0.25])),
    }


@sphere.case(points=1, kind="equation", expect={"path": [[0.5, 0.75**0.5]]})
def an_obtuse_angle(impl, rng):
    """The midpoint of a third of the circle."""
    return {"path": impl(np.array([1.0, 0.0]), np.array([-0.5, 0.75**0.5]), np.array([0.5]))}


@sphere.case(points=1, kind="extremes", expect={"path": [[2 * np.cos(0.01), 2 * np.sin(0.01)]]})
def a_small_angle(impl, rng):
    """0.02 radians at radius 2: small, but not the same direction: the midpoint is on the arc."""
    end = 2 * np.array([np.cos(0.02), np.sin(0.02)])
    return {"path": impl(np.array([2.0, 0.0]), end, np.array([0.5]))}


@sphere.case(points=1, kind="extremes", rtol=1e-4, atol=1e-6, expect={"path": [[0.0, 1.0]]})
def almost_opposite(impl, rng):
    """From east almost to west: the midpoint is north."""
    gap = 2e-4
    end = np.array([-np.cos(gap), np.sin(gap)])
    path = impl(np.array([1.0, 0.0]), end, np.array([0.5]))
    return {"path": path - np.array([[gap / 2, 0.0]])}
