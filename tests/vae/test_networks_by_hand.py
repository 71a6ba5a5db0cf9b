"""The networks of autoencoders with random weights against plain NumPy: VAE, VQ-VAE, VQ-VAE-2, code prior, TD-VAE."""

import numpy as np
import pytest

from minigen.vae.autoencoder import Autoencoder
from minigen.vae.code_prior import CausalTransformer
from minigen.vae.likelihoods import Gaussian
from minigen.vae.td_vae import TDVAE
from minigen.vae.vae import VAE
from minigen.vae.vq_vae import VQVAE
from minigen.vae.vq_vae2 import HierarchicalVQVAE
from tests import plain


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ------------------------------------------------------------------------------------------- fully connected


@pytest.mark.parametrize("tied", [False, True])
def test_autoencoder(rng, tied):
    """Hidden layers with leaky ReLU, a tanh code of which the two largest stay, a sigmoid output."""
    net = Autoencoder(rng, 7, 5, (6,), code_activation="tanh", out_activation="sigmoid", k=2, tied=tied)
    net = plain.random_weights(net, rng)
    x = rng.standard_normal((3, 7))
    first, second = net.encoder.layers
    z = np.tanh(plain.linear(plain.leaky_relu(plain.linear(x, first)), second))
    z = np.where(z >= np.sort(z, axis=1)[:, -2:-1], z, 0)
    if tied:
        decoded = plain.leaky_relu(z @ second.w.T + net.biases[0]) @ first.w.T + net.biases[1]
    else:
        decoded = plain.mlp(z, net.decoder.layers, plain.leaky_relu)
    np.testing.assert_allclose(net.encode(x), z, atol=1e-9)
    np.testing.assert_allclose(net(x), plain.sigmoid(decoded), atol=1e-9)


def test_vae(rng):
    """mu, then logvar; z = mu + exp(logvar/2) eps; the two terms of the bound, for pixels and for points."""
    x, eps = rng.random((3, 7)), rng.standard_normal((3, 2))
    for likelihood in (None, Gaussian()):
        net = plain.random_weights(VAE(rng, 7, 2, (6, 5), likelihood=likelihood), rng)
        assert [layer.w.shape[1] for layer in (*net.encoder.layers, *net.decoder.layers)] == [6, 5, 4, 5, 6, 7]
        mu, logvar = np.split(plain.mlp(x, net.encoder.layers, plain.leaky_relu), 2, axis=1)
        decoded = plain.mlp(mu + np.exp(logvar / 2) * eps, net.decoder.layers, plain.leaky_relu)
        if likelihood is None:
            p = plain.sigmoid(decoded)
            reconstruction = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=1)
        else:
            (log_variance,) = net.likelihood.parameters().values()
            squares = (x - decoded) ** 2 / np.exp(log_variance)
            reconstruction = -0.5 * (np.log(2 * np.pi) + log_variance + squares).sum(axis=1)
        kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
        found = net.elbo(x, eps)
        np.testing.assert_allclose(found.reconstruction, reconstruction, atol=1e-8)
        np.testing.assert_allclose(found.kl, kl, atol=1e-8)
        np.testing.assert_allclose(found.value, reconstruction - kl, atol=1e-8)


# ------------------------------------------------------------------------------------------- discrete codes


def residual(x, block):
    """x + 1 × 1 convolution of relu of 3 × 3 convolution of relu(x)."""
    return x + plain.conv2d(plain.relu(plain.conv2d(plain.relu(x), block.conv1, padding=1)), block.conv2)


def encoder(x, net):
    h = plain.conv2d(x, net.conv_in, stride=4, padding=2)
    for block in net.blocks:
        h = residual(h, block)
    return plain.relu(h)


def decoder(e, net):
    h = plain.conv2d(e, net.conv_in, padding=1)
    for block in net.blocks:
        h = residual(h, block)
    return plain.conv_transpose2d(plain.relu(h), net.conv_out, stride=4, padding=2)


