"""Functions taken from notebooks, and the notebook that students get."""

import ast

import pytest

from minigen.course.classroom import notebook
from minigen.course.exercise.grading import status as S

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
    source, notes = notebook.functions_of(data, ["f", "missing"])
    assert run(source)["f"](16.0) == 4.0  # 4 / 2 + 2
    assert "nowhere" not in source and "SystemExit" not in source and "Unused" not in source and "unused" not in source
    assert notes == ["cell 9 of the notebook is not Python and was left out"]


def test_what_is_called_is_not_taken_as_a_value():
    source, _ = notebook.functions_of(
        book("A = print('x')\nB = 2 ** 9 ** 9 ** 9\nC = -3\ndef f(): return A, B, C"), ["f"]
    )
    assert [line for line in source.splitlines() if " = " in line] == ["C = -3"]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"cells": 3, "nbformat": 4}', b"x = 1", b"[" * 100000]
)
def test_bytes_that_are_no_notebook(data):
    try:
        source, _ = notebook.functions_of(data, ["f"])
    except notebook.NotebookError as error:
        assert "no Jupyter notebook" in str(error)
    else:
        assert "def f" not in source


def test_old_formats_are_read():
    v3 = nbformat.v3
    sheet = v3.new_worksheet(cells=[v3.new_code_cell(input="def f():\n    return 5")])
    data = nbformat.writes(v3.new_notebook(worksheets=[sheet]), version=3).encode()
    assert run(notebook.functions_of(data, ["f"])[0])["f"]() == 5


def test_a_notebook_is_graded(a_class):
    critic = "def critic_loss(real_scores, fake_scores):\n    return mean(fake_scores) - mean(real_scores)"
    cells = ["import autograd.numpy as np", "def mean(x):\n    return np.mean(x)", critic, "while True: pass"]
    a_class.write("submissions/s001/hw1.ipynb", book(*cells))
    a_class.write("submissions/s002/gan_12.ipynb", b"not a notebook")
    summary = a_class.grade()
    rows = a_class.rows()
    assert rows["s001", "critic_loss"]["status"] == S.PASS and rows["s001", "critic_loss"]["points"] == "8"
    assert rows["s001", "generator_loss_minimax"]["status"] == S.MISSING_FILE
    assert rows["s002", "critic_loss"]["status"] == S.SYNTAX_ERROR
    assert not summary.retries


@pytest.mark.slow
def test_the_notebook_that_students_get(a_class):
    made = notebook.student_notebook(a_class.assignment)
    nbformat.validate(made)
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    for cell in code:
        ast.parse(cell)
    assert "import autograd.numpy as np" in code[0] and "NotImplementedError" in code[1]
    text = "\n".join(code)
    for assigned in a_class.assignment.exercises:
        assert assigned.exercise.hints[2] not in text and f'check("{assigned.id}", {assigned.exercise.name})' in text
    assert nbformat.writes(made) == nbformat.writes(notebook.student_notebook(a_class.assignment))
    # what is handed in unchanged is a stub
    a_class.write("submissions/s001/hw1.ipynb", nbformat.writes(made))
    a_class.grade()
    assert a_class.rows()["s001", "critic_loss"]["status"] == S.STUB
