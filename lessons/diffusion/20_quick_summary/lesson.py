# %% [markdown]
# # Quick Summary: four families at equal cost
#
# You have data, and you want a model that makes more of them. Four posts have shown you a GAN, a
# VAE, a flow and a diffusion model, and the paper behind each reports better results than the
# papers before it. But these papers differ in their data, in the sizes of their networks and in the
# hours of training, so their numbers do not answer your question. Which family would you take?
#
# We let the four families compete at equal cost. First we look at what each can do at all (section
# 1), and at the promise that a diffusion model is both tractable and flexible (2 and 3). Then all
# four are trained for the same time on points of the plane (4) and on digits (5 to 7). At the end
# we choose a model for each purpose (8). This lesson follows the section *Quick Summary* of [What
# are Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: one lesson of each post (`gan/12`, `vae/06`, `flow/05`, `diffusion/04`), and
# `diffusion/10` (DDIM).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/20_quick_summary",
    title="Quick Summary: four families at equal cost",
    post="diffusion",
    sections=["diffusion.s18"],
    figures=["diffusion.f01"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=4.5,
    picture="digits",
    sources=[
        "weng2021diffusion",
        "goodfellow2014gan",
        "kingma2014vae",
        "sohldickstein2015thermo",
        "dinh2017realnvp",
        "ho2020ddpm",
        "song2021sde",
    ],
)

# %%
import time
from itertools import pairwise

import autograd.numpy as np
from numpy.polynomial.hermite_e import hermegauss

from minigen import plot
from minigen.data import mnist, toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import eps_model_from_v, q_sample, simple_loss, v_loss
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.guidance import conditional
from minigen.diffusion.likelihood import prior_term, vlb_term, vlb_terms
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import ancestral, clipped, ddim
from minigen.diffusion.schedule import Schedule

# %%
from minigen.diffusion.probability_flow import angle, posterior_divergence
from minigen.diffusion.probability_flow import spaced_angles, velocity_model
from minigen.flow.bijection import Flow, StandardNormal
from minigen.flow.continuous import ContinuousFlow
from minigen.flow.multiscale import ImageRealNVP
from minigen.flow.realnvp import RealNVP
from minigen.gan.networks import ConvDiscriminator, ConvGenerator, Discriminator, Generator
from minigen.gan.train import goodfellow_step, wgan_gp_step

# %%
from minigen.metrics import sliced_wasserstein
from minigen.metrics.digits import class_gaussian_digits, judge_digits
from minigen.metrics.floor import OverFloor
from minigen.optim import EMA, Adam, cosine
from minigen.tensor import batched
from minigen.train import descend
from minigen.vae.likelihoods import Gaussian
from minigen.vae.vae import VAE, vae_loss

# %% [markdown]
# ## 1. Four machines
#
# Before we measure anything, let's see what each family can do by its construction. The post's
# introduction names a limit of each of the three older ones. GANs are known for "potentially
# unstable training and less diversity in generation", a VAE "relies on a surrogate loss", and flows
# "have to use specialized architectures to construct reversible transform".

# %%
gan = {
    "gz": plot.node("$z$", "noise", (0, 0)),
    "G": plot.node("generator", "model", (1, 0)),
    "gf": plot.node("$x'$", "fake", (2, 0)),
    "gx": plot.node("$x$", "data", (2, 0.7)),
    "D": plot.node("discriminator", "model", (3, 0.35)),
    "out": plot.node("real or fake?", "loss", (4, 0.35)),
}
vae_row = {
    "vx": plot.node("$x$", "data", (0, 1.6)),
    "E": plot.node("encoder", "model", (1, 1.6)),
    "vz": plot.node("$z$", "latent", (2, 1.6)),
    "De": plot.node("decoder", "model", (3, 1.6)),
    "vf": plot.node("$x'$", "fake", (4, 1.6)),
}

# %%
flow_row = {
    "fx": plot.node("$x$", "data", (0, 2.6)),
    "F": plot.node("flow", "model", (1, 2.6)),
    "fz": plot.node("$z$", "latent", (2, 2.6)),
    "B": plot.node("inverse flow", "model", (3, 2.6)),
    "ff": plot.node("$x' = x$", "fake", (4, 2.6)),
}
diffusion_row = {
    "x0": plot.node("$x_0$", "data", (0, 3.6)),
    "x1": plot.node("$x_1$", at=(1, 3.6)),
    "x2": plot.node("$x_2$", at=(2, 3.6)),
    "dots": plot.node("...", "text", (3, 3.6)),
    "xT": plot.node("$x_T$", "noise", (4, 3.6)),
}

# %%
ways = ["gz -> G -> gf -> D -> out", "gx -> D", "vx -> E -> vz -> De -> vf"]
ways += ["fx -> F -> fz -> B -> ff", "x0 -> x1 -> x2 -> dots -> xT"]
ways += ["xT --> dots", "dots --> x2", "x2 --> x1", "x1 --> x0"]
lesson.figure(
    plot.schematic(gan | vae_row | flow_row | diffusion_row, ways),
    "f01_four_machines",
    "From top to bottom: a GAN, a VAE, a flow and a diffusion model. Look for a way from an example"
    " x to a code.",
)

# %% [markdown]
# Only the GAN has no way from an example to a code. The code of a VAE is small. Those of a flow and
# of a diffusion model are as large as the example. So if you want to compress, to compare or to
# edit given examples, the choice is smaller before any training begins. The next question is harder
# to read off a diagram. What does a model know about the density of its data?
#
# ## 2. Tractable or flexible?
#
# The post's summary begins with two aims that pull apart: "Tractable models can be analytically
# evaluated and cheaply fit data (e.g. via a Gaussian or Laplace), but they cannot easily describe
# the structure in rich datasets." Let's take four numbers as data, $-2, 0, 0, 2$, and fit both
# densities by maximum likelihood, a Gaussian and a Laplace density $e^{-|x - m|/b}/2b$.

# %%
x = np.array([-2.0, 0.0, 0.0, 2.0])
s, a = np.mean((x - np.mean(x)) ** 2), np.mean(np.abs(x - np.median(x)))
gaussian = -(np.log(2 * np.pi * s) + 1) / 2
laplace = -(np.log(2 * a) + 1)
lesson.check("mean log p, Gaussian", gaussian, equals=-1.766, atol=5e-4)
lesson.check("mean log p, Laplace", laplace, equals=-1.693, atol=5e-4)
scale = np.linspace(0.1, 5, 4901)
tried = -np.log(2 * np.pi * scale) / 2 - s / (2 * scale), -np.log(2 * scale) - a / scale
lesson.check("best of 4,901 scales", np.max(tried, axis=1), equals=[gaussian, laplace])

