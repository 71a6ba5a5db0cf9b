# %% [markdown]
# # The probability flow: a diffusion model is a flow
#
# This lesson comes after the posts. It joins two of them:
# [Flow-based Deep Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/)
# and [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/). Needed: `flow/03`,
# `flow/04`, `diffusion/03`, `diffusion/10`. In this lesson:
#
# 1. Every diffusion process has an ordinary differential equation (ODE) with the same density at
#    every time. DDIM is Euler's method for this equation.
# 2. The ODE is a bijection, so a diffusion model has an exact log-density: that of the code, plus
#    the integral of a divergence along the path.
# 3. The integral is exact for the equation. A computer takes steps, and the steps are a different
#    map, with a log-determinant of their own.
# 4. The code of a data point depends on the data density, and hardly on the network.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "after/01_probability_flow",
    title="The probability flow: a diffusion model is a flow",
    post="after",
    equations=[
        "after.01",
        "after.02",
        "after.03",
        "after.04",
        "after.05",
        "after.06",
        "after.07",
        "after.08",
    ],
    minutes=0.3,
    picture="codes",
    sources=[
        "weng2018flow",
        "weng2021diffusion",
        "hutchinson1990trace",
        "behrmann2019iresnet",
        "grathwohl2019ffjord",
        "song2021sde",
        "karras2022design",
        "lu2025continuous",
    ],
)

# %%
from itertools import pairwise

import autograd.numpy as np

from minigen import plot
from minigen.data import toy
from minigen.diffusion.ddpm import simple_loss
from minigen.diffusion.likelihood import vlb_terms
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import Schedule
from minigen.flow.bijection import Flow, StandardNormal
from minigen.metrics import sliced_wasserstein
from minigen.metrics.floor import OverFloor
from minigen.optim import cosine
from minigen.train import descend

# %%
from minigen.diffusion.probability_flow import (
    angle,
    angle_velocity,
    posterior_divergence,
    reverse_sde_step,
    spaced_angles,
    velocity_model,
)
from minigen.flow.continuous import (
    ContinuousFlow,
    divergence,
    hutchinson_divergence,
    step_log_det,
)

# %% [markdown]
# ## 1. One equation, and a clock that suits it
#
# A noisy point is a sum of data and noise, $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 -
# \bar\alpha_t}\, \epsilon$. The squares of the two factors add up to 1, so they are the cosine and
# the sine of an angle:
#
# $$x = \cos\varphi\; x_0 + \sin\varphi\; \epsilon, \qquad \cos\varphi = \sqrt{\bar\alpha}.$$
#
# The angle $\varphi = 0$ is the data, and $\varphi = \pi/2$ is pure noise. We use $\varphi$ as the
# time. Keep $x_0$ and $\epsilon$ fixed, and let $\varphi$ grow: the point moves with a velocity.

# %%
ring = toy.get("ring").standardized()
shown = ring.sample(lesson.rng("shown"), 400)
fresh = lesson.rng("shown noise").standard_normal((400, 2))
fig, axes = plot.figure(1, 4, size=(2.3, 2.3))
for ax, phi in zip(axes, (0.0, 0.4, 0.9, np.pi / 2)):
    points = np.cos(phi) * shown + np.sin(phi) * fresh
    plot.samples(points, None, ax, title=f"$\\varphi = {phi:.2g}$", bounds=3)
lesson.figure(
    fig, "angles", "The same 400 points at four angles: data at the left, noise at the right."
)

# %% [markdown]
# A network predicts the noise, $\hat\epsilon$. From the point $x$, the prediction $\hat\epsilon$
# and the angle $\varphi$, what is the velocity $dx/d\varphi$? Differentiate the sum, then express
# $x_0$ by $x$ and $\epsilon$.

# %%
lesson.exercise("after/01/angle_velocity")

