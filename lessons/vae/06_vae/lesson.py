# %% [markdown]
# # VAE: the variational autoencoder, and three estimates of p(x)
#
# The section *VAE: Variational Autoencoder* (vae.s06) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. In this lesson:
#
# 1. A model with a latent code $z$ defines $p(x)$ as the average of $p(x|z)$ over all codes.
#    Training by maximum likelihood raises this average.
# 2. The average over codes drawn from the prior is an unbiased estimate of $p(x)$. We measure its
#    error.
# 3. Codes can also be drawn from an approximation $q(z|x)$ of the posterior and reweighted. A
#    network that outputs this approximation for every $x$ is the encoder of a VAE.

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
# ## 1. The model
# The autoencoders so far map an input to a fixed vector. A *variational autoencoder* (VAE) maps it
# to a distribution of codes. It comes from *variational Bayesian* methods, which approximate a
# distribution that cannot be computed by the closest member of a simple family. Three
# distributions, with parameters $\theta$, relate the data $x$ and the *latent* (unobserved) code
# $z$:
#
# - the *prior* $p_\theta(z)$, the distribution of codes before anything is known of $x$;
# - the *likelihood* $p_\theta(x|z)$, also called the *probabilistic decoder*;
# - the *posterior* $p_\theta(z|x)$, the distribution of the codes of a given $x$.
#
# With the parameters $\theta^*$ the model generates an example in two steps:
#
# 1. Sample a code $z^{(i)}$ from the prior $p_{\theta^*}(z)$.
# 2. Sample $x^{(i)}$ from the conditional distribution $p_{\theta^*}(x|z = z^{(i)})$.
#
# The posterior goes in the other direction, from $x$ to $z$, and is usually intractable. The
# *probabilistic encoder* $q_\phi(z|x)$, with parameters $\phi$ of its own, approximates it. A
# *graphical model* shows which variable depends on which.


# %%
def circle(ax, label, x, y, observed=False):
    face = "0.85" if observed else "white"
    ax.text(x, y, label, ha="center", va="center", bbox={"boxstyle": "circle", "facecolor": face})


def arrow(ax, start, end, style="-", bend=0.0):
    curve = f"arc3,rad={bend}"
    look = {"arrowstyle": "-|>", "linestyle": style, "connectionstyle": curve, "color": "black"}
    ax.annotate("", end, start, arrowprops={**look, "shrinkA": 13, "shrinkB": 13})


# %%
phi, z_at, x_at, theta = (0.6, 2.5), (2.5, 2.5), (2.5, 1.0), (4.4, 2.5)
fig, ax = plot.figure(size=(4.2, 3.0))
ax.set(xlim=(0, 5), ylim=(0, 3.4), aspect="equal")
ax.axis("off")
circle(ax, "$z$", *z_at)
circle(ax, "$x$", *x_at, observed=True)
ax.text(*phi, r"$\phi$", ha="center", va="center")
ax.text(*theta, r"$\theta$", ha="center", va="center")
ax.plot([1.4, 3.6, 3.6, 1.4, 1.4], [0.3, 0.3, 3.2, 3.2, 0.3], color="black", linewidth=1)
ax.text(3.5, 0.4, "$n$", ha="right", va="bottom")

# %%
for start, end in ((theta, z_at), (theta, x_at)):
    arrow(ax, start, end)
arrow(ax, z_at, x_at, bend=-0.35)
arrow(ax, phi, z_at, "--")
arrow(ax, x_at, z_at, "--", bend=-0.35)
lesson.figure(
    fig,
    "f05_graphical_model",
    "The graphical model of a VAE. A circle is a random variable, shaded if it is observed. The"
    " frame, called a plate, is repeated for each of the n examples; the parameters θ and φ outside"
    " are shared by all. Solid arrows: the generative model pθ. Dashed arrows: the approximate"
    " posterior qφ(z|x).",
)

