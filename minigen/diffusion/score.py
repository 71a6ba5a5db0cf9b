"""Score matching: learning ∇ log p from samples of p, and sampling with it at falling noise (NCSN).

    sigmas = noise_scales(1.0, 0.01, 10)
    loss = denoising_score_matching_loss(score_model, x, sigma, eps)      # for all levels, sigma (N,) drawn from sigmas
    samples = ncsn_sample(score_model, x, sigmas, rng)                    # x at the first level

At level σ the model learns the score of the data plus noise, x + σ ε, which points to the data even from where there
are none. That noise and the ε of a diffusion model are the same: s = −ε/σ (Eq. diffusion.17). Song and Ermon,
"Generative Modeling by Estimating Gradients of the Data Distribution", 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, function, positive
from minigen.diffusion.arguments import batch_shape
from minigen.diffusion.consistency import evaluate, levels
from minigen.diffusion.ddpm import reverse_process
from minigen.diffusion.langevin import langevin_step
from minigen.diffusion.schedule import per_example
from minigen.tensor import grad
from minigen.types import Array


@checked(largest=positive, smallest=positive)
def noise_scales(largest: float, smallest: float, levels: int) -> numpy.ndarray:
    """Noise levels (levels,), float64, that fall in equal ratios from `largest` to `smallest`; one level: `largest`.

    ValueError: smallest above largest, levels below 1.
    """
    if smallest > largest:
        raise ValueError(f"smallest must be at most largest, {largest:g}, got {smallest:g}")
    return numpy.geomspace(largest, smallest, checks.whole("levels", levels))


def denoising_score_matching_loss(score_model: Callable, x: Array, sigma: Any, eps: Array) -> Array:
    """The mean over examples of ½ Σ_d (σ s(x + σ ε, σ) + ε)²: the score of x + σ ε given x is −ε/σ.

    Data x and noise eps are (N, ...); sigma is one level or (N,), and score_model(x, sigma) receives it as (N,). The
    weight σ² is in the loss, so that no level dominates the others: a score of 0 has the loss ½ E‖ε‖² at each.
    ValueError: shapes, levels that are not positive. Vincent 2011; Song and Ermon 2019, eq. 5 and 6.
    """
    n = batch_shape(x=x, eps=eps)[0]
    (sigma,) = levels(n, sigma=sigma)
    if numpy.any(sigma == 0):
        raise ValueError("sigma must be positive, got 0: without noise the score given x has no meaning")
    score = evaluate(score_model, "score_model", x + per_example(sigma, eps), sigma)
    gap = np.reshape(per_example(sigma, score) + eps, (n, -1))  # (N, D)
    return np.mean(np.sum(gap**2, axis=1)) / 2


@checked(score=function, x="N, D")
def sliced_score_matching_loss(score: Callable, x: Array, v: Array, variance_reduced: bool = True) -> Array:
    """The mean over examples of vᵀ∇(vᵀs(x)) + ½‖s(x)‖², or + ½(vᵀs(x))² if not `variance_reduced`.

    score(x) -> (N, D), each row made of its own row of x only; x and v are (N, D), the rows of v random directions
    with E vvᵀ = I, such as normal ones. Then it is, in expectation and but for a constant of the data, half the mean
    squared error of the score, with one derivative instead of D. Differentiable in the parameters of `score`.
    ValueError: v or the score has another shape. Song, Garg, Shi and Ermon 2019, eq. 7 and 8.
    """
    batch_shape(x=x, v=v)

    s = score(x)
    if np.shape(s) != np.shape(x):
        raise ValueError(f"score must return the shape of x, {np.shape(x)}, got {np.shape(s)}")
    if checks.choice("variance_reduced", variance_reduced, (False, True)):
        size = np.sum(s**2, axis=1)
    else:
        size = np.sum(v * s, axis=1) ** 2

    def along(x: Array) -> Array:
        return np.sum(v * score(x))

    return np.mean(np.sum(v * grad(along)(x), axis=1) + size / 2)


@checked(score_model=function)
def ncsn_sample(
    score_model: Callable,
    x: numpy.ndarray,
    sigmas: Any,
    rng: numpy.random.Generator,
    steps: int = 100,
    step: float = 0.1,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> numpy.ndarray:
    """Annealed Langevin dynamics: at each σ of `sigmas` in turn, `steps` times x + α/2 s(x, σ) + √α z, α = step · σ².

    x (N, ...) comes in at the first level, where it is the data plus noise of size σ, or simply that noise; it goes
    out at the last. In units of σ the steps are equally long everywhere; Song and Ermon's ε is step · σ_last².
    score_model(x, sigma) receives the level as (N,). `on_step` gets the number of levels that are left, and x.
    ValueError: sigmas that are not positive or do not fall. Eq. diffusion.03; Song and Ermon 2019, algorithm 1.
    """
    if on_step is not None:
        checks.function("on_step", on_step)
    shape = batch_shape(x=x)
    sigmas = checks.array("sigmas", sigmas, "levels", dtype=numpy.float64)
    if numpy.any(sigmas <= 0) or numpy.any(numpy.diff(sigmas) >= 0):
        raise ValueError(f"sigmas must be positive and fall from each level to the next, got {sigmas}")
    steps, step = checks.whole("steps", steps), checks.positive("step", step)
    checks.rng(rng)

    def one_level(x: numpy.ndarray, left: int) -> numpy.ndarray:  # levels that are left, this one included
        sigma = sigmas[len(sigmas) - left]
        for _ in range(steps):
            score = evaluate(score_model, "score_model", x, sigma)
            x = langevin_step(x, score, step * sigma**2, rng.standard_normal(shape, dtype=x.dtype))
        return x

    return reverse_process(one_level, x, len(sigmas), on_step, progress)
