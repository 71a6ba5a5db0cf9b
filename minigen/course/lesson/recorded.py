"""The recorded full run of a lesson: `recorded/` beside its file, with which it can be read without running it.

    record.jsonl   the outputs in their order, as the run wrote them; pictures by the names that they have here
    metrics.json   claims, checks, tables, seed, processor, versions, `minutes`, `recipe` (a hash of the code) and
                   `text` (a hash of the lesson's file)
    *.webp         figures and animations, small (`minigen.course.lesson.compress`)
    *.svg          the figures that are charts of lines once more, from runs that wrote them; the book shows these
    *.js           the data of pictures with sliders

`minigen record` makes it from a run. It holds no times of day and no paths outside of its folder.
"""

from __future__ import annotations

import json
import shutil
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson import blocks
from minigen.course.lesson.changes import invitation_calls, invitations
from minigen.course.lesson.compress import compressed
from minigen.course.lesson.folder import MARKER
from minigen.course.lesson.misfits import misfits
from minigen.course.lesson.recipe import recipe_of, text_hash
from minigen.course.lesson.result import Result, read_files, read_result
from minigen.course.lesson.sinks.record import FILE_NAME
from minigen.course.lesson.verdicts import judged
from minigen.files import write_atomically

__all__ = [
    "CODE_CHANGED",
    "FRESH",
    "MISSING",
    "TEXT_CHANGED",
    "Record",
    "folder_of",
    "read",
    "record",
    "refusal",
    "renew_text",
    "status_of",
]

FRESH, TEXT_CHANGED, CODE_CHANGED = "fresh", "text changed", "code changed since"
MISSING = "not recorded"


@dataclass(frozen=True)
class Record:
    """What is recorded of a lesson. result: None if nothing is, or if a file of it is missing or damaged."""

    lesson: LessonInfo
    result: Result | None

    @property
    def status(self) -> str:
        """Whether the lesson's file and the code that its results depend on are still those of the recorded run."""
        return status_of(self.lesson, self.result)

    @property
    def misfits(self) -> list[str]:
        """The recorded outputs that no longer fit the lesson's file, in sentences."""
        return [] if self.result is None else misfits(self.lesson.source, self.result.entries)

    @property
    def size(self) -> int:
        """The bytes of all recorded files."""
        folder = folder_of(self.lesson)
        return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


def status_of(lesson: LessonInfo, result: Result | None) -> str:
    """Whether a lesson's file and the code that its results depend on are still those of a record or a run."""
    if result is None:
        return MISSING
    if result.metrics["recipe"] != recipe_of(lesson.path):
        return CODE_CHANGED
    text = text_hash(lesson.source.text)
    return FRESH if result.metrics.get("text", text) == text else TEXT_CHANGED  # a run keeps no hash of the text


def folder_of(lesson: LessonInfo) -> Path:
    """Return the folder of what is recorded of a lesson."""
    return lesson.path.parent / "recorded"


def read(lesson: LessonInfo) -> Record:
    """Return what is recorded of a lesson."""
    return Record(lesson, read_files(folder_of(lesson)))


def refusal(lesson: LessonInfo, run: Path) -> str:
    """Why the run in a folder cannot be recorded, as the end of a sentence; "" if it can."""
    try:
        marker = json.loads((run / MARKER).read_text(encoding="utf-8"))
        options, finished, recipe = marker["run"], marker["finished"], marker["recipe"]
        lesson_id, quick, scale, student = (options[name] for name in ("lesson", "quick", "scale", "with"))
        trains = options["train_shared"]
    except (OSError, ValueError, KeyError, TypeError):
        return "there is no run"
    if lesson_id != lesson.id:
        return f"it is a run of {lesson_id}"
    if quick:
        return "it is a quick run"
    if scale != 1:
        return f"it is a run with --scale {scale:g}"
    if student is not None:
        return "it is a run with functions of a student"
    if trains:
        return "it is a run with --train-shared"
    if "set" in options:
        return "it is a run with --set"
    if not finished:
        return "it has not finished"
    if recipe is None or recipe != recipe_of(lesson.path):
        return "the code has changed since"
    result = read_result(lesson, run)
    if result is None:
        return "a file of it is missing or damaged"
    if result.metrics.get("changed"):
        return "the lesson differed from the last commit: commit it, or run it with --strict"
    try:
        return _failure(_judged(lesson, result))
    except UsageError as error:
        return str(error)


def record(lesson: LessonInfo, run: Path) -> Record:
    """Record the run in a folder, in the place of what has been recorded before.

    Raises UsageError for a run that must not be recorded (`refusal`), and where the files cannot be written.
    """
    reason = refusal(lesson, run)
    if reason:
        raise UsageError(f"the run of {lesson.id} in {run} cannot be recorded: {reason}")
    result = read_result(lesson, run)
    assert result is not None, "it has been read before"
    _write(folder_of(lesson), _files(lesson, _judged(lesson, result)))
    return read(lesson)


