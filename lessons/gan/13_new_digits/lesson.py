# %% [markdown]
# # New digits, new monsters
#
# The section *Example: Create New Pokemons!* (gan.s17) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/), run. To take away:
#
# 1. A GAN for pictures is the game of `gan/02` with other networks: convolutions that double the
#    side, and batch norm.
# 2. Such networks can play as a GAN, with clipped weights, or with a gradient penalty, and each
#    game has needs of its own. A judge that has seen none of them can compare what they draw;
#    their losses cannot.
# 3. Nine hundred little pictures are enough to learn how monsters are drawn.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/13_new_digits",
    title="New digits, new monsters",
    post="gan",
    sections=["gan.s17"],
    figures=["gan.f10"],
    equations=["gan.03", "gan.19"],
    pretrained=["digit_classifier"],
    minutes=3.5,
    sources=[
        "weng2017gan",
        "radford2015dcgan",
        "white2016sampling",
        "arjovsky2017wgan",
        "gulrajani2017penalty",
    ],
)

# %%
from types import SimpleNamespace

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, sprites
from minigen.gan.interpolation import interpolate_linear, interpolate_spherical
from minigen.gan.networks import ConvDiscriminator, ConvGenerator, block_shape
from minigen.gan.train import goodfellow_step, wgan_gp_step, wgan_step
from minigen.metrics.digits import class_gaussian_digits, judge_digits
from minigen.nn import BatchNorm
from minigen.optim import EMA, Adam, RMSProp, cosine
from minigen.tensor import batched, conv_transpose2d

# %% [markdown]
# ## 1. From a vector to a picture
#
# The post ends with a GAN trained on some 900 sprites of Pokémon. We draw digits first, which a
# judge can read, then monsters.
#
# A generator must turn a vector into a picture: make much out of little. A *transposed convolution*
# does it by stamping. Take a row of two pixels, $(1, 2)$, and the kernel $(1, 2, 3, 4)$. Each pixel
# stamps the kernel, times its own value; the second stamp begins two places further; where stamps
# overlap they add up; and one place is cut off at either end:
#
# | stamp | | | | | | |
# |---|---|---|---|---|---|---|
# | of 1 | 1 | 2 | 3 | 4 | | |
# | of 2 | | | 2 | 4 | 6 | 8 |
# | sum | ~~1~~ | **2** | **5** | **8** | **6** | ~~8~~ |
#
# Two pixels have become four.

# %%
lesson.predict(
    "What does the row (2, 1) become?",
    ["(2, 4, 7, 10)", "(6, 8, 5, 2)", "(4, 7, 10, 3)"],
)

# %%
kernel = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1)


def stamp(row):
    picture = np.reshape(np.array(row), (1, 1, -1, 1))
    return conv_transpose2d(picture, kernel, stride=(1, 2), padding=(0, 1)).ravel()


stamped = [stamp([1.0, 2.0]), stamp([2.0, 1.0])]

# %%
lesson.check("(1, 2) and (2, 1) become", stamped, equals=[[2, 5, 8, 6], [4, 7, 10, 3]])
lesson.outcome(
    "The stamps are (2, 4, 6, 8) and, two places on, (1, 2, 3, 4): they meet in 6 + 1 and 8 + 2.",
    answer="(4, 7, 10, 3)",
)

# %% [markdown]
# How wide does a row of seven become? The rule for whole pictures, and for the way back, is an
# exercise:

# %%
lesson.exercise("gan/13/block_shape")

# %%
lesson.show_source(block_shape)
small = (64, 7, 7, 32)
block = {"kernel": 4, "stride": 2, "padding": 1, "transposed": True}
first = block_shape(small, 16, **block)
second = block_shape(first, 1, **block)
header = ["batch", "height", "width", "channels"]
lesson.table([small, first, second], header, "twice the side each time")

# %%
lesson.change(
    "a kernel of 5",
    'Change `"kernel": 4` to `"kernel": 5` and run again. What sides do the images have after the '
    "two blocks?",
    answer="15 after the first block, and 31 after the second: $(7 - 1) \\cdot 2 + 5 - 2 = 15$. "
    "With stride 2 and padding 1 only the kernel 4 doubles the side, so that 7 becomes 14 and 28.",
)

