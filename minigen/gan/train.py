"""One training step of each algorithm, as the papers print them.

Each step draws its own minibatches: `draw_real(n)` returns n real examples, `rng` draws the latents. It updates both
networks in place through their optimizers and returns the losses by name, in nats or in units of the critic (that of
the discriminator or critic at its last step). Numbers of steps or examples that are not positive raise ValueError.
"""

from collections.abc import Callable

import numpy as np

from minigen.gan import _check, losses, wgan
from minigen.tensor import value_and_grad

Rng = np.random.Generator


def goodfellow_step(
    generator,
    discriminator,
    g_optimizer,
    d_optimizer,
    draw_real: Callable,
    batch: int,
    rng: Rng,
    *,
    k: int = 1,
    saturating: bool = False,
    smooth: float = 0.0,
) -> dict[str, float]:
    """Goodfellow et al. 2014, Algorithm 1: k steps of the discriminator, then one of the generator. Eq. gan.03

    `saturating` trains the generator with the minimax loss instead of the non-saturating one; `smooth` is one-sided
    label smoothing for the discriminator.
    """
    k, batch = _check.count("k", k), _check.count("batch", batch)
    for _ in range(k):
        real, fake = draw_real(batch), generator.sample(rng, batch)
        d_value, grads = value_and_grad(lambda d: losses.discriminator_loss(d(real), d(fake), smooth))(discriminator)
        d_optimizer.step(grads)
    z = generator.latent(rng, batch)
    generator_loss = losses.generator_loss_minimax if saturating else losses.generator_loss_nonsaturating
    g_value, grads = value_and_grad(lambda g: generator_loss(discriminator(g(z))))(generator)
    g_optimizer.step(grads)
    return {"discriminator": float(d_value), "generator": float(g_value)}


def wgan_step(
    generator,
    critic,
    g_optimizer,
    c_optimizer,
    draw_real: Callable,
    batch: int,
    rng: Rng,
    *,
    n_critic: int = 5,
    c: float = 0.01,
) -> dict[str, float]:
    """Arjovsky et al. 2017, Algorithm 1: n_critic steps of the critic, each followed by clipping to [−c, c], then one
    of the generator. The paper's optimizer is RMSProp with a learning rate of 5e-5. Eq. gan.19
    """
    n_critic, batch = _check.count("n_critic", n_critic), _check.count("batch", batch)
    for _ in range(n_critic):
        real, fake = draw_real(batch), generator.sample(rng, batch)
        c_value, grads = value_and_grad(lambda f: wgan.critic_loss(f(real), f(fake)))(critic)
        c_optimizer.step(grads)
        wgan.clip_weights(critic, c)
    return {"critic": float(c_value), "generator": _wgan_generator_step(generator, critic, g_optimizer, batch, rng)}


def wgan_gp_step(
    generator,
    critic,
    g_optimizer,
    c_optimizer,
    draw_real: Callable,
    batch: int,
    rng: Rng,
    *,
    n_critic: int = 5,
    penalty: float = 10.0,
) -> dict[str, float]:
    """Gulrajani et al. 2017, Algorithm 1: as above with `penalty`·(‖∇f‖ − 1)² in the place of clipping.

    The paper's optimizer is Adam with β = (0, 0.9) and a learning rate of 1e-4. "critic" is the loss without penalty.
    """
    n_critic, batch = _check.count("n_critic", n_critic), _check.count("batch", batch)
    for _ in range(n_critic):
        real, fake, epsilon = draw_real(batch), generator.sample(rng, batch), rng.random(batch)
        both = value_and_grad(wgan.penalized_critic_loss, has_aux=True)
        (_, c_value), grads = both(critic, real, fake, epsilon, penalty)
        c_optimizer.step(grads)
    return {"critic": float(c_value), "generator": _wgan_generator_step(generator, critic, g_optimizer, batch, rng)}


def _wgan_generator_step(generator, critic, g_optimizer, batch, rng):
    z = generator.latent(rng, batch)
    g_value, grads = value_and_grad(lambda g: wgan.generator_loss(critic(g(z))))(generator)
    g_optimizer.step(grads)
    return float(g_value)
