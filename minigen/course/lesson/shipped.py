"""Whether the lesson that runs is the lesson as it was shipped, or a reader has changed it.

    a copy elsewhere           is compared with the file in the folder of lessons that has its id
    a file in a git checkout   is compared with the last commit: what is committed is the lesson as shipped
    another file in its place  (an installed package, an unpacked archive) is compared with the hash of the recorded run

A file that none of this decides is unknown: no run of it is recorded, or its text has changed since. In a changed
lesson a check that fails is reported and the run goes on, and claims are not judged. In an unknown one checks do the
same, and claims are judged. An author who edits a lesson wants neither: --strict, or the environment variable
MINIGEN_STRICT, takes every file for the shipped one.
"""

from __future__ import annotations

import difflib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from minigen.course.index.lessons import lesson_file
from minigen.course.lesson.quotes import recorded_metrics
from minigen.course.lesson.recipe import text_hash

__all__ = ["SHIPPED", "UNKNOWN", "Origin", "origin_of"]

LINES_SHOWN = 6


@dataclass(frozen=True)
class Origin:
    """known: whether it is known what was shipped; edit: the lines that differ from it, "- old" and "+ new"."""

    known: bool
    edit: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What a run of a changed lesson says at its beginning."""
        count = sum(line.startswith("+") for line in self.edit) or len(self.edit)
        shown = [f"             {line}" for line in self.edit[:LINES_SHOWN]]
        more = ["             ..."] if len(self.edit) > LINES_SHOWN else []
        lines = "1 line differs" if count == 1 else f"{count} lines differ"
        head = f"  changed    {lines} from the shipped lesson: a check that fails is reported, claims are not judged"
        return "\n".join([head, *shown, *more])


SHIPPED, UNKNOWN = Origin(True), Origin(False)


def origin_of(path: Path, lesson_id: str) -> Origin:
    """Whether a lesson's file is as shipped."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    shipped = _shipped_text(path, lesson_id)
    if shipped is not None:
        return Origin(True, _difference(shipped, text))
    return SHIPPED if recorded_metrics(lesson_id).get("text") == text_hash(text) else UNKNOWN


def _shipped_text(path: Path, lesson_id: str) -> str | None:
    """Return the lesson as it was shipped, if its text is at hand."""
    home = lesson_file(lesson_id)
    if home.exists() and not home.samefile(path):
        return home.read_text(encoding="utf-8-sig")
    try:
        command = ["git", "show", f"HEAD:./{path.name}"]
        done = subprocess.run(command, cwd=path.parent, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8-sig", errors="replace") if done.returncode == 0 else None


def _difference(shipped: str, text: str) -> tuple[str, ...]:
    """Return the lines of code that differ; text between the cells, comments in their first column and empty lines do
    not.
    """
    before, now = ([line for line in one.splitlines() if line.strip() and line[0] != "#"] for one in (shipped, text))
    lines = list(difflib.unified_diff(before, now, n=0, lineterm=""))
    return tuple(f"{line[0]} {line[1:]}" for line in lines[2:] if line[0] in "+-")
