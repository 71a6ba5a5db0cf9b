# %% [markdown]
# # The probability flow: a diffusion model is a flow
#
# How probable is a point under a diffusion model? The model was trained to predict noise, it draws
# samples in hundreds of random steps, and nobody ever wrote down its density. A flow has one,
# because it moves each point by an invertible map (`flow/03`). It looks as if we had to choose
# between the two kinds of models. But the random steps can be replaced with a deterministic path
# that has the same density at every time. Then a diffusion model *is* a flow. What is its density
# worth?
#
# The figure at the top shows the same 500 data points, mapped to noise in five ways: by the exact
# path, by two diffusion networks and by two other flows. The color of a point is its mode in the
# data.
#
# We find the velocity of the path (section 1), compute a density by hand (2), the exact density of
# a ring (3) and that of trained networks (4). Then we make it cheap (5), look at the codes (6), add
# the noise again (7), and fool ourselves (8). This lesson comes after the posts, and joins
# [Flow-based Deep Generative Models](https://lilianweng.github.io/posts/2018-10-13-flow-models/)
# and [What are Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
# Before this lesson: `flow/04`, `diffusion/10`.

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
    minutes=0.6,
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
from minigen.flow.realnvp import RealNVP
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
# A path needs a time. Which one should we take? A noisy point is a sum of data and noise, $x_t =
# \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon$. The squares of the two factors
# add up to 1, so they are the cosine and the sine of an angle,
#
# $$x = \cos\varphi\; x_0 + \sin\varphi\; \epsilon, \qquad \cos\varphi = \sqrt{\bar\alpha}.$$
#
# At the angle $\varphi = 0$ we have the data, and at $\varphi = \pi/2$ pure noise. We use $\varphi$
# as the time. If we keep $x_0$ and $\epsilon$ fixed and let $\varphi$ grow, the point moves.

# %%
ring = toy.get("ring").standardized()
shown = ring.sample(lesson.rng("shown"), 400)
fresh = lesson.rng("shown noise").standard_normal((400, 2))
fig, axes = plot.figure(1, 4, size=(2.3, 2.3))
for ax, phi in zip(axes, (0.0, 0.4, 0.9, np.pi / 2)):
    points = np.cos(phi) * shown + np.sin(phi) * fresh
    plot.samples(points, None, ax, title=f"$\\varphi = {phi:.2g}$", bounds=3)
lesson.figure(
    fig,
    "angles",
    "The same 400 points at four angles, from the data (left) to the noise (right). Look for the"
    " angle at which the eight modes merge.",
)

# %% [markdown]
# A network predicts the noise, $\hat\epsilon$. From the point $x$, the prediction $\hat\epsilon$
# and the angle $\varphi$, what is the velocity $dx/d\varphi$? Differentiate the sum, then express
# $x_0$ in terms of $x$ and $\epsilon$.

# %%
lesson.exercise("after/01/angle_velocity")

# %% [markdown]
# The derivative is $v = \cos\varphi\,\epsilon - \sin\varphi\,x_0$. With $x_0 = (x -
# \sin\varphi\,\epsilon)/\cos\varphi$ (Eq. after.01, Eq. after.02),
#
# $$v = \frac{\epsilon - \sin\varphi\,x}{\cos\varphi} = \frac{\cos\varphi\,x -
# x_0}{\sin\varphi}.$$
#
# In words, the point moves toward its noise and away from its data. But there is a problem. Many
# pairs $(x_0, \epsilon)$ pass through the same point $x$, each with its own velocity. The
# *probability flow* takes the mean of these velocities, so $\epsilon$ becomes $\mathbb E[\epsilon
# \mid x]$, which is what a network learns, and $x_0$ becomes $\mathbb E[x_0 \mid x]$. Surprisingly,
# at every angle the points still have the same density.
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
# Many papers use the noise level $\sigma = \tan\varphi$ as the time, the ratio of the two factors.
# Why do we take the angle? The noise level has no largest value, and it is 181 at the last step of
# the schedule of section 4. The angle ends at $\pi/2$, with $\mathcal N(0, I)$ exactly. Another
# advantage is that data from $\mathcal N(0, I)$ does not move at all.

