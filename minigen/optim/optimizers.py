"""Optimizers: they update the arrays of a model (any tree of arrays) in place.

    optimizer = Adam(model, lr=1e-3)
    value, grads = value_and_grad(loss)(model, batch)
    optimizer.step(grads)

The update rules are those of the PyTorch optimizers of the same names. An array that is at several places of a
`Module` is one parameter, updated once, by the sum of the gradients of its uses.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigen import checks
from minigen.tensor.parallel import in_parts
from minigen.tensor.tree import leaves, named_leaves, tied_leaves

SMALL = 1 << 13  # numbers below which an update costs NumPy's calls, not its arithmetic: such arrays are updated as one


class Optimizer:
    """What all optimizers share: the arrays, the learning rate `lr` (settable at any time) and the step count."""

    slots: tuple[str, ...] = ()  # names of the running arrays kept for each parameter
    settings: tuple[str, ...] = ()  # names of the attributes that are shown

    def __init__(self, model: Any, lr: float):
        if isinstance(model, type):
            raise ValueError(f"model must be an instance, got the class {model.__name__}: call it first")
        named = named_leaves(model)
        self.places = {name for name, _ in named}  # all names; tied weights, one array at several places, have several
        self.parameters = {name: p for i, (first, (name, p)) in enumerate(zip(tied_leaves(model), named)) if i == first}
        if not self.parameters:
            raise ValueError("model holds no float array to optimize")
        for name, p in self.parameters.items():
            if not (isinstance(p, np.ndarray) and p.flags.writeable):
                raise ValueError(f"parameter {name!r} must be a writable array, got {type(p).__name__}")
        if len({id(p) for p in self.parameters.values()}) < len(self.parameters):
            raise ValueError(
                "one array appears twice in a list, tuple or dict of arrays, where each place has its own gradient; "
                "weights are tied inside a Module"
            )
        self.lr = checks.number("lr", lr, 0)
        self.steps = 0
        self.arrays = list(self.parameters.values())
        self.groups = _groups(self.arrays)  # of positions: the arrays of each group are updated together, end to end
        self.flat = {slot: [np.zeros_like(_laid_out(self.arrays, g)) for g in self.groups] for slot in self.slots}

    def __repr__(self) -> str:
        count, arrays = sum(p.size for p in self.arrays), len(self.arrays)
        of = f"{count:,} parameter{'' if count == 1 else 's'} in {arrays} array{'' if arrays == 1 else 's'}"
        settings = "".join(f", {name} {getattr(self, name)}" for name in self.settings)
        return f"{type(self).__name__} of {of}: lr {self.lr:.4g}{settings}; {self.steps:,} steps done"

    @property
    def running(self) -> dict[str, dict[str, np.ndarray]]:
        """The running arrays, by slot and by name of the parameter, whose shape they have: views, to be written to."""
        names, found = list(self.parameters), {}
        for slot, arrays in self.flat.items():
            parts = [pair for group, flat in zip(self.groups, arrays) for pair in self._parts(group, flat)]
            found[slot] = {names[i]: part for i, part in parts}
        return found

    def step(self, grads: Any) -> None:
        """Update the model from a tree of gradients shaped as the model; ValueError if it is not, or is the model."""
        if isinstance(grads, type):
            raise ValueError(f"grads must be a tree shaped as the model, got the class {grads.__name__}")
        found = dict(named_leaves(grads))
        self._check_gradients(grads, found)
        self.apply([found[name] for name in self.parameters])

    def apply(self, gradients: list[np.ndarray]) -> None:
        """Update the model from a list of gradients in the order of `parameters`, as a derivative collects them.

        Raises ValueError for another number of gradients, or other shapes.
        """
        shapes = [g.shape for g in gradients]
        if shapes != [p.shape for p in self.arrays]:
            wanted = f"{len(self.arrays)} arrays in the order and of the shapes of the model's"
            odd = next((f"{got} for {p.shape}" for got, p in zip(shapes, self.arrays) if got != p.shape), len(shapes))
            raise ValueError(f"gradients must be {wanted}, got {odd}")
        self.steps += 1
        for k, group in enumerate(self.groups):
            p = _laid_out(self.arrays, group)
            in_parts(self.update, p, _laid_out(gradients, group), *(self.flat[slot][k] for slot in self.slots))
            if len(group) > 1:
                for i, part in self._parts(group, p):
                    self.arrays[i][...] = part

    def _check_gradients(self, grads: Any, found: dict[str, np.ndarray]) -> None:
        if found.keys() != self.places:
            odd = sorted(found.keys() ^ self.places)
            raise ValueError(
                f"grads must be a tree shaped as the model, as value_and_grad returns it beside the value; "
                f"got a {type(grads).__name__}, names differ: {odd[:5]}"
            )
        for name, p in self.parameters.items():
            if found[name] is p:
                raise ValueError(f"grads must hold gradients, got the model's own parameter {name!r}")
            if np.shape(found[name]) != p.shape:
                raise ValueError(f"grads must have the shape of {name!r}, {p.shape}, got {np.shape(found[name])}")

    def _parts(self, group: list[int], flat: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Pairs of a position and its part of what `_laid_out` returned, as a view in the parameter's shape."""
        start = 0
        for i in group:
            p = self.arrays[i]
            yield i, flat if len(group) == 1 else flat[start : start + p.size].reshape(p.shape)
            start += p.size

    def update(self, *args: Any, **kwargs: Any) -> None:
        """`update(p, g, *running)`: one array's update, in place."""
        raise NotImplementedError

    def state(self) -> dict[str, np.ndarray]:
        """Copies of all that a checkpoint needs, by name."""
        flat = {f"{slot}.{n}": a.copy() for slot, arrays in self.running.items() for n, a in arrays.items()}
        return {"steps": np.array(self.steps), "lr": np.array(float(self.lr)), **flat}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Continue from what `state` returned; ValueError, before any change, if names or shapes differ."""
        own = self.state()
        if own.keys() != state.keys():
            raise ValueError(f"optimizer state differs in {sorted(own.keys() ^ state.keys())[:5]}")
        for name, a in own.items():
            if a.shape != np.shape(state[name]):
                raise ValueError(f"{name} must have shape {a.shape}, got {np.shape(state[name])}")
        self.steps, self.lr = int(state["steps"]), float(state["lr"])
        for slot, arrays in self.running.items():
            for n, a in arrays.items():
                a[...] = state[f"{slot}.{n}"]


class SGD(Optimizer):
    """v ← momentum·v + g, p ← p − lr·v (plain gradient descent with momentum 0)."""

    slots = ("velocity",)
    settings = ("momentum",)

    def __init__(self, model: Any, lr: float, momentum: float = 0.0):
        self.momentum = _fraction("momentum", momentum)
        super().__init__(model, lr)

    def update(self, p: np.ndarray, g: np.ndarray, velocity: np.ndarray) -> None:
        velocity *= self.momentum
        velocity += g
        p -= self.lr * velocity


class RMSProp(Optimizer):
    """s ← decay·s + (1 − decay)·g², p ← p − lr·g/(√s + eps). Tieleman and Hinton 2012."""

    slots = ("square",)
    settings = ("decay", "eps")

    def __init__(self, model: Any, lr: float, decay: float = 0.99, eps: float = 1e-8):
        self.decay, self.eps = _fraction("decay", decay), checks.number("eps", eps, 0)
        super().__init__(model, lr)

    def update(self, p: np.ndarray, g: np.ndarray, square: np.ndarray) -> None:
        work = np.multiply(g, g, out=np.empty_like(p))
        work *= 1 - self.decay
        square *= self.decay
        square += work
        np.sqrt(square, out=work)
        work += self.eps
        np.divide(g, work, out=work)
        work *= self.lr
        p -= work


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015); with weight_decay > 0 the decoupled decay of AdamW (Loshchilov and Hutter 2019).

    m ← β₁ m + (1 − β₁) g,  s ← β₂ s + (1 − β₂) g²,
    p ← p − lr·weight_decay·p − lr · m̂ / (√ŝ + eps)  with  m̂ = m/(1 − β₁ᵗ), ŝ = s/(1 − β₂ᵗ).
    """

    slots = ("mean", "square")
    settings = ("betas", "eps", "weight_decay")

    def __init__(
        self,
        model: Any,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise ValueError(f"betas must be two numbers in [0, 1), got {betas!r}")
        self.betas = (_fraction("betas[0]", betas[0]), _fraction("betas[1]", betas[1]))
        self.eps, self.weight_decay = checks.number("eps", eps, 0), checks.number("weight_decay", weight_decay, 0)
        super().__init__(model, lr)

    def update(self, p: np.ndarray, g: np.ndarray, mean: np.ndarray, square: np.ndarray) -> None:
        beta1, beta2 = self.betas
        if self.weight_decay:
            p *= 1 - self.lr * self.weight_decay
        work = np.multiply(g, 1 - beta1, out=np.empty_like(p))
        mean *= beta1
        mean += work
        np.multiply(g, g, out=work)
        work *= 1 - beta2
        square *= beta2
        square += work
        np.sqrt(square, out=work)
        work /= (1 - beta2**self.steps) ** 0.5  # √ŝ
        work += self.eps
        np.divide(mean, work, out=work)
        work *= self.lr / (1 - beta1**self.steps)
        p -= work


def clip_grad_norm(grads: Any, max_norm: float) -> float:
    """Scale a tree of gradients in place so that its global Euclidean norm is at most `max_norm`; returns the norm
    before. An array that is there twice, as that of tied weights, counts once."""
    checks.positive("max_norm", max_norm)
    arrays = [] if isinstance(grads, type) else list({id(g): g for g in leaves(grads)}.values())
    if not arrays:
        raise ValueError(f"grads must be a tree of float arrays, got {grads!r:.60}")
    norm = float(np.sqrt(sum(float(np.vdot(g, g)) for g in arrays)))
    if norm > max_norm:
        for g in arrays:
            np.multiply(g, max_norm / norm, out=g)
    return norm


def _groups(arrays: list[np.ndarray]) -> list[list[int]]:
    """Lists of positions: every large array by itself, the small ones of each dtype together."""
    groups: dict[Any, list[int]] = {}
    for i, p in enumerate(arrays):
        groups.setdefault(p.dtype if p.size < SMALL else i, []).append(i)
    return list(groups.values())


def _laid_out(arrays: list[np.ndarray], group: list[int]) -> np.ndarray:
    """The arrays of a group end to end, (n,); a group of one is the array itself."""
    return arrays[group[0]] if len(group) == 1 else np.concatenate([arrays[i].ravel() for i in group])


def _fraction(name: str, value: Any) -> float:
    return checks.number(name, value, 0, 1, without=1)