# %% [markdown]
# What is the probability of an example if its code is not observed? Average over all codes, each
# weighted by its prior density (Eq. vae.08):
#
# $$p_\theta(x^{(i)}) = \int p_\theta(x^{(i)}|z)\, p_\theta(z)\, dz .$$
#
# This is the *marginal likelihood* of $x^{(i)}$. We omit $\theta$ and $\phi$ where they are
# fixed.
#
# Take a code that is 0 or 1 with probability $\frac12$ each, and an $x$ with $p(x|z{=}0) = 0.5$ and
# $p(x|z{=}1) = 0.001$. Then $p(x) = \frac12 \cdot 0.5 + \frac12 \cdot 0.001 = 0.2505$, and $\log
# p(x) = -1.384$. The average over codes that are *sampled* from the prior is called a *Monte Carlo*
# estimate.

# %%
lesson.exercise("vae/06/monte_carlo_log_likelihood")

# %%
lesson.predict(
    "How does the mean of the two values log p(x|z) compare with log p(x)?",
    ["it is the same", "it is 0.3 higher", "it is 0.3 lower", "it is 2.4 lower"],
)

# %%
lesson.show_source(monte_carlo_log_likelihood)
two = np.log([[0.5], [0.001]])
log_of_mean = monte_carlo_log_likelihood(two)[0]
print(f"  log of the mean {log_of_mean:.4f}, mean of the logs {two.mean():.4f}")

# %%
lesson.outcome(
    f"It is {log_of_mean - two.mean():.2f} lower. The logarithm of the small likelihood is far"
    " below 0 and enters with weight 1/2. Keep the order: first the mean, then the logarithm.",
    answer="it is 2.4 lower",
)
lesson.check("log of the mean", log_of_mean, equals=-1.3843, atol=1e-4)
lesson.check("mean of the logs", two.mean(), equals=-3.8005, atol=1e-4)

# %% [markdown]
# The mean of the logarithms is never the larger of the two. This is Jensen's inequality for the
# logarithm.

# %% [markdown]
# <details><summary>Derivation: Jensen's inequality for the logarithm</summary>
#
# The logarithm is concave: it lies below each of its tangents. With the tangent at the mean $m =
# \mathbb E\, w$ of a positive random variable $w$,
#
# $$\log w \le \log m + \frac{w - m}{m} .$$
#
# Take the expectation of both sides. The last term has mean 0, so
#
# $$\mathbb E \log w \le \log \mathbb E\, w,$$
#
# with equality only where $w = m$ with probability 1, since the tangent touches at one point.
# $\square$
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
# ## 2. A model with a known p(x)
# A code $z \sim \mathcal{N}(0, 1)$ of one dimension determines a position on a wave in the plane,
# and Gaussian noise is added:
#
# $$x = \big(1.3\, z,\ a \sin(1.5\, z)\big) + 0.2\, \epsilon, \qquad a = 1.5 .$$
#
# For one dimension the integral of Eq. vae.08 is a sum over a fine grid of codes. We use this sum
# as the exact value of $p(x)$, and check that it integrates to 1 over the plane.

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
# The grid has 1,501 codes from −6 to 6. The integral is the sum of $p(x|z)\,p(z)$ over them, times
# the distance between two codes.

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
# Now take one point, $x = (1.2, 1.2)$. We say that a code explains $x$ if $p(x|z)$ is at least a
# hundredth of its largest value.

# %%
lesson.predict(
    "Of a hundred codes drawn from the prior, how many explain this x on average?",
    ["nearly all", "about a quarter", "fewer than one"],
)

# %%
x_shown = np.array([[1.2, 1.2]])
log_px_codes = log_px_z(x_shown, codes[:, None])  # (1501, 1)
posterior = np.exp(log_px_codes + log_prior - exact(x_shown))[:, 0]
densities = {
    "prior p(z)": np.exp(log_prior[:, 0]),
    "likelihood p(x|z)": np.exp(log_px_codes)[:, 0],
    "posterior p(z|x)": posterior,
}

