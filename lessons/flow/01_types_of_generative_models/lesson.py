# %% [markdown]
# # Types of generative models: GAN, VAE and flow
#
# A GAN draws convincing samples, and a VAE also finds a code for an example. Why would anyone want
# a third kind of model? Because of one question: how probable is *this* example? A GAN has no
# answer, and the score of its discriminator measures something else. For a VAE the answer is an
# integral over all codes. What does a model cost that simply answers, and what is this good for?
#
# We ask three models about one Gaussian (section 2), train them on two moons (3), and ask again:
# how probable is $x$ (4), and which $z$ does it come from (5)? We use a density (6), count costs
# (8), and draw a map of the lessons that follow (9). This lesson follows the introduction and the
# section *Types of Generative Models* of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/).
#
# Before this lesson: nothing, but `gan/02` and `vae/06` help.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/01_types_of_generative_models",
    title="Types of generative models: GAN, VAE and flow",
    post="flow",
    sections=["flow.s01"],
    figures=["flow.f01"],
    minutes=1,
    picture="densities",
    sources=[
        "weng2018flow",
        "goodfellow2014gan",
        "kingma2014vae",
        "dinh2017realnvp",
        "nalisnick2019know",
    ],
)

# %%
import autograd.numpy as np
from scipy.stats import mannwhitneyu, multivariate_normal, norm, spearmanr

from minigen import plot
from minigen.data import mnist, toy
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import grad, leaves, logsumexp, sigmoid
from minigen.train import descend

# %%
from minigen.flow.change_of_variables import linear_flow_log_prob
from minigen.flow.realnvp import RealNVP
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.vae.likelihoods import Gaussian
from minigen.vae.marginal_likelihood import quadrature_log_likelihood
from minigen.vae.vae import VAE, vae_loss

# %% [markdown]
# ## 1. Three models and their objectives (figure f01)
#
# All three models map noise $z$ to data $x$. They differ in what their training optimizes.
#
# - **GAN** (Goodfellow et al. 2014). To model data is an *unsupervised* problem, because the
#   examples have no labels. A GAN makes a *supervised* problem of it. A *discriminator* $D$ learns
#   to tell real data from the outputs of a *generator* $G(z)$, and $G$ learns to be taken for real.
#   The two play a *minimax* game.
# - **VAE** (Kingma and Welling 2014). A *decoder* defines $p(x|z)$. The likelihood is an integral
#   over all codes, $p(x) = \int p(x|z)\,p(z)\,dz$, which is intractable for a long code. So an
#   *encoder* $q(z|x)$ is trained too, and both maximize a lower bound of $\log p(x)$, the *evidence
#   lower bound* (ELBO).
# - **Flow**. A sequence of *invertible* transformations maps $z$ to $x$. Since each $x$ comes from
#   exactly one $z$, there is nothing to integrate, and the loss is the *negative log-likelihood*
#   itself. Ours is a RealNVP (Dinh et al. 2017; `flow/05`) of eight transformations.

# %%
init = lesson.rng("init")
G = Generator(init, width=64)
D = Discriminator(init, width=64)
vae = VAE(init, 2, 2, (64, 64), "tanh", Gaussian(0.3))
flow = RealNVP(init, couplings=8, width=48)

# %%
gan_row = {
    "gz": plot.node("$z$", "noise", (0, 0)),
    "G": plot.node(G, at=(1, 0)),
    "fake": plot.node("$G(z)$", "fake", (2, 0)),
    "gx": plot.node("$x$", "data", (2, 1)),
    "D": plot.node(D, at=(3, 0.5)),
    "says": plot.node("real or fake?", "loss", (4, 0.5)),
}
vae_row = {
    "vx": plot.node("$x$", "data", (0, 2)),
    "enc": plot.node(vae.encoder, at=(1, 2), name="encoder $q(z|x)$"),
    "vz": plot.node("$z$", "latent", (2, 2)),
    "dec": plot.node(vae.decoder, at=(3, 2), name="decoder $p(x|z)$"),
    "vout": plot.node("$\\approx x$", "fake", (4, 2)),
}

# %%
flow_row = {
    "fx": plot.node("$x$", "data", (0, 3)),
    "inverse": plot.node("flow\n$f^{-1}(x)$", "model", (1, 3)),
    "fz": plot.node("$z$", "latent", (2, 3)),
    "forward": plot.node("the same flow\n$f(z)$", "model", (3, 3)),
    "fout": plot.node("$= x$", "data", (4, 3)),
}
arrows = [
    "gz -> G -> fake -> D -> says",
    "gx -> D",
    "vx -> enc -> vz -> dec -> vout",
    "fx -> inverse -> fz -> forward -> fout",
]

# %%
lesson.figure(
    plot.schematic(gan_row | vae_row | flow_row, arrows),
    "f01_three_machines",
    "From top to bottom: GAN, VAE, flow. Follow the arrows from a given x to a z, and from there "
    "back to x.",
)

