"""Loss-aware sampling of the time step: those whose terms of the bound are large are drawn more often.

    times = LossAwareTimes(schedule.T)
    t, weight = times.sample(rng, 64)                  # (64,) time steps, (64,) weights
    losses = vlb_term(model, x0, t, eps, schedule, "learned")          # (64,)
    loss = np.mean(weight * losses)                    # its mean is that of uniformly drawn time steps
    times.update(t, losses)

The terms of L_vlb differ by orders of magnitude from step to step, so uniform time steps make its gradient noisy. A
sum Σ_t L_t estimated as L_t/p_t has the least variance with p_t proportional to √E[L_t²]. It is meant for L_vlb;
L_simple is nearly even already. Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, probability, whole
from minigen.nn.module import check_state
from minigen.tensor import stop_gradient
from minigen.types import Rng


@checked(losses=Sized("T, history", dtype=numpy.float64), uniform=probability)
def loss_aware_probabilities(losses: Any, uniform: float = 0.001) -> numpy.ndarray:
    """How often to draw each time step, from its last losses: (T, history) -> (T,) float64, summing to 1.

    (1 − uniform) · √mean(loss²)/Σ + uniform/T, where Σ is the sum of the roots. If all losses are 0, 1/T each.
    Nichol and Dhariwal 2021, eq. 18.
    """
    size = numpy.sqrt(numpy.mean(losses**2, axis=1))  # (T,)
    if size.sum() == 0:
        return numpy.full(len(size), 1 / len(size))
    return (1 - uniform) * size / size.sum() + uniform / len(size)


class LossAwareTimes:
    """Probabilities of the time steps 1 ... T from the last `history` losses of each.

    They are uniform until every time step has `history` losses, and from then on those of `loss_aware_probabilities`:
    with `uniform` > 0 every time step keeps being drawn.
    """

    @checked(history=whole, T=whole, uniform=probability)
    def __init__(self, T: int, history: int = 10, uniform: float = 0.001):
        self.T, self.history = T, history
        self.uniform = uniform
        self.losses = numpy.zeros((self.T + 1, self.history))  # of each time step a ring: the oldest is overwritten
        self.count = numpy.zeros(self.T + 1, numpy.int64)  # of losses ever entered

    def update(self, t: Any, losses: Any) -> None:
        """Enter the losses (N,) of the time steps t (N,), one after the other. ValueError: other shapes or ranges."""
        t = checks.integers("t", t, "N", least=1, most=self.T)
        losses = checks.array("losses", stop_gradient(losses), len(t), empty=True)
        for step, loss in zip(t, losses):
            self.losses[step, self.count[step] % self.history] = loss
            self.count[step] += 1

    def probabilities(self) -> numpy.ndarray:
        """p_t, (T + 1,) float64, indexed by the time step: 0 at t = 0, where no step ends."""
        if numpy.any(self.count[1:] < self.history):
            return numpy.append(0.0, numpy.full(self.T, 1 / self.T))
        return numpy.append(0.0, loss_aware_probabilities(self.losses[1:], self.uniform))

    @checked(rng=Rng, n=whole)
    def sample(self, rng: numpy.random.Generator, n: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Time steps (n,), int64, and their weights 1/(T p_t), (n,), float32.

        The mean of weight · loss is, in expectation, that of the losses of uniformly drawn time steps.
        """
        p = self.probabilities()
        t = rng.choice(self.T + 1, size=n, p=p)
        return t, (1 / (self.T * p[t])).astype(np.float32)

    def state(self) -> dict[str, numpy.ndarray]:
        """Copies of all that `update` changes, by name, for a checkpoint."""
        return {"losses": self.losses.copy(), "count": self.count.copy()}

    def load_state(self, state: dict[str, numpy.ndarray]) -> "LossAwareTimes":
        """Set it from what `state` returned, in place; returns self. ValueError for other names or shapes."""
        check_state(self.state(), state)
        self.losses[...], self.count[...] = state["losses"], state["count"]
        return self
