"""A plucked string in quantized steps, whose every conditional probability is exact.

    string = KarplusStrong()
    codes = string.sample(rng, 64, length=256)      # (64, 256), integers in 0 ... 63
    p = string.probabilities(codes)                 # (64, 235, 64): of each next code, given the 21 codes before it
    string.entropy(p).mean()                        # 2.84 nats, the entropy rate: no model needs fewer on average

Karplus and Strong, "Digital Synthesis of Plucked-String and Drum Timbres", 1983: a wave runs along a string, and each
time it comes round it is damped and smoothed a little. Here noise keeps the string sounding, and its amplitude is
quantized before it is fed back; so the codes themselves are a Markov chain, and nothing is hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr, xlogy

from minigen import checks

__all__ = ["KarplusStrong"]


@dataclass(frozen=True)
class KarplusStrong:
    """c_t = Q(μ_t + noise · N(0, 1)), μ_t = damping · (v_{t−period} + v_{t−period−1})/2; v are the values of the codes.

    Q is mu-law quantization to `levels` codes with mu = levels − 1 (ITU-T G.711): its steps are finest around 0. Values
    beyond ±1 get the outermost codes. A code depends on the `order` = period + 1 codes before it, through two of them.

    period: steps that the wave takes along the string. damping: what is left of it after that. noise: standard
    deviation of the noise in each step. ValueError if period < 1, damping is not in [0, 1], noise is not positive or
    levels < 2.
    """

    period: int = 20
    damping: float = 0.98
    noise: float = 0.03
    levels: int = 64

    def __post_init__(self) -> None:
        checks.whole("period", self.period)
        checks.probability("damping", self.damping)
        checks.positive("noise", self.noise)
        checks.whole("levels", self.levels, least=2)

    @property
    def order(self) -> int:
        """How many codes back the next one depends: period + 1."""
        return self.period + 1

    @cached_property
    def values(self) -> np.ndarray:
        """The amplitude in [−1, 1] that each code stands for, (levels,)."""
        return self._expanded(np.arange(self.levels))

    @cached_property
    def edges(self) -> np.ndarray:
        """(levels + 1,): code k is that of amplitudes from edges[k] up to edges[k + 1]; the ends are infinite."""
        inner = self._expanded(np.arange(1, self.levels) - 0.5)
        return np.concatenate([[-np.inf], inner, [np.inf]])

    def sample(self, rng: np.random.Generator, n: int, length: int, settle: int = 8000) -> np.ndarray:
        """`n` strings of `length` steps, (n, length) int64 codes, recorded after `settle` steps.

        They start at rest. After 8,000 steps the law of the default string does not change any more.
        """
        rng = checks.rng(rng)
        n, length = checks.whole("n", n), checks.whole("length", length)
        start = checks.whole("settle", settle, least=0) + self.order
        codes = np.empty((start + length, n), np.int64)
        amplitude = np.zeros((start + length, n))
        for t in range(self.order, start + length, self.period):  # one period at once: its past is known
            block = slice(t, min(t + self.period, start + length))
            one, two = (amplitude[block.start - lag : block.stop - lag] for lag in (self.period, self.order))
            level = 0.5 * self.damping * (one + two) + self.noise * rng.standard_normal(one.shape)
            codes[block] = np.searchsorted(self.edges[1:-1], level, side="right")
            amplitude[block] = self.values[codes[block]]
        return np.ascontiguousarray(codes[start:].T)

    def mean(self, codes: np.ndarray) -> np.ndarray:
        """μ_t of the steps order + 1 ... T: codes (N, T) -> (N, T − order), float64. ValueError unless T > order."""
        codes = checks.integers("codes", codes, "N", "T", most=self.levels - 1)
        if codes.shape[1] <= self.order:
            raise ValueError(f"codes must have more than {self.order} steps, got shape {codes.shape}")
        v = self.values[codes]
        return 0.5 * self.damping * (v[:, 1 : -self.period] + v[:, : -self.order])

    def probabilities(self, codes: np.ndarray) -> np.ndarray:
        """p(c_t = k | the codes before t) for the steps from order + 1 to T: (N, T − order, levels), exact, float64.

        Φ((edges[k+1] − μ_t)/noise) − Φ((edges[k] − μ_t)/noise), with Φ the standard normal distribution function.
        """
        z = (self.edges - self.mean(codes)[..., None]) / self.noise  # (N, T − order, levels + 1)
        below, above = ndtr(z), ndtr(-z)
        # where both Φ are nearly 1 the difference is taken of 1 − Φ, which is small and exact
        return np.where(z[..., 1:] > 0, above[..., :-1] - above[..., 1:], below[..., 1:] - below[..., :-1])

    def log_prob(self, codes: np.ndarray) -> np.ndarray:
        """log p(c_t | the codes before t) of the steps from order + 1 to T: (N, T − order), in nats."""
        p = self.probabilities(codes)
        with np.errstate(divide="ignore"):  # a code of probability 0 to rounding: -inf
            return np.log(np.take_along_axis(p, np.asarray(codes)[:, self.order :, None], axis=2))[..., 0]

    def entropy(self, p: np.ndarray) -> np.ndarray:
        """−Σ_k p_k log p_k in nats over the last axis, (..., levels) -> (...): the information in the next code."""
        p = checks.probabilities("p", p, ..., self.levels)
        return -np.sum(xlogy(p, p), axis=-1)

    def _expanded(self, codes: np.ndarray) -> np.ndarray:
        """Return the inverse of mu-law companding, at codes that need not be whole."""
        mu = self.levels - 1
        y = 2 * codes / mu - 1
        return np.sign(y) * np.expm1(np.abs(y) * np.log1p(mu)) / mu
