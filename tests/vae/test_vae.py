"""The VAE against models whose marginal likelihood, posterior and gradients are known in closed form."""

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import multivariate_normal, norm

from minigen.optim import Adam
from minigen.tensor import jacobian, tree_map, value_and_grad
from minigen.vae.likelihoods import Gaussian, bernoulli_log_likelihood
from minigen.vae.vae import (
    VAE,
    Elbo,
    elbo,
    importance_log_likelihood,
    kl_standard_normal,
    log_importance_weights,
    log_mean_exp,
    reparameterize,
    reparameterized_gradient,
    score_function_gradient,
    vae_loss,
)


def gradient_step(vae, optimizer, *batch):
    """One step on `vae_loss`; the loss and its terms before it."""
    (loss, terms), grads = value_and_grad(vae_loss, has_aux=True)(vae, *batch)
    optimizer.step(grads)
    return {"loss": loss, **terms}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class LinearGaussian:
    """z ~ N(0, I), x = W z + b + s·noise, and any Gaussian q(z|x) = N(A x + c, diag exp(logvar)); all in float64.

    Then p(x) = N(b, W Wᵀ + s² I) and p(z|x) = N(S Wᵀ(x − b)/s², S) with S⁻¹ = I + Wᵀ W/s².
    """

    def __init__(self, rng, dim_x=5, dim_z=3, std=0.7):
        self.dim_z, self.std = dim_z, std
        self.w, self.b = rng.standard_normal((dim_z, dim_x)), rng.standard_normal(dim_x)
        self.a, self.c = 0.3 * rng.standard_normal((dim_x, dim_z)), 0.3 * rng.standard_normal(dim_z)
        self.logvar = rng.uniform(-2, 0, dim_z)
        self.likelihood = Gaussian(std, learned=False)
        self.likelihood.logvar = np.array([2 * np.log(std)])

    def encode(self, x):
        mu = x @ self.a + self.c
        return mu, np.broadcast_to(self.logvar, mu.shape)

    def decoder_output(self, z):
        return z @ self.w + self.b

    elbo, loss, sample, decode = VAE.elbo, VAE.loss, VAE.sample, VAE.decode

    def evidence(self, x):
        return (
            multivariate_normal(self.b, self.w.T @ self.w + self.std**2 * np.eye(len(self.b))).logpdf(x).reshape(len(x))
        )

    def posterior(self, x):
        cov = np.linalg.inv(np.eye(self.dim_z) + self.w @ self.w.T / self.std**2)
        return (x - self.b) @ self.w.T @ cov / self.std**2, cov

    def exact_elbo(self, x):
        """E_q log p(x|z) by algebra, minus the KL: the second way to the same number."""
        mu, logvar = self.encode(x)
        residual = x - mu @ self.w - self.b
        spread = np.sum(np.exp(self.logvar)[:, None] * self.w**2)  # E|W (z − mu)|²
        d = x.shape[1]
        expected = -0.5 * (d * np.log(2 * np.pi * self.std**2) + (np.sum(residual**2, 1) + spread) / self.std**2)
        return expected - kl_standard_normal(mu, logvar)

    def kl_to_posterior(self, x):
        mu, logvar = self.encode(x)
        mean, cov = self.posterior(x)
        inverse, d = np.linalg.inv(cov), mean - mu
        trace = np.sum(np.diag(inverse) * np.exp(self.logvar))
        log_det = np.linalg.slogdet(cov)[1] - np.sum(self.logvar)
        return 0.5 * (trace + np.einsum("ni,ij,nj->n", d, inverse, d) - self.dim_z + log_det)


# --------------------------------------------------------------------- the reparameterized sample, Eq. vae.14


def test_reparameterize_by_hand():
    """Eq. vae.14: sigma = exp(logvar / 2), so logvar = log 4 has sigma = 2."""
    z = reparameterize(np.array([[1.0, -1.0]]), np.log([[4.0, 0.25]]), np.array([[0.5, -2.0]]))
    np.testing.assert_allclose(z, [[2.0, -2.0]])


