"""The part of matplotlib on which `minigen.plot` draws in a page, as SVG: the real one would be a download of 12 MB.

    install()                      # where matplotlib is not installed, these classes take its place
    figure.svg()                   # a figure as a text

A figure keeps what is drawn in each of its axes, and writes SVG from it: lines, areas, points, bars, images, texts,
axes with ticks, and a legend. What a page cannot draw (contours, streams, schematics, axes in space) raises
NotImplementedError, so that it is not drawn wrongly.
"""

from __future__ import annotations

import base64
import html
import importlib.abc
import math
import re
import struct
import sys
import zlib
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["Axes", "Colormap", "Figure", "install"]

DPI = 96.0  # pixels an inch, as a page counts them
POINT = DPI / 72
INK, MUTED, GRID = "#262626", "#767676", "#e6e6e6"
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7A7A", "#262626")
DASHES = {"-": "", "solid": "", "--": "6 3", "dashed": "6 3", ":": "1.5 2.5", "dotted": "1.5 2.5", "-.": "6 3 1.5 3"}
VIRIDIS = "#440154 #472d7b #3b528b #2c728e #21918c #28ae80 #5ec962 #addc30 #fde725".split()
NAMED = {"gray": ["#000000", "#ffffff"], "viridis": VIRIDIS}
SYMBOLS = {"sigma": "σ", "mu": "μ", "alpha": "α", "beta": "β", "theta": "θ", "lambda": "λ", "eta": "η", "epsilon": "ε"}
SYMBOLS |= {"hat": "", "bar": "", "tilde": "", "mathbf": "", "mathrm": "", "nabla": "∇", "times": "×", "cdot": "·"}


class Colormap:
    """Colors from numbers in [0, 1]: straight lines between evenly spaced colors."""

    def __init__(self, shades: Sequence[str], bad: str = "#ffffff"):
        self._shades, self._bad = shades, bad
        self._colors = np.array([_rgb(shade) for shade in shades])

    @classmethod
    def from_list(cls, name: str, shades: Sequence[str]) -> Colormap:
        return cls(shades)

    def with_extremes(self, bad: str) -> Colormap:
        """Return the same with a color for values that are not numbers."""
        return Colormap(self._shades, bad)

    def __call__(self, values: Any) -> np.ndarray:
        """(...) to (..., 4)."""
        at = np.clip(np.asarray(values, dtype=np.float64), 0, 1)
        places = np.linspace(0, 1, len(self._colors))
        channels = [np.interp(at, places, self._colors[:, k]) for k in range(3)]
        colors = np.stack([*channels, np.ones_like(at)], axis=-1)
        colors[np.isnan(at)] = [*_rgb(self._bad), 1.0]
        return colors


class LineCollection:
    """Lines of one color, each a sequence of points."""

    def __init__(self, lines: Sequence[Any], colors: str = INK, linewidths: float = 1.0, zorder: float = 1.0):
        self.lines, self.color, self.width, self.zorder = lines, colors, linewidths, zorder


