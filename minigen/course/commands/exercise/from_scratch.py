"""`minigen exercise start`, `check` and `reset` for a whole model, written from an empty file."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from pathlib import Path

from minigen.course.console import UsageError, print_json
from minigen.course.exercise.backup import backup
from minigen.course.exercise.grading import bubblewrap, status
from minigen.course.exercise.grading.report import json_head
from minigen.course.exercise.progress import answer_file, changed
from minigen.course.from_scratch.judge import Verdict, judge
from minigen.course.from_scratch.report import as_data, as_text, draw
from minigen.course.from_scratch.task import FromScratch, find_task
from minigen.files import write_new, write_text

__all__ = ["check", "reset", "start"]


def start(id: str, folder: Path) -> int:
    """Write the task, and nothing else, to a new file. Raises UsageError if the file is there already."""
    task = find_task(id)
    path = answer_file(id, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            raise UsageError(f"{path} already exists; I left it unchanged. To begin again: minigen exercise reset {id}")
        write_new(path, task.empty_file().encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    print(f"{path}: write {', '.join(task.functions)}, and whatever they need")
    print(f"then: minigen exercise check {id}   (it trains for at most {task.seconds:g} s of processor time)")
    return 0


def reset(id: str, folder: Path) -> int:
    """Write the task over the reader's file, after a copy of that, and forget its points."""
    task = find_task(id)
    path = answer_file(id, folder)
    if not path.exists():
        raise UsageError(f"there is no file {path}; minigen exercise start {id} writes it")
    kept = backup(path)
    write_text(path, task.empty_file())
    with contextlib.suppress(OSError), changed(folder) as record:
        record.entries.pop(id, None)
    print(f"{path} is empty again; yours is kept in {kept}")
    return 0


def check(id: str, args: argparse.Namespace) -> int:
    """Train and judge the reader's model; 0 if it passes, else 1."""
    task = find_task(id)
    path = answer_file(id, args.dir) if args.file is None else args.file
    if not path.is_symlink() and not path.exists():
        raise UsageError(f"there is no file {path}; minigen exercise start {id} writes it")
    if args.watch or args.here:
        raise UsageError(f"{id} trains a whole model: --watch and --here are for functions")
    printed = Printed()
    if not args.json:
        trains = "train" in task.functions
        print(
            f"{'training the model' if trains else 'running the sampler'} of {path}, at most {task.seconds:g} s of"
            f" processor time{' (right models take 5 to 30 s)' if trains else ''}; what it prints:",
            flush=True,
        )
    verdict = judge(task, path, args.seed, "" if bubblewrap.why_not() else "bwrap", None if args.json else printed)
    if not args.json:
        printed.end()
    _note(task, verdict, path)
    if args.json:
        print_json({**json_head("check"), "seed": args.seed, **as_data(verdict)})
    else:
        print(as_text(verdict, draw(verdict, path.with_suffix(".png")) if verdict.numbers else None))
    return 3 if verdict.observed.status == status.GRADER_ERROR else int(not verdict.passed)


class Printed:
    """Show what the reader's program prints, as it comes: the first hundred lines that are not empty."""

    def __init__(self, most: int = 100):
        self.most, self.rest = most, b""

    def __call__(self, piece: bytes) -> None:
        *lines, self.rest = re.split(rb"[\r\n]", self.rest + piece)
        for line in filter(bytes.strip, lines):
            text = "".join(c if c.isprintable() else " " for c in line.decode("utf-8", "replace"))
            if self.most >= 0:
                print(f"  | {text[:150]}" if self.most > 0 else "  | ... (what follows is not shown)", flush=True)
            self.most -= 1

    def end(self) -> None:
        """Show the line that was not ended."""
        self(b"\n")


def _note(task: FromScratch, verdict: Verdict, path: Path) -> None:
    """Add the result to the record beside the file, if it has the name of the task's own."""
    if path.name != answer_file(task.id).name or verdict.observed.status == status.GRADER_ERROR:
        return
    try:
        with changed(path.parent) as record:
            record.checked(task, verdict.points, verdict.passed)
    except OSError:
        print(f"minigen: your progress cannot be saved in {path.parent}", file=sys.stderr)