# %% [markdown]
# Neither fit takes a gradient step. The best variance is the mean square, $(4 + 0 + 0 + 4)/4 = 2$.
# The best $b$ is the mean distance from the median, $(2 + 0 + 0 + 2)/4 = 1$. The mean log-densities
# are then
#
# $$-\tfrac12\big(\log(2\pi \cdot 2) + 1\big) = -1.766 \qquad\text{and}\qquad -(\log 2 + 1) =
# -1.693.$$
#
# The Laplace density is better here, but neither has the three peaks of the data.
#
# <details><summary>Derivation: the best Gaussian and the best Laplace density</summary>
#
# *Gaussian*, with mean square deviation $s$: the mean of $\log p$ is $-\frac12 \log 2\pi v - s/2v$.
# Its derivative with respect to $v$, $-1/2v + s/2v^2$, is 0 at $v = s$, where the value is
# $-\frac12(1 + \log 2\pi s)$.
#
# *Laplace*, with mean distance $a$ from $m$: the mean is $-\log 2b - a/b$. Its derivative with
# respect to $b$, $-1/b + a/b^2$, is 0 at $b = a$, where the value is $-(\log 2a + 1)$. The median
# has the smallest $a$.
#
# </details>

# %%
lesson.change(
    "no data in the middle",
    "Change `x = np.array([-2.0, 0.0, 0.0, 2.0])` to `x = np.array([-2.0, -2.0, 2.0, 2.0])` and "
    "run again. Which density has the higher mean log p now?",
    answer="The Gaussian: its mean log p is -2.112, and that of the Laplace density is -2.386, "
    "because $s = 4$ and $a = 2$. The checks of the old values fail. Both densities are highest "
    "where no data lies.",
)

# %% [markdown]
# At the other end, "Flexible models can fit arbitrary structures in data, but evaluating, training,
# or sampling from these models is usually expensive." Any positive function, divided by its sum
# over all $x$, is a flexible model. But for a digit of 784 pixels with 256 gray values this sum has
# $256^{784}$ terms.
#
# Sohl-Dickstein et al. (2015), whom the post follows here, combine both aims in a chain of many
# steps, each of which is Gaussian. How many steps does this take? To find out, we take a mixture
# of two Gaussians around $\pm 0.96$ with standard deviation 0.28. Its variance is $0.96^2 +
# 0.28^2 = 1$, so the fitted Gaussian is $\mathcal N(0, 1)$. Its mean of $-\log p$ is $\frac12(1 +
# \log 2\pi) = 1.419$ nats. The least value for any density is the entropy of the data, 0.838
# nats.

# %%
two = GaussianMixture([[-0.96], [0.96]], std=0.28)
line = np.linspace(-3.5, 3.5, 141)[:, None]
p = np.exp(two.log_prob(line))
entropy = -np.sum(p * np.log(p)) * 0.05
lesson.check("entropy, nats", entropy, equals=0.838, atol=1e-3)
fig, ax = plot.figure(1, 1, size=(4.6, 2.4))
curves = {"data": p, "fitted Gaussian": np.exp(StandardNormal(1).log_prob(line))}
plot.line(line[:, 0], curves, ax, xlabel="x", ylabel="density")
lesson.figure(
    fig,
    "two",
    "The data (blue) and the fitted Gaussian (orange), which is highest where data are rare.",
)

# %% [markdown]
# A chain of $T$ steps has a bound on $-\log p$ (`diffusion/03`). We compute it with the exact noise
# prediction in place of a network. Then only the form of the steps, Gaussians of fixed variances,
# keeps the bound above the entropy.

# %%
lesson.predict(
    "The gap is the bound minus the entropy. By about what factor does it shrink when 64 steps "
    "become 128?",
    ["1: it stays", "2", "4"],
)

# %% [markdown]
# The chain has a rival without a bound, the *probability-flow ODE*, a differential equation with
# the same densities as the chain (`after/01` derives it). Its log-density is that of the code at
# the end of the path, plus the integral of the velocity's divergence along the path. A solver takes
# steps along the path, and with Heun's method each step evaluates the model twice.


# %%
def velocity(x, phi):
    """The velocity of the probability flow at the angle phi, and its divergence."""
    mean, covariance = two.posterior(x, np.cos(phi), np.sin(phi))
    return (np.cos(phi) * x - mean) / np.sin(phi), posterior_divergence(phi, covariance)


def ode(x, steps):
    """The codes of x and log p(x) by so many Heun steps, with the exact velocity."""
    total, angles = np.zeros(len(x)), spaced_angles(steps)
    for phi, after in pairwise(angles):
        h = after - phi
        v, div = velocity(x, phi)
        v_end, div_end = velocity(x + h * v, after)
        x, total = x + h * (v + v_end) / 2, total + h * (div + div_end) / 2
    return x, StandardNormal(1).log_prob(x) + total


# %% [markdown]
# All means are computed without random draws, over $x_0$ as a sum over a grid, and over the noise
# by a Gauss–Hermite quadrature with 21 points.

# %%
nodes, weights = hermegauss(21)
x0, eps = np.repeat(line, 21, axis=0), np.tile(nodes, len(line))[:, None]
mass = np.repeat(p * 0.05, 21) * np.tile(weights / weights.sum(), len(line))


def chain_bound(T):
    """The mean of the bound for a chain of T steps, nats."""
    chain = Schedule.cosine(T)
    model = exact_eps_model(two, chain)
    terms = [vlb_term(model, x0, t, eps, chain) for t in range(1, T + 1)]
    return np.sum(mass * (sum(terms) + prior_term(x0, chain)))


