"""What the pages' Python is made of: the data of a box, the wheels, where Pyodide comes from; and small trainings."""

import hashlib
import io
import itertools
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from minigen.course.book.browser import numpy_in_wasm, page_worker, pyodide, wheels
from minigen.course.book.pages import exercise_box
from minigen.course.console import UsageError
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.grading.in_process import load_source
from minigen.course.lesson.recipe import code_without_text

CRITIC = "gan/12/critic_loss"
RIGHT = "def critic_loss(real_scores, fake_scores):\n    return np.mean(fake_scores) - np.mean(real_scores)\n"


@pytest.fixture(scope="module")
def exercises():
    return {exercise.id: exercise for exercise in catalog.all_exercises()}


def names_in(data: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())


def test_the_data_of_a_box(exercises):
    data = exercise_box.exercise_data(exercises[CRITIC])
    wanted = {"id": CRITIC, "name": "critic_loss", "lesson": "gan/12", "points": 8, "minutes": 5, "scipy": False}
    assert wanted.items() <= data.items() and data["densities"][0] == "two moons"
    assert data["train"] == {"data": "two moons", "lr": 1e-3, "steps": 260}
    assert data["imports"] == ["import autograd.numpy as np"]
    assert data["stub"].startswith("def critic_loss(real_scores, fake_scores):\n") and len(data["hints"]) == 3
    assert json.loads(json.dumps(data)) == data


@pytest.mark.slow
def test_every_stub_fits_into_a_page_and_can_be_run(exercises):
    for exercise in exercises.values():
        data = exercise_box.exercise_data(exercise)
        assert len(data["stub"].splitlines()) == 2 and len(data["stub"].splitlines()[0]) <= 90, exercise.id
        assert load_source(exercise, data["stub"]).function is not None, exercise.id


def test_what_needs_scipy_is_there(exercises):
    assert set(exercises) >= exercise_box.NEED_SCIPY


def test_the_wheel_of_minigen_has_what_a_page_needs_and_no_more(exercises):
    data = wheels.minigen_wheel()
    names = names_in(data)
    lessons = {exercise.path.parent for exercise in exercises.values()}
    assert len(data) < 17_500 * len(lessons), "it grows with the lessons"
    assert not any(name.endswith((".npz", ".pyc", ".tsv", ".json")) for name in names)
    wanted = ("gan/wgan", "course/exercise/grading/in_process", "course/book/browser/page_worker")
    assert {f"minigen/{name}.py" for name in wanted} <= names
    assert {"minigen/plot/charts.py", "minigen/course/data/bibliography.toml"} <= names  # for the cells
    stubs = {path.relative_to(wheels.PACKAGE.parent).as_posix() for path in wheels.PACKAGE.rglob("__init__.pyi")}
    assert "minigen/flow/__init__.pyi" in stubs <= names, "the packages' lists of names"
    for folder in ("minigen/classroom/", "minigen/course/commands/"):
        assert not any(name.startswith(folder) for name in names)
    for exercise in exercises.values():
        where = f"minigen/_lessons/{exercise.path.parent.parent.name}/{exercise.path.parent.name}"
        assert {f"{where}/exercise.py", f"{where}/answers.py"} <= names
    assert not any(name.startswith("minigen/_lessons/") and name.endswith("/lesson.py") for name in names)


def test_the_course_in_the_wheel_is_the_same_code_in_the_same_lines():
    with zipfile.ZipFile(io.BytesIO(wheels.minigen_wheel())) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")}
    for name, text in found.items():
        path = wheels.PACKAGE.parent / name
        if name.startswith("minigen/course/"):
            source = path.read_text("utf-8")
            assert code_without_text(text) == code_without_text(source), name
            pairs = zip(text.split("\n"), source.split("\n"), strict=True)
            assert all(line.strip() in ("", '""') or whole.startswith(line) for line, whole in pairs), name
        elif name.startswith("minigen/") and not name.startswith("minigen/_lessons/"):
            assert text == path.read_text("utf-8"), "a reader may look at the code and docstrings of models"
    assert "#" not in found["minigen/course/lesson/claims.py"]