def renew_text(lesson: LessonInfo) -> Record:
    """Put the recorded outputs in their places in a lesson's file of which no code has changed, and judge its claims.

    Text, invitations and the thresholds of claims can have changed. The results are still those of the lesson's code;
    where other code has changed since, the record goes on saying so. Raises UsageError if nothing is recorded, if the
    outputs do not fit the file, or if a recorded value misses its threshold.
    """
    known = read(lesson)
    if known.result is None:
        raise UsageError(f"{lesson.id} is {known.status}")
    folder, source = folder_of(lesson), lesson.source
    result = _judged(lesson, known.result)
    entries = _in_place(source, result.entries)
    problems = misfits(source, entries)
    if problems:
        raise UsageError(f"not only the text of {lesson.id} has changed since it was recorded: {problems[0]}")
    if _failure(result):
        raise UsageError(f"what is recorded does not meet the thresholds of the file; {_failure(result)}")
    _put(folder, FILE_NAME, _lines(entries))
    _put(folder, "metrics.json", _json({**result.metrics, "text": text_hash(source.text)}))
    return read(lesson)


def _judged(lesson: LessonInfo, result: Result) -> Result:
    """Return a run, its claims judged by the thresholds that are in the lesson's file now."""
    calls = [number for entry in result.entries if entry["kind"] == "claims" for number in entry["payload"]["calls"]]
    claims = judged(lesson.source, result.metrics["claims"], calls)
    table = blocks.Claims([claim.row() for claim in claims], calls)
    entries = [{**one, "payload": table.payload} if one["kind"] == table.kind else one for one in result.entries]
    return replace(result, entries=entries, metrics={**result.metrics, "claims": [claim.as_json() for claim in claims]})


def _failure(result: Result) -> str:
    """Which claims and checks of a run failed, as the end of a sentence; "" if none did."""
    ones = [*result.metrics["claims"], *result.metrics["checks"]]
    failed = [one["name"] for one in ones if one["status"] != "passed"]
    return f"it failed: {'; '.join(failed)}" if failed else ""


def _in_place(source: LessonSource, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the outputs at their places in a lesson's file whose code is the recorded one, with the invitations of the
    file.

    Invitations count as text: they are read from the file, and may be others than at the time of the run.
    """
    cells = [statement.cell for statement in source.statements]
    changes = [call.statement for call in invitation_calls(source)]
    others = [number for number in range(len(cells)) if number not in changes]
    before = sorted(entry["statement"] for entry in entries if entry["kind"] == "change")
    moved = []
    for entry in entries:
        if entry["kind"] != "change":
            number = entry["statement"] - bisect_left(before, entry["statement"])
            statement = others[min(number, len(others) - 1)]  # a misfit where the file has become shorter
            moved.append({**entry, "cell": cells[statement], "statement": statement})
    for number, change in zip(changes, invitations(source)):
        moved.append({"cell": cells[number], "statement": number, "kind": change.kind, "payload": change.payload})
    return sorted(moved, key=lambda entry: entry["statement"])


def _files(lesson: LessonInfo, result: Result) -> dict[str, bytes]:
    """Return the recorded files of a run, by their names; metrics.json is the last one."""
    files, entries = {}, []
    for entry in result.entries:
        payload = dict(entry["payload"])
        if "file" in payload:
            payload["file"] = _recorded_name(payload["file"])
            if payload["file"] in files:
                raise UsageError(f"{lesson.id}: a figure and an animation are both called {payload['file']}")
            files[payload["file"]] = compressed(result.folder / entry["payload"]["file"])
            vector = blocks.vector_name(payload["file"])
            if (result.folder / vector).is_file():
                files[vector] = (result.folder / vector).read_bytes()
        if "data" in payload:
            files[payload["data"]] = (result.folder / payload["data"]).read_bytes()
        entries.append({**entry, "payload": payload})
    metrics = {**result.metrics, "figures": [_with_recorded_name(one) for one in result.metrics["figures"]]}
    metrics["versions"] = {**metrics["versions"], "platform": metrics["versions"]["platform"].split("-")[0]}
    metrics |= {"minutes": round(metrics["timings"]["total"] / 60, 2), "text": text_hash(lesson.source.text)}
    files[FILE_NAME] = _lines(_without_paths(entries, result.folder))
    files["metrics.json"] = _json(_without_paths(metrics, result.folder))
    return files


def _recorded_name(file: str) -> str:
    """Return the name of a picture of a run in the record."""
    return f"{Path(file).stem}.webp"


def _with_recorded_name(figure: Mapping[str, Any]) -> dict[str, Any]:
    return {**figure, "file": _recorded_name(figure["file"])}


def _without_paths(value: Any, folder: Path) -> Any:
    """Return a value of JSON, in whose texts the files of a run's folder are named without it."""
    if isinstance(value, dict):
        return {name: _without_paths(one, folder) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_paths(one, folder) for one in value]
    if isinstance(value, str):
        for path in (str(folder.resolve()), str(folder)):
            value = value.replace(f"{path}/", "").replace(f"{path}\\", "").replace(path, folder.name)
    return value


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold these files and no others. What is left of an interrupted one does not count as a record."""
    try:
        if folder.is_dir():
            shutil.rmtree(folder)
        folder.mkdir()
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from error
    for name, content in files.items():
        _put(folder, name, content)


def _put(folder: Path, name: str, content: bytes) -> None:
    try:
        write_atomically(folder / name, lambda file: file.write(content))
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from error


def _lines(entries: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries).encode()


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
