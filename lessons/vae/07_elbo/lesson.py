# %% [markdown]
# # Loss function: the evidence lower bound (ELBO)
#
# In `vae/06` the best codes for an $x$ were drawn from its posterior $p(z|x)$, and a network
# $q(z|x)$ had to imitate it. How do we train the imitation? The obvious way is to measure how far
# $q$ is from the posterior, and to make this distance smaller, step by step. But the posterior
# contains $p(x)$, the integral that nobody can compute. It looks as if we had to walk to an address
# that we do not have. Can we minimize a distance to something that we cannot compute?
#
# We choose the distance (section 1), split off its unknown part (2), check what is left in a model
# where everything is known (3), and maximize it (4). Then the same kind of model shows one cause of
# the blur of a VAE (5). This lesson follows the section *Loss Function: ELBO* of [From Autoencoder
# to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
#
# Before this lesson: `vae/06` (prior, posterior, importance weights).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/07_elbo",
    title="Loss function: the evidence lower bound (ELBO)",
    post="vae",
    sections=["vae.s07"],
    figures=["vae.f06"],
    equations=["vae.09", "vae.10", "vae.11", "vae.12", "vae.13"],
    minutes=0.2,
    picture="blur",
    sources=["weng2018vae", "tipping1999ppca", "kingma2014vae", "rezende2014backprop"],
)

# %%
from itertools import repeat

import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.optim import cosine
from minigen.train import descend
from minigen.vae.linear import LinearGaussian, expected_log_likelihood, kl_gaussians
from minigen.vae.pca import pca
from minigen.vae.vae import kl_standard_normal

# %% [markdown]
# ## 1. Which of two distances?
#
# We need a number that measures how well $q$ represents the posterior. The post takes the
# *Kullback-Leibler (KL) divergence*. For two distributions $P$ and $Q$ it is
#
# $$D_{\mathrm{KL}}(P \| Q) = \mathbb{E}_{z \sim P} \log \frac{P(z)}{Q(z)} .$$
#
# In words, it averages, over draws of $P$, how much larger their log-probability is under $P$ than
# under $Q$. It "measures how much information is lost if the distribution Y is used to represent
# X", as the post says of $D_{\mathrm{KL}}(X \| Y)$. It is never negative, and 0 only for $P = Q$
# (`gan/01` proves it). But it is not a distance in the strict sense, because it changes if we swap
# the arguments. With the posterior as $p$, $D_{\mathrm{KL}}(p \| q)$ is called the *forward* and
# $D_{\mathrm{KL}}(q \| p)$ the *reverse* (in the post, *reversed*) divergence. Which one do we
# want?
#
# Let three codes have posterior probabilities 0.5, 0.5 and 0, and compare two approximations. A
# bold one puts everything on the first code, and a cautious one gives $\frac13$ to each.


# %%
def kl(a, b):
    with np.errstate(divide="ignore"):
        return sum(x * np.log(np.divide(x, y)) for x, y in zip(a, b) if x > 0)


p_codes = np.array([0.5, 0.5, 0.0])
one_code = np.array([1.0, 0, 0])
uniform = np.ones(3) / 3
lesson.table(
    [
        ["bold, (1, 0, 0)", kl(p_codes, one_code), kl(one_code, p_codes)],
        ["cautious, (1/3, 1/3, 1/3)", kl(p_codes, uniform), kl(uniform, p_codes)],
    ],
    ["approximation q", "forward KL(p || q)", "reverse KL(q || p)"],
)

# %%
lesson.check("forward, cautious: log(3/2)", kl(p_codes, uniform), equals=np.log(1.5))
lesson.check("reverse, bold: log 2", kl(one_code, p_codes), equals=np.log(2))

# %% [markdown]
# The forward divergence forbids the bold $q$, because $\log(p/q)$ is infinite at the second code,
# where $p > 0$ and $q = 0$. The reverse divergence forbids the cautious one, because $\log(q/p)$ is
# infinite at the third, where $q > 0$ and $p = 0$. In other words, the forward divergence forbids
# that $q$ misses anything, and the reverse forbids that it invents anything.
#
# What does this mean for densities? Let $p$ be a mixture of two Gaussians, and $q$ a single
# Gaussian. We minimize each divergence over the mean and the standard deviation of $q$ by gradient
# descent, once from the left and once from the right.

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
# The integrals are sums over a grid, so the loss needs no data, and every batch is empty.


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


def place(side, direction):
    mean, sigma, _ = fits[f"{direction}, from the {side}"]
    return "between" if abs(mean) < 1.5 and sigma > 1.5 else "left" if mean < 0 else "right"


