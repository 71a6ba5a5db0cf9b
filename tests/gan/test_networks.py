"""The networks: shapes, what they are made of, and gradients against finite differences in float64."""

import autograd.numpy as anp
import numpy as np
import pytest
from scipy.stats import kstest

from minigen.gan.networks import ConvDiscriminator, ConvGenerator, Discriminator, Generator, block_shape
from minigen.nn import Conv2d, ConvTranspose2d
from minigen.tensor import grad, leaves, tree_map, value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def in_float64(module):
    return tree_map(lambda p: p.astype(float), module)


def check_directions(fn, model, rng, directions=4, h=1e-6, rtol=1e-5):
    """The gradient of fn(model) along random directions in the space of all weights, and array by array.

    With many kinked units h must be small: within 1e-6 one of some thousand is likely to pass its kink.
    """
    grads = value_and_grad(fn)(model)[1]
    names = list(model.parameters())
    for chosen in [*([name] for name in names), *([names] * directions)]:
        step = {name: rng.standard_normal(model.parameters()[name].shape) for name in chosen}
        slope = sum(np.sum(step[name] * grads.parameters()[name]) for name in chosen)
        values = []
        for sign in (1, -1):
            moved = model.copy()
            for name in chosen:
                moved.parameters()[name][...] += sign * h * step[name]
            values.append(fn(moved))
        np.testing.assert_allclose((values[0] - values[1]) / (2 * h), slope, rtol=rtol, atol=1e-8, err_msg=str(chosen))


# --------------------------------------------------------------------- in the plane


@pytest.mark.parametrize("dim_z, dim_x, width, depth", [(2, 2, 16, 3), (5, 3, 8, 1), (1, 2, 4, 2)])
def test_sizes(rng, dim_z, dim_x, width, depth):
    generator = Generator(rng, dim_z, dim_x, width, depth)
    z = generator.latent(rng, 7)
    assert z.shape == (7, dim_z) and z.dtype == np.float32
    assert generator(z).shape == generator.sample(rng, 7).shape == (7, dim_x)
    assert generator(z).dtype == generator.sample(rng, 7).dtype == np.float32
    hidden = (depth - 1) * (width + 1) * width
    assert generator.num_parameters() == (dim_z + 1) * width + hidden + (width + 1) * dim_x

    discriminator = Discriminator(rng, dim_x, width, depth)
    x = rng.standard_normal((7, dim_x), dtype=np.float32)
    assert discriminator(x).shape == (7,) and discriminator(x).dtype == np.float32
    assert discriminator.features(x).shape == (7, width)
    assert discriminator.num_parameters() == (dim_x + 1) * width + hidden + (width + 1)


def test_networks_by_hand(rng):
    """The same numbers from the weights, layer by layer: hidden units have an activation, the output has none."""
    generator = in_float64(Generator(rng, 2, 2, 4, 2, activation="tanh"))
    z = rng.standard_normal((5, 2))
    (w0, b0), (w1, b1), (w2, b2) = ((layer.w, layer.b) for layer in generator.body.layers)
    np.testing.assert_allclose(generator(z), np.tanh(np.tanh(z @ w0 + b0) @ w1 + b1) @ w2 + b2, rtol=1e-12)

    discriminator = in_float64(Discriminator(rng, 2, 4, 2))

    def leaky(a):
        return np.where(a > 0, a, 0.2 * a)

    (w0, b0), (w1, b1) = ((layer.w, layer.b) for layer in discriminator.body)
    features = leaky(leaky(z @ w0 + b0) @ w1 + b1)
    np.testing.assert_allclose(discriminator.features(z), features, rtol=1e-12)
    np.testing.assert_allclose(
        discriminator(z), features @ discriminator.out.w[:, 0] + discriminator.out.b[0], rtol=1e-12
    )