# %% [markdown]
# The other half of the recipe of Radford et al. (2015), "DCGAN", is **batch norm**: every channel
# is shifted and scaled so that over the *batch* it has mean 0 and spread 1. By hand: the mean of
# 1, 3, 5 is 3, their spread $\sqrt{8/3}$, so 5 becomes $2 / 1.63 = 1.22$.

# %%
three = np.array([[1.0], [3.0], [5.0]])
normed = BatchNorm(1)(three)[:, 0]
lesson.check("three numbers, by batch norm", normed, equals=[-1.2247, 0, 1.2247], atol=1e-3)

# %% [markdown]
# Signals stay alive that way, but the pictures of a batch are tied together. Both networks, from
# the live objects:

# %%
cfg = lesson.configure(
    dim_z=32,
    width=16,
    hidden=(256, 128),
    batch=64,
    lr=1e-3,
    dcgan_width=24,
    dcgan_lr=5e-4,
    ema=0.995,
)


# %%
def networks(rng, whole=True, batch_norm=False, channels=1, side=28, width=cfg.width):
    """G and D; with `whole` each has a layer between z, or the answer, and the pictures of 7x7."""
    width = 4 if lesson.quick else width
    g_hidden, d_hidden = cfg.hidden if whole else (None, None)
    G = ConvGenerator(rng, cfg.dim_z, width, channels, side, hidden=g_hidden)
    D = ConvDiscriminator(rng, width, channels, batch_norm, side, hidden=d_hidden)
    return G, D


# %%
G, D = networks(lesson.rng("shown"))
fig, (left, right) = plot.figure(1, 2, size=(4.6, 4.8))
plot.schematic(G, ax=left, title="generator: z to picture")
plot.schematic(D, ax=right, title="discriminator: picture to score")
lesson.figure(
    fig,
    "networks",
    "Left: z, a plan of the whole, many channels of 7x7 pixels, twice the side, twice the side."
    " Right: the same way back. The DCGAN below lacks `plan` and `whole`, and its D has batch"
    " norm.",
)
lesson.show_source(ConvGenerator, ConvDiscriminator)

# %% [markdown]
# DCGAN, as published, has no such layer as `whole`. Without it each unit of $D$ sees 10x10 pixels,
# and $D$ *adds up* what its units say. Change the upper left corner of a picture, then the lower
# right one, then both.

# %%
lesson.predict(
    "What will the score say of both corners, beyond the sum of what it says of each?",
    ["nothing, without `whole`", "nothing, with and without it", "something, with and without it"],
)

# %%
x = lesson.rng("corners").random((1, 28, 28, 1), dtype=np.float32)
upper_left = x.copy()
upper_left[:, :8, :8] = 1
lower_right = x.copy()
lower_right[:, -8:, -8:] = 1
both = upper_left.copy()
both[:, -8:, -8:] = 1


def beyond_the_sum(D):
    """What the score says of both corners beyond the sum of what it says of each."""
    return abs(D(both) - D(upper_left) - D(lower_right) + D(x))[0]


# %%
_, plain = networks(lesson.rng("corners"), whole=False)
_, with_whole = networks(lesson.rng("corners"), whole=True)
without, beyond = beyond_the_sum(plain), beyond_the_sum(with_whole)
lesson.table([[without, beyond]], ["beyond the sum: without `whole`", "with it"])

# %%
lesson.check("beyond the sum, without", without, between=(0, 1e-6))
lesson.check("beyond the sum, with `whole`", beyond, between=(1e-5, 1))
lesson.outcome(
    "Without `whole`, up to rounding, nothing: such a D cannot notice that two corners do not go "
    "together.",
    answer="nothing, without `whole`",
)

# %% [markdown]
# ## 2. Three games
#
# The steps are those of `gan/02` and `gan/12`: Goodfellow's (Eq. gan.03), the Wasserstein one with
# clipping, and the one with a gradient penalty (Eq. gan.19). New is only what stands around them:
# the learning rates fall to zero, a moving average of $G$ (EMA) is kept, and at the end its batch
# norms get statistics of their own: nobody has ever run the averaged weights.
#
# The critic that pays a penalty has no batch norm: the penalty asks for the slope *at one picture*,
# and may not depend on the others. The clipped critic keeps the batch norm of the DCGAN, as in the
# paper.


