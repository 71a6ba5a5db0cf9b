"""The driver of a worker that trains a reader's model; a worker is sent this text.

The reader's file ends with `CALLS`, a function that calls hers in their order; the driver calls it with the data that
`task.npz` holds. The data's density and the held-out examples' use are not in this process.
"""

import sys

import numpy as np

MODELS = ("gan", "vae", "flow", "diffusion", "zoo", "course", "classroom")
CALLS = '''


def whole_model_(x, seed, n, points):
    """Train on x, draw n samples, and compute the log-density of each set of points, and how long each took."""
    import time

    import numpy

    rng, times = numpy.random.default_rng(seed), [time.process_time()]
    state = train(x, rng)
    times.append(time.process_time())
    samples = numpy.array(sample(state, n, rng), numpy.float32)
    times.append(time.process_time())
    logs = []
    for some in points:
        parts = numpy.array_split(some, -(-len(some) // 10_000))
        logs.append(numpy.concatenate([numpy.array(log_prob(state, part), numpy.float64) for part in parts]))
    times.append(time.process_time())
    return [samples, *logs, numpy.diff(times)]
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
