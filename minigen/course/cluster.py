"""Work spread over a Dask cluster (extra `cluster`): the lessons of a sweep, the submissions of a class.

If a worker dies, its work is done by another one. Each worker needs minigen of the same version, and its own
thread (`dask worker --nthreads 1`), since a check counts on the processor's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import minigen
from minigen.course.console import UsageError

__all__ = ["connected", "spread"]

AHEAD = 3  # jobs for each worker that are sent before a result is back


def connected(address: str) -> Any:
    """Return a client of the scheduler at an address such as tcp://127.0.0.1:8786. Raises UsageError."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("--dask needs Dask: python -m pip install dask distributed") from None
    try:
        client = Client(address, timeout=20)
        client.wait_for_workers(1, timeout=60)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(f"no Dask scheduler with workers answers at {address}: {error}") from None
    for worker, version in client.run(_version).items():
        if version != minigen.__version__:
            client.close()
            raise UsageError(f"the worker {worker} has minigen {version}, here it is {minigen.__version__}")
    return client


def _version() -> str:
    return minigen.__version__


def spread(client: Any, function: Callable, tasks: Iterable[tuple[Any, tuple]]) -> Iterator[tuple[Any, Any]]:
    """(key, result) of function(*arguments) for each task (key, arguments), as they come; an exception is a result.

    Only a few tasks for each worker are under way, so that a long list is never in memory as a whole.
    """
    from distributed import as_completed

    waiting = iter(tasks)
    keys: dict[str, Any] = {}
    ready = as_completed(with_results=False)

    def submit() -> bool:
        task = next(waiting, None)
        if task is None:
            return False
        future = client.submit(function, *task[1], pure=False)
        keys[future.key] = task[0]
        ready.add(future)
        return True

    workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
    for _ in range(AHEAD * workers):
        submit()
    for future in ready:
        error = future.exception()
        result = error if error is not None else future.result()
        key = keys.pop(future.key)
        future.release()
        submit()
        yield key, result
