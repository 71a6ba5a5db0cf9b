# %% [markdown]
# # Latent diffusion models
#
# Stable Diffusion samples images of 512 × 512 pixels on a computer at home. A diffusion model of
# these pixels would run its network on 786,432 numbers in each step, and most of them only say
# which of many similar textures it is. A smaller image would be cheaper, but then the texture is
# lost. Can we diffuse something small and still get a sharp image?
#
# A *latent diffusion model* (LDM) has two parts: an autoencoder, and a diffusion model of its
# latents, which are small grids of numbers. We count the bits that decide what a digit shows
# (section 2), train an autoencoder (3), and bring its latents to the right scale (4). Then a
# caption enters (5, 6), the second stage is trained (7), and we compare it with a model of pixels
# (8) and with no model at all (9). This lesson follows the section *Latent Variable Space* of [What
# are Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: `diffusion/04` (a diffusion model of digits), `diffusion/09` (guidance),
# `vae/06` (variational autoencoders).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/13_latent_diffusion",
    title="Latent diffusion models",
    post="diffusion",
    sections=["diffusion.s15"],
    figures=["diffusion.f13", "diffusion.f14"],
    equations=["diffusion.30"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=6,
    picture="asked",
    sources=[
        "weng2021diffusion",
        "vandenoord2017vqvae",
        "ho2020ddpm",
        "rombach2022latent",
        "esser2024scaling",
    ],
)

# %%
import textwrap
import time

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.data.captions import DIGITS, LENGTH, VOCABULARY, captions, measure, obeyed, tokenize
from minigen.diffusion.ddpm import predict_x0_from_eps, q_sample, v_loss
from minigen.diffusion.guidance import conditional
from minigen.diffusion.latent import CrossAttentionBlock, LatentDiffusion, LatentNet
from minigen.diffusion.latent import cross_attention, unit_scale
from minigen.diffusion.likelihood import vlb_terms
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule, spaced_timesteps

# %%
from minigen.metrics.digits import class_gaussian_digits, digit_frechet_distance, label_accuracy
from minigen.nn import Conv2d, Module
from minigen.optim import Adam, cosine
from minigen.tensor import batched
from minigen.train import descend
from minigen.vae.vae import kl_standard_normal, reparameterize
from minigen.vae.vq_networks import Decoder, Encoder
from minigen.vae.vq_vae import VQVAE, start, training_step

# %% [markdown]
# ## 1. Two stages
#
# An image has a content, and it has details that nobody would miss. Why should the same network
# learn both? Rombach, Blattmann and others (2022) divide the work, and train two models, one after
# the other. The first is an autoencoder. Its encoder $\mathcal E$ maps an image to a small grid of
# *latents* $z = \mathcal E(x)$, and its decoder $\mathcal D$ maps latents to an image $\tilde x =
# \mathcal D(z)$. Then the autoencoder is frozen, and a diffusion model is trained on the latents.
# To sample, we denoise a grid of latents and decode it. This is the post's figure f14:

# %%
classifier = lesson.pretrained("digit_classifier")
base = lesson.pretrained("digit_diffusion")
data = mnist.splits()
test, test_labels = mnist.unit(data.test.images), data.test.labels.astype(int)

# %%
one = test[3:4]
boxes = {
    "x": plot.node("pixels $x$", "data", (0, 0), image=one[0, :, :, 0]),
    "E": plot.node("encoder $E$", "frozen", (1, 0)),
    "z": plot.node("latents $z_0$", "latent", (2, 0)),
    "zT": plot.node("$z_T$", "noise", (4, 0)),
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
    "The two stages. The gray boxes with dashed borders are trained first, and then frozen. Look at"
    " where the caption enters.",
)

# %% [markdown]
# The autoencoder is trained without captions, and the diffusion model without pixels.
#
# ## 2. Rate and distortion
#
# How much of a digit is content, and how much is detail? A diffusion model of pixels can tell,
# because it can serve as a code for images. Sender and receiver have the same model. The sender
# transmits $x_T$, then what the receiver needs to get from $x_T$ to $x_{T-1}$, and so on. Each step
# costs its term of the variational bound (`diffusion/03`), in bits. At any time the receiver can
# stop and predict the image, $\hat x_0$, from what has arrived (Ho et al. 2020, section 4.3). The
# error of the prediction is the *distortion*, and the number of bits so far is the *rate*.
#
# We take the model of pixels of `diffusion/09` in 50 steps, and 100 test digits. For each
# prediction we measure the error of its pixels (root mean square), and whether the classifier of
# `gan/08` assigns the right digit to it.

