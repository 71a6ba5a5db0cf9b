"""The bibliography: the papers and pages that lessons declare, and those that a text cites."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from minigen.course.index.lessons import LessonInfo
from minigen.course.index.package import PACKAGE

__all__ = ["Reference", "bibliography", "check_sources", "citations", "cited", "reference", "sources_of"]

OTHERS = "others"  # the last author where some are left out
YEAR = r"(?:18|19|20)\d\d[a-z]?"
SURNAME = r"(?:[Vv]an den |[Vv]an |d')?[A-Z][\w'’-]+"
TITLE = r"[\"“*]([^\"”*]+)[\"”*]"
CITATION = re.compile(
    rf"(?P<names>{SURNAME}(?:, {SURNAME})*(?:,? (?:and|&) {SURNAME})?)(?P<more> et al\.)?"
    rf"(?:,? \(?{TITLE})?,? \(?(?P<years>{YEAR}(?:, {YEAR})*)\b(?:, {TITLE})?"
)


@dataclass(frozen=True)
class Reference:
    """A paper or a page. authors: surnames in order; year: with a letter where authors and year are the same twice."""

    key: str
    authors: tuple[str, ...]
    year: str
    title: str
    venue: str
    arxiv: str = ""
    doi: str = ""
    url: str = ""

    @property
    def link(self) -> str:
        """Its address; "" where none is known."""
        if self.arxiv:
            return f"https://arxiv.org/abs/{self.arxiv}"
        return f"https://doi.org/{quote(self.doi)}" if self.doi else self.url

    @property
    def number(self) -> str:
        """Its number on arXiv or its DOI, as one writes it; "" for one that has none."""
        return f"arXiv:{self.arxiv}" if self.arxiv else f"doi:{self.doi}" if self.doi else ""

    @property
    def names(self) -> str:
        """The authors in words: "Ho, Jain and Abbeel"; "Radford, Kim, Hallacy, Ramesh et al."."""
        *first, last = self.authors
        if last == OTHERS:
            return f"{', '.join(first)} et al."
        return f"{', '.join(first)} and {last}" if first else last

    def __str__(self) -> str:
        """Return the authors, year, title and venue in a line, without the link."""
        title = self.title if self.title.endswith("?") else f"{self.title}."
        return f"{self.names} ({self.year}). {title} {self.venue}."


@lru_cache
def bibliography() -> dict[str, Reference]:
    """All sources by their keys, in alphabetical order."""
    with (PACKAGE / "course" / "data" / "bibliography.toml").open("rb") as file:
        entries = tomllib.load(file)
    return {key: Reference(key, **{**entry, "authors": tuple(entry["authors"])}) for key, entry in entries.items()}


def check_sources(keys: Iterable[str]) -> tuple[str, ...]:
    """Return these keys as a tuple.

    Raises ValueError for one that the bibliography does not have, or that is there twice.
    """
    keys = tuple(keys)
    for key in keys:
        if key not in bibliography():
            raise ValueError(f"{key!r} is not a key of minigen/course/data/bibliography.toml")
        if keys.count(key) > 1:
            raise ValueError(f"{key!r} is among the sources twice")
    return keys


def sources_of(lesson: LessonInfo) -> list[Reference]:
    """Return the sources that a lesson declares, in its order. Raises ValueError for a key that is not known."""
    return [bibliography()[key] for key in check_sources(lesson.sources)]


def reference(key: str) -> str:
    """Return a source in a line of text, with its address at the end. Raises KeyError for an unknown key."""
    source = bibliography()[key]
    return f"{source} {source.link}".rstrip()


def citations(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each citation of a text, "Ho et al. 2020" or 'Ho et al., "Cascaded Diffusion Models", 2021', and what it means.

    Yields (citation, keys): the keys of all entries that fit, which should be one. All authors are named, or the first
    ones with "et al." for those of three or more, or the first one alone. Line breaks and comment signs do not count.
    """
    text = re.sub(r"\s*\n[ \t]*(?:#[ \t]*)?", " ", text)
    for found in CITATION.finditer(text):
        names = tuple(re.split(r",? (?:and|&) |, ", found["names"]))
        titles = [title for title in (found[3], found[5]) if title]
        entries = [source for source in bibliography().values() if _fits(names, bool(found["more"]), source)]
        for year in found["years"].split(", "):
            yield found[0], [source.key for source in entries if _is_of(source, year, titles)]


def cited(text: str) -> set[str]:
    """Return the keys of the sources that a text cites."""
    return {key for _, keys in citations(text) for key in keys}


def _fits(names: tuple[str, ...], more: bool, source: Reference) -> bool:
    """Whether these surnames, and more where the citation says "et al.", can be the authors of a source."""
    cited, authors = ([name.casefold() for name in each] for each in (names, source.authors))
    if cited != authors[: len(cited)]:
        return False
    if more:
        return len(authors) > max(2, len(cited))
    return len(cited) in (1, len(authors))


def _is_of(source: Reference, year: str, titles: list[str]) -> bool:
    """Whether a source is of this year and its title begins with each of these; with a title, no letter is needed."""
    known, *given = ("".join(filter(str.isalnum, title.casefold())) for title in (source.title, *titles))
    years = (source.year, source.year[:4]) if titles else (source.year,)
    return year in years and all(known.startswith(title) for title in given)
