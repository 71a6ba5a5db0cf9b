"""Vector quantization against brute force, hand computations and the chain rule; both models and their training
step."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.optim import SGD, Adam
from minigen.tensor import grad, jacobian, leaves, stop_gradient, value_and_grad
from minigen.vae import vq_vae
from minigen.vae.quantizer import (
    VectorQuantizer,
    dead_share,
    ema_update,
    nearest,
    perplexity,
    quantization_losses,
    straight_through,
)
from minigen.vae.vq_vae import VQVAE, training_step
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


# --------------------------------------------------------------------- the nearest code, Eq. vae.18


def test_nearest_by_hand_and_by_brute_force(rng):
    """Eq. vae.18: the index of the smallest distance, for vectors in any arrangement; the first of equals."""
    codebook = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 2.0]])
    np.testing.assert_array_equal(
        nearest(np.array([[1.0, 0.0], [2.0, 0.0], [0.5, 5.0], [1.5, 0.0]]), codebook), [0, 1, 2, 0]
    )
    z, codebook = rng.standard_normal((3, 4, 5, 6)) + 20, rng.standard_normal((7, 6)) + 20
    by_force = np.linalg.norm(z[..., None, :] - codebook, axis=-1).argmin(axis=-1)  # (3, 4, 5)
    np.testing.assert_array_equal(nearest(z, codebook), by_force)
    assert nearest(np.float32(z), np.float32(codebook)).dtype.kind == "i"
    np.testing.assert_array_equal(nearest(codebook, codebook), np.arange(7))


def test_nearest_is_not_the_largest_product():
    """A long code attracts by its direction, not by its distance: without |e|² the answer would be 1."""
    assert nearest(np.array([1.0, 0.0]), np.array([[1.0, 0.0], [9.0, 0.0]])) == 0


@pytest.mark.parametrize("z, codebook", [((3, 4), (5, 3)), ((), (5, 3)), ((3, 4), (4,)), ((4,), (2, 5, 4))])
def test_nearest_refuses_what_does_not_fit(z, codebook):
    with pytest.raises(ValueError, match=r"z \(..., D\) and codebook \(K, D\) must share D, got"):
        nearest(np.zeros(z), np.zeros(codebook))


def test_nearest_refuses_what_is_not_a_number():
    with pytest.raises(ValueError, match="z must be finite, got 1 non-finite values"):
        nearest(np.array([[np.nan, 0.0]]), np.zeros((3, 2)))


# --------------------------------------------------------------------- straight through


def test_straight_through_has_the_value_of_one_and_the_gradient_of_the_other(rng):
    """Eq. vae.19 needs it: the Jacobian in z is the identity, that in the codes is zero."""
    z, e = rng.standard_normal((2, 3, 2))
    np.testing.assert_allclose(straight_through(z, e), e)
    np.testing.assert_array_equal(jacobian(lambda z: straight_through(z, e))(z).reshape(6, 6), np.eye(6))
    np.testing.assert_array_equal(jacobian(lambda e: straight_through(z, e))(e), 0)
    with pytest.raises(ValueError, match=r"quantized must have the shape of z, \(3, 2\), got \(2, 2\)"):
        straight_through(z, e[:2])


# --------------------------------------------------------------------- the two losses, Eq. vae.19


def test_losses_by_hand_and_their_gradients(rng):
    """Eq. vae.19: |sg[z] - e|² moves the codes only, beta |z - sg[e]|² the encoder only."""
    z, e = np.array([[1.0, 2.0]]), np.array([[4.0, 6.0]])
    assert [float(term[0]) for term in quantization_losses(z, e, 0.5)] == [25.0, 12.5]
    z, e = rng.standard_normal((2, 3, 4, 5))

    def total(z, e):
        return sum(anp.sum(term) for term in quantization_losses(z, e, 0.25))

    np.testing.assert_allclose(grad(total)(z, e), 2 * 0.25 * (z - e))
    np.testing.assert_allclose(grad(lambda e: total(z, e))(e), 2 * (e - z))
    each = quantization_losses(z, e)
    np.testing.assert_allclose(each.codebook, ((z - e) ** 2).sum(axis=(1, 2)))
    np.testing.assert_allclose(each.commitment, each.codebook / 4)


def test_losses_refuse_bad_input():
    with pytest.raises(ValueError, match="quantized must have the shape of z"):
        quantization_losses(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"beta must be a number in \[0, inf\), got -1"):
        quantization_losses(np.zeros((2, 3)), np.zeros((2, 3)), -1)
    with pytest.raises(ValueError, match="z must be finite, got 1 non-finite"):
        quantization_losses(np.array([[np.nan, 0]]), np.zeros((1, 2)))


# --------------------------------------------------------------------- moving averages, Eq. vae.20


def test_ema_by_hand():
    """Eq. vae.20, two codes of one number: code 0 gets 4 and 8, code 1 nothing."""
    counts, sums, codebook = ema_update(
        np.array([1.0, 2.0]),
        np.array([[3.0], [10.0]]),
        np.array([[3.0], [5.0]]),
        np.array([[4.0], [8.0]]),
        np.array([0, 0]),
        gamma=0.75,
    )
    np.testing.assert_allclose(counts, [0.75 * 1 + 0.25 * 2, 1.5])
    np.testing.assert_allclose(sums, [[0.75 * 3 + 0.25 * 12], [7.5]])
    np.testing.assert_allclose(codebook, [[5.25 / 1.25], [5.0]])  # an unused code stays where it is


def test_ema_is_a_weighted_mean_of_all_that_came(rng):
    """Eq. vae.20 unrolled: vectors of t batches ago weigh gamma^t; the start weighs gamma^T."""
    k, d, gamma = 3, 2, 0.8
    counts, codebook = np.ones(k), rng.standard_normal((k, d))
    sums = codebook.copy()
    weight, total, first = np.full(k, gamma**4), gamma**4 * codebook, None
    for t in range(4):
        z, indices = rng.standard_normal((7, d)), rng.integers(0, k, 7)
        first = (counts.copy(), sums.copy(), codebook.copy()) if first is None else first
        counts, sums, codebook = ema_update(counts, sums, codebook, z, indices, gamma)
        share = (1 - gamma) * gamma ** (3 - t)
        for j in range(k):
            weight[j] += share * (indices == j).sum()
            total[j] += share * z[indices == j].sum(axis=0)
    np.testing.assert_allclose(counts, weight)
    np.testing.assert_allclose(codebook, total / weight[:, None])


def test_ema_without_memory_is_a_step_of_k_means(rng):
    """Eq. vae.20 at gamma = 0: each code moves to the mean of its vectors, and one without vectors stays."""
    z, codebook = rng.standard_normal((50, 2)), np.array([[0.0, 1.0], [1.0, -1.0], [50.0, 50.0]])
    indices = nearest(z, codebook)
    before = [a.copy() for a in (z, codebook)]
    counts, _, new = ema_update(np.ones(3), codebook.copy(), codebook, z, indices, 0.0)
    np.testing.assert_allclose(new[:2], [z[indices == j].mean(axis=0) for j in (0, 1)])
    np.testing.assert_array_equal(new[2], [50, 50])
    np.testing.assert_array_equal(counts, np.bincount(indices, minlength=3))
    for a, b in zip((z, codebook), before):
        np.testing.assert_array_equal(a, b)


def test_a_code_without_vectors_never_becomes_nan():
    """1,000 batches without a vector: the count underflows, the code stays."""
    counts, sums, codebook = np.float32([1, 1]), np.float32([[1], [7]]), np.float32([[1], [7]])
    for _ in range(1000):
        counts, sums, codebook = ema_update(counts, sums, codebook, np.float32([[2.0]]), np.array([0]), 0.9)
    np.testing.assert_allclose(codebook, [[2], [7]], rtol=1e-5)
    assert counts[1] < 1e-30 and codebook.dtype == counts.dtype == np.float32


@pytest.mark.parametrize(
    "change, message",
    [
        ({"z": np.zeros((3, 2, 1))}, r"z must have shape \(M, D\)"),
        ({"sums": np.zeros((3, 2))}, r"sums must have shape \(2, 2\), got \(3, 2\)"),
        ({"indices": np.array([0, 1])}, r"indices must have shape \(3,\)"),
        ({"indices": np.array([0, 1, 2])}, r"indices must be in 0..1, got values from 0 to 2"),
        ({"indices": np.zeros(3)}, "indices must be whole numbers, got dtype float64"),
        ({"gamma": 1.5}, r"gamma must be a number in \[0, 1\], got 1.5"),
        ({"z": np.full((3, 2), np.inf)}, "z must be finite"),
    ],
)
def test_ema_refuses_bad_input(change, message):
    arguments = {
        "counts": np.ones(2),
        "sums": np.zeros((2, 2)),
        "codebook": np.zeros((2, 2)),
        "z": np.zeros((3, 2)),
        "indices": np.zeros(3, int),
        "gamma": 0.9,
    }
    with pytest.raises(ValueError, match=message):
        ema_update(**(arguments | change))


# --------------------------------------------------------------------- how codes are used


def test_perplexity_and_dead_codes():
    assert perplexity(np.array([[3, 3], [3, 3]]), 8) == 1
    assert perplexity(np.arange(8), 8) == pytest.approx(8)
    assert perplexity(np.array([0, 0, 1, 2]), 8) == pytest.approx(2**1.5)  # 1/2, 1/4, 1/4: 3/2 bits
    assert dead_share(np.array([0, 0, 1, 5]), 8) == 5 / 8
    with pytest.raises(ValueError, match=r"indices must be in 0..7"):
        perplexity(np.array([8]), 8)
    with pytest.raises(ValueError, match="indices must not be empty"):
        dead_share(np.zeros(0, int), 8)


def test_quantizer_start_and_revival(rng):
    quantizer = VectorQuantizer(rng, 5, 2)
    z = rng.standard_normal((3, 4, 2)).astype(np.float32)
    quantizer.start(z, rng)
    rows = [tuple(v) for v in z.reshape(-1, 2)]
    assert len({tuple(v) for v in quantizer.codebook} & set(rows)) == 5
    quantizer.counts[:] = [3, 0.4, 7, 0.1, 0.6]
    before = quantizer.codebook.copy()
    assert quantizer.revive(z + 100, rng) == 2
    np.testing.assert_array_equal(quantizer.codebook[[0, 2, 4]], before[[0, 2, 4]])
    assert (quantizer.codebook[[1, 3]] > 50).all() and (quantizer.counts >= 0.6).all()
    np.testing.assert_array_equal(quantizer.sums[[1, 3]], quantizer.codebook[[1, 3]])
    assert quantizer.revive(z, rng) == 0
    for bad in ({"codes": 0}, {"dim": 2.5}, {"gamma": 1.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            VectorQuantizer(rng, **({"codes": 4, "dim": 2} | bad))


def test_only_a_learned_codebook_is_a_parameter(rng):
    """Eq. vae.19, Eq. vae.20: with the moving average the codebook's term is dropped, and no gradient moves it."""
    z = rng.standard_normal((6, 3, 2)).astype(np.float32)
    average, learned = VectorQuantizer(rng, 4, 2), VectorQuantizer(rng, 4, 2, learned=True)
    assert leaves(average) == [] and len(leaves(learned)) == 1
    np.testing.assert_array_equal(average(z).codebook, 0)
    out = learned(z)
    np.testing.assert_allclose(out.commitment, 0.25 * out.codebook, rtol=1e-6)
    slope = grad(lambda q: anp.sum(q(z).codebook + q(z).commitment))(learned).codebook
    residual = 2 * (learned.codebook[out.indices] - z)
    by_hand = [residual[out.indices == j].sum(axis=0) for j in range(4)]
    np.testing.assert_allclose(slope, by_hand, rtol=1e-4, atol=1e-5)
    before = learned.codebook.copy()
    learned.update(z, out.indices)
    np.testing.assert_array_equal(learned.codebook, before)
    average.update(z, average(z).indices)
    np.testing.assert_allclose(average.codebook, average.sums / average.counts[:, None])


