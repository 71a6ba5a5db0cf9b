# %% [markdown]
# # unCLIP: from a text to an embedding to a picture
#
# From the section *Scale up Generation Resolution and Quality* (diffusion.s16) of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/): Ramesh et al.
# (2022), also known as DALL·E 2, on captions for digits. You should have read the lessons on
# guidance. To take away:
#
# 1. CLIP puts pictures and texts into one space, by a game of finding one's partner.
# 2. unCLIP goes the way back in two steps: the *prior* makes a picture's embedding from a text, the
#    *decoder* makes a picture from the embedding.
# 3. An embedding holds what a picture is about and leaves the rest open: so the decoder can draw
#    variations.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/15_unclip",
    title="unCLIP: from a text to an embedding to a picture",
    post="diffusion",
    sections=["diffusion.s16"],
    figures=["diffusion.f16"],
    equations=["diffusion.31"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=6,
    sources=["weng2021diffusion", "radford2021clip", "ramesh2022unclip"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.data.captions import VOCABULARY, captions, obeyed, read, tokenize
from minigen.diffusion.ddpm import eps_model_from_v, v_loss
from minigen.diffusion.guidance import classifier_free
from minigen.diffusion.networks.unet import UNet

# %%
from minigen.diffusion.samplers import clipped, ddim
from minigen.diffusion.schedule import Schedule
from minigen.diffusion.text import ImageEncoder, TextEncoder, unit_rows
from minigen.diffusion.text import contrastive_gradient, contrastive_loss
from minigen.diffusion.unclip import EmbeddingPrior, prior_loss, sample_prior
from minigen.gan.interpolation import interpolate_spherical
from minigen.metrics.digits import label_accuracy
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend

# %% [markdown]
# ## 1. Captions
#
# Nobody has written captions for MNIST, but much of what a caption would say can be measured: how
# thick the strokes are, how far the digit leans, how wide it is. Each gets one of three words; in
# training each is left out now and then, so that short captions are known too.

# %%
splits = mnist.splits()
train = splits.train.images[: lesson.size(50_000, quick=600)]
labels = splits.train.labels[: len(train)].astype(int)
texts = captions(mnist.unit(train), labels, lesson.rng("captions"))
tokens = tokenize(texts)

# %%
first = mnist.unit(train[:10])[..., 0]
grid = plot.image_grid(first, cols=5, limits=(0, 1))
for text in texts[:10]:
    print("  ", text)
print(tokens[:3], "are the first three: each number a word, 0 the end")
lesson.figure(grid, "captions", "Ten training digits; their captions are printed above.")

# %% [markdown]
# ## 2. CLIP: find your partner
#
# A batch of $N$ pictures with their captions. One network maps a picture to a vector, another a
# text. Both are brought to length 1, and all $N^2$ scalar products are taken, times a learned
# scale. Each picture is to find its own caption among the $N$, and each caption its picture: two
# classifications with $N$ classes each, whose mean cross-entropy is the loss.
#
# By hand, with two pairs: picture 1 lies at $(1, 0)$ and its text at $(0.8, 0.6)$, picture 2 at
# $(0, 1)$ and its text there too.

# %%
lesson.predict(
    "The scale is small, 1. Is the loss nearer to 0, or to log 2 = 0.69, that of guessing?",
    ["nearer to 0", "nearer to log 2"],
)

# %%
lesson.exercise("diffusion/15/contrastive_loss")

# %%
image, text = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.8, 0.6], [0.0, 1.0]])
products = image @ text.T
lesson.table([["picture 1", *products[0]], ["picture 2", *products[1]]], ["", "text 1", "text 2"])
values = {scale: contrastive_loss(image, text, np.log(scale)) for scale in (1.0, 10.0)}
lesson.show_source(contrastive_loss)
rows = np.log(1 + np.exp([-0.8, -0.4]))  # each picture: its own text against the other
columns = np.log(1 + np.exp([-0.2, -1.0]))  # each text: its own picture against the other
lesson.check("scale 1, by hand", values[1.0], equals=(rows.mean() + columns.mean()) / 2)
lesson.outcome(
    f"{values[1.0]:.2f}: cosines differ by too little to be sure of anything. With the scale 10 it"
    f" is {values[10.0]:.2f}. That is why the scale is learned.",
    answer="nearer to log 2",
)

