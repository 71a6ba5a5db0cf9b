"""Mistakes in the exercises of diffusion/04, and other right answers."""

import autograd.numpy as np

from minigen.tensor import stop_gradient


def at(values, t, x):
    """values[t] for each example, to go with x."""
    return np.reshape(values[t], (-1,) + (1,) * (np.ndim(x) - 1)) if np.ndim(t) else values[t]


def noised(x0, t, eps, s):
    a = at(s.alpha_bar, t, x0)
    return np.sqrt(a) * x0 + np.sqrt(1 - a) * eps


def mean_square(a):
    return (a**2).mean()


def the_mean(x, t, eps, s):
    return (x - (1 - s.alpha[t]) / np.sqrt(1 - s.alpha_bar[t]) * eps) / np.sqrt(s.alpha[t])


def chosen(variance, t, s):
    return s.beta[t] if isinstance(variance, str) else variance


MISTAKES = {
    "bound_weight": """
    # The distance of the means is not squared.
    beta**2 -> beta
    # The 2 of the KL divergence is missing.
    2 * variance * alpha -> variance * alpha
    # The shrinking of one step is taken for that of all steps.
    schedule.alpha[t] -> schedule.alpha_bar[t]
    # The noise of all steps is taken for that of one step.
    1 - alpha_bar -> 1 - alpha
    # The shrinking of the forward step is not undone in the means.
    2 * variance * alpha -> 2 * variance
    # The share of the data is used where that of the noise belongs.
    (1 - alpha_bar) -> alpha_bar
    # The variance multiplies: the wider the Gaussians are, the less an error costs.
    2 * variance * alpha -> 2 / variance * alpha
    # The KL divergence is divided by a standard deviation, not by a variance.
    2 * variance * alpha -> 2 * np.sqrt(variance) * alpha
    # The variance is squared, which gives a fourth power of the standard deviation: the KL
    # divergence divides by the variance once.
    2 * variance * alpha -> 2 * variance**2 * alpha
    # The root of the noise is taken, which is the factor of eps in x_t: here its square divides.
    (1 - alpha_bar) -> np.sqrt(1 - alpha_bar)
    # This is the factor of the distance of the means, not of its square.
    beta**2 / (2 * variance * alpha * (1 - alpha_bar)) ->
        beta / np.sqrt(2 * variance * alpha * (1 - alpha_bar))
    # The variance of the forward step is taken for that of the two Gaussians.
    2 * variance * alpha -> 2 * beta * alpha
    # The arrays are indexed by the time step itself, not by the one before.
    schedule.alpha_bar[t] -> schedule.alpha_bar[t - 1] + 1e-9
    """,
    "simple_loss": """
    # The model predicts the noise, so its output is compared with eps, not with x0.
    return mean_square(x0 - eps_model(noised(x0, t, eps, schedule), t))
    q_sample(x0, t, eps, schedule) -> x0  # The model receives the noisy data x_t, not x0.
    # Square roots are missing: x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps.
    a = at(schedule.alpha_bar, t, x0)
    return mean_square(eps - eps_model(a * x0 + (1 - a) * eps, t))
    # alpha belongs to one step; t steps have alpha_bar, the product.
    a = at(schedule.alpha, t, x0)
    return mean_square(eps - eps_model(np.sqrt(a) * x0 + np.sqrt(1 - a) * eps, t))
    # The arrays are indexed by the time step itself: alpha_bar[t], not alpha_bar[t - 1].
    q_sample(x0, t, eps, schedule) -> noised(x0, t - 1, eps, schedule)
    # The model receives the time t of its input x_t, not t - 1.
    eps_model(x_t, t) -> eps_model(x_t, t - 1)
    # Give the model t as it is, of shape (N,): only alpha_bar is reshaped to go with the data.
    eps_model(x_t, t) -> eps_model(x_t, np.reshape(t, (-1, 1)))
    # A root has no gradient where the prediction is exact: take the mean of the squares.
    residual = eps - eps_model(noised(x0, t, eps, schedule), t)
    return np.sqrt(np.mean(residual**2)) ** 2
    # Data and noise are swapped: the data is multiplied by sqrt(alpha_bar).
    q_sample(x0, t, eps, schedule) -> noised(eps, t, x0, schedule)
    # Take the mean over the dimensions as well, not their sum.
    return np.sum((eps - eps_model(noised(x0, t, eps, schedule), t)) ** 2) / len(x0)
    # The squares are halved: the loss is the plain mean of the squares.
    return 0.5 * mean_square(eps - eps_model(noised(x0, t, eps, schedule), t))
    # Absolute values are averaged: take the squares.
    mse(eps_model(x_t, t), eps) ->
        (((eps - eps_model(noised(x0, t, eps, schedule), t)) ** 2) ** 0.5).mean()
    # Give the model the time step itself, not its share of all T.
    eps_model(x_t, t) -> eps_model(x_t, t / schedule.T)
    # Each example has its own time step: this adds the noise of the first one's to all.
    q_sample(x0, t, eps, schedule) -> noised(x0, t[0], eps, schedule)
    # Absolute values are averaged: take the squares.
    mse(eps_model(x_t, t), eps) -> np.abs(eps - eps_model(x_t, t)).mean()
    # This is a Huber loss; the mean of plain squares is asked for.
    size = np.abs(eps - eps_model(noised(x0, t, eps, schedule), t))
    return np.mean(np.where(size < 1, size**2, 2 * size - 1))
    # This is a Huber loss; the mean of plain squares is asked for.
    size = np.abs(eps - eps_model(noised(x0, t, eps, schedule), t))
    return np.mean(np.where(size < 1, 0.5 * size**2, size - 0.5))
    # eps is multiplied by a variance, not by a standard deviation.
    a = at(schedule.alpha_bar, t, x0)
    return mean_square(eps - eps_model(np.sqrt(a) * x0 + (1 - a) * eps, t))
    # The data is multiplied by a share of the variance, not by its root.
    a = at(schedule.alpha_bar, t, x0)
    return mean_square(eps - eps_model(a * x0 + np.sqrt(1 - a) * eps, t))
    # beta is the variance that one step adds; after t steps the noise has variance 1 - alpha_bar.
    a, b = at(schedule.alpha_bar, t, x0), at(schedule.beta, t, x0)
    return mean_square(eps - eps_model(np.sqrt(a) * x0 + np.sqrt(b) * eps, t))
    # The noisy data may lie anywhere: do not clip it.
    q_sample(x0, t, eps, schedule) -> np.clip(noised(x0, t, eps, schedule), -1, 1)
    # Training needs the gradient of the model's prediction: do not stop it there.
    eps_model(x_t, t) -> stop_gradient(eps_model(x_t, t))
    # Call the model once, because it costs most of the time: square its difference from eps.
    x_t = noised(x0, t, eps, schedule)
    return np.mean((eps - eps_model(x_t, t)) * (eps - eps_model(x_t, t)))
    # A small number under the root is not harmless: at the first steps 1 - alpha_bar is small too.
    a = at(schedule.alpha_bar, t, x0)
    return mean_square(eps - eps_model(np.sqrt(a) * x0 + np.sqrt(1 - a + 1e-6) * eps, t))
    # The root of the mean is taken: the loss is the mean of the squares.
    return np.sqrt(mean_square(eps - eps_model(noised(x0, t, eps, schedule), t)))
    # The mean over examples and dimensions is asked for, not the sum.
    return np.sum((eps - eps_model(noised(x0, t, eps, schedule), t)) ** 2)
    # Every time step counts the same: no weight.
    residual = eps - eps_model(noised(x0, t, eps, schedule), t)
    return mean_square(np.sqrt(at(schedule.beta, t, x0)) * residual)
    # Call the model once, with the whole batch, not for one example after the other.
    x_t = noised(x0, t, eps, schedule)
    parts = [eps_model(x_t[n : n + 1], t[n : n + 1]) for n in range(len(x0))]
    return mean_square(eps - np.concatenate(parts))
    # Images have more axes than points: reshape alpha_bar to (N, 1, ..., 1).
    a = schedule.alpha_bar[t][:, None]
    return mean_square(eps - eps_model(np.sqrt(a) * x0 + np.sqrt(1 - a) * eps, t))
    # The mean of the errors is squared: take the mean of the squares.
    return np.mean(eps - eps_model(noised(x0, t, eps, schedule), t)) ** 2
    # The model predicts the noise: its output is compared with eps, not with its input.
    x_t = noised(x0, t, eps, schedule)
    return mean_square(x_t - eps_model(x_t, t))
    # Each example keeps its own loss: take the mean over the examples as well.
    residual = eps - eps_model(noised(x0, t, eps, schedule), t)
    return np.mean(np.reshape(residual**2, (len(x0), -1)), axis=1)
    """,
    "mean_from_eps": """
    # This is the predicted x0, all noise removed at once; the mean of one step removes only a part.
    alpha -> alpha_bar (everywhere)
    # The bar under the root is missing: the noise in x_t is that of all t steps.
    alpha_bar -> alpha (everywhere)
    # The noise is divided by its variance, not by its standard deviation.
    np.sqrt(1 - alpha_bar) -> (1 - alpha_bar)
    # The shrinking of the forward step is made once more, not undone.
    1 / np.sqrt(alpha) -> np.sqrt(alpha)
    np.sqrt(alpha) -> alpha  # The shrinking was by sqrt(alpha_t), not by alpha_t.
    np.sqrt(alpha) -> 1  # The shrinking of the forward step is not undone.
    1 - alpha -> alpha - 1  # The noise is taken away, not added.
    # The shrinking is undone for x_t alone: the noise was a part of x_t when it shrank.
    a, ab = at(schedule.alpha, t, x_t), at(schedule.alpha_bar, t, x_t)
    return x_t / np.sqrt(a) - (1 - a) / np.sqrt(1 - ab) * eps
    # A small number under the root is not harmless: at the first steps 1 - alpha_bar is small too.
    np.sqrt(1 - alpha_bar) -> np.sqrt(1 - alpha_bar + 1e-6)
    # This is the deterministic step of DDIM; the mean of the reverse step keeps less of the noise.
    ab, before = at(schedule.alpha_bar, t, x_t), at(schedule.alpha_bar, t - 1, x_t)
    x0 = (x_t - np.sqrt(1 - ab) * eps) / np.sqrt(ab)
    return np.sqrt(before) * x0 + np.sqrt(1 - before) * eps
    # Do not clip: the mean of the reverse step is linear in x_t and eps.
    a, ab = at(schedule.alpha, t, x_t), at(schedule.alpha_bar, t, x_t)
    x0 = np.clip((x_t - np.sqrt(1 - ab) * eps) / np.sqrt(ab), -1, 1)
    return (np.sqrt(a) * (1 - ab / a) * x_t + np.sqrt(ab / a) * (1 - a) * x0) / (1 - ab)
    # The arrays are indexed by the time step itself: alpha[t], not alpha[t - 1].
    schedule.alpha[t] -> schedule.alpha[t - 1]
    # The numerator of the weight of the noise has a root too many: a variance is there.
    (1 - alpha) / np.sqrt(1 - alpha_bar) -> np.sqrt(1 - alpha) / np.sqrt(1 - alpha_bar)
    # alpha_bar belongs to x_t, so it is taken at t, not at t - 1.
    schedule.alpha_bar[t] -> schedule.alpha_bar[t - 1]
    # A small number in the divisor is not harmless: at the first steps 1 - alpha_bar is small too.
    np.sqrt(1 - alpha_bar) -> (np.sqrt(1 - alpha_bar) + 1e-6)
    # Nothing is clipped here, the mean neither.
    alpha, alpha_bar = at(schedule.alpha, t, x_t), at(schedule.alpha_bar, t, x_t)
    return np.clip((x_t - (1 - alpha) / np.sqrt(1 - alpha_bar) * eps) / np.sqrt(alpha), -1, 1)
    # Images have more axes than points: reshape the factors to (N, 1, ..., 1).
    a, ab = schedule.alpha[t], schedule.alpha_bar[t]
    a, ab = (a[:, None], ab[:, None]) if np.ndim(t) else (a, ab)
    return (x_t - (1 - a) / np.sqrt(1 - ab) * eps) / np.sqrt(a)
    # Under the root is the share of the data, not that of the noise.
    np.sqrt(1 - alpha_bar) -> np.sqrt(alpha_bar)
    # Numerator and denominator have each other's time: one step adds the one, all steps the other.
    (1 - alpha) / np.sqrt(1 - alpha_bar) -> (1 - alpha_bar) / np.sqrt(1 - alpha)
    # t may be an array (N,), a time step for each example.
    alpha, alpha_bar = float(schedule.alpha[t]), float(schedule.alpha_bar[t])
    return (x_t - (1 - alpha) / np.sqrt(1 - alpha_bar) * eps) / np.sqrt(alpha)
    """,
    "ancestral_step": """
    # At the last step, t = 1, no noise is added: what it returns is data. (`if t > 0` is always
    # true.)
    t == 1 -> 0
    # The step from 2 to 1 is without fresh noise: only the last step, t = 1, is.
    t == 1 -> t <= 2
    # z is scaled by the standard deviation, the square root of the variance.
    np.sqrt(variance) -> variance
    np.sqrt(variance) -> 1  # The fresh noise has its own width, sigma_t: scale z.
    z -> eps  # The fresh noise is z; eps is what the model saw in x, and the mean has used it up.
    z -> 0  # This is the mean only: the fresh noise is missing.
    # The variance that is given as an argument is to be used; this takes beta_t always.
    np.sqrt(variance) -> np.sqrt(schedule.beta[t])
    # The variance of one step is beta_t; 1 - alpha_bar_t is that of all t steps together.
    sigma = np.sqrt(1 - schedule.alpha_bar[t] if isinstance(variance, str) else variance)
    return the_mean(x, t, eps, schedule) + (sigma * z if t > 1 else 0)
    # This is the variance of the posterior; with "beta" it is beta_t.
    a, ab = schedule.alpha[t], schedule.alpha_bar[t]
    posterior = schedule.beta[t] * (1 - ab / a) / (1 - ab)
    sigma = np.sqrt(posterior if isinstance(variance, str) else variance)
    return the_mean(x, t, eps, schedule) + (sigma * z if t > 1 else 0)
    # At the last step no noise is added, even if the variance is given.
    sigma = np.sqrt(chosen(variance, t, schedule))
    noisy = t > 1 or not isinstance(variance, str)
    return the_mean(x, t, eps, schedule) + (sigma * z if noisy else 0)
    # The array that is given holds variances: its square root scales z.
    sigma = np.sqrt(schedule.beta[t]) if isinstance(variance, str) else variance
    return the_mean(x, t, eps, schedule) + (sigma * z if t > 1 else 0)
    # The shrinking of the forward step is to be undone: the mean has a division by sqrt(alpha_t).
    mean_from_eps(x, t, eps, schedule) -> the_mean(x, t, eps, schedule) * np.sqrt(schedule.alpha[t])
    # beta is indexed by the time step itself: at t, not at t - 1.
    sigma = np.sqrt(schedule.beta[t - 1] if isinstance(variance, str) else variance)
    return the_mean(x, t, eps, schedule) + (sigma * z if t > 1 else 0)
    # At t = 1 only the fresh noise is left out: the mean is still taken.
    t == 1: return mean -> t == 1: return x
    # Nothing is clipped, not even the data at the end.
    t == 1: return mean -> t == 1: return np.clip(mean, -1, 1)
    # The array that is given holds variances, not their logarithms: do not take exp of it.
    np.sqrt(variance) -> np.sqrt(np.exp(variance) if np.ndim(variance) else variance)
    # The first step, t = T, is without fresh noise: only the last step, t = 1, is.
    t == 1 -> t in (1, schedule.T)
    # The variance has a floor: it may be as small as you like.
    np.sqrt(variance) -> np.sqrt(np.maximum(variance, 1e-8))
    # The variance has a floor: it may be as small as you like.
    np.sqrt(variance) -> np.sqrt(np.maximum(variance, 1e-20))
    # A small number is added to the variance: it may be as small as you like.
    np.sqrt(variance) -> np.sqrt(variance + 1e-8)
    # Nothing is clipped.
    sigma = np.sqrt(chosen(variance, t, schedule))
    return np.clip(the_mean(x, t, eps, schedule) + (sigma * z if t > 1 else 0), -1, 1)
    # An array is not compared with "beta" as a whole: ask whether variance is a string first.
    if variance == "beta":
        variance = schedule.beta[t]
    return the_mean(x, t, eps, schedule) + (np.sqrt(variance) * z if t > 1 else 0)
    # Fresh noise is added behind the mean: the division by sqrt(alpha_t) is not its own.
    sigma = np.sqrt(chosen(variance, t, schedule) / schedule.alpha[t])
    return the_mean(x, t, eps, schedule) + (sigma * z if t > 1 else 0)
    # Each entry has its own variance, not the mean of all.
    np.sqrt(variance) -> np.sqrt(np.mean(variance))
    # The variance that is given is that of the noise: beta_t has no part in it.
    np.sqrt(variance) -> np.sqrt(variance * schedule.beta[t] ** (np.ndim(variance) > 0))
    """,
}

