"""Texts that stand for what cannot be seen: a picture's alternative text, Markdown without its signs."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["describe", "plain"]


def describe(file: str, caption: str) -> str:
    """Return the alternative text of a picture: its title, and the first sentence of its caption."""
    name = Path(file).stem.replace("_", " ").replace("-", " ")
    first = plain(caption).split(". ")[0].rstrip(".")
    return f"Figure {name}: {first}" if first else f"Figure {name}"


def plain(text: str) -> str:
    """Markdown as plain text in one line, for a picture's description."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"[`*$\\{}]", "", text)
    return " ".join(text.split())