# %%
lesson.change(
    "perfect partners",
    "Put text 1 where its picture is: change its embedding `[0.8, 0.6]` to `[1.0, 0.0]` and run "
    "again. Every cosine of partners is 1 now, every other one 0. Is the loss 0 at the scale 1?",
    answer="No, it is 0.3133: in each row and column it is log(1 + exp(-1)), since the logits of "
    "partner and stranger are 1 and 0 apart. Cosines cannot differ by more than 2, so that only a "
    "large scale can make the loss small.",
)

# %% [markdown]
# In which direction does the loss pull? Each logit is in one row and in one column, and the
# gradient in it says what both ask for. With more probability on a wrong partner, the pull grows.

# %%
lesson.exercise("diffusion/15/contrastive_gradient")

# %%
pull = contrastive_gradient(products)
lesson.table([["picture 1", *pull[0]], ["picture 2", *pull[1]]], ["gradient", "text 1", "text 2"])
lesson.check("the pulls sum to zero", pull.sum(), equals=0.0, atol=1e-12)
lesson.show_source(contrastive_gradient)

# %% [markdown]
# Minus on the diagonal: descent raises the logits of partners; plus beside it: it lowers those of
# strangers, and most of all where picture 2 is near text 1.
#
# Now the two networks: convolutions for the digit, a small transformer for the words.

# %%
E = 32  # numbers of an embedding
rng = lesson.rng("clip")
clip = {
    "image": ImageEncoder(rng, E),
    "text": TextEncoder(rng, len(VOCABULARY), E),
    "scale": np.array(2.0, np.float32),
}


def caption_batch(rng):
    """Pictures in [-1, 1] and the tokens of their captions."""
    rows = rng.integers(0, len(train), lesson.size(128, quick=16))
    return mnist.symmetric(train[rows]), tokens[rows]


def clip_loss(clip, x, tokens):
    return contrastive_loss(clip["image"](x), clip["text"](tokens), clip["scale"])


# %%
clip_steps = lesson.steps(1200, quick=3)
step = descend(clip_loss, clip, caption_batch, lr=cosine(2e-3, clip_steps), rng=rng)
lesson.fit(step, clip_steps, state=step.state, label="clip")

# %% [markdown]
# How well do they find each other? A hundred test digits with their full captions; each picture
# chooses the text with the largest cosine. (Two digits may have the same caption, which then
# counts as found.)

# %%
test = splits.test.images[: lesson.size(1000, quick=40)]
asked = splits.test.labels[: len(test)].astype(int)
test_texts = captions(mnist.unit(test), asked)


def embed_images(images):
    """Unit embeddings (N, E) of uint8 images."""

    def some(images):
        return clip["image"](mnist.symmetric(images))

    return unit_rows("image", batched(some, images))


def embed_texts(texts):
    return unit_rows("text", batched(clip["text"], tokenize(texts)))


# %%
hundred = min(100, len(test))
found = embed_images(test[:hundred]) @ embed_texts(test_texts[:hundred]).T  # (100, 100)
chosen = [test_texts[k] for k in found.argmax(axis=1)]
right = np.mean([a == b for a, b in zip(chosen, test_texts)])
digit_right = np.mean([read(a)["digit"] == read(b)["digit"] for a, b in zip(chosen, test_texts)])
lesson.table(
    [["the very caption", right], ["a caption of the right digit", digit_right]],
    ["among 100, the picture finds", "share (chance: 0.01 and 0.1)"],
)
lesson.claim("retrieval among 100: share that finds its caption", right, at_least=0.3)

# %% [markdown]
# ## 3. The way back, in two steps (Eq. diffusion.31, figure f16)
#
# Let $z$ be the embedding of the picture $x$ ($c^i$ in the post) and $y$ the text. Since $z$ is a
# function of $x$,
#
# $$P(x \mid y) = P(x, z \mid y) = P(x \mid z, y)\; P(z \mid y):$$
#
# first draw an embedding that fits the text, from the *prior*; then a picture that fits the
# embedding, from the *decoder*.

