"""Glow and the multi-scale RealNVP: networks against plain NumPy, log-determinants after training by their Jacobian."""

import numpy as np
import pytest

from minigen.flow.bijection import jacobian_log_det
from minigen.flow.glow import CouplingNet, Glow, GlowStep, SplitNet
from minigen.flow.multiscale import ConvNet, ImageRealNVP, SmallConvNet
from minigen.optim import Adam
from minigen.tensor import value_and_grad
from tests import plain


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def coupling_net(kept, net, bias=0):
    """Scales and shifts of the other half: convolutions 3 × 3, 1 × 1 and 3 × 3 with ReLU between them."""
    h = plain.relu(plain.conv2d(kept, net.conv1, padding=1) + bias)
    return plain.conv2d(plain.relu(plain.conv2d(h, net.conv2)), net.conv3, padding=1)


def test_one_step_of_flow(rng):
    """Inferring: (x − shift) exp(−log_scale), then W, then (h − t) exp(−s) on the second half, s = 2 tanh(raw/2)."""
    step = plain.random_weights(GlowStep(rng, 6, 5, (3, 4)), rng)
    x = rng.standard_normal((2, 3, 4, 6))
    z, log_det = step.inverse(x)
    conv = step.conv
    W = conv.P @ (np.tril(conv.L, -1) + np.eye(6)) @ (np.triu(conv.U, 1) + np.diag(conv.sign * np.exp(conv.log_s)))
    h = (x - step.actnorm.shift) * np.exp(-step.actnorm.log_scale)
    h = np.einsum("ij,nhwj->nhwi", W, h)
    (bias,) = [a for a in step.coupling.net.parameters().values() if a.ndim == 3]
    raw, t = np.split(coupling_net(h[..., :3], step.coupling.net, bias), 2, axis=3)
    s = 2 * np.tanh(raw / 2)
    np.testing.assert_allclose(z, np.concatenate([h[..., :3], (h[..., 3:] - t) * np.exp(-s)], axis=3), atol=1e-6)
    expected = 12 * (np.log(abs(np.linalg.det(W))) - step.actnorm.log_scale.sum()) - s.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(log_det, expected, atol=1e-6)


def test_networks_of_couplings(rng):
    """Zeros for the kept half, the first two of 5 channels; the network of a split is one convolution."""
    x = rng.standard_normal((2, 3, 4, 5))
    net, split = plain.random_weights(CouplingNet(rng, 5, 4), rng), plain.random_weights(SplitNet(rng, 5), rng)
    for mine, out in [
        (net(x), coupling_net(x[..., :2], net)),
        (split(x), plain.conv2d(x[..., :2], split.conv, padding=1)),
    ]:
        zeros = np.zeros((2, 3, 4, 2))
        np.testing.assert_allclose(mine, np.concatenate([zeros, out[..., :3], zeros, out[..., 3:]], axis=3), atol=1e-9)


@pytest.mark.parametrize("fold", [False, True])
def test_networks_of_the_multi_scale_realnvp(rng, fold):
    """Residual blocks with norm and ReLU before each 3 × 3 kernel and ReLU before the 1 × 1; a last norm with ReLU."""
    x = rng.standard_normal((2, 4, 6, 3))
    folded = plain.space_to_depth(x) if fold else x
    net = plain.random_weights(ConvNet(rng, 3, 8, 2, fold), rng)
    assert len(net.blocks) == 2
    h = plain.conv2d(folded, net.conv_in, padding=1)
    for block in net.blocks:
        inner = plain.conv2d(plain.relu(plain.group_norm(h, block.norm1, 4)), block.conv1, padding=1)
        h = h + plain.conv2d(plain.relu(inner), block.conv2)
    out = plain.conv2d(plain.relu(plain.group_norm(h, net.norm, 4)), net.conv_out, padding=1)
    np.testing.assert_allclose(net(x), plain.depth_to_space(out) if fold else out, atol=1e-9)

    net = plain.random_weights(SmallConvNet(rng, 3, 8, (4, 6), fold), rng)
    (bias,) = [a for a in net.parameters().values() if a.ndim == 3]
    h = plain.relu(plain.conv2d(folded, net.conv_in, padding=1) + bias)
    out = plain.conv2d(plain.relu(plain.conv2d(h, net.conv_mid)), net.conv_out, padding=1)
    np.testing.assert_allclose(net(x), plain.depth_to_space(out) if fold else out, atol=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: Glow(rng, (4, 4, 1), 4, 2, 2),
        lambda rng: Glow(rng, (4, 4, 1), 4, 2, 2, False, True),
        lambda rng: ImageRealNVP(rng, (4, 4, 1), 4, 2, 1, 2, 2, small=True, affine=True),
    ],
    ids=["glow", "glow with a plain split and a bias for each position", "realnvp"],
)
def test_log_determinants_after_training_by_the_jacobian(rng, make):
    """After four steps of training, in float64: the log-determinants of both directions, and log p."""
    x = (rng.standard_normal((8, 4, 4, 1)) ** 3).astype(np.float32)
    flow = make(rng).standardize(x)
    optimizer = Adam(flow, 0.05)
    for _ in range(4):
        optimizer.step(value_and_grad(lambda f: f.loss(x))(flow)[1])
    flow = flow.map(lambda a: a.astype(float))
    z, log_det = flow.bijection.inverse(x[:2].astype(float))
    expected = jacobian_log_det(flow.bijection.inverse, x[:2])
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(log_det, expected, atol=1e-5)
    np.testing.assert_allclose(flow.bijection.forward(z)[1], -expected, atol=1e-5)
    log_base = -0.5 * (z.reshape(2, -1) ** 2).sum(axis=1) - 8 * np.log(2 * np.pi)
    np.testing.assert_allclose(flow.log_prob(x[:2].astype(float)), log_base + expected, atol=1e-5)