# %% [markdown]
# The derivative is $v = \cos\varphi\,\epsilon - \sin\varphi\,x_0$. With $x_0 = (x -
# \sin\varphi\,\epsilon)/\cos\varphi$ (Eq. after.01, Eq. after.02),
#
# $$v = \frac{\epsilon - \sin\varphi\,x}{\cos\varphi} = \frac{\cos\varphi\,x -
# x_0}{\sin\varphi}.$$
#
# Many pairs $(x_0, \epsilon)$ pass through the same point $x$, each with its own velocity. The
# *probability flow* takes the mean of these velocities, so $\epsilon$ becomes $\mathbb
# E[\epsilon \mid x]$ and $x_0$ becomes $\mathbb E[x_0 \mid x]$.
#
# <details><summary>Derivation: the mean velocity moves the density as the diffusion does</summary>
#
# For a smooth test function $g$, the chain rule gives
#
# $$\frac{d}{d\varphi} \mathbb E[g(x_\varphi)] = \mathbb E[\nabla g(x_\varphi) \cdot \dot
# x_\varphi] = \mathbb E\big[\nabla g(x_\varphi) \cdot \mathbb E[\dot x_\varphi \mid
# x_\varphi]\big].$$
#
# The right-hand side depends on the velocity only through its mean $v(x, \varphi) = \mathbb E[\dot
# x_\varphi \mid x_\varphi = x]$. So points that move with $\dot x = v(x, \varphi)$ have the same
# expectations of every $g$ at every angle, that is, the same density.
#
# </details>
#
# <details><summary>Derivation: DDIM is Euler's method in the clock σ = tan φ</summary>
#
# Let $y = x/\cos\varphi = x_0 + \tan\varphi\,\epsilon = x_0 + \sigma\epsilon$. Then $dy/d\sigma =
# \epsilon$. An Euler step from $\sigma_t$ to $\sigma_s$ is $y_s = y_t + (\sigma_s - \sigma_t)\,
# \hat\epsilon = \hat x_0 + \sigma_s\,\hat\epsilon$. Multiplied by $\cos\varphi_s$ this is
# $\sqrt{\bar\alpha_s}\,\hat x_0 + \sqrt{1 - \bar\alpha_s}\,\hat\epsilon$, the step of DDIM with
# $\eta = 0$.
#
# </details>
#
# Why the angle? In $\sigma$ the noise has no end: $\sigma = 181$ at the last step of the schedule
# below. In $\varphi$ it ends at $\pi/2$ with $\mathcal N(0, I)$ exactly, and data from $\mathcal
# N(0, I)$ does not move at all.

# %%
lesson.show_source(angle_velocity)
point, noise = np.array([[0.5]]), np.array([[0.2]])
v = angle_velocity(point, noise, 0.3)
clean = (point - np.sin(0.3) * noise) / np.cos(0.3)
later = np.cos(0.3 + 1e-6) * clean + np.sin(0.3 + 1e-6) * noise
lesson.check("velocity against a finite difference", v, equals=(later - point) / 1e-6, atol=1e-5)

# %%
lesson.change(
    "another velocity",
    "Change `noise = np.array([[0.5]]), np.array([[0.2]])` to `noise = np.array([[0.5]]), "
    "np.array([[0.5 * np.sin(0.3)]])`. Which velocity does the point have then?",
    answer="It is 0: the prediction of the noise is $\\sin\\varphi\\,x$. This is $\\mathbb "
    "E[\\epsilon \\mid x]$ for data from $\\mathcal N(0, 1)$, which does not move in this clock.",
)

