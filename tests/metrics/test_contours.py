"""The agreement of lines, counted by hand."""

import numpy as np
import pytest

from minigen.metrics.contours import contour_f1


def line(column, rows=slice(None), side=8):
    x = np.zeros((side, side, 1))
    x[rows, column] = 1
    return x


def test_by_hand():
    wanted = np.stack([line(3)] * 5)
    found = np.stack([line(3), line(4), line(6), line(3, slice(0, 4)), line(3) * 0])
    f1 = contour_f1(found, wanted)
    # half the line, found exactly: all of it is near; of the wanted line the half and one pixel more, 5 of 8
    np.testing.assert_allclose(f1, [1, 1, 0, 2 * (5 / 8) / (1 + 5 / 8), 0])
    np.testing.assert_allclose(contour_f1(found, wanted, tolerance=0), [1, 0, 0, 2 * 0.5 / 1.5, 0])
    np.testing.assert_allclose(contour_f1(wanted, found), f1)


def test_one_picture_does_not_reach_into_the_next():
    found, wanted = np.stack([line(2), line(2) * 0]), np.stack([line(2) * 0, line(2)])
    np.testing.assert_array_equal(contour_f1(found, wanted, tolerance=3), [0, 0])


def test_bad_input():
    x = line(2)[None]
    with pytest.raises(ValueError, match="shape"):
        contour_f1(x, x[:, :4])
    with pytest.raises(ValueError, match="tolerance"):
        contour_f1(x, x, tolerance=-1)
