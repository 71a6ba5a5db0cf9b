"""A wrong argument of a public name is a sentence that names it, and nothing has changed.

Each row of the table is a callable with good arguments. The kind of an argument follows from its declaration
(`checks.checked`), or stands in the row; calls all of whose arguments are declared have a row without being listed.
A kind has a list of wrong values: a seed or a class where a generator is due, sizes that are not positive whole
numbers, a class where an instance is due, arrays that are empty, hold a NaN, or have another rank. One at a time is put
in place of the good one. The call must raise ValueError (or TypeError) with the argument's name, and leave the
generators, arrays, models and optimizers that it was given as they were.
"""

import copy
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy
import pytest

from minigen import checks, diffusion, flow, gan, metrics, nn, optim, vae
from minigen.data import batches, mixture, mnist, sequences, shapes, sprites, toy
from minigen.diffusion import arguments as diffusion_arguments
from minigen.diffusion import cascade, ddpm, guidance, langevin, samplers, unclip
from minigen.diffusion import likelihood as diffusion_likelihood
from minigen.diffusion import schedule as schedule_module
from minigen.diffusion.networks.dit import DiT
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet, unet_sizes
from minigen.flow import bijection, coupling, multiscale, nice, realnvp
from minigen.gan import gradient_diagnostics, improved_training, interpolation, losses, networks, toy_problems, wgan
from minigen.gan import train as gan_train
from minigen.metrics import digits, divergence, likelihood, samples, transport
from minigen.nn import Module
from minigen.optim.optimizers import Optimizer
from minigen.tensor import group_norm
from minigen.vae import (
    autoencoder,
    beta_vae,
    code_prior,
    likelihoods,
    linear,
    marginal_likelihood,
    pca,
    quantizer,
    td_vae,
    vq_vae,
    vq_vae2,
)
from minigen.vae import vae as vae_module

NAN = float("nan")

# ------------------------------------------------------------------------------------------- kinds of arguments


class Kind(NamedTuple):
    """How to make a good argument, and the wrong ones that are put in its place."""

    make: Callable[[], Any]
    wrong: Callable[[Any], list] = lambda good: []


def rng() -> Kind:
    return Kind(lambda: numpy.random.default_rng(0), lambda good: [0, numpy.random.Generator, None])


def size(good: int, least: int = 1) -> Kind:
    return Kind(lambda: good, lambda good: [least - 1, -3, 2.5, "3", [good]])


def positive(good: float) -> Kind:
    return Kind(lambda: good, lambda good: [0, -1.0, NAN, "1"])


def nonnegative(good: float) -> Kind:
    return Kind(lambda: good, lambda good: [-1.0, NAN, "1"])


def fraction(good: float) -> Kind:
    return Kind(lambda: good, lambda good: [-0.1, 1.5, NAN, "1"])


def fixed(make: Callable[[], Any]) -> Kind:
    return Kind(make)


def given(value: Any, *wrong: Any) -> Kind:
    return Kind(lambda: copy.deepcopy(value), lambda good: list(wrong))


def activation() -> Kind:
    return Kind(lambda: "relu", lambda good: ["rely", 3, ["relu"]])


def model(make: Callable[[], Any]) -> Kind:
    """A model or function to be called: a class is not one."""
    return Kind(make, lambda good: [type(good), 3, None])


def instance(make: Callable[[], Any]) -> Kind:
    """An instance of a class of the package."""
    return Kind(make, lambda good: [type(good), 3])


def arrays(*shape: int, low: float | None = None) -> list:
    generator = numpy.random.default_rng(3)
    x = generator.standard_normal(shape) if low is None else generator.uniform(low, 1, shape)
    return x.astype(numpy.float32)


def data(*shape: int, low: float | None = None) -> Kind:
    """Numbers that must be finite, at least one example of them."""

    def wrong(good):
        spoiled = good.copy()
        spoiled.flat[-1] = NAN
        return [spoiled, good[:0], good[None], good.astype(str), "x", None]

    return Kind(lambda: arrays(*shape, low=low), wrong)


def any_rank(*shape: int, low: float | None = None) -> Kind:
    """As `data`, where one more axis would be one more axis of an example."""
    return Kind(
        lambda: arrays(*shape, low=low),
        lambda good: [each for each in data(*shape).wrong(good) if numpy.ndim(each) < len(shape) + 1],
    )


def optional(*shape: int) -> Kind:
    """As `data`, where None means that there is none."""
    return Kind(lambda: arrays(*shape), lambda good: [each for each in data(*shape).wrong(good) if each is not None])


def shaped(*shape: int) -> Kind:
    """The input of a layer: its values are not looked at, its shape is."""
    return Kind(lambda: arrays(*shape), lambda good: [good[..., :-1], good.astype(str), "x", None])


def whole(values, most: int) -> Kind:
    """Labels or indices in 0..most."""
    values = numpy.array(values)
    return Kind(
        values.copy, lambda good: [good.astype(numpy.float32), good - most - 1, good + most + 1, good[None], "x", None]
    )


# ------------------------------------------------------------------------------------------- what declarations say

SIZES = {"N": 4, "N'": 3, "M": 3, "D": 2, "F": 2, "K": 3, "P": 2, "C": 2, "R": 3, "n": 4, "B": 3, "E": 2, "H": 4}
SIZES |= {"W": 4, "V": 5, "T": 3, "J": 2, "C + 1": 3, "h": 2, "w": 2, "L": 3, "d": 4, "d_v": 2, "history": 3}
SIZES |= {"width": 4, "n_in": 3, "n_out": 2, "kh": 3, "kw": 3, "D_z": 2, "D_x": 3}  # of the names in declared shapes
SCHEDULE = schedule_module.Schedule.linear(6, 0.1, 0.5)


def of_arrays(shape: checks.Sized) -> Kind:
    """Arrays of a declared shape, "..." being no axis."""
    named = [axis for axis in shape.axes if axis is not ...]
    low = None if shape.low == -numpy.inf else shape.low
    finite, empty = (shape.options.get(name, name == "finite") for name in ("finite", "empty"))

    def wrong(good):
        values = [good.astype(str), "x", None]
        values += [good + numpy.where(good == good, NAN, 0)] if finite else []
        values += [good[:0]] if finite and not empty and named else []
        values += [good[None]] if ... not in shape.axes else []
        values += [good[(0,) * (1 + good.ndim - len(named))]] if named else []  # an axis too few
        values += [low - 1 - good] if low is not None else []
        return values + ([good + 2] if shape.high < numpy.inf else [])

    return Kind(lambda: arrays(*[axis if isinstance(axis, int) else SIZES[axis] for axis in named], low=low), wrong)


def of_examples() -> Kind:
    """What passes through a diffusion: batches of floats."""
    return data(4, 2)._replace(wrong=lambda x: [x * NAN, x[:0], x.astype(int), x.astype(str), x.tolist(), "x", None])


def of_times(least: int, each: bool) -> Kind:
    """Time steps of `SCHEDULE`, one or, with `each`, one for each of four examples."""
    wrong = [least - 1, 7, 1.5, "x", None, numpy.full(4, 2.0), numpy.full(4, 7)]
    if not each:
        return given(2, *wrong, numpy.full(4, 2))
    return given(numpy.array([2, 4, 2, 4]), *wrong, numpy.full((4, 1), 2), numpy.full(3, 2))


def of_integers(declaration: checks.Integers) -> Kind:
    shape = [SIZES[axis] for axis in declaration.sized.axes if axis is not ...]
    beyond = declaration.options.get("most", 10**6) + 1 if "most" in declaration.options else -2
    good = numpy.arange(numpy.prod(shape)).reshape(shape)
    return given(good, good.astype(float), good[None], 0 * good + beyond, "x", None)


def one_of(*wrong: Any, good: Any = None) -> Callable[[dict], Kind]:
    """The kind of a check with these wrong values, whatever its options."""
    return lambda options: given(good, *wrong)


KINDS: dict[Any, Callable[[dict], Kind]] = {  # of a check with its options
    checks.whole: lambda options: size(max(2, options.get("least", 1)), options.get("least", 1)),
    checks.wholes: one_of((0,), 3, (2.5,), "x", None, ["3"], good=(3,)),
    checks.positive: lambda options: positive(0.5),
    checks.nonnegative: lambda options: nonnegative(0.5),
    checks.probability: lambda options: fraction(0.5),
    checks.number: lambda options: given(
        sum(options.get(end, 0.5) for end in ("low", "high")) / 2,
        *[NAN, "1", None, [0.5]],
        *[options[end] + step for end, step in (("low", -1), ("high", 1)) if end in options],
        *[options["without"] for _ in "1" if "without" in options],
    ),
    checks.choice: lambda options: given(options["options"][0], "none", 3, ["x"]),
    checks.floats: lambda options: Kind(lambda: arrays(4, 2), lambda x: [x * NAN, x.astype(str), "x", None]),
    checks.nonnegative_floats: lambda options: Kind(
        lambda: arrays(4, 2, low=0), lambda x: [x * NAN, -1 - x, x.astype(str), "x", None]
    ),
    checks.function: lambda options: Kind(lambda: lambda x, *rest, **more: x, lambda good: [nn.Linear, 3, None]),
    nn.layers.even: one_of(3, 0, 2.5, "4", None, [4], good=4),
    nn.layers.time_steps: one_of(3, numpy.ones((3, 1)), "x", None, [NAN], good=numpy.arange(4)),
}