# %%
explain = log_px_codes[:, 0] > log_px_codes.max() - np.log(100)
explaining = 100 * np.exp(log_prior[explain, 0]).sum() * dz
lesson.outcome(f"{explaining:.0f} of a hundred.", answer="about a quarter")

# %%
fig, (left, right) = plot.figure(1, 2, size=(4.6, 3.5))
draws = sample(lesson.rng("shown data"), 1500)
title = "samples of p(x), and one x in black"
plot.samples(draws, ax=left, bounds=(-4, 4, -3.2, 3.2), title=title)
left.plot(*x_shown[0], "o", color=plot.color.ink)
shown = np.abs(codes) < 3
curves = {name: p[shown] for name, p in densities.items()}
plot.line(codes[shown], curves, right, xlabel="code z", title="densities over z, for the black x")

# %%
lesson.figure(
    fig,
    "wave",
    "Left: the model's samples. Right: the prior, the likelihood and the posterior of the black x."
    " The posterior is proportional to the product of the other two. Most codes of the prior have a"
    " likelihood near 0.",
)

# %% [markdown]
# ## 3. Maximum likelihood
# The post defines the optimal parameters as those that maximize the probability of the data, all
# examples together (Eq. vae.06):
#
# $$\theta^* = \arg\max_\theta \prod_{i=1}^n p_\theta(x^{(i)}) .$$
#
# The logarithm turns the product into a sum. Since it is increasing, it does not change which
# $\theta$ is the best (Eq. vae.07):
#
# $$\theta^* = \arg\max_\theta \sum_{i=1}^n \log p_\theta(x^{(i)}) .$$
#
# Both give the *maximum likelihood* estimate. We estimate the height $a$ of the wave, from 10
# examples and from 2,000. Most of the densities are between 0.01 and 1.

# %%
lesson.predict(
    "What is the product of 2,000 such densities in floating point?",
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
    "10 examples: product and sum of logs have their maximum at the same a",
    heights[product.argmax()] == heights[maximum_likelihood(few)],
)
whole_product = np.exp(log_px[20]).prod()

# %%
lesson.outcome(
    f"The product of all {len(data):,} is {whole_product:.2g} in floating point, where the smallest"
    " positive number is 5e-324. Its logarithm to base 10 is"
    f" {log_px[20].sum() / np.log(10):.0f}.",
    answer="0" if whole_product == 0 else "a small number, about 1e-30",
)

# %%
from_few, from_all = heights[maximum_likelihood(few)], heights[maximum_likelihood(log_px)]
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.0))
plot.line(heights, product, left, title="product of 10 densities", xlabel="height a")
title = f"sum of {len(data):,} logarithms"
plot.line(heights, log_px.sum(axis=1), right, title=title, xlabel="height a", ylabel="nats")
lesson.figure(
    fig,
    "likelihood",
    f"The height that generated the data is 1.5. Left: the estimate from 10 examples is"
    f" {from_few:.3g}. Right: the estimate from {len(data):,} is {from_all:.3g}.",
)
lesson.check("height by maximum likelihood, all examples", from_all, equals=1.5, atol=0.1)

# %% [markdown]
# ## 4. Codes drawn from the prior
# A grid over 20 dimensions would need $1501^{20}$ codes. But the integral is an expectation over
# the prior, so we can average $p(x|z)$ over $K$ codes drawn from it. The relative error of this
# estimate of $p(x)$ is known: its standard deviation over $p(x)$ is $\sqrt{\rho / K}$, where $\rho
# = \mathbb{E}_{z \sim p(z)}\, p(x|z)^2 / p(x)^2 - 1$.

# %% [markdown]
# <details><summary>Derivation: the error of the Monte Carlo estimate</summary>
#
# Let $w = p(x|z)$ for $z \sim p(z)$. By Eq. vae.08 its mean is $p(x)$, so its variance is $\mathbb
# E\, w^2 - p(x)^2 = \rho\, p(x)^2$. The mean of $K$ independent draws has the same expectation, and
# variance $\rho\, p(x)^2 / K$. Take the root and divide by $p(x)$. $\square$
#
# </details>