found = [place(side, way) for way in ("forward", "reverse") for side in ("left", "right")]
all_wide, forward_wide, reverse_wide, all_near = lesson.predictions[-1].choices
names = ["forward, from the left", "reverse, from the left", "reverse, from the right"]
colors = [plot.color.real, plot.color.fake]

# %%
lesson.outcome(
    "From the left and from the right, the forward fits end {} and {}, and the reverse fits end {}"
    " and {}. The forward divergence is large if q misses a mode. The reverse is large if q has"
    " mass where p is almost 0, and between the modes it is.".format(*found),
    answer={
        ("between",) * 4: all_wide,
        ("between", "between", "left", "right"): forward_wide,
        ("left", "right", "between", "between"): reverse_wide,
        ("left", "right") * 2: all_near,
    }.get(tuple(found)),
)

# %%
fig, axes = plot.figure(1, 3, size=(3.6, 3.0))
for ax, name in zip(axes, names):
    mean, sigma, _ = fits[name]
    curves = {"p": np.exp(log_mixture), "q": np.exp(log_normal(grid, mean, sigma))}
    plot.line(grid, curves, ax, title=name, fill=["p"], colors=colors)
    ax.set(xlim=(-6, 6), xlabel="z")
axes[0].set_ylabel("density")

# %%
lesson.figure(
    fig,
    "f06_two_directions",
    "The mixture p (blue) and the fitted q (orange), for the forward divergence (left) and for the"
    " reverse one from two starts. On the left, look at p where q has its maximum. In the middle,"
    " and on the right, look at the mode that q leaves out.",
)

# %% [markdown]
# The forward fit covers all modes from both starts, and is called *mean-seeking*, or
# *zero-avoiding* because $q$ may not be 0 where $p$ is positive. The reverse fit covers one mode,
# and is called *mode-seeking*, or *zero-forcing* because $q$ must be 0 where $p$ is.

# %%
lesson.change(
    "closer modes",
    "Change `log_normal(grid, 2.5, 0.7)` to `log_normal(grid, 1.0, 0.7)` and run again. Do the "
    "two reverse fits still end at different places?",
    answer="Yes, but only one of them on a mode. From the left the mean is -2.449, near the left "
    "mode, and $\\sigma$ is 0.76. From the right it is -1.029, between the modes, and $\\sigma$ "
    "is 1.65. The density between the modes is now so high that this wide $q$ has a divergence of "
    "0.486. A $q$ on the right mode only has 0.895. (The claims of this section are for 2.5.)",
)

# %% [markdown]
# Both minima can be computed on paper. The forward fit has the mean and the variance of the whole
# $p$. If the modes are far apart, the reverse fit has those of one mode, and its divergence is
# minus the logarithm of the weight of this mode.

# %% [markdown]
# <details><summary>Derivation: the Gaussians of smallest forward and reverse KL</summary>
#
# *Forward.* Of $D_{\mathrm{KL}}(p \| q) = \mathbb E_p \log p - \mathbb E_p \log q$ only the second
# term depends on $q$. With $q = \mathcal N(\mu, \sigma^2)$ it is
#
# $$-\mathbb E_p \log q = \tfrac12 \log 2\pi\sigma^2 + \frac{\mathbb E_p (z - \mu)^2}{2\sigma^2} .$$
#
# The derivative with respect to $\mu$ is 0 at $\mu = \mathbb E_p z$, and the derivative with
# respect to $\sigma^2$ is 0 at $\sigma^2 = \mathbb E_p(z - \mu)^2$. Therefore $q$ has the mean and
# the variance of $p$.
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
lesson.claim(
    "forward: mean and sigma of the whole mixture",
    [fits[f"forward, from the {side}"][:2] for side in ("left", "right")],
    equals=[[0.6 * -2.5 + 0.4 * 2.5, (0.49 + 0.6 * 0.4 * 5**2) ** 0.5]] * 2,
    atol=0.02,
    source="theory: the moments of p, with the variance within and between the modes",
)
lesson.claim(
    "reverse: mean and sigma of one mode",
    [fits[f"reverse, from the {side}"][:2] for side in ("left", "right")],
    equals=[[-2.5, 0.7], [2.5, 0.7]],
    atol=0.02,
    source="theory: one component",
)

# %%
lesson.claim(
    "reverse: minus the log of the mode's weight",
    [fits[f"reverse, from the {side}"][2] for side in ("left", "right")],
    equals=[-np.log(0.6), -np.log(0.4)],
    atol=0.02,
    unit="nats",
    source="theory: -log w",
)

