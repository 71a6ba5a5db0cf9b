"""A lesson as it is read: what stands where, what is folded, what a prediction keeps closed, with a run and without."""

from dataclasses import replace

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
        "0| outcome How many?",
        "0| table",
        "printed found 2",
        "text It is as with eyes.",
        "code found += 0",
        'code lesson.outcome("It was 2.", answer="two")',
        'code lesson.table([[found]], ["found"])',
        "invitation three",
        "text Two, as said.",
        "heading 2. And now",
        "text In the open.",
        'code print("open")',
        "checks",
        "printed open",
        "claims",
        'code lesson.check("one", 1, equals=1)',
    ]
    (question,) = made.questions
    assert question.outcome.label == "b) two" and question.outcome.text == "It was 2." and question.number == 0
    assert made.status == "code changed since" and made.result is not None
    text = next(block.text for block in made.blocks if isinstance(block, blocks.Text) and "Two" in block.text)
    assert text == "Two, as said.\n\n```python\n# no heading\n```"
    assert [block.level for block in made.blocks if isinstance(block, blocks.Heading)] == [1, 2, 2]
    (checks,) = (block for block in made.blocks if isinstance(block, blocks.Checks))
    assert [check.name for check in checks.checks] == ["one", "two"]


def test_without_a_run_the_code_of_the_outcome_is_closed(reading):
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
        '0| code lesson.outcome("It was 2.", answer="two")',
        "text It is as with eyes.",
        "code found += 0",
        'code lesson.table([[found]], ["found"])',
        "invitation three",
        "text Two, as said.",
        "heading 2. And now",
        "text In the open.",
        'code print("open")',
        'code lesson.check("one", 1, equals=1)',
    ]
    assert made.questions[0].outcome is None and made.status == "not recorded"


def test_what_only_shows_or_checks_is_folded_and_stands_below_what_it_shows(reading):
    source = f"""\
{HEAD}
# %%
# the sum
a = 1 + 1
fig, ax = plot.figure(1, 1)
ax.plot([a])
# of the picture
lesson.figure(fig, "bars")
b = a + 1  # is taught
for k in range(3):
    a += k
    a += k
    ax.plot([k])

# %%
lesson.check("a", a, equals=2)

# %% [markdown]
# Now.

# %%
def draw(ax):
    ax.plot([1])
    ax.plot([2])


def long():
    a = 1
{chr(10).join("    a += 1" for _ in range(12))}
    return a

# %%
print(long())
"""
    outputs = [
        (5, "figure", {"file": "bars.webp", "caption": ""}),
        (8, "check", {"name": "a", "value": "2", "bar": "= 2", "status": "passed"}),
        (11, "text", {"text": "13"}),
    ]
    made = [block for block in reading(source, outputs).blocks if block.cell > 1]
    loop = "for k in range(3):\n    a += k\n    a += k\n    ax.plot([k])"
    drawing = 'fig, ax = plot.figure(1, 1)\nax.plot([a])\n# of the picture\nlesson.figure(fig, "bars")'
    assert made[0].code == f"# the sum\na = 1 + 1\nb = a + 1  # is taught\n{loop}" and not made[0].folded
    assert [type(block).__name__ for block in made[1:3]] == ["Figure", "Checks"]
    assert (made[3].code, made[3].is_rest, made[3].folded) == (drawing, True, True)
    assert (made[4].code, made[4].is_rest, made[4].folded) == ('lesson.check("a", a, equals=2)', False, True)
    below = [(type(block).__name__, getattr(block, "code", "")[:9]) for block in made[5:]]
    assert below == [("Text", ""), ("Code", "def long("), ("Code", "def draw("), ("Code", "print(lon"), ("Printed", "")]
    assert [block.label for block in made if isinstance(block, blocks.Code)][-3:] == ["`long`", "", ""]


def test_code_that_is_open_and_tells_stands_below_the_answer(reading):
    source = f"""\
{HEAD}
# %%
lesson.predict("How many?", ["one", "two"])

# %%
a = 2

# %%
answer = "two" if a > 1 else "one"

# %%
lesson.outcome("2", answer="two")
"""
    outputs = [
        (2, "predict", {"question": "How many?", "choices": ["one", "two"]}),
        (5, "outcome", {"text": "2", "answer": "two"}),
    ]
    assert described(reading(source, outputs))[3:] == [
        "question How many?",
        "code a = 2",
        "0| outcome How many?",
        'code answer = "two" if a > 1 else "one"',
        'code lesson.outcome("2", answer="two")',
    ]


EVIDENCE = {  # the outputs of a question: t a table, f a figure, o its outcome, x text; and what is closed
    "the last one above": ("tfo", "of"),
    "of the same cell": ("t(of)", "of"),
    "text between is no matter": ("fxo", "of"),
    "one below": ("of", "of"),
    "but not below text": ("oxf", "o"),
    "none": ("o", "o"),
    "one, although there are more": ("fto", "ot"),
    "of two outcomes": ("foo", "oof"),
}


