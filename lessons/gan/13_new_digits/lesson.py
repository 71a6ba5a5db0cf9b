# %% [markdown]
# # Create new Pokémons: new digits, new monsters
#
# This lesson follows the section "Example: Create New Pokemons!" (gan.s17) of [From GAN to
# WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). The post trains a DCGAN on Pokémon
# sprites. Read `gan/02` and `gan/12` first, and `gan/08` before sections 3 to 5. In this lesson:
#
# 1. A GAN for images is the game of `gan/02` with convolutional networks and batch norm.
# 2. The same data are generated with the loss of a GAN, with clipped weights and with a gradient
#    penalty. A classifier that took part in no training compares the samples.
# 3. A generator is trained on 900 small sprites, and its samples are compared with the nearest
#    training images.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/13_new_digits",
    title="Create new Pokémons: new digits, new monsters",
    post="gan",
    sections=["gan.s17"],
    figures=["gan.f10"],
    equations=["gan.03", "gan.19"],
    pretrained=["digit_classifier"],
    minutes=2.4,
    picture="f10_monsters",
    sources=[
        "weng2017gan",
        "radford2015dcgan",
        "white2016sampling",
        "arjovsky2017wgan",
        "gulrajani2017penalty",
        "heusel2017ttur",
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
# The post's data set has “900-ish pokemon images, including different levels of same pokemon
# species”. Ours has 900 sprites of monsters that a program drew (`minigen.data.sprites`). Digits
# come first, because a classifier can judge them.

# %%
sheet = sprites.load()  # (900, 16, 16, 3), bytes
monsters = sprites.unit(sheet)
lesson.figure(
    plot.image_grid(monsters[:24], 2, 12),
    "sprites",
    "24 of the 900 sprites, 16x16 pixels each. The left half of each sprite is the mirror image of"
    " the right half.",
)

# %% [markdown]
# ## 1. From a vector to an image
#
# A generator maps a vector to an image, so its layers must enlarge their input. A *transposed
# convolution* places a copy of its kernel for each input pixel, multiplied by the pixel's value. As
# an example, take a row of two pixels, $(1, 2)$, the kernel $(1, 2, 3, 4)$, stride 2 and padding 1.
# The second copy begins two places after the first (the stride). Copies that overlap are added.
# Then one place at each end is removed (the padding):
#
# | copy | | | | | | |
# |---|---|---|---|---|---|---|
# | for 1 | 1 | 2 | 3 | 4 | | |
# | for 2 | | | 2 | 4 | 6 | 8 |
# | sum | ~~1~~ | **2** | **5** | **8** | **6** | ~~8~~ |
#
# The two pixels have become four.

# %%
lesson.predict(
    "What does the row (2, 1) become?",
    ["(2, 4, 7, 10)", "(6, 8, 5, 2)", "(4, 7, 10, 3)"],
)

# %%
kernel = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1)


def enlarged(row):
    image = np.reshape(np.array(row), (1, 1, -1, 1))
    return conv_transpose2d(image, kernel, stride=(1, 2), padding=(0, 1)).ravel()


two_rows = [enlarged([1.0, 2.0]), enlarged([2.0, 1.0])]

# %%
lesson.check("(1, 2) and (2, 1) become", two_rows, equals=[[2, 5, 8, 6], [4, 7, 10, 3]])
lesson.outcome(
    "The copies are (2, 4, 6, 8) and, two places later, (1, 2, 3, 4). They overlap in 6 + 1 and "
    "8 + 2.",
    answer="(4, 7, 10, 3)",
)

# %% [markdown]
# How large is the output for an image of 7x7 pixels? The rule for images, for a convolution and for
# a transposed convolution, is an exercise.

# %%
lesson.exercise("gan/13/block_shape")

# %%
lesson.show_source(block_shape)
small = (64, 7, 7, 32)
block = {"kernel": 4, "stride": 2, "padding": 1, "transposed": True}
first = block_shape(small, 16, **block)
second = block_shape(first, 1, **block)
header = ["batch", "height", "width", "channels"]
lesson.table([small, first, second], header, "two transposed convolutions")

