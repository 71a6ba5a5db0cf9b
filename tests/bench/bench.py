"""Step times against PyTorch's, and against the bare matrix products that a step contains.

    python tests/bench/bench.py                      every workload
    python tests/bench/bench.py conv --repeats 9     those whose names contain "conv"
    python tests/bench/bench.py --cpu                processor time on one thread each, for a machine with other work

PyTorch is needed here only. It is a peer to measure against, never a dependency; without it, our own times are printed.

Two programs are compared in **alternating blocks**: a short block of ours, a short block of theirs, and so on. A
neighbor that takes a core for a second then slows down both, and the ratio is taken within each pair of blocks. Printed
are the median of those ratios and its spread (the quartiles): where the spread is wide, the machine was not quiet, and
the number means little. Then `--cpu` still gives a ratio to a few percent, of the work done rather than the time
waited.

To add a workload, write a function that returns a `Workload` and decorate it with `@workload("name")`. `ours` and
`theirs` are functions of no argument that do one step; `flops` counts the multiply-adds of its matrix products times
two.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

try:
    import torch
    import torch.nn.functional as F  # noqa: F401  (for the workloads)
except ImportError:
    torch = F = None

THREADS = 2
CLOCK = time.perf_counter


@dataclass
class Workload:
    """One step in two programs. `theirs` may be a list (such as two memory layouts): the fastest is compared."""

    ours: Callable
    theirs: Callable | list | None = None
    flops: float | None = None
    threads: int = THREADS  # of the bare products that it is compared with


@dataclass
class Comparison:
    """Milliseconds a step, and the ratio ours / theirs: its median and quartiles over the pairs of blocks."""

    ours: float
    theirs: float
    ratio: float
    low: float
    high: float

    def __str__(self):
        return f"{self.ours:8.2f} ms  {self.theirs:8.2f} ms   {self.ratio:5.2f}  ({self.low:.2f}-{self.high:.2f})"


WORKLOADS: dict[str, Callable[[], Workload]] = {}


def workload(name):
    """Enter a function that builds a `Workload` into the table."""
    return lambda build: WORKLOADS.setdefault(name, build)


def block(step, seconds=0.1):
    """Mean seconds a step over a block of about `seconds`, at least one step."""
    steps, start = 0, CLOCK()
    while True:
        step()
        steps += 1
        elapsed = CLOCK() - start
        if elapsed >= seconds:
            return elapsed / steps


def compare(ours, theirs, repeats=7, seconds=0.1):
    """Alternate blocks of `ours` and `theirs`; returns a `Comparison`. The first pair only warms up."""
    pairs = [(block(ours, seconds), block(theirs, seconds)) for _ in range(repeats + 1)][1:]
    ratios = [a / b for a, b in pairs]
    low, _, high = statistics.quantiles(ratios, n=4) if repeats > 1 else ratios * 3
    a, b = (1e3 * statistics.median(column) for column in zip(*pairs))
    return Comparison(a, b, statistics.median(ratios), low, high)


def fastest(candidates):
    """The fastest of several ways to do the same."""
    candidates = candidates if isinstance(candidates, list) else [candidates]
    if len(candidates) == 1:
        return candidates[0]
    times = [[block(c, 0.05) for c in candidates] for _ in range(4)][1:]
    return candidates[int(np.argmin(np.median(times, axis=0)))]


def product_time(flops, n=512):
    """Seconds that `flops` would take at the speed of a square float32 product that fits the cache, on all threads."""
    a = np.ones((n, n), np.float32)
    out = np.empty_like(a)
    seconds = min(block(lambda: np.matmul(a, a, out=out), 0.03) for _ in range(5))
    return flops * seconds / (2 * n**3)


def blas_kernel():
    """The processor for which NumPy's BLAS computes. An environment that names another one halves the speed of
    products."""
    from threadpoolctl import threadpool_info

    kernels = sorted(
        {
            f"{i['internal_api']} {i.get('architecture', '')}".strip()
            for i in threadpool_info()
            if i["user_api"] == "blas"
        }
    )
    forced = ", set by OPENBLAS_CORETYPE" if "OPENBLAS_CORETYPE" in os.environ else ""
    return f"NumPy's BLAS: {', '.join(kernels)}{forced}"


def header():
    return f"{'workload':44s} {'ours':>11s} {'torch':>12s}   ratio  (quartiles)  / products"


def report(name, repeats=7, seconds=0.1):
    """Run one workload and return its line of the table."""
    from minigen.tensor.runtime import blas_threads

    w = WORKLOADS[name]()
    products = ""
    if w.flops:
        with blas_threads(min(w.threads, THREADS)):
            products = 1e3 * product_time(w.flops)
    if torch is None or w.theirs is None:
        ours = 1e3 * statistics.median([block(w.ours, seconds) for _ in range(repeats + 1)][1:])
        line = f"{name:44s} {ours:8.2f} ms"
    else:
        result = compare(w.ours, fastest(w.theirs), repeats, seconds)
        ours, line = result.ours, f"{name:44s} {result}"
    return line + (f"      {ours / products:.2f}" if products else "")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="run the workloads whose names contain one of these")
    parser.add_argument("--repeats", type=int, default=7, help="pairs of blocks")
    parser.add_argument("--seconds", type=float, default=0.1, help="length of a block")
    parser.add_argument("--cpu", action="store_true", help="count processor time, both programs on one thread")
    parser.add_argument("--list", action="store_true", help="only list the workloads")
    args = parser.parse_args(argv)
    names = [n for n in WORKLOADS if not args.words or any(word in n for word in args.words)]
    if args.list:
        print("\n".join(names))
        return
    if args.cpu:
        from minigen.tensor import parallel

        global CLOCK, THREADS
        CLOCK, THREADS, parallel.CORES = time.process_time, 1, 1
    if torch is not None:
        torch.set_num_threads(THREADS)
    print(blas_kernel(), header(), sep="\n")
    for name in names:
        print(report(name, args.repeats, args.seconds), flush=True)


if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout's minigen, installed or not
    sys.modules["bench"] = sys.modules["__main__"]  # so that the workloads' `from bench import` finds this very table
    import workloads_conv  # noqa: F401  (each module of workloads enters its own into the table)
    import workloads_models  # noqa: F401
    import workloads_sequences  # noqa: F401

    main()