def test_reparameterize_jacobian(rng):
    """Eq. vae.14: dz/dmu = 1, dz/dlogvar = ½ sigma eps, element by element."""
    mu, logvar, eps = rng.standard_normal((3, 2, 4))
    j = jacobian(lambda m: reparameterize(m, logvar, eps))(mu).reshape(8, 8)
    np.testing.assert_allclose(j, np.eye(8), atol=1e-12)
    j = jacobian(lambda v: reparameterize(mu, v, eps))(logvar).reshape(8, 8)
    np.testing.assert_allclose(j, np.diag((0.5 * np.exp(logvar / 2) * eps).ravel()), atol=1e-12)


# --------------------------------------------------------------------- the KL divergence


@pytest.mark.parametrize("mu, logvar", [(0.0, 0.0), (1.5, -1.0), (-0.3, 1.2), (4.0, -4.0)])
def test_kl_against_quadrature(mu, logvar):
    """The KL term of Eq. vae.11, integrated numerically."""
    q, p = norm(mu, np.exp(logvar / 2)), norm(0, 1)
    reach = 12 * np.exp(logvar / 2)
    value = integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), mu - reach, mu + reach, epsabs=1e-12)[0]
    np.testing.assert_allclose(kl_standard_normal(np.array([[mu]]), np.array([[logvar]])), [value], atol=1e-9)


def test_kl_sums_over_the_code_and_only_over_it(rng):
    mu, logvar = rng.standard_normal((2, 6, 3))
    each = [
        [kl_standard_normal(mu[i : i + 1, j : j + 1], logvar[i : i + 1, j : j + 1])[0] for j in range(3)]
        for i in range(6)
    ]
    np.testing.assert_allclose(kl_standard_normal(mu, logvar), np.sum(each, axis=1))
    as_map = kl_standard_normal(mu.reshape(6, 1, 1, 3), logvar.reshape(6, 1, 1, 3))  # a code with an image's axes
    np.testing.assert_allclose(as_map, np.sum(each, axis=1))


# --------------------------------------------------------------------- the bound


def test_elbo_by_hand():
    """Two pixels at logits 0: log p = −2 log 2. mu = 1 and sigma = 1: KL = ½. Eq. vae.11"""
    terms = elbo(np.array([[0.0, 1.0]]), np.zeros((1, 2)), np.ones((1, 1)), np.zeros((1, 1)))
    np.testing.assert_allclose(terms, [[-2 * np.log(2) - 0.5], [-2 * np.log(2)], [0.5]])
    assert isinstance(terms, Elbo)


def test_evidence_minus_elbo_is_the_kl_to_the_posterior(rng):
    """Eq. vae.09, Eq. vae.10, Eq. vae.11, Eq. vae.13: every term in closed form, to 1e-6."""
    model = LinearGaussian(rng)
    x = rng.standard_normal((7, 5)) * 2
    gap = model.kl_to_posterior(x)
    np.testing.assert_allclose(model.evidence(x) - model.exact_elbo(x), gap, atol=1e-6)
    assert np.all(gap > 0)


def test_bound_is_tight_at_the_posterior(rng):
    """Eq. vae.13 with equality: q is the posterior (one latent dimension: its covariance is diagonal)."""
    model = LinearGaussian(rng, dim_z=1)
    gain = model.posterior(np.eye(5) + model.b)[0]
    model.a, model.logvar = gain, np.log(np.diag(model.posterior(np.zeros((1, 5)))[1]))
    model.c = -model.b @ gain
    x = rng.standard_normal((7, 5))
    np.testing.assert_allclose(model.exact_elbo(x), model.evidence(x), atol=1e-6)
    weights = log_importance_weights(model, x, 4, rng)  # then every importance weight is p(x) itself
    np.testing.assert_allclose(weights, np.tile(model.evidence(x), (4, 1)), atol=1e-5)