# %%
lesson.change(
    "a kernel of 5",
    'Change `"kernel": 4` to `"kernel": 5` and run again. What sides do the images have after the '
    "two blocks?",
    answer="15 after the first block, and 31 after the second: $(7 - 1) \\cdot 2 + 5 - 2 = 15$. "
    "With stride 2 and padding 1 only the kernel 4 doubles the side, so that 7 becomes 14 and 28.",
)

# %% [markdown]
# The second part of the DCGAN of Radford et al. (2015) is **batch norm**: every channel is shifted
# and scaled so that it has mean 0 and standard deviation 1 over the *batch*. By hand: the mean of
# 1, 3, 5 is 3 and their standard deviation is $\sqrt{8/3} = 1.63$, so 5 becomes $2 / 1.63 = 1.22$.

# %%
three = np.array([[1.0], [3.0], [5.0]])
normed = BatchNorm(1)(three)[:, 0]
lesson.check("1, 3, 5 after batch norm", normed, equals=[-1.2247, 0, 1.2247], atol=1e-3)

# %% [markdown]
# Batch norm keeps the size of the activations about constant from layer to layer. It also makes
# each output depend on the other examples of the batch. The schematic below is drawn from the
# networks themselves.

# %%
cfg = lesson.configure(
    dim_z=32,
    width=16,
    hidden=(256, 128),
    batch=64,
    g_lr=2e-3,
    d_lr=8e-3,
    penalty=1.0,
    dcgan_width=24,
    dcgan_lr=5e-4,
    ema=0.995,
)


# %%
def networks(rng, whole=True, batch_norm=False, channels=1, side=28, width=cfg.width):
    """G and D; with `whole` each has a dense layer between z (or the score) and the 7x7 maps."""
    width = 4 if lesson.quick else width
    g_hidden, d_hidden = cfg.hidden if whole else (None, None)
    G = ConvGenerator(rng, cfg.dim_z, width, channels, side, hidden=g_hidden)
    D = ConvDiscriminator(rng, width, channels, batch_norm, side, hidden=d_hidden)
    return G, D


# %%
G, D = networks(lesson.rng("shown"))
fig, (left, right) = plot.figure(1, 2, size=(4.6, 4.8))
plot.schematic(G, ax=left, title="generator: z to image")
plot.schematic(D, ax=right, title="discriminator: image to score")
lesson.figure(
    fig,
    "networks",
    "Left: z, the dense layer `plan`, 7x7 maps, and two layers that double the side. Right: the"
    " reverse, with the dense layer `whole`. The DCGAN below has neither `plan` nor `whole`, and"
    " its D has batch norm.",
)

# %% [markdown]
# The published DCGAN has no layer `whole`. Its last convolution has units that each receive 10x10
# pixels of the image. Change the upper left corner of an image, then the lower right corner, then
# both corners. Compare the change of the score for both corners with the sum of the two single
# changes.

# %%
lesson.predict(
    "For which untrained D does the change for both corners differ from the sum of the two?",
    ["only with `whole`", "neither with nor without `whole`", "both with and without `whole`"],
)

# %%
x = lesson.rng("corners").random((1, 28, 28, 1), dtype=np.float32)
upper_left = x.copy()
upper_left[:, :8, :8] = 1
lower_right = x.copy()
lower_right[:, -8:, -8:] = 1
both = upper_left.copy()
both[:, -8:, -8:] = 1


def interaction(D):
    """The change of the score for both corners minus the sum of the two single changes."""
    return abs(D(both) - D(upper_left) - D(lower_right) + D(x))[0]


# %%
_, plain = networks(lesson.rng("corners"), whole=False)
_, with_whole = networks(lesson.rng("corners"), whole=True)
without, beyond = interaction(plain), interaction(with_whole)
lesson.table([[without, beyond]], ["difference without `whole`", "difference with `whole`"])

# %%
lesson.check("difference without `whole`", without, between=(0, 1e-6))
lesson.check("difference with `whole`", beyond, between=(1e-5, 1))
lesson.outcome(
    "Without `whole` the difference is zero, up to rounding error.",
    answer="only with `whole`",
)
lesson.show_source(ConvGenerator, ConvDiscriminator)

