"""Slides of a lesson: what is on them, in which order, and that no answer is on or before the slide of its question."""

import pytest

from minigen.classroom.teaching.deck import markdown_of
from minigen.classroom.teaching.slides import UNITS, Slide, _sentences, _text, _without_docstring, slides_of
from minigen.cli import main
from minigen.course.index.lessons import all_lessons
from minigen.course.lesson import blocks, recorded
from minigen.course.reading.composition import compose

RECORDED = [lesson for lesson in all_lessons() if recorded.read(lesson).result is not None]


@pytest.fixture(scope="module")
def readings():
    return [compose(lesson, recorded.read(lesson).result) for lesson in RECORDED]


def test_every_question_is_followed_by_its_answer_and_does_not_hold_it(readings):
    for reading in readings:
        slides = slides_of(reading)
        asked = [i for i, slide in enumerate(slides) if slide.kind == "question"]
        assert len(asked) == len(reading.questions)
        for i, question in zip(asked, reading.questions):
            answer = slides[i + 1]
            assert answer.kind == "answer" and question.outcome.text in answer.body, reading.lesson.id
            assert question.outcome.text not in "".join(slide.body + slide.notes for slide in slides[: i + 1])
            assert question.question in slides[i].body
            assert all(choice in slides[i].body for choice in question.choices)


def test_what_a_prediction_closes_comes_after_its_answer(readings):
    for reading in readings:
        bodies = [slide.body for slide in slides_of(reading)]
        for block in reading.blocks:
            if isinstance(block, blocks.Picture) and block.closed_by is not None:
                shown = next(i for i, body in enumerate(bodies) if f"/{block.file})" in body)
                answered = next(i for i, body in enumerate(bodies) if f"Prediction {block.closed_by + 1}: " in body)
                assert shown > answered, (reading.lesson.id, block.file)


def test_every_picture_exercise_and_section_has_a_slide_in_the_order_of_the_page(readings):
    for reading in readings:
        text = "\n".join(slide.body for slide in slides_of(reading))
        pictures = [block.file for block in reading.blocks if isinstance(block, blocks.Picture)]
        places = [text.index(f"/{file})") for file in pictures]
        assert places == sorted(places) and len(set(places)) == len(places)
        for block in reading.blocks:
            if isinstance(block, blocks.ExerciseBox):
                assert f"Your turn: `{block.id}`" in text
        shown = dict.fromkeys(slide.section for slide in slides_of(reading))
        headings = [block.text for block in reading.blocks if isinstance(block, blocks.Heading)]
        assert [name for name in shown if name != "Sources"] == headings


def test_every_displayed_equation_outside_of_a_fold_is_on_a_slide(readings):
    for reading in readings:
        text = "".join("".join(slide.body.split()) for slide in slides_of(reading))
        for block in reading.blocks:
            if isinstance(block, blocks.Text) and "<details>" not in block.text:
                for formula in block.text.split("$$")[1::2]:
                    assert "".join(formula.split()) in text, (reading.lesson.id, formula)


def test_a_text_is_cut_into_slides_and_kept_whole_in_the_notes():
    text = (
        "First. Second $a. B$ third. Fourth. Fifth.\n\nIt follows that\n$$\nx = 1.\n$$\n\n"
        + "Word. " * 3
        + "\n\n1. one\n2. two"
    )
    made = list(_text(blocks.Text(text), "S"))
    assert made[0] == Slide("S", "text", made[0].body, text)
    assert made[0].body.startswith("First. Second $a. B$ third.") and "Fourth" not in made[0].body
    assert "It follows that\n\n$$\nx = 1.\n$$" in made[0].body
    assert made[-1].body.endswith("1. one\n2. two")
    assert all(slide.notes == "" for slide in made[1:])
    many = "\n\n".join(f"Sentence {i}." for i in range(20))
    assert [slide.body.count("Sentence") for slide in _text(blocks.Text(many), "S")] == [UNITS, UNITS, 20 - 2 * UNITS]


def test_a_derivation_is_only_in_the_notes():
    text = "<details><summary>Derivation: one</summary>\n\nIt is one.\n\n</details>"
    assert list(_text(blocks.Text(text), "S")) == []
    both = list(_text(blocks.Text(f"Before.\n\n{text}"), "S"))
    assert [slide.body for slide in both] == ["Before."] and text in both[0].notes


def test_sentences():
    text = "By Eq. gan.07, Goodfellow et al. 2014 have $f(x). G$. `A. B` is code. It ends? Yes."
    assert _sentences(text) == [
        "By Eq. gan.07, Goodfellow et al. 2014 have $f(x). G$.",
        "`A. B` is code.",
        "It ends?",
        "Yes.",
    ]


def test_code_without_docstrings():
    code = 'def f(x):\n    """One.\n\n    Two.\n    """\n    return x\n\n\nclass A:\n    """A."""'
    assert _without_docstring(code) == 'def f(x):\n    return x\n\nclass A:\n    """A."""'


def test_a_heading_or_a_break_begins_each_slide(readings):
    slides = slides_of(readings[0])
    text = markdown_of(readings[0], slides)
    assert text.count("\n## ") + text.count("{revealjs-break}") + 1 == len(slides)


def test_without_a_record_there_are_none(write_lesson, capsys):
    write_lesson("gan/02_gan")
    assert main(["slides", "gan/02"]) == 2
    assert "gan/02_gan has no recorded run: make a record with  minigen record gan/02_gan\n" in capsys.readouterr().err
