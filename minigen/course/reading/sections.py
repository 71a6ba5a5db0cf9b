"""The sections of a lesson as its reader meets it, and how long they take to read.

A section is core, or an aside, which may be skipped: its text then begins with a sentence in italics, "You may skip
this section, because ...". This sentence is the only place where a lesson says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeGuard

from minigen.course.lesson import blocks
from minigen.course.lesson.blocks import Block

__all__ = ["ASIDE", "Section", "reading_minutes", "sections_of"]

ASIDE = "*You may skip this section, because "
WORDS_A_MINUTE = 160  # of a text with mathematics
SECONDS_A_LINE = 4.0  # of code that is open
SECONDS_A_FIGURE = 20.0
NUMBER = re.compile(r"(\d+)\. ")  # how the heading of a section begins


@dataclass(frozen=True)
class Section:
    """The opening of a lesson, with its title, or a heading with what is below it."""

    blocks: tuple[Block, ...]

    @property
    def heading(self) -> str:
        """ "1. The game of two models"; "" of an opening."""
        first = self.blocks[0] if self.blocks else None
        return first.text if isinstance(first, blocks.Heading) and first.level == 2 else ""

    @property
    def number(self) -> int:
        """1 of "1. The game of two models"; 0 without a number."""
        found = NUMBER.match(self.heading)
        return int(found[1]) if found else 0

    @cached_property
    def is_aside(self) -> bool:
        """Whether its first text says that it may be skipped."""
        first = next((block for block in self.blocks if isinstance(block, blocks.Text)), None)
        return first is not None and first.text.startswith(ASIDE)

    @cached_property
    def minutes(self) -> float:
        return reading_minutes(self.blocks)


def sections_of(shown: Sequence[Block]) -> list[Section]:
    """Return the opening, and the sections that follow it: what is below each heading of level 2."""
    starts = [i for i, block in enumerate(shown) if isinstance(block, blocks.Heading) and block.level == 2]
    return [Section(tuple(shown[begin:end])) for begin, end in pairwise([0, *starts, len(shown)])]


def reading_minutes(shown: Iterable[Block]) -> float:
    """How long blocks take to read, without their exercises: their words, the code that is open, their figures."""
    seconds = 0.0
    for block in shown:
        if isinstance(block, blocks.Text | blocks.Heading):
            words = re.sub(r"\$\$.*?\$\$|`[^`]*`", " equation ", block.text, flags=re.S).split()
            seconds += 60 * len(words) / WORDS_A_MINUTE
        elif _is_open_code(block):
            lines = [line.strip() for line in block.code.splitlines()]
            seconds += SECONDS_A_LINE * sum(bool(line) and not line.startswith("#") for line in lines)
        elif isinstance(block, blocks.Picture):
            seconds += SECONDS_A_FIGURE
    return seconds / 60


def _is_open_code(block: Block) -> TypeGuard[blocks.Code | blocks.Source]:
    """Whether a block is code that is open on the page; a listing that answers an exercise does not."""
    if isinstance(block, blocks.Source):
        return not block.exercises
    return isinstance(block, blocks.Code) and not block.folded