def quantized(z, quantizer, rng):
    """Indices of the nearest codes, and the codes themselves, after the codebook was set to vectors near some of z."""
    flat, codebook = z.reshape(-1, z.shape[-1]), quantizer.codebook
    noise = 0.1 * flat.std(axis=0) * rng.standard_normal(codebook.shape)
    codebook[...] = flat[rng.choice(len(flat), len(codebook))] + noise
    indices = ((z[..., None, :] - codebook) ** 2).sum(axis=-1).argmin(axis=-1)
    assert len(np.unique(indices)) > 2
    return indices, codebook[indices]


@pytest.mark.parametrize("learned", [False, True])
def test_vq_vae(rng, learned):
    net = plain.random_weights(VQVAE(rng, 9, 3, 5, 2, 0.9, 0.4, learned), rng)
    assert [len(net.encoder.blocks), len(net.decoder.blocks)] == [1, 2]
    x = rng.random((2, 8, 12, 2))
    z = plain.conv2d(encoder(x, net.encoder), net.out)
    indices, e = quantized(z, net.quantizer, rng)
    output, decoded = net(x), plain.sigmoid(decoder(e, net.decoder))
    np.testing.assert_array_equal(output.levels[0].indices, indices)
    np.testing.assert_allclose(output.decoded, decoded, atol=1e-6)
    distance = ((z - e) ** 2).sum(axis=(1, 2, 3))
    terms = ((x - decoded) ** 2).sum(axis=(1, 2, 3)) + 0.4 * distance + learned * distance
    np.testing.assert_allclose(net.loss(x), terms.mean(), rtol=1e-6)


def test_vq_vae_of_two_levels(rng):
    """The bottom is encoded given the quantized top; in training images 0, 2, ... are decoded from the top alone."""
    net = plain.random_weights(HierarchicalVQVAE(rng, (7, 9), (3, 4), 5, 2), rng)
    x = rng.random((3, 12, 20, 2))
    h = encoder(x, net.encoder)
    z_top = plain.relu(residual(plain.conv2d(h, net.halve, stride=2, padding=1), net.block))
    top, e_top = quantized(plain.conv2d(z_top, net.out_top), net.top, rng)
    above = plain.conv_transpose2d(e_top, net.double, stride=2, padding=1)
    z_bottom = plain.conv2d(np.concatenate([h, above], axis=3), net.out_bottom)
    bottom, e_bottom = quantized(z_bottom, net.bottom, rng)
    for training, keep in [(True, [0, 1, 0]), (False, [1, 1, 1])]:
        kept = np.array(keep)[:, None, None, None] * e_bottom
        output = net.train(training)(x)
        np.testing.assert_array_equal(output.levels[0].indices, top)
        np.testing.assert_array_equal(output.levels[1].indices, bottom)
        decoded = plain.sigmoid(decoder(np.concatenate([above, kept], axis=3), net.decoder))
        np.testing.assert_allclose(output.decoded, decoded, atol=1e-6)
    np.testing.assert_array_equal(net.codes(x)[0], top)
    np.testing.assert_array_equal(net.codes(x)[1], bottom)
    np.testing.assert_allclose(net.context(top), above, atol=1e-6)
    np.testing.assert_allclose(net.images(top, bottom), decoded, atol=1e-6)
    alone = plain.sigmoid(decoder(np.concatenate([above, 0 * e_bottom], axis=3), net.decoder))
    np.testing.assert_allclose(net.images(top), alone, atol=1e-6)