# %%
def settled(model):
    """A copy of a generator with batch statistics of its own, ready to be used on one latent at a
    time."""
    model = model.copy().train()
    rng = lesson.rng("statistics")
    for _ in range(lesson.size(50, quick=5)):
        model.sample(rng, 100)  # each pass moves the running averages by a tenth
    return model.eval()


# %%
def new_game(label, optimizers, images, batch=cfg.batch, **nets):
    """Two networks, their optimizers, the moving average of G, and the pictures in batches."""
    rng = lesson.rng(label)
    G, D = networks(rng, **nets)
    g_optimizer, d_optimizer = optimizers(G, D)
    return SimpleNamespace(
        G=G,
        D=D,
        g_optimizer=g_optimizer,
        d_optimizer=d_optimizer,
        average=EMA(G, cfg.ema),
        rng=rng,
        batches=mnist.batches(images, size=batch, rng=rng),
    )


# %%
def turns(game, move, steps, batch=cfg.batch, unit=mnist.unit):
    fall = cosine(1.0, steps)
    g_lr = game.g_optimizer.lr
    d_lr = game.d_optimizer.lr

    def draw(n):
        return unit(next(game.batches)[0])

    def step(i):
        game.g_optimizer.lr = g_lr * fall(i)
        game.d_optimizer.lr = d_lr * fall(i)
        players = game.G, game.D, game.g_optimizer, game.d_optimizer
        values = move(*players, draw, batch, game.rng)
        game.average.update(game.G)
        return values

    return step


# %%
digits = mnist.splits().train.images  # (50000, 28, 28), bytes: a batch becomes numbers when drawn


def play(label, move, steps, optimizers, **nets):
    """A whole game on digits: the moving average of its generator, and its history."""
    game = new_game(label, optimizers, digits, **nets)
    history = lesson.fit(turns(game, move, steps), steps, state=vars(game), label=label)
    return game.average.model, history


# %% [markdown]
# The first game is the one with the penalty, played with Adam.


# %%
def penalty_adam(G, D):
    return Adam(G, cfg.lr, betas=(0.0, 0.9)), Adam(D, cfg.lr, betas=(0.0, 0.9))


def two_critic_steps(*players):
    return wgan_gp_step(*players, n_critic=2)


gp_steps = lesson.steps(1700, quick=2)
penalized, gp_history = play("WGAN-GP", two_critic_steps, gp_steps, penalty_adam)
G_gp = settled(penalized)
lesson.sampler("wgan-gp", G_gp.sample)

# %% [markdown]
# The other two, with the networks of a DCGAN as published. The settings follow the papers, but we
# have minutes, not days: larger steps and fewer of them, and for the WGAN-GP two critic steps a
# turn in place of five.

# %%
published = {"whole": False, "batch_norm": True, "width": cfg.dcgan_width}


def dcgan_adam(G, D):
    return Adam(G, cfg.dcgan_lr, betas=(0.5, 0.99)), Adam(D, cfg.dcgan_lr, betas=(0.5, 0.99))


gan_steps = lesson.steps(1500, quick=2)
dcgan, gan_history = play("DCGAN", goodfellow_step, gan_steps, dcgan_adam, **published)
lesson.sampler("dcgan", settled(dcgan).sample)


# %%
def rmsprop(G, D):
    return RMSProp(G, 5e-4), RMSProp(D, 5e-4)


def clipped_step(*players):
    return wgan_step(*players, n_critic=5, c=0.01)


clip_steps = lesson.steps(450, quick=1)
clipped, clip_history = play("WGAN clipped", clipped_step, clip_steps, rmsprop, **published)
lesson.sampler("wgan", settled(clipped).sample)

# %% [markdown]
# ## 3. The judge
#
# The pretrained classifier of `gan/08` has never been a player in any game and can judge all: which
# digits are there (its answers), and how far are they from real ones (Fréchet distance of its
# features)? Three marks on that scale: real digits, the best that can be; a cheap imitation, a
# Gaussian for each class on the first 40 principal components; and white noise.

# %%
lesson.predict(
    "How many of the three games will be nearer to real digits than the class Gaussians?",
    ["none", "one", "two", "all three"],
)

