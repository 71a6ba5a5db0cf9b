# %% [markdown]
# # The reparameterization trick, and a VAE on MNIST
#
# A variational autoencoder encodes an image, draws a code at random, decodes it, and compares. In
# `vae/07` the loss of such a model had a closed form. With networks it has none, and we must train
# on codes that are drawn. The obvious way is to draw the code, pass it on, and let the program
# differentiate. This runs without an error. But a draw is only a number from a random generator. Is
# the gradient that reaches the encoder right?
#
# We ask on two numbers (section 1), move the randomness out of the way (2), and compare the trick
# with an older rival (3). Then we write down the loss (4), train a VAE on MNIST (5), look at its
# codes (6), ask why samples are blurry (7), and break the loss in five ways (8). This lesson
# follows the section *Reparameterization Trick* of [From Autoencoder to
# Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
#
# Before this lesson: `vae/07` (the bound), `start/01` (a training loop).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/08_reparameterization_trick",
    title="The reparameterization trick, and a VAE on MNIST",
    post="vae",
    sections=["vae.s08"],
    figures=["vae.f07", "vae.f08"],
    equations=["vae.08", "vae.11", "vae.12", "vae.13", "vae.14"],
    minutes=2.9,
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
from minigen.tensor import grad, stop_gradient
from minigen.train import descend

# %%
from minigen.vae.likelihoods import gaussian_log_likelihood
from minigen.vae.vae import (
    VAE,
    elbo,
    kl_standard_normal,
    log_importance_weights,
    log_mean_exp,
    reparameterize,
    reparameterized_gradient,
    score_function_gradient,
    vae_loss,
)

# %% [markdown]
# ## 1. A gradient meets a random draw
#
# The encoder outputs the mean $\mu$ and the standard deviation $\sigma$ of a Gaussian, and the loss
# is an expectation over codes $z$ that are drawn from it. To train the encoder, we need the
# gradient of this expectation with respect to $\mu$ and $\sigma$. Before we trust a program with
# it, let's take a case that we can work out on paper.
#
# Let $z \sim \mathcal{N}(\mu, 1)$, and take the expectation of $z^2$. It is the squared mean plus
# the variance, $\mu^2 + 1$, and its derivative is $2\mu$. At $\mu = 2$ these are 5 and 4. In the
# program, two values replace the noise, $\epsilon = -1$ and $\epsilon = 1$. They have mean 0 and
# variance 1, and a mean of squares depends on nothing else. Now $z$ is 1 or 3, and the mean of
# $z^2$ is $(1 + 9)/2 = 5$, as on paper.
#
# We compute this mean in two ways. In the first, $z = \mu + \epsilon$ is a part of the loss. In the
# second, the values of $z$ arrive as plain numbers, as from a random generator.

# %%
lesson.predict(
    "Both functions return 5 at mu = 2. What are their derivatives with respect to mu there?",
    [
        "average 4, average_of_numbers 4",
        "average 4, average_of_numbers 2",
        "average 4, average_of_numbers 0",
    ],
)

# %%
eps = np.array([-1.0, 1.0])  # mean 0, variance 1


def average(mu):
    return np.mean((mu + eps) ** 2)


def average_of_numbers(mu):
    z = stop_gradient(mu + eps)  # the values, without the operations that produced them
    return np.mean(z**2)


# %%
as_numbers = grad(average_of_numbers)(2.0)
written_out = grad(average)(2.0)
lesson.outcome(
    f"The derivative of average_of_numbers is {as_numbers:g}, because a plain number does not"
    f" depend on mu. That of average is {written_out:g}, because each z = mu + eps has derivative"
    " 1, each z² has derivative 2z, and the mean of 2z is 4.",
    answer="average 4, average_of_numbers 0",
)
lesson.check("the average of z² at mu = 2", average(2.0), equals=5.0)
lesson.check("its derivative, z passed as plain numbers", as_numbers, equals=0.0)
lesson.check("its derivative, z = mu + eps", written_out, equals=4.0)

# %% [markdown]
# The two functions have the same value, and only one derivative is right. Automatic differentiation
# follows the operations that lead from $\mu$ to the loss. In a number from `rng.normal(mu, 1)`, no
# such operation is left to follow.

# %%
lesson.change(
    "noise as a plain number",
    "In `average_of_numbers` change `z = stop_gradient(mu + eps)` to `z = mu + stop_gradient(eps)` "
    "and run again. A part of $z$ is still a plain number. What is the derivative now?",
    answer="It is 4, as it should be. The noise may be a plain number, because it does not depend "
    "on $\\mu$. Only the operation that brings $\\mu$ in has to be there.",
)

# %% [markdown]
# A gradient of 0 raises no error, which makes this mistake dangerous. What matters is that $z$ is
# *computed* from its parameters.

# %% [markdown]
# ## 2. Move the randomness out of the way
#
# So far $\sigma$ was 1. A real encoder also outputs $\sigma$, which must be positive, while a
# network's output can be any real number. It therefore outputs $\log\sigma^2$ (in code `logvar`).
# The idea is to draw noise $\epsilon \sim \mathcal{N}(0, \mathbf{I})$ from a distribution without
# parameters, and to transform it afterwards. What must we do to each coordinate of $\epsilon$ so
# that the result has mean $\mu$ and variance $\sigma^2$?

# %%
lesson.exercise("vae/08/reparameterize")

# %%
lesson.show_source(reparameterize)

