"""Where the repository is: its name on GitHub, read from the checkout, and what is reached by it.

No file holds the name. A workflow of GitHub and every clone have it as the remote called origin; elsewhere, as in an
installed package, it is not known, and what would need it is left out.
"""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

from minigen.course.lesson.folder import slug

__all__ = [
    "CHECKOUT",
    "COLAB_BADGE",
    "DISTRIBUTION",
    "book_address",
    "colab_address",
    "install_command",
    "notebook_name",
    "repository",
    "repository_address",
]

DISTRIBUTION = "minigen-course"  # what pip installs: on the package index the name minigen belongs to another project
COLAB = "https://colab.research.google.com"
COLAB_BADGE = f"{COLAB}/assets/colab-badge.svg"
CHECKOUT = Path(__file__).resolve().parents[2]
ON_GITHUB = re.compile(r"(?<![\w.-])github\.com[:/]+([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


@cache
def repository(folder: Path = CHECKOUT) -> str:
    """Return "owner/name" of the remote origin of a checkout; "" where there is none on GitHub."""
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "config", "--get", "remote.origin.url"]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = ON_GITHUB.search(done.stdout.strip())
    return found[1] if found else ""


def repository_address() -> str:
    """Return the page of the repository, "https://github.com/owner/name", or ""."""
    return f"https://github.com/{repository()}" if repository() else ""


def book_address() -> str:
    """Return where GitHub Pages publishes the book, "https://owner.github.io/name/", or ""."""
    if not repository():
        return ""
    owner, name = repository().split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def notebook_name(lesson_id: str) -> str:
    """ "gan-02-gan.ipynb" of "gan/02_gan"."""
    return f"{slug(lesson_id)}.ipynb"


def colab_address(lesson_id: str) -> str:
    """Return where Colab opens the notebook of a lesson, in the branch that .github/workflows/notebooks.yml writes;
    "" where the repository is not known.
    """
    return f"{COLAB}/github/{repository()}/blob/notebooks/{notebook_name(lesson_id)}" if repository() else ""


def install_command() -> str:
    """Return what installs the package: from the repository or, where that is not known, from the index."""
    source = f" @ git+{repository_address()}" if repository() else ""
    return f'pip install "{DISTRIBUTION}{source}"'
