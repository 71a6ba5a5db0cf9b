"""Exercises on guidance by a classifier: its gradient at each example, and the guided noise."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule
from minigen.tensor import log_softmax, softplus

slope = Exercise(
    "diffusion/08/classifier_gradient",
    target="minigen.diffusion.guidance:classifier_gradient",
    minutes=10,
    imports=["from minigen.tensor import grad"],
    prompt=r"""
    The gradient of $\log f(y \mid x_t)$ in the example $x_t$, for each example of a batch.

    `x` has shape $(N, \dots)$: points $(N, D)$ or pictures $(N, H, W, C)$. The function `log_prob`
    takes `x` and `t` and returns $(N,)$, the logarithm for each example, made of autograd's
    operations; entry $n$ depends on example $n$ alone. Call it with the whole batch, and with `t`
    as it is. The result has the shape of `x`: row $n$ is the gradient of entry $n$ in example $n$,
    whatever the others are.

    `grad(fn)` of `minigen.tensor` gives the gradient of a function that returns one number. The
    logarithms may be as low as $-1000$.
    """,
    hints="""
    grad needs a function with one number as its result, and there are N. Which single number has
    all N gradients in it?

    The sum over examples: example n occurs in entry n only, so the derivative of the sum in example
    n is that of entry n.

        return grad(lambda x: np.sum(log_prob(x, t)))(x)
    """,
)


@slope.case(points=1, kind="equation", expect={"gradient": [[-4.0, -3.0], [4.0, -6.0]]})
def two_points(impl, rng):
    """-t (x1^2 + 3 x2) has the slopes -2 t x1 and -3 t. At (2, 5) with t = 1, and at (-1, 0.5) with
    t = 2."""

    def log_prob(x, t):
        return -t * (x[:, 0] ** 2 + 3 * x[:, 1])

    return {"gradient": impl(log_prob, np.array([[2.0, 5.0], [-1.0, 0.5]]), np.array([1, 2]))}


def classifier(rng, sizes):
    """A random network with two layers: log p(y | x) of class 1 of 3."""
    first = rng.standard_normal((sizes, 6))
    second = rng.standard_normal((6, 3))

    def log_prob(x, t):
        h = np.tanh(np.reshape(x, (len(x), -1)) @ first + 0.1 * t[:, None])
        return log_softmax(h @ second)[:, 1]

    return log_prob


@slope.case(points=2, kind="equation")
def a_network(impl, rng):
    x, t = rng.standard_normal((5, 3)), rng.integers(1, 100, 5)
    return {"gradient": impl(classifier(rng, 3), x, t)}


@slope.case(points=1, kind="shapes")
def pictures(impl, rng):
    x, t = rng.standard_normal((4, 3, 5, 2)), rng.integers(1, 100, 4)
    return {"gradient": impl(classifier(rng, 30), x, t)}


@slope.case(points=1, kind="equation", property=True, expect={"difference": 0.0})
def alone_and_in_company(impl, rng):
    """An example has the same gradient in a batch and alone."""
    x, t = rng.standard_normal((6, 4)), rng.integers(1, 100, 6)
    log_prob = classifier(rng, 4)
    alone = [impl(log_prob, x[n : n + 1], t[n : n + 1]) for n in range(6)]
    return {"difference": impl(log_prob, x, t) - np.concatenate(alone)}


@slope.case(
    points=1,
    kind="extremes",
    fixed=True,
    expect={"gradient": [[3.0, -4.0], [0.0, 0.0], [1.5, -2.0]]},
    atol=1e-6,
)
def nearly_impossible(impl, rng):
    """log f = -softplus(-3 x1 + 4 x2) is -1000 at the first point, 0 at the second, log(1/2) at the
    third. In float32."""

    def log_prob(x, t):
        return -softplus(-3 * x[:, 0] + 4 * x[:, 1])

    x = np.array([[-200.0, 100.0], [200.0, -100.0], [4.0, 3.0]], np.float32)
    return {"gradient": impl(log_prob, x, np.array([7, 7, 7]))}


guided = Exercise(
    "diffusion/08/classifier_guided_eps",
    target="minigen.diffusion.guidance:classifier_guided_eps",
    minutes=10,
    prompt=r"""
    The model's prediction of the noise, corrected by a classifier, so that a sampler draws examples
    of the given class.

    `eps` is the prediction for noisy examples, $(N, D)$ or $(N, H, W, C)$; `grad`, of the same
    shape, is the gradient of $\log f(y \mid x_t)$ in $x_t$, ready-made; `t` is one time step, a
    whole number, or an array $(N,)$ of them; `w` is the weight of the gradient. The result has the
    shape of `eps`. It is minus $\sqrt{1 - \bar\alpha_t}$ times the guided score, where `eps` is the
    same of the score without guidance. The result need not be differentiable.

    `schedule.alpha`, `schedule.alpha_bar` and `schedule.beta` are arrays indexed by the time step,
    $1 \dots T$ (`alpha_bar[0]` is 1).
    """,
    hints="""
    The gradient of log f is added to the score. The noise is minus a multiple of the score, so the
    gradient is subtracted there.

    eps - sqrt(1 - alpha_bar_t) w grad.

        shape = (-1,) + (1,) * (np.ndim(eps) - 1)  # (N, 1) for (N, D), (N, 1, 1, 1) for images
        root = np.sqrt(1 - np.reshape(schedule.alpha_bar[t], shape))
        return eps - root * w * grad
    """,
)

BY_HAND = Schedule([0.1, 0.6])  # alpha_bar is 0.9, 0.36: the factor at t = 2 is 0.8


def schedule():
    return Schedule(np.linspace(0.01, 0.3, 10))


@guided.case(points=1, kind="equation", expect={"eps": [[-4.3, -1.6]]})
def two_numbers(impl, rng):
    """At t = 2, where alpha_bar is 0.36, with w = 3: 0.5 - 0.8 * 3 * 2 and -1 - 0.8 * 3 * 0.25."""
    return {"eps": impl(np.array([[0.5, -1.0]]), np.array([[2.0, 0.25]]), 2, BY_HAND, 3.0)}


@guided.case(points=1, kind="equation", expect={"eps": [[-1.1, -1.2]]})
def weight_of_one(impl, rng):
    """The same without a weight, which is then 1."""
    return {"eps": impl(np.array([[0.5, -1.0]]), np.array([[2.0, 0.25]]), 2, BY_HAND)}


@guided.case(points=2, kind="shapes")
def a_time_for_each(impl, rng):
    eps, grad = rng.standard_normal((2, 4, 3))
    return {"eps": impl(eps, grad, np.array([1, 4, 9, 10]), schedule(), 0.7)}


@guided.case(points=1, kind="shapes")
def pictures_with_their_times(impl, rng):
    eps, grad = rng.standard_normal((2, 3, 4, 5, 2))
    one, many = (impl(eps, grad, t, schedule(), 2.5) for t in (7, np.array([1, 4, 9])))
    return {"one time": one, "a time for each": many}


@guided.case(points=1, kind="equation", property=True, expect={"change": 0.0})
def without_weight(impl, rng):
    """A weight of zero changes nothing; a negative weight leads away from the class."""
    eps, grad = rng.standard_normal((2, 4, 3))
    away = impl(eps, grad, 5, schedule(), -2.0)
    return {"change": impl(eps, grad, 5, schedule(), 0.0) - eps, "away": away}


@guided.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def two_modes(impl, rng):
    """For two Gaussians at 2 and -2 and the exact classifier, the guided noise is that of the first
    one alone."""
    s, x, gaps = schedule(), rng.standard_normal((6, 1)), []
    for t in (1, 2, 4, 6, 8, 10):
        a = s.alpha_bar[t]
        center = 2 * np.sqrt(a)  # both have variance 1 at every t
        side = np.tanh(center * x)
        eps = -np.sqrt(1 - a) * (-x + center * side)
        wanted = -np.sqrt(1 - a) * (center - x)
        gaps.append(impl(eps, center * (1 - side), t, s) - wanted)
    return {"difference": np.stack(gaps)}


@guided.case(points=1, kind="extremes", rtol=1e-5)
def steep_classifiers(impl, rng):
    """Gradients of 1000 and -1000, as of a classifier that is certain; in float32."""
    eps = rng.standard_normal((3, 2)).astype(np.float32)
    grad = np.array([[1000.0, -1000.0], [0.0, 5.0], [-1000.0, 1.0]], np.float32)
    return {"eps": impl(eps, grad, np.array([1, 5, 10]), schedule(), 8.0)}