# %% [markdown]
# Only one of the three rows leads from $x$ to a $z$ and back to the same $x$. Let's see what this
# is worth.
#
# ## 2. One Gaussian, three times
#
# The difference is easiest to see on a line, by hand. Let the data be drawn from a Gaussian with
# mean 1 and standard deviation 2. Noise $z$ from $\mathcal N(0, 1)$ becomes such a number by
# $x = 2z + 1$. Suppose that all three models have learned this map. How probable is $x = 3$, that
# is, what is its *density* $p(x)$? (The logarithm of a density is measured in *nats*.)
#
# **The flow** inverts the map. $x = 3$ comes from $z = (3 - 1)/2 = 1$ and from no other $z$. The
# map doubles all lengths, so the density of $x$ is half of the density of $z$:
#
# $$\log p(3) = \log \mathcal N(1; 0, 1) - \log 2 = -2.112 .$$
#
# **The VAE** adds noise to the output of its decoder, here with standard deviation 0.5, so
# $x = 2z + 1 + 0.5\,\epsilon$. Now $x = 3$ may come from *any* $z$, and $p(3)$ is the mean of
# $p(3|z)$ over all of them. In this example we know it, because $x$ is a Gaussian with variance
# $4 + 0.25$. In general we only know the ELBO, the mean of $\log p(x|z) + \log p(z) - \log q(z)$
# over draws of $q$. We take $q = \mathcal N(1, 0.25^2)$:

# %%
z = 1 + 0.25 * lesson.rng("by hand").standard_normal(1_000_000)
terms = norm.logpdf(3.0, 2 * z + 1, 0.5) + norm.logpdf(z) - norm.logpdf(z, 1.0, 0.25)
bound, exact = terms.mean(), norm.logpdf(3.0, 1.0, np.sqrt(4.25))
of_flow = norm.logpdf(1.0) - np.log(2)
print(f"  flow: {of_flow:.3f}, exact; VAE: the bound is {bound:.3f}, log p(3) is {exact:.3f}")

# %%
lesson.check("flow: log p(3)", of_flow, equals=norm.logpdf(3.0, 1.0, 2.0))
kl = 0.5 * (17 / 16 + 17 * (1 - 16 / 17) ** 2 - 1 - np.log(17 / 16))
lesson.check("log p(3) minus the bound: KL(q || posterior)", exact - bound, equals=kl, atol=2e-3)

# %% [markdown]
# The bound is 0.03 nats too low. This is the divergence of $q$ from the posterior $p(z|x)$, which
# nobody knows in general, so nobody knows how much the bound is too low either.

# %% [markdown]
# <details><summary>Derivation: the ELBO is below log p(x) by a KL divergence</summary>
#
# Bayes' rule is $p(x|z)\,p(z) = p(z|x)\,p(x)$. Insert it into the ELBO:
#
# $$
# \begin{aligned}
# \mathrm{ELBO} &= \mathbb E_q\big[\log p(x|z) + \log p(z) - \log q(z)\big] \\
#   &= \mathbb E_q\big[\log p(x) + \log p(z|x) - \log q(z)\big]
#    = \log p(x) - D_\mathrm{KL}(q \,\|\, p(z|x)) .
# \end{aligned}
# $$
#
# For the Gaussians above, the posterior has precision $1 + 2^2/0.5^2 = 17$ and mean $16/17$, and
#
# $$D_\mathrm{KL} = \tfrac12 \big(\tfrac{17}{16} + 17 \, (1 - \tfrac{16}{17})^2 - 1 - \log
# \tfrac{17}{16}\big) = 0.0303 .$$
#
# </details>

# %% [markdown]
# **The GAN** only generates. But it has a discriminator, and it is tempting to read its output as a
# probability of $x$. Take the perfect generator, $G(z) = 2z + 1$, and train a discriminator with
# the logit $w_0 + w_1 x + w_2 x^2$, which includes the best one. Then evaluate it at 3, a common
# number, and at 9, a very rare one.

# %%
lesson.predict(
    "What are the two logits?",
    [
        "log p(3) and log p(9)",
        "about 0 at 3, far below 0 at 9",
        "about 0 at both",
    ],
)


# %%
def features(x):
    return np.stack([np.ones_like(x), x, x**2], axis=1)  # (N, 3)


def fit_discriminator(real, fake, rounds=10):
    """Logistic regression by Newton's method: the weights (3,) and their covariance (3, 3)."""
    inputs = features(np.concatenate([real, fake]))
    labels = np.repeat([1.0, 0.0], [len(real), len(fake)])
    w = np.zeros(3)
    for _ in range(rounds):
        p = sigmoid(inputs @ w)
        covariance = np.linalg.inv(inputs.T @ (inputs * (p * (1 - p))[:, None]))
        w = w + covariance @ (inputs.T @ (labels - p))
    return w, covariance


# %%
rng = lesson.rng("labels")
n = 200_000
real = 2.0 * rng.standard_normal(n) + 1
generated = 2.0 * rng.standard_normal(n) + 1
w, covariance = fit_discriminator(real, generated)

# %%
asked = features(np.array([3.0, 9.0]))
logits = asked @ w
errors = np.sqrt(np.sum(asked @ covariance * asked, axis=1))
log_p = norm.logpdf([3.0, 9.0], 1.0, 2.0)
lesson.table(
    zip([3, 9], log_p, logits, errors), ["x", "log p(x)", "logit of D", "standard error"], "at 3, 9"
)
lesson.check("logits at 3 and at 9, in standard errors", np.abs(logits / errors), at_most=5)

# %%
zero = bool(np.all(np.abs(logits) < 5 * errors))
lesson.outcome(
    f"The logits are {logits[0]:.3f} and {logits[1]:.3f}, because the best logit is the logarithm "
    "of a ratio of two densities, log p_data(x) - log p_G(x) (`gan/03`), and real and generated "
    "numbers are equally rare at 9.",
    answer="about 0 at both" if zero else "about 0 at 3, far below 0 at 9",
)

# %% [markdown]
# So a perfect generator leaves its discriminator nothing to tell about $p(x)$. The three models
# contain the same map, but only the flow reports the density of what it generates.