# %% [markdown]
# A factor $\sigma$ multiplies the variance by $\sigma^2$, and adding $\mu$ shifts the mean.
# Therefore (Eq. vae.14)
#
# $$\mathbf{z} \sim q_\phi(\mathbf{z}|\mathbf{x}^{(i)}) = \mathcal{N}(\mathbf{z}; \mu^{(i)},
# \sigma^{2(i)} \mathbf{I}), \qquad \mathbf{z} = \mu + \sigma \odot \epsilon, \qquad \epsilon \sim
# \mathcal{N}(0, \mathbf{I}).$$
#
# In words, the code is the encoder's mean plus noise, stretched by the encoder's standard
# deviation. The product $\odot$ is taken element by element, so each coordinate has its own
# $\sigma_j$, and the covariance matrix is diagonal. The post calls $\epsilon$ an *auxiliary
# independent random variable*, and writes $\mathbf{z} = \mathcal{T}_\phi(\mathbf{x}, \epsilon)$ for
# any function of this kind. The code is as random as before. But the randomness is now an input,
# and nobody needs a gradient with respect to the noise.

# %%
boxes = {
    "x": plot.node("image $x$", "data", (0, 0)),
    "enc": plot.node("encoder", "model", (1, 0)),
    "q": plot.node("$\\mu, \\sigma$", "latent", (2, 0)),
    "z": plot.node("$z \\sim N(\\mu, \\sigma^2)$", "random", (3, 0)),
    "dec": plot.node("decoder", "model", (4, 0)),
    "loss": plot.node("loss", "loss", (5, 0)),
}
outside = {
    "z": plot.node("$z = \\mu + \\sigma \\odot \\epsilon$", "latent", (3, 0)),
    "eps": plot.node("$\\epsilon \\sim N(0, I)$", "random", (3, 1)),
}

# %%
fig, (before, after) = plot.figure(2, 1, size=(6.5, 1.6))
plot.schematic(
    boxes,
    ["x -> enc -> q -> z -> dec -> loss --> dec --> z"],
    before,
    title="z is drawn inside the network",
)
plot.schematic(
    boxes | outside,
    ["x -> enc -> q -> z -> dec -> loss --> dec --> z --> q --> enc", "eps -> z"],
    after,
    title="z is a function of noise that is an input",
)

# %%
lesson.figure(
    fig,
    "f07_moving_the_randomness",
    "The gradient (dashed arrows) of a VAE. Above, it stops where z is drawn. Below, it goes on to "
    "the encoder.",
)

# %%
lesson.check(
    "standard deviation of mu + sigma * eps, sigma = 2",
    reparameterize(np.zeros((2, 1)), np.full((2, 1), np.log(4.0)), eps[:, None]).std(),
    equals=2.0,
)

# %% [markdown]
# The line is short, and yet three wrong versions look plausible. At $\sigma = 2$, `mu + logvar *
# eps` has standard deviation $\log 4 = 1.39$, `mu + exp(logvar) * eps` has 4, and `mu + eps` has 1.
# None of them raises an error. Do not test your own code at $\sigma = 1$. There $\sigma$,
# $\sigma^2$ and 1 are equal, and two of the three mistakes cannot be seen.

# %% [markdown]
# ## 3. A rival that needs no derivative
#
# Is the trick the only way to a gradient? It is not. An older estimator never differentiates $f$,
# and works even where $z$ cannot be written as in Eq. vae.14. Why do VAEs not use it? To find out,
# we derive it. Only $q$ depends on the parameters, and $\nabla q = q\, \nabla \log q$, so that
#
# $$\nabla\, \mathbb{E}_q f(z) = \int f(z)\, \nabla q(z)\, dz
# = \int f(z)\, q(z)\, \nabla \log q(z)\, dz = \mathbb{E}_q [f(z)\, \nabla \log q(z)].$$
#
# In words, the gradient moves $q$ so that draws with a large $f$ become more probable. The factor
# $\nabla \log q$ is called the *score function* of $q$, and the estimator the *score-function
# estimator*, or REINFORCE (Williams 1992). What is the score of a Gaussian with respect to $\mu$,
# and with respect to $\log\sigma^2$?

# %%
lesson.exercise("vae/08/score_function_gradient")

# %% [markdown]
# We return to $z^2$ at $\mu = 2$, $\sigma = 1$, where the gradient is 4 and the score with respect
# to $\mu$ is $\epsilon$. From one draw, the trick gives $2z$, and its rival $z^2 \epsilon$. For
# $\epsilon = -1$ and $1$ these are 2 and 6 for the trick, and $-1$ and 9 for its rival. Both pairs
# have mean 4. In other words, both estimators are *unbiased*, right on average. But the rival's
# pair is further apart, with variance 25 instead of 4. For a variance, two values are a poor
# substitute for Gaussian noise, because they lack its rare large values. With Gaussian noise, the
# trick's $2z = 4 + 2\epsilon$ still has variance 4.

# %%
lesson.predict(
    "With Gaussian noise, what is the variance of the score-function estimate?",
    ["below 4", "between 4 and 40", "above 40"],
)


# %%
e = lesson.rng("parabola").standard_normal(100_000)
z = 2 + e
many = {"reparameterized": 2 * z, "score function": z**2 * e}
variances = {name: estimates.var() for name, estimates in many.items()}

# %%
lesson.outcome(
    f"The score-function estimate has variance {variances['score function']:.1f} in 100,000 draws."
    " It is 4 eps + 4 eps² + eps³, whose variance on paper is 16 + 32 + 15 + 24 = 87.",
    answer="above 40" if variances["score function"] > 40 else "between 4 and 40",
)

# %%
lesson.figure(
    plot.histogram(
        many,
        bounds=(-20, 50),
        title="estimates of one gradient, which is 4",
        xlabel="estimate from one draw",
    ),
    "two_estimators",
    "Estimates from one draw each, of the trick (blue) and of its rival (orange). Look at the tail "
    "on the right.",
)

