"""The tour's four models: a short training of each brings it nearer to the density."""

import numpy as np
import pytest

from minigen.data import toy
from minigen.metrics import sliced_wasserstein
from minigen.zoo.four import (
    AFTER,
    FAMILIES,
    STEPS,
    train_diffusion,
    train_flow,
    train_flow_matching,
    train_gan,
    train_vae,
)

DENSITY = toy.two_moons(0.1).standardized()
REAL = DENSITY.sample(np.random.default_rng(0), 1000)


def distance(model):
    samples = model.sample(np.random.default_rng(1), 1000)
    assert samples.shape == (1000, 2) and samples.dtype == np.float32
    return sliced_wasserstein(samples, REAL, 50, np.random.default_rng(2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "steps", "at_most"),
    [
        (train_gan, 150, 0.12),
        (train_vae, 100, 0.22),
        (train_flow, 60, 0.19),
        (train_diffusion, 150, 0.2),
        (train_flow_matching, 600, 0.13),
    ],
)
def test_a_model_that_has_trained_is_nearer_than_one_that_has_not(train, steps, at_most):
    """The bound is a quarter above what was measured; an untrained model is at 0.23 or more."""
    before, after = (train(DENSITY, n, np.random.default_rng(0)) for n in (1, steps))
    assert after.history.steps_done == steps and after.loss
    assert distance(after) < min(at_most, 0.6 * distance(before))
    assert (after.log_prob is None) == (after.likelihood == "") == (train not in (train_vae, train_flow))


def test_the_likelihood_of_a_flow():
    nll = [-np.mean(train_flow(DENSITY, steps, np.random.default_rng(0)).log_prob(REAL, None)) for steps in (1, 100)]
    assert nll[1] < nll[0] - 0.3 and nll[1] > DENSITY.entropy() - 0.1
    assert set(STEPS) == set(FAMILIES) | set(AFTER)
