"""Connections show the receptive field, tables and pseudo-code their texts."""

import numpy as np
import pytest

from minigen import plot
from minigen.plot.panels import _receptive_field


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
    with pytest.raises(ValueError, match=r"masks\[1\] must have 3 rows"):
        plot.connections([masks[0], np.ones((2, 1))])
    with pytest.raises(ValueError, match="highlight must be"):
        plot.connections(masks, highlight=(1, 3))


def test_table_has_its_cells_and_bold_best():
    ax = plot.table([["GAN", 0.51234], ["VAE", 0.25], ["flow", 1.0]], ["model", "distance"], best={1: "min"})
    texts = {text.get_text(): text.get_fontweight() for text in ax.texts}
    assert set(texts) == {"model", "distance", "GAN", "0.5123", "VAE", "0.25", "flow", "1"}
    assert texts["0.25"] == "bold" and texts["1"] == "normal"
    with pytest.raises(ValueError, match="2 cells each"):
        plot.table([["a"]], ["x", "y"])


def test_algorithm_numbers_and_indents_its_lines():
    ax = plot.algorithm("repeat\n    sample $x$  # a batch\nuntil done", title="training")
    at = {text.get_text(): text.get_position() for text in ax.texts}
    assert at["sample $x$"][0] > at["repeat"][0] == at["until done"][0]
    assert at["# a batch"][1] == at["sample $x$"][1] < at["repeat"][1]
    assert {"1", "2", "3"} <= set(at)


def test_space_draws_points_lines_and_surfaces():
    u, v = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 4))
    ax = plot.space({"plane": np.stack([u, v, 0 * u], axis=-1), "line": np.zeros((3, 3))}, kind="line")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["plane", "line"]
    with pytest.raises(ValueError, match=r"must have shape \(N, 3\) or \(U, V, 3\), got \(4, 2\)"):
        plot.space({"a": np.zeros((4, 2))})
    with pytest.raises(ValueError, match="axes in space"):
        plot.space({"a": np.zeros((4, 3))}, plot.figure()[1])
