"""Exercises on the remedies: one small equation each."""

import autograd.numpy as anp
import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

# -------------------------------------------------------------------------------------------
# feature matching

matching = Exercise(
    "gan/09/feature_matching_loss",
    target="minigen.gan.improved_training:feature_matching_loss",
    minutes=5,
    prompt="""
    A loss for the generator: how far is the average fake from the average real example, in the eyes
    of the discriminator? One number.

    real_features (N, F) and fake_features (M, F) are what a hidden layer of the discriminator makes
    of the real and of the fake examples; N and M may differ. Return the squared Euclidean length of
    the difference of the two means.
    """,
    hints=[
        (
            "Only the means have to agree. What is the mean of a batch: a number, or a vector with"
            " one entry for each feature?"
        ),
        (
            "|E f(x) - E f(G(z))|^2: means over the batch first, then the difference, then the sum"
            " of its squares."
        ),
        "gap = np.mean(..., axis=0) of the one minus that of the other; np.sum(gap**2).",
    ],
)


@matching.case(points=1, expect={"loss": 10.0})
def means_by_hand(impl, rng):
    """The means are (2, 1) and (1, 4): 1 + 9."""
    return {"loss": impl(np.array([[1.0, 0.0], [3.0, 2.0]]), np.array([[1.0, 4.0]]))}


@matching.case(points=2)
def unequal_batches(impl, rng):
    return {"loss": impl(rng.standard_normal((6, 4)), 1 + rng.standard_normal((9, 4)))}


@matching.case(
    points=1,
    property="it does not see the spread: features moved symmetrically change nothing",
    expect={"change": 0.0},
)
def spread_is_not_seen(impl, rng):
    real, fake, move = (
        rng.standard_normal((5, 3)),
        rng.standard_normal((6, 3)),
        rng.standard_normal((3, 3)),
    )
    return {"change": impl(real, fake + np.concatenate([move, -move])) - impl(real, fake)}


@matching.case(points=2)
def pull_on_the_fakes(impl, rng):
    real, fake = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    return {"grad": grad(lambda f: impl(real, f))(fake)}


@matching.mistake(hint="Add the squares over the features, do not average them.")
def mean_of_squares(real_features, fake_features):
    return np.mean((np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)) ** 2)


@matching.mistake(hint="The mean is over the batch, axis 0: every feature has its own.")
def one_mean_of_all(real_features, fake_features):
    return (np.mean(real_features) - np.mean(fake_features)) ** 2


@matching.mistake(hint="This is the length; its square is asked for, which has no kink at 0.")
def length(real_features, fake_features):
    return np.sqrt(np.sum((np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)) ** 2))


@matching.mistake(
    hint="Means first, squares after: this compares single examples, and grows with their spread."
)
def every_pair(real_features, fake_features):
    return np.mean(np.sum((real_features[:, None] - fake_features[None]) ** 2, axis=2))


@matching.mistake(
    hint="Take the mean of each batch, not the sum: the batches may have different sizes."
)
def sums(real_features, fake_features):
    return np.sum((np.sum(real_features, axis=0) - np.sum(fake_features, axis=0)) ** 2)


@matching.mistake(
    hint="The square of the Euclidean length takes squares; this adds absolute values."
)
def absolute(real_features, fake_features):
    return np.sum(np.abs(np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)))


@matching.variant
def as_a_product(real_features, fake_features):
    gap = anp.sum(real_features, axis=0) / len(real_features) - anp.sum(
        fake_features, axis=0
    ) / len(fake_features)
    return anp.dot(gap, gap)


@matching.variant
def feature_by_feature(real_features, fake_features):
    return sum(
        (anp.mean(real_features[:, k]) - anp.mean(fake_features[:, k])) ** 2
        for k in range(real_features.shape[1])
    )


matching.equivalent(
    "(real_features, fake_features) → (fake_features, real_features)",
    reason="a distance has no direction",
)

# -------------------------------------------------------------------------------------------
# minibatch discrimination

