"""The multilayer perceptron as a model of the noise: what labels do to it."""

import numpy as np
import pytest

from minigen.diffusion.networks.mlp import EpsMLP
from minigen.nn import MLP, sinusoidal


def shaken(model):
    rng = np.random.default_rng(2)
    return model.map(lambda a: a + 0.1 * rng.standard_normal(a.shape))


def test_without_classes_it_is_the_plain_network():
    """The weights of an MLP of the point and its time features from the same generator, the hidden ones times √6."""
    model = EpsMLP(np.random.default_rng(0), 3, width=8, layers=2, time_features=4)
    plain = MLP(np.random.default_rng(0), [7, 8, 8, 3], "silu", last_scale=0.0)
    for layer in plain.layers[:-1]:
        layer.w *= 6**0.5
    for name, a in plain.parameters().items():
        np.testing.assert_array_equal(a, model.parameters()[f"body.{name}"])
    x, t = np.random.default_rng(1).standard_normal((5, 3)), np.arange(1, 6)
    model = shaken(model)
    np.testing.assert_allclose(model(x, t), model.body(np.concatenate([x, sinusoidal(t, 4)], axis=1)))
    np.testing.assert_array_equal(model(x, t, None), model(x, t))


def test_labels_condition_each_example():
    model = shaken(EpsMLP(np.random.default_rng(0), width=8, layers=2, classes=3))
    x, t = np.repeat(np.random.default_rng(1).standard_normal((1, 2)), 4, axis=0), np.full(4, 5)
    out = model(x, t, np.array([0, 1, 2, -1]))
    gaps = np.abs(out[:, None] - out[None]).max(axis=2) + np.eye(4)
    assert gaps.min() > 1e-3, "three classes and no class are four different models"
    np.testing.assert_array_equal(model(x, t)[3], out[3])
    np.testing.assert_array_equal(model(x, t, np.full(4, -1)), model(x, t))


def test_dtype():
    model = EpsMLP(np.random.default_rng(0), classes=3)
    x, t, y = np.zeros((4, 2), np.float32), np.ones(4, int), np.array([0, 1, 2, -1])
    assert model(x, t, y).dtype == model(x, t).dtype == shaken(model)(x, t, y).dtype == np.float32
    assert model(x.astype(float), t, y).dtype == np.float64


@pytest.mark.parametrize(
    "classes, y, message",
    [
        (None, np.array([0, 1]), "y must be None for a model without classes"),
        (3, np.array([0, 3]), r"y must be in -1..2, got values from 0 to 3"),
        (3, np.array([0.0, 1.0]), "y must be whole numbers"),
        (3, np.array([0, 1, 2]), r"y must have shape \(2,\), got \(3,\)"),
    ],
)
def test_errors(classes, y, message):
    model = EpsMLP(np.random.default_rng(0), classes=classes)
    with pytest.raises(ValueError, match=message):
        model(np.zeros((2, 2)), np.ones(2, int), y)
