"""Autoencoder losses, corruptions and penalties against hand-worked values, Jacobians and SciPy."""

import numpy as np
import pytest
from scipy.special import rel_entr
from scipy.stats import norm

from minigen.data import mnist
from minigen.nn import MLP, Conv2d, Linear, Sequential
from minigen.optim import SGD, Adam
from minigen.tensor import grad, jacobian, leaves, sigmoid, tree_map, value_and_grad
from minigen.vae.autoencoder import (
    Autoencoder,
    autoencoder_loss,
    code_jacobian,
    contractive_penalty,
    corrupt,
    denoising_loss,
    k_sparse,
    kl_bernoulli,
    reconstruction_loss,
    sigmoid_penalty,
    sparsity_penalty,
)
from minigen.vae.pca import pca, principal_angles


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def double(model):
    return tree_map(lambda p: p.astype(float), model)


# --------------------------------------------------------------------- reconstruction, Eq. vae.01


def test_reconstruction_loss_by_hand():
    """Eq. vae.01: errors (1, 0) and (0, −2): squared lengths 1 and 4, their mean 2.5; not the mean of four squares."""
    x, decoded = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 0.0], [0.0, 3.0]])
    assert reconstruction_loss(x, decoded) == 2.5
    assert reconstruction_loss(x.reshape(2, 1, 2, 1), decoded.reshape(2, 1, 2, 1)) == 2.5
    assert reconstruction_loss(x.astype(np.uint8), decoded.astype(np.uint8)) == 2.5  # bytes do not wrap around
    assert reconstruction_loss(np.float32(x), np.float32(decoded)).dtype == np.float32


def test_denoising_loss_compares_with_the_clean_input(rng):
    """Eq. vae.02: the model sees the damaged input; the error is taken to the clean one."""
    x, damaged = rng.random((2, 4, 3))
    assert denoising_loss(lambda seen: x + (seen - damaged), x, damaged) == 0
    np.testing.assert_allclose(denoising_loss(lambda seen: seen, x, damaged), np.sum((x - damaged) ** 2) / 4)


# --------------------------------------------------------------------- corruption, Eq. vae.02


def test_masking(rng):
    """Eq. vae.02: zeros at the rate of the level (5 standard errors), all else untouched; each row its own coins."""
    x = rng.random((50, 784), dtype=np.float32) + np.float32(0.1)
    y = corrupt(x, rng, "masking", 0.3)
    zero = y == 0
    np.testing.assert_array_equal(y[~zero], x[~zero])
    assert y.dtype == np.float32 and abs(zero.mean() - 0.3) < 5 * np.sqrt(0.21 / zero.size)
    rates = zero.mean(axis=1), zero.mean(axis=0)
    assert np.all(np.abs(rates[0] - 0.3) < 5 * np.sqrt(0.21 / 784)) and np.all(
        np.abs(rates[1] - 0.3) < 5.5 * np.sqrt(0.21 / 50)
    )
    assert len(np.unique(zero, axis=0)) == 50


def test_salt_and_pepper(rng):
    x = np.full((50, 784), 0.5)
    y = corrupt(x, rng, "salt_pepper", 0.4)
    for value in (0.0, 1.0):
        assert abs((y == value).mean() - 0.2) < 5 * np.sqrt(0.16 / y.size)
    assert set(np.unique(y)) == {0.0, 0.5, 1.0} and y.dtype == np.float64


def test_gaussian(rng):
    """Noise of standard deviation `level`, independent of x, not clipped."""
    x = rng.random((100, 784), dtype=np.float32)
    y = corrupt(x, rng, "gaussian", 0.5)
    noise = (y - x).ravel()
    assert y.dtype == np.float32 and y.min() < 0 and y.max() > 1
    n = noise.size
    assert abs(noise.mean()) < 5 * 0.5 / np.sqrt(n) and abs(noise.var() - 0.25) < 5 * 0.25 * np.sqrt(2 / n)
    assert abs(np.mean(np.abs(noise) < 0.5) - (norm.cdf(1) - norm.cdf(-1))) < 5 * 0.47 / np.sqrt(n)
    assert abs(np.corrcoef(noise, x.ravel())[0, 1]) < 5 / np.sqrt(n)


