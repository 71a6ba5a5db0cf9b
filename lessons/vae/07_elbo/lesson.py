# %% [markdown]
# # Loss function: the evidence lower bound (ELBO)
#
# The section *Loss Function: ELBO* (vae.s07) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. In this lesson:
#
# 1. The KL divergence between an approximation $q$ and a posterior $p$ depends on the order of the
#    two. The two orders give different approximations.
# 2. For every $q$, $\log p(x)$ is the sum of the ELBO and $D_{\mathrm{KL}}(q(z|x) \| p(z|x))$.
# 3. So the ELBO is a lower bound of $\log p(x)$. The loss of a VAE is *minus* the ELBO.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/07_elbo",
    title="Loss function: the evidence lower bound (ELBO)",
    post="vae",
    sections=["vae.s07"],
    figures=["vae.f06"],
    equations=["vae.09", "vae.10", "vae.11", "vae.12", "vae.13"],
    minutes=0.1,
    picture="f06_two_directions",
    sources=["weng2018vae", "tipping1999ppca", "kingma2014vae", "rezende2014backprop"],
)

# %%
from itertools import repeat

import autograd.numpy as np

from minigen import plot
from minigen.optim import cosine
from minigen.train import descend
from minigen.vae.linear import LinearGaussian, expected_log_likelihood, kl_gaussians
from minigen.vae.vae import kl_standard_normal

# %% [markdown]
# ## 1. Forward and reverse KL
# `vae/06` needs an approximation $q(z|x)$ that is close to the posterior $p(z|x)$. The
# *Kullback-Leibler (KL) divergence* of two distributions $P$ and $Q$,
#
# $$D_{\mathrm{KL}}(P \| Q) = \mathbb{E}_{z \sim P} \log \frac{P(z)}{Q(z)} ,$$
#
# measures how much information is lost if $Q$ is used to represent $P$. It is never negative, and 0
# only for $P = Q$ (`gan/01` proves it). With the posterior as $p$, $D_{\mathrm{KL}}(p \| q)$ is
# called the *forward* and $D_{\mathrm{KL}}(q \| p)$ the *reverse* divergence.
#
# Let three codes have the posterior probabilities 0.5, 0.5 and 0. We compare two approximations,
# *one code* $(1, 0, 0)$ and *uniform* $(\frac13, \frac13, \frac13)$.

# %%
p_codes = np.array([0.5, 0.5, 0.0])
one_code = np.array([1.0, 0, 0])
uniform = np.ones(3) / 3
bars = {"posterior p": p_codes, "q: one code": one_code, "q: uniform": uniform}
ax = plot.bars(bars, ["code 1", "code 2", "code 3"], ylabel="probability")
lesson.figure(ax, "three_codes", "A posterior over three codes, and two approximations of it.")

# %%
lesson.predict(
    "For each approximation one of the two divergences is infinite. Which?",
    [
        "one code: the reverse; uniform: the forward",
        "one code: the forward; uniform: the reverse",
        "the forward for both",
        "the reverse for both",
    ],
)


# %%
def kl(a, b):
    with np.errstate(divide="ignore"):
        return sum(x * np.log(np.divide(x, y)) for x, y in zip(a, b) if x > 0)


lesson.table(
    [
        ["one code", kl(p_codes, one_code), kl(one_code, p_codes)],
        ["uniform", kl(p_codes, uniform), kl(uniform, p_codes)],
    ],
    ["approximation q", "forward KL(p || q)", "reverse KL(q || p)"],
)

# %%
lesson.outcome(
    "The forward divergence averages log(p/q) over p. It is infinite for one code, because q = 0 "
    "at code 2, where p > 0. The reverse divergence averages log(q/p) over q. It is infinite for "
    "uniform, because q = 1/3 at code 3, where p = 0.",
    answer="one code: the forward; uniform: the reverse",
)
lesson.check("forward, uniform: log(3/2)", kl(p_codes, uniform), equals=np.log(1.5))
lesson.check("reverse, one code: log 2", kl(one_code, p_codes), equals=np.log(2))

# %% [markdown]
# So a finite forward divergence requires $q > 0$ wherever $p > 0$, and a finite reverse divergence
# $p > 0$ wherever $q > 0$. What does this mean for a density? Let $p$ be a mixture of two
# Gaussians, and $q$ a single Gaussian. We minimize each divergence over its mean and standard
# deviation by gradient descent, once from the left and once from the right.

# %%
lesson.predict(
    "Where do the four fits end?",
    [
        "all four between the modes, wide",
        "forward: wide, between the modes; reverse: on the nearer mode",
        "forward: on the nearer mode; reverse: wide, between the modes",
        "each fit on the mode that is nearer to its start",
    ],
)

# %%
grid, dz = np.linspace(-9, 9, 1201, retstep=True)


