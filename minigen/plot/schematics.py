"""Boxes and arrows, with live models described in their boxes.

    plot.schematic(
        {"z": plot.node("noise $z$", "noise", (0, 0)), "G": plot.node(generator, at=(1, 0)),
         "fake": plot.node("$G(z)$", "fake", (2, 0)), "x": plot.node("data $x$", "data", (2, 1)),
         "D": plot.node(discriminator, at=(3, 0.5)), "loss": plot.node("real or fake?", "loss", (4, 0.5))},
        ["z -> G -> fake -> D -> loss", "x -> D", plot.edge("loss", "G", "gradient", dashed=True, route="over")],
    )

A node is in the column and row that it names, or, if none does, all are in one line in their order. Boxes are as
large as their texts, columns as wide as their boxes, and the figure as large as what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen import checks
from minigen.nn.module import Module
from minigen.plot.describe import describe, layers
from minigen.plot.images import colored, stacked
from minigen.plot.theme import color, figure, figure_of, finish, in_style, panel

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.offsetbox import AnnotationBbox

BOX, PILL = "round,pad=0.75,rounding_size=0.4", "round,pad=0.75,rounding_size=1.2"  # in sizes of the text
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (color.noise, {"boxstyle": BOX}),
    "data": (color.real, {"boxstyle": BOX}),
    "fake": (color.fake, {"boxstyle": BOX}),
    "model": (color.model, {"boxstyle": BOX}),
    "frozen": (color.noise, {"boxstyle": BOX, "linestyle": (0, (4, 2))}),
    "loss": (color.accent, {"boxstyle": BOX}),
    "latent": (color.latent, {"boxstyle": PILL}),
    "noise": (color.noise, {"boxstyle": PILL}),
    "random": (color.sky, {"boxstyle": PILL}),
    "operation": (color.ink, {"boxstyle": "circle,pad=0.3", "facecolor": "white"}),
    "text": (color.ink, {"boxstyle": "square,pad=0.2", "visible": False}),
}
# In points, as all lengths here.
FONT, SMALL = 9.5, 8.0  # text in boxes, text at arrows
IMAGE = 46.0  # the longer side of a picture
COLUMN_GAP, ROW_GAP = 34.0, 20.0
LANE = 15.0  # between the boxes and an arrow around them, and between two such arrows


@dataclass(frozen=True)
class Node:
    """A box: its text, its meaning (a key of KINDS), its place (column, row), a picture to show in it."""

    label: str
    kind: str = "plain"
    at: tuple[float, float] | None = None
    image: Any = None


@dataclass(frozen=True)
class Edge:
    """An arrow from one node to another: straight, or around all boxes, "over" or "under" them."""

    start: str
    end: str
    label: str = ""
    dashed: bool = False
    route: str = "straight"
    color: str = color.ink


def node(
    label: Any, kind: str = "", at: tuple[float, float] | None = None, *, image: Any = None, name: str | None = None
) -> Node:
    """A node for `schematic`: `label` is a text, or a Module, which is described (and called `name`).

    kind:  "plain", "data", "fake", "model", "frozen", "loss", "latent", "noise", "random", "operation", "text".
    at:    (column, row), row 0 on top; halves are allowed. image: (H, W) or (H, W, 3), shown above the text.
    """
    if isinstance(label, Module):
        kind = kind or ("frozen" if label._frozen else "model")
        label = describe(label, name)
    kind = checks.choice("kind", kind or "plain", tuple(KINDS))
    if at is not None and (np.shape(at) != (2,) or not np.isfinite(np.asarray(at, dtype=float)).all()):
        raise ValueError(f"at must be (column, row), got {at!r}")
    return Node(str(label), kind, at, image)


def edge(
    start: str, end: str, label: str = "", *, dashed: bool = False, route: str = "straight", color: str = color.ink
) -> Edge:
    """An arrow for `schematic` with a color or a route of its own: "straight", "over" or "under" all boxes."""
    checks.choice("route", route, ("straight", "over", "under"))
    return Edge(start, end, label, dashed, route, color)


@in_style
def schematic(
    nodes: Any,
    edges: Iterable[str | Edge] = (),
    ax: Axes | None = None,
    *,
    title: str | None = None,
    direction: str = "right",
) -> Axes:
    """Boxes and arrows: of one Module (its layers in a column), of a list of boxes (a chain), or of nodes and edges.

    nodes:     {name: text, Module or node(...)}. A Module is described by its class, widths and parameter count.
    edges:     "a -> b", "a -> b -> c", "a -> b: label", "a --> b" (dashed), or edge(...).
    direction: "right" or "down", where nodes without a place are lined up.

    In axes that are given, everything shrinks as far as it must to fit.
    """
    checks.choice("direction", direction, ("right", "down"))
    if isinstance(nodes, Module):
        title = title or describe(nodes).replace("\n", "   ")
        nodes = [node(f"{layer.name}\n{layer}   {layer.parameters:,}", "model") for layer in layers(nodes)]
        direction = "down"
    if not isinstance(nodes, Mapping):
        nodes = {str(k): each for k, each in enumerate(nodes)}
        edges = list(edges) or [edge(a, b) for a, b in zip(nodes, list(nodes)[1:])]
    if not nodes:
        raise ValueError("nodes must not be empty")
    boxes = {name: each if isinstance(each, Node) else node(each) for name, each in nodes.items()}
    arrows = [arrow for each in edges for arrow in _parse(each)]
    for arrow in arrows:
        for name in (arrow.start, arrow.end):
            if name not in boxes:
                raise ValueError(f"edges name a node {name!r}; there are {', '.join(boxes)}")
        if arrow.start == arrow.end:
            raise ValueError(f"an edge must lead to another node, got {arrow.start!r} twice")
    at = _grid(boxes, direction)
    fig, own = figure(size=(1, 1))
    fig.set_layout_engine("none")
    own.set(position=(0, 0, 1, 1), xlim=(0, 72), ylim=(0, 72))  # a unit is a point
    low, high = _draw(own, boxes, arrows, at, 1.0)
    if ax is None:
        heading = finish(own, title).title.get_window_extent().width * 72 / fig.dpi
        head = 24 if title else 0
        room, scale = np.maximum(high - low, [heading + 12, 0]), 1.0
        fig.set_size_inches(room[0] / 72, (room[1] + head) / 72)
        own.set_position((0, 0, 1, room[1] / (room[1] + head)))
        ax = own
    else:
        room = 72 * np.array(panel(ax).get_position().size) * figure_of(ax).get_size_inches()
        scale = float(min(*(room / (high - low)), 1.0))
    margin = (room / scale - (high - low)) / 2
    (left, bottom), (right, top) = low - margin, high + margin
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    ax.set_axis_off()
    if ax is not own:
        _draw(ax, boxes, arrows, at, scale)
    return finish(ax, title)


def _parse(given: str | Edge) -> list[Edge]:
    if isinstance(given, Edge):
        return [given]
    if isinstance(given, str):
        path, _, label = given.partition(":")
        names = [name.strip() for name in re.split("-->|->", path)]
        signs = re.findall("-->|->", path)
        if signs and all(names):
            found = [Edge(a, b, dashed=sign == "-->") for a, sign, b in zip(names, signs, names[1:])]
            return [*found[:-1], replace(found[-1], label=label.strip())]
    raise ValueError(f"an edge must be 'a -> b', 'a -> b: label', 'a --> b' or plot.edge(...), got {given!r}")


def _grid(boxes: Mapping[str, Node], direction: str) -> np.ndarray:
    """Column and row of every node, (N, 2): those given, or a line."""
    missing = [name for name, box in boxes.items() if box.at is None]
    if not missing:
        return np.array([box.at for box in boxes.values()], dtype=float)
    if len(missing) < len(boxes):
        raise ValueError(f"either all nodes or none must have at=(column, row); without: {', '.join(missing)}")
    line = np.stack([np.arange(len(boxes)), np.zeros(len(boxes))], axis=1)
    return line if direction == "right" else line[:, ::-1]


def _centers(at: np.ndarray, sizes: np.ndarray, gap: float) -> np.ndarray:
    """The middles of nodes along one axis, from their columns and sizes (N,): neighboring columns are `gap` apart."""
    columns = np.arange(np.floor(at.min()), np.ceil(at.max()) + 1)
    widths = np.array([sizes[np.abs(at - column) < 1].max(initial=0.0) for column in columns])
    middles = np.concatenate([[0.0], np.cumsum((widths[:-1] + widths[1:]) / 2 + gap)])
    return np.interp(at, columns, middles)


def _draw(ax: Axes, boxes: Mapping[str, Node], arrows: list[Edge], at: np.ndarray, scale: float) -> np.ndarray:
    """Draw all of it, texts and lines `scale` times their size; returns the corners (2, 2) of what was drawn."""
    from matplotlib.transforms import Bbox

    drawn = {name: _box(ax, box, scale) for name, box in boxes.items()}
    point = 72 / figure_of(ax).dpi / scale  # of a pixel
    sizes = np.array([box.patch.get_window_extent().size for box in drawn.values()]) * point  # (N, 2)
    letters = max((len(arrow.label) for arrow in arrows if arrow.route == "straight"), default=0)
    x = _centers(at[:, 0], sizes[:, 0], max(COLUMN_GAP, 18 + 5 * letters))
    y = -_centers(at[:, 1], sizes[:, 1], ROW_GAP)
    corners = np.stack([x, y], axis=1)[:, None] + np.array([-0.5, 0.5])[:, None] * sizes[:, None]  # (N, 2, 2)
    places = dict(zip(boxes, corners))
    for name, box in drawn.items():
        box.xy = box.xybox = tuple(places[name].mean(axis=0))
    levels = {"over": np.max(corners[:, 1, 1]), "under": np.min(corners[:, 0, 1])}
    pairs = {(arrow.start, arrow.end) for arrow in arrows}
    for arrow in arrows:
        a, b = places[arrow.start], places[arrow.end]
        if arrow.route == "straight":
            start, end, normal = _line(a, b, twin=(arrow.end, arrow.start) in pairs)
            patches = {"patchA": drawn[arrow.start].patch, "patchB": drawn[arrow.end].patch}
            way: dict[str, Any] = {"posA": start, "posB": end, "shrinkA": 1, "shrinkB": 2, **patches}
            middle = (_border(a, start, end) + _border(b, end, start)) / 2
        else:
            normal = np.array([0, 1 if arrow.route == "over" else -1])
            levels[arrow.route] += LANE * normal[1]
            way = {"path": _around(a, b, levels[arrow.route]), "shrinkA": 0, "shrinkB": 0}
            middle = np.array([(a + b)[:, 0].mean() / 2, levels[arrow.route]])
        _arrow(ax, arrow, way, scale)
        if arrow.label:
            _label(ax, arrow, middle, normal, scale)
    extents = [artist.get_tightbbox() for artist in (*ax.artists, *ax.patches, *ax.texts)]
    everything = Bbox.union([extent for extent in extents if extent is not None])
    return ax.transData.inverted().transform(everything) + np.array([[-6], [6]])


def _box(ax: Axes, box: Node, scale: float) -> AnnotationBbox:
    from matplotlib.colors import to_rgb
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage, TextArea, VPacker

    shade, shape = KINDS[box.kind]
    content: list[Artist] = []
    if box.image is not None:
        pixels = colored(stacked(np.asarray(box.image)[None]))[0]  # (H, W, 3)
        zoom = IMAGE * scale / max(pixels.shape[:2])
        content.append(OffsetImage(pixels, zoom=zoom, interpolation="antialiased"))
    text = {"fontsize": FONT * scale, "multialignment": "center", "linespacing": 1.25}
    content.append(TextArea(box.label, textprops=text))
    tint = 1 - 0.14 * (1 - np.array(to_rgb(shade)))
    look = {"facecolor": tint, "edgecolor": shade, "linewidth": 1.1 * scale, **shape}
    packed = VPacker(children=content, align="center", pad=0, sep=4 * scale)
    placed = AnnotationBbox(packed, (0, 0), bboxprops=look, fontsize=FONT * scale, zorder=2)
    placed.set_in_layout(False)
    ax.add_artist(placed)
    placed.get_window_extent()  # which gives the frame its size
    return placed


def _arrow(ax: Axes, arrow: Edge, way: dict[str, Any], scale: float) -> None:
    from matplotlib.patches import FancyArrowPatch

    dashes = (0, (3.5, 2.2)) if arrow.dashed else "-"
    look: dict[str, Any] = {"color": arrow.color, "linewidth": 1.1 * scale, "linestyle": dashes, "joinstyle": "miter"}
    # Above the boxes (zorder 2): an arrow ends at their borders, which are known once they have been drawn.
    look |= {"arrowstyle": "-|>", "mutation_scale": 9 * scale, "zorder": 3, "clip_on": False}
    ax.add_patch(FancyArrowPatch(**way, **look))


def _label(ax: Axes, arrow: Edge, middle: np.ndarray, normal: np.ndarray, scale: float) -> None:
    """The arrow's text beside its middle, on the side of the normal."""
    x, y = normal
    place: dict[str, Any] = {
        "xytext": 3 * scale * normal,
        "textcoords": "offset points",
        "ha": "left" if x > 0.3 else "right" if x < -0.3 else "center",
        "va": "bottom" if y > 0.3 else "top" if y < -0.3 else "center",
    }
    look: dict[str, Any] = {"fontsize": SMALL * scale, "color": arrow.color, "annotation_clip": False, "zorder": 3}
    ax.annotate(arrow.label, (middle[0], middle[1]), **place, **look)


