"""Functions taken from notebooks, and the notebook that students get."""

import ast
import linecache

import pytest

from minigen.classroom import notebooks
from minigen.course import check
from minigen.course.exercise.grading import status as S

from .conftest import CRITIC, HEAD, MINIMAX

nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra classroom")


def book(*cells: str) -> bytes:
    """A notebook with these code cells."""
    v4 = nbformat.v4
    return nbformat.writes(v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])).encode()


def run(source: str) -> dict:
    names: dict = {}
    exec(compile(source, "notebook", "exec"), names)
    return names


def test_functions_are_taken_and_nothing_else_is_run():
    data = book(
        "import math\n%matplotlib inline\n!pip install x",
        "HALF = 1 / 2\nTABLE = {'a': [1, 2]}\nX = open('/nowhere')",
        "def helper(x):\n    return math.sqrt(x) * HALF",
        "def f(x):\n    return 0",
        "raise SystemExit\n",
        "%%bash\nrm -rf /",
        "class Unused:\n    pass\ndef unused(): return f",
        "def f(x):\n    return helper(x) + TABLE['a'][1]",  # the last definition counts
        "1 +",
    )
    source, notes = notebooks.functions_of(data, ["f", "missing"])
    assert run(source)["f"](16.0) == 4.0  # 4 / 2 + 2
    assert "nowhere" not in source and "SystemExit" not in source and "Unused" not in source and "unused" not in source
    left_out = ["cell 6 of the notebook begins with %%bash", "cell 9 of the notebook is not Python"]
    assert notes == [f"{what} and was left out" for what in left_out]


def test_what_is_called_is_not_taken_as_a_value():
    source, _ = notebooks.functions_of(
        book("A = print('x')\nB = 2 ** 9 ** 9 ** 9\nC = -3\ndef f(): return A, B, C"), ["f"]
    )
    assert [line for line in source.splitlines() if " = " in line] == ["C = -3"]


def test_imports_are_taken_that_the_functions_use():
    """Neither those of a figure or a clock, nor one whose name is an argument; of two of a name the last one."""
    data = book(
        "import matplotlib.pyplot as plt, time\nimport numpy as np\nfrom google.colab import drive",
        "import os.path\nimport autograd.numpy as np\nfrom math import sqrt, tau",
        "def f(x, time):\n    from math import pi\n    return scale(x) * sqrt(time) * pi",
        "def scale(x):\n    return np.mean(x)",
        "plt.plot(f([1.0], time.time()))",
    )
    source, notes = notebooks.functions_of(data, ["f"])
    imports = [line for line in source.splitlines() if line.startswith(("import", "from"))]
    assert imports == ["import autograd.numpy as np", "from math import sqrt"] and not notes
    source, _ = notebooks.functions_of(
        book("from __future__ import annotations\ndef f(x: torch.Tensor): return x"), ["f"]
    )
    assert run(source)["f"](3) == 3


def test_imports_of_many_shapes():
    data = book(
        "import scipy.special\nimport scipy.stats",
        "try:\n    import fast as np\nexcept ImportError:\n    import numpy as np",
        "from math import *",
        "log = np.log\na, b = 1, 2\nLIMITS = (a, -b)",
        "def f(x, limits=LIMITS):\n"
        "    return scipy.special.gamma(x) + scipy.stats.norm.cdf(0) + log(1) + sqrt(4) + limits[1]",
    )
    source, notes = notebooks.functions_of(data, ["f"])
    assert run(source)["f"](3.0) == 2 + 0.5 + 0 + 2 - 2 and not notes
    assert "import scipy.special\n" in source and "import scipy.stats\n" in source, "both bind scipy"


def test_magics_are_left_out_and_the_cell_is_kept():
    data = book(
        "%%time\nimport numpy as np\ndef f(x):\n    return g(x)",
        "\n%%capture out\ndef g(x):\n    %time y = (x\n        % 3)\n    %debug\n    return y",
        "%matplotlib inline\n!pip install x\nfiles = !ls\nf?\nawait display(f)",
        "%%writefile mine.py\ndef f(x):\n    return 0",
    )
    source, notes = notebooks.functions_of(data, ["f"])
    assert run(source)["f"](5) == 2
    assert notes == [
        "cell 4 of the notebook begins with %%writefile and was left out",
        "cell 2 of the notebook: the line '%debug' was left out",
    ]


def test_a_value_that_needs_its_cell_is_said():
    data = book("import numpy as np\nEPS = np.finfo(float).eps\nN = len('abc')", "def f(x):\n    return x + EPS")
    source, notes = notebooks.functions_of(data, ["f"])
    assert "EPS =" not in source
    assert len(notes) == 1 and notes[0].startswith("EPS was left out, because cell 1 of the notebook has to be run")


def test_a_notebook_with_lone_surrogates():
    cells = ["def f(x):\n    return 'caf\\udce9'", "# \\ud800"]
    source, _ = notebooks.functions_of(book(*cells).replace(b"\\\\ud800", b"\\ud800"), ["f"])
    assert source.encode() and run(source)["f"](0) == "caf\udce9"


