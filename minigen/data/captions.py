"""Captions for digits, drawn from what is measured in them: "a thick seven leaning right, narrow".

    texts = captions(images, labels, rng)               # images (N, 28, 28, 1) in [0, 1]
    tokens = tokenize(texts)                            # (N, 8) whole numbers, 0 where the text has ended
    wanted = read(texts[0])                             # {"digit": 7, "thickness": "thick", ...}
    obeyed(images, texts)                               # {"thickness": 0.93, ...}: of new images, measured again

Three properties are measured: the *thickness* of the strokes in pixels, their *slant* (how far to the right one gets
in going up by one) and the *width* of the digit in pixels. Each has three words, the middle one being the usual; the
bounds are near the terciles of the training digits. The digit itself is not measured but given.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from minigen import checks
from minigen.data.contours import skeletons
from minigen.tensor import batched

__all__ = [
    "DIGITS",
    "LENGTH",
    "PROPERTIES",
    "VOCABULARY",
    "Measures",
    "captions",
    "measure",
    "obeyed",
    "read",
    "tokenize",
]

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Property(NamedTuple):
    """Three words for a measure, and the two bounds between them."""

    words: tuple[str, str, str]
    bounds: tuple[float, float]


PROPERTIES = {
    "thickness": Property(("thin", "medium", "thick"), (2.35, 3.05)),
    "slant": Property(("left", "upright", "right"), (0.0, 0.27)),
    "width": Property(("narrow", "normal", "wide"), (13.5, 17.5)),
}
PADDING = "<end>"
VOCABULARY = (PADDING, "a", "leaning", *DIGITS, *(word for each in PROPERTIES.values() for word in each.words))
LENGTH = 8  # tokens of a caption, padding included
INK = 0.25  # from this brightness on a pixel counts for the width


class Measures(NamedTuple):
    """What `measure` returns: arrays (N,)."""

    thickness: np.ndarray
    slant: np.ndarray
    width: np.ndarray


def measure(images: ArrayLike) -> Measures:
    """Thickness and width in pixels, and slant, of each image (N, H, W, 1) in [0, 1], ink 1.

    thickness: the sum of all ink over the length of the skeleton (a diagonal stroke has a skeleton with fewer pixels,
               so it counts as thicker by up to √2);
    slant:     the slope of the line that best predicts a pixel's column from its row, upwards, weighted with the ink;
    width:     of the columns between the leftmost and the rightmost pixel with ink above 0.25.

    An image without ink has 0 for all. ValueError: images of another shape or outside [0, 1].
    """
    x = np.asarray(checks.between("images", checks.array("images", images, "N", "H", "W", 1), 0, 1))
    return Measures(*batched(_measured, x))


def _measured(images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thickness, slant and width of some images."""
    ink = images[..., 0].astype(np.float64)
    lengths = skeletons(images).sum(axis=(1, 2, 3))
    total = ink.sum(axis=(1, 2))
    up, right = _centered(ink, axis=1, total=total), _centered(ink, axis=2, total=total)
    spread = np.sum(ink * up**2, axis=(1, 2))
    together = np.sum(ink * up * right, axis=(1, 2))
    columns = np.any(ink > INK, axis=1)  # (N, W)
    first, last = columns.argmax(axis=1), columns.shape[1] - columns[:, ::-1].argmax(axis=1)
    thickness = total / np.maximum(lengths, 1)
    slant = -together / np.maximum(spread, 1e-9)  # rows are counted downwards
    return thickness, slant, np.where(columns.any(axis=1), last - first, 0).astype(float)


def _centered(ink: np.ndarray, axis: int, total: np.ndarray) -> np.ndarray:
    """Return the row (axis 1) or column (axis 2) of each pixel, minus the mean of the ink: (N, H, 1) or (N, 1, W)."""
    places = np.arange(ink.shape[axis], dtype=float).reshape((1, -1, 1) if axis == 1 else (1, 1, -1))
    mean = np.sum(ink * places, axis=(1, 2)) / np.maximum(total, 1e-9)
    return places - mean[:, None, None]


def word_of(name: str, value: np.ndarray) -> np.ndarray:
    """Which of the three words of a property, 0, 1 or 2, fits each measured value (N,)."""
    return np.digitize(value, PROPERTIES[checks.choice("name", name, tuple(PROPERTIES))].bounds)


