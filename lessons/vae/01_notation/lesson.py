# %% [markdown]
# # The notation, symbol by symbol
#
# This lesson runs the section *Notation* (vae.s01) of [From Autoencoder to
# Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/). Each row of its table becomes an
# object that you can print, computed from one batch of MNIST. In this lesson:
#
# 1. An upper index counts examples or layers: $\mathbf{x}^{(i)}$ is example $i$, and $a^{(l)}$
#    belongs to layer $l$. It is not a power.
# 2. The table has two pairs of an encoder and a decoder. Autoencoders use $g_\phi$ and $f_\theta$,
#    variational autoencoders use $q_\phi(\mathbf{z}|\mathbf{x})$ and
#    $p_\theta(\mathbf{x}|\mathbf{z})$.
# 3. A prime marks a reconstruction, an output of the decoder: $\mathbf{x}'$. A tilde marks a
#    corrupted example, an input of the encoder: $\tilde{\mathbf{x}}$.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/01_notation",
    title="The notation, symbol by symbol",
    post="vae",
    sections=["vae.s01"],
    minutes=0.1,
    picture="one_digit",
    sources=["weng2018vae", "kingma2014vae"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.train import descend
from minigen.vae.autoencoder import Autoencoder, corrupt, reconstruction_loss
from minigen.vae.vae import VAE, elbo, reparameterize, vae_loss

# %% [markdown]
# ## 1. The data: $\mathcal{D}$, $\mathbf{x}^{(i)}$, $\mathbf{x}$
# $\mathcal{D} = \{\mathbf{x}^{(1)}, \ldots, \mathbf{x}^{(n)}\}$ is a data set of $n$ examples. Each
# example is a vector of $d$ dimensions, $\mathbf{x}^{(i)} = [x^{(i)}_1, \ldots, x^{(i)}_d]$. Here
# the coordinates are the pixels of a digit. $\mathbf{x}$ without an index is any example of
# $\mathcal{D}$. Our $\mathcal{D}$ is one batch of 256 digits.

# %%
images = mnist.splits().train.images[:256]
D = mnist.unit(images, flat=True)  # (n, d)
n, d = D.shape
lesson.figure(
    plot.image_grid(images[:20], 2, 10),
    "data",
    "The first 20 of the 256 examples of D. The first row starts with example 1.",
)

# %% [markdown]
# In code, `D` is an array with one example in each row. Python counts rows and columns from 0.

# %%
lesson.predict(
    "Which element of the array D is x^(3)_400?",
    ["D[3, 400]", "D[2, 400]", "D[2, 399]", "D[399, 2]"],
)

# %%
x = D[2]  # x^(3), the third example: (d,)

# %%
lesson.outcome(
    "Both indices of the post start at 1, and both axes of the array start at 0: example 3 is"
    f" row 2, and coordinate 400 is column 399. D has the shape {D.shape}.",
    answer="D[2, 399]",
)
lesson.check("n and d", [n, d], equals=[256, 784])
lesson.check(
    "x^(3)_400 is the pixel in row 14, column 7 (both from 0)",
    D[2, 399] == images[2].reshape(-1)[399] / np.float32(255),
)
lesson.check("smallest and largest pixel of D", [D.min(), D.max()], equals=[0.0, 1.0])

# %% [markdown]
# ## 2. An encoder, a decoder, a code: $g_\phi$, $f_\theta$, $\mathbf{z}$
# The *encoder* $g_\phi$ maps $\mathbf{x}$ to a code $\mathbf{z} = g_\phi(\mathbf{x})$. The
# *decoder* $f_\theta$ maps a code to a reconstruction $\mathbf{x}' = f_\theta(\mathbf{z})$. The
# parameters of the encoder are $\phi$, those of the decoder are $\theta$, and training changes
# both.
#
# Start with an example that you can compute by hand. Let $d = 3$, let the code have one dimension,
# and let $\mathbf{w} = \frac13(1, 2, 2)$. The encoder is $g(\mathbf{x}) = \mathbf{w} \cdot
# \mathbf{x}$ and the decoder is $f(z) = z\,\mathbf{w}$. The code of $(1, 2, 2)$ is
# $\frac13(1 + 4 + 4) = 3$, and its reconstruction is $3\,\mathbf{w} = (1, 2, 2)$.

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
print(f"  the code of (2, 1, 0) is {code:.4f}, its reconstruction is {f(code)}")

# %%
lesson.outcome(
    "The code is (2 + 2 + 0)/3 = 4/3, and 4/3 times w is (4/9, 8/9, 8/9). A code of one dimension"
    " holds the position along w and nothing else.",
    answer="(4/9, 8/9, 8/9)",
)
lesson.check("z of (1, 2, 2)", g(np.array([1.0, 2, 2])), equals=3.0)
lesson.check("x' of (1, 2, 2)", f(g(np.array([1.0, 2, 2]))), equals=[1.0, 2, 2])
lesson.check("x' of (2, 1, 0)", f(code), equals=[4 / 9, 8 / 9, 8 / 9])

# %% [markdown]
# The rest of the input is lost. A code of fewer dimensions than the input is a *bottleneck*.

# %%
lesson.change(
    "a point that vanishes",
    "Change `[2.0, 1, 0]` to `[2.0, -1, 0]` and run again. What is the reconstruction now, and "
    "which other points have the same one?",
    answer="(0, 0, 0). The code is $(2 \\cdot 1 - 1 \\cdot 2)/3 = 0$, and it is 0 for every point "
    "orthogonal to $\\mathbf{w}$: all points of a plane share this code. The check of (2, 1, 0) "
    "no longer holds.",
)

# %% [markdown]
# The next autoencoder is a neural network. It maps 784 pixels to a code of 8 dimensions and back,
# with one hidden layer on each side. We train it on the 256 digits of $\mathcal{D}$ alone.

# %%
autoencoder = Autoencoder(lesson.rng("autoencoder"), dim_z=8, widths=(128,))
phi = autoencoder.encoder.num_parameters()
theta = autoencoder.decoder.num_parameters()
print(f"  phi has {phi:,} parameters, theta has {theta:,}")

# %% [markdown]
# Training decreases the squared distance between $\mathbf{x}'$ and $\mathbf{x}$. `vae/02` writes a
# training step out by hand. `descend` makes the usual step from a loss, a model and batches; here
# every batch is the whole of $\mathcal{D}$.

# %%
from itertools import repeat


def distance(model, x):
    return reconstruction_loss(x, model(x))


before = distance(autoencoder, D)
step = descend(distance, autoencoder, repeat(D), lr=2e-3)
history = lesson.fit(step, lesson.steps(400), label="autoencoder", state=step.state)
print(f"  |x - x'|² fell from {before:.1f} to {history['loss'][-1]:.1f}")

# %% [markdown]
# Is the final distance small? Compare it with a reconstruction that ignores the code: the mean of
# all 256 digits, the same image for every $\mathbf{x}$.

# %%
z = autoencoder.encode(D)  # g_phi: (n, 8)
x_prime = autoencoder.decode(z)  # f_theta: (n, d)
mean_image = np.broadcast_to(D.mean(axis=0), D.shape)
lesson.claim(
    "|x - x'|² over the squared distance of the mean image",
    reconstruction_loss(D, x_prime) / reconstruction_loss(D, mean_image),
    at_most=0.3,
    source="worst of seeds 0, 1, 2: 0.214",
)

# %% [markdown]
# The autoencoder has far more parameters than $\mathcal{D}$ has examples. So we also compute the
# distance for 1,000 digits that are not in $\mathcal{D}$.

# %%
unseen = mnist.unit(mnist.splits().train.images[256:1256], flat=True)
on_D = reconstruction_loss(D, x_prime)
on_unseen = distance(autoencoder, unseen)
lesson.table([["256 digits of D", on_D], ["1,000 other digits", on_unseen]], ["", "|x - x'|²"])
lesson.claim(
    "|x - x'|² on other digits over that on D",
    on_unseen / on_D,
    at_least=2.0,
    source="worst of seeds 0, 1, 2: 2.90",
)

# %% [markdown]
# The reconstruction of other digits is worse: this autoencoder is *overfitted*. `vae/03` returns
# to overfitting. From here on we only need the digits of $\mathcal{D}$.

# %%
lesson.change(
    "a code of two numbers",
    "Change `dim_z=8, widths=(128,))` of the autoencoder to `dim_z=2, widths=(128,))` and run "
    "again. What happens to the ratio of the first claim, and to the image $\\mathbf{x}'$ in the "
    "figure below?",
    answer="The ratio rises above one half, and the image loses its details: with two coordinates "
    "many digits have similar codes, and the reconstruction of each is a mixture of them. The "
    "claim of at most 0.3 is not judged in an edited lesson.",
)

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
    "The third digit, its code of 8 dimensions and its reconstruction x'. Details that the code"
    " does not hold are missing in x'.",
)