# %%
lesson.change(
    "a narrow generator",
    "Give the generator half the standard deviation of the data: change `generated = 2.0 *` to "
    "`generated = 1.0 *` and run again. Which of the two numbers gets the higher logit, and is it "
    "the more probable one?",
    answer="9 gets a logit near 23, and 3 one near 0.8, although 9 is far less probable. The logit "
    "is high where the generator generates too few examples, whatever the density of the data is "
    "there. Exactly, it is $-\\log 2 + \\frac38 (x - 1)^2$.",
)

# %% [markdown]
# In more dimensions the map $x = 2z + 1$ becomes $x = m + Lz$, with a triangular matrix $L$. Its
# volume factor is the product of the diagonal of $L$ (`flow/02`). Can you write its $\log p(x)$?

# %%
lesson.exercise("flow/01/linear_flow_log_prob")

# %%
lesson.show_source(linear_flow_log_prob)
by_hand = linear_flow_log_prob(np.array([[3.0]]), np.array([1.0]), np.array([[2.0]]))
lesson.check("x = 2z + 1 again: log p(3)", by_hand[0], equals=norm.logpdf(3.0, 1.0, 2.0))

# %% [markdown]
# In one dimension it returns the number from above. Section 7 calls it with 49 dimensions. A linear
# map is too simple for most data, but the recipe stays the same for every flow: invert the map, and
# add the logarithm of its volume factor.
#
# ## 3. Three trainings
#
# One Gaussian is too easy, so we train all three models on two moons. We know $\log p$ of this
# density, so that every answer can be compared with the right one. The flow and the VAE descend the
# gradient of their losses.

# %%
moons = toy.two_moons(0.1)
test = moons.sample(lesson.rng("test"), lesson.size(2000))
steps = {
    "flow": lesson.steps(1200, quick=10),
    "VAE": lesson.steps(3500, quick=30),
    "GAN": lesson.steps(2500, quick=20),
}


def draw(rng):
    return moons.sample(rng, 256)


# %%
rng = lesson.rng("flow")
flow.standardize(moons.sample(rng, 5000))
lr = cosine(4e-3, steps["flow"], warmup=min(50, steps["flow"]))
step = descend(lambda flow, x: flow.loss(x), flow, draw, lr=lr, rng=rng)
lesson.fit(step, steps["flow"], state=step.state, label="flow")
lesson.sampler("flow", flow.sample)


# %%
def draw_with_noise(rng):
    return draw(rng), rng.standard_normal((256, 2), dtype=np.float32)


lr = cosine(8e-3, steps["VAE"])
step = descend(vae_loss, vae, draw_with_noise, lr=lr, ema=0.99, rng=lesson.rng("VAE"))
lesson.fit(step, steps["VAE"], state=step.state, label="VAE")
vae = step.averaged
lesson.sampler("VAE", vae.sample)

# %% [markdown]
# The two networks of the GAN take turns (`gan/02`).

# %%
rng = lesson.rng("GAN")
slow = Adam(G, 1e-3, betas=(0.5, 0.99))
fast = Adam(D, 1e-3, betas=(0.5, 0.99))
ema = EMA(G, 0.995)
lr = cosine(1e-3, steps["GAN"])


def play(i):
    slow.lr = fast.lr = lr(i)
    losses = goodfellow_step(G, D, slow, fast, lambda n: moons.sample(rng, n), 256, rng)
    ema.update(G)
    return losses


# %%
state = {"G": G, "D": D, "slow": slow, "fast": fast, "ema": ema, "rng": rng}
lesson.fit(play, steps["GAN"], state=state, label="GAN")
generator = ema.model
lesson.sampler("GAN", generator.sample)

# %% [markdown]
# Is it hard to do well on two moons? To know, we keep a trivial model at hand: *one Gaussian* with
# the mean and the covariance of the data. A model that is not better has learned nothing.

# %%
few = moons.sample(lesson.rng("one Gaussian"), 5000)
one_gaussian = multivariate_normal(few.mean(axis=0), np.cov(few.T))

# %% [markdown]
# The three models are trained with comparable effort, and each with its own loss. Now we ask.
#
# ## 4. How probable is a given x?
#
# **The flow** computes $\log p(x)$ in one pass. **The VAE** computes its ELBO. Its own $\log p(x)$
# is an integral over all codes. A code of two coordinates fits on a grid, so here, and only here,
# we can have it. The grid has $151^2 = 22{,}801$ codes. For a code of 20 coordinates it would have
# $151^{20} \approx 4 \cdot 10^{43}$.


# %%
side = np.linspace(-4.5, 4.5, lesson.size(151, quick=41), dtype=np.float32)
codes = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # (K, 2)
log_pz = norm.logpdf(codes).sum(axis=1)  # (K,)
dz = float(side[1] - side[0]) ** 2
means = vae.decode(codes).astype(float)  # (K, 2)
s = vae.likelihood.std


