"""Exercises on the two terms of the bound where they have formulas: a KL between two normals, and
E_q log p(x|z)."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

# ------------------------------------------------------------------------------------------- KL of
# two normals

kl = Exercise(
    "vae/07/kl_gaussians",
    target="minigen.vae.linear:kl_gaussians",
    minutes=15,
    prompt="""
    KL(N(mu, diag exp(logvar)) || N(mu_p, diag exp(logvar_p))) of each example, in nats.

    The four arguments have shape (N, D), logvar and logvar_p being logarithms of variances; the
    result has shape (N,): a sum over the D dimensions, which are independent. It is 0 where the two
    normals are the same, positive elsewhere.
    """,
    hints=[
        (
            "Dimensions add up. In one dimension, take the mean under the first normal of log q(z)"
            " - log p(z)."
        ),
        "Half of (sigma^2 + (mu - mu_p)^2) / sigma_p^2 - 1 + log sigma_p^2 - log sigma^2.",
        (
            "sigma^2 is np.exp(logvar); dividing by sigma_p^2 is multiplying by np.exp(-logvar_p)."
            " Sum over axis 1."
        ),
    ],
)


@kl.case(points=1, expect={"kl": [0.5 * (2 * np.log(2.0) - 0.5), 0.5 * (4.0 - 2 * np.log(2.0))]})
def by_hand(impl, rng):
    """N(0, 1) from N(1, 4): (1 + 1)/4 - 1 + log 4, halved. And back: (4 + 1)/1 - 1 - log 4,
    halved."""
    mu, logvar = np.array([[0.0], [1.0]]), np.log([[1.0], [4.0]])
    return {"kl": impl(mu, logvar, mu[::-1], logvar[::-1])}


@kl.case(
    points=1, property="a distribution is at distance 0 from itself", expect={"kl": [0.0, 0.0, 0.0]}
)
def itself(impl, rng):
    mu, logvar = rng.standard_normal((2, 3, 4))
    return {"kl": impl(mu, logvar, mu, logvar)}


@kl.case(points=2)
def random_pairs(impl, rng):
    return {"kl": impl(*rng.standard_normal((4, 5, 3)))}


@kl.case(
    points=2,
    property="moving and stretching both normals alike changes nothing",
    expect={"gap": 0.0},
)
def same_change_of_both(impl, rng):
    mu, logvar, mu_p, logvar_p = rng.standard_normal((4, 5, 3))
    return {
        "gap": (
            impl(3 * mu + 1, logvar + np.log(9.0), 3 * mu_p + 1, logvar_p + np.log(9.0))
            - impl(mu, logvar, mu_p, logvar_p)
        )
    }


@kl.case(points=2, property="its slope in mu_p is (mu_p - mu) / sigma_p^2", expect={"gap": 0.0})
def slope(impl, rng):
    mu, logvar, mu_p, logvar_p = rng.standard_normal((4, 5, 3))
    return {
        "gap": (
            grad(lambda m: np.sum(impl(mu, logvar, m, logvar_p)))(mu_p)
            - (mu_p - mu) * np.exp(-logvar_p)
        )
    }


def half_sum(terms):
    return 0.5 * np.sum(terms, axis=1)


@kl.mistake(hint="A divergence is never negative: turn the sign.")
def sign_turned(mu, logvar, mu_p, logvar_p):
    return -half_sum(
        (np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar_p - logvar
    )


@kl.mistake(hint="The factor 1/2 is missing.")
def no_half(mu, logvar, mu_p, logvar_p):
    return 2 * half_sum(
        (np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar_p - logvar
    )


@kl.mistake(hint="exp(logvar) is the variance already; the formula needs sigma squared, not sigma.")
def sigma_for_its_square(mu, logvar, mu_p, logvar_p):
    ratio = (np.exp(0.5 * logvar) + (mu - mu_p) ** 2) * np.exp(-0.5 * logvar_p)
    return half_sum(ratio - 1 + logvar_p - logvar)


@kl.mistake(hint="logvar is log sigma^2, not log sigma: do not double it.")
def logvar_as_log_sigma(mu, logvar, mu_p, logvar_p):
    ratio = (np.exp(2 * logvar) + (mu - mu_p) ** 2) * np.exp(-2 * logvar_p)
    return half_sum(ratio - 1 + 2 * logvar_p - 2 * logvar)


@kl.mistake(hint="Dimensions add up: sum over them, do not average.")
def mean_over_dimensions(mu, logvar, mu_p, logvar_p):
    return 0.5 * np.mean(
        (np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar_p - logvar, axis=1
    )


@kl.mistake(hint="The other way round: this is the divergence of the second normal from the first.")
def other_direction(mu, logvar, mu_p, logvar_p):
    return half_sum((np.exp(logvar_p) + (mu - mu_p) ** 2) * np.exp(-logvar) - 1 + logvar - logvar_p)


@kl.mistake(hint="This ignores the second normal: it is the divergence from N(0, I).")
def from_the_standard_normal(mu, logvar, mu_p, logvar_p):
    return half_sum(np.exp(logvar) + mu**2 - 1 - logvar) + 0.0 * np.sum(mu_p + logvar_p)


@kl.mistake(hint="The distance of the means is divided by sigma_p^2 as well.")
def means_not_scaled(mu, logvar, mu_p, logvar_p):
    return half_sum(np.exp(logvar - logvar_p) + (mu - mu_p) ** 2 - 1 + logvar_p - logvar)


@kl.mistake(
    hint="The logarithm of the two widths, log sigma_p^2 - log sigma^2, has the wrong sign."
)
def logarithms_swapped(mu, logvar, mu_p, logvar_p):
    return half_sum((np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar - logvar_p)


@kl.mistake(hint="The -1 of each dimension is missing: equal normals must give 0.")
def one_forgotten(mu, logvar, mu_p, logvar_p):
    return half_sum((np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) + logvar_p - logvar)


@kl.mistake(hint="One number for each example: sum over the dimensions only.")
def one_number(mu, logvar, mu_p, logvar_p):
    return np.sum(
        half_sum((np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar_p - logvar)
    )


@kl.variant
def by_standard_deviations(mu, logvar, mu_p, logvar_p):
    sigma, sigma_p = np.exp(logvar / 2), np.exp(logvar_p / 2)
    one = np.log(sigma_p / sigma) + (sigma**2 + (mu - mu_p) ** 2) / (2 * sigma_p**2) - 0.5
    return one.sum(axis=-1)


@kl.variant
def after_moving_p_to_the_origin(mu, logvar, mu_p, logvar_p):
    shift, ratio = (mu - mu_p) / np.exp(logvar_p / 2), logvar - logvar_p
    return np.sum(shift**2 + np.exp(ratio) - 1 - ratio, axis=1) / 2


# -------------------------------------------------------------------------------------------
# reconstruction, exactly

fit = Exercise(
    "vae/07/expected_log_likelihood",
    target="minigen.vae.linear:expected_log_likelihood",
    minutes=15,
    prompt="""
    The reconstruction term of the ELBO where it has a formula: the mean of log N(x; z w + b, std^2
    I) over z ~ N(mu, diag exp(logvar)), for each example, in nats.

    x has shape (N, D_x), mu and logvar (N, D_z), w (D_z, D_x), b (D_x,); std is a positive number,
    a standard deviation. The result has shape (N,). No random draws: the mean over z can be taken
    on paper.
    """,
    hints=[
        (
            "Only the squared residual depends on z. Its mean is the square at the mean of z, plus"
            " what the spread of z adds."
        ),
        (
            "E|x - zw - b|^2 = |x - mu w - b|^2 + sum over j of sigma_j^2 |w_j|^2, where w_j is row"
            " j of w."
        ),
        (
            "-0.5 * (D_x * np.log(2 * np.pi * std**2) + (residual + spread) / std**2), spread being"
            " np.exp(logvar) times row sums."
        ),
    ],
)


def linear(rng, n=4, d_z=2, d_x=3):
    shapes = (n, d_x), (n, d_z), (n, d_z), (d_z, d_x), (d_x,)
    return [*(rng.standard_normal(shape) for shape in shapes), float(rng.uniform(0.5, 2.0))]


@fit.case(
    points=2,
    expect={"value": [-0.5 * np.log(2 * np.pi) - 0.5 * np.log(4.0) - 0.5 * (9.0 + 8.0) / 4.0]},
)
def one_code_by_hand(impl, rng):
    """w = 2, b = 1, x = 6, z ~ N(1, 2), std = 2: the residual 3, squared 9, the spread of 2z is 4 *
    2 = 8."""

    def one(v):
        return np.array([[v]])

    return {"value": impl(one(6.0), one(1.0), one(np.log(2.0)), one(2.0), np.array([1.0]), 2.0)}


@fit.case(points=2)
def random_models(impl, rng):
    return {"value": impl(*linear(rng))}


@fit.case(points=2)
def more_codes_than_pixels(impl, rng):
    return {"value": impl(*linear(rng, n=3, d_z=5, d_x=2))}


@fit.case(points=1, property="with w = 0 the code does not matter", expect={"gap": 0.0})
def no_weights(impl, rng):
    x, mu, logvar, w, b, std = linear(rng)
    flat = -0.5 * np.sum((x - b) ** 2, axis=1) / std**2 - 1.5 * np.log(2 * np.pi * std**2)
    return {"gap": impl(x, mu, logvar, 0 * w, b, std) - flat}


@fit.case(
    points=2, property="its slope in logvar is -sigma_j^2 |w_j|^2 / (2 std^2)", expect={"gap": 0.0}
)
def slope_in_the_spread(impl, rng):
    x, mu, logvar, w, b, std = linear(rng)
    slope = grad(lambda v: np.sum(impl(x, mu, v, w, b, std)))(logvar)
    return {"gap": slope + 0.5 * np.exp(logvar) * np.sum(w**2, axis=1) / std**2}


def put_together(x, mu, logvar, w, b, std, spread=None):
    residual = np.sum((x - mu @ w - b) ** 2, axis=1)
    spread = np.exp(logvar) @ np.sum(w**2, axis=1) if spread is None else spread
    return -0.5 * (x.shape[1] * np.log(2 * np.pi * std**2) + (residual + spread) / std**2)


@fit.mistake(hint="The spread of z makes x vary too: this is log p at the mean of z only.")
def at_the_mean(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, b, std, spread=0.0 * np.sum(logvar))


@fit.mistake(hint="A log-likelihood, not a cost: the whole has a minus before it.")
def cost(x, mu, logvar, w, b, std):
    return -put_together(x, mu, logvar, w, b, std)


@fit.mistake(hint="The variance of z is exp(logvar); its square root does not belong here.")
def sigma_for_variance(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, b, std, np.exp(0.5 * logvar) @ np.sum(w**2, axis=1))


@fit.mistake(
    hint="Sum over the numbers of x, do not average: the KL beside this term is a sum as well."
)
def mean_over_x(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, b, std) / x.shape[1]


@fit.mistake(hint="The spread makes the fit worse: it is added to the squared residual.")
def spread_subtracted(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, b, std, -np.exp(logvar) @ np.sum(w**2, axis=1))


@fit.mistake(hint="std is a standard deviation: its square divides, and stands in the logarithm.")
def std_for_variance(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, b, np.sqrt(std))


@fit.mistake(hint="The weights enter the variance squared: the variance of z w is sigma^2 w^2.")
def weights_not_squared(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, b, std, np.exp(logvar) @ np.sum(np.abs(w), axis=1))


@fit.mistake(hint="The constant -D_x/2 log(2 pi std^2) of the normal density is missing.")
def without_the_constant(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, b, std) + 0.5 * x.shape[1] * np.log(2 * np.pi * std**2)


@fit.mistake(hint="There is one constant for each number of x, so D_x of them.")
def one_constant(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, b, std) + 0.5 * (x.shape[1] - 1) * np.log(
        2 * np.pi * std**2
    )


@fit.mistake(hint="The offset b is part of the mean of x.")
def offset_forgotten(x, mu, logvar, w, b, std):
    return put_together(x, mu, logvar, w, 0 * b, std)


@fit.variant
def second_moments(x, mu, logvar, w, b, std):
    """E|c - zw|^2 = |c|^2 - 2 c.(mu w) + E|zw|^2, c = x - b."""
    c, gram = x - b, w @ w.T
    square = np.einsum("ni,ij,nj->n", mu, gram, mu) + np.exp(logvar) @ np.diag(gram)
    expected = np.sum(c**2, axis=1) - 2 * np.sum(c * (mu @ w), axis=1) + square
    return -0.5 * expected / std**2 - x.shape[1] * np.log(std * np.sqrt(2 * np.pi))


@fit.variant
def pixel_by_pixel(x, mu, logvar, w, b, std):
    variance = np.exp(logvar) @ w**2
    log_p = (
        -0.5 * ((x - b - mu @ w) ** 2 + variance) / std**2 - 0.5 * np.log(2 * np.pi) - np.log(std)
    )
    return np.sum(log_p, axis=1)
