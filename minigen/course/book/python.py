"""Python in the pages of the book: what an exercise's box needs, and the files that the reader's browser loads."""

from __future__ import annotations

from typing import Any

from minigen.course.book.trainings import can_train
from minigen.course.exercise import stubs
from minigen.course.exercise.format import Exercise

__all__ = ["exercise_data"]

# Their references, or what stands beside them, compute with SciPy. A page loads it for other answers only when they
# import it themselves; the test that checks all exercises in Node notices when this list is wrong.
NEED_SCIPY = {
    *("gan/01/kl_divergence", "gan/01/js_divergence", "gan/01/kl_normal"),
    *("gan/07/mode_coverage", "gan/08/mmd", "diffusion/07/hybrid_loss"),
}


def exercise_data(exercise: Exercise) -> dict[str, Any]:
    """What the box of an exercise is told: who it is, where the reader starts from, what helps.

    stub: the imports and the function to fill in. scipy: whether its check needs SciPy. train: whether the page can
    train with the answer.
    """
    return {
        "id": exercise.id,
        "name": exercise.name,
        "lesson": exercise.lesson,
        "points": exercise.points,
        "minutes": exercise.minutes,
        "stub": stubs.alone(exercise),
        "hints": list(exercise.hints),
        "scipy": exercise.id in NEED_SCIPY,
        "train": can_train(exercise),
    }