closeness = Exercise(
    "gan/09/minibatch_closeness",
    target="minigen.gan.improved_training:minibatch_closeness",
    minutes=15,
    prompt="""
    How close is each example of a batch to the rest of it? m (N, B, C) holds, for each of N
    examples, B vectors of C numbers, made from its features. Return o (N, B).

    For each b, the closeness of examples i and j is exp(-d), where d is the sum of the absolute
    differences of their b-th vectors. o[i, b] is the sum of the closeness of i to all examples of
    the batch, itself included: 1 if it is all alone, N if all are the same.
    """,
    hints=[
        (
            "Compare every example with every other: a table of N x N for each of the B vectors."
            " Then add up its rows."
        ),
        "o_ib = sum_j exp(-|M_ib - M_jb|_1), with |.|_1 the sum over the C entries.",
        (
            "m[:, None] - m[None, :] has shape (N, N, B, C): absolute values, a sum over the last"
            " axis, np.exp of minus that, a sum over axis 1."
        ),
    ],
    blocked=["minigen.gan.improved_training:MinibatchDiscrimination.closeness"],
)


@closeness.case(points=1, expect={"o": [[1.5], [1.5], [1.0]]}, rtol=1e-6, atol=1e-8)
def two_near_one_far(impl, rng):
    """The first two are log 2 apart, in two steps: each is 1/2 to the other. The third is 100
    away."""
    half = np.log(2.0) / 2
    return {"o": impl(np.array([[[0.0, 0.0]], [[half, -half]], [[100.0, 0.0]]]))}


@closeness.case(points=1, expect={"o": np.full((4, 2), 4.0)})
def a_collapsed_batch(impl, rng):
    return {"o": impl(np.tile(rng.standard_normal((1, 2, 3)), (4, 1, 1)))}


@closeness.case(points=2)
def a_batch(impl, rng):
    return {"o": impl(0.4 * rng.standard_normal((5, 3, 2)))}


@closeness.case(
    points=1,
    property="who stands where in the batch does not matter",
    expect={"change": np.zeros((6, 2))},
)
def any_order(impl, rng):
    m, order = 0.5 * rng.standard_normal((6, 2, 3)), rng.permutation(6)
    return {"change": impl(m[order]) - impl(m)[order]}


@closeness.case(points=2)
def gradient_of_closeness(impl, rng):
    m, weights = 0.5 * rng.standard_normal((4, 2, 3)), rng.standard_normal((4, 2))
    return {"grad": grad(lambda m: anp.sum(weights * impl(m)))(m)}


def gaps(m):
    return m[:, None] - m[None, :]


@closeness.mistake(hint="Closeness falls with the distance: exp of minus the distance.")
def grows_with_distance(m):
    return anp.sum(anp.exp(anp.sum(anp.abs(gaps(m)), axis=3)), axis=1)


@closeness.mistake(hint="The sum includes the example itself: alone in its batch it has 1, not 0.")
def without_itself(m):
    return anp.sum(anp.exp(-anp.sum(anp.abs(gaps(m)), axis=3)), axis=1) - 1


@closeness.mistake(hint="Sum over the batch, do not average: a collapsed batch has N.")
def averaged(m):
    return anp.mean(anp.exp(-anp.sum(anp.abs(gaps(m)), axis=3)), axis=1)


@closeness.mistake(hint="The distance is the sum of absolute differences, not of their squares.")
def squares(m):
    return anp.sum(anp.exp(-anp.sum(gaps(m) ** 2, axis=3)), axis=1)


@closeness.mistake(hint="The distance is the sum of absolute differences, not the Euclidean one.")
def euclidean(m):
    return anp.sum(anp.exp(-anp.sqrt(anp.sum(gaps(m) ** 2, axis=3) + 1e-30)), axis=1)


@closeness.mistake(
    hint="Add up the C differences first, then take exp: one closeness for a pair of vectors."
)
def exp_of_each_entry(m):
    return anp.sum(anp.exp(-anp.abs(gaps(m))), axis=(1, 3))


@closeness.mistake(
    hint="Each of the B vectors has its own closeness: do not add the distances over b."
)
def one_for_all_vectors(m):
    o = anp.sum(anp.exp(-anp.sum(anp.abs(gaps(m)), axis=(2, 3))), axis=1)
    return o[:, None] * anp.ones((1, m.shape[1]))