class Image:
    """What `imshow` has drawn: values with a color map, or colors."""

    def __init__(self, values: np.ndarray):
        self.values, self.cmap, self.limits = values, Colormap(NAMED["viridis"]), (0.0, 1.0)
        if values.ndim == 2:
            self.limits = (float(np.min(values)), float(np.max(values)))

    def set(self, cmap: Any = None, clim: tuple[float, float] | None = None) -> None:
        self.cmap, self.limits = cmap or self.cmap, clim or self.limits

    def get_array(self) -> np.ndarray:
        return self.values

    def to_rgba(self, value: Any) -> np.ndarray:
        low, high = self.limits
        return self.cmap((np.asarray(value, dtype=np.float64) - low) / ((high - low) or 1.0))

    @property
    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8."""
        colors = self.to_rgba(self.values)[..., :3] if self.values.ndim == 2 else self.values[..., :3]
        return colors if colors.dtype == np.uint8 else np.round(255 * np.clip(colors, 0, 1)).astype(np.uint8)


class Figure:
    """A figure of some axes; figsize in inches."""

    def __init__(self, figsize: tuple[float, float] = (4.8, 3.7), layout: str = ""):
        self.size, self.title, self.rows, self.axes = figsize, "", [], []  # type: ignore[var-annotated]

    def subplots(self, rows: int, cols: int, sharex: Any, sharey: Any, subplot_kw: dict) -> Any:
        if subplot_kw.get("projection"):
            raise NotImplementedError("a page does not draw axes in space")
        self.rows = [[Axes(self) for _ in range(cols)] for _ in range(rows)]
        self.axes = [ax for row in self.rows for ax in row]
        for ax in self.axes:
            ax.shares = (self.axes if sharex else [], self.axes if sharey else [])
        if rows == cols == 1:
            return self.axes[0]
        grid = np.empty((rows, cols), dtype=object)
        for place, ax in zip(np.ndindex(rows, cols), self.axes):
            grid[place] = ax
        return grid.ravel() if 1 in (rows, cols) else grid

    def suptitle(self, text: str) -> None:
        self.title = text

    def colorbar(self, image: Image, ax: Axes, **look: Any) -> Any:
        ax.bar_of_colors = image
        quiet = SimpleNamespace(set_linewidth=_nothing, locator_params=_nothing)
        return SimpleNamespace(outline=quiet, ax=quiet)

    def savefig(self, *args: Any, **options: Any) -> None:
        raise NotImplementedError("a page saves no figures")

    def svg(self) -> str:
        """Return the figure as SVG."""
        width, height = self.size[0] * DPI, self.size[1] * DPI
        head = 24.0 if self.title else 0.0
        parts = [_text(width / 2, 17, self.title, 12, "middle", INK)] if self.title else []
        across, down = width / len(self.rows[0]), (height - head) / len(self.rows)
        for i, row in enumerate(self.rows):
            for j, ax in enumerate(row):
                parts.append(ax.drawn(j * across, head + i * down, across, down))
        size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{"".join(parts)}</svg>'


class Spines:
    """The frame of axes, shown or hidden as a whole."""

    def __init__(self, ax: Axes):
        self._ax = ax

    def __getitem__(self, which: Any) -> Spines:
        return self

    def set_visible(self, visible: bool) -> None:
        self._ax.frame = "all" if visible else "none"


class Axes:
    """One panel: what is drawn in it, in the order in which it lies on top of each other."""

    transAxes = "axes"

    def __init__(self, figure: Figure):
        self.figure = figure
        self.frame, self.is_equal, self.is_off, self.grid_of = "left", False, False, ""
        self.labels = {"x": "", "y": "", "title": ""}
        self.limits: dict[str, tuple[float, float] | None] = {"x": None, "y": None}
        self.scales = {"x": "linear", "y": "linear"}
        self.ticks: dict[str, tuple[Any, Any] | None] = {"x": None, "y": None}
        self.shares: tuple[list[Axes], list[Axes]] = ([], [])
        self.margin = {"x": 0.05, "y": 0.05}
        self.ticks_on_top, self.has_legend = False, False
        self.bar_of_colors: Image | None = None
        self.spines = Spines(self)
        self.xaxis = SimpleNamespace(tick_top=lambda: setattr(self, "ticks_on_top", True))
        self._drawn: list[tuple[float, Any]] = []  # (order, function of the place that returns SVG)
        self._reach: dict[str, list[np.ndarray]] = {"x": [], "y": []}
        self._ways: list[tuple[np.ndarray, np.ndarray, bool]] = []  # x, y, and whether a line joins them
        self._named: list[tuple[str, str]] = []  # the legend: a mark and its name
        self._lines = 0

    # -- settings ------------------------------------------------------------------------------------------------------

    def set(self, **values: Any) -> None:
        for name, value in values.items():
            getattr(self, f"set_{name}")(value)

    def set_title(self, text: str, **look: Any) -> None:
        self.labels["title"] = text

    def set_xlabel(self, text: str, **look: Any) -> None:
        self.labels["x"] = text

    def set_ylabel(self, text: str, **look: Any) -> None:
        self.labels["y"] = text

    def get_xlabel(self) -> str:
        return self.labels["x"]

    def get_ylabel(self) -> str:
        return self.labels["y"]

    def set_xlim(self, low: Any = None, high: Any = None, **ends: Any) -> None:
        self._set_limits("x", low, high, ends.get("left"), ends.get("right"))

    def set_ylim(self, low: Any = None, high: Any = None, **ends: Any) -> None:
        self._set_limits("y", low, high, ends.get("bottom"), ends.get("top"))

    def _set_limits(self, axis: str, low: Any, high: Any, first: Any, last: Any) -> None:
        low, high = low if np.ndim(low) == 1 else (low, high)
        low, high = (first if low is None else low), (last if high is None else high)
        own = self._own_limits(axis)
        self.limits[axis] = (float(own[0] if low is None else low), float(own[1] if high is None else high))

    def get_xlim(self) -> tuple[float, float]:
        return self._limits("x")

    def get_ylim(self) -> tuple[float, float]:
        return self._limits("y")

    def set_xscale(self, scale: str) -> None:
        self.scales["x"] = scale

    def set_yscale(self, scale: str) -> None:
        self.scales["y"] = scale

    def set_xticks(self, ticks: Any, labels: Any = None, minor: bool = False, **look: Any) -> None:
        if not minor:
            self.ticks["x"] = (np.asarray(list(ticks), dtype=np.float64), labels)

    def set_yticks(self, ticks: Any, labels: Any = None, minor: bool = False, **look: Any) -> None:
        if not minor:
            self.ticks["y"] = (np.asarray(list(ticks), dtype=np.float64), labels)

    def set_aspect(self, aspect: str, **how: Any) -> None:
        self.is_equal = aspect == "equal"

    def set_axis_off(self) -> None:
        self.is_off = True

    def margins(self, x: float | None = None, y: float | None = None) -> None:
        self.margin = {"x": self.margin["x"] if x is None else x, "y": self.margin["y"] if y is None else y}

    def grid(self, visible: bool = True, axis: str = "both", which: str = "major", **look: Any) -> None:
        if which == "major":
            axes = "xy" if axis == "both" else axis
            self.grid_of = "".join(sorted(set(self.grid_of) | set(axes) if visible else set(self.grid_of) - set(axes)))

    def legend(self, *args: Any, **look: Any) -> None:
        if args or "handles" in look:
            raise NotImplementedError("a page draws the legend of the names that the lines have")
        self.has_legend = True

    def locator_params(self, *args: Any, **how: Any) -> None:
        """Ignore the parameters: the number of ticks is that of the page."""

    tick_params = minorticks_off = set_axisbelow = locator_params

    # -- what is drawn -------------------------------------------------------------------------------------------------

    def plot(self, *args: Any, **look: Any) -> None:
        """Lines `x, y` or `y`, with a format such as "o--"."""
        values = [np.atleast_1d(np.asarray(each, dtype=np.float64)) for each in args if not isinstance(each, str)]
        form = next((each for each in args if isinstance(each, str)), "")
        x, y = values if len(values) == 2 else (np.arange(len(values[0]), dtype=np.float64), values[0])
        if y.ndim == 2:
            for column in y.T:
                self.plot(x[:, 0] if x.ndim == 2 else x, column, form, **look)
                look.pop("label", None)
            return
        shade = look.get("color", look.get("c"))
        letters = {"k": INK, "r": CYCLE[1], "b": CYCLE[0], "g": CYCLE[2]}
        shade = shade or next((color for letter, color in letters.items() if letter in form), CYCLE[self._lines % 8])
        marker = look.get("marker") or next((mark for mark in "osx^." if mark in form), "")
        line = re.sub(r"[^-:.]|\.$", "", form) if form else "-"
        style = look.get("ls", look.get("linestyle", line))
        self._lines += 1
        width, alpha = look.get("lw", look.get("linewidth", 1.6)), look.get("alpha", 1.0)
        self._extend(x, y)
        transform = None if "transform" not in look else "axes"
        order = look.get("zorder", 2)
        self._ways.append((x, y, style in DASHES))
        if style in DASHES:
            stroke = _stroke(shade, width, DASHES[style], alpha)
            self._add(order, lambda at: f'<path d="{_path(at, x, y, transform)}" fill="none" {stroke}/>')
        if marker:
            fill, edge = look.get("mfc", shade), look.get("mec", shade)
            size = look.get("ms", look.get("markersize", 6))
            self._dots(x, y, size, fill, edge, look.get("mew", 0), alpha, order)
        self._name(look, _mark(shade, width, DASHES.get(style), marker))

    def fill_between(
        self, x: Any, low: Any, high: Any = 0, color: str = CYCLE[0], alpha: float = 1.0, **look: Any
    ) -> None:
        x = np.asarray(x, dtype=np.float64)
        low, high = (np.broadcast_to(np.asarray(each, dtype=np.float64), x.shape) for each in (low, high))
        fine = np.isfinite(low) & np.isfinite(high)
        ends = np.concatenate([x[fine], x[fine][::-1]]), np.concatenate([low[fine], high[fine][::-1]])
        self._extend(x, low)
        self._extend(x, high)
        self._ways += [(x, low, True), (x, high, True)]
        self._add(look.get("zorder", 1), lambda at: f'<path d="{_path(at, *ends)}Z" {_fill(color, alpha)}/>')
        self._name(look, _patch(color, alpha))

    def stairs(
        self, heights: Any, edges: Any, fill: bool = False, color: str = CYCLE[0], alpha: float = 1.0, **look: Any
    ) -> None:
        x, y = np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
        self._extend(x, y)
        self._ways.append((x, y, True))
        paint = _fill(color, alpha) if fill else f'fill="none" {_stroke(color, look.get("lw", 1.2), "", alpha)}'
        self._add(2, lambda at: f'<path d="{_path(at, x, y)}" {paint}/>')
        self._name(look, _patch(color, alpha))

    def bar(self, x: Any, height: Any, width: float = 0.8, yerr: Any = None, color: Any = CYCLE[0], **look: Any) -> Any:
        x, height = np.asarray(x, dtype=np.float64), np.asarray(height, dtype=np.float64)
        shades = [color] * len(x) if isinstance(color, str) else [color[k % len(color)] for k in range(len(x))]
        self._extend(np.concatenate([x - width / 2, x + width / 2]), np.concatenate([height, np.zeros(len(x))]))
        self._ways += [(np.array([a, a]), np.array([0.0, b]), True) for a, b in zip(x, height)]

        def drawn(at: Place) -> str:
            boxes = []
            for middle, top, shade in zip(x, height, shades):
                left, right = at.x(middle + np.array([-width, width]) / 2)
                upper, lower = sorted(at.y(np.array([top, 0.0])))
                boxes.append(_rectangle(left, upper, right - left, lower - upper, f'fill="{_hex(shade)}"'))
            return "".join(boxes)

        self._add(2, drawn)
        if yerr is not None:
            errors = np.broadcast_to(np.asarray(yerr, dtype=np.float64), x.shape)
            self._extend(x, height + errors)
            for middle, top, error in zip(x, height, errors):
                self.plot([middle, middle], [top - error, top + error], color=INK, lw=1.2)
        self._name(look, _patch(shades[0], 1.0))
        return SimpleNamespace(x=x, height=height)

    def bar_label(self, bars: Any, fmt: str = "%g", **look: Any) -> None:
        for x, height in zip(bars.x, bars.height):
            text = fmt % height if "%" in fmt else fmt.format(height)
            self.text(x, height, text, ha="center", va="bottom", fontsize=8)

    def axhline(self, value: float, color: str = INK, lw: float = 1.1, ls: str = "-", **look: Any) -> None:
        self._across("y", value, color, look.get("linewidth", lw), look.get("linestyle", ls), look)

    def axvline(self, value: float, color: str = INK, lw: float = 1.1, ls: str = "-", **look: Any) -> None:
        self._across("x", value, color, look.get("linewidth", lw), look.get("linestyle", ls), look)

    def _across(self, axis: str, value: float, color: str, width: float, style: str, look: dict) -> None:
        self._reach[axis].append(np.array([value], dtype=np.float64))
        stroke = _stroke(color, width, DASHES[style], look.get("alpha", 1.0))

        self._add(look.get("zorder", 1.5), lambda at: at.line_across(axis, value, stroke))
        self._name(look, _mark(color, width, DASHES[style], ""))

    def axvspan(self, start: float, end: float, color: str = CYCLE[0], alpha: float = 1.0, **look: Any) -> None:
        self._reach["x"].append(np.array([start, end], dtype=np.float64))

        def drawn(at: Place) -> str:
            left, right = sorted((float(at.x(start)), float(at.x(end))))
            return _rectangle(left, at.top, right - left, at.height, _fill(color, alpha))

        self._add(0.5, drawn)
        self._name(look, _patch(color, alpha))

    def scatter(self, x: Any, y: Any, s: Any = 20.0, color: Any = None, c: Any = None, **look: Any) -> None:
        x, y = (np.atleast_1d(np.asarray(each, dtype=np.float64)).ravel() for each in (x, y))
        shade = color if color is not None else c if c is not None else CYCLE[0]
        if isinstance(c, np.ndarray) or np.ndim(s):
            raise NotImplementedError("a page draws points of one size, in named colors")
        self._extend(x, y)
        self._ways.append((x, y, False))
        alpha, edge = look.get("alpha", 1.0), look.get("edgecolors", "none")
        width = 0 if edge == "none" else look.get("linewidths", 1)
        shades = [shade] * len(x) if isinstance(shade, str) else list(shade)
        for each in dict.fromkeys(map(_hex, shades)):
            mine = np.array([_hex(one) == each for one in shades], dtype=bool)
            self._dots(x[mine], y[mine], math.sqrt(s), each, edge, width, alpha, look.get("zorder", 1))
        if shades:
            self._name(look, _mark(shades[0], 0, None, "o"))

    def _dots(
        self, x: Any, y: Any, size: float, fill: str, edge: str, width: float, alpha: float, order: float
    ) -> None:
        def drawn(at: Place) -> str:
            fine = np.isfinite(x) & np.isfinite(y)
            spots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(at.x(x[fine]), at.y(y[fine])))
            around = f'<path d="{spots}" {_round(edge, size + width, alpha)}/>' if width else ""
            return f'{around}<path d="{spots}" {_round(fill, max(size - width, 0.5), alpha)}/>'

        self._add(order, drawn)

    def imshow(self, values: Any, cmap: Any = None, origin: str = "upper", extent: Any = None, **look: Any) -> Image:
        values = np.asarray(values)
        image = Image(values if values.ndim == 2 or values.dtype == np.uint8 else values.astype(np.float64))
        limits = (look["vmin"], look["vmax"]) if "vmin" in look else None
        image.set(cmap=_colormaps[cmap] if isinstance(cmap, str) else cmap, clim=limits)
        height, width = values.shape[:2]
        upwards = (-0.5, height - 0.5) if origin == "lower" else (height - 0.5, -0.5)
        box = extent or (-0.5, width - 0.5, *upwards)
        self.limits = {"x": tuple(map(float, box[:2])), "y": tuple(map(float, box[2:]))}  # type: ignore[dict-item]
        self.is_equal = look.get("aspect", "equal") == "equal"
        smooth = look.get("interpolation") == "bilinear"

        def drawn(at: Place) -> str:
            pixels = image.pixels[::-1] if origin == "lower" else image.pixels
            (left, right), (upper, lower) = sorted(at.x(np.array(box[:2]))), sorted(at.y(np.array(box[2:])))
            place = f'x="{left:.1f}" y="{upper:.1f}" width="{right - left:.1f}" height="{lower - upper:.1f}"'
            style = "" if smooth else ' style="image-rendering: pixelated"'
            return f'<image {place} preserveAspectRatio="none"{style} href="data:image/png;base64,{_png(pixels)}"/>'

        self._add(look.get("zorder", 0), drawn)
        return image

    def quiver(self, x: Any, y: Any, u: Any, v: Any, color: Any = INK, **look: Any) -> None:
        if look.get("angles") != "xy" or look.get("scale") != 1:
            raise NotImplementedError("a page draws arrows in the units of the plane")
        x, y, u, v = (np.ravel(np.asarray(each, dtype=np.float64)) for each in (x, y, u, v))
        back = 0.5 if look.get("pivot") == "mid" else 0.0
        starts, ends = np.stack([x - back * u, y - back * v]), np.stack([x + (1 - back) * u, y + (1 - back) * v])

        def drawn(at: Place) -> str:
            parts = []
            for x0, y0, x1, y1 in zip(at.x(starts[0]), at.y(starts[1]), at.x(ends[0]), at.y(ends[1])):
                if math.isfinite(x1 + y1):
                    head = np.array([x0 - x1, y0 - y1]) * min(1.0, 4 / (math.hypot(x1 - x0, y1 - y0) or 1))
                    side = np.array([-head[1], head[0]]) * 0.5
                    left, right = head + side, head - side
                    parts.append(f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}m{left[0]:.1f} {left[1]:.1f}")
                    parts.append(f"L{x1:.1f} {y1:.1f}l{right[0]:.1f} {right[1]:.1f}")
            return f'<path d="{"".join(parts)}" fill="none" {_stroke(color, 0.8, "", 1.0)}/>'

        self._add(2, drawn)

    def add_collection(self, lines: LineCollection) -> None:
        for line in lines.lines:
            self.plot(*np.asarray(line).T, color=lines.color, lw=lines.width, zorder=lines.zorder)

    def text(self, x: float, y: float, text: str, ha: str = "left", va: str = "baseline", **look: Any) -> None:
        anchor = {"left": "start", "center": "middle", "right": "end"}[look.get("horizontalalignment", ha)]
        size = look.get("fontsize", look.get("size", 9.5))
        down = {"center": 0.35, "top": 0.8}.get(look.get("verticalalignment", va), -0.25) * size * POINT

        def drawn(at: Place) -> str:
            if look.get("transform") == "axes":
                left, top = at.left + x * at.width, at.top + (1 - y) * at.height
            else:
                left, top = float(at.x(x)), float(at.y(y))
            return _text(left, top + down, str(text), size, anchor, look.get("color", INK))

        self._add(look.get("zorder", 3), drawn)

    def annotate(
        self, text: str, xy: tuple[float, float], xytext: Any = None, textcoords: str = "data", **look: Any
    ) -> None:
        if look.get("arrowprops") or (xytext is not None and textcoords != "offset points"):
            raise NotImplementedError("a page draws no arrows from a text to its place")
        right, up = xytext if xytext is not None else (0, 0)
        ha = {"left": "start", "center": "middle", "right": "end"}[look.get("ha", "left")]
        size, shade = look.get("fontsize", 9.5), look.get("color", INK)

        def drawn(at: Place) -> str:
            left, top = float(at.x(xy[0])) + right * POINT, float(at.y(xy[1])) - up * POINT
            return _text(left, top, text, size, ha, shade)

        self._add(3, drawn)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImplementedError(f"a page does not draw what matplotlib does with {name}")

    # -- SVG -----------------------------------------------------------------------------------------------------------

    def _add(self, order: float, drawn: Any) -> None:
        self._drawn.append((order, drawn))

    def _extend(self, x: Any, y: Any) -> None:
        self._reach["x"].append(np.asarray(x, dtype=np.float64))
        self._reach["y"].append(np.asarray(y, dtype=np.float64))

    def _name(self, look: dict, mark: str) -> None:
        label = look.get("label")
        if label and not str(label).startswith("_"):
            self._named.append((mark, str(label)))

    def _own_limits(self, axis: str) -> tuple[float, float]:
        given = self.limits[axis]
        if given is not None:
            return given
        values = np.concatenate([np.ravel(each) for each in self._reach[axis]] or [np.array([0.0, 1.0])])
        is_log = self.scales[axis] == "log"
        values = values[np.isfinite(values) & ((values > 0) | (not is_log))]
        if not len(values):
            return (1.0, 10.0) if is_log else (0.0, 1.0)
        low, high = np.log10([values.min(), values.max()]) if is_log else (values.min(), values.max())
        margin = self.margin[axis] * (high - low) or 0.05 * (abs(high) or 1.0)
        ends = (low - margin, high + margin)
        return (10.0 ** ends[0], 10.0 ** ends[1]) if is_log else (float(ends[0]), float(ends[1]))

    def _limits(self, axis: str) -> tuple[float, float]:
        together = self.shares["xy".index(axis)]
        ends = [ax._own_limits(axis) for ax in together] or [self._own_limits(axis)]
        return min(end[0] for end in ends), max(end[1] for end in ends)

    def drawn(self, left: float, top: float, width: float, height: float) -> str:
        """Return the axes within a rectangle of the figure, in pixels."""
        place = self._place(left, top, width, height)
        clip = f"mg{abs(hash((id(self), left, top))) % 10**9}"
        inside = "".join(drawn(place) for _, drawn in sorted(self._drawn, key=lambda pair: pair[0]))
        area = _rectangle(place.left, place.top, place.width, place.height, "")
        parts = [f'<clipPath id="{clip}">{area}</clipPath>', self._grid(place)]
        parts.append(f'<g clip-path="url(#{clip})">{inside}</g>' if not self.is_off else inside)
        if not self.is_off:
            parts += [self._frame(place), self._ticks(place), self._labels(place, top, height)]
        title = self.labels["title"]
        if title:
            above = place.top - (24 if self.ticks_on_top else 8)
            parts.append(_text(place.left + place.width / 2, above, title, 10.5, "middle", INK))
        if self.has_legend and self._named:
            parts.append(self._legend(place))
        if self.bar_of_colors is not None:
            parts.append(self._color_bar(place))
        return "".join(parts)

    def _place(self, left: float, top: float, width: float, height: float) -> Place:
        """Return the area inside the axes: what titles, labels and ticks leave of a rectangle."""
        names = self._tick_names("y")
        letters = max((len(name) for _, name in names), default=0)
        before = 10 + 6.2 * letters + (18 if self.labels["y"] else 0)
        below = 10 + (16 if self._tick_names("x") and not self.ticks_on_top else 0) + (18 if self.labels["x"] else 0)
        above = 8 + (18 if self.labels["title"] else 0) + (16 if self.ticks_on_top else 0)
        after = 12 + (52 if self.bar_of_colors is not None else 0)
        inner = (left + before, top + above, max(width - before - after, 10.0), max(height - above - below, 10.0))
        ends = (*self._limits("x"), *self._limits("y"))
        if self.is_equal:
            unit = min(inner[2] / (abs(ends[1] - ends[0]) or 1), inner[3] / (abs(ends[3] - ends[2]) or 1))
            wide, high = unit * abs(ends[1] - ends[0]), unit * abs(ends[3] - ends[2])
            inner = (inner[0] + (inner[2] - wide) / 2, inner[1] + (inner[3] - high) / 2, wide, high)
        return Place(*inner, ends, self.scales)

    def _tick_names(self, axis: str) -> list[tuple[float, str]]:
        low, high = sorted(self._limits(axis))
        given = self.ticks[axis]
        if self.is_off:
            return []
        if given is not None:
            ticks, names = given
            names = [_number(tick) for tick in ticks] if names is None else [_plain(str(name)) for name in names]
            return [(tick, name) for tick, name in zip(ticks, names) if low - 1e-9 <= tick <= high + 1e-9]
        if self.scales[axis] == "log":
            return _log_ticks(low, high)
        return [(tick, _number(tick)) for tick in _round_ticks(low, high)]

    def _grid(self, at: Place) -> str:
        lines = []
        for axis in self.grid_of:
            for tick, _ in self._tick_names(axis):
                lines.append(at.line_across(axis, tick, _stroke(GRID, 0.7, "", 1.0)))
        return "".join(lines)

    def _frame(self, at: Place) -> str:
        right, bottom = at.left + at.width, at.top + at.height
        ways = {
            "all": f"M{at.left:.1f} {at.top:.1f}H{right:.1f}V{bottom:.1f}H{at.left:.1f}Z",
            "left": f"M{at.left:.1f} {at.top:.1f}V{bottom:.1f}H{right:.1f}",
        }
        way = ways.get(self.frame)
        return f'<path d="{way}" fill="none" {_stroke(MUTED, 0.8, "", 1.0)}/>' if way else ""

    def _ticks(self, at: Place) -> str:
        parts = []
        bottom = at.top - 6 if self.ticks_on_top else at.top + at.height + 14
        for tick, name in self._tick_names("x"):
            parts.append(_text(float(at.x(tick)), bottom, name, 8.5, "middle", INK))
        for tick, name in self._tick_names("y"):
            parts.append(_text(at.left - 6, float(at.y(tick)) + 4, name, 8.5, "end", INK))
        return "".join(parts)

    def _labels(self, at: Place, top: float, height: float) -> str:
        parts = []
        if self.labels["x"]:
            down = at.top + at.height + (16 if self.ticks_on_top else 31)
            parts.append(_text(at.left + at.width / 2, down, self.labels["x"], 9.5, "middle", INK))
        if self.labels["y"]:
            letters = max((len(name) for _, name in self._tick_names("y")), default=0)
            x, y = at.left - 14 - 6.2 * letters, at.top + at.height / 2
            label = _text(0, 0, self.labels["y"], 9.5, "middle", INK)
            parts.append(f'<g transform="translate({x:.1f} {y:.1f}) rotate(-90)">{label}</g>')
        return "".join(parts)

    def _legend(self, at: Place) -> str:
        """Return the names, at the corner, side or middle of the axes where the least is drawn."""
        names = list(dict(reversed([(name, mark) for mark, name in self._named])).items())[::-1]
        width, height = 34 + 6.3 * max(len(_plain(name)) for name, _ in names), 8 + 16 * len(names)
        x, y = self._drawn_places(at)
        columns = (at.left + at.width - width - 4, at.left + 4, at.left + (at.width - width) / 2)
        levels = (at.top + 4, at.top + at.height - height - 4, at.top + (at.height - height) / 2)

        def crowd(corner: tuple[float, float]) -> int:
            a, b = corner
            return int(np.sum((x > a) & (x < a + width) & (y > b) & (y < b + height)))

        left, top = min(((a, b) for b in levels for a in columns), key=crowd)
        rows = [_rectangle(left, top, width, height, 'fill="#fff" fill-opacity="0.85"')]
        for k, (name, mark) in enumerate(names):
            down = top + 12 + 16 * k
            rows.append(f'<g transform="translate({left + 5:.1f} {down:.1f})">{mark}</g>')
            rows.append(_text(left + 29, down + 4, name, 8.5, "start", INK))
        return "".join(rows)

    def _drawn_places(self, at: Place) -> tuple[np.ndarray, np.ndarray]:
        """Return the places, in pixels, of all points, and of points on all lines that are at most 4 pixels apart."""
        places = []
        for x, y, is_line in self._ways:
            x, y = at.x(np.ravel(x)), at.y(np.ravel(y))
            fine = np.isfinite(x) & np.isfinite(y)
            x, y = x[fine], y[fine]
            if is_line and len(x) > 1:
                along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
                stops = np.linspace(0, along[-1], min(2 + int(along[-1] / 4), 10_000))
                x, y = np.interp(stops, along, x), np.interp(stops, along, y)
            places.append((x, y))
        if not places:
            return np.zeros(0), np.zeros(0)
        xs, ys = zip(*places)
        return np.concatenate(xs), np.concatenate(ys)

    def _color_bar(self, at: Place) -> str:
        image = self.bar_of_colors
        assert image is not None
        shades = (255 * image.cmap(np.linspace(1, 0, 64))[:, None, :3]).astype(np.uint8)
        x = at.left + at.width + 8
        place = f'x="{x:.1f}" y="{at.top:.1f}" width="9" height="{at.height:.1f}" preserveAspectRatio="none"'
        bar = f'<image {place} href="data:image/png;base64,{_png(shades)}"/>'
        low, high = map(_number, image.limits)
        ends = [_text(x + 13, at.top + 8, high, 8.5, "start", INK)]
        ends.append(_text(x + 13, at.top + at.height, low, 8.5, "start", INK))
        return bar + "".join(ends)


class Place:
    """Where the axes lie in the figure, in pixels, and where a value lies in the axes."""

    def __init__(
        self, left: float, top: float, width: float, height: float, ends: Sequence[float], scales: dict[str, str]
    ):
        self.left, self.top, self.width, self.height = left, top, width, height
        self._ends, self._scales = ends, scales

    def x(self, values: Any) -> Any:
        return self.left + self.width * self._share(values, self._ends[0], self._ends[1], self._scales["x"])

    def y(self, values: Any) -> Any:
        return self.top + self.height * (1 - self._share(values, self._ends[2], self._ends[3], self._scales["y"]))

    def line_across(self, axis: str, value: float, stroke: str) -> str:
        """Return a line over the whole width or height, where the axis has this value."""
        right, bottom = self.left + self.width, self.top + self.height
        if axis == "y":
            ends = (self.left, self.y(value), right, self.y(value))
        else:
            ends = (self.x(value), self.top, self.x(value), bottom)
        return '<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" fill="none" '.format(*ends) + f"{stroke}/>"

    @staticmethod
    def _share(values: Any, low: float, high: float, scale: str) -> Any:
        values = np.asarray(values, dtype=np.float64)
        if scale == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                values, low, high = np.log10(values), math.log10(low), math.log10(high)
        return (values - low) / ((high - low) or 1.0)


# -- pieces of SVG -----------------------------------------------------------------------------------------------------


def _path(at: Place, x: np.ndarray, y: np.ndarray, transform: str | None = None) -> str:
    """Return a line through points, with a gap at each that is not finite."""
    across, down = (at.left + x * at.width, at.top + (1 - y) * at.height) if transform else (at.x(x), at.y(y))
    parts, joined = [], False
    for a, b in zip(across, down):
        if math.isfinite(a) and math.isfinite(b):
            parts.append(f"{'L' if joined else 'M'}{a:.1f} {b:.1f}")
            joined = True
        else:
            joined = False
    return "".join(parts)


def _stroke(color: Any, width: float, dashes: str | None, alpha: float | None) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    look = f'stroke-width="{width * POINT:.2f}" stroke-opacity="{1.0 if alpha is None else alpha:g}"'
    return f'stroke="{_hex(color)}" {look}{dashed}'


def _round(color: Any, size: float, alpha: float | None) -> str:
    return f'fill="none" stroke-linecap="round" {_stroke(color, size, "", alpha)}'


def _fill(color: Any, alpha: float) -> str:
    return f'fill="{_hex(color)}" fill-opacity="{alpha:g}"'


def _rectangle(x: float, y: float, width: float, height: float, paint: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {paint}/>'


def _mark(color: Any, width: float, dashes: str | None, marker: str) -> str:
    """Return the mark of a line or of points in a legend."""
    line = "" if dashes is None else f'<path d="M0 0H20" fill="none" {_stroke(color, width, dashes, 1.0)}/>'
    return line + (f'<path d="M10 0h0" {_round(color, 4.5, 1.0)}/>' if marker else "")


def _patch(color: Any, alpha: float) -> str:
    return _rectangle(0, -5, 20, 10, _fill(color, alpha))


def _text(x: float, y: float, text: str, size: float, anchor: str, color: Any) -> str:
    lines = _plain(text).split("\n")
    look = f'font-size="{size * POINT:.1f}" font-family="sans-serif" text-anchor="{anchor}" fill="{_hex(color)}"'
    step = 1.25 * size * POINT
    return "".join(
        f'<text x="{x:.1f}" y="{y + (k - len(lines) + 1) * step:.1f}" {look}>{html.escape(line)}</text>'
        for k, line in enumerate(lines)
    )


def _plain(text: str) -> str:
    """Return a text without the signs of mathematics: "σ" for "$\\sigma$"."""

    def formula(match: re.Match[str]) -> str:
        named = re.sub(r"\\([a-zA-Z]+)", lambda found: SYMBOLS.get(found[1], found[1]), match[1])
        return re.sub(r"[{}\\]", "", named).replace("^2", "²").replace("_", "")

    return re.sub(r"\$([^$]*)\$", formula, text)


def _number(value: float) -> str:
    return f"{round(value, 12) + 0.0:.6g}".replace("-", "\N{MINUS SIGN}")


def _log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return the ticks of a logarithmic axis with their names, all in one notation.

    They are powers of ten, with 2 and 5 times these between where there are fewer than three.
    """
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    step = max(1, math.ceil(len(powers) / 6))
    parts = [(1, power) for power in powers[::step]]
    if len(powers) < 3:
        around = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
        parts = [(times, power) for power in around for times in (1, 2, 5)]
        parts = [
            (times, power) for times, power in parts if low * (1 - 1e-9) <= times * 10.0**power <= high * (1 + 1e-9)
        ]
    is_plain = all(-4 < power < 5 for _, power in parts)
    return [(times * 10.0**power, _power(times, power, is_plain)) for times, power in parts]