# %% [markdown]
# ## 2. A density by hand
#
# Take numbers from $\mathcal N(0, 0.6^2)$. The variance of $x$ is $V(\varphi) = 0.36\cos^2\varphi +
# \sin^2\varphi$, and the mean velocity is linear: $v = x\,V'/2V$ with $V' = 1.28
# \sin\varphi\cos\varphi$. Each path is $x \propto \sqrt V$, so the data point $x_0 = 0.6$ ends at
# the *code* $z = 1$.
#
# Along a path the log-density changes by minus the *divergence* of the velocity,
# $\operatorname{tr} \partial v/\partial x = \sum_i \partial v_i / \partial x_i$ (Eq. after.03). So
# the log-density of the data is that of the code plus an integral (Eq. after.04):
#
# $$\frac{d \log p(x_\varphi)}{d\varphi} = -\operatorname{tr}\frac{\partial v}{\partial x},
# \qquad \log p(x_0) = \log\mathcal N(z; 0, I) + \int_0^{\pi/2} \operatorname{tr}\frac{\partial
# v}{\partial x}\,d\varphi.$$
#
# <details><summary>Derivation: the instantaneous change of variables</summary>
#
# A short step $x' = x + h\,v(x)$ has the Jacobian $I + h\,\partial v/\partial x$. By the change of
# variables (`flow/03`), $\log p(x') = \log p(x) - \log|\det(I + h\,\partial v/\partial x)|$, and
# $\det(I + hJ) = 1 + h \operatorname{tr} J + O(h^2)$. Divide by $h$ and let $h \to 0$.
#
# </details>
#
# In the example the divergence is $V'/2V$ and its integral is $\frac12\log(1/0.36) = 0.5108$. With
# $\log\mathcal N(1; 0, 1) = -1.4189$ the sum is $-0.9081$, which is $\log\mathcal N(0.6; 0,
# 0.36)$. A computer takes Euler steps $x' = x + h\,v$. With two steps of $h = \pi/4$ the first
# velocity is 0 and the second is $0.4706\,x$, so $z = 0.6 \cdot 1.3696 = 0.8218$.


# %%
def gaussian_velocity(x, phi):
    """The velocity of N(0, 0.36): x (N, 1), phi (N,)."""
    variance = 0.36 * np.cos(phi) ** 2 + np.sin(phi) ** 2
    return x * (0.64 * np.sin(phi) * np.cos(phi) / variance)[:, None]


def gaussian_flow(steps, log_det):
    times = np.linspace(0, np.pi / 2, steps + 1)
    return Flow(StandardNormal(1), ContinuousFlow(gaussian_velocity, times, log_det=log_det))


two_steps = gaussian_flow(2, "trace").log_prob(np.array([[0.6]]))
lesson.check("log p(0.6) by two steps and the trace", two_steps, equals=-0.8870, atol=1e-4)

# %% [markdown]
# For the two steps this sum of traces says $-0.8870$, more than the true $-0.9081$. Integrate the
# density that it says for every $x$.

# %%
lesson.predict(
    "Euler's steps, with h times the trace for each: the density's total mass is",
    ["below 1", "exactly 1", "above 1"],
)

# %% [markdown]
# An Euler step is itself a map, and a map has its own determinant. For a step $x' = x +
# h\,v(x)$ with the Jacobian $J$ of $v$, what is $\log|\det \partial x'/\partial x|$?

# %%
lesson.exercise("after/01/step_log_det")

# %%
lesson.show_source(step_log_det)
cells, width = np.linspace(-8, 8, 4001)[:, None], 16 / 4000
rows = []
for steps in (1, 2, 4, 8, 16, 64):
    flows = [gaussian_flow(steps, kind) for kind in ("trace", "det")]
    mass = [np.exp(flow.log_prob(cells)).sum() * width for flow in flows]
    rows.append([steps, *mass])
lesson.table(rows, ["Euler steps", "mass by the trace", "mass by the determinant"])

# %%
lesson.outcome(
    f"Two steps: {rows[1][1]:.3f}. Each step adds hu to the log-density, with u the trace; the "
    "step itself stretches by 1 + hu, and exp(hu) is never below 1 + hu.",
    answer="above 1",
)
lesson.check("two steps, mass by the trace", rows[1][1], equals=1.057, atol=1e-3)
lesson.check("mass by the determinant, all rows", [row[2] for row in rows], equals=1.0, atol=1e-3)