# %% [markdown]
# Covering everything looks like the better choice. Why does a VAE take the reverse divergence? It
# is the one that we can average. The forward divergence is an average over draws of the posterior,
# which we do not have, and the reverse an average over draws of our own $q$. The price is that $q$
# may overlook a mode.

# %% [markdown]
# ## 2. Splitting off the unknown
#
# We can sample $q$, but the posterior under the logarithm is still unknown. It is $p_\theta(z|x) =
# p_\theta(x, z) / p_\theta(x)$. The trick is that its unknown part, $p_\theta(x)$, does not depend
# on $z$. It can leave the average as a separate term (Eq. vae.09):
#
# $$\begin{aligned} D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) &= \log p_\theta(x) + \int
# q_\phi(z|x) \log \frac{q_\phi(z|x)}{p_\theta(z, x)}\, dz \\ &= \log p_\theta(x) +
# D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z)) - \mathbb{E}_{z \sim q_\phi(z|x)} \log p_\theta(x|z)
# . \end{aligned}$$

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
# The left side and the last line are Eq. vae.10:
#
# $$D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) = \log p_\theta(x) + D_{\mathrm{KL}}(q_\phi(z|x)
# \| p_\theta(z)) - \mathbb{E}_{z \sim q_\phi(z|x)} \log p_\theta(x|z) .$$
#
# Let's put numbers in. Take the two codes of `vae/06`, with prior probabilities $\frac12$ and
# $p(x|z) = 0.5$ and $0.001$, so that $\log p(x) = \log 0.2505$. As the approximation take $q =
# (0.9, 0.1)$. Two codes can be summed. Suppose now that the code had 20 continuous dimensions.

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

# %%
lesson.outcome(
    "log p(x) is an integral over all codes, and the posterior contains it. The other two terms"
    " are averages over q. They need only samples of q, and the densities of q, the prior and the"
    " decoder.",
    answer="E_q log p(x|z) and KL(q || prior)",
)
lesson.table(
    [
        ["log p(x)", log_p],
        ["E_q log p(x|z), the reconstruction term", reconstruction_term],
        ["KL(q || prior)", kl_to_prior],
        ["reconstruction term minus KL(q || prior)", elbo],
        ["KL(q || posterior)", gap],
    ],
    ["two codes", "nats"],
)

# %%
lesson.check(
    "Eq. vae.09, first line",
    log_p + q @ np.log(q / (prior * likelihood)) - gap,
    equals=0.0,
    atol=1e-12,
)
lesson.check("Eq. vae.10", log_p + kl_to_prior - reconstruction_term - gap, equals=0.0, atol=1e-12)
lesson.check(
    "Eq. vae.11: ELBO + KL(q || posterior) = log p(x)", elbo + gap, equals=log_p, atol=1e-12
)

# %% [markdown]
# Therefore we move what we can compute to the right, and what we cannot to the left (Eq. vae.11):
#
# $$\log p_\theta(x) - D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) = \mathbb{E}_{z \sim
# q_\phi(z|x)} \log p_\theta(x|z) - D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z)) .$$
#
# The left side is what we want to maximize, a large likelihood and an accurate approximation. The
# right side is something we *can* maximize. In words, draw a code from $q$, take the log-density
# that the decoder gives to $x$ for this code, and subtract how far $q$ is from the prior. The loss
# of a VAE is the negative of either side (Eq. vae.12):
#
# $$\begin{aligned} L_{\mathrm{VAE}}(\theta, \phi) &= -\log p_\theta(x) +
# D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) \\
# &= -\mathbb{E}_{z \sim q_\phi(z|x)} \log p_\theta(x|z) +
# D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z)), \\ \theta^*, \phi^* &= \arg\min_{\theta, \phi}
# L_{\mathrm{VAE}} . \end{aligned}$$
#
# Since a KL divergence is never negative, $-L_{\mathrm{VAE}}$ is a lower bound of $\log
# p_\theta(x)$ (Eq. vae.13):
#
# $$-L_{\mathrm{VAE}} = \log p_\theta(x) - D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x)) \le \log
# p_\theta(x) .$$
#
# The marginal likelihood $p_\theta(x)$ is also called the *evidence*, which is why the bound is the
# *evidence lower bound* (ELBO), or *variational lower bound*. To search for the best approximation
# within a family of distributions is *variational inference*. The divergence that separates the two
# sides, $D_{\mathrm{KL}}(q_\phi(z|x) \| p_\theta(z|x))$, is called the *gap* of the bound.

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
# The ELBO is the expected logarithm of one importance weight. Equality holds only if $w$ is
# constant, that is, if $q_\phi$ is the posterior. Unlike Eq. vae.13, this proof does not show how
# large the gap is. $\square$
#
# </details>

