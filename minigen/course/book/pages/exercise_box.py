"""The box in which a reader writes an exercise and has it checked."""

from __future__ import annotations

from typing import Any

from minigen.course.book.markup import html_block
from minigen.course.exercise import stubs
from minigen.course.exercise.format import Exercise
from minigen.zoo.demonstrations.frames import DATA
from minigen.zoo.demonstrations.table import DEMONSTRATIONS

__all__ = ["exercise_anchor", "exercise_box", "exercise_data"]

COLUMN = 78  # letters of a line of code that fit into a page

# Exercises whose references, or modules beside them, compute with SciPy. For others a page loads SciPy only when an
# answer imports it. The test that checks all exercises in Node fails when this list is wrong.
NEED_SCIPY = {
    *("gan/01/kl_divergence", "gan/01/js_divergence", "gan/01/kl_normal"),
    *("gan/07/mode_coverage", "gan/08/mmd", "diffusion/07/hybrid_loss"),
}


def exercise_data(exercise: Exercise) -> dict[str, Any]:
    """The data of the box of an exercise: its names and points, its stub, its hints.

    imports: lines that are run before the answer. scipy: whether the check needs SciPy. train: what a reader may
    change of the training with the answer, with its values, {"data": ..., "lr": ..., "steps": ...}; None where the page
    cannot train. densities: the values of "data". legend: the names of what the training draws, by their roles.
    """
    training = DEMONSTRATIONS.get(exercise.id)
    return {
        "id": exercise.id,
        "name": exercise.name,
        "lesson": exercise.lesson,
        "points": exercise.points,
        "minutes": exercise.minutes,
        "imports": stubs.imports([exercise]),
        "stub": stubs.stub(exercise, COLUMN),
        "hints": list(exercise.hints),
        "scipy": exercise.id in NEED_SCIPY,
        "train": training.settings if training else None,
        "densities": list(DATA) if training and "data" in training.settings else [],
        "legend": dict(training.legend) if training else {},
    }


def exercise_box(exercise: Exercise) -> str:
    """The box in which an exercise is written and checked; without scripts its stub, to be read."""
    return html_block("outputs/exercise_box.html", data=exercise_data(exercise), anchor=exercise_anchor(exercise.id))


def exercise_anchor(id: str) -> str:
    """ "exercise-gan-12-critic_loss"."""
    return f"exercise-{id.replace('/', '-')}"
