"""The prose of the lessons: what the rules of `tests/lessons/prose.py` find is what the list allows."""

import pytest

from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import short_id
from tests.lessons import prose

SOURCES = prose.sources()
ALLOWED = prose.allowed()


@pytest.mark.parametrize("lesson", SOURCES)
def test_a_lesson_has_what_the_list_allows(lesson):
    wrong = prose.differences(lesson, prose.hits_of(SOURCES[lesson]), ALLOWED.get(lesson, {}))
    assert not wrong, "\n".join(wrong)


def test_the_list_names_lessons_and_rules():
    assert ALLOWED.keys() <= SOURCES.keys()
    assert {rule for counts in ALLOWED.values() for rule in counts} <= set(prose.RULES)
    assert all(number > 0 for counts in ALLOWED.values() for number in counts.values()), "leave out what is 0"
    assert prose.ALLOWED.read_text(encoding="utf-8") == prose.text_of(ALLOWED), "written by tests/lessons/prose.py"


def test_the_message_says_what_to_do():
    found = rules_of(OPENING + CELL.format("The error is less the mean.")) and hits(CELL.format("less the mean"))
    (above,) = prose.differences("gan/01", found, {})
    assert "Mend" in above and "line 2: less the mean" in above and "minus" in above
    (below,) = prose.differences("gan/01", found, {"less the": 3})
    assert "lower the number" in below and 'under ["gan/01"]' in below
    assert prose.differences("gan/01", found, {"less the": 1}) == []


def test_the_list_only_shrinks():
    found = {"gan/01": hits(CELL.format("less the mean")), "gan/02": hits(CELL.format("less the mean, less the mean"))}
    before = {"gan/01": {"less the": 2, "anew": 1}, "gan/02": {"less the": 1}, "gan/03": {"anew": 1}}
    assert prose.lowered(before, found) == {"gan/01": {"less the": 1}, "gan/02": {"less the": 1}}


def test_each_lesson_is_read_by_the_parser_of_lessons():
    assert len(SOURCES) > 60 and all(isinstance(source, LessonSource) for source in SOURCES.values())
    assert all(id.count("/") == 1 and short_id(prose.LESSONS / id) == id for id in SOURCES)


# -- each rule sees a mistake that is planted --------------------------------------------------------------------------

OPENING = "# %% [markdown]\n# # A title\n# Text.\n\n"
CELL = "# %% [markdown]\n# {}\n\n"
CODE = "# %%\n{}\n\n"


def hits(text):
    return prose.hits_of(LessonSource(text))


def rules_of(text):
    return [hit.rule for hit in hits(text)]


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        (CELL.format("Replace the mean by\n# the median."), "replace by"),
        (CODE.format('lesson.figure(fig, "name", "Errors " f"of {x}, also where x = 0.")'), "also if"),
        (CODE.format("x = 1  # the value stands") + CELL.format("Text."), "stands"),
        (CODE.format('lesson.check("the gradient in x", 1, equals=1)\n\n# %% [markdown]\n# Text.'), "gradient in x"),
    ],
)
def test_constructions_are_seen_in_text_and_code(cell, rule):
    assert rules_of(OPENING + cell) == [rule]


def test_a_hit_has_the_line_of_its_paragraph():
    text = OPENING + "# %% [markdown]\n# ## A heading\n#\n# Text.\n#\n# It is\n# less the mean.\n"
    (hit,) = hits(text)
    assert text.split("\n")[hit.line - 1] == "# It is"


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ('"How large is it?"', 0),
        ('"How large is it? (A guess will do.)"', 0),
        ('f"How large is {x}?"', 0),
        ('"The error is"', 1),
        ('"How large? About"', 1),
    ],
)
def test_a_prediction_is_a_question(question, found):
    assert rules_of(CODE.format(f'lesson.predict({question}, ["a", "b"])')) == [prose.QUESTION] * found