@pytest.mark.parametrize("written, closed", EVIDENCE.values(), ids=EVIDENCE)
def test_the_one_figure_or_table_that_is_closed_with_an_outcome(reading, written, closed):
    calls = {"t": 'lesson.table([[1]], ["t"])', "f": 'lesson.figure(fig, "f")', "o": 'lesson.outcome("It.")'}
    payloads = {
        "t": ("table", {"title": "", "header": ["t"], "rows": [[1]]}),
        "f": ("figure", {"file": "f.webp", "caption": ""}),
        "o": ("outcome", {"text": "It.", "answer": None}),
    }
    source, statement, within = f'{HEAD}\n# %%\nlesson.predict("Which?", ["a", "b"])\n', 3, False
    outputs = [(2, "predict", {"question": "Which?", "choices": ["a", "b"]})]
    for sign in written:
        if sign == "x":
            source += "\n# %% [markdown]\n# Between.\n"
        elif sign in "()":
            within = sign == "("
            source += "\n# %%\n"
        else:
            source += f"{calls[sign]}\n" if within else f"\n# %%\n{calls[sign]}\n"
            outputs.append((statement, *payloads[sign]))
            statement += 1
    signs = {blocks.Table: "t", blocks.Figure: "f", blocks.Outcome: "o"}
    made = reading(source, outputs).blocks
    assert "".join(signs[type(block)] for block in made if block.closed_by == 0) == closed
    shown = [sign for sign in written if sign in "tfo"]
    assert sorted(signs[type(block)] for block in made if type(block) in signs) == sorted(shown)


def test_an_answer_stands_above_the_heading_that_separates_it_from_its_question(reading):
    source = f"""\
{HEAD}
# %%
lesson.predict("Which?", ["a", "b"])

# %% [markdown]
# ## How

# %%
print(1)

# %% [markdown]
# ## And so

# %%
lesson.outcome("That.", answer="b")
"""
    printed = [(3, "text", {"text": "1"}), (4, "outcome", {"text": "That.", "answer": "b"})]
    asked = [(2, "predict", {"question": "Which?", "choices": ["a", "b"]})]
    assert described(reading(source, [*asked, *printed]))[3:] == [
        "question Which?",
        "heading How",
        "code print(1)",
        "0| outcome Which?",
        "printed 1",
        "heading And so",
        'code lesson.outcome("That.", answer="b")',
    ]


def test_each_question_has_its_own_answer(reading):
    source = f"""\
{HEAD}
# %%
lesson.predict("First?", ["a", "b"])

# %%
lesson.outcome("That.", answer="b")

# %%
lesson.predict("Second?", ["c", "d"])

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
    assert [line for line in described(made) if "|" in line] == ["0| outcome First?", "1| outcome Second?"]
    assert [question.outcome.label for question in made.questions] == ["b) b", ""]


def test_the_picture_at_the_top_is_the_one_that_the_lesson_names_or_the_first_that_is_open(reading):
    source = f"{HEAD}\n# %%\nlesson.predict('Which?', ['a', 'b'])\nlesson.figure(fig, 'one')\nlesson.outcome('It.')\n"
    source += "\n# %%\nlesson.figure(fig, 'two')\nlesson.figure(fig, 'three')\n"
    outputs = [
        (2, "predict", {"question": "Which?", "choices": ["a", "b"]}),
        (3, "figure", {"file": "one.webp", "caption": ""}),
        (4, "outcome", {"text": "It.", "answer": None}),
        (5, "figure", {"file": "two.webp", "caption": ""}),
        (6, "figure", {"file": "three.webp", "caption": ""}),
    ]
    made = reading(source, outputs)
    assert made.lead.file == "two.webp"
    for name in ("one", "three"):
        assert replace(made, lesson=replace(made.lesson, picture=name)).lead.file == f"{name}.webp"
    assert reading(HEAD, []).lead is None


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


def test_a_prediction_closes_its_answer_and_one_figure_or_table_and_nothing_else(readings):
    for id, made in readings.items():
        for question in made.questions:
            closed = [block for block in made.blocks if block.closed_by == question.number]
            assert len([block for block in closed if not isinstance(block, blocks.Outcome)]) <= 1, id
            assert all(isinstance(block, blocks.Outcome | blocks.Picture | blocks.Table) for block in closed), id
            texts = [block.text for block in closed if isinstance(block, blocks.Outcome)]
            assert question.outcome is None or question.outcome.text in texts, id
            places = [i for i, block in enumerate(made.blocks) if block.closed_by == question.number]
            assert places == [*range(places[0], places[0] + len(places))], f"{id}: one fold for a prediction"
        outcomes = [block for block in made.blocks if isinstance(block, blocks.Outcome)]
        assert all(block.closed_by is not None for block in outcomes), id
        assert made.result is None or all(question.outcome for question in made.questions), id


def test_each_lesson_has_a_picture_of_its_own_choice(readings):
    for id, made in readings.items():
        assert made.lesson.picture, f"{id}: name the best one in Lesson(..., picture=)"
        assert made.lead is not None and made.lead.path.stem == made.lesson.picture, id


def test_between_a_question_and_its_answer_no_result_stands_open(readings):
    for id, made in readings.items():
        answered = True
        for block in made.blocks:
            answered = not isinstance(block, blocks.Question) and (answered or isinstance(block, blocks.Outcome))
            assert answered or not isinstance(block, RESULTS), f"{id}: {block}"


def test_four_of_five_figures_stand_open(readings):
    figures = [block for made in readings.values() for block in made.blocks if isinstance(block, blocks.Picture)]
    assert sum(figure.closed_by is None for figure in figures) >= 0.8 * len(figures)


CLOSED = {  # the picture or table, by name or first column, that each prediction of a lesson keeps closed
    "gan/04_nash_equilibrium": [
        ["steps"],
        ["simultaneous steps"],
        ["alternating steps"],
        ["distance at the end / at the start"],
    ],
    "vae/07_elbo": [["f06_two_directions"], ["two codes"], ["optimization"], ["trained with"]],
    "flow/03_change_of_variables": [["x"], [], [], []],
    "diffusion/03_reverse_process": [["step_back"], [], [], ["nats above the entropy"]],
}


@pytest.mark.parametrize("id", CLOSED)
def test_which_picture_or_table_belongs_to_which_prediction(readings, id):
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
