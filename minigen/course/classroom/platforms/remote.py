"""What runs on Gradescope and Classroom 50: one submission, graded where the platform puts it, in the platform's JSON.

Both come with a folder that `minigen assignment build` made: the assignment, its files and seeds, and the package.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minigen.course.classroom import collect
from minigen.course.classroom.assignment import Assignment, load, with_given
from minigen.course.classroom.grade.grader import Grader
from minigen.course.classroom.roster import Student
from minigen.course.exercise.grading import bubblewrap, status
from minigen.files import write_text

__all__ = ["classroom50", "classroom50_result", "grade_folder", "gradescope", "gradescope_results"]


def grade_folder(folder: Path, home: Path) -> tuple[Assignment, list[dict[str, Any]]]:
    """The rows of the one submission in a folder; `home` holds what `build` made: assignment.toml, seeds.json."""
    settings = json.loads((home / "seeds.json").read_text(encoding="utf-8"))
    assignment = with_given(load(home / "assignment.toml", declared=False), settings["private"])
    submitted = collect.answers_of(Student("student"), list(collect.folder_entries(folder)), assignment)
    answers = [(answer.submission, answer.sha256, answer.notes) for answer in submitted.answers]
    sandbox = "bwrap" if not bubblewrap.why_not() else ""
    return assignment, Grader(assignment, settings["seeds"], sandbox).grade(answers)


def words(row: Mapping[str, Any], case: Mapping[str, Any]) -> str:
    """What a student reads of one case, without expected values."""
    if case["passed"]:
        return ""
    where = f"line {case['line']}: {case['text']}" if case["line"] and case["text"] else ""
    first = next(other for other in row["cases"] if not other["passed"])
    hint = row["hint"] if case is first else ""
    return "\n".join(filter(None, [status.WORDS[case["status"]], case["public"], case["relation"], where, hint]))


# ------------------------------------------------------------------------------------------- Gradescope


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
    """The document that Gradescope reads. Text of the student's is plain text; what is printed stays hidden."""
    failed = [row["id"] for row in rows if row["points"] is None]
    tests = []
    for row in rows:
        raw = sum(case["possible"] for case in row["cases"])
        for case in row["cases"]:
            share = row["possible"] / raw
            passed = case["passed"] and row["status"] != status.PROCESS
            tests.append(
                {
                    "name": f"{row['id']}: {case['case']}",
                    "name_format": "text",
                    "score": round(case["possible"] * share, 4) if passed else 0.0,
                    "max_score": round(case["possible"] * share, 4),
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


# ------------------------------------------------------------------------------------------- Classroom 50

NEEDED = ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL")


def classroom50(home: Path, checkout: Path, environment: Mapping[str, str] = os.environ) -> int:
    """Grade a checkout into its result.json; 0 if it was graded, whatever came out, and 1 if it could not be."""
    missing = [name for name in NEEDED if not environment.get(name)]
    if missing:
        print(f"::error::the environment has no {', '.join(missing)}", file=sys.stderr)
        return 1
    _, rows = grade_folder(checkout, home)
    failed = [f"{row['id']} ({row['message']})" for row in rows if row["points"] is None]
    if failed:
        print(f"::error::the grader failed on {'; '.join(failed)}", file=sys.stderr)
        return 1
    result = classroom50_result(rows, environment)
    write_text(checkout / "result.json", json.dumps(result, indent=2, allow_nan=False))
    return 0


def classroom50_result(rows: Sequence[Mapping[str, Any]], environment: Mapping[str, str]) -> dict[str, Any]:
    """The document classroom50/result/v1: a test for each exercise, in whole points."""
    tests = [
        {
            "test-name": row["id"],
            "passed": row["passed"],
            "score": int(row["points"]),
            "max-score": int(row["possible"]),
            "output": "\n\n".join(filter(None, (words(row, case) for case in row["cases"]))),
        }
        for row in rows
    ]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    stamped = {"owner": environment.get("OWNER", ""), "assignment_type": environment.get("ASSIGNMENT_TYPE", "")}
    return {
        "schema": "classroom50/result/v1",
        "classroom": environment["CLASSROOM"],
        "assignment": environment["ASSIGNMENT"],
        **{name: value for name, value in stamped.items() if value},
        "submission": environment["SUBMISSION_TAG"],
        "commit": environment["COMMIT_URL"],
        "release": environment["RELEASE_URL"],
        "review": environment.get("REVIEW_URL") or environment["COMMIT_URL"],
        "datetime": now,
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def main(argv: Sequence[str]) -> int:
    """`remote.py gradescope ROOT` or `remote.py classroom50 HOME`, as the scripts that `build` writes call it."""
    platform, folder = argv
    return gradescope(Path(folder)) if platform == "gradescope" else classroom50(Path(folder), Path.cwd())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
