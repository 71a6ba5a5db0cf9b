"""Cells that run in a page: what a cell depends on, what a run of it replies, how it is drawn, which are offered."""

import base64
import dataclasses
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import numpy as np
import pytest

from minigen.course.book import runnable
from minigen.course.book.browser import drawing, page_cells
from minigen.course.book.chains import Chains, uses_of
from minigen.course.book.contents import Contents
from minigen.course.book.pages.lesson import lesson_page
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import all_lessons
from minigen.course.lesson import blocks, recorded
from minigen.course.lesson.run import Run

LESSON = """# %%
from minigen.course import Lesson
lesson = Lesson("gan/01_kl", title="T", post="gan", sections=[], figures=[], equations=[], sources=[])

# %%
import numpy as np
rng = lesson.rng("a")

# %%
lesson.predict("Which?", ["one", "two"])

# %%
rows = []

# %%
def scaled(x):
    return factor * x

# %%
factor = 3.0
other = rng.standard_normal(2)

# %%
rows.append(scaled(2.0))

# %%
draw = rng.standard_normal()

# %%
lesson.predict("And which?", ["three", "four"])

# %%
unused = other[0]

# %%
lesson.check("scaled", rows[0], equals=6.0)
lesson.table([[1, "a"]], ["n", "name"])
lesson.outcome("It is.", answer="three")

# %%
model = np.ones(2)

# %%
lesson.fit(step, 10, state=[model])

# %%
print(model)
"""


@pytest.fixture(scope="module")
def chains():
    return Chains(LessonSource(LESSON))


# -- chains ------------------------------------------------------------------------------------------------------------


def test_a_chain_is_what_a_cell_needs_and_no_more(chains):
    assert chains.of(10) == [0, 1, 3, 4, 5, 6, 8, 10]
    assert chains.of(9) == [0, 1, 5, 9]
    assert chains.of(3) == [3]


def test_a_generator_is_changed_by_each_draw(chains):
    assert chains.of(7) == [0, 1, 5, 7], "an earlier draw moves the generator on"


def test_an_outcome_needs_the_last_question_only(chains):
    assert 8 in chains.of(10) and 2 not in chains.of(10)


def test_a_function_is_followed_to_what_it_uses_when_it_is_called(chains):
    assert 5 in chains.of(6), "factor is bound after the function"


def test_cells_that_train(chains):
    assert [cell for cell in chains.code if chains.trains(cell)] == [12]


@pytest.mark.parametrize(
    ("code", "bound", "used", "later", "changed"),
    [
        ("a = b + 1", {"a"}, {"b"}, set(), set()),
        ("a += b", {"a"}, {"b"}, set(), {"a"}),
        ("a[i] = b", set(), {"a", "i", "b"}, set(), {"a"}),
        ("a.x, c = b, 2", {"c"}, {"a", "b"}, set(), {"a"}),
        ("a.append(b)", set(), {"a", "b"}, set(), {"a"}),
        ("c = a.pop()", {"c"}, {"a"}, set(), set()),
        ("xs = [x * k for x in data]", {"xs"}, {"k", "data"}, set(), set()),
        ("def f(x, y=z):\n    t = x + w\n    return t", {"f"}, {"z"}, {"w"}, set()),
        ("f = lambda x: x + w", {"f"}, set(), {"w"}, set()),
        ("class A(B):\n    n = k\n    def f(self):\n        return w", {"A"}, {"B"}, {"k", "w"}, set()),
        ("for i in range(n):\n    s = i", {"i", "s"}, {"range", "n", "i"}, set(), set()),
        ("import a.b as c, d.e", {"c", "d"}, set(), set(), set()),
        ("from a import b, c as e", {"b", "e"}, set(), set(), set()),
        ("lesson.check('x', a)", set(), {"lesson", "a"}, set(), set()),
    ],
)
def test_the_names_of_a_cell(code, bound, used, later, changed):
    assert uses_of(code) == dataclasses.replace(uses_of(""), bound=bound, used=used, later=later, changed=changed)


# -- runs --------------------------------------------------------------------------------------------------------------


