"""Progress bars are shown where someone sees them: on a terminal and in a notebook, of all that take a while."""

import io
import sys
import types
import warnings

import numpy as np
import pytest

from minigen.diffusion.ddpm import reverse_process
from minigen.progress import bar_is_seen, in_notebook
from minigen.tensor import batched
from minigen.train import fit


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run_on(place, monkeypatch):
    """Put a stand-in for a file, a terminal or a notebook, whose stderr is no terminal, in place of where tests run."""
    monkeypatch.setattr(sys, "stderr", Terminal() if place == "terminal" else io.StringIO())
    shell = types.SimpleNamespace(kernel=object()) if place == "notebook" else None
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert in_notebook() == (place == "notebook")


@pytest.mark.parametrize("place, seen", [("file", False), ("terminal", True), ("notebook", True)])
def test_bars_are_shown_on_a_terminal_and_in_a_notebook(monkeypatch, place, seen):
    run_on(place, monkeypatch)
    assert bar_is_seen() == seen
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reverse_process(lambda x, t: [*x, t], [], 3, progress="sampling") == [3, 2, 1]
        np.testing.assert_array_equal(batched(lambda x: x + 1, np.arange(7), size=3, progress="judging"), range(1, 8))
        fit(lambda i: 0.25, 3, label="training")
    shown = sys.stderr.getvalue()
    assert [name in shown for name in ("sampling", "judging", "training")] == [seen] * 3
    assert ("3/3" in shown and "loss 0.25" in shown) == seen


@pytest.mark.parametrize("place", ["terminal", "notebook"])
def test_bars_need_a_name(monkeypatch, place):
    run_on(place, monkeypatch)
    assert reverse_process(lambda x, t: [*x, t], [], 3) == [3, 2, 1]
    batched(lambda x: x, np.arange(7), size=3)
    fit(lambda i: 0.0, 3, quiet=True)
    assert sys.stderr.getvalue() == ""


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch):
    shell = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert not in_notebook()
