"""`minigen new`: a teacher's own lesson, outside of the package, with all that ours do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minigen.cli import main
from minigen.course.commands.new import free_number, new_lesson, next_number
from minigen.course.console import UsageError
from minigen.course.exercise.stubs import RAISE
from minigen.course.index.lessons import read_lesson

FILES = ["answers.py", "changes.py", "exercise.py", "lesson.py"]
ANSWER = "return np.mean((prediction - target) ** 2)"


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}


def test_the_files_of_a_new_lesson(tmp_path):
    files = new_lesson("spirals", next_number("own", tmp_path), tmp_path)
    assert sorted(contents(tmp_path)) == [
        *(f"own/01_spirals/{name}" for name in FILES),
        "spirals.py",
    ]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in files) == sorted(contents(tmp_path))
    assert not any("mylesson" in text for text in contents(tmp_path).values())
    new_lesson("waves", next_number("physics", tmp_path), tmp_path)
    assert set(contents(tmp_path / "physics")) == {f"01_waves/{name}" for name in FILES}
    assert not any(re.search(r"\bown[/_\"]", text) for text in contents(tmp_path / "physics").values())
    assert next_number("physics", tmp_path) == "physics/02"


def test_a_lesson_that_is_to_come_with_minigen(tmp_path):
    """Its id stands wherever a lesson of one's own has that of its own."""
    assert free_number("after/98", tmp_path) == "after/98"
    new_lesson("spline_flow", "after/98", tmp_path)
    new_lesson("waves", "own/01", tmp_path / "other")
    texts, ordinary = contents(tmp_path / "after"), contents(tmp_path / "other" / "own")
    assert set(texts) == {f"98_spline_flow/{name}" for name in FILES}
    for name in FILES:
        mine = texts[f"98_spline_flow/{name}"].replace("spline_flow", "waves")
        for old, new in {"after/98": "own/01", "after_98": "own_01", '"after"': '"own"'}.items():
            mine = mine.replace(old, new)
        assert mine == ordinary[f"01_waves/{name}"] and "98" not in mine
    declared = read_lesson(tmp_path / "after/98_spline_flow/lesson.py")
    assert (declared.id, declared.post) == ("after/98_spline_flow", "after")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("after/03", "after/03 is the id of after/03_design_space: choose another number"),
        ("after/98", "after/98 is the id of after/98_mine: choose another number"),
        ("after/4", "--as takes a family and two digits, such as after/04, got 'after/4'"),
        ("after", "--as takes"),
        ("../04", "--as takes"),
    ],
)
def test_ids_that_are_not_free(number, message, tmp_path):
    (tmp_path / "after" / "98_mine").mkdir(parents=True)
    with pytest.raises(UsageError, match=re.escape(message)):
        free_number(number, tmp_path)


