"""A whole diffusion model: its methods against the functions written out with the same random numbers, bit for bit,
and an exact model of a Gaussian against closed forms."""

import math
import re

import numpy as np
import pytest

from minigen.diffusion.ddpm import ancestral, eps_model_from_v, q_sample, v_from_x0_eps
from minigen.diffusion.flow_matching import TimeScaled
from minigen.diffusion.guidance import classifier_free, drop_labels
from minigen.diffusion.likelihood import vlb_terms
from minigen.diffusion.model import Diffusion
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule
from minigen.optim import EMA
from minigen.tensor import mse, value_and_grad

S = Schedule.linear(12, 0.02, 0.4)
SHIFT, SCALE = np.array([5.0, -100.0, 0.0], np.float32), np.array([2.0, 50.0, 0.1], np.float32)
LABELS = np.array([0, 3, 2, 1, 0, 2])


def random_net(seed=0, classes=4):
    """A network whose weights are all random, the last layer's too."""
    net = EpsMLP(np.random.default_rng(seed), dim=3, width=16, layers=2, classes=classes)
    for p in net.parameters().values():
        p += np.random.default_rng(seed + 1).normal(0, 0.3, p.shape)
    return net


def whole(net=None, **options):
    """A model in units in which no column has mean 0 or deviation 1."""
    model = Diffusion(random_net() if net is None else net, S, 3, **options)
    model.shift[...], model.scale[...] = SHIFT, SCALE
    return model


def table(n=6, seed=2):
    return (np.random.default_rng(seed).standard_normal((n, 3)) * SCALE + SHIFT).astype(np.float32)


# ------------------------------------------------------------------------------------------- bit for bit


@pytest.mark.parametrize("predicts", ["eps", "v"])
@pytest.mark.parametrize("y", [None, LABELS], ids=["no condition", "labels"])
def test_loss_by_hand(predicts, y):
    """Draw t, the noise and what is dropped; noise the standardized data; compare the prediction. Eq. diffusion.15"""
    model, x = whole(predicts=predicts, drop=0.5), table()
    value = model.loss(x, np.random.default_rng(4), y)

    rng = np.random.default_rng(4)
    x0, t = (x - SHIFT) / SCALE, rng.integers(1, 13, 6)
    eps = rng.standard_normal((6, 3), dtype=np.float32)
    kept = None if y is None else drop_labels(y, rng.random(6), 0.5)
    assert y is None or 0 < np.sum(kept == -1) < 6
    target = eps if predicts == "eps" else v_from_x0_eps(x0, t, eps, S)
    expected = mse(model.net(q_sample(x0, t, eps, S), t, kept), target)
    assert value == expected and value.dtype == np.float32
    after = np.random.default_rng(4)
    model.loss(x, after, y)
    assert after.bit_generator.state == rng.bit_generator.state  # nothing else has been drawn


@pytest.mark.parametrize("predicts", ["eps", "v"])
@pytest.mark.parametrize(
    ("y", "w"), [(None, 0.0), (LABELS, 0.0), (LABELS, 1.5), (2, -1.0)], ids=["plain", "labels", "guided", "one label"]
)
@pytest.mark.parametrize(
    ("options", "sampler"),
    [
        ({}, lambda model, x, rng: ancestral(model, x, S, rng)),
        ({"steps": 5}, lambda model, x, rng: ddim(model, x, S, 5)),
        ({"steps": 12, "eta": 0.7}, lambda model, x, rng: ddim(model, x, S, 12, 0.7, rng)),
    ],
    ids=["DDPM", "DDIM", "DDIM with noise"],
)
def test_sample_is_the_function(predicts, y, w, options, sampler):
    """The noise first, then the sampler with the same generator, then the units of the data."""
    model = whole(predicts=predicts)
    samples = model.sample(np.random.default_rng(4), 6, y, w=w, **options)

    net = model.net if predicts == "eps" else eps_model_from_v(model.net, S)
    labels = np.full(6, 2) if isinstance(y, int) else y

    def eps_model(x, t):
        if labels is None:
            return net(x, t)
        return classifier_free(net, labels, w)(x, t) if w else net(x, t, labels)

    rng = np.random.default_rng(4)
    noise = rng.standard_normal((6, 3), dtype=np.float32)
    expected = sampler(eps_model, noise, rng) * SCALE + SHIFT
    np.testing.assert_array_equal(samples, expected)
    assert samples.dtype == np.float32
    after = np.random.default_rng(4)
    model.sample(after, 6, y, w=w, **options)
    assert after.bit_generator.state == rng.bit_generator.state


