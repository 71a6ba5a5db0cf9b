"""Mistakes in the exercises of gan/09, and other correct answers."""

import autograd.numpy as np


def gaps(m):
    return m[:, None] - m[None, :]


def one_by_one(x, reference, gather):
    """(mean, var) of `gather(reference, x_i)` for each i."""
    means, variances = [], []
    for i in range(len(x)):
        both = gather(reference, x[i : i + 1])
        axes = tuple(range(both.ndim - 1))
        mean = np.mean(both, axis=axes, keepdims=True)
        means.append(mean)
        variances.append(np.mean((both - mean) ** 2, axis=axes, keepdims=True))
    return np.concatenate(means), np.concatenate(variances)


def log_sigmoid(x):
    """log σ(x), exact for large |x|."""
    return -np.logaddexp(0.0, -x)


def smoothed(real, fake, smooth, log):
    """The smoothed loss, from a function for log sigmoid of a logit."""
    real = (1 - smooth) * log(real) + smooth * log(-real)
    return -np.mean(real) - np.mean(log(-fake))


MISTAKES = {
    "feature_matching_loss": """
    np.sum -> np.mean  # Add the squares over the features, do not average them.
    gap**2 -> np.mean(gap)**2  # The mean is over the batch, axis 0: every feature has its own.
    # This is the length; return its square, which has no kink at 0.
    return np.sqrt(np.sum((np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)) ** 2))
    # Single examples are compared, and the loss grows with their variance: take the means first,
    # the squares after.
    return np.mean(np.sum((real_features[:, None] - fake_features[None]) ** 2, axis=2))
    # Take the mean of each batch, not the sum: the batches may have different sizes.
    np.mean -> np.sum (everywhere)
    # The square of the Euclidean length takes squares; this adds absolute values.
    gap**2 -> np.abs(gap)
    gap**2 -> gap**2 / 2  # There is no factor 1/2: the squared length itself.
    # The loss is right, but a root has no slope at 0: where the means agree the gradient is NaN.
    # Sum the squares, without a length.
    np.sum(gap**2) -> np.sqrt(np.sum(gap**2)) ** 2
    # The mean is over the examples, axis 0, not over the features.
    return (np.sum(np.mean(real_features, axis=1)) - np.sum(np.mean(fake_features, axis=1))) ** 2
    # Each batch has its own size: divide the fakes' sum by M.
    np.mean(fake_features, axis=0) -> np.sum(fake_features, axis=0) / len(real_features)
    # Nothing is added: the squared length is 0 where the means agree.
    np.sum(gap**2) -> np.sum(gap**2) + 1e-6
    """,
    "minibatch_closeness": """
    # The distance is the sum of absolute differences, not the Euclidean one.
    np.exp(-distance) -> np.exp(-np.sqrt(np.sum(gaps(m) ** 2, axis=3)))
    # The distance is the sum of the C absolute differences, not their mean.
    np.exp(-distance) -> np.exp(-distance / m.shape[2])
    # The distance is the sum of the C absolute differences, not the largest.
    np.exp(-distance) -> np.exp(-np.max(np.abs(gaps(m)), axis=3))
    # The value is right, but the root of a square has no slope at 0, and every example is compared
    # with itself: the gradient is NaN. np.abs has slope 0.
    np.abs(m[:, None] - m[None, :]) -> np.sqrt(gaps(m)**2)
    # At 0, where two examples are equal, the slope of the absolute value is 0, as np.abs has it.
    np.abs(m[:, None] - m[None, :]) -> np.where(gaps(m) > 0, gaps(m), -gaps(m))
    -distance -> distance  # Closeness falls with the distance: exp of minus the distance.
    # The sum includes the example itself: an isolated example has 1, not 0.
    return np.sum(np.exp(-np.sum(np.abs(gaps(m)), axis=3)), axis=1) - 1
    # Sum over the batch, do not average: in a collapsed batch the result is N.
    np.exp(-distance) -> np.exp(-distance) / len(m)
    np.abs -> np.square  # The distance is the sum of absolute differences, not of their squares.
    # Add up the C differences first, then take exp: one closeness for a pair of vectors.
    return np.sum(np.exp(-np.abs(gaps(m))), axis=(1, 3))
    # Each of the B vectors has its own closeness: do not add the distances over b.
    o = np.sum(np.exp(-np.sum(np.abs(gaps(m)), axis=(2, 3))), axis=1)
    return o[:, None] * np.ones((1, m.shape[1]))
    # Without exp this is the distance to the others, which is unbounded.
    np.exp(-distance) -> distance
    # Compare with every example of the batch, not only with those that come before.
    near = np.exp(-np.sum(np.abs(gaps(m)), axis=3))
    return np.sum(near * np.tril(np.ones((len(m), len(m))))[:, :, None], axis=1)
    """,
    "running_mean": """
    # The new value is the count-th: its weight is 1/count, not 1/(count + 1).
    return mean + (value - mean) / (count + 1)
    # A weight that does not fall is an exponential moving average, which forgets the old values.
    return 0.9 * mean + 0.1 * value
    # The old mean and the new value have different weights: the mean is of count - 1 values.
    return (mean + value) / 2
    # The weights are swapped: the new value has weight 1/count, the past the rest.
    mean -> value (everywhere)
    value -> mean (everywhere)
    + -> -  # The sign is reversed: the mean moves toward the new value.
    # The old mean counts as one value here: it is of count - 1 values, so multiply it by that.
    return (mean + value) / count
    # For the first value the answer is the value itself, whatever mean holds.
    return mean + (value - mean) / max(count, 2)
    # Your function changes `mean` in place; make a new array, mean + ....
    mean += (value - mean) / count
    return mean
    """,
    "historical_penalty": """
    np.sum -> np.mean  # Add the squares, do not average them.
    # Return the squared distance, without a root.
    return np.sqrt(sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means)) + 1e-300)
    (p - m) ** 2 -> np.sqrt((p - m) ** 2)  # Absolute values are added: take the squares.
    return np.sum((parameters[0] - means[0]) ** 2)  # All arrays count, not only the first.
    p - m -> p  # This is weight decay: the distance from 0, not from the mean.
    # There is no factor 1/2: the penalty is the squared distance itself.
    (p - m) ** 2 -> ((p - m) ** 2) / 2
    # Square each difference, then add: differences of opposite sign must not cancel.
    p - m -> np.sum(p - m)
    # The penalty is right, but a root has no slope at 0: at the mean, where training begins, the
    # gradient is NaN. Add up the squares, without a length.
    return np.sqrt(sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means))) ** 2
    # Nothing is cut off: at the mean the penalty is 0.
    return max(sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means)), 1e-6)
    # Nothing is cut off: at the mean the penalty is 0.
    length = np.sqrt(sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means)))
    return np.maximum(length, 1e-3) ** 2
    # Add over the arrays, do not average over them.
    return sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means)) / len(parameters)
    # The biases count too: all arrays, whatever their shape.
    (p - m) ** 2 -> (p - m) ** 2 * (np.ndim(p) > 1)
    # Add up over the arrays: here only the last one is left.
    for p, m in zip(parameters, means):
        total = np.sum((p - m) ** 2)
    return total
    # Your function changes the lists that it was given; do not change them.
    total = 0.0
    for k in range(len(means)):
        means[k] = parameters[k] - means[k]
        total = total + np.sum(means[k] ** 2)
    return total
    # The gradient is stopped: without it the term has no effect.
    from minigen.tensor import stop_gradient
    return stop_gradient(sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means)))
    """,
    "smoothed_loss": """
    # This is two-sided: the target of the fake examples stays 0.
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    fake = (1 - smooth) * log_sigmoid(-fake_logits) + smooth * log_sigmoid(fake_logits)
    return -np.mean(real) - np.mean(fake)
    # smooth is ignored: the target of the real examples is 1 - smooth.
    if smooth -> if False
    # A part of the smoothed cross-entropy is missing: with the target 1 - smooth, the part for the
    # target 0 has the weight smooth.
    np.mean(real_logits) -> (-np.mean(real))
    # The wrong side is smoothed: the targets of the real examples are moved, those of the fakes
    # are not.
    fake = (1 - smooth) * log_sigmoid(-fake_logits) + smooth * log_sigmoid(fake_logits)
    return -np.mean(log_sigmoid(real_logits)) - np.mean(fake)
    # The smoothed target is reversed: that of a real example is 1 - smooth, not smooth.
    return smoothed(real_logits, fake_logits, 1 - smooth, log_sigmoid)
    # D is scaled instead of its target: the loss has two logarithms for a real example.
    real = np.log(1 - smooth) + log_sigmoid(real_logits)
    return -np.mean(real) - np.mean(log_sigmoid(-fake_logits))
    # The fakes' loss is scaled too: only the real examples are smoothed.
    return (1 - smooth) * np.mean(softplus(fake_logits)) + smooth * np.mean(real_logits) + real
    np.mean -> np.sum (everywhere)  # The groups are summed: take the mean over each.
    # Add the two means, do not average them: at D = 1/2 the loss is 2 log 2.
    real + fake -> (real + fake) / 2
    # The sign is reversed: a loss is minimized.
    real + fake -> -(real + fake)
    # The probability of a large logit rounds to 1, and the other logarithm is infinite: use
    # softplus on the logits.
    return smoothed(real_logits, fake_logits, smooth, lambda l: np.log(1 / (1 + np.exp(-l))))
    # A small number inside the logarithm bounds the loss where the discriminator is certain: use
    # softplus on the logits.
    return smoothed(
        real_logits, fake_logits, smooth, lambda l: np.log(1 / (1 + np.exp(-l)) + 1e-8)
    )
    # Clipped logits have no slope: at a large real logit the slope is smooth, as with softplus.
    return smoothed(
        real_logits, fake_logits, smooth, lambda l: log_sigmoid(np.clip(l, -100, 100))
    )
    # smooth is an argument; here it is always 0.1.
    return smoothed(real_logits, fake_logits, 0.1, log_sigmoid)
    """,
    "smoothed_optimum": """
    # This is two-sided: the fakes' target stays 0, so p_g does not enter above.
    return ((1 - smooth) * p_r + smooth * p_g) / (p_r + p_g)
    1 - smooth -> 1  # This is the optimal D without smoothing.
    # The denominator is not smoothed: divide by p_r + p_g.
    return (1 - smooth) * p_r / ((1 - smooth) * p_r + p_g)
    # The wrong side is smoothed: the target of the real examples is 1 - smooth, that of the fakes
    # 0.
    return (p_r + smooth * p_g) / (p_r + p_g)
    # D is the probability of being real: the numerator is p_r, not p_g.
    p_r -> p_g
    p_g -> p_r
    # smooth is subtracted from D: smoothing scales D instead, by 1 - smooth.
    return p_r / (p_r + p_g) - smooth
    # The smoothed target is reversed: that of a real example is 1 - smooth, not smooth.
    1 - smooth -> smooth
    # A small number in the denominator outweighs densities far in the tails.
    return (1 - smooth) * p_r / (p_r + p_g + 1e-8)
    # A small number in the denominator outweighs densities far in the tails.
    return (1 - smooth) * p_r / (p_r + p_g + 1e-12)
    # D is clipped at its largest value: smoothing scales D everywhere, by 1 - smooth.
    return np.minimum(p_r / (p_r + p_g), 1 - smooth)
    # This ratio goes from 0 to infinity. A probability is a share: divide by p_r + p_g.
    return (1 - smooth) * p_r / np.where(p_g > 0, p_g, 1.0)
    # smooth is an argument; here it is always 0.1.
    return 0.9 * p_r / (p_r + p_g)
    """,
    "virtual_moments": """
    # The example itself belongs to its virtual batch: R + 1 members, not R.
    return one_by_one(x, reference, lambda r, one: r + 0 * one)
    # This is batch norm: each result depends on the whole batch x. The virtual batch is the
    # reference and the example itself.
    return one_by_one(x, reference, lambda r, one: x + 0 * one)
    # The other examples of the batch do not belong to it: reference and the one example only.
    return one_by_one(x, reference, lambda r, one: np.concatenate([r, x + 0 * one]))
    # Divide the variance by the number of values, not by one less.
    mean, var = one_by_one(x, reference, lambda r, one: np.concatenate([r, one]))
    n = (len(reference) + 1) * np.prod(x.shape[1:-1])
    return mean, var * n / (n - 1)
    mean, var -> mean, np.sqrt(var)  # This is the standard deviation; return the variance.
    # The example is one member among R + 1; it does not have the weight of the whole reference.
    len(reference) -> 1
    # The example moves the mean, and that adds to the variance: take it around the common mean.
    gap**2 -> 0
    # Every channel has its own mean and variance: do not average over the last axis.
    mean, _ = one_by_one(x, reference, lambda r, one: np.concatenate([r, one]))
    common = np.mean(mean, axis=-1, keepdims=True) + 0 * mean
    parts = [
        np.mean(
            (np.concatenate([reference, x[i : i + 1]]) - common[i : i + 1]) ** 2,
            axis=tuple(range(x.ndim)),
            keepdims=True,
        )
        for i in range(len(x))
    ]
    return common, np.concatenate(parts) + 0 * mean
    # For maps all places are values of their channel, and differ from one another: take the
    # variance over examples and places at once.
    mean, var = one_by_one(x, reference, lambda r, one: np.concatenate([r, one]))
    places = tuple(range(1, x.ndim - 1))
    within = [
        np.mean(
            np.var(np.concatenate([reference, x[i : i + 1]]), axis=0, keepdims=True),
            axis=places,
            keepdims=True,
        )
        for i in range(len(x))
    ]
    return mean, np.concatenate(within) + 0 * var
    # The mean comes first, then the variance.
    mean, var -> var, mean
    # The variance is around the mean of all R + 1, not around that of the reference.
    gap**2 * (r / (r + 1) ** 2) -> gap**2 / (r + 1)
    mean, var -> mean, var + 1e-3  # The small number that is added to the variance comes later.
    """,
    "instance_noise": """
    # std is the standard deviation: multiply by it, not by its square.
    return x + std**2 * rng.standard_normal(np.shape(x), dtype=x.dtype)
    # std is the standard deviation, not the variance: no square root.
    return x + std**0.5 * rng.standard_normal(np.shape(x), dtype=x.dtype)
    # Every entry needs its own noise; here all examples of the batch have the same.
    return x + std * rng.standard_normal(np.shape(x)[1:], dtype=x.dtype)
    # The noise is added, not multiplied: black pixels have noise too.
    return x * (1 + std * rng.standard_normal(np.shape(x), dtype=x.dtype))
    # These random numbers are uniform: the noise is Gaussian, from standard_normal.
    .standard_normal -> .random
    # The scale is missing: multiply the noise by std.
    return x + rng.standard_normal(np.shape(x), dtype=x.dtype)
    # x itself is missing: this is the noise alone.
    return std * rng.standard_normal(np.shape(x), dtype=x.dtype) + 0 * x
    # Take the noise from the generator that is given; a generator of your own gives the same noise
    # every time.
    return x + std * np.random.default_rng(0).standard_normal(np.shape(x), dtype=x.dtype)
    # Draw the noise in the dtype of x: with float64 noise float32 examples become float64.
    return x + std * rng.standard_normal(np.shape(x))
    # The noise is added: do not reverse its sign.
    return x - std * rng.standard_normal(np.shape(x), dtype=x.dtype)
    # Nothing is clipped: the noise is Gaussian, and moves black and white both ways.
    return np.clip(x + std * rng.standard_normal(np.shape(x), dtype=x.dtype), 0, 1)
    # Nothing is clipped: the noise is Gaussian, and moves black and white both ways.
    return np.clip(x + std * rng.standard_normal(np.shape(x), dtype=x.dtype), -1, 1)
    # Every entry needs its own noise; here all entries have the same.
    return x + std * rng.standard_normal(dtype=x.dtype)
    # Every entry needs its own noise; here all entries of an example have the same.
    shape = (len(x),) + (1,) * (x.ndim - 1)
    return x + std * rng.standard_normal(shape, dtype=x.dtype)
    # The answer has the dtype of x: a float64 std or noise makes float32 examples float64.
    return x + std * rng.standard_normal(np.shape(x), dtype=x.dtype).astype(float)
    # These random numbers are uniform: the noise is Gaussian, from standard_normal.
    return x + std * (2 * rng.random(np.shape(x), dtype=x.dtype) - 1)
    """,
}

