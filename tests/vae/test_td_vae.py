"""TD-VAE against a linear-Gaussian world in which beliefs, smoothing and log p(x) are known, and against finite
differences."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from minigen.optim import SGD, Adam
from minigen.tensor import jacobian, leaves, tree_map, value_and_grad
from minigen.vae.likelihoods import Bernoulli, Gaussian
from minigen.vae.td_vae import TDVAE, Decoded, GatedNormal, Normal, draw_times, td_vae_loss, training_step


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class World:
    """z_1 ~ N(0, 1), z_{t+1} = a z_t + N(0, q), x_t = c z_t + N(0, r): scalars, so that every Gaussian is diagonal.

    The belief is the filter's mean and variance. `skips`: b_t2 has seen x_1 ... x_t1 and x_t2, not what lies between.
    """

    a, q, c, r = 0.8, 0.5, 1.3, 0.4
    dim_z, max_gap = 1, 9

    def __init__(self, skips=False):
        self.skips = skips

    def move(self, gap):
        """z_{t+gap} = A z_t + N(0, Q)."""
        return self.a**gap, self.q * (1 - self.a ** (2 * gap)) / (1 - self.a**2)

    def look(self, mean, var, x):
        gain = var * self.c / (self.c**2 * var + self.r)
        return mean + gain * (x - self.c * mean), (1 - gain * self.c) * var

    def filter(self, x):
        mean, var, out = np.zeros(len(x)), np.ones(len(x)), []
        for t in range(x.shape[1]):
            if t:
                mean, var = self.a * mean, self.a**2 * var + self.q
            mean, var = self.look(mean, var, x[:, t])
            out.append(np.stack([mean, var], axis=1))
        return np.stack(out, axis=1)  # (N, T, 2)

    def at(self, x, t1, t2):
        beliefs = self.filter(x[..., 0])
        b1, b2, gap = beliefs[:, t1 - 1], beliefs[:, t2 - 1], t2 - t1
        if self.skips:
            a, q = self.move(gap)
            b2 = np.stack(self.look(a * b1[:, 0], a**2 * b1[:, 1] + q, x[:, t2 - 1, 0]), axis=1)
        self.x, self.t1, self.t2 = x, t1, t2
        return (x[:, t2 - 1], b1, b2), np.full(len(x), gap)

    def p_B(self, b):
        return Normal(b[:, :1], np.log(b[:, 1:]))

    def p_T(self, z1, gap):
        a, q = self.move(gap[:, None])
        return Normal(a * z1, np.log(q))

    def p_S(self, z2, b1, b2, gap):
        """p(z1 | z2, x_1 ... x_t1): with z2 given, an observation at t2 adds nothing."""
        (m, v), (a, q) = (b1[:, :1], b1[:, 1:]), self.move(gap[:, None])
        gain = v * a / (a**2 * v + q)
        return Normal(m + gain * (z2 - a * m), np.log((1 - gain * a) * v))

    def p_D(self, z2):
        likelihood = Gaussian(np.sqrt(self.r), learned=False)
        likelihood.logvar = np.log([self.r])
        return Decoded(likelihood, self.c * z2)

    def joint(self, length):
        """The covariance (T, T) of the observations."""
        var = [self.a ** (2 * t) + self.move(t)[1] for t in range(length)]
        cov = [[var[min(s, t)] * self.a ** abs(s - t) for t in range(length)] for s in range(length)]
        return self.c**2 * np.array(cov) + self.r * np.eye(length)

    def evidence(self, x, t1, t2):
        """log p(x_t2 | x_1 ... x_t1), from two multivariate Gaussians and no filter."""
        cov, past = self.joint(t2), np.arange(t1)
        both = np.append(past, t2 - 1)

        def log_p(index):
            return multivariate_normal(np.zeros(len(index)), cov[np.ix_(index, index)]).logpdf(x[:, index, 0])

        return np.atleast_1d(log_p(both) - log_p(past))


def world_data(rng, n=5, length=6):
    return rng.multivariate_normal(np.zeros(length), World().joint(length), size=n)[..., None]


def rows(model, x, t1, t2, eps1, eps2):
    """-J of each sequence, one call of the loss for each."""
    return np.array([td_vae_loss(model, x[i : i + 1], t1, t2, eps1[i : i + 1], eps2[i : i + 1]) for i in range(len(x))])


# --------------------------------------------------------------------- the bound


def test_all_five_terms_by_hand():
    """Eq. vae.24 at z_t2 = 1 + 2·½ = 2 and z_t1 = 3·2 + 1·(−1) = 5, with densities of SciPy."""

    class ByHand:
        def at(self, x, t1, t2):
            return ((x[:, t2 - 1], np.array([[0.5]]), np.array([[1.0]])), np.array([t2 - t1]))

        def p_B(self, b):
            return Normal(b, np.log(4 * b**2))  # N(½, 1) then, N(1, 4) now

        def p_S(self, z2, b1, b2, gap):
            return Normal(3 * z2 + 0 * b1 * b2, np.zeros((1, 1)))

        def p_T(self, z1, gap):
            return Normal(z1 / gap[:, None], np.log([[9.0]]))

        def p_D(self, z2):
            return Decoded(Gaussian(2.0), z2 + 1)

    x = np.array([[[7.0], [8.0], [4.0]]])
    value = td_vae_loss(ByHand(), x, 1, 3, np.array([[-1.0]]), np.array([[0.5]]))
    bound = (
        norm(3, 2).logpdf(4)
        + norm(0.5, 1).logpdf(5)
        + norm(2.5, 3).logpdf(2)
        - norm(1, 2).logpdf(2)
        - norm(6, 1).logpdf(5)
    )
    np.testing.assert_allclose(value, -bound, rtol=1e-6)


@pytest.mark.parametrize("t1, t2", [(1, 2), (3, 4), (5, 6)])
def test_one_step_bound_is_the_evidence_whatever_the_noise(rng, t1, t2):
    """Eq. vae.21, Eq. vae.22, Eq. vae.23: with the exact posterior the bound is log p(x_t | x_<t) itself, draw by
    draw."""
    x = world_data(rng)
    for _ in range(3):
        eps1, eps2 = 2 * rng.standard_normal((2, 5, 1))
        np.testing.assert_allclose(-rows(World(), x, t1, t2, eps1, eps2), World().evidence(x, t1, t2), atol=1e-9)


@pytest.mark.parametrize("t1, t2", [(1, 3), (2, 6)])
def test_jumpy_bound_is_the_evidence_if_the_belief_skips_too(rng, t1, t2):
    """Eq. vae.24: over a gap, with the posterior given x_1 ... x_t1 and x_t2."""
    x = world_data(rng)
    eps1, eps2 = 2 * rng.standard_normal((2, 5, 1))
    np.testing.assert_allclose(-rows(World(skips=True), x, t1, t2, eps1, eps2), World().evidence(x, t1, t2), atol=1e-9)


@pytest.mark.slow
def test_what_lies_between_makes_the_bound_loose_on_average_over_sequences(rng):
    """Eq. vae.24 with a belief that has seen all of x_1 ... x_t2: lower than the evidence by KL(q || posterior), a
    bound."""
    n, t1, t2 = 2_000, 2, 5
    x = world_data(rng, n)
    (_, b1, b2), gap = World().at(x, t1, t2)
    (_, _, b2_skips), _ = World(skips=True).at(x, t1, t2)
    (m, v), (m0, v0) = b2.T, b2_skips.T  # z_t2 under q and under the posterior; z_t1 given z_t2 is the same for both
    kl = 0.5 * (v / v0 + (m - m0) ** 2 / v0 - 1 + np.log(v0 / v))
    eps1, eps2 = rng.standard_normal((2, n, 1))
    gap_of_bound = World().evidence(x, t1, t2) + rows(World(), x, t1, t2, eps1, eps2) - kl
    error = gap_of_bound.std() / np.sqrt(n)
    assert abs(gap_of_bound.mean()) < 5 * error < kl.mean() / 1.5


# --------------------------------------------------------------------- the model


def small(rng, **options):
    """In float64, with weights large enough for every part to matter."""
    model = TDVAE(rng, 2, 3, width=5, max_gap=4, hidden=7, decoder=(6,), dim_gap=4, **options)
    return tree_map(lambda a: 1.5 * a.astype(np.float64) + 0.05, model)


def test_loss_is_the_sum_of_independent_densities(rng):
    """Eq. vae.24 for a live model and mixed times, with SciPy's normal and one call of each part for each sequence."""
    model, x = small(rng), rng.standard_normal((4, 6, 2))
    t1, t2 = np.array([1, 2, 3, 2]), np.array([2, 6, 5, 3])
    eps1, eps2 = rng.standard_normal((2, 4, 3))
    total = 0

    def log_p(p, z):
        return norm(p.mu, np.exp(p.logvar / 2)).logpdf(z).sum()

    for i in range(4):
        beliefs, gap = model.belief(x[i : i + 1]), t2[i : i + 1] - t1[i : i + 1]
        b1, b2 = beliefs[:, t1[i] - 1], beliefs[:, t2[i] - 1]
        now = model.p_B(b2)
        z2 = now.mu + np.exp(now.logvar / 2) * eps2[i]
        then = model.p_S(z2, b1, b2, gap)
        z1 = then.mu + np.exp(then.logvar / 2) * eps1[i]
        seen = norm(model.decoder(z2), model.likelihood.std).logpdf(x[i, t2[i] - 1]).sum()
        total += seen + log_p(model.p_B(b1), z1) + log_p(model.p_T(z1, gap), z2) - log_p(now, z2) - log_p(then, z1)
    np.testing.assert_allclose(model.td_vae_loss(x, t1, t2, eps1, eps2), -total / 4, rtol=1e-9)


