# %% [markdown]
# # Types of generative models: GAN, VAE and flow
#
# This lesson runs the introduction and the section *Types of Generative Models* (flow.s01) of
# [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/). In this lesson:
#
# 1. A GAN, a VAE and a flow all map noise $z$ to data $x$. They are trained on three different
#    objectives: a classification game, a bound of the log-likelihood, the log-likelihood itself.
# 2. We ask each trained model the same questions about a *given* $x$. How probable is it? Which $z$
#    is it generated from?
# 3. We use an exact density to fill in a missing coordinate and to score how rare an example is,
#    and measure how far this score can be trusted.
#
# It helps to have read about a GAN (`gan/02`) and a VAE (`vae/06`), but all that is needed is
# explained here.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/01_types_of_generative_models",
    title="Types of generative models: GAN, VAE and flow",
    post="flow",
    sections=["flow.s01"],
    figures=["flow.f01"],
    minutes=0.4,
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
from scipy.stats import mannwhitneyu, norm, spearmanr

from minigen import plot
from minigen.data import mnist, toy
from minigen.metrics import nll_gap, sampling_floor, sliced_wasserstein
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
# All data here are points of the plane, and so is the noise $z$.
#
# - **GAN** (Goodfellow et al. 2014). To model data is an *unsupervised* problem: the examples have
#   no labels. A GAN makes a *supervised* problem out of it. Label the data *real* and the outputs
#   of a *generator* $G(z)$ *fake*, and train a *discriminator* $D$ to classify them. $D$ maximizes
#   the log-likelihood of the labels, and $G$ minimizes the same number. This is a *minimax* game.
# - **VAE** (Kingma and Welling 2014). A *decoder* defines $p(x|z)$. Its likelihood is an integral
#   over all codes, $p(x) = \int p(x|z)\,p(z)\,dz$, which is intractable for a long code. So an
#   *encoder* $q(z|x)$ is trained too, and both maximize the *evidence lower bound* (ELBO) of $\log
#   p(x)$.
# - **Flow**: a sequence of invertible transformations. Ours is RealNVP (Dinh et al. 2017;
#   `flow/05`), with eight of them, a small network in each. Since $x$ is generated from exactly
#   one $z$, there is nothing to integrate. The loss is the *negative log-likelihood*.

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
    "From top to bottom: GAN, VAE, flow. Follow the arrows from a given x to a z, and from there"
    " back to x.",
)

# %% [markdown]
# ## 2. One Gaussian, three times
#
# First on a line, by hand. Let the data be drawn from a Gaussian with mean 1 and standard deviation
# 2. Noise $z$ from $\mathcal N(0, 1)$ becomes such a number by $x = 2z + 1$. Suppose that all three
# models have this map. How probable is $x = 3$, that is, what is its *density* $p(x)$? (The
# logarithm of a density is measured in *nats*.)
#
# **The flow** inverts the map: $x = 3$ comes from $z = (3 - 1)/2 = 1$ and from no other $z$. The
# map doubles all lengths, so the density of $x$ is half of the density of $z$:
#
# $$\log p(3) = \log \mathcal N(1; 0, 1) - \log 2 .$$

# %%
log_p = norm.logpdf(1.0) - np.log(2)
lesson.check("flow: log p(3)", log_p, equals=norm.logpdf(3.0, 1.0, 2.0))

# %% [markdown]
# **The VAE** adds noise to the output of its decoder, here with standard deviation 0.5, so
# $x = 2z + 1 + 0.5\,\epsilon$. A value $x = 3$ may come from *any* $z$, and values near 1 are the
# most probable ones. $p(3)$ is the mean of $p(3|z)$ over all of them. Here it is known: a Gaussian
# with variance $4 + 0.25$. In general only the ELBO is known, the mean of $\log p(x|z) + \log
# p(z) - \log q(z)$ over draws of $q$. Take $q = \mathcal N(1, 0.25^2)$:

