"""The training loop: an interrupted run ends where an uninterrupted one does, and nothing bad is ever saved."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import numpy as np
import pytest

from minigen import train
from minigen.train import History, NonFiniteError, fit
from tests.costs import units_of


class Line:
    """y = a x + b fitted by gradient descent with momentum: a model and an optimizer in one."""

    def __init__(self):
        self.w = np.zeros(2, np.float32)
        self.momentum = np.zeros(2, np.float32)

    def state(self):
        return {"w": self.w.copy(), "momentum": self.momentum.copy()}

    def load_state(self, arrays):
        self.w[...] = arrays["w"]
        self.momentum[...] = arrays["momentum"]

    def learn(self, x, y):
        error = self.w[0] * x + self.w[1] - y
        gradient = np.array([(error * x).mean(), error.mean()], np.float32)
        self.momentum[...] = np.float32(0.9) * self.momentum + gradient
        self.w -= np.float32(0.05) * self.momentum
        return float((error**2).mean())


class Run:
    """A small training with one object of each kind in its state."""

    def __init__(self, bits=np.random.PCG64):
        self.line, self.rng, self.total = Line(), np.random.Generator(bits(3)), np.zeros((2, 1))
        self.state = {"line": self.line, "rng": self.rng, "total": self.total}
        self.stop_at = None

    def step(self, i):
        if i == self.stop_at:
            raise RuntimeError("stopped on purpose")
        x = self.rng.standard_normal(16, dtype=np.float32)
        loss = self.line.learn(x, 2 * x - 1 + self.rng.standard_normal(16, dtype=np.float32))
        self.total += loss
        values = {"loss": loss, "slope": float(self.line.w[0])}
        return values | ({"rare": float(i)} if i % 7 == 0 else {})

    def assert_equals(self, other):
        for mine, theirs in [(self.line.w, other.line.w), (self.line.momentum, other.line.momentum)]:
            np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(self.total, other.total)
        np.testing.assert_array_equal(self.rng.random(8), other.rng.random(8))


def assert_same_history(a, b):
    assert list(a) == list(b) and a.steps_done == b.steps_done
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
        np.testing.assert_array_equal(a.at(name), b.at(name))


def test_history_holds_what_the_steps_returned():
    history = fit(lambda i: i**2 / 2, 5)
    np.testing.assert_array_equal(history["loss"], [0, 0.5, 2, 4.5, 8])
    assert history["loss"].dtype == np.float64
    assert history.steps_done == 5 and history.seconds > 0
    assert list(history) == ["loss"] and "loss" in history and len(history) == 1
    assert history.to_dict()["values"] == {"loss": [0, 0.5, 2, 4.5, 8]}
    with pytest.raises(KeyError, match="no quantity 'kl'.*loss"):
        history["kl"]


def test_quantities_returned_now_and_then_keep_their_steps():
    history = fit(lambda i: {"loss": 1.0} | ({"distance": i / 10} if i % 4 == 3 else {}), 10)
    np.testing.assert_array_equal(history.at("distance"), [3, 7])
    np.testing.assert_array_equal(history["distance"], [0.3, 0.7])
    np.testing.assert_array_equal(history.at("loss"), np.arange(10))


def test_on_step_sees_each_step_and_adds_to_the_record():
    seen = []

    def watch(i, values):
        seen.append((i, dict(values)))
        return {"double": 2 * values["loss"]} if i == 2 else None

    history = fit(lambda i: float(i), 4, on_step=watch)
    assert seen == [(i, {"loss": float(i)}) for i in range(4)]
    np.testing.assert_array_equal(history["double"], [4.0])
    np.testing.assert_array_equal(history.at("double"), [2])


def test_numpy_scalars_are_numbers():
    history = fit(lambda i: {"a": np.float32(0.5), "b": np.array(2)}, 2)
    np.testing.assert_array_equal(history["a"], [0.5, 0.5])
    np.testing.assert_array_equal(history["b"], [2, 2])


@pytest.mark.parametrize("stop", [1, 10, 13, 29])
def test_resumed_run_equals_uninterrupted_run_to_the_bit(tmp_path, stop):
    whole = Run()
    expected = fit(whole.step, 30, label="line")

    first = Run()
    first.stop_at = stop
    with pytest.raises(RuntimeError, match="on purpose"):
        fit(first.step, 30, label="line", state=first.state, checkpoint=tmp_path / "c.npz", every=3)
    again = Run()
    history = fit(again.step, 30, label="line", state=again.state, checkpoint=tmp_path / "c.npz", resume=True)

    assert_same_history(history, expected)
    again.assert_equals(whole)


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM])
def test_every_bit_generator_resumes(tmp_path, bits):
    whole = Run(bits)
    fit(whole.step, 12)
    first, again = Run(bits), Run(bits)
    first.stop_at = 7
    with pytest.raises(RuntimeError):
        fit(first.step, 12, state=first.state, checkpoint=tmp_path / "c.npz", every=5)
    fit(again.step, 12, state=again.state, checkpoint=tmp_path / "c.npz", resume=True)
    again.assert_equals(whole)


KILLED = """
    import os, signal, sys
    sys.path[:0] = [{tests!r}, {root!r}]
    from test_fit import Run, fit
    run = Run()
    def step(i):
        if i == 23:
            {death}
        return run.step(i)
    fit(step, 40, state=run.state, checkpoint={path!r}, every=4)
