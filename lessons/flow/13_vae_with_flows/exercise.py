"""The exercise on a posterior that is bent by a flow: a draw of it, and what it costs."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

posterior = Exercise(
    "flow/13/flow_posterior",
    target="minigen.flow.vae_flow:flow_posterior",
    minutes=15,
    prompt="""
    One draw z of a posterior q(z|x) that is a Gaussian pushed through a flow, and an estimate of
    KL(q(z|x) || N(0, I)), in nats, from this one draw. Return the pair of z and the estimate, a
    tuple. Gradients are taken.

    mu and logvar, the logarithm of sigma², are what an encoder says of each of N examples; eps is
    the noise from N(0, I) to be used. All three have shape (N, D), and so has z; the estimate has
    shape (N,). bijection.forward takes points (N, D) and returns the moved points (N, D) and the
    log |det| (N,) of each; a context is handed on to it as a second argument, which may be None.
    logvar may be as low as -2000, where sigma is 0 on a computer.
    """,
    hints="""
    The divergence is the mean of log q(z|x) - log p(z). Take both logarithms at the z that was
    drawn: q is the Gaussian's density at z0, less what the flow stretches.

    kl = log N(z0; mu, sigma²) - log |det dz/dz0| - log N(z; 0, I), with z0 = mu + sigma eps. The
    square in the first logarithm is that of eps itself.

        z0 = mu + np.exp(logvar / 2) * eps
        z, log_det = bijection.forward(z0, context)
        log_q0 = -0.5 * np.sum(eps**2 + logvar + np.log(2 * np.pi), axis=1)
        log_prior = -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=1)
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
    """mu = 0, sigma = 1, a flow that halves: an unlikely draw is brought to a likely place."""
    zero = np.zeros((1, 2))
    z, kl = impl(zero, zero, np.array([[3.0, -2.5]]), Straight(0.5, 0.0))
    return {"z": z, "kl": kl}


@posterior.case(points=2, kind="equation")
def bent_draws(impl, rng):
    z, kl = impl(*encoded(rng), Bent())
    return {"z": z, "kl": kl}


@posterior.case(points=2, kind="equation", property=True, expect={"z": 0.0, "kl": 0.0})
def another_gaussian(impl, rng):
    """A flow that only scales and shifts makes another Gaussian: same draw, same estimate."""
    mu, logvar, eps = encoded(rng)
    z, kl = impl(mu, logvar, eps, Straight(1.7, -0.4))
    same_z, same_kl = impl(1.7 * mu - 0.4, logvar + 2 * np.log(1.7), eps, Straight(1.0, 0.0))
    return {"z": z - same_z, "kl": kl - same_kl}


@posterior.case(
    points=2, kind="equation", property=True, expect={"log p(x|z) - kl, less log p(x)": 0.0}
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
    """A flow that is told a context (N, 4)."""
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
        "gradient in mu": grad(lambda a: total(a, logvar))(mu),
        "gradient in logvar": grad(lambda a: total(mu, a))(logvar),
    }


@posterior.case(points=1, kind="extremes", expect={"z": [[3.0, -4.0]], "kl": [1996.375 + 12.5]})
def nearly_a_point(impl, rng):
    """logvar = -2000 and -1999: sigma is 0 on a computer, and the noise has no effect on z."""
    logvar, eps = np.array([[-2000.0, -1999.0]]), np.array([[2.0, -1.5]])
    z, kl = impl(np.array([[3.0, -4.0]]), logvar, eps, Straight(1.0, 0.0))
    slope = grad(lambda a: np.sum(impl(np.array([[3.0, -4.0]]), a, eps, Straight(1.0, 0.0))[1]))
    return {"z": z, "kl": kl, "gradient in logvar": slope(logvar)}
