"""Every exercise of every lesson: the author's proofs, and a student's evening from the stub to full points.

`solutions/` has one file of answers for a lesson, functions only: they must work with the imports that the stub gives.
"""

import ast
from pathlib import Path

import pytest

from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.grade import grade_file, read_submission
from minigen.course.exercise.prove import prove

EXERCISES = catalog.all_exercises()
SOLUTIONS = Path(__file__).with_name("solutions")
by_id = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


def solution(lesson: str) -> str:
    """The stub file of a lesson with its functions replaced by the answers."""
    answers = (SOLUTIONS / f"{lesson.replace('/', '_')}.py").read_text(encoding="utf-8")
    text = stubs.stub_file(catalog.exercises_of(lesson))
    for node in ast.parse(answers).body:
        text = stubs.replace_function(text, node.name, ast.get_source_segment(answers, node))
    return text


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
def test_a_solution_gets_full_points(exercise, tmp_path):
    path = tmp_path / "answers.py"
    path.write_text(solution(exercise.lesson), encoding="utf-8")
    report = grade_file(exercise, path)
    assert report.passed, [(verdict.case, verdict.status, verdict.message) for verdict in report.verdicts]
    assert report.points == exercise.points and not report.output


@by_id
def test_the_package_is_no_answer(exercise, tmp_path):
    """The reference under its own name, imported."""
    module, _, name = exercise.target.partition(":")
    path = tmp_path / "answers.py"
    path.write_text(f"from {module} import {name.partition('.')[0]} as {exercise.name}\n", encoding="utf-8")
    report = grade_file(exercise, read_submission(path))
    assert {verdict.status for verdict in report.verdicts} == {status.PACKAGE_ANSWER}


@pytest.mark.parametrize("lesson", sorted({exercise.lesson for exercise in EXERCISES}))
def test_a_lesson_has_exercises_enough(lesson):
    exercises = catalog.exercises_of(lesson)
    assert len(exercises) >= 1
    assert all(exercise.points >= 5 and len(exercise.mistakes) >= 3 for exercise in exercises)


@pytest.mark.parametrize("lesson", ["gan/02", "vae/08", "flow/05", "diffusion/04"])
def test_the_first_four_lessons_have_three(lesson):
    assert len(catalog.exercises_of(lesson)) >= 3