@pytest.mark.parametrize("y", [None, LABELS], ids=["no condition", "labels"])
def test_elbo_is_the_function(y):
    """−L_VLB of the standardized data, less the logarithm of each column's scale. Eq. diffusion.12"""
    model, x = whole(), table()
    net = eps_model_from_v(model.net, S)

    def eps_model(z, t):
        return net(z, t) if y is None else net(z, t, y)

    bound = vlb_terms(eps_model, (x - SHIFT) / SCALE, S, np.random.default_rng(4)).total
    found = model.elbo(x, np.random.default_rng(4), y)
    np.testing.assert_allclose(found, -bound - math.log(2 * 50 * 0.1), rtol=1e-6, atol=1e-4)
    assert found.shape == (6,) and found.dtype == np.float32


# ------------------------------------------------------------------------------------------- closed forms


def standard_normal_eps(x, t):
    """E[eps | x_t] = √(1 − ᾱ_t) x_t for data from N(0, I)."""
    return np.sqrt(1 - S.alpha_bar[t])[:, None].astype(x.dtype) * x


def assert_moments(samples, mean, std):
    """The mean and the deviation of each column, at 5 standard errors."""
    n = len(samples)
    assert np.all(np.abs(samples.mean(axis=0) - mean) < 5 * std / math.sqrt(n))
    assert np.all(np.abs(samples.std(axis=0) - std) < 5 * std / math.sqrt(2 * n))


def test_samples_of_an_exact_gaussian():
    """With β for the variance x_t stays N(0, I) until the last step, which has no noise: √(1 − β_1) is left."""
    model = whole(standard_normal_eps, predicts="eps")
    assert_moments(model.sample(np.random.default_rng(0), 20_000), SHIFT, SCALE * math.sqrt(S.alpha[1]))


@pytest.mark.parametrize("shape", [3, (2, 4, 3)], ids=["columns", "channels"])
def test_elbo_of_an_exact_gaussian(shape):
    """The reverse steps are exact, with β_t for the variance of x_{t-1} given x_t: the bound is log p, in the mean."""
    schedule, repeats = Schedule([0.1, 0.3, 0.5]), 4000

    def eps_model(x, t):
        rate = np.sqrt(1 - schedule.alpha_bar[t]).astype(x.dtype)
        return rate.reshape(-1, *(1,) * (x.ndim - 1)) * x

    model = Diffusion(eps_model, schedule, shape, predicts="eps")
    model.shift[...], model.scale[...] = SHIFT, SCALE
    z = np.random.default_rng(1).standard_normal(model.shape)
    x = np.broadcast_to(z * SCALE + SHIFT, (repeats, *model.shape)).astype(np.float32)
    x0 = (x[0].astype(np.float64) - SHIFT) / SCALE
    exact = np.sum(-0.5 * x0**2 - np.log(SCALE) - 0.5 * math.log(2 * math.pi))
    found = model.elbo(x, np.random.default_rng(2))
    assert found.std() > 0
    assert abs(found.mean(dtype=np.float64) - exact) < 5 * found.std() / math.sqrt(repeats)


# ------------------------------------------------------------------------------------------- what the network gets


class Recorder:
    """A network that predicts nothing and writes down what it was given."""

    def __init__(self):
        self.calls = []

    def __call__(self, x, t, y=None):
        self.calls.append((x, t, y))
        return np.zeros_like(x)


