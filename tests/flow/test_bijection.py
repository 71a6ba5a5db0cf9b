"""The parts of a flow against automatic differentiation, closed forms and hand-made arrays."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from minigen.flow.bijection import (
    Affine,
    Bijection,
    Chain,
    Flow,
    Inverse,
    Logit,
    Permute,
    Split,
    Squeeze,
    StandardLogistic,
    StandardNormal,
    Unsqueeze,
    jacobian_log_det,
)


def affine(rng, shape):
    return double(Affine(rng.standard_normal(shape), rng.standard_normal(shape)))


def double(f):
    """Its float32 parameters as float64, so that rounding does not blur a comparison."""
    return f.map(lambda a: a.astype(float))


# ------------------------------------------------------------------------------------------- each against its Jacobian


def test_affine(rng, check_bijection):
    f = affine(rng, 3)
    x, log_det = check_bijection(f, rng.standard_normal((4, 3)))
    np.testing.assert_allclose(log_det, f.log_scale.sum(), rtol=1e-6)
    by_channel = affine(rng, 2)  # one scale for each channel acts at all 6 places
    _, log_det = check_bijection(by_channel, rng.standard_normal((2, 2, 3, 2)))
    np.testing.assert_allclose(log_det, 6 * by_channel.log_scale.sum(), rtol=1e-6)


def test_affine_standardizes_data_in_place(rng):
    x = rng.standard_normal((500, 2)) * [3.0, 0.2] + [5.0, -1.0]
    f = Affine(np.zeros(2), np.zeros(2))
    shift = f.shift
    assert f.standardize(x) is f
    z, _ = f.inverse(x)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(z.std(0), 1, atol=1e-6)
    assert f.shift is shift, "an optimizer made before must still hold the array"
    with pytest.raises(ValueError, match=r"x must vary in every coordinate .* a constant in x\[..., 1\]: leave out"):
        f.standardize(np.array([[1.0, 5.0], [2.0, 5.0]]))
    images = np.array([np.eye(3), 2 * np.eye(3)])
    with pytest.raises(ValueError, match="a constant in 6 of 9 places"):
        Affine(np.zeros((3, 3)), np.zeros((3, 3))).standardize(images)
    tenths = np.full((500, 2), 0.1, np.float32)
    assert tenths.std(axis=0).all(), "rounding leaves the constant a deviation"
    with pytest.raises(ValueError, match="x must vary in every coordinate"):
        f.standardize(tenths)


def test_permute(rng, check_bijection):
    z = rng.standard_normal((3, 4))
    x, log_det = check_bijection(Permute([2, 0, 3, 1]), z)
    np.testing.assert_array_equal(x, np.stack([z[:, 2], z[:, 0], z[:, 3], z[:, 1]], axis=1))
    np.testing.assert_array_equal(log_det, 0)


def test_squeeze_puts_each_block_into_channels(rng, check_bijection):
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    z, _ = Squeeze().inverse(x)
    np.testing.assert_array_equal(z[0, 0, 0], [0, 1, 4, 5])  # a 2×2 block, row by row
    np.testing.assert_array_equal(z[0, 1, 1], [10, 11, 14, 15])
    two = np.stack([x[..., 0], 100 + x[..., 0]], axis=-1)
    np.testing.assert_array_equal(Squeeze().inverse(two)[0][0, 0, 1], [2, 102, 3, 103, 6, 106, 7, 107])
    _, log_det = check_bijection(Squeeze(), rng.standard_normal((2, 2, 1, 8)))
    np.testing.assert_array_equal(log_det, 0)
    check_bijection(Unsqueeze(), rng.standard_normal((2, 2, 4, 2)))


def test_split_touches_only_the_first_half(rng, check_bijection):
    f, z = Split(affine(rng, 2)), rng.standard_normal((3, 2, 2, 4))
    x, log_det = check_bijection(f, z)
    np.testing.assert_array_equal(x[..., 2:], z[..., 2:])
    inner, inner_det = f.inner.forward(z[..., :2])
    np.testing.assert_array_equal(x[..., :2], inner)
    np.testing.assert_array_equal(log_det, inner_det)
    odd, _ = check_bijection(Split(affine(rng, 1)), rng.standard_normal((3, 3)))
    assert odd.shape == (3, 3)


@pytest.mark.parametrize("alpha", [0.05, 1e-6])
def test_logit(rng, check_bijection, alpha):
    z = rng.uniform(-2, 2, (4, 2, 3))
    x, _ = check_bijection(Logit(alpha), z)
    s = alpha + (1 - 2 * alpha) * x
    np.testing.assert_allclose(np.log(s / (1 - s)), z, atol=1e-9)
    assert np.isfinite(Logit(0.05).inverse(np.array([[0.0, 1.0]]))[0]).all()


def test_jacobian_log_det_of_matrices(rng):
    """A linear map has its matrix as Jacobian everywhere. Eq. flow.01, Eq. flow.07"""
    a = rng.standard_normal((4, 4))
    expected = np.linalg.slogdet(a)[1]
    np.testing.assert_allclose(jacobian_log_det(lambda x: x @ a, rng.standard_normal((3, 4))), expected)
    np.testing.assert_allclose(jacobian_log_det(lambda x: x @ np.linalg.inv(a), rng.standard_normal((3, 4))), -expected)
    np.testing.assert_allclose(jacobian_log_det(lambda x: x**3, np.array([[2.0, 1.0]])), math.log(12 * 3))


# ------------------------------------------------------------------------------------------- chains and flows


def test_chain_runs_forward_in_order_and_adds(rng, check_bijection):
    """x = f_2(f_1(z)) and the log-dets of the parts, each where it acts, add up. Eq. flow.06, Eq. flow.08"""
    first, second = double(Affine([1.0, 2.0], [0.5, -1.0])), Permute([1, 0])
    x, log_det = check_bijection(Chain([first, second, Logit(0.1)]), rng.standard_normal((3, 2)))
    by_hand, _ = Logit(0.1).forward(second.forward(first.forward(np.ones((1, 2)))[0])[0])
    np.testing.assert_array_equal(Chain([first, second, Logit(0.1)]).forward(np.ones((1, 2)))[0], by_hand)
    nothing, zero = Chain([]).forward(x)
    np.testing.assert_array_equal(nothing, x)
    np.testing.assert_array_equal(zero, np.zeros(3))


def test_standard_normal_is_scipys(rng):
    z = rng.standard_normal((5, 2, 3))
    expected = stats.norm.logpdf(z).sum(axis=(1, 2))
    np.testing.assert_allclose(StandardNormal((2, 3)).log_prob(z), expected)
    draws = StandardNormal(3).sample(rng, 20_000, temperature=0.7)
    assert draws.dtype == np.float32 and draws.shape == (20_000, 3)
    assert abs(draws.std() - 0.7) < 5 * 0.7 / math.sqrt(2 * draws.size)


def test_standard_logistic_is_scipys(rng):
    z = 3 * rng.standard_normal((5, 2, 3))
    np.testing.assert_allclose(StandardLogistic((2, 3)).log_prob(z), stats.logistic.logpdf(z).sum(axis=(1, 2)))
    far = StandardLogistic(1).log_prob(np.array([[1000.0], [-1000.0], [0.0]]))
    np.testing.assert_allclose(far, [-1000, -1000, -2 * math.log(2)], rtol=1e-12)
    far32 = StandardLogistic(1).log_prob(np.array([[1000.0], [-1000.0]], np.float32))
    assert far32.dtype == np.float32
    np.testing.assert_array_equal(far32, [-1000, -1000])


def test_standard_logistic_samples(rng):
    """Distances from the logistic distribution function, at a level of 1e-6; and the scale of a temperature."""
    draws = StandardLogistic((4, 5)).sample(rng, 1000)
    assert draws.shape == (1000, 4, 5) and draws.dtype == np.float32
    assert stats.kstest(draws.ravel(), stats.logistic.cdf).pvalue > 1e-6
    cold = StandardLogistic(3).sample(rng, 5000, temperature=0.7)
    assert stats.kstest(cold.ravel() / 0.7, stats.logistic.cdf).pvalue > 1e-6


class Turn(Bijection):
    """x = A z, A = [[1, 2], [3, 4]] of determinant −2, with a shift given by the context."""

    A = np.array([[1.0, 2.0], [3.0, 4.0]])

    def forward(self, z, context=None):
        shift = 0 if context is None else context
        return z @ self.A.T + shift, np.full(len(z), math.log(2))

    def inverse(self, x, context=None):
        shift = 0 if context is None else context
        return (x - shift) @ np.linalg.inv(self.A).T, np.full(len(x), -math.log(2))


def test_inverse_exchanges_the_directions(rng, check_bijection):
    z = rng.standard_normal((4, 2))
    for given, want in [
        (Inverse(Turn()).forward(z), Turn().inverse(z)),
        (Inverse(Turn()).inverse(z), Turn().forward(z)),
    ]:
        np.testing.assert_array_equal(given[0], want[0])
        np.testing.assert_array_equal(given[1], want[1])
    check_bijection(Inverse(Turn()), z)
    twice, log_det = Chain([Turn(), Inverse(Turn())]).forward(z)
    np.testing.assert_allclose(twice, z)
    np.testing.assert_allclose(log_det, 0, atol=1e-12)
    f = Inverse(Affine([1.0, 2.0], [0.5, -1.0]))
    assert len(f.parameters()) == 2, "its parameters are those of the bijection"


def test_context_reaches_every_part(rng):
    z, h = rng.standard_normal((2, 4, 2))
    chain = Chain([Permute([1, 0]), Inverse(Turn()), Turn()])
    x, _ = chain.forward(z, h)
    by_hand = Turn().forward(Turn().inverse(z[:, ::-1], h)[0], h)[0]
    np.testing.assert_allclose(x, by_hand)
    np.testing.assert_allclose(chain.inverse(x, h)[0], z)
    four = np.concatenate([z, h], axis=1)
    np.testing.assert_array_equal(Split(Turn()).forward(four, h)[0][:, :2], Turn().forward(z, h)[0])
    flow = Flow(StandardNormal(2), Turn())
    np.testing.assert_allclose(flow.log_prob(z, h), StandardNormal(2).log_prob(Turn().inverse(z, h)[0]) - math.log(2))
    np.testing.assert_allclose(flow.loss(z, h), -flow.log_prob(z, h).mean())
    drawn = flow.sample(np.random.default_rng(0), 4, context=h)
    np.testing.assert_allclose(drawn - h, flow.sample(np.random.default_rng(0), 4), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters):
    f = Affine(rng.standard_normal(4), rng.standard_normal(4)).map(lambda a: a.astype(parameters))
    chain = Chain([f, Permute([1, 0, 3, 2]), Split(Affine(np.zeros(2), np.ones(2))), Inverse(f), Logit(0.0)])
    z = rng.standard_normal((3, 4)).astype(dtype)
    x, forward = chain.forward(z)
    back, inverse = chain.inverse(x)
    assert {a.dtype for a in (x, forward, back, inverse)} == {np.dtype(dtype)}
    assert StandardNormal(4).log_prob(z).dtype == StandardLogistic(4).log_prob(z).dtype == dtype


def test_affine_flow_is_a_gaussian(rng):
    """N(0, I) through a scale and shift is the Gaussian of that mean and spread. Eq. flow.03, Eq. flow.04"""
    f = Flow(StandardNormal(2), Affine([1.0, -2.0], np.log([0.5, 3.0])))
    x = rng.standard_normal((6, 2)) * 2
    expected = stats.norm.logpdf(x, [1.0, -2.0], [0.5, 3.0]).sum(axis=1)
    np.testing.assert_allclose(f.log_prob(x), expected, rtol=1e-6)
    np.testing.assert_allclose(f.loss(x), -expected.mean(), rtol=1e-6)  # Eq. flow.09
    drawn = f.sample(rng, 40_000)
    np.testing.assert_allclose(drawn.mean(0), [1, -2], atol=5 * 3 / 200)
    np.testing.assert_allclose(drawn.std(0), [0.5, 3.0], rtol=5 / math.sqrt(80_000))


def test_temperature_scales_the_noise_and_not_the_sample(rng):
    """`sample(rng, n, T)` is forward(T z) of the same draws z: a flow that shifts by 5 keeps its mean at every T."""
    f = Flow(StandardNormal(2), Affine([5.0, -2.0], np.log([0.5, 3.0])))
    for T in (0.5, 1.0, 2.0):
        z = np.random.default_rng(7).standard_normal((5, 2), dtype=np.float32)
        drawn = f.sample(np.random.default_rng(7), 5, T)
        np.testing.assert_allclose(drawn, f.bijection.forward(np.float32(T) * z)[0], rtol=1e-6)
    drawn = f.sample(rng, 40_000, temperature=0.5)
    np.testing.assert_allclose(drawn.mean(0), [5, -2], atol=5 * 1.5 / 200)
    np.testing.assert_allclose(drawn.std(0), [0.25, 1.5], rtol=5 / math.sqrt(80_000))


def test_logit_flow_has_mass_one():
    """x = (σ(z) − α)/(1 − 2α) of a normal z, integrated over its range by quadrature. Eq. flow.03"""
    f = Flow(StandardNormal(1), Logit(0.0))
    mass, _ = integrate.quad(lambda x: math.exp(f.log_prob(np.array([[x]]))[0]), 0, 1)
    assert abs(mass - 1) < 1e-6


# ------------------------------------------------------------------------------------------- errors


def test_errors_name_the_argument():
    flow = Flow(StandardNormal(2), Affine(np.zeros(2), np.zeros(2)))
    for call, says in [
        (lambda: flow.log_prob(np.zeros(2)), r"x must have shape \(N, 2\), got \(2,\)"),
        (lambda: flow.log_prob(np.zeros((3, 1))), r"x must have shape \(N, 2\), got \(3, 1\)"),
        (lambda: flow.log_prob(np.array([[0.0, np.nan]])), "x must be finite"),
        (lambda: flow.sample(np.random.default_rng(0), 0), "n must be a whole number of at least 1, got 0"),
        (lambda: flow.sample(np.random.default_rng(0), 3, temperature=0), "temperature must be a positive number"),
        (lambda: StandardNormal(0), "shape must be a whole number"),
        (lambda: Affine(np.zeros(2), np.zeros(3)), r"shift and log_scale must agree, got \(2,\) and \(3,\)"),
        (lambda: Affine(np.zeros(2), [0.0, np.inf]), "log_scale must be finite"),
        (lambda: Permute([0, 2]), "order must be a permutation"),
        (lambda: Permute([0.0, 1.0]), "order must be a permutation"),
        (
            lambda: Permute([1, 0]).forward(np.zeros((1, 3))),
            r"z must have shape \(N, ..., 2\), as order has, got \(1, 3\)",
        ),
        (
            lambda: Permute([1, 0]).inverse(np.zeros((1, 3))),
            r"x must have shape \(N, ..., 2\), as order has, got \(1, 3\)",
        ),
        (lambda: Permute([1, 0]).inverse(np.zeros(2)), r"x must have shape \(N, ..., 2\)"),
        (lambda: Affine(np.zeros(2), np.zeros(2)).forward(np.zeros((4, 3))), r"log_scale must broadcast .* z, \(3,\)"),
        (lambda: Affine(np.zeros(2), np.zeros(2)).inverse(np.zeros((4, 1))), r"log_scale must broadcast .* x, \(1,\)"),
        (lambda: StandardNormal(2).log_prob(np.zeros((4, 3))), r"z must have shape \(N, 2\), got \(4, 3\)"),
        (lambda: StandardLogistic(2).log_prob(np.zeros(2)), r"z must have shape \(N, 2\), got \(2,\)"),
        (lambda: StandardLogistic(2).sample(0, 3), "rng must be a numpy.random.Generator"),
        (
            lambda: StandardLogistic(2).sample(np.random.default_rng(0), 3, -1.0),
            "temperature must be a positive number",
        ),
        (lambda: Squeeze().inverse(np.zeros((1, 3, 4, 1))), "x must have an even height and width"),
        (lambda: Squeeze().inverse(np.zeros((4, 4))), r"x must have shape \(N, H, W, C\), got \(4, 4\)"),
        (lambda: Squeeze().forward(np.zeros((1, 2, 2, 3))), "z must have a multiple of 4 channels"),
        (lambda: Split(Permute([0])).inverse(np.zeros((1, 1))), "x must have at least 2 channels"),
        (lambda: Logit(0.5), r"alpha must be a number in \[0, 0.5\), got 0.5"),
        (lambda: Logit().inverse(np.array([[1.2]])), r"x must be in \[0, 1\], got values from 1.2 to 1.2"),
    ]:
        with pytest.raises(ValueError, match=says):
            call()
    with pytest.raises(NotImplementedError):
        Bijection().forward(np.zeros((1, 2)))
