"""The critic's losses, clipping and the gradient penalty against closed forms and finite differences."""

import numpy as np
import pytest

from minigen.gan.networks import ConvDiscriminator, Discriminator
from minigen.gan.wgan import (
    clip_weights,
    critic_loss,
    generator_loss,
    gradient_norm,
    gradient_penalty,
    gradient_penalty_at,
    lipschitz_estimate,
    penalized_critic_loss,
    penalized_slope,
)
from minigen.nn import BatchNorm, Linear, Module
from minigen.tensor import grad, leaves, tree_map, value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class Fixed:
    """Stands in for a random generator: `random(shape)` gives these numbers."""

    def __new__(cls, values):
        rng = np.random.default_rng(0)
        fixed = type("Fixed", (np.random.Generator,), {"random": lambda self, shape: np.reshape(values, shape)})
        return fixed(rng.bit_generator)


# --------------------------------------------------------------------- losses, Eq. gan.19


def test_losses_by_hand(rng):
    """Eq. gan.19: the critic minimizes mean f(fake) − mean f(real); real scores enter with a minus."""
    assert critic_loss(np.array([3.0, 5.0]), np.array([1.0, 0.0, -1.0])) == -4
    assert generator_loss(np.array([1.0, 0.0, -4.0])) == 1
    real, fake = rng.standard_normal(5), rng.standard_normal(8)
    np.testing.assert_allclose(grad(critic_loss)(real, fake), np.full(5, -1 / 5))
    np.testing.assert_allclose(grad(lambda f: critic_loss(real, f))(fake), np.full(8, 1 / 8))
    np.testing.assert_allclose(grad(generator_loss)(fake), np.full(8, -1 / 8))
    assert critic_loss(np.float32(real), np.float32(fake)).dtype == np.float32


def test_minus_the_loss_of_a_slope_one_critic_is_the_distance():
    """Eq. gan.17, Eq. gan.19: between two shifted samples f(x) = −x, of slope 1, attains W = the shift."""
    x = np.random.default_rng(1).standard_normal(100)
    np.testing.assert_allclose(-critic_loss(-x, -(x + 1.7)), 1.7)


# --------------------------------------------------------------------- clipping, Eq. gan.18


def test_clip_weights_clips_each_parameter_in_place(rng):
    critic = Discriminator(rng, width=16)
    before = {name: p.copy() for name, p in critic.parameters().items()}
    arrays = {name: id(p) for name, p in critic.parameters().items()}
    assert clip_weights(critic, 0.05) is None
    for name, p in critic.parameters().items():
        assert id(p) == arrays[name] and p.dtype == np.float32
        np.testing.assert_array_equal(p, np.minimum(np.maximum(before[name], np.float32(-0.05)), np.float32(0.05)))
    assert max(np.abs(p).max() for p in critic.parameters().values()) == np.float32(0.05)


def test_clip_weights_leaves_buffers_and_frozen_parts(rng):
    class Parts(Module):
        def __init__(self):
            self.norm, self.fixed, self.free = BatchNorm(3), Linear(rng, 3, 3).freeze(), Linear(rng, 3, 1)

    critic = Parts()
    fixed = critic.fixed.w.copy()
    clip_weights(critic, 0.01)
    np.testing.assert_array_equal(critic.norm.running_var, np.ones(3))
    np.testing.assert_array_equal(critic.fixed.w, fixed)
    assert np.abs(critic.free.w).max() <= np.float32(0.01) and np.all(critic.norm.w == np.float32(0.01))


def test_clipped_slopes_are_bounded(rng):
    """Eq. gan.18: with |w| ≤ c, slopes of activations ≤ 1, K is at most the product of the layers' largest gains."""
    critic = Discriminator(rng, width=16, depth=2)
    clip_weights(critic, 0.1)
    bound = np.prod(
        [np.linalg.norm(np.full(p.shape, 0.1), 2) for n, p in critic.parameters().items() if n.endswith("w")]
    )
    assert 0 < lipschitz_estimate(critic, rng.standard_normal((500, 2), dtype=np.float32)) <= bound


@pytest.mark.parametrize("critic", [lambda x: x, [], None, 0.5, np.ones(3)])
def test_nothing_to_clip(critic):
    with pytest.raises(ValueError, match="critic must be a model with parameters, got"):
        clip_weights(critic, 0.01)


# --------------------------------------------------------------------- slopes and the penalty


def smooth_critic(rng, dim_x=3):
    """In float64 and without kinks, so that finite differences are sharp."""
    critic = Discriminator(rng, dim_x=dim_x, width=5, depth=2, activation="tanh")
    return tree_map(lambda p: p.astype(float) * 2, critic)


