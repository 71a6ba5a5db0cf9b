"""What a lesson's options make of its random numbers and its numbers of steps.

Every result depends on these functions, so that the recipe of a run holds their code (`minigen.course.lesson.recipe`).
"""

from __future__ import annotations

import hashlib

import numpy as np

from minigen.types import Rng

__all__ = ["random_stream", "sample_size", "training_steps"]

QUICK_STEPS = 20


def random_stream(seed: int, name: str) -> Rng:
    """Return the random stream of this name: the same for the same seed, independent of the streams of other names."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, int.from_bytes(digest[:8], "little")]))


def training_steps(n: int, *, scale: float, quick: bool, quick_steps: int | None = None) -> int:
    """`n` training steps times `scale`; in a quick run only `quick_steps` of them (20 unless given)."""
    if quick:
        return max(1, min(n, QUICK_STEPS) if quick_steps is None else quick_steps)
    return max(1, round(n * scale))


def sample_size(n: int, *, quick: bool, quick_size: int | None = None) -> int:
    """`n` samples, images or seeds; in a quick run only `quick_size` of them (a tenth unless given)."""
    if quick:
        return max(1, n // 10 if quick_size is None else quick_size)
    return n
