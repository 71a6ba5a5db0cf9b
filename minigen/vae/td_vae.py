"""TD-VAE: a VAE of sequences that predicts many steps ahead at once (Gregor, Papamakarios, Besse et al. 2019).

A state-space model: observations x_t depend on a hidden state z_t. Its five parts, named as in the post:

    b_t = belief(x_1 ... x_t)            belief state: a recurrent network's summary of the past
    p_B(z_t | b_t)                       filtering: the state, given the belief
    p_T(z_t2 | z_t1, t2 - t1)            transition: the state t2 - t1 steps later, in one jump
    p_S(z_t1 | z_t2, b_t1, b_t2)         smoothing: the earlier state, given the later one
    p_D(x_t2 | z_t2)                     decoder: the observation, given the state

Time steps are counted from 1 to T, so x_t is x[:, t - 1].
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, positive, whole
from minigen.nn import MLP, Embedding, GRUCell, Linear, Module, he_gain
from minigen.optim import clip_grad_norm
from minigen.optim.optimizers import Optimizer
from minigen.tensor import value_and_grad
from minigen.types import Array, Float32, Rng
from minigen.vae.likelihoods import Gaussian, Likelihood, gaussian_log_likelihood
from minigen.vae.vae import reparameterize

Times: TypeAlias = int | numpy.ndarray  # one for all sequences, or one for each (N,)

# --------------------------------------------------------------------- the distributions


class Normal(NamedTuple):
    """N(mu, diag exp(logvar)) for each example; both (N, D)."""

    mu: Array
    logvar: Array

    def sample(self, eps: Array) -> Float32:
        """mu + sigma * eps: (N, D) -> (N, D)."""
        return reparameterize(self.mu, self.logvar, eps)

    def log_prob(self, z: Array) -> Float32:
        """(N, D) -> (N,), nats."""
        return gaussian_log_likelihood(z, self.mu, self.logvar)


class Decoded(NamedTuple):
    """p(x|z) for each example: a likelihood, and the decoder's output (N, D), its parameters."""

    likelihood: Likelihood
    output: Array

    def log_prob(self, x: Array) -> Float32:
        """(N, D) -> (N,), nats."""
        return self.likelihood.log_prob(x, self.output)

    def mean(self) -> Float32:
        """(N, D)."""
        return self.likelihood.mean(self.output)

    def sample(self, rng: Rng) -> Float32:
        """(N, D)."""
        return self.likelihood.sample(rng, self.output)


class GatedNormal(Module):
    """A network whose output is a Normal: tanh(A u) * sigmoid(B u), then two linear maps, to mu and to logvar.

    `net(a, b, ...) -> Normal`, u being the concatenated arguments (N, ·). The products are multiplicative interactions
    of the inputs. logvar starts near -3: with a wide initial state the training is slow to begin.
    """

    def __init__(self, rng: Rng, n_in: int, width: int, dim_z: int):
        unit_variance = he_gain(None)
        self.content = Linear(rng, n_in, width, "tanh", scale=unit_variance)
        self.gate = Linear(rng, n_in, width, "sigmoid", scale=unit_variance)
        self.mu = Linear(rng, width, dim_z, scale=unit_variance)
        self.logvar = Linear(rng, width, dim_z)
        self.logvar.b = numpy.full(dim_z, -3, numpy.float32)

    def __call__(self, *inputs: Array) -> Array:
        u = np.concatenate(inputs, axis=1)  # (N, n_in)
        h = self.content(u) * self.gate(u)  # (N, width)
        return Normal(self.mu(h), self.logvar(h))


# --------------------------------------------------------------------- the loss


