"""A controlled block: the identity of the frozen one at first, one gradient at first, and then a formula."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.diffusion.networks.controlnet import ControlledBlock, ControlNet, controlled, conv1x1_gradients
from minigen.diffusion.networks.unet import UNet
from minigen.nn import Conv2d, Module, space_to_depth
from minigen.optim import Adam
from minigen.tensor import grad, mse, relu, silu, value_and_grad


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
    block, net = ControlledBlock(rng, Block(rng, 3), 3), ControlNet(rng, UNet(rng, width=8))
    for conv, channels in (
        (block.zero_in, 3),
        (block.zero_out, 3),
        (net.zero_in, 8),
        (net.zero_skip, 8),
        (net.zero_low, 16),
    ):
        assert conv.w.shape == (1, 1, channels, channels) and conv.b.shape == (channels,)
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


def test_dtypes(rng):
    x, c = inputs(rng)
    block = shaken(ControlledBlock(rng, Block(rng, 3), 3), rng)
    assert block(x, c).dtype == np.float32
    assert block(x.astype(float), c.astype(float)).dtype == np.float64
    assert block.map(lambda a: a.astype(float))(x, c).dtype == np.float32
    net = ControlNet(rng, UNet(rng, width=8, size=(8, 8))).map(lambda a: a.astype(float))
    picture = rng.standard_normal((2, 8, 8, 1), dtype=np.float32)
    assert net(picture, np.array([1, 2]), None, picture).dtype == np.float32


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


# ------------------------------------------------------------------------------------------- the two formulas


def test_controlled_by_numbers():
    """2·3 + 5·((3 + 7·0.5)²) = 217.25."""
    y = controlled(lambda x: 2 * x, lambda x: x**2, lambda c: 7 * c, lambda h: 5 * h, np.array([3.0]), np.array([0.5]))
    assert y.item() == pytest.approx(217.25)


def test_gradients_of_a_1x1_convolution(rng):
    """Against autograd, through the product; and at w = 0, where only w and b learn."""
    x, w, b, target = (rng.standard_normal(s) for s in [(2, 3, 4, 5), (5, 6), (6,), (2, 3, 4, 6)])
    for w in (w, np.zeros_like(w)):  # noqa: B020
        dw, db, dx = grad(lambda p: mse(anp.matmul(p[2], p[0]) + p[1], target))((w, b, x))
        g = 2 * (x @ w + b - target) / target.size
        for mine, want in zip(conv1x1_gradients(x, w, g), (dw, db, dx)):
            np.testing.assert_allclose(mine, want, rtol=1e-10, atol=1e-14)
    assert not dx.any() and dw.any()
    with pytest.raises(ValueError, match=r"g must have shape"):
        conv1x1_gradients(x, w, g[:1])


# ------------------------------------------------------------------------------------------- around a U-Net


@pytest.fixture
def unet(rng):
    net = UNet(rng, width=8, global_mlp=16, size=(8, 8), classes=3)
    return shaken(net, rng)


def digits(rng):
    x, c = rng.standard_normal((2, 4, 8, 8, 1)).astype(np.float32)
    return x, np.array([1, 5, 9, 3]), np.array([0, -1, 2, 1]), c


def test_at_first_a_controlled_network_is_the_network(rng, unet):
    x, t, y, c = digits(rng)
    before = unet(x, t, y)
    net = ControlNet(rng, unet)
    for control in (None, c, 100 * c):
        np.testing.assert_array_equal(net(x, t, y, control), before)
    np.testing.assert_array_equal(net(x, t, c=c), unet(x, t))
    assert net.frozen is unet


def test_only_the_two_last_zero_convolutions_learn_at_first(rng, unet):
    x, t, y, c = digits(rng)
    net = ControlNet(rng, unet)
    target = rng.standard_normal(x.shape).astype(np.float32)

    def moved(a):
        return {name.split(".")[0] for name, g in a.parameters().items() if np.any(g)}

    gradient = grad(lambda net: mse(net(x, t, y, c), target))
    assert moved(gradient(net)) == {"zero_skip", "zero_low"}
    before = {name: a.copy() for name, a in unet.state().items()}
    optimizer = Adam(net, 1e-2)
    for _ in range(3):
        optimizer.step(gradient(net))
    assert moved(gradient(net)) == {"zero_skip", "zero_low", "zero_in", "hint", "trained"}
    for name, a in unet.state().items():
        np.testing.assert_array_equal(a, before[name])  # the frozen network: bit for bit
    assert np.any(net(x, t, y, c) != net(x, t, y))


def test_where_the_control_enters(rng, unet):
    """With only zero_skip turned on, what is added to the skip is what the copy computes of x, and of c by its hint."""
    x, t, y, c = digits(rng)
    net = ControlNet(rng, unet)
    net.zero_in.w[0, 0] = np.eye(8, dtype=np.float32)
    net.zero_skip.w[0, 0] = 2 * np.eye(8, dtype=np.float32)
    condition = unet.condition(t, y, 4)
    hint = silu(net.hint(space_to_depth(c)))
    _, more = unet.encode(x, condition, hint)
    h, skip = unet.encode(x, condition)
    np.testing.assert_allclose(net(x, t, y, c), unet.decode(h, skip + 2 * more, condition), rtol=1e-5, atol=1e-6)


def test_bad_input(rng, unet):
    x, t, y, c = digits(rng)
    with pytest.raises(ValueError, match="unet"):
        ControlNet(rng, Block(rng, 3))
    with pytest.raises(ValueError, match="c must have shape"):
        ControlNet(rng, unet)(x, t, y, c[:, :4])
