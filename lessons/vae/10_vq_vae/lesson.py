# %% [markdown]
# # VQ-VAE: a code made of integers
#
# The section *VQ-VAE and VQ-VAE-2* (vae.s10) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. To take away:
#
# 1. A code can be a grid of integers: each vector of the encoder is replaced by the nearest of $K$
#    code vectors.
# 2. What rounding does to a gradient, how training gets past it, and how the codebook learns by a
#    pull of its own.
# 3. A model of the integers, trained afterwards, draws new digits.
#
# Why would one want *discrete* codes? Much of the world comes in pieces: words, letters, the sounds
# of speech, moves of a game. Models of sequences, such as a transformer, are made for tokens. A
# sentence or a sound gives a code along a line, a *1-D grid* of integers; a picture gives a 2-D
# grid, and that is what we make here.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/10_vq_vae",
    title="VQ-VAE: a code made of integers",
    post="vae",
    sections=["vae.s10"],
    figures=["vae.f09", "vae.f10", "vae.f11"],
    equations=["vae.18", "vae.19", "vae.20"],
    pretrained=["digit_classifier"],
    minutes=4.5,
    sources=["weng2018vae", "vandenoord2017vqvae", "razavi2019vqvae2"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.flow.pixel import CodePixelCNN
from minigen.optim import Adam, cosine
from minigen.plot import node
from minigen.tensor import batched, grad
from minigen.train import descend
from minigen.vae.code_prior import CausalTransformer
from minigen.vae.quantizer import VectorQuantizer, dead_share, ema_update, perplexity
from minigen.vae.quantizer import nearest, quantization_losses, straight_through

# %% [markdown]
# ## 1. Rounding, by hand
# An encoder says $z = 4$. The codebook holds two numbers, $e_0 = 0$ and $e_1 = 5$, so $z$ becomes 5
# (Eq. vae.18):
#
# $$z_q = e_k, \qquad k = \arg\min_i \lVert z - e_i \rVert_2 .$$
#
# The decoder doubles what it gets. The image was $x = 7$, so the error is $(7 - 2 \cdot 5)^2 = 9$.

# %%
lesson.exercise("vae/10/nearest")

# %%
z = np.array([[4.0]])
codebook = np.array([[0.0], [5.0]])
e = codebook[nearest(z, codebook)]  # [[5]]


def error(e):
    return np.sum((7 - 2 * e) ** 2)


lesson.check("the code of 4 and the error", [float(e[0, 0]), float(error(e))], equals=[5.0, 9.0])

# %%
lesson.change(
    "between two codes",
    "Change `z` to `np.array([[2.5]])`, equally far from both codes, and run again. Which code is "
    "chosen, and what is the error? What would 2.6 give?",
    answer="0, the first of two equally near codes, at an error of 49. At 2.6 the code is 5 and "
    "the error 9: it jumps by 40 at one point, and it is constant on both sides of it.",
)

# %% [markdown]
# The encoder made $z$, and it learns from the slope of the error in $z$.

# %%
lesson.predict(
    "What is the slope of the error in z, at z = 4?",
    [
        "12: the error grows as z grows",
        "-12: the error shrinks as z grows",
        "0: a small step of z changes nothing",
        "infinite: rounding jumps",
    ],
)


# %%
def rounded(z):
    return error(codebook[nearest(z, codebook)])


slope_by_rounding = grad(rounded)(z)
print(f"  slope of the error in z: {slope_by_rounding.item():g}")

# %%
lesson.outcome(
    "4 and 4.01 are rounded alike, so the error is 9 at both. (It jumps at 2.5 only, half-way"
    " between the codes.) An encoder that hears this slope learns nothing.",
    answer="0: a small step of z changes nothing",
)
lesson.check("slope of the error in z, by rounding", slope_by_rounding, equals=0.0)

# %% [markdown]
# But the decoder knows what it would like: a smaller input, for at 5 its error has the slope 12.
# *Straight through* gives that wish to $z$ unchanged.

# %%
lesson.exercise("vae/10/straight_through")


# %%
def copied(z):
    return error(straight_through(z, e))


slopes = grad(error)(e).item(), grad(copied)(z).item()
lesson.check("slope at the decoder's input; in z, straight through", slopes, equals=[12.0, 12.0])

# %% [markdown]
# It is not the slope of anything; it is a hint, good as long as $z$ and its code are close.

# %%
lesson.change(
    "no gradient at the decoder",
    "At which image $x$ is the gradient at the decoder's input 0? Set the 7 in `(7 - 2 * e)` to "
    "it and run again.",
    answer="At $x = 10$, which the decoder draws exactly: its slope is 0, and so is the one that "
    "is copied to $z$. Yet $z = 4$ is not at its code. Nothing in this loss moves it there.",
)

# %% [markdown]
# Two more terms keep $z$ and its code close. Both are the squared distance of $z$ and $e$. The
# first moves the code to $z$ and leaves $z$ alone; the second, with a weight $\beta$, moves $z$ to
# its code and leaves the code alone. What has to be held fixed in each?

# %%
lesson.exercise("vae/10/quantization_losses")

# %% [markdown]
# The whole loss is (Eq. vae.19)
#
# $$L = \lVert x - D(e_k)\rVert_2^2 + \lVert \mathrm{sg}[E(x)] - e_k\rVert_2^2
# + \beta\,\lVert E(x) - \mathrm{sg}[e_k]\rVert_2^2 ,$$
#
# where sg holds a value fixed. With $z = 4$, $e = 5$, $\beta = \frac14$ the second term is 1 and
# pulls the code down with slope 2; the third, the *commitment loss*, is $\frac14$ and pulls $z$ up
# with slope $-\frac12$: codes come to the vectors, vectors commit to codes.


# %%
def pull(z, e):
    return sum(np.sum(term) for term in quantization_losses(z, e))  # beta is 1/4 unless given


def pull_on_code(e):
    return pull(z, e)


terms = np.ravel(quantization_losses(z, e))
slopes = grad(pull)(z, e).item(), grad(pull_on_code)(e).item()
name = "codebook and commitment; slopes in z and e"
lesson.check(name, [*terms, *slopes], equals=[1.0, 0.25, -0.5, 2.0])
lesson.show_source(nearest, straight_through, quantization_losses)

# %%
lesson.change(
    "full commitment",
    "In `pull` change `quantization_losses(z, e))` to `quantization_losses(z, e, 1.0))` and run "
    "again. Which of the two slopes changes?",
    answer="The slope in $z$: it becomes -2, four times as large, and equal and opposite to that "
    "of the code, 2. $\\beta$ weighs the commitment term only, and that term moves only $z$. The "
    "two terms, 1 and 0.25, are computed in another line and stay.",
)

# %% [markdown]
# There is another way to move the codes. If the vectors of a code were all known, its best place
# would be their mean. They come in batches, so keep moving averages of their number and of their
# sum, with the weight $\gamma$ for the past, and divide.

# %%
lesson.exercise("vae/10/ema_update")

# %% [markdown]
# If the batch brings $n_i$ vectors to code $i$, that is (Eq. vae.20)
#
# $$N_i \leftarrow \gamma N_i + (1-\gamma)\, n_i, \qquad
# m_i \leftarrow \gamma m_i + (1-\gamma) \sum_j z_{i,j}, \qquad e_i = m_i / N_i .$$
#
# By hand: the code at 5 has $N = 1$, $m = 5$, and a batch brings it 4 and 7. The code at 0 has
# $N = 1$, $m = 0$ and gets nothing. Let $\gamma = \frac12$.

# %%
lesson.predict(
    "Where are the two codes after this batch?",
    [
        "5 goes to 5½, the batch's mean; 0 stays",
        "5 goes to 5¼, half-way to the batch's mean; 0 stays",
        "5 goes to 5⅓; 0 stays",
        "5 goes to 5⅓; 0 drifts to 2¾",
    ],
)

# %%
batch = np.array([[4.0], [7.0]])
both_to_code_1 = np.array([1, 1])
counts, sums, moved = ema_update(
    np.ones(2), codebook.copy(), codebook, batch, both_to_code_1, gamma=0.5
)
print(f"  counts {counts}, sums {np.ravel(sums)}, codes {np.ravel(moved)}")

# %%
lesson.outcome(
    "The code at 5 has N = 1/2 + 1 and m = 5/2 + 11/2 = 8, and 8 / 1.5 is 5⅓: two vectors weigh"
    " twice as much as the one that was there. The code at 0 stays: its number and its sum fade"
    " alike.",
    answer="5 goes to 5⅓; 0 stays",
)
lesson.check("new counts and codes", [*counts, *moved[:, 0]], equals=[0.5, 1.5, 0.0, 16 / 3])
lesson.show_source(ema_update, VectorQuantizer)

# %%
lesson.change(
    "without memory",
    "Change `gamma=0.5` to `gamma=0.0` and run again, after saying where the two codes will be.",
    answer="The code at 5 is at 5.5, the mean of the batch, with a count of 2. The code at 0 has "
    "the count 0, so it stays where it is instead of becoming 0/0. With `gamma=1.0` neither would "
    "move.",
)

# %% [markdown]
# With this update the second term of the loss is *dropped*. The post leaves open what $\gamma$ is
# (here 0.99), where the codebook starts (at vectors of the first images), and what happens to a
# code that no vector chooses: it would never move again. Ours starts anew, now and then, at a
# vector of the current batch.
#
# ## 2. Digits as 49 integers
# The encoder turns 28×28 pixels into 7×7 vectors of 16 numbers; each becomes one of 64 codes.
# Squared errors are summed over pixels and over the numbers of a code. (Averaging one and not the
# other would hide a factor in $\beta$.) A digit becomes 49 integers, at most $49 \log_2 64 = 294$
# bits.

# %%
data = mnist.load()
cfg = lesson.configure(
    codes=64, batch=64, lr=2e-3, prior_batch=32, prior_lr=3e-3, pixel_cnn_lr=6e-3
)
images = data.train_images[: lesson.size(60_000, quick=640)]  # (60000, 28, 28), bytes
n_test = lesson.size(10_000, quick=100)
test = mnist.unit(data.test_images[:n_test])  # (10000, 28, 28, 1) in [0, 1]
labels = data.test_labels[:n_test].astype(int)

# %% [markdown]
# The codebook starts at vectors of 256 digits. A step is not quite the usual one: after the step of
# the gradient come the moving averages, and now and then a revival of dead codes, every fifty steps
# but not in the last part of the training, which is for settling.

# %%
from math import ceil

from minigen.vae.vq_vae import VQVAE, start, training_step


def begin(model, label):
    start(model, mnist.unit(images[:256]), lesson.rng("start " + label))


def every_fifty(steps):
    return range(49, ceil(0.7 * steps), 50)


# %%
def learn(model, steps, label, revivals):
    rng = lesson.rng(label)
    optimizer = Adam(model, cfg.lr)
    lr = cosine(cfg.lr, steps, warmup=min(50, steps))
    batches = mnist.batches(images, size=cfg.batch, rng=rng)

    def step(i):
        optimizer.lr = lr(i)
        x = mnist.unit(next(batches)[0])  # (batch, 28, 28, 1)
        return training_step(model, optimizer, x, rng if i in revivals else None)

    state = {"model": model, "optimizer": optimizer, "batches": batches, "rng": rng}
    return lesson.fit(step, steps, label=label, state=state)


# %%
lesson.predict(
    "How many of the 64 codes will be in use, on the test digits?",
    ["a handful, at most 16", "about half", "nearly all, at least 58"],
)

# %%
model = VQVAE(lesson.rng("init"), codes=cfg.codes)
begin(model, "VQ-VAE")
steps = lesson.steps(1000, quick=4)
learn(model, steps, "VQ-VAE", every_fifty(steps))

# %%
(codes,) = model.codes(test)  # (10000, 7, 7)
decoded = model.images(codes)
in_use = round(64 * (1 - dead_share(codes, cfg.codes)))
alike = perplexity(codes, cfg.codes)
error_of_digits = np.mean((decoded - test) ** 2)

# %% [markdown]
# *Perplexity* is the number of codes that would give the same spread if all were used equally
# often. A code is dead if not one of the 490,000 vectors of the test digits chooses it.

# %%
answer = "nearly all, at least 58" if in_use >= 58 else "about half"
lesson.outcome(
    f"{in_use} of 64 are in use; their perplexity is {alike:.0f}.",
    answer="a handful, at most 16" if in_use <= 16 else answer,
)
lesson.claim(
    "VQ-VAE: squared error a pixel",
    error_of_digits,
    at_most=0.0090,
    source="best 64 linear numbers: 0.0090",
)
lesson.claim("VQ-VAE: share of dead codes, test digits", dead_share(codes, cfg.codes), at_most=0.05)
lesson.claim("VQ-VAE: perplexity of 64 codes", alike, at_least=20)

# %% [markdown]
# Digits as integers are *compressed*: 294 bits in place of 6,272. How does that compare with JPEG?
# Many digits go into one large picture, so that the file's header costs next to nothing, each with
# a black rim, so that JPEG's squares of 8×8 pixels fit. A higher *quality* costs more bits and
# leaves less error.

# %%
lesson.predict(
    "How many bits will JPEG need for a digit, at the same squared error?",
    ["fewer than 250", "250 to 350, about as many", "more than 350"],
)

# %%
from io import BytesIO

from PIL import Image

side = int(len(test) ** 0.5)
rim = np.pad(data.test_images[: side**2], ((0, 0), (2, 2), (2, 2)))  # (side², 32, 32), bytes
mosaic = rim.reshape(side, side, 32, 32).swapaxes(1, 2).reshape(32 * side, 32 * side)


def stored(format, **options):
    """Bits for a digit, and the squared error a pixel that comes back."""
    file = BytesIO()
    Image.fromarray(mosaic).save(file, format, optimize=True, **options)
    back = np.asarray(Image.open(file)) - mosaic.astype(float)
    return 8 * file.tell() / side**2, (back**2).sum() / 255**2 / side**2 / 784


# %%
qualities = (1, 3, 5, 8, 12, 20, 30, 50)
jpeg = np.array([stored("JPEG", quality=quality) for quality in qualities])  # (8, 2)
rows = [["PNG", *stored("PNG")]]
rows += [[f"JPEG, quality {q}", *each] for q, each in zip(qualities, jpeg)]
rows.append(["VQ-VAE", 49 * np.log2(cfg.codes), error_of_digits])
lesson.table(rows, ["test digits", "bits a digit", "squared error a pixel"])
as_good = np.interp(error_of_digits, jpeg[::-1, 1], jpeg[::-1, 0])

# %%
about, more = "250 to 350, about as many", "more than 350"
lesson.outcome(
    f"{as_good:.0f} bits, read between the rows.",
    answer="fewer than 250" if as_good < 250 else about if as_good <= 350 else more,
)

# %% [markdown]
# Mind what is not counted: JPEG needs no codebook and no decoder with thousands of weights, and
# works for any picture; ours knows digits and nothing else. And 6 bits for each integer is the
# dearest way to store them: section 3 predicts the integers, and predicted ones cost less.

# %% [markdown]
# Is the copied gradient what it should be in the whole model? What the decoder wishes at its input
# must arrive at $E(x)$ unchanged.

# %%
z = model(test[:8]).levels[0].z
e = model.quantizer.look_up(codes[:8])


def squared_error(e):
    return np.sum((test[:8] - model.decode(e)) ** 2)


def through_rounding(z):
    return squared_error(straight_through(z, e))


# %%
wish = grad(squared_error)(e)
got = grad(through_rounding)(z)
off = np.abs(got - wish).max() / np.abs(wish).max()
name = "gradient at E(x) minus that at the decoder's input, relative"
lesson.check(name, off, at_most=1e-4)

# %% [markdown]
# Figure f09, with the trained model:


# %%
def picture(k, count=cfg.codes):  # integers as gray levels, 28×28
    size = 28 // len(k)
    return np.kron(k, np.ones((size, size))) / (count - 1)


boxes = {
    "x": node("image $x$", "data", (0, 0), image=test[0, :, :, 0]),
    "E": node(model.encoder, at=(1, 0), name="encoder $E$"),
    "z": node("$E(x)$\n7×7 vectors", "latent", (2, 0)),
    "k": node("7×7 integers", "data", (3, 0), image=picture(codes[0])),
    "book": node(f"codebook\n{cfg.codes} vectors of 16", "frozen", (3, 1)),
    "e": node("$e_k$\n7×7 vectors", "latent", (2, 1)),
    "D": node(model.decoder, at=(1, 1), name="decoder $D$"),
    "out": node("$D(e_k)$", "fake", (0, 1), image=decoded[0, :, :, 0]),
}

# %%
arrows = ["x -> E -> z -> k -> book -> e -> D -> out"]
arrows += ["e --> z: gradient, copied", "out --> D --> e"]
lesson.figure(
    plot.schematic(boxes, arrows),
    "f09_vq_vae",
    "Follow the dashed arrows, the way of the gradient: it jumps over the integers, from e to"
    " E(x).",
)

# %%
integers = [picture(k) for k in codes[:12]]
shown = np.concatenate([test[:12, ..., 0], integers, decoded[:12, ..., 0]])
lesson.figure(
    plot.image_grid(shown, 3, 12, row_labels=["test digit", "49 integers", "decoded"]),
    "reconstructions",
    "Row 3 is hard to tell from row 1. In row 2 gray is the number of a code. Empty paper has"
    " several: a code also says what lies beside it.",
)

# %% [markdown]
# ## 3. A model of the integers
# To draw a digit one needs 49 integers. The VAE had a prior from the start. Here it comes
# afterwards, from any *autoregressive* model, which draws integer by integer, row by row, each
# given those before. We train two on the same integers; neither is told anything about pixels.
#
# - A small *transformer*: it is handed the integer to the left and three above, and may look at all
#   the others.
# - A gated *PixelCNN* (`flow/09`), the choice of VQ-VAE's paper: convolutions that see only what is
#   above and to the left. There a pixel was 0 or 1 and had one logit; here it is one of 64 codes
#   and has 64, and the first layer has a vector for each code at each place of its window.
#
# VQ-VAE-2 joins the two: its PixelSNAIL is a PixelCNN with causal self-attention between layers.

# %%
lesson.show_source(CausalTransformer.__call__, CausalTransformer.log_prob, CausalTransformer.sample)
lesson.show_source(CodePixelCNN)


def prior_loss(prior, tokens, *given):
    return -np.mean(prior.log_prob(tokens, *given))


# %%
def learn_prior(prior, steps, label, arrays, view=iter, lr=cfg.prior_lr):
    rng = lesson.rng(label)
    batches = mnist.batches(*arrays, size=cfg.prior_batch, rng=rng)
    lr = cosine(lr, steps, warmup=min(50, steps))
    step = descend(prior_loss, prior, view(batches), lr=lr, parallel=True)
    state = {**step.state, "batches": batches, "rng": rng}
    return lesson.fit(step, steps, label=label, state=state)


def codes_of_training_digits(model):
    levels = batched(lambda some: model.codes(mnist.unit(some)), images, size=5000)
    return [level.reshape(len(images), -1) for level in levels]


# %% [markdown]
# Both have 250,000 to 300,000 parameters; the PixelCNN gets fewer than half as many steps. Its five
# layers reach every earlier place of a 7×7 grid. How much do they know? The measure is the mean of
# $-\log p$ of the 49 integers of test digits, in nats: the fewer, the better.

# %%
lesson.predict(
    "Which of the two will need fewer nats for the integers of a test digit?",
    [
        "the transformer, by more than 2 nats",
        "the PixelCNN, by more than 2 nats",
        "neither: they are within 2 nats",
    ],
)

# %%
size = dict(width=96, heads=4, layers=2)
prior = CausalTransformer(lesson.rng("init prior"), cfg.codes, 49, back=(1, 6, 7, 8), **size)
(tokens,) = codes_of_training_digits(model)  # (60000, 49)
history = learn_prior(prior, lesson.steps(3200, quick=2), "prior", [tokens])

# %%
pixel_cnn = CodePixelCNN(
    lesson.rng("init PixelCNN"), cfg.codes, width=48, layers=5, window=(2, 5), position_bias=(7, 7)
)
grids = tokens.reshape(-1, 7, 7)
steps = lesson.steps(1500, quick=2)
pixel_history = learn_prior(pixel_cnn, steps, "PixelCNN", [grids], lr=cfg.pixel_cnn_lr)


# %%
def draw_codes(rng, n):
    return prior.sample(rng, n).reshape(n, 7, 7)


def draw_digits(rng, n):
    return model.sample(rng, n, draw_codes)


def draw_by_pixel_cnn(rng, n):
    return model.sample(rng, n, pixel_cnn.sample)


lesson.sampler("vq_vae", draw_digits)
lesson.sampler("vq_vae_pixel_cnn", draw_by_pixel_cnn)

# %% [markdown]
# Beside the two, what one would pay without knowing anything, and knowing only how often each
# integer stands at each place.

# %%
some = codes.reshape(-1, 49)[:2000]
how_often = np.stack([np.bincount(column, minlength=cfg.codes) for column in tokens.T])  # (49, 64)
share = (how_often + 0.1) / (len(tokens) + 0.1 * cfg.codes)
nothing = 49 * np.log(cfg.codes)
by_place = -np.log(share[np.arange(49), some]).sum(axis=1).mean()
by_transformer = -prior.log_prob(some).mean()
by_pixel_cnn = -pixel_cnn.log_prob(some.reshape(-1, 7, 7)).mean()

# %%
known = {
    "nothing": [nothing, "", ""],
    "how often at each place": [by_place, share.size, ""],
    "those before: transformer": [by_transformer, prior.num_parameters(), history.seconds],
    "those before: PixelCNN": [by_pixel_cnn, pixel_cnn.num_parameters(), pixel_history.seconds],
}
rows = [[name, nats, nats / np.log(2), *rest] for name, (nats, *rest) in known.items()]
header = ["known of the 49 integers", "nats", "bits, beside JPEG's in section 2"]
lesson.table(rows, header + ["parameters", "seconds of training"])

# %%
fewer = by_transformer - by_pixel_cnn  # nats that the PixelCNN saves over the transformer
better = "the PixelCNN" if fewer > 0 else "the transformer"
close = "neither: they are within 2 nats"
lesson.outcome(
    f"{by_transformer:.1f} nats for the transformer after {history.steps_done:,} steps,"
    f" {by_pixel_cnn:.1f} for the PixelCNN after {pixel_history.steps_done:,}.",
    answer=close if abs(fewer) <= 2 else f"{better}, by more than 2 nats",
)
name = "prior: nats saved by looking at the integers before"
lesson.claim(name, by_place - by_transformer, at_least=20, unit="nats")
name = "PixelCNN as prior: nats saved by looking at the integers before"
lesson.claim(name, by_place - by_pixel_cnn, at_least=40, unit="nats")

# %%
lesson.change(
    "sixteen codes",
    "Change `codes=64, batch=64` in `lesson.configure` to `codes=16, batch=64` and run again. "
    "What does a digit cost if nothing is known of its 49 integers?",
    answer="135.9 nats, which are $49 \\log_2 16$ = 196 bits, where 64 codes cost 294. It is an "
    "upper limit of what any prior can save: the gap between the first row and the others has "
    "less room. The quantizer pays for it, since each vector is replaced by one of 16 instead of "
    "one of 64.",
)

# %% [markdown]
# How good are the digits? Our judge is the pretrained classifier of `gan/08`. The Fréchet distance
# compares its features of 5,000 drawn and of all test digits; smaller is better, and the last row
# of the table will say what 5,000 other real digits have. Three ways to draw: the 49 integers from
# a learned prior, one of the two; each of the 49 integers at random, all 64 equally probable; and
# the 20 Gaussian numbers of a plain VAE with the networks of `vae/08`, trained once (15 epochs,
# not 34) and kept. The two learned priors share codes and decoder: between their rows, only the
# prior differs. The plain VAE is another system, which differs in more than its codes: its layers
# are dense where ours are convolutions, and its prior is fixed where ours is learned.

# %%
lesson.predict(
    "Which way gives the smallest Fréchet distance, and which the largest?",
    [
        "smallest the plain VAE, largest integers at random",
        "smallest integers of a prior, largest the plain VAE",
        "smallest integers of a prior, largest integers at random",
    ],
)

# %%
from minigen.vae.vae import VAE, vae_loss


def new_vae(config):
    return VAE(np.random.default_rng(config["seed"]))


def train_vae(vae, config, fit):
    rng = np.random.default_rng(config["seed"])
    batches = mnist.batches(mnist.load().train_images, size=100, rng=rng)

    def digits_and_noise(rng):
        x = mnist.binarize(mnist.unit(next(batches)[0], flat=True), rng)
        return x, rng.standard_normal((100, 20), dtype=np.float32)

    steps = config["steps"]
    step = descend(vae_loss, vae, digits_and_noise, lr=cosine(3e-3, steps), rng=rng)
    fit(step, steps, state={**step.state, "batches": batches}, label="plain VAE")


# %%
config = {"steps": lesson.steps(9_000, quick=3), "seed": 0}
vae = lesson.train_once("plain VAE for digits", config, new_vae, train_vae)
n = lesson.size(5_000, quick=40)
rng = lesson.rng("samples")
drawn = {
    "VQ-VAE and transformer": draw_digits(rng, n),
    "VQ-VAE and PixelCNN": draw_by_pixel_cnn(lesson.rng("samples of the PixelCNN"), n),
    "at random": model.images(rng.integers(0, 64, (n, 7, 7))),
    "plain VAE": vae.sample(rng, n, noise=False).reshape(n, 28, 28, 1),
    "decoded test digits": decoded[:n],
    "real": mnist.unit(images[:n]),
}

# %%
from minigen.metrics.digits import judge_digits, label_accuracy

judge = lesson.pretrained("digit_classifier")
frechet = {}
rows = []
for name, x in drawn.items():
    r = judge_digits(judge, x, test)
    frechet[name] = r.frechet
    rows.append([name, r.frechet, r.inception, r.precision, r.recall, r.confidence])

# %%
header = ["digits", "Fréchet distance", "inception score", "precision", "recall", "confidence"]
lesson.table(rows, header)

# %%
called = {
    "VQ-VAE and transformer": "integers of a prior",
    "VQ-VAE and PixelCNN": "integers of a prior",
    "at random": "integers at random",
    "plain VAE": "the plain VAE",
}
smallest, *_, largest = sorted(called, key=frechet.get)
answer = f"smallest {called[smallest]}, largest {called[largest]}"
lesson.outcome(
    ", ".join(f"{name}: {frechet[name]:.1f}" for name in called) + ".",
    answer=answer if answer in lesson.predictions[-1].choices else None,
)
ratio = frechet["VQ-VAE and transformer"] / frechet["plain VAE"]
lesson.claim("Fréchet distance, VQ-VAE with prior / plain VAE", ratio, at_most=0.55)
ratio = frechet["VQ-VAE and PixelCNN"] / frechet["plain VAE"]
lesson.claim("Fréchet distance, VQ-VAE with PixelCNN / plain VAE", ratio, at_most=0.8)

# %%
by_attention, by_convolution, at_random, theirs, *_ = drawn.values()
pictures = [by_attention[:24], by_convolution[:24], at_random[:12], theirs[:24]]
names = ["transformer"] * 2 + ["PixelCNN"] * 2 + ["at random"] + ["plain VAE"] * 2
lesson.figure(
    plot.image_grid(np.concatenate(pictures), 7, 12, row_labels=names),
    "samples",
    "Compare rows 1 to 4 with the last two: edges are sharp, where the VAE blurs. Row 5 has the"
    " decoder of rows 1 to 4, and integers drawn without a prior: strokes, but no digit.",
)

# %% [markdown]
# ## 4. How the codebook moves, and what goes wrong
# Smaller models, trained briefly, one thing changed at a time. "To the letter" takes Eq. vae.19 as
# printed, without the copied gradient: then its first term trains only $e_k$ and the decoder.

# %%
from minigen.vae.vq_vae import Output


class ToTheLetter(VQVAE):
    def __call__(self, x):
        level = self.quantizer(self.encode(x))
        return Output(self.decode(self.quantizer.look_up(level.indices)), [level])


def small(kind=VQVAE, **options):
    return kind(lesson.rng("small"), codes=cfg.codes, width=32, **options)


# %% [markdown]
# Each run is a model, whether its codebook starts at vectors of digits, and when dead codes are
# revived.

# %%
lesson.predict(
    "Which change will cost the image most (largest squared error)?",
    [
        "a random start, without revival",
        "the codebook term in place of the moving average",
        "Eq. vae.19 to the letter",
        "no commitment term",
    ],
)

# %%
steps = lesson.steps(250, quick=1)
some_revivals = every_fifty(steps)
none = ()
runs = {
    "moving average": (small(), True, some_revivals),
    "... no revival": (small(), True, none),
    "... no revival, random start": (small(), False, none),
    "codebook term": (small(learned=True), True, none),
    "to the letter": (small(ToTheLetter, learned=True), True, none),
    "no commitment": (small(beta=0.0), True, some_revivals),
}

# %%
curves = {}
for name, (other, from_data, revivals) in runs.items():
    if from_data:
        begin(other, name)
    curves[name] = learn(other, steps, name, revivals)["perplexity"]

# %%
rows = {}
for name, (other, *_) in runs.items():
    (k,) = other.codes(test[:2000])
    mse = np.mean((other.images(k) - test[:2000]) ** 2)
    spread = other.encode(test[:500]).std()
    rows[name] = [mse, perplexity(k, cfg.codes), dead_share(k, cfg.codes), spread]
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["run", "squared error", "perplexity", "dead codes", "spread of z"],
)

