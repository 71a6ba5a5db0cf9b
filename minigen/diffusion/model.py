"""A whole diffusion model: a network, its schedule and the shape of an example, to be trained, sampled and saved.

    model = Diffusion(EpsMLP(rng, dim=5), Schedule.cosine(100), shape=5).standardize(x)      # x (N, 5)
    step = descend(Diffusion.loss, model, batches(x, size=256, rng=rng), noise=rng)
    fit(step, 3000, state=step.state)
    samples = model.sample(rng, 1000)                  # (1000, 5), in the units of x
    model.save("model.npz")                            # Diffusion.from_file("model.npz") loads it

With a network that takes a condition y, such as labels (N,):

    def loss(model, x, y, rng):
        return model.loss(x, rng, y)                   # a tenth of the labels is dropped

    step = descend(loss, model, batches(x, labels, size=256, rng=rng), noise=rng)
    samples = model.sample(rng, 100, y=7, w=2.0)       # guided without a classifier, with weight 2

The formulas are those of `ddpm`, `samplers`, `guidance` and `likelihood`. For a sampler that is not offered here, take
`model.eps_model` and `model.schedule`, in standardized units.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import autograd.numpy as np
import numpy
from numpy.typing import NDArray

from minigen import checks
from minigen.checks import checked, choice, function, number, probability, whole
from minigen.diffusion.ddpm import ancestral, call_model, eps_model_from_v, simple_loss, v_loss
from minigen.diffusion.guidance import classifier_free, conditional
from minigen.diffusion.likelihood import vlb_terms
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule
from minigen.nn import Module
from minigen.tensor import batched, like
from minigen.types import Array, Rng


class Diffusion(Module):
    """A diffusion model of examples of one shape: loss(x, rng, y=None), sample(rng, n, y=None) -> (n, *shape).

    net:      called (x, t, y=None) with x (N, *shape) and time steps t (N,), returns a prediction in the shape of x.
    schedule: the time steps that it is trained on.
    shape:    of one example, such as (28, 28, 1); a whole number D is (D,).
    predicts: "v", or "eps" for the noise, as in Ho et al. 2020. An error of eps grows by 1/√ᾱ_t on its way to the data,
              a thousandfold at the end of `Schedule.cosine(50)`: rough predictions lead far away from the data.
    drop:     the fraction of the conditions y that `loss` replaces with no condition, so that samples can be guided.

    net receives (x − shift)/scale. Both are buffers with one number for each column of a table, or channel of an image
    (the last axis), which `standardize` sets; at first they are 0 and 1. A condition y has one row for each example:
    whole numbers such as labels, of which −1 is none, or vectors, of which a row of zeros is none.
    Raises ValueError for arguments that do not fit.
    """

    buffers = ("shift", "scale")

    @checked(net=function, schedule=Schedule, predicts=partial(choice, options=("eps", "v")), drop=probability)
    def __init__(
        self,
        net: Callable,
        schedule: Schedule,
        shape: int | tuple[int, ...],
        predicts: str = "v",
        drop: float = 0.1,
    ):
        if schedule.times[-1] != schedule.T:
            got = f"{schedule.T} times up to {schedule.times[-1]}: train on all of them, and sample with steps="
            raise ValueError(f"schedule must be a full one, whose times are 1..T, got {got}")
        self.net = net
        self.schedule = schedule
        self.shape = tuple(checks.wholes("shape", shape if isinstance(shape, (tuple, list)) else (shape,)))
        if not self.shape:
            raise ValueError("shape must have at least one axis, such as (2,), got ()")
        self.predicts = predicts
        self.drop = drop
        self.conditional = takes_condition(net)
        self.shift: NDArray[numpy.float32] = numpy.zeros(self.shape[-1], numpy.float32)
        self.scale: NDArray[numpy.float32] = numpy.ones(self.shape[-1], numpy.float32)

    def standardize(self, x: numpy.ndarray) -> Self:
        """Set shift and scale so that net receives x (N, *shape) with mean 0 and variance 1; returns self.

        They are those of each column or channel. ValueError: another shape, values that are not finite, a column or
        channel that does not vary.
        """
        x = checks.array("x", x, "N", *self.shape)
        axes = tuple(range(x.ndim - 1))
        constant = numpy.flatnonzero(x.max(axis=axes) == x.min(axis=axes))
        if len(constant):
            which = ", ".join(map(str, constant[:5]))
            raise ValueError(f"x must vary in every column to be standardized, got a constant in x[..., {which}]")
        self.shift[...] = x.mean(axis=axes, dtype=numpy.float64)
        self.scale[...] = x.std(axis=axes, dtype=numpy.float64)
        return self

    # --------------------------------------------------------------------------------------- training

    @checked(rng=Rng)
    def loss(self, x: Array, rng: Rng, y: Any = None) -> Array:
        """Return the mean squared error of the prediction, a scalar: x (N, *shape), y (N, ...).

        The mean is over examples and dimensions. For each example are drawn, in this order, a time step, uniformly from
        1..T, the noise, and with y a number that is below `drop` where the condition is dropped. The formula is
        `v_loss`, or `simple_loss` if net predicts the noise.
        Eq. diffusion.15, Eq. diffusion.16
        """
        x0 = self._standardized(x)
        y = None if y is None else self._condition(y, len(x0))
        t = rng.integers(1, self.schedule.T + 1, len(x0))
        eps = rng.standard_normal(np.shape(x0), dtype=x0.dtype)
        if y is not None:
            y = without_condition(y, rng.random(len(x0)) < self.drop)
        if self.predicts == "v":
            return v_loss(self.net, x0, t, eps, self.schedule, y)
        return simple_loss(self.net if y is None else conditional(self.net, y), x0, t, eps, self.schedule)

    def eps_model(self, x: Array, t: Array, y: Any = None) -> Array:
        """Return the predicted noise in standardized x (N, *shape) at time steps t (N,): a model for any sampler."""
        model = self.net if self.predicts == "eps" else eps_model_from_v(self.net, self.schedule)
        return call_model(model, x, t, y)

    # --------------------------------------------------------------------------------------- samples and the bound

    @checked(rng=Rng, n=whole, w=number, eta=probability)
    def sample(
        self,
        rng: Rng,
        n: int,
        y: Any = None,
        *,
        w: float = 0.0,
        steps: int | None = None,
        eta: float = 0.0,
        progress: str | None = None,
    ) -> NDArray[numpy.float32]:
        """Return n samples (n, *shape) in the units of the data: by `ancestral`, or with steps by `ddim` in so many.

        y:        the condition, one row for each sample, or one label for all; None samples without.
        w:        weight of `classifier_free` guidance; 0 is the conditional model.
        eta:      the noise of DDIM, from 0 (none) to 1.
        progress: the name of a progress bar, for a terminal and a notebook.

        net is called with at most 500 examples at a time. ValueError: steps above T, w without y, eta without steps.
        """
        model: Callable = self._eps_in_parts
        if y is not None:
            y = self._condition(y, n)
            model = classifier_free(model, y, w) if w else conditional(model, y)
        elif w:
            raise ValueError(f"w must be 0 without a condition y, got {w}")
        if steps is None and eta:
            raise ValueError(f"eta must be 0 without steps, as it is a setting of DDIM, got {eta}")
        steps = None if steps is None else checks.whole("steps", steps, most=self.schedule.T)
        x = rng.standard_normal((n, *self.shape), dtype=numpy.float32)
        if steps is None:
            x = ancestral(model, x, self.schedule, rng, progress=progress)
        else:
            x = ddim(model, x, self.schedule, steps, eta, rng, progress=progress)
        return x * self.scale + self.shift

    @checked(rng=Rng)
    def elbo(self, x: Array, rng: Rng, y: Any = None) -> NDArray[numpy.float32]:
        """Estimate a lower bound on the log-density of x (N, *shape), in nats, (N,), from one draw for each step.

        It is −`vlb_terms` with variance "beta", in the units of x. The network is called T times. Eq. diffusion.12
        """
        x0 = self._standardized(x)
        model = self._eps_in_parts if y is None else conditional(self._eps_in_parts, self._condition(y, len(x0)))
        bound: Array = vlb_terms(model, x0, self.schedule, rng).total  # of −log p(x0), and dx = scale dx0
        log_scale = numpy.sum(numpy.broadcast_to(numpy.log(self.scale), self.shape))
        return -bound - float(log_scale)

    # --------------------------------------------------------------------------------------- what they share

    def _standardized(self, x: Array) -> Array:
        x = checks.array("x", x, "N", *self.shape)
        return (x - like(self.shift, x)) / like(self.scale, x)

    def _eps_in_parts(self, x: numpy.ndarray, t: numpy.ndarray, y: Any = None) -> Any:
        return batched(self.eps_model, x, t, y)

    def _condition(self, y: Any, n: int) -> numpy.ndarray:
        """Return y as an array with a row for each of n examples; one label is that of all."""
        if not self.conditional:
            raise ValueError("y must be None, since net takes x and t only")
        y = numpy.asarray(y)
        if y.dtype.kind not in "iuf":
            raise ValueError(f"y must be an array of whole numbers, such as labels, or of vectors, got dtype {y.dtype}")
        if y.dtype.kind != "f":
            y = y.astype(numpy.int64)  # so that −1 has its place in it
        if y.ndim == 0:
            y = numpy.full(n, y)
        if len(y) != n:
            raise ValueError(f"y must have one row for each of {n} examples, got shape {y.shape}")
        return y


def without_condition(y: numpy.ndarray, dropped: numpy.ndarray) -> numpy.ndarray:
    """Return the conditions y (N, ...) with none where `dropped` (N,) is true: −1 as a whole number, zeros as a vector.

    For labels it is `drop_labels` of `guidance`.
    """
    rows = numpy.reshape(dropped, (-1, *(1,) * (y.ndim - 1)))
    return numpy.where(rows, 0 if y.dtype.kind == "f" else -1, y)


def takes_condition(net: Callable) -> bool:
    """Return whether net can be called (x, t, y)."""
    try:
        inspect.signature(net).bind("x", "t", "y")
    except TypeError:
        return False
    except ValueError:  # a function of a compiled module, whose arguments are not known
        return True
    return True
