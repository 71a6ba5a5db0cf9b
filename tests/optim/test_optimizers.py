"""Optimizers against hand-worked steps and against 20 steps of PyTorch's optimizers of the same names."""

import math
import pickle

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.nn import MLP, BatchNorm
from minigen.optim import (
    EMA,
    SGD,
    Adam,
    RMSProp,
    clip_grad_norm,
    constant,
    cosine,
    linear_decay,
    optimizers,
    warmup_cosine,
)
from minigen.tensor import grad, parallel, value_and_grad

START = np.array([1.0, -2.0, 0.5], np.float32)
CURVATURE = np.array([1.0, 10.0, 0.1], np.float32)


def bumpy(p):
    return 0.5 * anp.sum(CURVATURE * p * p) + anp.sum(anp.sin(3 * p))


# Where PyTorch 2.13 stands after 20 steps on `bumpy` from START.
PYTORCH = {
    "SGD": (lambda p: SGD(p, 0.05), [1.4079493284225464, -0.23087292909622192, -0.5171654224395752]),
    "momentum": (lambda p: SGD(p, 0.02, momentum=0.9), [1.4476547241210938, 0.5380087494850159, -0.4147779941558838]),
    "RMSProp": (lambda p: RMSProp(p, 0.01), [1.4058533906936646, -1.2444016933441162, -0.3748432695865631]),
    "Adam": (lambda p: Adam(p, 0.05), [1.461097002029419, -1.0104038715362549, -0.4943985044956207]),
    "Adam betas": (
        lambda p: Adam(p, 0.05, betas=(0.0, 0.9)),
        [1.4079384803771973, -1.0321221351623535, -0.47956931591033936],
    ),
    "AdamW": (
        lambda p: Adam(p, 0.05, weight_decay=0.1),
        [1.4517788887023926, -0.8691120743751526, -0.49370476603507996],
    ),
}


@pytest.mark.parametrize("name", PYTORCH)
def test_twenty_steps_equal_those_of_pytorch(name):
    make, expected = PYTORCH[name]
    tree = {"p": START.copy()}
    optimizer = make(tree)
    for _ in range(20):
        optimizer.step(grad(lambda t: bumpy(t["p"]))(tree))
    np.testing.assert_allclose(tree["p"], expected, rtol=2e-6, atol=2e-6)
    assert tree["p"].dtype == np.float32


def test_first_steps_by_hand():
    g = {"p": np.array([0.5, -2.0], np.float32)}
    for make, expected in [
        (lambda p: SGD(p, 0.1), [0.95, 1.2]),
        (lambda p: Adam(p, 0.1), [0.9, 1.1]),  # the first Adam step is lr·sign(g)
        (lambda p: RMSProp(p, 0.1, decay=0.75), [0.8, 1.2]),  # g / √(0.25 g²) = 2 sign(g)
    ]:
        tree = {"p": np.ones(2, np.float32)}
        make(tree).step(g)
        np.testing.assert_allclose(tree["p"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "root"),
    [
        (lambda p: Adam(p, 0.1), 1e-5),  # the corrected mean square is g²
        (lambda p: RMSProp(p, 0.1, decay=0.75), 0.5e-5),  # the mean square is g²/4
    ],
    ids=["Adam", "RMSProp"],
)
def test_eps_is_added_to_the_root(make, root):
    """At gradients of 1e-5: under the root, eps = 1e-8 would be 100 times as large as their squares."""
    tree = {"p": np.zeros(2, np.float32)}
    make(tree).step({"p": np.array([1e-5, -1e-5], np.float32)})
    by_hand = 0.1 * 1e-5 / (root + 1e-8)  # 0.0999001 for Adam, 0.1996008 for RMSProp
    np.testing.assert_allclose(tree["p"], [-by_hand, by_hand], rtol=1e-5)


def test_learning_rate_can_be_set_between_steps():
    tree = [np.zeros(1, np.float32)]
    optimizer = SGD(tree, lr=1.0)
    optimizer.lr = 0.25
    optimizer.step([np.ones(1, np.float32)])
    assert tree[0][0] == -0.25


@pytest.mark.parametrize("make", [lambda m: SGD(m, 0.1, 0.9), lambda m: RMSProp(m, 0.1), lambda m: Adam(m, 0.1)])
def test_state_continues_exactly(make):
    rng = np.random.default_rng(0)
    gradients = [[rng.standard_normal(3).astype(np.float32)] for _ in range(6)]
    straight = [START.copy()]
    optimizer = make(straight)
    for g in gradients:
        optimizer.step(g)
    first = [START.copy()]
    before = make(first)
    for g in gradients[:3]:
        before.step(g)
    second = [first[0].copy()]
    after = make(second)
    after.load_state(before.state())
    for g in gradients[3:]:
        after.step(g)
    assert np.array_equal(straight[0], second[0])


