"""The usual training step against the same step written out, bit for bit; resumed through `fit`; its errors."""

import copy
import itertools
import pickle

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.data.batches import Batches
from minigen.nn import MLP
from minigen.optim import EMA, SGD, Adam, RMSProp, cosine
from minigen.tensor import leaves, mse, parallel_value_and_grad, value_and_grad
from minigen.train import descend, fit
from minigen.vae.vae import VAE

X = np.random.default_rng(0).standard_normal((60, 3), dtype=np.float32)
Y = np.sin(X[:, :1])


def new_model():
    return MLP(np.random.default_rng(1), [3, 16, 1], activation="tanh")


def loss(model, x, y):
    return mse(model(x), y)


def loss_with_terms(model, x, y):
    fit, size = mse(model(x), y), anp.mean(model.layers[0].w ** 2)
    return fit + 0.1 * size, {"fit": fit, "size": size, "constant": 3}


def draw(rng):
    rows = rng.integers(0, len(X), 16)
    return X[rows], Y[rows]


def same(a, b):
    mine, theirs = a.state(), b.state()
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key]) for key in mine)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("ema", [None, 0.9])
@pytest.mark.parametrize("lr", [None, 3e-3, cosine(1e-2, 12, warmup=3)])
def test_a_step_is_the_step_written_out(lr, ema, parallel):
    step = descend(loss_with_terms, new_model(), draw, lr=lr, ema=ema, rng=np.random.default_rng(7), parallel=parallel)
    model, rng = new_model(), np.random.default_rng(7)
    optimizer, average = Adam(model, 1e-3 if lr is None or callable(lr) else lr), EMA(model, ema or 0.0)
    gradient = (parallel_value_and_grad if parallel else value_and_grad)(loss_with_terms, has_aux=True)
    for i in range(12):
        (value, terms), grads = gradient(model, *draw(rng))
        optimizer.lr = lr(i) if callable(lr) else optimizer.lr
        optimizer.step(grads)
        average.update(model)
        found = step(i)
        assert found == {"loss": float(value), **{name: float(term) for name, term in terms.items()}}
        assert all(type(number) is float for number in found.values())
        assert step.optimizer.lr == optimizer.lr
    assert same(step.model, model) and same(step.optimizer, optimizer)
    assert step.averaged is step.model if ema is None else same(step.averaged, average.model)
    assert all(a.dtype == np.float32 for a in step.averaged.parameters().values())


def test_the_loss_is_that_before_the_update_and_it_falls():
    model = new_model()
    before = loss(model, X, Y)
    step = descend(loss, model, itertools.repeat((X, Y)), lr=1e-2)
    history = fit(step, 60, quiet=True)
    assert history["loss"][0] == before and list(history) == ["loss"]
    assert history["loss"][-1] < 0.2 * before
    assert step.model is model  # it is trained in place


@pytest.mark.parametrize("parallel", [False, True])
def test_terms_of_two_threads_are_those_of_one_up_to_rounding(parallel):
    step = descend(loss_with_terms, new_model(), itertools.repeat((X[:7], Y[:7])), parallel=parallel)
    value, terms = loss_with_terms(new_model(), X[:7], Y[:7])
    expected = {"loss": value, **terms}
    found = step(0)
    assert found.keys() == expected.keys()
    assert all(found[name] == pytest.approx(float(expected[name]), rel=1e-5) for name in found)


def test_a_batch_of_one_array_need_not_be_a_tuple():
    model, seen = new_model(), []

    def of_x(model, x):
        seen.append(x)
        return anp.mean(model(x) ** 2)

    step = descend(of_x, model, iter([X[:4], (X[4:8],)]))
    step(0), step(1)
    assert seen[0] is not None and np.array_equal(seen[0], X[:4]) and np.array_equal(seen[1], X[4:8])


def test_an_optimizer_of_ones_own_keeps_or_gets_its_rate():
    model = new_model()
    optimizer = SGD(model, 0.5, momentum=0.9)
    step = descend(loss, model, itertools.repeat((X, Y)), optimizer=optimizer)
    assert step.optimizer is optimizer and optimizer.lr == 0.5
    step(0)
    assert optimizer.steps == 1
    with pytest.raises(ValueError, match=r"lr must be None beside an optimizer, .* 0.5: make it as SGD\(model, 0.25\)"):
        descend(loss, model, itertools.repeat((X, Y)), optimizer=optimizer, lr=0.25)
    step = descend(loss, model, itertools.repeat((X, Y)), optimizer=optimizer, lr=lambda i: 0.25)
    step(0)
    assert optimizer.lr == 0.25


