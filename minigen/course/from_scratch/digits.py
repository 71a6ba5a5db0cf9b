"""Small digits of black and white pixels, for whole models that must be trained within a minute."""

import numpy as np

from minigen.data import mnist

__all__ = ["small_digits"]


def small_digits(rng: np.random.Generator, n: int, split: str) -> np.ndarray:
    """Return n digits of "train" or "test", (n, 100) float32: 10 x 10 means of 2 x 2 pixels, 1 for ink above 0.35."""
    images = getattr(mnist.splits(), split).images
    some = images[rng.permutation(len(images))[:n], 4:24, 4:24] / 255.0
    return (some.reshape(n, 10, 2, 10, 2).mean(axis=(2, 4)) > 0.35).reshape(n, 100).astype(np.float32)
