"""A whole GAN: both players, their optimizers and the algorithm, to be trained, sampled and saved.

    gan = GAN(Generator(rng, dim_x=5), Discriminator(rng, dim_x=5), loss="wgan-gp")
    step = gan.descend(batches(x, size=64, rng=rng), rng)          # x (N, 5)
    fit(step, 5000, state=step.state)
    samples = gan.sample(rng, 1000)                                # (1000, 5)
    gan.save("gan.npz")                                            # GAN.from_file("gan.npz") loads it

A step is one of `train`: `goodfellow_step`, `wgan_step` or `wgan_gp_step`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy

from minigen import checks
from minigen.checks import checked, choice, nonnegative, positive, whole
from minigen.gan.losses import SMOOTH
from minigen.gan.train import goodfellow_step, wgan_gp_step, wgan_step
from minigen.nn import Module
from minigen.optim import Adam, RMSProp
from minigen.optim.optimizers import Optimizer
from minigen.types import Float32, Rng

SETTINGS = {"nonsaturating": "smooth", "minimax": "smooth", "wgan": "c", "wgan-gp": "penalty"}  # of each loss
Batches = Iterator | Callable[[numpy.random.Generator], Any]


class GAN(Module):
    """A generator and a discriminator (or critic) with their optimizers: descend(batches, rng), sample(rng, n).

    generator:     a Module, x = generator(z), with latent(rng, n) and sample(rng, n).
    discriminator: a Module, examples (N, ...) -> logits or scores (N,).
    loss:          "nonsaturating" or "minimax" (Goodfellow et al. 2014), "wgan" (Arjovsky et al. 2017), or "wgan-gp"
                   (Gulrajani et al. 2017).
    lr, d_lr:      learning rates of the generator and the discriminator; unless given, d_lr is lr.
    k:             updates of the discriminator for each of the generator; unless given 1, and 5 for a critic.
    smooth:        one-sided label smoothing of the first two losses. c: the bound of the weights of "wgan".
    penalty:       the weight λ of the gradient penalty of "wgan-gp".

    The optimizers are the attributes `g_optimizer` and `d_optimizer`: RMSProp with 5e-5 for "wgan", Adam with 1e-4 and
    β = (0, 0.9) for "wgan-gp", both as in the papers, else Adam with 2e-4 and β = (0.5, 0.999) (Radford et al. 2015).
    A file holds the players and the settings, but not what the optimizers have accumulated.
    Raises ValueError for arguments that do not fit, and for a setting of another loss.
    """

    @checked(generator=Module, discriminator=Module, loss=partial(choice, options=tuple(SETTINGS)))
    def __init__(
        self,
        generator: Any,
        discriminator: Any,
        *,
        loss: str = "nonsaturating",
        lr: float | None = None,
        d_lr: float | None = None,
        k: int | None = None,
        smooth: float | None = None,
        c: float | None = None,
        penalty: float | None = None,
    ):
        for name, value in {"smooth": smooth, "c": c, "penalty": penalty}.items():
            if value is not None and name != SETTINGS[loss]:
                raise ValueError(f"{name} must be None, since loss {loss!r} does not use it, got {value}")
        critic = loss in ("wgan", "wgan-gp")
        self.generator = checks.instance_with("generator", generator, "latent", "sample")
        self.discriminator = discriminator
        self.loss_name = loss
        self.k = (5 if critic else 1) if k is None else whole("k", k)
        self.smooth = 0.0 if smooth is None else SMOOTH("smooth", smooth)
        self.c = 0.01 if c is None else positive("c", c)
        self.penalty = 10.0 if penalty is None else nonnegative("penalty", penalty)
        usual = {"wgan": 5e-5, "wgan-gp": 1e-4}.get(loss, 2e-4)
        rate = usual if lr is None else positive("lr", lr)
        self.g_optimizer = self._optimizer(generator, rate)
        self.d_optimizer = self._optimizer(discriminator, rate if d_lr is None else positive("d_lr", d_lr))

    def _optimizer(self, player: Module, lr: float) -> Optimizer:
        if self.loss_name == "wgan":
            return RMSProp(player, lr)
        return Adam(player, lr, betas=(0.0, 0.9) if self.loss_name == "wgan-gp" else (0.5, 0.999))

    def step(self, batches: Batches, rng: Rng) -> dict[str, float]:
        """Update the discriminator on `k` batches and then the generator once; return their losses by name.

        batches: an iterator whose items are a batch of real examples (N, ...), such as `minigen.data.batches`, or a
                 function `batches(rng)` that draws one.
        ValueError: items that are not finite arrays of N ≥ 1 examples, or of another N than the first of the step.
        """
        checks.rng(rng)
        drawn = [next_batch(batches, rng)]  # the first, which says how many examples are generated
        size = len(drawn[0])

        def draw_real(n: int) -> numpy.ndarray:
            return drawn.pop() if drawn else next_batch(batches, rng)

        players = (self.generator, self.discriminator, self.g_optimizer, self.d_optimizer)
        if self.loss_name == "wgan":
            return wgan_step(*players, draw_real, size, rng, n_critic=self.k, c=self.c)
        if self.loss_name == "wgan-gp":
            return wgan_gp_step(*players, draw_real, size, rng, n_critic=self.k, penalty=self.penalty)
        saturating = self.loss_name == "minimax"
        return goodfellow_step(*players, draw_real, size, rng, k=self.k, saturating=saturating, smooth=self.smooth)

    def descend(self, batches: Batches, rng: Rng) -> "GANDescent":
        """Return the training step `step(i)` to be given to `minigen.train.fit`; arguments as for `step`."""
        return GANDescent(self, batches, rng)

    def sample(self, rng: Rng, n: int) -> Float32:
        """Return n generated examples (n, ...), from fresh latents."""
        return self.generator.sample(rng, n)


class GANDescent:
    """The training step of a GAN, called as `step(i)`; made by `GAN.descend`.

    Attributes: `gan`, and `state`, all that a step changes, by name, for the checkpoints of `fit`: the players, their
    optimizers, `rng` and the batches. A run that is resumed from them goes on bit for bit, unless batches are an
    iterator without `state()` and `load_state()`, such as a generator function's, which begins again.
    """

    @checked(gan=GAN, rng=Rng)
    def __init__(self, gan: GAN, batches: Batches, rng: Rng):
        check_batches(batches)
        self.gan, self.batches, self.rng = gan, batches, rng

    @property
    def state(self) -> dict[str, Any]:
        gan = self.gan
        state = {"generator": gan.generator, "discriminator": gan.discriminator}
        state |= {"g_optimizer": gan.g_optimizer, "d_optimizer": gan.d_optimizer, "rng": self.rng}
        if hasattr(self.batches, "state") and hasattr(self.batches, "load_state"):
            state["batches"] = self.batches
        of_batches = getattr(self.batches, "rng", None)
        if isinstance(of_batches, numpy.random.Generator) and of_batches is not self.rng:
            state["batches.rng"] = of_batches
        return state

    def __call__(self, i: int) -> dict[str, float]:
        """Step i: the losses of both players, by name."""
        return self.gan.step(self.batches, self.rng)


def check_batches(batches: Any) -> None:
    """Raise ValueError, unless batches are an iterator or a function."""
    if hasattr(batches, "__next__") or (callable(batches) and not isinstance(batches, type)):
        return
    hint = ": minigen.data.batches makes one of an array" if isinstance(batches, numpy.ndarray) else ""
    wanted = "an iterator, or a function of a generator"
    raise ValueError(f"batches must be {wanted}, got {type(batches).__name__}{hint}")


def next_batch(batches: Any, rng: Rng) -> numpy.ndarray:
    """Return the next batch of real examples, (N, ...), from an iterator or a function."""
    check_batches(batches)
    try:
        batch = next(batches) if hasattr(batches, "__next__") else batches(rng)
    except StopIteration:
        raise ValueError("batches must not end before the training does, got an iterator without more items") from None
    if isinstance(batch, tuple):
        if len(batch) != 1:
            raise ValueError(f"batches must give the real examples alone, got a tuple of {len(batch)}")
        batch = batch[0]
    return checks.array("a batch", batch, "N", ..., "D")
