"""Pictures of the plane and of space: samples over a density, surfaces, vector fields, trajectories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen import checks
from minigen.plot.images import add_colorbar, color_range
from minigen.plot.theme import CLASSES, CYCLE, color, colormap, figure, finish, in_style, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (4.2, 4.0)  # of a figure of one plane, in inches
CELLS = 240  # of a density below samples, along each axis
CHUNK = 8192  # points handed to a function at once, so that wide models stay in memory

Bounds = tuple[float, float, float, float]  # xmin, xmax, ymin, ymax


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
    bounds:  the part of the plane; by default the density's, or a box around nearly all points. The number of points
             beyond it is written in a corner.
    """
    x = checks.array("x", x, "N", 2)
    ax = panel(ax, SIZE)
    bounds = view_box(bounds, density, x)
    if density is not None:
        _filled(density, ax, bounds, CELLS)
    size = float(np.clip(7000 / len(x), 1.2, 12)) if size is None else size
    alpha = float(np.clip(900 / len(x), 0.25, 0.75)) if alpha is None else alpha
    dots: dict[str, Any] = {"s": size, "alpha": alpha, "linewidths": 0, "rasterized": len(x) > 3000}
    if classes is None:
        ax.scatter(*x.T, color=color, label=label, **dots)
    else:
        _classes(ax, x, checks.array("classes", classes, len(x)), dots)
    outside = np.count_nonzero((x < bounds[::2]).any(axis=1) | (x > bounds[1::2]).any(axis=1))
    if outside:
        frame = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
        text = f"{outside:,} of {len(x):,} outside"
        ax.text(0.02, 0.02, text, transform=ax.transAxes, fontsize=7.5, bbox=frame, zorder=6)
    if label is not None:
        ax.legend(loc="upper right", markerscale=2)
    return _plane(ax, bounds, title)


def _classes(ax: Axes, x: np.ndarray, classes: np.ndarray, dots: dict) -> None:
    for k, kind in enumerate(np.unique(classes)):
        mine = x[classes == kind]
        shade = CLASSES[k % len(CLASSES)]
        ax.scatter(*mine.T, color=shade, **dots)
        frame = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": shade, "alpha": 0.9}
        x_mid, y_mid = np.median(mine, axis=0)
        ax.text(x_mid, y_mid, f"{kind:g}", ha="center", va="center", size=9, weight="bold", bbox=frame, zorder=5)


