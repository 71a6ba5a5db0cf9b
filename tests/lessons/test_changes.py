"""The invitations of every lesson: each one is made and run, and shows what its answer says."""

import ast
import re
from pathlib import Path

import pytest

from minigen.course.index.lessons import scan_lessons, short_id
from minigen.course.lesson.changes import changes_of, edited, invitation_calls, invitations, try_change

ROOT = Path(__file__).resolve().parents[2]
LESSONS = scan_lessons(ROOT / "lessons")[0]
BY_HAND = ("start/01", "gan/01")  # their changes are shown within a second

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)


def with_changes(lessons):
    return [
        pytest.param(lesson, name, id=f"{short_id(lesson.path.parent)}-{name}")
        for lesson in lessons
        for name in changes_of(lesson)
    ]


def answers_of(lesson) -> dict[str, str]:
    return {change.name: change.answer for change in invitations(lesson.source)}


@each_lesson
def test_an_invitation_is_a_cell_with_an_edit_beside_the_lesson(lesson):
    """Its texts are literals, its name is that of an edit, and the edit leaves Python that can be read."""
    source = lesson.source
    calls = sum(cell.text.count("lesson.change(") for cell in source.cells if not cell.is_text)
    held = [statement.cell for statement in source.statements]
    alone = [call for call in invitation_calls(source) if held.count(call.cell) == 1]
    assert len(alone) == calls, "lesson.change stands in a cell of its own"
    asked, changes = answers_of(lesson), changes_of(lesson)
    assert list(asked) == list(changes), "lesson.py and changes.py name the same changes, in the same order"
    assert len(asked) == calls, "two changes have one name"
    for change in changes.values():
        ast.parse(edited(source, change))


def test_no_invitation_is_only_a_sentence_of_the_text():
    found = set()
    for lesson in LESSONS:
        texts = [cell.text for cell in lesson.source.cells if cell.is_text]
        if any(re.search(r"\*Change\b(?! of Variable)", text) for text in texts):
            found.add(short_id(lesson.path.parent))
    assert found == set(), "write lesson.change and its edit"


@pytest.mark.parametrize(("lesson", "name"), with_changes([x for x in LESSONS if short_id(x.path.parent) in BY_HAND]))
def test_a_change_by_hand_shows_what_is_said(lesson, name, tmp_path):
    tried = try_change(lesson, changes_of(lesson)[name], answers_of(lesson)[name], tmp_path)
    assert not tried.problems, tried


@pytest.mark.slow
@pytest.mark.parametrize(("lesson", "name"), with_changes(LESSONS))
def test_a_change_shows_what_is_said(lesson, name, tmp_path):
    tried = try_change(lesson, changes_of(lesson)[name], answers_of(lesson)[name], tmp_path)
    assert not tried.problems, tried
