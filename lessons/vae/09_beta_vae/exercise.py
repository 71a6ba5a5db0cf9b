"""Exercises on beta-VAE: a price for the rate, a capacity for it, and a score of the code that
comes out."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

# ------------------------------------------------------------------------------------------- a
# price

priced = Exercise(
    "vae/09/beta_vae_loss",
    target="minigen.vae.beta_vae:beta_vae_loss",
    minutes=5,
    prompt="""
    The loss of a beta-VAE, in nats, to be minimized.

    recon is the distortion, a loss: minus the log-likelihood of the picture given its code. kl is
    the rate, the KL divergence of the code. Both are numbers, or arrays of shape (N,), one value
    for each picture; the result has their shape. beta is the price of a nat of rate; 1 gives the
    loss of the VAE.
    """,
    hints=[
        "Two costs, one of them with a price of its own.",
        "Distortion plus beta times rate.",
        "Add recon and the product of beta and kl.",
    ],
)


@priced.case(points=2, expect={"one": 110.0, "four": 170.0, "free": 90.0})
def by_hand(impl, rng):
    """A distortion of 90 nats and a rate of 20, at three prices."""
    return {
        "one": impl(90.0, 20.0, 1.0),
        "four": impl(90.0, 20.0, 4.0),
        "free": impl(90.0, 20.0, 0.0),
    }


@priced.case(points=2)
def picture_by_picture(impl, rng):
    return {"loss": impl(100 * rng.random(5), 20 * rng.random(5), 4.0)}


@priced.case(
    points=2,
    property="a nat of rate costs beta, a nat of distortion costs 1",
    expect={"rate": 0.0, "distortion": 0.0},
)
def slopes(impl, rng):
    recon, kl, beta = 100 * rng.random(4), 20 * rng.random(4), float(rng.uniform(2, 9))
    return {
        "rate": grad(lambda k: np.sum(impl(recon, k, beta)))(kl) - beta,
        "distortion": grad(lambda r: np.sum(impl(r, kl, beta)))(recon) - 1,
    }


@priced.mistake(hint="beta is the price of the rate: it multiplies kl, not recon.")
def price_on_the_distortion(recon, kl, beta):
    return beta * recon + kl


@priced.mistake(
    hint=(
        "Both terms are costs: add them. Only for a log-likelihood, which is -recon, would kl be"
        " subtracted."
    )
)
def rate_subtracted(recon, kl, beta):
    return recon - beta * kl


@priced.mistake(hint="This is the bound, to be maximized; the loss is its negative.")
def bound_for_loss(recon, kl, beta):
    return -recon - beta * kl


@priced.mistake(
    hint=(
        "beta multiplies the rate only, not the whole loss: that would change nothing but the step"
        " size."
    )
)
def price_on_both(recon, kl, beta):
    return beta * (recon + kl)


@priced.mistake(hint="This is the VAE: beta is not used.")
def without_beta(recon, kl, beta):
    return recon + kl + 0.0 * beta


@priced.mistake(hint="A higher beta makes the rate dearer: multiply by it, do not divide.")
def price_divided(recon, kl, beta):
    return recon + kl / beta if beta else recon


@priced.mistake(hint="One value for each picture: leave the mean over the batch to the caller.")
def mean_over_the_batch(recon, kl, beta):
    return np.mean(recon + beta * kl)


@priced.variant
def rate_first(recon, kl, beta):
    return kl * float(beta) + recon


# ------------------------------------------------------------------------------------------- a
# capacity

capped = Exercise(
    "vae/09/capacity_loss",
    target="minigen.vae.beta_vae:capacity_loss",
    minutes=5,
    prompt="""
    The loss of Burgess et al., in nats, to be minimized: the rate is pulled to a capacity C, from
    above and from below.

    recon (the distortion, a loss) and kl (the rate) are numbers, or arrays of shape (N,); the
    result has their shape. gamma says how hard each nat of difference is punished. In training the
    capacity grows; here it is just a number.
    """,
    hints=[
        (
            "What is punished is the distance of the rate from the capacity, on whichever side it"
            " lies."
        ),
        "Distortion plus gamma times the absolute difference of kl and capacity.",
        "np.abs of kl minus capacity, times gamma, added to recon.",
    ],
)


@capped.case(points=2, expect={"above": 140.0, "below": 140.0, "on": 90.0})
def on_both_sides(impl, rng):
    return {
        "above": impl(90.0, 20.0, 10.0, 15.0),
        "below": impl(90.0, 20.0, 10.0, 25.0),
        "on": impl(90.0, 20.0, 10.0, 20.0),
    }


@capped.case(points=2)
def each_picture_by_itself(impl, rng):
    return {"loss": impl(100 * rng.random(6), 20 * rng.random(6), 30.0, 10.0)}


@capped.case(
    points=1, property="without capacity it is a beta-VAE with beta = gamma", expect={"gap": 0.0}
)
def no_capacity(impl, rng):
    recon, kl, gamma = 100 * rng.random(5), 20 * rng.random(5), float(rng.uniform(2, 50))
    return {"gap": impl(recon, kl, gamma, 0.0) - recon - gamma * kl}


@capped.case(points=2, expect={"slope": [-7.0, -7.0, 7.0, 7.0]})
def slope_in_the_rate(impl, rng):
    """Below the capacity a nat more saves gamma, above it costs gamma."""
    kl = np.array([1.0, 9.0, 11.0, 30.0])
    return {"slope": grad(lambda k: np.sum(impl(100 * rng.random(4), k, 7.0, 10.0)))(kl)}


@capped.mistake(
    hint=(
        "Below the capacity the difference is negative, and the rate would be pushed down: take its"
        " absolute value."
    )
)
def without_absolute_value(recon, kl, gamma, capacity):
    return recon + gamma * (kl - capacity)


@capped.mistake(
    hint="Below the capacity the rate is pulled up as well: not only what exceeds C is punished."
)
def only_above(recon, kl, gamma, capacity):
    return recon + gamma * np.maximum(kl - capacity, 0.0)


@capped.mistake(hint="The absolute difference, not its square.")
def squared(recon, kl, gamma, capacity):
    return recon + gamma * (kl - capacity) ** 2


@capped.mistake(hint="The distance from the capacity is a cost: add it.")
def subtracted(recon, kl, gamma, capacity):
    return recon - gamma * np.abs(kl - capacity)


@capped.mistake(hint="The capacity is not used: this is a beta-VAE with beta = gamma.")
def capacity_forgotten(recon, kl, gamma, capacity):
    return recon + gamma * kl + 0.0 * capacity


@capped.mistake(hint="gamma multiplies the difference, not only the rate.")
def gamma_inside(recon, kl, gamma, capacity):
    return recon + np.abs(gamma * kl - capacity)


@capped.mistake(hint="The rate has no cost of its own beside the distance from the capacity.")
def rate_paid_twice(recon, kl, gamma, capacity):
    return recon + kl + gamma * np.abs(kl - capacity)


@capped.variant
def root_of_the_square(recon, kl, gamma, capacity):
    return recon + ((gamma * kl - gamma * capacity) ** 2) ** 0.5


# ------------------------------------------------------------------------------------------- a
# score

gap = Exercise(
    "vae/09/mutual_information_gap",
    target="minigen.vae.beta_vae:mutual_information_gap",
    minutes=15,
    prompt="""
    The mutual information gap of a code, a number between 0 and 1.

    codes has shape (N, D), factors (N, K). You may use `information(codes, factors, bins)`, shape
    (D, K): the share of each factor that each number of the code knows. For every factor take what
    the best-informed number knows, minus what the second-best knows; then the mean over the
    factors. If the code has one number only, the second-best knows nothing.
    """,
    hints=[
        "A factor is a column: which two numbers of the code know most about it?",
        "(1/K) sum over factors of (largest minus second largest over the D numbers).",
        "np.sort along axis 0, the last row minus the one before it, and the mean. Mind D = 1.",
    ],
    imports=[
        "import numpy as np",
        "from minigen.vae.beta_vae import mutual_information as information",
    ],
)


def table(*sizes, times=20):
    axes = np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij")
    return np.repeat(np.stack(axes, axis=-1).reshape(-1, len(sizes)), times, axis=0)


def noisy(rng, v, d):
    """Each number an arbitrary mixture of the factors, and some noise."""
    return v @ rng.standard_normal((v.shape[1], d)) + 0.5 * rng.standard_normal((len(v), d))


@gap.case(points=2, expect={"perfect": 1.0, "doubled": 0.0}, atol=1e-6)
def known_codes(impl, rng):
    """The factors themselves, and the factors twice: then the second-best number knows as much."""
    v = table(4, 4)
    return {"perfect": impl(v + 0.0, v), "doubled": impl(np.concatenate([v, v], axis=1) + 0.0, v)}


@gap.case(points=2)
def mixtures(impl, rng):
    v = table(3, 4, 2)
    return {"five numbers": impl(noisy(rng, v, 5), v), "two numbers": impl(noisy(rng, v, 2), v)}


@gap.case(points=1, expect={"gap": 0.5}, atol=1e-6)
def one_number(impl, rng):
    """It knows one of two factors, and nobody else knows anything."""
    v = table(4, 4)
    return {"gap": impl(v[:, :1] + 0.0, v)}


@gap.case(points=1)
def other_bins(impl, rng):
    v = table(3, 4)
    return {"gap": impl(noisy(rng, v, 3), v, 6)}


@gap.case(
    points=2,
    property="neither the order of the numbers nor their signs matter",
    expect={"difference": 0.0},
    atol=1e-6,
)
def order_and_signs(impl, rng):
    v = table(3, 4)
    code = np.concatenate([v, noisy(rng, v, 2)], axis=1)
    order = rng.permutation(4)
    keep = np.where(
        order < 2, -1.0, 1.0
    )  # signs of the whole numbers only: bins of the others are not symmetric
    return {"difference": impl(code[:, order] * keep, v) - impl(code, v)}


def shares(codes, factors, bins):
    from minigen.vae.beta_vae import mutual_information

    return mutual_information(codes, factors, bins)


@gap.mistake(
    hint="For each factor look at all numbers of the code: sort along axis 0, not along axis 1."
)
def per_number(codes, factors, bins=20):
    ranked = np.sort(shares(codes, factors, bins), axis=1)
    return float(np.mean(ranked[:, -1] - ranked[:, -2]))


@gap.mistake(hint="The second-best number is subtracted: what the best one knows is not the gap.")
def best_only(codes, factors, bins=20):
    return float(np.mean(shares(codes, factors, bins).max(axis=0)))


@gap.mistake(hint="Best minus second-best, not best minus worst.")
def best_minus_worst(codes, factors, bins=20):
    s = shares(codes, factors, bins)
    return float(np.mean(s.max(axis=0) - (s.min(axis=0) if len(s) > 1 else 0.0)))


@gap.mistake(hint="Best minus second-best, not best minus the mean.")
def best_minus_mean(codes, factors, bins=20):
    s = shares(codes, factors, bins)
    return float(np.mean(s.max(axis=0) - (s.mean(axis=0) if len(s) > 1 else 0.0)))


@gap.mistake(hint="The mean over the factors, not their sum.")
def sum_over_factors(codes, factors, bins=20):
    ranked = np.sort(shares(codes, factors, bins), axis=0)
    return float(np.sum(ranked[-1] - (ranked[-2] if len(ranked) > 1 else 0.0)))


@gap.mistake(
    hint=(
        "np.sort puts the smallest first: the best is the last row. This is minus the gap of the"
        " two worst."
    )
)
def wrong_end(codes, factors, bins=20):
    ranked = np.sort(shares(codes, factors, bins), axis=0)
    return float(np.mean(ranked[0] - (ranked[1] if len(ranked) > 1 else 0.0)))


@gap.mistake(
    hint=(
        "The best-informed number may stand anywhere in the code, a different one for each factor:"
        " sort first."
    )
)
def first_two_numbers(codes, factors, bins=20):
    s = shares(codes, factors, bins)
    return float(np.mean(np.abs(s[0] - (s[1] if len(s) > 1 else 0.0))))


@gap.mistake(
    hint=(
        "With one number only there is no second-best: it knows nothing, so subtract 0, not the"
        " best itself."
    )
)
def best_against_itself(codes, factors, bins=20):
    ranked = np.sort(shares(codes, factors, bins), axis=0)
    return float(np.mean(ranked[-1] - ranked[max(len(ranked) - 2, 0)]))


@gap.mistake(hint="Pass the number of bins on to the estimate of the information.")
def bins_ignored(codes, factors, bins=20):
    ranked = np.sort(shares(codes, factors, 20), axis=0)
    return float(np.mean(ranked[-1] - (ranked[-2] if len(ranked) > 1 else 0.0)))


@gap.variant
def factor_by_factor(codes, factors, bins=20):
    total = 0.0
    for column in shares(codes, factors, bins).T:
        best, *others = sorted(column, reverse=True)
        total += best - (others[0] if others else 0.0)
    return total / factors.shape[1]


@gap.variant
def largest_first(codes, factors, bins=20):
    ranked = -np.sort(-shares(codes, factors, bins), axis=0)
    return np.mean(ranked[0]) - (np.mean(ranked[1]) if codes.shape[1] > 1 else 0.0)
