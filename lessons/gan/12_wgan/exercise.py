"""Exercises of the Wasserstein GAN: the critic's loss, clipping, the gradient penalty, the
penalized loss, and the slope that the penalty allows."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.nn import MLP
from minigen.tensor import grad, leaves

loss = Exercise(
    "gan/12/critic_loss",
    target="minigen.gan.wgan:critic_loss",
    minutes=5,
    prompt="""
    Return the loss that the critic of a Wasserstein GAN minimizes: one number, in the units of its
    scores.

    `real_scores` $(N,)$ and `fake_scores` $(M,)$ are $f(x)$ at the real and at the generated
    examples. They are any real numbers; there is no sigmoid. The critic is trained to make the mean
    real score exceed the mean generated score by as much as possible. This gap is its estimate of
    the distance. Each group enters by its own mean, for any $N$ and $M$. The loss must be
    differentiable, so use `np`, which is autograd's NumPy.
    """,
    hints="""
    The critic maximizes the gap, and an optimizer minimizes the loss. There is no logarithm and no
    bound.

    Loss = -(E f(real) - E f(fake)).

        return np.mean(fake_scores) - np.mean(real_scores)
    """,
)


@loss.case(points=1, kind="equation", expect={"loss": -4.0})
def by_hand(impl, rng):
    """Real scores 3 and 5, fake scores 1, 0 and -1: the gap is 4."""
    return {"loss": impl(np.array([3.0, 5.0]), np.array([1.0, 0.0, -1.0]))}


@loss.case(points=2, kind="equation", expect={"loss": 4.0})
def wrong_way_round(impl, rng):
    """A critic whose mean score is higher for the generated examples has a positive loss."""
    return {"loss": impl(np.array([-1.0, -3.0]), np.array([2.0, 2.0, 2.0, 2.0]))}


@loss.case(points=1, kind="extremes", expect={"loss": -2500.0})
def without_bounds(impl, rng):
    """Real scores 2000 and 4000, fake scores 1000, 500 and 0: the gap is 2500."""
    return {"loss": impl(np.array([2000.0, 4000.0]), np.array([1000.0, 500.0, 0.0]))}


@loss.case(points=2, kind="equation", fixed=True, property=True, expect={"change": 0.0})
def shifted(impl, rng):
    """A constant added to every score does not change the loss."""
    real, fake = rng.standard_normal(5), 1 + rng.standard_normal(7)
    return {"change": impl(real + 3.5, fake + 3.5) - impl(real, fake)}


@loss.case(points=2, kind="gradient")
def gradients(impl, rng):
    real, fake = 2 * rng.standard_normal(4), 2 * rng.standard_normal(6)
    return {
        "grad_real": grad(lambda r: impl(r, fake))(real),
        "grad_fake": grad(lambda f: impl(real, f))(fake),
    }


clip = Exercise(
    "gan/12/clip_weights",
    target="minigen.gan.wgan:clip_weights",
    minutes=10,
    mutates=["critic"],
    imports=["from minigen.tensor import leaves"],
    prompt="""
    Clip every parameter of the critic to $[-c, c]$, in place, and return nothing. The first
    Wasserstein GAN does this after each step of its critic, to bound the critic's slope.

    `critic` is a model. `leaves`, from `minigen.tensor`, returns the list of a model's parameters:
    float arrays, weights and biases. An entry outside $[-c, c]$ moves to the nearest end; an entry
    inside does not change. Write into the arrays themselves, because the model uses these arrays.
    """,
    hints="""
    Clipping treats each entry separately: above c it becomes c, below -c it becomes -c. Nothing is
    rescaled.

    w <- min(max(w, -c), c) for every entry of every array. `w = ...` only names a new array;
    `w[...] = ...` writes into the old array.

        for w in leaves(critic):
            w[...] = np.clip(w, -c, c)
    """,
)


def small_critic(rng, scale=1.0):
    """2 -> 3 -> 1, with biases too."""
    critic = MLP(rng, [2, 3, 1], activation="relu")
    for w in leaves(critic):
        w[...] = scale * rng.standard_normal(w.shape)
    return critic


@clip.case(points=1, kind="equation", expect={"w": [[0.5, -0.5], [0.25, 0.0]]})
def four_weights(impl, rng):
    critic = MLP(rng, [2, 2])
    (w,) = [p for p in leaves(critic) if p.ndim == 2]
    w[...] = [[3.0, -0.75], [0.25, 0.0]]
    impl(critic, 0.5)
    return {"w": w}


@clip.case(points=2, kind="equation")
def weights_and_biases(impl, rng):
    critic = small_critic(rng, 3.0)
    impl(critic, 0.3)
    return {name.replace(".", "_"): w for name, w in critic.parameters().items()}


@clip.case(points=2, kind="equation", fixed=True, property=True, expect={"change": 0.0})
def wide_enough(impl, rng):
    """Weights inside the interval do not change."""
    critic = small_critic(rng, 0.1)
    before = [w.copy() for w in leaves(critic)]
    impl(critic, 2.0)
    return {"change": max(np.abs(w - old).max() for w, old in zip(leaves(critic), before))}


@clip.case(points=1, kind="shapes", fixed=True, property=True, expect={"returns nothing": True})
def returns_nothing(impl, rng):
    """It returns nothing."""
    return {"returns nothing": impl(small_critic(rng), 0.5) is None}


penalty = Exercise(
    "gan/12/gradient_penalty",
    target="minigen.gan.wgan:gradient_penalty_at",
    minutes=20,
    blocked=[
        "minigen.gan.wgan:gradient_penalty",
        "minigen.gan.wgan:gradient_norm",
        "minigen.gan.wgan:lipschitz_estimate",
        "minigen.gan.wgan:penalized_critic_loss",
    ],
    imports=["from minigen.tensor import grad"],
    prompt=r"""
    Return the gradient penalty without its factor $\lambda$: one number, the mean over the batch of
    $(|g| - \mathrm{target})^2$, where $g$ is the gradient of $f$ at $\hat x$.

    `critic` maps examples $(N, \dots)$ to scores $(N,)$. `real` and `fake` have the same shape:
    $(N, 2)$ for points, $(N, H, W, C)$ for images. `epsilon` $(N,)$ holds a number in $[0, 1]$ for
    each pair. $\hat x$ lies on the segment between the two examples of its pair, at the fraction
    $\epsilon$ of the way from the generated one to the real one. The gradient is with respect to
    $\hat x$; its norm is over all components of one example.

    `grad(fn)(x)`, from `minigen.tensor`, is the gradient of a function that returns one number.
    Your result is differentiated again, with respect to the critic's weights. Where the critic is
    flat the norm is 0, and the derivative of the square root is infinite there. The gradient of
    your result must then be 0, not `NaN`: add $10^{-12}$ under the root. The factor $\lambda$ is
    applied in the loss.
    """,
    hints="""
    There are three steps: the points between the pairs, the gradient of each score with respect to
    its own point, and the mean of (norm - target)^2.

    Score n depends on example n only, so row n of the gradient of the SUM of the scores is the
    gradient of score n. Its norm is the root of the sum of squares over all axes but the first.

        epsilon = np.reshape(epsilon, (len(real),) + (1,) * (np.ndim(real) - 1))
        x_hat = epsilon * real + (1 - epsilon) * fake
        slopes = np.reshape(grad(lambda x: np.sum(critic(x)))(x_hat), (len(real), -1))
        return np.mean((np.sqrt(np.sum(slopes**2, axis=1) + 1e-12) - target) ** 2)
    """,
)


def linear(*w):
    """f(x) = w.x, of slope |w| everywhere."""
    return lambda x: np.dot(x, np.array(w))


def bowl(x):
    """f(x) = |x|^2 / 2, of slope |x| at x."""
    return 0.5 * np.sum(np.reshape(x, (len(x), -1)) ** 2, axis=1)


def wavy(w):
    """Two neurons: slopes that differ from point to point."""
    return lambda x: 3 * np.sum(np.tanh(np.dot(x, w)), axis=1)


@penalty.case(points=1, kind="equation", fixed=True, expect={"penalty": 16.0})
def slope_five(impl, rng):
    """f(x) = 3 x_1 + 4 x_2 has slope 5 at every x_hat: (5 - 1)^2."""
    real, fake = rng.standard_normal((2, 3, 2))
    return {"penalty": impl(linear(3.0, 4.0), real, fake, np.array([0.1, 0.5, 0.9]))}


@penalty.case(points=1, kind="equation", expect={"penalty": 0.25})
def too_flat(impl, rng):
    """A slope of 1/2 is as far from 1 as one of 3/2."""
    real, fake = rng.standard_normal((2, 4, 2))
    return {"penalty": impl(linear(0.3, 0.4), real, fake, np.full(4, 0.5))}


@penalty.case(points=2, kind="equation", expect={"penalty": (4.0 + 1.0) / 2})
def on_the_segment(impl, rng):
    """f(x) = |x|^2/2; real (4, 0), fake (0, 0): x_hat = (3, 0) and (2, 0), slopes 3 and 2."""
    real, fake = np.array([[4.0, 0.0], [4.0, 0.0]]), np.zeros((2, 2))
    return {"penalty": impl(bowl, real, fake, np.array([0.75, 0.5]))}


@penalty.case(points=2, kind="equation")
def another_target(impl, rng):
    real, fake = 1 + rng.standard_normal((2, 5, 3))
    return {
        "penalty": impl(bowl, real, fake, 0.1 + 0.8 * rng.random(5), 2.5),
        "zero": impl(bowl, real, fake, rng.random(5), 0.0),
    }


@penalty.case(points=2, kind="shapes")
def images(impl, rng):
    real, fake = 0.5 + rng.random((2, 3, 4, 4, 2))
    return {"penalty": impl(bowl, real, fake, np.array([0.2, 0.5, 0.9]))}


@penalty.case(points=2, kind="gradient")
def gradient_in_the_critic(impl, rng):
    """The derivative of a derivative, with respect to the critic's weights."""
    real, fake, w = (
        rng.standard_normal((4, 2)),
        1 + rng.standard_normal((4, 2)),
        rng.standard_normal((2, 2)),
    )
    epsilon = np.array([0.1, 0.4, 0.6, 0.8])
    return {"grad_w": grad(lambda w: impl(wavy(w), real, fake, epsilon))(w)}


