"""Tied weights: an array at two places of a model is one parameter, from the derivative to the file."""

import copy
import itertools
import pickle

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.nn import Embedding, Linear, Module
from minigen.optim import EMA, SGD, Adam, RMSProp, clip_grad_norm
from minigen.tensor import grad, leaves, parallel_value_and_grad, tree_map, value_and_grad
from minigen.train import descend

TOKENS = np.array([[0, 2, 1], [3, 3, 0], [1, 4, 2], [2, 0, 4]])


class Language(Module):
    """Embeds tokens, and scores the next one: with `tied`, one matrix does both, as in Press and Wolf 2017."""

    def __init__(self, rng, tied):
        self.embedding = Embedding(rng, 5, 3, scale=0.5)
        self.hidden = Linear(rng, 3, 3, "tanh")
        self.scores = [copy.deepcopy(self.embedding)]
        if tied:
            self.scores[0].table = self.embedding.table

    def __call__(self, tokens):  # (N, T)
        h = anp.mean(self.hidden(self.embedding(tokens)), axis=1)  # (N, 3)
        return anp.dot(h, anp.transpose(self.scores[0].table))  # (N, 5)


def loss(model, tokens):
    return anp.mean((model(tokens) - 1) ** 2)


def models():
    """A tied model and an untied one of the same numbers."""
    return [Language(np.random.default_rng(0), tied) for tied in (True, False)]


def test_the_parameter_counts_once():
    tied, untied = models()
    assert list(tied.parameters()) == ["embedding.table", "hidden.w", "hidden.b"]
    assert tied.num_parameters() == 5 * 3 + 3 * 3 + 3 == untied.num_parameters() - 15
    assert repr(tied).startswith("Language, 27 parameters")


@pytest.mark.parametrize("differentiate", [value_and_grad, parallel_value_and_grad])
def test_the_gradient_is_the_sum_of_those_of_the_untied_model(differentiate):
    tied, untied = models()
    value, grads = differentiate(loss)(tied, TOKENS)
    expected, apart = differentiate(loss)(untied, TOKENS)
    assert value == expected
    both = apart.embedding.table + apart.scores[0].table
    assert np.any(apart.embedding.table) and np.any(apart.scores[0].table)
    np.testing.assert_allclose(grads.embedding.table, both, rtol=1e-5, atol=1e-7)
    assert grads.scores[0].table is grads.embedding.table
    np.testing.assert_array_equal(grads.hidden.w, apart.hidden.w)
    assert list(grads.parameters()) == list(tied.parameters())


def test_the_gradient_agrees_with_finite_differences():
    tied = models()[0].map(lambda a: a.astype(np.float64))
    assert tied.scores[0].table is tied.embedding.table
    slope, direction = grad(loss)(tied, TOKENS), np.random.default_rng(1).standard_normal((5, 3))
    values = []
    for step in (1e-6, -2e-6):
        tied.embedding.table += step * direction
        values.append(loss(tied, TOKENS))
    np.testing.assert_allclose(np.sum(slope.embedding.table * direction), (values[0] - values[1]) / 2e-6, rtol=1e-7)


def test_a_second_derivative_sees_both_uses():
    """The slope of ‖∇f‖² for f = Σ a² b over one array a = b = w, so f = Σ w³: ∇f = 3 w², and (9 w⁴)' = 36 w³."""

    class Product(Module):
        def __init__(self, w):
            self.a, self.b = w, w

    def cube(m):
        return anp.sum(m.a**2 * m.b)

    w = np.array([0.5, -2.0, 1.5])
    model = Product(w)
    np.testing.assert_allclose(grad(cube)(model).a, 3 * w**2)
    np.testing.assert_allclose(grad(lambda m: anp.sum(grad(cube)(m).b ** 2))(model).a, 36 * w**3)


def same_by_hand(optimizer, model, steps, clip=None):
    """The steps of `optimizer` on a dictionary of three arrays, of which the table takes both gradients."""
    arrays = {
        "hidden.w": model.hidden.w.copy(),
        "hidden.b": model.hidden.b.copy(),
        "table": model.scores[0].table.copy(),
    }
    by_hand = optimizer(arrays)
    for _ in range(steps):
        untied = Language(np.random.default_rng(0), False)
        untied.hidden.w, untied.hidden.b = arrays["hidden.w"], arrays["hidden.b"]
        untied.embedding.table, untied.scores[0].table = arrays["table"], arrays["table"].copy()
        g = grad(loss)(untied, TOKENS)
        table = g.embedding.table + g.scores[0].table
        g = {"hidden.w": g.hidden.w, "hidden.b": g.hidden.b, "table": table}
        if clip is not None:
            clip_grad_norm(g, clip)
        by_hand.step(g)
    return arrays