def log_normal(z, mu, sigma):
    return -0.5 * ((z - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)


left_mode = np.log(0.6) + log_normal(grid, -2.5, 0.7)
right_mode = np.log(0.4) + log_normal(grid, 2.5, 0.7)
log_mixture = np.logaddexp(left_mode, right_mode)


# %%
def forward(log_q):
    return np.sum(np.exp(log_mixture) * (log_mixture - log_q)) * dz


def reverse(log_q):
    return np.sum(np.exp(log_q) * (log_q - log_mixture)) * dz


# %% [markdown]
# Each fit trains two parameters, the mean and the logarithm of the standard deviation. The
# integrals are sums over a grid, so the loss needs no data, and every batch is empty.


# %%
def fit(objective, start):
    def loss(q):
        return objective(log_normal(grid, q["mu"], np.exp(q["log_sigma"])))

    q = {"mu": np.array([start]), "log_sigma": np.zeros(1)}
    steps = lesson.steps(600)
    step = descend(loss, q, repeat(()), lr=cosine(0.1, steps))
    values = [step(i)["loss"] for i in range(steps)]
    return q["mu"][0], np.exp(q["log_sigma"][0]), values[-1]


# %%
fits = {
    "forward, from the left": fit(forward, -3.5),
    "forward, from the right": fit(forward, 3.5),
    "reverse, from the left": fit(reverse, -3.5),
    "reverse, from the right": fit(reverse, 3.5),
}

# %%
lesson.table([[name, *end] for name, end in fits.items()], ["KL", "mean", "sigma", "nats"])

fig, axes = plot.figure(1, 3, size=(3.6, 3.0))
names = ["forward, from the left", "reverse, from the left", "reverse, from the right"]
colors = [plot.color.real, plot.color.fake]
for ax, name in zip(axes, names):
    mean, sigma, _ = fits[name]
    curves = {"p": np.exp(log_mixture), "q": np.exp(log_normal(grid, mean, sigma))}
    plot.line(grid, curves, ax, title=name, fill=["p"], colors=colors)
    ax.set_xlim(-6, 6)


# %%
def place(side, direction):
    mean, sigma, _ = fits[f"{direction}, from the {side}"]
    return "between" if abs(mean) < 1.5 and sigma > 1.5 else "left" if mean < 0 else "right"


found = [place(side, way) for way in ("forward", "reverse") for side in ("left", "right")]
all_wide, forward_wide, reverse_wide, all_near = lesson.predictions[-1].choices
known = {
    ("between",) * 4: all_wide,
    ("between", "between", "left", "right"): forward_wide,
    ("left", "right", "between", "between"): reverse_wide,
    ("left", "right") * 2: all_near,
}
ends = "From the left and from the right: forward {}, {}; reverse {}, {}.".format(*found)
lesson.outcome(ends, answer=known.get(tuple(found)))

# %%
peak, sigma, _ = fits["forward, from the left"]
at_peak = np.exp(np.interp(peak, grid, log_mixture))
mode, narrow, _ = fits["reverse, from the left"]
q_over_p = float(np.exp(log_normal(mode, mode, narrow) - np.interp(mode, grid, log_mixture)))
lesson.figure(
    fig,
    "f06_two_directions",
    f"Left: where q has its maximum, the density p is {at_peak:.2g}. Middle and right: the same"
    " divergence from two starts. In the middle q at its maximum is"
    f" {q_over_p:.2f} times p.",
)

# %% [markdown]
# The forward fit covers all modes and is called *mean-seeking* or *zero-avoiding*. The reverse fit
# covers one mode and is called *mode-seeking* or *zero-forcing*.

# %%
lesson.change(
    "closer modes",
    "Change `log_normal(grid, 2.5, 0.7)` to `log_normal(grid, 1.0, 0.7)` and run again. Do the "
    "two reverse fits still end at different places?",
    answer="Yes, but only one of them on a mode. From the left the mean is -2.449, near the left "
    "mode, and $\\sigma$ is 0.76. From the right it is -1.029, between the modes, and $\\sigma$ "
    "is 1.65. The density between the modes is now so high that a wide $q$ has no larger "
    "divergence than a $q$ that misses the left mode. (The claims of this section are for 2.5.)",
)

# %% [markdown]
# Both minima are known for modes that are far apart.

# %% [markdown]
# <details><summary>Derivation: the Gaussians of smallest forward and reverse KL</summary>
#
# *Forward.* Of $D_{\mathrm{KL}}(p \| q) = \mathbb E_p \log p - \mathbb E_p \log q$ only the second
# term depends on $q$. With $q = \mathcal N(\mu, \sigma^2)$ it is
#
# $$-\mathbb E_p \log q = \tfrac12 \log 2\pi\sigma^2 + \frac{\mathbb E_p (z - \mu)^2}{2\sigma^2} .$$
#
# The derivative with respect to $\mu$ is 0 at $\mu = \mathbb E_p z$, the derivative with respect to
# $\sigma^2$ at $\sigma^2 = \mathbb E_p(z - \mu)^2$: $q$ has the mean and the variance of $p$.
#
# *Reverse.* Let $p = \sum_k w_k \mathcal N_k$. Near mode $k$ all other components are negligible,
# so $p \approx w_k \mathcal N_k$ where $q$ has its mass, and
#
# $$D_{\mathrm{KL}}(q \| p) \approx \mathbb E_q \log \frac{q}{w_k \mathcal N_k} =
# D_{\mathrm{KL}}(q \| \mathcal N_k) - \log w_k .$$
#
# The minimum is at $q = \mathcal N_k$, with the value $-\log w_k$. $\square$
#
# </details>

# %%
mean = 0.6 * -2.5 + 0.4 * 2.5
variance = 0.49 + 0.6 * 0.4 * 5**2  # within the modes, and between them
covers = [fits[f"forward, from the {side}"] for side in ("left", "right")]
picks = [fits[f"reverse, from the {side}"] for side in ("left", "right")]
name = "forward: mean and sigma of the whole mixture"
expected = [[mean, variance**0.5]] * 2
source = "theory: the moments of p"
lesson.claim(name, [end[:2] for end in covers], equals=expected, atol=0.02, source=source)

# %%
modes = [[-2.5, 0.7], [2.5, 0.7]]
name = "reverse: mean and sigma of one mode"
source = "theory: one component"
lesson.claim(name, [end[:2] for end in picks], equals=modes, atol=0.02, source=source)
weights = [-np.log(0.6), -np.log(0.4)]
name = "reverse: minus the log of the mode's weight"
values = [end[2] for end in picks]
lesson.claim(name, values, equals=weights, atol=0.02, unit="nats", source="theory: -log w")

# %% [markdown]
# A VAE minimizes the reverse KL because its expectation is over $q$, from which we can sample. The
# forward KL needs samples of the posterior.
#
# ## 2. The ELBO of two codes
# The posterior $p_\theta(z|x) = p_\theta(x, z) / p_\theta(x)$ contains the unknown $p_\theta(x)$.
# The reverse KL can be expanded so that $p_\theta(x)$ becomes a separate term (Eq. vae.09):
#
# $$\begin{aligned} D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) &= \log p_\theta(x) + \int
# q_\phi(z|x) \log \frac{q_\phi(z|x)}{p_\theta(z, x)}\, dz \\ &= \log p_\theta(x) +
# D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z)) - \mathbb{E}_{z \sim q_\phi(z|x)} \log p_\theta(x|z)
# . \end{aligned}$$
#
# The left side and the last line are Eq. vae.10:
#
# $$D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) = \log p_\theta(x) + D_{\mathrm{KL}}(q_\phi(z|x)
# \| p_\theta(z)) - \mathbb{E}_{z \sim q_\phi(z|x)} \log p_\theta(x|z) .$$

# %% [markdown]
# <details><summary>Derivation: Eq. vae.09 and vae.10, by expanding the KL divergence</summary>
#
# Write $q$ for $q_\phi(z|x)$.
#
# $$\begin{aligned}
# D_{\mathrm{KL}}(q \| p_\theta(z|x)) &= \int q \log \frac{q}{p_\theta(z|x)}\, dz \\
# &= \int q \log \frac{q\; p_\theta(x)}{p_\theta(z, x)}\, dz
# && \text{because } p(z|x) = p(z, x) / p(x) \\
# &= \int q \Big( \log p_\theta(x) + \log \frac{q}{p_\theta(z, x)} \Big) dz \\
# &= \log p_\theta(x) + \int q \log \frac{q}{p_\theta(z, x)}\, dz
# && \text{because } \textstyle\int q\, dz = 1 \\
# &= \log p_\theta(x) + \int q \log \frac{q}{p_\theta(x|z)\, p_\theta(z)}\, dz
# && \text{because } p(z, x) = p(x|z)\, p(z) \\
# &= \log p_\theta(x) + \mathbb E_q \Big[ \log \frac{q}{p_\theta(z)} - \log p_\theta(x|z) \Big] \\
# &= \log p_\theta(x) + D_{\mathrm{KL}}(q \| p_\theta(z)) - \mathbb E_q \log p_\theta(x|z) .
# \end{aligned}$$
#
# $\square$
#
# </details>

# %% [markdown]
# Take the two codes of `vae/06`. Their prior probabilities are $\frac12$, $p(x|z)$ is 0.5 and
# 0.001, so $\log p(x) = \log 0.2505$. As the approximation take $q = (0.9, 0.1)$. Two codes can be
# summed. Suppose now that the code had 20 continuous dimensions.

# %%
lesson.predict(
    "Which terms could still be computed, or estimated with a few samples of q?",
    [
        "log p(x) and KL(q || posterior)",
        "E_q log p(x|z) and KL(q || prior)",
        "KL(q || prior) and KL(q || posterior)",
    ],
)

# %%
prior = np.array([0.5, 0.5])
likelihood = np.array([0.5, 0.001])
q = np.array([0.9, 0.1])
log_p = np.log(prior @ likelihood)
posterior = prior * likelihood / np.exp(log_p)

# %%
gap = kl(q, posterior)
kl_to_prior = kl(q, prior)
reconstruction_term = q @ np.log(likelihood)
elbo = reconstruction_term - kl_to_prior
lesson.table(
    [
        ["log p(x)", log_p],
        ["E_q log p(x|z), the reconstruction term", reconstruction_term],
        ["KL(q || prior)", kl_to_prior],
        ["ELBO: their difference", elbo],
        ["KL(q || posterior)", gap],
    ],
    ["two codes", "nats"],
)

# %%
lesson.outcome(
    "log p(x) is the integral over all codes, and the posterior contains it. The other two need"
    " only samples of q and the densities of q, the prior and the decoder.",
    answer="E_q log p(x|z) and KL(q || prior)",
)
first_line = log_p + q @ np.log(q / (prior * likelihood))
lesson.check("Eq. vae.09, first line", first_line - gap, equals=0.0, atol=1e-12)
second_line = log_p + kl_to_prior - reconstruction_term
lesson.check("Eq. vae.10", second_line - gap, equals=0.0, atol=1e-12)
name = "Eq. vae.11: ELBO + KL(q || posterior) = log p(x)"
lesson.check(name, elbo + gap, equals=log_p, atol=1e-12)

# %% [markdown]
# Rearranged, with the terms that can be estimated on the right (Eq. vae.11):
#
# $$\log p_\theta(x) - D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) = \mathbb{E}_{z \sim
# q_\phi(z|x)} \log p_\theta(x|z) - D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z)) .$$
#
# The left side is what we want to maximize: a large likelihood and an accurate approximation. The
# loss of a VAE is its negative (Eq. vae.12):
#
# $$\begin{aligned} L_{\mathrm{VAE}}(\theta, \phi) &= -\log p_\theta(x) +
# D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) \\
# &= -\mathbb{E}_{z \sim q_\phi(z|x)} \log p_\theta(x|z) +
# D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z)), \\ \theta^*, \phi^* &= \arg\min_{\theta, \phi}
# L_{\mathrm{VAE}} . \end{aligned}$$
#
# Since a KL divergence is never negative, $-L_{\mathrm{VAE}}$ is a lower bound (Eq. vae.13):
#
# $$-L_{\mathrm{VAE}} = \log p_\theta(x) - D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) \le \log
# p_\theta(x) .$$
#
# The marginal likelihood $p_\theta(x)$ is also called the *evidence*, so the bound is the *evidence
# lower bound* (ELBO), or *variational lower bound*. To search for the best approximation within a
# family of distributions is *variational inference*. The divergence
# $D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x))$ is the *gap* of the bound.
#
# $p_\theta(x)$ does not depend on $\phi$. So a change of $\phi$ that raises the ELBO closes the gap
# by the same amount. A change of $\theta$ that raises it may raise $\log p_\theta(x)$, or move the
# posterior toward $q$, or both.

# %% [markdown]
# <details><summary>Derivation: the bound from Jensen's inequality</summary>
#
# In `vae/06` importance sampling with one code estimated $p_\theta(x)$ by the weight $w =
# p_\theta(x|z)\, p_\theta(z) / q_\phi(z|x)$, whose expectation over $q_\phi$ is $p_\theta(x)$.
# Jensen's inequality for the logarithm, also proved there, gives
#
# $$\log p_\theta(x) = \log \mathbb E_q\, w \;\ge\; \mathbb E_q \log w = \mathbb E_q \log
# p_\theta(x|z) - D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z)) .$$
#
# The ELBO is the expected logarithm of one importance weight. Equality holds if $w$ is constant,
# that is, if $q_\phi$ is the posterior. This proof does not show what is lost. $\square$
#
# </details>

# %% [markdown]
# <details><summary>Derivation: the gap, from an identity that holds for every code</summary>
#
# For every code $z$ with $q_\phi(z|x) > 0$, by $p_\theta(x) = p_\theta(x, z) / p_\theta(z|x)$,
#
# $$\log p_\theta(x) = \log \frac{p_\theta(x, z)}{q_\phi(z|x)} + \log
# \frac{q_\phi(z|x)}{p_\theta(z|x)} .$$
#
# The left side does not depend on $z$. Take the expectation of both sides over $z \sim
# q_\phi(z|x)$: the first term becomes the ELBO, the second the gap, and the left side stays.
# $\square$
#
# </details>

# %%
for_each_code = np.log(prior * likelihood / q) + np.log(q / posterior)
lesson.check("log p(x), from each of the two codes", for_each_code, equals=[log_p, log_p])

# %% [markdown]
# Now let $q$ change from all probability on the second code to all on the first.

# %%
share = np.linspace(0.001, 0.999, 999)
every_q = np.stack([share, 1 - share], axis=1)
kl_of_each = (every_q * np.log(every_q / prior)).sum(axis=1)
bound = every_q @ np.log(likelihood) - kl_of_each
lesson.check("the best q is the posterior", share[bound.argmax()], equals=posterior[0], atol=1e-3)

# %%
ax = plot.line(
    share,
    {"ELBO": bound},
    reference={"log p(x)": log_p},
    xlabel="q of the first code",
    ylabel="nats",
    title="the ELBO of every q",
)
lesson.figure(
    ax,
    "every_q",
    "The ELBO touches log p(x) at one point, where q is the posterior: 0.998. From there to q = 1/2"
    " it falls by 2.4 nats. All of this is the gap, since log p(x) does not depend on q.",
)

# %% [markdown]
# ## 3. A model in which every term has a closed form
# Codes and examples may be vectors. Let $z \sim \mathcal{N}(0, I)$ have 3 dimensions and $x = zW +
# b + 0.5\,\epsilon$ have 10. Then $p(x)$ and $p(z|x)$ are Gaussian, and both terms of the ELBO have
# closed forms. We draw a random $W$, a hundred $x$, and for each $x$ an *arbitrary* $q$. If Eq.
# vae.11 holds, three numbers that are computed in three different ways must add up.

# %%
lesson.exercise("vae/07/expected_log_likelihood")

# %%
lesson.show_source(expected_log_likelihood, LinearGaussian.log_evidence, LinearGaussian.elbo)
rng = lesson.rng("model")
model = LinearGaussian(rng.standard_normal((3, 10)), rng.standard_normal(10), 0.5)
x = model.sample(rng, 100)
mu = 2 * rng.standard_normal((100, 3))
logvar = rng.uniform(-4, 1, (100, 3))

# %% [markdown]
# <details><summary>Derivation: the expected log-likelihood of a linear decoder</summary>
#
# Let $z = \mu + \sigma \odot \epsilon$ with $\epsilon \sim \mathcal N(0, I)$, and let $w_j$ be row
# $j$ of $W$. The residual is
#
# $$x - zW - b = (x - \mu W - b) - \sum_j \sigma_j \epsilon_j w_j .$$
#
# In the expectation of its square the mixed terms vanish, because $\mathbb E\, \epsilon_j = 0$ and
# $\mathbb E\, \epsilon_j \epsilon_k = 0$ for $j \ne k$. With $\mathbb E\, \epsilon_j^2 = 1$,
#
# $$\mathbb E \|x - zW - b\|^2 = \|x - \mu W - b\|^2 + \sum_j \sigma_j^2 \|w_j\|^2 .$$
#
# Insert it into $\log \mathcal N(x; zW + b, s^2 I) = -\frac{D}{2} \log 2\pi s^2 - \|x - zW -
# b\|^2 / 2s^2$. $\square$
#
# </details>

# %%
log_px = model.log_evidence(x)
terms = model.elbo(x, mu, logvar)
gaps = model.kl_to_posterior(x, mu, logvar)
rest = log_px - terms.value - gaps
columns = ["log p(x)", "ELBO", "KL(q || posterior)", "log p(x) - ELBO - KL"]
numbers = np.stack([log_px, terms.value, gaps, rest], axis=1)
lesson.table(numbers[:4], columns, "four of the x")

# %%
name = "largest |log p(x) - ELBO - KL(q || posterior)|, nats"
lesson.check(name, np.abs(rest).max(), equals=0.0, atol=1e-6)
least = (log_px - terms.value).min()
lesson.check("Eq. vae.13: log p(x) minus the ELBO, the least of a hundred", least, at_least=0.0)

# %% [markdown]
# ## 4. Maximizing the bound
# The ELBO can be maximized without computing $p(x)$. We give each $x$ its own $\mu$ and
# $\log\sigma^2$ and follow the gradient. Note that $q$ has independent coordinates, while those of
# the posterior are correlated.

# %%
lesson.predict(
    "Will the gap close, and will q have the posterior's mean?",
    [
        "the gap closes, and the mean is right",
        "a gap stays, but the mean is right",
        "a gap stays, and the mean is off as well",
    ],
)


# %%
def optimize(loss, label, steps):
    def loss_of(q):
        return loss(q["mu"], q["logvar"])

    q = {"mu": np.zeros((100, 3)), "logvar": np.zeros((100, 3))}
    descent = descend(loss_of, q, repeat(()), lr=cosine(0.05, steps))

    def step(i):
        value = descent(i)["loss"]
        return {"loss": value, "gap": model.kl_to_posterior(x, q["mu"], q["logvar"]).mean()}

    return q, lesson.fit(step, steps, label=label, state=descent.state)


# %%
def minus_elbo(mu, logvar):
    return model.loss(x, mu, logvar)


fitted, history = optimize(minus_elbo, "ELBO", lesson.steps(2500))

# %% [markdown]
# The best $q$ with independent coordinates is known. Let $P$ be the precision of the posterior, the
# inverse of its covariance.

# %% [markdown]
# <details><summary>Derivation: the best q with independent coordinates</summary>
#
# Let the posterior be $\mathcal N(m, P^{-1})$ and $q = \mathcal N(\mu, \operatorname{diag}
# \sigma^2)$ in $D$ dimensions. The divergence is
#
# $$D_{\mathrm{KL}}(q \| p) = \tfrac12 \Big( \sum_j P_{jj} \sigma_j^2 + (\mu - m)^\top P (\mu - m) -
# D - \log\det P - \sum_j \log \sigma_j^2 \Big) .$$
#
# The term with $\mu$ is smallest, 0, at $\mu = m$. The derivative with respect to $\sigma_j^2$,
# $\frac12 (P_{jj} - 1/\sigma_j^2)$, is 0 at $\sigma_j^2 = 1/P_{jj}$. What is left is
#
# $$\tfrac12 \Big( \sum_j \log P_{jj} - \log\det P \Big) \ge 0 ,$$
#
# which is 0 only if $P$ is diagonal (Hadamard's inequality). And $1/P_{jj}$ is the variance of
# $z_j$ given the other coordinates, which is at most its variance in the posterior. $\square$
#
# </details>

# %%
precision = model.precision
floor = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
exact = -log_px.mean()
levels = {"minus log p(x)": exact, "best with independent coordinates": exact + floor}

# %%
ax = plot.curves(
    {"minus the ELBO": history["loss"]},
    reference=levels,
    ylabel="nats",
    title="minimizing minus the ELBO",
)
ax.set_ylim(exact - 0.3 * floor - 0.5, exact + 3 * floor + 3)
lesson.figure(
    ax,
    "optimization",
    f"Minus the ELBO during training. The two levels are {floor:.3f} nats apart: no q with"
    " independent coordinates gets below the upper one.",
)

# %%
final = history["gap"][-1] - floor
source = "theory: the derivation above"
name = "gap at the end, minus the smallest possible"
lesson.claim(name, final, equals=0.0, atol=1e-3, unit="nats", source=source)

mean, covariance = model.posterior(x)
off = np.abs(fitted["mu"] - mean).max()
shrunk = np.exp(fitted["logvar"]) / np.diag(covariance)

# %%
closes, mean_right, mean_off = lesson.predictions[-1].choices
lesson.outcome(
    f"A gap of {history['gap'][-1]:.3f} nats is left ({floor:.3f} by the formula). The means of q"
    f" are within {off:.1g} of those of the posterior.",
    answer=closes if history["gap"][-1] < 1e-3 else mean_right if off < 0.02 else mean_off,
)
lesson.claim("means of q minus the posterior's", off, at_most=0.02, source="theory: they are equal")
lesson.claim(
    "largest variance of q / of the posterior",
    shrunk.max(),
    at_most=1.0,
    source="theory: 1 / (P_jj C_jj), at most 1",
)

# %% [markdown]
# The means are right, and the variances are too small: the reverse KL prefers a $q$ that is too
# narrow. Now rotate the code so that the rows of $W$ are orthogonal. Then the posterior's
# coordinates are independent, and the gap can close. $p(x)$ stays the same, because the prior does
# not change under a rotation.

# %%
_, s, orthogonal_rows = np.linalg.svd(model.w, full_matrices=False)
rotated = LinearGaussian(s[:, None] * orthogonal_rows, model.b, model.std)
mean, covariance = rotated.posterior(x)
best_logvar = np.tile(np.log(np.diag(covariance)), (100, 1))
gap_of_best = rotated.kl_to_posterior(x, mean, best_logvar)
lesson.check(
    "log p(x), rotated minus before", rotated.log_evidence(x) - log_px, equals=np.zeros(100)
)
lesson.check("gap of the best q, rotated code", gap_of_best, equals=np.zeros(100))

# %% [markdown]
# Now the posterior and $q$ are both Gaussians with independent coordinates. Their divergence has a
# short closed form. The arbitrary $q$ of section 3 tests it.

# %%
lesson.exercise("vae/07/kl_gaussians")

# %%
lesson.show_source(kl_gaussians, LinearGaussian.kl_to_posterior)
by_formula = kl_gaussians(mu, logvar, mean, best_logvar)
difference = rotated.kl_to_posterior(x, mu, logvar) - by_formula
lesson.check("KL of two Gaussians, minus the general formula", difference, equals=np.zeros(100))

# %% [markdown]
# <details><summary>Derivation: the KL divergence of two Gaussians</summary>
#
# Take one dimension; for independent coordinates the logarithms add up. Let $q = \mathcal N(\mu,
# \sigma^2)$ and $p = \mathcal N(\mu_p, \sigma_p^2)$. Under $q$, $\mathbb E (z - \mu)^2 = \sigma^2$
# and $\mathbb E (z - \mu_p)^2 = \sigma^2 + (\mu - \mu_p)^2$, so
#
# $$\mathbb E_q \log q = -\tfrac12 \big( \log 2\pi\sigma^2 + 1 \big), \qquad \mathbb E_q \log p =
# -\tfrac12 \Big( \log 2\pi\sigma_p^2 + \frac{\sigma^2 + (\mu - \mu_p)^2}{\sigma_p^2} \Big) .$$
#
# Their difference is
#
# $$D_{\mathrm{KL}}(q \| p) = \tfrac12 \Big( \frac{\sigma^2 + (\mu - \mu_p)^2}{\sigma_p^2} - 1 +
# \log \sigma_p^2 - \log \sigma^2 \Big) .$$
#
# The KL term of the ELBO has the prior as $p$: $\mu_p = 0$ and $\sigma_p = 1$. $\square$
#
# </details>

# %%
lesson.change(
    "more noise",
    "In section 3 change the noise: `rng.standard_normal(10), 0.5)` to `rng.standard_normal(10), "
    "2.0)`, and run again. Is the gap that stays larger or smaller?",
    answer="Smaller: with noise of 2.0 it is 0.088 nats, and 0.211 with 0.5. With more noise $x$ "
    "determines $z$ less. So the posterior is closer to the prior, whose coordinates are "
    "independent, like those of $q$.",
)

# %% [markdown]
# So the ELBO is higher for the rotated code, although $p(x)$ is the same. In a linear model it
# selects the principal directions (the orthogonal rows of $W$). Those need not be the factors that
# generated the data: `vae/09` discusses the difference.
#
# ## 5. A posterior with two modes
# Let $x = z^2 + 0.2\,\epsilon$. From $x = 4$ the codes $z = 2$ and $z = -2$ cannot be
# distinguished.

# %%
lesson.predict(
    "How large is the gap of the best Gaussian q?",
    ["nearly 0", "log 2 = 0.69 nats", "more than 5 nats"],
)

# %%
log_joint = log_normal(4.0, grid**2, 0.2) + log_normal(grid, 0.0, 1.0)
log_p4 = np.log(np.exp(log_joint).sum() * dz)


def minus_elbo_at_4(log_q):
    return -(np.sum(np.exp(log_q) * (log_joint - log_q)) * dz)


_, _, negative = fit(minus_elbo_at_4, 1.5)
gap = log_p4 + negative

# %%
nearly_0, log_2, large = lesson.predictions[-1].choices
near_log_2 = abs(gap - np.log(2)) < 0.1
answer = log_2 if near_log_2 else nearly_0 if gap < 0.1 else large if gap > 5 else None
lesson.outcome(f"{gap:.3f} nats.", answer=answer)
name = "gap where the posterior has two equal modes"
source = "theory: -log of the mode's weight, 1/2"
lesson.claim(name, gap, equals=np.log(2), atol=0.02, unit="nats", source=source)

# %% [markdown]
# By section 1 the reverse KL of a $q$ on one mode is minus the logarithm of its weight. The weight
# is $\frac12$, so the gap is $\log 2$, one bit: the information which of the two modes it is.
#
# ## 6. Wrong turns
# Here are four mistakes in the loss. None of them raises an error: the wrong sign of the KL term,
# a missing factor ½ in it, $\sigma$ in place of $\sigma^2$ in it, and a mean in place of the sum
# over the 10 coordinates of $x$ in the reconstruction term.

# %%
lesson.predict(
    "With which of them is minus the loss above log p(x) at the end, so that it bounds nothing?",
    [
        "the sign of the KL only",
        "the sign of the KL and the mean over pixels",
        "the missing ½ and the mean over pixels",
        "all four",
    ],
)


# %%
def reconstruction(mu, logvar):
    return model.elbo(x, mu, logvar).reconstruction


def correct(mu, logvar):
    return np.mean(kl_standard_normal(mu, logvar) - reconstruction(mu, logvar))


def wrong_sign(mu, logvar):
    return np.mean(-kl_standard_normal(mu, logvar) - reconstruction(mu, logvar))


# %%
def missing_half(mu, logvar):
    return np.mean(2 * kl_standard_normal(mu, logvar) - reconstruction(mu, logvar))


def sigma_for_variance(mu, logvar):
    too_much = 0.5 * np.sum(np.exp(0.5 * logvar) - np.exp(logvar), axis=1)
    return np.mean(kl_standard_normal(mu, logvar) + too_much - reconstruction(mu, logvar))


def mean_over_pixels(mu, logvar):
    return np.mean(kl_standard_normal(mu, logvar) - reconstruction(mu, logvar) / 10)


# %%
mistakes = {
    "none": correct,
    "sign of the KL": wrong_sign,
    "missing 1/2": missing_half,
    "sigma for sigma²": sigma_for_variance,
    "mean over pixels": mean_over_pixels,
}
rows = {}
for name, loss in mistakes.items():
    fitted, history = optimize(loss, f"mistake: {name}", lesson.steps(800))
    true_elbo = model.elbo(x, fitted["mu"], fitted["logvar"]).value.mean()
    sigma = np.exp(0.5 * fitted["logvar"]).mean()
    rows[name] = [-history["loss"][-1], true_elbo, log_px.mean(), sigma]

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["mistake", "minus the loss", "true ELBO", "log p(x)", "sigma of q"],
)
above = tuple(name for name in mistakes if rows[name][0] > log_px.mean())
sign_only, sign_and_mean, half_and_mean, all_four = lesson.predictions[-1].choices
known = {
    ("sign of the KL",): sign_only,
    ("sign of the KL", "mean over pixels"): sign_and_mean,
    ("missing 1/2", "mean over pixels"): half_and_mean,
    tuple(mistakes)[1:]: all_four,
}
lowest = min(rows, key=lambda name: rows[name][1])

