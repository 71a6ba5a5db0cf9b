"""The bound, its pixels and its loss, against closed forms, distribution functions and bounds."""

import numpy as np
import pytest
from scipy import stats

from minigen.diffusion import likelihood as L
from minigen.diffusion.ddpm import eps_from_x0, simple_loss
from minigen.diffusion.schedule import Schedule, per_example
from minigen.nn import MLP, Module
from minigen.tensor import grad, value_and_grad

RNG = np.random.default_rng(7)
SCHEDULE = Schedule.linear(50, 1e-3, 0.3)


def normal(*shape):
    return RNG.standard_normal(shape)


# ------------------------------------------------------------------------------------------- discretized decoder


@pytest.mark.parametrize("mean, std", [(0.1, 0.05), (-1.3, 0.004), (0.999, 0.5), (0.0, 10.0), (3.0, 0.02)])
def test_pixel_probabilities_sum_to_one(mean, std):
    x = np.linspace(-1, 1, 256)
    log_p = L.discretized_log_prob(x, np.full(256, mean), np.full(256, 2 * np.log(std)))
    assert np.all(np.isfinite(log_p))
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-9)
    edges = np.concatenate([[-np.inf], (x[1:] + x[:-1]) / 2, [np.inf]])
    np.testing.assert_allclose(np.exp(log_p), np.diff(stats.norm.cdf(edges, mean, std)), atol=1e-12)


def test_pixel_probability_gradients():
    x = np.array([-1.0, 1.0, 1 / 255, 0.2, -0.6])
    x = np.round((x + 1) * 127.5) / 127.5 - 1
    mean, log_variance = np.array([-0.9, 0.8, 0.0, 0.25, 0.9]), np.array([-3.0, -4.0, -6.0, -7.0, -2.0])
    for k, arguments in enumerate([(mean, log_variance), (log_variance, mean)]):
        put = (lambda a, b: (a, b)) if k == 0 else (lambda a, b: (b, a))

        def f(a, b, i):
            return L.discretized_log_prob(x, *put(a, b))[i]

        for i in range(5):
            h = np.zeros(5)
            h[i] = 1e-5
            a, b = arguments
            difference = (f(a + h, b, i) - f(a - h, b, i)) / 2e-5
            assert grad(f)(a, b, i)[i] == pytest.approx(difference, rel=1e-6)


def test_pixel_probability_in_float32_is_finite_far_away():
    x = np.linspace(-1, 1, 256, dtype=np.float32)
    log_p = L.discretized_log_prob(x, np.full_like(x, 0.9), np.full_like(x, -12.0))
    assert log_p.dtype == np.float32 and np.all(np.isfinite(log_p))
    assert log_p[0] < -1e5


# ------------------------------------------------------------------------------------------- the bound


class Line:
    """Data N(0, spread²) and its exact eps: every expectation of the bound is a formula."""

    def __init__(self, schedule, spread, variance):
        self.s, self.spread = schedule, spread
        self.sigma2 = schedule.beta if variance == "beta" else schedule.posterior_variance_clipped
        a = schedule.alpha_bar
        self.slope = np.sqrt(1 - a) / (a * spread**2 + 1 - a)  # eps = slope x
        # the mean of p(x_{t-1} | x_t) is back x_t
        self.back = np.zeros(schedule.T + 1)
        t = np.arange(1, schedule.T + 1)
        self.back[t] = (1 - schedule.beta[t] / np.sqrt(1 - a[t]) * self.slope[t]) / np.sqrt(schedule.alpha[t])

    def eps_model(self, x, t):
        return per_example(self.slope[t], x)

    def terms(self, x0):
        """The expected L_0 ... L_T for one x0: x_t is N(sqrt(a) x0, 1 - a), and the means differ by a line in x_t."""
        s, out = self.s, np.zeros(self.s.T + 1)
        for t in range(1, s.T + 1):
            a, before = s.alpha_bar[t], s.alpha_bar[t - 1]
            if t == 1:
                miss = (1 - self.back[1] * np.sqrt(a)) ** 2 * x0**2 + self.back[1] ** 2 * (1 - a)
                out[0] = 0.5 * (np.log(2 * np.pi * self.sigma2[1]) + miss / self.sigma2[1])
                continue
            of_x = np.sqrt(s.alpha[t]) * (1 - before) / (1 - a) - self.back[t]
            of_x0 = np.sqrt(before) * s.beta[t] / (1 - a)
            miss = (of_x * np.sqrt(a) + of_x0) ** 2 * x0**2 + of_x**2 * (1 - a)
            ratio = s.posterior_variance[t] / self.sigma2[t]
            out[t - 1] = 0.5 * (ratio - 1 - np.log(ratio) + miss / self.sigma2[t])
        a = s.alpha_bar[-1]
        out[-1] = 0.5 * (a * x0**2 + (1 - a) - 1 - np.log(1 - a))
        return out

    def log_p(self, x0):
        """log p(x0) of the reverse chain itself, which is Gaussian at every step."""
        variance = 1.0
        for t in range(self.s.T, 0, -1):
            variance = self.back[t] ** 2 * variance + self.sigma2[t]
        return stats.norm.logpdf(x0, 0, np.sqrt(variance))


