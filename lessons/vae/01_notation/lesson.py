# %% [markdown]
# # The notation, symbol by symbol
#
# The section *Notation* (vae.s01) of [From Autoencoder to
# Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run: each row of its table becomes an object that you can print, on one batch of MNIST. To take
# away:
#
# 1. Upper indices count: $\mathbf{x}^{(i)}$ is example $i$, $a^{(l)}$ belongs to layer $l$. They
#    are not powers.
# 2. $g_\phi$ and $f_\theta$ are functions that give one answer. $q_\phi$ and $p_\theta$ are
#    distributions: many answers, weighted.
# 3. A prime is a reconstruction, a tilde is damage: $\mathbf{x}'$ comes out of the network,
#    $\tilde{\mathbf{x}}$ goes in.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/01_notation",
    title="The notation, symbol by symbol",
    post="vae",
    sections=["vae.s01"],
    minutes=0.2,
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
# is a vector of $d$ numbers, $\mathbf{x}^{(i)} = [x^{(i)}_1, \ldots, x^{(i)}_d]$; here, the pixels
# of a digit. $\mathbf{x}$ without an index is any one of them. Our $\mathcal{D}$ is one batch of
# 256 digits. In code the first axis counts examples, and from 0.

# %%
lesson.predict(
    "Which element of the array D is x^(3)_400?",
    ["D[3, 400]", "D[2, 400]", "D[2, 399]", "D[399, 2]"],
)

# %%
images = mnist.splits().train.images[:256]
D = mnist.unit(images, flat=True)  # (n, d)
n, d = D.shape
x = D[2]  # x^(3), the third example: (d,)

# %%
lesson.outcome(
    "Both counts of the post begin with 1, both axes of the array with 0: example 3 is row 2,"
    f" number 400 is column 399. D has the shape {D.shape}.",
    answer="D[2, 399]",
)
lesson.check("n and d", [n, d], equals=[256, 784])
lesson.check(
    "x^(3)_400, row 14, column 7, both from 0",
    D[2, 399] == images[2].reshape(-1)[399] / np.float32(255),
)
lesson.check("pixels lie in [0, 1]", [D.min(), D.max()], equals=[0.0, 1.0])

# %% [markdown]
# ## 2. Two functions: $g_\phi$, $f_\theta$, and between them $\mathbf{z}$
# The *encoder* $g_\phi$ turns $\mathbf{x}$ into a code $\mathbf{z}$, the *decoder* $f_\theta$ turns
# a code into a picture $\mathbf{x}'$. $\phi$ and $\theta$ are names for all their parameters, which
# training changes.
#
# By hand: $d = 3$, a code of one number, and $\mathbf{w} = \frac13(1, 2, 2)$. Encode with
# $g(\mathbf{x}) = \mathbf{w} \cdot \mathbf{x}$, decode with $f(z) = z\,\mathbf{w}$. Then $(1, 2,
# 2)$ has the code $\frac13(1 + 4 + 4) = 3$ and comes back as $(1, 2, 2)$.

# %%
lesson.predict(
    "As what does (2, 1, 0) come back?",
    ["(2, 1, 0)", "(4/3, 8/3, 8/3)", "(4/9, 8/9, 8/9)", "(0, 0, 0)"],
)

# %%
w = np.array([1.0, 2.0, 2.0]) / 3


def g(x):
    return x @ w


def f(z):
    return z * w


# %%
z_of_it = g(np.array([2.0, 1, 0]))
print(f"  z of (2, 1, 0) is {z_of_it:.4f}, and it comes back as {f(z_of_it)}")

# %%
lesson.outcome(
    "Its code is (2 + 2 + 0)/3 = 4/3, and 4/3 times w is (4/9, 8/9, 8/9). One number can tell only"
    " how far along w.",
    answer="(4/9, 8/9, 8/9)",
)
lesson.check("z of (1, 2, 2)", g(np.array([1.0, 2, 2])), equals=3.0)
lesson.check("x' of (1, 2, 2)", f(g(np.array([1.0, 2, 2]))), equals=[1.0, 2, 2])
lesson.check("x' of (2, 1, 0)", f(z_of_it), equals=[4 / 9, 8 / 9, 8 / 9])

