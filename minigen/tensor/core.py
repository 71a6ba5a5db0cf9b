"""Gradients of a function of a whole model, on top of HIPS autograd.

autograd records every operation on a *box* (an array with a node of the record) and traverses the record backwards.
Three things are done here rather than by `autograd.grad`:

* one root node for each array of a model, and one backward pass that collects all their gradients, instead of boxing
  the containers that hold the arrays;
* each node's closure, which keeps activations alive, is dropped as soon as it has been used;
* a gradient always has the dtype of the value it belongs to, so that one float64 scalar cannot turn a float32 model
  into a float64 one halfway through the backward pass; and its shape, or an error says so.

What is recorded, and by which rules it is differentiated, is told by `tracing.py` and `rules.py`.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import tracer
from autograd.core import VJPNode, add_outgrads
from autograd.tracer import Box, getval, isbox, new_box, toposort

from minigen.tensor import runtime
from minigen.tensor.rules import prepare
from minigen.tensor.tracing import TRACED, WRONG_ARGUMENTS, GradNode, TracedArray, new_trace, wrong_arguments
from minigen.tensor.tree import is_array_leaf, tied_leaves, tree_map
from minigen.types import Array

# ------------------------------------------------------------------------------------------- primitives


def primitive(forward: Callable, backward: Callable, evaluate: Callable | None = None) -> Callable:
    """A differentiable operation from its value and its hand-written gradient.

    `forward(*args) -> (value, saved)` computes on plain arrays and may keep what the gradient will need; `()` means
    that it needs nothing else.
    `backward(needed, g, value, saved, *args) -> {argument number: gradient}` returns the gradients of the arguments
    listed in `needed`, given the gradient `g` of the value, which has the dtype of the value.
    `evaluate(*args) -> value` takes the place of `forward` where no derivative is taken and nothing need be saved.

    Second derivatives: when the backward pass is itself being differentiated, some of `args`, `value` and `g` are
    traced arrays and `saved` is None; `backward` must then use differentiable operations only. A `backward` that works
    on plain and on traced arrays alike may test `saved is None` to compute faster on plain ones. Operations whose
    gradients are one another (a convolution and its transpose) need no more than this: each calls the others in its
    `backward`.
    """

    def call(*args: Any) -> Any:
        if not runtime.begun:
            runtime.begin()
        trace = -1  # of the innermost derivative that one of the arguments takes part in
        for a in args:
            if type(a) in TRACED and a._trace > trace:
                trace = a._trace
        if trace < 0:
            return forward(*args)[0] if evaluate is None else evaluate(*args)
        needed, parents, values, outer = [], [], list(args), False
        for i, a in enumerate(args):
            if type(a) in TRACED:
                if a._trace == trace:
                    needed.append(i)
                    parents.append(a._node)
                    values[i] = a = a._value
                outer = outer or type(a) in TRACED  # an outer derivative is being taken too: it records this call
        node_type: Any = type(parents[0])
        if not issubclass(node_type, VJPNode):
            raise NotImplementedError(f"{forward.__name__} has no forward-mode derivative; use reverse mode (grad)")
        if outer:
            value, saved = call(*values), None
        else:
            value, saved = forward(*values)

        def vjp(g: Array) -> Any:
            if node_type is not GradNode and g.dtype != value.dtype:
                g = g.astype(value.dtype)  # `_backward` does this for a GradNode
            kept = None if type(g) in TRACED else saved
            gradients = backward(needed, g, value, kept, *values)
            return [gradients[i] for i in needed]

        node = node_type.__new__(node_type)
        node.parents = tuple(parents)
        node.vjp = vjp
        if node_type is not GradNode:
            return new_box(value, trace, node)
        node.dtype, node.shape, node.function = value.dtype, value.shape, call
        return TracedArray(value, trace, node)

    call.__name__ = forward.__name__.strip("_").removesuffix("_forward")
    return call


def stop_gradient(x: Any) -> Any:
    """The value of `x` as a constant: no gradient flows through it. Works on arrays and on trees of them."""
    return tree_map(getval, x)


def like(y: Any, x: Any) -> Any:
    """y in the dtype of x: a parameter, or what a network returned. Float32 in, float32 out, and float64 likewise."""
    return y if y.dtype == x.dtype else y.astype(x.dtype)


# ------------------------------------------------------------------------------------------- the backward pass


def _add(total: Any, g: Array) -> Any:
    """Add `g` to a running `(sum, owned)`; an owned sum is a fresh array that may be added to in place."""
    if type(g) is np.ndarray:
        if total is None:
            return g, False
        value, owned = total
        if type(value) is np.ndarray and value.dtype == g.dtype:
            return (np.add(value, g, out=value) if owned else value + g), True
    return add_outgrads(total, g)


def _backward(g: Array, end_node: Any, keep_record: bool = False) -> dict:
    """Gradients of all root nodes, as a dict from node to gradient, given the gradient `g` of the end node."""
    sums, gradients = {end_node: (g, False)}, {}
    for node in toposort(end_node):
        g = sums.pop(node)[0]
        dtype = getattr(node, "dtype", None)
        if dtype is not None and g.dtype != dtype:
            g = g.astype(dtype)
        if not node.parents:
            gradients[node] = g
            continue
        try:
            contributions = list(node.vjp(g))
        except WRONG_ARGUMENTS as error:
            if not hasattr(node.function, "_is_autograd_primitive"):
                raise
            raise NotImplementedError(wrong_arguments(node.function, error)) from error
        for parent, contribution in zip(node.parents, contributions, strict=True):
            shape = parent.shape
            is_array = type(contribution) is np.ndarray or type(contribution) in TRACED
            if is_array and contribution.shape != shape and shape is not None:
                raise ValueError(
                    f"the gradient of {node.function.__name__} must have the shape of its argument, {shape}, got "
                    f"{contribution.shape}: its rule is wrong for these arguments"
                )
            sums[parent] = _add(sums.get(parent), contribution)
        if not keep_record:
            node.vjp = None  # frees the activations; `parents` must stay, toposort still follows them
    return gradients


# ------------------------------------------------------------------------------------------- the public functions


def _trace(fn: Callable, tree: Any, args: tuple) -> tuple:
    """Run `fn(tree, *args)` on boxes; return its output, the trace it belongs to, the leaves, and their root nodes.

    Leaves that are tied have the same root node.
    """
    arrays, roots = [], []
    if TracedArray not in Box.type_mappings:
        prepare()
    if not runtime.begun:
        runtime.begin()
    with new_trace(tracer.trace_stack) as trace:

        def box(leaf: Any) -> Any:
            a = leaf if is_array_leaf(leaf) else np.asarray(leaf)
            root = GradNode.new_root(a)
            arrays.append(a)
            roots.append(root)
            return TracedArray(a, trace, root)

        boxes = tree_map(box, tree)
        if not arrays:
            raise ValueError(f"nothing to differentiate: {type(tree).__name__} holds no float array")
        if len(set(map(id, arrays))) < len(arrays):  # weights may be tied: those have one root
            first = tied_leaves(tree)
            places = [TracedArray(a, trace, root) for a, root in zip(arrays, roots)]
            boxes, roots = tree_of([places[i] for i in first], tree), [roots[i] for i in first]
        output = fn(boxes, *args)
    return output, trace, arrays, roots


def value_and_grad(fn: Callable, has_aux: bool = False) -> Callable:
    """The function that returns `fn`'s value and its gradient with respect to a tree.

    `value_and_grad(fn)(tree, *args)` calls `fn(tree, *args)`, which must return a scalar, and returns `(value, grads)`:
    `grads` is a tree shaped as `tree` (a `Module`, list, tuple, dict or array), with a gradient in place of every
    float array. `fn` must use the tree that it is given: that one is traced.

    An array that is at several places of a `Module` is one parameter (tied weights): the gradients of its uses are
    summed, and each of its places holds the sum.

    With `has_aux`, `fn` returns `(scalar, anything)` and the result is `((value, anything), grads)`.

    Parameters that the value does not depend on get zeros. Raises ValueError if the output is not a scalar, the tree
    holds no float array, or the value depends on no part of a model (a loss that uses a model from outside instead of
    the one that it is given); of an array, a constant has the derivative zero.
    """

    def run(tree: Any, *args: Any) -> Any:
        value, aux, gradients = differentiate(fn, tree, args, has_aux)
        grads = tree_of(gradients, tree)
        return ((value, aux) if has_aux else value), grads

    return run


def differentiate(fn: Callable, tree: Any, args: tuple, has_aux: bool = False) -> tuple[Any, Any, list[np.ndarray]]:
    """What `value_and_grad` finds, its gradients as a list in the order of the leaves: (value, aux or None,
    gradients). Tied leaves have one gradient, the same array at each of their positions."""
    output, trace, arrays, roots = _trace(fn, tree, args)
    output, aux = _scalar_and_aux(output, has_aux)
    found, value = {}, output
    if isbox(output) and output._trace == trace:
        value = output._value
        found = _backward(anp.ones_like(value), output._node)
    elif not (is_array_leaf(tree) or isinstance(tree, (float, np.floating))):
        raise ValueError(
            f"the loss must depend on the {type(tree).__name__} that it is given, but none of the float arrays in it "
            "takes part, so every gradient would be zero: does the function use a model from outside instead of its "
            "argument?"
        )
    gradients = [found[r] if r in found else found.setdefault(r, anp.zeros_like(a)) for r, a in zip(roots, arrays)]
    if len(set(map(id, gradients))) < len(gradients):
        gradients = _one_array_each(gradients, roots)
    return value, stop_traced(aux, trace) if has_aux else None, gradients


def _one_array_each(gradients: list[np.ndarray], roots: list) -> list[np.ndarray]:
    """The gradients, the same array for tied leaves only: those of the terms of a sum, one array so far, are copied."""
    of_root: dict = {}
    taken: set[int] = set()
    for g, root in zip(gradients, roots):
        if root not in of_root:
            of_root[root] = anp.array(g) if id(g) in taken else g
            taken.add(id(g))
    return [of_root[root] for root in roots]


def _scalar_and_aux(output: Any, has_aux: bool) -> tuple[Any, Any]:
    """The scalar that a differentiated function returned, and what it returned beside it; ValueError for others."""
    if has_aux:
        if not isinstance(output, tuple) or len(output) != 2:
            got = f"a tuple of {len(output)}" if isinstance(output, tuple) else type(value_of(output)).__name__
            raise ValueError(f"with has_aux=True the function must return (scalar, anything), got {got}")
        output, aux = output
    else:
        aux = None
    if output is None:
        raise ValueError("the function to differentiate must return a scalar, got None: is its `return` missing?")
    if isinstance(output, tuple):
        hint = "; for (scalar, anything) set has_aux=True" if len(output) == 2 and not has_aux else ""
        raise ValueError(f"the function to differentiate must return a scalar, got a tuple of {len(output)}{hint}")
    value = value_of(output)
    if not isinstance(value, (np.ndarray, np.generic, float, int)):
        raise ValueError(f"the function to differentiate must return a scalar, got {type(value).__name__}")
    if np.shape(value) != ():
        raise ValueError(f"the function to differentiate must return a scalar, got shape {np.shape(value)}")
    return output, aux


def value_of(x: Any) -> Any:
    """The plain array or number inside all of autograd's boxes."""
    while isbox(x):
        x = getval(x)
    return x


