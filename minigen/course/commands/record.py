"""`minigen record`: the results of full runs, kept beside the lessons, which can then be read without running them.

From the results it writes a page of each lesson, README.md in its folder, and the contents of all, lessons/README.md.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from minigen.course.child import minigen_command
from minigen.course.console import UsageError, plural, text_table
from minigen.course.index.lessons import LessonInfo
from minigen.course.index.names import find_lessons
from minigen.course.lesson import recorded
from minigen.course.lesson.folder import MARKER
from minigen.course.lesson.options import Parser, add_lessons, add_seed
from minigen.course.lesson.pretrained import keep_weights
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.recorded import FRESH, TEXT_CHANGED, Record
from minigen.course.lesson.result import read_result
from minigen.course.lesson.run import folder_name
from minigen.course.reading.pages import write_pages
from minigen.zoo import PRETRAINED, weights_file

__all__ = ["main", "parser"]

RUNS = Path("out")  # where `minigen run` puts its results


def parser() -> Parser:
    """The arguments of `minigen record`."""
    result = Parser(
        prog="minigen record",
        description="Keep the results of full runs beside the lessons, in lessons/<post>/<lesson>/recorded/. Takes the"
        " runs that are there, and trains what is missing. Then writes the pages of all lessons, README.md.",
        example="minigen record gan/02 vae\n  minigen record --status\n  minigen record --pages",
    )
    add_lessons(result)
    result.add_argument("--status", action="store_true", help="only show what is recorded, and of which code")
    result.add_argument("--pages", action="store_true", help="only write the pages; nothing is trained")
    text = "train nothing: only put what is recorded in its places in files whose text or invitations have changed"
    result.add_argument("--text", action="store_true", help=text)
    result.add_argument("--again", action="store_true", help="record again what is fresh, too")
    result.add_argument("--runs", type=Path, default=RUNS, metavar="DIR", help=f"folder of the runs (default {RUNS})")
    result.add_argument(
        "--shared",
        action="store_true",
        help="instead: train the pretrained models and keep their weights in the package",
    )
    add_seed(result)
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen record ...`; the exit code: 0, 1 (a lesson is not recorded, or does not fit its record), 2 (usage)."""
    args = parser().parse_args(argv)
    if args.shared:
        return _keep_shared()
    lessons = find_lessons(args.lessons)
    if args.status:
        return _show_status([recorded.read(lesson) for lesson in lessons])
    if args.pages:
        _write_pages()
        return 0
    records = []
    for lesson in lessons:
        try:
            record = recorded.renew_text(lesson) if args.text else _recorded(lesson, args.runs, args.seed, args.again)
        except UsageError as error:
            print(f"{lesson.id}  {error}", flush=True)
            continue
        records.append(record)
        print(f"{lesson.id}  {record.status}, {_kilobytes(record)}", flush=True)
    total = sum(record.size for record in records) / 1e6
    print(f"{len(records)} of {plural(len(lessons), 'lesson')} recorded, {total:.1f} MB")
    _write_pages()
    return int(len(records) < len(lessons))


def _write_pages() -> None:
    changed = write_pages()
    print(f"{plural(len(changed), 'page')} written" if changed else "all pages are up to date")


def _keep_shared() -> int:
    """The weights of every pretrained model, kept in the package; 0."""
    for name in PRETRAINED:
        description = keep_weights(name, say=print)
        measured = ", ".join(f"{what} {value}" for what, value in description["quality"].items())
        print(f"{weights_file(name)}: {weights_file(name).stat().st_size / 1e6:.1f} MB; {measured}", flush=True)
    return 0


def _recorded(lesson: LessonInfo, runs: Path, seed: int, again: bool) -> Record:
    """The record of a lesson, made from a run where it is not fresh. Raises UsageError for a run that will not do."""
    known = recorded.read(lesson)
    if not again and known.status == FRESH:
        return known
    if not again and known.status == TEXT_CHANGED:
        return recorded.renew_text(lesson)
    folder = runs / folder_name(lesson.id)
    begun = _is_begun(lesson, folder, seed)
    if not begun or read_result(lesson, folder) is None:
        _train(lesson, runs, ["--seed", str(seed), *(["--resume"] if begun else [])])
    return recorded.record(lesson, folder)


def _is_begun(lesson: LessonInfo, folder: Path, seed: int) -> bool:
    """Whether a folder holds a full run of this lesson, code and seed, which may have been interrupted."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    run = {"lesson": lesson.id, "seed": seed, "scale": 1.0, "quick": False, "with": None, "train_shared": False}
    return marker["run"] == run and marker["recipe"] == recipe_of(lesson.path)


def _train(lesson: LessonInfo, runs: Path, options: Sequence[str]) -> None:
    """Run a lesson in a process of its own; what it prints is in its log, its progress bars are shown."""
    print(f"{lesson.id}  training, about {plural(lesson.minutes, 'minute')}", flush=True)
    command = minigen_command("run", lesson.id, "--strict", "--out", str(runs), *options)
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 130:
        raise KeyboardInterrupt


def _show_status(records: Sequence[Record]) -> int:
    """A table of what is recorded, and below it what does not fit; 1 if something does not."""
    rows = []
    for record in records:
        metrics = {"seed": "", "minutes": ""} if record.result is None else record.result.metrics
        size = "" if record.result is None else _kilobytes(record)
        rows.append([record.lesson.id, record.status, metrics["seed"], metrics["minutes"], size])
    print(text_table(rows, ["lesson", "status", "seed", "minutes", "size"]))
    misfits = [f"{record.lesson.id}: {sentence}" for record in records for sentence in record.misfits]
    print("\n".join(["", *misfits, f"{sum(record.size for record in records) / 1e6:.1f} MB in all"]))
    return int(bool(misfits))


def _kilobytes(record: Record) -> str:
    return f"{record.size / 1000:.0f} KB"