# %%
lesson.predict(
    "What fraction of all bits has been sent when 95 % of the predicted digits are classified"
    " correctly?",
    ["less than a tenth", "a tenth to a half", "more than a half"],
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
    """The predicted digits, given x_t, in [0, 1]."""
    eps = rng.standard_normal(shown.shape, dtype=np.float32)
    x_t = q_sample(shown, t, eps, short)
    predicted = base(x_t, np.full(count, short.times[t]))
    guess = predict_x0_from_eps(x_t, t, predicted, short)
    return (np.clip(guess, -1, 1) + 1) / 2


# %%
rows, guesses = [], {}
for t in range(short.T, 0, -1):
    guesses[t] = guess_at(t)
    rate = per_step[t:].sum()  # what has been sent when x_t is known
    off = np.sqrt(np.mean((guesses[t] - test[:count]) ** 2))
    rows.append([rate, off, label_accuracy(classifier, guesses[t], test_labels[:count])])
total = per_step.sum()  # with the last step the image itself is known
rows.append([total, 0.0, label_accuracy(classifier, test[:count], test_labels[:count])])
rates, distortions, readings = np.array(rows).T

# %%
enough = np.argmax(readings >= 0.95) if readings.max() >= 0.95 else len(rates) - 1
part = rates[enough] / total
choices = {"less than a tenth": part < 0.1, "a tenth to a half": part <= 0.5}
lesson.outcome(
    f"At that point {784 * rates[enough]:.0f} of {784 * total:.0f} bits have been sent, which is"
    f" {part:.1%}. The others reduce the error of a pixel from {distortions[enough]:.3f} to 0.",
    answer=next((choice for choice, holds in choices.items() if holds), "more than a half"),
)

# %%
lesson.claim(
    "fraction of the bits until 95 % are classified correctly",
    part,
    at_most=0.025,
    source="TODO",
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.5))
bits = np.maximum(784 * rates, 0.1)
border = bits[enough]
spans = {"semantic": (bits[0], border), "perceptual": (border, bits[-1])}
plot.line(bits, distortions, left, log="x", spans=spans, xlabel="bits", ylabel="RMSE of the pixels")
plot.line(bits, readings, right, log="x", xlabel="bits", ylabel="fraction classified correctly")
lesson.figure(
    fig,
    "f13_rate_distortion",
    "Left: the error of the predicted pixels (blue) against the bits so far, on a logarithmic axis."
    " Right: the fraction of the digits that is classified correctly. Look at the border of the two"
    " shaded regimes, where this fraction reaches 95 %.",
)

# %%
moments = sorted({max(1, round(share * short.T)) for share in (0.9, 0.75, 0.6, 0.4, 0.2)})[::-1]
grid = np.concatenate([guesses[t][:8] for t in moments] + [test[:8]])
row_names = [f"{784 * per_step[t:].sum():.0f} bits" for t in moments] + ["the digit"]
lesson.figure(
    plot.image_grid(grid, cols=8, row_labels=row_names, limits=(0, 1)),
    "guesses",
    "The predicted digits, and in the last row the digits themselves. Each row is labeled with the"
    " bits received so far for a digit. From which row on can you read them all?",
)

# %% [markdown]
# Nearly all bits of the pixel model describe details, and a code without most of them keeps the
# content. (The label of a digit takes $\log_2 10 = 3.3$ bits. The other bits before the border
# specify how this digit is written.) This is the reason for two stages: an autoencoder does the
# *perceptual compression*, and a diffusion model the *semantic compression*. (Bits are not training
# time: with $t$ drawn uniformly, the loss has all noise levels equally often.)
#
# ## 3. The first stage: an autoencoder
#
# What should the latents be like? They must be few, and a diffusion model must be able to learn
# their distribution.
#
# For an image of $H \times W$ pixels the latents are a grid of $h \times w$ positions with $c$
# channels. The *downsampling rate* is $f = H/h = W/w = 2^m$. We take $f = 4$, so that 28 × 28
# pixels become 7 × 7 positions with $c = 4$ channels. The latents have a quarter of the components
# of the image, and the network that denoises them works on a sixteenth of the positions.
#
# But the squared error does not fix the scale of the latents. If the encoder multiplies them by 10
# and the decoder divides by 10, every image is reconstructed as before. The variance of the latents
# could be arbitrarily high, so they are regularized, in one of two ways. *KL-reg* is a VAE with a
# small weight $\lambda$ on the KL term (ours is 0.002; Rombach and others use about $10^{-6}$, with
# another reconstruction loss; see their appendix G):
#
# $$\Vert x - \mathcal D(z) \Vert^2 + \lambda\, \mathrm{KL}\big(q(z|x) \,\Vert\, \mathcal N(0,
# I)\big), \qquad z \sim q(z|x).$$
#
# In words: reconstruct the image, and keep the latents near a standard normal. The KL term also
# gives each latent a width, so the decoder is trained on a neighborhood of each $\mathcal E(x)$.


# %%
class GridAutoencoder(Module):
    """Images (N, 28, 28, 1) -> Gaussians on a grid (N, 7, 7, channels), and back."""

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
images = mnist.batches(data.train.images, size=16, rng=rng)