@pytest.mark.parametrize("variance", ["beta", "posterior"])
def test_vlb_terms_of_a_gaussian(variance):
    """Each of L_0 ... L_T, averaged over draws, against its closed form at 5 standard errors; their sum bounds -log p.
    Eq. diffusion.09, Eq. diffusion.11, Eq. diffusion.12, Eq. diffusion.14"""
    line = Line(Schedule.linear(20, 0.01, 0.5), 0.6, variance)
    for x0 in (0.3, -1.1):
        got = L.vlb_terms(line.eps_model, np.full((20_000, 1), x0), line.s, np.random.default_rng(0), variance)
        want = line.terms(x0)
        error = got.nats.std(axis=0) / np.sqrt(len(got.nats))
        assert np.all(np.abs(got.nats.mean(axis=0) - want) <= 5 * error + 1e-9)
        assert want.sum() > -line.log_p(x0)
    np.testing.assert_allclose(got.total, got.nats.sum(axis=1))
    np.testing.assert_allclose(got.bits_per_dim * np.log(2), got.nats)


def test_each_example_has_the_term_of_its_own_time():
    """A batch of several times, the last step among them, against one call for each. Eq. diffusion.14"""
    t, x0, eps = np.array([1, 2, 2, 9]), normal(4, 3), normal(4, 3)
    pixels = np.round((np.tanh(x0) + 1) * 127.5) / 127.5 - 1

    def model(x, t):
        return 0.3 * x, 0.4 + 0.1 * x

    for data, levels in ((x0, None), (pixels, 256)):
        for variance in ("beta", "posterior", "learned"):
            got = L.vlb_term(model, data, t, eps, SCHEDULE, variance, levels)
            one = [
                L.vlb_term(model, data[i : i + 1], t[i], eps[i : i + 1], SCHEDULE, variance, levels) for i in range(4)
            ]
            np.testing.assert_allclose(got, np.ravel(one), rtol=1e-12)


def test_the_gap_closes_with_many_steps():
    """With the exact eps the bound tends to the entropy of the data. Eq. diffusion.09, Eq. diffusion.10"""
    spread = 0.6
    entropy = 0.5 * np.log(2 * np.pi * np.e * spread**2)
    gaps = []
    for T in (50, 200, 1000):
        line = Line(Schedule.linear(T, 0.1 / T, 20 / T), spread, "beta")
        # the expected terms are of second degree in x0: x0 = ±spread gives their mean over the data
        gaps.append(line.terms(spread).sum() - entropy)
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < 0.02
    x0 = spread * np.random.default_rng(1).choice([-1.0, 1.0], size=(400, 1))
    total = L.vlb_terms(line.eps_model, x0, line.s, np.random.default_rng(2)).total
    assert abs(total.mean() - entropy - gaps[2]) < 5 * total.std() / 20


def test_discretized_bound_of_a_point():
    """Data that is one gray picture, known exactly: with posterior variance all KLs vanish, L_0 is the pixel's. Eq.
    diffusion.12"""
    schedule = Schedule.linear(30, 1e-4, 0.3)
    x0 = np.full((5, 4), 127.5 / 127.5 - 1 + 1 / 255)

    def knows(x, t):
        return eps_from_x0(x, t, np.full(x.shape, 1 / 255), schedule)

    got = L.vlb_terms(knows, x0, schedule, RNG, "posterior", levels=256)
    np.testing.assert_allclose(got.nats[:, 1:-1], 0, atol=1e-9)
    width = 1 / 255 / np.sqrt(schedule.posterior_variance[2])
    np.testing.assert_allclose(got.nats[:, 0], -4 * np.log(2 * stats.norm.cdf(width) - 1), rtol=1e-6)
    assert got.bits_per_dim.shape == (5, 31)


# ------------------------------------------------------------------------------------------- hybrid loss


class TwoHeads(Module):
    """eps and v from two networks of their own, so that their gradients can be told apart."""

    def __init__(self, rng):
        self.eps, self.v = MLP(rng, [2, 8, 2], "tanh"), MLP(rng, [2, 8, 2], "tanh")

    def __call__(self, x, t):
        return self.eps(x), self.v(x)


