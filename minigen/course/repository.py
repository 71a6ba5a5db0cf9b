"""Where the repository is: the one place that names its address, and what is reached by it."""

from __future__ import annotations

from minigen.course.lesson.folder import slug

__all__ = ["COLAB_BADGE", "REPOSITORY", "colab_address", "install_command", "notebook_name"]

REPOSITORY = "OWNER/REPOSITORY"  # on GitHub
COLAB = "https://colab.research.google.com"
COLAB_BADGE = f"{COLAB}/assets/colab-badge.svg"


def notebook_name(lesson_id: str) -> str:
    """ "gan-02-gan.ipynb" of "gan/02_gan"."""
    return f"{slug(lesson_id)}.ipynb"


def colab_address(lesson_id: str) -> str:
    """Where Colab opens the notebook of a lesson: in the branch that .github/workflows/notebooks.yml writes."""
    return f"{COLAB}/github/{REPOSITORY}/blob/notebooks/{notebook_name(lesson_id)}"


def install_command() -> str:
    """Return what installs the package from the repository."""
    return f'pip install "minigen @ git+https://github.com/{REPOSITORY}"'