# %% [markdown]
# Without `whole`, the score is a weighted sum over the units, and no unit receives pixels of both
# corners. Such a $D$ cannot detect that two distant parts of an image do not fit together.
#
# ## 2. Three games on digits
#
# The training steps are those of `gan/02` and `gan/12`. The first uses the loss of the GAN
# (Eq. gan.03), the other two use the loss of the Wasserstein GAN (Eq. gan.19), with clipped weights
# or with a gradient penalty:
#
# $$\min_G \max_D L(D, G) = \mathbb E_{x\sim p_r}[\log D(x)] + \mathbb E_{z\sim p_z}[\log(1 -
# D(G(z)))], \qquad\text{(Eq. gan.03)}$$
#
# $$\max_{w}\; \mathbb E_{x\sim p_r}[f_w(x)] - \mathbb E_{z\sim p_z}[f_w(g_\theta(z))].
# \qquad\text{(Eq. gan.19)}$$
#
# The learning rates fall to zero, and the samples come from a moving average of $G$ (EMA). At the
# end the batch-norm statistics of the average are recomputed, because the averaged weights have not
# yet processed any batch.
#
# The critic with a gradient penalty has no batch norm: the penalty is on the slope *at one image*,
# so the score must not depend on other images. The clipped critic has the DCGAN's batch norm, as in
# the paper.


# %%
def settled(model):
    """A copy of a generator with recomputed batch statistics, for one latent at a time."""
    model = model.copy().train()
    rng = lesson.rng("statistics")
    for _ in range(lesson.size(50, quick=5)):
        model.sample(rng, 100)  # each pass moves the running averages by a tenth
    return model.eval()


# %%
def new_game(label, optimizers, images, batch=cfg.batch, **nets):
    """Two networks, their optimizers, the moving average of G, and the images in batches."""
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
digits = mnist.splits().train.images  # (50000, 28, 28), bytes; each batch is converted when drawn


def play(label, move, steps, optimizers, **nets):
    """A whole game on digits: the moving average of its generator, and its history."""
    game = new_game(label, optimizers, digits, **nets)
    history = lesson.fit(turns(game, move, steps), steps, state=vars(game), label=label)
    return game.average.model, history


# %% [markdown]
# The game with the penalty comes first. The critic takes one step for each step of the generator
# (the paper: five). It has a learning rate of its own, as in Heusel et al. (2017), here four times
# the generator's. The weight of the penalty is $\lambda = 1$, as in `gan/12` (the paper: 10).


# %%
def two_rates(G, D):
    return Adam(G, cfg.g_lr, betas=(0.0, 0.9)), Adam(D, cfg.d_lr, betas=(0.0, 0.9))


def penalized_step(*players):
    return wgan_gp_step(*players, n_critic=1, penalty=cfg.penalty)


gp_steps = lesson.steps(2600, quick=2)
penalized, gp_history = play("WGAN-GP", penalized_step, gp_steps, two_rates)
G_gp = settled(penalized)
lesson.sampler("wgan-gp", G_gp.sample)

# %% [markdown]
# The other two games use the networks of the published DCGAN. The papers train longer. Here the
# learning rates are larger and the steps are fewer.

# %%
published = {"whole": False, "batch_norm": True, "width": cfg.dcgan_width}


def dcgan_adam(G, D):
    return Adam(G, cfg.dcgan_lr, betas=(0.5, 0.99)), Adam(D, cfg.dcgan_lr, betas=(0.5, 0.99))


# %% [markdown]
# A copy of the DCGAN is kept after half of its steps, for a comparison in section 5.

