"""The additive coupling, the diagonal scale and NICE, away from the identity; and bad input of what flows share."""

import numpy as np
import pytest
from scipy import stats

from minigen.flow.bijection import Affine, Chain, Permute, StandardLogistic, StandardNormal
from minigen.flow.coupling import (
    AdditiveCoupling,
    AffineCoupling,
    BatchNorm,
    DiagonalScale,
    additive_forward,
    additive_inverse,
    affine_forward,
    affine_inverse,
    affine_log_det,
    coupling_net,
    diagonal_scale,
    half_mask,
    parity_mask,
)
from minigen.flow.nice import NICE
from minigen.tensor import grad

# ------------------------------------------------------------------------------------------- the formulas


def test_diagonal_scale_by_hand():
    """Scales 2, 3 and 1/4, volume 6/4; a determinant that no float holds; a scale for each pixel."""
    x, log_det = diagonal_scale(np.array([[1.5, -2.0, 4.0]]), np.log([2.0, 3.0, 0.25]))
    np.testing.assert_allclose(x, [[3, -6, 1]])
    np.testing.assert_allclose(log_det, np.log([1.5]))
    np.testing.assert_array_equal(diagonal_scale(np.ones((2, 3)), np.full(3, -800.0))[1], [-2400, -2400])
    images, log_det = diagonal_scale(np.ones((2, 3, 2, 1)), np.full((3, 2, 1), np.log(2.0)))
    np.testing.assert_allclose(images, 2)
    np.testing.assert_allclose(log_det, 6 * np.log(2.0) * np.ones(2))


def test_parity_mask():
    np.testing.assert_array_equal(parity_mask(5), [1, 0, 1, 0, 1])
    np.testing.assert_array_equal(parity_mask(4, even=False), [0, 1, 0, 1])
    assert parity_mask(5).dtype == np.float32


# ------------------------------------------------------------------------------------------- the flow


@pytest.mark.parametrize("interleaved", [False, True])
def test_logistic_nice(rng, shaken, check_bijection, interleaved):
    """Its density is the base's at z, times exp(−Σ log_scale): the couplings add nothing. Eq. flow.14"""
    flow = shaken(NICE(rng, 5, couplings=3, width=8, interleaved=interleaved, base=StandardLogistic(5)))
    z = rng.standard_normal((3, 5))
    x, log_det = check_bijection(flow.bijection, z)
    s = flow.bijection.bijections[0].log_scale
    np.testing.assert_allclose(log_det, s.sum())
    np.testing.assert_allclose(flow.log_prob(x), stats.logistic.logpdf(z).sum(axis=1) - s.sum())
    masks = [f.mask for f in flow.bijection.bijections[1:]]
    np.testing.assert_array_equal(masks[0], [1, 0, 1, 0, 1] if interleaved else [1, 1, 0, 0, 0])
    np.testing.assert_array_equal(masks[1], 1 - masks[0])


@pytest.mark.parametrize("base", [StandardNormal(3), StandardLogistic(3)])
def test_standardize_gives_z_the_deviation_of_the_base(rng, shaken, base):
    x = rng.standard_normal((500, 3)) * [3.0, 0.2, 1.0] + [5.0, -1.0, 0.0]
    flow = shaken(NICE(rng, 3, width=8, base=base)).standardize(x)
    z, _ = flow.bijection.inverse(x)
    drawn = base.sample(rng, 40_000)
    np.testing.assert_allclose(z.std(0), base.std, rtol=1e-5)
    np.testing.assert_allclose(drawn.std(0), base.std, rtol=5 * 0.9 / 200)  # kurtosis 4.2: 0.9/√n


def test_the_networks_have_the_sizes_the_activation_and_the_spread_that_are_asked_for(rng):
    for part in NICE(rng, 6, 2, width=16, depth=3, activation="relu", spread=0.0).bijection.bijections[1:]:
        assert [layer.w.shape for layer in part.net.layers] == [(6, 16), (16, 16), (16, 16), (16, 6)]
        assert [layer.activation for layer in part.net.layers] == ["relu", "relu", "relu", None]
        assert not any(np.any(layer.b) for layer in part.net.layers)
    plain = NICE(rng, 6).bijection.bijections[1].net.layers
    assert [layer.w.shape for layer in plain] == [(6, 64), (64, 64), (64, 6)]
    assert 1.8 < np.abs(plain[0].b).max() <= 2


def test_each_coupling_moves_what_the_one_before_kept(rng):
    masks = [part.mask for part in NICE(rng, 6, 5, scaled=False).bijection.bijections]
    for before, after in zip(masks, masks[1:]):
        np.testing.assert_array_equal(before + after, np.ones(6))


def test_samples_use_the_base(rng):
    flow = NICE(rng, 2, base=StandardLogistic(2))  # still the identity
    assert stats.kstest(flow.sample(rng, 5000).ravel(), stats.logistic.cdf).pvalue > 1e-6


# ------------------------------------------------------------------------------------------- kinds of input

THREE = np.array([[1, 2, 3], [4, -5, 6]])


def plus(a):
    return a + 0.25


