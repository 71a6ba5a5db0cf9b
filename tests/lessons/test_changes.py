"""The invitations of every lesson: each one is made and run, and shows what its answer says."""

import ast
import re
from pathlib import Path

import pytest

from minigen.course.cells import cells_of, is_change
from minigen.course.index.lessons import scan_lessons, short_id
from minigen.course.lesson.changes import changes_of, edited, invitations, try_change

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


def source_of(lesson) -> str:
    return lesson.path.read_text(encoding="utf-8")


def answers_of(lesson) -> dict[str, str]:
    return {change.name: change.answer for change in invitations(source_of(lesson))}


@each_lesson
def test_an_invitation_is_a_cell_with_an_edit_beside_the_lesson(lesson):
    """Its texts are literals, its name is that of an edit, and the edit leaves Python that can be read."""
    source = source_of(lesson)
    code = [cell.text for cell in cells_of(source) if not cell.is_text]
    calls = sum(text.count("lesson.change(") for text in code)
    alone = [text for text in code if len(ast.parse(text).body) == 1 and is_change(ast.parse(text).body[0])]
    assert len(alone) == calls, "lesson.change stands in a cell of its own"
    asked, changes = answers_of(lesson), changes_of(lesson)
    assert list(asked) == list(changes), "lesson.py and changes.py name the same changes, in the same order"
    assert len(asked) == calls, "two changes have one name"
    for change in changes.values():
        ast.parse(edited(source, change))


def test_no_invitation_is_only_a_sentence_of_the_text():
    found = set()
    for lesson in LESSONS:
        texts = [cell.text for cell in cells_of(source_of(lesson)) if cell.is_text]
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
