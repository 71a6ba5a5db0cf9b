"""The pages before Sphinx sees them: what stands where, what is folded, what is closed, what links where."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from minigen.course.book import conf, markup
from minigen.course.book.contents import Contents
from minigen.course.book.pages import exercise_box, outputs, overview, references
from minigen.course.book.pages.lesson import lesson_page
from minigen.course.book.pages.sources import SourcePages, parts_of
from minigen.course.exercise import catalog
from minigen.course.index import posts
from minigen.course.index.equations import equation_index
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import LessonInfo, all_lessons
from minigen.course.index.names import find_lesson
from minigen.course.lesson import blocks
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.result import Result
from minigen.course.reading.composition import compose, reading_minutes
from minigen.course.reading.descriptions import plain
from minigen.course.reading.purposes import page_cells

LESSON = """\
# %% [markdown]
# # A title
# Reads `gan/01` and `vae/06`, and Eq. gan.03.

# %%
from minigen.course import Lesson

lesson = Lesson("gan/02_gan", title="A title", post="gan", sections=["gan.s02"], minutes=1.2)

# %%
import numpy
from minigen import plot

# %%
lesson.predict("How many?", ["one", "two"])

# %%
lesson.exercise("gan/02/discriminator_loss")

# %%
found = 1 + 1
print("found", found)

# %%
fig, ax = plot.figure(1, 1)
ax.plot([1, 2])
lesson.figure(fig, "f02_bars", "Look at the *left* bar.")

# %%
def helper():
    return 1

# %%
lesson.outcome("It was 2.", answer="two")
lesson.check("said once more", found, equals=2)

# %% [markdown]
# ## What comes next
# What follows is no result of the question.

# %%
print("in the open")
lesson.claim("two", found, equals=2)

# %%
lesson.claim("three", 3, equals=3)

# %%
lesson.finish()
"""

ENTRIES = [  # (statement, kind, payload)
    (4, "predict", {"question": "How many?", "choices": ["one", "two"]}),
    (5, "exercise", {"id": "gan/02/discriminator_loss"}),
    (
        6,
        "source",
        {"where": "minigen/gan/losses.py:21", "name": "f", "code": "def f(): pass", "exercises": ["gan/02/f"]},
    ),
    (7, "text", {"text": "found 2"}),
    (10, "figure", {"file": "f02_bars.png", "caption": "Look at the *left* bar."}),
    (12, "outcome", {"text": "It was 2.", "answer": "two"}),
    (13, "check", {"name": "said once more", "value": "2", "bar": "= 2", "status": "passed"}),
    (14, "text", {"text": "in the open"}),
    (
        17,
        "claims",
        {
            "header": ["claim", "value", "threshold", "verdict", "source"],
            "rows": [["two", "2", "= 2", "failed", "the <paper>"]],
            "calls": [0],
        },
    ),
]


def entries(listed=ENTRIES):
    return [{"cell": 0, "statement": s, "kind": kind, "payload": payload} for s, kind, payload in listed]


@pytest.fixture(scope="module")
def uses():
    return {use.id: use for use in equation_index()}


@pytest.fixture
def contents(tmp_path, uses):
    """contents(source, quick=..., entries=...): a book of gan/01 and of this gan/02."""

    def make(source=LESSON, quick=False, listed=ENTRIES):
        path = tmp_path / "gan" / "02_gan" / "lesson.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        shutil.copy(find_lesson("gan/02").path.with_name("exercise.py"), path.parent)
        first, lesson = find_lesson("gan/01"), find_lesson("gan/02")
        lesson = LessonInfo(lesson.id, path, "A title", "gan", 1.2, lesson.sections, ("gan.f02",), ("gan.03",))
        metrics = {"quick": quick, "seed": 0, "timings": {"total": 30.0}, "recipe": recipe_of(path)}
        results = [Result(tmp_path, quick, made, metrics) for made in ([], entries(listed))]
        made = Contents([first, lesson], results)
        made.uses = uses  # found once for all tests
        return made

    return make


def pictures(chapter, file):
    return f"_figures/{chapter.slug}/{file.replace('png', 'webp')}", (600, 300)


def page(contents):
    return lesson_page(contents.chapter("gan/02"), contents, pictures, lambda file: "source/gan/losses.html")


class Tree(HTMLParser):
    """The elements that are open at each piece of text, and whether every element is closed by its own tag."""

    VOID = {"img", "br", "input"}

    def __init__(self, markup):
        super().__init__()
        self.stack, self.texts, self.tags, self.balanced = [], [], [], True
        self.feed(markup)
        self.balanced &= not self.stack

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.stack.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        self.balanced &= bool(self.stack) and self.stack.pop()[0] == tag

    def handle_data(self, data):
        self.texts.append((data, [attributes.get("class", "") for _, attributes in self.stack]))

    def around(self, piece):
        """The classes of the elements around the first text that contains `piece`."""
        return next(classes for data, classes in self.texts if piece in data)


def unfenced(markdown):
    """The HTML of a page's raw blocks, with what stands between them as text."""
    return re.sub(r"^`{3,}.*$|^:[\w-]+: .*$", "", markdown, flags=re.M)


