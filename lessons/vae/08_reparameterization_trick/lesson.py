# %% [markdown]
# # The reparameterization trick, and a VAE on MNIST
#
# The section *Reparameterization Trick* (vae.s08) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. To take away:
#
# 1. A random number can be written as fixed noise pushed through a formula. The gradient then runs
#    through the formula.
# 2. Gradients can be had without this trick. We measure how noisy each kind is.
# 3. With it, a small network learns the digits in a few minutes, and its log-likelihood can be
#    measured.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/08_reparameterization_trick",
    title="The reparameterization trick, and a VAE on MNIST",
    post="vae",
    sections=["vae.s08"],
    figures=["vae.f07", "vae.f08"],
    equations=["vae.08", "vae.11", "vae.12", "vae.13", "vae.14"],
    minutes=4.0,
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
# ## 1. How to differentiate a draw
# The encoder of a VAE outputs a mean and a spread, and the loss is an average over codes $z$
# *drawn* with them. How does one differentiate through a draw? Take the smallest case: $z \sim
# \mathcal{N}(\mu, 1)$ and the average of $z^2$. On paper it is $\mu^2 + 1$, with derivative $2\mu$:
# 4 at $\mu = 2$. Six draws of noise can stand for all of $\mathcal{N}(0, 1)$: $-\sqrt3$ once, $0$
# four times, $\sqrt3$ once have its mean, its variance, and its moments up to the fifth. (They are
# the points and weights of *Gauss–Hermite quadrature*, which replaces an average over a normal by
# one over a few chosen values.) So averages over the six are exact here.
#
# `grad` follows how a number was computed, back to $\mu$. We compute the average in two ways: with
# $z = \mu + \epsilon$ written out in the loss, and with the six $z$ drawn first and handed to the
# loss as plain numbers.

# %%
lesson.predict(
    "What derivative in mu does each give?",
    ["4 and 4", "4 written out, 2 as plain numbers", "4 written out, 0 as plain numbers"],
)

# %%
eps = 3**0.5 * np.array([-1.0, 0.0, 0.0, 0.0, 0.0, 1.0])


def average(mu):
    return np.mean((mu + eps) ** 2)


def average_of_numbers(mu):
    z = stop_gradient(mu + eps)  # the value alone: whoever gets z cannot tell where it came from
    return np.mean(z**2)


# %%
as_numbers = grad(average_of_numbers)(2.0)
written_out = grad(average)(2.0)
print(f"  derivative in mu: {written_out:g} written out, {as_numbers:g} as plain numbers")

# %%
lesson.outcome(
    "As plain numbers the loss sees six values and does not know that they would move with mu."
    " Written as mu + eps, each draw moves one to one with mu, each z² changes by 2z, and 2z"
    " averages to 4.",
    answer="4 written out, 0 as plain numbers",
)
lesson.check("the average of z² at mu = 2", average(2.0), equals=5.0)
lesson.check("its derivative, z handed over as plain numbers", as_numbers, equals=0.0)
lesson.check("its derivative, z = mu + eps", written_out, equals=4.0)

# %%
lesson.change(
    "the sixth power",
    "In `average` change `(mu + eps) ** 2` to `(mu + eps) ** 6` and run again. For a normal with "
    "mean 2 and variance 1 the average of $z^6$ is 499 and its derivative 852. Which of the two "
    "do the six draws give?",
    answer="The derivative, 852, but not the average, which comes out as 493. The six draws share "
    "the moments of $\\mathcal{N}(0, 1)$ up to the fifth, and $6 z^5$ needs no more. Their sixth "
    "moment is $2 \\cdot 27 / 6 = 9$ instead of 15.",
)

# %% [markdown]
# ## 2. Moving the randomness out of the way
# Above, $\sigma$ was 1. The network outputs $\mu$ and $\log\sigma^2$ ("logvar"), which may be any
# number. What has to be done to noise $\epsilon \sim \mathcal{N}(0, \mathbf{I})$, number by number,
# so that it has the mean $\mu$ and the variance $\sigma^2$?