def vae_exact(x):
    """The VAE's log p(x), (N, 2) -> (N,): the sum over the grid of codes of p(x|z) p(z) dz."""
    results = []
    for part in np.array_split(x.astype(float), 1 + len(x) // 50):
        squares = ((means[:, None] - part) ** 2).sum(axis=2)  # (K, n)
        log_px_z = -squares / (2 * s**2) - np.log(2 * np.pi * s**2)
        prior = np.broadcast_to(log_pz[:, None], log_px_z.shape)
        results.append(quadrature_log_likelihood(log_px_z, prior, dz))
    return np.concatenate(results)


# %%
def vae_bound(x, draws=20):
    """The ELBO, (N, 2) -> (N,): the mean over some draws of the code."""
    rng = lesson.rng("codes")
    total = 0
    for _ in range(draws):
        total = total + vae.elbo(x, rng.standard_normal(x.shape, dtype=np.float32)).value
    return total / draws


# %% [markdown]
# **The GAN** has no density, and two substitutes are in use. One is the discriminator's logit, as
# in section 2. The other is called *Parzen windows*. Draw 10,000 samples, put a small Gaussian of
# width $h$ on each, and take the mean of these as the density. We begin with the first.

# %%
some = test[: lesson.size(1000)]
exact = vae_exact(some)
log_p = moons.log_prob(some)
answers = {
    "flow": flow.log_prob(some),
    "VAE, exact": exact,
    "VAE, ELBO": vae_bound(some),
    "GAN, logit": D(some),
    "one Gaussian": one_gaussian.logpdf(some),
}
rows = {
    name: [spearmanr(log_p, a)[0], None if "GAN" in name else np.mean(log_p - a)]
    for name, a in answers.items()
}

# %%
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["model", "rank correlation with log p", "nats below the data density"],
)

# %% [markdown]
# Numbers like these are worth nothing if the model cheats. So we check that the flow and the VAE
# are densities, which sum to 1 over the plane, and draw them.

# %%
x_side = np.linspace(-3.0, 4.0, lesson.size(51, quick=31), dtype=np.float32)
plane = np.stack(np.meshgrid(x_side, x_side), axis=-1).reshape(-1, 2)
cell = float(x_side[1] - x_side[0]) ** 2
mass_of_flow = np.exp(flow.log_prob(plane).astype(float)).sum() * cell
mass_of_vae = np.exp(vae_exact(plane)).sum() * cell
lesson.check("flow: its density summed over the plane", mass_of_flow, equals=1.0, atol=0.05)
lesson.check("VAE: its exact density, likewise", mass_of_vae, equals=1.0, atol=0.05)

# %%
box = (-1.7, 2.7, -1.3, 1.8)
gan_points = generator.sample(lesson.rng("cloud"), lesson.size(10_000)).astype(float)
fig, axes = plot.figure(1, 4, size=(2.9, 2.5))
plot.density(moons, axes[0], bounds=box, title="data density")
plot.density(lambda x: np.exp(flow.log_prob(x)), axes[1], bounds=box, title="flow, exact")
plot.density(
    lambda x: np.exp(vae_exact(x)), axes[2], bounds=box, n=50, title="VAE, by a grid of codes"
)
plot.samples(gan_points[:3000], moons, axes[3], bounds=box, title="GAN: samples, no density")

# %%
lesson.figure(
    fig,
    "densities",
    "Three densities (blue), and samples (orange) of a model that has none. Look for bridges "
    "between the moons.",
)

# %%
gap_of_vae = np.mean(exact - answers["VAE, ELBO"])
lesson.claim(
    "flow: nats below the data density",
    rows["flow"][1],
    at_most=0.1,
    unit="nats",
    source="seeds 0, 1 and 5417: 0.015, 0.027, 0.028; one Gaussian: 0.89",
)
lesson.claim(
    "flow: rank correlation with log p",
    rows["flow"][0],
    at_least=0.85,
    source="seeds 0, 1 and 5417: 0.930, 0.942, 0.940, minus 0.08; one Gaussian: 0.07",
)

# %%
lesson.claim(
    "VAE, exact: nats below the data density",
    rows["VAE, exact"][1],
    at_most=0.25,
    unit="nats",
    source="seeds 0, 1 and 5417: 0.075, 0.054, 0.065; one Gaussian: 0.89",
)

# %%
lesson.claim(
    "VAE: exact log p minus the ELBO",
    gap_of_vae,
    between=(0.02, 0.5),
    unit="nats",
    source="seeds 0, 1 and 5417: 0.130, 0.117, 0.131, by a factor of 4",
)
lesson.claim(
    "VAE: std of p(x|z); the noise of the data is 0.1",
    s,
    between=(0.08, 0.2),
    source="seeds 0, 1 and 5417: 0.106 to 0.107; it starts at 0.3",
)

# %% [markdown]
# The flow is nearest to the data density, and its answer costs one pass. The VAE's density is good
# as well, but its bound is lower than its own $\log p(x)$ by more than the density itself is off.
# (The difference is the divergence of the encoder's Gaussian from the posterior, as in section 2.)
# All three models leave a bridge between the moons. Their noise is a Gaussian, which is one
# connected cloud, and a continuous map cannot tear it. The logit of the GAN does not help. The loss
# of $D$ ended at $2 \log 2$, which is the loss of a $D$ that guesses.
#
# And Parzen windows? Consider the best case, a *perfect* generator that draws from the moons
# themselves.


# %%
def parzen(x, cloud, h):
    """log of the mean of Gaussians of width h around the cloud, (N, 2) -> (N,)."""
    squares = ((x[:, None] - cloud) ** 2).sum(axis=2)  # (N, M)
    return logsumexp(-squares / (2 * h**2), axis=1) - np.log(len(cloud) * 2 * np.pi * h**2)


few = test[: lesson.size(300)].astype(float)
widths = [0.01, 0.05, 0.1, 0.4]
perfect = moons.sample(lesson.rng("perfect"), lesson.size(10_000)).astype(float)

# %%
lesson.table(
    [
        ["a perfect generator", *(parzen(few, perfect, h).mean() for h in widths)],
        ["the GAN", *(parzen(few, gan_points, h).mean() for h in widths)],
        ["the data density, exactly", *[moons.log_prob(few).mean()] * len(widths)],
    ],
    ["samples of", *(f"h = {h}" for h in widths)],
    "mean log p by Parzen windows",
)

