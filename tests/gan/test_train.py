"""One step of each algorithm: who moves, how often, in which order, by how much; and that steps lead somewhere."""

import numpy as np
import pytest

from minigen.gan.losses import discriminator_loss, generator_loss_minimax, generator_loss_nonsaturating
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step, wgan_gp_step, wgan_step
from minigen.gan.wgan import critic_loss, generator_loss, gradient_penalty
from minigen.optim import SGD, Adam, RMSProp
from minigen.tensor import grad

STEPS = {
    "goodfellow": (goodfellow_step, "k", "discriminator"),
    "wgan": (wgan_step, "n_critic", "critic"),
    "wgan_gp": (wgan_gp_step, "n_critic", "critic"),
}


class Recorder(SGD):
    """Plain gradient descent that writes its name and what it was given."""

    def __init__(self, model, lr, name, log):
        super().__init__(model, lr)
        self.name, self.log = name, log

    def step(self, grads):
        self.log.append((self.name, grads.parameters()))
        super().step(grads)


class Setup:
    def __init__(self, seed=0, lr=0.01):
        rng = np.random.default_rng(seed)
        self.generator, self.discriminator = Generator(rng, width=8, depth=1), Discriminator(rng, width=8, depth=2)
        self.log, self.asked = [], []
        self.g_optimizer = Recorder(self.generator, lr, "G", self.log)
        self.d_optimizer = Recorder(self.discriminator, lr, "D", self.log)
        self.data, self.rng = np.random.default_rng(7), np.random.default_rng(8)

    def draw_real(self, n):
        self.asked.append(n)
        return self.data.standard_normal((n, 2), dtype=np.float32) + np.float32(2)

    def run(self, step, batch=5, **options):
        return step(
            self.generator,
            self.discriminator,
            self.g_optimizer,
            self.d_optimizer,
            self.draw_real,
            batch,
            self.rng,
            **options,
        )


