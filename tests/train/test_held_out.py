"""Held-out data in a training: when they are measured, where it stops, which model is kept, and exact resumption."""

import importlib
import itertools

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.data import batches
from minigen.nn import MLP, Module
from minigen.optim import SGD, cosine
from minigen.tensor import mse
from minigen.train import History, NonFiniteError, Stop, descend, fit

CURVE = [5.0, 3.0, 4.0, 4.0, 2.0, 3.0, 2.0, 2.5, 9.0, 1.0, 1.0, 1.0]  # measured after steps 1, 3, 5, ...


class Known:
    """A training whose held-out values are those of a list, and whose weight is the number of steps done."""

    def __init__(self, curve=CURVE, every=2):
        self.w, self.other, self.calls, self.curve, self.every = np.zeros(1), np.zeros(1), 0, curve, every
        self.rng, self.optimizer = np.random.default_rng(0), SGD({"w": np.zeros(1)}, 0.1)
        self.state = {"w": self.w, "rng": self.rng, "optimizer": self.optimizer}

    def step(self, i):
        assert self.w[0] == i, "the steps are counted"
        self.w += 1
        self.rng.random()
        self.optimizer.steps += 1
        return 10.0 - i / 10

    def held_out(self):
        self.calls += 1
        return self.curve[int(self.w[0]) // self.every - 1]

    def fit(self, steps=24, **options):
        options = {"state": self.state, "held_out": self.held_out, "every": self.every, "quiet": True} | options
        return fit(self.step, steps, **options)


# By hand. The values are 5, 3, 4, 4, 2, 3, 2, 2.5, 9, 1, 1, 1. With patience 1 the third, 4, is the first that is not
# below the lowest before. With 2, the fourth is the second in a row. With 3, the values after the fifth (2) are 3, 2
# and 2.5: a value equal to the lowest is not lower. With 4 the 9 is waited for, too. With 5 the tenth is lower in time,
# and two are left. Measurement k is made after step 2 k - 1.
@pytest.mark.parametrize(
    "patience, measurements, best",
    [(1, 3, 2), (2, 4, 2), (3, 8, 5), (4, 9, 5), (5, 12, 10), (None, 12, 10)],
)
def test_patience_stops_where_computed_by_hand_and_the_best_is_restored(patience, measurements, best):
    run = Known()
    history = run.fit(patience=patience)
    np.testing.assert_array_equal(history["held_out"], CURVE[:measurements])
    np.testing.assert_array_equal(history.at("held_out"), np.arange(1, 2 * measurements, 2))
    assert history.steps_done == 2 * measurements and len(history["loss"]) == 2 * measurements
    assert history.best_step == 2 * best - 1 and run.w[0] == 2 * best
    assert f"best held_out {min(CURVE[:measurements]):.4g} after step {2 * best - 1}" in repr(history)


def test_optimizers_and_generators_stay_where_the_training_has_come_to():
    run = Known()
    run.fit(patience=3)  # 16 steps, the best after 10
    assert run.optimizer.steps == 16
    same = np.random.default_rng(0)
    same.random(16)
    assert run.rng.random() == same.random()


def test_it_is_measured_fifty_times_unless_said_otherwise():
    run = Known(curve=list(np.linspace(2, 1, 50)), every=3)
    history = run.fit(150, every=None)
    np.testing.assert_array_equal(history.at("held_out"), np.arange(2, 150, 3))
    assert fit(run_of(7).step, 7, state={"w": np.zeros(1)}, held_out=lambda: 1.0, quiet=True)["held_out"].size == 7


def run_of(steps):
    return Known(curve=[1.0] * steps, every=1)


def test_a_run_without_a_measurement_keeps_its_last_model():
    run = Known()
    history = run.fit(3, every=5)
    assert run.w[0] == 3 and history.best_step is None and "held_out" not in history and not run.calls


@pytest.mark.parametrize("killed", range(1, 24, 2))
@pytest.mark.parametrize("patience", [3, 4, None])
def test_an_interrupted_run_ends_as_the_uninterrupted(tmp_path, patience, killed):
    whole, first, again = Known(), Known(), Known()
    expected = whole.fit(patience=patience)

    def until_killed(i):
        if i == killed:
            raise RuntimeError("gone")
        return first.step(i)

    saved = {"checkpoint": tmp_path / "c.npz", "patience": patience}
    if killed < expected.steps_done:
        with pytest.raises(RuntimeError, match="gone"):
            fit(until_killed, 24, state=first.state, held_out=first.held_out, every=2, **saved)
    else:
        first.fit(**saved)
    history = again.fit(resume=True, **saved)
    assert_same(history, expected)
    assert again.w == whole.w and again.optimizer.steps == whole.optimizer.steps
    assert again.rng.random() == whole.rng.random()


def assert_same(a, b):
    assert list(a) == list(b) and (a.steps_done, a.best_step) == (b.steps_done, b.best_step)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
        np.testing.assert_array_equal(a.at(name), b.at(name))


@pytest.mark.parametrize("patience", [3, None])
def test_a_finished_run_is_resumed_with_more_steps(tmp_path, patience):
    """It goes on from its last step, not from its best, as a run with more steps would have."""
    whole, run = Known(), Known()
    expected = whole.fit(24, patience=patience)
    run.fit(12, patience=patience, checkpoint=tmp_path / "c.npz")
    assert run.w[0] == 10  # the best of the first twelve
    again = Known()
    history = again.fit(24, patience=patience, checkpoint=tmp_path / "c.npz", resume=True)
    assert_same(history, expected)
    assert again.w == whole.w


def test_more_steps_keep_the_interval_of_the_measurements(tmp_path):
    def run(steps, **options):
        known = run_of(400)
        return fit(known.step, steps, state=known.state, held_out=known.held_out, **options)

    run(100, checkpoint=tmp_path / "c.npz")
    history = run(400, checkpoint=tmp_path / "c.npz", resume=True)
    np.testing.assert_array_equal(history.at("held_out"), np.arange(1, 400, 2))


def test_a_checkpoint_without_held_out_data_is_of_another_run(tmp_path):
    run = Known()
    fit(run.step, 6, state=run.state, checkpoint=tmp_path / "c.npz")
    with pytest.raises(ValueError, match="of a run with held_out=False, this one has True"):
        Known().fit(6, checkpoint=tmp_path / "c.npz", resume=True)


def test_a_second_fit_goes_on_with_the_count_of_steps_and_the_history():
    run, whole = Known(), Known()
    first = fit(run.step, 7, label="known", quiet=True)
    second = fit(run.step, 5, history=first, quiet=True)
    assert_same(second, fit(whole.step, 12, quiet=True))
    assert second.label == "known" and second.seconds > first.seconds and first.steps_done == len(first["loss"]) == 7


def test_a_second_fit_has_its_patience_anew_and_the_best_of_both():
    """The first stops after 16 steps and keeps the model of ten; the second begins from there, and its first
    measurement, after 18 steps and with the weight at 12, is the 3 of the sixth place."""
    run = Known()
    first = run.fit(patience=3)

    def step(i):
        assert i >= 16
        run.w += 1
        return 0.0

    again = fit(step, 4, state=run.state, held_out=run.held_out, every=2, patience=2, history=first, quiet=True)
    np.testing.assert_array_equal(again["held_out"], [*CURVE[:8], 3.0, 2.0])
    np.testing.assert_array_equal(again.at("held_out")[-2:], [17, 19])
    assert again.steps_done == 20 and again.best_step == 9 and run.w[0] == 10


def test_the_history_says_where_the_measurements_end():
    """After a second fit without held-out data the model is not that of the best one."""
    run = Known()
    first = run.fit(patience=3)
    assert "not measured" not in repr(first)
    again = fit(lambda i: 0.0, 4, state=run.state, history=first, quiet=True)
    assert repr(again).endswith("after step 9, not measured after step 15)")


def test_a_second_fit_that_resumes_does_not_wait_for_the_measurements_of_the_first(tmp_path):
    """The first ends with three measurements in a row that were not lower, as many as the second has patience for."""

    def second(killed=None, **options):
        run = Known()
        first = run.fit(patience=3)

        def step(i):
            if i == killed:
                raise RuntimeError("gone")
            run.w += 1
            return 0.0

        options |= {"held_out": run.held_out, "every": 2, "patience": 3, "checkpoint": tmp_path / "c.npz"}
        return fit(step, 12, state=run.state, history=first, **options), run

    expected, whole = second()
    with pytest.raises(RuntimeError, match="gone"):
        second(killed=19)
    history, again = second(resume=True)
    assert_same(history, expected)
    assert again.w == whole.w
    np.testing.assert_array_equal(history["held_out"][8:], [3.0, 2.0, 2.5])  # and then its patience ends


def test_a_second_fit_resumes(tmp_path):
    def second(run, history, **options):
        return run.fit(8, history=history, checkpoint=tmp_path / "c.npz", **options)

    whole, first, again = Known(), Known(), Known()
    expected = second(whole, whole.fit(4))
    killed = first.fit(4)

    def until_killed(i):
        if i == 9:
            raise RuntimeError
        return first.step(i)

    options = {"state": first.state, "held_out": first.held_out, "every": 2, "checkpoint": tmp_path / "c.npz"}
    with pytest.raises(RuntimeError):
        fit(until_killed, 8, history=killed, **options)
    history = second(again, again.fit(4), resume=True)
    assert_same(history, expected)
    assert again.w == whole.w and history.steps_done == 12


def test_on_step_ends_the_training_by_stop(tmp_path):
    def watch(i, values):
        if i == 4:
            raise Stop
        return {"twice": 2 * values["loss"]}

    run = Known()
    options = {"on_step": watch, "state": run.state, "checkpoint": tmp_path / "c.npz"}
    history = fit(run.step, 20, quiet=True, **options)
    assert history.steps_done == 5 and len(history["loss"]) == 5 and len(history["twice"]) == 4 and run.w[0] == 5
    again = Known()
    resumed = fit(again.step, 20, quiet=True, resume=True, **(options | {"state": again.state}))
    assert_same(resumed, history)
    assert again.w[0] == 5
    more = fit(again.step, 30, state=again.state, checkpoint=tmp_path / "c.npz", resume=True)
    assert more.steps_done == 30


def test_on_step_sees_the_measurement_and_can_stop_by_it():
    def watch(i, values):
        if values.get("held_out", 9) < 2.5:
            raise Stop

    run = Known()
    history = run.fit(on_step=watch)
    assert history.steps_done == 10 and run.w[0] == 10


@pytest.mark.parametrize("returned", [False, True, np.bool_(True), 0, 1.5, "stop"])
def test_on_step_returns_nothing_else(returned):
    with pytest.raises(ValueError, match=r"on_step\(0, values\) must return None or a dictionary of numbers, got"):
        fit(lambda i: 0.0, 3, on_step=lambda i, values: returned)
    if isinstance(returned, (bool, np.bool_)):
        with pytest.raises(ValueError, match=r"to end the training, raise minigen\.train\.Stop"):
            fit(lambda i: 0.0, 3, on_step=lambda i, values: returned)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_best_is_restored_however_the_training_ends(error):
    run = Known()

    def step(i):
        if i == 13:
            raise error
        return run.step(i)

    with pytest.raises(error):
        fit(step, 24, state=run.state, held_out=run.held_out, every=2)
    assert run.w[0] == 10


def test_a_held_out_loss_that_is_not_finite_is_named():
    run = Known(curve=[3.0, np.nan, 2.0])
    with pytest.raises(NonFiniteError, match="held_out is nan at step 3"):
        run.fit(6)
    assert run.w[0] == 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"patience": 3}, "patience= needs held_out=, the data to measure on"),
        ({"held_out": lambda: 1.0}, "held_out= needs state=, with the model whose best is kept"),
        (
            {"held_out": lambda: 1.0, "state": {"rng": np.random.default_rng(0), "adam": SGD([np.zeros(1)], 0.1)}},
            "held_out= needs state=, with the model",
        ),
        (
            {"held_out": np.ones(3), "state": {"w": np.ones(1)}},
            "held_out must be a function .* with a step of type fun",
        ),
        ({"held_out": [1, 2], "state": {"w": np.ones(1)}}, "held_out must be an array, a tuple of arrays .* got "),
        ({"held_out": (), "state": {"w": np.ones(1)}}, "held_out must be an array, a tuple of arrays .* got "),
        ({"held_out": np.ones((0, 2)), "state": {"w": np.ones(1)}}, "held_out must be an array, a tuple"),
        ({"held_out": lambda: 1.0, "state": {"w": np.ones(1)}, "patience": 0}, "patience must be a whole number"),
        ({"history": {"loss": [1.0]}}, "history must be the History that an earlier fit returned, got dict"),
        ({"every": 3}, "every= needs checkpoint=, the file to save to, or held_out="),
    ],
)
def test_bad_arguments_are_refused_before_the_first_step(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(lambda i: pytest.fail("stepped"), 3, **arguments)


def test_a_step_with_a_held_out_of_its_own_is_refused():
    with pytest.raises(ValueError, match="a step must not return a quantity 'held_out'"):
        fit(lambda i: {"loss": 1.0, "held_out": 1.0}, 3, state={"w": np.ones(1)}, held_out=lambda: 1.0)


# ------------------------------------------------------------------------------------------- with `descend`


def of_w(model, x):
    return anp.mean((model["w"] - x) ** 2)


def test_a_quadratic_stops_at_the_optimum_of_the_held_out_data():
    """SGD leads w from 0 toward 4, the mean of the training data; the held-out data have the mean 2.

    After k steps w = 4 (1 - 0.9^k): 1.874 for k = 6, and 2.087 for k = 7, which is nearer to 2. So the best is the
    seventh step, i = 6. The held-out loss there is 1 + 0.087², and three steps later the training ends.
    """
    x, held_out = np.float32([[3.0], [5.0]]), np.float32([[1.0], [3.0]])
    model = {"w": np.zeros((), np.float32)}
    step = descend(of_w, model, itertools.repeat(x), optimizer=SGD(model, 0.05))
    history = fit(step, 60, held_out=held_out, patience=3, every=1)
    assert history.best_step == 6 and history.steps_done == 10
    assert model["w"] == pytest.approx(4 * (1 - 0.9**7), rel=1e-5)
    assert history["held_out"].min() == pytest.approx(1 + (4 * (1 - 0.9**7) - 2) ** 2, rel=1e-5)


class Noisy(Module):
    """A model whose loss draws noise, has a term, and is another one in evaluation mode."""

    def __init__(self, rng):
        self.net = MLP(rng, [2, 8, 2], "tanh")

    def loss(self, x, rng):
        noise = rng.standard_normal(x.shape, dtype=np.float32)
        error = mse(self.net(x + noise), x)
        return (error + 1.0 if self.training else error), {"noise": float(noise.mean())}


X = np.random.default_rng(8).standard_normal((2600, 2), dtype=np.float32)


class Training:
    """The pieces of a training with noise, new each time."""

    def __init__(self, ema=0.9, **options):
        rng = np.random.default_rng(3)
        self.model, self.noise = Noisy(rng), np.random.default_rng(5)
        draw = batches(X[:100], size=20, rng=rng)
        self.step = descend(Noisy.loss, self.model, draw, lr=cosine(1e-2, 40), ema=ema, noise=self.noise, **options)

    def fit(self, steps=40, **options):
        return fit(self.step, steps, held_out=X[100:], every=4, quiet=True, **options)


def test_held_out_data_are_measured_with_the_averaged_model_in_evaluation_mode_and_the_same_noise():
    training, noise = Training(), np.random.default_rng(5)
    parts = np.array_split(X[100:], 3)  # of at most 1,000 rows
    history = training.fit(4)
    losses = [float(training.step.ema.model.eval().loss(part, noise)[0]) for part in parts]
    mean = np.average(losses, weights=[len(part) for part in parts])
    assert history["held_out"][0] == pytest.approx(mean, rel=1e-6)
    assert training.step.evaluate(X[100:]) == training.step.evaluate(X[100:]) == history["held_out"][0]
    assert training.step.model.training and set(history) == {"loss", "noise", "held_out"}


def test_the_loss_on_held_out_data_is_the_mean_over_all_rows(monkeypatch):
    monkeypatch.setattr(importlib.import_module("minigen.train.descend"), "ROWS_AT_A_TIME", 2)
    step = descend(of_w, {"w": np.zeros((), np.float32)}, iter([]))
    assert step.evaluate(np.float32([[1.0], [2.0], [3.0]])) == pytest.approx(14 / 3, rel=1e-6)  # (1 + 4 + 9) / 3
    assert step.evaluate(np.float32([[5.0]])) == 25
    for arrays, shapes in [((), r"\[\]"), ((X[:3], X[:4]), r"\[\(3, 2\), \(4, 2\)\]"), ((np.float32(1),), r"\[\(\)\]")]:
        with pytest.raises(ValueError, match=f"held-out data must be one or more arrays .* got {shapes}"):
            step.evaluate(*arrays)


def test_measuring_changes_no_bit_of_the_training():
    with_, without = Training(), Training()
    history = with_.fit(40)
    expected = fit(without.step, 40, quiet=True)
    np.testing.assert_array_equal(history["loss"], expected["loss"])
    assert all(module.training for _, module in with_.step.averaged.modules())
    assert with_.noise.random() == without.noise.random()


def test_the_mode_of_each_module_is_left_as_it_was():
    training = Training(ema=None)
    training.model.net.eval()
    training.step.evaluate(X[:5])
    assert training.model.training and not training.model.net.training
    with pytest.raises(ValueError):
        training.step.evaluate(X[:5, :1])
    assert training.model.training and not training.model.net.training


@pytest.mark.parametrize("killed", [3, 17, 30])
@pytest.mark.parametrize("ema", [None, 0.9])
def test_a_descent_with_noise_and_patience_resumes_to_the_bit(tmp_path, ema, killed):
    """Neither `rng` nor `state` is given: the order of the batches and the noise are found by themselves."""
    whole, first, again = (Training(ema) for _ in range(3))
    expected = whole.fit(patience=2)

    def watch(i, values):
        if i == killed:
            raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        first.fit(patience=2, checkpoint=tmp_path / "c.npz", on_step=watch)
    history = again.fit(patience=2, checkpoint=tmp_path / "c.npz", resume=True)
    assert_same(history, expected)
    for name, thing in whole.step.state.items():
        if isinstance(thing, np.random.Generator):
            assert again.step.state[name].random() == thing.random()
        else:
            mine, theirs = again.step.state[name].state(), thing.state()
            assert mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key]) for key in mine), name


