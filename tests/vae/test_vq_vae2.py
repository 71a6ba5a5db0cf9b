"""VQ-VAE-2: two levels of codes, the bottom given the top."""

import numpy as np
import pytest

from minigen.optim import SGD
from minigen.tensor import grad, stop_gradient
from minigen.vae.quantizer import perplexity
from minigen.vae.vq_vae import start, training_step
from minigen.vae.vq_vae2 import HierarchicalVQVAE


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def images(rng, n=6):
    return rng.random((n, 28, 28, 1), dtype=np.float32)


def shaken(model, rng):
    """The model with random weights everywhere, so that no part of it is silent."""
    for p in model.parameters().values():
        p += 0.1 * rng.standard_normal(p.shape).astype(p.dtype)
    return model


def test_hierarchy_top_first_then_bottom(rng):
    """VQ-VAE-2: the bottom is encoded given the quantized top, the decoder sees both, and sampling follows that
    order."""
    model, x = shaken(HierarchicalVQVAE(rng, codes=(6, 9), dim=(2, 3), width=8), rng).eval(), images(rng, 4)
    start(model, x, rng)
    top, bottom = model.codes(x)
    assert top.shape == (4, 4, 4) and bottom.shape == (4, 7, 7) and top.max() < 6 and bottom.max() < 9
    out = model(x)
    for codes, level in zip((top, bottom), out.levels):
        np.testing.assert_array_equal(codes, level.indices)
    np.testing.assert_allclose(model.images(top, bottom), out.decoded, atol=1e-5)
    h, _ = model.encode(x)
    other = model.encode_bottom(h, model.top.look_up((top + 1) % 6))
    assert np.abs(other - out.levels[1].z).max() > 1e-2  # the top matters to the bottom
    for changed in (model.images((top + 1) % 6, bottom), model.images(top, (bottom + 1) % 9)):
        assert np.abs(changed - model.images(top, bottom)).max() > 1e-3  # and both to the image
    calls = []

    def top_prior(rng, n):
        calls.append("top")
        return top[:n]

    def bottom_prior(rng, given):
        calls.append("bottom")
        np.testing.assert_array_equal(given, top[:2])
        assert model.context(given).shape == (2, 7, 7, 2)
        return bottom[:2]

    np.testing.assert_allclose(model.sample(rng, 2, top_prior, bottom_prior), model.images(top[:2], bottom[:2]))
    assert calls == ["top", "bottom"]


def test_every_second_image_is_decoded_from_its_top_alone_while_training(rng):
    model, x = shaken(HierarchicalVQVAE(rng, codes=6, dim=3, width=8), rng), images(rng, 4)
    start(model, x, rng)
    top, bottom = model.codes(x)
    practice = model(x).decoded
    np.testing.assert_allclose(practice[1::2], model.images(top, bottom)[1::2], atol=1e-5)
    np.testing.assert_allclose(practice[::2], model.images(top)[::2], atol=1e-5)
    assert np.abs(model.images(top) - model.images(top, bottom)).max() > 1e-3
    model.alone = False
    np.testing.assert_allclose(model(x).decoded, model.images(top, bottom), atol=1e-5)


def test_gradients_reach_every_parameter_of_both_levels(rng):
    model, x = shaken(HierarchicalVQVAE(rng, codes=6, dim=2, width=8, learned=True), rng), images(rng)
    start(model, x, rng)
    grads = grad(lambda m: m.loss(x))(model)
    for name, g in grads.parameters().items():
        assert g.dtype == np.float32 and np.abs(g).max() > 0, name
    report = training_step(model, SGD(model, 1e-3), x, rng)
    assert set(report) == {"loss", "reconstruction", "codebook", "commitment", "perplexity top", "perplexity bottom"}
    for quantizer in model.quantizers:
        for a in (quantizer.codebook, quantizer.counts, quantizer.sums):
            assert a.dtype == np.float32


def test_two_levels_need_an_odd_grid(rng):
    model = HierarchicalVQVAE(rng, codes=4, dim=2, width=8)
    with pytest.raises(ValueError, match="odd"):
        model(np.zeros((1, 32, 32, 1), np.float32))
    assert stop_gradient(model(np.zeros((1, 20, 12, 1), np.float32)).decoded).shape == (1, 20, 12, 1)


def test_loss_sums_the_terms_of_both_levels(rng):
    """Eq. vae.19 for two levels, written out."""
    model, x = shaken(HierarchicalVQVAE(rng, codes=(6, 9), dim=(2, 3), width=8, learned=True), rng).eval(), images(rng)
    start(model, x, rng)
    x = images(rng)  # not those that the codebooks began with, whose vectors are codes
    out = model(x)
    squares = ((x - out.decoded) ** 2).sum()
    for quantizer, level in zip(model.quantizers, out.levels):
        squares += 1.25 * ((level.z - quantizer.codebook[level.indices]) ** 2).sum()
    np.testing.assert_allclose(model.loss(x), squares / len(x), rtol=1e-5)


def test_training_step_updates_each_codebook_with_its_own_vectors(rng):
    """Eq. vae.20 at both levels, with the vectors that were quantized, batch halves in order."""
    model, x = shaken(HierarchicalVQVAE(rng, codes=(6, 9), dim=3, width=8), rng), images(rng)
    model.alone = False
    start(model, x, rng)
    twin = model.copy()
    report = training_step(model, SGD(model, 1e-3), x)
    levels = twin(x).levels
    for name, quantizer, own, level in zip(("top", "bottom"), model.quantizers, twin.quantizers, levels):
        own.update(level.z, level.indices)
        np.testing.assert_allclose(quantizer.counts, own.counts, rtol=1e-5)
        np.testing.assert_allclose(quantizer.codebook, own.codebook, rtol=1e-4, atol=1e-6)
        assert report[f"perplexity {name}"] == pytest.approx(perplexity(level.indices, own.codes))