@pytest.mark.parametrize("kind", ["masking", "gaussian", "salt_pepper"])
def test_corruption_copies_and_follows_its_generator(kind):
    x = np.random.default_rng(1).random((3, 4))
    before = x.copy()
    a, b, c = (corrupt(x, np.random.default_rng(seed), kind, 0.5) for seed in (2, 2, 3))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(a, b)
    assert np.any(a != c)
    untouched = corrupt(x, np.random.default_rng(0), kind, 0.0)
    np.testing.assert_array_equal(untouched, x)
    assert untouched is not x and not np.shares_memory(untouched, x)


def test_whole_corruption(rng):
    x = np.full((20, 30), 0.5)
    assert not np.any(corrupt(x, rng, "masking", 1.0))
    assert set(np.unique(corrupt(x, rng, "salt_pepper", 1))) == {0.0, 1.0}
    assert corrupt(np.ones((2, 3), int), rng, "gaussian", 0.1).dtype == np.float64


# --------------------------------------------------------------------- sparsity, Eq. vae.03, Eq. vae.04


def test_kl_bernoulli_against_scipy(rng):
    """Eq. vae.04: one divergence for each entry, zero at rho = 0.25 only."""
    rho_hat = np.linspace(0.01, 0.99, 99)
    values = kl_bernoulli(0.25, rho_hat)
    np.testing.assert_allclose(values, rel_entr(0.25, rho_hat) + rel_entr(0.75, 1 - rho_hat), atol=1e-14)
    assert np.argmin(values) == 24 and abs(values[24]) < 1e-15 and np.all(np.delete(values, 24) > 0)
    np.testing.assert_allclose(kl_bernoulli(0.5, 0.25), 0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    rho = rng.random((4, 1))
    assert kl_bernoulli(rho, rho_hat).shape == (4, 99)
    assert kl_bernoulli(0.05, np.float32(rho_hat)).dtype == np.float32


def test_sparsity_penalty(rng):
    """Eq. vae.03, Eq. vae.04: averages over the examples first, then sums the divergences over units and layers."""
    a, b = rng.random((7, 3)), rng.random((7, 5))
    expected = [sum(kl_bernoulli(0.05, layer[:, j].mean()) for j in range(layer.shape[1])) for layer in (a, b)]
    np.testing.assert_allclose(sparsity_penalty(a, 0.05), expected[0])
    np.testing.assert_allclose(sparsity_penalty([a, b], 0.05), sum(expected))
    np.testing.assert_allclose(sparsity_penalty(np.array([[0.0], [0.5]]), 0.25), 0, atol=1e-15)  # the mean is 0.25
    g = grad(lambda h: sparsity_penalty(h, 0.05))(a)
    p = a.mean(axis=0)
    np.testing.assert_allclose(g, np.tile((p - 0.05) / (p * (1 - p)) / 7, (7, 1)))


def test_k_sparse_by_hand():
    """By value and not by magnitude, row by row, in place."""
    z = np.array([[3.0, -5.0, 1.0, 2.0], [-1.0, -2.0, -3.0, -4.0]])
    np.testing.assert_array_equal(k_sparse(z, 2), [[3, 0, 0, 2], [-1, -2, 0, 0]])
    np.testing.assert_array_equal(k_sparse(z, 4), z)
    np.testing.assert_array_equal(k_sparse(np.array([[1.0, 2.0, 2.0, 2.0]]), 2), [[0, 2, 2, 0]])  # ties: the first
    np.testing.assert_array_equal(k_sparse(np.array([[2.0, 1.0, 1.0, 3.0]]), 3), [[2, 1, 0, 3]])


def test_k_sparse_against_sorting_and_its_gradient(rng):
    z, weight = rng.standard_normal((2, 20, 15))
    kept = np.argsort(np.argsort(-z, axis=1), axis=1) < 4
    np.testing.assert_array_equal(k_sparse(z, 4), np.where(kept, z, 0))
    np.testing.assert_array_equal(grad(lambda z: np.sum(weight * k_sparse(z, 4)))(z), np.where(kept, weight, 0))
    np.testing.assert_array_equal(k_sparse(z.reshape(4, 5, 15), 4), np.where(kept, z, 0).reshape(4, 5, 15))
    assert k_sparse(np.float32(z), 4).dtype == np.float32 and k_sparse(z, np.int64(15)).shape == z.shape


# --------------------------------------------------------------------- the contractive penalty, Eq. vae.05


def test_sigmoid_penalty_by_hand():
    """Eq. vae.05: w = (3, 4) at h = ½ has the slope (3, 4)/4, squared length 25/16; at a saturated unit none."""
    layer = Linear(np.random.default_rng(0), 2, 1, "sigmoid")
    layer.w[:] = [[3], [4]]
    x = np.array([[0.0, 0.0], [1000.0, 1000.0]])
    np.testing.assert_allclose(contractive_penalty(layer, x[:1]), 25 / 16)
    np.testing.assert_allclose(contractive_penalty(layer, x), 25 / 32)
    np.testing.assert_allclose(sigmoid_penalty(np.array([[0.5]]), layer.w), 25 / 16)


def test_closed_form_is_the_jacobian(rng):
    """Eq. vae.05: closed form, batched derivative, and one exact Jacobian an example agree."""
    layer, x = double(Linear(rng, 6, 4, "sigmoid")), rng.standard_normal((5, 6))
    layer.w *= 3
    exact = [jacobian(lambda v: layer(v[None])[0])(row) for row in x]
    np.testing.assert_allclose(code_jacobian(layer, x), exact, atol=1e-12)
    norm2 = np.mean([np.sum(j**2) for j in exact])
    np.testing.assert_allclose(contractive_penalty(layer, x), norm2, rtol=1e-12)
    np.testing.assert_allclose(contractive_penalty(lambda x: layer(x), x), norm2, rtol=1e-12)
    np.testing.assert_allclose(contractive_penalty(lambda x: sigmoid(x @ layer.w + layer.b), x), norm2, rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: MLP(rng, [5, 7, 3], "tanh"),
        lambda rng: Linear(rng, 5, 3, "tanh"),  # a single layer, as the sigmoid's, whose closed form is not its own
        lambda rng: Linear(rng, 5, 3, "leaky_relu"),
        lambda rng: Linear(rng, 5, 3),
    ],
    ids=["two layers", "tanh", "leaky_relu", "linear"],
)
def test_penalty_of_other_encoders(rng, make):
    encoder = double(make(rng))
    x = rng.standard_normal((4, 5))
    exact = np.mean([np.sum(jacobian(lambda v: encoder(v[None])[0])(row) ** 2) for row in x])
    np.testing.assert_allclose(contractive_penalty(encoder, x), exact, rtol=1e-10)


