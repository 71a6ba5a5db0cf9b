"""Modifications of GAN training, each independent of the others.

Salimans et al. 2016, "Improved techniques for training GANs": feature matching, minibatch discrimination, historical
averaging and virtual batch norm (and one-sided label smoothing, which is the `smooth` of `losses.discriminator_loss`).
Sønderby et al. 2016 and Arjovsky and Bottou 2017: instance noise.
"""

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, floats, nonnegative, positive, whole
from minigen.nn import Module
from minigen.nn.module import check_state
from minigen.tensor import matmul
from minigen.types import Array, Rng


@checked(real_features="N, F", fake_features="M, F")
def feature_matching_loss(real_features: Array, fake_features: Array) -> Array:
    """‖mean f(real) − mean f(fake)‖², a scalar: a loss for the generator, in place of the adversarial one.

    real_features (N, F) and fake_features (M, F) are hidden features of the discriminator, `discriminator.features(x)`.
    Only their means are matched. The discriminator keeps its own loss. Salimans et al. 2016, section 3.1.
    """
    gap = np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)  # (F,)
    return np.sum(gap**2)


@checked(m="N, B, C")
def minibatch_closeness(m: Array) -> Array:
    """o_ib = Σ_j exp(−‖M_ib − M_jb‖₁): how close each example is to its batch, (N, B, C) -> (N, B).

    m holds B vectors of C numbers for each of N examples. The sum runs over the whole batch, i itself included, so o
    lies between 1 (alone) and N (all the same).
    """
    distance = np.sum(np.abs(m[:, None] - m[None, :]), axis=3)  # (N, N, B)
    return np.sum(np.exp(-distance), axis=1)  # (N, B)


class MinibatchDiscrimination(Module):
    """How close each example's features are to those of the rest of the batch, appended to them: (N, F) -> (N, F + B).

    Features f_i become B vectors M_ib = f_i T_b of C numbers, and the b-th new feature is their `minibatch_closeness`.
    The layer belongs between the discriminator's last hidden layer and its output, and takes real and fake examples in
    separate batches. Salimans et al. 2016, section 3.2.
    Raises ValueError for features that are not a matrix of `features` columns.
    """

    @checked(features=whole, kernels=whole, dim=whole, rng=Rng)
    def __init__(self, rng: Rng, features: int, kernels: int = 16, dim: int = 5):
        self.features = features
        self.kernels = kernels
        self.dim = dim
        self.t = rng.standard_normal((features, kernels * dim), dtype=numpy.float32) / numpy.float32(features**0.5)

    def closeness(self, x: Array) -> Array:
        """The new features alone: (N, F) -> (N, B)."""
        x = checks.array("x", x, "N", self.features)
        m = np.reshape(matmul(x, self.t), (len(x), self.kernels, self.dim))  # (N, B, C)
        return minibatch_closeness(m)

    def __call__(self, x: Array) -> Array:
        return np.concatenate([x, self.closeness(x)], axis=1)  # (N, F + B)


@checked(count=whole, mean=Sized("...", finite=False), value=Sized("...", finite=False))
def running_mean(mean: numpy.ndarray, value: numpy.ndarray, count: int) -> numpy.ndarray:
    """The mean of `count` values, from the mean of the first count − 1 and the last value, all of one shape.

    For count = 1 it is the value itself, up to rounding, whatever numbers `mean` holds.
    """
    return mean + (value - mean) / count


def historical_penalty(parameters: list[Array], means: list[numpy.ndarray]) -> Array:
    """‖θ − θ̄‖² = Σ (θ − θ̄)² over all entries of all arrays, a scalar: the distance from the historical mean.

    parameters and means: lists of arrays of the same shapes, in the same order. Raises ValueError if they do not fit.
    """
    for name, arrays in (("parameters", parameters), ("means", means)):
        if not isinstance(arrays, (list, tuple)):
            raise ValueError(f"{name} must be a list of arrays, got {type(arrays).__name__}")
    shapes, wanted = [np.shape(p) for p in parameters], [np.shape(m) for m in means]
    if shapes != wanted:
        raise ValueError(f"parameters must have the shapes of means, {wanted}, got {shapes}")
    return sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means))


