"""A finished run in its folder: whether this code made it, its outputs and what it measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson.folder import MARKER
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.sinks.record import FILE_NAME, read_record

__all__ = ["Result", "is_finished", "read_files", "read_result"]


@dataclass(frozen=True)
class Result:
    """A finished run of a lesson: its folder, whether it was a quick one, its outputs and what metrics.json says."""

    folder: Path
    quick: bool
    entries: list[dict[str, Any]]
    metrics: dict[str, Any]


def is_finished(lesson: LessonInfo, folder: Path) -> bool:
    """Whether a folder holds a finished run of this code at scale 1, without functions and settings of a student."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        run = marker["run"]
        ours = run["lesson"] == lesson.id and run["scale"] == 1 and run["with"] is None and marker["finished"]
        return (
            bool(ours)
            and "set" not in run
            and marker["recipe"] is not None
            and marker["recipe"] == recipe_of(lesson.path)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def read_result(lesson: LessonInfo, folder: Path) -> Result | None:
    """Return the run of a folder; None unless `is_finished`, with all of its files."""
    return read_files(folder) if is_finished(lesson, folder) else None


def read_files(folder: Path) -> Result | None:
    """Return the outputs and metrics of a folder; None if one of the files is missing or damaged."""
    try:
        entries = read_record(folder / FILE_NAME)
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        files = [entry["payload"][name] for entry in entries for name in ("file", "data") if name in entry["payload"]]
        if all((folder / file).is_file() for file in files):
            return Result(folder, bool(metrics["quick"]), entries, metrics)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None