def assert_moved(before, after, gradient, lr):
    for name, p in after.parameters().items():
        expected = before.parameters()[name] - lr * gradient.parameters()[name]
        np.testing.assert_allclose(p, expected, rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("times", [1, 3])
def test_who_moves_how_often_and_in_which_order(name, times):
    """k (or n_critic) steps of the discriminator, each on fresh real examples, then one of the generator."""
    step, option, label = STEPS[name]
    setup = Setup()
    values = setup.run(step, **{option: times})
    assert [who for who, _ in setup.log] == ["D"] * times + ["G"]
    assert setup.asked == [5] * times
    assert list(values) == [label, "generator"] and all(type(v) is float for v in values.values())
    gradients = [g["body.0.w"] for who, g in setup.log if who == "D"]
    assert all(np.any(a != b) for a, b in zip(gradients, gradients[1:]))


@pytest.mark.parametrize("name", STEPS)
def test_defaults_are_those_of_the_papers(name):
    setup = Setup()
    setup.run(STEPS[name][0])
    assert sum(who == "D" for who, _ in setup.log) == {"goodfellow": 1, "wgan": 5, "wgan_gp": 5}[name]


@pytest.mark.parametrize("name", STEPS)
def test_training_stays_in_float32(name):
    setup = Setup()
    setup.run(STEPS[name][0])
    for _, grads in setup.log:
        assert {g.dtype for g in grads.values()} == {np.dtype(np.float32)}
    for model in (setup.generator, setup.discriminator):
        assert {p.dtype for p in model.parameters().values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("saturating", [False, True])
@pytest.mark.parametrize("smooth", [0.0, 0.1])
def test_goodfellow_step_by_step(saturating, smooth):
    """Algorithm 1 written out on a copy with the same random numbers: Eq. gan.03 for D, then either loss for G."""
    setup, twin = Setup(), Setup()
    values = setup.run(goodfellow_step, saturating=saturating, smooth=smooth)

    real = twin.draw_real(5)
    fake = twin.generator.sample(twin.rng, 5)

    def d_loss(d):
        return discriminator_loss(d(real), d(fake), smooth)

    np.testing.assert_allclose(values["discriminator"], d_loss(twin.discriminator), rtol=1e-6)
    assert_moved(twin.discriminator, setup.discriminator, grad(d_loss)(twin.discriminator), 0.01)

    z = twin.generator.latent(twin.rng, 5)
    loss = generator_loss_minimax if saturating else generator_loss_nonsaturating

    def g_loss(g):
        return loss(setup.discriminator(g(z)))  # against the discriminator that has just moved

    np.testing.assert_allclose(values["generator"], g_loss(twin.generator), rtol=1e-6)
    assert_moved(twin.generator, setup.generator, grad(g_loss)(twin.generator), 0.01)


def test_wgan_step_by_step():
    """Arjovsky et al. 2017, Alg. 1, Eq. gan.19: descend, clip, and the generator sees the clipped critic."""
    setup, twin = Setup(), Setup()
    values = setup.run(wgan_step, n_critic=1, c=0.05)
    real, fake = twin.draw_real(5), twin.generator.sample(twin.rng, 5)

    def c_loss(f):
        return critic_loss(f(real), f(fake))

    np.testing.assert_allclose(values["critic"], c_loss(twin.discriminator), rtol=1e-5, atol=1e-7)
    gradient = grad(c_loss)(twin.discriminator).parameters()
    for name, p in setup.discriminator.parameters().items():
        moved = twin.discriminator.parameters()[name] - 0.01 * gradient[name]
        np.testing.assert_allclose(p, np.clip(moved, -0.05, 0.05), rtol=1e-5, atol=1e-7)
    z = twin.generator.latent(twin.rng, 5)

    def g_loss(g):
        return generator_loss(setup.discriminator(g(z)))

    np.testing.assert_allclose(values["generator"], g_loss(twin.generator), rtol=1e-5, atol=1e-7)
    assert_moved(twin.generator, setup.generator, grad(g_loss)(twin.generator), 0.01)


def test_wgan_clips_after_every_step():
    for times in (1, 4):
        setup = Setup(lr=10.0)
        setup.run(wgan_step, n_critic=times, c=0.02)
        assert max(np.abs(p).max() for p in setup.discriminator.parameters().values()) == np.float32(0.02)


def test_wgan_gp_step_by_step():
    """Gulrajani et al. 2017, Alg. 1: λ times the penalty is in the gradient and not in the reported loss."""
    setup, twin = Setup(), Setup()
    values = setup.run(wgan_gp_step, n_critic=1, penalty=7.0)
    real, fake = twin.draw_real(5), twin.generator.sample(twin.rng, 5)

    def plain(f):
        return critic_loss(f(real), f(fake))

    np.testing.assert_allclose(values["critic"], plain(twin.discriminator), rtol=1e-5, atol=1e-7)

    def full(f):
        return plain(f) + 7 * gradient_penalty(f, real, fake, twin.rng)

    assert_moved(twin.discriminator, setup.discriminator, grad(full)(twin.discriminator), 0.01)
    z = twin.generator.latent(twin.rng, 5)

    def g_loss(g):
        return generator_loss(setup.discriminator(g(z)))

    np.testing.assert_allclose(values["generator"], g_loss(twin.generator), rtol=1e-5, atol=1e-7)
    assert_moved(twin.generator, setup.generator, grad(g_loss)(twin.generator), 0.01)


@pytest.mark.parametrize("name", STEPS)
def test_same_random_numbers_same_training(name):
    one, two = Setup(), Setup()
    for _ in range(3):
        assert one.run(STEPS[name][0]) == two.run(STEPS[name][0])


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_a_generator_finds_a_normal(name):
    """From a cloud at the origin, 2.8 away, to N((2, 2), I): the mean of 2,000 samples comes within 1.5 of it."""
    rng = np.random.default_rng(0)
    generator, discriminator = Generator(rng, width=32, depth=1), Discriminator(rng, width=32, depth=2)
    if name == "wgan":
        optimizers = RMSProp(generator, 5e-3), RMSProp(discriminator, 5e-3)
    else:
        optimizers = Adam(generator, 5e-3, betas=(0.0, 0.9)), Adam(discriminator, 5e-3, betas=(0.0, 0.9))
    options = {"goodfellow": {}, "wgan": {"c": 0.2, "n_critic": 2}, "wgan_gp": {}}[name]

    def draw(n):
        return rng.standard_normal((n, 2), dtype=np.float32) + np.float32(2)

    for _ in range(200):
        for optimizer in optimizers:
            optimizer.lr *= 0.985
        STEPS[name][0](generator, discriminator, *optimizers, draw, 64, rng, **options)
    assert np.linalg.norm(generator.sample(rng, 2000).mean(0) - 2) < 1.5


@pytest.mark.parametrize("name", STEPS)
def test_bad_counts(name):
    step, option, _ = STEPS[name]
    with pytest.raises(ValueError, match=f"{option} must be a whole number of at least 1, got 0"):
        Setup().run(step, **{option: 0})
    with pytest.raises(ValueError, match="batch must be a whole number of at least 1, got 0"):
        Setup().run(step, batch=0)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize(
    ("real", "message"),
    [
        (np.full((5, 2), np.nan, np.float32), r"draw_real\(5\) must be finite, got 10 non-finite values"),
        (np.zeros((4, 2), np.float32), r"draw_real\(5\) must have shape \(5, \.\.\., D\), got \(4, 2\)"),
        (np.zeros((10, 2), np.float32), r"draw_real\(5\) must have shape \(5, \.\.\., D\), got \(10, 2\)"),
        (np.zeros(5, np.float32), r"draw_real\(5\) must have shape"),
        (None, r"draw_real\(5\) must be an array of real numbers"),
    ],
)
def test_bad_data(name, real, message):
    """Data that would train on silently: NaN, another number of examples. Nothing has moved when the error comes."""
    setup, twin = Setup(), Setup()
    setup.draw_real = lambda n: real
    with pytest.raises(ValueError, match=message):
        setup.run(STEPS[name][0])
    assert setup.log == []
    assert_moved(twin.discriminator, setup.discriminator, twin.discriminator, 0.0)


@pytest.mark.parametrize("name", STEPS)
def test_other_bad_arguments(name):
    setup = Setup()
    setup.draw_real = setup.draw_real(5)
    with pytest.raises(ValueError, match="draw_real must be a function or a model, got ndarray"):
        setup.run(STEPS[name][0])
    setup = Setup()
    setup.rng = 0
    with pytest.raises(ValueError, match="rng must be a numpy.random.Generator, .* got 0"):
        setup.run(STEPS[name][0])