def test_one_sample_elbo_is_unbiased(rng):
    """Eq. vae.11: the mean over eps of the model's estimate is the closed form, within 5 standard errors."""
    model, x, n = LinearGaussian(rng), rng.standard_normal((1, 5)), 40_000
    terms = model.elbo(np.tile(x, (n, 1)), rng.standard_normal((n, 3)))
    assert abs(terms.value.mean() - model.exact_elbo(x)[0]) < 5 * terms.value.std() / np.sqrt(n)
    np.testing.assert_allclose(terms.value, terms.reconstruction - terms.kl)
    np.testing.assert_allclose(
        vae_loss(model, np.tile(x, (n, 1)), np.zeros((n, 3)))[0], -model.elbo(x, np.zeros((1, 3))).value[0]
    )


def test_gradient_of_the_bound_follows_the_exact_one(rng):
    """Eq. vae.12: the gradient through Eq. vae.14, averaged over eps, is that of the closed form in every parameter of
    q."""
    n = 20_000
    x, eps = np.tile(rng.standard_normal((1, 5)), (n, 1)), rng.standard_normal((n, 3))

    class Model(LinearGaussian, VAE):
        encode = LinearGaussian.encode

    model = Model(rng)

    def encoder_gradients(loss):  # with respect to the mean and logvar of q, for each example
        mu, logvar = model.encode(x)

        def total(q):
            model.encode = lambda _: q
            return loss()

        grads = value_and_grad(total)((mu, logvar + 0))[1]
        del model.encode
        return grads

    d_mu, d_logvar = encoder_gradients(lambda: vae_loss(model, x, eps)[0] * n)
    mu, _ = model.encode(x[:1])
    var, residual = np.exp(model.logvar), (mu @ model.w + model.b - x[:1]) / model.std**2
    exact_mu = (residual @ model.w.T + mu)[0]
    exact_logvar = 0.5 * (var * np.sum(model.w**2, 1) / model.std**2 + var - 1)
    for estimate, exact in ((d_mu, exact_mu), (d_logvar, exact_logvar)):
        assert np.all(np.abs(estimate.mean(0) - exact) < 5 * estimate.std(0) / np.sqrt(n))


# --------------------------------------------------------------------- the importance-weighted bound


def test_importance_weights_average_to_the_evidence(rng):
    """Eq. vae.08: w is an unbiased estimate of p(x) itself."""
    model, x = LinearGaussian(rng), rng.standard_normal((3, 5))
    w = np.exp(log_importance_weights(model, x, 40_000, rng) - model.evidence(x))
    assert np.all(np.abs(w.mean(0) - 1) < 5 * w.std(0) / np.sqrt(len(w)))


def test_importance_bound_rises_from_the_elbo_to_the_evidence(rng):
    """Burda et al. 2016, theorem 1: monotone in the number of samples; one sample is the ELBO; the limit is log
    p(x)."""
    model, x = LinearGaussian(rng), 1.5 * rng.standard_normal((1, 5))
    repeated, bounds, errors = np.tile(x, (4_000, 1)), [], []
    for samples in (1, 2, 8, 64):
        values = importance_log_likelihood(model, repeated, samples, rng)
        bounds.append(values.mean())
        errors.append(values.std() / np.sqrt(len(values)))
    assert abs(bounds[0] - model.exact_elbo(x)[0]) < 5 * errors[0]
    for low, high, error in zip(bounds[:-1], bounds[1:], errors[:-1], strict=True):
        assert high - low > 5 * error
    assert bounds[-1] < model.evidence(x)[0] + 5 * errors[-1]
    np.testing.assert_allclose(importance_log_likelihood(model, x, 200_000, rng), model.evidence(x), atol=0.02)