@penalty.case(
    points=2,
    kind="gradient",
    atol=1e-7,
    expect={
        "penalty with target 0": 0.0,
        "gradient with respect to w": [2.4, 3.2],
        "gradient with respect to dead weights": 0.0,
    },
)
def where_the_critic_is_flat(impl, rng):
    """f(x) = max(3 x_1 + 4 x_2, 0) has slope 5 on one side and 0 on the other; a layer of dead
    units has slope 0 everywhere."""
    real, fake = np.array([[2.0, 1.0], [-2.0, -1.0]]), np.array([[1.0, 2.0], [-1.0, -2.0]])

    def penalty_of(w):
        return impl(lambda x: np.maximum(np.dot(x, w), 0.0), real, fake, np.array([0.25, 0.75]))

    def dead(x):
        return np.maximum(np.dot(x, np.array([3.0, 4.0])), 0.0)

    def dead_penalty_of(w):
        def critic(x):
            return np.sum(np.maximum(np.dot(x, w) - 100.0, 0.0), axis=1)

        return impl(critic, real, fake, np.array([0.25, 0.75]))

    return {
        "penalty with target 0": impl(dead, real[1:], fake[1:], np.array([0.5]), 0.0),
        "gradient with respect to w": grad(penalty_of)(np.array([3.0, 4.0])),
        "gradient with respect to dead weights": grad(dead_penalty_of)(np.ones((2, 3))),
    }


