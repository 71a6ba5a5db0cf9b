"""The four posts: their sections, figures and numbered equations, their symbols, and the terms of the lessons."""

from __future__ import annotations

import csv
from functools import lru_cache

from minigen.course.index.package import PACKAGE

__all__ = [
    "AFTER",
    "EQUATION_ID",
    "FAMILIES",
    "POSTS",
    "START",
    "equations",
    "figures",
    "further_equations",
    "glossary",
    "heading",
    "sections",
    "subsections",
    "symbols",
]

POSTS = {
    "gan": "From GAN to WGAN",
    "vae": "From Autoencoder to Beta-VAE",
    "flow": "Flow-based Deep Generative Models",
    "diffusion": "What are Diffusion Models?",
}
START = {"start": "Before the posts"}  # families of lessons that belong to no post
AFTER = {"after": "After the posts"}
FAMILIES = (*START, *POSTS, *AFTER)  # in their order
EQUATION_ID = rf"(?:{'|'.join((*POSTS, *AFTER))})\.\d\d"  # a regular expression: gan.07


def heading(family: str) -> str:
    """What is above the lessons of a family: the title of its post, or for one of your own "Further lessons"."""
    return {**START, **POSTS, **AFTER}.get(family, f"Further lessons: {family}")


def _read(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table of the package."""
    with (PACKAGE / "course" / "data" / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@lru_cache
def sections() -> tuple[dict[str, str], ...]:
    """The sections of the four posts in order: id, post, title, anchor."""
    return _read("sections")


@lru_cache
def figures() -> tuple[dict[str, str], ...]:
    """The figures of the four posts: id, post, section (path of titles), shows, kind."""
    return _read("figures")


@lru_cache
def equations() -> tuple[dict[str, str], ...]:
    """The numbered equations of the four posts: id, post, section (path of titles), states, latex, note."""
    return _read("equations")


@lru_cache
def further_equations() -> tuple[dict[str, str], ...]:
    """The numbered equations of the lessons after the posts, with the columns of `equations`; section is a lesson."""
    return _read("further_equations")


@lru_cache
def glossary() -> tuple[dict[str, str], ...]:
    """The terms of the lessons in alphabetical order: term, meaning, lesson that explains it, see (terms and ids)."""
    return _read("glossary")


def open_questions() -> str:
    """What the lessons leave open, with numbers and what was tried, in Markdown."""
    return (PACKAGE / "course" / "data" / "open_questions.md").read_text(encoding="utf-8")


@lru_cache
def symbols() -> tuple[dict[str, str], ...]:
    """The posts' symbols: posts ("all", or those where it means this), latex, code (its name there), meaning."""
    return _read("symbols")


@lru_cache
def subsections() -> dict[str, list[str]]:
    """Section id -> ids of its subsections, as far as the paths of figures and equations show them."""
    by_title = {(row["post"], row["title"]): row["id"] for row in sections()}
    parts: dict[str, list[str]] = {}
    for row in (*equations(), *figures()):
        path = [by_title.get((row["post"], title)) for title in row["section"].split(" › ")]
        for above, below in zip(path, path[1:]):
            if above and below and below not in parts.setdefault(above, []):
                parts[above].append(below)
    return {above: sorted(below) for above, below in parts.items()}
