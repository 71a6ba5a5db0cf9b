"""Train with it: small trainings in the page, with the reader's function in the place of the package's.

Each function below is one training: it builds a model of at most 64 units, trains it in a few seconds, and yields
frames: what to draw, and a distance that falls if the function is right. It calls the package's functions by
name; `page_worker.train` has put the reader's in their place. `TRAININGS` says which exercises each serves.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.data import toy
from minigen.data.density import Density
from minigen.diffusion import consistency, ddpm, distillation, guidance, langevin, samplers, score
from minigen.diffusion import schedule as schedules
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.flow import autoregressive
from minigen.flow.autoregressive import MAF
from minigen.flow.bijection import Bijection, Chain, Flow, StandardNormal
from minigen.flow.made import MADE
from minigen.flow.nice import NICE
from minigen.flow.planar import Planar, Radial
from minigen.flow.realnvp import RealNVP
from minigen.gan import improved_training as improved
from minigen.gan import losses as gan_losses
from minigen.gan import toy_problems
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step, wgan_gp_step, wgan_step
from minigen.metrics import sliced_wasserstein
from minigen.nn import MLP
from minigen.optim import Adam, RMSProp, cosine
from minigen.tensor import losses, value_and_grad
from minigen.train import descend
from minigen.types import Rng
from minigen.vae import autoencoder, beta_vae
from minigen.vae.likelihoods import Gaussian
from minigen.vae.quantizer import VectorQuantizer
from minigen.vae.vae import VAE

__all__ = ["TRAININGS", "Frame", "Training", "can_train", "training_of"]

WIDTH = 48  # units of a hidden layer
BATCH = 128
SHOWN = 400  # points in a picture
FRAMES = 24  # pictures of a training

Box = tuple[float, float, float, float]


# ------------------------------------------------------------------------------------------- what a page is shown


@dataclass(frozen=True)
class Frame:
    """One picture of a training: what to draw after `step` of `steps` steps, and the distance there.

    kept: layers of the first frame that stay below those of all the others.
    """

    step: int
    steps: int
    distance: float
    layers: Sequence[dict[str, Any]]
    kept: Sequence[dict[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data, arrays of numbers in base64."""
        names = ("step", "steps", "distance", "layers", "kept")
        return {name: getattr(self, name) for name in names}


def points(role: str, x: np.ndarray) -> dict[str, Any]:
    """A layer of points (N, 2). role: "data", "model", "codes" or "line", which says how they are drawn."""
    return {"kind": "points", "role": role, "data": _packed(np.asarray(x, np.float32))}


def path(role: str, x: np.ndarray) -> dict[str, Any]:
    """A layer with a line through points (N, 2)."""
    return {"kind": "path", "role": role, "data": _packed(np.asarray(x, np.float32))}


def _packed(x: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(x).tobytes()).decode()


@dataclass(frozen=True)
class Training:
    """A training and the exercises whose function it calls.

    run: yields the frames, given the exercise's name and a generator. measure: what the distance is. note: what a
    right function does instead, where the distance does not fall. box: the part of the plane that is shown.
    """

    title: str
    run: Callable[[str, Rng], Iterator[Frame]]
    serves: Sequence[str]
    measure: str = "distance to the data"
    note: str = ""
    box: Box = (-2.6, 2.6, -2.6, 2.6)

    def frames(self, exercise: Exercise) -> Iterator[Frame]:
        """The frames of the training, always of the same seed."""
        return self.run(exercise.name, np.random.default_rng(0))


def training_of(exercise: Exercise) -> Training | None:
    """The training in which the answer to an exercise takes the place of the package's function, or None."""
    return next((training for training in TRAININGS if exercise.id in training.serves), None)


def can_train(exercise: Exercise) -> bool:
    """Whether there is a training in which the answer to an exercise can take the place of the package's function."""
    return training_of(exercise) is not None


# ------------------------------------------------------------------------------------------- what trainings share


def moons() -> Density:
    """Two moons, of mean 0 and variance 1."""
    return toy.two_moons(0.1).standardized()


def ring() -> Density:
    """Eight Gaussians on a circle of radius 1.8."""
    return toy.ring(8, 1.8, 0.15)


def apart(x: np.ndarray, real: np.ndarray) -> float:
    """The sliced Wasserstein distance of two sets of points, along the same directions each time."""
    return float(sliced_wasserstein(x, real, 40, np.random.default_rng(1)))


