# %% [markdown]
# # VAE: the variational autoencoder, and three estimates of p(x)
#
# Suppose that a model makes images in two steps. It draws a code at random, and a decoder turns the
# code into an image. But how probable is the image that you hold in your hand? Any code may have
# produced it, so we must add up over all of them, and there are infinitely many. We could try a
# thousand random codes and take the mean. But nearly every random code belongs to another image,
# and tells us nothing about this one. Which codes should we draw?
#
# We define the model (section 1), take a case with a known answer (2), and see what training needs
# (3). Then we estimate $p(x)$ from random codes (4), from codes that are drawn for this $x$ (5),
# and from codes that a network proposes (6). This lesson follows the section *VAE: Variational
# Autoencoder* of [From Autoencoder to
# Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
#
# Before this lesson: `start/01` (a training loop, Adam).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/06_vae",
    title="VAE: the variational autoencoder, and three estimates of p(x)",
    post="vae",
    sections=["vae.s06"],
    figures=["vae.f05"],
    equations=["vae.06", "vae.07", "vae.08"],
    minutes=0.1,
    picture="wave",
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
# ## 1. A model with a code
#
# An autoencoder (`vae/02`) maps an input to a *fixed* vector, which gives no probabilities. A
# *variational autoencoder* (VAE) starts from probabilities. It comes from *variational Bayesian*
# methods, which replace a distribution that cannot be computed with the closest member of a simple
# family. Three distributions, with parameters $\theta$, relate the data $x$ and the *latent*
# (unobserved) code $z$:
#
# - the *prior* $p_\theta(z)$, the distribution of codes before anything is known of $x$;
# - the *likelihood* $p_\theta(x|z)$, also called the *probabilistic decoder*;
# - the *posterior* $p_\theta(z|x)$, the distribution of the codes of a given $x$.
#
# Suppose that good parameters are known, and call them $\theta^*$. Then the model generates an
# example in two steps. First it samples a code $z^{(i)}$ from the prior $p_{\theta^*}(z)$, and then
# $x^{(i)}$ from the conditional distribution $p_{\theta^*}(x|z = z^{(i)})$.
#
# The way back, from $x$ to $z$, is the posterior. By Bayes' rule it is $p_\theta(x|z)\, p_\theta(z)
# / p_\theta(x)$, and it is usually *intractable*, which means that its denominator costs too much
# to compute. Therefore a *probabilistic encoder* $q_\phi(z|x)$, with parameters $\phi$ of its own,
# approximates it. Encoder and decoder together look like an autoencoder, with distributions in
# place of functions. A *graphical model* shows which variable depends on which.


# %%
phi, z_at, x_at, theta = (0.6, 2.5), (2.5, 2.5), (2.5, 1.0), (4.4, 2.5)
fig, ax = plot.figure(size=(4.2, 3.0))
ax.set(xlim=(0, 5), ylim=(0, 3.4), aspect="equal")
ax.axis("off")
for label, at, shade in (("$z$", z_at, "white"), ("$x$", x_at, "0.85")):
    ax.text(*at, label, ha="center", va="center", bbox={"boxstyle": "circle", "facecolor": shade})
ax.text(*phi, r"$\phi$", ha="center", va="center")
ax.text(*theta, r"$\theta$", ha="center", va="center")
ax.plot([1.4, 3.6, 3.6, 1.4, 1.4], [0.3, 0.3, 3.2, 3.2, 0.3], color="black", linewidth=1)
ax.text(3.5, 0.4, "$n$", ha="right", va="bottom")

# %%
for start, end, style, bend in (
    (theta, z_at, "-", 0.0),
    (theta, x_at, "-", 0.0),
    (z_at, x_at, "-", -0.35),
    (phi, z_at, "--", 0.0),
    (x_at, z_at, "--", -0.35),
):
    look = {"arrowstyle": "-|>", "linestyle": style, "connectionstyle": f"arc3,rad={bend}"}
    look |= {"color": "black", "shrinkA": 13, "shrinkB": 13}
    ax.annotate("", end, start, arrowprops=look)

# %%
lesson.figure(
    fig,
    "f05_graphical_model",
    "A circle is a random variable, shaded if it is observed. Solid arrows are the generative model"
    " pθ, dashed arrows the approximate posterior qφ(z|x). The frame, called a plate, is repeated"
    " for each of the n examples. Look at what is outside of it.",
)

