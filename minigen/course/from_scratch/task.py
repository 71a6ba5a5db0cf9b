"""What a model from an empty file is asked for. A lesson's `from_scratch.py` makes one `FromScratch`.

    TASK = FromScratch(
        "flow/05/from_scratch",
        title="A flow of couplings",
        prompt="Two moons; couplings that can be run both ways ...",
        density=toy.two_moons(noise=0.1),
        nats=True,
        bars={"sw": (None, 4), "nats": (-0.02, 0.2), "mass": (0.98, 1.02), "memo": (0.75, None)},
        last=("nats", 0.1, 0.05),
        lines=50,
    )

All bars must hold to pass, which gives six points; two more each if the number that `last` names falls below its first
and below its second value. The numbers are those of `minigen.course.from_scratch.measures`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minigen.course.console import UsageError
from minigen.course.exercise import catalog
from minigen.course.exercise.format import AuthorError
from minigen.course.exercise.prompts import plain
from minigen.course.index.lessons import lesson_folders, short_id
from minigen.course.index.names import FROM_SCRATCH
from minigen.data.density import Density

__all__ = ["FILE", "FromScratch", "MEANING", "all_tasks", "find_task", "task_of"]

FILE = "from_scratch.py"
POINTS, JUDGED = 4_000, 10_000  # of the plane: for training; samples that are judged
SECONDS = 60.0  # of processor time, for training, sampling and densities together
MEANING = {
    "calls": "evaluations of the noise predictor for each sample",
    "same": "how far a sample is from the one of the same x_T, when the points are given in another order",
    "sw": "sliced Wasserstein distance to the data density, in floors (1 is as good as new data)",
    "rank": "how far log p of the samples is from being distributed as for new data, in floors",
    "out": "samples where the density has less than its last 1 %, in percent (1 for new data)",
    "core": "samples in the denser half of the density, over one half (1 for new data)",
    "memo": "distance to the nearest training point, over the same for new data (0 for copies)",
    "modes": "modes that were found",
    "least": "the rarest mode, as a fraction of its proportion",
    "nats": "mean of −log_prob for new data, in nats; in the plane, minus that of the data's own density",
    "mass": "the integral of exp(log_prob) over the plane",
    "copies": "samples that are equal to a training example, as a fraction",
    "cov": "relative error of the covariances of the pixels",
}
Bars = Mapping[str, tuple[float | None, float | None]]


@dataclass
class FromScratch:
    """A whole model to write. See the module's docstring.

    id: "flow/05/from_scratch". title, prompt: what to write, in Markdown like an exercise's; the prompt says the
    functions and what is checked. density: of points in the plane, or data: `data(rng, n, split)`, "train" or "test",
    for arrays (n, D) of zeros and ones.
    nats: whether `log_prob(state, x)` is asked for.
    alpha_bar: (T + 1,), from 1. With it nothing is trained: `sample((eps, alpha_bar), x_T)` gets the exact predictor of
    the noise in data of `density`, which is a mixture.
    bars: name -> (least, most), None for no bound. last: a name and the values for two points more each.
    lines, minutes: of a good answer, and of writing it.
    """

    id: str
    title: str
    prompt: str
    bars: Bars
    last: tuple[str, float, float]
    density: Density | None = None
    data: Callable[[np.random.Generator, int, str], np.ndarray] | None = None
    nats: bool = False
    alpha_bar: np.ndarray | None = None
    train_points: int = POINTS
    lines: int = 40
    minutes: float = 45.0
    seconds: float = SECONDS
    points: int = field(default=10, init=False)

    def __post_init__(self) -> None:
        if not self.id.endswith(FROM_SCRATCH) or self.id.count("/") != 2:
            raise ValueError(f"the id of a task is written 'family/NN{FROM_SCRATCH}', got {self.id!r}")
        if (self.density is None) == (self.data is None):
            raise ValueError(f"{self.id}: give density or data, one of them")
        unknown = [name for name in (*self.bars, self.last[0]) if name not in MEANING]
        if unknown:
            raise ValueError(f"{self.id}: there is no number {unknown[0]!r}; there are {', '.join(MEANING)}")

    @property
    def lesson(self) -> str:
        """The lesson that it ends: "flow/05"."""
        return self.id.removesuffix(FROM_SCRATCH)

    @property
    def name(self) -> str:
        return FROM_SCRATCH[1:]

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that the reader's file defines."""
        if self.alpha_bar is not None:
            return ("sample",)
        return ("train", "sample", *(("log_prob",) if self.nats else ()))

    def splits(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and held-out examples of a seed, float32: (train_points, D) and (10,000, D)."""
        rng = np.random.default_rng([seed, 1])
        if self.density is not None:
            return self.density.sample(rng, self.train_points), self.density.sample(rng, JUDGED)
        assert self.data is not None, "it has the one or the other"
        return self.data(rng, self.train_points, "train"), self.data(rng, JUDGED, "test")

    def noise(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the noise that a sampler begins with, and the order in which it gets the same noise again."""
        rng = np.random.default_rng([seed, 2])
        return rng.standard_normal((JUDGED, 2)), rng.permutation(JUDGED)

    @property
    def limits(self) -> str:
        """The budget, and what is allowed."""
        what = "sampling" if self.alpha_bar is not None else "training and sampling"
        return (
            f"You have {self.seconds:g} seconds of processor time on one core for {what}. You may use NumPy, SciPy,"
            " autograd, `minigen.nn`, `minigen.optim` and `minigen.tensor`, but neither the package's own models nor"
            " the generators of its data."
        )

    @property
    def on_the_page(self) -> str:
        """The task as the lesson's page has it, Markdown."""
        prompt = " ".join(self.prompt.split())
        does = "trains your model" if self.alpha_bar is None else "runs your sampler"
        return (
            f"You have read the parts. Now write the whole, {self.title}, in about {self.lines} lines and"
            f" {self.minutes:g} minutes. {prompt} {self.limits}\n\n`minigen exercise start {self.id}` writes a file"
            f" with these sentences and nothing else, and `minigen exercise check {self.id}` {does}, shows its samples"
            " beside the data, and gives points."
        )

    def empty_file(self) -> str:
        """Return what the reader begins with: the task in a few lines, and nothing else."""
        parts = [" ".join(plain(part).split()) for part in (self.prompt, self.limits)]
        text = "\n\n".join(textwrap.fill(part, 100, break_on_hyphens=False) for part in parts)
        head = f"From an empty file: {self.title}. About {self.minutes:g} minutes, {self.lines} lines."
        return f'"""{head}\n\n{text}\n\nThen: minigen exercise check {self.id}\n"""\n'


def task_of(folder: Path) -> FromScratch | None:
    """Return the task of a lesson's folder; None if it has none. Raises AuthorError if its file cannot be used."""
    path = folder / FILE
    if not path.is_file():
        return None
    found: list[Any] = [value for value in catalog.namespace(path).values() if isinstance(value, FromScratch)]
    if len(found) != 1 or found[0].lesson != short_id(folder):
        raise AuthorError(f"{path} must define one FromScratch, of {short_id(folder)}")
    return found[0]


def all_tasks() -> list[FromScratch]:
    """All models from an empty file, in the order of their lessons."""
    tasks = [task_of(folder) for folder in lesson_folders(FILE)]
    return [task for task in tasks if task is not None]


def find_task(id: str) -> FromScratch:
    """Return the task of this id. Raises UsageError if there is none."""
    tasks = {task.id: task for task in all_tasks()}
    if id not in tasks:
        raise UsageError(f"there is no {id}; there are {', '.join(tasks)}")
    return tasks[id]