# %%
lesson.predict(
    "How many codes does the black x need for a relative error of 1 %?",
    ["about 100", "about 10,000", "more than 50,000"],
)

# %%
second_moment = np.exp(2 * log_px_codes[:, 0] + log_prior[:, 0]).sum() * dz  # E p(x|z)²
rho = second_moment / np.exp(2 * exact(x_shown)[0]) - 1

# %%
answer = "more than 50,000" if rho > 5 else "about 10,000" if rho > 0.1 else "about 100"
lesson.outcome(f"ρ = {rho:.1f}, so 1 % takes {rho / 0.01**2:,.0f} codes.", answer=answer)

# %% [markdown]
# A simulation confirms the formula. For seven values of $K$ the estimate is computed a thousand
# times, and the standard deviation of its relative error is measured.


# %%
def relative_error(log_estimates):
    return np.std(np.exp(log_estimates - exact(x_shown)))


repeats = lesson.size(1000, quick=400)
counts = np.array([1, 3, 10, 30, 100, 300, 1000])
rng = lesson.rng("prior draws")
measured = []
for k in counts:
    z = rng.standard_normal((k, repeats))
    measured.append(relative_error(monte_carlo_log_likelihood(log_px_z(x_shown, z))))

# %%
over_theory = measured[-1] / np.sqrt(rho / 1000)
lesson.check("prior: measured error / sqrt(ρ/K), at K = 1000", over_theory, between=(0.8, 1.2))
slope = np.polyfit(np.log(counts[3:]), np.log(measured[3:]), 1)[0]
lesson.check("prior: slope of log error against log K", slope, equals=-0.5, atol=0.1)

# %% [markdown]
# ## 5. Codes drawn from q(z|x)
# Most codes of the prior do not explain $x$. Suppose that the codes are drawn from another density
# $q(z|x)$, called the *proposal*, and that the estimate corrects for it: a code that $q$ draws more
# often than the prior counts less. By which factor? Write the integral of Eq. vae.08 as an
# expectation over $q$. What stands beside $q(z|x)$ under the integral is the weight of a code. Then
# replace the expectation by the mean over $K$ codes drawn from $q$.

# %%
lesson.exercise("vae/06/importance_sampling_log_likelihood")

# %% [markdown]
# Multiply and divide by $q(z|x)$:
#
# $$p(x) = \int q(z|x)\, \frac{p(x|z)\,p(z)}{q(z|x)}\, dz
# \approx \frac1K \sum_k \frac{p(x|z_k)\,p(z_k)}{q(z_k|x)}, \qquad z_k \sim q(z|x).$$
#
# This is *importance sampling*. Take the two codes of section 1 and $q = (0.9, 0.1)$. Their weights
# are $\frac{0.5 \cdot 0.5}{0.9} = 0.2778$ and $\frac{0.001 \cdot 0.5}{0.1} = 0.005$, and the
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
    "draw is far from it: nine draws in ten have the weight $0.001 \\cdot 0.5 / 0.9 = 0.00056$, "
    "and the tenth has $0.5 \\cdot 0.5 / 0.1 = 2.5$.",
)

# %% [markdown]
# We compare three Gaussian proposals for our $x$. All have the posterior's mean, which the grid
# gives. The first also has the posterior's standard deviation, the second three times as much, the
# third a third of it.

# %%
lesson.predict(
    "Which proposal has the largest error with 1,000 codes?",
    ["as wide as the posterior", "three times as wide", "a third as wide"],
)

# %%
mass = posterior * dz
mean = mass @ codes
width = np.sqrt(mass @ (codes - mean) ** 2)


def with_proposal(x, mu, sigma, k, repeats, rng):
    z = mu + sigma * rng.standard_normal((k, repeats))
    log_q = log_normal(z, mu, sigma)
    return importance_sampling_log_likelihood(log_px_z(x, z), log_normal(z), log_q)