def kind_of(declaration: Any, default: Any, good: Kind | None = None) -> Kind | None:
    """The kind that a declaration stands for; its good value is the default, or that of `good`, if there is one."""
    kind = _kind_of(declaration, good)
    if kind is None or good is not None:
        return kind and good and Kind(good.make, kind.wrong)
    if default is None:  # which passes
        return Kind(lambda: None, lambda _: [each for each in kind.wrong(kind.make()) if each is not None])
    return kind if default is inspect.Parameter.empty else Kind(lambda: default, kind.wrong)


def _kind_of(declaration: Any, good: Kind | None) -> Kind | None:
    check, options = (declaration.func, declaration.keywords) if isinstance(declaration, partial) else (declaration, {})
    if isinstance(declaration, str):
        return of_arrays(checks.Sized(declaration))
    if type(check) is checks.Sized:
        return of_arrays(check)
    if type(check) is checks.Integers:
        return of_integers(check)
    if type(check) in (diffusion_arguments.Steps, diffusion_arguments.OneStep):
        return of_times(check.least, type(check) is diffusion_arguments.Steps)
    if type(check) in (diffusion_arguments.Batch, diffusion_arguments.Noise):
        return of_examples()
    if check is numpy.random.Generator:
        return rng()
    if check is schedule_module.Schedule:
        return Kind(lambda: SCHEDULE, lambda good: [schedule_module.Schedule, 5, good.beta, None])
    if isinstance(check, type) and good is not None:
        return Kind(good.make, lambda good: [type(good), 3, None])
    return KINDS[check](options) if isinstance(check, Hashable) and check in KINDS else None


# ------------------------------------------------------------------------------------------- the table


class Row(NamedTuple):
    name: str
    call: Callable
    arguments: dict[str, Kind]


TABLE: list[Row] = []
NAMED: dict[str, dict[str, Kind]] = {}  # the arguments of a module, or of a package, by their names


def row(name: str, call: Callable, /, **arguments: Kind) -> None:
    TABLE.append(Row(name, call, derived(call, arguments) | arguments))


def derived(call: Callable, given: dict[str, Kind]) -> dict[str, Kind]:
    """The kinds of the arguments that a function, or the constructor of a class, declares, or that have one by name.

    The values in `NAMED` are good ones of what is declared.
    """
    function = call.__init__ if isinstance(call, type) else call
    declared = getattr(function, "declared", {})
    parts, kinds = getattr(call, "__module__", "").split("."), {}
    named: dict[str, Kind] = {}
    for i in range(len(parts) + 1):
        named |= NAMED.get(".".join(parts[1:i]), {})
    for argument, parameter in inspect.signature(call).parameters.items():
        kind = named.get(argument)
        if argument in declared:
            kind = kind_of(declared[argument], parameter.default, kind)
        if kind is not None and argument not in given:
            kinds[argument] = kind
    return kinds


def seeded(cls: type, *args: Any, **kwargs: Any) -> Callable[[], Any]:
    return lambda: cls(numpy.random.default_rng(1), *args, **kwargs)


def mean_square(model, x):
    return np.mean(model(x) ** 2)


def spectral() -> nn.SpectralNorm:
    return nn.SpectralNorm(numpy.random.default_rng(0), seeded(nn.Linear, 3, 2)())


NAMED[""] = {"rng": rng(), "activation": activation()}

# nn
row("nn.Linear", nn.Linear, scale=nonnegative(1.0))
row("nn.MLP", nn.MLP, sizes=given([3, 4, 2], [3], [3, 0, 2], [3, 2.5], 3, None))
row("nn.MLP's gain", nn.MLP, sizes=fixed(lambda: [3, 4, 2]), gain=given("he", "glorot", -1, NAN, None))
row("nn.SpectralNorm", nn.SpectralNorm, layer=model(seeded(nn.Linear, 3, 2)))
row("nn.SpectralNorm.iterate", nn.SpectralNorm.iterate, self=fixed(spectral), n=size(2))
row("nn.WeightNorm", nn.WeightNorm, layer=model(seeded(nn.Linear, 3, 2)))
row(
    "nn.WeightNorm.initialize",
    nn.WeightNorm.initialize,
    self=fixed(lambda: nn.WeightNorm(seeded(nn.Linear, 3, 2)())),
    x=shaped(4, 3),
)
row("nn.MLP without hidden layers", nn.MLP, sizes=given([3, 2]))
row("nn.Conv2d", nn.Conv2d, stride=size(1), padding=size(1, 0), scale=nonnegative(1.0))
row("nn.MaskedConv2d", nn.MaskedConv2d, padding=size(1, 0))
row("nn.ConvTranspose2d", nn.ConvTranspose2d, padding=size(1, 0))
row("nn.Conv1d", nn.Conv1d, padding=given("same", -1, 0.5, "full", None), scale=nonnegative(1.0))
row("nn.GroupNorm", nn.GroupNorm, groups=size(1), channels=size(3), eps=nonnegative(1e-05))
row("nn.GRUCell.start", nn.GRUCell.start, self=fixed(seeded(nn.GRUCell, 3, 2)))
row("nn.LSTMCell.start", nn.LSTMCell.start, self=fixed(seeded(nn.LSTMCell, 3, 2)))
row("nn.MultiHeadAttention", nn.MultiHeadAttention, dim=size(4), heads=size(2), dim_context=size(3))
row("nn.TransformerBlock", nn.TransformerBlock, width=size(4), heads=size(2))
row(
    "nn.ResidualBlock",
    nn.ResidualBlock,
    kernels=given((3, 1), (2, 2), (3,), 3, (0, 1)),
    groups=given((2, None), (0, None), (2,), 2),
    scale=nonnegative(1.0),
    dim_condition=size(2),
)
row("nn.Sequential", nn.Sequential, layers=model(seeded(nn.Linear, 3, 2)))
row("nn.space_to_depth", nn.space_to_depth, x=shaped(2, 4, 4, 1)._replace(wrong=lambda x: [x[0], "x"]))
row("nn.depth_to_space", nn.depth_to_space, x=shaped(2, 2, 2, 4)._replace(wrong=lambda x: [x[0], "x"]))
for layer, shape in [
    (seeded(nn.Linear, 3, 2), (4, 3)),
    (seeded(nn.MaskedLinear, numpy.ones((3, 2))), (4, 3)),
    (seeded(nn.MLP, [3, 4, 2]), (4, 3)),
    (seeded(nn.Conv2d, 2, 3, 3), (4, 5, 5, 2)),
    (seeded(nn.MaskedConv2d, numpy.ones((3, 3)), 2, 3), (4, 5, 5, 2)),
    (seeded(nn.ConvTranspose2d, 2, 3, 3), (4, 5, 5, 2)),
    (seeded(nn.Conv1d, 2, 3, 3), (4, 5, 2)),
    (seeded(nn.CausalConv1d, 2, 3, 3), (4, 5, 2)),
    (spectral, (4, 3)),
    (lambda: nn.WeightNorm(seeded(nn.Linear, 3, 2)()), (4, 3)),
    (lambda: nn.LayerNorm(3), (4, 3)),
    (lambda: nn.GroupNorm(1, 3), (4, 3)),
    (lambda: nn.BatchNorm(3), (4, 3)),
    (seeded(nn.MultiHeadAttention, 4, 2), (3, 5, 4)),
    (seeded(nn.TransformerBlock, 4, 2), (3, 5, 4)),
    (seeded(nn.ResidualBlock, 2, 2, groups=(1, 1)), (3, 4, 4, 2)),
]:
    row(f"nn.{type(layer()).__name__}.__call__", type(layer()).__call__, self=fixed(layer), x=shaped(*shape))
row(
    "nn.BatchNorm.__call__ empty",
    nn.BatchNorm.__call__,
    self=fixed(lambda: nn.BatchNorm(3)),
    x=given(arrays(4, 3), arrays(0, 3), arrays(1, 3)),
)
row(
    "nn.Embedding.__call__",
    nn.Embedding.__call__,
    self=fixed(seeded(nn.Embedding, 5, 2)),
    indices=given([0, 4], [0.5], [5], [-1], "x", None),
)
row(
    "nn.TimeEmbedding.__call__",
    nn.TimeEmbedding.__call__,
    self=fixed(seeded(nn.TimeEmbedding, 4, 3)),
    t=given(numpy.arange(3), 3, numpy.ones((3, 1)), "x", None),
)
row("nn.GRUCell.__call__", nn.GRUCell.__call__, self=fixed(seeded(nn.GRUCell, 3, 2)), x=shaped(4, 3), h=shaped(4, 2))

