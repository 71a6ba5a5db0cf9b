"""A lesson as it is read: what stands where, what is folded, what a prediction keeps closed, with a run and without."""

import pytest

from minigen.course.index.lessons import LessonInfo, all_lessons
from minigen.course.lesson import blocks, recorded
from minigen.course.lesson.result import Result
from minigen.course.reading.composition import compose

HEAD = """\
# %% [markdown]
# # A title
#
# Words.

# %%
from minigen.course import Lesson

lesson = Lesson("gan/02_gan", title="A title", post="gan")

"""

RESULTS = (blocks.Printed, blocks.Checks, blocks.Table, blocks.Picture, blocks.Claims, blocks.Outcome)
LESSON = f"""\
{HEAD}
# %% [markdown]
# ## 1. Two
#
# Before the question.

# %%
lesson.predict("How many?", ["one", "two"])

# %%
lesson.exercise("gan/02/discriminator_loss")

# %% [markdown]
# How it is measured.

# %%
found = 1 + 1

# %%
print("found", found)

# %% [markdown]
# It is as with eyes.

# %%
found += 0

# %%
lesson.outcome("It was 2.", answer="two")

# %%
lesson.table([[found]], ["found"])
lesson.change("three", "Change 1 to 2: how many now?", answer="three")

# %% [markdown]
# Two, as said.
#
# ```python
# # no heading
# ```
#
# ## 2. And now
#
# In the open.

# %%
lesson.check("one", 1, equals=1)
lesson.check("two", 2, equals=2)
print("open")

# %%
lesson.finish()
"""

ENTRIES = [  # (statement, kind, payload)
    (2, "predict", {"question": "How many?", "choices": ["one", "two"]}),
    (3, "exercise", {"id": "gan/02/discriminator_loss"}),
    (5, "text", {"text": "found 2"}),
    (7, "outcome", {"text": "It was 2.", "answer": "two"}),
    (8, "table", {"title": "", "header": ["found"], "rows": [[2]]}),
    (9, "change", {"name": "three", "sentence": "Change 1 to 2: how many now?", "answer": "three"}),
    (10, "check", {"name": "one", "value": "1", "bar": "= 1", "status": "passed"}),
    (11, "check", {"name": "two", "value": "2", "bar": "= 2", "status": "passed"}),
    (12, "text", {"text": "open"}),
    (13, "claims", {"header": [], "rows": [["two", "2", "= 2", "passed", "Euclid"]], "calls": [0]}),
]


@pytest.fixture
def reading(tmp_path):
    """reading(source, outputs): a lesson of this text, "gan/02_gan", with these outputs or, if None, without a run."""

    def make(source=LESSON, outputs=ENTRIES):
        path = tmp_path / "gan" / "02_gan" / "lesson.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        result = None
        if outputs is not None:
            entries = [{"cell": 0, "statement": s, "kind": kind, "payload": payload} for s, kind, payload in outputs]
            result = Result(tmp_path, False, entries, {"recipe": "another"})
        return compose(LessonInfo("gan/02_gan", path, "A title", "gan"), result)

    return make


def described(reading):
    """The kind of each block and what it says, those that a prediction keeps closed with its number."""
    lines = []
    for block in reading.blocks:
        kind = type(block).__name__.lower()
        first = next((value for name, value in vars(block).items() if isinstance(value, str) and value), "")
        line = f"{kind} {first.splitlines()[0] if first else ''}".strip()
        lines.append(line if block.closed_by is None else f"{block.closed_by}| {line}")
    return lines


def test_text_code_and_outputs_in_order_and_what_is_closed(reading):
    made = reading()
    assert described(made) == [
        "heading A title",
        "text Words.",
        "code from minigen.course import Lesson",
        "heading 1. Two",
        "text Before the question.",
        "question How many?",
        "exercisebox gan/02/discriminator_loss",
        "text How it is measured.",
        "code found = 1 + 1",
        'code print("found", found)',
        "0| printed found 2",
        "0| text It is as with eyes.",
        "0| code found += 0",
        '0| code lesson.outcome("It was 2.", answer="two")',
        "0| outcome How many?",
        '0| code lesson.table([[found]], ["found"])',
        "0| table",
        "0| invitation three",
        "0| text Two, as said.",
        "heading 2. And now",
        "text In the open.",
        'code lesson.check("one", 1, equals=1)',
        "checks",
        "printed open",
        "claims",
    ]
    (question,) = made.questions
    assert question.outcome.label == "b) two" and question.outcome.text == "It was 2." and question.number == 0
    assert made.status == "code changed since" and made.result is not None
    text = next(block.text for block in made.blocks if isinstance(block, blocks.Text) and "Two" in block.text)
    assert text == "Two, as said.\n\n```python\n# no heading\n```"
    assert [block.level for block in made.blocks if isinstance(block, blocks.Heading)] == [1, 2, 2]
    (checks,) = (block for block in made.blocks if isinstance(block, blocks.Checks))
    assert [check.name for check in checks.checks] == ["one", "two"]


