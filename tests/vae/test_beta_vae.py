"""Losses of the beta-VAE by hand, and both scores on codes whose score is known: perfect, rotated, doubled, noise."""

import autograd.numpy as anp
import numpy as np
import pytest
from scipy.linalg import hadamard

from minigen.data import shapes
from minigen.tensor import grad, leaves, value_and_grad
from minigen.vae.beta_vae import (
    _linear_classifier,
    _logits,
    _pairs_sharing,
    beta_vae_loss,
    capacity_loss,
    disentanglement_metric,
    lagrangian,
    mutual_information,
    mutual_information_gap,
    traverse,
)
from minigen.vae.vae import VAE, vae_loss


def gradient_step(vae, optimizer, *batch):
    """One step on `vae_loss`; the loss and its terms before it."""
    (loss, terms), grads = value_and_grad(vae_loss, has_aux=True)(vae, *batch)
    optimizer.step(grads)
    return {"loss": loss, **terms}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# --------------------------------------------------------------------- losses


def test_losses_by_hand():
    """Eq. vae.15, Eq. vae.16, Eq. vae.17: a distortion of 90 nats and a rate of 20."""
    assert beta_vae_loss(90.0, 20.0, 1.0) == 110
    assert beta_vae_loss(90.0, 20.0, 4.0) == 170
    assert beta_vae_loss(90.0, 20.0, 0) == 90
    assert lagrangian(90.0, 20.0, 4.0, 5.0) == -150
    assert capacity_loss(90.0, 20.0, 10.0, 25.0) == capacity_loss(90.0, 20.0, 10.0, 15.0) == 140
    assert capacity_loss(90.0, 20.0, 10.0, 20.0) == 90
    assert type(beta_vae_loss(90.0, 20.0, 4.0)) is float  # two numbers stay numbers, lists become arrays
    np.testing.assert_array_equal(lagrangian([90.0, 3.0], [20.0, 1.0], 4.0, 5.0), [-150, 13])


def test_losses_of_a_batch_are_row_by_row(rng):
    recon, kl = rng.random(5, dtype=np.float32) * 100, rng.random(5, dtype=np.float32) * 20
    for loss in (beta_vae_loss(recon, kl, 4.0), capacity_loss(recon, kl, 30.0, 10.0), lagrangian(recon, kl, 2.0, 1.0)):
        assert loss.shape == (5,) and loss.dtype == np.float32
    np.testing.assert_allclose(beta_vae_loss(recon, kl, 4.0), [beta_vae_loss(r, k, 4.0) for r, k in zip(recon, kl)])
    np.testing.assert_allclose(
        capacity_loss(recon, kl, 3.0, 9.0), [capacity_loss(r, k, 3.0, 9.0) for r, k in zip(recon, kl)]
    )
    assert beta_vae_loss(np.float32(2), np.float32(1), 4.0).dtype == np.float32
    apart = np.array([5.0, 15.0])  # each row off by 5, their mean by nothing
    np.testing.assert_array_equal(capacity_loss(np.zeros(2), apart, 2.0, 10.0), [10.0, 10.0])
    assert capacity_loss(0.0, float(apart.mean()), 2.0, 10.0) == 0


def test_slopes(rng):
    """Eq. vae.17: a nat of rate costs beta; with a capacity it costs gamma above it and earns gamma below."""
    recon, kl = rng.random(4), np.array([1.0, 9.0, 11.0, 30.0])
    np.testing.assert_allclose(grad(lambda k: np.sum(beta_vae_loss(recon, k, 4.0)))(kl), 4.0)
    np.testing.assert_allclose(grad(lambda r: beta_vae_loss(r, kl, 4.0).sum())(recon), 1.0)
    np.testing.assert_allclose(grad(lambda k: capacity_loss(recon, k, 7.0, 10.0).sum())(kl), [-7, -7, 7, 7])
    np.testing.assert_allclose(grad(lambda k: lagrangian(recon, k, 4.0, 2.0).sum())(kl), -4.0)


