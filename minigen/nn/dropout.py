"""Dropout: units are omitted at random while a network is trained."""

from functools import partial

import numpy

from minigen.checks import checked, number
from minigen.nn.module import Module
from minigen.tensor.activations import as_floats
from minigen.types import Array, Rng

RATE = partial(number, low=0, high=1, without=1)


@checked(rate=RATE, rng=Rng)
def dropout(x: Array, rate: float, rng: Rng) -> Array:
    """Return x with each number set to 0 with probability `rate`, and the others divided by 1 − rate: (...) -> (...).

    The expectation of each number is unchanged, so nothing has to be rescaled when no unit is omitted. Second
    derivatives are exact: given the draw, dropout is linear. Srivastava et al. 2014.
    """
    x = as_floats(x)
    kept = rng.random(x.shape, dtype=numpy.float32) >= rate
    return x * (kept / (1 - rate)).astype(x.dtype)


class Dropout(Module):
    """`dropout` in training mode, the identity in evaluation mode: called as layer(x, rng).

    The generator is an argument, as everywhere in this package, so that a seed decides the draw and a checkpoint holds
    the generator only once. `Sequential(...)(x, rng)` hands it on. Under `parallel_value_and_grad` both halves of a
    batch would share the generator in no fixed order. Raises ValueError for a call without a generator in training
    mode. Srivastava et al. 2014.
    """

    draws = True

    @checked(rate=RATE)
    def __init__(self, rate: float = 0.5):
        self.rate = rate

    def __call__(self, x: Array, rng: Rng | None = None) -> Array:
        if not self.training:
            return x
        if rng is None:
            raise ValueError(
                "rng must be a numpy.random.Generator in training mode, got None: call the layer as "
                "layer(x, rng), or set evaluation mode by model.eval()"
            )
        return dropout(x, self.rate, rng)
