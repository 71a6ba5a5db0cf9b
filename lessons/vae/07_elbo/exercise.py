"""Exercises on terms of the ELBO with a closed form: a KL divergence of two Gaussians, and the
reconstruction term of a linear decoder."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

kl = Exercise(
    "vae/07/kl_gaussians",
    target="minigen.vae.linear:kl_gaussians",
    minutes=15,
    prompt=r"""
    Return $\mathrm{KL}(q \| p)$ of two Gaussians, $q = N(\mu, \mathrm{diag} \exp(\mathrm{logvar}))$
    and $p = N(\mu_p, \mathrm{diag} \exp(\mathrm{logvar}_p))$, for each example, in nats.

    The four arguments have shape $(N, D)$; `logvar` and `logvar_p` are logarithms of variances. The
    result has shape $(N,)$: the $D$ dimensions are independent, so their divergences add up. It is
    0 where the two Gaussians are equal and positive elsewhere. The result must be differentiable
    with respect to all four arguments. `logvar` may be $-1000$, where $\exp$ gives 0 in floating
    point.
    """,
    hints="""
    The divergences of the dimensions add up. In one dimension, take the expectation of log q(z) -
    log p(z) under the first Gaussian, q.

    Half of (sigma^2 + (mu - mu_p)^2) / sigma_p^2 - 1 + log sigma_p^2 - log sigma^2.

        distance = (mu - mu_p) ** 2
        return 0.5 * np.sum(
            (np.exp(logvar) + distance) * np.exp(-logvar_p) - 1 + logvar_p - logvar, axis=1
        )
    """,
)


@kl.case(
    points=1,
    kind="equation",
    expect={"kl": [0.5 * (2 * np.log(2.0) - 0.5), 0.5 * (4.0 - 2 * np.log(2.0))]},
)
def by_hand(impl, rng):
    """N(0, 1) || N(1, 4): half of (1 + 1)/4 - 1 + log 4. N(1, 4) || N(0, 1): half of (4 + 1)/1 - 1
    - log 4."""
    mu, logvar = np.array([[0.0], [1.0]]), np.log([[1.0], [4.0]])
    return {"kl": impl(mu, logvar, mu[::-1], logvar[::-1])}


@kl.case(points=1, kind="equation", fixed=True, property=True, expect={"kl": [0.0, 0.0, 0.0]})
def itself(impl, rng):
    """The divergence of a distribution from itself is 0."""
    mu, logvar = rng.standard_normal((2, 3, 4))
    return {"kl": impl(mu, logvar, mu, logvar)}


@kl.case(points=2, kind="equation")
def random_pairs(impl, rng):
    return {"kl": impl(*rng.standard_normal((4, 5, 3)))}


@kl.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def same_change_of_both(impl, rng):
    """The same shift and scaling of both Gaussians does not change the divergence."""
    mu, logvar, mu_p, logvar_p = rng.standard_normal((4, 5, 3))
    return {
        "gap": (
            impl(3 * mu + 1, logvar + np.log(9.0), 3 * mu_p + 1, logvar_p + np.log(9.0))
            - impl(mu, logvar, mu_p, logvar_p)
        )
    }


@kl.case(points=2, kind="gradient", property=True, expect={"gap": 0.0})
def slope(impl, rng):
    """The gradient with respect to mu_p is (mu_p - mu) / sigma_p^2."""
    mu, logvar, mu_p, logvar_p = rng.standard_normal((4, 5, 3))
    return {
        "gap": (
            grad(lambda m: np.sum(impl(mu, logvar, m, logvar_p)))(mu_p)
            - (mu_p - mu) * np.exp(-logvar_p)
        )
    }


@kl.case(points=1, kind="gradient")
def gradients(impl, rng):
    """With respect to each of the four arguments."""
    arguments = list(rng.standard_normal((4, 5, 3)))

    def slope(i):
        return grad(lambda a: np.sum(impl(*arguments[:i], a, *arguments[i + 1 :])))(arguments[i])

    return {
        f"grad of {name}": slope(i) for i, name in enumerate(("mu", "logvar", "mu_p", "logvar_p"))
    }


@kl.case(
    points=1,
    kind="extremes",
    fixed=True,
    property=True,
    expect={
        "kl": [499.5 + 499.5],
        "slope with respect to mu": 0.0,
        "slope with respect to logvar": [[-0.5, 0.0]],
    },
)
def collapsed_and_boundless(impl, rng):
    """With equal means, variances e^-1000 and 1, and variances 1 and e^1000: each dimension has the
    divergence (1000 - 1)/2. The gradient is 0 in mu, and -1/2 in the first logvar."""
    mu, logvar, logvar_p = np.ones((1, 2)), np.array([[-1000.0, 0.0]]), np.array([[0.0, 1000.0]])
    slope_in_mu = grad(lambda m: np.sum(impl(m, logvar, mu.copy(), logvar_p)))
    slope_in_logvar = grad(lambda v: np.sum(impl(mu, v, mu, logvar_p)))
    return {
        "kl": impl(mu, logvar, mu, logvar_p),
        "slope with respect to mu": slope_in_mu(mu),
        "slope with respect to logvar": slope_in_logvar(logvar) + [[0.0, 0.5]],
    }


fit = Exercise(
    "vae/07/expected_log_likelihood",
    target="minigen.vae.linear:expected_log_likelihood",
    minutes=15,
    prompt=r"""
    Return the reconstruction term of the ELBO for a linear decoder: the expectation of
    $\log N(x; z w + b, \mathrm{std}^2\, I)$ over
    $z \sim N(\mu, \mathrm{diag} \exp(\mathrm{logvar}))$, for each example, in nats.

    `x` has shape $(N, D_x)$, `mu` and `logvar` $(N, D_z)$, `w` $(D_z, D_x)$, `b` $(D_x,)$. `std` is
    a standard deviation, a positive number that may be as small as 0.001. The result has shape
    $(N,)$. Use no random draws: the expectation over $z$ has a closed form. The result must be
    differentiable with respect to `mu`, `logvar`, `w` and `b`, even where the residual is 0.
    """,
    hints="""
    Only the squared residual depends on z. Its expectation is its value at the mean of z, plus a
    term from the variance of z.

    E|x - zw - b|^2 = |x - mu w - b|^2 + sum over j of sigma_j^2 |w_j|^2, where w_j is row j of w.

        residual = np.sum((x - (mu @ w + b)) ** 2, axis=1)
        variance = np.sum(np.exp(logvar) * np.sum(w**2, axis=1), axis=1)
        return -0.5 * (x.shape[1] * np.log(2 * np.pi * std**2) + (residual + variance) / std**2)
    """,
)


def linear(rng, n=4, d_z=2, d_x=3):
    shapes = (n, d_x), (n, d_z), (n, d_z), (d_z, d_x), (d_x,)
    return [*(rng.standard_normal(shape) for shape in shapes), float(rng.uniform(0.5, 2.0))]


@fit.case(
    points=3,
    kind="equation",
    expect={"value": [-0.5 * np.log(2 * np.pi) - 0.5 * np.log(4.0) - 0.5 * (9.0 + 8.0) / 4.0]},
)
def one_code_by_hand(impl, rng):
    """w = 2, b = 1, x = 6, z ~ N(1, 2), std = 2: the squared residual at the mean of z is 9, and
    the variance of 2z is 4 * 2 = 8."""

    def one(v):
        return np.array([[v]])

    return {"value": impl(one(6.0), one(1.0), one(np.log(2.0)), one(2.0), np.array([1.0]), 2.0)}


@fit.case(points=2, kind="equation")
def random_models(impl, rng):
    return {"value": impl(*linear(rng))}


@fit.case(points=2, kind="shapes")
def more_codes_than_pixels(impl, rng):
    return {"value": impl(*linear(rng, n=3, d_z=5, d_x=2))}


@fit.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def no_weights(impl, rng):
    """With w = 0 the result does not depend on the code."""
    x, mu, logvar, w, b, std = linear(rng)
    flat = -0.5 * np.sum((x - b) ** 2, axis=1) / std**2 - 1.5 * np.log(2 * np.pi * std**2)
    return {"gap": impl(x, mu, logvar, 0 * w, b, std) - flat}


@fit.case(points=2, kind="gradient", property=True, expect={"gap": 0.0})
def gradient_in_logvar(impl, rng):
    """The gradient with respect to logvar is -sigma_j^2 |w_j|^2 / (2 std^2)."""
    x, mu, logvar, w, b, std = linear(rng)
    slope = grad(lambda v: np.sum(impl(x, mu, v, w, b, std)))(logvar)
    return {"gap": slope + 0.5 * np.exp(logvar) * np.sum(w**2, axis=1) / std**2}


@fit.case(points=1, kind="gradient")
def all_gradients(impl, rng):
    """With respect to mu, w and b."""
    x, mu, logvar, w, b, std = linear(rng)
    return {
        "grad of mu": grad(lambda m: np.sum(impl(x, m, logvar, w, b, std)))(mu),
        "grad of w": grad(lambda w: np.sum(impl(x, mu, logvar, w, b, std)))(w),
        "grad of b": grad(lambda b: np.sum(impl(x, mu, logvar, w, b, std)))(b),
    }


@fit.case(
    points=1,
    kind="extremes",
    fixed=True,
    property=True,
    expect={"grad of mu": 0.0, "grad of logvar": [[0.0, -2e16]]},
)
def perfect_and_narrow(impl, rng):
    """The residual is 0, std = 0.001, and the codes have variances e^-1000 and 1e10. The gradient
    is 0 in mu; in logvar it is minus half of sigma_j^2 |w_j|^2 / std^2."""
    w, b, mu = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 2.0]]), np.ones(3), np.array([[3.0, 4.0]])
    x, logvar = mu @ w + b, np.array([[-1000.0, np.log(1e10)]])
    return {
        "grad of mu": grad(lambda m: np.sum(impl(x, m, logvar, w, b, 0.001)))(mu),
        "grad of logvar": grad(lambda v: np.sum(impl(x, mu, v, w, b, 0.001)))(logvar),
    }
