"""A moving average of a model: often better than the model itself, whose last steps still carry noise."""

import numpy as np

from minigen import checks
from minigen.nn import Module
from minigen.nn.module import check_state
from minigen.tensor.parallel import in_parts
from minigen.types import Array


class EMA:
    """ema.model ← decay·ema.model + (1 − decay)·model, array by array, at each `update(model)`.

    In the first steps the decay is at most (1 + t)/(10 + t), t = 1, 2, ..., so that the random initialization is soon
    forgotten. Buffers (running statistics) are copied, not averaged.
    """

    def __init__(self, model: Module, decay: float = 0.999, warm: bool = True):
        self.decay = checks.number("decay", decay, 0, 1, without=1)
        self.model = checks.instance("model", model, Module).copy()
        self.warm, self.updates = warm, 0
        self._parameters, self._buffers = self.model.parameters(), _buffers(self.model)  # the arrays, found once

    def update(self, model: Module) -> None:
        """Move the average toward `model`."""
        current = checks.instance("model", model, Module).parameters()
        try:
            check_state(self._parameters, current)
        except ValueError as error:
            raise ValueError(f"model must have the parameters of the averaged one: {error}") from None
        self.follow(model, list(current.values()))

    def follow(self, model: Module, arrays: list[np.ndarray]) -> None:
        """Move the average toward `model`, whose parameters are these arrays, in their order: `update`, unchecked.

        Tied weights may be there once, or once for each of their places.
        """
        if len(arrays) > len(self._parameters):
            arrays = list({id(a): a for a in arrays}.values())
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.warm else self.decay

        def move(a: Array, b: Array) -> None:
            a *= decay
            a += (1 - decay) * b

        for a, b in zip(self._parameters.values(), arrays, strict=True):
            in_parts(move, a, b)
        if self._buffers:
            given = _buffers(model)
            for name, a in self._buffers.items():
                a[...] = given[name]

    def __repr__(self) -> str:
        of = f"{type(self.model).__name__}, {self.model.num_parameters():,} parameters"
        return f"EMA of {of}: decay {self.decay:g}, {self.updates:,} updates done"

    def state(self) -> dict[str, np.ndarray]:
        """Copies of the averaged arrays and the count of updates, for a checkpoint."""
        return {"updates": np.array(self.updates)} | {f"model.{n}": a for n, a in self.model.state().items()}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Continue from what `state` returned; ValueError if names or shapes differ."""
        if "updates" not in state:
            raise ValueError("not the state of an EMA: no entry 'updates'")
        self.model.load_state({n.removeprefix("model."): a for n, a in state.items() if n != "updates"})
        self.updates = int(state["updates"])


def _buffers(model: Module) -> dict[str, np.ndarray]:
    """The buffers of a model and of all modules in it, by dotted name; the arrays themselves, not copies."""
    named = [
        (f"{path}.{name}", getattr(module, name, None)) for path, module in model.modules() for name in module.buffers
    ]
    return {name: a for name, a in named if isinstance(a, np.ndarray)}
