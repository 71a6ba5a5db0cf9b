"""Your own images: a folder of PNG and JPEG files as one array, and the ranges of values that models take.

    from minigen import data
    pixels = data.images("photos", size=20)                  # (N, 20, 20, 3), uint8: 0 to 255
    x = data.to_range(pixels, -1, 1)                         # float32 in [-1, 1], for a diffusion model
    pixels = data.to_pixels(samples, -1, 1)                  # and back

Reading needs Pillow (the extra `images`). An error names the file, what was expected and what was found.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from minigen import checks
from minigen.types import Array

__all__ = ["images", "to_pixels", "to_range"]

SUFFIXES = (".png", ".jpg", ".jpeg")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")  # of Pillow, with 8 bits a channel or fewer


def images(folder: str | os.PathLike, size: int | tuple[int, int], channels: int = 3) -> np.ndarray:
    """All PNG and JPEG files of a folder, in the order of their names: (N, H, W, channels), uint8.

    size:     H and W of the result, or one number for both. A larger image is cropped about its center to this shape,
              then reduced to this size; an image of this size keeps its pixels. A smaller one is an error.
    channels: 3 for color, 1 for gray.

    Transparent parts are put on white; a photo is turned as its camera says. Folders in the folder are not read.
    Raises ModuleNotFoundError without Pillow, FileNotFoundError, and ValueError for a folder without images, for a file
    that is not a whole image with 8 bits a channel, and for one that is too small.
    """
    folder, channels = Path(folder), checks.choice("channels", channels, (1, 3))
    height, width = (checks.whole("size", side) for side in ((size, size) if np.ndim(size) == 0 else _pair(size)))
    if not folder.is_dir():
        raise FileNotFoundError(f"folder must be a folder of images, got {folder}, which is {_what_is_there(folder)}")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        count = sum(1 for _ in folder.iterdir())
        raise ValueError(f"{folder}: expected files that end in {', '.join(SUFFIXES)}, got {count} other files")
    pixels = np.empty((len(paths), height, width, channels), np.uint8)
    for image, path in zip(pixels, paths):
        image[...] = _read(path, height, width, channels)
    return pixels


def to_range(pixels: np.ndarray, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Pixels, uint8 of any shape, as float32: 0 becomes `low`, 255 becomes `high`, linear in between.

    Raises ValueError for other values than uint8, and unless low < high.
    """
    low, high = _checked_range(low, high)
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8:
        raise ValueError(f"pixels must be uint8, 0 to 255, got {pixels.dtype}")
    return (low + (high - low) * (pixels / np.float32(255))).astype(np.float32)


def to_pixels(x: Array, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """Values of any shape as the nearest pixels, uint8: `low` becomes 0, `high` 255, and what lies beyond is clipped.

    The inverse of `to_range`. Raises ValueError for values that are not finite, and unless low < high.
    """
    low, high = _checked_range(low, high)
    share = (checks.floats("x", x) - low) / (high - low)
    return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


def _checked_range(low: float, high: float) -> tuple[float, float]:
    low, high = checks.number("low", low), checks.number("high", high)
    if not low < high:
        raise ValueError(f"high must be above low, {low:g}, got {high:g}")
    return low, high


def _pair(size: Any) -> tuple[Any, Any]:
    if np.shape(size) != (2,):
        raise ValueError(f"size must be a whole number or (H, W), got {size!r}")
    return size[0], size[1]


def _what_is_there(path: Path) -> str:
    return "a file" if path.exists() else "not there"


def _read(path: Path, height: int, width: int, channels: int) -> np.ndarray:
    """One file as (height, width, channels)."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        message = "reading images needs Pillow: python -m pip install pillow"
        raise ModuleNotFoundError(message, name="PIL") from None

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as file:
            picture: Any = ImageOps.exif_transpose(file)
            picture.load()
    except (OSError, SyntaxError) as error:  # SyntaxError: a PNG file with a damaged part
        raise ValueError(f"{path}: expected a PNG or JPEG image, got a file that cannot be read ({error})") from None
    if picture.mode not in MODES:
        raise ValueError(f"{path}: expected 8 bits a channel, got an image of Pillow's mode {picture.mode}")
    if picture.height < height or picture.width < width:
        got = f"{picture.height} x {picture.width}"
        raise ValueError(f"{path}: expected at least {height} x {width} pixels (size), got {got}")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert("L" if channels == 1 else "RGB")
    if picture.size != (width, height):
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture).reshape(height, width, channels)
