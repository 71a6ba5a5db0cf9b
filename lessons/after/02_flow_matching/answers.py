"""Mistakes in the exercises of after/02, and other right answers."""

import autograd.numpy as np
from scipy.optimize import linear_sum_assignment

from minigen.tensor import stop_gradient


def by_rows(values, x):
    """One number for each example, to go with x."""
    return np.reshape(values, np.shape(values) + (1,) * (np.ndim(x) - np.ndim(values)))


def squared_distances(x0, eps):
    a, b = np.reshape(x0, (len(x0), -1)), np.reshape(eps, (len(eps), -1))
    return np.sum((a[:, None] - b[None]) ** 2, axis=2)


def slopes_and_chord(velocity, x, times):
    times = np.asarray(times)
    start, slopes = x, []
    for time, after in zip(times[:-1], times[1:]):
        slopes.append(velocity(x, np.full(len(x), time, x.dtype)))
        x = x + (after - time) * slopes[-1]
    shares = np.diff(times) / (times[-1] - times[0])
    return slopes, (x - start) / (times[-1] - times[0]), shares


MISTAKES = {
    "interpolate": """
    # Time 0 is the data: t and 1 - t are exchanged.
    t = by_rows(t, x0)
    return t * x0 + (1 - t) * eps
    # These are the factors of a diffusion process: on a line the factors add up to 1.
    t = by_rows(t, x0)
    return np.sqrt(1 - t**2) * x0 + t * eps
    # The data keeps its full size: it is multiplied by 1 - t.
    return x0 + by_rows(t, x0) * eps
    # One time is taken for the whole batch: each example has its own.
    t = np.mean(t)
    return (1 - t) * x0 + t * eps
    # This is the velocity times t, without the point of departure.
    return by_rows(t, x0) * (eps - x0)
    """,
    "flow_matching_loss": """
    # The target is the noise, not the velocity.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - eps) ** 2)
    # The sign of the velocity is reversed: it points to the noise.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - (x0 - eps)) ** 2)
    # The model is called at the data: it receives x_t.
    v = model(x0, t) if y is None else model(x0, t, y)
    return np.mean((v - (eps - x0)) ** 2)
    # The model is given 1 - t: time 0 is the data.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, 1 - t) if y is None else model(x_t, 1 - t, y)
    return np.mean((v - (eps - x0)) ** 2)
    # The squares are summed over the coordinates: take the mean over these, too.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.sum((v - (eps - x0)) ** 2) / len(x0)
    # The condition is dropped: pass y on where it is given.
    s = by_rows(t, x0)
    return np.mean((model((1 - s) * x0 + s * eps, t) - (eps - x0)) ** 2)
    # The loss is right, and no gradient reaches the model: its output must be differentiated.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((stop_gradient(v) - (eps - x0)) ** 2)
    # Whether a condition is given is not its truth: an array has none. Compare with None.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t, y) if y else model(x_t, t)
    return np.mean((v - (eps - x0)) ** 2)
    # A condition of zeros is taken for none: it is a class like any other. Compare y with None.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t, y) if np.any(y) else model(x_t, t)
    return np.mean((v - (eps - x0)) ** 2)
    # Data and noise are exchanged on the line: at t = 0 it is x0.
    s = by_rows(t, x0)
    x_t = s * x0 + (1 - s) * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - (eps - x0)) ** 2)
    """,
    "velocity_from_eps": """
    # The sign is reversed: the velocity points to the noise.
    return (x - eps) / (1 - by_rows(t, x))
    # The distance to the noise is covered in the time 1 - t, not t.
    return (eps - x) / (by_rows(t, x) + 1e-9)
    # The time that remains has no least value: near t = 1 the velocity is large.
    return (eps - x) / np.maximum(1 - by_rows(t, x), 0.05)
    # The division by 1 - t is missing.
    return eps - x + 0 * by_rows(t, x)
    # The factor 1 - t is squared: one division is enough.
    return (eps - x) / (1 - by_rows(t, x)) ** 2
    # This is the predicted x_0: subtract it from eps.
    t = by_rows(t, x)
    return (x - t * eps) / (1 - t)
    """,
    "flow_alpha_bar": """
    # The square is missing: alpha_bar is the square of the factor of the data.
    return (1 - t) / np.sqrt((1 - t) ** 2 + t**2)
    # This is the share of the noise: data and noise are exchanged.
    return t**2 / ((1 - t) ** 2 + t**2)
    # The division by the sum of the squares is missing.
    return (1 - t) ** 2
    # This is the ratio of signal and noise: divide by the sum of both.
    return (1 - t) ** 2 / np.maximum(t, 1e-9) ** 2
    # The number t = 1 divides by 0 in Python: multiply the ratio out.
    with np.errstate(divide="ignore"):
        return 1 / (1 + (t / (1 - t)) ** 2)
    # The factors themselves add up to 1: their squares have to.
    return 1 - t
    """,
    "ot_pairs": """
    # Lengths are added: the cost of a pair is its squared distance.
    return x0, eps[linear_sum_assignment(np.sqrt(squared_distances(x0, eps)))[1]]
    # The nearest noise of each data point is taken, and so some noises twice.
    return x0, eps[np.argmin(squared_distances(x0, eps), axis=1)]
    # The matrix is transposed: its rows belong to the data.
    return x0, eps[linear_sum_assignment(squared_distances(x0, eps).T)[1]]
    # The pairs stay as they were drawn.
    return x0, eps
    # Both sides are rearranged by the columns: that changes no pair.
    columns = linear_sum_assignment(squared_distances(x0, eps))[1]
    return x0[columns], eps[columns]
    # The greatest sum of costs is taken in the place of the least.
    return x0, eps[linear_sum_assignment(-squared_distances(x0, eps))[1]]
    # The channels of an image are averaged before they are compared: all coordinates count.
    a, b = (np.mean(v, axis=-1) if np.ndim(v) > 2 else v for v in (x0, eps))
    return x0, eps[linear_sum_assignment(squared_distances(a, b))[1]]
    # Only the first coordinate is compared: all of them count.
    a, b = np.reshape(x0, (len(x0), -1)), np.reshape(eps, (len(eps), -1))
    return x0, eps[linear_sum_assignment((a[:, :1] - b[:, 0]) ** 2)[1]]
    """,
    "straightness": """
    # The chord has the wrong sign: the time runs from times[0] to times[-1].
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope + chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # Steps are weighted equally: a longer step counts more.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    return float(np.mean([np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]))
    # The root is taken: the deviation is squared.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    lengths = [np.mean(np.sqrt(np.sum((slope - chord) ** 2, axis=1))) for slope in slopes]
    return float(np.sum(shares * np.array(lengths)))
    # The deviation is taken from the first velocity, not from the chord.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope - slopes[0]) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # This is the mean over the coordinates: the squared distance is their sum.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean((slope - chord) ** 2) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The points stay where they started: the velocity is taken along the path.
    times = np.asarray(times)
    slopes = [velocity(x, np.full(len(x), time, x.dtype)) for time in times[:-1]]
    shares = np.diff(times) / (times[-1] - times[0])
    chord = sum(share * slope for share, slope in zip(shares, slopes))
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The steps go back, against the velocity: add the change of the time times the velocity.
    times = np.asarray(times)
    shares, slopes = np.diff(times) / (times[-1] - times[0]), []
    for time, after in zip(times[:-1], times[1:]):
        slopes.append(velocity(x, np.full(len(x), time, x.dtype)))
        x = x - (after - time) * slopes[-1]
    chord = sum(share * slope for share, slope in zip(shares, slopes))
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The chord is the whole way, not the way in the time that it takes.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    chord = chord * (times[-1] - times[0])
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    """,
}

