"""Beta-VAE (Higgins et al. 2017): a weight on the rate, and scores of how disentangled the code becomes.

The loss of a VAE is distortion plus rate: `recon` = -E_q log p(x|z), the reconstruction error, and `kl` =
KL(q(z|x) || p(z)), the information in the code, both in nats per image, pixels summed. With beta > 1 a nat of rate
costs beta nats, the code carries less information, and its coordinates tend to align with independent generative
factors of the data. Burgess et al. 2018 instead pull the rate to a capacity C that grows during training. Model and
training are those of the VAE.

Disentanglement can be measured where the generative factors are known (`minigen.data.shapes`). Both scores here take
codes (N, D), one row for each image, and factors (N, K), whole numbers.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, nonnegative, whole
from minigen.types import Array, Rng
from minigen.vae.vae import VAE

# --------------------------------------------------------------------- losses


@checked(beta=nonnegative)
def beta_vae_loss(recon: Array, kl: Array, beta: float) -> Array:
    """recon + beta * kl, nats: the negative ELBO with weight beta on the rate. Eq. vae.17, and Eq. vae.16 at delta = 0.

    recon (a loss: -log p(x|z), summed over pixels) and kl are two numbers, such as means over a batch, or two arrays
    (N,); the result has their shape. beta = 1 is the VAE. If pixels are averaged instead of summed, the same beta
    weighs D times as much. Raises ValueError if recon and kl differ in shape or are not finite. Higgins et al. 2017.
    """
    recon, kl = _checked_terms(recon, kl)
    return recon + beta * kl


@checked(beta=nonnegative, delta=nonnegative)
def lagrangian(recon: Array, kl: Array, beta: float, delta: float) -> Array:
    """-recon - beta * (kl - delta), nats: to be maximized by the model, for a rate below delta. Eq. vae.16

    Arguments as in `beta_vae_loss`. beta is the multiplier of the constraint kl < delta of Eq. vae.15; beta * delta is
    a constant to the model, so with beta held fixed this is minus the loss of Eq. vae.17, shifted.
    """
    recon, kl = _checked_terms(recon, kl)
    return -recon - beta * (kl - delta)


@checked(gamma=nonnegative, capacity=nonnegative)
def capacity_loss(recon: Array, kl: Array, gamma: float, capacity: float) -> Array:
    """recon + gamma * |kl - capacity|, nats: pulls the rate to a capacity C, from both sides.

    Arguments as in `beta_vae_loss`. Given arrays (N,) every example is pulled to C by itself; give means over the batch
    to pull only their mean, as training usually does. The constraint of Eq. vae.15 with a target rate instead of a
    multiplier. Raises ValueError as there. Burgess et al. 2018.
    """
    recon, kl = _checked_terms(recon, kl)
    return recon + gamma * np.abs(kl - capacity)


# --------------------------------------------------------------------- traversals


@checked(values=Sized("V", dtype=numpy.float32))
def traverse(vae: VAE, code: numpy.ndarray, values: numpy.ndarray, dims: Any = None) -> numpy.ndarray:
    """Latent traversals, one number of a code varied and the others fixed: (len(dims), len(values), dim_x).

    They start at code (dim_z,); for each of `dims` (all unless given) that number takes each of `values` (V,).
    Images are means of p(x|z). Raises ValueError if code or dims do not fit.
    """
    checks.instance_with("vae", vae, "decode", "dim_z")
    code = checks.array("code", code, vae.dim_z, dtype=numpy.float32)
    dims = checks.wholes("dims", range(vae.dim_z) if dims is None else dims, least=0)
    if not dims or max(dims) >= vae.dim_z:
        raise ValueError(f"dims must be whole numbers from 0 to {vae.dim_z - 1}, got {dims}")
    z = numpy.tile(code, (len(dims), len(values), 1))  # (len(dims), V, dim_z)
    for row, d in zip(z, dims):
        row[:, d] = values
    decoded = vae.decode(z.reshape(-1, vae.dim_z))  # (len(dims)·V, dim_x)
    return numpy.reshape(decoded, (len(dims), len(values), -1))


# --------------------------------------------------------------------- scores


@checked(rng=Rng, pairs=whole, points=whole)
def disentanglement_metric(
    codes: numpy.ndarray, factors: numpy.ndarray, rng: numpy.random.Generator, pairs: int = 64, points: int = 2000
) -> float:
    """The accuracy of a linear classifier that predicts which factor two images share, from 1/K (chance) to 1.

    codes (N, D), factors (N, K) whole numbers, K >= 2. One point: choose a factor; draw `pairs` pairs of rows that
    agree in it; average |z_1 - z_2| over them, (D,). In a disentangled code the coordinates of the shared factor
    are near 0 there. The classifier is trained on `points` such points and scored on as many others. Higgins et al.
    2017.

    The scale of a coordinate does not matter: each is divided by its standard deviation. Give samples of q(z|x) rather
    than its means if the code has unused coordinates: the means of such a coordinate are tiny, but not noise. Higgins
    et al. take the means of q(z|x), and do not rescale them: scores do not compare with theirs to the last digit.
    Raises ValueError if codes and factors do not fit, or if no two rows share a value of some factor.
    """
    codes, classes = _codes_and_classes(codes, factors)
    if classes.shape[1] < 2:
        raise ValueError(f"factors must have at least two columns, got shape {classes.shape}")
    spread = codes.std(axis=0)
    codes = codes / numpy.where(spread > 0, spread, 1.0)
    shared = rng.permutation(numpy.arange(2 * points) % classes.shape[1])  # (2·points,), every factor as often
    x = numpy.empty((2 * points, codes.shape[1]))
    for k in range(classes.shape[1]):
        mine = numpy.flatnonzero(shared == k)
        if len(mine):
            first, second = _pairs_sharing(classes[:, k], len(mine) * pairs, rng, k)
            gaps = numpy.abs(codes[first] - codes[second])  # (mine·pairs, D)
            x[mine] = gaps.reshape(len(mine), pairs, -1).mean(axis=1)
    weights = _linear_classifier(x[:points], shared[:points], classes.shape[1])
    return float(numpy.mean(_logits(x[points:], weights).argmax(axis=1) == shared[points:]))


@checked(bins=whole)
def mutual_information(codes: numpy.ndarray, factors: numpy.ndarray, bins: int = 20) -> numpy.ndarray:
    """I(z_d; v_k) / H(v_k): mutual information of each coordinate d and factor k, normalized: (D, K) in [0, 1].

    codes (N, D), factors (N, K) whole numbers. A coordinate with at most `bins` values is taken as it is; another is
    discretized into `bins` quantile bins, so its scale does not matter. The plug-in estimate from counts is too high by
    about bins * classes / (2 N) nats. Raises ValueError if codes and factors do not fit or a factor never varies.
    """
    codes, classes = _codes_and_classes(codes, factors)
    result = numpy.empty((codes.shape[1], classes.shape[1]))
    for d, column in enumerate(codes.T):
        edges = numpy.unique(column)[1:]
        if len(edges) >= bins:
            edges = numpy.unique(numpy.quantile(column, numpy.arange(1, bins) / bins, method="higher"))
        cell = numpy.searchsorted(edges, column, side="right")  # (N,), 0 ... bins - 1
        for k, value in enumerate(classes.T):
            joint = numpy.zeros((bins, value.max() + 1))
            numpy.add.at(joint, (cell, value), 1 / len(column))
            of_code, of_factor = _entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0))
            result[d, k] = (of_code + of_factor - _entropy(joint)) / of_factor
    return numpy.clip(result, 0.0, 1.0)


def mutual_information_gap(codes: numpy.ndarray, factors: numpy.ndarray, bins: int = 20) -> float:
    """MIG: the mean over factors of the largest minus the second largest `mutual_information`, in [0, 1].

    codes (N, D), factors (N, K) whole numbers. 1: each factor is determined by one coordinate, and unrelated to all
    others. 0: for each factor two coordinates are equally informative. With D = 1 the second largest counts as 0.
    Details and errors as in `mutual_information`; give samples of q(z|x) rather than its means. Chen et al. 2018.
    """
    shares = numpy.sort(mutual_information(codes, factors, bins), axis=0)  # (D, K), the best last
    return float(numpy.mean(shares[-1] - (shares[-2] if len(shares) > 1 else 0.0)))


# --------------------------------------------------------------------- helpers


def _checked_terms(recon: Array, kl: Array) -> tuple[Array, Array]:
    """recon and kl, if they are two finite numbers, or two finite arrays of one shape (N,)."""
    if numpy.ndim(recon) > 1 or numpy.shape(recon) != numpy.shape(kl):
        got = f"{numpy.shape(recon)} and {numpy.shape(kl)}"
        raise ValueError(f"recon and kl must be two numbers or two arrays of one shape (N,), got {got}")
    arrays = checks.floats("recon", recon), checks.floats("kl", kl)
    return (recon, kl) if isinstance(recon, (int, float)) and isinstance(kl, (int, float)) else arrays


@checked(codes=Sized("N, D", dtype=numpy.float64))
def _codes_and_classes(codes: Array, factors: Array) -> tuple[numpy.ndarray, numpy.ndarray]:
    """codes (N, D) in float64, and factors (N, K) with their values numbered from 0."""
    factors = numpy.asarray(factors)
    if factors.ndim != 2 or len(codes) != len(factors) or 0 in factors.shape:
        raise ValueError(f"codes must have shape (N, D) and factors (N, K), got {codes.shape} and {factors.shape}")
    if factors.dtype.kind not in "iuf" or not numpy.all(factors == numpy.round(factors)):
        raise ValueError(f"factors must be whole numbers, got {factors.dtype} with values such as {factors.flat[0]!r}")
    classes = numpy.stack([numpy.unique(column, return_inverse=True)[1] for column in factors.T], axis=1)  # (N, K)
    varies = classes.any(axis=0)  # (K,)
    if not numpy.all(varies):
        raise ValueError(f"every factor must vary, got one value only in column {int(numpy.argmin(varies))}")
    return codes, classes


def _pairs_sharing(
    value: numpy.ndarray, n: int, rng: numpy.random.Generator, k: int
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Indices of n pairs of different rows with equal value, two arrays (n,).

    The first row is uniform among those that have a partner, the second uniform among its partners. k: for the error.
    """
    order = numpy.argsort(value, kind="stable")  # rows of one value are together
    count = numpy.bincount(value)
    start = numpy.cumsum(count) - count  # where each value begins in that order
    places = numpy.flatnonzero(count[value[order]] > 1)
    if not len(places):
        raise ValueError(f"factors must have two rows that share a value, got none in column {k}")
    place = rng.choice(places, n)
    mine = value[order[place]]
    step = 1 + (rng.random(n) * (count[mine] - 1)).astype(int)  # 1 ... count - 1
    return order[place], order[start[mine] + (place - start[mine] + step) % count[mine]]


