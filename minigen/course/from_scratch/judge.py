"""Points for a model from an empty file, and what is missing in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import Submission, read_submission
from minigen.course.from_scratch.measures import binary_numbers, density_numbers, plane_numbers
from minigen.course.from_scratch.observe import Observed, observe
from minigen.course.from_scratch.task import FromScratch

__all__ = ["Verdict", "judge", "measure", "points_of"]

WHY = {  # what it says about a model if a number is below its bar, and above it
    "sw": ("", "the samples are far from the data, so compare the picture"),
    "rank": ("", "the samples are too spread out or too sharp, or lie between the data: see out and core"),
    "out": ("", "too many samples lie where there are no data"),
    "core": ("the samples are too spread out", "the samples are too concentrated"),
    "memo": ("the samples are near copies of training points", ""),
    "modes": ("the samples miss some of the modes", ""),
    "least": ("one of the modes gets far too few samples", ""),
    "nats": (
        "log_prob promises more than is possible, so it is not the logarithm of a density",
        "the model fits new data worse than asked: train longer, or take a more flexible model",
    ),
    "mass": (
        "exp(log_prob) must integrate to 1, so a term of log_prob is missing or has the wrong sign",
        "exp(log_prob) must integrate to 1, so a term of log_prob is missing or has the wrong sign",
    ),
    "cov": ("", "which pixels are black together differs from the data"),
    "copies": ("", "the samples are copies of training examples"),
    "calls": ("", "the predictor was evaluated too often for each sample"),
    "same": ("", "the sample must depend on its own row of x_T only, without fresh noise"),
}


@dataclass
class Verdict:
    """The result of one file. numbers: by the names of `measures.MEANING`; missed: the bars that do not hold."""

    task: FromScratch
    seed: int
    observed: Observed
    numbers: dict[str, float] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    points: int = 0

    @property
    def passed(self) -> bool:
        return self.points > 0


def judge(
    task: FromScratch,
    file: Submission | Path,
    seed: int = 0,
    sandbox: str = "",
    heard: Callable[[bytes], None] | None = None,
) -> Verdict:
    """Train and judge the model of a file. sandbox, heard: as in `observe`."""
    submission = file if isinstance(file, Submission) else read_submission(file)
    found = Verdict(task, seed, observe(task, submission, seed, sandbox, heard))
    if found.observed.status == status.PASS:
        found.numbers = measure(task, found.observed, seed)
        found.points, found.missed = points_of(task, found.numbers)
    return found


def measure(task: FromScratch, observed: Observed, seed: int) -> dict[str, float]:
    """All numbers of what a model gave."""
    train, held_out = task.splits(seed)
    if task.density is None:
        return binary_numbers(observed.samples, train, held_out, observed.log_prob)
    numbers = plane_numbers(observed.samples, train, task.density, np.random.default_rng([seed, 9]))
    if task.alpha_bar is not None:
        _, order = task.noise(seed)
        away = np.linalg.norm(observed.samples[order] - observed.arrays["again"], axis=1)
        numbers |= {"calls": float(observed.arrays["calls"]), "same": float(away.mean())}
        del numbers["memo"]  # there are no training points
    if task.nats:
        numbers |= density_numbers(observed.log_prob, held_out, task.density)
    return numbers


def points_of(task: FromScratch, numbers: Mapping[str, float]) -> tuple[int, list[str]]:
    """Return the points of ten, and the bars that do not hold, in words: six for all bars, four by the last number."""
    missed = []
    for name, (least, most) in task.bars.items():
        value = numbers[name]
        low, high = WHY[name]
        if least is not None and not value >= least:
            missed.append(f"{name} is {_number(value, least)}, and must be at least {least:g}; {low}")
        elif most is not None and not value <= most:
            missed.append(f"{name} is {_number(value, most)}, and must be at most {most:g}; {high}")
    name, some, more = task.last
    return (0 if missed else 6 + 2 * (numbers[name] <= some) + 2 * (numbers[name] <= more)), missed


def _number(value: float, bar: float) -> str:
    """Write a number with three digits, or as many as tell it from the bar."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return next(text for digits in (3, 6, 17) if float(text := f"{value:.{digits}g}") != bar)