@penalty.case(points=1, kind="shapes", rtol=1e-4)
def in_single_precision(impl, rng):
    """Examples and weights in float32, as in training."""
    real, fake = rng.standard_normal((2, 6, 3), dtype=np.float32)
    w = rng.standard_normal((3, 2), dtype=np.float32)
    epsilon = rng.random(6, dtype=np.float32)
    return {"penalty": impl(wavy(w), real, fake, epsilon)}


@penalty.case(points=2, kind="equation", fixed=True, property=True, expect={"change": 0.0})
def ends_exchanged(impl, rng):
    """Exchanging real and fake, with 1 - epsilon for epsilon, gives the same penalty."""
    real, fake = 1 + rng.standard_normal((4, 2)), rng.standard_normal((4, 2))
    epsilon = np.array([0.1, 0.3, 0.6, 0.8])
    return {"change": impl(bowl, real, fake, epsilon) - impl(bowl, fake, real, 1 - epsilon)}


whole = Exercise(
    "gan/12/penalized_critic_loss",
    target="minigen.gan.wgan:penalized_critic_loss",
    minutes=10,
    blocked=[
        "minigen.gan.wgan:critic_loss",
        "minigen.gan.wgan:gradient_penalty",
        "minigen.gan.wgan:gradient_penalty_at",
        "minigen.gan.wgan:gradient_norm",
    ],
    prompt=r"""
    Return a tuple of two numbers: the loss that a critic with gradient penalty minimizes, and the
    part of this loss that estimates the distance. The first number is `critic_loss` plus $\lambda$
    times `gradient_penalty`. The second is `critic_loss` alone, which is logged and plotted. The
    first number must be differentiable.

    `critic` maps examples $(N, \dots)$ to scores $(N,)$; `real`, `fake` and `epsilon` $(N,)$ are as
    in `gradient_penalty`, whose target is 1 here. `penalty` is $\lambda$, the weight of the
    penalty. Call your own `critic_loss` and `gradient_penalty` of this file.
    """,
    hints="""
    The critic's loss is minus the gap of the mean scores. The penalty adds a cost for every slope
    that is not 1.

    critic_loss(f(real), f(fake)) + lambda * gradient_penalty(f, real, fake, epsilon).

        plain = critic_loss(critic(real), critic(fake))
        return plain + penalty * gradient_penalty(critic, real, fake, epsilon), plain
    """,
)


