"""Every exercise of every lesson: the author's proofs, and the way from the stub to hint three."""

import numpy as np
import pytest

from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.grade import grade_file, judge
from minigen.course.exercise.grading.in_process import grade_source
from minigen.course.exercise.grading.reference import references
from minigen.course.exercise.prove import prove
from minigen.nn import Module
from minigen.tensor import leaves

EXERCISES = catalog.all_exercises()
by_id = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
by_lesson = pytest.mark.parametrize("lesson", catalog.lesson_ids())


@pytest.mark.slow
@by_id
def test_the_authors_proofs_stand(exercise):
    proof = prove(exercise, seeds=20, mistake_seeds=5)  # `minigen exercise prove` takes all 20 for the mistakes too
    assert proof.stands, proof.problems
    assert proof.score >= 0.95
    assert not proof.survivors, "list what computes the same, with the reason; catch the rest"


@by_id
def test_the_reference_passes_and_the_stub_fails(exercise):
    """In this process, as the book's pages check; the code of hint three is a variant in the proofs."""
    wanted = references(exercise, 0)
    report = judge(exercise, [row.outcome for row in wanted], wanted)
    assert report.passed, [(verdict.case, verdict.status, verdict.message) for verdict in report.verdicts]
    assert report.points == exercise.points
    report = grade_source(exercise, stubs.stub(exercise))
    assert {verdict.status for verdict in report.verdicts} == {status.STUB} and report.points == 0


@pytest.mark.slow
@by_lesson
def test_a_file_of_stubs_and_of_third_hints(lesson, tmp_path, hint_three):
    """From end to end for an exercise of each lesson: the stub fails as one, hint three gets full points."""
    exercises = catalog.exercises_of(lesson)
    path = tmp_path / "answers.py"
    path.write_text(stubs.stub_file(exercises), encoding="utf-8")
    report = grade_file(exercises[0], path)
    assert {verdict.status for verdict in report.verdicts} == {status.STUB} and report.points == 0
    path.write_text(hint_three(lesson), encoding="utf-8")
    report = grade_file(exercises[-1], path)
    assert report.passed, [(verdict.case, verdict.status, verdict.message) for verdict in report.verdicts]
    assert report.points == exercises[-1].points and not report.output


def one_of_each_kind() -> list[Exercise]:
    """The first exercise of each post whose target is a function, one of several that are hidden, or a method."""
    found: dict[tuple, Exercise] = {}
    for exercise in EXERCISES:
        kind = exercise.id.partition("/")[0], bool(exercise.blocked), "." in exercise.target.partition(":")[2]
        found.setdefault(kind, exercise)
    return list(found.values())


@pytest.mark.slow
@pytest.mark.parametrize("exercise", one_of_each_kind(), ids=lambda exercise: exercise.id)
def test_the_package_is_no_answer(exercise, tmp_path):
    """The reference under its own name, imported."""
    module, _, name = exercise.target.partition(":")
    path = tmp_path / "answers.py"
    owner = name.partition(".")[0]  # of a method: its class
    path.write_text(f"from {module} import {owner}\n{exercise.name} = {name}\n", encoding="utf-8")
    report = grade_file(exercise, path)
    assert {verdict.status for verdict in report.verdicts} == {status.PACKAGE_ANSWER}


@by_id
def test_answers_cannot_be_looked_up(exercise):
    """Some points are for inputs that change with the seed, which a teacher keeps secret."""
    one, other = references(exercise, 0), references(exercise, 1)
    fixed = [case.points for case, a, b in zip(exercise.cases, one, other) if _written(a.calls) == _written(b.calls)]
    assert sum(fixed) < exercise.points


def _written(value) -> str:
    """Arguments in digits, as far as they are made of numbers."""
    if isinstance(value, (tuple, list)):
        return "".join(_written(item) for item in value)
    if isinstance(value, dict):
        return _written(list(value.values()))
    if isinstance(value, Module):
        return _written(leaves(value))
    if isinstance(value, np.ndarray):
        return f"{value.shape}{value.tobytes().hex()}"
    if isinstance(value, np.random.Generator):
        return str(value.bit_generator.state)
    return repr(value) if isinstance(value, (int, float, str)) else ""


def test_a_function_has_one_exercise():
    """`minigen exercise start NAME` finds it by its name alone."""
    ids: dict[str, list[str]] = {}
    for exercise in EXERCISES:
        ids.setdefault(exercise.name, []).append(exercise.id)
    assert [some for some in ids.values() if len(some) > 1] == [], "give the function another name"


@by_lesson
def test_a_lesson_has_exercises_enough(lesson):
    exercises = catalog.exercises_of(lesson)
    assert len(exercises) >= (3 if lesson in ("gan/02", "vae/08", "flow/05", "diffusion/04") else 1)
    assert all(exercise.points >= 5 and len(answers_of(exercise).mistakes) >= 3 for exercise in exercises)
