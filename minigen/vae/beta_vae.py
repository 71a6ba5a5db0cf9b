"""Beta-VAE (Higgins et al. 2017): another price for a nat of the code, and what that does to its single numbers.

The loss of a VAE is distortion plus rate: `recon` = -E_q log p(x|z), what the decoder gets wrong, and `kl` =
KL(q(z|x) || p(z)), what the code costs, both in nats per image, pixels summed. With beta > 1 a nat of rate costs beta
nats, the code becomes terse, and its coordinates tend to line up with independent causes of the data. Burgess et al.
2018 instead pull the rate to a capacity C that grows while the model learns. Beyond the loss all is the VAE's.

Whether a code is disentangled can be measured where the causes are known (`minigen.data.shapes`). Both scores here take
a table of codes (N, D), one row for each picture, and a table of factors (N, K), whole numbers.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen.vae import _check

Array = Any

# --------------------------------------------------------------------- losses


def beta_vae_loss(recon: Array, kl: Array, beta: float) -> Array:
    """recon + beta * kl, nats: minus the bound with another price for the rate. Eq. vae.17, and Eq. vae.16 with delta =
    0.

    recon (a loss: -log p(x|z), summed over pixels) and kl are two numbers, such as means over a batch, or two arrays
    (N,); the result has their shape. beta = 1 is the VAE. With pixels averaged instead of summed, beta means D times as
    much. Raises ValueError if the shapes differ, a value is not finite, or beta < 0. Higgins et al. 2017.
    """
    _terms(recon, kl)
    return recon + _not_negative("beta", beta) * kl


def lagrangian(recon: Array, kl: Array, beta: float, delta: float) -> Array:
    """-recon - beta * (kl - delta), nats: to be maximized by the model, for a rate below delta. Eq. vae.16

    Arguments as in `beta_vae_loss`. beta is the multiplier of the constraint kl < delta of Eq. vae.15; beta * delta is
    a constant to the model, so with beta held fixed this is minus the loss of Eq. vae.17, shifted.
    """
    _terms(recon, kl)
    return -recon - _not_negative("beta", beta) * (kl - _not_negative("delta", delta))


def capacity_loss(recon: Array, kl: Array, gamma: float, capacity: float) -> Array:
    """recon + gamma * |kl - capacity|, nats: pulls the rate to a capacity C, from both sides.

    Arguments as in `beta_vae_loss`. Given arrays (N,) every example is pulled to C by itself; give means over the batch
    to pull only their mean, as training usually does. The constraint of Eq. vae.15 with the rate named instead of its
    price. Raises ValueError as there, or if gamma or capacity is negative. Burgess et al. 2018.
    """
    _terms(recon, kl)
    return recon + _not_negative("gamma", gamma) * np.abs(kl - _not_negative("capacity", capacity))


# --------------------------------------------------------------------- looking at a code


def traverse(vae: Any, code: numpy.ndarray, values: numpy.ndarray, dims: Any = None) -> numpy.ndarray:
    """Pictures while one number of a code is moved and the others stay: (len(dims), len(values), dim_x).

    code (dim_z,) is where it starts; for each of `dims` (all unless given) that number takes each of `values` (V,).
    Pictures are means of p(x|z). Raises ValueError if code, values or dims do not fit.
    """
    code, values = numpy.asarray(code, numpy.float32), numpy.asarray(values, numpy.float32)
    if code.shape != (vae.dim_z,) or values.ndim != 1:
        raise ValueError(f"code must have shape ({vae.dim_z},) and values (V,), got {code.shape} and {values.shape}")
    _check.finite(code=code, values=values)
    dims = list(range(vae.dim_z) if dims is None else dims)
    if not dims or not all(isinstance(d, (int, numpy.integer)) and 0 <= d < vae.dim_z for d in dims):
        raise ValueError(f"dims must be whole numbers from 0 to {vae.dim_z - 1}, got {dims}")
    z = numpy.tile(code, (len(dims), len(values), 1))  # (len(dims), V, dim_z)
    for row, d in zip(z, dims):
        row[:, d] = values
    decoded = vae.likelihood.mean(vae.decode(z.reshape(-1, vae.dim_z)))  # (len(dims)·V, dim_x)
    return numpy.reshape(decoded, (len(dims), len(values), -1))


# --------------------------------------------------------------------- scores


def disentanglement_metric(
    codes: numpy.ndarray, factors: numpy.ndarray, rng: numpy.random.Generator, pairs: int = 64, points: int = 2000
) -> float:
    """How well a linear classifier sees which factor two pictures share: its accuracy, from 1/K (chance) to 1.

    codes (N, D), factors (N, K) whole numbers, K >= 2. One point: choose a factor; draw `pairs` pairs of rows that
    agree in it; average |z_1 - z_2| over them, (D,). In a good code the numbers that stand for the shared factor are
    near 0 there. The classifier learns on `points` such points and is scored on as many others. Higgins et al. 2017.

    The units of a number do not matter: each is divided by its spread. Give draws of q(z|x) rather than its means if
    the code has numbers that are not used: the means of such a number are tiny, but not noise. Raises ValueError if an
    argument does not fit, or if no two rows share a value of some factor.
    """
    codes, classes = _tables(codes, factors)
    if not isinstance(rng, numpy.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    pairs, points = _check.count("pairs", pairs), _check.count("points", points)
    if classes.shape[1] < 2:
        raise ValueError(f"factors must have at least two columns, got shape {classes.shape}")
    spread = codes.std(axis=0)
    codes = codes / numpy.where(spread > 0, spread, 1.0)
    shared = rng.permutation(numpy.arange(2 * points) % classes.shape[1])  # (2·points,), every factor as often
    x = numpy.empty((2 * points, codes.shape[1]))
    for k in range(classes.shape[1]):
        mine = numpy.flatnonzero(shared == k)
        if len(mine):
            first, second = _sharing(classes[:, k], len(mine) * pairs, rng, k)
            gaps = numpy.abs(codes[first] - codes[second])  # (mine·pairs, D)
            x[mine] = gaps.reshape(len(mine), pairs, -1).mean(axis=1)
    weights = _linear_classifier(x[:points], shared[:points], classes.shape[1])
    return float(numpy.mean(_logits(x[points:], weights).argmax(axis=1) == shared[points:]))


def mutual_information(codes: numpy.ndarray, factors: numpy.ndarray, bins: int = 20) -> numpy.ndarray:
    """I(z_d; v_k) / H(v_k): the share of each factor that each number of the code knows by itself, (D, K) in [0, 1].

    codes (N, D), factors (N, K) whole numbers. A number of at most `bins` values is taken as it is; another is
    cut into `bins` of equally many rows, so its units do not matter. Counts then estimate the information, too high by
    about bins * classes / (2 N) nats. Raises ValueError if an argument does not fit or a factor never varies.
    """
    codes, classes = _tables(codes, factors)
    bins = _check.count("bins", bins)
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
    """The mean over factors of what the best-informed number knows of it minus what the next one knows, in [0, 1].

    codes (N, D), factors (N, K) whole numbers. 1: each factor is known to one number completely, and to no other. 0:
    for each factor two numbers know equally much. With D = 1 the next one knows nothing. Details and errors as in
    `mutual_information`; as there, draws of q(z|x) should be given rather than its means. Chen et al. 2018.
    """
    shares = numpy.sort(mutual_information(codes, factors, bins), axis=0)  # (D, K), the best last
    return float(numpy.mean(shares[-1] - (shares[-2] if len(shares) > 1 else 0.0)))


# --------------------------------------------------------------------- behind them


def _terms(recon, kl):
    if numpy.ndim(recon) > 1 or numpy.shape(recon) != numpy.shape(kl):
        raise ValueError(
            f"recon and kl must be two numbers or two arrays of one shape (N,), got {numpy.shape(recon)} and"
            f" {numpy.shape(kl)}"
        )
    _check.finite(recon=recon, kl=kl)


def _not_negative(name, value):
    real = isinstance(value, (int, float, numpy.integer, numpy.floating)) and not isinstance(value, bool)
    if not real or not (numpy.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return float(value)  # a Python number does not change the dtype of an array


def _tables(codes, factors):
    """codes in float64, and factors with their values numbered from 0."""
    codes, factors = numpy.asarray(codes, numpy.float64), numpy.asarray(factors)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or 0 in codes.shape + factors.shape:
        raise ValueError(f"codes must have shape (N, D) and factors (N, K), got {codes.shape} and {factors.shape}")
    _check.finite(codes=codes)
    if factors.dtype.kind not in "iuf" or not numpy.all(factors == numpy.round(factors)):
        raise ValueError(f"factors must be whole numbers, got {factors.dtype} with values such as {factors.flat[0]!r}")
    classes = numpy.stack([numpy.unique(column, return_inverse=True)[1] for column in factors.T], axis=1)  # (N, K)
    if not classes.any(axis=0).all():
        raise ValueError(f"every factor must vary, got one value only in column {int(classes.any(axis=0).argmin())}")
    return codes, classes


def _sharing(value, n, rng, k):
    """Two arrays (n,) of rows, different ones that have the same value: the first uniform among those that have a
    partner."""
    order = numpy.argsort(value, kind="stable")  # rows of one value stand together
    count = numpy.bincount(value)
    start = numpy.cumsum(count) - count  # where each value begins in that order
    places = numpy.flatnonzero(count[value[order]] > 1)
    if not len(places):
        raise ValueError(f"factors must have two rows that share a value, got none in column {k}")
    place = rng.choice(places, n)
    mine = value[order[place]]
    step = 1 + (rng.random(n) * (count[mine] - 1)).astype(int)  # 1 ... count - 1
    return order[place], order[start[mine] + (place - start[mine] + step) % count[mine]]


def _linear_classifier(x, label, classes):
    """Center, scale and weights of a softmax regression on x (N, D), with a weak penalty on its weights."""
    from scipy.optimize import minimize

    center, scale = x.mean(axis=0), x.std(axis=0)
    scale = numpy.where(scale > 0, scale, 1.0)
    features = numpy.column_stack([(x - center) / scale, numpy.ones(len(x))])  # (N, D + 1)
    target = numpy.eye(classes)[label]

    def loss(flat):
        w = flat.reshape(-1, classes)  # (D + 1, classes)
        logits = features @ w
        logits -= logits.max(axis=1, keepdims=True)
        p = numpy.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        value = -numpy.mean(numpy.log(p[numpy.arange(len(p)), label] + 1e-300)) + 0.5e-4 * numpy.sum(w**2)
        return value, (features.T @ (p - target) / len(p) + 1e-4 * w).ravel()

    flat = minimize(
        loss, numpy.zeros(features.shape[1] * classes), jac=True, method="L-BFGS-B", options={"maxiter": 500}
    ).x
    return center, scale, flat.reshape(-1, classes)


def _logits(x, weights):
    center, scale, w = weights
    return (x - center) / scale @ w[:-1] + w[-1]


def _entropy(p):
    p = p[p > 0]
    return -numpy.sum(p * numpy.log(p))