# %% [markdown]
# With the step's own determinant the mass is 1, for two steps as for sixty-four (Eq. after.05):
#
# $$\log p(x_0) = \log\mathcal N(z; 0, I) + \sum \log|\det(I + hJ)|.$$
#
# So there are two ways to report a likelihood. The trace approximates the density of the equation.
# The determinant is the exact density of what the steps do, if no step folds space. Only the second
# is a density, and its mean log-likelihood cannot beat the entropy of the data.
#
# ## 3. The exact density of a ring
#
# For a mixture of Gaussians $\mathbb E[x_0 \mid x]$ is a formula, and so is the divergence. It
# depends on how much the data varies given $x$: differentiate $v = (\cos\varphi\,x - \mathbb E[x_0
# \mid x])/\sin\varphi$, and use that the derivative of $\mathbb E[x_0 \mid x]$ is
# $\frac{\cos\varphi}{\sin^2\varphi} \operatorname{Cov}[x_0 \mid x]$.

# %%
lesson.exercise("after/01/posterior_divergence")

# %% [markdown]
# In $D$ dimensions (Eq. after.07):
#
# $$\operatorname{tr}\frac{\partial v}{\partial x} = D\cot\varphi -
# \frac{\cos\varphi}{\sin^3\varphi}\operatorname{tr}\operatorname{Cov}[x_0 \mid x].$$
#
# <details><summary>Derivation: the derivative of the posterior mean is its covariance</summary>
#
# The posterior is $p(x_0 \mid x) \propto p(x_0) \exp(-\|x - \cos\varphi\,x_0\|^2 /
# 2\sin^2\varphi)$. Its logarithm depends on $x$ through $x \cdot x_0 \cos\varphi/\sin^2\varphi$ and
# a term without $x_0$. So $\nabla_x \log p(x_0 \mid x) = \frac{\cos\varphi}{\sin^2\varphi} (x_0 -
# \mathbb E[x_0 \mid x])$, because the gradient has mean 0. Then $\partial \mathbb E[x_{0} \mid
# x]/\partial x = \mathbb E[x_0\, \nabla_x \log p(x_0 \mid x)^\top \mid x] =
# \frac{\cos\varphi}{\sin^2\varphi} \operatorname{Cov}[x_0 \mid x]$.
#
# </details>

# %%
lesson.show_source(posterior_divergence)


def exact_field(x, phi):
    """Velocity (N, 2) and divergence (N,) of the ring's probability flow at one angle."""
    mean, covariance = ring.posterior(x, np.cos(phi), np.sin(phi))
    return (np.cos(phi) * x - mean) / np.sin(phi), posterior_divergence(phi, covariance)


# %%
x = lesson.rng("places").standard_normal((100, 2))
step = 1e-5 * np.eye(2)
for phi in (0.2, 0.8, 1.4):
    slopes = [(exact_field(x + e, phi)[0] - exact_field(x - e, phi)[0]) / 2e-5 for e in step]
    by_differences = slopes[0][:, 0] + slopes[1][:, 1]
    gap = np.abs(exact_field(x, phi)[1] - by_differences).max()
    lesson.check(f"divergence at {phi}, largest error", gap, at_most=1e-6)

# %% [markdown]
# Now follow the equation from the data to the noise, and add up the divergence. Euler's method
# takes one slope for each step. Heun's method takes the mean of the slopes at both ends, so it
# calls the model twice.


# %%
def follow(field, x, angles, solver="heun"):
    """The ends (N, 2) of the paths from x, and the integral (N,) of the divergence."""
    integral = np.zeros(len(x))
    for phi, after in pairwise(angles):
        h = after - phi
        v, div = field(x, phi)
        if solver == "heun":
            v_end, div_end = field(x + h * v, after)
            v, div = (v + v_end) / 2, (div + div_end) / 2
        x, integral = x + h * v, integral + h * div
    return x, integral