VARIANTS = {
    "bound_weight": """
    # the distance of the means for an error of 1, squared
    distance = schedule.beta[t] / np.sqrt(schedule.alpha[t] * (1 - schedule.alpha_bar[t]))
    return distance**2 / variance / 2
    """,
    "simple_loss": """
    # by the library's length, whose gradient at 0 is 0
    residual = np.ravel(eps - eps_model(noised(x0, t, eps, schedule), t))
    return np.linalg.norm(residual) ** 2 / len(residual)
    # sum over count
    signal, noise = schedule.alpha_bar[t] ** 0.5, (1 - schedule.alpha_bar[t]) ** 0.5
    guess = eps_model((signal * x0.T + noise * eps.T).T, t)
    return ((guess - eps) ** 2).sum() / x0.size
    """,
    "mean_from_eps": """
    # the posterior mean with the guess of x0 put in
    a, ab = at(schedule.alpha, t, x_t), at(schedule.alpha_bar, t, x_t)
    before = ab / a
    x0 = (x_t - np.sqrt(1 - ab) * eps) / np.sqrt(ab)
    return (np.sqrt(a) * (1 - before) * x_t + np.sqrt(before) * (1 - a) * x0) / (1 - ab)
    """,
    "ancestral_step": """
    # the switch as a factor
    a, ab = schedule.alpha[t], schedule.alpha_bar[t]
    center = x / np.sqrt(a) - schedule.beta[t] / np.sqrt(a * (1 - ab)) * eps
    return center + (t > 1) * chosen(variance, t, schedule) ** 0.5 * z
    """,
}

EQUIVALENT = {
    "simple_loss": """
    # the square of a difference does not depend on its sign
    mse(eps_model(x_t, t), eps) → mse(eps, eps_model(x_t, t))
    # any negative size is the free one
    (-1,) + (1,) * (np.ndim(x0) - 1) → (-2,) + (1,) * (np.ndim(x0) - 1)
    """,
    "mean_from_eps": """
    # any negative size is the free one
    (-1,) + (1,) * (np.ndim(x_t) - 1) → (-2,) + (1,) * (np.ndim(x_t) - 1)
    """,
}
