"""Remedies for GANs that do not train, each small enough to be switched on alone.

Salimans et al. 2016, "Improved techniques for training GANs": feature matching, minibatch discrimination, historical
averaging and virtual batch norm (and one-sided label smoothing, which is the `smooth` of `losses.discriminator_loss`).
Sønderby et al. 2016 and Arjovsky and Bottou 2017: instance noise.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen.gan import _check
from minigen.nn import Module
from minigen.nn.module import check_state
from minigen.tensor import matmul

Array = Any  # an ndarray, or a traced one
Rng = numpy.random.Generator


def feature_matching_loss(real_features: Array, fake_features: Array) -> Array:
    """‖mean f(real) − mean f(fake)‖², a scalar: a loss for the generator, in the place of the game's.

    real_features (N, F) and fake_features (M, F) are hidden features of the discriminator, `discriminator.features(x)`;
    only their means have to agree, so the generator need not chase D's latest opinion. The discriminator keeps its own
    loss. Raises ValueError for features that are not finite matrices with the same number of columns.
    """
    real_features = _check.matrix("real_features", real_features)
    fake_features = _check.matrix("fake_features", fake_features, np.shape(real_features)[1])
    gap = np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)  # (F,)
    return np.sum(gap**2)


def minibatch_closeness(m: Array) -> Array:
    """o_ib = Σ_j exp(−‖M_ib − M_jb‖₁): how close each example is to its batch, (N, B, C) -> (N, B).

    m holds B vectors of C numbers for each of N examples. The sum runs over the whole batch, i itself included, so o
    lies between 1 (alone) and N (all the same). Raises ValueError for m that is not a finite array of three axes.
    """
    if np.ndim(m) != 3:
        raise ValueError(f"m must have shape (N, B, C), got {np.shape(m)}")
    m = _check.examples("m", m)
    distance = np.sum(np.abs(m[:, None] - m[None, :]), axis=3)  # (N, N, B)
    return np.sum(np.exp(-distance), axis=1)  # (N, B)


class MinibatchDiscrimination(Module):
    """How close each example's features are to those of the rest of the batch, appended to them: (N, F) -> (N, F + B).

    Features f_i become B vectors M_ib = f_i T_b of C numbers, and the b-th new feature is their `minibatch_closeness`.
    The layer stands between D's last hidden layer and its output, never at its input, and sees real and fake examples
    in separate batches.
    Raises ValueError for features that are not a matrix of `features` columns.
    """

    def __init__(self, rng: Rng, features: int, kernels: int = 16, dim: int = 5):
        self.features, self.kernels, self.dim = (
            _check.count(name, n) for name, n in [("features", features), ("kernels", kernels), ("dim", dim)]
        )
        self.t = rng.standard_normal((features, kernels * dim), dtype=numpy.float32) / numpy.float32(features**0.5)

    def closeness(self, x: Array) -> Array:
        """The new features alone: (N, F) -> (N, B)."""
        x = _check.matrix("x", x, self.features)
        m = np.reshape(matmul(x, self.t), (len(x), self.kernels, self.dim))  # (N, B, C)
        return minibatch_closeness(m)

    def __call__(self, x):
        return np.concatenate([x, self.closeness(x)], axis=1)  # (N, F + B)


def running_mean(mean: numpy.ndarray, value: numpy.ndarray, count: int) -> numpy.ndarray:
    """The mean of `count` values from the mean of the first count − 1 and the last one, all of one shape.

    For count = 1 it is the value itself, whatever `mean` holds. Raises ValueError for a count below 1 or shapes that
    differ.
    """
    count = _check.count("count", count)
    if np.shape(mean) != np.shape(value):
        raise ValueError(f"mean and value must have the same shape, got {np.shape(mean)} and {np.shape(value)}")
    return mean + (value - mean) / count


def historical_penalty(parameters: list[Array], means: list[numpy.ndarray]) -> Array:
    """‖θ − θ̄‖² = Σ (θ − θ̄)² over all entries of all arrays, a scalar: how far a player is from its own past.

    parameters and means: lists of arrays, one after the other of the same shapes. Raises ValueError if they do not fit.
    """
    shapes, wanted = [np.shape(p) for p in parameters], [np.shape(m) for m in means]
    if shapes != wanted:
        raise ValueError(f"parameters must have the shapes of means, {wanted}, got {shapes}")
    return sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means))


class HistoricalAverage:
    """‖θ − θ̄‖², with θ̄ the mean of the parameters at all updates so far: added to a player's loss, it damps circling.

    history = HistoricalAverage(generator)
    loss(g) + weight * history.penalty(g)                # in every step, inside the function to differentiate
    history.update(generator)                            # after it
    """

    def __init__(self, model: Module):
        self.mean = {name: numpy.zeros_like(p) for name, p in model.parameters().items()}
        self.updates = 0

    def update(self, model: Module) -> None:
        """Take the model's present parameters into the mean; ValueError if names or shapes differ."""
        current = model.parameters()
        check_state(self.mean, current)
        self.updates += 1
        for name, mean in self.mean.items():
            mean[...] = running_mean(mean, current[name], self.updates)

    def penalty(self, model: Module) -> Array:
        """Σ (θ − θ̄)², a scalar; 0 before the first update. Differentiable with respect to the model."""
        current = model.parameters()
        check_state(self.mean, current)
        if not self.updates:
            return numpy.float32(0)
        return historical_penalty([current[name] for name in self.mean], list(self.mean.values()))

    def state(self) -> dict[str, numpy.ndarray]:
        """Copies of the mean and the count of updates, for a checkpoint."""
        return {"updates": numpy.array(self.updates)} | {f"mean.{name}": a.copy() for name, a in self.mean.items()}

    def load_state(self, state: dict[str, numpy.ndarray]) -> None:
        """Continue from what `state` returned; ValueError, before any change, if names or shapes differ."""
        check_state(self.state(), state)
        self.updates = int(state["updates"])
        for name, mean in self.mean.items():
            mean[...] = state[f"mean.{name}"]


