"""Exercises on divergences: KL and JS of probability vectors, KL of two normals."""

import numpy as np
from scipy.special import rel_entr, xlogy

from minigen.course.exercise.format import Exercise

LN2 = 0.6931471805599453


def vectors(rng, n=None, k=5):
    """Probability vectors without zeros, (k,) or (n, k)."""
    weights = 0.2 + rng.random(k if n is None else (n, k))
    return weights / weights.sum(axis=-1, keepdims=True)


def with_zeros(rng):
    """Two vectors (3, 4): where p has a zero, q has none; a place where both have one; zeros of q
    where p has none."""
    p = np.array([[0.5, 0.5, 0.0, 0.0], [0.2, 0.3, 0.5, 0.0], [0.25, 0.25, 0.25, 0.25]])
    q = np.array([[0.1, 0.2, 0.3, 0.4], [0.6, 0.3, 0.1, 0.0], [0.0, 0.5, 0.5, 0.0]])
    return p, q


# ------------------------------------------------------------------------------------------- KL

kl = Exercise(
    "gan/01/kl_divergence",
    target="minigen.metrics.divergence:kl_divergence",
    minutes=15,
    blocked=["minigen.metrics.divergence:kl_on_grid", "minigen.metrics.divergence:kl_integrand"],
    prompt="""
    The Kullback-Leibler divergence KL(p || q) of two probability vectors, in nats: the mean over p
    of log(p / q).

    p and q have shape (..., K), each row of K numbers being a distribution (sums to one); the
    result has shape (...): one number for two vectors (K,), and (N,) for two batches (N, K).

    An outcome with p = 0 costs nothing, whatever q is (0 log 0 counts as 0). An outcome with p > 0
    and q = 0 makes the divergence np.inf. The result is never NaN.
    """,
    hints=[
        (
            "Each outcome is weighted by how often it happens in truth, under p. The outcomes that"
            " never happen need care: 0 times minus infinity is NaN in NumPy."
        ),
        "KL(p || q) = sum over k of p_k (log p_k - log q_k), the terms with p_k = 0 left out.",
        "np.where(p > 0, term, 0.0) keeps the terms that count; then sum over the last axis.",
    ],
)


@kl.case(points=1, expect={"kl": LN2 - 0.5 * np.log(3.0)})
def two_coins(impl, rng):
    """1/2 log 2 + 1/2 log 2/3."""
    return {"kl": impl(np.array([0.5, 0.5]), np.array([0.25, 0.75]))}


@kl.case(points=1)
def more_outcomes(impl, rng):
    return {"kl": impl(vectors(rng), vectors(rng))}


@kl.case(points=2)
def a_batch(impl, rng):
    return {"kl": impl(vectors(rng, 4), vectors(rng, 4))}


@kl.case(points=2, expect={"kl": LN2})
def never_happens(impl, rng):
    """p = (1, 0): the second outcome costs nothing."""
    return {"kl": impl(np.array([1.0, 0.0]), np.array([0.5, 0.5]))}


@kl.case(points=2, expect={"kl": np.inf})
def called_impossible(impl, rng):
    return {"kl": impl(np.array([0.5, 0.5]), np.array([1.0, 0.0]))}


@kl.case(points=2)
def zeros_of_every_kind(impl, rng):
    return {"kl": impl(*with_zeros(rng))}


@kl.case(points=1, property="for independent pairs the divergences add", expect={"gap": 0.0})
def pairs_add(impl, rng):
    p, q, a, b = (vectors(rng, k=4) for _ in range(4))
    pairs = [np.outer(left, right).ravel() for left, right in ((p, a), (q, b))]
    return {"gap": impl(*pairs) - impl(p, q) - impl(a, b)}


@kl.mistake(hint="The arguments are reversed: the weights and the numerator are p, the truth.")
def reversed_arguments(p, q):
    return np.where(q > 0, q * (np.log(q) - np.log(p)), 0.0).sum(axis=-1)


