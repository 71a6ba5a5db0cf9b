"""The reverse process on two moons with the exact noise prediction, for the first page of the book."""

from __future__ import annotations

import numpy

from minigen.data.mixture import GaussianMixture
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.samplers import Trajectory, ddim
from minigen.diffusion.schedule import Schedule
from minigen.types import Array
from minigen.zoo.demonstrations.frames import noise

T = 200
COMPONENTS = 60  # small Gaussians along each moon: of a mixture the best prediction of the noise is a formula


def two_moons() -> GaussianMixture:
    """Two moons as a mixture of Gaussians, of mean 0 and variance 1."""
    angle = numpy.pi * (numpy.arange(COMPONENTS) + 0.5) / COMPONENTS
    upper = numpy.stack([numpy.cos(angle), numpy.sin(angle)], axis=1)
    lower = numpy.stack([1 - numpy.cos(angle), 0.5 - numpy.sin(angle)], axis=1)
    return GaussianMixture(numpy.concatenate([upper, lower]), std=0.08, name="two moons").standardized()


def reverse_process(points: int = 400, stops: int = 31) -> tuple[list[int], Array, Array]:
    """Points from pure noise to the moons, by DDIM without noise: the times T ... 0, the points, samples of the data.

    Returns the times, (times, points, 2) and (points, 2).
    """
    rng, density = numpy.random.default_rng(0), two_moons()
    schedule = Schedule.linear(T, 0.1 / T, 20 / T)
    times = numpy.linspace(T, 0, stops).round().astype(int).tolist()
    path = Trajectory(times=times)
    ddim(exact_eps_model(density, schedule), noise(rng, points), schedule, on_step=path)
    return path.times, path.states, density.sample(rng, points)