# -- cells -------------------------------------------------------------------------------------------------------------


def test_what_cells_are_for():
    cells = page_cells(LessonSource(LESSON))
    purposes = (
        "text lesson imports questions questions code plumbing code plumbing text code questions questions".split()
    )
    assert [cell.purpose for cell in cells] == purposes
    assert cells[0].text == "# A title\nReads `gan/01` and `vae/06`, and Eq. gan.03."
    assert [cell.open_lines for cell in cells] == [0, 0, 0, 0, 0, 2, 0, 2, 0, 0, 1, 0, 0]
    assert (cells[7].label, cells[2].label, cells[6].label) == ("`helper`", "imports", "")
    assert cells[10].teaching.text == 'print("in the open")'
    assert cells[10].plumbing.text == 'lesson.claim("two", found, equals=2)'
    source = "# %%\n" + "\n\n# a comment\n".join(f"a{i} = {i}" for i in range(12)) + "\n"
    assert page_cells(LessonSource(source))[0].open_lines == 12
    assert page_cells(LessonSource(source + "a13 = 13\n"))[0].open_lines == 0


def test_where_a_statement_is():
    assert [statement.cell for statement in LessonSource(LESSON).statements] == [
        1,
        1,
        2,
        2,
        3,
        4,
        5,
        5,
        6,
        6,
        6,
        7,
        8,
        8,
        10,
        10,
        11,
        12,
    ]


def test_every_cell_of_every_lesson_has_a_purpose():
    for lesson in all_lessons():
        cells = page_cells(lesson.source)
        assert [cell.purpose for cell in cells].count("lesson") == 1
        assert cells[0].is_text and cells[0].text.startswith("# "), lesson.id
        assert sum(cell.open_lines > 0 for cell in cells) >= 3, lesson.id


def test_reading_takes_longer_the_more_there_is():
    words, figure = blocks.Text("word " * 1600), blocks.Figure(Path("one.webp"), "")
    code = blocks.Code("a = 1\n# said\n\n" * 15, "code")
    assert reading_minutes([words]) == 10
    assert reading_minutes([words, *6 * [figure]]) == 12
    assert reading_minutes([words, code]) == 11
    listing = blocks.Source("minigen/nn.py:1", "Linear", code.code, [])
    assert reading_minutes([words, listing]) == 11
    assert reading_minutes([words, replace(listing, exercises=["gan/02/discriminator_loss"])]) == 10  # in a fold
    assert reading_minutes([replace(code, folded=True), blocks.Text("$$a\n+ b$$ `c d`")]) == 2 / 160


# -- text --------------------------------------------------------------------------------------------------------------


def test_references_become_links_but_not_in_mathematics_or_code():
    def linked(markdown):
        return markup.with_links(markdown, {"gan.07"}, {"gan.f02"}, {"gan/04": "/lessons/gan/04_x.md"}.get)

    assert linked("see Eq. gan.07.") == "see [Eq. gan.07](#eq-gan-07)."
    assert linked("(Eq.\ngan.07)") == "([Eq.\ngan.07](#eq-gan-07))"
    assert linked("figure gan.f02") == "figure [gan.f02](#fig-gan-f02)"
    assert linked("as in `gan/04`") == "as in [`gan/04`](/lessons/gan/04_x.md)"
    for same in [
        "Eq. gan.99",
        "`gan/05`",
        "$x_{gan.07}$",
        "`Eq. gan.07`",
        "$$\ngan.07\n$$",
        "[Eq. gan.07](https://example.org)",
        "https://example.org/gan.07",
        "gan.071",
    ]:
        assert linked(same) == same


