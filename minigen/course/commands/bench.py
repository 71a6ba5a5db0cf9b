"""`minigen bench`: how fast this machine takes a training step of each kind of model (`minigen.zoo.workloads`).

Beside the time of a step stands its ratio to the bare matrix products that it contains: what is left of the machine's
speed after everything else.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence

import numpy as np

from minigen.course.console import UsageError, text_table
from minigen.course.index.lessons import all_lessons
from minigen.course.lesson.options import Parser
from minigen.tensor.runtime import blas_threads
from minigen.zoo.workloads import WORKLOADS, Step

__all__ = ["main", "parser"]


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
    rows = []
    for name, make in chosen.items():
        step, flops, small = make()
        with blas_threads(1 if small else 2):
            products = product_milliseconds(flops) if math.isfinite(flops) else math.nan
        ours = milliseconds(step)
        rows.append([name, f"{ours:.2f} ms", f"{ours / products:.1f}" if math.isfinite(products) else "-"])
        print(f"measured {name}", flush=True)
    print("\n" + text_table(rows, ["training step", "time", "/ its matrix products"]))
    if not words:
        table = text_table([[f"{i.id}", f"{i.minutes:g}"] for i in all_lessons()], ["lesson", "minutes"])
        print(f"\nMinutes of each lesson on the two cores that they were written on:\n\n{table}")
    return 0