@closeness.mistake(hint="Without exp this is the distance to the others, which has no upper end.")
def distances_only(m):
    return anp.sum(anp.sum(anp.abs(gaps(m)), axis=3), axis=1)


@closeness.variant
def example_by_example(m):
    return anp.stack([anp.sum(anp.exp(-anp.sum(anp.abs(m - each), axis=2)), axis=0) for each in m])


@closeness.variant
def as_products(m):
    """exp of a sum is a product of exps."""
    return anp.sum(anp.prod(anp.exp(-anp.abs(gaps(m))), axis=-1), axis=0)


@closeness.mistake(
    hint="Compare with every example of the batch, not only with those that come before."
)
def earlier_ones_only(m):
    near = anp.exp(-anp.sum(anp.abs(gaps(m)), axis=3))
    return anp.sum(near * np.tril(np.ones((len(m), len(m))))[:, :, None], axis=1)


closeness.equivalent(
    "np.sum(np.exp(-distance), axis=1) → np.sum(np.exp(-distance), axis=0)",
    reason="closeness is the same both ways, so rows and columns have the same sums",
)

# -------------------------------------------------------------------------------------------
# historical averaging

running = Exercise(
    "gan/09/running_mean",
    target="minigen.gan.improved_training:running_mean",
    minutes=5,
    prompt="""
    The mean of everything so far, without keeping everything. mean is the mean of the first count -
    1 values, value is the count-th; both are arrays of one shape. Return the mean of all count
    values, and leave the arguments as they are.

    count is at least 1. For the first value, count = 1, the answer is the value itself, whatever
    mean holds.
    """,
    hints=[
        "How much does one new value weigh among count?",
        "mean_new = ((count - 1) mean + value) / count = mean + (value - mean) / count.",
        "Go from mean toward value by one count-th of the way.",
    ],
)


@running.case(points=1, expect={"mean": [3.0, 5.0]})
def the_fourth_value(impl, rng):
    """Three values with mean 2, then 6: (2 + 2 + 2 + 6)/4 = 3. Three with mean 6, then 2: 5."""
    return {"mean": impl(np.array([2.0, 6.0]), np.array([6.0, 2.0]), 4)}


@running.case(points=1, expect={"mean": [[1.5]]})
def the_first_value(impl, rng):
    return {"mean": impl(np.array([[-8.0]]), np.array([[1.5]]), 1)}


@running.case(points=2)
def later(impl, rng):
    return {"mean": impl(rng.standard_normal((3, 2)), rng.standard_normal((3, 2)), 7)}


@running.case(
    points=2,
    property="one after the other, they give the mean of all",
    expect={"gap": np.zeros((5, 2))},
)
def one_after_the_other(impl, rng):
    values, mean, gap = rng.standard_normal((5, 2)), np.zeros(2), []
    for count in range(1, 6):
        mean = impl(mean, values[count - 1], count)
        gap.append(mean - values[:count].mean(axis=0))
    return {"gap": np.array(gap)}


@running.mistake(hint="The new value is the count-th: it counts 1/count, not 1/(count + 1).")
def one_too_many(mean, value, count):
    return mean + (value - mean) / (count + 1)


@running.mistake(
    hint=(
        "A weight that does not fall is an exponential moving average, which forgets the old"
        " values."
    )
)
def fixed_weight(mean, value, count):
    return 0.9 * mean + 0.1 * value


@running.mistake(
    hint=(
        "The old mean and the new value do not weigh the same: the mean stands for count - 1"
        " values."
    )
)
def halfway(mean, value, count):
    return (mean + value) / 2


@running.mistake(
    hint=(
        "The weights are the wrong way round: one new value counts 1/count, the past counts the"
        " rest."
    )
)
def wrong_way_round(mean, value, count):
    return value + (mean - value) / count


@running.mistake(hint="The sign is turned: the mean goes toward the new value.")
def away(mean, value, count):
    return mean - (value - mean) / count


@running.mistake(
    hint="mean stands for count - 1 values: multiply it by that before adding the new one."
)
def mean_counted_once(mean, value, count):
    return (mean + value) / count


@running.variant
def from_the_sum(mean, value, count):
    return ((count - 1) * mean + value) / count


