"""Vector quantization against brute force, hand computations and the chain rule."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.tensor import grad, jacobian, leaves
from minigen.vae.quantizer import (
    VectorQuantizer,
    dead_share,
    ema_update,
    nearest,
    perplexity,
    quantization_losses,
    straight_through,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


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


@pytest.mark.parametrize("z, codebook", [((3, 4), (5, 3)), ((), (5, 3)), ((3, 4), (4,)), ((4,), (2, 5, 4))])
def test_nearest_refuses_what_does_not_fit(z, codebook):
    with pytest.raises(
        ValueError, match=r"z \(..., D\) and codebook \(K, D\) must share D, got|codebook must have shape \(K, D\), got"
    ):
        nearest(np.zeros(z), np.zeros(codebook))


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
    with np.errstate(divide="raise", invalid="raise"):
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


def test_a_codebook_starts_at_random_and_then_at_vectors():
    """N(0, 1) in float32; `start` draws without replacement as soon as there are as many vectors as codes."""
    quantizer = VectorQuantizer(np.random.default_rng(3), 5, 2)
    first = np.random.default_rng(3).standard_normal((5, 2), dtype=np.float32)
    np.testing.assert_array_equal(quantizer.codebook, first)
    np.testing.assert_array_equal(quantizer.sums, first)
    z = np.arange(10, dtype=np.float32).reshape(5, 2)
    quantizer.start(np.random.default_rng(0), z)
    np.testing.assert_array_equal(quantizer.codebook[quantizer.codebook[:, 0].argsort()], z)
    quantizer.start(np.random.default_rng(0), z[:2])
    assert set(map(tuple, quantizer.codebook)) <= set(map(tuple, z[:2]))
    quantizer.counts[:] = [0.5, 0.4, 1, 1, 1]
    assert quantizer.revive(np.random.default_rng(0), z, below=0.5) == 1  # a count of 0.5 is not below it


def test_quantizer_start_and_revival(rng):
    quantizer = VectorQuantizer(rng, 5, 2)
    z = rng.standard_normal((3, 4, 2)).astype(np.float32)
    quantizer.start(rng, z)
    rows = [tuple(v) for v in z.reshape(-1, 2)]
    assert len({tuple(v) for v in quantizer.codebook} & set(rows)) == 5
    quantizer.counts[:] = [3, 0.4, 7, 0.1, 0.6]
    before = quantizer.codebook.copy()
    assert quantizer.revive(rng, z + 100) == 2
    np.testing.assert_array_equal(quantizer.codebook[[0, 2, 4]], before[[0, 2, 4]])
    assert (quantizer.codebook[[1, 3]] > 50).all() and (quantizer.counts >= 0.6).all()
    np.testing.assert_array_equal(quantizer.sums[[1, 3]], quantizer.codebook[[1, 3]])
    assert quantizer.revive(rng, z) == 0
    assert quantizer.revive(rng, z, below=2) == 3
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