def test_time_steps_are_uniform():
    """Each of 1..T as often as the others, at 5 standard errors."""
    net, n = Recorder(), 24_000
    Diffusion(net, S, 3).loss(np.zeros((n, 3), np.float32), np.random.default_rng(0))
    (_, t, _), shares = net.calls[0], np.full(12, 1 / 12)
    counts = np.bincount(t, minlength=13)
    assert counts[0] == 0 and len(counts) == 13
    np.testing.assert_allclose(counts[1:] / n, shares, atol=5 * math.sqrt(1 / 12 * 11 / 12 / n))


@pytest.mark.parametrize(
    ("y", "none"),
    [
        (np.full(8000, 3), -1),
        (np.full((8000, 2), 3), -1),
        (np.full(8000, 3, np.uint8), -1),
        (np.full((8000, 2), 3.0, np.float32), 0),
    ],
    ids=["labels", "words", "bytes", "vectors"],
)
def test_a_tenth_of_the_conditions_is_dropped(y, none):
    """Whole rows of them, at 5 standard errors; what is kept stays, and so does its dtype."""
    net, x = Recorder(), np.zeros((8000, 3), np.float32)
    before = y.copy()
    Diffusion(net, S, 3).loss(x, np.random.default_rng(0), y)
    given = net.calls[0][2]
    dropped = np.reshape(given == none, (8000, -1))
    assert np.all(dropped.all(axis=1) == dropped.any(axis=1))
    assert abs(dropped[:, 0].mean() - 0.1) < 5 * math.sqrt(0.1 * 0.9 / 8000)
    np.testing.assert_array_equal(given[~dropped[:, 0]], 3)
    assert given.dtype == (y.dtype if y.dtype.kind == "f" else np.int64) and np.array_equal(y, before)


@pytest.mark.parametrize("drop", [0.0, 1.0])
def test_none_or_all_are_dropped(drop):
    net = Recorder()
    Diffusion(net, S, 3, drop=drop).loss(table(), np.random.default_rng(0), LABELS)
    np.testing.assert_array_equal(net.calls[0][2], LABELS if drop == 0 else -1)


