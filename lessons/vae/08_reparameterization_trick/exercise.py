"""Exercises of the variational autoencoder: a sample that gradients pass through, and the two terms
of the bound."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

# ------------------------------------------------------------------------------------------- z =
# mu + sigma eps

sample = Exercise(
    "vae/08/reparameterize",
    target="minigen.vae.vae:reparameterize",
    minutes=5,
    prompt="""
    A sample z of the Gaussian with mean mu and variance exp(logvar), made from standard normal
    noise eps so that gradients reach mu and logvar.

    mu, logvar and eps have shape (N, D), and so has z. logvar is the logarithm of the variance,
    elementwise.
    """,
    hints=[
        "Stretch the noise to the right width, then move it to the mean.",
        (
            "z = mu + sigma * eps, where sigma is the standard deviation, the square root of"
            " exp(logvar)."
        ),
        "sigma is np.exp(0.5 * logvar).",
    ],
)


@sample.case(points=1, expect={"z": [[1.0, 4.0, -1.0]]})
def by_hand(impl, rng):
    """Variances 1, 4 and 9, so standard deviations 1, 2 and 3."""
    return {
        "z": impl(
            np.array([[0.0, 1.0, 2.0]]), np.log([[1.0, 4.0, 9.0]]), np.array([[1.0, 1.5, -1.0]])
        )
    }


@sample.case(points=1, property="without noise it is the mean", expect={"gap": 0.0})
def no_noise(impl, rng):
    mu, logvar = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    return {"gap": impl(mu, logvar, np.zeros((4, 3))) - mu}


@sample.case(points=2)
def batch(impl, rng):
    mu, logvar, eps = rng.standard_normal((3, 5, 4))
    return {"z": impl(mu, 2 * logvar, eps)}


@sample.case(points=2)
def gradients(impl, rng):
    """How z moves with mu and logvar, weighted by fixed numbers."""
    mu, logvar, eps, weight = rng.standard_normal((4, 3, 2))
    return {
        "grad_mu": grad(lambda m: np.sum(weight * impl(m, logvar, eps)))(mu),
        "grad_logvar": grad(lambda v: np.sum(weight * impl(mu, v, eps)))(logvar),
    }


@sample.mistake(
    hint="logvar is a logarithm of a variance: it is not itself the standard deviation."
)
def logvar_as_sigma(mu, logvar, eps):
    return mu + logvar * eps


@sample.mistake(
    hint=(
        "exp(logvar) is the variance; the noise is stretched by the standard deviation, its square"
        " root."
    )
)
def variance_for_sigma(mu, logvar, eps):
    return mu + np.exp(logvar) * eps


@sample.mistake(hint="eps has to be scaled by the standard deviation.")
def eps_not_scaled(mu, logvar, eps):
    return mu + eps + 0.0 * logvar


@sample.mistake(hint="The exponent has the wrong sign: a larger logvar makes z wider.")
def inverse_width(mu, logvar, eps):
    return mu + np.exp(-0.5 * logvar) * eps


@sample.mistake(hint="The noise is centered at mu: add the mean after scaling, do not scale it.")
def mean_scaled_too(mu, logvar, eps):
    return np.exp(0.5 * logvar) * (mu + eps)


@sample.mistake(hint="The root of exp(logvar) is exp(logvar / 2), not exp(sqrt(logvar)).")
def root_of_the_logarithm(mu, logvar, eps):
    return mu + np.exp(np.sqrt(np.abs(logvar))) * eps


@sample.mistake(hint="The mean is missing.")
def no_mean(mu, logvar, eps):
    return np.exp(0.5 * logvar) * eps + 0.0 * mu


@sample.variant
def through_the_root(mu, logvar, eps):
    return np.sqrt(np.exp(logvar)) * eps + mu


# ------------------------------------------------------------------------------------------- the KL
# divergence

kl = Exercise(
    "vae/08/kl_standard_normal",
    target="minigen.vae.vae:kl_standard_normal",
    minutes=15,
    prompt="""
    KL(N(mu, diag exp(logvar)) || N(0, I)) of each example, in nats.

    mu and logvar have shape (N, D); the result has shape (N,): a sum over the D dimensions, which
    are independent. It is 0 where mu = 0 and logvar = 0, and positive elsewhere.
    """,
    hints=[
        (
            "Dimensions are independent, so their divergences add. For one of them take the mean"
            " under q of log q(z) - log p(z)."
        ),
        "In one dimension it is half of mu^2 + sigma^2 - 1 - log sigma^2.",
        "0.5 times the sum over axis 1 of mu**2 + np.exp(logvar) - 1 - logvar.",
    ],
)


@kl.case(points=1, expect={"kl": [0.0, 0.0]})
def standard_normal_itself(impl, rng):
    return {"kl": impl(np.zeros((2, 3)), np.zeros((2, 3)))}


@kl.case(points=1, expect={"kl": [2.0 + 0.5 * (3 - np.log(4.0))]})
def one_example(impl, rng):
    """mu = 2, sigma = 1 gives 4/2; mu = 0, sigma = 2 gives (4 - 1 - log 4)/2."""
    return {"kl": impl(np.array([[2.0, 0.0]]), np.array([[0.0, np.log(4.0)]]))}


@kl.case(points=2)
def random_batch(impl, rng):
    return {"kl": impl(rng.standard_normal((5, 3)), rng.standard_normal((5, 3)))}


@kl.case(
    points=2,
    property="far out it grows as mu^2/2: twice the mean, four times the divergence",
    expect={"gap": 0.0},
)
def only_the_mean_differs(impl, rng):
    mu, zero = rng.standard_normal((4, 3)), np.zeros((4, 3))
    return {"gap": impl(2 * mu, zero) - 4 * impl(mu, zero) + impl(0 * mu, zero)}


@kl.case(
    points=2,
    property="its slope is mu in mu, and (sigma^2 - 1)/2 in logvar",
    expect={"mu": 0.0, "logvar": 0.0},
)
def slopes(impl, rng):
    mu, logvar = rng.standard_normal((2, 4, 3))
    return {
        "mu": grad(lambda m: np.sum(impl(m, logvar)))(mu) - mu,
        "logvar": grad(lambda v: np.sum(impl(mu, v)))(logvar) - (np.exp(logvar) - 1) / 2,
    }


@kl.mistake(hint="A divergence is never negative: turn the sign.")
def sign(mu, logvar):
    return 0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)


@kl.mistake(hint="The factor 1/2 is missing.")
def half_missing(mu, logvar):
    return np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)


@kl.mistake(hint="Dimensions add up: sum over them, do not average.")
def mean_over_dimensions(mu, logvar):
    return 0.5 * np.mean(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)


@kl.mistake(hint="One number for each example: sum over the dimensions only, not over the batch.")
def summed_over_the_batch(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar)


@kl.mistake(
    hint="logvar is the logarithm of the variance: sigma squared is exp(logvar), not exp(2 logvar)."
)
def logvar_as_log_sigma(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(2 * logvar) - 1 - 2 * logvar, axis=1)


@kl.mistake(
    hint=(
        "This has the standard deviation where the variance belongs: exp(logvar), not exp(logvar"
        " / 2)."
    )
)
def sigma_for_variance(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(0.5 * logvar) - 1 - logvar, axis=1)


@kl.mistake(hint="The mean enters squared.")
def mu_not_squared(mu, logvar):
    return 0.5 * np.sum(mu + np.exp(logvar) - 1 - logvar, axis=1)


@kl.mistake(hint="The -1 of each dimension is missing: at mu = 0, sigma = 1 the divergence is 0.")
def minus_one_missing(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - logvar, axis=1)


@kl.mistake(hint="The other way round: this is KL(N(0, I) || N(mu, sigma^2)).")
def reversed_arguments(mu, logvar):
    return 0.5 * np.sum((mu**2 + 1) / np.exp(logvar) - 1 + logvar, axis=1)


@kl.variant
def through_sigma(mu, logvar):
    sigma = np.exp(logvar / 2)
    return np.sum((mu**2 + sigma**2) / 2 - np.log(sigma), axis=-1) - mu.shape[1] / 2


@kl.variant
def cross_entropy_minus_entropy(mu, logvar):
    cross = 0.5 * np.sum(np.log(2 * np.pi) + mu**2 + np.exp(logvar), axis=1)
    return cross - 0.5 * np.sum(np.log(2 * np.pi) + 1 + logvar, axis=1)


# ------------------------------------------------------------------------------------------- the
# reconstruction

pixels = Exercise(
    "vae/08/bernoulli_log_likelihood",
    target="minigen.vae.likelihoods:bernoulli_log_likelihood",
    minutes=10,
    prompt="""
    log p(x) of each picture, if pixel i is 1 with probability sigmoid(logits_i), in nats.

    x has values in [0, 1], and x and logits have shape (N, D); the result has shape (N,): a sum
    over the D pixels, so it is never positive. Logits may be as large as 1000: compute without ever
    taking the logarithm of 0.
    """,
    hints=[
        (
            "Each pixel is a coin with its own probability s = sigmoid(logit); the coins are"
            " independent."
        ),
        (
            "log p = sum of x log s + (1 - x) log(1 - s), with log s = -softplus(-l) and log(1 - s)"
            " = -softplus(l)."
        ),
        "Minus the sum over axis 1 of x * softplus(-logits) + (1 - x) * softplus(logits).",
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import sigmoid, softplus"],
)


def pictures(rng, n=4, d=6):
    return (rng.random((n, d)) < 0.4).astype(float), 2 * rng.standard_normal((n, d))


@pixels.case(points=1, expect={"log_p": [-3 * np.log(2.0)]})
def fair_coins(impl, rng):
    return {"log_p": impl(np.array([[0.0, 1.0, 1.0]]), np.zeros((1, 3)))}


@pixels.case(
    points=1, expect={"log_p": [np.log(3.0) - 4 * np.log(2.0), 2 * np.log(3.0) - 4 * np.log(2.0)]}
)
def loaded_coins(impl, rng):
    """Probabilities 3/4: the first picture has heads and tails, the second two heads."""
    return {"log_p": impl(np.array([[1.0, 0.0], [1.0, 1.0]]), np.full((2, 2), np.log(3.0)))}


@pixels.case(points=2)
def random_pictures(impl, rng):
    x, logits = pictures(rng)
    return {"binary": impl(x, logits), "gray": impl(rng.random((4, 6)), logits)}


@pixels.case(points=2, expect={"right": 0.0, "wrong": -2000.0})
def very_sure(impl, rng):
    x = np.array([[1.0, 0.0]])
    return {
        "right": impl(x, np.array([[1000.0, -1000.0]])),
        "wrong": impl(x, np.array([[-1000.0, 1000.0]])),
    }


@pixels.case(
    points=2, property="its slope in the logits is x - sigmoid(logits)", expect={"gap": 0.0}
)
def slope(impl, rng):
    x, logits = pictures(rng)
    return {"gap": grad(lambda l: np.sum(impl(x, l)))(logits) - x + 1 / (1 + np.exp(-logits))}


def log_coin(x, logits):
    return -x * np.logaddexp(0.0, -logits) - (1 - x) * np.logaddexp(0.0, logits)


@pixels.mistake(hint="This is the cross-entropy, a cost; the log-likelihood is its negative.")
def cost_for_likelihood(x, logits):
    return -np.sum(log_coin(x, logits), axis=1)


@pixels.mistake(
    hint=(
        "Sum over the pixels. Their mean would divide this term, and not the KL divergence beside"
        " it, by D."
    )
)
def mean_over_pixels(x, logits):
    return np.mean(log_coin(x, logits), axis=1)


@pixels.mistake(hint="One number for each picture: sum over the pixels only, not over the batch.")
def one_number(x, logits):
    return np.sum(log_coin(x, logits))


@pixels.mistake(hint="Pixels that are 0 count as well: the part (1 - x) log(1 - s) is missing.")
def only_the_ones(x, logits):
    return np.sum(-x * np.logaddexp(0.0, -logits), axis=1)


@pixels.mistake(hint="x = 1 goes with log s, x = 0 with log(1 - s): here they are swapped.")
def swapped_pixels(x, logits):
    return np.sum(log_coin(1 - x, logits), axis=1)


@pixels.mistake(
    hint="This is a squared error, the log-likelihood of a Gaussian; pixels are coins here."
)
def squared_error(x, logits):
    return -0.5 * np.sum((x - 1 / (1 + np.exp(-logits))) ** 2, axis=1)


@pixels.mistake(
    hint="sigmoid(1000) rounds to 1, and log(1 - 1) is minus infinity: use softplus on the logits."
)
def through_the_sigmoid(x, logits):
    s = 1 / (1 + np.exp(-logits))
    return np.sum(x * np.log(s) + (1 - x) * np.log(1 - s), axis=1)


@pixels.variant
def logit_times_pixel(x, logits):
    """log p = x l - softplus(l)."""
    return np.sum(x * logits - np.logaddexp(0.0, logits), axis=1)


# ------------------------------------------------------------------------------------------- the
# bound

bound = Exercise(
    "vae/08/elbo",
    target="minigen.vae.vae:elbo",
    minutes=10,
    prompt="""
    The evidence lower bound of each example with its two terms: Elbo(value, reconstruction, kl),
    each (N,), in nats.

    x and decoded have shape (N, D), decoded being the decoder's output for one sample of z for each
    example; mu and logvar (N, D_z) are the encoder's. `log_likelihood` is a function of x and
    decoded that gives log p(x|z), shape (N,). The KL divergence is that from N(mu, diag
    exp(logvar)) to N(0, I); use your own function for it, or the package's.
    """,
    hints=[
        "How well is x explained by the code, and what does the code cost?",
        "ELBO = E_q log p(x|z) - KL(q(z|x) || p(z)), the first term estimated by the one sample.",
        "Call log_likelihood and kl_standard_normal, and return their difference first.",
    ],
    imports=[
        "import autograd.numpy as np",
        "from minigen.vae.vae import Elbo, kl_standard_normal as packages_kl",
    ],
)


def terms(rng):
    x, decoded = pictures(rng)
    return x, decoded, rng.standard_normal((4, 2)), rng.standard_normal((4, 2))


def as_dict(result):
    value, reconstruction, divergence = result
    return {"value": value, "reconstruction": reconstruction, "kl": divergence}


@bound.case(
    points=2,
    expect={"value": [-2 * np.log(2.0) - 2.0], "reconstruction": [-2 * np.log(2.0)], "kl": [2.0]},
)
def two_pixels(impl, rng):
    """Two fair coins cost 2 log 2; mu = 2 costs 2."""
    return as_dict(
        impl(np.array([[0.0, 1.0]]), np.zeros((1, 2)), np.array([[2.0]]), np.zeros((1, 1)))
    )


@bound.case(points=2)
def random_terms(impl, rng):
    return as_dict(impl(*terms(rng)))


@bound.case(points=2)
def another_likelihood(impl, rng):
    """Points with a Gaussian around the decoder's output."""
    x, decoded, mu, logvar = rng.standard_normal((4, 5, 3))
    return as_dict(impl(x, decoded, mu, logvar, lambda a, b: -0.5 * np.sum((a - b) ** 2, axis=1)))