# %%
z = 1 + 0.25 * lesson.rng("by hand").standard_normal(1_000_000)
terms = norm.logpdf(3.0, 2 * z + 1, 0.5) + norm.logpdf(z) - norm.logpdf(z, 1.0, 0.25)
bound = terms.mean()
exact = norm.logpdf(3.0, 1.0, np.sqrt(4.25))
print(f"  VAE: the bound is {bound:.3f}, log p(3) is {exact:.3f}")

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
# For the Gaussians above the precision of the posterior $p(z|x)$ is that of the prior plus that of
# the likelihood, $1 + 2^2/0.5^2 = 17$, and its mean is $16 \cdot 1/17$. With the KL divergence of
# two Gaussians,
#
# $$D_\mathrm{KL} = \tfrac12 \big(\tfrac{17}{16} + 17 \, (1 - \tfrac{16}{17})^2 - 1 - \log
# \tfrac{17}{16}\big) = 0.0303 .$$
#
# </details>

# %%
kl = 0.5 * (17 / 16 + 17 * (1 - 16 / 17) ** 2 - 1 - np.log(17 / 16))
lesson.check("log p(3) minus the bound: KL(q || posterior)", exact - bound, equals=kl, atol=2e-3)

# %% [markdown]
# **The GAN** only generates. But it has a discriminator, which classifies numbers as real or fake.
# Its best logit is $\log p_\text{data}(x) - \log p_G(x)$ (`gan/03`). Take the perfect generator,
# $G(z) = 2z + 1$, and train a discriminator with the logit $w_0 + w_1 x + w_2 x^2$, which includes
# the best one. Then evaluate it at 3, a common number, and at 9, a very rare one.

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
    f"The logits are {logits[0]:.3f} and {logits[1]:.3f}. Real and generated numbers are equally"
    " rare at 9. A discriminator estimates the ratio of two densities, and against a perfect"
    " generator this ratio is 1 everywhere.",
    answer="about 0 at both" if zero else "about 0 at 3, far below 0 at 9",
)

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
# ## 3. Three trainings
#
# The data of this lesson are two moons, a density of which $\log p$ is known, so that every answer
# can be compared with the exact one. The flow and the VAE descend the gradient of their loss, and
# the two networks of the GAN take turns.

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
# ## 4. How probable is a given x?
#
# **The flow** computes $\log p(x)$. To test that $p$ is a density, we sum it over a fine grid of
# the plane. **The VAE** computes its ELBO. Its own $\log p(x)$ is the integral over all codes. A
# code of two coordinates can be put on a grid, so here we can compute how far the ELBO is below
# $\log p(x)$. The grid has $151^2 = 22{,}801$ codes. For a code of 20 coordinates it would have
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


# %%
lesson.predict(
    "How far is the trained VAE's ELBO below its own exact log p(x), on average?",
    ["less than 0.01 nats", "0.01 to 0.5 nats", "more than 0.5 nats"],
)

# %%
some = test[: lesson.size(1000)]
exact = vae_exact(some)
gap_of_vae = np.mean(exact - vae_bound(some))
answer = "0.01 to 0.5 nats" if gap_of_vae > 0.01 else "less than 0.01 nats"
lesson.outcome(
    f"{gap_of_vae:.2f} nats. The encoder outputs one Gaussian for each x, and the posterior p(z|x)"
    " is in general not Gaussian.",
    answer="more than 0.5 nats" if gap_of_vae > 0.5 else answer,
)

# %%
x_side = np.linspace(-3.0, 4.0, lesson.size(101, quick=31), dtype=np.float32)
plane = np.stack(np.meshgrid(x_side, x_side), axis=-1).reshape(-1, 2)
cell = float(x_side[1] - x_side[0]) ** 2
mass_of_flow = np.exp(flow.log_prob(plane).astype(float)).sum() * cell
mass_of_vae = np.exp(vae_exact(plane)).sum() * cell
lesson.check("flow: its density summed over the plane", mass_of_flow, equals=1.0, atol=0.05)
lesson.check("VAE: its exact density, likewise", mass_of_vae, equals=1.0, atol=0.05)
lesson.claim(
    "VAE: exact log p minus the ELBO",
    gap_of_vae,
    between=(0.02, 0.5),
    unit="nats",
    source="seeds 0, 1, 2031: 0.12 to 0.13; a factor of 4 to either side",
)

