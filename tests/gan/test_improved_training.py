"""Each remedy against a loop over the formula of its paper, and against what it must not do."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.gan import improved_training
from minigen.gan.improved_training import (
    HistoricalAverage,
    MinibatchDiscrimination,
    VirtualBatchNorm,
    feature_matching_loss,
    instance_noise,
)
from minigen.gan.losses import discriminator_loss, smoothed_optimum
from minigen.gan.networks import Discriminator, Generator
from minigen.optim import SGD
from minigen.tensor import batch_norm, grad, jacobian, leaves, tree_map, value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def slopes_by_differences(fn, x, h=1e-6):
    slopes = np.empty_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        slopes[index] = (fn(x + step) - fn(x - step)) / (2 * h)
    return slopes


# --------------------------------------------------------------------- feature matching


def test_feature_matching_against_a_loop(rng):
    real, fake = rng.standard_normal((7, 4)), rng.standard_normal((5, 4))
    expected = sum(
        (sum(real[i, k] for i in range(7)) / 7 - sum(fake[j, k] for j in range(5)) / 5) ** 2 for k in range(4)
    )
    np.testing.assert_allclose(feature_matching_loss(real, fake), expected, rtol=1e-13)
    slopes = slopes_by_differences(lambda f: feature_matching_loss(real, f), fake)
    np.testing.assert_allclose(grad(lambda f: feature_matching_loss(real, f))(fake), slopes, atol=1e-8)


def test_feature_matching_moves_a_generator(rng):
    """On the intermediate features of a discriminator that stays as it is; all in float32."""
    generator, discriminator = Generator(rng, width=16, activation="tanh"), Discriminator(rng, width=16)
    real = discriminator.features(rng.standard_normal((64, 2), dtype=np.float32) + 2)
    z, optimizer, values = generator.latent(rng, 64), SGD(generator, 0.3), []
    for _ in range(150):

        def loss(g):
            return feature_matching_loss(real, discriminator.features(g(z)))

        value, grads = value_and_grad(loss)(generator)
        optimizer.step(grads)
        values.append(value)
    assert value.dtype == np.float32 and {g.dtype for g in leaves(grads)} == {np.dtype(np.float32)}
    assert values[-1] < 0.1 * values[0]


@pytest.mark.parametrize(
    "real, fake, message",
    [
        (np.zeros(3), np.zeros((2, 3)), r"real_features must have shape \(N, F\), got \(3,\)"),
        (np.zeros((2, 3)), np.zeros((2, 4)), r"fake_features must have shape \(M, 3\), got \(2, 4\)"),
        (np.zeros((0, 3)), np.zeros((2, 3)), r"real_features must have shape \(N, F\), none of them 0, got \(0, 3\)"),
        (np.zeros((2, 3)), np.full((2, 3), np.inf), "fake_features must be finite, got 6 non-finite values"),
    ],
)
def test_bad_features(real, fake, message):
    with pytest.raises(ValueError, match=message):
        feature_matching_loss(real, fake)


# --------------------------------------------------------------------- minibatch discrimination


def in_float64(module):
    return tree_map(lambda p: p.astype(float), module)


def test_minibatch_discrimination_against_a_loop(rng):
    layer = in_float64(MinibatchDiscrimination(rng, features=6, kernels=4, dim=3))
    f = rng.standard_normal((5, 6))
    tensor = layer.t.reshape(6, 4, 3)
    expected = np.zeros((5, 4))
    for i in range(5):
        for b in range(4):
            for j in range(5):
                m_i, m_j = f[i] @ tensor[:, b], f[j] @ tensor[:, b]
                expected[i, b] += np.exp(-sum(abs(m_i - m_j)))
    np.testing.assert_allclose(layer.closeness(f), expected, rtol=1e-12)
    np.testing.assert_allclose(layer(f), np.concatenate([f, expected], axis=1), rtol=1e-12)  # appended to the features


def test_minibatch_discrimination_by_hand():
    layer = MinibatchDiscrimination(np.random.default_rng(0), features=1, kernels=1, dim=1)
    layer.t[...] = 2
    f = np.array([[0.0], [0.5], [10.0]], np.float32)
    near, far = np.exp(-1), 0
    np.testing.assert_allclose(layer.closeness(f)[:, 0], [1 + near + far, 1 + near + far, 1 + far], atol=1e-6)


def test_minibatch_discrimination_gradients(rng):
    layer = in_float64(MinibatchDiscrimination(rng, features=4, kernels=2, dim=3))
    f, weights = rng.standard_normal((5, 4)), rng.standard_normal((5, 6))

    def of_x(x):
        return np.sum(weights * layer(x))

    np.testing.assert_allclose(
        grad(lambda x: anp.sum(weights * layer(x)))(f), slopes_by_differences(of_x, f), atol=1e-7
    )

    def of_t(t):
        kept, layer.t = layer.t, t
        value = np.sum(weights * layer(f))
        layer.t = kept
        return value

    grads = value_and_grad(lambda m: anp.sum(weights * m(f)))(layer)[1]
    np.testing.assert_allclose(grads.t, slopes_by_differences(of_t, layer.t), atol=1e-7)


def test_minibatch_discrimination_in_float32_with_weights_of_variance_one_over_the_features(rng):
    layer = MinibatchDiscrimination(rng, features=6)
    assert np.std(MinibatchDiscrimination(rng, 400, 20, 5).t) == pytest.approx(1 / 20, rel=0.02)  # 40,000 numbers
    value, grads = value_and_grad(lambda m: anp.mean(m(np.float32(rng.standard_normal((5, 6))))))(layer)
    assert value.dtype == np.float32 and grads.t.dtype == np.float32
    assert layer(np.zeros((5, 6), np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match=r"x must have shape \(N, 6\), got \(5, 7\)"):
        layer(np.zeros((5, 7), np.float32))


# --------------------------------------------------------------------- historical averaging


def test_historical_average_against_the_mean_of_the_past(rng):
    model = in_float64(Generator(rng, width=4, depth=1))
    history, past = HistoricalAverage(model), []
    assert history.penalty(model) == 0
    for _ in range(7):
        for p in model.parameters().values():
            p += rng.standard_normal(p.shape)
        history.update(model)
        past.append({name: p.copy() for name, p in model.parameters().items()})
    for p in model.parameters().values():
        p += rng.standard_normal(p.shape)
    expected, gradients = 0.0, {}
    for name, p in model.parameters().items():
        gap = p - sum(each[name] for each in past) / 7
        expected, gradients[name] = expected + np.sum(gap**2), 2 * gap
    value, grads = value_and_grad(history.penalty)(model)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    for name, g in grads.parameters().items():
        np.testing.assert_allclose(g, gradients[name], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_historical_average_damps_the_circling_of_a_game():
    """On x·y, simultaneous steps spiral outward; with the penalty for both players they spiral inward."""
    radii = []
    for weight in (0.0, 1.0):
        players = [Generator(np.random.default_rng(i), dim_z=1, dim_x=1, depth=0) for i in range(2)]
        for each in players:
            each.body.layers[0].w[...], each.body.layers[0].b[...] = 1.0, 0.0
        histories = [HistoricalAverage(each) for each in players]

        def number(m):
            return m.body.layers[0].w[0, 0]

        x, y = players
        for _ in range(400):
            x_grads = grad(lambda m: number(m) * number(y) + weight * histories[0].penalty(m))(x)
            y_grads = grad(lambda m: -number(x) * number(m) + weight * histories[1].penalty(m))(y)
            for player, history, grads in zip(players, histories, (x_grads, y_grads)):
                SGD(player, 0.1).step(grads)
                history.update(player)
        radii.append(np.hypot(number(x), number(y)))
    assert radii[0] > 5 and radii[1] < 0.8  # both from √2


def test_historical_average_state_and_errors(rng):
    model = Generator(rng, width=4)
    history = HistoricalAverage(model)
    history.update(model)
    twin = HistoricalAverage(model)
    twin.load_state(history.state())
    for p in model.parameters().values():
        p += np.float32(1)
    assert twin.penalty(model) == history.penalty(model) == pytest.approx(model.num_parameters(), rel=1e-5)
    assert history.penalty(model).dtype == np.float32 and twin.updates == 1
    with pytest.raises(ValueError, match="must have shape"):
        history.update(Generator(rng, width=5))
    with pytest.raises(ValueError, match="names differ"):
        twin.load_state({})


# --------------------------------------------------------------------- virtual batch norm


@pytest.mark.parametrize("shape", [(3,), (4, 3), (4, 5, 3)])
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_virtual_batch_norm_is_batch_norm_of_the_reference_and_the_example(rng, shape, shift):
    layer = in_float64(VirtualBatchNorm(3))
    layer.w[...], layer.b[...] = rng.standard_normal((2, 3))
    x, reference = 2 * rng.standard_normal((6, *shape)) + shift, rng.standard_normal((9, *shape))
    expected = [batch_norm(np.concatenate([reference, x[i : i + 1]]), layer.w, layer.b)[-1] for i in range(6)]
    np.testing.assert_allclose(layer(x, reference), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (4, 5, 3)])
def test_virtual_batch_norm_normalizes_the_reference_by_its_own_statistics_alone(rng, shape):
    layer = in_float64(VirtualBatchNorm(3))
    layer.w[...], layer.b[...] = rng.standard_normal((2, 3))
    reference = 2 + 3 * rng.standard_normal((9, *shape))
    flat = reference.reshape(-1, 3)
    expected = (reference - flat.mean(axis=0)) / np.sqrt(flat.var(axis=0) + layer.eps) * layer.w + layer.b
    np.testing.assert_allclose(layer.normalize_reference(reference), expected, rtol=1e-12)
    assert not np.allclose(layer(reference, reference), expected, rtol=1e-3)  # each would count twice
    assert VirtualBatchNorm(3).normalize_reference(reference.astype(np.float32)).dtype == np.float32
    with pytest.raises(ValueError, match=r"reference must have shape \(R, \.\.\., 3\)"):
        layer.normalize_reference(reference[..., :2])


def test_virtual_batch_norm_keeps_examples_apart(rng):
    """The Jacobian of one example's output with respect to another example is exactly zero, unlike batch norm's."""
    layer = in_float64(VirtualBatchNorm(3))
    x, reference = rng.standard_normal((4, 3)), rng.standard_normal((9, 3))
    j = jacobian(lambda x: layer(x, reference))(x)  # (4, 3, 4, 3)
    for i in range(4):
        assert np.all(np.diag(j[i, :, i]) > 0)
        assert not np.any(np.delete(j[i], i, axis=1))
    assert np.any(np.delete(jacobian(lambda x: batch_norm(x, layer.w, layer.b))(x)[0], 0, axis=1))


def test_virtual_batch_norm_gradients(rng):
    layer = in_float64(VirtualBatchNorm(3))
    x, reference, weights = (
        rng.standard_normal((2, 4, 3)),
        rng.standard_normal((3, 4, 3)),
        rng.standard_normal((2, 4, 3)),
    )

    def of_x(x):
        return anp.sum(weights * layer(x, reference))

    np.testing.assert_allclose(grad(of_x)(x), slopes_by_differences(of_x, x), atol=1e-8)

    def of_reference(r):
        return anp.sum(weights * layer(x, r))

    np.testing.assert_allclose(grad(of_reference)(reference), slopes_by_differences(of_reference, reference), atol=1e-8)
    grads = value_and_grad(lambda m: anp.sum(weights * m(x, reference)))(layer)[1]
    np.testing.assert_allclose(grads.b, weights.sum(axis=(0, 1)))
    np.testing.assert_allclose(grads.w, np.sum(weights * layer(x, reference), axis=(0, 1)))  # w = 1, b = 0


def test_virtual_batch_norm_dtype_and_errors(rng):
    layer, x = VirtualBatchNorm(3), np.ones((4, 3), np.float32)
    assert layer(x, x).dtype == np.float32
    with pytest.raises(ValueError, match=r"x must have shape \(N, \.\.\., 3\), got \(4, 2\)"):
        layer(np.ones((4, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"reference must have shape \(R, 3\), got \(4, 2, 3\)"):
        layer(x, np.ones((4, 2, 3)))


# --------------------------------------------------------------------- instance noise


def test_instance_noise(rng):
    """Mean, variance and independence over numbers within 5 standard errors; fresh at each call."""
    x = rng.standard_normal((40_000, 2))
    first, second = instance_noise(x, 0.3, rng) - x, instance_noise(x, 0.3, rng) - x
    n = len(x)
    for noise in (first, second):
        assert np.all(np.abs(noise.mean(0)) < 5 * 0.3 / np.sqrt(n))
        assert np.all(np.abs(noise.var(0) - 0.09) < 5 * 0.09 * np.sqrt(2 / n))
    for a, b in [(first[:, 0], first[:, 1]), (first[:, 0], second[:, 0]), (first[:-1, 0], first[1:, 0])]:
        assert abs(np.mean(a * b)) < 5 * 0.09 / np.sqrt(n)


def test_instance_noise_dtype_and_gradient(rng):
    x = np.ones((3, 2), np.float32)
    assert instance_noise(x, 0.1, rng).dtype == np.float32
    np.testing.assert_array_equal(instance_noise(x, 0.0, rng), x)
    np.testing.assert_array_equal(x, np.ones((3, 2)))
    np.testing.assert_array_equal(grad(lambda x: anp.sum(instance_noise(x, 0.1, rng)))(x), np.ones((3, 2)))


# --------------------------------------------------------------------- the small functions that the classes use


def test_closeness_of_two_and_of_one():
    m = np.array([[[0.0, 1.0]], [[1.0, -1.0]]])  # one vector each, 3 apart in the sum of absolute differences
    np.testing.assert_allclose(improved_training.minibatch_closeness(m), 1 + np.exp([[-3.0], [-3.0]]))
    np.testing.assert_array_equal(improved_training.minibatch_closeness(m[:1]), [[1.0]])


def test_running_mean_is_the_mean(rng):
    values, mean = rng.standard_normal((9, 4)), np.full(4, np.pi)
    for count, value in enumerate(values, 1):
        mean = improved_training.running_mean(mean, value, count)
        np.testing.assert_allclose(mean, values[:count].mean(axis=0), rtol=1e-12)
    with pytest.raises(ValueError, match=r"value must have the shape of mean, \(4,\), got \(3,\)"):
        improved_training.running_mean(mean, mean[:3], 1)


def test_historical_penalty_by_hand_and_its_errors():
    parameters, means = [np.array([1.0, 2.0]), np.array([[3.0]])], [np.array([0.0, 4.0]), np.array([[3.5]])]
    assert improved_training.historical_penalty(parameters, means) == 1 + 4 + 0.25
    with pytest.raises(
        ValueError, match=r"parameters must have the shapes of means, \[\(2,\), \(1, 1\)\], got \[\(2,\)\]"
    ):
        improved_training.historical_penalty(parameters[:1], means)


@pytest.mark.parametrize("shape", [(3,), (4, 5, 3)])
def test_virtual_moments_of_the_reference_and_the_example(rng, shape):
    x, reference = rng.standard_normal((6, *shape)), 2 + rng.standard_normal((4, *shape))
    mean, var = improved_training.virtual_moments(x, reference)
    assert mean.shape == var.shape == (6, *[1] * (len(shape) - 1), 3)
    for i in range(6):
        both = np.concatenate([reference, x[i : i + 1]]).reshape(-1, 3)
        np.testing.assert_allclose(mean[i].ravel(), both.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(var[i].ravel(), both.var(axis=0), rtol=1e-12)
    with pytest.raises(ValueError, match="reference must have shape"):
        improved_training.virtual_moments(x, reference[..., :2])


# --------------------------------------------------------------------- one-sided label smoothing


@pytest.mark.parametrize("smooth", [0.0, 0.1, 0.4])
def test_smoothed_optimum_is_where_no_answer_loses_less(smooth):
    """At one point: p_r times the loss of a real example with target 1 − s, p_g times that of a fake with target 0."""
    d = np.linspace(0, 1, 100_001)[1:-1]
    logits = np.log(d / (1 - d))
    for p_r, p_g in [(3.0, 1.0), (0.4, 3.6), (2.0, 0.0), (1e-3, 2.0)]:
        real = np.logaddexp(0, -logits) + smooth * logits  # (1 − s) softplus(−l) + s softplus(l)
        assert discriminator_loss(logits[:1], logits[:1], smooth) == pytest.approx(real[0] + np.logaddexp(0, logits[0]))
        best = d[np.argmin(p_r * real + p_g * np.logaddexp(0, logits))]
        assert abs(smoothed_optimum(np.array([p_r]), np.array([p_g]), smooth)[0] - best) <= 1.1e-5


def test_smoothed_optimum_errors_and_dtype():
    p = np.array([0.5, 0.25], np.float32)
    assert smoothed_optimum(p, p[::-1], 0.1).dtype == np.float32
    with pytest.raises(ValueError, match=r"smooth must be a number in \[0, 1\), got 1"):
        smoothed_optimum(p, p, 1)
    with pytest.raises(ValueError, match="p_g must be nonnegative"):
        smoothed_optimum(p, -p, 0.1)