# %% [markdown]
# Everything else is lost: the code is a *bottleneck*.

# %%
lesson.change(
    "a point that vanishes",
    "Change `[2.0, 1, 0]` to `[2.0, -1, 0]` and run again. What comes back now, and of which "
    "other points does the same come back?",
    answer="(0, 0, 0). The code is $(2 \\cdot 1 - 1 \\cdot 2)/3 = 0$, and so it is for every "
    "point at a right angle to $\\mathbf{w}$: a whole plane of points shares this code. The check "
    "of (2, 1, 0) no longer holds.",
)

# %% [markdown]
# Now a real one: 784 pixels, 8 numbers, 784 pixels, with a hidden layer on each side,
# shown our 256 digits over and over.

# %%
autoencoder = Autoencoder(lesson.rng("autoencoder"), dim_z=8, widths=(128,))
phi = autoencoder.encoder.num_parameters()
theta = autoencoder.decoder.num_parameters()
print(f"  phi has {phi:,} numbers, theta {theta:,}")

# %% [markdown]
# Training changes them, step by step, so that $\mathbf{x}'$ comes nearer to $\mathbf{x}$. What a
# step does, `vae/02` writes out; `descend` makes the usual one from a loss, a model and batches.
# Here the batch is always the same.

# %%
from itertools import repeat


def distance(model, x):
    return reconstruction_loss(x, model(x))


before = distance(autoencoder, D)
step = descend(distance, autoencoder, repeat(D), lr=2e-3)
history = lesson.fit(step, lesson.steps(400), label="autoencoder", state=step.state)
print(f"  |x - x'|² fell from {before:.1f} to {history['loss'][-1]:.1f}")

# %% [markdown]
# Is that little? A picture of reference: the mean of all 256 digits, the same answer for every
# $\mathbf{x}$. That is what would be left of a digit if the code said nothing.

# %%
z = autoencoder.encode(D)  # g_phi: (n, 8)
x_prime = autoencoder.decode(z)  # f_theta: (n, d)
mean_picture = reconstruction_loss(D, np.broadcast_to(D.mean(axis=0), D.shape))
lesson.claim(
    "|x - x'|², as a share of what the mean picture leaves",
    reconstruction_loss(D, x_prime) / mean_picture,
    at_most=0.35,
)

# %%
lesson.change(
    "a code of two numbers",
    "Change `dim_z=8, widths=(128,))` of the autoencoder to `dim_z=2, widths=(128,))` and run "
    "again. What happens to the share, and to the image $\\mathbf{x}'$ in the figure below?",
    answer="The share rises to more than one half, and the image loses its details: two numbers "
    "must tell 256 digits apart, and every digit that shares its code with others comes back as a "
    "mixture of them. The claim of at most 0.35 is not judged in an edited lesson.",
)

# %%
boxes = {
    "x": plot.node("$x$", "data", (0, 0), image=D[2].reshape(28, 28)),
    "g": plot.node(autoencoder.encoder, at=(1, 0), name="$g_\\phi$"),
    "z": plot.node(f"code $z$\n{z.shape[1]} numbers", "latent", (2, 0)),
    "f": plot.node(autoencoder.decoder, at=(3, 0), name="$f_\\theta$"),
    "out": plot.node("$x'$", "fake", (4, 0), image=x_prime[2].reshape(28, 28).clip(0, 1)),
}
lesson.figure(
    plot.schematic(boxes, ["x -> g -> z -> f -> out"]),
    "functions",
    "The digit on the left goes through 8 numbers. What they do not hold, x' does not show.",
)

# %% [markdown]
# ## 3. A unit: $a^{(l)}_j$
# The encoder's first layer has 128 units. $a^{(1)}_j$ is what unit $j$ of layer 1 answers: a
# weighted sum of the pixels, plus a bias, bent by an activation function $s$. (The bend here is
# $s(u) = u$ if $u > 0$, else $0.2\,u$.) Let us work out unit 5 for our digit ourselves, and compare
# with the layer.

