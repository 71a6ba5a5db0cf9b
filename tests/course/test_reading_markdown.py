"""The pages in Markdown: what GitHub would show of them, and whether they are those of today."""

import re
import tomllib
from html.parser import HTMLParser

import pytest
from PIL import Image

from minigen.cli import main
from minigen.course.index.lessons import LessonInfo, all_lessons, lessons_root
from minigen.course.index.names import find_lesson
from minigen.course.lesson import blocks, recorded
from minigen.course.lesson.result import Result
from minigen.course.reading import markdown
from minigen.course.reading.composition import compose
from minigen.course.reading.pages import pages

ALLOWED = {"details", "summary", "img", "a", "br", "sub", "sup"}  # HTML that GitHub keeps


@pytest.fixture(scope="module")
def html():
    """html(text): Markdown as GitHub's renderer makes it but for mathematics, which stays as `$<code>x</code>$`."""
    markdown_it = pytest.importorskip("markdown_it", reason="needs markdown-it-py")
    return markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render


class Shown(HTMLParser):
    """What a page shows: links and pictures, text outside of code, and what stands open, outside of all `details`."""

    def __init__(self, page):
        super().__init__()
        self.addresses, self.alts, self.text = [], [], ""
        self.open_pictures, self.open_code, self.open_tables, self.open_text = [], [], 0, ""
        self.inside = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.addresses += [given[name] for name in ("href", "src") if name in given]
        if tag == "img":
            self.alts.append(given["alt"])
        if tag not in ("img", "br", "hr"):
            self.inside.append(tag)
        if "details" not in self.inside:
            if tag == "img":
                self.open_pictures.append(given["src"])
            self.open_tables += tag == "table"
            if tag == "pre":
                self.open_code.append("")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag, f"{tag} closes another tag"

    def handle_data(self, data):
        if "code" not in self.inside:
            self.text += data
        if "details" not in self.inside:
            self.open_text += data
            if "pre" in self.inside:
                self.open_code[-1] += data


def squeezed(text):
    return re.sub(r"[^\w]+", "", text)


@pytest.fixture(scope="module")
def made():
    """The pages as they would be written now, by their files."""
    return pages()


@pytest.fixture(scope="module")
def readings():
    """All lessons as they are read."""
    return [compose(lesson, recorded.read(lesson).result) for lesson in all_lessons()]


@pytest.fixture(scope="module")
def shown(made, html):
    """All pages as a reader sees them, by their files."""
    return {path: Shown(html(page)) for path, page in made.items()}


# -- all pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_pages_in_the_repository_are_those_of_this_text_code_and_record(made):
    """What to do where it fails: `minigen record --pages`, which trains nothing."""
    stale = [str(path) for path, page in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != page]
    assert stale == [], "run `minigen record --pages`"
    assert len(made) == len(all_lessons()) + 1 and lessons_root() / "README.md" in made


def test_the_pages_stay_out_of_the_wheel_and_go_into_the_source_distribution(root):
    targets = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["exclude"] == ["/lessons/**/README.md"] and "/lessons" in targets["wheel"]["include"]
    assert "/lessons" in targets["sdist"]["include"] and "exclude" not in targets["sdist"]


@pytest.mark.slow
def test_no_page_has_a_stray_dollar_or_html_that_github_strips(made, shown):
    for path, page in made.items():
        outside = re.sub(r"^(`{3,}).*?^\1$", "", page, flags=re.M | re.S)
        outside = re.sub(r"\$`[^`]+`\$", "", outside)
        assert "$" not in outside, f"{path}: {re.findall('.*[$].*', outside)[:1]}"
        assert not re.search(r"[\\`]|\*\*\w|\w\*\*", shown[path].text), path
        tags = set(re.findall(r"</?([a-z]+)[ >]", re.sub(r"`[^`]*`", "", outside)))
        assert tags <= ALLOWED, path
        assert not re.search(r"\\(operatorname|newcommand|def|require)\b", page), f"{path}: GitHub refuses this"


@pytest.mark.slow
def test_all_links_and_pictures_are_there_and_pictures_are_described(shown):
    for path, page in shown.items():
        for address in page.addresses:
            if not address.startswith("https://"):
                assert (path.parent / address).is_file(), f"{path}: {address}"
        assert all(len(alt) > 8 for alt in page.alts), path
    leads = {(path.parent / address).resolve() for path, page in shown.items() for address in page.addresses}
    assert {path.resolve() for path in shown} <= leads, "each page is reached from another"