def images_and_noise(rng):
    x = mnist.unit(next(images)[0])
    return x, rng.standard_normal((len(x), 7, 7, model.channels), dtype=np.float32)


steps = lesson.steps(2000, quick=6)
step = descend(
    autoencoder_loss, model, images_and_noise, lr=cosine(4e-3, steps), rng=rng, parallel=True
)
lesson.fit(step, steps, state={**step.state, "images": images}, label="autoencoder")
model.freeze()


# %%
def encode(x, eps=None):
    """The latents of digits in [0, 1]: a draw of q(z|x), or its mean."""
    mu, logvar = model.encode(x)
    return mu if eps is None else reparameterize(mu, logvar, eps)


def decode(z):
    return np.clip(model.decode(z), 0, 1)


def reconstruct(x):
    return decode(encode(x))


# %%
judged = lesson.size(2000, quick=60)
sample_test, sample_labels = test[::5][:judged], test_labels[::5][:judged]
rebuilt = batched(reconstruct, sample_test)
mu, logvar = batched(model.encode, sample_test)
kl_rate = kl_standard_normal(mu, logvar).mean() / np.log(2) / 784

# %% [markdown]
# We check the argument about the scale. All latents are multiplied by 1 or 10, and divided by the
# same number before decoding. Which of the two terms of the loss changes?

# %%
rows = []
for k in (1.0, 10.0):
    z = np.float32(k) * mu[:200]
    error = np.mean(np.sum((decode(z / np.float32(k)) - sample_test[:200]) ** 2, axis=(1, 2, 3)))
    rows.append([k, z.std(), error, kl_standard_normal(k * mu, logvar + 2 * np.log(k)).mean()])
lesson.table(rows, ["latents times", "standard deviation", "squared error", "KL, nats"])
gap = rows[1][2] - rows[0][2]
lesson.check("ten times the latents: change of the error", gap, equals=0.0, atol=0.01)

# %% [markdown]
# Only the KL term penalizes the larger variance.
#
# How good are the reconstructions? We judge a set of digits by its Fréchet distance to real ones,
# in the features of the classifier (`gan/08`). Two sets of 2,000 real digits have a positive
# distance, too. An autoencoder without any training is the rival: *principal components*, a linear
# map to as many numbers as the autoencoder has latents, and back.


# %%
def frechet(x):
    """To 2,000 real test digits that are not used elsewhere: every fifth, from the third on."""
    return digit_frechet_distance(classifier, test[2::5][:judged], x)


def rmse(x):
    return np.sqrt(np.mean((x - sample_test) ** 2))


flat_train = mnist.unit(data.train.images[:10_000]).reshape(10_000, -1)
directions = np.linalg.eigh(np.cov(flat_train.T))[1]  # of increasing variance


def principal(k):
    """The test digits from their k principal components."""
    mean, kept = flat_train.mean(axis=0), directions[:, -k:]
    x = (sample_test.reshape(judged, -1) - mean) @ kept @ kept.T + mean
    return np.clip(x, 0, 1).reshape(sample_test.shape).astype(np.float32)


# %%
stages = []


def judge_stage(name, bits, x):
    """A row of the table: the reconstructions x of the test digits."""
    read = label_accuracy(classifier, x, sample_labels)
    stages.append([name, bits, rmse(x), frechet(x), f"{read:.1%}"])
    return stages[-1][3]


real = judge_stage("real digits", "", sample_test)
linear = {k: judge_stage(f"{k} principal components", "", principal(k)) for k in (49, 196)}
from_kl = judge_stage("KL, 196 latents", 784 * kl_rate, rebuilt)

# %% [markdown]
# The other way to regularize, *VQ-reg*, is *vector quantization* (`vae/10`): the vector at each
# position is replaced with one of $K$ code vectors. The quantization layer then counts as part of
# the decoder, so the diffusion model works on the continuous latents before it. We take $K = 256$;
# the autoencoders of Rombach and others have up to 16,384 codes (their Table 8).


# %%
rng = lesson.rng("vq")
quantized = VQVAE(rng, codes=256, dim=4, width=cfg.width)
optimizer = Adam(quantized, 4e-3)
start(quantized, mnist.unit(data.train.images[:200]), rng)
vq_batches = mnist.batches(data.train.images, size=lesson.size(32, quick=16), rng=rng)
vq_steps = lesson.steps(600, quick=6)
lr = cosine(4e-3, vq_steps)


def vq_step(i):
    optimizer.lr = lr(i)
    return training_step(quantized, optimizer, mnist.unit(next(vq_batches)[0]), rng)


# %%
state = {"model": quantized, "optimizer": optimizer, "images": vq_batches, "rng": rng}
lesson.fit(vq_step, vq_steps, state=state, label="vector quantization")
quantized.freeze()
vq_rebuilt = quantized.reconstruct(sample_test)
from_vq = judge_stage("VQ, 49 codes", 49 * np.log2(256), vq_rebuilt)

