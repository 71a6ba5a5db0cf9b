"""Exercises on flows in a VAE: the gap of independent codes, a flow as posterior and as prior."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

gap = Exercise(
    "flow/13/independent_gap",
    target="minigen.flow.vae_flow:independent_gap",
    minutes=10,
    prompt=r"""
    The posterior of the codes is a Gaussian with the precision matrix $P$, the inverse of its
    covariance. Among the Gaussians with independent coordinates, the one with the posterior's mean
    and the variances $1/P_{jj}$ has the smallest $\mathrm{KL}(q \| \mathrm{posterior})$. Return
    this smallest divergence, in nats.

    `precision` has shape $(N, D, D)$, one symmetric positive definite matrix for each of $N$
    posteriors; the result has shape $(N,)$. It must be right for $D = 400$ and entries of 1000,
    where the determinant overflows.
    """,
    hints="""
    Insert the variances 1/P_jj into the KL divergence of two Gaussians with the same mean. The
    trace term then equals D and cancels.

    The divergence is half of the sum of log P_jj, minus half of log det P. `np.linalg.slogdet`
    returns a sign and the logarithm of the absolute determinant, without overflow.

        diagonal = np.diagonal(precision, axis1=1, axis2=2)
        return 0.5 * (np.sum(np.log(diagonal), axis=1) - np.linalg.slogdet(precision)[1])
    """,
)


def precisions(rng, n=4, d=3):
    """Symmetric positive definite matrices (n, d, d)."""
    a = rng.standard_normal((n, d, d))
    return np.einsum("nij,nkj->nik", a, a) + 0.2 * np.eye(d)


@gap.case(
    points=2, kind="equation", fixed=True, expect={"gap": [0.5 * np.log(4 / 3), 0.5 * np.log(1.6)]}
)
def two_codes(impl, rng):
    """P = ((2, 1), (1, 2)): half of log 4/3. P = ((4, 3), (3, 6)): half of log 24/15."""
    return {"gap": impl(np.array([[[2.0, 1.0], [1.0, 2.0]], [[4.0, 3.0], [3.0, 6.0]]]))}


@gap.case(points=2, kind="equation")
def random_posteriors(impl, rng):
    return {"gap": impl(precisions(rng))}


@gap.case(points=2, kind="equation", fixed=True, property=True, expect={"change": 0.0}, atol=1e-9)
def other_units(impl, rng):
    """Codes in other units, z_j / c_j, leave the divergence as it is."""
    P, c = precisions(rng), rng.uniform(0.2, 5, 3)
    return {"change": impl(P * c[:, None] * c) - impl(P)}


@gap.case(
    points=2, kind="equation", property=True, expect={"minus the closed form": 0.0}, atol=1e-9
)
def closed_form(impl, rng):
    """The KL divergence of two Gaussians, by covariances, one posterior after the other."""
    P = precisions(rng, 3, 5)
    found = []
    for matrix in P:
        S = np.diag(1 / np.diag(matrix))
        log_dets = np.linalg.slogdet(np.linalg.inv(matrix))[1] - np.linalg.slogdet(S)[1]
        found.append(0.5 * (np.trace(np.dot(matrix, S)) - 5 + log_dets))
    return {"minus the closed form": impl(P) - np.array(found)}


@gap.case(
    points=1,
    kind="extremes",
    fixed=True,
    property=True,
    expect={"gap": [100 * np.log(4 / 3), 0.0]},
    rtol=1e-9,
    atol=1e-6,
)
def many_codes(impl, rng):
    """400 codes: 200 pairs with P = 500 ((2, 1), (1, 2)), or independent ones with P = 0.001 I."""
    pairs = 500.0 * np.kron(np.eye(200), np.array([[2.0, 1.0], [1.0, 2.0]]))
    with np.errstate(all="ignore"):
        return {"gap": impl(np.stack([pairs, 1e-3 * np.eye(400)]))}


posterior = Exercise(
    "flow/13/flow_posterior",
    target="minigen.flow.vae_flow:flow_posterior",
    minutes=15,
    prompt=r"""
    One draw $z$ of a posterior $q(z \mid x)$, a Gaussian that is transformed by a flow, and an
    estimate of $\mathrm{KL}(q(z \mid x) \| N(0, I))$, in nats, from this one draw. Return the pair
    of $z$ and the estimate, a tuple. Both must be differentiable.

    `mu` and `logvar`, the logarithm of $\sigma^2$, are the outputs of an encoder for $N$ examples;
    `eps` is the noise from $N(0, I)$ to use. All three, and $z$, have shape $(N, D)$; the
    estimate has shape $(N,)$. `bijection.forward` takes points $(N, D)$ and returns their images
    $(N, D)$ and $\log |\det|$ $(N,)$; pass it `context` as a second argument, which may be `None`.
    `logvar` may be as low as $-2000$, where $\sigma$ underflows to 0.
    """,
    hints="""
    The divergence is the mean of log q(z|x) - log p(z). Compute both logarithms at the z that was
    drawn. log q(z|x) is the Gaussian's log-density at z0, minus the log-determinant of the flow.

    kl = log N(z0; mu, sigma²) - log |det dz/dz0| - log N(z; 0, I), with z0 = mu + sigma eps. The
    square in the first logarithm is that of eps itself.

        z0 = mu + np.exp(logvar / 2) * eps
        z, log_det = bijection.forward(z0, context)
        log_q0 = -0.5 * np.sum(eps**2 + logvar, axis=1)  # log(2 pi) is in both, and cancels
        log_prior = -0.5 * np.sum(z**2, axis=1)
        return z, log_q0 - log_det - log_prior
    """,
)


class Straight:
    """x = scale z + shift in every coordinate."""

    def __init__(self, scale, shift):
        self.scale, self.shift = scale, shift

    def forward(self, z, context=None):
        n, d = np.shape(z)
        return self.scale * z + self.shift, d * np.log(self.scale) * np.ones(n)


class Bent:
    """x = z + tanh(z)/2 in every coordinate, after a shift by the context, if there is one."""

    def forward(self, z, context=None):
        z = z if context is None else z + np.sum(context, axis=1, keepdims=True)
        h = np.tanh(z)
        return z + 0.5 * h, np.sum(np.log(1.5 - 0.5 * h**2), axis=1)


class Sheared:
    """x = (z1, z2 - z1/2): the area stays."""

    def forward(self, z, context=None):
        return np.stack([z[:, 0], z[:, 1] - 0.5 * z[:, 0]], axis=1), np.zeros(len(z))


def encoded(rng, n=5, d=3):
    """mu, logvar and eps."""
    return rng.standard_normal((n, d)), rng.uniform(-3, 1, (n, d)), rng.standard_normal((n, d))


@posterior.case(
    points=2,
    kind="equation",
    expect={
        "z": [[7.0, -3.5]],
        "kl": [-0.625 - np.log(2) - 2 * np.log(3) + 0.5 * (49 + 12.25)],
    },
)
def one_draw(impl, rng):
    """sigma = (2, 1) and eps = (0.5, -1): z0 = (2, -1.5). The flow trebles it and adds 1."""
    logvar = np.array([[2 * np.log(2), 0.0]])
    z, kl = impl(np.array([[1.0, -0.5]]), logvar, np.array([[0.5, -1.0]]), Straight(3.0, 1.0))
    return {"z": z, "kl": kl}


@posterior.case(
    points=1,
    kind="equation",
    expect={"z": [[1.5, -1.25]], "kl": [0.5 * (2.25 + 1.5625 - 9 - 6.25) + 2 * np.log(2)]},
)
def a_negative_estimate(impl, rng):
    """mu = 0, sigma = 1, a flow that halves: an unlikely draw is moved to a likely place."""
    zero = np.zeros((1, 2))
    z, kl = impl(zero, zero, np.array([[3.0, -2.5]]), Straight(0.5, 0.0))
    return {"z": z, "kl": kl}


@posterior.case(points=2, kind="equation")
def bent_draws(impl, rng):
    z, kl = impl(*encoded(rng), Bent())
    return {"z": z, "kl": kl}


@posterior.case(points=2, kind="equation", fixed=True, property=True, expect={"z": 0.0, "kl": 0.0})
def another_gaussian(impl, rng):
    """A flow that only scales and shifts makes another Gaussian: same draw, same estimate."""
    mu, logvar, eps = encoded(rng)
    z, kl = impl(mu, logvar, eps, Straight(1.7, -0.4))
    same_z, same_kl = impl(1.7 * mu - 0.4, logvar + 2 * np.log(1.7), eps, Straight(1.0, 0.0))
    return {"z": z - same_z, "kl": kl - same_kl}


@posterior.case(
    points=2,
    kind="equation",
    fixed=True,
    property=True,
    expect={"log p(x|z) - kl, less log p(x)": 0.0},
)
def the_true_posterior(impl, rng):
    """x = z1 + z2 + noise of variance 1, x = 2.1: where q is the true posterior, each draw gives
    log p(x|z) - kl = log p(x)."""
    mu, variance = np.array([[0.7, 1.05]]), np.array([[2 / 3, 0.5]])
    eps = rng.standard_normal((6, 2))
    ones = np.ones((6, 1))
    z, kl = impl(ones * mu, ones * np.log(variance), eps, Sheared())
    log_px_z = -0.5 * (2.1 - z[:, 0] - z[:, 1]) ** 2 - 0.5 * np.log(2 * np.pi)
    log_px = -0.5 * 2.1**2 / 3 - 0.5 * np.log(2 * np.pi * 3)
    return {"log p(x|z) - kl, less log p(x)": log_px_z - kl - log_px}


@posterior.case(points=2, kind="equation")
def handed_on(impl, rng):
    """A flow that depends on a context (N, 4)."""
    context = 0.3 * rng.standard_normal((5, 4))
    z, kl = impl(*encoded(rng), Bent(), context)
    return {"z": z, "kl": kl}


@posterior.case(points=2, kind="gradient")
def gradients_of_the_draw(impl, rng):
    mu, logvar, eps = encoded(rng)

    def total(mu, logvar):
        z, kl = impl(mu, logvar, eps, Bent())
        return np.sum(z**3) + np.sum(kl)

    return {
        "gradient with respect to mu": grad(lambda a: total(a, logvar))(mu),
        "gradient with respect to logvar": grad(lambda a: total(mu, a))(logvar),
    }


@posterior.case(points=1, kind="extremes", expect={"z": [[3.0, -4.0]], "kl": [1996.375 + 12.5]})
def nearly_a_point(impl, rng):
    """logvar = -2000 and -1999: sigma underflows to 0, and the noise has no effect on z."""
    logvar, eps = np.array([[-2000.0, -1999.0]]), np.array([[2.0, -1.5]])
    z, kl = impl(np.array([[3.0, -4.0]]), logvar, eps, Straight(1.0, 0.0))
    slope = grad(lambda a: np.sum(impl(np.array([[3.0, -4.0]]), a, eps, Straight(1.0, 0.0))[1]))
    return {"z": z, "kl": kl, "gradient with respect to logvar": slope(logvar)}


prior = Exercise(
    "flow/13/flow_prior",
    target="minigen.flow.vae_flow:flow_prior",
    minutes=12,
    prompt=r"""
    A VAE whose prior is a flow: a code of the prior is `bijection.forward(u)` with $u$ from
    $N(0, I)$. The posterior is the Gaussian of the encoder, without a flow. Return the pair of a
    draw $z$ of the posterior and an estimate of
    $\mathrm{KL}(\mathrm{posterior} \| \mathrm{prior})$, in nats, from this one draw, a tuple. Both
    must be differentiable.

    `mu` and `logvar`, the logarithm of $\sigma^2$, are the outputs of the encoder for $N$ examples;
    `eps` is the noise from $N(0, I)$ to use. All three, and $z$, have shape $(N, D)$; the
    estimate has shape $(N,)$. `bijection.forward` and `bijection.inverse` take points $(N, D)$ and
    return their images $(N, D)$ and the $\log |\det|$ $(N,)$ of the direction that was called.
    `logvar` may be as low as $-2000$, where $\sigma$ underflows to 0.
    """,
    hints="""
    The divergence is the mean of log q(z|x) - log p(z). The density of the prior at z needs the u
    that the flow maps to z.

    log p(z) = log N(u; 0, I) + log |det du/dz|, with u and the log-determinant from
    bijection.inverse(z). The square in log q is that of eps itself.

        z = mu + np.exp(logvar / 2) * eps
        u, log_det = bijection.inverse(z)
        log_q = -0.5 * np.sum(eps**2 + logvar, axis=1)  # log(2 pi) is in both, and cancels
        log_prior = -0.5 * np.sum(u**2, axis=1) + log_det
        return z, log_q - log_prior
    """,
)


class BothWays:
    """z = scale u + shift in every coordinate, and back."""

    def __init__(self, scale, shift):
        self.scale, self.shift = scale, shift

    def forward(self, z, context=None):
        n, d = np.shape(z)
        return self.scale * z + self.shift, d * np.log(self.scale) * np.ones(n)

    def inverse(self, x, context=None):
        n, d = np.shape(x)
        return (x - self.shift) / self.scale, -d * np.log(self.scale) * np.ones(n)


class Sinh:
    """z = sinh(u) in every coordinate, and back."""

    def forward(self, z, context=None):
        return np.sinh(z), np.sum(np.log(np.cosh(z)), axis=1)

    def inverse(self, x, context=None):
        return np.arcsinh(x), -0.5 * np.sum(np.log(1 + x**2), axis=1)


@prior.case(
    points=2,
    kind="equation",
    expect={
        "z": [[2.0, -1.5]],
        "kl": [-0.625 - np.log(2) + 2 * np.log(3) + 0.5 * (1 / 9 + 6.25 / 9)],
    },
)
def one_draw_of_the_posterior(impl, rng):
    """sigma = (2, 1), eps = (0.5, -1): z = (2, -1.5). The prior is 3 u + 1: u = (1/3, -2.5/3)."""
    logvar = np.array([[2 * np.log(2), 0.0]])
    z, kl = impl(np.array([[1.0, -0.5]]), logvar, np.array([[0.5, -1.0]]), BothWays(3.0, 1.0))
    return {"z": z, "kl": kl}


@prior.case(
    points=1,
    kind="equation",
    expect={"z": [[3.0, -2.5]], "kl": [-0.375 * (9 + 6.25) + 2 * np.log(2)]},
)
def a_draw_far_from_the_mean(impl, rng):
    """mu = 0, sigma = 1 and the prior 2 u: the prior has the higher density at a distant draw."""
    zero = np.zeros((1, 2))
    z, kl = impl(zero, zero, np.array([[3.0, -2.5]]), BothWays(2.0, 0.0))
    return {"z": z, "kl": kl}


@prior.case(points=2, kind="equation")
def curved_priors(impl, rng):
    z, kl = impl(*encoded(rng), Sinh())
    return {"z": z, "kl": kl}


@prior.case(points=2, kind="equation", property=True, expect={"kl": 0.0, "z": 0.0}, atol=1e-9)
def a_gaussian_prior(impl, rng):
    """With the prior 1.7 u - 0.4, each draw's estimate is log q(z) - log N(z; -0.4, 1.7²)."""
    mu, logvar, eps = encoded(rng)
    z, kl = impl(mu, logvar, eps, BothWays(1.7, -0.4))
    log_q = np.sum(-0.5 * (z - mu) ** 2 / np.exp(logvar) - 0.5 * logvar, axis=1)
    log_p = np.sum(-0.5 * ((z + 0.4) / 1.7) ** 2 - np.log(1.7), axis=1)
    return {"kl": kl - (log_q - log_p), "z": z - (mu + np.exp(logvar / 2) * eps)}


