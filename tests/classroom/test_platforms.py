"""What `minigen assignment build` makes for each platform, run with the real thing where a package has it."""

import ast
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import types
import zipfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from minigen.classroom import build
from minigen.classroom.assignment import graded_seeds, load
from minigen.classroom.platforms import export, nbgrader, otter, remote
from minigen.classroom.platforms.score import GraderError, hidden_seeds
from minigen.classroom.schemas import schema
from minigen.course.console import UsageError

from .conftest import CRITIC, HEAD, MINIMAX, TOML

nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra classroom")
posix = pytest.mark.skipif(os.name != "posix", reason="the scripts are for a POSIX shell")

SWAPPED = CRITIC.replace("fake_scores) - np.mean(real", "real_scores) - np.mean(fake")
PARTLY = CRITIC.replace("    return", "    if len(real_scores) > 3:\n        return 0.0\n    return")


def needs(module: str):
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"{module} is not installed; see .ci/platforms.txt")


@pytest.fixture(autouse=True)
def an_empty_wheel(monkeypatch):
    """The wheel for students is made in the tests of it only."""

    def write_wheel(folder: Path, assignment) -> str:
        (folder / "minigen-1-py3-none-any.whl").write_bytes(b"")
        return "minigen-1-py3-none-any.whl"

    monkeypatch.setattr(export, "write_wheel", write_wheel)


@pytest.fixture
def built(a_class):
    """The folder of everything, on seeds of a secret."""
    list(build.build(a_class.assignment, a_class.folder / "dist", notebook=True, secret="x"))
    return a_class.folder / "dist"


def run(*command, cwd, **environment) -> str:
    """A program with this package, whatever the current folder holds."""
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "JUPYTER_CONFIG_DIR": str(cwd),
        "IPYTHONDIR": str(cwd),
        **environment,
    }
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# ------------------------------------------------------------------------------------------- what is made


@pytest.mark.slow
def test_what_students_get_has_no_answer(built, a_class):
    names = sorted(path.name for path in (built / "students").iterdir())
    assert names == ["README.md", "gan_02.py", "gan_12.py", "hw1.ipynb", "minigen-1-py3-none-any.whl", "minigen.json"]
    assert sorted(zipfile.ZipFile(built / "students.zip").namelist()) == names
    assert max(len(str(path.relative_to(built))) for path in built.rglob("*")) <= 150, "Windows allows 260 in all"
    text = "".join(path.read_text() for path in (built / "students").iterdir())
    for assigned in a_class.assignment.exercises:
        assert assigned.exercise.hints[2].strip() not in text and assigned.id in text
    assert "NotImplementedError" in text and "Due Monday, 1 February 2027" in text
    assert "hw1.toml" not in text and "x" not in names


def test_the_readme_of_students(a_class, monkeypatch):
    """It names every file that it speaks of, the notebook too, and where minigen comes from."""
    monkeypatch.setattr(build, "PLATFORMS", {})
    install = "from the file beside this one: `python -m pip install ./minigen-1-py3-none-any.whl`"
    for notebook, handed_in in ((True, "Hand in `hw1.ipynb`, or the Python files"), (False, "Hand in `gan_12.py` and")):
        out = a_class.folder / f"dist-{notebook}"
        list(build.build(a_class.assignment, out, notebook=notebook))
        text = (out / "students" / "README.md").read_text()
        assert install in text and handed_in in text and ("hw1.ipynb" in text) == notebook
        named = re.findall(r"`([\w.-]+\.(?:py|ipynb))`", text)
        assert named and all((out / "students" / name).is_file() for name in named)
        assert [line[:2] for line in text.splitlines() if re.match(r"\d\.", line)] == ["1.", "2.", "3.", "4."]


def without_minigen(code: str, *folders: Path, cwd: Path) -> str:
    """The output of a program that has the packages of this environment but minigen only where the folders have it."""
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), str(Path(np.__file__).parents[1])}
    path = [*map(str, folders), *installed]  # as entries, so that no .pth file in them adds this checkout
    start = f"import sys\nsys.path += {path!r}\n"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", start + code], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


