"""log p(x) of a latent-variable model: by quadrature, by Monte Carlo from the prior, and by importance sampling.

A model with a code z defines p(x) = ∫ p(x|z) p(z) dz (Eq. vae.08): the mean of p(x|z) over codes from the prior.
The three functions take logarithms of densities at K codes for each of N examples, (K, N), and return log p(x), (N,),
in nats. They average densities and take the logarithm last, subtracting the largest so that nothing underflows. Given
log p(x) of every example, `maximum_likelihood` compares parameters.
"""

import autograd.numpy as np
from autograd.tracer import isbox

from minigen import checks
from minigen.checks import checked, positive
from minigen.tensor import logsumexp
from minigen.types import Array


@checked(dz=positive)
def quadrature_log_likelihood(log_px_z: Array, log_pz: Array, dz: float) -> Array:
    """log of the sum over a regular grid of p(x|z) p(z) dz: (K, N) and (K, N) -> (N,), nats. Eq. vae.08

    dz is the size of a cell. Exact for a code of one or two numbers and a fine enough grid; the number of cells grows
    exponentially with the length of the code. Raises ValueError if the shapes differ, or a value is NaN or +inf.
    """
    _check_log_densities(log_px_z=log_px_z, log_pz=log_pz)
    return logsumexp(log_px_z + log_pz, axis=0) + float(np.log(dz))


def monte_carlo_log_likelihood(log_px_z: Array) -> Array:
    """log of the mean of p(x|z_k) over draws z_k of the prior p(z): (K, N) -> (N,), nats. Eq. vae.08

    The mean is unbiased for p(x); its logarithm is low on average, by half the relative variance of the mean.
    Raises ValueError if log_px_z has no shape (K, N), or holds a NaN or +inf.
    """
    _check_log_densities(log_px_z=log_px_z)
    return logsumexp(log_px_z, axis=0) - float(np.log(np.shape(log_px_z)[0]))


def importance_sampling_log_likelihood(log_px_z: Array, log_pz: Array, log_qz: Array) -> Array:
    """log of the mean of w_k = p(x|z_k) p(z_k) / q(z_k|x) over draws z_k of q(z|x): three of (K, N) -> (N,), nats.

    For every q that is positive where p(x|z) p(z) is, the mean of w is Eq. vae.08; with q = p(z|x) each w is p(x)
    itself. Raises ValueError if the shapes differ, or a value is NaN or +inf.
    """
    _check_log_densities(log_px_z=log_px_z, log_pz=log_pz, log_qz=log_qz)
    log_w = log_px_z + log_pz - log_qz  # (K, N)
    return logsumexp(log_w, axis=0) - float(np.log(np.shape(log_w)[0]))


def maximum_likelihood(log_px: Array) -> int:
    """The row of the largest likelihood: log p(x_i) of N examples under P candidates, (P, N). Eq. vae.06, Eq. vae.07

    By the sum of the logarithms; the product of the densities has its maximum in the same row, but underflows. Raises
    ValueError if log_px has no shape (P, N), or holds a NaN or +inf.
    """
    _check_log_densities(log_px=log_px)
    return int(np.argmax(np.sum(log_px, axis=1)))


def _check_log_densities(**arrays: Array) -> None:
    """ValueError unless all have one shape (K, N) and no plain one holds a NaN or +inf; -inf is the log of 0."""
    checks.same_shape(2, **arrays)
    for name, a in arrays.items():
        checks.array(name, a, ..., finite=False)
        if 0 in np.shape(a):
            raise ValueError(f"{name} must not be empty, got shape {np.shape(a)}")
        if not isbox(a) and not np.all(np.asarray(a) < np.inf):  # false for NaN
            raise ValueError(f"{name} must be finite or -inf (a density of zero), got NaN or +inf")
