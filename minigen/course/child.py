"""How to start `minigen` in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["minigen_command"]

PACKAGE = Path(__file__).resolve().parents[1]

# Runs this package, whatever a `minigen.py` or `numpy.py` in the current folder (not on the path, by -P) would define.
CODE = f"import sys; sys.path.append({str(PACKAGE.parent)!r}); from minigen.cli import main; sys.exit(main())"


def minigen_command(*words: str) -> list[str]:
    """Return the command line of `minigen WORDS` with this Python and this package."""
    return [sys.executable, "-P", "-c", CODE, *words]
