"""Exercises on consistency models: the scalings that hold the boundary, a step of the ODE, the loss
of consistency training, and sampling in several steps."""

import autograd.numpy as np
import numpy

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, mse

scalings = Exercise(
    "diffusion/12/boundary_scalings",
    target="minigen.diffusion.consistency:boundary_scalings",
    minutes=10,
    prompt=r"""
    The factors $c_\mathrm{skip}$ and $c_\mathrm{out}$ of
    $f(x, \sigma) = c_\mathrm{skip} x + c_\mathrm{out} F(x, \sigma)$, as a pair, a tuple. At
    `sigma_min` they are 1 and 0, so that there $f$ returns its input, whatever the network $F$
    returns.

    `sigma` is a level of noise or an array of them, 0 or more; both factors have its shape.
    $d = \sigma_\mathrm{data}$ is the standard deviation of the data.

    First find the factors of a denoiser, for which `sigma_min` is 0. Its input is
    $x = x_0 + \sigma z$, with data $x_0$ of standard deviation $d$ and mean 0, and $z$ normal; $F$
    has to predict the rest, $(x_0 - c_\mathrm{skip} x)/c_\mathrm{out}$. Choose $c_\mathrm{skip}$ so
    that the variance of $x_0 - c_\mathrm{skip} x$ is the smallest possible, and $c_\mathrm{out}$ so
    that the rest has variance 1.

    Then shift them: let $a$ be what `sigma` lies above `sigma_min` (it may be negative).
    $c_\mathrm{skip}$ is that of a denoiser at the level $a$, and $c_\mathrm{out}$ is that of a
    denoiser at `sigma`, times $a/\sigma$ (written so that it is finite at $\sigma = 0$). The result
    must be differentiable with respect to `sigma`, from 0 to 1000: use autograd's `np`.
    """,
    hints="""
    The variance of x0 - c x is (1 - c)^2 d^2 + c^2 sigma^2: where is its derivative with respect to
    c zero, and what is left there?

    d^2 / ((sigma - sigma_min)^2 + d^2) and (sigma - sigma_min) d / sqrt(sigma^2 + d^2).

        above = sigma - sigma_min
        c_skip = sigma_data**2 / (above**2 + sigma_data**2)
        return c_skip, above * sigma_data / np.sqrt(sigma**2 + sigma_data**2)
    """,
)


@scalings.case(points=1, kind="equation", expect={"c_skip": 0.8, "c_out": 0.9})
def by_hand(impl, rng):
    """sigma = 4, sigma_min = 2.5, sigma_data = 3: 9 / (2.25 + 9) and 1.5 * 3 / 5."""
    c_skip, c_out = impl(4.0, 2.5, 3.0)
    return {"c_skip": c_skip, "c_out": c_out}


@scalings.case(points=1, kind="equation")
def ordinary_levels(impl, rng):
    """Several levels, with the usual sigma_min and sigma_data, 0.002 and 0.5."""
    c_skip, c_out = impl(np.array([0.002, 0.1, 0.5, 3.0, 80.0]))
    return {"c_skip": c_skip, "c_out": c_out}


@scalings.case(
    points=1, kind="equation", fixed=True, property=True, expect={"c_skip": 1.0, "c_out": 0.0}
)
def boundary(impl, rng):
    """At sigma_min f is its input, whatever sigma_min and the width of the data are."""
    pairs = [
        impl(np.array([low]), low, data) for low, data in ((0.01, 0.5), (0.3, 2.0), (5.0, 1.0))
    ]
    return {name: np.concatenate(each) for name, each in zip(("c_skip", "c_out"), zip(*pairs))}


@scalings.case(points=1, kind="equation", property=True, expect={"difference": 0.0, "slope": 0.0})
def denoiser(impl, rng):
    """With sigma_min = 0 the rest, x0 - c_skip x, has variance c_out^2, and the slope of this
    variance with respect to c_skip is zero."""
    sigma, d = np.exp(rng.standard_normal((3, 2))), 0.7
    c_skip, c_out = impl(sigma, 0.0, d)
    variance = (1 - c_skip) ** 2 * d**2 + c_skip**2 * sigma**2
    slope = 2 * c_skip * sigma**2 - 2 * (1 - c_skip) * d**2
    return {"difference": variance - c_out**2, "slope": slope, "c_skip": c_skip}


