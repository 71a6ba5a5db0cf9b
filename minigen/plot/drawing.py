"""A schematic's arrows find their way between the boxes; then all is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from minigen.plot import routes
from minigen.plot.boxes import FONT, IMAGE, KINDS, PAD, Edge, Measure, Node, fit_into
from minigen.plot.images import colored, stacked
from minigen.plot.style import color, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LANE = 13.0  # between arrows that run side by side


class Drawing:
    """Placed nodes, and the arrows and frames found a way for, in points; then drawn into axes."""

    def __init__(self, boxes: Mapping[str, Node], places: Mapping[str, np.ndarray], measure: Measure):
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
        points = routes.straight(a, b)
        others = [r for name, r in self.places.items() if name not in (arrow.start, arrow.end)]
        way = arrow.route
        if way == "auto":
            blocked = arrow.start == arrow.end or any(routes.crosses(points[0], points[1], r) for r in others)
            backward = (b[0] + b[2]) < (a[0] + a[2])
            ways = ["under", "over"] if backward or arrow.dashed else ["over", "under"]
            ways = sorted(ways, key=lambda each: self._obstacles(self._around(a, b, each), others))
            way = ways[0] if blocked else "straight"
        width, height = self.measure.text(arrow.label, FONT - 1.5)
        if way == "straight":
            if twin:
                points = routes.beside(points)
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
            (x0, level), (x1, _) = points[1:3]
            self.lanes[way].append((min(x0, x1), max(x0, x1), level))
            at = ((x0 + x1) / 2, level + (3 if way == "over" else -3))
            anchor = way
        for x, y in points:
            self._include((x - 2, y - 2, x + 2, y + 2))
        if arrow.label:
            low, high = {"over": (0, height), "under": (-height, 0)}.get(anchor, (-height / 2, height / 2))
            left, right = {"side": (4, width + 4), "left": (-width - 4, -4)}.get(anchor, (-width / 2, width / 2))
            self._include((at[0] + left - 1, at[1] + low, at[0] + right + 1, at[1] + high))
        self.arrows.append((arrow, points, at, anchor))

    def _obstacles(self, points: list[tuple[float, float]], others: list[np.ndarray]) -> int:
        return sum(routes.crosses(start, end, r) for start, end in zip(points, points[1:]) for r in others)

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
        while any(
            start < high + 6 and end > low - 6 and abs(y - sign * level) < 0.9 * LANE
            for start, end, y in self.lanes[way]
        ):
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
            meets = (np.maximum(place[:2], rectangle[:2]) < np.minimum(place[2:], rectangle[2:])).all()
            if meets and name not in names:
                raise ValueError(
                    f"the frame of group {caption!r} would meet {name!r} too: place the nodes with at=(column, row)"
                )
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
            look = {"facecolor": "#F6F6F6", "edgecolor": color.faint, "zorder": 0.5}
            ax.add_patch(FancyBboxPatch((a, b), c - a, d - b, boxstyle="round,pad=0,rounding_size=8", **look))
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
                shape = FancyBboxPatch(
                    (a, b), c - a, d - b, boxstyle=f"round,pad=0,rounding_size={rounding}", **look, **dashes
                )
                ax.add_patch(shape)
            middle = (b + d) / 2
            if box.image is not None:
                middle = self._draw_image(ax, box, (a, b, c, d))
            look = {
                "fontsize": FONT * scale,
                "ha": "center",
                "va": "center_baseline",
                "linespacing": 1.25,
                "zorder": 3,
            }
            ax.text((a + c) / 2, middle + 1, box.label, **look)
        return ax

    def _draw_image(self, ax: Axes, box: Node, place: tuple) -> float:
        """Show the node's picture in the upper part of its box; returns the height at which the text is centered."""
        a, b, c, d = place
        rows, cols = np.shape(box.image)[:2]
        wide, tall = IMAGE * cols / max(rows, cols), IMAGE * rows / max(rows, cols)
        view = ax.axis()
        pixels = colored(stacked(np.asarray(box.image)[None], None), "auto", "gray")[0]  # (H, W, 3)
        x, top = (a + c) / 2, d - PAD
        ax.imshow(pixels, extent=(x - wide / 2, x + wide / 2, top - tall, top), zorder=2.5, interpolation="antialiased")
        ax.axis(view)
        return (b + (top - tall)) / 2

    def _draw_arrow(self, ax: Axes, arrow: Edge, points: list, at: tuple, anchor: str, scale: float) -> None:
        from matplotlib.patches import FancyArrowPatch

        look = {"color": arrow.color, "linewidth": 1.1 * scale, "joinstyle": "miter", "zorder": 1.5}
        look |= {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 9 * scale}
        look |= {"arrowstyle": "<|-|>" if arrow.both else "-|>", "linestyle": (0, (3.5, 2.2)) if arrow.dashed else "-"}
        ax.add_patch(FancyArrowPatch(path=routes.rounded(points), **look))
        if arrow.label:
            vertical = {"over": "bottom", "under": "top"}.get(anchor, "center")
            align, shift = {"side": ("left", 4), "left": ("right", -4)}.get(anchor, ("center", 0))
            frame = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
            look = {"fontsize": (FONT - 1.5) * scale, "color": arrow.color, "va": vertical, "ha": align, "zorder": 2.2}
            ax.text(at[0] + shift, at[1], arrow.label, bbox=frame, **look)


def _tint(shade: str, share: float = 0.14) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return tuple(1 - share * (1 - channel) for channel in to_rgb(shade))
