"""Schematics say what the model is, and nothing in them overlaps."""

import numpy as np
import pytest

from minigen import plot
from minigen.nn import MLP, Conv2d, Linear, Sequential


def rng():
    return np.random.default_rng(0)


def test_describe_reads_the_live_model():
    model = MLP(rng(), [2, 64, 64, 3])
    count = 2 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3
    assert plot.describe(model, "generator") == f"generator\n2 → 64 → 64 → 3\n{count:,} parameters"
    assert plot.describe(model.copy().freeze()).endswith(f"{count:,} parameters (frozen)")
    assert plot.describe(MLP(rng(), [1, 2, 3, 4, 5, 6, 7])).split("\n")[1] == "1 → 2 → 3 → … → 6 → 7"
    broken = Sequential(Linear(rng(), 2, 3), Linear(rng(), 4, 1))
    assert "→" not in plot.describe(broken)
    with pytest.raises(ValueError, match="must be a Module, got int"):
        plot.describe(3)


def test_layers_add_up_to_the_model():
    model = Sequential(Conv2d(rng(), 1, 8, 3), MLP(rng(), [8, 4]))
    found = plot.layers(model)
    assert [str(layer) for layer in found] == ["Conv2d 3×3, 1 → 8", "Linear 8 → 4"]
    assert sum(layer.parameters for layer in found) == model.num_parameters()


def boxes(ax):
    from matplotlib.patches import Circle, FancyBboxPatch

    return [patch.get_extents() for patch in ax.patches if isinstance(patch, (Circle, FancyBboxPatch))]


def check_layout(ax):
    """No box meets another, every text keeps inside one, all of it inside the figure."""
    figure = ax.figure
    figure.canvas.draw()
    extents = boxes(ax)
    for k, a in enumerate(extents):
        assert not any(a.overlaps(b) for b in extents[k + 1 :])
        assert a.x0 >= 0 and a.y0 >= 0 and a.x1 <= figure.bbox.width and a.y1 <= figure.bbox.height
    for text in ax.texts:
        extent = text.get_window_extent()
        assert extent.x0 >= 0 and extent.x1 <= figure.bbox.width
        inside = [b for b in extents if b.overlaps(extent)]
        for box in inside:
            assert box.x0 <= extent.x0 and extent.x1 <= box.x1
            assert box.y0 <= extent.y0 + 1 and extent.y1 <= box.y1 + 1


def gan():
    nodes = {
        "z": plot.node("noise $z$", "noise"),
        "G": MLP(rng(), [2, 64, 64, 2]),
        "fake": plot.node("$G(z)$", "fake"),
        "x": plot.node("data $x$", "data"),
        "D": MLP(rng(), [2, 64, 64, 1]),
        "loss": plot.node("real or fake?", "loss"),
    }
    return nodes, ["z -> G -> fake -> D -> loss", "x -> D", "loss --> G: gradient"]


def test_columns_follow_the_arrows():
    from minigen.plot.layout import ranks
    from minigen.plot.schematics import _parse

    nodes, edges = gan()
    found = ranks(nodes, [arrow for each in edges for arrow in _parse(each)])
    assert found == {"z": 0, "G": 1, "fake": 2, "x": 2, "D": 3, "loss": 4}


def test_schematic_of_a_gan():
    nodes, edges = gan()
    ax = plot.schematic(nodes, edges, title="GAN")
    check_layout(ax)
    texts = [text.get_text() for text in ax.texts]
    assert plot.describe(nodes["G"]) in texts and "gradient" in texts
    from matplotlib.patches import FancyArrowPatch

    assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == 6


@pytest.mark.parametrize("direction", ["right", "down"])
def test_schematic_of_a_model_and_of_a_list(direction):
    model = MLP(rng(), [2, 8, 1])
    ax = plot.schematic(model)
    check_layout(ax)
    assert any("Linear 2 → 8   24" in text.get_text() for text in ax.texts)
    check_layout(plot.schematic(["x", plot.node("encoder", "model"), "z"], direction=direction))


def test_schematic_with_places_pictures_frames_and_detours():
    nodes = {
        name: plot.node(name * 3, at=(k, 0), image=np.zeros((4, 4)) if name == "a" else None)
        for k, name in enumerate("abcd")
    }
    ax = plot.schematic(
        nodes, ["a -> b -> c -> d", "a -> c: over", "d --> a: back", "b --> b"], groups={"both": ["c", "d"]}
    )
    figure = ax.figure
    figure.canvas.draw()
    place = {text.get_text(): text.get_window_extent() for text in ax.texts}
    assert place["over"].y0 > place["ccc"].y1 and place["back"].y1 < place["ccc"].y0
    with pytest.raises(ValueError, match="would meet 'b' too"):
        plot.schematic(nodes, groups={"ends": ["a", "c"]})


def test_schematic_inside_given_axes():
    _, axes = plot.figure(1, 2)
    nodes, edges = gan()
    assert plot.schematic(nodes, edges, axes[0]) is axes[0]


@pytest.mark.parametrize(
    "nodes, edges, message",
    [
        ({}, [], "must not be empty"),
        ({"a": "A"}, ["a -> b"], "name a node 'b'; there are a"),
        ({"a": "A", "b": "B"}, ["a b"], "an edge must be"),
        ({"a": "A", "b": "B"}, ["a ->"], "an edge must be"),
        ({"a": plot.node("A", at=(0, 0)), "b": "B"}, [], "without: b"),
    ],
)
def test_schematic_is_checked(nodes, edges, message):
    with pytest.raises(ValueError, match=message):
        plot.schematic(nodes, edges)


def test_node_kinds_are_checked():
    with pytest.raises(ValueError, match="kind must be one of"):
        plot.node("a", "cloud")
    with pytest.raises(ValueError, match=r"at must be \(column, row\)"):
        plot.node("a", at=3)
    with pytest.raises(ValueError, match="route must be one of"):
        plot.edge("a", "b", route="left")
