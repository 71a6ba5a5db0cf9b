"""The usual training step: draw a batch, take the gradient of a loss, clip it, update the model, average it.

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
from minigen.optim import EMA, Adam, clip_grad_norm
from minigen.optim.optimizers import Optimizer
from minigen.tensor import leaves, named_leaves
from minigen.tensor.core import differentiate
from minigen.tensor.parallel import differentiate_in_halves

Batch = tuple | np.ndarray
Batches = Iterator[Batch] | Callable[[np.random.Generator], Batch]
Schedule = Callable[[int], float]


class Descent:
    """A training step, called as `step(i)`; made by `descend`.

    Attributes: `model`, `optimizer`, `ema` (or None), and `state`, all that a step changes, by name.
    """

    def __init__(
        self,
        loss: Callable,
        model: Any,
        draw: Callable[[], Batch],
        optimizer: Optimizer,
        schedule: Schedule | None,
        ema: EMA | None,
        clip: float | None,
        parallel: bool,
        state: dict[str, Any],
    ):
        self.model, self.optimizer, self.ema, self.state = model, optimizer, ema, state
        self._loss, self._draw, self._schedule, self._clip = loss, draw, schedule, clip
        self._differentiate = differentiate_in_halves if parallel else differentiate
        self._arrays = leaves(model)
        position = {id(a): i for i, a in enumerate(self._arrays)}
        self._order = [position[id(a)] for a in optimizer.arrays]  # of the optimizer's arrays among the model's

    @property
    def averaged(self) -> Any:
        """The moving average of the model, or the model itself if none is kept."""
        return self.model if self.ema is None else self.ema.model

    def __call__(self, i: int) -> dict[str, float]:
        """Step i: the loss of its batch before the update, and the loss's terms, by name."""
        batch = self._draw()
        batch = batch if isinstance(batch, tuple) else (batch,)
        value, terms, gradients = self._differentiate(self._loss, self.model, batch, True)
        if len(gradients) != len(self._arrays):
            raise ValueError(
                f"model must keep the {len(self._arrays)} arrays that it had when `descend` was called, got a model "
                f"with {len(gradients)}: freeze its parts before, or make a new step"
            )
        if self._schedule is not None:
            self.optimizer.lr = self._schedule(i)
        if self._clip is not None:
            clip_grad_norm(gradients, self._clip)
        self.optimizer.apply([gradients[i] for i in self._order])
        if self.ema is not None:
            self.ema.follow(self.model, self._arrays)
        return {"loss": float(value), **{name: float(term) for name, term in terms.items()}}


def descend(
    loss: Callable,
    model: Any,
    batches: Batches,
    *,
    lr: float | Schedule | None = None,
    ema: float | None = None,
    clip: float | None = None,
    optimizer: Optimizer | None = None,
    rng: np.random.Generator | None = None,
    parallel: bool = False,
) -> Descent:
    """The training step `step(i)` that lowers `loss(model, *batch)`, to be given to `minigen.train.fit`.

    loss:      returns a scalar, or `(scalar, {"term": scalar})`; it must use the model that it is given.
    model:     a Module, or any tree of float arrays (a dictionary of them, say), which is changed in place.
    batches:   an iterator whose items are a batch, an array or a tuple of arrays (`minigen.data.mnist.batches`), or a
               function `batches(rng)` that draws one: then `rng` must be given. Random numbers belong here (noise, time
               steps), not into the loss.
    lr:        the learning rate, a number or a function of the step (`minigen.optim.cosine(1e-3, steps)`); unless
               given, that of `optimizer`, or 1e-3.
    ema:       decay of a moving average of the model, `step.averaged`; None keeps none.
    clip:      scales a gradient whose Euclidean norm, over all arrays, is larger than this down to it; None does not.
    optimizer: of this model; Adam unless given.
    parallel:  share each batch between two threads. For a loss that is a mean over a batch of arrays: it pays for
               convolutions and attention.

    `step.state` names all that a step changes, for the checkpoints of `fit`: the model, the optimizer, and the moving
    average, generator and batches if there are any. An iterator without `state()` and `load_state()`, such as a
    generator function's, is not among them: a resumed run would see its batches from the start again.
    Raises ValueError for arguments that do not fit together.
    """
    if not callable(loss):
        raise ValueError(f"loss must be a function of the model and a batch, got {type(loss).__name__}")
    if isinstance(model, type) or not leaves(model):
        raise ValueError(f"model must be a Module, or a tree of float arrays, got {model!r:.60}")
    if ema is not None and not isinstance(model, Module):
        raise ValueError(f"ema needs a Module to average, got {model!r:.60}")
    clip = None if clip is None else checks.positive("clip", clip)
    draw = _source(batches, rng)
    schedule = lr if callable(lr) else None
    rate = None if lr is None or callable(lr) else checks.number("lr", lr, 0)
    if optimizer is None:
        optimizer = Adam(model, 1e-3 if rate is None else rate)
    else:
        _check_optimizer(optimizer, model)
        optimizer.lr = optimizer.lr if rate is None else rate
    average = None if ema is None else EMA(model, ema)
    own = {"model": model} if isinstance(model, Module) else {f"model.{name}": a for name, a in named_leaves(model)}
    state: dict[str, Any] = {**own, "optimizer": optimizer, "ema": average, "rng": rng}
    if hasattr(batches, "state") and hasattr(batches, "load_state"):
        state["batches"] = batches
    state = {name: thing for name, thing in state.items() if thing is not None}
    return Descent(_with_terms(loss), model, draw, optimizer, schedule, average, clip, parallel, state)


def _source(batches: Any, rng: Any) -> Callable[[], Batch]:
    """The function that returns the next batch."""
    if rng is not None:
        checks.rng(rng)
    if hasattr(batches, "__next__"):
        return lambda: _next(batches)
    if callable(batches) and rng is not None:
        return lambda: batches(rng)
    wanted = "an iterator, or a function of a generator (with rng=)"
    hint = "; give it as iter(batches)" if hasattr(batches, "__iter__") else ""
    raise ValueError(f"batches must be {wanted}, got {type(batches).__name__}{hint}")


def _next(batches: Iterator[Batch]) -> Batch:
    try:
        return next(batches)
    except StopIteration:
        raise ValueError(
            "batches must not end before the training does, got an iterator without further items"
        ) from None


def _check_optimizer(optimizer: Any, model: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be an Optimizer of minigen.optim, got {optimizer!r:.60}")
    mine, theirs = ({id(a) for a in arrays} for arrays in (leaves(model), optimizer.parameters.values()))
    if mine != theirs:
        raise ValueError("optimizer must be one of this model, got one of other arrays")


def _with_terms(loss: Callable) -> Callable:
    """`loss`, always with a dictionary of terms beside the scalar."""

    def with_terms(model: Module, *batch: Any) -> tuple[Any, Mapping[str, Any]]:
        output = loss(model, *batch)
        if not isinstance(output, tuple):
            return output, {}
        if len(output) != 2 or not isinstance(output[1], Mapping):
            got = f"a tuple of {', '.join(type(item).__name__ for item in output)}"
            raise ValueError(f'loss must return a scalar, or (scalar, {{"term": scalar}}), got {got}')
        if "loss" in output[1]:
            raise ValueError('the terms of a loss must have names other than "loss", which is the scalar itself')
        for name, term in output[1].items():
            if np.ndim(term):
                raise ValueError(f"term {name!r} of the loss must be a scalar, got shape {np.shape(term)}")
        return output

    return with_terms
