"""Gradients of a function of a whole model, on top of HIPS autograd.

autograd records every operation on a *box* (an array with a node behind it) and walks the record backwards. Three
things are done here rather than by `autograd.grad`:

* one root node for each array of a model, and one backward pass that collects all their gradients, instead of boxing
  the containers that hold the arrays;
* each node's closure, which keeps activations alive, is dropped as soon as it has been used;
* a gradient always has the dtype of the value it belongs to, so that one float64 scalar cannot turn a float32 model
  into a float64 one halfway through the backward pass.

It also mends a few habits of autograd that hurt here; see `_mend_autograd` at the end.
"""

import math
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import autograd.core as autograd_core
import autograd.numpy as anp
import numpy as np
from autograd import tracer
from autograd.core import VJPNode, add_outgrads
from autograd.numpy import numpy_vjps
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import getval, isbox, new_box, notrace_primitives, toposort

from minigen.tensor.tree import is_array_leaf, tree_map


class GradNode(VJPNode):
    """A node of the record that also remembers the dtype of its value."""

    __slots__ = ["dtype"]

    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
        super().__init__(value, fun, args, kwargs, parent_argnums, parents)
        self.dtype = getattr(value, "dtype", None)

    def initialize_root(self, dtype):
        super().initialize_root()
        self.dtype = dtype


notrace_primitives[GradNode] = notrace_primitives[VJPNode]  # argmax, shape, ... have no gradient here either


# ------------------------------------------------------------------------------------------- primitives


def primitive(forward: Callable, backward: Callable) -> Callable:
    """A differentiable operation from its value and its hand-written gradient.

    `forward(*args) -> (value, saved)` computes on plain arrays and may keep what the gradient will need.
    `backward(needed, g, value, saved, *args) -> {argument number: gradient}` returns the gradients of the arguments
    listed in `needed`, given the gradient `g` of the value.

    Second derivatives: when the backward pass is itself being differentiated, `args`, `value` and `g` are traced arrays
    and `saved` is None; `backward` must then use differentiable operations only.
    """

    def call(*args):
        trace = -1  # of the innermost derivative that one of the arguments takes part in
        for a in args:
            if type(a) is ArrayBox and a._trace > trace:
                trace = a._trace
        if trace < 0:
            return forward(*args)[0]
        needed = [i for i, a in enumerate(args) if type(a) is ArrayBox and a._trace == trace]
        parents = tuple([args[i]._node for i in needed])
        node_type = type(parents[0])
        if not issubclass(node_type, VJPNode):
            raise NotImplementedError(f"{forward.__name__} has no forward-mode derivative; use reverse mode (grad)")
        args = [a._value if i in needed else a for i, a in enumerate(args)]
        if any(
            [type(a) is ArrayBox for a in args]
        ):  # an outer derivative is being taken too: it records this call in turn
            value, saved = call(*args), None
        else:
            value, saved = forward(*args)

        def vjp(g):
            kept = None if type(g) is ArrayBox else saved
            gradients = backward(needed, g, value, kept, *args)
            return [gradients[i] for i in needed]

        node = node_type.__new__(node_type)
        node.parents = parents
        node.vjp = vjp
        if node_type is GradNode:
            node.dtype = value.dtype
        return new_box(value, trace, node)

    call.__name__ = forward.__name__.strip("_").removesuffix("_forward")
    return call


def stop_gradient(x: Any) -> Any:
    """The value of `x` as a constant: no gradient flows through it. Works on arrays and on trees of them."""
    return tree_map(getval, x)


# ------------------------------------------------------------------------------------------- the backward pass


def _add(total, g):
    """Add `g` to a running `(sum, owned)`; an owned sum is a fresh array that may be added to in place."""
    if type(g) is np.ndarray:
        if total is None:
            return g, False
        value, owned = total
        if type(value) is np.ndarray and value.dtype == g.dtype:
            return (np.add(value, g, out=value) if owned else value + g), True
    return add_outgrads(total, g)


def _backward(g, end_node, keep_record=False):
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
        for parent, contribution in zip(node.parents, node.vjp(g), strict=True):
            sums[parent] = _add(sums.get(parent), contribution)
        if not keep_record:
            node.vjp = None  # frees the activations; `parents` must stay, toposort still walks them
    return gradients


# ------------------------------------------------------------------------------------------- the public functions


def _trace(fn, tree, args):
    """Run `fn(tree, *args)` on boxes; return its output, the trace it belongs to, the leaves, and their root nodes."""
    arrays, roots = [], []
    with tracer.trace_stack.new_trace() as trace:

        def box(leaf):
            arrays.append(leaf if is_array_leaf(leaf) else np.asarray(leaf))
            roots.append(GradNode.new_root(arrays[-1].dtype))
            return new_box(arrays[-1], trace, roots[-1])

        boxes = tree_map(box, tree)
        if not arrays:
            raise ValueError(f"nothing to differentiate: {type(tree).__name__} holds no float array")
        output = fn(boxes, *args)
    return output, trace, arrays, roots


def value_and_grad(fn: Callable, has_aux: bool = False) -> Callable:
    """The function that returns `fn`'s value and its gradient with respect to a tree.

    `value_and_grad(fn)(tree, *args)` calls `fn(tree, *args)`, which must return a scalar, and returns `(value, grads)`:
    `grads` is a tree shaped as `tree` (a `Module`, list, tuple, dict or array), with a gradient in the place of every
    float array. `fn` must use the tree it is handed: that one is traced.

    With `has_aux`, `fn` returns `(scalar, anything)` and the result is `((value, anything), grads)`.
    Raises ValueError if the output is not a scalar or the tree holds no float array.
    """

    def run(tree, *args):
        value, aux, gradients = value_and_gradients(fn, tree, args, has_aux)
        grads = tree_of(gradients, tree)
        return ((value, aux) if has_aux else value), grads

    return run