def tree_of(gradients: list[np.ndarray], tree: Any) -> Any:
    """A tree shaped as `tree` with these arrays in place of its leaves, in their order."""
    found = iter(gradients)
    return tree_map(lambda _: next(found), tree)


def stop_traced(tree: Any, trace: int) -> Any:
    """`tree` with the boxes of one finished trace replaced by their values."""
    return tree_map(lambda x: x._value if isbox(x) and x._trace == trace else x, tree)


def grad(fn: Callable) -> Callable:
    """The function that returns the gradient of a scalar `fn(tree, *args)` as a tree shaped as `tree`."""
    both = value_and_grad(fn)
    return lambda tree, *args: both(tree, *args)[1]


def jacobian(fn: Callable) -> Callable:
    """The function `(x, *args) -> J` with `J[out..., in...]` = d fn(x)[out...] / d x[in...], shape out + in.

    One backward pass for each number of the output: exact, and meant for checking, not for training. Eq. flow.01
    """

    def run(x: Array, *args: Any) -> Any:
        if not is_array_leaf(x):
            x = np.asarray(x, dtype=float)
        output, trace, _, (root,) = _trace(fn, x, args)
        if not (isbox(output) and output._trace == trace):
            return anp.zeros(np.shape(output) + np.shape(x), dtype=x.dtype)
        value, rows = output._value, []
        for index in np.ndindex(*value.shape):
            g = np.zeros(value.shape, dtype=getval(value).dtype)
            g[index] = 1
            rows.append(_backward(g, output._node, keep_record=True).get(root, anp.zeros_like(x)))
        return anp.reshape(anp.stack(rows), value.shape + x.shape) if rows else np.zeros(value.shape + x.shape, x.dtype)

    return run