# %%
boxes = {
    "picture0": plot.node("training picture", "data", (0, 0)),
    "ie": plot.node("image encoder", "model", (1, 0)),
    "loss": plot.node("contrastive loss", "loss", (2, 0.5)),
    "text": plot.node("text", "data", (0, 1)),
    "te": plot.node("text encoder", "model", (1, 1)),
    "prior": plot.node("prior", "model", (2, 2)),
    "z": plot.node("image embedding", "latent", (3, 2)),
    "decoder": plot.node("decoder", "model", (4, 2)),
    "picture": plot.node("picture", "fake", (5, 2)),
}

# %%
arrows = ["picture0 -> ie -> loss", "text -> te -> loss"]
drawing = plot.schematic(boxes, [*arrows, "te -> prior -> z -> decoder -> picture"])
lesson.figure(
    drawing,
    "f16_unclip",
    "Above, CLIP: the two encoders are trained by the contrastive loss, then frozen. Below, unCLIP:"
    " from the text's embedding to an image's (prior), and from it to a picture (decoder).",
)

# %% [markdown]
# ## 4. The prior
#
# Why not put the *text's* embedding into the decoder? CLIP only asks that partners be nearer than
# strangers. Measure how near:

# %%
lesson.predict(
    "The cosine of a test digit with its own full caption is, on average,",
    ["above 0.9: nearly the same point", "below 0.9: partners, but apart"],
)

# %%
z_images, z_texts = embed_images(test), embed_texts(test_texts)
own = float(np.mean(np.sum(z_images * z_texts, axis=1)))
among = float(np.mean(np.sum(z_images * z_texts[::-1], axis=1)))
lesson.table(
    [["its own caption", own], ["another digit's caption", among]], ["a picture and", "cosine"]
)
lesson.outcome(
    f"{own:.2f}. One caption fits many digits, whose embeddings differ; a text has but one.",
    answer="above 0.9: nearly the same point" if own > 0.9 else "below 0.9: partners, but apart",
)

# %% [markdown]
# So the prior is a diffusion model of its own, of 32 numbers: it is given the text's embedding and
# draws an image's. Two things differ from a model of pictures: the network predicts the *clean*
# embedding $\hat z$, not the noise; and the loss is the plain square of that error.
# (Embeddings have length 1; for diffusion they are multiplied by $\sqrt{32}$, so that each number
# has a variance near 1.)

# %%
lesson.exercise("diffusion/15/prior_loss")

# %%
lesson.show_source(prior_loss, sample_prior)
process = Schedule.cosine(200)
stretch = np.sqrt(E).astype(np.float32)
z_train = stretch * embed_images(train)  # (N, E), of length √E
y_train = stretch * embed_texts(texts)


def prior_batch(rng):
    """Embeddings of pictures and of their texts, times and noise."""
    rows = rng.integers(0, len(z_train), 256)
    t = rng.integers(1, process.T + 1, 256)
    return z_train[rows], y_train[rows], t, rng.standard_normal((256, E), dtype=np.float32)


def loss_of_prior(prior, z, y, t, eps):
    return prior_loss(prior, z, y, t, eps, process)


# %%
prior_steps = lesson.steps(4000, quick=3)
rng = lesson.rng("prior")
step = descend(
    loss_of_prior,
    EmbeddingPrior(rng, E, E),
    prior_batch,
    lr=cosine(1e-3, prior_steps),
    ema=0.999,
    rng=rng,
)
lesson.fit(step, prior_steps, state=step.state, label="prior")
prior = step.averaged

# %%
y_test = stretch * z_texts
drawn = sample_prior(prior, y_test, E, process, lesson.rng("draw")) / stretch
nearness = float(np.mean(np.sum(drawn * z_images, axis=1) / np.linalg.norm(drawn, axis=1)))
lengths = float(np.mean(np.linalg.norm(drawn, axis=1)))
lesson.table(
    [
        ["the text's own embedding", own, 1.0],
        ["an embedding drawn by the prior", nearness, lengths],
    ],
    ["", "cosine with the digit's embedding", "length (of images: 1)"],
)
strangers = float(np.mean(np.sum(drawn * z_images[::-1], axis=1) / np.linalg.norm(drawn, axis=1)))
lesson.claim(
    "prior: cosine with its own digit less that with another", nearness - strangers, at_least=0.2
)