# %% [markdown]
# Does a larger ELBO mean a better $q$? In the example we let $q$ change from nearly all probability
# on the second code to nearly all on the first. $\log p(x)$ does not depend on $q$, and stays the
# same.

# %%
of_first = np.linspace(0.001, 0.999, 999)
every_q = np.stack([of_first, 1 - of_first], axis=1)
kl_of_each = (every_q * np.log(every_q / prior)).sum(axis=1)
bound = every_q @ np.log(likelihood) - kl_of_each
lesson.check(
    "the best q is the posterior", of_first[bound.argmax()], equals=posterior[0], atol=1e-3
)

# %%
ax = plot.line(
    of_first,
    {"ELBO": bound},
    reference={"log p(x)": log_p},
    xlabel="q of the first code",
    ylabel="nats",
    title="the ELBO of every q",
)
lesson.figure(
    ax,
    "every_q",
    "The ELBO (blue) of every q of the two codes. The vertical distance to the line above is the"
    " gap. Look for the q at which it closes.",
)

# %% [markdown]
# The ELBO touches $\log p(x)$ at one point, where $q$ is the posterior, 0.998. This is how we walk
# to an unknown address. We cannot see how far away it is, but a step in $\phi$ that raises the ELBO
# brings us closer by exactly as much, because, as the post notes, "$p_\theta(\mathbf{x})$ is fixed
# with respect to $q_\phi$". (A step in $\theta$ that raises the ELBO may raise $\log p_\theta(x)$,
# or move the posterior towards $q$, or both.)

# %% [markdown]
# ## 3. A model in which every term is known
#
# The identity is proved, but a program that computes its terms may still be wrong. To test ours, we
# want a model with continuous codes in which all terms have closed forms. Let $z \sim
# \mathcal{N}(0, I)$ have 3 dimensions and $x = zW + b + 0.5\,\epsilon$ have 10. With such a linear
# decoder $p(x)$ and $p(z|x)$ are Gaussian. One term is left to you, the reconstruction term. For
# example, let $w = 2$, $b = 1$, and noise with standard deviation 2. For $x = 6$ and $z \sim
# \mathcal{N}(1, 2)$ the residual at the mean of $z$ is $6 - 2 - 1 = 3$, with square 9. The spread
# of $z$ adds the variance of $2z$, which is $4 \cdot 2 = 8$. The expected square is therefore 17.

# %%
lesson.exercise("vae/07/expected_log_likelihood")

# %% [markdown]
# Now we draw a random $W$, a hundred $x$, and for each $x$ an *arbitrary* $q$. By Eq. vae.11, the
# ELBO and the gap must add up to $\log p(x)$. We compute the three numbers in three different ways.

# %%
lesson.show_source(expected_log_likelihood)
lesson.show_source(LinearGaussian.log_evidence, LinearGaussian.elbo)
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
# Insert it into $\log \mathcal N(x; zW + b, s^2 I) = -\frac{D}{2} \log 2\pi s^2 - \|x - zW - b\|^2
# / 2s^2$. $\square$
#
# </details>

# %%
log_px = model.log_evidence(x)
terms = model.elbo(x, mu, logvar)
gaps = model.kl_to_posterior(x, mu, logvar)
rest = log_px - terms.value - gaps
lesson.table(
    np.stack([log_px, terms.value, gaps, rest], axis=1)[:4],
    ["log p(x)", "ELBO", "KL(q || posterior)", "log p(x) - ELBO - KL"],
    "four of the x",
)

# %%
lesson.check(
    "largest |log p(x) - ELBO - KL(q || posterior)|, nats",
    np.abs(rest).max(),
    equals=0.0,
    atol=1e-6,
)
lesson.check(
    "Eq. vae.13: log p(x) minus the ELBO, the least of a hundred",
    (log_px - terms.value).min(),
    at_least=0.0,
)

# %% [markdown]
# They add up, for every $x$. Even a bad $q$ gives a valid bound, only a loose one. Here it is tens
# of nats or more below $\log p(x)$.

# %% [markdown]
# ## 4. Climbing to the bound's maximum
#
# A loose bound is of little use, so we tighten it. We give each $x$ its own $\mu$ and
# $\log\sigma^2$ and follow the gradient of the ELBO, which needs neither $p(x)$ nor the posterior.
# One thing is in the way. The coordinates of $q$ are independent, as in nearly every VAE, and those
# of the posterior are correlated.

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

# %%
precision = model.precision
floor = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
exact = -log_px.mean()
mean, covariance = model.posterior(x)
off = np.abs(fitted["mu"] - mean).max()

