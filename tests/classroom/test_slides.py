"""Slides of a lesson: what is on them, in which order, and that no answer comes before its question or unasked for."""

import statistics
from pathlib import Path

import pytest

from minigen.classroom.teaching import deck
from minigen.classroom.teaching.deck import page_of
from minigen.classroom.teaching.slides import (
    Slide,
    _equations,
    _sentences,
    _sentences_of,
    _without_docstring,
    markdown_of,
    slides_of,
)
from minigen.cli import main
from minigen.course.console import UsageError
from minigen.course.index.lessons import all_lessons
from minigen.course.lesson import blocks, recorded
from minigen.course.reading.composition import compose

RECORDED = [lesson for lesson in all_lessons() if recorded.read(lesson).result is not None]


@pytest.fixture(scope="module")
def readings():
    return [compose(lesson, recorded.read(lesson).result) for lesson in RECORDED]


def core(reading) -> list:
    return [section for section in reading.sections if section.number and not section.is_aside]


def test_a_lecture_has_about_twenty_slides(readings):
    """A lesson with four predictions has; one with twelve has more, two for each."""
    counts = [len(slides_of(reading)) for reading in readings]
    assert 19 <= statistics.median(counts) <= 30 and max(counts) <= 45
    few = [len(slides_of(reading)) for reading in readings if len(reading.questions) <= 4]
    assert all(13 <= count <= 28 for count in few) and 18 <= statistics.median(few) <= 24


def test_every_question_is_followed_by_its_result_and_does_not_hold_it(readings):
    for reading in readings:
        slides = slides_of(reading)
        asked = [i for i, slide in enumerate(slides) if slide.kind == "question"]
        wanted = [block for section in core(reading) for block in section.blocks if isinstance(block, blocks.Question)]
        assert len(asked) == len(wanted)
        for i, question in zip(asked, wanted):
            result = slides[i + 1]
            assert result.kind == "answer" and question.outcome.text in result.body, reading.lesson.id
            assert question.outcome.text not in "".join(slide.body + slide.notes for slide in slides[: i + 1])
            assert question.question in slides[i].body
            assert all(choice in slides[i].body for choice in question.choices)
            for block in reading.blocks:
                if isinstance(block, blocks.Picture) and block.closed_by == question.number:
                    shown = [slide for slide in slides[1:] if f"/{block.file})" in slide.body]  # after the title
                    assert shown in ([result], [slides[i + 2]]), (reading.lesson.id, block.file)
                    assert shown == [result] or shown[0].kind == "evidence"


def test_no_slide_has_an_answer_unless_it_is_asked_for(readings):
    """Neither the body of a slide nor its notes hold the code of an exercise, line by line; with answers they do."""
    seen = 0
    for reading in readings:
        sources = [block for block in reading.blocks if isinstance(block, blocks.Source) and block.exercises]
        without, with_them = (slides_of(reading, answers) for answers in (False, True))
        text = "\n".join(slide.body + slide.notes for slide in without)
        assert not [slide for slide in without if slide.kind == "source"]
        for source in sources:
            bare = _without_docstring(source.code)
            assert bare not in text
            seen += bare in "\n".join(slide.body for slide in with_them)
        assert [slide for slide in with_them if slide.kind != "source"] and len(with_them) >= len(without)
    assert seen > 30


def test_equations_and_figures_of_the_core_are_shown_in_order(readings):
    for reading in readings:
        text = "".join("".join(slide.body.split()) for slide in slides_of(reading))
        for section in core(reading):
            open_blocks = [block for block in section.blocks if block.closed_by is None]
            for block in open_blocks:
                if isinstance(block, blocks.Text) and "<details>" not in block.text:
                    for formula in block.text.split("$$")[1::2]:
                        assert "".join(formula.split()) in text, (reading.lesson.id, formula)
            drawn = [block for block in open_blocks if isinstance(block, blocks.Figure | blocks.Animation)]
            places = [text.index(f"/{block.file})") for block in drawn if block != reading.lead]
            assert places == sorted(places)
        assert f"/{reading.lead.file})" in slides_of(reading)[0].body


def test_the_text_of_the_core_is_in_the_notes(readings):
    """All of it: what the speaker may say. The text below a question is in the notes of its result or later."""
    for reading in readings:
        notes = "\n".join(slide.notes for slide in slides_of(reading))
        for section in core(reading):
            assert all(block.text in notes for block in section.blocks if isinstance(block, blocks.Text))


