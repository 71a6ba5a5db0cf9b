"""The same gradebook over a Dask cluster as on one machine, also when a worker is killed meanwhile."""

import os
import signal
import threading
import time

import pytest

from minigen.classroom.grade.cluster import runner
from minigen.course import cluster
from minigen.course.console import UsageError

from .conftest import CRITIC, MINIMAX

distributed = pytest.importorskip("distributed", reason="a cluster needs the extra cluster (dask[distributed])")


@pytest.fixture(scope="module")
def local_cluster():
    import dask

    dask.config.set({"distributed.worker.daemon": False, "distributed.comm.timeouts.connect": "60s"})
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as started:
        yield started


@pytest.mark.slow
def test_the_same_gradebook_with_a_worker_killed(a_class, local_cluster):
    """Six submissions on two workers, one of which is killed: each is graded once, and none is lost."""
    roster = "student_id\n" + "".join(f"s{number:03}\n" for number in range(6))
    a_class.write("roster.csv", roster)
    for number in range(6):
        a_class.hand_in(f"s{number:03}", CRITIC.replace("np.mean(fake", f"{1 + number % 3} * np.mean(fake"), None)
    a_class.hand_in("s005", None, MINIMAX)
    a_class.grade(out=a_class.folder / "here")

    def kill() -> None:
        while len(list((a_class.out / "results").glob("*.json"))) < 1:
            time.sleep(0.02)
        os.kill(pids[0], signal.SIGKILL)

    with distributed.Client(local_cluster.scheduler_address) as client:
        pids = list(client.run(os.getpid).values())
    killer = threading.Thread(target=kill)
    killer.start()
    summary = a_class.grade(run=runner(local_cluster.scheduler_address))
    killer.join()
    assert summary.graded == 6 and not summary.retries
    for name in ("gradebook.csv", "gradebook-wide.csv"):
        assert (a_class.out / name).read_bytes() == (a_class.folder / "here" / name).read_bytes()


def test_only_a_few_tasks_are_under_way(local_cluster):
    """Tasks are taken as results come, so that a long list is never in memory as a whole."""
    taken = []

    def tasks():
        for number in range(40):
            taken.append(number)
            yield number, (number,)

    with distributed.Client(local_cluster.scheduler_address) as client:
        results = {}
        for key, result in cluster.spread(client, abs, tasks()):
            results[key] = result
            assert len(taken) - len(results) <= 2 * cluster.AHEAD + 2
    assert results == {number: number for number in range(40)}


def test_a_task_that_raises_is_a_result(local_cluster):
    with distributed.Client(local_cluster.scheduler_address) as client:
        results = dict(cluster.spread(client, int, [("a", ("1",)), ("b", ("x",))]))
    assert results["a"] == 1 and isinstance(results["b"], ValueError)


def test_no_scheduler_there(monkeypatch):
    monkeypatch.setattr(
        "distributed.Client.__init__", lambda self, address, timeout: (_ for _ in ()).throw(OSError("refused"))
    )
    with pytest.raises(UsageError, match="no Dask scheduler with workers answers at tcp://127.0.0.1:1"):
        cluster.connected("tcp://127.0.0.1:1")