def test_a_loss_that_does_not_fit_its_batch_is_refused_before_it_is_called():
    """A loss of a VAE needs a generator; the loss of a model is the class's, not that of one model."""
    x, rng = np.random.default_rng(0).random((20, 4), dtype=np.float32), np.random.default_rng(0)
    vae = VAE(rng, dim_x=4, dim_z=2, widths=(8,))
    for options in ({}, {"rng": rng}):
        step = descend(VAE.loss, vae, itertools.repeat(x), **options)
        with pytest.raises(
            ValueError, match=r"one array of a batch, got VAE.loss\(self.*noise=: descend\(\.\.\., noise=rng\)"
        ):
            step(0)
    assert np.isfinite(descend(VAE.loss, vae, itertools.repeat(x), noise=rng)(0)["loss"])
    with pytest.raises(ValueError, match="loss must be a function of the model and a batch, such as VAE.loss"):
        descend(vae.loss, vae, itertools.repeat(x), noise=rng)
    with pytest.raises(ValueError, match=r"the 2 arrays of a batch, got .*of_one\(m, x\)$"):
        descend(of_one, vae, itertools.repeat((x, x)))(0)
    with pytest.raises(ValueError, match="one array of a batch, and noise=, got .*; without noise= it fits"):
        descend(of_one, vae, itertools.repeat(x), noise=rng)(0)


def of_one(m, x):
    return m.loss(x, np.random.default_rng(0))


@pytest.mark.parametrize("parallel", [False, True])
def test_an_optimizer_that_holds_the_arrays_in_another_order(parallel):
    """Gradients reach it as a list in the model's order; each must reach its own array, also of equal shapes."""
    models = [{"a": np.ones(2, np.float32), "b": np.ones(2, np.float32), "c": np.ones(3, np.float32)} for _ in range(2)]
    slopes = {"a": 1.0, "b": 10.0, "c": 100.0}
    orders = ["abc", "cba"]
    optimizers = [SGD({name: model[name] for name in order}, 1e-2) for model, order in zip(models, orders)]

    def linear_loss(model, x):
        return anp.mean(x) * sum(slope * anp.sum(model[name]) for name, slope in slopes.items())

    for model, optimizer in zip(models, optimizers):
        batches = itertools.repeat(np.ones(4, np.float32))
        descend(linear_loss, model, batches, optimizer=optimizer, parallel=parallel)(0)
    for name, slope in slopes.items():
        np.testing.assert_allclose(models[0][name], 1 - 0.01 * slope, rtol=1e-5)
        np.testing.assert_array_equal(models[1][name], models[0][name])


def test_a_model_that_is_frozen_in_part_after_the_step_was_made_is_an_error():
    model = new_model()
    step = descend(loss, model, itertools.repeat((X, Y)), lr=0.1)
    step(0)
    model.layers[0].freeze()
    before = model.copy()
    with pytest.raises(
        ValueError, match="model must keep the 4 arrays that it had when `descend` was called, got .* 2:"
    ):
        step(1)
    assert same(model, before)


@pytest.mark.parametrize("parallel", [False, True])
def test_no_tree_of_gradients_is_made_in_a_step(monkeypatch, parallel):
    """The list of gradients goes to the optimizer as the derivative collects it."""
    from minigen.optim import optimizers
    from minigen.tensor import core
    from minigen.tensor import parallel as halves

    step = descend(loss, new_model(), itertools.repeat((X, Y)), ema=0.9, parallel=parallel)
    step(0)
    for home in (core, halves):
        monkeypatch.setattr(home, "tree_of", None)
    monkeypatch.setattr(optimizers, "named_leaves", None)
    assert step(1)["loss"] < 10


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda gradients: gradients[:-1], "gradients must be 4 arrays in the order .* got 3"),
        (
            lambda gradients: gradients[::-1],
            r"gradients must be 4 arrays .* of the shapes of the model's, got \(.*\) for",
        ),
    ],
)
def test_a_list_of_other_gradients_is_refused_before_any_change(change, message):
    model = new_model()
    optimizer, before = SGD(model, 0.1), model.copy()
    with pytest.raises(ValueError, match=message):
        optimizer.apply(change([np.ones_like(a) for a in model.parameters().values()]))
    assert same(model, before) and optimizer.steps == 0


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("part", [0.3, 1.5])
def test_a_longer_gradient_is_clipped_and_a_shorter_one_is_not(part, parallel):
    """SGD moves by lr times the gradient, so the length of its step shows that of the gradient."""
    model, gradient = new_model(), value_and_grad(loss)(new_model(), X, Y)[1]
    length = np.sqrt(sum(np.sum(g.astype(float) ** 2) for g in leaves(gradient)))
    before = [a.copy() for a in leaves(model)]
    settings = {"optimizer": SGD(model, 0.5), "clip": part * length, "parallel": parallel}
    descend(loss, model, itertools.repeat((X, Y)), **settings)(0)
    for a, b, g in zip(leaves(model), before, leaves(gradient), strict=True):
        np.testing.assert_allclose(b - a, 0.5 * min(1.0, part) * g, rtol=1e-3, atol=1e-6)


