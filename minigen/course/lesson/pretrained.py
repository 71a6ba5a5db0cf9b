"""The pretrained models that lessons declare: their weights come with the package, or they are trained once and cached.

`Lesson(..., pretrained=["digit_classifier"])` declares the model that `minigen/zoo/digit_classifier.py` builds and
trains; `lesson.pretrained("digit_classifier")` loads it. The weights in the package are data: they are used even when
the code has changed since they were trained. `--train-shared` trains the model instead. The trained model is kept in
the cache, in a file that is named by the code of that module and of what it imports. So `minigen list` and the first
lines of a run say what will be loaded or trained without importing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from minigen.course.console import UsageError, plural
from minigen.course.lesson.cache import cached_file, load_or_train
from minigen.course.lesson.claims import jsonable
from minigen.course.lesson.machine import machine, versions
from minigen.course.lesson.recipe import recipe_of_pretrained
from minigen.zoo import PRETRAINED, description_file, weights_file

__all__ = ["announced", "keep_weights", "load", "model_name", "to_train"]

COMMAND = "minigen record --shared"  # makes the weights in the package again


def model_name(name: str, quick: bool = False) -> str:
    """The model as messages and the cache name it: "digit classifier", or "digit classifier, quick"."""
    words = name.replace("_", " ")
    return f"{words}, quick" if quick else words


def load(name: str, quick: bool, train: bool, say: Callable[[str], None]) -> Any:
    """The pretrained model of this name, with the weights that come with the package.

    With `train`, and where the package has no weights of it, it comes from the cache, or is trained and put there; for
    a quick run a small one. It is trained with the package's functions, even in a run that puts a student's function in
    the place of one: other lessons load the same model. Raises UsageError for weights that do not fit the code.
    """
    from minigen.course.exercise.substitute import suspended

    with suspended():
        if not train and _come_with_the_package(name):
            from minigen.zoo import weights

            try:
                return weights.load(name)
            except ValueError as error:
                raise UsageError(f"{error}; train it with --train-shared, or make them again with {COMMAND}") from None
        model = import_module(f"minigen.zoo.{name}")
        config = model.QUICK if quick else model.FULL
        recipe = recipe_of_pretrained(name)
        trained = load_or_train(model_name(name, quick), recipe, config, model.build, model.train, say)
        return model.ready(trained, config)


def to_train(names: Iterable[str], train: bool = False) -> list[str]:
    """Those that a full run would train first: those not in the package (with `train`: any) and not in the cache."""
    return [name for name in names if (train or not _come_with_the_package(name)) and not _is_cached(name)]


def announced(names: Iterable[str], quick: bool, train: bool) -> list[str]:
    """What a run says at its beginning of the models that it declares, in lines."""
    names = list(names)
    kept = [] if train else [model_name(name) for name in names if _come_with_the_package(name)]
    lines = [f"  pretrained  {' and '.join(kept)}: the weights that come with minigen"] if kept else []
    for name in [] if quick else to_train(names, train):
        when = f"will be trained first, once for all lessons, about {plural(PRETRAINED[name], 'minute')}"
        lines.append(f"  pretrained  {model_name(name)}: {when}")
    return lines


def keep_weights(name: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Train the model of full runs, unless the cache has it, and keep its weights in the package; their description.

    The minutes of a training that the cache has are those of the description before, or null if that is of other code.
    """
    from minigen.zoo import quality, weights

    model, recipe, seconds = import_module(f"minigen.zoo.{name}"), recipe_of_pretrained(name), 0.0

    def train(network: Any, config: dict[str, Any], fit: Callable) -> Any:
        def timed(*args: Any, **options: Any) -> Any:
            nonlocal seconds
            history = fit(*args, **options)
            seconds += history.seconds
            return history

        return model.train(network, config, timed)

    network = load_or_train(model_name(name), recipe, model.FULL, model.build, train, say)
    arrays = weights.rounded(network)
    before = weights.described(name) if description_file(name).exists() else {"recipe": None}
    minutes = round(seconds / 60, 1) if seconds else before["minutes"] if before["recipe"] == recipe else None
    kept, trained = weights.restored(name, arrays, model.FULL), model.ready(network, model.FULL)
    description = {
        "model": name,
        "config": jsonable(model.FULL),
        "quality": quality.MEASURES[name](kept, trained),
        "command": COMMAND,
        "recipe": recipe,
        "seed": model.FULL["seed"],
        "minutes": minutes,
        "processor": machine()["processor"],
        "versions": {library: versions()[library] for library in ("minigen", "numpy", "autograd")},
    }
    weights.save(name, arrays, description)
    return description


def _come_with_the_package(name: str) -> bool:
    return weights_file(name).exists()


def _is_cached(name: str) -> bool:
    """Whether the cache has one that the present code made."""
    try:
        return cached_file(model_name(name), recipe_of_pretrained(name)).exists()
    except UsageError:  # there is no folder for a cache
        return False
