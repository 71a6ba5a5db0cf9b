"""Exercises of the Wasserstein GAN: the critic's loss, clipping, the gradient penalty, and the
penalized loss."""

import autograd.numpy as anp
import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.nn import MLP
from minigen.tensor import grad, leaves

# ------------------------------------------------------------------------------------------- the
# critic's loss

loss = Exercise(
    "gan/12/critic_loss",
    target="minigen.gan.wgan:critic_loss",
    minutes=5,
    prompt="""
    What the critic of a Wasserstein GAN minimizes, one number, in the units of its scores.

    real_scores (N,) and fake_scores (M,) are f(x) on real and on generated examples: any real
    numbers, there is no sigmoid. The critic wants the mean score of the real examples as far above
    that of the fakes as it can get it; this gap is its estimate of the distance. Each group counts
    by its mean, whatever N and M. A loss is made small.
    """,
    hints=[
        (
            "The critic wants a large gap, and an optimizer makes things small. There is no"
            " logarithm, and no bound."
        ),
        "minus (E f(real) - E f(fake)).",
        "Subtract np.mean(real_scores) from np.mean(fake_scores).",
    ],
)


@loss.case(points=1, expect={"loss": -4.0})
def by_hand(impl, rng):
    """Real scores 3 and 5, fake scores 1, 0 and -1: the gap is 4."""
    return {"loss": impl(np.array([3.0, 5.0]), np.array([1.0, 0.0, -1.0]))}


@loss.case(points=2, expect={"loss": 4.0})
def wrong_way_round(impl, rng):
    """A critic that prefers the fakes has a positive loss."""
    return {"loss": impl(np.array([-1.0, -3.0]), np.array([2.0, 2.0, 2.0, 2.0]))}


@loss.case(
    points=2, property="a constant added to every score changes nothing", expect={"change": 0.0}
)
def shifted(impl, rng):
    real, fake = rng.standard_normal(5), 1 + rng.standard_normal(7)
    return {"change": impl(real + 3.5, fake + 3.5) - impl(real, fake)}


@loss.case(points=2)
def gradients(impl, rng):
    real, fake = 2 * rng.standard_normal(4), 2 * rng.standard_normal(6)
    return {
        "grad_real": grad(lambda r: impl(r, fake))(real),
        "grad_fake": grad(lambda f: impl(real, f))(fake),
    }


@loss.mistake(
    hint=(
        "This is the gap that the critic wants large; the loss that it minimizes is the negative"
        " of it."
    )
)
def sign(real_scores, fake_scores):
    return np.mean(real_scores) - np.mean(fake_scores)


@loss.mistake(
    hint=(
        "This is the hinge loss. It stops pulling at a margin of 1; the Wasserstein loss has no"
        " margin."
    )
)
def hinge(real_scores, fake_scores):
    return np.mean(np.maximum(0, 1 - real_scores)) + np.mean(np.maximum(0, 1 + fake_scores))


@loss.mistake(
    hint=(
        "These are the cross-entropies of a discriminator. A critic gives scores, not logits: no"
        " logarithm."
    )
)
def log(real_scores, fake_scores):
    return np.mean(np.logaddexp(0.0, -real_scores)) + np.mean(np.logaddexp(0.0, fake_scores))


@loss.mistake(hint="Take the mean over each group, not the sum.")
def sum_for_mean(real_scores, fake_scores):
    return np.sum(fake_scores) - np.sum(real_scores)


@loss.mistake(hint="Real and fake enter with opposite signs: only the gap between them counts.")
def both_with_minus(real_scores, fake_scores):
    return -np.mean(real_scores) - np.mean(fake_scores)


@loss.mistake(hint="The real scores are missing: this is the part that depends on the fakes.")
def only_fakes(real_scores, fake_scores):
    return np.mean(fake_scores)


@loss.mistake(hint="No absolute value: a critic that ranks the fakes higher must be told so.")
def absolute_gap(real_scores, fake_scores):
    return -np.abs(np.mean(fake_scores) - np.mean(real_scores))