# %%
rows = [["fitted Gaussian", (np.log(2 * np.pi) + 1) / 2 - entropy, ""]]
for count in (2, 4, 16, 64, 128, 256):
    by_ode = -np.sum(p * ode(line, count // 2)[1]) * 0.05
    rows.append([count, chain_bound(count) - entropy, by_ode - entropy])
header = ["evaluations", "bound of the chain", "−log p of the ODE"]
lesson.table(rows, header, title="nats above the entropy, exact predictions")
gaps = {count: (bound, by_ode) for count, bound, by_ode in rows[1:]}

# %%
shrinks = gaps[64][0] / gaps[128][0]
lesson.outcome(
    f"The gap falls from {gaps[64][0]:.3f} to {gaps[128][0]:.3f} nats, by a factor of "
    f"{shrinks:.2f}. In the table each doubling of a long chain halves it.",
    answer="1: it stays" if shrinks < 1.4 else "2" if shrinks < 2.8 else "4",
)
bounds = [gap[0] for gap in gaps.values()]
lesson.check("the chain's bound above the entropy", bounds, at_least=0)
lesson.check("gap of 64 steps over that of 128", shrinks, between=(1.4, 2.8))
lesson.check("ODE with 4 evaluations, above the entropy", gaps[4][1], at_most=-0.3)
lesson.check("ODE with 256 evaluations, above the entropy", gaps[256][1], equals=0.0, atol=1e-3)

# %% [markdown]
# A chain of Gaussians becomes as flexible as we like, and the price is its length. The chain's
# number is a bound for every $T$, so it is never below the entropy. From 16 evaluations on, the
# ODE's number is nearer to the entropy, but it has the error of the solver and is no bound. With 4
# evaluations it is far below the entropy, the least mean of any density, so there it is not a
# likelihood at all.
#
# ## 3. Does an example have a code?
#
# Section 1 said that a diffusion model has codes as large as the data. Is $x_T$ the code of $x_0$?
# Take the data point 0.96, the center of the right Gaussian. Add noise up to $x_T$, and run the
# exact reverse chain from there. We do this 2,000 times.

# %%
lesson.predict(
    "In what fraction of the runs does the point 0.96 come back to the right half?",
    ["in all", "in about three quarters", "in about half"],
)

# %%
chain, count = Schedule.cosine(64), 2000
start = np.full((count, 1), 0.96, np.float32)
rng = lesson.rng("there and back")
end = q_sample(start, 64, rng.standard_normal(start.shape, dtype=np.float32), chain)
back = ancestral(exact_eps_model(two, chain), end, chain, rng)
share = np.mean(back > 0)
lesson.check("chain: fraction that comes back to the right half", share, equals=0.5, atol=0.06)
lesson.outcome(
    f"It comes back in {100 * share:.0f} % of the runs, because x_T is noise and keeps almost"
    " nothing of x_0. The fresh noise determines where a run ends.",
    answer="in about half" if share < 0.62 else "in about three quarters",
)

# %% [markdown]
# So $x_T$ is not a code of $x_0$. The latent variables of the chain are all of $x_1, \dots, x_T$,
# 64 random numbers for a data point of one number. The ODE is another matter, because it has no
# fresh noise. In one dimension its paths cannot cross, so the code $z$ of $x$ has as much
# probability to its left as $x$ has, $\Phi(z) = F(x)$. Left of 0.96 are the left Gaussian and half
# of the right one, so $F = 0.75$ and the code is $z = 0.6745$.

# %%
code, _ = ode(np.array([[0.96]]), 64)
lesson.check("ODE: the code of 0.96", code, equals=[[0.6745]], atol=1e-3)
path = code
for after, phi in pairwise(spaced_angles(64)[::-1]):
    v = velocity(path, after)[0]
    path = path + (phi - after) * (v + velocity(path + (phi - after) * v, phi)[0]) / 2
lesson.check("ODE: 0.96, encoded and decoded", path, equals=[[0.96]], atol=0.01)
lesson.table(
    [["chain", "x_1, ..., x_T, random"], ["ODE", f"{code[0, 0]:.4f}"]], ["model", "code of 0.96"]
)

# %% [markdown]
# With the ODE an example has one code, and can be brought back from it. DDIM without fresh noise
# (`diffusion/10`) is a solver of this ODE, and its codes are those of the ODE up to the error of
# its steps. Now we know what the families can do. How well do they do it?
#
# ## 4. Four families in the plane
#
# A comparison needs equal cost, or it has to say which cost differs. Here the cost is processor
# time. The number of steps of each family is chosen so that all four trainings take about as long.
# The data are two moons, whose density is known.

# %%
lesson.predict(
    "At equal cost, whose points in the plane come nearest to the data?",
    ["the GAN's", "the VAE's", "the flow's", "the diffusion model's"],
)

# %%
moons = toy.two_moons(0.1)
init = lesson.rng("init")
G, D = Generator(init, width=64), Discriminator(init, width=64)
vae = VAE(init, 2, 2, (64, 64), "tanh", Gaussian(0.3))
flow = RealNVP(init, couplings=8, width=48).standardize(moons.sample(init, 5000))
eps_model = EpsMLP(init, width=96, layers=3)
T = 200
process = Schedule.linear(T, 0.1 / T, 20 / T)
took = {}


# %%
def train(name, step, steps, state):
    """Train, and keep the processor time: the steps times the median of a step."""
    spent = np.zeros(steps)

    def timed(i):
        start = time.process_time()
        losses = step(i)
        spent[i] = time.process_time() - start
        return losses

    lesson.fit(timed, steps, state={**state, "spent": spent}, label=name)
    took[name] = steps * float(np.median(spent))


# %%
def with_noise(rng):
    """256 points and as many of noise."""
    return moons.sample(rng, 256), rng.standard_normal((256, 2), dtype=np.float32)


def with_time(rng):
    x0, eps = with_noise(rng)
    return x0, rng.integers(1, T + 1, 256), eps


def flow_loss(flow, x, _):
    return flow.loss(x)


def noise_loss(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, process)


# %%
def descent(name, loss, model, batches, steps, lr, parallel=False):
    """The usual training; the moving average of the model."""
    rate = cosine(lr, steps, warmup=min(50, steps))
    rng = lesson.rng(name)
    step = descend(loss, model, batches, lr=rate, ema=0.995, rng=rng, parallel=parallel)
    train(name, step, steps, step.state)
    return step.averaged


flow = descent("flow", flow_loss, flow, with_noise, lesson.steps(1500, quick=5), 4e-3)
vae = descent("VAE", vae_loss, vae, with_noise, lesson.steps(5800, quick=5), 8e-3)
steps = lesson.steps(6300, quick=5)
eps_model = descent("diffusion", noise_loss, eps_model, with_time, steps, 3e-3)

# %% [markdown]
# The two players of the GAN take turns, in a loop of its own.

# %%
gan_steps = lesson.steps(3600, quick=5)
slow, fast = Adam(G, 1e-3, betas=(0.5, 0.99)), Adam(D, 1e-3, betas=(0.5, 0.99))
ema, rng, rate = EMA(G, 0.995), lesson.rng("GAN"), cosine(1e-3, gan_steps)


def play(i):
    slow.lr = fast.lr = rate(i)
    losses = goodfellow_step(G, D, slow, fast, lambda n: moons.sample(rng, n), 256, rng)
    ema.update(G)
    return losses


train("GAN", play, gan_steps, {"G": G, "D": D, "slow": slow, "fast": fast, "ema": ema, "rng": rng})


# %% [markdown]
# A fifth model is the tractable one, the fitted Gaussian. It is the rival that each family has to
# beat.


# %%
def by_diffusion(rng, n):
    return ancestral(eps_model, rng.standard_normal((n, 2), dtype=np.float32), process, rng)


some = moons.sample(lesson.rng("fit"), 5000)
gaussian = GaussianMixture([some.mean(axis=0)], covariances=[np.cov(some.T)])
draws = {"GAN": ema.model.sample, "VAE": vae.sample, "flow": flow.sample, "diffusion": by_diffusion}
draws["Gaussian"] = gaussian.sample
lesson.sampler("diffusion", by_diffusion)
lesson.sampler("flow", flow.sample)
lesson.sampler("VAE", vae.sample)
lesson.sampler("GAN", ema.model.sample)

# %% [markdown]
# Three of the families have a log-density of a test point. It is exact for the flow (and for the
# Gaussian), a lower bound for the VAE and for the chain, and exact up to the solver's error for the
# ODE.

# %%
test = moons.sample(lesson.rng("test"), lesson.size(2000, quick=100))
truth = float(np.mean(moons.log_prob(test)))
codes = lesson.rng("codes").standard_normal(test.shape)
log_p = {
    "VAE": float(np.mean(vae.elbo(test, codes).value)),
    "flow": float(np.mean(flow.log_prob(test))),
    "diffusion": -float(np.mean(vlb_terms(eps_model, test, process, lesson.rng("vlb")).total)),
    "Gaussian": float(np.mean(gaussian.log_prob(test))),
}

# %%
angles = spaced_angles(lesson.size(64, quick=16), float(angle(process.alpha_bar[1])))
equation = ContinuousFlow(velocity_model(eps_model, process), angles, "heun", log_det="trace")
few = test[: lesson.size(1000, quick=50)]
of_ode = float(np.mean(Flow(StandardNormal(2), equation).log_prob(few) - moons.log_prob(few)))
side = np.linspace(-3, 4, lesson.size(141, quick=51), dtype=np.float32)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
mass = float(np.sum(np.exp(flow.log_prob(grid).astype(float))) * (side[1] - side[0]) ** 2)
lesson.check("the flow's density, summed over the plane", mass, equals=1, atol=0.05)
returned, _ = flow.bijection.forward(flow.bijection.inverse(test[:100])[0])
lesson.check("flow: to the code and back", np.abs(returned - test[:100]).max(), at_most=1e-3)

# %% [markdown]
# The distance is the sliced Wasserstein distance between 1,000 points of a model and 1,000 points
# of the data. We divide it by its *floor*, the distance between two sets of data, and take the mean
# over ten sets.

# %%
n, sets = lesson.size(1000, quick=50), lesson.size(10, quick=2)
judged = lesson.rng("judge")


def distance(a, b):
    return sliced_wasserstein(a, b, 100, judged)


judge = OverFloor(distance, moons.sample, n, judged, lesson.size(40, quick=2))
points, over, cost = {}, {}, {}
for name, draw in draws.items():
    rng, start = lesson.rng(f"points of {name}"), time.process_time()
    points[name] = draw(rng, sets * n)
    cost[name] = 1000 * (time.process_time() - start) / (sets * n / 1000)
    over[name] = judge(points[name], judged)

# %%
reported = {name: f"{value:.2f}" for name, value in log_p.items()}
reported |= {"GAN": "none", "VAE": f"≥ {log_p['VAE']:.2f}"}
reported["diffusion"] = f"chain ≥ {log_p['diffusion']:.2f}, ODE ≈ {truth + of_ode:.2f}"
rows = [
    [name, f"{over[name]:.2f}", reported[name], T if name == "diffusion" else 1, cost[name]]
    for name in draws
]
header = ["two moons", "distance / floor", f"log p (data {truth:.2f})", "evaluations per sample"]
lesson.table(rows, [*header, "ms for 1,000 points"])
lesson.table(
    [[took[name] for name in list(draws)[:4]]], list(draws)[:4], "training, s of processor"
)

# %%
models = list(draws)[:4]
nearest = min(models, key=over.get)
spoken = f"the {nearest}'s".replace("the diffusion's", "the diffusion model's")
lesson.outcome(
    f"The nearest points are {spoken}, with a distance of {over[nearest]:.2f} floors.",
    answer=spoken,
)

# %%
fig, axes = plot.figure(1, 5, size=(2.3, 1.8))
for ax, name in zip(axes, draws):
    plot.samples(points[name][:2000], moons, ax, title=f"{name}: {over[name]:.1f} floors")
lesson.figure(
    fig,
    "plane",
    "2,000 points of each model (orange) over the density of the data (blue). Look for bridges "
    "between the moons, and for points off the moons.",
)

# %%
seconds = [took[name] for name in models]
lesson.claim(
    "plane: training time, longest / shortest",
    max(seconds) / min(seconds),
    at_most=2.0,
    source="the premise: about equal cost; seeds 0, 1 and 6121: 1.26 to 1.29, beside other work",
)
# %%
lesson.claim(
    "plane: distance over the Gaussian's, GAN",
    over["GAN"] / over["Gaussian"],
    at_most=0.57,
    source="the fitted Gaussian: 1; seeds 0, 1 and 6121: 0.41 to 0.48; margin: a fifth",
)
lesson.claim(
    "plane: distance over the Gaussian's, VAE",
    over["VAE"] / over["Gaussian"],
    at_most=0.56,
    source="the fitted Gaussian: 1; seeds 0, 1 and 6121: 0.36 to 0.43; margin: a third",
)
# %%
lesson.claim(
    "plane: distance over the Gaussian's, flow",
    over["flow"] / over["Gaussian"],
    at_most=0.48,
    source="the fitted Gaussian: 1; seeds 0, 1 and 6121: 0.28 to 0.37; margin: a third",
)
lesson.claim(
    "plane: distance over the Gaussian's, diffusion",
    over["diffusion"] / over["Gaussian"],
    at_most=0.49,
    source="the fitted Gaussian: 1; seeds 0, 1 and 6121: 0.35 to 0.37; margin: a third",
)

# %%
below = {name: truth - value for name, value in log_p.items()}
lesson.claim(
    "plane: the flow's log p below the data density's",
    below["flow"],
    at_most=0.037,
    source="the fitted Gaussian: 0.86, 0.89; seeds 0, 1 and 6121: 0.021 to 0.029; margin: a third",
    unit="nats",
)
lesson.claim(
    "plane: the VAE's bound below the data density's",
    below["VAE"],
    between=(0, 0.32),
    source="theory: at least 0; seeds 0, 1 and 6121: 0.11 to 0.22; margin: a half; untrained 3.6",
    unit="nats",
)

# %%
lesson.claim(
    "plane: the chain's bound below the data density's",
    below["diffusion"],
    between=(0, 0.42),
    source="theory: at least 0; seeds 0, 1 and 6121: 0.17 to 0.28; margin: a half; untrained 11",
    unit="nats",
)
lesson.claim(
    "plane: the ODE's log p below the data density's",
    -of_ode,
    between=(-0.05, 0.31),
    source="theory: at least 0, but for the solver's error; seeds 0, 1 and 6121: 0.12 to 0.21;"
    " margin: a half; untrained 16",
    unit="nats",
)

# %% [markdown]
# All families beat the Gaussian clearly, and none is far from the floor. Who is nearest is less
# certain. The flow is nearest by its distance in this run, but with another seed (6121) the
# diffusion model was nearest by a hair, 1.16 floors to 1.17. By log-density the flow is the best in
# all three of our runs, at most 0.03 nats below the data. The VAE and the chain have only bounds,
# which are one to three tenths of a nat below the data. In the recorded run the ODE's log p is
# lower than the chain's bound, and in two runs with other seeds it is higher. Neither is a
# contradiction. The bound belongs to the density of the chain, the ODE has a density of its own,
# and the two agree only if the network's noise prediction is exact and the steps are small. No
# theorem says which number is higher (`after/01`). Finally, a sample of the chain costs 200
# evaluations of its network, and a sample of the others costs one.

# %%
lesson.change(
    "moons twice as wide",
    "Change `toy.two_moons(0.1)` to `toy.two_moons(0.2)`, which doubles the noise around the two "
    "curves, and run again. By how much does the log p of the data density itself fall (in the "
    "head of the table)?",
    answer="By about two thirds of a nat. The same probability is spread over strips that are "
    "twice as wide, which halves the density and costs log 2 = 0.69 nats; it is a little less "
    "because the strips now overlap. A model's log p can only be judged beside that of the data.",
)

# %% [markdown]
# ## 5. Four families on digits
#
# Does the order stay the same? We train the families on the 50,000 training digits, without labels.
# Again the numbers of steps are chosen so that the times are about equal.

# %%
lesson.predict(
    "Whose digits come nearest to the test digits, by the classifier's Fréchet distance?",
    ["the GAN's", "the VAE's", "the flow's", "the diffusion model's"],
)

# %%
images = mnist.splits().train.images[: lesson.size(50_000, quick=600)]
size = lesson.size(64, quick=8)
init = lesson.rng("digit networks")
width = lesson.size(16, quick=4)
image_G = ConvGenerator(init, 32, width, 1, 28, hidden=256)
image_D = ConvDiscriminator(init, width, 1, False, 28, hidden=128)
image_vae = VAE(init)

# %%
image_flow = ImageRealNVP(
    init,
    width=lesson.size(32, quick=8),
    scales=2,
    checkerboards=(4, 0),
    channelwise=(4, 4),
    small=True,
    affine=True,
)
unet = UNet(init, width=lesson.size(32, quick=8), global_mlp=lesson.size(512, quick=32))
cosine_process = Schedule.cosine(T)


# %%
def some_digits(rng, count=size):
    return images[rng.integers(0, len(images), count)]


def binary_with_noise(rng):
    x = mnist.binarize(mnist.unit(some_digits(rng, 100), flat=True), rng)
    return x, rng.standard_normal((100, 20), dtype=np.float32)


def logits(rng):
    """Digits as unbounded numbers, with the log-determinant of that map."""
    return mnist.dequantize_logit(some_digits(rng), rng)


def noised(rng):
    x0 = mnist.symmetric(some_digits(rng))
    return x0, rng.integers(1, T + 1, size), rng.standard_normal(x0.shape, dtype=np.float32)


# %%
def logit_loss(flow, y, log_det):
    """Minus the mean log-density of the pixels, in bits for each."""
    return (flow.loss(y) - np.mean(log_det)) / (784 * np.log(2))


def velocity_loss(net, x0, t, eps):
    return v_loss(net, x0, t, eps, cosine_process)


# %%
first, _ = logits(lesson.rng("first"))
image_flow.standardize(first)
steps = lesson.steps(6000, quick=2)
image_vae = descent("VAE, digits", vae_loss, image_vae, binary_with_noise, steps, 3e-3)
steps = lesson.steps(620, quick=1)
image_flow = descent("flow, digits", logit_loss, image_flow, logits, steps, 2e-3, parallel=True)
steps = lesson.steps(560, quick=1)
unet = descent("diffusion, digits", velocity_loss, unet, noised, steps, 2e-3, parallel=True)

# %%
game_steps = lesson.steps(900, quick=1)
slow, fast = Adam(image_G, 1e-3, betas=(0.0, 0.9)), Adam(image_D, 1e-3, betas=(0.0, 0.9))
average, rng, rate = EMA(image_G, 0.995), lesson.rng("GAN, digits"), cosine(1e-3, game_steps)


def draw_real(count):
    return mnist.unit(some_digits(rng, count))


def play_digits(i):
    slow.lr = fast.lr = rate(i)
    losses = wgan_gp_step(image_G, image_D, slow, fast, draw_real, size, rng, n_critic=2)
    average.update(image_G)
    return losses


state = {"G": image_G, "D": image_D, "slow": slow, "fast": fast, "average": average, "rng": rng}
train("GAN, digits", play_digits, game_steps, state)


# %%
def digits_of_gan(rng, n):
    return average.model.sample(rng, n)


def digits_of_vae(rng, n):
    return image_vae.sample(rng, n, noise=False).reshape(n, 28, 28, 1)


def digits_of_flow(rng, n):
    return np.clip(mnist.from_logit(image_flow.sample(rng, n)) / 256, 0, 1)


def digits_of_gaussian(rng, n):
    fitted = mnist.unit(images[:10_000])
    return class_gaussian_digits(fitted, np.zeros(len(fitted), int), rng, n, components=100)[0]


# %% [markdown]
# The diffusion model is sampled by DDIM, and we count how often its network is evaluated.

# %%
evaluated = {}


def by_ddim(name, eps_model, process, rng, n, steps, *labels):
    """n digits by so many steps of DDIM; counts the evaluations for each digit."""

    def some(noise, *labels):
        model = clipped(conditional(eps_model, *labels) if labels else eps_model, process)

        def counted(x, t, y=None):
            evaluated[name] = evaluated.get(name, 0) + len(x) / n
            return model(x, t)

        return ddim(counted, noise, process, steps)

    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    return (batched(some, noise, *labels, size=250, progress="digits").clip(-1, 1) + 1) / 2


# %% [markdown]
# Equal time is one way to compare, and the time is short. To see what more training does, we add
# the pretrained *base model* of `diffusion/09`. It is the same U-Net with labels, trained for 5,500
# steps instead of 560.

# %%
base = lesson.pretrained("digit_diffusion")
eye = eps_model_from_v(unet, cosine_process)
most_steps = lesson.size(25, quick=2)


def digits_of_diffusion(rng, n, steps=most_steps, name="diffusion"):
    return by_ddim(name, eye, cosine_process, rng, n, steps)


def digits_of_base(rng, n, steps=most_steps, name="base model"):
    y = rng.integers(0, 10, n)
    return by_ddim(name, base, base.schedule, rng, n, steps, y)


# %%
digit_draws = {
    "GAN": digits_of_gan,
    "VAE": digits_of_vae,
    "flow": digits_of_flow,
    "diffusion": digits_of_diffusion,
    "Gaussian": digits_of_gaussian,
    "base model": digits_of_base,
}
classifier = lesson.pretrained("digit_classifier")
count = lesson.size(1000, quick=20)
real = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=200)])