def test_importance_bound_is_the_log_of_a_mean(rng):
    """Not the mean of logs; and the same numbers whatever the chunks are."""
    model, x = LinearGaussian(rng), rng.standard_normal((5, 5))
    log_w = log_importance_weights(model, x, 6, np.random.default_rng(3))
    np.testing.assert_allclose(
        importance_log_likelihood(model, x, 6, np.random.default_rng(3)), np.log(np.exp(log_w).mean(0))
    )
    for rows in (1, 2, 7, 20, 1000):  # at 20, four draws for each example at once, and then two
        log_w = log_importance_weights(model, x, 6, np.random.default_rng(3), rows)
        assert log_w.shape == (6, 5) and np.isfinite(log_w).all()


def test_log_mean_exp_by_hand():
    log_w = np.log(np.array([[1.0, 0.25], [3.0, 0.75]]))
    np.testing.assert_allclose(log_mean_exp(log_w), np.log([2.0, 0.5]))
    np.testing.assert_allclose(log_mean_exp(log_w - 5000), np.log([2.0, 0.5]) - 5000)
    assert log_mean_exp(log_w.astype(np.float32)).dtype == np.float32


def test_importance_bound_does_not_underflow(rng):
    """Weights of e^{-5000} have a log; 784 pixels easily get there."""
    vae = VAE(rng, 784, 2, (8,))
    vae.decoder.layers[-1].b[:] = -8
    value = importance_log_likelihood(vae, np.ones((3, 784), np.float32), 10, rng)
    assert value.dtype == np.float32 and np.all(value < -5000) and np.all(np.isfinite(value))


def test_two_dimensional_vae_against_quadrature(rng):
    """A nonlinear decoder: ∫ p(x|z) p(z) dz on a grid, against the importance-weighted estimate. Eq. vae.08"""
    vae = tree_map(lambda a: a.astype(np.float64) * 1.5, VAE(rng, 2, 1, (8,), "tanh", Gaussian(0.5)))
    z = np.linspace(-8, 8, 4001)[:, None]
    x = rng.standard_normal((4, 2))
    decoded = vae.decoder_output(z)
    exact = [
        np.log(np.sum(np.exp(vae.likelihood.log_prob(np.tile(r, (len(z), 1)), decoded)) * norm.pdf(z[:, 0])) * 0.004)
        for r in x
    ]
    log_w = log_importance_weights(vae, x, 20_000, rng)
    w = np.exp(log_w - np.array(exact))
    assert np.all(np.abs(w.mean(0) - 1) < 5 * w.std(0) / np.sqrt(len(w)))
    assert np.all(w.std(0) / np.sqrt(len(w)) < 0.05)


# --------------------------------------------------------------------- two estimators of one gradient


def gaussian_expectation(rng, n, d=3):
    """f(z) = zᵀ M z + r z: E f = mu' M mu + tr(M diag s²) + r mu, so both gradients are known."""
    m, r = rng.standard_normal((d, d)), rng.standard_normal(d)
    m = m + m.T
    mu, logvar = rng.standard_normal(d), rng.uniform(-1, 0.5, d)

    def f(z):
        return ((z @ m) * z).sum(1) + z @ r

    exact = 2 * m @ mu + r, np.diag(m) * np.exp(logvar)
    return f, np.tile(mu, (n, 1)), np.tile(logvar, (n, 1)), rng.standard_normal((n, d)), exact


@pytest.mark.parametrize("estimator", [score_function_gradient, reparameterized_gradient])
def test_gradient_estimators_are_unbiased(rng, estimator):
    f, mu, logvar, eps, exact = gaussian_expectation(rng, 100_000)
    for estimate, truth in zip(estimator(f, mu, logvar, eps), exact, strict=True):
        assert estimate.shape == eps.shape
        assert np.all(np.abs(estimate.mean(0) - truth) < 5 * estimate.std(0) / np.sqrt(len(eps)))


