# %% [markdown]
# # How probable is a picture? An integral, and three ways to do it
#
# The section *VAE: Variational Autoencoder* (vae.s06) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. To take away:
#
# 1. A model with a hidden cause $z$ gives $p(x)$ as an average of $p(x|z)$ over all causes. To
#    learn is to raise it.
# 2. Averaging over causes drawn at random is right. We measure what it costs.
# 3. A guess $q(z|x)$ of where to look repairs that. A network that makes this guess is the encoder
#    of a VAE.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/06_vae",
    title="How probable is a picture? An integral, and three ways to do it",
    post="vae",
    sections=["vae.s06"],
    figures=["vae.f05"],
    equations=["vae.06", "vae.07", "vae.08"],
    minutes=0.2,
    sources=["weng2018vae", "kingma2014vae", "rezende2014backprop", "burda2016iwae"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.nn import MLP
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend
from minigen.vae.marginal_likelihood import importance_sampling_log_likelihood, maximum_likelihood
from minigen.vae.marginal_likelihood import monte_carlo_log_likelihood, quadrature_log_likelihood
from minigen.vae.vae import kl_standard_normal, reparameterize

# %% [markdown]
# ## 1. Hidden causes
# The model tells a story about each $x$. First a code $z$ is drawn from a simple *prior* $p(z)$,
# then $x$ from $p(x|z)$, the *decoder*. The story runs from $z$ to $x$. To learn from data we must
# run it backward: which $z$ may have made this $x$? The answer is the posterior $p(z|x)$, and the
# *encoder* $q(z|x)$ is a guess of it. Here both are networks.

# %%
shown_encoder = MLP(lesson.rng("shown"), [2, 32, 32, 2], "tanh")
shown_decoder = MLP(lesson.rng("shown"), [1, 32, 32, 2], "tanh")
boxes = {
    "prior": plot.node("prior\n$p(z)$", "noise", (0, 0)),
    "z": plot.node("code $z$", "latent", (1, 0)),
    "dec": plot.node(shown_decoder, at=(2, -0.5), name="decoder"),
    "enc": plot.node(shown_encoder, at=(2, 0.5), name="encoder"),
    "x": plot.node("picture $x$", "data", (3, 0)),
}
arrows = ["prior -> z", "z -> dec", "dec -> x: $p(x|z)$", "x --> enc", "enc --> z: $q(z|x)$"]

# %%
lesson.figure(
    plot.schematic(boxes, arrows),
    "f05_two_directions",
    "Solid arrows: how the model makes x. Dashed: how the encoder guesses back.",
)

# %% [markdown]
# How probable is $x$ when the cause is not known? Weigh every cause by how often it comes up (Eq.
# vae.08):
#
# $$p(x) = \int p(x|z)\, p(z)\, dz .$$
#
# This is the *marginal likelihood* of $x$.
#
# By hand: a code is 0 or 1, heads or tails. If it is 0 then $p(x|z) = 0.5$, if it is 1 then
# $0.001$. So $p(x) = \frac12 \cdot 0.5 + \frac12 \cdot 0.001 = 0.2505$, and its log is $-1.384$. To
# average over causes *drawn* from the prior is called *Monte Carlo*.

# %%
lesson.exercise("vae/06/monte_carlo_log_likelihood")

# %%
lesson.predict(
    "A friend averages the two logarithms instead. Her number is",
    ["the same", "0.3 higher", "0.3 lower", "2.4 lower"],
)

# %%
lesson.show_source(monte_carlo_log_likelihood)
two = np.log([[0.5], [0.001]])
log_of_mean = monte_carlo_log_likelihood(two)[0]
print(f"  log of the mean {log_of_mean:.4f}, mean of the logs {two.mean():.4f}")

# %%
lesson.outcome(
    f"{log_of_mean - two.mean():.2f} lower, and never higher, whatever the numbers (Jensen's"
    " inequality): the logarithm punishes the one bad cause as if it were half of the truth. Keep"
    " the order: mean, then log.",
    answer="2.4 lower",
)
lesson.check("log of the mean", log_of_mean, equals=-1.3843, atol=1e-4)
lesson.check("mean of the logs", two.mean(), equals=-3.8005, atol=1e-4)

# %%
lesson.change(
    "two similar likelihoods",
    "Change `[[0.5], [0.001]]` to `[[0.5], [0.4]]` and run again. How far are the two orders "
    "apart now, and for which two likelihoods do they agree?",
    answer="-0.7985 and -0.8047: they are 0.006 nats apart. They agree only where both "
    "likelihoods are equal, for the logarithm is strictly concave. Both checks were made for 0.5 "
    "and 0.001.",
)

# %% [markdown]
# ## 2. A model that can be checked
# One number $z \sim \mathcal{N}(0, 1)$ chooses a place on a wave in the plane, and a little noise
# is added:
#
# $$x = \big(1.3\, z,\ a \sin(1.5\, z)\big) + 0.2\, \epsilon, \qquad a = 1.5 .$$
#
# With one code number, a fine grid of codes does the integral. That is our truth. To be sure: does
# $p(x)$ sum to 1?

# %%
S = 0.2


def curve(z, a=1.5):
    return np.stack([1.3 * z, a * np.sin(1.5 * z)], axis=-1)  # (...,) -> (..., 2)


def sample(rng, n):
    return curve(rng.standard_normal(n)) + S * rng.standard_normal((n, 2))


# %%
def log_normal(z, mu=0.0, sigma=1.0):
    return -0.5 * ((z - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))


def log_px_z(x, z, a=1.5):  # x (N, 2), z (K, N) or (K, 1) -> (K, N)
    return log_normal((x - curve(z, a)), 0.0, S).sum(axis=-1)


# %% [markdown]
# The grid has 1,501 codes from −6 to 6. At each of them $p(x|z)\,p(z)$ is worked out; their sum,
# times the width of a cell, is the integral.

# %%
codes, dz = np.linspace(-6, 6, 1501, retstep=True)
log_prior = log_normal(codes)[:, None]  # (1501, 1)


def exact(x, a=1.5):
    values = log_px_z(x, codes[:, None], a)  # (1501, N)
    return quadrature_log_likelihood(values, np.broadcast_to(log_prior, values.shape), dz)


# %%
side = np.linspace(-7, 7, lesson.size(141, quick=71))
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
log_p_plane = batched(exact, plane)
cell = (side[1] - side[0]) ** 2
lesson.check("p(x) summed over the plane", np.exp(log_p_plane).sum() * cell, equals=1.0, atol=1e-3)

# %% [markdown]
# Now one point, $x = (1.2, 1.2)$. Which codes may have made it? Let a code explain $x$ if $p(x|z)$
# is at least a hundredth of its largest value.

# %%
lesson.predict(
    "How many of a hundred codes drawn from the prior explain this x?",
    ["nearly all", "about a quarter", "fewer than one"],
)

# %%
x_shown = np.array([[1.2, 1.2]])
log_px_codes = log_px_z(x_shown, codes[:, None])  # (1501, 1)
posterior = np.exp(log_px_codes + log_prior - exact(x_shown))[:, 0]
densities = {
    "prior p(z)": np.exp(log_prior[:, 0]),
    "p(x|z) of this x": np.exp(log_px_codes)[:, 0],
    "posterior p(z|x)": posterior,
}

# %%
explain = log_px_codes[:, 0] > log_px_codes.max() - np.log(100)
explaining = 100 * np.exp(log_prior[explain, 0]).sum() * dz
lesson.outcome(f"{explaining:.0f} of a hundred.", answer="about a quarter")

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.5))
draws = sample(lesson.rng("shown data"), 1500)
title = "draws of x, and one x in black"
plot.samples(draws, ax=left, bounds=(-4, 4, -3.2, 3.2), title=title)
left.plot(*x_shown[0], "o", color=plot.color.ink)
shown = np.abs(codes) < 3
curves = {name: p[shown] for name, p in densities.items()}
plot.line(codes[shown], curves, right, xlabel="code z", title="which codes explain it?")

