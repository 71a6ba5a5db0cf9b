"""Exercises on score matching: the sliced loss, the denoising loss, the noise levels, and the score
of a model of the noise."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule
from minigen.tensor import grad

sliced = Exercise(
    "diffusion/05/sliced_score_matching_loss",
    target="minigen.diffusion.score:sliced_score_matching_loss",
    minutes=20,
    imports=["from minigen.tensor import grad"],
    prompt=r"""
    Return the loss of sliced score matching. It says how far a function, `score`, is from the score
    of the density of the points `x`, without that density.

    `x` $(N, D)$ are points and `v` $(N, D)$ random directions, one for each point. `score` takes
    $(N, D)$ and returns $s$ $(N, D)$; row $n$ of $s$ depends only on row $n$ of `x`. For each
    point, take the derivative of the product $v^\top s$ (a sum over $D$) along `v`: in $h$ at
    $x + h v$, $h = 0$. Add half of the squared length of $s$; if `variance_reduced` is `False`,
    half of the square of $v^\top s$ instead. Return the mean over points, a scalar.

    `grad(fn)` of `minigen.tensor` is the gradient of a function that returns one number. Your
    result must be differentiable: use autograd's `np`, and leave `x` and `v` unchanged.
    """,
    hints="""
    The derivative of v . score(x) along v is v . (the gradient of v . score(x) with respect to x).
    One call of grad gives it for all points, if the function that it is given returns a sum over
    points.

    mean of v . grad(sum of v . score(x)) + 1/2 |score(x)|^2, or + 1/2 (v . score(x))^2.

        s = score(x)  # (N, D)
        size = np.sum(s**2, axis=1) if variance_reduced else np.sum(v * s, axis=1) ** 2
        slope = grad(lambda x: np.sum(v * score(x)))(x)  # (N, D)
        return np.mean(np.sum(v * slope, axis=1) + size / 2)
    """,
)


def bent(x):
    """The score (x1 x2, -x1^2)."""
    return np.stack([x[:, 0] * x[:, 1], -(x[:, 0] ** 2)], axis=1)


def network(rng, dim):
    """Weights of a network from (N, dim) to (N, dim), and the network, (x, weights)."""
    weights = [rng.standard_normal((dim, 5)), rng.standard_normal((5, dim))]
    return weights, lambda x, w: np.tanh(x @ w[0]) @ w[1]


TWO_POINTS = np.array([[3.0, 0.5], [-1.0, 2.0]])
TWO_DIRECTIONS = np.array([[1.0, 2.0], [0.5, 1.0]])


@sliced.case(points=1, kind="equation", expect={"loss": 19.8125})
def two_points(impl, rng):
    """The score (x1 x2, -x1^2) at (3, 0.5) along (1, 2): -5.5 + 83.25/2. At (-1, 2) along (0.5, 1):
    1 + 5/2."""
    return {"loss": impl(bent, 1 * TWO_POINTS, 1 * TWO_DIRECTIONS)}


@sliced.case(points=2, kind="equation", expect={"loss": 66.8125})
def not_reduced(impl, rng):
    """The same without variance reduction: -5.5 + (1.5 - 18)^2/2, and 1 + (-1 - 1)^2/2."""
    return {"loss": impl(bent, 1 * TWO_POINTS, 1 * TWO_DIRECTIONS, variance_reduced=False)}


@sliced.case(points=2, kind="equation")
def a_network(impl, rng):
    """Five points in three dimensions."""
    weights, fn = network(rng, 3)
    x, v = rng.standard_normal((2, 5, 3))

    def score(x):
        return fn(x, weights)

    return {"loss": impl(score, x, v), "not reduced": impl(score, x, v, False)}


@sliced.case(points=2, kind="gradient")
def its_gradient(impl, rng):
    """The gradient of the loss with respect to the weights of the score."""
    weights, fn = network(rng, 3)
    x, v = rng.standard_normal((2, 4, 3))

    def of_first(w, reduced):
        return impl(lambda x: fn(x, [w, weights[1]]), x, v, reduced)

    first = weights[0]
    return {
        "gradient": grad(lambda w: of_first(w, True))(first),
        "gradient, not reduced": grad(lambda w: of_first(w, False))(first),
    }


@sliced.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def of_the_normal_distribution(impl, rng):
    """Of the score -x, point by point, the loss is -|v|^2 + |x|^2/2, or -|v|^2 + (v . x)^2/2."""
    x, v = rng.standard_normal((2, 6, 4))
    along = np.sum(v * x, axis=1)
    reduced = impl(lambda x: -x, x, v) - np.mean(-np.sum(v**2, axis=1) + np.sum(x**2, axis=1) / 2)
    plain = impl(lambda x: -x, x, v, False) - np.mean(-np.sum(v**2, axis=1) + along**2 / 2)
    return {"gap": np.stack([reduced, plain])}


@sliced.case(points=1, kind="extremes", rtol=1e-4)
def steep_scores(impl, rng):
    """Scores of about 1000, as at little noise; and directions of length 1000. In float32."""
    x, v = (a.astype(np.float32) for a in rng.standard_normal((2, 6, 2)))
    large = impl(lambda x: np.float32(-1000) * np.sin(x), x, v)
    long = impl(lambda x: np.float32(-0.1) * x, x, np.float32(1000) * v)
    return {"large": large / 1e6, "long": long / 1e5}


@sliced.case(points=1, kind="extremes", rtol=1e-4)
def at_the_top(impl, rng):
    """At (3, 3), where the score is 0 and falls by 10 per unit; in float32."""
    v = rng.standard_normal((6, 2)).astype(np.float32)
    x = np.full((6, 2), 3.0, np.float32)
    return {"loss": impl(lambda x: np.float32(-10) * (x - 3), x, v)}


denoising = Exercise(
    "diffusion/05/denoising_score_matching_loss",
    target="minigen.diffusion.score:denoising_score_matching_loss",
    minutes=15,
    prompt=r"""
    Return the loss of denoising score matching. It says how far a model is from the score of the
    data plus noise.

    `x` and `eps` have the same shape, $(N, D)$ or $(N, H, W, C)$: data, and standard normal noise.
    `sigma` is the noise level: one positive number, or an array $(N,)$, one for each example. The
    noisy data are $x + \sigma \varepsilon$. The model is called as `score_model(noisy, sigma)`,
    where `sigma` must be an array $(N,)$ in any case; it returns the shape of `x`. Given `x`, the
    score of the noisy example is $-\varepsilon/\sigma$, and the model should match it. Return one
    scalar: for each example $\sigma^2/2$ times the squared error, summed over all entries of the
    example; then the mean over examples.

    `sigma` may be as small as 0.001 and as large as 100. The result must be differentiable with
    respect to the model's parameters. Leave the arguments unchanged.
    """,
    hints="""
    Make the noisy data, call the model, compare with -eps/sigma. A weight of sigma^2 on the square
    is a factor sigma inside it.

    mean over examples of 1/2 sum (sigma s + eps)^2, with s = score_model(x + sigma eps, sigma).

        n = len(x)
        level = np.broadcast_to(np.asarray(sigma, x.dtype), (n,))
        wide = np.reshape(level, (n,) + (1,) * (np.ndim(x) - 1))
        gap = wide * score_model(x + wide * eps, level) + eps
        return np.mean(np.sum(np.reshape(gap, (n, -1)) ** 2, axis=1)) / 2
    """,
)


def half(x, sigma):
    """The model s(x) = x/2."""
    return x / 2


def curved(x, sigma):
    """A model that uses its level, which must be (N,)."""
    wide = np.reshape(sigma, (len(x),) + (1,) * (np.ndim(x) - 1))
    return np.sin(x) / (1 + wide)


@denoising.case(points=2, kind="equation", expect={"loss": 10.30078125})
def two_examples(impl, rng):
    """The model x/2. (1, -2) + 2 (1.5, 0.5) = (4, -1): 1/2 |(5.5, -0.5)|^2. (3, 4) + 0.5 (-1, 2) =
    (2.5, 5): 1/2 |(-0.375, 3.25)|^2."""
    x, eps = np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([[1.5, 0.5], [-1.0, 2.0]])
    return {"loss": impl(half, x, np.array([2.0, 0.5]), eps)}


@denoising.case(points=1, kind="equation")
def one_level_for_all(impl, rng):
    """A number for sigma; the model still receives (N,)."""
    x, eps = rng.standard_normal((2, 5, 3))
    return {"loss": impl(curved, x, 0.7, eps)}


@denoising.case(points=1, kind="shapes")
def pictures(impl, rng):
    x, eps = rng.standard_normal((2, 4, 3, 5, 2))
    sigma = np.array([0.1, 0.5, 2.0, 7.0])
    return {"each": impl(curved, x, sigma, eps), "one": impl(curved, x, 1.5, eps)}


@denoising.case(points=2, kind="gradient")
def gradient_in_the_weights(impl, rng):
    """The gradient with respect to the model's weights."""
    x, eps = rng.standard_normal((2, 5, 3))
    weights, sigma = rng.standard_normal((3, 3)), np.array([0.01, 0.3, 1.0, 4.0, 20.0])

    def loss(w):
        return impl(lambda x, sigma: np.tanh(x @ w) / sigma[:, None], x, sigma, eps)

    return {"gradient": grad(loss)(weights)}


