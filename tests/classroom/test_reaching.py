"""A class of hostile and broken hand-ins: no secret, no other's answer, no changed file, a row for every student."""

import csv
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import minigen
from minigen.course.exercise.grading import bubblewrap
from minigen.course.exercise.grading import status as S

from .hostile import KINDS, reaching

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="it tries what Linux has")]

SECRET, TOKEN, WORD = "the-teachers-secret", "the-teachers-token", "someone-elses-answer"
MODES = {
    "as it comes": ("", []),
    "without an allow-list": ("allowed_modules = []\n", ["--sandbox", "none"]),
    "in bubblewrap": ("allowed_modules = []\n", ["--sandbox", "bwrap"]),
}
NEVER = (SECRET, TOKEN, WORD, r"inputs [\[\d]")  # in what students read


def snapshot(*folders: Path) -> dict[str, tuple]:
    """What every file below the folders holds, and its mode."""
    found = {}
    for path in (path for folder in folders for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts):
        info = path.lstat()
        data = path.read_bytes() if path.is_file() and not path.is_symlink() and info.st_size < 2**20 else b""
        found[str(path)] = (info.st_mode, hashlib.sha256(data).hexdigest())
    return found


@pytest.mark.parametrize("mode", MODES)
def test_a_class_that_reaches_out(tmp_path, mode):
    settings, options = MODES[mode]
    if "bwrap" in options and bubblewrap.why_not():
        pytest.skip(bubblewrap.why_not())
    home, submissions = tmp_path / "home", tmp_path / "submissions"
    home.mkdir()
    (home / "diary.txt").write_text(WORD)
    mine = submissions / "s000" / "gan_12.py"
    server = socket.create_server(("127.0.0.1", 0))
    kinds = {name: None for name in KINDS} | reaching(str(mine), str(home), server.getsockname()[1])
    names = ["right", *(name for name in kinds if name != "right")]
    ids = {f"s{number:03}": name for number, name in enumerate(names)}
    for id, name in ids.items():
        (submissions / id).mkdir(parents=True)
        if kinds[name] is None:
            KINDS[name][0](submissions / id)
        else:
            (submissions / id / "gan_12.py").write_text(kinds[name])
    mine.write_text(mine.read_text() + f"# {WORD}\n")
    (tmp_path / "hw1.toml").write_text(f'title = "Exam"\n{settings}\n[[exercise]]\nid = "gan/12/critic_loss"\n')
    (tmp_path / "roster.csv").write_text("student_id\n" + "".join(f"{id}\n" for id in ids))
    (tmp_path / "secret.txt").write_text(SECRET)
    package = Path(minigen.__file__).parent
    before = snapshot(submissions, home, package / "gan", package / "course" / "exercise")
    command = [sys.executable, "-m", "minigen", "grade", "submissions", "--assignment", "hw1.toml"]
    command += ["--roster", "roster.csv", "--out", "grades", "--seed-file", "secret.txt", "--jobs", "2", *options]
    environment = {**os.environ, "SECRET_TOKEN": TOKEN}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=3600)
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.accept()
    server.close()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr
    assert snapshot(submissions, home, package / "gan", package / "course" / "exercise") == before
    with (tmp_path / "grades" / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        rows = {ids[row["student_id"]]: row["status"] for row in csv.DictReader(file)}
    assert rows.keys() == set(names) and S.GRADER_ERROR not in rows.values()
    passed = {name for name, state in rows.items() if state == S.PASS}
    assert passed >= {name for name, (_, state) in KINDS.items() if state == S.PASS}
    assert not [name for name in passed if name.startswith(("steals", "finds"))], passed
    seeds = json.loads((tmp_path / "grades" / "results" / "s000.json").read_text())["seeds"]
    for path in (tmp_path / "grades" / "feedback").iterdir():
        text = path.read_text(encoding="utf-8").replace("\\", "")
        for word in (*NEVER, *map(str, seeds)):
            assert not re.search(word, text), (ids[path.stem], word)
    report = (tmp_path / "grades" / "report.html").read_text(encoding="utf-8")
    assert report.count("reaches for the interpreter") >= 60