@running.variant
def with_weights(mean, value, count):
    new = 1 / count
    return (1 - new) * mean + new * value


penalty = Exercise(
    "gan/09/historical_penalty",
    target="minigen.gan.improved_training:historical_penalty",
    minutes=5,
    prompt="""
    How far is a player from her own past? parameters is a list of arrays, a network's weights and
    biases; means is a list of arrays of the same shapes, their means over the training so far.
    Return one number: the squared Euclidean distance, over all entries of all arrays. It is added
    to the player's loss, so it must have a gradient.
    """,
    hints=[
        "Think of all parameters as one long vector, and of their means as another.",
        "|theta - theta_mean|^2 = the sum of (p - m)^2 over all entries of all arrays.",
        "zip the two lists; np.sum((p - m) ** 2) for each pair; add these up.",
    ],
)


@penalty.case(points=1, expect={"penalty": 14.0})
def three_numbers(impl, rng):
    """1 + 4 from the first array, 9 from the second."""
    return {
        "penalty": impl(
            [np.array([1.0, 2.0]), np.array([[3.0]])], [np.array([0.0, 4.0]), np.array([[0.0]])]
        )
    }


@penalty.case(points=2)
def a_small_network(impl, rng):
    shapes = [(3, 4), (4,), (4, 1), (1,)]
    return {
        "penalty": impl(
            [rng.standard_normal(s) for s in shapes], [rng.standard_normal(s) for s in shapes]
        )
    }


@penalty.case(points=1, property="its slope is 2 (theta - mean)", expect={"gap": np.zeros(4)})
def its_slope(impl, rng):
    mean, other = rng.standard_normal(4), rng.standard_normal((2, 2))
    theta = rng.standard_normal(4)
    return {"gap": grad(lambda t: impl([t, other], [mean, other]))(theta) - 2 * (theta - mean)}


@penalty.case(points=1, expect={"penalty": 0.0})
def at_its_mean(impl, rng):
    theta = [rng.standard_normal((2, 3)), rng.standard_normal(3)]
    return {"penalty": impl(theta, [p.copy() for p in theta])}


@penalty.mistake(hint="Add the squares, do not average them.")
def averaged_squares(parameters, means):
    return sum(anp.mean((p - m) ** 2) for p, m in zip(parameters, means))


@penalty.mistake(hint="The squared distance is asked for, without a root.")
def root(parameters, means):
    return anp.sqrt(sum(anp.sum((p - m) ** 2) for p, m in zip(parameters, means)) + 1e-300)


@penalty.mistake(hint="Squares, not absolute values.")
def absolute_differences(parameters, means):
    return sum(anp.sum(anp.abs(p - m)) for p, m in zip(parameters, means))


@penalty.mistake(hint="All arrays count, not only the first.")
def first_array_only(parameters, means):
    return anp.sum((parameters[0] - means[0]) ** 2)


@penalty.mistake(hint="This is weight decay: the distance from 0, not from the mean.")
def from_zero(parameters, means):
    return sum(anp.sum(p**2) for p in parameters)


@penalty.mistake(hint="There is no factor 1/2: the penalty is the squared distance itself.")
def halved(parameters, means):
    return 0.5 * sum(anp.sum((p - m) ** 2) for p, m in zip(parameters, means))


@penalty.mistake(
    hint="Square each difference, then add: differences of opposite sign must not cancel."
)
def squared_sum(parameters, means):
    return sum(anp.sum(p - m) ** 2 for p, m in zip(parameters, means))


@penalty.variant
def one_long_vector(parameters, means):
    gap = anp.concatenate([anp.ravel(p - m) for p, m in zip(parameters, means)])
    return anp.dot(gap, gap)


@penalty.variant
def in_a_loop(parameters, means):
    total = 0.0
    for k in range(len(parameters)):
        total = total + anp.sum(anp.square(parameters[k] - means[k]))
    return total


penalty.equivalent(
    "(parameters, means) → (means, parameters)", reason="a distance has no direction"
)
penalty.equivalent(
    "zip(parameters, means) → zip(means, parameters)", reason="a distance has no direction"
)

# -------------------------------------------------------------------------------------------
# one-sided label smoothing

