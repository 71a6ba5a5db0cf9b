"""Exercises on beta-VAE: a weight on the rate, a capacity for it, and a score of the code."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

priced = Exercise(
    "vae/09/beta_vae_loss",
    target="minigen.vae.beta_vae:beta_vae_loss",
    minutes=5,
    prompt=r"""
    The loss of a $\beta$-VAE, in nats, to be minimized.

    `recon` is the distortion, a loss: minus the log-likelihood of the image given its code. `kl` is
    the rate, the KL divergence of the code. Both are numbers, or arrays of shape $(N,)$, one value
    for each image; the result has their shape. `beta` is the weight of the rate, 0 or more; 1 gives
    the loss of the VAE. The result must be differentiable with respect to `recon` and `kl`.
    """,
    hints="""
    Two terms, one of them with a weight.

    Distortion plus beta times rate.

        return recon + beta * kl
    """,
)


@priced.case(
    points=3, kind="equation", expect={"one": 110.0, "four": 170.0, "half": 100.0, "free": 90.0}
)
def by_hand(impl, rng):
    """A distortion of 90 nats and a rate of 20, with four weights."""
    return {
        "one": impl(90.0, 20.0, 1.0),
        "four": impl(90.0, 20.0, 4.0),
        "half": impl(90.0, 20.0, 0.5),
        "free": impl(90.0, 20.0, 0.0),
    }


@priced.case(points=1, kind="shapes")
def picture_by_picture(impl, rng):
    return {"loss": impl(100 * rng.random(5), 20 * rng.random(5), 4.0)}


@priced.case(points=2, kind="gradient", property=True, expect={"rate": 0.0, "distortion": 0.0})
def slopes(impl, rng):
    """A nat of rate costs beta, a nat of distortion costs 1."""
    recon, kl, beta = 100 * rng.random(4), 20 * rng.random(4), float(rng.uniform(2, 9))
    return {
        "rate": grad(lambda k: np.sum(impl(recon, k, beta)))(kl) - beta,
        "distortion": grad(lambda r: np.sum(impl(r, kl, beta)))(recon) - 1,
    }


capped = Exercise(
    "vae/09/capacity_loss",
    target="minigen.vae.beta_vae:capacity_loss",
    minutes=5,
    prompt=r"""
    The loss of Burgess et al., in nats, to be minimized: the rate is pulled to a capacity $C$, from
    above and from below.

    `recon` (the distortion, a loss) and `kl` (the rate) are numbers, or arrays of shape $(N,)$; the
    result has their shape. `gamma` is the penalty for each nat of difference. In training
    `capacity` grows from 0; here it is a number. The result must be differentiable with respect to
    `kl`; where the rate is at the capacity it may be any number from $-\gamma$ to $\gamma$.
    """,
    hints="""
    The penalty is on the distance of the rate from the capacity, above it or below it.

    Distortion plus gamma times the absolute difference of kl and capacity.

        return recon + gamma * np.abs(kl - capacity)
    """,
)


@capped.case(
    points=3, kind="equation", fixed=True, expect={"above": 140.0, "below": 140.0, "on": 90.0}
)
def on_both_sides(impl, rng):
    return {
        "above": impl(90.0, 20.0, 10.0, 15.0),
        "below": impl(90.0, 20.0, 10.0, 25.0),
        "on": impl(90.0, 20.0, 10.0, 20.0),
    }


@capped.case(points=1, kind="shapes")
def each_picture_by_itself(impl, rng):
    return {"loss": impl(100 * rng.random(6), 20 * rng.random(6), 30.0, 10.0)}


@capped.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def no_capacity(impl, rng):
    """Without capacity it is a beta-VAE with beta = gamma."""
    recon, kl, gamma = 100 * rng.random(5), 20 * rng.random(5), float(rng.uniform(2, 50))
    return {"gap": impl(recon, kl, gamma, 0.0) - recon - gamma * kl}


@capped.case(points=2, kind="gradient", expect={"slope": [-7.0, -7.0, 7.0, 7.0]})
def slope_in_the_rate(impl, rng):
    """Below the capacity a nat more saves gamma, above it costs gamma."""
    kl = np.array([1.0, 9.0, 11.0, 30.0])
    return {"slope": grad(lambda k: np.sum(impl(100 * rng.random(4), k, 7.0, 10.0)))(kl)}


@capped.case(
    points=1,
    kind="gradient",
    fixed=True,
    property=True,
    expect={"slope beyond gamma": [0, 0, 0], "loss": 93.0},
)
def slope_at_the_capacity(impl, rng):
    """Where the rate is at the capacity, as both are at the start, the slope is finite: is it
    beyond -gamma ... gamma (1 if so)? And half a nat above costs gamma / 2."""
    kl = np.array([0.0, 0.0, 0.0])
    slope = grad(lambda k: np.sum(impl(np.zeros(3), k, 7.0, 0.0)))(kl)
    beyond = ~(np.abs(slope) <= 7.0 + 1e-6)
    return {"slope beyond gamma": beyond.astype(int), "loss": impl(90.0, 25.5, 6.0, 25.0)}


gap = Exercise(
    "vae/09/mutual_information_gap",
    target="minigen.vae.beta_vae:mutual_information_gap",
    minutes=15,
    imports=["from minigen.vae.beta_vae import mutual_information as information"],
    prompt="""
    The mutual information gap of a code, a number between 0 and 1.

    `codes` has shape $(N, D)$, `factors` $(N, K)$. You may use `information(codes, factors, bins)`,
    shape $(D, K)$: the mutual information of each dimension of the code and each factor, as a
    fraction of the factor's entropy. For every factor take the largest fraction minus the second
    largest; then the mean over the factors. If the code has one dimension only, the second largest
    fraction is 0.
    The result need not be differentiable.
    """,
    hints="""
    A factor is a column: which two dimensions have the largest fractions in it?

    (1/K) sum over factors of (largest minus second largest over the D dimensions).

        known = np.sort(information(codes, factors, bins), axis=0)
        second = known[-2] if len(known) > 1 else np.zeros_like(known[-1])
        return float(np.mean(known[-1] - second))
    """,
)


def table(*sizes, times=20):
    axes = np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij")
    return np.repeat(np.stack(axes, axis=-1).reshape(-1, len(sizes)), times, axis=0)


def noisy(rng, v, d):
    """Each dimension is a random mixture of the factors, with noise."""
    return v @ rng.standard_normal((v.shape[1], d)) + 0.5 * rng.standard_normal((len(v), d))


@gap.case(points=2, kind="equation", fixed=True, expect={"perfect": 1.0, "doubled": 0.0}, atol=1e-6)
def known_codes(impl, rng):
    """The factors themselves, and the factors twice: then the two largest shares are equal."""
    v = table(4, 4)
    return {"perfect": impl(v + 0.0, v), "doubled": impl(np.concatenate([v, v], axis=1) + 0.0, v)}


@gap.case(points=2, kind="equation")
def mixtures(impl, rng):
    v = table(3, 4, 2)
    return {"five numbers": impl(noisy(rng, v, 5), v), "two numbers": impl(noisy(rng, v, 2), v)}


@gap.case(points=1, kind="extremes", fixed=True, expect={"gap": 1 / 3}, atol=1e-6)
def one_number(impl, rng):
    """One dimension: it is the first of three factors and has no information about the others."""
    v = table(4, 4, 2)
    return {"gap": impl(v[:, :1] + 0.0, v)}


@gap.case(points=1, kind="equation")
def other_bins(impl, rng):
    v = table(3, 4)
    return {"gap": impl(noisy(rng, v, 3), v, 6)}


@gap.case(
    points=2, kind="equation", fixed=True, property=True, expect={"difference": 0.0}, atol=1e-6
)
def order_and_signs(impl, rng):
    """Neither the order of the dimensions nor their signs matter."""
    v = table(3, 4)
    code = np.concatenate([v, noisy(rng, v, 2)], axis=1)
    order = rng.permutation(4)
    keep = np.where(
        order < 2, -1.0, 1.0
    )  # signs of the whole numbers only: bins of the others are not symmetric
    return {"difference": impl(code[:, order] * keep, v) - impl(code, v)}