# %%
ax = plot.curves(
    curves,
    smooth=20,
    title="codes in use while training",
    ylabel="perplexity of a batch",
    xlabel="step",
)
lesson.figure(
    ax,
    "codebooks",
    "Look at step 100, where dead codes start anew for the first time, and at the two curves at the"
    " bottom.",
)


# %%
def relative(name, to="moving average"):
    return rows[name][0] / rows[to][0]


asked = dict(
    zip(
        ["... no revival, random start", "codebook term", "to the letter", "no commitment"],
        lesson.predictions[-1].choices,
    )
)
worst = max(asked, key=relative)
lesson.outcome(
    f"'{worst}' has {relative(worst):.1f} times the error of the run with the moving average.",
    answer=asked[worst],
)

# %%
dead = rows["... no revival, random start"][2]
ratio = relative("codebook term", "... no revival")
lesson.claim("random start, no revival: dead codes", dead, at_least=0.5)
name = "squared error, codebook term / average, no revival"
lesson.claim(name, ratio, between=(0.8, 1.25))
lesson.claim("squared error, to the letter / moving average", relative("to the letter"), at_least=3)
lesson.claim("squared error, no commitment / moving average", relative("no commitment"), at_least=2)

# %% [markdown]
# - The *codebook term* and the *moving average* do the same job. What matters more is where codes
#   start, and revival.
# - *To the letter*, the encoder hears nothing of the image, only that it should be close to its
#   codes. The cheapest way is to say the same for every image: one code, and the decoder draws the
#   average digit. The copied gradient is not a detail.
# - *No commitment*: nothing holds the vectors back. They run (look at their spread), and the codes
#   cannot keep up.
#
# ## 5. Two levels
# VQ-VAE-2 has two grids. The *top*, 4×4, is made first; the *bottom*, 7×7, is encoded in its light.
# For large photographs the top is forced to keep the overall shape, but our bottom could hold a
# whole digit alone. So that the top does its part, every second image of a batch is decoded from
# the top only while training, and the bottom has 32 codes; the paper does neither. Three stages
# follow one another (figure f11, below as source): train the model, then a prior for each grid,
# then draw top, bottom, image. The top's prior has self-attention, as the paper wants it, and is
# told the label. At the end we take the top of a test digit and draw a new bottom for it.