def test_without_a_run_the_same_is_closed(reading):
    made = reading(outputs=None)
    assert described(made) == [
        "heading A title",
        "text Words.",
        "code from minigen.course import Lesson",
        "heading 1. Two",
        "text Before the question.",
        "question How many?",
        "exercisebox gan/02/discriminator_loss",
        "text How it is measured.",
        "code found = 1 + 1",
        'code print("found", found)',
        "0| text It is as with eyes.",
        "0| code found += 0",
        '0| code lesson.outcome("It was 2.", answer="two")',
        '0| code lesson.table([[found]], ["found"])',
        "0| invitation three",
        "0| text Two, as said.",
        "heading 2. And now",
        "text In the open.",
        'code lesson.check("one", 1, equals=1)',
    ]
    assert made.questions[0].outcome is None and made.status == "not recorded"


def test_an_outcome_after_a_heading_keeps_everything_up_to_it_closed_but_the_heading(reading):
    source = f"""\
{HEAD}
# %%
lesson.predict("Which?", ["a", "b"])

# %% [markdown]
# ## How
#
# Train.

# %%
print(1)

# %% [markdown]
# One!
#
# ## And so
#
# More.

# %%
lesson.outcome("That.", answer="b")

# %%
print(2)

# %% [markdown]
# ## Another
#
# Open.
"""
    printed = [(3, "text", {"text": "1"}), (4, "outcome", {"text": "That.", "answer": "b"}), (5, "text", {"text": "2"})]
    asked = [(2, "predict", {"question": "Which?", "choices": ["a", "b"]})]
    assert described(reading(source, [*asked, *printed]))[3:] == [
        "question Which?",
        "heading How",
        "text Train.",
        "code print(1)",
        "0| printed 1",
        "0| text One!",
        "heading And so",
        "0| text More.",
        '0| code lesson.outcome("That.", answer="b")',
        "0| outcome Which?",
        "0| code print(2)",
        "0| printed 2",
        "heading Another",
        "text Open.",
    ]


def test_the_next_question_ends_what_a_question_keeps_closed(reading):
    source = f"""\
{HEAD}
# %%
lesson.predict("First?", ["a", "b"])

# %%
lesson.outcome("That.", answer="b")

# %% [markdown]
# As it should.

# %%
lesson.predict("Second?", ["c", "d"])

# %% [markdown]
# Not yet measured.

# %%
lesson.outcome("None is right.")
"""
    outputs = [
        (2, "predict", {"question": "First?", "choices": ["a", "b"]}),
        (3, "outcome", {"text": "That.", "answer": "b"}),
        (4, "predict", {"question": "Second?", "choices": ["c", "d"]}),
        (5, "outcome", {"text": "None is right.", "answer": None}),
    ]
    made = reading(source, outputs)
    closed = [line for line in described(made) if "|" in line or "ask" in line or "Not yet" in line]
    assert closed == [
        '0| code lesson.outcome("That.", answer="b")',
        "0| outcome First?",
        "0| text As it should.",
        "text Not yet measured.",
        '1| code lesson.outcome("None is right.")',
        "1| outcome Second?",
    ]
    assert [question.outcome.label for question in made.questions] == ["b) b", ""]


TELLING = {
    "a check": 'a = 2\nlesson.check("a", a, equals=2)',
    "a claim": 'a = 2\nlesson.claim("a", a, at_least=2)',
    "the answer": 'answer = "two" if a > 1 else "one"',
}


@pytest.mark.parametrize("code", TELLING.values(), ids=TELLING)
def test_code_that_says_what_must_come_out_is_closed_and_what_follows_it(reading, code):
    source = f"""\
{HEAD}
# %%
lesson.predict("How many?", ["one", "two"])

# %%
a = 1

# %%
{code}

# %% [markdown]
# In between.

# %%
print(a)
lesson.outcome("2", answer="two")
"""
    last = 4 + code.count("\n") + 1
    outputs = [
        (2, "predict", {"question": "How many?", "choices": ["one", "two"]}),
        (last + 1, "outcome", {"text": "2", "answer": "two"}),
    ]
    made = reading(source, outputs).blocks
    found = {block.code: block.closed_by for block in made if isinstance(block, blocks.Code)}
    assert found["a = 1"] is None and found[code] == 0
    assert next(block.closed_by for block in made if isinstance(block, blocks.Text) and "between" in block.text) == 0


def test_folded_code_that_makes_a_result_is_closed_with_it_and_other_folded_code_is_not(reading):
    drawing = 'fig, ax = plot.figure(1, 1)\nax.plot([1, 2])\nlesson.figure(fig, "bars", "Look *left*.")'
    source = f"""\
{HEAD}
# %%
lesson.predict("Which?", ["a", "b"])

# %%
def helper():
    a = 1
{chr(10).join("    a += 1" for _ in range(12))}
    return a

# %%
{drawing}

# %%
lesson.outcome("That.", answer="b")
"""
    outputs = [
        (2, "predict", {"question": "Which?", "choices": ["a", "b"]}),
        (5, "figure", {"file": "bars.webp", "caption": "Look *left*."}),
        (6, "outcome", {"text": "That.", "answer": "b"}),
    ]
    made = reading(source, outputs).blocks
    folded = {block.summary: block.closed_by for block in made if isinstance(block, blocks.Code) and block.summary}
    assert folded["code of the figure, 3 lines"] == 0
    assert folded["code of `helper`, 15 lines"] is None
    assert folded["what this lesson covers, 2 lines"] is None