def test_penalty_of_a_flat_critic_is_one_and_can_be_differentiated(rng):
    critic = tree_map(np.zeros_like, smooth_critic(rng))
    real, fake = rng.standard_normal((2, 6, 3))
    value, grads = value_and_grad(lambda f: gradient_penalty(f, real, fake, rng))(critic)
    np.testing.assert_allclose(value, 1, atol=1e-5)
    assert all(np.all(np.isfinite(g)) for g in leaves(grads))


def test_each_pair_has_its_own_epsilon(rng):
    """f(x) = ½x² has slope |x|: with real = 1 and fake = 0 the slope at x̂ is ε itself."""
    n, seen = 4000, []

    def critic(x):
        seen.append(np.array(getattr(x, "_value", x)))
        return 0.5 * (x[:, 0] ** 2)

    value = gradient_penalty(critic, np.ones((n, 1)), np.zeros((n, 1)), rng)
    epsilon = seen[0][:, 0]
    assert len(np.unique(epsilon)) == n and 0 <= epsilon.min() < 0.01 < 0.99 < epsilon.max() <= 1
    assert abs(epsilon.mean() - 0.5) < 5 / np.sqrt(12 * n)
    np.testing.assert_allclose(value, np.mean((epsilon - 1) ** 2), atol=1e-6)
    assert abs(value - 1 / 3) < 5 * np.sqrt(4 / 45 / n)  # ∫(ε − 1)² = 1/3; its variance is 1/5 − 1/9


def test_one_epsilon_for_all_numbers_of_an_example(rng):
    """x̂ lies on the segment between its real and its fake, as images too."""
    real, fake = rng.standard_normal((2, 5, 4, 4, 2))
    seen = []

    def critic(x):
        seen.append(np.array(x._value))
        return (x[:, 0, 0, 0]) ** 2

    gradient_penalty(critic, real, fake, Fixed([0.0, 1.0, 0.5, 0.25, 0.75]))
    epsilon = (seen[0] - fake) / (real - fake)
    np.testing.assert_allclose(
        epsilon, np.reshape([0, 1, 0.5, 0.25, 0.75], (5, 1, 1, 1)) * np.ones((5, 4, 4, 2)), atol=1e-12
    )


def test_penalty_against_slopes_by_finite_differences(rng):
    """mean (‖∇f(x̂)‖ − 1)² with the norm, not its square, and both signs of the deviation."""
    critic, h = smooth_critic(rng), 1e-6
    real, fake = rng.standard_normal((2, 4, 3))
    epsilon = np.array([0.1, 0.4, 0.8, 0.95])
    x_hat = epsilon[:, None] * real + (1 - epsilon[:, None]) * fake
    slopes = np.stack([(critic(x_hat + h * e) - critic(x_hat - h * e)) / (2 * h) for e in np.eye(3)], axis=1)
    norms = np.linalg.norm(slopes, axis=1)
    np.testing.assert_allclose(gradient_norm(critic, x_hat), norms, rtol=1e-7)
    np.testing.assert_allclose(lipschitz_estimate(critic, x_hat), norms.max(), rtol=1e-7)
    for target in (1.0, norms.mean()):
        value = gradient_penalty(critic, real, fake, Fixed(epsilon), target)
        np.testing.assert_allclose(value, np.mean((norms - target) ** 2), rtol=1e-6)


def test_penalty_with_its_noise_as_an_argument(rng):
    """f(x) = ½|x|² has slope |x|: at ε = 3/4 and 1/2 between (4, 0) and the origin the slopes are 3 and 2."""

    def bowl(x):
        return 0.5 * (x**2).sum(axis=1)

    real, fake, epsilon = np.array([[4.0, 0.0]] * 2), np.zeros((2, 2)), np.array([0.75, 0.5])
    np.testing.assert_allclose(gradient_penalty_at(bowl, real, fake, epsilon), 2.5)
    np.testing.assert_allclose(gradient_penalty_at(bowl, real, fake, epsilon, target=3.0), 0.5)
    np.testing.assert_allclose(gradient_penalty(bowl, real, fake, Fixed(epsilon)), 2.5)
    for bad in (np.array([0.5]), np.array([0.5, 1.5]), np.array([-0.1, 0.5]), np.array([[0.5], [0.5]])):
        with pytest.raises(ValueError, match="epsilon must"):
            gradient_penalty_at(bowl, real, fake, bad)


