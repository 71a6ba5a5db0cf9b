"""Exercises of the GAN: the three losses, from logits."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

LN2 = 0.6931471805599453


def log_sigmoid(x):
    """log σ(x), exact for large |x|."""
    return -np.logaddexp(0.0, -x)


# ------------------------------------------------------------------------------------------- the
# discriminator

discriminator = Exercise(
    "gan/02/discriminator_loss",
    target="minigen.gan.losses:discriminator_loss",
    minutes=15,
    prompt="""
    The loss that a discriminator minimizes, one number, in nats.

    real_logits (N,) and fake_logits (M,) are the discriminator's outputs before the sigmoid: D(x) =
    sigmoid(logit) is its probability that x is real. It wants D(x) to be 1 on the real examples and
    0 on the fake ones; each group counts by its mean, whatever N and M. Without smoothing, an
    undecided discriminator (all logits 0) has loss 2 log 2.

    With smooth = s > 0 the target of the real examples is 1 - s instead of 1; the target of the
    fakes stays 0.

    Logits may be as large as 1000: compute without ever taking the logarithm of 0. Finite in,
    finite out.
    """,
    hints=[
        (
            "Two cross-entropies: real examples against the target 1, fake ones against the target"
            " 0. Work with logits all the way, for sigmoid(1000) rounds to 1 and log(1 - 1) is"
            " minus infinity."
        ),
        (
            "-log sigmoid(l) = softplus(-l) and -log(1 - sigmoid(l)) = softplus(l). With target y"
            " the cross-entropy is y softplus(-l) + (1 - y) softplus(l)."
        ),
        (
            "With a = 1 - smooth, add np.mean(a * softplus(-real_logits) + smooth *"
            " softplus(real_logits)) and np.mean(softplus(fake_logits))."
        ),
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import sigmoid, softplus"],
    rtol=1e-6,
)


@discriminator.case(points=1, expect={"loss": 2 * LN2})
def undecided(impl, rng):
    return {"loss": impl(np.zeros(4), np.zeros(3))}


@discriminator.case(points=2, expect={"loss": 4 * np.log(2.0) - 1.5 * np.log(3.0)})
def by_hand(impl, rng):
    """D = 3/4 and 1/4 on two real examples: (log 4/3 + log 4)/2; D = 1/4 on three fakes: log
    4/3."""
    return {"loss": impl(np.log([3.0, 1 / 3]), np.log([1 / 3, 1 / 3, 1 / 3]))}


@discriminator.case(points=2)
def batch(impl, rng):
    return {"loss": impl(2 * rng.standard_normal(6), 1 + 2 * rng.standard_normal(9))}


@discriminator.case(points=2, expect={"right": 0.0, "wrong": 2000.0})
def very_sure(impl, rng):
    return {
        "right": impl(np.full(3, 1000.0), np.full(5, -1000.0)),
        "wrong": impl(np.full(3, -1000.0), np.full(5, 1000.0)),
    }


@discriminator.case(
    points=1,
    property="turning the sign of every logit adds mean(real) - mean(fake)",
    expect={"gap": 0.0},
)
def turned_signs(impl, rng):
    real, fake = rng.standard_normal(5), 0.5 + rng.standard_normal(7)
    return {"gap": impl(-real, -fake) - impl(real, fake) - np.mean(real) + np.mean(fake)}


@discriminator.case(points=2)
def one_sided_smoothing(impl, rng):
    real, fake = 2 + rng.standard_normal(6), rng.standard_normal(6) - 2
    return {"loss": impl(real, fake, 0.1), "stronger": impl(real, fake, 0.3)}


@discriminator.case(points=2)
def gradients(impl, rng):
    real, fake = rng.standard_normal(4), rng.standard_normal(6)
    return {
        "grad_real": grad(lambda r: impl(r, fake))(real),
        "grad_fake": grad(lambda f: impl(real, f))(fake),
        "grad_smooth": grad(lambda r: impl(r, fake, 0.2))(real),
    }


@discriminator.mistake(
    hint="The labels are swapped: the target is 1 on the real examples and 0 on the fake ones."
)
def swapped_labels(real_logits, fake_logits, smooth=0.0):
    real = (1 - smooth) * log_sigmoid(-real_logits) + smooth * log_sigmoid(real_logits)
    return -np.mean(real) - np.mean(log_sigmoid(fake_logits))


@discriminator.mistake(hint="Take the mean over each group, not the sum.")
def sum_for_mean(real_logits, fake_logits, smooth=0.0):
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    return -np.sum(real) - np.sum(log_sigmoid(-fake_logits))


@discriminator.mistake(
    hint="Each group has its own mean: a batch with more fakes than reals must not weigh them more."
)
def one_mean_for_both(real_logits, fake_logits, smooth=0.0):
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    return -2 * np.mean(np.concatenate([real, log_sigmoid(-fake_logits)]))


@discriminator.mistake(
    hint="The two means are added, not averaged: an undecided discriminator has loss 2 log 2."
)
def half(real_logits, fake_logits, smooth=0.0):
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    return -0.5 * (np.mean(real) + np.mean(log_sigmoid(-fake_logits)))


@discriminator.mistake(
    hint=(
        "This is what the discriminator wants large; the loss that it minimizes is the negative"
        " of it."
    )
)
def sign(real_logits, fake_logits, smooth=0.0):
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    return np.mean(real) + np.mean(log_sigmoid(-fake_logits))


@discriminator.mistake(
    hint="sigmoid(1000) rounds to 1, and log(1 - 1) is minus infinity: use softplus on the logits."
)
def through_the_sigmoid(real_logits, fake_logits, smooth=0.0):
    d_real, d_fake = 1 / (1 + np.exp(-real_logits)), 1 / (1 + np.exp(-fake_logits))
    real = (1 - smooth) * np.log(d_real) + (smooth * np.log(1 - d_real) if smooth else 0.0)
    return -np.mean(real) - np.mean(np.log(1 - d_fake))


@discriminator.mistake(hint="Smoothing is one-sided: the target of the fake examples stays 0.")
def two_sided_smoothing(real_logits, fake_logits, smooth=0.0):
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    fake = (1 - smooth) * log_sigmoid(-fake_logits) + smooth * log_sigmoid(fake_logits)
    return -np.mean(real) - np.mean(fake)


@discriminator.mistake(
    hint=(
        "With the target 1 - smooth, the other part of the cross-entropy, for the target 0, has the"
        " weight smooth."
    )
)
def smoothing_forgets_the_rest(real_logits, fake_logits, smooth=0.0):
    return -(1 - smooth) * np.mean(log_sigmoid(real_logits)) - np.mean(log_sigmoid(-fake_logits))


@discriminator.mistake(hint="These are the logits themselves; the loss needs log sigmoid of them.")
def without_the_logarithm(real_logits, fake_logits, smooth=0.0):
    return np.mean(fake_logits) - np.mean(real_logits)


@discriminator.mistake(hint="Logarithms are natural: nats, not bits.")
def bits(real_logits, fake_logits, smooth=0.0):
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    return -(np.mean(real) + np.mean(log_sigmoid(-fake_logits))) / np.log(2.0)


discriminator.equivalent(
    "if smooth → if True", reason="with smooth = 0 the term that is added is 0"
)


@discriminator.variant
def from_targets(real_logits, fake_logits, smooth=0.0):
    """One formula for any target y: max(l, 0) - l y + log(1 + exp(-|l|))."""

    def cross_entropy(l, y):
        return np.maximum(l, 0) - l * y + np.log1p(np.exp(-np.abs(l)))

    return cross_entropy(real_logits, 1 - smooth).mean() + cross_entropy(fake_logits, 0.0).mean()


@discriminator.variant
def with_sums(real_logits, fake_logits, smooth=0.0):
    real = np.sum(np.logaddexp(0.0, -real_logits) + smooth * real_logits) / len(real_logits)
    return real + np.sum(np.logaddexp(0.0, fake_logits)) / len(fake_logits)


# ------------------------------------------------------------------------------------------- the
# generator, two ways

minimax = Exercise(
    "gan/02/generator_loss_minimax",
    target="minigen.gan.losses:generator_loss_minimax",
    minutes=5,
    prompt="""
    The generator's part of the minimax game, which it minimizes: the mean over the fakes of log(1 -
    D(G(z))), one number, in nats.

    fake_logits (N,) are the discriminator's outputs on the fakes before the sigmoid. Logits may be
    as large as 1000. The result is negative: log 1/2 if the discriminator is undecided, near 0 if
    it sees through every fake.
    """,
    hints=[
        (
            "D(G(z)) is sigmoid(fake_logits). The real examples do not occur: the generator has no"
            " hold on them."
        ),
        "log(1 - sigmoid(l)) = log sigmoid(-l) = -softplus(l).",
        "Take the mean of softplus(fake_logits) and turn its sign.",
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import sigmoid, softplus"],
)


@minimax.case(points=1, expect={"loss": -LN2})
def undecided_about_fakes(impl, rng):
    return {"loss": impl(np.zeros(4))}


@minimax.case(points=1, expect={"loss": -np.log(2.0) - np.log(3.0) / 3})
def three_fakes(impl, rng):
    """1 - D = 1/4, 1/2 and 1/3."""
    return {"loss": impl(np.log([3.0, 1.0, 2.0]))}


@minimax.case(points=2)
def random_fakes(impl, rng):
    return {"loss": impl(3 * rng.standard_normal(7))}


@minimax.case(points=2, expect={"fooled": -1000.0, "seen_through": 0.0})
def very_sure_fakes(impl, rng):
    return {"fooled": impl(np.full(3, 1000.0)), "seen_through": impl(np.full(3, -1000.0))}


@minimax.case(
    points=2,
    property="its slope is -sigmoid(l)/N: it vanishes where D is sure",
    expect={"gap": 0.0},
)
def vanishing_gradient(impl, rng):
    logits = np.array([-30.0, -3.0, 0.0, 3.0]) + 0.1 * rng.standard_normal(4)
    return {"gap": grad(impl)(logits) + 1 / (1 + np.exp(-logits)) / 4}


@minimax.mistake(hint="The generator minimizes log(1 - D), which is negative: turn the sign.")
def sign_of_minimax(fake_logits):
    return np.mean(np.logaddexp(0.0, fake_logits))


@minimax.mistake(hint="This is -log D, the non-saturating loss; the minimax game has log(1 - D).")
def nonsaturating_instead(fake_logits):
    return np.mean(np.logaddexp(0.0, -fake_logits))


@minimax.mistake(
    hint="This is log D, what the discriminator gets for real examples; fakes enter as log(1 - D)."
)
def as_if_real(fake_logits):
    return -np.mean(np.logaddexp(0.0, -fake_logits))


@minimax.mistake(hint="Take the mean over the fakes, not the sum.")
def sum_of_minimax(fake_logits):
    return -np.sum(np.logaddexp(0.0, fake_logits))


@minimax.mistake(
    hint="sigmoid(1000) rounds to 1, and log(1 - 1) is minus infinity: use softplus on the logits."
)
def minimax_through_the_sigmoid(fake_logits):
    return np.mean(np.log(1 - 1 / (1 + np.exp(-fake_logits))))


@minimax.mistake(hint="The logarithm is missing: this is the mean of 1 - D.")
def no_logarithm(fake_logits):
    return np.mean(1 / (1 + np.exp(fake_logits)))


@minimax.variant
def log_of_the_other_sigmoid(fake_logits):
    return np.mean(log_sigmoid(-fake_logits))


@minimax.variant
def log_d_minus_logit(fake_logits):
    """log(1 - D) = log D - l."""
    return np.mean(log_sigmoid(fake_logits) - fake_logits)


nonsaturating = Exercise(
    "gan/02/generator_loss_nonsaturating",
    target="minigen.gan.losses:generator_loss_nonsaturating",
    minutes=5,
    prompt="""
    The loss that generators are trained with in practice: minus the mean over the fakes of log
    D(G(z)), one number, in nats. Its fixed point is that of the minimax game, but its gradient is
    largest where the discriminator is sure.

    fake_logits (N,) are the discriminator's outputs on the fakes before the sigmoid. Logits may be
    as large as 1000. The result is positive: log 2 if the discriminator is undecided, near 0 if it
    takes every fake for real.
    """,
    hints=[
        (
            "The generator pretends that its fakes are real, and asks for the cross-entropy of that"
            " label."
        ),
        "-log sigmoid(l) = softplus(-l).",
        "Take the mean of softplus(-fake_logits).",
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import sigmoid, softplus"],
)


@nonsaturating.case(points=1, expect={"loss": LN2})
def no_opinion(impl, rng):
    return {"loss": impl(np.zeros(4))}


@nonsaturating.case(points=1, expect={"loss": 1.5 * np.log(2.0) - 0.5 * np.log(3.0)})
def two_fakes(impl, rng):
    """D = 1/2 and 3/4."""
    return {"loss": impl(np.log([1.0, 3.0]))}


@nonsaturating.case(points=2)
def more_fakes(impl, rng):
    return {"loss": impl(3 * rng.standard_normal(7))}


@nonsaturating.case(points=2, expect={"fooled": 0.0, "seen_through": 1000.0})
def sure_of_itself(impl, rng):
    return {"fooled": impl(np.full(3, 1000.0)), "seen_through": impl(np.full(3, -1000.0))}


@nonsaturating.case(
    points=2,
    property="its slope is -sigmoid(-l)/N: it is largest where D is sure",
    expect={"gap": 0.0},
)
def strong_gradient(impl, rng):
    logits = np.array([-30.0, -3.0, 0.0, 3.0]) + 0.1 * rng.standard_normal(4)
    return {"gap": grad(impl)(logits) + 1 / (1 + np.exp(logits)) / 4}


@nonsaturating.mistake(
    hint="The generator wants log D large; the loss that it minimizes is the negative of it."
)
def sign_of_nonsaturating(fake_logits):
    return np.mean(log_sigmoid(fake_logits))


@nonsaturating.mistake(
    hint=(
        "This is log(1 - D), the minimax loss; its gradient vanishes where D is sure. Here it is"
        " -log D."
    )
)
def minimax_instead(fake_logits):
    return -np.mean(np.logaddexp(0.0, fake_logits))


@nonsaturating.mistake(
    hint=(
        "This is -log(1 - D), the discriminator's loss on fakes; the generator labels its fakes as"
        " real."
    )
)
def discriminators_side(fake_logits):
    return np.mean(np.logaddexp(0.0, fake_logits))


@nonsaturating.mistake(hint="Take the mean over the fakes, not the sum.")
def sum_of_nonsaturating(fake_logits):
    return np.sum(np.logaddexp(0.0, -fake_logits))


@nonsaturating.mistake(
    hint=(
        "sigmoid(-1000) rounds to 0, and its logarithm is minus infinity: use softplus on the"
        " logits."
    )
)
def nonsaturating_through_the_sigmoid(fake_logits):
    return -np.mean(np.log(1 / (1 + np.exp(-fake_logits))))


@nonsaturating.mistake(
    hint="The logarithm comes before the mean: the mean of log D, not the log of the mean."
)
def log_of_the_mean(fake_logits):
    return -np.log(np.mean(np.exp(log_sigmoid(fake_logits))))


@nonsaturating.variant
def minus_log_sigmoid(fake_logits):
    return -np.mean(log_sigmoid(fake_logits))


@nonsaturating.variant
def softplus_minus_logit(fake_logits):
    """softplus(-l) = softplus(l) - l."""
    return np.mean(np.logaddexp(0.0, fake_logits)) - np.mean(fake_logits)
