"""The house style: colors by meaning, one context with every setting, and the figure that lives in it.

Nothing here touches the reader's own matplotlib settings or backend: settings are switched on while something is drawn
and off again, and figures are plain objects that know nothing of pyplot. matplotlib itself is imported on first use.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

# The palette of Okabe and Ito ("Color Universal Design", 2008), told apart with any common color vision.
color = SimpleNamespace(
    real="#0072B2",  # data, the truth
    fake="#D55E00",  # samples of a generator
    model="#009E73",  # a density, a curve or a field that was learned
    latent="#CC79A7",  # codes, priors
    accent="#E69F00",  # the thing to look at
    sky="#56B4E9",
    noise="#7A7A7A",
    ink="#262626",
    muted="#767676",
    faint="#D4D4D4",
    paper="#FFFFFF",
    gan="#D55E00",
    vae="#CC79A7",
    flow="#009E73",
    diffusion="#E69F00",
)
CYCLE = (color.real, color.fake, color.model, color.latent, color.accent, color.sky, color.noise, color.ink)
# Ten classes: the sequence of Petroff ("Accessible Color Sequences for Data Visualization", 2021).
CLASSES = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)


def style() -> AbstractContextManager:
    """The context in which everything is drawn: matplotlib's defaults with the house's settings on top."""
    import matplotlib.style

    return matplotlib.style.context(["default", _settings()])


@functools.cache
def _settings() -> dict[str, Any]:
    from cycler import cycler

    return {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same everywhere
        "mathtext.fontset": "dejavusans",
        "font.size": 9.5,
        "axes.titlesize": 10.5,
        "axes.labelsize": 9.5,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "legend.fontsize": 8.5,
        "figure.titlesize": 12,
        "text.color": color.ink,
        "axes.labelcolor": color.ink,
        "axes.titlecolor": color.ink,
        "axes.edgecolor": color.muted,
        "xtick.color": color.muted,
        "ytick.color": color.muted,
        "xtick.labelcolor": color.ink,
        "ytick.labelcolor": color.ink,
        "axes.prop_cycle": cycler(color=CYCLE),
        "axes.linewidth": 0.8,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlepad": 6.0,
        "axes.formatter.limits": (-3, 5),
        "axes.formatter.use_mathtext": True,
        "grid.color": "#E6E6E6",
        "grid.linewidth": 0.7,
        "lines.linewidth": 1.6,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "legend.frameon": True,
        "legend.framealpha": 0.85,
        "legend.edgecolor": "none",
        "legend.borderpad": 0.3,
        "legend.handlelength": 1.6,
        "figure.dpi": 100,
        "savefig.dpi": 144,
        "image.interpolation": "nearest",
        "svg.hashsalt": "minigen",
        "pdf.fonttype": 42,
    }


def in_style(draw: Callable) -> Callable:
    """Decorator: run a drawing function inside the house style."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        with style():
            return draw(*args, **kwargs)

    return drawn


@in_style
def figure(
    rows: int = 1,
    cols: int = 1,
    size: tuple[float, float] | None = None,
    share: bool | str = False,
    title: str | None = None,
    projection: str | None = None,
) -> tuple[Figure, Any]:
    """A figure of `rows` x `cols` panels: (figure, axes).

    size:       width and height of one panel in inches; by default what fits a notebook cell.
    share:      True (both axes), "x" or "y": panels share their limits.
    projection: "3d" for panels in space.

    The axes are one object for one panel, a 1-D array for one row or column, a 2-D array otherwise.
    """
    for name, value in [("rows", rows), ("cols", cols)]:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    if size is None:
        width = min(3.4, 11.0 / cols)
        size = (4.8, 3.7) if rows == cols == 1 else (width, 0.92 * width)
    if share not in (False, True, "x", "y"):
        raise ValueError(f"share must be False, True, 'x' or 'y', got {share!r}")
    fig = _figure_class()(figsize=(cols * size[0], rows * size[1]), layout="constrained")
    sharing = {"sharex": share in (True, "x"), "sharey": share in (True, "y")}
    axes = fig.subplots(rows, cols, **sharing, subplot_kw={"projection": projection})
    if title:
        fig.suptitle(title)
    return fig, axes


def panel(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    """`ax` itself, or the only panel of a new figure."""
    if ax is None:
        return figure(size=size)[1]
    if not hasattr(ax, "transAxes"):
        raise ValueError(f"ax must be matplotlib axes or None, got {type(ax).__name__}")
    return ax


def colormap(name: str) -> Colormap:
    """The house's maps, all of even steps in lightness, or any matplotlib map by its name.

    "density": white to deep blue, for something that samples are drawn over. "surface": viridis. "diverging": from the
    color of fakes over white to the color of the real. "gray": black to white, for images.
    """
    import matplotlib

    if name in ("density", "diverging"):
        return _lightness_map(name)
    return matplotlib.colormaps["viridis" if name == "surface" else name]


@functools.cache
def _lightness_map(name: str) -> Colormap:
    from matplotlib.colors import ListedColormap

    blue, orange, white = (38.0, 2.0, -42.0), (52.0, 52.0, 58.0), (98.0, 0.0, 0.0)  # in CIELAB: L, a, b
    t = np.linspace(0, 1, 128)[:, None]

    def ramp(start, end):
        return np.array(start) * (1 - t) + np.array(end) * t  # (128, 3)

    lab = ramp(white, blue) if name == "density" else np.concatenate([ramp(orange, white), ramp(white, blue)])
    return ListedColormap(_lab_to_rgb(lab), name=f"minigen.{name}")


def _lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """CIELAB (white point D65) to sRGB in [0, 1]; (N, 3) to (N, 3)."""
    fy = (lab[:, 0] + 16) / 116
    f = np.stack([fy + lab[:, 1] / 500, fy, fy - lab[:, 2] / 200], axis=1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.9505, 1.0, 1.089]
    matrix = [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
    linear = np.clip(xyz @ np.transpose(matrix), 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055).clip(0, 1)


@functools.cache
def _figure_class() -> type[Figure]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class HouseFigure(Figure):
        """A figure that is drawn in the house style whoever draws it, and shows itself in a notebook."""

        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            FigureCanvasAgg(self)

        def draw(self, renderer: Any) -> None:
            with style():
                super().draw(renderer)

        def savefig(self, *args: Any, **kwargs: Any) -> None:
            with style():
                super().savefig(*args, **kwargs)

        def _repr_png_(self) -> bytes:
            from io import BytesIO

            buffer = BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    return HouseFigure