# %%
header = ["digits", "bits", "RMSE", "Fréchet distance", "classified correctly"]
lesson.table(stages, header, f"{judged:,} test digits and their reconstructions")
lesson.claim(
    "KL autoencoder: Fréchet distance over that of 196 principal components",
    from_kl / linear[196],
    at_most=0.8,
    source="TODO",
)
lesson.claim(
    "VQ autoencoder: Fréchet distance over that of 49 principal components",
    from_vq / linear[49],
    at_most=0.25,
    source="TODO",
)

# %%
grid = np.concatenate([sample_test[:10], rebuilt[:10], vq_rebuilt[:10]])
lesson.figure(
    plot.image_grid(grid, cols=10, row_labels=["digits", "KL", "VQ"], limits=(0, 1)),
    "rebuilt",
    "Test digits in the first row, their reconstructions from 7 × 7 × 4 latents in the second, and"
    " from 49 codes in the third. Look for thin strokes.",
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
    "The KL autoencoder (square) and the VQ autoencoder (triangle) in the plane of figure f13, with"
    " the model of pixels as a line. Compare the marks with the line.",
)

# %% [markdown]
# Both marks lie above the line, so they need more bits for the same error. But their bits are
# counted without a model of the latents: by the KL divergence from $\mathcal N(0, I)$, and with 8
# bits for each code. That the latents can be predicted from each other is left to the second stage.
#
# ## 4. The scale of the latents
#
# Why does the scale matter? A noise schedule is made for data of standard deviation 1: $x_t =
# \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$. With a small weight $\lambda$,
# nothing guarantees that the latents have this scale. That is why they are multiplied by a single
# factor before the diffusion process, and divided by it before they are decoded.

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
scaled = np.float32(factor) * latents

# %%
z = scaled[:3]
noised = [
    q_sample(z, t, rng.standard_normal(z.shape, dtype=np.float32), Schedule.cosine(200))
    for t in (60, 120)
]
grid = np.concatenate([np.moveaxis(part, 3, 1).reshape(-1, 7, 7, 1) for part in (z, *noised)])
lesson.figure(
    plot.image_grid(grid, cols=12, row_labels=["t = 0", "t = 60", "t = 120"], limits=(-2.5, 2.5)),
    "latents",
    "The four channels of the scaled latents of three digits, and the same with noise (cosine"
    " schedule, T = 200). In which channels can you still see a digit?",
)

# %% [markdown]
# These latents had a deviation near 1 already, because our $\lambda$ is large. What would happen
# without the factor, if they had not? At time $t$ the signal has variance $\bar\alpha_t s^2$, where
# $s$ is the standard deviation of the latents, and the noise has variance $1 - \bar\alpha_t$. Take
# $s = 0.1$, and at the other extreme $s = 5.5$, the deviation of Stable Diffusion's latents. (It
# multiplies them by $0.18215 = 1/5.5$.)

# %%
lesson.predict(
    "Take the cosine schedule with 200 steps. From which step on do noisy latents with s = 0.1"
    " contain more noise than signal? (With s = 1 it is step 100.)",
    ["about step 10", "about step 50", "step 100 as well"],
)

# %%
schedule = Schedule.cosine(200)
rows = []
for s in (0.1, 1.0, 5.5):
    ratio = schedule.alpha_bar * s**2 / (1 - schedule.alpha_bar + 1e-12)
    rows.append([s, int(np.sum(ratio >= 1))])

# %%
choices = {"about step 10": 10, "about step 50": 50, "step 100 as well": 100}
lesson.outcome(
    f"The noise is larger from step {rows[0][1]} on, because the signal has only a hundredth of the"
    f" variance. With s = 5.5 the noise is larger from step {rows[2][1]} on.",
    answer=min(choices, key=lambda choice: abs(choices[choice] - rows[0][1])),
)
lesson.table(rows, ["s", "first step with more noise than signal"])

# %% [markdown]
# With $s = 0.1$, the network would receive little but noise at nearly all steps. With $s = 5.5$, it
# would receive a nearly clean image at most of them. The paper introduces the factor because of the
# second case, in which the model settles much of the semantic detail early in the reverse process
# (appendix D.1). One number sets this right.

# %% [markdown]
# ## 5. Cross-attention
#
# How does a caption enter? The denoising network is a U-Net on the grid of latents, and a caption
# is a row of words. Which word matters differs from position to position: *leaning left* says
# little about an empty corner. So each position should choose its words. The condition $y$ first
# goes through a *domain-specific encoder* $\tau_\theta$, which maps it to $M$ vectors, here one for
# each word. At some layers $i$ of the network, each position of the grid forms a *query* from its
# features $\varphi_i(z_i)$, and each word forms a *key* and a *value*. The output at a position is
# a weighted mean of the values, and the weight of a word grows with the product of query and key.
#
# Let's compute one by hand. Take a query $(\log 3, 0, 0, 0)$, and two words with keys $(2, 0, 0,
# 0)$ and $(0, 1, 0, 0)$ and the values 4 and 8. The products are $2 \log 3$ and 0. They are divided
# by $\sqrt d = 2$, and the softmax of $\log 3$ and 0 is $\frac34, \frac14$. The output is $\frac34
# \cdot 4 + \frac14 \cdot 8 = 5$.

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
lesson.check("the output", cross_attention(query, keys, np.array([[4.0], [8.0]]))[0, 0], equals=5.0)