def test_score_function_estimators_agree_with_the_reparameterized(rng):
    """On an f whose expectation has no closed form: the difference of the two means, within 5 standard errors."""
    _, mu, logvar, eps, _ = gaussian_expectation(rng, 100_000)

    def f(z):
        return np.tanh(z).sum(1) * np.cos(z[:, 0])

    import autograd.numpy as anp

    def g(z):
        return anp.sum(anp.tanh(z), axis=1) * anp.cos(z[:, 0])

    for a, b in zip(
        score_function_gradient(f, mu, logvar, eps), reparameterized_gradient(g, mu, logvar, eps), strict=True
    ):
        d = a - b
        assert np.all(np.abs(d.mean(0)) < 5 * d.std(0) / np.sqrt(len(d)))


def test_variance_of_the_two_estimators_for_a_parabola(rng):
    """f(z) = z², mu = m, sigma = 1: d/dmu = 2z has variance 4; z² eps has variance m⁴ + 14 m² + 15 ."""
    m, n = 2.0, 400_000
    mu, logvar, eps = np.full((n, 1), m), np.zeros((n, 1)), rng.standard_normal((n, 1))

    def f(z):
        return (z**2).sum(1)

    score, path = score_function_gradient(f, mu, logvar, eps)[0], reparameterized_gradient(f, mu, logvar, eps)[0]
    assert path.var() == pytest.approx(4, rel=0.03)
    assert score.var() == pytest.approx(m**4 + 14 * m**2 + 15, rel=0.05)


def test_baseline_lowers_the_variance_and_keeps_the_mean(rng):
    f, mu, logvar, eps, exact = gaussian_expectation(rng, 100_000)

    def high(z):
        return f(z) + 50.0

    gradients = (score_function_gradient(high, mu, logvar, eps, b) for b in (0.0, 50.0))
    for plain, helped, truth in zip(*gradients, exact, strict=True):  # in mu, then in logvar
        assert np.all(helped.var(0) < 0.2 * plain.var(0))
        assert np.all(np.abs(helped.mean(0) - truth) < 5 * helped.std(0) / np.sqrt(len(eps)))


# --------------------------------------------------------------------- the model


def test_gradient_reaches_the_encoder_only_through_the_sample(rng):
    """Eq. vae.14: with z given as a number, the reconstruction term gives the encoder no gradient at all."""
    vae, x = VAE(rng, 9, 2, (7,)), rng.random((5, 9)).astype(np.float32)
    eps = rng.standard_normal((5, 2), dtype=np.float32)
    z = reparameterize(*vae.encode(x), eps)
    cut = value_and_grad(lambda m: bernoulli_log_likelihood(x, m.decoder_output(z)).sum())(vae)[1]
    through = value_and_grad(lambda m: m.elbo(x, eps).reconstruction.sum())(vae)[1]
    assert all(np.all(g == 0) for n, g in cut.parameters().items() if n.startswith("encoder"))
    assert all(np.any(g != 0) for n, g in through.parameters().items() if n.startswith("encoder"))
    for name, g in through.parameters().items():
        if name.startswith("decoder"):
            np.testing.assert_allclose(g, cut.parameters()[name], rtol=1e-5)


def test_the_loss_draws_its_noise(rng):
    """It is `vae_loss` with the normal numbers that the generator gives next, in float32."""
    vae, x = VAE(rng, 9, 2, (7,)), rng.random((5, 9)).astype(np.float32)
    eps = np.random.default_rng(4).standard_normal((5, 2), dtype=np.float32)
    value, grads = value_and_grad(lambda m, rng: m.loss(x, rng))(vae, np.random.default_rng(4))
    expected, expected_grads = value_and_grad(lambda m: vae_loss(m, x, eps)[0])(vae)
    assert value == expected and value.dtype == np.float32
    for name, g in grads.parameters().items():
        np.testing.assert_array_equal(g, expected_grads.parameters()[name])


