"""A whole GAN: its steps against those of `train` by hand, bit for bit, and what a run that is resumed comes to."""

import numpy as np
import pytest

from minigen.data.batches import batches
from minigen.gan.model import GAN, GANDescent
from minigen.gan.networks import ConvDiscriminator, ConvGenerator, Discriminator, Generator
from minigen.gan.train import goodfellow_step, wgan_gp_step, wgan_step
from minigen.nn import Linear
from minigen.optim import SGD, Adam, RMSProp
from minigen.train import fit

LOSSES = ("nonsaturating", "minimax", "wgan", "wgan-gp")
CRITICS = ("wgan", "wgan-gp")


def players(seed=0):
    rng = np.random.default_rng(seed)
    return Generator(rng, width=8, depth=1), Discriminator(rng, width=8, depth=2)


def whole(seed=0, **options):
    return GAN(*players(seed), **options)


def real(rng, n=6):
    return rng.standard_normal((n, 2), dtype=np.float32) + np.float32(2)


def draw(rng):
    return real(rng)


def table(n=40):
    return real(np.random.default_rng(9), n)


def assert_same(one, two):
    """All arrays of both players, bit for bit."""
    one, two = one.state(), two.state()
    assert one.keys() == two.keys()
    for name, a in one.items():
        np.testing.assert_array_equal(a, two[name], err_msg=name)


# ------------------------------------------------------------------------------------------- the steps

BY_HAND = {  # settings that are not the defaults, and what they mean by hand
    "nonsaturating": ({"k": 2, "smooth": 0.2}, goodfellow_step, {"k": 2, "saturating": False, "smooth": 0.2}),
    "minimax": ({"k": 3, "smooth": 0.1}, goodfellow_step, {"k": 3, "saturating": True, "smooth": 0.1}),
    "wgan": ({"k": 2, "c": 0.03}, wgan_step, {"n_critic": 2, "c": 0.03}),
    "wgan-gp": ({"k": 3, "penalty": 4.0}, wgan_gp_step, {"n_critic": 3, "penalty": 4.0}),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_steps_by_hand(loss):
    """Three steps, each with fresh batches, which come from the same generator as the latents, and before them."""
    settings, by_hand, options = BY_HAND[loss]
    gan, rng = whole(loss=loss, lr=2e-2, d_lr=3e-2, **settings), np.random.default_rng(5)
    found = [gan.step(draw, rng) for _ in range(3)]

    (generator, discriminator), draws = players(), np.random.default_rng(5)
    if loss == "wgan":
        optimizers = RMSProp(generator, 2e-2), RMSProp(discriminator, 3e-2)
    else:
        betas = (0.0, 0.9) if loss == "wgan-gp" else (0.5, 0.999)
        optimizers = Adam(generator, 2e-2, betas=betas), Adam(discriminator, 3e-2, betas=betas)
    for values in found:
        assert values == by_hand(generator, discriminator, *optimizers, lambda n: real(draws, n), 6, draws, **options)
    assert_same(gan.generator, generator)
    assert_same(gan.discriminator, discriminator)
    assert rng.bit_generator.state == draws.bit_generator.state


@pytest.mark.parametrize("loss", LOSSES)
def test_defaults(loss):
    """The optimizers, their rates and the number of updates of the papers; the settings are those of `train`."""
    gan, twin = whole(loss=loss), whole(loss=loss, k=5 if loss in CRITICS else 1)
    rate = {"wgan": 5e-5, "wgan-gp": 1e-4}.get(loss, 2e-4)
    for optimizer, player in ((gan.g_optimizer, gan.generator), (gan.d_optimizer, gan.discriminator)):
        assert type(optimizer) is (RMSProp if loss == "wgan" else Adam) and optimizer.lr == rate
        assert {id(a) for a in optimizer.arrays} == {id(a) for a in player.parameters().values()}
    if loss != "wgan":
        assert gan.g_optimizer.betas == gan.d_optimizer.betas == ((0, 0.9) if loss == "wgan-gp" else (0.5, 0.999))
    assert gan.step(draw, np.random.default_rng(5)) == twin.step(draw, np.random.default_rng(5))
    assert (gan.g_optimizer.steps, gan.d_optimizer.steps) == (1, 5 if loss in CRITICS else 1)

    explicit = {"wgan": {"c": 0.01}, "wgan-gp": {"penalty": 10.0}}.get(loss, {"smooth": 0.0})
    named = whole(loss=loss, **explicit)
    named.step(draw, np.random.default_rng(5))
    assert_same(named, gan)


def test_loss_and_rates():
    """The non-saturating loss unless told otherwise; one rate is that of both players."""
    assert whole().loss_name == "nonsaturating"
    one = whole(lr=0.3)
    assert (one.g_optimizer.lr, one.d_optimizer.lr) == (0.3, 0.3)
    two = whole(d_lr=0.3)
    assert (two.g_optimizer.lr, two.d_optimizer.lr) == (2e-4, 0.3)


def test_another_optimizer_is_used():
    gan = whole()
    gan.g_optimizer, gan.d_optimizer = SGD(gan.generator, 0.0), SGD(gan.discriminator, 1.0)
    gan.step(draw, np.random.default_rng(0))
    twin = whole()
    assert_same(gan.generator, twin.generator)
    assert np.any(gan.discriminator.out.w != twin.discriminator.out.w)


@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: (x,), lambda x: np.asarray(x, np.float64)], ids=["array", "tuple", "float64"]
)
def test_an_iterator_of_batches(wrap):
    """Each update of the discriminator takes the next item, whose size is that of the fakes."""
    x = table(24).reshape(4, 6, 2)
    items = iter([wrap(part) for part in x])
    gan, seen = whole(k=3), []
    sample = gan.generator.sample
    gan.generator.sample = lambda rng, n: seen.append(n) or sample(rng, n)
    gan.step(items, np.random.default_rng(0))
    assert seen == [6, 6, 6]
    np.testing.assert_array_equal(np.squeeze(next(items)), x[3])