# %%
lesson.figure(
    fig,
    "wave",
    "Right: blue are the codes that the prior offers, green those that made the black x. Orange,"
    " the likelihood, is zero for most of them, and in 20 dimensions for nearly all.",
)

# %% [markdown]
# ## 3. What learning asks for
# The best parameters make the data most probable, all of them together (Eq. vae.06). Nobody
# multiplies 2,000 densities, for a reason that you can guess. The logarithm turns the product into
# a sum, and since it grows, the best parameters stay where they are (Eq. vae.07). This is the
# *maximum likelihood* estimate. We look for the height $a$ of the wave, first from 10 points, then
# 2,000. Most densities are between 0.01 and 1.

# %%
lesson.predict(
    "What is the product of 2,000 such densities, in floating point?",
    ["a small number, about 1e-30", "0", "inf"],
)

# %%
heights = np.linspace(1.0, 2.0, 41)
data = sample(lesson.rng("data"), lesson.size(2000, quick=200))
log_px = np.stack([exact(data, a) for a in heights])  # (41, N): log p(x_i) for each height
few = log_px[:, :10]
product = np.exp(few).prod(axis=1)

# %%
lesson.show_source(maximum_likelihood)
lesson.check(
    "product and sum of logs choose the same a",
    heights[product.argmax()] == heights[maximum_likelihood(few)],
)
whole_product = np.exp(log_px[20]).prod()

