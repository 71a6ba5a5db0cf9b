"""What a live model consists of, in words: the text in the boxes of a schematic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minigen.nn.module import Module


@dataclass(frozen=True)
class Layer:
    """One module with arrays of its own: its dotted name, its class, its sizes in words, its number of parameters."""

    name: str
    kind: str
    sizes: str
    parameters: int

    def __str__(self) -> str:
        return f"{self.kind} {self.sizes}".strip()


def layers(model: Module) -> list[Layer]:
    """The layers of a model, in the order in which they were made: every module that holds arrays of its own."""
    return [
        Layer(name, type(module).__name__, _sizes(arrays), sum(array.size for array in arrays.values()))
        for name, module in _modules(model)
        if (arrays := _own_arrays(module))
    ]


def describe(model: Module, name: str | None = None) -> str:
    """A model in two or three lines: its name, its widths where they form a chain, its number of parameters.

    describe(generator, "generator G") -> "generator G\\n2 → 64 → 64 → 2\\n4,482 parameters"
    """
    count = f"{sum(layer.parameters for layer in layers(model)):,} parameters"
    frozen = " (frozen)" if model._frozen else ""
    return "\n".join(filter(None, [name or type(model).__name__, _chain(model), count + frozen]))


def _modules(model: Module) -> list[tuple[str, Module]]:
    if not isinstance(model, Module):
        raise ValueError(f"model must be a Module, got {type(model).__name__}")
    return list(model.modules())


def _own_arrays(module: Module) -> dict[str, np.ndarray]:
    """The float arrays that are attributes of this very module and no buffers (even when it is frozen)."""
    arrays = {name: value for name, value in vars(module).items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in arrays.items() if value.dtype.kind == "f" and name not in module.buffers}


def _weight(arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    """The weight of a layer, (..., n_in, n_out), if it has one."""
    weight = arrays.get("weight", arrays.get("w"))
    return weight if weight is not None and weight.ndim in (2, 3, 4) else None


def _sizes(arrays: dict[str, np.ndarray]) -> str:
    weight = _weight(arrays)
    if weight is None:
        return " × ".join(map(str, next(iter(arrays.values())).shape))
    *kernel, n_in, n_out = weight.shape
    return ("×".join(map(str, kernel)) + f", {n_in} → {n_out}").removeprefix(", ")


def _chain(model: Module) -> str:
    """Widths such as "2 → 64 → 1", if each layer with weights takes what the one before gives."""
    weights = [_weight(_own_arrays(module)) for _, module in _modules(model)]
    ends = [weight.shape[-2:] for weight in weights if weight is not None]
    if not ends or any(before[1] != after[0] for before, after in zip(ends, ends[1:])):
        return ""
    widths = [str(ends[0][0])] + [str(out) for _, out in ends]
    if len(widths) > 6:
        widths = [*widths[:3], "…", *widths[-2:]]
    return " → ".join(widths)
