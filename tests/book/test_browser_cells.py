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
LESSONS = ("gan/01", "flow/02", "diffusion/03")


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
        self.area = self.element.get_by_role("textbox")

    def press(self, name):
        self.element.get_by_role("button", name=name, exact=True).click()

    @property
    def text(self):
        """What stands in the editor: CodeMirror's lines, or the text area before it is there."""
        found = self.element.locator(".cm-line")
        lines = "all => all.map(e => e.textContent).join('\\n')"
        return found.evaluate_all(lines) if found.count() else self.element.locator("textarea").input_value()

    def write(self, text):
        """Write a text in the place of what stands in the editor."""
        self.area.focus()
        self.element.locator(".cm-content").fill(text)

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
    cell.write(cell.text.replace("[1 / 4, 3 / 4]", "[1 / 1000, 999 / 1000]"))
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
    usual = cell.text
    cell.write("while True:\n    pass")
    cell.press("Run")
    cell.status.get_by_text("Running").wait_for(timeout=LONG)
    cell.press("Stop")
    assert "Stopped." in cell.shown.inner_text()
    assert "had not come back after 60 s: an endless loop?" in cell.run()
    assert cell.recorded.first.is_visible()
    cell.write(f"{usual}\np.nothing")
    assert "has no attribute 'nothing'" in cell.run() and "(line " in cell.shown.inner_text()
    cell.press("Reset")


def test_a_page_with_much_output_stays_small(page):
    cell = Cell(page, cell_with("gan/01", "q = np.array([1 / 4, 3 / 4])"))
    height = "document.documentElement.scrollHeight"
    cell.press("Edit")
    before = page.evaluate(height)
    cell.write("for i in range(200_000):\n    print(i)")
    words = cell.run()
    assert words.endswith("\n... 198,000 more lines") and "\n1999\n" in words and "2000" not in words
    assert page.evaluate(height) < before + 700
    box = cell.shown.locator("pre")
    assert box.evaluate("e => e.scrollHeight > 10 * e.clientHeight && e.tabIndex === 0")
    cell.write("print('x' * 30_000_000)")
    assert "more " in cell.run() and len(cell.shown.text_content()) < 110_000 and page.evaluate(height) < before + 700
    cell.press("Reset")


def test_a_changed_cell_survives_a_reload_and_is_the_same_in_two_tabs(context, address):
    number = cell_with("gan/01", "q = np.array([1 / 4, 3 / 4])")
    one, two = opened(context, address, "gan/01"), opened(context, address, "gan/01")
    first, second = Cell(one, number), Cell(two, number)
    first.press("Edit")
    mine = first.text.replace("[1 / 4, 3 / 4]", "[1 / 1000, 999 / 1000]")
    first.write(mine)
    assert second.text == mine
    said = second.status.inner_text()
    assert "changed in another tab" in said and "The results are those of the lesson's own code" in said
    two.reload()
    two.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert second.text == mine and "kept from before" in second.status.inner_text()
    assert second.recorded.first.is_visible()
    assert "2.761" in second.run() and second.recorded.first.is_hidden()
    second.press("Reset")
    one.wait_for_function("!document.querySelector('.mg-cell .mg-editor')")
    one.reload()
    assert (
        one.locator(".mg-cell .mg-editor").count() == 0 and one.evaluate("localStorage['minigen:cells:gan/01']") is None
    )
    one.evaluate(
        f"localStorage['minigen:cells:gan/01'] = JSON.stringify([[{number}, 'code of another version', 'mine']])"
    )
    one.reload()
    assert one.locator(".mg-cell .mg-editor").count() == 0, "it is not put in the place of another cell"
    one.evaluate("localStorage.clear()")
    assert one.said == two.said == []


def test_a_cell_is_not_offered_without_scripts_or_python(address, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/lessons/{lesson_of('gan/01').id}.html")
    assert page.locator(".mg-cell .mg-bar").count() == 0 < page.locator(".mg-recorded").count()
    assert page.locator(".mg-recorded[hidden]").count() == 0
    context.close()
