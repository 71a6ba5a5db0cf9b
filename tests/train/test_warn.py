"""What a training warns of, and what it must not."""

import itertools
import warnings

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.data import batches, dequantize
from minigen.flow.made import MADE
from minigen.flow.realnvp import RealNVP
from minigen.nn import MLP, Module
from minigen.tensor import mse
from minigen.train import TrainingWarning, descend, fit
from minigen.vae.vae import VAE, vae_loss

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal((200, 3), dtype=np.float32)


def with_column(values):
    """The normal points, with these values in the last column."""
    return np.concatenate([NORMAL[:, :2], np.broadcast_to(values, (200,))[:, None]], axis=1).astype(np.float32)


def flow_step(x, standardized=False):
    flow = RealNVP(np.random.default_rng(1), dim=x.shape[1], couplings=2, width=8)
    if standardized:
        flow.standardize(x)
    return descend(RealNVP.loss, flow, batches(x, size=50, rng=np.random.default_rng(2)))


def warnings_of(step, steps=3):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(step, steps, quiet=True)
    assert all(each.category is TrainingWarning for each in caught)
    return [str(each.message) for each in caught]


@pytest.mark.parametrize(
    "x, message",
    [
        (NORMAL * 1e6, "the data are not standardized: columns 0, 1 and 2 are about 1"),
        (with_column(30_000 + 9000 * NORMAL[:, 2]), "not standardized: column 2 is about 3.07e+04 in size"),
        (with_column(0.7), "column 2 is the same in every row: a density there grows without bound"),
        (with_column(RNG.poisson(4, 200)), "column 2 holds whole numbers only: .* x = minigen.data.dequantize(x, rng)"),
        (with_column(RNG.integers(0, 2, 200)), "column 2 holds whole numbers only"),
    ],
)
def test_a_density_is_warned_once(x, message):
    found = warnings_of(flow_step(x))
    assert len(found) == 1
    for part in message.split(" .* "):
        assert part in found[0]


@pytest.mark.parametrize("x", [NORMAL * 1e6, with_column(30_000 + 9000 * NORMAL[:, 2])])
def test_a_flow_that_standardizes_is_not_warned(x):
    assert warnings_of(flow_step(x, standardized=True)) == []


def test_ordinary_points_are_not_warned_of():
    assert warnings_of(flow_step(NORMAL)) == []
    assert warnings_of(flow_step(30 + 10 * NORMAL)) == []  # not standardized, but it trains
    counts = with_column(RNG.poisson(4, 200))
    assert warnings_of(flow_step(dequantize(counts, np.random.default_rng(0)))) == []


def test_large_whole_numbers_are_as_good_as_continuous():
    """float32 has no other numbers: what the warning advises, `dequantize`, could not add noise to them."""
    times = with_column(1.7e9 + 3e7 * RNG.random(200))
    assert warnings_of(flow_step(times, standardized=True)) == []
    both = np.concatenate([times, with_column(RNG.poisson(4, 200))[:, 2:]], axis=1)
    assert "column 3 holds whole numbers only" in warnings_of(flow_step(both, standardized=True))[0]
    assert warnings_of(flow_step(dequantize(both, np.random.default_rng(0)), standardized=True)) == []


def test_the_whole_data_are_looked_at_where_they_are_known():
    """A batch of the points of one class has a constant column, and the data have none."""
    label = np.repeat([0.5, 1.25], 100)
    x = with_column(label)
    batch = itertools.repeat(x[:50])
    flow = RealNVP(np.random.default_rng(1), dim=3, couplings=2, width=8)
    assert len(warnings_of(descend(RealNVP.loss, flow, batch))) == 1
    assert warnings_of(flow_step(x)) == []


def test_zeros_and_ones_codes_labels_and_pixels_are_not_warned_of():
    bits = (RNG.random((200, 12)) < 0.5).astype(np.float32)
    bits[:, 0] = 0  # as the border of an image
    made = MADE(np.random.default_rng(1), 12, [16])
    assert warnings_of(descend(lambda m, x: -anp.mean(m.log_prob(x)), made, itertools.repeat(bits))) == []
    vae = VAE(np.random.default_rng(1), dim_x=12, dim_z=2, widths=(8,))
    eps = np.zeros((200, 2), np.float32)
    assert warnings_of(descend(vae_loss, vae, itertools.repeat((bits, eps)))) == []
    grey = RNG.random((200, 12)).astype(np.float32)
    grey[:, 0] = 0
    assert warnings_of(descend(vae_loss, vae, itertools.repeat((grey, eps)))) == []

    class Codes(Module):
        def __init__(self):
            self.logits = np.zeros((500,), np.float32)

        def log_prob(self, codes):
            return self.logits[codes.ravel()]

    codes = RNG.integers(0, 500, (200, 3))
    assert warnings_of(descend(lambda m, c: -anp.mean(m.log_prob(c)), Codes(), itertools.repeat(codes))) == []


def regression(scale):
    model, x = MLP(np.random.default_rng(0), [3, 8, 1], "tanh"), NORMAL * scale
    return descend(lambda m, x, y: mse(m(x), y), model, itertools.repeat((x, NORMAL[:, :1] * np.float32(1e6))))


