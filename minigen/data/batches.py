"""Minibatches in an order drawn from an explicit generator, that can be saved and resumed in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minigen import checks


class Batches:
    """An iterator over shuffled minibatches: each `next` gives a tuple with `size` rows of every array, in step.

    Each epoch visits the rows once in a new order; the rows left over when `size` does not divide their number are left
    for another epoch (`drop_last=False`: they come as a shorter last batch). Without `epochs` it is endless.

    Args:
        arrays: one or more arrays with the same number N of rows.
        size: rows in a batch, 1 to N.
        rng: draws the order, once an epoch.
        epochs: number of passes over the data; None for no end.
        drop_last: whether to omit the incomplete batch at the end of an epoch.

    ValueError if an argument does not fit. Has `state()` and `load_state()`, so that it can be part of a checkpoint;
    `rng` belongs in the same checkpoint.
    """

    def __init__(
        self,
        *arrays: np.ndarray,
        size: int,
        rng: np.random.Generator,
        epochs: int | None = None,
        drop_last: bool = True,
    ):
        if not arrays:
            raise ValueError("arrays must be one or more arrays, got none")
        shapes = [np.shape(a) for a in arrays]
        if () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"arrays must all have the same number of rows, got {shapes}")
        self.arrays = arrays
        self.rows = shapes[0][0]
        self.size = checks.whole("size", size)
        if self.size > self.rows:
            raise ValueError(f"size must be at most the number of rows, {self.rows}, got {size}")
        self.rng = checks.rng(rng)
        self.epochs = None if epochs is None else checks.whole("epochs", epochs, least=0)
        self.drop_last = drop_last
        self._order = np.arange(self.rows)
        self._position = self.rows  # the next row of the order; at the end of it a new epoch begins
        self._epoch = 0  # epochs begun

    def __repr__(self) -> str:
        shapes = ", ".join(str(np.shape(array)) for array in self.arrays)
        passes = "without end" if self.epochs is None else f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        return f"Batches of {self.size} of {self.rows:,} rows, {passes}; arrays {shapes}"

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        return self

    def __next__(self) -> tuple[np.ndarray, ...]:
        left = self.rows - self._position
        if left < (self.size if self.drop_last else 1):
            if self._epoch == self.epochs:
                raise StopIteration
            self._order = self.rng.permutation(self.rows)
            self._position = 0
            self._epoch += 1
        rows = self._order[self._position : self._position + self.size]
        self._position += len(rows)
        return tuple(array[rows] for array in self.arrays)

    def state(self) -> dict[str, np.ndarray]:
        """Return the order of this epoch, the position in it and the number of epochs begun, as copies."""
        return {"order": self._order.copy(), "position": np.array(self._position), "epoch": np.array(self._epoch)}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Continue from what `state()` returned. ValueError if names or shapes differ from those of `state()`."""
        own = {name: value.shape for name, value in self.state().items()}
        got = {name: np.shape(value) for name, value in state.items()}
        if own != got:
            raise ValueError(f"state must have the shapes {own}, got {got}")
        self._order = np.array(state["order"], dtype=np.int64)
        self._position, self._epoch = int(state["position"]), int(state["epoch"])


def batches(
    *arrays: np.ndarray,
    size: int,
    rng: np.random.Generator,
    epochs: int | None = None,
    drop_last: bool = True,
) -> Batches:
    """Shuffled minibatches of `arrays`, as tuples, for `epochs` epochs or without end: see `Batches`.

    for x, y in batches(images, labels, size=100, rng=rng, epochs=10): ...
    """
    return Batches(*arrays, size=size, rng=rng, epochs=epochs, drop_last=drop_last)
