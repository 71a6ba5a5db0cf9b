"""What is measured of the pretrained models' weights: how good the models are, and what float16 changes.

Each function is given the model twice, with the weights that are kept (float16) and with those of its training
(float32), and returns numbers by their names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from minigen.data import mnist
from minigen.diffusion.ddpm import q_sample
from minigen.diffusion.guidance import classifier_free
from minigen.diffusion.samplers import clipped, ddim
from minigen.metrics.digits import DigitClassifier, judge_digits, label_accuracy
from minigen.tensor import batched
from minigen.types import Array
from minigen.zoo import weights
from minigen.zoo.digit_diffusion import DigitDiffusion

__all__ = ["MEASURES", "of_classifier", "of_diffusion"]


def of_classifier(kept: DigitClassifier, trained: DigitClassifier) -> dict[str, Any]:
    """Return the fraction of the 10,000 test digits that is classified correctly,
    with float16 and with float32 weights.
    """
    test = mnist.splits().test
    images = mnist.unit(test.images)  # (10000, 28, 28, 1)
    accuracy = [label_accuracy(model, images, test.labels) for model in (kept, trained)]
    return {"accuracy": accuracy[0], "accuracy_float32": accuracy[1], "digits": len(images)}


def of_diffusion(
    kept: DigitDiffusion, trained: DigitDiffusion, samples: int = 2000, steps: int = 20, seed: int = 0
) -> dict[str, Any]:
    """Fréchet distance and accuracy of labelled samples by the digit classifier, and the change of predicted noise.

    The samples are drawn by DDIM without guidance, a tenth of them for each label, and compared with the test digits.
    The difference is the mean of |float16 - float32| over noised test digits at all times.
    """
    rng = numpy.random.default_rng(seed)
    labels = numpy.arange(samples) % 10
    noise = rng.standard_normal((samples, 28, 28, 1), dtype=numpy.float32)

    def sampled(noise: Array, y: Array) -> Array:
        eps_model = clipped(classifier_free(kept.__call__, y, 0.0), kept.schedule)
        return ddim(eps_model, noise, kept.schedule, steps, 0.0, rng)

    images = (batched(sampled, noise, labels, size=250, progress="samples").clip(-1, 1) + 1) / 2
    test = mnist.unit(mnist.splits().test.images)
    report = judge_digits(weights.load("digit_classifier"), images, test, labels)
    return {
        "frechet": report.frechet,
        "accuracy": report.accuracy,
        "samples": samples,
        "sampler": f"DDIM, {steps} steps, w = 0",
        "seed": seed,
        "noise_difference": _noise_difference(kept, trained, rng),
    }


def _noise_difference(kept: DigitDiffusion, trained: DigitDiffusion, rng: numpy.random.Generator) -> float:
    """Mean |difference| of the noise that two models predict in the same 1,000 noised test digits."""
    test, n = mnist.splits().test, 1000
    x0 = mnist.symmetric(test.images[:n])  # (n, 28, 28, 1)
    t = rng.integers(1, kept.schedule.T + 1, n)  # (n,)
    x = q_sample(x0, t, rng.standard_normal(x0.shape, dtype=numpy.float32), kept.schedule)
    y = test.labels[:n].astype(int)
    predicted = [batched(model.__call__, x, t, y, size=250) for model in (kept, trained)]
    return float(numpy.abs(predicted[0] - predicted[1]).mean())


MEASURES: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
    "digit_classifier": of_classifier,
    "digit_diffusion": of_diffusion,
}
