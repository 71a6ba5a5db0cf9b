# %% [markdown]
# # Three ways to model data, and what each can compute
#
# The section *Types of Generative Models* (flow.s01) of [Flow-based Deep Generative
# Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/), run. To take away:
#
# 1. A GAN, a VAE and a flow all turn noise $z$ into data $x$. They differ in which questions about
#    a *given* $x$ they can answer.
# 2. How probable is $x$? A flow says exactly, a VAE says "at least so much", a GAN says nothing.
# 3. Which $z$ does $x$ come from? A flow has one answer and finds it in one pass, a VAE has a
#    guess, a GAN must search.
#
# It helps to have met a GAN (`gan/02`) and a VAE (`vae/06`), but all that is needed is said here.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/01_types_of_generative_models",
    title="Three ways to model data, and what each can compute",
    post="flow",
    sections=["flow.s01"],
    figures=["flow.f01"],
    equations=[],
    minutes=0.8,
    sources=["weng2018flow", "goodfellow2014gan", "kingma2014vae", "dinh2017realnvp"],
)

# %%
import autograd.numpy as np
from scipy.stats import norm, spearmanr

from minigen import plot
from minigen.data import toy
from minigen.flow.realnvp import RealNVP
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.metrics import nll_gap, sampling_floor, sliced_wasserstein
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import grad, leaves, logsumexp
from minigen.train import descend
from minigen.vae.likelihoods import Gaussian
from minigen.vae.vae import VAE, vae_loss

# %% [markdown]
# ## 1. One Gaussian, three times
#
# Let the data be numbers from a Gaussian with mean 1 and standard deviation 2. Noise $z$ from
# $\mathcal N(0, 1)$ becomes such a number by $x = 2z + 1$. All three models can learn this map;
# suppose that they have. Now somebody brings $x = 3$ and asks how probable it is (its *density*
# $p(x)$; its logarithm is counted in *nats*).
#
# **The flow** goes back: $x = 3$ comes from $z = (3 - 1)/2 = 1$ and from no other $z$. The map
# doubles all lengths, so the density is half of that of $z$:
#
# $$\log p(3) = \log \mathcal N(1; 0, 1) - \log 2 .$$

# %%
log_p = norm.logpdf(1.0) - np.log(2)
lesson.check("flow: log p(3)", log_p, equals=norm.logpdf(3.0, 1.0, 2.0))

# %% [markdown]
# **The VAE** adds a little noise to what its decoder says, here of standard deviation 0.5: now
# $x = 2z + 1 + 0.5\,\epsilon$. So $x = 3$ may come from *any* $z$, though $z$ near 1 is likelier,
# and $p(3)$ is an average over all of them. In this case it is known, again a Gaussian, of variance
# $4 + 0.25$. In general it is not. A VAE has instead a guess $q(z)$ of where $x$ came from, its
# encoder's, and computes with it the *evidence lower bound*, ELBO for short: the mean of $\log
# p(x|z) + \log p(z) - \log q(z)$ over draws of $q$. Take the guess $q = \mathcal N(1, 0.25^2)$:

# %%
z = 1 + 0.25 * lesson.rng("by hand").standard_normal(1_000_000)
terms = norm.logpdf(3.0, 2 * z + 1, 0.5) + norm.logpdf(z) - norm.logpdf(z, 1.0, 0.25)
bound = terms.mean()
exact = norm.logpdf(3.0, 1.0, np.sqrt(4.25))
print(f"  VAE: the bound is {bound:.3f}, log p(3) is {exact:.3f}")

# %% [markdown]
# What is missing is $D_\mathrm{KL}(q \,\|\, p(z|x))$. Here the posterior is a Gaussian, too: its
# precision is $1 + 2^2 / 0.5^2 = 17$, its mean 16/17. So
#
# $$D_\mathrm{KL} = \tfrac12 \big(\tfrac{17}{16} + 17 \, (1 - \tfrac{16}{17})^2 - 1 - \log
# \tfrac{17}{16}\big) .$$

# %%
kl = 0.5 * (17 / 16 + 17 * (1 - 16 / 17) ** 2 - 1 - np.log(17 / 16))
lesson.check("what the bound misses: KL(q || posterior)", exact - bound, equals=kl, atol=2e-3)

# %% [markdown]
# **The GAN** only draws. But training gave it a second network, the discriminator $D$, which says
# how much rather $x$ is a real example than a generated one: the best $D$ outputs the logit
# $\log p_\text{data}(x) - \log p_G(x)$. Is that of use? Take the perfect generator, $G(z) = 2z +
# 1$, and ask the best $D$ about 3, a common number here, and 9, a very rare one.

# %%
lesson.predict(
    "What are the two logits?",
    [
        "log p(3) and log p(9)",
        "about 0 at 3, far below 0 at 9",
        "the same at 3 and at 9",
    ],
)

