"""Images: grids of them, the manifold that a two-dimensional decoder draws, and matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.plot import inputs
from minigen.plot.style import color, colormap, in_style, panel

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
    """Images row by row: image k stands in row k // cols, column k % cols.

    images: (N, H, W), (N, H, W, 1) or (N, H, W, 3), or flat (N, D) with `shape` given.
    limits: the values drawn black and white (what lies beyond is clipped). "auto": 0 and 255 for uint8, -1 and 1 when
            there are clearly negative values, 0 and 1 otherwise. "each": every image's own lowest and highest value;
            "signed": zero is white, every image scaled by its largest magnitude (for filters).
    labels: one short text for each image, written above it; row_labels, col_labels: for whole rows and columns.
    """
    stack = stacked(images, shape)
    rows, cols = _layout(len(stack), rows, cols)
    for name, texts, count in [
        ("labels", labels, len(stack)),
        ("row_labels", row_labels, rows),
        ("col_labels", col_labels, cols),
    ]:
        if texts is not None and len(texts) != count:
            raise ValueError(f"{name} must have {count} entries, got {len(texts)}")
    pictures = colored(stack, limits, cmap)  # (N, H, W, 3) in [0, 1]
    height, width = pictures.shape[1:3]
    gap = max(1, round(min(height, width) / 14)) if gap is None else inputs.whole("gap", gap, at_least=0)
    inches = min(10.0, max(1.2, cols * (0.62 if cols > 4 else 0.95)))  # width of the whole, when it is its own figure
    head = 0 if labels is None else max(2, round(0.2 * width * cols / inches))  # room for a label above each image
    canvas = np.ones((rows * (height + head + gap) - gap, cols * (width + gap) - gap, 3))
    corners = []
    for k, picture in enumerate(pictures):
        top, left = (k // cols) * (height + head + gap) + head, (k % cols) * (width + gap)
        canvas[top : top + height, left : left + width] = picture
        corners.append((top, left))
    letters = max(map(len, map(str, row_labels)), default=0) if row_labels is not None else 0
    extra = (
        0.08
        if row_labels is None
        else min(2.5, max(0.95, 0.15 + 0.09 * letters)),  # a letter is about 0.09 inches wide
        0.08 + 0.27 * (title is not None) + 0.25 * (col_labels is not None),
    )
    ax = panel(ax, (inches + extra[0], inches * canvas.shape[0] / canvas.shape[1] + extra[1]))
    _show(ax, canvas, title)
    if labels is not None:
        for (top, left), text in zip(corners, labels):
            ax.text(left + (width - 1) / 2, top - 0.5 - 0.15 * head, str(text), ha="center", va="bottom", fontsize=8)
    if row_labels is not None:
        ax.set_yticks([r * (height + head + gap) + head + (height - 1) / 2 for r in range(rows)], row_labels)
    if col_labels is not None:
        ax.xaxis.tick_top()
        ax.set_xticks([c * (width + gap) + (width - 1) / 2 for c in range(cols)], col_labels)
    return ax


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
    """What a decoder of two latent numbers draws across the whole prior.

    The decoder gets the codes (n*n, 2), float32, at the standard normal's quantiles (i + 1/2) / n along each axis, so
    that every picture stands for the same share of the prior. z1 grows to the right, z2 upwards. It returns images
    (n*n, H, W[, C]), or flat ones (n*n, D) whose `shape` is given or square.
    """
    from scipy.stats import norm

    inputs.whole("n", n)
    quantiles = norm.ppf((np.arange(n) + 0.5) / n)
    z1, z2 = np.meshgrid(quantiles, quantiles[::-1])  # the top row of the picture has the largest z2
    images = np.asarray(decoder(np.stack([z1.ravel(), z2.ravel()], axis=1).astype(np.float32)))
    if images.ndim == 2 and shape is None:
        side = math.isqrt(images.shape[1])
        shape = (side, side) if side * side == images.shape[1] else None
    stack = stacked(images, shape)
    if len(stack) != n * n:
        raise ValueError(f"decoder must return one image for each of the {n * n} codes, got {len(stack)}")
    pictures = colored(stack, limits, cmap)
    height, width = pictures.shape[1:3]
    canvas = pictures.reshape(n, n, height, width, 3).swapaxes(1, 2).reshape(n * height, n * width, 3)
    ax = panel(ax, (5.2, 5.2 * height / width))
    _show(ax, canvas, title)
    marks = [k for k in range(n) if n <= 5 or k in {round(share * (n - 1)) for share in (0, 0.25, 0.5, 0.75, 1)}]
    names = [f"{quantiles[k]:.1f}".replace("-", "\N{MINUS SIGN}") for k in marks]
    ax.set_xticks([(k + 0.5) * width - 0.5 for k in marks], names)
    ax.set_yticks([(n - k - 0.5) * height - 0.5 for k in marks], names)
    ax.set_xlabel("$z_1$")
    ax.set_ylabel("$z_2$")
    return ax


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
    """A table of numbers (R, C) as cells of color, first row on top: a mask, a Jacobian, a transport plan, a kernel.

    numbers: write each value in its cell (a format such as ".2f" may be given). center: the value that is drawn white.
    lines:   separate the cells; by default when there are few.
    """
    values = inputs.finite("values", values, None, None).astype(np.float64)
    rows, cols = values.shape
    low, high = limits if limits is not None else (float(values.min()), float(values.max()))
    if center is not None and limits is None:
        reach = max(high - center, center - low)
        low, high = center - reach, center + reach
    if limits is None and center is None and low >= 0:
        low = 0.0
    high = high if high > low else low + 1.0
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
        red, green, blue, _ = shades((value - low) / (high - low))
        ink = color.ink if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
        ax.text(
            c,
            r,
            format(value, numbers if isinstance(numbers, str) else "g"),
            ha="center",
            va="center",
            color=ink,
            fontsize=8,
        )
    for axis, texts, count in [(ax.xaxis, col_labels, cols), (ax.yaxis, row_labels, rows)]:
        if texts is None:
            axis.set_major_locator(_whole_ticks(count))
        elif len(texts) != count:
            raise ValueError(
                f"{'col' if axis is ax.xaxis else 'row'}_labels must have {count} entries, got {len(texts)}"
            )
        else:
            axis.set_ticks(range(count), texts)
    for spine in ax.spines.values():
        spine.set_visible(True)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if title is not None:
        ax.set_title(title)
    if colorbar:
        ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03, aspect=22).outline.set_linewidth(0.6)
    return ax


def _whole_ticks(count: int) -> Any:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    return FixedLocator(range(count)) if count <= 10 else MaxNLocator(6, integer=True)


def stacked(images: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    """Images as (N, H, W) or (N, H, W, 3)."""
    stack = inputs.finite("images", images)
    if shape is not None:
        if stack[0].size != math.prod(shape):
            raise ValueError(
                f"images of shape {stack.shape} do not have {math.prod(shape)} numbers each, as shape {shape}"
            )
        stack = stack.reshape(len(stack), *shape)
    if stack.ndim == 4 and stack.shape[-1] == 1:
        stack = stack[..., 0]
    if not (stack.ndim == 3 or (stack.ndim == 4 and stack.shape[-1] == 3)):
        hint = "; give shape=(H, W) for flat ones" if stack.ndim == 2 else ""
        raise ValueError(f"images must have shape (N, H, W) or (N, H, W, C) with C = 1 or 3, got {stack.shape}{hint}")
    return stack


def _layout(count: int, rows: int | None, cols: int | None) -> tuple[int, int]:
    for name, value in [("rows", rows), ("cols", cols)]:
        if value is not None:
            inputs.whole(name, value)
    if cols is None:
        cols = math.ceil(count / rows) if rows else min(count, max(1, round(math.sqrt(count) * 1.2)))
    rows = math.ceil(count / cols) if rows is None else rows
    if rows * cols < count:
        raise ValueError(f"{rows} rows x {cols} cols cannot hold {count} images")
    return rows, cols


def colored(stack: np.ndarray, limits: Any, cmap: str) -> np.ndarray:
    """Values to colors: (N, H, W[, 3]) to (N, H, W, 3) in [0, 1]."""
    each = {"axis": tuple(range(1, stack.ndim)), "keepdims": True}
    if isinstance(limits, str):
        inputs.choice("limits", limits, ("auto", "each", "signed"))
    if limits == "auto":
        low, high = _range_of(stack)
    elif limits == "each":
        low, high = stack.min(**each), stack.max(**each)
    elif limits == "signed":
        high = np.abs(stack.astype(np.float64)).max(**each)
        low, cmap = -high, "diverging" if cmap == "gray" else cmap
    else:
        low, high = (float(end) for end in limits)
        if not low < high:
            raise ValueError(f"limits must be (low, high) with low < high, got {limits!r}")
    span = np.asarray(high, dtype=np.float64) - low
    unit = ((stack.astype(np.float64) - low) / np.where(span == 0, 1, span)).clip(0, 1)
    return unit if unit.ndim == 4 else colormap(cmap)(unit)[..., :3]


def _range_of(stack: np.ndarray) -> tuple[float, float]:
    if stack.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(stack.min()), float(stack.max())
    if low < -4 or high > 4:
        raise ValueError(f"images have values from {low:.3g} to {high:.3g}: give limits=(low, high)")
    return (-1.0, 1.0) if low < -0.1 else (0.0, 1.0)


def _show(ax: Axes, canvas: np.ndarray, title: str | None) -> None:
    ax.imshow(canvas, interpolation="antialiased")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if title is not None:
        ax.set_title(title)