@denoising.case(points=1, kind="equation", property=True, expect={"difference": 0.0})
def every_level_counts_the_same(impl, rng):
    """A score of 0 has loss 1/2 mean |eps|^2 at each level."""
    x, eps = rng.standard_normal((2, 6, 4))
    size = np.mean(np.sum(eps**2, axis=1)) / 2
    losses = [impl(lambda x, sigma: 0 * x, x, sigma, eps) for sigma in (0.001, 0.5, 100.0)]
    return {"difference": np.stack(losses) - size}


@denoising.case(points=1, kind="equation", fixed=True, property=True, expect={"loss": 0.0})
def a_single_point(impl, rng):
    """If all data are one point m, the score -(x - m)/sigma^2 has loss 0."""
    m, eps = rng.standard_normal(3), rng.standard_normal((5, 3))
    sigma = np.array([0.05, 0.3, 1.0, 4.0, 20.0])

    def exact(x, sigma):
        return -(x - m) / sigma[:, None] ** 2

    return {"loss": impl(exact, m + 0 * eps, sigma, eps)}


@denoising.case(points=1, kind="extremes", rtol=1e-4)
def far_and_steep(impl, rng):
    """Levels 0.001 and 100, data at 1000, scores of 1000; in float32."""
    x, eps = (a.astype(np.float32) for a in rng.standard_normal((2, 4, 2)))
    sigma = np.array([0.001, 100.0, 0.001, 100.0], np.float32)
    steep = impl(lambda x, sigma: np.float32(1000) * np.tanh(x), x, 0.001, eps)
    return {"far": impl(curved, 1000 * x, sigma, eps), "steep, at little noise": steep}


