"""Images: grids of them, the manifold that a two-dimensional decoder draws, and matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen import checks
from minigen.plot.theme import color, colormap, figure_of, finish, in_style, panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@in_style
def image_grid(
    images: Any,
    rows: int | None = None,
    cols: int | None = None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    labels: Sequence[Any] | None = None,
    row_labels: Sequence[str] | None = None,
    col_labels: Sequence[str] | None = None,
    limits: str | tuple[float, float] = "auto",
    shape: tuple[int, ...] | None = None,
    cmap: str = "gray",
    gap: int | None = None,
) -> Axes:
    """Images row by row: image k is in row k // cols, column k % cols.

    images: (N, H, W), (N, H, W, 1) or (N, H, W, 3), or flat (N, D) with `shape` given.
    limits: the values drawn black and white (what lies beyond is clipped). "auto": 0 and 255 for uint8, -1 and 1 when
            there are clearly negative values, 0 and 1 otherwise. "each": every image's own lowest and highest value;
            "signed": zero is white, every image scaled by its largest magnitude (for filters).
    labels: one short text for each image, written above it; row_labels, col_labels: for whole rows and columns.
    gap:    pixels between images.
    """
    stack = stacked(images, shape)
    rows, cols = _layout(len(stack), rows, cols)
    _one_each("labels", labels, len(stack))
    _one_each("row_labels", row_labels, rows)
    _one_each("col_labels", col_labels, cols)
    pictures = colored(stack, limits, cmap)  # (N, H, W, 3) in [0, 1]
    height, width = pictures.shape[1:3]
    gap = max(1, round(min(height, width) / 14)) if gap is None else checks.whole("gap", gap, least=0)
    inches = min(10.0, max(1.2, cols * (0.62 if cols > 4 else 0.95)))  # width of the whole, when it is its own figure
    head = 0 if labels is None else max(2, round(0.2 * width * cols / inches))  # room for a label above each image
    tops = head + (head + height + gap) * np.arange(rows)
    lefts = (width + gap) * np.arange(cols)
    canvas = np.ones((tops[-1] + height, lefts[-1] + width, 3))
    for k, picture in enumerate(pictures):
        top, left = tops[k // cols], lefts[k % cols]
        canvas[top : top + height, left : left + width] = picture
    letters = max((len(str(text)) for text in row_labels or ()), default=0)  # a letter is about 0.09 inches wide
    margin_x = min(2.5, max(0.95, 0.15 + 0.09 * letters)) if row_labels is not None else 0.08
    margin_y = 0.08 + 0.27 * (title is not None) + 0.25 * (col_labels is not None)
    ax = panel(ax, (inches + margin_x, inches * canvas.shape[0] / canvas.shape[1] + margin_y))
    _show(ax, canvas)
    for k, text in enumerate(labels if labels is not None else ()):
        x, y = lefts[k % cols] + (width - 1) / 2, tops[k // cols] - 0.5 - 0.15 * head
        ax.text(x, y, str(text), ha="center", va="bottom", fontsize=8)
    if row_labels is not None:
        ax.set_yticks(tops + (height - 1) / 2, row_labels)
    if col_labels is not None:
        ax.xaxis.tick_top()
        ax.set_xticks(lefts + (width - 1) / 2, col_labels)
    return finish(ax, title)


@in_style
def manifold(
    decoder: Callable[[np.ndarray], np.ndarray],
    n: int = 20,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    shape: tuple[int, ...] | None = None,
    limits: str | tuple[float, float] = "auto",
    cmap: str = "gray",
) -> Axes:
    """Return what a decoder of two latent numbers draws across the whole prior.

    The decoder gets the codes (n*n, 2), float32, at the standard normal's quantiles (i + 1/2) / n along each axis, so
    that every picture stands for the same fraction of the prior. z1 grows to the right, z2 upwards. It returns images
    (n*n, H, W[, C]), or flat ones (n*n, D) whose `shape` is given or square.
    """
    from scipy.special import ndtri  # the standard normal's quantile function

    checks.whole("n", n)
    quantiles = ndtri((np.arange(n) + 0.5) / n)
    z1, z2 = np.meshgrid(quantiles, quantiles[::-1])  # the top row of the picture has the largest z2
    images = np.asarray(decoder(np.stack([z1.ravel(), z2.ravel()], axis=1).astype(np.float32)))
    if images.ndim == 2 and shape is None and math.isqrt(images.shape[1]) ** 2 == images.shape[1]:
        shape = (math.isqrt(images.shape[1]),) * 2
    stack = stacked(images, shape)
    if len(stack) != n * n:
        raise ValueError(f"decoder must return one image for each of the {n * n} codes, got {len(stack)}")
    pictures = colored(stack, limits, cmap)
    height, width = pictures.shape[1:3]
    canvas = pictures.reshape(n, n, height, width, 3).swapaxes(1, 2).reshape(n * height, n * width, 3)
    ax = panel(ax, (5.2, 5.2 * height / width))
    _show(ax, canvas)
    marks = np.unique(np.linspace(0, n - 1, 5).round().astype(int))
    names = [f"{quantiles[k]:.1f}".replace("-", "\N{MINUS SIGN}") for k in marks]
    ax.set_xticks((marks + 0.5) * width - 0.5, names)
    ax.set_yticks((n - marks - 0.5) * height - 0.5, names)
    ax.set(xlabel="$z_1$", ylabel="$z_2$")
    return finish(ax, title)


@in_style
def matrix(
    values: Any,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    numbers: bool | str = False,
    row_labels: Sequence[str] | None = None,
    col_labels: Sequence[str] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    center: float | None = None,
    limits: tuple[float, float] | None = None,
    cmap: str | None = None,
    colorbar: bool = False,
    lines: bool | None = None,
) -> Axes:
    """Return a table of numbers (R, C) as cells of color, first row on top: a mask, a Jacobian, a transport plan, a
    kernel.

    numbers: write each value in its cell (a format such as ".2f" may be given). center: the value that is drawn white.
    lines:   separate the cells; by default when there are few.
    """
    values = checks.array("values", values, "R", "C")
    rows, cols = values.shape
    _one_each("row_labels", row_labels, rows)
    _one_each("col_labels", col_labels, cols)
    low, high = limits if limits is not None else color_range(values, center, from_zero=True)
    cell = float(np.clip(7.0 / max(rows, cols), 0.08, 0.5))
    ax = panel(ax, (max(2.0, cols * cell + 0.9), max(1.6, rows * cell + 0.7)))
    shades = colormap(cmap or ("density" if center is None else "diverging"))
    image = ax.imshow(values, cmap=shades, vmin=low, vmax=high, origin="upper")
    if lines if lines is not None else max(rows, cols) <= 24:
        ax.set_xticks(np.arange(cols + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        ax.grid(which="minor", color=color.faint, linewidth=0.8)
        ax.tick_params(which="both", length=0)
        ax.set_axisbelow(False)
    for (r, c), value in np.ndenumerate(values) if numbers else ():
        red, green, blue, _ = image.to_rgba(value)
        ink = color.ink if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
        text = format(value, numbers if isinstance(numbers, str) else "g")
        ax.text(c, r, text, ha="center", va="center", color=ink, fontsize=8)
    ax.locator_params(nbins=6, integer=True)
    if col_labels is not None or cols <= 10:
        ax.set_xticks(range(cols), col_labels)
    if row_labels is not None or rows <= 10:
        ax.set_yticks(range(rows), row_labels)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if colorbar:
        add_colorbar(ax, image)
    return finish(ax, title, frame=True)


def color_range(values: np.ndarray, center: float | None, from_zero: bool = False) -> tuple[float, float]:
    """Lowest and highest value of a color scale, as far from `center` as each other; from zero up, where asked."""
    low, high = float(values.min()), float(values.max())
    if center is not None:
        reach = max(high - center, center - low)
        low, high = center - reach, center + reach
    elif from_zero:
        low = min(low, 0.0)
    if low < high:
        return low, high
    return (low, low + 1) if from_zero and center is None else (low - 0.5, high + 0.5)


def add_colorbar(ax: Axes, image: Any, label: str = "") -> None:
    """Add a slim color bar to the right of the axes."""
    bar = figure_of(ax).colorbar(image, ax=ax, fraction=0.046, pad=0.03, aspect=22, label=label)
    bar.outline.set_linewidth(0.6)
    bar.ax.locator_params(nbins=6)


def stacked(images: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Images as (N, H, W) or (N, H, W, 3)."""
    checks.array("images", images, "N", ...)
    stack = np.asarray(images)
    if shape is not None:
        if stack[0].size != math.prod(shape):
            numbers = math.prod(shape)
            raise ValueError(f"images of shape {stack.shape} do not have {numbers} numbers each, as shape {shape}")
        stack = stack.reshape(len(stack), *shape)
    if stack.ndim == 4 and stack.shape[-1] == 1:
        stack = stack[..., 0]
    if not (stack.ndim == 3 or (stack.ndim == 4 and stack.shape[-1] == 3)):
        hint = "; give shape=(H, W) for flat ones" if stack.ndim == 2 else ""
        raise ValueError(f"images must have shape (N, H, W) or (N, H, W, C) with C = 1 or 3, got {stack.shape}{hint}")
    return stack


