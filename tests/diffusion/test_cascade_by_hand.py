"""Super-resolution against plain NumPy: the network with random weights, and each step of its sampler."""

import numpy as np

from minigen.diffusion.cascade import SuperResolution, super_resolve
from minigen.diffusion.schedule import Schedule
from tests import plain
from tests.diffusion.plain_unet import residual_block, unet

WIDTH = 16


def test_image_and_condition_enter_side_by_side():
    """An image of 6 × 7 is extended by zeros below and to the right; the first channels of the output are v."""
    rng = np.random.default_rng(0)
    model = plain.random_weights(SuperResolution(rng, 2, WIDTH, 1), rng)
    x, y, t = rng.standard_normal((2, 6, 7, 2)), rng.standard_normal((2, 6, 7, 3)), np.array([2, 300])
    net = model.net.net
    larger = np.pad(np.concatenate([x, y], axis=3), ((0, 0), (0, 2), (0, 1), (0, 0)))
    v = unet(larger, net, residual_block, plain.time_embedding(t, net.time, WIDTH))[:, :6, :7, :2]
    np.testing.assert_allclose(model(x, t, y), v, atol=1e-6)


def test_each_step_has_the_variance_of_the_posterior():
    """At the times 9, 6 and 3 of 9: x ← μ̃(x, x̂_0) + √β̃ z, β̃ that of the jump; x̂_0 is kept within [−1, 1]."""
    schedule, rng = Schedule.cosine(9), np.random.default_rng(1)
    y = rng.uniform(-1, 1, (2, 3, 4, 2)).astype(np.float32)

    def v_model(x, t, y):
        return 0.5 * np.tanh(x) + 0.7 * y[..., :1]

    large = super_resolve(v_model, y, schedule, np.random.default_rng(5), 3)
    noise = np.random.default_rng(5)
    x = noise.standard_normal((2, 3, 4, 1), dtype=np.float32).astype(float)
    for t, s in [(9, 6), (6, 3), (3, 0)]:
        a, b = schedule.alpha_bar[t], schedule.alpha_bar[s]
        beta = 1 - a / b
        x0 = np.clip(np.sqrt(a) * x - np.sqrt(1 - a) * v_model(x, t, y), -1, 1)
        mean = (np.sqrt(b) * beta * x0 + np.sqrt(1 - beta) * (1 - b) * x) / (1 - a)
        z = noise.standard_normal(x.shape, dtype=np.float32)
        x = mean + (s > 0) * np.sqrt(beta * (1 - b) / (1 - a)) * z
    np.testing.assert_allclose(large, x, atol=1e-4)
