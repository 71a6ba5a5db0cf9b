"""`minigen bench`: how fast this machine takes a training step of each kind of model (`minigen.zoo.workloads`).

Beside the time of a step is its ratio to the bare matrix products that it contains (what is left of the machine's
speed after everything else), and its ratio to the times that were recorded with and without AVX-512. From these follow
the minutes to expect of each lesson.
"""

from __future__ import annotations

import math
import statistics
import time
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple

import numpy as np

from minigen.course.console import UsageError, text_table
from minigen.course.index.lessons import all_lessons
from minigen.course.lesson.options import Parser
from minigen.tensor.runtime import blas_threads
from minigen.zoo.workloads import WORKLOADS, Step

__all__ = ["Processor", "main", "parser", "recorded", "slowdown"]


class Processor(NamedTuple):
    """A processor on which the workloads were measured."""

    name: str  # the heading of its column
    long: str
    milliseconds: Mapping[str, float]  # of each workload's step


def recorded() -> list[Processor]:
    """The processors of `processors.toml`; on the first of them the minutes of the lessons were measured."""
    text = resources.files("minigen.course.data").joinpath("processors.toml").read_text("utf-8")
    return [Processor(**entry) for entry in tomllib.loads(text)["processor"]]


def slowdown(measured: Mapping[str, float], processor: Processor) -> float:
    """How many times as long as on `processor` the measured steps take: the geometric mean of their ratios."""
    return statistics.geometric_mean(ms / processor.milliseconds[name] for name, ms in measured.items())


def milliseconds(step: Step, seconds: float = 0.5) -> float:
    """Median time of a step in five blocks that take about `seconds` together."""
    step()
    blocks = []
    for _ in range(5):
        count, start = 0, time.perf_counter()
        while count == 0 or time.perf_counter() - start < seconds / 5:
            step()
            count += 1
        blocks.append((time.perf_counter() - start) / count)
    return 1e3 * statistics.median(blocks)


def product_milliseconds(flops: float, n: int = 512) -> float:
    """What `flops` take at the speed of one square float32 product that fits the cache."""
    a = np.ones((n, n), np.float32)
    out = np.empty_like(a)
    return flops / (2 * n**3) * min(milliseconds(lambda: np.matmul(a, a, out=out), 0.1) for _ in range(3))


def parser() -> Parser:
    """The arguments of `minigen bench`."""
    result = Parser(
        prog="minigen bench",
        description="Measure the speed of this machine on training steps of each kind of model.",
        example="minigen bench vae unet",
    )
    result.add_argument("words", nargs="*", help="only the workloads whose names contain one of these")
    return result


def main(argv: Sequence[str]) -> int:
    """Print the table of workloads and the minutes of the lessons; returns 0."""
    words = parser().parse_args(argv).words
    chosen = {name: make for name, make in WORKLOADS.items() if not words or any(word in name for word in words)}
    if not chosen:
        raise UsageError(f"no workload is called {' or '.join(words)}; there are: {'; '.join(WORKLOADS)}")
    processors, measured, rows = recorded(), {}, []
    for name, make in chosen.items():
        step, flops, small = make()
        with blas_threads(1 if small else 2):
            products = product_milliseconds(flops) if math.isfinite(flops) else math.nan
        ours = measured[name] = milliseconds(step)
        ratios = [f"{ours / processor.milliseconds[name]:.2f}" for processor in processors]
        rows.append([name, f"{ours:.2f} ms", f"{ours / products:.1f}" if math.isfinite(products) else "-", *ratios])
        print(f"measured {name}", flush=True)
    columns = [f"/ {processor.name}" for processor in processors]
    print("\n" + text_table(rows, ["training step", "time", "/ its matrix products", *columns]))
    print("\n" + "\n".join(f"{processor.name}: {processor.long}" for processor in processors))
    if not words:
        print("\n" + minutes_to_expect(slowdown(measured, processors[0]), processors[0]))
    return 0


def minutes_to_expect(factor: float, processor: Processor) -> str:
    """The minutes of each lesson, where they were measured and on a machine that takes `factor` times as long."""
    rows = [[lesson.id, f"{lesson.minutes:g}", f"{factor * lesson.minutes:.1f}"] for lesson in all_lessons()]
    total = sum(lesson.minutes for lesson in all_lessons())
    rows.append(["all lessons", f"{total:.0f}", f"{factor * total:.0f}"])
    title = f"A training step takes {factor:.2f} times as long here as on {processor.name} (geometric mean)."
    return f"{title} Minutes:\n\n{text_table(rows, ['lesson', processor.name, 'here, about'])}"