def log_normal(z):
    return StandardNormal(2).log_prob(z)


# %%
lesson.predict(
    "With twice as many Heun steps, the error of log p is divided by about",
    ["2", "4", "16"],
)

# %%
low = 0.002  # the first angle: the density there is that of the data, but for 0.002 of noise
blurred = ring.noised(np.cos(low), np.sin(low))
x = ring.sample(lesson.rng("test"), lesson.size(500, quick=50)).astype(float)
exact = blurred.log_prob(x)
errors, back = {}, {}
for solver in ("euler", "heun"):
    for steps in (32, 64, 128):
        angles = spaced_angles(steps, low)
        z, integral = follow(exact_field, x, angles, solver)
        errors[solver, steps] = abs(np.mean(log_normal(z) + integral - exact))
        again, _ = follow(exact_field, z, angles[::-1], solver)
        back[solver, steps] = np.sqrt(np.mean((again - x) ** 2))

# %%
header = ["method, steps", "error of the mean log p, nats", "there and back: error"]
rows = [[f"{solver}, {n}", errors[solver, n], back[solver, n]] for solver, n in errors]
lesson.table(rows, header)
euler = errors["euler", 64] / errors["euler", 128]
heun = errors["heun", 64] / errors["heun", 128]
lesson.outcome(f"By {heun:.1f}; Euler's by {euler:.1f}.", answer="4" if heun < 8 else "16")

# %% [markdown]
# No model is involved here, so these are checks of the solver. Euler's method is of order 1, which
# means a factor of 2, and Heun's of order 2, which means 4.

# %%
lesson.check("exact score: error of log p, 64 Heun steps", errors["heun", 64], at_most=0.004)
lesson.check("Euler: error of 64 steps over that of 128", euler, equals=2.0, atol=0.1)
lesson.check("Heun: error of 64 steps over that of 128", heun, at_least=3.2)
lesson.check("64 Heun steps, there and back: error", back["heun", 64], at_most=0.002)

# %% [markdown]
# ## 4. The density of a network
#
# A diffusion model has no density of its own that anybody wrote down: it is trained to predict
# noise. The probability flow gives it one. We train two networks that differ only in their first
# weights and in the noise that they see.

# %%
T = 200
plane = Schedule.linear(T, 0.1 / T, 20 / T)


def batch(rng):
    x0 = ring.sample(rng, 512)
    return x0, rng.integers(1, T + 1, 512), rng.standard_normal(x0.shape, dtype=np.float32)


def loss(model, x0, t, eps):
    return simple_loss(model, x0, t, eps, plane)


# %%
def train(name, steps):
    """A network that predicts the noise of the ring, after so many steps."""
    model = EpsMLP(lesson.rng(f"weights of {name}"), width=128, layers=3)
    options = {"lr": cosine(2e-3, steps), "ema": 0.995, "clip": 1.0}
    descent = descend(loss, model, batch, rng=lesson.rng(f"batches of {name}"), **options)
    lesson.fit(descent, steps, state=descent.state, label=name)
    return descent.averaged


# %%
networks = [train(name, lesson.steps(3000)) for name in ("network A", "network B")]
velocities = [velocity_model(network, plane) for network in networks]
first = float(angle(plane.alpha_bar[1]))  # the networks were trained on no smaller angle
truth = ring.noised(np.cos(first), np.sin(first))
entropy = -np.mean(truth.log_prob(x))


def density_of(velocity, steps):
    times = spaced_angles(steps, first)
    return Flow(StandardNormal(2), ContinuousFlow(velocity, times, log_det="trace"))


# %% [markdown]
# First 16 Euler steps of network A with the trace. The mean of $-\log p$ over the test points lies
# *below* the cross-entropy of the true density with itself.

# %%
lesson.predict(
    "A model's mean log p is higher than that of the true density. What is the cause?",
    ["the model is better than the truth", "the solver", "the network"],
)

