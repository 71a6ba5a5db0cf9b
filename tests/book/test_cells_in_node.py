"""All cells that can be run in a page, in the browser's Python, in Node: each gives what is recorded.

About 580 runs, which take five minutes of computing. `MINIGEN_CELLS="gan/12 vae"` takes only the lessons that begin so.
"""

import importlib.util
import os
import shutil

import pytest

from minigen.course.book import runnable
from minigen.course.index.lessons import all_lessons, short_id

pytestmark = pytest.mark.book


@pytest.fixture(scope="module")
def measuring(root):
    spec = importlib.util.spec_from_file_location("measure_cells", root / "tests" / "book" / "measure_cells.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def offered(lesson):
    """The cells of a lesson that can be run in its page and show something, with their chains."""
    cells = runnable.cells_of_lesson(lesson)
    return cells, [cell for cell in cells.chains if runnable.shows(cells.code[cell])]


def chosen():
    wanted = os.environ.get("MINIGEN_CELLS", "").split()
    named = [(lesson, short_id(lesson.path.parent)) for lesson in all_lessons()]
    return [lesson for lesson, short in named if not wanted or any(short.startswith(start) for start in wanted)]


def test_every_cell_gives_what_is_recorded(measuring, tmp_path):
    if not os.environ.get("MINIGEN_PYODIDE"):
        pytest.skip("MINIGEN_PYODIDE does not name the folder of a Pyodide distribution")
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    runs, requests = [], []
    for lesson in chosen():
        cells, found = offered(lesson)
        for cell in found:
            runs.append((lesson, cell))
            requests.append(measuring.request(short_id(lesson.path.parent), cells.chains[cell], cells.code))
    wrong, wanted = [], {lesson: measuring.expected(lesson) for lesson, _ in runs}
    results = measuring.in_node(requests, tmp_path, limit=600)
    for (lesson, cell), asked, result in zip(runs, requests, results, strict=True):
        assert not result.get("skipped")
        why = result.get("crashed") or result.get("error")
        why = why or measuring.difference(result["outputs"], wanted[lesson](cell, asked))
        if not why and any(one["payload"]["status"] != "passed" for one in result["outputs"] if one["kind"] == "check"):
            why = "a check fails"
        if not why and not all(one["payload"]["svg"] for one in result["outputs"] if one["kind"] == "figure"):
            why = "a figure is not drawn"
        if why:
            wrong.append((lesson.id, cell, why))
    assert not wrong, (len(wrong), wrong[:5])