# %%
lesson.exercise("vae/08/reparameterize")

# %% [markdown]
# A factor $\sigma$ multiplies the variance by $\sigma^2$, and adding $\mu$ moves the mean (Eq.
# vae.14):
#
# $$\mathbf{z} = \mu + \sigma \odot \epsilon, \qquad \epsilon \sim \mathcal{N}(0, \mathbf{I}),
# \qquad \sigma = e^{\mathrm{logvar}/2}.$$
#
# Three slips are common, and none raises an error. The table shows the spread of $z$ that each
# gives where 2 is asked for.

# %%
lesson.show_source(reparameterize)
noise = eps[:, None]  # (6, 1)
logvar = np.full((6, 1), np.log(4.0))  # (6, 1); sigma = 2
z = reparameterize(np.zeros((6, 1)), logvar, noise)
lesson.check("spread of mu + sigma * eps", z.std(), equals=2.0)

# %%
slips = {
    "mu + logvar * eps": logvar * noise,
    "mu + exp(logvar) * eps": np.exp(logvar) * noise,
    "mu + eps": noise,
}
rows = [[slip, z.std()] for slip, z in slips.items()]
lesson.table(rows, ["slip", "spread of z"], "logvar = log 4")

# %%
lesson.change(
    "unit variance",
    "Change `np.log(4.0)` to `np.log(1.0)` and run again. Which slips can no longer be seen?",
    answer="The last two: both give 1, which is right, because $\\sigma$, $\\sigma^2$ and 1 are "
    "the same there. Only `mu + logvar * eps` still shows, with 0. A test with unit variance "
    "would let two of the three slips pass.",
)

# %% [markdown]
# The trick is not about Gaussians. In general $z$ is written as $z = T_\phi(x, \epsilon)$, a
# function with a slope in its parameters $\phi$, of noise that has none. Any distribution will do
# whose draws can be made so, and one way always works in one dimension: push a uniform number
# through the inverse of the distribution function. For the *logistic* distribution with mean $m$
# and scale $s$ that is $z = m + s \log\frac{u}{1 - u}$. Its variance is $s^2\pi^2/3$, so the
# average of $z^2$ is $m^2 + s^2\pi^2/3$, with derivative $2m$ in $m$ and $2s\pi^2/3$ in $s$:

# %%
u = (np.arange(1_000_000) + 0.5) / 1_000_000  # evenly over (0, 1)


def average_of_logistic(parameters):
    m, s = parameters
    return np.mean((m + s * np.log(u / (1 - u))) ** 2)


slopes = grad(average_of_logistic)(np.array([2.0, 0.5]))
lesson.check("logistic: slopes in m and s", slopes, equals=[4.0, np.pi**2 / 3], atol=1e-3)

# %% [markdown]
# In a whole VAE: the image goes through the encoder, which gives $\mu$ and $\sigma$; a code is
# drawn; the decoder and the loss follow. The gradient takes the same way back. How far does it get?

# %%
vae = VAE(lesson.rng("init"))  # 784 pixels - 400 - 400 - 20 numbers - 400 - 400 - 784 pixels
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
plot.schematic(boxes, arrows, before, title="before: the gradient ends at the draw")
title = "after: the draw comes from outside"
plot.schematic(boxes | outside, all_the_way, after, title=title)
lesson.figure(
    fig,
    "f07_moving_the_randomness",
    "Follow the dashed arrows back from the loss: above they end at z; below "
    "they reach the encoder, for only eps is random, and eps has nothing to learn.",
)

# %% [markdown]
# ## 3. What it costs to do without
# Another way does not look inside the loss at all: weigh each draw's loss by how much more probable
# the draw would become if $\mu$ grew, $\nabla_\mu \mathbb{E} f(z) = \mathbb{E}[f(z)\,\nabla_\mu
# \log q(z)]$. This is the *score-function* gradient, or REINFORCE. For $\sigma = 1$ the weight is
# just $\epsilon$. What is it for any $\sigma$, and what is it in $\log\sigma^2$?