@loss.variant
def all_pairs(real_scores, fake_scores):
    """The mean over all pairs of a fake and a real example of the difference of their scores."""
    return np.mean(fake_scores[:, None] - real_scores[None, :])


@loss.variant
def with_sums(real_scores, fake_scores):
    return fake_scores.sum() / len(fake_scores) - real_scores.sum() / len(real_scores)


# -------------------------------------------------------------------------------------------
# clipping

clip = Exercise(
    "gan/12/clip_weights",
    target="minigen.gan.wgan:clip_weights",
    minutes=10,
    prompt="""
    Put every parameter of the critic back into [-c, c], in place, and return nothing: what the
    first Wasserstein GAN does after each step of its critic, to bound the critic's slope.

    critic is a model. `leaves`, from minigen.tensor, makes the list of a model's parameters: float
    arrays, weights and biases. An entry outside [-c, c] moves to the nearest end; one inside stays
    as it is. The arrays themselves must change, for the model holds on to them.
    """,
    hints=[
        (
            "Clipping treats each number by itself: too large becomes c, too small becomes -c."
            " Nothing is rescaled."
        ),
        (
            "w <- min(max(w, -c), c) for every entry of every array. `w = ...` only gives a new"
            " array a name; `w[...] = ...` writes into the old one."
        ),
        "Loop over leaves(critic), and write np.clip(w, -c, c) into w[...].",
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import leaves"],
    mutates=["critic"],
)


def small_critic(rng, scale=1.0):
    """2 -> 3 -> 1, with biases too."""
    critic = MLP(rng, [2, 3, 1], activation="relu")
    for w in leaves(critic):
        w[...] = scale * rng.standard_normal(w.shape)
    return critic


@clip.case(points=1, expect={"w": [[0.5, -0.5], [0.25, 0.0]]})
def four_weights(impl, rng):
    critic = MLP(rng, [2, 2])
    (w,) = [p for p in leaves(critic) if p.ndim == 2]
    w[...] = [[3.0, -0.75], [0.25, 0.0]]
    impl(critic, 0.5)
    return {"w": w}


@clip.case(points=2)
def weights_and_biases(impl, rng):
    critic = small_critic(rng)
    impl(critic, 0.3)
    return {name.replace(".", "_"): w for name, w in critic.parameters().items()}


@clip.case(points=2, property="weights that are small enough already stay", expect={"change": 0.0})
def wide_enough(impl, rng):
    critic = small_critic(rng, 0.1)
    before = [w.copy() for w in leaves(critic)]
    impl(critic, 2.0)
    return {"change": max(np.abs(w - old).max() for w, old in zip(leaves(critic), before))}


@clip.case(points=1, property="it returns nothing", expect={"nothing": 1.0})
def returns_nothing(impl, rng):
    return {"nothing": float(impl(small_critic(rng), 0.5) is None)}


@clip.mistake(
    hint=(
        "`w = np.clip(w, ...)` names a new array and leaves the critic's own as it was: write into"
        " w[...]."
    )
)
def new_arrays(critic, c):
    for w in leaves(critic):
        w = np.clip(w, -c, c)


@clip.mistake(hint="Negative weights may be as low as -c; this cuts them off at 0.")
def from_zero(critic, c):
    for w in leaves(critic):
        w[...] = np.clip(w, 0, c)


@clip.mistake(hint="This rescales whole arrays. Clipping moves only the entries that lie outside.")
def rescaled(critic, c):
    for w in leaves(critic):
        w *= min(1.0, c / max(np.abs(w).max(), 1e-12))


@clip.mistake(hint="This bounds the norm of each array; clipping bounds each entry by itself.")
def norm(critic, c):
    for w in leaves(critic):
        w *= min(1.0, c / max(np.sqrt(np.sum(w**2)), 1e-12))


@clip.mistake(hint="The biases are parameters too: clip every array that the model has.")
def only_matrices(critic, c):
    for w in leaves(critic):
        if w.ndim > 1:
            w[...] = np.clip(w, -c, c)


@clip.mistake(
    hint="Each weight was sent to one of the ends; those already inside stay as they are."
)
def only_signs(critic, c):
    for w in leaves(critic):
        w[...] = c * np.sign(w)


@clip.mistake(hint="Large negative weights were left alone: the interval has two ends.")
def upper_end_only(critic, c):
    for w in leaves(critic):
        w[...] = np.minimum(w, c)


@clip.mistake(
    hint="The weights are right, but the function changes its model in place and returns nothing."
)
def returns_the_critic(critic, c):
    for w in leaves(critic):
        w[...] = np.clip(w, -c, c)
    return critic


clip.equivalent(
    "numpy.clip(w, -c, c) → numpy.clip(-c, w, c)", reason="min(max(-c, w), c): the maximum commutes"
)


@clip.variant
def middle_of_three(critic, c):
    """Of w, -c and c, the one in the middle."""
    for w in critic.parameters().values():
        w[...] = np.median([w, np.full_like(w, -c), np.full_like(w, c)], axis=0)


@clip.variant
def with_out(critic, c):
    for w in leaves(critic):
        low = np.maximum(w, -c)
        np.minimum(low, c, out=w)


# ------------------------------------------------------------------------------------------- the
# gradient penalty

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
    prompt="""
    How far the critic's slope is from `target`, at points between the real and the fake examples,
    one number: the mean over the batch of (|gradient of f at x_hat| - target)^2.

    critic maps examples (N, ...) to scores (N,). real and fake have the same shape: (N, 2) for
    points, (N, H, W, C) for images. epsilon (N,) holds a number in [0, 1] for each pair, and x_hat
    = epsilon real + (1 - epsilon) fake, pair by pair, so that x_hat lies on the segment between the
    two. The gradient is with respect to x_hat; its norm is taken over all the numbers of one
    example.

    `grad(fn)(x)`, from minigen.tensor, is the gradient of a function that returns one number. The
    result will itself be differentiated with respect to the critic's weights. The factor lambda
    comes later, in the loss.
    """,
    hints=[
        (
            "Three steps: the points in between, the gradient of each score with respect to its own"
            " point, the mean squared distance of the gradients' lengths from the target."
        ),
        (
            "The examples do not mix, so the gradient of the SUM of the scores holds, in row n, the"
            " gradient of score n. Its length is the root of the sum of squares over all axes but"
            " the first."
        ),
        (
            "Give epsilon the shape (N, 1, ..., 1). slopes = grad(lambda x:"
            " np.sum(critic(x)))(x_hat), reshaped to (N, -1); norms are np.sqrt(np.sum(slopes**2,"
            " axis=1))."
        ),
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import grad"],
)


def linear(*w):
    """f(x) = w.x, of slope |w| everywhere."""
    return lambda x: anp.dot(x, np.array(w))


def bowl(x):
    """f(x) = |x|^2 / 2, of slope |x| at x."""
    return 0.5 * anp.sum(anp.reshape(x, (len(x), -1)) ** 2, axis=1)


def wavy(w):
    """Two neurons: slopes that differ from point to point."""
    return lambda x: 3 * anp.sum(anp.tanh(anp.dot(x, w)), axis=1)


def between(real, fake, epsilon):
    e = np.reshape(epsilon, (-1,) + (1,) * (np.ndim(real) - 1))
    return e * real + (1 - e) * fake


def norms_at(critic, x):
    slopes = np.reshape(grad(lambda x: anp.sum(critic(x)))(x), (len(x), -1))
    return anp.sqrt(anp.sum(slopes**2, axis=1))


@penalty.case(points=1, expect={"penalty": 16.0})
def slope_five(impl, rng):
    """f(x) = 3 x_1 + 4 x_2 has slope 5 wherever x_hat falls: (5 - 1)^2."""
    real, fake = rng.standard_normal((2, 3, 2))
    return {"penalty": impl(linear(3.0, 4.0), real, fake, np.array([0.1, 0.5, 0.9]))}


@penalty.case(points=1, expect={"penalty": 0.25})
def too_flat(impl, rng):
    """A slope of 1/2 is as far from 1 as one of 3/2."""
    real, fake = rng.standard_normal((2, 4, 2))
    return {"penalty": impl(linear(0.3, 0.4), real, fake, np.full(4, 0.5))}


@penalty.case(points=2, expect={"penalty": (4.0 + 1.0) / 2})
def on_the_segment(impl, rng):
    """f(x) = |x|^2/2; real (4, 0), fake (0, 0): x_hat = (3, 0) and (2, 0), slopes 3 and 2."""
    real, fake = np.array([[4.0, 0.0], [4.0, 0.0]]), np.zeros((2, 2))
    return {"penalty": impl(bowl, real, fake, np.array([0.75, 0.5]))}


@penalty.case(points=2)
def another_target(impl, rng):
    real, fake = 1 + rng.standard_normal((2, 5, 3))
    return {
        "penalty": impl(bowl, real, fake, 0.1 + 0.8 * rng.random(5), 2.5),
        "zero": impl(bowl, real, fake, rng.random(5), 0.0),
    }


@penalty.case(points=2)
def images(impl, rng):
    real, fake = 0.5 + rng.random((2, 3, 4, 4, 2))
    return {"penalty": impl(bowl, real, fake, np.array([0.2, 0.5, 0.9]))}


@penalty.case(points=2)
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
    property="it does not matter which end of the segment is called real",
    expect={"change": 0.0},
)
def ends_exchanged(impl, rng):
    real, fake = 1 + rng.standard_normal((4, 2)), rng.standard_normal((4, 2))
    epsilon = np.array([0.1, 0.3, 0.6, 0.8])
    return {"change": impl(bowl, real, fake, epsilon) - impl(bowl, fake, real, 1 - epsilon)}