# %% [markdown]
# The result depends on $h$, even for perfect samples, and none of these $h$ reaches the data
# density. At $h = 0.4$ the GAN scores like the perfect generator. In the plane we can at least
# compare with the exact value. In the 784 dimensions of a digit we cannot,
# and 10,000 samples leave most of the space empty. In short, a density that is not part of the
# model is not easily added to it afterwards.
#
# ## 5. Which z is a given x generated from?
#
# The other way around, from an example to its code, is the use that the post calls “infer latent
# variables”. *The flow* computes $f^{-1}(x)$. *The VAE's* encoder outputs a distribution over
# codes, and we decode its mean. *The GAN* has no network from $x$ to $z$, so we have to search. We
# start at a random $z$ and descend the gradient of $\|G(z) - x\|^2$ with Adam.
#
# Is a search reliable? We test it on points that the GAN itself has generated, so that a right $z$
# exists. A search of 300 steps often fails. Two reasons are possible: it was not finished, or it
# ended in a local minimum. Suppose that we may spend ten times as much.

# %%
lesson.predict(
    "Which finds more of the GAN's own points (|G(z) - x| below 0.01): one search of 3,000 steps, "
    "or the best of ten searches of 300 steps?",
    ["the long search", "the ten searches", "no difference within 5 percentage points"],
)


# %%
def search(target, steps, starts=1):
    """The z (N, 2) at which the best of some searches for each target ends."""
    found = {"z": generator.latent(lesson.rng("search"), starts * len(target))}
    targets = np.tile(target, (starts, 1))
    adam, fall = Adam(found, 0.05), cosine(0.05, steps)
    slope = grad(lambda found: np.sum((generator(found["z"]) - targets) ** 2))
    for i in range(steps):
        adam.lr = fall(i)
        adam.step(slope(found))
    misses = np.sum((generator(found["z"]) - targets) ** 2, axis=1).reshape(starts, -1)
    z = found["z"].reshape(starts, len(target), 2)
    return z[misses.argmin(axis=0), np.arange(len(target))]


# %%
target = test[: lesson.size(200)]
own = generator.sample(lesson.rng("own points"), len(target))
short, long = lesson.size(300, quick=10), lesson.size(3000, quick=20)
ends = {
    "300 steps": search(own, short),
    "3,000 steps": search(own, long),
    "ten times 300 steps": search(own, short, 10),
}
found = {}
for name, z in ends.items():
    missed = np.linalg.norm(generator(z) - own, axis=1) >= 0.01
    far = np.linalg.norm(z[missed], axis=1) > 4
    found[name] = [1 - np.mean(missed), np.mean(far) if missed.any() else None]

# %%
one, longer, ten = (found[name][0] for name in ends)
lesson.table(
    [[name, *row] for name, row in found.items()],
    ["search for its own points", "found", "of the others, at |z| > 4"],
)
winner = "the long search" if longer > ten else "the ten searches"
lesson.outcome(
    f"The long search finds {longer:.0%} and the ten searches find {ten:.0%}, while one short "
    f"search finds {one:.0%}.",
    answer=winner if abs(longer - ten) > 0.05 else "no difference within 5 percentage points",
)

# %% [markdown]
# More steps help, and more starts help more. Over half of the failed long searches ended far out,
# at $|z| > 4$, where $z$ is hardly ever drawn. But ten starts would help for any reason. If one
# search in five succeeds, one of ten independent ones does with probability 0.9. Now the three
# models on real data, with ten searches for the GAN:

# %%
z, _ = flow.bijection.inverse(target)
returned = {
    "flow": flow.bijection.forward(z)[0],
    "VAE": vae.reconstruct(target),
    "GAN": generator(search(target, short, 10)),
}
distances = {name: np.linalg.norm(x - target, axis=1) for name, x in returned.items()}

# %%
lesson.table(
    [[name, np.median(d), np.quantile(d, 0.9), np.mean(d < 0.01)] for name, d in distances.items()],
    ["model", "median distance", "90 % below", "fraction below 0.01"],
    "from x to z to x",
)
lesson.check("flow: from x to z to x, largest distance", distances["flow"].max(), at_most=1e-3)

# %%
fig, axes = plot.figure(1, 3, size=(3.4, 2.7))
for ax, name in zip(axes, returned):
    plot.samples(target, ax=ax, bounds=box, color=plot.color.real, size=8)
    pairs = np.stack([target, returned[name]])[:, :150]  # (2, 150, 2): from, to
    title = f"{name}: from x to z to x"
    plot.trajectories(pairs, ax, bounds=box, ends=False, color=plot.color.fake, title=title)
lesson.figure(
    fig,
    "round_trips",
    "Blue points are data. An orange line connects each of them with the x that is generated from "
    "its z. Look for points without a line, and for the direction of the lines.",
)

# %% [markdown]
# The flow returns every point to itself, because it is invertible. The VAE moves most points a
# little, mostly across the moon. In this run the median miss of the GAN is smaller, but it misses
# 42 % of the data by more than 0.01, and only 12 % of its own points. Most of these misses are
# therefore no failures of the search. The GAN does not generate these points. Its loss has no term
# for each example, so it may leave out a part of the data. `gan/07` measures how many modes a GAN
# covers. A flow cannot do this: an example with density 0 would make its loss infinite.
#
# ## 6. What a density is for: missing coordinates and rare examples
#
# The post promises that a good estimate of $p(x)$ lets us “predict the rareness of future events”
# and “fill in incomplete data samples”. Let's do both.
#
# **Filling in.** Suppose that only the first coordinate is known, $x_1 = 0.5$. The density of the
# second one is proportional to the joint density along the line $x_1 = 0.5$:
#
# $$p(x_2 | x_1) = \frac{p(x_1, x_2)}{\int p(x_1, x_2)\, dx_2} .$$