CHECKED = """
import minigen
from minigen.classroom.platforms.score import score
import autograd.numpy as np
critic_loss = lambda real_scores, fake_scores: np.mean(fake_scores) - np.mean(real_scores)
points = score("gan/12/critic_loss", globals())
print(minigen.__file__, points, sep="\\n")
"""


WHEEL = re.compile(r"minigen_course-([\d.]+\+hw1\.[0-9a-f]{8})-py3-none-any\.whl")


@pytest.mark.slow
def test_the_wheel_for_students(a_class, monkeypatch):
    """pip installs it into an environment without minigen; it checks all exercises, and runs its own lessons."""
    monkeypatch.undo()
    folder = a_class.folder
    name = export.write_wheel(folder, a_class.assignment)
    version = WHEEL.fullmatch(name)[1]
    target = folder / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    run(*pip, "--target", target, folder / name, cwd=folder)
    more = (
        "from minigen.course.index.lessons import all_lessons\nfrom minigen.course.exercise.catalog import lesson_ids\n"
    )
    more += "print(*[lesson.id for lesson in all_lessons()])\nprint(len(lesson_ids()), minigen.__version__)\n"
    where, points, lessons, last = without_minigen(CHECKED + more, target, cwd=folder).splitlines()[-4:]
    assert Path(where).is_relative_to(target) and points == "8.0"
    assert lessons == "gan/02_gan gan/12_wgan" and int(last.split()[0]) > 50 and last.endswith(f" {version}")
    assert (folder / name).stat().st_size < 2.5e6 and not list(target.rglob("*.npz"))
    assert not list(target.rglob("private.py")) and not list(target.rglob("test_*.py"))
    assert (target / "bin" / "minigen").exists() or (target / "Scripts").exists()
    info = next(target.glob("minigen_course-*.dist-info"))
    metadata = info.joinpath("METADATA").read_text()
    assert "Requires-Dist: numpy" in metadata and "Provides-Extra: classroom\n" in metadata
    assert re.search(r"Requires-Dist: nbformat.*extra == 'classroom'", metadata) and "pytest" not in metadata
    assert "MIT License" in info.joinpath("licenses", "LICENSE").read_text()


def test_the_version_of_a_wheel_follows_from_what_is_in_it(a_class, monkeypatch):
    """So that pip, which skips an equal version, installs every change."""
    monkeypatch.undo()

    def version(toml: str = TOML) -> str:
        a_class.write("hw1.toml", toml)
        return WHEEL.fullmatch(export.write_wheel(a_class.folder, a_class.assignment))[1]

    first = version()
    assert version(TOML.replace("points = 8", "points = 9")) == first
    assert version(TOML.replace("gan/12/critic_loss", "vae/08/elbo")) != first
    a_class.write("own.py", "x = 1\n")
    monkeypatch.setattr(export, "own_modules", lambda: [a_class.folder / "own.py"])
    with_own = version()
    assert with_own != first
    a_class.write("own.py", "x = 2\n")
    assert version() not in (first, with_own)


def test_data_go_with_the_lessons_that_load_them(a_class):
    for lesson, wanted in (("gan/12/critic_loss", []), ("vae/08/elbo", ["mnist.npz"])):
        a_class.write("hw1.toml", f'[[exercise]]\nid = "{lesson}"\n')
        assert [name for name in map(os.path.basename, export._needed(a_class.assignment)) if "npz" in name] == wanted
    a_class.write("hw1.toml", '[[exercise]]\nid = "gan/08/inception_score"\n')
    names = {os.path.basename(name) for name in export._needed(a_class.assignment)}
    assert {"mnist.npz", "digit_classifier.npz"} <= names and "digit_diffusion.npz" not in names


# ------------------------------------------------------------------------------------------- what stays undone

EVERYTHING = """
[late]
per_day = 0.1
days = 5
[counting]
best_of = 1
[[question]]
id = "q1"
text = "Why?"
points = 3
"""


@pytest.fixture
def with_rules(a_class):
    """An assignment with lateness, a rule for the lowest exercises, and a question."""
    a_class.write("hw1.toml", TOML.replace("points = 8", "points = 5") + EVERYTHING)
    return a_class


