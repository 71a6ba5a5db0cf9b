"""Exercises on estimates of log p(x): with codes of the prior, and with codes of a proposal."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

prior = Exercise(
    "vae/06/monte_carlo_log_likelihood",
    target="minigen.vae.marginal_likelihood:monte_carlo_log_likelihood",
    minutes=10,
    blocked=["minigen.vae.vae:log_mean_exp"],
    imports=["from minigen.tensor import logsumexp"],
    prompt=r"""
    Return an estimate of $\log p(x)$ for each of $N$ examples, in nats, from $K$ codes that were
    drawn from the prior $p(z)$.

    `log_px_z` has shape $(K, N)$ and holds $\log p(x_n \mid z_k)$. The result has shape $(N,)$.
    Log-densities may be as low as $-20000$, where $\exp$ gives 0 in floating point, and as high as
    2000, where $\exp$ gives infinity. Those of two examples may be far apart, and so may those of
    two codes for one example. The result need not be differentiable.
    """,
    hints="""
    p(x) is the average of p(x|z) over the prior: average densities, not their logarithms.

    log p(x) = log( (1/K) sum_k p(x|z_k) ). Factor out the largest term m of each example: log sum
    exp(l) = m + log sum exp(l - m).

        return logsumexp(log_px_z, axis=0) - np.log(len(log_px_z))
    """,
)


@prior.case(points=2, kind="equation", expect={"log_p": [np.log(0.2505), np.log(0.25)]})
def two_codes(impl, rng):
    """Densities 0.5 and 0.001 have mean 0.2505; 0.25 twice has mean 0.25."""
    return {"log_p": impl(np.log([[0.5, 0.25], [0.001, 0.25]]))}


@prior.case(points=2, kind="equation")
def random_densities(impl, rng):
    return {"log_p": impl(3 * rng.standard_normal((6, 4)))}


@prior.case(
    points=2,
    kind="extremes",
    expect={"log_p": [-1000 + np.log((1 + np.exp(-1.0)) / 2), -np.log(2.0)]},
)
def very_improbable(impl, rng):
    """exp(-1000) is 0 in floating point; the result must not depend on it."""
    return {"log_p": impl(np.array([[-1000.0, 0.0], [-1001.0, -2000.0]]))}


@prior.case(
    points=1,
    kind="extremes",
    expect={"log_p": [-np.log(2.0), 2000 - np.log(2.0), -20000 + np.log((1 + np.exp(-2.0)) / 2)]},
)
def far_apart(impl, rng):
    """A second code that is better by 1000 nats; densities above 1; and the lowest densities."""
    return {"log_p": impl(np.array([[-1000.0, 2000.0, -20000.0], [0.0, 0.0, -20002.0]]))}


@prior.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def shift(impl, rng):
    """If every density is e^3 times as high, log p is higher by 3."""
    log_px_z = rng.standard_normal((5, 3))
    return {"gap": impl(log_px_z + 3.0) - impl(log_px_z) - 3.0}


@prior.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def doubled(impl, rng):
    """The same codes twice give the same estimate."""
    log_px_z = rng.standard_normal((5, 3))
    return {"gap": impl(np.concatenate([log_px_z, log_px_z])) - impl(log_px_z)}


proposal = Exercise(
    "vae/06/importance_sampling_log_likelihood",
    target="minigen.vae.marginal_likelihood:importance_sampling_log_likelihood",
    minutes=10,
    blocked=["minigen.vae.vae:log_mean_exp"],
    imports=["from minigen.tensor import logsumexp"],
    prompt=r"""
    Return an estimate of $\log p(x)$ for each of $N$ examples, in nats, from $K$ codes for each
    that were drawn from a proposal $q(z \mid x)$.

    `log_px_z`, `log_pz` and `log_qz` have shape $(K, N)$: they hold $\log p(x_n \mid z)$,
    $\log p(z)$ and $\log q(z \mid x_n)$ at the codes drawn for $x_n$. The result has shape $(N,)$.
    Log-densities may be as low as $-20000$ and as high as 2000, and far apart: the weight of a code
    depends on all three. The result need not be differentiable.
    """,
    hints="""
    A code that q draws more often than the prior must count less, in the same proportion.

    log p(x) = log( (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x) ).

        log_w = log_px_z + log_pz - log_qz
        top = np.max(log_w, axis=0)
        return top + np.log(np.mean(np.exp(log_w - top), axis=0))
    """,
)


def densities(rng, k=6, n=4):
    return tuple(2 * rng.standard_normal((3, k, n)))


@proposal.case(points=2, kind="equation", expect={"log_p": [np.log(0.5625)]})
def two_codes_of_a_proposal(impl, rng):
    """Weights 0.5 * 0.2 / 0.1 = 1 and 0.25 * 0.4 / 0.8 = 0.125."""
    return {"log_p": impl(np.log([[0.5], [0.25]]), np.log([[0.2], [0.4]]), np.log([[0.1], [0.8]]))}


@proposal.case(points=2, kind="equation")
def random_proposal(impl, rng):
    return {"log_p": impl(*densities(rng))}


@proposal.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def posterior_as_proposal(impl, rng):
    """With the posterior as q every weight is p(x), for any codes."""
    log_px_z, log_pz, _ = densities(rng)
    log_px = np.array([-1.0, -2.0, 0.5, -30.0])
    return {"gap": impl(log_px_z, log_pz, log_px_z + log_pz - log_px) - log_px}


@proposal.case(
    points=1,
    kind="extremes",
    expect={"log_p": [-1500.0 + np.log((1 + np.exp(-1.0)) / 2), -500.0 - np.log(2.0)]},
)
def very_improbable_codes(impl, rng):
    far = np.array([[-1000.0, 0.0], [-1001.0, -2000.0]])
    return {"log_p": impl(far, np.full((2, 2), -502.0), np.full((2, 2), -2.0))}


@proposal.case(
    points=1, kind="extremes", expect={"log_p": [-1000 - np.log(2.0), 1000 - np.log(2.0), -20000.0]}
)
def weights_far_apart(impl, rng):
    """The log-weights are -2000 and -1000, where the first code explains x best; 1000 and 0; and
    -20000 twice."""
    log_px_z = np.array([[0.0, 1000.0, -20000.0], [-1000.0, -5.0, -19000.0]])
    log_pz = np.array([[-2000.0, -7.0, -3.0], [0.0, 3.0, -4.0]])
    log_qz = np.array([[0.0, -7.0, -3.0], [0.0, -2.0, 996.0]])
    return {"log_p": impl(log_px_z, log_pz, log_qz)}


@proposal.case(points=2, kind="shapes")
def one_code_each(impl, rng):
    return {"log_p": impl(*densities(rng, k=1))}