def run(*texts, edited=False):
    cells = [{"number": 10 * k, "text": text} for k, text in enumerate(texts, 1)]
    frames = []
    request = {"lesson": "gan/01", "cells": cells, "edited": edited}
    reply = json.loads(page_cells.run(json.dumps(request), frames.append))
    assert Run.current is None
    return {**reply, "frames": [json.loads(frame) for frame in frames]}


def kinds(reply):
    return [one["kind"] for one in reply["outputs"]]


def test_a_run_shows_what_its_last_cell_shows(chains):
    reply = run(*(chains.code[cell] for cell in chains.of(10)))
    assert "error" not in reply and kinds(reply) == ["check", "table", "outcome"]
    check, table, outcome = (one["payload"] for one in reply["outputs"])
    assert check == {"name": "scaled", "value": "6", "bar": "= 6 ± 1e-06", "status": "passed"}
    assert table["rows"] == [[1, "a"]] == [[1, table["shown"][0][1]]] and table["shown"] == [["1", "a"]]
    assert outcome == {"text": "It is.", "answer": "three"}
    assert reply["frames"] == [{"cell": k, "of": 8} for k in range(1, 9)]


def test_a_failed_check_is_reported_and_the_cell_goes_on(chains):
    reply = run(chains.code[0], "lesson.check('x', 2.0, equals=1.0)\nprint('after')")
    assert kinds(reply) == ["check", "text"] and reply["outputs"][0]["payload"]["status"] == "failed"
    assert reply["outputs"][1]["payload"]["text"] == "after\n" and "error" not in reply


def test_what_a_changed_cell_gives_is_not_judged(chains):
    cells = [chains.code[0], chains.code[8], "lesson.outcome('9', answer='three')\nlesson.claim('c', 1.0, at_least=5)"]
    assert [one["payload"].get("answer") for one in run(*cells)["outputs"]] == ["three", None]
    outcome, claim = (one["payload"] for one in run(*cells, edited=True)["outputs"])
    assert outcome == {"text": "Not judged: the lesson is changed. It gave: 9", "answer": None}
    assert claim["status"] == "not judged" and run(*cells)["outputs"][1]["payload"]["status"] == "failed"


def test_the_value_of_the_last_line_is_shown_and_only_there():
    reply = run("1 + 1", "a = 3\na")
    assert reply["outputs"] == [{"kind": "text", "payload": {"text": "3\n"}}]


@pytest.mark.parametrize(
    ("last", "message", "line", "cell"),
    [
        ("x = 1\nx.nothing", "has no attribute 'nothing'", 2, 20),
        ("def f():\n    return 1 / 0\n\nf()", "ZeroDivisionError", 2, 20),
        ("x = (", "never closed", 1, 20),
        ("import sys\nsys.exit()", "ended the program", 2, 20),
        ("early()", "division by zero", 2, 10),
    ],
)
def test_an_error_names_its_line_and_cell(last, message, line, cell):
    reply = run("def early():\n    1 / 0", last)
    assert message in reply["error"] and (reply["line"], reply["cell"]) == (line, cell) and reply["outputs"] == []


def text_and_rest(reply):
    """What was printed, and the last line, which says how much was left out."""
    return (
        "".join(one["payload"]["text"] for one in reply["outputs"] if one["kind"] == kind) for kind in ("text", "more")
    )


def test_what_is_printed_has_a_limit_and_the_rest_is_counted():
    text, rest = text_and_rest(run("for i in range(200_000):\n    print(i)"))
    assert text.splitlines() == [str(i) for i in range(2_000)] and rest == "... 198,000 more lines"
    text, rest = text_and_rest(run("print('x' * 30_000_000)\nprint('end')"))
    assert text == "x" * 100_000 and rest == "... 2 more lines"
    text, rest = text_and_rest(run("print('x' * 130_000, end='')\nprint('later', end='')"))
    assert text == "x" * 100_000 and rest == "... 30,005 more characters"
    text, rest = text_and_rest(run("for i in range(2_000):\n    print(i)"))
    assert text.count("\n") == 2_000 and rest == ""
    text, rest = text_and_rest(run("'y' * 99_997"))
    assert text == repr("y" * 99_997) + "\n" and rest == ""


