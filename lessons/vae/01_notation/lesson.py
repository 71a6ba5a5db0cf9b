# %% [markdown]
# # The notation, symbol by symbol
#
# Four of the eleven symbols in the post's table are an x, three of them with something attached,
# and four are functions with a Greek index. You can read the table twice and still mix them up
# twenty formulas later, because a name is easy to forget until you have held the thing. What is
# each symbol in a program?
#
# We turn every row of the table into an array or a function, from one batch of digits: the data
# (section 1), an encoder and a decoder (2), a hidden unit (3), a corrupted digit (4), and the two
# distributions of a variational autoencoder (5). This lesson follows the section *Notation* of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
#
# Before this lesson: `start/01` (a training loop, Adam).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/01_notation",
    title="The notation, symbol by symbol",
    post="vae",
    sections=["vae.s01"],
    minutes=0.2,
    picture="functions",
    sources=["weng2018vae", "kingma2014vae"],
)

# %%
from itertools import repeat

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.data.batches import Batches
from minigen.train import descend
from minigen.vae.autoencoder import (
    Autoencoder,
    corrupt,
    denoising_loss,
    reconstruction_loss,
)
from minigen.vae.likelihoods import bernoulli_log_likelihood
from minigen.vae.pca import pca
from minigen.vae.vae import VAE, reparameterize, vae_loss

# %% [markdown]
# ## 1. The data: $\mathcal{D}$, $\mathbf{x}^{(i)}$, $\mathbf{x}$
#
# The data set $\mathcal{D} = \{\mathbf{x}^{(1)}, \ldots, \mathbf{x}^{(n)}\}$ has $n$ examples. Each
# is a vector of $d$ dimensions, $\mathbf{x}^{(i)} = [x^{(i)}_1, \ldots, x^{(i)}_d]$, for us the
# pixels of a digit. A bold $\mathbf{x}$ without an index is any one example. Our $\mathcal{D}$ is a
# batch of 256 digits.

# %%
images = mnist.splits().train.images[:256]
D = mnist.unit(images, flat=True)  # (n, d), pixels in [0, 1]
n, d = D.shape
x = D[2]  # x^(3), the third example: (d,)

# %%
lesson.figure(
    plot.image_grid(images[:20], 2, 10),
    "data",
    "The first 20 of the 256 examples. The third in the first row is the one that we follow.",
)
lesson.check("n and d", [n, d], equals=[256, 784])
lesson.check("smallest and largest pixel of D", [D.min(), D.max()], equals=[0.0, 1.0])

# %% [markdown]
# The upper index is in parentheses because it is not a power. It counts from 1, and Python counts
# from 0. Therefore $x^{(3)}_{400}$, pixel 400 of the third example, is `D[2, 399]`.
#
# ## 2. An encoder, a decoder, a code: $g_\phi$, $f_\theta$, $\mathbf{z}$
#
# We would like to describe a digit with fewer than 784 numbers. An *encoder* $g_\phi$ maps
# $\mathbf{x}$ to a code $\mathbf{z} = g_\phi(\mathbf{x})$, and a *decoder* $f_\theta$ maps the code
# back to a reconstruction $\mathbf{x}' = f_\theta(\mathbf{z})$. The Greek letters are their
# parameters.
#
# Here is a case for pencil and paper. Let $d = 3$, let the code be a single number, and let
# $\mathbf{w} = \frac13(1, 2, 2)$, a vector of length 1. The encoder is $g(\mathbf{x}) = \mathbf{w}
# \cdot \mathbf{x}$, and the decoder is $f(z) = z\,\mathbf{w}$. The code of $(1, 2, 2)$ is
# $\frac13(1 + 4 + 4) = 3$, and its reconstruction is $3\,\mathbf{w} = (1, 2, 2)$. Nothing is lost.
# Is that always so?

# %%
lesson.predict(
    "What is the reconstruction of (2, 1, 0)?",
    ["(2, 1, 0)", "(4/3, 8/3, 8/3)", "(4/9, 8/9, 8/9)", "(0, 0, 0)"],
)