def test_gradient_against_finite_differences(rng):
    """Eq. vae.24: every parameter of every part, features of a Bernoulli model included."""
    model, h = small(rng, features=4, likelihood=Bernoulli()), 1e-5
    x = (rng.random((3, 5, 2)) < 0.5).astype(float)
    t1, t2 = np.array([1, 2, 1]), np.array([3, 3, 5])
    eps1, eps2 = rng.standard_normal((2, 3, 3))

    def loss(m):
        return td_vae_loss(m, x, t1, t2, eps1, eps2)

    grads = value_and_grad(loss)(model)[1].parameters()
    for name, p in model.parameters().items():
        assert np.abs(grads[name]).max() > 1e-4, name
        for index in rng.choice(p.size, min(p.size, 4), replace=False):
            kept = p.flat[index]
            p.flat[index] = kept + h
            above = loss(model)
            p.flat[index] = kept - h
            below = loss(model)
            p.flat[index] = kept
            np.testing.assert_allclose(
                grads[name].flat[index], (above - below) / (2 * h), atol=1e-7, rtol=1e-5, err_msg=name
            )


def test_belief_has_seen_the_past_and_nothing_else(rng):
    """The exact zero pattern of d b_t / d x_s: zero for s > t, not zero for s <= t."""
    model, x = small(rng, features=4), rng.standard_normal((1, 6, 2))
    j = np.abs(jacobian(model.belief)(x))[0, :, :, 0].max(axis=(1, 3))  # (T of belief, T of x)
    np.testing.assert_array_equal(j > 0, np.tri(6, dtype=bool))


