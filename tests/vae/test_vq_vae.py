"""The VQ-VAE, its loss and its training step, written out by hand and against the chain rule."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.optim import SGD, Adam
from minigen.tensor import grad, leaves, parallel_value_and_grad, value_and_grad
from minigen.vae.quantizer import VectorQuantizer, ema_update, nearest, perplexity
from minigen.vae.vq_vae import VQVAE, Output, loss_terms, start, training_step, vq_vae_loss
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


def test_loss_is_its_three_terms(rng):
    """Eq. vae.19 for a VQ-VAE, written out."""
    model, x = shaken(VQVAE(rng, codes=8, dim=3, width=8, beta=0.5, learned=True), rng), images(rng)
    z = model.encode(x)
    e = model.quantizer.codebook[nearest(z, model.quantizer.codebook)]
    by_hand = ((x - model.decode(e)) ** 2).sum() + 1.5 * ((z - e) ** 2).sum()
    np.testing.assert_allclose(model.loss(x), by_hand / 6, rtol=1e-5)
    assert z.shape == (6, 7, 7, 3) and model.loss(x).dtype == np.float32


def test_loss_terms_by_hand():
    """Codes 0 and 3, encoded 1 and 2.5, pixels 0.5 and 3: |x − D(e)|² = 0.25 + 0 with the decoder that does nothing,
    |sg[z] − e|² = 1 + 0.25, and a fifth of it for the encoder. Two levels add up. Eq. vae.19"""
    quantizer = VectorQuantizer(np.random.default_rng(0), codes=2, dim=1, beta=0.2, learned=True)
    quantizer.codebook[...] = [[0], [3]]
    level = quantizer(np.array([[[[1.0], [2.5]]]]))
    x = np.array([[[[0.5], [3.0]]]])
    np.testing.assert_array_equal(level.vectors.ravel(), [0, 3])
    np.testing.assert_allclose(loss_terms(x, Output(level.vectors, [level])), [[0.25], [1.25], [0.25]], rtol=1e-6)
    np.testing.assert_allclose(loss_terms(x, Output(level.vectors, [level, level])), [[0.25], [2.5], [0.5]], rtol=1e-6)
    average = VectorQuantizer(np.random.default_rng(0), codes=2, dim=1, beta=0.2)
    average.codebook[...] = [[0], [3]]
    level = average(np.array([[[[1.0], [2.5]]]]))  # whose codebook is a moving average: it has no term
    np.testing.assert_allclose(loss_terms(x, Output(level.vectors, [level])), [[0.25], [0], [0.25]], rtol=1e-6)


def test_the_encoder_gets_the_gradient_of_the_decoders_input(rng):
    """Eq. vae.19 with the straight-through copy: dL/dz = d reconstruction / de + 2 beta (z - e), pulled through the
    encoder."""
    model, x = shaken(VQVAE(rng, codes=8, dim=3, width=8), rng), images(rng)
    start(model, x, rng)
    z = model.encode(x)
    e = model.quantizer.look_up(model.quantizer.nearest(z))
    at_decoder = grad(lambda e: anp.sum((x - model.decode(e)) ** 2) / 6)(e)
    pull = at_decoder + 2 * 0.25 * (z - e) / 6
    by_hand = grad(lambda m: anp.sum(m.encode(x) * pull))(model)
    found = grad(lambda m: m.loss(x))(model)
    assert np.abs(leaves(found.encoder)[0]).max() > 1e-3
    for part in ("encoder", "out"):
        for a, b in zip(leaves(getattr(found, part)), leaves(getattr(by_hand, part)), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4 * np.abs(b).max())
    fixed = grad(lambda m: anp.sum((x - m.decode(e)) ** 2) / 6)(model)
    for a, b in zip(leaves(found.decoder), leaves(fixed.decoder), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4 * np.abs(b).max())


@pytest.mark.parametrize("learned", [False, True])
def test_training_step_is_gradient_then_moving_average(rng, learned):
    """Eq. vae.20 takes the vectors that were quantized, not those of the moved encoder."""
    model, x = shaken(VQVAE(rng, codes=8, dim=3, width=8, learned=learned), rng), images(rng)
    start(model, x, rng)
    twin = model.copy()
    report = training_step(model, SGD(model, 1e-3), x)
    value, grads = value_and_grad(lambda m: m.loss(x))(twin)
    level, quantizer = twin(x).levels[0], twin.quantizer
    averaged = ema_update(
        quantizer.counts, quantizer.sums, quantizer.codebook, level.z.reshape(-1, 3), level.indices.ravel(), 0.99
    )
    SGD(twin, 1e-3).step(grads)
    for (name, a), b in zip(model.parameters().items(), twin.parameters().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(model.quantizer.counts, averaged[0], rtol=1e-5)
    if not learned:
        np.testing.assert_allclose(model.quantizer.codebook, averaged[2], rtol=1e-5)
    assert report["loss"] == pytest.approx(float(value), rel=1e-5)
    assert report["loss"] == pytest.approx(
        report["reconstruction"] + report["codebook"] + report["commitment"], rel=1e-5
    )
    assert (report["codebook"] > 0) == learned and report["perplexity"] == pytest.approx(perplexity(level.indices, 8))


def test_images_and_codes_agree(rng):
    """Eq. vae.18: codes, their images and the forward pass agree, in parts or at once."""
    model, x = shaken(VQVAE(rng, codes=8, dim=3, width=8), rng), images(rng, 3)
    start(model, x, rng)
    (codes,) = model.codes(x)
    assert codes.shape == (3, 7, 7) and codes.dtype.kind == "i"
    np.testing.assert_array_equal(codes, model(x).levels[0].indices)
    np.testing.assert_allclose(model.reconstruct(x), model(x).decoded, atol=1e-5)
    drawn = model.sample(rng, 3, lambda rng, n: codes[:n])
    np.testing.assert_array_equal(drawn, model.images(codes))
    assert drawn.dtype == np.float32 and drawn.shape == (3, 28, 28, 1)
    tile = np.tile(x, (200, 1, 1, 1))
    np.testing.assert_array_equal(model.codes(tile)[0][-3:], codes)


@pytest.mark.parametrize("kind", [VQVAE, HierarchicalVQVAE])
def test_a_few_steps_learn_a_few_images(rng, kind):
    """The error falls below that of the best constant image; the codes spread."""
    x = np.zeros((8, 28, 28, 1), np.float32)
    for k in range(8):
        x[k, 3 * k : 3 * k + 6, 4:24] = 1
    model = kind(rng, codes=16, dim=4, width=16)
    model.alone = False
    start(model, x, rng)
    optimizer = Adam(model, 3e-3)
    reports = [training_step(model, optimizer, x, rng if i == 30 else None) for i in range(60)]
    constant = ((x - x.mean(axis=0)) ** 2).sum() / 8
    assert reports[-1]["reconstruction"] < 0.3 * constant < 0.5 * reports[0]["reconstruction"]
    assert ((model.reconstruct(x) - x) ** 2).sum() / 8 < 0.3 * constant
    state = model.state()
    np.testing.assert_array_equal(
        kind(rng, codes=16, dim=4, width=16).load_state(state).reconstruct(x), model.reconstruct(x)
    )


@pytest.mark.parametrize(
    "bad, message",
    [
        (np.zeros((2, 28, 28)), r"x must have shape \(N, H, W, 1\), H and W multiples of 4, got \(2, 28, 28\)"),
        (np.zeros((2, 30, 28, 1)), "multiples of 4"),
        (np.zeros((2, 28, 28, 3)), r"\(N, H, W, 1\)"),
        (np.full((2, 28, 28, 1), 255.0), r"x must be in \[0, 1\], got values from 255 to 255"),
        (np.full((2, 28, 28, 1), np.nan), "x must be finite"),
    ],
)
def test_bad_images(rng, bad, message):
    for kind in (VQVAE, HierarchicalVQVAE):
        with pytest.raises(ValueError, match=message):
            kind(rng, codes=4, dim=2, width=8)(bad)


@pytest.mark.parametrize("kind", [VQVAE, HierarchicalVQVAE])
def test_the_loss_keeps_the_contract_of_a_training(rng, kind):
    """A scalar and its terms, which sum to it; on two threads the terms are those of the whole batch."""
    model, x = shaken(kind(rng, codes=8, dim=3, width=8, learned=True), rng).eval(), images(rng, 5)
    (value, terms), _ = value_and_grad(vq_vae_loss, has_aux=True)(model, x)
    assert list(terms) == ["reconstruction", "codebook", "commitment"]
    assert float(sum(terms.values())) == pytest.approx(float(value), rel=1e-5)
    assert float(model.loss(x)) == pytest.approx(float(value), rel=1e-6)
    (halves_value, halves_terms), _ = parallel_value_and_grad(vq_vae_loss, has_aux=True)(model, x)
    assert float(halves_value) == pytest.approx(float(value), rel=1e-5)
    for name in terms:
        assert float(halves_terms[name]) == pytest.approx(float(terms[name]), rel=1e-5)


@pytest.mark.parametrize("kind", [VQVAE, HierarchicalVQVAE])
def test_images_start_near_the_mean_pixel_of_a_digit(rng, kind):
    """sigmoid(-2) = 0.12, not 0.5, from which the output can saturate at 0 in the first steps; always in (0, 1)."""
    model, x = kind(rng, codes=8, dim=3, width=8).eval(), images(rng, 4)
    decoded = np.asarray(model(x).decoded)
    assert 0.05 < decoded.mean() < 0.25
    loud = np.asarray(shaken(shaken(shaken(model, rng), rng), rng)(x).decoded)
    assert 0 < loud.min() and loud.max() < 1
