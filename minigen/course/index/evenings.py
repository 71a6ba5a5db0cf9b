"""What `data/paths.toml` lists of each evening: the stops of a post, and the exercises in their order."""

import tomllib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from minigen.course.index.package import PACKAGE

__all__ = ["chosen_of", "evening_with", "exercises_with", "listed"]


@lru_cache
def listed() -> dict[str, dict[str, Any]]:
    """Return what the file says, post by post."""
    with (PACKAGE / "course" / "data" / "paths.toml").open("rb") as file:
        return tomllib.load(file)


def evening_with(exercise: str) -> str:
    """Return the post whose evening has an exercise ("gan/02/discriminator_loss"); "" if none has it."""
    return next((post for post, one in listed().items() if exercise in _exercises(one)), "")


def exercises_with(exercise: str) -> list[str]:
    """Return the ids of its evening's exercises, in order; [] if no evening has it."""
    post = evening_with(exercise)
    return _exercises(listed()[post]) if post else []


def chosen_of(exercises: Iterable[str]) -> list[str]:
    """Return those of a lesson's exercises that its post's evening has, if it has some of them and not all; else []."""
    exercises = list(exercises)
    chosen = [id for id in exercises if evening_with(id)]
    return chosen if len(chosen) < len(exercises) else []


def _exercises(evening: dict[str, Any]) -> list[str]:
    return [f"{stop['lesson']}/{name}" for stop in evening["stops"] for name in stop["exercises"]]
