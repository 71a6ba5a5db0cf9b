"""The drawn monsters: always the same, all different, mirrored, in the colors of one palette, inside their frame."""

import hashlib

import numpy as np
import pytest

from minigen.data import sprites
from minigen.data.sprites import COUNT, PALETTE, draw, load, symmetric, unit


def colors_of(image):
    return {tuple(color) for color in image.reshape(-1, 3).tolist()}


@pytest.fixture
def indices():
    """The pixels as rows of the palette, (900, 16, 16)."""

    def codes(rgb):
        return rgb.astype(int) @ [65536, 256, 1]

    order = np.argsort(codes(PALETTE))
    return order[np.searchsorted(codes(PALETTE)[order], codes(load()))]


def test_900_different_monsters():
    images = load()
    assert images.shape == (COUNT, 16, 16, 3) == (900, 16, 16, 3) and images.dtype == np.uint8
    assert len(np.unique(images.reshape(COUNT, -1), axis=0)) == COUNT
    assert images is load() and not images.flags.writeable


def test_drawn_the_same_every_time():
    sprites.load.cache_clear()
    one = load()
    sprites.load.cache_clear()
    assert np.array_equal(one, load())
    # drawn from whole numbers and uniform ones of PCG64: the same pictures on every machine
    assert hashlib.sha256(one.tobytes()).hexdigest()[:16] == "534b86bbd141eee3"
    a, b, c = (draw(np.random.default_rng(seed), 20) for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert np.array_equal(draw(np.random.default_rng(0), 5), a[:5])  # more of them leaves the first as they are


def test_mirrored():
    images = load()
    assert np.array_equal(images, images[:, :, ::-1])
    assert np.mean(images != images[:, ::-1]) > 0.1  # but not upside down


def test_the_palette():
    assert PALETTE.shape == (26, 3) and len(np.unique(PALETTE, axis=0)) == 26 and not PALETTE.flags.writeable
    allowed, used = {tuple(color) for color in PALETTE.tolist()}, [colors_of(image) for image in load()]
    assert set().union(*used) == allowed  # every color occurs, and no other
    sizes = [len(colors) for colors in used]
    assert min(sizes) >= 4 and max(sizes) <= 8  # white, ink, a color with its shade, and at most four more


def test_outlined_and_inside_the_frame(indices):
    """White outside; no color touches the white without ink between them, except where the white is an eye or a
    tooth."""
    white = indices == 0
    outside = np.zeros_like(white)
    outside[:, 0], outside[:, -1], outside[:, :, 0], outside[:, :, -1] = (
        white[:, 0],
        white[:, -1],
        white[:, :, 0],
        white[:, :, -1],
    )
    for _ in range(40):  # flood from the frame
        grown = outside.copy()
        grown[:, 1:] |= outside[:, :-1]
        grown[:, :-1] |= outside[:, 1:]
        grown[:, :, 1:] |= outside[:, :, :-1]
        grown[:, :, :-1] |= outside[:, :, 1:]
        outside = grown & white
    color = indices >= 2
    for touching in (
        color[:, 1:] & outside[:, :-1],
        color[:, :-1] & outside[:, 1:],
        color[:, :, 1:] & outside[:, :, :-1],
        color[:, :, :-1] & outside[:, :, 1:],
    ):
        assert not touching.any()
    assert np.all(indices[:, [0, -1]] < 2) and np.all(indices[:, :, [0, -1]] < 2)  # at the frame: white or outline
    filled = color.mean(axis=(1, 2))
    assert 0.1 < filled.min() and filled.max() < 0.8


def test_variety(indices):
    """No part is always there: the pixels of the middle vary, all eight colors are about as frequent as bodies."""
    main = [np.bincount((row[row >= 2] - 2) // 3, minlength=8).argmax() for row in indices.reshape(COUNT, -1)]
    counts = np.bincount(main, minlength=8)
    assert np.all(np.abs(counts - COUNT / 8) < 5 * np.sqrt(COUNT / 8 * 7 / 8))
    has_white_inside = ((indices == 0)[:, 4:12, 5:11]).any(axis=(1, 2)).mean()
    assert 0.3 < has_white_inside < 0.95


def test_floats():
    images = load()
    x, y = unit(images), symmetric(images)
    assert x.dtype == y.dtype == np.float32 and x.shape == y.shape == images.shape
    assert x.min() > 0.1 and x.max() == 1 and y.max() == 1 and y.min() >= -1
    np.testing.assert_array_equal(np.rint(x * 255), images)
    np.testing.assert_allclose(y, 2 * x - 1, atol=1e-6)
    assert (
        unit(np.zeros((1, 16, 16, 3), np.uint8)).max() == 0
        and symmetric(np.zeros((1, 16, 16, 3), np.uint8)).max() == -1
    )


@pytest.mark.parametrize(
    "images", [np.zeros((2, 16, 16, 3)), np.zeros((2, 28, 28, 1), np.uint8), np.zeros((16, 16, 3), np.uint8)]
)
def test_images_of_another_kind(images):
    for function in (unit, symmetric):
        with pytest.raises(ValueError, match=r"images must be uint8 of shape \(N, 16, 16, 3\), got"):
            function(images)