@pytest.mark.parametrize(
    "call",
    [
        lambda z: additive_forward(z, plus, half_mask(3)),
        lambda z: additive_inverse(z, plus, half_mask(3)),
        lambda z: affine_forward(z, 0.1 * THREE, 0.3 * THREE, half_mask(3)),
        lambda z: affine_inverse(z, 0.1 * THREE, 0.3 * THREE, half_mask(3)),
        lambda z: diagonal_scale(z, np.array([0.1, 0.2, 0.3])),
        lambda z: Affine([0.5, 0.25, 0.1], [0.1, 0.2, 0.3]).forward(z),
        lambda z: Affine([0.5, 0.25, 0.1], [0.1, 0.2, 0.3]).inverse(z),
        lambda z: Permute([2, 0, 1]).forward(z),
        lambda z: Chain([Permute([2, 0, 1]), Affine([0.5, 0.25, 0.1], [0.1, 0.2, 0.3])]).inverse(z),
        lambda z: AdditiveCoupling(plus, half_mask(3)).forward(z),
        lambda z: BatchNorm(3).eval().forward(z),
    ],
)
def test_whole_numbers_count_as_float64(call):
    for given, want in zip(call(THREE), call(THREE.astype(float)), strict=True):
        assert given.dtype == np.float64
        np.testing.assert_array_equal(given, want)


def test_formulas_are_differentiable(rng):
    z, s, mask = rng.standard_normal((2, 3)), rng.standard_normal(3), half_mask(3)
    w = rng.standard_normal((3, 3))

    def of_shift(w):
        return np.sum(additive_forward(z, lambda a: a @ w, mask)[0] * z)

    expected = (mask * z).T @ ((1 - mask) * z)
    np.testing.assert_allclose(grad(of_shift)(w), expected)
    np.testing.assert_allclose(grad(lambda s: diagonal_scale(z, s)[1].sum())(s), [2, 2, 2])
    np.testing.assert_allclose(grad(lambda s: diagonal_scale(z, s)[0].sum())(s), (z * np.exp(s)).sum(0))


NAN = np.array([[0.0, np.nan], [1.0, 2.0]])
FLAT = np.array([[0.1, 0.3], [0.7, 0.3], [0.2, 0.3]], np.float32)  # the second coordinate is constant


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda rng: NICE(rng, 3, base=StandardNormal(2)),
            r"base must be a density of shape \(3,\), got one of \(2,\)",
        ),
        (lambda rng: NICE(rng, 3, base=StandardNormal), "base must be an instance of BaseDensity"),
        (lambda rng: NICE(rng, 2).standardize(FLAT), "x must vary in every coordinate"),
        (lambda rng: NICE(rng, 2).standardize(NAN), "x must be finite"),
        (lambda rng: NICE(rng, 2, scaled=False).standardize(FLAT), "only a NICE with scaled=True"),
        (lambda rng: DiagonalScale(2).standardize(np.zeros((3, 4))), r"x must have shape \(N, ...\) with examples"),
        (lambda rng: NICE(rng, 2).log_prob(np.zeros((2, 3))), r"x must have shape \(N, 2\), got \(2, 3\)"),
        (lambda rng: Affine(np.zeros(2), np.zeros(2)).standardize(FLAT), "x must vary in every coordinate"),
        (lambda rng: Affine(np.zeros(2), np.zeros(2)).standardize(np.zeros((3, 4))), "log_scale must broadcast"),
        (lambda rng: DiagonalScale(2).forward(np.zeros((3, 4))), r"z must have shape \(N, ...\) with examples \(2,\)"),
        (lambda rng: DiagonalScale(2).inverse(np.zeros((3, 4))), r"x must have shape \(N, ...\) with examples \(2,\)"),
        (lambda rng: diagonal_scale(np.zeros((3, 2)), np.zeros(1)), r"z must have shape .* examples \(1,\)"),
        (lambda rng: additive_forward(np.zeros((3, 2)), plus, np.ones(3)), "mask must broadcast against one example"),
        (lambda rng: additive_inverse("ab", plus, np.ones(2)), "x must be an array of real numbers"),
        (
            lambda rng: additive_forward(np.zeros((3, 2)), lambda a: a[:, :1], np.array([1, 0])),
            r"m\(mask \* a\) must have the shape of mask \* a, \(3, 2\), got \(3, 1\)",
        ),
        (lambda rng: AdditiveCoupling(plus, np.ones(3)), "mask must hold zeros"),
        (lambda rng: AffineCoupling(coupling_net(rng, 2, 4), np.array([0, 2])), "mask must hold zeros"),
        (lambda rng: affine_forward(np.zeros((1, 2)), np.zeros((1, 3)), np.zeros((1, 2)), half_mask(2)), "s must have"),
        (lambda rng: affine_log_det(np.zeros(3), half_mask(3)), r"s must have shape \(N, D\), got \(3,\)"),
        (lambda rng: BatchNorm(2).inverse(np.zeros((4, 3))), r"x must have shape \(N, ..., 2\), got \(4, 3\)"),
        (lambda rng: BatchNorm(2).forward(np.zeros((4, 3))), r"z must have shape \(N, ..., 2\), got \(4, 3\)"),
    ],
)
def test_errors_name_the_argument(rng, call, says):
    with pytest.raises(ValueError, match=says):
        call(rng)
