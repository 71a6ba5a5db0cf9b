"""Flows away from their start: a coupling that starts as the identity hides a wrong log-determinant."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def shaken(rng):
    """shaken(module, size): the module in float64, with random noise added to every parameter. None stays zero."""

    def shake(module, size=0.3):
        return module.map(lambda a: a.astype(float) + size * rng.standard_normal(a.shape))

    return shake


@pytest.fixture
def check_bijection():
    """Both directions undo each other, their log-dets are negatives, and each is that of its autodiff Jacobian."""
    from minigen.flow.bijection import jacobian_log_det

    def check(f, z, atol=1e-9):
        x, forward = f.forward(z)
        back, inverse = f.inverse(x)
        assert x.shape == z.shape or x.size == z.size
        assert forward.shape == inverse.shape == (len(z),)
        np.testing.assert_allclose(back, z, atol=atol)
        np.testing.assert_allclose(forward, -inverse, atol=atol)
        np.testing.assert_allclose(forward, jacobian_log_det(f.forward, z), atol=atol)
        np.testing.assert_allclose(inverse, jacobian_log_det(f.inverse, x), atol=atol)
        again, _ = f.forward(f.inverse(x)[0])
        np.testing.assert_allclose(again, x, atol=atol)
        return x, forward

    return check