"""


@pytest.mark.parametrize(
    "death",
    [
        "os._exit(7)",
        pytest.param(
            "os.kill(os.getpid(), signal.SIGKILL)", marks=pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
        ),
    ],
)
def test_killed_process_resumes_to_the_bit(tmp_path, death):
    path = str(tmp_path / "c.npz")
    root = os.path.dirname(os.path.dirname(os.path.dirname(train.__file__)))
    script = textwrap.dedent(KILLED).format(tests=os.path.dirname(__file__), root=root, death=death, path=path)
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=600).returncode != 0

    whole, again, done = Run(), Run(), []
    expected = fit(whole.step, 40)
    history = fit(
        again.step, 40, state=again.state, checkpoint=path, resume=True, on_step=lambda i, values: done.append(i)
    )
    assert done == list(range(20, 40))
    assert_same_history(history, expected)
    again.assert_equals(whole)


def test_interrupt_finishes_the_step_saves_and_raises(tmp_path):
    run, whole = Run(), Run()

    def step(i):
        if i == 11:
            signal.raise_signal(signal.SIGINT)
        return run.step(i)

    with pytest.raises(KeyboardInterrupt):
        fit(step, 30, state=run.state, checkpoint=tmp_path / "c.npz", every=25)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again, done = Run(), []
    history = fit(
        again.step,
        30,
        state=again.state,
        checkpoint=tmp_path / "c.npz",
        resume=True,
        on_step=lambda i, v: done.append(i),
    )
    assert done[0] == 12
    assert_same_history(history, fit(whole.step, 30))
    again.assert_equals(whole)


def test_second_interrupt_stops_at_once(tmp_path):
    reached = []

    def step(i):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        reached.append(i)
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        fit(step, 3, state={"w": np.zeros(2)}, checkpoint=tmp_path / "c.npz")
    assert not reached and not (tmp_path / "c.npz").exists()


def test_finished_run_resumes_without_a_step(tmp_path):
    run = Run()
    expected = fit(run.step, 6, state=run.state, checkpoint=tmp_path / "c.npz")
    again = Run()
    again.stop_at = 0
    history = fit(lambda i: pytest.fail("stepped"), 6, state=again.state, checkpoint=tmp_path / "c.npz", resume=True)
    assert_same_history(history, expected)
    assert history.seconds == expected.seconds
    again.assert_equals(run)


def test_resume_before_the_first_checkpoint_starts_at_zero(tmp_path):
    run, whole = Run(), Run()
    history = fit(run.step, 6, state=run.state, checkpoint=tmp_path / "c.npz", resume=True)
    assert_same_history(history, fit(whole.step, 6))


def test_time_budget_stops_after_the_step_that_exceeds_it(tmp_path):
    w = np.zeros(1)

    def step(i):
        w[...] = i
        time.sleep(0.02)
        return 0.0

    history = fit(step, 1000, seconds=0.05, state={"w": w}, checkpoint=tmp_path / "c.npz")
    assert 1 <= history.steps_done <= 3 and history.seconds >= 0.05
    assert w[0] == history.steps_done - 1
    more = fit(step, 1000, seconds=history.seconds + 0.03, state={"w": w}, checkpoint=tmp_path / "c.npz", resume=True)
    assert more.steps_done > history.steps_done


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_value_stops_and_keeps_the_last_good_checkpoint(tmp_path, bad):
    w = np.zeros(1)

    def step(i):
        w[...] = i
        return {"loss": 1.0, "kl": bad if i == 8 else 0.5}

    with pytest.raises(
        NonFiniteError,
        match=r"VAE: kl is (nan|-?inf) at step 8.*c\.npz keeps the state after 6.*; data that are far from",
    ) as caught:
        fit(step, 20, state={"w": w}, label="VAE", checkpoint=tmp_path / "c.npz", every=3)
    error = caught.value
    assert isinstance(error, FloatingPointError)
    assert (error.name, error.step, error.history.steps_done) == ("kl", 8, 8)
    with np.load(tmp_path / "c.npz") as saved:
        assert saved["state/w/array"] == 5.0


def test_non_finite_parameters_are_never_saved(tmp_path):
    line = Line()

    def step(i):
        if i == 4:
            line.w[1] = np.nan
        return 1.0  # the loss does not tell

    with pytest.raises(NonFiniteError, match="state line/w has become non-finite at step 5"):
        fit(step, 20, state={"line": line}, checkpoint=tmp_path / "c.npz", every=3)
    with np.load(tmp_path / "c.npz") as saved:
        np.testing.assert_array_equal(saved["state/line/w"], [0, 0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"label": "other"}, "label='line', this one has 'other'"),
        ({"steps": 19}, "steps=20, this one has 19"),
        ({"state": {"line": Line()}}, "rng/bits is in the checkpoint only"),
        ({"state": Run().state | {"ema": Line()}}, "ema/w is not in the checkpoint"),
        ({"state": Run().state | {"total": np.zeros(2)}}, r"total/array was float64\[2, 1\] and is now float64\[2\]"),
        ({"state": Run().state | {"total": np.zeros((2, 1), np.float32)}}, "was float64.* and is now float32"),
        ({"state": Run(np.random.MT19937).state}, "rng/bits was a PCG64 and is now a MT19937"),
    ],
)
def test_another_run_is_refused_with_nothing_changed(tmp_path, arguments, message):
    run = Run()
    fit(run.step, 20, label="line", state=run.state, checkpoint=tmp_path / "c.npz")
    arguments = {"steps": 20, "label": "line", "state": Run().state} | arguments
    before = arguments["state"]["line"].w.copy()
    content = (tmp_path / "c.npz").read_bytes()
    with pytest.raises(ValueError, match=message):
        fit(run.step, checkpoint=tmp_path / "c.npz", resume=True, **arguments)
    np.testing.assert_array_equal(arguments["state"]["line"].w, before)
    assert (tmp_path / "c.npz").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_damaged_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(ValueError, match="not a training checkpoint"):
        fit(lambda i: 0.0, 3, state={"w": np.zeros(1)}, checkpoint=tmp_path / "c.npz", resume=True)


def test_foreign_npz_is_refused(tmp_path):
    np.savez(tmp_path / "c.npz", w=np.zeros(1))
    with pytest.raises(ValueError, match="not a training checkpoint"):
        fit(lambda i: 0.0, 3, state={"w": np.zeros(1)}, checkpoint=tmp_path / "c.npz", resume=True)


def test_existing_file_is_replaced_only_at_the_first_save(tmp_path):
    path = tmp_path / "c.npz"
    path.write_bytes(b"an older run")
    seen = []
    fit(
        lambda i: seen.append(path.read_bytes() == b"an older run") or 0.0,
        4,
        state={"w": np.zeros(1)},
        checkpoint=path,
        every=2,
    )
    assert seen == [True, True, False, False]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_failed_write_leaves_the_old_checkpoint_and_no_litter(tmp_path, monkeypatch):
    path, w = tmp_path / "c.npz", np.zeros(1)
    fit(lambda i: 0.0, 2, state={"w": w}, checkpoint=path)
    content = path.read_bytes()

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        fit(lambda i: 0.0, 2, state={"w": w}, checkpoint=path)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["c.npz"]


def test_checkpoint_holds_no_pickle(tmp_path):
    run = Run()
    fit(run.step, 3, state=run.state, checkpoint=tmp_path / "c.npz")
    assert os.listdir(tmp_path) == ["c.npz"]
    with np.load(tmp_path / "c.npz", allow_pickle=False) as saved:
        assert all(saved[name].dtype.kind in "fiU" for name in saved.files)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be"),
        ({"steps": True}, "steps must be"),
        ({"step": 3}, "step must be a function"),
        ({"seconds": 0}, "seconds must be"),
        ({"seconds": float("nan")}, "seconds must be"),
        ({"label": None}, "label must be"),
        ({"resume": True}, "resume=True needs checkpoint="),
        ({"every": 3}, "every= needs checkpoint="),
        ({"checkpoint": "c.npz"}, "checkpoint= needs state="),
        ({"state": [np.zeros(1)]}, r'state must be a dictionary .* such as {"net": net}, got list'),
        ({"state": np.zeros(1)}, "state must be a dictionary .*, got ndarray"),
        ({"state": {"model": 3}}, r"state\['model'\] must be a numpy array"),
        ({"state": {"a/b": np.zeros(1)}}, "without '/'"),
        ({"state": {"a": np.array([None])}}, "array of Python objects"),
        ({"on_step": 3}, "on_step must be a function"),
    ],
)
def test_bad_arguments_are_refused_before_the_first_step(arguments, message):
    called = []
    arguments = {"step": lambda i: called.append(i) or 0.0, "steps": 3} | arguments
    with pytest.raises(ValueError, match=message):
        fit(**arguments)
    assert not called


def test_unwritable_places_are_refused_before_the_first_step(tmp_path):
    called, state = [], {"w": np.zeros(1)}

    def step(i):
        called.append(i)
        return 0.0

    with pytest.raises(FileNotFoundError, match="nowhere, does not exist"):
        fit(step, 3, state=state, checkpoint=tmp_path / "nowhere" / "c.npz")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        fit(step, 3, state=state, checkpoint=tmp_path)
    if os.path.isdir("/proc/self"):
        with pytest.raises(OSError, match="cannot write in /proc/self"):
            fit(step, 3, state=state, checkpoint="/proc/self/c.npz")
    assert not called


@pytest.mark.parametrize("returned", [None, "loss", [1.0], np.zeros((1,)), {"loss": None}, {1: 0.0}])
def test_what_a_step_may_return(returned):
    with pytest.raises(ValueError, match=r"step\(0\) must"):
        fit(lambda i: returned, 3)


def test_silent_unless_on_a_terminal(capfd):
    fit(lambda i: 0.0, 3)
    assert capfd.readouterr() == ("", "")
    fit(lambda i: 0.25, 3, label="GAN on ring", quiet=False)
    shown = capfd.readouterr().err
    assert "GAN on ring" in shown and "loss 0.25" in shown and "3/3" in shown


def test_works_outside_the_main_thread(tmp_path):
    results = []
    run = Run()
    thread = threading.Thread(
        target=lambda: results.append(fit(run.step, 4, state=run.state, checkpoint=tmp_path / "c.npz"))
    )
    thread.start()
    thread.join()
    assert isinstance(results[0], History) and results[0].steps_done == 4


class Cycle:
    """An object that refers to itself: only the collector frees it."""

    def __init__(self):
        self.itself = self


def test_cycles_are_collected_after_each_step_and_not_within_one():
    made, freed_within, alive_before = [], [], []

    def step(i):
        alive_before.append(sum(cycle() is not None for cycle in made))
        made.append(weakref.ref(Cycle()))
        freed_within.append(gc.isenabled() or [Cycle() for _ in range(1000)] and made[-1]() is None)
        return 0.0

    fit(step, 5, quiet=True)
    assert gc.isenabled() and not any(freed_within) and alive_before == [0] * 5


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("error", [None, KeyError, KeyboardInterrupt, NonFiniteError])
def test_the_collector_is_left_as_it_was(on, error):
    seen = []

    def step(i):
        seen.append(gc.isenabled())
        if error in (KeyError, KeyboardInterrupt) and i == 2:
            raise error
        return float("nan") if error is NonFiniteError and i == 2 else 0.0

    try:
        (gc.enable if on else gc.disable)()
        if error is None:
            fit(step, 3, quiet=True)
        else:
            with pytest.raises(error):
                fit(step, 3, quiet=True)
        assert gc.isenabled() is on and seen == [False] * 3
    finally:
        gc.enable()


def test_without_a_collector_none_runs():
    made = []
    gc.disable()
    try:
        fit(lambda i: made.append(weakref.ref(Cycle())) or 0.0, 3, quiet=True)
        assert all(cycle() is not None for cycle in made)
    finally:
        gc.enable()


def test_overhead_of_a_step_is_microseconds():
    """A unit of work is about half a second: 20,000 steps of 100 microseconds cost 4."""
    assert units_of(lambda: fit(lambda i: 0.0, 20_000)) < 4