# %%
point, noise = np.array([[0.5]]), np.array([[0.2]])
v = angle_velocity(point, noise, 0.3)
clean = (point - np.sin(0.3) * noise) / np.cos(0.3)
later = np.cos(0.3 + 1e-6) * clean + np.sin(0.3 + 1e-6) * noise

# %%
lesson.show_source(angle_velocity)
lesson.check("velocity against a finite difference", v, equals=(later - point) / 1e-6, atol=1e-5)

# %%
lesson.change(
    "another velocity",
    "Change `noise = np.array([[0.5]]), np.array([[0.2]])` to `noise = np.array([[0.5]]), "
    "np.array([[0.5 * np.sin(0.3)]])`. What is the velocity of the point then?",
    answer="It is 0, because the prediction of the noise is $\\sin\\varphi\\,x$. This is "
    "$\\mathbb E[\\epsilon \\mid x]$ for data from $\\mathcal N(0, 1)$, which does not move in "
    "this clock.",
)

# %% [markdown]
# We have a clock and a velocity, so we can follow a point from the data to the noise and back.
#
# ## 2. A density by hand
#
# How does the density change along a path? Take numbers from $\mathcal N(0, 0.6^2)$. The variance
# of $x$ grows as $V(\varphi) = 0.36\cos^2\varphi + \sin^2\varphi$, and each path grows with its
# root, $x \propto \sqrt V$. So the data point $x_0 = 0.6$ ends at the *code* $z = 1$. The velocity
# that does this is $v = x\,V'/2V$ with $V' = 1.28 \sin\varphi\cos\varphi$.
#
# Where paths move apart, the density falls. How fast they move apart is measured by the
# *divergence* of the velocity, $\operatorname{tr} \partial v/\partial x = \sum_i \partial v_i /
# \partial x_i$. Along a path the log-density falls at exactly this rate (Eq. after.03), so the
# log-density of the data is that of the code plus an integral (Eq. after.04):
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
# In the example the divergence is $V'/2V$, and its integral is $\frac12\log(1/0.36) = 0.5108$. With
# $\log\mathcal N(1; 0, 1) = -1.4189$ the sum is $-0.9081$. This is indeed $\log\mathcal N(0.6; 0,
# 0.36)$.
#
# A computer cannot follow a path exactly. It takes Euler steps $x' = x + h\,v$, and for the
# integral it sums $h$ times the trace. With two steps of $h = \pi/4$ the first velocity is 0 and
# the second is $0.4706\,x$, so $z = 0.6 \cdot 1.3696 = 0.8218$.


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
# With two steps the sum of traces gives $-0.8870$ at 0.6, more than the true $-0.9081$. Now use it
# to compute a density at every $x$, and integrate this density.

# %%
lesson.predict(
    "Euler's steps, with h times the trace for each, give a density at every x. What is its total"
    " mass?",
    ["below 1", "exactly 1", "above 1"],
)

# %% [markdown]
# An Euler step is itself a map, and a map has its own determinant. For a step $x' = x + h\,v(x)$
# with the Jacobian $J$ of $v$, what is $\log|\det \partial x'/\partial x|$?

# %%
lesson.exercise("after/01/step_log_det")

# %%
cells, width = np.linspace(-8, 8, 4001)[:, None], 16 / 4000
rows = []
for steps in (1, 2, 4, 8, 16, 64):
    flows = [gaussian_flow(steps, kind) for kind in ("trace", "det")]
    mass = [np.exp(flow.log_prob(cells)).sum() * width for flow in flows]
    rows.append([steps, *mass])

# %%
lesson.outcome(
    f"With two steps the mass is {rows[1][1]:.3f}. A step adds hu to the log-density, where u is"
    " the derivative of the velocity, but it stretches by 1 + hu, and in one dimension exp(hu) is"
    " never below 1 + hu.",
    answer="above 1",
)
lesson.table(rows, ["Euler steps", "mass by the trace", "mass by the determinant"])

# %%
lesson.show_source(step_log_det)
lesson.check("two steps, mass by the trace", rows[1][1], equals=1.057, atol=1e-3)
lesson.check("mass by the determinant, all rows", [row[2] for row in rows], equals=1.0, atol=1e-3)