smoothing = Exercise(
    "gan/09/smoothed_optimum",
    target="minigen.gan.losses:smoothed_optimum",
    minutes=10,
    prompt="""
    The best discriminator when the labels are smoothed on one side. p_r and p_g, arrays of one
    shape, are the densities of real and of fake examples at the same points, nowhere both 0. The
    discriminator minimizes the cross-entropy; for a real example its target is 1 - smooth, for a
    fake one it is 0. Return D at each point.

    Without smoothing the answer is the optimal discriminator of the plain game.
    """,
    hints=[
        (
            "At one point, p_r real examples vote for the answer 1 - smooth and p_g fakes vote for"
            " 0. Cross-entropy is smallest at the average of the targets."
        ),
        (
            "minimize -p_r [(1 - s) log D + s log(1 - D)] - p_g log(1 - D): its derivative is 0"
            " where the targets' weighted mean is D. The fakes' target, 0, adds nothing to it."
        ),
        "The numerator is (1 - smooth) times p_r, the denominator the sum of both densities.",
    ],
    blocked=["minigen.gan.losses:optimal_discriminator"],
)


@smoothing.case(points=1, expect={"D": [0.45, 0.675, 0.225]})
def a_tenth(impl, rng):
    """Even odds: 0.9/2. Three to one: 0.9 · 3/4. One to three: 0.9/4."""
    return {"D": impl(np.array([2.0, 3.0, 0.5]), np.array([2.0, 1.0, 1.5]), 0.1)}


@smoothing.case(points=2, expect={"D": [0.0, 0.8]})
def on_one_side_only(impl, rng):
    """Where there are only fakes D says 0, and where there are only real examples 0.8."""
    return {"D": impl(np.array([0.0, 1.5]), np.array([0.7, 0.0]), 0.2)}


@smoothing.case(points=1)
def densities(impl, rng):
    p_r, p_g = rng.random((2, 3, 4)) + 0.01
    return {"plain": impl(p_r, p_g, 0.0), "smoothed": impl(p_r, p_g, 0.3)}


@smoothing.case(
    points=2,
    property="no other answer has a smaller loss: the slope in D is 0",
    expect={"slope": np.zeros(6)},
    rtol=0,
    atol=1e-8,
)
def it_minimizes_the_loss(impl, rng):
    p_r, p_g, s = rng.random(6) + 0.1, rng.random(6) + 0.1, 0.1 + 0.2 * rng.random()
    d = impl(p_r, p_g, s)
    return {"slope": -p_r * ((1 - s) / d - s / (1 - d)) + p_g / (1 - d)}


@smoothing.mistake(
    hint="This is two-sided: the fakes' target stays 0, so p_g does not enter above."
)
def two_sided(p_r, p_g, smooth):
    return ((1 - smooth) * p_r + smooth * p_g) / (p_r + p_g)


@smoothing.mistake(hint="This is the best D without smoothing.")
def not_smoothed(p_r, p_g, smooth):
    return p_r / (p_r + p_g) + 0.0 * smooth


@smoothing.mistake(
    hint="The smoothed part of a real example's vote still counts below: divide by p_r + p_g."
)
def smoothed_below_too(p_r, p_g, smooth):
    return (1 - smooth) * p_r / ((1 - smooth) * p_r + p_g)


@smoothing.mistake(
    hint=(
        "The wrong side is smoothed: the target of the real examples is 1 - smooth, that of the"
        " fakes 0."
    )
)
def the_other_side(p_r, p_g, smooth):
    return (p_r + smooth * p_g) / (p_r + p_g)


@smoothing.mistake(hint="D is the probability of being real: p_r is above, not p_g.")
def probability_of_fake(p_r, p_g, smooth):
    return (1 - smooth) * p_g / (p_r + p_g)


@smoothing.mistake(hint="Smoothing scales D by 1 - smooth; it does not take smooth away from it.")
def subtracted(p_r, p_g, smooth):
    return p_r / (p_r + p_g) - smooth


@smoothing.mistake(hint="The target of a real example is 1 - smooth, not smooth.")
def smooth_for_target(p_r, p_g, smooth):
    return smooth * p_r / (p_r + p_g)


@smoothing.variant
def scaled_numerator(p_r, p_g, smooth):
    total = p_r + p_g
    return (p_r - smooth * p_r) / total


