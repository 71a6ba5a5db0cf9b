"""Whole models: for every task a right one passes, and each wrong one fails; trained in this process, with one seed.

A mistake of sampling is made with the trained right model. One of training is trained for half of the steps, with which
a right model passes or just misses a bar, so that the mistake is what fails. The second right solutions, other
seeds and all mistakes with all steps were run once; their numbers stand with the tasks' bars.
"""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from minigen.course.from_scratch import whole
from minigen.course.from_scratch.judge import measure, points_of
from minigen.course.from_scratch.observe import Observed, checked, data_of
from minigen.course.from_scratch.task import all_tasks

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("edits", HERE / "wrong" / "edits.py")
edits = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(edits)

SEED = 0
TASKS = {task.lesson.replace("/", "_"): task for task in all_tasks()}
TRAINED = [name for name, task in TASKS.items() if "train" in task.functions]
TRIVIAL = ("noise", "one_gaussian", "one_mode", "memory", "memory_jitter", "kde")
MISTAKES = [(name, mistake) for name in TASKS for mistake in edits.EDITS[name]]


def judged(name, text, train=None):
    """The points of a file, the names of the bars that it misses, and its trained state."""
    numbers, states = numbers_of(name, text, train)
    if isinstance(numbers, str):
        return 0, [numbers], states
    points, missed = points_of(TASKS[name], numbers)
    return points, [each.split()[0] for each in missed], states


def numbers_of(name, text, train=None):
    """The numbers of a file, or what is wrong with its samples, and its trained state."""
    task, namespace = TASKS[name], {}
    exec(compile(text + whole.CALLS, f"{name}.py", "exec"), namespace)
    states = []

    def noting(x, rng):
        states.append(namespace["its_own"](x, rng) if train is None else train(namespace))
        return states[0]

    namespace.setdefault("log_prob", lambda state, x: np.zeros(len(x)))  # of copies, for which there is none
    examples, held_out = task.splits(SEED)
    Path("task.npz").write_bytes(data_of(task, examples, held_out, SEED))
    with np.errstate(all="ignore"):  # some mistakes diverge
        if "train" in task.functions:
            namespace["its_own"], namespace["train"] = namespace["train"], noting
            arrays = whole.whole(namespace["whole_model_"], None)
        else:
            arrays = whole.given(namespace["only_sampler_"], None)
    found = checked(task, Observed(arrays={k: v for k, v in arrays.items() if k != "seconds"}), examples, held_out)
    return found.message or measure(task, found, SEED), states


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@cache
def right(name):
    return judged(name, (HERE / "solutions" / f"{name}.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", TASKS)
def test_a_right_model_passes(name):
    points, missed, _ = right(name)
    assert points >= 8 and not missed


@cache
def numbers_of_no_model(trivial, data):
    """The numbers of a file that works for every task, on the data of some of them."""
    name = max((name for name in TRAINED if data_name(name) == data), key=lambda name: TASKS[name].nats)
    return numbers_of(name, (HERE / "wrong" / f"{trivial}.py").read_text(encoding="utf-8"))[0]


def data_name(name):
    return "digits" if TASKS[name].density is None else TASKS[name].density.name


@pytest.mark.parametrize(("name", "mistake"), MISTAKES, ids=lambda value: value)
def test_each_mistake_fails(name, mistake):
    text = edits.text(name, mistake)
    if mistake in edits.IN_SAMPLING or name not in TRAINED:
        state = right(name)[2]

        def trained(namespace):  # the right model's weights, in the class of the file with the mistake
            if type(state[0]).__name__ in namespace:
                state[0].__class__ = namespace[type(state[0]).__name__]
            return state[0]

        points, missed, _ = judged(name, text, trained)
    else:
        points, missed, _ = judged(name, edits.with_steps(text, 0.5))
    if mistake in edits.NOT_SEPARATED.get(name, ()):
        assert points > 0, "a bar separates it now: take it off the list"
    else:
        assert points == 0 and missed


@pytest.mark.parametrize("name", TRAINED)
def test_an_untrained_model_fails(name):
    points, missed, _ = judged(name, edits.text(name, "untrained"))
    assert points == 0 and missed


@pytest.mark.parametrize("trivial", TRIVIAL)
@pytest.mark.parametrize("name", TRAINED)
def test_what_no_model_is_fails(name, trivial):
    numbers = numbers_of_no_model(trivial, data_name(name))
    if isinstance(numbers, str):
        return
    points, missed = points_of(TASKS[name], numbers)
    missed = {each.split()[0] for each in missed}
    if trivial == "kde" and TASKS[name].density is not None:
        assert points == 10, "in the plane it is a good density"
    elif trivial in ("memory", "memory_jitter"):
        assert missed & {"memo", "copies"} and missed <= {"memo", "copies", "nats", "mass"}
    else:
        assert points == 0 and missed
