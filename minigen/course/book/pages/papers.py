"""The papers and pages that the lessons build on; how the book itself is cited, and its license."""

from __future__ import annotations

from importlib.metadata import version

from minigen.course.book.contents import Contents
from minigen.course.book.markup import html_block
from minigen.course.index.sources import bibliography
from minigen.course.repository import REPOSITORY

__all__ = ["papers_page"]


def papers_page(contents: Contents) -> str:
    """Every source of the bibliography with the lessons that declare it."""
    rows = [
        (source, [chapter for chapter in contents.chapters if source.key in chapter.lesson.sources])
        for source in sorted(bibliography().values(), key=lambda source: (str(source).casefold(), source.key))
    ]
    return f"""# Sources and license

The papers and pages that the lessons build on, each with the lessons that use it.

{html_block("references/papers.html", rows=rows)}

## How to cite

{html_block("references/cite.html", repository=f"https://github.com/{REPOSITORY}", version=version("minigen"))}

## License

Text, figures and code are free under the [MIT license](https://github.com/{REPOSITORY}/blob/main/LICENSE). The source
is at [github.com/{REPOSITORY}](https://github.com/{REPOSITORY}).
"""