# tensor
row(
    "tensor.group_norm",
    lambda x, groups: group_norm(x, arrays(4), arrays(4), groups),
    x=shaped(2, 5, 4),
    groups=given(2, 3, 0, True, 2.0, "2", [2], None),
)

# optim
net = seeded(nn.Linear, 3, 2)
row("optim.SGD", optim.SGD, model=given(net(), nn.Linear, 3, None), lr=nonnegative(0.1), momentum=fraction(0.5))
row(
    "optim.RMSProp",
    optim.RMSProp,
    model=given(net(), nn.Linear, 3),
    lr=nonnegative(0.1),
    decay=fraction(0.5),
    eps=nonnegative(1e-8),
)
row(
    "optim.Adam",
    optim.Adam,
    model=given(net(), nn.Linear, 3),
    lr=nonnegative(0.1),
    betas=given((0.9, 0.99), 0.9, (0.9,), (0.9, 1.0), "x"),
    eps=nonnegative(1e-8),
    weight_decay=nonnegative(0.0),
)
for kind in (optim.SGD, optim.RMSProp, optim.Adam):

    def fit(kind=kind):
        return kind(net(), 0.1)

    row(
        f"optim.{kind.__name__}.step",
        kind.step,
        self=fixed(fit),
        grads=given(net(), seeded(nn.Linear, 3, 4)(), seeded(nn.Linear, 3, 2, bias=False)(), nn.Linear, 3, None),
    )
row("optim.clip_grad_norm", optim.clip_grad_norm, grads=given(net(), nn.Linear, None), max_norm=positive(1.0))
row("optim.EMA", optim.EMA, model=instance(net), decay=fraction(0.9))
row(
    "optim.EMA.update",
    optim.EMA.update,
    self=fixed(lambda: optim.EMA(net())),
    model=given(net(), nn.Linear, 3, seeded(nn.MLP, [3, 2])(), seeded(nn.Linear, 3, 4)()),
)
for schedule in (optim.constant, optim.linear_decay, optim.cosine, optim.warmup_cosine):
    row(f"optim.{schedule.__name__}", schedule, lr=nonnegative(0.1), steps=size(10), warmup=size(2, 0))
for schedule in (optim.linear_decay, optim.cosine, optim.warmup_cosine):
    row(
        f"optim.{schedule.__name__} final",
        schedule,
        lr=fixed(lambda: 0.1),
        steps=fixed(lambda: 10),
        warmup=fixed(lambda: 2),
        final=nonnegative(0.0),
    )

# data
row(
    "data.batches",
    lambda arrays, **rest: batches(arrays, **rest),
    arrays=given(arrays(6, 2), 3),
    size=size(2),
    rng=rng(),
    epochs=size(1, 0),
)


def pixels(*shape: int) -> Kind:
    """Images of bytes."""

    def make():
        return numpy.random.default_rng(3).integers(0, 256, shape).astype(numpy.uint8)

    return Kind(make, lambda good: [good.astype(numpy.float32), good[0], "x", None])


DIGITS = pixels(3, 28, 28)
POINTS = data(4, 2)._replace(wrong=lambda x: [x * NAN, x[None], x[0], x[:, :1], "x", None])  # none of them is fine
INTENSITIES = data(3, 4, low=0)._replace(wrong=lambda x: [x * NAN, x + 1, -x - 0.1, "x", None])
row("data.toy.ring", toy.ring, modes=size(8), radius=positive(2.0), std=positive(0.1))
row("data.toy.grid", toy.grid, side=size(5), spacing=positive(2.0), std=positive(0.05))
for curves in (toy.two_moons, toy.swiss_roll, toy.spirals):
    row(f"data.toy.{curves.__name__}", curves, noise=positive(0.1))
row("data.toy.circles", toy.circles, noise=positive(0.1), factor=given(0.5, 0, 1, -0.5, NAN, "x"))
row("data.toy.checkerboard", toy.checkerboard, squares=size(4), side=positive(2.0))
row("data.toy.pinwheel", toy.pinwheel, arms=size(5), radial_std=positive(0.3), tangential_std=positive(0.1))
row("data.toy.get", toy.get, name=given("ring", "rings", 3, None))
for density in (toy.ring, toy.two_moons, toy.checkerboard, toy.pinwheel, toy.circles, toy.get):
    make = (lambda: toy.get("rezende1")) if density is toy.get else density
    kind = type(make())
    row(f"data.{make().name}.sample", kind.sample, self=fixed(make), rng=rng(), n=size(3, 0))
    row(f"data.{make().name}.log_prob", kind.log_prob, self=fixed(make), x=POINTS)
    row(f"data.{make().name}.cells", kind.cells, self=fixed(make), n=size(3))
row("data.ring.score", mixture.GaussianMixture.score, self=fixed(toy.ring), x=POINTS)
row("data.ring.responsibilities", mixture.GaussianMixture.responsibilities, self=fixed(toy.ring), x=POINTS)
row(
    "data.GaussianMixture",
    mixture.GaussianMixture,
    means=data(3, 2),
    std=given(0.5, 0, -1.0, NAN, "x", [1.0, 1.0]),
    weights=given([0.2, 0.3, 0.5], [0.5, 0.5], [0, 0.5, 0.5], [NAN, 1, 1], "x"),
)
row(
    "data.GaussianMixture with covariances",
    mixture.GaussianMixture,
    means=data(1, 2),
    covariances=given([[[2.0, 0.5], [0.5, 1.0]]], [[[1.0, 2.0], [2.0, 1.0]]], [[[1.0, 0.5], [0.0, 1.0]]], [[1.0]], "x"),
)
row(
    "data.GaussianMixture.noised",
    mixture.GaussianMixture.noised,
    self=fixed(toy.ring),
    alpha=given(0.9, NAN, "x", None),
    sigma=nonnegative(0.5),
)
row("data.mnist.unit", mnist.unit, images=DIGITS)
row("data.mnist.symmetric", mnist.symmetric, images=DIGITS)
row("data.mnist.binarize", mnist.binarize, images=INTENSITIES)
row("data.mnist.binarize_static", mnist.binarize_static, images=INTENSITIES, threshold=given(0.5, 1, -0.1, NAN, "x"))
row("data.mnist.dequantize", mnist.dequantize, images=DIGITS)
row("data.mnist.quantize", mnist.quantize, v=data(3, 4)._replace(wrong=lambda v: [v * NAN, "x", None]))
row("data.mnist.to_logit", mnist.to_logit, v=INTENSITIES._replace(wrong=lambda v: [v * NAN, v - 5, v + 300, "x"]))
row("data.mnist.to_logit alpha", mnist.to_logit, v=fixed(INTENSITIES.make), alpha=given(1e-6, 0, 0.5, -1, NAN, "x"))
row("data.shapes.grid", shapes.grid, side=size(8, 8))
row("data.shapes.sample", shapes.sample, n=size(2), side=size(8, 8))
row(
    "data.shapes.draw",
    shapes.draw,
    factors=given(
        numpy.zeros((2, 5), int), numpy.zeros((2, 4), int), numpy.full((2, 5), 99), numpy.full((2, 5), 0.5), "x"
    ),
    side=size(8, 8),
)
row("data.sprites.draw", sprites.draw, n=size(2))
row("data.sprites.unit", sprites.unit, images=pixels(2, 16, 16, 3))
row("data.sprites.symmetric", sprites.symmetric, images=pixels(2, 16, 16, 3))
row(
    "data.Oscillator",
    sequences.Oscillator,
    omega=positive(1.0),
    dt=positive(0.5),
    noise=positive(0.4),
    kicks=nonnegative(0.1),
)
SWINGS = fixed(sequences.Oscillator)
row("data.Oscillator.transition", sequences.Oscillator.transition, self=SWINGS, steps=size(2, 0))
row("data.Oscillator.sample", sequences.Oscillator.sample, self=SWINGS, n=size(2), length=size(3))
row("data.Oscillator.predict", sequences.Oscillator.predict, self=SWINGS, x=data(2, 4, 2), t1=size(2), t2=size(3))
row(
    "data.moving_digits",
    sequences.moving_digits,
    images=DIGITS,
    length=size(3),
    size=given(14, 15, 0, 2.5, "x"),
    width=size(28, 14),
    step=size(4),
)


# gan
GAN, CRITIC = seeded(networks.Generator, width=4), seeded(networks.Discriminator, width=4)


def play(step):
    """A training step as a function of what it needs, its optimizers made for the two networks."""

    def call(generator, discriminator, **rest):
        return step(generator, discriminator, optim.SGD(generator, 0.1), optim.SGD(discriminator, 0.1), **rest)

    return call


NUMBER = given(1.0, NAN, "x", None)
NAMED["gan"] = {
    "generator": instance(GAN),
    "discriminator": model(CRITIC),
    "critic": model(CRITIC),
}
NAMED["gan.gradient_diagnostics"] = {"loss": model(lambda: losses.generator_loss_minimax)}
NAMED["gan.losses"] = dict.fromkeys(["p_r", "p_g"], data(4, low=0))
NAMED["gan.toy_problems"] = dict.fromkeys(["x", "y", "x_before", "y_before"], NUMBER) | {"eta": positive(0.1)}