# --------------------------------------------------------------------- the models


def test_loss_is_its_three_terms(rng):
    """Eq. vae.19 for a VQ-VAE, written out."""
    model, x = shaken(VQVAE(rng, codes=8, dim=3, width=8, beta=0.5, learned=True), rng), images(rng)
    z = model.encode(x)
    e = model.quantizer.codebook[nearest(z, model.quantizer.codebook)]
    by_hand = ((x - model.decode(e)) ** 2).sum() + 1.5 * ((z - e) ** 2).sum()
    np.testing.assert_allclose(model.loss(x), by_hand / 6, rtol=1e-5)
    assert z.shape == (6, 7, 7, 3) and model.loss(x).dtype == np.float32


def test_the_encoder_gets_the_gradient_of_the_decoders_input(rng):
    """Eq. vae.19 with the straight-through copy: dL/dz = d reconstruction / de + 2 beta (z - e), pulled through the
    encoder."""
    model, x = shaken(VQVAE(rng, codes=8, dim=3, width=8), rng), images(rng)
    vq_vae.start(model, x, rng)
    z = model.encode(x)
    e = model.quantizer.look_up(model.quantizer.nearest(z))
    at_decoder = grad(lambda e: anp.sum((x - model.decode(e)) ** 2) / 6)(e)
    pull = at_decoder + 2 * 0.25 * (z - e) / 6
    by_hand = grad(lambda m: anp.sum(m.encode(x) * pull))(model)
    found = grad(lambda m: m.loss(x))(model)
    assert np.abs(found.encoder.enter.w).max() > 1e-3
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
    vq_vae.start(model, x, rng)
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
    """Eq. vae.18: codes, their images, and the model's own pass tell the same story, in parts or at once."""
    model, x = shaken(VQVAE(rng, codes=8, dim=3, width=8), rng), images(rng, 3)
    vq_vae.start(model, x, rng)
    (codes,) = model.codes(x)
    assert codes.shape == (3, 7, 7) and codes.dtype.kind == "i"
    np.testing.assert_array_equal(codes, model(x).levels[0].indices)
    np.testing.assert_allclose(model.reconstruct(x), np.clip(model(x).decoded, 0, 1), atol=1e-5)
    drawn = model.sample(rng, 3, lambda rng, n: codes[:n])
    np.testing.assert_array_equal(drawn, model.images(codes))
    assert drawn.dtype == np.float32 and drawn.shape == (3, 28, 28, 1)
    tile = np.tile(x, (200, 1, 1, 1))
    np.testing.assert_array_equal(model.codes(tile)[0][-3:], codes)


