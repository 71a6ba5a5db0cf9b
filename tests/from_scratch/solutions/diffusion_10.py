"""DDIM in ten steps of equal length in t: from the predicted noise to x_0, and back to an earlier time."""

import numpy as np

CALLS = 10


def sample(state, x_T):
    eps, alpha_bar = state
    times, x = np.linspace(len(alpha_bar) - 1, 0, CALLS + 1).astype(int), x_T
    for t, s in zip(times[:-1], times[1:]):
        a, b, e = alpha_bar[t], alpha_bar[s], eps(x, t)
        x0 = (x - np.sqrt(1 - a) * e) / np.sqrt(a)
        x = np.sqrt(b) * x0 + np.sqrt(1 - b) * e
    return x