row("gan.ConvGenerator", networks.ConvGenerator, side=given(8, 7, 0, 2.5), hidden=size(3))
row("gan.ConvDiscriminator", networks.ConvDiscriminator, side=given(8, 7, 0, 2.5), hidden=size(3))
for family in (GAN, seeded(networks.ConvGenerator, 2, 2, side=8)):
    cls = type(family())
    row(f"gan.{cls.__name__}.latent", cls.latent, self=fixed(family), rng=rng(), n=size(3))
    row(f"gan.{cls.__name__}.sample", cls.sample, self=fixed(family), rng=rng(), n=size(3))
row("gan.Generator.__call__", networks.Generator.__call__, self=fixed(GAN), z=shaped(4, 2))
row("gan.Discriminator.__call__", networks.Discriminator.__call__, self=fixed(CRITIC), x=shaped(4, 2))
row(
    "gan.ConvGenerator.__call__",
    networks.ConvGenerator.__call__,
    self=fixed(seeded(networks.ConvGenerator, 2, 2, side=8)),
    z=shaped(4, 2),
)
row(
    "gan.ConvDiscriminator.__call__",
    networks.ConvDiscriminator.__call__,
    self=fixed(seeded(networks.ConvDiscriminator, 2, side=8)),
    x=shaped(4, 8, 8, 1),
)
row(
    "gan.block_shape",
    networks.block_shape,
    shape=given((1, 8, 8, 1), (8, 8, 1), (1, 0, 8, 1), 3),
    channels=size(2),
    kernel=size(4),
    stride=size(2),
    padding=size(1, 0),
)
row("gan.optimal_discriminator", losses.optimal_discriminator, p_r=data(4, low=0), p_g=data(4, low=0))
row("gan.smoothed_optimum", losses.smoothed_optimum, p_r=data(4, low=0), p_g=data(4, low=0))
row("gan.value_at_optimum", losses.value_at_optimum, p_r=data(4, low=0), p_g=data(4, low=0))
row("gan.lipschitz_estimate", wgan.lipschitz_estimate, x=any_rank(4, 2))
row(
    "gan.MinibatchDiscrimination.__call__",
    improved_training.MinibatchDiscrimination.__call__,
    self=fixed(seeded(improved_training.MinibatchDiscrimination, 3)),
    x=data(4, 3),
)
row("gan.running_mean", improved_training.running_mean, mean=shaped(3), value=shaped(3))
row(
    "gan.historical_penalty",
    improved_training.historical_penalty,
    parameters=given([arrays(3)], 3, [], [arrays(2)], None),
    means=given([arrays(3)], 3, [arrays(2)], None),
)
row("gan.HistoricalAverage", improved_training.HistoricalAverage, model=instance(net))
row(
    "gan.HistoricalAverage.update",
    improved_training.HistoricalAverage.update,
    self=fixed(lambda: improved_training.HistoricalAverage(net())),
    model=given(net(), nn.Linear, 3),
)
row(
    "gan.HistoricalAverage.penalty",
    improved_training.HistoricalAverage.penalty,
    self=fixed(lambda: improved_training.HistoricalAverage(net())),
    model=given(net(), nn.Linear, 3),
)
row(
    "gan.VirtualBatchNorm.__call__",
    improved_training.VirtualBatchNorm.__call__,
    self=fixed(lambda: improved_training.VirtualBatchNorm(2)),
    x=any_rank(4, 2),
    reference=data(3, 2),
)
for interpolate in (interpolation.interpolate_linear, interpolation.interpolate_spherical):
    row(
        f"gan.{interpolate.__name__}",
        interpolate,
        a=data(3),
        b=Kind(lambda: arrays(3)[::-1].copy(), data(3).wrong),
        t=data(5, low=0),
    )
row("gan.line_points", toy_problems.line_points, y=data(4, low=0))
DRAWS = given(lambda n: arrays(n, 2), 3, None, lambda n: arrays(n + 1, 2), lambda n: arrays(n, 2) * NAN, lambda n: "x")
STEP: dict[str, Kind] = {
    "generator": fixed(GAN),
    "discriminator": fixed(CRITIC),
    "draw_real": DRAWS,
    "batch": size(3),
    "rng": rng(),
}
row("gan.goodfellow_step", play(gan_train.goodfellow_step), **STEP, k=size(1), smooth=fraction(0.1))
row("gan.wgan_step", play(gan_train.wgan_step), **STEP, n_critic=size(2), c=positive(0.1))
row("gan.wgan_gp_step", play(gan_train.wgan_gp_step), **STEP, n_critic=size(2), penalty=nonnegative(1.0))
for step in (gan_train.goodfellow_step, gan_train.wgan_step, gan_train.wgan_gp_step):
    opponent = "discriminator" if step is gan_train.goodfellow_step else "critic"
    optimizer_of = {"g_optimizer": GAN, ("d" if opponent == "discriminator" else "c") + "_optimizer": CRITIC}
    row(
        f"gan.{step.__name__} instances",
        step,
        generator=instance(GAN),
        **{opponent: instance(CRITIC)},
        **{name: instance(lambda make=make: optim.SGD(make(), 0.1)) for name, make in optimizer_of.items()},
        draw_real=fixed(lambda: lambda n: arrays(n, 2)),
        batch=fixed(lambda: 3),
        rng=rng(),
    )


# vae
VAE = seeded(vae_module.VAE, 3, 2, (4,))
CODES: dict[str, Kind] = dict.fromkeys(["mu", "logvar", "eps", "mu_p", "logvar_p"], data(4, 2))
NAMED["vae"] = CODES | {"x": data(4, 3, low=0), "decoded": data(4, 3), "logits": data(4, 3)}
NAMED["vae.linear"] = {"x": data(4, 3), "w": data(2, 3), "b": data(3), "std": positive(1.0)}
NAMED["vae.vae"] = {"vae": instance(VAE), "f": model(lambda: lambda z: np.sum(z, axis=1))}
NAMED["vae.vae"] |= {"log_likelihood": model(lambda: likelihoods.bernoulli_log_likelihood)}
NAMED["vae.marginal_likelihood"] = dict.fromkeys(["log_px_z", "log_pz", "log_qz", "log_px"], data(4, 3))
NAMED["vae.quantizer"] = {"z": data(4, 2), "quantized": data(4, 2), "codebook": data(3, 2), "codes": size(3)}
NAMED["vae.quantizer"] |= {"counts": data(3, low=0), "sums": data(3, 2), "gamma": fraction(0.9)}
NAMED["vae.quantizer"] |= {"beta": nonnegative(0.25), "indices": whole([0, 1, 2, 0], 2)}

row(
    "vae.Autoencoder",
    autoencoder.Autoencoder,
    dim_z=size(2),
    widths=given((3,), (0,), 3, (2.5,)),
    code_activation=activation(),
    out_activation=activation(),
    k=given(1, 0, 3, 2.5),
)
AE = seeded(autoencoder.Autoencoder, 4, 2, (3,))
row("vae.Autoencoder.__call__", autoencoder.Autoencoder.__call__, self=fixed(AE), x=shaped(5, 4))
row("vae.Autoencoder.loss", autoencoder.Autoencoder.loss, self=fixed(AE), x=data(5, 4))
row(
    "vae.Autoencoder.decode",
    autoencoder.Autoencoder.decode,
    self=fixed(AE),
    z=shaped(5, 2)._replace(wrong=lambda z: ["x", None]),
)
row("vae.denoising_loss", autoencoder.denoising_loss, x=data(5, 4), corrupted=fixed(lambda: arrays(5, 4)))
row("vae.corrupt", autoencoder.corrupt, level=fraction(0.3))
row(
    "vae.kl_bernoulli",
    autoencoder.kl_bernoulli,
    rho=given(0.1, 0, 1, NAN, "x", None),
    rho_hat=data(4, low=0.1)._replace(wrong=lambda x: [x * NAN, x * 0, "x", None]),
)
row(
    "vae.sparsity_penalty",
    autoencoder.sparsity_penalty,
    activations=data(4, 3, low=0.1)._replace(wrong=lambda x: [x * NAN, x[:0], x[0], x + 2, "x", None]),
    rho=given(0.1, 0, 1, NAN, "x"),
)
row("vae.k_sparse", autoencoder.k_sparse, k=size(2))
row(
    "vae.sigmoid_penalty",
    autoencoder.sigmoid_penalty,
    h=any_rank(4, 3, low=0),
    w=data(5, 3)._replace(wrong=lambda w: [w * NAN, w[0], w[:, 1:], "x", None]),
)
row(
    "vae.autoencoder_loss",
    autoencoder.autoencoder_loss,
    model=instance(AE),
    x=data(5, 4),
    seen=optional(5, 4),
    penalty=given(lambda *a: 0.0, 3),
)
row("vae.kl_standard_normal", vae_module.kl_standard_normal, mu=data(4, 2), logvar=data(4, 2))
row("vae.VAE", vae_module.VAE, likelihood=given(likelihoods.Gaussian(), likelihoods.Gaussian, "gaussian"))
row("vae.VAE.encode", vae_module.VAE.encode, self=fixed(VAE), x=shaped(4, 3))
for name in ("decode", "decoder_output"):
    row(f"vae.VAE.{name}", getattr(vae_module.VAE, name), self=fixed(VAE), z=shaped(4, 2))