def test_what_a_platform_does_not_do_is_said(with_rules, monkeypatch):
    lines = list(build.build(with_rules.assignment, with_rules.folder / "dist"))
    told = "\n".join(lines)
    assert "nbgrader, otter, gradescope: lateness costs nothing there; subtract it yourself" in told
    assert "nbgrader, otter, gradescope: all exercises count there; the best 1 of the exercises count" in told
    assert "otter, gradescope and minigen grade: without q1 (3 points)" in told
    for platform in ("nbgrader", "otter", "gradescope"):
        text = (with_rules.folder / "dist" / platform / "README.md").read_text()
        assert "each day late costs 10 % of the points" in text and "the best 1 of the exercises" in text
        assert ("q1 (3 points)" in text) == (platform != "nbgrader")
        assert ("it reads, is not enforced" in text) == ("was cut off ends" in text) == (platform != "gradescope")
        assert ("byte order mark" in text) == (platform == "otter")
        assert ("not called `hw1.ipynb`" in text) == (platform == "nbgrader") and "misspelled" not in text


def test_nothing_is_said_of_what_is_not_there(a_class):
    told = "\n".join(build.build(a_class.assignment, a_class.folder / "dist"))
    assert not re.search("lateness|question|count there", told)
    text = (a_class.folder / "dist" / "gradescope" / "README.md").read_text()
    assert "Lateness" not in text and "question" not in text


def test_students_read_what_is_true_on_their_platform(with_rules):
    """No loss for lateness, all exercises, and no record of hints, where only `minigen grade` knows of them."""
    assignment = with_rules.assignment
    for notebook in ("", "hw1.ipynb"):
        texts = {name: build.readme(assignment, "minigen.whl", notebook, name) for name in ("", "otter", "gradescope")}
        for name, text in texts.items():
            assert ("Each day late" in text) == (".progress.json" in text) == ("best 1" in text) == (name == "")
            assert (" 5 points, about" in text) == (name == "") and "Due Monday" in text and "Why?" not in text
            assert ("Modules that" in text) == (name != "otter")
            assert ("are taken out of the notebook" in text) == (bool(notebook) and name != "otter")
        assert "Hand in one file, `hw1.py`" in texts["otter"] or notebook
    lines = list(build.build(assignment, with_rules.folder / "dist"))
    assert sum("README-students.md replaces the README.md" in line for line in lines) == 2
    written = (with_rules.folder / "dist" / "otter" / "README-students.md").read_text()
    assert written == build.readme(assignment, "minigen-1-py3-none-any.whl", "", "otter")


@pytest.mark.slow
def test_seeds_differ_by_platform(built):
    """The students of one platform may come to see its seeds."""
    seeds = {}
    with zipfile.ZipFile(built / "gradescope" / "autograder.zip") as archive:
        seeds["gradescope"] = json.loads(archive.read("seeds.json"))["seeds"]
        archive.extract("assignment.toml", built)
    seeds["nbgrader"] = json.loads((built / "nbgrader" / "hw1-seeds.json").read_text())
    text = (built / "otter" / "tests" / "gan_12_critic_loss.py").read_text()
    seeds["otter"] = ast.literal_eval(re.search(r"seeds=(\[.*?\])", text)[1])
    assignment = load(built / "assignment.toml")
    seeds["minigen grade"] = graded_seeds(dataclasses.replace(assignment, slug="hw1"), "x")
    assert len({tuple(each) for each in seeds.values()}) == 4


@pytest.mark.slow
def test_building_again_and_over_something_else(built, a_class):
    (built / "students" / "old.py").write_text("x")
    list(build.build(a_class.assignment, built))
    assert not (built / "students" / "old.py").exists() and not (built / "students" / "hw1.ipynb").exists()
    other = a_class.folder / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="was not made by minigen assignment build"):
        list(build.build(a_class.assignment, other))
    assert (other / "thesis.tex").read_text() == "x"
    assert not list(a_class.folder.glob(".minigen-build-*"))


