"""The folder that a run writes to: its own files are replaced by the next run, anybody else's are never touched."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError

__all__ = ["RunFolder", "slug"]

MARKER = ".minigen.json"


def slug(text: str) -> str:
    """`text` as a file name: lower case, letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "unnamed"


class RunFolder:
    """`path` with a marker file that says which run made it and lists the files it wrote.

    run: what identifies the run (lesson, seed, scale, ...); resuming asks for the same. A new run of the same lesson
    removes the files of the one before it. Raises UsageError when the folder cannot be written or is not ours.
    """

    def __init__(self, path: Path, run: dict[str, Any], resume: bool = False):
        self.path, self.run = Path(path), run
        self.resumed = False
        try:
            before = self._open()
            if resume and before is not None:
                self._check_same(before["run"])
                self.resumed = True
            self.files: list[str] = [] if before is None else list(before["files"])
            if before is not None and not self.resumed:
                for name in self.files:
                    (self.path / name).unlink(missing_ok=True)
                self.files = []
            self.path.mkdir(parents=True, exist_ok=True)
            self._save()
        except OSError as error:
            raise UsageError(f"cannot write to {self.path}: {error.strerror or error}") from error

    def file(self, name: str) -> Path:
        """The path of a file of this run, listed in the marker; UsageError if somebody else's file has that name."""
        path = self.path / name
        if name not in self.files:
            if path.exists() or path.is_symlink():
                raise UsageError(f"{path} was not written by minigen: move it away, or choose another --out")
            path.parent.mkdir(parents=True, exist_ok=True)
            self.files.append(name)
            self._save()
        return path

    def write(self, name: str, save: Callable[[Path], Any]) -> Path:
        """Let `save(path)` write a file of this run, beside its place first, so that it is never there by half."""
        path = self.file(name)
        partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
        try:
            save(partial)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return path

    def write_json(self, name: str, content: Any) -> Path:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        return self.write(name, lambda path: path.write_text(text, encoding="utf-8"))

    def _open(self) -> dict[str, Any] | None:
        """What the marker says, None for a new or empty folder; UsageError for a folder that is not ours."""
        if not self.path.exists():
            return None
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is a file, not a folder: choose another --out")
        try:
            marker = json.loads((self.path / MARKER).read_text(encoding="utf-8"))
            lesson, files = marker["run"]["lesson"], marker["files"]
            ours = all(self._inside(name) for name in files)
        except FileNotFoundError:
            if not any(self.path.iterdir()):
                return None
            lesson, ours = "", False
        except (ValueError, KeyError, TypeError):
            lesson, ours = "", False
        if not ours:
            raise UsageError(f"{self.path} has files that minigen did not write: move them, or choose another --out")
        if lesson != self.run["lesson"]:
            raise UsageError(f"{self.path} holds a run of {lesson}: choose another --out")
        return marker

    def _inside(self, name: str) -> bool:
        return (self.path / name).resolve().is_relative_to(self.path.resolve())

    def _check_same(self, before: dict[str, Any]) -> None:
        for name, value in self.run.items():
            if before.get(name) != value:
                was = f"{name} {before.get(name)}, not {value}" if name != "with" else "another file for --with"
                raise UsageError(f"cannot resume: the run in {self.path} had {was}; repeat it so, or drop --resume")

    def _save(self) -> None:
        text = json.dumps({"minigen": 1, "run": self.run, "files": self.files}, indent=1)
        partial = self.path / f".partial-{os.getpid()}-marker"
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, self.path / MARKER)