@pytest.mark.parametrize(
    "make", [lambda m: SGD(m, 0.1, 0.9), lambda m: RMSProp(m, 0.1), lambda m: Adam(m, 0.1, weight_decay=0.1)]
)
def test_a_large_array_is_updated_in_parts_to_the_last_bit_as_if_in_one(monkeypatch, make):
    rng = np.random.default_rng(0)
    shapes = [(700, 211), (5, 3, 2), (1, 300), (40_000,), ()]
    start = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    gradients = [[rng.standard_normal(shape).astype(np.float32) for shape in shapes] for _ in range(3)]
    ends = []
    for shared in (1, 1 << 60):
        monkeypatch.setattr(parallel, "UPDATED", shared)
        tree = [a.copy() for a in start]
        optimizer = make(tree)
        for g in gradients:
            optimizer.step(g)
        ends.append(tree)
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize(
    "make", [lambda m: SGD(m, 0.1, 0.9), lambda m: RMSProp(m, 0.1), lambda m: Adam(m, 0.1, weight_decay=0.1)]
)
def test_small_arrays_are_updated_together_to_the_last_bit_as_if_one_by_one(monkeypatch, make):
    """With one pack for each dtype, or none at all: the same numbers, and the same state under the same names."""
    rng = np.random.default_rng(0)
    kinds = [((3, 2), np.float32), ((), np.float64), ((200,), np.float32), ((4, 1, 2), np.float64), ((1,), np.float32)]

    def draw():
        return [rng.standard_normal(shape).astype(dtype) for shape, dtype in kinds]

    start, gradients, ends, states = (
        [np.asarray(a) for a in draw()],
        [[np.asarray(g) for g in draw()] for _ in range(4)],
        [],
        [],
    )
    for small in (1 << 13, 100, 0):  # all in packs; the third array by itself; each by itself
        monkeypatch.setattr(optimizers, "SMALL", small)
        tree = [a.copy() for a in start]
        optimizer = make(tree)
        for k, g in enumerate(gradients):
            optimizer.step(g)
            if k == 1:  # from here on a copy of the optimizer, made from its state, goes on
                state = optimizer.state()
                optimizer = make(tree)
                optimizer.load_state(state)
        ends.append(tree)
        states.append(optimizer.state())
    for other in (1, 2):
        assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(ends[0], ends[other], strict=True))
        assert states[0].keys() == states[other].keys()
        assert all(
            np.array_equal(a, states[other][n]) and a.shape == states[other][n].shape for n, a in states[0].items()
        )


def test_bad_input_is_named_before_anything_changes():
    with pytest.raises(ValueError, match="no float array"):
        SGD([], 0.1)
    shared = np.ones(2, np.float32)
    with pytest.raises(ValueError, match="twice"):
        Adam([shared, shared], 0.1)
    with pytest.raises(ValueError, match=r"betas\[1\]"):
        Adam([np.ones(2, np.float32)], 0.1, betas=(0.9, 1.0))
    tree = [np.ones(2, np.float32), np.ones(3, np.float32)]
    optimizer = Adam(tree, 0.1)
    with pytest.raises(ValueError, match="shape"):
        optimizer.step([np.ones(2, np.float32), np.ones(2, np.float32)])
    with pytest.raises(ValueError, match="names differ"):
        optimizer.step([np.ones(2, np.float32)])
    with pytest.raises(ValueError, match=r"gradients must be 2 arrays in the order and of the shapes .* got 1$"):
        optimizer.apply([np.ones(2, np.float32)])
    with pytest.raises(ValueError, match=r"gradients must be 2 arrays .* got \(2,\) for \(3,\)$"):
        optimizer.apply([np.ones(2, np.float32), np.ones(2, np.float32)])
    assert np.all(tree[0] == 1) and optimizer.steps == 0
    with pytest.raises(ValueError, match="differs"):
        optimizer.load_state({})


def test_clipping_scales_the_whole_gradient():
    grads = {"a": np.array([3.0], np.float32), "b": np.array([0.0, 4.0], np.float32)}
    assert clip_grad_norm(grads, 1.0) == pytest.approx(5.0)
    np.testing.assert_allclose(grads["a"], [0.6], rtol=1e-6)
    np.testing.assert_allclose(grads["b"], [0.0, 0.8], rtol=1e-6)
    assert clip_grad_norm(grads, 2.0) == pytest.approx(1.0)
    np.testing.assert_allclose(grads["a"], [0.6], rtol=1e-6)  # already short enough


def test_schedules():
    lr = cosine(2.0, 100)
    assert lr(0) == 2.0 and lr(50) == pytest.approx(1.0) and lr(100) == pytest.approx(0.0)
    lr = warmup_cosine(1.0, 110, 10, final=0.2)
    assert (
        lr(0) == pytest.approx(0.1) and lr(9) == 1.0 and lr(60) == pytest.approx(0.6) and lr(110) == pytest.approx(0.2)
    )
    assert linear_decay(1.0, 10)(5) == 0.5
    lr = linear_decay(1.0, 14, warmup=4, final=0.2)
    assert lr(1) == 0.5 and lr(9) == pytest.approx(0.6) and lr(14) == lr(100) == pytest.approx(0.2)
    assert cosine(1.0, 5, warmup=4)(5) == cosine(1.0, 5, warmup=5)(6) == 0 and cosine(1.0, 5, warmup=5)(5) == 1
    assert constant(0.3)(12345) == 0.3 and constant(1.0, 10, warmup=4)(1) == 0.5
    with pytest.raises(ValueError, match="warmup"):
        cosine(1.0, 10, warmup=11)


