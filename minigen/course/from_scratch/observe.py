"""Train a reader's model in a worker process, and bring back what it draws."""

from __future__ import annotations

import ast
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from minigen.course.exercise.grading import runner, status
from minigen.course.exercise.grading.grade import worker_path
from minigen.course.exercise.grading.outcome import CaseOutcome
from minigen.course.exercise.grading.submission import Submission, defined_names
from minigen.course.from_scratch import whole
from minigen.course.from_scratch.measures import GRID
from minigen.course.from_scratch.task import JUDGED, FromScratch
from minigen.course.index.package import PACKAGE
from minigen.data.mixture import GaussianMixture

__all__ = ["Observed", "checked", "data_of", "observe"]

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


def observe(
    task: FromScratch,
    submission: Submission,
    seed: int,
    sandbox: str = "",
    heard: Callable[[bytes], None] | None = None,
) -> Observed:
    """Train the model of a reader's file on the data of a seed, draw from it, and compute its densities.

    sandbox: as in `minigen.course.exercise.grading.runner.Limits`. heard: is given what the file prints, as it comes.
    Never raises for what the file does.
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
        name="whole_model_" if task.alpha_bar is None else "only_sampler_",
        drivers=DRIVER.read_text(encoding="utf-8"),
        drivers_file=str(DRIVER),
        driver_names=["whole" if task.alpha_bar is None else "given"],
        forms=[None],  # type: ignore[list-item]  # there is no reference whose values have a form
        shifts=[None],
        hidden_files=_models(),
        path=worker_path("minigen"),
        seed=seed,
        files={"task.npz": data_of(task, train, held_out, seed)},
    )
    limits = runner.Limits(case=task.seconds, memory=MEMORY, sandbox=sandbox)
    run = runner.run(work, limits, heard)
    (outcome,) = run.outcomes
    if not outcome.answered:
        return _unanswered(task, submission, outcome, run.output)
    found = Observed(arrays=outcome.values, output=run.output)
    found.seconds = dict(zip(("training", "sampling", "densities"), map(float, found.arrays.pop("seconds"))))
    return checked(task, found, train, held_out)


def _unanswered(task: FromScratch, submission: Submission, outcome: CaseOutcome, output: str) -> Observed:
    """Why there are no arrays, with the reader's line if it is one of hers."""
    state, message, line = outcome.status, outcome.message, outcome.line
    if state == status.TIMEOUT:
        message = (
            f"your program was still running after {task.seconds:g} s of processor time (of a usual machine), and was"
            " stopped; take fewer steps, smaller batches or a smaller network, or print in train how far it comes"
        )
    elif state == status.OUTPUT:
        message += "; print every hundredth step, for example"
    elif line is not None and line > submission.source.count("\n") + 1:
        line = None
        if outcome.text.startswith("raise TypeError"):  # of `whole.CALLS`: about what a function returned
            state, message = status.WRONG_TYPE, message.removeprefix("TypeError: ")
        elif state == status.RAISED:
            message = f"{message} (in the call {outcome.text})"
    return Observed(state, message, line, output=output)


def _problem(task: FromScratch, source: str) -> Observed | None:
    """What the text of a file lacks or must not have; None if it can be run."""
    missing = [name for name in task.functions if name not in defined_names(source)]
    if missing:
        message = f"the file must define {', '.join(task.functions)}; not there yet: {', '.join(missing)}"
        return Observed(status.MISSING_FUNCTION, message)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
        for name in names:
            first, second, third = [*name.split("."), "", ""][:3]
            if first == "minigen" and second in whole.MODELS:
                message = f"{name} is not allowed here: write it yourself, with minigen.nn, optim and tensor"
                return Observed(status.FORBIDDEN_MODULE, message, node.lineno)
            if (first, second) == ("minigen", "data") and third in whole.DATA:
                message = f"{name} is not allowed here: the data come as the argument x of train"
                return Observed(status.FORBIDDEN_MODULE, message, node.lineno)
    return None


def data_of(task: FromScratch, train: np.ndarray, held_out: np.ndarray, seed: int) -> bytes:
    """What the worker gets: the training examples and, where densities are asked for, the points of them."""
    arrays = {"x": train, "seed": np.array(seed), "n": np.array(JUDGED)}
    if task.alpha_bar is not None:
        assert isinstance(task.density, GaussianMixture), "the exact predictor of the noise is that of a mixture"
        x_T, order = task.noise(seed)
        arrays = {"x_T": x_T, "order": order, "alpha_bar": task.alpha_bar}
        of = task.density
        arrays |= {"means": of.means, "std": np.array(of.std), "weights": of.weights}
    if task.nats:
        arrays["points_held_out"] = held_out
        if task.density is not None:
            arrays["points_grid"] = task.density.cells(GRID)[0].astype(np.float32)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


@lru_cache
def _models() -> list[str]:
    """The files of the package's own models, which a worker must not read."""
    folders = [PACKAGE / name for name in whole.MODELS if name not in ("course", "classroom")]
    return [str(path) for folder in folders for path in sorted(folder.rglob("*.py"))]


def checked(task: FromScratch, found: Observed, train: np.ndarray, held_out: np.ndarray) -> Observed:
    """What was observed, or what is wrong with its shapes and values."""
    wanted = (JUDGED, train.shape[1])

    def wrong(state: str, message: str) -> Observed:
        return Observed(state, message, output=found.output)

    for name in ("samples", "again"):
        if name not in found.arrays:
            continue
        with np.errstate(over="ignore"):
            samples = found.arrays[name] = found.arrays[name].astype(np.float32)
        if samples.shape != wanted:
            return wrong(status.WRONG_SHAPE, f"sample of {JUDGED} points must return {wanted}, got {samples.shape}")
        bad = int((~np.isfinite(samples)).any(axis=1).sum())
        if bad:
            why = "print the loss in train: did it become NaN or infinite before?" if task.alpha_bar is None else ""
            return wrong(status.NAN, f"{bad} of {JUDGED} samples are NaN or infinite; {why}".rstrip("; "))
    if task.density is None and not np.isin(found.samples, (0, 1)).all():
        return wrong(status.WRONG_VALUE, "the samples must be 0 or 1: draw each pixel with its probability")
    for name, log_prob in found.log_prob.items():
        n = len(held_out) if name == "held_out" else GRID**2
        if log_prob.shape != (n,):
            got = log_prob.shape
            return wrong(status.WRONG_SHAPE, f"log_prob of n points must return (n,), one number for each, got {got}")
        bad = int((np.isnan(log_prob) | (log_prob == np.inf)).sum())
        if bad:
            where = "new data" if name == "held_out" else "points of a grid around the data"
            return wrong(status.NAN, f"log_prob is NaN or infinite for {bad} of {n} {where}")
    return found
