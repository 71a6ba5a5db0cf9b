"""A model of the noise for points in the plane: a multilayer perceptron that is given the time."""

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.nn import MLP, Module, time_features
from minigen.tensor import like
from minigen.types import Array, Rng


class EpsMLP(Module):
    """eps_model(x, t, y=None): points (N, dim), time steps (N,), labels (N,) -> the noise in the points (N, dim).

    The time step enters as sines and cosines beside the point, the label (with `classes`) as one of `classes` ones; a
    label of −1, or None for all, is no condition. The last layer starts at zero, so that the first prediction is "no
    noise": a loss of 1 per dimension, which training has to beat. The hidden layers start with the `gain` of `MLP`,
    He's because SiLU, like a ReLU, removes half of the signal. ValueError: other shapes, labels out of range.
    """

    def __init__(
        self,
        rng: Rng,
        dim: int = 2,
        width: int = 128,
        layers: int = 4,
        time_features: int = 32,
        classes: int | None = None,
        *,
        gain: float | str = "he",
    ):
        for name, size in (("dim", dim), ("width", width), ("time_features", time_features)):
            checks.whole(name, size)
        if time_features % 2:
            raise ValueError(f"time_features must be even, got {time_features}")
        checks.whole("layers", layers, least=0)
        if classes is not None:
            checks.whole("classes", classes)
        self.dim, self.time_features, self.classes = dim, time_features, classes
        inputs = dim + time_features + (classes or 0)
        self.body = MLP(rng, [inputs, *[width] * layers, dim], activation="silu", last_scale=0.0, gain=gain)

    def __call__(self, x: Array, t: numpy.ndarray, y: numpy.ndarray | None = None) -> Array:
        x = checks.array("x", x, "N", self.dim, finite=False)
        if np.shape(t) != (len(x),):
            raise ValueError(f"t must have shape ({len(x)},), one time step for each example, got {np.shape(t)}")
        inputs = [x, time_features(t, self.time_features)]  # (N, dim), (N, time_features)
        if self.classes is not None:
            labels = numpy.full(len(x), -1) if y is None else y
            labels = checks.integers("y", labels, len(x), least=-1, most=self.classes - 1)
            inputs.append((labels[:, None] == numpy.arange(self.classes)).astype(numpy.float32))  # (N, classes)
        elif y is not None:
            raise ValueError("y must be None for a model without classes")
        out = self.body(np.concatenate(inputs, axis=1))  # (N, dim)
        return like(out, x)