# %%
lesson.exercise("vae/08/score_function_gradient")

# %% [markdown]
# Both estimators are right on average. How far does a single draw scatter about 4? On paper the
# reparameterized estimate is $2z = 4 + 2\epsilon$, with variance 4; the other is $z^2 \epsilon$.

# %%
lesson.predict(
    "What is the variance of the score-function estimate?",
    ["smaller than 4", "about the same, 4 to 8", "ten times as large or more"],
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
# And with a hundred thousand draws, each an estimate of its own:

# %%
draws = lesson.rng("parabola").standard_normal((lesson.size(100_000, quick=1_000), 1))
many = {
    "reparameterized": estimates(reparameterized_gradient, draws),
    "score function": estimates(score_function_gradient, draws),
}
title = "estimates of one gradient, which is 4"
ax = plot.histogram(many, bounds=(-20, 50), title=title, xlabel="estimate from one draw")
spread = {name: found.var() for name, found in many.items()}
ratio = spread["score function"] / spread["reparameterized"]

# %%
answer = "ten times as large or more" if ratio >= 10 else "about the same, 4 to 8"
lesson.outcome(
    f"{spread['score function']:.1f}, beside {spread['reparameterized']:.1f} of the other.",
    answer="smaller than 4" if ratio < 1 else answer,
)
lesson.show_source(score_function_gradient, reparameterized_gradient)
lesson.figure(
    ax,
    "two_estimators",
    "Both average to 4. Most score-function estimates sit near 0, and the few far to the "
    "right carry the mean.",
)

# %%
name = "parabola: variance, score function / reparameterized"
lesson.claim(name, ratio, between=(18, 26), source="87/4 = 21.75 on paper")

# %% [markdown]
# The weights come from $\log q(z) = -\frac12 \log 2\pi\sigma^2 - (z - \mu)^2 / 2\sigma^2$ with $z$
# held fixed: its derivative is $(z - \mu)/\sigma^2 = \epsilon/\sigma$ in $\mu$, and
# $-\frac12 + (z - \mu)^2 / 2\sigma^2 = (\epsilon^2 - 1)/2$ in $\log\sigma^2$. Both have the mean
# 0, so a constant may be subtracted from $f$ without a change of the mean. It is called a
# *baseline*.

# %%
lesson.change(
    "a constant of 100",
    "In `square` change `np.sum(z**2, axis=1)` to `np.sum(z**2, axis=1) + 100` and run again. The "
    "gradient of a constant is 0. Which of the two estimators changes?",
    answer="Only the score function. Both means are still 4, but its variance grows to "
    "$\\mathbb{E}(z^2 + 100)^2 \\epsilon^2 - 16 = 11487$, almost 2,900 times that of the other, "
    "because every draw is weighed by its loss, constant included. The other estimator uses the "
    "slope of the loss, which has not changed. Section 6 subtracts such a constant on purpose.",
)

# %% [markdown]
# That was one dimension. A code has 20; section 6 looks at those.
#
# ## 4. The VAE
# The decoder turns $z$ into a probability for each pixel; the encoder guesses $q(z|x) =
# \mathcal{N}(\mu, \sigma^2)$. The evidence lower bound (Eq. vae.11, Eq. vae.13), whose negative is
# the loss (Eq. vae.12), is
#
# $$\log p(x) \ge \underbrace{\mathbb{E}_q \log p(x|z)}_{\text{reconstruction}} -
# \underbrace{D_{\mathrm{KL}}(q(z|x) \| p(z))}_{\text{price of the code}} .$$
#
# Both distributions of the second term are Gaussians, so it has a formula. For one number of the
# code take the mean under $q$ of $\log q(z) = -\frac12 \log 2\pi\sigma^2 - (z - \mu)^2 / 2\sigma^2$
# and of $\log p(z) = -\frac12 \log 2\pi - z^2 / 2$, and subtract.
#
# Minus the log-probability of a pixel $x \in \{0, 1\}$ that is predicted with probability $p$ is
# $-x \log p - (1 - x) \log(1 - p)$, the *cross-entropy*: summed over the pixels it is the
# reconstruction loss. By hand: an image of two pixels, both predicted at one half, costs
# $2 \log 2$.

# %%
lesson.exercise("vae/08/bernoulli_log_likelihood")
lesson.exercise("vae/08/kl_standard_normal")
lesson.exercise("vae/08/elbo")

# %% [markdown]
# Under $q$ the mean of $(z - \mu)^2$ is $\sigma^2$, and that of $z^2$ is $\mu^2 + \sigma^2$. So
# $\mathbb{E}_q \log q = -\frac12 (\log 2\pi\sigma^2 + 1)$ and $\mathbb{E}_q \log p = -\frac12
# (\log 2\pi + \mu^2 + \sigma^2)$. The difference, summed over the numbers of the code, is
#
# $$D_{\mathrm{KL}} = \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2).$$
#
# A code of one number with $\mu = 1$, $\sigma = 1$ costs $\frac12(1 + 1 - 1 - 0) = \frac12$.

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
    "now, and what does it say about the image?",
    answer="It costs 0, and the bound is $-2 \\log 2$ = -1.3863. With $\\mu = 0$ and $\\sigma = "
    "1$ the code's distribution is the prior, the same for every image: it carries no information.",
)

