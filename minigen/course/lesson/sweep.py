"""Lessons with many seeds: in how many of them each claim held, its worst value and its median.

`minigen run --all --seeds 0-9`: every lesson with every seed in a process of its own, `--jobs` at a time on this
machine or spread over a Dask cluster. The table is printed and kept as `sweep.json`.
"""

from __future__ import annotations

import contextlib
import json
import math
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import minigen
from minigen.course.child import minigen_command
from minigen.course.console import UsageError, text_table
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.run import FINISHED, folder_name

__all__ = ["SeedResult", "parse_seeds", "summarized", "sweep", "table", "worst_entry"]

SCHEMA_VERSION = 1
POLL = 0.1  # seconds between two looks at the processes
NAMED = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}  # numbers that JSON does not have
ERROR_LINES = 12  # of what a run that failed has printed


@dataclass(frozen=True)
class SeedResult:
    """One lesson with one seed. metrics: what its metrics.json holds, empty if there is none."""

    lesson: str
    seed: int
    exit_code: int
    seconds: float
    metrics: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def failed(self) -> bool:
        return self.exit_code != 0 or not self.metrics


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of "0-9", "0,3,7" or "4". Raises UsageError."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not all(word.isascii() and word.isdigit() for word in ([first, last] if dash else [first])):
            raise UsageError(f"seeds are whole numbers such as 0-9 or 0,3,7, got {text!r}")
        seeds += range(int(first), int(last if dash else first) + 1)
    if not seeds or len(set(seeds)) < len(seeds) or len(seeds) > 1000:
        raise UsageError(f"seeds must be between 1 and 1000 different numbers, the lower first, got {text!r}")
    return seeds


# ------------------------------------------------------------------------------------------- running


def sweep(
    lessons: Sequence[LessonInfo], seeds: Sequence[int], options: RunOptions, jobs: int = 1, dask: str = ""
) -> int:
    """Run every lesson with every seed, print the table and write sweep.json; 1 if any run failed, else 0."""
    todo = [(lesson, seed) for lesson in lessons for seed in seeds]
    outcomes: list[SeedResult] = []
    try:
        for outcome in _on_cluster(todo, options, dask) if dask else _here(todo, options, jobs):
            outcomes.append(outcome)
            state = f"failed (exit {outcome.exit_code})" if outcome.failed else "ok"
            where = f"{outcome.lesson}, seed {outcome.seed}"
            print(f"[{len(outcomes)}/{len(todo)}] {where}: {state}, {outcome.seconds:.1f} s", flush=True)
    finally:
        document = summarized(outcomes, seeds, options)
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / "sweep.json"
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    print(f"\n{table(document)}\n{path}")
    return document["exit_code"]


def _folder(options: RunOptions, seed: int) -> Path:
    return options.out / f"seed-{seed}"


def command(lesson: str, seed: int, options: RunOptions, out: Path) -> list[str]:
    """Return the command line of one run."""
    words = ["--seed", str(seed), "--scale", repr(options.scale), "--out", str(out)]
    if options.quick:
        words.append("--quick")
    if options.train_shared:
        words.append("--train-shared")
    if options.strict:
        words += ["--strict"]
    if options.resume:
        words.append("--resume")
    return minigen_command("run", lesson, "--overwrite", *words)


def _here(todo: Sequence[tuple[LessonInfo, int]], options: RunOptions, jobs: int) -> Iterator[SeedResult]:
    """Run in processes of this machine, `jobs` at a time. What still runs when this is left is ended."""
    waiting = iter(todo)
    running: list[tuple[LessonInfo, int, subprocess.Popen, float]] = []
    try:
        while True:
            while len(running) < jobs and (task := next(waiting, None)) is not None:
                lesson, seed = task
                kept = _kept(lesson, seed, options)
                if kept is not None:
                    yield kept
                else:
                    running.append((lesson, seed, _start(lesson.id, seed, options), time.monotonic()))
            if not running:
                return
            ended = [run for run in running if run[2].poll() is not None]
            if not ended:
                time.sleep(POLL)
            for run in ended:
                running.remove(run)
                lesson, seed, process, started = run
                yield _outcome(lesson.id, seed, _folder(options, seed), options, process.returncode, started)
    finally:
        for *_, process, _ in running:
            process.terminate()
        for *_, process, _ in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()


