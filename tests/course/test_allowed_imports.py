"""What an import costs: nothing, unless the graded function needs the module."""

import json
from pathlib import Path

import pytest

from minigen import cli
from minigen.course.exercise import catalog, limits
from minigen.course.exercise.checking import check_file
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import Submission
from minigen.course.exercise.imports import as_allowed

ALLOWED = ("numpy", "scipy.special")
UNUSED = {
    "a figure at the top": "import matplotlib.pyplot as plt\ndef f(x):\n    return 2 * x\nplt.plot([f(1)])\n",
    "what comes from it": "import torch\nt = torch.ones(1)\nu = t + 1\nu.fill(2)\ndef f(x):\n    return 2 * x\n",
    "beside an allowed one": "import torch, numpy as np; k = 2\ndef f(x):\n    return np.abs(k * x)\n",
    "over several lines": "from torch import (\n    nn,\n    optim,\n)\ndef f(x):\n    return 2 * x\n",
    "in another function": "def draw():\n    import torch\n    return torch\ndef f(x):\n    return 2 * x\n",
    "a decorated function": "import torch\n@torch.no_grad\ndef g(x):\n    return x\ndef f(x):\n    return 2 * x\n",
    "a class": "import torch\nclass Net(torch.nn.Module):\n    pass\ndef f(x):\n    return 2 * x\n",
    "with a way out": "try:\n    import torch\nexcept ImportError:\n    torch = None\ndef f(x):\n    return 2 * x\n",
    "an argument of its name": "import torch\ndef f(torch):\n    return 2 * torch\n",
    "a star": "from torch import *\nones(3)\ndef f(x):\n    return 2 * abs(x)\n",
    "a program": "import torch\ndef f(x):\n    return 2 * x\nif __name__ == '__main__':\n    torch.ones(1)\n",
    "bytes are not characters": "a = 'ÄÖÜ'; import torch; k = 2\ndef f(x):\n    return k * x\n",
}
USED = {
    "itself": "import torch\ndef f(x):\n    return torch.tensor(x)\n",
    "within it": "def f(x):\n    import torch\n    return 2 * x\n",
    "by another function": "import torch\ndef g(x):\n    return torch.abs(x)\ndef f(x):\n    return g(x)\n",
    "by a value": "import torch\nk = torch.pi\ndef f(x):\n    return k * x\n",
    "as its decorator": "import torch\n@torch.no_grad\ndef f(x):\n    return 2 * x\n",
    "as a default": "import torch\ndef f(x, k=torch.pi):\n    return k * x\n",
    "by a star": "from torch import *\ndef f(x):\n    return ones(x)\n",
    "a part that is not allowed": "import scipy.stats\ndef f(x):\n    return scipy.stats.norm.pdf(x)\n",
    "under another name": "from torch import abs as a\ndef f(x):\n    return a(x)\n",
}


def judged(source: str) -> Submission:
    return as_allowed(Submission("f.py", source), "f", ALLOWED)


@pytest.mark.parametrize("name", UNUSED)
def test_an_import_that_the_function_does_without_costs_nothing(name):
    """What is left runs without the module, computes the same, and keeps the numbers of its lines."""
    found = judged(UNUSED[name])
    names: dict = {"__name__": "student"}
    exec(compile(found.source, "f.py", "exec"), names)
    assert found.status == status.PASS and names["f"](3) == 6
    before, after = (text.split("\n") for text in (UNUSED[name], found.source))
    assert len(before) == len(after) and [before.index(line) for line in before if line.startswith("def f")] == [
        after.index(line) for line in after if line.startswith("def f")
    ]


@pytest.mark.parametrize("name", USED)
def test_an_import_that_the_function_needs_is_refused(name):
    found = judged(USED[name])
    module = "scipy.stats" if "scipy" in USED[name] else "torch"
    assert found.status == status.FORBIDDEN_MODULE and found.message.startswith(f"f uses {module}; this assignment")


def test_what_is_allowed_stays_as_it_is():
    source = "from __future__ import annotations\nimport scipy.special, numpy as np\ndef f(x):\n    return 2 * x\n"
    assert judged(source).source == source
    assert as_allowed(Submission("f.py", USED["itself"]), "f", ()).source == USED["itself"]  # all modules may be used
    broken = Submission("f.py", "", status.SYNTAX_ERROR, "invalid syntax")
    assert as_allowed(broken, "f", ALLOWED) is broken


# ------------------------------------------------------------------------------------------- minigen.json

CRITIC = "def critic_loss(real_scores, fake_scores):\n    return np.mean(fake_scores) - np.mean(real_scores)\n"
HEAD = "import autograd.numpy as np\n"


@pytest.fixture
def answers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("exercises").mkdir()

    def write(source: str, name: str = "gan_12.py", **given) -> Path:
        ids = given.pop("ids", ["gan/12/critic_loss"])
        Path("exercises/minigen.json").write_text(limits.text(ids, 3, given=limits.Rules(**given)))
        path = Path("exercises", name)
        path.write_text(source)
        return path

    return write


def test_check_judges_by_the_modules_of_the_assignment(answers, capsys):
    drawing = HEAD + "import matplotlib.pyplot as plt\n" + CRITIC
    answers(drawing, modules=("autograd",))
    assert cli.main(["exercise", "check", "gan/12"]) == 0
    answers(drawing.replace("return ", "return 0 * len(plt.__name__) + "), modules=("autograd",))
    for here in ([], ["--here"]):
        capsys.readouterr()
        assert cli.main(["exercise", "check", "gan/12/critic_loss", *here]) == 1
        out = capsys.readouterr().out
        assert "0 of 8 points" in out and "uses matplotlib.pyplot; this assignment allows autograd" in out
    answers(drawing.replace("return ", "return 0 * len(plt.__name__) + "))
    assert cli.main(["exercise", "check", "gan/12"]) == 0  # all modules


def test_check_knows_the_exercises_of_the_assignment(answers, capsys):
    """Of a lesson that the assignment has, the others are not counted; another lesson is checked as a whole."""
    answers("raise SystemExit\n", "gan_02.py", ids=["gan/02/generator_loss_minimax"])
    assert cli.main(["exercise", "check", "gan/02", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in shown["exercises"]] == ["gan/02/generator_loss_minimax"] and shown["possible"] == 10
    answers("raise SystemExit\n", "gan_02.py")
    assert cli.main(["exercise", "check", "gan/02", "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["exercises"]) == 3


def test_check_has_the_files_and_the_seed_of_the_assignment(answers, capsys):
    source = HEAD + "from tools import mean\n" + CRITIC.replace("np.mean(fake_scores)", "mean(fake_scores)")
    path = answers(source, modules=("autograd",), files=("tools.py",), seed=5)
    exercises = catalog.find("gan/12/critic_loss")
    (report,) = check_file(exercises, path)
    assert not report.passed and report.notes == ["tools.py, which the assignment gives, is not beside gan_12.py"]
    path.with_name("tools.py").write_text("import autograd.numpy as np\ndef mean(x):\n    return np.mean(x)\n")
    (report,) = check_file(exercises, path)
    assert report.passed
    assert cli.main(["exercise", "check", "gan/12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 5


def test_the_next_exercise_is_one_of_the_assignment(answers, capsys):
    answers(HEAD + CRITIC, ids=["gan/12/critic_loss", "vae/08/elbo"])
    assert cli.main(["exercise", "check", "gan/12"]) == 0
    assert "next exercise: vae/08/" in capsys.readouterr().out
