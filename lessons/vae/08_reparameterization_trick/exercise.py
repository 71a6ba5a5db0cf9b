"""Exercises of the variational autoencoder: a sample that gradients pass through, and the
two terms of the bound."""

import autograd.numpy as np
import numpy

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

sample = Exercise(
    "vae/08/reparameterize",
    target="minigen.vae.vae:reparameterize",
    minutes=5,
    prompt=r"""
    Return a sample $z$ of the Gaussian with mean `mu` and variance $\exp(\mathrm{logvar})$,
    computed from standard normal noise `eps`. It must be differentiable with respect to `mu` and
    `logvar`.

    `mu`, `logvar` and `eps` have shape $(N, D)$, as does $z$. `logvar` is the logarithm of the
    variance, elementwise, and has no bounds: $-60$ and 60 occur.
    """,
    hints="""
    Scale the noise to the right standard deviation, then shift it by the mean.

    z = mu + sigma * eps, where sigma is the standard deviation, the square root of exp(logvar).

        sigma = np.exp(0.5 * logvar)
        return mu + sigma * eps
    """,
)


@sample.case(points=1, kind="equation", expect={"z": [[1.0, 4.0, -1.0]]})
def by_hand(impl, rng):
    """Variances 1, 4 and 9, so standard deviations 1, 2 and 3."""
    return {
        "z": impl(
            np.array([[0.0, 1.0, 2.0]]), np.log([[1.0, 4.0, 9.0]]), np.array([[1.0, 1.5, -1.0]])
        )
    }


@sample.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def no_noise(impl, rng):
    """Without noise it is the mean."""
    mu, logvar = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    return {"gap": impl(mu, logvar, np.zeros((4, 3))) - mu}


@sample.case(points=2, kind="equation")
def batch(impl, rng):
    mu, logvar, eps = rng.standard_normal((3, 5, 4))
    return {"z": impl(mu, 2 * logvar, eps)}


@sample.case(points=2, kind="gradient")
def gradients(impl, rng):
    """The gradients of a weighted sum of z with respect to mu and logvar."""
    mu, logvar, eps, weight = rng.standard_normal((4, 3, 2))
    return {
        "grad_mu": grad(lambda m: np.sum(weight * impl(m, logvar, eps)))(mu),
        "grad_logvar": grad(lambda v: np.sum(weight * impl(mu, v, eps)))(logvar),
    }


@sample.case(
    points=1,
    kind="extremes",
    fixed=True,
    property=True,
    expect={"z / sigma": [[2.0, -3.0]], "slope / sigma": [[1.0, -1.5]]},
)
def narrow_and_wide(impl, rng):
    """At logvar = -60 and 60 the deviation is e^-30 and e^30: z is sigma eps, and its slope with
    respect to logvar is half of that."""
    mu, logvar, eps = np.zeros((1, 2)), np.array([[-60.0, 60.0]]), np.array([[2.0, -3.0]])
    sigma = np.exp(np.array([[-30.0, 30.0]]))
    slope = grad(lambda v: np.sum(impl(mu, v, eps)))(logvar)
    return {"z / sigma": impl(mu, logvar, eps) / sigma, "slope / sigma": slope / sigma}


kl = Exercise(
    "vae/08/kl_standard_normal",
    target="minigen.vae.vae:kl_standard_normal",
    minutes=15,
    prompt=r"""
    Return $\mathrm{KL}(N(\mu, \mathrm{diag} \exp(\mathrm{logvar})) \| N(0, I))$ of each example, in
    nats.

    `mu` and `logvar` have shape $(N, D)$; the result has shape $(N,)$: a sum over the $D$
    dimensions, which are independent. It is 0 where $\mu = 0$ and $\mathrm{logvar} = 0$, and
    positive elsewhere. It must be differentiable, even at $\mu = 0$. `logvar` has no bounds: at
    $-1000$ the variance underflows to 0.
    """,
    hints="""
    Dimensions are independent, so their divergences add. For one of them take the mean under q of
    log q(z) - log p(z).

    In one dimension it is half of mu^2 + sigma^2 - 1 - log sigma^2.

        return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)
    """,
)


