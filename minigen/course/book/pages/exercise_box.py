"""The box in which a reader writes an exercise and has it checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigen.course.book.markup import html_around
from minigen.course.exercise import prompts, stubs
from minigen.course.exercise.format import Exercise
from minigen.zoo.demonstrations.frames import DATA
from minigen.zoo.demonstrations.table import DEMONSTRATIONS

__all__ = ["exercise_anchor", "exercise_box", "exercise_data"]

# Exercises whose references, or modules beside them, compute with SciPy. For others a page loads SciPy only when an
# answer imports it. The test that checks all exercises in Node fails when this list is wrong.
NEED_SCIPY = {
    *("gan/01/kl_divergence", "gan/01/js_divergence", "gan/01/kl_normal"),
    *("gan/07/mode_coverage", "gan/08/mmd", "diffusion/07/hybrid_loss"),
}


def exercise_data(exercise: Exercise) -> dict[str, Any]:
    """Return the data of the box of an exercise: its names and points, its stub without the prompt, its hints.

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
        "stub": stubs.bare_stub(exercise),
        "hints": list(exercise.hints),
        "scipy": exercise.id in NEED_SCIPY,
        "train": training.settings if training else None,
        "densities": list(DATA) if training and "data" in training.settings else [],
        "legend": dict(training.legend) if training else {},
    }


def exercise_box(exercise: Exercise, linked: Callable[[str], str] = str) -> str:
    """Return the box in which an exercise is read, written and checked; without scripts its prompt and stub, to be
    read.

    linked: makes the references of Markdown links.
    """
    prompt = "\n\n".join(linked(paragraph) for paragraph in prompts.paragraphs(exercise))
    values = {"data": exercise_data(exercise), "anchor": exercise_anchor(exercise.id)}
    return html_around("outputs/exercise_box.html", prompt + "\n", **values)


def exercise_anchor(id: str) -> str:
    """ "exercise-gan-12-critic_loss"."""
    return f"exercise-{id.replace('/', '-')}"
