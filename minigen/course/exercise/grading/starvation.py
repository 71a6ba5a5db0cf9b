"""How long a process was ready to run while the machine ran others: time that no answer is to blame for.

Linux counts it for each thread. Elsewhere, and for what runs in a container, it is not known.
"""

from __future__ import annotations

import contextlib
import os

__all__ = ["Starvation", "run_delays"]


def run_delays(process: int) -> dict[int, float]:
    """Return the seconds that each thread of a process and of those below it has waited for a core, by its number.

    A thread that sleeps, or waits for something else than a core, does not add to them. Empty where they are not known.
    """
    delays: dict[int, float] = {}
    processes = [process]
    while processes:
        folder = f"/proc/{processes.pop()}/task"
        threads: list[str] = []
        with contextlib.suppress(OSError):
            threads = os.listdir(folder)
        for thread in threads:
            with contextlib.suppress(OSError):  # it has ended
                with open(f"{folder}/{thread}/schedstat", encoding="ascii") as file:
                    computed, waited, _ = map(int, file.read().split())
                if computed:  # where the system counts nothing it writes zeros
                    delays[int(thread)] = waited / 1e9
                with open(f"{folder}/{thread}/children", encoding="ascii") as file:
                    processes += map(int, file.read().split())
    return delays


class Starvation:
    """Follows how long a process, with those that it starts and waits for, was kept from running."""

    def __init__(self, process: int):
        self.process = process
        self.delays = run_delays(process)

    @property
    def known(self) -> bool:
        """Whether the system counted it when this was last asked."""
        return bool(self.delays)

    def since_last(self) -> float:
        """Return the seconds since the last call in which the thread that waited longest was kept from running."""
        before, self.delays = self.delays, run_delays(self.process)
        return max((delay - before.get(thread, 0.0) for thread, delay in self.delays.items()), default=0.0)
