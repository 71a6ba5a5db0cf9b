"""The part of the data that is held out, and whole numbers made continuous."""

import numpy as np
import pytest

from minigen.data import batches, dequantize, folds, split


def test_both_parts_together_are_the_data():
    x = np.arange(20.0).reshape(10, 2)
    train, held_out = split(x, np.random.default_rng(0))
    assert train.shape == (8, 2) and held_out.shape == (2, 2)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held_out]), axis=0), x)
    assert np.all(np.diff(train[:, 0]) > 0) and np.all(np.diff(held_out[:, 0]) > 0)  # the order of the rows is kept


def test_every_row_is_held_out_equally_often():
    x, rng = np.arange(10), np.random.default_rng(1)
    counts = sum(np.bincount(split(x, rng, held_out=0.3)[1], minlength=10) for _ in range(2000))
    assert np.abs(counts - 600).max() < 5 * np.sqrt(2000 * 0.3 * 0.7)


def test_a_seed_gives_the_same_rows():
    x = np.arange(50)
    parts = [split(x, np.random.default_rng(seed))[1] for seed in (3, 3, 4)]
    assert np.array_equal(parts[0], parts[1]) and not np.array_equal(parts[0], parts[2])


def test_arrays_in_a_tuple_are_split_in_step():
    x, y = np.arange(30.0).reshape(10, 3), np.arange(10)
    (a, b), held_out = split((x, y), np.random.default_rng(0), held_out=0.4)
    assert a.shape == (6, 3) and held_out[0].shape == (4, 3)
    np.testing.assert_array_equal(a[:, 0], 3.0 * b)
    np.testing.assert_array_equal(held_out[0][:, 0], 3.0 * held_out[1])
    next(batches(a, b, size=6, rng=np.random.default_rng(0)))


@pytest.mark.parametrize(
    "rows, fraction, expected", [(2, 0.01, 1), (2, 0.99, 1), (10, 0.25, 2), (10, 0.35, 4), (3, 0.2, 1)]
)
def test_the_number_of_rows_is_rounded_and_no_part_is_empty(rows, fraction, expected):
    train, held_out = split(np.arange(rows), np.random.default_rng(0), held_out=fraction)
    assert len(held_out) == expected and len(train) == rows - expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"x": np.zeros((1, 2))}, "x must have at least two rows to be split, got 1"),
        ({"x": [1, 2, 3]}, "x must be an array, or a tuple of arrays"),
        ({"x": (np.zeros(3), np.zeros(4))}, r"with the same number of rows, got shapes \[\(3,\), \(4,\)\]"),
        ({"x": ()}, "x must be an array"),
        ({"held_out": 0}, "held_out must be a fraction between 0 and 1, got 0"),
        ({"held_out": 1.0}, "held_out must be a fraction between 0 and 1, got 1.0"),
        ({"held_out": 200}, r"held_out must be a number in \[0, 1\], got 200"),
        ({"rng": 0}, "rng must be a numpy.random.Generator"),
    ],
)
def test_arguments_of_split_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        split(**{"x": np.zeros((5, 2)), "rng": np.random.default_rng(0), **arguments})


@pytest.mark.parametrize("rows, count", [(10, 5), (11, 4), (2, 2), (7, 7)])
def test_each_row_is_held_out_once(rows, count):
    pairs = folds(rows, np.random.default_rng(0), count)
    assert len(pairs) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([held_out for _, held_out in pairs])), np.arange(rows))
    for training, held_out in pairs:
        assert rows // count <= len(held_out) <= -(-rows // count) and np.all(np.diff(held_out) > 0)
        np.testing.assert_array_equal(training, np.setdiff1d(np.arange(rows), held_out))


def test_a_seed_draws_the_parts():
    parts = [folds(50, np.random.default_rng(seed))[0][1] for seed in (3, 3, 4)]
    assert np.array_equal(parts[0], parts[1]) and not np.array_equal(parts[0], parts[2])


@pytest.mark.parametrize("rows, count", [(1, 2), (4, 5), (4, 1), (4.0, 2)])
def test_parts_that_cannot_be(rows, count):
    with pytest.raises(ValueError, match="rows must|count must"):
        folds(rows, np.random.default_rng(0), count)


COUNTS = np.stack([np.linspace(0, 1, 4000), np.arange(4000) % 7, np.full(4000, -3.0)], axis=1)


def test_whole_numbers_get_uniform_noise_and_floor_takes_it_away():
    x = dequantize(COUNTS, np.random.default_rng(0))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x[:, 0], COUNTS[:, 0].astype(np.float32))
    np.testing.assert_array_equal(np.floor(x[:, 1:]), COUNTS[:, 1:])
    noise = np.sort((x - COUNTS)[:, 1:].ravel())
    assert np.abs(noise - np.linspace(0, 1, noise.size)).max() < 1.95 / np.sqrt(noise.size)  # Kolmogorov, p < 0.001


def test_columns_that_are_chosen_get_noise_and_the_others_do_not():
    x = dequantize(COUNTS.astype(int), np.random.default_rng(0), columns=[1])
    np.testing.assert_array_equal(x[:, [0, 2]], COUNTS.astype(int)[:, [0, 2]])
    assert np.all(x[:, 1] != COUNTS[:, 1]) or np.mean(x[:, 1] == COUNTS[:, 1]) < 0.01


def test_large_whole_numbers_do_not_reach_the_next():
    values = np.float64([[2**23 - 1], [-(2**23) + 1], [2**22 + 1], [12345678 // 2]])
    x = dequantize(np.repeat(values, 500, axis=0), np.random.default_rng(0))
    np.testing.assert_array_equal(np.floor(x), np.repeat(values, 500, axis=0))


def test_times_are_left_as_they_are_unless_they_are_chosen():
    """Seconds since 1970 are as good as continuous."""
    times = 1.7e9 + np.arange(4000.0) * 128
    x = dequantize(np.column_stack([times, COUNTS[:, 1]]), np.random.default_rng(0))
    np.testing.assert_array_equal(x[:, 0], times.astype(np.float32))
    np.testing.assert_array_equal(np.floor(x[:, 1]), COUNTS[:, 1])
    assert np.all(x[:, 1] % 1 != 0) or np.mean(x[:, 1] % 1 == 0) < 0.01


@pytest.mark.parametrize(
    "x, columns, message",
    [
        (np.array([[0.5, 1.0]]), [0, 1], r"columns must hold whole numbers, got \[0\], which do not"),
        (np.array([[0.5, 1.0]]), [2], "columns must"),
        (np.array([[0.5, 1.5]]), None, "x must have a column of whole numbers below 8,388,608 in size, got none"),
        (np.array([[2.0**23]]), [0], "whole numbers must be below 8,388,608 in size, got 8,388,608; larger ones, such"),
        (np.array([[2.0**23]]), None, "x must have a column of whole numbers below 8,388,608 in size, got none"),
        (np.array([[np.nan]]), None, "x must"),
        (np.zeros(3), None, r"x must have shape \(N, D\), got \(3,\)"),
    ],
)
def test_arguments_of_dequantize_that_do_not_fit(x, columns, message):
    with pytest.raises(ValueError, match=message):
        dequantize(x, np.random.default_rng(0), columns)
