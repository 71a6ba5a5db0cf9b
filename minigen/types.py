"""Types that the whole package names."""

from typing import Any

import numpy as np

__all__ = ["Array", "Rng"]

Array = Any  # an ndarray, or one that autograd traces
Rng = np.random.Generator