# %% [markdown]
# ## 3. A hidden unit: $a^{(l)}_j$
# The encoder's first layer has 128 units. $a^{(l)}_j$ is the activation of unit $j$ in layer $l$, a
# function of the input: $a^{(1)}_j(\mathbf{x}) = s(\sum_i w_{ij} x_i + b_j)$. Its weights are
# $w_{ij}$, its bias is $b_j$, and $s$ is the activation function. Here $s$ is the leaky ReLU:
# $s(u) = u$ if $u > 0$, otherwise $0.2\,u$. We compute the unit of column 5 for the third digit,
# and compare it with the layer's output.

# %%
first = autoencoder.encoder.layers[0]
products = [float(pixel) * float(weight) for pixel, weight in zip(x, first.w[:, 5])]
u = sum(products) + float(first.b[5])
by_hand = u if u > 0 else 0.2 * u
activations = first(D)  # (n, 128): a^(1)_j of every example
lesson.check("a^(1)_6 of x^(3)", activations[2, 5], equals=by_hand, atol=1e-4)

# %% [markdown]
# ## 4. A prime and a tilde: $\mathbf{x}'$ and $\tilde{\mathbf{x}}$
# $\tilde{\mathbf{x}}$ is a corrupted version of $\mathbf{x}$. Here each pixel is set to 0 with
# probability 1/3. The autoencoder was trained on uncorrupted digits only.

