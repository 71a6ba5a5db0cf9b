"""Trees of arrays.

A *tree* is an array, a list, tuple or dict of trees, or an object such as `minigen.nn.Module` whose attributes are
trees. Gradients, optimizers, moving averages and checkpoints all see a model as nothing more than its *leaves*: the
float arrays that can be trained. The whole notion is the one function `tree_map`, which rebuilds a tree with each leaf
replaced.

An object is a tree if it has a method `tree_attributes()` that lists the names of the attributes to include. Inside
such an object only arrays are leaves: a Python float there (a slope, an epsilon) is a setting, not a parameter.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from autograd.tracer import box_types


def is_array_leaf(x: Any) -> bool:
    """Whether `x` is a float array, or a traced one (inside a function that is being differentiated)."""
    return x.dtype.kind == "f" if isinstance(x, np.ndarray) else type(x) in box_types


def tree_map(fn: Callable, tree: Any, *rest: Any) -> Any:
    """A tree like `tree` in which every leaf is `fn(leaf, *corresponding leaves of rest)`.

    What is not a leaf (integers, functions, buffers, frozen parts) is shared with `tree`, not copied.
    Raises ValueError where a tree of `rest` has another structure.
    """
    return _map(fn, tree, rest, False)


def _map(fn: Callable, tree: Any, rest: tuple | list, inside_object: bool) -> Any:
    if is_array_leaf(tree) or (not inside_object and isinstance(tree, (float, np.floating))):
        new = fn(tree, *rest)
        return np.asarray(new) if isinstance(tree, np.ndarray) and isinstance(new, np.generic) else new  # shape ()
    if isinstance(tree, (list, tuple)):
        for other in rest:
            if not isinstance(other, (list, tuple)) or len(other) != len(tree):
                raise ValueError(f"trees differ: expected {len(tree)} items, got {_describe(other)}")
        items = [_map(fn, item, others, inside_object) for item, *others in zip(tree, *rest, strict=True)]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if isinstance(tree, dict):
        for other in rest:
            if not isinstance(other, dict) or other.keys() != tree.keys():
                raise ValueError(f"trees differ: expected the keys {sorted(tree)}, got {_describe(other)}")
        return {key: _map(fn, value, [other[key] for other in rest], inside_object) for key, value in tree.items()}
    if hasattr(tree, "tree_attributes"):
        _check_instance(tree)
        for other in rest:
            if type(other) is not type(tree):
                raise ValueError(f"trees differ: expected a {type(tree).__name__}, got {_describe(other)}")
        twin = object.__new__(type(tree))
        attributes = twin.__dict__
        attributes.update(tree.__dict__)
        for name in tree.tree_attributes():
            others = [getattr(other, name) for other in rest] if rest else rest
            attributes[name] = _map(fn, getattr(tree, name), others, True)
        return twin
    return tree


def map_items(fn: Callable, *results: Any) -> Any:
    """`fn(*items)` for each item of results of one structure: dicts, lists and tuples, to any depth, of anything else.

    Unlike `tree_map` it applies to everything that is not such a container, not to float arrays alone. Raises
    ValueError where structures differ.
    """
    first = results[0]
    if isinstance(first, dict):
        if any(not isinstance(other, dict) or other.keys() != first.keys() for other in results):
            raise ValueError(f"results differ: {' and '.join(_describe(other) for other in results)}")
        return {key: map_items(fn, *(other[key] for other in results)) for key in first}
    if isinstance(first, (list, tuple)):
        if any(type(other) is not type(first) or len(other) != len(first) for other in results):
            raise ValueError(f"results differ: {' and '.join(_describe(other) for other in results)}")
        items = [map_items(fn, *each) for each in zip(*results)]
        return type(first)(*items) if hasattr(first, "_fields") else type(first)(items)
    return fn(*results)


def leaves(tree: Any) -> list[np.ndarray]:
    """The leaves of a tree, in the order in which `tree_map` meets them."""
    found: list = []
    tree_map(found.append, tree)
    return found


def named_leaves(tree: Any, prefix: str = "") -> list[tuple[str, np.ndarray]]:
    """Pairs (dotted name, leaf), such as `("body.layers.0.w", array)`, in the order of `leaves`."""
    found: list = []
    _collect(tree, prefix, False, found)
    return found


def tied_leaves(tree: Any) -> list[int]:
    """Return for each leaf, in the order of `leaves`, the position of the first leaf that is the same parameter.

    An array that is at two places inside objects (of a model, or of several in a list) is one parameter there: its
    weights are tied. In a list, tuple or dict of arrays each place is a variable of its own, even if the array is the
    same, so that the gradient of f at [x, x] has two parts.
    """
    found: list = []
    inside: list[bool] = []  # whether each leaf is inside an object
    _collect(tree, "", False, found, inside)
    first: dict[int, int] = {}
    return [first.setdefault(id(leaf), i) if inside[i] else i for i, (_, leaf) in enumerate(found)]


def _collect(
    tree: Any,
    name: str,
    inside_object: bool,
    found: list[tuple[str, np.ndarray]],
    inside: list[bool] | None = None,
) -> None:
    if is_array_leaf(tree) or (not inside_object and isinstance(tree, (float, np.floating))):
        found.append((name, tree))
        if inside is not None:
            inside.append(inside_object)
        return
    children: Iterable[tuple[Any, Any]]
    if isinstance(tree, (list, tuple)):
        children = enumerate(tree)
    elif isinstance(tree, dict):
        children = tree.items()
    elif hasattr(tree, "tree_attributes"):
        _check_instance(tree)
        children, inside_object = [(n, getattr(tree, n)) for n in tree.tree_attributes()], True
    else:
        return
    for key, child in children:
        _collect(child, f"{name}.{key}" if name else str(key), inside_object, found, inside)


def _check_instance(tree: Any) -> None:
    if isinstance(tree, type):
        raise ValueError(f"a tree of arrays must be an instance, got the class {tree.__name__}: call it first")


def _describe(x: Any) -> str:
    return f"{type(x).__name__} of length {len(x)}" if hasattr(x, "__len__") else type(x).__name__
