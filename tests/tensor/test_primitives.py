"""Every primitive against independent NumPy, against finite differences, and differentiated twice.

The second derivative is taken of Σ d·(∂L/∂a)² with respect to every argument b, which exercises the pure and the mixed
second derivatives and so the traced branch of every `backward`.
"""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen import tensor as T
from minigen.tensor import norms

rng = np.random.default_rng(0)
LABELS = np.array([0, 1, 4, 2])


def normal(*shape):
    return rng.standard_normal(shape)


def finite_differences(f, x, step):
    g = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        g[i] = (f(up) - f(down)) / (2 * step)
    return g


CASES = {
    "relu": (T.relu, normal(4, 5)),
    "leaky_relu": (T.leaky_relu, normal(4, 5)),
    "leaky_relu slope": (lambda x: T.leaky_relu(x, 0.05), normal(4, 5)),
    "sigmoid": (T.sigmoid, normal(4, 5)),
    "tanh": (T.tanh, normal(4, 5)),
    "softplus": (T.softplus, normal(4, 5)),
    "silu": (T.silu, normal(4, 5)),
    "gelu": (T.gelu, normal(4, 5)),
    "softmax": (T.softmax, normal(4, 5)),
    "softmax axis 0": (lambda x: T.softmax(x, axis=0), normal(4, 5)),
    "log_softmax": (T.log_softmax, normal(4, 5)),
    "logsumexp": (T.logsumexp, normal(4, 5)),
    "logsumexp axis 0": (lambda x: T.logsumexp(x, axis=0), normal(4, 5)),
    "matmul": (T.matmul, normal(2, 3, 4), normal(2, 4, 2)),
    "matmul broadcast": (T.matmul, normal(2, 3, 4), normal(4, 2)),
    "mse": (T.mse, normal(4, 5), normal(4, 5)),
    "bce": (T.bce_with_logits, normal(4, 5), rng.random((4, 5))),
    "bce to a number": (lambda x: T.bce_with_logits(x, 0.9), normal(4, 5)),
    "cross_entropy": (lambda x: T.cross_entropy(x, LABELS), normal(4, 5)),
    "layer_norm": (T.layer_norm, normal(4, 5), normal(5), normal(5)),
    "layer_norm modulated": (T.layer_norm, normal(2, 3, 4), normal(2, 1, 4), normal(2, 1, 4)),
    "group_norm": (lambda x, w, b: T.group_norm(x, w, b, 2), normal(2, 3, 2, 4), normal(4), normal(4)),
    "group_norm silu": (
        lambda x, w, b: T.group_norm(x, w, b, 2, activation="silu"),
        normal(2, 3, 2, 4),
        normal(4),
        normal(4),
    ),
    "group_norm, weights for each example": (
        lambda x, w, b: T.group_norm(x, w, b, 2, activation="silu"),
        normal(2, 3, 2, 4),
        normal(2, 4),
        normal(2, 4),
    ),
    "group_norm relu": (
        lambda x, w, b: T.group_norm(x, w, b, 1, activation="relu"),
        normal(2, 5, 4),
        normal(4),
        normal(4),
    ),
    "batch_norm": (T.batch_norm, normal(5, 4), normal(4), normal(4)),
    "attention": (T.attention, normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 4)),
    "attention causal": (
        lambda q, k, v: T.attention(q, k, v, causal=True),
        normal(1, 2, 3, 4),
        normal(1, 2, 3, 4),
        normal(1, 2, 3, 4),
    ),
    "embedding": (lambda t: T.embedding(t, np.array([[0, 1], [1, 2]])), normal(3, 4)),
    "slice": (lambda x: x[1:3, ::2], normal(4, 5)),
    "gather": (lambda x: x[np.array([1, 1, 2])], normal(4, 5)),
    "mean": (lambda x: anp.mean(x, axis=0), normal(4, 5)),
    "mean of two axes": (lambda x: anp.mean(x, axis=(0, -1), keepdims=True), normal(4, 5, 2)),
    "mean of all": (anp.mean, normal(4, 5)),
}
for _name in (None, "relu", "leaky_relu", "tanh", "sigmoid", "silu", "gelu", "softplus"):
    CASES[f"linear {_name}"] = (
        lambda x, w, b, name=_name: T.linear(x, w, b, name),
        normal(4, 5),
        normal(5, 3),
        normal(3),
    )