# %%
pictures, reports, milliseconds = {}, {}, {}
for name, draw in digit_draws.items():
    rng, start = lesson.rng(f"digits of {name}"), time.process_time()
    pictures[name] = draw(rng, count).astype(np.float32)
    milliseconds[name] = 1000 * (time.process_time() - start) / count
    reports[name] = judge_digits(classifier, pictures[name], real)
frechet = {name: report.frechet for name, report in reports.items()}

# %%
rows = []
for name, report in reports.items():
    seconds = f"{took[f'{name}, digits']:.0f}" if name in models else ""
    calls = f"{evaluated.get(name, 1):.0f}"
    rows.append([name, report.frechet, f"{report.recall:.2f}", f"{report.confidence:.2f}"])
    rows[-1] += [calls, milliseconds[name], seconds]
header = ["digits", "Fréchet distance", "recall", "mean confidence", "evaluations"]
lesson.table(rows, [*header, "ms per digit", "training, s"])
lesson.check(
    "evaluations for a digit of diffusion", evaluated["diffusion"], equals=1.0 * most_steps
)

# %%
nearest = min(models, key=frechet.get)
spoken = f"the {nearest}'s".replace("the diffusion's", "the diffusion model's")
lesson.outcome(
    f"The nearest digits are {spoken}, with a Fréchet distance of {frechet[nearest]:.0f}. The base"
    f" model, which has labels and was trained for 5,500 steps, has {frechet['base model']:.0f}.",
    answer=spoken,
)

