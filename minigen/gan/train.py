"""One training step of each algorithm: GAN, WGAN with clipped weights, WGAN with a gradient penalty.

Each step draws its own minibatches: `draw_real(n)` returns n real examples, `rng` draws the latents. It updates both
networks in place through their optimizers and returns the losses by name, in nats or in units of the critic (that of
the discriminator or critic at its last step). All raise ValueError for counts that are not positive whole numbers, an
rng that is none, and real examples that are not finite or not `batch` many.
"""

from collections.abc import Callable
from typing import Any

import numpy

from minigen import checks
from minigen.checks import checked, nonnegative, positive, whole
from minigen.gan import losses, wgan
from minigen.nn import Module
from minigen.optim.optimizers import Optimizer
from minigen.tensor import value_and_grad
from minigen.types import Rng


@checked(k=whole, smooth=losses.SMOOTH)
def goodfellow_step(
    generator: Any,
    discriminator: Any,
    g_optimizer: Optimizer,
    d_optimizer: Optimizer,
    draw_real: Callable[[int], numpy.ndarray],
    batch: int,
    rng: Rng,
    *,
    k: int = 1,
    saturating: bool = False,
    smooth: float = 0.0,
) -> dict[str, float]:
    """Goodfellow et al. 2014, Algorithm 1: k steps of the discriminator, then one of the generator. Eq. gan.03

    `saturating` trains the generator with the minimax loss instead of the non-saturating one, which is the default
    here; `smooth` is one-sided label smoothing for the discriminator.
    """
    models = {"generator": generator, "discriminator": discriminator}
    batch = _check_step(models, {"g_optimizer": g_optimizer, "d_optimizer": d_optimizer}, draw_real, batch, rng)
    for _ in range(k):
        real = _real_batch(draw_real, batch)
        fake = generator.sample(rng, batch)
        d_value, grads = value_and_grad(lambda d: losses.discriminator_loss(d(real), d(fake), smooth))(discriminator)
        d_optimizer.step(grads)
    z = generator.latent(rng, batch)
    generator_loss = losses.generator_loss_minimax if saturating else losses.generator_loss_nonsaturating
    g_value, grads = value_and_grad(lambda g: generator_loss(discriminator(g(z))))(generator)
    g_optimizer.step(grads)
    return {"discriminator": float(d_value), "generator": float(g_value)}


@checked(n_critic=whole, c=positive)
def wgan_step(
    generator: Any,
    critic: Any,
    g_optimizer: Optimizer,
    c_optimizer: Optimizer,
    draw_real: Callable[[int], numpy.ndarray],
    batch: int,
    rng: Rng,
    *,
    n_critic: int = 5,
    c: float = 0.01,
) -> dict[str, float]:
    """Arjovsky et al. 2017, Algorithm 1: n_critic steps of the critic, each followed by clipping to [−c, c], then one
    of the generator. The paper's optimizer is RMSProp with a learning rate of 5e-5. Eq. gan.19
    """
    models = {"generator": generator, "critic": critic}
    batch = _check_step(models, {"g_optimizer": g_optimizer, "c_optimizer": c_optimizer}, draw_real, batch, rng)
    for _ in range(n_critic):
        real = _real_batch(draw_real, batch)
        fake = generator.sample(rng, batch)
        c_value, grads = value_and_grad(lambda f: wgan.critic_loss(f(real), f(fake)))(critic)
        c_optimizer.step(grads)
        wgan.clip_weights(critic, c)
    return {"critic": float(c_value), "generator": _wgan_generator_step(generator, critic, g_optimizer, batch, rng)}


@checked(n_critic=whole, penalty=nonnegative)
def wgan_gp_step(
    generator: Any,
    critic: Any,
    g_optimizer: Optimizer,
    c_optimizer: Optimizer,
    draw_real: Callable[[int], numpy.ndarray],
    batch: int,
    rng: Rng,
    *,
    n_critic: int = 5,
    penalty: float = 10.0,
) -> dict[str, float]:
    """Gulrajani et al. 2017, Algorithm 1: as `wgan_step`, with `penalty`·(‖∇f‖ − 1)² in place of clipping.

    The paper's optimizer is Adam with β = (0, 0.9) and a learning rate of 1e-4. "critic" is the loss without penalty.
    """
    models = {"generator": generator, "critic": critic}
    batch = _check_step(models, {"g_optimizer": g_optimizer, "c_optimizer": c_optimizer}, draw_real, batch, rng)
    for _ in range(n_critic):
        real = _real_batch(draw_real, batch)
        fake = generator.sample(rng, batch)
        epsilon = rng.random(batch)
        both = value_and_grad(wgan.penalized_critic_loss, has_aux=True)
        (_, c_value), grads = both(critic, real, fake, epsilon, penalty)
        c_optimizer.step(grads)
    return {"critic": float(c_value), "generator": _wgan_generator_step(generator, critic, g_optimizer, batch, rng)}


def _check_step(models: dict, optimizers: dict, draw_real: Callable, batch: int, rng: Rng) -> int:
    """`batch`, once all that a step is given is what it should be."""
    for name, model in models.items():
        checks.instance(name, model, Module)
    for name, optimizer in optimizers.items():
        checks.instance(name, optimizer, Optimizer)
    checks.function("draw_real", draw_real)
    checks.rng(rng)
    return checks.whole("batch", batch)


def _real_batch(draw_real: Callable[[int], numpy.ndarray], batch: int) -> numpy.ndarray:
    """`draw_real(batch)`, if it is that many finite examples (batch, ...)."""
    real = draw_real(batch)
    checks.array(f"draw_real({batch})", real, batch, ..., "D")
    return real


def _wgan_generator_step(generator: Any, critic: Module, g_optimizer: Optimizer, batch: int, rng: Rng) -> float:
    z = generator.latent(rng, batch)
    g_value, grads = value_and_grad(lambda g: wgan.generator_loss(critic(g(z))))(generator)
    g_optimizer.step(grads)
    return float(g_value)
