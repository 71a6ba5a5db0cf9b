"""Exercises on divergences: KL and JS of probability vectors, KL of two Gaussians."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

LN2 = 0.6931471805599453


def vectors(rng, n=None, k=5):
    """Probability vectors without zeros, (k,) or (n, k)."""
    weights = 0.2 + rng.random(k if n is None else (n, k))
    return weights / weights.sum(axis=-1, keepdims=True)


def with_zeros(rng):
    """Two batches (3, 4), with a zero of p alone, a zero of both, and zeros of q alone."""
    p = np.array([[0.5, 0.5, 0.0, 0.0], [0.2, 0.3, 0.5, 0.0], [0.25, 0.25, 0.25, 0.25]])
    q = np.array([[0.1, 0.2, 0.3, 0.4], [0.6, 0.3, 0.1, 0.0], [0.0, 0.5, 0.5, 0.0]])
    return p, q


kl = Exercise(
    "gan/01/kl_divergence",
    target="minigen.metrics.divergence:kl_divergence",
    minutes=15,
    blocked=["minigen.metrics.divergence:kl_on_grid", "minigen.metrics.divergence:kl_integrand"],
    prompt=r"""
    Return the Kullback-Leibler divergence $\mathrm{KL}(p \| q)$ of two probability vectors, in
    nats: the mean under `p` of $\log(p/q)$.

    `p` and `q` have shape $(\dots, K)$. Each row of $K$ numbers is a distribution and sums to one.
    The result has shape $(\dots)$: one number for two vectors $(K,)$, and $(N,)$ for two batches
    $(N, K)$.

    An outcome with $p = 0$ contributes 0, whatever `q` is ($0 \log 0$ counts as 0). An outcome with
    $p > 0$ and $q = 0$ makes the divergence `np.inf`. The result is never `NaN`. The result need
    not be differentiable, so you may use plain NumPy and SciPy.
    """,
    hints="""
    Weight each outcome by its probability under p. Treat the outcomes with p = 0 separately: in
    NumPy, 0 times minus infinity is NaN.

    KL(p || q) = sum over k of p_k (log p_k - log q_k), the terms with p_k = 0 left out.

        with np.errstate(all="ignore"):
            return np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0).sum(axis=-1)
    """,
)


@kl.case(points=2, kind="equation", fixed=True, expect={"kl": LN2 - 0.5 * np.log(3.0)})
def two_coins(impl, rng):
    """The result is 1/2 log 2 + 1/2 log 2/3."""
    return {"kl": impl(np.array([0.5, 0.5]), np.array([0.25, 0.75]))}


@kl.case(points=2, kind="equation")
def more_outcomes(impl, rng):
    return {"kl": impl(vectors(rng), vectors(rng))}


@kl.case(points=1, kind="shapes")
def a_batch(impl, rng):
    return {"kl": impl(vectors(rng, 4), vectors(rng, 4))}


@kl.case(points=1, kind="shapes")
def a_table_of_pairs(impl, rng):
    """Arrays of shape (3, 2, 4), two of whose axes stay."""
    p, q = (vectors(rng, 6, 4).reshape(3, 2, 4) for _ in range(2))
    return {"kl": impl(p, q)}


@kl.case(points=1, kind="extremes", fixed=True, expect={"kl": LN2})
def never_happens(impl, rng):
    """With p = (1, 0) the second outcome contributes 0."""
    return {"kl": impl(np.array([1.0, 0.0]), np.array([0.5, 0.5]))}


@kl.case(points=1, kind="extremes", fixed=True, expect={"kl": np.inf})
def zero_under_q(impl, rng):
    return {"kl": impl(np.array([0.5, 0.5]), np.array([1.0, 0.0]))}


@kl.case(points=2, kind="extremes", fixed=True)
def zeros_of_every_kind(impl, rng):
    return {"kl": impl(*with_zeros(rng))}


@kl.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def pairs_add(impl, rng):
    """The divergence of independent pairs is the sum of the two divergences."""
    p, q, a, b = (vectors(rng, k=4) for _ in range(4))
    pairs = [np.outer(left, right).ravel() for left, right in ((p, a), (q, b))]
    return {"gap": impl(*pairs) - impl(p, q) - impl(a, b)}


js = Exercise(
    "gan/01/js_divergence",
    target="minigen.metrics.divergence:js_divergence",
    minutes=15,
    blocked=["minigen.metrics.divergence:js_on_grid", "minigen.metrics.divergence:js_integrand"],
    prompt=r"""
    Return the Jensen-Shannon divergence of two probability vectors, in nats: the mean of
    $\mathrm{KL}(p \| m)$ and $\mathrm{KL}(q \| m)$, where $m$ is the mixture, half `p` and half
    `q`.

    `p` and `q` have shape $(\dots, K)$. Each row of $K$ numbers is a distribution. The result has
    shape $(\dots)$: one number for two vectors $(K,)$, and $(N,)$ for two batches $(N, K)$. Both
    may have zeros. The result is 0 for $p = q$, at most $\log 2$, and never `NaN`. You may call
    `kl_divergence` if you have written it for the previous exercise. The result need not be
    differentiable.
    """,
    hints="""
    Form the mixture first. It is positive wherever p or q is positive, so neither of the two KL
    divergences can be infinite.

    JS = KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2.

        m = (p + q) / 2
        return (kl_divergence(p, m) + kl_divergence(q, m)) / 2
    """,
)


@js.case(points=1, kind="equation", fixed=True, expect={"js": LN2})
def nothing_in_common(impl, rng):
    return {"js": impl(np.array([1.0, 0.0]), np.array([0.0, 1.0]))}


@js.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"js": 0.5 * np.log(4 / 3) + 0.25 * np.log(2 / 3) + 0.25 * LN2},
)
def one_is_sure(impl, rng):
    """The mixture is m = (3/4, 1/4)."""
    return {"js": impl(np.array([1.0, 0.0]), np.array([0.5, 0.5]))}


@js.case(points=2, kind="equation")
def several_outcomes(impl, rng):
    return {"js": impl(vectors(rng), vectors(rng))}


@js.case(points=2, kind="shapes")
def a_batch_of_pairs(impl, rng):
    return {"js": impl(vectors(rng, 4), vectors(rng, 4))}


@js.case(points=1, kind="shapes")
def a_table_of_mixtures(impl, rng):
    """Arrays of shape (3, 2, 4), two of whose axes stay."""
    p, q = (vectors(rng, 6, 4).reshape(3, 2, 4) for _ in range(2))
    return {"js": impl(p, q)}


@js.case(points=2, kind="extremes", fixed=True)
def zeros_here_and_there(impl, rng):
    return {"js": impl(*with_zeros(rng))}


@js.case(points=1, kind="equation", property=True, expect={"gap": 0.0, "self": 0.0})
def symmetry(impl, rng):
    """The divergence is the same in both directions, and 0 for p = q."""
    p, q = vectors(rng), vectors(rng)
    return {"gap": impl(p, q) - impl(q, p), "self": impl(p, p)}


@js.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def through_entropies(impl, rng):
    """The divergence is the entropy of the mixture minus the mean of the two entropies."""
    p, q = vectors(rng), vectors(rng)
    entropy = [-np.sum(r * np.log(r)) for r in (p, q, (p + q) / 2)]
    return {"gap": impl(p, q) - entropy[2] + (entropy[0] + entropy[1]) / 2}


normal = Exercise(
    "gan/01/kl_normal",
    target="minigen.metrics.divergence:kl_normal",
    minutes=10,
    prompt=r"""
    Return $\mathrm{KL}(p \| q)$ of two Gaussians on a line, $p = N(\mu_p, \sigma_p^2)$ and
    $q = N(\mu_q, \sigma_q^2)$, in closed form, in nats.

    The sigmas are standard deviations, not variances. The four arguments are numbers or arrays
    whose shapes broadcast. The result has the common shape: it is elementwise, without a sum. A
    $\sigma$ is never 0, but may be as small as $10^{-4}$. The result need not be differentiable, so
    you may use plain NumPy.
    """,
    hints="""
    Write down log p(x) - log q(x), a polynomial in x, and take its mean under p: (x - mu_p)^2 has
    the mean sigma_p^2, and (x - mu_q)^2 has the mean sigma_p^2 + (mu_p - mu_q)^2.

    KL = log(sigma_q / sigma_p) + (sigma_p^2 + (mu_p - mu_q)^2) / (2 sigma_q^2) - 1/2.

        return (
            np.log(sigma_q / sigma_p) + (sigma_p**2 + (mu_p - mu_q) ** 2) / (2 * sigma_q**2) - 0.5
        )
    """,
)


@normal.case(points=1, kind="equation", expect={"kl": 4.5})
def three_apart(impl, rng):
    """With both standard deviations 1 the result is half of the squared distance."""
    return {"kl": impl(0.0, 1.0, 3.0, 1.0)}


@normal.case(points=2, kind="equation", expect={"there": LN2 - 0.25, "back": 2.0 - LN2})
def narrow_and_wide(impl, rng):
    """The results are log 2 + 2/8 - 1/2 and -log 2 + 5/2 - 1/2."""
    return {"there": impl(0.0, 1.0, 1.0, 2.0), "back": impl(1.0, 2.0, 0.0, 1.0)}


@normal.case(
    points=1, kind="extremes", expect={"kl": [np.log(10.0) - 0.495, 4999.5 - np.log(100.0)]}
)
def very_narrow(impl, rng):
    """With sigma_p / sigma_q = 1/10 and 100: log 10 + 1/200 - 1/2, and -log 100 + 5000 - 1/2."""
    return {"kl": impl(0.0, np.array([1e-3, 1e-2]), 0.0, np.array([1e-2, 1e-4]))}


@normal.case(points=1, kind="equation", fixed=True, property=True, expect={"kl": 0.0})
def from_itself(impl, rng):
    """The divergence of a Gaussian from itself is 0."""
    mu, sigma = rng.standard_normal(6), 0.5 + rng.random(6)
    return {"kl": impl(mu, sigma, mu, sigma)}


@normal.case(points=2, kind="shapes")
def elementwise(impl, rng):
    return {
        "kl": impl(
            rng.standard_normal(5), 0.5 + rng.random(5), rng.standard_normal(5), 0.5 + rng.random(5)
        )
    }


@normal.case(points=1, kind="shapes")
def broadcasts(impl, rng):
    return {"kl": impl(rng.standard_normal((3, 1)), 0.5 + rng.random(4), 0.0, 1.5)}


@normal.case(points=1, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-7)
def area(impl, rng):
    """The divergence is the area under p log(p/q)."""
    x, dx = np.linspace(-20, 20, 4001, retstep=True)
    mu, sigma = rng.standard_normal(2), 0.7 + rng.random(2)
    log_p, log_q = (
        -0.5 * ((x - m) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi) for m, s in zip(mu, sigma)
    )
    return {
        "gap": impl(mu[0], sigma[0], mu[1], sigma[1]) - np.sum(np.exp(log_p) * (log_p - log_q)) * dx
    }
