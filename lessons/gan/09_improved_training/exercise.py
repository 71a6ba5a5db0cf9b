"""Exercises on the techniques of improved GAN training: one small equation each."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

matching = Exercise(
    "gan/09/feature_matching_loss",
    target="minigen.gan.improved_training:feature_matching_loss",
    minutes=5,
    prompt="""
    Return a loss for the generator, one number: the squared distance between the mean features of
    the fakes and those of the real examples.

    `real_features` $(N, F)$ and `fake_features` $(M, F)$ are the outputs of a hidden layer of the
    discriminator for the real and for the fake examples; $N$ and $M$ may differ. The distance is
    the Euclidean length of the difference of the two means. It must be differentiable (write it
    with `np`, which is autograd's), and is 0, never `NaN`, where the means agree.
    """,
    hints="""
    Only the means have to agree. What is the mean of a batch: a number, or a vector with one entry
    for each feature?

    |E f(x) - E f(G(z))|^2: means over the batch first, then the difference, then the sum of its
    squares.

        gap = np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)
        return np.sum(gap**2)
    """,
)


@matching.case(points=1, kind="equation", expect={"loss": 10.0})
def means_by_hand(impl, rng):
    """The means are (2, 1) and (1, 4): 1 + 9."""
    return {"loss": impl(np.array([[1.0, 0.0], [3.0, 2.0]]), np.array([[1.0, 4.0]]))}


@matching.case(points=2, kind="equation")
def unequal_batches(impl, rng):
    return {"loss": impl(rng.standard_normal((6, 4)), 1 + rng.standard_normal((9, 4)))}


@matching.case(points=1, kind="equation", fixed=True, property=True, expect={"change": 0.0})
def only_the_mean_counts(impl, rng):
    """Only the mean counts: opposite shifts of two halves of the batch change nothing."""
    real, fake, move = (
        rng.standard_normal((5, 3)),
        rng.standard_normal((6, 3)),
        rng.standard_normal((3, 3)),
    )
    return {"change": impl(real, fake + np.concatenate([move, -move])) - impl(real, fake)}


@matching.case(points=2, kind="gradient")
def gradient_at_the_fakes(impl, rng):
    real, fake = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    return {"grad": grad(lambda f: impl(real, f))(fake)}


@matching.case(
    points=1, kind="gradient", fixed=True, expect={"loss": 0.0, "gradient": np.zeros((3, 2))}
)
def matched(impl, rng):
    """The means agree: the loss and its gradient are 0."""
    real = np.array([[1.0, -2.0], [3.0, 0.0]])
    fake = np.array([[0.0, 0.0], [2.0, -1.0], [4.0, -2.0]])
    return {"loss": impl(real, fake), "gradient": grad(lambda f: impl(real, f))(fake)}


closeness = Exercise(
    "gan/09/minibatch_closeness",
    target="minigen.gan.improved_training:minibatch_closeness",
    minutes=15,
    blocked=["minigen.gan.improved_training:MinibatchDiscrimination.closeness"],
    prompt=r"""
    Return the closeness of each example of a batch to all examples of the batch, $o$ $(N, B)$. `m`
    $(N, B, C)$ holds $B$ vectors of $C$ components for each of $N$ examples, computed from its
    features.

    For each $b$, the closeness of examples $i$ and $j$ is $\exp(-d)$, where $d$ is the sum of the
    absolute differences of their $b$-th vectors. `o[i, b]` is the sum of the closeness of $i$ to
    all examples of the batch, itself included: 1 if all others are far away, $N$ if all are equal.

    It must be differentiable: write it with `np`, which is autograd's. The absolute value has slope
    0 at 0, as `np.abs` does, so in a batch of equal examples the gradient is 0.
    """,
    hints="""
    Compare every example with every other: a table of N x N for each of the B vectors. Then sum its
    rows.

    o_ib = sum_j exp(-|M_ib - M_jb|_1), with |.|_1 the sum over the C entries.

        distance = np.sum(np.abs(m[:, None] - m[None, :]), axis=3)
        return np.sum(np.exp(-distance), axis=1)
    """,
)


@closeness.case(
    points=1, kind="equation", expect={"o": [[1.5], [1.5], [1.0]]}, rtol=1e-6, atol=1e-8
)
def two_near_one_far(impl, rng):
    """The first two are log 2 apart, half of it in each component: their closeness is 1/2. The
    third is 100 away."""
    half = np.log(2.0) / 2
    return {"o": impl(np.array([[[0.0, 0.0]], [[half, -half]], [[100.0, 0.0]]]))}


@closeness.case(points=1, kind="extremes", expect={"o": np.full((4, 2), 4.0)})
def a_collapsed_batch(impl, rng):
    return {"o": impl(np.tile(rng.standard_normal((1, 2, 3)), (4, 1, 1)))}


@closeness.case(points=2, kind="equation")
def a_batch(impl, rng):
    return {"o": impl(0.4 * rng.standard_normal((5, 3, 2)))}


@closeness.case(points=1, kind="equation", property=True, expect={"change": np.zeros((6, 2))})
def any_order(impl, rng):
    """A permutation of the batch permutes o."""
    m, order = 0.5 * rng.standard_normal((6, 2, 3)), rng.permutation(6)
    return {"change": impl(m[order]) - impl(m)[order]}


@closeness.case(points=2, kind="gradient")
def gradient_of_closeness(impl, rng):
    m, weights = 0.5 * rng.standard_normal((4, 2, 3)), rng.standard_normal((4, 2))
    return {"grad": grad(lambda m: np.sum(weights * impl(m)))(m)}


@closeness.case(points=1, kind="gradient", fixed=True, expect={"gradient": np.zeros((3, 2, 2))})
def gradient_of_a_collapsed_batch(impl, rng):
    """All examples are equal: the gradient is 0."""
    m, weights = np.tile(rng.standard_normal((1, 2, 2)), (3, 1, 1)), rng.standard_normal((3, 2))
    return {"gradient": grad(lambda m: np.sum(weights * impl(m)))(m)}


running = Exercise(
    "gan/09/running_mean",
    target="minigen.gan.improved_training:running_mean",
    minutes=5,
    prompt=r"""
    Update a mean by one value, without storing the earlier values. `mean` is the mean of the first
    `count - 1` values, `value` is the `count`-th; both are arrays of equal shape. Return the mean
    of all `count` values, and do not change the arguments.

    `count` is at least 1. For the first value, $\mathrm{count} = 1$, the answer is the value
    itself, up to rounding, whatever numbers `mean` holds.
    """,
    hints="""
    What is the weight of one value in a mean of count values?

    mean_new = ((count - 1) mean + value) / count = mean + (value - mean) / count.

        return mean + (value - mean) / count
    """,
)


@running.case(points=1, kind="equation", expect={"mean": [3.0, 5.0]})
def the_fourth_value(impl, rng):
    """Three values with mean 2, then 6: (2 + 2 + 2 + 6)/4 = 3. Three with mean 6, then 2: 5."""
    return {"mean": impl(np.array([2.0, 6.0]), np.array([6.0, 2.0]), 4)}


@running.case(points=1, kind="equation", expect={"mean": [[1.5]]})
def the_first_value(impl, rng):
    return {"mean": impl(np.array([[-8.0]]), np.array([[1.5]]), 1)}


@running.case(points=2, kind="equation")
def later(impl, rng):
    return {"mean": impl(rng.standard_normal((3, 2)), rng.standard_normal((3, 2)), 7)}


@running.case(points=2, kind="equation", property=True, expect={"gap": np.zeros((5, 2))})
def one_after_the_other(impl, rng):
    """Updated by one value after another, the result is the mean of all."""
    values, mean, gap = rng.standard_normal((5, 2)), np.zeros(2), []
    for count in range(1, 6):
        mean = impl(mean, values[count - 1], count)
        gap.append(mean - values[:count].mean(axis=0))
    return {"gap": np.array(gap)}


penalty = Exercise(
    "gan/09/historical_penalty",
    target="minigen.gan.improved_training:historical_penalty",
    minutes=5,
    prompt="""
    Return the squared Euclidean distance of a network's parameters from their past means, one
    number. `parameters` is a list of arrays, the weights and biases; `means` is a list of arrays of
    the same shapes, their means over the training so far. The distance is over all entries of all
    arrays. It is added to a loss: it must be differentiable, and its gradient is 0, never `NaN`,
    where they equal their means, as they do when training begins. Do not change the lists or the
    arrays in them.
    """,
    hints="""
    Regard all parameters as one long vector, and their means as another.

    |theta - theta_mean|^2 = the sum of (p - m)^2 over all entries of all arrays.

        return sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means))
    """,
)


@penalty.case(points=1, kind="equation", expect={"penalty": 14.0})
def three_numbers(impl, rng):
    """1 + 4 from the first array, 9 from the second."""
    return {
        "penalty": impl(
            [np.array([1.0, 2.0]), np.array([[3.0]])], [np.array([0.0, 4.0]), np.array([[0.0]])]
        )
    }


@penalty.case(points=2, kind="equation")
def a_small_network(impl, rng):
    shapes = [(3, 4), (4,), (4, 1), (1,)]
    return {
        "penalty": impl(
            [rng.standard_normal(s) for s in shapes], [rng.standard_normal(s) for s in shapes]
        )
    }


@penalty.case(points=1, kind="gradient", property=True, expect={"gap": np.zeros(4)})
def its_slope(impl, rng):
    """Its slope is 2 (theta - mean)."""
    mean, other = rng.standard_normal(4), rng.standard_normal((2, 2))
    theta = rng.standard_normal(4)
    return {"gap": grad(lambda t: impl([t, other], [mean, other]))(theta) - 2 * (theta - mean)}


@penalty.case(points=1, kind="equation", fixed=True, expect={"penalty": 0.0})
def at_its_mean(impl, rng):
    theta = [rng.standard_normal((2, 3)), rng.standard_normal(3)]
    return {"penalty": impl(theta, [p.copy() for p in theta])}


@penalty.case(
    points=2,
    kind="gradient",
    fixed=True,
    expect={"gradient": np.zeros(3), "float32 gradient": np.zeros((2, 2))},
)
def gradient_at_its_mean(impl, rng):
    """At the start of training the parameters equal their means: the gradient is 0."""
    theta, other = rng.standard_normal(3), rng.standard_normal((2, 2))
    single = other.astype(np.float32)
    return {
        "gradient": grad(lambda t: impl([t, other], [theta, other + 1]))(theta),
        "float32 gradient": grad(lambda t: impl([t], [single]))(single),
    }


loss = Exercise(
    "gan/09/smoothed_loss",
    target="minigen.gan.losses:discriminator_loss",
    minutes=10,
    imports=["from minigen.tensor import sigmoid, softplus"],
    prompt=r"""
    Return the loss of a discriminator with one-sided label smoothing, one number, in nats.

    `real_logits` $(N,)$ and `fake_logits` $(M,)$ are the discriminator's outputs before the
    sigmoid. A real example has the target $1 - \mathrm{smooth}$, and a fake has the target 0. The
    loss is the mean cross-entropy over the real examples plus the mean over the fakes, for any $N$
    and $M$. Without smoothing ($\mathrm{smooth} = 0$, the default) it is the loss of `gan/02`.

    Logits may be as large as 1000, in `float32` too: never take the logarithm of 0. The gradient
    with respect to the logits must be finite and exact there: write it with `np`, which is
    autograd's.
    """,
    hints="""
    Write down the cross-entropy for any target y as a function of the logit. Then insert 1 - smooth
    for the real examples and 0 for the fakes.

    For the target y it is y softplus(-l) + (1 - y) softplus(l), since -log sigmoid(l) =
    softplus(-l) and -log(1 - sigmoid(l)) = softplus(l).

        real = (1 - smooth) * softplus(-real_logits) + smooth * softplus(real_logits)
        return np.mean(real) + np.mean(softplus(fake_logits))
    """,
)


@loss.case(points=2, kind="equation", atol=1e-6, expect={"loss": 0.325083 + 0.693147})
def at_the_target(impl, rng):
    """Two real examples at D = 0.9 with the target 0.9: -0.9 log 0.9 - 0.1 log 0.1. One fake at
    1/2: log 2."""
    return {"loss": impl(np.log([9.0, 9.0]), np.zeros(1), 0.1)}


@loss.case(points=1, kind="equation", fixed=True, expect={"loss": [1.3862943611198906] * 2})
def undecided(impl, rng):
    """All logits are 0: whatever the target, the loss of an example is log 2."""
    return {"loss": np.array([impl(np.zeros(3), np.zeros(2), s) for s in (0.1, 0.4)])}


@loss.case(points=2, kind="equation")
def two_groups(impl, rng):
    real, fake = 1 + rng.standard_normal(6), rng.standard_normal(4) - 1
    return {"a tenth": impl(real, fake, 0.1), "three tenths": impl(real, fake, 0.3)}


@loss.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def what_smoothing_adds(impl, rng):
    """Smoothing by s adds s times the mean logit of the real examples."""
    real, fake, s = 2 + rng.standard_normal(5), rng.standard_normal(7), 0.1 + 0.3 * rng.random()
    return {"gap": impl(real, fake, s) - impl(real, fake) - s * np.mean(real)}


@loss.case(points=1, kind="extremes", expect={"float64": 200.0, "float32": 200.0})
def very_certain(impl, rng):
    """Real logits 1000, fake ones -1000, smooth 0.2: the loss is 0.2 nats for each unit of the
    logit."""
    logits = np.full(3, 1000.0)
    single = logits.astype(np.float32)
    return {"float64": impl(logits, -logits, 0.2), "float32": impl(single, -single, 0.2)}


@loss.case(
    points=2,
    kind="gradient",
    expect={
        "at real logits": [-0.2, -0.075, 0.0, 0.05],
        "at fake logits": [0.0, 0.125, 0.225, 0.25],
    },
)
def gradients(impl, rng):
    """Logits -1000, 0, log 9 or log 4, and 1000, smooth 0.2: the slopes are (D - 0.8)/4 and D/4."""
    real = np.array([-1000.0, 0.0, np.log(4.0), 1000.0])
    fake = np.array([-1000.0, 0.0, np.log(9.0), 1000.0])
    return {
        "at real logits": grad(lambda r: impl(r, fake, 0.2))(real),
        "at fake logits": grad(lambda f: impl(real, f, 0.2))(fake),
    }


smoothing = Exercise(
    "gan/09/smoothed_optimum",
    target="minigen.gan.losses:smoothed_optimum",
    minutes=10,
    blocked=["minigen.gan.losses:optimal_discriminator"],
    prompt=r"""
    Return the optimal discriminator $D$ under one-sided label smoothing, at each point. `p_r` and
    `p_g`, arrays of equal shape, are the densities of real and of fake examples at the same points.
    They are nowhere both 0, but may be as small as $10^{-200}$. The discriminator minimizes the
    cross-entropy. A real example has the target $1 - \mathrm{smooth}$, and a fake the target 0.

    Without smoothing the answer is the optimal discriminator of the plain game.
    """,
    hints="""
    At one point, real examples with density p_r have the target 1 - smooth, and fakes with density
    p_g have the target 0. The cross-entropy is smallest at the weighted mean of the targets.

    minimize -p_r [(1 - s) log D + s log(1 - D)] - p_g log(1 - D): its derivative is 0 where the
    targets' weighted mean is D. The fakes' target, 0, adds nothing to it.

        return (1 - smooth) * p_r / (p_r + p_g)
    """,
)


@smoothing.case(points=1, kind="equation", expect={"D": [0.45, 0.675, 0.225]})
def a_tenth(impl, rng):
    """Even odds: 0.9/2. Three to one: 0.9 · 3/4. One to three: 0.9/4."""
    return {"D": impl(np.array([2.0, 3.0, 0.5]), np.array([2.0, 1.0, 1.5]), 0.1)}


@smoothing.case(points=2, kind="equation", expect={"D": [0.0, 0.8]})
def on_one_side_only(impl, rng):
    """Where there are only fakes D is 0, and where there are only real examples it is 0.8."""
    return {"D": impl(np.array([0.0, 1.5]), np.array([0.7, 0.0]), 0.2)}


@smoothing.case(points=1, kind="extremes", expect={"D": [0.675, 0.09]})
def far_in_the_tails(impl, rng):
    """Three to one and one to nine, with a tenth of smoothing."""
    return {"D": impl(np.array([3e-200, 1e-12]), np.array([1e-200, 9e-12]), 0.1)}


@smoothing.case(points=1, kind="equation")
def densities(impl, rng):
    p_r, p_g = rng.random((2, 3, 4)) + 0.01
    return {"plain": impl(p_r, p_g, 0.0), "smoothed": impl(p_r, p_g, 0.3)}


@smoothing.case(
    points=2, kind="equation", property=True, expect={"slope": np.zeros(6)}, rtol=0, atol=1e-8
)
def it_minimizes_the_loss(impl, rng):
    """At the optimum the derivative of the loss with respect to D is 0."""
    p_r, p_g, s = rng.random(6) + 0.1, rng.random(6) + 0.1, 0.1 + 0.2 * rng.random()
    d = impl(p_r, p_g, s)
    return {"slope": -p_r * ((1 - s) / d - s / (1 - d)) + p_g / (1 - d)}


moments = Exercise(
    "gan/09/virtual_moments",
    target="minigen.gan.improved_training:virtual_moments",
    minutes=20,
    rtol=1e-6,
    prompt="""
    Return the moments of virtual batch norm: for each example of `x` separately, the mean and the
    variance over the reference batch and this example together, as a tuple `(mean, var)`. The
    result must be differentiable with respect to `x`: write it with `np`, which is autograd's, and
    not in place.

    For features, `x` $(N, C)$ and `reference` $(R, C)$, both results have shape $(N, C)$. For
    images, `x` $(N, H, W, C)$ and `reference` $(R, H, W, C)$, all pixels are values of their
    channel, and both results have shape $(N, 1, 1, C)$. The variance divides by the number of
    values, $(R + 1) H W$. The result for one example of `x` must not depend on the others.
    """,
    hints="""
    The virtual batch of example i has R + 1 members: the reference, and example i. Return batch
    norm's mean and variance of these R + 1.

    mean_i = (sum of the reference + x_i)/(R + 1). The variance is the mean of the squares of (value
    - mean_i), over the same R + 1. A loop over the examples is fine.

        means, variances = [], []
        axes = tuple(range(x.ndim - 1))
        for i in range(len(x)):
            both = np.concatenate([reference, x[i : i + 1]])
            mean = np.mean(both, axis=axes, keepdims=True)
            means.append(mean)
            variances.append(np.mean((both - mean) ** 2, axis=axes, keepdims=True))
        return np.concatenate(means), np.concatenate(variances)
    """,
)


@moments.case(
    points=1, kind="equation", expect={"mean": [[2.0], [1.0]], "var": [[14.0 / 3.0], [2.0 / 3.0]]}
)
def two_examples(impl, rng):
    """The reference is 0 and 1. With 5: mean 2, squares 4 + 1 + 9. With 2: mean 1, squares 1 + 0
    + 1."""
    mean, var = impl(np.array([[5.0], [2.0]]), np.array([[0.0], [1.0]]))
    return {"mean": mean, "var": var}


@moments.case(points=2, kind="equation")
def features(impl, rng):
    mean, var = impl(3 + 2 * rng.standard_normal((4, 3)), rng.standard_normal((6, 3)))
    return {"mean": mean, "var": var}


@moments.case(points=1, kind="shapes")
def maps(impl, rng):
    mean, var = impl(1 + rng.standard_normal((3, 3, 4, 2)), 2 * rng.standard_normal((5, 3, 4, 2)))
    return {"mean": mean, "var": var}


@moments.case(
    points=2,
    kind="equation",
    fixed=True,
    property=True,
    expect={"mean": np.zeros((1, 3)), "var": np.zeros((1, 3))},
)
def examples_apart(impl, rng):
    """An example's moments do not depend on the other examples of the batch."""
    x, reference = 2 + rng.standard_normal((5, 3)), rng.standard_normal((4, 3))
    together, alone = impl(x, reference), impl(x[1:2], reference)
    return {name: a[1:2] - b for name, a, b in zip(("mean", "var"), together, alone)}