# %%
lesson.check(
    "estimates for eps = -1 and 1, of the trick and of its rival",
    [2 * (2 + eps), (2 + eps) ** 2 * eps],
    equals=[[2.0, 6.0], [-1.0, 9.0]],
)
lesson.check(
    "variance, score function / reparameterized: 87/4 on paper",
    variances["score function"] / variances["reparameterized"],
    between=(18, 26),
)

# %% [markdown]
# <details><summary>Derivation: the scores of a Gaussian, and the variances 4 and 87</summary>
#
# For one coordinate $\log q(z) = -\frac12 \log 2\pi\sigma^2 - (z - \mu)^2 / 2\sigma^2$. With $z$
# held fixed and $z - \mu = \sigma\epsilon$,
#
# $$\frac{\partial \log q}{\partial \mu} = \frac{z - \mu}{\sigma^2} = \frac{\epsilon}{\sigma},
# \qquad \frac{\partial \log q}{\partial \log\sigma^2} = -\frac12 + \frac{(z - \mu)^2}{2\sigma^2} =
# \frac{\epsilon^2 - 1}{2}.$$
#
# For the trick, the expectation is over $\epsilon$, which has no parameters, and the derivative
# moves inside: $\nabla\, \mathbb{E}_\epsilon f(\mu + \sigma\epsilon) = \mathbb{E}_\epsilon [f'(z)\,
# \nabla z]$, with $\partial z / \partial \mu = 1$ and $\partial z / \partial \log\sigma^2 =
# \sigma\epsilon / 2$.
#
# At $\mu = 2$, $\sigma = 1$, the variance of $2z = 4 + 2\epsilon$ is 4. The even moments of
# $\epsilon$ are 1, 3 and 15, and the odd ones are 0, so that
#
# $$\mathbb{E}[z^4 \epsilon^2] = \mathbb{E}[(2 + \epsilon)^4 \epsilon^2] = 16 \cdot 1 + 24 \cdot 3 +
# 15 = 103, \qquad 103 - 4^2 = 87.$$
#
# </details>

# %%
lesson.change(
    "a constant of 100",
    "In `many` change `z**2 * e` to `(z**2 + 100) * e` and run again. Now $f$ is $z^2 + 100$. The "
    "gradient of a constant is 0, and the trick's estimate does not change. Does its rival's?",
    answer="It does. The mean is still 4, but the variance grows to $\\mathbb{E}(z^2 + 100)^2 "
    "\\epsilon^2 - 16 = 11487$, almost 2,900 times the trick's, because each score is multiplied "
    "by the whole loss, constant included. Section 10 subtracts such a constant on purpose.",
)

# %% [markdown]
# The variance decides how many draws a gradient costs. For the same accuracy the rival needs 22
# draws where the trick needs one. The trick does not make the gradient possible. It makes the
# gradient cheap.

# %% [markdown]
# ## 4. The loss of a VAE
#
# Now we have a gradient, but of what? `vae/07` derived the evidence lower bound (ELBO) from the
# identity in the first line (Eq. vae.11). Its negative is the loss (Eq. vae.12). A KL divergence is
# never negative, and therefore the ELBO is a lower bound (Eq. vae.13):
#
# $$
# \begin{aligned}
# \log p_\theta(\mathbf{x}) - D_{\mathrm{KL}}(q_\phi(\mathbf{z}|\mathbf{x}) \|
# p_\theta(\mathbf{z}|\mathbf{x})) &= \mathbb{E}_{\mathbf{z} \sim q_\phi(\mathbf{z}|\mathbf{x})}
# \log p_\theta(\mathbf{x}|\mathbf{z}) - D_{\mathrm{KL}}(q_\phi(\mathbf{z}|\mathbf{x}) \|
# p_\theta(\mathbf{z})) \\
# L_{\mathrm{VAE}}(\theta, \phi) &= -\mathbb{E}_{\mathbf{z} \sim q_\phi(\mathbf{z}|\mathbf{x})} \log
# p_\theta(\mathbf{x}|\mathbf{z}) + D_{\mathrm{KL}}(q_\phi(\mathbf{z}|\mathbf{x}) \|
# p_\theta(\mathbf{z})) \\
# -L_{\mathrm{VAE}} &\le \log p_\theta(\mathbf{x})
# \end{aligned}
# $$
#
# In words, we draw a code for the image, and ask how probable the image is given this code. This is
# the *reconstruction* term. From it we subtract the *rate*, how far the code's distribution is from
# the prior $p_\theta(\mathbf{z}) = \mathcal{N}(0, \mathbf{I})$. The *probabilistic encoder*
# $q_\phi(\mathbf{z}|\mathbf{x})$ is the Gaussian of section 2, and the *probabilistic decoder*
# $p_\theta(\mathbf{x}|\mathbf{z})$ outputs a probability for each pixel. Three functions turn this
# into numbers.
#
# 1. The first is the log-likelihood of an image. Pixels are 0 or 1, and independent given the code.
#    For example, two pixels, both predicted with probability one half, have $-2 \log 2$.
# 2. The second is the KL divergence of two Gaussians (derived in `vae/07`). In one dimension it is
#    the mean under $q$ of $\log q(z) = -\frac12 \log 2\pi\sigma^2 - (z - \mu)^2 / 2\sigma^2$ minus
#    that of $\log p(z) = -\frac12 \log 2\pi - z^2 / 2$.
# 3. The third puts the bound together from these two terms.

# %%
lesson.exercise("vae/08/bernoulli_log_likelihood")
lesson.exercise("vae/08/kl_standard_normal")
lesson.exercise("vae/08/elbo")

# %%
lesson.show_source(elbo)

