"""A controlled block: the identity of the frozen one at first, one gradient at first, and then a formula."""

import numpy as np
import pytest

from minigen.diffusion.networks.controlnet import ControlledBlock
from minigen.nn import Conv2d, Module
from minigen.optim import Adam
from minigen.tensor import grad, mse, relu, value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class Block(Module):
    """Two convolutions and a ReLU between them, with biases that are not zero."""

    def __init__(self, rng, channels):
        self.conv1, self.conv2 = (Conv2d(rng, channels, channels, 3, padding=1) for _ in range(2))
        for conv in (self.conv1, self.conv2):
            conv.b += rng.standard_normal(channels).astype(np.float32)

    def __call__(self, x):
        return x + self.conv2(relu(self.conv1(x)))


def inputs(rng, channels=3):
    return rng.standard_normal((2, 2, 5, 4, channels)).astype(np.float32)


def shaken(block, rng):
    for a in block.parameters().values():
        a += 0.3 * rng.standard_normal(a.shape).astype(np.float32)
    return block


def test_at_first_it_is_the_block_itself(rng):
    plain, (x, c) = Block(rng, 3), inputs(rng)
    before = plain(x)
    block = ControlledBlock(rng, plain, 3)
    np.testing.assert_array_equal(block(x, c), before)
    np.testing.assert_array_equal(block(x, 1000 * c), before)
    assert block.frozen is plain and block(x, c).dtype == np.float32


def test_zero_convolutions(rng):
    block = ControlledBlock(rng, Block(rng, 3), 3)
    for conv in (block.zero_in, block.zero_out):
        assert conv.w.shape == (1, 1, 3, 3) and conv.b.shape == (3,)
        assert not np.any(conv.w) and not np.any(conv.b)


def test_after_some_training_it_is_the_formula(rng):
    """frozen(x) + zero_out(trained(x + zero_in(c))), the 1×1 convolutions as products of matrices."""
    (x, c), block = inputs(rng), shaken(ControlledBlock(rng, Block(rng, 3), 3), rng)
    inner = block.trained(x + c @ block.zero_in.w[0, 0] + block.zero_in.b)
    want = block.frozen(x) + inner @ block.zero_out.w[0, 0] + block.zero_out.b
    np.testing.assert_allclose(block(x, c), want, rtol=1e-4, atol=1e-5)
    assert np.abs(block(x, c) - block(x, -c)).max() > 0.1


def test_copy_and_frozen_share_nothing(rng):
    plain = Block(rng, 3)
    block = ControlledBlock(rng, plain, 3)
    frozen, trained = block.frozen.state(), block.trained.parameters()
    assert frozen.keys() == trained.keys() and len(frozen) == 4
    for name in frozen:
        np.testing.assert_array_equal(frozen[name], trained[name])
    for a in trained.values():
        a += 1
    for name, a in block.frozen.state().items():
        np.testing.assert_array_equal(a, frozen[name])
    assert not plain.parameters()  # out of training
    names = set(block.parameters())
    assert {name.split(".")[0] for name in names} == {"trained", "zero_in", "zero_out"}


def test_a_block_that_is_frozen_already(rng):
    """As is a whole network that was trained before: the copy can be trained all the same."""
    block = ControlledBlock(rng, Block(rng, 3).freeze(), 3)
    assert len(block.trained.parameters()) == 4 and not block.frozen.parameters()


def test_at_first_only_the_last_zero_convolution_has_a_gradient(rng):
    """It multiplies something that is not zero; all that lies before it is multiplied by zero."""
    (x, c), block = inputs(rng), ControlledBlock(rng, Block(rng, 3), 3)

    def loss(block):
        return mse(block(x, c), np.ones_like(x))

    sizes = {name: np.abs(g).max() for name, g in grad(loss)(block).parameters().items()}
    assert {name for name, size in sizes.items() if size > 0} == {"zero_out.w", "zero_out.b"}
    optimizer = Adam(block, 1e-2)
    for _ in range(2):
        optimizer.step(value_and_grad(loss)(block)[1])
    assert all(np.abs(g).max() > 0 for g in grad(loss)(block).parameters().values())


def test_training_steers_and_leaves_the_frozen_block_alone(rng):
    """The block is to add the condition to its output, which it cannot know without it."""
    (x, c), block = inputs(rng), ControlledBlock(rng, Block(rng, 3), 3)
    before, target, optimizer = block.frozen.state(), block.frozen(x) + c, Adam(block, 2e-2)
    losses = []
    for _ in range(150):
        loss, grads = value_and_grad(lambda block: mse(block(x, c), target))(block)
        optimizer.step(grads)
        losses.append(loss)
    assert losses[0] > 0.5 and losses[-1] < 0.2 * losses[0]
    for name, a in block.frozen.state().items():
        np.testing.assert_array_equal(a, before[name])


def test_dtypes(rng):
    x, c = inputs(rng)
    block = shaken(ControlledBlock(rng, Block(rng, 3), 3), rng)
    assert block(x, c).dtype == np.float32
    assert block(x.astype(float), c.astype(float)).dtype == np.float64
    assert block.map(lambda a: a.astype(float))(x, c).dtype == np.float32


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: ControlledBlock(rng, Block(rng, 3), 0), "channels must be a whole number of at least 1"),
        (lambda rng: ControlledBlock(rng, Block, 3), "block must be an instance of Module"),
        (lambda rng: ControlledBlock(rng, lambda x: x, 3), "block must be an instance of Module"),
        (lambda rng: ControlledBlock(0, Block(rng, 3), 3), "rng must be a numpy.random.Generator"),
        (
            lambda rng: ControlledBlock(rng, Block(rng, 3), 3)(np.ones((1, 5, 4, 2)), np.ones((1, 5, 4, 2))),
            "x must have",
        ),
        (
            lambda rng: ControlledBlock(rng, Block(rng, 3), 3)(np.ones((1, 5, 4, 3)), np.ones((1, 5, 4, 1))),
            "c must have",
        ),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
