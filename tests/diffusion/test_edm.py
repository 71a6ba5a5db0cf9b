"""EDM's design space: factors that give variance 1, its sampler against the exact path of a Gaussian, guidance."""

import math

import numpy
import pytest

from minigen.data import toy
from minigen.diffusion.edm import (
    EDM,
    churn,
    edm_loss,
    edm_sample,
    edm_target,
    edm_weight,
    karras_levels,
    lognormal_levels,
    min_snr_weight,
    preconditioning,
)
from minigen.diffusion.guidance import autoguided, guided_gaussian_variance, in_interval
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import Schedule
from minigen.tensor import mse

RING = toy.get("ring").standardized()


@pytest.fixture
def rng():
    return numpy.random.default_rng(5)


def test_by_hand():
    """Eq. after.18"""
    c_skip, c_out, c_in, c_noise = preconditioning(3.0, 4.0)
    assert (c_skip, c_out, c_in) == pytest.approx((0.64, 2.4, 0.2)) and c_noise == pytest.approx(math.log(3) / 4)
    assert edm_weight(3.0, 4.0) == pytest.approx(25 / 144)
    assert edm_target(numpy.array([[4.0]]), numpy.array([[-1.0]]), 3.0, 4.0) == pytest.approx(1.4)


@pytest.mark.parametrize("sigma", [0.01, 0.1, 1.0, 20.0])
def test_input_and_target_have_variance_one(sigma, rng):
    """Eq. after.19"""
    n = 40_000
    x0, z = RING.sample(rng, n).astype(float), rng.standard_normal((n, 2))
    c_in = preconditioning(sigma, 1.0)[2]
    assert numpy.var(c_in * (x0 + sigma * z)) == pytest.approx(1, abs=0.03)
    assert numpy.var(edm_target(x0, z, sigma, 1.0)) == pytest.approx(1, abs=0.03)


def test_the_weighted_loss_of_the_denoiser_is_the_plain_loss_of_the_network(rng):
    """Eq. after.20"""
    x0, z = rng.standard_normal((8, 3, 3, 1)), rng.standard_normal((8, 3, 3, 1))
    sigma = numpy.exp(rng.standard_normal(8))

    def net(x, t, y=None):
        return numpy.sin(x) + t.reshape(-1, 1, 1, 1) / 1000

    denoiser = EDM(net, 0.6)
    c_in = preconditioning(sigma, 0.6)[2].reshape(-1, 1, 1, 1)
    y = x0 + sigma.reshape(-1, 1, 1, 1) * z
    plain = mse(net(c_in * y, 100 * numpy.log(sigma) + 500), edm_target(x0, z, sigma, 0.6))
    assert edm_loss(denoiser, x0, z, sigma, 0.6) == pytest.approx(plain)
    zero = EDM(lambda x, t, y=None: 0 * x, 0.6)
    assert edm_loss(zero, x0, z, sigma, 0.6) == pytest.approx(numpy.mean(edm_target(x0, z, sigma, 0.6) ** 2))


def test_the_loss_passes_the_condition():
    def denoiser(x, sigma, y=None):
        return 0 * x if y is None else numpy.full_like(x, y)

    x0, z = numpy.ones((2, 1)), numpy.zeros((2, 1))  # at σ = σ_d = 1 the weight is 2
    assert edm_loss(denoiser, x0, z, 1.0, 1.0) == pytest.approx(2)
    assert edm_loss(denoiser, x0, z, 1.0, 1.0, y=3.0) == pytest.approx(8)
    assert edm_loss(lambda x, sigma: 0 * x, x0, z, 1.0, 1.0) == pytest.approx(2)  # a denoiser without conditions


def test_the_denoiser_passes_time_and_condition_in_the_dtype_of_x():
    """Eq. after.17"""
    seen = []

    def net(x, t, y=None):
        seen.append((t.dtype, t.tolist(), y))
        return 0 * x

    x = numpy.ones((2, 2), numpy.float32)
    out = EDM(net, 1.0)(x, numpy.array([1.0, math.e]), "label")
    assert out.dtype == numpy.float32 and seen[0][0] == numpy.float32
    assert seen[0][1] == pytest.approx([500, 600]) and seen[0][2] == "label"
    assert out[:, 0] == pytest.approx([0.5, 1 / (1 + math.e**2)])
    EDM(net, 1.0)(x, 1.0)
    assert seen[1][1] == [500, 500] and seen[1][2] is None


