"""The names that a piece of Python takes from the module around it."""

from __future__ import annotations

import symtable
from collections.abc import Iterator

__all__ = ["global_names"]


def global_names(text: str) -> set[str]:
    """Return the names outside its own arguments and variables that a text uses: `np` and `EPS`, but not an argument
    `time`.

    Raises SyntaxError, ValueError, RecursionError or MemoryError for what Python cannot read.
    """
    return set(_referenced(symtable.symtable(text, "text", "exec")))


def _referenced(table: symtable.SymbolTable) -> Iterator[str]:
    outermost = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (outermost or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _referenced(inner)