ladder = Exercise(
    "diffusion/05/noise_scales",
    target="minigen.diffusion.score:noise_scales",
    minutes=5,
    prompt=r"""
    Return the noise levels of a score model, from `largest` down to `smallest`, both included.
    There are `levels` of them, and each is the same fraction of the one before.

    `largest` and `smallest` are positive numbers, `largest` at least `smallest`; `levels` is a
    whole number, at least 1. Return an array $(\mathrm{levels},)$ of floats. With one level it is
    `largest`. There may be 500 levels, and a factor of a million between the ends.
    """,
    hints="""
    Equal ratios of numbers are equal differences of their logarithms.

    sigma_i = largest (smallest/largest)^(i/(levels - 1)), i = 0 ... levels - 1.

        return np.exp(np.linspace(np.log(largest), np.log(smallest), levels))
    """,
)


@ladder.case(points=1, kind="equation", expect={"sigmas": [6.0, 3.0, 1.5, 0.75]})
def four_levels(impl, rng):
    """From 6 to 0.75: each half of the one before."""
    return {"sigmas": impl(6.0, 0.75, 4)}


@ladder.case(points=1, kind="equation")
def other_ladders(impl, rng):
    """Two, seven and ten levels."""
    largest, smallest = 1 + 5 * rng.random(), 0.01 + 0.5 * rng.random()
    return {f"{n} levels": impl(largest, smallest, n) for n in (2, 7, 10)}


@ladder.case(points=1, kind="equation", expect={"sigmas": [2.5]})
def a_single_level(impl, rng):
    """One level: the largest."""
    return {"sigmas": impl(2.5, 0.01, 1)}