def test_closed_form_of_a_layer_applied_along_an_axis(rng):
    """One layer for each of three places of an example: their prices add up."""
    layer, x = double(Linear(rng, 4, 2, "sigmoid")), rng.standard_normal((5, 3, 4))
    np.testing.assert_allclose(contractive_penalty(layer, x), contractive_penalty(lambda x: layer(x), x), rtol=1e-12)
    np.testing.assert_allclose(
        contractive_penalty(layer, x), 3 * contractive_penalty(layer, x.reshape(15, 4)), rtol=1e-12
    )


def test_penalty_of_a_convolution(rng):
    encoder, x = double(Conv2d(rng, 1, 2, 3, stride=2)), rng.standard_normal((2, 7, 7, 1))
    exact = jacobian(lambda v: encoder(v[None])[0])(x[0])
    np.testing.assert_allclose(code_jacobian(encoder, x)[0], exact.reshape(18, 49), atol=1e-12)
    np.testing.assert_allclose(contractive_penalty(encoder, x), np.sum(exact**2), rtol=1e-10)


@pytest.mark.parametrize("closed", [True, False])
def test_penalty_is_differentiable_with_respect_to_the_encoder(rng, closed):
    """The derivative of a derivative, against finite differences in every weight."""
    layer, x, h = double(Linear(rng, 3, 2, "sigmoid")), rng.standard_normal((4, 3)), 1e-5
    layer.w *= 2

    def penalty(e):
        return contractive_penalty(e if closed else Sequential(e), x)

    grads = value_and_grad(penalty)(layer)[1].parameters()
    for name, p in layer.parameters().items():
        for index in np.ndindex(p.shape):
            kept = p[index]
            p[index] = kept + h
            above = penalty(layer)
            p[index] = kept - h
            below = penalty(layer)
            p[index] = kept
            np.testing.assert_allclose(grads[name][index], (above - below) / (2 * h), atol=1e-8, err_msg=name)
    assert np.abs(grads["w"]).max() > 1e-2