# %% [markdown]
# The first term is estimated, with one draw of $z$ for each image. The second is exact, a sum over
# the dimensions of the code:
#
# $$D_{\mathrm{KL}} = \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2).$$
#
# A dimension adds to it if its mean is not 0, or if its standard deviation is not 1. For example, a
# code of one dimension with $\mu = 1$, $\sigma = 1$ costs $\frac12(1 + 1 - 1 - 0) = \frac12$ nat.

# %%
pixels = np.array([[0.0, 1.0]])
tiny = elbo(pixels, np.zeros((1, 2)), mu=np.ones((1, 1)), logvar=np.zeros((1, 1)))
lesson.check(
    "bound, reconstruction, KL by hand",
    np.ravel(tiny),
    equals=[-2 * np.log(2) - 0.5, -2 * np.log(2), 0.5],
)
lesson.check("KL by hand", kl_standard_normal(np.ones((1, 1)), np.zeros((1, 1))), equals=0.5)

# %% [markdown]
# A code is free only if its distribution is the prior, and then it is the same for every image. Any
# other code must raise the reconstruction term by at least what it costs, or it lowers the bound.

# %% [markdown]
# ## 5. A VAE on MNIST
#
# Does it work on images? The pixels of our model are 0 or 1, and MNIST has gray ones. A pixel of
# intensity 0.3 therefore becomes 1 with probability 0.3, drawn again each time that the image is
# used. The encoder and the decoder are two small networks, each with two hidden layers of 400
# units. Their hidden weights start $\sqrt6$ times larger than a plain `MLP`'s (`gain="he"`, for
# ReLU-like activations).

# %%
lesson.show_source(VAE)

# %% [markdown]
# A training step needs a batch of digits, and noise for their codes. From there on it is like any
# other. The loss, `vae_loss`, is minus the mean of the batch's bounds. `descend` computes its
# gradient with respect to the weights of both networks, and makes a step of Adam. The learning rate
# falls to 0 along half a cosine.

# %%
cfg = lesson.configure(batch=100, epochs=34, lr=3e-3)
steps = cfg.epochs * 60_000 // cfg.batch
data = mnist.load()


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def digits_and_noise(batches, dim_z, rng):
    gray = mnist.unit(next(batches)[0], flat=True)  # (100, 784)
    return mnist.binarize(gray, rng), normal(rng, cfg.batch, dim_z)


# %%
def learn(model, steps, label, loss=vae_loss):
    order, rng = lesson.rng(f"order {label}"), lesson.rng(f"noise {label}")
    batches = mnist.batches(data.train_images, size=cfg.batch, rng=order)

    def draw(rng):
        return digits_and_noise(batches, model.dim_z, rng)

    step = descend(loss, model, draw, lr=cosine(cfg.lr, steps), rng=rng)
    state = {**step.state, "batches": batches, "order": order}
    return lesson.fit(step, steps, label=label, state=state)


vae = VAE(lesson.rng("init"))
untrained = vae.copy()
history = learn(vae, lesson.steps(steps, quick=30), "VAE")


# %%
def new_digits(rng, n):
    return vae.sample(rng, n, noise=False).reshape(n, 28, 28, 1)


lesson.sampler("digits", new_digits)
ax = plot.curves(history, smooth=300, title="the loss and its two terms", ylabel="nats per image")
ax.set_ylim(0, 150)
lesson.figure(
    ax,
    "training",
    "The loss (blue), its reconstruction term (orange) and its KL term (green), with means over "
    "300 steps in full color. In the loss the reconstruction term has the opposite sign, so lower "
    "is better. Look at the directions in which the two terms move.",
)

# %% [markdown]
# The KL term rises at first, when the encoder begins to use the code, and the reconstruction term
# falls by more. Is the result good? We compare it with models that have learned little: a fair coin
# for each pixel, a coin that shows 1 as often as this pixel does in the training digits, and the
# VAE before training.

# %%
test_gray = mnist.unit(data.test_images[: lesson.size(10_000, quick=200)], flat=True)  # (N, 784)
test = mnist.binarize(test_gray, lesson.rng("test pixels"))
noise = normal(lesson.rng("test codes"), len(test), 20)
bound, bound_before = vae.elbo(test, noise), untrained.elbo(test, noise)
on = np.clip(data.train_images.mean(axis=0).reshape(784) / 255, 1e-4, 1 - 1e-4)
no_code = (test @ np.log(on) + (1 - test) @ np.log(1 - on)).mean()

# %%
lesson.table(
    [
        ["a fair coin for each pixel", -784 * np.log(2), None, None],
        ["a coin of its own for each pixel", no_code, None, None],
        ["VAE, untrained", *(term.mean() for term in bound_before)],
        ["VAE", *(term.mean() for term in bound)],
    ],
    ["test digits, nats", "log p(x) or ELBO", "reconstruction", "KL"],
)

# %%
lesson.claim(
    "test ELBO",
    bound.value.mean(),
    at_least=-95,
    unit="nats",
    source="seeds 0, 1 and 7043: -93.6 to -93.3; margin: 1.4 nats",
)

# %% [markdown]
# The second row uses where ink is common, and nothing else. The code of the VAE costs about 26
# nats, and raises the log-probability of the pixels by about five times as much. Now let's look at
# images. One test digit goes through the model, as in the post's drawing of the Gaussian VAE.

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
    "The trained VAE and one test digit (left). The image on the right has the pixel probabilities "
    "that the decoder outputs at the mean code, without noise.",
)

# %% [markdown]
# To generate, we do not need the encoder. We draw a code from the prior and decode it.

# %%
prior_codes = normal(lesson.rng("samples"), 48, 20)
drawn = vae.decode(prior_codes)  # the pixels' probabilities
lesson.figure(
    plot.image_grid(
        np.concatenate([digits, decoded, drawn]),
        6,
        12,
        shape=(28, 28),
        row_labels=["test digit", "decoded"] + 4 * ["sample"],
    ),
    "digits",
    "Twelve test digits, their reconstructions from the mean code, and 48 samples. Compare the "
    "shape and slant of rows 1 and 2, and look for samples that are not digits.",
)

