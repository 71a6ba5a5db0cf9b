"""Several versions of the book on one site: the list of them that each book's pages show as a choice.

    python -m minigen.course.book.versions SITE

SITE is the folder of the book of the main branch; each folder SITE/vVERSION below it holds the book of a release.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from minigen.files import write_text

__all__ = ["main", "write_versions"]

FILE = Path("_static") / "versions.js"
DEVELOPMENT = "development"


def _numbers(folder: Path) -> tuple[int, ...]:
    """(1, 10, 0) of ".../v1.10.0": versions in their order."""
    return tuple(int(part) for part in re.findall(r"\d+", folder.name))


def write_versions(site: Path) -> list[str]:
    """Write the list into every book below `site`, newest release first; returns the names of the versions.

    A book without a list of its own is left as it is: it is older than this choice, and the others still name it.
    Raises ValueError if `site` is not the folder of a book.
    """
    if not (site / "index.html").is_file():
        raise ValueError(f"site must be the folder of a book, with an index.html, got {site}")
    releases = [folder for folder in site.glob("v[0-9]*") if (folder / "index.html").is_file()]
    books = {DEVELOPMENT: ""}
    for folder in sorted(releases, key=_numbers, reverse=True):
        books[folder.name.removeprefix("v")] = f"{folder.name}/"
    for here, place in books.items():
        if not (site / place / FILE).is_file():
            continue
        up = "../" if place else ""
        entries = [{"name": name, "root": f"{up}{root}" or "./", "here": name == here} for name, root in books.items()]
        text = f"window.minigenVersions = {json.dumps(entries, indent=1)};\n"
        write_text(site / place / FILE, text)
    return list(books)


def main(argv: Sequence[str]) -> int:
    """`python -m minigen.course.book.versions SITE`; returns 0, or 2 for other arguments."""
    if len(argv) != 1:
        print("usage: python -m minigen.course.book.versions SITE", file=sys.stderr)
        return 2
    print("versions of the book: " + ", ".join(write_versions(Path(argv[0]))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
