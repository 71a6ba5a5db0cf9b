"""What a notebook shows in its own way: Markdown, folded parts and moving pictures."""

from __future__ import annotations

from pathlib import Path

__all__ = ["folded", "show_gif", "show_markdown"]


def show_markdown(text: str) -> None:
    """Show Markdown with mathematics below the cell that runs."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def show_gif(path: Path) -> None:
    """Show a moving picture below the cell that runs."""
    from IPython.display import Image, display

    display(Image(data=path.read_bytes(), format="gif"))


def folded(summary: str, text: str) -> str:
    """Markdown that shows only `summary` until it is opened."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"
