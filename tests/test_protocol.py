"""What whole models have in common, for each of them: loss, sample, log_prob, save and from_file.

loss      a finite scalar in float32, in which every parameter has a gradient; the mean of -log_prob, if there is one
sample    its shape and dtype; the same generator gives the same bits, and the frequencies are those of log_prob
log_prob  sums to one over all examples, or over a grid of the plane
from_file gives the model again: the same class, arrays, loss and samples, bit for bit
"""

import inspect
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from minigen.flow.autoregressive import IAF, MAF, MixtureMADE
from minigen.flow.bijection import Chain, Flow, Inverse, Logit, StandardLogistic, StandardNormal
from minigen.flow.glow import Glow
from minigen.flow.made import MADE
from minigen.flow.multiscale import ImageRealNVP
from minigen.flow.nice import NICE
from minigen.flow.pixel import CodePixelCNN, PixelCNN, PixelRNN
from minigen.flow.planar import Planar, Radial
from minigen.flow.realnvp import RealNVP
from minigen.flow.wavenet import WaveNet
from minigen.nn import Module
from minigen.tensor import value_and_grad
from minigen.vae.autoencoder import Autoencoder
from minigen.vae.code_prior import CausalTransformer
from minigen.vae.likelihoods import Gaussian
from minigen.vae.td_vae import TDVAE
from minigen.vae.vae import VAE
from minigen.vae.vq_vae import VQVAE
from minigen.vae.vq_vae2 import HierarchicalVQVAE


class Case(NamedTuple):
    """How to make a model and a batch, how to sample, and over which examples the density sums to one."""

    make: Callable
    batch: Callable[[np.random.Generator], tuple]
    sample: Callable[[Any, np.random.Generator, int], np.ndarray] | None = lambda model, rng, n: model.sample(rng, n)
    shape: tuple[int, ...] = (2,)  # of one sample
    examples: np.ndarray | None = None  # all that there are
    plane: bool = False  # the density is one of the plane
    draws: bool = False  # the loss takes a generator
    unused: tuple[str, ...] = ()  # parameters on which nothing depends


def normal(*shape):
    return lambda rng: (rng.standard_normal(shape, dtype=np.float32),)


def binary(*shape):
    return lambda rng: (rng.integers(0, 2, shape).astype(np.float32),)


def codes(levels, *shape):
    return lambda rng: (rng.integers(0, levels, shape),)


def pixels(*shape):
    return lambda rng: (rng.random(shape, dtype=np.float32),)


def every(values, shape, dtype=np.float32):
    """All arrays of this shape made of these values."""
    return np.array(list(itertools.product(values, repeat=int(np.prod(shape)))), dtype).reshape(-1, *shape)


def plane(make, **options):
    return Case(make, normal(30, 2), plane=True, **options)


def of_images(make, levels=2):
    def sample(model, rng, n):
        return model.sample(rng, n, size=(2, 2))

    if levels > 2:
        return Case(make, codes(levels, 6, 2, 2), sample, (2, 2), every(range(levels), (2, 2), int))
    return Case(make, binary(6, 2, 2, 1), sample, (2, 2, 1), every((0, 1), (2, 2, 1)))


def of_context(make):
    """The condition is the same in each example, so that the density is one of the plane."""

    def batch(rng):
        return rng.standard_normal((30, 2), dtype=np.float32), np.tile(np.float32([[0.5, -1, 2]]), (30, 1))

    def sample(model, rng, n):
        return model.sample(rng, n, context=np.tile(np.float32([[0.5, -1, 2]]), (n, 1)))

    return Case(make, batch, sample, plane=True)


def uniform_codes(levels, *shape):
    return lambda rng, n: rng.integers(0, levels, (n, *shape))


def of_both_levels(model, rng, n):
    return model.sample(rng, n, uniform_codes(5, 2, 2), lambda rng, top: uniform_codes(5, 3, 3)(rng, len(top)))


