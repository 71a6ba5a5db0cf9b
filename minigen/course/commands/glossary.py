"""`minigen glossary [TERM]`: the terms of the lessons in plain words, each with the lesson that explains it."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Sequence

from minigen.course.console import UsageError, color, print_json
from minigen.course.index import posts
from minigen.course.lesson.options import Parser, add_json

__all__ = ["main", "parser"]

WIDTH = 100


def parser() -> Parser:
    """Return the arguments of `minigen glossary`."""
    result = Parser(
        prog="minigen glossary",
        description="Explain a term of the lessons and name its lesson; without a term, explain all.",
        example="minigen glossary logit",
    )
    result.add_argument("term", nargs="*", help="a term, such as: reparameterization trick")
    add_json(result)
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen glossary ...`; returns 0. Raises UsageError for an unknown term."""
    args = parser().parse_args(argv)
    rows = _found(" ".join(args.term)) if args.term else list(posts.glossary())
    if args.json:
        print_json(rows)
    else:
        print("\n".join(map(_shown, rows)))
    return 0


def _found(text: str) -> list[dict[str, str]]:
    """Return the entry of this term or its singular, or the entries whose terms begin with the text or have it as a
    word.
    """
    wanted = text.lower()
    by_term = {row["term"].lower(): row for row in posts.glossary()}
    for term in (wanted, wanted.removesuffix("s")):
        if term in by_term:
            return [by_term[term]]
    near = [row for term, row in by_term.items() if term.startswith(wanted) or wanted in term.split()]
    if near:
        return near
    close = [by_term[term]["term"] for term in difflib.get_close_matches(wanted, by_term, n=3, cutoff=0.6)]
    hint = f"did you mean {', '.join(close)}?" if close else "see minigen glossary"
    raise UsageError(f"the glossary has no term {text!r}; {hint}")


def _shown(row: dict[str, str]) -> str:
    """Return an entry as text: the term, what it means, the lesson, and what to read with it."""
    see = f"; see {row['see']}" if row["see"] else ""
    text = f"{row['meaning']} ({row['lesson']}{see})"
    lines = textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join([color(row["term"], "bold"), *lines])
