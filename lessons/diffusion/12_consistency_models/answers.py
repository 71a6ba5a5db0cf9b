"""Mistakes in the exercises of diffusion/12, and other right answers."""

import autograd.numpy as np
import numpy

from minigen.tensor import mse, stop_gradient


def rows(values, x):
    """One number for each example, to go with x."""
    values = np.asarray(values)
    return np.reshape(values, (-1,) + (1,) * (np.ndim(x) - 1)) if values.ndim else values


def each(sigma, x):
    """A level for each example."""
    return np.broadcast_to(np.asarray(sigma, x.dtype), (len(x),))


MISTAKES = {
    "boundary_scalings": """
    # c_skip is not 1 at sigma_min: below is sigma - sigma_min, not sigma.
    above**2 + data**2 -> sigma**2 + data**2
    # The divisor of c_out is shifted by sigma_min: sigma itself is below.
    np.sqrt(sigma**2 + data**2) -> np.sqrt(above**2 + data**2)
    # c_out is not 0 at sigma_min: sigma - sigma_min is above.
    above * data / np.sqrt -> sigma * data / np.sqrt
    # The numerator of c_skip is not a variance: take the square of sigma_data.
    data**2 / (above**2 + data**2), above -> data / (above**2 + data**2), above
    # c_skip is a ratio of variances: no root.
    data**2 / (above**2 + data**2), above -> data / np.sqrt(above**2 + data**2), above
    # The divisor of c_out is a variance: the root is missing.
    np.sqrt(sigma**2 + data**2) -> (sigma**2 + data**2)
    # The numerator of c_out lacks a factor: sigma_data.
    above * data / np.sqrt -> above / np.sqrt
    # The pair is c_skip first, then c_out.
    return above * data / np.sqrt(sigma**2 + data**2), data**2 / (above**2 + data**2)
    # The root is of the sum of squares, not of the sum.
    np.sqrt(sigma**2 + data**2) -> np.sqrt(sigma + data)
    # The root of a sum of squares is not the sum.
    np.sqrt(sigma**2 + data**2) -> (sigma + data)
    # c_out is not the rest to 1 of c_skip.
    return data**2 / (above**2 + data**2), above**2 / (above**2 + data**2)
    # sigma_min is an argument: take what is given.
    above = sigma - low -> above = sigma - 0.002
    # sigma_data is an argument: take what is given.
    above = sigma - low -> above, data = sigma - low, 0.5
    # These are the scalings of a denoiser, for which sigma_min is 0.
    above = sigma - low -> above = sigma
    # sigma_min is added to sigma: subtract it.
    above = sigma - low -> above = sigma + low
    # Negative distances are replaced by 0: sigma may lie below sigma_min, where c_out is negative.
    above = sigma - low -> above = np.maximum(sigma - low, 0)
    # A difference of squares is taken: square the difference instead.
    above**2 + data**2 -> sigma**2 - low**2 + data**2
    # c_skip is sigma_data's share: its square above, not that of sigma.
    data**2 / (above**2 + data**2), above -> above**2 / (above**2 + data**2), above
    # The result must be differentiable: no numpy and no float().
    above = sigma - low -> sigma = stop_gradient(sigma); above = sigma - low
    # sigma_min and sigma_data are arguments: take what is given.
    above, data = sigma - 0.002, 0.5
    return data**2 / (above**2 + data**2), above * data / np.sqrt(sigma**2 + data**2)
    # The sum is squared as a whole: add the two squares.
    above = sigma - sigma_min
    c_out = above * sigma_data / np.sqrt(sigma**2 + sigma_data**2)
    return sigma_data**2 / (above + sigma_data) ** 2, c_out
    # The absolute value of the distance is taken: sigma may lie below sigma_min, where c_out is
    # negative.
    above = sigma - low -> above = np.abs(sigma - low)
    # The pair has c_skip first, then c_out.
    above = sigma - sigma_min
    c_skip = sigma_data**2 / (above**2 + sigma_data**2)
    return above * sigma_data / np.sqrt(sigma**2 + sigma_data**2), c_skip
    # sigma_data is above 0, so nothing has to be added below.
    above, data = sigma - sigma_min, sigma_data
    c_skip = data**2 / (above**2 + data**2 + 1e-8)
    return c_skip, above * data / np.sqrt(sigma**2 + data**2 + 1e-8)
    # The numerator of c_out has a square too many: sigma_data itself is there.
    above * data / np.sqrt -> above * data**2 / np.sqrt
    # The two do not sum to 1: c_out has a formula of its own.
    c_skip = sigma_data**2 / ((sigma - sigma_min) ** 2 + sigma_data**2)
    return c_skip, 1 - c_skip
    # c_skip is a ratio of standard deviations: it is one of variances, whose parts are squared.
    above = sigma - sigma_min
    c_out = above * sigma_data / np.sqrt(sigma**2 + sigma_data**2)
    return sigma_data / (above + sigma_data), c_out
    """,
    "ode_step": """
    # The step has the wrong sign: sigma changes by low - high.
    high, low = each(high, x), each(low, x)
    change = rows(high - low, x)
    slope = eps_model(x, high)
    euler = x + change * slope
    return euler if solver == "euler" else x + change / 2 * (slope + eps_model(euler, low))
    # The step has another length than it should have: it is the change of sigma, low - high.
    low - high -> low (everywhere)
    # The length of the step is missing: the noise is multiplied by low - high.
    change = rows(np.sign(each(low, x) - each(high, x)), x)
    slope = evaluate(eps_model, "eps_model", x, high)
    euler = x + change * slope
    if solver == "euler":
        return euler
    return x + change / 2 * (slope + evaluate(eps_model, "eps_model", euler, low))
    # The first prediction belongs to the level where x is, high.
    evaluate(eps_model, "eps_model", x, high) -> evaluate(eps_model, "eps_model", x, low)
    # Heun's second prediction is made at the level low.
    evaluate(eps_model, "eps_model", euler, low) -> evaluate(eps_model, "eps_model", euler, high)
    # Heun's second prediction is made where Euler's step has led, not at x.
    evaluate(eps_model, "eps_model", euler, low) -> evaluate(eps_model, "eps_model", x, low)
    # The two predictions are added: divide their sum by 2.
    (low - high) / 2 -> (low - high)
    # Heun begins again at x, not where Euler's step has led.
    return x + per_example -> return euler + per_example
    # Without a name it is Euler, and "heun" takes the mean of two predictions.
    if solver == "euler": -> if solver != "none":
    # Euler takes one prediction, Heun two.
    if solver == "euler": -> if solver == "heun":
    # This is the midpoint method; Heun's second prediction is at the end.
    high, low = each(high, x), each(low, x)
    change = rows(low - high, x)
    slope = eps_model(x, high)
    if solver == "euler":
        return x + change * slope
    return x + change * eps_model(x + change / 2 * slope, (low + high) / 2)
    # Heun takes the mean of both predictions, not the second one alone.
    (low - high) / 2 -> low - high
    slope + evaluate -> evaluate
    # The predicted noise is multiplied by sigma: it is the slope already.
    slope = evaluate(eps_model, "eps_model", x, high) ->
        slope = per_example(high, evaluate(eps_model, "eps_model", x, high))
    # The predicted noise has a minus, as a score would need: it is the slope already.
    slope = evaluate(eps_model, "eps_model", x, high) ->
        slope = -evaluate(eps_model, "eps_model", x, high)
    # Levels of each example belong to the rows: reshape them to (N, 1, ..., 1).
    change = np.asarray(low, x.dtype) - np.asarray(high, x.dtype)
    slope = eps_model(x, each(high, x))
    euler = x + change * slope
    return euler if solver == "euler" else x + change / 2 * (slope + eps_model(euler, each(low, x)))
    # Images have more axes than points: reshape the levels to (N, 1, ..., 1).
    change = each(low, x) - each(high, x)
    change = change[:, None] if np.ndim(low) or np.ndim(high) else change[0]
    slope = eps_model(x, each(high, x))
    euler = x + change * slope
    return euler if solver == "euler" else x + change / 2 * (slope + eps_model(euler, each(low, x)))
    # Each example has its own levels, not those of the first one.
    low - high -> low[:1] - high[:1] (everywhere)
    # low may lie above high: no absolute value.
    low - high -> -abs(low - high) (everywhere)
    # The data itself is not scaled: x is alone.
    euler = x + per_example(low - high, slope) ->
        euler = per_example(low / high, x) + per_example(low - high, slope)
    # That is the whole way to the level 0; the step is low - high long.
    return x - rows(each(high, x), x) * eps_model(x, each(high, x))
    # The model takes its levels in the dtype of x: float64 among float32 makes all of it float64.
    high, low = np.ones(len(x)) * high, np.ones(len(x)) * low
    change = rows(low - high, x).astype(x.dtype)
    slope = eps_model(x, high)
    euler = x + change * slope
    return euler if solver == "euler" else x + change / 2 * (slope + eps_model(euler, low))
    # The model takes its level as an array (N,), one for each example.
    change = rows(np.asarray(low, x.dtype) - np.asarray(high, x.dtype), x)
    slope = eps_model(x, np.asarray(high, x.dtype))
    euler = x + change * slope
    if solver == "euler":
        return euler
    return x + change / 2 * (slope + eps_model(euler, np.asarray(low, x.dtype)))
    # Heun's step has its second prediction at every level, at 0 as well.
    if solver == "euler": -> if solver == "euler" or np.all(low == 0):
    # The length of the step is the change of sigma, not its share of the level.
    low - high -> (low - high) / high (everywhere)
    # The model takes its level as an array (N,), one for each example, in the dtype of x.
    change = rows(np.asarray(low, x.dtype) - np.asarray(high, x.dtype), x)
    slope = eps_model(x, high)
    euler = x + change * slope
    return euler if solver == "euler" else x + change / 2 * (slope + eps_model(euler, low))
    # The first prediction belongs to the level where x is, high, not to the middle of the step.
    evaluate(eps_model, "eps_model", x, high) ->
        evaluate(eps_model, "eps_model", x, (high + low) / 2)
    # This is the change of the variance: sigma itself changes by low - high.
    low - high -> low**2 - high**2 (everywhere)
    """,
    "consistency_training_loss": """
    # The model f receives the lower level: each model receives the level of its own point.
    evaluate(f, "f", x + per_example(high, z), high) ->
        evaluate(f, "f", x + per_example(high, z), low)
    # The target model receives the higher level: each model receives the level of its own point.
    evaluate(f_target, "f_target", x + per_example(low, z), low) ->
        evaluate(f_target, "f_target", x + per_example(low, z), high)
    # f is trained at the higher level, f_target gives the target at the lower one.
    high, low = each(low, x), each(high, x)
    target = stop_gradient(f_target(x + rows(low, x) * z, low))
    return distance(f(x + rows(high, x) * z, high), target)
    # f_target has a name of its own: ask it, not f.
    evaluate(f_target, "f_target", x + per_example(low, z), low) ->
        evaluate(f, "f", x + per_example(low, z), low)
    # The output of f_target is a constant: stop its gradient.
    stop_gradient(evaluate(f_target, "f_target", x + per_example(low, z), low)) ->
        evaluate(f_target, "f_target", x + per_example(low, z), low)
    # The gradient flows through f; stop that of f_target.
    evaluate(f, "f", x + per_example(high, z), high) ->
        stop_gradient(evaluate(f, "f", x + per_example(high, z), high))
    # The data is not noised at the lower level: x + low z.
    x + per_example(low, z), low -> x, low
    # The target is the output of f_target at the lower level, not the data: this trains a denoiser.
    stop_gradient(evaluate(f_target, "f_target", x + per_example(low, z), low)) -> x
    # The distance given is not used.
    distance(evaluate(f, "f", x + per_example(high, z), high), target) ->
        mse(evaluate(f, "f", x + per_example(high, z), high), target)
    # The output of f comes first in distance(a, b).
    distance(evaluate(f, "f", x + per_example(high, z), high), target) ->
        distance(target, evaluate(f, "f", x + per_example(high, z), high))
    # The root of the higher level is taken: a level is a standard deviation.
    per_example(high, z) -> per_example(np.sqrt(high), z)
    # The higher level is squared: a level is a standard deviation.
    per_example(high, z) -> per_example(high**2, z)
    # The noise is subtracted: it is added.
    x + per_example(high, z) -> x - per_example(high, z)
    # The squares are summed: `mse` takes their mean.
    return distance -> return x.size ** (distance is mse) * distance
    # Mean squares, not mean absolute values, unless another distance is given.
    found = f(x + rows(each(high, x), x) * z, each(high, x))
    target = stop_gradient(f_target(x + rows(each(low, x), x) * z, each(low, x)))
    return np.mean(np.abs(found - target)) if distance is mse else distance(found, target)
    # Levels of each example belong to the rows: reshape them to (N, 1, ..., 1).
    target = stop_gradient(f_target(x + np.asarray(low, x.dtype) * z, each(low, x)))
    return distance(f(x + np.asarray(high, x.dtype) * z, each(high, x)), target)
    # Images have more axes than points: reshape the levels to (N, 1, ..., 1).
    high, low = each(high, x), each(low, x)
    target = stop_gradient(f_target(x + low[:, None] * z, low))
    return distance(f(x + high[:, None] * z, high), target)
    # Here data is noised by x + level z, without shrinking it.
    x + per_example(high, z) -> per_example(1 / np.sqrt(1 + high**2), x + per_example(high, z))
    # The weight is part of the distance: no other one.
    return distance -> return 1 / np.mean(high - low) * distance
    # The lower point has the same noise as the higher one.
    x + per_example(low, z), low -> x + per_example(low, z[::-1]), low
    # Each example has its own levels, not those of the first one.
    per_example(high, z) -> high[0] * z
    # The models take their levels in the dtype of x: float64 makes all of it float64.
    high, low = np.ones(len(x)) * high, np.ones(len(x)) * low
    target = stop_gradient(f_target(x + rows(low, x) * z, low))
    return distance(f(x + rows(high, x) * z, high), target)
    # The models take their levels as arrays (N,), one for each example.
    high, low = np.asarray(high, x.dtype), np.asarray(low, x.dtype)
    target = stop_gradient(f_target(x + rows(low, x) * z, low))
    return distance(f(x + rows(high, x) * z, high), target)
    # The roots of both levels are taken: a level is a standard deviation.
    high, low = each(high, x), each(low, x)
    target = stop_gradient(f_target(x + rows(np.sqrt(low), x) * z, low))
    return distance(f(x + rows(np.sqrt(high), x) * z, high), target)
    # f has a name of its own: call it at the higher level, not f_target.
    evaluate(f, "f", x + per_example(high, z), high) ->
        evaluate(f_target, "f_target", x + per_example(high, z), high)
    """,
    "multistep": """
    # The noise that f leaves is not subtracted: take the root of sigma^2 - sigma_min^2.
    numpy.sqrt(sigma**2 - low**2) -> sigma
    # Standard deviations are subtracted: variances subtract, and the root is taken of sigma^2 -
    # sigma_min^2.
    numpy.sqrt(sigma**2 - low**2) -> sigma - low
    # The noise is multiplied by a variance: take the root of sigma^2 - sigma_min^2.
    numpy.sqrt(sigma**2 - low**2) -> (sigma**2 - low**2)
    # The variance of the noise is a difference.
    numpy.sqrt(sigma**2 - low**2) -> numpy.sqrt(sigma**2 + low**2)
    # Noise is added to the last sample, not to x.
    x0 + per_example(numpy.sqrt(sigma**2 - low**2), z) ->
        x + per_example(numpy.sqrt(sigma**2 - low**2), z)
    # The last sample is missing: noise is added to it.
    x0 + per_example(numpy.sqrt(sigma**2 - low**2), z) ->
        per_example(numpy.sqrt(sigma**2 - low**2), z)
    # The first level is that of x itself: no noise is added before its call.
    x0 = evaluate(f, "f", x, falling[0]) -> x0 = x
    for sigma in falling[1:]: -> for sigma in falling:
    # The first level has been used: go on with the second.
    for sigma in falling[1:]: -> for sigma in falling:
    # The last level is used as well.
    for sigma in falling[1:]: -> for sigma in falling[1:-1]:
    # f is called at the level that the noise has led to.
    evaluate(f, "f", x0 + per_example(numpy.sqrt(sigma**2 - low**2), z), sigma) ->
        evaluate(f, "f", x0 + per_example(numpy.sqrt(sigma**2 - low**2), z), falling[0])
    # Every level has fresh noise: draw it inside of the loop.
    x0 = f(x, each(sigmas[0], x))
    z = rng.standard_normal(x.shape, dtype=x.dtype)
    for sigma in sigmas[1:]:
        x0 = f(x0 + np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype) * z, each(sigma, x))
    return x0
    # After the last noise f is called once more.
    x0 = f(x, each(sigmas[0], x))
    for sigma in sigmas[1:]:
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        x0 = f(x0, each(sigma, x)) + np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype) * z
    return x0
    # The first call of f is at sigmas[0], the level of x.
    evaluate(f, "f", x, falling[0]) -> evaluate(f, "f", x, falling[-1])
    # Without further noise f would have nothing to correct: add it before each further call.
    x0 + per_example(numpy.sqrt(sigma**2 - low**2), z) -> x0 + 0 * z
    # sigma_min is an argument: take what is given.
    numpy.sqrt(sigma**2 - low**2) -> numpy.sqrt(sigma**2 - 0.002**2 * (sigma > 0.002))
    # The noise comes from another generator: draw by `rng`, in the dtype of x.
    rng.standard_normal(shape, dtype=x.dtype) ->
        numpy.random.default_rng(0).standard_normal(shape).astype(x.dtype)
    # Each entry has noise of its own, in the shape of x.
    rng.standard_normal(shape, dtype=x.dtype) -> rng.standard_normal(dtype=x.dtype)
    # Noise is normal, not uniform.
    rng.standard_normal(shape, dtype=x.dtype) -> rng.random(shape, dtype=x.dtype)
    # Only the call at the last level is the sample, but all levels before it lead there.
    falling[1:] -> falling[-1:] if len(falling) > 1 else []
    # f takes its level as an array (N,), one for each example.
    x0 = f(x, np.asarray(sigmas[0], x.dtype))
    for sigma in sigmas[1:]:
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        width = np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype)
        x0 = f(x0 + width * z, np.asarray(sigma, x.dtype))
    return x0
    # f takes its level in the dtype of x: float64 makes all of it float64.
    x0 = f(x, np.full(len(x), float(sigmas[0])))
    for sigma in sigmas[1:]:
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        width = np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype)
        x0 = f(x0 + width * z, np.full(len(x), float(sigma)))
    return x0
    # The noise is rounded from float64: float32 numbers, drawn in the dtype of x, are other ones.
    rng.standard_normal(shape, dtype=x.dtype) -> rng.standard_normal(shape).astype(x.dtype)
    # The noise leads from sigma_min to sigma, not from one level to the next.
    last = sigmas[0]
    x0 = f(x, each(last, x))
    for sigma in sigmas[1:]:
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        x0 = f(x0 + np.asarray(np.sqrt(last**2 - sigma**2), x.dtype) * z, each(sigma, x))
        last = sigma
    return x0
    # The output of f at the end is the sample, not the noisy point that it received.
    x0 = f(x, each(sigmas[0], x))
    for sigma in sigmas[1:]:
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        x = x0 + np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype) * z
        x0 = f(x, each(sigma, x))
    return x
    # f takes its level as an array (N,), one for each example, in the dtype of x.
    x0 = f(x, sigmas[0])
    for sigma in sigmas[1:]:
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        x0 = f(x0 + np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype) * z, sigma)
    return x0
    # x is noise at the level sigmas[0] already: it is not multiplied once more.
    evaluate(f, "f", x, falling[0]) -> evaluate(f, "f", per_example(falling[0], x), falling[0])
    # Noise is drawn for the further levels alone: a draw before them shifts all others.
    rng.standard_normal(x.shape, dtype=x.dtype)
    x0 = f(x, each(sigmas[0], x))
    for sigma in sigmas[1:]:
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        x0 = f(x0 + np.asarray(np.sqrt(sigma**2 - sigma_min**2), x.dtype) * z, each(sigma, x))
    return x0
    """,
}