# %% [markdown]
# Why is the mass by the trace too large? Let $u$ be the slope of the velocity. The step stretches
# lengths by $1 + hu$, so the density of the points is $1 + hu$ times as high before the step as
# after it. The trace uses $e^{hu}$ in its place, and $e^{hu} \ge 1 + hu$. So its density is too
# high wherever the steps stretch or squeeze. With the step's own determinant the mass is 1, for two
# steps as for sixty-four (Eq. after.05):
#
# $$\log p(x_0) = \log\mathcal N(z; 0, I) + \sum \log|\det(I + hJ)|.$$
#
# Is the mass by the trace always above 1? No. In more than one dimension it can be far below. A
# velocity that only rotates, with angular velocity $\omega$, has trace 0, but an Euler step of it
# multiplies each distance from the origin by $\sqrt{1 + h^2\omega^2}$. We compute the mass for
# $\omega = 2$ over one unit of time.


# %%
def quarter_turns(x, t):
    """A rotation about the origin with angular velocity 2."""
    return 2 * np.stack([-x[:, 1], x[:, 0]], axis=1)


side = np.linspace(-6, 6, 241)
square = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
masses = []
for steps in (1, 4, 16):
    rotation = ContinuousFlow(quarter_turns, np.linspace(0, 1, steps + 1), log_det="trace")
    log_prob = Flow(StandardNormal(2), rotation).log_prob(square)
    masses.append(np.exp(log_prob).sum() * (side[1] - side[0]) ** 2)

# %%
expected = [(1 + 4 / steps**2) ** -steps for steps in (1, 4, 16)]
lesson.table(zip((1, 4, 16), masses), ["Euler steps of a rotation", "mass by the trace"])
lesson.check("the mass, by hand (1 + 4/K²)^-K for K steps", masses, equals=expected, atol=1e-3)

# %% [markdown]
# So there are two ways to report a likelihood. The trace approximates the density of the equation.
# The determinant is the exact density of what the steps do, as long as each step is invertible. (A
# step that is too long may *fold* space. It then takes two different points to the same one.) Only
# the density by the determinant integrates to 1, so its mean log-likelihood cannot be better than
# that of the data density.
#
# ## 3. The exact density of a ring
#
# How many steps are enough? To measure an error we need a velocity that is exact. For a mixture of
# Gaussians we have formulas for $\mathbb E[x_0 \mid x]$ and for the divergence. The divergence
# depends on how much the data varies given $x$. Differentiate $v = (\cos\varphi\,x - \mathbb E[x_0
# \mid x])/\sin\varphi$, and use that the derivative of $\mathbb E[x_0 \mid x]$ is
# $\frac{\cos\varphi}{\sin^2\varphi} \operatorname{Cov}[x_0 \mid x]$.

# %%
lesson.exercise("after/01/posterior_divergence")

# %% [markdown]
# In $D$ dimensions it is (Eq. after.07)
#
# $$\operatorname{tr}\frac{\partial v}{\partial x} = D\cot\varphi -
# \frac{\cos\varphi}{\sin^3\varphi}\operatorname{tr}\operatorname{Cov}[x_0 \mid x].$$
#
# In words, paths move apart where $x$ already tells us which data point it comes from, and come
# together where it does not.
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
def exact_field(x, phi):
    """Velocity (N, 2) and divergence (N,) of the ring's probability flow at one angle."""
    mean, covariance = ring.posterior(x, np.cos(phi), np.sin(phi))
    return (np.cos(phi) * x - mean) / np.sin(phi), posterior_divergence(phi, covariance)


# %%
x, errors = lesson.rng("places").standard_normal((100, 2)), {}
step = 1e-5 * np.eye(2)
for phi in (0.2, 0.8, 1.4):
    slopes = [(exact_field(x + e, phi)[0] - exact_field(x - e, phi)[0]) / 2e-5 for e in step]
    by_differences = slopes[0][:, 0] + slopes[1][:, 1]
    errors[phi] = np.abs(exact_field(x, phi)[1] - by_differences).max()

# %%
lesson.show_source(posterior_divergence)
for phi, error in errors.items():
    lesson.check(f"divergence at {phi}, largest error", error, at_most=1e-6)

