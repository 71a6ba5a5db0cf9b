"""Points for a model from an empty file, and what is missing in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import Submission, read_submission
from minigen.course.from_scratch.measures import binary_numbers, density_numbers, plane_numbers
from minigen.course.from_scratch.observe import Observed, observe
from minigen.course.from_scratch.task import MEANING, FromScratch

__all__ = ["Verdict", "judge", "measure", "points_of"]


@dataclass
class Verdict:
    """The result of one file. numbers: by the names of `measures.MEANING`; missed: the bars that do not hold."""

    task: FromScratch
    seed: int
    observed: Observed
    numbers: dict[str, float] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    points: int = 0
    tried: int = 1

    @property
    def passed(self) -> bool:
        return self.points > 0


def judge(task: FromScratch, file: Submission | Path, seed: int = 0, sandbox: str = "") -> Verdict:
    """Train and judge the model of a file; of several seeds, if the task allows them, the best one counts."""
    submission = file if isinstance(file, Submission) else read_submission(file)
    best: Verdict | None = None
    for tried in range(1, task.best_of + 1):
        now = _judge_once(task, submission, seed + tried - 1, sandbox)
        now.tried = tried
        if best is None or now.points > best.points:
            best = now
        if now.passed or now.observed.status != status.PASS:
            break
    assert best is not None, "at least one seed is tried"
    return best


def _judge_once(task: FromScratch, submission: Submission, seed: int, sandbox: str) -> Verdict:
    found = Verdict(task, seed, observe(task, submission, seed, sandbox))
    if found.observed.status == status.PASS:
        found.numbers = measure(task, found.observed, seed)
        found.points, found.missed = points_of(task, found.numbers)
    return found


def measure(task: FromScratch, observed: Observed, seed: int) -> dict[str, float]:
    """All numbers of what a model gave."""
    train, held_out = task.splits(seed)
    if task.density is None:
        return binary_numbers(observed.samples, held_out, observed.log_prob)
    numbers = plane_numbers(observed.samples, train, task.density, np.random.default_rng([seed, 9]))
    if task.nats:
        numbers |= density_numbers(observed.log_prob, held_out, task.density)
    return numbers


def points_of(task: FromScratch, numbers: Mapping[str, float]) -> tuple[int, list[str]]:
    """Return the points of ten, and the bars that do not hold, in words: six for all bars, four by the last number."""
    missed = []
    for name, (least, most) in task.bars.items():
        value = numbers[name]
        if least is not None and not value >= least:
            missed.append(f"{name} is {value:.3g}, and must be at least {least:g}: {MEANING[name]}")
        elif most is not None and not value <= most:
            missed.append(f"{name} is {value:.3g}, and must be at most {most:g}: {MEANING[name]}")
    name, some, more = task.last
    return (0 if missed else 6 + 2 * (numbers[name] <= some) + 2 * (numbers[name] <= more)), missed