# %% [markdown]
# The reconstructions keep shape and slant. Many samples look like digits, and some do not. Both
# networks were trained with one loss, whose gradient passes through the draw between them. But what
# has the encoder learned to put into the code?

# %% [markdown]
# ## 6. A map of the digits
#
# Twenty dimensions cannot be drawn. We train a smaller VAE with a code of two, so that the whole
# latent space is a plane.

# %%
flat = VAE(lesson.rng("init 2-D"), dim_z=2, widths=(256, 256))
learn(flat, lesson.steps(3_000), "VAE with a plane of codes")

# %%
fig, (left, right) = plot.figure(1, 2, size=(5.2, 5.9))
plot.manifold(flat.decode, 20, left, title="decoded, equal parts of the prior")
codes, _ = flat.encode(test[:3000])
labels = data.test_labels[: len(codes)]
plot.samples(codes, ax=right, classes=labels, title="codes of test digits")
lesson.figure(
    fig,
    "latent_plane",
    "Decoded codes from all over the prior (left), and mean codes of 3,000 test digits (right). "
    "Their colors are labels that were not used in training, and a circled number marks the middle "
    "of its class. Find the same region in both.",
)

# %% [markdown]
# Neighboring codes are decoded to similar images, and one digit changes into another without a
# seam. The labels played no part, and yet 0, 1, 2, 6 and 7 have regions of their own, while 4
# shares one with 9, and 3, 5 and 8 share another. With the sliders you can decode one code at a
# time. *Which digits do you meet on the shortest path from a 1 to a 0?*

# %%
side = np.linspace(-3, 3, 21)
grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
lesson.play(
    "map",
    {"z1": side, "z2": side},
    images=flat.decode(grid.astype(np.float32)).reshape(21, 21, 28, 28),
    start={"z1": 0, "z2": 0},
    caption="The decoder's image of one code (z1, z2).",
)

# %% [markdown]
# The KL term keeps the codes near the prior, so that a draw from the prior falls where the decoder
# was trained. (Section 8 leaves this term out.) But look at the borders between the digits, where
# the images are gray.

# %% [markdown]
# ## 7. Why are the samples blurry?
#
# VAEs are known for blurry samples, and ours are blurry, too. One might blame a network that is too
# small, or a training that is too short. But first let's ask what the decoder is trained for. The
# encoder assigns to each digit $x_n$ not a point but a Gaussian $q(z|x_n)$, and the Gaussians of
# many digits overlap. In training, the same $z$ may come with a 4 now and with a 9 later. At 100
# codes from the prior we compute which fraction of the draws there came from which of the 60,000
# digits.

# %%
some_gray = mnist.unit(data.train_images[: lesson.size(60_000, quick=2_000)], flat=True)
x_train = mnist.binarize(some_gray, lesson.rng("train pixels"))  # (60000, 784)


def fractions_at(codes, mu, logvar):
    log_q = [gaussian_log_likelihood(z + 0 * mu, mu, logvar) for z in codes]  # (60000,) each
    q = np.array([np.exp(each - each.max()) for each in log_q])
    return q / q.sum(axis=1, keepdims=True)  # (codes, 60000), with sum 1 for each code


some_codes = normal(lesson.rng("shared codes"), 100, 2)
fractions = fractions_at(some_codes, *flat.encode(x_train))

# %%
lesson.predict(
    "Which of these images is closest to the decoder's output at such a code?",
    [
        "the digit that is most probable at the code",
        "the mean of the digits, weighted by how probable they are at the code",
        "the mean of all digits, the same at each code",
    ],
)

# %%
one_digit, weighted, overall = lesson.predictions[-1].choices
candidates = {
    one_digit: x_train[fractions.argmax(axis=1)],
    weighted: fractions @ x_train,
    overall: np.broadcast_to(x_train.mean(axis=0), (100, 784)),
}
outputs = flat.decode(some_codes)
distances = {name: ((outputs - c) ** 2).sum(axis=1).mean() for name, c in candidates.items()}
variation = ((candidates[weighted] - candidates[overall]) ** 2).sum(axis=1).mean()
explained = 1 - distances[weighted] / variation
chooser = lesson.rng("who shares a code")
sharing = [chooser.choice(len(x_train), 3, p=fractions[k]) for k in range(10)]  # 3 digits a code
three_digits = [x_train[list(row)] for row in zip(*sharing)]
pixels = flat.likelihood.sample(lesson.rng("pixels"), flat.decoder_output(some_codes[:10]))
rows_shown = [*three_digits, candidates[weighted][:10], outputs[:10], pixels]

# %%
lesson.outcome(
    f"The decoder's squared distance to the weighted mean is {distances[weighted]:.1f}, and to the"
    f" most probable digit {distances[one_digit]:.1f}.",
    answer=min(distances, key=distances.get),
)
lesson.table(
    [[name, d] for name, d in distances.items()],
    ["image", "squared distance of the decoder's output"],
)

# %% [markdown]
# Arithmetic explains it. Fix $z$ and one pixel, and let $w_n$ be the fraction of digit $n$ at $z$.
# The decoder outputs one probability $s$ for this pixel. It is trained to maximize the mean of the
# pixel's log-likelihood, $\sum_n w_n (x_n \log s + (1 - x_n) \log(1 - s))$, which is largest at
#
# $$s^* = \sum_n w_n x_n, \qquad w_n = \frac{q(z|x_n)}{\sum_m q(z|x_m)}.$$
#
# **This is why our map is blurry.** The best image for a code is the mean of all images that share
# it, and the mean of many sharp strokes is a soft one. A Gaussian decoder of fixed width has the
# same optimum, because the mean minimizes the squared error.

