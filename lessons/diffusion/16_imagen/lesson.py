# %% [markdown]
# # Imagen: a text encoder that has never seen a picture
#
# From the section *Scale up Generation Resolution and Quality* (diffusion.s16) of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/): Saharia et
# al. (2022), on captions for digits. You should have read the lessons on classifier-free guidance
# and on unCLIP. To take away:
#
# 1. A text encoder that was trained on text alone, and is frozen, is enough.
# 2. Strong guidance pushes pixels out of their range. How one brings them back matters: *static*
#    thresholding saturates, *dynamic* thresholding does so less.
# 3. A U-Net is made efficient by moving its parameters to where the picture is small.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/16_imagen",
    title="Imagen: a text encoder that has never seen a picture",
    post="diffusion",
    sections=["diffusion.s16"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=6,
    sources=["weng2021diffusion", "saharia2022imagen"],
)

# %%
import time

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.data.captions import LENGTH, VOCABULARY, captions, obeyed, read, tokenize
from minigen.diffusion.ddpm import eps_model_from_v, predict_x0_from_eps, v_loss
from minigen.diffusion.guidance import classifier_free
from minigen.diffusion.imagen import dynamic_threshold, static_threshold, thresholded

# %%
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import ddim
from minigen.diffusion.text import TextEncoder, mean_of_words
from minigen.metrics.digits import label_accuracy
from minigen.nn import Linear, ResidualBlock
from minigen.optim import cosine
from minigen.tensor import batched, cross_entropy
from minigen.train import descend

# %% [markdown]
# ## 1. Pixels that do not exist
#
# Guidance follows the line through two guesses far beyond both, so the data that it implies may
# have pixels above 1 or below $-1$. In training there never were any, and the network is asked
# about such pictures at the next step. Four pixels of an implied picture, by hand:
#
# $$\hat x_0 = (-2,\; -1,\; 0.5,\; 4).$$
#
# *Static* thresholding cuts at $\pm 1$. *Dynamic* thresholding takes a high quantile $s$ of the
# sizes $|\hat x_0|$ of this one picture; if it is above 1, it cuts at $\pm s$ and divides by $s$.

# %%
lesson.predict(
    "With s = 2, what becomes of the third pixel, 0.5, by the two?",
    ["static 0.5, dynamic 0.5", "static 0.5, dynamic 0.25", "static 1, dynamic 0.25"],
)

# %%
lesson.exercise("diffusion/16/dynamic_threshold")

# %%
x0 = np.array([[-2.0, -1.0, 0.5, 4.0]])
p = 2 / 3  # this quantile of the sizes 0.5, 1, 2, 4 is 2
static, dynamic = static_threshold(x0), dynamic_threshold(x0, p)
lesson.show_source(static_threshold, dynamic_threshold)
lesson.table([["implied", *x0[0]], ["static", *static[0]], ["dynamic", *dynamic[0]]], ["", *"1234"])
lesson.check("dynamic", dynamic, equals=[[-1, -0.5, 0.25, 1]])
lesson.outcome(
    "Static leaves it; dynamic halves it, as all others. It keeps the contrast between pixels;"
    " static gives three of the four one size.",
    answer="static 0.5, dynamic 0.25",
)

# %% [markdown]
# $s$ is at least 1: a picture that stays within its range is left as it is. And it is each
# picture's own.

# %%
lesson.change(
    "the largest size",
    "Change `p = 2 / 3` to `p = 1` and run again. What becomes of the four pixels by dynamic "
    "thresholding?",
    answer="-0.5, -0.25, 0.125 and 1. With p = 1 the quantile is the largest size, s = 4: nothing "
    "is cut off, and the picture is only divided by 4. One pixel far out then takes the contrast "
    "from all others, which is why p is a little below 1.",
)

# %% [markdown]
# ## 2. A text encoder, from text alone
#
# Imagen takes its text encoder (T5) from people who trained it on text only. Ours is a small
# transformer, which learns to fill gaps: one word of each caption is hidden, and it has to guess
# it. Captions come from measurements of digits, but the encoder sees words only.

# %%
splits = mnist.splits()
train = splits.train.images[: lesson.size(50_000, quick=600)]
labels = splits.train.labels[: len(train)].astype(int)
tokens = tokenize(captions(mnist.unit(train), labels, lesson.rng("captions")))
print("such as:", captions(mnist.unit(train[:1]), labels[:1]), "->", tokens[:1])

# %%
rng = lesson.rng("text")
GAP = len(VOCABULARY)  # a word of its own, which hides another
encoder = TextEncoder(rng, len(VOCABULARY) + 1, dim=64, length=LENGTH)
reader = {"encoder": encoder, "words": Linear(rng, 64, len(VOCABULARY))}


