"""The affine map, fused with its activation, and embeddings."""

from functools import cache
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from minigen import checks
from minigen.tensor.activations import ACTIVATIONS, activated, activation_name, as_floats
from minigen.tensor.core import primitive
from minigen.tensor.parallel import in_halves
from minigen.tensor.runtime import blas_kernels
from minigen.types import Array

# --------------------------------------------------------------------- matrix product

# OpenBLAS copies the operands of a product into panels before it multiplies them. Its kernels for AVX-512 leave the
# copy out where a product has at most a million multiplications: on a Zen 4, such products reach 107 GFLOP/s and larger
# ones 85 to 95. So a tall matrix is multiplied a block of rows at a time, by one call of NumPy. Other kernels of
# OpenBLAS, and other libraries, have no such limit: there a product is left whole.
SMALL = 1_000_000  # multiplications
ROWS = 24  # the fewest in a block that are worth it
KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")  # of OpenBLAS, with AVX-512


@cache
def small() -> int:
    """Return the multiplications in a product that NumPy's BLAS computes without packing;
    0 if it has no such kernels.
    """
    return SMALL if any(kernels in KERNELS for kernels in blas_kernels()) else 0


def product(a: Array, b: Array, out: Array) -> Array:
    """Return a @ b, written to out: a (n, k), b (k, m), out (n, m), block by block where that is faster."""
    (n, k), m = a.shape, b.shape[1]
    rows = small() // max(k * m, 1) // 8 * 8  # the kernels take eight or sixteen rows at a time
    if not ROWS <= rows < n or not (a.flags.c_contiguous and b.flags.c_contiguous and out.flags.c_contiguous):
        return np.matmul(a, b, out=out)
    whole = n // rows * rows
    np.matmul(a[:whole].reshape(-1, rows, k), b, out=out[:whole].reshape(-1, rows, m))
    if whole < n:
        np.matmul(a[whole:], b, out=out[whole:])
    return out


SHARED = 1 << 23  # multiplications from which a product is worth two threads (a fifth of a millisecond)


def _product(a: Array, b: Array) -> Array:
    """Return a @ b; the rows of a large matrix `a` are shared between two threads."""
    if a.shape[-1] == 1 and a.ndim == b.ndim == 2:
        return a * b  # (n, 1) times (1, m): three times as fast as BLAS does it
    if a.ndim != 2 or b.ndim != 2 or a.size * b.shape[1] < SHARED:
        return np.matmul(a, b)
    out = np.empty((len(a), b.shape[1]), np.result_type(a, b))
    in_halves(lambda rows: product(a[rows], b, out[rows]), len(a))
    return out


def _matmul_backward(needed: list[int], g: Array, value: Array, saved: Any, a: Array, b: Array) -> dict[int, Array]:
    """C = A B gives dA = dC Bᵀ and dB = Aᵀ dC; for stacks of matrices likewise, one by one."""
    grads = {}
    if 0 in needed:
        grads[0] = _sum_to(_matmul(g, _swap(b)), np.shape(a))
    if 1 in needed:
        grads[1] = _sum_to(_matmul(_swap(a), g), np.shape(b))
    return grads


_matmul = primitive(lambda a, b: (_product(a, b), None), _matmul_backward)


def _matmul_transposed_backward(
    needed: list[int], g: Array, value: Array, saved: Any, a: Array, b: Array
) -> dict[int, Array]:
    """C = A Bᵀ gives dA = dC B and dB = dCᵀ A."""
    grads = {}
    if 0 in needed:
        grads[0] = _matmul(g, b)
    if 1 in needed:
        grads[1] = _matmul(g.T, a)
    return grads


_matmul_transposed = primitive(lambda a, b: (_product(a, b.T), None), _matmul_transposed_backward)  # of matrices only


def _swap(a: Array) -> Array:
    return anp.swapaxes(a, -1, -2) if isbox(a) else a.swapaxes(-1, -2)


def _sum_to(g: Array, shape: tuple[int, ...]) -> Array:
    """Undo broadcasting over leading axes."""
    if np.shape(g) == shape:
        return g
    extra = len(np.shape(g)) - len(shape)
    axes = tuple(range(extra)) + tuple(i + extra for i, n in enumerate(shape) if n == 1 and np.shape(g)[i + extra] > 1)
    return anp.reshape(anp.sum(g, axis=axes), shape)


