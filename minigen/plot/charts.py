"""Charts: training curves, functions of one variable, bars, histograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen import checks
from minigen.plot.theme import CYCLE, color, finish, in_style, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 12  # points of a curve that is drawn with its points
CLOSEST = 0.07  # distance of two ticks, as a fraction of a logarithmic axis


def moving_average(values: Any, window: int) -> np.ndarray:
    """Return the mean of the last `window` values at each place (of as many as there are, at the beginning); NaNs are
    skipped.

    (N,) to (N,), float64.
    """
    checks.whole("window", window)
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"values must have shape (N,), got {values.shape}")
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - window, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (total[end] - total[start]) / (count[end] - count[start])


@in_style
def curves(
    history: Mapping[str, Any],
    names: Sequence[str] | str | None = None,
    ax: Axes | None = None,
    *,
    smooth: int = 1,
    log: bool = False,
    title: str | None = None,
    xlabel: str = "step",
    ylabel: str = "",
    labels: Mapping[str, str] | None = None,
    colors: Mapping[str, str] | None = None,
    reference: Mapping[str, float] | None = None,
) -> Axes:
    """Training curves: a history from `minigen.train.fit`, or a dictionary from names to values (N,).

    names:     which quantities (all unless given). labels, colors: for some or all of them.
    smooth:    draw the mean of the last so many values, with the values themselves faint behind.
    log:       logarithmic values. reference: named constants, as dashed lines.

    A value that is not finite leaves a gap. With an entry (steps, values) the steps are those given.
    """
    if not isinstance(history, Mapping) or not len(history):
        raise ValueError(f"history must be a dictionary of values that is not empty, got {type(history).__name__}")
    names = [names] if isinstance(names, str) else list(history) if names is None else list(names)
    labels = {name: str(name).replace("_", " ") for name in names} | dict(labels or {})
    checks.whole("smooth", smooth)
    ax = panel(ax)
    for k, name in enumerate(names):
        if name not in history:
            raise ValueError(f"names must be among {', '.join(map(str, history))}, got {name!r}")
        steps, values = _steps_and_values(history, name)
        shade = _shade(colors, name, k)
        if smooth > 1 and len(values) > smooth:
            ax.plot(steps, values, color=shade, lw=0.6, alpha=0.25, zorder=1.6, rasterized=len(values) > 20_000)
            values = moving_average(values, smooth)
        ax.plot(steps, values, color=shade, label=labels[name], marker="o" if len(values) == 1 else None)
    _references(ax, reference)
    ylabel = ylabel or ax.get_ylabel() or (labels[names[0]] if len(names) == 1 else "")
    return _chart(ax, title, xlabel, ylabel, log, legend=len(names) + len(reference or {}) > 1)


def _steps_and_values(history: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    entry = history[name]
    steps = history.at(name) if hasattr(history, "at") else None
    if isinstance(entry, tuple) and len(entry) == 2:
        steps, entry = entry
    values = np.asarray(entry, dtype=np.float64)
    steps = np.arange(len(values)) if steps is None and values.ndim == 1 else np.asarray(steps)
    if values.ndim != 1 or not len(values) or steps.shape != values.shape:
        raise ValueError(f"history[{name!r}] must have shape (N,), got {values.shape} at steps {steps.shape}")
    return steps, values


@in_style
def line(
    x: Any,
    ys: Any,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    xlabel: str = "",
    ylabel: str = "",
    colors: Mapping[str, str] | Sequence[str] | None = None,
    styles: Mapping[str, str] | None = None,
    fill: bool | Sequence[str] = False,
    band: Mapping[str, tuple[Any, Any]] | tuple[Any, Any] | None = None,
    log: str | bool = False,
    markers: bool | None = None,
    reference: Mapping[str, float] | None = None,
    spans: Mapping[str, tuple[float, float]] | None = None,
) -> Axes:
    """Functions of one variable: `ys` is one array (N,) or a dictionary of named ones, over `x` (N,).

    A legend has the names; the name of a single curve is at the y axis, unless `ylabel` is given.

    fill:   shade down to zero, all or those named. band: (low, high) around a curve, by name when there are several.
    styles: "-", "--", ":" by name. log: "x", "y", "xy" or True for "y". markers: a dot at each point, by default where
            there are few. Few points on a logarithmic axis have a tick each.
    reference: named constants, as dashed lines. spans: named intervals of x, shaded.

    A value that is not finite leaves a gap.
    """
    x = checks.array("x", x, "N")
    named = isinstance(ys, Mapping)
    ys = ys if named else {"": ys}
    if not ys:
        raise ValueError("ys must not be empty")
    ax = panel(ax)
    marker = "o" if markers or (markers is None and len(x) <= FEW) or len(x) == 1 else None
    for k, (name, y) in enumerate(ys.items()):
        y = _values_at(x, y, f"ys[{name!r}]" if named else "ys")
        shade = _shade(colors, name, k)
        ax.plot(x, y, color=shade, ls=(styles or {}).get(name, "-"), label=name or None, marker=marker, ms=4)
        if fill is True or (fill and name in fill):
            ax.fill_between(x, 0, y, color=shade, alpha=0.18, lw=0)
        _band(ax, x, band.get(name) if isinstance(band, Mapping) else band, shade)
    for k, (name, (start, end)) in enumerate((spans or {}).items()):
        ax.axvspan(start, end, color=_shade(None, name, len(ys) + k), alpha=0.12, lw=0, label=name)
    _references(ax, reference)
    many = len(ys) + len(reference or {}) + len(spans or {}) > 1
    _chart(ax, title, xlabel, ylabel if many or ylabel else next(iter(ys)), log, legend=many)
    if log in ("x", "xy") and 1 < len(x) <= FEW and 1e-3 <= x.min() and x.max() < 1e5:
        _tick_points(ax, x)
    return ax


def _tick_points(ax: Axes, x: np.ndarray) -> None:
    """Put a tick with its number at each of a few points of a logarithmic axis that are far enough apart to be read."""
    ticks = [x.min()]
    for value in np.sort(x):
        if value >= ticks[-1] * (x.max() / x.min()) ** CLOSEST > ticks[-1]:
            ticks.append(value)
    ax.set_xticks(ticks, [f"{value:.0f}" if value == round(value) else f"{value:.3g}" for value in ticks])
    ax.set_xticks([], minor=True)


def _values_at(x: np.ndarray, y: Any, name: str) -> np.ndarray:
    """Return a curve over x (N,), with NaN, a gap, for each value that is not finite."""
    y = np.asarray(y, dtype=np.float64)
    if y.shape != x.shape:
        raise ValueError(f"{name} must have the shape of x, {x.shape}, got {y.shape}")
    return np.where(np.isfinite(y), y, np.nan)


def _band(ax: Axes, x: np.ndarray, band: tuple[Any, Any] | None, shade: str) -> None:
    if band is not None:
        low, high = (checks.array("band", end, len(x)) for end in band)
        ax.fill_between(x, low, high, color=shade, alpha=0.2, lw=0)


@in_style
def bars(
    values: Any,
    labels: Sequence[Any] | None = None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    xlabel: str = "",
    ylabel: str = "",
    errors: Any = None,
    numbers: bool | str = False,
    colors: Sequence[str] | Mapping[str, str] | None = None,
    reference: Mapping[str, float] | None = None,
    log: bool = False,
) -> Axes:
    """Bars: an array (N,) with `labels`, a dictionary {label: number}, or groups {series: (N,)} with `labels`.

    errors:  half-lengths of error bars, shaped as the values. numbers: write each value above its bar ("%.2f" is a
             format). colors: of the series, or of each bar when there is one series. reference: dashed lines.
    """
    heights, labels, errors = _series(values, labels, errors)
    count = len(labels)
    ax = panel(ax)
    width = 0.8 / len(heights)
    for k, (name, height) in enumerate(heights.items()):
        at = np.arange(count) + (k - (len(heights) - 1) / 2) * width
        each_bar = len(heights) == 1 and colors is not None and not isinstance(colors, Mapping)
        shade = list(colors or ()) if each_bar else _shade(colors, name, k)
        error = errors.get(name) if isinstance(errors, Mapping) else errors
        drawn = ax.bar(
            at, height, 0.92 * width, yerr=error, ecolor=color.ink, capsize=2, color=shade, label=name or None
        )
        if numbers:
            ax.bar_label(drawn, fmt=numbers if isinstance(numbers, str) else "%g", padding=2, fontsize=8)
            ax.margins(y=0.12)
    _name_bars(ax, labels)
    if min(each.min() for each in heights.values()) < 0:
        ax.axhline(0, color=color.muted, lw=0.8)
    _references(ax, reference)
    _chart(ax, title, xlabel, ylabel, log, legend=len(heights) + len(reference or {}) > 1)
    ax.grid(False, axis="x")
    return ax


def _series(values: Any, labels: Sequence[Any] | None, errors: Any) -> tuple[dict[str, np.ndarray], Sequence[Any], Any]:
    """Return the heights of the bars of each series (N,), their N labels, and the errors: {label: number} is one
    series.
    """
    series = values if isinstance(values, Mapping) else {"": values}
    if isinstance(values, Mapping) and all(np.ndim(each) == 0 for each in values.values()):
        labels = list(values) if labels is None else labels
        series = {"": list(values.values())}
        errors = [errors[name] for name in values] if isinstance(errors, Mapping) else errors
    if not series:
        raise ValueError("values must not be empty")
    heights = {name: checks.array(f"values[{name!r}]" if name else "values", h, "N") for name, h in series.items()}
    counts = [len(height) for height in heights.values()]
    if len(set(counts)) > 1:
        raise ValueError(f"values must all have {counts[0]} entries, got {', '.join(map(str, counts))}")
    if labels is not None and len(labels) != counts[0]:
        raise ValueError(f"labels must have {counts[0]} entries, got {len(labels)}")
    return heights, labels if labels is not None else range(counts[0]), errors


def _name_bars(ax: Axes, labels: Sequence[Any]) -> None:
    """Labels below the bars, at an angle where they would overlap."""
    texts = [str(each) for each in labels]
    crowded = sum(map(len, texts)) > 46
    ax.set_xticks(range(len(texts)), texts, rotation=25 if crowded else 0, ha="right" if crowded else "center")
    ax.tick_params(axis="x", length=0)


@in_style
def histogram(
    x: Any,
    ax: Axes | None = None,
    *,
    bins: int = 60,
    bounds: tuple[float, float] | None = None,
    density: Any = None,
    title: str | None = None,
    xlabel: str = "",
    ylabel: str = "density",
    colors: Mapping[str, str] | str | None = None,
) -> Axes:
    """Histograms, of total area 1, of samples (N,) or of a dictionary of named ones, on common bins.

    density: a true density to draw on top: a function p(x) of x (M,), or an object whose `log_prob` takes (M, 1).
    bounds:  the part of the line; by default all samples (their middle 99.8 % when a few lie far away).
    """
    groups = x if isinstance(x, Mapping) else {"": x}
    groups = {name: _flat(name, each) for name, each in groups.items()}
    if not groups:
        raise ValueError("x must not be empty")
    checks.whole("bins", bins)
    low, high = bounds if bounds is not None else _middle(np.concatenate(list(groups.values())))
    edges = np.linspace(low, high, bins + 1)
    ax = panel(ax)
    for k, (name, values) in enumerate(groups.items()):
        shade = _shade(colors, name, k)
        heights = np.histogram(values, edges)[0] / (len(values) * np.diff(edges))
        ax.stairs(heights, edges, fill=True, color=shade, alpha=0.35)
        ax.stairs(heights, edges, color=shade, lw=1.2, label=name or None)
    if density is not None:
        grid = np.linspace(low, high, 600)
        if callable(getattr(density, "log_prob", None)):
            truth = np.exp(np.asarray(density.log_prob(grid[:, None].astype(np.float32)), dtype=np.float64))
        else:
            truth = np.asarray(density(grid), dtype=np.float64)
        if truth.shape != grid.shape:
            raise ValueError(f"density must return one value for each of {len(grid)} points, got shape {truth.shape}")
        ax.plot(grid, truth, color=color.ink, lw=1.4, label="density")
    ax.set_xlim(low, high)
    return _chart(ax, title, xlabel, ylabel, False, legend=len(groups) + (density is not None) > 1)


def _flat(name: str, values: Any) -> np.ndarray:
    array = checks.array(f"x[{name!r}]" if name else "x", values, ...)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"x must have shape (N,) for a histogram, got {array.shape}; for (N, 2) use plot.density")
    return array


def _middle(x: np.ndarray) -> tuple[float, float]:
    """All of `x` (N,), or its middle 99.8 % and a margin when a few lie far away."""
    low, high = np.quantile(x, [0.001, 0.999])
    margin = 0.25 * max(high - low, 1e-6)
    low, high = max(x.min(), low - margin), min(x.max(), high + margin)
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _shade(colors: Any, name: str, k: int) -> str:
    """Return the color of series k: one for all, one by its name, one by its place; else that of the cycle."""
    if isinstance(colors, str):
        return colors
    if isinstance(colors, Mapping):
        return colors.get(name, CYCLE[k % len(CYCLE)])
    shades = colors or CYCLE
    return shades[k % len(shades)]


def _references(ax: Axes, reference: Mapping[str, float] | None) -> None:
    for k, (name, value) in enumerate((reference or {}).items()):
        ax.axhline(value, color=color.ink, lw=1.1, ls=["--", ":", "-."][k % 3], label=name, zorder=1.5)


def _chart(ax: Axes, title: str | None, xlabel: str, ylabel: str, log: Any, legend: bool) -> Axes:
    log = {True: "y", False: ""}.get(log, log)
    checks.choice("log", log, ("", "x", "y", "xy"))
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    ax.grid(True)
    ax.set_xlabel(xlabel or ax.get_xlabel())
    ax.set_ylabel(ylabel or ax.get_ylabel())
    if legend:
        ax.legend(loc="best")
    return finish(ax, title)