@pytest.mark.parametrize("likelihood", [None, Gaussian(0.3)])
def test_decode_gives_the_mean_of_the_data(likelihood, rng):
    """In the range of the data: against the mean of draws of p(x|z), which need the decoder's output."""
    vae = VAE(rng, 3, 2, (7,), likelihood=likelihood).map(lambda a: 2 * a)
    z = rng.standard_normal((2, 2), dtype=np.float32)
    n = 20_000
    x = vae.likelihood.sample(rng, np.repeat(vae.decoder_output(z), n, axis=0)).reshape(2, n, 3)
    assert np.all(np.abs(x.mean(axis=1) - vae.decode(z)) < 5 * x.std(axis=1) / np.sqrt(n))
    if likelihood is None:
        assert np.all((vae.decode(z) > 0) & (vae.decode(z) < 1)) and np.any(vae.decoder_output(z) < 0)
    for drawn in (vae.sample(np.random.default_rng(3), 4, noise=False), vae.reconstruct(x[0, :4])):
        assert drawn.shape == (4, 3) and drawn.dtype == np.float32
    codes = np.random.default_rng(3).standard_normal((4, 2), dtype=np.float32)
    np.testing.assert_array_equal(vae.sample(np.random.default_rng(3), 4, noise=False), vae.decode(codes))


def test_gradient_against_finite_differences(rng):
    vae = tree_map(lambda a: a.astype(np.float64), VAE(rng, 6, 2, (5,), "tanh", Gaussian(0.8)))
    x, eps = rng.standard_normal((4, 6)), rng.standard_normal((4, 2))
    _, grads = value_and_grad(lambda m: vae_loss(m, x, eps)[0])(vae)
    for name, g in grads.parameters().items():
        a = vae.parameters()[name]
        index = np.unravel_index(rng.integers(a.size), a.shape)
        a[index] += 1e-5
        up = vae_loss(vae, x, eps)[0]
        a[index] -= 2e-5
        down = vae_loss(vae, x, eps)[0]
        a[index] += 1e-5
        assert g[index] == pytest.approx((up - down) / 2e-5, abs=1e-7)


def test_a_step_stays_in_float32_and_returns_its_terms(rng):
    vae = VAE(rng, 16, 3, (8, 8))
    optimizer = Adam(vae, 1e-3)
    x, eps = rng.integers(0, 2, (10, 16)).astype(np.float32), rng.standard_normal((10, 3), dtype=np.float32)
    before = vae_loss(vae, x, eps)[0]
    values = [gradient_step(vae, optimizer, x, eps) for _ in range(50)]
    assert values[0]["loss"] == before and before.dtype == np.float32
    assert values[0]["loss"] == pytest.approx(values[0]["reconstruction"] + values[0]["kl"], rel=1e-5)
    assert values[-1]["loss"] < before
    assert all(a.dtype == np.float32 for a in vae.parameters().values())
    _, grads = value_and_grad(lambda m: vae_loss(m, x, eps)[0])(vae)
    assert all(a.dtype == np.float32 for a in grads.parameters().values())
    assert all(a.dtype == np.float32 for a in vae.elbo(x, eps))


def test_a_step_maximizes_another_bound_if_given_one(rng):
    """With the KL weighed tenfold the terms reported are the plain ones, and the KL falls further."""
    x, eps = rng.integers(0, 2, (50, 16)).astype(np.float32), rng.standard_normal((50, 3), dtype=np.float32)
    start = VAE(rng, 16, 3, (8, 8))

    def tenfold(m, x, e):
        return (terms := m.elbo(x, e))._replace(value=terms.reconstruction - 10 * terms.kl)

    last = {}
    for bound in (None, tenfold):
        vae = start.copy()
        optimizer = Adam(vae, 1e-2)
        values = [gradient_step(vae, optimizer, x, eps, bound) for _ in range(200)]
        weight = 1 if bound is None else 10
        for v in values[0], values[-1]:
            assert v["loss"] == pytest.approx(v["reconstruction"] + weight * v["kl"], rel=1e-5)
        last[weight] = values[-1]["kl"]
    assert last[10] < 0.2 * last[1]