# %% [markdown]
# **The GAN** has no density. Two substitutes are in use. One is the discriminator's logit, as in
# section 2. The other is *Parzen windows*: draw 10,000 samples, put a small Gaussian of width $h$
# on each, and take their mean as the density. But which $h$? Consider the best case, a *perfect*
# generator, which draws from the moons themselves.

# %%
lesson.predict(
    "Between the widths 0.01 and 0.4, the perfect generator's mean log p on test points varies by",
    ["less than 0.1 nats", "0.1 to 0.5 nats", "more than 0.5 nats"],
)


# %%
def parzen(x, cloud, h):
    """log of the mean of Gaussians of width h around the cloud, (N, 2) -> (N,)."""
    squares = ((x[:, None] - cloud) ** 2).sum(axis=2)  # (N, M)
    return logsumexp(-squares / (2 * h**2), axis=1) - np.log(len(cloud) * 2 * np.pi * h**2)


clouds = {
    "a perfect generator": moons.sample(lesson.rng("perfect"), lesson.size(10_000)).astype(float),
    "the GAN": generator.sample(lesson.rng("cloud"), lesson.size(10_000)).astype(float),
}

# %%
few = test[: lesson.size(300)].astype(float)
widths = [0.01, 0.05, 0.1, 0.4]
by_width = {}
for name, cloud in clouds.items():
    by_width[name] = [parzen(few, cloud, h).mean() for h in widths]
rows = [[name, *values] for name, values in by_width.items()]
rows.append(["the data density, exactly", *[moons.log_prob(few).mean()] * len(widths)])
lesson.table(rows, ["samples of", *(f"h = {h}" for h in widths)], "mean log p by Parzen windows")

# %%
apart = max(by_width["a perfect generator"]) - min(by_width["a perfect generator"])
answer = "more than 0.5 nats" if apart > 0.5 else "0.1 to 0.5 nats"
lesson.outcome(
    f"{apart:.2f} nats. The result depends on the choice of h. In many dimensions, such as the 784"
    " of an MNIST image, no h gives a useful estimate from 10,000 samples.",
    answer=answer if apart > 0.1 else "less than 0.1 nats",
)

# %%
log_p = moons.log_prob(some)
answers = {
    "flow": flow.log_prob(some),
    "VAE, exact": exact,
    "VAE, ELBO": vae_bound(some),
    "GAN, logit": D(some),
}
rows = []
for name, a in answers.items():
    off = None if "GAN" in name else np.mean(log_p - a)
    rows.append([name, spearmanr(log_p, a)[0], off])
lesson.table(rows, ["model", "rank correlation with log p", "nats below the data density"])

# %%
gap, error = nll_gap(moons, flow.log_prob, test)
lesson.claim(
    "flow: nats below the data density",
    gap,
    at_most=0.1,
    unit="nats",
    source="seeds 0, 1, 2031: 0.017 to 0.044, doubled",
)
lesson.claim(
    "flow: rank correlation with log p",
    rows[0][1],
    at_least=0.85,
    source="seeds 0, 1, 2031: 0.92 to 0.94",
)

# %%
lesson.claim(
    "VAE, exact: nats below the data density",
    rows[1][2],
    at_most=0.25,
    unit="nats",
    source="seeds 0, 1, 2031: 0.054 to 0.090",
)
lesson.claim(
    "VAE: std of p(x|z); the noise of the data is 0.1",
    s,
    between=(0.08, 0.2),
    source="seeds 0, 1, 2031: 0.106 to 0.107; it starts at 0.3",
)

# %%
box = (-1.7, 2.7, -1.3, 1.8)
fig, axes = plot.figure(1, 4, size=(2.9, 2.5))
plot.density(moons, axes[0], bounds=box, title="data density")
plot.density(lambda x: np.exp(flow.log_prob(x)), axes[1], bounds=box, title="flow, exact")
plot.density(
    lambda x: np.exp(vae_exact(x)), axes[2], bounds=box, n=60, title="VAE, by a grid of codes"
)
plot.samples(clouds["the GAN"][:3000], moons, axes[3], bounds=box, title="GAN: samples, no density")
lesson.figure(
    fig,
    "densities",
    "Three densities, and samples of a model that has none. Look for bridges between the moons:"
    " each model is a continuous map of one cloud of noise.",
)

