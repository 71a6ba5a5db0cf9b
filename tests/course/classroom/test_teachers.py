"""The page for teachers: its commands, in its order, as they are printed."""

import csv
import os
import re
import stat
import subprocess
import sys

import pytest

from minigen.course.classroom.schemas import schema


def commands(text: str) -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```$", text, re.S | re.M)


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
        ["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (work / "grades" / "gradebook.csv").open(newline="") as file:
        rows = {(row["student_id"], row["exercise"]): row["status"] for row in csv.DictReader(file)}
    assert rows["s001", "gan/12/critic_loss"] == "stub" and rows["s003", "gan/12/critic_loss"] == "missing_file"
    assert rows["s002", "gan/12/critic_loss"] == "wrong_value" and len(rows) == 6
    assert "A known slip" in (work / "grades" / "feedback" / "s002.md").read_text()
    for name in re.findall(r"^\| `([\w./-]+)`", text, re.M):
        name = name.replace("ID", "s001")
        assert (work / "grades" / name).exists() or (work / "dist" / name).exists(), name
    assert '"kind": "grading"' in done.stdout and "3 students graded" in done.stdout


def test_the_page_names_what_there_is(root):
    text = (root / ".github" / "TEACHERS.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(\w+)\.json`", text):
        if name not in ("runtime",):
            assert schema(name)["title"]
    assert ".github/TEACHERS.md" in (root / "README.md").read_text(encoding="utf-8")