def _start(lesson: str, seed: int, options: RunOptions) -> subprocess.Popen:
    folder = _folder(options, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with open(_printed(folder, lesson), "wb") as file:
        words = command(lesson, seed, options, folder)
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)


def _printed(folder: Path, lesson: str) -> Path:
    """Return the file that holds the output of a run."""
    return folder / f"{folder_name(lesson)}.txt"


def _kept(lesson: LessonInfo, seed: int, options: RunOptions) -> SeedResult | None:
    """With --resume, a run that is finished already: of the same code, seed and options."""
    if not options.resume:
        return None
    metrics = _metrics(lesson.id, _folder(options, seed), options)
    wanted = {"seed": seed, "scale": options.scale, "quick": options.quick, "recipe": recipe_of(lesson.path)}
    wanted["train_shared"] = options.train_shared
    same = {name: metrics.get(name) for name in wanted} == json.loads(json.dumps(wanted))
    if not same or metrics.get("status") not in FINISHED:
        return None
    return SeedResult(lesson.id, seed, int(metrics["status"] == "failed"), 0.0, metrics)


def _metrics(lesson: str, folder: Path, options: RunOptions) -> dict[str, Any]:
    path = folder / folder_name(lesson, options.quick) / "metrics.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _outcome(lesson: str, seed: int, folder: Path, options: RunOptions, code: int, started: float) -> SeedResult:
    metrics, error = _metrics(lesson, folder, options), ""
    if code != 0 or not metrics:
        with contextlib.suppress(OSError):
            lines = _printed(folder, lesson).read_text(encoding="utf-8", errors="replace").splitlines()
            error = "\n".join(lines[-ERROR_LINES:])
    return SeedResult(lesson, seed, code, time.monotonic() - started, metrics, error)


def _on_cluster(todo: Sequence[tuple[LessonInfo, int]], options: RunOptions, dask: str) -> Iterator[SeedResult]:
    """Run on the workers of a cluster, each in a folder of its own there; what they measured comes back."""
    from minigen.course import cluster

    client = cluster.connected(dask)
    try:
        tasks = (((lesson.id, seed), (run_elsewhere, lesson.id, seed, options)) for lesson, seed in todo)
        for (lesson, seed), result in cluster.spread(client, _call, tasks):
            if isinstance(result, BaseException):
                yield SeedResult(lesson, seed, 1, 0.0, error=f"{type(result).__name__}: {result}"[:500])
                continue
            yield result
            folder = _folder(options, seed) / folder_name(lesson, options.quick)
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(result.metrics, indent=1, ensure_ascii=False)
            folder.joinpath("metrics.json").write_text(text, encoding="utf-8")
    finally:
        client.close()


def _call(function: Callable[..., SeedResult], *arguments: Any) -> SeedResult:
    return function(*arguments)


def run_elsewhere(lesson: str, seed: int, options: RunOptions) -> SeedResult:
    """Run a lesson in a temporary folder of the machine that this is called on."""
    import tempfile

    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="minigen-sweep-", ignore_cleanup_errors=True) as folder:
        there = replace(options, out=Path(folder))
        process = _start(lesson, seed, there)
        try:
            code = process.wait()
        finally:
            process.kill()
        return _outcome(lesson, seed, _folder(there, seed), there, code, started)


# ------------------------------------------------------------------------------------------- claims over seeds