def test_noise_reaches_the_loss_as_its_last_argument():
    training, noise = Training(), np.random.default_rng(5)
    for i in range(3):
        drawn = noise.standard_normal((20, 2), dtype=np.float32)
        assert training.step(i)["noise"] == pytest.approx(drawn.mean(), rel=1e-6)
    assert set(training.step.state) == {"model", "optimizer", "ema", "noise", "batches", "batches_rng"}


def test_halves_of_a_batch_have_noise_of_their_own(monkeypatch):
    """The same numbers whichever half comes first, and other noise in the next step."""
    seen = []

    def loss(model, x, rng):
        noise = rng.standard_normal(x.shape, dtype=np.float32)
        seen.append((float(x[0, 0]), noise))
        return mse(model(x + noise), x)

    def run():
        seen.clear()
        model, x = MLP(np.random.default_rng(0), [2, 4, 2]), np.arange(12, dtype=np.float32).reshape(6, 2)
        step = descend(loss, model, itertools.repeat(x), noise=np.random.default_rng(1), parallel=True)
        values = [step(i)["loss"] for i in range(2)]
        return values, sorted(seen, key=lambda pair: pair[0])

    (values, halves), (again, same) = run(), run()
    assert values == again
    for (_, a), (_, b) in zip(halves, same, strict=True):
        np.testing.assert_array_equal(a, b)
    flat = np.concatenate([noise.ravel() for _, noise in halves])
    assert len(np.unique(flat)) == flat.size == 24


def test_histories_of_the_earlier_kind_have_no_best():
    assert History().best_step is None and "best" not in repr(History("x"))