@penalty.mistake(
    hint="Every pair has its own epsilon; here the first one was used for the whole batch."
)
def one_epsilon_for_all(critic, real, fake, epsilon, target=1.0):
    x_hat = epsilon[0] * real + (1 - epsilon[0]) * fake
    return anp.mean((norms_at(critic, x_hat) - target) ** 2)


@penalty.mistake(
    hint=(
        "The slope is taken at the real points; it must be taken between the real and the fake"
        " ones."
    )
)
def only_real_points(critic, real, fake, epsilon, target=1.0):
    return anp.mean((norms_at(critic, real) - target) ** 2)


@penalty.mistake(hint="epsilon goes with the real example, 1 - epsilon with the fake one.")
def epsilon_on_the_fake(critic, real, fake, epsilon, target=1.0):
    return anp.mean((norms_at(critic, between(fake, real, epsilon)) - target) ** 2)


@penalty.mistake(
    hint="Compare the norm of the gradient with the target, not its square: the root is missing."
)
def squared_norm(critic, real, fake, epsilon, target=1.0):
    return anp.mean((norms_at(critic, between(real, fake, epsilon)) ** 2 - target) ** 2)


@penalty.mistake(
    hint=(
        "This penalizes only slopes above the target; a critic that is too flat is penalized as"
        " well."
    )
)
def one_sided(critic, real, fake, epsilon, target=1.0):
    return anp.mean(anp.maximum(0.0, norms_at(critic, between(real, fake, epsilon)) - target) ** 2)