def test_short_texts_are_escaped():
    shown = markup.inline_html("a < b & `x<y` $p<q$ **bold** *it* 2*3*4 Eq. gan.07", "../", {"gan.07"})
    assert shown == (
        'a &lt; b &amp; <code>x&lt;y</code> <span class="math notranslate nohighlight">\\(p&lt;q\\)</span> '
        '<strong>bold</strong> <em>it</em> 2*3*4 <a href="../equations.html#eq-gan-07">Eq. gan.07</a>'
    )
    assert plain("*a* `b` [c](d) $\\beta$\ne") == "a b c beta e"


def test_a_template_becomes_blocks_around_its_markdown():
    made = markup.html_around(
        "outputs/details.html", "*body*\n\n```\n", summary="a `b`", aside="", kind="k", data={"x": '"'}
    )
    before, body, after = made.partition("*body*\n\n```\n")
    assert (
        body and before.startswith("```{raw} html\n<details") and after.strip().startswith("```{raw} html\n</details>")
    )
    ((_, attributes), *_) = Tree(unfenced(before)).tags
    assert attributes == {"class": "k", "data-x": '"'} and "a <code>b</code>" in before
    with pytest.raises(Exception, match="'kind' is undefined"):
        markup.html_around("outputs/details.html", "body", summary="", aside="", data={})


def test_no_template_takes_a_value_as_it_is():
    """All values are escaped but what `inline_html` has made, which marks itself as HTML."""
    templates = list(markup.TEMPLATES.rglob("*.html"))
    assert len(templates) > 20
    for path in templates:
        assert not re.search(r"\bsafe\b|autoescape|Markup", path.read_text(encoding="utf-8")), path


def test_fences_are_longer_than_any_inside():
    assert markup.raw("<p>```` </p>").startswith("`````{raw} html\n")
    assert markup.code_block('"""```"""', lineno_start=3).startswith("````{code-block} python\n:lineno-start: 3\n\n")


# -- a lesson's page ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_came_out_is_closed_until_a_choice_and_nothing_else(contents):
    made = page(contents())
    tree = Tree(unfenced(made))
    assert tree.balanced
    assert "mg-outcome" in tree.around("Look at the *left* bar")
    places = [classes for data, classes in tree.texts if "It was 2." in data]
    folds = {"mg-outcome", "mg-came-out", "mg-code mg-plumbing"}
    assert all(folds & {*classes} for classes in places)
    for folded in ['answer="two"', "plot.figure(1, 1)"]:
        assert "mg-code mg-plumbing" in tree.around(folded), folded
    shown = ["found = 1 + 1", "in the open", "What comes next", "What follows", "discriminator_loss", "How many?"]
    for open_ in [*shown, "found 2", "said once more:", "def helper"]:
        assert not {"mg-outcome", "mg-code mg-plumbing"} & {*tree.around(open_)}, open_
    assert "mg-source" in tree.around("def f(): pass") and "mg-outcome" not in tree.around("def f(): pass")
    (box,) = [attributes for _, attributes in tree.tags if attributes.get("class") == "mg-predict"]
    assert box["data-key"] == "gan/02:0" and box["data-answer"] == "1"
    (kept,) = [a for _, a in tree.tags if a.get("class") == "mg-came-out"]
    assert "hidden" in kept and "mg-came-out" in tree.around("Answer: b) two.")
    closed = [a for _, a in tree.tags if a.get("class") == "mg-outcome"]
    assert {a["data-prediction"] for a in closed} == {"gan/02:0"}


