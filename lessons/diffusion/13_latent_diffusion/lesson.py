# %% [markdown]
# # Latent diffusion: noise the meaning, not the pixels
#
# The section *Latent Variable Space* (diffusion.s15) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), run on digits. To take
# away:
#
# 1. Most of what a pixel model learns is detail that no one looks at. An autoencoder can take care
#    of it, once.
# 2. The diffusion model then works on small grids of numbers, the *latents*. What that saves is
#    measured.
# 3. A caption enters by *cross-attention*: each position of the grid asks, the words answer.
#
# Needed: a diffusion model of digits (`diffusion/04`), guidance (`diffusion/09`), and what a
# variational autoencoder is (`vae/06`). It measures with two pretrained models that come with the
# package, the classifier of `gan/08` and the base model of `diffusion/09`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/13_latent_diffusion",
    title="Latent diffusion: noise the meaning, not the pixels",
    post="diffusion",
    sections=["diffusion.s15"],
    figures=["diffusion.f13", "diffusion.f14"],
    equations=["diffusion.30"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=10.0,
    sources=["weng2021diffusion", "vandenoord2017vqvae", "ho2020ddpm", "rombach2022latent"],
)

# %%
import time

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.diffusion.ddpm import predict_x0_from_eps, q_sample, v_loss
from minigen.diffusion.guidance import conditional
from minigen.diffusion.latent import CrossAttentionBlock, LatentDiffusion, LatentNet
from minigen.diffusion.latent import cross_attention, unit_scale
from minigen.diffusion.likelihood import vlb_terms
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %%
from minigen.metrics.digits import class_probabilities, digit_frechet_distance, label_accuracy
from minigen.nn import Conv2d, Module
from minigen.optim import Adam, cosine
from minigen.tensor import batched
from minigen.train import descend
from minigen.vae.vae import kl_standard_normal, reparameterize
from minigen.vae.vq_networks import Decoder, Encoder
from minigen.vae.vq_vae import VQVAE, start, training_step

# %%
classifier = lesson.pretrained("digit_classifier")
base = lesson.pretrained("digit_diffusion")
data = mnist.splits()
test, test_labels = mnist.unit(data.test.images), data.test.labels.astype(int)

# %% [markdown]
# ## 1. What the bits are for (figure f13)
#
# A diffusion model is also a way to send a picture. Sender and receiver own the same model; the
# sender sends $x_T$, then what is needed to get from $x_T$ to $x_{T-1}$, and so on. Each step costs
# its term of the variational bound (`diffusion/03`): so many bits. At any time the receiver can
# stop and guess the picture, $\hat x_0$, from what has come in (Ho et al. 2020, section 4.3).
# So we can draw how wrong the guess is, the *distortion*, against the bits so far, the *rate*.
#
# Here with the base model, which works on pixels, 50 steps, and 100 test digits. We ask two things
# about each guess: how far its pixels are off (the root of the mean square), and whether the
# classifier reads the right digit.

# %%
lesson.predict(
    "Of all bits that are sent, which share is needed until 95 % of the digits are read rightly?",
    ["less than a tenth", "about a third", "more than a half"],
)


# %%
count = lesson.size(100, quick=8)
shown = mnist.symmetric(data.test.images[:count])  # in [-1, 1]
kept = spaced_timesteps(base.schedule.T, lesson.size(50, quick=4))
short = base.schedule.subset(kept)
rng = lesson.rng("bits")
terms = vlb_terms(base, shown, short, rng, variance="posterior", levels=256)
per_step = terms.nats.mean(axis=0) / np.log(2) / 784  # bits per pixel, index t: the step down to t


# %%
def guess_at(t):
    """What one would guess of the digits from x_t, in [0, 1]."""
    eps = rng.standard_normal(shown.shape, dtype=np.float32)
    x_t = q_sample(shown, t, eps, short)
    told = base(x_t, np.full(count, short.times[t]))
    guess = predict_x0_from_eps(x_t, t, told, short)
    return (np.clip(guess, -1, 1) + 1) / 2


# %%
rows, guesses = [], {}
for t in range(short.T, 0, -1):
    guesses[t] = guess_at(t)
    rate = per_step[t:].sum()  # what has been sent when x_t is known
    off = np.sqrt(np.mean((guesses[t] - test[:count]) ** 2))
    rows.append([rate, off, label_accuracy(classifier, guesses[t], test_labels[:count])])