def summarized(outcomes: Sequence[SeedResult], seeds: Sequence[int], options: RunOptions) -> dict[str, Any]:
    """Return the document sweep.json."""
    lessons = []
    for lesson in dict.fromkeys(outcome.lesson for outcome in outcomes):
        mine = sorted((outcome for outcome in outcomes if outcome.lesson == lesson), key=lambda one: one.seed)
        runs = [
            {
                "seed": outcome.seed,
                "exit_code": outcome.exit_code,
                "status": outcome.metrics.get("status"),
                "seconds": round(outcome.seconds, 3),
                "error": outcome.error,
            }
            for outcome in mine
        ]
        lessons.append({"lesson": lesson, "runs": runs, "claims": _claims(mine)})
    complete = len(outcomes) == len(seeds) * len(lessons) > 0
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "sweep",
        "minigen": minigen.__version__,
        "seeds": list(seeds),
        "scale": options.scale,
        "quick": options.quick,
        "complete": complete,
        "lessons": lessons,
        "exit_code": int(not complete or any(outcome.failed for outcome in outcomes)),
    }


def _claims(outcomes: Sequence[SeedResult]) -> list[dict[str, Any]]:
    """Each claim of a lesson over its seeds, in the order of the lesson."""
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for outcome in outcomes:
        for claim in outcome.metrics.get("claims", []):
            found.setdefault(claim["name"], []).append((outcome.seed, claim))
    rows = []
    for name, claims in found.items():
        values = [(seed, *entry) for seed, claim in claims if (entry := worst_entry(claim)) is not None]
        worst_seed, worst, _ = max(values, key=lambda row: row[2], default=(None, None, None))
        rows.append(
            {
                "name": name,
                "bar": claims[0][1]["bar"],
                "held": sum(claim["status"] == "passed" for _, claim in claims),
                "judged": sum(claim["status"] != "not judged" for _, claim in claims),
                "of": len(outcomes),
                "worst": _finite(worst),
                "worst_seed": worst_seed,
                "median": _finite(statistics.median(value for _, value, _ in values)) if values else None,
                "values": [{"seed": seed, "value": claim["value"]} for seed, claim in claims],
            }
        )
    return rows


def worst_entry(claim: dict[str, Any]) -> tuple[float, float] | None:
    """Return a claim's value, of several the worst, and how bad it is: larger the nearer it is to missing its
    threshold.

    None if it is no number.
    """
    value = claim["value"]
    items = value if isinstance(value, list) else [value]
    numbers: list[Any] = [NAMED.get(item, item) if isinstance(item, str) else item for item in items]
    if not numbers or any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in numbers):
        return None
    target = claim.get("equals")
    targets = target if isinstance(target, list) and len(target) == len(numbers) else [target] * len(numbers)
    pairs = [(float(number), badness(claim, number, goal)) for number, goal in zip(numbers, targets, strict=True)]
    return max(pairs, key=lambda pair: pair[1])


def badness(claim: dict[str, Any], value: float, target: Any = None) -> float:
    """Larger for a value that is nearer to missing the claim's threshold, or misses it by more; NaN is the worst."""
    if math.isnan(value):
        return math.inf
    if "at_least" in claim:
        return -value
    if "at_most" in claim:
        return value
    if "between" in claim:
        low, high = claim["between"]
        return max(low - value, value - high)
    return abs(value - target) if isinstance(target, (int, float)) else 0.0


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def table(document: dict[str, Any]) -> str:
    """Return the claims of all lessons as a table; runs that failed without any are listed."""
    rows = []
    for lesson in document["lessons"]:
        broken = [run["seed"] for run in lesson["runs"] if run["status"] not in FINISHED]
        if broken:
            rows.append([lesson["lesson"], f"(no result with seed {', '.join(map(str, broken))})", "", "", "", ""])
        for claim in lesson["claims"]:
            held = f"{claim['held']}/{claim['of']}" if claim["judged"] else "not judged"
            rows.append([lesson["lesson"], claim["name"], claim["bar"], held, claim["worst"], claim["median"]])
    return text_table(rows, ["lesson", "claim", "threshold", "held", "worst", "median"]) if rows else "no claims"