# %% [markdown]
# Now we follow the equation from the data to the noise, and add up the divergence. Euler's method
# takes one slope for each step. Heun's method takes the mean of the slopes at both ends, so it
# calls the model twice. The function `spaced_angles` chooses the ends of the steps, which are
# shorter near the data, where paths bend most. One of the checks below calls the model the *exact
# score*. The score is $\nabla \log p(x)$ (`diffusion/02`), and to know it is to know the velocity,
# because $v = -\tan\varphi\,(x + \nabla \log p(x))$.


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

# %%
lesson.check("exact score: error of log p, 64 Heun steps", errors["heun", 64], at_most=0.004)
lesson.check("Euler: error of 64 steps over that of 128", euler, equals=2.0, atol=0.1)
lesson.check("Heun: error of 64 steps over that of 128", heun, at_least=3.2)
lesson.check("64 Heun steps, there and back: error", back["heun", 64], at_most=0.002)

# %% [markdown]
# Twice as many steps halve the error of Euler's method, which is of order 1. Heun's method is of
# order 2, so the same change divides its error by about four once the steps are short, and here by
# even more. With the same number of calls, Heun's method is far ahead. So with an exact velocity
# the density is exact, as far as we care to compute it.
#
# ## 4. The density of a network
#
# A network's velocity is not exact. What is its density worth? We train two networks that differ
# only in their first weights and in their batches.

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
    """Train a network that predicts the noise of the ring, for so many steps."""
    model = EpsMLP(lesson.rng(f"weights of {name}"), width=128, layers=3)
    options = {"lr": cosine(2e-3, steps), "ema": 0.995, "clip": 1.0}
    descent = descend(loss, model, batch, rng=lesson.rng(f"batches of {name}"), **options)
    lesson.fit(descent, steps, state=descent.state, label=name)
    return descent.averaged


# %%
networks = [train(name, lesson.steps(3000)) for name in ("network A", "network B")]
velocities = [velocity_model(network, plane) for network in networks]
first = float(angle(plane.alpha_bar[1]))  # the networks were trained on no smaller angle
truth = ring.noised(np.cos(first), np.sin(first))  # the ring, with the noise of the first step
points = truth.sample(lesson.rng("test of networks"), lesson.size(500, quick=50)).astype(float)
entropy = -np.mean(truth.log_prob(points))


def density_of(velocity, steps):
    times = spaced_angles(steps, first)
    return Flow(StandardNormal(2), ContinuousFlow(velocity, times, log_det="trace"))


# %% [markdown]
# The test points are drawn from the ring with the noise of the first step, the smallest noise that
# the networks have seen. We begin with 16 Euler steps of network A and the trace. The mean of $\log
# p$ over the test points is then *higher* than that of the density from which they were drawn.

# %%
lesson.predict(
    "A model's mean log p is higher than that of the density that the points come from. What is the"
    " cause?",
    ["the model is better than the data density", "the solver", "the network"],
)

# %%
counts = (16, 64, 256)
sums = {}
for name, velocity in zip("AB", velocities):
    for steps in counts:
        log_prob = density_of(velocity, steps).log_prob(points)
        sums[name, steps] = -np.mean(log_prob) - entropy

# %%
lesson.outcome(
    f"With 16 steps the mean of -log p is {-sums['A', 16]:.2f} nats below that of the data"
    f" density, and with 256 steps {sums['A', 256]:.2f} above it. No density has a higher mean log"
    " p than the one that the points come from, so it was the solver.",
    answer="the solver",
)
header = ["network", *[f"{steps} steps" for steps in counts]]
rows = [[name, *[sums[name, steps] for steps in counts]] for name in "AB"]
lesson.table(rows, header, title="mean of −log p above that of the data density, nats")

# %% [markdown]
# Was that a density at all? We compute the total mass by the trace over the plane. (The determinant
# would give mass 1 with 16 steps, too, but only if no step folds space, and steps as long as these
# may fold it between the modes.)

# %%
centers, volume = ring.cells(lesson.size(80, quick=30))
by_trace = density_of(velocities[0], 16)
mass = np.exp(by_trace.log_prob(centers)).sum() * volume
print(f"  total mass by the trace, 16 Euler steps of network A: {mass:.2f}")