OPTIMIZERS = {
    "SGD": lambda m: SGD(m, 0.1, momentum=0.5),
    "RMSProp": lambda m: RMSProp(m, 0.01),
    "Adam": lambda m: Adam(m, 0.01),
    "AdamW": lambda m: Adam(m, 0.01, weight_decay=0.5),
}


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_an_optimizer_updates_it_once_by_the_summed_gradient(optimizer, clip):
    tied, expected = models()[0], same_by_hand(optimizer, models()[0], 3, clip)
    own = optimizer(tied)
    assert list(own.parameters) == list(tied.parameters())
    for _ in range(3):
        _, grads = value_and_grad(loss)(tied, TOKENS)
        if clip is not None:
            norm = np.sqrt(sum(np.sum(g**2) for g in grads.parameters().values()))
            assert clip_grad_norm(grads, clip) == pytest.approx(norm, rel=1e-6) and norm > clip
            after = np.sqrt(sum(np.sum(g**2) for g in grads.parameters().values()))
            assert after == pytest.approx(clip, rel=1e-5)
        own.step(grads)
    assert tied.scores[0].table is tied.embedding.table
    np.testing.assert_allclose(tied.embedding.table, expected["table"], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(tied.hidden.w, expected["hidden.w"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("clip", [None, 0.05])
def test_descend_does_the_same_steps_and_averages(parallel, clip):
    tied, expected = models()[0], same_by_hand(lambda m: Adam(m, 0.01), models()[0], 4, clip)
    step = descend(loss, tied, itertools.repeat(TOKENS), lr=0.01, clip=clip, ema=0.5, parallel=parallel)
    by_hand = EMA(models()[0], 0.5)
    for i in range(4):
        step(i)
        by_hand.update(tied)
    np.testing.assert_allclose(tied.embedding.table, expected["table"], rtol=1e-5, atol=1e-6)
    averaged = step.averaged
    assert averaged.scores[0].table is averaged.embedding.table is not tied.embedding.table
    assert list(averaged.parameters()) == list(tied.parameters())
    np.testing.assert_array_equal(averaged.embedding.table, by_hand.model.embedding.table)
    assert not np.array_equal(averaged.embedding.table, tied.embedding.table)


def test_the_moving_average_is_its_formula():
    tied = models()[0]
    ema, start = EMA(tied, 0.9, warm=False), tied.embedding.table.copy()
    tied.embedding.table += 1
    ema.update(tied)
    np.testing.assert_allclose(ema.model.embedding.table, 0.9 * start + 0.1 * (start + 1), rtol=1e-6)


@pytest.mark.parametrize("twin_of", [Module.copy, lambda m: pickle.loads(pickle.dumps(m)), lambda m: m.map(np.copy)])
def test_copies_are_tied_among_themselves(twin_of):
    tied = models()[0]
    twin = twin_of(tied)
    assert twin.scores[0].table is twin.embedding.table is not tied.embedding.table
    twin.embedding.table += 1
    np.testing.assert_allclose(twin.scores[0].table, tied.scores[0].table + 1, rtol=1e-6)


def test_a_file_keeps_the_tie(tmp_path):
    tied, other = models()[0], Language(np.random.default_rng(1), True)
    path = tied.save(tmp_path / "tied.npz")
    table = other.embedding.table
    other.load(path)
    assert other.scores[0].table is other.embedding.table is table
    np.testing.assert_array_equal(table, tied.embedding.table)
    untied = Language(np.random.default_rng(1), False).load(path)  # its two tables start equal
    np.testing.assert_array_equal(untied.scores[0].table, tied.embedding.table)


def test_a_checkpoint_of_the_optimizer_goes_on(tmp_path):
    tied = models()[0]
    optimizer = Adam(tied, 0.01)
    optimizer.step(grad(loss)(tied, TOKENS))
    twin, state = tied.copy(), optimizer.state()
    assert [name for name in state if name.startswith("mean.")] == [f"mean.{name}" for name in tied.parameters()]
    resumed = Adam(twin, 0.01)
    resumed.load_state(state)
    for model, own in ((tied, optimizer), (twin, resumed)):
        own.step(grad(loss)(model, TOKENS))
    np.testing.assert_array_equal(twin.embedding.table, tied.embedding.table)


def test_a_module_at_two_places_is_tied_as_well():
    class Twice(Module):
        def __init__(self, rng):
            layer = Linear(rng, 2, 2)
            self.layers = [layer, layer]

        def __call__(self, x):
            return self.layers[1](self.layers[0](x))

    model, x = Twice(np.random.default_rng(0)), np.random.default_rng(1).standard_normal((4, 2)).astype(np.float32)
    assert list(model.parameters()) == ["layers.0.w", "layers.0.b"]
    first, second = model.layers[0].copy(), model.layers[0].copy()
    apart = grad(lambda pair: anp.sum(pair[1](pair[0](x)) ** 2))([first, second])
    both = grad(lambda m: anp.sum(m(x) ** 2))(model)
    np.testing.assert_allclose(both.layers[0].w, apart[0].w + apart[1].w, rtol=1e-5)
    np.testing.assert_allclose(both.layers[1].b, apart[0].b + apart[1].b, rtol=1e-5)


def test_two_models_of_a_list_can_share_an_array():
    """As an encoder and a decoder that is its transpose."""
    encoder, decoder = Linear(np.random.default_rng(0), 2, 2), Linear(np.random.default_rng(1), 2, 2)
    decoder.w = encoder.w
    players, x = [encoder, decoder], np.ones((3, 2), np.float32)
    start = encoder.w.copy()
    _, grads = value_and_grad(lambda p: anp.sum(p[1](p[0](x))))(players)
    assert grads[0].w is grads[1].w
    SGD(players, 0.1).step(grads)
    np.testing.assert_allclose(encoder.w, start - 0.1 * grads[0].w, rtol=1e-6)


def test_places_of_a_list_are_variables_of_their_own():
    x = np.array([1.0, 2.0])
    parts = grad(lambda t: anp.sum(t[0] ** 2 * t[1]))([x, x])
    np.testing.assert_allclose(parts, [2 * x**2, x**2])
    parts = grad(lambda t: t["a"] ** 2 * t["b"])({"a": 3.0, "b": 3.0})
    assert parts == {"a": 18.0, "b": 9.0}
    with pytest.raises(ValueError, match="twice"):
        SGD({"a": x, "b": x}, 0.1)


def test_gradients_of_the_terms_of_a_sum_are_arrays_of_their_own():
    """a and b have one gradient in a + b, and are not tied: both are clipped once, and both count in the norm."""

    class Sum(Module):
        def __init__(self):
            self.a, self.b = np.zeros(4, np.float32), np.ones(4, np.float32)

    _, grads = value_and_grad(lambda m: anp.sum(3 * (m.a + m.b)))(Sum())
    assert grads.a is not grads.b and list(grads.parameters()) == ["a", "b"]
    assert clip_grad_norm(grads, 1.0) == pytest.approx(np.sqrt(8 * 9))
    np.testing.assert_allclose(leaves(grads), np.full((2, 4), 1 / np.sqrt(8)), rtol=1e-6)


def test_a_parameter_that_takes_no_part_is_tied_all_the_same():
    tied = models()[0]
    _, grads = value_and_grad(lambda m: anp.sum(m.hidden.w))(tied)
    assert not grads.embedding.table.any() and grads.scores[0].table is grads.embedding.table


def test_a_frozen_place_is_a_constant():
    tied, untied = models()
    tied.scores[0].freeze()
    assert list(tied.parameters()) == ["embedding.table", "hidden.w", "hidden.b"]
    np.testing.assert_allclose(
        grad(loss)(tied, TOKENS).embedding.table, grad(loss)(untied, TOKENS).embedding.table, rtol=1e-6
    )


def test_gradients_that_were_mapped_apart_still_fit():
    """`tree_map` makes an array for each place; the optimizer reads the first."""
    tied = models()[0]
    half = tree_map(lambda g: g / 2, grad(loss)(tied, TOKENS))
    assert half.scores[0].table is not half.embedding.table
    start = tied.embedding.table.copy()
    SGD(tied, 1.0).step(half)
    np.testing.assert_allclose(tied.embedding.table, start - half.embedding.table, rtol=1e-6)
