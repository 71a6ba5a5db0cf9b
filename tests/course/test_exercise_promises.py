"""The promises of a prompt beside the cases that answer them."""

import numpy as np
import pytest

from minigen.course.exercise.format import Exercise
from minigen.course.exercise.promises import promises_of, run
from minigen.diffusion.schedule import Schedule

PROMPT = """
One step. x_before and eps have shape (N, D) or (N, H, W, C), and so has the result, in their dtype; t is one time
step, or an array (N,) of them. Numbers may be as large as 1000. No gradient is taken.
"""
LONG, SHORT = Schedule(np.linspace(0.1, 0.3, 5)), Schedule(np.linspace(0.1, 0.3, 3))


def step(prompt: str = PROMPT) -> Exercise:
    exercise = Exercise("a/01/q_step", "minigen.diffusion.ddpm:q_step", 1, prompt, ["a", "b", "c"])

    @exercise.case(kind="equation")
    def by_hand(impl, rng):
        return {"x": impl(np.ones((2, 3)), 2, np.ones((2, 3)), LONG)}

    return exercise


def cases_of(exercise):
    return {kept.promise: kept.cases for kept in promises_of(exercise)}


def test_what_one_case_leaves_open():
    assert cases_of(step()) == dict.fromkeys(
        ["dtype", "any axes", "one for each example", "extremes", "another schedule"], ()
    )
    assert cases_of(step("Gradients are taken in x, which is finite in float32 too.")).keys() == {
        *("gradient", "float32", "finite", "another schedule")
    }


def test_each_promise_is_answered_by_the_case_that_tries_it():
    exercise = step()

    @exercise.case(kind="shapes")
    def images(impl, rng):
        return {"x": impl(np.ones((2, 3, 3, 1)), 2, np.ones((2, 3, 3, 1)), LONG)}

    @exercise.case(kind="shapes")
    def a_time_for_each(impl, rng):
        return {"x": impl(np.ones((2, 3)), np.array([1, 2]), np.ones((2, 3)), SHORT)}

    @exercise.case(kind="extremes")
    def large(impl, rng):
        x = impl(np.full((2, 3), 1000.0), 2, np.ones((2, 3)), LONG)
        return {"x": x, "double": x.dtype == float}

    @exercise.case(kind="extremes")
    def not_so_large(impl, rng):
        return {"x": impl(np.full((2, 3), 200.0), 2, np.ones((2, 3)), LONG)}

    assert cases_of(exercise) == {
        "dtype": ("large",),
        "any axes": ("images",),
        "one for each example": ("a_time_for_each",),
        "extremes": ("large",),
        "another schedule": ("a_time_for_each",),
    }


def test_optional_arguments_are_left_out_and_given():
    exercise = Exercise("a/01/one", "minigen.diffusion.schedule:cosine_beta", 1, "Do.", ["a", "b", "c"])

    @exercise.case(kind="equation")
    def usual(impl, rng):
        return {"beta": impl(5)}

    found = [(kept.promise, kept.sentence, kept.cases) for kept in promises_of(exercise)]
    assert found == [
        ("default left out", "s=0.008", ("usual",)),
        ("option given", "s=0.008", ()),
        ("default left out", "largest=0.999", ("usual",)),
        ("option given", "largest=0.999", ()),
    ]


def test_the_list_ends_with_what_has_no_case(capsys):
    assert run([step()]) == 0
    shown = capsys.readouterr().out
    assert "5 promises, 5 without a case:" in shown
    assert (
        "  a/01/q_step: extremes   [Numbers may be as large as 1000.]" in shown.split("without a case:")[1].splitlines()
    )


@pytest.mark.parametrize("sentence", ["No gradient is taken.", "No gradient is taken of the result."])
def test_no_gradient_is_no_promise(sentence):
    assert "gradient" not in cases_of(step(sentence))