def test_the_frame_of_a_lecture(readings):
    """The title with its picture, the problem, the sections, what to remember, the exercises, sources and licence."""
    (reading,) = [reading for reading in readings if reading.lesson.id == "gan/02_gan"]
    slides = slides_of(reading)
    headings = [slide.heading for slide in slides if slide.heading]
    sections = [f"## {section.heading}" for section in core(reading)]
    frame = ["# Generative adversarial networks", "## The problem", *sections, "## To remember", "## Your turn"]
    assert headings == [*frame, "## Sources"] and "## 6. Was it luck, and what mattered?" not in headings
    assert "Suppose you have thousands of photographs" in slides[1].body and slides[1].body.endswith("?")
    assert "`gan/02/discriminator_loss`: 15 minutes" in slides[-2].body and "MIT licence" in slides[-1].body


def test_what_a_section_begins_with():
    text = "First. Second $a. B$ third. Fourth.\n\nFifth."
    assert _sentences_of(text, 2) == "First. Second $a. B$ third."
    assert _sentences_of(text, 4) == "First. Second $a. B$ third. Fourth.\n\nFifth."
    assert _sentences_of("There are two:\n\n- one\n- two\n\nMore.", 2) == "There are two:\n\n- one\n- two"
    assert _sentences_of("There are two.\n\n- one\n- two", 2) == "There are two."
    assert _sentences_of("It follows that\n$$\nx = 1\n$$\nso. More.", 3) == "It follows that"


def test_equations_have_the_sentence_that_leads_in():
    text = "Long before. It follows that\n$$\nx = 1.\n$$\nNext, here:\n\n$$\ny\n$$\n\n- a list\n\n$$\nz\n$$"
    wanted = ["It follows that\n\n$$\nx = 1.\n$$", "Next, here:\n\n$$\ny\n$$", "$$\nz\n$$"]
    assert list(_equations(text)) == wanted


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


# ------------------------------------------------------------------------------------------- as files


def test_markdown_and_back():
    """What is written can be edited, and is one slide for each; Pandoc's notes become those of the deck."""
    slides = [Slide("title", "# T", "![a](pictures/a.webp)"), Slide("question", "", "**Q**\n\n- a", "say *this*")]
    text = markdown_of([*slides, Slide("text", "## S", "It.")])
    assert text == (
        "# T\n\n![a](pictures/a.webp)\n\n---\n\n**Q**\n\n- a\n\n::: notes\nsay *this*\n:::\n\n---\n\n## S\n\nIt.\n"
    )
    page = page_of(text)
    assert page.count("{revealjs-break}") == 1 and page.startswith("# T") and "\n## S\n" in page
    assert '<aside class="notes">' in page and "say *this*" in page and ":::" not in page


def test_the_source_to_edit(tmp_path, monkeypatch, capsys):
    """With its pictures; a second time it stays as it was edited, and it is built by its name."""
    monkeypatch.chdir(tmp_path)
    assert main(["slides", "gan/02", "--markdown", "--out", "monday"]) == 0
    text = Path("monday/slides.md").read_text()
    named = [line.partition("](")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(named) > 5 and all((tmp_path / "monday" / name).is_file() for name in named)
    Path("monday/slides.md").write_text("# Mine\n")
    assert main(["slides", "gan/02", "--markdown", "--out", "monday"]) == 2
    assert Path("monday/slides.md").read_text() == "# Mine\n" and "already exists" in capsys.readouterr().err
    built = []
    monkeypatch.setattr(deck, "build", lambda *args: built.append(args) or 1)
    assert main(["slides", "monday/slides.md"]) == 0
    assert built == [("# Mine\n", Path("monday/pictures"), Path("monday/html"))]
    assert main(["slides", "monday/slides.md", "--answers"]) == 2 and main(["slides", "no.md"]) == 2


def test_figures_alone(tmp_path, readings):
    (reading,) = [reading for reading in readings if reading.lesson.id == "gan/02_gan"]
    count = deck.write_figures(reading, tmp_path / "figures")
    pictures = [block for block in reading.blocks if isinstance(block, blocks.Picture)]
    text = (tmp_path / "figures" / "captions.md").read_text()
    assert count == len(pictures) and "MIT licence" in text and "gan/02_gan" in text
    for block in pictures:
        assert (tmp_path / "figures" / block.file).stat().st_size > 1000 and block.caption in text
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot write the pictures"):
        deck.write_figures(reading, tmp_path / "file")


def test_without_a_record_there_are_none(write_lesson, capsys):
    write_lesson("gan/02_gan")
    assert main(["slides", "gan/02"]) == 2
    assert "gan/02_gan has no recorded run: make a record with  minigen record gan/02_gan\n" in capsys.readouterr().err


def test_without_its_packages_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(deck, "NEEDED", {"no_such_package": "no-such-package"})
    assert main(["slides", "gan/02"]) == 2
    assert "python -m pip install no-such-package brings it" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
