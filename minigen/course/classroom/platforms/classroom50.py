"""Classroom 50, the successor of GitHub Classroom: an autograder.py with what it needs beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from minigen.course.classroom.assignment import Assignment
from minigen.course.classroom.platforms import export
from minigen.course.console import UsageError

__all__ = ["build"]

README = """\
# Classroom 50

Copy the folder `autograder` to `CLASSROOM/autograders/ASSIGNMENT/` of your `classroom50` repository, and give the
assignment the runtime of `runtime.json`: `gh teacher assignment add ... --runtime runtime.json`. Students hand in
{files}.

A test is an exercise, in whole points. The exit code is 0 when a submission was graded, whatever came out, and 1 when
it could not be, which Classroom 50 shows as an error. Whoever finds the address of your Pages site can read this
folder.
"""
PROGRAM = '''\
#!/usr/bin/env python3
"""Grades the checkout that this is run in, and writes its result.json."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE / "package"))


def installed() -> bool:
    try:
        import autograd, filelock, jsonschema, nbformat, numpy, scipy, threadpoolctl, tqdm  # noqa: E401, F401
    except ImportError:
        return False
    return True


if not installed():
    requirements = str(HERE / "requirements.txt")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--user", "-r", requirements], check=True)

from minigen.course.classroom.platforms.remote import classroom50  # noqa: E402

sys.exit(classroom50(HERE, Path.cwd()))
'''


def build(assignment: Assignment, folder: Path, seeds: Sequence[int]) -> str:
    """Write autograder/ and runtime.json. Raises UsageError if the points are not whole."""
    broken = [assigned.id for assigned in assignment.exercises if assigned.points != int(assigned.points)]
    if broken:
        raise UsageError(f"Classroom 50 has whole points only; change those of {', '.join(broken)}")
    content = folder / "autograder"
    export.write_grader(content, assignment, seeds)
    export.write_executable(content / "autograder.py", PROGRAM)
    runtime = {"runs-on": "ubuntu-latest", "python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    (folder / "runtime.json").write_text(json.dumps(runtime, indent=2) + "\n", encoding="utf-8")
    files = ", ".join(assignment.answer_files)
    (folder / "README.md").write_text(README.format(files=files), encoding="utf-8")
    return "autograder.py for Classroom 50, and its runtime"