VARIANTS = {
    "boundary_scalings": """
    # as shares
    ratio = (sigma - sigma_min) / sigma_data
    return 1 / (1 + ratio**2), (sigma - sigma_min) / np.sqrt(1 + (sigma / sigma_data) ** 2)
    # with powers
    d2 = sigma_data**2.0
    c_out = (sigma - sigma_min) * (d2 / (sigma**2 + d2)) ** 0.5
    return d2 / (d2 + (sigma - sigma_min) ** 2), c_out
    # the square multiplied out
    below = sigma**2 - 2 * sigma * sigma_min + sigma_min**2 + sigma_data**2
    root = np.sqrt(sigma * sigma + sigma_data * sigma_data)
    return sigma_data**2 / below, (sigma * sigma_data - sigma_min * sigma_data) / root
    """,
    "ode_step": """
    # in the other direction: from what is lost
    high, low = each(high, x), each(low, x)
    loss = rows(high - low, x)
    first = eps_model(x, high)
    if solver == "heun":
        first = (first + eps_model(x - loss * first, low)) / 2
    return x - loss * first
    # example by example
    high, low = each(high, x), each(low, x)
    parts = []
    for n in range(len(x)):
        one = x[n : n + 1]
        slope = eps_model(one, high[n : n + 1])
        there = one + (low[n] - high[n]) * slope
        if solver == "heun":
            there = (one + (low[n] - high[n]) * eps_model(there, low[n : n + 1]) + there) / 2
        parts.append(there)
    return np.concatenate(parts)
    # with the axes in reverse
    high, low = each(high, x), each(low, x)
    slope = eps_model(x, high)
    euler = (x.T + (low - high) * slope.T).T
    if solver == "euler":
        return euler
    return (euler + (x.T + (low - high) * eps_model(euler, low).T).T) / 2
    """,
    "consistency_training_loss": """
    # the two points by a loop
    found = []
    for model, sigma in ((f, each(high, x)), (f_target, each(low, x))):
        found.append(model(x + rows(sigma, x) * z, sigma))
    return distance(found[0], stop_gradient(found[1]))
    # with the axes in reverse
    high, low = each(high, x), each(low, x)
    target = f_target((x.T + low * z.T).T, low)
    return distance(f((x.T + high * z.T).T, high), stop_gradient(target))
    # the lower point from the higher one
    high, low = each(high, x), each(low, x)
    noisy = x + rows(high, x) * z
    target = stop_gradient(f_target(noisy - rows(high - low, x) * z, low))
    return distance(f(noisy, high), target)
    """,
    "multistep": """
    # by recursion over the levels
    def at(x, sigma):
        return f(x, np.full(len(x), sigma, x.dtype))
    sample = at(x, sigmas[0])
    for k in range(1, len(sigmas)):
        width = ((sigmas[k] - sigma_min) * (sigmas[k] + sigma_min)) ** 0.5
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        sample = at(sample + z * np.asarray(width, x.dtype), sigmas[k])
    return sample
    # with an iterator over the levels
    left = iter(sigmas)
    sample = f(x, each(next(left), x))
    for sigma in left:
        noise = rng.standard_normal(x.shape, dtype=x.dtype)
        noise *= np.sqrt(sigma**2 - sigma_min**2)
        sample = f(sample + noise, each(sigma, x))
    return sample
    """,
}

EQUIVALENT = {
    "consistency_training_loss": """
    # the size that is left to be found out may be any negative number
    (-1,) + (1,) * (np.ndim(x) - 1) → (-2,) + (1,) * (np.ndim(x) - 1)
    """,
}
