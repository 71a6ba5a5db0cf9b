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
import types
import zipfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from minigen.course.classroom import build
from minigen.course.classroom.assignment import load
from minigen.course.classroom.platforms import nbgrader, otter, remote
from minigen.course.classroom.schemas import schema
from minigen.course.console import UsageError

from .conftest import CRITIC, HEAD, MINIMAX, TOML

nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra classroom")
posix = pytest.mark.skipif(os.name != "posix", reason="the scripts are for a POSIX shell")

PARTLY = CRITIC.replace("    return", "    if len(real_scores) > 3:\n        return 0.0\n    return")


def needs(module: str):
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"{module} is not installed; see .ci/platforms.txt")


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
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# ------------------------------------------------------------------------------------------- what is made


def test_what_students_get_has_no_answer(built, a_class):
    names = sorted(path.name for path in (built / "students").iterdir())
    assert names == ["README.md", "gan_02.py", "gan_12.py", "hw1.ipynb"]
    assert sorted(zipfile.ZipFile(built / "students.zip").namelist()) == names
    text = "".join(path.read_text() for path in (built / "students").iterdir())
    for assigned in a_class.assignment.exercises:
        assert assigned.exercise.hints[2].strip() not in text and assigned.id in text
    assert "NotImplementedError" in text and "Due Monday, 01 February 2027" in text
    assert "hw1.toml" not in text and "x" not in names


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


def test_declared_files_go_with_it(a_class):
    a_class.write("hw1.toml", 'data = ["points.csv"]\n' + TOML)
    a_class.write("points.csv", "1,2")
    lines = list(build.build(a_class.assignment, a_class.folder / "dist", secret="x"))
    found = [path.relative_to(a_class.folder / "dist") for path in (a_class.folder / "dist").rglob("points.csv")]
    where = {path.parts[0] for path in found}
    assert where == {"students", "nbgrader", "otter", "classroom50"}
    assert "points.csv" in zipfile.ZipFile(a_class.folder / "dist/gradescope/autograder.zip").namelist()
    assert not any("left out" in line for line in lines)


def test_a_platform_that_does_not_fit_is_said(a_class):
    a_class.write("hw1.toml", TOML.replace("points = 8", "points = 8.5"))
    lines = list(build.build(a_class.assignment, a_class.folder / "dist"))
    assert any("classroom50: left out: Classroom 50 has whole points only" in line for line in lines)
    assert not (a_class.folder / "dist" / "classroom50").exists()
    assert "students practise" in lines[-1]


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
    """A grader gets the versions that are installed here: without nbformat three platforms are left out."""

    def version(name):
        if name == "nbformat":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "nbformat", None)
    lines = list(build.build(a_class.assignment, a_class.folder / "dist", secret="x"))
    left_out = {line.partition(": ")[0].rpartition(os.sep)[2]: line for line in lines if "left out" in line}
    assert list(left_out) == ["nbgrader", "gradescope", "classroom50"]
    needs = 'left out: its grader needs nbformat: python -m pip install "minigen[classroom]"'
    assert left_out["gradescope"].endswith(needs) and left_out["classroom50"].endswith(needs)
    assert sorted(path.name for path in (a_class.folder / "dist").iterdir() if path.is_dir()) == [
        *("container", "otter", "students")
    ]


def test_no_package_has_answers_for_a_container(built):
    container = built / "container"
    names = {path.name for path in (container / "package/minigen/_lessons").rglob("*.py")}
    assert names == {"exercise.py"}
    assert not list(container.rglob("test_*")) and not list(container.rglob("*.npz"))
    text = (container / "Dockerfile").read_text()
    assert (
        "USER 65534:65534" in text
        and "chmod -R a+rX,a-w" in text
        and re.search(r"^FROM python:3\.\d+-slim$", text, re.M)
    )


# ------------------------------------------------------------------------------------------- nbgrader


