"""Schematics say what the model is, and nothing in them overlaps."""

import numpy as np
import pytest

from minigen import plot
from minigen.nn import MLP, Conv2d, Linear, Sequential
from minigen.plot.schematics import _centers


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


def check_layout(ax):
    """No box meets another, texts keep inside theirs, arrows and their labels outside; all of it inside the figure."""
    from matplotlib.patches import FancyArrowPatch

    figure = ax.figure
    figure.canvas.draw()
    boxes = [box.patch.get_window_extent() for box in ax.artists]
    for k, box in enumerate(ax.artists):
        assert not any(boxes[k].overlaps(other) for other in boxes[k + 1 :])
        inside = box.offsetbox.get_window_extent()
        assert boxes[k].x0 < inside.x0 and inside.x1 < boxes[k].x1
        assert boxes[k].y0 < inside.y0 and inside.y1 < boxes[k].y1
    labels = [text.get_window_extent() for text in ax.texts]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    lines = [np.concatenate(list(paths_in_pixels(arrow, ax))) for arrow in arrows]
    for obstacle in (*boxes, *labels):
        for line in lines:
            assert not obstacle.padded(-2).count_contains(line)
    for label in labels:
        assert not any(label.overlaps(box) for box in boxes)
    heading = [ax.title.get_window_extent()] if ax.get_title() else []
    for extent in (*boxes, *labels, *heading):
        assert extent.x0 >= 0 and extent.y0 >= 0
        assert extent.x1 <= figure.bbox.width and extent.y1 <= figure.bbox.height
    return [text.get_text() for box in ax.artists for text in box.findobj(is_text)]


def is_text(artist):
    from matplotlib.text import Text

    return isinstance(artist, Text) and artist.get_text() != ""


def paths_in_pixels(arrow, ax):
    """Points along an arrow, a hundred for each of its pieces."""
    for polygon in ax.transData.transform_path(arrow.get_path()).to_polygons(closed_only=False):
        for start, end in zip(polygon, polygon[1:]):
            yield start + np.linspace(0, 1, 100)[:, None] * (end - start)


def gan():
    nodes = {
        "z": plot.node("noise $z$", "noise", (0, 0)),
        "G": plot.node(MLP(rng(), [2, 64, 64, 2]), at=(1, 0)),
        "fake": plot.node("$G(z)$", "fake", (2, 0)),
        "x": plot.node("data $x$", "data", (2, 1), image=np.eye(8)),
        "D": plot.node(MLP(rng(), [2, 64, 64, 1]), at=(3, 0.5)),
        "loss": plot.node("real or fake?", "loss", (4, 0.5)),
    }
    edges = ["z -> G -> fake -> D -> loss", "x -> D: a batch", "loss --> D: gradient"]
    return nodes, [*edges, plot.edge("loss", "G", "the other gradient", dashed=True, route="over")]


def test_columns_are_as_wide_as_their_widest_box():
    def centers(at, sizes):
        return _centers(np.array(at, dtype=float), np.array(sizes, dtype=float), gap=5.0)

    np.testing.assert_allclose(centers([0, 1, 1, 2], [10, 20, 8, 30]), [0, 20, 20, 50])
    np.testing.assert_allclose(centers([0, 0.5, 1], [10, 10, 10]), [0, 7.5, 15])  # halfway
    np.testing.assert_allclose(centers([-0.5, 0.5], [40, 10]), [22.5, 60])  # of columns at 0, 45, 75
    assert centers([2], [10]) == 0


def test_schematic_of_a_gan():
    from matplotlib.patches import FancyArrowPatch

    nodes, edges = gan()
    ax = plot.schematic(nodes, edges, title="GAN")
    texts = check_layout(ax)
    assert plot.describe(MLP(rng(), [2, 64, 64, 2])) in texts
    assert {text.get_text() for text in ax.texts} == {"a batch", "gradient", "the other gradient"}
    assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == 7
    place = dict(zip(nodes, (box.xy for box in ax.artists)))
    assert place["z"][1] == place["G"][1] > place["D"][1] > place["x"][1]
    assert place["fake"][0] == place["x"][0] < place["D"][0] < place["loss"][0]


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["right", "down"])
def test_schematic_of_a_model_and_of_a_list(direction):
    texts = check_layout(plot.schematic(MLP(rng(), [2, 8, 1])))
    assert any("Linear 2 → 8   24" in text for text in texts)
    ax = plot.schematic(["x", plot.node("encoder", "model"), "z"], direction=direction, title="a long title " * 5)
    check_layout(ax)
    steps = np.diff([box.xy for box in ax.artists], axis=0)  # each box after the one before, in one line
    along, across = (steps[:, 0], steps[:, 1]) if direction == "right" else (-steps[:, 1], steps[:, 0])
    assert (along > 0).all() and (across == 0).all()


def test_arrows_around_keep_beyond_all_boxes():
    nodes = {name: plot.node(name * 3, "latent", (k, k % 2)) for k, name in enumerate("abcd")}
    around = [plot.edge("a", "c", "over", route="over"), plot.edge("d", "a", "back", dashed=True, route="under")]
    ax = plot.schematic(nodes, ["a -> b -> c -> d", *around, plot.edge("d", "b", "again", route="under")])
    check_layout(ax)
    place = {text.get_text(): text.get_window_extent() for text in ax.texts}
    boxes = [box.patch.get_window_extent() for box in ax.artists]
    assert place["over"].y0 > max(box.y1 for box in boxes)
    assert min(box.y0 for box in boxes) > place["back"].y1 > place["again"].y1


def test_arrows_to_and_fro_stand_apart_with_their_labels_outside():
    nodes = {"a": plot.node("a", at=(0, 0)), "b": plot.node("b", at=(0, 2)), "c": plot.node("c", at=(2, 2))}
    ax = plot.schematic(nodes, ["a -> b: down", "b -> a: up", "b -> c: there", "c -> b: back", "a -> c: across"])
    check_layout(ax)
    down, up, there, back, _ = [np.concatenate(list(paths_in_pixels(arrow, ax))).mean(axis=0) for arrow in ax.patches]
    assert down[0] - up[0] > 8 and there[1] - back[1] > 8
    place = {text.get_text(): text.get_window_extent() for text in ax.texts}
    assert place["down"].x0 > down[0] and place["up"].x1 < up[0]
    assert place["there"].y0 > there[1] and place["back"].y1 < back[1]


def test_schematic_shrinks_into_given_axes():
    _, axes = plot.figure(1, 2)
    nodes, edges = gan()
    assert plot.schematic(nodes, edges, axes[0]) is axes[0]
    check_layout(axes[0])


@pytest.mark.parametrize(
    "nodes, edges, message",
    [
        ({}, [], "must not be empty"),
        ({"a": "A"}, ["a -> b"], "name a node 'b'; there are a"),
        ({"a": "A"}, ["a -> a"], "another node, got 'a' twice"),
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