IN_THE_BROWSER = """
import json, sys

PACKAGES = {"numpy", "scipy", "threadpoolctl", "autograd", "minigen", "minigen_wasm", *sys.stdlib_module_names}


class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in PACKAGES and not top.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"the browser has no {name}", name=name)


sys.meta_path.insert(0, Only())
sys.path.insert(0, sys.argv[1])
import minigen_wasm
import minigen
from minigen.course.book.browser import page_worker

request = json.dumps({"exercise": sys.argv[2], "text": sys.argv[3], "others": {}})
frames = []
report = json.loads(page_worker.check(request))["report"]
reply = json.loads(page_worker.train(request, frames.append, frames=1))
cells = json.dumps({"lesson": "gan/01", "cells": [{"number": n, "text": text} for n, text in enumerate(sys.argv[4:])]})
shown = json.loads(page_worker.run(cells, lambda frame: None))
print(json.dumps([minigen.__file__, report["passed"], len(frames), reply.get("error"), shown.get("error")]))
print(shown["outputs"][0]["payload"]["svg"][:4], file=sys.stderr)
"""

LESSON_WITH_A_FIGURE = (  # its cells
    "from minigen.course import Lesson\nlesson = Lesson('gan/01_kl', title='T', post='gan', sources=['weng2017gan'])",
    "from minigen import plot\nlesson.figure(plot.line([0, 1], [0, 1]), 'f01')",
)


@pytest.mark.slow
def test_the_wheel_of_minigen_is_whole_by_itself(tmp_path):
    """It checks an answer, trains with it and draws, beside nothing but the packages that a page loads."""
    with zipfile.ZipFile(io.BytesIO(wheels.minigen_wheel())) as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-P", "-c", IN_THE_BROWSER, str(tmp_path), CRITIC, RIGHT, *LESSON_WITH_A_FIGURE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [str(tmp_path / "minigen" / "__init__.py"), True, 1, None, None]
    assert done.stderr == "<svg\n"


def test_the_wheels_depend_on_nothing_but_their_files():
    for make in (wheels.minigen_wheel, wheels.autograd_wheel):
        assert make() == make()
    with zipfile.ZipFile(io.BytesIO(wheels.autograd_wheel())) as archive:
        names = archive.namelist()
        record = archive.read(next(name for name in names if name.endswith("RECORD"))).decode()
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(name in record for name in names) and any("licens" in name for name in names)
        assert "autograd/numpy/numpy_vjps.py" in names


@pytest.mark.parametrize(
    "text",
    [
        "https://",
        "ftp://host/pyodide/",
        "https://ho st/",
        "https://host:port/",
        "https://host/?v=1",
        "://x",
        "http:///a",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(UsageError) as error:
        pyodide.python_source(text)
    assert f"--python {text}" in str(error.value) and "\n" not in str(error.value)


def test_where_python_comes_from():
    assert pyodide.python_source().address == "https://cdn.jsdelivr.net/pyodide/v0.27.7/full/"
    assert pyodide.python_source("http://localhost:8000/pyodide").address == "http://localhost:8000/pyodide/"
    assert pyodide.python_source("none").none and not pyodide.python_source().none


def test_a_folder_that_is_not_pyodide(tmp_path):
    with pytest.raises(UsageError, match="there is no such folder"):
        pyodide.python_source(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match=r"pyodide.mjs of Pyodide 0.27.7: No such file"):
        pyodide.python_source(str(tmp_path))
    (tmp_path / "pyodide.mjs").write_text("another version")
    with pytest.raises(UsageError, match=r"pyodide.mjs is not that of Pyodide 0.27.7") as error:
        pyodide.python_source(str(tmp_path))
    assert "\n" not in str(error.value)


def test_the_lock_names_only_what_is_loaded():
    packages = pyodide.pyodide_lock()["packages"]
    assert set(packages) == {"numpy", "openblas", "scipy", "threadpoolctl"}
    assert all(set(package["depends"]) <= set(packages) for package in packages.values())
    assert set(pyodide.pyodide_files()) == {*pyodide.CORE, *(package["file_name"] for package in packages.values())}


def test_the_files_beside_the_pages(tmp_path):
    (tmp_path / "_python").mkdir()
    (tmp_path / "_python" / "minigen-0.0.0-py3-none-any.whl").write_text("of before")
    pyodide.write_python(pyodide.python_source(), tmp_path)
    manifest = json.loads((tmp_path / "_python" / "python.json").read_text())
    assert manifest["base"] == pyodide.PUBLIC and not (tmp_path / "_python" / "pyodide").exists()
    assert {path.name for path in (tmp_path / "_python").iterdir()} == {"python.json", "lock.json", *manifest["wheels"]}
    for name, wanted in {**manifest["wheels"], "lock.json": manifest["lock"]}.items():
        digest = hashlib.sha256((tmp_path / "_python" / name).read_bytes()).digest()
        assert pyodide.integrity(digest) == wanted
    assert set(manifest["files"]) == set(pyodide.pyodide_files())
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "_python").iterdir()}
    pyodide.write_python(pyodide.python_source(), tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "_python").iterdir()}
    pyodide.write_python(pyodide.python_source("none"), tmp_path)
    assert not (tmp_path / "_python").exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "_python").write_text("in the way")
    with pytest.raises(UsageError, match="cannot write Python for the book"):
        pyodide.write_python(pyodide.python_source(), tmp_path)