@pytest.mark.slow
def test_what_a_prediction_closes_does_not_stand_open(shown, readings):
    for reading in readings:
        lesson = reading.lesson
        page = shown[lesson.path.with_name("README.md")]
        closed = [block for block in reading.blocks if block.closed_by is not None]
        is_open = [block for block in reading.blocks if block.closed_by is None]
        for block in closed:
            match block:
                case blocks.Picture():
                    is_lead = reading.lead is not None and block.file == reading.lead.file  # on top of the page
                    assert is_lead or f"recorded/{block.file}" not in page.open_pictures, f"{lesson.id}: {block}"
                case blocks.Code():
                    assert f"{block.code}\n" not in page.open_code, f"{lesson.id}: {block}"
                case blocks.Printed():
                    assert f"{block.text}\n" not in page.open_code, f"{lesson.id}: {block}"
                case blocks.Outcome() if len(block.text) > 12:
                    assert squeezed(block.text) not in squeezed(page.open_text), f"{lesson.id}: {block}"
                case blocks.Text():
                    first = squeezed(re.split(r"[$`]|\n\n", block.text)[0])
                    assert len(first) < 12 or first not in squeezed(page.open_text), f"{lesson.id}: {block}"
        texts = [block.text for block in is_open if isinstance(block, blocks.Text)]
        in_text = sum(len(re.findall(r"^\| ?:?---", text, re.M)) for text in texts)  # a text may hold two tables
        tables = sum(isinstance(block, blocks.Table | blocks.Claims) for block in is_open)
        assert page.open_tables == tables + in_text, lesson.id
        assert "**Answer:" not in page.open_text, lesson.id
        pictures = {f"recorded/{block.file}" for block in is_open if isinstance(block, blocks.Picture)}
        assert pictures <= set(page.open_pictures), lesson.id


@pytest.mark.slow
def test_mathematics_of_a_page_is_that_of_the_lesson(made, readings):
    """Nothing of a formula is lost or doubled on its way into a page."""
    for reading in readings:
        lesson = reading.lesson
        page = made[lesson.path.with_name("README.md")]
        texts = [block.text for block in reading.blocks if isinstance(block, blocks.Text | blocks.Heading)]
        text = "\n\n".join(re.sub(r"```.*?```", "", text, flags=re.S) for text in texts)
        wanted = [inner for inner in re.findall(r"\$\$(.+?)\$\$", text, re.S)]
        found = re.findall(r"^```math\n(.+?)\n```$", page, re.M | re.S)
        assert list(map(squeezed, found)) == [squeezed(markdown.allowed(inner)) for inner in wanted], lesson.id
        rest = re.sub(r"\$\$.+?\$\$|`[^`]*`", "", text, flags=re.S)
        for inner in re.findall(r"\$([^$]+)\$", rest):
            assert f"$`{' '.join(markdown.allowed(inner).split())}`$" in page, f"{lesson.id}: {inner}"


# -- the lessons' text -------------------------------------------------------------------------------------------------


def broken_formulas(text):
    """The formulas in the lines of a text of which a line begins as a list, a heading or a quotation does."""
    text = re.sub(r"```.*?```|`[^`]*`|\$\$.+?\$\$", "", text, flags=re.S)
    formulas = re.findall(r"\$[^$]+\$", text, re.S)
    return [formula for formula in formulas if re.search(r"\n\s*([-+*#>]|\d+[.)])\s|\n\s*\n", formula)]


def test_no_formula_of_a_lesson_is_broken_by_how_its_lines_begin():
    for lesson in all_lessons():
        for cell in lesson.source.cells:
            if cell.is_text:
                assert broken_formulas(cell.text) == [], f"{lesson.path}:{cell.line}"


@pytest.mark.parametrize("start", ["- 0.8", "+ 1", "2. 3", "# 1", "> 1"])
def test_a_broken_formula_is_seen(start):
    assert broken_formulas(f"It is $(x_2\n{start}\\, y)/0.6$.") and not broken_formulas(f"It is $(x_2 {start}\\, y)$.")
    assert not broken_formulas(f"It is $x$, and\n{start} is $y$, `$z\n{start}$` too.")
    assert not broken_formulas(f"$$\nx\n{start}\n$$"), "in display it does no harm"


# -- pieces ------------------------------------------------------------------------------------------------------------