@kl.mistake(hint="Logarithms are natural: nats, not bits.")
def log2(p, q):
    return np.where(p > 0, p * (np.log2(p) - np.log2(q)), 0.0).sum(axis=-1)


@kl.mistake(hint="0 log 0 counts as 0: leave out the outcomes with p = 0, where NumPy gives NaN.")
def zero_log_zero(p, q):
    return np.sum(p * np.log(p / q), axis=-1)


@kl.mistake(
    hint="An outcome with p > 0 and q = 0 makes the divergence infinite; here it is left out."
)
def impossible_for_free(p, q):
    return np.where((p > 0) & (q > 0), p * (np.log(p) - np.log(q)), 0.0).sum(axis=-1)


@kl.mistake(
    hint=(
        "A small number added inside the logarithm hides the infinity; use np.where for the zeros"
        " of p alone."
    )
)
def small_number_added(p, q):
    return np.sum(p * np.log((p + 1e-5) / (q + 1e-5)), axis=-1)


@kl.mistake(hint="The sign is turned: the divergence is never negative.")
def sign(p, q):
    return -np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0).sum(axis=-1)


@kl.mistake(hint="Sum over the outcomes; the weights p make it a mean already.")
def mean_over_outcomes(p, q):
    return np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0).mean(axis=-1)


@kl.mistake(hint="The log-ratios must be weighted by p; this adds them all with weight one.")
def unweighted(p, q):
    return np.where(p > 0, np.log(p) - np.log(q), 0.0).sum(axis=-1)


@kl.mistake(hint="One number for each distribution: sum over the last axis only.")
def one_number(p, q):
    return np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0).sum()


@kl.mistake(hint="This is the cross-entropy; the entropy of p must be taken away from it.")
def cross_entropy(p, q):
    return -np.where(p > 0, p * np.log(q), 0.0).sum(axis=-1)


@kl.variant
def cross_entropy_less_entropy(p, q):
    return np.sum(xlogy(p, p), axis=-1) - np.sum(xlogy(p, q), axis=-1)


@kl.variant
def of_those_that_happen(p, q):
    """Row by row, over the outcomes with p > 0."""
    if p.ndim > 1:
        return np.array([of_those_that_happen(a, b) for a, b in zip(p, q)])
    return sum(a * (np.log(a) - np.log(b)) for a, b in zip(p, q) if a > 0)


kl.equivalent(
    "np.maximum(terms.sum(axis=-1), 0.0) → terms.sum(axis=-1)",
    reason="the sum is never negative but for rounding, which the tolerance allows",
)


# ------------------------------------------------------------------------------------------- JS

js = Exercise(
    "gan/01/js_divergence",
    target="minigen.metrics.divergence:js_divergence",
    minutes=15,
    blocked=["minigen.metrics.divergence:js_on_grid", "minigen.metrics.divergence:js_integrand"],
    prompt="""
    The Jensen-Shannon divergence of two probability vectors, in nats: the mean of KL(p || m) and
    KL(q || m), where m is the mixture, half p and half q.

    p and q have shape (..., K), each row of K numbers being a distribution; the result has shape
    (...): one number for two vectors (K,), and (N,) for two batches (N, K). Both may have zeros.
    The result is 0 for p = q, at most log 2, and never NaN. If you wrote kl_divergence for the
    exercise before, call it.
    """,
    hints=[
        (
            "Form the mixture first. It is positive wherever p or q is, so neither of the two KLs"
            " can be infinite."
        ),
        "JS = KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2.",
        (
            "With your kl_divergence: one line for the mixture, one for the mean of the two"
            " divergences. Without it, mind that 0 log 0 counts as 0."
        ),
    ],
)


@js.case(points=1, expect={"js": LN2})
def nothing_in_common(impl, rng):
    return {"js": impl(np.array([1.0, 0.0]), np.array([0.0, 1.0]))}


