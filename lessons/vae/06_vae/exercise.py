"""Exercises on log p(x): draws from the prior, draws from a guess. The mean first, then the
logarithm."""

import numpy as np

from minigen.course.exercise.format import Exercise

# ------------------------------------------------------------------------------------------- draws
# from the prior

prior = Exercise(
    "vae/06/monte_carlo_log_likelihood",
    target="minigen.vae.marginal_likelihood:monte_carlo_log_likelihood",
    minutes=10,
    prompt="""
    An estimate of log p(x) of each of N examples, in nats, from K codes that were drawn from the
    prior p(z).

    log_px_z has shape (K, N): log p(x_n|z_k). The result has shape (N,). Log-densities may be as
    low as -1000, where exp gives 0 on a computer: the logarithm of 0 must never be taken.
    """,
    hints=[
        "p(x) is the average of p(x|z) over the prior: average densities, not their logarithms.",
        (
            "log p(x) = log( (1/K) sum_k p(x|z_k) ). Take the largest term out: log sum exp(l) = m"
            " + log sum exp(l - m)."
        ),
        "logsumexp over axis 0, minus np.log of the number of codes.",
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import logsumexp"],
    blocked=["minigen.vae.vae:log_mean_exp"],
)


@prior.case(points=2, expect={"log_p": [np.log(0.2505), np.log(0.25)]})
def two_codes(impl, rng):
    """Densities 0.5 and 0.001 have the mean 0.2505; 0.25 twice has the mean 0.25."""
    return {"log_p": impl(np.log([[0.5, 0.25], [0.001, 0.25]]))}


@prior.case(points=2)
def random_densities(impl, rng):
    return {"log_p": impl(3 * rng.standard_normal((6, 4)))}


@prior.case(points=2, expect={"log_p": [-1000 + np.log((1 + np.exp(-1.0)) / 2), -np.log(2.0)]})
def very_improbable(impl, rng):
    """exp(-1000) is 0 in floating point, its logarithm is not needed."""
    return {"log_p": impl(np.array([[-1000.0, 0.0], [-1001.0, -2000.0]]))}


@prior.case(
    points=2, property="every density e^3 times as high: log p higher by 3", expect={"gap": 0.0}
)
def shift(impl, rng):
    log_px_z = rng.standard_normal((5, 3))
    return {"gap": impl(log_px_z + 3.0) - impl(log_px_z) - 3.0}


@prior.case(points=1, property="the same codes twice change nothing", expect={"gap": 0.0})
def doubled(impl, rng):
    log_px_z = rng.standard_normal((5, 3))
    return {"gap": impl(np.concatenate([log_px_z, log_px_z])) - impl(log_px_z)}


def lse(values, axis=0):
    top = np.max(values, axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.sum(np.exp(values - top), axis=axis))


@prior.mistake(
    hint=(
        "This is the mean of the logarithms. The mean comes first: average p(x|z), then take the"
        " log."
    )
)
def mean_of_logs(log_px_z):
    return np.mean(log_px_z, axis=0)


@prior.mistake(hint="The sum over the codes must be divided by their number K: subtract log K.")
def sum_for_mean(log_px_z):
    return lse(log_px_z)


@prior.mistake(
    hint=(
        "Dividing by K inside the logarithm is subtracting log K outside it, not dividing the"
        " logarithm."
    )
)
def logarithm_divided(log_px_z):
    return lse(log_px_z) / len(log_px_z)


@prior.mistake(
    hint=(
        "exp(-1000) is 0 on a computer: take the largest value out before exp, and add it to the"
        " logarithm."
    )
)
def without_the_shift(log_px_z):
    return np.log(np.mean(np.exp(log_px_z), axis=0))


@prior.mistake(hint="Average over the codes, axis 0; each example keeps its own number.")
def over_the_examples(log_px_z):
    return lse(log_px_z, axis=1) - np.log(log_px_z.shape[1])


@prior.mistake(hint="One number for each example: do not average over the examples too.")
def one_number(log_px_z):
    return np.mean(lse(log_px_z) - np.log(len(log_px_z)))


@prior.mistake(hint="The best code alone is not the average over all codes.")
def best_code(log_px_z):
    return np.max(log_px_z, axis=0)


@prior.mistake(
    hint="This is log p(x) with its sign turned, a cost; the log-likelihood itself is asked for."
)
def cost(log_px_z):
    return np.log(len(log_px_z)) - lse(log_px_z)


@prior.variant
def with_the_largest_taken_out(log_px_z):
    top = log_px_z.max(axis=0)
    return top + np.log(np.mean(np.exp(log_px_z - top), axis=0))


@prior.variant
def one_by_one(log_px_z):
    total = log_px_z[0]
    for row in log_px_z[1:]:
        total = np.logaddexp(total, row)
    return total - np.log(log_px_z.shape[0])


# ------------------------------------------------------------------------------------------- draws
# from a guess

guess = Exercise(
    "vae/06/importance_sampling_log_likelihood",
    target="minigen.vae.marginal_likelihood:importance_sampling_log_likelihood",
    minutes=10,
    prompt="""
    An estimate of log p(x) of each of N examples, in nats, from K codes for each that were drawn
    from a guess q(z|x).

    log_px_z, log_pz and log_qz have shape (K, N): log p(x_n|z), log p(z) and log q(z|x_n) at the
    codes drawn for x_n. The result has shape (N,). Log-densities may be as low as -1000: the
    logarithm of 0 must never be taken.
    """,
    hints=[
        "A code that q offers more often than the prior must count less, in the same proportion.",
        "log p(x) = log( (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x) ).",
        (
            "Add and subtract the logarithms of the three densities; then logsumexp over axis 0,"
            " minus np.log of K."
        ),
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import logsumexp"],
    blocked=["minigen.vae.vae:log_mean_exp"],
)


def densities(rng, k=6, n=4):
    return tuple(2 * rng.standard_normal((3, k, n)))


@guess.case(points=2, expect={"log_p": [np.log(0.5625)]})
def two_codes_of_a_guess(impl, rng):
    """Weights 0.5 * 0.2 / 0.1 = 1 and 0.25 * 0.4 / 0.8 = 0.125."""
    return {"log_p": impl(np.log([[0.5], [0.25]]), np.log([[0.2], [0.4]]), np.log([[0.1], [0.8]]))}


@guess.case(points=2)
def random_guess(impl, rng):
    return {"log_p": impl(*densities(rng))}


@guess.case(
    points=2,
    property="with the posterior as q every weight is p(x), whatever the codes",
    expect={"gap": 0.0},
)
def perfect_guess(impl, rng):
    log_px_z, log_pz, _ = densities(rng)
    log_px = np.array([-1.0, -2.0, 0.5, -30.0])
    return {"gap": impl(log_px_z, log_pz, log_px_z + log_pz - log_px) - log_px}


@guess.case(
    points=1, expect={"log_p": [-1500.0 + np.log((1 + np.exp(-1.0)) / 2), -500.0 - np.log(2.0)]}
)
def very_improbable_codes(impl, rng):
    far = np.array([[-1000.0, 0.0], [-1001.0, -2000.0]])
    return {"log_p": impl(far, np.full((2, 2), -502.0), np.full((2, 2), -2.0))}


@guess.case(points=2)
def one_code_each(impl, rng):
    return {"log_p": impl(*densities(rng, k=1))}


@guess.mistake(
    hint=(
        "The weights p(x|z) p(z) / q(z|x) are averaged, not their logarithms: the mean first, then"
        " the log."
    )
)
def mean_of_log_weights(log_px_z, log_pz, log_qz):
    return np.mean(log_px_z + log_pz - log_qz, axis=0)


@guess.mistake(hint="q divides: what it offers too often counts less, so subtract log q.")
def multiplied_by_q(log_px_z, log_pz, log_qz):
    return lse(log_px_z + log_pz + log_qz) - np.log(len(log_pz))


@guess.mistake(
    hint=(
        "The codes were not drawn from the prior: divide by q, the density that they were drawn"
        " from."
    )
)
def q_forgotten(log_px_z, log_pz, log_qz):
    return lse(log_px_z + log_pz) - np.log(len(log_pz))


@guess.mistake(
    hint="The prior p(z) is missing: the model needs to draw the code before it draws x."
)
def prior_forgotten(log_px_z, log_pz, log_qz):
    return lse(log_px_z - log_qz) - np.log(len(log_pz))


@guess.mistake(
    hint="Neither p(z) nor q(z|x) is used: this would be right for codes drawn from the prior."
)
def as_if_from_the_prior(log_px_z, log_pz, log_qz):
    return lse(log_px_z) - np.log(len(log_pz))


@guess.mistake(hint="p(z) and q(z|x) are swapped: multiply by the prior, divide by q.")
def ratio_turned(log_px_z, log_pz, log_qz):
    return lse(log_px_z + log_qz - log_pz) - np.log(len(log_pz))


@guess.mistake(
    hint=(
        "The weights are not made to sum to one: their mean is the answer, so divide by K, not by"
        " their sum."
    )
)
def normalized_weights(log_px_z, log_pz, log_qz):
    ratio = log_pz - log_qz
    return lse(log_px_z + ratio) - lse(ratio)


@guess.mistake(hint="The sum over the codes must be divided by their number K: subtract log K.")
def sum_of_weights(log_px_z, log_pz, log_qz):
    return lse(log_px_z + log_pz - log_qz)


@guess.mistake(hint="exp of -1500 is 0 on a computer: take the largest log-weight out before exp.")
def weights_underflow(log_px_z, log_pz, log_qz):
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0))


@guess.variant
def largest_weight_taken_out(log_px_z, log_pz, log_qz):
    log_w = (log_px_z - log_qz) + log_pz
    top = log_w.max(axis=0, keepdims=True)
    return top[0] + np.log(np.exp(log_w - top).mean(axis=0))


@guess.variant
def weight_by_weight(log_px_z, log_pz, log_qz):
    log_w = log_pz - log_qz + log_px_z - np.log(log_px_z.shape[0])
    return np.logaddexp.reduce(log_w, axis=0)


guess.equivalent(
    "(log_px_z, log_pz, log_qz) → (log_pz, log_px_z, log_qz)",
    reason="p(x|z) and p(z) enter as a product",
)