@kl.case(points=1, kind="equation", fixed=True, expect={"kl": [0.0, 0.0]})
def standard_normal_itself(impl, rng):
    return {"kl": impl(np.zeros((2, 3)), np.zeros((2, 3)))}


@kl.case(points=1, kind="equation", expect={"kl": [2.0 + 0.5 * (3 - np.log(4.0))]})
def one_example(impl, rng):
    """mu = 2, sigma = 1 gives 4/2; mu = 0, sigma = 2 gives (4 - 1 - log 4)/2."""
    return {"kl": impl(np.array([[2.0, 0.0]]), np.array([[0.0, np.log(4.0)]]))}


@kl.case(points=2, kind="equation")
def random_batch(impl, rng):
    return {"kl": impl(rng.standard_normal((5, 3)), rng.standard_normal((5, 3)))}


@kl.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def only_the_mean_differs(impl, rng):
    """With variance 1 it is half the squared length of mu, whatever that length is."""
    mu = np.exp(rng.uniform(-2, 4, (4, 3))) * rng.choice([-1.0, 1.0], (4, 3))
    half = np.sum(mu**2, axis=1) / 2
    return {"gap": (impl(mu, np.zeros((4, 3))) - half) / half}


@kl.case(
    points=2,
    kind="extremes",
    fixed=True,
    property=True,
    expect={"kl": [499.5 + 14.5], "mu": 0.0, "logvar": -0.5},
)
def collapsed_variances(impl, rng):
    """At mu = 0, logvar = -1000 and -30 a dimension costs (-1 - logvar)/2; the slopes are 0 in mu,
    -1/2 in logvar."""
    mu, logvar = np.zeros((1, 2)), np.array([[-1000.0, -30.0]])
    return {
        "kl": impl(mu, logvar),
        "mu": grad(lambda m: np.sum(impl(m, logvar)))(mu),
        "logvar": grad(lambda v: np.sum(impl(mu, v)))(logvar),
    }


@kl.case(points=2, kind="gradient", property=True, expect={"mu": 0.0, "logvar": 0.0})
def slopes(impl, rng):
    """Its slope is mu in mu, and (sigma^2 - 1)/2 in logvar."""
    mu, logvar = rng.standard_normal((2, 4, 3))
    return {
        "mu": grad(lambda m: np.sum(impl(m, logvar)))(mu) - mu,
        "logvar": grad(lambda v: np.sum(impl(mu, v)))(logvar) - (np.exp(logvar) - 1) / 2,
    }


score = Exercise(
    "vae/08/score_function_gradient",
    target="minigen.vae.vae:score_function_gradient",
    minutes=15,
    prompt=r"""
    Return estimates of the derivatives of $\mathrm{E} f(z)$ with respect to `mu` and to `logvar`,
    for $z \sim N(\mu, \mathrm{diag} \exp(\mathrm{logvar}))$, without a derivative of `f`: two
    arrays $(N, D)$.

    `mu`, `logvar` and `eps` have shape $(N, D)$. Draw $z$ as in `reparameterize`; `f` maps $(N, D)$
    to $(N,)$. Each row is one estimate: $f(z)$ minus the number `baseline`, times the derivative of
    $\log q(z)$ with $z$ held fixed. `logvar` has no bounds: $-60$ and 60 occur, where $z - \mu$,
    computed from a rounded $z$, has lost its digits. The result need not be differentiable.
    """,
    hints="""
    Only q depends on mu and logvar, and the derivative of its density is the density times the
    derivative of log q. Differentiate log q(z) with respect to mu and to logvar, with z held fixed.

    log q = -1/2 (logvar + (z - mu)^2 / sigma^2) and a constant. Its derivative with
    respect to mu is (z - mu) / sigma^2, and with respect to logvar ((z - mu)^2 / sigma^2 - 1) / 2.
    Here (z - mu) / sigma is eps.

        sigma = np.exp(0.5 * logvar)
        weight = (f(mu + sigma * eps) - baseline)[:, None]
        return weight * eps / sigma, weight * (eps**2 - 1) / 2
    """,
)