# %%
shown = np.concatenate([pictures[name][:12] for name in digit_draws])
grid = plot.image_grid(shown[..., 0], cols=12, limits=(0, 1), row_labels=list(digit_draws))
lesson.figure(
    grid,
    "digits",
    "The first twelve digits of each model, not selected. Those of the VAE are its means, without "
    "noise. Compare the fourth row with the last, which is the same network after ten times as "
    "many steps.",
)

# %%
seconds = [took[f"{name}, digits"] for name in models]
lesson.claim(
    "digits: training time, longest / shortest",
    max(seconds) / min(seconds),
    at_most=2.0,
    source="the premise: about equal cost; seeds 0, 1 and 6121: 1.33 to 1.49, beside other work",
)
# %%
lesson.claim(
    "digits: Fréchet distance over the Gaussian's, GAN",
    frechet["GAN"] / frechet["Gaussian"],
    at_most=0.35,
    source="the fitted Gaussian: 1; seeds 0, 1 and 6121: 0.22 to 0.25; margin: a third",
)
lesson.claim(
    "digits: Fréchet distance over the Gaussian's, VAE",
    frechet["VAE"] / frechet["Gaussian"],
    at_most=0.48,
    source="the fitted Gaussian: 1; seeds 0, 1 and 6121: 0.34 to 0.38; margin: a quarter",
)
# %%
lesson.claim(
    "digits: Fréchet distance over the Gaussian's, flow",
    frechet["flow"] / frechet["Gaussian"],
    at_most=0.95,
    source="the fitted Gaussian: 1; seeds 0, 1 and 6121: 0.77 to 0.79; margin: a fifth",
)
lesson.claim(
    "digits: Fréchet distance over the Gaussian's, diffusion",
    frechet["diffusion"] / frechet["Gaussian"],
    at_most=0.89,
    source="the fitted Gaussian: 1; seeds 0, 1 and 6121: 0.66 to 0.76; margin: a sixth",
)