def _power(times: int, power: int, is_plain: bool) -> str:
    if is_plain:
        return f"{times * 10.0**power:g}"
    raised = "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return raised if times == 1 else f"{times}·{raised}"


def _round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers between two others."""
    rough = (high - low) / count or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 2.5, 5, 10) if times * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def _rgb(color: Any) -> tuple[float, float, float]:
    digits = _hex(color).lstrip("#")
    red, green, blue = (int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4))
    return red, green, blue


def _hex(color: Any) -> str:
    """Return a color of a letter, a name, a shade of gray ("0.5"),
    a hexadecimal number or three numbers as "#0072b2".
    """
    if not isinstance(color, str):
        return "#" + "".join(f"{round(255 * float(channel)):02x}" for channel in list(color)[:3])
    if re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        return color
    if re.fullmatch(r"C\d", color):
        return CYCLE[int(color[1]) % 8]
    if re.fullmatch(r"[01]?\.\d+|[01]", color):
        return "#" + 3 * f"{round(255 * float(color)):02x}"
    known = {"k": INK, "black": "#000000", "w": "#ffffff", "white": "#ffffff", "none": "#ffffff", "gray": "#808080"}
    if color in known:
        return known[color]
    raise NotImplementedError(f"a page does not know the color {color}")


def _png(pixels: np.ndarray) -> str:
    """Colors (H, W, 3), uint8, as a PNG in base 64."""
    height, width = pixels.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


# -- in the place of matplotlib ----------------------------------------------------------------------------------------


def _nothing(*args: Any, **options: Any) -> None:
    pass


def _context(settings: Iterable[Any]) -> AbstractContextManager[None]:
    return nullcontext()


_colormaps = {name: Colormap(shades) for name, shades in NAMED.items()}
_colormaps["gray_r"] = _colormaps["Greys"] = Colormap(NAMED["gray"][::-1])


class _NotInThePage(importlib.abc.MetaPathFinder):
    """Says, of a module of matplotlib that a cell imports, what a page draws with."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname.startswith(("matplotlib.", "mpl_toolkits")):
            raise ModuleNotFoundError(
                f"{fullname} is not in the page, which draws with minigen.plot, as the lesson's cells do: "
                'ax = plot.line(x, y), then lesson.figure(ax.figure, "mine")',
                name=fullname,
            )


def install() -> None:
    """Put these classes in the place of matplotlib's modules, unless matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        pass
    else:
        return
    contents: dict[str, dict[str, Any]] = {
        "matplotlib": {"rc_params_from_file": lambda path, **how: {}, "colormaps": _colormaps, "__path__": []},
        "matplotlib.style": {"context": _context},
        "matplotlib.figure": {"Figure": Figure},
        "matplotlib.axes": {"Axes": Axes},
        "matplotlib.backends": {"__path__": []},
        "matplotlib.backends.backend_agg": {"FigureCanvasAgg": _nothing},
        "matplotlib.colors": {"LinearSegmentedColormap": Colormap, "Colormap": Colormap, "to_rgb": _rgb},
        "matplotlib.collections": {"LineCollection": LineCollection},
    }
    for name, things in contents.items():
        module = ModuleType(name)
        vars(module).update(things)
        sys.modules[name] = module
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)
    sys.meta_path.insert(0, _NotInThePage())
