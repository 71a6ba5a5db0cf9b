"""Figures on disk and on the screen: saved whole, animated, shown."""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minigen.plot.style import style
from minigen.tensor.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_of(drawing: Any) -> Figure:
    """The figure itself, or that of axes."""
    fig = drawing if hasattr(drawing, "savefig") else getattr(drawing, "figure", None)
    if not hasattr(fig, "savefig"):
        raise ValueError(f"expected a matplotlib figure or axes, got {type(drawing).__name__}")
    return fig


def save(fig: Any, path: str | os.PathLike, dpi: float | None = None) -> Path:
    """Save a figure (or the figure of axes) as .png, .svg or .pdf, all or nothing; returns the path.

    The same figure gives the same bytes: no dates are written. Raises FileNotFoundError if the folder does not exist,
    ValueError for another kind of file.
    """
    fig, path = figure_of(fig), Path(path)
    kind = path.suffix.lower().removeprefix(".")
    dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    if kind not in dates:
        raise ValueError(f"path must end in .png, .svg or .pdf, got {path.name!r}")
    buffer = BytesIO()
    with style():
        fig.savefig(buffer, format=kind, dpi=dpi or "figure" if kind != "png" else dpi or 144, metadata=dates[kind])
    return _write(path, buffer.getvalue())


def animate(
    frames: Iterable[Any], path: str | os.PathLike, fps: float = 10, dpi: float = 100, hold: float = 1.0
) -> Path:
    """Save frames as an endless GIF; returns the path.

    frames: figures, axes or images (uint8, (H, W) or (H, W, 3)), all of one size. A generator is drawn one frame at a
            time: `animate((draw(t) for t in times), "dissolve.gif")`.
    fps:    frames in a second. hold: seconds for which the last frame stays.
    """
    from PIL import Image

    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"path must end in .gif, got {path.name!r}")
    for name, value in [("fps", fps), ("dpi", dpi)]:
        if not np.isfinite(value) or value <= 0:
            raise ValueError(f"{name} must be positive, got {value!r}")
    pictures = []
    for k, frame in enumerate(frames):
        pixels = _pixels(frame, dpi)
        if pictures and pixels.shape[1::-1] != pictures[0].size:
            raise ValueError(f"frames must have one size, {pictures[0].size}; frame {k} has {pixels.shape[1::-1]}")
        pictures.append(Image.fromarray(pixels).quantize(128, dither=Image.Dither.NONE))
    if not pictures:
        raise ValueError("frames must not be empty")
    each = 1000 / fps
    durations = [round(each)] * (len(pictures) - 1) + [max(round(each), round(1000 * hold))]
    buffer = BytesIO()
    pictures[0].save(
        buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False
    )
    return _write(path, buffer.getvalue())


def show(fig: Any) -> None:
    """Show a figure (or that of axes): in a notebook below the cell, in a script in a window that waits to be closed.

    Does nothing where there is no screen.
    """
    fig = figure_of(fig)
    if _in_notebook():
        from IPython.display import Image, display

        buffer = BytesIO()
        with style():
            fig.savefig(buffer, format="png", dpi=110)
        display(Image(data=buffer.getvalue()))
        return
    _show_window(fig)


def _show_window(fig: Figure) -> None:
    import matplotlib.pyplot as plt

    window = plt.figure(figsize=fig.get_size_inches())
    if not hasattr(window.canvas.manager, "window") and not getattr(
        window.canvas, "required_interactive_framework", None
    ):
        plt.close(window)
        return
    buffer = BytesIO()
    with style():
        fig.savefig(buffer, format="png", dpi=window.dpi)
    buffer.seek(0)
    window.figimage(plt.imread(buffer))
    plt.show(block=True)


def _in_notebook() -> bool:
    import sys

    shell = sys.modules.get("IPython")
    shell = shell.get_ipython() if shell is not None else None
    return shell is not None and hasattr(shell, "kernel")


def _pixels(frame: Any, dpi: float) -> np.ndarray:
    """A frame as uint8 (H, W, 3)."""
    if isinstance(frame, np.ndarray):
        if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
            raise ValueError(f"image frames must be uint8 (H, W) or (H, W, 3), got {frame.dtype} {frame.shape}")
        return np.repeat(frame[..., None], 3, axis=2) if frame.ndim == 2 else frame
    from PIL import Image

    buffer = BytesIO()
    with style():
        figure_of(frame).savefig(buffer, format="png", dpi=dpi)
    buffer.seek(0)
    return np.asarray(Image.open(buffer).convert("RGB"))


def _write(path: Path, content: bytes) -> Path:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist")
    return write_atomically(path, lambda file: file.write(content))