X = np.random.default_rng(9).standard_normal((60, 2), dtype=np.float32) * np.float32([3, 0.2]) + 1
IMAGES = np.random.default_rng(9).standard_normal((60, 4, 4, 1), dtype=np.float32) * 2 - 1

CASES = {
    "RealNVP": plane(lambda rng: RealNVP(rng, 2, couplings=3, width=8).standardize(X)),
    "RealNVP context": of_context(lambda rng: RealNVP(rng, couplings=2, width=8, activation="relu", context=3)),
    "NICE": plane(lambda rng: NICE(rng, 2, 3, width=8, base=StandardLogistic(2), interleaved=True).standardize(X)),
    "MAF": plane(lambda rng: MAF(rng, 2, 2, hidden=(8,), direct=True, limit=2.0).standardize(X)),
    "MAF context": of_context(lambda rng: MAF(rng, 2, 2, hidden=[8, 8], context=3)),
    "IAF": plane(lambda rng: IAF(rng, 2, layers=2, hidden=(8,))),
    "MAF of a mixture": plane(
        lambda rng: Flow(MixtureMADE(rng, 2, 3, hidden=(8,)), MAF(rng, 2, 2, hidden=(8,)).bijection)
    ),
    "planar and radial": plane(lambda rng: Flow(StandardNormal(2), Inverse(Chain([Planar(rng, 2), Radial(rng, 2)])))),
    "MixtureMADE": plane(lambda rng: MixtureMADE(rng, 2, 4, hidden=(8,), order=np.array([1, 0]))),
    "MADE of two numbers": plane(lambda rng: MADE(rng, 2, [8], outputs=2, activation="tanh")),
    "MADE": Case(
        lambda rng: MADE(rng, 5, [9, 9], order=[2, 0, 1, 4, 3], direct=True).remask(rng),
        binary(9, 5),
        shape=(5,),
        examples=every((0, 1), (5,)),
    ),
    "MADE context": Case(
        lambda rng: MADE(rng, 4, [9], context=3),
        lambda rng: (*binary(9, 4)(rng), *normal(9, 3)(rng)),
        lambda model, rng, n: model.sample(rng, n, context=np.tile(np.float32([[1, 2, -1]]), (n, 1))),
        (4,),
    ),
    "ImageRealNVP": Case(
        lambda rng: ImageRealNVP(rng, (4, 4, 1), 8, 2, checkerboards=[2, 1], channelwise=1, affine=True).standardize(
            IMAGES
        ),
        normal(3, 4, 4, 1),
        shape=(4, 4, 1),
    ),
    "ImageRealNVP small": Case(
        lambda rng: ImageRealNVP(rng, (4, 4, 1), 8, 1, small=True), normal(3, 4, 4, 1), shape=(4, 4, 1)
    ),
    "Glow": Case(
        lambda rng: Glow(rng, (4, 4, 1), (8, 4), steps=2, position_bias=True).standardize(IMAGES),
        normal(3, 4, 4, 1),
        shape=(4, 4, 1),
    ),
    "flow in the unit square": Case(
        lambda rng: Flow(StandardNormal(2), Chain([*RealNVP(rng, 2, 2, 8).bijection.bijections, Logit(0.0)])),
        pixels(9, 2),
    ),
    "PixelCNN": of_images(lambda rng: PixelCNN(rng, 6, 2)),
    "PixelCNN plain": of_images(lambda rng: PixelCNN(rng, width=6, layers=2, gated=False, position_bias=(2, 2))),
    "PixelRNN": of_images(lambda rng: PixelRNN(rng, width=5, layers=2)),
    "PixelRNN row": of_images(lambda rng: PixelRNN(rng, "row", 5, kernel=3)),
    "CodePixelCNN": of_images(lambda rng: CodePixelCNN(rng, 3, 6, 2, window=(3, 5)), levels=3),
    "WaveNet": Case(
        lambda rng: WaveNet(rng, 3, width=5, dilations=[1, 2]),
        codes(3, 6, 4),
        lambda model, rng, n: model.sample(rng, n, 4),
        (4,),
        every(range(3), (4,), int),
        unused=("layers.1.residual.w", "layers.1.residual.b"),  # only the skips of the last layer go on
    ),
    "CausalTransformer": Case(
        lambda rng: CausalTransformer(rng, 3, 4, width=8, heads=2, back=(1, 2)),
        codes(3, 20, 4),
        shape=(4,),
        examples=every(range(3), (4,), int),
    ),
    "VAE": Case(lambda rng: VAE(rng, 6, 2, (8,)), binary(20, 6), shape=(6,), draws=True),
    "VAE Gaussian": Case(
        lambda rng: VAE(rng, 2, 3, [8, 8], "tanh", Gaussian(0.5)), normal(20, 2), shape=(2,), draws=True
    ),
    "VQVAE": Case(
        lambda rng: VQVAE(rng, 5, 3, width=4, learned=True),
        pixels(6, 8, 8, 1),
        lambda model, rng, n: model.sample(rng, n, uniform_codes(5, 2, 2)),
        (8, 8, 1),
    ),
    "VQVAE averages": Case(
        lambda rng: VQVAE(rng, codes=5, dim=3, width=4, channels=3),
        pixels(6, 8, 8, 3),
        lambda model, rng, n: model.sample(rng, n, uniform_codes(5, 2, 2)),
        (8, 8, 3),
    ),
    "HierarchicalVQVAE": Case(
        lambda rng: HierarchicalVQVAE(rng, (5, 5), 3, width=4), pixels(4, 12, 12, 1), of_both_levels, (12, 12, 1)
    ),
    "TDVAE": Case(
        lambda rng: TDVAE(rng, 3, 2, 6, max_gap=2, features=4, decoder=(5,)),
        normal(20, 5, 3),
        lambda model, rng, n: model.sample(rng, n, np.ones((1, 4, 3), np.float32), length=6)[:, 0],
        (6, 3),
        draws=True,
    ),
    "Autoencoder": Case(lambda rng: Autoencoder(rng, 6, 3, [5], k=2, code_activation="relu"), normal(20, 6), None),
    "Autoencoder tied": Case(lambda rng: Autoencoder(rng, 6, 3, (5,), tied=True), normal(20, 6), None),
}
SAMPLED = [name for name, case in CASES.items() if case.sample is not None]