def test_sample_is_that_of_the_generator():
    gan = whole()
    found = gan.sample(np.random.default_rng(3), 7)
    np.testing.assert_array_equal(found, gan.generator.sample(np.random.default_rng(3), 7))
    assert found.shape == (7, 2) and found.dtype == np.float32


def test_images():
    """Networks with buffers of their own, the running statistics, which a file holds, too."""
    rng = np.random.default_rng(0)
    gan = GAN(ConvGenerator(rng, dim_z=3, width=4, side=8), ConvDiscriminator(rng, width=4, side=8))
    x = rng.random((10, 8, 8, 1), dtype=np.float32)
    values = gan.descend(batches(x, size=5, rng=rng), rng)(0)
    assert all(np.isfinite(each) for each in values.values())
    assert gan.sample(rng, 3).shape == (3, 8, 8, 1)


# ------------------------------------------------------------------------------------------- a run


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("apart", [False, True], ids=["one generator", "two generators"])
def test_a_run_is_resumed_bit_for_bit(tmp_path, loss, apart):
    """Stopped after four of seven steps, in an epoch of its own batches, and gone on with by other objects."""

    def start(seed):
        gan, rng = whole(seed, loss=loss, lr=1e-2), np.random.default_rng(seed)
        return gan.descend(batches(table(), size=7, rng=np.random.default_rng(seed + 1) if apart else rng), rng)

    straight = start(3)
    expected = fit(straight, 7, state=straight.state, quiet=True)

    first = start(3)

    def until(i):
        if i == 4:
            raise Interrupted
        return first(i)

    options = {"checkpoint": tmp_path / "run.npz", "every": 1, "quiet": True}
    with pytest.raises(Interrupted):
        fit(until, 7, state=first.state, **options)
    second = start(8)
    history = fit(second, 7, state=second.state, resume=True, **options)

    assert_same(second.gan, straight.gan)
    for name in expected:
        np.testing.assert_array_equal(history[name], expected[name])
    np.testing.assert_array_equal(
        second.gan.sample(second.rng, 5), straight.gan.sample(straight.rng, 5)
    )  # their generators stand at the same place
    assert second(7) == straight(7)  # and so do their batches and their optimizers


def test_state_names_all_that_a_step_changes():
    rng, other = np.random.default_rng(0), np.random.default_rng(1)
    gan = whole()
    always = {
        "generator": gan.generator,
        "discriminator": gan.discriminator,
        "g_optimizer": gan.g_optimizer,
        "d_optimizer": gan.d_optimizer,
        "rng": rng,
    }
    assert gan.descend(draw, rng).state == always
    items = batches(table(), size=4, rng=rng)
    assert gan.descend(items, rng).state == always | {"batches": items}
    items = batches(table(), size=4, rng=other)
    assert gan.descend(items, rng).state == always | {"batches": items, "batches.rng": other}
    assert gan.descend(iter([table()]), rng).state == always


def test_a_copy_has_players_and_optimizers_of_its_own():
    gan = whole(lr=1e-2)
    gan.step(draw, np.random.default_rng(0))
    twin, before = gan.copy(), gan.copy()
    values = twin.step(draw, np.random.default_rng(1))
    assert_same(gan, before)
    assert np.any(twin.generator.body.layers[0].w != gan.generator.body.layers[0].w)
    assert gan.step(draw, np.random.default_rng(1)) == values
    assert_same(gan, twin)


