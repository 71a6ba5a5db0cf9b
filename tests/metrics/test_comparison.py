"""Paired differences and the effective sample size, against hand-worked numbers and simulation."""

import numpy as np
import pytest

from minigen.metrics.comparison import effective_sample_size, paired_difference


def test_three_pairs_by_hand():
    # differences 1, 1 and 4: mean 2, deviations -1, -1, 2, variance 6 / 2 = 3, standard error √(3 / 3)
    assert paired_difference([5, 1, 3], [6, 2, 7]) == pytest.approx((2.0, 1.0))
    assert paired_difference([5, 1, 3], [6, 2, 4]) == (1.0, 0.0)


def test_the_standard_error_is_the_deviation_of_the_mean_from_sample_to_sample():
    rng = np.random.default_rng(0)
    difficulty = 10 * rng.standard_normal((4000, 8))
    before, after = difficulty + rng.standard_normal((2, 4000, 8))
    means, errors = np.transpose([paired_difference(b, a) for b, a in zip(before, after)])
    # 4,000 means of 8 differences of variance 2; five standard errors of a variance from 4,000 draws are 11 %
    assert means.var() == pytest.approx(2 / 8, rel=0.12) and np.mean(errors**2) == pytest.approx(2 / 8, rel=0.12)


def test_the_effective_size_by_hand():
    assert effective_sample_size(np.log([3.0, 1.0])) == pytest.approx(1.6)
    assert effective_sample_size(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_sample_size([0.0, -np.inf, -np.inf]) == 1
    assert effective_sample_size([1000.0, 1000.0, -1000.0]) == pytest.approx(2)


def test_the_effective_size_is_the_variance_ratio_of_weighted_means():
    # log-normal weights with deviation s: n / (mean w² / mean² w) = n exp(-s²)
    log_weights = 0.5 * np.random.default_rng(1).standard_normal(200_000)
    assert effective_sample_size(log_weights) / 200_000 == pytest.approx(np.exp(-0.25), rel=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_difference([1.0], [2.0]), "before must have at least 2 values"),
        (lambda: paired_difference([1.0, 2.0], [2.0]), "after must have shape"),
        (lambda: paired_difference([1.0, np.nan], [2.0, 1.0]), "before must be finite"),
        (lambda: effective_sample_size([-np.inf, -np.inf]), "at least one of them finite"),
        (lambda: effective_sample_size([np.nan, 0.0]), "log_weights must be numbers"),
        (lambda: effective_sample_size([[0.0]]), "log_weights must have shape"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
