"""The folder that a run writes to.

One run at a time writes to it. The files of the run before are replaced or put aside, other files are never touched.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from minigen.course.console import UsageError
from minigen.files import locked, write_text

__all__ = ["RunFolder", "remove_partial_files", "slug"]

MARKER = ".minigen.json"
LOCK = ".minigen.lock"
LONGEST = 50  # characters of a file name; Windows allows 260 for the whole path


def slug(text: str) -> str:
    """`text` as a file name: lower case, letters, digits, dots and dashes; a long one ends with a hash of its whole."""
    name = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "unnamed"
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def remove_partial_files(folder: Path, of: str = "") -> None:
    """Remove what writers that were killed have left: `.<name>.<random>.part`, for names that begin with `of`."""
    for path in folder.glob(f".{of}*.part"):
        path.unlink(missing_ok=True)


class RunFolder:
    """`path` with a marker file that says which run made it and lists the files it wrote.

    run:       what identifies the run (lesson, seed, scale, ...); resuming requires the same.
    recipe:    a hash of the code of the run, or None if it is not known; resuming requires the same, unless
               `even_if_changed`.
    resume:    go on with the files of the run before. Without it they are removed, except that a run of something else
               which has finished, or has checkpoints, is kept beside this one, in `kept`; `overwrite` removes it too.
    wait:      called with a sentence when another process is writing to the folder, before waiting for it.

    Raises UsageError when the folder cannot be written, is not minigen's, or is in use (unless `wait` is given).
    """

    _held: ClassVar[dict[Path, RunFolder]] = {}  # of this process, by absolute path: a notebook runs its cell again

    def __init__(
        self,
        path: Path,
        run: dict[str, Any],
        recipe: str | None = None,
        *,
        resume: bool = False,
        even_if_changed: bool = False,
        overwrite: bool = False,
        wait: Callable[[str], None] | None = None,
    ):
        self.path, self.run, self.recipe = Path(path), run, recipe
        self.resumed = self.finished = False
        self.kept: Path | None = None
        self.files: list[str] = []
        self._started = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
        self._lock = contextlib.ExitStack()
        try:
            self._read()
            self.path.mkdir(parents=True, exist_ok=True)
            self._acquire(wait)
            self._begin(resume, even_if_changed, overwrite)
        except OSError as error:
            self.release()
            raise UsageError(f"cannot write to {self.path}: {error.strerror or error}") from error
        except BaseException:
            self.release()
            raise

    def file(self, name: str) -> Path:
        """The path of a file of this run, listed in the marker; UsageError if minigen did not write the file there."""
        path = self.path / name
        if not (self.path / MARKER).exists():
            raise UsageError(f"{self.path} has been deleted or moved while the lesson ran")
        if name not in self.files:
            if path.exists() or path.is_symlink():
                raise UsageError(f"{path} was not written by minigen: move it away, or choose another --out")
            path.parent.mkdir(parents=True, exist_ok=True)
            self.files.append(name)
            self._save()
        return path

    def write_json(self, name: str, content: Any) -> Path:
        """Write a JSON file of this run, all or nothing."""
        return self.write_text(name, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file of this run, all or nothing."""
        return write_text(self.file(name), text)

    def finish(self) -> None:
        """Note that the run has come to its end."""
        self.finished = True
        self._save()

    def release(self) -> None:
        """Let other runs write to the folder."""
        self._lock.close()
        if RunFolder._held.get(self.path.absolute()) is self:
            del RunFolder._held[self.path.absolute()]

    # -- how it begins -------------------------------------------------------------------------------------------------

    def _acquire(self, wait: Callable[[str], None] | None) -> None:
        earlier = RunFolder._held.get(self.path.absolute())
        if earlier is not None:
            earlier.release()

        def busy() -> None:
            text = f"{self._who()} is writing to {self.path}"
            if wait is None:
                raise UsageError(f"{text}: wait for it, or choose another --out")
            wait(f"{text}: waiting for it")

        self._lock.enter_context(locked(self.path / LOCK, busy))
        RunFolder._held[self.path.absolute()] = self

    def _who(self) -> str:
        try:
            marker = json.loads((self.path / MARKER).read_text(encoding="utf-8"))
            return f"another run (process {marker['process']}, since {marker['started']})"
        except (OSError, ValueError, KeyError, TypeError):
            return "another run"

    def _begin(self, resume: bool, even_if_changed: bool, overwrite: bool) -> None:
        """Take over from the run before, and note in the marker that this one has begun."""
        before = self._read()  # again: another run may have ended while this one waited
        for folder in (self.path, self.path / "checkpoints"):
            remove_partial_files(folder)
        if before is not None:
            self.files = list(before["files"])
            if resume:
                self._check_same(before, even_if_changed)
                self.resumed = True
            elif not overwrite and self._worth_keeping(before):
                self._keep(before)
            else:
                for name in self.files:
                    (self.path / name).unlink(missing_ok=True)
        if not self.resumed:
            self.files = []
        self._save()

    def _read(self) -> dict[str, Any] | None:
        """The content of the marker, None for a new or empty folder; UsageError for a folder that is not minigen's."""
        if not self.path.exists():
            return None
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is a file, not a folder: choose another --out")
        try:
            marker = json.loads((self.path / MARKER).read_text(encoding="utf-8"))
            lesson, files = marker["run"]["lesson"], marker["files"]
            ours = all(self._inside(name) for name in files)
        except FileNotFoundError:
            if all(self._is_trace(path.name) for path in self.path.iterdir()):
                return None
            lesson, ours = "", False
        except (ValueError, KeyError, TypeError):
            lesson, ours = "", False
        if not ours:
            raise UsageError(f"{self.path} has files that minigen did not write: move them, or choose another --out")
        if lesson != self.run["lesson"]:
            raise UsageError(f"{self.path} holds a run of {lesson}: choose another --out")
        return marker

    @staticmethod
    def _is_trace(name: str) -> bool:
        """Whether a file is the lock, or the marker of a run that was killed while it wrote it."""
        return name == LOCK or (name.startswith(f".{MARKER}.") and name.endswith(".part"))

    def _inside(self, name: str) -> bool:
        return (self.path / name).resolve().is_relative_to(self.path.resolve())

    def _check_same(self, before: dict[str, Any], even_if_changed: bool) -> None:
        for name in {**self.run, **before["run"]}:
            value = self.run.get(name)
            if before["run"].get(name) != value:
                was = f"{name} {before['run'].get(name)}, not {value}" if name != "with" else "another file for --with"
                raise UsageError(f"cannot resume: the run in {self.path} had {was}; repeat it so, or drop --resume")
        recipe = before.get("recipe")
        if self.recipe is None or recipe == self.recipe:
            return
        if not even_if_changed:
            raise UsageError(
                f"cannot resume: the lesson or the package has changed since the run in {self.path} began; "
                "train again without --resume, or go on with --resume anyway"
            )
        self.recipe = None  # the results of this run have no single recipe

    def _worth_keeping(self, before: dict[str, Any]) -> bool:
        """Whether the run before has results that this one will not give again, bit for bit."""
        finished = before.get("finished", False)
        same = before["run"] == self.run and self.recipe is not None and before.get("recipe") == self.recipe
        trained = any((self.path / name).exists() for name in self.files if name.startswith("checkpoints/"))
        return not before["run"].get("quick") and (trained or finished) and not (same and finished)

    def _keep(self, before: dict[str, Any]) -> None:
        """Move the files of the run before to a new folder beside this one."""
        number = 1
        while (self.path.with_name(f"{self.path.name}.{number}")).exists():
            number += 1
        self.kept = self.path.with_name(f"{self.path.name}.{number}")
        self.kept.mkdir()
        write_text(self.kept / MARKER, json.dumps(before, indent=1))
        for name in self.files:
            if (self.path / name).exists():
                (self.kept / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(self.path / name, self.kept / name)

    def _save(self) -> None:
        who = {"process": os.getpid(), "started": self._started, "finished": self.finished}
        marker = {"minigen": 1, "run": self.run, "recipe": self.recipe, **who, "files": self.files}
        write_text(self.path / MARKER, json.dumps(marker, indent=1))
