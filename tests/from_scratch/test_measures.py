"""The numbers of samples and densities against models whose numbers follow from how they are made."""

import numpy as np
import pytest

from minigen.course.from_scratch import measures
from minigen.data import toy
from minigen.data.mixture import GaussianMixture

RING = toy.ring(modes=8, radius=2.0, std=0.1)
N = 10_000


@pytest.fixture(scope="module")
def train():
    return RING.sample(np.random.default_rng(0), 4000)


def numbers(samples, train, density=RING):
    return measures.plane_numbers(samples, train, density, np.random.default_rng(3))


def test_new_data_are_as_good_as_new_data(train):
    found = numbers(RING.sample(np.random.default_rng(1), N), train)
    assert 0.3 <= found["sw"] <= 2 and found["rank"] <= 4
    assert abs(found["out"] - 1) <= 0.6 and abs(found["core"] - 1) <= 0.06 and abs(found["memo"] - 1) <= 0.08
    assert found["modes"] == 8 and 0.85 <= found["least"] <= 1


def test_copies_and_small_jitter_are_near_their_originals(train):
    rng = np.random.default_rng(1)
    copies = train[rng.integers(len(train), size=N)]
    assert numbers(copies, train)["memo"] == 0
    jitter = copies + 0.005 * rng.standard_normal(copies.shape)
    assert 0.2 <= numbers(jitter, train)["memo"] <= 0.6


def test_widths_are_seen_by_ranks_and_not_by_the_distance(train):
    rng = np.random.default_rng(1)
    centers = RING.means[rng.integers(8, size=N)]
    narrow = numbers(centers + 0.02 * rng.standard_normal((N, 2)), train)
    wide = numbers(centers + 0.2 * rng.standard_normal((N, 2)), train)
    assert narrow["sw"] <= 4 and narrow["rank"] > 100 and narrow["core"] > 1.8 and narrow["out"] < 0.1
    assert wide["core"] < 0.6 and wide["out"] > 20 and wide["rank"] > 60


def test_one_mode_passes_the_ranks_and_fails_everything_that_counts_modes(train):
    one = RING.means[0] + 0.1 * np.random.default_rng(1).standard_normal((N, 2))
    found = numbers(one, train)
    assert found["modes"] == 1 and found["least"] == 0 and found["sw"] > 40 and found["rank"] <= 5


def test_the_rarest_mode_is_measured_by_its_proportion(train):
    uneven = GaussianMixture(RING.means, std=0.1, weights=[1, 2, 3, 4, 1, 2, 3, 4])
    samples = uneven.sample(np.random.default_rng(1), N)
    assert numbers(samples, train, uneven)["least"] > 0.8
    assert numbers(samples, train)["least"] == pytest.approx(8 / 20, abs=0.06)


def test_ranks_are_uniform_for_new_data_and_their_floor_is_what_it_says():
    rng = np.random.default_rng(0)
    distances = []
    for _ in range(200):
        uniform = np.sort(rng.random(2000))
        distances.append(np.abs(uniform - (np.arange(2000) + 0.5) / 2000).mean() * np.sqrt(2000))
    assert np.mean(distances) == pytest.approx(measures.RANK_FLOOR, abs=0.03)
    rank = measures.ranks(RING.sample(rng, 2000), RING, rng)
    assert np.all(np.diff(rank) >= 0) and abs(rank.mean() - 0.5) < 5 / np.sqrt(12 * 2000)


def test_nats_and_mass_of_the_truth_and_of_what_differs_from_it_by_a_known_amount():
    moons = toy.two_moons(noise=0.1)
    held_out, grid = moons.sample(np.random.default_rng(0), 2000), moons.cells(measures.GRID)[0]
    truth = {name: moons.log_prob(x.astype(np.float64)) for name, x in (("held_out", held_out), ("grid", grid))}
    found = measures.density_numbers(truth, held_out, moons)
    assert found["nats"] == pytest.approx(0, abs=1e-9) and found["mass"] == pytest.approx(1, abs=0.005)
    less = measures.density_numbers({name: log_p - 0.3 for name, log_p in truth.items()}, held_out, moons)
    assert less["nats"] == pytest.approx(0.3) and less["mass"] == pytest.approx(found["mass"] * np.exp(-0.3))


def test_covariances_and_nats_of_binary_samples():
    rng = np.random.default_rng(0)
    pairs = np.repeat(rng.random((20_000, 3)) < 0.5, 2, axis=1).astype(np.float32)  # pixels 2k and 2k + 1 are equal
    single = (rng.random((20_000, 6)) < 0.5).astype(np.float32)
    log_prob, none = {"held_out": np.full(20_000, -3 * np.log(2))}, pairs[:0]
    found = measures.binary_numbers(pairs[::-1], none, pairs, log_prob)
    assert found == pytest.approx({"cov": 0, "copies": 0, "nats": 3 * np.log(2)})
    found = measures.binary_numbers(single, pairs, pairs, {})
    assert found["cov"] == pytest.approx(np.sqrt(0.5), abs=0.02)  # half of the squared entries are lost
    assert found["copies"] == pytest.approx(1 / 8, abs=0.02)  # three pairs that are equal
