"""Boxes and arrows, from live models where there are any.

    plot.schematic(
        {"z": plot.node("noise $z$", "noise"), "G": generator, "fake": "$G(z)$", "x": plot.node("data $x$", "data"),
         "D": discriminator, "loss": plot.node("real or fake?", "loss")},
        ["z -> G -> fake -> D -> loss", "x -> D", "loss --> G: gradient"],
    )

Nodes are placed in columns by the arrows, or where `at=(column, row)` puts them; boxes grow with their text and the
figure with its boxes, so that nothing overlaps. All lengths in this file are points (1/72 inch).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.plot import inputs
from minigen.plot.describe import describe, is_module, layers
from minigen.plot.house import color, figure, in_style, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What a box means: its color and its outline.
KINDS = {
    "plain": (color.noise, "box"),
    "data": (color.real, "box"),
    "fake": (color.fake, "box"),
    "model": (color.model, "box"),
    "frozen": (color.noise, "dashed"),
    "loss": (color.accent, "box"),
    "latent": (color.latent, "round"),
    "noise": (color.noise, "round"),
    "random": (color.sky, "round"),
    "operation": (color.ink, "circle"),
    "text": (color.ink, "none"),
}
FONT, PAD, COLUMN_GAP, ROW_GAP, LANE, IMAGE = 9.5, 7.0, 34.0, 20.0, 13.0, 46.0


@dataclass(frozen=True)
class Node:
    """A box: its text, what it means (a key of KINDS), its place (column, row), a picture to show in it."""

    label: str
    kind: str = "plain"
    at: tuple[float, float] | None = None
    image: Any = None


@dataclass(frozen=True)
class Edge:
    """An arrow from one node to another. route: "auto", "straight", "over" or "under" what lies between."""

    start: str
    end: str
    label: str = ""
    dashed: bool = False
    both: bool = False
    route: str = "auto"
    color: str = color.ink


def node(label: Any, kind: str = "", at: tuple[float, float] | None = None, *, image: Any = None, name: str | None = None) -> Node:
    """A node for `schematic`: `label` is a text, or a Module, which is described (and called `name`).

    kind:  "plain", "data", "fake", "model", "frozen", "loss", "latent", "noise", "random", "operation", "text".
    at:    (column, row), row 0 on top. image: (H, W) or (H, W, 3), shown above the text.
    """
    if is_module(label):
        kind = kind or ("frozen" if getattr(label, "_frozen", False) else "model")
        label = describe(label, name)
    inputs.choice("kind", kind or "plain", tuple(KINDS))
    if at is not None and (np.shape(at) != (2,) or not np.isfinite(np.asarray(at, dtype=float)).all()):
        raise ValueError(f"at must be (column, row), got {at!r}")
    return Node(str(label), kind or "plain", at, image)


def edge(start: str, end: str, label: str = "", *, dashed: bool = False, both: bool = False, route: str = "auto",
         color: str = color.ink) -> Edge:  # fmt: skip
    """An arrow for `schematic`, with more say than a string: its way ("over", "under", "straight") and its color."""
    inputs.choice("route", route, ("auto", "straight", "over", "under"))
    return Edge(start, end, label, dashed, both, route, color)


@in_style
def schematic(
    nodes: Any,
    edges: Iterable[Any] = (),
    ax: Axes | None = None,
    *,
    title: str | None = None,
    direction: str = "right",
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Axes:
    """Boxes and arrows: of one Module (its layers in a column), of a list of boxes (a chain), or of nodes and edges.

    nodes:     {name: text, Module or node(...)}. A Module is described by its class, widths and parameter count.
    edges:     "a -> b", "a -> b -> c", "a -> b: label", "a --> b" (dashed), "a <-> b", or edge(...).
    direction: "right" or "down", the way the arrows lead when no node says where it stands.
    groups:    {caption: names}, a frame around some nodes.
    """
    inputs.choice("direction", direction, ("right", "down"))
    if is_module(nodes):
        found = layers(nodes)
        title = title or describe(nodes).replace("\n", "   ")
        nodes = {layer.name: node(f"{layer.name}\n{layer}   {layer.parameters:,}", "model") for layer in found}
        edges, direction = [edge(a, b) for a, b in zip(nodes, list(nodes)[1:])], "down"
    elif not isinstance(nodes, Mapping):
        nodes = {str(k): each for k, each in enumerate(nodes)}
        edges = list(edges) or [edge(a, b) for a, b in zip(nodes, list(nodes)[1:])]
    if not nodes:
        raise ValueError("nodes must not be empty")
    boxes = {name: each if isinstance(each, Node) else node(each) for name, each in nodes.items()}
    arrows = [arrow for each in edges for arrow in _parse(each)]
    for arrow in arrows:
        for end in (arrow.start, arrow.end):
            if end not in boxes:
                raise ValueError(f"edges name a node {end!r}; there are {', '.join(boxes)}")
    for caption, names in (groups or {}).items():
        for name in names:
            if name not in boxes:
                raise ValueError(f"group {caption!r} names a node {name!r}; there are {', '.join(boxes)}")
    measure = _Measure()
    places = _place(boxes, arrows, direction, measure)
    drawing = _Drawing(boxes, places, measure)
    ends = {(arrow.start, arrow.end) for arrow in arrows}
    for caption, names in (groups or {}).items():
        drawing.frame(caption, names)
    for arrow in arrows:
        drawing.route(arrow, twin=(arrow.end, arrow.start) in ends)
    return drawing.draw(ax, title)


def _parse(given: Any) -> list[Edge]:
    if isinstance(given, Edge):
        return [given]
    if isinstance(given, tuple) and 2 <= len(given) <= 3 and all(isinstance(each, str) for each in given):
        return [Edge(*given)]
    if isinstance(given, str):
        path, _, label = given.partition(":")
        parts = [part.strip() for part in re.split(r"\s*(-->|<->|->)\s*", path)]
        if len(parts) >= 3 and all(parts):
            found = [
                Edge(parts[k], parts[k + 2], dashed=parts[k + 1] == "-->", both=parts[k + 1] == "<->")
                for k in range(0, len(parts) - 2, 2)
            ]
            return [*found[:-1], replace(found[-1], label=label.strip())]
    raise ValueError(f"an edge must be 'a -> b', 'a -> b: label', 'a --> b' or plot.edge(...), got {given!r}")


class _Measure:
    """Sizes of texts in points."""

    def __init__(self):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(1, 1), dpi=72)
        self.renderer = FigureCanvasAgg(self.figure).get_renderer()

    def text(self, text: str, size: float = FONT) -> tuple[float, float]:
        if not text:
            return 0.0, 0.0
        drawn = self.figure.text(0, 0, text, fontsize=size, linespacing=1.25)
        extent = drawn.get_window_extent(self.renderer)
        drawn.remove()
        return extent.width, extent.height

    def node(self, box: Node) -> tuple[float, float]:
        width, height = self.text(box.label)
        pad = 2.0 if box.kind == "text" else PAD
        if box.kind == "operation":
            side = max(width, height) + PAD
            return side, side
        if KINDS[box.kind][1] == "round":
            width += 6
        if box.image is not None:
            rows, cols = np.shape(box.image)[:2]
            width, height = max(width, IMAGE * cols / max(rows, cols)), height + IMAGE * rows / max(rows, cols) + (4 if box.label else 0)
        return max(width + 2 * pad, 24.0), max(height + 2 * pad, 22.0)


def _place(boxes: Mapping[str, Node], arrows: list[Edge], direction: str, measure: _Measure) -> dict[str, np.ndarray]:
    """The rectangle (x0, y0, x1, y1) of every node, y upwards."""
    sizes = {name: measure.node(box) for name, box in boxes.items()}
    given = [name for name, box in boxes.items() if box.at is not None]
    if given and len(given) < len(boxes):
        raise ValueError(f"either all nodes or none must have at=(column, row); without: {', '.join(set(boxes) - set(given))}")
    labels = max([measure.text(arrow.label, FONT - 1.5)[0] for arrow in arrows if arrow.label], default=0.0)
    gap = COLUMN_GAP + (labels - 18 if labels > 18 else 0)
    if given:
        at = {name: (float(box.at[0]), float(box.at[1])) for name, box in boxes.items()}
        xs = _grid([(at[name][0], sizes[name][0]) for name in boxes], gap)
        ys = _grid([(at[name][1], sizes[name][1]) for name in boxes], ROW_GAP)
        centers = {name: (xs(at[name][0]), -ys(at[name][1])) for name in boxes}
    else:
        centers = _in_columns(_ranks(boxes, arrows), sizes, direction, gap)
    return {
        name: np.array([x - sizes[name][0] / 2, y - sizes[name][1] / 2, x + sizes[name][0] / 2, y + sizes[name][1] / 2])
        for name, (x, y) in centers.items()
    }


def _grid(entries: list[tuple[float, float]], gap: float):
    """Maps a column number to the center of that column; columns are as wide as their widest node."""
    numbers = sorted({number for number, _ in entries if number == round(number)} or {0.0})
    widths = {number: max([size for other, size in entries if other == number], default=20.0) for number in numbers}
    centers, place = [], 0.0
    for before, number in zip([None, *numbers], numbers):
        if before is not None:
            place += widths[before] / 2 + gap * max(1.0, (number - before) * 0.8) + widths[number] / 2
        centers.append(place)
    pitch = (centers[-1] - centers[0]) / (numbers[-1] - numbers[0]) if len(numbers) > 1 else 60.0

    def center(number: float) -> float:
        if number < numbers[0]:
            return centers[0] - (numbers[0] - number) * pitch
        if number > numbers[-1]:
            return centers[-1] + (number - numbers[-1]) * pitch
        return float(np.interp(number, numbers, centers))

    return center


def _ranks(boxes: Mapping[str, Node], arrows: list[Edge]) -> dict[str, int]:
    """The longest way to each node from those without an arrow into them; arrows that lead back do not count."""
    position = {name: k for k, name in enumerate(boxes)}
    forward = [(a.start, a.end) for a in arrows if not a.dashed and a.start != a.end and not _reaches(a.end, a.start, arrows, position)]
    rank = dict.fromkeys(boxes, 0)
    for _ in boxes:
        for start, end in forward:
            rank[end] = max(rank[end], rank[start] + 1)
    for name in boxes:  # a source stands just before the first node it leads to
        ends = [rank[end] for start, end in forward if start == name]
        if ends and not any(end == name for _, end in forward):
            rank[name] = min(ends) - 1
    return rank


def _reaches(start: str, goal: str, arrows: list[Edge], position: Mapping[str, int]) -> bool:
    """Whether `goal`, which was named before `start`, can be reached from it: the arrow goal <- start leads back."""
    if position[goal] < position[start]:
        return False
    seen, todo = set(), [start]
    while todo:
        here = todo.pop()
        if here == goal:
            return True
        if here not in seen:
            seen.add(here)
            todo += [a.end for a in arrows if a.start == here and not a.dashed]
    return False


def _in_columns(ranks: Mapping[str, int], sizes: Mapping[str, tuple[float, float]], direction: str, gap: float) -> dict:
    along, across = (0, 1) if direction == "right" else (1, 0)
    step, side = (gap, ROW_GAP) if direction == "right" else (ROW_GAP, COLUMN_GAP)
    columns: dict[int, list[str]] = {}
    for name, rank in ranks.items():
        columns.setdefault(rank, []).append(name)
    centers, place = {}, 0.0
    for rank in sorted(columns):
        names = columns[rank]
        depth = max(sizes[name][along] for name in names)
        total = sum(sizes[name][across] for name in names) + side * (len(names) - 1)
        offset = -total / 2
        for name in names:
            middle = offset + sizes[name][across] / 2
            main = place + depth / 2
            centers[name] = (main, -middle) if direction == "right" else (middle, -main)
            offset += sizes[name][across] + side
        place += depth + step
    return centers


class _Drawing:
    """Placed nodes, and the arrows and frames found a way for, in points; then drawn into axes."""

    def __init__(self, boxes: Mapping[str, Node], places: Mapping[str, np.ndarray], measure: _Measure):
        self.boxes, self.places, self.measure = boxes, places, measure
        self.arrows: list[tuple[Edge, list[tuple[float, float]], tuple[float, float], str]] = []
        self.frames: list[tuple[str, np.ndarray]] = []
        self.lanes: dict[str, list[tuple[float, float, float]]] = {"over": [], "under": []}
        self.extent = np.array([np.inf, np.inf, -np.inf, -np.inf])
        for rectangle in places.values():
            self._include(rectangle)

    def _include(self, rectangle: Iterable[float]) -> None:
        x0, y0, x1, y1 = rectangle
        self.extent = np.array([*np.minimum(self.extent[:2], [x0, y0]), *np.maximum(self.extent[2:], [x1, y1])])

    def route(self, arrow: Edge, twin: bool) -> None:
        """Find the arrow's way: straight between facing sides if nothing is in between, else around.

        twin: whether another arrow leads straight back; the two then run side by side.
        """
        a, b = self.places[arrow.start], self.places[arrow.end]
        points = _straight(a, b)
        others = [r for name, r in self.places.items() if name not in (arrow.start, arrow.end)]
        way = arrow.route
        if way == "auto":
            blocked = arrow.start == arrow.end or any(_crosses(points[0], points[1], r) for r in others)
            backward = (b[0] + b[2]) < (a[0] + a[2])
            ways = ["under", "over"] if backward or arrow.dashed else ["over", "under"]
            way = min(ways, key=lambda each: self._obstacles(self._around(a, b, each), others)) if blocked else "straight"
        width, height = self.measure.text(arrow.label, FONT - 1.5)
        if way == "straight":
            if twin:
                points = _beside(points)
            (x0, y0), (x1, y1) = points
            at, anchor = ((x0 + x1) / 2, (y0 + y1) / 2), "over"
            if abs(y1 - y0) > 1.2 * abs(x1 - x0):
                anchor = "left" if twin and y1 > y0 else "side"
            elif twin and x1 < x0:
                anchor, at = "under", (at[0], at[1] - 3)
            else:
                at = (at[0], at[1] + (4 if abs(y1 - y0) > 4 else 3))
        else:
            points = self._around(a, b, way)
            self.lanes[way].append((min(points[1][0], points[2][0]), max(points[1][0], points[2][0]), abs(points[1][1])))
            at = ((points[1][0] + points[2][0]) / 2, points[1][1] + (3 if way == "over" else -3))
            anchor = way
        for x, y in points:
            self._include((x - 2, y - 2, x + 2, y + 2))
        if arrow.label:
            low, high = {"over": (0, height), "under": (-height, 0)}.get(anchor, (-height / 2, height / 2))
            left, right = {"side": (4, width + 4), "left": (-width - 4, -4)}.get(anchor, (-width / 2, width / 2))
            self._include((at[0] + left - 1, at[1] + low, at[0] + right + 1, at[1] + high))
        self.arrows.append((arrow, points, at, anchor))

    def _obstacles(self, points: list[tuple[float, float]], others: list[np.ndarray]) -> int:
        return sum(_crosses(start, end, r) for start, end in zip(points, points[1:]) for r in others)

    def _around(self, a: np.ndarray, b: np.ndarray, way: str) -> list[tuple[float, float]]:
        """Out of the upper (lower) side, along a free lane above (below) all that lies between, and in again."""
        xa, xb = (a[0] + a[2]) / 2, (b[0] + b[2]) / 2
        if abs(xa - xb) < 1:
            xa, xb = a[0] + 0.3 * (a[2] - a[0]), b[0] + 0.7 * (b[2] - b[0])
        xa, xb = self._free_side(xa), self._free_side(xb)
        low, high = min(xa, xb), max(xa, xb)
        solid = [*self.places.values(), *(rectangle for _, rectangle in self.frames)]
        between = [r for r in solid if r[2] > low - 4 and r[0] < high + 4]
        sign = 1 if way == "over" else -1
        level = max(sign * r[3 if way == "over" else 1] for r in between) + LANE
        while any(start < high + 6 and end > low - 6 and abs(y - abs(level)) < 0.9 * LANE for start, end, y in self.lanes[way]):
            level += LANE
        side = 3 if way == "over" else 1
        return [(xa, a[side] + sign), (xa, sign * level), (xb, sign * level), (xb, b[side] + 2 * sign)]

    def _free_side(self, x: float) -> float:
        """A place beside the arrows that leave or enter at x already."""
        taken = [end[0] for _, points, *_ in self.arrows if len(points) == 4 for end in (points[0], points[-1])]
        while any(abs(x - other) < 5 for other in taken):
            x += 7
        return x

    def frame(self, caption: str, names: Sequence[str]) -> None:
        """A frame around nodes."""
        inside = np.array([self.places[name] for name in names])
        x0, y0, x1, y1 = *inside[:, :2].min(axis=0), *inside[:, 2:].max(axis=0)
        width, height = self.measure.text(caption, FONT - 0.5)
        rectangle = np.array([x0 - 9, y0 - 9, max(x1 + 9, x0 + width), y1 + 9 + height + 4])
        for name, place in self.places.items():
            if name not in names and (np.maximum(place[:2], rectangle[:2]) < np.minimum(place[2:], rectangle[2:])).all():
                raise ValueError(f"the frame of group {caption!r} would meet {name!r} too: place the nodes with at=(column, row)")
        self.frames.append((caption, rectangle))
        self._include(rectangle)

    def draw(self, ax: Axes | None, title: str | None) -> Axes:
        from matplotlib.patches import Circle, FancyBboxPatch

        x0, y0, x1, y1 = self.extent + np.array([-6, -6, 6, 6])
        if ax is None:
            head = 24 if title else 0
            wide = max(x1 - x0, self.measure.text(title or "", 10.5)[0] + 12)
            fig, ax = figure(size=(wide / 72, (y1 - y0 + head) / 72))
            fig.set_layout_engine("none")
            ax.set_position([0, 0, 1, (y1 - y0) / (y1 - y0 + head)])
            scale = 1.0
        else:
            ax, scale, (x0, x1, y0, y1) = fit_into(ax, (x0, x1, y0, y1))
        ax.set_xlim(x0, x1)
        ax.set_ylim(y0, y1)
        ax.set_aspect("equal")
        ax.set_axis_off()
        if title:
            ax.set_title(title)
        for caption, (a, b, c, d) in self.frames:
            style = {"boxstyle": "round,pad=0,rounding_size=8", "facecolor": "#F6F6F6", "edgecolor": color.faint, "zorder": 0.5}
            ax.add_patch(FancyBboxPatch((a, b), c - a, d - b, **style))
            ax.text(a + 8, d - 4, caption, fontsize=(FONT - 0.5) * scale, va="top", color=color.muted, zorder=0.6)
        for arrow, points, at, anchor in self.arrows:
            self._draw_arrow(ax, arrow, points, at, anchor, scale)
        for name, box in self.boxes.items():
            a, b, c, d = self.places[name]
            shade, outline = KINDS[box.kind]
            look = {"facecolor": _tint(shade), "edgecolor": shade, "linewidth": 1.1 * scale, "zorder": 2}
            if outline == "circle":
                ax.add_patch(Circle(((a + c) / 2, (b + d) / 2), (c - a) / 2, **look | {"facecolor": "white"}))
            elif outline != "none":
                rounding = min(c - a, d - b) / 2 if outline == "round" else 4
                dashes = {"linestyle": (0, (4, 2))} if outline == "dashed" else {}
                shape = FancyBboxPatch((a, b), c - a, d - b, boxstyle=f"round,pad=0,rounding_size={rounding}", **look, **dashes)
                ax.add_patch(shape)
            middle = (b + d) / 2
            if box.image is not None:
                middle = self._draw_image(ax, box, (a, b, c, d))
            ax.text(
                (a + c) / 2, middle + 1, box.label, fontsize=FONT * scale, ha="center", va="center_baseline", linespacing=1.25, zorder=3
            )
        return ax

    def _draw_image(self, ax: Axes, box: Node, place: tuple) -> float:
        """Show the node's picture in the upper part of its box; returns the height at which the text is centered."""
        from minigen.plot.images import _colored, _stack

        a, b, c, d = place
        rows, cols = np.shape(box.image)[:2]
        wide, tall = IMAGE * cols / max(rows, cols), IMAGE * rows / max(rows, cols)
        limits, view = (ax.get_xlim(), ax.get_ylim()), _colored(_stack(np.asarray(box.image)[None], None), "auto", "gray")[0]
        x, top = (a + c) / 2, d - PAD
        ax.imshow(view, extent=(x - wide / 2, x + wide / 2, top - tall, top), zorder=2.5, interpolation="antialiased")
        ax.set_xlim(limits[0])
        ax.set_ylim(limits[1])
        return (b + (top - tall)) / 2

    def _draw_arrow(self, ax: Axes, arrow: Edge, points: list, at: tuple, anchor: str, scale: float) -> None:
        from matplotlib.patches import FancyArrowPatch

        head = "<|-|>" if arrow.both else "-|>"
        ax.add_patch(
            FancyArrowPatch(
                path=_rounded(points), arrowstyle=head, mutation_scale=9 * scale, color=arrow.color, shrinkA=0, shrinkB=0,
                linewidth=1.1 * scale, linestyle=(0, (3.5, 2.2)) if arrow.dashed else "-", zorder=1.5, joinstyle="miter",
            )  # fmt: skip
        )
        if arrow.label:
            vertical = {"over": "bottom", "under": "top"}.get(anchor, "center")
            align, shift = {"side": ("left", 4), "left": ("right", -4)}.get(anchor, ("center", 0))
            frame = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
            ax.text(
                at[0] + shift, at[1], arrow.label, fontsize=(FONT - 1.5) * scale, color=arrow.color, va=vertical, ha=align,
                zorder=2.2, bbox=frame,
            )  # fmt: skip