def test_a_sample_is_the_generator_of_its_latents(rng):
    generator = Generator(rng)
    z = generator.latent(np.random.default_rng(3), 6)
    np.testing.assert_array_equal(generator.sample(np.random.default_rng(3), 6), generator(z))
    many = generator.latent(rng, 20_000)
    assert kstest(many.ravel(), "norm").pvalue > 1e-6
    assert np.all(np.abs(np.corrcoef(many.T) - np.eye(generator.dim_z)) < 5 / np.sqrt(20_000))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_generator_starts_wide(rng, activation):
    """Weights have the variance that keeps the spread of z, so samples spread like z to a factor of a few at any
    depth."""
    for depth in (1, 3, 6):
        generator = Generator(rng, 2, 2, 256, depth, activation)
        weights = [layer.w for layer in generator.body.layers]
        for w in weights[1:]:
            np.testing.assert_allclose(w.var(), (2 if activation == "relu" else 1) / len(w), rtol=0.15)
        assert 0.15 < generator.sample(rng, 5000).std() < 3


@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu"])
def test_gradients_through_both_networks(rng, activation):
    generator = in_float64(Generator(rng, 2, 2, 6, 2, activation))
    discriminator = in_float64(Discriminator(rng, 2, 6, 2, activation))
    z, x = rng.standard_normal((2, 5, 2))
    check_directions(lambda g: anp.mean(discriminator(g(z)) ** 2), generator, rng)
    check_directions(lambda d: anp.mean(d(x) ** 2), discriminator, rng)


def test_the_same_seed_gives_the_same_network():
    for make in (Generator, Discriminator, ConvGenerator, ConvDiscriminator):
        one, two, other = (make(np.random.default_rng(seed)) for seed in (0, 0, 1))
        for name, p in one.parameters().items():
            np.testing.assert_array_equal(p, two.parameters()[name])
        assert any(np.any(p != other.parameters()[name]) for name, p in one.parameters().items())
        assert {p.dtype for p in one.parameters().values()} == {np.dtype(np.float32)}


# --------------------------------------------------------------------- images