total = per_step.sum()  # with the last step the picture itself is known
rows.append([total, 0.0, label_accuracy(classifier, test[:count], test_labels[:count])])
rates, distortions, readings = np.array(rows).T

# %%
enough = np.argmax(readings >= 0.95) if readings.max() >= 0.95 else len(rates) - 1
part = rates[enough] / total
choices = {"less than a tenth": part < 0.2, "about a third": part < 0.42, "more than a half": True}
lesson.outcome(
    f"{100 * part:.0f} % of them: {784 * rates[enough]:.0f} of {784 * total:.0f} bits. The rest"
    " makes hardly a digit more readable; it takes the pixels from an error of"
    f" {distortions[enough]:.3f} to the last gray value.",
    answer=next(choice for choice, holds in choices.items() if holds),
)
lesson.claim("share of the bits until 95 % are read", part, at_most=0.1)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.5))
bits = np.maximum(784 * rates, 0.1)
border = bits[enough]
spans = {"semantic": (bits[0], border), "perceptual": (border, bits[-1])}
plot.line(bits, distortions, left, log="x", spans=spans, xlabel="bits", ylabel="RMSE of the pixels")
plot.line(bits, readings, right, log="x", xlabel="bits", ylabel="share of digits read rightly")
lesson.figure(
    fig,
    "f13_rate_distortion",
    "Left: how far the pixels of the guess are off, by the bits so far (on a logarithmic axis). The"
    " border of the two regimes is where 95 % can be read: up to it the meaning is decided, beyond"
    " it only how the pixels look. Right: the share that can be read.",
)

# %%
moments = sorted({max(1, round(share * short.T)) for share in (0.9, 0.75, 0.6, 0.4, 0.2)})[::-1]
grid = np.concatenate([guesses[t][:8] for t in moments] + [test[:8]])
labels = [f"{784 * per_step[t:].sum():.0f} bits" for t in moments] + ["the digit"]
lesson.figure(
    plot.image_grid(grid, cols=8, row_labels=labels, limits=(0, 1)),
    "guesses",
    "The receiver's guess after so many bits of each digit.",
)

# %% [markdown]
# (Which of ten digits it is takes $\log_2 10 = 3.3$ bits. The others before the border say how this
# one is written.) So a pixel model spends most of its bits, and its training, on the perceptual
# regime. Rombach et al. (2022) split the work: an *autoencoder* does the perceptual
# compression, and the diffusion model only what is left.
#
# ## 2. The first stage: an autoencoder
#
# The encoder $\mathcal E$ maps a digit, 28 × 28 numbers, to a grid of 7 × 7 positions with 4
# numbers each; the decoder $\mathcal D$ maps such a grid to a digit. A quarter of the numbers; but
# what counts is the grid: a network on 7 × 7 positions is cheap. One thing is needed besides: the
# latents must fill their space without holes, for the diffusion model will not hit them exactly.
# There are two ways. The *KL-regularized* one is a VAE with a very small weight on the KL term:
#
# $$\Vert x - \mathcal D(z) \Vert^2 + \lambda\, \mathrm{KL}\big(q(z|x) \,\Vert\, \mathcal N(0,
# I)\big), \qquad z \sim q(z|x).$$


# %%
class GridAutoencoder(Module):
    """Images (N, 28, 28, 1) to a Gaussian at each place of a grid (N, 7, 7, channels), and back."""

    def __init__(self, rng, channels=4, width=64):
        self.channels = channels
        self.encoder = Encoder(rng, 1, width)
        self.moments = Conv2d(rng, width, 2 * channels, 1)
        self.decoder = Decoder(rng, channels, width, 1)

    def encode(self, x):
        h = self.moments(self.encoder(x))  # (N, 7, 7, 2 channels)
        return h[..., : self.channels], h[..., self.channels :]

    def decode(self, z):
        return self.decoder(z)  # (N, 28, 28, 1)


# %%
cfg = lesson.configure(kl_weight=0.002, width=lesson.size(64, quick=16))


def autoencoder_loss(model, x, eps):
    mu, logvar = model.encode(x)
    decoded = model.decode(reparameterize(mu, logvar, eps))
    error = np.mean(np.sum((x - decoded) ** 2, axis=(1, 2, 3)))
    kl = np.mean(kl_standard_normal(mu, logvar))  # nats for each image
    return error + cfg.kl_weight * kl, {"error": error, "kl": kl}


# %%
rng = lesson.rng("autoencoder")
model = GridAutoencoder(rng, width=cfg.width)
pictures = mnist.batches(data.train.images, size=16, rng=rng)