@bound.case(
    points=1,
    property="with mu = 0 and logvar = 0 the code costs nothing",
    expect={"gap": 0.0, "kl": 0.0},
)
def free_code(impl, rng):
    x, decoded, mu, _ = terms(rng)
    value, reconstruction, divergence = impl(x, decoded, 0 * mu, 0 * mu)
    return {"gap": value - reconstruction, "kl": divergence}


@bound.case(points=2)
def slope_of_the_bound(impl, rng):
    x, decoded, mu, logvar = terms(rng)
    return {
        "grad_mu": grad(lambda m: np.sum(impl(x, decoded, m, logvar)[0]))(mu),
        "grad_decoded": grad(lambda d: np.sum(impl(x, d, mu, logvar)[0]))(decoded),
    }


def _log_p(x, decoded):
    return np.sum(log_coin(x, decoded), axis=1)


def _kl(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)


def _elbo(value, reconstruction, divergence):
    from minigen.vae.vae import Elbo

    return Elbo(value, reconstruction, divergence)


@bound.mistake(hint="The KL divergence is a cost: subtract it.")
def kl_added(x, decoded, mu, logvar, log_likelihood=_log_p):
    reconstruction, divergence = log_likelihood(x, decoded), _kl(mu, logvar)
    return _elbo(reconstruction + divergence, reconstruction, divergence)