@pytest.mark.parametrize(
    "channels, side, hidden", [(1, 28, None), (3, 28, None), (3, 16, None), (1, 4, None), (3, 16, 24)]
)
def test_image_sizes(rng, channels, side, hidden):
    generator = ConvGenerator(rng, dim_z=10, width=8, channels=channels, side=side, hidden=hidden)
    images = generator.sample(rng, 4)
    assert images.shape == (4, side, side, channels) and images.dtype == np.float32
    assert 0 < images.min() < images.max() < 1
    for batch_norm in (True, False):
        discriminator = ConvDiscriminator(rng, 8, channels, batch_norm, side, hidden)
        assert discriminator(images).shape == (4,) and discriminator(images).dtype == np.float32
        assert discriminator.features(images).shape == (4, hidden or (side // 4) ** 2 * 16)


def test_only_a_hidden_layer_sees_the_whole(rng):
    """Without it, what two far corners say is added up: changing both changes the score by the sum of the changes."""
    x = rng.random((1, 28, 28, 1))
    left, right = x.copy(), x.copy()
    left[:, :8, :8], right[:, -8:, -8:] = 1 - x[:, :8, :8], 1 - x[:, -8:, -8:]
    both = np.where(left != x, left, right)
    for hidden in (None, 16):
        d = in_float64(ConvDiscriminator(rng, width=4, batch_norm=False, hidden=hidden))
        together = d(both) - d(left) - d(right) + d(x)
        assert (abs(together[0]) > 1e-6) == (hidden is not None)


def test_block_shapes(rng):
    """The formulas against the live layers, for every small kernel, stride and padding that leaves something."""
    assert block_shape((8, 7, 7, 64), 32, 4, 2, 1, transposed=True) == (8, 14, 14, 32)
    assert block_shape((8, 28, 28, 1), 32, 4, 2, 1) == (8, 14, 14, 32)
    x, seen = rng.standard_normal((2, 5, 6, 1), dtype=np.float32), 0
    for kernel in range(1, 5):
        for stride in range(1, 4):
            for padding in range(3):
                for transposed, layer in [(False, Conv2d), (True, ConvTranspose2d)]:
                    try:
                        shape = block_shape(x.shape, 3, kernel, stride, padding, transposed)
                    except ValueError as error:
                        assert "nothing is left" in str(error)
                        continue
                    assert layer(rng, 1, 3, kernel, stride, padding)(x).shape == shape
                    seen += 1
    assert seen > 60


@pytest.mark.parametrize(
    "args, says",
    [
        (((8, 7, 7), 3, 4, 2, 1), "shape must be"),
        (((8, 7, 0, 1), 3, 4, 2, 1), "shape must be a whole number of at least 1, got 0"),
        (((8, 7, 7, 1), 0, 4, 2, 1), "channels must be"),
        (((8, 7, 7, 1), 3, 4, 0, 1), "stride must be"),
        (((8, 7, 7, 1), 3, 4, 2, -1), "padding must be"),
        (((8, 2, 7, 1), 3, 4, 2, 0), "nothing is left"),
        (((8, 1, 1, 1), 3, 2, 2, 1, True), "nothing is left"),
    ],
)
def test_impossible_blocks(args, says):
    with pytest.raises(ValueError, match=says):
        block_shape(*args)


@pytest.mark.parametrize("make", [ConvGenerator, ConvDiscriminator])
def test_sides_that_cannot_be_halved_twice(rng, make):
    with pytest.raises(ValueError, match="side must be a multiple of 4, got 18"):
        make(rng, side=18)


def test_without_batch_norm_examples_do_not_mix(rng):
    x = rng.random((4, 28, 28, 1))
    for batch_norm in (True, False):
        discriminator = in_float64(ConvDiscriminator(rng, width=4, batch_norm=batch_norm))
        first = grad(lambda x: discriminator(x)[0])(x)
        assert np.any(first[0]) and np.any(first[1:]) == batch_norm
    generator = in_float64(ConvGenerator(rng, dim_z=5, width=4))
    z = rng.standard_normal((4, 5))

    def mixing():
        return np.any(grad(lambda z: anp.sum(generator(z)[0] ** 2))(z)[1:])

    assert mixing()
    generator.eval()  # running statistics: an image depends on its own z only
    assert not mixing()


def test_image_gradients(rng):
    generator, z = in_float64(ConvGenerator(rng, dim_z=5, width=2)), rng.standard_normal((3, 5))
    discriminator = in_float64(ConvDiscriminator(rng, width=2))
    x = rng.random((3, 28, 28, 1))
    check_directions(lambda d: anp.mean(d(x) ** 2), discriminator, rng, h=1e-8, rtol=1e-4)
    check_directions(lambda g: anp.mean(discriminator(g(z)) ** 2), generator, rng, h=1e-8, rtol=1e-4)


def test_image_gradients_with_a_hidden_layer(rng):
    generator, z = in_float64(ConvGenerator(rng, dim_z=5, width=2, hidden=6)), rng.standard_normal((3, 5))
    discriminator = in_float64(ConvDiscriminator(rng, width=2, hidden=6))
    x = rng.random((3, 28, 28, 1))
    check_directions(lambda d: anp.mean(d(x) ** 2), discriminator, rng, h=1e-8, rtol=1e-4)
    check_directions(lambda g: anp.mean(x * g(z) ** 2), generator, rng, h=1e-8, rtol=1e-4)


def test_image_gradients_stay_in_float32(rng):
    generator, discriminator = ConvGenerator(rng, dim_z=5, width=4), ConvDiscriminator(rng, width=4)
    z = generator.latent(rng, 3)
    for grads in (
        value_and_grad(lambda g: anp.mean(discriminator(g(z))))(generator)[1],
        value_and_grad(lambda d: anp.mean(d(generator(z))))(discriminator)[1],
    ):
        assert {g.dtype for g in leaves(grads)} == {np.dtype(np.float32)}