def test_exercises_stand_where_the_lesson_says_and_the_others_at_the_end(contents):
    made = page(contents())
    ids = re.findall(r'<div class="mg-exercise" id="[\w-]+" data-id="([^"]+)"', made)
    wanted = [exercise.id for exercise in catalog.exercises_of("gan/02")]
    assert ids == wanted and len(set(ids)) == 3
    assert made.index(ids[0]) < made.index("found = 1 + 1") < made.index("## More exercises") < made.index(ids[1])
    for data in re.findall(r'<script type="application/json">(.*?)</script>', made):
        told = json.loads(data)
        assert {"id", "name", "lesson", "points", "minutes", "stub", "hints", "scipy", "train"} <= set(told)
    twice = [*ENTRIES[:2], (5, "exercise", {"id": "gan/02/discriminator_loss"}), *ENTRIES[2:]]
    assert page(contents(listed=twice)).count('id="exercise-gan-02-discriminator_loss"') == 1


def test_head_and_foot(contents):
    made = page(contents())
    assert made.startswith("# A title\n") and made.count("# A title") == 1
    assert 'href="../../lessons/gan/01_kl_and_js_divergence.html">gan/01' in made  # to be read before
    assert contents().chapter("gan/02").needs == ["gan/01"]
    assert "vae/06" not in re.search(r"read before: .*", made)[0]  # comes later, and is not in this book
    assert "[`gan/01`](/lessons/gan/01_kl_and_js_divergence.md)" in made and "`vae/06`" in made
    assert "mg-quick" not in made and "--quick" not in made
    quick = page(contents(quick=True))
    assert 'class="mg-quick"' in quick and "minigen run gan/02 --quick" in quick
    assert "mg-status-line" not in made + quick


def test_a_record_of_other_code_says_so_and_a_lesson_without_one_is_a_page_too(contents):
    contents = contents()
    chapter, path = contents.chapter("gan/02"), contents.chapter("gan/02").lesson.path
    assert "mg-status-line" not in page(contents)
    text = LESSON.replace("# # A title", "# # A title\n# More text.")
    for source, line in [(text, ""), (LESSON + "\nmore = 1\n", "recorded from an earlier version of the code")]:
        path.write_text(source, encoding="utf-8")
        made = lesson_page(replace(chapter, reading=compose(chapter.lesson, chapter.result)), contents, pictures, str)
        assert (line in made) and made.count("mg-status-line") == bool(line)
    path.write_text(LESSON, encoding="utf-8")
    alone = lesson_page(replace(chapter, reading=compose(chapter.lesson, None)), contents, pictures, str)
    assert "Not recorded yet." in alone and alone.count("minigen run gan/02") == 3 and "<img" not in alone
    assert "found = 1 + 1" in alone and "How many?" in alone and 'data-id="gan/02/discriminator_loss"' in alone
    assert "Answer:" not in alone and 'data-answer=""' in alone


def test_the_first_figure_that_no_prediction_closes_leads_the_page(contents):
    assert contents().chapter("gan/02").lead is None and "mg-lead" not in page(contents())
    shown = [*ENTRIES[:7], (14, "figure", {"file": "later.png", "caption": "One *bar*."}), *ENTRIES[7:]]
    contents = contents(listed=shown)
    for overview_page in (overview.post_page(contents, "gan", pictures), overview.first_page(contents, pictures, "")):
        assert overview_page.count("_figures/gan-02-gan/later.webp") == 1 and "f02_bars" not in overview_page
    made = page(contents)
    lead = made[made.index("mg-lead") :].split("</p>")[0]
    assert made.index("mg-lead") < made.index("Reads") and "later.webp" in lead and "f02_bars" not in lead
    assert 'href="#figure-gan-02-later"' in lead and 'alt="Figure later: One bar"' in lead
    assert '<figure class="mg-figure mg-wide" id="figure-gan-02-later">' in made


def test_an_invitation_shows_its_sentence_and_folds_its_answer(contents):
    change = {"name": "other", "sentence": "Change *two* to three: what then?", "answer": "Three."}
    tree = Tree(unfenced(page(contents(listed=[*ENTRIES, (17, "change", change)]))))
    assert tree.around("to three: what then?") == ["mg-change"], "it is Markdown"
    assert tree.around("Three.") == ["mg-change", "mg-change-answer"]


