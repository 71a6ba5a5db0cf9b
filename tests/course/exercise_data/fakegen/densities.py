"""Two equations and a method."""

import autograd.numpy as np


def gaussian_nll(x, mu, logvar):
    """-log N(x; mu, exp(logvar)), summed over features: (N, D) -> (N,)."""
    if x.ndim != 2:
        raise ValueError(f"x must have shape (N, D), got {x.shape}")
    gap = (x - mu) ** 2 / np.exp(logvar)  # (N, D)
    return 0.5 * np.sum(logvar + gap + np.log(2 * np.pi), axis=1)  # (N,)


def scale_and_shift(x, s, t):
    """y = x * exp(s) + t and the log-determinant: (N, D) -> (N, D), (N,)."""
    y = x * np.exp(s) + t
    return y, np.sum(s, axis=-1)


class Doubler:
    """A method to replace, with an alias."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        """factor * x"""
        return self.factor * x

    __call__ = forward


TABLE = {"nll": gaussian_nll}


def total(x, mu, logvar):
    """The mean of `gaussian_nll`, which it calls by name."""
    return np.mean(gaussian_nll(x, mu, logvar))