VARIANTS = {
    "interpolate": """
    # from the data by the velocity
    return x0 + by_rows(t, x0) * (eps - x0)
    """,
    "flow_matching_loss": """
    # with the line as its start and a part of the way
    s = by_rows(t, x0)
    x_t = x0 + s * (eps - x0)
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - eps + x0) ** 2)
    """,
    "velocity_from_eps": """
    # by the predicted data
    t = by_rows(t, x)
    return eps - (x - t * eps) / (1 - t)
    """,
    "flow_alpha_bar": """
    # with the sum of the squares written out
    return (1 - t) ** 2 / (1 - 2 * t + 2 * t**2)
    """,
    "ot_pairs": """
    # the squared lengths do not depend on the pairing: the products decide
    a, b = np.reshape(x0, (len(x0), -1)), np.reshape(eps, (len(eps), -1))
    return x0, eps[linear_sum_assignment(-a @ b.T)[1]]
    """,
    "straightness": """
    # the mean square of the velocity less that of the chord, which is its mean
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    deviation = 0.0
    for share, slope in zip(shares, slopes):
        deviation = deviation + share * np.sum((slope - chord) ** 2) / len(x)
    return float(deviation)
    """,
}

EQUIVALENT = {
    "flow_matching_loss": """
    # the squared error is symmetric
    mse(v, velocity_target(x0, eps)) → mse(velocity_target(x0, eps), v)
    """,
    "straightness": """
    shares @ squares → squares @ shares  # a product of two vectors
    """,
}