@moments.case(points=1, kind="gradient")
def gradient_of_moments(impl, rng):
    x, reference, weights = (
        rng.standard_normal((3, 2)),
        rng.standard_normal((4, 2)),
        rng.standard_normal((2, 3, 2)),
    )

    def both(x):
        return sum(np.sum(w * each) for w, each in zip(weights, impl(x, reference)))

    return {"grad": grad(both)(x)}


noise = Exercise(
    "gan/09/instance_noise",
    target="minigen.gan.improved_training:instance_noise",
    minutes=5,
    prompt="""
    Return `x` plus Gaussian noise. `x` is an array of examples, real or fake, of any shape, before
    they enter the discriminator; `std` is the standard deviation of the noise. Every entry has its
    own noise. `x` itself is not changed, and the result has the dtype of `x`. Nothing is clipped.
    The result must be differentiable with respect to `x`.

    Draw the noise with one call of `rng.standard_normal`, giving it the shape and the dtype of `x`.
    """,
    hints="""
    Every pixel of every example has its own random number. Standard normal numbers have standard
    deviation 1.

    x + std * n, with n ~ N(0, 1) in every entry.

        return x + std * rng.standard_normal(np.shape(x), dtype=x.dtype)
    """,
)


@noise.case(
    points=2,
    kind="equation",
    expect={"x at std 0": [[1.0, -2.0]], "distance from x + rng's noise": 0.0},
)
def without_noise(impl, rng):
    """With std = 0 x is unchanged; with std = 1 the next numbers of the given rng are added."""
    x = np.array([[1.0, -2.0]])
    seed = int(rng.integers(1000))
    added = (
        impl(x, 1.0, np.random.default_rng(seed))
        - np.random.default_rng(seed).standard_normal((1, 2))
        - x
    )
    return {"x at std 0": impl(x, 0.0, rng), "distance from x + rng's noise": np.abs(added).max()}