# %%
x2 = np.linspace(-2.0, 2.5, 901)
line = np.stack([np.full_like(x2, 0.5), x2], axis=1).astype(np.float32)
log_joints = {
    "data": moons.log_prob(line),
    "flow": flow.log_prob(line),
    "one Gaussian": one_gaussian.logpdf(line),
}
conditionals = {}
for name, log_joint in log_joints.items():
    joint = np.exp(log_joint.astype(float))
    conditionals[name] = joint / (joint.sum() * (x2[1] - x2[0]))
variation = {
    name: 0.5 * np.abs(conditionals[name] - conditionals["data"]).sum() * (x2[1] - x2[0])
    for name in ("flow", "one Gaussian")
}

# %%
shades = [plot.color.ink, plot.color.model, plot.color.fake]
title = "the second coordinate, given that the first is 0.5"
ax = plot.line(x2, conditionals, colors=shades, title=title, xlabel="$x_2$", ylabel="density")
lesson.figure(
    ax,
    "filling_in",
    "The density of the missing coordinate, by the data density (black), the flow (green) and one "
    "Gaussian (orange). Where would you put a single prediction?",
)
lesson.check("total variation between Gaussian and data", variation["one Gaussian"], at_least=0.3)
lesson.claim(
    "filling in: total variation between flow and data",
    variation["flow"],
    at_most=0.25,
    source="seeds 0, 1 and 5417: 0.039 to 0.042; one Gaussian: 0.63",
)

# %% [markdown]
# The line crosses both moons, so there are two probable values, and a single prediction, the mean,
# would lie between them where there are no data. A density has no such trouble. However, the
# integral is cheap only if few coordinates are missing. For half a digit it is intractable, unless
# the model is built for it, as in `flow/09`.
#
# **Rare examples.** Use $-\log p(x)$ as an *anomaly score*. Its quality is the fraction of pairs of
# a normal example and an anomaly in which the anomaly has the higher score (the area under the ROC
# curve, *AUC*). A perfect score has 1, a random one ½. Our anomalies are uniform points in a
# rectangle around the moons. Some of them fall onto the moons, so no score can reach 1.


# %%
def auc(normal, anomalies):
    """The fraction of pairs in which the anomaly has the higher score."""
    u = mannwhitneyu(anomalies, normal).statistic
    return u / (len(normal) * len(anomalies))


uniform = lesson.rng("anomalies").uniform([-1.7, -1.3], [2.7, 1.8], (len(some), 2))
uniform = uniform.astype(np.float32)
of_uniform = {
    "the data density": moons.log_prob(uniform),
    "flow": flow.log_prob(uniform),
    "VAE, exact": vae_exact(uniform),
    "GAN, logit": D(uniform),
    "one Gaussian": one_gaussian.logpdf(uniform),
}
answers["the data density"] = log_p

# %%
aucs = {name: auc(-answers[name], -odd) for name, odd in of_uniform.items()}
lesson.table(aucs.items(), ["minus log p of", "AUC"], "uniform points against the moons")
lesson.claim(
    "AUC of the data density minus that of the flow",
    abs(aucs["the data density"] - aucs["flow"]),
    at_most=0.02,
    source="seeds 0, 1 and 5417: 0.002 to 0.003; one Gaussian: 0.11",
)

# %% [markdown]
# In the plane this works. The flow detects anomalies as well as the data density itself, and
# clearly better than one Gaussian. It is tempting to conclude that an exact likelihood always
# detects what is unusual.
#
# ## 7. A wrong turn: the digit that was never seen
#
# *You may skip this section, because no later lesson depends on it. It is for readers who want to
# find unusual examples with a density.*
#
# Let's try it on images. A small exact model is enough: MNIST digits of 7 × 7 pixels (means of 4 ×
# 4 pixels), with uniform noise of one gray level. Let $y$ be the logits of the pixels. The flow is
# one linear map, $y = m + Lz$, with 49 dimensions, and its $\log p(y)$ is the function of section
# 2.
#
# The likelihood is largest if $m$ is the mean of the data and $LL^\top$ their covariance, so no
# training is needed. Both steps are invertible, so $\log p(x) = \log p(y) + \log|\det dy/dx|$ is
# exact (`flow/03`). For each digit, we fit the flow to the nine *other* digits, and score the test
# images with $-\log p(x)$. The held-out digit is the anomaly.


# %%
def small(images, rng):
    """Logits (N, 49) of the pixels of digits, and the log-determinant of pixels -> logits (N,)."""
    blocks = images.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)
    return mnist.to_logit(blocks + rng.random(blocks.shape), 0.01)


def linear_flow(y):
    """The mean (49,) and the triangular matrix (49, 49) of the linear flow that is fitted to y."""
    return y.mean(axis=0), np.linalg.cholesky(np.cov(y.T))


# %%
data = mnist.load()
few_images = data.train_images[: lesson.size(20_000, quick=2000)]
y_train, _ = small(few_images, lesson.rng("dequantize"))
y_test, log_det = small(data.test_images, lesson.rng("dequantize test"))
seen_labels, labels = data.train_labels[: len(few_images)], data.test_labels

# %%
lesson.predict(
    "A flow is fitted to all digits except 1. What is the AUC of its score, with the ones as "
    "anomalies?",
    ["above 0.8", "between 0.3 and 0.8", "below 0.3"],
)