def test_beta_one_is_the_vae_and_a_step_stays_in_float32(rng):
    """Eq. vae.17 at beta = 1 is Eq. vae.12, in value and gradient."""
    vae = VAE(rng, 6, 2, (8,))
    x, eps = (rng.random((5, 6)) < 0.5).astype(np.float32), rng.standard_normal((5, 2), dtype=np.float32)

    def priced(model, beta):
        bound = model.elbo(x, eps)
        return np.mean(beta_vae_loss(-bound.reconstruction, bound.kl, beta))

    value, grads = value_and_grad(lambda m: priced(m, 1.0))(vae)
    expected, expected_grads = value_and_grad(lambda m: vae_loss(m, x, eps)[0])(vae)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    for a, b in zip(leaves(grads), leaves(expected_grads)):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert {g.dtype for g in leaves(value_and_grad(lambda m: priced(m, 4.0))(vae)[1])} == {np.dtype(np.float32)}


@pytest.mark.slow
def test_a_high_price_buys_a_low_rate(rng):
    """Eq. vae.17: trained on two clusters, the rate falls as beta rises, down to zero."""
    from minigen.optim import Adam

    x = np.repeat(np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1]], np.float32), 16, axis=0)
    rates = []
    for beta in (0.5, 4.0, 50.0):
        rng = np.random.default_rng(1)
        vae = VAE(rng, 8, 2, (16,))
        optimizer = Adam(vae, 1e-2)

        def bound(model, x, eps, beta=beta):
            terms = model.elbo(x, eps)
            return terms._replace(value=-beta_vae_loss(-terms.reconstruction, terms.kl, beta))

        for _ in range(300):
            values = gradient_step(vae, optimizer, x, rng.standard_normal((32, 2), dtype=np.float32), bound)
        rates.append(values["kl"])
    assert rates[0] > rates[1] > 0.3 and rates[2] < 0.05


@pytest.mark.parametrize(
    "loss",
    [
        lambda r, k: beta_vae_loss(r, k, 2.0),
        lambda r, k: capacity_loss(r, k, 2.0, 1.0),
        lambda r, k: lagrangian(r, k, 2.0, 1.0),
    ],
)
def test_bad_terms(loss):
    for recon, kl in [(np.zeros(3), np.zeros(4)), (np.zeros(3), 1.0), (np.zeros((3, 1)), np.zeros((3, 1)))]:
        with pytest.raises(
            ValueError, match=r"recon and kl must be two numbers or two arrays of one shape \(N,\), got"
        ):
            loss(recon, kl)
    with pytest.raises(ValueError, match="recon must be finite"):
        loss(np.array([1.0, np.nan]), np.zeros(2))
    with pytest.raises(ValueError, match="kl must be finite"):
        loss(1.0, np.inf)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, "4", None, True, np.ones(2)])
def test_bad_prices(bad):
    for name, call in [
        ("beta", lambda: beta_vae_loss(1.0, 1.0, bad)),
        ("gamma", lambda: capacity_loss(1.0, 1.0, bad, 1.0)),
        ("capacity", lambda: capacity_loss(1.0, 1.0, 1.0, bad)),
        ("delta", lambda: lagrangian(1.0, 1.0, 1.0, bad)),
    ]:
        with pytest.raises(ValueError, match=rf"{name} must be a number in \[0, inf\), got"):
            call()


# --------------------------------------------------------------------- traversals


def test_traverse_moves_one_number_at_a_time(rng):
    vae = VAE(rng, 9, 3, (8,))
    code, values = rng.standard_normal(3).astype(np.float32), np.array([-2.0, 0.0, 2.0])
    pictures = traverse(vae, code, values)
    assert pictures.shape == (3, 3, 9) and pictures.dtype == np.float32
    for d in range(3):
        for v, value in enumerate(values):
            z = code.copy()
            z[d] = value
            np.testing.assert_allclose(pictures[d, v], vae.likelihood.mean(vae.decoder_output(z[None]))[0], atol=1e-6)
    np.testing.assert_allclose(traverse(vae, code, values, dims=[2]), pictures[2:], atol=1e-6)
    for bad in ({"code": code[:2]}, {"values": values[None]}, {"dims": [3]}, {"dims": []}, {"dims": [0.5]}):
        with pytest.raises(ValueError, match="must"):
            traverse(vae, **{"code": code, "values": values, **bad})


# --------------------------------------------------------------------- scores


def cube(*sizes, times=1):
    axes = np.meshgrid(*map(np.arange, sizes), indexing="ij")
    return np.repeat(np.stack(axes, axis=-1).reshape(-1, len(sizes)), times, axis=0)


def rotated(factors):
    """Every coordinate an equal mixture of all factors: a rotation by a Hadamard matrix."""
    k = factors.shape[1]
    return (factors - factors.mean(axis=0)) @ hadamard(k) / np.sqrt(k)


