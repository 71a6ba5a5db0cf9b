"""The blur by hand and against SciPy; conditions by hand; sampling with models that know."""

import math

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from minigen.diffusion.cascade import (
    Padded,
    SuperResolution,
    augmented_condition,
    gaussian_blur,
    low_resolution_condition,
    super_resolve,
)
from minigen.diffusion.ddpm import q_sample
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.schedule import Schedule
from minigen.tensor import leaves


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def by_scipy(x, sigma, kernel):
    """SciPy calls the border that does not repeat the edge pixel "mirror"."""
    d = np.arange(kernel) - kernel // 2
    weights = np.exp(-(d**2) / (2 * sigma**2))
    weights /= weights.sum()
    return correlate1d(correlate1d(x, weights, axis=1, mode="mirror"), weights, axis=2, mode="mirror")


def test_by_hand():
    """With σ² = 1/(2 log 2) the weights are 1/2, 1, 1/2 over 2. A dot in the middle of 3 × 3 becomes their product."""
    x = np.zeros((1, 3, 3, 1))
    x[0, 1, 1, 0] = 16
    sigma = math.sqrt(1 / (2 * math.log(2)))
    want = [[4, 4, 4], [4, 4, 4], [4, 4, 4]]  # at the border two of the reflected weights meet: 1/2 there too
    np.testing.assert_allclose(gaussian_blur(x, sigma)[0, :, :, 0], want)
    row = np.zeros((1, 1, 5, 1))
    row[0, 0, :, 0] = [8, 0, 0, 4, 0]
    np.testing.assert_allclose(gaussian_blur(row, 0.5, 1), row)


@pytest.mark.parametrize("kernel, sigma", [(1, 0.5), (3, 0.5), (5, 1.3), (7, 0.9), (9, 30.0)])
def test_against_scipy(rng, kernel, sigma):
    x = rng.standard_normal((2, 5, 8, 3))
    np.testing.assert_allclose(gaussian_blur(x, sigma, kernel), by_scipy(x, sigma, kernel), atol=1e-12)


def test_a_sigma_for_each_picture(rng):
    x, sigma = rng.standard_normal((3, 6, 5, 2)), np.array([0.3, 1.0, 5.0])
    together = gaussian_blur(x, sigma, 5)
    for k in range(3):
        np.testing.assert_allclose(together[k : k + 1], by_scipy(x[k : k + 1], sigma[k], 5), atol=1e-12)


def test_channels_stay_apart_and_dtype(rng):
    x = rng.standard_normal((2, 5, 5, 3)).astype(np.float32)
    blurred = gaussian_blur(x, np.array([0.5, 0.6]))
    assert blurred.dtype == np.float32 and blurred.shape == x.shape
    np.testing.assert_allclose(gaussian_blur(x[..., 1:2], np.array([0.5, 0.6])), blurred[..., 1:2], atol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: gaussian_blur(x, 0.5, 4), "kernel must be odd"),
        (lambda x: gaussian_blur(x, 0.5, 0), "kernel must be a whole number of at least 1"),
        (lambda x: gaussian_blur(x, 0.5, 9), "kernel must be odd and at most 7 for images of 4x5, got 9"),
        (lambda x: gaussian_blur(x, 0.0), "sigma must be positive, got 0"),
        (lambda x: gaussian_blur(x, np.array([0.5, -1.0])), "sigma must be positive"),
        (lambda x: gaussian_blur(x, np.nan), "sigma must be finite"),
        (lambda x: gaussian_blur(x, np.ones(3)), r"sigma must be one number or have shape \(2,\)"),
        (lambda x: gaussian_blur(x[..., 0], 0.5), r"x must have shape \(N, H, W, C\)"),
        (lambda x: gaussian_blur(x * np.nan, 0.5), "x must be finite"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 4, 5, 1)))


# --------------------------------------------------------------------------------------- the condition


def test_condition_by_hand():
    """ᾱ = 0.9, 0.36. At s = 2 the pixel 0.5 with noise −0.25 is 0.3 − 0.2, four times over, and the level is 0.8."""
    schedule = Schedule([0.1, 0.6])
    y = augmented_condition(np.array([[[[0.5]]]]), 2, np.array([[[[-0.25]]]]), schedule)
    np.testing.assert_allclose(y, np.broadcast_to([0.1, 0.8], (1, 2, 2, 2)))
    y = augmented_condition(np.array([[[[0.5], [1.0]]]]), 0, np.ones((1, 1, 2, 1)), schedule, factor=3)
    np.testing.assert_array_equal(y[0, :, :, 0], np.tile([0.5, 0.5, 0.5, 1, 1, 1], (3, 1)))
    np.testing.assert_array_equal(y[..., 1], 0)


def test_a_step_for_each_picture(rng):
    """Against repeats by Kronecker's product, channel by channel."""
    schedule = Schedule.cosine(20)
    small, eps = rng.standard_normal((2, 4, 2, 3, 2))
    s = np.array([0, 3, 11, 20])
    y = augmented_condition(small, s, eps, schedule, factor=2)
    assert y.shape == (4, 4, 6, 3)
    for k in range(4):
        a = schedule.alpha_bar[s[k]]
        for c in range(2):
            noised = a**0.5 * small[k, :, :, c] + (1 - a) ** 0.5 * eps[k, :, :, c]
            np.testing.assert_allclose(y[k, :, :, c], np.kron(noised, np.ones((2, 2))))
        np.testing.assert_allclose(y[k, :, :, 2], (1 - a) ** 0.5)