# %%
by_class, in_logits, log_p_without = {}, {}, {}
for digit in range(10):
    m, L = linear_flow(y_train[seen_labels != digit])
    log_p_y = linear_flow_log_prob(y_test, m, L)
    log_p_without[digit] = log_p_y + log_det
    is_odd = labels == digit
    by_class[digit] = auc(-log_p_without[digit][~is_odd], -log_p_without[digit][is_odd])
    in_logits[digit] = auc(-log_p_y[~is_odd], -log_p_y[is_odd])
mean_log_det = [log_det[labels == digit].mean() for digit in range(10)]
ones = by_class[1]

# %%
answer = "above 0.8" if ones > 0.8 else "between 0.3 and 0.8"
lesson.outcome(
    f"The AUC is {ones:.2f}. The flow assigns a higher density to most of the ones, which it was "
    "not fitted to, than to digits of the classes that it was fitted to.",
    answer="below 0.3" if ones < 0.3 else answer,
)

# %%
fig, axes = plot.figure(1, 2, size=(4.2, 2.8))
for ax, digit in zip(axes, [6, 1]):
    log_p_x = log_p_without[digit]
    groups = {"other digits": log_p_x[labels != digit], f"digit {digit}": log_p_x[labels == digit]}
    shades = {"other digits": plot.color.real, f"digit {digit}": plot.color.fake}
    title = f"flow fitted without the digit {digit}"
    plot.histogram(groups, ax, title=title, xlabel="log p(x), nats", colors=shades)
lesson.figure(
    fig,
    "held_out",
    "The density of test images under a flow that was fitted without one class. An anomaly score "
    "assumes that the held-out class (orange) is on the left.",
)

# %% [markdown]
# For sixes the score works, for ones it is worse than a coin. The flow made no mistake, its
# likelihood is exact. What is special about a one? It has the most blank pixels. Blank pixels are
# common to all digits, so their density is high, and $\log|\det dy/dx|$ counts them. We remove this
# cause and score the logits $y$ in place of the pixels. The flow and the images stay the same.

# %%
header = ["held-out digit", "AUC", "AUC in logits", "mean log |det dy/dx|, nats"]
rows = zip(by_class, by_class.values(), in_logits.values(), mean_log_det)
lesson.table(rows, header, "digits of a class never seen")

# %%
most_blank = int(np.argmax(mean_log_det))
lesson.check("the digit with the largest mean log |det dy/dx|", most_blank, equals=1)
lesson.claim(
    "held-out sixes: AUC",
    by_class[6],
    at_least=0.8,
    source="seeds 0, 1 and 5417: 0.876 to 0.878; ½ by chance",
)
lesson.check("held-out ones: AUC", ones, at_most=0.2)

# %% [markdown]
# So the coordinates explain why ones look *more* normal than digits that the flow was fitted to.
# Yet in logits the score detects ones no better than a coin, and nines stay below ½ in both
# columns, so the coordinates are not the only cause. They do show that a density alone does not
# define anomalies. Nalisnick et al. (2019) observed such inverted scores in deep flows, VAEs and
# PixelCNNs. Trained on photographs of objects (CIFAR-10), these assign a higher likelihood to house
# numbers (SVHN).
#
# A high density and a typical example are different things even without pixels. Take $x \sim
# \mathcal N(0, I)$ in $D$ dimensions. Its density is highest at 0, but the draws have a distance of
# about $\sqrt D$ from it, and $\log p(0)$ exceeds their $\log p$ by $D/2$ on average, here 24.5
# nats.

# %%
draws = lesson.rng("shell").standard_normal((100_000, 49))
above = 0.5 * np.sum(draws**2, axis=1)  # log p(0) - log p(x)
error = above.std() / np.sqrt(len(above))
lesson.check("mean of log p(0) - log p(x) at D = 49", above.mean(), equals=49 / 2, atol=5 * error)
lesson.check("the smallest of them: every draw is less probable than 0", above.min(), at_least=1)

# %% [markdown]
# The most probable point of all is one that is never drawn. So an exact density is worth having,
# but it answers the question “how probable?”, not the question “how normal?”.
#
# ## 8. What a sample costs, and how good it is
#
# All three models generate a sample in one pass. What does it cost? We count multiplications, one
# for each weight that is used.


# %%
def weights(*models):
    """The multiplications of one pass: entries of all the weight matrices."""
    return sum(a.size for model in models for a in leaves(model) if a.ndim == 2)


# %%
once = weights(*flow.bijection.bijections[:-1])
decoder, encoder = weights(vae.decoder), weights(vae.encoder)
prices = {
    "flow": [once, once, None, once],
    "VAE": [decoder, encoder, encoder + decoder, len(codes) * decoder],
    "GAN": [weights(G), 10 * 3 * short * weights(G), None, None],
}

# %%
rows = [[name, *prices[name]] for name in prices]
header = ["model", "sample", "x to z", "ELBO, one draw", "log p"]
lesson.table(rows, header, "multiplications for one point")

# %% [markdown]
# (A step of a search counts as three passes, one forward and the work of two backward, and there
# are ten searches. The decoded grid serves all $x$, so for many points the VAE pays for it once.
# The widths are our choice.) The flow has the cheapest $\log p$ and the most expensive sample. Its
# eight couplings follow one another, and each changes only half of the coordinates. And the
# quality? We measure the sliced Wasserstein distance of samples from new data, over the *floor*,
# which is this distance between two sets of data. *Outliers* are samples less probable than 99 % of
# the data.

# %%
rng = lesson.rng("judge")
n = lesson.size(4000)


def distance(x, y):
    return sliced_wasserstein(x, y, 100, rng)


