"""Couplings and flows of them with random weights, direction by direction, against plain NumPy."""

import numpy as np
import pytest

from minigen.flow.bijection import Affine, Flow, StandardNormal
from minigen.flow.coupling import AffineCoupling, coupling_net, half_mask
from minigen.flow.nice import NICE
from minigen.flow.realnvp import RealNVP
from tests import plain


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def affine_coupling(z, net, keep, limit):
    """x = z where `keep` is true, z exp(s) + t elsewhere, s = limit tanh(raw/limit); the net outputs raw, then t."""
    kept = np.where(keep, z, 0)
    raw, t = np.split(plain.mlp(kept, net.layers, np.tanh), 2, axis=1)
    s = limit * np.tanh(raw / limit)
    return np.where(keep, z, z * np.exp(s) + t), np.where(keep, 0, s).sum(axis=1)


@pytest.mark.parametrize("limit", [0.5, 3.0])
def test_scales_pass_through_a_tanh_that_starts_with_slope_one(rng, limit):
    f = plain.random_weights(AffineCoupling(coupling_net(rng, 5, 8), half_mask(5), limit), rng)
    z, keep = rng.standard_normal((4, 5)), np.arange(5) < 2
    x, log_det = affine_coupling(z, f.net, keep, limit)
    for mine, want in zip(f.forward(z), (x, log_det), strict=True):
        np.testing.assert_allclose(mine, want, atol=1e-9)
    for mine, want in zip(f.inverse(x), (z, -log_det), strict=True):
        np.testing.assert_allclose(mine, want, atol=1e-9)


def test_realnvp(rng):
    """Three couplings, which keep the first, the second and the first half, then one scale and shift a coordinate."""
    flow = plain.random_weights(RealNVP(rng, 5, 3, 8, 1, "tanh", 1.5), rng)
    *couplings, last = flow.bijection.bijections
    assert [len(f.net.layers) for f in couplings] == [2, 2, 2]
    x, total = rng.standard_normal((4, 5)), 0
    z = x
    for k, f in enumerate(couplings):
        z, log_det = affine_coupling(z, f.net, (np.arange(5) < 2) == (k % 2 == 0), 1.5)
        total = total + log_det
    z, total = z * np.exp(last.log_scale) + last.shift, total + last.log_scale.sum()
    forward = flow.bijection.forward(x)
    np.testing.assert_allclose(forward[0], z, atol=1e-9)
    np.testing.assert_allclose(forward[1], total, atol=1e-9)
    log_prob = -0.5 * (x**2).sum(axis=1) - 2.5 * np.log(2 * np.pi) - total
    np.testing.assert_allclose(flow.log_prob(z), log_prob, atol=1e-9)


@pytest.mark.parametrize("interleaved", [False, True])
def test_nice(rng, interleaved):
    """Generating: one scale a coordinate, then additive couplings that keep the two halves in turn."""
    flow = plain.random_weights(NICE(rng, 5, 3, 8, 1, "tanh", True, interleaved), rng)
    scale, *couplings = flow.bijection.bijections
    assert [len(f.net.layers) for f in couplings] == [2, 2, 2]
    x = z = rng.standard_normal((4, 5))
    x = x * np.exp(scale.log_scale)
    for k, f in enumerate(couplings):
        first = np.arange(5) % 2 == 0 if interleaved else np.arange(5) < 2
        keep = first == (k % 2 == 0)
        x = x + np.where(keep, 0, plain.mlp(np.where(keep, x, 0), f.net.layers, np.tanh))
    forward = flow.bijection.forward(z)
    np.testing.assert_allclose(forward[0], x, atol=1e-9)
    np.testing.assert_allclose(forward[1], np.full(4, scale.log_scale.sum()), atol=1e-9)
    log_prob = -0.5 * (z**2).sum(axis=1) - 2.5 * np.log(2 * np.pi) - scale.log_scale.sum()
    np.testing.assert_allclose(flow.log_prob(x), log_prob, atol=1e-9)


def test_temperature_scales_the_noise_and_not_the_samples(rng):
    """x = f(τ z): with f(z) = 3 z + 5, τ = ½ narrows the samples around 5; and through a flow that is not linear."""
    z = np.random.default_rng(4).standard_normal((6, 2), dtype=np.float32)
    flow = Flow(StandardNormal(2), Affine(np.full(2, 5.0), np.full(2, np.log(3))))
    np.testing.assert_allclose(flow.sample(np.random.default_rng(4), 6, 0.5), 1.5 * z + 5, rtol=1e-5)
    flow = plain.random_weights(RealNVP(rng, 2, 2, 8, 1), rng)
    expected = flow.bijection.forward(0.5 * z.astype(float))[0]
    np.testing.assert_allclose(flow.sample(np.random.default_rng(4), 6, 0.5), expected, rtol=1e-4, atol=1e-4)
