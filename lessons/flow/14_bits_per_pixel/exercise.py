"""The exercise of bits per pixel: the bound of dequantization, and the length of a code."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

bound = Exercise(
    "flow/14/dequantization_bits",
    target="minigen.metrics.likelihood:dequantization_bits",
    minutes=15,
    prompt=r"""
    Return the tuple `(bound, code)` of two arrays $(N,)$, in bits per dimension. `bound` is the
    mean of $\log q(u \mid x) - \log p(x + u)$ over an example's $K$ values of the noise $u$. `code`
    is minus the logarithm of $P(x)$, which is estimated by the mean of $p(x + u)/q(u \mid x)$.

    `log_p` $(N, K)$ holds $\log p(x + u)$ in nats; `log_q`, $(N, K)$ or a single number,
    $\log q(u \mid x)$. `dims` is the number of components of an example. Log-densities of ±6000
    must not overflow or underflow. It need not be differentiable, so you may use plain NumPy.
    """,
    hints="""
    Both numbers are made from the same log-ratios. Which comes first in each, the logarithm or the
    mean? And nats become bits per dimension by one division.

    With r = log p - log q: bound = -mean(r) / (D log 2) and code = -log(mean(exp(r))) / (D log 2),
    means over the K values. Subtract the largest r of an example before exp, and add it afterwards.

        r = log_p - log_q
        top = np.max(r, axis=1, keepdims=True)
        log_mean = top[:, 0] + np.log(np.mean(np.exp(r - top), axis=1))
        return -np.mean(r, axis=1) / (dims * np.log(2)), -log_mean / (dims * np.log(2))
    """,
)


@bound.case(points=2, kind="equation", expect={"bound": [3.5], "code": [np.log2(64 / 9)]})
def two_values_of_the_noise(impl, rng):
    """p is 1/4 at one value and 1/32 at the other: logarithms of -2 and -5 bits, and a mean of
    9/64."""
    bits, code = impl(np.log(np.array([[1 / 4, 1 / 32]])))
    return {"bound": bits, "code": code}


@bound.case(points=1, kind="equation", expect={"bound": [1.0, 2.0, 3.0], "code": [1.0, 2.0, 3.0]})
def flat_on_each_level(impl, rng):
    """p is 1/2, 1/4 and 1/8 at all four values of the noise: both numbers are 1, 2 and 3."""
    bits, code = impl(np.log(np.array([[1 / 2], [1 / 4], [1 / 8]])) * np.ones((3, 4)))
    return {"bound": bits, "code": code}


@bound.case(points=2, kind="equation")
def noise_of_another_density(impl, rng):
    """log_q of shape (N, K), and of 3 dimensions."""
    log_p, log_q = rng.standard_normal((2, 5, 7))
    bits, code = impl(log_p, log_q, 3)
    return {"bound": bits, "code": code}


@bound.case(points=2, kind="equation", property=True, expect={"gap": 0.0, "code": 0.0})
def noise_in_proportion(impl, rng):
    """Where q is proportional to p, the bound is met: the ratio P(x) is the same at all values."""
    log_q, log_mass = rng.standard_normal((4, 6)), rng.standard_normal(4)
    bits, code = impl(log_q + log_mass[:, None], log_q, 2)
    return {"gap": bits - code, "code": code + log_mass / (2 * np.log(2))}


@bound.case(points=1, kind="shapes", property=True, expect={"gap": 0.0})
def one_value_of_the_noise(impl, rng):
    """With K = 1 both numbers are the same; log_q is the number 0.5."""
    bits, code = impl(rng.standard_normal((6, 1)), 0.5, 4)
    return {"gap": bits - code, "bound": bits}


@bound.case(
    points=2, kind="extremes", expect={"code": [3000.0, -3000.0], "bound": [3000.0, -3000.0]}
)
def an_image(impl, rng):
    """Log-densities of 6000 log 2 below and above 0, in 2 dimensions."""
    log_p = np.array([[-6000.0, -6000.0, -6000.0], [6000.0, 6000.0, 6000.0]]) * np.log(2)
    bits, code = impl(log_p, 0.0, 2)
    return {"bound": bits, "code": code}


@bound.case(points=1, kind="extremes")
def values_far_apart(impl, rng):
    """One value of the noise has nearly all of the probability."""
    bits, code = impl(np.array([[-2000.0, -7.0, -900.0], [0.0, 800.0, -800.0]]))
    return {"bound": bits, "code": code}