@prior.case(points=1, kind="equation", fixed=True, property=True, expect={"kl": 0.0}, atol=1e-9)
def the_prior_itself(impl, rng):
    """Where posterior and prior are the same Gaussian, every draw gives 0."""
    ones = np.ones((6, 2))
    eps = rng.standard_normal((6, 2))
    return {"kl": impl(0.3 * ones, 2 * np.log(0.8) * ones, eps, BothWays(0.8, 0.3))[1]}


@prior.case(points=2, kind="gradient")
def gradients_through_the_prior(impl, rng):
    mu, logvar, eps = encoded(rng)

    def total(mu, logvar):
        z, kl = impl(mu, logvar, eps, Sinh())
        return np.sum(z**3) + np.sum(kl)

    return {
        "gradient with respect to mu": grad(lambda a: total(a, logvar))(mu),
        "gradient with respect to logvar": grad(lambda a: total(mu, a))(logvar),
    }


@prior.case(points=1, kind="extremes", expect={"z": [[3.0, -4.0]], "kl": [1996.375 + 12.5]})
def a_posterior_that_is_nearly_a_point(impl, rng):
    """logvar = -2000 and -1999: sigma underflows to 0, and the noise has no effect on z."""
    logvar, eps = np.array([[-2000.0, -1999.0]]), np.array([[2.0, -1.5]])
    z, kl = impl(np.array([[3.0, -4.0]]), logvar, eps, BothWays(1.0, 0.0))
    slope = grad(lambda a: np.sum(impl(np.array([[3.0, -4.0]]), a, eps, BothWays(1.0, 0.0))[1]))
    return {"z": z, "kl": kl, "gradient with respect to logvar": slope(logvar)}