# %%
lesson.predict(
    "How often will the judge still read the same digit, from its top with a new bottom?",
    ["hardly ever, below 30 %", "about half the time", "nearly always, above 80 %"],
)

# %%
from minigen.vae.vq_vae2 import HierarchicalVQVAE

levels = HierarchicalVQVAE(lesson.rng("init levels"), codes=(cfg.codes, 32))
begin(levels, "VQ-VAE-2")
steps = lesson.steps(800, quick=2)
learn(levels, steps, "VQ-VAE-2", every_fifty(steps))
top, bottom = codes_of_training_digits(levels)  # (60000, 16), (60000, 49)

# %% [markdown]
# The top's prior: 16 integers, given the label.

# %%
kinds = data.train_labels[: len(images)].astype(int)
back = (1, 3, 4, 5)
rng = lesson.rng("init top")
top_prior = CausalTransformer(rng, cfg.codes, 16, classes=10, back=back, **size)
learn_prior(top_prior, lesson.steps(1500, quick=2), "top prior", [top, kinds])

# %% [markdown]
# The bottom's prior: 49 integers, given the vectors of the top, spread over 7×7 places.


# %%
def context(top):
    return levels.context(top.reshape(-1, 4, 4)).reshape(-1, 49, 16)


def given_the_top(batches):
    for bottom, top in batches:
        yield bottom, None, context(top)


