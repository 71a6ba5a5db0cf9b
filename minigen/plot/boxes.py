"""Boxes and arrows before they have a place: what they say, what they mean, how large they are.

All lengths are points (1/72 inch).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.plot.style import color, panel

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
FONT, PAD, IMAGE = 9.5, 7.0, 46.0  # text size, space around it, the longer side of a picture


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


class Measure:
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
            width, height = (
                max(width, IMAGE * cols / max(rows, cols)),
                height + IMAGE * rows / max(rows, cols) + (4 if box.label else 0),
            )
        return max(width + 2 * pad, 24.0), max(height + 2 * pad, 22.0)


def fit_into(ax: Any, extent: tuple[float, float, float, float]) -> tuple[Axes, float, tuple]:
    """Axes that were given, how much texts shrink there (at most 1), and the extent with a margin that fills them."""
    ax = panel(ax)
    x0, x1, y0, y1 = extent
    room = ax.get_position().size * ax.figure.get_size_inches() * 72
    scale = float(min(room[0] / (x1 - x0), room[1] / (y1 - y0), 1.0))
    wide, tall = max(room[0] / scale - (x1 - x0), 0) / 2, max(room[1] / scale - (y1 - y0), 0) / 2
    return ax, scale, (x0 - wide, x1 + wide, y0 - tall, y1 + tall)