@scalings.case(points=1, kind="extremes", rtol=1e-5)
def far_levels_in_float32(impl, rng):
    """Levels 0 to 1000, data of standard deviation 0.01 and 100."""
    sigma = np.array([0.0, 0.5, 1000.0], np.float32)
    narrow, wide = impl(sigma, 0.1, 0.01), impl(sigma, 0.1, 100.0)
    return {"narrow": np.stack(narrow), "wide": np.stack(wide)}


@scalings.case(points=1, kind="extremes")
def narrow_data(impl, rng):
    """Data as narrow as 0.001, near sigma_min: a small number added below would count."""
    c_skip, c_out = impl(np.array([0.1, 0.1001, 0.0]), 0.1, 0.001)
    return {"c_skip": c_skip, "c_out": c_out}


@scalings.case(points=1, kind="gradient")
def slopes(impl, rng):
    """The gradients of both in sigma, at 0 and at 1000, too."""
    sigma = np.array([0.4, 2.0, 7.0, 0.0, 1000.0])
    found = [grad(lambda s: np.sum(impl(s, 0.3, 1.5)[k]))(sigma) for k in (0, 1)]
    return {"slope of c_skip": found[0], "slope of c_out": found[1]}


step = Exercise(
    "diffusion/12/ode_step",
    target="minigen.diffusion.consistency:ode_step",
    minutes=15,
    prompt=r"""
    One step of the deterministic process $\mathrm{d}x/\mathrm{d}\sigma = \varepsilon(x, \sigma)$:
    `x` carried from the level `high` to the level `low`.

    `x` is $(N, D)$ or $(N, H, W, C)$. `high` and `low` are one level each, a number, or an array
    $(N,)$, one for each example; `low` may also lie above `high`. `eps_model(x, sigma)` is the
    predicted noise, in the shape of `x`; it takes its levels as an array $(N,)$, in the dtype of
    `x`. The result has the shape of `x`.

    If `solver` is `"euler"`: `x` plus the change of $\sigma$ times the noise predicted at the
    start. If it is `"heun"`: the mean of two predictions instead, one at the start and one at the
    level `low`, at the point where Euler's step has led. Mind the sign: going down, $\sigma$ falls.
    The result need not be differentiable.
    """,
    hints="""
    Draw sigma to the right and x upwards: eps is the slope, and a step down goes to the left.

    x + (low - high) eps(x, high); for Heun (eps(x, high) + eps(x + (low - high) eps(x, high),
    low))/2 in the place of eps(x, high).

        high = np.broadcast_to(np.asarray(high, x.dtype), (len(x),))
        low = np.broadcast_to(np.asarray(low, x.dtype), (len(x),))
        change = np.reshape(low - high, (-1,) + (1,) * (np.ndim(x) - 1))  # (N, 1) or (N, 1, 1, 1)
        slope = eps_model(x, high)
        euler = x + change * slope
        if solver == "euler":
            return euler
        return x + change * (slope + eps_model(euler, low)) / 2
    """,
)


def columns(sigma, x):
    """Levels (N,), one for each example, to go with x."""
    each = np.broadcast_to(np.asarray(sigma), (len(x),))
    return np.reshape(each, (len(x),) + (1,) * (np.ndim(x) - 1))


def noted(received, x, sigma):
    """Note what a model receives: whether there is a level for each example, and their dtype."""
    received.append([np.shape(sigma) == (len(x),), np.asarray(sigma).dtype])
    return np.asarray(sigma, x.dtype)


def always(received):
    """Whether there has been a level for each example in all calls; a zero in their dtype."""
    dtype = np.result_type(*(dtype for _, dtype in received))
    return {"a level for each": all(each for each, _ in received), "a level": np.zeros((), dtype)}


def slanted(x, sigma):
    """Noise that depends on the place and on the level."""
    return 0.5 * x + columns(sigma, x)


def wavy(x, sigma):
    return np.tanh(x + columns(sigma, x)) - 0.3 * columns(sigma, x)


