"""Further panels: units and their connections, objects in space, tables, pseudo-code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.plot import inputs
from minigen.plot.boxes import FONT, Measure, fit_into
from minigen.plot.style import CYCLE, color, figure, in_style, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@in_style
def connections(
    masks: Sequence[Any],
    ax: Axes | None = None,
    *,
    title: str | None = None,
    layer_labels: Sequence[str] | None = None,
    unit_labels: Sequence[Sequence[Any]] | None = None,
    highlight: tuple[int, int] | None = None,
) -> Axes:
    """Layers of units, the first at the bottom, with a line wherever a mask is not zero.

    masks:       one (units below, units above) for each pair of layers, such as those of a live network.
    highlight:   (layer, unit): that unit and all below that reach it are drawn in color (its receptive field).
    unit_labels: short texts in the units, layer by layer.
    """
    from matplotlib.collections import LineCollection

    masks = [inputs.finite(f"masks[{k}]", mask, None, None) != 0 for k, mask in enumerate(masks)]
    if not masks:
        raise ValueError("masks must not be empty")
    for k, (below, above) in enumerate(zip(masks, masks[1:])):
        if below.shape[1] != above.shape[0]:
            raise ValueError(
                f"masks[{k + 1}] must have {below.shape[1]} rows, one for each unit below, got {above.shape}"
            )
    widths = [masks[0].shape[0]] + [mask.shape[1] for mask in masks]
    for name, texts, counts in [("layer_labels", layer_labels, None), ("unit_labels", unit_labels, widths)]:
        if texts is not None and (len(texts) != len(widths) or (counts and [len(t) for t in texts] != counts)):
            raise ValueError(f"{name} must fit the layers of {widths} units")
    field = _receptive_field(masks, widths, highlight)
    widest = max(widths)
    ax = panel(ax, (float(np.clip(0.42 * widest + 0.6, 2.4, 10)), float(np.clip(0.85 * len(masks) + 0.8, 1.8, 6))))
    place = [np.stack([(np.arange(w) + 0.5) * widest / w, np.full(w, float(k))], axis=1) for k, w in enumerate(widths)]
    for lit in (False, True):
        segments = [
            (place[k][i], place[k + 1][j])
            for k, mask in enumerate(masks)
            for i, j in np.argwhere(mask)
            if (field[k][i] and field[k + 1][j]) == lit
        ]
        shade = color.accent if lit else (color.noise if highlight is None else color.faint)
        ax.add_collection(
            LineCollection(segments, colors=shade, linewidths=1.6 if lit else 0.8, zorder=2 if lit else 1)
        )
    size = float(np.clip(3200 / widest, 26, 260))
    for k, points in enumerate(place):
        lit = field[k]
        base = color.real if k == 0 else color.model if k == len(masks) else color.paper
        for on, shade in [(True, color.accent), (False, base)]:
            ax.scatter(*points[lit == on].T, s=size, color=shade, edgecolors=color.ink, linewidths=0.9, zorder=3)
        for i, text in enumerate(unit_labels[k] if unit_labels is not None else ()):
            ink = "white" if base != color.paper and not lit[i] else color.ink
            ax.text(*points[i], str(text), ha="center", va="center", fontsize=8, zorder=4, color=ink)
    ax.set_xlim(0, widest)
    ax.set_ylim(-0.35, len(masks) + 0.35)
    ax.set_xticks([])
    ax.set_yticks(range(len(widths)), layer_labels if layer_labels is not None else [""] * len(widths))
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if title is not None:
        ax.set_title(title)
    return ax


def _receptive_field(masks: list[np.ndarray], widths: list[int], highlight: tuple[int, int] | None) -> list[np.ndarray]:
    """For each layer, which units reach the one that is looked at."""
    field = [np.zeros(width, dtype=bool) for width in widths]
    if highlight is not None:
        layer, unit = highlight
        if not (0 <= layer < len(widths) and 0 <= unit < widths[layer]):
            raise ValueError(f"highlight must be (layer, unit) within layers of {widths} units, got {highlight!r}")
        field[layer][unit] = True
        for k in range(layer - 1, -1, -1):
            field[k] = (masks[k] & field[k + 1]).any(axis=1)
    return field


@in_style
def space(
    objects: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    title: str | None = None,
    kind: str = "points",
    colors: Mapping[str, str] | None = None,
    view: tuple[float, float] = (22, -58),
) -> Axes:
    """Objects in space by name: (N, 3) as points (or as a line with kind="line"), (U, V, 3) as a surface.

    view: elevation and azimuth in degrees.
    """
    inputs.choice("kind", kind, ("points", "line"))
    if not isinstance(objects, Mapping) or not objects:
        raise ValueError("objects must be a dictionary of arrays that is not empty")
    if ax is None:
        _, ax = figure(size=(4.6, 4.2), projection="3d")
    elif not hasattr(ax, "plot_surface"):
        raise ValueError("ax must be axes in space: plot.figure(..., projection='3d')")
    for k, (name, given) in enumerate(objects.items()):
        xyz = inputs.finite(f"objects[{name!r}]", given)
        if xyz.ndim not in (2, 3) or xyz.shape[-1] != 3:
            raise ValueError(f"objects[{name!r}] must have shape (N, 3) or (U, V, 3), got {xyz.shape}")
        shade = (colors or {}).get(name, CYCLE[k % len(CYCLE)])
        if xyz.ndim == 3:
            ax.plot_surface(*np.moveaxis(xyz, -1, 0), color=shade, alpha=0.45, linewidth=0, shade=False)
            ax.scatter([], [], [], color=shade, label=name)
        elif kind == "line":
            ax.plot(*xyz.T, color=shade, label=name)
        else:
            ax.scatter(
                *xyz.T, color=shade, s=float(np.clip(3000 / len(xyz), 2, 12)), alpha=0.7, linewidths=0, label=name
            )
    ax.view_init(*view)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0.97, 0.97, 0.97, 1.0))
        axis.set_major_locator(_few_ticks())
        axis._axinfo["grid"].update(color="#E6E6E6")
    ax.legend(loc="upper left")
    if title is not None:
        ax.set_title(title)
    return ax


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


@in_style
def table(
    rows: Sequence[Sequence[Any]],
    header: Sequence[Any],
    ax: Axes | None = None,
    *,
    title: str | None = None,
    best: Mapping[int, str] | None = None,
) -> Axes:
    """A table as a figure: `rows` of cells (texts, also with $mathematics$, and numbers) under a `header`.

    best: {column: "min" or "max"}: that column's best number is set bold.
    """
    if not rows or any(len(row) != len(header) for row in rows):
        raise ValueError(f"rows must not be empty and have {len(header)} cells each, as header")
    cells = [[_cell(each) for each in header]] + [[_cell(each) for each in row] for row in rows]
    bold = {(0, c) for c in range(len(header))}
    for c, which in (best or {}).items():
        inputs.choice("best", which, ("min", "max"))
        numbers = [float(row[c]) for row in rows]
        bold.add((1 + numbers.index({"min": min, "max": max}[which](numbers)), c))
    measure = Measure()
    widths = np.array([max(measure.text(row[c])[0] * 1.12 for row in cells) + 18 for c in range(len(header))])
    heights = np.array([max(max(measure.text(each)[1] for each in row), 11) + 9 for row in cells])
    ax, scale = _page(ax, widths.sum(), heights.sum(), title)
    edges, tops = np.concatenate([[0], widths.cumsum()]), -np.concatenate([[0], heights.cumsum()])
    numeric = [all(isinstance(row[c], (int, float, np.number)) for row in rows) for c in range(len(header))]
    for (r, row), top, height in zip(enumerate(cells), tops, heights):
        for c, text in enumerate(row):
            x, align = (edges[c + 1] - 9, "right") if numeric[c] else (edges[c] + 9, "left")
            weight = "bold" if (r, c) in bold else "normal"
            ax.text(x, top - height / 2, text, ha=align, va="center", fontsize=FONT * scale, fontweight=weight)
    for y, width in [(tops[0], 1.2), (tops[1], 0.8), (tops[-1], 1.2)]:
        ax.plot([0, edges[-1]], [y, y], color=color.ink, lw=width, clip_on=False)
    return ax


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


@in_style
def algorithm(lines: Sequence[str], ax: Axes | None = None, *, title: str | None = None) -> Axes:
    """Pseudo-code as a figure: numbered lines, indented by their leading spaces, with $mathematics$.

    A part after "#" is a comment, set in gray.
    """
    if isinstance(lines, str):
        lines = lines.strip("\n").split("\n")
    if not lines:
        raise ValueError("lines must not be empty")
    measure = Measure()
    rows = []
    for given in lines:
        code, _, comment = given.partition("#")
        indent = 4.5 * (len(code) - len(code.lstrip()))
        rows.append((indent, code.strip(), f"# {comment.strip()}" if comment else "", measure.text(code.strip())))
    numbers = 20
    comments = max([numbers + indent + size[0] for indent, _, comment, size in rows if comment], default=0) + 16
    width = max(numbers + indent + size[0] for indent, _, _, size in rows) + 8
    width = max([width, *(comments + measure.text(comment, FONT - 1)[0] + 8 for _, _, comment, _ in rows if comment)])
    heights = [max(size[1], 11) + 6 for *_, size in rows]
    ax, scale = _page(ax, width, sum(heights) + 8, title)
    y = -4.0
    for k, ((indent, code, comment, _), height) in enumerate(zip(rows, heights)):
        middle = y - height / 2
        ax.text(12, middle, str(k + 1), ha="right", va="center", fontsize=(FONT - 2) * scale, color=color.muted)
        ax.text(numbers + indent, middle, code, ha="left", va="center", fontsize=FONT * scale)
        ax.text(comments, middle, comment, ha="left", va="center", fontsize=(FONT - 1) * scale, color=color.muted)
        y -= height
    for edge in (0, y - 4):
        ax.plot([0, width], [edge, edge], color=color.ink, lw=1.2, clip_on=False)
    return ax


def _page(ax: Axes | None, width: float, height: float, title: str | None) -> tuple[Axes, float]:
    """Axes measured in points from the upper left corner of a page, and by how much texts shrink there."""
    extent, scale = (-6.0, width + 6, -height - 6, 6.0), 1.0
    if ax is None:
        head = 24 if title else 0
        fig, ax = figure(size=((width + 12) / 72, (height + 12 + head) / 72))
        fig.set_layout_engine("none")
        ax.set_position([0, 0, 1, (height + 12) / (height + 12 + head)])
    else:
        ax, scale, extent = fit_into(ax, extent)
    ax.set_xlim(extent[:2])
    ax.set_ylim(extent[2:])
    ax.set_aspect("equal")
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return ax, scale