# --------------------------------------------------------------------- the model


def test_widths_and_codes(rng):
    model = Autoencoder(rng, 10, 3, (8, 5), "tanh", out_activation="sigmoid")
    assert [p.shape for n, p in model.parameters().items() if n.endswith("w")] == [
        (10, 8),
        (8, 5),
        (5, 3),
        (3, 5),
        (5, 8),
        (8, 10),
    ]
    x = rng.random((4, 10), dtype=np.float32)
    z = np.tanh(np.tanh(x @ model.encoder.layers[0].w) @ model.encoder.layers[1].w) @ model.encoder.layers[2].w
    np.testing.assert_allclose(model.encode(x), z, rtol=1e-4, atol=1e-6)
    assert model(x).shape == (4, 10) and 0 < model(x).min() < model(x).max() < 1
    assert model(x).dtype == np.float32


@pytest.mark.parametrize(("activation", "variance"), [("relu", 2 / 500), ("tanh", 1 / 3 / 500)])
def test_hidden_layers_start_with_the_variance_of_their_activation(rng, activation, variance):
    model = Autoencoder(rng, 500, 4, (400,), activation)
    assert model.encoder.layers[0].w.var() == pytest.approx(variance, rel=0.02)  # 200,000 numbers


@pytest.mark.parametrize("widths", [(), (6,)])
def test_tied_weights(rng, widths):
    """The decoder's matrices are the encoder's, transposed, in the value and in the gradient."""
    tied = double(Autoencoder(rng, 5, 3, widths, "tanh", tied=True))
    free = double(Autoencoder(rng, 5, 3, widths, "tanh"))
    for free_part, own in ((free.encoder, tied.encoder), (free.decoder, None)):
        layers = free_part.layers if widths else [free_part]
        sources = tied.encoder.layers if widths else [tied.encoder]
        for layer, source in zip(layers, sources if own is not None else reversed(sources)):
            layer.w[...] = source.w if own is not None else source.w.T
    x = rng.standard_normal((4, 5))
    np.testing.assert_allclose(tied(x), free(x))

    def loss(m):
        return reconstruction_loss(x, m(x))

    g_tied, g_free = grad(loss)(tied), grad(loss)(free)

    def pick(part):
        return part.layers if widths else [part]

    for k, g in enumerate(pick(g_tied.encoder)):
        np.testing.assert_allclose(g.w, pick(g_free.encoder)[k].w + pick(g_free.decoder)[-1 - k].w.T)


def test_k_of_the_code(rng):
    model = Autoencoder(rng, 6, 9, (), k=4, tied=True)
    x = rng.random((5, 6), dtype=np.float32)
    np.testing.assert_array_equal(model.encode(x), k_sparse(model.encoder(x), 4))
    assert np.all(np.count_nonzero(model.encode(x), axis=1) == 4)


def gradient_step(model, optimizer, x, **options):
    """One step on `autoencoder_loss`; the loss before it."""
    (loss, _), grads = value_and_grad(lambda m: autoencoder_loss(m, x, **options), has_aux=True)(model)
    optimizer.step(grads)
    return loss


def test_a_linear_autoencoder_finds_the_principal_subspace(rng):
    """Eq. vae.01: the best that a linear code can do is the projection on the first principal directions."""
    x = (rng.standard_normal((400, 6)) * [3, 2.5, 1, 0.7, 0.5, 0.3]) @ np.linalg.qr(rng.standard_normal((6, 6)))[0]
    x = np.float32(x - x.mean(axis=0))
    model, best = Autoencoder(rng, 6, 2, ()), pca(x, 2)
    optimizer = SGD(model, 0.02, momentum=0.9)
    first = gradient_step(model, optimizer, x)
    for _ in range(400):
        last = gradient_step(model, optimizer, x)
    least = reconstruction_loss(x, best.decode(best.encode(x)))
    assert (1 - 1e-6) * least <= last < 1.001 * least < 0.5 * first
    assert principal_angles(best.directions, model.decoder.w)[0] < 2


