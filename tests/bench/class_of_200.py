"""A large class with hostile files among it: is each row that of the student graded alone, how long, how much memory?

    python tests/bench/class_of_200.py                                    200 students, 5 exercises
    python tests/bench/class_of_200.py --students 2000 --exercises 1 --dask 2    on a Dask cluster of this machine

The first students hand in what tests/classroom/hostile.py lists, a kind each, and again; the others are right.
The first run is killed when a part of the class is graded, and the second goes on with the rest.
"""

import argparse
import contextlib
import csv
import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from minigen.course.exercise import catalog, stubs  # noqa: E402

EXERCISES = ("gan/12/critic_loss", "gan/02/discriminator_loss", "gan/02/generator_loss_minimax")
EXERCISES += ("gan/02/generator_loss_nonsaturating", "gan/12/clip_weights")


def hostile():
    """The module tests/classroom/hostile.py."""
    spec = importlib.util.spec_from_file_location("hostile", ROOT / "tests/classroom/hostile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def right_files(exercises):
    """The files of a student who knows everything."""
    files = {}
    for lesson in dict.fromkeys(exercise.rpartition("/")[0] for exercise in exercises):
        mine = catalog.exercises_of(lesson)
        text = stubs.completed(stubs.stub_file(mine), {one.name: one.hints[2] for one in mine})
        files[f"{lesson.replace('/', '_')}.py"] = text
    return files


def make(folder: Path, students: int, exercises, repeats: int) -> dict[str, str]:
    """Write assignment, roster and submissions; the kind of each student."""
    kinds = hostile().KINDS
    names = [kind for _ in range(repeats) for kind in kinds][:students]
    names += ["right"] * (students - len(names))
    asked = "".join(f'\n[[exercise]]\nid = "{exercise}"\n' for exercise in exercises)
    (folder / "hw1.toml").write_text(f'title = "Load"\nallowed_modules = []\n{asked}')
    ids = {f"s{number:04}": name for number, name in enumerate(names)}
    (folder / "roster.csv").write_text("student_id\n" + "".join(f"{id}\n" for id in ids))
    files = right_files(exercises)
    for id, name in ids.items():
        home = folder / "submissions" / id
        home.mkdir(parents=True)
        for file, text in files.items():
            if name == "right" or file != "gan_12.py":
                (home / file).write_text(text)
        if name != "right":
            kinds[name][0](home)
    return ids


def grade(
    folder: Path, out: str, *more: str, roster: str = "roster.csv", kill_at: int | None = None
) -> tuple[float, float]:
    """Run `minigen grade`; (seconds, the largest memory of the command itself in MB).

    kill_at: kill it when so many students are graded.
    """
    words = [
        "grade",
        "submissions",
        "--assignment",
        "hw1.toml",
        "--roster",
        roster,
        "--seed",
        "load",
        "--out",
        out,
        *more,
    ]
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open(folder / "errors", "ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "minigen", *words], cwd=folder, env=environment, stderr=errors
        )
    peak = 0.0
    while process.poll() is None:
        with contextlib.suppress(OSError, IndexError, ValueError):
            text = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, int(text.partition("VmHWM:")[2].split()[0]) / 1024)
        time.sleep(0.2)
        if kill_at is not None and len(list((folder / out / "results").glob("*.json"))) >= kill_at:
            process.kill()
            process.wait()
            return time.monotonic() - started, peak
    if process.returncode != 0:
        raise SystemExit(f"minigen grade ended with {process.returncode}")
    return time.monotonic() - started, peak


def rows(path: Path) -> dict[str, list[list[str]]]:
    """The lines of the long gradebook, by student."""
    found: dict[str, list[list[str]]] = {}
    with path.open(newline="") as file:
        for row in list(csv.reader(file))[1:]:
            found.setdefault(row[0], []).append(row)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--exercises", type=int, default=5, choices=range(1, 6))
    parser.add_argument("--repeats", type=int, default=2, help="students of each hostile kind")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dask", type=int, default=0, metavar="WORKERS", help="on a Dask cluster of this machine")
    parser.add_argument(
        "--kill-at", type=int, default=20, help="how many students are graded when the first run is killed"
    )
    parser.add_argument("--alone", type=int, default=41, help="how many students are graded alone to compare")
    args = parser.parse_args()
    kinds = hostile().KINDS
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        ids = make(folder, args.students, EXERCISES[: args.exercises], args.repeats)
        where = ["--jobs", str(args.jobs)]
        if args.dask:
            from distributed import LocalCluster

            cluster = LocalCluster(n_workers=args.dask, threads_per_worker=1, dashboard_address=None)
            stack.enter_context(cluster)
            where = ["--dask", cluster.scheduler_address]
        before, peak = grade(folder, "grades", *where, kill_at=args.kill_at)
        kept = {path: path.stat().st_mtime_ns for path in (folder / "grades" / "results").glob("*.json")}
        print(f"killed after {before:.0f} s with {len(kept)} students graded", flush=True)
        seconds, peak = grade(folder, "grades", *where)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        again = [path.stem for path, stamp in kept.items() if path.stat().st_mtime_ns != stamp]
        found = rows(folder / "grades" / "gradebook.csv")
        print(f"{len(ids)} students, {args.exercises} exercises, {' '.join(where)}: {seconds:.0f} s, {peak:.0f} MB")
        minutes = (used.ru_utime + used.ru_stime) / 60
        print(f"processor time of both: {minutes:.1f} minutes; graded twice: {again or 'none'}")
        tracebacks = (folder / "errors").read_bytes().count(b"Traceback")
        print(f"{sum(map(len, found.values()))} rows, {tracebacks} tracebacks", flush=True)
        wrong = [f"{id} ({kind}): {found[id][0][5]}" for id, kind in ids.items() if found[id][0][5] != kinds[kind][1]]
        alone = [id for id in list(ids)[: args.alone]]
        different = []
        for id in alone:
            (folder / "one.csv").write_text(f"student_id\n{id}\n")
            grade(folder, f"alone-{id}", roster="one.csv")
            if rows(folder / f"alone-{id}" / "gradebook.csv")[id] != found[id]:
                different.append(f"{id} ({ids[id]})")
        print(f"{len(found)} students in the gradebook; {len(alone)} graded alone, different: {different or 'none'}")
        print(f"another status than expected: {wrong or 'none'}")
    return int(bool(wrong or different or again or tracebacks or len(found) != len(ids)))


if __name__ == "__main__":
    sys.exit(main())
