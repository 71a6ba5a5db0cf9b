"""`minigen tour`: a GAN, a VAE, a RealNVP and a DDPM learn the same 2-D density, one after the other.

Each of the four functions below is one family in a dozen lines: build the model, train it, and hand back how to sample
from it and, where there is one, its log-likelihood. What they leave out (why each loss is what it is, what goes wrong
without it) is in the lessons.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minigen import plot
from minigen.course.console import text_table
from minigen.course.lesson.folder import RunFolder
from minigen.course.lesson.options import Parser, add_out, add_seed
from minigen.data import toy
from minigen.diffusion.ddpm import simple_loss
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.samplers import ancestral
from minigen.diffusion.schedule import Schedule
from minigen.flow.realnvp import RealNVP
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.metrics import nll_gap, sampling_floor, sliced_wasserstein
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import value_and_grad
from minigen.train import History, fit
from minigen.vae.likelihoods import Gaussian
from minigen.vae.vae import VAE, importance_log_likelihood, training_step

STEPS = {"GAN": 4000, "VAE": 4000, "RealNVP": 2500, "DDPM": 4000}
QUICK_STEPS = 20
BATCH = 256
SAMPLES = 5000  # points that each model is judged by


@dataclass
class Trained:
    """What a family hands back: `sample(rng, n)` -> (n, 2), `log_prob(x, rng)` -> (N,) or None, and its training."""

    sample: Callable
    history: History
    log_prob: Callable | None = None
    likelihood: str = ""  # how the log-likelihood is known


def train_gan(density, steps: int, rng: np.random.Generator) -> Trained:
    """A generator learns to fool a discriminator that learns to tell its points from real ones. Eq. gan.03"""
    generator = Generator(rng, dim_z=2, width=128, activation="tanh")
    discriminator = Discriminator(rng, width=128)
    g_optimizer, d_optimizer = (Adam(net, 1e-3, betas=(0.0, 0.999)) for net in (generator, discriminator))
    average, lr = EMA(generator), cosine(1e-3, steps)

    def step(i):
        g_optimizer.lr = d_optimizer.lr = lr(i)

        def draw(n):
            return density.sample(rng, n)

        losses = goodfellow_step(generator, discriminator, g_optimizer, d_optimizer, draw, BATCH, rng)
        average.update(generator)
        return {"discriminator": losses["discriminator"], "generator": losses["generator"]}

    return Trained(average.model.sample, fit(step, steps, label="GAN"))


def train_vae(density, steps: int, rng: np.random.Generator) -> Trained:
    """An encoder guesses the code of each point, a decoder turns codes into points. Eq. vae.12"""
    vae = VAE(rng, dim_x=2, dim_z=2, widths=(128, 128), likelihood=Gaussian(std=0.5))
    optimizer, average, lr = Adam(vae, 1e-3), EMA(vae), cosine(2e-3, steps)

    def step(i):
        optimizer.lr = lr(i)
        eps = rng.standard_normal((BATCH, 2), dtype=np.float32)
        losses = training_step(vae, optimizer, density.sample(rng, BATCH), eps)
        average.update(vae)
        return {"-ELBO": losses["loss"]}

    history = fit(step, steps, label="VAE")

    def log_prob(x, rng):
        return importance_log_likelihood(average.model, x, 200, rng)

    return Trained(average.model.sample, history, log_prob, "bound")


def train_flow(density, steps: int, rng: np.random.Generator) -> Trained:
    """An invertible map turns points into Gaussian noise; its stretching gives their exact density. Eq. flow.08"""
    flow = RealNVP(rng, dim=2).standardize(density.sample(rng, 5000))
    optimizer, average, lr = Adam(flow, 2e-3), EMA(flow), cosine(2e-3, steps)

    def step(i):
        optimizer.lr = lr(i)
        value, grads = value_and_grad(lambda f, x: f.loss(x))(flow, density.sample(rng, BATCH))
        optimizer.step(grads)
        average.update(flow)
        return {"-log p": value}

    history = fit(step, steps, label="RealNVP")
    return Trained(average.model.sample, history, lambda x, rng: average.model.log_prob(x), "exact")


def train_diffusion(density, steps: int, rng: np.random.Generator) -> Trained:
    """A network learns to see the noise in a noisy point; sampling takes it away, a little at a time. Eq.
    diffusion.15"""
    schedule, model = Schedule.cosine(100), EpsMLP(rng, width=128)
    optimizer, average, lr = Adam(model, 2e-3), EMA(model), cosine(2e-3, steps)

    def step(i):
        optimizer.lr = lr(i)
        x, t = density.sample(rng, BATCH), rng.integers(1, schedule.T + 1, BATCH)
        eps = rng.standard_normal((BATCH, 2), dtype=np.float32)
        value, grads = value_and_grad(lambda m: simple_loss(m, x, t, eps, schedule))(model)
        optimizer.step(grads)
        average.update(model)
        return {"noise error": value}

    def sample(rng, n):
        return ancestral(average.model, rng.standard_normal((n, 2), dtype=np.float32), schedule, rng)

    return Trained(sample, fit(step, steps, label="DDPM"))


FAMILIES = {"GAN": train_gan, "VAE": train_vae, "RealNVP": train_flow, "DDPM": train_diffusion}


def parser() -> Parser:
    """The arguments of `minigen tour`."""
    result = Parser(
        prog="minigen tour",
        description="See four kinds of model learn the same density.",
        example="minigen tour --seed 1",
    )
    add_seed(result)
    add_out(result, what="folder for the picture and the table")
    result.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen tour ...`; returns 0."""
    return tour(**vars(parser().parse_args(argv)))


