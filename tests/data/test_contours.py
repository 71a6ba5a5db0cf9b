"""Edges of pictures whose edges are known; skeletons that are thin, inside, and connected as the ink is."""

import numpy as np
import pytest
from scipy import ndimage

from minigen.data import mnist
from minigen.data.contours import edges, skeletons


def picture(side=12):
    return np.zeros((1, side, side, 1), np.float32)


def test_edges_of_a_square():
    x = picture()
    x[0, 3:9, 2:8] = 0.8
    wanted = np.zeros((12, 12), np.float32)
    wanted[3:9, 2:8] = 1
    wanted[4:8, 3:7] = 0  # the inside
    np.testing.assert_array_equal(edges(x)[0, ..., 0], wanted)
    assert edges(x).dtype == np.float32 and not edges(picture()).any()
    assert not edges(x, threshold=0.9).any() and edges(0.2 * x, threshold=0.1).sum() == 20
    full = edges(picture() + 1)[0, ..., 0]  # paper outside
    assert full.sum() == 44 and not full[1:-1, 1:-1].any()


def test_a_corner_is_no_edge_inside():
    """Paper that touches only diagonally makes no edge."""
    x = picture() + 1
    x[0, 5, 5] = 0
    found = edges(x)[0, ..., 0]
    assert found[4, 5] == found[5, 6] == 1 and found[4, 4] == found[6, 6] == 0


def test_pictures_do_not_mix():
    x = mnist.unit(mnist.splits().test.images[:6])
    for fn in (edges, skeletons):
        np.testing.assert_array_equal(fn(x), np.concatenate([fn(x[n : n + 1]) for n in range(6)]))


def test_edges_turn_with_the_picture():
    x = mnist.unit(mnist.splits().test.images[:20])
    turned = np.rot90(x, axes=(1, 2))
    np.testing.assert_array_equal(edges(turned), np.rot90(edges(x), axes=(1, 2)))


def test_skeleton_of_a_bar_is_a_line():
    x = picture()
    x[0, 2:10, 4:7] = 1
    line = skeletons(x)[0, ..., 0]
    assert set(np.flatnonzero(line.any(axis=0))) == {5} and line.sum() >= 5
    np.testing.assert_array_equal(skeletons(skeletons(x)), skeletons(x))


def test_skeletons_of_digits():
    x = mnist.unit(mnist.splits().test.images[:200])
    thin, ink = skeletons(x), x > 0.5
    assert not np.any((thin > 0) & ~ink), "inside the ink"
    square = thin[:, 1:, 1:] * thin[:, :-1, 1:] * thin[:, 1:, :-1] * thin[:, :-1, :-1]
    assert np.mean(square.any(axis=(1, 2, 3))) < 0.05, "hardly any 2 x 2 block is left"
    every = np.ones((3, 3))
    for before, after in zip(ink[..., 0], thin[..., 0]):
        assert ndimage.label(before, every)[1] == ndimage.label(after, every)[1], "as many pieces"
        assert ndimage.label(~before)[1] == ndimage.label(after == 0)[1], "as many holes"


@pytest.mark.parametrize("fn", [edges, skeletons])
def test_bad_input(fn):
    for images, message in [(picture()[..., 0], "images must have shape"), (picture() + 2, "images must be in")]:
        with pytest.raises(ValueError, match=message):
            fn(images)
    with pytest.raises(ValueError, match="threshold"):
        fn(picture(), threshold=0)