# %% [markdown]
# ## 5. Which z is a given x generated from?
#
# *The flow* computes $f^{-1}(x)$. *The VAE's* encoder outputs a distribution over codes. We decode
# its mean, which gives $x$ without the noise of $p(x|z)$. *The GAN* has no network from $x$ to $z$,
# so we search. Start at a random $z$, and descend the gradient of $\|G(z) - x\|^2$ with 300 steps
# of Adam. For points that the GAN itself has generated such a $z$ certainly exists, so we also
# search for the $z$ of its own points.

# %%
lesson.predict(
    "For how many of its own points does the search end at a z with |G(z) - x| below 0.01?",
    ["nearly all", "half to nine tenths", "less than half"],
)

# %%
searches = lesson.size(300, quick=10)


def search(target):
    """The z at which the search for each target ends, (N, 2)."""
    found = {"z": generator.latent(lesson.rng("search"), len(target))}
    adam = Adam(found, 0.05)
    slope = grad(lambda found: np.sum((generator(found["z"]) - target) ** 2))
    for _ in range(searches):
        adam.step(slope(found))
    return found["z"]


# %%
target = test[: lesson.size(500)]
own = generator.sample(lesson.rng("own points"), len(target))
z, _ = flow.bijection.inverse(target)
returned = {
    "flow": flow.bijection.forward(z)[0],
    "VAE": vae.reconstruct(target),
    "GAN": generator(search(target)),
    "GAN, its own points": generator(search(own)),
}

# %%
distances = {}
for name, x in returned.items():
    distances[name] = np.linalg.norm(x - (own if "own" in name else target), axis=1)
near = {name: np.mean(d < 0.01) for name, d in distances.items()}
rows = [[name, np.median(d), np.quantile(d, 0.9), near[name]] for name, d in distances.items()]
header = ["model", "median distance", "90 % below", "share below 0.01"]
lesson.table(rows, header, "from x to z to x")

# %%
share = near["GAN, its own points"]
answer = "nearly all" if share > 0.9 else "half to nine tenths"
lesson.outcome(
    f"{share:.0%}. The squared distance has local minima in z, and a search that starts at the"
    " wrong place ends in one of them.",
    answer="less than half" if share < 0.5 else answer,
)
lesson.check("flow: from x to z to x, largest distance", distances["flow"].max(), at_most=1e-3)

# %%
fig, axes = plot.figure(1, 3, size=(3.4, 2.7))
for ax, name in zip(axes, ["flow", "VAE", "GAN"]):
    plot.samples(target, ax=ax, bounds=box, color=plot.color.real, size=8)
    pairs = np.stack([target, returned[name]])[:, :150]  # (2, 150, 2): from, to
    title = f"{name}: from x to z to x"
    plot.trajectories(pairs, ax, bounds=box, ends=False, color=plot.color.fake, title=title)
lesson.figure(
    fig,
    "round_trips",
    "Blue points are data. An orange line connects each of them with the x that is generated from"
    " its z. For the flow both coincide, so its lines have no length.",
)

# %% [markdown]
# A real $x$ may also lie where $G$ generates nothing. The loss of a GAN has no term for each
# example, so it may leave out a part of the data (*mode collapse*, `gan/04`).
#
# ## 6. What a density is for: missing coordinates and rare examples
#
# The post names four uses of a good estimate of $p(x)$: generating, inferring latent variables (the
# section above), filling in incomplete data, and predicting how rare an event is. Take the last
# two.
#
# **Filling in.** Suppose that only the first coordinate is known, $x_1 = 0.5$. The density of the
# second one is proportional to the joint density along the line $x_1 = 0.5$:
#
# $$p(x_2 | x_1) = \frac{p(x_1, x_2)}{\int p(x_1, x_2)\, dx_2} .$$

# %%
x2 = np.linspace(-2.0, 2.5, 901)
line = np.stack([np.full_like(x2, 0.5), x2], axis=1).astype(np.float32)
conditionals = {}
for name, log_prob in {"data": moons.log_prob, "flow": flow.log_prob}.items():
    joint = np.exp(log_prob(line).astype(float))
    conditionals[name] = joint / (joint.sum() * (x2[1] - x2[0]))