# %% [markdown]
# The parameters $\theta$ and $\phi$ are outside, shared by all examples, while each example has a
# code of its own. We omit $\theta$ and $\phi$ where they are fixed.
#
# Now to the first question of the opening: how probable is one $x$? Its code is not observed, so we
# average $p_\theta(x|z)$ over all codes, each weighted by its prior density (Eq. vae.08):
#
# $$p_\theta(x^{(i)}) = \int p_\theta(x^{(i)}|z)\, p_\theta(z)\, dz .$$
#
# This is the *marginal likelihood* of $x^{(i)}$. For example, let the code be 0 or 1 with
# probability $\frac12$ each, with $p(x|z{=}0) = 0.5$ and $p(x|z{=}1) = 0.001$. Then $p(x) = \frac12
# \cdot 0.5 + \frac12 \cdot 0.001 = 0.2505$, and $\log p(x) = -1.384$. An average over codes that
# are *sampled* from the prior is called a *Monte Carlo* estimate.

# %%
lesson.exercise("vae/06/monte_carlo_log_likelihood")

# %% [markdown]
# Programs work with logarithms, because the density of an image is a product over many pixels, and
# often too small or too large for a floating-point number. It is therefore tempting to average the
# values of $\log p(x|z)$ themselves.

# %%
lesson.predict(
    "How does the mean of the two values log p(x|z) compare with log p(x)?",
    ["it is the same", "it is 0.3 higher", "it is 0.3 lower", "it is 2.4 lower"],
)

# %%
lesson.show_source(monte_carlo_log_likelihood)
two = np.log([[0.5], [0.001]])
log_of_mean = monte_carlo_log_likelihood(two)[0]

# %%
lesson.outcome(
    f"The mean of the logarithms is {two.mean():.2f}, because log 0.001 = -6.91 enters with weight"
    " 1/2. In log p(x) the second code hardly counts, because 0.001 adds almost nothing to 0.5.",
    answer="it is 2.4 lower",
)
lesson.check("log of the mean", log_of_mean, equals=-1.3843, atol=1e-4)
lesson.check("mean of the logs", two.mean(), equals=-3.8005, atol=1e-4)

# %% [markdown]
# Keep the order: first the mean, then the logarithm. The mean of the logarithms is never the larger
# of the two. This is *Jensen's inequality* for the logarithm, and `vae/07` turns it into a loss.

# %% [markdown]
# <details><summary>Derivation: Jensen's inequality for the logarithm</summary>
#
# The logarithm is strictly concave: a tangent touches it at one point, and lies above it everywhere
# else. With the tangent at the mean $m = \mathbb E\, w$ of a positive random variable $w$,
#
# $$\log w \le \log m + \frac{w - m}{m} .$$
#
# Take the expectation of both sides. The last term has mean 0, so
#
# $$\mathbb E \log w \le \log \mathbb E\, w,$$
#
# with equality only if $w = m$ with probability 1, since the tangent touches only there. $\square$
#
# </details>

# %%
lesson.change(
    "two similar likelihoods",
    "Change `[[0.5], [0.001]]` to `[[0.5], [0.4]]` and run again. How far apart are the two "
    "results now? For which two likelihoods are they equal?",
    answer="They are -0.7985 and -0.8047, 0.006 nats apart. They are equal only if both "
    "likelihoods are equal, because the logarithm is strictly concave. (Both checks are for 0.5 "
    "and 0.001, so they fail.)",
)

# %% [markdown]
# Sampled codes give an estimate of $p(x)$. But how far off is it?

# %% [markdown]
# ## 2. A wave whose p(x) is known
#
# To judge an estimate of $p(x)$ we need a model for which we know the answer. Let a code $z \sim
# \mathcal{N}(0, 1)$ of one dimension determine a position on a wave in the plane, and add Gaussian
# noise, with $\epsilon \sim \mathcal{N}(0, I)$:
#
# $$x = \big(1.3\, z,\ a \sin(1.5\, z)\big) + 0.2\, \epsilon, \qquad a = 1.5 .$$


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
    return log_normal(x - curve(z, a), 0.0, S).sum(axis=-1)


# %% [markdown]
# A code of one dimension allows *quadrature*: the integral of Eq. vae.08 is, nearly, a sum of
# $p(x|z)\,p(z)$ over a fine grid of codes, times the distance between two codes. We take 1,501
# codes from −6 to 6, and use the sum as the exact value of $p(x)$. If it is right, it must
# integrate to 1 over the plane.

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
area = np.diff(side)[0] ** 2  # of a cell of this grid
lesson.check("p(x) summed over the plane", np.exp(log_p_plane).sum() * area, equals=1.0, atol=1e-3)

# %% [markdown]
# It does. Now take one point, $x = (1.2, 1.2)$. Which codes may have produced it?

