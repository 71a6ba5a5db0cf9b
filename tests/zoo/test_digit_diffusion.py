"""The base model of the diffusion lessons: what the quick one has learned, and how the network is wrapped."""

import numpy as np

from minigen.data import mnist
from minigen.diffusion.ddpm import eps_model_from_v, q_sample
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.schedule import Schedule
from minigen.tensor import grad
from minigen.train import fit
from minigen.zoo import digit_diffusion
from minigen.zoo.digit_diffusion import DigitDiffusion


def test_the_quick_one_is_a_model_of_the_noise():
    """Better than no model at all (loss 1), with and without labels; both configurations have the same settings."""
    config = digit_diffusion.QUICK
    assert set(config) == set(digit_diffusion.FULL)
    net = digit_diffusion.build(config)
    averaged = digit_diffusion.train(net, config, fit)
    assert averaged is not net, "the moving average is kept"
    base = digit_diffusion.ready(averaged, config)
    assert base.net is averaged and base.net.parameters() == {} and base.schedule.T == 200
    rng = np.random.default_rng(1)
    images, y = mnist.symmetric(mnist.splits().test.images[:100]), mnist.splits().test.labels[:100].astype(int)
    t, eps = np.full(100, 60), rng.standard_normal(images.shape, dtype=np.float32)
    x_t = q_sample(images, t, eps, base.schedule)
    for labels in (None, y):
        assert np.mean((base(x_t, t, labels) - eps) ** 2) < 0.7
    np.testing.assert_array_equal(base(x_t, t), base(x_t, t, np.full(100, -1)))


def test_it_is_trained_with_and_without_labels(monkeypatch):
    """The share of labels that are dropped, from what the loss is given."""
    given = []

    def noted(net, x0, t, eps, schedule, y):
        given.append((x0, t, y))
        return (net["w"] ** 2).sum()

    monkeypatch.setattr(digit_diffusion, "v_loss", noted)
    monkeypatch.setattr(digit_diffusion, "descend", lambda loss, net, draw, rng, **options: Once(loss, draw, rng))
    config = digit_diffusion.QUICK | {"batch": 1000}
    digit_diffusion.train(digit_diffusion.build(config), config, lambda step, *args, **options: step())
    ((x0, t, y),) = given
    assert x0.shape == (1000, 28, 28, 1) and x0.min() >= -1 and x0.min() < -0.9 and x0.max() > 0.9
    assert t.min() == 1 and t.max() == config["T"]
    assert abs(np.mean(y == -1) - 0.15) < 5 * (0.15 * 0.85 / 1000) ** 0.5
    assert set(y) == {-1, *range(10)}


class Once:
    """A training step that hands one batch to the loss."""

    state, averaged = {}, None

    def __init__(self, loss, draw, rng):
        self.loss, self.draw, self.rng = loss, draw, rng

    def __call__(self):
        return self.loss({"w": np.ones(1)}, *self.draw(self.rng))


def test_the_model_of_the_noise_is_that_of_its_network_in_halves_and_inside_a_derivative():
    rng = np.random.default_rng(0)
    net = UNet(rng, width=8, classes=10).map(lambda a: a + np.float32(0.1) * rng.standard_normal(a.shape, np.float32))
    schedule = Schedule.cosine(20)
    model, expected = DigitDiffusion(net, schedule), eps_model_from_v(net, schedule)
    x, y = rng.standard_normal((3, 28, 28, 1), dtype=np.float32), np.array([4, -1, 9])
    for t in (np.full(3, 7), np.array([1, 20, 7])):
        np.testing.assert_allclose(model(x, t, y), expected(x, t, y), rtol=1e-3, atol=1e-4)
        assert model(x, t, y).dtype == np.float32
    slopes = [grad(lambda x, f=f: (f(x, t, y) ** 2).sum())(x) for f in (model, expected)]
    np.testing.assert_array_equal(*slopes)