def wavy(x, t, y=None):
    """A network that depends on all that it is given."""
    label = 0 if y is None else numpy.asarray(y, x.dtype)[:, None]
    return numpy.sin(x) + (t[:, None] / 1000 + label).astype(x.dtype)


@pytest.mark.parametrize("y", [None, numpy.array([1, 0, 2, 1])], ids=["no condition", "labels"])
def test_the_methods_are_the_functions(y):
    """The same random numbers by hand, bit for bit: levels, then noise; noise at the highest level, then the steps."""
    denoiser, x = EDM(wavy, 0.6), numpy.random.default_rng(1).standard_normal((4, 3)).astype(numpy.float32)
    found, draws = denoiser.loss(x, numpy.random.default_rng(2), y), numpy.random.default_rng(2)
    sigma, z = lognormal_levels(draws, 4), draws.standard_normal((4, 3), dtype=numpy.float32)
    assert found == edm_loss(denoiser, x, z, sigma, 0.6, y) and found.dtype == numpy.float32

    samples = denoiser.sample(numpy.random.default_rng(2), 4, y, shape=(3,), steps=7, low=0.01, high=20.0)
    start = 20 * numpy.random.default_rng(2).standard_normal((4, 3), dtype=numpy.float32)
    given = denoiser if y is None else lambda x, sigma: denoiser(x, sigma, y)
    assert numpy.array_equal(samples, edm_sample(given, start, karras_levels(7, 0.01, 20.0)))
    assert samples.dtype == numpy.float32
    usual = denoiser.sample(numpy.random.default_rng(2), 4, y, shape=(3,))
    assert numpy.array_equal(usual, edm_sample(given, 4 * start, karras_levels(18)))


def test_a_file_gives_the_model_again(tmp_path):
    denoiser = EDM(EpsMLP(numpy.random.default_rng(0), width=8, layers=1), 0.7)
    for a in denoiser.parameters().values():
        a += 0.1
    again = EDM.from_file(denoiser.save(tmp_path / "edm.npz"))
    one, two = (each.sample(numpy.random.default_rng(1), 3, shape=(2,)) for each in (denoiser, again))
    assert numpy.array_equal(one, two) and again.sigma_data == 0.7


def test_levels(rng):
    """Eq. after.21"""
    found = numpy.log(lognormal_levels(rng, 50_000, -0.7, 1.3))
    assert found.mean() == pytest.approx(-0.7, abs=0.03) and found.std() == pytest.approx(1.3, abs=0.02)


def test_karras_levels():
    """Eq. after.22"""
    levels = karras_levels(18)
    assert (
        len(levels) == 19 and levels[0] == pytest.approx(80) and levels[-2] == pytest.approx(0.002) and levels[-1] == 0
    )
    assert numpy.allclose(levels[:-1], Schedule.karras(18).sigma[:0:-1])
    assert numpy.allclose(numpy.diff(karras_levels(9, 0.1, 5.0, 3.0)[:-1] ** (1 / 3), 2), 0)
    assert karras_levels(1, 0.1, 5.0).tolist() == pytest.approx([5.0, 0.0])


def test_churn(rng):
    """Eq. after.23"""
    y, z = numpy.zeros((50_000, 1)), rng.standard_normal((50_000, 1))
    raised, level = churn(y, 3.0, 0.25, z)
    assert level == 3.75 and numpy.std(raised) == pytest.approx(math.sqrt(3.75**2 - 9), rel=0.02)
    assert numpy.allclose(churn(y, 3.0, 0.25, z, noise=1.1)[0], 1.1 * raised)
    _, levels = churn(y[:2], numpy.array([1.0, 2.0]), 0.5, z[:2])
    assert levels.tolist() == [1.5, 3.0]


def gaussian_denoiser(v):
    return lambda y, sigma: y * (v / (v + sigma**2))[:, None]