# %%
x_shown = np.array([[1.2, 1.2]])
log_px_codes = log_px_z(x_shown, codes[:, None])  # (1501, 1)
posterior = np.exp(log_px_codes + log_prior - exact(x_shown))[:, 0]
densities = {
    "prior p(z)": np.exp(log_prior[:, 0]),
    "likelihood p(x|z)": np.exp(log_px_codes)[:, 0],
    "posterior p(z|x)": posterior,
}
explain = log_px_codes[:, 0] > log_px_codes.max() - np.log(100)
explaining = 100 * np.exp(log_prior[explain, 0]).sum() * dz

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.5))
plot.samples(
    sample(lesson.rng("shown data"), 1500),
    ax=left,
    bounds=(-4, 4, -3.2, 3.2),
    title="samples of p(x), and one x in black",
)
left.plot(*x_shown[0], "o", color=plot.color.ink)
left.set(xlabel="$x_1$", ylabel="$x_2$")

# %%
plot.line(
    codes[450:1051],  # from -2.4 to 2.4
    {name: p[450:1051] for name, p in densities.items()},
    right,
    xlabel="code z",
    ylabel="density",
    title="prior, likelihood and posterior of z",
)

# %%
lesson.figure(
    fig,
    "wave",
    "Left: samples of the model (orange), and our x (black). Right: the prior (blue), the"
    " likelihood of each code for our x (orange) and the posterior (green). Of a hundred codes from"
    f" the prior, {explaining:.0f} have a likelihood of at least a hundredth of the largest. Find"
    " the interval where they are.",
)

# %% [markdown]
# The posterior is the product of the other two, scaled to integral 1. (The likelihood is a density
# of $x$, not of $z$. The area under the orange curve is 0.75.) The posterior is much narrower than
# the prior. In other words, once $x$ is known only a few codes are plausible, and most codes of the
# prior are wasted on it.

# %% [markdown]
# ## 3. Training means comparing p(x)
#
# Why do we want $p(x)$ at all? It tells good parameters from bad ones. The post defines the optimal
# parameters $\theta^*$ as those that maximize the probability of the data, all $n$ examples
# together (Eq. vae.06). A logarithm turns the product into a sum, and since it is increasing, the
# best $\theta$ stays the same (Eq. vae.07):
#
# $$\theta^* = \arg\max_\theta \prod_{i=1}^n p_\theta(x^{(i)})
# = \arg\max_\theta \sum_{i=1}^n \log p_\theta(x^{(i)}) .$$
#
# Both define the *maximum likelihood* estimate, but only the sum survives in floating point. On our
# wave $\log p(x)$ is about −1.9 on average, so the product of 2,000 densities is about $e^{-3800}$,
# or $10^{-1650}$. The smallest positive floating-point number is 5e-324. Let's forget that the
# height $a$ of the wave is 1.5, and estimate it from 10 examples and from 2,000.

# %%
heights = np.linspace(1.0, 2.0, 41)
data = sample(lesson.rng("data"), lesson.size(2000, quick=200))
log_px = np.stack([exact(data, a) for a in heights])  # (41, N): log p(x_i) for each height
few = log_px[:, :10]
product = np.exp(few).prod(axis=1)
from_few, from_all = heights[maximum_likelihood(few)], heights[maximum_likelihood(log_px)]

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.0))
plot.line(
    heights,
    product,
    left,
    title="product of 10 densities",
    xlabel="height a",
    ylabel="likelihood",
)

# %%
plot.line(
    heights,
    log_px.sum(axis=1),
    right,
    title=f"sum of {len(data):,} logarithms",
    xlabel="height a",
    ylabel="nats",
)

# %%
lesson.figure(
    fig,
    "likelihood",
    "The likelihood of every height, as a product of 10 densities (left), and as a sum of"
    f" {len(data):,} logarithms (right). The product of all {len(data):,} would be"
    f" {np.exp(log_px[20]).prod():.2g}. The maxima are at {from_few:.3g} and {from_all:.3g}."
    " Compare them with 1.5.",
)

# %%
lesson.check(
    "10 examples: product and sum of logs have their maximum at the same a",
    heights[product.argmax()] == heights[maximum_likelihood(few)],
)
lesson.check("height by maximum likelihood, all examples", from_all, equals=1.5, atol=0.1)

# %% [markdown]
# From 2,000 examples, maximum likelihood finds the height. Ten examples determine it only to about
# 0.1, as the width of the left curve shows. But for each of 41 heights we needed $\log p(x)$ of
# every example, and each of these was a sum over 1,501 codes. With 20 dimensions such a grid would
# have $1501^{20}$ codes. As the post says, "it is very expensive to check all the possible values
# of $\mathbf{z}$ and sum them up".