difference = np.abs(conditionals["flow"] - conditionals["data"])
variation = 0.5 * difference.sum() * (x2[1] - x2[0])

# %%
shades = [plot.color.ink, plot.color.model]
title = "the second coordinate, given that the first is 0.5"
ax = plot.line(x2, conditionals, colors=shades, title=title, xlabel="$x_2$", ylabel="density")
lesson.figure(
    ax,
    "filling_in",
    "The line crosses both moons, so the missing coordinate has two probable values. A single"
    " prediction would be wrong for both of them.",
)
lesson.claim(
    "filling in: total variation between flow and data",
    variation,
    at_most=0.25,
    source="seeds 0, 1, 2031: 0.039 to 0.049; at most 1 is possible",
)

# %% [markdown]
# In the plane the integral is a sum over a line. In 784 dimensions it is intractable, unless the
# model is built for it. An autoregressive model, for example, fills in those coordinates that come
# last in its order (`flow/09`).
#
# **Rare examples.** Use $-\log p(x)$ as an *anomaly score*. Its quality is the share of pairs of a
# normal example and an anomaly in which the anomaly has the higher score (the area under the ROC
# curve, *AUC*): 1 is perfect, and a random score has ½. The anomalies here are points drawn
# uniformly from a rectangle around the moons. Some of them fall onto the moons, so even the exact
# density does not reach 1.


# %%
def auc(normal, anomalies):
    """The share of pairs in which the anomaly has the higher score."""
    u = mannwhitneyu(anomalies, normal).statistic
    return u / (len(normal) * len(anomalies))


uniform = lesson.rng("anomalies").uniform([-1.7, -1.3], [2.7, 1.8], (len(some), 2))
uniform = uniform.astype(np.float32)
scores = {
    "the data density": (moons.log_prob(some), moons.log_prob(uniform)),
    "flow": (flow.log_prob(some), flow.log_prob(uniform)),
    "VAE, exact": (exact, vae_exact(uniform)),
    "GAN, logit": (D(some), D(uniform)),
}

# %%
aucs = {name: auc(-normal, -odd) for name, (normal, odd) in scores.items()}
lesson.table(aucs.items(), ["minus log p of", "AUC"], "uniform points against the moons")
lesson.claim(
    "AUC of the data density minus that of the flow",
    abs(aucs["the data density"] - aucs["flow"]),
    at_most=0.02,
    source="seeds 0, 1, 2031: 0.002 to 0.003",
)

# %% [markdown]
# Now *images* of a class that was held out. A small exact model is enough: MNIST digits of 7 × 7
# pixels (means of 4 × 4 pixels), with uniform noise of one gray level. Let $y$ be the logits of the
# pixels. The flow is one linear map, $y = m + Lz$ with a triangular $L$, the 49-dimensional form of
# $x = 2z + 1$. What is $\log p(y)$? (The determinant of a triangular matrix, its volume factor, is
# the product of the diagonal; `flow/02`.)

# %%
lesson.exercise("flow/01/linear_flow_log_prob")

# %% [markdown]
# The likelihood is largest if $m$ is the mean of the data and $LL^\top$ their covariance, so no
# training is needed. Both steps are invertible, and $\log p(x)$ is exact.


# %%
def small(images, rng):
    """Logits (N, 49) of the pixels of digits, and the log-determinant of pixels -> logits (N,)."""
    blocks = images.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)
    return mnist.to_logit(blocks + rng.random(blocks.shape), 0.01)


def linear_flow(y):
    """The mean (49,) and the triangular matrix (49, 49) of the linear flow that is fitted to y."""
    return y.mean(axis=0), np.linalg.cholesky(np.cov(y.T))


# %%
lesson.show_source(linear_flow_log_prob)
by_hand = linear_flow_log_prob(np.array([[3.0]]), np.array([1.0]), np.array([[2.0]]))
lesson.check("x = 2z + 1 again: log p(3)", by_hand[0], equals=norm.logpdf(3.0, 1.0, 2.0))

# %%
data = mnist.load()
few_images = data.train_images[: lesson.size(20_000, quick=2000)]
y_train, _ = small(few_images, lesson.rng("dequantize"))
y_test, log_det = small(data.test_images, lesson.rng("dequantize test"))
seen_labels, labels = data.train_labels[: len(few_images)], data.test_labels