def test_gap_steers_transition_and_smoothing(rng):
    model = small(rng)
    z, b = rng.standard_normal((2, 3)), rng.standard_normal((2, 5))
    one, four = np.array([1, 1]), np.array([1, 4])
    for part in (lambda gap: model.p_T(z, gap).mu, lambda gap: model.p_S(z, b, b, gap).mu):
        np.testing.assert_array_equal(part(one)[0], part(four)[0])
        assert np.all(part(one)[1] != part(four)[1])


def test_gated_normal(rng):
    """tanh times sigmoid, by NumPy; logvar starts around -3."""
    net = tree_map(lambda a: a.astype(np.float64), GatedNormal(rng, 5, 4, 2))
    u, v = rng.standard_normal((3, 2)), rng.standard_normal((3, 3))
    both = np.concatenate([u, v], axis=1)
    h = np.tanh(both @ net.content.w) / (1 + np.exp(-both @ net.gate.w))
    np.testing.assert_allclose(net(u, v).mu, h @ net.mu.w)
    np.testing.assert_allclose(net(u, v).logvar, h @ net.logvar.w - 3)


def test_the_layers_of_a_gated_normal_start_with_outputs_of_variance_one(rng):
    """Weights uniform in ±√3/√n_in, of variance 1/n_in, but for logvar: ±1/√n_in."""
    net = GatedNormal(rng, 400, 400, 100)
    for layer, bound in ((net.content, 3), (net.gate, 3), (net.mu, 3), (net.logvar, 1)):
        assert np.abs(layer.w).max() * 20 == pytest.approx(np.sqrt(bound), rel=1e-3)


def test_what_is_decoded_is_a_likelihood_of_the_observation(rng):
    """log p(x | output), not log p(output | x): the two agree for a Gaussian only."""
    x, logits = (rng.random((3, 4)) < 0.5).astype(float), rng.standard_normal((3, 4))
    log_p = x * np.log(1 / (1 + np.exp(-logits))) + (1 - x) * np.log(1 / (1 + np.exp(logits)))
    np.testing.assert_allclose(Decoded(Bernoulli(), logits).log_prob(x), log_p.sum(axis=1))


# --------------------------------------------------------------------- predictions


