"""The one parser of a lesson's cells and statements."""

import pytest

from minigen.course.cells import Cell, cell_of_statement, cell_starts, cells_of, statement_starts

LESSON = """\
# %% [markdown]
# # A title
#
#     indented
#no space

# %%
import a

@decorated
def f():
    # %% of no cell
    return 1

# %%

# %%
x = 1

x
"""


def test_the_cells_of_a_lesson():
    assert cells_of(LESSON) == [
        Cell(1, True, "# A title\n\n    indented\nno space"),
        Cell(7, False, "import a\n\n@decorated\ndef f():\n    # %% of no cell\n    return 1"),
        Cell(15, False, ""),
        Cell(17, False, "x = 1\n\nx"),
    ]
    assert cell_starts(LESSON) == [1, 7, 15, 17]


def test_statements_and_their_cells():
    assert statement_starts(LESSON) == [8, 10, 18, 20]
    assert cell_of_statement(LESSON) == [1, 1, 3, 3]


@pytest.mark.parametrize(
    ("above", "starts"),
    [
        ("", [1]),
        ("\n\n", [3]),
        ("# ---\n# jupyter: {}\n# ---\n", [4]),
        ("import a\n", [1, 2]),
        ("\n  \nx = 1\n", [1, 4]),
    ],
)
def test_code_above_the_first_marker_is_a_cell_and_a_header_is_not(above, starts):
    assert cell_starts(above + "# %%\ny = 2\n") == starts
    cells = cells_of(above + "# %%\ny = 2\n")
    assert [cell.line for cell in cells] == starts and cells[-1].text == "y = 2"
    assert len(starts) == 1 or cells[0].text == above.strip("\n")


def test_a_file_without_a_marker_is_one_cell():
    assert cells_of("x = 1\ny = 2\n") == [Cell(1, False, "x = 1\ny = 2")]
    assert cell_of_statement("x = 1\ny = 2\n") == [0, 0]
    assert cells_of("") == cell_starts("") == []


def test_lines_are_counted_as_python_counts_them():
    """A form feed or a line separator in a text ends no line of code."""
    source = "# %% [markdown]\n# one\x0ctwo\u2028three\n\n# %%\nx = 1\n"
    assert cell_starts(source) == [1, 4] and statement_starts(source) == [5] and cell_of_statement(source) == [1]