def test_singular_matrices_raise_in_the_browser(monkeypatch):
    """As elsewhere, in the same words; what is right, and what is not finite to begin with, goes through."""
    flat, square = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[2.0, 1.0], [1.0, 3.0]])
    for name, given in {"cholesky": (-square,), "inv": (flat,), "solve": (flat, np.ones(2))}.items():
        ours = numpy_in_wasm.raising(lambda *args: np.full(2, np.nan), numpy_in_wasm.WORDS[name])
        with pytest.raises(np.linalg.LinAlgError) as theirs:
            getattr(np.linalg, name)(*given)
        with pytest.raises(np.linalg.LinAlgError) as raised:
            ours(*given)
        assert str(raised.value) == str(theirs.value)
        assert np.isnan(ours(np.array([np.nan]))).all()
        whole = numpy_in_wasm.raising(getattr(np.linalg, name), numpy_in_wasm.WORDS[name])
        assert np.array_equal(whole(square, *given[1:]), getattr(np.linalg, name)(square, *given[1:]))


# ------------------------------------------------------------------------------------------- what the worker calls


def ask(call, identity, text, settings=None, **others):
    request = {"exercise": identity, "text": text, "others": {}} | ({"settings": settings} if settings else {})
    return json.loads(call(json.dumps(request), **others))


def test_a_check():
    assert ask(page_worker.check, CRITIC, RIGHT)["report"]["passed"]
    report = ask(page_worker.check, CRITIC, RIGHT.replace("return", "return 1 +"))["report"]
    assert not report["passed"] and report["cases"][0]["lines"] and not report["cases"][1]["lines"]
    once = ask(page_worker.check, CRITIC, "def")["report"]
    assert once["about"] and not once["cases"] and once["words"] == "syntax error"


def test_scalars_can_be_converted_in_the_browser():
    def of_numpy_2_0(x, dtype, /, **options):
        assert isinstance(x, np.ndarray)
        return x.astype(dtype, **options)

    converted = numpy_in_wasm.taking_scalars(of_numpy_2_0)
    scalar, array = converted(np.float64(1.5), np.float32), converted(np.ones((2, 1)), np.float32)
    assert type(scalar) is np.float32 and scalar == 1.5
    assert array.dtype == np.float32 and array.shape == (2, 1)


def test_scipy_is_asked_for_when_an_answer_imports_it(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(page_worker.importlib.machinery.PathFinder, "find_spec", lambda *args, **kwargs: None)
    assert ask(page_worker.check, CRITIC, "from scipy import special\n" + RIGHT) == {"needs": "scipy"}
    assert "report" in ask(page_worker.check, CRITIC, "from scypi import special\n" + RIGHT)


def test_a_training_with_a_right_answer_and_with_a_wrong_one():
    right = (
        "def extragradient_step(x, y, eta):\n    a, b = x - eta * y, y + eta * x\n    return x - eta * b, y + eta * a\n"
    )
    frames = []
    reply = ask(
        page_worker.train, "gan/04/extragradient_step", right, show=lambda frame: frames.append(json.loads(frame))
    )
    assert reply["calls"] == 120 and reply["last"] < 0.2 * reply["first"] and len(frames) == 31
    assert frames[-1]["step"] == frames[-1]["steps"] == 120 and len(frames[-1]["layers"]) == 2
    wrong = right.replace("x - eta * b", "x + eta * b")
    reply = ask(page_worker.train, "gan/04/extragradient_step", wrong, show=lambda frame: None)
    assert reply["last"] > reply["first"]


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("def", "invalid syntax", 1),
        ("def extragradient_step(x, y, eta):\n    return 1 / 0\n", "ZeroDivisionError", 2),
        ("def extragradient_step(x, y, eta):\n    raise SystemExit\n", "ended the program", 2),
        ("def extragradient_step(x, y, eta):\n    return x * np.nan, y\n", "not finite any more", None),
    ],
)
def test_a_training_that_fails_says_why(text, words, line):
    reply = ask(page_worker.train, "gan/04/extragradient_step", text, show=lambda frame: None)
    assert words in reply["error"] and reply.get("line") == line