# %%
gaps = [sums[name, 256] for name in "AB"]
lesson.claim(
    "network A, 16 steps: mass by the trace",
    mass,
    at_least=1.05,
    source="seeds 0, 1, 5151 and 8128: 1.56 to 1.61; a density has 1",
)
lesson.claim(
    "gap of −log p to the data density, 256 steps",
    gaps,
    between=(0.0, 0.45),
    source="seeds 0, 1, 5151 and 8128: 0.09 to 0.18; one Gaussian: 3.2; theory: at least 0",
)

# %% [markdown]
# A mass far above 1 explains the high number. It was no density at all. With 256 steps the mean of
# $-\log p$ lies above that of the data density for both networks, as it must for a density. How
# does this compare with the bound of the chain (`diffusion/03`), and with a single Gaussian?

# %%
bound = np.mean(vlb_terms(networks[0], points.astype(np.float32), plane, lesson.rng("bound")).total)
nll = sums["A", 256] + entropy
one = toy.GaussianMixture([points.mean(axis=0)], covariances=[np.cov(points.T)])
of_gaussian = -np.mean(one.log_prob(points))
names = ["data density", "probability flow", "bound of the chain", "one Gaussian"]
lesson.table(zip(names, [entropy, nll, bound, of_gaussian]), ["of network A", "mean of −log p"])

# %%
lesson.claim(
    "the bound of the chain above the flow's −log p, nats",
    bound - nll,
    between=(0.05, 0.8),
    source="seeds 0, 1, 5151 and 8128: 0.24 to 0.35; untrained 1.8",
)

# %% [markdown]
# The numbers of the flow and of the bound are far below that of one Gaussian, which is about three
# nats worse than the data density. The bound of the chain is larger than the number of the flow,
# but no theorem says that it must be. The bound is one for the *chain*, and the equation of an
# inexact network has another density (section 8 turns the order around). So the likelihood of a
# diffusion model is one of three things, the bound of the chain, the density of the equation, or
# the density of its steps. When a paper reports bits per dimension, ask which of them, and with how
# many steps.
#
# ## 5. One probe instead of D passes
#
# *You may skip this section, because in the plane the whole divergence is affordable. It is for
# readers who want the density of an image.*
#
# The divergence needs one backward pass for each dimension, two in the plane and 784 for a digit.
# Can we do with fewer?

# %%
lesson.exercise("after/01/divergence")

# %%
matrix = np.array([[2.0, 1.0], [1.0, 3.0]])


def linear(x, t):
    return x @ matrix.T


trace = divergence(linear, np.zeros((1, 2)), 0.0)[1]

# %%
lesson.show_source(divergence)
lesson.check("trace of [[2, 1], [1, 3]]", trace, equals=5.0)

# %% [markdown]
# Hutchinson's estimate (Eq. after.06) needs one pass. Draw a random *probe* $v$ with $\mathbb
# E[vv^\top] = I$ and take $v^\top J v$. Its mean is $\mathbb E[\sum_{ij} v_i J_{ij} v_j] = \sum_i
# J_{ii}$, the trace. For example, let $J = ((2, 1), (1, 3))$ and take signs $v = (\pm 1, \pm 1)$.
# The four probes give 7, 3, 3, 7, with mean 5.

# %%
lesson.exercise("after/01/hutchinson_divergence")

# %%
signs = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
_, estimates = hutchinson_divergence(linear, np.zeros((4, 2)), 0.0, signs)

# %%
lesson.show_source(hutchinson_divergence)
lesson.check("the four probes of signs", estimates, equals=[7.0, 3.0, 3.0, 7.0])

# %% [markdown]
# Which probes are better, random signs or normal numbers? We compare the spread of $\log p$.

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

# %% [markdown]
# Signs are better, because with $v_i^2 = 1$ the diagonal of $J$ adds no variance. For a symmetric
# $J$, the variance is $4 \sum J_{ij}^2$ over the pairs $i < j$ with signs, and $2 \sum J_{ij}^2$
# over all $i, j$ with normal numbers. Either way the estimate is unbiased, so over many points the
# mean of $\log p$ needs only one pass for each step.
#
# ## 6. Codes
#
# The end of a path is the *code* of its data point. A flow of `flow/05` has codes, too. Are the
# codes of a diffusion model different from these? We encode the same points with the two networks,
# and with two RealNVPs that were trained apart as well. We measure how far two codes of a point are
# apart, as a root mean square, and compare with the distance between the point itself and its exact
# code.