row("vae.VAE.elbo", vae_module.VAE.elbo, self=fixed(VAE))
row("vae.VAE.loss", vae_module.VAE.loss, self=fixed(VAE))
row(
    "vae.VAE.loss Gaussian",
    vae_module.VAE.loss,
    self=fixed(seeded(vae_module.VAE, 3, 2, (4,), likelihood=likelihoods.Gaussian())),
)
row("vae.VAE.sample", vae_module.VAE.sample, self=fixed(VAE))
row("vae.VAE.reconstruct", vae_module.VAE.reconstruct, self=fixed(VAE), x=shaped(4, 3))
row("vae.vae_loss", vae_module.vae_loss, bound=given(lambda v, x, e: v.elbo(x, e), 3))
row("vae.importance_log_likelihood", vae_module.importance_log_likelihood, samples=size(2))
for estimate in (vae_module.score_function_gradient, vae_module.reparameterized_gradient):
    row(
        f"vae.{estimate.__name__}",
        estimate,
        f=model(lambda: lambda z: np.sum(z, axis=1)),
        mu=data(4, 2),
        logvar=data(4, 2),
        eps=data(4, 2),
    )
row("vae.gaussian_log_likelihood", likelihoods.gaussian_log_likelihood, mu=data(4, 3), logvar=data(4, 3))
for kind in (likelihoods.Bernoulli, likelihoods.Gaussian):
    row(f"vae.{kind.__name__}.log_prob", kind.log_prob, self=fixed(kind), x=data(4, 3, low=0), decoded=data(4, 3))
    row(f"vae.{kind.__name__}.sample", kind.sample, self=fixed(kind), rng=rng(), decoded=any_rank(4, 3))
LG = fixed(lambda: linear.LinearGaussian(arrays(2, 3), arrays(3), 1.0))
row("vae.LinearGaussian.sample", linear.LinearGaussian.sample, self=LG)
row("vae.LinearGaussian.log_evidence", linear.LinearGaussian.log_evidence, self=LG)
row("vae.LinearGaussian.posterior", linear.LinearGaussian.posterior, self=LG)
row("vae.LinearGaussian.elbo", linear.LinearGaussian.elbo, self=LG)
row("vae.LinearGaussian.kl_to_posterior", linear.LinearGaussian.kl_to_posterior, self=LG)
row(
    "vae.monte_carlo_log_likelihood",
    marginal_likelihood.monte_carlo_log_likelihood,
    log_px_z=data(4, 3)._replace(wrong=lambda x: [x * NAN, x[:0], x[0], "x", None]),
)
row(
    "vae.maximum_likelihood",
    marginal_likelihood.maximum_likelihood,
    log_px=data(4, 3)._replace(wrong=lambda x: [x * NAN, x[:0], x[0], "x", None]),
)
row("vae.pca", pca.pca, k=size(2))
row("vae.principal_angles", pca.principal_angles, a=data(2, 3), b=data(2, 3))
TERMS: dict[str, Kind] = {"recon": data(4), "kl": data(4)}
FACTORS = numpy.arange(20).reshape(-1, 1) % numpy.array([[2, 5]])
NAMED["vae.beta_vae"] = {"recon": data(4), "kl": data(4), "vae": instance(VAE), "codes": data(20, 3)}
NAMED["vae.beta_vae"]["factors"] = Kind(FACTORS.copy, lambda f: [f + 0.5, f[:0], f[0], "x", None])

row("vae.beta_vae_loss", beta_vae.beta_vae_loss, **TERMS)
row("vae.lagrangian", beta_vae.lagrangian, **TERMS)
row("vae.capacity_loss", beta_vae.capacity_loss, **TERMS)
row(
    "vae.traverse",
    beta_vae.traverse,
    code=data(2)._replace(wrong=lambda c: [c * NAN, c[:1], c[None], "x", None]),
    dims=given([0], [2], [0.5], [], 3),
)
FACTORS = numpy.arange(20).reshape(-1, 1) % numpy.array([[2, 5]])
FACTOR_KIND = Kind(FACTORS.copy, lambda f: [f + 0.5, f[:0], f[0], "x", None])
row("vae.mutual_information_gap", beta_vae.mutual_information_gap, bins=size(3))
row(
    "vae.CausalTransformer",
    code_prior.CausalTransformer,
    width=size(4),
    heads=size(2),
    layers=size(1),
    classes=size(2),
    context=size(2),
)
PRIOR = seeded(code_prior.CausalTransformer, 3, 4, 4, 2, 1, classes=2)
row(
    "vae.CausalTransformer.__call__",
    code_prior.CausalTransformer.__call__,
    self=fixed(PRIOR),
    tokens=whole([[0, 1, 2, 0]], 2),
    labels=whole([1], 1),
)
row("vae.CausalTransformer.sample", code_prior.CausalTransformer.sample, self=fixed(PRIOR), labels=whole([1, 0], 1))
row("vae.nearest", quantizer.nearest, z=data(4, 2)._replace(wrong=lambda z: [z * NAN, z[:, :1], "x", None]))
row("vae.perplexity", quantizer.perplexity, indices=given([0, 1], [0.5], [5], [-1], [], "x", None))
row("vae.dead_share", quantizer.dead_share, indices=given([0, 1], [0.5], [5], [-1], [], "x", None))
VQ = fixed(seeded(quantizer.VectorQuantizer, 3, 2))
row(
    "vae.VectorQuantizer.__call__",
    quantizer.VectorQuantizer.__call__,
    self=VQ,
    z=data(4, 2)._replace(wrong=lambda z: [z * NAN, z[:, :1], z[:0], "x", None]),
)
row(
    "vae.VectorQuantizer.look_up",
    quantizer.VectorQuantizer.look_up,
    self=VQ,
    indices=given([0, 1], [0.5], [5], [-1], "x", None),
)
row(
    "vae.VectorQuantizer.update",
    quantizer.VectorQuantizer.update,
    self=VQ,
    z=data(4, 2)._replace(wrong=lambda z: [z * NAN, z[:, :1], z[:0], "x", None]),
)
row(
    "vae.VectorQuantizer.start",
    quantizer.VectorQuantizer.start,
    self=VQ,
    z=data(4, 2)._replace(wrong=lambda z: [z * NAN, z[:, :1], z[:0], "x", None]),
)
row(
    "vae.VectorQuantizer.revive",
    quantizer.VectorQuantizer.revive,
    self=VQ,
    z=data(4, 2)._replace(wrong=lambda z: [z * NAN, z[:, :1], z[:0], "x", None]),
)
IMAGES = data(3, 12, 12, 1, low=0)
VQVAE, VQVAE2 = seeded(vq_vae.VQVAE, 3, 2, 4), seeded(vq_vae2.HierarchicalVQVAE, 3, 2, 4)
row(
    "vae.VQVAE",
    vq_vae.VQVAE,
    codes=size(3),
    dim=size(2),
    width=size(4),
    channels=size(1),
    gamma=fraction(0.9),
    beta=nonnegative(0.25),
)
row(
    "vae.HierarchicalVQVAE",
    vq_vae2.HierarchicalVQVAE,
    codes=given((3, 3), 0, (3, 0), (3, 3, 3), 2.5, "x"),
    dim=given((2, 2), 0, (2, 0), (2, 2, 2), 2.5, "x"),
    width=size(4),
    channels=size(1),
    gamma=fraction(0.9),
    beta=nonnegative(0.25),
)
for make in (VQVAE, VQVAE2):
    cls = type(make())
    row(f"vae.{cls.__name__}.__call__", cls.__call__, self=fixed(make), x=IMAGES)
    row(f"vae.{cls.__name__}.loss", cls.loss, self=fixed(make), x=IMAGES)
    row(f"vae.{cls.__name__}.codes", cls.codes, self=fixed(make), x=IMAGES)
    row(f"vae.vq_vae.start {cls.__name__}", vq_vae.start, model=instance(make), x=IMAGES, rng=rng())
    row(
        f"vae.vq_vae.training_step {cls.__name__}",
        lambda model, **rest: vq_vae.training_step(model, optim.SGD(model, 0.1), **rest),
        model=fixed(make),
        x=IMAGES,
        rng=given(numpy.random.default_rng(0), 0, numpy.random.Generator),
    )