# %% [markdown]
# ## 5. The decoder
#
# A U-Net that is given an image embedding in the place of a label. We need not begin from nothing:
# the base model (pretrained; see `diffusion/09`) already draws digits. The embedding enters where
# labels do, through a matrix that starts at zero, so that at first the network is the base model
# without a label.

# %%
base = lesson.pretrained("digit_diffusion")
width = base.net.conv_in.w.shape[-1]
hidden = base.net.global_mlp.first.b.size
decoder = UNet(lesson.rng("decoder"), width=width, global_mlp=hidden, classes=10, vectors=E)
decoder.load_state({**decoder.state(), **base.net.state()})


# %%
def decoder_batch(rng):
    """Pictures, their embeddings (a tenth of them zero: none), times and noise."""
    rows = rng.integers(0, len(train), lesson.size(64, quick=8))
    given = (rng.random(len(rows)) > 0.1).astype(np.float32)[:, None]
    x0, t = mnist.symmetric(train[rows]), rng.integers(1, base.schedule.T + 1, len(rows))
    return x0, t, rng.standard_normal(x0.shape, dtype=np.float32), given * z_train[rows]


def decoder_loss(net, x0, t, eps, z):
    return v_loss(net, x0, t, eps, base.schedule, z)


# %%
decoder_steps = lesson.steps(1300, quick=2)
rng = lesson.rng("train decoder")
lr = cosine(1.5e-3, decoder_steps)
step = descend(decoder_loss, decoder, decoder_batch, lr=lr, ema=0.995, rng=rng, parallel=True)
lesson.fit(step, decoder_steps, state=step.state, label="decoder")
net = step.averaged


# %%
def decode(z, rng, w=1.0, steps=20):
    """Pictures in [0, 1] for embeddings z (N, E) of length 1."""
    noise = rng.standard_normal((len(z), 28, 28, 1), dtype=np.float32)
    eps_model = eps_model_from_v(net, base.schedule)

    def some(noise, z):
        guided = clipped(classifier_free(eps_model, stretch * z, w), base.schedule)
        return ddim(guided, noise, base.schedule, steps)

    return (
        batched(some, noise, z.astype(np.float32), size=250, progress="digits").clip(-1, 1) + 1
    ) / 2


# %% [markdown]
# **Variations.** The embedding of a real digit, and several pictures that the decoder makes of it.
# What stays the same is what CLIP has found worth remembering.

# %%
shown = z_images[:8]
versions = [mnist.unit(test[:8])] + [decode(shown, lesson.rng(f"version {k}")) for k in range(4)]
grid = plot.image_grid(
    np.concatenate(versions)[..., 0],
    cols=8,
    limits=(0, 1),
    row_labels=["digit", "variation", "another", "another", "another"],
)
lesson.figure(
    grid, "variations", "Top: test digits. Below: what the decoder makes of their embeddings."
)

# %%
classifier = lesson.pretrained("digit_classifier")
count = lesson.size(300, quick=10)
variations = decode(z_images[:count], lesson.rng("variations"))
kept = label_accuracy(classifier, variations, asked[:count])
lesson.claim("variations that keep the digit", kept, at_least=0.93, source="the aim is 0.95")

# %% [markdown]
# ## 6. From text to picture
#
# The whole way, for the captions of test digits: prior, then decoder. As a control, the decoder is
# given the *text's* embedding instead, which it has never seen in training.

# %%
lesson.predict(
    "Which obeys the captions better?",
    ["prior and decoder", "the text's embedding straight into the decoder", "equal to 2 points"],
)


# %%
def share_obeyed(images, texts):
    """The share of all that the captions ask for that is found in the images; and its parts."""
    wanted = np.array([read(text)["digit"] for text in texts])
    parts = {"digit": label_accuracy(classifier, images, wanted), **obeyed(images, texts)}
    return float(np.mean(list(parts.values()))), parts


some_texts = test_texts[:count]
by_prior = sample_prior(prior, y_test[:count], E, process, lesson.rng("prior draws")) / stretch
by_prior = by_prior / np.linalg.norm(by_prior, axis=1, keepdims=True)
pictures = {
    "prior and decoder": decode(by_prior, lesson.rng("pictures")),
    "text embedding into the decoder": decode(z_texts[:count], lesson.rng("pictures")),
    "the digit's own embedding": decode(z_images[:count], lesson.rng("pictures")),
    "base model, no text": decode(0 * z_images[:count], lesson.rng("pictures"), w=0.0),
}