def test_a_cell_begins_with_its_own_limit():
    text, rest = text_and_rest(run("for i in range(3_000):\n    print(i)", "print('second')"))
    assert text == "second\n" and rest == ""


def test_tables_outputs_and_errors_have_limits_too():
    lesson = LESSON.split("# %%")[1]
    reply = run(lesson, "lesson.table([[i, i] for i in range(5_000)], ['a', 'b'])")
    shown = reply["outputs"][0]["payload"]["shown"]
    assert len(shown) == 2_001 and shown[-1] == ["... 3,000 more rows"] and shown[-2] == ["1999", "1999"]
    reply = run(lesson, "for i in range(2_500):\n    lesson.check(f'c{i}', i, equals=i)")
    assert kinds(reply) == ["check"] * 2_000 + ["more"]
    assert reply["outputs"][-1]["payload"]["text"] == "... 500 more outputs"
    assert len(run("raise ValueError('z' * 10_000_000)")["error"]) == 2_000


def test_the_drawing_of_a_figure_is_sent():
    ours = drawing.Figure((2.0, 1.0))
    ours.subplots(1, 1, False, False, {}).plot([0, 1], [0, 1])
    outputs = page_cells.Outputs()
    outputs(blocks.Figure(Path("out/f01.png"), "caption", ours.axes[0]))
    payload = outputs.shown[0]["payload"]
    assert payload["file"] == "f01.png" and payload["caption"] == "caption" and payload["svg"].startswith("<svg")


# -- drawing -----------------------------------------------------------------------------------------------------------


def axes(**settings):
    figure = drawing.Figure((4.0, 3.0))
    ax = figure.subplots(1, 1, False, False, {})
    ax.set(**settings)
    return figure, ax


def elements(figure, tag):
    return [one for one in ET.fromstring(figure.svg()).iter() if one.tag.endswith(f"}}{tag}")]


def test_a_line_lies_where_its_values_are():
    figure, ax = axes(xlim=(0, 10), ylim=(0, 1))
    ax.plot([0, 5, 10], [0, 1, np.nan], color="#123456")
    line = next(one for one in elements(figure, "path") if one.get("stroke") == "#123456")
    (x0, y0), (x1, y1) = re.findall(r"[ML]([\d.]+) ([\d.]+)", line.get("d"))
    frame = next(one for one in elements(figure, "rect"))
    left, top, width, height = (float(frame.get(name)) for name in ("x", "y", "width", "height"))
    assert float(x0) == pytest.approx(left, abs=0.1) and float(y0) == pytest.approx(top + height, abs=0.1)
    assert float(x1) == pytest.approx(left + width / 2, abs=0.1) and float(y1) == pytest.approx(top, abs=0.1)


def test_values_on_a_logarithmic_axis():
    figure, ax = axes(yscale="log")
    ax.plot([0, 1, 2], [0.01, 1, 100], color="#123456")
    line = next(one for one in elements(figure, "path") if one.get("stroke") == "#123456")
    heights = [float(y) for _, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", line.get("d"))]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2) and heights[0] > heights[2]
    assert {"0.01", "1", "100"} <= {one.text for one in elements(figure, "text")}


def test_an_image_is_not_upside_down():
    figure, ax = axes()
    values = np.array([[0.0, 1.0], [0.5, 0.5]])
    ax.imshow(values, cmap="gray", vmin=0, vmax=1, origin="lower", extent=(0, 1, 0, 1))
    data = base64.b64decode(elements(figure, "image")[0].get("href").partition(",")[2])
    rows = zlib.decompress(data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8])
    assert list(rows) == [0, 128, 128, 128, 128, 128, 128, 0, 0, 0, 0, 255, 255, 255], "the first row is on top"


def test_texts_are_escaped_and_names_are_in_the_legend():
    figure, ax = axes(title="<script>alert(1)</script> & $\\sigma^2$")
    ax.plot([0, 1], [0, 1], label="a < b")
    ax.legend()
    assert "<script" not in figure.svg()
    texts = [one.text for one in elements(figure, "text")]
    assert "<script>alert(1)</script> & σ²" in texts and "a < b" in texts