# %%
def gap_batch(rng):
    """Captions with one word hidden each, where it was, and which it was."""
    some = tokens[rng.integers(0, len(tokens), 256)].copy()
    count = np.sum(some > 0, axis=1)
    where = (rng.random(256) * count).astype(int)
    rows = np.arange(256)
    hidden = some[rows, where]
    some[rows, where] = GAP
    return some, where, hidden


def gap_loss(reader, some, where, hidden):
    h = reader["encoder"].features(some)  # (N, L, 64)
    at_gap = h[np.arange(len(some)), where]  # (N, 64)
    return np.mean(cross_entropy(reader["words"](at_gap), hidden))


# %%
text_steps = lesson.steps(1500, quick=3)
step = descend(gap_loss, reader, gap_batch, lr=cosine(2e-3, text_steps), rng=rng)
lesson.fit(step, text_steps, state=step.state, label="text")

# %%
lesson.predict(
    "The hidden word is one of 22. How often is the most likely word right?",
    ["nearly always", "about half of the time", "one time in 22"],
)

# %%
some, where, hidden = gap_batch(lesson.rng("look"))
guess = reader["words"](encoder.features(some)[np.arange(256), where]).argmax(axis=1)
rate = float(np.mean(guess == hidden))
kinds = (
    "nearly always" if rate > 0.9 else "about half of the time" if rate > 0.2 else "one time in 22"
)
lesson.outcome(
    f"{rate:.0%}. Grammar tells which kind of word is missing, and habit which is likely (a one is"
    " narrow); the digit itself can only be guessed.",
    answer=kinds,
)

# %% [markdown]
# ## 3. The picture's network
#
# The mean of the encoder's outputs, over the words of a caption, enters the U-Net where the label
# did. The pretrained base model of `diffusion/09` is the start, as in the lesson on unCLIP; the
# text encoder is frozen.

# %%
lesson.exercise("diffusion/16/mean_of_words")

# %% [markdown]
# The digit is one word of up to seven, and the mean hides it among the others. So the outputs are
# *whitened*: every direction in which they vary is stretched to the same width.

# %%
lesson.show_source(mean_of_words)
encoder.freeze()
E = 64


def embed(tokens):
    """Mean output of the frozen encoder over the words of each caption, (N, 64)."""

    def some(tokens):
        return mean_of_words(encoder.features(tokens), tokens)

    return batched(some, tokens)


raw = embed(tokens)
center = raw.mean(axis=0)
size, directions = np.linalg.eigh(np.cov((raw - center).T))  # (64,), (64, 64)
whiten = directions / np.sqrt(np.maximum(size, 1e-4 * size.max()))


def meaning_of(tokens):
    """What captions mean, (N, 64): the mean outputs, every direction of them equally wide."""
    return ((embed(tokens) - center) @ whiten).astype(np.float32)


meanings = meaning_of(tokens)

# %%
base = lesson.pretrained("digit_diffusion")
width, hidden_units = base.net.conv_in.w.shape[-1], base.net.global_mlp.first.b.size
unet = UNet(lesson.rng("unet"), width=width, global_mlp=hidden_units, classes=10, vectors=E)
unet.load_state({**unet.state(), **base.net.state()})
process = base.schedule


def batch_of_pictures(rng):
    """Pictures, times, noise, and what the captions mean (for a tenth of them zero: no text)."""
    rows = rng.integers(0, len(train), lesson.size(64, quick=8))
    given = (rng.random(len(rows)) > 0.1).astype(np.float32)[:, None]
    x0, t = mnist.symmetric(train[rows]), rng.integers(1, process.T + 1, len(rows))
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32), given * meanings[rows]


def loss(net, x0, t, eps, meaning):
    return v_loss(net, x0, t, eps, process, meaning)


# %%
picture_steps = lesson.steps(1300, quick=2)
rng = lesson.rng("pictures")
lr = cosine(2e-3, picture_steps)
step = descend(loss, unet, batch_of_pictures, lr=lr, ema=0.995, rng=rng, parallel=True)
lesson.fit(step, picture_steps, state=step.state, label="pictures")
eps_model = eps_model_from_v(step.averaged, process)

# %%
test = splits.test.images[: lesson.size(1000, quick=20)]
asked = splits.test.labels[: len(test)].astype(int)
texts = captions(mnist.unit(test), asked)
wanted = meaning_of(tokenize(texts))
steps = lesson.size(20, quick=2)


def untouched(eps_model, schedule):
    return eps_model


