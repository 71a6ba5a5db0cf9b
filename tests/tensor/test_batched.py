"""A function computed in parts is the function; parts are as large as asked for."""

import io
import sys
import threading
from typing import NamedTuple

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.nn import MLP
from minigen.tensor import batched, grad, parallel


class Two(NamedTuple):
    first: np.ndarray
    second: np.ndarray


@pytest.mark.parametrize("n", [0, 1, 2, 3, 6, 7])
def test_the_parts_are_the_whole(n):
    x, y, seen = np.arange(2.0 * n).reshape(n, 2), np.arange(n), []

    def fn(x, y, nothing):
        assert nothing is None
        seen.append(len(x))
        return {"sum": x + y[:, None], "codes": [y, Two(-x, y % 2 == 0)]}

    found = batched(fn, x, y, None, size=3)
    assert seen == ([3] * (n // 3) + [n % 3] * (n % 3 > 0) or [0])
    np.testing.assert_array_equal(found["sum"], x + y[:, None])
    np.testing.assert_array_equal(found["codes"][0], y)
    assert isinstance(found["codes"][1], Two) and found["codes"][1].second.dtype == bool
    np.testing.assert_array_equal(found["codes"][1].first, -x)


def test_arguments():
    with pytest.raises(ValueError, match=r"arrays must have one length, got \[2, 3\]"):
        batched(lambda x, y: x, np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="arrays must have one length, got no array"):
        batched(lambda x: x, None)
    with pytest.raises(ValueError, match="size must be a whole number of at least 1, got 0"):
        batched(lambda x: x, np.zeros(3), size=0)
    with pytest.raises(ValueError, match="results differ: tuple of length 3 and tuple of length 2"):
        batched(lambda x: tuple(x), np.zeros(5), size=3)


# ------------------------------------------------------------------------------------------------------ two threads


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(parallel, "CORES", 2)


def test_threads_take_the_parts_of_two_halves(two_cores):
    """Five parts: the first two in this thread, the last three in another, results in the order of the parts."""
    x, seen = np.arange(9.0), {}

    def fn(x):
        seen.setdefault(threading.get_ident(), []).append(x.tolist())
        return x[::-1]

    found = batched(fn, x, size=2, threads=True)
    np.testing.assert_array_equal(found, [1, 0, 3, 2, 5, 4, 7, 6, 8])
    assert seen.pop(threading.get_ident()) == [[0, 1], [2, 3]]
    assert list(seen.values()) == [[[4, 5], [6, 7], [8]]]


@pytest.mark.parametrize("n", [0, 1, 3, 4, 40])
def test_threads_change_no_bit(two_cores, n):
    rng = np.random.default_rng(0)
    net = MLP(rng, [3, 20, 20, 2], "silu")
    x = rng.standard_normal((n, 3), dtype=np.float32)
    np.testing.assert_array_equal(batched(net, x, size=3, threads=True), batched(net, x, size=3))


def test_without_threads_all_parts_are_computed_here_in_their_order(two_cores):
    """So a function that draws from a generator gives each part the same numbers each time."""
    seen = []

    def draws(x):
        seen.append((threading.get_ident(), int(x[0])))
        return x

    batched(draws, np.arange(8), size=2)
    assert seen == [(threading.get_ident(), first) for first in (0, 2, 4, 6)]


@pytest.mark.parametrize("failing", [0, 7])
def test_an_error_in_a_part_of_either_thread_arrives(two_cores, failing):
    def fn(x):
        if failing in x:
            raise ZeroDivisionError(f"part of {failing}")
        return x

    with pytest.raises(ZeroDivisionError, match=f"part of {failing}"):
        batched(fn, np.arange(8), size=2, threads=True)
    np.testing.assert_array_equal(batched(lambda x: x, np.arange(8), size=2, threads=True), np.arange(8))


def test_calls_within_a_part_stay_in_its_thread(two_cores):
    def outer(x):
        here = threading.get_ident()
        inner = batched(lambda x: np.full(len(x), threading.get_ident() == here), x, size=1, threads=True)
        return inner, [x]

    of_one_thread, [same] = batched(outer, np.arange(8), size=2, threads=True)
    assert of_one_thread.all()
    np.testing.assert_array_equal(same, np.arange(8))


def test_threads_may_differentiate_and_are_not_started_inside_a_derivative(two_cores):
    """The counter of nested derivatives is one of each thread: in a new one it would begin at 0 again."""
    x = np.arange(8.0)

    def slope(x):
        return grad(lambda x: anp.sum(x**3))(x)

    np.testing.assert_array_equal(batched(slope, x, size=2, threads=True), 3 * x**2)
    threads = set()

    def loss(w):
        def fn(x):
            threads.add(threading.get_ident())
            return slope(x)

        return anp.sum(w**2 * batched(fn, x, size=2, threads=True))

    np.testing.assert_array_equal(grad(loss)(np.ones(8)), 6 * x**2)
    assert threads == {threading.get_ident()}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize(
    "terminal, progress, shown", [(True, "digits", True), (True, None, False), (False, "digits", False)]
)
def test_progress_is_shown_on_a_terminal_if_it_has_a_name(monkeypatch, terminal, progress, shown, threads):
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    found = batched(lambda x: x + 1, np.arange(7), size=3, progress=progress, threads=threads)
    np.testing.assert_array_equal(found, np.arange(1, 8))
    assert ("digits" in sys.stderr.getvalue()) == shown