# %%
x = np.array([3.0, 9.0])
log_p_data = norm.logpdf(x, 1.0, 2.0)
log_p_generated = norm.logpdf(x, 1.0, 2.0)
logits = log_p_data - log_p_generated

# %%
lesson.check("logits of the best D at 3 and at 9", logits, equals=[0.0, 0.0])
lesson.outcome(
    "Both are 0: real and generated numbers are equally rare at 9. A discriminator knows a ratio of"
    " two densities, and when the game is won the ratio is 1 everywhere.",
    answer="the same at 3 and at 9",
)

# %%
lesson.change(
    "a narrow generator",
    "Give the generator half the deviation of the data: change its line to `log_p_generated = "
    "norm.logpdf(x, 1.0, 1.0)` and run again. Which of the two numbers gets the higher logit, "
    "and is it the more probable one?",
    answer="9 gets 23.31 and 3 only 0.81, although 9 is far less probable. The logit is high "
    "where the generator draws too rarely, whatever the density of the data is there.",
)

# %% [markdown]
# ## 2. The three machines (figure f01)
#
# Now in the plane, with networks. Noise and data both have two numbers. We shall need:
#
# - a GAN: generator $G$ and discriminator $D$, trained against each other;
# - a VAE: an encoder, which guesses $z$ from $x$, and a decoder, trained on the ELBO;
# - a flow: one network, RealNVP, which can be run in both directions (`flow/05`), trained on $\log
#   p(x)$ itself.

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
    "From above: GAN, VAE, flow. Look for the way from x to z: the GAN has none, the VAE's leads"
    " back to x only roughly, the flow's exactly.",
)

# %% [markdown]
# The data: two moons, a density of which $\log p$ is known, so that every answer can be judged.
# Small trainings; the GAN's players move in turns, the others follow their gradient.

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
# ## 3. How probable is this x?
#
# **The flow** is asked, and answers; to be sure that it is a density, we sum it over a fine grid of
# the plane. **The VAE** answers with its ELBO. Its own $\log p(x)$ is an integral over all codes;
# with two numbers in a code one can do it, on a grid of codes, to see how much the ELBO misses.
# (With 20 numbers one cannot.)


# %%
side = np.linspace(-4.5, 4.5, lesson.size(151, quick=41), dtype=np.float32)
codes = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # (K, 2)
log_mass = norm.logpdf(codes).sum(axis=1) + 2 * np.log(side[1] - side[0])  # (K,), of a cell
means = vae.decode(codes).astype(float)  # (K, 2)
s = vae.likelihood.std