CUBES = [cube(8, 8, times=20), cube(6, 6, 6, 6)]


@pytest.mark.parametrize("factors", CUBES, ids=["2", "4"])
def test_a_perfect_code(factors, rng):
    assert disentanglement_metric(factors.astype(float), factors, rng) == 1
    assert mutual_information_gap(factors.astype(float), factors) == pytest.approx(1)
    np.testing.assert_allclose(mutual_information(factors, factors), np.eye(factors.shape[1]), atol=1e-9)


@pytest.mark.parametrize("factors", CUBES, ids=["2", "4"])
def test_a_rotated_code(factors, rng):
    """It holds everything, yet no number of it means anything: |differences| are alike whichever factor is shared."""
    codes, k = rotated(factors), factors.shape[1]
    score = disentanglement_metric(codes, factors, rng)
    assert abs(score - 1 / k) < 5 * np.sqrt((1 / k) * (1 - 1 / k) / 2000)
    assert mutual_information_gap(codes, factors) < 1e-9
    recovered = codes @ hadamard(k) / np.sqrt(k) + factors.mean(axis=0)
    np.testing.assert_allclose(recovered, factors, atol=1e-9)


@pytest.mark.parametrize("factors", CUBES, ids=["2", "4"])
def test_noise(factors, rng):
    codes, k = rng.standard_normal((len(factors), 6)), factors.shape[1]
    score = disentanglement_metric(codes, factors, rng)
    assert abs(score - 1 / k) < 5 * np.sqrt((1 / k) * (1 - 1 / k) / 2000)
    bias = 20 * factors.max() / (2 * len(factors) * np.log(factors.max() + 1))  # of an estimate from counts
    assert mutual_information_gap(codes, factors) < 2 * bias < 0.06


def test_units_order_and_idle_numbers_do_not_matter(rng):
    _, factors = shapes.grid()
    codes = np.column_stack(
        [
            100 * factors[:, 4],
            -factors[:, 3],
            rng.standard_normal(6144),
            factors[:, 1] ** 3 - 5.0,
            1e-3 * factors[:, 0],
            np.exp(factors[:, 2]),
            np.zeros(6144),
        ]
    )
    assert disentanglement_metric(codes, factors, rng) == 1
    assert mutual_information_gap(codes, factors) > 0.99
    assert mutual_information_gap(np.exp(codes[:, [2]]), factors) == pytest.approx(
        mutual_information_gap(codes[:, [2]], factors)
    )


def test_what_only_one_of_the_scores_sees(rng):
    """Each factor in two numbers: no gap, yet a linear classifier does not mind."""
    factors = cube(8, 8, times=20)
    codes = np.column_stack([factors, factors]).astype(float)
    assert mutual_information_gap(codes, factors) < 1e-9
    assert disentanglement_metric(codes, factors, rng) == 1
    one = codes[:, :1]  # the second factor is not in the code at all
    assert mutual_information_gap(one, factors) == pytest.approx(0.5)


def test_between_perfect_and_rotated(rng):
    """The more a code of two factors is turned, the lower both scores."""
    factors = cube(8, 8, times=20)
    centered = factors - 3.5 + rng.uniform(-0.4, 0.4, factors.shape)
    gaps, scores = [], []
    for degrees in (0, 10, 25, 45):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        codes = centered @ np.array([[c, s], [-s, c]])
        gaps.append(mutual_information_gap(codes, factors))
        scores.append(disentanglement_metric(codes, factors, rng, pairs=8))
    assert (
        np.all(np.diff(gaps) < -0.02)
        and gaps[3] < 0.02
        and np.all(np.diff(scores) <= 0)
        and scores[2] > scores[3] + 0.1
    )


def test_information_against_a_closed_form(rng):
    """z = v + noise with two classes of v: the information of a binary channel with Gaussian noise, by quadrature."""
    n = 60_000
    v = rng.integers(0, 2, n)
    z = v + rng.standard_normal(n)
    u = np.linspace(-8, 9, 20_001)
    p = [np.exp(-0.5 * (u - m) ** 2) / np.sqrt(2 * np.pi) for m in (0, 1)]
    m = (p[0] + p[1]) / 2
    exact = sum(0.5 * np.sum(q * np.log(q / m)) for q in p) * (u[1] - u[0]) / np.log(2)
    assert abs(mutual_information(z[:, None], v[:, None])[0, 0] - exact) < 0.01
    half = mutual_information_gap(np.column_stack([v, z]), v[:, None])  # the first number knows all
    assert abs(half - (1 - exact)) < 0.01


