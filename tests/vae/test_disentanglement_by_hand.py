"""The score of Higgins et al. where a classifier can fit its training points, and no others."""

import numpy as np

from minigen.vae.beta_vae import disentanglement_metric


def test_the_classifier_is_scored_on_points_that_it_was_not_trained_on():
    """Codes unrelated to both factors: with 30 numbers in a code, 20 training points are separated without an error.

    On other points the accuracy is that of guessing, ½, to five standard errors of the 10 × 20 points.
    """
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(10):
        codes, factors = rng.standard_normal((200, 30)), rng.integers(0, 3, (200, 2))
        scores.append(disentanglement_metric(codes, factors, rng, pairs=4, points=20))
    assert abs(np.mean(scores) - 0.5) < 5 * 0.5 / np.sqrt(200)