def test_the_path_of_a_gaussian():
    """y ∝ √(v + σ²): from 80 to 0 the exact path scales by √(v/(v + 6400))."""
    y = numpy.array([[80.0], [-40.0]])
    exact = y * math.sqrt(2 / (2 + 6400))
    end = {n: edm_sample(gaussian_denoiser(2.0), y, karras_levels(n)) for n in (18, 36, 72, 144)}
    errors = [numpy.abs(end[n] - exact).max() for n in end]
    assert errors[-1] < 0.001 and errors[1] / errors[2] > 3.5 and errors[2] / errors[3] > 3.5
    euler = edm_sample(gaussian_denoiser(2.0), y, karras_levels(36), solver="euler")
    assert numpy.abs(euler - exact).max() > 5 * errors[1]


def test_steps_by_hand_and_the_number_of_calls():
    calls = []

    def denoiser(y, sigma):
        calls.append(sigma.tolist())
        return y / (1 + sigma[:, None] ** 2)

    y = numpy.array([[2.0]])
    slope = (2 - 2 / 5) / 2  # at σ = 2
    ahead = 2 - slope
    after = ahead - ahead / 2  # at σ = 1
    middle = 2 - (slope + after) / 2
    assert edm_sample(denoiser, y, [2.0, 1.0, 0.0]) == pytest.approx(middle - (middle - middle / 2))
    assert calls == [[2.0], [1.0], [1.0]]


def algorithm_2(denoiser, y, sigmas, churn, rng, low, high, noise):
    """Karras et al. 2022, algorithm 2, line by line; noise is drawn in the steps that add some."""
    steps = len(sigmas) - 1
    for i in range(steps):
        gamma = min(churn / steps, math.sqrt(2) - 1) if low <= sigmas[i] <= high else 0
        raised = sigmas[i] + gamma * sigmas[i]
        if gamma > 0:
            y = y + math.sqrt(raised**2 - sigmas[i] ** 2) * noise * rng.standard_normal(y.shape)
        slope = (y - denoiser(y, numpy.full(len(y), raised))) / raised
        ahead = y + (sigmas[i + 1] - raised) * slope
        if sigmas[i + 1] != 0:
            slope_after = (ahead - denoiser(ahead, numpy.full(len(y), sigmas[i + 1]))) / sigmas[i + 1]
            ahead = y + (sigmas[i + 1] - raised) * (slope / 2 + slope_after / 2)
        y = ahead
    return y


@pytest.mark.parametrize(
    ("churn", "low", "high"),
    [(1.0, 0.0, math.inf), (100.0, 0.0, math.inf), (1.0, 2.0, 4.0), (1.0, 2.5, 3.5)],
    ids=[
        "a quarter for each of four steps",
        "at most the root of 2 minus 1",
        "both ends of the interval belong to it",
        "none",
    ],
)
def test_churn_and_its_interval_are_those_of_algorithm_2(rng, churn, low, high):
    y, sigmas = rng.standard_normal((5, 3)), [8.0, 4.0, 2.0, 1.0, 0.0]

    def denoiser(y, sigma):
        return numpy.tanh(y) / (1 + sigma[:, None])

    expected = algorithm_2(denoiser, y, sigmas, churn, numpy.random.default_rng(3), low, high, 1.1)
    drawn = numpy.random.default_rng(3)
    assert edm_sample(denoiser, y, sigmas, churn, drawn, low, high, 1.1) == pytest.approx(expected, rel=1e-12)


def test_min_snr():
    """Eq. after.24"""
    snr = numpy.array([0.5, 5.0, 20.0])
    assert min_snr_weight(snr, 5.0, "x0").tolist() == [0.5, 5.0, 5.0]
    assert min_snr_weight(snr).tolist() == [1.0, 1.0, 0.25]
    assert min_snr_weight(snr, 5.0, "v") == pytest.approx([0.5 / 1.5, 5 / 6, 5 / 21])


# -- guidance ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("w", "expected"), [(1.0, 1.0), (2.0, 0.5), (3.0, 0.25), (0.0, 2.0), (-1.0, 4.0)])
def test_guided_gaussian(w, expected, rng):
    """Samples of the guided path, by small steps of Heun's method, against the formula. Eq. after.27"""
    assert guided_gaussian_variance(2.0, 4.0, w) == pytest.approx(expected)

    def guided(y, sigma):
        return (1 + w) * gaussian_denoiser(2.0)(y, sigma) - w * gaussian_denoiser(4.0)(y, sigma)

    high = 2000.0
    end = edm_sample(guided, numpy.array([[high]]), karras_levels(400, 0.001, high))
    assert end[0, 0] ** 2 == pytest.approx(expected, rel=0.01)


