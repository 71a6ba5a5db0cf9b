"""The cells of four lessons, run as those of a notebook: twice, in random order, and backwards."""

import ast
import linecache
import random
import sys
import traceback
import types
from pathlib import Path

import pytest

from minigen import plot
from minigen.course import Lesson
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import lessons_root
from minigen.course.index.names import find_lesson
from minigen.course.lesson.places import Places
from minigen.course.lesson.predict import Prediction

COURSE = str(Path(plot.__file__).parents[1] / "course")


class Notebook:
    """Runs cells in one namespace, as a kernel does; errors: of those that failed, (cell, error)."""

    def __init__(self, shell):
        self.shell, self.errors = shell, []
        self.names = {"__name__": "__main__"}

    def run(self, cell):
        self.shell.user_ns["In"].append(cell)
        file, text = f"<cell {len(self.shell.user_ns['In'])}>", f"{cell}\n"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        try:
            exec(compile(text, file, "exec"), self.names)
        except Exception as error:
            self.errors.append((cell, error))
            return False
        return True

    @property
    def summary(self):
        return self.names["lesson"].summary


@pytest.fixture
def notebook(monkeypatch, tmp_path):
    """A process that looks like the kernel of a notebook, in an empty folder, quick, its figures made and not drawn."""
    shell = types.SimpleNamespace(kernel=object(), user_ns={"In": []})
    ipython = types.ModuleType("IPython")
    ipython.version_info = (9, 0, 0)  # matplotlib asks
    ipython.get_ipython = lambda: shell
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = ipython.display.Markdown = lambda thing: thing
    ipython.display.Image = lambda data, **_: data
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    monkeypatch.setenv("MINIGEN_QUICK", "1")
    monkeypatch.setenv("MINIGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(plot, "save", lambda figure, path: path.write_bytes(b""))
    monkeypatch.setattr(plot, "animate", lambda frames, path, **_: path.write_bytes(b""))
    monkeypatch.setattr(plot, "show", lambda figure: None)
    monkeypatch.chdir(tmp_path)
    return Notebook(shell)


def code_cells(lesson_id):
    return [cell.text for cell in find_lesson(lesson_id).source.cells if not cell.is_text]


def place_of(text, cells):
    (place,) = [place for place, cell in enumerate(cells) if text in cell]
    return place


def question_above(cells, place):
    asked = [cell for cell in cells[:place] if cell.startswith("lesson.predict(")]
    return ast.parse(asked[-1]).body[0].value.args[0].value


@pytest.mark.slow
@pytest.mark.parametrize("lesson", ["gan/01", "vae/06", "flow/03", "diffusion/01"])
@pytest.mark.parametrize("order", ["random, twice", "backwards"])
def test_cells_in_any_order(lesson, order, notebook):
    """A name may be missing, or hold what another cell has left in it; the course itself raises nothing."""
    cells = code_cells(lesson)
    is_import = [all(isinstance(part, ast.Import | ast.ImportFrom) for part in ast.parse(cell).body) for cell in cells]
    first = [place for place in range(len(cells)) if is_import[place] or place == 0]
    rest = [place for place in range(len(cells)) if place not in first]
    shuffle = random.Random(7).sample
    twice = shuffle(rest, len(rest)) + shuffle(rest, len(rest))
    answered = 0
    for place in first + (rest + rest[::-1] if order == "backwards" else twice):
        before = dict(notebook.summary.outcomes) if place else {}
        done = notebook.run(cells[place])
        if done and "lesson.outcome(" in cells[place]:
            new = [question for question, one in notebook.summary.outcomes.items() if one is not before.get(question)]
            assert new == [question_above(cells, place)]
            answered += 1
    for cell, error in notebook.errors:
        if str(error).startswith("every row of a table must have"):
            continue  # `rows` of another cell
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, NameError) and not files[-1].startswith(COURSE):
            continue  # missing in a function of the lesson that the course calls, as a batch in a training
        assert not any(file.startswith(COURSE) for file in files), (cell, error)
    assert answered


