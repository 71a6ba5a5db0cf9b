"""The verdict on a model from an empty file: as text, as data, and as a picture beside the data's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minigen.course.console import color, text_table
from minigen.course.exercise.grading import status
from minigen.course.from_scratch.judge import Verdict
from minigen.course.from_scratch.task import MEANING

__all__ = ["as_data", "as_text", "draw"]


def as_text(verdict: Verdict, picture: Path | None = None) -> str:
    """The points, what is missing, the numbers with their meanings, and where the picture is."""
    task, observed = verdict.task, verdict.observed
    points = f"{verdict.points} of {task.points} points"
    lines = [f"{task.id}  {color(points, 'green' if verdict.passed else 'red')}"]
    if observed.status != status.PASS:
        where = f"line {observed.line}: " if observed.line else ""
        lines.append(f"  {where}{status.WORDS[observed.status]}: {observed.message}")
        return "\n".join(lines)
    lines += [f"  not yet: {each}" for each in verdict.missed]
    name, some, more = task.last
    if verdict.passed and verdict.points < task.points:
        bar = some if verdict.numbers[name] > some else more
        lines.append(f"  two points more if {name} is at most {bar:g}")
    if verdict.passed and verdict.tried > 1:
        lines.append(f"  seed {verdict.seed}, the number {verdict.tried} of {task.best_of} that are tried")
    rows = [[key, f"{value:.3g}", MEANING[key]] for key, value in verdict.numbers.items()]
    took = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in observed.seconds.items())
    lines += ["", text_table(rows, ["number", "value", "what it is"], indent="  "), "", f"  processor time: {took}"]
    if picture is not None:
        lines.append(f"  your samples beside the data: {picture}")
    return "\n".join(lines)


def as_data(verdict: Verdict) -> dict[str, Any]:
    """The verdict for a program."""
    return {
        "id": verdict.task.id,
        "seed": verdict.seed,
        "passed": verdict.passed,
        "points": verdict.points,
        "possible": verdict.task.points,
        "status": verdict.observed.status,
        "message": verdict.observed.message,
        "missed": verdict.missed,
        "numbers": {name: float(f"{value:.6g}") for name, value in verdict.numbers.items()},
        "seconds": verdict.observed.seconds,
        "output": verdict.observed.output,
    }


def draw(verdict: Verdict, path: Path) -> Path:
    """Write a picture of the samples beside the data to a PNG file, which is replaced if it is there."""
    from minigen import plot

    task, samples = verdict.task, verdict.observed.samples
    _, held_out = task.splits(verdict.seed)
    fig, (left, right) = plot.figure(1, 2, size=(3.6, 3.6))
    if task.density is None:
        side = round(held_out.shape[1] ** 0.5)
        for ax, x, title in ((left, held_out, "new data"), (right, samples, "your samples")):
            plot.image_grid(x[:64].reshape(-1, side, side, 1), cols=8, ax=ax, title=title)
    else:
        bounds = _bounds(held_out)
        for ax, x, title in ((left, held_out, "new data"), (right, samples, "your samples")):
            plot.samples(x[:2000], ax=ax, bounds=bounds, title=title)
    plot.save(fig, path)
    return path


def _bounds(x: np.ndarray) -> tuple[float, float, float, float]:
    """The part of the plane that holds the data, with a margin."""
    (left, bottom), (right, top) = x.min(axis=0), x.max(axis=0)
    margin = 0.15 * max(right - left, top - bottom)
    return left - margin, right + margin, bottom - margin, top + margin