def _line(a: np.ndarray, b: np.ndarray, twin: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From the middle of one box (corners (2, 2)) to that of another: start, end, and the normal to the label's side.

    Twins, arrows that lead to and fro, have their label on their left and are a little to the left of the middle;
    others have it above, or to the right.
    """
    start, end = a.mean(axis=0), b.mean(axis=0)
    along = (end - start) / np.linalg.norm(end - start)
    normal = np.array([-along[1], along[0]]).round(6)
    if twin:
        return start + 5 * normal, end + 5 * normal, normal
    return start, end, -normal if tuple(normal[::-1]) < (0, 0) else normal


def _border(corners: np.ndarray, start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Where the way from a point inside a box to one outside leaves it."""
    way = goal - start
    room = np.where(way > 0, corners[1], corners[0]) - start
    return start + way * np.min(np.abs(room) / np.maximum(np.abs(way), 1e-9))


def _around(a: np.ndarray, b: np.ndarray, level: float, radius: float = 6.0) -> Any:
    """The path from box to box along a line at this height, with round corners."""
    from matplotlib.path import Path

    over = int(level > a[1, 1])
    x0, x1 = a[:, 0].mean(), b[:, 0].mean()
    side, turn = (radius if over else -radius), (radius if x1 > x0 else -radius)
    first, last = a[over, 1], b[over, 1] + 2 * np.sign(side)
    rising = [(x0, first), (x0, level - side), (x0, level), (x0 + turn, level)]
    falling = [(x1 - turn, level), (x1, level), (x1, level - side), (x1, last)]
    corner = [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*rising, *falling], [Path.MOVETO, *corner, *corner, Path.LINETO])