# %%
lesson.change(
    "a query twice as long",
    "Change the `np.log(3)` in `query` to `2 * np.log(3)` and run again. What are the two weights "
    "now, and what is the output?",
    answer="The output is 4.4, because the softmax of 2 log 3 and 0 has the weights 0.9 and 0.1, "
    "and 0.9 · 4 + 0.1 · 8 = 4.4. A longer query in the same direction concentrates the weights.",
)

# %% [markdown]
# Why the root of $d$? The product of two vectors of $d$ independent components of variance 1 is a
# sum of $d$ independent terms of variance 1, so it has variance $d$. Without the root, the numbers
# in the softmax differ by much. It then puts nearly all weight on one word, and its gradient
# vanishes. We measure the largest of 16 weights:

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
lesson.check("largest weight without the root, d = 1024", rows[-1][2], at_least=0.9)

# %% [markdown]
# With the root the largest weight hardly depends on $d$. What is left to choose if there is only
# one word?

# %%
lesson.predict(
    "If the condition is a single word (a label, say), on what does the output at a position"
    " depend?",
    [
        "on the word and on the query of the position",
        "only on the word",
        "only on the query",
    ],
)

# %%
one_word = rng.standard_normal((1, 8))
answers = cross_attention(rng.standard_normal((49, 8)), one_word, one_word)
same = np.abs(answers - answers[0]).max() < 1e-12
lesson.outcome(
    "The outputs of all 49 positions are equal, because the weights sum to 1, and a single word has"
    " all of it. Positions can differ only if there are two words or more.",
    answer="only on the word" if same else "on the word and on the query of the position",
)
lesson.check(
    "49 positions, one word: outputs differ by", np.ptp(answers, axis=0).max(), at_most=1e-12
)

# %% [markdown]
# The class-conditional model of the paper is of this kind: its $\tau_\theta$ maps a label to a
# single vector (appendix E.2.1), so attention adds the same vector everywhere. Attention pays off
# when there are words to choose from.
#
# ## 6. Captions
#
# MNIST has no captions, but properties of a digit can be measured. `minigen.data.captions` measures
# three: the *thickness* of the strokes, their *slant* (pixels to the right per row upward) and the
# *width* of the digit. Each has three words: thin, medium, thick; leaning left, upright, leaning
# right; narrow, normal, wide. We check the slant on two bars of known slant.

# %%
bars = np.zeros((2, 28, 28, 1))
for i in range(4, 24):
    to_the_right = 10 + (24 - i) // 4  # 1 pixel per 4 rows
    bars[0, i, 12:16] = 1.0  # a bar of 4 × 20 pixels, upright
    bars[1, i, to_the_right : to_the_right + 4] = 1.0
slants = measure(bars).slant
lesson.check("slant of the upright bar", slants[0], equals=0.0, atol=1e-6)
lesson.check("slant of the leaning bar", slants[1], equals=0.25, atol=0.02)

# %%
labels = data.train.labels[: len(many)].astype(int)
texts = captions(mnist.unit(many), labels)
fig, axes = plot.figure(1, 4, size=(2.4, 2.6))
for ax, image, text in zip(axes, many, texts):
    plot.image_grid(mnist.unit(image[None]), ax=ax, title=textwrap.fill(text, 18))
lesson.figure(
    fig, "captions", "Four training digits under their captions. Check the words against the digit."
)

# %% [markdown]
# The network receives each word as a number, and $-1$ for a missing word. Its encoder $\tau_\theta$
# is a table with a row for each word, an *embedding*. In a tenth of the training examples all words
# are left out, and in half of the others all but *a* and the digit's word. In this way one network
# learns to sample with a caption, with a label, and without a condition, and it can be guided
# (`diffusion/09`).

# %%
NAMES = [VOCABULARY.index(word) for word in ("a", *DIGITS)]


def words_of(texts):
    """The words' numbers, −1 for no word: (N, 8)."""
    tokens = tokenize(texts)
    return np.where(tokens == 0, -1, tokens)


def short(words):
    """Captions with no words but "a" and the digit's."""
    return np.where(np.isin(words, NAMES), words, -1)


words = words_of(texts)

# %%
print(f"  {texts[0]}: {words[0]}, shortened {short(words[:1])[0]}")