# %% [markdown]
# The model speaks of pixels that are 0 or 1: a pixel of intensity 0.3 becomes 1 with probability
# 0.3, drawn anew each time. A yardstick first, a model without a code that knows only how often
# each pixel is on. (Flipping 784 fair coins costs 543.)

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
# The training: 34 times through the 60,000 digits. What is drawn for a step is a batch of digits,
# its pixels turned into zeros and ones, and the noise of their codes.

# %%
lesson.predict(
    "How many of the nats of independent pixels will 20 numbers save, their own price included?",
    ["less than 30", "about 60", "more than 90"],
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
answer = "more than 90" if nats_saved > 90 else "about 60"
lesson.outcome(
    f"{nats_saved:.0f}: the ELBO of test digits is {bound.value.mean():.1f} nats, log p(x) of"
    f" independent pixels {no_code:.1f}.",
    answer="less than 30" if nats_saved < 30 else answer,
)

# %%
ax = plot.curves(history, smooth=300, title="the loss and its two terms", ylabel="nats per image")
ax.set_ylim(0, 150)
lesson.figure(
    ax,
    "training",
    "The KL term rises as the encoder starts to use the code, and the reconstruction term falls "
    "by far more: the code pays.",
)

# %% [markdown]
# ## 5. How good is it?
# A tighter bound draws $K$ codes for an image and averages $w = p(x|z)p(z)/q(z|x)$, whose mean over
# $q$ is exactly $p(x)$, the integral of Eq. vae.08. The log of the average rises with $K$ from the
# ELBO toward $\log p(x)$ (Burda et al. 2016).

# %%
lesson.predict(
    "How far is the ELBO of this VAE below log p(x)?",
    ["about half a nat", "about 5 nats", "about 50 nats"],
)

# %%
from minigen.vae.vae import importance_log_likelihood, log_importance_weights, log_mean_exp

some = test[: lesson.size(1_000, quick=20)]
samples = lesson.size(500)
log_p = importance_log_likelihood(vae, some, samples, lesson.rng("importance"))
room = log_p.mean() - bound.value[: len(some)].mean()

# %%
answer = "about 5 nats" if room < 16 else "about 50 nats"
lesson.outcome(
    f"{room:.1f} nats, on {len(some)} test digits with {samples} samples each.",
    answer="about half a nat" if room < 1.6 else answer,
)

# %%
rows = [
    ["independent pixels", no_code, None, None],
    ["VAE, ELBO", *(term.mean() for term in bound)],
    [f"VAE, {samples} importance samples", log_p.mean(), None, None],
]
lesson.table(rows, ["test digits, nats", "log p(x)", "reconstruction", "KL"])
lesson.claim("test ELBO", bound.value.mean(), at_least=-95, unit="nats")
lesson.claim(
    "test log p(x), 500 samples",
    log_p.mean(),
    at_least=-89,
    unit="nats",
    source="Burda 2016, Table 1: -86.8",
)

# %% [markdown]
# How the bound climbs with $K$: 500 weights of each image, taken one by one, in pairs, in fives and
# so on.

# %%
log_w = log_importance_weights(vae, some[:200], 500, lesson.rng("curve"))  # (500, images)
counts = [1, 2, 5, 10, 20, 50, 100, 250, 500]
curve = []
for k in counts:
    in_groups = log_w.reshape(k, -1)  # k weights of one image in each column
    curve.append(log_mean_exp(in_groups).mean())
lesson.claim(
    "the bound with 500 samples, above that with one",
    curve[-1] - curve[0],
    between=(1, 16),
    unit="nats",
    source="it never falls: Burda 2016, Theorem 1",
)

# %%
ax = plot.line(
    counts,
    np.array(curve),
    log="x",
    markers=True,
    title="the bound tightens",
    xlabel="importance samples K",
    ylabel="nats",
)
lesson.figure(
    ax,
    "importance_bound",
    "The curve starts at the ELBO. Its rise, a few nats, is room that the encoder left.",
)

# %% [markdown]
# Numbers are one thing, pictures another. First the way of one test digit through the trained model
# (this is the post's drawing of the Gaussian VAE), then what comes back of twelve of them, and 48
# new ones.

# %%
digits = test[:12]
decoded = vae.reconstruct(digits)
boxes = {
    "x": plot.node("$x$", "data", (0, 0), image=digits[0].reshape(28, 28)),
    "enc": plot.node(vae.encoder, at=(1, 0), name="encoder"),
    "z": outside["z"],
    "dec": plot.node(vae.decoder, at=(4, 0), name="decoder"),
    "eps": outside["eps"],
    "mu": plot.node("mean $\\mu$\n20 numbers", "latent", (2, -0.5)),
    "sigma": plot.node("spread $\\sigma$\n20 numbers", "latent", (2, 0.5)),
    "out": plot.node("$p(x|z)$", "fake", (5, 0), image=decoded[0].reshape(28, 28)),
}

# %%
ax = plot.schematic(
    boxes,
    ["x -> enc", "enc -> mu -> z", "enc -> sigma -> z", "eps -> z", "z -> dec -> out"],
    title="the trained Gaussian VAE, with a test digit going through it",
)
lesson.figure(
    ax,
    "f08_gaussian_vae",
    "784 pixels become 20 means and 20 spreads; one draw of eps makes them a code.",
)

# %%
drawn = vae.sample(lesson.rng("samples"), 48, noise=False)
pictures = np.concatenate([digits, decoded, drawn])
names = ["test digit", "decoded"] + 4 * ["sample"]
lesson.figure(
    plot.image_grid(pictures, 6, 12, shape=(28, 28), row_labels=names),
    "digits",
    "Row 2 keeps the shape and slant of row 1. Below it, new digits: pixel probabilities for codes "
    "drawn from N(0, I). Some lie between two digits, as their codes do.",
)

# %% [markdown]
# ## 6. The two gradients again, in 20 dimensions
# For one test digit at a time: the gradient of its reconstruction term in $\mu$ and logvar, from
# single draws, both ways. The score function gets help: subtracting the term's mean (a *baseline*)
# changes no average.

# %%
lesson.predict(
    "How many times the variance has the score function now, without help and with a baseline?",
    [
        "less than in one dimension, and the baseline closes the gap",
        "hundreds of times, but about the same with a baseline",
        "hundreds of times, and still more than ten times with a baseline",
    ],
)


# %%
def variance(gradients):
    return sum(g.var(axis=0).sum() for g in gradients)


def ratios(x, rng, n):
    mu, logvar = (np.tile(a, (n, 1)) for a in vae.encode(x))  # (n, 20) each

    def reconstruction(z):
        return vae.likelihood.log_prob(np.tile(x, (n, 1)), vae.decode(z))  # (n,)

    baseline = float(reconstruction(reparameterize(mu, logvar, normal(rng, n, 20))).mean())
    e = normal(rng, n, 20)
    path = variance(reparameterized_gradient(reconstruction, mu, logvar, e))
    score = variance(score_function_gradient(reconstruction, mu, logvar, e))
    helped = variance(score_function_gradient(reconstruction, mu, logvar, e, baseline))
    return score / path, helped / path


# %%
n = lesson.size(500, quick=50)
each = [
    ratios(test[k : k + 1], lesson.rng(f"ratio {k}"), n) for k in range(lesson.size(50, quick=2))
]
plain, helped = np.median(each, axis=0)

# %%
_, about_the_same, still_more = lesson.predictions[-1].choices
answer = still_more if helped > 10 else about_the_same
lesson.outcome(
    f"{plain:.0f} times, and {helped:.0f} times with a baseline: medians over {len(each)} digits.",
    answer=answer if plain > 100 else None,
)

# %%
lesson.claim(
    "VAE: variance, score function / reparameterized",
    plain,
    at_least=10,
    source="Kingma and Welling 2014, 2.2",
)
lesson.claim("VAE: the same with a baseline", helped, at_least=10)

# %% [markdown]
# A ratio of 1,000 asks for 1,000 times as many draws for a gradient that is as sure. The score
# function learns from a draw one number, how good it was; the other gradient hears from each pixel
# which way to move.
#
# ## 7. A map of the digits
# With a code of two numbers the whole latent plane can be looked at. A smaller net and a shorter
# training will do.

# %%
flat = VAE(lesson.rng("init 2-D"), dim_z=2, widths=(256, 256))
learn(flat, lesson.steps(3_000), "VAE with a plane of codes")


def picture_of(z):
    return flat.likelihood.mean(flat.decode(z))


# %%
fig, (left, right) = plot.figure(1, 2, size=(5.2, 5.9))
plot.manifold(picture_of, 20, left, title="decoded, at equal shares of the prior")
codes, _ = flat.encode(test[:3000])
labels = data.test_labels[: len(codes)]
plot.samples(codes, ax=right, classes=labels, title="codes of test digits")
lesson.figure(
    fig,
    "latent_plane",
    "Left: neighbors are alike, and one digit turns into another. Right: each dot is a test "
    "digit's mean code, colored by its label, which the encoder never saw.",
)

# %% [markdown]
# Walk on the map yourself, one code at a time. *Find the shortest way from a 1 to a 0: which digits
# do you pass? And what lies at the corners, where the prior hardly ever draws?*

# %%
side = np.linspace(-3, 3, 21)
places = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
lesson.play(
    "walk_on_the_map",
    {"z1": side, "z2": side},
    images=picture_of(places.astype(np.float32)).reshape(21, 21, 28, 28),
    start={"z1": 0, "z2": 0},
    caption="The decoder's picture of one code (z1, z2).",
)

# %% [markdown]
# ## 8. Wrong turns
# A small VAE, trained with one piece wrong at a time. In the table below, "reports" is the loss
# that the training shows, and "true" the negative ELBO of the trained model, computed as it should
# be. Three of the slips are in the draw:


# %%
def loss_with(draw):
    def bound(model, x, eps):
        mu, logvar = model.encode(x)
        return elbo(x, model.decode(draw(mu, logvar, eps)), mu, logvar)

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
    "'Mean over pixels' divides by 784. Of the other runs, which reports the lowest loss?",
    ["as it should be", "logvar read as sigma", "eps not scaled", "KL left out"],
)