def matmul(a: Array, b: Array) -> Array:
    """Matrix product of the last two axes, (..., n, k) times (..., k, m) -> (..., n, m); both have at least two
    axes."""
    return _matmul(a, b)


# --------------------------------------------------------------------- linear


def _affine(x: Array, w: Array, b: Array | None) -> Array:
    z = _product(x, w)
    if b is not None:
        z += b
    return z


def _linear_forward(x: Array, w: Array, b: Array | None, activation: Any) -> tuple[Array, Any]:
    z = _affine(x, w, b)
    if activation is None:
        return z, ()
    y, kept = ACTIVATIONS[activation].forward(z)
    return y, (kept,)


def _linear_backward(
    needed: list[int], g: Array, value: Array, saved: Any, x: Array, w: Array, b: Array | None, activation: Any
) -> dict[int, Array]:
    """y = a(z), z = x w + b gives dz = dy·a'(z), then dx = dz wᵀ, dw = xᵀ dz and db = Σ_n dz.

    When these lines are themselves differentiated (`saved` is None), z is computed again so that it is traced.
    """
    if activation is not None:
        act = ACTIVATIONS[activation]
        if saved is not None:
            g = act.slope(g, value, saved[0])
        else:
            g = act.traced_slope(g, _linear(x, w, b, None) if act.needs_input else None, value)
    grads = {}
    if 0 in needed:
        grads[0] = _matmul_transposed(g, w)
    if 1 in needed:
        grads[1] = _matmul(x.T, g)
    if 2 in needed:
        grads[2] = anp.sum(g, axis=0) if isbox(g) else np.ones(len(g), g.dtype) @ g  # as a product: three times as fast
    return grads


def _linear_evaluate(x: Array, w: Array, b: Array | None, activation: Any) -> Array:
    return activated(activation, _affine(x, w, b))


_linear = primitive(_linear_forward, _linear_backward, _linear_evaluate)


def linear(x: Array, w: Array, b: Array | None = None, activation: Any = None) -> Array:
    """y = a(x w + b): x (..., in), w (in, out), b (out,) or None -> (..., out): one layer of Eq. flow.17.

    `activation` is None, a name ("relu", "silu", ...) or one of the activation functions; fused, it costs one pass
    less. Raises ValueError when the shapes do not fit.
    """
    x = as_floats(x)
    shape, sizes = np.shape(x), np.shape(w)
    if len(sizes) != 2 or len(shape) < 1 or shape[-1] != sizes[0]:
        raise ValueError(f"x (..., in) and w (in, out) must share `in`, got x {shape} and w {sizes}")
    if b is not None and np.shape(b) != sizes[1:]:
        raise ValueError(f"b must have shape ({sizes[1]},), got {np.shape(b)}")
    name = activation_name(activation)
    if len(shape) == 2:
        return _linear(x, w, b, name)
    y = _linear(anp.reshape(x, (-1, shape[-1])), w, b, name)
    return anp.reshape(y, shape[:-1] + sizes[1:])


# --------------------------------------------------------------------- embedding


def _embedding_forward(table: Array, indices: Array) -> tuple[Array, Any]:
    return table[indices], None


def _embedding_backward(
    needed: list[int], g: Array, value: Array, saved: Any, table: Array, indices: Array
) -> dict[int, Array]:
    """Row v gets the sum of the gradients wherever v is the index: a product with the one-hot matrix."""
    return {0: _gather_transpose(g, indices, np.shape(table)[0])}


_embedding = primitive(_embedding_forward, _embedding_backward)


def _gather_transpose_forward(g: Array, indices: Array, rows: int) -> tuple[Array, Any]:
    flat, g2 = indices.reshape(-1), g.reshape(-1, g.shape[-1])
    out = np.zeros((rows, g2.shape[1]), g.dtype)
    if rows <= 1024:  # a one-hot product is much faster than np.add.at while the table is small
        one_hot = np.zeros((rows, len(flat)), g.dtype)
        one_hot[flat, np.arange(len(flat))] = 1
        return np.matmul(one_hot, g2, out=out), None
    np.add.at(out, flat, g2)
    return out, None


_gather_transpose = primitive(
    _gather_transpose_forward, lambda needed, g, value, saved, g0, indices, rows: {0: _embedding(g, indices)}
)


def embedding(table: Array, indices: np.ndarray) -> Array:
    """Rows of a table: table (V, D), integer indices (...) in [0, V) -> (..., D)."""
    return _embedding(table, checks.integers("indices", indices, most=np.shape(table)[0] - 1))