# --------------------------------------------------------------------- principal components


def test_pca_against_the_singular_values(rng):
    x = rng.standard_normal((50, 4)) @ rng.standard_normal((4, 4)) + 3
    _, s, directions = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    found = pca(x, 3)
    np.testing.assert_allclose(found.mean, x.mean(axis=0))
    np.testing.assert_allclose(found.variances, s[:3] ** 2 / 50)
    np.testing.assert_allclose(np.abs(found.directions @ directions[:3].T), np.eye(3), atol=1e-10)
    residual = reconstruction_loss(x, found.decode(found.encode(x)))
    np.testing.assert_allclose(residual, s[3] ** 2 / 50)  # the variance left over
    np.testing.assert_array_equal(found.first(2).directions, found.directions[:2])
    assert pca(np.float32(x), 2).directions.dtype == np.float32


def test_pca_of_fewer_rows_than_columns(rng):
    """With 5 rows only 4 directions vary; the variance along the fifth is 0, and never negative."""
    x = rng.standard_normal((5, 30))
    _, s, directions = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    found = pca(x, 5)
    np.testing.assert_allclose(found.variances, s**2 / 5, atol=1e-12)
    np.testing.assert_allclose(np.abs(found.directions[:4] @ directions[:4].T), np.eye(4), atol=1e-10)
    assert found.variances.min() >= 0


@pytest.mark.slow
def test_pca_of_digits_in_single_precision():
    """Directions of float32 digits agree with those of a double precision decomposition to 1e-6, up to their sign."""
    images = mnist.unit(mnist.load().train_images[:3000], flat=True)
    _, _, directions = np.linalg.svd(images - images.mean(axis=0, dtype=np.float64), full_matrices=False)
    found = pca(images, 20).directions
    signs = np.sign(np.sum(found * directions[:20], axis=1, keepdims=True))
    np.testing.assert_allclose(signs * found, directions[:20], atol=1e-6)


def test_principal_angles(rng):
    """A plane turned by 30° about an axis inside it, whatever bases describe the two; and a tiny angle."""
    t = np.radians(30)
    a = rng.standard_normal((2, 2)) @ np.array([[1.0, 0, 0], [0, 1, 0]])
    b = rng.standard_normal((2, 2)) @ np.array([[1.0, 0, 0], [0, np.cos(t), np.sin(t)]])
    np.testing.assert_allclose(principal_angles(a, b), [30, 0], atol=1e-6)
    np.testing.assert_allclose(principal_angles(np.array([[1.0, 0]]), np.array([[1.0, 1e-9]])), [np.degrees(1e-9)])
    np.testing.assert_allclose(principal_angles(np.array([[1.0, 0]]), np.array([[0.0, -2]])), [90])


