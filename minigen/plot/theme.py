"""The style of all figures: colors by meaning, the settings of `minigen.mplstyle`, and figures that keep to them.

The reader's own matplotlib settings and backend stay as they are: the settings are switched on while something is
drawn, and figures are made without pyplot. matplotlib itself is imported on first use.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from minigen import checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")

# The palette of Okabe and Ito ("Color Universal Design", 2008), distinguishable with any common color vision.
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
CLASSES = tuple("#3f90da #ffa90e #bd1f01 #94a4a2 #832db6 #a96b59 #e76300 #b9ac70 #717581 #92dadd".split())
# Color maps of even steps in lightness (CIELAB), from white to the color of the real and of fakes.
WHITE_TO_REAL = ["#f9f9f9", "#c5cfe2", "#91a6cb", "#5980b4", "#005c9e"]
FAKE_TO_WHITE = ["#d84e12", "#ea7c4e", "#f6a686", "#fbd0bf"]
MOST_ROOM = 20  # steps, of a twentieth of the panel each, by which a legend may raise the y axis


def style() -> AbstractContextManager:
    """Return the context in which everything is drawn: matplotlib's defaults with `minigen.mplstyle` on top."""
    import matplotlib.style

    return matplotlib.style.context(["default", _settings()])


@functools.cache
def _settings() -> dict[str, Any]:
    import matplotlib

    path = Path(__file__).with_name("minigen.mplstyle")
    settings: Any = matplotlib.rc_params_from_file(path, use_default_template=False)
    return dict(settings)


def in_style(draw: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function: run a drawing function inside `style()`."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
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
    """Return a figure of `rows` x `cols` panels: (figure, axes).

    size:       width and height of one panel in inches; by default what fits a notebook cell.
    share:      True (both axes), "x" or "y": panels share their limits.
    projection: "3d" for panels in space.

    The axes are one object for one panel, a 1-D array for one row or column, a 2-D array otherwise.
    """
    checks.whole("rows", rows)
    checks.whole("cols", cols)
    checks.choice("share", share, (False, True, "x", "y"))
    if size is None:
        width = min(3.4, 11.0 / cols)
        size = (4.8, 3.7) if rows == cols == 1 else (width, 0.92 * width)
    fig = _figure_class()(figsize=(cols * size[0], rows * size[1]), layout="constrained")
    share_x, share_y = share in (True, "x"), share in (True, "y")
    axes = fig.subplots(rows, cols, sharex=share_x, sharey=share_y, subplot_kw={"projection": projection})
    if title:
        fig.suptitle(title)
    return fig, axes


@functools.cache
def _figure_class() -> type[Figure]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class StyledFigure(Figure):
        """A figure that is drawn inside `style()`, with its legends off the curves, and is displayed in a notebook."""

        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            FigureCanvasAgg(self)

        def draw(self, renderer: Any) -> None:
            with style():
                _make_room_for_legends(self, renderer)
                _make_room_for_titles(self)
                super().draw(renderer)

        def savefig(self, *args: Any, **kwargs: Any) -> None:
            with style():
                super().savefig(*args, **kwargs)

        def _repr_png_(self) -> bytes:
            buffer = BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    return StyledFigure


def _make_room_for_titles(fig: Figure) -> None:
    """Lay out panels of a fixed aspect once more: the first layout takes no account of how the aspect moves a title."""
    engine = fig.get_layout_engine()
    if engine is not None and any(ax.get_title() and ax.get_aspect() != "auto" for ax in fig.axes):
        engine.execute(fig)


def _make_room_for_legends(fig: Figure, renderer: Any) -> None:
    """Raise the upper end of the y axis of a chart until its legend, in its best place, covers no curve."""
    charts = [ax for ax in fig.axes if ax.get_legend() and ax.name == "rectilinear" and ax.get_aspect() == "auto"]
    engine = fig.get_layout_engine()
    if charts and engine is not None:
        engine.execute(fig)  # gives the axes the size that they will have
    for ax in charts:
        limits = ax.get_ylim()
        for _ in range(MOST_ROOM):
            if not _covers_a_curve(ax, renderer):
                break
            place = ax.transAxes.transform((0.0, 1.05))
            ax.set_ylim(top=ax.transData.inverted().transform(place)[1])
        else:
            ax.set_ylim(limits)  # no room would help


def _covers_a_curve(ax: Axes, renderer: Any) -> bool:
    """Return whether the legend of axes lies on a line or a marker; lines across the whole panel do not count."""
    legend = ax.get_legend()
    box = legend.get_window_extent(renderer) if legend else None
    for line in ax.lines:
        if box is None or line.get_transform() != ax.transData or not line.get_visible():
            continue
        path = line.get_path().transformed(ax.transData)
        if line.get_linestyle() != "None" and path.intersects_bbox(box, filled=False):
            return True
        if line.get_marker() != "None" and box.padded(line.get_markersize() / 2).count_contains(path.vertices):
            return True
    return False


def figure_of(drawing: Any) -> Figure:
    """Return the figure itself, or that of axes."""
    fig: Any = getattr(drawing, "figure", drawing)
    if not hasattr(fig, "savefig"):
        raise ValueError(f"expected a matplotlib figure or axes, got {type(drawing).__name__}")
    return fig


def panel(ax: Any, size: tuple[float, float] | None = None) -> Axes:
    """`ax` itself, or the only panel of a new figure."""
    if ax is None:
        return figure(size=size)[1]
    if not hasattr(ax, "transAxes"):
        raise ValueError(f"ax must be matplotlib axes or None, got {type(ax).__name__}")
    return ax


def finish(ax: Axes, title: str | None = None, frame: bool | None = None) -> Axes:
    """Set the title, and show (True) or hide (False) all four sides of the axes; returns the axes."""
    if title is not None:
        ax.set_title(title)
    if frame is not None:
        ax.spines[:].set_visible(frame)
    return ax


@functools.cache
def colormap(name: str) -> Colormap:
    """Return a color map of minigen, or any of matplotlib's by its name.

    "density": white to deep blue, for something that samples are drawn over. "surface": viridis. "diverging": from the
    color of fakes over white to the color of the real. "gray": black to white, for images.
    """
    import matplotlib
    from matplotlib.colors import LinearSegmentedColormap

    if name in ("density", "diverging"):
        shades = WHITE_TO_REAL if name == "density" else FAKE_TO_WHITE + WHITE_TO_REAL
        return LinearSegmentedColormap.from_list(f"minigen.{name}", shades)
    return matplotlib.colormaps["viridis" if name == "surface" else name]