def test_hybrid_loss_trains_each_head_by_its_own_part():
    """Eq. diffusion.19: eps gets the gradient of L_simple only, v that of the bound only."""
    model = TwoHeads(np.random.default_rng(0)).map(lambda a: a.astype(np.float64))
    x0, eps, t = normal(9, 2), normal(9, 2), np.array([1, 1, 2, 3, 8, 20, 33, 49, 50])
    value, grads = value_and_grad(L.hybrid_loss)(model, x0, t, eps, SCHEDULE, 0.01)
    simple, of_simple = value_and_grad(lambda m: simple_loss(lambda x, t: m.eps(x), x0, t, eps, SCHEDULE))(model)

    def bound(m):
        return np.mean(L.vlb_term(m, x0, t, eps, SCHEDULE, "learned")) * 0.01 * SCHEDULE.T / 2

    assert value == pytest.approx(simple + bound(model))
    for name, g in grads.eps.parameters().items():
        np.testing.assert_allclose(g, of_simple.eps.parameters()[name], rtol=1e-9, atol=1e-12)
    w = model.v.layers[0].w
    for index in [(0, 3), (1, 5)]:
        before, h = w[index], 1e-5
        w[index] = before + h
        up = bound(model)
        w[index] = before - h
        down = bound(model)
        w[index] = before
        assert grads.v.layers[0].w[index] == pytest.approx((up - down) / (2 * h), rel=1e-5)


def test_the_weight_of_the_hybrid_loss_is_that_of_the_paper():
    """0.001. Eq. diffusion.19; Nichol and Dhariwal 2021, section 3.1."""
    model = TwoHeads(np.random.default_rng(0))
    x0, eps, t = normal(3, 2), normal(3, 2), np.array([1, 7, 50])
    simple = simple_loss(lambda x, t: model(x, t)[0], x0, t, eps, SCHEDULE)
    of_the_bound = L.hybrid_loss(model, x0, t, eps, SCHEDULE, weight=1.0) - simple
    assert L.hybrid_loss(model, x0, t, eps, SCHEDULE) == pytest.approx(simple + 0.001 * of_the_bound)


def test_hybrid_loss_with_pixels_in_float32():
    model = TwoHeads(np.random.default_rng(0))
    x0 = (RNG.integers(0, 256, (6, 2)) / 127.5 - 1).astype(np.float32)
    eps, t = RNG.standard_normal((6, 2), dtype=np.float32), np.array([1, 1, 2, 3, 30, 50])
    value, grads = value_and_grad(lambda m: L.hybrid_loss(m, x0, t, eps, SCHEDULE, levels=256))(model)
    assert np.isfinite(value) and value.dtype == np.float32
    assert all(g.dtype == np.float32 and np.all(np.isfinite(g)) for g in grads.parameters().values())


# ------------------------------------------------------------------------------------------- types and errors


def test_float32_stays_float32():
    x, t = RNG.standard_normal((4, 2), dtype=np.float32), np.array([1, 2, 3, 50])
    assert L.vlb_term(lambda x, t: x, x, t, x, SCHEDULE).dtype == np.float32
    assert L.vlb_terms(lambda x, t: x, x, SCHEDULE, RNG).nats.dtype == np.float32

    def wide(x, t):
        return (x.astype(np.float64), x.astype(np.float64))

    assert L.vlb_term(wide, x, t, x, SCHEDULE, "learned").dtype == np.float32
    assert L.hybrid_loss(wide, x, t, x, SCHEDULE).dtype == np.float32


X, T = np.zeros((3, 2)), np.array([1, 2, 3])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: L.vlb_term(lambda x, t: x[:, :1], X, T, X, SCHEDULE), "eps_model must return eps in the shape of x_t"),
        (lambda: L.vlb_term(lambda x, t: x, X, T, X, SCHEDULE, "learned"), r"must return a pair \(eps, v\)"),
        (lambda: L.hybrid_loss(lambda x, t: x, X, T, X, SCHEDULE), r"must return a pair \(eps, v\)"),
        (lambda: L.vlb_term(lambda x, t: x, X, T - 1, X, SCHEDULE), "t must be in 1..50"),
        (lambda: L.hybrid_loss(lambda x, t: (x, x), X, T - 1, X, SCHEDULE), "t must be in 1..50"),
        (lambda: L.discretized_log_prob(X, X[:1], X), r"mean must have the shape of x, \(3, 2\), got \(1, 2\)"),
        (lambda: L.discretized_log_prob(X, X, X[:, :1]), "log_variance must have the shape of x"),
        (lambda: L.discretized_log_prob(X + 1.1, X, X), r"x must be in \[-1, 1\], got values from 1.1 to 1.1"),
        (lambda: L.vlb_term(lambda x, t: x, X - 2, 9, X, SCHEDULE, levels=256), r"x0 must be in \[-1, 1\]"),
        (lambda: L.vlb_terms(lambda x, t: 1 / 0, X - 2, SCHEDULE, RNG, levels=256), r"x0 must be in \[-1, 1\]"),
        (lambda: L.vlb_terms(lambda x, t: 1 / 0, X, SCHEDULE, RNG, levels=1), "levels must be a whole number"),
        (lambda: L.hybrid_loss(lambda x, t: (x, x), X, T, X, SCHEDULE, levels=1), "levels must be a whole number"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