def test_hidden_layers_start_with_the_variance_of_he(rng):
    """So that the size of a signal neither dies nor grows through ReLU layers: E y² = E x² at every layer."""
    vae = VAE(rng, 500, 4, (400, 400, 400), "relu")
    x = rng.standard_normal((2_000, 500), dtype=np.float32)
    for layer in vae.encoder.layers[:-1]:
        assert layer.w.var() == pytest.approx(2 / len(layer.w), rel=0.02)
        y = layer(x)
        assert np.mean(y**2) == pytest.approx(np.mean(x**2), rel=0.2)
        x = y
    *hidden, last = vae.decoder.layers
    for layer in hidden[1:]:
        assert layer.w.var() == pytest.approx(2 / len(layer.w), rel=0.02)
    assert hidden[0].w.var() == pytest.approx(2 / 4, rel=0.15)  # 1,600 numbers
    assert last.w.var() == pytest.approx(1 / 3 / 400, rel=0.02)


@pytest.mark.slow
def test_points_in_the_plane(rng):
    """The Gaussian variant learns an arc: its log p(x) is far above one Gaussian's and not above the truth."""
    angle = rng.uniform(0, np.pi, 10_000)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.1 * rng.standard_normal((10_000, 2))
    x = x.astype(np.float32)
    vae = VAE(rng, 2, 2, (32, 32), "tanh", Gaussian(0.3))
    optimizer = Adam(vae, 5e-3)
    for i in range(1_000):
        optimizer.lr = 5e-3 * (1 - i / 1_000)
        gradient_step(
            vae, optimizer, x[rng.integers(10_000, size=128)], rng.standard_normal((128, 2), dtype=np.float32)
        )
    log_p = importance_log_likelihood(vae, x[:500], 200, rng).mean()
    single = multivariate_normal(x.mean(0), np.cov(x.T)).logpdf(x).mean()
    grid = np.linspace(0, np.pi, 400)
    arc = np.stack([np.cos(grid), np.sin(grid)], axis=1)
    truth = np.log(np.mean(np.exp(-50 * ((x[:500, None] - arc) ** 2).sum(2)) / (2 * np.pi * 0.01), axis=1)).mean()
    assert log_p < truth + 0.05
    assert truth - log_p < 0.35 * (truth - single)


@pytest.mark.slow
def test_training_reaches_the_evidence_of_linear_data(rng):
    """A linear VAE trained on linear-Gaussian data: its bound comes within 0.05 nats of the data's own entropy."""
    truth = LinearGaussian(np.random.default_rng(4), dim_x=3, dim_z=1, std=0.5)
    z = rng.standard_normal((4_000, 1))
    x = (truth.decode(z) + 0.5 * rng.standard_normal((4_000, 3))).astype(np.float32)
    vae = VAE(rng, 3, 1, (), likelihood=Gaussian())
    optimizer = Adam(vae, 0.02)
    for i in range(1_500):
        optimizer.lr = 0.02 * (1 - i / 1_500)
        batch = x[rng.integers(0, len(x), 200)]
        gradient_step(vae, optimizer, batch, rng.standard_normal((200, 1), dtype=np.float32))
    bound = -np.mean([vae.loss(x, rng) for _ in range(5)])
    assert abs(bound - truth.evidence(x).mean()) < 0.05
    assert vae.likelihood.std == pytest.approx(0.5, rel=0.05)


def test_samples_and_reconstructions(rng):
    vae = VAE(rng, 16, 3, (8,))
    pixels, means = vae.sample(rng, 5), vae.sample(rng, 5, noise=False)
    assert pixels.shape == means.shape == (5, 16) and pixels.dtype == means.dtype == np.float32
    assert set(np.unique(pixels)) <= {0, 1} and np.all((means > 0) & (means < 1))
    np.testing.assert_array_equal(vae.sample(np.random.default_rng(1), 5), vae.sample(np.random.default_rng(1), 5))
    mu, _ = vae.encode(pixels)
    np.testing.assert_allclose(vae.reconstruct(pixels), 1 / (1 + np.exp(-vae.decoder_output(mu))), rtol=1e-5)