def tour(seed: int = 0, out: Path = Path("out"), quick: bool = False) -> int:
    """Run the tour: print the table, write `tour.png` and `tour.json` to `out`/tour; returns 0.

    Raises UsageError when that folder cannot be written or holds files of somebody else.
    """
    folder = RunFolder(Path(out) / "tour", {"lesson": "tour", "seed": seed, "scale": 1.0, "quick": quick, "with": None})
    density = toy.two_moons(0.1).standardized()
    truth = density.sample(np.random.default_rng(seed + 1), SAMPLES)

    def directions():
        return np.random.default_rng(2)  # the same directions for every model

    def distance(x, y):
        return sliced_wasserstein(x, y, 200, directions())

    floor = sampling_floor(distance, density.sample, SAMPLES, np.random.default_rng(3))

    rows, drawn, record = [], {}, {"seed": seed, "entropy": density.entropy(), "floor": floor.mean, "models": {}}
    for name, train in FAMILIES.items():
        model = train(density, QUICK_STEPS if quick else STEPS[name], np.random.default_rng([seed, len(rows)]))
        start = time.perf_counter()
        x = model.sample(np.random.default_rng(seed + 4), SAMPLES)
        sampling = time.perf_counter() - start
        gap, nll = None, "-"
        if model.log_prob is not None:
            gap = nll_gap(density, lambda x, m=model: m.log_prob(x, np.random.default_rng(5)), truth).gap
            nll = f"{density.entropy() + gap:.3f} {model.likelihood}"
        d = distance(x, truth)
        rows.append(
            [
                name,
                f"{d:.3f}",
                f"{d / floor.mean:.1f}",
                nll,
                f"{model.history.seconds:.0f} s",
                f"{1e3 * sampling:.0f} ms",
            ]
        )
        drawn[name] = (x, model.history)
        record["models"][name] = {
            "sliced_wasserstein": d,
            "nll_gap": gap,
            "training_seconds": model.history.seconds,
            "sampling_seconds": sampling,
        }
        print(f"{name} has learned: {model.history.steps_done} steps in {model.history.seconds:.0f} s", flush=True)

    rows.append(["the truth", f"{floor.mean:.3f}", "1.0", f"{density.entropy():.3f} exact", "", ""])
    header = ["model", "distance", "/ floor", "-log p (nats)", "training", f"{SAMPLES:,} samples"]
    print(f"\nTwo moons, learned four ways:\n\n{text_table(rows, header)}")
    print(
        f"\ndistance: sliced Wasserstein between {SAMPLES:,} samples and {SAMPLES:,} true points; its floor is what two"
        " samples\nof the truth are apart. -log p: mean over true points; that of the truth is its entropy. A GAN has"
        " none, and that of\na diffusion model is only bounded (lesson diffusion/04)."
    )
    picture = folder.write("tour.png", lambda path: plot.save(draw(density, truth, drawn), path))
    folder.write_json("tour.json", record)
    print(f"\nThe picture is {picture}. Next: minigen list")
    return 0


def draw(density, truth: np.ndarray, drawn: dict[str, tuple[np.ndarray, History]]):
    """One figure: the truth and the four models' samples over it, and below each model how its training went."""
    figure, axes = plot.figure(2, 1 + len(drawn), size=(2.7, 2.5))
    plot.density(density, axes[0, 0], title="the truth")
    plot.samples(truth[:2000], ax=axes[1, 0], title="true samples", bounds=density.bounds, color=plot.color.real)
    for j, (name, (x, history)) in enumerate(drawn.items(), start=1):
        plot.samples(x[:2000], density=density, ax=axes[0, j], title=name, bounds=density.bounds)
        plot.curves(history, smooth=max(1, history.steps_done // 50), ax=axes[1, j])
    return figure
