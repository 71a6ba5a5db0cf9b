"""Templates: what they escape, what they refuse, and what is said without Jinja2."""

import sys

import pytest

from minigen.course.console import UsageError
from minigen.course.templates import environment, render

jinja2 = pytest.importorskip("jinja2", reason="templates need the extra classroom")


@pytest.fixture(autouse=True)
def no_environment_of_another_test():
    environment.cache_clear()


def test_values_are_escaped_and_blocks_leave_no_lines(tmp_path):
    text = '<ul>\n  {% for item in items %}\n  <li title="{{ item }}">{{ item }}</li>\n  {% endfor %}\n</ul>\n'
    (tmp_path / "list.html").write_text(text)
    expected = '<ul>\n  <li title="a">a</li>\n  <li title="&lt;&#34;&#39;&amp;">&lt;&#34;&#39;&amp;</li>\n</ul>'
    assert render(tmp_path, "list.html", items=["a", "<\"'&"]) == expected


def test_a_misspelled_name_is_an_error(tmp_path):
    (tmp_path / "page.html").write_text("{{ titel }}")
    with pytest.raises(jinja2.UndefinedError, match="titel"):
        render(tmp_path, "page.html", title="x")


def test_values_may_have_any_name(tmp_path):
    (tmp_path / "page.html").write_text("{{ folder }} {{ name }}")
    assert render(tmp_path, "page.html", folder="a", name="b") == "a b"


def test_without_jinja2_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError) as caught:
        render(tmp_path, "page.html")
    assert str(caught.value) == "pages of HTML need Jinja2: python -m pip install nbformat jinja2 jsonschema"