@bound.mistake(hint="This is the loss, -ELBO; the bound itself is log p(x|z) - KL.")
def loss_for_bound(x, decoded, mu, logvar, log_likelihood=_log_p):
    reconstruction, divergence = log_likelihood(x, decoded), _kl(mu, logvar)
    return _elbo(divergence - reconstruction, reconstruction, divergence)


@bound.mistake(
    hint=(
        "The reconstruction term is log p(x|z), which is negative for pixels: do not turn its sign."
    )
)
def cost_of_reconstruction(x, decoded, mu, logvar, log_likelihood=_log_p):
    reconstruction, divergence = -log_likelihood(x, decoded), _kl(mu, logvar)
    return _elbo(reconstruction - divergence, reconstruction, divergence)


@bound.mistake(hint="Each example has its own bound: do not take the mean over the batch.")
def mean_over_the_batch(x, decoded, mu, logvar, log_likelihood=_log_p):
    reconstruction, divergence = np.mean(log_likelihood(x, decoded)), np.mean(_kl(mu, logvar))
    return _elbo(reconstruction - divergence, reconstruction, divergence)


@bound.mistake(
    hint="Use the log-likelihood that is passed as an argument, not always that of pixels."
)
def always_pixels(x, decoded, mu, logvar, log_likelihood=None):
    reconstruction, divergence = _log_p(x, decoded), _kl(mu, logvar)
    return _elbo(reconstruction - divergence, reconstruction, divergence)