def some_words(words, rng):
    """Captions with words left out: all of them in a tenth, all but the digit's in 0.45."""
    words, chance = words.copy(), rng.random(len(words))
    words[chance < 0.55] = short(words[chance < 0.55])
    words[chance < 0.1] = -1
    return words


# %% [markdown]
# Captions and labels are now the same kind of condition.
#
# ## 7. The second stage
#
# Now the diffusion model itself. Its network is the U-Net of `diffusion/04` without the
# downsampling, because a grid of 7 × 7 is small already. It has residual blocks that receive the
# time, attention among the positions, a fully connected network over all of them, and two layers of
# cross-attention to the words. It predicts $v$, as in `diffusion/11`.

# %%
rng = lesson.rng("second stage")
net = LatentNet(
    rng,
    words=len(VOCABULARY),
    length=LENGTH,
    width=lesson.size(40, quick=8),
    global_mlp=lesson.size(640, quick=16),
)
batch = lesson.size(64, quick=16)
pairs = mnist.batches(scaled, words, size=batch, rng=rng)


# %%
def noisy_latents(rng):
    z0, full = next(pairs)
    eps = rng.standard_normal(z0.shape, dtype=np.float32)
    return z0, rng.integers(1, schedule.T + 1, len(z0)), eps, some_words(full, rng)


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
net = step.averaged.freeze()
latent = LatentDiffusion(encode, decode, factor, net, schedule, shape=(7, 7, 4))

# %% [markdown]
# The words have no positions here, so the output is the same for a caption and for its words in
# reverse order. That does no harm, because each word of our captions belongs to one property. (The
# text encoder of `diffusion/16` takes account of the order.)

# %%
z, t = scaled[:20], np.full(20, 100)
gap = net(z, t, words[:20]) - net(z, t, words[:20, ::-1])
lesson.check("words in reverse order: change of the output", np.abs(gap).max(), at_most=1e-3)

# %% [markdown]
# We ask for each digit as a thin one leaning left, and as a thick one leaning right, with guidance
# of weight $w = 1$.

# %%
GRID = (7, 7, 4)


def draw(words, steps=25, w=0.0, label="draw"):
    """Digits in [0, 1] of captions (N, 8)."""
    steps = lesson.size(steps, quick=2)
    return latent.sample(lesson.rng(label), len(words), words, w=w, steps=steps)


def named(labels):
    """The captions "a zero", "a one" ... of labels (N,)."""
    return words_of([f"a {DIGITS[label]}" for label in labels])


kinds = [("thin", "left"), ("thick", "right")]
asked_for = [[f"a {thick} {name} leaning {side}" for name in DIGITS] for thick, side in kinds]
grid = np.concatenate([draw(words_of(some), w=1.0) for some in asked_for])

# %%
lesson.figure(
    plot.image_grid(grid, cols=10, row_labels=["thin, left", "thick, right"], limits=(0, 1)),
    "asked",
    "Samples for twenty captions: in the first row *thin* and *leaning left*, in the second *thick*"
    " and *leaning right*, for the digits 0 to 9. Look for a sample that disobeys.",
)


# %%
def draw_digits(rng, n, label=None, w=0.3, steps=25):
    labels = rng.integers(0, 10, n) if label is None else np.full(n, label)
    return latent.sample(rng, n, named(labels), w=w, steps=steps), labels


lesson.sampler("digits", draw_digits)

# %% [markdown]
# How often does a sample have the property that its caption names? We draw 300 full captions of
# training digits. Two controls show what the words add: samples for the same digits without the
# words for their properties, and samples without words. (By chance the digit is right in 10 % of
# the cases, and another property in about a third.)

# %%
chosen = lesson.rng("ask").integers(0, len(texts), lesson.size(300, quick=20))
asked, asked_texts = words[chosen], [texts[k] for k in chosen]


def fractions_right(x):
    """The fractions of samples with the digit, thickness, slant and width of their captions."""
    return [label_accuracy(classifier, x, labels[chosen]), *obeyed(x, asked_texts).values()]


# %%
by_w = {f"w = {w:g}": fractions_right(draw(asked, w=w)) for w in (0.0, 1.0, 3.0)}
by_w["w = 1, digit's word only"] = fractions_right(draw(short(asked), w=1.0))
by_w["no words"] = fractions_right(draw(np.full_like(asked, -1)))
header = ["", "digit", "thickness", "slant", "width"]
title = f"fraction that is right, {len(asked):,} captions"
lesson.table([[name, *parts] for name, parts in by_w.items()], header, title)

# %%
obeying, control = np.array(by_w["w = 1"]), np.array(by_w["w = 1, digit's word only"])
lesson.claim(
    "w = 1: right digit",
    obeying[0],
    at_least=0.97,
    source="TODO",
)
lesson.claim(
    "right thickness, slant, width: fraction above that of the digit's word only",
    (obeying - control)[1:],
    at_least=0.28,
    source="TODO",
)

