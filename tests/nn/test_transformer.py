"""The transformer's block: the identity at first; position by position with a cache it is the whole."""

import numpy as np
import pytest

from minigen.nn import TransformerBlock
from minigen.tensor import jacobian


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def shaken(block, rng, size=0.3):
    """With random weights everywhere: a fresh block is the identity and would hide a leak."""
    for p in block.parameters().values():
        p += size * rng.standard_normal(p.shape).astype(p.dtype)
    return block


def test_a_fresh_block_is_the_identity(rng):
    x = rng.standard_normal((2, 5, 8)).astype(np.float32)
    np.testing.assert_array_equal(TransformerBlock(rng, 8, 2)(x), x)


def test_a_step_with_its_cache_is_the_whole_block(rng):
    block = shaken(TransformerBlock(rng, 8, 2), rng)
    x = rng.standard_normal((3, 5, 8)).astype(np.float32)
    cache = np.full((2, 3, 2, 5, 4), np.nan, np.float32)
    steps = np.stack([block.step(x[:, i], cache, i) for i in range(5)], axis=1)
    np.testing.assert_allclose(steps, block(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_what_a_position_depends_on(rng, causal):
    block = shaken(TransformerBlock(rng, 8, 2), rng)
    x = rng.standard_normal((1, 4, 8)).astype(np.float32)
    J = np.abs(jacobian(lambda x: block(x, causal))(x)).max(axis=(0, 2, 3, 5))  # (L out, L in)
    np.testing.assert_array_equal(J > 1e-6, np.tril(np.ones((4, 4), bool)) if causal else np.ones((4, 4), bool))