@pytest.mark.parametrize("shape", [3, (4, 5, 3)], ids=["columns", "channels"])
def test_standardized_data_reach_the_network(shape):
    """Mean 0 and deviation 1 in each column or channel, for data of very different size."""
    net, schedule = Recorder(), Schedule([1e-9])  # a noise that does not show
    model = Diffusion(net, schedule, shape)
    x = (np.random.default_rng(0).gamma(2.0, size=(500, *model.shape)) * SCALE + SHIFT).astype(np.float32)
    assert model.standardize(x) is model
    axes = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(model.shift, x.mean(axis=axes, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(model.scale, x.std(axis=axes, dtype=np.float64), rtol=1e-6)
    model.loss(x, np.random.default_rng(1))
    got = net.calls[0][0]
    np.testing.assert_allclose(got.mean(axis=axes), 0, atol=1e-3)
    np.testing.assert_allclose(got.std(axis=axes), 1, atol=1e-3)
    samples = model.sample(np.random.default_rng(2), 3)  # of a network that predicts v = 0
    assert samples.shape == (3, *model.shape)


def test_the_scale_belongs_to_the_model_and_is_not_trained(tmp_path):
    """It is in files and moving averages, and not among the parameters."""
    model = whole()
    assert not {"shift", "scale"} & set(model.parameters())
    twin = Diffusion(random_net(seed=5), S, 3).load(model.save(tmp_path / "model.npz"))
    one, two = (each.sample(np.random.default_rng(0), 4) for each in (model, twin))
    np.testing.assert_array_equal(one, two)
    average = EMA(Diffusion(random_net(), S, 3))
    average.update(model)
    np.testing.assert_array_equal(average.model.scale, SCALE)
    np.testing.assert_array_equal(model.copy().sample(np.random.default_rng(0), 4), one)


FILED = {
    "eps, linear": lambda rng: Diffusion(random_net(), S, 3, predicts="eps", drop=0.4),
    "v, cosine": lambda rng: Diffusion(random_net(), schedule=Schedule.cosine(40), shape=(3,)),
    "karras": lambda rng: Diffusion(random_net(), Schedule.karras(9), 3),
    "images": lambda rng: Diffusion(UNet(rng, channels=3, width=8, classes=4), S, (4, 4, 3), drop=0.0),
    "a wrapped network": lambda rng: Diffusion(TimeScaled(random_net(), 2.0), S, 3),
}


@pytest.mark.parametrize("name", FILED)
def test_a_file_gives_the_model_again(name, tmp_path):
    """Network, schedule, settings, shift and scale: the same loss and the same samples, bit for bit."""
    rng = np.random.default_rng(7)
    model = FILED[name](rng)
    x = (rng.standard_normal((6, *model.shape)) * SCALE + SHIFT).astype(np.float32)
    model.standardize(x)
    for a in model.parameters().values():
        a += 0.1 * rng.standard_normal(a.shape, dtype=np.float32)
    again = Diffusion.from_file(model.save(tmp_path / "model.npz"))
    assert (again.shape, again.predicts, again.drop) == (model.shape, model.predicts, model.drop)
    for attribute, value in vars(model.schedule).items():
        np.testing.assert_array_equal(getattr(again.schedule, attribute), value, err_msg=attribute)
        assert np.asarray(getattr(again.schedule, attribute)).dtype == np.asarray(value).dtype
    for call in (
        lambda model, draws: model.loss(x, draws, LABELS),
        lambda model, draws: model.sample(draws, 4, 1, w=1.0, steps=3),
        lambda model, draws: model.sample(draws, 4),
    ):
        one, two = (call(each, np.random.default_rng(3)) for each in (model, again))
        np.testing.assert_array_equal(one, two)


def test_a_function_is_not_in_a_file(tmp_path):
    path = whole(plain).save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match="net of Diffusion is missing, because a file cannot hold it"):
        Diffusion.from_file(path)
    np.testing.assert_array_equal(Diffusion(plain, S, 3).load(path).scale, SCALE)


def test_large_samples_are_made_in_parts():
    """At most 500 examples reach the network at once, with their own times and conditions."""
    net, y = Recorder(), np.arange(1100) % 4
    samples = Diffusion(net, S, 3).sample(np.random.default_rng(0), 1100, y, steps=2)
    assert samples.shape == (1100, 3)
    assert [len(x) for x, _, _ in net.calls] == [500, 500, 100] * 2
    for call in (0, 3):
        np.testing.assert_array_equal(np.concatenate([given for _, _, given in net.calls[call : call + 3]]), y)
    model = whole()
    noise = np.random.default_rng(0).standard_normal((1100, 3), dtype=np.float32)
    expected = ddim(eps_model_from_v(model.net, S), noise, S, 4) * SCALE + SHIFT
    np.testing.assert_allclose(model.sample(np.random.default_rng(0), 1100, steps=4), expected, rtol=1e-4, atol=1e-2)


# ------------------------------------------------------------------------------------------- training


def test_gradients_are_float32_and_those_of_the_network_alone():
    model = whole()
    value, grads = value_and_grad(lambda m: m.loss(table(), np.random.default_rng(0), LABELS))(model)
    found = grads.parameters()
    assert found.keys() == model.parameters().keys() == {f"net.{name}" for name in model.net.parameters()}
    assert {g.dtype for g in found.values()} == {np.dtype(np.float32)} and value.dtype == np.float32
    wide = model.loss(table().astype(np.float64), np.random.default_rng(0), LABELS)
    assert wide.dtype == np.float64


# ------------------------------------------------------------------------------------------- bad arguments


def plain(x, t):
    return 0 * x


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Diffusion(object(), S, 3), "net must be a function or a model, got <object"),
        (lambda: Diffusion(EpsMLP, S, 3), "net must be a function or a model, got .*: call it first"),
        (lambda: Diffusion(plain, 12, 3), "schedule must be an instance of Schedule, got 12"),
        (lambda: Diffusion(plain, S.beta, 3), "schedule must be an instance of Schedule, got ndarray"),
        (lambda: Diffusion(plain, S.subset([3, 12]), 3), "schedule must be a full one, .* got 2 times up to 12: train"),
        (lambda: Diffusion(plain, S, 0), "shape must be a whole number of at least 1, got 0"),
        (lambda: Diffusion(plain, S, ()), r"shape must have at least one axis, such as \(2,\), got \(\)"),
        (lambda: Diffusion(plain, S, 3, predicts="x0"), "predicts must be one of 'eps', 'v', got 'x0'"),
        (lambda: Diffusion(plain, S, 3, drop=1.5), r"drop must be a number in \[0, 1\], got 1.5"),
        (lambda: whole().loss(table()[:, :2], RNG), r"x must have shape \(N, 3\), got \(6, 2\)"),
        (lambda: whole().loss(table() * np.nan, RNG), "x must be finite, got 18 non-finite values"),
        (lambda: whole().loss(table(), 0), "rng must be a numpy.random.Generator, .* got 0"),
        (
            lambda: whole().loss(table(), RNG, LABELS[:4]),
            r"y must have one row for each of 6 examples, got shape \(4,\)",
        ),
        (lambda: whole().loss(table(), RNG, ["a"] * 6), "y must be an array of whole numbers, .* got dtype <U1"),
        (lambda: whole().loss(table(), RNG, LABELS + 2), "y must be in -1..3, got values from"),
        (lambda: whole(plain).loss(table(), RNG, LABELS), "y must be None, since net takes x and t only"),
        (lambda: whole(plain).sample(RNG, 3, 1), "y must be None, since net takes x and t only"),
        (lambda: whole(plain).elbo(table(), RNG, LABELS), "y must be None, since net takes x and t only"),
        (lambda: whole(random_net(classes=None)).sample(RNG, 3, 1), "y must be None for a model without classes"),
        (lambda: whole().sample(RNG, 0), "n must be a whole number of at least 1, got 0"),
        (lambda: whole().sample(3, 3), "rng must be a numpy.random.Generator, .* got 3"),
        (lambda: whole().sample(RNG, 3, LABELS), r"y must have one row for each of 3 examples, got shape \(6,\)"),
        (lambda: whole().sample(RNG, 3, steps=13), "steps must be a whole number in 1..12, got 13"),
        (lambda: whole().sample(RNG, 3, steps=0), "steps must be a whole number in 1..12, got 0"),
        (lambda: whole().sample(RNG, 3, w=2.0), "w must be 0 without a condition y, got 2.0"),
        (lambda: whole().sample(RNG, 3, 1, w=np.inf), "w must be a number"),
        (lambda: whole().sample(RNG, 3, eta=0.5), "eta must be 0 without steps, .* got 0.5"),
        (lambda: whole().sample(RNG, 3, steps=3, eta=2), r"eta must be a number in \[0, 1\], got 2"),
        (lambda: whole().standardize(table()[:, :2]), r"x must have shape \(N, 3\), got \(6, 2\)"),
        (
            lambda: whole().standardize(table() * [1, 0, 1]),
            r"x must vary in every column .* a constant in x\[\.\.\., 1\]",
        ),
        (lambda: whole().elbo(table()[0], RNG), r"x must have shape \(N, 3\), got \(3,\)"),
    ],
)
def test_bad_arguments(call, message):
    """Each is named before anything is drawn."""
    before = RNG.bit_generator.state
    with pytest.raises(ValueError, match=message):
        call()
    assert RNG.bit_generator.state == before or re.search("classes|-1..3", message)  # those the network finds


def test_images_and_a_unet(rng=np.random.default_rng(0)):
    """A network with another interface of the same three arguments, and one that refuses another size."""
    model = Diffusion(UNet(rng, width=8, classes=3), S, (8, 8, 1))
    x = rng.standard_normal((2, 8, 8, 1), dtype=np.float32)
    assert model.loss(x, rng, np.array([0, 2])).shape == ()
    assert model.sample(rng, 2, [0, 2], w=1.0, steps=2).shape == (2, 8, 8, 1)
    with pytest.raises(ValueError, match=r"x must have shape \(N, 8, 8, 1\), got \(2, 12, 8, 1\)"):
        model.loss(np.zeros((2, 12, 8, 1), np.float32), rng)