# %%
lesson.predict(
    "Two networks, trained apart, encode the same points. And two RealNVPs do. Which codes agree?",
    ["those of neither pair", "those of the two networks", "those of both pairs"],
)


# %%
def train_realnvp(name, steps):
    """Train a RealNVP on the same ring."""
    flow = RealNVP(lesson.rng(f"weights of {name}"), 2, couplings=8, width=64)
    rng, rate = lesson.rng(f"batches of {name}"), cosine(2e-3, steps)
    descent = descend(RealNVP.loss, flow, lambda rng: (ring.sample(rng, 512),), lr=rate, rng=rng)
    lesson.fit(descent, steps, state=descent.state, label=name)
    return flow


flows = [train_realnvp(name, lesson.steps(1200)) for name in ("RealNVP A", "RealNVP B")]

# %%
angles = spaced_angles(48, first)


def code_by(velocity, x):
    return follow(lambda x, phi: divergence(velocity, x.astype(np.float32), phi), x, angles)[0]


codes = {"the points themselves": x, "exact": follow(exact_field, x, angles)[0]}
codes |= {f"network {name}": code_by(v, x) for name, v in zip("AB", velocities)}
codes |= {
    f"RealNVP {name}": flow.bijection.inverse(x.astype(np.float32))[0]
    for name, flow in zip("AB", flows)
}


# %%
def apart(one, other):
    """The root mean square distance of two codes of a point."""
    return float(np.sqrt(np.mean(np.sum((codes[one] - codes[other]) ** 2, axis=1))))


pairs = [
    ("the points themselves", "exact"),
    ("network A", "exact"),
    ("network B", "exact"),
    ("network A", "network B"),
    ("RealNVP A", "exact"),
    ("RealNVP A", "RealNVP B"),
]
distances = {pair: apart(*pair) for pair in pairs}

# %%
unit = distances["the points themselves", "exact"]
of_networks = distances["network A", "network B"] / unit
of_flows = distances["RealNVP A", "RealNVP B"] / unit
both = "those of both pairs" if of_networks < 0.6 else "those of neither pair"
lesson.outcome(
    f"The codes of the two networks are {distances['network A', 'network B']:.2f} apart, and those"
    f" of the two RealNVPs {distances['RealNVP A', 'RealNVP B']:.2f}. The velocity of the"
    " probability flow is a mean that the data density determines, and a RealNVP may take any map"
    " that fits.",
    answer="those of the two networks" if of_networks < 0.6 < of_flows else both,
)
rows = [[f"{one}, {other}", value] for (one, other), value in distances.items()]
lesson.table(rows, ["codes by", "root mean square distance"])

# %%
worst = max(distances[f"network {name}", "exact"] for name in "AB") / unit
lesson.claim(
    "codes to exact codes: distance over that of the points themselves",
    worst,
    at_most=0.6,
    source="seeds 0, 1, 5151 and 8128: 0.39 to 0.48; the points themselves: 1",
)
off = [np.mean(ring.log_prob(x) - flow.log_prob(x.astype(np.float32))) for flow in flows]
lesson.claim(
    "codes of two RealNVPs: distance over that of the points themselves",
    of_flows if max(off) < 1.5 else 0.0,
    at_least=1.2,
    source="seeds 0, 1, 5151 and 8128: 1.38 to 2.96; counts where both are within 1.5 nats",
)

# %%
which = ring.responsibilities(x).argmax(axis=1)
fig, axes = plot.figure(1, 5, size=(2.4, 2.4))
for ax, name in zip(axes, ("exact", "network A", "network B", "RealNVP A", "RealNVP B")):
    plot.samples(codes[name], None, ax, classes=which, title=name, bounds=3)
lesson.figure(
    fig,
    "codes",
    "The codes of the same points, by the exact equation, two networks and two RealNVPs, colored by"
    " the mode that each point belongs to. Compare the two networks, and the two RealNVPs.",
)