# %%
lesson.outcome(
    f"The product of all {len(data):,} is {whole_product:.2g} in floating point, where the smallest"
    f" number is 5e-324. Its logarithm to base 10 is {log_px[20].sum() / np.log(10):.0f}.",
    answer="0" if whole_product == 0 else "a small number, about 1e-30",
)

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.0))
plot.line(heights, product, left, title="product of 10 densities", xlabel="height a")
title = f"sum of {len(data):,} logarithms"
plot.line(heights, log_px.sum(axis=1), right, title=title, xlabel="height a", ylabel="nats")
lesson.figure(
    fig,
    "likelihood",
    "Left: ten points leave much open. Right: many agree on a height near 1.5, the true one.",
)
lesson.claim(
    "height of the wave, by maximum likelihood",
    heights[maximum_likelihood(log_px)],
    equals=1.5,
    atol=0.05,
)

# %% [markdown]
# ## 4. Draw codes from the prior
# In 20 dimensions there is no grid. But the integral is an average over the prior, so average over
# $K$ draws. On paper the error is known: with $\rho = \mathbb{E}\,p(x|z)^2 / p(x)^2 - 1$, the
# estimate of $p(x)$ has the relative error $\sqrt{\rho / K}$.

# %%
lesson.predict(
    "How many draws does our black x need for an error of 1 %?",
    ["about 100", "about 10,000", "more than 50,000"],
)

# %%
second_moment = np.exp(2 * log_px_codes[:, 0] + log_prior[:, 0]).sum() * dz  # E p(x|z)²
rho = second_moment / np.exp(2 * exact(x_shown)[0]) - 1

# %%
answer = "more than 50,000" if rho > 5 else "about 10,000" if rho > 0.1 else "about 100"
lesson.outcome(f"rho = {rho:.1f}, so 1 % takes {rho / 0.01**2:,.0f} draws.", answer=answer)

# %% [markdown]
# Does the paper keep its word? The estimate is made a thousand times over, and its relative error
# measured, for seven numbers of draws.


# %%
def spread(log_estimates):
    return np.std(np.exp(log_estimates - exact(x_shown)))


repeats = lesson.size(1000, quick=50)
counts = np.array([1, 3, 10, 30, 100, 300, 1000])
rng = lesson.rng("prior draws")
measured = []
for k in counts:
    z = rng.standard_normal((k, repeats))
    measured.append(spread(monte_carlo_log_likelihood(log_px_z(x_shown, z))))

