"""The weights that come with the package: what is said of them is true, and they are what is read without pickle."""

import numpy as np
import pytest

from minigen.data import mnist
from minigen.diffusion.ddpm import q_sample
from minigen.diffusion.guidance import classifier_free
from minigen.diffusion.samplers import clipped, ddim
from minigen.metrics.digits import label_accuracy
from minigen.zoo import PRETRAINED, weights, weights_file


def test_every_pretrained_model_has_small_weights_and_a_description():
    assert sum(weights_file(name).stat().st_size for name in PRETRAINED) < 4.5e6
    for name in PRETRAINED:
        with np.load(weights_file(name), allow_pickle=False) as archive:
            assert all(archive[key].dtype == np.float16 for key in archive.files)
        known = weights.described(name)
        assert known["model"] == name and known["seed"] == known["config"]["seed"] and known["minutes"] > 0
        assert known["command"] == "minigen record --shared" and len(known["recipe"]) == 16 and known["processor"]


def test_the_accuracy_of_the_classifier_is_the_one_that_is_said_and_float16_costs_none():
    said, test = weights.described("digit_classifier")["quality"], mnist.splits().test
    accuracy = label_accuracy(weights.load("digit_classifier"), mnist.unit(test.images[:2000]), test.labels[:2000])
    error = (said["accuracy"] * (1 - said["accuracy"]) / 2000) ** 0.5
    assert abs(accuracy - said["accuracy"]) < 5 * error and said["digits"] == 10_000
    assert said["accuracy"] > 0.99 and abs(said["accuracy"] - said["accuracy_float32"]) < 0.0005


def test_the_base_model_predicts_the_noise_of_test_digits():
    """An error of 1 is that of no model. With the right labels the error is smaller than with wrong ones."""
    base, test = weights.load("digit_diffusion"), mnist.splits().test
    rng = np.random.default_rng(0)
    x0, y = mnist.symmetric(test.images[:200]), test.labels[:200].astype(int)
    t, eps = np.full(200, 100), rng.standard_normal(x0.shape, dtype=np.float32)
    x = q_sample(x0, t, eps, base.schedule)
    error, wrong = (np.mean((base(x, t, labels) - eps) ** 2) for labels in (y, (y + 5) % 10))
    assert error < 0.06 and error < 0.97 * wrong
    said = weights.described("digit_diffusion")["quality"]
    assert said["noise_difference"] < 1e-3 and said["samples"] == 2000


@pytest.mark.slow
def test_the_samples_of_the_base_model_are_the_digits_that_were_asked_for():
    base, n = weights.load("digit_diffusion"), 100
    rng, y = np.random.default_rng(5), np.arange(n) % 10
    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    images = ddim(clipped(classifier_free(base, y, 0.0), base.schedule), noise, base.schedule, 20)
    accuracy = label_accuracy(weights.load("digit_classifier"), (images.clip(-1, 1) + 1) / 2, y)
    said = weights.described("digit_diffusion")["quality"]["accuracy"]
    assert accuracy > said - 5 * (said * (1 - said) / n) ** 0.5 and said > 0.9