def test_cells_of_nbgrader(a_class):
    book = nbgrader.source_notebook(a_class.assignment, [7])
    nbformat.validate(book)
    cells = [cell.metadata["nbgrader"] for cell in book.cells if "nbgrader" in cell.metadata]
    assert {cell["schema_version"] for cell in cells} == {3}
    ids = [cell["grade_id"] for cell in cells]
    assert len(set(ids)) == 4 and not any("/" in id for id in ids)
    assert [cell.get("points") for cell in cells if cell["grade"]] == [8, 5]
    tests = [cell.source for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert all(re.search(r"BEGIN HIDDEN TESTS[\s\S]*score\([\s\S]*\)\n### END HIDDEN TESTS$", text) for text in tests)


def test_a_hidden_test_of_nbgrader_gives_points(a_class):
    """The cell is run as the kernel does: its last expression is the points."""
    book = nbgrader.source_notebook(a_class.assignment, [7])
    tests = [cell.source for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    for critic, points in ((CRITIC, 8.0), ("critic_loss = None\n", 0.0)):
        names: dict = {}
        exec(HEAD + critic, names)
        *statements, last = ast.parse(tests[0]).body
        exec(compile(ast.Module(statements, []), "cell", "exec"), names)
        assert eval(compile(ast.Expression(last.value), "cell", "eval"), names) == points


@needs("nbgrader")
def test_nbgrader_itself(built):
    """Two students: one partly right and noisy, and one without a function; the other answer of both is right."""
    course = built / "nbgrader"
    words = run("nbgrader", "generate_assignment", "hw1", cwd=course)
    released = nbformat.read(course / "release" / "hw1" / "hw1.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in released.cells)
    assert "HIDDEN" not in text and "SOLUTION" not in text and "score(" not in text, words
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


# ------------------------------------------------------------------------------------------- otter-grader


def test_points_of_otter_add_up(a_class):
    for assigned in a_class.assignment.exercises:
        text = otter.tests_of(assigned, [7])
        compile(text, "test", "exec")
        assert "OK_FORMAT = False" in text
        points = [float(number) for number in re.findall(r"points=([\d.]+), hidden", text)]
        assert sum(points) == pytest.approx(assigned.points, abs=1e-4) and len(points) == len(assigned.exercise.cases)


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
        test(names["critic_loss"])
    with pytest.raises(AssertionError, match="there is no function critic_loss"):
        tests[0](None)
    with pytest.raises(AssertionError, match="wrong value"):
        tests[0](lambda real_scores, fake_scores: 0.0 * np.mean(real_scores))
    assert len(tests) == len(a_class.assignment.exercises[0].exercise.cases)


@needs("otter")
def test_otter_itself(built):
    """`otter check` says that all passed; `otter run` gives the points of an answer that is right in part."""
    folder = built / "otter"
    for name, critic in {"right": CRITIC, "partly": PARTLY}.items():
        cells = [nbformat.v4.new_code_cell(text) for text in (HEAD, critic, MINIMAX)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")
    assert "All tests passed" in run("otter", "check", "right.ipynb", "-t", "tests", cwd=folder)
    run("otter", "generate", "-t", "tests", "-c", "otter_config.json", "-r", "requirements.txt", cwd=folder)
    run("otter", "run", "partly.ipynb", "-a", "autograder.zip", "--no-logo", cwd=folder)
    results = json.loads((folder / "results.json").read_text())
    scores = {test["name"]: test.get("score") for test in results["tests"]}
    assert scores["gan_02_generator_loss_minimax"] == 5 and 0 < scores["gan_12_critic_loss"] < 8


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
    assert results["score"] == pytest.approx(sum(scores), abs=0.01) and 5 < results["score"] < 13
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
        "possible": 2,
        "status": "wrong_value",
        "message": "",
        "relation": "",
        "line": None,
    }
    row = {"id": "x", "points": 0.0, "possible": 5.0, "status": "wrong_value", "hint": "look", "notes": []}
    results = remote.gradescope_results([{**row, "cases": [{**case, "text": ""}]}], a_class.assignment.visibility, 0.1)
    jsonschema.validate(results, schema("gradescope"))
    assert results["tests"][0]["visibility"] == "hidden" and results["tests"][0]["max_score"] == 5
    assert results["tests"][0]["output"] == "wrong value\nlook"


# ------------------------------------------------------------------------------------------- Classroom 50

RUNNER = {
    "CLASSROOM": "generative-models",
    "ASSIGNMENT": "hw1",
    "SUBMISSION_TAG": "submit/2027-01-31T14-32-05Z-a1b2c3d",
    "COMMIT_URL": "https://example.org/commit/a1b2c3d",
    "RELEASE_URL": "https://example.org/releases/tag/x",
    "REVIEW_URL": "https://example.org/compare/x...y",
    "OWNER": "emmy",
    "ASSIGNMENT_TYPE": "individual",
}


@pytest.mark.slow
def test_classroom50_in_a_checkout(built, a_class):
    """autograder.py in the current folder of a student's checkout, with the runner's environment variables."""
    bundle = built / "classroom50" / "autograder"
    checkout = a_class.folder / "checkout"
    checkout.mkdir()
    (checkout / "gan_12.py").write_text(HEAD + CRITIC.replace("np.mean(fake", "np.sum(fake"))
    (checkout / "gan_02.py").write_text(HEAD + MINIMAX)
    (checkout / "json.py").write_text("raise SystemExit('a file of the student was imported')")
    run(sys.executable, bundle / "autograder.py", cwd=checkout, PYTHONPATH="", **RUNNER)
    result = json.loads((checkout / "result.json").read_text())
    jsonschema.validate(result, schema("classroom50"))
    assert (result["classroom"], result["owner"]) == ("generative-models", "emmy")
    assert result["score"] == sum(test["score"] for test in result["tests"]) < result["max-score"] == 13
    assert [(test["passed"], test["max-score"]) for test in result["tests"]] == [(False, 8), (True, 5)]
    environment = {name: value for name, value in os.environ.items() if name not in RUNNER}
    done = subprocess.run(
        [sys.executable, bundle / "autograder.py"], cwd=checkout, env=environment, capture_output=True
    )
    assert done.returncode == 1 and b"CLASSROOM, ASSIGNMENT" in done.stderr
    runtime = json.loads((built / "classroom50" / "runtime.json").read_text())
    assert runtime["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert load(bundle / "assignment.toml").possible == 13


def test_an_error_of_the_grader_is_one_on_classroom50(a_class, monkeypatch, tmp_path):
    rows = [{"id": "x", "points": None, "message": "the reference fails"}]
    monkeypatch.setattr(remote, "grade_folder", lambda folder, home: (None, rows))
    assert remote.classroom50(tmp_path, tmp_path, RUNNER) == 1 and not (tmp_path / "result.json").exists()
