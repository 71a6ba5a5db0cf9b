"""Work buffers that stay in the processor's cache and are reused by convolutions; each thread has its own."""

import math
import threading
from typing import Any

import numpy as np

from minigen.types import Array

BUFFER_BYTES = 1 << 20  # what one buffer should hold at a time; about what a core keeps in its own cache


class _Scratch(threading.local):
    """`scratch(name, shape, dtype)` returns an unfilled array, valid until the thread calls it with `name` again."""

    def __init__(self) -> None:
        self.buffers: dict[Any, np.ndarray] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        size = math.prod(shape)
        buffer = self.buffers.get((name, dtype))
        if buffer is None or buffer.size < size:
            buffer = self.buffers[name, dtype] = np.empty(size, dtype)
        return buffer[:size].reshape(shape)


scratch = _Scratch()


def chunks(part: slice, bytes_each: int) -> list[slice]:
    """Slices of `part`, a slice of the samples, of as many samples as fit in one buffer, at least one."""
    step = max(1, BUFFER_BYTES // max(1, bytes_each))
    return [slice(start, min(start + step, part.stop)) for start in range(part.start, part.stop, step)]
