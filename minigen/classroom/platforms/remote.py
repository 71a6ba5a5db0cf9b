"""What runs on Gradescope: one submission, graded where the platform puts it, in the platform's JSON.

It comes with a folder that `minigen assignment build` made: the assignment, its files and seeds, and the package.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minigen.classroom import collect
from minigen.classroom.assignment import Assignment, load, with_given
from minigen.classroom.grade.grader import Grader
from minigen.classroom.roster import Student
from minigen.course.exercise.grading import bubblewrap, status
from minigen.course.exercise.grading.secret import hundredths
from minigen.files import write_text

__all__ = ["grade_folder", "gradescope", "gradescope_results"]


def grade_folder(folder: Path, home: Path) -> tuple[Assignment, list[dict[str, Any]]]:
    """Return the rows of the one submission in a folder; `home` holds what `build` made: assignment.toml,
    seeds.json.
    """
    settings = json.loads((home / "seeds.json").read_text(encoding="utf-8"))
    written = dataclasses.replace(load(home / "assignment.toml", declared=False), slug=settings["slug"])
    assignment = with_given(written, settings["private"])
    submitted = collect.answers_of(Student("student"), list(collect.folder_entries(folder)), assignment)
    answers = [(answer.submission, answer.sha256, answer.notes) for answer in submitted.answers]
    sandbox = "bwrap" if not bubblewrap.why_not() else ""
    return assignment, Grader(assignment, settings["seeds"], sandbox).grade(answers)


def words(row: Mapping[str, Any], case: Mapping[str, Any]) -> str:
    """Return what a student reads of one case, without expected values."""
    if case["passed"]:
        return ""
    where = f"line {case['line']}: {case['text']}" if case["line"] and case["text"] else ""
    first = next(other for other in row["cases"] if not other["passed"])
    hint = row["hint"] if case is first else ""
    return "\n".join(filter(None, [status.WORDS[case["status"]], case["public"], case["relation"], where, hint]))


def gradescope(root: Path) -> int:
    """Grade `root`/submission into `root`/results/results.json; 0, or 1 if the grader itself failed."""
    started = time.monotonic()
    home = root / "source"
    assignment, rows = grade_folder(root / "submission", home)
    settings = json.loads((home / "seeds.json").read_text(encoding="utf-8"))
    results = gradescope_results(rows, settings["visibility"], time.monotonic() - started)
    (root / "results").mkdir(exist_ok=True)
    write_text(root / "results" / "results.json", json.dumps(results, indent=1, allow_nan=False))
    return int(any(row["points"] is None for row in rows))


def gradescope_results(rows: Sequence[Mapping[str, Any]], visibility: str, seconds: float) -> dict[str, Any]:
    """Return the document that Gradescope reads. Text of the student's is plain text; what is printed stays hidden."""
    failed = [row["id"] for row in rows if row["points"] is None]
    tests = []
    for row in rows:
        parts = hundredths(row["possible"], [case["possible"] for case in row["cases"]])
        earned = sum(part for part, case in zip(parts, row["cases"], strict=True) if case["points"])
        kept = (row["points"] or 0.0) / earned if earned else 1.0  # a misspelled name costs
        for case, part in zip(row["cases"], parts, strict=True):
            passed = case["passed"] and row["status"] != status.PROCESS
            tests.append(
                {
                    "name": f"{row['id']}: {case['case']}",
                    "name_format": "text",
                    "score": round(part * kept, 4) if case["points"] else 0.0,
                    "max_score": part,
                    "status": "passed" if passed else "failed",
                    "output": words(row, case),
                    "output_format": "text",
                    "visibility": visibility,
                }
            )
    notes = [f"{row['id']}: {note}" for row in rows for note in row["notes"]]
    if failed:
        notes.insert(0, f"The grader itself failed on {', '.join(failed)}: this is not your doing; tell your teacher.")
    return {
        "score": round(sum(row["points"] or 0.0 for row in rows), 2),
        "execution_time": round(seconds, 3),
        "output": "\n".join(notes),
        "output_format": "text",
        "test_output_format": "text",
        "visibility": "visible",
        "extra_data": {"retry": bool(failed)},
        "tests": tests,
    }


if __name__ == "__main__":
    sys.exit(gradescope(Path(sys.argv[1])))