@pytest.mark.slow
def test_declared_files_go_with_it(a_class):
    a_class.write("hw1.toml", 'data = ["points.csv"]\n' + TOML)
    a_class.write("points.csv", "1,2")
    lines = list(build.build(a_class.assignment, a_class.folder / "dist", secret="x"))
    found = [path.relative_to(a_class.folder / "dist") for path in (a_class.folder / "dist").rglob("points.csv")]
    where = {path.parts[0] for path in found}
    assert where == {"students", "nbgrader", "otter"}
    assert "-r requirements.txt minigen points.csv\n" in (a_class.folder / "dist/otter/README.md").read_text()
    assert "points.csv" in zipfile.ZipFile(a_class.folder / "dist/gradescope/autograder.zip").namelist()
    assert not any("left out" in line for line in lines)


def test_without_a_secret_it_says_what_the_platforms_grade_on(a_class):
    assert "students practise" in list(build.build(a_class.assignment, a_class.folder / "dist"))[-1]


def test_two_functions_of_one_name_do_not_fit_into_a_notebook(a_class):
    """No two exercises share a name today: the assignment has one of them twice."""
    twice = dataclasses.replace(a_class.assignment, exercises=a_class.assignment.exercises[:1] * 2)
    expected = "two exercises are called critic_loss, which one notebook cannot hold"
    lines = list(build.build(twice, a_class.folder / "dist", secret="x"))
    assert [line.partition("left out: ")[2] for line in lines if "left out" in line] == [expected] * 2
    with pytest.raises(UsageError, match=expected):
        list(build.build(twice, a_class.folder / "other", notebook=True))
    assert not (a_class.folder / "other").exists()


def test_a_platform_whose_packages_are_missing_is_said(a_class, monkeypatch):
    """A grader gets the versions that are installed here: without nbformat two platforms are left out."""

    def version(name):
        if name == "nbformat":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "nbformat", None)
    lines = list(build.build(a_class.assignment, a_class.folder / "dist", secret="x"))
    left_out = {line.partition(": ")[0].rpartition(os.sep)[2]: line for line in lines if "left out" in line}
    assert list(left_out) == ["nbgrader", "gradescope"]
    needs = "left out: its grader needs nbformat: python -m pip install nbformat jinja2 jsonschema"
    assert left_out["gradescope"].endswith(needs)
    assert sorted(path.name for path in (a_class.folder / "dist").iterdir() if path.is_dir()) == [
        *("otter", "students")
    ]


# ------------------------------------------------------------------------------------------- nbgrader