# %%
lesson.claim(
    "digits: Fréchet distance, base model / diffusion",
    frechet["base model"] / frechet["diffusion"],
    between=(0.03, 0.1),
    source="seeds 0, 1 and 6121: 0.057 to 0.070; half of it to a half more; diffusion not"
    " trained: 0.02",
)

# %% [markdown]
# The order has changed. On digits the GAN and the VAE are well ahead of the flow and the diffusion
# model, whose distances are only a fifth to a third smaller than the Gaussian's. The times are not
# quite equal, and the GAN took the least. But the last row is the network of the fourth with ten
# times as many steps, and with labels, and it is better than all of them. (We do not know what ten
# times as many steps would do for the others, nor how much of the gain is due to the labels.) A
# ranking at equal cost holds for this cost only.
#
# ## 6. Likelihoods in two units
#
# *You may skip this section, because the choice in section 8 does not need its numbers. It is for
# readers who compare likelihoods of different papers.*
#
# The flow and the diffusion model are trained on gray values, and their likelihoods are reported in
# bits per pixel. Both numbers are upper bounds, the flow's because of dequantization (`flow/14`),
# and the diffusion model's because it is the bound of the chain. The VAE is trained on binary
# pixels, and its bound is reported in nats per digit. A unit can be converted, $n$ nats per digit
# are $n/(784 \log 2)$ bits per pixel. The data cannot. A binary pixel has at most 1 bit, and a gray
# value up to 8.