# %%
lesson.claim(
    "prior: measured error / sqrt(rho/K), at K = 1000",
    measured[-1] / np.sqrt(rho / 1000),
    between=(0.85, 1.15),
)
slope = np.polyfit(np.log(counts[3:]), np.log(measured[3:]), 1)[0]
lesson.claim("prior: slope of log error along log K", slope, equals=-0.5, atol=0.06)

# %% [markdown]
# ## 5. Draw codes where they matter
# Let a guess $q(z|x)$ say where to draw, and correct for having drawn there: a code that $q$ offers
# too often counts less. By which factor? Write the integral of Eq. vae.08 as an average over $q$:
# what stands beside $q(z|x)$ under the integral is the weight of a draw. Then replace the average
# by the mean over $K$ draws.

# %%
lesson.exercise("vae/06/importance_sampling_log_likelihood")

# %% [markdown]
# Multiply and divide by $q(z|x)$:
#
# $$p(x) = \int q(z|x)\, \frac{p(x|z)\,p(z)}{q(z|x)}\, dz
# \approx \frac1K \sum_k \frac{p(x|z_k)\,p(z_k)}{q(z_k|x)}, \qquad z_k \sim q(z|x).$$
#
# By hand, with the two codes of section 1 and $q = (0.9, 0.1)$. The weights are $\frac{0.5 \cdot
# 0.5}{0.9}$ and $\frac{0.001 \cdot 0.5}{0.1}$; nine draws in ten give the first: $0.9 \cdot
# 0.2778 + 0.1 \cdot 0.005 = 0.2505$ again. This is *importance sampling*.

# %%
lesson.show_source(importance_sampling_log_likelihood)
q = np.array([0.9, 0.1])
weights = np.array([0.5, 0.001]) * 0.5 / q
lesson.check("weights, averaged as q draws them", q @ weights, equals=0.2505)

# %%
lesson.change(
    "the wrong way round",
    "Change `q` to `np.array([0.1, 0.9])`, which prefers the code that explains nothing, and run "
    "again. Is the average still right? What does a single draw give?",
    answer="The average is still 0.2505, as for every $q$ that is nowhere 0. A single draw is "
    "nearly useless: nine in ten have the weight $0.001 \\cdot 0.5 / 0.9 = 0.00056$, and the "
    "tenth has $0.5 \\cdot 0.5 / 0.1 = 2.5$.",
)

# %% [markdown]
# Three guesses, all normal with the posterior's mean: with its own width, three times it, a third
# of it. Mean and width of the posterior of our $x$ come from the grid.

# %%
lesson.predict(
    "Which guess has the largest error with 1,000 draws?",
    ["as wide as the posterior", "three times as wide", "a third as wide"],
)

# %%
mass = posterior * dz
mean = mass @ codes
width = np.sqrt(mass @ (codes - mean) ** 2)


def with_guess(x, mu, sigma, k, repeats, rng):
    z = mu + sigma * rng.standard_normal((k, repeats))
    log_q = log_normal(z, mu, sigma)
    return importance_sampling_log_likelihood(log_px_z(x, z), log_normal(z), log_q)


# %%
guesses = {
    "q as wide as the posterior": 1.0,
    "q three times as wide": 3.0,
    "q a third as wide": 1 / 3,
}
errors = {"draws from the prior": measured, "sqrt(rho / K)": np.sqrt(rho / counts)}
for name, factor in guesses.items():
    rng = lesson.rng(name)
    estimates = [with_guess(x_shown, mean, factor * width, k, repeats, rng) for k in counts]
    errors[name] = [spread(each) for each in estimates]