class Epochs:
    """The pieces of a training, new each time."""

    def __init__(self, kind):
        self.rng = np.random.default_rng(5)
        model = new_model()
        batches = draw if kind == "function" else Batches(X, Y, size=16, rng=self.rng)
        optimizer = RMSProp(model, 1e-3) if kind == "batches, rmsprop" else None
        self.step = descend(
            loss_with_terms, model, batches, lr=cosine(1e-2, 40), ema=0.9, rng=self.rng, optimizer=optimizer
        )


@pytest.mark.parametrize("kind", ["function", "batches", "batches, rmsprop"])
def test_training_resumes_to_the_bit(tmp_path, kind):
    whole = Epochs(kind)
    expected = fit(whole.step, 40, quiet=True)
    first = Epochs(kind)

    def until_killed(i):
        if i == 26:
            raise RuntimeError("gone")
        return first.step(i)

    with pytest.raises(RuntimeError, match="gone"):
        fit(until_killed, 40, state=first.step.state, checkpoint=tmp_path / "c.npz", every=11, quiet=True)
    again = Epochs(kind)
    history = fit(again.step, 40, state=again.step.state, checkpoint=tmp_path / "c.npz", resume=True, quiet=True)
    for name in ("loss", "fit", "size", "constant"):
        np.testing.assert_array_equal(history[name], expected[name])
    for name in whole.step.state.keys() - {"rng"}:
        assert same(again.step.state[name], whole.step.state[name]), name
    np.testing.assert_array_equal(again.rng.random(4), whole.rng.random(4))


def test_the_state_names_what_a_step_changes_and_nothing_else():
    rng, model = np.random.default_rng(0), new_model()
    assert set(descend(loss, model, iter([])).state) == {"model", "optimizer"}
    assert set(descend(loss, model, draw, rng=rng, ema=0.5).state) == {"model", "optimizer", "ema", "rng"}
    batches = Batches(X, Y, size=8, rng=rng)
    assert set(descend(loss, model, batches, rng=rng).state) == {"model", "optimizer", "rng", "batches"}


MODEL = new_model()
GOOD = {"loss": loss, "model": MODEL, "batches": itertools.repeat((X, Y))}


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"loss": 3}, "loss must be a function of the model and a batch, got int"),
        ({"model": MLP}, "model must be a Module, or a tree of float arrays, got <class 'minigen.nn.layers.MLP'>"),
        ({"model": [1, "a"]}, "model must be a Module, or a tree of float arrays, got "),
        ({"model": [np.ones(2)], "ema": 0.9}, r"ema needs a Module to average, got \[array"),
        ({"batches": draw}, r"batches must be an iterator, or a function of a generator \(with rng=\), got function"),
        ({"batches": [X]}, r"batches must be an iterator.* got list; give it as iter\(batches\)"),
        ({"batches": X}, r"got ndarray; make batches of an array x with minigen.data.batches\(x, size=..., rng=...\)"),
        ({"batches": (X, Y)}, r"got tuple; make batches of arrays x, y with minigen.data.batches\(x, y, size="),
        ({"batches": 3}, "batches must be an iterator.* got int$"),
        ({"noise": 0}, "noise must be a numpy.random.Generator, .* got 0"),
        ({"batches": draw, "rng": 0}, "rng must be a numpy.random.Generator, .* got 0"),
        ({"lr": -1}, r"lr must be a number in \[0, inf\), got -1"),
        ({"lr": "fast"}, "lr must be a number"),
        ({"ema": 1}, r"decay must be a number in \[0, 1\), got 1"),
        ({"clip": 0}, "clip must be a positive number, got 0"),
        ({"clip": True}, "clip must be a positive number, got True"),
        ({"optimizer": Adam}, "optimizer must be an Optimizer of minigen.optim, got <class"),
        ({"optimizer": Adam(new_model(), 1e-3)}, "optimizer must be one of this model, got one of other arrays"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        descend(**{**GOOD, **arguments})


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(
    "bad, message",
    [
        (
            lambda model, x, y: (mse(model(x), y), 3.0),
            "loss must return a scalar, or .* got a tuple of TracedArray, float",
        ),
        (
            lambda model, x, y: (mse(model(x), y), {}, {}),
            "loss must return a scalar, or .* got a tuple of TracedArray, dict",
        ),
        (lambda model, x, y: (mse(model(x), y), {"loss": 1.0}), 'must have names other than "loss"'),
        (lambda model, x, y: (mse(model(x), y), {"each": x[:, 0]}), r"term 'each' of the loss must be a scalar, got"),
        (lambda model, x, y: mse(MODEL(x), y), "must depend on the MLP that it is given"),
        (lambda model, x, y: None, "must return a scalar, got None"),
    ],
)
def test_losses_that_return_something_else(bad, message, parallel):
    model = new_model()
    before = model.state()
    with pytest.raises(ValueError, match=message):
        descend(bad, model, itertools.repeat((X, Y)), parallel=parallel)(0)
    assert all(np.array_equal(a, before[name]) for name, a in model.state().items())


def test_batches_that_end_too_soon():
    step = descend(loss, new_model(), iter([(X, Y)]))
    step(0)
    with pytest.raises(ValueError, match="batches must not end before the training does"):
        step(1)


def linear(model, x, y):
    """A loss that a pickle finds: a function of a module."""
    return mse(model(x), y)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda step: pickle.loads(pickle.dumps(step))])