# %%
proposals = {
    "q as wide as the posterior": 1.0,
    "q three times as wide": 3.0,
    "q a third as wide": 1 / 3,
}
errors = {"codes from the prior": measured, "sqrt(ρ / K)": np.sqrt(rho / counts)}
for name, factor in proposals.items():
    rng = lesson.rng(name)
    estimates = [with_proposal(x_shown, mean, factor * width, k, repeats, rng) for k in counts]
    errors[name] = [relative_error(each) for each in estimates]

# %%
at_1000 = [errors[name][-1] for name in proposals]
lesson.outcome(
    "Relative errors: "
    + ", ".join(f"{name} {e:.3f}" for name, e in zip(proposals, at_1000))
    + f"; codes from the prior {measured[-1]:.3f}.",
    answer=lesson.predictions[-1].choices[int(np.argmax(at_1000))],
)

# %%
ax = plot.line(
    counts,
    errors,
    log="xy",
    markers=True,
    xlabel="number of codes K",
    styles={"sqrt(ρ / K)": "--"},
    title="relative error of the estimate of p(x)",
)
lesson.figure(
    ax,
    "errors",
    "Relative error against the number of codes. The dashed line is the formula of section 4. With"
    " a finite variance the error of any proposal falls with the same slope.",
)

# %%
as_wide, narrow = errors["q as wide as the posterior"], errors["q a third as wide"]
ratio = measured[4] / as_wide[4]
lesson.check("error at K = 100: prior over q as wide as the posterior", ratio, at_least=5)
ratio = narrow[-1] / as_wide[-1]
lesson.check("error at K = 1000: q a third as wide over as wide", ratio, at_least=10)

# %% [markdown]
# A proposal that is too wide needs more codes. A proposal that is too narrow is worse, and the
# estimates do not show it: where $q$ never draws a code, nothing indicates that mass is missing,
# and now and then a code from its tail has a huge weight. Below some width the variance of the
# weights is infinite. For a Gaussian posterior the limit is $1/\sqrt2$ of its width. Our posterior
# is not Gaussian, and its tails are lighter.

# %% [markdown]
# <details><summary>Derivation: the width of q below which the variance is infinite</summary>
#
# The second moment of the weights is
#
# $$\int q(z) \Big(\frac{p(x|z)\, p(z)}{q(z)}\Big)^2 dz = \int \frac{\big(p(x|z)\,
# p(z)\big)^2}{q(z)} \, dz .$$
#
# In its tails the integrand is, up to bounded factors, a Gaussian function. Add the precisions
# (inverse variances): $p(x|z)\,p(z)$ has a precision $\pi$ there, so its square has $2\pi$, and
# dividing by a $q$ of standard deviation $s$ leaves $2\pi - 1/s^2$. The integral is finite if and
# only if this is positive,
#
# $$s > \frac{1}{\sqrt{2\pi}} .$$
#
# A Gaussian posterior has the precision $\pi = 1/\text{width}^2$ everywhere, so $s > \text{width} /
# \sqrt2$. On the wave the sine stays bounded while $1.3z$ grows, so $\pi = 1 + 1.3^2/0.2^2 =
# 43.25$. $\square$
#
# </details>

# %%
limit = 1 / np.sqrt(2 * (1 + 1.3**2 / S**2))
print(f"  width of the posterior {width:.4f}, smallest width of q {limit:.4f}")
lesson.check("smallest width of q, over the posterior's", limit / width, equals=0.669, atol=1e-3)

# %% [markdown]
# What if $q$ *is* the posterior? Then every weight is $p(x|z)\,p(z) / p(z|x) = p(x)$, so that one
# code is enough. A straight line in place of the wave, $x = 2z + 0.5\,\epsilon$, has a Gaussian
# posterior, for which this can be checked.

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
# ## 6. The encoder: one network for the proposals of all x
# These proposals took their mean and width from the exact posterior of one $x$. The encoder of a
# VAE is a network that outputs a mean and a width for any $x$. One network in place of a separate
# search for each $x$ is called *amortized* inference. `vae/07` derives the loss that trains it.
# Here we only train it, and measure its error.