# %%
at_1000 = [errors[name][-1] for name in guesses]
lesson.outcome(
    "Relative errors: "
    + ", ".join(f"{name} {e:.3f}" for name, e in zip(guesses, at_1000))
    + f"; draws from the prior {measured[-1]:.3f}.",
    answer=lesson.predictions[-1].choices[int(np.argmax(at_1000))],
)

# %%
ax = plot.line(
    counts,
    errors,
    log="xy",
    markers=True,
    xlabel="codes K",
    styles={"sqrt(rho / K)": "--"},
    title="relative error of p(x), where exact p(x) is known",
)

# %%
lesson.figure(
    ax,
    "errors",
    "The prior's error lies on its dashed line. Look how far below it the green guess is; three"
    " times as wide loses much of that; the narrow one starts no better than the prior and hardly"
    " comes down.",
)

# %%
right = errors["q as wide as the posterior"]
narrow = errors["q a third as wide"]
lesson.claim(
    "error at K = 100: prior / q as wide as the posterior", measured[4] / right[4], at_least=5
)
lesson.claim("error at K = 1000: q a third as wide / as wide", narrow[-1] / right[-1], at_least=10)

# %% [markdown]
# Too wide costs a few more draws. Too narrow is treacherous: where $q$ never draws, it cannot
# notice that it is missing something; once in a while a draw from its tail has a huge weight.
# (Below $1/\sqrt2$ of the width the error is infinite.) And the perfect guess? If $q$ *is* the
# posterior, every weight is $p(x)$: one draw is enough. A straight line in place of the wave, $x =
# 2z + 0.5\,\epsilon$, has a normal posterior, and shows it.

# %%
x = 1.0
total = 2.0**2 + 0.5**2  # the variance of x
mu = 2 * x / total
sigma = np.sqrt(0.5**2 / total)
z = mu + sigma * lesson.rng("one draw").standard_normal((1, 5))
log_px_of_z = log_normal(x, 2 * z, 0.5)
one = importance_sampling_log_likelihood(log_px_of_z, log_normal(z), log_normal(z, mu, sigma))

# %%
truth = log_normal(x, 0.0, np.sqrt(total))
lesson.check("five estimates of log p(x), one draw each", one, equals=5 * [truth])

# %% [markdown]
# ## 6. One network for all guesses
# We found this guess by looking at the exact posterior of one $x$. A VAE's *encoder* outputs the
# mean and width for any $x$: one network in place of one guess for each $x$, which is called
# *amortized* inference. How it learns them is the subject of `vae/07`; here it is done in one cell,
# to see whether it helps.

# %%
lesson.predict(
    "With a hundred codes each, the encoder's error is smaller than the prior's by a factor",
    ["of about 2", "of 5 or more", "below 1: it is larger"],
)

# %%
encoder = MLP(lesson.rng("encoder"), [2, 64, 64, 2], "tanh")


def encode(net, x):
    out = net(x)  # (N, 2)
    return out[:, :1], out[:, 1:]  # mean and log variance, (N, 1)


# %%
def loss(net, x, eps):
    mu, logvar = encode(net, x)
    z = reparameterize(mu, logvar, eps)[:, 0]
    squares = np.sum((x - curve(z)) ** 2, axis=1) / np.float32(2 * S**2)
    return np.mean(squares + kl_standard_normal(mu, logvar))


def points_and_noise(rng):
    return sample(rng, 128).astype(np.float32), rng.standard_normal((128, 1), dtype=np.float32)


# %%
steps = lesson.steps(2000)
rng = lesson.rng("training")
step = descend(loss, encoder, points_and_noise, lr=cosine(3e-3, steps), rng=rng)
lesson.fit(step, steps, label="encoder", state=step.state)

# %% [markdown]
# The judge: 500 new points, of each of which the exact $\log p(x)$ is known from the grid. The
# error is the median over them, for the encoder also the worst.

# %%
test = sample(lesson.rng("test"), lesson.size(500, quick=50))
mu, logvar = (a[:, 0].astype(np.float64) for a in encode(encoder, test.astype(np.float32)))
truth = exact(test)