SHORT = {
    "D* and p_g": ("D\\* and p_g", "D* and p_g"),
    "np.mean((a - b) ** 2)": ("np.mean((a - b) \\*\\* 2)", "np.mean((a - b) ** 2)"),
    "the *left* bar, **bold**, `a_b*c`": (
        "the *left* bar, **bold**, `a_b*c`",
        "the <em>left</em> bar, <strong>bold</strong>, <code>a_b*c</code>",
    ),
    "|x| < 1/2, x~ and y~": ("|x| \\< 1/2, x\\~ and y\\~", "|x| &lt; 1/2, x~ and y~"),
    "$a_b\n < c$": ("$`a_b < c`$", "$<code>a_b &lt; c</code>$"),
    "- 0.3 less": ("\\- 0.3 less", "- 0.3 less"),
    "2. two": ("2\\. two", "2. two"),
    "[0.5 0.5](x)": ("\\[0.5 0.5\\](x)", "[0.5 0.5](x)"),
    "_a_ of\ntwo  lines": ("\\_a\\_ of two lines", "_a_ of two lines"),
}


@pytest.mark.parametrize("text", SHORT)
def test_a_short_text_shows_what_it_says(html, text):
    expected, shows = SHORT[text]
    assert markdown.short(text) == expected
    assert html(markdown.short(text)) == f"<p>{shows}</p>\n"


def test_a_table_keeps_its_columns(html):
    made = markdown.table(["KL(p || q)", "n"], [["|x| < 1", 1], ["$a|b$ and `c|d`", 12.34567]])
    page = html(made)
    assert re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", page) == [
        *("KL(p || q)", "n"),
        *("|x| &lt; 1", "1"),
        *("$<code>a|b</code>$ and <code>c|d</code>", "12.35"),
    ]
    assert page.count('style="text-align:right"') == 3
    assert "text-align" not in html(markdown.table(["a"], [["b"]])) and markdown.table(["a"], []).count("\n") == 1


def test_mathematics_becomes_fences_and_code():
    text = "So $a_1\n+ b$ is:\n\n$$\nx_{1}\n  = \\operatorname{sign}(y)\n$$\n\nand `$HOME`."
    expected = "So $`a_1 + b`$ is:\n\n```math\nx_{1}\n  = \\mathop{\\mathrm{sign}}(y)\n```\n\nand `$HOME`."
    assert markdown.math(text) == expected


def test_code_is_fenced_by_more_backticks_than_it_has():
    assert markdown.fence("a = '```'", "python") == "````python\na = '```'\n````"


# -- the page of a small lesson ----------------------------------------------------------------------------------------

LESSON = """\
# %% [markdown]
# # A title
# Reads `gan/01` and `gan/02`, not [`gan/03`](https://example.org).

# %%
from minigen.course import Lesson

lesson = Lesson("gan/02_gan", title="A title", post="gan", minutes=1.5)

# %%
import numpy

# %%
lesson.predict("Which of D* and p_g?", ["D*", "p_g"])

# %%
lesson.outcome("So.", answer="p_g")

# %% [markdown]
# ## 2. More

# %%
lesson.change("three", "Change 1 to 2: how many?", answer="3 of $n$.")

# %%
lesson.play("walk", {"t": [0, 1]}, points=[[0, 0]], caption="It *stands*.")

# %%
lesson.show_source(print)

# %%
lesson.exercise("gan/02/discriminator_loss")
lesson.finish()
"""

ENTRIES = [  # (statement, kind, payload)
    (3, "predict", {"question": "Which of D* and p_g?", "choices": ["D*", "p_g"]}),
    (4, "outcome", {"text": "So.", "answer": "p_g"}),
    (5, "change", {"name": "three", "sentence": "Change 1 to 2: how many?", "answer": "3 of $n$."}),
    (6, "play", {"name": "walk", "file": "walk.webp", "data": "walk.js", "caption": "It *stands*."}),
    (7, "source", {"where": "minigen/gan/gone.py:3", "name": "f", "code": "def f(): ...", "exercises": []}),
    (7, "source", {"where": "minigen/gan/losses.py:3", "name": "g", "code": "def g(): ...", "exercises": ["gan/02/g"]}),
    (8, "exercise", {"id": "gan/02/discriminator_loss"}),
    (9, "claims", {"header": [], "rows": [["|x|", "1", "≤ 2", "passed", ""]], "calls": [0]}),
]
METRICS = {"recipe": "another", "seed": 3, "minutes": 1.26, "machine": {"processor": "A chip", "cores": 2}}


