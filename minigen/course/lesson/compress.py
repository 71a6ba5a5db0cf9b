"""Pictures of a run, made small enough to be kept with the source: WebP at twice the size that a page shows."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["ANIMATION_BYTES", "FIGURE_BYTES", "compressed"]

WIDTH = 1520  # pixels: twice the width of a page's text
COLORS = 256
FIGURE_BYTES = 60_000  # at most
ANIMATION_BYTES = 200_000
QUALITIES = (90, 80, 70, 60, 50, 40)  # of WebP with losses
SIZES = (1, 0.85, 0.7, 0.6, 0.5)


def compressed(path: Path) -> bytes:
    """Return a PNG or GIF of a run as WebP.

    A figure is reduced to 256 colors and kept without further loss. A figure that is too large as such, one with many
    thousands of points, loses details that are hardly visible instead and, where that is not enough, pixels. An
    animation loses details, and then every second frame.
    """
    from PIL import Image

    with Image.open(path) as picture:
        return _animation(picture) if path.suffix == ".gif" else _figure(picture.convert("RGB"))


def _figure(picture: Image) -> bytes:
    narrow = _resized(picture, WIDTH) if picture.width > WIDTH else picture
    # Few large pixels, as in a grid of digits, take more space once they are resized.
    sizes = [picture] if narrow is picture else [picture, narrow]
    exact = min(map(_few_colors, sizes), key=len)
    lossy = (
        _webp([_resized(narrow, round(size * narrow.width))], quality=quality)
        for size in SIZES
        for quality in QUALITIES
    )
    return exact if len(exact) <= FIGURE_BYTES else _first_within(FIGURE_BYTES, lossy)


def _resized(picture: Image, width: int) -> Image:
    from PIL import Image

    height = round(picture.height * width / picture.width)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _few_colors(picture: Image) -> bytes:
    from PIL import Image

    few = picture.quantize(COLORS, dither=Image.Dither.NONE).convert("RGB")
    return _webp([few], lossless=True, quality=80)


def _animation(picture: Any) -> bytes:
    from PIL import ImageSequence

    pairs = [(each.convert("RGB"), each.info.get("duration", 0)) for each in ImageSequence.Iterator(picture)]

    def versions() -> Iterator[bytes]:
        step = 1
        while step < 2 * len(pairs):
            kept = [*pairs[:-1:step], pairs[-1]]  # the last frame stays longest
            durations = [step * duration for _, duration in kept[:-1]] + [kept[-1][1]]
            for quality in QUALITIES[1:]:
                yield _webp([frame for frame, _ in kept], quality=quality, duration=durations)
            step *= 2

    return _first_within(ANIMATION_BYTES, versions())


def _first_within(most: int, versions: Iterator[bytes]) -> bytes:
    """Return the first version that has at most so many bytes, or the last one."""
    content = b""
    for content in versions:
        if len(content) <= most:
            break
    return content


def _webp(frames: list[Image], **options: Any) -> bytes:
    buffer = BytesIO()
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": frames[1:], "loop": 0}
    frames[0].save(buffer, "WEBP", method=4, **options)
    return buffer.getvalue()