# %%
lesson.figure(
    plot.image_grid(
        np.concatenate(rows_shown),
        6,
        10,
        shape=(28, 28),
        row_labels=[*3 * ["digit"], "mean", "decoder", "draw"],
    ),
    "shared_codes",
    "Ten codes, one a column. From above: three training digits that share the code, the weighted "
    "mean of all that do, the decoder's output, and pixels drawn from it. Compare rows 4 and 5.",
)

# %%
lesson.claim(
    "decoder: fraction of the weighted mean's variation over codes that it reproduces",
    explained,
    at_least=0.8,
    source="seeds 0, 1 and 7043: 0.86 to 0.89; the mean of all digits: 0",
)

# %% [markdown]
# Rows 4 and 5 are almost equally soft, and a perfect decoder would output row 4. Row 6 shows what
# the model really generates. Its pixels are black or white, but each is drawn by itself, and a soft
# stroke becomes a noisy one. This is why everybody shows the mean.
#
# The entropy of the pixels puts a number on the softness. A pixel that is surely black or white has
# none. We also count the digits that share a code, by the exponential of the entropy of their
# fractions, which is $n$ where $n$ digits have equal fractions.


# %%
def entropy(images):
    p = np.clip(images.astype(np.float64), 1e-12, 1 - 1e-12)
    return -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1).mean()


def digits_at_a_code(fractions):
    return np.median(np.exp(-(fractions * np.log(fractions + 1e-30)).sum(axis=1)))


# %%
lesson.table(
    [
        ["test digits, as gray images", entropy(test_gray), None],
        ["VAE, 2 dimensions", entropy(outputs), digits_at_a_code(fractions)],
        ["weighted means, 2 dimensions", entropy(candidates[weighted]), None],
        ["mean of all digits", entropy(candidates[overall][:1]), len(x_train)],
    ],
    ["images", "entropy of the pixels, nats", "digits at a code (median)"],
)

# %% [markdown]
# In the plane, the decoder adds only a few nats to the softness of the means. But is sharing really
# the cause? Let's change how much is shared. The KL term makes each nat in the code costly. With a
# smaller weight of this term, the encoder can afford more nats, and fewer digits should share a
# code. We train the network of section 5 again, for 2,000 steps, with the KL term weighted by 0.25,
# 1 and 4. Then we decode 100 training digits, with one draw of the code for each, and 100 codes
# from the prior.


# %%
def learn_weighted(weight):
    def bound(model, x, eps):
        terms = model.elbo(x, eps)
        return terms._replace(value=terms.reconstruction - weight * terms.kl)

    def loss(model, x, eps):
        return vae_loss(model, x, eps, bound)

    model = VAE(lesson.rng("init weighted"))
    learn(model, lesson.steps(2_000, quick=2), f"KL times {weight:g}", loss)
    return model


# %%
def softness(model):
    mu, logvar = model.encode(x_train)
    noise, z = normal(lesson.rng("shared codes in 20-D"), 2, 100, 20)
    codes = reparameterize(mu[:100], logvar[:100], noise)
    shared = digits_at_a_code(fractions_at(codes, mu, logvar))
    nats = kl_standard_normal(mu, logvar).mean()
    return [nats, shared, entropy(model.decode(codes)), entropy(model.decode(z))]


soft = {f"KL × {weight}": softness(learn_weighted(weight)) for weight in (0.25, 1, 4)}

# %%
lesson.table(
    [
        *([f"{name}, 2,000 steps", *row] for name, row in soft.items()),
        ["the VAE of section 5", *softness(vae)],
        ["untrained", *softness(untrained)],
    ],
    ["20 dimensions", "nats in the code", "digits at a code", "decoded digits", "samples"],
    "KL term, sharing, and the entropy of the pixels of decoded digits and of samples, nats",
)

# %%
lesson.claim(
    "entropy of decoded digits: KL × 4 over KL × 0.25",
    soft["KL × 4"][2] / soft["KL × 0.25"][2],
    at_least=1.3,
    source="seeds 0, 1 and 7043: 1.67 to 1.73; margin: a fifth; no effect: 1",
)
lesson.claim(
    "KL × 0.25: entropy of samples over that of decoded digits",
    soft["KL × 0.25"][3] / soft["KL × 0.25"][2],
    at_least=1.15,
    source="seeds 0, 1 and 7043: 1.20 to 1.26; a prior that fits: 1",
)

# %% [markdown]
# The costlier a nat is, the fewer the code holds, and the softer are the decoded digits. With the
# weight 4 about 40 digits share a code (31 to 42 in three runs), and the decoded digits are the
# softest. This fits sharing as a cause. But it is not the only one. From the weight 1 to 0.25 the
# decoded digits lose 11 nats of softness, although in both the median code belongs to a single
# training digit, and even at 0.25 they have 63 nats where the gray test digits have 46. A part of
# the rest is training. The VAE of section 5 was trained for longer with the weight 1, and its
# digits have 66 nats where 2,000 steps left 74.
#
# In each trained VAE the samples are softer than the decoded digits. The decoder is the same, so
# the codes make the difference, because they come from the prior and not from a digit. Cheaper nats
# do not close this gap, which stays at 13 to 20 nats. It takes better codes. (In `start/02` a
# diffusion model draws the codes from where its images are, and the images become good.)
#
# ## 8. Five mistakes in the loss
#
# You understand a loss when you can predict how it breaks. All five mistakes here look harmless in
# code, and none raises an error. We train a small VAE with each of them for 1,000 steps. Three are
# in the draw of $z$.