# %%
turns = {
    "as it should be": vae_loss,
    "z a plain number": loss_with(plain_number),
    "logvar read as sigma": loss_with(logvar_as_sigma),
    "eps not scaled": loss_with(eps_not_scaled),
    "KL left out": loss_of(without_kl),
    "mean over pixels": loss_of(mean_over_pixels),
}
rows = {}
pictures = []
for name, loss in turns.items():
    model = VAE(lesson.rng("turns"), dim_z=10, widths=(200,))
    reports = learn(model, lesson.steps(1_000, quick=2), name, loss)["loss"][-100:].mean()
    truth = model.elbo(test, normal(lesson.rng("codes"), len(test), 10))
    rows[name] = [reports, -truth.value.mean(), -truth.reconstruction.mean(), truth.kl.mean()]
    pictures.append(model.sample(lesson.rng("shown"), 10, noise=False))

# %%
reported = {name: rows[name][0] for name in lesson.predictions[-1].choices}
lowest = min(reported, key=reported.get)
lesson.outcome(
    f"'{lowest}' reports {rows[lowest][0]:.1f}; its true value is {rows[lowest][1]:.1f}, that of"
    f" the right loss {rows['as it should be'][1]:.1f}.",
    answer=lowest,
)

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["trained with", "reports", "true", "reconstruction", "KL"],
)
ax = plot.image_grid(
    np.concatenate(pictures), len(turns), 10, shape=(28, 28), row_labels=list(turns)
)
lesson.figure(
    ax,
    "wrong_turns",
    "Draws from the prior, decoded. Rows 2 and 6 are one gray average. Row 5 is faint and broken: "
    "the codes of digits lie where the prior seldom goes.",
)

