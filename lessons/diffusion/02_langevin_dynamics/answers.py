"""Mistakes in the exercise of diffusion/02, and other right answers."""

import numpy
import autograd.numpy as np


def fit(step, x):
    return np.reshape(step, np.shape(step) + (1,) * (np.ndim(x) - 1) * np.ndim(step)).astype(
        x.dtype
    )


MISTAKES = {
    "langevin_step": """
    # The noise has the variance step, so it is multiplied by the root of step.
    np.sqrt(step) -> step
    np.asarray(step) / 2 -> np.asarray(step)  # The drift is half a step: the 1/2 is missing.
    # The noise has the root of half of the step: only the score has half of the step.
    np.sqrt(step) -> np.sqrt(np.asarray(step) / 2)
    # The root of 2 step goes with a drift of a whole step; here the drift is half a step.
    np.sqrt(step) -> np.sqrt(2 * np.asarray(step))
    # This is the same walk with steps twice as long: the drift is half of step.
    np.asarray(step) / 2 -> np.asarray(step)
    np.sqrt(step) -> np.sqrt(2 * np.asarray(step))
    # The step goes up the slope of log p: the score is added, not subtracted.
    return x + per_example(np.asarray(step) / 2, score) ->
        return x - per_example(np.asarray(step) / 2, score)
    # The noise is added: a minus gives another draw than the one asked for.
    return x + fit(step, x) / 2 * score - np.sqrt(fit(step, x)) * z
    # The noise is missing: this only climbs.
    np.sqrt(step) -> 0 * np.asarray(step)
    # The noise is multiplied by the root of step alone, not by half a step besides.
    np.sqrt(step) -> np.asarray(step) / 2 * np.sqrt(step)
    # The noise is multiplied by the root of step, not by its square.
    np.sqrt(step) -> np.asarray(step) ** 2
    # The score is missing: this only wanders.
    np.asarray(step) / 2 -> 0 * np.asarray(step)
    # This is only the move; it is added to x.
    return x + per_example(np.asarray(step) / 2, score) ->
        return per_example(np.asarray(step) / 2, score)
    # The drift scales with the step itself, not with its root.
    np.asarray(step) / 2 -> np.sqrt(step) / 2
    # The step is squared before it is halved: the score is multiplied by half of the step.
    np.asarray(step) / 2 -> np.asarray(step) ** 2 / 2
    # z is given; do not draw your own.
    own = numpy.random.standard_normal(np.shape(z)).astype(x.dtype)
    return x + fit(step, x) / 2 * score + np.sqrt(fit(step, x)) * own
    # Every example has its own step; here all get that of the first one.
    one = float(np.ravel(step)[0])
    return x + (x.dtype.type(one / 2) * score + x.dtype.type(one**0.5) * z)
    # x is not shrunk: that is the forward process of a diffusion.
    return x + per_example -> return np.sqrt(1 - np.minimum(fit(step, x), 1)) * x + per_example
    # The score already is the slope of log p: do not divide by the step.
    return x + score / 2 + np.sqrt(fit(step, x)) * z
    """,
}

VARIANTS = {
    "langevin_step": """
    # with the root
    root = np.sqrt(fit(step, x))
    return x + root * (z + 0.5 * root * score)
    # example by example
    steps = np.broadcast_to(step, (len(x),))
    rows = [a + 0.5 * d * s + d**0.5 * e for a, s, d, e in zip(x, score, steps, z)]
    return np.stack(rows).astype(x.dtype)
    """,
}

EQUIVALENT = {
    "langevin_step": """
    # one step for all goes with x in either shape
    (1,) * (np.ndim(x) - 1) * np.ndim(step) → (1,) * (np.ndim(x) - 1)
    """,
}
