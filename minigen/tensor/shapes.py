"""Checks of the shapes and sizes that convolutions and pooling take."""

from typing import Any

import numpy as np

from minigen import checks


def check_axes(name: str, x: Any, axes: str) -> None:
    """Raise ValueError unless `x` has as many axes as are written in `axes`, such as "(N, H, W, C)"."""
    shape = np.shape(x)
    if len(shape) != axes.count(",") + 1:
        raise ValueError(f"{name} must have shape {axes}, got {shape}")


def pair(name: str, value: Any, least: int) -> tuple[int, int]:
    """A whole number, or a pair (vertical, horizontal) of them, as a pair."""
    if type(value) is int and value >= least:  # as from a layer, at each of its calls
        return value, value
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name} must be a whole number or a pair, got {value!r}")
        return checks.whole(name, value[0], least), checks.whole(name, value[1], least)
    return (checks.whole(name, value, least),) * 2