def test_two_cells_of_a_notebook_again(notebook):
    """Read to section 2 and run section 1 again: each outcome answers its own question, in whatever order."""
    cells = code_cells("gan/01")
    coins, pairs = place_of("q = np.array([1 / 4", cells), place_of("pairs = {", cells)
    for cell in cells[: pairs + 1]:
        assert notebook.run(cell), notebook.errors
    for place in (coins, pairs, coins):
        assert notebook.run(cells[place]), notebook.errors
    outcomes = notebook.summary.outcomes
    assert {outcomes[question_above(cells, place)].answer for place in (coins, pairs)} == {"less", "KL(q || p) only"}
    assert len(outcomes) == 2


def test_an_answer_that_another_cell_has_left_is_said_to_be_that(notebook):
    lesson = Lesson("gan/99_mine", title="Mine", post="gan")
    lesson.predict("One?", ["yes", "no"])
    lesson.outcome("It is.", answer="more")
    (outcome,) = lesson.summary.outcomes.values()
    assert outcome.answer is None and "Its answer, 'more', is that of another cell" in outcome.text


def test_a_check_in_a_changed_cell_is_reported_and_the_claims_are_not_judged(notebook, capsys):
    cells = code_cells("gan/01")
    coins = place_of("q = np.array([1 / 4", cells)
    for cell in [*cells[:coins], cells[coins].replace("1 / 4, 3 / 4", "1 / 1000, 999 / 1000")]:
        assert notebook.run(cell), notebook.errors
    assert "changed  KL(p || q), nats: 2.761, before 0.1438" in capsys.readouterr().out
    notebook.run('lesson.claim("one", 1, at_least=2)')
    assert notebook.summary.claims["one"].status == "not judged"


def test_claims_in_a_notebook_are_judged_again_when_the_cell_is_restored(notebook, monkeypatch):
    monkeypatch.delenv("MINIGEN_QUICK")
    cells = code_cells("gan/01")
    coins = place_of("q = np.array([1 / 4", cells)
    claim = 'lesson.claim("one", 1, at_least=2)'
    for cell in [*cells[:coins], "x = 1  # a cell of my own", claim]:
        assert notebook.run(cell), notebook.errors
    assert notebook.summary.claims["one"].status == "failed"
    notebook.run(cells[coins].replace("1 / 4, 3 / 4", "1 / 1000, 999 / 1000"))
    notebook.run(claim)
    assert notebook.summary.claims["one"].status == "not judged"
    notebook.run(cells[coins])
    notebook.run(claim)
    assert notebook.summary.claims["one"].status == "failed"


def test_a_notebook_of_another_lesson_finds_the_question_by_the_answer(notebook):
    lesson = Lesson("gan/99_mine", title="Mine", post="gan")
    lesson.predict("One?", ["yes", "no"])
    lesson.predict("Two?", ["more", "less"])
    lesson.outcome("It is.", answer="yes")
    lesson.outcome("It is.")
    assert list(lesson.summary.outcomes) == ["One?", "Two?"]
    assert not (lessons_root() / "gan/99_mine").exists()


def test_places_of_cells():
    source = """\
# %%
lesson.predict("One?", ["a", "b"])

# %%
x = first_measurement(100)
lesson.outcome("It is.", answer="a")

# %%
lesson.predict("Two?", ["c", "d"])

# %%
y = second_measurement(200)
lesson.outcome("It is not.", answer="c")
"""
    places = Places(LessonSource(source))
    one, two = Prediction("One?", ["a", "b"]), Prediction("Two?", ["c", "d"])
    cell = 'x = first_measurement({})\nlesson.outcome("It is.", answer="a")\n'
    assert places.prediction(cell.format(100)) == places.prediction(cell.format(5)) == one
    assert places.prediction('y = second_measurement(1)\nlesson.outcome("It is not.", answer="c")') == two
    assert places.prediction("print(1)") is None
    assert not places.is_edited([cell.format(100), "print(1)"]) and places.is_edited([cell.format(5)])
    assert not places.is_edited([cell.format(5), cell.format(100)])
