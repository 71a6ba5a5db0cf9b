"""Cells that run in the pages of three lessons, in Chromium: run, changed, ended, reset."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from minigen.course.book import runnable
from minigen.course.index.lessons import all_lessons, short_id

pytestmark = pytest.mark.book
LONG = 600_000  # ms: Python is loaded, on a machine that may have much else to do
LESSONS = ("gan/01", "flow/02", "diffusion/02")


@pytest.fixture(scope="module")
def address(root, tmp_path_factory):
    """The address of a book of the three lessons, with Python beside its pages."""
    if not os.environ.get("MINIGEN_PYODIDE"):
        pytest.skip("MINIGEN_PYODIDE does not name the folder of a Pyodide distribution")
    pytest.importorskip("furo", reason="needs the extra 'book'")
    spec = importlib.util.spec_from_file_location("small_page", root / "tests" / "book" / "small_page.py")
    small_page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(small_page)
    folder = tmp_path_factory.mktemp("cells")
    command = [sys.executable, "-m", "minigen", "book", *LESSONS, "--out", "site", "--python"]
    done = subprocess.run([*command, os.environ["MINIGEN_PYODIDE"]], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    server = small_page.serve(folder / "site")
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


def opened(context, address, short):
    """The page of a lesson, all folded parts open; what it said as an error is on `page.said`."""
    lesson = lesson_of(short)
    page = context.new_page()
    page.said = []
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(f"{address}/lessons/{lesson.id}.html")
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    return page


def lesson_of(short):
    return next(lesson for lesson in all_lessons() if short_id(lesson.path.parent) == short)


class Cell:
    def __init__(self, page, number):
        self.page, self.element = page, page.locator(f'.mg-cell[data-cell="{number}"]')
        self.recorded = page.locator(f'.mg-recorded[data-cell="{number}"]')
        self.shown, self.status = self.element.locator(".mg-shown"), self.element.locator(".mg-status")
        self.area = self.element.locator("textarea")

    def press(self, name):
        self.element.get_by_role("button", name=name, exact=True).click()

    def run(self):
        """Run the cell, and return what it shows, in words."""
        self.press("Run")
        self.element.get_by_role("button", name="Stop").wait_for(state="hidden", timeout=LONG)
        return self.shown.inner_text()


@pytest.mark.parametrize("short", LESSONS)
def test_every_cell_of_a_page_runs(context, address, short):
    page, cells = opened(context, address, short), runnable.cells_of_lesson(lesson_of(short))
    assert page.locator(".mg-cell").count() >= 5
    numbers = [int(box.get_attribute("data-cell")) for box in page.locator(".mg-cell").all()]
    for number in numbers:
        cell, code = Cell(page, number), cells.code[number]
        words = cell.run()
        assert re.match(r"Ran in [\d.]+ s\.", cell.status.inner_text()), cell.status.inner_text()
        assert cell.shown.locator(".mg-bad, .mg-failed").count() == 0, words
        assert cell.shown.locator("svg").count() == len(re.findall(r"lesson\.figure\(", code))
        assert cell.shown.locator("table").count() >= ("lesson.table(" in code)
        assert cell.shown.locator(".mg-checks li").count() >= len(re.findall(r"^lesson\.check\(", code, re.M))
        assert all(part.is_hidden() for part in cell.recorded.all())
    assert page.said == []
    page.close()


def cell_with(short, text):
    cells = runnable.cells_of_lesson(lesson_of(short))
    return next(cell for cell in cells.chains if text in cells.code[cell])


@pytest.fixture(scope="module")
def page(context, address):
    page = opened(context, address, "gan/01")
    yield page
    assert page.said == []


def test_an_invitation_is_carried_out_and_taken_back(page):
    cell = Cell(page, cell_with("gan/01", "q = np.array([1 / 4, 3 / 4])"))
    assert "press Edit below the cell" in page.locator(".mg-change").first.inner_text()
    cell.press("Edit")
    cell.area.fill(cell.area.input_value().replace("[1 / 4, 3 / 4]", "[1 / 1000, 999 / 1000]"))
    words = cell.run()
    assert "2.761" in words and "0.6852" in words and "Not judged: the lesson is changed." in words
    later = Cell(page, cell_with("gan/01", "asymmetry ="))
    later.run()
    assert "With your version of a cell above." in later.status.inner_text()
    cell.press("Reset")
    assert cell.shown.inner_text() == "" and cell.area.count() == 0 and cell.recorded.first.is_visible()
    assert "0.1438" in cell.run() and "2.761" not in cell.shown.inner_text()
    later.run()
    assert "your version" not in later.status.inner_text()


def test_an_endless_loop_is_ended_and_an_error_is_told(page):
    cell = Cell(page, cell_with("gan/01", "q = np.array([1 / 4, 3 / 4])"))
    cell.press("Edit")
    usual = cell.area.input_value()
    cell.area.fill("while True:\n    pass")
    cell.press("Run")
    cell.status.get_by_text("Running").wait_for(timeout=LONG)
    cell.press("Stop")
    assert "Stopped." in cell.shown.inner_text()
    assert "had not come back after 60 s: an endless loop?" in cell.run()
    assert cell.recorded.first.is_visible()
    cell.area.fill(f"{usual}\np.nothing")
    assert "has no attribute 'nothing'" in cell.run() and "(line " in cell.shown.inner_text()
    cell.press("Reset")


def test_a_cell_is_not_offered_without_scripts_or_python(address, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/lessons/{lesson_of('gan/01').id}.html")
    assert page.locator(".mg-cell .mg-bar").count() == 0 < page.locator(".mg-recorded").count()
    assert page.locator(".mg-recorded[hidden]").count() == 0
    context.close()
