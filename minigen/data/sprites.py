"""900 sprites of monsters, 16 x 16 pixels in color, rendered by a program: a small image data set without a file.

    from minigen.data import sprites
    images = sprites.load()                  # uint8 (900, 16, 16, 3), always the same
    x = sprites.unit(images)                 # [0, 1], float32
    x = sprites.symmetric(images)            # [-1, 1], float32
    more = sprites.draw(rng, 100)            # 100 others, all different

Every monster is built from parts chosen at random: a head and a body, perhaps ears, horns or feelers, arms or wings,
feet or a tail, one eye or two, a mouth, a belly, spots or stripes. Its left half is the mirror image of its right half.
All colors are from one palette: three shades of eight colors, ink for the outline, white for the background and the
eyes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from minigen import checks
from minigen.types import Rng

__all__ = ["COUNT", "PALETTE", "SIDE", "draw", "load", "symmetric", "unit"]

SIDE, COUNT = 16, 900
WHITE, INK, FIRST = 0, 1, 2  # rows of the palette; from FIRST on: shade, color, light of each of the eight
SHADE, COLOR, LIGHT = 0, 1, 2
COLORS = [
    "#b5373f #e4604e #f6a184",
    "#bd6420 #ee9c38 #fbd07c",
    "#b58d1c #f2cf45 #fcee9e",
    "#3d7f3f #6fba54 #b8e08a",
    "#1f7c80 #45b8aa #9fe3cd",
    "#2f57a6 #5590dd #a3cdf6",
    "#6a419b #9b74cf #cfb4ee",
    "#ad4880 #e583ae #f9c3d8",
]


def _rgb(code: str) -> list[int]:
    return [int(code[i : i + 2], 16) for i in (1, 3, 5)]


PALETTE = np.array([_rgb(code) for code in ["#ffffff", "#2b2233", *" ".join(COLORS).split()]], np.uint8)  # (26, 3)
PALETTE.setflags(write=False)


@lru_cache(maxsize=1)
def load() -> np.ndarray:
    """Return the 900 monsters, uint8 (900, 16, 16, 3): rendered at the first call, always the same, read-only."""
    images = draw(np.random.default_rng(151), COUNT)
    images.setflags(write=False)
    return images


def draw(rng: np.random.Generator, n: int) -> np.ndarray:
    """`n` monsters, all different, uint8 (n, 16, 16, 3). ValueError if `rng` is not a Generator or n < 1."""
    n = checks.whole("n", n)
    rng = checks.rng(rng)
    found: dict[bytes, np.ndarray] = {}
    while len(found) < n:
        half = _half(rng)  # (16, 8), the right half as rows of the palette
        found.setdefault(half.tobytes(), half)
    halves = np.stack(list(found.values()))  # (n, 16, 8)
    return PALETTE[np.concatenate([halves[:, :, ::-1], halves], axis=2)]  # (n, 16, 16, 3)


def unit(images: np.ndarray) -> np.ndarray:
    """uint8 images (N, 16, 16, 3) as float32 in [0, 1]: value / 255."""
    return _check_pixels(images).astype(np.float32) / np.float32(255)


def symmetric(images: np.ndarray) -> np.ndarray:
    """uint8 images (N, 16, 16, 3) as float32 in [-1, 1]: value / 127.5 - 1."""
    return _check_pixels(images).astype(np.float32) / np.float32(127.5) - np.float32(1)


def _check_pixels(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"images must be uint8 of shape (N, 16, 16, 3), got {images.dtype} of shape {images.shape}")
    return images


# -- one monster -------------------------------------------------------------------------------------------------------
# Its right half, 16 rows from the top by 8 columns from the middle outward. Parts stay within rows 1..14 and columns
# 0..6: the outline, one pixel wide, is put around them at the end.

Y, X = np.mgrid[0:16, 0:8] + 0.5  # centers of the pixels; the mirror is at X = 0


def _oval(y: float, height: float, width: float, power: float = 2.0, x: float = 0.0) -> np.ndarray:
    """Return the pixels within an oval (power 2) or a rounded box (power 4) around (y, x)."""
    return np.abs((Y - y) / height) ** power + np.abs((X - x) / width) ** power <= 1


def _dots(*places: tuple[int, int]) -> np.ndarray:
    """Return the pixels at these (row, column); those outside are left out."""
    mask = np.zeros((16, 8), bool)
    for row, column in places:
        if 0 <= row < 16 and 0 <= column < 8:
            mask[row, column] = True
    return mask


def _ears(kind: str, top: int, width: float) -> np.ndarray:
    """Ears, horns or feelers of a head whose highest row is `top`."""
    out = max(1, round(width) - 2)  # column of the base
    if kind == "round":
        return _oval(top + 0.5, 1.8, 1.7, x=out + 1)
    if kind == "pointed":
        return _dots(
            (top - 2, out + 1), (top - 1, out + 1), (top - 1, out), (top, out), (top, out + 1), (top + 1, out + 1)
        )
    if kind == "long":
        return _dots(
            *((row, out) for row in range(top - 3, top + 1)), (top - 2, out + 1), (top - 1, out + 1), (top, out + 1)
        )
    if kind == "horns":
        return _dots((top, out + 1), (top - 1, out + 1), (top - 1, out + 2), (top - 2, out + 2))
    if kind == "feelers":
        return _dots((top - 1, 1), (top - 2, 2), (top - 3, 2), (top - 3, 3))
    if kind == "crest":
        return _dots((top - 1, 0), (top - 2, 0), (top - 1, 1), (top, 2), (top - 1, 3))
    return _dots()


def _arms(kind: str, row: int, reach: int) -> np.ndarray:
    """Arms or wings at `row` of a body that is `reach` columns wide there."""
    if kind == "down":
        return _dots((row, reach), (row + 1, reach), (row + 1, reach + 1), (row + 2, reach + 1))
    if kind == "up":
        return _dots((row, reach), (row, reach + 1), (row - 1, reach + 1), (row - 2, reach + 1), (row - 2, reach + 2))
    if kind == "wings":
        return _dots(*((row - k + j, reach + k) for k in range(3) for j in range(3)))
    if kind == "claws":
        return _dots((row, reach), (row, reach + 1), (row - 1, reach + 2), (row + 1, reach + 2))
    return _dots()


def _feet(kind: str, bottom: int, width: int) -> np.ndarray:
    """Feet, legs or tail of a body whose lowest row is `bottom`."""
    if kind == "feet":
        return _dots((bottom, 1), (bottom, 2), (bottom + 1, 1), (bottom + 1, 2), (bottom + 1, 3))
    if kind == "legs":
        return _dots(*((bottom + k, width - 1) for k in range(3)), (bottom + 2, width), (bottom, width - 2))
    if kind == "tentacles":
        return _dots(*((bottom + k, column) for column in (0, 2, 4) for k in range(3 - column // 4) if column <= width))
    if kind == "tail":
        return _dots((bottom + 1, 0), (bottom + 1, 1), (bottom + 2, 0))
    return _dots()


class _Monster(NamedTuple):
    """The sizes of head and body, the pixels that they cover, and the rows of the two colors in the palette."""

    main: int
    accent: int
    one_piece: bool
    head_y: float
    head_width: float
    body_y: float
    body_height: float
    body_width: float
    core: np.ndarray  # (16, 8), head and body

    @property
    def top(self) -> int:
        """The highest row of the head."""
        return int(np.flatnonzero(self.core[:, 0])[0])

    @property
    def bottom(self) -> int:
        """The lowest row of the body."""
        return int(np.flatnonzero(self.core[:, 0])[-1])


def _half(rng: Rng) -> np.ndarray:
    """Return the right half of a monster, (16, 8), as rows of the palette."""
    monster = _head_and_body(rng)
    picture, inside = _with_limbs(rng, monster)
    eye_row = int(monster.head_y - rng.uniform(0.2, 1.0)) - monster.one_piece
    _add_pattern(rng, monster, eye_row, picture)
    _add_face(rng, monster, eye_row, picture, inside)
    picture[_outline(inside)] = INK
    return picture


def _pick(rng: Rng, *kinds: Any) -> Any:
    return kinds[rng.integers(len(kinds))]


def _head_and_body(rng: Rng) -> _Monster:
    """Two ovals, or one that is both."""
    main, accent = rng.permutation(len(COLORS))[:2] * 3 + FIRST
    power, one_piece = _pick(rng, 2.0, 2.5, 4.0), rng.random() < 0.35
    head_height, head_width = rng.uniform(2.6, 3.9), rng.uniform(3.0, 5.2)
    head_y = 3.6 + head_height if rng.random() < 0.5 else 2.6 + head_height
    body_height, body_width = rng.uniform(2.2, 3.2), rng.uniform(2.2, 4.4)
    if one_piece:
        head_height, head_width, head_y = rng.uniform(3.8, 5.0), rng.uniform(3.4, 5.6), 8.0
        body_y, body_height, body_width = head_y, head_height, head_width
    else:
        body_y = min(head_y + head_height + body_height - 1.2, 13.0 - body_height)
    core = _oval(head_y, head_height, head_width, power) | _oval(body_y, body_height, body_width)
    return _Monster(main, accent, one_piece, head_y, head_width, body_y, body_height, body_width, core)


def _with_limbs(rng: Rng, monster: _Monster) -> tuple[np.ndarray, np.ndarray]:
    """Head, body and limbs, these in the second color or the shade of the first: (16, 8), and which pixels they cover.

    The light comes from above: the lower edge of head and body is in shade.
    """
    core, main = monster.core, monster.main
    arm_row = int(monster.body_y - 0.5)
    reach = int(core[arm_row].sum())
    ears = _ears(
        _pick(rng, "", "round", "pointed", "long", "horns", "feelers", "crest"), monster.top, monster.head_width
    )
    arms = _arms(_pick(rng, "", "down", "up", "wings", "claws", "down"), arm_row, reach)
    feet = _feet(
        _pick(rng, "feet", "legs", "tentacles", "tail", "feet", "legs"),
        monster.bottom,
        max(2, int(monster.body_width)),
    )
    inside = np.zeros((16, 8), bool)
    inside[1:15, :7] = (core | ears | arms | feet)[1:15, :7]
    picture = np.zeros((16, 8), np.int64)
    picture[inside] = _pick(rng, main + SHADE, monster.accent + COLOR)
    picture[core & inside] = main + COLOR
    picture[core & inside & ~np.roll(core, -1, axis=0)] = main + SHADE
    return picture, inside


def _add_pattern(rng: Rng, monster: _Monster, eye_row: int, picture: np.ndarray) -> None:
    """Perhaps a belly, a light oval below the face, and perhaps stripes, spots or a cap."""
    core, main, accent, top, bottom = monster.core, monster.main, monster.accent, monster.top, monster.bottom
    if rng.random() < 0.6:
        belly = _oval(monster.body_y + 0.6, monster.body_height - 1.1, monster.body_width - 1.2)
        picture[belly & core & (Y > eye_row + (4 if monster.one_piece else 2))] = _pick(
            rng, main + LIGHT, accent + LIGHT
        )
    pattern = _pick(rng, "", "", "stripes", "spots", "cap")
    above = core & (Y < monster.head_y - 1)
    if pattern == "stripes":
        picture[above & (np.floor(X) % 2 == 0) & (Y < top + 2.6)] = accent + COLOR
    elif pattern == "spots":
        picture[core & _dots((top + 1, 2), (top + 2, 4), (bottom - 1, 3), (bottom - 2, 1))] = accent + COLOR
    elif pattern == "cap":
        picture[above & (Y < top + 2)] = main + LIGHT


def _add_face(rng: Rng, monster: _Monster, eye_row: int, picture: np.ndarray, inside: np.ndarray) -> None:
    """Eyes at `eye_row` and a mouth three rows below."""
    out = 1 + (monster.head_width > 3.6 and rng.random() < 0.6)  # the column of an eye
    eyes = _pick(rng, "small", "big", "big", "tall", "one", "sleepy", "angry")
    white, ink = {
        "small": ([], [(eye_row, out), (eye_row + 1, out)]),
        "big": ([(eye_row + j, out + i) for i in (0, 1) for j in (0, 1)], [(eye_row + 1, out)]),
        "tall": ([(eye_row - 1, out), (eye_row, out)], [(eye_row + 1, out)]),
        "one": ([(eye_row + j, i) for i in (0, 1) for j in (-1, 0, 1)], [(eye_row, 0), (eye_row + 1, 0)]),
        "sleepy": ([(eye_row + 1, out)], [(eye_row, out), (eye_row, out + 1)]),
        "angry": (
            [(eye_row, out), (eye_row + 1, out + 1)],
            [(eye_row - 1, out), (eye_row, out + 1), (eye_row + 1, out)],
        ),
    }[eyes]
    picture[_dots(*white) & inside], picture[_dots(*ink) & inside] = WHITE, INK
    row = eye_row + 3
    teeth, lips = {
        "": ([], []),
        "line": ([], [(row, 0), (row, 1)]),
        "dot": ([], [(row, 0)]),
        "smile": ([], [(row, 0), (row - 1, 1)]),
        "frown": ([], [(row - 1, 0), (row, 1)]),
        "fangs": ([(row + 1, 1)], [(row, 0), (row, 1), (row, 2)]),
        "open": ([(row - 1, 0)], [(row, 0), (row, 1), (row - 1, 1)]),
    }[_pick(rng, "", "line", "dot", "smile", "smile", "frown", "fangs", "open")]
    inner = monster.core & inside
    picture[_dots(*teeth) & inner], picture[_dots(*lips) & inner] = WHITE, INK


def _outline(inside: np.ndarray) -> np.ndarray:
    """Every pixel outside that touches one inside, (16, 8)."""
    padded = np.pad(inside, ((1, 1), (0, 1)))  # no padding in the middle: the other half continues there
    near = padded[:-2, :-1] | padded[2:, :-1] | padded[1:-1, 1:]
    near[:, 1:] |= inside[:, :-1]
    return near & ~inside
