"""What a live model consists of, in words: the text in the boxes of a schematic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """One module that holds arrays of its own: its dotted name, its class, its sizes in words, its numbers."""

    name: str
    kind: str
    sizes: str
    parameters: int

    def __str__(self) -> str:
        return f"{self.kind} {self.sizes}".strip()


def is_module(thing: Any) -> bool:
    """Whether this is a model that can be described (a `minigen.nn.Module`)."""
    return callable(getattr(thing, "modules", None)) and callable(getattr(thing, "num_parameters", None))


def layers(model: Any) -> list[Layer]:
    """The layers of a model, in the order in which they were made: every module that holds arrays of its own."""
    found = []
    for name, module in _modules(model):
        arrays = _own_arrays(module)
        if arrays:
            count = sum(array.size for array in arrays.values())
            found.append(Layer(name, type(module).__name__, _sizes(arrays), count))
    return found


def describe(model: Any, name: str | None = None) -> str:
    """A model in two or three lines: its name, its widths where they form a chain, its number of parameters.

    describe(generator, "generator G") -> "generator G\\n2 → 64 → 64 → 2\\n4,482 parameters"
    """
    found = layers(model)
    lines = [name or type(model).__name__]
    chain = _chain(model)
    if chain:
        lines.append(chain)
    count = f"{sum(layer.parameters for layer in found):,} parameters"
    lines.append(f"{count} (frozen)" if getattr(model, "_frozen", False) else count)
    return "\n".join(lines)


def _modules(model: Any) -> list[tuple[str, Any]]:
    if not is_module(model):
        raise ValueError(f"model must be a Module, got {type(model).__name__}")
    return list(model.modules())


def _own_arrays(module: Any) -> dict[str, np.ndarray]:
    """The trainable arrays that are attributes of this very module (also when it is frozen)."""
    hidden = set(getattr(module, "buffers", ()))
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and name not in hidden
    }


def _sizes(arrays: dict[str, np.ndarray]) -> str:
    w = arrays.get("w")
    if w is not None and w.ndim in (2, 3, 4):
        kernel = "×".join(str(side) for side in w.shape[:-2])
        return f"{kernel + ', ' if kernel else ''}{w.shape[-2]} → {w.shape[-1]}"
    first = next(iter(arrays.values()))
    return " × ".join(str(side) for side in first.shape)


def _chain(model: Any) -> str:
    """Widths such as "2 → 64 → 1", if each layer with weights takes what the one before gives."""
    ends = [
        (w.shape[-2], w.shape[-1])
        for _, m in _modules(model)
        if (w := _own_arrays(m).get("w")) is not None and w.ndim > 1
    ]
    if not ends or any(before[1] != after[0] for before, after in zip(ends, ends[1:])):
        return ""
    widths = [str(ends[0][0])] + [str(out) for _, out in ends]
    if len(widths) > 6:
        widths = [*widths[:3], "…", *widths[-2:]]
    return " → ".join(widths)