def fit_into(ax: Any, extent: tuple[float, float, float, float]) -> tuple[Axes, float, tuple]:
    """Axes that were given, by how much texts shrink there (at most 1), and the extent with a margin that fills them."""
    ax = panel(ax)
    x0, x1, y0, y1 = extent
    room = ax.get_position().size * ax.figure.get_size_inches() * 72
    scale = float(min(room[0] / (x1 - x0), room[1] / (y1 - y0), 1.0))
    wide, tall = max(room[0] / scale - (x1 - x0), 0) / 2, max(room[1] / scale - (y1 - y0), 0) / 2
    return ax, scale, (x0 - wide, x1 + wide, y0 - tall, y1 + tall)


def _straight(a: np.ndarray, b: np.ndarray) -> list[tuple[float, float]]:
    """From the side of `a` that faces `b` to the side of `b` that faces `a`."""
    (ax, ay), (bx, by) = ((r[:2] + r[2:]) / 2 for r in (a, b))
    if b[0] >= a[2] - 1:
        return [(a[2] + 1, ay), (b[0] - 2, by)]
    if b[2] <= a[0] + 1:
        return [(a[0] - 1, ay), (b[2] + 2, by)]
    low, high = max(a[0], b[0]), min(a[2], b[2])
    x = bx if a[0] < bx < a[2] else ax if b[0] < ax < b[2] else (low + high) / 2
    return [(x, a[1] - 1), (x, b[3] + 2)] if by < ay else [(x, a[3] + 1), (x, b[1] - 2)]