@whole.case(points=1, kind="equation", expect={"total": 36.0, "plain": -4.0})
def slope_three(impl, rng):
    """f(x) = 3 x; real 2, fake 2/3: plain is 2 - 6, the penalty (3 - 1)^2, lambda 10."""
    total, plain = impl(linear(3.0), np.array([[2.0]]), np.array([[2 / 3]]), np.array([0.5]))
    return {"total": total, "plain": plain}


@whole.case(points=2, kind="equation")
def another_lambda(impl, rng):
    real, fake = rng.standard_normal((2, 5, 2, 2, 1))  # small images
    total, plain = impl(bowl, 1 + real, fake, rng.random(5), 0.5)
    return {"total": total, "plain": plain}


@whole.case(
    points=2, kind="equation", fixed=True, property=True, expect={"total": -1.7, "plain": -1.7}
)
def slope_one(impl, rng):
    """With a slope of 1 the penalty is 0."""
    x = rng.standard_normal((6, 2))
    total, plain = impl(linear(0.6, 0.8), x + 1.7 * np.array([0.6, 0.8]), x, rng.random(6))
    return {"total": total, "plain": plain}


@whole.case(points=2, kind="gradient")
def gradient_of_the_whole(impl, rng):
    real, fake, w = (
        rng.standard_normal((4, 2)),
        1 + rng.standard_normal((4, 2)),
        rng.standard_normal((2, 2)),
    )
    epsilon = np.array([0.1, 0.4, 0.6, 0.8])
    return {"grad_w": grad(lambda w: impl(wavy(w), real, fake, epsilon)[0])(w)}


slope = Exercise(
    "gan/12/penalized_slope",
    target="minigen.gan.wgan:penalized_slope",
    minutes=10,
    prompt=r"""
    Return the slope of the best critic with a gradient penalty. For one real and one generated
    point at distance $W$, a critic of slope $s$ has the gap $s W$ and the penalty
    $\lambda (s - 1)^2$, so its loss is $\lambda (s - 1)^2 - s W$. Return the slope with the
    smallest loss.

    `distance` is $W$, zero or positive: a number, or an array of any shape, whose shape the result
    has. `penalty` is $\lambda$, a positive number. The result need not be differentiable: plain
    NumPy will do.
    """,
    hints="""
    The loss is a parabola in s. Where is its minimum, and where would it be without the gap?

    The derivative of the loss is 2 lambda (s - 1) - W, and it is 0 at s = 1 + W / (2 lambda).

        return 1 + distance / (2 * penalty)
    """,
)


@slope.case(points=1, kind="equation", expect={"slope": 1.2})
def the_papers_lambda(impl, rng):
    """W = 4 and lambda 10, as when it is left out: 10 s² - 24 s + 10 is least at 24/20."""
    return {"slope": impl(4.0)}


@slope.case(points=2, kind="equation", expect={"slope": [3.0, 1.75]})
def another_penalty(impl, rng):
    """W = 4 with lambda 1: s² - 6 s + 1. W = 3 with lambda 2: 2 s² - 7 s + 2."""
    return {"slope": np.array([impl(4.0, 1.0), impl(3.0, 2.0)])}


@slope.case(points=1, kind="equation", fixed=True, expect={"slope": 1.0})
def nothing_to_gain(impl, rng):
    """At W = 0 the loss is the penalty alone."""
    return {"slope": impl(0.0, 5.0)}


@slope.case(points=2, kind="equation", property=True, expect={"derivative": 0.0})
def the_loss_is_flat_there(impl, rng):
    """The derivative of the loss with respect to s is 0."""
    distance, penalty = 0.5 + 5 * rng.random(), 0.3 + 2 * rng.random()
    return {"derivative": 2 * penalty * (impl(distance, penalty) - 1) - distance}


@slope.case(points=1, kind="shapes")
def a_table(impl, rng):
    """Distances of shape (3, 4)."""
    return {"slopes": impl(5 * rng.random((3, 4)), 1.5)}