def model_of(case: Case) -> Any:
    """A model whose arrays of floats have been changed after it was made, so that no weight is its first."""
    rng = np.random.default_rng(1)
    model = case.make(rng)
    for a in model.parameters().values():
        a += 0.3 * rng.standard_normal(a.shape, dtype=np.float32)
    return model


def loss_of(case: Case, model: Any, batch: tuple) -> Any:
    return model.loss(*batch, np.random.default_rng(3)) if case.draws else model.loss(*batch)


def drawn(case: Case, model: Any, seed: int = 5, n: int = 7) -> np.ndarray:
    assert case.sample is not None
    return case.sample(model, np.random.default_rng(seed), n)


@pytest.mark.parametrize("name", CASES)
def test_the_loss_is_a_scalar_of_which_every_parameter_has_a_gradient(name):
    case, model = CASES[name], model_of(CASES[name])
    batch = case.batch(np.random.default_rng(2))
    value, grads = value_and_grad(lambda m: loss_of(case, m, batch))(model)
    assert np.shape(value) == () and value.dtype == np.float32 and np.isfinite(value)
    assert value == loss_of(case, model, batch)
    without = [key for key, g in grads.parameters().items() if not np.any(g) or not np.all(np.isfinite(g))]
    assert without == list(case.unused)
    if hasattr(model, "log_prob"):
        np.testing.assert_allclose(value, -np.mean(model.log_prob(*batch)), rtol=1e-6)
        twice = tuple(np.concatenate([a, a]) for a in batch)  # the mean over the batch, and not the sum
        np.testing.assert_allclose(loss_of(case, model, twice), value, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.draws])