def test_nothing_is_overwritten(tmp_path):
    new_lesson("spirals", "own/01", tmp_path)
    (tmp_path / "waves.py").write_text("mine", encoding="utf-8")
    before = contents(tmp_path)
    for name in ("spirals", "waves"):
        with pytest.raises(UsageError, match="is there already and stays as it is"):
            new_lesson(name, next_number("own", tmp_path), tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "family", "message"),
    [
        ("My lesson", "own", "a lesson's name has lower-case letters"),
        ("2d", "own", "begins with a letter"),
        ("numpy", "own", "name of a module"),
        ("spirals", "gan", "is none of start, gan"),
        ("spirals", "Own2", "lower-case letters"),
    ],
)
def test_names_that_cannot_be_used(name, family, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        new_lesson(name, next_number(family, tmp_path), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """run(words, code): a command in a folder with a new lesson; what it printed. Exit codes other than `code` fail."""
    home = tmp_path_factory.mktemp("own")
    environment = {**os.environ, "MINIGEN_LESSONS": "mylessons", "MINIGEN_CACHE": str(home / "cache")}
    environment |= {"PYTHONUTF8": "1"}

    def run(*words, code=0):
        command = [sys.executable, "-m", "minigen", *map(str, words)]
        done = subprocess.run(
            command, cwd=home, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=600
        )
        printed = done.stdout + done.stderr
        assert done.returncode == code and "Traceback" not in printed, printed
        return printed

    run("new", "spirals")
    run.home = home
    return run


@pytest.mark.slow
def test_it_runs_and_is_checked(own):
    assert "Further lessons: own" in own("list") and "own/01_spirals" in own("list")
    printed = own("run", "own/01", "--quick", "--seed", "1")
    assert "not judged" in printed and "own/01/mean_squared_error" in printed
    assert "1 of 1 claim holds" in own("run", "own/01", "--seed", "1")
    printed = own("run", "own/01", "--seed", "1", "--scale", "0.001", "--out", "short", code=1)
    assert "failed" in printed, "an untrained line must not pass the claim"
    assert "1 of 1 change as said" in own("change", "own/01")


@pytest.mark.slow
def test_its_exercise_is_proved_and_checked_and_trains_the_lesson(own):
    assert "1 of 1 exercise stands" in own("exercise", "prove", "own/01")
    own("exercise", "start", "own/01")
    path = own.home / "exercises" / "own_01.py"
    stub = path.read_text(encoding="utf-8")
    path.write_text(stub.replace(RAISE, ANSWER.replace("mean(", "sum(")), encoding="utf-8")
    assert "This is the sum of the squared differences" in own("exercise", "check", "own/01", code=1)
    path.write_text(stub.replace(RAISE, "import spirals\n    return spirals.mean_squared_error(prediction, target)"))
    own("exercise", "check", "own/01", code=1)  # the reference cannot be imported
    path.write_text(stub.replace(RAISE, ANSWER), encoding="utf-8")
    assert "pass, 6 of 6 points" in own("exercise", "check", "own/01")
    assert "your mean_squared_error was called" in own("run", "own/01", "--quick", "--with", path, "--overwrite")


@pytest.mark.slow
def test_it_is_recorded_and_becomes_a_page_and_a_notebook(own):
    assert "1 of 1 lesson recorded" in own("record", "own/01")
    assert "own/01_spirals  fresh" in own("record", "--status")
    page = (own.home / "mylessons/own/01_spirals/README.md").read_text(encoding="utf-8")
    assert "# A line through noisy points" in page and "recorded/line.webp" in page
    assert "Further lessons: own" in (own.home / "mylessons/README.md").read_text(encoding="utf-8")
    own("notebook", "own/01", "--executed")
    notebook = json.loads((own.home / "notebooks/own-01-spirals.ipynb").read_text(encoding="utf-8"))
    assert any(cell.get("outputs") for cell in notebook["cells"])
    function = own.home / "mylessons" / "spirals.py"
    text = function.read_text(encoding="utf-8")
    function.write_text(text.replace("** 2)", "** 2 + 0)"), encoding="utf-8")
    assert "code changed since" in own("record", "--status")  # a result depends on the module beside the lesson
    function.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_it_is_graded(own):
    own("assignment", "new", "hw.toml", "--exercises", "own/01", "--due", "2099-01-01T12:00")
    for name, code in [("anna", ANSWER), ("ben", "return 0.0 * np.sum(prediction)")]:
        folder = own.home / "handed" / name
        folder.mkdir(parents=True)
        text = f"import autograd.numpy as np\n\n\ndef mean_squared_error(prediction, target):\n    {code}\n"
        (folder / "own_01.py").write_text(text, encoding="utf-8")
    (own.home / "roster.csv").write_text("student_id\nanna\nben\n", encoding="utf-8")
    own("grade", "handed", "--assignment", "hw.toml", "--roster", "roster.csv", "--seed", "S", "--out", "grades")
    wide = (own.home / "grades" / "gradebook-wide.csv").read_text(encoding="utf-8").splitlines()
    assert wide[1].startswith("anna,,,,6,6,") and wide[2].startswith("ben,,,,0,0,")
    own("assignment", "build", "hw.toml", "--out", "dist")
    assert (own.home / "dist/otter/spirals.py").exists()
    assert (own.home / "dist/otter/minigen/_lessons/own/01_spirals/exercise.py").exists()


@pytest.mark.slow
def test_it_is_a_chapter_of_the_book(own):
    pytest.importorskip("furo")
    own("book", "own", "--python", "none", "--out", "book")
    page = (own.home / "book/lessons/own/01_spirals.html").read_text(encoding="utf-8")
    assert "A line through noisy points" in page and "mean_squared_error" in page
    assert "Further lessons: own" in (own.home / "book/index.html").read_text(encoding="utf-8")


def test_the_pages_python_has_its_functions(tmp_path, monkeypatch):
    from minigen.course.book.browser.wheels import minigen_wheel

    new_lesson("spirals_in_a_page", "own/01", tmp_path)
    monkeypatch.setenv("MINIGEN_LESSONS", str(tmp_path))
    names = minigen_wheel()
    assert b"spirals_in_a_page.py" in names and b"_lessons/own/01_spirals_in_a_page/exercise.py" in names


def test_the_command_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIGEN_LESSONS", raising=False)
    assert main(["new", "spirals"]) == 0
    printed = capsys.readouterr().out
    assert "export MINIGEN_LESSONS=mylessons" in printed and "minigen run own/01" in printed
    monkeypatch.setenv("MINIGEN_LESSONS", "others")
    assert main(["new", "waves"]) == 0 and Path("others/own/01_waves/lesson.py").exists()
    assert main(["new", "spline_flow", "--as", "after/98"]) == 0
    assert Path("others/after/98_spline_flow/lesson.py").exists()
    printed = capsys.readouterr().out
    assert f"export MINIGEN_LESSONS=others{os.pathsep} " in printed and "minigen exercise prove after/98" in printed
    monkeypatch.setenv("MINIGEN_LESSONS", f"others{os.pathsep}")
    assert main(["exercise", "prove", "after/98", "--seeds", "2"]) == 0
    assert main(["new", "again", "--as", "after/98"]) == 2