# %% [markdown]
# The words are obeyed. Without them the three properties are right hardly more often than by
# chance, and with them in most samples. Thickness is the least reliable one. But the measure is
# strict: the ranges of two words meet at a sharp bound, and a sample just beyond it counts as
# wrong. Guidance helps all four, as in `diffusion/09`.
#
# ## 8. Against pixels
#
# Was the detour worth it? An LDM promises a lower cost of training and faster sampling. We measure
# the sampling, because the model of pixels comes trained. (It was trained with 352,000 digits, and
# our second stage with 384,000.) Both models receive the labels of the same test digits, the latent
# model as captions such as *a seven*. They use no guidance, and sample by DDIM with $S$ steps. The
# cost is the processor time for 1,000 digits, decoding included.

# %%
lesson.predict(
    "With equally many steps, how much processor time do samples of the latent model take?",
    ["about half of the pixel model's", "a quarter or less", "about the same"],
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


def by_latents(labels, steps):
    """Digits in [0, 1] by the latent model."""
    return draw(named(labels), steps)


# %%
def row_of(name, fn, steps):
    """Name, steps, seconds for 1,000 digits, Fréchet distance, fraction as labeled."""
    begin = time.process_time()
    x = fn(drawn_labels, lesson.size(steps, quick=2))
    seconds = (time.process_time() - begin) * 1000 / len(x)
    return [name, steps, seconds, frechet(x), label_accuracy(classifier, x, drawn_labels)]


# %%
rows = [row_of("pixels", by_pixels, steps) for steps in (10, 25)]
rows += [row_of("latent", by_latents, steps) for steps in (5, 10, 25)]
pixels, latents_ = rows[1], rows[4]
ratio = latents_[2] / pixels[2]
answers = {"about half of the pixel model's": 0.5, "a quarter or less": 0.2, "about the same": 1.0}
lesson.outcome(
    f"At 25 steps the latent model takes {ratio:.2f} of the pixel model's time. Its Fréchet"
    f" distance is {latents_[3]:.1f}, and that of the pixel model is {pixels[3]:.1f}.",
    answer=min(answers, key=lambda choice: abs(np.log(answers[choice] / max(ratio, 1e-3)))),
)

header = ["model", "steps S", "seconds", "Fréchet distance", "as labeled"]
lesson.table(rows, header, f"{judged:,} digits; two sets of real ones: {real:.1f}")

# %%
lesson.claim(
    "latents, 25 steps: Fréchet distance",
    latents_[3],
    at_most=45,
    source="TODO",
)
lesson.claim(
    "Fréchet distance over that of pixels (25 steps): latents with 25, 10 steps",
    [latents_[3] / pixels[3], rows[3][3] / pixels[3]],
    at_most=1.8,
    source="TODO",
)

# %%
lesson.claim(
    "latents, 25 steps: as labeled",
    latents_[4],
    at_least=0.83,
    source="TODO",
)

# %%
fig, ax = plot.figure(size=(5.2, 3.6))
for name, part, mark in (("pixels", rows[:2], "o-"), ("latent", rows[2:], "s-")):
    ax.plot([row[2] for row in part], [row[3] for row in part], mark, label=name)
ax.axhline(real, color=plot.color.ink, ls="--", lw=1.1, label="two sets of real digits")
ax.set(xlabel="seconds for 1,000 digits", ylabel="Fréchet distance", xlim=(0, None), ylim=(0, None))
ax.legend()
lesson.figure(
    fig,
    "cost",
    "The Fréchet distance against the time, for the pixel model (blue circles) and the latent model"
    " (orange squares). Each mark is a number of steps. Look at what more steps buy.",
)

# %%
grid = np.concatenate([by_pixels(np.arange(10), 25), by_latents(np.arange(10), 25)])
lesson.figure(
    plot.image_grid(grid, cols=10, row_labels=["pixels", "latent"], limits=(0, 1)),
    "both",
    "Ten digits by the pixel model (first row) and by the latent model (second row), both with 25"
    " steps. Look for blurred or broken strokes.",
)

# %% [markdown]
# At the same number of steps the latent model takes half of the time, and even ten of its steps
# have about the distance of 25 steps of the pixel model, at a fifth of the cost. Why half, and not
# a sixteenth? The U-Net of pixels is not as large as it could be: it works at 14 × 14 and 7 × 7
# positions. The distance depends on the training. TODOSEEDS So latents are cheaper, and here not
# better.
#
# ## 9. Without the second stage
#
# Could we do without a diffusion model? The decoder turns any grid into strokes, so perhaps noise
# of the right scale suffices. We decode white noise, and Gaussian noise with the mean and the
# covariance of all latents, or of the latents of one digit. We compare each with the second stage
# on equal terms, without words or with labels. One more row has no autoencoder either: a Gaussian
# of pixels for each digit.


# %%
rng = lesson.rng("without")
flat = latents.reshape(len(latents), -1)


def gaussian_latents(rows, count):
    """Samples of the Gaussian with the mean and the covariance of these rows."""
    covariance = np.cov(rows.T) + 1e-4 * np.eye(rows.shape[1])
    z = rng.multivariate_normal(rows.mean(axis=0), covariance, count, method="cholesky")
    return z.reshape(count, *GRID).astype(np.float32)


noise = rng.standard_normal((judged, *GRID), dtype=np.float32) / np.float32(factor)
own = [gaussian_latents(flat[labels == k], np.sum(drawn_labels == k)) for k in range(10)]

# %%
sets = {"white noise": noise, "one Gaussian": gaussian_latents(flat, judged)}
sets["a Gaussian for each digit"] = np.concatenate(own)
decoded = {name: batched(decode, z) for name, z in sets.items()}
decoded["second stage, no words"] = draw(np.full((judged, LENGTH), -1))
decoded["second stage, labels"] = by_latents(drawn_labels, 25)
few = mnist.unit(many[:10_000]), labels[:10_000]
decoded["no latents: pixels, a Gaussian for each digit"] = class_gaussian_digits(*few, rng, judged)[
    0
]

# %%
far = {name: frechet(x) for name, x in decoded.items()}
lesson.table(far.items(), ["latents", "Fréchet distance"])

# %%
shown_rows = list(decoded)[:5]
grid = np.concatenate([decoded[name][:: judged // 10][:10] for name in shown_rows])
lesson.figure(
    plot.image_grid(grid, cols=10, row_labels=shown_rows, limits=(0, 1)),
    "without",
    "What the decoder makes of five kinds of latents. The last two rows are samples of the second"
    " stage. Look for digits in the other three.",
)

# %%
no_words = far["one Gaussian"] / far["second stage, no words"]
with_labels = far["a Gaussian for each digit"] / far["second stage, labels"]
lesson.claim(
    "one Gaussian / second stage, no words: Fréchet",
    no_words,
    at_least=2.7,
    source="TODO",
)
lesson.claim(
    "a Gaussian for each digit / second stage, labels: Fréchet",
    with_labels,
    at_least=2.6,
    source="TODO",
)

# %% [markdown]
# White noise gives strokes, but no digits. Even a Gaussian for each digit is far from the second
# stage, although it is far better than Gaussians of pixels: the decoder turns a rough guess into
# strokes. What the second stage adds is the rest of the distribution, how latents go together
# beyond their covariance.
#
# ## What this lesson does differently
#
# - Our autoencoder is trained with the squared error. That of the paper is also trained with a
#   perceptual and an adversarial loss, which keep its images sharp (section 3.1). Newer ones keep
#   these losses and have more channels: Stable Diffusion has 4, Stable Diffusion 3 (Esser et al.
#   2024) and FLUX.1 have 16.
# - The regimes of section 2 are measured with a model of pixels, whose bits are not those of the
#   latents.
# - No diffusion model is trained on the latents of the VQ autoencoder, and captions are the only
#   conditions.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “$\mathbf{Q} = \mathbf{W}^{(i)}_Q \cdot \varphi_i(\mathbf{z}_i)$” (Eq. diffusion.30): with the
#   shapes that the post gives, $d \times d^i_\epsilon$ and $N \times d^i_\epsilon$, the factors do
#   not multiply in this order. The product is $\varphi_i(z_i)\, W_Q^\top$, as in section 5. In the
#   paper the index of $z$ is the time, $\varphi_i(z_t)$; $i$ numbers the layers.
# - “a smaller 2D latent vector”: by the shape that the post gives, $h \times w \times c$, it is a
#   grid of $h \times w$ vectors of length $c$. The grid is kept because the denoising network is
#   convolutional.
# - “A small KL penalty towards a standard normal distribution”: the size of the penalty decides
#   whether the latents have the scale of a standard normal. At the paper's weight they do not, so
#   they are divided by their standard deviation (section 4; appendix G). The post leaves this step
#   out.
# - “the cross-attention mechanism to handle flexible conditioning information for image generation
#   (e.g. class labels, semantic maps, blurred variants of an image)”: conditions that are aligned
#   with the image, such as semantic maps and images of lower resolution, are concatenated to the
#   input of the network in the paper's experiments (sections 4.3.2 and 4.4), not attended to.
#
# ## To remember
#
# - Nearly all bits of a pixel model describe details. An autoencoder can take care of these.
# - The diffusion model works on its latents, scaled to deviation 1.
# - In cross-attention each position weights the words. A single word is the same for all positions.
# - Here sampling took half of the time, at a similar distance.
#
# **Next:** a chain of models of increasing resolution (`diffusion/14`). **Your turn:** `minigen
# exercise start diffusion/13`, then `minigen run diffusion/13 --with exercises/diffusion_13.py`.

# %%
lesson.finish()
