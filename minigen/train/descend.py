"""The usual training step: draw a batch, take the gradient of a loss, move the model, average it.

    step = descend(loss, model, batches, lr=cosine(1e-3, steps), ema=0.999)
    history = fit(step, steps, state=step.state)
    step.averaged                                   # the moving average of the model

`loss(model, *batch)` returns a scalar, or `(scalar, {"term": scalar})` where its terms are to be recorded beside it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigen import checks
from minigen.nn import Module
from minigen.optim import EMA, Adam
from minigen.optim.optimizers import Optimizer
from minigen.tensor import parallel_value_and_grad, value_and_grad

Batch = tuple | np.ndarray
Batches = Iterator[Batch] | Callable[[np.random.Generator], Batch]


class Descent:
    """A training step, called as `step(i)`; see `descend`. Attributes: `model`, `optimizer`, `ema` (or None), `state`."""

    def __init__(self, gradient, model, draw, optimizer, lr, ema, state):
        self.model: Module = model
        self.optimizer: Optimizer = optimizer
        self.ema: EMA | None = ema
        self.state: dict[str, Any] = state
        self._gradient, self._draw, self._lr = gradient, draw, lr

    @property
    def averaged(self) -> Module:
        """The moving average of the model, or the model itself if none is kept."""
        return self.model if self.ema is None else self.ema.model

    def __call__(self, i: int) -> dict[str, float]:
        """Step i: the loss of its batch before the model moves, and the loss's terms, by name."""
        batch = self._draw()
        (value, terms), grads = self._gradient(self.model, *(batch if isinstance(batch, tuple) else (batch,)))
        if self._lr is not None:
            self.optimizer.lr = self._lr(i)
        self.optimizer.step(grads)
        if self.ema is not None:
            self.ema.update(self.model)
        return {"loss": float(value), **{name: float(term) for name, term in terms.items()}}


def descend(
    loss: Callable,
    model: Module,
    batches: Batches,
    *,
    lr: float | Callable[[int], float] | None = None,
    ema: float | None = None,
    optimizer: Optimizer | None = None,
    rng: np.random.Generator | None = None,
    parallel: bool = False,
) -> Descent:
    """The training step `step(i)` that lowers `loss(model, *batch)`, to be given to `minigen.train.fit`.

    loss:      returns a scalar, or `(scalar, {"term": scalar})`; it must use the model that it is handed.
    batches:   an iterator whose items are a batch, an array or a tuple of arrays (such as `minigen.data.mnist.batches`),
               or a function `batches(rng)` that draws one: then `rng` must be given.
    lr:        the learning rate, a number or a function of the step (`minigen.optim.cosine(1e-3, steps)`); unless given,
               that of `optimizer`, or 1e-3.
    ema:       decay of a moving average of the model, `step.averaged`; None keeps none.
    optimizer: of this model; Adam unless given.
    parallel:  share each batch between two threads. For a loss that is a mean over a batch of arrays: it pays for
               convolutions and attention.

    `step.state` names all that a step changes, for the checkpoints of `fit`: the model, the optimizer, and the moving
    average, generator and batches if there are any. Raises ValueError for arguments that do not fit together.
    """
    if not callable(loss):
        raise ValueError(f"loss must be a function of the model and a batch, got {type(loss).__name__}")
    schedule = lr if callable(lr) else None
    if schedule is None and lr is not None:
        lr = checks.number("lr", lr, 0)
    if optimizer is None:
        optimizer = Adam(model, 1e-3 if lr is None or schedule is not None else lr)
    elif schedule is None and lr is not None:
        optimizer.lr = lr
    average = None if ema is None else EMA(model, ema)
    state: dict[str, Any] = {"model": model, "optimizer": optimizer}
    if average is not None:
        state["ema"] = average
    if rng is not None:
        state["rng"] = checks.rng(rng)
    if hasattr(batches, "__next__"):
        if hasattr(batches, "state"):
            state["batches"] = batches
        draw = lambda: next(batches)  # noqa: E731
    elif callable(batches) and rng is not None:
        draw = lambda: batches(rng)  # noqa: E731
    else:
        wanted = "an iterator, or a function of a generator (with rng=)"
        raise ValueError(f"batches must be {wanted}, got {type(batches).__name__}")

    def with_terms(model: Module, *batch: Any) -> tuple[Any, Mapping[str, Any]]:
        output = loss(model, *batch)
        return output if isinstance(output, tuple) else (output, {})

    differentiate = parallel_value_and_grad if parallel else value_and_grad
    return Descent(differentiate(with_terms, has_aux=True), model, draw, optimizer, schedule, average, state)