@noise.case(points=1, kind="shapes")
def images(impl, rng):
    return {"noisy": impl(rng.random((4, 3, 3, 1), dtype=np.float32), 0.3, rng)}


@noise.case(points=1, kind="shapes", exact_dtype=True)
def single_precision(impl, rng):
    """For float32 examples the result is float32."""
    noisy = impl(np.ones((5, 2), np.float32), 0.1, rng)
    return {"noisy": noisy}


@noise.case(
    points=2, kind="equation", property=True, expect={"ratio": np.full((3, 4), 2.0), "fresh": True}
)
def scale_and_freshness(impl, rng):
    """Twice the std is twice the noise; two calls draw different noise."""
    x, seed = 8 * rng.standard_normal((3, 4)), int(rng.integers(1000))
    near, far = (impl(x, std, np.random.default_rng(seed)) - x for std in (0.25, 0.5))
    first, second = impl(x, 0.5, rng), impl(x, 0.5, rng)
    return {"ratio": far / near, "fresh": bool(np.all(first != second))}


@noise.case(points=1, kind="gradient")
def gradient_through_noise(impl, rng):
    weights = rng.standard_normal((2, 3))
    return {
        "grad": grad(lambda x: np.sum(weights * impl(x, 0.2, np.random.default_rng(3)) ** 2))(
            rng.standard_normal((2, 3))
        )
    }