@pytest.fixture
def page(tmp_path):
    """page(recorded): the page of a small lesson, "gan/02_gan", with its results or without."""

    def make(is_recorded=True):
        path = tmp_path / "gan" / "02_gan" / "lesson.py"
        (path.parent / "recorded").mkdir(parents=True)
        path.write_text(LESSON, encoding="utf-8")
        Image.new("RGB", (300, 100)).save(path.parent / "recorded" / "walk.webp")
        lesson = LessonInfo("gan/02_gan", path, "A title", "gan", 1.5, sources=("goodfellow2014gan",))
        entries = [{"cell": 0, "statement": s, "kind": kind, "payload": payload} for s, kind, payload in ENTRIES]
        result = Result(path.parent / "recorded", False, entries, METRICS) if is_recorded else None
        return markdown.lesson_page(compose(lesson, result), [find_lesson("gan/01"), lesson, find_lesson("vae/01")])

    return make


def test_the_page_of_a_recorded_lesson(page):
    made = page()
    assert made.startswith("# A title\n\n[All lessons](../../README.md) · before: [gan/01 Kullback")
    assert "next: [vae/01 The notation, symbol by symbol](../../vae/01_notation/README.md)" in made
    assert "Reads [`gan/01`](../01_kl_and_js_divergence/README.md) and `gan/02`, not [`gan/03`](https" in made
    assert "\n> Recorded with an earlier version of the code: a new run may give slightly different numbers.\n" in made
    assert "<summary>code: what this lesson covers, imports</summary>" in made and made.count("import numpy") == 1
    assert "> **Prediction 1.** Which of D\\* and p_g?\n>\n> - a) D\\*\n> - b) p_g\n\n<details>\n" in made
    assert "<summary>Result of prediction 1 (choose before you open it)</summary>" in made
    assert made.count("<details>") == made.count("</details>") == 7
    assert "**Answer: b) p_g.** So.\n\n</details>\n\n<details>\n<summary>code: checks and figures</summary>" in made
    assert "**Try it.** Change 1 to 2: how many?\n\n<details>" in made and "\n\n3 of $`n`$.\n\n</details>" in made
    assert (
        '<img src="recorded/walk.webp" alt="Figure walk: It stands" width="150">\n\n<sub>It *stands*. In the book'
        in made
    )
    assert (
        "`f`, from `minigen/gan/gone.py`:\n\n```python\ndef f(): ...\n```\n\n<details>\n<summary>g is an exercise"
        in made
    )
    assert "**Exercise: write `discriminator_loss`** (14 points, about 15 minutes)" in made
    assert (
        "**What a full run must show**\n\n| claim | value | threshold | verdict |\n" in made
        and "| \\|x\\| | 1 |" in made
    )
    assert (
        "## Sources\n\n- Goodfellow, Pouget-Abadie" in made
        and "[arXiv:1406.2661](https://arxiv.org/abs/1406.2661)" in made
    )
    assert "Recorded with seed 3 in 1.3 minutes on 2 cores (A chip); `minigen run gan/02 --seed 3` repeats it." in made


def test_the_page_of_a_lesson_without_a_record(page):
    made = page(is_recorded=False)
    assert (
        "> **Not recorded yet:** the page has no figures and no numbers. Run it with `minigen run gan/02`, about"
        in made
    )
    assert "<summary>How prediction 1 is answered (choose before you open it)</summary>" in made
    assert "> - b) p_g\n" in made and "Answer" not in made and "<img" not in made and "Recorded" not in made
    assert "3 of $`n`$." in made and "lesson.show_source(print)" in made and "lesson.finish" not in made


def test_record_writes_the_pages_and_the_contents(write_lesson, capsys):
    write_lesson("gan/01_tiny", 'lesson.predict("Which?", ["a", "b"])\nprint(1)\nlesson.outcome("That.", answer="b")')
    assert main(["record", "--pages"]) == 0
    assert capsys.readouterr().out == "2 pages written\n"
    lesson = find_lesson("gan/01")
    page, contents = lesson.path.with_name("README.md"), lesson.path.parents[2] / "README.md"
    assert "Not recorded yet" in page.read_text(encoding="utf-8")
    assert "](gan/01_tiny/README.md) (not recorded yet) |" in contents.read_text(encoding="utf-8")
    assert main(["record", "--pages"]) == 0
    assert capsys.readouterr().out == "all pages are up to date\n"


@pytest.mark.slow
def test_record_renews_the_pages_of_what_it_records(write_lesson, capsys):
    write_lesson("gan/01_tiny", 'lesson.predict("Which?", ["a", "b"])\nprint(1)\nlesson.outcome("That.", answer="b")')
    assert main(["record", "gan/01"]) == 0
    assert capsys.readouterr().out.endswith("2 pages written\n")
    lesson = find_lesson("gan/01")
    assert "**Answer: b) b.** That." in lesson.path.with_name("README.md").read_text(encoding="utf-8")