VARIANTS = {
    "feature_matching_loss": """
    # by the library's length, whose gradient at 0 is 0
    gap = np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)
    return np.linalg.norm(gap) ** 2
    # as a product
    gap = np.sum(real_features, axis=0) / len(real_features) - np.sum(fake_features, axis=0) / len(
        fake_features
    )
    return np.dot(gap, gap)
    # feature by feature
    return sum(
        (np.mean(real_features[:, k]) - np.mean(fake_features[:, k])) ** 2
        for k in range(real_features.shape[1])
    )
    """,
    "minibatch_closeness": """
    # example by example
    return np.stack([np.sum(np.exp(-np.sum(np.abs(m - each), axis=2)), axis=0) for each in m])
    # exp of a sum is a product of exps
    return np.sum(np.prod(np.exp(-np.abs(gaps(m))), axis=-1), axis=0)
    """,
    "running_mean": """
    return ((count - 1) * mean + value) / count  # from the sum
    # with weights
    new = 1 / count
    return (1 - new) * mean + new * value
    """,
    "historical_penalty": """
    # by the library's length, whose gradient at 0 is 0
    return sum(np.linalg.norm(p - m) ** 2 for p, m in zip(parameters, means))
    # one long vector
    gap = np.concatenate([np.ravel(p - m) for p, m in zip(parameters, means)])
    return np.dot(gap, gap)
    # in a loop
    total = 0.0
    for k in range(len(parameters)):
        total = total + np.sum(np.square(parameters[k] - means[k]))
    return total
    """,
    "smoothed_loss": """
    # one formula for any target y: max(l, 0) - l y + log(1 + exp(-|l|))
    def cross_entropy(l, y):
        return np.maximum(l, 0) - l * y + np.log1p(np.exp(-np.abs(l)))
    return cross_entropy(real_logits, 1 - smooth).mean() + cross_entropy(fake_logits, 0.0).mean()
    # the two parts of the cross-entropy
    return smoothed(real_logits, fake_logits, smooth, log_sigmoid)
    """,
    "smoothed_optimum": """
    # scaled numerator
    total = p_r + p_g
    return (p_r - smooth * p_r) / total
    # scaled
    plain = 1 - p_g / (p_r + p_g)
    return plain - smooth * plain
    """,
    "virtual_moments": """
    # with a loop
    means, variances = [], []
    for i in range(len(x)):
        both = np.concatenate([reference, x[i : i + 1]])
        both = np.reshape(both, (-1, x.shape[-1]))
        means.append(np.mean(both, axis=0))
        variances.append(np.mean((both - means[-1]) ** 2, axis=0))
    shape = (len(x), *[1] * (x.ndim - 2), x.shape[-1])
    return np.reshape(np.stack(means), shape), np.reshape(np.stack(variances), shape)
    # the variance as the mean of the squares minus the square of the mean
    r, places = len(reference), tuple(range(1, x.ndim - 1))
    first, second = (
        (
            r * np.mean(reference**k, axis=(0, *places), keepdims=True)
            + np.mean(x**k, axis=places, keepdims=True)
        )
        / (r + 1)
        for k in (1, 2)
    )
    return first, second - first**2
    """,
    "instance_noise": """
    # step by step
    n = rng.standard_normal(size=x.shape, dtype=x.dtype)
    return std * n + x
    # written into an array
    n = np.empty(x.shape, x.dtype)
    rng.standard_normal(dtype=x.dtype, out=n)
    return x - (-std) * n
    """,
}

EQUIVALENT = {
    "smoothed_loss": """
    if smooth → if True  # without smoothing 0 is added
    """,
    "feature_matching_loss": """
    (real_features, fake_features) → (fake_features, real_features)  # a distance has no direction
    """,
    "minibatch_closeness": """
    # closeness is the same both ways, so rows and columns have the same sums
    np.sum(np.exp(-distance), axis=1) → np.sum(np.exp(-distance), axis=0)
    """,
    "historical_penalty": """
    (parameters, means) → (means, parameters)  # a distance has no direction
    zip(parameters, means) → zip(means, parameters)  # a distance has no direction
    """,
}