# %%
results = {name: share_obeyed(images, some_texts) for name, images in pictures.items()}
rows = []
for name, (overall, parts) in results.items():
    rows.append([name, *[f"{share:.0%}" for share in parts.values()], f"{overall:.0%}"])
lesson.table(rows, ["pictures by", "digit", "thickness", "slant", "width", "mean"])

# %%
two, straight = results["prior and decoder"][0], results["text embedding into the decoder"][0]
answer = "prior and decoder" if two > straight else "the text's embedding straight into the decoder"
lesson.outcome(
    f"prior and decoder {two:.0%}, text's embedding {straight:.0%}.",
    answer="equal to 2 points" if abs(two - straight) < 0.02 else answer,
)
lesson.claim(
    "prior and decoder: share of the captions that is obeyed",
    two,
    at_least=0.82,
    source="the aim is 0.85",
)
digit_share = results["prior and decoder"][1]["digit"]
lesson.claim("prior and decoder: the digit that was asked for", digit_share, at_least=0.9)


# %%
def draw_text(rng, n, caption=None, w=1.0, steps=20):
    rows = rng.integers(0, len(test), n)
    texts = [test_texts[k] for k in rows] if caption is None else [caption] * n
    z = sample_prior(prior, stretch * embed_texts(texts), E, process, rng) / stretch
    digits = np.array([read(text)["digit"] for text in texts])
    return decode(z / np.linalg.norm(z, axis=1, keepdims=True), rng, w, steps), digits


lesson.sampler("captions", draw_text)

# %%
requests = [
    "a thin seven leaning right, wide",
    "a thick seven leaning left, narrow",
    "a thick zero",
    "a thin zero leaning right, narrow",
    "a medium four upright",
    "a thick four leaning right, wide",
]
y = stretch * embed_texts(requests)
rows = []
for k in range(6):
    z = sample_prior(prior, y, E, process, lesson.rng(f"request {k}"))
    rows.append(decode(z / np.linalg.norm(z, axis=1, keepdims=True), lesson.rng(f"draw {k}")))

# %%
by_request = np.stack(rows, axis=1).reshape(-1, 28, 28)
grid = plot.image_grid(
    by_request,
    cols=6,
    limits=(0, 1),
    row_labels=[text.replace(" leaning", "\nleaning") for text in requests],
)
lesson.figure(grid, "requests", "Six requests, six pictures each: read the request, then the row.")

# %% [markdown]
# **In between.** Half-way between two embeddings, along the sphere, with one and the same noise:

# %%
way = np.linspace(0, 1, 8, dtype=np.float32)
rows = []
for a, b in [(0, 1), (2, 3), (4, 5)]:
    between = interpolate_spherical(z_images[a], z_images[b], way)
    noise = lesson.rng("one noise").standard_normal((1, 28, 28, 1), dtype=np.float32)
    guided = clipped(
        classifier_free(eps_model_from_v(net, base.schedule), stretch * between, 1.0), base.schedule
    )
    rows.append((ddim(guided, np.repeat(noise, 8, axis=0), base.schedule, 20).clip(-1, 1) + 1) / 2)
grid = plot.image_grid(np.concatenate(rows)[..., 0], cols=8, limits=(0, 1))
lesson.figure(grid, "between", "From the embedding of one test digit to that of another.")

# %% [markdown]
# ## Where the post is loose
#
# - The prior predicts the clean embedding itself; the decoder, as all networks for pictures, the
#   noise (or $v$).
# - Prior and decoder are trained separately; Eq. diffusion.31 is about sampling, not about one
#   loss.
# - In the paper the decoder is given the text as well. Ours has only the embedding, so that one
#   sees what that alone can do.
#
# **Left out:** the autoregressive prior, which the authors also tried; the two networks that make
# the picture larger (that is the lesson on cascades). **Next:** `diffusion/16`, which needs no
# embedding of pictures at all.
#
# **Your turn:** `minigen exercise start diffusion/15`, then `minigen run diffusion/15 --with
# exercises/diffusion_15.py`.

# %%
lesson.finish()
