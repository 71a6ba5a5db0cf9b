"""A model of the noise for points in the plane: a plain network that is told the time."""

import autograd.numpy as np

from minigen.nn import MLP, Module, sinusoidal


class EpsMLP(Module):
    """eps_model(x, t): points (N, dim) and their time steps (N,) -> the noise in them (N, dim).

    The time step enters as sines and cosines beside the point. The last layer starts at zero: the first guess is "no
    noise", which costs 1 per dimension, the value that training has to beat.
    """

    def __init__(self, rng, dim: int = 2, width: int = 128, layers: int = 4, time_features: int = 32):
        self.dim, self.time_features = dim, time_features
        self.body = MLP(rng, [dim + time_features, *[width] * layers, dim], activation="silu", last_scale=0.0)

    def __call__(self, x, t):
        if len(np.shape(x)) != 2 or np.shape(x)[1] != self.dim:
            raise ValueError(f"x must have shape (N, {self.dim}), got {np.shape(x)}")
        time = sinusoidal(t, self.time_features)  # (N, time_features)
        return self.body(np.concatenate([x, time], axis=1))  # (N, dim)
