"""Pictures of the plane: samples over a density, surfaces, vector fields, paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.plot import inputs
from minigen.plot.style import CLASSES, CYCLE, color, colormap, in_style, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (4.2, 4.0)


@in_style
def samples(
    x: Any,
    density: Any = None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    bounds: Any = None,
    color: str = color.fake,
    label: str | None = None,
    classes: Any = None,
    size: float | None = None,
    alpha: float | None = None,
) -> Axes:
    """Points `x` (N, 2) over a filled density (an object with `log_prob`, or a function p(x)).

    classes: integers (N,); points are colored by class and each class is named at its center.
    bounds:  the part of the plane; by default the density's, or a box around nearly all points. Points beyond it are
             counted in a corner, not silently lost.
    """
    x = inputs.finite("x", x, None, 2)
    ax = panel(ax, SIZE)
    if bounds is None:
        bounds = getattr(density, "bounds", None)
    bounds = inputs.box_around(x) if bounds is None else inputs.box(bounds)
    if density is not None:
        _filled(density, ax, bounds, 240)
    size = float(np.clip(7000 / len(x), 1.2, 12)) if size is None else size
    alpha = float(np.clip(900 / len(x), 0.25, 0.75)) if alpha is None else alpha
    dots = {"s": size, "alpha": alpha, "linewidths": 0, "rasterized": len(x) > 3000}
    if classes is None:
        ax.scatter(x[:, 0], x[:, 1], color=color, label=label, **dots)
    else:
        _classes(ax, x, inputs.finite("classes", classes, len(x)), dots)
    outside = int(((x[:, 0] < bounds[0]) | (x[:, 0] > bounds[1]) | (x[:, 1] < bounds[2]) | (x[:, 1] > bounds[3])).sum())
    if outside:
        _corner(ax, f"{outside:,} of {len(x):,} outside")
    if label is not None:
        ax.legend(loc="upper right", markerscale=2)
    return _plane(ax, bounds, title)


def _classes(ax: Axes, x: np.ndarray, classes: np.ndarray, dots: dict) -> None:
    kinds = np.unique(classes)
    for k, kind in enumerate(kinds):
        mine = x[classes == kind]
        shade = CLASSES[k % len(CLASSES)]
        ax.scatter(mine[:, 0], mine[:, 1], color=shade, **dots)
        center = np.median(mine, axis=0)
        frame = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": shade, "alpha": 0.9}
        ax.text(*center, f"{kind:g}", ha="center", va="center", fontsize=9, fontweight="bold", bbox=frame, zorder=5)


@in_style
def density(
    d: Any,
    ax: Axes | None = None,
    *,
    bounds: Any = None,
    n: int = 240,
    title: str | None = None,
    colorbar: bool = False,
    contours: int = 0,
) -> Axes:
    """A density in the plane: of an object with `log_prob`, of a function p(x), or of samples (N, 2) by a histogram.

    n: cells along each axis. contours: number of lines drawn on top.
    """
    ax = panel(ax, SIZE)
    if bounds is None:
        bounds = getattr(d, "bounds", None)
    if isinstance(d, (np.ndarray, list, tuple)):
        points = inputs.finite("samples", d, None, 2)
        bounds = inputs.box_around(points) if bounds is None else inputs.box(bounds)
        image = _histogram(points, ax, bounds, min(n, int(np.clip(len(points) ** 0.5 / 2, 20, 120))))
    else:
        if bounds is None:
            raise ValueError("bounds must be given, (xmin, xmax, ymin, ymax): this density has none of its own")
        bounds = inputs.box(bounds)
        image = _filled(d, ax, bounds, n)
    if contours:
        values = np.asarray(image.get_array())
        x, y, _ = inputs.cell_centers(bounds, len(values))
        levels = values.max() * (np.arange(1, contours + 1) / (contours + 1))
        ax.contour(x, y, values, levels=levels, colors=color.ink, linewidths=0.6, alpha=0.6)
    if colorbar:
        _colorbar(ax, image, "density")
    return _plane(ax, bounds, title)


@in_style
def heatmap(
    fn: Callable[[np.ndarray], np.ndarray],
    bounds: Any,
    ax: Axes | None = None,
    *,
    n: int = 200,
    title: str | None = None,
    label: str = "",
    colorbar: bool = True,
    center: float | None = None,
    limits: tuple[float, float] | None = None,
    levels: Any = None,
    cmap: str | None = None,
) -> Axes:
    """The values of `fn`, which maps points (N, 2) to (N,): a discriminator, a critic, an energy, a log-density.

    center: the value that is drawn white, between the color of fakes (below) and of the real (above): 0.5 for a
            discriminator's probability, 0 for a logit.
    limits: lowest and highest value of the color scale. levels: values at which lines are drawn.
    label:  what the color bar shows. Cells where `fn` is not finite stay gray.
    """
    ax, bounds = panel(ax, SIZE), inputs.box(bounds)
    x, y, points = inputs.cell_centers(bounds, n)
    values = inputs.evaluate("fn", fn, points).reshape(n, n)  # row: y, column: x
    shown = np.ma.masked_invalid(values)
    if shown.count() == 0:
        raise ValueError("fn must have finite values somewhere within the bounds, got none")
    low, high = limits if limits is not None else (float(shown.min()), float(shown.max()))
    if center is not None and limits is None:
        reach = max(high - center, center - low)
        low, high = center - reach, center + reach
    if high <= low:
        low, high = low - 0.5, low + 0.5
    shades = colormap(cmap or ("surface" if center is None else "diverging")).with_extremes(bad=color.faint)
    image = ax.imshow(shown, origin="lower", extent=bounds, cmap=shades, vmin=low, vmax=high, aspect="auto")
    if levels is not None:
        lines = ax.contour(x, y, shown, levels=np.sort(np.atleast_1d(levels)), colors=color.ink, linewidths=0.8)
        ax.clabel(lines, fontsize=7.5)
    if colorbar:
        _colorbar(ax, image, label)
    return _plane(ax, bounds, title)


@in_style
def field(
    fn: Callable[[np.ndarray], np.ndarray],
    bounds: Any,
    ax: Axes | None = None,
    *,
    n: int = 20,
    kind: str = "arrows",
    lengths: str = "true",
    title: str | None = None,
    color: str = color.ink,
    density: Any = None,
) -> Axes:
    """A vector field `fn`, which maps points (N, 2) to (N, 2): a score, a velocity, a drift.

    kind:    "arrows" on an n x n grid, or "stream" for lines along the flow.
    lengths: of arrows, "true" (the longest is one grid step), "sqrt" (long ones shortened) or "unit" (direction only).
    density: drawn underneath.
    """
    inputs.choice("kind", kind, ("arrows", "stream"))
    inputs.choice("lengths", lengths, ("true", "sqrt", "unit"))
    ax, bounds = panel(ax, SIZE), inputs.box(bounds)
    if density is not None:
        _filled(density, ax, bounds, 240)
    x, y, points = inputs.cell_centers(bounds, n if kind == "arrows" else max(n, 40))
    v = inputs.evaluate("fn", fn, points, 2)
    v[~np.isfinite(v).all(axis=1)] = np.nan
    if np.isnan(v).all():
        raise ValueError("fn must have finite values somewhere within the bounds, got none")
    if kind == "stream":
        u, w = (v[:, k].reshape(len(y), len(x)) for k in (0, 1))
        ax.streamplot(x, y, u, w, color=color, linewidth=0.8, density=1.1, arrowsize=0.8)
    else:
        norm = np.linalg.norm(v, axis=1, keepdims=True)  # (n*n, 1)
        power = {"true": 1.0, "sqrt": 0.5, "unit": 0.0}[lengths]
        v = v * np.where(norm > 0, np.maximum(norm, 1e-30) ** (power - 1), 0.0)
        longest = np.nanmax(np.linalg.norm(v, axis=1))
        step = min(bounds[1] - bounds[0], bounds[3] - bounds[2]) / n
        v = v * (0.95 * step / longest) if longest > 0 else v
        ax.quiver(
            points[:, 0],
            points[:, 1],
            v[:, 0],
            v[:, 1],
            color=color,
            pivot="mid",
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.0038,
            headwidth=4,
            headlength=4.5,
            headaxislength=4,
        )
    return _plane(ax, bounds, title)


@in_style
def trajectories(
    paths: Any,
    ax: Axes | None = None,
    *,
    bounds: Any = None,
    density: Any = None,
    title: str | None = None,
    color: str | None = None,
    ends: bool = True,
) -> Axes:
    """Paths in the plane: an array (T, N, 2), time first, one path (T, 2), or a dictionary of named ones (T, 2).

    Each path starts at an open dot and ends at a full one (`ends=False` leaves them out).
    """
    ax = panel(ax, SIZE)
    if isinstance(paths, Mapping):
        lines = {name: inputs.finite(f"paths[{name!r}]", path, None, 2) for name, path in paths.items()}
        if not lines:
            raise ValueError("paths must not be empty")
        shades = [color or CYCLE[k % len(CYCLE)] for k in range(len(lines))]
    else:
        array = inputs.finite("paths", paths)
        array = array[:, None] if array.ndim == 2 else array
        if array.ndim != 3 or array.shape[-1] != 2:
            raise ValueError(f"paths must have shape (T, N, 2) or (T, 2), got {np.shape(paths)}")
        lines = {k: array[:, k] for k in range(array.shape[1])}
        shades = [color or CYCLE[0]] * len(lines)
    if bounds is None:
        bounds = getattr(density, "bounds", None)
    everything = np.concatenate(list(lines.values()))
    if bounds is None:
        low, high = everything.min(axis=0), everything.max(axis=0)
        half = max((high - low).max() / 2, 1e-3) * 1.1
        mid = (low + high) / 2
        bounds = (mid[0] - half, mid[0] + half, mid[1] - half, mid[1] + half)
    bounds = inputs.box(bounds)
    if density is not None:
        _filled(density, ax, bounds, 240)
    thin = len(lines) > 12
    for (name, path), shade in zip(lines.items(), shades):
        label = name if isinstance(name, str) else None
        ax.plot(path[:, 0], path[:, 1], color=shade, lw=0.7 if thin else 1.4, alpha=0.55 if thin else 0.95, label=label)
        if ends:
            dot = 3.0 if thin else 5.0
            ax.plot(*path[0], "o", ms=dot, mfc="white", mec=shade, mew=1.0, zorder=3)
            ax.plot(*path[-1], "o", ms=dot, color=shade, zorder=4)
    if isinstance(paths, Mapping):
        ax.legend(loc="best")
    return _plane(ax, bounds, title)


def _filled(d: Any, ax: Axes, bounds: inputs.Bounds, n: int) -> Any:
    _, _, points = inputs.cell_centers(bounds, n)
    values = inputs.evaluate("density", inputs.probability(d), points).reshape(n, n)  # row: y, column: x
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("density must be finite and not negative within the bounds")
    return ax.imshow(
        values,
        origin="lower",
        extent=bounds,
        cmap=colormap("density"),
        vmin=0,
        vmax=values.max() or 1.0,
        aspect="auto",
        interpolation="bilinear",
        zorder=0,
    )


def _histogram(points: np.ndarray, ax: Axes, bounds: inputs.Bounds, n: int) -> Any:
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=n, range=[bounds[:2], bounds[2:]])  # (x, y)
    area = (bounds[1] - bounds[0]) * (bounds[3] - bounds[2]) / n**2
    values = counts.T / (len(points) * area)
    return ax.imshow(values, origin="lower", extent=bounds, cmap=colormap("density"), vmin=0, aspect="auto", zorder=0)


def _plane(ax: Axes, bounds: inputs.Bounds, title: str | None) -> Axes:
    ax.set_xlim(bounds[0], bounds[1])
    ax.set_ylim(bounds[2], bounds[3])
    ax.set_aspect("equal", adjustable="box")
    ax.locator_params(nbins=5)
    for spine in ax.spines.values():
        spine.set_visible(True)
    if title is not None:
        ax.set_title(title)
    return ax


def _colorbar(ax: Axes, image: Any, label: str) -> None:
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03, aspect=22)
    bar.outline.set_linewidth(0.6)
    bar.ax.locator_params(nbins=6)
    if label:
        bar.set_label(label)


def _corner(ax: Axes, text: str) -> None:
    frame = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    ax.text(0.02, 0.02, text, transform=ax.transAxes, fontsize=7.5, color=color.ink, bbox=frame, zorder=6)
