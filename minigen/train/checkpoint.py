"""What a checkpoint holds, and how it is written and read.

A checkpoint is one `.npz` file without pickled objects: a JSON header under `meta`, the history under `history/...`,
every object of the training state under `state/<its name>/...`, and what was best on held-out data under
`best/<its name>/...`, if there are such data. Three kinds of object can be saved: those with
`state()`, which returns a flat dictionary of arrays, and `load_state(dict)` (modules, optimizers, moving averages),
`numpy.random.Generator`s, and plain arrays, which are filled in place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigen.tensor.storage import load_arrays

FORMAT = 1


class ResumeError(ValueError):
    """A training cannot go on from a file."""


class CheckpointError(ResumeError):
    """Because the file is not a checkpoint, is damaged, or is of another version's format."""


ARRAY, GENERATOR, STATEFUL = "array", "generator", "stateful"


def kind_of(name: str, thing: Any) -> str:
    """Which of the three kinds of training state `thing` is; ValueError for anything else."""
    if isinstance(thing, np.random.Generator):
        return GENERATOR
    if isinstance(thing, np.ndarray):
        if thing.dtype.hasobject:
            raise ValueError(f"state[{name!r}] is an array of Python objects, which a checkpoint cannot hold")
        return ARRAY
    if callable(getattr(thing, "state", None)) and callable(getattr(thing, "load_state", None)):
        return STATEFUL
    raise ValueError(
        f"state[{name!r}] must be a numpy array, a numpy.random.Generator or an object with state() and load_state(), "
        f"got {type(thing).__name__}"
    )


def collect(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Every object of the training state as arrays, named `<object>/<array>`."""
    arrays = {}
    for name, thing in state.items():
        kind = kind_of(name, thing)
        if kind == GENERATOR:
            arrays[f"{name}/bits"] = np.array(json.dumps(_jsonable(thing.bit_generator.state)))
        elif kind == ARRAY:
            arrays[f"{name}/array"] = thing.copy()
        else:
            arrays.update({f"{name}/{key}": np.asarray(value) for key, value in thing.state().items()})
    return arrays


def first_non_finite(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Return the name of the first array holding a NaN or an infinity, or None."""
    for name, array in arrays.items():
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            return name
    return None


def restore(state: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Put `arrays` (as `collect` made them) back into the objects of `state`, in place.

    Raises ValueError, with nothing changed, when names, shapes or kinds of number differ.
    """
    _check_layout(collect(state), arrays)
    for name, thing in state.items():
        mine = {key.removeprefix(f"{name}/"): value for key, value in arrays.items() if key.startswith(f"{name}/")}
        kind = kind_of(name, thing)
        if kind == GENERATOR:
            thing.bit_generator.state = _from_jsonable(json.loads(str(mine["bits"])))
        elif kind == ARRAY:
            thing[...] = mine["array"]
        else:
            thing.load_state(mine)


def read(path: Path) -> tuple[dict, dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Header, and arrays of history, state and best, of a checkpoint file; CheckpointError if it is not one."""
    try:
        arrays = load_arrays(path)
        meta = json.loads(str(arrays["meta"]))
        known = meta["format"] == FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is not a training checkpoint, or is damaged ({error})") from error
    if not known:
        raise CheckpointError(f"{path} is a checkpoint of format {meta['format']}; this version reads format {FORMAT}")
    return meta, _below("history/", arrays), _below("state/", arrays), _below("best/", arrays)


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}


def _check_layout(now: Mapping[str, np.ndarray], saved: Mapping[str, np.ndarray]) -> None:
    problems = [f"{name} is not in the checkpoint" for name in now if name not in saved]
    problems += [f"{name} is in the checkpoint only" for name in saved if name not in now]
    for name in now:
        if name not in saved:
            continue
        if name.endswith("/bits") and now[name].dtype.kind == "U":
            kinds = [json.loads(str(each[name])).get("bit_generator") for each in (saved, now)]
            if kinds[0] != kinds[1]:
                problems.append(f"{name} was a {kinds[0]} and is now a {kinds[1]}")
        elif (saved[name].shape, saved[name].dtype) != (now[name].shape, now[name].dtype):
            was, is_now = (f"{each[name].dtype}{list(each[name].shape)}" for each in (saved, now))
            problems.append(f"{name} was {was} and is now {is_now}")
    if problems:
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
        raise ValueError(f"the checkpoint does not fit the state to resume: {'; '.join(problems[:5])}{more}")


def _jsonable(value: Any) -> Any:
    """Bit generators keep integers, strings, dictionaries of them and, some of them, arrays."""
    if isinstance(value, dict):
        return {key: _jsonable(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "values": value.tolist()}
    return value.item() if isinstance(value, np.generic) else value


def _from_jsonable(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {"dtype", "values"}:
        return np.array(value["values"], dtype=value["dtype"])
    return {key: _from_jsonable(each) for key, each in value.items()}
