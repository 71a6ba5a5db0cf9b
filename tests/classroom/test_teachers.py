"""The page for teachers: its commands, in its order, as they are printed."""

import csv
import datetime
import json
import os
import re
import stat
import subprocess
import sys
import textwrap

import pytest

from minigen.classroom.schemas import schema


def commands(text: str) -> list[str]:
    """The blocks, those within a list too."""
    return [textwrap.dedent(block) for block in re.findall(r"^ *```bash\n(.*?)^ *```$", text, re.S | re.M)]


def on_canvas(path, total: float, possible: float) -> str:
    """A student's points, known by hand, on Canvas's scale of 100."""
    document = json.loads(path.read_text())
    assert (document["total"], document["possible"]) == (total, possible)
    return f"{round(100 * total / possible, 2):.10g}"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the page is written for a POSIX shell")
def test_the_page_leads_to_a_gradebook(root, tmp_path):
    text = (root / ".github" / "TEACHERS.md").read_text(encoding="utf-8")
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "minigen"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m minigen "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    work = tmp_path / "work"
    work.mkdir()
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    script = "set -euo pipefail\n" + "\n".join(commands(text))
    done = subprocess.run(
        ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (work / "grades" / "gradebook.csv").open(newline="") as file:
        rows = {(row["student_id"], row["exercise"]): row["status"] for row in csv.DictReader(file)}
    assert rows["s001", "gan/12/critic_loss"] == "pass" and rows["s001", "gan/02/generator_loss_minimax"] == "stub"
    assert rows["s003", "gan/12/critic_loss"] == "missing_file"
    assert rows["s002", "gan/12/critic_loss"] == "wrong_value" and len(rows) == 6
    with (work / "grades" / "canvas.csv").open(newline="") as file:
        canvas = {row["SIS User ID"]: row["Hw1 (1502)"] for row in csv.DictReader(file)}
    results = work / "grades" / "results"
    emmy = on_canvas(results / "s001.json", 8, 8)  # the other function is excused
    carl = on_canvas(results / "s002.json", 5, 8 + 10)  # by decision
    still_due = datetime.datetime.now() < datetime.datetime(2027, 2, 8, 23, 59)
    assert canvas == {"": "100", "s001": emmy, "s002": carl, "s003": "" if still_due else "0"}
    assert "ill until 5 February" in (work / "grades" / "report.html").read_text()
    assert "joined later" in (work / "grades" / "feedback" / "s001.md").read_text()
    assert "Known mistake" in (work / "grades" / "feedback" / "s002.md").read_text()
    for name in re.findall(r"^\| `([\w./-]+)`", text, re.M):
        name = name.replace("ID", "s001")
        assert (work / "grades" / name).exists() or (work / "dist" / name).exists(), name
    assert '"kind": "grading"' in done.stdout and "3 students graded" in done.stdout
    assert "compare50 grades/similarity/students/* -d grades/similarity/stubs/*" in done.stdout
    assert "points are scaled from" in done.stdout
    assert "| exam |" in (work / "plan.md").read_text()
    for_students = (work / "hw1-solutions-students.md").read_text()
    assert (
        "def critic_loss" in for_students
        and "Known mistakes" not in for_students
        and "For teachers" not in for_students
    )


def test_the_page_names_what_there_is(root):
    text = (root / ".github" / "TEACHERS.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(\w+)\.json`", text):
        if name not in ("minigen", "runtime"):  # for students, and for a platform
            assert schema(name)["title"]
    assert ".github/TEACHERS.md" in (root / "README.md").read_text(encoding="utf-8")
