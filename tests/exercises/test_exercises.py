"""Every exercise of every lesson: the author's proofs, and the way from stub over hint three to a trained lesson."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.prove import prove

EXERCISES = catalog.all_exercises()
by_id = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
by_lesson = pytest.mark.parametrize("lesson", catalog.lesson_ids())


def hint_three(lesson: str) -> str:
    """The file of a lesson's stubs with the code of each exercise's last hint typed in as it stands."""
    exercises = catalog.exercises_of(lesson)
    return stubs.completed(stubs.stub_file(exercises), {exercise.name: exercise.hints[2] for exercise in exercises})


@by_id
def test_the_authors_proofs_stand(exercise):
    proof = prove(exercise, seeds=20)
    assert proof.stands, proof.problems
    assert proof.score >= 0.95
    assert not proof.survivors, "list what computes the same, with the reason; catch the rest"


@by_id
def test_the_stub_fails_as_a_stub(exercise, tmp_path):
    path = tmp_path / "answers.py"
    path.write_text(stubs.stub_file(catalog.exercises_of(exercise.lesson)), encoding="utf-8")
    report = grade_file(exercise, path)
    assert {verdict.status for verdict in report.verdicts} == {status.STUB} and report.points == 0


@by_id
def test_hint_three_gets_full_points(exercise, tmp_path):
    path = tmp_path / "answers.py"
    path.write_text(hint_three(exercise.lesson), encoding="utf-8")
    report = grade_file(exercise, path)
    assert report.passed, [(verdict.case, verdict.status, verdict.message) for verdict in report.verdicts]
    assert report.points == exercise.points and not report.output


@by_id
def test_the_package_is_no_answer(exercise, tmp_path):
    """The reference under its own name, imported."""
    module, _, name = exercise.target.partition(":")
    path = tmp_path / "answers.py"
    path.write_text(f"from {module} import {name.partition('.')[0]} as {exercise.name}\n", encoding="utf-8")
    report = grade_file(exercise, path)
    assert {verdict.status for verdict in report.verdicts} == {status.PACKAGE_ANSWER}


@by_lesson
def test_a_lesson_runs_with_hint_three(lesson, tmp_path):
    path = tmp_path / "answers.py"
    path.write_text(hint_three(lesson), encoding="utf-8")
    command = [sys.executable, "-m", "minigen", "run", lesson, "--quick", "--with", str(path), "--out", str(tmp_path)]
    root = str(Path(stubs.__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, env=environment
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    for exercise in catalog.exercises_of(lesson):
        assert f"your {exercise.name} was " in done.stdout, done.stdout[-2000:]
    assert " was called " in done.stdout, "none of them was called"


@by_lesson
def test_a_lesson_has_exercises_enough(lesson):
    exercises = catalog.exercises_of(lesson)
    assert len(exercises) >= (3 if lesson in ("gan/02", "vae/08", "flow/05", "diffusion/04") else 1)
    assert all(exercise.points >= 5 and len(answers_of(exercise).mistakes) >= 3 for exercise in exercises)