@step.case(points=1, kind="equation", expect={"x": [[-4.5]]})
def euler_from_4_to_2_and_a_half(impl, rng):
    """x = 6, noise x/2 + sigma = 7: 6 - 1.5 * 7."""
    return {"x": impl(slanted, np.array([[6.0]]), 4.0, 2.5)}


@step.case(points=2, kind="equation", expect={"x": [[0.5625]]})
def heun_from_4_to_2_and_a_half(impl, rng):
    """At -4.5 and level 2.5 the noise is 0.25: 6 - 1.5 * (7 + 0.25) / 2."""
    return {"x": impl(slanted, np.array([[6.0]]), 4.0, 2.5, "heun")}


@step.case(points=1, kind="shapes")
def levels_of_each(impl, rng):
    """Some go down and one goes up."""
    x, high, low = rng.standard_normal((4, 3)), np.array([2.0, 1, 0.5, 3]), np.array([1.5, 0, 2, 1])
    return {solver: impl(wavy, x, high, low, solver) for solver in ("euler", "heun")}


@step.case(points=1, kind="shapes")
def images(impl, rng):
    x, high = rng.standard_normal((2, 4, 3, 2)), np.array([2.0, 5.0])
    return {solver: impl(wavy, x, high, 1.5, solver) for solver in ("euler", "heun")}


@step.case(points=1, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-7)
def all_data_is_one_point(impl, rng):
    """Where the data is one point only, paths are straight: from x0 + high z to x0 + low z."""
    x0, z = np.array([0.7, -1.2, 0.4]), rng.standard_normal((5, 3))

    def exact(x, sigma):
        return (x - x0) / columns(sigma, x)

    found = []
    for high, low in ((1.0, 0.5), (2.0, 0.1), (3.0, 4.0), (80.0, 60.0)):
        x, end = x0 + high * z, x0 + low * z
        found += [impl(exact, x, high, low) - end]
        found += [impl(exact, x, high, low, solver) - end for solver in ("euler", "heun")]
    return {"difference": np.stack(found)}


@step.case(points=1, kind="extremes", rtol=1e-5, atol=1e-3)
def long_step_in_float32(impl, rng):
    """From level 1000 to 0.002; places of 1000 and -1000."""
    x = np.array([[1000.0, -3.0, 0.5], [2.0, -1000.0, 0.0]], np.float32)
    return {
        "x": impl(lambda x, s: np.tanh(x / 100) + columns(s, x) / 1e4, x, 1000.0, 0.002, "heun")
    }


@step.case(points=1, kind="equation")
def down_to_the_data(impl, rng):
    """Heun's second prediction is made at level 0, too."""
    x = rng.standard_normal((3, 2))
    return {solver: impl(wavy, x, 1.5, 0.0, solver) for solver in ("euler", "heun")}


@step.case(points=1, kind="shapes", expect={"a level for each": True}, exact_dtype=True)
def what_the_model_receives(impl, rng):
    """x is float32 and has three examples: so there are three levels, in float32."""
    received, x = [], rng.standard_normal((3, 2)).astype(np.float32)
    impl(lambda x, sigma: wavy(x, noted(received, x, sigma)), x, 2.0, 1.5, "heun")
    return always(received)


loss = Exercise(
    "diffusion/12/consistency_training_loss",
    target="minigen.diffusion.consistency:consistency_training_loss",
    minutes=15,
    imports=["from minigen.tensor import mse, stop_gradient"],
    prompt=r"""
    The loss of consistency training: how far `f` at the data noised to the level `high` is from
    `f_target` at the same data noised to the level `low`, both with the same noise.

    `x` is the data and `z` the noise, both $(N, D)$ or $(N, H, W, C)$; noised to a level the data
    is $x + \mathrm{level} \cdot z$. `high` and `low` are one level each, a number, or an array
    $(N,)$, one for each example. `f(x, sigma)` and `f_target(x, sigma)` return the shape of `x`;
    they take their levels as an array $(N,)$, in the dtype of `x`. `distance(a, b)`, one number, is
    the distance of `a`, the output of `f`, from `b`, the output of `f_target`; unless given it is
    `mse` of `minigen.tensor`, the mean square.

    The output of `f_target` is a constant: no gradient may flow through it (`stop_gradient` of
    `minigen.tensor`). Through `f` it does: use autograd's `np`.
    """,
    hints="""
    One datum, one noise, two levels, two models. Only the model at the higher level is trained.

    distance(f(x + high z, high), stop_gradient(f_target(x + low z, low))).

        high = np.broadcast_to(np.asarray(high, x.dtype), (len(x),))
        low = np.broadcast_to(np.asarray(low, x.dtype), (len(x),))
        shape = (-1,) + (1,) * (np.ndim(x) - 1)  # (N, 1) for (N, D), (N, 1, 1, 1) for images
        target = stop_gradient(f_target(x + np.reshape(low, shape) * z, low))
        return distance(f(x + np.reshape(high, shape) * z, high), target)
    """,
)