# %% [markdown]
# For each digit, fit the flow to the nine *other* digits. The score of a test image is $-\log p(x)$
# with $\log p(x) = \log p(y) + \log|\det dy/dx|$ (`flow/03`). The first row of the table will be
# the digit 0 as the anomaly.

# %%
lesson.predict(
    "A flow is fitted to all digits except 1. What is the AUC of its score, with the ones as"
    " anomalies?",
    ["above 0.8", "between 0.3 and 0.8", "below 0.3"],
)

# %%
by_class, log_p_without = {}, {}
for digit in range(10):
    m, L = linear_flow(y_train[seen_labels != digit])
    log_p_x = linear_flow_log_prob(y_test, m, L) + log_det
    log_p_without[digit] = log_p_x
    by_class[digit] = auc(-log_p_x[labels != digit], -log_p_x[labels == digit])
mean_log_det = [log_det[labels == digit].mean() for digit in range(10)]
rows = zip(by_class, by_class.values(), mean_log_det)
header = ["digit that was held out", "AUC", "its mean log |det dy/dx|, nats"]
lesson.table(rows, header, "digits of a class never seen")

# %%
ones = by_class[1]
answer = "above 0.8" if ones > 0.8 else "between 0.3 and 0.8"
lesson.outcome(
    f"{ones:.2f}. The flow assigns a higher density to most of the ones, which it was not fitted"
    " to, than to digits of the classes that it was fitted to. For sixes the score works: their AUC"
    f" is {by_class[6]:.2f}.",
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
    "The density of test images under a flow that was fitted without one class. An anomaly score"
    " assumes that the held-out class (orange) is on the left.",
)

# %%
lesson.check(
    "the digit with the largest mean log |det dy/dx|", int(np.argmax(mean_log_det)), equals=1
)
lesson.claim(
    "held-out sixes: AUC",
    by_class[6],
    at_least=0.8,
    source="seeds 0, 1, 2031: 0.876 to 0.878; nothing is trained",
)
lesson.claim(
    "held-out ones: AUC",
    ones,
    at_most=0.2,
    source="seeds 0, 1, 2031: 0.050 to 0.051; nothing is trained",
)

# %% [markdown]
# An *exact* likelihood can be higher on outliers. Nalisnick et al. (2019) found this for flows,
# VAEs and PixelCNNs: trained on photographs of objects (CIFAR-10), they assign a higher likelihood
# to house numbers (SVHN). In our example the last column of the table explains most of it. Blank
# pixels are common to all digits, so they have a high density, and a one has the most of them: its
# $\log|\det dy/dx|$ is the largest.
#
# There is a more general reason. A density can be highest in a region so small that almost no data
# fall into it. The simplest example is $x \sim \mathcal N(0, I)$ in $D$ dimensions. Its density is
# highest at the point 0. But the draws have a distance of about $\sqrt D$ from it, and on average
# $\log p(0)$ exceeds their $\log p$ by $\mathbb E\|x\|^2/2 = D/2$.

# %%
draws = lesson.rng("shell").standard_normal((100_000, 49))
above = 0.5 * np.sum(draws**2, axis=1)  # log p(0) - log p(x)
error = above.std() / np.sqrt(len(above))
print(f"  log p(0) - log p(x): mean {above.mean():.2f}, smallest {above.min():.2f} nats")
lesson.check("mean of log p(0) - log p(x) at D = 49", above.mean(), equals=49 / 2, atol=5 * error)
lesson.check("the smallest of them: every draw is less probable than 0", above.min(), at_least=1)

# %%
lesson.change(
    "in other units",
    "A density depends on its units. Score the logits $y$ in place of the pixels: change "
    "`linear_flow_log_prob(y_test, m, L) + log_det` to `linear_flow_log_prob(y_test, m, L)` and "
    "run again. What is the AUC of the ones now?",
    answer="About one half (0.53). The images are the same and so is the flow, but an invertible "
    "change of coordinates changes which examples have a high density (`flow/03`). So a density "
    "alone does not define which examples are anomalies.",
)