class LinearModel(TDVAE):
    """A TDVAE whose parts are those of `World`: its jumpy predictions are known."""

    def __init__(self, rng):
        super().__init__(rng, 1, 1, width=2, max_gap=9)
        self.world = World()

    def belief(self, x):
        return self.world.filter(x[..., 0])

    def p_B(self, b):
        return self.world.p_B(b)

    def p_T(self, z1, gap):
        return self.world.p_T(z1, gap)

    def p_D(self, z2):
        return self.world.p_D(z2)


@pytest.mark.parametrize("stride", [None, 1, 2])
def test_predictions_have_the_moments_of_the_exact_one(rng, stride):
    """One jump and the rollout: mean and variance of x_t2 given x_1 ... x_t1, within 5 standard errors."""
    model, x, samples = LinearModel(rng), world_data(rng, 3), 20_000
    drawn = model.predict(rng, x, 2, 6, samples, stride=stride)[..., 0]
    m, v = World().filter(x[..., 0])[:, 1].T
    a, q = World().move(4)
    mean, var = World.c * a * m, World.c**2 * (a**2 * v + q) + World.r
    assert drawn.shape == (samples, 3)
    assert np.all(np.abs(drawn.mean(0) - mean) < 5 * np.sqrt(var / samples))
    assert np.all(np.abs(drawn.var(0) - var) < 5 * var * np.sqrt(2 / samples))
    means = model.predict(rng, x, 2, 6, samples, noise=False, stride=stride)[..., 0]
    assert np.all(np.abs(means.var(0) - var + World.r) < 5 * var * np.sqrt(2 / samples))
    np.testing.assert_allclose(
        World().evidence(x, 2, 6), norm(mean, np.sqrt(var)).logpdf(x[:, 5, 0])
    )  # the two oracles agree


def test_sampled_sequences_have_the_moments_of_the_exact_ones(rng):
    """x_{T+1} ... x_{T+3} given x_1 ... x_T, T = 2: means, variances and covariances within 5 standard errors."""
    model, x, n = LinearModel(rng), world_data(rng, 3)[:, :2], 20_000
    drawn = model.sample(rng, n, x, length=3)[..., 0]  # (n, 3, 3)
    means = model.sample(rng, n, x, 3, noise=False)[..., 0]
    assert drawn.shape == (n, 3, 3)
    m, v = World().filter(x[..., 0])[:, 1].T
    a, q = World().move(1)
    for step in range(3):
        m, before, v = a * m, v, a**2 * v + q
        var = World.c**2 * v + World.r
        assert np.all(np.abs(drawn[:, :, step].mean(0) - World.c * m) < 5 * np.sqrt(var / n))
        assert np.all(np.abs(drawn[:, :, step].var(0) - var) < 5 * var * np.sqrt(2 / n))
        assert np.all(np.abs(means[:, :, step].var(0) - var + World.r) < 5 * var * np.sqrt(2 / n))
        if step:
            both = [np.cov(drawn[:, k, step - 1], drawn[:, k, step])[0, 1] for k in range(3)]
            assert np.all(np.abs(both - World.c**2 * a * before) < 5 * var * np.sqrt(2 / n))


def test_the_loss_draws_times_and_noise(rng):
    """The mean over pairs of times and over the noise of `td_vae_loss`, by what the generator gives next."""
    model, x = TDVAE(rng, 2, 3, width=5, max_gap=3), rng.standard_normal((40, 6, 2), dtype=np.float32)
    for max_gap in (None, 2):
        same = np.random.default_rng(7)
        t1, t2 = draw_times(40, 6, max_gap or 3, same)
        eps1, eps2 = same.standard_normal((2, 40, 3), dtype=np.float32)
        expected = td_vae_loss(model, x, t1, t2, eps1, eps2)
        assert model.loss(x, np.random.default_rng(7), max_gap) == expected
    assert np.isfinite(model.loss(x[:, :2], rng))  # the longest gap that fits is 1
    with pytest.raises(ValueError, match="max_gap"):
        model.loss(x[:, :1], rng)


def test_predictions_use_the_past_only_and_repeat(rng):
    model = TDVAE(rng, 2, 3, width=5, max_gap=4)
    x = rng.standard_normal((3, 6, 2), dtype=np.float32)

    def draw(x):
        return model.predict(np.random.default_rng(5), x, 3, 7, 4)  # t2 may lie beyond the end

    assert draw(x).shape == (4, 3, 2) and draw(x).dtype == np.float32
    later = x.copy()
    later[:, 3:] += 1
    np.testing.assert_array_equal(draw(later), draw(x))
    later[:, 2] += 1
    assert np.all(draw(later) != draw(x))


# --------------------------------------------------------------------- training