@loss.case(points=2, kind="equation", expect={"loss": 138.125})
def two_numbers(impl, rng):
    """x = (1, -1), z = (2, -1), levels 3 and 0.5: f doubles (7, -4), f_target adds 10 to
    (2, -1.5). The mean of 2^2 and 16.5^2."""
    x, z = np.array([[1.0, -1.0]]), np.array([[2.0, -1.0]])
    return {"loss": impl(lambda x, s: 2 * x, lambda x, s: 10 + x, x, z, 3.0, 0.5)}


@loss.case(points=1, kind="equation", expect={"loss": 14.5})
def another_distance(impl, rng):
    """The same, by the differences a - b, which are 2 and -16.5: minus their sum."""
    x, z = np.array([[1.0, -1.0]]), np.array([[2.0, -1.0]])
    models = (lambda x, s: 2 * x, lambda x, s: 10 + x)
    return {"loss": impl(*models, x, z, 3.0, 0.5, lambda a, b: np.sum(b - a))}


@loss.case(points=1, kind="gradient")
def levels_of_each_and_gradient(impl, rng):
    """The gradient in a number that is in f and in f_target, of which only the first counts."""
    x, z = rng.standard_normal((2, 5, 3))
    high, low = np.array([0.5, 1, 2, 4, 8]), np.array([0.1, 0.8, 1, 3, 7])

    def value(w):
        return impl(lambda x, s: w * wavy(x, s), lambda x, s: w * wavy(x, s), x, z, high, low)

    return {"loss": value(np.array(0.7)), "gradient": grad(value)(np.array(0.7))}


@loss.case(points=1, kind="shapes")
def images_of_two_levels(impl, rng):
    x, z = rng.standard_normal((2, 3, 4, 5, 2))
    one, each = (impl(wavy, slanted, x, z, high, 1.5) for high in (2.0, np.array([2.0, 3, 5])))
    return {"one level": one, "a level for each": each}


@loss.case(points=1, kind="equation", fixed=True, property=True, expect={"loss": 0.0})
def noise_found_again(impl, rng):
    """Around data that is zero, x over sigma is the noise, the same at both levels: no loss."""
    z = rng.standard_normal((6, 3))

    def noise(x, sigma):
        return x / columns(sigma, x)

    pairs = ((0.5, 0.1), (2.0, 1.0), (8.0, 7.0), (80.0, 2.0))
    losses = [impl(noise, noise, 0 * z, z, high, low) for high, low in pairs]
    return {"loss": np.stack(losses)}


@loss.case(points=1, kind="extremes", rtol=1e-4)
def far_apart_in_float32(impl, rng):
    """Levels 1000 and 0.002."""
    x, z = rng.standard_normal((2, 4, 3)).astype(np.float32)
    return {"loss": impl(slanted, lambda x, s: mse(x, x) + x, x, z, 1000.0, 0.002)}


@loss.case(points=1, kind="shapes", expect={"a level for each": True}, exact_dtype=True)
def what_the_models_receive(impl, rng):
    """x is float32 and has three examples: so there are three levels, in float32."""
    received, (x, z) = [], rng.standard_normal((2, 3, 2)).astype(np.float32)

    def model(x, sigma):
        return wavy(x, noted(received, x, sigma))

    impl(model, model, x, z, 2.0, 1.5)
    return always(received)