@smoothing.variant
def scaled(p_r, p_g, smooth):
    plain = 1 - p_g / (p_r + p_g)
    return plain - smooth * plain


# -------------------------------------------------------------------------------------------
# virtual batch norm

moments = Exercise(
    "gan/09/virtual_moments",
    target="minigen.gan.improved_training:virtual_moments",
    minutes=20,
    prompt="""
    What virtual batch norm normalizes with. For each example of x, by itself: the mean and the
    variance over the reference batch and this example together. Return (mean, var).

    For features, x (N, C) and reference (R, C), both answers have shape (N, C). For maps, x (N, H,
    W, C) and reference (R, H, W, C), all places are values of their channel, and both answers have
    shape (N, 1, 1, C). The variance divides by the number of values, (R + 1) H W. Examples of x
    must not see one another.
    """,
    hints=[
        (
            "The virtual batch of example i has R + 1 members: the reference, and example i. Batch"
            " norm's mean and variance of these R + 1 are asked for."
        ),
        (
            "mean_i = (sum of the reference + x_i)/(R + 1). The variance is the mean of the squares"
            " of (value - mean_i), over the same R + 1. A loop over the examples is fine."
        ),
        (
            "For each i: both = np.concatenate([reference, x[i : i + 1]]), then np.mean over all"
            " axes but the last with keepdims=True, of both and of (both - mean) ** 2; join the"
            " results along axis 0."
        ),
    ],
    rtol=1e-6,
)


@moments.case(points=1, expect={"mean": [[2.0], [1.0]], "var": [[14.0 / 3.0], [2.0 / 3.0]]})
def two_examples(impl, rng):
    """The reference is 0 and 1. With 5: mean 2, squares 4 + 1 + 9. With 2: mean 1, squares 1 + 0 +
    1."""
    mean, var = impl(np.array([[5.0], [2.0]]), np.array([[0.0], [1.0]]))
    return {"mean": mean, "var": var}


@moments.case(points=2)
def features(impl, rng):
    mean, var = impl(3 + 2 * rng.standard_normal((4, 3)), rng.standard_normal((6, 3)))
    return {"mean": mean, "var": var}


@moments.case(points=1)
def maps(impl, rng):
    mean, var = impl(1 + rng.standard_normal((3, 3, 4, 2)), 2 * rng.standard_normal((5, 3, 4, 2)))
    return {"mean": mean, "var": var}


@moments.case(
    points=2,
    property="an example's moments do not depend on who else is in the batch",
    expect={"mean": np.zeros((1, 3)), "var": np.zeros((1, 3))},
)
def examples_apart(impl, rng):
    x, reference = 2 + rng.standard_normal((5, 3)), rng.standard_normal((4, 3))
    together, alone = impl(x, reference), impl(x[1:2], reference)
    return {name: a[1:2] - b for name, a, b in zip(("mean", "var"), together, alone)}


@moments.case(points=1)
def gradient_of_moments(impl, rng):
    x, reference, weights = (
        rng.standard_normal((3, 2)),
        rng.standard_normal((4, 2)),
        rng.standard_normal((2, 3, 2)),
    )

    def both(x):
        return sum(anp.sum(w * each) for w, each in zip(weights, impl(x, reference)))

    return {"grad": grad(both)(x)}


def one_by_one(x, reference, gather):
    """(mean, var) of `gather(reference, x_i)` for each i."""
    means, variances = [], []
    for i in range(len(x)):
        both = gather(reference, x[i : i + 1])
        axes = tuple(range(both.ndim - 1))
        mean = anp.mean(both, axis=axes, keepdims=True)
        means.append(mean)
        variances.append(anp.mean((both - mean) ** 2, axis=axes, keepdims=True))
    return anp.concatenate(means), anp.concatenate(variances)


@moments.mistake(hint="The example itself belongs to its virtual batch: R + 1 members, not R.")
def reference_only(x, reference):
    return one_by_one(x, reference, lambda r, one: r + 0 * one)


@moments.mistake(
    hint=(
        "This is batch norm: each example sees the whole batch x. Its virtual batch is the"
        " reference and itself."
    )
)
def plain_batch_norm(x, reference):
    return one_by_one(x, reference, lambda r, one: x + 0 * one)


