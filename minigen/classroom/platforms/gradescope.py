"""Gradescope: autograder.zip, with setup.sh and run_autograder at its root, the package and the assignment."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from minigen.classroom.assignment import Assignment
from minigen.classroom.platforms import export
from minigen.classroom.platforms.gaps import section

__all__ = ["build"]

README = """\
# Gradescope

Upload `autograder.zip` as the autograder of a programming assignment. Students hand in {files}.

It installs Python 3.11 or newer and the packages of `requirements.txt` once, and grades offline afterwards. An answer
runs in a process of its own, but as the same user as the grader: give the container no secrets but its own.
"""
SETUP = """\
#!/usr/bin/env bash
# Run once, when the image is built: Python with venv, and the packages in the versions that the teacher has.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
python=python3
if ! python3 -c "$new_enough" 2>/dev/null; then
    apt-get update
    apt-get install -y python3.11 python3.11-venv
    python=python3.11
elif ! python3 -c 'import ensurepip' 2>/dev/null; then
    apt-get update
    apt-get install -y python3-venv
fi
"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --no-cache-dir -r "$root/source/requirements.txt"
"""
RUN = """\
#!/usr/bin/env bash
# Grades /autograder/submission; whatever happens, results/results.json is there at the end.
root="${AUTOGRADER_ROOT:-/autograder}"
results="$root/results/results.json"
mkdir -p "$root/results"
rm -f "$results"
export PYTHONPATH="$root/source/package" PYTHONDONTWRITEBYTECODE=1
"$root/venv/bin/python" -P -m minigen.classroom.platforms.remote "$root"
code=$?
if [ ! -s "$results" ]; then
    cat >"$results" <<'END'
{"score": 0, "output": "The grader itself failed: this is not your doing; tell your teacher.", "output_format": "text",
 "visibility": "visible", "extra_data": {"retry": true}, "tests": []}
END
fi
exit "$code"
"""


def build(assignment: Assignment, folder: Path, seeds: Sequence[int]) -> str:
    """Write autograder.zip."""
    content = folder / "content"
    export.write_grader(content, assignment, seeds)
    export.write_executable(content / "setup.sh", SETUP)
    export.write_executable(content / "run_autograder", RUN)
    shutil.make_archive(str(folder / "autograder"), "zip", content)  # keeps that they may be executed
    shutil.rmtree(content)
    files = ", ".join(assignment.answer_files)
    (folder / "README.md").write_text(README.format(files=files) + section(assignment, "gradescope"), encoding="utf-8")
    return "autograder.zip for Gradescope"