def test_code_that_only_asks_is_left_out_and_plumbing_is_folded(contents):
    made = page(contents())
    for left_out in ("lesson.predict(", "lesson.exercise(", "lesson.finish("):
        assert left_out not in made
    tree = Tree(unfenced(made))
    for folded in ("import numpy", "lesson = Lesson(", "ax.plot", 'lesson.claim("three"'):
        assert "mg-code mg-plumbing" in tree.around(folded), folded
    for in_the_open in ("found = 1 + 1", "def helper"):
        assert not any("mg-code" in kind for kind in tree.around(in_the_open)), in_the_open


def test_figures_sources_and_claims(contents):
    tree = Tree(unfenced(page(contents())))
    (image,) = [attributes for tag, attributes in tree.tags if tag == "img"]
    assert image["src"] == "../../_figures/gan-02-gan/f02_bars.webp" and image["width"] == "600"
    assert image["alt"] == "Figure f02 bars: Look at the left bar"
    (source,) = [a for tag, a in tree.tags if a.get("class") == "mg-source"]
    assert source["data-exercise"] == "gan/02/f"
    assert any(a.get("href") == "../../source/gan/losses.html" for _, a in tree.tags)
    assert "mg-failed" in tree.around("✗ fails")
    assert ("the <paper>", ["mg-claims-fold", "mg-table mg-claims", "", "", "", ""]) in tree.texts


def test_tables_are_escaped_and_say_what_a_cell_is():
    payload = {"title": "a < b", "header": ["name", "value $v$"], "rows": [["<script>", 1.23456], ["b", None]]}
    tree = Tree(unfenced(outputs.table(blocks.Table(**payload, cell=0))))
    assert tree.balanced and not any(tag == "script" for tag, _ in tree.tags)
    cells = [attributes["data-label"] for tag, attributes in tree.tags if tag == "td"]
    assert cells == ["name", "value v"] * 2
    place = ["mg-table mg-compact", "", "", "", ""]
    assert ("<script>", place) in tree.texts and any(data == "1.235" for data, _ in tree.texts)
    numbers = outputs.table(blocks.Table("", ["n"], [[1], [2]], cell=0))
    assert numbers.count("mg-number") == 3 and "mg-number" not in outputs.table(blocks.Table(**payload, cell=0))


@pytest.mark.parametrize(
    ("header", "row", "is_table"),
    [
        (["a", "n"], ["b", "c"], True),
        (["what", *map(str, range(9))], ["a", *[1.2345] * 9], True),  # numbers, which are compared, are scrolled
        (["what", "why"], ["a few words", "of which each is short, in a sentence that takes two lines"], True),
        (
            ["what", "why"],
            ["a", "a sentence of some length, which a column of a table would break into many lines " * 2],
            False,
        ),
        (["wordswithoutanend" * 2, "wordswithoutanend" * 2], ["a", "b"], False),
    ],
)
def test_a_table_whose_columns_fit_a_phone_stays_one(header, row, is_table):
    assert ("mg-compact" in outputs.table(blocks.Table("", header, [row], cell=0))) == is_table


def test_a_column_without_a_name_has_no_heading():
    made = outputs.table(blocks.Table("", ["", "n"], [["a", 1]], cell=0))
    assert made.count("<th ") == 1 and "<td></td>" in made
    context = {"body": '<tr><th class="head"><p></p></th><th class="head"><p>n</p></th></tr>'}
    conf.name_no_empty_column(None, "a", "page.html", context, None)
    assert context["body"] == '<tr><td></td><th class="head"><p>n</p></th></tr>'


def test_the_lines_of_a_training_are_told_from_what_is_printed():
    assert "mg-log" in outputs.printed(blocks.Printed("training G: 5 steps\ntraining D: 5 steps", cell=0))
    assert "mg-log" not in outputs.printed(blocks.Printed("training G: 5 steps\nmean 0.3", cell=0))