def captions(images: ArrayLike, labels: ArrayLike, rng: np.random.Generator | None = None) -> list[str]:
    """Return a caption for each image (N, H, W, 1) in [0, 1], with its label (N,), 0 ... 9.

    With rng, each property is left out with probability 1/3, so that a model also learns short captions; without, all
    are named. ValueError: images or labels that do not fit.
    """
    measures = measure(images)
    labels = checks.integers("labels", labels, len(measures.width), most=9)
    named = np.ones((len(labels), 3), bool) if rng is None else checks.rng(rng).random((len(labels), 3)) > 1 / 3
    words = [word_of(name, getattr(measures, name)) for name in PROPERTIES]
    return [
        caption(int(label), *(int(word[n]) if is_named else None for word, is_named in zip(words, named[n])))
        for n, label in enumerate(labels)
    ]


def caption(digit: int, thickness: int | None = None, slant: int | None = None, width: int | None = None) -> str:
    """Such as "a thick seven leaning right, narrow": 0, 1 or 2 choose a property's word, None leaves it out."""
    parts = ["a"]
    if thickness is not None:
        parts.append(PROPERTIES["thickness"].words[thickness])
    parts.append(DIGITS[digit])
    if slant is not None:
        parts += ["leaning"] * (slant != 1) + [PROPERTIES["slant"].words[slant]]
    text = " ".join(parts)
    return text if width is None else f"{text}, {PROPERTIES['width'].words[width]}"


def tokenize(texts: Sequence[str], length: int = LENGTH) -> np.ndarray:
    """Return the numbers of the words in `VOCABULARY`: texts -> (N, length) int64, filled up with 0.

    Case and commas do not count. ValueError: a text for a list of them, an unknown word, a text
    with more words than `length`.
    """
    if isinstance(texts, str):
        raise ValueError(f"texts must be a list of strings, got one string: {texts!r}")
    length = checks.whole("length", length)
    tokens = np.zeros((len(texts), length), np.int64)
    for n, text in enumerate(texts):
        words = _words(text)
        if len(words) > length:
            raise ValueError(f"texts must have at most {length} words, got {len(words)} in {text!r}")
        tokens[n, : len(words)] = [VOCABULARY.index(word) for word in words]
    return tokens


def read(text: str) -> dict[str, Any]:
    """Return what a caption specifies: {"digit": 7, "thickness": "thick", ...}, only what it names. ValueError: unknown
    words, no digit or two, two words for one property.
    """
    found: dict[str, Any] = {}
    kinds = {word: name for name, each in PROPERTIES.items() for word in each.words}
    kinds |= {word: "digit" for word in DIGITS}
    for word in _words(text):
        if word in kinds:
            if kinds[word] in found:
                raise ValueError(f"text must have one word for the {kinds[word]}, got two in {text!r}")
            found[kinds[word]] = DIGITS.index(word) if kinds[word] == "digit" else word
    if "digit" not in found:
        raise ValueError(f"text must name a digit, {DIGITS[0]} ... {DIGITS[-1]}, got {text!r}")
    return found


def obeyed(images: ArrayLike, texts: Sequence[str]) -> dict[str, float]:
    """Return the fraction of images (N, H, W, 1) whose measure has the word that their text names, by property.

    Only of texts that name the property; one that no text names is left out. ValueError: not one text for each image.
    """
    measures = measure(images)
    if len(texts) != len(measures.width):
        raise ValueError(f"texts must have one text for each of {len(measures.width)} images, got {len(texts)}")
    wanted = [read(text) for text in texts]
    shares = {}
    for name, each in PROPERTIES.items():
        rows = [n for n, words in enumerate(wanted) if name in words]
        if rows:
            named = [each.words.index(wanted[n][name]) for n in rows]
            shares[name] = float(np.mean(word_of(name, getattr(measures, name)[rows]) == named))
    return shares


def _words(text: str) -> list[str]:
    """Return the words of a text, all of them known."""
    if not isinstance(text, str):
        raise ValueError(f"text must be a string, got {text!r}")
    words = text.lower().replace(",", " ").split()
    for word in words:
        if word not in VOCABULARY[1:]:
            raise ValueError(f"{word!r} in {text!r} is not in the vocabulary: {', '.join(VOCABULARY[1:])}")
    return words