def vae_exact(x):
    """The VAE's log p(x), (N, 2) -> (N,): the sum over the grid of codes of p(x|z) p(z)."""
    results = []
    for part in np.array_split(x.astype(float), 1 + len(x) // 50):
        squares = ((part[:, None] - means) ** 2).sum(axis=2)  # (n, K)
        log_px_z = -squares / (2 * s**2) - np.log(2 * np.pi * s**2)
        results.append(logsumexp(log_px_z + log_mass, axis=1))
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
    f"{gap_of_vae:.2f} nats. The encoder's guess is one Gaussian for each x; the codes that may"
    " really have made x need not lie like that.",
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
lesson.claim("VAE: exact log p above the ELBO", gap_of_vae, between=(0.02, 0.5), unit="nats")

# %% [markdown]
# **The GAN** has no density to ask for. Two things are tried all the same. The discriminator's
# logit: section 1 said what to expect. And *Parzen windows*: draw 10,000 samples, put a small
# Gaussian of width $h$ on each, and call their average the density. But how wide? Give this judge
# its best chance: a *perfect* generator, which draws from the moons themselves.

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
rows.append(["the truth, exactly", *[moons.log_prob(few).mean()] * len(widths)])
lesson.table(rows, ["samples of", *(f"h = {h}" for h in widths)], "mean log p by Parzen windows")

# %%
apart = max(by_width["a perfect generator"]) - min(by_width["a perfect generator"])
answer = "more than 0.5 nats" if apart > 0.5 else "0.1 to 0.5 nats"
lesson.outcome(
    f"{apart:.2f} nats. Whoever chooses h chooses the verdict, and in more dimensions than two no h"
    " is any good.",
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
lesson.table(rows, ["answer", "rank correlation with log p", "nats below the truth"])

# %%
gap, error = nll_gap(moons, flow.log_prob, test)
lesson.claim("flow: nats below the truth", gap, at_most=0.1, unit="nats")
lesson.claim("flow: rank correlation with log p", rows[0][1], at_least=0.85)
lesson.claim("VAE, exact: nats below the truth", rows[1][2], at_most=0.25, unit="nats")
lesson.claim("VAE: std of p(x|z); the noise of the data is 0.1", s, between=(0.08, 0.2))

# %%
box = (-1.7, 2.7, -1.3, 1.8)
fig, axes = plot.figure(1, 4, size=(2.9, 2.5))
plot.density(moons, axes[0], bounds=box, title="truth")
plot.density(lambda x: np.exp(flow.log_prob(x)), axes[1], bounds=box, title="flow, exact")
plot.density(
    lambda x: np.exp(vae_exact(x)), axes[2], bounds=box, n=60, title="VAE, by a grid of codes"
)
plot.samples(clouds["the GAN"][:3000], moons, axes[3], bounds=box, title="GAN: samples, no density")
lesson.figure(
    fig,
    "densities",
    "The first three are formulas, the last can only be looked at. Look for threads between the"
    " moons: each model is a continuous map of one cloud of noise.",
)

# %% [markdown]
# ## 4. Which z does this x come from?
#
# *The flow* runs backward. *The VAE's* encoder names a most likely code; decoding it gives $x$ back
# without the noise of $p(x|z)$. *The GAN* must search: begin at a random $z$, and walk down the
# slope of $\|G(z) - x\|^2$, 300 steps of Adam. To be fair, let it also search for points that it
# has generated itself, so that there surely is a $z$.

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
lesson.outcome(f"{share:.0%}.", answer="less than half" if share < 0.5 else answer)
lesson.check("flow: from x to z to x, largest distance", distances["flow"].max(), at_most=1e-3)
lesson.claim("GAN: share of its own points that the search finds", share, at_most=0.9)

# %%
fig, axes = plot.figure(1, 3, size=(3.4, 2.7))
for ax, name in zip(axes, ["flow", "VAE", "GAN"]):
    plot.samples(target, ax=ax, bounds=box, color=plot.color.real, size=8)
    pairs = np.stack([target, returned[name]])[:, :150]  # (2, 150, 2): from, to
    title = f"{name}: from x to what comes back"
    plot.trajectories(pairs, ax, bounds=box, ends=False, color=plot.color.fake, title=title)
lesson.figure(
    fig,
    "round_trips",
    "Blue points are data; an orange line leads to what came back. Flow: no lines. VAE: short ones,"
    " onto the curve, for the noise is lost. GAN: the search also gets stuck far away.",
)

# %% [markdown]
# The search ends in a valley that leads nowhere. And a real $x$ may lie where $G$ never goes: a GAN
# may leave out what it likes, and nothing in its loss says so.
#
# ## 5. What a sample costs, and what it is worth
#
# All three need one pass. Its price is the number of multiplications, one for each weight that is
# used. The worth: the sliced Wasserstein distance from fresh data, over the *floor*, which is what
# two sets of data have between them; and strays, samples at places less probable than 99 % of the
# data are.


# %%
def weights(*models):
    """The multiplications of one pass: entries of all the weight matrices."""
    return sum(a.size for model in models for a in leaves(model) if a.ndim == 2)


couplings = flow.bijection.bijections[:-1]
prices = {
    "flow": [weights(*couplings)] * 3,
    "VAE": [weights(vae.decoder), weights(vae.encoder), weights(vae)],
    "GAN": [weights(G), 3 * searches * weights(G), None],
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
rows = [[name, *prices[name], *worth[name]] for name in prices]
header = ["model", "sample", "x to z", "log p", "distance / floor", "strays (data: 0.01)"]
lesson.table(rows, header, "multiplications for one point, and the worth of samples")
for name, most in [("flow", 0.15), ("VAE", 0.15), ("GAN", 0.4)]:  # a GAN's game may still swing
    lesson.claim(f"{name}: strays among its samples", worth[name][1], at_most=most)

# %% [markdown]
# (The search counts three passes a step: one forward, and two passes' work backward.) The flow
# pays most for a sample: eight networks one after the other, and each may change only half of the
# numbers. That is the price of being invertible.
#
# | | GAN | VAE | flow |
# |---|---|---|---|
# | trained on | the verdict of a second network | a bound of log p(x) | log p(x) |
# | likelihood of x | none | a lower bound | exact |
# | z of x | search | a distribution, by the encoder | exactly one, by inversion |
# | size of z | any | any, mostly small | that of x |
# | network | any | any two | only invertible ones |
#
# ## 6. Where the post is loose
#
# - It says that a VAE does not learn $p(x)$ explicitly. It does define one, and we have computed
#   it; what is missing is a cheap way to evaluate it.
# - In its picture of a flow $x'$ comes out at the end, as for a VAE. For a flow $x' = x$, whether
#   it is trained or not (try it): there is no reconstruction to learn.
#
# **Left out:** autoregressive models, which are exact as well (later in this post), and diffusion,
# the fourth column (the diffusion post). **Next:** what is the "doubles all lengths, so the density
# is half" of section 1 in more dimensions? `flow/02` measures how a map changes volumes, `flow/03`
# what that does to a density.

# %%
lesson.finish()