# %% [markdown]
# ## 4. Codes drawn from the prior
#
# Eq. vae.08 is an expectation over the prior, so we need no grid. We draw $K$ codes and average
# $p(x|z)$. This estimate of $p(x)$ is *unbiased*, which means right on average, and its *relative
# error* (its standard deviation divided by $p(x)$) is
#
# $$\sqrt{\rho / K}, \qquad \rho = \mathbb{E}_{z \sim p(z)}\, p(x|z)^2 / p(x)^2 - 1 .$$
#
# In words, four times as many codes halve the error, and $\rho$ measures how unequal the
# likelihoods $p(x|z)$ of the codes are. For the two codes of section 1, $\rho = \frac12 (0.5^2 +
# 0.001^2) / 0.2505^2 - 1 = 0.992$, so an average of 100 draws has an error of 10 %. The dimension
# of the code does not appear in the formula, which sounds like good news. Have we escaped the
# $1501^{20}$?
#
# Let's compute it. Take $x = z + 0.2\,\epsilon$ in $D$ dimensions, so that $x$ determines each
# coordinate of the code to about 0.2, nearly as on the wave. We call an $x$ typical if the square
# of each coordinate equals its mean, $1 + 0.2^2$. In one dimension, a typical $x$ needs about 500
# codes for an error of 10 %.

# %%
lesson.predict(
    "About how many codes does it need if the code has 20 dimensions?",
    ["about 500", "about 10,000", "about 200,000", "more than a billion"],
)


# %%
def density(x2, variance):
    return np.exp(-0.5 * x2 / variance) / np.sqrt(2 * np.pi * variance)


typical = 1 + S**2  # x² of a typical x: its mean
second_moment = density(typical, 1 + S**2 / 2) / (2 * S * np.sqrt(np.pi))
one_more = second_moment / density(typical, 1 + S**2) ** 2  # 1 + ρ of one dimension
needed = {d: (one_more**d - 1) / 0.1**2 for d in (1, 2, 5, 10, 20)}

# %%
lesson.outcome(
    f"The number of codes is {needed[20]:.1g}, because 1 + ρ is a mean of products over the"
    " coordinates. They are independent, so it is the product of 20 equal factors,"
    f" {one_more:.2f} to the power of 20.",
    answer="more than a billion",
)
lesson.table(
    [[d, f"{n:.3g}"] for d, n in needed.items()],
    ["dimensions of the code", "codes from the prior for a relative error of 10 %"],
)
lesson.check("two codes: rho", 0.5 * (0.5**2 + 0.001**2) / 0.2505**2 - 1, equals=0.992, atol=5e-4)

# %% [markdown]
# <details><summary>Derivation: the relative error, and ρ for one dimension</summary>
#
# Let $w = p(x|z)$ for $z \sim p(z)$. By Eq. vae.08 its mean is $p(x)$, so its variance is $\mathbb
# E\, w^2 - p(x)^2 = \rho\, p(x)^2$. The mean of $K$ independent draws has the same expectation, and
# variance $\rho\, p(x)^2 / K$. Take the root and divide by $p(x)$.
#
# For $x = z + s\,\epsilon$, the square of a Gaussian density is a Gaussian density of half the
# variance, times a constant: $\mathcal N(x; z, s^2)^2 = \mathcal N(x; z, s^2/2) / (2 s \sqrt\pi)$.
# The expectation over $z \sim \mathcal N(0, 1)$ adds the variances, so
#
# $$1 + \rho = \frac{\mathbb E\, p(x|z)^2}{p(x)^2} = \frac{\mathcal N(x; 0, 1 + s^2/2)}{2 s
# \sqrt\pi\; \mathcal N(x; 0, 1 + s^2)^2} .$$
#
# For independent coordinates both expectations are products, and therefore their ratio is one.
# $\square$
#
# </details>

# %% [markdown]
# The dimension was hidden in $\rho$. A random code must fit in the first coordinate, and in the
# second, and in all others at once. With random codes we have not escaped from the size of the
# space. We have to draw better ones.

# %% [markdown]
# ## 5. Codes drawn for this x
#
# The post wants to "narrow down the value space" with "a new approximation function to output what
# is a likely code given an input". Suppose, then, that the codes are drawn from another density
# $q(z|x)$, called the *proposal*, which favors codes that fit $x$. The plain mean of their
# likelihoods would be too high, because codes that fit $x$ are now too frequent. The estimate must
# correct for this: a code that $q$ draws more often than the prior counts less. By what factor?
# Write the integral of Eq. vae.08 as an expectation over $q$. The factor next to $q(z|x)$ under the
# integral is the weight of a code. Then replace the expectation with the mean over $K$ codes drawn
# from $q$.

