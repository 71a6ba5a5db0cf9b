"""Matrix products in blocks of rows that OpenBLAS multiplies without packing.

OpenBLAS copies the operands of a product into panels before it multiplies them. Its kernels for AVX-512 leave the copy
out where a product has at most a million multiplications: on a Zen 4, such products reach 107 GFLOP/s and larger ones
85 to 95. So a tall matrix is multiplied a block of rows at a time, by one call of NumPy. Other kernels of OpenBLAS, and
other libraries, have no such limit: there a product is left whole.
"""

from functools import cache

import numpy as np

from minigen.tensor.runtime import blas_kernels
from minigen.types import Array

SMALL = 1_000_000  # multiplications
ROWS = 24  # the fewest in a block that are worth it
KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")  # of OpenBLAS, with AVX-512


@cache
def small() -> int:
    """The multiplications in a product that NumPy's BLAS computes without packing; 0 if it has no such kernels."""
    return SMALL if any(kernels in KERNELS for kernels in blas_kernels()) else 0


def product(a: Array, b: Array, out: Array) -> Array:
    """a @ b, written to out: a (n, k), b (k, m), out (n, m), block by block where that is faster."""
    (n, k), m = a.shape, b.shape[1]
    rows = small() // max(k * m, 1) // 8 * 8  # the kernels take eight or sixteen rows at a time
    if not ROWS <= rows < n or not (a.flags.c_contiguous and b.flags.c_contiguous and out.flags.c_contiguous):
        return np.matmul(a, b, out=out)
    whole = n // rows * rows
    np.matmul(a[:whole].reshape(-1, rows, k), b, out=out[:whole].reshape(-1, rows, m))
    if whole < n:
        np.matmul(a[whole:], b, out=out[whole:])
    return out
