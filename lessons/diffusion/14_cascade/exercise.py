"""Exercises on cascades: the condition of a super-resolution model, and the blur of an image."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule

condition = Exercise(
    "diffusion/14/augmented_condition",
    target="minigen.diffusion.cascade:augmented_condition",
    minutes=15,
    imports=["from minigen.tensor import upsample_nearest"],
    blocked=["minigen.diffusion.cascade:low_resolution_condition"],
    prompt=r"""
    The condition of a super-resolution model with conditioning augmentation: the small image after
    `s` steps of noise, enlarged, and the level of the noise.

    `small` and `eps`, the noise to use, have shape $(N, h, w, C)$; `s` is one time step, a whole
    number, or an array $(N,)$ of them, from 0 (no noise) to $T$. First noise the small images, `s`
    steps at once. Then replace each pixel with `factor` × `factor` equal pixels:
    $(N, \mathrm{factor}\, h, \mathrm{factor}\, w, C)$. Last add a channel that is constant over an
    image, the standard deviation of its noise. The result has shape
    $(N, \mathrm{factor}\, h, \mathrm{factor}\, w, C + 1)$, the new channel last. Nothing is
    clipped; the result need not be differentiable.

    `schedule.alpha`, `schedule.alpha_bar` and `schedule.beta` are arrays indexed by the time step,
    $0 \dots T$ (`alpha_bar[0]` is 1); `schedule.T` is $T$. `upsample_nearest(x, factor)` of
    `minigen.tensor` repeats pixels; `np.repeat` does, too.
    """,
    hints="""
    The noise belongs to the small image: it comes before the enlargement, and its level is that of
    the forward process at step s.

    z = sqrt(alpha_bar_s) small + sqrt(1 - alpha_bar_s) eps; the last channel is
    sqrt(1 - alpha_bar_s).

        a = np.reshape(schedule.alpha_bar[s], (-1, 1, 1, 1))  # one number for each image
        z = (np.sqrt(a) * small + np.sqrt(1 - a) * eps).astype(small.dtype)
        large = upsample_nearest(z, factor)
        level = (np.zeros_like(large[..., :1]) + np.sqrt(1 - a)).astype(small.dtype)
        return np.concatenate([large, level], axis=3)
    """,
)

BY_HAND = Schedule([0.1, 0.6])  # alpha_bar is 0.9, 0.36


def schedule():
    return Schedule(np.linspace(0.01, 0.3, 10))


@condition.case(
    points=1,
    kind="equation",
    expect={"condition": [[[[0.1, 0.8], [0.1, 0.8], [-0.2, 0.8], [-0.2, 0.8]]] * 2]},
)
def two_pixels(impl, rng):
    """At s = 2, where alpha_bar is 0.36: 0.6 * 0.5 - 0.8 * 0.25 and -0.6 + 0.8 * 0.5. The standard
    deviation of the noise is 0.8."""
    small, eps = np.array([[[[0.5], [-1.0]]]]), np.array([[[[-0.25], [0.5]]]])
    return {"condition": impl(small, 2, eps, BY_HAND)}


@condition.case(points=1, kind="equation", property=True, expect={"change": 0.0, "level": 0.0})
def no_noise(impl, rng):
    """At s = 0 the small images are only enlarged, and the level is 0."""
    small, eps = rng.standard_normal((2, 2, 3, 4, 1))
    y = impl(small, 0, eps, schedule())
    return {"change": y[:, ::2, ::2, :1] - small, "level": y[..., 1]}


@condition.case(points=2, kind="shapes")
def a_step_for_each_image(impl, rng):
    small, eps = rng.standard_normal((2, 4, 2, 3, 3))
    return {"condition": impl(small, np.array([0, 1, 6, 10]), eps, schedule())}


@condition.case(points=1, kind="shapes")
def three_times_as_large(impl, rng):
    small, eps = rng.standard_normal((2, 2, 3, 2, 2))
    one, each = (impl(small, s, eps, schedule(), 3) for s in (7, np.array([2, 9])))
    return {"one step": one, "a step for each": each}


@condition.case(
    points=2, kind="equation", fixed=True, property=True, expect={"one": 1.0, "difference": 0.0}
)
def blocks_are_equal(impl, rng):
    """Within a block of four pixels nothing differs, and the squared level and alpha_bar add up to
    1."""
    small, eps = rng.standard_normal((2, 3, 4, 5, 1))
    ones, differences = [], []
    for s in (1, 5, 10):
        y = impl(small, s, eps, schedule())
        blocks = np.reshape(y, (3, 4, 2, 5, 2, 2))
        ones.append(y[:, 0, 0, 1] ** 2 + schedule().alpha_bar[s])
        differences.append(blocks - blocks[:, :, :1, :, :1])
    return {"one": np.stack(ones), "difference": np.stack(differences)}


@condition.case(points=1, kind="extremes", rtol=1e-5, atol=1e-6)
def a_thousand_steps(impl, rng):
    """Small images of the lesson's size in float32, pixels of 1000 and -1000, and the first step
    of a thousand."""
    small, eps = rng.standard_normal((2, 3, 7, 7, 1)).astype(np.float32)
    small[:, 0, 0], small[:, 0, 1] = 1000.0, -1000.0
    slow = Schedule(np.linspace(1e-4, 0.02, 1000))
    return {"condition": impl(small, np.array([1, 30, 1000]), eps, slow)}


blur = Exercise(
    "diffusion/14/gaussian_blur",
    target="minigen.diffusion.cascade:gaussian_blur",
    minutes=20,
    prompt=r"""
    Images blurred by a Gaussian: each pixel becomes a weighted mean of the pixels around it.

    `x` and the result have shape $(N, H, W, C)$; `sigma` is a standard deviation in pixels,
    one number or one for each image, $(N,)$; `kernel` is odd, the number of pixels that count in
    each direction. A neighbor at the distance $d$, from $-(\mathrm{kernel} - 1)/2$ to
    $(\mathrm{kernel} - 1)/2$, has a weight that is proportional to $\exp(-d^2/(2 \sigma^2))$, and
    the weights sum to 1. Blur down, then across, with the same weights. Beyond the border the image
    is reflected, without repeating the pixel at the border: left of 1 2 3 there is 3 2. Each
    channel is blurred by itself. The kernel reaches at most $H - 1$ and $W - 1$ pixels beyond the
    border. The result need not be differentiable.
    """,
    hints="""
    A blur in two directions is one in the first and then one in the second, so a function for one
    axis is enough. There, sum shifted copies of an image with a margin.

    w_d = exp(-d^2/(2 sigma^2)) / sum of these; new pixel i = sum over d of w_d times pixel i + d.

        reach = kernel // 2
        d = np.arange(-reach, reach + 1)
        w = np.exp(-((d / np.reshape(sigma, (-1, 1))) ** 2) / 2)  # (1 or N, kernel)
        w = (w / np.sum(w, axis=1, keepdims=True)).astype(x.dtype)
        for axis in (1, 2):
            margins = [(0, 0)] * 4
            margins[axis] = (reach, reach)
            wide = np.pad(x, margins, mode="reflect")
            length = x.shape[axis]
            shifted = [np.take(wide, range(k, k + length), axis=axis) for k in range(kernel)]
            x = sum(w[:, k].reshape(-1, 1, 1, 1) * shifted[k] for k in range(kernel))
        return x
    """,
)

FIFTHS = (1 / (2 * np.log(3))) ** 0.5  # its weights are 1/3 : 1 : 1/3, that is 0.2, 0.6, 0.2


@blur.case(
    points=1, kind="equation", expect={"blurred": [[24, 36, 12, 0], [8, 12, 4, 0], [0, 0, 0, 0]]}
)
def a_dot_at_the_border(impl, rng):
    """Weights 0.2, 0.6, 0.2, and a dot of 100 in the first row and second column of 3 x 4 pixels.
    Down it leaves 60, 20, 0; across 0.4, 0.6, 0.2, 0 of that: the first column has the dot on its
    right and, reflected, on its left."""
    x = np.zeros((1, 3, 4, 1))
    x[0, 0, 1, 0] = 100.0
    return {"blurred": impl(x, FIFTHS)[0, :, :, 0]}


@blur.case(points=1, kind="equation")
def a_wider_kernel(impl, rng):
    x = rng.standard_normal((2, 6, 5, 1))
    return {"blurred": impl(x, 1.3, 5), "kernel of one pixel": impl(x, 1.3, 1)}


@blur.case(points=2, kind="shapes")
def a_sigma_for_each_image(impl, rng):
    x = rng.standard_normal((3, 4, 6, 2))
    return {"blurred": impl(x, np.array([0.4, 0.6, 2.0]))}


@blur.case(points=2, kind="equation", property=True, expect={"change": 0.0})
def a_constant_image(impl, rng):
    """An image of one gray stays as it is, at the border, too."""
    x = np.ones((2, 5, 4, 3)) * rng.uniform(-1, 1, (2, 1, 1, 3))
    return {"change": np.stack([impl(x, sigma, 5) - x for sigma in (0.5, 1.7)])}


@blur.case(points=1, kind="equation", fixed=True, property=True, expect={"mixed": 0.0})
def channels_stay_apart(impl, rng):
    """Channels do not mix, and neither do images."""
    x = rng.standard_normal((3, 5, 4, 2))
    x[1], x[..., 1] = 0.0, 0.0
    blurred = impl(x, 0.9)
    return {"mixed": np.concatenate([np.ravel(blurred[1]), np.ravel(blurred[..., 1])])}


@blur.case(points=1, kind="extremes", rtol=1e-4, atol=1e-2)
def narrow_and_wide(impl, rng):
    """With a tiny sigma nothing changes; a large one gives a plain mean. Pixels of +-1000, in
    float32."""
    x = (1000 * rng.standard_normal((2, 14, 14, 1))).astype(np.float32)
    return {"sigma 0.01": impl(x, 0.01), "sigma 1000": impl(x, 1000.0), "0.5": impl(x, 0.5)}
