"""Trained models in the user's cache directory: each is trained once, and kept under the recipe of what made it."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError
from minigen.course.lesson.claims import jsonable
from minigen.course.lesson.folder import remove_partial_files, slug
from minigen.course.lesson.recipe import recipe_of_functions
from minigen.files import locked

__all__ = ["cache_dir", "cached_file", "cached_model", "load_or_train"]


def cache_dir() -> Path:
    """Where cached models live: MINIGEN_CACHE, or `minigen` in the cache directory of the system's user.

    Raises UsageError where the user has no home directory and MINIGEN_CACHE is not set.
    """
    if os.environ.get("MINIGEN_CACHE"):
        return Path(os.environ["MINIGEN_CACHE"])
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "minigen" / "cache"
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minigen"
    except RuntimeError:
        message = "there is no home directory to keep trained models in: name one by the variable MINIGEN_CACHE"
        raise UsageError(message) from None


def cached_file(name: str, recipe: str) -> Path:
    """The file of a model in the cache, by its name and the recipe of what makes it. Raises UsageError."""
    return cache_dir() / f"{slug(name)}-{recipe}.npz"


def cached_model(
    name: str,
    config: dict[str, Any],
    build: Callable[[dict], Any],
    train: Callable[..., Any],
    salt: str = "",
    say: Callable[[str], None] = print,
) -> Any:
    """The model of this name and configuration, from the cache or else trained and put there.

    build: `build(config)` returns the untrained model.
    train: `train(model, config, fit)` trains it in place, or returns a model of the same layout to keep instead of it.
           `fit` is `minigen.train.fit` with a checkpoint in the cache, so that an interrupted training goes on the next
           time; `train(model, config)` has to bring its own.
    salt:  anything else that the result depends on.

    The file's name holds a hash of the configuration and of the code around the two functions, so a changed recipe is
    trained again.
    """
    key = json.dumps([name, jsonable(config), recipe_of_functions(build, train), salt], sort_keys=True)
    recipe = hashlib.sha256(key.encode()).hexdigest()[:16]
    return load_or_train(name, recipe, config, build, train, say)


def load_or_train(
    name: str,
    recipe: str,
    config: dict[str, Any],
    build: Callable[[dict], Any],
    train: Callable[..., Any],
    say: Callable[[str], None],
) -> Any:
    """The model that `recipe` stands for, from the cache or else trained and put there; see `cached_model`.

    A file that is damaged or does not fit is trained again and replaced; a cache that cannot be written costs only the
    time. Two processes do not train the same model: the second waits for the first.
    """
    with ExitStack() as held:
        path: Path | None = None
        try:
            path = cached_file(name, recipe)
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting = f"  pretrained  {name}: another process is training it; waiting for it"
            held.enter_context(locked(path.with_suffix(".lock"), busy=lambda: say(waiting)))
        except (UsageError, OSError) as error:
            path = None
            reason = getattr(error, "strerror", None) or error
            say(f"  pretrained  {name}: could not be kept for the next time ({reason})")
        return _from_file_or_trained(path, name, config, build, train, say)


def _from_file_or_trained(
    path: Path | None, name: str, config: dict, build: Callable, train: Callable, say: Callable[[str], None]
) -> Any:
    """The model from `path`, or trained and saved there; without a path only trained."""
    from minigen.tensor.storage import load_arrays, save_arrays

    model = build(config)
    if path is not None and path.exists():
        try:
            model.load_state(load_arrays(path))
            say(f"  pretrained  {name}: loaded from {path}")
            return model
        except (ValueError, KeyError, OSError) as error:
            say(f"  pretrained  {name}: the cached file is not usable ({error}); training it again")
            model = build(config)
    elif path is not None:
        others = any(path.parent.glob(f"{slug(name)}-{'[0-9a-f]' * 16}.npz"))
        why = "the cached one has other settings, or other code made it" if others else "not in the cache yet"
        say(f"  pretrained  {name}: {why}; training it once")
    trained = _train(train, model, config, path)
    model = model if trained is None else trained
    if path is not None:
        try:
            remove_partial_files(path.parent, path.stem)
            save_arrays(path, model.state())
            for checkpoint in path.parent.glob(f"{path.stem}.training-*.npz"):
                checkpoint.unlink(missing_ok=True)
        except OSError as error:
            say(f"  pretrained  {name}: could not be kept for the next time ({error.strerror or error})")
    return model


def _train(train: Callable, model: Any, config: dict, path: Path | None) -> Any:
    """Call `train`, with a `fit` that keeps checkpoints beside `path`, if `train` takes one."""
    from minigen.train import Descent, History, fit
    from minigen.train.checkpoint import ResumeError

    def fit_with_checkpoint(
        step: Callable, steps: int, *, state: Any = None, label: str = "training", **options: Any
    ) -> History:
        if state is None and isinstance(step, Descent):
            state = step.state
        if state is None or path is None:
            return fit(step, steps, state=state, label=label, **options)
        options["checkpoint"] = path.with_name(f"{path.stem}.training-{slug(label)}.npz")
        try:
            return fit(step, steps, state=state, label=label, resume=True, **options)
        except ResumeError:  # damaged: its code is the same, or it would have another name
            return fit(step, steps, state=state, label=label, **options)

    takes_fit = len(inspect.signature(train).parameters) > 2
    return train(model, config, fit_with_checkpoint) if takes_fit else train(model, config)