back = (1, 6, 7, 8)
bottom_prior = CausalTransformer(lesson.rng("init bottom"), 32, 49, context=16, back=back, **size)
steps = lesson.steps(1000, quick=2)
learn_prior(bottom_prior, steps, "bottom prior", [bottom, top], given_the_top)


# %%
def draw_top(rng, n):
    labels = np.arange(n) % 10  # 0, 1, ..., 9, 0, ...
    return top_prior.sample(rng, n, labels).reshape(-1, 4, 4)


def draw_bottom(rng, top):
    return bottom_prior.sample(rng, len(top), context=context(top)).reshape(-1, 7, 7)


def draw_labeled(rng, n):
    return levels.sample(rng, n, draw_top, draw_bottom), np.arange(n) % 10


lesson.sampler("vq_vae_2", draw_labeled)

# %%
lesson.show_source(HierarchicalVQVAE.__call__, training_step, HierarchicalVQVAE.sample)
test_top, test_bottom = levels.codes(test)  # (10000, 4, 4), (10000, 7, 7)
rebuilt = levels.images(test_top, test_bottom)
alone = levels.images(test_top)
redrawn = levels.images(test_top, draw_bottom(lesson.rng("redrawn"), test_top))

# %%
new_top = draw_top(lesson.rng("top"), n)
new_bottom = draw_bottom(lesson.rng("bottom"), new_top)
digits = levels.images(new_top, new_bottom)
report = judge_digits(judge, digits, test, np.arange(n) % 10)
print(f"  digits drawn through two levels: Fréchet distance {report.frechet:.1f}")

