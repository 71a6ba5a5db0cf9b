"""The one parser of a lesson's file: cells, statements, and calls of `lesson`."""

import re
from pathlib import Path

import pytest

import minigen.course
from minigen.course.index.lesson_source import COMPUTED, Cell, LessonSource

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
CALLS = """\
# %%
lesson = Lesson("gan/01", title="lesson.none()")

# %%
def show(fig):
    lesson.figure(fig, name="data", caption=f"{x}")

# %%
for name in names:
    if name:
        lesson.check(name, 1, equals=-1)
    show(lesson.rng("a"))
other.figure(fig, "no"), lesson.out, lesson.folder.figure(fig, "no")
lesson.predict("Two?",
               choices=["a", "b"])
x = lesson.size(10)
"""


def starts_of(source):
    return [cell.line for cell in LessonSource(source).cells]


def test_the_cells_of_a_lesson():
    assert LessonSource(LESSON).cells == [
        Cell(1, True, "# A title\n\n    indented\nno space"),
        Cell(7, False, "import a\n\n@decorated\ndef f():\n    # %% of no cell\n    return 1"),
        Cell(15, False, ""),
        Cell(17, False, "x = 1\n\nx"),
    ]


def test_statements_and_their_cells():
    source = LessonSource(LESSON)
    assert [(statement.line, statement.cell) for statement in source.statements] == [(8, 1), (10, 1), (18, 3), (20, 3)]
    assert [statement.is_definition for statement in source.statements] == [False, True, False, False]
    assert [source.place(line) for line in (1, 8, 13, 16, 18, 19, 20)] == [
        *[(0, 0), (1, 0), (1, 1), (2, 1)],
        *[(3, 2), (3, 2), (3, 3)],
    ]


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
    cells = LessonSource(above + "# %%\ny = 2\n").cells
    assert [cell.line for cell in cells] == starts and cells[-1].text == "y = 2"
    assert len(starts) == 1 or cells[0].text == above.strip("\n")


def test_a_file_without_a_marker_is_one_cell():
    source = LessonSource("x = 1\ny = 2\n")
    assert source.cells == [Cell(1, False, "x = 1\ny = 2")]
    assert [statement.cell for statement in source.statements] == [0, 0]
    assert LessonSource("").cells == LessonSource("").statements == []


def test_lines_are_counted_as_python_counts_them():
    """A form feed or a line separator in a text ends no line of code."""
    source = LessonSource("# %% [markdown]\n# one\x0ctwo\u2028three\n\n# %%\nx = 1\n")
    assert starts_of(source.text) == [1, 4] and [(one.line, one.cell) for one in source.statements] == [(5, 1)]


def test_the_parts_of_a_text():
    text = "\nabove\n# One\n\n```\n# code\n```\n\n## Two ##\n### Three\n  \n    deep\nend\n\n"
    assert list(Cell(1, True, text).parts) == [
        (0, "above"),
        (1, "One"),
        (0, "```\n# code\n```"),
        (2, "Two"),
        (3, "Three"),
        (0, "    deep\nend"),
    ]


def test_calls_of_lesson_anywhere_in_the_file():
    source = LessonSource(CALLS)
    found = [(call.method, call.statement, call.cell, call.alone) for call in source.calls]
    assert found == [
        ("figure", 1, 1, False),
        ("check", 2, 2, False),
        ("rng", 2, 2, False),
        ("predict", 4, 2, True),
        ("size", 5, 2, False),
    ]
    assert [call.method for call in source.calls_of("rng", "figure")] == ["figure", "rng"]
    assert [statement.method for statement in source.statements] == ["", "", "", "", "predict", ""]


def test_the_arguments_of_a_call():
    figure, check, _, predict, _ = LessonSource(CALLS).calls
    assert figure.literal("name", 1) == "data" and figure.literal("caption", 2) is COMPUTED
    assert figure.literal("no") is COMPUTED and figure.argument("no", 5) is None
    assert check.literal("name", 0) is COMPUTED and check.literal("equals") == -1 and check.literal("value", 1) == 1
    assert (predict.literal("question", 0), predict.literal("choices", 1)) == ("Two?", ["a", "b"])
    assert [predict.is_on(line) for line in (13, 14, 15, 16)] == [False, True, True, False]


def test_the_declaration_is_found_without_the_rest_of_the_file():
    source = LessonSource(CALLS + "\n# %%\nthis is no Python\n")
    assert source.declaration is not None and source.declaration.keywords[0].arg == "title"
    assert LessonSource("x = 1").declaration is None
    with pytest.raises(SyntaxError):
        source.calls  # noqa: B018


def test_no_other_file_decides_what_a_call_of_lesson_is():
    """No other pattern is one of `lesson.`, and no other code compares a variable's name with "lesson"."""
    folder = Path(minigen.course.__file__).parent
    deciding = re.compile(r"""\blesson\\\.|[=!]= *\(?["']lesson["']|["']lesson\.\w+\(?["'] *(in|==|:)""")
    found = [path.name for path in folder.rglob("*.py") if deciding.search(path.read_text(encoding="utf-8"))]
    assert found == ["lesson_source.py"]
