"""The causal transformer: what sees what, by exact zero patterns; that it is a distribution; that it samples that
one."""

import itertools

import numpy as np
import pytest

from minigen.tensor import grad, jacobian
from minigen.vae.code_prior import CausalTransformer


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def shaken(model, rng, size=0.3):
    """With random weights everywhere: a fresh block is the identity and would hide a leak."""
    for p in model.parameters().values():
        p += size * rng.standard_normal(p.shape).astype(p.dtype)
    return model


def small(rng, **options):
    return shaken(CausalTransformer(rng, tokens=3, length=4, width=8, heads=2, layers=2, **options), rng)


def every_sequence(tokens=3, length=4):
    return np.array(list(itertools.product(range(tokens), repeat=length)))


# --------------------------------------------------------------------- causality


def test_exact_zero_pattern_of_the_jacobian(rng):
    """Logits at i depend on the shifted input at 0..i, all of it and no more; likewise on the context."""
    model = small(rng, context=2)
    tokens, seen = np.array([[2, 0, 1, 1]]), []
    context = rng.standard_normal((1, 4, 2)).astype(np.float32)
    lower = np.tril(np.ones((4, 4), bool))
    J = np.abs(jacobian(lambda c: model(tokens, context=c))(context)).max(axis=(0, 2, 3, 5))  # (L out, L in)
    assert (J[~lower] == 0).all() and (J[lower] > 1e-6).all()
    table = model.token[0].table
    model.token = [lambda shifted: seen.append(shifted) or inputs]
    inputs = table[[3, 2, 0, 1]][None]

    def logits(x):
        nonlocal inputs
        inputs = x
        return model(tokens, context=context)

    J = np.abs(jacobian(logits)(inputs)).max(axis=(0, 2, 3, 5))
    assert (J[~lower] == 0).all() and (J[lower] > 1e-6).all()
    np.testing.assert_array_equal(seen[0], [[3, 2, 0, 1]])  # the start token, then all but the last


def test_a_position_gets_the_tokens_at_these_distances(rng):
    """With blocks that do nothing, logits at i depend on tokens i - 1 and i - 3 alone; positions before the
    start get the start token."""
    model = CausalTransformer(rng, tokens=3, length=5, width=8, heads=2, back=(1, 3))
    base = rng.integers(0, 3, (1, 5))
    for j in range(5):
        other = base.copy()
        other[0, j] = (base[0, j] + 1) % 3
        changed = np.abs(model(other) - model(base)).max(axis=2)[0] > 0
        np.testing.assert_array_equal(np.flatnonzero(changed), [i for i in (j + 1, j + 3) if i < 5])


# --------------------------------------------------------------------- a distribution


@pytest.mark.parametrize(
    "options", [{}, {"classes": 5}, {"context": 2}, {"classes": 2, "context": 3}, {"back": (1, 3)}, {"back": (2, 9)}]
)
def test_probabilities_of_all_sequences_sum_to_one(rng, options):
    model, every = small(rng, **options), every_sequence()
    labels = np.full(81, 1) if "classes" in options else None
    context = np.tile(rng.standard_normal((1, 4, options["context"])), (81, 1, 1)) if "context" in options else None
    log_p = model.log_prob(every, labels, context)
    assert log_p.shape == (81,) and np.exp(log_p).sum() == pytest.approx(1, rel=1e-4)
    assert log_p.std() > 0.1
    if labels is not None:
        assert np.abs(model.log_prob(every, labels - 1, context) - log_p).max() > 1e-2


def test_gradients_reach_every_parameter_in_float32(rng):
    model = small(rng, classes=2, context=3)
    tokens, context = rng.integers(0, 3, (6, 4)), rng.standard_normal((6, 4, 3)).astype(np.float32)
    grads = grad(lambda m: -m.log_prob(tokens, np.arange(6) % 2, context).sum())(model)
    for name, g in grads.parameters().items():
        assert g.dtype == np.float32, name
        # a key's bias adds the same to all scores of a query, and softmax does not see it
        assert name.endswith("key_value.b") or np.abs(g).max() > 1e-5, name


# --------------------------------------------------------------------- sampling


def test_samples_have_the_models_probabilities(rng):
    """Frequencies of all 81 sequences in 40,000 draws, within 5 standard errors; with a label and a context."""
    model, n = small(rng, classes=2, context=2, back=(1, 2, 9)), 40_000  # 9: always the start
    context = rng.standard_normal((1, 4, 2)).astype(np.float32)
    labels = np.arange(n) % 2
    drawn = model.sample(rng, n, labels, np.tile(context, (n, 1, 1)), rows=7_000)
    assert drawn.shape == (n, 4) and drawn.dtype == np.int64
    for label in (0, 1):
        p = np.exp(model.log_prob(every_sequence(), np.full(81, label), np.tile(context, (81, 1, 1))).astype(float))
        mine = drawn[labels == label] @ [27, 9, 3, 1]
        share = np.bincount(mine, minlength=81) / len(mine)
        assert (np.abs(share - p) <= 5 * np.sqrt(p * (1 - p) / len(mine)) + 1e-4).all()


def test_low_temperature_takes_the_likeliest_token(rng):
    model = small(rng)
    cold = model.sample(rng, 20, temperature=1e-4)
    assert (cold == cold[0]).all()
    np.testing.assert_array_equal(model(cold[:1]).argmax(axis=2), cold[:1])
    again = [model.sample(np.random.default_rng(5), 20) for _ in range(2)]
    np.testing.assert_array_equal(*again)


# --------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "tokens, labels, context, message",
    [
        (np.zeros((2, 5), int), np.zeros(2, int), None, r"tokens must have shape \(N, 4\), got \(2, 5\)"),
        (np.zeros((2, 4)), np.zeros(2, int), None, "tokens must be whole numbers, got dtype float64"),
        (np.full((2, 4), 3), np.zeros(2, int), None, r"tokens must be in 0..2, got values from 3 to 3"),
        (np.zeros((2, 4), int), None, None, r"labels must be of shape \(2,\), got None"),
        (np.zeros((2, 4), int), np.zeros(3, int), None, r"labels must be of shape \(2,\), got \(3,\)"),
        (np.zeros((2, 4), int), np.full(2, 9), None, r"labels must be in 0..1"),
        (np.zeros((2, 4), int), np.zeros(2, int), np.zeros((2, 4, 1)), r"context must have shape None"),
    ],
)
def test_bad_input(rng, tokens, labels, context, message):
    with pytest.raises(ValueError, match=message):
        small(rng, classes=2)(tokens, labels, context)


def test_bad_arguments(rng):
    with pytest.raises(ValueError, match="heads must divide width"):
        CausalTransformer(rng, 3, 4, width=10, heads=4)
    with pytest.raises(ValueError, match="labels must be None, as the model has no classes"):
        small(rng)(np.zeros((2, 4), int), np.zeros(2, int))
