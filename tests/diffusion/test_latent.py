"""The factor that brings latents to unit standard deviation."""

import numpy as np
import pytest

from minigen.diffusion.latent import unit_scale


def test_by_hand():
    """1, 3, 5, 7: mean 4, variance (9 + 1 + 1 + 9)/4 = 5."""
    assert unit_scale(np.array([[1.0, 3.0], [5.0, 7.0]])) == pytest.approx(1 / np.sqrt(5))


@pytest.mark.parametrize("shape", [(50,), (20, 3), (5, 4, 4, 2)])
def test_scaled_latents_have_deviation_one(shape):
    """Over all entries together: not channel by channel, and without taking the mean away."""
    z = 3 + 0.2 * np.random.default_rng(0).standard_normal(shape) * np.arange(1, shape[-1] + 1)
    factor = unit_scale(z)
    assert type(factor) is float
    assert (factor * z).std() == pytest.approx(1) and (factor * z).mean() == pytest.approx(factor * z.mean())


def test_float32_far_from_zero():
    """The deviation is computed in float64: that of 1000 ± 1 is 1."""
    z = np.tile(np.array([999.0, 1001.0], np.float32), 50_000)
    assert unit_scale(z) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "latents, message",
    [
        (np.full((3, 2), 0.5), "latents must not be all equal"),
        (np.array([[2.0]]), "latents must not be all equal"),
        (np.zeros((0, 2)), "latents must have shape"),
        (np.array([[1.0, np.nan]]), "latents must be finite"),
        ("codes", "latents must be an array of real numbers"),
    ],
)
def test_errors(latents, message):
    with pytest.raises(ValueError, match=message):
        unit_scale(latents)
