"""Whole models that several places share: those that lessons load, the tour's four, the benchmark's, the book's.

Each file builds and trains a model from the parts of the families. `minigen.course` decides when that happens and what
is kept.

A pretrained model is a file of its name. `minigen.zoo.digit_classifier`, for instance, has

    FULL, QUICK                  the settings of a run and of a quick one: all that the model depends on
    build(config)                the untrained model
    train(model, config, fit)    trains it in place, or returns the one to keep; `fit` is `minigen.train.fit`
    ready(model, config)         what a lesson is given: the trained model, frozen

Its trained weights come with the package, in files of the same name (`minigen.zoo.weights`).
"""

from collections.abc import Iterable
from pathlib import Path

__all__ = ["PRETRAINED", "check_pretrained", "description_file", "weights_file"]

PRETRAINED = {"digit_classifier": 1.5, "digit_diffusion": 8.0}  # the minutes that a training takes on two cores


def check_pretrained(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of pretrained models as a tuple; ValueError for one that is not there."""
    names = tuple(names)
    for name in names:
        if name not in PRETRAINED:
            raise ValueError(f"there is no pretrained model {name!r}; there are {', '.join(PRETRAINED)}")
    return names


def weights_file(name: str) -> Path:
    """Return the file with the weights of a pretrained model, float16."""
    return Path(__file__).with_name(f"{name}.npz")


def description_file(name: str) -> Path:
    """Return the file that describes the weights of a pretrained model."""
    return Path(__file__).with_name(f"{name}.json")
