"""The usual training step: draw a batch, take the gradient of a loss, clip it, update the model, average it.

    step = descend(loss, model, batches, lr=cosine(1e-3, steps), ema=0.999)
    history = fit(step, steps)
    step.averaged                                   # the moving average of the model

`loss(model, *batch)` returns a scalar, or `(scalar, {"term": scalar})` where its terms are to be recorded beside it.
The method of a model is such a loss: `descend(RealNVP.loss, flow, batches)`.
"""

import copy
import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigen import checks
from minigen.nn import Module
from minigen.optim import EMA, Adam, clip_grad_norm
from minigen.optim.optimizers import Optimizer
from minigen.tensor import leaves, named_leaves
from minigen.tensor.core import differentiate
from minigen.tensor.parallel import differentiate_in_halves
from minigen.train.warn import warn_of_data, warn_of_float64, warn_of_float64_loss

Batch = tuple | np.ndarray
Batches = Iterator[Batch] | Callable[[np.random.Generator], Batch]
Schedule = Callable[[int], float]
ROWS_AT_A_TIME = 1000  # of the data that a loss is evaluated on


class Descent:
    """A training step, called as `step(i)`; made by `descend`.

    Attributes: `model`, `optimizer`, `ema` (or None), and `state`, all that a step changes, by name.

    It can be pickled if the loss is a function of a module and the batches are a `minigen.data.batches.Batches`.
    """

    def __init__(
        self,
        loss: Callable,
        model: Any,
        batches: Batches,
        optimizer: Optimizer,
        schedule: Schedule | None,
        ema: EMA | None,
        clip: float | None,
        rng: np.random.Generator | None,
        noise: np.random.Generator | None,
        parallel: bool,
        state: dict[str, Any],
    ):
        self.model, self.optimizer, self.ema, self.state = model, optimizer, ema, state
        self._loss, self._batches, self._schedule, self._clip = loss, batches, schedule, clip
        self._rng, self._noise, self._parallel = rng, noise, parallel
        self._first_noise = copy.deepcopy(noise)  # never advanced: `evaluate` begins with a copy of it
        self._arrays = leaves(model)
        position = {id(a): i for i, a in enumerate(self._arrays)}
        self._order = [position[id(a)] for a in optimizer.arrays]  # of the optimizer's arrays among the model's
        self._data_checked = False

    @property
    def averaged(self) -> Any:
        """The moving average of the model, or the model itself if none is kept."""
        return self.model if self.ema is None else self.ema.model

    def __call__(self, i: int) -> dict[str, float]:
        """Step i: the loss of its batch before the update, and the loss's terms, by name."""
        batch = self._draw()
        if not self._data_checked:
            _check_loss_takes(self._loss, (self.model, *batch), self._noise)
        value, terms, gradients = self._differentiated(batch)
        if not self._data_checked:
            warn_of_data(self.model, getattr(self._batches, "arrays", batch), float(value))  # all data, if known
            self._data_checked = True
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

    def evaluate(self, *arrays: np.ndarray) -> float:
        """Return the loss of the averaged model on `arrays`, which are what a batch is, with any number of rows.

        The model is in evaluation mode. The loss is taken for a mean over the rows: it is computed for up to 1,000 of
        them at a time. If the loss draws noise, the noise is the same in each call. Raises ValueError for no arrays, or
        arrays of different lengths.
        """
        sizes = {len(a) if np.ndim(a) else 0 for a in arrays}
        if len(sizes) != 1 or 0 in sizes:
            shapes = [np.shape(a) for a in arrays]
            raise ValueError(f"held-out data must be one or more arrays with the same number of rows, got {shapes}")
        rows = sizes.pop()
        parts = np.array_split(np.arange(rows), -(-rows // ROWS_AT_A_TIME))
        noise = copy.deepcopy(self._first_noise)
        with _in_evaluation_mode(self.averaged):
            total = sum(len(part) * self._evaluated([a[part] for a in arrays], noise) for part in parts)
        return total / rows

    def _evaluated(self, arrays: list[np.ndarray], noise: np.random.Generator | None) -> float:
        value, _ = self._with_terms(self.averaged, *arrays, *([] if noise is None else [noise]))
        return float(value)

    def _draw(self) -> tuple:
        """Return the next batch, as a tuple."""
        if not hasattr(self._batches, "__next__"):
            batch = self._batches(self._rng)  # type: ignore[arg-type]
        else:
            try:
                batch = next(self._batches)
            except StopIteration:
                raise ValueError(
                    "batches must not end before the training does, got an iterator without further items"
                ) from None
        return batch if isinstance(batch, tuple) else (batch,)

    def _differentiated(self, batch: tuple) -> tuple[Any, Mapping[str, Any], list[np.ndarray]]:
        """Return the loss of a batch, its terms, and its gradients in the order of the model's arrays."""
        if self._noise is None:
            function = differentiate_in_halves if self._parallel else differentiate
            return function(self._with_terms, self.model, batch, True)
        if not self._parallel:
            return differentiate(self._with_terms, self.model, (*batch, self._noise), True)
        generators = [np.random.default_rng(self._noise.integers(2**63, size=4)) for _ in range(2)]

        def loss_of_half(model: Any, *half: Any) -> tuple[Any, Mapping[str, Any]]:
            *arrays, rows = half
            return self._with_terms(model, *arrays, generators[0 if rows[0] == 0 else 1])

        return differentiate_in_halves(loss_of_half, self.model, (*batch, np.arange(len(batch[0]))), True)

    def _with_terms(self, model: Any, *batch: Any) -> tuple[Any, Mapping[str, Any]]:
        """Return the loss, always with a dictionary of terms beside the scalar."""
        output = self._loss(model, *batch)
        if not self._data_checked:
            warn_of_float64_loss(self.model, batch, output[0] if isinstance(output, tuple) else output)
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

    def __repr__(self) -> str:
        loss = getattr(self._loss, "__qualname__", repr(self._loss))
        parts = [
            f"{name} {part!r}" for name, part in (("lr", self._schedule), ("clip", self._clip)) if part is not None
        ]
        parts += [] if self.ema is None else [f"average with decay {self.ema.decay:g}"]
        return f"Descent of {type(self.model).__name__} on {loss}\n  {'; '.join([repr(self.optimizer), *parts])}"

    def __deepcopy__(self, memo: dict[int, Any]) -> "Descent":
        new = object.__new__(type(self))
        memo[id(self)] = new
        for name, part in vars(self).items():
            try:
                setattr(new, name, copy.deepcopy(part, memo))
            except TypeError as error:
                raise TypeError(f"cannot copy a Descent whose {name.strip('_')} cannot be copied: {error}") from error
        return new

    def __reduce_ex__(self, protocol: Any) -> Any:
        for name in ("loss", "schedule", "batches"):
            part = getattr(self, f"_{name}")
            if not hasattr(part, "state"):  # Batches pickle, and may be large
                try:
                    pickle.dumps(part, protocol)
                except (pickle.PicklingError, AttributeError, TypeError) as error:
                    hint = "functions must be defined by `def` in a module, batches made by minigen.data.batches"
                    raise TypeError(f"cannot pickle a Descent because of its {name}: {error}; {hint}") from error
        return super().__reduce_ex__(protocol)


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
    noise: np.random.Generator | None = None,
    parallel: bool = False,
) -> Descent:
    """Return the training step `step(i)` that lowers `loss(model, *batch)`, to be given to `minigen.train.fit`.

    loss:      returns a scalar, or `(scalar, {"term": scalar})`; it must use the model that it is given.
    model:     a Module, or any tree of float arrays (a dictionary of them, say), which is changed in place.
    batches:   an iterator whose items are a batch, an array or a tuple of arrays (`minigen.data.batches`), or a
               function `batches(rng)` that draws one: then `rng` must be given.
    lr:        the learning rate, a number or a function of the step (`minigen.optim.cosine(1e-3, steps)`); unless
               given, that of `optimizer`, or 1e-3. With an `optimizer`, only a function.
    ema:       decay of a moving average of the model, `step.averaged`; None keeps none.
    clip:      scales a gradient whose Euclidean norm, over all arrays, is larger than this down to it; None does not.
    optimizer: of this model; Adam unless given.
    noise:     for a loss that draws random numbers: handed on to it as the last argument, `loss(model, *batch, noise)`.
    parallel:  share each batch between two threads. For a loss that is a mean over a batch of arrays: it pays for
               convolutions and attention. The halves draw from two generators that `noise` seeds.

    `step.state` names all that a step changes, for the checkpoints of `fit`: the model, the optimizer, and the moving
    average, generators and batches if there are any. An iterator without `state()` and `load_state()`, such as a
    generator function's, is not among them: a resumed run would see its batches from the start again.
    Warns, with a TrainingWarning, of parameters in float64; and in the first step of a loss in float64, of data and of
    conditions that are far from standardized, and of columns that a density model must not be given: constant ones, and
    whole numbers.
    Raises ValueError for arguments that do not fit together.
    """
    if not callable(loss):
        raise ValueError(f"loss must be a function of the model and a batch, got {type(loss).__name__}")
    if getattr(loss, "__self__", None) is model:
        name = f"{type(model).__name__}.{loss.__name__}"
        raise ValueError(f"loss must be a function of the model and a batch, such as {name}, got that of one model")
    if isinstance(model, type) or not leaves(model):
        raise ValueError(f"model must be a Module, or a tree of float arrays, got {model!r:.60}")
    if ema is not None and not isinstance(model, Module):
        raise ValueError(f"ema needs a Module to average, got {model!r:.60}")
    clip = None if clip is None else checks.positive("clip", clip)
    _check_batches(batches, rng)
    if noise is not None:
        checks.rng(noise, "noise")
    schedule = lr if callable(lr) else None
    rate = None if lr is None or callable(lr) else checks.number("lr", lr, 0)
    if optimizer is None:
        optimizer = Adam(model, 1e-3 if rate is None else rate)
    else:
        _check_optimizer(optimizer, model)
        if rate is not None:
            hint = f"{type(optimizer).__name__}(model, {rate:g})"
            raise ValueError(f"lr must be None beside an optimizer, whose rate is {optimizer.lr:g}: make it as {hint}")
    average = None if ema is None else EMA(model, ema)
    warn_of_float64(model)
    state = _state(model, optimizer, average, batches, rng, noise)
    return Descent(loss, model, batches, optimizer, schedule, average, clip, rng, noise, parallel, state)


def _check_loss_takes(loss: Callable, arguments: tuple, noise: np.random.Generator | None) -> None:
    """Raise ValueError unless the loss can be called with the model, the arrays of a batch and the noise, if any."""
    try:
        signature = inspect.signature(loss)
    except (TypeError, ValueError):  # of a compiled function
        return
    given = arguments if noise is None else (*arguments, noise)
    if _fits(signature, given):
        return
    count = len(arguments) - 1
    wanted = f"the model and {'one array' if count == 1 else f'the {count} arrays'} of a batch"
    hint = ""
    if noise is not None:
        wanted += ", and noise="
        hint = "; without noise= it fits" if _fits(signature, arguments) else ""
    elif _fits(signature, (*arguments, None)):
        hint = "; if it draws random numbers, give their generator as noise=: descend(..., noise=rng)"
    name = getattr(loss, "__qualname__", type(loss).__name__)
    raise ValueError(f"loss must be a function of {wanted}, got {name}{signature}{hint}")


def _fits(signature: inspect.Signature, arguments: tuple) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _state(model: Any, optimizer: Optimizer, ema: EMA | None, batches: Any, rng: Any, noise: Any) -> dict[str, Any]:
    """All that a step changes, by name."""
    own = {"model": model} if isinstance(model, Module) else {f"model.{name}": a for name, a in named_leaves(model)}
    state: dict[str, Any] = {**own, "optimizer": optimizer, "ema": ema, "rng": rng, "noise": noise}
    if hasattr(batches, "state") and hasattr(batches, "load_state"):
        state["batches"] = batches
        order = getattr(batches, "rng", None)  # draws the order of an epoch
        if isinstance(order, np.random.Generator) and order is not rng and order is not noise:
            state["batches_rng"] = order
    return {name: thing for name, thing in state.items() if thing is not None}


def _check_batches(batches: Any, rng: Any) -> None:
    if rng is not None:
        checks.rng(rng)
    if hasattr(batches, "__next__") or (callable(batches) and rng is not None):
        return
    wanted = "an iterator, or a function of a generator (with rng=)"
    hint = ""
    if isinstance(batches, np.ndarray):
        hint = "; make batches of an array x with minigen.data.batches(x, size=..., rng=...)"
    elif isinstance(batches, tuple) and all(isinstance(a, np.ndarray) for a in batches):
        hint = "; make batches of arrays x, y with minigen.data.batches(x, y, size=..., rng=...)"
    elif hasattr(batches, "__iter__"):
        hint = "; give it as iter(batches)"
    raise ValueError(f"batches must be {wanted}, got {type(batches).__name__}{hint}")


def _check_optimizer(optimizer: Any, model: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"optimizer must be an Optimizer of minigen.optim, got {optimizer!r:.60}")
    mine, theirs = ({id(a) for a in arrays} for arrays in (leaves(model), optimizer.parameters.values()))
    if mine != theirs:
        raise ValueError("optimizer must be one of this model, got one of other arrays")


@contextmanager
def _in_evaluation_mode(model: Any) -> Iterator[None]:
    """Every module of the model in evaluation mode, and afterwards in the mode that it had."""
    modules = [module for _, module in model.modules()] if isinstance(model, Module) else []
    modes = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        for module, mode in zip(modules, modes):
            module.training = mode