# %%
lesson.predict(
    "What is the squared distance from f(g(x~)) to x, compared with that from f(g(x)) to x?",
    ["the same within 20 %: 8 dimensions cannot hold the corruption", "larger", "smaller"],
)

# %%
x_tilde = corrupt(D, lesson.rng("damage"), "masking", 1 / 3)
from_tilde = autoencoder(x_tilde)
lesson.check("x itself is unchanged", np.array_equal(D, mnist.unit(images, flat=True)))
lesson.check("share of ink pixels set to 0", 1 - np.mean(x_tilde[D > 0] > 0), between=(0.32, 0.35))
errors = [float(reconstruction_loss(D, a)) for a in (x_prime, from_tilde, x_tilde)]
lesson.table(
    [errors],
    ["f(g(x))", "f(g(x~))", "x~ itself"],
    "squared distance to x, summed over pixels",
)

# %%
the_same, larger, smaller = lesson.predictions[-1].choices
times = errors[1] / errors[0]
lesson.outcome(
    f"It is {times:.2f} times as large.",
    answer=larger if times > 1.2 else smaller if times < 1 / 1.2 else the_same,
)
lesson.claim(
    "squared distance to x: from the corrupted x over that from x",
    times,
    at_least=1.6,
    source="worst of seeds 0, 1, 2: 2.15",
)

# %% [markdown]
# This autoencoder was not trained to remove a corruption. The *denoising* autoencoder of `vae/03`
# is.
#
# ## 5. Probabilistic encoder and decoder: $q_\phi$, $p_\theta$
# A variational autoencoder (VAE) replaces both functions. Its *probabilistic encoder*
# $q_\phi(\mathbf{z}|\mathbf{x})$ is an estimate of the posterior: which codes may have generated
# $\mathbf{x}$? The network outputs a mean $\mu_j$ and a standard deviation $\sigma_j$ for each
# coordinate of the code. Its *probabilistic decoder* $p_\theta(\mathbf{x}|\mathbf{z})$ is the
# likelihood of $\mathbf{x}$ given the code. The network outputs, for each pixel, the probability of
# ink.

# %%
vae = VAE(lesson.rng("vae"), dim_z=8, widths=(128,))


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def digits_and_noise(rng):
    return D, normal(rng, n, 8)


step = descend(vae_loss, vae, digits_and_noise, lr=2e-3, rng=lesson.rng("vae noise"))
lesson.fit(step, lesson.steps(400), label="VAE", state=step.state)

# %% [markdown]
# `vae/07` derives the loss of this model, and `vae/08` explains how it is trained. Now encode the
# third digit three times with $g_\phi$, and three times with $q_\phi$.

# %%
lesson.predict(
    "Which encoder gives three equal codes?",
    ["both", "g_phi of the autoencoder only", "q_phi of the VAE only", "neither"],
)

# %%
mu, logvar = vae.encode(D[2:3])  # q_phi(z|x^(3)): (1, 8) each
draws = [reparameterize(mu, logvar, normal(lesson.rng(f"draw {k}"), 1, 8)) for k in range(3)]
three = np.concatenate(draws)  # (3, 8)
lesson.table(
    [[f"code {k + 1}", *row] for k, row in enumerate(three[:, :4])],
    ["q_phi", *(f"z_{j + 1}" for j in range(4))],
)

# %%
codes = np.concatenate([autoencoder.encode(D[2:3]) for _ in range(3)])  # of one x, three times
by_g = np.ptp(codes, axis=0).max()
by_q = np.ptp(three, axis=0).max()
print(f"  largest difference in a coordinate: {by_g:g} by g_phi, {by_q:.2f} by q_phi")

# %%
lesson.outcome(
    "g_phi is a function: one input has one output. q_phi is a distribution: each code is a new"
    " sample from it.",
    answer="g_phi of the autoencoder only",
)
lesson.check("three codes by g_phi: largest difference", by_g, equals=0.0, atol=0)
lesson.check("three codes by q_phi: largest difference", by_q, at_least=0.05)

