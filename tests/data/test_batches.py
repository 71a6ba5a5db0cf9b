"""Minibatches: every row once an epoch, in step, reproducible, and resumable from the middle."""

import itertools

import numpy as np
import pytest

from minigen.data.mnist import batches

X = np.arange(10) * 1.0
Y = np.arange(10) * 10


def rng(seed=0):
    return np.random.default_rng(seed)


def test_every_row_once_an_epoch_and_in_step():
    seen = list(batches(X, Y, size=5, rng=rng(), epochs=3))
    assert len(seen) == 6
    for x, y in seen:
        assert x.shape == y.shape == (5,) and np.array_equal(10 * x, y)
    epochs = [np.concatenate([x for x, _ in seen[2 * e : 2 * e + 2]]) for e in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == X.tolist()
    assert not np.array_equal(epochs[0], epochs[1]) and not np.array_equal(epochs[0], X)


def test_incomplete_batches():
    assert [len(x) for (x,) in batches(X, size=4, rng=rng(), epochs=2)] == [4, 4, 4, 4]
    whole = list(batches(X, size=4, rng=rng(), epochs=2, drop_last=False))
    assert [len(x) for (x,) in whole] == [4, 4, 2, 4, 4, 2]
    assert sorted(np.concatenate([x for (x,) in whole[:3]])) == X.tolist()
    assert list(batches(X, size=4, rng=rng(), epochs=0)) == []


def test_without_epochs_it_never_ends():
    assert len(list(itertools.islice(batches(X, size=10, rng=rng()), 57))) == 57


def test_order_comes_from_the_generator():
    first, second, other = [np.concatenate([x for (x,) in batches(X, size=5, rng=rng(s), epochs=2)]) for s in (1, 1, 2)]
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_resumes_in_the_middle_of_an_epoch():
    generator = rng(3)
    stream = batches(X, size=3, rng=generator)
    for _ in range(5):
        next(stream)
    state, bits = stream.state(), generator.bit_generator.state
    ahead = [next(stream)[0] for _ in range(20)]

    generator = rng(99)
    resumed = batches(X, size=3, rng=generator)
    resumed.load_state(state)
    generator.bit_generator.state = bits
    assert np.array_equal(ahead, [next(resumed)[0] for _ in range(20)])


def test_a_finished_stream_stays_finished():
    stream = batches(X, size=5, rng=rng(), epochs=1)
    assert len(list(stream)) == 2 and list(stream) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batches(size=1, rng=rng()), "arrays must be one or more arrays, got none"),
        (
            lambda: batches(X, Y[:5], size=1, rng=rng()),
            r"arrays must all have the same number of rows, got \[\(10,\), \(5,\)\]",
        ),
        (
            lambda: batches(np.float64(1), size=1, rng=rng()),
            r"arrays must all have the same number of rows, got \[\(\)\]",
        ),
        (lambda: batches(X, size=11, rng=rng()), "size must be at most the number of rows, 10, got 11"),
        (lambda: batches(X, size=2, rng=rng()).load_state({"order": np.arange(3)}), "state must have the shapes"),
    ],
)
def test_errors_at_the_call(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_batches_show_sizes():
    many = batches(np.zeros((1200, 2)), np.zeros(1200), size=10, rng=rng())
    assert repr(many) == "Batches of 10 of 1,200 rows, without end; arrays (1200, 2), (1200,)"
    once = batches(np.zeros(5), size=2, rng=rng(), epochs=1)
    assert repr(once) == "Batches of 2 of 5 rows, 1 epoch; arrays (5,)"