# %%
some = mnist.splits().test.images[: lesson.size(1000, quick=20)]
y, log_det = mnist.dequantize_logit(some, lesson.rng("dequantize"))
of_flow = mnist.bits_per_pixel(batched(image_flow.log_prob, y, size=250), log_det)
binary = mnist.binarize(mnist.unit(some, flat=True), lesson.rng("binarize"))
codes = lesson.rng("z").standard_normal((len(some), 20))
nats = {"VAE": -float(np.mean(image_vae.elbo(binary, codes).value))}
x0 = mnist.symmetric(some[: lesson.size(100, quick=5)])
terms = vlb_terms(clipped(eye, cosine_process), x0, cosine_process, lesson.rng("bits"), levels=256)
bits = {"flow": float(np.mean(of_flow)), "diffusion": float(np.mean(terms.bits_per_dim.sum(1)))}

# %% [markdown]
# The trivial rivals are a Gaussian, fitted to the logits that the flow receives, and for binary
# pixels a model of independent pixels, each with its mean.

# %%
some = mnist.splits().train.images[:10_000]
fitted, _ = mnist.dequantize_logit(some, lesson.rng("logits"), flat=True)
off = y.reshape(len(y), 784) - fitted.mean(axis=0)
covariance = np.cov(fitted.T) + 0.01 * np.eye(784)
squares = np.sum(off * np.linalg.solve(covariance, off.T).T, axis=1)
log_prob = -0.5 * (squares + np.linalg.slogdet(2 * np.pi * covariance)[1])
bits["Gaussian"] = float(np.mean(mnist.bits_per_pixel(log_prob, log_det)))

# %%
ink = np.clip(mnist.unit(some, flat=True).mean(axis=0), 1e-4, 1 - 1e-4)
of_pixels = binary * np.log(ink) + (1 - binary) * np.log(1 - ink)
nats["independent pixels"] = -float(np.mean(of_pixels.sum(axis=1)))
rows = [["GAN", "none", "none"], ["VAE", "", f"≤ {nats['VAE']:.1f}"]]
rows += [["independent pixels", "", f"{nats['independent pixels']:.1f}"]]
rows += [[name, f"≤ {value:.2f}", ""] for name, value in bits.items()]
lesson.table(rows, ["digits", "gray values: bits per pixel", "binary pixels: nats per digit"])

# %%
relation = "below" if bits["diffusion"] < bits["Gaussian"] else "above"
first = float(np.mean(terms.bits_per_dim[:, 0]))
print(f"Diffusion's bound is {relation} the Gaussian's; its term L_0 alone has {first:.2f} bits.")

# %% [markdown]
# By bits per pixel the flow is the best model of gray digits, although its samples were the worst
# of the four. It was trained on this number. The diffusion model was trained on the squared error
# of $v$, which is not its bound, and has more bits than the Gaussian. A good likelihood and good
# samples are two different things.

# %%
lesson.claim(
    "digits: the flow's bits per pixel below the Gaussian's",
    bits["Gaussian"] - bits["flow"],
    at_least=0.32,
    source="the fitted Gaussian: 0; seeds 0, 1 and 6121: 0.48 to 0.49; margin: a third;"
    " `flow/05`, trained longer: 0.77",
    unit="bits",
)
lesson.claim(
    "digits: diffusion's bound, bits per pixel",
    bits["diffusion"],
    at_most=4.0,
    source="8 for equal probabilities; seeds 0, 1 and 6121: 3.0 to 3.1; margin: a third;"
    " untrained 5.6",
    unit="bits",
)

# %%
lesson.claim(
    "digits: the VAE's −ELBO over the nats of independent pixels",
    nats["VAE"] / nats["independent pixels"],
    at_most=0.64,
    source="independent pixels: 1; seeds 0, 1 and 6121: 0.47 to 0.48; margin: a third",
)

# %% [markdown]
# ## 7. Is sampling "still slower than GAN"?
#
# The second half of the post's summary is about cost: diffusion models "rely on a long Markov chain
# of diffusion steps to generate samples, so it can be quite expensive in terms of time and compute.
# New methods have been proposed to make the process much faster, but the sampling is still slower
# than GAN." A GAN evaluates its network once for a sample. DDIM is one of the faster methods, and
# we may choose its number of steps. Above it was 25, and now we also try 1 and 5.

# %%
lesson.predict(
    "How many evaluations does the base model need for a smaller Fréchet distance than that of our"
    " GAN?",
    ["1", "5", "25"],
)

# %%
by_steps = {name: {most_steps: frechet[name]} for name in ("diffusion", "base model")}
for few_steps in (1, lesson.size(5, quick=3)):
    for name, draw in (("diffusion", digits_of_diffusion), ("base model", digits_of_base)):
        rng, label = lesson.rng(f"digits of {name}"), f"{name}, {few_steps} steps"
        drawn = draw(rng, count, few_steps, label).astype(np.float32)
        by_steps[name][few_steps] = judge_digits(classifier, drawn, real).frechet
counts = sorted(by_steps["diffusion"])
rows = [[name, *(of_model[k] for k in counts)] for name, of_model in by_steps.items()]
header = ["Fréchet distance", *(f"evaluations: {k}" for k in counts)]
lesson.table([*rows, ["GAN", frechet["GAN"], *[""] * (len(counts) - 1)]], header)

# %%
enough = [k for k in counts if by_steps["base model"][k] < frechet["GAN"]]
ratio = milliseconds["diffusion"] / milliseconds["GAN"]
lesson.outcome(
    f"It needs {enough[0] if enough else 'more than 25'} of the evaluations tried. A digit of"
    f" {most_steps} evaluations takes {ratio:.0f} times the GAN's processor time in this run. Even"
    f" one evaluation takes {ratio / most_steps:.0f} times as long, because this U-Net is larger"
    " than this generator.",
    answer=str(enough[0]) if enough and not lesson.quick else "25",
)
lesson.claim(
    "digits: diffusion's Fréchet distance, 25 evaluations / 1",
    by_steps["diffusion"][most_steps] / by_steps["diffusion"][1],
    at_most=0.45,
    source="theory: one step gives the mean of the data; seeds 0, 1 and 6121: 0.25 to 0.31;"
    " margin: a half; untrained 0.90",
)

