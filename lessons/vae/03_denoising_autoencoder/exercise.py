"""Exercises on the denoising autoencoder: spoiling an input, and the loss that is taken to the
clean one."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

# ------------------------------------------------------------------------------------------- the
# damage

damage = Exercise(
    "vae/03/corrupt",
    target="minigen.vae.autoencoder:corrupt",
    minutes=15,
    prompt="""
    A damaged copy of the array x, of the same shape, drawn with the generator rng.

    kind is "masking": each number becomes 0 with probability level, by a coin of its own;
    "gaussian": normal noise of standard deviation level is added to each number, and the sum is not
    clipped; or "salt_pepper": with probability level a number becomes 0 or 1, either as often as
    the other.

    x itself is the target of the loss: leave it as it is. x may have any shape.
    """,
    hints=[
        "Every number has its own luck: draw as many random numbers as x has entries.",
        (
            "A uniform u is below level with probability level. For salt and pepper: below level/2"
            " one thing, up to level the other."
        ),
        (
            "np.where chooses entry by entry between two arrays and makes a new one; rng.random and"
            " rng.standard_normal take a shape."
        ),
    ],
    imports=["import numpy as np"],
    seconds=5.0,
)


def tenths(values):
    """Shares and spreads of many draws, rounded to tenths: what does not depend on which random
    numbers were drawn."""
    return np.round(10 * np.asarray(values)).astype(int)


@damage.case(
    points=1,
    expect={"masking": [[2.0, 3.0]], "gaussian": [[2.0, 3.0]], "salt_pepper": [[2.0, 3.0]]},
)
def level_zero(impl, rng):
    """Nothing happens."""
    return {
        kind: impl(np.array([[2.0, 3.0]]), rng, kind, 0.0)
        for kind in ("masking", "gaussian", "salt_pepper")
    }


@damage.case(points=1, expect={"masking": [[0.0, 0.0, 0.0]]})
def level_one(impl, rng):
    """Every number is erased."""
    return {"masking": impl(np.array([[2.0, 3.0, -1.0]]), rng, "masking", 1.0)}


@damage.case(
    points=2,
    property="erased: 3 in 10 of each row and of each column; the others are untouched",
    expect={"rows": [3, 3, 3, 3, 3], "columns": [3, 3, 3, 3, 3], "untouched": 0.0},
)
def masking(impl, rng):
    rows, columns = 1.0 + rng.random((5, 5000)), 1.0 + rng.random((5000, 5))
    y, z = impl(rows, rng, "masking", 0.3), impl(columns, rng, "masking", 0.3)
    return {
        "rows": tenths((y == 0).mean(axis=1)),
        "columns": tenths((z == 0).mean(axis=0)),
        "untouched": np.abs((y - rows)[y != 0]).sum(),
    }


@damage.case(
    points=2,
    property=(
        "noise of mean 0 and spread 2, normal (68 % within it), a number at a time, not clipped"
    ),
    expect={"facts": [0, 20, 7, 0]},
)
def gaussian(impl, rng):
    x = rng.random((1000, 200))
    noise = impl(x, rng, "gaussian", 2.0) - x
    repeats = (
        np.mean(noise[:, 0] * noise[:, 1]) + np.mean(noise[0] * noise[1]) / 20
    )  # 0 if entries have noise of their own
    within = np.mean(np.abs(noise) < 2.0)
    return {"facts": tenths([noise.mean(), noise.std(), within, repeats / 20])}


@damage.case(
    points=2,
    property="two in ten become 0, two in ten become 1, the rest stays",
    expect={"shares": [2, 2, 6]},
)
def salt_pepper(impl, rng):
    x = np.full((50, 20, 20, 1), 0.5)
    y = impl(x, rng, "salt_pepper", 0.4)
    return {"shares": tenths([np.mean(y == 0), np.mean(y == 1), np.mean(y == 0.5)])}


@damage.case(
    points=2,
    property="no two calls are alike, and the input is left as it was",
    expect={"masking": 1, "gaussian": 1, "salt_pepper": 1, "kept": 0.0},
)
def fresh(impl, rng):
    x = 0.25 + 0.5 * rng.random((40, 40))
    before = x.copy()
    kinds = ("masking", "gaussian", "salt_pepper")
    differ = {
        kind: int(np.any(impl(x, rng, kind, 0.5) != impl(x, rng, kind, 0.5))) for kind in kinds
    }
    return {**differ, "kept": np.abs(x - before).sum()}


def right(x, rng, kind, level):
    if kind == "gaussian":
        return x + level * rng.standard_normal(x.shape)
    u = rng.random(x.shape)
    return np.where(
        u < level, np.where(u < level / 2, 1.0, 0.0) if kind == "salt_pepper" else 0.0, x
    )


@damage.mistake(hint="The input was changed, and with it the target: work on a copy.")
def in_place(x, rng, kind, level):
    x[...] = right(x, rng, kind, level)
    return x


@damage.mistake(hint="level is the probability of being erased, not of being kept.")
def keeps_the_level(x, rng, kind, level):
    return right(x, rng, kind, 1 - level if kind == "masking" else level)


@damage.mistake(hint="Each number needs a coin of its own: here whole rows live or die together.")
def one_coin_a_row(x, rng, kind, level):
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(rng.random((len(x),) + (1,) * (x.ndim - 1)) < level, 0.0, x)


@damage.mistake(
    hint="Each row needs coins of its own: here the same columns are erased in every row."
)
def one_mask_for_all(x, rng, kind, level):
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(rng.random(x.shape[1:]) < level, 0.0, x)


@damage.mistake(hint="level is the standard deviation of the noise, not its variance.")
def level_as_variance(x, rng, kind, level):
    return (
        x + np.sqrt(level) * rng.standard_normal(x.shape)
        if kind == "gaussian"
        else right(x, rng, kind, level)
    )


@damage.mistake(
    hint="Do not clip: the noise is to be normal at every number, also where x is near 0 or 1."
)
def clipped(x, rng, kind, level):
    y = right(x, rng, kind, level)
    return np.clip(y, x.min() - 0.25 * level, x.max() + 0.25 * level) if kind == "gaussian" else y


@damage.mistake(hint="Normal noise is asked for; this is uniform on [-level, level].")
def uniform_noise(x, rng, kind, level):
    return (
        x + level * (2 * rng.random(x.shape) - 1)
        if kind == "gaussian"
        else right(x, rng, kind, level)
    )


@damage.mistake(hint="The noise is added to x; here it takes its place.")
def noise_alone(x, rng, kind, level):
    return (
        level * rng.standard_normal(x.shape) if kind == "gaussian" else right(x, rng, kind, level)
    )


@damage.mistake(hint="Salt and pepper: level is the share of both together, half of it each.")
def twice_the_salt(x, rng, kind, level):
    return right(x, rng, kind, min(1.0, 2 * level) if kind == "salt_pepper" else level)


@damage.mistake(hint="Salt and pepper come equally often: here nearly all become 0.")
def pepper_only(x, rng, kind, level):
    return right(x, rng, "masking" if kind == "salt_pepper" else kind, level)


@damage.mistake(
    hint=(
        "Draw from the generator that is given: with one of your own the same damage comes again"
        " and again."
    )
)
def own_generator(x, rng, kind, level):
    return right(x, np.random.default_rng(0), kind, level)


@damage.mistake(
    hint=(
        "Erased numbers become 0; the others stay as they are and are not scaled up, as dropout"
        " would."
    )
)
def like_dropout(x, rng, kind, level):
    y = right(x, rng, kind, level)
    return y / (1 - level) if kind == "masking" and level < 1 else y


@damage.variant
def with_a_mask(x, rng, kind, level):
    if kind == "gaussian":
        return rng.normal(x, level)
    y, hit = x.copy(), rng.uniform(size=x.shape) < level
    y[hit] = rng.integers(0, 2, hit.sum()) if kind == "salt_pepper" else 0
    return y


EVEN = "whether a uniform number that equals the level counts does not matter: it never happens"
damage.equivalent("u < level → u <= level", reason=EVEN)
damage.equivalent("u < level → u <= level (2)", reason=EVEN)
damage.equivalent("u < level / 2 → u <= level / 2", reason=EVEN)
damage.equivalent(
    "rng.uniform(size=x.shape) < level → rng.uniform(size=x.shape) <= level", reason=EVEN
)
damage.equivalent(
    "x + x.dtype.type(level) * rng.standard_normal(x.shape, dtype=numpy.float32).astype(x.dtype) → "
    "x - x.dtype.type(level) * rng.standard_normal(x.shape, dtype=numpy.float32).astype(x.dtype)",
    reason="normal noise of mean 0 has no sign",
)

# ------------------------------------------------------------------------------------------- the
# loss

loss = Exercise(
    "vae/03/denoising_loss",
    target="minigen.vae.autoencoder:denoising_loss",
    minutes=5,
    prompt="""
    The loss of a denoising autoencoder: the squared distance between the clean example and what the
    autoencoder makes of the damaged one, summed over the pixels and averaged over the batch. A
    number.

    autoencoder is a function that maps (N, D) -> (N, D). x (N, D) are the clean examples, corrupted
    (N, D) the damaged ones.
    """,
    hints=[
        (
            "Two arrays come in. Which of them may the autoencoder see, and which is it to be"
            " compared with?"
        ),
        "1/N times the sum over i of |x_i - f(g(corrupted_i))|^2.",
        "Call autoencoder(corrupted), subtract it from x, square, sum, and divide by len(x).",
    ],
)


@loss.case(points=1, expect={"loss": 1.0})
def copying(impl, rng):
    """An autoencoder that copies is off by the damage: 1 of (1, 1) was erased."""
    return {"loss": impl(lambda seen: seen, np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]]))}


@loss.case(points=1, expect={"loss": 4.5})
def doubling(impl, rng):
    """(1, 1) against (2, 0) costs 1 + 1; (2, 2 + √3) against (0, 2) costs 4 + 3; their mean is
    4.5."""
    return {
        "loss": impl(
            lambda seen: 2 * seen,
            np.array([[1.0, 1.0], [2.0, 2.0 + 3**0.5]]),
            np.array([[1.0, 0.0], [0.0, 1.0]]),
        )
    }


@loss.case(points=2)
def random_network(impl, rng):
    w, x, seen = rng.standard_normal((4, 4)), rng.random((6, 4)), rng.random((6, 4))
    return {"loss": impl(lambda s: np.tanh(s @ w), x, seen)}


@loss.case(
    points=2, property="a perfect repair costs nothing, whatever was seen", expect={"loss": 0.0}
)
def perfect(impl, rng):
    x, seen = rng.random((2, 5, 3))
    return {"loss": impl(lambda s: x + 0 * s, x, seen)}


@loss.case(points=2)
def gradient(impl, rng):
    """The slope in the weights of a linear autoencoder."""
    w, x, seen = rng.standard_normal((3, 3)), rng.random((5, 3)), rng.random((5, 3))
    return {"grad": grad(lambda w: impl(lambda s: s @ w, x, seen))(w)}


@loss.mistake(hint="The target stays clean: compare with x, not with what was seen.")
def damaged_target(autoencoder, x, corrupted):
    return np.sum((corrupted - autoencoder(corrupted)) ** 2) / len(x)


@loss.mistake(hint="The autoencoder is to see the damaged input: here it sees the clean one.")
def clean_input(autoencoder, x, corrupted):
    return np.sum((x - autoencoder(x)) ** 2) / len(x)


@loss.mistake(hint="The roles are swapped: damaged in, clean as the target.")
def swapped(autoencoder, x, corrupted):
    return np.sum((corrupted - autoencoder(x)) ** 2) / len(x)


@loss.mistake(hint="Sum over the pixels: this mean over all elements is D times smaller.")
def mean_over_pixels(autoencoder, x, corrupted):
    return np.mean((x - autoencoder(corrupted)) ** 2)


@loss.mistake(hint="Average over the batch: divide by the number of examples.")
def sum_over_the_batch(autoencoder, x, corrupted):
    return np.sum((x - autoencoder(corrupted)) ** 2)


@loss.mistake(hint="All pixels count, not only those that were damaged.")
def damaged_pixels_only(autoencoder, x, corrupted):
    return np.sum((x != corrupted) * (x - autoencoder(corrupted)) ** 2) / len(x) + 0.5 * np.sum(
        (x == corrupted) * (x - autoencoder(corrupted)) ** 2
    ) / len(x)


@loss.mistake(
    hint=(
        "The autoencoder rebuilds the example, not the difference between the example and the"
        " damage."
    )
)
def residual_target(autoencoder, x, corrupted):
    return np.sum((x - corrupted - autoencoder(corrupted)) ** 2) / len(x)


@loss.variant
def mean_of_sums(autoencoder, x, corrupted):
    return np.mean(np.sum((autoencoder(corrupted) - x) ** 2, axis=1))


loss.equivalent(
    "reconstruction_loss(x, autoencoder(corrupted)) →"
    " reconstruction_loss(autoencoder(corrupted), x)",
    reason="the square of a difference has no order",
)