# %%
def plain_number(mu, logvar, eps):
    return stop_gradient(reparameterize(mu, logvar, eps))


def logvar_as_sigma(mu, logvar, eps):
    return mu + logvar * eps


def eps_not_scaled(mu, logvar, eps):
    return mu + eps


# %% [markdown]
# The other two are in the sum of the terms. One leaves the KL term out. The other takes the mean
# over the pixels where the bound has their sum.


# %%
def without_kl(model, x, eps):
    terms = model.elbo(x, eps)
    return terms._replace(value=terms.reconstruction)


def mean_over_pixels(model, x, eps):
    terms = model.elbo(x, eps)
    return terms._replace(value=terms.reconstruction / 784 - terms.kl)


# %% [markdown]
# Each run reports its own loss, as a program would print it. Afterwards we compute its *true* loss,
# the negative ELBO of the trained model on test digits, without the mistake.

# %%
lesson.predict(
    "'Mean over pixels' divides its reconstruction term by 784, so its loss cannot be compared. "
    "Which of the other runs reports the lowest loss?",
    ["correct", "logvar read as sigma", "eps not scaled", "KL left out"],
)


# %%
def bound_with(draw):
    def bound(model, x, eps):
        mu, logvar = model.encode(x)
        return elbo(x, model.decoder_output(draw(mu, logvar, eps)), mu, logvar)

    return bound


bounds = {
    "correct": VAE.elbo,
    "z a plain number": bound_with(plain_number),
    "logvar read as sigma": bound_with(logvar_as_sigma),
    "eps not scaled": bound_with(eps_not_scaled),
    "KL left out": without_kl,
    "mean over pixels": mean_over_pixels,
}


# %%
def run_of(name):
    def loss(model, x, eps):
        return vae_loss(model, x, eps, bounds[name])

    model = VAE(lesson.rng("turns"), dim_z=10, widths=(200,))
    history = learn(model, lesson.steps(1_000, quick=2), name, loss)
    true = model.elbo(test, normal(lesson.rng("codes"), len(test), 10))
    losses = [history["loss"][-100:].mean(), -true.value.mean(), -true.reconstruction.mean()]
    row = [*losses, true.kl.mean(), model.encode(test)[0].std(axis=0).mean()]
    return row, model.sample(lesson.rng("shown"), 10, noise=False)


runs = {name: run_of(name) for name in bounds}
rows = {name: row for name, (row, _) in runs.items()}
samples_of = [samples for _, samples in runs.values()]
hidden = {name: row[1] - row[0] for name, row in rows.items()}
by_name = {name: rows[name][0] for name in lesson.predictions[-1].choices}
lowest = min(by_name, key=by_name.get)

# %%
lesson.outcome(
    f"Its reported loss is {rows[lowest][0]:.1f}, and its true loss {rows[lowest][1]:.1f}. The"
    f" correct run has a true loss of {rows['correct'][1]:.1f}.",
    answer=lowest,
)
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["trained with", "reported", "true", "reconstruction", "KL", "std of codes"],
)

# %% [markdown]
# Now look at samples of the six models.

# %%
lesson.figure(
    plot.image_grid(
        np.concatenate(samples_of), len(bounds), 10, shape=(28, 28), row_labels=list(bounds)
    ),
    "wrong_turns",
    "Ten samples of each run, with the same codes from the prior. Compare each row with the first.",
)

# %%
lesson.claim(
    "z a plain number: KL, relative to the correct loss",
    rows["z a plain number"][3] / rows["correct"][3],
    at_most=0.01,
    source="the encoder's only gradient is that of the KL term; seeds 0, 1 and 7043: 5e-6 to 8e-6",
)
lesson.claim(
    "logvar as sigma: true minus reported loss, beyond that of the correct loss",
    hidden["logvar read as sigma"] - hidden["correct"],
    at_least=100,
    unit="nats",
    source="seeds 0, 1 and 7043: 222 to 231; here less than half of it",
)

# %% [markdown]
# - *z a plain number* is section 1 in a whole VAE. The encoder receives a gradient from the KL term
#   only, and minimizes it. The code carries no information, and all samples are one gray image.
# - *logvar read as sigma* draws with one $\sigma$, and computes the KL term for another. At logvar
#   0 the draw has no noise, and the KL term has $\sigma = 1$. What is reported bounds nothing.
# - *eps not scaled* draws with $\sigma = 1$, whatever the encoder outputs.
# - *KL left out* is an autoencoder. It has the best reconstructions, but nothing keeps its codes
#   near the prior, which has standard deviation 1.
# - *mean over pixels* gives the KL term 784 times its weight, and the encoder makes it 0.
#
# Three of the mistakes report a lower loss than the correct run, and all three have a higher true
# loss. A low loss does not prove a good model. If your VAE disappoints, look at the two terms
# separately, and compute the bound once with code that you trust.

# %% [markdown]
# ## 9. How close is the bound to log p(x)?
#
# *You may skip this section, because nothing below depends on it. It is for readers who compare
# likelihoods with those of a paper.*
#
# The ELBO is below $\log p(x)$, but by how much? A tighter bound draws $K$ codes for an image and
# averages the weights $w = p(x|z)p(z)/q(z|x)$. The mean of $w$ over $q$ is exactly
#
# $$p_\theta(\mathbf{x}) = \int p_\theta(\mathbf{x}|\mathbf{z})\, p_\theta(\mathbf{z})\,
# d\mathbf{z}$$
#
# (Eq. vae.08). The expected logarithm of the average is the ELBO at $K = 1$, and rises towards
# $\log p(x)$ with $K$ (Burda et al. 2016). The proof takes two lines. Choose $M$ of the $K$ weights
# at random. Their mean is, averaged over the choice, the mean of all, and the logarithm is concave.
# By Jensen's inequality, the bound with $M$ draws is at most the one with $K$.