# %%
lesson.outcome(
    f"log p(x) is {log_px.mean():.2f}; above it: {', '.join(above) or 'none'}. The lowest true ELBO"
    f" is that of: {lowest}.",
    answer=known.get(above),
)
excess = [rows[name][0] - log_px.mean() for name in ("sign of the KL", "mean over pixels")]
name = "sign, mean over pixels: minus the loss, above log p(x) by"
source = "0: not a bound; least of seeds 0, 1, 2: 8.6"
lesson.claim(name, excess, at_least=1, unit="nats", source=source)
worse = ("sign of the KL", "missing 1/2", "mean over pixels")
lost = [rows["none"][1] - rows[name][1] for name in worse]
name = "true ELBO lost by sign, missing 1/2, mean"
source = "least of seeds 0, 1, 2: 0.48"
lesson.claim(name, lost, at_least=0.1, unit="nats", source=source)

# %% [markdown]
# - *Sign*: the loss rewards a $q$ far from the prior, so the widths become small. Minus the loss is
#   above $\log p(x)$.
# - *Missing ½*: minus the loss is still a lower bound, since it subtracts the KL term twice. But it
#   is not the best bound. This is a beta-VAE with $\beta = 2$ (`vae/09`).
# - *Sigma for sigma²*: for small widths the effect is small. The KL term is still 0 at the prior,
#   but this is not its minimum: at $\mu = 0$, $\sigma = 2$ it is negative.
# - *Mean over pixels*: the KL term has 10 times its weight relative to the reconstruction. With 784
#   pixels it has 784 times its weight.

