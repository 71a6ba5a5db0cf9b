"""DDIM again: times even in the log of the signal-to-noise ratio rather than in t."""

import numpy as np

CALLS = 10


def sample(state, x_T):
    eps, alpha_bar = state
    ratio = np.log(alpha_bar[1:] / (1 - alpha_bar[1:]))
    times = [1 + np.abs(ratio - wanted).argmin() for wanted in np.linspace(ratio[-1], ratio[10], CALLS)]
    x = x_T
    for t, s in zip(times, [*times[1:], 0]):
        a, b, e = alpha_bar[t], alpha_bar[s], eps(x, np.full(len(x), t))
        x = np.sqrt(b / a) * (x - np.sqrt(1 - a) * e) + np.sqrt(1 - b) * e
    return x