def both(result):
    in_mu, in_logvar = result
    return {"in mu": in_mu, "in logvar": in_logvar}


def squares(z):
    return np.sum(z**2, axis=1)


@score.case(
    points=2,
    kind="equation",
    expect={"in mu": [[9.0], [32.0], [-0.0]], "in logvar": [[0.0], [24.0], [0.0]]},
)
def unit_variance(impl, rng):
    """mu = 2, sigma = 1, and f is the square. Draws with eps = 1, 2 and -2 are 3, 4 and 0, so f is
    9, 16 and 0; log q has the derivatives eps and (eps^2 - 1)/2."""
    eps = np.array([[1.0], [2.0], [-2.0]])
    return both(impl(squares, np.full((3, 1), 2.0), np.zeros((3, 1)), eps))


@score.case(
    points=2,
    kind="equation",
    expect={"in mu": [[0.0, -1.0]], "in logvar": [[-1.0, 3.0]]},
)
def another_variance(impl, rng):
    """mu = 1, sigma = 2 and 4, and f is the sum. eps = 0 and -2 give 1 and -7, so f is -6, and 2
    with a baseline of -8. Divided by 4, -2 is -1/2; (0 - 1)/2 is -1/2 and (4 - 1)/2 is 3/2."""
    eps, logvar = np.array([[0.0, -2.0]]), np.log([[4.0, 16.0]])
    return both(impl(lambda z: np.sum(z, axis=1), np.ones((1, 2)), logvar, eps, -8.0))


@score.case(points=2, kind="equation")
def random_rows(impl, rng):
    """With a baseline and without."""
    mu, logvar, eps = rng.standard_normal((3, 5, 3))

    def f(z):
        return np.sum(np.sin(z), axis=1) + z[:, 0] * z[:, 2]

    found = both(impl(f, mu, logvar, eps, 0.7))
    plain = both(impl(f, mu, logvar, eps))
    return found | {f"{name}, no baseline": value for name, value in plain.items()}


@score.case(points=2, kind="equation", property=True, expect={"in mu": 0.0, "in logvar": 0.0})
def right_on_average(impl, rng):
    """Over six values with the moments of a Gaussian up to the fifth: E z^2 is mu^2 + sigma^2,
    with the derivatives 2 mu and sigma^2, whatever the baseline."""
    eps = 3**0.5 * np.array([[-1.0], [0.0], [0.0], [0.0], [0.0], [1.0]])
    mu, logvar, baseline = rng.standard_normal(3)
    ones = np.ones((6, 1))
    in_mu, in_logvar = impl(squares, mu * ones, logvar * ones, eps, baseline)
    return {"in mu": np.mean(in_mu) - 2 * mu, "in logvar": np.mean(in_logvar) - np.exp(logvar)}


@score.case(points=1, kind="shapes")
def one_draw(impl, rng):
    """A single row, and more rows than coordinates."""
    one, many = rng.standard_normal((3, 1, 4)), rng.standard_normal((3, 6, 1))
    wide, tall = both(impl(squares, *one)), both(impl(squares, *many))
    return {f"one row, {k}": v for k, v in wide.items()} | {
        f"six rows, {k}": v for k, v in tall.items()
    }


@score.case(
    points=1,
    kind="extremes",
    fixed=True,
    property=True,
    expect={"in mu, times sigma": [[2.0, -3.0]], "in logvar": [[1.5, 4.0]]},
)
def narrow_and_wide_draws(impl, rng):
    """At mu = 1 and logvar = -60 and 60, for f = 1 everywhere: the derivative with respect to mu is
    eps / sigma."""
    logvar, eps = np.array([[-60.0, 60.0]]), np.array([[2.0, -3.0]])
    in_mu, in_logvar = impl(lambda z: np.ones(len(z)), np.ones((1, 2)), logvar, eps)
    return {"in mu, times sigma": in_mu * np.exp(0.5 * logvar), "in logvar": in_logvar}


