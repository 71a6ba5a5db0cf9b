"""The small trainings of the book's pages: which exercise each serves, what a page is shown, and that it learns."""

import base64
import itertools

import numpy as np
import pytest

from minigen.course.exercise import catalog, substitute
from minigen.zoo.demonstrations.diffusion import langevin_sampling
from minigen.zoo.demonstrations.frames import DATA, distance, path, points, watch, watch_samples
from minigen.zoo.demonstrations.reverse_process import reverse_process, two_moons
from minigen.zoo.demonstrations.table import DEMONSTRATIONS, TABLE

EXERCISES = {exercise.id: exercise for exercise in catalog.all_exercises()}


def test_demonstrations_serve_exercises_that_there_are():
    assert len(DEMONSTRATIONS) == sum(len(names.split()) for _, names, *_ in TABLE), "each is named once"
    assert set(DEMONSTRATIONS) <= set(EXERCISES) and "gan/08/inception_score" not in DEMONSTRATIONS
    assert {id.split("/")[0] for id in DEMONSTRATIONS} == {"start", "gan", "vae", "flow", "diffusion"}


@pytest.mark.parametrize("id", DEMONSTRATIONS)
def test_a_training_calls_the_function_of_its_exercise(id):
    """Two frames of it, with the package's own function in the reader's place; always the same numbers."""
    exercise, frames = EXERCISES[id], DEMONSTRATIONS[id].frames()
    substitute.put(exercise, exercise.reference)  # after the training was asked for, as a page does
    try:
        first, second = itertools.islice(frames, 2)
        assert substitute.calls()[id] > 0
    finally:
        substitute.restore()
    assert 0 == first.step < second.step < second.steps == first.steps
    assert np.isfinite([first.distance, second.distance]).all() and first.layers != second.layers
    assert next(DEMONSTRATIONS[id].frames()).to_json() == first.to_json()


def test_what_a_reader_may_change_of_a_training():
    gan = DEMONSTRATIONS["gan/02/discriminator_loss"]
    assert gan.settings == {"data": "a ring of eight", "lr": 2e-3, "steps": 560}
    assert (gan.title(), gan.title("two moons")) == ("A GAN on a ring of eight", "A GAN on two moons")
    assert DEMONSTRATIONS["flow/04/u_hat"].settings == {"lr": 1e-2, "steps": 350}
    usual, others = next(gan.frames()), [{"data": name} for name in DATA] + [{"steps": 30}]
    assert next(gan.frames(data="a ring of eight")).to_json() == usual.to_json()
    shown = [next(gan.frames(**settings)) for settings in others]
    assert len({frame.kept[0]["data"] for frame in shown}) == len(DATA) and shown[-1].steps == 30
    slow, fast = (list(itertools.islice(gan.frames(steps=24, lr=lr), 3))[-1] for lr in (1e-6, 1e-2))
    assert abs(slow.distance - usual.distance) < 1e-2 < abs(fast.distance - usual.distance)
    for wrong in ({"width": 3}, {"data": "a cat"}, {"lr": -1.0}, {"steps": 2.5}):
        with pytest.raises(ValueError):
            gan.frames(**wrong)


def test_the_loop_of_trainings():
    """10 steps and 3 frames: before step 0, after each 3 steps, and at the end."""
    seen, state = [], {"steps": 0}

    def step(i):
        assert i == state["steps"]
        state["steps"] += 1

    def look():
        return float(state["steps"]), [points("model", np.full((1, 2), state["steps"]))]

    kept = [points("data", np.zeros((2, 2)))]
    for frame in watch(10, step, look, kept, frames=3):
        seen.append((frame.step, frame.distance, bool(frame.kept)))
        assert frame.steps == 10 and frame.layers == [points("model", np.full((1, 2), frame.step))]
    assert seen == [(0, 0.0, True), (3, 3.0, False), (6, 6.0, False), (9, 9.0, False), (10, 10.0, False)]
    assert state["steps"] == 10


def test_samples_are_shown_beside_the_data_with_their_distance():
    real = np.zeros((50, 2), np.float32)
    first, second = watch_samples(real, 1, lambda i: None, lambda: real + np.float32([1, 0]))
    assert first.kept == [points("data", real)] and first.layers == [points("model", real + np.float32([1, 0]))]
    assert first.distance == second.distance == pytest.approx(2 / np.pi, rel=0.15)  # the mean of |cos|, 40 directions


def test_layers_are_float32_in_base64():
    x = np.array([[1.5, -2.0], [0.25, 3.0]])
    for layer, kind in [(points("line", x), "points"), (path("line", x[:, ::-1]), "path")]:
        data = np.frombuffer(base64.b64decode(layer["data"]), np.float32).reshape(2, 2)
        np.testing.assert_array_equal(data, x if kind == "points" else x[:, ::-1])
        assert (layer["kind"], layer["role"]) == (kind, "line")


def test_the_reverse_process_goes_from_noise_to_the_moons():
    times, x, data = reverse_process(points=600, stops=5)
    assert times == [200, 150, 100, 50, 0] and x.shape == (5, 600, 2) and x.dtype == np.float32
    assert np.abs(x[0].mean(axis=0)).max() < 0.2 and np.abs(x[0].std(axis=0) - 1).max() < 0.15
    far = [distance(each, data) for each in x]
    floor = distance(two_moons().sample(np.random.default_rng(5), 600), data)
    assert far[-1] < 1.5 * floor < 0.6 * far[0] and far[0] > far[2] > far[3] > far[4]
    assert two_moons().log_prob(x[-1]).mean() > -1 - two_moons().entropy(), "no point lies off the moons"


def test_langevin_sampling_reaches_the_ring():
    *_, last = frames = list(langevin_sampling(np.random.default_rng(0)))
    assert len(frames) == 25 and last.distance < 0.2 * frames[0].distance