def pictures_and_noise(rng):
    x = mnist.unit(next(pictures)[0])
    return x, rng.standard_normal((len(x), 7, 7, model.channels), dtype=np.float32)


steps = lesson.steps(2000, quick=6)
step = descend(
    autoencoder_loss, model, pictures_and_noise, lr=cosine(4e-3, steps), rng=rng, parallel=True
)
lesson.fit(step, steps, state={**step.state, "pictures": pictures}, label="autoencoder")
model.freeze()


# %%
def encode(x, eps=None):
    """The latents of digits in [0, 1]: a draw of q(z|x), or its mean."""
    mu, logvar = model.encode(x)
    return mu if eps is None else reparameterize(mu, logvar, eps)


def decode(z):
    return np.clip(model.decode(z), 0, 1)


judged = lesson.size(2000, quick=60)
sample_test, sample_labels = test[::5][:judged], test_labels[::5][:judged]
rebuilt = batched(lambda x: decode(encode(x)), sample_test)
mu, logvar = batched(model.encode, sample_test)
kl_rate = kl_standard_normal(mu, logvar).mean() / np.log(2) / 784

# %% [markdown]
# How good is a set of digits? Its Fréchet distance to real ones, by the features of the classifier
# (`gan/08`). At 2,000 digits two sets of real ones are not 0 apart either:


# %%
def frechet(x):
    """To 2,000 real test digits that are used for nothing else: every fifth, from the third on."""
    return digit_frechet_distance(classifier, test[2::5][:judged], x)


def rmse(x):
    return np.sqrt(np.mean((x - sample_test) ** 2))


real = frechet(sample_test)
stages = [["real digits", "", 0.0, real, label_accuracy(classifier, sample_test, sample_labels)]]
read = label_accuracy(classifier, rebuilt, sample_labels)
stages.append(["KL", 784 * kl_rate, rmse(rebuilt), frechet(rebuilt), read])
lesson.claim("KL autoencoder: share of rebuilt digits read rightly", read, at_least=0.97)

# %% [markdown]
# The other way is *vector quantization* (`vae/10`): each position gets one of $K$ code vectors. The
# quantization layer is then counted to the decoder. Rombach and others use very large codebooks.


# %%
rng = lesson.rng("vq")
quantized = VQVAE(rng, codes=256, dim=4, width=cfg.width)
optimizer = Adam(quantized, 4e-3)
start(quantized, mnist.unit(data.train.images[:200]), rng)
vq_pictures = mnist.batches(data.train.images, size=lesson.size(32, quick=16), rng=rng)
vq_steps = lesson.steps(600, quick=6)
lr = cosine(4e-3, vq_steps)


def vq_step(i):
    optimizer.lr = lr(i)
    return training_step(quantized, optimizer, mnist.unit(next(vq_pictures)[0]), rng)


# %%
state = {"model": quantized, "optimizer": optimizer, "pictures": vq_pictures, "rng": rng}
lesson.fit(vq_step, vq_steps, state=state, label="vector quantization")
quantized.freeze()
vq_rebuilt = quantized.reconstruct(sample_test)
read = label_accuracy(classifier, vq_rebuilt, sample_labels)
stages.append(["VQ", 49 * np.log2(256), rmse(vq_rebuilt), frechet(vq_rebuilt), read])
header = ["digits", "bits of the latents", "RMSE", "Fréchet distance", "read rightly"]
lesson.table(stages, header, f"{judged:,} test digits through both autoencoders")
lesson.claim("VQ autoencoder: share of rebuilt digits read rightly", read, at_least=0.95)

# %%
grid = np.concatenate([sample_test[:10], rebuilt[:10], vq_rebuilt[:10]])
lesson.figure(
    plot.image_grid(grid, cols=10, row_labels=["digits", "KL", "VQ"], limits=(0, 1)),
    "rebuilt",
    "Above: test digits. Below: what is left of them after 7 × 7 × 4 numbers, and after 49 codes of"
    " 256.",
)

# %%
fig, ax = plot.figure(size=(5.2, 3.6))
plot.line(bits, {"pixel model": distortions}, ax, log="x", xlabel="bits", ylabel="RMSE")
ax.plot(784 * kl_rate, rmse(rebuilt), "s", color=plot.color.latent, label="KL autoencoder")
ax.plot(49 * 8, rmse(vq_rebuilt), "^", color=plot.color.model, label="VQ autoencoder")
ax.legend()
lesson.figure(
    fig,
    "stages",
    "Both autoencoders on the plane of figure f13. What lies to the left of a mark is left to the"
    " diffusion model of the latents; what lies to the right, the decoder makes up or leaves out.",
)

