"""A function computed in parts is the function; parts are as large as asked for."""

import io
import sys
from typing import NamedTuple

import numpy as np
import pytest

from minigen.tensor import batched


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


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "terminal, progress, shown", [(True, "digits", True), (True, None, False), (False, "digits", False)]
)
def test_progress_is_shown_on_a_terminal_if_it_has_a_name(monkeypatch, terminal, progress, shown):
    monkeypatch.setattr(sys, "stderr", Terminal() if terminal else io.StringIO())
    found = batched(lambda x: x + 1, np.arange(7), size=3, progress=progress)
    np.testing.assert_array_equal(found, np.arange(1, 8))
    assert ("digits" in sys.stderr.getvalue()) == shown