def test_penalized_loss_by_hand():
    """Eq. gan.19 with a slope of 3 in place of 1: f(x) = 3x, real 2, fake 2/3: 2 − 6 + λ·(3 − 1)²."""

    def critic(x):
        return 3 * x[:, 0]

    real, fake, epsilon = np.array([[2.0]]), np.array([[2 / 3]]), np.array([0.5])
    np.testing.assert_allclose(penalized_critic_loss(critic, real, fake, epsilon), (36, -4))
    np.testing.assert_allclose(penalized_critic_loss(critic, real, fake, epsilon, penalty=0.5), (-2, -4))


def test_no_other_slope_has_a_smaller_penalized_loss():
    """Against all slopes of a fine grid. A straight critic with the best slope has the least loss, -W - W²/4λ."""
    slopes = np.linspace(0, 6, 60_001)
    for distance, penalty in [(4.0, 10.0), (4.0, 1.0), (0.7, 2.5), (0.0, 3.0)]:
        loss = -slopes * distance + penalty * (slopes - 1) ** 2
        best = penalized_slope(distance, penalty)
        assert abs(slopes[loss.argmin()] - best) <= 1e-4
        real, fake = np.array([[distance]]), np.zeros((1, 1))
        total, _ = penalized_critic_loss(lambda x: best * x[:, 0], real, fake, np.array([0.5]), penalty)
        np.testing.assert_allclose(total, -distance - distance**2 / (4 * penalty), atol=1e-5)
    np.testing.assert_allclose(penalized_slope(np.array([[0.0, 4.0]])), [[1.0, 1.2]])


def test_penalty_is_differentiable_with_respect_to_the_critic(rng):
    """The derivative of a derivative, against finite differences of the penalty in every weight."""
    critic, h = smooth_critic(rng), 1e-5
    real, fake = rng.standard_normal((2, 4, 3))

    def penalty(f):
        return gradient_penalty(f, real, fake, Fixed([0.1, 0.4, 0.8, 0.95]))

    grads = value_and_grad(penalty)(critic)[1].parameters()
    for name, p in critic.parameters().items():
        for index in np.ndindex(p.shape):
            kept = p[index]
            p[index] = kept + h
            above = penalty(critic)
            p[index] = kept - h
            below = penalty(critic)
            p[index] = kept
            np.testing.assert_allclose(grads[name][index], (above - below) / (2 * h), atol=1e-7, err_msg=name)
    assert np.abs(grads["body.0.w"]).max() > 1e-2


def test_penalty_stays_in_float32_and_goes_through_convolutions(rng):
    real, fake = rng.random((2, 3, 28, 28, 1), dtype=np.float32)
    critic = ConvDiscriminator(rng, width=4, batch_norm=False)
    value, grads = value_and_grad(lambda f: gradient_penalty(f, real, fake, rng))(critic)
    assert value.dtype == np.float32 and {g.dtype for g in leaves(grads)} == {np.dtype(np.float32)}
    assert all(np.any(g != 0) for name, g in grads.parameters().items() if name.endswith("w"))


@pytest.mark.parametrize(
    "real, fake, message",
    [
        (np.zeros((3, 2)), np.zeros((4, 2)), r"fake must have the shape of real, \(3, 2\), got \(4, 2\)"),
        (np.zeros(3), np.zeros(3), r"real must have shape \(N, \.\.\., D\), got \(3,\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), r"real must have shape \(N, \.\.\., D\), none of them 0, got"),
        (np.zeros((3, 2)), np.full((3, 2), np.nan), "fake must be finite, got 6 non-finite values"),
    ],
)
def test_bad_examples(rng, real, fake, message):
    with pytest.raises(ValueError, match=message):
        gradient_penalty(lambda x: np.sum(x, axis=1), real, fake, rng)


def test_whole_numbers_are_not_rounded(rng):
    """Images of bytes: ε must not become a byte, which would put every x̂ at the fake."""
    seen = []

    def critic(x):
        seen.append(np.array(x._value))
        return x[:, 0]

    gradient_penalty(critic, np.full((50, 1), 200, np.uint8), np.zeros((50, 1), np.uint8), rng)
    assert len(np.unique(seen[0])) == 50


def test_other_bad_arguments(rng):
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"critic must map x \(N, \.\.\.\) to scores \(N,\), got \(3, 2\) for N = 3"):
        gradient_penalty(lambda x: x * x, x, x, rng)
    with pytest.raises(ValueError, match=r"critic must map x \(N, \.\.\.\) to scores \(N,\), got \(\) for N = 3"):
        lipschitz_estimate(lambda x: (x * x).sum(), x)