@pytest.mark.parametrize("conditional", [True, False])
def test_code_prior(rng, conditional):
    """Embeddings of the tokens 1 and 3 positions back, from two tables, of position and label; a map of the context."""
    conditions = {"classes": 4, "context": 2} if conditional else {}
    net = CausalTransformer(rng, 6, 5, 12, 3, 2, back=(1, 3), **conditions)
    net = plain.random_weights(net, rng)
    assert [block.mlp.layers[0].w.shape for block in net.blocks] == [(12, 48)] * 2
    tokens, given = rng.integers(0, 6, (2, 5)), ()
    h = np.tile(net.position.table, (2, 1, 1))
    if conditional:
        labels, context = given = np.array([3, 0]), rng.standard_normal((2, 5, 2))
        h = h + net.label.table[labels][:, None] + plain.linear(context, net.context)
    for n in range(2):
        for i in range(5):
            for distance, embedding in zip((1, 3), net.token, strict=True):
                before = tokens[n, i - distance] if i >= distance else 6  # the last row: the start
                h[n, i] += embedding.table[before]
    mask = np.tril(np.ones((2, 5, 5), bool))
    for block in net.blocks:
        h = h + plain.multi_head_attention(plain.layer_norm(h, block.norm1), block.attention, 3, mask=mask)
        h = h + plain.mlp(plain.layer_norm(h, block.norm2), block.mlp.layers, plain.relu)
    logits = plain.linear(plain.layer_norm(h, net.norm), net.head)
    np.testing.assert_allclose(net(tokens, *given), logits, atol=1e-6)
    p = plain.softmax(logits)
    log_prob = [sum(np.log(p[n, i, tokens[n, i]]) for i in range(5)) for n in range(2)]
    np.testing.assert_allclose(net.log_prob(tokens, *given), log_prob, atol=1e-6)


# ------------------------------------------------------------------------------------------- sequences


def gru(x, h, cell):
    """Reset and update gate, then the content, in which the reset gate multiplies the part of the state."""
    of_x, of_h = np.split(x @ cell.w + cell.b, 3, axis=1), np.split(h @ cell.u, 3, axis=1)
    r, u = plain.sigmoid(of_x[0] + of_h[0]), plain.sigmoid(of_x[1] + of_h[1])
    return (1 - u) * np.tanh(of_x[2] + r * of_h[2]) + u * h


def gated_normal(net, *inputs):
    u = np.concatenate(inputs, axis=1)
    h = np.tanh(plain.linear(u, net.content)) * plain.sigmoid(plain.linear(u, net.gate))
    return plain.linear(h, net.mu), plain.linear(h, net.logvar)


def log_normal(z, mu, logvar):
    return -0.5 * (np.log(2 * np.pi) + logvar + (z - mu) ** 2 / np.exp(logvar)).sum(axis=1)


def test_td_vae(rng):
    """All five networks, and the loss that they make: one pair of times for each sequence."""
    net = TDVAE(rng, 4, 3, 5, 4, 6, 7, (8,), dim_gap=2)
    net = plain.random_weights(net, rng)
    x, t1, t2 = rng.standard_normal((3, 7, 4)), np.array([1, 3, 2]), np.array([4, 5, 6])
    eps1, eps2 = rng.standard_normal((2, 3, 3))
    seen, b, beliefs = plain.leaky_relu(plain.linear(x, net.features)), np.zeros((3, 5)), []
    for t in range(7):
        b = gru(seen[:, t], b, net.cell)
        beliefs.append(b)
    beliefs = np.stack(beliefs, axis=1)
    np.testing.assert_allclose(net.belief(x), beliefs, atol=1e-6)
    row, gap = np.arange(3), net.gaps.table[t2 - t1 - 1]
    b1, b2, x2 = beliefs[row, t1 - 1], beliefs[row, t2 - 1], x[row, t2 - 1]
    belief1, belief2 = gated_normal(net.belief_net, b1), gated_normal(net.belief_net, b2)
    z2 = belief2[0] + np.exp(belief2[1] / 2) * eps2
    smoothing = gated_normal(net.smoothing_net, z2, b1, b2, gap)
    z1 = smoothing[0] + np.exp(smoothing[1] / 2) * eps1
    (log_variance,) = net.likelihood.parameters().values()
    bound = log_normal(x2, plain.mlp(z2, net.decoder.layers, plain.leaky_relu), log_variance + np.zeros(4))
    bound = bound + log_normal(z1, *belief1) + log_normal(z2, *gated_normal(net.transition_net, z1, gap))
    bound = bound - log_normal(z2, *belief2) - log_normal(z1, *smoothing)
    np.testing.assert_allclose(net.td_vae_loss(x, t1, t2, eps1, eps2), -bound.mean(), rtol=1e-6)