def virtual_moments(x: Array, reference: Array) -> tuple[Array, Array]:
    """Mean and variance over the reference batch and the example itself, for each example: two arrays (N, 1, ..., 1,
    C).

    x (N, ..., C), reference (R, ..., C); the variance divides by the number of values. The axes between are places of a
    map: they count as values of their channel. Raises ValueError for arrays that are not finite or do not fit.
    """
    x, reference = _check.examples("x", x), _check.examples("reference", reference)
    if np.shape(x)[1:] != np.shape(reference)[1:]:
        raise ValueError(
            f"x and reference must agree after the first axis, got {np.shape(x)} and {np.shape(reference)}"
        )
    r, places = len(reference), tuple(range(1, np.ndim(x) - 1))
    own_mean = np.mean(x, axis=places, keepdims=True)  # (N, 1, ..., 1, C)
    own_var = np.mean((x - own_mean) ** 2, axis=places, keepdims=True)
    ref_mean = np.mean(reference, axis=(0, *places), keepdims=True)  # (1, 1, ..., 1, C)
    ref_var = np.mean((reference - ref_mean) ** 2, axis=(0, *places), keepdims=True)
    gap = own_mean - ref_mean
    mean = ref_mean + gap / (r + 1)  # of R examples and one more
    var = (r * ref_var + own_var) / (r + 1) + gap**2 * (r / (r + 1) ** 2)
    return mean, var


class VirtualBatchNorm(Module):
    """Batch norm whose batch is a fixed reference batch and the example itself: (N, ..., C) -> (N, ..., C).

    Each example gets the output that batch norm would give it as the last of the R + 1 examples (reference, example),
    so that examples of a batch do not see one another. Called `norm(x, reference)`, with the reference batch (R, ...,
    C) as it arrives at this layer: send it through the layers below along with x.
    Raises ValueError for shapes that do not fit.
    """

    def __init__(self, channels: int, eps: float = 1e-5):
        self.weight = numpy.ones(_check.count("channels", channels), numpy.float32)
        self.bias, self.eps = numpy.zeros(channels, numpy.float32), _check.positive("eps", eps)

    def __call__(self, x, reference):
        x, reference = _check.examples("x", x), _check.examples("reference", reference)
        if np.shape(x)[1:] != np.shape(reference)[1:] or np.shape(x)[-1] != len(self.weight):
            wanted = f"(N, ..., {len(self.weight)})"
            got = f"{np.shape(x)} and {np.shape(reference)}"
            raise ValueError(f"x and reference must both have shape {wanted} and agree after the first axis, got {got}")
        mean, var = virtual_moments(x, reference)
        return (x - mean) / np.sqrt(var + self.eps) * self.weight + self.bias


def instance_noise(x: Array, std: float, rng: Rng) -> Array:
    """x + std·N(0, I), in the shape and dtype of x: blurs real and fake alike until their supports overlap.

    Give it to every input of the discriminator, real and fake, each call with fresh noise, and let std fall to zero.
    Raises ValueError for x that is not finite or a std that is negative.
    """
    x, std = _check.floats("x", x), _check.number("std", std)
    return x + std * _check.generator(rng).standard_normal(np.shape(x), dtype=x.dtype)
