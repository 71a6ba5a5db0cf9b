"""A product in blocks is the product; blocks are used where BLAS multiplies them without packing."""

import importlib

import numpy as np
import pytest

from minigen.tensor.linear import product

products = importlib.import_module("minigen.tensor.linear")  # the package has a function of this name


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("n", [1, 39, 40, 41, 80, 87])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_are_the_whole(monkeypatch, rng, n, dtype):
    monkeypatch.setattr(products, "small", lambda: 40 * 5 * 7)  # blocks of 40 rows
    a, b, out = (
        rng.standard_normal((n, 5)).astype(dtype),
        rng.standard_normal((5, 7)).astype(dtype),
        np.empty((n, 7), dtype),
    )
    assert product(a, b, out) is out
    np.testing.assert_allclose(out, (a[:, :, None] * b).sum(axis=1), atol=30 * np.finfo(dtype).eps)


@pytest.mark.parametrize("layout", ["a", "b", "out"])
def test_arrays_need_not_be_contiguous(monkeypatch, rng, layout):
    monkeypatch.setattr(products, "small", lambda: 40 * 5 * 7)
    arrays = {"a": rng.standard_normal((90, 5)), "b": rng.standard_normal((5, 7)), "out": np.zeros((90, 7))}
    expected = arrays["a"] @ arrays["b"]
    arrays[layout] = np.asfortranarray(arrays[layout])
    np.testing.assert_allclose(product(**arrays), expected, rtol=1e-12)


def test_a_product_is_left_whole_unless_its_blocks_are_many_rows(monkeypatch, rng):
    multiplied = []

    class Recorded(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, out):
            multiplied.append(inputs[0].shape)
            return out[0]

    def shapes(n, small):
        multiplied.clear()
        monkeypatch.setattr(products, "small", lambda: small)
        product(np.zeros((n, 5)).view(Recorded), np.zeros((5, 7)), np.zeros((n, 7)))
        return multiplied[:]

    assert shapes(90, 40 * 5 * 7) == [(2, 40, 5), (10, 5)]
    assert shapes(80, 47 * 5 * 7) == [(2, 40, 5)]  # a multiple of eight
    assert shapes(40, 40 * 5 * 7) == [(40, 5)]  # small as a whole
    assert shapes(90, 23 * 5 * 7) == [(90, 5)]  # blocks of 16 rows
    assert shapes(90, 0) == [(90, 5)]  # kernels that always pack


@pytest.mark.parametrize("kernels, small", [({"SkylakeX"}, 10**6), ({"Haswell"}, 0), ({""}, 0), (set(), 0)])
def test_kernels_without_packing(monkeypatch, kernels, small):
    products.small.cache_clear()
    monkeypatch.setattr(products, "blas_kernels", lambda: kernels)
    try:
        assert products.small() == small
    finally:
        products.small.cache_clear()