# %%
lesson.predict(
    "With a hundred codes each, by which factor is the error with the encoder's proposals smaller "
    "than with codes from the prior?",
    ["about 2", "5 or more", "below 1: it is larger"],
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
# We measure the error on 500 new points, for which the grid gives $\log p(x)$: the median of the
# absolute error over the points, and for the encoder also the largest.

# %%
test = sample(lesson.rng("test"), lesson.size(500, quick=50))
mu, logvar = (a[:, 0].astype(np.float64) for a in encode(encoder, test.astype(np.float32)))
log_p_test = exact(test)


def median_error(log_estimates):
    return float(np.median(np.abs(log_estimates - log_p_test)))


# %%
rng = lesson.rng("judge")
rows = []
for k in (1, 10, 100, 1000):
    z = rng.standard_normal((k, len(test)))
    at_prior = log_px_z(test, z)
    estimates = with_proposal(test, mu, np.exp(0.5 * logvar), k, len(test), rng)
    of_prior = median_error(monte_carlo_log_likelihood(at_prior))
    of_mean_of_logs = median_error(at_prior.mean(axis=0))
    off = np.abs(estimates - log_p_test)
    rows.append([k, of_prior, of_mean_of_logs, median_error(estimates), off.max()])

# %%
factor = rows[2][1] / rows[2][3]
answer = "5 or more" if factor >= 5 else "about 2"
lesson.outcome(
    f"The median error is {rows[2][3]:.3f} nats with the encoder and {rows[2][1]:.3f} nats with the"
    f" prior: a factor of {factor:.1f}.",
    answer="below 1: it is larger" if factor < 1 else answer,
)

# %%
lesson.table(
    rows,
    ["codes", "prior", "prior, mean of logs", "encoder", "encoder, worst x"],
    "error of log p(x) in nats: the median over test points, and the worst",
)
name = "encoder: error with 10 codes"
source = "seed 0: 0.054, plus 85 %"
lesson.claim(name, rows[1][3], at_most=0.1, unit="nats", source=source)
name = "error of the prior / of the encoder, 100 codes"
lesson.claim(name, factor, at_least=5, source="seed 0: 10.9, less 54 %")
name = "prior, mean of logs: error with 1000 codes, nats"
lesson.check(name, rows[3][2], at_least=40)

# %% [markdown]
# The third column is the mean of the logarithms, the wrong order of section 1. More codes do not
# reduce its error, because it converges to another number. The last column shows that the encoder's
# proposal is not equally accurate for all $x$. For the $x$ with the largest error at 1,000 codes,
# compare it with the posterior from the grid.

# %%
worst = int(np.argmax(off))
x = test[worst : worst + 1]
mass = np.exp(log_px_z(x, codes[:, None]) + log_prior - exact(x))[:, 0] * dz
exact_mean = mass @ codes
exact_width = np.sqrt(mass @ (codes - exact_mean) ** 2)
q_mean, q_width = mu[worst], np.exp(0.5 * logvar[worst])
rows_of_worst = [["posterior", exact_mean, exact_width], ["encoder", q_mean, q_width]]
title = f"the worst x: ({x[0, 0]:.2f}, {x[0, 1]:.2f}), error {off[worst]:.3f} nats"
lesson.table(rows_of_worst, ["", "mean", "standard deviation"], title)

# %%
miss = abs(q_mean - exact_mean) / exact_width
print(f"  q is centered {miss:.2f} of the posterior's standard deviations from its mean,")
print(f"  and its standard deviation is {q_width / exact_width:.2f} times the posterior's")

# %% [markdown]
# ## 7. Codes from the prior in 20 dimensions
# Suppose that the code has 20 dimensions, and that $x$ determines each as precisely as here. How
# many codes from the prior are needed then? Take $x = z + 0.2\,\epsilon$ in $D$ dimensions. Its
# coordinates are independent, so $1 + \rho$ is the product of $D$ equal factors.

# %% [markdown]
# <details><summary>Derivation: ρ for one dimension of this model</summary>
#
# The square of a Gaussian density is a Gaussian density of half the variance, times a constant:
# $\mathcal N(x; z, s^2)^2 = \mathcal N(x; z, s^2/2) / (2 s \sqrt\pi)$. The expectation over $z \sim
# \mathcal N(0, 1)$ adds the variances. So
#
# $$1 + \rho = \frac{\mathbb E\, p(x|z)^2}{p(x)^2} = \frac{\mathcal N(x; 0, 1 + s^2/2)}{2 s
# \sqrt\pi\; \mathcal N(x; 0, 1 + s^2)^2} .$$
#
# For independent coordinates both expectations are products, and so is their ratio. $\square$
#
# </details>


# %%
def density(x2, variance):
    return np.exp(-0.5 * x2 / variance) / np.sqrt(2 * np.pi * variance)


typical = 1 + S**2  # x² of a typical x: its mean
second_moment = density(typical, 1 + S**2 / 2) / (2 * S * np.sqrt(np.pi))
one_more = second_moment / density(typical, 1 + S**2) ** 2  # 1 + ρ of one dimension
needed = {d: (one_more**d - 1) / 0.1**2 for d in (1, 2, 5, 10, 20)}

# %%
lesson.table(
    [[d, f"{n:.3g}"] for d, n in needed.items()],
    ["dimensions of the code", "codes from the prior for a relative error of 10 %"],
)
lesson.check("codes needed, log10, in 20 dimensions", np.log10(needed[20]), at_least=10)

# %% [markdown]
# ## 8. Where the post is loose
# - "Instead of mapping the input into a *fixed* vector, we want to map it into a distribution.
#   Let's label this distribution as $p_\theta$": the input is mapped to $q_\phi(z|x)$. What
#   $p_\theta$ labels is the generative model, with its prior, likelihood and posterior.
# - "Assuming that we know the real parameter $\theta^{*}$", and then "The optimal parameter
#   $\theta^{*}$ is the one that maximizes the probability of generating real data samples". One
#   symbol stands for the parameter that generated the data and for its estimate. From a finite
#   number of examples the two differ in general:

# %%
print(f"  height that generated the data 1.5; estimate from 10 examples {from_few:.3g}")

# %% [markdown]
# - In the same sentence, "the probability of generating real data samples" is a density if $x$ is
#   continuous, and may exceed 1. The product in Eq. vae.06 assumes that the examples are
#   independent.

# %%
largest = density(0.0, 0.02**2) ** 2
lesson.check("the largest density of the wave with noise 0.02", largest, at_least=100)

# %% [markdown]
# - "it is very expensive to check all the possible values of $\mathbf{z}$ and sum them up": a
#   continuous $z$ has infinitely many values. A grid is enough, and for one dimension it costs
#   little (section 2). Its size grows exponentially with the dimension.
# - "similar to the decoder $f_\theta(\mathbf{x} \vert \mathbf{z})$ introduced above" and "playing a
#   similar role as $g_\phi(\mathbf{z} \vert \mathbf{x})$ above": $f_\theta$ and $g_\phi$ were
#   introduced as functions, $f_\theta(.)$ and $g_\phi(.)$, not as conditional distributions.
#
# **Left out:** the logarithm of an unbiased estimate is biased, low by about $\rho / 2K$. So the
# estimates of $\log p(x)$ in this lesson are lower bounds on average.
#
# **Next:** how to train $q$ without knowing $p(x)$. The bound with *one* code is the evidence lower
# bound, ELBO (`vae/07`).
#
# **Your turn:** `minigen exercise start vae/06`, then `minigen run vae/06 --with
# exercises/vae_06.py`.

# %%
lesson.finish()