def test_a_file_holds_both_players(tmp_path):
    gan, twin = whole(0), whole(1)
    twin.load(gan.save(tmp_path / "gan.npz"))
    assert_same(gan, twin)
    twin.step(draw, np.random.default_rng(0))  # whose optimizers still move its arrays
    with pytest.raises(AssertionError):
        assert_same(gan, twin)


def test_repr_shows_both_players():
    text = repr(whole())
    assert "generator: Generator" in text and "discriminator: Discriminator" in text


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_a_generator_finds_a_normal(loss):
    """From a cloud at the origin to N((2, 2), I), 2.8 away: the mean of 2,000 samples comes within 1.5 of it."""
    rng = np.random.default_rng(0)
    gan = GAN(Generator(rng, width=32, depth=1), Discriminator(rng, width=32, depth=2), loss=loss, lr=3e-3)
    assert np.linalg.norm(gan.sample(rng, 2000).mean(axis=0) - 2) > 2
    step = gan.descend(lambda rng: real(rng, 64), rng)
    for i in range(300):
        step(i)
    assert np.linalg.norm(gan.sample(rng, 2000).mean(axis=0) - 2) < 1.5


# ------------------------------------------------------------------------------------------- bad arguments

RNG = np.random.default_rng(0)
G, D = players()


def nothing(rng):
    return None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GAN(Generator, D), "generator must be an instance of Module, got .*: call it first"),
        (lambda: GAN(Linear(RNG, 2, 2), D), "generator must be an instance with latent and sample, got"),
        (lambda: GAN(G, lambda x: x[:, 0]), "discriminator must be an instance of Module"),
        (lambda: whole(loss="hinge"), "loss must be one of 'nonsaturating', 'minimax', 'wgan', 'wgan-gp', got 'hinge'"),
        (lambda: whole(lr=0.0), "^lr must be a positive number, got 0.0"),
        (lambda: whole(d_lr=-1), "d_lr must be a positive number, got -1"),
        (lambda: whole(k=0), "k must be a whole number of at least 1, got 0"),
        (lambda: whole(smooth=1.0), r"smooth must be a number in \[0, 1\), got 1.0"),
        (lambda: whole(loss="wgan", c=0), "c must be a positive number, got 0"),
        (lambda: whole(loss="wgan-gp", penalty=-1.0), "penalty must be a number in .* got -1.0"),
        (lambda: whole(c=0.1), "c must be None, since loss 'nonsaturating' does not use it, got 0.1"),
        (lambda: whole(loss="wgan", penalty=1.0), "penalty must be None, since loss 'wgan' does not use it, got 1.0"),
        (lambda: whole(loss="wgan-gp", smooth=0.1), "smooth must be None, since loss 'wgan-gp' does not use it"),
        (lambda: whole().step(draw, 0), "rng must be a numpy.random.Generator, .* got 0"),
        (lambda: whole().step(table(), RNG), "batches must be an iterator, .* got ndarray: minigen.data.batches makes"),
        (lambda: whole().step(3, RNG), "batches must be an iterator, or a function of a generator, got int"),
        (lambda: whole().step(iter([]), RNG), "batches must not end before the training does"),
        (lambda: whole(k=2).step(iter([table()]), RNG), "batches must not end before the training does"),
        (lambda: whole().step(iter([(table(), table())]), RNG), "batches must give the real examples alone, got .* 2"),
        (lambda: whole().step(nothing, RNG), "a batch must be an array of real numbers"),
        (lambda: whole().step(iter([table() * np.nan]), RNG), "a batch must be finite, got 80 non-finite values"),
        (lambda: whole().step(iter([table()[:, 0]]), RNG), r"a batch must have shape \(N, \.\.\., D\), got \(40,\)"),
        (lambda: whole(k=2).step(iter([table(4), table(5)]), RNG), r"must have shape \(4, \.\.\., D\), got \(5, 2\)"),
        (lambda: whole().descend(table(), RNG), "batches must be an iterator, .* minigen.data.batches makes"),
        (lambda: whole().descend(draw, 1), "rng must be a numpy.random.Generator, .* got 1"),
        (lambda: GANDescent(G, draw, RNG), "gan must be an instance of GAN"),
        (lambda: whole().sample(RNG, 0), "n must be a whole number of at least 1, got 0"),
        (lambda: whole().sample(5, 3), "rng must be a numpy.random.Generator, .* got 5"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
