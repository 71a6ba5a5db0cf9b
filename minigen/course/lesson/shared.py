"""Which trained models a lesson shares with others, how long their training takes, and whether they are in the cache.

This only reads the lesson's text and looks for files: `minigen list` and the first line of a run say what will be
trained first without loading what trains it. The trainings themselves are in `pretrained`; `cache` keeps beside each
model what code made it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from minigen.course.console import UsageError
from minigen.course.lesson.cache import cache_dir
from minigen.course.lesson.folder import slug
from minigen.course.lesson.recipe import made_by_this_code

__all__ = ["SHARED", "SharedModel", "models_of", "not_cached"]


class SharedModel(NamedTuple):
    """name: as the cache and messages call it; minutes: of its training."""

    name: str
    minutes: float


SHARED = {  # by the function of `pretrained` that lessons import
    "digit_classifier": SharedModel("digit classifier", 1.5),
    "digit_diffusion": SharedModel("digit diffusion", 8),
}
IMPORT = re.compile(r"from minigen\.course\.lesson\.pretrained import (\([^)]*\)|.*)")


def models_of(lesson_file: Path | None) -> list[SharedModel]:
    """The shared models that a lesson imports; none if the file cannot be read."""
    try:
        source = "" if lesson_file is None else lesson_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    imported = set(re.findall(r"\w+", " ".join(IMPORT.findall(source))))
    return [model for function, model in SHARED.items() if function in imported]


def not_cached(models: list[SharedModel]) -> list[SharedModel]:
    """Those of which the cache has none that was made by the present code."""
    try:
        folder = cache_dir()
    except UsageError:
        return models
    found = {model: folder.glob(f"{slug(model.name)}-{'[0-9a-f]' * 16}.npz") for model in models}
    return [model for model in models if not any(map(_is_of_today, found[model]))]


def _is_of_today(path: Path) -> bool:
    """Whether the code that made this model, with its settings, is the present code."""
    try:
        return made_by_this_code(json.loads(path.with_suffix(".json").read_bytes()))
    except (OSError, ValueError):
        return False