# %%
gan_steps = lesson.steps(1500, quick=2)
half = max(1, gan_steps // 2)
game = new_game("DCGAN", dcgan_adam, digits, **published)
dcgan = game.average.model
dcgan_at_half = dcgan.copy()


def keep(i, _):
    if i + 1 == half:
        dcgan_at_half.load_state(dcgan.state())


# %%
step = turns(game, goodfellow_step, gan_steps)
state = vars(game) | {"at half": dcgan_at_half}
gan_history = lesson.fit(step, gan_steps, state=state, on_step=keep, label="DCGAN")
G_dcgan = settled(dcgan)
lesson.sampler("dcgan", G_dcgan.sample)


# %%
def rmsprop(G, D):
    return RMSProp(G, 5e-4), RMSProp(D, 5e-4)


def clipped_step(*players):
    return wgan_step(*players, n_critic=5, c=0.01)


clip_steps = lesson.steps(450, quick=1)
clipped, clip_history = play("WGAN clipped", clipped_step, clip_steps, rmsprop, **published)
G_clipped = settled(clipped)
lesson.sampler("wgan", G_clipped.sample)

# %% [markdown]
# ## 3. An independent judge
#
# The pretrained classifier of `gan/08` took part in none of the games. Its predictions give the
# share of each digit. The Fréchet distance of its features measures how far the samples are from
# real digits. Three references belong to this scale: real digits, a Gaussian for each class on the
# first 40 principal components, and white noise.

# %%
lesson.predict(
    "How many of the three games have a smaller Fréchet distance than the class Gaussians?",
    ["none", "one", "two", "all three"],
)

# %%
classifier = lesson.pretrained("digit_classifier")
n = lesson.size(5000, quick=100)
test = mnist.unit(mnist.splits().test.images)[: lesson.size(10_000, quick=200)]
generators = {"DCGAN": G_dcgan, "WGAN, clipped": G_clipped, "WGAN-GP": G_gp}


def draw(model, name):
    """n images of a generator, a fifth at a time."""
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
    header = [f"{n} images each", "Fréchet", "inception", "precision", "recall", "rarest digit"]
    lesson.table(rows, header)


report(judged)

# %%
baseline = judged["class Gaussians"].frechet
closer = [name for name in generators if judged[name].frechet < baseline]
rarest = {name: int(judged[name].shares.argmin()) for name in generators}
lesson.outcome(
    f"Closer than the class Gaussians: {', '.join(closer) or 'none'}. The rarest digit: "
    + ", ".join(f"{digit} ({name})" for name, digit in rarest.items())
    + ".",
    answer=["none", "one", "two", "all three"][len(closer)],
)

# %%
first_ones = [shown["real digits"][:12], shown["class Gaussians"][:12]]
first_ones += [shown[name][:24] for name in generators]
names = ["real", "Gaussians", "DCGAN", "", "WGAN", "", "WGAN-GP", ""]
lesson.figure(
    plot.image_grid(np.concatenate(first_ones), 8, 12, row_labels=names),
    "digits",
    "The first images of each, without selection. The class Gaussians have blurred strokes. Count,"
    " in the rows below, the digits that you can read without a doubt.",
)

# %%
shares = {name: judged[name].shares for name in ["real digits", *generators]}
games = {
    "DCGAN: loss of D": gan_history["discriminator"],
    "WGAN: minus the critic's loss": -clip_history["critic"],
    "WGAN-GP: minus the critic's loss": -gp_history["critic"],
}

# %%
fig, (left, right) = plot.figure(1, 2, size=(5.2, 3.2))
plot.bars(shares, list("0123456789"), left, title="share of each digit", reference={"3 %": 0.03})
left.set_ylabel("share")
plot.curves(games, ax=right, smooth=50, log=True, title="losses of the three games")
lesson.figure(
    fig,
    "shares",
    "Left: the share of each digit, as the classifier predicts. Right: the losses. Each game has a"
    " scale of its own, so the losses do not show which game has the best digits.",
)

# %%
name = "WGAN-GP: share of the rarest digit"
lesson.claim(
    name, judged["WGAN-GP"].shares.min(), at_least=0.04, source="smallest of seeds 0, 1 and 2: 0.08"
)
name = "WGAN-GP: Fréchet distance"
lesson.claim(name, judged["WGAN-GP"].frechet, at_most=40, source="largest of seeds 0, 1 and 2: 17")
name = "WGAN-GP: Fréchet distance over that of the class Gaussians"
ratio = judged["WGAN-GP"].frechet / baseline
lesson.claim(name, ratio, at_most=0.2, source="largest of seeds 0, 1 and 2: 0.07")

# %% [markdown]
# The DCGAN's $D$ has no layer `whole`. Look at its strokes: each may be sharp, but do the parts of
# a digit fit together? The clipped game takes five steps of its critic for each step of $G$, so
# its $G$ takes few steps here.
#
# ## 4. Interpolation between two digits
#
# A generator could memorize its training images. To test for this, interpolate between two latent
# vectors and look at the images in between. There are two paths. The first is the straight line. In
# 32 dimensions most $z \sim N(0, I)$ have about the same length, $\sqrt{32} = 5.7$.

# %%
lesson.predict(
    "How long is the vector midway between two of them, on the straight line?",
    ["about 5.7, as they are", "about 4.0", "about 2.8, half of it"],
)

# %% [markdown]
# The second path follows the sphere. It is an exercise.

# %%
lesson.exercise("gan/13/interpolate_spherical")

# %%
lesson.show_source(interpolate_spherical)
a = np.array([1.0, 0.0])
b = np.array([0.0, 1.0])
middle = np.array([0.5])
both_paths = [interpolate_linear(a, b, middle)[0], interpolate_spherical(a, b, middle)[0]]
lesson.check(
    "midway from (1, 0) to (0, 1): straight, on the circle",
    both_paths,
    equals=[[0.5, 0.5], [0.5**0.5, 0.5**0.5]],
)

# %% [markdown]
# <details><summary>Derivation: the weights of spherical interpolation</summary>
#
# Let $a$ and $b$ have length $r$ and the angle $\Omega$, with $0 < \Omega < \pi$. Let $e$ be the
# unit vector of their plane that is orthogonal to $a$, on the side of $b$:
#
# $$b = \cos\Omega\; a + r\sin\Omega\; e, \qquad\text{so}\qquad r\,e = \frac{b - \cos\Omega\;
# a}{\sin\Omega}.$$
#
# The point of the circle at the angle $t\,\Omega$ from $a$ is
#
# $$\cos(t\Omega)\,a + \sin(t\Omega)\,r\,e = \frac{\sin\Omega\cos(t\Omega) -
# \cos\Omega\sin(t\Omega)}{\sin\Omega}\,a + \frac{\sin(t\Omega)}{\sin\Omega}\,b.$$
#
# The first numerator is $\sin((1 - t)\Omega)$, by the addition theorem. Both the length $r$ and the
# speed $r\,\Omega$ are constant along this path.
#
# </details>

# %%
pairs = G_gp.latent(lesson.rng("pairs"), 2 * n).reshape(n, 2, cfg.dim_z)
midway = {
    "ends": pairs[:, 0],
    "straight": np.concatenate([interpolate_linear(*ends, middle) for ends in pairs]),
    "on the sphere": np.concatenate([interpolate_spherical(*ends, middle) for ends in pairs]),
}
rows = []
for name, z in midway.items():
    images = batched(G_gp, z, size=n // 5)
    j = judge_digits(classifier, images, test)
    rows.append([name, np.linalg.norm(z, axis=1).mean(), images.mean(), j.confidence, j.frechet])
lesson.table(rows, ["images of z", "length of z", "mean pixel", "confidence", "Fréchet"])
shorter = rows[1][1] / rows[0][1]

# %%
lengths = {5.7: "about 5.7, as they are", 4.0: "about 4.0", 2.8: "about 2.8, half of it"}
lesson.outcome(
    f"The length is {rows[1][1]:.2f}, {shorter:.2f} times the length of the ends.",
    answer=lengths[min(lengths, key=lambda length: abs(length - rows[1][1]))],
)
name = "length midway, straight, over that of the ends: 1/√2 = 0.71"
lesson.check(name, shorter, between=(0.67, 0.75))
name = "Fréchet distance midway: straight line over sphere"
lesson.claim(
    name,
    rows[1][4] / rows[2][4],
    at_least=1.3,
    source="seeds 0, 1, 2: 3.8 and more; 4645: 1.8, less a quarter; without a difference: 1",
)

# %% [markdown]
# <details><summary>Derivation: the length midway is √(D/2)</summary>
#
# Let $z, z' \sim N(0, I)$ be independent, in $D$ dimensions. Each component of $z$ has mean 0 and
# variance 1, so $\mathbb E\,|z|^2 = D$. Each component of the middle $(z + z')/2$ has mean 0 and
# variance $(1 + 1)/4 = 1/2$, so $\mathbb E\,|(z + z')/2|^2 = D/2$.
#
# The squared length of $z$ is a sum of $D$ independent squares, each with variance 2. Its standard
# deviation is $\sqrt{2D}$, small compared with its mean $D$. Most lengths are therefore close to
# $\sqrt D$, and most lengths midway are close to $\sqrt{D/2}$. For $D = 32$ these are 5.7 and 4.0.
#
# </details>

# %% [markdown]
# A $z \sim N(0, I)$ as short as 4.0 is rare, so $G$ was hardly trained there. The path on the
# sphere keeps the length. Compare the last three columns of the table.

# %%
t = np.linspace(0, 1, 12, dtype=np.float32)
paths = []
for ends in pairs[:3]:
    paths += [interpolate_linear(*ends, t), interpolate_spherical(*ends, t)]
ax = plot.image_grid(G_gp(np.concatenate(paths)), 6, 12, row_labels=3 * ["straight", "sphere"])
lesson.figure(
    ax,
    "paths",
    "Rows come in pairs: the straight line and the sphere between the same two latents. Do the"
    " strokes change their place and shape, or does one image fade into the other, as an average"
    " of two memorized images would?",
)

# %%
lesson.change(
    "beyond the end",
    "Change `middle = np.array([0.5])` to `middle = np.array([1.5])`, half a step beyond the "
    "second end, and run again. Which of the two paths keeps the length?",
    answer="The path on the circle: it continues to (-0.7071, 0.7071), which has length 1. The "
    "straight line leads to (-0.5, 1.5), of length 1.58.",
)

# %% [markdown]
# ## 5. Two settings changed
#
# **A DCGAN with dense layers.** The networks of the WGAN-GP have `plan` and `whole`. Here a DCGAN
# gets both layers. The loss, the optimizers, the learning rates and the width are those of the
# DCGAN above. Both are compared after half of the DCGAN's steps.

# %%
lesson.predict(
    "Compared with the DCGAN, the inception score (from 1 to 10) of the GAN with `whole` is",
    ["higher", "lower, but above half of it", "below half of it"],
)

# %%
dense = new_game("GAN with whole", dcgan_adam, digits, **{**published, "whole": True})
step = turns(dense, goodfellow_step, gan_steps)
lesson.fit(step, half, state=vars(dense), label="GAN with whole")
dense_digits = draw(settled(dense.average.model), "GAN with whole")
judged["GAN with whole"] = judge_digits(classifier, dense_digits, test)
half_digits = draw(settled(dcgan_at_half), "DCGAN at half")
judged["DCGAN, half"] = judge_digits(classifier, half_digits, test)
report(["DCGAN, half", "GAN with whole"])

# %%
inception = judged["GAN with whole"].inception
of_dcgan = judged["DCGAN, half"].inception
higher, lower, below_half = lesson.predictions[-1].choices
lesson.outcome(
    f"{inception:.2f}, {inception / of_dcgan:.2f} times the DCGAN's {of_dcgan:.2f}.",
    answer=higher if inception > of_dcgan else lower if inception > of_dcgan / 2 else below_half,
)
name = "inception score: DCGAN minus the GAN with `whole`"
lesson.claim(
    name,
    of_dcgan - inception,
    at_least=1,
    source="after all steps, smallest of seeds 0, 1 and 2: 3.8",
)

# %% [markdown]
# **Batch norm with batch statistics.** The DCGAN generates images of the same twelve latents twice,
# with the statistics of the batch: first among 88 other latents, then among 88 copies of the first
# latent.

# %%
in_training_mode = dcgan.copy().train()
z = G_gp.latent(lesson.rng("left on"), 100)
copies = np.repeat(z[:1], 88, axis=0)
among_others = in_training_mode(np.concatenate([z[:12], z[12:]]))[:12]
among_copies = in_training_mode(np.concatenate([z[:12], copies]))[:12]

# %%
three_rows = np.concatenate([dense_digits[:12], among_others, among_copies])
lesson.figure(
    plot.image_grid(three_rows, 3, 12, row_labels=["whole", "others", "copies"]),
    "two_settings",
    "Row 1: the GAN with `whole`, twelve latents. Do they differ? Rows 2 and 3: the DCGAN, the same"
    " twelve latents in two batches. Compare the strokes of one column.",
)

# %% [markdown]
# - *GAN with `whole`:* if the twelve images are nearly equal, this is mode collapse (`gan/07`). A
#   $D$ that sees the whole image separates real and generated images better, and its gradient then
#   helps $G$ less (`gan/06`). The penalty bounds the slope of a critic, so the critic may be as
#   accurate as it can be.
# - *Batch statistics:* an image depends on the other images of its batch. Switch to the running
#   averages (`eval`) before sampling.
#
# ## 6. Monsters
#
# This is the example of the post, on 900 sprites: mirrored bodies, an outline, eyes, limbs, in 26
# colors. The WGAN-GP is trained on them, and its samples are shown after epochs 7, 21 and 49, as in
# the post (gan.f10). Nothing in the networks makes an image symmetric. The post used a DCGAN, a GAN
# of convolutions whose layers are normalized over the batch (batch norm). Here a DCGAN is trained
# beside the WGAN-GP, with as many steps. (`new_game`, `turns`, `settled` and `dcgan_adam` build,
# play and average a game; section 2 has them.)

# %%
lesson.predict(
    "After epoch 49, what share of the variation of G's monsters is not mirrored? (1: independent "
    "halves)",
    ["below 0.1", "0.1 to 0.75", "above 0.75"],
)


# %%
def small_adam(G, D):
    return Adam(G, 1e-3, betas=(0.0, 0.9)), Adam(D, 1e-3, betas=(0.0, 0.9))


epochs = (7, 21, 49)
batch = 20
per_epoch = lesson.steps(len(monsters) // batch, quick=1)
shape = {"channels": 3, "side": 16, "width": 24}
game = new_game("monsters", small_adam, sheet, batch, **shape)
latents = G_gp.latent(lesson.rng("monsters"), lesson.size(500, quick=40))
images = np.zeros((len(epochs), len(latents), 16, 16, 3), np.float32)


# %%
def monster_step(*players):
    return wgan_gp_step(*players, n_critic=1)


def watch(i, _):
    for k in np.flatnonzero(np.array(epochs) * per_epoch == i + 1):
        images[k] = settled(game.average.model)(latents)


steps = epochs[-1] * per_epoch
step = turns(game, monster_step, steps, batch, sprites.unit)
state = vars(game) | {"images": images}
lesson.fit(step, steps, state=state, on_step=watch, label="monsters")
lesson.sampler("monsters", settled(game.average.model).sample)

# %%
posts = new_game("monsters, DCGAN", dcgan_adam, sheet, batch, **published | shape)
step = turns(posts, goodfellow_step, steps, batch, sprites.unit)
lesson.fit(step, steps, state=vars(posts), label="monsters, DCGAN")
by_dcgan = settled(posts.average.model)(latents)

# %%
rows = np.concatenate([monsters[:24], *images[:, :24], by_dcgan[:24]])
names = ["drawn", "", "epoch 7", "", "epoch 21", "", "epoch 49", "", "DCGAN, 49", ""]
lesson.figure(
    plot.image_grid(rows, 10, 12, row_labels=names),
    "f10_monsters",
    "Each place shows the same latent after epochs 7, 21 and 49. Which appears first: the shape,"
    " the outline, the main color, the eyes? Are the two halves equal?",
)

# %% [markdown]
# A generator could have memorized the 900 sprites. We find the nearest of the 900 for each
# generated monster, and compare the distance with that of *fresh* monsters, which the program draws
# new. Three more numbers are measured: the variation (the standard deviation over the images), the
# share of the variation that is not mirrored (two independent halves give 1), and the distance of
# the colors to the palette.


# %%
def flat(images):
    return images.reshape(len(images), -1)


def nearest(images):
    """The index of the nearest of the 900, and its distance (root mean square over components)."""
    own = (flat(images) ** 2).sum(1)[:, None]
    theirs = (flat(monsters) ** 2).sum(1)
    squares = own + theirs - 2 * flat(images) @ flat(monsters).T  # (N, 900)
    closest = np.maximum(squares.min(1), 0)
    return squares.argmin(1), np.sqrt(closest / flat(monsters).shape[1])


# %%
palette = np.float32(sprites.PALETTE / 255)


def measures(images):
    """Variation, share not mirrored, distance to the palette, distance to the nearest."""
    variance = images.var(axis=0).mean()
    halves = ((images - images[:, :, ::-1]) ** 2).mean() / 2
    to_colors = np.linalg.norm(images[:100].reshape(-1, 1, 3) - palette, axis=2)
    off_palette = to_colors.min(axis=1).mean()
    to_nearest = nearest(images)[1].mean()
    return [float(variance**0.5), float(halves / variance), float(off_palette), float(to_nearest)]


# %%
score = {"fresh": measures(sprites.unit(sprites.draw(lesson.rng("fresh"), len(latents))))}
for epoch, of_epoch in zip(epochs, images):
    score[f"epoch {epoch}"] = measures(of_epoch)
score["DCGAN, epoch 49"] = measures(by_dcgan)
rows = [[name, *row] for name, row in score.items()]
header = ["monsters", "variation", "not mirrored", "off the palette", "to the nearest"]
lesson.table(rows, header)
halves = score["epoch 49"][1]
below, between, above = lesson.predictions[-1].choices
lesson.outcome(
    f"{halves:.2f} of the variation is not mirrored.",
    answer=below if halves < 0.1 else between if halves <= 0.75 else above,
)

# %%
last = images[-1][:12]
closest_ones = monsters[nearest(last)[0]]
rows = np.concatenate([last, closest_ones])
lesson.figure(
    plot.image_grid(rows, 2, 12, row_labels=["generated", "nearest"]),
    "nearest",
    "Each generated monster, above the nearest of the 900 sprites. Is it a copy, or does it only"
    " share its shape or its color?",
)

# %%
fresh = score["fresh"]
generated = score["epoch 49"]
variation = generated[0] / fresh[0]
distance = generated[3] / fresh[3]
worst = max(abs(variation - 1), abs(distance - 1))
print(f"over that of fresh monsters: variation {variation:.2f}, distance {distance:.2f}")

# %% [markdown]
# A constant image, the mean of the 900, has nearly the right distance to the nearest sprite but no
# variation. Copies of the 900 have the right variation but distance 0. The first claim uses the
# larger of the two deviations, so it needs both numbers to be right.

# %%
name = "monsters: larger deviation of variation and distance from fresh ones"
lesson.claim(name, worst, at_most=0.35, source="largest of seeds 0, 1 and 2: 0.22")
name = "monsters: share of the variation that is not mirrored"
lesson.claim(name, generated[1], at_most=0.85, source="largest of seeds 0, 1 and 2: 0.67")
dcgan_variation = score["DCGAN, epoch 49"][0] / fresh[0]
print(f"variation over that of fresh ones: WGAN-GP {variation:.2f}, DCGAN {dcgan_variation:.2f}")

# %% [markdown]
# The post trained a DCGAN. Compare the last two rows of the table and of the figure: how do its
# monsters differ from those of the WGAN-GP after as many epochs?
#
# The post runs [DCGAN-tensorflow](https://github.com/carpedm20/DCGAN-tensorflow). The post's author
# offers a commented version with the two Wasserstein GANs,
# [unified-gan-tensorflow](https://github.com/lilianweng/unified-gan-tensorflow).
#
# ## 7. Where the post is loose
#
# - “The shapes and colors do look better with more training epoches!” is a judgment by eye. It does
#   not show whether images are copies of training images, or whether they vary. (The post itself
#   says of a training without a metric that “it is like working in the dark”.)
# - “Unfortunately due to the tiny training data, the new pokemons only have rough shapes without
#   details”: no run with more images, or with more steps on the same images, is shown, so the cause
#   is open. 49 epochs of 900 images are 44,100 images, fewer than one epoch of MNIST.
#
# **Here is different:** the sprites are drawn by a program and have 16x16 pixels; digits come
# before them; the WGAN-GP of `gan/12` is trained beside the DCGAN.
#
# **Left out:** labels (a conditional GAN generates the digit that you ask for), larger images, the
# remedies of `gan/09` on images. **Next:** the other three posts, on models that have a likelihood,
# or a bound on it, and no opponent.
#
# **Your turn:** `minigen exercise start gan/13`, then `minigen run gan/13 --with
# exercises/gan_13.py`.

# %%
lesson.finish()