pixels = Exercise(
    "vae/08/bernoulli_log_likelihood",
    target="minigen.vae.likelihoods:bernoulli_log_likelihood",
    minutes=10,
    imports=["from minigen.tensor import sigmoid, softplus"],
    prompt=r"""
    Return $\log p(x)$ of each image, in nats, where pixel $i$ is 1 with probability
    $\mathrm{sigmoid}(\mathrm{logits}_i)$.

    `x` has values in $[0, 1]$, and `x` and `logits` have shape $(N, D)$; the result has shape
    $(N,)$: a sum over the $D$ pixels, so it is never positive. It must be differentiable with
    respect to the logits. Logits may be 1000 or $-1000$, in `float32` too: never take the logarithm
    of 0 or the exponential of 1000, not even in a branch of `np.where` that is not used, because
    the gradient passes through it as well.
    """,
    hints="""
    Each pixel is 1 with its own probability s = sigmoid(logit), and the pixels are independent.

    log p = sum of x log s + (1 - x) log(1 - s), with log s = -softplus(-l) and log(1 - s) =
    -softplus(l).

        return -np.sum(x * softplus(-logits) + (1 - x) * softplus(logits), axis=1)
    """,
)


def pictures(rng, n=4, d=6):
    return (rng.random((n, d)) < 0.4).astype(float), 2 * rng.standard_normal((n, d))


@pixels.case(points=1, kind="equation", fixed=True, expect={"log_p": [-3 * np.log(2.0)]})
def fair_coins(impl, rng):
    return {"log_p": impl(np.array([[0.0, 1.0, 1.0]]), np.zeros((1, 3)))}


@pixels.case(
    points=2,
    kind="equation",
    expect={"log_p": [np.log(3.0) - 4 * np.log(2.0), 2 * np.log(3.0) - 4 * np.log(2.0)]},
)
def loaded_coins(impl, rng):
    """Probabilities 3/4: the first image has the pixels 1 and 0, the second 1 and 1."""
    return {"log_p": impl(np.array([[1.0, 0.0], [1.0, 1.0]]), np.full((2, 2), np.log(3.0)))}


@pixels.case(points=2, kind="equation")
def random_pictures(impl, rng):
    x, logits = pictures(rng)
    return {"binary": impl(x, logits), "gray": impl(rng.random((4, 6)), logits)}


@pixels.case(
    points=2,
    kind="extremes",
    expect={
        "log p, logits 1000 and -1000": [0.0],
        "log p, logits -1000 and 1000": [-2000.0],
        "log p of gray, logits 1000 and -1000": [-1000.0],
    },
)
def very_sure(impl, rng):
    """The pixels 1 and 0, and two gray pixels of 1/2, at logits of 1000 and -1000."""
    x, sure = np.array([[1.0, 0.0]]), np.array([[1000.0, -1000.0]])
    return {
        "log p, logits 1000 and -1000": impl(x, sure),
        "log p, logits -1000 and 1000": impl(x, -sure),
        "log p of gray, logits 1000 and -1000": impl(np.array([[0.5, 0.5]]), sure),
    }


@pixels.case(
    points=2,
    kind="extremes",
    fixed=True,
    property=True,
    expect={
        "slope at logits 1000, -1000, 0": [[-0.25, 0.75, 0.25]],
        "slope at logits 1000, -1000, 0 in float32": [[-0.25, 0.75, 0.25]],
    },
)
def slope_where_sure(impl, rng):
    """The slope x - sigmoid(logit) of pixels 3/4 is -1/4 at 1000, 3/4 at -1000 and 1/4 at 0."""

    def slope(logits):
        x = np.full((1, 3), 0.75, logits.dtype)
        return grad(lambda l: np.sum(impl(x, l)))(logits)

    return {
        "slope at logits 1000, -1000, 0": slope(np.array([[1000.0, -1000.0, 0.0]])),
        "slope at logits 1000, -1000, 0 in float32": slope(
            np.array([[1000.0, -1000.0, 0.0]], numpy.float32)
        ),
    }


