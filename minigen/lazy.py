"""Public names of a package, loaded when they are first used.

Each name is defined in one file, its home. A package that users import from lists its names in a stub, one a line,
which type checkers and editors read as well:

    from minigen.flow.realnvp import RealNVP as RealNVP            # minigen/flow/__init__.pyi
    __getattr__, __dir__, __all__ = lazy.names(__name__)           # minigen/flow/__init__.py

`from minigen.flow import RealNVP` then loads that home and what it imports. Nothing is kept in the package: a name is
looked up in its home each time, so that a function which an exercise has replaced there is replaced here as well.

A name that two files of a package define, or that is also the name of a file, is not listed, and is imported from its
home: `minigen.vae.pca` is the file. `minigen.data` lists three functions of the latter kind, and imports them at once.
"""

import ast
import pkgutil
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["names", "targets"]


def targets(package: str, stub: str | bytes) -> dict[str, str]:
    """Return {name: where it is} of the names in a package's stub.

    "minigen.flow.realnvp:RealNVP" for `from minigen.flow.realnvp import RealNVP as RealNVP`, and "minigen.data.toy" for
    a file that the package `minigen.data` lists as a whole, `from minigen.data import toy as toy`.
    """
    found = {}
    for node in ast.parse(stub).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                is_module = node.module == package
                found[alias.name] = f"{package}.{alias.name}" if is_module else f"{node.module}:{alias.name}"
    return found


def names(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package that has a stub beside its `__init__.py`.

    The stub is read through the package's loader, so that it is found in a zip file, too.
    """
    target_of = targets(package, pkgutil.get_data(package, "__init__.pyi") or b"")

    def load(name: str) -> Any:
        if name not in target_of:
            text = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=sys.modules[package])  # Python suggests the nearest name
        return pkgutil.resolve_name(target_of[name])

    return load, lambda: sorted(target_of), sorted(target_of)