def off(log_estimates):
    return float(np.median(np.abs(log_estimates - truth)))


# %%
rng = lesson.rng("judge")
rows = []
for k in (1, 10, 100, 1000):
    z = rng.standard_normal((k, len(test)))
    from_prior = log_px_z(test, z)
    guessed = with_guess(test, mu, np.exp(0.5 * logvar), k, len(test), rng)
    of_prior = off(monte_carlo_log_likelihood(from_prior))
    of_mean_of_logs = off(from_prior.mean(axis=0))
    rows.append([k, of_prior, of_mean_of_logs, off(guessed), np.abs(guessed - truth).max()])

# %%
factor = rows[2][1] / rows[2][3]
answer = "of 5 or more" if factor >= 5 else "of about 2"
lesson.outcome(
    f"{rows[2][3]:.3f} nats, the prior's {rows[2][1]:.3f}: a factor of {factor:.1f}.",
    answer="below 1: it is larger" if factor < 1 else answer,
)

# %%
lesson.table(
    rows,
    ["codes", "prior", "prior, mean of logs", "encoder", "encoder, worst x"],
    "error of log p(x), nats: the median over test points",
)
lesson.claim("encoder: error with 10 codes", rows[1][3], at_most=0.1, unit="nats")
lesson.claim("error of the prior / of the encoder, 100 codes", factor, at_least=5)
lesson.claim("wrong turn, mean of logs: error with 1000", rows[3][2], at_least=40, unit="nats")

# %% [markdown]
# **The wrong turn** of section 1 stands in the third column, and more draws do not cure it: it
# settles on another number. The last column is a fair warning. For an $x$ far out, that the encoder
# hardly ever saw, its guess misses the posterior or is too narrow, and then it is as treacherous as
# the narrow guess of section 5.
#
# ## 7. Why a grid in the head is no way out
# With 20 code numbers each of which is told by the picture as sharply as here, how many draws from
# the prior? Take $x = z + 0.2\,\epsilon$ in $D$ dimensions: $1 + \rho$ of one dimension is known,
# and dimensions multiply.


# %%
def density(x2, variance):
    return np.exp(-0.5 * x2 / variance) / np.sqrt(2 * np.pi * variance)


typical = 1 + S**2  # x² of a typical x
second_moment = density(typical, 1 + S**2 / 2) / (2 * S * np.sqrt(np.pi))
one_more = second_moment / density(typical, 1 + S**2) ** 2
needed = {d: (one_more**d - 1) / 0.1**2 for d in (1, 2, 5, 10, 20)}

# %%
lesson.table(
    [[d, f"{n:.3g}"] for d, n in needed.items()],
    ["code numbers", "draws from the prior for an error of 10 %"],
)
lesson.claim("draws needed, log10, at 20 code numbers", np.log10(needed[20]), at_least=10)

# %% [markdown]
# ## 8. Where the post is loose
# - It says that checking all values of $z$ is expensive. For one number it is cheap (section 2);
#   the price grows exponentially with the dimension (section 7), and that is what rules it out.
# - It speaks of the *probability* of a data point. With continuous $x$ these are densities, and may
#   exceed 1:

# %%
largest = density(0.0, 0.02**2) ** 2
lesson.check("the largest density of the wave with noise 0.02", largest, at_least=100)

# %% [markdown]
# - The product over data points assumes that they were drawn independently.
# - The encoder does not make the integral easy *by itself*: it is the correction by $p(z)/q(z|x)$
#   that keeps the answer right.
#
# **Left out:** the logarithm of an unbiased estimate is itself biased, low by about $\rho / 2K$; so
# all columns of the table are bounds from below, on average. **Next:** how to train $q$ without
# knowing $p(x)$. The bound with *one* draw has a name: ELBO (`vae/07`).
#
# **Your turn:** `minigen exercise start vae/06`, then `minigen run vae/06 --with
# exercises/vae_06.py`.

# %%
lesson.finish()
