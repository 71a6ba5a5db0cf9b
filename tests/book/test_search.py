"""What the search of the book is made from: records with their addresses, titles and words."""

from types import SimpleNamespace

import pytest

from minigen.course.book import search
from minigen.course.book.contents import Contents
from minigen.course.index.lessons import all_lessons

nodes = pytest.importorskip("docutils.nodes", reason="needs the extra 'book'")


def section(id, title, *parts):
    return nodes.section("", nodes.title("", title), *parts, ids=[id])


def paragraph(*parts, **attributes):
    return nodes.paragraph(
        "", "", *(nodes.Text(part) if isinstance(part, str) else part for part in parts), **attributes
    )


def found(document, *parts):
    """The records of one page of a book with the lesson gan/12."""
    tree = nodes.document("", "", "", *parts)
    lesson = [lesson for lesson in all_lessons() if lesson.id.startswith("gan/12")]
    environment = SimpleNamespace(found_docs={document}, get_doctree=lambda name: tree)
    return list(search.records(environment, Contents(lesson, [None])))


def test_sections_of_a_lesson_without_formulas_code_and_results():
    formula, code = nodes.math("x", r"\sigma"), nodes.literal_block("", "secret = 1")
    result = nodes.raw("", "<p>Answer: b</p>", format="html")
    inner = section("inner", "Clipping", paragraph("Weights ", formula, " are clipped."), code, result)
    first, second = found("lessons/gan/12_wgan", section("top", "Wasserstein GAN", paragraph("A critic."), inner))
    assert (first.kind, first.address) == ("lesson", "lessons/gan/12_wgan.html")
    assert first.title == "gan/12 Wasserstein GAN" and first.text == "A critic."
    assert "WGAN-GP" in first.words and "weight clipping" in first.words and "posterior" not in first.words
    assert (second.address, second.title) == ("lessons/gan/12_wgan.html#inner", "Clipping · gan/12")
    assert second.text == "Weights … are clipped." and second.words == ""


def test_terms_and_equations_have_their_own_places():
    term = nodes.term("", "critic", ids=["term-critic"])
    item = nodes.definition_list_item("", term, nodes.definition("", paragraph("A network.")))
    (record,) = found("glossary", section("glossary", "Glossary", nodes.definition_list("", item)))
    assert record == search.Record("term", "glossary.html#term-critic", "critic", "A network.")
    stated = paragraph(nodes.strong("", "Eq. gan.17"), " The dual form.", ids=["eq-gan-17"])
    (record,) = found("equations", section("equations", "Equations", paragraph("All of them."), stated))
    assert record == search.Record("equation", "equations.html#eq-gan-17", "Eq. gan.17", "The dual form.")


def test_functions_of_a_source_page():
    parts = [
        nodes.raw("", "<p>minigen/gan/wgan.py: &lt;the file&gt;</p>", format="html"),
        nodes.raw("", '<div class="mg-beside" id="code-critic_loss">\n<div>', format="html"),
        nodes.literal_block("", "def critic_loss(): ..."),
        nodes.raw("", '<div class="mg-alone" id="code-WGAN">', format="html"),
        nodes.literal_block("", "class WGAN: ..."),
    ]
    file, loss, whole = found("source/gan/wgan", section("gan-wgan", "gan/wgan", *parts))
    assert (file.address, file.title) == ("source/gan/wgan.html", "gan/wgan") and "<the file>" in file.text
    assert (loss.address, loss.title) == ("source/gan/wgan.html#code-critic_loss", "critic_loss · gan/wgan")
    assert "def critic_loss" in loss.text and "class WGAN" not in loss.text
    assert whole.address == "source/gan/wgan.html#code-WGAN" and {file.kind, loss.kind, whole.kind} == {"code"}


def test_lists_are_found_with_their_tables_and_names_are_not_listed_twice():
    html = nodes.raw("", r"<table><tr><td>\(\bar\alpha\)</td>" + "\n<td>alpha_bar</td></tr></table>", format="html")
    top, inner = found("symbols", section("symbols", "Symbols", section("in-all-posts", "In all posts", html)))
    assert (top.address, inner.address) == ("symbols.html", "symbols.html#in-all-posts")
    assert inner.kind == "other" and inner.text == "… alpha_bar" and top.text == ""
    assert found("names", section("names", "Names", paragraph("critic_loss"))) == []


def test_the_index_is_written_whole_and_an_earlier_one_removed(tmp_path):
    pytest.importorskip("pagefind_bin", reason="needs the extra 'book'")
    (tmp_path / "fragment").mkdir()
    (tmp_path / "fragment" / "old").write_text("of an earlier book")
    made = [search.Record("term", f"glossary.html#t{k}", f"term {k}", "words & <b>tags</b>") for k in range(30)]
    assert search.write_index(made, tmp_path) == 30
    assert not (tmp_path / "fragment" / "old").exists() and len(list((tmp_path / "fragment").iterdir())) == 30
    assert all(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert {path.name for path in tmp_path.glob("pagefind*.js*")} == {"pagefind.js", *search.USED}