several = Exercise(
    "diffusion/12/multistep",
    target="minigen.diffusion.consistency:multistep",
    minutes=10,
    prompt=r"""
    Samples of a consistency model `f` in several steps.

    `x`, $(N, D)$ or $(N, H, W, C)$, is noise at the level `sigmas[0]`; `sigmas` is a list of
    falling levels. The first sample is `f` of `x` at `sigmas[0]`. For each further level $\sigma$,
    noise is added to the sample again, of the standard deviation that leads from `sigma_min` to
    $\sigma$, the root of $\sigma^2 - \sigma_{\min}^2$, and `f` is called at $\sigma$. With one
    level there is one call of `f`.

    `f(x, sigma)` returns the shape of `x`; it receives the level as often as there are examples, in
    an array of shape $(N,)$ and the dtype of `x`. Draw the noise of each further level, in turn, by
    the generator's `standard_normal`, in the shape and the dtype of `x`. The result has both as
    well, and `x` stays as it was. The result need not be differentiable.
    """,
    hints="""
    f leads from noise to data; then add noise up to the next level, and call f again.

    x0 = f(x, sigma_1); then x0 = f(x0 + sqrt(sigma^2 - sigma_min^2) z, sigma) for each further
    sigma.

        x0 = f(x, np.full(len(x), sigmas[0], x.dtype))
        for sigma in sigmas[1:]:
            z = rng.standard_normal(x.shape, dtype=x.dtype)
            noisy = x0 + np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype) * z
            x0 = f(noisy, np.full(len(x), sigma, x.dtype))
        return x0
    """,
)


def tamed(x, sigma):
    return x / (1 + columns(sigma, x))


@several.case(points=1, kind="equation", expect={"sample": [[2.0, -0.75]]})
def one_step(impl, rng):
    """f = x / (1 + sigma), at sigma = 3: 8/4 and -3/4."""
    return {"sample": impl(tamed, np.array([[8.0, -3.0]]), [3.0], rng)}


@several.case(points=1, kind="equation", fixed=True, expect={"sample": [[1.25, -0.46875]]})
def second_step_without_noise(impl, rng):
    """At sigma_min = 0.6 there is no noise to add: 2/1.6 and -0.75/1.6."""
    return {"sample": impl(tamed, np.array([[8.0, -3.0]]), [3.0, 0.6], rng, 0.6)}


@several.case(points=2, kind="equation")
def three_steps(impl, rng):
    """Levels 5, 2 and 0.7, with the usual sigma_min, 0.002, and with 0.4."""
    x, seed = rng.standard_normal((4, 3)), int(rng.integers(1000))
    found = {}
    for low in (0.002, 0.4):
        again = numpy.random.default_rng(seed)
        found[f"sigma_min = {low}"] = impl(tamed, x, [5.0, 2.0, 0.7], again, low)
    usual = impl(tamed, x, [5.0, 2.0, 0.7], numpy.random.default_rng(seed))
    return found | {"without sigma_min": usual}


@several.case(points=1, kind="shapes", exact_dtype=True)
def images_in_two_steps(impl, rng):
    """In float32, as is the sample then."""
    x = rng.standard_normal((2, 4, 3, 2)).astype(np.float32)
    return {"sample": impl(tamed, x, np.array([80.0, 1.5]), rng)}


@several.case(points=1, kind="shapes", expect={"a level for each": True}, exact_dtype=True)
def what_f_receives(impl, rng):
    """x is float32 and has three examples: so there are three levels, in float32."""
    received, x = [], rng.standard_normal((3, 2)).astype(np.float32)
    impl(lambda x, sigma: tamed(x, noted(received, x, sigma)), x, [2.0, 1.5], rng)
    return always(received)


@several.case(points=1, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-7)
def noise_adds_up(impl, rng):
    """If f returns its input, the sample is x and the noises of all further levels."""
    x, seed = rng.standard_normal((5, 2)), int(rng.integers(1000))
    found = impl(lambda x, s: x, x, [3.0, 1.0, 0.5], numpy.random.default_rng(seed), 0.3)
    again = numpy.random.default_rng(seed)
    noise = [again.standard_normal((5, 2)) * np.sqrt(s**2 - 0.09) for s in (1.0, 0.5)]
    return {"difference": found - x - noise[0] - noise[1]}