row(
    "vae.VQVAE.images",
    vq_vae.VQVAE.images,
    self=fixed(VQVAE),
    codes=given(numpy.zeros((2, 3, 3), int), numpy.zeros((2, 3, 3)), numpy.full((2, 3, 3), 9), "x", None),
)
row(
    "vae.VQVAE.sample",
    vq_vae.VQVAE.sample,
    self=fixed(VQVAE),
    prior=model(lambda: lambda rng, n: numpy.zeros((n, 3, 3), int)),
)
row(
    "vae.HierarchicalVQVAE.sample",
    vq_vae2.HierarchicalVQVAE.sample,
    self=fixed(VQVAE2),
    top_prior=model(lambda: lambda rng, n: numpy.zeros((n, 2, 2), int)),
    bottom_prior=model(lambda: lambda rng, top: numpy.zeros((len(top), 3, 3), int)),
)
TD = seeded(td_vae.TDVAE, 3, 2, 4, 2)
row(
    "vae.TDVAE",
    td_vae.TDVAE,
    features=size(2, 0),
    hidden=size(2, 0),
    decoder=given((3,), (0,), 3),
    likelihood=given(likelihoods.Gaussian(), likelihoods.Gaussian, "x"),
    dim_gap=size(3),
)
TIMES: dict[str, Kind] = {
    "t1": given(1, 0, 3, 1.5, numpy.ones((4, 1), int), "x", None),
    "t2": given(3, 0, 1, 9, 2.5, numpy.full((4, 1), 3), "x", None),
}
SEQUENCES = data(4, 5, 3)
row("vae.TDVAE.belief", td_vae.TDVAE.belief, self=fixed(TD), x=SEQUENCES)
row(
    "vae.td_vae_loss",
    td_vae.td_vae_loss,
    model=instance(TD),
    x=SEQUENCES,
    **TIMES,
    eps1=fixed(lambda: arrays(4, 2)),
    eps2=fixed(lambda: arrays(4, 2)),
)
row(
    "vae.TDVAE.predict",
    td_vae.TDVAE.predict,
    self=fixed(TD),
    x=SEQUENCES,
    t2=given(3, 0, 1, 2.5, "x", None),
    stride=size(1),
)
row("vae.TDVAE.loss", td_vae.TDVAE.loss, self=fixed(TD), x=SEQUENCES, max_gap=given(2, 9, 0, 2.5))
row("vae.TDVAE.sample", td_vae.TDVAE.sample, self=fixed(TD), past=SEQUENCES)
row("vae.draw_times", td_vae.draw_times, n=size(3), length=size(5), max_gap=size(2))
row(
    "vae.td_vae.training_step",
    lambda model, **rest: td_vae.training_step(model, optim.SGD(model, 0.1), **rest),
    model=fixed(TD),
    x=SEQUENCES,
    rng=rng(),
    max_gap=given(2, 9, 0, 2.5),
    max_norm=positive(1.0),
    loss=given(td_vae.td_vae_loss, 3),
)

# metrics
NAMED["metrics"] = {"rng": rng(), "plan": data(2, 3, low=0), "std": positive(0.1), "n": size(3), "dims": size(3)}
NAMED["metrics.divergence"] = dict.fromkeys(["p", "q"], given([0.5, 0.5], [0.5, 0.6], [NAN, 1], [-1, 2], "x", None))
NAMED["metrics.divergence"] |= {"mu_p": NUMBER, "mu_q": NUMBER, "sigma_p": positive(1.0), "sigma_q": positive(1.0)}
NAMED["metrics.samples"] = {"x": data(6, 2), "y": data(5, 2), "real": data(6, 2), "fake": data(5, 2)}
NAMED["metrics.transport"] = {"x": data(5, 2), "y": data(5, 2), "cost": data(2, 3, low=0)}

for divergence_of in (divergence.kl_divergence, divergence.js_divergence):
    row(
        f"metrics.{divergence_of.__name__}",
        divergence_of,
        p=given([0.5, 0.5], [0.5, 0.6], [NAN, 1], [-1, 2], "x", None),
        q=given([0.5, 0.5], [0.5, 0.6], [NAN, 1], [-1, 2], "x", None),
    )
