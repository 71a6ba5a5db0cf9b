"""The solutions of an assignment: what a teacher finds in them, and that students do not get them."""

import os
import re
import zipfile

import pytest

from minigen.classroom import assignment as assignments
from minigen.classroom.teaching.solutions import derivations_of, solutions
from minigen.cli import main
from minigen.course.exercise import catalog
from minigen.course.exercise.answers import answers_of


@pytest.fixture
def homework(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["assignment", "new", "hw1.toml", "--exercises", "gan/12/critic_loss", "flow/05"]) == 0
    return tmp_path


@pytest.mark.slow
def test_each_exercise_with_its_code_points_and_mistakes(homework):
    text = solutions(assignments.load(homework / "hw1.toml"))
    for exercise in [*catalog.find("gan/12/critic_loss"), *catalog.find("flow/05")]:
        part = text.partition(f"## {exercise.id}\n")[2].partition("\n## ")[0]
        assert f"def {exercise.name}(" in part and '"""' not in part
        assert all(" ".join(hint.split()) in part for hint in exercise.hints[:2])
        assert all(f"`{case.name}`" in part for case in exercise.cases)
        assert all(" ".join(mistake.note.split()) in part for mistake in answers_of(exercise).mistakes)
    assert f"For teachers. {sum(e.points for e in catalog.find('flow/05')) + 8:g} points." in text


@pytest.mark.slow
def test_what_students_get_afterwards_has_no_points_and_no_mistakes(homework):
    assignment = assignments.load(homework / "hw1.toml")
    text, for_you = solutions(assignment, for_students=True), solutions(assignment)
    for exercise in [*catalog.find("gan/12/critic_loss"), *catalog.find("flow/05")]:
        part = text.partition(f"## {exercise.id}\n")[2].partition("\n## ")[0]
        assert f"def {exercise.name}(" in part and " ".join(exercise.hints[0].split()) in part
        assert not [mistake for mistake in answers_of(exercise).mistakes if " ".join(mistake.note.split()) in part]
    assert not re.search(r"For teachers|Known mistakes|Also right|\| case \|| points, about", text) and len(text) < len(
        for_you
    )
    assert main(["assignment", "solutions", "hw1.toml", "--students"]) == 0
    assert (homework / "hw1-solutions-students.md").read_text(encoding="utf-8") == text


def test_derivations_of_a_lesson(tmp_path, monkeypatch):
    folder = tmp_path / "gan" / "99_x"
    folder.mkdir(parents=True)
    (folder / "lesson.py").write_text(
        '# %% [markdown]\n# # X\n\n# %%\nfrom minigen.course import Lesson\n\nlesson = Lesson("gan/99_x", title="X", '
        'post="gan", minutes=0.1)\n\n# %% [markdown]\n# <details><summary>Derivation: one</summary>\n#\n# $1 = 1$.\n#\n'
        "# </details>\n\n# %%\nlesson.finish()\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("MINIGEN_LESSONS", f"{tmp_path}{os.pathsep}-")
    assert derivations_of("gan/99") == [("Derivation: one", "$1 = 1$.")]


@pytest.mark.slow
def test_the_command_writes_a_file_once_and_nothing_of_it_reaches_students(homework, capsys):
    assert main(["assignment", "solutions", "hw1.toml"]) == 0
    assert (homework / "hw1-solutions.md").read_text(encoding="utf-8").startswith("# Hw1: solutions")
    assert main(["assignment", "solutions", "hw1.toml"]) == 2
    assert "hw1-solutions.md already exists" in capsys.readouterr().err
    assert main(["assignment", "build", "hw1.toml", "--out", "dist", "--seed", "s"]) == 0
    names = zipfile.ZipFile(homework / "dist" / "students.zip").namelist()
    assert not any("solution" in name for name in names)
    assert not any("solution" in path.name for path in (homework / "dist" / "students").rglob("*"))
