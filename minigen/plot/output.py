"""Figures on disk and on the screen: saved, animated, shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
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
    from PIL.Image import Image

MOST_SVG = 60_000  # characters of a chart as SVG, packed about 12 KB; one with many points has more
IN_THE_DARK = {"#262626": "#d4d4d4", "#767676": "#9a9a9a", "#e6e6e6": "#33363a", "#ffffff": "#131416"}  # ink to paper
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


def as_svg(fig: Any) -> str | None:
    """Return a chart of lines (a figure, or that of axes) as SVG, for a light page and a dark one.

    None for a figure that has images, axes in space, or so many points that it is large. Ink, paper and grid follow the
    color scheme of the page; what is drawn keeps its colors.
    """
    if any(ax.images or ax.name == "3d" for ax in figure_of(fig).axes):
        return None
    text = _drawn(fig, "svg", "figure", metadata=NO_DATES["svg"]).decode()
    if len(text) > MOST_SVG or "<image" in text:  # many points may be drawn as an image
        return None
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in IN_THE_DARK.items()
        for kind in ("fill", "stroke")
    )
    scheme = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    return re.sub(r"<metadata>.*?</metadata>", scheme, text, count=1, flags=re.DOTALL)


def animate(
    frames: Iterable[Any], path: str | os.PathLike, fps: float = 10, dpi: float = 100, hold: float = 1.0
) -> Path:
    """Save frames as an endless GIF, or as an MP4 film, which needs the program ffmpeg; returns the path.

    frames: figures, axes or images (uint8, (H, W) or (H, W, 3)), all of one size. A generator is drawn one frame at a
            time: `animate((draw(t) for t in times), "dissolve.gif")`.
    path:   ends in .gif or .mp4.
    fps:    frames in a second. hold: seconds for which the last frame stays.

    Raises ValueError for arguments that do not fit, FileNotFoundError if the folder does not exist, or for an .mp4 if
    ffmpeg is not found, RuntimeError if ffmpeg cannot write the film.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".gif", ".mp4"):
        raise ValueError(f"path must end in .gif or .mp4, got {path.name!r}")
    checks.positive("fps", fps)
    checks.positive("dpi", dpi)
    ffmpeg = _ffmpeg() if kind == ".mp4" else ""
    pictures = _pictures(frames, dpi)
    return _write(path, _gif(pictures, fps, hold) if kind == ".gif" else _mp4(ffmpeg, pictures, fps, hold))


def _pictures(frames: Iterable[Any], dpi: float) -> list[Image]:
    """Return the frames as images of one size."""
    pictures: list[Image] = []
    for k, frame in enumerate(frames):
        picture = _picture(frame, dpi)
        if pictures and picture.size != pictures[0].size:
            raise ValueError(f"frames must have one size, {pictures[0].size}; frame {k} has {picture.size}")
        pictures.append(picture)
    if not pictures:
        raise ValueError("frames must not be empty")
    return pictures


def _gif(pictures: list[Image], fps: float, hold: float) -> bytes:
    from PIL.Image import Dither

    each = round(1000 / fps)  # in milliseconds
    durations = [each] * (len(pictures) - 1) + [max(each, round(1000 * hold))]
    first, *others = [picture.quantize(128, dither=Dither.NONE) for picture in pictures]
    buffer = BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=durations, loop=0)
    return buffer.getvalue()


def _ffmpeg() -> str:
    """Return the path of the program ffmpeg."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise FileNotFoundError("an .mp4 needs the program ffmpeg, which is not found: install it, or save a .gif")
    return program


def _mp4(ffmpeg: str, pictures: list[Image], fps: float, hold: float) -> bytes:
    """Return a film that browsers play: H.264, both sides even (a black row or column is added where one is odd)."""
    last = max(1, round(hold * fps))  # frames for which the last one stays
    width, height = pictures[0].size
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        raw = ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}", "-framerate", f"{fps:g}"]
        even = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        content = b"".join(picture.tobytes() for picture in [*pictures[:-1], *pictures[-1:] * last])
        command = [ffmpeg, "-loglevel", "error", *raw, "-i", "-", "-c:v", "libx264", *even, str(film)]
        done = subprocess.run(command, input=content, capture_output=True)
        if done.returncode or not film.exists():
            message = done.stderr.decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"ffmpeg could not write the film: {message[-1] if message else 'no message'}")
        return film.read_bytes()


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
    """Return the content of a file of this kind."""
    buffer = BytesIO()
    with style():
        figure_of(fig).savefig(buffer, format=kind, dpi=dpi, **options)
    return buffer.getvalue()


def _picture(frame: Any, dpi: float) -> Image:
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