# %% [markdown]
# Five evaluations are enough to pass our GAN, if the diffusion model was trained for long. After
# the short training 25 are not enough. So the post's sentence is about time, and the time depends
# on the sizes of the networks, too.
#
# ## 8. Which model would you take?
#
# Here are quality and the time for a sample in one figure, for both kinds of data.

# %%
fig, axes = plot.figure(1, 2, size=(3.8, 2.7))
sides = {"two moons": (cost, over), "digits": (milliseconds, frechet)}
for ax, (title, (x, y)) in zip(axes, sides.items()):
    for name, marker in zip(x, "osD^vP"):
        ax.plot(x[name], y[name], marker, markersize=6, label=name)
    ax.set(xscale="log", title=title)
    ax.set_ylim(0)
    ax.margins(x=0.1)
axes[0].set(xlabel="ms for 1,000 points", ylabel="distance / floor")
axes[1].set(xlabel="ms for a digit", ylabel="Fréchet distance")
fig.legend(*axes[1].get_legend_handles_labels(), loc="outside right center")

# %%
caption = (
    "Lower is nearer to the data, farther left is faster. Look for a model that is best in both."
    " The base model was trained for ten times as many steps, and the Gaussian's time for digits"
    " includes its fit."
)
lesson.figure(fig, "slide", caption)

# %% [markdown]
# No model is best in both, so the answer depends on the purpose. Here is what we measured, as
# ranges of three runs (seeds 0, 1 and 6121; the times are those of one busy machine):
#
# | | training on digits, s | ms for a digit | Fréchet, digits | floors, plane | nats below, plane |
# |---|---|---|---|---|---|
# | GAN | 56 to 60 | 0.04 to 0.08 | 128 to 137 | 1.35 to 1.52 | none |
# | VAE | 62 to 71 | 0.01 | 193 to 209 | 1.15 to 1.33 | bound: 0.12 to 0.21 |
# | flow | 65 to 80 | 0.6 to 0.7 | 431 to 447 | 0.90 to 1.17 | 0.02 to 0.03 |
# | diffusion | 78 to 86 | 18 to 20 | 369 to 431 | 1.16 | chain: 0.18 to 0.28; ODE: 0.13 to 0.21 |
# | base model | 5,500 steps | 17 to 22 | 21 to 26 | | |
# | Gaussian | | 0.3 | 553 to 568 | 3.2 to 3.3 | 0.86 to 0.89 |
#
# The last column says how far the log p of test points is below that of the data density.
#
# The answer also depends on what each family offers by construction:
#
# | | GAN | VAE | flow | diffusion |
# |---|---|---|---|---|
# | evaluations for a sample | one | one | one, of many layers | tens |
# | $\log p(x)$ | none | lower bound | exact | chain: lower bound; ODE: by a solver |
# | code of an $x$ | none | small | as large as $x$ | ODE: as large as $x$; chain: random |
# | network | free | free | invertible, with a determinant that costs little | free |
# | training | two players | one loss | one loss | one loss, a regression |
# | control | labels | labels, code | labels, code | labels, code, guidance at each step |
# | limits | modes left out | blur, unused codes | depth, bridges between modes | time to sample |
#
# - **You want the best samples, or control over them, and you can train for long.** Take a
#   diffusion model. The base model has by far the smallest distance of this page, after ten times
#   as many steps and with labels, which the others do not have. Labels, captions and edges can
#   steer such a model (`diffusion/09`, `diffusion/15`, `diffusion/18`). What a stronger control
#   does to the samples is known exactly for small worlds (`after/05`).
# - **You want samples within a millisecond.** Take a GAN. A diffusion model has time for a single
#   evaluation, and one step of DDIM is worse than the fitted Gaussian (section 7). A model that was
#   distilled to one step, or trained for jumps, may do better (`diffusion/11`, `diffusion/12`,
#   `after/07`).
# - **You want the density of points.** Take a flow. In the plane its log-density is exact and was
#   the nearest to the truth. For digits it is a bound, which was good while the samples were not.
#   Whether a density finds outliers is another question (`start/02`). A diffusion model has a
#   density as well, at the price of a solver (`after/01`).
# - **You want a small code, to compress or to explore.** Take a VAE, and a VQ-VAE (`vae/10`) if a
#   second model is to be trained on the codes. `diffusion/13` trains a diffusion model there.
# - **Your data are symbols, such as words.** None of the four was tried on them here. A model of
#   one symbol after the other has an exact likelihood (`flow/08`, `flow/09`), and masked diffusion
#   can fill in many at once (`after/06`).
# - **You have a minute.** After about a minute of training the GAN and the VAE had the best
#   digits.
#
# These answers are from small models. Other sizes, other data and longer training may give another
# order, so keep the way of comparing rather than the order: the same data, the same time, a trivial
# model in each table, and more than one measure.
#
# ## What this lesson does differently
#
# - The post compares the families in words. We train all four.
# - The base model has labels, which the other models do not have.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - "Diffusion models are both analytically tractable and flexible": by the post's own sentence,
#   "Tractable models can be analytically evaluated". Each step is Gaussian, the posterior of a step
#   given $x_0$ is known, and the terms of the bound are formulas. But of the chain only the bound
#   can be evaluated, with random draws. Its likelihood is an integral over all $x_1, \dots, x_T$,
#   and that of the ODE needs a solver.
# - "Unlike VAE or flow models, diffusion models are learned with a fixed procedure and the latent
#   variable has high dimensionality (same as the original data)." The latent variable of a flow has
#   the dimension of the data, too.
# - "New methods have been proposed to make the process much faster, but the sampling is still
#   slower than GAN." A consistency model, which the post describes, evaluates its network once
#   for a sample, as a GAN does (`diffusion/12`). Which of the two is faster then depends on the
#   sizes of their networks.
#
# ## To remember
#
# - By construction the families differ in what they offer: a density, a code, a fast sample.
# - A chain of Gaussians is flexible, and the price is its length.
# - At equal cost the order of the families depends on the data and on the time.
# - Choose by purpose, and put a trivial model into each comparison.

# %%
lesson.finish()