@js.case(points=1, expect={"js": 0.5 * np.log(4 / 3) + 0.25 * np.log(2 / 3) + 0.25 * LN2})
def one_is_sure(impl, rng):
    """m = (3/4, 1/4)."""
    return {"js": impl(np.array([1.0, 0.0]), np.array([0.5, 0.5]))}


@js.case(points=2)
def several_outcomes(impl, rng):
    return {"js": impl(vectors(rng), vectors(rng))}


@js.case(points=2)
def a_batch_of_pairs(impl, rng):
    return {"js": impl(vectors(rng, 4), vectors(rng, 4))}


@js.case(points=2)
def zeros_here_and_there(impl, rng):
    return {"js": impl(*with_zeros(rng))}


@js.case(
    points=1,
    property="it is the same in both directions, and 0 for p = q",
    expect={"gap": 0.0, "self": 0.0},
)
def symmetry(impl, rng):
    p, q = vectors(rng), vectors(rng)
    return {"gap": impl(p, q) - impl(q, p), "self": impl(p, p)}


@js.case(
    points=1,
    property="it is the entropy of the mixture less the mean entropy",
    expect={"gap": 0.0},
)
def through_entropies(impl, rng):
    p, q = vectors(rng), vectors(rng)
    entropy = [-np.sum(r * np.log(r)) for r in (p, q, (p + q) / 2)]
    return {"gap": impl(p, q) - entropy[2] + (entropy[0] + entropy[1]) / 2}


def kl_of(p, q):
    with np.errstate(all="ignore"):
        return np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0).sum(axis=-1)


@js.mistake(hint="Half of each divergence: JS is their mean, not their sum.")
def missing_half(p, q):
    m = (p + q) / 2
    return kl_of(p, m) + kl_of(q, m)


@js.mistake(hint="The mixture is half p and half q; p + q sums to two.")
def mixture_not_halved(p, q):
    return (kl_of(p, p + q) + kl_of(q, p + q)) / 2


@js.mistake(
    hint="This is the square root, the Jensen-Shannon distance; the divergence itself is asked for."
)
def square_root(p, q):
    m = (p + q) / 2
    return np.sqrt(np.maximum((kl_of(p, m) + kl_of(q, m)) / 2, 0.0))


@js.mistake(
    hint=(
        "Both divergences are to the mixture; this is the mean of KL(p || q) and KL(q || p), which"
        " may be infinite."
    )
)
def without_the_mixture(p, q):
    return (kl_of(p, q) + kl_of(q, p)) / 2


@js.mistake(
    hint=(
        "The arguments of both KLs are reversed: p and q are the truths, the mixture is what is"
        " believed."
    )
)
def from_the_mixture(p, q):
    m = (p + q) / 2
    return (kl_of(m, p) + kl_of(m, q)) / 2


@js.mistake(hint="Only p is compared to the mixture; q must be as well.")
def one_side_only(p, q):
    return kl_of(p, (p + q) / 2)


@js.mistake(hint="Logarithms are natural: the largest value is log 2, not 1.")
def js_in_bits(p, q):
    m = (p + q) / 2
    return (kl_of(p, m) + kl_of(q, m)) / (2 * np.log(2.0))


@js.mistake(hint="The mixture is the mean (p + q) / 2, not the normalized geometric mean.")
def geometric_mixture(p, q):
    m = np.sqrt(p * q) / np.sum(np.sqrt(p * q), axis=-1, keepdims=True)
    return (kl_of(p, m) + kl_of(q, m)) / 2


@js.mistake(
    hint="0 log 0 counts as 0: leave out the outcomes where p (or q) is 0, where NumPy gives NaN."
)
def not_a_number(p, q):
    m = (p + q) / 2
    return 0.5 * np.sum(p * np.log(p / m), axis=-1) + 0.5 * np.sum(q * np.log(q / m), axis=-1)


@js.mistake(hint="One number for each pair of distributions: sum over the last axis only.")
def one_number_for_all(p, q):
    m = (p + q) / 2
    return np.sum(kl_of(p, m) + kl_of(q, m)) / 2