# %%
decoder = node(levels.decoder, at=(3, 0.5), name="decoder")
training = {
    "x": node("$x$", "data", (0, 0.5), image=test[0, :, :, 0]),
    "E": node(levels.encoder, at=(1, 0.5), name="encoder"),
    "top": node("top", "data", (2, 0), image=picture(test_top[0])),
    "low": node("bottom", "data", (2, 1), image=picture(test_bottom[0], 32)),
    "D": decoder,
    "out": node("$D(e)$", "fake", (4, 0.5), image=rebuilt[0, :, :, 0]),
}
training_arrows = ["x -> E -> top -> low -> D -> out", "E -> low", "top -> D"]

# %%
drawing = {
    "c": node("label 3", "data", (0, 0)),
    "p": node(top_prior, at=(1, 0), name="top prior"),
    "q": node(bottom_prior, at=(1, 1), name="bottom prior"),
    "top": node("top", "fake", (2, 0), image=picture(new_top[3])),
    "low": node("bottom", "fake", (2, 1), image=picture(new_bottom[3], 32)),
    "D": decoder,
    "out": node("$D(e)$", "fake", (4, 0.5), image=digits[3, :, :, 0]),
}
drawing_arrows = ["c -> p -> top -> q -> low -> D -> out", "top -> D"]