row(
    "metrics.kl_on_grid",
    divergence.kl_on_grid,
    log_p=given(numpy.log([0.5, 0.5]), [NAN, 1], "x", None),
    log_q=given(numpy.log([0.5, 0.5]), [NAN, 1], "x", None),
    dx=positive(1.0),
)
row(
    "metrics.mode_coverage",
    samples.mode_coverage,
    samples=data(9, 2),
    modes=data(3, 2),
    k=positive(3.0),
    min_count=size(1),
)
row("metrics.mmd", samples.mmd, bandwidth=positive(1.0))
row(
    "metrics.frechet_distance",
    samples.frechet_distance,
    mu1=data(2),
    cov1=given(numpy.eye(2), numpy.eye(3), -numpy.eye(2), "x", None),
    mu2=data(2),
    cov2=given(numpy.eye(2), numpy.eye(3), -numpy.eye(2), "x", None),
)
row(
    "metrics.inception_score",
    samples.inception_score,
    probs=given([[0.5, 0.5]], [[0.5, 0.6]], [0.5, 0.5], numpy.zeros((0, 2)), "x", None),
)
row("metrics.precision_recall", samples.precision_recall, k=size(2))
row("metrics.classifier_two_sample_test", samples.classifier_two_sample_test, neighbors=size(1))
row(
    "metrics.sampling_floor",
    samples.sampling_floor,
    metric=model(lambda: lambda x, y: 0.0),
    sample=model(lambda: lambda rng, n: arrays(n, 2)),
    repeats=size(3, 2),
)
row(
    "metrics.earth_mover_1d",
    transport.earth_mover_1d,
    p=data(3, low=0.5)._replace(wrong=lambda p: [p * NAN, -p, p[:0], p[None], "x", None]),
    q=data(3, low=0.5)._replace(wrong=lambda p: [p * NAN, -p, p[:0], p[None], "x", None]),
)
row("metrics.wasserstein_1d", transport.wasserstein_1d, x=data(5), y=data(4))
row("metrics.sliced_wasserstein", transport.sliced_wasserstein, projections=size(3))
row("metrics.plan_gradient", transport.plan_gradient, x=data(2, 2), y=data(3, 2))
row(
    "metrics.transport_plan",
    transport.transport_plan,
    p=given([0.5, 0.5], [0.5, 0.6], "x", None),
    q=given([0.5, 0.5], [0.5, 0.6], "x", None),
    cost=data(2, 2, low=0),
)
row("metrics.nats_to_bits", likelihood.nats_to_bits, nats=given(1.0, NAN, "x", None))
row("metrics.bits_per_dim", likelihood.bits_per_dim, nats=given(1.0, NAN, "x", None), levels=size(1))
row(
    "metrics.dequantization_bits",
    likelihood.dequantization_bits,
    log_p=data(3, 4),
    log_q=given(numpy.zeros((3, 4)), numpy.full((3, 4), NAN), numpy.zeros((4, 3)), numpy.zeros(3), "x", None),
)
row("metrics.intrinsic_dimension", metrics.intrinsic_dimension, x=data(9, 2), discard=fraction(0.1))
row("metrics.DigitClassifier", digits.DigitClassifier, width=size(2), dim=size(3))
DIGITS = Kind(lambda: arrays(6, 28, 28, 1, low=0), lambda x: [x * NAN, x[:0], x[0], x + 2, x.astype(int), "x", None])
CLASSIFIER = instance(seeded(digits.DigitClassifier, 2, 3))
row("metrics.digit_features", digits.digit_features, classifier=CLASSIFIER, images=DIGITS)
row("metrics.class_probabilities", digits.class_probabilities, classifier=CLASSIFIER, images=DIGITS)
row("metrics.class_histogram", digits.class_histogram, classifier=CLASSIFIER, images=DIGITS)
row(
    "metrics.label_accuracy",
    digits.label_accuracy,
    classifier=CLASSIFIER,
    images=DIGITS,
    labels=whole(numpy.arange(6), 9),
)
row(
    "metrics.judge_digits",
    digits.judge_digits,
    classifier=CLASSIFIER,
    images=DIGITS,
    reference=DIGITS,
    labels=given(numpy.arange(6), numpy.arange(5), "x"),
    neighbors=size(5),
    k=size(2),
)
row(
    "metrics.class_gaussian_digits",
    digits.class_gaussian_digits,
    images=DIGITS,
    labels=given(numpy.arange(6) // 2, numpy.arange(5), "x", None),
    components=size(4),
)


# flow
COUPLING = {
    "rng": rng(),
    "dim": size(2, 2),
    "couplings": size(2),
    "width": size(4),
    "depth": size(1),
    "activation": activation(),
}
row("flow.NICE", nice.NICE, **COUPLING)
row("flow.RealNVP", realnvp.RealNVP, **COUPLING)
row(
    "flow.BatchNorm.inverse",
    coupling.BatchNorm.inverse,
    self=fixed(lambda: coupling.BatchNorm(3)),
    x=data(4, 3)._replace(wrong=lambda x: [x * NAN, x[:0], x[:, :2], "x", None]),
)
row("flow.DiagonalScale", coupling.DiagonalScale, shape=given(3, 0, -3, 2.5, "3", (2, 0)))
row("flow.ConvNet", multiscale.ConvNet, width=given(4, 6, 0, 2.5))
row(
    "flow.ImageRealNVP",
    multiscale.ImageRealNVP,
    shape=given((8, 8, 1), (8, 8), (7, 8, 1), (8, 8, 0)),
    width=given(4, 6, 0),
    blocks=size(1, 0),
    checkerboards=size(1, 0),
    channelwise=size(1, 0),
    limit=positive(2.0),
)
FLOW = seeded(realnvp.RealNVP, 2, 2, 4, 1)
row("flow.Flow.sample", realnvp.RealNVP.sample, self=fixed(FLOW), n=size(3), temperature=positive(1.0))
row("flow.Flow.log_prob", realnvp.RealNVP.log_prob, self=fixed(FLOW), x=data(4, 2))
row("flow.Flow.loss", realnvp.RealNVP.loss, self=fixed(FLOW), x=data(4, 2))
GIVEN = seeded(realnvp.RealNVP, 2, 2, 4, 1, context=3)
row("flow.RealNVP context", realnvp.RealNVP, context=given(2, 0, -1, 1.5, "x"))
row("flow.RealNVP.log_prob context", realnvp.RealNVP.log_prob, self=fixed(GIVEN), x=data(4, 2), context=data(4, 3))
row("flow.RealNVP.loss context", realnvp.RealNVP.loss, self=fixed(GIVEN), x=data(4, 2), context=data(4, 3))
row("flow.RealNVP.sample context", realnvp.RealNVP.sample, self=fixed(GIVEN), n=given(4), context=data(4, 3))
row("flow.RealNVP.standardize", realnvp.RealNVP.standardize, self=fixed(FLOW), x=data(4, 2))
row("flow.StandardNormal", bijection.StandardNormal, shape=given(2, 0, -3, 2.5, "3", (2, 0)))


def affine() -> bijection.Affine:
    return bijection.Affine([1.0, 0.5], [0.2, 0.1])


def passing(*good: int) -> Kind:
    """What passes through a bijection (N, ...): of this shape, or numbers of any kind in a list, but not so."""
    return Kind(lambda: arrays(*good), lambda x: [x.astype(str), "x", None, numpy.float32(3)])


PAIR, PICTURES = passing(4, 2), passing(2, 4, 4, 4)
row("flow.Inverse", bijection.Inverse, bijection=instance(affine))
row("flow.Inverse.forward", bijection.Inverse.forward, self=fixed(lambda: bijection.Inverse(affine())), z=PAIR)
row("flow.Inverse.inverse", bijection.Inverse.inverse, self=fixed(lambda: bijection.Inverse(affine())), x=PAIR)
row(
    "flow.Chain",
    bijection.Chain,
    bijections=Kind(lambda: [affine()], lambda good: [good[0], bijection.Affine, [bijection.Affine], [3], None, "x"]),
)
row("flow.Chain.forward", bijection.Chain.forward, self=fixed(lambda: bijection.Chain([affine()] * 2)), z=PAIR)
row("flow.Chain.inverse", bijection.Chain.inverse, self=fixed(lambda: bijection.Chain([affine()] * 2)), x=PAIR)
row("flow.Split", bijection.Split, inner=instance(affine))
row(
    "flow.Split.forward",
    bijection.Split.forward,
    self=fixed(lambda: bijection.Split(affine())),
    z=passing(3, 4)._replace(wrong=lambda z: [*PAIR.wrong(z), z[:, :1], z[0]]),
)
row(
    "flow.Split.inverse",
    bijection.Split.inverse,
    self=fixed(lambda: bijection.Split(affine())),
    x=passing(3, 4)._replace(wrong=lambda x: [*PAIR.wrong(x), x[:, :1], x[0]]),
)
row(
    "flow.Squeeze.forward",
    bijection.Squeeze.forward,
    self=fixed(bijection.Squeeze),
    z=PICTURES._replace(wrong=lambda z: [*PAIR.wrong(z), z[0], z[..., :3]]),
)
row("flow.Squeeze.inverse", bijection.Squeeze.inverse, self=fixed(bijection.Squeeze))
row("flow.Logit.forward", bijection.Logit.forward, self=fixed(bijection.Logit))
row("flow.Logit.inverse", bijection.Logit.inverse, self=fixed(bijection.Logit))
row("flow.Affine", bijection.Affine, shift=data(3), log_scale=data(3))
row("flow.Affine.standardize", bijection.Affine.standardize, self=fixed(affine), x=data(5, 2))
row("flow.Flow", bijection.Flow, base=instance(lambda: bijection.StandardNormal(2)), bijection=instance(affine))
row(
    "flow.SmallConvNet",
    multiscale.SmallConvNet,
    width=size(3),
    size=given((4, 2), 3, (4,), (4, 0), (4, 2.5), "x", (4, 3)),
    fold=fixed(lambda: True),
)
row(
    "flow.ImageRealNVP.standardize",
    multiscale.ImageRealNVP.standardize,
    self=fixed(seeded(multiscale.ImageRealNVP, (4, 4, 1), width=4, scales=2, checkerboards=1, channelwise=1)),
    x=data(5, 4, 4, 1),
)
row(
    "flow.checked_image_shape",
    multiscale.checked_image_shape,
    shape=given((4, 4, 1), (4, 4), (3, 4, 1), (2, 2, 1), (4, 4, 0), "x", 3),
    scales=size(2),
)
row("flow.Permute", bijection.Permute, order=given([1, 0], [1, 1], [0.0, 1.0], "x", 3))

NAMED["flow.wavenet"] = {"x": data(4, low=0)}
NAMED["flow.continuous"] = {"times": Kind(lambda: numpy.linspace(0, 1, 3))}
NAMED["flow.change_of_variables"] = {"base_log_prob": Kind(lambda: lambda z: np.sum(z, axis=1))}

# diffusion
SCHEDULES = kind_of(schedule_module.Schedule, inspect.Parameter.empty)
ON_STEP = given(None, 3, samplers.Trajectory, "x")
STEPS = given(numpy.array([1, 2, 5, 3]), 0, 7, 1.5, numpy.ones((4, 1), int), numpy.ones(3, int), "x", None)
EPS = seeded(EpsMLP, 2, 4, 1, 4)
NAMED["diffusion.flow_matching"] = {"t": data(4, low=0)}
NAMED["diffusion.probability_flow"] = {"alpha_bar": data(4, low=0)}
NAMED["diffusion.guidance"] = {"text": data(4, 2)}
row("diffusion.gaussian_reverse_variance", ddpm.gaussian_reverse_variance, t=given(2, 0, 7, 1.5, "x", None))
NAMED["diffusion"] = {"eps_model": model(EPS), "v_model": model(EPS), "on_step": ON_STEP}

for formula, names in [
    (ddpm.q_step, ("x_before", "eps")),
    (ddpm.q_posterior, ("x0", "x_t")),
    (ddpm.eps_from_x0, ("x_t", "x0")),
    (ddpm.mean_from_eps, ("x_t", "eps")),
    (ddpm.score_from_eps, ("eps",)),
    (ddpm.eps_from_score, ("score",)),
    (ddpm.learned_variance, ("v",)),
]:
    values = {name: data(4, 2)._replace(wrong=lambda x: [x * NAN, x.astype(str), "x", None]) for name in names}
    row(f"diffusion.{formula.__name__}", formula, **values, t=STEPS, schedule=SCHEDULES)
row(
    "diffusion.EpsMLP", EpsMLP, dim=size(2), width=size(4), layers=size(1, 0), time_features=size(4, 2), classes=size(3)
)
row(
    "diffusion.EpsMLP.__call__",
    EpsMLP.__call__,
    self=fixed(EPS),
    x=shaped(4, 2),
    t=given(numpy.arange(4), numpy.ones((4, 1)), numpy.ones(3), "x", None),
)
row(
    "diffusion.SuperResolution.__call__",
    cascade.SuperResolution.__call__,
    self=fixed(seeded(cascade.SuperResolution, width=8)),
    x=shaped(2, 6, 5, 1),
    t=fixed(lambda: numpy.arange(2)),
    y=given(arrays(2, 6, 5, 2), arrays(2, 6, 5, 1), arrays(1, 6, 5, 2), 3, "x", None),
)
row(
    "diffusion.EmbeddingPrior.__call__",
    unclip.EmbeddingPrior.__call__,
    self=fixed(seeded(unclip.EmbeddingPrior, 2, 3, width=4, layers=1, time_features=4)),
    z_t=shaped(4, 2),
    t=fixed(lambda: numpy.arange(4)),
    y=given(arrays(4, 3), arrays(4, 2), arrays(3, 3), 3, "x", None),
)
row(
    "diffusion.UNet",
    UNet,
    width=given(8, 4, 0, 2.5),
    global_mlp=size(4),
    size=given((8, 8), (7, 8), 3, (8,)),
    classes=size(3),
)
row(
    "diffusion.DiT",
    DiT,
    size=given((8, 8), 3, (8,)),
    channels=size(1),
    patch=size(4),
    dim=given(8, 6, 0, 2.5),
    depth=size(1),
    heads=size(2),
    classes=size(3),
    conditioning=given("adaln-zero", "none", 3),
)
NOISE = data(4, 2)._replace(wrong=lambda x: [x * NAN, x[:0], x.astype(int), x.astype(str), "x", None])
row("diffusion.ancestral", ddpm.ancestral, on_step=ON_STEP)
row("diffusion.strided", samplers.strided, steps=size(3), variance=given("beta", "none", 3), on_step=ON_STEP)
row("diffusion.ddim", samplers.ddim, eta=fraction(0.5), steps=size(3), on_step=ON_STEP)
row("diffusion.heun", samplers.heun, steps=size(3), on_step=ON_STEP)
VARIANCE = given(numpy.full((4, 2), 0.1), numpy.full((4, 2), -0.1), numpy.ones(2), numpy.ones((3, 2)), NAN, "x", None)
row("diffusion.ancestral_step", ddpm.ancestral_step, variance=VARIANCE)
row("diffusion.Trajectory", samplers.Trajectory, times=given([0, 3], 3, "x", [NAN]))
STEP = given(0.1, 0, -1.0, NAN, "x", numpy.full(3, 0.1), numpy.full((4, 1), 0.1), None)
row("diffusion.langevin_step", langevin.langevin_step, x=NOISE, score=NOISE, step=STEP, z=NOISE)
row("diffusion.geometric_timesteps", langevin.geometric_timesteps, levels=size(2))
row("diffusion.langevin", langevin.langevin, on_step=ON_STEP)
row("diffusion.annealed_langevin", langevin.annealed_langevin, levels=size(2), on_step=ON_STEP)
PIXELS = data(4, 2, low=-1.0)._replace(wrong=lambda x: [x * NAN, x[:0], x + 2, x - 2, x.astype(int), "x", None])
row(
    "diffusion.discretized_log_prob",
    diffusion_likelihood.discretized_log_prob,
    x=PIXELS,
    mean=NOISE,
    log_variance=NOISE,
)
row(
    "diffusion.vlb_term", diffusion_likelihood.vlb_term, x0=PIXELS, variance=given("beta", "none", 3), levels=size(4, 2)
)
row("diffusion.vlb_terms", diffusion_likelihood.vlb_terms, x0=PIXELS, levels=size(4, 2))
row("diffusion.prior_term", diffusion_likelihood.prior_term, x0=NOISE)
row("diffusion.Schedule", schedule_module.Schedule, beta=given([0.1, 0.2], [], [0.1, 1.0], 0.1, [NAN], "x", None))
row(
    "diffusion.Schedule.linear",
    schedule_module.Schedule.linear,
    T=size(5),
    first=given(0.1, "x", NAN),
    last=given(0.2, "x", NAN),
)
row(
    "diffusion.Schedule.cosine",
    schedule_module.Schedule.cosine,
    T=size(5),
    s=nonnegative(0.01),
    largest=given(0.9, 0, 1.5, "x"),
)
row("diffusion.unet_sizes", unet_sizes, size=size(572))


def public_calls() -> Iterator[tuple[str, Callable]]:
    """The public functions and classes of nn, the families and the metrics, with their names."""
    for package in (nn, gan, vae, flow, diffusion, metrics):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, call in vars(importlib.import_module(found.name)).items():
                public = getattr(call, "__module__", None) == found.name and not name.startswith("_")
                if public and callable(call) and not hasattr(call, "_fields"):
                    yield f"{found.name.removeprefix('minigen.')}.{name}", call


def add_rows_without_being_listed() -> None:
    """Add the calls without a row, all of whose arguments have a kind by their declaration or name, or a default."""
    known = {row.call for row in TABLE}
    for name, call in public_calls():
        parameters = inspect.signature(call).parameters.values()
        needed = {each.name for each in parameters if each.default is each.empty}
        if call not in known and derived(call, {}) and needed <= derived(call, {}).keys():
            row(name, call)


add_rows_without_being_listed()


# ------------------------------------------------------------------------------------------- the tests


def call(row: Row, arguments: dict[str, Any]) -> Any:
    if row.name == "nn.Sequential":
        return row.call(arguments["layers"])
    return row.call(**arguments)


def state_of(x: Any) -> Any:
    """What a call might change, as something that can be compared."""
    if isinstance(x, numpy.random.Generator):
        return repr(x.bit_generator.state)
    if isinstance(x, numpy.ndarray):
        return x.tobytes()
    if isinstance(x, (Module, Optimizer, optim.EMA, improved_training.HistoricalAverage)):
        return {name: a.tobytes() for name, a in x.state().items()}
    return None


def state_of_all(arguments: dict[str, Any]) -> dict[str, Any]:
    state = {name: state_of(a) for name, a in arguments.items()}
    if isinstance(arguments.get("self"), Optimizer):
        state["parameters"] = {name: p.tobytes() for name, p in arguments["self"].parameters.items()}
    return state


CALLS = {row.name: row for row in TABLE}


def wrong_values(name: str) -> list[tuple[str, Any]]:
    """(argument, wrong value) of every wrong value of every argument of a row."""
    kinds = CALLS[name].arguments
    return [(argument, value) for argument, kind in kinds.items() for value in kind.wrong(kind.make())]


def complaint(name: str, argument: str, value: Any) -> str | None:
    """What is wrong with how a call takes a wrong value: None if the error names the argument and nothing changed."""
    arguments = {each: kind.make() for each, kind in CALLS[name].arguments.items()} | {argument: value}
    before = state_of_all(arguments)
    given = f"{argument} = {value!r:.80}"
    try:
        call(CALLS[name], arguments)
    except (ValueError, TypeError) as error:
        if not re.search(rf"\b{argument}\b", str(error)):
            return f"{given}: the error does not name it: {error}"
        return None if state_of_all(arguments) == before else f"{given}: refused after something had changed"
    except Exception as error:
        return f"{given}: {type(error).__name__} where a ValueError is due: {error}"
    return f"{given}: accepted"


class Foreign:
    """An array of another library, as PyTorch's and pandas': NumPy gets at it through `__array__`, and no other way."""

    def __init__(self, values: numpy.ndarray):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


def arrays_of(name: str) -> list[str]:
    """The arguments of a row that are arrays."""
    return [argument for argument, kind in CALLS[name].arguments.items() if isinstance(kind.make(), numpy.ndarray)]


def numbers(result: Any) -> list[numpy.ndarray]:
    """The arrays of numbers in what a call returned."""
    if isinstance(result, (tuple, list)):
        return [each for item in result for each in numbers(item)]
    return [numpy.asarray(result)] if isinstance(result, (float, numpy.ndarray, numpy.generic)) else []


def foreign_complaint(name: str, argument: str) -> str | None:
    """What is wrong with how a call takes an array of another library.

    None if the results are those of the array that it holds, or if a sentence names it and says what to do.
    """
    mine, foreign = ({each: kind.make() for each, kind in CALLS[name].arguments.items()} for _ in range(2))
    foreign[argument] = Foreign(foreign[argument])
    try:
        result = call(CALLS[name], foreign)
    except ValueError as error:
        said = re.search(rf"\b{argument}\b.*Foreign: numpy.asarray makes one", str(error))
        return None if said else f"{argument} of another library: {error}"
    ours, theirs = numbers(call(CALLS[name], mine)), numbers(result)
    same = len(ours) == len(theirs) and all(map(numpy.array_equal, ours, theirs))
    return None if same else f"{argument} of another library gives another result"


def test_every_row_has_its_own_name():
    assert len(CALLS) == len(TABLE)


def refused(name: str) -> Exception | None:
    """The error of a call with good arguments: without one, a wrong argument might be refused for another's sake."""
    try:
        call(CALLS[name], {argument: kind.make() for argument, kind in CALLS[name].arguments.items()})
    except (ValueError, TypeError) as error:
        return error
    return None


@pytest.mark.parametrize("name", CALLS)
def test_good_arguments_pass_and_wrong_ones_are_named(name):
    assert refused(name) is None
    complaints = [complaint(name, argument, value) for argument, value in wrong_values(name)]
    complaints += [foreign_complaint(name, argument) for argument in arrays_of(name)]
    assert [each for each in complaints if each is not None] == []


def test_a_call_that_accepts_anything_is_complained_of():
    """The three complaints, on calls that earn them."""

    def accepts(n):
        return n

    def silent(n):
        raise ValueError("something is wrong")

    def late(n, rng):
        rng.standard_normal()
        raise ValueError("n must be a whole number")

    rows = [Row("accepts", accepts, {"n": size(3)}), Row("silent", silent, {"n": size(3)})]
    rows.append(Row("late", late, {"n": size(3), "rng": rng()}))
    for each, expected in zip(rows, ["accepted", "does not name it", "after something had changed"], strict=True):
        CALLS[each.name] = each
        try:
            assert expected in (complaint(each.name, "n", 0) or "")
        finally:
            del CALLS[each.name]
