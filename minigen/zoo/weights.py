"""The weights of the pretrained models, which come with the package: `<name>.npz` and `<name>.json` beside this file.

    from minigen.zoo import weights
    classifier = weights.load("digit_classifier")     # what `lesson.pretrained("digit_classifier")` gives a lesson

The weights are kept in float16, half the size, and computed with in float32. `<name>.json` says which settings and
which code they were trained with, on which processor and for how long, and what was measured of them.
`minigen record --shared` makes both files.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import numpy

from minigen.files import write_text
from minigen.nn import Module
from minigen.tensor.storage import load_arrays, save_arrays
from minigen.types import Array
from minigen.zoo import description_file, weights_file

__all__ = ["described", "load", "restored", "rounded", "save"]


def load(name: str) -> Any:
    """Return the pretrained model of this name, frozen, with the weights that come with the package.

    Raises ValueError if they do not fit the code of the model any more, or cannot be read.
    """
    try:
        return restored(name, load_arrays(weights_file(name)), described(name)["config"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        words = name.replace("_", " ")
        message = f"the weights of the {words} that come with minigen do not fit its code: {error}"
        raise ValueError(message) from error


def restored(name: str, arrays: dict[str, Array], config: dict[str, Any]) -> Any:
    """Return the model of this name and configuration with these weights.

    Raises ValueError where their shapes differ.
    """
    model = import_module(f"minigen.zoo.{name}")
    network = model.build(config).load_state(arrays)  # its own arrays are float32
    return model.ready(network, config)


def rounded(network: Module) -> dict[str, Array]:
    """Return the arrays of a trained network in float16. Raises ValueError for one that float16 cannot hold."""
    with numpy.errstate(over="ignore"):
        arrays = {name: array.astype(numpy.float16) for name, array in network.state().items()}
    for name, array in arrays.items():
        if not numpy.isfinite(array).all():
            raise ValueError(f"the array {name!r} has values that are not finite in float16")
    return arrays


def described(name: str) -> dict[str, Any]:
    """Return what is known of the weights of this model: config, quality, command, recipe, seed, minutes, processor."""
    return json.loads(description_file(name).read_text(encoding="utf-8"))


def save(name: str, arrays: dict[str, Array], description: dict[str, Any]) -> None:
    """Keep weights and their description in the package."""
    save_arrays(weights_file(name), arrays)
    write_text(description_file(name), json.dumps(description, indent=1, ensure_ascii=False) + "\n")