def _layout(count: int, rows: int | None, cols: int | None) -> tuple[int, int]:
    if rows is not None:
        checks.whole("rows", rows)
    if cols is not None:
        checks.whole("cols", cols)
    elif rows:
        cols = math.ceil(count / rows)
    else:  # a little wider than high, with as few empty places as possible
        side = math.sqrt(count)
        choices = range(math.ceil(side), max(math.ceil(side), min(count, round(1.6 * side))) + 1)
        cols = min(choices, key=lambda n: (-count % n, abs(n - 1.2 * side)), default=1)
    rows = math.ceil(count / cols) if rows is None else rows
    if rows * cols < count:
        raise ValueError(f"{rows} rows x {cols} cols cannot hold {count} images")
    return rows, cols


def _one_each(name: str, texts: Sequence[Any] | None, count: int) -> None:
    if texts is not None and len(texts) != count:
        raise ValueError(f"{name} must have {count} entries, got {len(texts)}")


def colored(stack: np.ndarray, limits: Any = "auto", cmap: str = "gray") -> np.ndarray:
    """Values to colors: (N, H, W[, 3]) to (N, H, W, 3) in [0, 1]."""
    values = stack.astype(np.float64)
    pixels = tuple(range(1, stack.ndim))
    if isinstance(limits, str):
        checks.choice("limits", limits, ("auto", "each", "signed"))
    if limits == "auto":
        low, high = _range_of(stack)
    elif limits == "each":
        low, high = values.min(axis=pixels, keepdims=True), values.max(axis=pixels, keepdims=True)
    elif limits == "signed":
        high = np.abs(values).max(axis=pixels, keepdims=True)
        low, cmap = -high, "diverging" if cmap == "gray" else cmap
    else:
        low, high = (float(end) for end in limits)
        if not low < high:
            raise ValueError(f"limits must be (low, high) with low < high, got {limits!r}")
    span = np.asarray(high) - low
    unit = ((values - low) / np.where(span == 0, 1, span)).clip(0, 1)
    return unit if unit.ndim == 4 else colormap(cmap)(unit)[..., :3]


def _range_of(stack: np.ndarray) -> tuple[float, float]:
    if stack.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(stack.min()), float(stack.max())
    if low < -4 or high > 4:
        raise ValueError(f"images have values from {low:.3g} to {high:.3g}: give limits=(low, high)")
    return (-1.0, 1.0) if low < -0.1 else (0.0, 1.0)


def _show(ax: Axes, canvas: np.ndarray) -> None:
    ax.imshow(canvas, interpolation="antialiased")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.tick_params(length=0)
    finish(ax, frame=False)