def value_and_gradients(
    fn: Callable, tree: Any, args: tuple, has_aux: bool = False
) -> tuple[Any, Any, list[np.ndarray]]:
    """What `value_and_grad` finds, its gradients as a list in the order of the leaves: (value, aux or None,
    gradients)."""
    output, trace, arrays, roots = _trace(fn, tree, args)
    output, aux = output if has_aux else (output, None)
    if np.shape(output) != ():
        raise ValueError(f"the function to differentiate must return a scalar, got shape {np.shape(output)}")
    found, value = {}, output
    if isbox(output) and output._trace == trace:
        value = output._value
        found = _backward(anp.ones_like(value), output._node)
    gradients = [found[r] if r in found else anp.zeros_like(a) for r, a in zip(roots, arrays)]
    return value, stop_traced(aux, trace) if has_aux else None, gradients


def tree_of(gradients: list[np.ndarray], tree: Any) -> Any:
    """A tree shaped as `tree` with these arrays in the places of its leaves, in their order."""
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

    def run(x, *args):
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


# ------------------------------------------------------------------------------------------- mending autograd


class _TraceStack(threading.local):
    """autograd's counter of nested derivatives, one per thread, and restored when the traced function raises."""

    top = -1

    @contextmanager
    def new_trace(self):
        self.top += 1
        try:
            yield self.top
        finally:
            self.top -= 1


def _scatter_forward(g, index, shape, dtype):
    out = np.zeros(shape, dtype)
    if _is_basic(index):
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out, None


_scatter = primitive(_scatter_forward, lambda needed, g, value, saved, x, index, shape, dtype: {0: g[index]})


def _is_basic(index) -> bool:
    """Whether an index picks every element at most once (ints, slices, None, ...), so that no sum is needed."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts)


def _reduction_vjp(mean: bool):
    """The gradient of `np.sum`, or of `np.mean`: g is spread over the axes that were reduced, as a view."""

    def vjp_of(argnums, value, args, kwargs):
        x = args[0]
        axis = kwargs.get("axis", args[1] if len(args) > 1 else None)
        keepdims = kwargs.get("keepdims", False)
        shape = np.shape(x)
        axes = (
            tuple(range(len(shape)))
            if axis is None
            else tuple([a % max(len(shape), 1) for a in np.atleast_1d(axis).tolist()])
        )
        kept = tuple([1 if i in axes else n for i, n in enumerate(shape)])
        count = math.prod([shape[a] for a in axes]) if mean else 1

        def vjp(g):
            g = g if keepdims else anp.reshape(g, kept)
            return (
                anp.broadcast_to(g / count if mean else g, shape),
            )  # `count` is a Python int: float32 stays float32

        return vjp

    return vjp_of


def _power_vjp(argnums, value, args, kwargs, general=autograd_core.primitive_vjps[anp.power]):
    """The gradient of x ** n for a plain number n, n x ** (n − 1): with Python's numbers, which NumPy has shortcuts
    for."""
    x, n = args
    if argnums != (0,) or type(n) not in (int, float) or np.shape(x) == ():
        return general(argnums, value, args, kwargs)
    if n == 2:
        return lambda g: (g * (2 * x),)
    return lambda g: (g * (n * x ** (n - 1)) if n else anp.zeros_like(x),)


def _unbroadcast_f(target, f, slow=numpy_vjps.unbroadcast_f):
    """The gradient `f(g)` of an operand `target`, summed over the axes along which the operand was broadcast."""
    if type(target) is not np.ndarray or target.dtype.kind != "f":
        return slow(target, f)
    shape = target.shape

    def vjp(g):
        g = f(g)
        if type(g) is np.ndarray and g.shape == shape and g.dtype.kind == "f":
            return g
        return numpy_vjps.unbroadcast(g, anp.metadata(target))

    return vjp


def _mend_autograd() -> None:
    """Eight changes, made once at import, all invisible to a caller of autograd:

    * the trace counter is thread-local, so that two threads can differentiate two halves of a batch, and an exception
      inside a trace does not leave it raised;
    * the gradient of `x[index]` for a plain slice is one assignment rather than `np.add.at`, ten times slower;
    * the gradient of `np.mean` divides by a Python int, not by a NumPy int64 that makes float64 of float32; it and that
      of `np.sum` are views, not arrays that are added to zeros;
    * the gradient of `x**2` is a product, not a power with a float64 exponent, three to five times slower;
    * a gradient that already has its operand's shape is not asked over again which axes were broadcast;
    * the shape of a box is read off its value, without autograd's dispatch between.
    """
    tracer.trace_stack = _TraceStack()

    def getitem_vjp(argnums, value, args, kwargs):
        x, index = args
        return lambda g: (_scatter(g, index, np.shape(x), x.dtype),)

    autograd_core.defvjp_argnums(ArrayBox.__getitem__, getitem_vjp)
    mean = getattr(numpy_vjps.anp, "_primitive_mean", anp.mean)  # from autograd 1.9 on `anp.mean` is a wrapper of it
    autograd_core.defvjp_argnums(mean, _reduction_vjp(mean=True))
    autograd_core.defvjp_argnums(anp.sum, _reduction_vjp(mean=False))
    autograd_core.defvjp_argnums(anp.power, _power_vjp)
    numpy_vjps.unbroadcast_f = _unbroadcast_f
    ArrayBox.shape = property(lambda self: np.shape(self._value))
    ArrayBox.ndim = property(lambda self: np.ndim(self._value))


_mend_autograd()