@penalty.mistake(
    hint=(
        "Square each example's deviation first, then take the mean: deviations of opposite sign"
        " must not cancel."
    )
)
def mean_before_square(critic, real, fake, epsilon, target=1.0):
    return (anp.mean(norms_at(critic, between(real, fake, epsilon))) - target) ** 2


@penalty.mistake(
    hint="The gradient of the mean of the scores is N times too small: take that of their sum."
)
def gradient_of_the_mean(critic, real, fake, epsilon, target=1.0):
    return anp.mean((norms_at(critic, between(real, fake, epsilon)) / len(real) - target) ** 2)


@penalty.mistake(hint="This is one norm for the whole batch; every example has its own.")
def norm_of_the_batch(critic, real, fake, epsilon, target=1.0):
    return (anp.sqrt(anp.sum(norms_at(critic, between(real, fake, epsilon)) ** 2)) - target) ** 2


@penalty.mistake(hint="The deviation from the target must be squared.")
def absolute_deviation(critic, real, fake, epsilon, target=1.0):
    return anp.mean(anp.abs(norms_at(critic, between(real, fake, epsilon)) - target))


@penalty.mistake(hint="`target` is an argument; here it is always 1.")
def target_is_one(critic, real, fake, epsilon, target=1.0):
    return anp.mean((norms_at(critic, between(real, fake, epsilon)) - 1.0) ** 2)


