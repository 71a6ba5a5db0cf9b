"""The exact model of the noise, for data whose density is known: what a perfect network would predict.

    eps_model = exact_eps_model(toy.ring(), schedule)
    x = ddim(eps_model, noise, schedule, steps=20)           # every error is one of the sampler

The best prediction of the noise is its mean given x_t, which is −√(1 − ᾱ_t) times the score of q(x_t) (Eq.
diffusion.17). For a mixture of Gaussians q(x_t) is a mixture of Gaussians too, and its score a formula.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from minigen import checks
from minigen.checks import checked
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.schedule import Schedule
from minigen.types import Array


@checked(density=GaussianMixture, schedule=Schedule)
def exact_eps_model(
    density: GaussianMixture, schedule: Schedule, by_label: Sequence[GaussianMixture] | None = None
) -> Callable:
    """The model of the noise E[eps | x_t], (x, t, y=None): x (N, D), t one time step or (N,) in 1..T -> (N, D).

    density is that of the data, and by_label[k] that of the data with label k, for labels y (N,); −1, or None for all,
    is no label. `schedule` is the one whose times the model receives, the full one even where a sampler takes fewer
    steps. The result has the dtype of x, and no derivative. The model raises ValueError for shapes, labels or time
    steps that do not fit. Eq. diffusion.17
    """
    densities = [density]
    densities += [checks.instance("by_label", each, GaussianMixture) for each in by_label or ()]
    noised: dict[tuple[int, int], GaussianMixture] = {}  # q(x_t | label), by label and t

    def eps_model(x: Array, t: Any, y: Any = None) -> numpy.ndarray:
        x = checks.array("x", x, "N", density.dim)
        n = len(x)
        t = numpy.broadcast_to(checks.times(t, schedule.T, n), (n,))
        y = numpy.full(n, -1) if y is None else checks.integers("y", y, n, least=-1, most=len(densities) - 2)
        eps = numpy.empty_like(x)
        for label, step in set(zip(y.tolist(), t.tolist())):
            alpha_bar = schedule.alpha_bar[step]
            if (label, step) not in noised:
                noised[label, step] = densities[label + 1].noised(numpy.sqrt(alpha_bar), numpy.sqrt(1 - alpha_bar))
            rows = (y == label) & (t == step)
            eps[rows] = -numpy.sqrt(1 - alpha_bar) * noised[label, step].score(x[rows])
        return eps

    return eps_model