def test_rare_values_keep_their_own_bin(rng):
    v = np.array([0] * 500 + [1] * 3 + [2] * 2)[:, None]
    assert mutual_information_gap(v.astype(float), v) == pytest.approx(1)


def test_as_many_values_as_bins_are_taken_as_they_are():
    """Four values, three of them rare: quantiles would put all of them into one bin."""
    v = np.array([0] * 97 + [1, 2, 3])[:, None]
    assert mutual_information(v.astype(float), v, bins=4)[0, 0] == pytest.approx(1)
    assert mutual_information(v.astype(float), v, bins=3)[0, 0] < 0.9


def test_the_classifier_is_at_the_minimum_of_its_penalized_loss(rng):
    """Of classes that a line separates, only the penalty 0.5e-4 |w|² bounds the weights: its gradient is 0 there."""
    label = np.repeat([0, 1, 2], [60, 30, 10])
    x = np.column_stack([3.0 * label + rng.uniform(-1, 1, 100), np.full(100, 2.0)])  # the second number is constant
    center, scale, w = weights = _linear_classifier(x, label, 3)

    def loss(w):
        logits = _logits(x, (center, scale, w))
        log_p = logits - anp.log(anp.sum(anp.exp(logits), axis=1, keepdims=True))
        return -anp.mean(log_p[np.arange(100), label]) + 0.5e-4 * anp.sum(w**2)

    assert np.abs(grad(loss)(w)).max() < 1e-4 < 1e-3 < 1e-4 * np.abs(w).max() * 10
    np.testing.assert_array_equal(_logits(x, weights).argmax(axis=1), label)
    np.testing.assert_allclose(scale, [x[:, 0].std(), 1])
    by_hand = _logits(np.array([[3.0]]), (np.array([1.0]), np.array([2.0]), np.array([[5.0, 0.0], [1.0, -1.0]])))
    np.testing.assert_array_equal(by_hand, [[6, -1]])


def test_the_score_is_reproducible_and_uses_different_rows():
    factors = cube(2, 2, times=2)  # two rows of each kind: a pair that shares everything would be at distance 0
    codes = np.arange(len(factors), dtype=float)[:, None]
    a, b = (disentanglement_metric(codes, factors, np.random.default_rng(3), points=200) for _ in range(2))
    assert a == b
    first, second = _pairs_sharing(factors[:, 0], 5000, np.random.default_rng(0), 0)
    assert np.all(factors[first, 0] == factors[second, 0]) and np.all(first != second)
    counts = np.zeros((8, 8))
    np.add.at(counts, (first, second), 1)
    allowed = counts[counts > 0]
    assert len(allowed) == 8 * 3 and np.all(np.abs(allowed - 5000 / 24) < 5 * np.sqrt(5000 / 24))


@pytest.mark.parametrize(
    "codes, factors, message",
    [
        (np.zeros(4), np.zeros((4, 2), int), r"codes must have shape \(N, D\), got \(4,\)"),
        (np.zeros((4, 2)), np.zeros((3, 2), int), r"got \(4, 2\) and \(3, 2\)"),
        (np.full((4, 2), np.nan), np.eye(4, dtype=int), "codes must be finite"),
        (np.zeros((4, 2)), np.full((4, 2), 0.5), "factors must be whole numbers, got float64"),
        (np.zeros((4, 2)), np.array([[0, 1]] * 4), "every factor must vary, got one value only in column 0"),
    ],
)
def test_bad_tables(codes, factors, message, rng):
    for score in (mutual_information, mutual_information_gap, lambda c, f: disentanglement_metric(c, f, rng)):
        with pytest.raises(ValueError, match=message):
            score(codes, factors)


def test_other_bad_arguments(rng):
    factors = cube(3, 3, times=4)
    with pytest.raises(ValueError, match="at least two columns"):
        disentanglement_metric(factors, factors[:, :1], rng)
    with pytest.raises(ValueError, match="two rows that share a value, got none in column 1"):
        disentanglement_metric(np.zeros((4, 1)), np.column_stack([[0, 0, 1, 1], np.arange(4)]), rng)


def test_scores_of_a_whole_number_table_of_floats(rng):
    factors = cube(4, 4, times=5)
    assert mutual_information_gap(factors, factors.astype(np.float32)) == pytest.approx(1)