# %% [markdown]
# In all five panels the modes divide the plane of the codes into eight regions. In the first three
# they are nearly the same regions. So a diffusion model's code depends on the data density, and
# much less on the network.
#
# ## 7. Fresh noise
#
# We have thrown the random steps away. What were they good for? The probability flow is an ordinary
# differential equation (ODE), and it is one of a family. For the others, add fresh noise, and
# enlarge the drift so that the density stays the same (Eq. after.08),
#
# $$x_{\varphi - h} = x + h\tan\varphi\,\big(x + (1 + \nu^2)\,s\big) + \nu\sqrt{2h\tan\varphi}\;z,$$
#
# where $s = \nabla \log p(x_\varphi)$ is the score and $z$ is fresh noise. For $\nu = 0$ it is the
# probability flow, and for $\nu = 1$ the reverse process of DDPM, a stochastic differential
# equation (SDE).

# %%
lesson.exercise("after/01/reverse_sde_step")

# %%
unit = np.ones((1, 1))
sde = reverse_sde_step(2 * unit, -unit, 0.5, 0.1, 3 * unit)
rate = 0.1 * np.tan(0.5)

# %%
lesson.show_source(reverse_sde_step)
lesson.check("one step by hand", sde, equals=2 + rate * 0 + np.sqrt(2 * rate) * 3)


# %%
def score_of(network):
    """The score at the angle of time t: −ε̂/sin φ."""
    return lambda x, phi, t: -network(x, np.full(len(x), t)) / np.sin(phi)


def sampled(score, noise, rng):
    """Draw samples from the end of the schedule, one step for each of its times."""
    angles = angle(plane.alpha_bar)
    x = rng.standard_normal((lesson.size(8000, quick=200), 2), dtype=np.float32)
    for t in range(T, 0, -1):
        z = rng.standard_normal(x.shape, dtype=np.float32)
        phi, h = float(angles[t]), float(angles[t] - angles[t - 1])
        x = reverse_sde_step(x, score(x, phi, t).astype(x.dtype), phi, h, z, noise * (t > 1))
    return x


# %% [markdown]
# With the exact score both ways have the same density. It is often said that fresh noise is better
# with an inexact score, because it washes out past errors, and the ODE carries them to the end. We
# put it to the test with a third network, which has only 300 steps of training.

# %%
lesson.predict(
    "Network C has a poor score. Which of the two ways brings its samples nearer to the data?",
    ["the ODE", "the SDE, with fresh noise", "both are within a tenth"],
)

# %%
short = train("network C", lesson.steps(300))
set_size = lesson.size(1000, quick=50)


def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


repeats = lesson.size(20, quick=2)
judge = OverFloor(distance, ring.sample, set_size, lesson.rng("floor"), repeats)


# %%
def exact_score(x, phi, t):
    return ring.noised(np.cos(phi), np.sin(phi)).score(x)


scores = {"exact": exact_score, "network A": score_of(networks[0])}
scores |= {"network B": score_of(networks[1]), "network C": score_of(short)}
levels = (0.0, 0.5, 1.0)
rows = []
for name, score in scores.items():
    ends = [sampled(score, nu, lesson.rng("start")) for nu in levels]
    rows.append([name, *[judge(x, lesson.rng("judge")) for x in ends]])
gaussian = one.sample(lesson.rng("one Gaussian"), lesson.size(8000, quick=200))
rows.append(["one Gaussian", judge(gaussian, lesson.rng("judge")), None, None])

# %%
ode, sde = rows[3][1], rows[3][3]
near = "both are within a tenth" if abs(ode - sde) < 0.1 * ode else None
lesson.outcome(
    f"The samples of the ODE are {ode:.1f} floors away from the data, and those of the SDE"
    f" {sde:.1f}. In a step of the SDE the score, with its error, enters with the factor 1 + ν²,"
    " twice as much as in the ODE.",
    answer=near or ("the ODE" if ode < sde else "the SDE, with fresh noise"),
)
header = ["score of", "ν = 0 (ODE)", "ν = ½", "ν = 1 (SDE)"]
lesson.table(rows, header, title="distance to the data, over the floor")

# %%
lesson.claim(
    "trained networks, SDE: distance over the floor",
    max(row[3] for row in rows[1:3]),
    at_most=2.2,
    source="seeds 0, 1, 5151 and 8128: 0.91 to 1.73; margin: a quarter; one Gaussian: 5.1",
)
lesson.claim(
    "network C: distance of the SDE over that of the ODE",
    sde / ode if rows[1][1] < 2 else 0.0,
    at_least=1.1,
    source="seeds 0, 1, 5151 and 8128: 1.24 to 1.39; counts where network A is within 2 floors",
)

