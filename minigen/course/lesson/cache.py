"""Models that several lessons need, trained once and kept in the user's cache directory under their configuration."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minigen
from minigen.course.lesson.claims import jsonable
from minigen.course.lesson.folder import slug

__all__ = ["cache_dir", "cached_model", "recipe_of"]

ALWAYS_USED = {"tensor", "nn", "optim", "data", "train"}  # the parts of the package that every training rests on


def cache_dir() -> Path:
    """Where cached models live: MINIGEN_CACHE, or `minigen` in the cache directory of the system's user."""
    if os.environ.get("MINIGEN_CACHE"):
        return Path(os.environ["MINIGEN_CACHE"])
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "minigen" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minigen"


def recipe_of(lesson_file: str | Path | None) -> str | None:
    """What a lesson's trainings depend on besides its options, as 16 hexadecimal digits; None if it cannot be read.

    A hash of the lesson's source, of the version, and of the source of the package's parts (`minigen.gan`, ...) that
    the lesson names or that every training uses. So weights of another recipe are never taken for those of this one.
    """
    if lesson_file is None:
        return None
    try:
        source = Path(lesson_file).read_bytes()
        named = {name.decode() for name in re.findall(rb"\bminigen\.(\w+)", source)} - {"course", "plot", "cli"}
        hashed = hashlib.sha256(minigen.__version__.encode() + source)
        for part in sorted(named | ALWAYS_USED):
            for path in sorted(Path(minigen.__file__).with_name(part).glob("*.py")):
                hashed.update(path.name.encode() + path.read_bytes())
    except OSError:
        return None
    return hashed.hexdigest()[:16]


def cached_model(
    name: str,
    config: dict[str, Any],
    build: Callable[[dict], Any],
    train: Callable[[Any, dict], Any],
    salt: str = "",
    say: Callable[[str], None] = print,
) -> Any:
    """The model of this name and configuration, from the cache or else trained and put there.

    build: `build(config)` returns the untrained model.
    train: `train(model, config)` trains it in place, or returns a model of the same layout to keep instead of it.
    salt:  anything else that the result depends on.

    The file's name holds a hash of the configuration and of the source of the two functions, so a changed recipe is
    trained anew. A file that is damaged or does not fit is trained anew and replaced; a cache that cannot be written
    costs only the time.
    """
    from minigen.tensor.storage import load_arrays, save_arrays

    recipe = json.dumps([name, jsonable(config), _source(build), _source(train), salt], sort_keys=True)
    path = cache_dir() / f"{slug(name)}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.npz"
    model = build(config)
    if path.exists():
        try:
            model.load_state(load_arrays(path))
            say(f"  pretrained  {name}: loaded from {path}")
            return model
        except (ValueError, KeyError, OSError) as error:
            say(f"  pretrained  {name}: the cached file is not usable ({error}); training it anew")
            model = build(config)
    else:
        say(f"  pretrained  {name}: not in the cache yet, training it once")
    trained = train(model, config)
    model = model if trained is None else trained
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_arrays(path, model.state())
    except OSError as error:
        say(f"  pretrained  {name}: could not be kept for the next time ({error.strerror or error})")
    return model


def _source(function: Callable) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return getattr(function, "__qualname__", repr(type(function)))