# %% [markdown]
# ## 7. What a sample costs, and how good it is
#
# All three models generate a sample in one pass. We count its multiplications, one for each weight
# that is used. The quality of the samples is their sliced Wasserstein distance from new data, over
# the *floor*, which is this distance between two sets of data. *Outliers* are samples at places
# less probable than 99 % of the data are.


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
    "GAN": [weights(G), 3 * searches * weights(G), None, None],
}

# %%
rng = lesson.rng("judge")
n = lesson.size(4000)


def distance(x, y):
    return sliced_wasserstein(x, y, 100, rng)


floor = sampling_floor(distance, moons.sample, n, rng, repeats=lesson.size(10, quick=2)).mean
rare = np.quantile(moons.log_prob(moons.sample(rng, 20_000)), 0.01)
worth = {}
for name, model in {"flow": flow, "VAE": vae, "GAN": generator}.items():
    x = model.sample(rng, n)
    worth[name] = [distance(x, moons.sample(rng, n)) / floor, np.mean(moons.log_prob(x) < rare)]

# %%
rows = [[name, *prices[name]] for name in prices]
header = ["model", "sample", "x to z", "ELBO, one draw", "log p"]
lesson.table(rows, header, "multiplications for one point")
rows = [[name, *worth[name]] for name in worth]
lesson.table(rows, ["model", "distance / floor", "outliers (data: 0.01)"], "quality of the samples")

# %%
seen = {"flow": (4, "0.86 to 1.23"), "VAE": (4, "1.27 to 2.75"), "GAN": (8, "1.58 to 3.23")}
for name, (most, measured) in seen.items():
    source = f"seeds 0, 1, 2031: {measured}; 23 to 29 untrained"
    ratio, outliers = worth[name]
    lesson.claim(f"{name}: distance of its samples / floor", ratio, at_most=most, source=source)
    if name != "GAN":
        source = "seeds 0, 1, 2031: 0.016 to 0.049; about 0.5 untrained"
        lesson.claim(f"{name}: outliers among its samples", outliers, at_most=0.15, source=source)

# %% [markdown]
# (One step of the search counts as three passes, one forward and the work of two backward.) A
# sample of the flow costs the most: its eight couplings follow one another, and each changes only
# half of the coordinates. This is the price of *couplings*. Other invertible layers change all
# coordinates at once (`flow/04`, `flow/11`).
#
# | | GAN | VAE | flow |
# |---|---|---|---|
# | trained on | a classification game (minimax) | the ELBO, a bound of log p(x) | log p(x) |
# | likelihood of x | none | a lower bound | exact |
# | z of x | by search | a distribution, by the encoder | exactly one, by inversion |
# | dimension of z | any | any, mostly small | that of x |
# | networks | any | any two | invertible ones only |
#
# ## 8. Where the post is loose
#
# - “Neither of them explicitly learns the probability density function of real data”: this puts two
#   different cases into one sentence. A GAN has no density. A VAE has an explicit one, decoder and
#   prior define it, and we have computed it. What it lacks is an affordable way to evaluate it.
# - “VAE inexplicitly optimizes the log-likelihood of the data by maximizing the evidence lower
#   bound (ELBO)”: the optimum of a bound is in general not that of the log-likelihood. The
#   difference, a KL divergence, depends on the same parameters.
# - “A good estimation of $p(\mathbf{x})$ makes it possible to efficiently complete many downstream
#   tasks: [...] predict the rareness of future events (density estimation), infer latent variables,
#   fill in incomplete data samples, etc.”: the density alone does not do all of these efficiently.
#   Filling in needs an integral over the missing coordinates, and section 6 shows rare events with
#   a high density.
#
# **Our deviations:** the last node of the flow in our figure is $= x$ and that of the VAE $\approx
# x$; the post labels both $x'$. The experiments are ours; the section of the post has none.
#
# **Left out:** autoregressive models, whose likelihood is exact too (later in this post), and
# diffusion models (the diffusion post). **Next:** section 2 divided a density by the factor by
# which a map stretches lengths. What is this factor in more dimensions? `flow/02` measures how a
# map changes volumes, and `flow/03` what this does to a density.
#
# **Your turn:** `minigen exercise start flow/01`, then `minigen run flow/01 --with
# exercises/flow_01.py`.

# %%
lesson.finish()