# %%
some = test[: lesson.size(1_000, quick=20)]
log_w = log_importance_weights(vae, some, 500, lesson.rng("importance"))  # (500, images)
curve = {}
for k in (1, 5, 50, 500):
    in_groups = log_w.reshape(k, -1)  # k weights of one image in each column
    curve[k] = log_mean_exp(in_groups).mean()
lesson.table(
    [
        *([f"K = {k}", value] for k, value in curve.items()),
        ["Burda et al. 2016, a similar VAE, K = 5,000", -86.8],
    ],
    [f"the first {len(some):,} test digits", "bound, nats"],
)

# %%
lesson.claim(
    "test log p(x), 500 samples",
    curve[500],
    at_least=-89,
    unit="nats",
    source="Burda et al. 2016, Table 1: -86.8; seeds 0, 1 and 7043: -88.7 to -87.7",
)
lesson.claim(
    "the bound with 500 samples, above that with one",
    curve[500] - curve[1],
    between=(2.5, 7),
    unit="nats",
    source="seeds 0, 1 and 7043: 4.2 to 4.5",
)

# %% [markdown]
# By Eq. vae.11, the rise is a part of the KL divergence between $q$ and the true posterior. It is
# small compared with what the model gains over coins, but two models of a paper may differ by less.
# (On these 1,000 digits the ELBO is a nat higher than on all 10,000, and Burda et al. draw 5,000
# codes with a VAE of 50 dimensions and hidden layers of 200 units, so the last digit cannot be
# compared.)

# %% [markdown]
# ## 10. The two estimators in 20 dimensions
#
# *You may skip this section, because nothing below depends on it. It is for readers who suspect
# that section 3 was too easy on the trick.*
#
# Section 3 had one dimension, and no help for the rival. A constant $b$, called a *baseline*, may
# be subtracted from $f$ in the score-function estimator. The mean does not change, because
# $\mathbb{E}_q \nabla \log q = \int \nabla q\, dz = \nabla 1 = 0$. The variance does, and the mean
# of $f$ is the usual choice. Does a baseline close the gap? We take one test digit at a time, and
# estimate the gradient of its reconstruction term in the trained VAE from single draws.


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


def median_ratios(model, digits):
    n = lesson.size(500, quick=50)
    each = [ratios(model, test[k : k + 1], lesson.rng(f"ratio {k}"), n) for k in range(digits)]
    return np.median(each, axis=0)


# %%
lesson.table(
    [
        ["trained", *median_ratios(vae, lesson.size(50, quick=2))],
        ["untrained", *median_ratios(untrained, 5)],
    ],
    ["VAE", "variance, over the trick's", "with a baseline"],
    "score-function estimator, medians over test digits",
)

# %% [markdown]
# Without a baseline the rival needs thousands of draws for one of the trick, and more than ten
# thousand before training (medians over 50 digits and over 5). A baseline helps greatly, but a
# factor of more than ten remains, before training and after. From each draw the rival uses one
# number, and the trick a derivative with respect to every coordinate of $z$.

# %% [markdown]
# ## 11. Beyond Gaussians
#
# *You may skip this section, because a VAE with Gaussian codes does not need it. It is for readers
# who want another distribution.*
#
# The trick "works for other types of distributions too, not only Gaussian", as the post notes. In
# one dimension, every *continuous* distribution can be drawn by the inverse of its distribution
# function, applied to a uniform number $u$. For example, $z = m + s \log\frac{u}{1 - u}$ has the
# *logistic* distribution with mean $m$ and scale $s$.
#
# For a discrete distribution the trick fails. A coin that shows 1 with probability $p$ is $z = 1$
# for $u < p$, and 0 otherwise. Its mean $p$ has derivative 1, but every single $z$ is constant in
# $p$, except at a jump. The mean of the derivatives is 0. The score function is still right here,
# and `vae/10` takes a third way.


# %% [markdown]
# ## 12. What this lesson does differently
#
# *You may skip this section, because it only compares our choices with others. It is for readers
# who want to compare our numbers.*
#
# The post does not fix $p_\theta(\mathbf{x}|\mathbf{z})$. We take binary pixels, and sum their
# log-likelihoods. Many programs use the cross-entropy of *gray* pixels instead. It is not a
# log-likelihood, and it cannot fall below the entropy of the gray pixels, which is 46 nats a digit
# (section 7). A loss of 100 therefore means different things in different programs. We leave out
# posteriors whose dimensions are correlated (`flow/13`), and convolutions.

# %% [markdown]
# ## 13. Where the post is loose
#
# *You may skip this section, because nothing else depends on it. It is for readers of the post.*
#
# - "Sampling is a stochastic process and therefore we cannot backpropagate the gradient." The
#   obstacle is a draw without a differentiable path from the parameters, not randomness. With the
#   trick, in the post's own words, "the stochasticity remains in the random variable" $\epsilon$.
#   And the gradient exists without the trick. Section 3 estimates it without bias.
# - "by learning the mean and variance of the distribution, $\mu$ and $\sigma$". In Eq. vae.14
#   $\sigma$ multiplies $\epsilon$, so it is the standard deviation. The variance is $\sigma^2$.
#
# Neither changes the method.

# %% [markdown]
# ## To remember
#
# - Draw noise that has no parameters, and compute the code from it: $z = \mu + \sigma\epsilon$.
# - The trick does not make the gradient possible. For our losses it lowered its variance.
# - The loss is reconstruction plus rate, summed over pixels and dimensions.
# - Where images share a code, a decoder outputs their mean, and a mean is blurry.
#
# **Next:** what does a different weight of the KL term do? `vae/09`

# %%
lesson.finish()