@moments.mistake(
    hint="The other examples of the batch do not belong to it: reference and the one example only."
)
def reference_and_the_whole_batch(x, reference):
    return one_by_one(x, reference, lambda r, one: anp.concatenate([r, x + 0 * one]))


@moments.mistake(hint="Divide the variance by the number of values, not by one less.")
def unbiased(x, reference):
    mean, var = one_by_one(x, reference, lambda r, one: anp.concatenate([r, one]))
    n = (len(reference) + 1) * np.prod(x.shape[1:-1])
    return mean, var * n / (n - 1)


@moments.mistake(hint="This is the standard deviation; the variance is asked for.")
def standard_deviation(x, reference):
    mean, var = one_by_one(x, reference, lambda r, one: anp.concatenate([r, one]))
    return mean, anp.sqrt(var)


@moments.mistake(
    hint="The example is one member among R + 1; it does not weigh as much as the whole reference."
)
def half_and_half(x, reference):
    return one_by_one(x, reference, lambda r, one: anp.concatenate([r] + [one] * len(r)))


@moments.mistake(
    hint=(
        "The example moves the mean, and that adds to the variance: take it around the common mean."
    )
)
def forgets_the_gap(x, reference):
    mean, _ = one_by_one(x, reference, lambda r, one: anp.concatenate([r, one]))
    _, ref_var = one_by_one(x, reference, lambda r, one: r + 0 * one)
    _, own_var = one_by_one(x, reference, lambda r, one: one)
    return mean, (len(reference) * ref_var + own_var) / (len(reference) + 1)


@moments.mistake(
    hint="Every channel has its own mean and variance: do not average over the last axis."
)
def over_channels_too(x, reference):
    mean, _ = one_by_one(x, reference, lambda r, one: anp.concatenate([r, one]))
    common = anp.mean(mean, axis=-1, keepdims=True) + 0 * mean
    parts = [
        anp.mean(
            (anp.concatenate([reference, x[i : i + 1]]) - common[i : i + 1]) ** 2,
            axis=tuple(range(x.ndim)),
            keepdims=True,
        )
        for i in range(len(x))
    ]
    return common, anp.concatenate(parts) + 0 * mean


@moments.variant
def with_a_loop(x, reference):
    means, variances = [], []
    for i in range(len(x)):
        both = anp.concatenate([reference, x[i : i + 1]])
        both = anp.reshape(both, (-1, x.shape[-1]))
        means.append(anp.mean(both, axis=0))
        variances.append(anp.mean((both - means[-1]) ** 2, axis=0))
    shape = (len(x), *[1] * (x.ndim - 2), x.shape[-1])
    return anp.reshape(anp.stack(means), shape), anp.reshape(anp.stack(variances), shape)


@moments.variant
def from_squares(x, reference):
    """The variance as the mean of the squares less the square of the mean."""
    r, places = len(reference), tuple(range(1, x.ndim - 1))
    first, second = (
        (
            r * anp.mean(reference**k, axis=(0, *places), keepdims=True)
            + anp.mean(x**k, axis=places, keepdims=True)
        )
        / (r + 1)
        for k in (1, 2)
    )
    return first, second - first**2


# -------------------------------------------------------------------------------------------
# instance noise

noise = Exercise(
    "gan/09/instance_noise",
    target="minigen.gan.improved_training:instance_noise",
    minutes=5,
    prompt="""
    Blur examples before the discriminator sees them, real and fake alike. x is an array of examples
    of any shape, std the standard deviation of the noise. Return x plus Gaussian noise, a new
    number for every entry; x itself stays as it is, and the answer has the dtype of x.

    Draw the noise with one call of rng.standard_normal, giving it the shape and the dtype of x.
    """,
    hints=[
        (
            "Every pixel of every example gets its own random number. Standard normal numbers have"
            " standard deviation 1."
        ),
        "x + std * n, with n ~ N(0, 1) in every entry.",
        (
            "rng.standard_normal(shape, dtype=...) takes the shape np.shape(x) and the dtype"
            " x.dtype; multiply it by std."
        ),
    ],
)


