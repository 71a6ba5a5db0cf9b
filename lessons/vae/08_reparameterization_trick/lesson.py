# %% [markdown]
# # The reparameterization trick, and a VAE on MNIST
#
# This lesson runs the section *Reparameterization Trick* (vae.s08) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/). Read `vae/07`
# first. In this lesson:
#
# 1. The loss of a VAE is an expectation over a distribution whose parameters are trained. Its
#    gradient has two unbiased estimators, and we derive both.
# 2. The variance of an estimator decides how many samples a gradient needs. We compute it on paper
#    and measure it for a trained VAE.
# 3. A VAE with two hidden layers models MNIST, and importance sampling estimates its
#    log-likelihood.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/08_reparameterization_trick",
    title="The reparameterization trick, and a VAE on MNIST",
    post="vae",
    sections=["vae.s08"],
    figures=["vae.f07", "vae.f08"],
    equations=["vae.08", "vae.11", "vae.12", "vae.13", "vae.14"],
    minutes=2.2,
    picture="digits",
    sources=[
        "weng2018vae",
        "williams1992reinforce",
        "kingma2014vae",
        "rezende2014backprop",
        "burda2016iwae",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.optim import cosine
from minigen.tensor import batched, grad, stop_gradient
from minigen.train import descend
from minigen.vae.likelihoods import bernoulli_log_likelihood
from minigen.vae.vae import VAE, elbo, kl_standard_normal, reparameterize, vae_loss

# %% [markdown]
# ## 1. The gradient of an expectation over samples
# The encoder of a VAE outputs the mean $\mu$ and the standard deviation $\sigma$ of a Gaussian. The
# loss is an expectation over codes $z$ that are sampled from this Gaussian. Training needs its
# gradient with respect to $\mu$ and $\sigma$.
#
# Start with the smallest case: $z \sim \mathcal{N}(\mu, 1)$ and the expectation of $z^2$. On paper
# it is $\mu^2 + 1$, with derivative $2\mu$: 5 and 4 at $\mu = 2$. For exact results we replace
# random noise by six fixed values of $\epsilon$: $-\sqrt3$ once, $0$ four times and $\sqrt3$ once.
# Their moments agree with those of $\mathcal{N}(0, 1)$ up to the fifth. (They are the points and
# weights of *Gauss–Hermite quadrature*, which replaces an expectation over a Gaussian by a weighted
# mean over a few points.)

# %%
eps = 3**0.5 * np.array([-1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
moments = [np.mean(eps**k) for k in (1, 2, 3, 4, 5)]
lesson.check("the first five moments of N(0, 1)", moments, equals=[0.0, 1.0, 0.0, 3.0, 0.0])

# %%
grid = np.linspace(-2, 6, 200)
density = np.exp(-((grid - 2) ** 2) / 2) / (2 * np.pi) ** 0.5
ax = plot.line(grid, density, title="N(2, 1), and six values of z", xlabel="z", ylabel="density")
values, counts = np.unique(2 + eps, return_counts=True)
ax.vlines(values, 0, counts / 6, lw=3, color="C1")
lesson.figure(
    ax,
    "six_values",
    "Curve: the density of z at mu = 2. Vertical lines: the six values of z = 2 + eps, where the "
    "height is the share of the six.",
)

# %% [markdown]
# `grad` differentiates a number with respect to $\mu$ by the operations that produced it. We
# compute the mean of $z^2$ in two ways. In `average`, $z = \mu + \epsilon$ is part of the loss. In
# `average_of_numbers`, the six values of $z$ are computed first and passed to the loss as plain
# numbers.

# %%
lesson.predict(
    "Which derivative with respect to mu does each function have at mu = 2?",
    [
        "average 4, average_of_numbers 4",
        "average 4, average_of_numbers 2",
        "average 4, average_of_numbers 0",
    ],
)

# %%


def average(mu):
    return np.mean((mu + eps) ** 2)


def average_of_numbers(mu):
    z = stop_gradient(mu + eps)  # the values without the operations that produced them
    return np.mean(z**2)


# %%
as_numbers = grad(average_of_numbers)(2.0)
written_out = grad(average)(2.0)
print(f"  derivative in mu: average {written_out:g}, average_of_numbers {as_numbers:g}")

# %%
lesson.outcome(
    "As plain numbers, the six values do not depend on mu, so the derivative is 0. Written as"
    " mu + eps, each z has derivative 1, each z² has derivative 2z, and the mean of 2z is 4.",
    answer="average 4, average_of_numbers 0",
)
lesson.check("the average of z² at mu = 2", average(2.0), equals=5.0)
lesson.check("its derivative, z passed as plain numbers", as_numbers, equals=0.0)
lesson.check("its derivative, z = mu + eps", written_out, equals=4.0)

# %%
lesson.change(
    "the sixth power",
    "In `average` change `(mu + eps) ** 2` to `(mu + eps) ** 6` and run again. For a Gaussian with "
    "mean 2 and variance 1 the expectation of $z^6$ is 499 and its derivative is 852. Which of the "
    "two do the six values give?",
    answer="The derivative, 852, but not the expectation, which comes out as 493. The six values "
    "share the moments of $\\mathcal{N}(0, 1)$ up to the fifth, and $6 z^5$ needs no higher one. "
    "Their sixth moment is $2 \\cdot 27 / 6 = 9$ instead of 15.",
)

# %% [markdown]
# ## 2. The sample as a deterministic function of noise
# Above, $\sigma$ was 1. The encoder outputs $\mu$ and $\log\sigma^2$ (in code `logvar`), which may
# be any real number. How must noise $\epsilon \sim \mathcal{N}(0, \mathbf{I})$ be transformed,
# coordinate by coordinate, so that the result has mean $\mu$ and variance $\sigma^2$?

# %%
lesson.exercise("vae/08/reparameterize")

# %% [markdown]
# A factor $\sigma$ multiplies the variance by $\sigma^2$, and adding $\mu$ shifts the mean. So the
# random variable $\mathbf{z}$ can be written as a deterministic function of the parameters and of
# an auxiliary independent random variable $\epsilon$ (Eq. vae.14):
#
# $$\mathbf{z} \sim q_\phi(\mathbf{z}|\mathbf{x}^{(i)}) = \mathcal{N}(\mathbf{z}; \mu^{(i)},
# \sigma^{2(i)} \mathbf{I}), \qquad \mathbf{z} = \mu + \sigma \odot \epsilon, \qquad \epsilon \sim
# \mathcal{N}(0, \mathbf{I}).$$
#
# $\odot$ is the element-wise product. $\sigma$ is a vector, one standard deviation for each
# coordinate, so the covariance is diagonal with entries $\sigma_j^2$. All the randomness is in
# $\epsilon$, which has no parameters.
#
# Three mistakes are common, and none raises an error. The table shows the standard deviation of $z$
# that each gives where 2 is intended.

# %%
lesson.show_source(reparameterize)
noise = eps[:, None]  # (6, 1)
logvar = np.full((6, 1), np.log(4.0))  # (6, 1); sigma = 2
z = reparameterize(np.zeros((6, 1)), logvar, noise)
lesson.check("standard deviation of mu + sigma * eps", z.std(), equals=2.0)

# %%
slips = {
    "mu + logvar * eps": logvar * noise,
    "mu + exp(logvar) * eps": np.exp(logvar) * noise,
    "mu + eps": noise,
}
rows = [[slip, z.std()] for slip, z in slips.items()]
lesson.table(rows, ["mistake", "standard deviation of z"], "logvar = log 4")

# %%
lesson.change(
    "unit variance",
    "Change `np.log(4.0)` to `np.log(1.0)` and run again. Which mistakes can no longer be seen?",
    answer="The last two: both give 1, which is right, because $\\sigma$, $\\sigma^2$ and 1 are "
    "equal there. Only `mu + logvar * eps` still shows, with 0. A test with unit variance would "
    "let two of the three mistakes pass.",
)

# %% [markdown]
# The trick is not limited to Gaussians. In general $\mathbf{z} = \mathcal{T}_\phi(\mathbf{x},
# \epsilon)$, where $\mathcal{T}_\phi$ is differentiable in its parameters $\phi$ and the
# distribution of $\epsilon$ has no parameters. For a *continuous* distribution in one dimension
# such a function always exists: apply the inverse of the distribution function to a uniform random
# number $u$. For the *logistic* distribution with mean $m$ and scale $s$ it is $z = m + s
# \log\frac{u}{1 - u}$. The variance is $s^2\pi^2/3$, so the expectation of $z^2$ is $m^2 +
# s^2\pi^2/3$, with derivative $2m$ in $m$ and $2s\pi^2/3$ in $s$:

# %%
u = (np.arange(1_000_000) + 0.5) / 1_000_000  # evenly over (0, 1)


def average_of_logistic(parameters):
    m, s = parameters
    return np.mean((m + s * np.log(u / (1 - u))) ** 2)


slopes = grad(average_of_logistic)(np.array([2.0, 0.5]))
lesson.check("logistic: slopes in m and s", slopes, equals=[4.0, np.pi**2 / 3], atol=1e-3)

# %% [markdown]
# For a discrete distribution it fails. A coin that shows 1 with probability $p$ is $z = 1$ for $u <
# p$ and 0 otherwise. Its mean is $p$, with derivative 1, but every single $z$ is constant in $p$
# except at a jump, so the mean of the derivatives is 0:

# %%


def coin(p):
    return np.mean(np.where(u < p, 1.0, 0.0))


rise = (coin(0.31) - coin(0.3)) / 0.01
slopes = [rise, grad(coin)(0.3)]
lesson.check("coin: slope of the mean, and mean of the slopes", slopes, equals=[1.0, 0.0])

# %% [markdown]
# In a whole VAE, the encoder maps the image to $\mu$ and $\sigma$, a code is sampled, and the
# decoder and the loss follow. Backpropagation runs through the same boxes in reverse order.

# %%
vae = VAE(lesson.rng("init"))  # 784 pixels - 400 - 400 - 20 dimensions - 400 - 400 - 784 pixels
boxes = {
    "x": plot.node("image $x$", "data", (0, 0)),
    "enc": plot.node(vae.encoder, at=(1, 0), name="encoder"),
    "q": plot.node("$\\mu, \\sigma$", "latent", (2, 0)),
    "z": plot.node("$z \\sim N(\\mu, \\sigma^2)$", "random", (3, 0)),
    "dec": plot.node(vae.decoder, at=(4, 0), name="decoder"),
    "loss": plot.node("loss", "loss", (5, 0)),
}
arrows = ["x -> enc -> q -> z -> dec -> loss", "loss --> dec", "dec --> z: gradient"]

# %%
outside = {
    "z": plot.node("$z = \\mu + \\sigma \\odot \\epsilon$", "latent", (3, 0)),
    "eps": plot.node("$\\epsilon \\sim N(0, I)$", "random", (3, 1)),
}
all_the_way = [*arrows, "eps -> z", "z --> q --> enc"]
fig, (before, after) = plot.figure(2, 1, size=(9.5, 1.7))
plot.schematic(boxes, arrows, before, title="z is sampled inside the network")
title = "z is a function of noise that is an input"
plot.schematic(boxes | outside, all_the_way, after, title=title)
lesson.figure(
    fig,
    "f07_moving_the_randomness",
    "Dashed arrows show the gradient. Above, it stops at the sampling of z. Below, it reaches the "
    "encoder: only eps is random, and eps has no parameters.",
)

# %% [markdown]
# ## 3. The score-function estimator
# A second estimator of the gradient does not differentiate $f$. It weights $f(z)$ with the gradient
# of $\log q(z)$, which is called the *score function* of $q$ in its parameters: $\nabla_\mu
# \mathbb{E} f(z) = \mathbb{E}[f(z)\,\nabla_\mu \log q(z)]$. It is also known as REINFORCE (Williams
# 1992). For $\sigma = 1$ the weight is $\epsilon$. What is the weight for any $\sigma$, and what is
# it in $\log\sigma^2$?

# %%
lesson.exercise("vae/08/score_function_gradient")

# %% [markdown]
# Both estimators are unbiased. How much does a single sample vary around the gradient 4? The
# reparameterized estimate is $2z = 4 + 2\epsilon$, with variance 4. The other is $z^2 \epsilon$.

# %%
lesson.predict(
    "What is the variance of the score-function estimate?",
    ["below 4", "between 4 and 40", "above 40"],
)

# %%
from minigen.vae.vae import reparameterized_gradient, score_function_gradient


def square(z):
    return np.sum(z**2, axis=1)


def estimates(gradient, noise):
    mu = np.full(noise.shape, 2.0)
    of_mu, _ = gradient(square, mu, np.zeros(noise.shape), noise)
    return of_mu[:, 0]


# %%
of_path = estimates(reparameterized_gradient, noise)
of_score = estimates(score_function_gradient, noise)
lesson.table(
    [["reparameterized", *of_path], ["score function", *of_score]],
    ["estimates of 4", *(f"eps {e:.2f}" for e in eps)],
)
means = [of_path.mean(), of_score.mean()]
lesson.check("mean of the estimates, each way", means, equals=[4.0, 4.0])

# %% [markdown]
# The six values give both means exactly, but not the variance, which needs the sixth moment. So
# draw 100,000 samples and compute an estimate from each:

# %%
draws = lesson.rng("parabola").standard_normal((100_000, 1))
many = {
    "reparameterized": estimates(reparameterized_gradient, draws),
    "score function": estimates(score_function_gradient, draws),
}
title = "estimates of one gradient, which is 4"
ax = plot.histogram(many, bounds=(-20, 50), title=title, xlabel="estimate from one sample")
variances = {name: found.var() for name, found in many.items()}
ratio = variances["score function"] / variances["reparameterized"]

# %%
lesson.outcome(
    f"The variance is {variances['score function']:.1f}, and {variances['reparameterized']:.1f} for"
    " the reparameterized estimate.",
    answer="above 40"
    if variances["score function"] > 40
    else "below 4"
    if variances["score function"] < 4
    else "between 4 and 40",
)
lesson.show_source(score_function_gradient, reparameterized_gradient)
lesson.figure(
    ax,
    "two_estimators",
    "Both means are 4. Most score-function estimates are near 0, and a few large ones carry the "
    "mean.",
)

# %% [markdown]
# <details><summary>Derivation: the score-function estimator and its weights</summary>
#
# Only $q$ depends on $\mu$ and $\sigma$, and $\nabla q = q \nabla \log q$ (the *log-derivative
# trick*):
#
# $$\nabla\, \mathbb{E}_q f(z) = \nabla \int q(z) f(z)\, dz = \int f(z)\, q(z)\, \nabla \log q(z)\,
# dz = \mathbb{E}_q [f(z)\, \nabla \log q(z)].$$
#
# For one coordinate $\log q(z) = -\frac12 \log 2\pi\sigma^2 - (z - \mu)^2 / 2\sigma^2$. With $z$
# held fixed and $z - \mu = \sigma\epsilon$,
#
# $$\frac{\partial \log q}{\partial \mu} = \frac{z - \mu}{\sigma^2} = \frac{\epsilon}{\sigma},
# \qquad \frac{\partial \log q}{\partial \log\sigma^2} = -\frac12 + \frac{(z - \mu)^2}{2\sigma^2} =
# \frac{\epsilon^2 - 1}{2}.$$
#
# </details>

# %% [markdown]
# <details><summary>Derivation: the reparameterized estimator, in mean and variance</summary>
#
# With $z = \mu + \sigma\epsilon$ the expectation is over $\epsilon$, whose distribution has no
# parameters. So the derivative moves inside:
#
# $$\nabla\, \mathbb{E}_\epsilon f(\mu + \sigma\epsilon) = \mathbb{E}_\epsilon [f'(z)\, \nabla z],
# \qquad \frac{\partial z}{\partial \mu} = 1, \qquad \frac{\partial z}{\partial \log\sigma^2} =
# \frac{\sigma\epsilon}{2}.$$
#
# The exchange is allowed if $f$ is continuous, differentiable almost everywhere, and $|f'|$ grows
# slowly enough for the right-hand side to be finite. A step function violates it: see the coin of
# section 2. Both estimators have the same expectation; for a Gaussian, integration by parts turns
# one into the other ($\mathbb{E}[\epsilon f] = \sigma\, \mathbb{E}[f']$, Stein's identity).
#
# </details>

# %%
ones, some_logvar = np.ones((6, 1)), 2 * np.log(2.0)
at_mu_1 = [g(square, ones, some_logvar * ones, noise) for g in (reparameterized_gradient,)]
at_mu_1 += [score_function_gradient(square, ones, some_logvar * ones, noise)]
slopes = [float(each.mean()) for pair in at_mu_1 for each in pair]
lesson.check(
    "E z² = mu² + sigma² at mu = 1, sigma = 2: slopes in mu and logvar, both ways",
    slopes,
    equals=[2.0, 4.0, 2.0, 4.0],
)

# %% [markdown]
# <details><summary>Derivation: the two variances, 4 and 87</summary>
#
# The moments of $\epsilon$ are $\mathbb{E}\epsilon^2 = 1$, $\mathbb{E}\epsilon^4 = 3$ and
# $\mathbb{E}\epsilon^6 = 15$; odd ones are 0. The reparameterized estimate $4 + 2\epsilon$ has the
# variance 4. For the other,
#
# $$\mathbb{E}[z^4 \epsilon^2] = \mathbb{E}[(2 + \epsilon)^4 \epsilon^2] = 16 \cdot 1 + 24 \cdot 3 +
# 15 = 103, \qquad 103 - 4^2 = 87.$$
#
# </details>

# %%
lesson.check("variance, score function / reparameterized: 87/4 on paper", ratio, between=(18, 26))

# %%
lesson.change(
    "a constant of 100",
    "In `square` change `np.sum(z**2, axis=1)` to `np.sum(z**2, axis=1) + 100` and run again. The "
    "gradient of a constant is 0. Which of the two estimators changes?",
    answer="Only the score function. Both means are still 4, but its variance grows to "
    "$\\mathbb{E}(z^2 + 100)^2 \\epsilon^2 - 16 = 11487$, almost 2,900 times that of the other, "
    "because each weight is multiplied by the whole loss, constant included. The reparameterized "
    "estimate uses the derivative of the loss, which has not changed. The next cell subtracts such "
    "a constant on purpose.",
)

# %% [markdown]
# A constant $b$, called a *baseline*, may be subtracted from $f$ in the score-function estimator.

# %% [markdown]
# <details><summary>Derivation: a baseline changes no mean</summary>
#
# $q$ integrates to 1 for all its parameters, so $\mathbb{E}_q \nabla \log q = \int \nabla q\, dz =
# \nabla 1 = 0$. Hence $\mathbb{E}_q[(f - b)\, \nabla \log q] = \mathbb{E}_q[f\, \nabla \log q] - b
# \cdot 0$. The variance does change. It is least at $b = \mathbb{E}[f\,(\nabla \log q)^2] /
# \mathbb{E}(\nabla \log q)^2$; the mean of $f$ is the usual choice.
#
# </details>

# %% [markdown]
# Does a baseline close the gap? Take $z$ with $D$ coordinates, each from $\mathcal{N}(2, 1)$, and
# $f = \sum_j z_j^2$. The reparameterized estimate of one coordinate still has the variance 4. The
# score function multiplies $\epsilon_1$ by all of $f - \mathbb{E} f$, to which every coordinate
# adds noise of variance 18. On paper its variance is $42 + 18(D - 1)$ with the baseline
# $\mathbb{E} f = 5D$.

# %%


def ratio_with_baseline(dims):
    def f(z):
        return (z**2).sum(axis=1)

    e = lesson.rng(f"{dims} dimensions").standard_normal((100_000, dims))
    helped, _ = score_function_gradient(f, 2.0 + 0 * e, 0 * e, e, 5.0 * dims)
    return helped.var(axis=0).mean() / 4


found = [ratio_with_baseline(dims) for dims in (1, 5, 20)]
on_paper = np.array([42.0, 114.0, 384.0]) / 4
lesson.check(
    "variance with a baseline / reparameterized, over 42/4, 114/4, 384/4: 1, 5, 20 dimensions",
    found / on_paper,
    between=(0.85, 1.15),
)

# %% [markdown]
# Each further dimension adds 4.5 to the ratio. A code of a VAE has 20 dimensions; section 6
# measures it there.
#
# ## 4. The VAE
# The decoder is the probabilistic decoder $p_\theta(x|z)$: it outputs a probability for each pixel.
# The encoder is the probabilistic encoder $q_\phi(z|x) = \mathcal{N}(\mu, \sigma^2)$. Both are
# trained with the evidence lower bound of `vae/07`: how well $x$ is reconstructed from its code,
# minus the KL divergence of $q$ from the prior. We need three functions.
#
# - The log-likelihood of an image. Its pixels are 0 or 1 and independent given $z$. By hand: an
#   image of two pixels, both predicted with probability one half, has $-2 \log 2$.
# - The KL divergence of two Gaussians, which has a formula. Work it out for one dimension: take the
#   mean under $q$ of $\log q(z) = -\frac12 \log 2\pi\sigma^2 - (z - \mu)^2 / 2\sigma^2$ and of
#   $\log p(z) = -\frac12 \log 2\pi - z^2 / 2$, and subtract.
# - The bound itself, with both terms.

# %%
lesson.exercise("vae/08/bernoulli_log_likelihood")
lesson.exercise("vae/08/kl_standard_normal")
lesson.exercise("vae/08/elbo")

# %% [markdown]
# The bound (Eq. vae.11, Eq. vae.13), whose negative is the loss (Eq. vae.12), is
#
# $$\log p_\theta(x) \ge \underbrace{\mathbb{E}_{z \sim q_\phi(z|x)} \log
# p_\theta(x|z)}_{\text{reconstruction}} - \underbrace{D_{\mathrm{KL}}(q_\phi(z|x) \|
# p_\theta(z))}_{\text{rate}} .$$
#
# The first term is estimated with one sample of $z$ for each image. The second is exact, summed
# over the dimensions of the code:
#
# $$D_{\mathrm{KL}} = \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2).$$

# %% [markdown]
# <details><summary>Derivation: the KL divergence of two Gaussians</summary>
#
# In one dimension let $q = \mathcal{N}(\mu, \sigma^2)$ and $p = \mathcal{N}(\mu_p, \sigma_p^2)$.
# Under $q$, the mean of $(z - \mu)^2$ is $\sigma^2$ and that of $(z - \mu_p)^2$ is
# $\sigma^2 + (\mu - \mu_p)^2$. So
#
# $$\mathbb{E}_q \log q = -\tfrac12 (\log 2\pi\sigma^2 + 1), \qquad \mathbb{E}_q \log p = -\tfrac12
# \Big(\log 2\pi\sigma_p^2 + \frac{\sigma^2 + (\mu - \mu_p)^2}{\sigma_p^2}\Big),$$
#
# $$D_{\mathrm{KL}}(q \| p) = \mathbb{E}_q \log q - \mathbb{E}_q \log p = \tfrac12 \Big(
# \frac{\sigma^2 + (\mu - \mu_p)^2}{\sigma_p^2} - 1 - \log \frac{\sigma^2}{\sigma_p^2} \Big).$$
#
# With the prior, $\mu_p = 0$ and $\sigma_p = 1$, this is the term of the sum above. Independent
# dimensions add.
#
# </details>

# %% [markdown]
# A code of one dimension with $\mu = 1$, $\sigma = 1$ costs $\frac12(1 + 1 - 1 - 0) = \frac12$ nat.

# %%
lesson.show_source(bernoulli_log_likelihood, kl_standard_normal, elbo, VAE, vae_loss)
pixels = np.array([[0.0, 1.0]])
tiny = elbo(pixels, np.zeros((1, 2)), mu=np.ones((1, 1)), logvar=np.zeros((1, 1)))
lesson.check(
    "bound, reconstruction, KL by hand",
    np.ravel(tiny),
    equals=[-2 * np.log(2) - 0.5, -2 * np.log(2), 0.5],
)

# %%
lesson.change(
    "a free code",
    "Change `mu=np.ones((1, 1))` to `mu=np.zeros((1, 1))` and run again. What does the code cost "
    "now, and how much information about the image does it carry?",
    answer="It costs 0, and the bound is $-2 \\log 2$ = -1.3863. With $\\mu = 0$ and $\\sigma = "
    "1$ the code's distribution is the prior, the same for every image: it carries no information.",
)

# %% [markdown]
# The model is one of pixels that are 0 or 1. A pixel of intensity 0.3 becomes 1 with probability
# 0.3, sampled anew each time it is used. For comparison we take a model without a code, whose only
# parameters are how often each pixel is 1. (With probability ½ for all 784 pixels, $-\log p(x)$
# would be 543.)

# %%
data = mnist.load()
n_test = lesson.size(10_000, quick=200)
test_gray = mnist.unit(data.test_images[:n_test], flat=True)  # (N, 784)
test = mnist.binarize(test_gray, lesson.rng("test pixels"))

# %%
often = data.train_images.mean(axis=0).reshape(784) / 255
on = np.clip(often, 1e-4, 1 - 1e-4).astype(np.float32)
logits = np.broadcast_to(np.log(on / (1 - on)), test.shape)
no_code = bernoulli_log_likelihood(test, logits).mean()
print(f"  log p(x) of independent pixels: {no_code:.1f} nats")

# %% [markdown]
# The VAE is trained for 34 passes over the 60,000 digits. For each step, a batch of digits, its
# binary pixels and the noise of its codes are sampled.

# %%
lesson.predict(
    "How much higher than log p(x) of independent pixels will the bound of the VAE be, on test "
    "digits?",
    ["less than 30 nats", "30 to 90 nats", "more than 90 nats"],
)

# %%
cfg = lesson.configure(batch=100, epochs=34, lr=3e-3)


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def learn(model, steps, label, loss=vae_loss):
    order = lesson.rng(f"order {label}")
    batches = mnist.batches(data.train_images, size=cfg.batch, rng=order)

    def digits_and_noise(rng):
        x = mnist.binarize(mnist.unit(next(batches)[0], flat=True), rng)
        return x, normal(rng, cfg.batch, model.dim_z)

    rng = lesson.rng(f"noise {label}")
    step = descend(loss, model, digits_and_noise, lr=cosine(cfg.lr, steps), rng=rng)
    state = {**step.state, "batches": batches, "order": order}
    return lesson.fit(step, steps, label=label, state=state)


# %%
steps = cfg.epochs * len(data.train_images) // cfg.batch
history = learn(vae, lesson.steps(steps, quick=30), "VAE")


def new_digits(rng, n):
    return vae.sample(rng, n, noise=False).reshape(n, 28, 28, 1)


lesson.sampler("digits", new_digits)

# %%
bound = vae.elbo(test, normal(lesson.rng("test codes"), len(test), 20))
nats_saved = bound.value.mean() - no_code
answer = "more than 90 nats" if nats_saved > 90 else "30 to 90 nats"
lesson.outcome(
    f"{nats_saved:.0f} nats: the ELBO of test digits is {bound.value.mean():.1f} nats, log p(x) of"
    f" independent pixels {no_code:.1f}.",
    answer="less than 30 nats" if nats_saved < 30 else answer,
)

# %%
ax = plot.curves(history, smooth=300, title="the loss and its two terms", ylabel="nats per image")
ax.set_ylim(0, 150)
lesson.figure(
    ax,
    "training",
    "The KL term rises as the encoder starts to use the code, and the reconstruction term falls "
    "by more.",
)

# %% [markdown]
# ## 5. How close is the bound to log p(x)?
# A tighter bound samples $K$ codes for an image and averages $w = p(x|z)p(z)/q(z|x)$. The mean of
# $w$ over $q$ is exactly $p(x) = \int p(x|z) p(z)\, dz$ (Eq. vae.08). The log of the average rises
# with $K$ from the ELBO toward $\log p(x)$ (Burda et al. 2016).

# %% [markdown]
# <details><summary>Derivation: more samples never lower the bound</summary>
#
# Let $\mathcal{L}_K = \mathbb{E} \log \frac1K \sum_k w_k$. Choose $M \le K$ of the $K$ weights at
# random. The mean of the chosen weights is, averaged over the choice, the mean of all. The
# logarithm is concave, so by Jensen's inequality
#
# $$\mathcal{L}_K = \mathbb{E} \log \mathbb{E}_{\text{choice}} \Big[ \tfrac1M \sum_{k \text{
# chosen}} w_k \Big] \ge \mathbb{E}\, \mathbb{E}_{\text{choice}} \log \tfrac1M \sum_{k
# \text{ chosen}} w_k = \mathcal{L}_M .$$
#
# The same inequality, with the mean over all $w$, gives $\mathcal{L}_K \le \log \mathbb{E} w =
# \log p(x)$. $\mathcal{L}_1$ is the ELBO.
#
# </details>

# %%
lesson.predict(
    "How far is the ELBO of this VAE below log p(x)?",
    ["less than 2 nats", "2 to 20 nats", "more than 20 nats"],
)

# %%
from minigen.vae.vae import importance_log_likelihood, log_importance_weights, log_mean_exp

some = test[: lesson.size(1_000, quick=20)]
samples = lesson.size(500)
log_p = importance_log_likelihood(vae, some, samples, lesson.rng("importance"))
room = log_p.mean() - bound.value[: len(some)].mean()

# %%
answer = "2 to 20 nats" if room < 20 else "more than 20 nats"
lesson.outcome(
    f"At least {room:.1f} nats, on {len(some)} test digits with {samples} samples each.",
    answer="less than 2 nats" if room < 2 else answer,
)

# %%
rows = [
    ["independent pixels", no_code, None, None],
    ["VAE, ELBO", *(term.mean() for term in bound)],
    [f"VAE, {samples} importance samples", log_p.mean(), None, None],
]
lesson.table(rows, ["test digits, nats", "log p(x)", "reconstruction", "KL"])

# %%
lesson.claim(
    "test ELBO",
    bound.value.mean(),
    at_least=-95,
    unit="nats",
    source="worst of seeds 0 and 2: -93.5",
)
lesson.claim(
    "test log p(x), 500 samples",
    log_p.mean(),
    at_least=-89,
    unit="nats",
    source="Burda et al. 2016, Table 1: -86.8; worst of seeds 0 and 2: -88.3",
)

# %% [markdown]
# The next figure shows how the bound rises with $K$. The same 500 weights of each image are used
# one by one, in pairs, in groups of five and so on.

# %%
log_w = log_importance_weights(vae, some[:200], 500, lesson.rng("curve"))  # (500, images)
counts = [1, 2, 5, 10, 20, 50, 100, 250, 500]
curve = []
for k in counts:
    in_groups = log_w.reshape(k, -1)  # k weights of one image in each column
    curve.append(log_mean_exp(in_groups).mean())
lesson.check("smallest rise of the bound from one K to the next", np.diff(curve).min(), at_least=0)
lesson.claim(
    "the bound with 500 samples, above that with one",
    curve[-1] - curve[0],
    between=(2.5, 7),
    unit="nats",
    source="seeds 0 and 2: 4.0, 4.1",
)

# %%
ax = plot.line(
    counts,
    np.array(curve),
    log="x",
    markers=True,
    title="the importance-weighted bound",
    xlabel="importance samples K",
    ylabel="nats",
)
lesson.figure(
    ax,
    "importance_bound",
    "The curve starts at the ELBO, K = 1. Its rise is a part of the KL divergence between q and "
    "the true posterior.",
)

# %% [markdown]
# Now look at images. The first figure is the post's drawing of the Gaussian VAE, with one test
# digit passed through the trained model. The second shows twelve reconstructions and 48 samples.

# %%
digits = test[:12]
decoded = vae.reconstruct(digits)
boxes = {
    "x": plot.node("$x$", "data", (0, 0), image=digits[0].reshape(28, 28)),
    "enc": plot.node(vae.encoder, at=(1, 0), name="encoder"),
    "z": outside["z"],
    "dec": plot.node(vae.decoder, at=(4, 0), name="decoder"),
    "eps": outside["eps"],
    "mu": plot.node("mean $\\mu$\n20 dimensions", "latent", (2, -0.5)),
    "sigma": plot.node("std $\\sigma$\n20 dimensions", "latent", (2, 0.5)),
    "out": plot.node("$p(x|z)$", "fake", (5, 0), image=decoded[0].reshape(28, 28)),
}

# %%
ax = plot.schematic(
    boxes,
    ["x -> enc", "enc -> mu -> z", "enc -> sigma -> z", "eps -> z", "z -> dec -> out"],
    title="the trained Gaussian VAE and one test digit",
)
lesson.figure(
    ax,
    "f08_gaussian_vae",
    "784 pixels are encoded as 20 means and 20 standard deviations. With one sample of eps they "
    "give a code.",
)

# %%
drawn = vae.sample(lesson.rng("samples"), 48, noise=False)
shown = np.concatenate([digits, decoded, drawn])
names = ["test digit", "decoded"] + 4 * ["sample"]
lesson.figure(
    plot.image_grid(shown, 6, 12, shape=(28, 28), row_labels=names),
    "digits",
    "Row 2 keeps the shape and slant of row 1. Rows 3 to 6 are samples: pixel probabilities for "
    "codes drawn from N(0, I). Not all of them are digits.",
)

# %% [markdown]
# ## 6. The two estimators in 20 dimensions
# Take one test digit at a time and estimate the gradient of its reconstruction term in $\mu$ and
# logvar from single samples, with both estimators. The score function is used without a baseline
# and with the mean of the term as baseline.

# %%
lesson.predict(
    "How many times the variance of the reparameterized estimate does the score function have?",
    [
        "less than 20 times, with a baseline less than 2 times",
        "more than 100 times, with a baseline less than 2 times",
        "more than 100 times, with a baseline 5 to 100 times",
        "more than 100 times, with a baseline too",
    ],
)


# %%
def variance(gradients):
    return sum(g.var(axis=0).sum() for g in gradients)


def ratios(model, x, rng, n):
    mu, logvar = (np.tile(a, (n, 1)) for a in model.encode(x))  # (n, 20) each

    def reconstruction(z):
        return model.likelihood.log_prob(np.tile(x, (n, 1)), model.decoder_output(z))  # (n,)

    baseline = float(reconstruction(reparameterize(mu, logvar, normal(rng, n, 20))).mean())
    e = normal(rng, n, 20)
    path = variance(reparameterized_gradient(reconstruction, mu, logvar, e))
    score = variance(score_function_gradient(reconstruction, mu, logvar, e))
    helped = variance(score_function_gradient(reconstruction, mu, logvar, e, baseline))
    return score / path, helped / path


# %%
def median_ratios(model, digits):
    n = lesson.size(500, quick=50)
    each = [ratios(model, test[k : k + 1], lesson.rng(f"ratio {k}"), n) for k in range(digits)]
    return np.median(each, axis=0)


plain, helped = median_ratios(vae, lesson.size(50, quick=2))
plain_untrained, helped_untrained = median_ratios(VAE(lesson.rng("untrained")), 5)

# %%
small, closed, still_more, as_large = lesson.predictions[-1].choices
answers = {
    small: plain < 20 and helped < 2,
    closed: plain > 100 and helped < 2,
    still_more: plain > 100 and 5 <= helped <= 100,
    as_large: plain > 100 and helped > 100,
}
lesson.outcome(
    f"{plain:.0f} times, and {helped:.0f} times with a baseline: medians over test digits. For an"
    f" untrained VAE it is {plain_untrained:.0f} and {helped_untrained:.0f} times.",
    answer=next((choice for choice, holds in answers.items() if holds), None),
)

# %% [markdown]
# The large ratio is a property of the two estimators: an untrained network has one too. A ratio of
# 1,000 means that 1,000 times as many samples are needed for an
# estimate of the same accuracy. From each sample the score-function estimator uses one number, the
# loss. The reparameterized estimator uses the derivative of the loss with respect to every
# coordinate of $z$.
#
# ## 7. A map of the digits
# With a code of two dimensions the whole latent plane can be shown. A smaller network and a shorter
# training are enough for this.

# %%
flat = VAE(lesson.rng("init 2-D"), dim_z=2, widths=(256, 256))
learn(flat, lesson.steps(3_000), "VAE with a plane of codes")


def image_of(z):
    return flat.decode(z)


# %%
fig, (left, right) = plot.figure(1, 2, size=(5.2, 5.9))
plot.manifold(image_of, 20, left, title="decoded, at equal shares of the prior")
codes, _ = flat.encode(test[:3000])
labels = data.test_labels[: len(codes)]
plot.samples(codes, ax=right, classes=labels, title="codes of test digits")
lesson.figure(
    fig,
    "latent_plane",
    "Left: neighboring codes are decoded to similar images, and one digit changes into another. "
    "Right: each point is the mean code of a test digit, colored by its label, which was not used "
    "in training.",
)

# %% [markdown]
# Decode one code at a time with the sliders. *Which digits do you meet on the shortest path from a
# 1 to a 0? What is decoded at the corners, where the prior has almost no probability?*

# %%
side = np.linspace(-3, 3, 21)
places = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
lesson.play(
    "map",
    {"z1": side, "z2": side},
    images=image_of(places.astype(np.float32)).reshape(21, 21, 28, 28),
    start={"z1": 0, "z2": 0},
    caption="The decoder's image of one code (z1, z2).",
)

# %% [markdown]
# ## 8. Five mistakes in the loss
# A small VAE is trained with one mistake at a time. In the table below, "reported" is the loss
# during training, and "true" is the negative ELBO of the trained model, computed correctly. Three
# of the mistakes are in the sample:


# %%
def loss_with(draw):
    def bound(model, x, eps):
        mu, logvar = model.encode(x)
        return elbo(x, model.decoder_output(draw(mu, logvar, eps)), mu, logvar)

    def loss(model, x, eps):
        return vae_loss(model, x, eps, bound)

    return loss


# %%
def plain_number(mu, logvar, eps):
    return stop_gradient(reparameterize(mu, logvar, eps))


def logvar_as_sigma(mu, logvar, eps):
    return mu + logvar * eps


def eps_not_scaled(mu, logvar, eps):
    return mu + eps


# %% [markdown]
# Two are in the sum of the terms:


# %%
def without_kl(model, x, eps):
    terms = model.elbo(x, eps)
    return terms._replace(value=terms.reconstruction)


def mean_over_pixels(model, x, eps):
    terms = model.elbo(x, eps)
    return terms._replace(value=terms.reconstruction / 784 - terms.kl)


def loss_of(bound):
    def loss(model, x, eps):
        return vae_loss(model, x, eps, bound)

    return loss


# %%
lesson.predict(
    "'Mean over pixels' divides its loss by 784. Which of the other runs reports the lowest loss?",
    ["correct", "logvar read as sigma", "eps not scaled", "KL left out"],
)

# %%
turns = {
    "correct": vae_loss,
    "z a plain number": loss_with(plain_number),
    "logvar read as sigma": loss_with(logvar_as_sigma),
    "eps not scaled": loss_with(eps_not_scaled),
    "KL left out": loss_of(without_kl),
    "mean over pixels": loss_of(mean_over_pixels),
}
rows = {}
samples_of = []
for name, loss in turns.items():
    model = VAE(lesson.rng("turns"), dim_z=10, widths=(200,))
    reported = learn(model, lesson.steps(1_000, quick=2), name, loss)["loss"][-100:].mean()
    true = model.elbo(test, normal(lesson.rng("codes"), len(test), 10))
    rows[name] = [reported, -true.value.mean(), -true.reconstruction.mean(), true.kl.mean()]
    samples_of.append(model.sample(lesson.rng("shown"), 10, noise=False))

# %%
by_name = {name: rows[name][0] for name in lesson.predictions[-1].choices}
lowest = min(by_name, key=by_name.get)
lesson.outcome(
    f"'{lowest}' reports {rows[lowest][0]:.1f}; its true value is {rows[lowest][1]:.1f}, and"
    f" that of the correct loss is {rows['correct'][1]:.1f}.",
    answer=lowest,
)

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["trained with", "reported", "true", "reconstruction", "KL"],
)
ax = plot.image_grid(
    np.concatenate(samples_of), len(turns), 10, shape=(28, 28), row_labels=list(turns)
)
lesson.figure(
    ax,
    "wrong_turns",
    "Samples: codes from the prior, decoded. Rows 2 and 6 show the same gray image in every "
    "column. Row 5 is faint and broken: the prior rarely samples where the codes of digits are.",
)

# %%
lesson.claim(
    "z a plain number: KL, relative to the correct loss",
    rows["z a plain number"][3] / rows["correct"][3],
    at_most=0.01,
    source="the encoder's only gradient is that of the KL term; worst of seeds 0 and 2: 5e-6",
)
hidden = {name: row[1] - row[0] for name, row in rows.items()}
lesson.claim(
    "logvar as sigma: true minus reported loss, beyond that of the correct loss",
    hidden["logvar read as sigma"] - hidden["correct"],
    at_least=100,
    unit="nats",
    source="worst of seeds 0 and 2: 223",
)

# %% [markdown]
# - *z a plain number*: the encoder receives a gradient from the KL term only, and minimizes it: $q
#   = p$, and the code carries no information.
# - *logvar read as sigma*: at logvar 0 the KL term is computed for $\sigma = 1$, but the sample has
#   no noise. The reported number is not a bound of $\log p(x)$. A low loss does not prove a good
#   model.
# - *eps not scaled*: the sampled distribution has $\sigma = 1$ in every dimension, whatever the
#   encoder outputs. Its true loss is higher than that of the correct loss.
# - *KL left out*: the model is an autoencoder. Its reconstruction is the best of the six, and its
#   samples are far from the digits.
# - *mean over pixels*: the reported loss is small because it is divided by 784. The KL term has 784
#   times its weight, and the code carries no information.
#
# ## 9. Where the post is loose
# - "Sampling is a stochastic process and therefore we cannot backpropagate the gradient. To make it
#   trainable, the reparameterization trick is introduced". Randomness is not the obstacle: with $z
#   = \mu + \sigma \odot \epsilon$ the sample is as random as before. The obstacle is a sample
#   without a differentiable path from the parameters. The gradient exists without the trick too,
#   and the score function estimates it without bias (section 3). The trick lowers the variance.
# - "by learning the mean and variance of the distribution, $\mu$ and $\sigma$": in Eq. vae.14,
#   $\sigma$ is the standard deviation, since it multiplies $\epsilon$ (section 2). $\sigma^2$ is
#   the variance.
#
# **Here is different.** The post does not fix $p_\theta(x|z)$. We take binary pixels and sum their
# log-likelihoods; section 8 shows what a mean over the pixels does. Many programs use the
# cross-entropy of *gray* pixels instead. It cannot fall below the entropy of the pixels themselves,
# and it is not comparable with a log-likelihood:


# %%
def entropy(images):
    p = np.clip(mnist.unit(images, flat=True).astype(np.float64), 1e-12, 1 - 1e-12)
    return -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1)


per_digit = batched(entropy, data.test_images)
name = "cross-entropy of gray test digits with themselves, nats"
lesson.check(name, per_digit.mean(), between=(45, 46))

# %% [markdown]
# **Left out:** discrete codes, which have no such differentiable function (`vae/10` copies a
# gradient instead); posteriors with correlations between dimensions; convolutions. **Next:** here
# a nat of KL adds one nat to the loss. *Beta-VAE* (`vae/09`) changes this weight and asks what each
# dimension of the code represents.
#
# **Your turn:** `minigen exercise start vae/08`, then `minigen run vae/08 --with
# exercises/vae_08.py`.

# %%
lesson.finish()
