"""Where the repository is: the one place that names its address."""

from __future__ import annotations

from minigen.course.lesson.folder import slug

__all__ = ["NOTEBOOKS", "REPOSITORY", "colab_address", "install_command", "notebook_name"]

REPOSITORY = "OWNER/REPOSITORY"
NOTEBOOKS = "notebooks"  # the folder that `minigen notebook` writes to


def notebook_name(lesson_id: str) -> str:
    """ "gan-02-gan.ipynb" of "gan/02_gan"."""
    return f"{slug(lesson_id)}.ipynb"


def colab_address(lesson_id: str) -> str:
    """Where Colab opens the notebook of a lesson, once it is in the repository's folder of notebooks."""
    return f"https://colab.research.google.com/github/{REPOSITORY}/blob/main/{NOTEBOOKS}/{notebook_name(lesson_id)}"


def install_command() -> str:
    """What installs the package from the repository."""
    return f'pip install "minigen @ git+https://github.com/{REPOSITORY}"'