# %%
lesson.claim("z a plain number: KL", rows["z a plain number"][3], at_most=0.1, unit="nats")
gap = np.subtract(rows["logvar read as sigma"], rows["as it should be"])
lesson.claim(
    "logvar as sigma: what it reports, minus the right loss", gap[0], at_most=-5, unit="nats"
)
lesson.claim(
    "logvar as sigma: the true value, minus the right one", gap[1], at_least=50, unit="nats"
)

# %% [markdown]
# - *z a plain number*: the encoder hears only from the KL term, and obeys: $q = p$, the code says
#   nothing.
# - *logvar read as sigma* has found a hole: at logvar 0 the KL term charges for $\sigma = 1$, and
#   the draw has no noise. What it reports is a bound of nothing. A low loss is no proof.
# - *eps not scaled*: a true bound, but every code is blurred by $\sigma = 1$.
# - *KL left out*: an autoencoder. It decodes best of all and samples badly.
# - *mean over pixels* reports a tiny number, makes the KL term 784 times too dear, and gives up the
#   code.
#
# ## 9. Where the post is loose
# - Beside Eq. vae.14 it calls $\sigma$ a variance. In the formula it is the standard deviation
#   (section 2), and the covariance is diagonal with entries $\sigma_j^2$, not a multiple of
#   $\mathbf{I}$.
# - It calls the loss itself the lower bound. The ELBO is the *negative* of the loss.
# - It leaves open what $p(x|z)$ is, and whether pixels are summed or averaged (section 8). Many
#   programs take the cross-entropy of *gray* pixels, which never falls below their own entropy and
#   compares with no log-likelihood:


# %%
def entropy(images):
    p = np.clip(mnist.unit(images, flat=True).astype(np.float64), 1e-12, 1 - 1e-12)
    return -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1)


per_digit = batched(entropy, data.test_images)
name = "cross-entropy of gray test digits with themselves, nats"
lesson.check(name, per_digit.mean(), between=(45, 46))

# %% [markdown]
# **Left out:** discrete codes (they have no such formula), posteriors with correlations,
# convolutions. **Next:** here a nat of KL costs one nat. *Beta-VAE* (`vae/09`) changes that price,
# and asks what each number means.
#
# **Your turn:** `minigen exercise start vae/08`, then `minigen run vae/08 --with
# exercises/vae_08.py`.

# %%
lesson.finish()