# %%
fig, (above, below) = plot.figure(2, 1, size=(8, 2.6))
plot.schematic(training, training_arrows, above, title="training")
plot.schematic(drawing, drawing_arrows, below, title="drawing a digit")
lesson.figure(
    fig,
    "f10_two_levels",
    "In both panels the top is there before the bottom, and the decoder gets both.",
)

# %% [markdown]
# What does each level hold? The judge says how many of the test digits are still read as what they
# are: from both levels, from the top alone, and from their top with another bottom.

# %%
kinds_of = {"top and bottom": rebuilt, "top alone": alone, "new bottom": redrawn}
mse = {name: np.mean((x - test) ** 2) for name, x in kinds_of.items()}
kept = {name: label_accuracy(judge, x, labels) for name, x in kinds_of.items()}
lesson.table(
    [[name, mse[name], kept[name]] for name in kinds_of],
    ["test digits from", "squared error", "still the same digit"],
)

# %%
share_kept = kept["new bottom"]
answer = "nearly always, above 80 %" if share_kept > 0.8 else "about half the time"
lesson.outcome(
    f"{100 * share_kept:.0f} % are still read as what they were.",
    answer="hardly ever, below 30 %" if share_kept < 0.3 else answer,
)

# %%
strips = [test, rebuilt, alone, redrawn, digits, digits[10:], digits[20:]]
pictures = np.concatenate([x[:10] for x in strips])
names = ["test digit", "decoded", "top alone", "new bottom", "drawn", "drawn", "drawn"]
lesson.figure(
    plot.image_grid(pictures, 7, 10, row_labels=names),
    "levels",
    "Row 3: the top knows the digit and its slant; its edges are soft. Row 4: other bottoms for the"
    " same tops. Below, each column was asked for its digit, 0 to 9.",
)