# --------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda r: reconstruction_loss(np.zeros((2, 3)), np.zeros((2, 4))),
            r"decoded must have the shape of x, \(2, 3\), got \(2, 4\)",
        ),
        (lambda r: reconstruction_loss(np.zeros(3), np.zeros(3)), r"x must have shape \(N, D\), got \(3,\)"),
        (
            lambda r: denoising_loss(lambda s: s, np.zeros((2, 3)), np.zeros((1, 3))),
            "decoded must have the shape of x",
        ),
        (lambda r: corrupt(np.zeros((2, 3)), r, "gaussian", -0.1), r"level must be a number in \[0, inf\), got -0.1"),
        (lambda r: corrupt(np.zeros((2, 3)), r, "gaussian", np.inf), r"level must be a number in \[0, inf\), got inf"),
        (lambda r: kl_bernoulli(0.0, 0.5), "rho must lie strictly between 0 and 1, got values from 0 to 0"),
        (
            lambda r: kl_bernoulli(0.5, np.array([0.2, 1.0])),
            "rho_hat must lie strictly between 0 and 1, got values from 0.2 to 1",
        ),
        (
            lambda r: sparsity_penalty(np.array([[0.5], [1.5]]), 0.1),
            r"activations must be in \[0, 1\], got values from 0.5 to 1.5",
        ),
        (lambda r: sparsity_penalty(np.zeros((3, 2)), 0.1), "rho_hat must lie strictly between 0 and 1"),
        (lambda r: k_sparse(np.zeros((2, 3)), 4), "k must be a whole number in 1..3, got 4"),
        (
            lambda r: sigmoid_penalty(np.full((2, 3), 0.5), np.zeros((4, 2))),
            r"w must have shape \(D, H\) with H = 3, got \(4, 2\)",
        ),
        (lambda r: sigmoid_penalty(np.full((2, 3), 1.5), np.zeros((4, 3))), r"h must be in \[0, 1\]"),
        (
            lambda r: contractive_penalty(lambda x: x[:, 0], np.zeros((2, 3))),
            r"encoder must map x \(N, \.\.\.\) to codes",
        ),
        (lambda r: Autoencoder(r, 10, 3, k=0), "k must be a whole number in 1..3, got 0"),
        (lambda r: pca(np.zeros((3, 5)), 4), r"x must have shape \(N, D\) with N and D at least k = 4, got \(3, 5\)"),
        (lambda r: principal_angles(np.eye(3)[:2], np.ones((2, 3))), "b must have linearly independent rows"),
    ],
)
def test_bad_input(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)


def test_float32_through_every_loss(rng):
    """No float64 appears in a training step of any of the four autoencoders."""
    x = rng.random((4, 6), dtype=np.float32)
    makers = [
        (dict(dim_z=3, widths=(5,)), None),
        (dict(dim_z=8, widths=(), k=3, tied=True), None),
        (dict(dim_z=5, widths=(), code_activation="sigmoid"), lambda m, s, z: 0.1 * sparsity_penalty(z, 0.05)),
        (
            dict(dim_z=5, widths=(5,), code_activation="sigmoid"),
            lambda m, s, z: 0.1 * contractive_penalty(m.encoder, s),
        ),
    ]
    for options, penalty in makers:
        model = Autoencoder(rng, 6, **options)

        def loss(m):
            z = m.encode(x)
            return reconstruction_loss(x, m.decode(z)) + (0 if penalty is None else penalty(m, x, z))

        value, grads = value_and_grad(loss)(model)
        assert value.dtype == np.float32 and {g.dtype for g in leaves(grads)} == {np.dtype(np.float32)}
        adam = Adam(model, 1e-2)
        first = gradient_step(model, adam, x, penalty=penalty)
        for _ in range(50):
            last = gradient_step(model, adam, x, penalty=penalty)
        assert last < first


def test_the_loss_and_its_terms(rng):
    """Eq. vae.01, Eq. vae.02: what the encoder sees may differ from the target; a penalty gets what was seen."""
    model = Autoencoder(rng, 6, 3, ())
    x, seen = rng.random((2, 4, 6), dtype=np.float32)
    rebuilt = reconstruction_loss(x, model(seen))
    calls = []

    def penalty(m, s, z):
        calls.append((m is model, s is seen, np.array_equal(z, model.encode(seen))))
        return 2.0 * np.sum(z**2)

    loss, terms = autoencoder_loss(model, x, seen, penalty)
    assert calls == [(True, True, True)] and terms["reconstruction"] == rebuilt
    np.testing.assert_allclose(terms["penalty"], 2 * np.sum(model.encode(seen) ** 2))
    np.testing.assert_allclose(loss, rebuilt + terms["penalty"], rtol=1e-6)
    assert autoencoder_loss(model, x)[0] == reconstruction_loss(x, model(x))
    assert autoencoder_loss(model, x)[1]["penalty"] == 0


def test_the_loss_of_an_autoencoder_is_its_squared_error(rng):
    """Summed over the numbers of an example, averaged over examples. Eq. vae.01"""
    model, x = Autoencoder(rng, 5, 2, (4,)), rng.standard_normal((7, 5), dtype=np.float32)
    np.testing.assert_allclose(model.loss(x), np.mean(np.sum((x - model(x)) ** 2, axis=1)), rtol=1e-6)
