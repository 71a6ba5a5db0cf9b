"""Spectral and weight normalization against NumPy's SVD, the papers' formulas, and finite differences."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen import nn
from minigen.nn import CausalConv1d, Conv1d, Conv2d, ConvTranspose2d, Linear, Sequential, SpectralNorm, WeightNorm
from minigen.tensor import grad, leaves, tree_map, value_and_grad
from tests import plain

LAYERS = {
    "Linear": (lambda rng: Linear(rng, 6, 4, "leaky_relu"), (5, 6)),
    "Linear without bias": (lambda rng: Linear(rng, 3, 7, bias=False), (5, 3)),
    "Conv1d": (lambda rng: Conv1d(rng, 3, 5, 3, 2, 1), (2, 7, 3)),
    "CausalConv1d": (lambda rng: CausalConv1d(rng, 3, 5, 2, 2), (2, 7, 3)),
    "Conv2d": (lambda rng: Conv2d(rng, 3, 5, 3, 1, 1), (2, 5, 5, 3)),
    "ConvTranspose2d": (lambda rng: ConvTranspose2d(rng, 3, 5, 4, 2, 1), (2, 3, 3, 3)),
}
layers = pytest.mark.parametrize("make, shape", LAYERS.values(), ids=LAYERS.keys())


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def float64(model):
    return tree_map(lambda a: a.astype(np.float64), model)


def with_weights(make, w):
    layer = make(np.random.default_rng(0))
    layer.w[...] = w
    return layer


def singular_values(w):
    return np.linalg.svd(w.reshape(-1, w.shape[-1]).astype(np.float64), compute_uv=False)


def random_layer(make, rng):
    layer = make(rng)
    for a in leaves(layer):
        a[...] = 2 * rng.standard_normal(a.shape)
    return layer


def assert_slope(function, model, rng, rtol=1e-6):
    """The gradient of function(model), in a random direction, against central differences."""
    slopes, step = grad(function)(model), 1e-6
    directions = [rng.standard_normal(a.shape) for a in leaves(model)]
    ends = []
    for sign in (1, -1):
        moved = iter(directions)
        ends.append(function(tree_map(lambda a: a + sign * step * next(moved), model)))  # noqa: B023
    expected = (ends[0] - ends[1]) / (2 * step)
    got = sum(np.sum(g * d) for g, d in zip(leaves(slopes), directions, strict=True))
    np.testing.assert_allclose(got, expected, rtol=rtol)


# ------------------------------------------------------------------------------------------------ spectral norm


@layers
def test_sigma_converges_to_the_largest_singular_value(make, shape, rng):
    inner = random_layer(make, rng)
    layer, x = SpectralNorm(rng, inner), rng.standard_normal(shape).astype(np.float32)
    exact = singular_values(inner.w)[0]
    assert layer.sigma() < exact * (1 - 1e-4)  # not yet
    layer.iterate(500)
    np.testing.assert_allclose(layer.sigma(), exact, rtol=1e-5)
    np.testing.assert_allclose(layer(x), with_biases(make, inner, inner.w / exact)(x), rtol=1e-4, atol=1e-5)
    assert layer(x).dtype == np.float32


def with_biases(make, layer, w):
    other = with_weights(make, w)
    if layer.b is not None:
        other.b[...] = layer.b
    return other


def test_a_call_in_training_is_one_power_iteration_and_in_evaluation_none(rng):
    inner = Linear(rng, 6, 4)
    layer, x = SpectralNorm(rng, inner), np.ones((2, 6), np.float32)
    np.testing.assert_allclose(np.sum(layer.u**2), 1, rtol=1e-6)

    def after(u, n):
        for _ in range(n):
            v = inner.w @ u / np.linalg.norm(inner.w @ u)
            u = inner.w.T @ v / np.linalg.norm(inner.w.T @ v)
        return u

    start = layer.u.copy()
    for call, n in (
        (lambda: layer.sigma(), 0),
        (lambda: layer(x), 1),
        (lambda: value_and_grad(lambda m: anp.sum(m(x)))(layer), 2),
    ):
        call()
        np.testing.assert_allclose(layer.u, after(start, n), rtol=1e-4)
    with pytest.raises(ValueError, match="must share"):
        layer(x[:, :5])
    np.testing.assert_allclose(layer.u, after(start, 2), rtol=1e-4)  # of a call that was refused nothing is left
    kept = layer.u.copy()
    value = layer.eval()(x)
    value_and_grad(lambda m: anp.sum(m(x)))(layer)
    np.testing.assert_array_equal(layer.u, kept)
    np.testing.assert_array_equal(layer(x), value)
    v = inner.w @ kept / np.linalg.norm(inner.w @ kept)
    np.testing.assert_allclose(value, x @ inner.w / (v @ inner.w @ kept), rtol=1e-5)


def test_training_follows_the_weights(rng):
    """One iteration a step is enough where the weights change slowly: SGD on a linear map."""
    layer, x = SpectralNorm(rng, Linear(rng, 8, 8)), rng.standard_normal((64, 8)).astype(np.float32)
    for _ in range(300):
        g = grad(lambda m: anp.mean((m(x) - 0.5 * x) ** 2))(layer)
        layer.layer.w -= 0.05 * g.layer.w
    np.testing.assert_allclose(layer.sigma(), singular_values(layer.layer.w)[0], rtol=0.01)


@layers
def test_the_gradient_takes_u_and_v_for_constants(make, shape, rng):
    """Far from convergence: by finite differences of f(W / vᵀWu) with the u and v of the module."""
    layer, x = float64(SpectralNorm(rng, random_layer(make, rng))).eval(), rng.standard_normal(shape)
    layer.u[...] = 1 / np.sqrt(len(layer.u))
    u, matrix = layer.u.astype(np.float64), layer.layer.w.reshape(-1, layer.layer.w.shape[-1])
    v = matrix @ u / np.linalg.norm(matrix @ u)
    assert v @ matrix @ u < 0.99 * singular_values(layer.layer.w)[0]
    weight = rng.standard_normal(np.shape(layer(x)))

    def by_hand(w):
        inner = layer.layer.copy()
        inner.w = w / np.sum(w * np.multiply.outer(v, u).reshape(w.shape))
        return np.sum(weight * np.sin(inner(x)))

    slope = grad(lambda m: anp.sum(weight * anp.sin(m(x))))(layer).layer.w
    direction = rng.standard_normal(slope.shape)
    ends = [by_hand(layer.layer.w + step * direction) for step in (1e-6, -1e-6)]
    np.testing.assert_allclose(np.sum(slope * direction), (ends[0] - ends[1]) / 2e-6, rtol=1e-5)


def test_the_gradient_is_that_of_the_singular_value_after_many_iterations(rng):
    layer, x = SpectralNorm(rng, random_layer(LAYERS["Linear"][0], rng)).iterate(2000), rng.standard_normal((5, 6))
    layer = float64(layer).eval()

    def by_svd(w):
        return np.sum(np.sin(plain.leaky_relu(x @ w / singular_values(w)[0] + layer.layer.b)))

    slope = grad(lambda m: anp.sum(anp.sin(m(x))))(layer).layer.w
    direction = rng.standard_normal(slope.shape)
    ends = [by_svd(layer.layer.w + step * direction) for step in (1e-5, -1e-5)]
    np.testing.assert_allclose(np.sum(slope * direction), (ends[0] - ends[1]) / 2e-5, rtol=1e-4)


@pytest.mark.parametrize("wrap", [lambda rng, f: SpectralNorm(rng, f).eval(), lambda rng, f: WeightNorm(f)])
def test_a_gradient_penalty_differentiates_through_both(wrap, rng):
    critic = float64(Sequential(wrap(rng, Linear(rng, 3, 8, "tanh")), wrap(rng, Linear(rng, 8, 1))))
    x = rng.standard_normal((6, 3))

    def penalty(f):
        slopes = grad(lambda x: anp.sum(f(x)))(x)
        return anp.mean((anp.sqrt(anp.sum(slopes**2, axis=1)) - 1) ** 2)

    if isinstance(critic.layers[0], SpectralNorm):  # u and v move with the weights in finite differences: hold them

        def held(f):
            for norm, kept in zip(f.layers, constants):
                object.__setattr__(norm, "_sigma", lambda u, norm=norm, kept=kept: anp.sum(norm.layer.w * kept))
            return penalty(f)

        constants = []
        for norm in critic.layers:
            v = norm.layer.w @ norm.u / np.linalg.norm(norm.layer.w @ norm.u)
            constants.append(np.multiply.outer(v, norm.u.astype(np.float64)))
        np.testing.assert_allclose(leaves(grad(penalty)(critic))[0], leaves(grad(held)(critic))[0], rtol=1e-6)
        assert_slope(held, critic, rng)
    else:
        assert_slope(penalty, critic, rng)


def test_a_network_of_such_layers_is_lipschitz(rng):
    net = Sequential([SpectralNorm(rng, random_layer(lambda r: Linear(r, 6, 6, "leaky_relu"), rng)) for _ in range(3)])
    for layer in net.layers:
        layer.iterate(1000)
    a, b = rng.standard_normal((2, 2000, 6)).astype(np.float32)
    near = a + 1e-2 * b
    for x, y in ((a, b), (a, near)):
        slopes = np.linalg.norm(net(x) - net(y), axis=1) / np.linalg.norm(x - y, axis=1)
        assert slopes.max() <= 1 + 1e-3
    free = Sequential([layer.layer for layer in net.layers])
    assert (np.linalg.norm(free(a) - free(b), axis=1) / np.linalg.norm(a - b, axis=1)).max() > 2


def test_u_is_a_buffer_that_is_saved(rng, tmp_path):
    layer, x = SpectralNorm(rng, Linear(rng, 6, 4)), np.ones((2, 6), np.float32)
    assert list(layer.parameters()) == ["layer.w", "layer.b"] and "u" in layer.state()
    layer.iterate(3)
    other = SpectralNorm(np.random.default_rng(5), Linear(np.random.default_rng(6), 6, 4))
    other.load(layer.save(tmp_path / "layer.npz"))
    np.testing.assert_array_equal(other.u, layer.u)
    np.testing.assert_array_equal(other(x), layer(x))


# ------------------------------------------------------------------------------------------------ weight norm


@layers
def test_weight_norm_starts_as_the_layer_and_is_its_formula(make, shape, rng):
    inner = random_layer(make, rng)
    layer, x = WeightNorm(inner), rng.standard_normal(shape).astype(np.float32)
    np.testing.assert_allclose(layer(x), inner(x), rtol=1e-4, atol=1e-5)
    names = ["v", "g"] if inner.b is None else ["v", "g", "layer.b"]
    assert sorted(layer.parameters()) == sorted(names)
    layer.v, layer.g = rng.standard_normal(layer.v.shape), rng.standard_normal(layer.g.shape)
    columns = layer.weights().reshape(-1, len(layer.g))
    for k, g in enumerate(layer.g):
        column = layer.v[..., k].ravel()
        np.testing.assert_allclose(columns[:, k], g * column / np.linalg.norm(column), rtol=1e-6)
    np.testing.assert_allclose(layer(x), with_biases(make, inner, layer.weights())(x), rtol=1e-3, atol=1e-4)


def test_the_gradients_are_those_of_the_paper(rng):
    """Eq. 3: ∇g = ∇w·v/‖v‖, ∇v = g/‖v‖ ∇w − g ∇g/‖v‖² v, which is orthogonal to v."""
    inner, x = float64(Linear(rng, 6, 4)), rng.standard_normal((5, 6))
    inner.w[...], layer = 2 * rng.standard_normal((6, 4)), WeightNorm(inner)
    layer.v, layer.g = rng.standard_normal((6, 4)), rng.standard_normal(4)
    inner.w = layer.weights()
    of_w = grad(lambda m: anp.sum(anp.sin(m(x))))(inner).w
    got, length = grad(lambda m: anp.sum(anp.sin(m(x))))(layer), np.linalg.norm(layer.v, axis=0)
    of_g = np.sum(of_w * layer.v, axis=0) / length
    np.testing.assert_allclose(got.g, of_g, rtol=1e-10)
    np.testing.assert_allclose(got.v, layer.g / length * of_w - layer.g * of_g / length**2 * layer.v, rtol=1e-8)
    np.testing.assert_allclose(np.sum(got.v * layer.v, axis=0), 0, atol=1e-12)


@layers
def test_its_derivatives_by_finite_differences(make, shape, rng):
    layer, x = float64(WeightNorm(random_layer(make, rng))), rng.standard_normal(shape)
    assert_slope(lambda m: anp.sum(anp.sin(m(x))), layer, rng)


@pytest.mark.parametrize("name", ["Linear", "Conv1d", "Conv2d", "ConvTranspose2d"])
def test_initialization_from_data_standardizes_each_output(name, rng):
    make, shape = LAYERS[name]
    layer, x = WeightNorm(random_layer(make, rng)), rng.normal(3, 2, (200, *shape[1:])).astype(np.float32)
    v = layer.v.copy()
    out = layer.initialize(x)
    np.testing.assert_array_equal(out, layer(x))
    np.testing.assert_array_equal(layer.v, v)
    if name == "Linear":
        layer.layer.activation = None
    outputs = layer(x).reshape(-1, len(layer.g))
    np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(outputs.std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda rng: SpectralNorm(rng, nn.LayerNorm(3)), "layer must be one of Linear, .* got LayerNorm"),
        (lambda rng: SpectralNorm(rng, Linear), "layer must be one of Linear, .* got type"),
        (lambda rng: SpectralNorm(rng, Linear(rng, 2, 2, scale=0)), "layer must have weights other than zero"),
        (lambda rng: SpectralNorm(rng, WeightNorm(Linear(rng, 2, 2)).layer), "with weights of its own"),
        (lambda rng: WeightNorm(nn.MLP(rng, [2, 2])), "layer must be one of Linear, .* got MLP"),
        (lambda rng: WeightNorm(Linear(rng, 2, 2, scale=0)), "other than zero for each output"),
        (lambda rng: WeightNorm(Linear(rng, 2, 2, bias=False)).initialize(np.ones((3, 2))), "a layer with biases"),
        (lambda rng: WeightNorm(Linear(rng, 2, 2)).initialize(np.ones((3, 2))), "more than one value"),
        (lambda rng: SpectralNorm(rng, Linear(rng, 2, 2)).iterate(0), "n must be a whole number of at least 1"),
    ],
)
def test_layers_that_do_not_fit(make, message, rng):
    with pytest.raises(ValueError, match=message):
        make(rng)
