"""On secret seeds a table of what `check` shows earns at most a tenth of an exercise, and a right answer all of it."""

import subprocess
import sys

import numpy as np
import pytest

from minigen.classroom.assignment import AssignedExercise
from minigen.classroom.grade.grader import row_of
from minigen.classroom.private import variants
from minigen.classroom.private.declaration import addresses
from minigen.course.exercise import catalog
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.grading.forms import unbox
from minigen.course.exercise.grading.in_process import grade_function
from minigen.course.exercise.grading.reference import drawing_nothing, quiet, references
from minigen.course.exercise.grading.secret import MOST, grading_of, shifted_cases
from minigen.course.exercise.grading.shift import shifted
from minigen.course.exercise.grading.submission import Submission
from minigen.course.exercise.prove import hint_three

SECRETS = ([987654321], [31337, 4026531840])
EXERCISES = {exercise.id: exercise for exercise in catalog.all_exercises()}
SOME = ("flow/10/mu_law_encode", "diffusion/10/spaced_timesteps")


def plain_table(exercise):
    """What the reference gave for the calls of the practice seed; for other arguments, the value of the first call."""
    calls = [call for row in references(exercise, 0) for call in row.calls]
    with quiet():
        rows = [(repr_of(call), returned(exercise.reference, call)) for call in calls]

    def table(*args, **kwargs):
        asked = repr_of((args, kwargs))
        value = next((value for key, value in rows if key == asked), rows[0][1])
        if isinstance(value, ValueError):
            raise value
        return value

    return table


def returned(function, call):
    """What a function returns, or the ValueError that it raises."""
    try:
        return function(*call[0], **call[1])
    except ValueError as error:
        return error


def repr_of(value):
    value = unbox(value)
    if isinstance(value, (list, tuple)):
        return [repr_of(item) for item in value]
    if isinstance(value, dict):
        return {key: repr_of(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, int, float, np.generic)):
        return np.asarray(value).tolist()
    return type(value).__name__


def share(exercise, function, grading):
    """What `minigen grade` gives for a function, of 1."""
    reports = [grade_function(exercise, function, seed, wanted) for seed, wanted in grading.wanted.items()]
    seeds = list(grading.wanted)
    row = row_of(AssignedExercise(exercise, 1000.0), Submission(""), "", (), reports, seeds, grading.weights)
    return row["points"] / 1000


@pytest.mark.parametrize("seeds", [SECRETS[0], pytest.param(SECRETS[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize("id", [id if id in SOME else pytest.param(id, marks=pytest.mark.slow) for id in EXERCISES])
def test_a_table_earns_at_most_a_tenth(id, seeds):
    exercise = EXERCISES[id]
    grading = grading_of(exercise, seeds)
    assert share(exercise, plain_table(exercise), grading) <= MOST + 1e-9
    for answer in [hint_three(exercise), *answers_of(exercise).variants]:
        assert share(exercise, answer.function, grading) == 1.0, answer.note


@pytest.mark.slow
@pytest.mark.parametrize("id", [id for id, exercise in EXERCISES.items() if addresses(exercise)])
def test_a_table_earns_at_most_a_tenth_of_a_private_variant(id):
    """Its cases are fixed where those of the exercise are."""
    variant = variants.find(addresses(EXERCISES[id])[0])
    grading = grading_of(variant, SECRETS[0])
    assert share(variant, plain_table(variant), grading) <= MOST + 1e-9
    assert share(variant, hint_three(variant).function, grading) == 1.0


def test_without_a_secret_a_table_earns_what_it_knows():
    exercise = EXERCISES["flow/05/affine_forward"]
    grading = grading_of(exercise, [0])
    assert share(exercise, plain_table(exercise), grading) > 0.5  # all but what differentiates the answer
    assert grading.weights == tuple(case.points for case in exercise.cases)


def test_the_inputs_of_cases_that_draw_nothing_differ_from_secret_to_secret():
    exercise = EXERCISES["flow/05/affine_forward"]
    first, second = grading_of(exercise, [11]), grading_of(exercise, [12])
    assert shifted_cases(exercise) and shifted_cases(exercise) <= drawing_nothing(exercise)
    for number in shifted_cases(exercise):
        values = [grading.wanted[seed][number].calls for grading, seed in ((first, 11), (second, 12))]
        assert repr_of(values[0]) != repr_of(values[1])


def test_fixed_cases_have_a_tenth_together():
    exercise = EXERCISES["diffusion/10/spaced_timesteps"]
    weights = grading_of(exercise, [11]).weights
    assert sum(weights) == pytest.approx(exercise.points) and any(case.fixed for case in exercise.cases)
    fixed = [weight for case, weight in zip(exercise.cases, weights, strict=True) if case.fixed]
    assert sum(fixed) == pytest.approx(MOST * exercise.points)


def test_grading_a_class_loads_no_proofs():
    code = "import sys; import minigen.classroom.grade.batch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    loaded = {name.removeprefix("minigen.course.exercise.") for name in done.stdout.split()}
    assert "grading.secret" in loaded and not loaded & {"prove", "lookup"}


def test_a_shift_keeps_what_a_factor_would_destroy():
    probabilities, mask, steps = np.array([[0.25, 0.75]]), np.array([0.0, 1.0, 1.0]), np.array([3, 4])
    x = np.array([-2.0, 0.0, 5.0, 5.0, np.inf], np.float32)
    (p, m, t, y, scale), named = shifted((probabilities, mask, steps, x, 2.0), {"b": [x]}, 7)
    assert (p is probabilities, m is mask, t is steps) == (True, True, True)
    assert y.dtype == np.float32 and y[1] == 0 and y[2] == y[3] and np.isinf(y[4]) and y[0] < 0
    assert np.all(np.abs(y[[0, 2]]) < np.abs(x[[0, 2]])) and 1.8 <= scale <= 1.96
    assert not np.array_equal(named["b"][0], y)
    again = shifted((probabilities, mask, steps, x, 2.0), {"b": [x]}, 7)[0]
    assert np.array_equal(again[3], y)