# %%
w = np.array([1.0, 2.0, 2.0]) / 3


def g(x):
    return x @ w


def f(z):
    return z * w


# %%
code = g(np.array([2.0, 1, 0]))
lesson.outcome(
    "The code is (2 + 2 + 0)/3 = 4/3, and 4/3 times w is (4/9, 8/9, 8/9), because the decoder can "
    "only output multiples of w.",
    answer="(4/9, 8/9, 8/9)",
)
lesson.check("z of (1, 2, 2)", g(np.array([1.0, 2, 2])), equals=3.0)
lesson.check("x' of (1, 2, 2)", f(g(np.array([1.0, 2, 2]))), equals=[1.0, 2, 2])
lesson.check("x' of (2, 1, 0)", f(code), equals=[4 / 9, 8 / 9, 8 / 9])

# %% [markdown]
# The code holds the position along $\mathbf{w}$, and the rest is lost. A code with fewer dimensions
# than the input is called a *bottleneck*.

# %%
lesson.change(
    "a point that vanishes",
    "Change `[2.0, 1, 0]` to `[2.0, -1, 0]` and run again. What is the reconstruction now, and "
    "which other points have the same one?",
    answer="It is (0, 0, 0). The code is $(2 \\cdot 1 - 1 \\cdot 2)/3 = 0$, and it is 0 for every "
    "point orthogonal to $\\mathbf{w}$, so all points of a plane share this code. The check of "
    "(2, 1, 0) no longer holds.",
)

# %% [markdown]
# Now the same with networks. The encoder maps 784 pixels to a code of 8 dimensions, through one
# hidden layer of 128 units, and the decoder is its mirror image. Training decreases the squared
# distance between $\mathbf{x}'$ and $\mathbf{x}$. (`vae/02` writes its step out. Here `descend`
# makes it, and every batch is all of $\mathcal{D}$.)

# %%
others = mnist.unit(mnist.splits().train.images[256:1256], flat=True)


def network():
    return Autoencoder(lesson.rng("autoencoder"), dim_z=8, widths=(128,))


def distance(model, x):
    return reconstruction_loss(x, model(x))


# %%
autoencoder = network()
untrained = [distance(autoencoder, x) for x in (D, others)]
step = descend(distance, autoencoder, repeat(D), lr=2e-3)
lesson.fit(step, lesson.steps(400), label="autoencoder", state=step.state)
z = autoencoder.encode(D)  # g_phi: (n, 8)
x_prime = autoencoder.decode(z)  # f_theta: (n, d)

# %% [markdown]
# Is the final distance small? A mean is worth little without a rival, and 256 digits could be
# learned by heart. We therefore look at 1,000 other digits as well, and compare with the mean image
# of $\mathcal{D}$ and with the best linear code, its 8 principal components (`vae/02`). A second
# network starts from the same weights and takes as many steps, in batches of 256 from 20,000
# digits. None of them is in $\mathcal{D}$ or among the 1,000.

# %%
many = mnist.unit(mnist.splits().train.images[1256:21256], flat=True)


def batches():
    return Batches(many, size=256, rng=lesson.rng("batches"))


by_many = network()
step = descend(distance, by_many, batches(), lr=2e-3)
lesson.fit(step, lesson.steps(400), label="20,000 digits", state=step.state)

# %%
linear = pca(D, 8)
by_mean = [reconstruction_loss(x, np.broadcast_to(D.mean(axis=0), x.shape)) for x in (D, others)]
by_pca = [reconstruction_loss(x, linear.decode(linear.encode(x))) for x in (D, others)]
on_d = [distance(autoencoder, x) for x in (D, others)]
on_many = [distance(by_many, x) for x in (D, others)]