def _linear_classifier(x: numpy.ndarray, label: numpy.ndarray, classes: int) -> tuple[numpy.ndarray, ...]:
    """Center, scale and weights of a softmax regression on x (N, D), with a weak L2 penalty."""
    from scipy.optimize import minimize

    center = x.mean(axis=0)
    scale = x.std(axis=0)
    scale = numpy.where(scale > 0, scale, 1.0)
    features = numpy.column_stack([(x - center) / scale, numpy.ones(len(x))])  # (N, D + 1)
    target = numpy.eye(classes)[label]

    def loss(flat: numpy.ndarray) -> tuple[float, numpy.ndarray]:
        w = flat.reshape(-1, classes)  # (D + 1, classes)
        logits = features @ w
        logits -= logits.max(axis=1, keepdims=True)
        p = numpy.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        value = -numpy.mean(numpy.log(p[numpy.arange(len(p)), label] + 1e-300)) + 0.5e-4 * numpy.sum(w**2)
        return value, (features.T @ (p - target) / len(p) + 1e-4 * w).ravel()

    start = numpy.zeros(features.shape[1] * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return center, scale, found.x.reshape(-1, classes)


def _logits(x: numpy.ndarray, weights: tuple[numpy.ndarray, ...]) -> numpy.ndarray:
    center, scale, w = weights
    return (x - center) / scale @ w[:-1] + w[-1]


def _entropy(p: numpy.ndarray) -> float:
    p = p[p > 0]
    return float(-numpy.sum(p * numpy.log(p)))