HOSTILE = "<script>\"x\"</script> & 'y'"
CHECK = {"name": HOSTILE, "status": "passed", "value": HOSTILE, "bar": HOSTILE}
OUTCOME = blocks.Outcome(HOSTILE, [HOSTILE, "b"], HOSTILE, HOSTILE)
OUTPUTS = [  # (how often it stands there, as text or in an attribute; the output)
    (1, outputs.printed, [blocks.Printed(HOSTILE, cell=0)]),
    (3, outputs.checks, [blocks.Checks([blocks.Check(**CHECK)])]),
    (2, outputs.figure, [blocks.Figure(Path("a.png"), HOSTILE), HOSTILE, "a.webp", (4, 3), "Text."]),
    (2, outputs.play, [blocks.Play(Path("a.png"), HOSTILE, HOSTILE, "a.js"), "a", "a.webp", (4, 3), "a.js", "Text."]),
    (5, outputs.table, [blocks.Table(HOSTILE, [HOSTILE], [[HOSTILE]], cell=0)]),
    (5, outputs.claims, [blocks.Claims([[HOSTILE] * 5], [0])]),
    (4, outputs.prediction, [blocks.Question(HOSTILE, [HOSTILE, "b"], 0, OUTCOME), "gan/02:0", "gan/02"]),
    (2, outputs.outcome, [OUTCOME]),
    (2, outputs.source, [blocks.Source(f"{HOSTILE}:3", HOSTILE, "x = 1", [], cell=0)]),
    (1, outputs.invitation, ["Text.", "Text.", HOSTILE]),
    (3, outputs.details, [HOSTILE, "Text.", HOSTILE, HOSTILE]),
]


@pytest.mark.parametrize(("count", "output", "arguments"), OUTPUTS, ids=lambda value: getattr(value, "__name__", ""))
def test_what_a_lesson_shows_is_never_html(count, output, arguments):
    tree = Tree(unfenced(output(*arguments)))
    assert tree.balanced and not any(tag == "script" for tag, _ in tree.tags)
    shown = [data for data, _ in tree.texts]
    shown += [value for _, attributes in tree.tags for value in attributes.values() if value]
    assert sum(text.count(HOSTILE) for text in shown) == count


def test_a_prediction_without_a_right_choice():
    outcome = blocks.Outcome("Q?", ["a", "b"], None, "Both.")
    made = outputs.prediction(blocks.Question("Q?", ["a", "b"], 3, outcome), "gan/02:3", "gan/02")
    assert 'data-answer=""' in made and "Answer: </strong>Both." in made


def test_a_prediction_without_a_record():
    made = outputs.prediction(blocks.Question("Q?", ["a", "b"], 3), "gan/02:3", "gan/02")
    assert 'data-answer=""' in made and "Answer:" not in made and "minigen run gan/02" in made
    computed = outputs.prediction(blocks.Question("Q?", []), "gan/02:0", "gan/02")
    assert "<button" not in computed and "The run computes the choices." in computed


def test_no_answer_of_an_exercise_can_end_its_script():
    exercise = catalog.find("gan/12/critic_loss")[0]
    told = SimpleNamespace(**{**vars(exercise), "name": "critic_loss", "lesson": "gan/12", "points": 3})
    told.hints = ["</script>", "b", "c"]
    told.reference = exercise.reference
    box = exercise_box.exercise_box(told)
    assert box.count("</script>") == 1


def test_a_slider():
    block = blocks.Play(Path("reverse.png"), "Move t.", "reverse", "reverse.js")
    data = "../../_play/gan-02-gan/reverse.js"
    made = outputs.play(block, "here", "../../_figures/gan-02-gan/reverse.webp", (400, 200), data, "Move t.")
    (figure,) = [attributes for tag, attributes in Tree(unfenced(made)).tags if tag == "figure"]
    assert figure["class"] == "mg-play" and figure["data-src"] == data and figure["id"] == "here"
    assert figure["data-name"] == "reverse" and 'class="mg-still"' in made


# -- the other pages ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_equation_has_its_place_and_its_function_leads_to_its_code(contents):
    contents = contents()
    sources = SourcePages(contents)
    made = references.equations_page(contents, sources.anchor)
    rows = [*posts.equations(), *posts.further_equations()]
    pages = sources.render()
    for row in rows:
        assert f"(eq-{row['id'].replace('.', '-')})=\n**Eq. {row['id']}**" in made and row["latex"] in made
        for function in contents.uses[row["id"]].functions:
            address = sources.anchor(function)
            if address is None:
                assert function.startswith("minigen.course."), function
                continue
            document, _, place = address.partition(".html#")
            assert f'href="{address}"' in made and f'id="{place}"' in pages[document], function
    assert 'href="lessons/gan/02_gan.html"' in made and "flow/05_realnvp" in made