PREDICT = 'lesson.predict("How large is it?", ["about 10", "100", "the mean is larger"])\n'


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ('"The error is 100, because it doubles.", answer="100"', []),
        ('f"The error {word} to {x:.1f}. So much.", answer=None', [prose.NO_VERB]),
        ('f\'The error {"falls" if x < 1 else "rises"} to {x:.1f}.\', answer=None', []),
        ('f"{x:.1f}. The error is large.", answer=None', [prose.NO_VERB]),
        ('"U2: " + ", ".join(all), answer=None', [prose.NO_VERB]),
        ('"100, as it is 10 times 10.", answer="100"', [prose.REPEATS]),
        ('"100.5 is the error.", answer="100"', []),
        ('"The mean is larger than the median is.", answer=answer', []),
        ('"The mean is larger: it is 3.", answer=answer', [prose.REPEATS]),
        ('f"{x}, is what it is.", answer=f"{x}"', [prose.REPEATS]),
        ('f"{y}, is what it is.", answer=f"{x}"', []),
        ("sentence, answer=answer", []),
    ],
)
def test_an_outcome_is_a_sentence_and_not_its_choice(call, found):
    assert rules_of(CODE.format(PREDICT) + CODE.format(f"lesson.outcome({call})")) == found


def test_a_first_sentence_ends_where_the_next_begins():
    assert prose.first_sentence("It is 0.5 of W. Then more.") == "It is 0.5 of W. Then more."  # of a single letter
    assert prose.first_sentence("It is 0.5. Then more.") == "It is 0.5."
    assert prose.first_sentence("…. Then more.") == "…."


@pytest.mark.parametrize(
    ("end", "what"),
    [
        (CODE.format('lesson.table([[1]], ["a"])'), "a table"),
        (CODE.format('lesson.figure(fig, "name", "A caption.")\nlesson.check("a", 1, equals=1)'), "a check"),
        (CODE.format("x = 1\nprint(x)"), "code"),
        (CODE.format("lesson.show_source(f)"), "code"),
        (CELL.format("| a |\n# | - |\n# | 1 |"), "a table"),
        (CELL.format("```python\n# x = 1\n# ```"), "code"),
        (CODE.format('lesson.check("a", 1, equals=1)\nlesson.figure(fig, "name", "A caption.")'), ""),
        (CODE.format("x = 1") + CELL.format("It is 1."), ""),
        (CODE.format('lesson.change("a", "Change it.", answer="b")'), ""),
        (CELL.format("Text.") + CODE.format('lesson.claim("a", 1, at_least=0)\nlesson.finish()'), ""),
    ],
)
def test_a_section_ends_with_prose(end, what):
    """Also if another section follows, or its heading stands below other text in the same cell."""
    for after in ("", CELL.format("## Another\n# Text."), CELL.format("### A part\n#\n# Text.")):
        found = [hit for hit in hits(OPENING + CELL.format("## A section\n# Text.") + end + after)]
        assert [hit.words for hit in found] == ([f"“A section” ends with {what}"] if what else [])
        assert all(hit.rule == prose.ENDS for hit in found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("**Here is different:** the paper clips.", 1),
        ("Our deviations: the paper clips.", 1),
        ("*Our deviations.* The paper clips.", 1),
        ("**Ours:** the paper clips.", 1),
        ("- one\n# - **What we do otherwise:** two", 1),
        ("**What this lesson adds.** Clipping.", 1),
        ("**What this lesson does differently:** the paper clips.", 0),
        ("Ours has 900 sprites.", 0),
        ("The paper clips. Our deviations are small.", 0),
    ],
)
def test_differences_have_one_heading(text, found):
    assert rules_of(OPENING + CELL.format(text)) == [prose.DIFFERENCES] * found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Needed: `gan/01`.", 1),
        ("It uses `flow/03`.", 1),
        ("Read `gan/10` and `gan/11` first.", 1),
        ("Before this lesson: `gan/01`, and what a gradient is.", 0),
    ],
)
def test_prerequisites_have_one_form(text, found):
    assert rules_of(f"# %% [markdown]\n# # A title\n# The section. {text}\n") == [prose.PREREQUISITES] * found
    assert rules_of(OPENING + CELL.format(text)) == [], "below the opening the words are free"