def test_autoguided_passes_the_condition_to_both():
    """Eq. after.26"""

    def model(scale):
        return lambda x, t, y=None: scale * x + (0 if y is None else y)

    x = numpy.ones((2, 2))
    assert numpy.allclose(autoguided(model(3.0), model(2.0), 0.5)(x, 1, 10.0), 1.5 * 13 - 0.5 * 12)
    pair = autoguided(lambda x, t, y=None: (x, 7 * x), model(2.0), 0.5)(x, 1)
    assert numpy.allclose(pair[0], 1.5 - 1) and numpy.allclose(pair[1], 7)


def test_in_interval_calls_one_model_where_one_suffices():
    """Eq. after.25"""
    schedule = Schedule.karras(10, 0.1, 10.0)
    calls = []

    def named(name, value):
        def model(x, t, y=None):
            calls.append(name)
            return numpy.full_like(x, value)

        return model

    model = in_interval(named("guided", 1.0), named("plain", 0.0), schedule, schedule.sigma[4], schedule.sigma[6])
    x = numpy.zeros((3, 2))
    for t in (3, 4, 6, 7):
        assert model(x, t)[0, 0] == (1.0 if t in (4, 6) else 0.0)
    assert calls == ["plain", "guided", "guided", "plain"]
    assert model(x, numpy.array([3, 5, 8]))[:, 0].tolist() == [0.0, 1.0, 0.0]


def test_between_two_steps_the_interval_takes_the_level_in_between():
    """From σ₄ to σ₅, three quarters of the way: inside from half of the way on, outside up to half of it."""
    schedule = Schedule.karras(10, 0.1, 10.0)
    half = (schedule.sigma[4] + schedule.sigma[5]) / 2
    x = numpy.zeros((2, 1))

    def constant(value):
        return lambda x, t, y=None: numpy.full_like(x, value)

    above = in_interval(constant(1.0), constant(0.0), schedule, half, schedule.sigma[5])
    below = in_interval(constant(1.0), constant(0.0), schedule, schedule.sigma[4], half)
    times = numpy.array([4.25, 4.75])
    assert above(x, times)[:, 0].tolist() == [0.0, 1.0] and below(x, times)[:, 0].tolist() == [1.0, 0.0]


ONE = numpy.ones((2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preconditioning(0.0), "sigma must be positive"),
        (lambda: preconditioning(-1.0), "sigma"),
        (lambda: preconditioning(1.0, 0.0), "sigma_data"),
        (lambda: edm_target(ONE, ONE, numpy.ones(3)), r"sigma must be one level or have shape \(2,\)"),
        (lambda: edm_target(ONE, ONE[:1], 1.0), r"z must have the shape of x0, \(2, 2\), got \(1, 2\)"),
        (lambda: karras_levels(5, 2.0, 1.0), "high"),
        (lambda: churn(ONE, 1.0, 0.1, ONE[:, :1]), r"z must have the shape of y, \(2, 2\), got \(2, 1\)"),
        (lambda: churn(ONE, 1.0, -0.1, ONE), "gamma"),
        (lambda: edm_sample(gaussian_denoiser(1.0), ONE, [1.0, 2.0]), "sigmas must be at least two levels that fall"),
        (lambda: EDM(wavy).loss(ONE, 0), "rng must be a numpy.random.Generator, .* got 0"),
        (lambda: EDM(wavy).loss(ONE * numpy.nan, numpy.random.default_rng(0)), "x must be finite"),
        (
            lambda: EDM(wavy).sample(numpy.random.default_rng(0), 0, shape=(2,)),
            "n must be a whole number of at least 1",
        ),
        (
            lambda: EDM(wavy).sample(numpy.random.default_rng(0), 1, shape=2),
            "shape must be a sequence of whole numbers",
        ),
        (lambda: edm_sample(gaussian_denoiser(1.0), ONE, [2.0, 1.0], churn=1.0), "rng"),
        (lambda: min_snr_weight(0.0), "snr must be positive"),
        (lambda: min_snr_weight(1.0, 5.0, "score"), "target"),
        (lambda: guided_gaussian_variance(0.0, 1.0, 1.0), "v1 and v0 must be positive"),
        (lambda: in_interval(lambda x, t: x, lambda x, t: x, Schedule.linear(5), 2.0, 1.0), "high"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
