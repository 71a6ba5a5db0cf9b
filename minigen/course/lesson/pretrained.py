"""Models that several lessons measure with: trained once, whatever the lesson's seed, then kept in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigen.course.lesson.cache import cached_model
from minigen.course.lesson.shared import SHARED
from minigen.diffusion.ddpm import eps_model_from_v
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.schedule import Schedule
from minigen.metrics.digits import DigitClassifier
from minigen.tensor import parallel_call

if TYPE_CHECKING:
    from minigen.course.lesson.declare import Lesson

__all__ = ["DigitDiffusion", "digit_classifier", "digit_diffusion"]

FULL = {"width": 24, "dim": 64, "images": 50_000, "steps": 4000, "batch": 128, "lr": 2e-3, "shift": 2, "seed": 28}
QUICK = FULL | {"width": 8, "images": 4000, "steps": 80, "batch": 64, "lr": 4e-3, "shift": 0}


def _name(function: str, lesson: Lesson) -> str:
    return SHARED[function].name + ", quick" * lesson.quick


def digit_classifier(lesson: Lesson) -> DigitClassifier:
    """The classifier of `minigen.metrics.digits`, with which every lesson judges its digits.

    Trained on the 50,000 training digits, with one fixed seed; the first lesson that asks waits for it (a minute or
    two), the others load it. It reads 99.4 % of the test digits. Under --quick a small one, trained for a second, takes
    its place: 90 %.
    """
    config = QUICK if lesson.quick else FULL
    return cached_model(
        _name("digit_classifier", lesson), config, build_digit_classifier, train_digit_classifier
    ).freeze()


def build_digit_classifier(config: dict) -> DigitClassifier:
    """The untrained classifier of a configuration."""
    return DigitClassifier(np.random.default_rng(config["seed"]), config["width"], config["dim"])


def train_digit_classifier(model: DigitClassifier, config: dict, fit: Callable) -> None:
    """Train it in place: cross-entropy, Adam with a falling learning rate, digits moved by up to `shift` pixels."""
    import autograd.numpy as anp

    from minigen.data import mnist
    from minigen.optim import cosine
    from minigen.tensor import cross_entropy
    from minigen.train import descend

    train, steps = mnist.splits().train, config["steps"]
    images, labels = train.images[: config["images"]], train.labels[: config["images"]]
    rng = np.random.default_rng(config["seed"] + 1)
    batches = mnist.batches(images, labels, size=config["batch"], rng=rng)

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        x, y = next(batches)
        return mnist.unit(moved(x, config["shift"], rng)), y

    def loss(model: DigitClassifier, x: np.ndarray, y: np.ndarray) -> Any:
        return anp.mean(cross_entropy(model(x), y))

    lr = cosine(config["lr"], steps, warmup=min(100, steps // 4))
    step = descend(loss, model, draw, rng=rng, lr=lr, parallel=True)
    fit(step, steps, state={**step.state, "batches": batches}, label="digit classifier")


def moved(images: np.ndarray, by: int, rng: np.random.Generator) -> np.ndarray:
    """Each image (N, H, W) moved by its own whole number of pixels, -by ... by each way; what comes in is paper, 0."""
    if by == 0:
        return images
    n, height, width = images.shape
    padded = np.pad(images, ((0, 0), (by, by), (by, by)))  # (N, H + 2 by, W + 2 by)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    down, right = rng.integers(0, 2 * by + 1, (2, n))
    return windows[np.arange(n), down, right]  # (N, H, W)


# ------------------------------------------------------------------------------------------- the base diffusion model

BASE: dict[str, Any] = {
    "width": 32,
    "global_mlp": 512,
    "T": 200,
    "drop": 0.15,
    "steps": 5500,
    "batch": 64,
    "lr": 2e-3,
    "ema": 0.999,
}
BASE |= {"images": 50_000, "seed": 64}
BASE_QUICK = BASE | {"width": 8, "global_mlp": 32, "steps": 30, "batch": 16, "ema": 0.9, "images": 2000}


class DigitDiffusion(NamedTuple):
    """The base model of the diffusion lessons: a class-conditional model of the noise in digits, in [-1, 1]."""

    net: UNet  # predicts v, called (x, t, y=None)
    schedule: Schedule  # the one it was trained on: cosine, T = 200

    def __call__(self, x: Any, t: Any, y: Any = None) -> Any:
        """The noise in images x (N, 28, 28, 1) at times t (N,), of labels y (N,): 0 ... 9, or −1 for no label."""
        eps_model = eps_model_from_v(self.net, self.schedule)
        if isinstance(x, np.ndarray):  # not inside a derivative: sampling asks so, thousands of images at a time
            eps_model = parallel_call(eps_model)
        return eps_model(x, t, y)


def digit_diffusion(lesson: Lesson) -> DigitDiffusion:
    """The base model that the lessons on guidance, fast sampling and distillation share, frozen.

    A U-Net with labels, which predicts v. In training 15 % of the labels are left out, so that it also knows digits
    without a label (y = −1, or None). Trained on the 50,000 training digits, with one fixed seed; the first lesson that
    asks waits for it (about eight minutes), the others load it. Under --quick a small one, trained for a second.
    """
    config = BASE_QUICK if lesson.quick else BASE
    name = _name("digit_diffusion", lesson)
    net = cached_model(name, config, build_digit_diffusion, train_digit_diffusion).freeze()
    return DigitDiffusion(net, Schedule.cosine(config["T"]))


def build_digit_diffusion(config: dict) -> UNet:
    """The untrained U-Net of a configuration."""
    rng = np.random.default_rng(config["seed"])
    return UNet(rng, width=config["width"], global_mlp=config["global_mlp"], classes=10)


def train_digit_diffusion(net: UNet, config: dict, fit: Callable) -> UNet:
    """Train it with the loss of v, Adam with a falling learning rate; returns the moving average."""
    from minigen.data import mnist
    from minigen.diffusion.ddpm import v_loss
    from minigen.diffusion.guidance import drop_labels
    from minigen.optim import cosine
    from minigen.train import descend

    train, n, steps = mnist.splits().train, config["batch"], config["steps"]
    images, labels = mnist.symmetric(train.images[: config["images"]]), train.labels[: config["images"]]
    schedule = Schedule.cosine(config["T"])
    rng = np.random.default_rng(config["seed"] + 1)
    batches = mnist.batches(images, labels, size=n, rng=rng)

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x0, y = next(batches)
        y = drop_labels(y.astype(int), rng.random(n), config["drop"])
        return x0, rng.integers(1, config["T"] + 1, n), rng.standard_normal(x0.shape, dtype=np.float32), y

    def loss(net: UNet, x0: np.ndarray, t: np.ndarray, eps: np.ndarray, y: np.ndarray) -> Any:
        return v_loss(net, x0, t, eps, schedule, y)

    lr = cosine(config["lr"], steps, warmup=min(100, steps // 4))
    step = descend(loss, net, draw, rng=rng, lr=lr, ema=config["ema"], parallel=True)
    fit(step, steps, state={**step.state, "batches": batches}, label="digit diffusion")
    return step.averaged