@bound.mistake(hint="The factor 1/2 of the KL divergence is missing.")
def kl_without_half(x, decoded, mu, logvar, log_likelihood=_log_p):
    reconstruction, divergence = log_likelihood(x, decoded), 2 * _kl(mu, logvar)
    return _elbo(reconstruction - divergence, reconstruction, divergence)


@bound.mistake(
    hint=(
        "Sum over the pixels, do not average: the mean would make the reconstruction D times too"
        " cheap."
    )
)
def pixels_averaged(x, decoded, mu, logvar, log_likelihood=_log_p):
    reconstruction, divergence = log_likelihood(x, decoded) / x.shape[1], _kl(mu, logvar)
    return _elbo(reconstruction - divergence, reconstruction, divergence)


@bound.mistake(hint="The order of the three results is value, reconstruction, kl.")
def other_order(x, decoded, mu, logvar, log_likelihood=_log_p):
    reconstruction, divergence = log_likelihood(x, decoded), _kl(mu, logvar)
    return _elbo(reconstruction - divergence, divergence, reconstruction)


@bound.variant
def by_hand_kl(x, decoded, mu, logvar, log_likelihood=_log_p):
    reconstruction = log_likelihood(x, decoded)
    sigma = np.exp(0.5 * logvar)
    divergence = np.sum(0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma), axis=1)
    return _elbo(reconstruction - divergence, reconstruction, divergence)
