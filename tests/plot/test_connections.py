"""Connections are those of the masks, and lead up from the receptive field."""

import numpy as np
import pytest

from minigen import plot
from minigen.plot.connections import _receptive_field


def causal(length, dilation):
    """Which unit reaches which in a causal convolution with two taps."""
    return np.eye(length) + np.eye(length, k=dilation)


@pytest.mark.parametrize("dilations, reach", [([1, 1, 1], 4), ([1, 2, 4], 8)])
def test_receptive_field_of_stacked_convolutions(dilations, reach):
    masks = [causal(16, dilation) != 0 for dilation in dilations]
    field = _receptive_field(masks, [16] * 4, (3, 15))
    np.testing.assert_array_equal(np.flatnonzero(field[0]), np.arange(16 - reach, 16))


def test_connections_draw_a_line_for_each_weight():
    masks = [np.array([[1, 0, 1], [0, 1, 1]]), np.ones((3, 1))]
    ax = plot.connections(masks, highlight=(1, 2), unit_labels=["ab", "cde", "f"], layer_labels=["in", "hidden", "out"])
    quiet, lit = (lines.get_segments() for lines in ax.collections[:2])
    assert len(quiet) + len(lit) == 4 + 3
    assert sorted(tuple(s[0]) for s in lit) == [(0.75, 0.0), (2.25, 0.0)] and all(
        tuple(s[1]) == (2.5, 1.0) for s in lit
    )
    assert [t.get_text() for t in ax.texts] == list("abcdef")
    with pytest.raises(ValueError, match=r"masks\[1\] must have shape \(3, N\), got \(2, 1\)"):
        plot.connections([masks[0], np.ones((2, 1))])
    with pytest.raises(ValueError, match="unit_labels must fit the layers of"):
        plot.connections(masks, unit_labels=["ab", "cd", "f"])
    with pytest.raises(ValueError, match="highlight must be"):
        plot.connections(masks, highlight=(1, 3))
