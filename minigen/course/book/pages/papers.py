"""The papers and pages that the lessons build on; how the book itself is cited, and its license."""

from __future__ import annotations

import minigen
from minigen.course.book.contents import Contents
from minigen.course.book.markup import html_block
from minigen.course.index.sources import bibliography
from minigen.course.repository import repository_address

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

{html_block("references/cite.html", repository=repository_address(), version=minigen.__version__)}

## License

Text, figures and code are free under the MIT license.{_source()}
"""


def _source() -> str:
    """Return where the license and the source are, where that is known."""
    address = repository_address()
    if not address:
        return ""
    return f" [Its text]({address}/blob/main/LICENSE) is with the source, at [{address.removeprefix('https://')}]({address})."