@js.variant
def entropy_of_the_mixture(p, q):
    m = (p + q) / 2
    return np.sum(xlogy(p, p) + xlogy(q, q), axis=-1) / 2 - np.sum(xlogy(m, m), axis=-1)


@js.variant
def log_two_and_the_sum(p, q):
    """log 2 + half the sum of p log p/(p + q) and q log q/(p + q)."""
    return np.log(2.0) + np.sum(rel_entr(p, p + q) + rel_entr(q, p + q), axis=-1) / 2


js.equivalent("(p, q) → (q, p)", reason="JS is the same in both directions")
js.equivalent(
    "_probability_pair(p, q, floor=TINY) → _probability_pair(q, p, floor=TINY)",
    reason="JS is the same in both directions",
)


# ------------------------------------------------------------------------------------------- KL of
# normals

normal = Exercise(
    "gan/01/kl_normal",
    target="minigen.metrics.divergence:kl_normal",
    minutes=10,
    prompt="""
    KL(p || q) of two normals on a line, p = N(mu_p, sigma_p^2) and q = N(mu_q, sigma_q^2), in
    closed form, in nats.

    The sigmas are standard deviations, not variances. The four arguments are numbers or arrays
    whose shapes broadcast; the result has the common shape: elementwise, no sum.
    """,
    hints=[
        (
            "Write down log p(x) - log q(x), a polynomial in x, and average it over p: (x - mu_p)^2"
            " has mean sigma_p^2, and (x - mu_q)^2 the mean sigma_p^2 + (mu_p - mu_q)^2."
        ),
        "KL = log(sigma_q / sigma_p) + (sigma_p^2 + (mu_p - mu_q)^2) / (2 sigma_q^2) - 1/2.",
        (
            "Three terms: log of sigma_q / sigma_p, half of (sigma_p / sigma_q)**2 + ((mu_p - mu_q)"
            " / sigma_q)**2, and minus 0.5."
        ),
    ],
)


@normal.case(points=1, expect={"kl": 4.5})
def three_apart(impl, rng):
    """Equal widths of 1: half of the squared distance."""
    return {"kl": impl(0.0, 1.0, 3.0, 1.0)}


@normal.case(points=2, expect={"there": LN2 - 0.25, "back": 2.0 - LN2})
def narrow_and_wide(impl, rng):
    """log 2 + 2/8 - 1/2, and -log 2 + 5/2 - 1/2."""
    return {"there": impl(0.0, 1.0, 1.0, 2.0), "back": impl(1.0, 2.0, 0.0, 1.0)}


@normal.case(points=1, property="a normal is at distance 0 from itself", expect={"kl": 0.0})
def from_itself(impl, rng):
    mu, sigma = rng.standard_normal(6), 0.5 + rng.random(6)
    return {"kl": impl(mu, sigma, mu, sigma)}


@normal.case(points=2)
def elementwise(impl, rng):
    return {
        "kl": impl(
            rng.standard_normal(5), 0.5 + rng.random(5), rng.standard_normal(5), 0.5 + rng.random(5)
        )
    }


@normal.case(points=1)
def broadcasts(impl, rng):
    return {"kl": impl(rng.standard_normal((3, 1)), 0.5 + rng.random(4), 0.0, 1.5)}


@normal.case(
    points=1,
    property="it is the area under p log(p/q)",
    expect={"gap": 0.0},
    rtol=0,
    atol=1e-7,
)
def area(impl, rng):
    x, dx = np.linspace(-20, 20, 4001, retstep=True)
    mu, sigma = rng.standard_normal(2), 0.7 + rng.random(2)
    log_p, log_q = (
        -0.5 * ((x - m) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi) for m, s in zip(mu, sigma)
    )
    return {
        "gap": impl(mu[0], sigma[0], mu[1], sigma[1]) - np.sum(np.exp(log_p) * (log_p - log_q)) * dx
    }