def test_times_are_uniform(rng):
    n, length, gaps = 60_000, 6, 4
    t1, t2 = draw_times(n, length, gaps, rng)
    assert t1.min() == 1 and t2.max() == length
    for gap in range(1, gaps + 1):
        of_gap = t1[t2 - t1 == gap]
        assert abs(len(of_gap) - n / gaps) < 5 * np.sqrt(n * 0.25 * 0.75)
        share = len(of_gap) / (length - gap)
        assert np.all(np.abs(np.bincount(of_gap, minlength=length)[1 : length - gap + 1] - share) < 5 * np.sqrt(share))


def test_training_lowers_the_loss_in_float32(rng):
    model = TDVAE(rng, 1, 2, width=8, max_gap=2, decoder=(8,))
    optimizer, x = Adam(model, 1e-2), 2 + 0.1 * rng.standard_normal((32, 4, 1), dtype=np.float32)
    losses = [training_step(model, optimizer, x, rng)["loss"] for _ in range(60)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 1
    eps1, eps2 = rng.standard_normal((2, 32, 2), dtype=np.float32)
    value, grads = value_and_grad(td_vae_loss)(model, x, 1, 3, eps1, eps2)
    assert value.dtype == np.float32 and {g.dtype for g in leaves(grads)} == {np.dtype(np.float32)}
    swapped = training_step(
        model, optimizer, x, rng, loss=lambda m, x, t1, t2, e1, e2: 0 * td_vae_loss(m, x, t1, t2, e1, e2) + 7
    )
    assert swapped == {"loss": 7}


def test_a_step_is_clipped_to_the_norm(rng):
    """With plain gradient descent at a rate of 1 the model moves by the clipped gradient itself."""
    x = rng.standard_normal((8, 4, 1), dtype=np.float32)
    for max_norm, moved in ((1e-3, 1e-3), (1e9, None)):
        model = TDVAE(np.random.default_rng(1), 1, 2, width=8, max_gap=2, decoder=(8,))
        before = model.copy()
        training_step(model, SGD(model, 1.0), x, np.random.default_rng(2), max_norm=max_norm)
        distance = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(leaves(model), leaves(before))))
        assert distance == pytest.approx(moved, rel=1e-2) if moved else distance > 1e-2


def test_only_what_should_learn_learns(rng):
    """Frozen parts stay; with max_gap=1 only the first jump's vector is trained."""
    model = TDVAE(rng, 1, 2, width=8, max_gap=3, decoder=(8,))
    for part in (model.cell, model.belief_net, model.decoder, model.likelihood):
        part.freeze()
    before, optimizer = model.state(), Adam(model, 1e-2)
    training_step(model, optimizer, rng.standard_normal((32, 4, 1), dtype=np.float32), rng, max_gap=1)
    changed = {name.split(".")[0] for name, a in model.state().items() if np.any(a != before[name])}
    assert changed == {"gaps", "transition_net", "smoothing_net"}
    np.testing.assert_array_equal(model.gaps.table[1:], before["gaps.table"][1:])


def test_bad_arguments(rng):
    model, x = TDVAE(rng, 2, 3, width=5, max_gap=3), np.zeros((4, 6, 2), np.float32)
    eps = np.zeros((4, 3), np.float32)
    for t1, t2 in [(2, 2), (3, 2), (0, 1), (4, 7)]:
        with pytest.raises(ValueError, match="times must be 1 <= t1 < t2 <= T = 6"):
            td_vae_loss(model, x, t1, t2, eps, eps)
    with pytest.raises(ValueError, match="t2 - t1 must be at most max_gap = 3, got 4"):
        td_vae_loss(model, x, 1, 5, eps, eps)
    with pytest.raises(ValueError, match="t1 must be a whole number or 4 of them, got float64"):
        td_vae_loss(model, x, 1.0, 2, eps, eps)
    with pytest.raises(ValueError, match=r"t2 must be a whole number or 4 of them, got int64 of shape \(3,\)"):
        td_vae_loss(model, x, 1, np.array([2, 2, 2]), eps, eps)
    with pytest.raises(ValueError, match=r"x must have shape \(N, T, 2\), got \(4, 6, 3\)"):
        model.belief(np.zeros((4, 6, 3)))
    with pytest.raises(ValueError, match="t1 must be less than t2 = 3 and at most T = 6, got 3"):
        model.predict(rng, x, 3, 3)
    with pytest.raises(ValueError, match="stride must divide 3 and be at most max_gap = 3, got 2"):
        model.predict(rng, x, 1, 4, stride=2)
    with pytest.raises(ValueError, match="max_gap must be less than length = 3, got 3"):
        draw_times(5, 3, 3, rng)
