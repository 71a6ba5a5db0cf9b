"""The 2-D densities of the lessons, by name. Each is a `Density`: sample, log_prob, score and entropy are exact.

    from minigen.data import toy
    density = toy.ring(modes=8)
    x = density.sample(rng, 1000)             # (1000, 2) float32
    loss = -density.log_prob(x).mean()        # near density.entropy()
    toy.get("two_moons", noise=0.05).standardized()

`names()` lists them. The classes behind them are in density.py, mixture.py, curves.py, pinwheel.py,
checkerboard.py and potentials.py.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minigen import checks
from minigen.data.checkerboard import Checkerboard
from minigen.data.curves import Circles, NoisyCurves
from minigen.data.density import Density, Standardized
from minigen.data.mixture import GaussianMixture
from minigen.data.pinwheel import Pinwheel
from minigen.data.potentials import Potential, rezende1, rezende2, rezende3, rezende4, rezende_potentials

__all__ = [
    "Checkerboard",
    "Circles",
    "Density",
    "GaussianMixture",
    "NoisyCurves",
    "Pinwheel",
    "Potential",
    "Standardized",
    "checkerboard",
    "circles",
    "get",
    "grid",
    "names",
    "pinwheel",
    "rezende1",
    "rezende2",
    "rezende3",
    "rezende4",
    "rezende_potentials",
    "ring",
    "spirals",
    "swiss_roll",
    "two_moons",
]


def ring(modes: int = 8, radius: float = 2.0, std: float = 0.1) -> GaussianMixture:
    """`modes` equal Gaussians evenly spaced on a circle, the first at angle 0: the usual test of mode collapse."""
    modes = checks.whole("modes", modes)
    radius = checks.positive("radius", radius)
    std = checks.positive("std", std)
    angles = 2 * np.pi * np.arange(modes) / modes
    centers = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (modes, 2)
    return GaussianMixture(centers, std=std, name="ring")


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> GaussianMixture:
    """`side` x `side` equal Gaussians on a square lattice about the origin, `spacing` apart.

    The defaults are the setting of VEEGAN (Srivastava et al., 2017) and PacGAN (Lin et al., 2018).
    """
    side = checks.whole("side", side)
    spacing = checks.positive("spacing", spacing)
    std = checks.positive("std", std)
    ticks = spacing * (np.arange(side) - (side - 1) / 2)  # (side,)
    centers = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)  # (side², 2)
    return GaussianMixture(centers, std=std, name="grid")


def two_moons(noise: float = 0.1) -> NoisyCurves:
    """Two interlocking half circles of radius 1, about (0, 0) and (1, 0.5), as in scikit-learn's make_moons."""
    return NoisyCurves([_upper_moon, _lower_moon], noise, name="two moons")


def swiss_roll(noise: float = 0.1) -> NoisyCurves:
    """Return the spiral a(cos a, sin a)/5 for angles a uniform on [1.5π, 4.5π]: scikit-learn's roll seen from its end,
    a fifth of the size, so that it spans about ±2.8 and its turns are 1.26 apart. `noise` is in these smaller units.
    """
    return NoisyCurves([_roll], noise, name="swiss roll")


def spirals(noise: float = 0.1) -> NoisyCurves:
    """Two spirals of one and a half turns, from the origin to radius π, half a turn apart, of nearly even density."""
    return NoisyCurves([_arm, _opposite_arm], noise, power=2.0, name="spirals")


def circles(noise: float = 0.05, factor: float = 0.5) -> Circles:
    """Two circles about the origin, of radius 1 and `factor` (between 0 and 1), as scikit-learn's make_circles."""
    if checks.positive("factor", factor) >= 1:
        raise ValueError(f"factor must be a number in (0, 1), got {factor!r}")
    return Circles([1.0, factor], noise, name="circles")


def checkerboard(squares: int = 4, side: float = 2.0) -> Checkerboard:
    """Uniform on alternate squares of a `squares` x `squares` board about the origin, squares of length `side`."""
    return Checkerboard(squares, side)


def pinwheel(
    arms: int = 5, radial_std: float = 0.3, tangential_std: float = 0.1, rate: float = 0.25, scale: float = 2.0
) -> Pinwheel:
    """`arms` elongated Gaussians around a circle of radius `scale`, twisted into a pinwheel. See `Pinwheel`."""
    return Pinwheel(arms, radial_std, tangential_std, rate, scale)


_MAKERS: dict[str, Callable[..., Density]] = {
    "ring": ring,
    "grid": grid,
    "two_moons": two_moons,
    "swiss_roll": swiss_roll,
    "checkerboard": checkerboard,
    "pinwheel": pinwheel,
    "circles": circles,
    "spirals": spirals,
    "rezende1": rezende1,
    "rezende2": rezende2,
    "rezende3": rezende3,
    "rezende4": rezende4,
}


def names() -> list[str]:
    """Return the names that `get` accepts."""
    return list(_MAKERS)


def get(name: str, **kwargs: Any) -> Density:
    """Return the density called `name`, made with the keyword arguments of its function.

    ValueError if the name is unknown (the nearest ones are suggested) or takes no such argument.
    """
    if name not in _MAKERS:
        near = difflib.get_close_matches(str(name), _MAKERS, n=2, cutoff=0.4) or names()
        raise ValueError(f"name must be one of the toy densities, got {name!r}; did you mean {' or '.join(near)}?")
    known = list(inspect.signature(_MAKERS[name]).parameters)
    for argument in kwargs:
        if argument not in known:
            expected = f"arguments of {name} are {', '.join(known)}" if known else f"{name} takes no arguments"
            raise ValueError(f"{expected}, got {argument}")
    return _MAKERS[name](**kwargs)


# ------------------------------------------------------------------------------------------------ curves, t in [0, 1]
# Functions of the module, so that a density can be pickled.


def _upper_moon(t: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(np.pi * t), np.sin(np.pi * t)], axis=1)


def _lower_moon(t: np.ndarray) -> np.ndarray:
    return np.stack([1 - np.cos(np.pi * t), 0.5 - np.sin(np.pi * t)], axis=1)


def _roll(t: np.ndarray) -> np.ndarray:
    angle = 1.5 * np.pi * (1 + 2 * t)
    return (angle / 5)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _arm(t: np.ndarray) -> np.ndarray:
    angle = 3 * np.pi * t
    return np.pi * t[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _opposite_arm(t: np.ndarray) -> np.ndarray:
    return -_arm(t)