# %%
lesson.exercise("vae/06/importance_sampling_log_likelihood")

# %% [markdown]
# Multiply and divide by $q(z|x)$, which must be positive wherever $p(x|z)\,p(z)$ is:
#
# $$p(x) = \int q(z|x)\, \frac{p(x|z)\,p(z)}{q(z|x)}\, dz
# \approx \frac1K \sum_k \frac{p(x|z_k)\,p(z_k)}{q(z_k|x)}, \qquad z_k \sim q(z|x).$$
#
# This is *importance sampling*. Take the two codes of section 1, and let $q = (0.9, 0.1)$. Their
# weights are $\frac{0.5 \cdot 0.5}{0.9} = 0.2778$ and $\frac{0.001 \cdot 0.5}{0.1} = 0.005$. The
# expectation over $q$ is $0.9 \cdot 0.2778 + 0.1 \cdot 0.005 = 0.2505$, as before.

# %%
lesson.show_source(importance_sampling_log_likelihood)
q = np.array([0.9, 0.1])
weights = np.array([0.5, 0.001]) * 0.5 / q
lesson.check("expectation of the weights over q", q @ weights, equals=0.2505)

# %%
lesson.change(
    "the wrong way round",
    "Change `q` to `np.array([0.1, 0.9])`, which mostly draws the code with the small likelihood, "
    "and run again. Is the expectation still right? What does a single draw give?",
    answer="The expectation is still 0.2505, as for every $q$ that is nowhere 0. But a single "
    "draw is far from it. On average, nine draws in ten have weight $0.001 \\cdot 0.5 / 0.9 = "
    "0.00056$, and the tenth has $0.5 \\cdot 0.5 / 0.1 = 2.5$.",
)

# %% [markdown]
# What is the best proposal? If $q$ *is* the posterior, every weight is $p(x|z)\,p(z) / p(z|x) =
# p(x)$, and one code is enough. On a straight line, $x = 2z + 0.5\,\epsilon$, the posterior is a
# Gaussian that we know, so we can draw from it.

# %%
x = 1.0
total = 2.0**2 + 0.5**2  # the variance of x
mu = 2 * x / total
sigma = np.sqrt(0.5**2 / total)
z = mu + sigma * lesson.rng("one draw").standard_normal((1, 5))
log_px_of_z = log_normal(x, 2 * z, 0.5)
one = importance_sampling_log_likelihood(log_px_of_z, log_normal(z), log_normal(z, mu, sigma))

# %%
log_p = log_normal(x, 0.0, np.sqrt(total))
lesson.check("five estimates of log p(x), one code each", one, equals=5 * [log_p])

# %% [markdown]
# Each of the five codes gives the exact $\log p(x)$. But in general nobody knows the posterior, and
# $q$ will be somewhat too wide or too narrow. Which is worse? We return to the black $x$ on the
# wave, and try three Gaussian proposals. All have the posterior's mean, which the grid gives. The
# first also has the posterior's standard deviation, the second three times as much, the third a
# third of it.

# %%
lesson.predict(
    "Which proposal has the largest error with 1,000 codes?",
    ["as wide as the posterior", "three times as wide", "a third as wide"],
)


# %%
def with_proposal(x, mu, sigma, k, repeats, rng):
    z = mu + sigma * rng.standard_normal((k, repeats))
    log_q = log_normal(z, mu, sigma)
    return importance_sampling_log_likelihood(log_px_z(x, z), log_normal(z), log_q)


# %% [markdown]
# For seven values of $K$ we compute each estimate a thousand times. The standard deviation of the
# thousand results, divided by $p(x)$, is the relative error.

# %%
repeats = lesson.size(1000, quick=400)
counts = np.array([1, 3, 10, 30, 100, 300, 1000])
second_moment = np.exp(2 * log_px_codes[:, 0] + log_prior[:, 0]).sum() * dz  # E p(x|z)²
rho = second_moment / np.exp(2 * exact(x_shown)[0]) - 1
mean = posterior @ codes * dz
width = np.sqrt(posterior @ (codes - mean) ** 2 * dz)


def relative_error(log_estimates):
    return np.std(np.exp(log_estimates - exact(x_shown)))


rng = lesson.rng("prior draws")
measured = []
for k in counts:
    z = rng.standard_normal((k, repeats))
    measured.append(relative_error(monte_carlo_log_likelihood(log_px_z(x_shown, z))))
errors = {"codes from the prior": measured, "sqrt(ρ / K)": np.sqrt(rho / counts)}