# %%
counts = (16, 64, 256)
sums = {}
for name, velocity in zip("AB", velocities):
    for steps in counts:
        log_prob = density_of(velocity, steps).log_prob(x)
        sums[name, steps] = -np.mean(log_prob) - entropy
header = ["network", *[f"{steps} steps" for steps in counts]]
rows = [[name, *[sums[name, steps] for steps in counts]] for name in "AB"]
lesson.table(rows, header, title="mean of −log p above that of the true density, nats")

# %%
lesson.outcome(
    f"16 steps of A: {sums['A', 16]:.2f} nats above the true density's; 256 steps: "
    f"{sums['A', 256]:.2f} above. No density has a higher mean log p than the true one. So a "
    "negative gap is made by the solver.",
    answer="the solver",
)


# %% [markdown]
# The determinant would give a density at 16 steps, too, if no step folded space. Those of a trained
# network fold somewhere between the modes, so here we have only the trace. Its total mass over the
# plane:

# %%
centers, volume = ring.cells(lesson.size(80, quick=30))
by_trace = density_of(velocities[0], 16)
mass = np.exp(by_trace.log_prob(centers)).sum() * volume
lesson.table([[16, mass]], ["Euler steps", "mass by the trace"])
lesson.claim(
    "network A, 16 steps: mass by the trace", mass, at_least=1.05, source="theory: above 1"
)

# %%
gaps = [sums[name, 256] for name in "AB"]
lesson.claim(
    "gap of −log p to the true density, 256 steps",
    gaps,
    between=(0.0, 0.45),
    source="seeds 0, 1 and 2029: 0.18 to 0.32, plus 0.13; theory: at least 0",
)
bound = np.mean(vlb_terms(networks[0], x.astype(np.float32), plane, lesson.rng("bound")).total)
nll = sums["A", 256] + entropy
lesson.table([[entropy, nll, bound]], ["true density", "probability flow", "bound of the chain"])
lesson.claim(
    "the bound of the chain above the flow's −log p, nats",
    bound - nll,
    between=(0.05, 0.8),
    source="theory: above 0; seeds 0, 1 and 2029: 0.27 to 0.32; untrained 1.8",
)

# %% [markdown]
# So the likelihood of a diffusion model is one of three things: the bound of the chain of
# `diffusion/04`, the density of the equation, or the density of its steps. A paper that reports
# bits per dimension says which, and with how many steps.
#
# ## 5. One probe in place of D passes
#
# The divergence needs one backward pass for each dimension: two in the plane, 784 for a digit.

# %%
lesson.exercise("after/01/divergence")

# %%
lesson.show_source(divergence)
matrix = np.array([[2.0, 1.0], [1.0, 3.0]])


def linear(x, t):
    return x @ matrix.T


lesson.check("trace of [[2, 1], [1, 3]]", divergence(linear, np.zeros((1, 2)), 0.0)[1], equals=5.0)

# %% [markdown]
# Hutchinson's estimate (Eq. after.06) needs one pass. Draw a random *probe* $v$ with $\mathbb
# E[vv^\top] = I$ and take $v^\top J v$: its mean is $\mathbb E[\sum_{ij} v_i J_{ij} v_j] = \sum_i
# J_{ii}$. By hand, for the matrix $J = ((2, 1), (1, 3))$ and signs $v = (\pm 1, \pm 1)$: the four
# probes give 7, 3, 3, 7, with mean 5.

# %%
lesson.exercise("after/01/hutchinson_divergence")

# %%
lesson.show_source(hutchinson_divergence)
signs = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
_, estimates = hutchinson_divergence(linear, np.zeros((4, 2)), 0.0, signs)
lesson.check("the four probes of signs", estimates, equals=[7.0, 3.0, 3.0, 7.0])

# %%
lesson.predict(
    "Which probes give the smaller variance: random signs, or normal numbers?",
    ["signs", "normal numbers", "both the same"],
)