# %%
lesson.table(
    [
        ["the network before training", *untrained],
        ["the mean image of D", *by_mean],
        ["8 principal components of D", *by_pca],
        ["the network trained on D", *on_d],
        ["the network trained on 20,000 digits", *on_many],
    ],
    ["|x - x'|², reconstruction by", "256 digits of D", "1,000 other digits"],
)

# %%
lesson.claim(
    "|x - x'|² over the squared distance of the mean image",
    on_d[0] / by_mean[0],
    at_most=0.3,
    source="seeds 0, 1 and 4123: 0.200, 0.202, 0.199, plus a margin of a half; the mean image: 1",
)
lesson.claim(
    "|x - x'|² on other digits over that on D",
    on_d[1] / on_d[0],
    at_least=2.0,
    source="seeds 0, 1 and 4123: 3.15, 3.07, 3.13, minus a margin of a third",
)

# %%
lesson.claim(
    "|x - x'|² on other digits: trained on 20,000 digits over 8 principal components of D",
    on_many[1] / by_pca[1],
    at_most=0.85,
    source="seeds 0, 1 and 4123: 0.723, 0.726, 0.727, plus a margin of a sixth; by 8 principal "
    "components of the 20,000: 0.94",
)

# %% [markdown]
# On $\mathcal{D}$ eight numbers remove about four fifths of the error of the mean image. On other
# digits the same network removes less than two fifths, and the linear code beats it. Its 204,000
# parameters were fitted to 256 digits, which is called *overfitting* (`vae/03` returns to it). In
# the last row only the training digits differ, and the error on the 1,000 is about 30 % lower.

# %%
boxes = {
    "x": plot.node("$x$", "data", (0, 0), image=D[2].reshape(28, 28)),
    "g": plot.node(autoencoder.encoder, at=(1, 0), name="$g_\\phi$"),
    "z": plot.node(f"code $z$\n{z.shape[1]} dimensions", "latent", (2, 0)),
    "f": plot.node(autoencoder.decoder, at=(3, 0), name="$f_\\theta$"),
    "out": plot.node("$x'$", "fake", (4, 0), image=x_prime[2].reshape(28, 28).clip(0, 1)),
}
lesson.figure(
    plot.schematic(boxes, ["x -> g -> z -> f -> out"]),
    "functions",
    "The third digit, its code of 8 dimensions and its reconstruction. Look for gray strokes in x' "
    "where x has none.",
)
halves = autoencoder.encoder, autoencoder.decoder
counts = [half.num_parameters() for half in halves]
lesson.check("parameters of g and f", counts, equals=[101_512, 102_288])

# %%
lesson.change(
    "a code of two numbers",
    "Change `dim_z=8, widths=(128,))` of the network to `dim_z=2, widths=(128,))` and run "
    "again. What happens to the ratio of the first claim, and to the image $\\mathbf{x}'$ in the "
    "figure?",
    answer="The ratio rises above one half, and the image loses its details. With two coordinates "
    "many digits have similar codes, and the reconstruction of each is a mixture of them. The "
    "claim of at most 0.3 is not judged in an edited lesson.",
)

# %% [markdown]
# In short, $g_\phi$ decides what is kept, $f_\theta$ makes the best of it, and $\mathbf{z}$ is all
# that passes between them.
#
# ## 3. A hidden unit: $a^{(l)}_j$
#
# The sparse autoencoder (`vae/04`) puts a price on single units, so a unit needs a name as well.
# Let $a^{(l)}_j$ be the activation of unit $j$ in layer $l$, a function of the input:
#
# $$a^{(1)}_j(\mathbf{x}) = s\Big(\sum_i w_{ij}\, x_i + b_j\Big) .$$
#
# In words, the unit weighs the pixels, adds its bias, and passes the sum through the activation
# function $s$. Ours is the leaky ReLU, with $s(u) = u$ for $u > 0$ and $s(u) = 0.2\,u$ otherwise.

# %%
first = autoencoder.encoder.layers[0]
activations = first(D)  # (n, 128): a^(1)_j of every example
u = sum(float(pixel) * float(weight) for pixel, weight in zip(x, first.w[:, 5])) + float(first.b[5])
lesson.check("a^(1)_6 of x^(3)", activations[2, 5], equals=u if u > 0 else 0.2 * u, atol=1e-4)