# %%
lesson.claim("VQ-VAE-2: still the same digit, top alone", kept["top alone"], at_least=0.8)
name = "VQ-VAE-2: still the same digit, a bottom drawn for the top"
lesson.claim(name, kept["new bottom"], at_least=0.8)
ratio = mse["top alone"] / mse["top and bottom"]
lesson.claim("VQ-VAE-2: squared error, top alone / both", ratio, at_least=1.5)
dead = [dead_share(test_top, cfg.codes), dead_share(test_bottom, 32)]
lesson.claim("VQ-VAE-2: dead codes, top and bottom", dead, at_most=0.05)
lesson.claim("VQ-VAE-2: share of digits that are the one asked for", report.accuracy, at_least=0.77)

# %% [markdown]
# ## 6. Where the post is loose
# - With the moving average the codebook term is dropped (section 1). $\gamma$, the start and the
#   dead codes are left to you.
# - Eq. vae.19 needs the copied gradient, or it does what "to the letter" did (section 4).
# - The self-attention is in the prior of the *top*; the paper's bottom, a large grid, does without.
#   (Ours has it in both.)
#
# **Left out:** larger images, more levels, throwing away samples that a classifier is unsure of.
# **Next:** *TD-VAE* (`vae/11`) asks what a model should believe about a state that it sees only in
# glimpses.
#
# **Your turn:** `minigen exercise start vae/10`, then `minigen run vae/10 --with
# exercises/vae_10.py`.

# %%
lesson.finish()
