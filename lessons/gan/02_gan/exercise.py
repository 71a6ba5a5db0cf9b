"""Exercises of the GAN: the three losses, from logits."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

LN2 = 0.6931471805599453


discriminator = Exercise(
    "gan/02/discriminator_loss",
    target="minigen.gan.losses:discriminator_loss",
    minutes=15,
    rtol=1e-6,
    imports=["from minigen.tensor import sigmoid, softplus"],
    prompt=r"""
    Return the loss that a discriminator minimizes, one number, in nats: the mean of $-\log D$ over
    the real examples plus the mean of $-\log(1 - D)$ over the fakes, with
    $D = \mathrm{sigmoid}(\mathrm{logit})$.

    `real_logits` has shape $(N,)$, `fake_logits` $(M,)$. Loss and gradient must be exact for logits
    up to ±1000, in `float32` too. Therefore do not take the logarithm of a sigmoid. `np.where`
    removes an infinity from the loss, but not from its gradient.

    Write `smooth` last (one point): with $\mathrm{smooth} = s$ the target of the real examples is
    $1 - s$ instead of 1 (see `gan/09`).
    """,
    hints="""
    Add two cross-entropies: real examples with the target 1 and fakes with the target 0. Compute
    both from the logits, because sigmoid(1000) rounds to 1 and log(1 - 1) is minus infinity.

    -log sigmoid(l) = softplus(-l) and -log(1 - sigmoid(l)) = softplus(l). With target y the
    cross-entropy is y softplus(-l) + (1 - y) softplus(l).

        real = (1 - smooth) * softplus(-real_logits) + smooth * softplus(real_logits)
        return np.mean(real) + np.mean(softplus(fake_logits))
    """,
)


@discriminator.case(points=1, kind="equation", fixed=True, expect={"loss": 2 * LN2})
def undecided(impl, rng):
    return {"loss": impl(np.zeros(4), np.zeros(3))}


@discriminator.case(points=3, kind="equation", expect={"loss": 4 * np.log(2.0) - 1.5 * np.log(3.0)})
def by_hand(impl, rng):
    """Real examples with D = 3/4, 1/4: (log 4/3 + log 4)/2. Three fakes with D = 1/4: log 4/3."""
    return {"loss": impl(np.log([3.0, 1 / 3]), np.log([1 / 3, 1 / 3, 1 / 3]))}


@discriminator.case(points=2, kind="equation")
def batch(impl, rng):
    return {"loss": impl(2 * rng.standard_normal(6), 1 + 2 * rng.standard_normal(9))}


@discriminator.case(
    points=2,
    kind="extremes",
    expect={"loss at logits 1000 and -1000": 0.0, "loss at logits -1000 and 1000": 2000.0},
)
def very_sure(impl, rng):
    """Extreme logits, first with the right signs, then with the wrong ones."""
    return {
        "loss at logits 1000 and -1000": impl(np.full(3, 1000.0), np.full(5, -1000.0)),
        "loss at logits -1000 and 1000": impl(np.full(3, -1000.0), np.full(5, 1000.0)),
    }


@discriminator.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def turned_signs(impl, rng):
    """Changing the sign of every logit adds mean(real) - mean(fake) to the loss."""
    real, fake = rng.standard_normal(5), 0.5 + rng.standard_normal(7)
    return {"gap": impl(-real, -fake) - impl(real, fake) - np.mean(real) + np.mean(fake)}


@discriminator.case(points=1, kind="gradient")
def gradients(impl, rng):
    real, fake = rng.standard_normal(4), rng.standard_normal(6)
    return {
        "grad_real": grad(lambda r: impl(r, fake))(real),
        "grad_fake": grad(lambda f: impl(real, f))(fake),
    }


@discriminator.case(
    points=2,
    kind="gradient",
    expect={
        "gradient at real logits": [-0.2, -0.2, -0.1, 0.0, 0.0],
        "gradient at fake logits": [0.0, 0.0, 0.1, 0.2, 0.2],
    },
)
def gradients_where_it_is_sure(impl, rng):
    """Logits -1000, -100, 0, 100, 1000 in float32: the slopes are -sigmoid(-l)/5 and
    sigmoid(l)/5."""
    logits = np.array([-1000.0, -100.0, 0.0, 100.0, 1000.0], np.float32)
    undecided = np.zeros(2, np.float32)
    return {
        "gradient at real logits": grad(lambda r: impl(r, undecided))(logits),
        "gradient at fake logits": grad(lambda f: impl(undecided, f))(logits),
    }


@discriminator.case(points=1, kind="equation")
def one_sided_smoothing(impl, rng):
    real, fake = 2 + rng.standard_normal(6), rng.standard_normal(6) - 2
    return {"loss": impl(real, fake, 0.1), "stronger": impl(real, fake, 0.3)}


minimax = Exercise(
    "gan/02/generator_loss_minimax",
    target="minigen.gan.losses:generator_loss_minimax",
    minutes=5,
    imports=["from minigen.tensor import sigmoid, softplus"],
    prompt=r"""
    Return the generator's part of the minimax game, which it minimizes, one number, in nats: the
    mean of $\log(1 - D)$ over the fakes, with $D = \mathrm{sigmoid}(\mathrm{logit})$.

    `fake_logits` has shape $(N,)$. Loss and gradient must be exact for logits up to ±1000, in
    `float32` too. The loss is negative: $\log 1/2$ if $D$ is $1/2$ on every fake, and near 0 if $D$
    is near 0.
    """,
    hints="""
    D(G(z)) is sigmoid(fake_logits). The real examples do not occur, because their term does not
    depend on the generator.

    log(1 - sigmoid(l)) = log sigmoid(-l) = -softplus(l).

        return -np.mean(softplus(fake_logits))
    """,
)


@minimax.case(points=1, kind="equation", fixed=True, expect={"loss": -LN2})
def undecided_about_fakes(impl, rng):
    return {"loss": impl(np.zeros(4))}


@minimax.case(points=2, kind="equation", expect={"loss": -np.log(2.0) - np.log(3.0) / 3})
def three_fakes(impl, rng):
    """The values of 1 - D are 1/4, 1/2 and 1/3."""
    return {"loss": impl(np.log([3.0, 1.0, 2.0]))}


@minimax.case(points=2, kind="equation")
def random_fakes(impl, rng):
    return {"loss": impl(3 * rng.standard_normal(7))}


@minimax.case(
    points=2, kind="extremes", expect={"loss at logit 1000": -1000.0, "loss at logit -1000": 0.0}
)
def very_sure_fakes(impl, rng):
    """A discriminator that is near 1 on every fake, and one that is near 0."""
    return {
        "loss at logit 1000": impl(np.full(3, 1000.0)),
        "loss at logit -1000": impl(np.full(3, -1000.0)),
    }


@minimax.case(points=2, kind="gradient", property=True, expect={"gap": 0.0})
def vanishing_gradient(impl, rng):
    """The gradient is -sigmoid(l)/N, and vanishes where D is near 0."""
    logits = np.array([-30.0, -3.0, 0.0, 3.0]) + 0.1 * rng.standard_normal(4)
    return {"gap": grad(impl)(logits) + 1 / (1 + np.exp(-logits)) / 4}


@minimax.case(points=1, kind="gradient", expect={"gradient": [0.0, 0.0, -0.1, -0.2, -0.2]})
def gradient_at_sure_fakes(impl, rng):
    """Logits -1000, -100, 0, 100, 1000 in float32."""
    return {"gradient": grad(impl)(np.array([-1000.0, -100.0, 0.0, 100.0, 1000.0], np.float32))}


nonsaturating = Exercise(
    "gan/02/generator_loss_nonsaturating",
    target="minigen.gan.losses:generator_loss_nonsaturating",
    minutes=5,
    imports=["from minigen.tensor import sigmoid, softplus"],
    prompt=r"""
    Return the loss that generators are trained with in practice, one number, in nats: the mean of
    $-\log D$ over the fakes, with $D = \mathrm{sigmoid}(\mathrm{logit})$.

    `fake_logits` has shape $(N,)$. Loss and gradient must be exact for logits up to ±1000, in
    `float32` too. The loss is positive: $\log 2$ if $D$ is $1/2$ on every fake, and near 0 if $D$
    is near 1.
    """,
    hints="""
    It is the cross-entropy of the fakes with the label of the real examples.

    -log sigmoid(l) = softplus(-l).

        return np.mean(softplus(-fake_logits))
    """,
)


@nonsaturating.case(points=1, kind="equation", fixed=True, expect={"loss": LN2})
def no_opinion(impl, rng):
    return {"loss": impl(np.zeros(4))}


@nonsaturating.case(
    points=2, kind="equation", expect={"loss": 1.5 * np.log(2.0) - 0.5 * np.log(3.0)}
)
def two_fakes(impl, rng):
    """The values of D are 1/2 and 3/4."""
    return {"loss": impl(np.log([1.0, 3.0]))}


@nonsaturating.case(points=2, kind="equation")
def more_fakes(impl, rng):
    return {"loss": impl(3 * rng.standard_normal(7))}


@nonsaturating.case(
    points=2, kind="extremes", expect={"loss at logit 1000": 0.0, "loss at logit -1000": 1000.0}
)
def sure_of_itself(impl, rng):
    """A discriminator that is near 1 on every fake, and one that is near 0."""
    return {
        "loss at logit 1000": impl(np.full(3, 1000.0)),
        "loss at logit -1000": impl(np.full(3, -1000.0)),
    }


@nonsaturating.case(points=2, kind="gradient", property=True, expect={"gap": 0.0})
def strong_gradient(impl, rng):
    """The gradient is -sigmoid(-l)/N, and is largest where D is near 0."""
    logits = np.array([-30.0, -3.0, 0.0, 3.0]) + 0.1 * rng.standard_normal(4)
    return {"gap": grad(impl)(logits) + 1 / (1 + np.exp(logits)) / 4}


@nonsaturating.case(points=1, kind="gradient", expect={"gradient": [-0.2, -0.2, -0.1, 0.0, 0.0]})
def gradient_where_it_is_sure(impl, rng):
    """Logits -1000, -100, 0, 100, 1000 in float32."""
    return {"gradient": grad(impl)(np.array([-1000.0, -100.0, 0.0, 100.0, 1000.0], np.float32))}
