"""What a worker is sent of an exercise's file: its drivers and what they call, and no word of the answer."""

import re
import types

import pytest

from minigen.course.exercise import catalog
from minigen.course.exercise.grading.drivers import drivers_of, load_drivers

EXERCISES = catalog.all_exercises()
by_id = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


@by_id
def test_the_drivers_are_those_of_the_file(exercise):
    """The same instructions at the same lines, so that an error names the line of the file."""
    drivers = load_drivers(drivers_of(exercise), str(exercise.path), [case.name for case in exercise.cases])
    for driver, case in zip(drivers, exercise.cases, strict=True):
        assert _code(driver.__code__) == _code(case.driver.__code__)


def _code(code: types.CodeType) -> tuple:
    """Instructions, their lines, names and constants, without docstrings."""
    constants = [_code(value) if isinstance(value, types.CodeType) else value for value in code.co_consts[1:]]
    return code.co_code, code.co_names, constants, [line for *_, line in code.co_lines() if line != code.co_firstlineno]


@by_id
def test_a_worker_is_sent_no_prompt_no_hint_and_no_expected_value(exercise):
    text = drivers_of(exercise)
    assert not re.search(r"\bExercise\b|\bexpect=|\.case\(|#", text)
    squeezed = "".join(text.split())
    lines = [line for hint in exercise.hints for line in hint.splitlines()] + exercise.prompt.splitlines()
    words = [case.about for case in exercise.cases if len(case.about) > 20]
    for line in [line for line in lines if len("".join(line.split())) > 25] + words:
        assert "".join(line.split()) not in squeezed, line
    for case in exercise.cases:
        for value in case.expect.values():
            digits = re.findall(r"\d\.\d{5,}", repr(value))
            assert not [number for number in digits if number in text]


def test_only_what_drivers_need_is_sent():
    """A lesson's other exercises, and helpers of theirs alone, stay here."""
    one, other = catalog.exercises_of("gan/02")[:2]
    for exercise, theirs in ((one, other), (other, one)):
        text = drivers_of(exercise)
        assert not [case.name for case in theirs.cases if f"def {case.name}(" in text]


def test_a_file_that_has_changed_since_is_noticed(tmp_path):
    path = tmp_path / "gan" / "02_gan" / "exercise.py"
    path.parent.mkdir(parents=True)
    source = catalog.find("gan/02/discriminator_loss")[0].path.read_text()
    path.write_text(source)
    exercise = catalog.load(path)[0]
    path.write_text("import os\n\n" + source)
    with pytest.raises(LookupError, match="has changed"):
        drivers_of(exercise)
