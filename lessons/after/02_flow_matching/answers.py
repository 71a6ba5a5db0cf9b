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


def later(t, times):
    """The time after t, of each example."""
    return np.full(len(t), times[list(times).index(t[0]) + 1])


def greedy(cost):
    """The columns of pairs that are chosen row by row, each the nearest that is left."""
    columns = []
    for row in cost:
        columns.append(next(j for j in np.argsort(row) if j not in columns))
    return np.array(columns)


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
    # The square roots of the factors are taken: on a line the factors themselves add up to 1.
    t = by_rows(t, x0)
    return np.sqrt(1 - t) * x0 + np.sqrt(t) * eps
    # Only the factor of the data is a root: these are factors of a diffusion process.
    t = by_rows(t, x0)
    return np.sqrt(1 - t) * x0 + t * eps
    # This is a quarter of a circle from the data to the noise: a line has the factors 1 - t and t.
    t = np.pi / 2 * by_rows(t, x0)
    return np.cos(t) * x0 + np.sin(t) * eps
    # The factors are squared: then they do not add up to 1.
    t = by_rows(t, x0)
    return (1 - t) ** 2 * x0 + t**2 * eps
    # The noise has its full size at all times: it is multiplied by t.
    return (1 - by_rows(t, x0)) * x0 + eps
    # The noise is subtracted: at t = 1 the point is eps.
    t = by_rows(t, x0)
    return (1 - t) * x0 - t * eps
    # The line leads away from the noise: add t times eps - x0.
    return x0 + by_rows(t, x0) * (x0 - eps)
    # The point is scaled to variance 1: a point of the line is not.
    t = by_rows(t, x0)
    return ((1 - t) * x0 + t * eps) / np.sqrt((1 - t) ** 2 + t**2)
    # The point is the midpoint at all times.
    return (x0 + eps) / 2 + 0 * by_rows(t, x0)
    # The speed varies, slow at both ends: it is constant on the line.
    t = by_rows(t, x0)
    t = 3 * t**2 - 2 * t**3
    return (1 - t) * x0 + t * eps
    # The factors are a cosine and a sine of t: a line has the factors 1 - t and t.
    t = by_rows(t, x0)
    return np.cos(t) * x0 + np.sin(t) * eps
    # The noise has the root of t: on a line its factor is t.
    t = by_rows(t, x0)
    return (1 - t) * x0 + np.sqrt(t) * eps
    # Data and noise have the same factor, 1 - t: that of the noise is t.
    t = by_rows(t, x0)
    return (1 - t) * x0 + (1 - t) * eps
    # The times belong to other examples: t[n] is the time of example n.
    t = by_rows(np.flip(t) if np.ndim(t) else t, x0)
    return (1 - t) * x0 + t * eps
    # The time is kept away from 0 and 1: at the ends the point is x0 and eps.
    t = np.clip(by_rows(t, x0), 0.01, 0.99)
    return (1 - t) * x0 + t * eps
    # Data and noise have the same factor, t: that of the data is 1 - t.
    t = by_rows(t, x0)
    return t * x0 + t * eps
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
    # The error itself is averaged, without its sign: take its square.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean(np.abs(v - (eps - x0)))
    # The target is the data: the model predicts a velocity.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - x0) ** 2)
    # The target is what remains of the line, eps - x_t: the velocity is that of the whole line.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - (eps - x_t)) ** 2)
    # The target is the point x_t: the model predicts a velocity.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - x_t) ** 2)
    # The target is the sum of noise and data: it is their difference.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - (eps + x0)) ** 2)
    # The errors are weighted by the time: all times count equally.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean(s * (v - (eps - x0)) ** 2)
    # The model is called on a diffused point: on the line the factors are 1 - t and t.
    s = by_rows(t, x0)
    x_t = np.sqrt(1 - s**2) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - (eps - x0)) ** 2)
    # The same time is used for all points, the mean of t: each example has its own.
    s = np.mean(t)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - (eps - x0)) ** 2)
    # The model is called on the noise: it receives x_t.
    v = model(eps, t) if y is None else model(eps, t, y)
    return np.mean((v - (eps - x0)) ** 2)
    # The model receives the reshaped times: it takes t as it was given, (N,).
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, s) if y is None else model(x_t, s, y)
    return np.mean((v - (eps - x0)) ** 2)
    # The squares are halved: the loss is the plain mean of the squares.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean((v - (eps - x0)) ** 2) / 2
    # The root of the mean is taken: the loss is the mean of the squares.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.sqrt(np.mean((v - (eps - x0)) ** 2))
    # The mean error is squared: square each error, then average.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.mean(v - (eps - x0)) ** 2
    # The largest squared error is taken: take the mean.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, t) if y is None else model(x_t, t, y)
    return np.max((v - (eps - x0)) ** 2)
    # The time is multiplied by 1000: the model takes t unchanged.
    s = by_rows(t, x0)
    x_t = (1 - s) * x0 + s * eps
    v = model(x_t, 1000 * t) if y is None else model(x_t, 1000 * t, y)
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
    # The predicted x_0 is not divided by 1 - t: solve the line for x_0.
    t = by_rows(t, x)
    return eps - (x - t * eps)
    # The x_0 is taken for x - eps: the line has the factors 1 - t and t.
    return eps - (x - eps) + 0 * by_rows(t, x)
    # The x_0 is that of a diffusion process, whose factors are roots: here they are 1 - t and t.
    t = by_rows(t, x)
    return eps - (x - t * eps) / np.sqrt(1 - t**2)
    # The noise is added to x where it should be subtracted from it: x_0 = (x - t eps)/(1 - t).
    t = by_rows(t, x)
    return eps - (x + t * eps) / (1 - t)
    # Only the noise is divided by 1 - t: the whole difference is.
    return eps / (1 - by_rows(t, x)) - x
    # Only the point is divided by 1 - t: the whole difference is.
    return eps - x / (1 - by_rows(t, x))
    # The difference is multiplied by 1 - t: it is divided by the time that remains.
    return (eps - x) * (1 - by_rows(t, x))
    # The root of the time that remains divides: its factor is 1 - t itself.
    return (eps - x) / np.sqrt(1 - by_rows(t, x))
    # The predicted x_0 is solved with t and 1 - t exchanged: at t = 0 the point is x_0.
    t = by_rows(t, x)
    return eps - (x - (1 - t) * eps) / np.maximum(t, 1e-8)
    # A small number is added to 1 - t: t is below 1, and near 1 the number counts.
    return (eps - x) / (1 - by_rows(t, x) + 1e-3)
    # A small number is added to 1 - t: t is below 1, and near 1 the number counts.
    return (eps - x) / (1 - by_rows(t, x) + 1e-5)
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
    # The squares are subtracted from 1: this is a process whose factor of the noise is t.
    return 1 - t**2
    # The root of the sum of the squares divides: square it, as the factor is squared.
    return (1 - t) ** 2 / np.sqrt((1 - t) ** 2 + t**2)
    # This is the cosine schedule of diffusion: the factors here are 1 - t and t.
    return np.cos(np.pi / 2 * t) ** 2
    # The factor of the data is not squared: only the sum below it is.
    return (1 - t) / ((1 - t) ** 2 + t**2)
    # The ratio is squared twice: alpha_bar is the square of the factor, not of itself.
    return ((1 - t) ** 2 / ((1 - t) ** 2 + t**2)) ** 2
    # The values are kept away from 0 and 1: at the ends they are exactly 1 and 0.
    return np.clip((1 - t) ** 2 / ((1 - t) ** 2 + t**2), 1e-5, 1 - 1e-5)
    # A small number is added to the sum of the squares: the sum is never 0.
    return (1 - t) ** 2 / ((1 - t) ** 2 + t**2 + 1e-4)
    # A small number is added to the sum of the squares: the sum is never 0.
    return (1 - t) ** 2 / ((1 - t) ** 2 + t**2 + 1e-6)
    # The data keeps the factor 1 in the sum: the squares of both factors are added.
    return (1 - t) ** 2 / (1 + t**2)
    # This is the sum of the squares alone: it divides the square of the factor of the data.
    return (1 - t) ** 2 + t**2
    # The weight of the noise is subtracted from 1 without its square: its square is 1 - alpha_bar.
    return 1 - t / np.sqrt((1 - t) ** 2 + t**2)
    """,
    "ot_pairs": """
    # Lengths are added: the cost of a pair is its squared distance.
    return x0, eps[linear_sum_assignment(np.sqrt(squared_distances(x0, eps)))[1]]
    # The nearest noise of each data point is taken, and so some noises twice.
    return x0, eps[np.argmin(squared_distances(x0, eps), axis=1)]
    # The inverse of the right order is used: the rows of the matrix belong to the data, and
    # eps[columns] is the noise of each row.
    return x0, eps[linear_sum_assignment(squared_distances(x0, eps).T)[1]]
    # The pairs stay as they were drawn.
    return x0, eps
    # Both sides are rearranged by the columns: that changes no pair.
    columns = linear_sum_assignment(squared_distances(x0, eps))[1]
    return x0[columns], eps[columns]
    # The pairs are as far apart as possible: the sum of the squared distances is to be the least.
    return x0, eps[linear_sum_assignment(-squared_distances(x0, eps))[1]]
    # The channels of an image are averaged before they are compared: all coordinates count.
    a, b = (np.mean(v, axis=-1) if np.ndim(v) > 2 else v for v in (x0, eps))
    return x0, eps[linear_sum_assignment(squared_distances(a, b))[1]]
    # Only the first coordinate is compared: all of them count.
    a, b = np.reshape(x0, (len(x0), -1)), np.reshape(eps, (len(eps), -1))
    return x0, eps[linear_sum_assignment((a[:, :1] - b[:, 0]) ** 2)[1]]
    # The data is rearranged in place of the noise: x0 is unchanged.
    return x0[linear_sum_assignment(squared_distances(x0, eps))[1]], eps
    # The pairs are chosen one after the other, each the nearest that is left: the sum is not least.
    return x0, eps[greedy(squared_distances(x0, eps))]
    # Both sides are sorted, each coordinate by itself: that mixes examples, and x0 is unchanged.
    return np.sort(x0, axis=0), np.sort(eps, axis=0)
    # The noise is sorted, each coordinate by itself: the order depends on the data.
    return x0, np.sort(eps, axis=0)
    # Both sides are ordered by their first coordinate: x0 is unchanged, and all coordinates count.
    a, b = np.reshape(x0, (len(x0), -1)), np.reshape(eps, (len(eps), -1))
    return x0[np.argsort(a[:, 0])], eps[np.argsort(b[:, 0])]
    # The sizes of the differences are added without squares: the cost is the squared distance.
    a, b = np.reshape(x0, (len(x0), -1)), np.reshape(eps, (len(eps), -1))
    return x0, eps[linear_sum_assignment(np.sum(np.abs(a[:, None] - b[None]), axis=2))[1]]
    # Only the lengths of the examples are compared: their differences count.
    a, b = (np.sum(np.reshape(v, (len(v), -1)) ** 2, axis=1) for v in (x0, eps))
    return x0, eps[linear_sum_assignment((a[:, None] - b[None]) ** 2)[1]]
    # Only the sums of the coordinates are compared: square the difference of each coordinate.
    a, b = (np.sum(np.reshape(v, (len(v), -1)), axis=1) for v in (x0, eps))
    return x0, eps[linear_sum_assignment((a[:, None] - b[None]) ** 2)[1]]
    # Directions are compared, without lengths: the cost is the squared distance.
    a, b = (np.reshape(v, (len(v), -1)) for v in (x0, eps))
    a, b = (v / np.sqrt(np.sum(v**2, axis=1, keepdims=True)) for v in (a, b))
    return x0, eps[linear_sum_assignment(-a @ b.T)[1]]
    # The pair comes back in the other order: the data is first.
    return eps[linear_sum_assignment(squared_distances(x0, eps))[1]], x0
    # The squared distances are squared again: the cost is the squared distance.
    return x0, eps[linear_sum_assignment(squared_distances(x0, eps) ** 2)[1]]
    # The nearest data of each noise is taken, as the number of a noise: solve the assignment.
    return x0, eps[np.argmin(squared_distances(x0, eps), axis=0)]
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
    # The squared distances of all paths are added up: take the mean over the paths.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.sum((slope - chord) ** 2) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The last step is left out: every step has its share.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares[:-1] * np.array(squares[:-1])))
    # The first step is left out: every step has its share.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares[1:] * np.array(squares[1:])))
    # The chord is the plain mean of the velocities: steps of different length weigh differently.
    slopes, _, shares = slopes_and_chord(velocity, x, times)
    mean = sum(slopes) / len(slopes)
    squares = [np.mean(np.sum((slope - mean) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # All paths share one chord, the mean over the batch: each path has its own.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    chord = np.mean(chord, axis=0)
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The deviation is taken from the mean velocity of the batch: take it from each path's chord.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope - np.mean(slope, axis=0)) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The velocity is taken at the end of each step: Euler's step takes it at the start.
    slopes, chord, shares = slopes_and_chord(lambda x, t: velocity(x, later(t, times)), x, times)
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The way is divided by the number of steps: the chord is the way over the whole time.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    chord = chord * (times[-1] - times[0]) / len(slopes)
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The mean distance is squared at the end: square each distance, then average.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    lengths = [np.mean(np.sqrt(np.sum((slope - chord) ** 2, axis=1))) for slope in slopes]
    return float(np.sum(shares * np.array(lengths)) ** 2)
    # The deviation is divided by the squared length of the chord: it is not a ratio.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    ratios = [np.sum((slope - chord) ** 2, axis=1) / np.sum(chord**2, axis=1) for slope in slopes]
    return float(np.sum(shares * np.mean(np.array(ratios), axis=1)))
    # The steps are weighted by their signed length: divide it by the whole time.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(np.diff(times) * np.array(squares)))
    # The deviation is taken from the last velocity, not from the chord.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope - slopes[-1]) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The deviations of the steps are added without weights: each counts by its share of the time.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    return float(sum(np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes))
    # The largest deviation of the steps is taken: take their weighted mean.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    return float(max(np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes))
    # The deviations of the paths are averaged before they are squared: square each, then average.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.sum(np.mean(slope - chord, axis=0) ** 2) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The shares of the steps are squared: each step counts by its share.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares**2 * np.array(squares)))
    # Only the first path is measured: take the mean over the paths.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.sum((slope[0] - chord[0]) ** 2) for slope in slopes]
    return float(np.sum(shares * np.array(squares)))
    # The sum over the steps is divided by their number: the shares add up to 1 already.
    slopes, chord, shares = slopes_and_chord(velocity, x, times)
    squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
    return float(np.sum(shares * np.array(squares)) / len(slopes))
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
    # the mean square of the velocity minus that of the chord, which is its mean
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