def test_questions_and_choices_that_the_run_computes(reading):
    source = f"""\
{HEAD}
# %%
lesson.predict(f"It needs {{bits:.2f}} bits. And this one?", ["less", f"more than {{bits}}"])

# %%
lesson.predict("Which?", list(games))
"""
    first, second = reading(source, None).questions
    assert first.question == "It needs … bits. And this one?" and first.choices == ["less", "more than …"]
    assert second.question == "Which?" and second.choices == []


def test_exercises_that_the_lesson_does_not_point_to_stand_at_its_end_and_none_stands_twice(reading, tmp_path):
    (tmp_path / "gan" / "02_gan").mkdir(parents=True)
    exercises = 'Exercise("gan/02/discriminator_loss", ...)\nExercise("gan/02/another", ...)\n'
    (tmp_path / "gan" / "02_gan" / "exercise.py").write_text(exercises, encoding="utf-8")
    twice = [*ENTRIES[:2], ENTRIES[1], *ENTRIES[2:]]
    assert described(reading(outputs=twice)).count("exercisebox gan/02/discriminator_loss") == 1
    assert described(reading(outputs=twice))[-2:] == ["heading More exercises", "exercisebox gan/02/another"]
    assert described(reading(HEAD, []))[-3] == "heading Exercises"


# -- the lessons themselves --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def readings():
    """All lessons as they are read, by their ids."""
    return {lesson.id: compose(lesson, recorded.read(lesson).result) for lesson in all_lessons()}


def test_no_result_of_a_prediction_is_open(readings):
    """From a question to its outcome, and on to the next heading, no result is open, nor code that names the answer."""
    for id, made in readings.items():
        question, is_answered = None, False
        for block in made.blocks:
            if isinstance(block, blocks.Question):
                question, is_answered = block, False
            elif isinstance(block, blocks.Heading) and is_answered:
                question = None
            shows = isinstance(block, RESULTS)
            tells = isinstance(block, blocks.Code) and "lesson.outcome(" in block.code
            if question is not None and (shows or tells):
                assert block.closed_by == question.number, f"{id}: {block}"
            is_answered |= isinstance(block, blocks.Outcome) or tells
        outcomes = [block for block in made.blocks if isinstance(block, blocks.Outcome)]
        assert len(outcomes) == len([question for question in made.questions if question.outcome]), id
        assert made.result is None or all(question.outcome for question in made.questions), id
        assert all(block.closed_by is None or block.closed_by < len(made.questions) for block in made.blocks), id


CLOSED = {  # the pictures and tables, by name or first column, that each prediction of a lesson keeps closed
    "gan/04_nash_equilibrium": [
        [],
        ["f03_game"],
        ["steps"],
        ["simultaneous steps", "momentum"],
        ["alternating steps"],
        ["four_ways"],
        ["points averaged"],
        ["tiny_gan", "distance at the end / at the start"],
    ],
    "vae/07_elbo": [
        ["approximation q"],
        ["KL", "f06_two_directions"],
        ["two codes", "every_q"],
        ["optimization"],
        [],
        ["mistake"],
    ],
    "flow/03_change_of_variables": [
        ["x"],
        ["misfit of 60 bins, in standard errors", "four_maps"],
        ["mistake", "log-likelihood of x = 3"],
        [],
        [],
    ],
    "diffusion/03_reverse_process": [
        ["the density of a reverse step", "step_back", "x_0"],
        ["f02_step_back"],
        ["200 steps"],
        ["nats above the entropy", "bound"],
    ],
}


@pytest.mark.parametrize("id", CLOSED)
def test_which_pictures_and_tables_belong_to_which_prediction(readings, id):
    found: list[list[str]] = [[] for _ in readings[id].questions]
    for block in readings[id].blocks:
        if block.closed_by is not None and isinstance(block, blocks.Picture):
            found[block.closed_by].append(block.file.removesuffix(".webp"))
        if block.closed_by is not None and isinstance(block, blocks.Table):
            found[block.closed_by].append(block.title or block.header[0])
    assert found == CLOSED[id]


def test_headings_exercises_and_questions_are_always_open(readings):
    for id, made in readings.items():
        always = [
            block for block in made.blocks if isinstance(block, blocks.Heading | blocks.ExerciseBox | blocks.Question)
        ]
        assert all(block.closed_by is None for block in always), id
        placed = [block.id for block in made.blocks if isinstance(block, blocks.ExerciseBox)]
        own = {f"{made.lesson.id[: -len(made.lesson.name) - 1]}/{name}" for name in made.lesson.exercises}
        assert len(placed) == len(set(placed)) and own <= set(placed), id