def test_samples_of_a_linear_gaussian_have_its_covariance(rng):
    model = LinearGaussian(rng, dim_x=2, dim_z=1)
    x = model.sample(rng, 100_000)
    expected = model.w.T @ model.w + model.std**2 * np.eye(2)
    assert np.all(np.abs(np.cov(x.T) - expected) < 5 * np.sqrt(2 / len(x)) * expected.max())
    assert model.sample(rng, 100_000, noise=False).var(0) == pytest.approx(np.diag(model.w.T @ model.w), rel=0.03)


# --------------------------------------------------------------------- what the reader is told


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: reparameterize(np.zeros((2, 3)), np.zeros((2, 1)), np.zeros((2, 3))),
            r"logvar must have the shape of mu, \(2, 3\)",
        ),
        (
            lambda: reparameterize(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3)),
            r"eps must have the shape of mu, \(2, 3\), got \(3,\)",
        ),
        (lambda: kl_standard_normal(np.zeros(3), np.zeros(3)), r"mu must have shape \(N, D\), got \(3,\)"),
        (
            lambda: elbo(np.zeros((2, 4)), np.zeros((2, 4)), np.zeros((3, 1)), np.zeros((3, 1))),
            "kl must have the shape",
        ),
        (lambda: score_function_gradient(lambda z: z, *np.zeros((3, 2, 1))), r"f must map \(N, D\) to \(N,\)"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_errors_of_the_importance_bound(rng):
    vae = VAE(rng, 4, 2, (3,))
    with pytest.raises(ValueError, match=r"x must have shape \(N, ..., D\), got \(4,\)"):
        importance_log_likelihood(vae, np.zeros(4, np.float32), 5, rng)


@pytest.mark.parametrize("likelihood", [Gaussian(), None])
def test_data_that_are_not_numbers_are_refused_before_any_work(rng, likelihood):
    """Also while a gradient is taken: the encoder would hide a NaN of x in traced arrays."""
    vae = VAE(rng, 3, 2, (4,), likelihood=likelihood)
    bad, eps = np.float32([[0, 1, np.nan]]), np.zeros((1, 2), np.float32)
    before = vae.state()
    with pytest.raises(ValueError, match="x must be finite, got 1 non-finite values"):
        vae.loss(bad, rng)
    for call in (vae.elbo, lambda x, eps: gradient_step(vae, Adam(vae, 1e-2), x, eps)):
        with pytest.raises(ValueError, match="x must be finite, got 1 non-finite values"):
            call(bad, eps)
        with pytest.raises(ValueError, match="eps must be finite"):
            call(np.zeros((1, 3), np.float32), eps + np.inf)
    for name, a in vae.state().items():
        np.testing.assert_array_equal(a, before[name])


def test_the_loss_is_the_negative_elbo_and_its_terms(rng):
    """Eq. vae.12, and a bound of one's own in its place."""
    vae = VAE(rng, 3, 2, (4,))
    x, eps = rng.integers(0, 2, (5, 3)).astype(np.float32), rng.standard_normal((5, 2), dtype=np.float32)
    loss, terms = vae_loss(vae, x, eps)
    mu, logvar = vae.encode(x)
    log_px = bernoulli_log_likelihood(x, vae.decoder_output(mu + np.exp(logvar / 2) * eps))
    np.testing.assert_allclose(terms["reconstruction"], -log_px.mean(), rtol=1e-5)
    np.testing.assert_allclose(terms["kl"], kl_standard_normal(mu, logvar).mean(), rtol=1e-5)
    np.testing.assert_allclose(loss, terms["reconstruction"] + terms["kl"], rtol=1e-5)

    def doubled(model, x, eps):
        terms = model.elbo(x, eps)
        return terms._replace(value=terms.reconstruction - 2 * terms.kl)

    np.testing.assert_allclose(vae_loss(vae, x, eps, doubled)[0], loss + terms["kl"], rtol=1e-5)