# %%
some = x[:250].astype(np.float32)
angles = spaced_angles(32, first)
spread = {}
for kind in ("signs", "normal numbers"):
    found = []
    for k in range(3):
        rng = lesson.rng(f"probes {kind} {k}")
        probe = rng.standard_normal(some.shape)
        probe = (np.sign(probe) if kind == "signs" else probe).astype(np.float32)

        def field(x, phi, probe=probe):
            return hutchinson_divergence(velocities[0], x.astype(np.float32), phi, probe)

        found.append(follow(field, some, angles)[1])
    full = follow(lambda x, phi: divergence(velocities[0], x, phi), some, angles)[1]
    spread[kind] = float(np.std(np.array(found) - full))

# %%
lesson.table([[kind, s] for kind, s in spread.items()], ["probes", "standard deviation of log p"])
ratio = spread["normal numbers"] / spread["signs"]
lesson.check("deviation with normal probes over signs", ratio, at_least=1.2)
lesson.outcome(
    "Signs: with v_i² = 1 the diagonal of J adds no variance. Of J symmetric the variance is "
    "4 Σ J_ij² over the pairs i < j, and 2 Σ J_ij² over all i, j for normal numbers.",
    answer="signs" if ratio > 1 else "normal numbers",
)

# %% [markdown]
# ## 6. Codes
#
# The end of a path is the *code* of its data point. The two networks have different weights.

# %%
lesson.predict(
    "Two networks, trained apart, encode the same points. The correlation of the codes is",
    ["near 0", "about 0.5", "above 0.9"],
)

# %%
angles = spaced_angles(48, first)
codes = [
    follow(lambda x, phi: divergence(velocity, x.astype(np.float32), phi), x, angles)[0]
    for velocity in velocities
]
exact_codes = follow(exact_field, x, angles)[0]


def correlation(a, b):
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


alike = correlation(*codes)
to_exact = [correlation(code, exact_codes) for code in codes]
lesson.outcome(
    f"{alike:.3f}; with the exact codes {to_exact[0]:.3f} and {to_exact[1]:.3f}. The velocity is a "
    "mean that the data density fixes, so the codes are fixed too.",
    answer="above 0.9" if alike > 0.9 else "about 0.5" if alike > 0.25 else "near 0",
)


# %%
lesson.claim(
    "codes and exact codes: correlation",
    min(to_exact),
    at_least=0.9,
    source="seeds 0, 1 and 2029: least 0.973; untrained 0.84",
)

# %%
which = ring.responsibilities(x).argmax(axis=1)
fig, axes = plot.figure(1, 3, size=(3.0, 3.0))
names = ("exact", "network A", "network B")
for ax, name, code in zip(axes, names, (exact_codes, *codes)):
    plot.samples(code, None, ax, classes=which, title=f"codes: {name}", bounds=3)
lesson.figure(
    fig, "codes", "The codes of the test points, colored by the mode that each point belongs to."
)

# %% [markdown]
# The eight modes share the plane of the codes in eight regions. A flow of `flow/05` has regions
# too, but a second training would lay them out differently.
#
# ## 7. Fresh noise
#
# The ODE is one of a family. Add fresh noise, and enlarge the drift so that the density stays the
# same (Eq. after.08):
#
# $$x_{\varphi - h} = x + h\tan\varphi\,\big(x + (1 + \nu^2)\,s\big) + \nu\sqrt{2h\tan\varphi}\;z,$$
#
# where $s = \nabla \log p(x_\varphi)$ is the score and $z$ is fresh noise. For $\nu = 0$ it is the
# probability flow, for $\nu = 1$ the reverse process of DDPM.

# %%
lesson.exercise("after/01/reverse_sde_step")

# %%
lesson.show_source(reverse_sde_step)
one = np.ones((1, 1))
sde = reverse_sde_step(2 * one, -one, 0.5, 0.1, 3 * one)
rate = 0.1 * np.tan(0.5)
lesson.check("one step by hand", sde, equals=2 + rate * 0 + np.sqrt(2 * rate) * 3)