# %%
classifier = lesson.pretrained("digit_classifier")
n = lesson.size(5000, quick=100)
test = mnist.unit(mnist.splits().test.images)[: lesson.size(10_000, quick=200)]
generators = {"DCGAN": settled(dcgan), "WGAN, clipped": settled(clipped), "WGAN-GP": G_gp}


def draw(model, name):
    """n pictures of a generator, a fifth at a time."""
    rng = lesson.rng(f"judge {name}")
    return np.concatenate([model.sample(rng, n // 5) for _ in range(5)])


# %%
seen = slice(0, lesson.size(50_000, quick=2000))
seen_labels = mnist.splits().train.labels[seen]
seen_digits = mnist.unit(digits[seen])
gaussians, _ = class_gaussian_digits(seen_digits, seen_labels, lesson.rng("gaussian"), n)
shown = {
    "real digits": mnist.unit(mnist.splits().validation.images[:n]),
    "class Gaussians": gaussians,
    "white noise": lesson.rng("white").random((n, 28, 28, 1), dtype=np.float32),
}
for name, model in generators.items():
    shown[name] = draw(model, name)
judged = {name: judge_digits(classifier, images, test) for name, images in shown.items()}


# %%
def report(names):
    rows = []
    for name in names:
        j = judged[name]
        rows.append([name, j.frechet, j.inception, j.precision, j.recall, j.shares.min()])
    header = [f"{n} digits each", "Fréchet", "inception", "precision", "recall", "rarest digit"]
    lesson.table(rows, header)


report(judged)

# %%
imitation = judged["class Gaussians"].frechet
nearer = [name for name in generators if judged[name].frechet < imitation]
rarest = {name: int(judged[name].shares.argmin()) for name in generators}
lesson.outcome(
    f"{', '.join(nearer) or 'None'}. The rarest digit: "
    + ", ".join(f"{digit} ({name})" for name, digit in rarest.items()),
    answer=["none", "one", "two", "all three"][len(nearer)],
)

# %%
first_ones = [shown["real digits"][:12], shown["class Gaussians"][:12]]
first_ones += [shown[name][:24] for name in generators]
names = ["real", "Gaussians", "DCGAN", "", "WGAN", "", "WGAN-GP", ""]
lesson.figure(
    plot.image_grid(np.concatenate(first_ones), 8, 12, row_labels=names),
    "digits",
    "Not chosen: the first ones of each. The Gaussians have the right shapes and smoke for ink."
    " Count, in the rows below, the digits that you would read aloud without a doubt.",
)

# %%
shares = {name: judged[name].shares for name in ["real digits", *generators]}
games = {
    "DCGAN: D's loss": gan_history["discriminator"],
    "WGAN: minus the critic's": -clip_history["critic"],
    "WGAN-GP: minus the critic's": -gp_history["critic"],
}

# %%
fig, (left, right) = plot.figure(1, 2, size=(5.2, 3.2))
plot.bars(shares, list("0123456789"), left, title="which digits", reference={"3 %": 0.03})
left.set_ylabel("share")
plot.curves(games, ax=right, smooth=50, log=True, title="what the games report")
lesson.figure(
    fig,
    "shares",
    "Left: which digits come, by the judge. Right: three scales that have nothing to do with each"
    " other. Which of the games drew the best digits is not to be read there.",
)

# %%
enough = int((judged["WGAN-GP"].shares >= 0.03).sum())
lesson.claim("WGAN-GP: digits with at least 3 % of the samples", enough, at_least=9)
lesson.claim(
    "WGAN-GP: Fréchet distance over that of the class Gaussians",
    judged["WGAN-GP"].frechet / judged["class Gaussians"].frechet,
    at_most=0.4,
    source="worst of four seeds: 0.26",
)

# %% [markdown]
# Look at the strokes of the DCGAN: each is sharp, but do the parts go together, as foretold? The
# clipped game, with the DCGAN's networks, moves $G$ only once for five steps of its critic: few
# steps here.
#
# ## 4. Between two digits
#
# Has $G$ learned digits, or fifty thousand pictures by heart? Walk from one latent to another and
# look at what lies between. But which way? In 32 dimensions nearly all $z \sim N(0, I)$ have about
# the same length, $\sqrt{32} = 5.7$.

# %%
lesson.predict(
    "How long is the vector halfway between two of them, on the straight line?",
    ["about 5.7, as they are", "about 4.0", "about 2.8, half of it"],
)

# %% [markdown]
# The other way goes along the sphere:

# %%
lesson.exercise("gan/13/interpolate_spherical")

# %%
lesson.show_source(interpolate_spherical)
a = np.array([1.0, 0.0])
b = np.array([0.0, 1.0])
middle = np.array([0.5])
both_ways = [interpolate_linear(a, b, middle)[0], interpolate_spherical(a, b, middle)[0]]
lesson.check(
    "halfway from (1, 0) to (0, 1): straight, on the circle",
    both_ways,
    equals=[[0.5, 0.5], [0.5**0.5, 0.5**0.5]],
)

# %%
pairs = G_gp.latent(lesson.rng("pairs"), 2 * n).reshape(n, 2, cfg.dim_z)
halfway = {
    "ends": pairs[:, 0],
    "straight": np.concatenate([interpolate_linear(*ends, middle) for ends in pairs]),
    "on the sphere": np.concatenate([interpolate_spherical(*ends, middle) for ends in pairs]),
}
rows = []
for name, z in halfway.items():
    pictures = batched(G_gp, z, size=n // 5)
    j = judge_digits(classifier, pictures, test)
    rows.append([name, np.linalg.norm(z, axis=1).mean(), pictures.mean(), j.confidence, j.frechet])
lesson.table(rows, ["pictures of z", "length of z", "ink", "judge's confidence", "Fréchet"])
shorter = rows[1][1] / rows[0][1]

# %%
lengths = {5.7: "about 5.7, as they are", 4.0: "about 4.0", 2.8: "about 2.8, half of it"}
lesson.outcome(
    f"{rows[1][1]:.2f}, {shorter:.2f} times as long as the ends.",
    answer=lengths[min(lengths, key=lambda length: abs(length - rows[1][1]))],
)

# %%
t = np.linspace(0, 1, 12, dtype=np.float32)
walks = []
for ends in pairs[:3]:
    walks += [interpolate_linear(*ends, t), interpolate_spherical(*ends, t)]
ax = plot.image_grid(G_gp(np.concatenate(walks)), 6, 12, row_labels=3 * ["straight", "sphere"])
lesson.figure(
    ax,
    "walks",
    "Each row is one walk. The pictures in between are strokes that move, not one picture fading"
    " into another. In the middle the straight ways are a little bolder and more blurred.",
)

# %%
name = "length halfway, straight, over that of the ends: 1/√2 = 0.71"
lesson.check(name, shorter, between=(0.67, 0.75))

# %% [markdown]
# Two random vectors in 32 dimensions are nearly at right angles, so halfway the straight way is at
# $5.7 / \sqrt{2} = 4.0$. There is hardly a $z$ that short, and the judge notices. On the great
# circle (`interpolate_spherical`) the length stays.

# %%
lesson.change(
    "beyond the end",
    "Change `middle = np.array([0.5])` to `middle = np.array([1.5])`, half a step beyond the "
    "second end, and run again. Which of the two ways keeps the length?",
    answer="The one on the circle: it goes on to (-0.7071, 0.7071), which has length 1. The "
    "straight way leads to (-0.5, 1.5), of length 1.58.",
)

# %% [markdown]
# ## 5. Wrong turns
#
# **The best networks with the older loss.** `plan` and `whole` served the WGAN-GP well. Surely they
# help the GAN too? We give them to Goodfellow's game, all else as for the DCGAN.

# %%
lesson.predict(
    "The GAN with `whole`, by its inception score (1: one picture, 10: all digits), will be",
    ["better than the DCGAN", "worse, but above half of its score", "below half of its score"],
)

# %%
few = lesson.steps(400, quick=1)
older, _ = play("GAN with whole", goodfellow_step, few, dcgan_adam, batch_norm=True)
older_digits = draw(settled(older), "stuck")
judged["GAN with whole"] = judge_digits(classifier, older_digits, test)
report(["DCGAN", "WGAN-GP", "GAN with whole"])

# %%
inception = judged["GAN with whole"].inception
share = inception / judged["DCGAN"].inception
worse = "worse, but above half of its score" if share > 0.5 else "below half of its score"
lesson.outcome(
    f"{inception:.2f}, {share:.2f} times the DCGAN's {judged['DCGAN'].inception:.2f}.",
    answer="better than the DCGAN" if share > 1 else worse,
)

# %% [markdown]
# **Batch norm left on.** The DCGAN draws the same twelve latents twice, with batch statistics: once
# among 88 other latents, once among 88 copies of the first one.

# %%
left_on = dcgan.copy().train()
z = G_gp.latent(lesson.rng("left on"), 100)
copies = np.repeat(z[:1], 88, axis=0)
among_others = left_on(np.concatenate([z[:12], z[12:]]))[:12]
among_copies = left_on(np.concatenate([z[:12], copies]))[:12]

# %%
three_rows = np.concatenate([older_digits[:12], among_others, among_copies])
lesson.figure(
    plot.image_grid(three_rows, 3, 12, row_labels=["whole", "others", "copies"]),
    "wrong_turns",
    "Row 1: one picture, whatever z. Rows 2 and 3: twelve latents, in two companies. Compare the"
    " strokes.",
)
lesson.claim("GAN with whole: inception score, from 1, one picture, to 10", inception, at_most=3)

# %% [markdown]
# - *GAN with whole:* mode collapse (`gan/07`). A $D$ that sees the whole soon knows every fake, its
#   answer says little about how to move, and $G$ jumps from one picture to the next. The penalty
#   keeps a critic's slope at 1, so that it can be strong and still lead.
# - *Left on:* a picture depends a little on the other pictures of its batch. Switch to running
#   averages (`eval`) before you draw.
#
# ## 6. Monsters
#
# Now the example of the post, on 900 sprites that a program drew (`minigen.data.sprites`): mirrored
# bodies, an outline, eyes, limbs, in 26 colors. Our best game is the WGAN-GP. We look where the
# post looked, after epochs 7, 21 and 49 (figure f10). Nobody tells $G$ that monsters have two equal
# halves. The post itself used a DCGAN; one plays beside it, for as many steps.

# %%
lesson.predict(
    "After epoch 49, how far will G have found that out by itself? (1: halves as if independent)",
    ["wholly: below 0.1 of the variation is not mirrored", "in part: 0.1 to 0.75", "hardly: more"],
)

# %%
sheet = sprites.load()  # (900, 16, 16, 3), bytes
monsters = sprites.unit(sheet)
epochs = (7, 21, 49)
batch = 20
per_epoch = lesson.steps(len(monsters) // batch, quick=1)
shape = {"channels": 3, "side": 16, "width": 24}
game = new_game("monsters", penalty_adam, sheet, batch, **shape)
look = G_gp.latent(lesson.rng("monsters"), lesson.size(500, quick=40))
pictures = np.zeros((len(epochs), len(look), 16, 16, 3), np.float32)


# %%
def one_critic_step(*players):
    return wgan_gp_step(*players, n_critic=1)


def watch(i, _):
    for k in np.flatnonzero(np.array(epochs) * per_epoch == i + 1):
        pictures[k] = settled(game.average.model)(look)


steps = epochs[-1] * per_epoch
step = turns(game, one_critic_step, steps, batch, sprites.unit)
state = vars(game) | {"pictures": pictures}
lesson.fit(step, steps, state=state, on_step=watch, label="monsters")
lesson.sampler("monsters", settled(game.average.model).sample)

# %%
posts = new_game("monsters, DCGAN", dcgan_adam, sheet, batch, **published | shape)
step = turns(posts, goodfellow_step, steps, batch, sprites.unit)
lesson.fit(step, steps, state=vars(posts), label="monsters, DCGAN")
by_dcgan = settled(posts.average.model)(look)

# %%
rows = np.concatenate([monsters[:24], *pictures[:, :24], by_dcgan[:24]])
names = ["drawn", "", "epoch 7", "", "epoch 21", "", "epoch 49", "", "DCGAN, 49", ""]
lesson.figure(
    plot.image_grid(rows, 10, 12, row_labels=names),
    "f10_monsters",
    "Follow one place through the epochs: the same latent each time. First a shape, then outlines"
    " and one main color; eyes hardly ever, and the two halves agree only in part.",
)

# %% [markdown]
# They look new. Are they? A generator could have learned the 900 by heart. So look up the nearest
# of the 900 for each, and compare the distance with that of *fresh* monsters from the program,
# which are new for certain. And count what was learned: how much the monsters vary, how much of it
# is not mirrored (two independent halves would give 1), how far their colors are from the palette.


# %%
def flat(images):
    return images.reshape(len(images), -1)


def nearest(images):
    """Which of the 900 is nearest, and how far (root mean square over pixels and channels)."""
    own = (flat(images) ** 2).sum(1)[:, None]
    theirs = (flat(monsters) ** 2).sum(1)
    squares = own + theirs - 2 * flat(images) @ flat(monsters).T  # (N, 900)
    closest = np.maximum(squares.min(1), 0)
    return squares.argmin(1), np.sqrt(closest / flat(monsters).shape[1])


# %%
palette = np.float32(sprites.PALETTE / 255)


def measures(images):
    """Variation, what is not mirrored, distance to the palette, distance to the nearest."""
    variance = images.var(axis=0).mean()
    halves = ((images - images[:, :, ::-1]) ** 2).mean() / 2
    to_colors = np.linalg.norm(images[:100].reshape(-1, 1, 3) - palette, axis=2)
    off_palette = to_colors.min(axis=1).mean()
    to_nearest = nearest(images)[1].mean()
    return [float(variance**0.5), float(halves / variance), float(off_palette), float(to_nearest)]


# %%
score = {"fresh": measures(sprites.unit(sprites.draw(lesson.rng("fresh"), len(look))))}
for epoch, images in zip(epochs, pictures):
    score[f"epoch {epoch}"] = measures(images)
score["DCGAN, epoch 49"] = measures(by_dcgan)
rows = [[name, *row] for name, row in score.items()]
header = ["monsters", "variation", "not mirrored", "off the palette", "to the nearest"]
lesson.table(rows, header)
halves = score["epoch 49"][1]
part = "in part: 0.1 to 0.75" if halves <= 0.75 else "hardly: more"
whole = "wholly: below 0.1 of the variation is not mirrored"
lesson.outcome(f"{halves:.2f} of it is not mirrored.", answer=whole if halves < 0.1 else part)

# %%
last = pictures[-1][:12]
relatives = monsters[nearest(last)[0]]
rows = np.concatenate([last, relatives])
lesson.figure(
    plot.image_grid(rows, 2, 12, row_labels=["generated", "nearest"]),
    "nearest",
    "Each monster above its nearest relative among the 900: a similar shape or color, another"
    " monster.",
)

# %%
fresh = score["fresh"]
generated = score["epoch 49"]
variation = generated[0] / fresh[0]
lesson.claim("monsters' variation over that of fresh ones", variation, between=(0.8, 1.2))
lesson.claim("not mirrored, epoch 49", generated[1], at_most=0.75)
away = generated[3] / fresh[3]
lesson.claim("to the nearest of 900: generated over fresh ones", away, between=(0.9, 1.3))
dcgan_variation = score["DCGAN, epoch 49"][0] / fresh[0]
print(f"variation over that of fresh ones: WGAN-GP {variation:.2f}, DCGAN {dcgan_variation:.2f}")

# %% [markdown]
# The post's pictures are from a DCGAN's game. How do its monsters differ, in the last two rows of
# the table and of the figure, from those that the WGAN-GP drew after as many epochs?

# %% [markdown]
# ## 7. Where the post is loose
#
# - It leaves the judgment to the eye, which is kind to a model that repeats itself, and does not
#   see whether it copies.
# - Its figure says "epochs". 49 epochs of 900 pictures are 44,100 pictures, fewer than one epoch of
#   MNIST. What counts are steps.
# - Its formula for the loss of the WGAN draws $z \sim p_r(z)$ in the second mean; it is $p_z$, as
#   in `wgan_step`.
#
# **Left out:** labels (a conditional GAN draws the digit that you ask for), larger pictures, the
# remedies of `gan/09` on them. **Next:** the other three posts: models that have a likelihood, or a
# bound of one, and no opponent.
#
# **Your turn:** `minigen exercise start gan/13`, then `minigen run gan/13 --with
# exercises/gan_13.py`.

# %%
lesson.finish()