def test_schedules_are_those_of_the_formulas_to_the_last_bit_and_can_be_pickled():
    pi, progress = math.pi, (37 - 10) / (90 - 10)
    expected = {
        cosine(3e-3, 90, 10, final=1e-4): 1e-4 + (3e-3 - 1e-4) * 0.5 * (1 + math.cos(pi * progress)),
        linear_decay(3e-3, 90, 10, final=1e-4): 3e-3 + (1e-4 - 3e-3) * progress,
        constant(3e-3, 90, 10): 3e-3,
    }
    for schedule, rate in expected.items():
        assert schedule(37) == rate and schedule(4) == 0.5 * schedule(9)
        assert pickle.loads(pickle.dumps(schedule))(37) == rate


@pytest.mark.parametrize(
    "thing, text",
    [
        (constant(0.25), "constant schedule, 0.25, 1 step"),
        (cosine(1e-3, 3000, warmup=100), "cosine schedule, 0.001 to 0, 3,000 steps, warm-up of 100"),
        (linear_decay(1e-3, 20, final=1e-4), "linear schedule, 0.001 to 0.0001, 20 steps"),
        (SGD({"w": np.zeros(1)}, 0.1), "SGD of 1 parameter in 1 array: lr 0.1, momentum 0.0; 0 steps done"),
        (
            RMSProp([np.zeros((40, 30)), np.zeros(2)], 1e-3),
            "RMSProp of 1,202 parameters in 2 arrays: lr 0.001, decay 0.99, eps 1e-08; 0 steps done",
        ),
    ],
)
def test_what_is_shown(thing, text):
    assert repr(thing) == text


def test_ema_is_the_weighted_sum_of_the_past():
    rng = np.random.default_rng(0)
    model = MLP(rng, [2, 3, 1])
    ema = EMA(model, decay=0.8, warm=False)
    expected = model.layers[0].w.astype(np.float64)
    for _ in range(5):
        model.layers[0].w += rng.standard_normal((2, 3)).astype(np.float32)
        ema.update(model)
        expected = 0.8 * expected + 0.2 * model.layers[0].w
    np.testing.assert_allclose(ema.model.layers[0].w, expected, rtol=1e-5)
    assert ema.model.layers[0].w is not model.layers[0].w


def test_ema_forgets_the_start_and_copies_buffers():
    layer = BatchNorm(2)
    ema = EMA(layer, decay=0.999)
    layer.w[:] = 3.0
    layer.running_mean[:] = 7.0
    ema.update(layer)  # the first decay is 2/11
    np.testing.assert_allclose(ema.model.w, 2 / 11 * 1 + 9 / 11 * 3, rtol=1e-6)
    assert np.all(ema.model.running_mean == 7.0)
    other = EMA(layer, decay=0.999)
    other.load_state(ema.state())
    assert other.updates == 1 and np.array_equal(other.model.w, ema.model.w)


@pytest.mark.parametrize("make", [lambda m: SGD(m, 0.1), lambda m: RMSProp(m, 0.1), lambda m: Adam(m, 0.1)])
def test_a_step_wants_gradients_and_not_the_model(make):
    model = MLP(np.random.default_rng(0), [2, 3, 1])
    before, optimizer = model.state(), make(model)
    value_and_gradients = value_and_grad(lambda m: m(np.ones((4, 2), np.float32)).sum())(model)
    with pytest.raises(ValueError, match="grads must hold gradients, got the model's own parameter 'layers.0.w'"):
        optimizer.step(model)
    with pytest.raises(ValueError, match="as value_and_grad returns it beside the value; got a tuple, names differ"):
        optimizer.step(value_and_gradients)
    with pytest.raises(ValueError, match="got a NoneType, names differ"):
        optimizer.step(None)
    assert optimizer.steps == 0 and all(np.array_equal(a, before[name]) for name, a in model.state().items())
    optimizer.step(value_and_gradients[1])
    assert optimizer.steps == 1 and not np.array_equal(model.layers[0].w, before["layers.0.w"])


def test_an_instance_is_wanted_where_a_class_comes():
    with pytest.raises(ValueError, match="must be an instance, got the class MLP"):
        Adam(MLP, 1e-3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: SGD([np.ones(2)], 0.1, momentum=1), r"momentum must be a number in \[0, 1\), got 1"),
        (lambda: EMA(MLP(np.random.default_rng(0), [2, 1]), True), r"decay must be a number in \[0, 1\), got True"),
        (lambda: cosine(0.1, 10, warmup=11), "warmup must be a whole number in 0..10, got 11"),
    ],
)
def test_settings_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()