# %%
closes, mean_right, mean_off = lesson.predictions[-1].choices
lesson.outcome(
    f"The gap is still {history['gap'][-1]:.3f} nats, because no q with independent coordinates"
    f" equals a posterior with correlated ones. The means of q are within {off:.1g} of the"
    " posterior's, because the gap is a sum of two parts, and the part with the means can be 0.",
    answer=closes if history["gap"][-1] < 1e-3 else mean_right if off < 0.02 else mean_off,
)

# %%
ax = plot.curves(
    {"minus the ELBO": history["loss"]},
    reference={"minus log p(x)": exact, "best with independent coordinates": exact + floor},
    ylabel="nats",
    title="minimizing minus the ELBO",
)
ax.set_ylim(exact - 0.3 * floor - 0.5, exact + 3 * floor + 3)
lesson.figure(
    ax,
    "optimization",
    "Minus the ELBO during training. Below are minus log p(x), and what the best q with independent"
    f" coordinates reaches. These two levels are {floor:.3f} nats apart.",
)

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
lesson.claim(
    "gap at the end, minus the smallest possible",
    history["gap"][-1] - floor,
    equals=0.0,
    atol=1e-3,
    unit="nats",
    source="theory: the derivation above",
)
lesson.claim("means of q minus the posterior's", off, at_most=0.02, source="theory: they are equal")
lesson.claim(
    "largest variance of q / of the posterior",
    (np.exp(fitted["logvar"]) / np.diag(covariance)).max(),
    at_most=1.0,
    source="theory: 1 / (P_jj C_jj), at most 1",
)

# %% [markdown]
# The means are right, and the variances are too small. The best $\sigma_j^2$ is the variance of
# $z_j$ when all other coordinates are *known*, which is at most its variance in the posterior. A
# wider $q$ would invent codes that the posterior excludes, and for the reverse divergence this is
# the worse mistake.
#
# Can the gap be closed without a better $q$? We could choose a better *code*. Rotate $z$ so that
# the rows of $W$ become orthogonal. Then the posterior's coordinates are independent, and $p(x)$ is
# unchanged, because the prior is the same in all directions.

# %%
_, singular, orthogonal_rows = np.linalg.svd(model.w, full_matrices=False)
rotated = LinearGaussian(singular[:, None] * orthogonal_rows, model.b, model.std)
mean, covariance = rotated.posterior(x)
best_logvar = np.tile(np.log(np.diag(covariance)), (100, 1))
gap_of_best = rotated.kl_to_posterior(x, mean, best_logvar)
lesson.check(
    "log p(x), rotated minus before", rotated.log_evidence(x) - log_px, equals=np.zeros(100)
)
lesson.check("gap of the best q, rotated code", gap_of_best, equals=np.zeros(100))

# %% [markdown]
# The gap is 0 now. Posterior and $q$ are both Gaussians with independent coordinates, and their
# divergence has a short closed form, a sum over the coordinates. You will need it for every VAE. We
# test it with the arbitrary $q$ of section 3.

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
    answer="It is smaller, 0.088 nats with noise 2.0 and 0.211 with 0.5. With more noise $x$ "
    "determines $z$ less. Therefore the posterior is closer to the prior, whose coordinates are "
    "independent, like those of $q$.",
)

# %% [markdown]
# Of two codes with the same $p(x)$, the one whose posterior $q$ can represent has the larger ELBO.
# In a linear model the coordinates of this code belong to the *principal directions* of $x$, the
# eigenvectors of its covariance. They need not be the factors that generated the data, as `vae/09`
# discusses.

# %% [markdown]
# ## 5. Why are the images blurry?
#
# Images that a VAE decodes are known to be blurry. You might blame a network that is too small, or
# a training that is too short. The linear model lets us exclude both, because its best weights are
# known (Tipping and Bishop 1999). Suppose that the standard deviation of the decoder's noise is
# fixed at $s$, as in every program whose loss is the squared error plus the KL term. The best bound
# is the best $\log p(x)$, because with orthogonal rows the gap is 0. For data with one coordinate
# of variance $\lambda$, the model $x = wz + s\,\epsilon$ has variance $w^2 + s^2$, and maximum
# likelihood makes it equal to $\lambda$. For $\lambda = 4$ and $s = 1$ this gives $w = \sqrt3$.

# %%
lesson.predict(
    "A second coordinate of the data has variance 1/4, and the noise stays at s = 1. How large is "
    "its weight in the best decoder?",
    ["0", "1/2, the root of its variance", "above 1, so that it exceeds the noise"],
)