def test_a_loss_that_draws_takes_its_noise_from_the_generator(name):
    case, model = CASES[name], model_of(CASES[name])
    (x,) = case.batch(np.random.default_rng(2))
    losses = [float(model.loss(x, np.random.default_rng(seed))) for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("name", SAMPLED)
def test_samples_have_their_shape_and_follow_the_generator(name):
    case, model = CASES[name], model_of(CASES[name])
    x = drawn(case, model)
    kind = np.int64 if case.examples is not None and case.examples.dtype.kind == "i" else np.float32
    assert x.shape == (7, *case.shape) and x.dtype == kind and np.all(np.isfinite(x))
    assert np.array_equal(drawn(case, model), x)
    assert not np.array_equal(drawn(case, model, seed=6), x)
    assert drawn(case, model, n=1).shape == (1, *case.shape)
    assert list(inspect.signature(model.sample).parameters)[:2] == ["rng", "n"]


def grid(low, high, size):
    side = [np.linspace(a, b, size) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*side, indexing="ij"), axis=-1).reshape(-1, 2), np.prod([s[1] - s[0] for s in side])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.plane])
def test_a_density_of_the_plane_has_mass_one(name):
    case, model = CASES[name], model_of(CASES[name])
    x = drawn(case, model, n=4_000)
    middle, half = np.median(x, axis=0), 1.5 * np.abs(x - np.median(x, axis=0)).max(axis=0) + 1
    points, cell = grid(middle - half, middle + half, 500)
    context = [np.tile(a[:1], (len(points), 1)) for a in case.batch(np.random.default_rng(2))[1:]]
    mass = np.exp(model.log_prob(points, *context)) * cell
    assert abs(mass.sum() - 1) < 0.01
    for middle in (x.mean(axis=0), np.median(x, axis=0)):  # the half planes of each axis, by the density and by draws
        for axis in (0, 1):
            below = x[:, axis] < middle[axis]
            assert abs(mass[points[:, axis] < middle[axis]].sum() - below.mean()) < 5 * 0.5 / np.sqrt(len(x)) + 0.01


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.examples is not None])
def test_probabilities_sum_to_one_and_are_those_of_samples(name):
    case, model = CASES[name], model_of(CASES[name])
    p = np.exp(np.asarray(model.log_prob(case.examples), float))
    assert p.sum() == pytest.approx(1, abs=1e-5) and p.max() < 0.9
    n = 3_000
    x = drawn(case, model, n=n).reshape(n, -1)
    every_one = {tuple(example): i for i, example in enumerate(case.examples.reshape(len(p), -1).tolist())}
    counts = np.bincount([every_one[tuple(example)] for example in x.tolist()], minlength=len(p))
    assert np.all(np.abs(counts - n * p) < 5 * np.sqrt(n * p * (1 - p)) + 3)


@pytest.mark.parametrize("name", CASES)
def test_a_file_gives_the_model_again(name, tmp_path):
    case, model = CASES[name], model_of(CASES[name])
    again = type(model).from_file(model.save(tmp_path / "model.npz"))
    assert type(again) is type(model)
    state = model.state()
    assert again.state().keys() == state.keys() and again.parameters().keys() == model.parameters().keys()
    for key, a in again.state().items():
        assert a.dtype == state[key].dtype and np.array_equal(a, state[key]), key
    batch = case.batch(np.random.default_rng(2))
    assert loss_of(case, again, batch) == loss_of(case, model, batch)
    if case.sample is not None:
        np.testing.assert_array_equal(drawn(case, again), drawn(case, model))
    other = Autoencoder if not isinstance(model, Autoencoder) else VAE
    with pytest.raises(ValueError, match=f"it holds a {type(model).__name__}, not a {other.__name__}"):
        other.from_file(tmp_path / "model.npz")
    assert type(Module.from_file(tmp_path / "model.npz")) is type(model)