def test_truncated_is_the_same_condition(rng):
    """For a picture that is at step s already, nothing is added but its level."""
    schedule = Schedule.cosine(20)
    small, eps = rng.standard_normal((2, 3, 2, 2, 1), dtype=np.float32)
    s = np.array([1, 7, 20])
    y = low_resolution_condition(q_sample(small, s, eps, schedule), s, schedule)
    np.testing.assert_array_equal(y, augmented_condition(small, s, eps, schedule))
    assert y.dtype == np.float32


# --------------------------------------------------------------------------------------- networks and sampling


def random_weights(model, rng):
    for a in leaves(model):
        a[...] = 0.3 * rng.standard_normal(a.shape)
    return model


def test_padded_is_the_network_on_the_larger_picture(rng):
    net = random_weights(UNet(rng, width=8, classes=10), rng)
    x, t, y = rng.standard_normal((2, 7, 14, 1), dtype=np.float32), np.array([3, 9]), np.array([4, -1])
    larger = np.zeros((2, 8, 16, 1), np.float32)
    larger[:, :7, :14] = x
    np.testing.assert_array_equal(Padded(net)(x, t, y), net(larger, t, y)[:, :7, :14])


def test_super_resolution_sees_both_pictures_at_their_places(rng):
    model = random_weights(SuperResolution(rng, channels=2, width=8), rng)
    x, y = rng.standard_normal((1, 14, 14, 2)), rng.standard_normal((1, 14, 14, 3))
    t = np.array([5])
    base = model(x, t, y)
    assert base.shape == x.shape
    for which, channel in ((0, 0), (0, 1), (1, 0), (1, 2)):
        changed = [x.copy(), y.copy()]
        changed[which][0, 2, 2, channel] += 1e-3
        difference = np.abs(model(changed[0], t, changed[1]) - base)[0].max(axis=2)
        assert difference[1:4, 1:4].max() > 3 * difference[-3:, -3:].max() > 0  # near it more than far away


def test_super_resolution_starts_at_zero_and_checks_its_condition(rng):
    model, x = SuperResolution(rng, width=8), rng.standard_normal((2, 28, 28, 1), dtype=np.float32)
    y = np.ones((2, 28, 28, 2), np.float32)
    assert not model(x, np.array([1, 2]), y).any()
    assert model(x, np.array([1, 2]), y.astype(float)).dtype == np.float32
    for wrong in (None, y[..., :1], y[:1], y[:, :14, :14]):
        with pytest.raises(ValueError, match=r"y must have shape \(2, 28, 28, 2\)"):
            model(x, np.array([1, 2]), wrong)


@pytest.mark.parametrize("steps", [1, 4, None])
def test_super_resolve_with_a_model_that_knows(rng, steps):
    """The model that answers v for x0 = the picture in its condition is led there, in any number of steps."""
    schedule = Schedule.cosine(20)
    y = rng.uniform(-1, 1, (3, 4, 6, 3)).astype(np.float32)

    def knows(x, t, y):
        a = schedule.alpha_bar[t].astype(np.float32)[:, None, None, None]
        return (np.sqrt(a) * x - y[..., :2]) / np.sqrt(1 - a)

    large = super_resolve(knows, y, schedule, rng, steps)
    np.testing.assert_allclose(large, y[..., :2], atol=1e-3)
    assert large.dtype == np.float32


def test_super_resolve_adds_the_noise_of_the_posterior(rng):
    """Two jumps by hand, 20 -> 10 -> 0: the middle one adds noise of the posterior's variance, (1 - ᾱ_10)/(1 - ᾱ_20) β,
    where β = 1 - ᾱ_20/ᾱ_10 belongs to the jump. With variance β itself the noise would be wider."""
    schedule, shape = Schedule.cosine(20), (3, 4, 6, 1)
    y = np.zeros((*shape[:3], 2), np.float32)

    def model(x, t, y):
        return 0.3 * x - 0.1

    def x0_and_eps(x, t):
        a = schedule.alpha_bar[t]
        x0 = np.clip(a**0.5 * x - (1 - a) ** 0.5 * (0.3 * x - 0.1), -1, 1)
        return x0, (x - a**0.5 * x0) / (1 - a) ** 0.5

    noise = np.random.default_rng(5)
    x, z = (noise.standard_normal(shape, dtype=np.float32) for _ in range(2))
    before, now = schedule.alpha_bar[10], schedule.alpha_bar[20]
    beta = 1 - now / before
    x0, eps = x0_and_eps(x, 20)
    mean = (x - beta / (1 - now) ** 0.5 * eps) / (1 - beta) ** 0.5
    middle = mean + ((1 - before) / (1 - now) * beta) ** 0.5 * z
    want = x0_and_eps(middle, 10)[0]  # the last jump adds no noise
    np.testing.assert_allclose(super_resolve(model, y, schedule, np.random.default_rng(5), 2), want, atol=2e-4)


def test_super_resolve_asks_at_each_step_and_stays_within_the_scale(rng):
    schedule, asked = Schedule.cosine(20), []

    def far_off(x, t, y):
        asked.append(int(t[0]))
        return 30 * np.ones_like(x)

    large = super_resolve(far_off, np.zeros((2, 3, 3, 2), np.float32), schedule, rng, 4)
    assert asked == [20, 15, 10, 5]
    np.testing.assert_allclose(large, -1, atol=1e-5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x, s: augmented_condition(x, 3, x, s), "s must be"),
        (lambda x, s: low_resolution_condition(x, np.array([1]), s), r"s must be one step or have shape \(2,\)"),
        (lambda x, s: augmented_condition(x, 1, x[:1], s), "shape"),
        (lambda x, s: low_resolution_condition(x[..., 0], 1, s), r"z must have shape \(N, h, w, C\)"),
        (lambda x, s: low_resolution_condition(x, 1, s, 0), "factor must be a whole number"),
    ],
)
def test_errors_of_conditions(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 4, 5, 1)), Schedule([0.1, 0.6]))
