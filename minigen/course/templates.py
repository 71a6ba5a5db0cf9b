"""HTML from templates: Jinja2, which the extras `classroom` and `book` bring and which is imported when it is used.

Every value is escaped, unless a template marks it `| safe`, and a name that a template misspells is an error.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigen.course.console import INSTALL_CLASSROOM, UsageError

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["environment", "render"]


@lru_cache
def environment(folder: Path) -> Environment:
    """Return the templates of a folder, compiled once. Raises UsageError without Jinja2."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        message = f"pages of HTML need Jinja2: {INSTALL_CLASSROOM}"
        raise UsageError(message) from None
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,  # no empty line where a line holds only {% ... %}
        lstrip_blocks=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )


def render(folder: Path, name: str, /, **values: Any) -> str:
    """Return the text of the template `folder`/`name` with these values, without its last line break."""
    return environment(folder).get_template(name).render(values)