@ladder.case(points=1, kind="equation", fixed=True, property=True, expect={"ratios": 0.0})
def equal_ratios(impl, rng):
    """Each level over the one before is (smallest/largest)^(1/(levels - 1))."""
    sigmas = np.array(impl(50.0, 0.02, 12))
    return {"ratios": sigmas[1:] / sigmas[:-1] - (0.02 / 50.0) ** (1 / 11)}


@ladder.case(points=1, kind="equation", fixed=True)
def long_and_flat(impl, rng):
    """500 levels over a factor of a million; and three levels that are all the same."""
    return {"long": impl(1000.0, 0.001, 500), "flat": impl(0.3, 0.3, 3)}


slope = Exercise(
    "diffusion/05/score_from_eps",
    target="minigen.diffusion.ddpm:score_from_eps",
    minutes=10,
    prompt=r"""
    Return the score of the noisy data, the gradient of $\log q(x_t)$ with respect to $x_t$, from a
    model's prediction of the noise.

    `eps` is the prediction for noisy examples, $(N, D)$ or $(N, H, W, C)$. `t` is a time step, a
    whole number, or an array $(N,)$ of them. `schedule.alpha_bar`, `schedule.alpha` and
    `schedule.beta` are float64 arrays indexed by the time step, $1 \dots T$ (`alpha_bar[0]` is 1);
    $x_t$ is $\sqrt{\bar\alpha_t} x_0 + \sqrt{1 - \bar\alpha_t} \varepsilon$. Compute
    $1 - \bar\alpha_t$ in float64 even if `eps` is float32, because it is inaccurate in float32.
    The result has the shape of `eps`. Leave `eps` unchanged.
    """,
    hints="""
    Given x_0, x_t is normal. Its score is minus the distance from the mean over the variance, and
    that distance is sqrt(1 - alpha_bar_t) eps.

    score = -eps/sqrt(1 - alpha_bar_t).

        alpha_bar = schedule.alpha_bar[t]
        shape = np.shape(alpha_bar) + (1,) * (np.ndim(eps) - 1) * np.ndim(alpha_bar)
        deviation = np.reshape(np.sqrt(1 - alpha_bar), shape)
        return -eps / deviation.astype(eps.dtype)
    """,
)

BY_HAND = Schedule([0.1, 0.6])  # alpha_bar is 0.9, 0.36: the noise at t = 2 has the deviation 0.8


def ten_steps():
    return Schedule(np.linspace(0.01, 0.3, 10))


@slope.case(points=2, kind="equation", expect={"score": [[-0.625, 1.25], [-3.75, 0.0]]})
def two_steps_of_noise(impl, rng):
    """At t = 2, where alpha_bar is 0.36: divide by -0.8."""
    return {"score": impl(np.array([[0.5, -1.0], [3.0, 0.0]]), 2, BY_HAND)}


@slope.case(points=1, kind="shapes")
def a_time_for_each(impl, rng):
    """An array of times, one for each example."""
    eps = rng.standard_normal((4, 3))
    return {"score": impl(eps, np.array([1, 4, 9, 10]), ten_steps())}


@slope.case(points=1, kind="shapes")
def pictures_of_noise(impl, rng):
    eps = rng.standard_normal((3, 4, 5, 2))
    one, many = (impl(eps, t, ten_steps()) for t in (7, np.array([1, 4, 9])))
    return {"one time": one, "a time for each": many}


@slope.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def normal_data(impl, rng):
    """If the data are N(0, 4), the mean of the noise given x_t gives the score of N(0, 1 + 3
    alpha_bar)."""
    schedule, x, gaps = ten_steps(), rng.standard_normal((5, 2)), []
    for t in (1, 3, 5, 8, 10):
        a = schedule.alpha_bar[t]
        eps = np.sqrt(1 - a) * x / (1 + 3 * a)
        gaps.append(impl(eps, t, schedule) + x / (1 + 3 * a))
    return {"difference": np.stack(gaps)}


@slope.case(points=1, kind="extremes", rtol=1e-5)
def hardly_any_noise(impl, rng):
    """1000 steps, of which the first adds a variance of 0.0001; eps of 1000; in float32."""
    eps = np.array([[1000.0, -1000.0], [0.5, 2.0]], np.float32)
    return {"score": impl(eps, np.array([1, 1000]), Schedule.linear(1000))}
