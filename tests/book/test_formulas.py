"""Formulas as KaTeX sets them when a page is built, and the symbols in them that a card explains."""

import json
import re

import pytest

from minigen.course.book import formulas
from minigen.course.index import posts

ROWS = ["x", "x_t", r"\bar\alpha_t", r"\alpha_t", "D(x)", "D", r"\epsilon_\theta(x_t, t)", "t", "f^{-1}", "f"]
TABLE = {formulas._bare(latex): number for number, latex in enumerate(ROWS)}


def marks(latex):
    """The formula with ⟨NUMBER ... ⟩ for its marks."""
    return re.sub(r"\\htmlData\{symbol=(\d+)\}\{", r"⟨\1 ", formulas.marked(latex, TABLE))


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("x + y", "⟨0 x} + y"),
        ("x_t", "⟨1 x_t}"),  # the longest one
        ("x_{t}", "⟨1 x_{t}}"),
        ("x_{t-1}", "x_{⟨7 t}-1}"),  # neither x nor x_t
        (r"\bar\alpha_t", r"⟨2 \bar\alpha_t}"),
        (r"\bar{\alpha}_t", r"⟨2 \bar{\alpha}_t}"),
        (r"\bar{\alpha}_{t}", r"⟨2 \bar{\alpha}_{t}}"),
        (r"\alpha_t", r"⟨3 \alpha_t}"),
        (r"\hat\alpha_t", r"\hat\alpha_t"),  # another symbol
        (r"\hat{x}", r"\hat{x}"),
        (r"\hat x", r"\hat x"),
        (r"\epsilon_\theta(x_t, t)", r"⟨6 \epsilon_\theta(x_t, t)}"),
        ("D(x) + D(y)", "⟨4 D(x)} + ⟨5 D}(y)"),
        ("f^{-1}(x)", "⟨8 f^{-1}}(⟨0 x})"),
        ("f^2 f'", "f^2 f'"),
        (r"\text{max } \mathrm{t} \operatorname{text}", r"\text{max } \mathrm{t} \operatorname{text}"),
        (r"\begin{aligned} t \end{aligned}", r"\begin{aligned} ⟨7 t} \end{aligned}"),
        (r"\frac{t}{x} \frac tx", r"\frac{⟨7 t}}{⟨0 x}} \frac t⟨0 x}"),  # rendered without marks, see below
    ],
)
def test_a_symbol_is_marked_where_it_stands_for_itself(latex, expected):
    assert marks(latex) == expected


def test_every_symbol_of_the_index_is_marked_in_its_own_formula():
    rows = list(posts.symbols())
    for number, row in enumerate(rows):
        table = formulas._symbols_of(row["posts"].split()[0])
        assert formulas.marked(row["latex"], table).startswith(rf"\htmlData{{symbol={number}}}"), row["latex"]


def test_formulas_become_html_and_mathml_with_their_marks_and_without_their_source():
    pytest.importorskip("py_mini_racer", reason="needs the extra 'book'")
    wanted = [("x_t", formulas.marked("x_t", TABLE), False), (r"\frac tx", formulas.marked(r"\frac tx", TABLE), True)]
    symbol, fraction = formulas.render(wanted)
    assert 'data-symbol="1"' in symbol and "katex-display" not in symbol and "annotation" not in symbol
    assert "<msub><mi>x</mi><mi>t</mi></msub>" in symbol
    assert "data-symbol" not in fraction and "katex-display" in fraction and "katex-error" not in fraction
    assert "katex-error" in formulas.render([(r"\nonsense{", r"\nonsense{", False)])[0]


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"a = b,\qquad c = d\quad\text{if } e", ["a = b,", "c = d", r"\text{if } e"]),
        (r"a \qquad\quad b", ["a", "b"]),
        (r"\frac{a \quad b}{c} \quad d", [r"\frac{a \quad b}{c}", "d"]),
        (r"\left( a \quad b \right)", [r"\left( a \quad b \right)"]),
        (r"\begin{cases} a & \quad b \end{cases}", [r"\begin{cases} a & \quad b \end{cases}"]),
        (r"\{a\} \quad b", [r"\{a\}", "b"]),
    ],
)
def test_quads_outside_of_groups_divide_a_formula(latex, parts):
    assert formulas.parts_of(latex) == parts


def test_a_displayed_formula_is_broken_at_its_quads_first():
    pytest.importorskip("py_mini_racer", reason="needs the extra 'book'")
    latex = r"x = a, \qquad y = b \quad z"
    wanted = [("a", "a", True), (latex, formulas.marked(latex, TABLE), True), (latex, latex, False), ("b", "b", True)]
    first, divided, inline, last = formulas.render(wanted)
    assert divided.count("katex-display") == 1 and divided.count('<span class="katex mg-part">') == 3
    assert divided.count("<math") == 3 and "data-symbol" in divided
    assert divided.count("<span") == divided.count("</span>")
    assert all("mg-part" not in each for each in (first, inline, last)) and "<mi>b</mi>" in last


def test_only_formulas_are_replaced_in_a_page(tmp_path):
    pytest.importorskip("py_mini_racer", reason="needs the extra 'book'")
    page = tmp_path / "lessons" / "gan" / "02.html"
    page.parent.mkdir(parents=True)
    text = r"""<p>Not \(this\). <span class="math notranslate nohighlight">\(a &lt; x\)</span></p>
<div class="math notranslate nohighlight">
\[b &amp; c\]</div>"""
    page.write_text(text.replace("b &amp; c", "b"), encoding="utf-8")
    formulas.typeset([page], tmp_path)
    made = page.read_text(encoding="utf-8")
    assert made.startswith(r'<p>Not \(this\). <span class="math"><span class="katex">') and "<mo>&lt;</mo>" in made
    assert made.count("katex-mathml") == 2 and made.count("katex-display") == 1
    stamp = page.stat().st_mtime_ns
    formulas.typeset([page], tmp_path)
    assert page.stat().st_mtime_ns == stamp, "what is typeset is left alone"


def test_a_page_asks_for_the_fonts_of_its_first_formulas_before_its_styles(tmp_path):
    pytest.importorskip("py_mini_racer", reason="needs the extra 'book'")
    page = tmp_path / "lessons" / "a.html"
    page.parent.mkdir()
    head = '<head><link rel="stylesheet" href="a.css"><link rel="stylesheet" href="../_static/katex/katex.min.css?v=1">'
    formula = r'<span class="math notranslate nohighlight">\({}\)</span>'
    later = formula.format("x") * formulas.FIRST + formula.format(r"\mathcal{A}")
    for text, names in (
        ("x", ["Main-Regular", "Math-Italic"]),
        (r"\mathbb{E} \sum_i x", ["Main-Regular", "Math-Italic", "AMS-Regular", "Size1-Regular"]),
    ):
        page.write_text(head + formula.format(text) + later, encoding="utf-8")
        formulas.typeset([page], tmp_path)
        script, _, rest = page.read_text(encoding="utf-8").partition("</script>")
        assert f"of {json.dumps(names)}" in script and "`../_static/katex/fonts/KaTeX_${name}.woff2`" in script
        assert "stylesheet" not in script and rest.count("stylesheet") == 2
    page.write_text(head + "<p>No formula.</p>", encoding="utf-8")
    formulas.typeset([page], tmp_path)
    assert "preload" not in page.read_text(encoding="utf-8")