# %%
for name, factor in {
    "q as wide as the posterior": 1.0,
    "q three times as wide": 3.0,
    "q a third as wide": 1 / 3,
}.items():
    rng = lesson.rng(name)
    estimates = [with_proposal(x_shown, mean, factor * width, k, repeats, rng) for k in counts]
    errors[name] = [relative_error(each) for each in estimates]

# %%
lesson.outcome(
    f"The relative error of the narrow proposal is {errors['q a third as wide'][-1]:.0%} and of the"
    f" wide one {errors['q three times as wide'][-1]:.1%}, because the weight divides by q. In its"
    " own tails the narrow q is almost 0 while p(x|z) p(z) is not, and a code that falls there has"
    " a huge weight. The first number is only what we met: the true error is infinite.",
    answer=lesson.predictions[-1].choices[
        int(np.argmax([each[-1] for each in list(errors.values())[2:]]))
    ],
)

# %%
ax = plot.line(
    counts,
    errors,
    log="xy",
    markers=True,
    xlabel="number of codes K",
    ylabel="relative error",
    styles={"sqrt(ρ / K)": "--"},
    title="relative error of the estimate of p(x)",
)

# %%
lesson.figure(
    ax,
    "errors",
    "Relative error against the number of codes, for codes from the prior (blue) and from the three"
    " proposals. The dashed line is the formula of section 4, and covers the blue one. Compare the"
    " slopes.",
)

# %%
lesson.check(
    "prior: measured error / sqrt(ρ/K), at K = 1000",
    measured[-1] / np.sqrt(rho / 1000),
    between=(0.8, 1.2),
)
lesson.check(
    "error at K = 100: prior over q as wide as the posterior",
    measured[4] / errors["q as wide as the posterior"][4],
    at_least=5,
)
lesson.check(
    "error at K = 1000: q a third as wide over as wide",
    errors["q a third as wide"][-1] / errors["q as wide as the posterior"][-1],
    at_least=10,
)

# %% [markdown]
# Both results can be computed. The error is $\sqrt{\rho / K}$ for weights $w$ as well, with $\rho =
# \mathbb{E}_{z \sim q}\, w^2 / p(x)^2 - 1$. If the posterior is a Gaussian, and $q$ has its mean
# and $r$ times its standard deviation,
#
# $$1 + \rho = \frac{r^2}{\sqrt{2 r^2 - 1}} \quad \text{for } r > 1/\sqrt2, \qquad \rho = \infty
# \quad \text{for } r \le 1/\sqrt2 .$$
#
# In words, a proposal of the right width has error 0, a wide one needs a few more codes, and a
# narrow one has an infinite variance. For $r = 3$ and 1,000 codes the error is $\sqrt{1.18 / 1000}
# = 3.4\,\%$. For $r = \frac13$ we measured only what a thousand repetitions happened to meet.

# %% [markdown]
# <details><summary>Derivation: the error of a Gaussian proposal</summary>
#
# Shift and scale $z$ so that the posterior is $\mathcal N(0, 1)$ and $q = \mathcal N(0, r^2)$.
# Since $w / p(x) = p(z|x) / q(z|x)$,
#
# $$1 + \rho = \int \frac{p(z|x)^2}{q(z|x)}\, dz = \frac{r}{\sqrt{2\pi}} \int e^{-z^2 (1 - 1 /
# (2r^2))}\, dz = \frac{r}{\sqrt{2\pi}} \sqrt{\frac{\pi}{1 - 1 / (2r^2)}} = \frac{r^2}{\sqrt{2 r^2 -
# 1}} .$$
#
# For $r^2 \le \frac12$ the exponent is not negative, and the integral diverges. $\square$
#
# On the wave the sine is bounded, so far out $p(x|z)\,p(z)$ falls like a Gaussian of variance $1 /
# (1 + 1.3^2 / 0.2^2) = 0.023$. The integral diverges if $q$ has less than half of it, and the
# narrow $q$ has $0.054^2 = 0.0029$.
#
# </details>

# %% [markdown]
# A proposal that is too wide wastes codes, and more codes help, as the slope of its line shows. A
# proposal that is too narrow is dangerous, because it hardly ever draws the codes with the huge
# weights. Until it does, its estimates are mostly too low, and nothing indicates that mass is
# missing. If in doubt, choose the wider one. Remember this, because a network is about to choose
# for us.

# %% [markdown]
# ## 6. The encoder proposes for every x
#
# So far we needed the posterior of one $x$, from a grid, to choose a proposal for it. A grid for
# each example of a large data set would be slow, and in 20 dimensions it is impossible. The idea of
# the VAE is a network, the encoder, that outputs the mean and the logarithm of the variance of a
# Gaussian proposal for *any* $x$. One network in place of a separate search for each $x$ is called
# *amortized* inference.