# %% [markdown]
# The decoder is a distribution too. Each code gives a probability of ink for every pixel, and an
# image can be sampled from these probabilities.

# %%
of_x = [x[None], x_tilde[2:3], x_prime[2:3].clip(0, 1), from_tilde[2:3].clip(0, 1)]
probabilities = vae.decode(three)
sampled = vae.likelihood.sample(lesson.rng("pixels"), vae.decoder_output(three[:1]))
names = ["x", "x~", "x'", "f(g(x~))"]
names += ["p, code 1", "p, code 2", "p, code 3", "sample of p"]
pictures = np.concatenate([*of_x, probabilities, sampled])

# %%
ax = plot.image_grid(pictures, 2, 4, shape=(28, 28), labels=names)
lesson.figure(
    ax,
    "one_digit",
    "First row: x, its corrupted version, and the autoencoder's outputs for both. Second row: the "
    "pixel probabilities of three codes, and an image sampled from the first.",
)

# %% [markdown]
# A distribution also has a density (or, for binary pixels, a probability) that can be computed. The
# loss of a VAE needs two numbers of this kind, in nats. The first is $\log
# p_\theta(\mathbf{x}|\mathbf{z})$, summed over the pixels. The second is the KL divergence of
# $q_\phi(\mathbf{z}|\mathbf{x})$ from the prior $p(\mathbf{z})$, summed over the coordinates of the
# code.

# %%
mu, logvar = vae.encode(D)
codes = reparameterize(mu, logvar, normal(lesson.rng("codes"), n, 8))
terms = elbo(D, vae.decoder_output(codes), mu, logvar)
lesson.table(
    [
        ["log p(x|z), one sample of z", terms.reconstruction.mean()],
        ["KL of q(z|x) from p(z)", terms.kl.mean()],
    ],
    ["nats per digit", "mean over D"],
)

# %% [markdown]
# For comparison: a decoder that assigns probability ½ to ink at every pixel has
# $\log p(\mathbf{x}|\mathbf{z}) = -784 \log 2 = -543.4$.

# %%
fair_coins = -784 * np.log(2)
lesson.check("784 fair coins", fair_coins, equals=-543.4, atol=0.05)
lesson.claim(
    "log p(x|z) above that of 784 fair coins",
    terms.reconstruction.mean() - fair_coins,
    at_least=400,
    unit="nats",
    source="worst of seeds 0, 1, 2: 454",
)

# %% [markdown]
# ## 6. The table
# The symbols of the post, their meaning, their name in this package, and their shape here:

# %%
rows = [
    ["D", "the data set", "D", D.shape],
    ["x^(i)", "example i", "D[i - 1]", x.shape],
    ["x", "any example", "x", x.shape],
    ["x'", "its reconstruction", "autoencoder(x)", x_prime[2].shape],
    ["x~", "its corrupted version", "corrupt(x, ...)", x_tilde[2].shape],
    ["z", "its code", "autoencoder.encode(x)", z[2].shape],
    ["a_j^(l)", "unit j of layer l", "layer(x)[:, j - 1]", activations[:, 5].shape],
]

# %%
probability = vae.decode(three).shape[1:]
rows += [
    ["g_phi", "encoder", "autoencoder.encode", "784 -> 8"],
    ["f_theta", "decoder", "autoencoder.decode", "8 -> 784"],
    ["q_phi(z|x)", "probabilistic encoder", "vae.encode: mu, logvar", mu[0].shape],
    ["p_theta(x|z)", "probabilistic decoder", "vae.likelihood, vae.decode", probability],
]
lesson.table([[*row[:3], str(row[3])] for row in rows], ["symbol", "meaning", "in code", "shape"])
lesson.check("rows of the table", len(rows), equals=11)

# %% [markdown]
# **A convention of these lessons:** the square of a vector is its squared length, a sum over
# coordinates. Losses are summed over the pixels and averaged over the examples.
#
# ## 7. Where the post is loose
# The post calls $q_\phi(\mathbf{z}|\mathbf{x})$ an "Estimated posterior probability function". For
# a code of real numbers it is a probability *density*, whose values may exceed 1. A normal
# distribution with standard deviation 0.1 has the density $1/(0.1 \sqrt{2\pi}) = 3.99$ at its mean.

# %%
lesson.check("density of N(0, 0.1²) at 0", 1 / (0.1 * np.sqrt(2 * np.pi)), equals=3.99, atol=0.005)

# %% [markdown]
# **Next:** `vae/02` trains an encoder and a decoder on all of MNIST, and compares a linear
# autoencoder with principal component analysis.
#
# **Your turn:** the exercises begin with `vae/02`: `minigen exercise start vae/02`.

# %%
lesson.finish()