@in_style
def density(
    d: Any,
    ax: Axes | None = None,
    *,
    bounds: Any = None,
    n: int = CELLS,
    title: str | None = None,
    colorbar: bool = False,
    contours: int = 0,
) -> Axes:
    """Return a density in the plane: of an object with `log_prob`, of a function p(x), or of samples (N, 2) by a
    histogram.

    n: cells along each axis. contours: number of lines drawn on top.
    """
    ax = panel(ax, SIZE)
    if isinstance(d, (np.ndarray, list, tuple)):
        points = checks.array("samples", d, "N", 2)
        bounds = view_box(bounds, None, points)
        image = _histogram(points, ax, bounds, min(n, int(np.clip(len(points) ** 0.5 / 2, 20, 120))))
    else:
        bounds = view_box(bounds, d)
        image = _filled(d, ax, bounds, n)
    if contours:
        values = np.asarray(image.get_array())
        x, y, _ = _cell_centers(bounds, len(values))
        levels = values.max() * (np.arange(1, contours + 1) / (contours + 1))
        ax.contour(x, y, values, levels=levels, colors=color.ink, linewidths=0.6, alpha=0.6)
    if colorbar:
        add_colorbar(ax, image, "density")
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
    """Return the values of `fn`, which maps points (N, 2) to (N,): a discriminator, a critic, an energy, a log-density.

    center: the value that is drawn white, between the color of fakes (below) and of the real (above): 0.5 for a
            discriminator's probability, 0 for a logit.
    limits: lowest and highest value of the color scale. levels: values at which lines are drawn.
    label:  what the color bar shows. Cells where `fn` is not finite stay gray.
    """
    ax, bounds = panel(ax, SIZE), _box(bounds)
    x, y, points = _cell_centers(bounds, n)
    values = np.ma.masked_invalid(_evaluate("fn", fn, points).reshape(n, n))  # row: y, column: x
    if values.count() == 0:
        raise ValueError("fn must have finite values somewhere within the bounds, got none")
    low, high = limits if limits is not None else color_range(values, center)
    shades = colormap(cmap or ("surface" if center is None else "diverging")).with_extremes(bad=color.faint)
    image = ax.imshow(values, origin="lower", extent=bounds, cmap=shades, vmin=low, vmax=high, aspect="auto")
    if levels is not None:
        lines = ax.contour(x, y, values, levels=np.sort(np.atleast_1d(levels)), colors=color.ink, linewidths=0.8)
        ax.clabel(lines, fontsize=7.5)
    if colorbar:
        add_colorbar(ax, image, label)
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
    """Return a vector field `fn`, which maps points (N, 2) to (N, 2): a score, a velocity, a drift.

    kind:    "arrows" on an n x n grid, or "stream" for lines along the flow.
    lengths: of arrows, "true" (the longest is one grid step), "sqrt" (long ones shortened) or "unit" (direction only).
    density: drawn underneath.
    """
    checks.choice("kind", kind, ("arrows", "stream"))
    checks.choice("lengths", lengths, ("true", "sqrt", "unit"))
    ax, bounds = panel(ax, SIZE), _box(bounds)
    if density is not None:
        _filled(density, ax, bounds, CELLS)
    x, y, points = _cell_centers(bounds, n if kind == "arrows" else max(n, 40))
    v = _evaluate("fn", fn, points, 2)
    v[~np.isfinite(v).all(axis=1)] = np.nan
    if np.isnan(v).all():
        raise ValueError("fn must have finite values somewhere within the bounds, got none")
    if kind == "stream":
        u, w = v.T.reshape(2, len(y), len(x))
        ax.streamplot(x, y, u, w, color=color, linewidth=0.8, density=1.1, arrowsize=0.8)
        return _plane(ax, bounds, title)
    norm = np.linalg.norm(v, axis=1, keepdims=True)  # (n*n, 1)
    power = {"true": 1.0, "sqrt": 0.5, "unit": 0.0}[lengths]
    v = v * np.where(norm > 0, np.maximum(norm, 1e-30) ** (power - 1), 0.0)
    longest = np.nanmax(np.linalg.norm(v, axis=1))
    step = min(bounds[1] - bounds[0], bounds[3] - bounds[2]) / n
    v = v * (0.95 * step / longest) if longest > 0 else v
    head: dict[str, Any] = {"width": 0.0038, "headwidth": 4, "headlength": 4.5, "headaxislength": 4}
    ax.quiver(*points.T, *v.T, color=color, pivot="mid", angles="xy", scale_units="xy", scale=1, **head)
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
    lines: list[np.ndarray]
    names: list[str | None]
    if isinstance(paths, Mapping):
        names, lines = list(paths), [checks.array(f"paths[{name!r}]", path, "T", 2) for name, path in paths.items()]
        if not lines:
            raise ValueError("paths must not be empty")
        shades = [color or CYCLE[k % len(CYCLE)] for k in range(len(lines))]
    else:
        array = checks.array("paths", paths, "T", ..., 2)
        if array.ndim > 3:
            raise ValueError(f"paths must have shape (T, N, 2) or (T, 2), got {array.shape}")
        lines = list(array.reshape(len(array), -1, 2).swapaxes(0, 1))
        names, shades = [None] * len(lines), [color or CYCLE[0]] * len(lines)
    bounds = view_box(bounds, density, np.concatenate(lines), share=1.0, margin=0.05)
    if density is not None:
        _filled(density, ax, bounds, CELLS)
    thin = len(lines) > 12
    width, alpha, dot = (0.7, 0.55, 3.0) if thin else (1.4, 0.95, 5.0)
    for name, path, shade in zip(names, lines, shades):
        ax.plot(*path.T, color=shade, lw=width, alpha=alpha, label=name)
        if ends:
            ax.plot(*path[0], "o", ms=dot, mfc="white", mec=shade, mew=1.0, zorder=3)
            ax.plot(*path[-1], "o", ms=dot, color=shade, zorder=4)
    if isinstance(paths, Mapping):
        ax.legend(loc="best")
    return _plane(ax, bounds, title)


@in_style
def space(
    objects: Mapping[str, Any],
    ax: Any = None,
    *,
    title: str | None = None,
    kind: str = "points",
    colors: Mapping[str, str] | None = None,
    view: tuple[float, float] = (22, -58),
) -> Axes:
    """Objects in space by name: (N, 3) as points (or as a line with kind="line"), (U, V, 3) as a surface.

    view: elevation and azimuth in degrees.
    """
    checks.choice("kind", kind, ("points", "line"))
    if not isinstance(objects, Mapping) or not objects:
        raise ValueError("objects must be a dictionary of arrays that is not empty")
    if ax is None:
        ax = figure(size=(4.6, 4.2), projection="3d")[1]
    elif not hasattr(ax, "plot_surface"):
        raise ValueError("ax must be axes in space: plot.figure(..., projection='3d')")
    for k, (name, given) in enumerate(objects.items()):
        xyz = checks.array(f"objects[{name!r}]", given, "N", ..., 3)
        if xyz.ndim > 3:
            raise ValueError(f"objects[{name!r}] must have shape (N, 3) or (U, V, 3), got {xyz.shape}")
        shade = (colors or {}).get(name, CYCLE[k % len(CYCLE)])
        if xyz.ndim == 3:
            ax.plot_surface(*np.moveaxis(xyz, -1, 0), color=shade, alpha=0.45, linewidth=0, shade=False)
            ax.scatter([], [], [], color=shade, label=name)
        elif kind == "line":
            ax.plot(*xyz.T, color=shade, label=name)
        else:
            size = float(np.clip(3000 / len(xyz), 2, 12))
            ax.scatter(*xyz.T, color=shade, s=size, alpha=0.7, linewidths=0, label=name)
    ax.view_init(*view)
    ax.locator_params(nbins=4)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0.97, 0.97, 0.97, 1.0))
    ax.legend(loc="upper left")
    return finish(ax, title)