# %%
def encode(net, x):
    out = net(x)  # (N, 2)
    return out[:, :1], out[:, 1:]  # mean and log variance, (N, 1)


def loss(net, x, eps):
    mu, logvar = encode(net, x)
    z = reparameterize(mu, logvar, eps)[:, 0]
    squares = np.sum((x - curve(z)) ** 2, axis=1) / np.float32(2 * S**2)
    return np.mean(squares + kl_standard_normal(mu, logvar))


def points_and_noise(rng):
    return sample(rng, 128).astype(np.float32), rng.standard_normal((128, 1), dtype=np.float32)


# %% [markdown]
# The loss draws a code for each $x$ from its proposal (`reparameterize`, which `vae/08` explains),
# decodes it, and compares. A second term, `kl_standard_normal`, keeps the proposals near the prior.
# `vae/07` derives these two terms. Here we only use what comes out.

# %%
encoder = MLP(lesson.rng("encoder"), [2, 64, 64, 2], "tanh")
untrained = encoder.copy()
steps = lesson.steps(2000)
rng = lesson.rng("training")
step = descend(loss, encoder, points_and_noise, lr=cosine(3e-3, steps), rng=rng)
lesson.fit(step, steps, label="encoder", state=step.state)

# %% [markdown]
# Does the network help, or would any sensible guess do as well? For comparison we take a rival that
# fits on a napkin, *first coordinate only*. Given $x_1 = 1.3\,z + 0.2\,\epsilon$ and nothing else,
# the posterior is a Gaussian with precision (one over its variance) $1 + 1.3^2 / 0.2^2 = 43.25$ and
# mean $1.3\,x_1 / (0.2^2 \cdot 43.25)$. We draw 500 new points, for which the grid gives $\log
# p(x)$, and estimate it with a hundred codes each.

# %%
test = sample(lesson.rng("test"), lesson.size(500, quick=50))
log_p_test = exact(test)


def proposals_of(net, wider=1.0):
    mu, logvar = (a[:, 0].astype(np.float64) for a in encode(net, test.astype(np.float32)))
    return mu, wider * np.exp(0.5 * logvar)


def errors_at_each(mu, sigma, k=100):
    """The error of log p(x) in nats at each of the new points, with k codes from N(mu, sigma²)."""
    estimates = with_proposal(test, mu, sigma, k, len(test), lesson.rng("judge"))
    return np.abs(estimates - log_p_test)


def errors_of(mu, sigma):
    off = errors_at_each(mu, sigma)
    return [np.median(off), np.quantile(off, 0.99), off.max()]


# %%
precision = 1 + 1.3**2 / S**2
rows = {
    "the prior": errors_of(0.0, 1.0),
    "untrained encoder": errors_of(*proposals_of(untrained)),
    "first coordinate only": errors_of(1.3 * test[:, 0] / (S**2 * precision), precision**-0.5),
    "encoder": errors_of(*proposals_of(encoder)),
}

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["codes from", "median", "1 in 100 is larger than", "largest"],
    "error of log p(x) in nats",
)

# %%
lesson.claim(
    "encoder: median error with 100 codes",
    rows["encoder"][0],
    at_most=0.03,
    unit="nats",
    source="seeds 0, 1 and 4711: 0.0164, 0.0164, 0.0138; first coordinate only: 0.038",
)
lesson.claim(
    "median error: first coordinate only / encoder",
    rows["first coordinate only"][0] / rows["encoder"][0],
    at_least=1.5,
    source="seeds 0, 1 and 4711: 2.3, 2.6, 2.9",
)

# %% [markdown]
# At the median $x$ the encoder is the best of the four, and in the recorded run its error is less
# than half of the rival's. Without training it does no better than the prior. But look at the last
# column. In the recorded run the encoder's largest error is 12 nats, and the rival's is below 1.
# Section 5 suggests a suspect, a proposal that is too narrow. We can test it without training
# again: keep every mean, and make every standard deviation half as large again.

# %%
lesson.predict(
    "What happens to the encoder's errors if all its standard deviations are multiplied by 1.5?",
    [
        "both fall",
        "the median rises, and the 1-in-100 error falls",
        "both rise",
    ],
)

# %%
before, wider = rows["encoder"], errors_of(*proposals_of(encoder, 1.5))
rows["encoder, 1.5 times as wide"] = wider
both_fall, tail_falls, both_rise = lesson.predictions[-1].choices
lesson.outcome(
    f"The median error goes from {before[0]:.3f} to {wider[0]:.3f} nats, because a wider q wastes"
    f" codes on an x that was served well. The error that one x in a hundred exceeds goes from"
    f" {before[1]:.2f} to {wider[1]:.2f}, because the wider q reaches codes that the narrow one"
    " missed. Only the width has changed.",
    answer={(True, True): both_fall, (False, True): tail_falls, (False, False): both_rise}.get(
        (wider[0] < before[0], wider[1] < before[1])
    ),
)