@normal.mistake(hint="The sigmas are standard deviations: square them in the quotients.")
def sigma_for_variance(mu_p, sigma_p, mu_q, sigma_q):
    return np.log(sigma_q / sigma_p) + 0.5 * (sigma_p + (mu_p - mu_q) ** 2) / sigma_q - 0.5


@normal.mistake(hint="The arguments are swapped: this is KL(q || p).")
def swapped(mu_p, sigma_p, mu_q, sigma_q):
    return np.log(sigma_p / sigma_q) + 0.5 * (sigma_q**2 + (mu_p - mu_q) ** 2) / sigma_p**2 - 0.5


@normal.mistake(hint="The sign of the logarithm: it is log(sigma_q / sigma_p), large if q is wide.")
def sign_of_the_logarithm(mu_p, sigma_p, mu_q, sigma_q):
    return np.log(sigma_p / sigma_q) + 0.5 * (sigma_p**2 + (mu_p - mu_q) ** 2) / sigma_q**2 - 0.5


@normal.mistake(hint="The whole result has its sign turned: KL is never negative.")
def negative(mu_p, sigma_p, mu_q, sigma_q):
    return 0.5 - np.log(sigma_q / sigma_p) - 0.5 * (sigma_p**2 + (mu_p - mu_q) ** 2) / sigma_q**2


@normal.mistake(hint="The -1/2 is missing: a normal must be at distance 0 from itself.")
def without_the_half(mu_p, sigma_p, mu_q, sigma_q):
    return np.log(sigma_q / sigma_p) + 0.5 * (sigma_p**2 + (mu_p - mu_q) ** 2) / sigma_q**2


@normal.mistake(
    hint="The logarithm of the variances needs the factor 1/2: log sigma is half of log sigma^2."
)
def log_of_variances(mu_p, sigma_p, mu_q, sigma_q):
    return (
        np.log(sigma_q**2 / sigma_p**2) + 0.5 * (sigma_p**2 + (mu_p - mu_q) ** 2) / sigma_q**2 - 0.5
    )


@normal.mistake(hint="The distance of the means enters squared.")
def distance_not_squared(mu_p, sigma_p, mu_q, sigma_q):
    return np.log(sigma_q / sigma_p) + 0.5 * (sigma_p**2 + np.abs(mu_p - mu_q)) / sigma_q**2 - 0.5


@normal.mistake(hint="The distance of the means is divided by the variance of q as well.")
def shift_not_scaled(mu_p, sigma_p, mu_q, sigma_q):
    return np.log(sigma_q / sigma_p) + 0.5 * (sigma_p**2 / sigma_q**2 + (mu_p - mu_q) ** 2) - 0.5


@normal.mistake(hint="The means are forgotten.")
def widths_only(mu_p, sigma_p, mu_q, sigma_q):
    return np.log(sigma_q / sigma_p) + 0.5 * (sigma_p / sigma_q) ** 2 - 0.5 + 0 * (mu_p - mu_q)


@normal.mistake(hint="Elementwise: do not sum over the entries.")
def summed(mu_p, sigma_p, mu_q, sigma_q):
    return np.sum(
        np.log(sigma_q / sigma_p) + 0.5 * (sigma_p**2 + (mu_p - mu_q) ** 2) / sigma_q**2 - 0.5
    )


@normal.variant
def with_variances(mu_p, sigma_p, mu_q, sigma_q):
    ratio = (sigma_p / sigma_q) ** 2
    return (ratio - 1 - np.log(ratio) + (mu_q - mu_p) ** 2 / sigma_q**2) / 2


@normal.variant
def entropies_of_normals(mu_p, sigma_p, mu_q, sigma_q):
    cross = 0.5 * np.log(2 * np.pi * sigma_q**2) + (sigma_p**2 + (mu_p - mu_q) ** 2) / (
        2 * sigma_q**2
    )
    return cross - 0.5 * np.log(2 * np.pi * np.e * sigma_p**2)