def _beside(points: list[tuple[float, float]], shift: float = 5.0) -> list[tuple[float, float]]:
    """The segment moved to its left, so that the one that leads back has the other side."""
    (x0, y0), (x1, y1) = points
    along = _unit(np.array([x1 - x0, y1 - y0]))
    dx, dy = -shift * along[1], shift * along[0]
    return [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy)]


def _crosses(start: tuple, end: tuple, rectangle: np.ndarray) -> bool:
    """Whether a segment meets a rectangle."""
    t = np.linspace(0, 1, 101)
    x, y = start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])
    return bool(((x > rectangle[0]) & (x < rectangle[2]) & (y > rectangle[1]) & (y < rectangle[3])).any())


def _rounded(points: list[tuple[float, float]], radius: float = 6.0) -> Any:
    """A path through the points with rounded corners."""
    from matplotlib.path import Path

    points = np.asarray(points, dtype=float)
    corners, codes = [points[0]], [Path.MOVETO]
    for before, here, after in zip(points, points[1:], points[2:]):
        r = min(radius, np.linalg.norm(here - before) / 2, np.linalg.norm(after - here) / 2)
        corners += [here + r * _unit(before - here), here, here + r * _unit(after - here)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*corners, points[-1]], [*codes, Path.LINETO])


def _unit(v: np.ndarray) -> np.ndarray:
    return v / max(float(np.linalg.norm(v)), 1e-9)


def _tint(shade: str, share: float = 0.14) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return tuple(1 - share * (1 - channel) for channel in to_rgb(shade))