# %% [markdown]
# Fresh noise can wash out only *past* errors. But a poor score is wrong at every level, and each
# new step makes the error again. With a good score the two ways are nearly equal, and both are as
# close to the data as with the exact score.
#
# ## 8. Wrong turns
#
# How would you notice a mistake in a log-density? We make three with network A, each in one line.


# %%
def field(x, phi):
    return divergence(velocities[0], x.astype(np.float32), phi)


z, integral = follow(field, points, spaced_angles(64, first))
at_first = field(points, first)[1] * (np.pi / 2 - first)
reported = {
    "correct": log_normal(z) + integral,
    "the trace with the opposite sign": log_normal(z) - integral,
    "the trace at the first angle only": log_normal(z) + at_first,
    "without the trace": log_normal(z),
}
rows = [[name, np.mean(value) + entropy] for name, value in reported.items()]
lesson.table(rows, ["mistake", "mean log p minus that of the data density, nats"])

# %% [markdown]
# Only one of them is too good to be true, and a reader of section 4 would catch it. The others look
# like a poor model.
#
# The last wrong turn is subtler. We take data from one Gaussian, $\mathcal N(0, 0.36\, I)$, whose
# noise is known exactly, and add a small ripple to the prediction, $0.02 \sin 30 x$. The noise has
# standard deviation 1, so this is an error of at most 2 %. How much does it cost in nats?


# %%
def rippled(size):
    """The exact prediction of the noise for N(0, 0.36 I), plus a ripple."""

    def eps_model(x, t):
        a = np.interp(t, plane.times, plane.alpha_bar)[:, None].astype(x.dtype)  # (N, 1)
        return np.sqrt(1 - a) * x / (0.36 * a + 1 - a) + x.dtype.type(size) * np.sin(30 * x)

    return eps_model


# %%
small = toy.GaussianMixture([[0.0, 0.0]], std=0.6)
some = small.sample(lesson.rng("one Gaussian, test"), lesson.size(1000, quick=50))
rows = []
for size in (0.0, 0.02):
    model = rippled(size)
    velocity = velocity_model(model, plane)
    chain = np.mean(vlb_terms(model, some, plane, lesson.rng("ripple")).total)
    ends, integral = follow(
        lambda x, phi: divergence(velocity, x, phi), some.astype(float), spaced_angles(512, first)
    )
    rows.append([size, chain, -np.mean(log_normal(ends) + integral)])

# %%
lesson.table(rows, ["ripple", "bound of the chain, nats", "−log p of the probability flow, nats"])
chain, equation = np.array(rows)[1, 1:] - np.array(rows)[0, 1:]
lesson.check("what the ripple costs the chain, nats", chain, between=(0, 0.1))
lesson.check("what the ripple costs the probability flow, nats", equation, at_least=1)

# %% [markdown]
# The chain hardly notices, and the density of the equation gets worse by nats. The reason is in Eq.
# after.03. The divergence contains the *slope* of the prediction, and a ripple that is small can
# still be steep. The loss of the training contains the prediction, and not its slope. So a good
# bound does not promise a good density of the equation.
#
# ## What this lesson leaves out
#
# The same equation trained by likelihood, through the steps of the solver (a *continuous
# normalizing flow*, Grathwohl et al. 2019); adaptive solvers, which choose their steps by an
# estimate of the error; the stochastic view, in which the whole family of section 7 follows from
# one Fokker-Planck equation (Song, Sohl-Dickstein, Kingma, Kumar, Ermon and Poole 2021); and
# dequantization, without which a density of digits cannot be read in bits (`flow/14`).
#
# **To remember:** Each diffusion process has a deterministic path with the same densities. With it
# we can compute a diffusion model's log-density, up to the error of the solver, and codes that
# depend on the data much more than on the network. The trace is not the log-determinant of a step,
# so check the total mass. A small error of the prediction can be a large error of the density.
#
# **Your turn:** `minigen exercise start after/01`, then `minigen run after/01 --with
# exercises/after_01.py`.

# %%
lesson.finish()