# ------------------------------------------------------------------------------------------------ parts of the plane


def view_box(given: Any, d: Any, points: Any = None, share: float = 0.996, margin: float = 0.08) -> Bounds:
    """Return the bounds given, else those of the density, else a square box around the middle fraction of points (N,
    2).
    """
    given = given if given is not None else getattr(d, "bounds", None)
    if given is not None:
        return _box(given)
    if points is None:
        raise ValueError("bounds must be given, (xmin, xmax, ymin, ymax): this density has none of its own")
    low, high = np.quantile(points, [(1 - share) / 2, (1 + share) / 2], axis=0)
    half = max((high - low).max() / 2, 1e-3) * (1 + 2 * margin)
    x, y = (low + high) / 2
    return float(x - half), float(x + half), float(y - half), float(y + half)


def _box(bounds: Any) -> Bounds:
    """Bounds as (xmin, xmax, ymin, ymax); also from one number r, (-r, r) both ways, or one pair for both axes."""
    try:
        flat = checks.floats("bounds", bounds).ravel()
    except ValueError as error:
        raise ValueError(f"bounds must be (xmin, xmax, ymin, ymax): {error}") from None
    if flat.size == 1:
        flat = np.array([-flat[0], flat[0]])
    if flat.size == 2:
        flat = np.concatenate([flat, flat])
    if flat.size != 4 or flat[0] >= flat[1] or flat[2] >= flat[3]:
        raise ValueError(f"bounds must be (xmin, xmax, ymin, ymax) with min < max, got {bounds!r}")
    xmin, xmax, ymin, ymax = map(float, flat)
    return xmin, xmax, ymin, ymax


def _cell_centers(bounds: Bounds, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the box cut into n x n cells: x (n,), y (n,) and the centers (n*n, 2) float32, x running fastest."""
    checks.whole("n", n)
    xmin, xmax, ymin, ymax = bounds
    steps = (np.arange(n) + 0.5) / n
    x, y = xmin + (xmax - xmin) * steps, ymin + (ymax - ymin) * steps
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)  # (n_y * n_x, 2)
    return x, y, points.astype(np.float32)


def _evaluate(name: str, fn: Callable, points: np.ndarray, *outputs: int) -> np.ndarray:
    """fn at (N, 2) points, a few thousand at a time; its shape must be (N, *outputs). float64."""
    if not callable(fn):
        raise ValueError(f"{name} must be a function of points (N, 2), got {type(fn).__name__}")
    parts = []
    for start in range(0, len(points), CHUNK):
        some = points[start : start + CHUNK]
        values = np.asarray(fn(some), dtype=np.float64)
        if values.shape != (len(some), *outputs):
            wanted = "(N, 2)" if outputs else "(N,)"
            got = f"{values.shape} for N = {len(some)}"
            raise ValueError(f"{name} must map points (N, 2) to values of shape {wanted}, got {got}")
        parts.append(values)
    return np.concatenate(parts)


def _filled(d: Any, ax: Axes, bounds: Bounds, n: int) -> Any:
    """Return the density p(x) of an object with `log_prob`, or the function given, as shades of n x n cells."""

    def p(x: np.ndarray) -> Any:
        return np.exp(np.asarray(d.log_prob(x), dtype=np.float64)) if hasattr(d, "log_prob") else d(x)

    if not hasattr(d, "log_prob") and not callable(d):
        raise ValueError(f"density must have log_prob(x) or be a function p(x), got {type(d).__name__}")
    _, _, points = _cell_centers(bounds, n)
    values = _evaluate("density", p, points).reshape(n, n)  # row: y, column: x
    checks.between("density", checks.finite("density", values), 0)
    return _shades(ax, values, bounds, "bilinear")


def _histogram(points: np.ndarray, ax: Axes, bounds: Bounds, n: int) -> Any:
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=n, range=[bounds[:2], bounds[2:]])  # (x, y)
    area = (bounds[1] - bounds[0]) * (bounds[3] - bounds[2]) / n**2
    return _shades(ax, counts.T / (len(points) * area), bounds, "nearest")


def _shades(ax: Axes, values: np.ndarray, bounds: Bounds, interpolation: str) -> Any:
    image = ax.imshow(values, origin="lower", extent=bounds, aspect="auto", interpolation=interpolation, zorder=0)
    image.set(cmap=colormap("density"), clim=(0, values.max() or 1.0))
    return image


def _plane(ax: Axes, bounds: Bounds, title: str | None) -> Axes:
    ax.set(xlim=bounds[:2], ylim=bounds[2:])
    ax.set_aspect("equal", adjustable="box")
    ax.locator_params(nbins=5)
    return finish(ax, title, frame=True)