# %%
two = lesson.rng("two coordinates").standard_normal((1000, 2))
two = np.linalg.qr(two - two.mean(axis=0))[0] * np.sqrt(1000)  # variances 1, uncorrelated
two = two * np.array([2.0, 0.5])  # variances 4 and 1/4


def minus_elbo_of(m, s, beta):
    mu = two * m["v"]  # a linear encoder
    logvar = m["logvar"] + 0 * mu
    w = np.diag(m["w"])
    fit_of_x = expected_log_likelihood(two, mu, logvar, w, np.zeros(2), s)
    return np.mean(beta * kl_standard_normal(mu, logvar) - fit_of_x)


# %%
def trained_weights(s, beta=1.0):
    def loss(m):
        return minus_elbo_of(m, s, beta)

    w, v = lesson.rng("weights").standard_normal((2, 2))
    m = {"w": w, "v": 0.1 * v, "logvar": np.zeros(2)}
    steps = lesson.steps(2000)
    step = descend(loss, m, repeat(()), lr=cosine(0.1, steps))
    for i in range(steps):
        step(i)
    return np.abs(m["w"])


# %%
weights = {
    "s = 1": trained_weights(1.0),
    "s = 1/4": trained_weights(0.25),
    "s = 1/2, KL term times 4": trained_weights(0.5, beta=4.0),
}

# %%
w = weights["s = 1"][1]
lesson.outcome(
    f"The trained weight is {w:.3f}, because the model's variance w² + 1 is already larger than 1/4"
    " for w = 0, and any other weight makes it larger still. The noise alone is more than enough.",
    answer="0" if w < 0.1 else "1/2, the root of its variance" if 0.4 < w < 0.6 else None,
)

# %%
lesson.table(
    [[name, *np.round(pair, 4)] for name, pair in weights.items()],
    ["trained with", "weight, variance 4", "weight, variance 1/4"],
)
lesson.claim(
    "weights for s = 1, s = 1/4, and s = 1/2 with the KL term times 4",
    list(weights.values()),
    equals=[[3**0.5, 0.0], [3.9375**0.5, 0.1875**0.5], [3**0.5, 0.0]],
    atol=0.02,
    source="theory: w² = λ - s², or 0 where λ < s²",
)

# %% [markdown]
# The second row is the control. It has less noise and everything else the same, and the second
# coordinate comes back. The third row is a trap. A KL term that is multiplied by $\beta$ acts like
# noise $s\sqrt\beta$, because $\frac{1}{2s^2}\|x - zW - b\|^2 + \beta D_{\mathrm{KL}} = \beta \big(
# \frac{1}{2 \beta s^2} \|x - zW - b\|^2 + D_{\mathrm{KL}} \big)$. Here $\frac12 \sqrt4 = 1$, and
# the weights are those of the first row.
#
# Now to images. By the same rule, a decoder of digits uses a principal direction of the digits if
# its variance is above $s^2$, and drops it otherwise. The code may have as many coordinates as
# there are pixels, so a short code is not to blame either. (One decoder has only 20, and learns
# $s$, for comparison.) We decode ten test digits from their mean codes.

# %%
data = mnist.load()
train = mnist.unit(data.train_images[: lesson.size(10_000, quick=1_000)], flat=True)
shown_digits = mnist.unit(data.test_images[:10], flat=True).astype(np.float64)
average, directions, variances = pca(train.astype(np.float64), 784)  # (784,), (784, 784), (784,)


def best_model(s, codes=784):
    used = variances[:codes] > s**2
    w = np.sqrt(variances[:codes][used] - s**2)[:, None] * directions[:codes][used]
    return LinearGaussian(w, average, s)


def decode_mean_codes(model):
    return model.posterior(shown_digits)[0] @ model.w + model.b


decoders = {f"s = {s}": best_model(s) for s in (1, 0.5, 0.25, 0.1)}
decoders["s learned, 20 coordinates"] = best_model(np.sqrt(variances[20:].mean()), 20)
images = {name: decode_mean_codes(one) for name, one in decoders.items()}
noise = lesson.rng("pixel noise").standard_normal(shown_digits.shape)


# %%
def row_of(name, decoded, s=None, w=np.zeros((0, 784))):
    error = ((shown_digits - decoded) ** 2).sum(axis=1).mean()
    return [name, s, len(w), (w**2).sum() / variances.sum(), error]


lesson.table(
    [
        row_of("the mean digit", average),
        *(row_of(name, images[name], m.std, m.w) for name, m in decoders.items()),
    ],
    ["decoder", "s", "coordinates used", "fraction of the digits' variance", "squared error"],
)

