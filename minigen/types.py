"""Types that the whole package names."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Float32", "Integers", "Rng"]

Array = Any  # an ndarray, or one that autograd traces
Float32 = NDArray[np.float32]  # of results; where a derivative is taken, traced ones
Integers = NDArray[np.int64]
Rng = np.random.Generator