# %%
first = autoencoder.encoder.layers[0]
products = [float(pixel) * float(weight) for pixel, weight in zip(x, first.w[:, 5])]
u = sum(products) + float(first.b[5])
by_hand = u if u > 0 else 0.2 * u
answers = first(D)  # (n, 128): a^(1)_j of every example
lesson.check("a^(1)_5 of x^(3)", answers[2, 5], equals=by_hand, atol=1e-4)

# %% [markdown]
# ## 4. A prime and a tilde: $\mathbf{x}'$ and $\tilde{\mathbf{x}}$
# $\tilde{\mathbf{x}}$ is a damaged copy of $\mathbf{x}$; here a third of the pixels is set to 0.
# The autoencoder never saw damage.

# %%
lesson.predict(
    "How near will f(g(x~)) be to x, beside f(g(x))?",
    ["as near, within 20 %: 8 numbers cannot hold the damage", "farther", "nearer"],
)

# %%
x_tilde = corrupt(D, lesson.rng("damage"), "masking", 1 / 3)
from_damage = autoencoder(x_tilde)
lesson.check("x itself is left as it was", np.array_equal(D, mnist.unit(images, flat=True)))
lesson.check("pixels of ink that became 0", 1 - np.mean(x_tilde[D > 0] > 0), between=(0.32, 0.35))
errors = [float(reconstruction_loss(D, a)) for a in (x_prime, from_damage, x_tilde)]
lesson.table(
    [errors],
    ["from x", "from x with a tilde", "the tilde itself"],
    "squared distance to x, summed over pixels",
)

# %%
as_near, farther, nearer = lesson.predictions[-1].choices
times = errors[1] / errors[0]
lesson.outcome(
    f"{times:.2f} times the squared error.",
    answer=farther if times > 1.2 else nearer if times < 1 / 1.2 else as_near,
)
lesson.claim("error from the damaged x / from x", times, at_least=1.2)

# %% [markdown]
# Nobody asked it to repair. The *denoising* autoencoder (`vae/03`) is asked.
#
# ## 5. Two distributions: $q_\phi(\mathbf{z}|\mathbf{x})$ and $p_\theta(\mathbf{x}|\mathbf{z})$
# A variational autoencoder answers with distributions. Its encoder gives, for one $\mathbf{x}$, a
# mean $\mu_j$ and a spread $\sigma_j$ for each number of the code: $q_\phi(\mathbf{z}|\mathbf{x})$,
# an estimate of which codes may have made $\mathbf{x}$. Its decoder gives, for one $\mathbf{z}$, a
# probability for each pixel to be ink: $p_\theta(\mathbf{x}|\mathbf{z})$.

# %%
vae = VAE(lesson.rng("vae"), dim_z=8, widths=(128,))


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def digits_and_noise(rng):
    return D, normal(rng, n, 8)


step = descend(vae_loss, vae, digits_and_noise, lr=2e-3, rng=lesson.rng("vae noise"))
lesson.fit(step, lesson.steps(400), label="VAE", state=step.state)

# %% [markdown]
# Its loss is a matter of `vae/07`, its draws of `vae/08`. Encode one digit three times, with each
# of the two models.

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
    [[f"draw {k + 1}", *row] for k, row in enumerate(three[:, :4])],
    ["z of one x", *(f"z_{j + 1}" for j in range(4))],
)

# %%
codes = np.concatenate([autoencoder.encode(D[2:3]) for _ in range(3)])  # of one x, three times
once = np.ptp(codes, axis=0).max()
apart = np.ptp(three, axis=0).max()
print(f"  largest difference: {once:g} by g_phi, {apart:.2f} by draws of q_phi")

# %%
lesson.outcome(
    "The function gives one code, the distribution a new one at each draw.",
    answer="g_phi of the autoencoder only",
)
lesson.check("three codes by g_phi: largest difference", once, equals=0.0, atol=0)
lesson.check("three draws of q_phi: largest difference", apart, at_least=0.05)

