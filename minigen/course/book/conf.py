"""The configuration of Sphinx for the book. `minigen.course.book.build` calls Sphinx with it."""

from pathlib import Path
from typing import Any

WEB = Path(__file__).parent / "web"


def scripts(web: Path, python: str = "") -> list[tuple[str, dict[str, str]]]:
    """Return the scripts of every page in their order. `python` is "none" for pages without Python."""
    names = ["book-data.js", "versions.js", "page.js", "python.js", "editor.js", "exercise.js", "cell.js", "play.js"]
    attributes = {"python.js": {"data-python": python}} if python else {}
    there = [name for name in names if name == "book-data.js" or (web / name).exists()]
    return [(name, {"defer": "defer", **attributes.get(name, {})}) for name in there]


project = "minigen"
author = "The minigen authors"
language = "en"
extensions = ["myst_parser", "minigen.course.book.formulas", "sphinx_copybutton"]
exclude_patterns: list[str] = []
smartquotes = False
html_math_renderer = "katex"

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "attrs_block", "deflist", "strikethrough"]
myst_dmath_double_inline = True
suppress_warnings = ["myst.header"]  # a lesson may go from a title straight to a part of a part
suppress_warnings += ["myst.strikethrough"]  # that only HTML has

html_theme = "furo"
templates_path = ["theme"]
html_title = "minigen"
html_static_path = [str(WEB)]
html_favicon = str(WEB / "favicon.svg")
html_css_files = [name for name in ("book.css", "exercise.css", "play.css") if (WEB / name).exists()]
html_js_files = scripts(WEB)
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": False, "top_of_page_buttons": []}

copybutton_selector = "div.highlight-python pre"


def name_no_empty_column(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Make a heading without words a plain cell: a program that reads the page aloud would call a column by it."""
    context["body"] = context.get("body", "").replace('<th class="head"><p></p></th>', "<td></td>")


def setup(app: Any) -> None:
    """Register what is changed in a page before it is written."""
    app.connect("html-page-context", name_no_empty_column)