# %% [markdown]
# Unit 6, computed by hand, agrees with the layer's output. The upper index counts layers here, and
# examples in $\mathbf{x}^{(i)}$. Only the letter tells you which.
#
# ## 4. A prime and a tilde: $\mathbf{x}'$ and $\tilde{\mathbf{x}}$
#
# Two marks on an x are easily confused. The prime marks a reconstruction, which comes *out* of the
# decoder. The tilde marks a corrupted version, which goes *into* the encoder. For example, let's
# set each pixel to 0 with probability 1/3. A code of 8 dimensions cannot keep everything. Does it
# drop the damage and keep the digit?

# %%
lesson.predict(
    "How large is the squared distance from f(g(x~)) to the clean x, compared with that from "
    "f(g(x))?",
    ["it is the same within 20 %", "it is larger", "it is smaller"],
)

# %%
x_tilde = corrupt(D, lesson.rng("damage"), "masking", 1 / 3)
from_tilde = autoencoder(x_tilde)
lesson.check("x itself is unchanged", np.array_equal(D, mnist.unit(images, flat=True)))
erased = 1 - np.mean(x_tilde[D > 0] > 0)
lesson.check("fraction of ink pixels set to 0", erased, between=(0.32, 0.35))

# %%
clean, corrupted = float(on_d[0]), float(reconstruction_loss(D, from_tilde))
times = corrupted / clean
the_same, larger, smaller = lesson.predictions[-1].choices
lesson.table(
    [["f(g(x))", clean], ["f(g(x~))", corrupted]],
    ["image", "squared distance to x, summed over pixels"],
)
lesson.outcome(
    f"The distance is {times:.2f} times as large. The encoder was never trained on digits with "
    "erased pixels, and nothing in its loss asks it to give x~ the code of x.",
    answer=larger if times > 1.2 else smaller if times < 1 / 1.2 else the_same,
)

# %%
lesson.claim(
    "squared distance to x: from the corrupted x over that from x",
    times,
    at_least=1.6,
    source="seeds 0, 1 and 4123: 2.21, 2.19, 2.25, minus a margin of a quarter",
)

# %% [markdown]
# Can training change that? A third network starts from the same weights and takes the same batches
# of the 20,000 digits as the second. Only its inputs differ. They are $\tilde{\mathbf{x}}$,
# corrupted again in each step, and the targets are clean. It is called a *denoising* autoencoder
# (`vae/03`).

# %%
denoiser = network()


def repair_loss(model, x, rng):
    return denoising_loss(model, x, corrupt(x, rng, "masking", 1 / 3))


noise = lesson.rng("damage in training")
step = descend(repair_loss, denoiser, batches(), lr=2e-3, noise=noise)
lesson.fit(step, lesson.steps(400), label="denoiser", state=step.state)

# %% [markdown]
# A repair is worth something only if it beats doing nothing, so $\tilde{\mathbf{x}}$ itself is the
# first row. One more row tests a suspicion. Erasing a third of the pixels also makes the digit
# dimmer, and $\frac32\,\tilde{\mathbf{x}}$ has the right brightness on average.

# %%
damaged = [x_tilde, corrupt(others, lesson.rng("damage"), "masking", 1 / 3)]
brighter = [np.float32(1.5) * each for each in damaged]


def repaired(model, inputs):
    return [float(reconstruction_loss(x, model(each))) for x, each in zip((D, others), inputs)]


# %%
nothing = repaired(lambda x: x, damaged)
by_clean, by_denoiser = repaired(by_many, damaged), repaired(denoiser, damaged)
lesson.table(
    [
        ["x~ itself", *nothing],
        ["f(g(x~)), trained on D", *repaired(autoencoder, damaged)],
        ["f(g(x~)), trained on 20,000 digits", *by_clean],
        ["f(g(3/2 x~)), trained on 20,000 digits", *repaired(by_many, brighter)],
        ["f(g(x~)), trained on 20,000 corrupted digits", *by_denoiser],
    ],
    ["squared distance to x of", "256 digits of D", "1,000 other digits"],
)

