"""Layers of units with a line for every connection: masks, receptive fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen import checks
from minigen.plot.theme import color, finish, in_style, panel

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
    masks = _checked_masks(masks)
    widths = [len(masks[0]), *(mask.shape[1] for mask in masks)]
    if layer_labels is not None and len(layer_labels) != len(widths):
        raise ValueError(f"layer_labels must name {len(widths)} layers, got {len(layer_labels)} names")
    if unit_labels is not None and [len(texts) for texts in unit_labels] != widths:
        raise ValueError(f"unit_labels must fit the layers of {widths} units")
    reached = _receptive_field(masks, widths, highlight)
    widest = max(widths)
    ax = panel(ax, (float(np.clip(0.42 * widest + 0.6, 2.4, 10)), float(np.clip(0.85 * len(masks) + 0.8, 1.8, 6))))
    centers = [np.stack([(np.arange(w) + 0.5) * widest / w, np.full(w, k)], axis=1) for k, w in enumerate(widths)]
    _draw_lines(ax, masks, centers, reached, color.noise if highlight is None else color.faint)
    size = float(np.clip(3200 / widest, 26, 260))
    for k, points in enumerate(centers):
        base = color.real if k == 0 else color.model if k == len(masks) else color.paper
        shades = [color.accent if on else base for on in reached[k]]
        ax.scatter(points[:, 0], points[:, 1], s=size, c=shades, edgecolors=color.ink, linewidths=0.9, zorder=3)
        if unit_labels is not None:
            _write_in_units(ax, points, unit_labels[k], shades)
    ax.set(xlim=(0, widest), ylim=(-0.35, len(masks) + 0.35), xticks=[])
    ax.set_yticks(range(len(widths)), layer_labels if layer_labels is not None else [""] * len(widths))
    ax.tick_params(length=0)
    return finish(ax, title, frame=False)


def _checked_masks(masks: Sequence[Any]) -> list[np.ndarray]:
    """Each mask as truth values, if each has a row for each unit of the layer below."""
    found = [checks.array(f"masks[{k}]", mask, "M", "N") != 0 for k, mask in enumerate(masks)]
    if not found:
        raise ValueError("masks must not be empty")
    for k, (below, above) in enumerate(zip(found, found[1:])):
        checks.array(f"masks[{k + 1}]", above, below.shape[1], "N")
    return found


def _draw_lines(
    ax: Axes, masks: list[np.ndarray], centers: list[np.ndarray], reached: list[np.ndarray], shade: str
) -> None:
    """Draw a line for each connection, in the accent color between two units that are `reached`, else in `shade`."""
    from matplotlib.collections import LineCollection

    quiet: list = []
    lit: list = []
    for k, mask in enumerate(masks):
        for i, j in np.argwhere(mask):
            lines = lit if reached[k][i] and reached[k + 1][j] else quiet
            lines.append((centers[k][i], centers[k + 1][j]))
    ax.add_collection(LineCollection(quiet, colors=shade, linewidths=0.8, zorder=1))
    ax.add_collection(LineCollection(lit, colors=color.accent, linewidths=1.6, zorder=2))


def _write_in_units(ax: Axes, points: np.ndarray, texts: Sequence[Any], shades: list[str]) -> None:
    for (x, y), text, fill in zip(points, texts, shades):
        ink = "white" if fill in (color.real, color.model) else color.ink
        ax.text(x, y, str(text), ha="center", va="center", fontsize=8, zorder=4, color=ink)


def _receptive_field(masks: list[np.ndarray], widths: list[int], highlight: tuple[int, int] | None) -> list[np.ndarray]:
    """For each layer, which units (width,) reach the one that is looked at."""
    field: list[np.ndarray] = [np.zeros(width, dtype=bool) for width in widths]
    if highlight is not None:
        layer, unit = highlight
        if not (0 <= layer < len(widths) and 0 <= unit < widths[layer]):
            raise ValueError(f"highlight must be (layer, unit) within layers of {widths} units, got {highlight!r}")
        field[layer][unit] = True
        for k in range(layer - 1, -1, -1):
            field[k] = np.any(masks[k] & field[k + 1], axis=1)
    return field
