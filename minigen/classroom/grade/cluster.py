"""A class graded on a Dask cluster; see `minigen.course.cluster`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minigen.classroom.grade.grader import Grader
from minigen.classroom.grade.pool import Failed, Graded, Job, Setup
from minigen.course.cluster import connected, spread

__all__ = ["runner"]

_graders: dict[tuple, Grader] = {}  # of this process, which is a worker
_lock = threading.Lock()


def runner(address: str) -> Callable[[Iterable[Job], Setup], Iterator[Graded | Failed]]:
    """Return a function that grades the jobs of a class on a cluster, in place of `pool.run`."""
    client = connected(address)

    def run(jobs: Iterable[Job], setup: Setup) -> Iterator[Graded | Failed]:
        try:
            shared = client.scatter([setup], broadcast=True, hash=False)[0]
            for student_id, result in spread(client, grade_one, ((job.student_id, (shared, job)) for job in jobs)):
                if isinstance(result, BaseException):
                    words = " ".join(str(result).split())[:300]
                    yield Failed(student_id, f"the cluster failed: {type(result).__name__}: {words}")
                else:
                    yield Graded(student_id, result)
        finally:
            client.close()

    return run


def grade_one(setup: Setup, job: Job) -> list[dict[str, Any]]:
    """Grade one submission on a worker, whose references are kept for the next."""
    with _lock:
        key = (setup.slug, setup.text, setup.seeds, setup.sandbox, tuple(setup.numbers.items()))
        grader = _graders.get(key)
        if grader is None:
            _graders.clear()
            grader = _graders[key] = setup.grader()
    return grader.grade(job.answers)
