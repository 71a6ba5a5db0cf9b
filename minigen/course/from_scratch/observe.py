"""Train a reader's model in a worker process, and bring back what it draws."""

from __future__ import annotations

import ast
import io
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from minigen.course.exercise.grading import runner, status
from minigen.course.exercise.grading.grade import worker_path
from minigen.course.exercise.grading.submission import Submission, defined_names
from minigen.course.from_scratch import whole
from minigen.course.from_scratch.measures import GRID
from minigen.course.from_scratch.task import JUDGED, FromScratch
from minigen.course.index.package import PACKAGE

__all__ = ["Observed", "observe"]

MEMORY = 3 * 2**30  # bytes
DRIVER = Path(whole.__file__)


@dataclass
class Observed:
    """What came back: arrays by name, or why there are none. seconds: of processor time, by what was computed."""

    status: str = status.PASS
    message: str = ""
    line: int | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    output: str = ""

    @property
    def samples(self) -> np.ndarray:
        return self.arrays["samples"]

    @property
    def log_prob(self) -> dict[str, np.ndarray]:
        """The log-densities by the name of their points: "held_out", and in the plane "grid"."""
        logs = {name: array for name, array in self.arrays.items() if name.startswith("points_")}
        return {name.removeprefix("points_"): array for name, array in logs.items()}


def observe(task: FromScratch, submission: Submission, seed: int, sandbox: str = "") -> Observed:
    """Train the model of a reader's file on the data of a seed, draw from it, and compute its densities.

    sandbox: as in `minigen.course.exercise.grading.runner.Limits`. Never raises for what the file does.
    """
    if submission.status != status.PASS:
        return Observed(submission.status, submission.message, submission.line)
    problem = _problem(task, submission.source)
    if problem is not None:
        return problem
    train, held_out = task.splits(seed)
    work = runner.Task(
        source=submission.source.rstrip("\n") + whole.CALLS,
        file_name=Path(submission.file).name,
        name="whole_model_",
        drivers=DRIVER.read_text(encoding="utf-8"),
        drivers_file=str(DRIVER),
        driver_names=["whole"],
        forms=[None],  # type: ignore[list-item]  # there is no reference whose values have a form
        shifts=[None],
        hidden_files=_models(),
        path=worker_path("minigen"),
        seed=seed,
        files={"task.npz": _data(task, train, held_out, seed)},
    )
    limits = runner.Limits(case=task.seconds, memory=MEMORY, sandbox=sandbox)
    run = runner.run(work, limits)
    (outcome,) = run.outcomes
    if not outcome.answered:
        message, line = outcome.message, outcome.line
        if outcome.status == status.TIMEOUT:
            message = f"everything together may take {task.seconds:g} s of processor time on a usual machine"
        within = line is not None and line > submission.source.count("\n") + 1
        return Observed(outcome.status, message, None if within else line, output=run.output)
    found = Observed(arrays=outcome.values, output=run.output)
    found.seconds = dict(zip(("training", "sampling", "densities"), map(float, found.arrays.pop("seconds"))))
    return _checked(task, found, train, held_out)


def _problem(task: FromScratch, source: str) -> Observed | None:
    """Return what the text of a file lacks or must not have; None if it can be run."""
    missing = [name for name in task.functions if name not in defined_names(source)]
    if missing:
        return Observed(status.MISSING_FUNCTION, f"the file must define {', '.join(task.functions)}: no {missing[0]}")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
        for name in names:
            if name.split(".")[0] == "minigen" and name.split(".")[1:2] and name.split(".")[1] in whole.MODELS:
                message = f"{name} is not allowed here: write it yourself, with minigen.nn, optim, tensor and data"
                return Observed(status.FORBIDDEN_MODULE, message, node.lineno)
    return None


def _data(task: FromScratch, train: np.ndarray, held_out: np.ndarray, seed: int) -> bytes:
    """Return what the worker gets: the training examples and, where densities are asked for, the points of them."""
    arrays = {"x": train, "seed": np.array(seed), "n": np.array(JUDGED)}
    if task.nats:
        arrays["points_held_out"] = held_out
        if task.density is not None:
            arrays["points_grid"] = task.density.cells(GRID)[0].astype(np.float32)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


@lru_cache
def _models() -> list[str]:
    """Return the files of the package's own models, which a worker must not read."""
    folders = [PACKAGE / name for name in whole.MODELS if name not in ("course", "classroom")]
    return [str(path) for folder in folders for path in sorted(folder.rglob("*.py"))]


def _checked(task: FromScratch, found: Observed, train: np.ndarray, held_out: np.ndarray) -> Observed:
    """Return what was observed, or what is wrong with its shapes and values."""
    wanted = (JUDGED, train.shape[1])
    if found.samples.shape != wanted:
        return Observed(status.WRONG_SHAPE, f"sample must return {wanted}, got {found.samples.shape}")
    if not np.isfinite(found.samples).all():
        return Observed(status.NAN, "the samples must be finite numbers")
    if task.density is None and not np.isin(found.samples, (0, 1)).all():
        return Observed(status.WRONG_VALUE, "the samples must be 0 or 1")
    for name, log_prob in found.log_prob.items():
        n = len(held_out) if name == "held_out" else GRID**2
        if log_prob.shape != (n,):
            return Observed(status.WRONG_SHAPE, f"log_prob of {n} points must return ({n},), got {log_prob.shape}")
        if np.isnan(log_prob).any() or (log_prob == np.inf).any():
            return Observed(status.NAN, "log_prob must be finite numbers (or minus infinity)")
    return found