def test_a_network_without_a_density_is_warned_of_its_input_only():
    assert warnings_of(regression(np.float32(1))) == []
    assert len(warnings_of(regression(np.float32(1e3)))) == 1


@pytest.mark.parametrize("standardized", [False, True])
def test_any_model_that_may_standardize_is_judged_by_its_first_loss(standardized):
    class Centered(Module):
        def __init__(self):
            self.net = MLP(np.random.default_rng(0), [3, 8, 3], "tanh")

        def standardize(self):
            """Only its presence matters here."""

    def loss(model, x):
        return mse(model.net(x / 1e6 if standardized else x), x / 1e6 if standardized else x)

    step = descend(loss, Centered(), itertools.repeat(NORMAL * np.float32(1e6)))
    assert len(warnings_of(step)) == (0 if standardized else 1)


class Scale(Module):
    def __init__(self, dtype):
        self.net = MLP(np.random.default_rng(0), [3, 8, 3], "tanh")
        self.t = np.ones(3, dtype)

    def __call__(self, x):
        return self.t * self.net(x)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_whole_numbers_as_integers_are_warned_of_for_a_density_of_real_numbers(dtype):
    counts = RNG.poisson(4, (200, 3)).astype(dtype)
    assert "columns 0, 1 and 2 hold whole numbers only" in warnings_of(flow_step(counts))[0]
    gaussian = MADE(np.random.default_rng(1), 3, [8], outputs=2)
    assert "hold whole numbers only" in warnings_of(descend(MADE.loss, gaussian, itertools.repeat(counts)))[0]
    bits = MADE(np.random.default_rng(1), 3, [8])
    assert warnings_of(descend(MADE.loss, bits, itertools.repeat((counts > 3).astype(dtype)))) == []


def conditional_step(context, standardized):
    flow = RealNVP(np.random.default_rng(1), dim=3, couplings=2, width=8, context=2)
    flow.standardize(NORMAL, context if standardized else None)
    return descend(RealNVP.loss, flow, batches(NORMAL, context, size=50, rng=np.random.default_rng(2)))


def test_a_condition_that_is_not_standardized():
    """A count and a time: the first loss does not show it, as the networks start at zero."""
    context = np.stack([RNG.poisson(4, 200), 1.7e9 + 3e7 * RNG.random(200)], axis=1).astype(np.float32)
    found = warnings_of(conditional_step(context, standardized=False))
    assert len(found) == 1 and "the condition, array 1 of the batch, is not standardized: column 1 is" in found[0]
    assert "flow.standardize(x, context)" in found[0]
    assert warnings_of(conditional_step(context, standardized=True)) == []
    assert warnings_of(conditional_step(NORMAL[:, :2], standardized=False)) == []


def test_what_a_warning_advises_is_enough():
    """Data and condition standardized as the texts say."""
    x, context = NORMAL * np.float32(1e6), NORMAL[:, :2] * np.float32(1e3)
    assert "x = (x - x.mean(axis=0)) / x.std(axis=0)" in warnings_of(flow_step(x))[0]
    assert warnings_of(flow_step((x - x.mean(axis=0)) / x.std(axis=0))) == []
    context = (context - context.mean(axis=0)) / context.std(axis=0)
    assert warnings_of(conditional_step(context, standardized=False)) == []


def test_a_loss_in_float64_is_warned_of_once():
    def wide(model, x):
        return mse(model(x) * np.log(2.0), x)  # a numpy.float64

    def wide_at_the_end(model, x):
        return anp.mean(anp.sum(model(x) ** 2, axis=1) / np.log(2.0))

    def narrow(model, x):
        return mse(model(x) * float(np.log(2.0)), x)

    model = Scale(np.float32)
    found = warnings_of(descend(wide, model, itertools.repeat(NORMAL)))
    assert len(found) == 1 and "the loss of this Scale is computed in float64" in found[0]
    assert "a number or an array in the loss or in a layer is; see multiply, which gives the shape (200, 3)" in found[0]
    found = warnings_of(descend(narrow, model, itertools.repeat(NORMAL.astype(np.float64))))
    assert len(found) == 1 and "because array 0 of the batch is: use x.astype(numpy.float32)" in found[0]
    for loss in (narrow, wide_at_the_end):
        assert warnings_of(descend(loss, model, itertools.repeat(NORMAL))) == []
    everything = model.map(lambda a: a.astype(np.float64))
    with pytest.warns(TrainingWarning, match="parameters .* are in float64"):
        step = descend(wide, everything, itertools.repeat(NORMAL))
    assert warnings_of(step) == []  # of the parameters it is said already


def test_parameters_in_float64_are_named_when_the_step_is_made():
    def loss(model, x):
        return mse(model(x), x)

    with pytest.warns(TrainingWarning, match="parameter t of this Scale is in float64") as caught:
        descend(loss, Scale(np.float64), itertools.repeat(NORMAL))
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        descend(loss, Scale(np.float32), itertools.repeat(NORMAL))
        descend(lambda g, x: anp.mean((g["mu"] - x) ** 2), {"mu": np.zeros(3)}, itertools.repeat(NORMAL))


def test_the_line_that_is_named_is_the_users():
    with pytest.warns(TrainingWarning) as caught:
        fit(flow_step(with_column(0.7)), 2, quiet=True)
    assert caught[0].filename == __file__