# %% [markdown]
# ## 3. A scale for the latents
#
# A schedule of noise is made for data of standard deviation 1: $x_t = \sqrt{\bar\alpha_t}\, x_0 +
# \sqrt{1 - \bar\alpha_t}\,\epsilon$. Nobody has told the autoencoder that. So the latents are
# multiplied by one number, before all else, and divided by it before they are decoded.

# %%
lesson.exercise("diffusion/13/unit_scale")

# %%
lesson.show_source(unit_scale)
lesson.check(
    "deviation of 1, 1, 9, 9 is 4", unit_scale(np.array([[1.0, 9.0], [9.0, 1.0]])), equals=0.25
)
many = data.train.images[: lesson.size(50_000, quick=200)]
rng = lesson.rng("latents")


def drawn_latents(images):
    x = mnist.unit(images)
    return encode(x, rng.standard_normal((len(x), 7, 7, 4), dtype=np.float32))


latents = batched(drawn_latents, many)
factor = unit_scale(latents)

# %%
deviations = latents.std(axis=(0, 1, 2))
print(f"  deviation of all {1 / factor:.3f}; of each channel {np.round(deviations, 2)}")
lesson.claim(
    "no channel collapsed: smallest deviation × factor", deviations.min() * factor, at_least=0.3
)
scaled = np.float32(factor) * latents

# %% [markdown]
# What if one forgets? At time $t$ the signal has the variance $\bar\alpha_t s^2$, where $s$ is the
# deviation of the latents, and the noise $1 - \bar\alpha_t$. Say $s = 0.1$. (The other extreme:
# Stable Diffusion multiplies its latents by 0.18215, so they have $s = 5.5$.)

# %%
lesson.predict(
    "On the cosine schedule with 200 steps: of latents with s = 0.1, after which step is there more"
    " noise than signal? (With s = 1 it is step 100.)",
    ["about step 10", "about step 50", "step 100 as well"],
)

# %%
schedule = Schedule.cosine(200)
rows = []
for s in (0.1, 1.0, 5.5):
    ratio = schedule.alpha_bar * s**2 / (1 - schedule.alpha_bar + 1e-12)
    rows.append([s, int(np.sum(ratio >= 1))])
lesson.table(rows, ["s", "first step with more noise than signal"])

# %%
choices = {"about step 10": 10, "about step 50": 50, "step 100 as well": 100}
lesson.outcome(
    f"Step {rows[0][1]}: for nearly all of the time the network would look at noise alone. With"
    f" s = 5.5 it is step {rows[2][1]}, and the end is not noise: sampling would begin at the wrong"
    " place.",
    answer=min(choices, key=lambda choice: abs(choices[choice] - rows[0][1])),
)

# %% [markdown]
# ## 4. Cross-attention
#
# Rombach and others let a condition $y$, such as a caption, enter in one way whatever it is. An
# encoder $\tau_\theta$ makes of it $M$ vectors, one for each word, say. At some layers of the
# denoising network, each position of the grid makes a *query* of what it holds, $\varphi_i(z_i)$;
# each word makes a *key* and a *value*. A query takes the mean of the values, each weighted by how
# well its key fits.
#
# By hand: one query $(\log 3, 0, 0, 0)$, two words with keys $(2, 0, 0, 0)$ and $(0, 1, 0, 0)$ and
# the values 4 and 8. The products are $2 \log 3$ and 0; $d = 4$, so they are divided by 2; the
# softmax of $\log 3$ and 0 is $\frac34, \frac14$. So the answer is $\frac34 \cdot 4 + \frac14
# \cdot 8 = 5$.

# %%
lesson.exercise("diffusion/13/cross_attention")

# %% [markdown]
# For all queries and words at once (Eq. diffusion.30):
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\Big(\frac{Q K^\top}{\sqrt d}\Big) V, \qquad Q =
# \varphi_i(z_i)\, W_Q^\top,\quad K = \tau_\theta(y)\, W_K^\top,\quad V = \tau_\theta(y)\,
# W_V^\top.$$