# %%
lesson.figure(
    plot.image_grid(
        np.concatenate([shown_digits, *images.values(), images["s = 0.5"] + 0.5 * noise]),
        7,
        10,
        shape=(28, 28),
        limits=(0, 1),
        row_labels=["test digit", *decoders, "s = 0.5, with noise"],
    ),
    "blur",
    "Ten test digits (top), and what linear decoders output for their mean codes. Only the noise s"
    " differs between rows 2 to 5. The last row adds the noise that the third leaves out. Compare"
    " how sharp the strokes are.",
)

# %% [markdown]
# **In a linear decoder, the noise makes the blur.** No decoder here is badly trained, because each
# is the best of its kind. With $s = 1$ only a dozen directions vary more than the noise, and all
# finer detail is left to the noise. What the decoder outputs varies by 31 % of the variance of the
# digits (the fourth column of the table). With $s = 0.1$ it is 93 %. More than two hundred
# directions are used, and the strokes are sharp. The model makes up for missing detail with grain,
# as the last row of the figure shows, and grain is what programs leave out when they draw a VAE's
# images.
#
# Why a blur, and not something else? The posterior of a used coordinate has variance $s^2/\lambda$,
# where the prior has 1. The larger $s$ is, the more different digits share a code, and the output
# with the smallest squared error is their mean. If $s$ is learned, it falls to the size of what the
# code cannot explain, and the number of its coordinates sets the limit. With 20 the digits stay
# soft. All this is about reconstructions, and about a linear decoder. In `vae/08` the decoder is a
# network and the pixels are black or white. The count of directions does not carry over, but a mean
# of digits is blurry there, too, and we will count how many digits share a code.

# %% [markdown]
# ## 6. A posterior with two modes
#
# *You may skip this section, because nothing later depends on it. It is for readers who want to see
# a gap that no rotation closes.*
#
# Let $x = z^2 + 0.2\,\epsilon$. From $x = 4$ the codes $z = 2$ and $z = -2$ cannot be
# distinguished, and the posterior has a mode at each. By section 1, a Gaussian that minimizes the
# reverse divergence covers one of them, at the price of minus the logarithm of its weight, $-\log
# \frac12 = 0.693$.

# %%
log_joint = log_normal(4.0, grid**2, 0.2) + log_normal(grid, 0.0, 1.0)
log_p4 = np.log(np.exp(log_joint).sum() * dz)


def minus_elbo_at_4(log_q):
    return -(np.sum(np.exp(log_q) * (log_joint - log_q)) * dz)


_, _, negative = fit(minus_elbo_at_4, 1.5)
gap = log_p4 + negative

# %%
lesson.claim(
    "gap where the posterior has two equal modes",
    gap,
    equals=np.log(2),
    atol=0.02,
    unit="nats",
    source="theory: -log of the mode's weight, 1/2",
)
print(f"  gap of the best Gaussian q: {gap:.3f} nats")

# %% [markdown]
# The gap is about one bit, which is what it takes to name one of two modes. No Gaussian can close
# it, because a Gaussian has one mode. A richer family of $q$ can come closer, and `flow/13` builds
# one from flows.
#
# ## 7. Four mistakes in the loss
#
# *You may skip this section, because nothing later depends on it. It is for readers who write their
# own loss.*
#
# None of these mistakes raises an error: the wrong sign of the KL term, a missing factor ½ in it,
# $\sigma$ in place of $\sigma^2$ in it, and a mean in place of the sum over the 10 coordinates of
# $x$ in the reconstruction term. How much do they cost? We minimize each wrong loss in the model of
# section 3, and then compute the true ELBO of the $q$ that it leads to.


# %%
def reconstruction(mu, logvar):
    return model.elbo(x, mu, logvar).reconstruction


def with_term(term, pixels=1):
    def loss(mu, logvar):
        return np.mean(term(mu, logvar) - reconstruction(mu, logvar) / pixels)

    return loss


def sigma_for_variance(mu, logvar):
    too_much = 0.5 * np.sum(np.exp(0.5 * logvar) - np.exp(logvar), axis=1)
    return kl_standard_normal(mu, logvar) + too_much


mistakes = {
    "none": with_term(kl_standard_normal),
    "sign of the KL": with_term(lambda mu, logvar: -kl_standard_normal(mu, logvar)),
    "missing 1/2": with_term(lambda mu, logvar: 2 * kl_standard_normal(mu, logvar)),
    "sigma for sigma²": with_term(sigma_for_variance),
    "mean over pixels": with_term(kl_standard_normal, pixels=10),
}