def watch(
    real: np.ndarray, steps: int, step: Callable[[int], Any], look: Callable[[], np.ndarray], frames: int = FRAMES
) -> Iterator[Frame]:
    """Train for some steps, and now and then look at the model's points beside the real ones (N, 2)."""
    every = max(1, steps // frames)
    for i in range(steps + 1):
        if i % every == 0 or i == steps:
            x = look()
            kept = [points("data", real)] if i == 0 else []
            yield Frame(i, steps, apart(x, real), [points("model", x)], kept)
        if i < steps:
            step(i)


def noise(rng: Rng, n: int = BATCH) -> np.ndarray:
    """Standard normal points (n, 2), float32."""
    return rng.standard_normal((n, 2), dtype=np.float32)


# ------------------------------------------------------------------------------------------- start


def classifier(name: str, rng: Rng) -> Iterator[Frame]:
    """A network separates the two moons; the line is its decision boundary. The distance: the share of its errors."""
    steps, every, model = 300, 12, MLP(rng, [2, 32, 32, 1], "tanh")
    optimizer = Adam(model, 1e-2)

    def batch(n: int) -> tuple[np.ndarray, np.ndarray]:
        moon = rng.integers(0, 2, n)
        angle = np.pi * rng.random(n) + np.pi * moon
        x = np.stack([np.cos(angle) + moon - 0.5, np.sin(angle) + moon * 0.5 - 0.25], axis=1) * 1.3
        return (x + 0.15 * noise(rng, n)).astype(np.float32), moon.astype(np.float32)

    def loss(model: Any, x: np.ndarray, y: np.ndarray) -> Any:
        return anp.mean(losses.bce_with_logits(model(x)[:, 0], y))

    step = descend(loss, model, lambda rng: batch(BATCH), optimizer=optimizer, rng=rng)
    x, y = batch(SHOWN)
    side = np.linspace(-2.5, 2.5, 60, dtype=np.float32)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    for i in range(steps + 1):
        if i % every == 0:
            errors = float(np.mean((model(x)[:, 0] > 0) != (y > 0.5)))
            undecided = plane[np.abs(model(plane)[:, 0]) < 0.3]
            kept = [points("data", x[y < 0.5]), points("model", x[y > 0.5])] if i == 0 else []
            yield Frame(i, steps, errors, [points("line", undecided)], kept)
        if i < steps:
            step(i)


# ------------------------------------------------------------------------------------------- GANs


def gan(name: str, rng: Rng) -> Iterator[Frame]:
    """A generator learns to fool a discriminator, on a ring of eight points."""
    density, steps = ring(), 650
    generator, discriminator = Generator(rng, width=WIDTH), Discriminator(rng, width=WIDTH)
    g_optimizer, d_optimizer = (Adam(net, 2e-3, betas=(0.0, 0.99)) for net in (generator, discriminator))
    z = generator.latent(rng, SHOWN)

    def draw(n: int) -> np.ndarray:
        return density.sample(rng, n)

    def step(i: int) -> None:
        saturating = name == "generator_loss_minimax"
        goodfellow_step(generator, discriminator, g_optimizer, d_optimizer, draw, BATCH, rng, saturating=saturating)

    return watch(density.sample(rng, SHOWN), steps, step, lambda: generator(z))


def wgan(name: str, rng: Rng) -> Iterator[Frame]:
    """The critic of a Wasserstein GAN with clipped weights estimates how far the points are from the moons."""
    density, steps = moons(), 260
    generator, critic = Generator(rng, width=WIDTH), Discriminator(rng, width=WIDTH)
    g_optimizer, c_optimizer = RMSProp(generator, 1e-3), RMSProp(critic, 1e-3)
    z = generator.latent(rng, SHOWN)

    def draw(n: int) -> np.ndarray:
        return density.sample(rng, n)

    def step(i: int) -> None:
        wgan_step(generator, critic, g_optimizer, c_optimizer, draw, BATCH, rng, n_critic=4, c=0.1)

    return watch(density.sample(rng, SHOWN), steps, step, lambda: generator(z))


def wgan_gp(name: str, rng: Rng) -> Iterator[Frame]:
    """The same with a penalty on the slope of the critic in the place of clipping."""
    density, steps = moons(), 250
    generator, critic, lr = Generator(rng, width=WIDTH), Discriminator(rng, width=WIDTH), cosine(3e-3, steps)
    g_optimizer, c_optimizer = (Adam(net, 2e-3, betas=(0.0, 0.9)) for net in (generator, critic))
    z = generator.latent(rng, SHOWN)

    def draw(n: int) -> np.ndarray:
        return density.sample(rng, n)

    def step(i: int) -> None:
        g_optimizer.lr = c_optimizer.lr = lr(i)
        wgan_gp_step(generator, critic, g_optimizer, c_optimizer, draw, 64, rng, n_critic=4, penalty=1.0)

    return watch(density.sample(rng, SHOWN), steps, step, lambda: generator(z))


def improved_gan(name: str, rng: Rng) -> Iterator[Frame]:
    """A GAN with one modification of its training: feature matching, historical averaging or instance noise."""
    density, steps = ring(), 700
    generator, discriminator = Generator(rng, width=WIDTH), Discriminator(rng, width=WIDTH)
    g_optimizer, d_optimizer = (Adam(net, 2e-3, betas=(0.0, 0.99)) for net in (generator, discriminator))
    history = improved.HistoricalAverage(generator)
    z_shown = generator.latent(rng, SHOWN)

    def seen(x: Any, i: int) -> Any:
        """The input of the discriminator: with decaying noise, if that is the exercise."""
        return improved.instance_noise(x, 0.3 * (1 - i / steps), rng) if name == "instance_noise" else x

    def step(i: int) -> None:
        real, fake, z = (
            seen(density.sample(rng, BATCH), i),
            seen(generator.sample(rng, BATCH), i),
            generator.latent(rng, BATCH),
        )

        def d_loss(d: Any) -> Any:
            return gan_losses.discriminator_loss(d(real), d(fake))

        def g_loss(g: Any) -> Any:
            if name == "feature_matching_loss":
                return improved.feature_matching_loss(discriminator.features(real), discriminator.features(g(z)))
            loss = gan_losses.generator_loss_nonsaturating(discriminator(seen(g(z), i)))
            return loss + 0.01 * history.penalty(g) if name in ("historical_penalty", "running_mean") else loss

        d_optimizer.step(value_and_grad(d_loss)(discriminator)[1])
        g_optimizer.step(value_and_grad(g_loss)(generator)[1])
        history.update(generator)

    return watch(density.sample(rng, SHOWN), steps, step, lambda: generator(z_shown))


def game(name: str, rng: Rng) -> Iterator[Frame]:
    """Two players of the game x·y, step by step; the distance is that from the equilibrium in the middle."""
    rule, steps, eta = getattr(toy_problems, name), 120, 0.2
    trail = [np.array([1.0, 1.0])]
    for i in range(steps + 1):
        if i % 4 == 0:
            yield Frame(
                i, steps, float(np.hypot(*trail[-1])), [path("model", np.array(trail)), points("codes", trail[-1])]
            )
        now, before = trail[-1], trail[-2] if len(trail) > 1 else trail[-1]
        given = (*now, *before) if name == "optimistic_step" else tuple(now)
        trail.append(np.array(rule(*given, eta)))


# ------------------------------------------------------------------------------------------- autoencoders


def vae(name: str, rng: Rng) -> Iterator[Frame]:
    """A variational autoencoder learns the two moons: its decoder's points."""
    density, steps = moons(), 1400
    model = VAE(rng, 2, 2, (WIDTH, WIDTH), "tanh", likelihood=Gaussian(std=0.15))

    def loss(model: VAE, x: np.ndarray, eps: np.ndarray) -> Any:
        bound = model.elbo(x, eps)
        if name == "beta_vae_loss":
            return beta_vae.beta_vae_loss(-anp.mean(bound.reconstruction), anp.mean(bound.kl), 1.0)
        if name == "capacity_loss":
            return beta_vae.capacity_loss(-anp.mean(bound.reconstruction), anp.mean(bound.kl), 1.0, 3.0)
        return -anp.mean(bound.value)

    step = descend(loss, model, lambda rng: (density.sample(rng, BATCH), noise(rng)), rng=rng, lr=cosine(1e-2, steps))
    return watch(density.sample(rng, SHOWN), steps, step, lambda: model.sample(np.random.default_rng(2), SHOWN))


def bottleneck(name: str, rng: Rng) -> Iterator[Frame]:
    """An autoencoder has one number for each point: its output is a curve through the moons."""
    density, steps, every = moons(), 900, 36
    model = MLP(rng, [2, 32, 32, 1, 32, 32, 2], "tanh")
    real = density.sample(rng, SHOWN)

    def loss(model: Any, x: np.ndarray) -> Any:
        return autoencoder.reconstruction_loss(x, model(x))

    step = descend(loss, model, lambda rng: density.sample(rng, BATCH), rng=rng, lr=cosine(1e-2, steps))
    for i in range(steps + 1):
        if i % every == 0:
            back = model(real)
            kept = [points("data", real)] if i == 0 else []
            error = float(np.mean(np.sum((back - real) ** 2, axis=1)))
            yield Frame(i, steps, error, [points("model", back)], kept)
        if i < steps:
            step(i)


def denoiser(name: str, rng: Rng) -> Iterator[Frame]:
    """A denoising autoencoder moves points that were pushed off the moons back to them."""
    density, steps = moons(), 600
    model = MLP(rng, [2, WIDTH, WIDTH, 2], "tanh")
    real = density.sample(rng, SHOWN)
    pushed = real + 0.4 * noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
        x = density.sample(rng, BATCH)
        return x, autoencoder.corrupt(x, rng, "gaussian", 0.4)

    def loss(model: Any, x: np.ndarray, corrupted: np.ndarray) -> Any:
        return autoencoder.denoising_loss(model, x, corrupted)

    step = descend(loss, model, batch, rng=rng, lr=cosine(5e-3, steps))
    return watch(real, steps, step, lambda: model(pushed))


def codebook(name: str, rng: Rng) -> Iterator[Frame]:
    """Code vectors spread over the moons; the distance is that of a point to its code, squared."""
    density, steps, every = moons(), 400, 16
    learned = name != "ema_update"
    quantizer = VectorQuantizer(rng, 24, 2, gamma=0.9, learned=learned)
    quantizer.codebook[...] *= 0.2
    real = density.sample(rng, SHOWN)
    step = None
    if learned:

        def loss(quantizer: Any, z: np.ndarray) -> Any:
            found = quantizer(z)
            return anp.mean(found.codebook + found.commitment) + anp.mean(anp.sum((found.vectors - z) ** 2, axis=1))

        step = descend(loss, quantizer, lambda rng: density.sample(rng, BATCH), rng=rng, lr=2e-2)
    for i in range(steps + 1):
        if i % every == 0:
            off = real - quantizer.codebook[quantizer.nearest(real)]
            kept = [points("data", real)] if i == 0 else []
            yield Frame(i, steps, float(np.mean(np.sum(off**2, axis=1))), [points("codes", quantizer.codebook)], kept)
        if step is not None:
            step(i)
        else:
            z = density.sample(rng, BATCH)
            quantizer.update(z, quantizer.nearest(z))


# ------------------------------------------------------------------------------------------- flows


def likelihood(model: Flow, rng: Rng, steps: int, lr: float = 5e-3, batch: int = BATCH) -> Iterator[Frame]:
    """Train a flow on the moons by its exact likelihood; its points."""
    density = moons()
    real = density.sample(rng, SHOWN)
    step = descend(Flow.loss, model, lambda rng: density.sample(rng, batch), rng=rng, lr=cosine(lr, steps))
    return watch(real, steps, step, lambda: model.sample(np.random.default_rng(2), SHOWN))


def realnvp(name: str, rng: Rng) -> Iterator[Frame]:
    """RealNVP, six affine couplings."""
    return likelihood(RealNVP(rng, couplings=6, width=32), rng, 300)


def nice(name: str, rng: Rng) -> Iterator[Frame]:
    """NICE, six additive couplings and a scale."""
    return likelihood(NICE(rng, couplings=6, width=32), rng, 450)


def maf(name: str, rng: Rng) -> Iterator[Frame]:
    """A masked autoregressive flow of five layers."""
    return likelihood(MAF(rng, 2, layers=5, hidden=(32, 32)), rng, 350)


class InverseAutoregressive(Bijection):
    """One layer: mu and log_scale of every coordinate are functions of the earlier coordinates of z."""

    def __init__(self, rng: Rng, name: str, order: Sequence[int]):
        self.net, self.name = MADE(rng, 2, (32, 32), outputs=2, order=order), name

    def forward(self, z: Any, context: Any = None) -> tuple[Any, Any]:
        out = self.net(z)
        mu, log_scale = out[:, 0], anp.tanh(out[:, 1])
        if self.name == "iaf_gated":
            return autoregressive.iaf_gated(z, mu, out[:, 1] + 2)
        if self.name == "iaf_from_maf":
            mu, log_scale = autoregressive.iaf_from_maf(mu, log_scale)
        return autoregressive.iaf_forward(z, mu, log_scale)


def iaf(name: str, rng: Rng) -> Iterator[Frame]:
    """An inverse autoregressive flow is pushed towards a density that is known."""
    orders = [(0, 1), (1, 0), (0, 1), (1, 0)]
    return reverse_kl(Chain([InverseAutoregressive(rng, name, order) for order in orders]), rng, 350)


def planar(name: str, rng: Rng) -> Iterator[Frame]:
    """Six planar layers bend a Gaussian towards a density that is known."""
    return reverse_kl(Chain([Planar(rng, 2) for _ in range(6)]), rng, 350)


def radial(name: str, rng: Rng) -> Iterator[Frame]:
    """Six radial layers do the same."""
    return reverse_kl(Chain([Radial(rng, 2) for _ in range(6)]), rng, 350)


def reverse_kl(bijection: Any, rng: Rng, steps: int) -> Iterator[Frame]:
    """Push noise through a flow so that its points follow a known density: the mean of log q − log p falls."""
    place, spread = np.array([0.6, -0.4]), np.array([1.4, 0.5])
    base = StandardNormal(2)
    turned = np.array([[np.cos(0.6), np.sin(0.6)], [-np.sin(0.6), np.cos(0.6)]])

    def log_p(x: Any) -> Any:
        bent = anp.dot(x - place, turned.T) / spread
        return -0.5 * anp.sum(bent**2, axis=1)

    def loss(bijection: Any, z: np.ndarray) -> Any:
        x, log_det = bijection.forward(z)
        return anp.mean(base.log_prob(z) - log_det - log_p(x))

    step = descend(loss, bijection, lambda rng: noise(rng), rng=rng, lr=cosine(1e-2, steps))
    real = (noise(rng, SHOWN) * spread) @ turned + place
    z = noise(rng, SHOWN)
    return watch(real.astype(np.float32), steps, step, lambda: bijection.forward(z)[0])


# ------------------------------------------------------------------------------------------- diffusion


def linear() -> schedules.Schedule:
    """Forty steps, after which hardly anything is left of the data."""
    return schedules.Schedule.linear(40, 1e-3, 0.3)


def diffusion(name: str, rng: Rng) -> Iterator[Frame]:
    """A network learns to predict the noise in a noisy point; the points are sampled from pure noise, step by step."""
    density, steps = moons(), 1000
    schedule = schedules.Schedule.cosine(40, largest=0.6) if name == "cosine_beta" else linear()
    model = EpsMLP(rng, width=WIDTH, layers=3)
    x_T = noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return density.sample(rng, BATCH), rng.integers(1, schedule.T + 1, BATCH), noise(rng)

    def loss(model: Any, x: np.ndarray, t: np.ndarray, eps: np.ndarray) -> Any:
        if name == "q_step":
            return stepwise_loss(model, x, t, eps)
        return ddpm.simple_loss(model, x, t, eps, schedule)

    def stepwise_loss(model: Any, x: np.ndarray, t: np.ndarray, eps: np.ndarray) -> Any:
        """The same with x_t made one small step at a time, all examples being noised equally long."""
        noisy, until = x, int(t[0])
        for s in range(1, until + 1):
            noisy = ddpm.q_step(noisy, s, noise(rng), schedule)
        t = np.full(len(x), until)
        return anp.mean((model(noisy, t) - ddpm.eps_from_x0(noisy, t, x, schedule)) ** 2)

    def look() -> np.ndarray:
        sampling = np.random.default_rng(3)
        if name in ("ddim_step", "ddim_variance", "spaced_timesteps"):
            eta = 1.0 if name == "ddim_variance" else 0.0
            return samplers.ddim(model, x_T, schedule, steps=10, eta=eta, rng=sampling)
        if name == "posterior_mean":
            return by_posterior(sampling)
        if name == "posterior_variances":
            return samplers.ancestral(model, x_T, schedule, sampling, variance="posterior")
        return samplers.ancestral(model, x_T, schedule, sampling)

    def by_posterior(sampling: Rng) -> np.ndarray:
        """Sampling by the posterior of the x_0 that the network implies."""
        x = x_T
        for t in range(schedule.T, 0, -1):
            eps, _ = ddpm.predict(model, x, t, schedule)
            mean = ddpm.posterior_mean(ddpm.predict_x0_from_eps(x, t, eps, schedule), x, t, schedule)
            x = mean + np.float32(schedule.posterior_variance[t] ** 0.5) * noise(sampling, SHOWN)
        return x

    step = descend(loss, model, batch, rng=rng, lr=cosine(5e-3, steps))
    return watch(density.sample(rng, SHOWN), steps, step, look, frames=12)


def score_matching(name: str, rng: Rng) -> Iterator[Frame]:
    """A network learns where the density rises, at eight levels of noise; Langevin's steps follow it to the moons."""
    density, steps, net = moons(), 500, EpsMLP(rng, width=WIDTH, layers=3)
    sigmas = score.noise_scales(2.0, 0.1, 8)
    start = 2.0 * noise(rng, SHOWN)

    def score_model(net: Any) -> Callable:
        def of(x: Any, sigma: Any) -> Any:
            return net(x, 100 * np.log(10 * sigma)) * (-1 / np.reshape(sigma, (-1, 1))).astype(np.float32)

        return of

    def batch(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return density.sample(rng, BATCH), rng.choice(sigmas, BATCH), noise(rng)

    def loss(net: Any, x: np.ndarray, sigma: np.ndarray, eps: np.ndarray) -> Any:
        return score.denoising_score_matching_loss(score_model(net), x, sigma, eps)

    def look() -> np.ndarray:
        return score.ncsn_sample(score_model(net), start, sigmas, np.random.default_rng(3), steps=8, step=0.2)

    step = descend(loss, net, batch, rng=rng, lr=cosine(5e-3, steps))
    return watch(density.sample(rng, SHOWN), steps, step, look, frames=10)


def sliced_score(name: str, rng: Rng) -> Iterator[Frame]:
    """A network learns the score of widened moons without any noise; the distance is that to the true score."""
    steps, every = 400, 20
    density = toy.two_moons(0.3).standardized()
    model = MLP(rng, [2, WIDTH, WIDTH, 2], "tanh")
    real = density.sample(rng, SHOWN)
    truth = density.score(real)

    def loss(model: Any, x: np.ndarray, v: np.ndarray) -> Any:
        return score.sliced_score_matching_loss(model, x, v)

    step = descend(
        loss, model, lambda rng: (density.sample(rng, 256), noise(rng, 256)), rng=rng, lr=cosine(5e-3, steps)
    )
    for i in range(steps + 1):
        if i % every == 0:
            found = model(real)
            moved = real + 0.15 * found
            kept = [points("data", real)] if i == 0 else []
            error = float(np.mean(np.sum((found - truth) ** 2, axis=1)) ** 0.5)
            yield Frame(i, steps, error, [points("model", moved)], kept)
        if i < steps:
            step(i)


def guided(name: str, rng: Rng) -> Iterator[Frame]:
    """One network with and without labels; its points are drawn for the label "right half" of the ring."""
    density, steps = ring(), 700
    schedule, model = linear(), EpsMLP(rng, width=WIDTH, layers=3, classes=2)
    x_T = noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        x = density.sample(rng, BATCH)
        y = guidance.drop_labels((x[:, 0] > 0).astype(int), rng.random(BATCH), 0.2)
        return x, rng.integers(1, schedule.T + 1, BATCH), noise(rng), y

    def loss(model: Any, x: np.ndarray, t: np.ndarray, eps: np.ndarray, y: np.ndarray) -> Any:
        return losses.mse(model(ddpm.q_sample(x, t, eps, schedule), t, y), eps)

    def look() -> np.ndarray:
        return samplers.ddim(guidance.classifier_free(model, 1, 0.5), x_T, schedule, steps=10)

    some = density.sample(rng, 4 * SHOWN)
    step = descend(loss, model, batch, rng=rng, lr=cosine(5e-3, steps))
    return watch(some[some[:, 0] > 0][:SHOWN], steps, step, look, frames=12)


def classifier_guided(name: str, rng: Rng) -> Iterator[Frame]:
    """A network for the noise and a classifier of noisy points, which pulls towards the right half of the ring."""
    density, steps, schedule = ring(), 600, linear()
    model, judge = EpsMLP(rng, width=WIDTH, layers=3), MLP(rng, [3, 32, 32, 1], "tanh")
    x_T = noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return density.sample(rng, BATCH), rng.integers(1, schedule.T + 1, BATCH), noise(rng)

    def logit(judge: Any, x: Any, t: Any) -> Any:
        time = np.reshape(np.asarray(t) / schedule.T, (-1, 1)).astype(np.float32)
        return judge(anp.concatenate([x, time], axis=1))[:, 0]

    def judge_loss(judge: Any, x: np.ndarray, t: np.ndarray, eps: np.ndarray) -> Any:
        right = (x[:, 0] > 0).astype(np.float32)
        return anp.mean(losses.bce_with_logits(logit(judge, ddpm.q_sample(x, t, eps, schedule), t), right))

    def loss(model: Any, x: np.ndarray, t: np.ndarray, eps: np.ndarray) -> Any:
        return ddpm.simple_loss(model, x, t, eps, schedule)

    def log_prob(x: Any, t: Any) -> Any:
        return -losses.bce_with_logits(logit(judge, x, t), np.ones(len(x), np.float32))

    def look() -> np.ndarray:
        return samplers.ddim(guidance.classifier_guided(model, log_prob, schedule, 1.5), x_T, schedule, steps=10)

    some = density.sample(rng, 4 * SHOWN)
    steps_of = [
        descend(judge_loss, judge, batch, rng=rng, lr=cosine(5e-3, steps)),
        descend(loss, model, batch, rng=rng, lr=cosine(5e-3, steps)),
    ]

    def step(i: int) -> None:
        for one in steps_of:
            one(i)

    return watch(some[some[:, 0] > 0][:SHOWN], steps, step, look, frames=12)


def ring_eps(schedule: schedules.Schedule) -> Callable:
    """The exact model of the noise for the ring: no network has to be trained to teach another."""
    angles = np.arange(8) * np.pi / 4
    centers, variance = 1.8 * np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.15**2

    def eps_model(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        alpha_bar = schedule.alpha_bar[np.asarray(t)][:, None]  # (N, 1)
        wide = alpha_bar * variance + 1 - alpha_bar
        away = np.sqrt(alpha_bar)[:, :, None] * centers - x[:, None]  # (N, 8, 2)
        share = -0.5 * np.sum(away**2, axis=2) / wide
        share = np.exp(share - share.max(axis=1, keepdims=True))
        share = share / share.sum(axis=1, keepdims=True)
        slope = np.sum(share[:, :, None] * away, axis=1) / wide
        return (-np.sqrt(1 - alpha_bar) * slope).astype(x.dtype)

    return eps_model


def distilled(name: str, rng: Rng) -> Iterator[Frame]:
    """A student learns to do in one step what its teacher, which is exact for the ring, does in two."""
    density, steps, schedule = ring(), 500, schedules.Schedule.linear(16, 1e-2, 0.6)
    teacher, student = ring_eps(schedule), EpsMLP(rng, width=WIDTH, layers=3)
    half, x_T = distillation.halved(schedule), noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return density.sample(rng, BATCH), 2 * rng.integers(1, half.T + 1, BATCH), noise(rng)

    def loss(student: Any, x: np.ndarray, t: np.ndarray, eps: np.ndarray) -> Any:
        return distillation.distillation_loss(student, teacher, x, t, eps, schedule)

    def look() -> np.ndarray:
        return samplers.ddim(of_v, x_T, half)

    def of_v(x: Any, t: Any) -> Any:
        """The noise that the student's v implies, at the times of the teacher."""
        return ddpm.eps_from_v(x, t, student(x, t), schedule)

    step = descend(loss, student, batch, rng=rng, lr=cosine(5e-3, steps))
    return watch(density.sample(rng, SHOWN), steps, step, look)


def langevin_sampling(name: str, rng: Rng) -> Iterator[Frame]:
    """Langevin sampling of the ring by its exact score; nothing is trained."""
    steps, schedule = 240, linear()
    eps_model, real = ring_eps(schedule), ring().sample(rng, SHOWN)
    x, t = 0.3 * noise(rng, SHOWN), 4
    for i in range(steps + 1):
        if i % 10 == 0:
            kept = [points("data", real)] if i == 0 else []
            yield Frame(i, steps, apart(x, real), [points("model", x)], kept)
        eps, _ = ddpm.predict(eps_model, x, t, schedule)
        x = langevin.langevin_step(x, ddpm.score_from_eps(eps, t, schedule), 0.02, noise(rng, SHOWN))


def consistency_model(name: str, rng: Rng) -> Iterator[Frame]:
    """A consistency model learns to go from noise to the moons in one call; here two."""
    density, steps = moons(), 500
    model = consistency.ConsistencyModel(EpsMLP(rng, width=WIDTH, layers=3), sigma_min=0.02, sigma_data=1.0)
    sigmas = np.geomspace(0.02, 8.0, 18)
    start = 8.0 * noise(rng, SHOWN)
    near = density.sample(rng, 300)

    def teacher(x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        """The noise in x if the data were these 300 points: its posterior mean."""
        away = x[:, None] - near  # (N, 300, 2)
        share = -0.5 * np.sum(away**2, axis=2) / np.reshape(sigma, (-1, 1)) ** 2
        share = np.exp(share - share.max(axis=1, keepdims=True))
        mean = np.sum((share / share.sum(axis=1, keepdims=True))[:, :, None] * away, axis=1)
        return (mean / np.reshape(sigma, (-1, 1))).astype(x.dtype)

    def batch(rng: Rng) -> tuple[np.ndarray, ...]:
        k = rng.integers(0, len(sigmas) - 1, BATCH)
        return density.sample(rng, BATCH), noise(rng), sigmas[k + 1], sigmas[k]

    def loss(model: Any, x: np.ndarray, z: np.ndarray, high: np.ndarray, low: np.ndarray) -> Any:
        if name == "ode_step":
            return consistency.consistency_distillation_loss(model, model, teacher, x, z, high, low, "euler")
        return consistency.consistency_training_loss(model, model, x, z, high, low)

    def look() -> np.ndarray:
        return consistency.multistep(model, start, (8.0, 1.0), np.random.default_rng(3), sigma_min=0.02)

    step = descend(loss, model, batch, rng=rng, lr=cosine(4e-3, steps))
    return watch(density.sample(rng, SHOWN), steps, step, look)


# ------------------------------------------------------------------------------------------- which serves which


def _all(lesson: str, *names: str) -> list[str]:
    return [f"{lesson}/{name}" for name in names]


TRAININGS = [
    Training(
        "A network that tells two moons apart",
        classifier,
        _all("start/01", "bce_with_logits", "adam_update"),
        measure="share of errors",
    ),
    Training(
        "A GAN on a ring of eight",
        gan,
        _all("gan/02", "discriminator_loss", "generator_loss_minimax", "generator_loss_nonsaturating"),
    ),
    Training(
        "Two players of the game x·y",
        game,
        _all("gan/04", "extragradient_step", "optimistic_step"),
        measure="distance from the equilibrium",
    ),
    Training(
        "Two players of the game x·y",
        game,
        _all("gan/04", "simultaneous_step"),
        measure="distance from the equilibrium",
        note="This rule drives the players apart, as it must.",
        box=(-16, 16, -16, 16),
    ),
    Training(
        "Two players of the game x·y",
        game,
        _all("gan/04", "alternating_step"),
        measure="distance from the equilibrium",
        note="This rule keeps the players on a closed curve, as it must.",
    ),
    Training(
        "A GAN on a ring of eight, helped",
        improved_gan,
        _all("gan/09", "feature_matching_loss", "historical_penalty", "running_mean", "instance_noise"),
    ),
    Training("A Wasserstein GAN, weights clipped", wgan, _all("gan/12", "critic_loss", "clip_weights")),
    Training(
        "A Wasserstein GAN, slopes penalized", wgan_gp, _all("gan/12", "gradient_penalty", "penalized_critic_loss")
    ),
    Training(
        "An autoencoder with a code of one number",
        bottleneck,
        _all("vae/02", "reconstruction_loss"),
        measure="squared distance to what it gives back",
    ),
    Training("A denoising autoencoder", denoiser, _all("vae/03", "corrupt", "denoising_loss")),
    Training(
        "A VAE on two moons",
        vae,
        _all("vae/08", "reparameterize", "kl_standard_normal", "elbo")
        + _all("vae/09", "beta_vae_loss", "capacity_loss"),
    ),
    Training(
        "A codebook of 24 vectors",
        codebook,
        _all("vae/10", "nearest", "straight_through", "quantization_losses", "ema_update"),
        measure="squared distance to the nearest code",
    ),
    Training("Planar layers", planar, _all("flow/04", "planar_forward", "u_hat")),
    Training("Radial layers", radial, _all("flow/04", "radial_forward")),
    Training("RealNVP on two moons", realnvp, _all("flow/05", "affine_forward", "affine_inverse", "affine_log_det")),
    Training("NICE on two moons", nice, _all("flow/06", "additive_forward", "additive_inverse", "diagonal_scale")),
    Training(
        "A masked autoregressive flow on two moons",
        maf,
        _all("flow/08", "made_masks", "masked_linear") + _all("flow/11", "maf_inverse", "maf_forward"),
    ),
    Training("An inverse autoregressive flow", iaf, _all("flow/12", "iaf_forward", "iaf_from_maf", "iaf_gated")),
    Training(
        "Diffusion on two moons",
        diffusion,
        _all("diffusion/01", "q_step", "q_sample")
        + _all("diffusion/03", "posterior_mean", "posterior_variances")
        + _all("diffusion/04", "simple_loss", "mean_from_eps", "ancestral_step")
        + _all("diffusion/06", "cosine_beta")
        + _all("diffusion/10", "ddim_step", "ddim_variance", "spaced_timesteps")
        + _all("diffusion/17", "sinusoidal"),
    ),
    Training(
        "Langevin's walk on a ring",
        langevin_sampling,
        _all("diffusion/05", "score_from_eps"),
        measure="distance to the data",
    ),
    Training(
        "Score matching and Langevin's steps",
        score_matching,
        _all("diffusion/02", "langevin_step") + _all("diffusion/05", "denoising_score_matching_loss", "noise_scales"),
    ),
    Training(
        "Sliced score matching",
        sliced_score,
        _all("diffusion/05", "sliced_score_matching_loss"),
        measure="distance to the true score",
    ),
    Training(
        "A classifier that guides",
        classifier_guided,
        _all("diffusion/08", "classifier_gradient", "classifier_guided_eps"),
    ),
    Training(
        "A student of half the steps",
        distilled,
        _all("diffusion/11", "distillation_target", "truncated_snr_weight", "student_loss"),
    ),
    Training("Guidance on a ring", guided, _all("diffusion/09", "classifier_free_eps", "drop_labels")),
    Training(
        "A consistency model on two moons",
        consistency_model,
        _all("diffusion/12", "boundary_scalings", "ode_step", "consistency_training_loss", "multistep"),
        measure="distance to the data, after two calls",
    ),
]
