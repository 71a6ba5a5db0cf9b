"""One evening of a student, in order, with the real commands on a real lesson."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minigen.course.exercise import catalog
from minigen.course.exercise.stubs import RAISE

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).resolve().parents[2]
WRONG = "return np.sum(np.where(p > 0, p * (np.log2(p) - np.log2(q)), 0.0), axis=-1)"
NAMES = ["kl_divergence", "js_divergence", "kl_normal"]

# Runs the code cells of a notebook in what looks like its kernel, with those of standard input after the first.
KERNEL = """
import json, sys, types
ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
ipython.version_info, ipython.display = (9, 0, 0), display
ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
display.display, display.Image = print, lambda data, **options: "an image"
display.Markdown = lambda text: text
sys.modules |= {"IPython": ipython, "IPython.display": display}
cells = [c for c in json.load(open(sys.argv.pop(1), encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
codes = ["".join(cell["source"]) for cell in cells]
for code in [codes[0], sys.stdin.read(), *codes[1:], "use()"]:
    exec(compile(code, "cell", "exec"), globals())
"""


@pytest.fixture
def minigen(tmp_path):
    """Run a command in an empty folder; its exit code and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "MINIGEN_QUICK": "1", "MPLBACKEND": "Agg"}
    environment.pop("MINIGEN_LESSONS", None)

    def run(*words, folder=tmp_path, program=("-m", "minigen"), text=""):
        command = [sys.executable, *program, *map(str, words)]
        options = {"input": text, "capture_output": True, "text": True, "encoding": "utf-8", "timeout": 600}
        done = subprocess.run(command, cwd=folder, env=environment, **options)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


def typed(path: Path, name: str, code: str) -> None:
    """Type an answer in the place of the line that raises."""
    before, head, rest = path.read_text(encoding="utf-8").partition(f"def {name}(")
    indented = "\n".join(f"    {line}".rstrip() for line in code.splitlines())
    path.write_text(before + head + rest.replace(f"    {RAISE}", indented, 1), encoding="utf-8")


def third_hint(printed: str) -> str:
    """The code that the last of three hints shows."""
    shown = printed.split("In place of the line that raises:\n\n")[1].split("\n\nthat was the last hint")[0]
    return "\n".join(line[4:] for line in shown.splitlines())


def test_an_evening(minigen, tmp_path):
    code, printed = minigen("exercise", "list", "gan/01")
    assert code == 0 and "0 of 3 passed" in printed and "next exercise: gan/01/kl_divergence" in printed
    code, printed = minigen("exercise", "start", "gan/01")
    path = tmp_path / "exercises" / "gan_01.py"
    assert code == 0 and path.exists()
    assert minigen("exercise", "check", "gan/01")[0] == 1  # nothing is written yet
    assert minigen("run", "gan/01", "--quick", "--with", path)[0] == 2

    stubs = path.read_text(encoding="utf-8")
    typed(path, "kl_divergence", WRONG)
    code, printed = minigen("exercise", "check", "gan/01/kl_divergence")
    assert code == 1 and "known mistake: " in printed and "nats" in printed
    assert "stuck? minigen exercise hint gan/01/kl_divergence" in printed
    code, printed = minigen("run", "gan/01", "--quick", "--with", path, "--even-if-wrong")
    assert code == 1 and "not passed yet: kl_divergence" in printed and "was called" in printed
    assert "check failed" in printed and "checks passed" in printed

    path.write_text(stubs, encoding="utf-8")
    assert minigen("exercise", "diff", "gan/01/kl_divergence")[0] == 2
    hints = [minigen("exercise", "hint", "gan/01/kl_divergence")[1] for _ in range(3)]
    typed(path, "kl_divergence", third_hint(hints[-1]))
    for name in NAMES[1:]:
        typed(path, name, catalog.find(f"gan/01/{name}")[0].hints[-1])
    code, printed = minigen("exercise", "check", "gan/01")
    assert code == 0 and "3 of 3 exercises pass" in printed and "next exercise: gan/02/" in printed
    code, printed = minigen("exercise", "diff", "gan/01")
    assert code == 0 and printed.count("--- yours") == 3

    code, printed = minigen("run", "gan/01", "--quick", "--with", path)
    assert code == 0 and "not passed yet" not in printed
    assert {name for name, _ in re.findall(r"your (\w+) was called ([1-9][\d,]*) times?", printed)} == set(NAMES)
    metrics = json.loads((tmp_path / "out/gan-01-kl-and-js-divergence-quick/metrics.json").read_text(encoding="utf-8"))
    assert metrics["calls"].keys() == {f"gan/01/{name}" for name in NAMES}


def test_an_evening_in_a_notebook(minigen, tmp_path):
    assert minigen("notebook", "gan/01")[0] == 0
    notebook = tmp_path / "notebooks" / "gan-01-kl-and-js-divergence.ipynb"
    assert json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["kernelspec"]["name"] == "python3"
    cell = f"""
import autograd.numpy as np
from minigen.course import check, use

def kl_divergence(p, q):
    {WRONG}

check(kl_divergence)

def kl_divergence(p, q):
    with np.errstate(all="ignore"):
        {WRONG.replace("log2", "log")}

check("gan/01/kl_divergence", kl_divergence)
use(kl_divergence)
"""
    code, printed = minigen(notebook, folder=notebook.parent, program=("-c", KERNEL), text=cell)
    assert code == 0, printed
    assert "known mistake: " in printed and "stuck? run  !minigen exercise hint gan/01/kl_divergence" in printed
    assert "next exercise: gan/01/js_divergence" in printed
    assert re.search(r"your kl_divergence was called [1-9][\d,]* times", printed)
    assert "checks passed" in printed and (notebook.parent / "out").is_dir()
    code, printed = minigen("exercise", "list", "gan/01")
    assert code == 0 and "1 of 3 passed" in printed and "next exercise: gan/01/js_divergence" in printed
    assert minigen("exercise", "hint", "gan/01/js_divergence", folder=notebook.parent)[0] == 0
    assert not (notebook.parent / "exercises").exists()
