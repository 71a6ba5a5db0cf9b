"""Every lesson: its form, its metadata, and a quick run as a reader starts it."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minigen import plot
from minigen.course.index import posts
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import LessonInfo, scan_lessons, short_id
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.predict import LETTERS
from minigen.course.lesson.quotes import without_numbers
from minigen.course.lesson.run import run_file

ROOT = Path(__file__).resolve().parents[2]
LESSONS = scan_lessons(ROOT / "lessons")[0]
# A figure of these kinds may be shown as the code or the table that it is, rather than drawn.
NOT_DRAWN = {"algorithm", "table"}

FOLD = re.compile(r"^<details><summary>(?:Derivation|Proof)[^<>$`]*</summary>\n\n.+?\n\n</details>\n\n", re.S | re.M)
LONGEST_CELL = 16  # lines that are not blank
MOST_MEMORY = 450  # megabytes, of a quick run: figures are drawn at twice their size on a page
QUICKEST = ("start/01", "gan/11", "vae/01", "flow/02", "diffusion/02")

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)


def cells(text: str) -> list[tuple[str, str]]:
    """(kind, text) of every cell of a lesson; the text of Markdown without its comment signs."""
    return [("markdown" if cell.is_text else "code", cell.text.strip()) for cell in LessonSource(text).cells]


def test_every_folder_holds_a_lesson():
    folders = {path for path in (ROOT / "lessons").glob("*/*") if path.is_dir() and path.name != "__pycache__"}
    assert {lesson.path.parent for lesson in LESSONS} == folders, scan_lessons(ROOT / "lessons")[1]


@each_lesson
def test_metadata(lesson):
    family = lesson.id.split("/")[0]
    assert lesson.post == family and lesson.title and 0 < lesson.minutes <= 15
    assert lesson.sections or family not in posts.POSTS, (
        "a lesson mirrors at least one section; what goes beyond the posts stands in lessons/after"
    )
    for named, table in [
        (lesson.sections, posts.sections()),
        (lesson.figures, posts.figures()),
        (lesson.equations, (*posts.equations(), *posts.further_equations())),
    ]:
        known = {row["id"] for row in table if row["post"] == family}
        assert set(named) <= known, f"not of {family} in the index: {sorted(set(named) - known)}"
        assert len(set(named)) == len(named)
    offered = lesson.path.read_text(encoding="utf-8").count("lesson.sampler(")
    assert len(lesson.samplers) == offered, "a sampler's name must be a literal, or `minigen sample` does not find it"


@each_lesson
def test_form(lesson):
    text = lesson.path.read_text(encoding="utf-8")
    found = cells(text)
    assert set(re.findall(r"^# %%.*$", text, flags=re.M)) == {"# %%", "# %% [markdown]"}
    assert found[0][0] == "markdown" and found[0][1].startswith("# "), "a lesson begins with its title"
    assert all(body for _, body in found), "an empty cell"
    head = re.split(r"^# %%", text, maxsplit=1, flags=re.M)[0]
    assert all(line.startswith("#") or not line for line in head.splitlines()), "code before the first cell"
    code = [body for kind, body in found if kind == "code"]
    assert "from minigen.course import Lesson" in code[0] and "Lesson(" in code[0], (
        "the first code cell makes the lesson"
    )
    assert "lesson.finish()" in code[-1], "the last code cell finishes it"
    for body in code:
        ast.parse(body)  # each cell is whole by itself
    for block in re.split(r"^(?=# %%)", text, flags=re.M)[1:]:
        if block.startswith("# %% [markdown]"):
            stray = [line for line in block.splitlines() if line and not line.startswith("#")]
            assert not stray, f"not a comment, in a Markdown cell: {stray[0]}"
    prose = "\n".join(body for kind, body in found if kind == "markdown")
    for body in (body for kind, body in found if kind == "markdown" and re.search("</?(details|summary)", body)):
        folds = FOLD.findall(f"{body}\n\n")
        assert len(folds) == body.count("<details"), f"a fold has the form that CONTRIBUTING shows:\n{body}"
    assert prose.count("$") % 2 == 0, "an odd number of $"
    assert "rcParams" not in text and "fontsize" not in text, "style belongs to minigen.plot"


@each_lesson
def test_code_cells_are_small(lesson):
    """A cell has one idea: at most 16 lines that are not blank. The first one, which declares the lesson, is a form."""
    code = [body for kind, body in cells(lesson.path.read_text(encoding="utf-8")) if kind == "code"]
    sizes = [(body.splitlines()[0], sum(bool(line.strip()) for line in body.splitlines())) for body in code[1:]]
    long = [(first, size) for first, size in sizes if size > LONGEST_CELL]
    assert not long, f"cells of more than {LONGEST_CELL} lines, by their first lines: {long}"


@each_lesson
def test_a_prediction_comes_before_its_run(lesson):
    """`lesson.predict` is a cell of its own, and `lesson.outcome` follows in a later one."""
    code = [body for kind, body in cells(lesson.path.read_text(encoding="utf-8")) if kind == "code"]
    calls = []
    for body in code:
        found = re.findall(r"\blesson\.(predict|outcome)\(", body)
        assert "predict" not in found or (found == ["predict"] and len(ast.parse(body).body) == 1), body
        calls += found
    assert calls == ["predict", "outcome"] * (len(calls) // 2), calls


@each_lesson
def test_every_exercise_has_its_place(lesson):
    """`lesson.exercise` is called once for each, in a cell of its own without other code."""
    called = []
    for kind, body in cells(lesson.path.read_text(encoding="utf-8")):
        calls = re.findall(r"^lesson\.exercise\(\"([^\"]+)\"\)", body, flags=re.M) if kind == "code" else []
        assert not calls or len(ast.parse(body).body) == len(calls), body
        called += calls
    assert sorted(called) == sorted(f"{short_id(lesson.path.parent)}/{name}" for name in lesson.exercises)


@each_lesson
def test_jupytext_reads_the_same_cells(lesson):
    if importlib.util.find_spec("jupytext") is None:
        pytest.skip("jupytext is not installed; test_form has parsed the cells by hand")
    import jupytext

    text = lesson.path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    assert [(cell.cell_type, cell.source.strip()) for cell in notebook.cells] == cells(text)


def ways_to_run() -> list:
    """(lesson, way): the first lesson of a post as a script, those with exercises with the code of their last hints."""
    seen, ways = set(), []
    for lesson in LESSONS:
        if lesson.post not in seen or not lesson.exercises:
            ways.append((lesson, "command" if lesson.post in seen else "script"))
        if lesson.exercises:
            ways.append((lesson, "with hint three"))
        seen.add(lesson.post)
    return ways


@pytest.fixture(scope="session")
def tools():
    """What lessons draw and measure with, loaded once: a second or two of processor time."""
    for name in ("matplotlib.figure", "scipy.stats", "scipy.optimize"):
        importlib.import_module(name)


FIRST = [lesson for lesson in LESSONS if short_id(lesson.path.parent) in QUICKEST]


@pytest.mark.parametrize("lesson", FIRST, ids=lambda lesson: lesson.id)
def test_the_quickest_lesson_of_each_post(lesson, tmp_path, tools, monkeypatch):
    """In this process, its figures made and not rendered; `test_quick_run` starts every lesson as a reader does."""
    monkeypatch.setattr(plot, "save", lambda figure, path: path.write_bytes(bytes(2000)))
    assert run_file(lesson.path, RunOptions(quick=True, seed=1, out=tmp_path)) == 0
    (folder,) = tmp_path.iterdir()
    check_folder(lesson, folder)


@pytest.mark.slow
@pytest.mark.parametrize(("lesson", "way"), ways_to_run(), ids=lambda value: getattr(value, "id", value))
def test_quick_run(lesson, way, tmp_path, hint_three):
    """A quick run as a reader starts it; a student's functions are called, and the lesson runs with them."""
    out, answers = tmp_path / "out", tmp_path / "answers.py"
    start = [str(lesson.path)] if way == "script" else ["-m", "minigen", "run", lesson.id]  # both ways are the same
    command = [sys.executable, *start, "--quick", "--seed", "1", "--out", str(out)]
    if way == "with hint three":
        answers.write_text(hint_three(short_id(lesson.path.parent)), encoding="utf-8")
        command += ["--with", str(answers)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=600, cwd=tmp_path, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "Warning" not in done.stderr, done.stderr[-3000:]
    assert {path.name for path in tmp_path.iterdir()} - {answers.name} == {"out"}, (
        "a lesson writes to its own folder only"
    )
    if way == "with hint three":
        assert all(f"your {name} was " in done.stdout for name in lesson.exercises), done.stdout[-2000:]
        assert " was called " in done.stdout, "none of them was called"

    (folder,) = out.iterdir()
    metrics = check_folder(lesson, folder)
    check_answers(lesson, done.stdout)
    assert metrics["peak_memory_mb"] is None or metrics["peak_memory_mb"] <= MOST_MEMORY


def check_answers(lesson: LessonInfo, printed: str) -> None:
    """A quick run gives every answer that is recorded, and no other."""
    record = lesson.path.parent / "recorded" / "metrics.json"
    predictions = json.loads(record.read_text(encoding="utf-8"))["predictions"] if record.exists() else []
    recorded = {without_numbers(one["question"]): one for one in predictions}
    found, judged = re.findall(r"^  (predict|answer)  (.*)", printed, re.M), 0
    for (_, question), (_, answer) in zip(found[::2], found[1::2], strict=True):
        label = re.match(r"([a-f])\) ", answer)
        if label is not None:
            one = recorded[without_numbers(question)]
            assert answer.startswith(f"{label[0]}{one['answer']}. "), answer
            assert one["choices"][LETTERS.index(label[1])] == one["answer"], answer
            assert one["outcome"].splitlines()[0] in answer, answer
            judged += 1
    assert judged == sum(one["answer"] is not None for one in predictions)


def check_folder(lesson: LessonInfo, folder: Path) -> dict:
    """What a quick run with seed 1 has left; returns its metrics."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["lesson"], metrics["status"], metrics["seed"]) == (lesson.id, "not judged", 1)
    assert metrics["claims"], "a lesson states claims"
    assert {claim["status"] for claim in metrics["claims"]} == {"not judged"}
    assert metrics["checks"], "a lesson checks small things as it goes"
    assert (folder / "log.txt").stat().st_size > 0

    files = [figure["file"] for figure in metrics["figures"]]
    assert files and all((folder / file).stat().st_size > 1000 for file in files)
    assert all(figure["caption"] for figure in metrics["figures"]), "a figure says where to look"
    kinds = {row["id"]: row["kind"] for row in posts.figures()}
    for id in lesson.figures:
        number = id.split(".")[1]
        drawn = any(re.match(rf"{number}(_|\.)", file) for file in files)
        assert drawn or kinds[id] in NOT_DRAWN, f"{id} is not drawn: no figure's name begins with {number}_"
    return metrics
