"""Units of likelihood, and the gap of a model to the truth. Eq. gan.01"""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import minigen.metrics
from minigen.metrics import bits_per_dim, kl_normal, nats_to_bits, nll_gap


def test_bits():
    assert nats_to_bits(np.log(2)) == pytest.approx(1) and type(nats_to_bits(1.0)) is float
    assert np.allclose(nats_to_bits([0.0, np.log(8)]), [0, 3])
    with pytest.raises(ValueError, match="nats must be finite"):
        nats_to_bits(np.inf)


def test_bits_per_dim_of_uniform_images():
    # 784 pixels, each level of 256 equally likely: 8 bits a pixel, from the probability and from both densities
    assert bits_per_dim(784 * np.log(256), 784) == pytest.approx(8)
    assert bits_per_dim(0.0, 784, levels=256) == pytest.approx(8)  # density 1 over [0, 1]
    assert np.allclose(bits_per_dim([0.0, 784 * np.log(2)], 784), [0, 1])
    assert type(bits_per_dim(1.0, 2)) is float


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((np.nan, 784), "nats must be finite"),
        ((1.0, 0), "dims must be a whole number of at least 1, got 0"),
        ((1.0, 784, 0), "levels must be a whole number of at least 1, got 0"),
    ],
)
def test_bits_per_dim_bad_input(args, message):
    with pytest.raises(ValueError, match=message):
        bits_per_dim(*args)


def log_normal(mu, sigma):
    return lambda x: -0.5 * (((x - mu) / sigma) ** 2).sum(axis=1) - x.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))


def test_nll_gap_estimates_the_divergence():
    x = np.random.default_rng(0).standard_normal((50_000, 2))
    truth = SimpleNamespace(log_prob=log_normal(0, 1))
    gap, error = nll_gap(truth, log_normal(0.1, 1.1), x)
    assert gap == pytest.approx(2 * kl_normal(0, 1, 0.1, 1.1), abs=5 * error)
    assert gap > 5 * error > 0
    assert nll_gap(truth, truth.log_prob, x) == (0.0, 0.0)
    assert type(gap) is float and type(error) is float


def test_nll_gap_bad_input():
    x = np.zeros((4, 2))
    truth = SimpleNamespace(log_prob=log_normal(0, 1))
    with pytest.raises(ValueError, match=r"log_prob\(x\) must have shape \(4,\), got \(4, 1\)"):
        nll_gap(truth, lambda x: np.zeros((4, 1)), x)
    with pytest.raises(ValueError, match=r"log_prob\(x\) must be finite, got 4 non-finite values"):
        nll_gap(truth, lambda x: np.full(4, -np.inf), x)
    with pytest.raises(ValueError, match=r"x must have shape \(N, D\), got \(4,\)"):
        nll_gap(truth, truth.log_prob, x[:, 0])


def test_all_names_are_exported_and_documented():
    for name in minigen.metrics.__all__:
        doc = getattr(minigen.metrics, name).__doc__
        assert doc and "ValueError" in doc, name


def test_importing_the_metrics_loads_no_scipy():
    code = "import sys, minigen.metrics; sys.exit(any(m.split('.')[0] in ('scipy', 'matplotlib') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