CASES["linear no bias 3-D"] = (lambda x, w: T.linear(x, w, activation="tanh"), normal(2, 3, 5), normal(5, 3))


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_finite_differences(name):
    f, *args = CASES[name]
    weight = np.random.default_rng(1).standard_normal(np.shape(f(*args)))
    for k, a in enumerate(args):

        def loss(a, k=k):
            return anp.sum(weight * f(*args[:k], a, *args[k + 1 :]))

        g = T.grad(loss)(a)
        assert np.any(g), "a zero gradient would hide a missing one"
        np.testing.assert_allclose(g, finite_differences(loss, a, 1e-6), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives_equal_finite_differences(name):
    f, *args = CASES[name]
    random = np.random.default_rng(1)
    weight = random.standard_normal(np.shape(f(*args)))
    for k in range(len(args)):
        d = random.standard_normal(args[k].shape)

        def penalty(*all_args, k=k, d=d):
            inner = T.grad(lambda a: anp.sum(weight * f(*all_args[:k], a, *all_args[k + 1 :])))(all_args[k])
            return anp.sum(d * inner**2)

        for j, b in enumerate(args):

            def of_b(b, j=j):
                return penalty(*args[:j], b, *args[j + 1 :])

            np.testing.assert_allclose(T.grad(of_b)(b), finite_differences(of_b, b, 1e-5), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_values_are_the_same_with_and_without_a_derivative_and_leave_the_arguments_alone(name, dtype):
    """Without one, results are computed in place; not so in an argument."""
    f, *args = CASES[name]
    args = [a.astype(dtype) for a in args]
    before = [a.copy() for a in args]
    value = f(*args)
    _, traced = T.value_and_grad(lambda args: (anp.sum(f(*args)), f(*args)), has_aux=True)(args)[0]
    np.testing.assert_array_equal(value, traced)
    for a, unchanged in zip(args, before, strict=True):
        np.testing.assert_array_equal(a, unchanged)


@pytest.mark.parametrize("name", CASES)
def test_float32_in_float32_out_both_ways(name):
    f, *args = CASES[name]
    args = [a.astype(np.float32) for a in args]
    assert f(*args).dtype == np.float32
    for k, a in enumerate(args):
        g = T.grad(lambda a, k=k: anp.mean(anp.abs(f(*args[:k], a, *args[k + 1 :]))))(a)
        assert g.dtype == np.float32
        h = T.grad(lambda a, k=k: anp.sum(T.grad(lambda a: anp.sum(f(*args[:k], a, *args[k + 1 :]) ** 2))(a) ** 2))(a)
        assert h.dtype == np.float32


def test_values_equal_their_definitions():
    from scipy.special import log_ndtr, ndtr
    from scipy.special import logsumexp as scipy_logsumexp

    x = np.linspace(-30, 30, 241)
    sig = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(T.relu(x), x * (x > 0))
    np.testing.assert_allclose(T.leaky_relu(x), np.where(x > 0, x, 0.2 * x))
    np.testing.assert_allclose(T.sigmoid(x), sig, atol=1e-15)
    np.testing.assert_allclose(T.softplus(x), np.logaddexp(0, x), rtol=1e-13)
    np.testing.assert_allclose(T.silu(x), x * sig, atol=1e-13)
    np.testing.assert_allclose(T.gelu(x), x * ndtr(x), rtol=1e-12, atol=1e-300)
    x32 = x.astype(np.float32)
    np.testing.assert_allclose(T.gelu(x32), x * ndtr(x), atol=5e-6)
    assert np.isfinite(log_ndtr(-30)) and T.gelu(np.float32([-30.0]))[0] == pytest.approx(0, abs=1e-5)
    y = normal(3, 7)
    np.testing.assert_allclose(T.softmax(y), np.exp(y) / np.exp(y).sum(-1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(T.logsumexp(y, axis=0), scipy_logsumexp(y, axis=0), rtol=1e-12)
    np.testing.assert_allclose(T.log_softmax(y), y - scipy_logsumexp(y, axis=-1, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "tanh", "sigmoid", "softplus", "silu", "gelu"])
@pytest.mark.parametrize("x", [4.8, np.float32(-0.7), np.array(1.2)], ids=["float", "float32", "no axes"])
def test_an_activation_of_one_number(name, x):
    """It is that of an array that holds the number, and so is the slope."""
    function = getattr(T, name)
    assert np.shape(function(x)) == ()
    np.testing.assert_allclose(function(x), function(np.reshape(x, 1))[0], rtol=1e-6)
    slope = T.grad(lambda x: anp.sum(function(x)))
    np.testing.assert_allclose(slope(np.asarray(x)), slope(np.reshape(x, 1))[0], rtol=1e-6)


def test_gelu_of_more_than_one_block():
    """Values and slopes of float32 in every block, the last of them shorter, against float64."""
    from scipy.special import ndtr

    from minigen.tensor.activations import BLOCK

    x = np.linspace(-8, 8, 2 * BLOCK + 38).reshape(2, -1)
    x32 = x.astype(np.float32)
    slope = ndtr(x) + x * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(T.gelu(x32), x * ndtr(x), atol=2e-6)
    fused = T.linear(x32.reshape(-1, 1), np.ones((1, 1), np.float32), None, "gelu")  # in place
    np.testing.assert_array_equal(fused.reshape(x.shape), T.gelu(x32))
    np.testing.assert_allclose(T.grad(lambda x: anp.sum(T.gelu(x)))(x32), slope, atol=2e-6)
    np.testing.assert_allclose(T.grad(lambda x: anp.sum(T.gelu(x)))(x), slope, atol=1e-14)


def test_extreme_logits_stay_finite():
    logits = np.array([-1e4, -100.0, 0.0, 100.0, 1e4], np.float32)
    for target in (0.0, 1.0):
        loss = T.bce_with_logits(logits, np.full(5, target, np.float32))
        expected = np.maximum(logits, 0) - logits * target
        assert np.all(np.isfinite(loss))
        np.testing.assert_allclose(loss, expected + np.log1p(np.exp(-np.abs(logits))), rtol=1e-6, atol=1e-40)
        assert np.all(np.isfinite(T.grad(lambda x, t=target: anp.sum(T.bce_with_logits(x, t)))(logits)))
    np.testing.assert_allclose(T.softmax(np.float32([1e4, 0.0])), [1, 0])
    assert T.cross_entropy(np.float32([[1e4, 0.0]]), np.array([1]))[0] == pytest.approx(1e4)
    assert T.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf
    np.testing.assert_allclose(T.logsumexp(np.array([-np.inf, 2.0])), 2.0)


def test_masked_attention():
    q, k, v = (rng.standard_normal((1, 1, 3, 2)).astype(np.float32) for _ in range(3))
    mask = np.array([[True, False, False], [False, False, False], [True, True, True]])
    out = T.attention(q, k, v, mask=mask)[0, 0]
    np.testing.assert_allclose(out[0], v[0, 0, 0], rtol=1e-6)  # may look at one key: takes its value
    np.testing.assert_array_equal(out[1], 0)  # may look at nothing
    scores = q[0, 0, 2] @ k[0, 0].T / np.sqrt(2)
    np.testing.assert_allclose(out[2], np.exp(scores) / np.exp(scores).sum() @ v[0, 0], rtol=1e-5)
    g = T.grad(lambda v: anp.sum(T.attention(q, k, v, mask=mask)[0, 0, 0]))(v)
    np.testing.assert_allclose(g[0, 0], [[1, 1], [0, 0], [0, 0]], atol=1e-6)


def test_ties_of_relu_have_slope_zero():
    np.testing.assert_array_equal(T.grad(lambda x: anp.sum(T.relu(x)))(np.array([-1.0, 0.0, 1.0])), [0, 0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: T.linear(np.ones((2, 3)), np.ones((4, 2))), r"share `in`, got x \(2, 3\) and w \(4, 2\)"),
        (lambda: T.linear(np.ones((2, 3)), np.ones((3, 2)), np.ones(3)), r"b must have shape \(2,\), got \(3,\)"),
        (lambda: T.linear(np.ones((2, 3)), np.ones((3, 2)), activation="x"), "activation must be one of"),
        (lambda: T.leaky_relu(np.ones(2), 1.5), "slope"),
        (lambda: T.mse(np.ones(2), np.ones((2, 1))), r"same shape, got \(2,\) and \(2, 1\)"),
        (lambda: T.bce_with_logits(np.ones((2, 1)), np.ones(2)), "same shape"),
        (lambda: T.cross_entropy(np.ones((2, 3)), np.array([0.0, 1.0])), "integers"),
        (lambda: T.cross_entropy(np.ones((2, 3)), np.array([0, 3])), r"in \[0, 3\)"),
        (lambda: T.cross_entropy(np.ones((2, 3)), np.array([[0, 1]])), "labels must have shape"),
        (lambda: T.embedding(np.ones((3, 2)), np.array([-1])), r"in 0\.\.2"),
        (lambda: T.embedding(np.ones((3, 2)), np.array([0.5])), "whole numbers"),
        (lambda: T.group_norm(np.ones((2, 3, 4)), np.ones(4), np.ones(4), 3), "divide the number of channels 4, got 3"),
        (lambda: T.group_norm(np.ones((2, 3, 4)), np.ones((3, 4)), np.ones((3, 4)), 2), r"w must have shape \(2, 4\)"),
        (lambda: T.group_norm(np.ones((2, 3, 4)), np.ones((2, 4)), np.ones(4), 2), r"b must have shape \(2, 4\)"),
        (lambda: T.layer_norm(np.ones((2, 4)), np.ones(3), np.ones(3)), r"\(4,\)"),
        (lambda: T.batch_norm(np.ones((2, 4)), np.ones(4), np.ones(3)), r"b must have shape \(4,\)"),
        (lambda: T.batch_norm(np.ones((2, 4)), np.ones(4), np.ones(4), mean=np.ones(4)), "together"),
        (lambda: T.attention(np.ones((1, 3, 2)), np.ones((1, 3, 2)), np.ones((1, 3, 2))), "heads"),
        (lambda: T.attention(*[np.ones((1, 1, 3, 2))] * 3, mask=np.ones((3, 3))), "boolean"),
        (lambda: T.attention(*[np.ones((1, 1, 3, 2))] * 3, mask=np.ones((2, 3), bool)), "broadcast"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("places", [(8, 8), (7, 7), (5, 6), (4, 12)], ids=str)
@pytest.mark.parametrize("groups, activation", [(2, None), (3, "silu"), (6, None)])
def test_group_norm_lays_any_number_of_places_side_by_side(places, groups, activation):
    """Value by the definition, gradient by the slow formula that second derivatives use; 1, 2, 16 or 32 places a
    row."""
    x, weight, bias, u = normal(3, *places, 6), normal(6), normal(6), normal(3, *places, 6)
    grouped = x.reshape(3, -1, groups, 6 // groups)
    mean, var = grouped.mean(axis=(1, 3), keepdims=True), grouped.var(axis=(1, 3), keepdims=True)
    expected = ((grouped - mean) / np.sqrt(var + 1e-5)).reshape(x.shape) * weight + bias
    expected = expected / (1 + np.exp(-expected)) if activation else expected
    np.testing.assert_allclose(T.group_norm(x, weight, bias, groups, activation=activation), expected, atol=1e-12)

    def loss(args):
        return anp.sum(u * T.group_norm(*args, groups, activation=activation))

    def flat(a):
        return a.reshape(3, -1, 6)

    slow = norms._group_backward_traced((0, 1, 2), flat(u), flat(x), weight, bias, groups, 1e-5, activation)
    for i, got in enumerate(T.value_and_grad(loss)([x, weight, bias])[1]):
        np.testing.assert_allclose(got, slow[i].reshape(got.shape), atol=1e-11)


@pytest.mark.parametrize("shape", [(5, 4), (3, 8, 8, 4), (7, 3, 3, 1)], ids=str)
def test_batch_statistics_are_the_mean_and_the_biased_variance(shape):
    x, axes = normal(*shape).astype(np.float32) * 3 + 1, tuple(range(len(shape) - 1))
    mean, var = T.batch_statistics(x)
    assert mean.dtype == var.dtype == np.float32 and mean.shape == var.shape == shape[-1:]
    np.testing.assert_allclose(mean, x.mean(axis=axes, dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(var, x.var(axis=axes, dtype=np.float64), rtol=1e-5)


def test_batch_norm_with_the_statistics_known_already_has_the_same_value_and_gradient():
    x, weight, bias, u = normal(5, 4, 4, 3), normal(3), normal(3), normal(5, 4, 4, 3)

    def loss(args, known):
        return anp.sum(u * T.batch_norm(*args, statistics=known))

    value, grads = T.value_and_grad(loss)([x, weight, bias], None)
    value2, grads2 = T.value_and_grad(loss)([x, weight, bias], T.batch_statistics(x))
    assert value2 == pytest.approx(value, rel=1e-12)
    for a, b in zip(grads, grads2, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)
