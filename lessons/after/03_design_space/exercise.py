"""Exercises on the design space: the factors of a preconditioned denoiser, its target and weight,
and the min-SNR weight."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

factors = Exercise(
    "after/03/preconditioning",
    target="minigen.diffusion.edm:preconditioning",
    minutes=12,
    prompt=r"""
    The four factors of a preconditioned denoiser at level `sigma`, a tuple
    $(c_\mathrm{skip}, c_\mathrm{out}, c_\mathrm{in}, c_\mathrm{noise})$.

    The denoiser is
    $D(y, \sigma) = c_\mathrm{skip} y + c_\mathrm{out} F(c_\mathrm{in} y, c_\mathrm{noise})$, with
    $y = x_0 + \sigma z$, data $x_0$ of mean 0 and standard deviation `sigma_data`, and $z$ of
    variance 1. $c_\mathrm{in}$ makes the variance of the network's input 1. $c_\mathrm{skip} y$ is
    the best linear guess of $x_0$. $c_\mathrm{out}$ is the standard deviation of what that guess
    misses. $c_\mathrm{noise}$ is a quarter of the natural logarithm of `sigma`. `sigma` is above 0,
    a number or an array of any shape, which is the shape of each factor.
    """,
    hints="""
    The variance of y is sigma^2 + sigma_data^2. The best c minimizes E(x_0 - c y)^2: set its
    derivative with respect to c to 0.

    c_skip = s_d^2/(s^2 + s_d^2), c_out = s s_d/sqrt(s^2 + s_d^2), c_in = 1/sqrt(s^2 + s_d^2).

        total = sigma**2 + sigma_data**2
        c_out = sigma * sigma_data / np.sqrt(total)
        return sigma_data**2 / total, c_out, 1 / np.sqrt(total), np.log(sigma) / 4
    """,
)


@factors.case(points=3, kind="equation", expect={"c": [0.64, 2.4, 0.2, 0.27465307216702745]})
def three_and_four(impl, rng):
    """sigma = 3 and sigma_data = 4: the root of the sum of squares is 5."""
    return {"c": np.array(impl(3.0, 4.0))}


@factors.case(points=2, kind="equation")
def random_levels(impl, rng):
    sigma = np.exp(rng.standard_normal(6))
    return dict(zip(("c_skip", "c_out", "c_in", "c_noise"), impl(sigma, 0.7)))


@factors.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def variances_add_up(impl, rng):
    """The variances of the guess and of what it misses add up to that of the data."""
    sigma = np.exp(rng.standard_normal(5))
    c_skip, c_out, _, _ = impl(sigma, 0.6)
    return {"difference": c_skip**2 * (sigma**2 + 0.36) + c_out**2 - 0.36}


@factors.case(points=1, kind="shapes")
def its_own_sigma_data(impl, rng):
    """sigma_data has a default, 0.5; sigma may have two axes."""
    return {"c_skip": impl(np.array([[0.1, 2.0, 30.0]]))[0], "c_in": impl(0.2)[2]}


@factors.case(points=1, kind="extremes")
def small_and_large_levels(impl, rng):
    return {"c": np.stack(impl(np.array([0.002, 80.0]), 0.5))}


target = Exercise(
    "after/03/edm_target",
    target="minigen.diffusion.edm:edm_target",
    minutes=8,
    prompt=r"""
    The target of the network $F$ inside the denoiser $D = c_\mathrm{skip} y + c_\mathrm{out} F$,
    for one data point.

    $D$ should be $x_0$. $y = x_0 + \sigma z$; `x0` and `z` have one shape, $(N, D)$ or
    $(N, H, W, C)$, which is that of the result. `sigma` is a number above 0 or an array $(N,)$, one
    level for each example. $c_\mathrm{skip} = s_d^2/(s^2 + s_d^2)$ and
    $c_\mathrm{out} = s s_d/\sqrt{s^2 + s_d^2}$, with $s = \sigma$ and $s_d = \sigma_\mathrm{data}$.
    """,
    hints="""
    Solve D = x_0 for F.

    (x_0 - c_skip (x_0 + sigma z)) / c_out.

        s = np.reshape(sigma, np.shape(sigma) + (1,) * (np.ndim(x0) - np.ndim(sigma)))
        total = s**2 + sigma_data**2
        c_skip, c_out = sigma_data**2 / total, s * sigma_data / np.sqrt(total)
        return (x0 - c_skip * (x0 + s * z)) / c_out
    """,
)


@target.case(points=3, kind="equation", expect={"F": [[0.9]]})
def one_point(impl, rng):
    """x_0 = 2.32, z = -0.69, sigma = 3, sigma_data = 4: y = 0.25, and (2.32 - 0.16)/2.4 = 0.9."""
    return {"F": impl(np.array([[2.32]]), np.array([[-0.69]]), 3.0, 4.0)}


@target.case(points=2, kind="equation")
def random_points(impl, rng):
    x0, z = rng.standard_normal((2, 5, 3))
    return {f"sigma = {s}": impl(x0, z, s, 0.8) for s in (0.1, 2.0)}


@target.case(points=2, kind="equation", fixed=True, property=True, expect={"F": 0.0})
def where_the_guess_is_right(impl, rng):
    """With z = sigma x_0 / sigma_data^2 the linear guess is x_0 itself, and F has nothing to do."""
    x0 = rng.standard_normal((4, 2))
    return {"F": impl(x0, 1.5 * x0 / 0.49, 1.5, 0.7)}


@target.case(points=2, kind="shapes")
def a_level_for_each(impl, rng):
    """sigma of shape (N,), for points and for images, and the default sigma_data, 0.5."""
    sigma = np.array([0.05, 1.0, 20.0])
    points, images = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 3, 2, 4, 1))
    return {"points": impl(*points, sigma), "images": impl(*images, sigma)}


weight = Exercise(
    "after/03/edm_weight",
    target="minigen.diffusion.edm:edm_weight",
    minutes=6,
    prompt=r"""
    The weight $\lambda(\sigma)$ for which the loss of the denoiser is the plain loss of its
    network.

    $\lambda |D - x_0|^2 = |F - F^*|^2$, where $D = c_\mathrm{skip} y + c_\mathrm{out} F$, $F^*$ is
    the target of $F$ and $c_\mathrm{out} = s s_d/\sqrt{s^2 + s_d^2}$, with $s = \sigma$ and
    $s_d = \sigma_\mathrm{data}$. `sigma` is above 0, a number or an array of any shape, which is
    that of the result.
    """,
    hints="""
    D - x_0 is c_out times the error of F.

    1/c_out^2 = (s^2 + s_d^2)/(s s_d)^2.

        return (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2
    """,
)


@weight.case(points=2, kind="equation", expect={"lambda": 625 / 324})
def sums_of_squares(impl, rng):
    """sigma = 1.2 and sigma_data = 0.9: c_out is 1.08/1.5 = 18/25."""
    return {"lambda": impl(1.2, 0.9)}


@weight.case(points=2, kind="equation")
def levels_of_any_shape(impl, rng):
    sigma = np.exp(rng.standard_normal((3, 2)))
    return {"lambda": impl(sigma, 0.7), "default sigma_data": impl(sigma)}


@weight.case(points=2, kind="equation", fixed=True, property=True, expect={"difference": 0.0})
def two_rates(impl, rng):
    """lambda - 1/sigma^2 is the same at all levels."""
    sigma = np.array([0.3, 1.0, 2.0, 5.0])
    rest = impl(sigma, 0.7) - 1 / sigma**2
    return {"difference": rest[1:] - rest[0]}


snr_weight = Exercise(
    "after/03/min_snr_weight",
    target="minigen.diffusion.edm:min_snr_weight",
    minutes=8,
    prompt=r"""
    The min-SNR weight of a squared error, for three targets of the network.

    On the error of $x_0$ the weight is the smaller of $\mathrm{SNR}$ and `gamma`. `snr` is
    $\mathrm{SNR} = 1/\sigma^2$, a positive number or an array, which is the shape of the result.
    The same weight, expressed for another target: an error $d$ of the noise is an error $\sigma d$
    of $x_0$; an error $d$ of $v$ is an error $d/\sqrt{1 + \mathrm{SNR}}$ of $x_0$. `target` is
    `"x0"`, `"eps"` or `"v"`.
    """,
    hints="""
    If the error of x_0 is c d, its weighted square is the weight times c^2 d^2.

    min(SNR, gamma), that over SNR, or that over SNR + 1.

        clipped = np.minimum(snr, gamma)
        return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    """,
)


@snr_weight.case(
    points=3, kind="equation", expect={"x0": [2, 5], "eps": [1, 0.125], "v": [0.5, 0.1]}
)
def below_and_above(impl, rng):
    """SNR 2 and 40 (for v: 1 and 49), gamma 5."""
    snr, for_v = np.array([2.0, 40.0]), np.array([1.0, 49.0])
    return {"x0": impl(snr, 5.0, "x0"), "eps": impl(snr, 5.0, "eps"), "v": impl(for_v, 5.0, "v")}


@snr_weight.case(points=2, kind="equation")
def random_ratios(impl, rng):
    snr = np.exp(2 * rng.standard_normal((3, 4)))
    return {target: impl(snr, 1.7, target) for target in ("x0", "eps", "v")}


@snr_weight.case(points=1, kind="equation", property=True, expect={"difference": 0.0})
def one_loss(impl, rng):
    """The weights on x_0, on the noise and on v belong to one loss."""
    snr = np.exp(2 * rng.standard_normal(5))
    x0, eps, v = (impl(snr, 3.0, target) for target in ("x0", "eps", "v"))
    return {"difference": np.stack([snr * eps - x0, (snr + 1) * v - x0])}


@snr_weight.case(points=1, kind="extremes")
def defaults_and_extremes(impl, rng):
    """gamma is 5 and the target the noise, unless given; one ratio may be a number."""
    return {"weight": impl(np.array([1e-6, 5.0, 1e6])), "one weight": impl(20.0)}
