"""A wrong argument of a public name is a sentence that names it, and nothing has changed.

Each row of the table is a callable with good arguments, each of a kind that has a list of wrong values: a seed or a
class where a generator is due, sizes that are not positive whole numbers, a class where an instance is due, arrays that
are empty, hold a NaN, or have another rank. One at a time is put in place of the good one. The call must raise
ValueError (or TypeError) with the argument's name, and leave the generators, arrays, models and optimizers that it was
given as they were.

The kind of an argument follows from its declaration (`checks.checked`), or from its name where the functions of a
module mean the same by it (`NAMED`), else it is given in the row. Functions, classes and, of `methods`, the methods of
an instance have a row without being listed, if each of their arguments has a kind or a default.
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
from minigen import data as data_package
from minigen.data import batches, mixture, mnist, sequences, toy
from minigen.diffusion import arguments as diffusion_arguments
from minigen.diffusion import cascade, consistency, ddpm, flow_map, langevin, masked, samplers, unclip
from minigen.diffusion import likelihood as diffusion_likelihood
from minigen.diffusion import schedule as schedule_module
from minigen.diffusion.networks.dit import DiT
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet, unet_sizes
from minigen.flow import bijection, coupling, multiscale, realnvp
from minigen.gan import improved_training, losses, networks, toy_problems, wgan
from minigen.gan import train as gan_train
from minigen.metrics import digits, likelihood, samples, transport
from minigen.nn import Module
from minigen.optim.optimizers import Optimizer
from minigen.tensor import group_norm
from minigen.vae import (
    autoencoder,
    beta_vae,
    code_prior,
    likelihoods,
    linear,
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


def sizes(names: str, good: int = 2, least: int = 1) -> dict[str, Kind]:
    return dict.fromkeys(names.split(), size(good, least))


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
        values += [good[:0]] if finite and not empty and good.ndim else []
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
    checks.function: lambda options: Kind(lambda: lambda x, *rest, **more: x, lambda good: [nn.Linear, 3, "x", None]),
    nn.layers.even: one_of(3, 0, 2.5, "4", None, [4], good=4),
    nn.layers.time_steps: one_of(3, numpy.ones((3, 1)), "x", None, [NAN], good=numpy.arange(4)),
}


def kind_of(declaration: Any, default: Any, good: Kind | None = None) -> Kind | None:
    """The kind that a declaration stands for; its good value is that of `good`, or the default, if there is one."""
    kind = _kind_of(declaration, good)
    if kind is None:
        return None
    make = good.make if good else kind.make if default is inspect.Parameter.empty else lambda: default

    def wrong(value):
        found = kind.wrong(kind.make() if value is None else value)
        return [each for each in found if each is not None or default is not None]

    return Kind(make, wrong)


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
INSTANCES: list[tuple[Callable, list[str], dict[str, Kind]]] = []  # their methods are called with these arguments


def row(call: Callable, called: str = "", /, **arguments: Kind) -> None:
    """Add a call to the table, with the kinds of those arguments that have none by their declaration or name."""
    TABLE.append(Row(named_once(called or name_of(call)), call, derived(call, arguments) | arguments))


def name_of(call: Callable) -> str:
    return f"{call.__module__.removeprefix('minigen.')}.{call.__qualname__}"


def named_once(name: str) -> str:
    """The name, with a stroke for each row that has it already."""
    return name + "'" * sum(row.name.rstrip("'") == name for row in TABLE)


def methods(make: Callable[[], Any], /, without: str = "", **arguments: Kind) -> None:
    """Add the methods of an instance to the table, all of whose arguments have a kind, `without` some."""
    INSTANCES.append((make, without.split(), arguments))


def derived(call: Callable, given: dict[str, Kind], own: dict[str, Kind] | None = None) -> dict[str, Kind]:
    """The kinds of the arguments that a function, or the constructor of a class, declares, or that have one by name.

    The values in `NAMED` are good ones of what is declared.
    """
    function = call.__init__ if isinstance(call, type) else call
    declared = getattr(function, "declared", {})
    parts, kinds = getattr(call, "__module__", "").split("."), {}
    named: dict[str, Kind] = {}
    for i in range(len(parts) + 1):
        named |= NAMED.get(".".join(parts[1:i]), {})
    named |= own or {}
    for argument, parameter in inspect.signature(call).parameters.items():
        kind = named.get(argument)
        if argument in declared:
            kind = kind_of(declared[argument], parameter.default, kind)
        if kind is not None and argument not in given:
            kinds[argument] = kind
    return kinds


def seeded(cls: type, *args: Any, **kwargs: Any) -> Callable[[], Any]:
    return lambda: cls(numpy.random.default_rng(1), *args, **kwargs)


def spectral() -> nn.SpectralNorm:
    return nn.SpectralNorm(numpy.random.default_rng(0), seeded(nn.Linear, 3, 2)())


NAMED["nn"] = {"scale": nonnegative(1.0), "padding": size(1, 0), "stride": size(1), "eps": nonnegative(1e-5)}
NAMED["nn"] |= {"width": size(4), "dim": size(4), "heads": size(2), "layer": model(seeded(nn.Linear, 3, 2))}
NAMED[""] = {"rng": rng(), "activation": activation(), "n": size(3), "lr": nonnegative(0.1), "decay": fraction(0.5)}

# nn
row(nn.MLP, sizes=given([3, 4, 2], [3], [3, 0, 2], [3, 2.5], 3, None))
row(nn.MLP, sizes=fixed(lambda: [3, 4, 2]), gain=given("he", "glorot", -1, NAN, None))
row(nn.MLP, sizes=given([3, 2]))
row(nn.Conv1d, padding=given("same", -1, 0.5, "full", None))
row(nn.GroupNorm, groups=size(1), channels=size(3))
row(nn.MultiHeadAttention, dim_context=size(3))
KERNELS, GROUPS = given((3, 1), (2, 2), (3,), 3, (0, 1)), given((2, None), (0, None), (2,), 2)
row(nn.ResidualBlock, kernels=KERNELS, groups=GROUPS, **sizes("dim_condition"))
row(nn.Sequential, layers=model(seeded(nn.Linear, 3, 2)))
row(nn.space_to_depth, x=shaped(2, 4, 4, 1)._replace(wrong=lambda x: [x[0], "x"]))
row(nn.depth_to_space, x=shaped(2, 2, 2, 4)._replace(wrong=lambda x: [x[0], "x"]))
for layer, *shape in [
    (seeded(nn.Linear, 3, 2), 4, 3),
    (seeded(nn.MaskedLinear, numpy.ones((3, 2))), 4, 3),
    (seeded(nn.MLP, [3, 4, 2]), 4, 3),
    (seeded(nn.Conv2d, 2, 3, 3), 4, 5, 5, 2),
    (seeded(nn.MaskedConv2d, numpy.ones((3, 3)), 2, 3), 4, 5, 5, 2),
    (seeded(nn.ConvTranspose2d, 2, 3, 3), 4, 5, 5, 2),
    (seeded(nn.Conv1d, 2, 3, 3), 4, 5, 2),
    (seeded(nn.CausalConv1d, 2, 3, 3), 4, 5, 2),
    (spectral, 4, 3),
    (lambda: nn.WeightNorm(seeded(nn.Linear, 3, 2)()), 4, 3),
    (lambda: nn.LayerNorm(3), 4, 3),
    (lambda: nn.GroupNorm(1, 3), 4, 3),
    (lambda: nn.BatchNorm(3), 4, 3),
    (seeded(nn.MultiHeadAttention, 4, 2), 3, 5, 4),
    (seeded(nn.TransformerBlock, 4, 2), 3, 5, 4),
    (seeded(nn.ResidualBlock, 2, 2, groups=(1, 1)), 3, 4, 4, 2),
]:
    methods(layer, x=shaped(*shape), n=size(2))
methods(seeded(nn.Embedding, 5, 2), indices=given([0, 4], [0.5], [5], [-1], "x", None))
methods(seeded(nn.TimeEmbedding, 4, 3), t=given(numpy.arange(3), 3, numpy.ones((3, 1)), "x", None))
methods(seeded(nn.GRUCell, 3, 2), x=shaped(4, 3), h=shaped(4, 2))
methods(seeded(nn.LSTMCell, 3, 2))
methods(lambda: nn.BatchNorm(3), x=given(arrays(4, 3), arrays(0, 3), arrays(1, 3)))

# tensor
GROUPED = given(2, 3, 0, True, 2.0, "2", [2], None)
NORM = partial(group_norm, w=arrays(4), b=arrays(4))
row(NORM, "tensor.group_norm", x=shaped(2, 5, 4), groups=GROUPED)

# optim
net = seeded(nn.Linear, 3, 2)
OTHER = given(net(), nn.Linear, 3, seeded(nn.MLP, [3, 2])(), seeded(nn.Linear, 3, 4)())
SETTINGS = {"momentum": fraction(0.5), "eps": nonnegative(1e-8), "weight_decay": nonnegative(0.0)}
SETTINGS |= {"betas": given((0.9, 0.99), 0.9, (0.9,), (0.9, 1.0), "x"), "final": nonnegative(0.0)}
NAMED["optim"] = SETTINGS | {
    "model": given(net(), nn.Linear, 3, None),
    "lr": nonnegative(0.1),
    "steps": size(10),
    "warmup": size(2, 0),
}
NAMED["optim"] |= {"max_norm": positive(1.0), "grads": given(net(), nn.Linear, None)}
GRADS = given(net(), seeded(nn.Linear, 3, 4)(), seeded(nn.Linear, 3, 2, bias=False)(), nn.Linear, 3, None)
for kind in (optim.SGD, optim.RMSProp, optim.Adam):
    methods(lambda kind=kind: kind(net(), 0.1), grads=GRADS)
methods(lambda: optim.EMA(net()), model=OTHER)

# data
BATCHES = sizes("size") | sizes("epochs", 1, 0) | {"arrays": given(arrays(6, 2), 3), "rng": rng()}
row(lambda arrays, **rest: batches(arrays, **rest), "data.batches", **BATCHES)


def pixels(*shape: int) -> Kind:
    """Images of bytes."""

    def make():
        return numpy.random.default_rng(3).integers(0, 256, shape).astype(numpy.uint8)

    return Kind(make, lambda good: [good.astype(numpy.float32), good[0], "x", None])


DIGITS = pixels(3, 28, 28)
POINTS = data(4, 2)._replace(wrong=lambda x: [x * NAN, x[None], x[0], x[:, :1], "x", None])  # none of them is fine
INTENSITIES = data(3, 4, low=0)._replace(wrong=lambda x: [x * NAN, x + 1, -x - 0.1, "x", None])
NAMED["data.toy"] = dict.fromkeys(["modes", "squares", "arms"], size(8))
NAMED["data.toy"] |= dict.fromkeys(["radius", "spacing", "std", "noise", "radial_std", "tangential_std"], positive(0.5))
NAMED["data.toy"] |= {"factor": given(0.5, 0, 1, -0.5, NAN, "x")}
NAMED["data.curves"] = {"n": fixed(lambda: 3)}  # for the package's own use, and not checked
row(toy.get, name=given("ring", "rings", 3, None))
row(toy.grid, side=size(5))
row(toy.checkerboard, side=positive(2.0))
for density in (toy.ring, toy.two_moons, toy.checkerboard, toy.pinwheel, toy.circles, lambda: toy.get("rezende1")):
    methods(
        density,
        without="" if density is toy.ring else "score",
        x=POINTS,
        n=size(3, 0),
        alpha=given(0.9, NAN, "x", None),
        sigma=nonnegative(0.5),
    )
    row(type(density()).cells, self=fixed(density), n=size(3))
WEIGHTS = given([0.2, 0.3, 0.5], [0.5, 0.5], [0, 0.5, 0.5], [NAN, 1, 1], "x")
row(mixture.GaussianMixture, means=data(3, 2), std=given(0.5, 0, -1.0, NAN, "x", [1.0, 1.0]), weights=WEIGHTS)
TILTED = [[[1.0, 2.0], [2.0, 1.0]]], [[[1.0, 0.5], [0.0, 1.0]]], [[1.0]], "x"
row(mixture.GaussianMixture, means=data(1, 2), covariances=given([[[2.0, 0.5], [0.5, 1.0]]], *TILTED))
NAMED["data.mnist"] = {"images": DIGITS}
row(mnist.binarize, images=INTENSITIES)
row(mnist.binarize_static, images=INTENSITIES, threshold=given(0.5, 1, -0.1, NAN, "x"))
row(mnist.quantize, v=data(3, 4)._replace(wrong=lambda v: [v * NAN, "x", None]))
row(mnist.to_logit, v=INTENSITIES._replace(wrong=lambda v: [v * NAN, v - 5, v + 300, "x"]))
row(mnist.to_logit, v=fixed(INTENSITIES.make), alpha=given(1e-6, 0, 0.5, -1, NAN, "x"))
NAMED["data.shapes"] = {"side": size(8, 8), "n": size(2)}
DRAWN = (numpy.zeros((2, 4), int), numpy.full((2, 5), 99), numpy.full((2, 5), 0.5), "x")
NAMED["data.shapes"] |= {"factors": given(numpy.zeros((2, 5), int), *DRAWN)}
NAMED["data.sprites"] = {"n": size(2), "images": pixels(2, 16, 16, 3)}
NAMED["data.sequences"] = dict.fromkeys(["omega", "dt", "noise"], positive(0.5)) | {"kicks": nonnegative(0.1)}
SPANS = dict.fromkeys(["length", "t1", "t2"], size(3)) | {"t1": size(2)}
methods(sequences.Oscillator, steps=size(2, 0), x=data(2, 4, 2), **SPANS)
MOVES = sizes("width", 28, 14) | sizes("length step", 4)
row(sequences.moving_digits, images=DIGITS, size=given(14, 15, 0, 2.5, "x"), **MOVES)


# gan
GAN, CRITIC = seeded(networks.Generator, width=4), seeded(networks.Discriminator, width=4)


def trained(step):
    """A training step as a function of its model, for which an optimizer is made."""
    return lambda model, **rest: step(model, optim.SGD(model, 0.1), **rest)


def play(step):
    """A training step as a function of what it needs, its optimizers made for the two networks."""

    def call(generator, discriminator, **rest):
        return step(generator, discriminator, optim.SGD(generator, 0.1), optim.SGD(discriminator, 0.1), **rest)

    return call


NUMBER = given(1.0, NAN, "x", None)
NAMED["gan"] = {"generator": instance(GAN), "discriminator": model(CRITIC), "critic": model(CRITIC)}
NAMED["gan.gradient_diagnostics"] = {"loss": model(lambda: losses.generator_loss_minimax)}
NAMED["gan.losses"] = dict.fromkeys(["p_r", "p_g"], data(4, low=0))
NAMED["gan.toy_problems"] = dict.fromkeys(["x", "y", "x_before", "y_before"], NUMBER) | {"eta": positive(0.1)}

row(networks.ConvGenerator, side=given(8, 7, 0, 2.5), hidden=size(3))
row(networks.ConvDiscriminator, side=given(8, 7, 0, 2.5), hidden=size(3))
methods(GAN, z=shaped(4, 2))
methods(CRITIC, x=shaped(4, 2))
methods(seeded(networks.ConvGenerator, 2, 2, side=8), z=shaped(4, 2))
methods(seeded(networks.ConvDiscriminator, 2, side=8), x=shaped(4, 8, 8, 1))
BLOCK = sizes("padding", 1, 0) | sizes("channels kernel stride")
row(networks.block_shape, shape=given((1, 8, 8, 1), (8, 8, 1), (1, 0, 8, 1), 3), **BLOCK)
NAMED["gan.losses"] |= {"real_logits": data(4), "fake_logits": data(4)}
row(wgan.lipschitz_estimate, x=any_rank(4, 2))
methods(seeded(improved_training.MinibatchDiscrimination, 3), x=data(4, 3))
row(improved_training.running_mean, mean=shaped(3), value=shaped(3))
MEANS = given([arrays(3)], 3, [arrays(2)], None)
row(improved_training.historical_penalty, parameters=given([arrays(3)], 3, [], [arrays(2)], None), means=MEANS)
methods(lambda: improved_training.HistoricalAverage(net()), model=given(net(), nn.Linear, 3))
methods(
    lambda: improved_training.VirtualBatchNorm(2), without="normalize_reference", x=any_rank(4, 2), reference=data(3, 2)
)
NAMED["gan.improved_training"] = {"model": instance(net)}
NAMED["gan.interpolation"] = {"a": data(3), "b": Kind(lambda: arrays(3)[::-1].copy(), data(3).wrong)}
row(toy_problems.line_points, y=data(4, low=0))
DRAWS = given(lambda n: arrays(n, 2), 3, None, lambda n: arrays(n + 1, 2), lambda n: arrays(n, 2) * NAN, lambda n: "x")
STEP: dict[str, Kind] = {"generator": fixed(GAN), "discriminator": fixed(CRITIC), "draw_real": DRAWS}
STEP |= {"batch": size(3), "rng": rng()}
row(play(gan_train.goodfellow_step), "gan.goodfellow_step", **STEP, k=size(1), smooth=fraction(0.1))
row(play(gan_train.wgan_step), "gan.wgan_step", **STEP, n_critic=size(2), c=positive(0.1))
row(play(gan_train.wgan_gp_step), "gan.wgan_gp_step", **STEP, n_critic=size(2), penalty=nonnegative(1.0))
for step in (gan_train.goodfellow_step, gan_train.wgan_step, gan_train.wgan_gp_step):
    opponent = "discriminator" if step is gan_train.goodfellow_step else "critic"
    optimizer_of = {"g_optimizer": GAN, ("d" if opponent == "discriminator" else "c") + "_optimizer": CRITIC}
    row(
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
MATRIX = data(4, 3)._replace(wrong=lambda x: [x * NAN, x[:0], x[0], x.astype(str), "x", None])
NAMED["vae.marginal_likelihood"] = dict.fromkeys(["log_px_z", "log_pz", "log_qz", "log_px"], MATRIX)
QUANTIZED = dict.fromkeys(["z", "quantized"], data(4, 2)) | {"codebook": data(3, 2), "sums": data(3, 2)}
NAMED["vae.quantizer"] = QUANTIZED | {"counts": data(3, low=0), "indices": whole([0, 1, 2, 0], 2), "codes": size(3)}
RATES: dict[str, Kind] = {"gamma": fraction(0.9), "beta": nonnegative(0.25)}
NAMED["vae.quantizer"] |= RATES


ACTIVATIONS = dict.fromkeys(["code_activation", "out_activation"], activation())
row(
    autoencoder.Autoencoder, widths=given((3,), (0,), 3, (2.5,)), k=given(1, 0, 3, 2.5), **ACTIVATIONS, **sizes("dim_z")
)
AE = seeded(autoencoder.Autoencoder, 4, 2, (3,))
methods(AE, x=shaped(5, 4), z=shaped(5, 2)._replace(wrong=lambda z: ["x", None]))
row(autoencoder.Autoencoder.loss, self=fixed(AE), x=data(5, 4))
row(autoencoder.denoising_loss, x=data(5, 4), corrupted=fixed(lambda: arrays(5, 4)))
row(autoencoder.corrupt, level=fraction(0.3))
MEAN_UNITS = data(4, low=0.1)._replace(wrong=lambda x: [x * NAN, x * 0, "x", None])
row(autoencoder.kl_bernoulli, rho=given(0.1, 0, 1, NAN, "x", None), rho_hat=MEAN_UNITS)
RHO, UNITS = given(0.1, 0, 1, NAN, "x", None), data(4, 3, low=0.1)
UNITS = UNITS._replace(wrong=lambda x: [x * NAN, x[:0], x[0], x + 2, "x", None])
row(autoencoder.sparsity_penalty, activations=UNITS, rho=RHO)
row(autoencoder.k_sparse, k=size(2))
LAYER = data(5, 3)._replace(wrong=lambda w: [w * NAN, w[0], w[:, 1:], "x", None])
row(autoencoder.sigmoid_penalty, h=any_rank(4, 3, low=0), w=LAYER)
PENALTY = given(lambda *a: 0.0, 3)
row(autoencoder.autoencoder_loss, model=instance(AE), x=data(5, 4), seen=optional(5, 4), penalty=PENALTY)
row(vae_module.kl_standard_normal, mu=data(4, 2), logvar=data(4, 2))
GAUSSIAN = given(likelihoods.Gaussian(), likelihoods.Gaussian, "gaussian")
row(vae_module.VAE, likelihood=GAUSSIAN)
methods(VAE, x=shaped(4, 3), z=shaped(4, 2))
for likelihood_of_x in (likelihoods.Bernoulli(), likelihoods.Gaussian()):
    methods(lambda kind=likelihood_of_x: kind, without="mean", decoded=data(4, 3))
    for name in ("elbo", "loss"):
        made = seeded(vae_module.VAE, 3, 2, (4,), likelihood=likelihood_of_x)
        call = getattr(vae_module.VAE, name)
        row(call, self=fixed(made))
row(vae_module.vae_loss, bound=given(lambda v, x, e: v.elbo(x, e), 3))
row(vae_module.importance_log_likelihood, samples=size(2))
row(likelihoods.gaussian_log_likelihood, mu=data(4, 3), logvar=data(4, 3))
methods(lambda: linear.LinearGaussian(arrays(2, 3), arrays(3), 1.0))
row(pca.pca, k=size(2))
row(pca.principal_angles, a=data(2, 3), b=data(2, 3))
FACTORS = numpy.arange(20).reshape(-1, 1) % numpy.array([[2, 5]])
NAMED["vae.beta_vae"] = {"recon": data(4), "kl": data(4), "vae": instance(VAE), "codes": data(20, 3), "bins": size(3)}
NAMED["vae.beta_vae"]["factors"] = Kind(FACTORS.copy, lambda f: [f + 0.5, f[:0], f[0], "x", None])

CODE = data(2)._replace(wrong=lambda c: [c * NAN, c[:1], c[None], "x", None])
row(beta_vae.traverse, code=CODE, dims=given([0], [2], [0.5], [], 3))
COUNTS = {name: size(2) for name in ("heads", "layers", "classes", "context")}
row(code_prior.CausalTransformer, width=size(4), **COUNTS)
PRIOR = seeded(code_prior.CausalTransformer, 3, 4, 4, 2, 1, classes=2)
methods(PRIOR, tokens=whole([[0, 1, 2, 0]], 2), labels=whole([1], 1))
row(code_prior.CausalTransformer.sample, self=fixed(PRIOR), labels=whole([1, 0, 1], 1))
VECTORS = data(4, 2)._replace(wrong=lambda z: [z * NAN, z[:, :1], z.astype(str), "x", None])
row(quantizer.nearest, z=VECTORS)
row(quantizer.perplexity, indices=given([0, 1], [0.5], [5], [-1], [], "x", None))
row(quantizer.dead_share, indices=given([0, 1], [0.5], [5], [-1], [], "x", None))
EXAMPLES = VECTORS._replace(wrong=lambda z: [*VECTORS.wrong(z), z[:0]])
CHOSEN = whole([0, 1, 2, 0], 2)._replace(wrong=lambda i: [i + 9, i - 1, i + 0.5, "x", None])
methods(seeded(quantizer.VectorQuantizer, 3, 2), without="nearest", z=EXAMPLES, indices=CHOSEN)
IMAGES = data(3, 12, 12, 1, low=0)
VQVAE, VQVAE2 = seeded(vq_vae.VQVAE, 3, 2, 4), seeded(vq_vae2.HierarchicalVQVAE, 3, 2, 4)
PAIRS = {name: given((n, n), 0, (n, 0), (n, n, n), 2.5, "x") for name, n in (("codes", 3), ("dim", 2))}
for codes, cls in (({"codes": size(3), "dim": size(2)}, vq_vae.VQVAE), (PAIRS, vq_vae2.HierarchicalVQVAE)):
    row(cls, **codes, width=size(4), channels=size(1), **RATES)
OPTIONAL = given(numpy.random.default_rng(0), 0, numpy.random.Generator)
for make in (VQVAE, VQVAE2):
    row(vq_vae.start, model=instance(make), x=IMAGES)
    row(trained(vq_vae.training_step), "vae.vq_vae.training_step", model=fixed(make), x=IMAGES, rng=OPTIONAL)
SQUARES = given(numpy.zeros((2, 3, 3), int), numpy.zeros((2, 3, 3)), numpy.full((2, 3, 3), 9), "x", None)
methods(VQVAE, x=IMAGES, codes=SQUARES, prior=model(lambda: lambda rng, n: numpy.zeros((n, 3, 3), int)))
TOP = model(lambda: lambda rng, n: numpy.zeros((n, 2, 2), int))
BOTTOM = model(lambda: lambda rng, top: numpy.zeros((len(top), 3, 3), int))
methods(VQVAE2, x=IMAGES, top_prior=TOP, bottom_prior=BOTTOM)
TD = seeded(td_vae.TDVAE, 3, 2, 4, 2)
HIDDEN = sizes("features hidden", 2, 0) | sizes("dim_gap")
row(td_vae.TDVAE, **HIDDEN, decoder=given((3,), (0,), 3), likelihood=GAUSSIAN)
TIMES: dict[str, Kind] = {
    "t1": given(1, 0, 3, 1.5, numpy.ones((4, 1), int), "x", None),
    "t2": given(3, 0, 1, 9, 2.5, numpy.full((4, 1), 3), "x", None),
}
SEQUENCES = data(4, 5, 3)
NOISES = dict.fromkeys(["eps1", "eps2"], fixed(lambda: arrays(4, 2)))
row(td_vae.td_vae_loss, model=instance(TD), x=SEQUENCES, **TIMES, **NOISES)
LATER: dict[str, Kind] = {"t1": given(1, 3), "t2": given(3, 1), "stride": size(1), "max_gap": given(2, 9, 0, 2.5)}
methods(TD, x=SEQUENCES, past=SEQUENCES, length=size(3), **LATER)
row(td_vae.TDVAE.predict, self=fixed(TD), x=SEQUENCES, t2=given(3, 0, 1, 2.5, "x", None), stride=size(1))
row(td_vae.draw_times, length=size(5), max_gap=size(2))
STEP_OF_TD = {"model": fixed(TD), "x": SEQUENCES, "rng": rng(), "max_gap": LATER["max_gap"]}
TRAINING = {"max_norm": positive(1.0), "loss": given(td_vae.td_vae_loss, 3)}
row(trained(td_vae.training_step), "vae.td_vae.training_step", **STEP_OF_TD, **TRAINING)

# metrics
NAMED["metrics"] = {"rng": rng(), "plan": data(2, 3, low=0), "std": positive(0.1), "n": size(3), "dims": size(3)}
NAMED["metrics.divergence"] = dict.fromkeys(["p", "q"], given([0.5, 0.5], [0.5, 0.6], [NAN, 1], [-1, 2], "x", None))
NAMED["metrics.divergence"] |= {"mu_p": NUMBER, "mu_q": NUMBER, "sigma_p": positive(1.0), "sigma_q": positive(1.0)}
TABLES = given([[0.5, 0.5]], [[0.5, 0.6]], [0.5, 0.5], numpy.zeros((0, 2)), "x", None)
COVARIANCES = dict.fromkeys(["cov1", "cov2"], given(numpy.eye(2), numpy.eye(3), -numpy.eye(2), "x", None))
NAMED["metrics.samples"] = {"x": data(6, 2), "y": data(5, 2), "real": data(6, 2), "fake": data(5, 2)} | COVARIANCES
NAMED["metrics.samples"] |= {"probs": TABLES, "mu1": data(2), "mu2": data(2), "bandwidth": positive(1.0)}
NAMED["metrics.samples"] |= {"k": size(2), "neighbors": size(1), "repeats": size(3, 2), "min_count": size(1)}
NAMED["metrics.samples"] |= {"samples": data(9, 2), "modes": data(3, 2), "metric": model(lambda: lambda x, y: 0.0)}
NAMED["metrics.samples"] |= {"sample": model(lambda: lambda rng, n: arrays(n, 2))}
NAMED["metrics.transport"] = {"projections": size(3), "x": data(5, 2), "y": data(5, 2), "cost": data(2, 3, low=0)}

NAMED["metrics.divergence"] |= dict.fromkeys(["log_p", "log_q"], given(numpy.log([0.5, 0.5]), [NAN, 1], "x", None))
NAMED["metrics.divergence"] |= {"dx": positive(1.0)}
row(samples.mode_coverage, k=positive(3.0))
PILES = data(3, low=0.5)._replace(wrong=lambda p: [p * NAN, -p, p[:0], p[None], "x", None])
row(transport.earth_mover_1d, p=PILES, q=PILES)
row(transport.wasserstein_1d, x=data(5), y=data(4))
row(transport.plan_gradient, x=data(2, 2), y=data(3, 2))
HALVES = given([0.5, 0.5], [0.5, 0.6], "x", None)
row(transport.transport_plan, p=HALVES, q=HALVES, cost=data(2, 2, low=0))
NAMED["metrics.likelihood"] = {"nats": NUMBER, "levels": size(1)}
OTHER_NOISE = given(numpy.zeros((3, 4)), numpy.full((3, 4), NAN), numpy.zeros((4, 3)), numpy.zeros(3), "x", None)
row(likelihood.dequantization_bits, log_p=data(3, 4), log_q=OTHER_NOISE)
row(metrics.intrinsic_dimension, x=data(9, 2), discard=fraction(0.1))
DIGITS = Kind(lambda: arrays(6, 28, 28, 1, low=0), lambda x: [x * NAN, x[:0], x[0], x + 2, x.astype(int), "x", None])
CLASSIFIER = instance(seeded(digits.DigitClassifier, 2, 3))
NAMED["metrics.digits"] = {"classifier": CLASSIFIER, "images": DIGITS, "reference": DIGITS, "k": size(2)}
NAMED["metrics.digits"] |= {"labels": whole(numpy.arange(6), 9), "width": size(2), "dim": size(3)}
row(digits.judge_digits, labels=given(numpy.arange(6), numpy.arange(5), "x"), neighbors=size(5))
BY_CLASS = given(numpy.arange(6) // 2, numpy.arange(5), "x", None)
row(digits.class_gaussian_digits, labels=BY_CLASS, components=size(4))


# flow
LAYERS = {name: size(2) for name in ("couplings", "width", "depth")} | {"dim": size(2, 2)}
NAMED["flow.nice"] = NAMED["flow.realnvp"] = LAYERS
THREE = data(4, 3)._replace(wrong=lambda x: [x * NAN, x[:0], x[:, :2], "x", None])
row(coupling.BatchNorm.inverse, self=fixed(lambda: coupling.BatchNorm(3)), x=THREE)
row(coupling.DiagonalScale, shape=given(3, 0, -3, 2.5, "3", (2, 0)))
row(multiscale.ConvNet, width=given(4, 6, 0, 2.5))
IMAGE_FLOW: dict[str, Kind] = sizes("blocks checkerboards channelwise", 1, 0) | {"limit": positive(2.0)}
row(multiscale.ImageRealNVP, shape=given((8, 8, 1), (8, 8), (7, 8, 1), (8, 8, 0)), width=given(4, 6, 0), **IMAGE_FLOW)
FLOW = seeded(realnvp.RealNVP, 2, 2, 4, 1)
methods(FLOW, x=data(4, 2), temperature=positive(1.0))
GIVEN = seeded(realnvp.RealNVP, 2, 2, 4, 1, context=3)
methods(GIVEN, without="standardize", x=data(4, 2), n=given(4), context=data(4, 3))
row(realnvp.RealNVP, context=given(2, 0, -1, 1.5, "x"))
row(bijection.StandardNormal, shape=given(2, 0, -3, 2.5, "3", (2, 0)))


def affine() -> bijection.Affine:
    return bijection.Affine([1.0, 0.5], [0.2, 0.1])


def passing(*good: int) -> Kind:
    """What passes through a bijection (N, ...): of this shape, or numbers of any kind in a list, but not so."""
    return Kind(lambda: arrays(*good), lambda x: [x.astype(str), "x", None, numpy.float32(3)])


PAIR = passing(4, 2)
PICTURES = data(2, 4, 4, 4)._replace(wrong=lambda z: [*data(2, 4, 4, 4).wrong(z), z[0], z[..., :3]])
row(bijection.Inverse, bijection=instance(affine))
methods(lambda: bijection.Inverse(affine()), z=PAIR, x=PAIR)
row(
    bijection.Chain,
    bijections=Kind(lambda: [affine()], lambda good: [good[0], bijection.Affine, [bijection.Affine], [3], None, "x"]),
)
methods(lambda: bijection.Chain([affine()] * 2), without="initialize", z=PAIR, x=PAIR)
row(bijection.Split, inner=instance(affine))
HALVED = passing(3, 4)._replace(wrong=lambda z: [*PAIR.wrong(z), z[:, :1], z[0]])
methods(lambda: bijection.Split(affine()), without="initialize", z=HALVED, x=HALVED)
methods(bijection.Squeeze, without="initialize", x=data(2, 4, 4, 4), z=data(2, 4, 4, 4))
row(bijection.Squeeze.forward, self=fixed(bijection.Squeeze), z=PICTURES)
methods(bijection.Logit, without="initialize", z=PAIR, x=data(4, 2, low=0))
methods(affine, without="initialize", x=data(5, 2), z=data(5, 2))
row(bijection.Affine, shift=data(3), log_scale=data(3))
row(bijection.Flow, base=instance(lambda: bijection.StandardNormal(2)), bijection=instance(affine))
PLANE = given((4, 2), 3, (4,), (4, 0), (4, 2.5), "x", (4, 3))
row(multiscale.SmallConvNet, size=PLANE, fold=fixed(lambda: True), **sizes("width"))
SCALED = seeded(multiscale.ImageRealNVP, (4, 4, 1), width=4, scales=2, checkerboards=1, channelwise=1)
row(multiscale.ImageRealNVP.standardize, self=fixed(SCALED), x=data(5, 4, 4, 1))
SHAPES = given((4, 4, 1), (4, 4), (3, 4, 1), (2, 2, 1), (4, 4, 0), "x", 3)
row(multiscale.checked_image_shape, shape=SHAPES, **sizes("scales"))
row(bijection.Permute, order=given([1, 0], [1, 1], [0.0, 1.0], "x", 3))

NAMED["flow.wavenet"] = {"x": data(4, low=0)}
NAMED["flow.continuous"] = {"times": Kind(lambda: numpy.linspace(0, 1, 3))}
NAMED["flow.change_of_variables"] = {"base_log_prob": Kind(lambda: lambda z: np.sum(z, axis=1))}

# diffusion
ON_STEP = given(None, 3, samplers.Trajectory, "x")
EPS = given(numpy.array([1, 2, 5, 3]), 0, 7, 1.5, numpy.ones((4, 1), int), numpy.ones(3, int), "x", None)
EPS = seeded(EpsMLP, 2, 4, 1, 4)
NAMED["diffusion.flow_matching"] = {"t": data(4, low=0)}
NAMED["diffusion.probability_flow"] = {"alpha_bar": data(4, low=0)}
RISING = given([0.1, 0.5, 2.0], [0.5, 0.1], [-1, 1], [NAN, 1], "x", None)
row(consistency.lognormal_intervals, sigmas=RISING)
NAMED["diffusion.guidance"] = {"text": data(4, 2)}
NAMED["diffusion.feynman_kac"] = {"du": data(4, low=0)}
row(ddpm.gaussian_reverse_variance, t=given(2, 0, 7, 1.5, "x", None))
NAMED["diffusion.samplers"] = {"steps": size(3), "variance": given("beta", "none", 3)}
NAMED["diffusion"] = {"eps_model": model(EPS), "v_model": model(EPS), "on_step": ON_STEP}

row(EpsMLP, dim=size(2), width=size(4), layers=size(1, 0), time_features=size(4, 2), classes=size(3))
methods(EPS, x=shaped(4, 2), t=given(numpy.arange(4), numpy.ones((4, 1)), numpy.ones(3), "x", None))
UPSCALED = given(arrays(2, 6, 5, 2), arrays(2, 6, 5, 1), arrays(1, 6, 5, 2), 3, "x", None)
SUPER, EMBEDDING = seeded(cascade.SuperResolution, width=8), seeded(unclip.EmbeddingPrior, 2, 3, width=4, layers=1)
methods(SUPER, x=shaped(2, 6, 5, 1), t=fixed(lambda: numpy.arange(2)), y=UPSCALED)
TEXTS = given(arrays(4, 3), arrays(4, 2), arrays(3, 3), 3, "x", None)
methods(EMBEDDING, z_t=shaped(4, 2), t=fixed(lambda: numpy.arange(4)), y=TEXTS)
row(UNet, width=given(8, 4, 0, 2.5), global_mlp=size(4), size=given((8, 8), (7, 8), 3, (8,)), classes=size(3))
DIT: dict[str, Kind] = {"size": given((8, 8), 3, (8,)), "dim": given(8, 6, 0, 2.5)} | sizes("patch", 4)
row(DiT, **DIT, **sizes("channels depth heads classes"), conditioning=given("adaln-zero", "none", 3))
NOISE = data(4, 2)._replace(wrong=lambda x: [x * NAN, x[:0], x.astype(int), x.astype(str), "x", None])
row(samplers.ddim, eta=fraction(0.5))
PATH_TIMES = given(0.5, 1.5, -0.5, NAN, numpy.full(3, 0.5), numpy.full((4, 1), 0.5), "x", None)
NAMED["diffusion.flow_map"] = {"t": PATH_TIMES, "r": PATH_TIMES}
row(flow_map.mean_flow_loss, x0=NOISE, z=NOISE)
row(flow_map.mean_flow_target, x=NOISE, v=NOISE)
row(flow_map.total_derivative, x=NOISE, v=NOISE)
row(flow_map.shortcut_target, x=NOISE)
CORNERS = masked.Table(numpy.eye(3, dtype=int), numpy.full(3, 1 / 3), 2)
WORLD = given(CORNERS, masked.Table, ([[0, 1]], [0.5]), "x", None)
MASKED = given(numpy.array([[0, 2, 2]]), [[0.0, 2, 2]], [[0, 2, 3]], [[0, -1, 2]], [[0, 2]], [[1, 1, 2]], "x", None)
EVEN = numpy.full((1, 3, 2), 0.5)
ROWS = given(EVEN, EVEN[0], EVEN * 0.9, EVEN * [3, -1], EVEN * NAN, "x", None)
row(masked.exact_denoiser, table=WORLD, x_masked=MASKED)
row(masked.total_correlation, table=WORLD, x_masked=MASKED, positions=given([1, 2], [1, 1], [1.0], [3], [-1], 1, "x"))
VISIBLE = given(numpy.array([[True, False, True]]), numpy.ones((1, 3)), numpy.ones((1, 2), bool), "x", None)
row(masked.mask, x=whole([[0, 1, 2]], 2), keep=VISIBLE, K=given(3, 0, 2.5, "3"))
LOGITS = given(lambda x: numpy.zeros((*x.shape, 4)), nn.Linear, 3, None)
BOUND: dict[str, Kind] = {"logits_fn": LOGITS, "x": whole([[0, 1, 2]], 3), "K": given(4, 0, 2.5, "3")}
row(masked.masked_nll, keep=VISIBLE, **BOUND)
row(masked.masked_elbo, t=given(0.5, 0, 1.5, NAN, numpy.full(3, 0.5), "x", None), **BOUND)
row(masked.order_weight, masked=given([1, 2], 0, 5, [1.5], "x", None), dim=given(4, 0, 2.5, "3"))
DRAWABLE = given(numpy.array([[0, 2, 2]]), [[0.0, 2, 2]], [[0, 2, 3]], [[0, -1, 2]], [[0, 2]], "x", None)
row(masked.unmask_step, probabilities=ROWS, x_masked=DRAWABLE, k=size(1, 0))
VARIANCE = given(numpy.full((4, 2), 0.1), numpy.full((4, 2), -0.1), numpy.ones(2), numpy.ones((3, 2)), NAN, "x", None)
row(ddpm.ancestral_step, variance=VARIANCE)
row(samplers.Trajectory, times=given([0, 3], 3, "x", [NAN]))
STEP = given(0.1, 0, -1.0, NAN, "x", numpy.full(3, 0.1), numpy.full((4, 1), 0.1), None)
row(langevin.langevin_step, x=NOISE, score=NOISE, step=STEP, z=NOISE)
NAMED["diffusion.langevin"] = {"levels": size(2)}
PIXELS = data(4, 2, low=-1.0)._replace(wrong=lambda x: [x * NAN, x[:0], x + 2, x - 2, x.astype(int), "x", None])
row(diffusion_likelihood.discretized_log_prob, x=PIXELS, mean=NOISE, log_variance=NOISE)
row(diffusion_likelihood.vlb_term, x0=PIXELS, variance=given("beta", "none", 3), levels=size(4, 2))
row(diffusion_likelihood.vlb_terms, x0=PIXELS, levels=size(4, 2))
row(diffusion_likelihood.prior_term, x0=NOISE)
row(schedule_module.Schedule, beta=given([0.1, 0.2], [], [0.1, 1.0], 0.1, [NAN], "x", None))
row(schedule_module.Schedule.linear, T=size(5), first=given(0.1, "x", NAN), last=given(0.2, "x", NAN))
row(schedule_module.Schedule.cosine, T=size(5), s=nonnegative(0.01), largest=given(0.9, 0, 1.5, "x"))
row(unet_sizes, size=size(572))


def public_calls() -> Iterator[Callable]:
    """The public functions and classes of the layers, optimizers, data, families and metrics."""
    for package in (nn, optim, data_package, gan, vae, flow, diffusion, metrics):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, call in vars(importlib.import_module(found.name)).items():
                public = getattr(call, "__module__", None) == found.name and not name.startswith("_")
                if public and callable(call) and not hasattr(call, "_fields"):
                    yield call


def add_rows_without_being_listed() -> None:
    """Add calls without a row, all of whose arguments have a kind by their declaration or name, or a default."""
    known = {row.call for row in TABLE}
    for call in public_calls():
        if call not in known:
            add_row(call, {}, {})
    known |= {row.call for row in TABLE}
    for make, without, named in INSTANCES:
        for name, call in inspect.getmembers(type(make()), inspect.isfunction):
            public = (name[0] != "_" or name == "__call__") and getattr(Module, name, None) is not call
            if public and call not in known and name not in without:
                add_row(call, {"self": fixed(make)}, named)


def add_row(call: Callable, arguments: dict[str, Kind], named: dict[str, Kind]) -> None:
    found = derived(call, arguments, named)
    parameters = inspect.signature(call).parameters.values()
    needed = {each.name for each in parameters if each.default is each.empty} - arguments.keys()
    if found and needed <= found.keys():
        TABLE.append(Row(named_once(name_of(call)), call, arguments | found))


add_rows_without_being_listed()


# ------------------------------------------------------------------------------------------- the tests


def call(row: Row, arguments: dict[str, Any]) -> Any:
    if row.call is nn.Sequential:
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