# %%
lesson.claim(
    "squared distance to x on other digits: repaired by the denoiser over x~ itself",
    by_denoiser[1] / nothing[1],
    at_most=0.92,
    source="seeds 0, 1 and 4123: 0.834, 0.834, 0.825, plus a margin of a tenth; x~ itself: 1",
)
lesson.claim(
    "squared distance to x on other digits: trained on corrupted over trained on clean digits",
    by_denoiser[1] / by_clean[1],
    at_most=0.9,
    source="seeds 0, 1 and 4123: 0.767, 0.770, 0.763, plus a margin of a sixth",
)

# %% [markdown]
# The network trained on $\mathcal{D}$ beats $\tilde{\mathbf{x}}$ only on the digits that it was
# fitted to. With 20,000 clean digits the output is still no better than the damaged input, and
# training on corrupted ones makes it better. Yet most of that advantage is brightness, because
# multiplying the input by 3/2 gives most of it to the network that never saw a corrupted digit. In
# other words, a code of 8 dimensions drops most of the holes by itself, but it keeps the dimming.
#
# ## 5. Probabilistic encoder and decoder: $q_\phi$, $p_\theta$
#
# So far a code was certain. But several codes may explain the same digit, and a *variational*
# autoencoder (VAE) therefore replaces both functions with distributions:
#
# - The *probabilistic encoder* $q_\phi(\mathbf{z}|\mathbf{x})$ estimates which codes may have
#   produced $\mathbf{x}$. Its network outputs a mean $\mu_j$ and the logarithm of a variance,
#   $\log \sigma_j^2$, for each coordinate of the code.
# - The *probabilistic decoder* $p_\theta(\mathbf{x}|\mathbf{z})$ is the likelihood of $\mathbf{x}$
#   given the code. Its network outputs the probability of ink for each pixel.
#
# Ink or no ink means binary pixels, so we round ours to 0 or 1. (`vae/07` derives the loss of this
# model, and `vae/08` shows how it is trained.)

# %%
ink = np.float32(D > 0.5)  # (n, d), zeros and ones
vae = VAE(lesson.rng("vae"), dim_z=8, widths=(128,))


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def digits_and_noise(rng):
    return ink, normal(rng, n, 8)


step = descend(vae_loss, vae, digits_and_noise, lr=2e-3, rng=lesson.rng("vae noise"))
lesson.fit(step, lesson.steps(400), label="VAE", state=step.state)

# %% [markdown]
# Now we encode every digit of $\mathcal{D}$ twice with $q_\phi$. The two codes are different draws,
# and the decoder must reconstruct the digit from either.

# %%
lesson.predict(
    "How far apart are two codes of one digit, drawn from q_phi, compared with codes of two "
    "digits?",
    ["less than a quarter as far", "about half as far", "about as far"],
)

# %%
mu, logvar = vae.encode(ink)  # q_phi(z|x): (n, 8) each
draws = [reparameterize(mu, logvar, normal(lesson.rng(f"draw {k}"), n, 8)) for k in range(3)]


def apart(codes, again):
    return float(np.linalg.norm(codes - again, axis=1).mean())


by_g = [apart(z, autoencoder.encode(D)), apart(z, np.roll(z, 1, axis=0))]
by_q = [apart(draws[0], draws[1]), apart(draws[0], np.roll(draws[1], 1, axis=0))]

# %%
lesson.table(
    [["g_phi", *by_g], ["q_phi", *by_q]],
    ["mean distance of two codes, by", "of one digit", "of two digits"],
)
near = by_q[0] / by_q[1]
little, half, same = lesson.predictions[-1].choices
lesson.outcome(
    f"They are {near:.2f} times as far apart, because the standard deviations are only "
    f"{np.exp(logvar / 2).mean():.2f} on average, and the means of two digits differ by much more.",
    answer=little if near < 0.25 else half if near < 0.75 else same,
)
lesson.check("two codes of one digit by g_phi: distance", by_g[0], equals=0.0, atol=0)

