"""float32 from end to end: none of float64 in the traced part of a training step, in its backward pass or in a sampler.

A profiler sees what every Python function returns. In training two kinds of results count: traced arrays, and whatever
is returned inside autograd and minigen.tensor, whose closures compute the gradients. Plain arrays elsewhere may be
float64 (a noise schedule's tables, the angles of a time embedding), as long as they are narrowed before they meet the
model. In a sampler every array counts that has an axis beside the batch.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.tracer import isbox

import minigen.tensor
from minigen.diffusion.ddpm import ancestral, eps_model_from_v, simple_loss
from minigen.diffusion.guidance import classifier_free
from minigen.diffusion.networks.dit import DiT
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import clipped, ddim, heun
from minigen.diffusion.schedule import Schedule
from minigen.flow.multiscale import ImageRealNVP
from minigen.flow.realnvp import RealNVP
from minigen.gan.networks import ConvDiscriminator, ConvGenerator, Discriminator, Generator
from minigen.gan.train import goodfellow_step, wgan_gp_step, wgan_step
from minigen.nn import Linear
from minigen.optim import Adam, RMSProp
from minigen.tensor import primitive, value_and_grad
from minigen.train.descend import descend
from minigen.vae.vae import VAE
from minigen.vae.vq_vae import VQVAE
from minigen.vae.vq_vae import training_step as vq_vae_step

GRADIENTS = (Path(autograd.__file__).parent, Path(minigen.tensor.__file__).parent)


def wide_results(run: Callable[[], object]) -> list[str]:
    """The functions that returned such a float64 array while `run()` ran, once each, as "file:name shape"."""
    found: dict[str, None] = {}

    def watch(frame, event, result):
        if event != "return":
            return
        code = frame.f_code
        # of an autograd function on plain arrays
        plain_call = code.co_name == "f_wrapped"
        computes_gradients = not plain_call and any(Path(code.co_filename).is_relative_to(path) for path in GRADIENTS)
        for x in result if type(result) in (tuple, list) else (result,):
            traced = isbox(x)
            while isbox(x):
                x = x._value
            if type(x) is np.ndarray and x.ndim and x.dtype == np.float64 and (traced or computes_gradients):
                found[f"{Path(code.co_filename).name}:{code.co_name} {x.shape}"] = None

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(before)
    return list(found)


def wide_batches(run: Callable[[], object], n: int) -> list[str]:
    """The functions that returned a float64 array (n, ...) of two axes or more while `run()` ran, once each."""
    found: dict[str, None] = {}

    def watch(frame, event, result):
        for x in result if type(result) in (tuple, list) else (result,):
            if event == "return" and type(x) is np.ndarray and x.ndim > 1 and len(x) == n and x.dtype == np.float64:
                found[f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name} {x.shape}"] = None

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(before)
    return list(found)


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def gan(step, optimizer, images=False):
    rng = np.random.default_rng(0)
    if images:
        generator, discriminator = ConvGenerator(rng, width=8), ConvDiscriminator(rng, width=8)
    else:
        generator, discriminator = Generator(rng, width=8, depth=1), Discriminator(rng, width=8, depth=2)
    optimizers = optimizer(generator, 1e-3), optimizer(discriminator, 1e-3)
    shape = (28, 28, 1) if images else (2,)
    return lambda: step(generator, discriminator, *optimizers, lambda n: normal(rng, n, *shape), 4, rng)


def vae():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (8, 16)).astype(np.float32)
    model = VAE(rng, 16, 3, (8, 8))
    step = descend(lambda m, x: m.loss(x, rng), model, iter([x] * 2), ema=0.9)
    return lambda: step(0)


def vq_vae():
    rng = np.random.default_rng(0)
    model = VQVAE(rng, width=8, codes=8, dim=4)
    x = rng.random((2, 28, 28, 1), dtype=np.float32)
    optimizer = Adam(model, 1e-3)
    return lambda: vq_vae_step(model, optimizer, x)


def flow(images=False):
    rng = np.random.default_rng(0)
    if images:
        model, x = ImageRealNVP(rng, (4, 4, 1), width=4, scales=2), normal(rng, 4, 4, 4, 1)
    else:
        model, x = RealNVP(rng, 2, couplings=2, width=8), normal(rng, 8, 2)
    step = descend(lambda m, x: m.loss(x), model.standardize(x), iter([x] * 2), ema=0.9)
    return lambda: step(0)


def diffusion(images=False):
    rng = np.random.default_rng(0)
    model = UNet(rng, width=8) if images else EpsMLP(rng, 2, width=8, layers=2)
    x = normal(rng, 4, 28, 28, 1) if images else normal(rng, 8, 2)
    schedule = Schedule.linear(50)
    batch = x, rng.integers(1, 51, len(x)), normal(rng, *x.shape)
    step = descend(lambda m, x, t, eps: simple_loss(m, x, t, eps, schedule), model, iter([batch] * 2), ema=0.9)
    return lambda: step(0)


STEPS = {
    "GAN": lambda: gan(goodfellow_step, Adam),
    "WGAN": lambda: gan(wgan_step, RMSProp),
    "WGAN-GP": lambda: gan(wgan_gp_step, Adam),
    "GAN of images": lambda: gan(goodfellow_step, Adam, images=True),
    "VAE": vae,
    "VQ-VAE": vq_vae,
    "RealNVP": flow,
    "RealNVP of images": lambda: flow(images=True),
    "DDPM": diffusion,
    "DDPM of images": lambda: diffusion(images=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_no_float64_array_appears_in_a_training_step(name):
    step = STEPS[name]()
    assert wide_results(step) == []


SAMPLERS = {
    "ancestral": lambda f, x, schedule: ancestral(f, x, schedule, np.random.default_rng(1), "posterior"),
    "ddim": lambda f, x, schedule: ddim(f, x, schedule, 2, 0.5, np.random.default_rng(1)),
    "heun": lambda f, x, schedule: heun(f, x, schedule, 2),
}
NETWORKS = {
    "mlp": (lambda rng: EpsMLP(rng, 2, width=8, layers=1, classes=3), (2,)),
    "unet": (lambda rng: UNet(rng, width=8, global_mlp=8, size=(8, 8), classes=3), (8, 8, 1)),
    "dit": (lambda rng: DiT(rng, size=(8, 8), dim=8, depth=1, heads=2, classes=3), (8, 8, 1)),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_float64_array_appears_in_a_sampler(sampler, network):
    build, shape = NETWORKS[network]
    rng, schedule, y = np.random.default_rng(0), Schedule.cosine(3), np.array([0, 1, 2, -1])
    eps_model = clipped(classifier_free(eps_model_from_v(build(rng), schedule), y, 1.0), schedule)
    assert wide_batches(lambda: SAMPLERS[sampler](eps_model, normal(rng, 4, *shape), schedule), 4) == []


def test_the_watch_sees_a_float64_array_in_a_sampler():
    def widened(x, t):
        return x * np.ones(x.shape)

    x, schedule = normal(np.random.default_rng(0), 4, 2), Schedule.cosine(3)
    assert any("widened (4, 2)" in name for name in wide_batches(lambda: ddim(widened, x, schedule), 4))


def test_the_watch_sees_a_float64_array_forward_and_backward():
    rng = np.random.default_rng(0)
    layer, x = Linear(rng, 3, 2), normal(rng, 5, 3)
    weights = np.ones((5, 2))  # float64

    def found(loss):
        return wide_results(lambda: value_and_grad(loss)(layer))

    widened = primitive(lambda x: (x.sum(), None), lambda needed, g, value, saved, x: {0: np.ones(x.shape) * g})
    assert found(lambda m: anp.mean(m(x) ** 2)) == []
    assert any("tracing.py:record (5, 2)" in name for name in found(lambda m: anp.sum(m(x) * weights)))
    assert any("(5, 2)" in name for name in found(lambda m: widened(m(x))))
    assert any("(5, 2)" in name for name in found(lambda m: anp.sum(m(x.astype(float)))))
