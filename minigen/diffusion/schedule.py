"""How much noise each step of the forward process adds.

    schedule = Schedule.linear(1000)
    schedule.beta[t], schedule.alpha_bar[t]            # the post's β_t and ᾱ_t, t = 1 ... T

Step t shrinks the sample by √(1 − β_t) and adds noise of variance β_t. After t steps the data has been shrunk by √ᾱ_t
in all, and the noise has variance 1 − ᾱ_t. Time 0 is the data itself: alpha_bar[0] = 1.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy
from numpy.typing import ArrayLike

from minigen import checks
from minigen.checks import Sized, checked, nonnegative, number, unchecked, whole
from minigen.types import Array


class Schedule:
    """The numbers of a forward process of T steps, from its betas (T,), each between 0 and 1.

    All attributes are float64 arrays (T + 1,) indexed by the time step, 0 ... T:

        beta                β, the variance of the noise that step t adds; beta[0] = 0
        alpha               α = 1 − β
        alpha_bar           ᾱ_t = α_1 α_2 ... α_t; alpha_bar[0] = 1
        posterior_variance  β̃, the variance of x_{t-1} when x_t and x_0 are known; 0 at t = 1 (and at t = 0)
        posterior_variance_clipped    the same with its value at t = 2 at t = 1 too, so that it has a logarithm
        snr                 signal-to-noise ratio ᾱ/(1 − ᾱ), infinite at t = 0
        sigma               1/√snr: the noise of x_t in units of the data, the σ of NCSN and of Karras et al.
        times               the time argument of a model at step t: t itself, except after `subset`

    `Schedule(schedule.beta[1:], schedule.times[1:])` is the same schedule again, bit for bit. `times` (T,) are whole
    numbers of at least 1 that rise.

    Raises ValueError for other shapes or values.
    Eq. diffusion.01, Eq. diffusion.02, Eq. diffusion.07, Eq. diffusion.25; Ho et al. 2020.
    """

    @checked(beta=Sized("...", finite=False))
    def __init__(self, beta: ArrayLike, times: ArrayLike | None = None):
        beta = numpy.array(beta, dtype=numpy.float64)
        if beta.ndim != 1 or beta.size == 0:
            raise ValueError(f"beta must have shape (T,), one value for each step, got {beta.shape}")
        if not (numpy.all(beta > 0) and numpy.all(beta < 1)):  # false for NaN
            raise ValueError(f"beta must lie strictly between 0 and 1, got values from {beta.min()} to {beta.max()}")
        self.T = len(beta)
        self.beta = numpy.concatenate([[0.0], beta])  # (T + 1,), as all that follow
        self.alpha = 1 - self.beta
        self.alpha_bar = numpy.cumprod(self.alpha)
        self.posterior_variance = numpy.concatenate([[0.0], unchecked(posterior_variances)(beta)])
        self.posterior_variance_clipped = self.posterior_variance.copy()
        self.posterior_variance_clipped[:2] = self.posterior_variance[2] if self.T > 1 else self.beta[1]
        with numpy.errstate(divide="ignore"):
            self.snr = self.alpha_bar / (1 - self.alpha_bar)
        self.sigma = numpy.sqrt((1 - self.alpha_bar) / self.alpha_bar)
        self.times = numpy.arange(self.T + 1)
        if times is not None:
            self.times[1:] = rising_times(times, self.T)

    @classmethod
    def linear(cls, T: int, first: float = 1e-4, last: float = 0.02) -> Schedule:
        """β rises in a straight line from `first` to `last`; the defaults are those of Ho et al. 2020 for T = 1000.

        With fewer steps give a larger `last`, about 20/T, or x_T is not yet noise: ᾱ_T is near exp(−T (first +
        last)/2).
        """
        T = checks.whole("T", T)
        first, last = checks.number("first", first, 0, 1), checks.number("last", last, 0, 1)
        return cls(numpy.linspace(first, last, T))

    @classmethod
    def cosine(cls, T: int, s: float = 0.008, largest: float = 0.999) -> Schedule:
        """ᾱ_t = f(t)/f(0) with f(t) = cos²((t/T + s)/(1 + s) · π/2), and β cut off above at `largest`.

        The data fades more evenly over the steps than with `linear`; s > 0 keeps the first steps from being too small.
        At t = T, where f is 0, the cut leaves a trace of the data. Eq. diffusion.18; Nichol and Dhariwal 2021.
        """
        return cls(cosine_beta(T, s, largest))

    @classmethod
    def karras(cls, T: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> Schedule:
        """`sigma` rises from sigma_min (t = 1) to sigma_max (t = T) so that sigma^(1/rho) is a straight line.

        With rho = 7 the steps are short where the noise is small. Karras et al. 2022, eq. 5, counted from the data.
        """
        T = checks.whole("T", T)
        low = checks.positive("sigma_min", sigma_min)
        high = checks.number("sigma_max", sigma_max, low)
        rho = checks.positive("rho", rho)
        sigma = numpy.linspace(low ** (1 / rho), high ** (1 / rho), T) ** rho if T > 1 else numpy.array([high])  # (T,)
        return cls.from_alpha_bar(1 / (1 + sigma**2))

    @classmethod
    def from_alpha_bar(cls, alpha_bar: ArrayLike) -> Schedule:
        """The schedule with these ᾱ (T,) at t = 1 ... T: falling, below 1, above 0."""
        given = numpy.array(alpha_bar, dtype=numpy.float64).ravel()  # (T,)
        curve = numpy.concatenate([[1.0], given])  # (T + 1,)
        if not (numpy.all(numpy.diff(curve) < 0) and curve[-1] > 0):
            raise ValueError(f"alpha_bar must fall from below 1 to a positive value, got {given}")
        return cls(1 - curve[1:] / curve[:-1])

    def subset(self, times: ArrayLike) -> Schedule:
        """The shorter forward process that stops only at `times` (S,), rising, in 1..T.

        Its step i leads from s = times[i − 1] to t = times[i], so its β is 1 − ᾱ_t/ᾱ_s. Its own attribute `times` holds
        the t for a model that was trained on the full schedule. Nichol and Dhariwal 2021, eq. 19.
        """
        chosen = rising_times(times, most=self.T)
        shorter = Schedule.from_alpha_bar(self.alpha_bar[chosen])
        return Schedule(shorter.beta[1:], self.times[chosen])

    def __repr__(self) -> str:
        return f"<Schedule of {self.T} steps, alpha_bar from {self.alpha_bar[1]:.4g} to {self.alpha_bar[-1]:.3g}>"


@checked(beta=Sized("T", dtype=numpy.float64, low=0, high=1))
def posterior_variances(beta: Array) -> numpy.ndarray:
    """β̃_t = (1 − ᾱ_{t−1})/(1 − ᾱ_t) β_t, the variance of x_{t−1} when x_t and x_0 are known: beta (T,) -> (T,).

    beta holds β_1 ... β_T and the result β̃_1 ... β̃_T. The first is 0: before the first step there is x_0 itself.
    Eq. diffusion.07
    """
    alpha_bar = numpy.cumprod(1 - beta)  # (T,)
    before = numpy.concatenate([[1.0], alpha_bar[:-1]])  # ᾱ one step earlier
    return (1 - before) / _divisor(1 - alpha_bar) * beta


def rising_times(times: ArrayLike, length: int | None = None, most: int | None = None) -> numpy.ndarray:
    """Return times, if they are rising whole numbers (length,) from 1 to `most`. Raises ValueError for others."""
    chosen = numpy.asarray(times)
    if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu" or numpy.any(numpy.diff(chosen) <= 0):
        raise ValueError(f"times must be rising whole numbers, shape (S,), got {times!r}")
    if length is not None and len(chosen) != length:
        raise ValueError(f"times must have shape ({length},), one for each step, got {chosen.shape}")
    if chosen[0] < 1 or (most is not None and chosen[-1] > most):
        bounds = "at least 1" if most is None else f"in 1..{most}"
        raise ValueError(f"times must be {bounds}, got values from {chosen[0]} to {chosen[-1]}")
    return chosen


def _divisor(noise: numpy.ndarray) -> numpy.ndarray:
    """1 − ᾱ, with 1 where it is 0 because the betas are too small to count."""
    return numpy.where(noise == 0, 1, noise)


@checked(T=whole)
def spaced_timesteps(T: int, steps: int) -> numpy.ndarray:
    """`steps` of the time steps 1..T, evenly spaced and ending with T, for a sampler with fewer steps: (steps,)."""
    steps = checks.whole("steps", steps, 1, T)
    return numpy.round(numpy.arange(1, steps + 1) * T / steps).astype(int)  # T / steps alone would be rounded before


@checked(T=whole, s=nonnegative, largest=partial(number, low=0, high=1, without=0))
def cosine_beta(T: int, s: float = 0.008, largest: float = 0.999) -> numpy.ndarray:
    """The β of the cosine schedule, (T,) float64: 1 − f(t)/f(t−1), cut off above at `largest`, for t = 1 ... T.

    f(t) = cos²((t/T + s)/(1 + s) · π/2). Eq. diffusion.18; Nichol and Dhariwal 2021.
    """
    f = numpy.cos((numpy.arange(T + 1) / T + s) / (1 + s) * numpy.pi / 2) ** 2  # (T + 1,)
    return numpy.minimum(1 - f[1:] / f[:-1], largest)


# ------------------------------------------------------------------------------------------- what formulas share


def per_example(c: Any, x: Array) -> Array:
    """c x with one number c for each example: c () or (N,), x (N, ...) -> (N, ...), in the dtype of x."""
    c = numpy.asarray(c)
    return x * c.reshape(c.shape + (1,) * (numpy.ndim(x) - 1) * (c.ndim > 0)).astype(x.dtype)
