"""What `data/paths.toml` lists of each evening: the stops of a post, and the exercises in their order."""

import tomllib
from functools import lru_cache
from typing import Any

from minigen.course.index.package import PACKAGE

__all__ = ["exercises_with", "listed"]


@lru_cache
def listed() -> dict[str, dict[str, Any]]:
    """Return what the file says, post by post."""
    with (PACKAGE / "course" / "data" / "paths.toml").open("rb") as file:
        return tomllib.load(file)


def exercises_with(exercise: str) -> list[str]:
    """Return the ids of its evening's exercises, in order; [] if no evening has it ("gan/02/discriminator_loss")."""
    for one in listed().values():
        ids = [f"{stop['lesson']}/{name}" for stop in one["stops"] for name in stop["exercises"]]
        if exercise in ids:
            return ids
    return []