# %%
def score_of(network):
    """The score at the angle of time t: −ε̂/sin φ."""
    return lambda x, phi, t: -network(x, np.full(len(x), t)) / np.sin(phi)


def sampled(score, noise, rng):
    """Samples from the end of the schedule, one step for each of its times."""
    angles = angle(plane.alpha_bar)
    x = rng.standard_normal((lesson.size(4000, quick=200), 2), dtype=np.float32)
    for t in range(T, 0, -1):
        z = rng.standard_normal(x.shape, dtype=np.float32)
        phi, h = float(angles[t]), float(angles[t] - angles[t - 1])
        x = reverse_sde_step(x, score(x, phi, t).astype(x.dtype), phi, h, z, noise * (t > 1))
    return x


# %% [markdown]
# With the exact score both ways give the same density. A network's score has an error, and the ODE
# carries each error to the end, while fresh noise partly forgets it. A third network has only 300
# steps of training.

# %%
short = train("network C", lesson.steps(300))
set_size = lesson.size(1000, quick=50)


def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


repeats = lesson.size(20, quick=2)
judge = OverFloor(distance, ring.sample, set_size, lesson.rng("floor"), repeats)


# %%
models = {"network A": networks[0], "network B": networks[1], "network C": short}
rows = []
for name, network in models.items():
    score = score_of(network)
    ends = [sampled(score, nu, lesson.rng("start")) for nu in (0.0, 1.0)]
    rows.append([name, *[judge(x, lesson.rng("judge")) for x in ends]])
lesson.table(
    rows, ["score of", "ν = 0 (ODE)", "ν = 1 (SDE)"], title="distance to the data, over the floor"
)
lesson.claim(
    "trained networks, SDE: distance over the floor",
    max(r[2] for r in rows[:2]),
    at_most=1.6,
    source="seeds 0, 1 and 2029: worst 1.19, plus a third",
)

# %% [markdown]
# ## 8. Wrong turns
#
# Three slips in the log-density of network A, each in one line.

# %%
lesson.predict(
    "Which of these reports a higher mean log p than the truth?",
    ["the trace with the opposite sign", "the trace at the first angle only", "neither"],
)


# %%
def field(x, phi):
    return divergence(velocities[0], x.astype(np.float32), phi)


z, integral = follow(field, x, spaced_angles(64, first))
at_first = field(x, first)[1] * (np.pi / 2 - first)
reported = {
    "right": log_normal(z) + integral,
    "opposite sign": log_normal(z) - integral,
    "at the first angle only": log_normal(z) + at_first,
}
rows = [[name, np.mean(value) - np.mean(truth.log_prob(x))] for name, value in reported.items()]
lesson.table(rows, ["slip", "mean log p less that of the true density"])

# %%
higher = [name for name, value in rows[1:] if value > 0.5]
lesson.outcome(
    f"The opposite sign: {rows[1][1]:.2f} nats; the first angle only: {rows[2][1]:.2f} nats. "
    "Near the data the divergence is largest, so its value there stands for far too much.",
    answer="neither"
    if not higher
    else "the trace at the first angle only"
    if "at the first angle only" in higher
    else "the trace with the opposite sign",
)

# %% [markdown]
# ## What this lesson leaves out
#
# The same equation trained by likelihood, through the steps of the solver (a *continuous
# normalizing flow*, Grathwohl et al. 2019); adaptive solvers, which choose their steps by an
# estimate of the error; the stochastic view, in which the whole family of section 7 follows from
# one Fokker-Planck equation (Song, Sohl-Dickstein, Kingma, Kumar, Ermon and Poole 2021); and
# dequantization, without which a density of digits says nothing about bits (`flow/14`).
#
# **Your turn:** `minigen exercise start after/01`, then `minigen run after/01 --with
# exercises/after_01.py`.

# %%
lesson.finish()
