"""A model is an object whose attributes are arrays, modules, or lists and dicts of them."""

import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType
from typing import Any, Self

import numpy
from autograd.tracer import Box

from minigen import checks
from minigen.nn.storage import Storable
from minigen.tensor import named_leaves, tree_map
from minigen.types import Rng


class Module(Storable):
    """A tree of arrays, called like a function.

        class Critic(Module):
            def __init__(self, rng, dim, width):
                self.body = MLP(rng, [dim, width, width, 1], activation="leaky_relu")
            def __call__(self, x):            # (N, dim)
                return self.body(x)[:, 0]     # (N,)

    Float arrays are parameters, unless the tuple `buffers` lists the attribute's name (a mask, running statistics).
    Everything else (numbers, functions, integer arrays) is a setting: kept in copies, never trained. One array at two
    places, such as `self.out.w = self.embedding.w`, is one parameter: its weights are tied.
    `save` writes a module to a file and `from_file` makes it again, see `Storable`.
    """

    buffers: tuple[str, ...] = ()
    draws = False  # whether it is called as module(x, rng): dropout, and what may hold it
    _frozen = False
    training = True

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (numpy.ndarray, Box)) and _is_in_own_call(self):
            raise ValueError(
                f"{type(self).__name__}.{name} must not be set to an array in __call__: it would become a parameter, "
                "or be lost while a derivative is taken, which works on a copy of the model. Return the array; or, for "
                f"running statistics, make {name} in __init__, list it in `buffers`, and write self.{name}[...] = ..."
            )
        object.__setattr__(self, name, value)

    def tree_attributes(self) -> list[str]:
        """Names of the attributes that may hold parameters; none at all once frozen."""
        return (
            []
            if self._frozen
            else [n for n, v in vars(self).items() if isinstance(v, _MAY_HOLD_ARRAYS) and n not in self.buffers]
        )

    def parameters(self) -> dict[str, numpy.ndarray]:
        """Trainable arrays by dotted name, such as "body.layers.0.w"; the arrays themselves, not copies.

        Tied weights, one array at several places, are one parameter, under the first of its names.
        """
        first: dict[int, tuple[str, numpy.ndarray]] = {}
        for name, a in named_leaves(self):
            first.setdefault(id(a), (name, a))
        return dict(first.values())

    def num_parameters(self) -> int:
        """How many numbers can be trained."""
        return sum(a.size for a in self.parameters().values())

    def modules(self) -> Iterator[tuple[str, "Module"]]:
        """Pairs (dotted name, module) of this module (named "") and all modules inside it."""
        yield from _walk_modules(self, "")

    def copy(self) -> Self:
        """An independent copy: no array is shared."""
        return copy.deepcopy(self)

    def freeze(self, frozen: bool = True) -> Self:
        """Take this module, and all inside it, out of training (or, with False, back in); returns the module."""
        for _, module in self.modules():
            module._frozen = frozen
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode (batch norm uses the batch's statistics) or evaluation mode, here and inside."""
        for _, module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Evaluation mode: `train(False)`."""
        return self.train(False)

    def state(self) -> dict[str, numpy.ndarray]:
        """Copies of all arrays by dotted name: parameters (frozen or not), buffers and integer arrays."""
        return {name: numpy.array(a) for name, a in _all_arrays(self, "")}

    def load_state(self, state: dict[str, numpy.ndarray]) -> Self:
        """Set all arrays in place from what `state` returned.

        Raises ValueError, before anything is changed, if a name is missing or unknown or a shape differs.
        """
        own = dict(_all_arrays(self, ""))
        check_state(own, state)
        for name, a in own.items():
            a[...] = state[name]
        return self

    def __repr__(self) -> str:
        """Return the tree of modules and functions, a line each: class, number of parameters, shapes, settings."""
        return "\n".join(_lines(self, ""))

    def map(self, fn: Callable) -> Self:
        """A module like this one with every parameter replaced by `fn(parameter)`; tied weights remain tied."""
        made: dict[int, Any] = {}

        def once(a: numpy.ndarray) -> Any:
            if id(a) not in made:
                made[id(a)] = fn(a)
            return made[id(a)]

        return tree_map(once, self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define __call__")


class Sequential(Module):
    """Layers (modules or plain functions) applied one after the other: Sequential(a, b, c) or Sequential([a, b, c]).

    Called as net(x), or net(x, rng): the generator is handed on to the layers that draw, such as `Dropout`.
    Raises ValueError for a layer that cannot be called.
    """

    draws = True

    def __init__(self, *layers: Callable | Sequence[Callable]):
        given = layers[0] if len(layers) == 1 and isinstance(layers[0], (list, tuple)) else layers
        self.layers = [checks.function(f"layers[{i}]", layer) for i, layer in enumerate(given)]

    def __call__(self, x: Any, rng: Rng | None = None) -> Any:
        for layer in self.layers:
            x = layer(x, rng) if getattr(layer, "draws", False) else layer(x)
        return x


def check_state(own: dict[str, numpy.ndarray], given: dict[str, numpy.ndarray]) -> None:
    """Raise ValueError unless both hold the same names with the same shapes."""
    missing, unknown = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    if missing or unknown:
        raise ValueError(f"names differ: missing {missing[:5] or 'none'}, unknown {unknown[:5] or 'none'}")
    for name, a in own.items():
        if numpy.shape(given[name]) != a.shape:
            raise ValueError(f"{name} must have shape {a.shape}, got {numpy.shape(given[name])}")


def _is_in_own_call(module: Module) -> bool:
    """Whether the code that runs was called by `module.__call__`, and not in order to construct the module."""
    frame: FrameType | None = sys._getframe(2)  # the code that sets an attribute
    while frame is not None:
        code = frame.f_code
        if code.co_name in ("__call__", "__init__") and code.co_argcount:
            if frame.f_locals.get(code.co_varnames[0]) is module:
                return code.co_name == "__call__"
        frame = frame.f_back
    return False


_PLAIN = (bool, int, float, str)
_MAY_HOLD_ARRAYS = (numpy.ndarray, Box, Module, list, tuple, dict)


def _all_arrays(value: Any, name: str) -> Iterator[tuple[str, numpy.ndarray]]:
    if isinstance(value, numpy.ndarray):
        yield name, value
    for child_name, child in _children(value, name):
        yield from _all_arrays(child, child_name)


def _lines(module: Module, name: str) -> Iterator[str]:
    """The line of a module, and, indented, those of the modules and functions that it holds."""
    own = [(key, a) for key, a in _children(module, "") if isinstance(a, (numpy.ndarray, Box))]
    shapes = [f"{key} {a.shape}{' buffer' if key in module.buffers else ''}" for key, a in own]
    count = "frozen" if module._frozen else f"{module.num_parameters():,} parameters"
    yield _named(name, ", ".join([type(module).__name__, count, *shapes, *_settings(module)]))
    for child_name, child in _next_layers(module, ""):
        lines = _lines(child, child_name) if isinstance(child, Module) else [_named(child_name, _word(child))]
        yield from (f"  {line}" for line in lines)


def _named(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def _settings(module: Module) -> Iterator[str]:
    """The public attributes that are numbers, names, tuples of them, or functions, such as "stride=2"."""
    for key, value in vars(module).items():
        if key.startswith("_") or key == "training" or value is None:
            continue
        if callable(value) and not isinstance(value, Module):
            yield f"{key}={_word(value)}"
        elif isinstance(value, _PLAIN) or (isinstance(value, tuple) and all(isinstance(a, _PLAIN) for a in value)):
            yield f"{key}={value!r}"


def _word(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _next_layers(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The modules that a module holds by itself, and the modules and functions in its lists and dicts."""
    for child_name, child in _children(value, name):
        if isinstance(child, Module) or (callable(child) and not isinstance(value, Module)):
            yield child_name, child
        else:
            yield from _next_layers(child, child_name)


def _walk_modules(value: Any, name: str) -> Iterator[tuple[str, Module]]:
    if isinstance(value, Module):
        yield name, value
    for child_name, child in _children(value, name):
        yield from _walk_modules(child, child_name)


def _children(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """What a module, dict, list or tuple holds, each with its dotted name; nothing for anything else."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Module):
        items = vars(value).items()
    elif isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    for key, child in items:
        yield (f"{name}.{key}" if name else str(key)), child