def test_a_notebook_that_plots_is_graded(a_class, quickly):
    """All of it was refused for a figure in another cell; what an answer itself uses is still checked."""
    plots = "import matplotlib.pyplot as plt\nimport time\nfrom google.colab import drive\nplt.plot([1])"
    head = "import autograd.numpy as np\nfrom minigen.tensor import softplus"
    a_class.write("submissions/s001/hw1.ipynb", book(head, CRITIC, plots, f"%%time\n{MINIMAX}"))
    slow = CRITIC.replace("    return", "    time.sleep(0)\n    return")
    a_class.write("submissions/s002/hw1.ipynb", book(head, plots, slow, MINIMAX))
    a_class.grade()
    rows = a_class.rows()
    assert [rows["s001", name]["status"] for name in ("critic_loss", "generator_loss_minimax")] == [S.PASS] * 2
    assert rows["s002", "critic_loss"]["status"] == S.FORBIDDEN_MODULE
    assert rows["s002", "generator_loss_minimax"]["status"] == S.PASS, "another function's import is not its own"


def in_a_notebook(source: str, monkeypatch) -> dict:
    """The names after running a text whose functions have a source, as those of a notebook's cells do."""
    names: dict = {"__name__": "__main__"}
    monkeypatch.setitem(linecache.cache, "<cell>", (len(source), None, source.splitlines(True), "<cell>"))
    exec(compile(source, "<cell>", "exec"), names)
    return names


HELPED = """
import time
import autograd.numpy as np
from os.path import join

EPS = np.finfo(float).eps
SCALE = 1.0


def mean(x):
    join("a", "b")
    return np.mean(x) * SCALE


def critic_loss(real_scores, fake_scores):
    time.sleep(0)
    return mean(fake_scores) - mean(real_scores) + 0 * EPS
"""


def test_check_warns_of_what_grade_refuses(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    critic = in_a_notebook(HELPED, monkeypatch)["critic_loss"]
    check("gan/12/critic_loss", critic, allowed_modules=["autograd", "numpy"])
    shown = capsys.readouterr().out
    warnings = [line for line in shown.splitlines() if line.startswith("warning: ")]
    assert [line.partition(",")[0] for line in warnings] == [
        "warning: critic_loss uses EPS",
        "warning: critic_loss uses time",
        "warning: mean uses join",
    ]
    check("gan/12/critic_loss", critic, allowed_modules=[])
    assert [line for line in capsys.readouterr().out.splitlines() if "warning" in line] == warnings[:1]
    check("gan/12/critic_loss", critic)
    assert "warning" not in capsys.readouterr().out, "outside of an assignment nothing is refused"
    right = in_a_notebook(f"{HEAD}{CRITIC}", monkeypatch)["critic_loss"]
    check("gan/12/critic_loss", right, allowed_modules=["autograd", "minigen"])
    assert "warning" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"cells": 3, "nbformat": 4}', b"x = 1", b"[" * 100000]
)
def test_bytes_that_are_no_notebook(data):
    try:
        source, _ = notebooks.functions_of(data, ["f"])
    except notebooks.NotebookError as error:
        assert "no Jupyter notebook" in str(error)
    else:
        assert "def f" not in source


def test_old_formats_are_read():
    v3 = nbformat.v3
    sheet = v3.new_worksheet(cells=[v3.new_code_cell(input="def f():\n    return 5")])
    data = nbformat.writes(v3.new_notebook(worksheets=[sheet]), version=3).encode()
    assert run(notebooks.functions_of(data, ["f"])[0])["f"]() == 5


def test_a_notebook_is_graded(a_class):
    critic = "def critic_loss(real_scores, fake_scores):\n    return mean(fake_scores) - mean(real_scores)"
    cells = ["import autograd.numpy as np", "def mean(x):\n    return np.mean(x)", critic, "while True: pass"]
    a_class.write("submissions/s001/hw1.ipynb", book(*cells))
    a_class.write("submissions/s002/gan_12.ipynb", b"not a notebook")
    summary = a_class.grade()
    rows = a_class.rows()
    assert rows["s001", "critic_loss"]["status"] == S.PASS and rows["s001", "critic_loss"]["points"] == "8"
    assert rows["s001", "generator_loss_minimax"]["status"] == S.MISSING_FUNCTION
    assert rows["s002", "critic_loss"]["status"] == S.SYNTAX_ERROR
    assert not summary.retries


@pytest.mark.slow
def test_the_notebook_that_students_get(a_class):
    made = notebooks.student_notebook(a_class.assignment)
    nbformat.validate(made)
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    for cell in code:
        ast.parse(cell)
    assert "import autograd.numpy as np" in code[0] and "NotImplementedError" in code[1]
    text = "\n".join(code)
    for assigned in a_class.assignment.exercises:
        assert assigned.exercise.hints[2] not in text and f'check("{assigned.id}", {assigned.exercise.name}, ' in text
    assert nbformat.writes(made) == nbformat.writes(notebooks.student_notebook(a_class.assignment))
    # what is handed in unchanged is a stub
    a_class.write("submissions/s001/hw1.ipynb", nbformat.writes(made))
    a_class.grade()
    assert a_class.rows()["s001", "critic_loss"]["status"] == S.STUB