# %%
lesson.show_source(cross_attention, CrossAttentionBlock)
query = np.array([[np.log(3), 0.0, 0.0, 0.0]])
keys = np.array([[2.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
lesson.check("the answer", cross_attention(query, keys, np.array([[4.0], [8.0]]))[0, 0], equals=5.0)

# %%
lesson.change(
    "a query twice as long",
    "Change the `np.log(3)` in `query` to `2 * np.log(3)` and run again. What are the two weights "
    "now, and what is the answer?",
    answer="The answer is 4.4: the softmax of 2 log 3 and 0 has the weights 0.9 and 0.1, and "
    "0.9 · 4 + 0.1 · 8 = 4.4. A longer query in the same direction makes the choice of a word "
    "sharper.",
)

# %% [markdown]
# Why the root of $d$? Products of vectors of $d$ random numbers have the variance $d$, and a
# softmax of large numbers is nearly all at one word: its gradient vanishes. Measured, with 16
# words:

# %%
rng = lesson.rng("why the root")
rows = []
for d in (4, 64, 1024):
    q, k = rng.standard_normal((200, d)), rng.standard_normal((16, d))
    one_hot = np.eye(16)
    divided = cross_attention(q, k, one_hot).max(axis=1).mean()
    plain = cross_attention(q * np.sqrt(d), k, one_hot).max(axis=1).mean()
    rows.append([d, divided, plain])
lesson.table(rows, ["d", "largest weight", "without the root"])
lesson.check("without the root, d = 1024: nearly all at one word", rows[-1][2], at_least=0.9)

# %%
lesson.predict(
    "If the condition is one word only (a label, say), what does a position's answer depend on?",
    [
        "on the word and on what the position asks",
        "on the word alone: all positions get the same",
        "on the position alone",
    ],
)

# %%
one_word = rng.standard_normal((1, 8))
answers = cross_attention(rng.standard_normal((49, 8)), one_word, one_word)
same = np.abs(answers - answers[0]).max() < 1e-12
lesson.outcome(
    "One word has the weight 1, whoever asks. Cross-attention to one label is a vector that is"
    " added everywhere. It earns its name from two words on: so our captions have three.",
    answer="on the word alone: all positions get the same"
    if same
    else "on the word and on what the position asks",
)
lesson.check(
    "49 positions, one word: answers differ by", np.ptp(answers, axis=0).max(), at_most=1e-12
)

# %% [markdown]
# (The package's `MultiHeadAttention` does the same with all its products in one fused operation;
# the tests compare them.)
#
# ## 5. Captions
#
# A caption of ours has three words: the digit, its *thickness* and its *slant*, the last two
# measured in the picture. The width of a stroke is about twice its ink over the length of its
# border; the slant is how far the ink moves to the right per row upward. A third of all digits each
# is thin, medium and bold; leans left, stands, leans right.


# %%
def stroke_width(x):
    """Of digits (N, 28, 28, 1) in [0, 1], in pixels: (N,)."""
    down, across = np.diff(x[..., 0], axis=1)[:, :, :-1], np.diff(x[..., 0], axis=2)[:, :-1]
    border = np.sum(np.sqrt(down**2 + across**2), axis=(1, 2))
    return 2 * np.sum(x, axis=(1, 2, 3)) / (border + 1e-6)


def slant(x):
    """Pixels to the right per row upward, by the moments of the ink: (N,)."""
    ink = x[..., 0] / (np.sum(x, axis=(1, 2)) + 1e-6)[:, :, None]  # (N, 28, 28), sums to 1
    place = np.arange(28.0)
    rows, columns = ink.sum(axis=2), ink.sum(axis=1)  # (N, 28) each
    row, column = rows @ place, columns @ place
    mixed = np.einsum("nij,i,j->n", ink, place, place) - row * column
    return -mixed / (rows @ place**2 - row**2 + 1e-6)


# %%
WORDS = [*map(str, range(10)), "thin", "medium", "bold", "leans left", "stands", "leans right"]


def measure(images):
    """Thickness and slant of digits, some at a time: 50,000 at once take much memory."""
    x = mnist.unit(images)
    return stroke_width(x), slant(x)


measured = batched(measure, many)
borders = [np.quantile(values, [1 / 3, 2 / 3]) for values in measured]


def words_of(values, which):
    """Which third, as a word: 10, 11, 12 for the thickness, 13, 14, 15 for the slant."""
    return 10 + 3 * which + np.searchsorted(borders[which], values)


labels = data.train.labels[: len(many)].astype(int)
captions = np.stack([labels, *(words_of(measured[k], k) for k in (0, 1))], axis=1)  # (N, 3)

# %%
slanted = np.zeros((2, 28, 28, 1))
for i in range(4, 24):
    slanted[0, i, 12:16] = 1.0  # a bar of 4 × 20 pixels, upright
    slanted[1, i, 10 + (24 - i) // 4 : 14 + (24 - i) // 4] = (
        1.0  # leaning: 1 to the right per 4 rows
    )
lesson.check("a bar that stands", slant(slanted)[0], equals=0.0, atol=1e-6)
lesson.check("a bar that leans by a quarter", slant(slanted)[1], equals=0.25, atol=0.02)
titles = ["{} {}\n{}".format(*(WORDS[word] for word in caption)) for caption in captions[:4]]
grid = plot.image_grid(mnist.unit(many[:4]), cols=4, labels=titles)
lesson.figure(grid, "captions", "Training digits with their captions.")

# %% [markdown]
# ## 6. The second stage (figure f14)
#
# The network is the U-Net of `diffusion/04` for a grid that is too small to be made smaller:
# residual blocks that are told the time, attention among the positions, one fully connected network
# over all of them; and cross-attention to the words, twice. In a tenth of the examples all words
# are left out, and in half of the others all but the digit: so that one can ask for less, and guide
# (`diffusion/09`). A word left out is a word too, "none", and keeps its place: an answer is a mean
# over three places, and the digit's word alone would count more than it ever did in training.

# %%
rng = lesson.rng("second stage")
net = LatentNet(
    rng,
    words=len(WORDS),
    length=3,
    width=lesson.size(40, quick=8),
    global_mlp=lesson.size(640, quick=16),
)
batch = lesson.size(64, quick=16)
pairs = mnist.batches(scaled, captions, size=batch, rng=rng)


def some_words(captions, rng):
    """Captions with words left out: all of them in a tenth, all but the digit in 0.45."""
    captions, chance = captions.copy(), rng.random(len(captions))
    captions[chance < 0.55, 1:] = -1
    captions[chance < 0.1] = -1
    return captions


# %%
def noisy_latents(rng):
    z0, words = next(pairs)
    eps = rng.standard_normal(z0.shape, dtype=np.float32)
    return z0, rng.integers(1, schedule.T + 1, len(z0)), eps, some_words(words, rng)


def latent_loss(net, z0, t, eps, words):
    return v_loss(net, z0, t, eps, schedule, words)


# %%
steps = lesson.steps(6000, quick=4)
step = descend(
    latent_loss,
    net,
    noisy_latents,
    lr=cosine(3e-3, steps, warmup=min(100, steps // 4)),
    ema=0.998 if steps > 500 else 0.9,
    rng=rng,
    parallel=True,
)
lesson.fit(step, steps, state={**step.state, "pairs": pairs}, label="second stage")
latent = LatentDiffusion(encode, decode, factor, step.averaged.freeze(), schedule)

# %%
GRID = (7, 7, 4)
one = test[3:4]
z = np.float32(factor) * encode(one)
noised = q_sample(z, schedule.T * 6 // 10, rng.standard_normal(z.shape, dtype=np.float32), schedule)
boxes = {
    "x": plot.node("pixels $x$", "data", (0, 0), image=one[0, :, :, 0]),
    "E": plot.node("encoder $E$", "frozen", (1, 0)),
    "z": plot.node("latents $z_0$", "latent", (2, 0), image=z[0, :, :, 0]),
    "zT": plot.node("$z_T$", "noise", (4, 0), image=noised[0, :, :, 0]),
    "net": plot.node("denoising network", "model", (3, 1)),
    "tau": plot.node("words $\\tau(y)$", "latent", (3, 2)),
    "y": plot.node("caption $y$", "data", (4, 2)),
    "D": plot.node("decoder $D$", "frozen", (1, 1)),
    "out": plot.node("new pixels", "fake", (0, 1)),
}

# %%
arrows = ["x -> E -> z", "z -> zT: noise", "zT -> net: T steps", "net -> D -> out", "y -> tau"]
arrows += ["tau -> net: keys, values"]
lesson.figure(
    plot.schematic(boxes, arrows),
    "f14_latent_diffusion",
    "Two stages. Gray and dashed: trained first, then frozen. One channel of the latents is shown;"
    " the network asks the words by cross-attention.",
)

# %% [markdown]
# Ask for every digit, thin and leaning left, and bold and leaning right. The weight of the guidance
# is $w = 1$.


# %%
def draw(words, steps=25, w=0.0, label="draw"):
    """Digits in [0, 1] of captions (N, 3), or of digits alone (N,)."""
    return latent.sample(lesson.rng(label), words, GRID, steps=lesson.size(steps, quick=2), w=w)


digits = np.arange(10)
two_kinds = [
    np.stack([digits, 0 * digits + a, 0 * digits + b], axis=1) for a, b in ((10, 13), (12, 15))
]
grid = np.concatenate([draw(words, w=1.0) for words in two_kinds])
rows = ["thin, leans left", "bold, leans right"]
lesson.figure(
    plot.image_grid(grid, cols=10, row_labels=rows, limits=(0, 1)),
    "asked",
    "Drawn on request.",
)


# %%
def draw_digits(rng, n, label=None, w=0.3, steps=25):
    labels = rng.integers(0, 10, n) if label is None else np.full(n, label)
    return latent.sample(rng, labels, GRID, steps=steps, w=w), labels


lesson.sampler("digits", draw_digits)

# %%
lesson.predict(
    "Which of the three words will be obeyed least often? (By chance: the digit 10 %, the others"
    " 33 %.)",
    ["the digit", "the thickness or the slant"],
)

# %%
asked = captions[lesson.rng("ask").integers(0, len(captions), lesson.size(300, quick=20))]


def obeyed(x):
    """For each of the three words, the share of the pictures that fit it."""
    read = class_probabilities(classifier, x).argmax(axis=1)
    found = [read, words_of(stroke_width(x), 0), words_of(slant(x), 1)]
    return [np.mean(word == asked[:, k]) for k, word in enumerate(found)]


# %%
rows = [[f"w = {w:g}", *obeyed(draw(asked, w=w))] for w in (0.0, 1.0, 3.0)]
nothing = np.full_like(asked, -1)
rows.append(["no words", *obeyed(draw(nothing))])
lesson.table(rows, ["", "digit", "thickness", "slant"], f"share obeyed, {len(asked):,} captions")
by_w = {row[0]: row[1:] for row in rows}
least = "the digit" if np.argmin(by_w["w = 1"]) == 0 else "the thickness or the slant"
lesson.outcome(
    "At w = 1: " + ", ".join(f"{100 * share:.0f} %" for share in by_w["w = 1"]) + ". The border"
    " between two thirds is a line; a digit that is asked to be thin may come out a hair too bold.",
    answer=least,
)
lesson.claim("w = 1: digits as asked", by_w["w = 1"][0], at_least=0.9)
lesson.claim("w = 1: thickness and slant as asked", by_w["w = 1"][1:], at_least=0.6)

# %% [markdown]
# ## 7. Against pixels
#
# Now the point of it. Digits by label alone, the labels of the test set, no guidance, DDIM with $S$
# steps: the base model on pixels, and the latent one, decoding included. We count the processor's
# seconds for 1,000 digits.

# %%
lesson.predict(
    "At the same number of steps, what does the latent model cost?",
    ["about a half of the pixel model", "a quarter or less", "the same: networks are of one size"],
)


# %%
drawn_labels = sample_labels


def by_pixels(labels, steps):
    """Digits in [0, 1] by the base model."""

    def some(noise, labels):
        x = ddim(conditional(base, labels), noise, base.schedule, steps=steps)
        return (np.clip(x, -1, 1) + 1) / 2

    noise = lesson.rng("draw").standard_normal((len(labels), 28, 28, 1), dtype=np.float32)
    return batched(some, noise, labels, size=250, progress="digits")


def row_of(name, fn, steps):
    """Name, steps, seconds for 1,000 digits, Fréchet distance, share as labeled."""
    begin = time.process_time()
    x = fn(drawn_labels, lesson.size(steps, quick=2))
    seconds = (time.process_time() - begin) * 1000 / len(x)
    return [name, steps, seconds, frechet(x), label_accuracy(classifier, x, drawn_labels)]


# %%
rows = [row_of("pixels", by_pixels, steps) for steps in (10, 25)]
rows += [row_of("latent", draw, steps) for steps in (5, 10, 25)]
header = ["model", "steps S", "seconds", "Fréchet distance", "as labeled"]
lesson.table(rows, header, f"{judged:,} digits; two sets of real ones: {real:.1f}")
pixels, latents_ = rows[1], rows[4]
ratio = latents_[2] / pixels[2]
answers = {"about a half of the pixel model": 0.5, "a quarter or less": 0.2}
answers["the same: networks are of one size"] = 1.0
lesson.outcome(
    f"{ratio:.2f} of it at 25 steps, for a Fréchet distance of {latents_[3]:.1f} against"
    f" {pixels[3]:.1f}. (The autoencoder alone scores {stages[1][3]:.1f}: the second stage cannot"
    " do much better than the first allows.)",
    answer=min(answers, key=lambda choice: abs(np.log(answers[choice] / max(ratio, 1e-3)))),
)

# %%
quick_ones = rows[3]  # the latent model with 10 steps
lesson.claim(
    "Fréchet distance over that of pixels (25 steps): latents with 25, 10 steps",
    [latents_[3] / pixels[3], quick_ones[3] / pixels[3]],
    at_most=1.4,
    source="the aim is 1",
)
lesson.claim("cost over that of pixels: 25 steps", ratio, at_most=0.5)
lesson.claim("the same: latents with 10 steps", quick_ones[2] / pixels[2], at_most=0.25)
lesson.claim("latent, 25 steps: as labeled", latents_[4], at_least=0.8)

# %%
fig, ax = plot.figure(size=(5.2, 3.6))
for name, part, mark in (("pixels", rows[:2], "o-"), ("latent", rows[2:], "s-")):
    ax.plot([row[2] for row in part], [row[3] for row in part], mark, label=name)
ax.axhline(real, color=plot.color.ink, ls="--", lw=1.1, label="two sets of real digits")
ax.set(xlabel="seconds for 1,000 digits", ylabel="Fréchet distance", xlim=(0, None), ylim=(0, None))
ax.legend()
lesson.figure(fig, "cost", "Quality against the cost of sampling; each mark is a number of steps.")

# %%
grid = np.concatenate([by_pixels(np.arange(10), 25), draw(np.arange(10), 25)])
lesson.figure(
    plot.image_grid(grid, cols=10, row_labels=["pixels", "latent"], limits=(0, 1)),
    "both",
    "Ten digits by each, 25 steps.",
)

# %% [markdown]
# (If the latent model is behind in the table: its second stage has seen three quarters as many
# pictures as the base model did, which trained for eight minutes. Rombach and others compare after
# equal training.)
#
# ## 8. Without the second stage, without the caption
#
# Is the second stage needed, once the latents are near normal? Decode pure noise, and noise with
# the mean and the covariance of the latents:

# %%
rng = lesson.rng("without")
flat = latents.reshape(len(latents), -1)
mean, spread = flat.mean(axis=0), np.cov(flat.T) + 1e-6 * np.eye(flat.shape[1])
normal = rng.multivariate_normal(mean, spread, judged, method="cholesky")
normal = normal.reshape(judged, *GRID).astype(np.float32)
noise = rng.standard_normal((judged, *GRID), dtype=np.float32) / np.float32(factor)
shown_sets = {"white noise": noise, "one Gaussian": normal}
decoded = {name: batched(decode, z) for name, z in shown_sets.items()}
rows = [[name, frechet(x)] for name, x in decoded.items()]
rows.append(["second stage, no words", frechet(draw(np.full(judged, -1)))])
lesson.table(rows, ["latents", "Fréchet distance"])

# %%
grid = np.concatenate([x[:10] for x in decoded.values()])
lesson.figure(
    plot.image_grid(grid, cols=10, row_labels=list(decoded), limits=(0, 1)),
    "without",
    "Decoded noise: strokes, for the decoder knows them, and no digits.",
)
lesson.claim("one Gaussian / second stage: Fréchet", rows[1][1] / latents_[3], at_least=2)

# %% [markdown]
# ## 9. Where the post is loose
#
# - The shapes in the post do not multiply as printed: with $W_Q$ of shape $d \times d_\epsilon$ and
#   $\varphi_i(z_i)$ of shape $N \times d_\epsilon$ one needs $\varphi_i(z_i)\, W_Q^\top$.
# - Only KL-regularized latents are rescaled, and the post does not say that they are. (Rombach and
#   others found it in their appendix G.)
# - The autoencoder of the paper is trained with a perceptual loss and an adversarial one besides,
#   which keep its pictures sharp. Ours has the squared error alone.
# - The picture of the two regimes comes from a pixel model's bits, not from the autoencoder's.
#
# **Left out:** a diffusion model over the latents of the VQ autoencoder; conditions other than
# captions (masks, layouts), which Rombach and others concatenate or attend to. **Next:** resolution
# in stages instead (`diffusion/14`).
#
# **Your turn:** `minigen exercise start diffusion/13`, then `minigen run diffusion/13 --with
# exercises/diffusion_13.py`.

# %%
lesson.finish()