@penalty.mistake(hint="Take the mean over the batch, not the sum.")
def sum_over_the_batch(critic, real, fake, epsilon, target=1.0):
    return anp.sum((norms_at(critic, between(real, fake, epsilon)) - target) ** 2)


@penalty.mistake(hint="The root of the sum of squares is a length; this adds the absolute values.")
def sum_of_absolute_values(critic, real, fake, epsilon, target=1.0):
    x_hat = between(real, fake, epsilon)
    slopes = np.reshape(grad(lambda x: anp.sum(critic(x)))(x_hat), (len(real), -1))
    return anp.mean((anp.sum(anp.abs(slopes), axis=1) - target) ** 2)


@penalty.mistake(
    hint=(
        "The derivative is cut off: np.array(...) or float(...) lets no gradient through to the"
        " critic."
    )
)
def cut_off(critic, real, fake, epsilon, target=1.0):
    from minigen.tensor import stop_gradient

    return stop_gradient(anp.mean((norms_at(critic, between(real, fake, epsilon)) - target) ** 2))


@penalty.variant
def one_by_one(critic, real, fake, epsilon, target=1.0):
    """Each example by itself, walking from the fake to the real one."""
    total = 0.0
    for n in range(len(real)):
        x_hat = fake[n] + epsilon[n] * (real[n] - fake[n])
        slope = grad(lambda x: critic(x[None])[0])(x_hat)
        total = total + (anp.sum(slope * slope) ** 0.5 - target) ** 2
    return total / len(real)


@penalty.variant
def expanded_square(critic, real, fake, epsilon, target=1.0):
    """E n^2 - 2 t E n + t^2."""
    e = epsilon.reshape((len(real),) + (1,) * (real.ndim - 1))
    slopes = grad(lambda x: anp.sum(critic(x)))(fake + e * (real - fake))
    square = anp.sum(slopes**2, axis=tuple(range(1, real.ndim)))
    return anp.mean(square) - 2 * target * anp.mean(anp.sqrt(square)) + target**2


# ------------------------------------------------------------------------------------------- the
# whole loss

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
    prompt="""
    What a critic with gradient penalty minimizes, and the part of it that estimates the distance:
    two numbers, in this order. The first is critic_loss + lambda * gradient_penalty, the second
    critic_loss alone, which is what one logs and plots.

    critic maps examples (N, ...) to scores (N,); real, fake and epsilon (N,) are as in
    gradient_penalty, whose target is 1 here. penalty is lambda, the weight of the penalty. Call
    your own critic_loss and gradient_penalty of this file.
    """,
    hints=[
        (
            "The critic wants a large gap between the scores, a small loss, and pays for every"
            " slope that is not 1."
        ),
        "critic_loss(f(real), f(fake)) + lambda * gradient_penalty(f, real, fake, epsilon).",
        "Keep plain = critic_loss(critic(real), critic(fake)), and return the sum, then plain.",
    ],
    imports=["import autograd.numpy as np"],
)


def plain_loss(critic, real, fake):
    return anp.mean(critic(fake)) - anp.mean(critic(real))


def penalty_of(critic, real, fake, epsilon):
    return anp.mean((norms_at(critic, between(real, fake, epsilon)) - 1) ** 2)


@whole.case(points=1, expect={"total": 36.0, "plain": -4.0})
def slope_three(impl, rng):
    """f(x) = 3 x; real 2, fake 2/3: plain is 2 - 6, the penalty (3 - 1)^2, lambda 10."""
    total, plain = impl(linear(3.0), np.array([[2.0]]), np.array([[2 / 3]]), np.array([0.5]))
    return {"total": total, "plain": plain}