def static_one(eps_model, schedule):
    return thresholded(eps_model, schedule, p=None)


ways = {"none": untouched, "static": static_one, "dynamic": thresholded}


# %%
def sample(meaning, w, way, rng, steps=steps):
    """Pictures (N, 28, 28, 1), about in [-1, 1], for what captions mean, (N, 64)."""
    noise = rng.standard_normal((len(meaning), 28, 28, 1), dtype=np.float32)
    guided = ways[way](classifier_free(eps_model, meaning, w), process)
    return ddim(guided, noise, process, steps)


def unit(x):
    return (x.clip(-1, 1) + 1) / 2


# %% [markdown]
# Does it obey? For the captions of test digits, the share of all that they ask for that is found
# in the pictures: the digit by the classifier of `gan/08`, the rest by measuring again.

# %%
classifier = lesson.pretrained("digit_classifier")
count = lesson.size(200, quick=10)


def share_obeyed(images, texts):
    """The digit's share, and the mean over digit, thickness, slant and width."""
    digits = np.array([read(text)["digit"] for text in texts])
    digit = label_accuracy(classifier, images, digits)
    return digit, float(np.mean([digit, *obeyed(images, texts).values()]))


# %%
strengths = [0.0, 1.0, 2.0, 4.0, 8.0]
pictures = {}
for way in ways:
    for w in strengths:
        pictures[way, w] = sample(wanted[:count], w, way, lesson.rng("judge"))

# %%
lesson.predict(
    "As w rises, the share of the captions that is obeyed",
    ["rises and stays", "rises, and falls again for the largest", "falls"],
)

# %%
obey = {key: share_obeyed(unit(x), texts[:count]) for key, x in pictures.items()}
rows = [[w, *[f"{obey[way, w][0]:.1%}, {obey[way, w][1]:.1%}" for way in ways]] for w in strengths]
lesson.table(rows, ["w", *[f"{way}: digit, all" for way in ways]])

# %%
overall = [obey["static", w][1] for w in strengths]
top = int(np.argmax(overall))
if top == 0:
    answer = "falls"
else:
    fell = max(overall) - overall[-1] > 0.02
    answer = "rises, and falls again for the largest" if fell else "rises and stays"
lesson.outcome(
    f"Static thresholding: from {overall[0]:.0%} at w = 0 to {max(overall):.0%} at w ="
    f" {strengths[top]:g}, and {overall[-1]:.0%} at w = 8.",
    answer=answer,
)
best_digit = max(obey["static", w][0] for w in strengths)
lesson.claim("the digit that was asked for, at the best w", best_digit, at_least=0.97)
lesson.claim("all that the captions ask for, at the best w", max(overall), at_least=0.8)

# %% [markdown]
# ## 4. Saturation
#
# A pixel is *saturated* if it stands at the end of its range. Paper is: it is at $-1$ in real
# digits too. So we look at the ink, at pixels above 0, and count those above 0.98.


# %%
def saturated(x):
    """The share of the ink (pixels above 0) that is above 0.98."""
    return float(np.sum(x > 0.98) / max(np.sum(x > 0), 1))


real = saturated(mnist.symmetric(test))
rows = [[w, *[saturated(pictures[way, w]) for way in ways]] for w in strengths]
lesson.table([*rows, ["real digits", real, real, real]], ["w", *ways])

# %%
rise = {way: saturated(pictures[way, 8.0]) - saturated(pictures[way, 1.0]) for way in ways}
lesson.claim("dynamic: saturated share at w = 8 less that at w = 1", rise["dynamic"], at_most=0.1)
lesson.claim(
    "static: saturated share at w = 8 less dynamic's",
    saturated(pictures["static", 8.0]) - saturated(pictures["dynamic", 8.0]),
    at_least=0.1,
)

# %%
shown = [unit(pictures[way, w][:10]) for w in (1.0, 8.0) for way in ways]
grid = plot.image_grid(
    np.concatenate(shown)[..., 0],
    cols=10,
    limits=(0, 1),
    row_labels=[f"w = {w:g}, {way}" for w in (1.0, 8.0) for way in ways],
)
lesson.figure(
    grid,
    "saturation",
    "The same ten captions and noises. With w = 8 and no thresholding the strokes are at the limit"
    " and beyond; look how much grey each row has left.",
)

# %% [markdown]
# How far out do pixels go, on the way? The largest pixel of the data that is implied at each step,
# before any threshold, with $w = 8$:

# %%
furthest = {}
few = wanted[: lesson.size(50, quick=4)]
for way in ways:
    reached = []

    def look(x, t):
        """The guided guess; what it implies is noted down."""
        eps = classifier_free(eps_model, few, 8.0)(x, t)
        implied = predict_x0_from_eps(x, t, eps, process)
        reached.append(float(np.mean(np.max(np.abs(implied), axis=(1, 2, 3)))))
        return eps

    noise = lesson.rng("far").standard_normal((len(few), 28, 28, 1), dtype=np.float32)
    ddim(ways[way](look, process), noise, process, steps)
    furthest[way] = reached

# %%
fig, ax = plot.figure(size=(4.8, 3.0))
plot.line(np.arange(1, steps + 1), furthest, ax, xlabel="step of the sampler", log="y")
ax.set_ylabel("largest |pixel| implied")
lesson.figure(
    fig,
    "range",
    "The guess before any threshold. Early on it is far out, whatever is done to it afterwards;"
    " look who is still outside at the end.",
)
lesson.claim(
    "none: saturated share at w = 8 less static's",
    saturated(pictures["none", 8.0]) - saturated(pictures["static", 8.0]),
    at_least=0.1,
)


# %%
def draw(rng, n, caption=None, w=2.0, steps=steps):
    rows = rng.integers(0, len(test), n)
    if caption is None:
        return unit(sample(wanted[rows], w, "static", rng, steps)), asked[rows]
    drawn = sample(meaning_of(tokenize([caption] * n)), w, "static", rng, steps)
    return unit(drawn), np.full(n, read(caption)["digit"])


lesson.sampler("captions", draw)

# %%
kept = {way: obey[way, 4.0][1] for way in ways}
print("  obeyed at w = 4:", ", ".join(f"{way} {share:.0%}" for way, share in kept.items()))

# %% [markdown]
# Compare these with the table of section 3. Dynamic thresholding was made for photos, whose pixels
# seldom stand at the end of their range. Digits are black and white: nearly half of their ink is
# saturated, and their paper all of it. To scale such a picture makes its paper grey, which no
# digit's paper is; what is gained in greys may be lost in digits.
#
# ## 5. An efficient U-Net
#
# Imagen's second contribution is dull and useful: put the parameters where the picture is small.
# A residual block with $C$ channels has about $18\,C^2$ weights; its cost is that times the number
# of positions. Half the side and twice the channels: the same cost, four times the parameters. (It
# also shrinks a picture *before* the convolutions of a level, not behind; and it divides the skip
# connections by $\sqrt 2$.)

# %%
lesson.predict(
    "A block with 16 channels at 28 x 28 and one with 64 at 7 x 7 take about the same time. The"
    " second has how many times the parameters?",
    ["as many", "4 times", "16 times"],
)


# %%
def timed(side, channels):
    """Parameters of a residual block, and the milliseconds for 64 pictures (the best of five)."""
    block = ResidualBlock(lesson.rng("block"), channels, channels, groups=(8, 8), activation="silu")
    x = lesson.rng("x").standard_normal((64, side, side, channels), dtype=np.float32)
    times = []
    for _ in range(lesson.size(6, quick=2)):
        start = time.perf_counter()
        block(x)
        times.append(1000 * (time.perf_counter() - start))
    return sum(a.size for a in block.parameters().values()), min(times[1:])


costs = {
    (side, channels): timed(side, channels) for side, channels in [(28, 16), (14, 32), (7, 64)]
}

# %%
rows = [
    [f"{side} x {side} x {channels}", parameters, f"{parameters * side**2:.1e}", f"{ms:.1f}"]
    for (side, channels), (parameters, ms) in costs.items()
]
lesson.table(rows, ["block", "parameters", "parameters x positions", "ms for 64 pictures"])
times_more = costs[7, 64][0] / costs[28, 16][0]
lesson.outcome(f"{times_more:.0f} times, for two halvings of the side.", answer="16 times")
lesson.check("parameters, 7 x 7 over 28 x 28", times_more, at_least=14)

# %% [markdown]
# The U-Net of these lessons does so from its first layer: it turns each $2 \times 2$ pixels into
# one position with four channels.
#
# ## Where the post is loose
#
# - Thresholds act on the *implied data* at each step, not on the finished picture; each picture has
#   its own $s$, and $s = \max(1, \text{quantile})$.
# - Imagen is a cascade: the network here would be the first of three.
#
# **Left out:** the larger networks' noise conditioning (the lesson on cascades); attention to
# single words (that on latent diffusion). **Next:** `diffusion/17`, the U-Net itself.
#
# **Your turn:** `minigen exercise start diffusion/16`, then `minigen run diffusion/16 --with
# exercises/diffusion_16.py`.

# %%
lesson.finish()