# %%
ends = {}
for name, loss in mistakes.items():
    fitted, history = optimize(loss, f"mistake: {name}", lesson.steps(800))
    true_elbo = model.elbo(x, fitted["mu"], fitted["logvar"]).value.mean()
    sigma = np.exp(0.5 * fitted["logvar"]).mean()
    ends[name] = [-history["loss"][-1], true_elbo, log_px.mean(), sigma]

# %%
lesson.table(
    [[name, *row] for name, row in ends.items()],
    ["mistake", "minus the loss", "true ELBO", "log p(x)", "sigma of q"],
)

# %%
lesson.claim(
    "sign, mean over pixels: minus the loss, above log p(x) by",
    [ends[name][0] - log_px.mean() for name in ("sign of the KL", "mean over pixels")],
    at_least=1,
    unit="nats",
    source="seeds 0, 1 and 4711: at least 8.3",
)
lesson.claim(
    "true ELBO lost by sign, missing 1/2, mean",
    [ends["none"][1] - ends[k][1] for k in ("sign of the KL", "missing 1/2", "mean over pixels")],
    at_least=0.1,
    unit="nats",
    source="seeds 0, 1 and 4711: at least 0.47",
)

# %% [markdown]
# With the wrong sign, and with the mean over pixels (here, coordinates), minus the loss ends
# *above* $\log p(x)$, so it is not a lower bound. The wrong sign rewards a $q$ far from the prior.
# The missing ½ and the mean are a $\beta$ in disguise, 2 and 10 here, and a mean over 784 pixels is
# a $\beta$ of 784. By section 5 a linear decoder trained with it outputs the mean digit for every
# code, unless $s\sqrt{784} = 28\,s$ is below the standard deviation of the digits along their first
# principal direction. With $\sigma$ for $\sigma^2$ the harm is small in this run, but the term is
# not a divergence any more. At $\mu = 0$, $\sigma = 2$ it is negative, $\frac12 (2 - 1 - \log 4) =
# -0.193$.

# %%
mu_0, logvar_4 = np.zeros((1, 1)), np.log([[4.0]])
wrong_kl = kl_standard_normal(mu_0, logvar_4)[0] + 0.5 * (2.0 - 4.0)
lesson.check("sigma for sigma²: the KL term at σ = 2", wrong_kl, equals=-0.1931, atol=1e-4)

# %% [markdown]
# A term that is called a divergence should be 0 at the prior and positive everywhere else. This is
# a test that you can run on your own.
#
# ## What this lesson does differently
#
# - The section of the post has no experiment. The linear model, the digits and their numbers are
#   ours, and the question about blur is ours, too.
# - We leave out bounds from several samples (`vae/08`), and families of $q$ that are larger than
#   the Gaussians (`flow/13`).
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "to quantify the distance between these two distributions": the KL divergence is not symmetric,
#   so it is not a distance. The post's own *forward* and *reversed* show it.
# - "this loss function is known as the *variational lower bound*, or *evidence lower bound*": the
#   bound is minus the loss. The post's next sentence has it right.
# - "by minimizing the loss, we are maximizing the lower bound of the probability of generating real
#   data samples": it is a bound on the *logarithm* of a density. And a larger bound need not mean a
#   larger $\log p_\theta(x)$, because the gap may have become smaller instead.
# - "(the term $D_\text{KL}$ works like a regularizer)" is said of the KL divergence to the
#   *posterior*, the gap of Eq. vae.11. The term that regularizes is the divergence to the *prior*,
#   on the other side of the equation.
# - "minimizing the reversed KL divergence squeezes the $Q(z)$ under $P(z)$": both densities
#   integrate to 1, so $Q$ cannot be below $P$ everywhere. In section 1 it is *above* $P$ at the
#   mode that it covers, by a factor of one over the mode's weight, $1/0.6 = 1.67$.
#
# ## To remember
#
# - $\log p(x) = \text{ELBO} + \text{gap}$ for every $q$, and the gap is $D_{\mathrm{KL}}(q(z|x) \|
#   p(z|x))$.
# - The ELBO is the reconstruction term minus the divergence of $q$ from the prior. The loss is
#   minus the ELBO.
# - The reverse divergence makes $q$ too narrow rather than too wide.
# - A linear decoder with fixed noise $s$ drops the directions that vary less than $s$, and a factor
#   $\beta$ on the KL term acts like noise $s\sqrt\beta$.
#
# **Next:** here the reconstruction term had a closed form. For a network it has none, and we must
# draw $z$. How does a gradient pass through a draw? (`vae/08`)
#
# **Your turn:** `minigen exercise start vae/07`, then `minigen run vae/07 --with
# exercises/vae_07.py`.

# %%
lesson.finish()