@pytest.mark.parametrize("parallel", [False, True])
def test_a_copy_of_a_step_goes_on_by_itself(how, parallel):
    rng = np.random.default_rng(2)
    batches = Batches(X, Y, size=16, rng=rng)
    step = descend(linear, new_model(), batches, lr=cosine(1e-2, 9, warmup=2), ema=0.9, clip=1.0, parallel=parallel)
    step(0)
    again, model = how(step), step.model.copy()
    losses = [again(i)["loss"] for i in range(1, 5)]
    assert same(step.model, model) and not same(again.model, model)  # the first one has not moved
    assert losses == [step(i)["loss"] for i in range(1, 5)]
    assert same(again.model, step.model) and same(again.averaged, step.averaged)


def test_what_cannot_be_copied_is_named():
    local = descend(
        lambda model, x, y: mse(model(x), y), new_model(), Batches(X, Y, size=4, rng=np.random.default_rng(0))
    )
    assert copy.deepcopy(local)(0) == local(0)
    with pytest.raises(TypeError, match="cannot pickle a Descent because of its loss: .*<lambda>.*defined by `def`"):
        pickle.dumps(local)
    drawn = descend(linear, new_model(), ((X, Y) for _ in range(3)))
    with pytest.raises(TypeError, match="cannot pickle a Descent because of its batches: .*minigen.data.batches"):
        pickle.dumps(drawn)
    with pytest.raises(TypeError, match="cannot copy a Descent whose batches cannot be copied: "):
        copy.deepcopy(drawn)


def test_a_step_shows_what_it_is():
    step = descend(loss, new_model(), draw, lr=cosine(1e-2, 12), ema=0.9, clip=5, rng=np.random.default_rng(0))
    step(0)
    assert repr(step) == (
        "Descent of MLP on loss\n  Adam of 81 parameters in 4 arrays: lr 0.01, betas (0.9, 0.999), eps 1e-08, "
        "weight_decay 0.0; 1 steps done; lr cosine schedule, 0.01 to 0, 12 steps; clip 5.0; average with decay 0.9"
    )
    assert repr(step.ema) == "EMA of MLP, 81 parameters: decay 0.9, 1 updates done"
    assert "Descent of list on test_a_step" in repr(descend(lambda m, x: m[0], [np.ones(1)], iter([])))


def test_a_tree_of_arrays_descends_and_resumes(tmp_path):
    """A dictionary of arrays is a model too; its arrays are kept one by one."""

    def new():
        guess = {"mu": np.zeros(3), "scale": [np.ones(())]}
        return guess, descend(
            lambda g: anp.sum((g["mu"] - 2) ** 2) + g["scale"][0] ** 2, guess, itertools.repeat(()), lr=0.1
        )

    whole, step = new()
    fit(step, 20, state=step.state, checkpoint=tmp_path / "a.npz", every=5)
    again, other = new()
    fit(other, 20, state=other.state, checkpoint=tmp_path / "a.npz", resume=True)
    assert set(step.state) == {"model.mu", "model.scale.0", "optimizer"}
    np.testing.assert_array_equal(again["mu"], whole["mu"])
    assert 0 < whole["mu"][0] < 2 and whole["scale"][0] < 1
