"""The drivers of a worker that runs a reader's model; a worker is sent this text.

The reader's file ends with `CALLS`, a function that calls hers in their order; a driver calls it with the data that
`task.npz` holds: `whole` trains a model, and `given` gives a perfect noise predictor to a sampler. The held-out
examples' use is not in this process, nor is the density of the data that a model is trained on.
"""

import sys

import numpy as np

MODELS = ("gan", "vae", "flow", "diffusion", "zoo", "course", "classroom")
DATA = ("toy", "mixture", "mnist")  # of minigen.data: they hold what the model is to learn
CALLS = '''


def numbers_(name, value):
    """What a function of the reader's returned, as an array of real numbers."""
    import numpy

    if value is None:
        raise TypeError(f"{name} returned None; it must end with a return")
    try:
        array = numpy.asarray(value)
        kind = array.dtype.kind
    except ValueError:
        kind = "O"
    if kind not in "biuf":
        got = f"an array of {value.dtype}" if isinstance(value, numpy.ndarray) else f"a {type(value).__name__}"
        raise TypeError(f"{name} must return an array of real numbers, got {got}")
    return array


def whole_model_(x, seed, n, points):
    """Train on x, draw n samples, and compute the log-density of each set of points, and how long each took."""
    import time

    import numpy

    rng, times = numpy.random.default_rng(seed), [time.process_time()]
    state = train(x, rng)
    times.append(time.process_time())
    samples = numbers_("sample", sample(state, n, rng))
    times.append(time.process_time())
    logs = []
    for some in points:
        parts = numpy.array_split(some, -(-len(some) // 10_000))
        found = [numbers_("log_prob", log_prob(state, part)) for part in parts]
        wrong = [log for log, part in zip(found, parts) if log.shape != (len(part),)]
        logs.append(wrong[0] if wrong else numpy.concatenate(found))
    times.append(time.process_time())
    return [samples, *logs, numpy.diff(times)]


def only_sampler_(state, x_T):
    """Draw from the given noise predictor, beginning with x_T, and how long it took."""
    import time

    begin = time.process_time()
    samples = numbers_("sample", sample(state, x_T))
    return [samples, time.process_time() - begin]
'''


class OnlyTheTools:
    """Refuses the package's own models: the exercise is to write one."""

    def find_spec(self, name, path=None, target=None):
        parts = name.split(".")
        if parts[0] == "minigen" and parts[1:2] and parts[1] in MODELS and name not in sys.modules:
            raise ImportError(f"{name} is not allowed here: write it yourself, with minigen.nn, optim, tensor and data")
        return None


if __name__ == "exercise":  # the name under which a worker runs its drivers, before the reader's file
    sys.meta_path.insert(0, OnlyTheTools())


def whole(impl, rng):
    """Call the reader's model on the data beside it."""
    with np.load("task.npz") as arrays:
        names = [name for name in arrays.files if name.startswith("points_")]
        points = [arrays[name] for name in names]
        samples, *logs, seconds = impl(arrays["x"], int(arrays["seed"]), int(arrays["n"]), points)
    return {"samples": samples, "seconds": seconds, **dict(zip(names, logs, strict=True))}


def given(impl, rng):
    """Call the reader's sampler on the same noise twice, in two orders, and count what it asks of the predictor."""
    with np.load("task.npz") as arrays:
        x_T, order, alpha_bar = arrays["x_T"], arrays["order"], arrays["alpha_bar"]
        eps = ExactNoise(arrays["means"], float(arrays["std"]), arrays["weights"], alpha_bar)
    samples, seconds = impl((eps, alpha_bar), x_T)
    calls = eps.points / len(x_T)
    again, _ = impl((eps, alpha_bar), x_T[order])
    return {"samples": samples, "again": again, "calls": np.array(calls), "seconds": np.array([0.0, seconds])}


class ExactNoise:
    """The mean of the noise in x_t, (N, 2), for a mixture of Gaussians of one width, with the times t = 1..T."""

    def __init__(self, means, std, weights, alpha_bar):
        self.means, self.std, self.weights, self.alpha_bar = means, std, weights, alpha_bar
        self.points = 0  # for which it was computed

    def __call__(self, x, t):
        x, t, T = np.asarray(x, np.float64), np.asarray(t), len(self.alpha_bar) - 1
        if x.ndim != 2 or x.shape[1] != 2:
            raise ValueError(f"eps(x, t): x must have shape (n, 2), got {x.shape}")
        if t.dtype.kind not in "iu" or t.shape not in ((), (len(x),)) or t.size and not 1 <= t.min() <= t.max() <= T:
            raise ValueError(f"eps(x, t): t must be an integer from 1 to {T}, or (n,) of them, got {t!r}")
        self.points += len(x)
        alpha_bar = np.broadcast_to(self.alpha_bar[t], (len(x),))[:, None]
        variance = alpha_bar * self.std**2 + 1 - alpha_bar
        away = x[:, None] - np.sqrt(alpha_bar)[:, :, None] * self.means
        log_weights = np.log(self.weights) - (away**2).sum(axis=2) / (2 * variance)
        weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
        mean_away = (weights[:, :, None] * away).sum(axis=1) / weights.sum(axis=1, keepdims=True)
        return np.sqrt(1 - alpha_bar) / variance * mean_away