def test_a_training_that_is_stopped_leaves_the_package_alone():
    from minigen.gan import losses

    before, frames = losses.discriminator_loss, []
    text = stubs.completed(
        stubs.stub(catalog.find("gan/02/discriminator_loss")[0]),
        {"discriminator_loss": catalog.find("gan/02/discriminator_loss")[0].hints[2]},
    )
    reply = ask(page_worker.train, "gan/02/discriminator_loss", text, show=frames.append, frames=1)
    assert len(frames) == 1 and reply["calls"] == 0 and losses.discriminator_loss is before
    assert reply["more"] and (reply["step"], reply["steps"]) == (0, 560)


def test_a_training_that_was_stopped_goes_on_where_it_stood():
    """In three pieces it shows the same frames as in one."""
    hint = catalog.find("gan/04/extragradient_step")[0]
    text = stubs.completed(stubs.stub(hint), {"extragradient_step": hint.hints[2]})
    at_once, in_pieces = [], []
    ask(page_worker.train, hint.id, text, show=at_once.append)
    reply = ask(page_worker.train, hint.id, text, show=in_pieces.append, frames=1)
    assert len(in_pieces) == 1 and reply["more"]
    resume = json.dumps({"resume": True})
    reply = json.loads(page_worker.train(resume, in_pieces.append, 1))
    assert len(in_pieces) == 2 and reply["more"] and reply["calls"] == 4
    reply = json.loads(page_worker.train(resume, in_pieces.append))
    assert in_pieces == at_once and "more" not in reply and reply["calls"] == 120 and reply["step"] == 120
    assert reply["first"] == pytest.approx(2**0.5) and reply["last"] < 0.2
    assert json.loads(page_worker.train(resume, in_pieces.append)) == {"error": "no training is paused"}


def test_a_training_is_paused_between_frames_and_not_by_a_clock(monkeypatch):
    """One that nobody pauses goes on to its last step on a device of any speed, with more steps than usual too."""
    monkeypatch.setattr(page_worker.time, "monotonic", itertools.count(0.0, 1000.0).__next__)
    hint = catalog.find("gan/04/extragradient_step")[0]
    text = stubs.completed(stubs.stub(hint), {"extragradient_step": hint.hints[2]})
    reply = ask(page_worker.train, hint.id, text, show=lambda frame: None, settings={"steps": 300})
    assert "more" not in reply and reply["step"] == reply["steps"] == reply["calls"] == 300
    replies = [ask(page_worker.train, hint.id, text, show=lambda frame: None, frames=3)]
    while replies[-1].get("more"):
        replies.append(json.loads(page_worker.train(json.dumps({"resume": True}), lambda frame: None, 3)))
    assert [each["step"] for each in replies[:3]] == [8, 20, 32] and replies[-1]["step"] == 120


def test_settings_of_a_training():
    hint = catalog.find("gan/04/extragradient_step")[0]
    text = stubs.completed(stubs.stub(hint), {"extragradient_step": hint.hints[2]})
    usual = ask(page_worker.train, hint.id, text, show=lambda frame: None)
    slow = ask(page_worker.train, hint.id, text, show=lambda frame: None, settings={"lr": 0.02, "steps": 60})
    assert slow["calls"] == slow["steps"] == 60 and slow["last"] > 4 * usual["last"]
    frames = []
    gan = catalog.find("gan/02/discriminator_loss")[0]
    answer = stubs.completed(stubs.stub(gan), {"discriminator_loss": gan.hints[2]})
    for data in ("a ring of eight", "two moons"):
        reply = ask(page_worker.train, gan.id, answer, show=frames.append, frames=1, settings={"data": data})
        assert reply["title"] == f"A GAN on {data}"
    kept = [json.loads(frame)["kept"] for frame in frames]
    assert kept[0] != kept[1]
