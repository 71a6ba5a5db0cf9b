"""TD-VAE: a VAE for sequences that predicts far ahead in one jump (Gregor, Papamakarios, Besse, Buesing and Weber
2019).

A world has a hidden state z_t that we never see; we see x_t. Five parts, as the post names them:

    b_t = belief(x_1 ... x_t)            a recurrent net: all that the past says about the state now
    p_B(z_t | b_t)                       what the belief says about the state
    p_T(z_t2 | z_t1, t2 - t1)            how the state moves in t2 - t1 steps, in one jump
    p_S(z_t1 | z_t2, b_t1, b_t2)         smoothing: where the state must have been, given where it is now
    p_D(x_t2 | z_t2)                     the decoder

Time steps are counted from 1 to T, so x_t is x[:, t - 1].
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy

from minigen.nn import MLP, Embedding, GRUCell, Linear, Module
from minigen.optim import clip_grad_norm
from minigen.tensor import value_and_grad
from minigen.vae import _check
from minigen.vae.likelihoods import Gaussian, gaussian_log_likelihood
from minigen.vae.vae import reparameterize

Array = Any
Rng = numpy.random.Generator

# --------------------------------------------------------------------- the distributions


class Normal(NamedTuple):
    """N(mu, diag exp(logvar)) for each example; both (N, D)."""

    mu: Array
    logvar: Array

    def sample(self, eps: Array) -> Array:
        """mu + sigma * eps: (N, D) -> (N, D)."""
        return reparameterize(self.mu, self.logvar, eps)

    def log_prob(self, z: Array) -> Array:
        """(N, D) -> (N,), nats."""
        return gaussian_log_likelihood(z, self.mu, self.logvar)


class Decoded(NamedTuple):
    """p(x|z) for each example: a likelihood, and the decoder's output (N, D) that it is made of."""

    likelihood: Module
    output: Array

    def log_prob(self, x: Array) -> Array:
        """(N, D) -> (N,), nats."""
        return self.likelihood.log_prob(x, self.output)

    def mean(self) -> Array:
        """(N, D)."""
        return self.likelihood.mean(self.output)

    def sample(self, rng: Rng) -> numpy.ndarray:
        """(N, D)."""
        return self.likelihood.sample(rng, self.output)


class GatedNormal(Module):
    """A network whose output is a Normal: tanh(A u) * sigmoid(B u), then two linear maps, to mu and to logvar.

    `net(a, b, ...) -> Normal`, u being the arguments (N, ·) side by side. The products let one input steer another. At
    first logvar is near -3: states that say nothing at the start are slow to begin.
    """

    def __init__(self, rng: Rng, n_in: int, width: int, dim_z: int):
        self.content, self.gate = (
            Linear(rng, n_in, width, a, scale=3**0.5) for a in ("tanh", "sigmoid")
        )  # unit variance
        self.mu, self.logvar = Linear(rng, width, dim_z, scale=3**0.5), Linear(rng, width, dim_z)
        self.logvar.b -= 3

    def __call__(self, *inputs):
        u = np.concatenate(inputs, axis=1)  # (N, n_in)
        h = self.content(u) * self.gate(u)  # (N, width)
        return Normal(self.mu(h), self.logvar(h))


# --------------------------------------------------------------------- the loss