# %%
lesson.claim(
    "distance of two codes by q_phi: of one digit over of two digits",
    near,
    between=(0.05, 0.25),
    source="seeds 0, 1 and 4123: 0.126, 0.124, 0.122, times 2 or divided by 2; g_phi: 0, the "
    "prior: 1",
)

# %% [markdown]
# In other words, $g_\phi$ outputs a point, and $q_\phi$ a small cloud. The decoder is a
# distribution too. From its probabilities of ink an image can be drawn.

# %%
three = np.stack([codes[2] for codes in draws])  # of x^(3): (3, 8)
sampled = vae.likelihood.sample(lesson.rng("pixels"), vae.decoder_output(three[:1]))
of_x = [x[None], x_tilde[2:3], x_prime[2:3].clip(0, 1), from_tilde[2:3].clip(0, 1)]
pictures = np.concatenate([*of_x, vae.decode(three), sampled])
names = ["x", "x~", "x'", "f(g(x~))", "p, code 1", "p, code 2", "p, code 3", "drawn from p"]
lesson.figure(
    plot.image_grid(pictures, 2, 4, shape=(28, 28), labels=names),
    "one_digit",
    "First row: the digit, its corrupted version, and the autoencoder's outputs for both. Second "
    "row: the probabilities of ink for three codes, and an image drawn from the first. Look for "
    "pixels in the last image that no pen would have left.",
)

# %% [markdown]
# The drawn image has ragged edges and a few specks. The probability in these pixels is neither 0
# nor 1, and each pixel is drawn without regard to its neighbors.
#
# A distribution does one thing that a function cannot. It assigns a probability to what we observe,
# so that models can be compared in *nats*, units of the natural logarithm. A VAE's loss has two
# terms. The first is $-\log p_\theta(\mathbf{x}|\mathbf{z})$, a sum over pixels. The second is the
# price of the code, the KL divergence of $q_\phi(\mathbf{z}|\mathbf{x})$ from the *prior*
# $\mathcal{N}(0, I)$, the distribution of a code when no digit is given (`vae/07`). The price is 0
# if the code has this distribution for every $\mathbf{x}$.
#
# The mean loss with a minus is a lower bound of the mean of $\log p_\theta(\mathbf{x})$. We compare
# it with two models that have no code, so that their log-probabilities are exact. One assigns ink
# the probability 1/2 everywhere, which costs $784 \log 2 = 543.4$ nats. The other counts how often
# each pixel has ink in $\mathcal{D}$, with no probability below 0.001, because other digits may
# have ink elsewhere.

# %%
inks = ink, np.float32(others > 0.5)
terms = [vae.elbo(x, normal(lesson.rng("codes"), len(x), 8)) for x in inks]
by_vae = [float(each.value.mean()) for each in terms]
reconstruction, kl = float(terms[0].reconstruction.mean()), float(terms[0].kl.mean())

# %%
coins = -784 * np.log(2)
often = ink.mean(axis=0, dtype=np.float64).clip(1e-3, 1 - 1e-3)
logits = [np.broadcast_to(np.log(often / (1 - often)), x.shape) for x in inks]
frequencies = [bernoulli_log_likelihood(np.float64(x), u).mean() for x, u in zip(inks, logits)]
lesson.table(
    [
        ["784 fair coins", coins, 0.0, coins, coins],
        ["how often each pixel has ink", frequencies[0], 0.0, *frequencies],
        ["VAE (lower bound)", reconstruction, kl, *by_vae],
    ],
    ["nats per digit", "log p(x|z), D", "KL, D", "difference, D", "1,000 other digits"],
)
lesson.check("784 fair coins", coins, equals=-543.4, atol=0.05)

