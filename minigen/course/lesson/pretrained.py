"""The pretrained models that lessons declare: loaded from the cache, or trained once and put there.

`Lesson(..., pretrained=["digit_classifier"])` declares the model that `minigen/zoo/digit_classifier.py` builds and
trains; `lesson.pretrained("digit_classifier")` loads it. Its file in the cache is named by the code of that module and
of what it imports. So `minigen list` and the first line of a run say what will be trained first without importing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from minigen.course.console import UsageError
from minigen.course.lesson.cache import cached_file, load_or_train
from minigen.course.lesson.recipe import recipe_of_pretrained

__all__ = ["load", "model_name", "not_cached"]


def model_name(name: str, quick: bool = False) -> str:
    """The model as messages and the cache name it: "digit classifier", or "digit classifier, quick"."""
    words = name.replace("_", " ")
    return f"{words}, quick" if quick else words


def load(name: str, quick: bool, say: Callable[[str], None]) -> Any:
    """The pretrained model of this name, or the small one of quick runs, trained first if the cache does not have it.

    It is trained with the package's functions, also in a run that puts a student's function in the place of one: other
    lessons load the same model.
    """
    from minigen.course.exercise.substitute import suspended

    model = import_module(f"minigen.zoo.{name}")
    config = model.QUICK if quick else model.FULL
    with suspended():
        recipe = recipe_of_pretrained(name)
        trained = load_or_train(model_name(name, quick), recipe, config, model.build, model.train, say)
        return model.ready(trained, config)


def not_cached(names: Iterable[str]) -> list[str]:
    """Those of which the cache has none that the present code made."""
    try:
        return [name for name in names if not cached_file(model_name(name), recipe_of_pretrained(name)).exists()]
    except UsageError:  # there is no folder for a cache
        return list(names)