floor = sampling_floor(distance, moons.sample, n, rng, repeats=lesson.size(10, quick=2)).mean
rare = np.quantile(moons.log_prob(moons.sample(rng, 20_000)), 0.01)
clouds = {
    name: model.sample(rng, n)
    for name, model in zip(["flow", "VAE", "GAN"], [flow, vae, generator])
}
clouds["one Gaussian"] = one_gaussian.rvs(n, random_state=rng)
worth = {}
for name, x in clouds.items():
    worth[name] = [distance(x, moons.sample(rng, n)) / floor, np.mean(moons.log_prob(x) < rare)]

# %%
rows = [[name, *worth[name]] for name in worth]
lesson.table(rows, ["model", "distance / floor", "outliers (data: 0.01)"], "quality of the samples")

# %%
lesson.claim(
    "flow: distance of its samples / floor",
    worth["flow"][0],
    at_most=1.5,
    source="seeds 0, 1 and 5417: 1.04, 1.00, 0.99; one Gaussian: 5.2 to 5.6",
)
lesson.claim(
    "VAE: distance of its samples / floor",
    worth["VAE"][0],
    at_most=2.5,
    source="seeds 0, 1 and 5417: 1.41, 1.22, 1.24; one Gaussian: 5.2 to 5.6",
)

# %%
lesson.claim(
    "GAN: distance of its samples / floor",
    worth["GAN"][0],
    at_most=3.5,
    source="seeds 0, 1 and 5417: 2.24, 1.57, 1.87; one Gaussian: 5.2 to 5.6",
)

# %%
lesson.claim(
    "flow: outliers among its samples",
    worth["flow"][1],
    at_most=0.06,
    source="seeds 0, 1 and 5417: 0.017, 0.016, 0.021; one Gaussian: 0.39",
)
lesson.claim(
    "VAE: outliers among its samples",
    worth["VAE"][1],
    at_most=0.1,
    source="seeds 0, 1 and 5417: 0.037, 0.040, 0.044; one Gaussian: 0.39",
)

# %% [markdown]
# All three are better than one Gaussian. On these data the samples of the flow are as close to the
# data as new data are, and those of the GAN are not. (Images are another matter, see `flow/05`.)
# One table sums up what the three can do:
#
# | | GAN | VAE | flow |
# |---|---|---|---|
# | objective | a classification game (minimax) | the ELBO, a bound of log p(x) | log p(x) |
# | likelihood of x | none | a lower bound | exact |
# | z of x | by search | a distribution, by the encoder | exactly one, by inversion |
# | dimension of z | any | any, mostly small | that of x |
# | layers | any | any | invertible ones only |
#
# The last two rows are the price. A flow cannot compress, and its layers must be invertible.
#
# ## 9. A map of what follows
#
# How can a network be invertible, with a volume factor that is cheap? The post has two answers, and
# each pays in another currency. Later lessons return to this map.
#
# | the idea | log p(x) of given data | a sample | lessons |
# |---|---|---|---|
# | the factor of any map | D³ operations | one pass | `flow/02`, `flow/03` |
# | simple maps in sequence | cheap, if each factor is | one pass | `flow/04` |
# | *couplings*: keep one half, move the other | one pass | one pass | `flow/05` to `flow/07` |
# | *autoregression*: one coordinate after another | one pass | D passes | `flow/08` to `flow/11` |
# | its inverse | D passes | one pass | `flow/12` |
# | a flow as the encoder of a VAE | a better bound | one pass | `flow/13` |
#
# Read the two middle columns. Couplings are fast both ways, but each layer moves only half of the
# coordinates. An autoregressive model moves every coordinate by a function of all earlier ones, and
# then one of the two directions takes $D$ steps. It is a flow as well, as `flow/11` shows. Speed of
# sampling against speed of the density: this is what the rest of the post is about.
#
# ## What this lesson does differently
#
# - The section of the post has no experiment. All of these are ours.
# - In our figure the last node of the flow is $= x$, and of the VAE $\approx x$. The post labels
#   both $x'$.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “Neither of them explicitly learns the probability density function of real data,
#   $p(\mathbf{x})$ (where $\mathbf{x} \in \mathcal{D}$) — because it is really hard!” The post goes
#   on with the integral of “the generative model with latent variables”, which “can hardly be
#   calculated”. This is the VAE's case, which has a density and no affordable way to evaluate it. A
#   GAN is another case: it has no $p(\mathbf{x}|\mathbf{z})$, so there is no such integral.
# - “VAE inexplicitly optimizes the log-likelihood of the data by maximizing the evidence lower
#   bound (ELBO)”: the optimum of a bound is in general not the optimum of the log-likelihood. The
#   difference, a KL divergence, depends on the same parameters.
# - “A good estimation of $p(\mathbf{x})$ makes it possible to efficiently complete many downstream
#   tasks”: filling in needs an integral over the missing coordinates, and section 7 shows rare
#   events with a high density.
#
# ## To remember
#
# - A flow answers how probable a given $x$ is, exactly and in one pass. A VAE has a bound, a GAN
#   nothing.
# - The logit of the best discriminator is the logarithm of a ratio of two densities, not
#   $\log p(x)$.
# - A high density does not make an example normal. It depends on the coordinates.
# - The price of a flow: $z$ has the dimension of $x$, and every layer is invertible.
#
# **Next:** section 2 divided a density by the factor by which a map stretches lengths. What is this
# factor in more dimensions? (`flow/02`)
#
# **Your turn:** `minigen exercise start flow/01`, then `minigen run flow/01 --with
# exercises/flow_01.py`.

# %%
lesson.finish()