def test_cells_of_nbgrader(a_class):
    book = nbgrader.source_notebook(a_class.assignment)
    nbformat.validate(book)
    cells = [cell.metadata["nbgrader"] for cell in book.cells if "nbgrader" in cell.metadata]
    assert {cell["schema_version"] for cell in cells} == {3}
    ids = [cell["grade_id"] for cell in cells]
    assert len(set(ids)) == 4 and not any("/" in id for id in ids)
    assert [cell.get("points") for cell in cells if cell["grade"]] == [8, 5]
    tests = [cell.source for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert all(
        re.search(r"BEGIN HIDDEN TESTS[^#]*seeds\([^#]*### END HIDDEN TESTS\nscore\(.*\)$", text) for text in tests
    )


QUESTION = '\n[[question]]\nid = "q1"\ntext = "Why is there no sigmoid?"\npoints = 3\n'


def test_questions_are_cells_that_nbgrader_has_graded_by_hand(a_class):
    """As nbgrader tells them from others: a solution that has points, and no code; the text is in the cell above."""
    a_class.write("hw1.toml", TOML + QUESTION)
    book = nbgrader.source_notebook(a_class.assignment)
    nbformat.validate(book)
    *_, asked, answer = book.cells
    assert "Why is there no sigmoid?" in asked.source and "nbgrader" not in asked.metadata
    wanted = {"cell_type": "markdown", "grade": True, "solution": True, "locked": False, "task": False, "points": 3}
    assert answer.cell_type == "markdown" and wanted.items() <= answer.metadata["nbgrader"].items()
    lines = list(build.build(a_class.assignment, a_class.folder / "dist", secret="x"))
    others = "otter, gradescope and minigen grade"
    assert lines[-1] == f"{others}: without q1 (3 points); ask and grade them on your platform"
    dist = a_class.folder / "dist"
    texts = [path for path in dist.rglob("*.*") if path.suffix in (".py", ".md", ".ipynb")]
    found = {path.relative_to(dist).parts[0] for path in texts if "sigmoid?" in path.read_text("utf-8")}
    assert found == {"nbgrader"} and a_class.assignment.possible == 13


def value_of_cell(source: str, answer: str) -> float:
    """The value of a cell's last expression, as the kernel shows it, below a student's answer."""
    names: dict = {"__name__": "__main__"}
    exec(HEAD + answer, names)
    *statements, last = ast.parse(source).body
    exec(compile(ast.Module(statements, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_a_cell_of_nbgrader_gives_points(a_class, tmp_path, monkeypatch, capsys):
    """With the hidden part the seeds are those of the course's folder, and none of them is in the cell or printed."""
    book = nbgrader.source_notebook(a_class.assignment)
    cell = next(cell.source for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade"))
    course, folder = tmp_path / "course", tmp_path / "course" / "autograded" / "emmy" / "hw1"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    with pytest.raises(GraderError, match="no file hw1-seeds.json in the course's folder"):
        value_of_cell(cell, CRITIC)
    (course / "hw1-seeds.json").write_text("[2199346640]")
    (folder / "hw1-seeds.json").write_text("[0]")  # handed in by a student
    assert hidden_seeds("hw1") == [2199346640]
    capsys.readouterr()
    for critic, points, words in [
        (CRITIC, 8.0, ["All cases pass."]),
        ("critic_loss = None\n", 0.0, ["wrong type"]),
        (SWAPPED, 0.8, ["Known mistake: ", "by_hand: wrong value (0 of 1.2). ", "the simplest case that fails"]),
    ]:
        assert value_of_cell(cell, critic) == points
        shown = capsys.readouterr()
        assert all(word in shown.out for word in words) and not shown.err
        assert "2199346640" not in cell + shown.out and "expected 4" not in shown.out


def test_a_cell_of_nbgrader_as_students_have_it(a_class, capsys):
    """Without the hidden part it is a check: nothing written gets no points, and values are shown."""
    book = nbgrader.source_notebook(a_class.assignment)
    cell = next(cell.source for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade"))
    released = re.sub(r"### BEGIN HIDDEN TESTS\n[\s\S]*?### END HIDDEN TESTS\n", "", cell)
    stub = "def critic_loss(real_scores, fake_scores):\n    raise NotImplementedError\n"
    assert value_of_cell(released, stub) == 0.0 and "not written yet" in capsys.readouterr().out
    assert value_of_cell(released, SWAPPED) == 2.0 and "expected" in capsys.readouterr().out
    assert value_of_cell(released, CRITIC) == 8.0


@pytest.mark.slow
@needs("nbgrader")
def test_nbgrader_itself(built):
    """Two students: one partly right and noisy, and one without a function; the other answer of both is right."""
    course = built / "nbgrader"
    words = run("nbgrader", "generate_assignment", "hw1", cwd=course)
    released = nbformat.read(course / "release" / "hw1" / "hw1.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in released.cells)
    assert "HIDDEN" not in text and "SOLUTION" not in text and "hidden_seeds" not in text, words
    seed = json.loads((course / "hw1-seeds.json").read_text())[0]
    assert "hw1-seeds.json" not in os.listdir(course / "release" / "hw1")
    validated = run("nbgrader", "validate", course / "release" / "hw1" / "hw1.ipynb", cwd=course)
    assert "VALIDATION FAILED ON 2 CELL(S)" in validated and "Success" not in validated
    noisy = "import sys\nprint('noise', file=sys.stderr)\n"
    for student, critic in {
        "partly": PARTLY.replace("    if", "    print('x')\n    if"),
        "none": "x = 1",
    }.items():
        copy = nbformat.from_dict(released)
        answers = [cell for cell in copy.cells if cell.metadata.get("nbgrader", {}).get("solution")]
        answers[0].source, answers[1].source = (noisy if student == "partly" else "") + critic, MINIMAX
        folder = course / "submitted" / student / "hw1"
        folder.mkdir(parents=True)
        nbformat.write(copy, folder / "hw1.ipynb")
        nbformat.read(folder / "hw1.ipynb", as_version=4)
    run("nbgrader", "autograde", "hw1", cwd=course)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        scores = {
            student: [
                grade.score
                for grade in sorted(
                    gradebook.find_submission_notebook("hw1", "hw1", student).grades, key=lambda grade: grade.name
                )
            ]
            for student in ("partly", "none")
        }
    assert scores["none"] == [5, 0]
    assert scores["partly"][0] == 5 and 0 < scores["partly"][1] < 8
    run("nbgrader", "generate_feedback", "hw1", cwd=course)
    page = (course / "feedback" / "partly" / "hw1" / "hw1.html").read_text()
    assert "the simplest case that fails" in page and str(seed) not in page


@pytest.mark.slow
@needs("nbgrader")
def test_nbgrader_leaves_a_question_to_its_teacher(a_class):
    """The answer of the source is taken out, and after autograding the cell waits for a grade by hand."""
    a_class.write("hw1.toml", TOML + QUESTION)
    list(build.build(a_class.assignment, a_class.folder / "dist", secret="x"))
    course = a_class.folder / "dist" / "nbgrader"
    run("nbgrader", "generate_assignment", "hw1", cwd=course)
    released = nbformat.read(course / "release" / "hw1" / "hw1.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in released.cells)
    assert "Why is there no sigmoid?" in text and "What a good answer says" not in text
    released.cells[-1].source = "A score is no probability."
    folder = course / "submitted" / "emmy" / "hw1"
    folder.mkdir(parents=True)
    nbformat.write(released, folder / "hw1.ipynb")
    run("nbgrader", "autograde", "hw1", cwd=course)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        grades = {grade.name: grade for grade in gradebook.find_submission_notebook("hw1", "hw1", "emmy").grades}
        waiting = [name for name, grade in grades.items() if grade.needs_manual_grade]
        assert waiting == ["question-q1-answer"] and grades["question-q1-answer"].max_score == 3


# ------------------------------------------------------------------------------------------- otter-grader


def test_points_of_otter_add_up(a_class):
    for assigned in a_class.assignment.exercises:
        text = otter.tests_of(assigned, [7])
        compile(text, "test", "exec")
        assert "OK_FORMAT = False" in text
        points = [float(number) for number in re.findall(r"points=([\d.]+), hidden", text)]
        assert sum(points) == pytest.approx(assigned.points, abs=1e-4)
        assert len(points) == 2 * len(assigned.exercise.cases)


def test_a_test_file_of_otter_raises_for_a_wrong_case(a_class, monkeypatch):
    """Without otter-grader: its decorator hands on the function that it is given."""
    double = types.ModuleType("otter.test_files")
    double.test_case = lambda **options: lambda function: function
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", double)
    names: dict = {}
    exec(otter.tests_of(a_class.assignment.exercises[0], [7]) + HEAD + CRITIC, names)
    tests = [function for name, function in names.items() if name.startswith("test_") and name != "test_case"]
    for test in tests:
        test(names)
    with pytest.raises(AssertionError, match="there is no function critic_loss"):
        tests[0]({})
    with pytest.raises(AssertionError, match="wrong value"):
        tests[0]({"critic_loss": lambda real_scores, fake_scores: 0.0 * np.mean(real_scores)})
    misspelled = {"__name__": "__main__"}
    exec(HEAD + CRITIC.replace("critic_loss", "critc_loss"), misspelled)
    tests[0](misspelled)
    with pytest.raises(AssertionError, match="is called critc_loss, not critic_loss"):
        tests[1](misspelled)
    assert len(tests) == 2 * len(a_class.assignment.exercises[0].exercise.cases)


@pytest.mark.slow
def test_minigen_goes_with_otter(built):
    """Its folder stands beside the notebook, as otter puts it there, in an environment without minigen."""
    where, points = without_minigen(CHECKED, built / "otter", cwd=built).splitlines()[-2:]
    assert Path(where).is_relative_to(built / "otter") and points == "8.0"
    needed = (built / "otter" / "requirements.txt").read_text()
    assert "autograd==" in needed and "minigen" not in needed, "no index of packages has it"


@pytest.mark.slow
@needs("otter")
def test_otter_itself(built):
    """`otter check` says that all passed; `otter run` gives the points of answers that are right in part: of one that
    never ends for some inputs, and of one with a misspelled name.
    """
    folder = built / "otter"
    endless = PARTLY.replace("return 0.0", "while True:\n            pass")
    for name, answers in {
        "right": (CRITIC, MINIMAX),
        "partly": (endless, MINIMAX.replace("minimax", "minimx")),
    }.items():
        cells = [nbformat.v4.new_code_cell(text) for text in (HEAD, *answers)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    assert "All tests passed" in run("otter", "check", "right.ipynb", "-t", "tests", cwd=folder)
    command = re.search(r"otter generate (.*)", (folder / "README.md").read_text())[1].split()
    run("otter", "generate", *command, cwd=folder)
    assert "files/minigen/__init__.py" in zipfile.ZipFile(folder / "autograder.zip").namelist()
    run("otter", "run", "partly.ipynb", "-a", "autograder.zip", "--no-logo", cwd=folder)
    results = json.loads((folder / "results.json").read_text())
    scores = {test["name"]: test.get("score") for test in results["tests"]}
    assert scores["gan_02_generator_loss_minimax"] == 4 and 0 < scores["gan_12_critic_loss"] < 8


# ------------------------------------------------------------------------------------------- Gradescope


@pytest.mark.slow
@posix
def test_gradescope_in_a_folder_laid_out_as_its_container(built, a_class):
    """The zip unpacked to source/, run_autograder copied, a submission: results.json as Gradescope documents it."""
    root = a_class.folder / "autograder"
    with zipfile.ZipFile(built / "gradescope" / "autograder.zip") as archive:
        archive.extractall(root / "source")
        executable = {info.filename: info.external_attr >> 16 & 0o111 for info in archive.infolist()}
    assert executable["run_autograder"] and executable["setup.sh"], "both are at the root, and may be executed"
    assert not [name for name in executable if "test_" in name or name.endswith(".npz")]
    python = root / "venv" / "bin" / "python"  # what setup.sh makes
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (root / "submission").mkdir()
    (root / "submission" / "gan_12.py").write_text(HEAD + PARTLY)
    (root / "submission" / "gan_02.py").write_text(HEAD + MINIMAX)
    (root / "submission_metadata.json").write_text("{}")
    script = root / "run_autograder"
    script.write_bytes((root / "source" / "run_autograder").read_bytes())
    script.chmod(0o755)
    command = ["bash", str(script)]
    run(*command, cwd=root, AUTOGRADER_ROOT=str(root))
    results = json.loads((root / "results" / "results.json").read_text())
    jsonschema.validate(results, schema("gradescope"))
    scores = [test["score"] for test in results["tests"]]
    assert results["score"] == pytest.approx(sum(scores), abs=1e-3) and 5 < results["score"] < 13
    assert {test["output_format"] for test in results["tests"]} == {"text"} and "stdout_visibility" not in results
    # whatever happens, there is a result
    (root / "source" / "assignment.toml").write_text("broken")
    done = subprocess.run(command, cwd=root, env={**os.environ, "AUTOGRADER_ROOT": str(root)}, capture_output=True)
    assert done.returncode == 2 or done.returncode == 1
    results = json.loads((root / "results" / "results.json").read_text())
    jsonschema.validate(results, schema("gradescope"))
    assert results["extra_data"] == {"retry": True}
    for name in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", root / "source" / name], check=True)


def test_cases_are_hidden_on_gradescope_if_asked(a_class):
    a_class.write("hw1.toml", 'visibility = "hidden"\n' + TOML)
    case = {
        "case": "a",
        "passed": False,
        "points": 0,
        "possible": 2,
        "status": "wrong_value",
        "public": "",
        "relation": "",
        "line": None,
    }
    row = {"id": "x", "points": 0.0, "possible": 5.0, "status": "wrong_value", "hint": "look", "notes": []}
    row |= {"renamed": ""}
    results = remote.gradescope_results([{**row, "cases": [{**case, "text": ""}]}], a_class.assignment.visibility, 0.1)
    jsonschema.validate(results, schema("gradescope"))
    assert results["tests"][0]["visibility"] == "hidden" and results["tests"][0]["max_score"] == 5
    assert results["tests"][0]["score"] == results["score"] == 0
    assert results["tests"][0]["output"] == "wrong value\nlook"