def td_vae_loss(model: Any, x: Array, t1: Times, t2: Times, eps1: Array, eps2: Array) -> Array:
    """The mean over the batch of -J_{t1,t2}, nats: a scalar to be minimized. Eq. vae.24

    x (N, T, D); t1 < t2 whole numbers, or one pair for each sequence (N,); standard normal noise eps1 and eps2 (N,
    D_z). The state at t2 is drawn first, from the belief; then the state at t1 that it came from:

        z_t2 ~ p_B(. | b_t2),   then   z_t1 ~ p_S(. | z_t2, b_t1, b_t2).

    With t2 = t1 + 1 it is Eq. vae.23: the bound of Eq. vae.22, which is Eq. vae.21 given the past.
    Raises ValueError as `TDVAE.at` does.
    """
    checks.instance_with("model", model, "at")
    (x2, b1, b2), gap = model.at(x, t1, t2)
    belief1, belief2 = model.p_B(b1), model.p_B(b2)
    z2 = belief2.sample(eps2)  # (N, D_z)
    smoothing = model.p_S(z2, b1, b2, gap)
    z1 = smoothing.sample(eps1)  # (N, D_z)
    bound = model.p_D(z2).log_prob(x2) + belief1.log_prob(z1) + model.p_T(z1, gap).log_prob(z2)  # (N,)
    bound = bound - belief2.log_prob(z2) - smoothing.log_prob(z1)
    return -np.mean(bound)


# --------------------------------------------------------------------- the model