# %%
lesson.table(
    [[name, *row] for name, row in list(rows.items())[2:]],
    ["codes from", "median", "1 in 100 is larger than", "largest"],
)

# %%
lesson.claim(
    "encoder, 1.5 times as wide: error that one x in a hundred exceeds",
    wider[1],
    at_most=0.25,
    unit="nats",
    source="seeds 0, 1 and 4711: 0.193, 0.199, 0.149; not widened: at least 0.268",
)

# %% [markdown]
# The formula of section 5 predicts the price. For $r = 1.5$ it gives $\rho = 0.20$, and with 100
# codes a relative error of 4.5 %. Half of the draws of a Gaussian are within 0.67 standard
# deviations, so the median should be about 0.030 nats.
#
# The gain shows that some of the encoder's proposals missed codes that matter. Is a Gaussian too
# simple a proposal for these $x$, or did the network choose the wrong one? The grid can tell. At
# the eight $x$ with the largest errors we give each $x$ the Gaussian that has the mean and the
# standard deviation of its own posterior.


# %%
def moments(x):
    """Mean and standard deviation of the posterior of each x (N, 2), from the grid."""
    weights = np.exp(log_px_z(x, codes[:, None]) + log_prior)  # (1501, N)
    weights = weights / weights.sum(axis=0)
    mu = codes @ weights
    return mu, np.sqrt(codes**2 @ weights - mu**2)


at_each = {
    "encoder": errors_at_each(*proposals_of(encoder)),
    "encoder, 1.5 times as wide": errors_at_each(*proposals_of(encoder, 1.5)),
    "own mean and width": errors_at_each(*moments(test)),
}
worst = np.argsort(at_each["encoder"])[-8:]
lesson.table(
    [[name, np.median(off[worst]), off[worst].max()] for name, off in at_each.items()],
    ["codes from", "median of the eight", "largest of the eight"],
)

# %% [markdown]
# A Gaussian serves all eight. With its own mean and width no $x$ is wrong by more than a tenth of a
# nat, in the recorded run and with seeds 1 and 4711. At these $x$ the network therefore fails, not
# the family of Gaussians. A wider proposal helps, but it stays at the wrong position. One network
# for every $x$ is not as good as a search for each. If you measure $\log p(x)$ with a VAE, look at
# the worst $x$ and not only at the average.
#
# ## What this lesson does differently
#
# - The section of the post has no experiment. The wave and all numbers are ours.
# - The post introduces $q_\phi(z|x)$ for a faster search. We use it as a proposal, because then the
#   result can be checked against the exact $p(x)$.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "Instead of mapping the input into a *fixed* vector, we want to map it into a distribution.
#   Let's label this distribution as $p_\theta$": the input is mapped to $q_\phi(z|x)$. The label
#   $p_\theta$ belongs to the generative model, with its prior, likelihood and posterior.
# - "Assuming that we know the real parameter $\theta^{*}$", and then "The optimal parameter
#   $\theta^{*}$ is the one that maximizes the probability of generating real data samples". One
#   symbol is used for the parameter that generated the data and for its estimate. From a finite
#   number of examples the two differ in general, as the height did in section 3.
# - In the same sentence, "the probability of generating real data samples" is a density if $x$ is
#   continuous, and may exceed 1.
# - "similar to the decoder $f_\theta(\mathbf{x} \vert \mathbf{z})$ introduced above": what was
#   introduced is "a decoder function $f(.)$ parameterized by $\theta$", not a conditional
#   distribution.
#
# ## To remember
#
# - A model with a code has $p(x) = \mathbb E_{z \sim p(z)}\, p(x|z)$. First the mean, then the
#   logarithm.
# - Codes from the prior nearly all miss, and the number that is needed grows exponentially with the
#   dimension of the code.
# - Codes from $q(z|x)$ count $p(x|z)\,p(z)/q(z|x)$. The best $q$ is the posterior, and too wide is
#   safer than too narrow.
# - The encoder of a VAE is one network that outputs a $q$ for every $x$, good at most $x$ and far
#   off at a few.
#
# **Next:** how can we train $q$ towards a posterior that nobody can compute? (`vae/07`)
#
# **Your turn:** `minigen exercise start vae/06`, then `minigen run vae/06 --with
# exercises/vae_06.py`.

# %%
lesson.finish()