# %%
mu_0, logvar_4 = np.zeros((1, 1)), np.log([[4.0]])
wrong_kl = kl_standard_normal(mu_0, logvar_4)[0] + 0.5 * (2.0 - 4.0)
lesson.check("sigma for sigma²: the KL term at σ = 2", wrong_kl, equals=-0.1931, atol=1e-4)

# %% [markdown]
# ## 7. Where the post is loose
# - "this loss function is known as the *variational lower bound*, or *evidence lower bound*": the
#   bound is minus the loss. The post's next sentence has it right.
# - "(the term $D_\text{KL}$ works like a regularizer)" is said of the KL divergence to the
#   *posterior*, the gap of Eq. vae.11. The term that regularizes is the divergence to the *prior*,
#   on the other side of the equation.
# - "to quantify the distance between these two distributions": a KL divergence is not a distance.
#   It depends on the order of the two, as the section goes on to show.
# - "minimizing the reversed KL divergence squeezes the $Q(z)$ under $P(z)$": both densities
#   integrate to 1, so $Q$ cannot be below $P$ everywhere. In section 1 it is *above* $P$ at the
#   mode that it covers, by a factor of one over the mode's weight:

# %%
print(f"  q / p at the maximum of q: {q_over_p:.3f}, and 1 / 0.6 = {1 / 0.6:.3f}")

# %% [markdown]
# - "The negation of the above defines our loss function": the formula is for one $x$. Training
#   takes its mean over the data.
#
# **Left out:** bounds from several samples (`vae/08`, section 9), and families of $q$ larger than
# the Gaussians (flows).
#
# **Next:** here the reconstruction term had a closed form. For a network it has none: `vae/08`
# samples $z$, and differentiates through the sample.
#
# **Your turn:** `minigen exercise start vae/07`, then `minigen run vae/07 --with
# exercises/vae_07.py`.

# %%
lesson.finish()