@pixels.case(points=1, kind="gradient", property=True, expect={"gap": 0.0})
def slope(impl, rng):
    """Its slope with respect to the logits is x - sigmoid(logits)."""
    x, logits = pictures(rng)
    return {"gap": grad(lambda l: np.sum(impl(x, l)))(logits) - x + 1 / (1 + np.exp(-logits))}


bound = Exercise(
    "vae/08/elbo",
    target="minigen.vae.vae:elbo",
    minutes=10,
    imports=["from minigen.vae.vae import Elbo, kl_standard_normal as packages_kl"],
    prompt=r"""
    Return the evidence lower bound of each example with its two terms:
    `Elbo(value, reconstruction, kl)`, each $(N,)$, in nats.

    `x` and `decoded` have shape $(N, D)$, where `decoded` is the decoder's output for one sample of
    $z$ for each example; `mu` and `logvar`, $(N, D_z)$, are the encoder's. `log_likelihood` is a
    function of `x` and `decoded` that returns $\log p(x \mid z)$, $(N,)$. The KL divergence is
    $\mathrm{KL}(N(\mu, \mathrm{diag} \exp(\mathrm{logvar})) \| N(0, I))$; use your own
    `kl_standard_normal`, or the package's, `packages_kl`. The bound must be differentiable with
    respect to `decoded`, `mu` and `logvar`.
    """,
    hints="""
    How well is x reconstructed from the code, and what does the code cost?

    ELBO = E_q log p(x|z) - KL(q(z|x) || p(z)), the first term estimated by the one sample.

        reconstruction = log_likelihood(x, decoded)
        kl = packages_kl(mu, logvar)
        return Elbo(reconstruction - kl, reconstruction, kl)
    """,
)


def terms(rng):
    x, decoded = pictures(rng)
    return x, decoded, rng.standard_normal((4, 2)), rng.standard_normal((4, 2))


def as_dict(result):
    value, reconstruction, divergence = result
    return {"value": value, "reconstruction": reconstruction, "kl": divergence}


@bound.case(
    points=2,
    kind="equation",
    expect={"value": [-2 * np.log(2.0) - 2.0], "reconstruction": [-2 * np.log(2.0)], "kl": [2.0]},
)
def two_pixels(impl, rng):
    """Two pixels of probability 1/2 cost 2 log 2; mu = 2 costs 2."""
    return as_dict(
        impl(np.array([[0.0, 1.0]]), np.zeros((1, 2)), np.array([[2.0]]), np.zeros((1, 1)))
    )


@bound.case(points=2, kind="equation")
def random_terms(impl, rng):
    return as_dict(impl(*terms(rng)))


@bound.case(points=2, kind="equation")
def another_likelihood(impl, rng):
    """Points with a Gaussian around the decoder's output, so narrow that its density exceeds 1."""
    x, decoded, mu, logvar = rng.standard_normal((4, 5, 3))

    def narrow(a, b):
        return 30.0 - 0.5 * np.sum((a - 2 * b) ** 2, axis=1)

    return as_dict(impl(x, decoded, mu, logvar, narrow))


@bound.case(points=1, kind="equation", fixed=True, property=True, expect={"gap": 0.0, "kl": 0.0})
def free_code(impl, rng):
    """With mu = 0 and logvar = 0 the code costs nothing."""
    x, decoded, mu, _ = terms(rng)
    value, reconstruction, divergence = impl(x, decoded, 0 * mu, 0 * mu)
    return {"gap": value - reconstruction, "kl": divergence}


@bound.case(points=2, kind="gradient")
def slope_of_the_bound(impl, rng):
    x, decoded, mu, logvar = terms(rng)
    return {
        "grad_mu": grad(lambda m: np.sum(impl(x, decoded, m, logvar)[0]))(mu),
        "grad_logvar": grad(lambda v: np.sum(impl(x, decoded, mu, v)[0]))(logvar),
        "grad_decoded": grad(lambda d: np.sum(impl(x, d, mu, logvar)[0]))(decoded),
    }