def test_hierarchy_top_first_then_bottom(rng):
    """VQ-VAE-2: the bottom is encoded given the quantized top, the decoder sees both, and sampling follows that
    order."""
    model, x = shaken(HierarchicalVQVAE(rng, codes=(6, 9), dim=(2, 3), width=8), rng).eval(), images(rng, 4)
    vq_vae.start(model, x, rng)
    top, bottom = model.codes(x)
    assert top.shape == (4, 4, 4) and bottom.shape == (4, 7, 7) and top.max() < 6 and bottom.max() < 9
    out = model(x)
    for codes, level in zip((top, bottom), out.levels):
        np.testing.assert_array_equal(codes, level.indices)
    np.testing.assert_allclose(model.images(top, bottom), np.clip(out.decoded, 0, 1), atol=1e-5)
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
    vq_vae.start(model, x, rng)
    top, bottom = model.codes(x)
    practice = np.clip(model(x).decoded, 0, 1)
    np.testing.assert_allclose(practice[1::2], model.images(top, bottom)[1::2], atol=1e-5)
    np.testing.assert_allclose(practice[::2], model.images(top)[::2], atol=1e-5)
    assert np.abs(model.images(top) - model.images(top, bottom)).max() > 1e-3
    model.alone = False
    np.testing.assert_allclose(np.clip(model(x).decoded, 0, 1), model.images(top, bottom), atol=1e-5)