# %% [markdown]
# And so it goes on: each code
# has its own probabilities for the pixels, from which pictures can be drawn.

# %%
of_x = [x[None], x_tilde[2:3], x_prime[2:3].clip(0, 1), from_damage[2:3].clip(0, 1)]
probabilities = vae.likelihood.mean(vae.decode(three))
drawn = vae.likelihood.sample(lesson.rng("pixels"), vae.decode(three[:1]))
names = ["x", "x tilde", "x'", "from tilde"]
names += ["mean of p, 1", "mean of p, 2", "mean of p, 3", "draw of p"]
pictures = np.concatenate([*of_x, probabilities, drawn])

# %%
ax = plot.image_grid(pictures, 2, 4, shape=(28, 28), labels=names)
lesson.figure(
    ax,
    "one_digit",
    "Above: x, its damaged copy, and what the autoencoder makes of each. Below: three draws of z, "
    "decoded to pixel probabilities, and a picture drawn from the first of these.",
)

# %% [markdown]
# A distribution can be asked for its density. One number says how much the code costs, one how well
# the picture is explained; both in nats, summed over pixels and code numbers.

# %%
mu, logvar = vae.encode(D)
codes = reparameterize(mu, logvar, normal(lesson.rng("codes"), n, 8))
terms = elbo(D, vae.decode(codes), mu, logvar)
lesson.table(
    [
        ["log p(x|z), one draw of z", terms.reconstruction.mean()],
        ["KL of q(z|x) from p(z)", terms.kl.mean()],
    ],
    ["nats per digit", "mean of the batch"],
)

# %%
fair_coins = -784 * np.log(2)
lesson.claim(
    "log p(x|z), above that of fair coins",
    terms.reconstruction.mean() - fair_coins,
    at_least=300,
    unit="nats",
)

# %% [markdown]
# ## 6. The table
# The post's symbols, with what they are in this package and the shape they have here:

# %%
rows = [
    ["D", "a data set", "D", D.shape],
    ["x^(i)", "example i", "D[i - 1]", x.shape],
    ["x", "any example", "x", x.shape],
    ["x'", "its reconstruction", "autoencoder(x)", x_prime[2].shape],
    ["x~", "a damaged copy", "corrupt(x, ...)", x_tilde[2].shape],
    ["z", "a code", "autoencoder.encode(x)", z[2].shape],
    ["a_j^(l)", "unit j of layer l", "layer(x)[:, j]", answers[:, 5].shape],
]

# %%
probability = vae.decode(three).shape[1:]
rows += [
    ["g_phi", "encoder, a function", "autoencoder.encode", "784 -> 8"],
    ["f_theta", "decoder, a function", "autoencoder.decode", "8 -> 784"],
    ["q_phi(z|x)", "encoder, a distribution", "vae.encode: mu, logvar", mu[0].shape],
    ["p_theta(x|z)", "decoder, a distribution", "vae.likelihood, vae.decode", probability],
]
lesson.table([[*row[:3], str(row[3])] for row in rows], ["symbol", "is", "in code", "shape"])
lesson.check("rows of the table", len(rows), equals=11)

# %% [markdown]
# ## 7. Where the post is loose
# - In the section on the contractive autoencoder $f$ is the *en*coder (`vae/05`). Here and
#   elsewhere it decodes.
# - $a^{(l)}_j$ is called an activation *function*. What is meant below is its value on an example.
# - $q_\phi$ and $p_\theta$ are called probability functions. With real numbers they are
#   *densities*, and may exceed 1.
# - The square of a vector, $(\mathbf{x} - \mathbf{x}')^2$, stands for the squared length $\sum_j
#   (x_j - x'_j)^2$. We sum over pixels and average over examples, everywhere.
#
# **Left out:** how well any of this does on digits that it has not seen: 400 passes over 256 digits
# teach little of the rest. **Next:** `vae/02` trains the two functions on all of MNIST, and finds
# that without bends they do what PCA does.
#
# **Your turn:** the exercises begin with `vae/02`: `minigen exercise start vae/02`.

# %%
lesson.finish()
