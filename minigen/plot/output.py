"""Figures on disk and on the screen: saved, animated, shown."""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from minigen import checks
from minigen.files import write_atomically
from minigen.plot.theme import figure_of, style
from minigen.progress import in_notebook

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_DATES: dict[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def save(fig: Any, path: str | os.PathLike, dpi: float | None = None) -> Path:
    """Save a figure (or the figure of axes) as .png, .svg or .pdf, all or nothing; returns the path.

    The same figure gives the same bytes: no dates are written. Raises FileNotFoundError if the folder does not exist,
    ValueError for another kind of file.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in NO_DATES:
        raise ValueError(f"path must end in .png, .svg or .pdf, got {path.name!r}")
    return _write(path, _drawn(fig, kind, dpi or (192 if kind == "png" else "figure"), metadata=NO_DATES[kind]))


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
    checks.positive("fps", fps)
    checks.positive("dpi", dpi)
    pictures: list[Image.Image] = []
    for k, frame in enumerate(frames):
        picture = _picture(frame, dpi)
        if pictures and picture.size != pictures[0].size:
            raise ValueError(f"frames must have one size, {pictures[0].size}; frame {k} has {picture.size}")
        pictures.append(picture.quantize(128, dither=Image.Dither.NONE))
    if not pictures:
        raise ValueError("frames must not be empty")
    each = round(1000 / fps)  # in milliseconds
    durations = [each] * (len(pictures) - 1) + [max(each, round(1000 * hold))]
    buffer = BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    return _write(path, buffer.getvalue())


def show(fig: Any) -> None:
    """Show a figure (or that of axes): in a notebook below the cell, in a script in a window that waits to be closed.

    Does nothing where there is no screen.
    """
    if in_notebook():
        from IPython.display import Image, display

        display(Image(data=_drawn(fig, "png", 110)))
    else:
        _show_window(figure_of(fig))


def _show_window(fig: Figure) -> None:
    import matplotlib.pyplot as plt

    window = plt.figure(figsize=fig.get_size_inches())
    if getattr(window.canvas, "required_interactive_framework", None) is None:
        plt.close(window)
        return
    window.figimage(plt.imread(BytesIO(_drawn(fig, "png", window.dpi))))
    plt.show(block=True)


def _drawn(fig: Any, kind: str, dpi: float | str, **options: Any) -> bytes:
    """The content of a file of this kind."""
    buffer = BytesIO()
    with style():
        figure_of(fig).savefig(buffer, format=kind, dpi=dpi, **options)
    return buffer.getvalue()


def _picture(frame: Any, dpi: float) -> Any:
    from PIL import Image

    if not isinstance(frame, np.ndarray):
        return Image.open(BytesIO(_drawn(frame, "png", dpi))).convert("RGB")
    if frame.dtype != np.uint8 or frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
        raise ValueError(f"image frames must be uint8 (H, W) or (H, W, 3), got {frame.dtype} {frame.shape}")
    return Image.fromarray(frame).convert("RGB")


def _write(path: Path, content: bytes) -> Path:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist")

    def write(file: IO[bytes]) -> None:
        file.write(content)

    return write_atomically(path, write)
