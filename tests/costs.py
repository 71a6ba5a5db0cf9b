"""What the tests without a marker cost, in units of work rather than in seconds.

A pytest plugin that measures, and a program that reports what was measured:

    MINIGEN_TEST_COSTS=FOLDER python -m pytest -q -n 2 --dist worksteal
    python tests/costs.py FOLDER

No test fails by it. The program, which `.ci/run` calls, ends with 1 if a test without a marker costs more than
`MOST` units.

A unit is the processor time that a fixed piece of Python and NumPy takes, measured in the process of the test: a
machine that is slow, or slowed down by others, takes longer for both.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

MARKERS = {"slow", "faults", "book"}
USUAL = 0.5  # seconds of processor time of a unit on a core of a small cloud machine of 2026
ROUNDS = 200  # of the fixed work in a unit
# A test is meant to stay below 2 s there, which is 4 units. Twice as many are allowed: other caches, two processes
# on one core, and fixtures that serve several tests change the number of units.
MOST = 8.0
GOAL = (
    400.0  # seconds of processor time there for all tests without a marker, together with importing and collecting them
)
SHOWN = 20  # tests in the report


def processor_seconds() -> float:
    """Processor time of this process and of the programs that it has started and waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def fixed_work() -> None:
    """A two hundredth of a unit: strings and dictionaries of Python, then large and small arrays of NumPy."""
    words: dict[str, int] = {}
    for i in range(12_000):
        word = str(i % 1000)
        words[word] = words.get(word, 0) + i
    matrix = np.full((160, 160), 0.5, np.float32)
    for _ in range(6):
        matrix = np.tanh(matrix @ matrix / 160)
    row = matrix[0]
    for _ in range(600):
        row = row + 1


def unit_seconds() -> float:
    """Processor time of a unit, now: of twenty rounds the quickest, which nothing interrupted, counts for all."""
    times = []
    for _ in range(20):
        start = time.process_time()
        fixed_work()
        times.append(time.process_time() - start)
    return ROUNDS * min(times)


def units_of(call: Callable[[], object]) -> float:
    """What a call costs, for a test of an order of magnitude that holds on a slow or busy machine, too."""
    before, start = unit_seconds(), processor_seconds()
    call()
    spent = processor_seconds() - start
    return spent / max(before, unit_seconds())


class Costs:
    """The plugin: measures each test with its fixtures, and writes a file for this process into the folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.units: dict[str, float] = {}  # of tests without a marker
        self.unit = unit_seconds()
        self.first_unit = self.unit

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        start = processor_seconds()
        result = yield
        spent = processor_seconds() - start
        if not MARKERS & {mark.name for mark in item.iter_markers()}:
            self.units[item.nodeid] = self.in_units(spent)
        return result

    def in_units(self, seconds: float) -> float:
        """The cost of a test that has just ended; the unit is measured again where that may decide."""
        if seconds / self.unit <= MOST / 2:
            return seconds / self.unit
        before, self.unit = self.unit, unit_seconds()
        return seconds / max(before, self.unit)  # the machine may have become slower or quicker during the test

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session):
        times = os.times()
        own = times.user + times.system
        # where no test ran, the children are the workers of xdist, which write files of their own
        total = processor_seconds() if self.units else own
        measured = {"tests": self.units, "units": total / max(self.first_unit, self.unit)}
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{os.getpid()}.json").write_text(json.dumps(measured), encoding="utf-8")


def report(folder: Path) -> tuple[str, bool]:
    """The report of a run, and whether it passes: no test costs more than `MOST`."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    if not any(file["tests"] for file in files):
        raise ValueError(f"{folder} holds no measured tests")
    units = {name: cost for file in files for name, cost in file["tests"].items()}
    dearest = sorted(units, key=lambda name: -units[name])
    total = sum(file["units"] for file in files)
    lines = [f"A unit is about {USUAL:g} s of processor time on a core of a small cloud machine of 2026.", ""]
    lines += [f"{units[name]:6.1f} units  {name}" for name in dearest[:SHOWN]]
    lines += [
        "",
        f"All {len(units):,} tests: {total:.0f} units, about {total * USUAL:.0f} s there; the goal is {GOAL:.0f} s.",
    ]
    too_dear = [name for name in dearest if units[name] > MOST]
    if too_dear:
        lines += ["", f"These cost more than {MOST:g} units. Make them quicker, or mark them slow:", *too_dear]
    return "\n".join(lines), not too_dear


def main() -> int:
    """Print the report of the folder in the arguments; 1 if a test costs too much."""
    text, passes = report(Path(sys.argv[1]))
    print(text)
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main())