def test_every_figure_symbol_exercise_and_term(contents):
    contents = contents()
    figures = references.figures_page(contents, pictures)
    assert all(f"(fig-{row['id'].replace('.', '-')})=" in figures for row in posts.figures())
    assert 'href="lessons/gan/02_gan.html#figure-gan-02-f02_bars"' in figures
    assert '<figure class="mg-figure mg-wide" id="figure-gan-02-f02_bars">' in page(contents)
    symbols = references.symbols_page()
    assert all(markup.inline_html(f"${row['latex']}$") in symbols for row in posts.symbols())
    exercises = references.exercises_page(contents)
    asked = [*catalog.exercises_of("gan/01"), *catalog.exercises_of("gan/02")]
    assert re.findall(r'data-exercise="([^"]+)"', exercises) == [exercise.id for exercise in asked]
    glossary = references.glossary_page(contents)
    assert all(f"\n{row['term']}\n  " in glossary for row in posts.glossary())


def test_open_questions_name_lessons_and_settings_that_exist(contents):
    text = posts.open_questions()
    asked = re.findall(r"^\*\*`(\w+/\d\d)`\.\*\*", text, re.M)
    assert len(asked) == text.count("\n## ") > 5
    for id in asked:
        assert find_lesson(id).path.exists()
    for id, setting in re.findall(r"`minigen run (\S+) --set (\w+)=", text):
        source = find_lesson(id).path.read_text(encoding="utf-8")
        calls = re.findall(r"lesson\.configure\((.*?)\)\n", source, re.S)
        assert any(re.search(rf"\b{setting}=", call) for call in calls), setting
    assert references.open_questions_page(contents()).startswith("# What we do not know\n")


def test_what_the_scripts_are_told(contents):
    contents = contents()
    data = references.script_data(contents)
    assert [lesson["id"] for lesson in data["lessons"]] == ["gan/01", "gan/02"]
    assert data["lessons"][1]["page"] == "lessons/gan/02_gan.html" and len(data["lessons"][1]["exercises"]) == 3
    assert len(data["equations"]) == 97 + len(posts.further_equations()) and json.dumps(data)
    files = references.stub_files(contents)
    assert files["gan/02"]["file"] == "exercises/gan_02.py"
    head = files["gan/02"]["head"]
    assert "import autograd.numpy as np" in head and "def " not in head
    assert list(files["gan/02"]["stubs"]) == [exercise.id for exercise in catalog.exercises_of("gan/02")]


def test_a_post_has_its_lessons_in_order_and_links_only_to_pages_there_are(contents):
    contents = contents()
    made = overview.post_page(contents, "gan", pictures)
    assert re.findall(r'<li data-lesson="([^"]+)"', made) == ["gan/01", "gan/02"]
    assert re.findall(r"^/lessons/.*$", made, re.M) == [f"/{c.document}" for c in contents.chapters]
    first = overview.first_page(contents, pictures, "MOVES")
    assert "posts/gan" in first and "posts/vae" not in first and first.index("MOVES") < first.index("posts/gan")
    assert "Which model, when?" not in first, "this book leaves diffusion/20 out"
    assert made.count("not recorded yet") == 0 and "<img" not in made + first, "its only figure is closed"
    assert made.count("3 exercises") == sum(len(chapter.exercises) == 3 for chapter in contents.chapters)


@pytest.mark.slow
def test_the_source_pages_show_every_line_once(contents):
    contents = contents()
    sources = SourcePages(contents)
    assert len(sources.files) > 50
    for path in sources.files:
        lines = path.read_text(encoding="utf-8").splitlines()
        shown = {}
        for part in parts_of("\n".join(lines)):
            for number, line in enumerate(part.code.splitlines(), part.first_line):
                assert number not in shown and lines[number - 1] == line
                shown[number] = line
        hidden = [line for number, line in enumerate(lines, 1) if number not in shown]
        code_hidden = "\n".join(hidden).split('"""')
        assert not "".join(code_hidden[:1] + code_hidden[2:]).strip(), path  # only the docstring is left out
    made = sources.render()["source/gan/losses"]
    assert 'data-exercise="gan/02/discriminator_loss"' in made and 'href="../../equations.html#eq-gan-03"' in made