# %%
gains = [bound - exact for bound, exact in zip(by_vae, frequencies)]
lesson.claim(
    "log p(x|z) - KL of the VAE above the log-probability by pixel frequencies",
    gains[0],
    at_least=90,
    unit="nats",
    source="seeds 0, 1 and 4123: 120.7, 122.1, 120.6, minus a margin of a quarter",
)
lesson.claim(
    "the same on 1,000 other digits",
    gains[1],
    at_least=18,
    unit="nats",
    source="seeds 0, 1 and 4123: 28.3, 30.0, 30.5, minus a margin of a third",
)

# %% [markdown]
# The coins are an easy rival. On $\mathcal{D}$ about three quarters of their distance to the VAE
# disappear if we know how often each pixel has ink, and no code is needed for that. Only what the
# VAE gains beyond the second row comes from its codes, and it remains after they have been paid
# for. On $\mathcal{D}$ that is about 120 nats a digit, but this VAE was fitted to these digits as
# well. On others the gain is at least 28.
#
# ## 6. The table
#
# Now the post's table is a list of things that you have seen:

# %%
rows = [
    ["D", "the data set", "D", D.shape],
    ["x^(i)", "example i", "D[i - 1]", x.shape],
    ["x", "any example", "x", x.shape],
    ["x'", "its reconstruction", "autoencoder(x)", x_prime[2].shape],
    ["x~", "its corrupted version", "corrupt(x, ...)", x_tilde[2].shape],
    ["z", "its code", "autoencoder.encode(x)", z[2].shape],
    ["a_j^(l)", "unit j of layer l", "layer(D)[:, j - 1]", activations[:, 5].shape],
    ["g_phi", "encoder", "autoencoder.encode", "784 -> 8"],
    ["f_theta", "decoder", "autoencoder.decode", "8 -> 784"],
    ["q_phi(z|x)", "probabilistic encoder", "vae.encode: mu, logvar", mu[0].shape],
    ["p_theta(x|z)", "probabilistic decoder", "vae.likelihood, vae.decode", often.shape],
]
lesson.check("rows of the table", len(rows), equals=11)

# %%
lesson.table([[*row[:3], str(row[3])] for row in rows], ["symbol", "meaning", "in code", "shape"])

# %% [markdown]
# One convention is not in the table. In these lessons the square of a vector is its squared length,
# a sum over coordinates, and losses are averaged over the examples only.
#
# ## What this lesson does differently
#
# - The post lists the symbols. We compute each of them on 256 digits, with small models.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - $q_\phi(\mathbf{z}|\mathbf{x})$ is called an "Estimated posterior probability function". For a
#   code of real numbers it is a probability *density*, whose values may exceed 1. A normal
#   distribution with standard deviation 0.1 has density $1/(0.1 \sqrt{2\pi}) = 3.99$ at its mean.
# - $a_j^{(l)}$ is called "The activation function for the $j$-th neuron in the $l$-th hidden
#   layer". Elsewhere an activation function is $s$, the same for all units of a layer. The symbol
#   means the unit's activation, which the sparse autoencoder averages over examples (`vae/04`).

# %%
lesson.check("density of N(0, 0.1²) at 0", 1 / (0.1 * np.sqrt(2 * np.pi)), equals=3.99, atol=0.005)

# %% [markdown]
# A density of 3.99 is not a mistake. Only its integral has to be 1.
#
# ## To remember
#
# - An upper index in parentheses counts examples or layers. It is not a power.
# - Autoencoders use functions, $g_\phi$ and $f_\theta$. VAEs use distributions, $q_\phi$ and
#   $p_\theta$.
# - A prime comes out of the decoder. A tilde goes into the encoder.
#
# **Next:** which 8 numbers are the best ones? `vae/02` compares an autoencoder with the best linear
# code.
#
# **Your turn:** the exercises begin with `vae/02`: `minigen exercise start vae/02`.

# %%
lesson.finish()