class TDVAE(Module):
    """TDVAE(rng, dim_x, dim_z, width, max_gap): a GRU for the belief, gated networks for the rest.

    dim_x: numbers in one observation. dim_z: in a state. width: of the belief; hidden: of the hidden layers of p_B, p_T
    and p_S (by default `width`). max_gap: the longest jump t2 - t1; each length from 1 on has a vector of its own,
    an input of p_T and p_S. features: if not 0, the width of a layer between each observation and the GRU (for images).
    decoder: widths of its hidden layers. likelihood: p(x|z); by default a Gaussian whose variance is learned.
    """

    @checked(dim_x=whole, dim_z=whole, width=whole, max_gap=whole)
    def __init__(
        self,
        rng: Rng,
        dim_x: int,
        dim_z: int,
        width: int = 64,
        max_gap: int = 10,
        features: int = 0,
        hidden: int = 0,
        decoder: tuple[int, ...] = (64,),
        likelihood: Likelihood | None = None,
        dim_gap: int = 16,
    ):
        self.dim_x = dim_x
        self.dim_z = dim_z
        self.width = width
        self.max_gap = max_gap
        for name, size in (("features", features), ("hidden", hidden)):
            checks.whole(name, size, least=0)
        checks.whole("dim_gap", dim_gap)
        decoder = tuple(checks.wholes("decoder", decoder))
        if likelihood is not None:
            checks.instance("likelihood", likelihood, Likelihood)
        hidden = hidden or width
        self.features = Linear(rng, dim_x, features, "leaky_relu") if features else None
        self.cell = GRUCell(rng, features or dim_x, width)
        self.gaps = Embedding(rng, max_gap, dim_gap)
        self.belief_net = GatedNormal(rng, width, hidden, dim_z)
        self.transition_net = GatedNormal(rng, dim_z + dim_gap, hidden, dim_z)
        self.smoothing_net = GatedNormal(rng, dim_z + 2 * width + dim_gap, hidden, dim_z)
        self.decoder = MLP(rng, [dim_z, *decoder, dim_x], "leaky_relu")
        self.likelihood: Likelihood = Gaussian() if likelihood is None else likelihood

    def belief(self, x: Array) -> Array:
        """b_1 ... b_T: (N, T, dim_x) -> (N, T, width). b_t depends on x_1 ... x_t only; x must be finite."""
        x = checks.array("x", x, "N", "T", self.dim_x)
        seen = x if self.features is None else self.features(x)  # (N, T, features)
        b = self.cell.start(len(x))  # (N, width)
        beliefs = []
        for t in range(np.shape(x)[1]):
            b = self.cell(seen[:, t], b)  # (N, width)
            beliefs.append(b)
        return np.stack(beliefs, axis=1)  # (N, T, width)

    def at(self, x: Array, t1: Times, t2: Times) -> tuple[tuple[Array, Array, Array], numpy.ndarray]:
        """(x_t2 (N, dim_x), b_t1 (N, width), b_t2 (N, width)) and the gap t2 - t1 (N,).

        t1, t2: whole numbers, or one for each sequence (N,). ValueError unless 1 <= t1 < t2 <= T, the gap is at most
        max_gap, and x is (N, T, dim_x).
        """
        x = checks.array("x", x, "N", "T", self.dim_x)
        t1, t2 = check_times(x, t1, t2, self.max_gap)
        beliefs = self.belief(x[:, : t2.max()])
        row = numpy.arange(len(x))
        return (x[row, t2 - 1], beliefs[row, t1 - 1], beliefs[row, t2 - 1]), t2 - t1

    def p_B(self, b: Array) -> Normal:
        """The state, given the belief (N, width)."""
        return self.belief_net(b)

    def p_T(self, z1: Array, gap: numpy.ndarray) -> Normal:
        """The state `gap` (N,) steps after z1 (N, dim_z)."""
        return self.transition_net(z1, self.gaps(gap - 1))

    def p_S(self, z2: Array, b1: Array, b2: Array, gap: numpy.ndarray) -> Normal:
        """The state `gap` (N,) steps before z2 (N, dim_z), given the beliefs (N, width) at both times."""
        return self.smoothing_net(z2, b1, b2, self.gaps(gap - 1))

    def p_D(self, z2: Array) -> Decoded:
        """The observation, given the state (N, dim_z)."""
        return Decoded(self.likelihood, self.decoder(z2))

    def td_vae_loss(self, x: Array, t1: Times, t2: Times, eps1: Array, eps2: Array) -> Array:
        """The mean of -J_{t1,t2}, nats: see the function `td_vae_loss`. Eq. vae.24"""
        return td_vae_loss(self, x, t1, t2, eps1, eps2)

    @checked(x="N, T, D", rng=Rng)
    def loss(self, x: numpy.ndarray, rng: Rng, max_gap: int | None = None) -> Array:
        """Return the mean of -J_{t1,t2} over sequences x (N, T, dim_x), nats: a scalar. Eq. vae.24

        Each sequence has its own random pair of times, at most `max_gap` apart (by default the model's). ValueError:
        sequences of one step.
        """
        return td_vae_loss(self, x, *draw_times_and_noise(self, x, rng, max_gap))

    @checked(rng=Rng, n=whole, length=whole)
    def sample(self, rng: Rng, n: int, past: numpy.ndarray, length: int, noise: bool = True) -> Float32:
        """Return `n` draws of the `length` observations after those of past (N, T, dim_x): (n, N, length, dim_x).

        z_T from p_B, then state after state from p_T with a gap of 1, each with an observation from p_D or, without
        `noise`, its mean. `predict` reaches a single later time in one jump.
        """
        past = checks.array("past", past, "N", "T", self.dim_x)
        b = numpy.tile(self.belief(past)[:, -1], (n, 1))  # (n·N, width)
        z, gap, observations = self.p_B(b).sample(self._noise(rng, len(b))), numpy.ones(len(b), int), []
        for _ in range(length):
            z = self.p_T(z, gap).sample(self._noise(rng, len(b)))
            decoded = self.p_D(z)
            observations.append(decoded.sample(rng) if noise else decoded.mean())  # (n·N, dim_x)
        return numpy.stack(observations, axis=1).reshape(n, len(past), length, self.dim_x)

    def _noise(self, rng: Rng, n: int) -> numpy.ndarray:
        return rng.standard_normal((n, self.dim_z), dtype=numpy.float32)

    @checked(rng=Rng, samples=whole, t1=whole, t2=whole)
    def predict(
        self,
        rng: Rng,
        x: numpy.ndarray,
        t1: int,
        t2: int,
        samples: int = 1,
        noise: bool = True,
        stride: int | None = None,
    ) -> Float32:
        """Draws of x_t2 given x_1 ... x_t1: (N, T, dim_x) -> (samples, N, dim_x). t2 may lie beyond T.

        z_t1 from p_B, then z_t2 from p_T in one jump, or in jumps of `stride` steps (1: the step-by-step rollout), then
        x_t2 from p_D or, without `noise`, its mean. ValueError unless t1 < t2, t1 <= T, a jump is at most max_gap, and
        `stride` divides t2 - t1.
        """
        x = checks.array("x", x, "N", "T", self.dim_x)
        stride = t2 - t1 if stride is None else checks.whole("stride", stride)
        if not t1 < t2 or t1 > np.shape(x)[1]:
            raise ValueError(f"t1 must be less than t2 = {t2} and at most T = {np.shape(x)[1]}, got {t1}")
        if (t2 - t1) % stride or stride > self.max_gap:
            raise ValueError(f"stride must divide {t2 - t1} and be at most max_gap = {self.max_gap}, got {stride}")
        b1 = self.belief(x[:, :t1])[:, -1]  # (N, width)
        n = samples * len(b1)
        gap = numpy.full(n, stride)

        z = self.p_B(numpy.tile(b1, (samples, 1))).sample(self._noise(rng, n))  # (samples·N, dim_z)
        for _ in range((t2 - t1) // stride):
            z = self.p_T(z, gap).sample(self._noise(rng, n))
        decoded = self.p_D(z)
        x2 = decoded.sample(rng) if noise else decoded.mean()  # (samples·N, dim_x)
        return x2.reshape(samples, len(b1), self.dim_x)


def check_times(x: Array, t1: Times, t2: Times, max_gap: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """t1 and t2 as integer arrays (N,); ValueError unless 1 <= t1 < t2 <= T and t2 - t1 <= max_gap."""
    n, length = np.shape(x)[:2]
    times = []
    for name, t in (("t1", t1), ("t2", t2)):
        t = numpy.asarray(t)
        if t.dtype.kind not in "iu" or t.shape not in ((), (n,)):
            raise ValueError(f"{name} must be a whole number or {n} of them, got {t.dtype} of shape {t.shape}")
        times.append(numpy.broadcast_to(t, (n,)))
    t1, t2 = times
    if not (numpy.all(t1 >= 1) and numpy.all(t1 < t2) and numpy.all(t2 <= length)):
        raise ValueError(f"times must be 1 <= t1 < t2 <= T = {length}, got t1 = {t1} and t2 = {t2}")
    if numpy.any(t2 - t1 > max_gap):
        raise ValueError(f"t2 - t1 must be at most max_gap = {max_gap}, got {numpy.max(t2 - t1)}")
    return t1, t2


# --------------------------------------------------------------------- training


def draw_times(n: int, length: int, max_gap: int, rng: Rng) -> tuple[numpy.ndarray, numpy.ndarray]:
    """`n` pairs t1 < t2 <= length, two arrays (n,): the gap uniform in 1 ... max_gap, then t1 uniform."""
    if not checks.whole("max_gap", max_gap) < checks.whole("length", length):
        raise ValueError(f"max_gap must be less than length = {length}, got {max_gap}")
    n = checks.whole("n", n)
    gap = checks.rng(rng).integers(1, max_gap + 1, size=n)
    t1 = rng.integers(1, length - gap + 1)
    return t1, t1 + gap


def draw_times_and_noise(model: TDVAE, x: numpy.ndarray, rng: Rng, max_gap: int | None = None) -> tuple[Any, ...]:
    """t1, t2 (N,), eps1 and eps2 (N, D_z): what `td_vae_loss` needs for sequences x (N, T, dim_x).

    max_gap: the longest jump, by default the model's, or the longest that fits.
    """
    n, length = np.shape(x)[:2]
    max_gap = min(model.max_gap, length - 1) if max_gap is None else max_gap
    t1, t2 = draw_times(n, length, max_gap, rng)
    eps1, eps2 = rng.standard_normal((2, n, model.dim_z), dtype=numpy.float32)
    return t1, t2, eps1, eps2


@checked(max_norm=positive)
def training_step(
    model: TDVAE,
    optimizer: Optimizer,
    x: numpy.ndarray,
    rng: Rng,
    max_gap: int | None = None,
    max_norm: float = 10.0,
    loss: Callable | None = None,
) -> dict[str, float]:
    """One step on sequences x (N, T, dim_x), each with its own random pair of times; returns the loss in nats.

    max_gap: the longest jump, by default the model's. Gradients are clipped to the norm `max_norm`. `loss`, if given,
    takes the place of `td_vae_loss`: loss(model, x, t1, t2, eps1, eps2) -> scalar.
    """
    x = checks.array("x", x, "N", "T", model.dim_x)
    if loss is not None:
        checks.function("loss", loss)
    value, grads = value_and_grad(loss or td_vae_loss)(model, x, *draw_times_and_noise(model, x, rng, max_gap))
    clip_grad_norm(grads, max_norm)
    optimizer.step(grads)
    return {"loss": value}