def legend_box(figure):
    """The white box of the legend: left, top, right and bottom."""
    found = next(one for one in elements(figure, "rect") if one.get("fill-opacity") == "0.85")
    x, y, width, height = (float(found.get(name)) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


@pytest.mark.parametrize("ends", [(0, 1), (1, 0), (1, 1), (0, 0)])
@pytest.mark.parametrize("extra", [False, True])
def test_the_legend_covers_no_curve(ends, extra):
    """Nor the straight part of one between two far points; lines over the whole width change nothing."""
    figure, ax = axes(xlim=(0, 1), ylim=(0, 1))
    ax.plot([0, 1], list(ends), color="#123456", label="a curve")
    if extra:
        ax.axhline(0.5)
    ax.legend()
    line = next(one for one in elements(figure, "path") if one.get("stroke") == "#123456" and "L" in one.get("d"))
    (x0, y0), (x1, y1) = ((float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", line.get("d")))
    left, top, right, bottom = legend_box(figure)
    along = np.linspace(0, 1, 500)
    x, y = x0 + along * (x1 - x0), y0 + along * (y1 - y0)
    assert not np.any((left < x) & (x < right) & (top < y) & (y < bottom))


@pytest.mark.parametrize(
    ("low", "high", "names"),
    [
        (1e-3, 2.0, {"0.001", "0.01", "0.1", "1"}),
        (2e-7, 30.0, {"10⁻⁶", "10⁻⁴", "10⁻²", "1"} | {"10⁰"}),
        (0.3, 4.0, {"0.5", "1", "2"}),
        (3e-6, 5e-5, {"5·10⁻⁶", "10⁻⁵", "2·10⁻⁵"}),
    ],
)
def test_ticks_of_a_logarithmic_axis_are_several_and_in_one_notation(low, high, names):
    figure, ax = axes(yscale="log", ylim=(low, high), xticks=[])
    ax.plot([0, 1], [low, high])
    found = [one.text for one in elements(figure, "text")]
    assert 3 <= len(found) <= 7 and len(set(found) & names) >= 3
    assert len({name[:2] == "10" or "·" in name for name in found if name != "1"}) == 1


def test_an_import_of_matplotlib_says_what_a_page_draws_with():
    code = """
import sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name == "matplotlib":
            raise ImportError(name)
sys.meta_path.insert(0, NotInstalled())
from minigen.course.book.browser import drawing
drawing.install()
from minigen import plot
assert plot.line([0, 1], [0, 1]).figure.svg().startswith("<svg")
import matplotlib.pyplot as plt
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    told = "ModuleNotFoundError: matplotlib.pyplot is not in the page, which draws with minigen.plot"
    assert done.stderr.splitlines()[-1].startswith(told), done.stderr


def test_axes_that_share_limits_have_the_same():
    figure = drawing.Figure((4.0, 3.0))
    left, right = figure.subplots(1, 2, False, True, {})
    left.plot([0, 1], [0, 1])
    right.plot([0, 1], [5, 9])
    assert left.get_ylim() == right.get_ylim() and left.get_ylim()[1] > 9
    right.plot([5], [6])
    assert left.get_xlim() != right.get_xlim()


@pytest.mark.parametrize("name", ["contour", "streamplot", "plot_surface", "add_patch"])
def test_what_a_page_cannot_draw_is_an_error(name):
    with pytest.raises(NotImplementedError, match=name):
        getattr(axes()[1], name)


def test_matplotlib_is_not_replaced_where_it_is_installed():
    import matplotlib

    drawing.install()
    assert hasattr(matplotlib, "rcParams")


# -- which cells are offered -------------------------------------------------------------------------------------------


@pytest.fixture
def gan_01():
    return next(lesson for lesson in all_lessons() if lesson.id.startswith("gan/01"))


def test_a_chain_that_has_changed_is_not_offered(gan_01, monkeypatch):
    chains = Chains(gan_01.source)
    cell = next(cell for cell, code in chains.code.items() if runnable.shows(code))
    code = [chains.code[each] for each in chains.of(cell)]
    monkeypatch.setattr(runnable, "measured", lambda: {"gan/01": {runnable.digest(code): 0.1}})
    cells = runnable.cells_of_lesson(gan_01)
    assert cells.chains[cell] == chains.of(cell) and set(cells.chains) <= set(chains.of(cell))
    assert not any("import" in cells.code[each] for each in cells.chains)
    edited = [*code[:-1], code[-1] + "\n1"]
    monkeypatch.setattr(runnable, "measured", lambda: {"gan/01": {runnable.digest(edited): 0.1}})
    assert not runnable.cells_of_lesson(gan_01).chains


@pytest.mark.parametrize(
    ("edited", "same"),
    [
        ('lesson = Lesson("gan/01", minutes=3)', True),
        ('lesson = Lesson("gan/02", minutes=2)', False),
        ('lesson = Lesson("gan/01", minutes=2)  # the first', True),
        ('lesson = Lesson("gan/01", minutes=2)\nlesson.claim("loss", 3, at_most=4)', False),
    ],
)
def test_text_is_no_change(edited, same):
    code = ["import numpy as np", 'lesson = Lesson("gan/01", minutes=2)']
    assert (runnable.digest(code) == runnable.digest([code[0], edited])) == same


@pytest.mark.slow
def test_cells_are_offered_in_nearly_all_lessons():
    cells = [runnable.cells_of_lesson(lesson) for lesson in all_lessons()]
    counts = [sum(runnable.shows(each.code[cell]) for cell in each.chains) for each in cells]
    assert sum(counts) >= 460 and sum(map(bool, counts)) >= 58, "run tests/book/measure_cells.py"


def test_a_page_has_its_cells_their_code_and_their_recorded_outputs(gan_01, monkeypatch):
    chains = Chains(gan_01.source)
    cell = next(cell for cell, code in chains.code.items() if "lesson.check(" in code)
    code = [chains.code[each] for each in chains.of(cell)]
    monkeypatch.setattr(runnable, "measured", lambda: {"gan/01": {runnable.digest(code): 0.1}})
    result = recorded.read(gan_01).result
    page = page_of(gan_01, result)
    assert f'<div class="mg-cell" data-cell="{cell}">' in page
    assert f'<div class="mg-recorded" data-cell="{cell}">' in page
    data = json.loads(re.search(r'class="mg-cells">(.*?)</script>', page)[1])
    assert data["lesson"] == "gan/01" and data["chains"][str(cell)] == chains.of(cell)
    assert {int(number): text for number, text in data["code"].items()} == dict(zip(chains.of(cell), code))


def test_an_invitation_says_where_the_change_can_be_made(gan_01, monkeypatch):
    monkeypatch.setattr(runnable, "measured", dict)
    assert "press Edit" not in page_of(gan_01, None)
    chains = Chains(gan_01.source)
    cell = next(cell for cell, code in chains.code.items() if "q = np.array([1 / 4, 3 / 4])" in code)
    fit = {runnable.digest([chains.code[each] for each in chains.of(cell)]): 0.1}
    monkeypatch.setattr(runnable, "measured", lambda: {"gan/01": fit})
    assert "press Edit below the cell" in page_of(gan_01, None)


def page_of(lesson, result):
    contents = Contents([lesson], [result])
    return lesson_page(contents.chapters[0], contents, lambda chapter, file: (file, (100, 100)), lambda file: None)


def test_a_cell_that_trains_says_how_long_and_names_the_notebook(monkeypatch):
    lesson = next(lesson for lesson in all_lessons() if lesson.id.startswith("gan/02"))
    result = recorded.read(lesson).result
    page = page_of(lesson, result)
    notes = r'mg-trains">This cell trains, for ([^,]+) in the recorded run, .*?minigen notebook gan/02'
    found = re.findall(notes, page)
    assert found and all(re.fullmatch(r"\d+ (s|minutes)", took) for took in found)
    assert 'mg-trains">This cell trains, too long' in page_of(lesson, None)