def test_gradients_reach_every_parameter_of_both_levels(rng):
    model, x = shaken(HierarchicalVQVAE(rng, codes=6, dim=2, width=8, learned=True), rng), images(rng)
    vq_vae.start(model, x, rng)
    grads = grad(lambda m: m.loss(x))(model)
    for name, g in grads.parameters().items():
        assert g.dtype == np.float32 and np.abs(g).max() > 0, name
    report = training_step(model, SGD(model, 1e-3), x, rng)
    assert set(report) == {"loss", "reconstruction", "codebook", "commitment", "perplexity top", "perplexity bottom"}
    for quantizer in model.quantizers:
        for a in (quantizer.codebook, quantizer.counts, quantizer.sums):
            assert a.dtype == np.float32


@pytest.mark.parametrize("kind", [VQVAE, HierarchicalVQVAE])
def test_a_few_steps_learn_a_few_images(rng, kind):
    """The error falls below that of the best constant image; the codes spread."""
    x = np.zeros((8, 28, 28, 1), np.float32)
    for k in range(8):
        x[k, 3 * k : 3 * k + 6, 4:24] = 1
    model = kind(rng, codes=16, dim=4, width=16)
    model.alone = False
    vq_vae.start(model, x, rng)
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
        (np.full((2, 28, 28, 1), np.nan), r"x must be in \[0, 1\]"),
    ],
)
def test_bad_images(rng, bad, message):
    for kind in (VQVAE, HierarchicalVQVAE):
        with pytest.raises(ValueError, match=message):
            kind(rng, codes=4, dim=2, width=8)(bad)


def test_two_levels_need_an_odd_grid(rng):
    model = HierarchicalVQVAE(rng, codes=4, dim=2, width=8)
    with pytest.raises(ValueError, match="odd"):
        model(np.zeros((1, 32, 32, 1), np.float32))
    assert stop_gradient(model(np.zeros((1, 20, 12, 1), np.float32)).decoded).shape == (1, 20, 12, 1)