def td_vae_loss(model: Any, x: Array, t1: Any, t2: Any, eps1: Array, eps2: Array) -> Array:
    """The mean over the batch of -J_{t1,t2}, nats: a scalar to be minimized. Eq. vae.24

    x (N, T, D); t1 < t2 whole numbers, or one pair for each sequence (N,); standard normal noise eps1 and eps2 (N,
    D_z). The state at t2 is drawn first, from the belief; then the state at t1 that it came from:

        z_t2 ~ p_B(. | b_t2),   then   z_t1 ~ p_S(. | z_t2, b_t1, b_t2).

    With t2 = t1 + 1 it is Eq. vae.23: the bound of Eq. vae.22, which is Eq. vae.21 given the past.
    Raises ValueError as `TDVAE.at` does.
    """
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
    which p_T and p_S are given. features: if not 0, the width of a layer that looks at each observation before the GRU
    (for images). decoder: widths of its hidden layers. likelihood: what the decoder's output means; by default a
    Gaussian whose variance is learned.
    """

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
        likelihood: Module | None = None,
        dim_gap: int = 16,
    ):
        self.dim_x, self.dim_z, self.width = (
            _check.count(name, value) for name, value in (("dim_x", dim_x), ("dim_z", dim_z), ("width", width))
        )
        self.max_gap, hidden = _check.count("max_gap", max_gap), hidden or width
        self.features = Linear(rng, dim_x, features, "leaky_relu") if features else None
        self.cell = GRUCell(rng, features or dim_x, width)
        self.gaps = Embedding(rng, max_gap, dim_gap)
        self.belief_net = GatedNormal(rng, width, hidden, dim_z)
        self.transition_net = GatedNormal(rng, dim_z + dim_gap, hidden, dim_z)
        self.smoothing_net = GatedNormal(rng, dim_z + 2 * width + dim_gap, hidden, dim_z)
        self.decoder = MLP(rng, [dim_z, *decoder, dim_x], "leaky_relu")
        self.likelihood = Gaussian() if likelihood is None else likelihood

    def belief(self, x: Array) -> Array:
        """b_1 ... b_T: (N, T, dim_x) -> (N, T, width). b_t has seen x_1 ... x_t, and nothing later."""
        if np.ndim(x) != 3 or np.shape(x)[2] != self.dim_x:
            raise ValueError(f"x must have shape (N, T, {self.dim_x}), got {np.shape(x)}")
        seen = x if self.features is None else self.features(x)  # (N, T, features)
        b, beliefs = self.cell.start(len(x)), []
        for t in range(np.shape(x)[1]):
            b = self.cell(seen[:, t], b)  # (N, width)
            beliefs.append(b)
        return np.stack(beliefs, axis=1)  # (N, T, width)

    def at(self, x: Array, t1: Any, t2: Any) -> tuple[tuple[Array, Array, Array], numpy.ndarray]:
        """(x_t2 (N, dim_x), b_t1 (N, width), b_t2 (N, width)) and the gap t2 - t1 (N,).

        t1, t2: whole numbers, or one for each sequence (N,). ValueError unless 1 <= t1 < t2 <= T, the gap is at most
        max_gap, and x is (N, T, dim_x).
        """
        t1, t2 = check_times(x, t1, t2, self.max_gap)
        beliefs, row = self.belief(x[:, : t2.max()]), numpy.arange(len(x))
        return (x[row, t2 - 1], beliefs[row, t1 - 1], beliefs[row, t2 - 1]), t2 - t1

    def p_B(self, b: Array) -> Normal:
        """What a belief (N, width) says about the state."""
        return self.belief_net(b)

    def p_T(self, z1: Array, gap: numpy.ndarray) -> Normal:
        """Where the state z1 (N, dim_z) will be `gap` (N,) steps later."""
        return self.transition_net(z1, self.gaps(gap - 1))

    def p_S(self, z2: Array, b1: Array, b2: Array, gap: numpy.ndarray) -> Normal:
        """Where the state was `gap` (N,) steps before it was z2 (N, dim_z), with the beliefs (N, width) then and
        now."""
        return self.smoothing_net(z2, b1, b2, self.gaps(gap - 1))

    def p_D(self, z2: Array) -> Decoded:
        """What is seen of a state (N, dim_z)."""
        return Decoded(self.likelihood, self.decoder(z2))

    def td_vae_loss(self, x: Array, t1: Any, t2: Any, eps1: Array, eps2: Array) -> Array:
        """The mean of -J_{t1,t2}, nats: see the function `td_vae_loss`. Eq. vae.24"""
        return td_vae_loss(self, x, t1, t2, eps1, eps2)

    def predict(
        self,
        x: numpy.ndarray,
        t1: int,
        t2: int,
        rng: Rng,
        samples: int = 1,
        noise: bool = True,
        stride: int | None = None,
    ) -> numpy.ndarray:
        """Draws of x_t2 given x_1 ... x_t1: (N, T, dim_x) -> (samples, N, dim_x). t2 may lie beyond T.

        z_t1 from p_B, then z_t2 from p_T in one jump, or in jumps of `stride` steps (1: the step-by-step rollout), then
        x_t2 from p_D or, without `noise`, its mean. ValueError unless 1 <= t1 < t2, t1 <= T, a jump is at most
        max_gap, and `stride` divides t2 - t1.
        """
        samples, t1, t2 = _check.count("samples", samples), _check.count("t1", t1), _check.count("t2", t2)
        stride = t2 - t1 if stride is None else _check.count("stride", stride)
        if not t1 < t2 or t1 > np.shape(x)[1]:
            raise ValueError(f"t1 must be less than t2 = {t2} and at most T = {np.shape(x)[1]}, got {t1}")
        if (t2 - t1) % stride or stride > self.max_gap:
            raise ValueError(f"stride must divide {t2 - t1} and be at most max_gap = {self.max_gap}, got {stride}")
        b1 = self.belief(x[:, :t1])[:, -1]  # (N, width)
        n = samples * len(b1)
        gap, eps = numpy.full(n, stride), lambda: rng.standard_normal((n, self.dim_z), dtype=numpy.float32)
        z = self.p_B(numpy.tile(b1, (samples, 1))).sample(eps())  # (samples·N, dim_z)
        for _ in range((t2 - t1) // stride):
            z = self.p_T(z, gap).sample(eps())
        seen = self.p_D(z)
        return (seen.sample(rng) if noise else seen.mean()).reshape(samples, len(b1), self.dim_x)


def check_times(x: Array, t1: Any, t2: Any, max_gap: int) -> tuple[numpy.ndarray, numpy.ndarray]:
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


def draw_times(rng: Rng, n: int, length: int, max_gap: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """`n` pairs t1 < t2 <= length, two arrays (n,): the gap uniform in 1 ... max_gap, then t1 uniform."""
    if not 1 <= _check.count("max_gap", max_gap) < _check.count("length", length):
        raise ValueError(f"max_gap must be less than length = {length}, got {max_gap}")
    gap = rng.integers(1, max_gap + 1, size=n)
    t1 = rng.integers(1, length - gap + 1)
    return t1, t1 + gap


def training_step(
    model: TDVAE,
    optimizer: Any,
    x: numpy.ndarray,
    rng: Rng,
    max_gap: int | None = None,
    max_norm: float = 10.0,
    loss: Callable | None = None,
) -> dict[str, float]:
    """One step on sequences x (N, T, dim_x), each with its own random pair of times; returns the loss in nats.

    max_gap: the longest jump, by default the model's. Parts that are frozen do not learn. Gradients longer than
    `max_norm` are shortened. `loss`, if given, takes the place of `td_vae_loss`.
    """
    n, length = x.shape[:2]
    t1, t2 = draw_times(rng, n, length, max_gap or min(model.max_gap, length - 1))
    eps1, eps2 = rng.standard_normal((2, n, model.dim_z), dtype=numpy.float32)
    value, grads = value_and_grad(lambda m: (loss or td_vae_loss)(m, x, t1, t2, eps1, eps2))(model)
    clip_grad_norm(grads, max_norm)
    optimizer.step(grads)
    return {"loss": value}