@noise.case(points=1, expect={"same": [[1.0, -2.0]], "gap": 0.0})
def without_noise(impl, rng):
    """With std = 0 nothing happens; with std = 1, x and noise of the same generator are added."""
    x = np.array([[1.0, -2.0]])
    seed = int(rng.integers(1000))
    added = (
        impl(x, 1.0, np.random.default_rng(seed))
        - np.random.default_rng(seed).standard_normal((1, 2))
        - x
    )
    return {"same": impl(x, 0.0, rng), "gap": np.abs(added).max()}


@noise.case(points=2)
def images(impl, rng):
    return {"noisy": impl(rng.random((4, 3, 3, 1), dtype=np.float32), 0.3, rng)}


@noise.case(points=1)
def single_precision(impl, rng):
    """The answer is float32 for float32, so that the discriminator is."""
    noisy = impl(np.ones((5, 2), np.float32), 0.1, rng)
    return {"noisy": noisy, "is_float32": np.asarray(noisy).dtype == np.float32}


@noise.case(
    points=2,
    property="twice the std moves x twice as far; two calls have different noise",
    expect={"ratio": np.full((3, 4), 2.0), "fresh": True},
)
def scale_and_freshness(impl, rng):
    x, seed = rng.standard_normal((3, 4)), int(rng.integers(1000))
    near, far = (impl(x, std, np.random.default_rng(seed)) - x for std in (0.25, 0.5))
    first, second = impl(x, 0.5, rng), impl(x, 0.5, rng)
    return {"ratio": far / near, "fresh": bool(np.all(first != second))}


@noise.case(points=1)
def gradient_through_noise(impl, rng):
    weights = rng.standard_normal((2, 3))
    return {
        "grad": grad(lambda x: anp.sum(weights * impl(x, 0.2, np.random.default_rng(3)) ** 2))(
            rng.standard_normal((2, 3))
        )
    }


@noise.mistake(hint="std is the standard deviation: multiply by it, not by its square.")
def variance_for_std(x, std, rng):
    return x + std**2 * rng.standard_normal(np.shape(x), dtype=x.dtype)


@noise.mistake(hint="std is the standard deviation, not the variance: no square root.")
def root_of_std(x, std, rng):
    return x + std**0.5 * rng.standard_normal(np.shape(x), dtype=x.dtype)


@noise.mistake(
    hint="Every entry needs its own noise; here all examples of the batch are moved alike."
)
def same_for_all(x, std, rng):
    return x + std * rng.standard_normal(np.shape(x)[1:], dtype=x.dtype)


@noise.mistake(hint="The noise is added, not multiplied: black pixels get it too.")
def multiplied(x, std, rng):
    return x * (1 + std * rng.standard_normal(np.shape(x), dtype=x.dtype))


@noise.mistake(hint="The noise is Gaussian, N(0, 1): standard_normal, not uniform numbers.")
def uniform(x, std, rng):
    return x + std * rng.random(np.shape(x), dtype=x.dtype)


@noise.mistake(hint="The scale is missing: multiply the noise by std.")
def without_std(x, std, rng):
    return x + rng.standard_normal(np.shape(x), dtype=x.dtype)


@noise.mistake(hint="x itself is missing: this is the noise alone.")
def noise_alone(x, std, rng):
    return std * rng.standard_normal(np.shape(x), dtype=x.dtype) + 0 * x


@noise.mistake(
    hint=(
        "Take the noise from the generator that is given; a generator of your own gives the same"
        " noise every time."
    )
)
def own_generator(x, std, rng):
    return x + std * np.random.default_rng(0).standard_normal(np.shape(x), dtype=x.dtype)


@noise.mistake(
    hint="Draw the noise in the dtype of x: with float64 noise float32 examples become float64."
)
def double_precision(x, std, rng):
    return x + std * rng.standard_normal(np.shape(x))


@noise.variant
def step_by_step(x, std, rng):
    n = rng.standard_normal(size=x.shape, dtype=x.dtype)
    return std * n + x


@noise.variant
def written_into_an_array(x, std, rng):
    n = np.empty(x.shape, x.dtype)
    rng.standard_normal(dtype=x.dtype, out=n)
    return x - (-std) * n