@whole.case(points=2)
def another_lambda(impl, rng):
    real, fake = rng.standard_normal((2, 5, 2, 2, 1))  # small images
    total, plain = impl(bowl, 1 + real, fake, rng.random(5), 0.5)
    return {"total": total, "plain": plain}


@whole.case(
    points=2,
    property="with a slope of 1 there is nothing to pay",
    expect={"total": -1.7, "plain": -1.7},
)
def slope_one(impl, rng):
    x = rng.standard_normal((6, 2))
    total, plain = impl(linear(0.6, 0.8), x + 1.7 * np.array([0.6, 0.8]), x, rng.random(6))
    return {"total": total, "plain": plain}


@whole.case(points=2)
def gradient_of_the_whole(impl, rng):
    real, fake, w = (
        rng.standard_normal((4, 2)),
        1 + rng.standard_normal((4, 2)),
        rng.standard_normal((2, 2)),
    )
    epsilon = np.array([0.1, 0.4, 0.6, 0.8])
    return {"grad_w": grad(lambda w: impl(wavy(w), real, fake, epsilon)[0])(w)}


@whole.mistake(hint="The weight lambda is missing: it multiplies the penalty.")
def missing_lambda(critic, real, fake, epsilon, penalty=10.0):
    plain = plain_loss(critic, real, fake)
    return plain + penalty_of(critic, real, fake, epsilon), plain


@whole.mistake(hint="lambda is an argument; here it is always 10.")
def lambda_is_ten(critic, real, fake, epsilon, penalty=10.0):
    plain = plain_loss(critic, real, fake)
    return plain + 10 * penalty_of(critic, real, fake, epsilon), plain


@whole.mistake(
    hint="The penalty is a cost: it is added. With a minus the critic is paid for wrong slopes."
)
def rewarded(critic, real, fake, epsilon, penalty=10.0):
    plain = plain_loss(critic, real, fake)
    return plain - penalty * penalty_of(critic, real, fake, epsilon), plain


@whole.mistake(
    hint="The critic minimizes: the gap mean f(real) - mean f(fake) enters with a minus."
)
def gap_with_plus(critic, real, fake, epsilon, penalty=10.0):
    plain = -plain_loss(critic, real, fake)
    return plain + penalty * penalty_of(critic, real, fake, epsilon), plain


@whole.mistake(hint="lambda multiplies the penalty only, not the critic's loss.")
def lambda_on_both(critic, real, fake, epsilon, penalty=10.0):
    plain = plain_loss(critic, real, fake)
    return penalty * (plain + penalty_of(critic, real, fake, epsilon)), plain


@whole.mistake(hint="First the whole, then the part without the penalty.")
def other_order(critic, real, fake, epsilon, penalty=10.0):
    plain = plain_loss(critic, real, fake)
    return plain, plain + penalty * penalty_of(critic, real, fake, epsilon)


@whole.mistake(
    hint=(
        "The second number is critic_loss alone: with the penalty in it, it would not estimate a"
        " distance."
    )
)
def whole_twice(critic, real, fake, epsilon, penalty=10.0):
    whole = plain_loss(critic, real, fake) + penalty * penalty_of(critic, real, fake, epsilon)
    return whole, whole


@whole.mistake(hint="The second number is the critic's loss, not the penalty.")
def penalty_second(critic, real, fake, epsilon, penalty=10.0):
    cost = penalty * penalty_of(critic, real, fake, epsilon)
    return plain_loss(critic, real, fake) + cost, cost


@whole.variant
def in_one_go(critic, real, fake, epsilon, penalty=10.0):
    """One call of the critic for both groups of examples."""
    scores = critic(np.concatenate([real, fake]))
    plain = -(anp.mean(scores[: len(real)]) - anp.mean(scores[len(real) :]))
    slopes = norms_at(
        critic, fake + (real - fake) * np.reshape(epsilon, (-1,) + (1,) * (real.ndim - 1))
    )
    return plain + penalty * anp.mean(slopes**2 - 2 * slopes + 1), plain