class HistoricalAverage:
    """‖θ − θ̄‖², with θ̄ the mean of the parameters at all updates so far; added to a player's loss, it damps cycles.

    history = HistoricalAverage(generator)
    loss(g) + weight * history.penalty(g)                # in every step, inside the function to differentiate
    history.update(generator)                            # after it
    """

    @checked(model=Module)
    def __init__(self, model: Module):
        parameters = model.parameters()
        self.mean = {name: numpy.zeros_like(p) for name, p in parameters.items()}
        self.updates = 0

    def update(self, model: Module) -> None:
        """Include the model's current parameters in the average; ValueError if names or shapes differ."""
        current = self._parameters(model)
        self.updates += 1
        for name, mean in self.mean.items():
            mean[...] = running_mean(mean, current[name], self.updates)

    def penalty(self, model: Module) -> Array:
        """Σ (θ − θ̄)², a scalar; 0 before the first update. Differentiable with respect to the model."""
        current = self._parameters(model)
        if not self.updates:
            return numpy.float32(0)
        return historical_penalty([current[name] for name in self.mean], list(self.mean.values()))

    @checked(model=Module)
    def _parameters(self, model: Module) -> dict[str, Array]:
        parameters = model.parameters()
        check_state(self.mean, parameters)
        return parameters

    def state(self) -> dict[str, numpy.ndarray]:
        """Copies of the mean and the number of updates, for a checkpoint."""
        return {"updates": numpy.array(self.updates)} | {f"mean.{name}": a.copy() for name, a in self.mean.items()}

    def load_state(self, state: dict[str, numpy.ndarray]) -> None:
        """Continue from what `state` returned; ValueError, before any change, if names or shapes differ."""
        check_state(self.state(), state)
        self.updates = int(state["updates"])
        for name, mean in self.mean.items():
            mean[...] = state[f"mean.{name}"]


@checked(x="N, ..., C", reference="R, ..., C")
def virtual_moments(x: Array, reference: Array) -> tuple[Array, Array]:
    """Mean and variance over the reference batch and the example itself: two arrays (N, 1, ..., 1, C).

    x (N, ..., C), reference (R, ..., C); the variance divides by the number of values. The axes between are positions
    of a feature map, and count as values of their channel. Salimans et al. 2016, section 3.5.
    """
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
    so that the outputs of a batch are independent of one another. Called `norm(x, reference)`, with the reference batch
    (R, ..., C) as it arrives at this layer: it passes through the layers below along with x, and through this one by
    `norm.normalize_reference(reference)`.
    Raises ValueError for shapes that do not fit. Salimans et al. 2016, section 3.5.
    """

    @checked(channels=whole, eps=positive)
    def __init__(self, channels: int, eps: float = 1e-5):
        self.w = numpy.ones(channels, numpy.float32)
        self.b = numpy.zeros(channels, numpy.float32)
        self.eps = eps

    def __call__(self, x: Array, reference: Array) -> Array:
        x = checks.array("x", x, "N", ..., len(self.w))
        mean, var = virtual_moments(x, reference)
        return (x - mean) / np.sqrt(var + self.eps) * self.w + self.b

    def normalize_reference(self, reference: Array) -> Array:
        """The reference batch normalized by its own statistics alone, for the layer above: (R, ..., C) -> (R, ..., C).

        `norm(reference, reference)` would count each reference example twice in its own virtual batch.
        """
        reference = checks.array("reference", reference, "R", ..., len(self.w))
        axes = tuple(range(np.ndim(reference) - 1))
        mean = np.mean(reference, axis=axes)  # (C,)
        var = np.mean((reference - mean) ** 2, axis=axes)
        return (reference - mean) / np.sqrt(var + self.eps) * self.w + self.b


@checked(x=floats, std=nonnegative, rng=Rng)
def instance_noise(x: Array, std: float, rng: Rng) -> Array:
    """x + std·N(0, I), in the shape and dtype of x: applied to real and fake alike, it makes their supports overlap.

    Apply it to every input of the discriminator, with fresh noise at each call and a std that decays to zero. Sønderby
    et al. 2016; Arjovsky and Bottou 2017.
    """
    return x + std * rng.standard_normal(np.shape(x), dtype=x.dtype)
