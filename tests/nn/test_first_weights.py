"""The `gain` of the models that are built of MLPs: what it multiplies, and what each starts with unless it is given."""

import numpy as np
import pytest

from minigen.diffusion.networks.mlp import EpsMLP
from minigen.flow.coupling import coupling_net
from minigen.flow.realnvp import RealNVP
from minigen.gan.networks import Discriminator, Generator
from minigen.vae.vae import VAE

HE, LECUN = 6**0.5, 3**0.5


def linear_layers(model):
    """The hidden layers that a gain is for, and the others."""
    if isinstance(model, VAE):
        parts = [model.encoder.layers, model.decoder.layers]
    elif isinstance(model, RealNVP):
        parts = [each.net.layers for each in model.bijection.bijections[:-1]]
    elif isinstance(model, Discriminator):
        parts = [[*model.body, model.out]]
    else:
        parts = [(model if hasattr(model, "layers") else model.body).layers]
    if isinstance(model, Generator):
        return parts[0], []
    return [layer for part in parts for layer in part[:-1]], [part[-1] for part in parts]


MODELS = {  # a model, and the gain that it starts with
    "EpsMLP": (lambda rng, **k: EpsMLP(rng, 2, 8, 3, 4, **k), HE),
    "EpsMLP with classes": (lambda rng, **k: EpsMLP(rng, 2, 8, 3, 4, 5, **k), HE),
    "VAE": (lambda rng, **k: VAE(rng, 7, 2, (6, 5), **k), HE),
    "VAE of tanh": (lambda rng, **k: VAE(rng, 7, 2, (6, 5), "tanh", **k), HE),
    "coupling_net": (lambda rng, **k: coupling_net(rng, 3, 8, **k), LECUN),
    "coupling_net of ReLU": (lambda rng, **k: coupling_net(rng, 3, 8, activation="relu", **k), HE),
    "RealNVP": (lambda rng, **k: RealNVP(rng, 3, 2, 8, **k), LECUN),
    "Generator": (lambda rng, **k: Generator(rng, 2, 3, 8, **k), LECUN),
    "Generator of ReLU": (lambda rng, **k: Generator(rng, 2, 3, 8, activation="relu", **k), HE),
    "Discriminator": (lambda rng, **k: Discriminator(rng, 2, 8, **k), 1.0),
}
models = pytest.mark.parametrize("make, default", MODELS.values(), ids=MODELS.keys())


@models
def test_the_default_is_unchanged_and_a_gain_takes_its_place(make, default):
    plain, usual, named, twice = (
        make(np.random.default_rng(0), **gain) for gain in ({"gain": 1.0}, {}, {"gain": "lecun"}, {"gain": 2})
    )
    hidden, others = linear_layers(plain)
    assert hidden
    for model, factor in ((usual, default), (named, LECUN), (twice, 2)):
        for layer, other in zip(hidden, linear_layers(model)[0], strict=True):
            np.testing.assert_array_equal(other.w, layer.w * factor)
            np.testing.assert_array_equal(other.b, layer.b)
            assert other.w.dtype == np.float32
        for layer, other in zip(others, linear_layers(model)[1], strict=True):
            np.testing.assert_array_equal(other.w, layer.w)


@models
def test_the_weights_are_uniform_in_the_stated_bounds(make, default):
    """The largest of n uniform numbers is within a factor of 1 − 7/n of the bound, but for one draw in a thousand."""
    rng = np.random.default_rng(0)
    for layer in linear_layers(make(rng))[0]:
        bound = default / np.sqrt(len(layer.w))
        assert bound * (1 - 7 / layer.w.size) <= np.abs(layer.w).max() <= bound * (1 + 1e-6)


@models
@pytest.mark.parametrize("gain", ["glorot", -1.0, float("nan"), [2.0]])
def test_gains_that_are_none(make, default, gain):
    with pytest.raises(ValueError, match="gain must be"):
        make(np.random.default_rng(0), gain=gain)


def test_a_file_keeps_the_gain(tmp_path):
    model = VAE(np.random.default_rng(0), 7, 2, (6, 5), gain="lecun")
    other = VAE.from_file(model.save(tmp_path / "vae.npz"))
    np.testing.assert_array_equal(other.encoder.layers[0].w, model.encoder.layers[0].w)
