# %% [markdown]
# # Flow maps: the whole path in one call
#
# Flow matching learns a velocity, and its sampler follows it in many small steps (`after/02`). One
# large step is hopeless, because the velocity at the start of a path is not the velocity later on.
# So why not learn the *mean* velocity of the whole path? With it a single step ends exactly where
# the path ends. But nobody can say what this mean is for a given point. To know it, we would have
# to follow the path first, and then the saving is gone. Can a network learn the mean velocity
# without following a single path?
#
# For Gaussian data we write the mean velocity down (section 1). We find an identity that it obeys
# (2), which turns into a target that needs no path and no teacher (3). Then networks learn it in
# the plane (4, 5), three mistakes that raise no error are made (6), and digits are drawn in one
# call (7). This lesson comes after the post [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/). Before this lesson:
# `diffusion/12`, `after/02`.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "after/07_flow_maps",
    title="Flow maps: the whole path in one call",
    post="after",
    equations=["after.35", "after.36", "after.37", "after.38", "after.39"],
    pretrained=["digit_classifier"],
    minutes=5,
    picture="chord",
    sources=[
        "weng2021diffusion",
        "liu2023rectified",
        "lipman2023flow",
        "song2023consistency",
        "frans2024shortcut",
        "geng2025meanflow",
    ],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.diffusion.flow_map import gaussian_flow_map, gaussian_mean_velocity, mean_flow_loss
from minigen.diffusion.flow_map import mean_flow_target, shortcut_target, total_derivative
from minigen.diffusion.flow_matching import flow_matching_loss, interpolate, reflow_pairs
from minigen.metrics import sliced_wasserstein
from minigen.metrics.digits import judge_digits
from minigen.metrics.floor import OverFloor
from minigen.nn import MLP, Module, he_gain
from minigen.optim import cosine
from minigen.tensor import mse
from minigen.train import descend
from minigen.vae.pca import pca

# %% [markdown]
# ## 1. Where a path leads
#
# How far off is one large step? We need a case in which every path is known. As in `after/02`,
# $x_t = (1 - t)\,x_0 + t z$, with the data at $t = 0$ and the noise at $t = 1$. Let the data be
# Gaussian, $x_0 \sim \mathcal N(m, s^2)$. Then $x_t$ is Gaussian, too, with mean $(1 - t)\,m$ and
# variance $V_t = (1 - t)^2 s^2 + t^2$. A path keeps its rank: a point that is two standard
# deviations above the mean stays two standard deviations above it. So the *flow map* $X_{t \to
# r}$, which carries a point at time $t$ to the point of its path at time $r$, is (Eq. after.37)
#
# $$X_{t \to r}(x) = (1 - r)\,m + \sqrt{V_r / V_t}\;\bigl(x - (1 - t)\,m\bigr).$$
#
# For example, let $m = 2$ and $s = \frac12$. The noise $x = 2$ is two standard deviations above the
# mean 0 of the noise, so its path ends at $2 + 2 \cdot \frac12 = 3$.

# %%
lesson.exercise("after/07/gaussian_flow_map")

# %%
lesson.show_source(gaussian_flow_map)
noise = np.array([[2.0]])
end = gaussian_flow_map(noise, 1.0, 0.0, 2.0, 0.25)
lesson.check("the path through 2 ends at 3", end, equals=3.0)

# %% [markdown]
# A sampler goes backwards in time, from $t = 1$ to $0$, and on this way $x$ rises from 2 to 3. So
# the *mean velocity* with respect to $t$ is negative (Eq. after.35):
#
# $$u(x, t, r) = \frac{x - X_{t \to r}(x)}{t - r} = \frac{2 - 3}{1 - 0} = -1 .$$
#
# One Euler step takes the velocity at the start instead. For this data it is $v(x, 1) = x - m = 0$.
# The step stays at 2, which is the mean of the data, and it does so from every noise. The path only
# begins to move later, as the picture shows.

# %%
times = np.linspace(1, 0, 101)
path = np.concatenate([gaussian_flow_map(noise, 1.0, r, 2.0, 0.25)[0] for r in times])
lines = {"path": path, "chord": 2 + (1 - times), "velocity at the start": 0 * times + 2}
ax = plot.line(times, lines, xlabel="t, from the data (0) to the noise (1)", ylabel="x")
lesson.figure(
    ax,
    "chord",
    "The path from the noise 2 (right) to the data 3 (left, blue), the chord whose slope is the"
    " mean velocity (orange), and the step that the velocity at the start suggests (green)."
    " Compare where the three end.",
)

# %% [markdown]
# For Gaussian data the mean velocity has a formula, in which the difference $t - r$ cancels (Eq.
# after.38):
#
# $$u(x, t, r) = -m + \frac{t + r - (2 - t - r)\,s^2}{V_t + \sqrt{V_t V_r}}\,\bigl(x -
# (1 - t)\,m\bigr).$$
#
# At $r = t$ it is the velocity $v(x, t)$ itself.

# %%
lesson.exercise("after/07/gaussian_mean_velocity")

# %%
lesson.show_source(gaussian_mean_velocity)


def u_exact(x, t, r):
    return gaussian_mean_velocity(x, t, r, 2.0, 0.25)


lesson.check("mean velocity of the path", u_exact(noise, 1.0, 0.0), equals=-1.0)
lesson.check("velocity at its start", u_exact(noise, 1.0, 1.0), equals=0.0)

# %% [markdown]
# So $u$ is a function of a point and *two* times, and it contains the velocity as the special case
# of equal times. A network for $u$ replaces both the velocity and the solver.
#
# ## 2. One identity, three models
#
# Can we recognize the right $u$ without following a path? Write its definition without the
# quotient, $(t - r)\,u(x, t, r) = x - X_{t \to r}(x)$, and move the point along its path. All
# points of a path have the same end, so the second term does not change. The left side has to
# change as $x$ does, and $x$ changes with the velocity $v$. By the product rule (Eq. after.36)
#
# $$u + (t - r)\,\frac{du}{dt} = v, \qquad \frac{du}{dt} = v \cdot \nabla u +
# \frac{\partial u}{\partial t}.$$
#
# In the example $u = -1$, $v = 0$ and $t - r = 1$. So $du/dt$ should be 1. Automatic
# differentiation agrees, and it agrees for random points and times:

# %%
du = total_derivative(u_exact, noise, u_exact(noise, 1.0, 1.0), 1.0, 0.0)
lesson.check("du/dt in the example", du, equals=1.0, atol=1e-9)
rng = lesson.rng("identity")
x, a, b = rng.normal(1, 2, (500, 1)), rng.random(500), rng.random(500)
t, r = np.maximum(a, b), np.minimum(a, b)
v = u_exact(x, t, t)

# %% [markdown]
# Three well-known models use this fact in three ways.
#
# - A *consistency model* (`diffusion/12`) fixes $r = 0$ and asks that the end does not change along
#   a path.
# - A *shortcut model* (Frans et al. 2024) asks that one long step leads where two steps of half the
#   length lead. With the middle time $s = (t + r)/2$ and $y = x - (t - s)\,u(x, t, s)$, the mean
#   velocity is the mean of the two, $\frac12\bigl(u(x, t, s) + u(y, s, r)\bigr)$.
# - *MeanFlow* (Geng et al. 2025) uses the derivative, $u = v - (t - r)\,du/dt$.

# %%
lesson.exercise("after/07/shortcut_target")

# %%
lesson.exercise("after/07/mean_flow_target")

# %%
lesson.show_source(shortcut_target, mean_flow_target)
u = u_exact(x, t, r)
moved = gaussian_flow_map(x, t, 0.9 * t, 2.0, 0.25)
same_end = gaussian_flow_map(moved, 0.9 * t, 0.0, 2.0, 0.25)
errors = [
    np.abs(gaussian_flow_map(x, t, 0.0, 2.0, 0.25) - same_end).max(),
    np.abs(shortcut_target(u_exact, x, t, r) - u).max(),
    np.abs(mean_flow_target(u_exact, x, v, t, r) - u).max(),
]
lesson.check("consistency, shortcut, MeanFlow: largest error", errors, at_most=1e-6)

# %% [markdown]
# The exact $u$ satisfies all three, but only the third contains $v$. A consistency model also needs
# $X_{0 \to 0}(x) = x$, and a shortcut model $u(x, t, t) = v$, otherwise a constant map and $u = 0$
# would pass. MeanFlow needs $v$ and a derivative, and both at a single point only. But where does
# $v$ come from?
#
# ## 3. A target without a teacher
#
# MeanFlow's target contains $v$, and that is unknown, too. A teacher could supply it. But there is
# a cheaper way. The target is linear in $v$: it occurs once by itself, and once as a factor of
# $\nabla u$. This suggests a replacement for $v$, any random vector whose mean, given $x_t$, is
# $v$. From `after/02` we have one, the velocity $z - x_0$ of the straight line. The loss is (Eq.
# after.39)
#
# $$\mathbb E\,\bigl\|u_\theta(x_t, t, r) - \operatorname{sg}\bigl(z - x_0 - (t - r)\,du_\theta/dt
# \bigr)\bigr\|^2 ,$$
#
# where $\operatorname{sg}$ marks the target as a constant. Does the replacement leave the minimum
# where it was? In the Gaussian example we draw many lines, and regress the target on $x_t$. If the
# mean of the target is $u$, the regression finds the line $u(x, t, r)$.

# %%
count = lesson.size(400_000, quick=2000)
x0, z = rng.normal(2, 0.5, (count, 1)), rng.standard_normal((count, 1))
x_t = interpolate(x0, z, 0.8)
target = mean_flow_target(u_exact, x_t, z - x0, 0.8, 0.1)
slope, at_0 = np.polyfit(x_t[:, 0], target[:, 0], 1)
spread = np.std(target - (slope * x_t + at_0))
u_0, u_1 = (u_exact(np.array([[value]]), 0.8, 0.1)[0, 0] for value in (0.0, 1.0))
rows = [["target, by regression", slope, at_0, spread], ["exact u", u_1 - u_0, u_0, None]]
lesson.table(rows, ["t = 0.8, r = 0.1", "slope", "value at x = 0", "spread around the line"])
lesson.check("slope", slope, equals=u_1 - u_0, atol=0.2 if lesson.quick else 0.02)

# %%
lesson.change(
    "a teacher",
    "Change `z - x0, 0.8, 0.1` to `u_exact(x_t, 0.8, 0.8), 0.8, 0.1`, which is a teacher's exact"
    " velocity, and run again. What becomes of the line, and of the spread?",
    answer="The line is the same, and the spread is 0. A teacher does not move the target, but it"
    " takes the noise away.",
)

# %% [markdown]
# The regression finds the exact $u$. So a network that minimizes this loss needs neither paths nor
# a teacher, only pairs of data and noise. (The target is noisy, so the loss does not go to zero, as
# in `after/02`.)
#
# Two points matter in practice. The derivative $du/dt$ is the product of the Jacobian with one
# vector. We compute it with two backward passes. And the network must be smooth in its times,
# because it is differentiated with respect to $t$. So we give it $t$ and $t - r$, and a sine and a
# cosine of each.


# %%
class MeanVelocity(Module):
    """u(x (N, D), t (N,), r (N,)) -> (N, D)."""

    def __init__(self, rng, dim, width):
        self.body = MLP(rng, [dim + 6, width, width, width, dim], activation="silu")
        for layer in self.body.layers[:-1]:
            layer.w *= he_gain("relu")

    def __call__(self, x, t, r):
        t, d = t[:, None], (t - r)[:, None]
        waves = [wave(np.pi * time) for time in (t, d) for wave in (np.sin, np.cos)]
        return self.body(np.concatenate([x, t, d, *waves], axis=1))


def steps_of(u, x, count):
    """From noise x (N, D) to data in so many calls of u(x, t, r)."""
    times = np.linspace(1, 0, count + 1, dtype=np.float32)
    for t, r in zip(times[:-1], times[1:]):
        x = x - (t - r) * u(x, np.full(len(x), t), np.full(len(x), r))
    return x


# %% [markdown]
# A batch contains two kinds of pairs of times. For a part of the examples $r = t$, where the loss
# is plain flow matching, and for the others $r < t$.


# %%
def pairs_of_times(rng, n, equal=0.75):
    """t and r (n,) with r <= t, equal for this fraction."""
    times = rng.random((2, n), dtype=np.float32)
    t, r = times.max(axis=0), times.min(axis=0)
    return t, np.where(rng.random(n) < equal, t, r)


def mean_flow(u, x0, z, t, r):
    return mean_flow_loss(u, x0, z, t, r)


def flow_matching(u, x0, z, t, r):
    return flow_matching_loss(lambda x, t: u(x, t, t), x0, z, t)


lesson.show_source(mean_flow_loss)

# %% [markdown]
# With $r = t$ everywhere this network would learn the velocity. The other pairs train longer steps.
# Section 5 asks how many of each we need.
#
# ## 4. One call
#
# Does it work? A step with the derivative takes two to four times as long as a step of flow
# matching. MeanFlow gets half as many steps, so it has at least as much time as each of its rivals:
#
# - *flow matching*, with all steps;
# - *with a teacher*: flow matching for half of the cost, and then MeanFlow's target with the
#   teacher's velocity in place of $z - x_0$;
# - *reflow* (`after/02`): the same teacher, 64 of its calls for each of 20,000 pairs, and flow
#   matching on these pairs;
# - *no derivative*: the target is $z - x_0$ for every $r$. This control shows whether the
#   derivative matters.

# %%
ring = toy.get("ring").standardized()
budget, size = lesson.steps(8000), 256  # steps of flow matching


def ring_batch(rng, equal=0.75):
    x0 = ring.sample(rng, size)
    return x0, rng.standard_normal(x0.shape, dtype=np.float32), *pairs_of_times(rng, size, equal)


def train(name, loss, batch, steps, dim=2, width=128, lr=3e-3):
    """A network trained with this loss, and its mean loss over the last tenth of the steps."""
    net = MeanVelocity(lesson.rng(f"weights {name}"), dim, lesson.size(width, quick=16))
    steps, rng = max(steps, 1), lesson.rng(f"batches {name}")
    step = descend(loss, net, batch, lr=cosine(lr, steps), ema=0.998, clip=1.0, rng=rng)
    history = lesson.fit(step, steps, state=step.state, label=name)
    return step.averaged, np.mean(history["loss"][-max(1, steps // 10) :])


# %%
def no_derivative(u, x0, z, t, r):
    return mse(u(interpolate(x0, z, t), t, r), z - x0)


models, losses = {}, {}
for name, loss, steps in (
    ("flow matching", flow_matching, budget),
    ("MeanFlow", mean_flow, budget // 2),
    ("no derivative", no_derivative, budget),
):
    models[name], losses[name] = train(name, loss, ring_batch, steps)

# %%
teacher, _ = train("teacher", flow_matching, ring_batch, budget // 2)


def distillation(u, x0, z, t, r):
    """MeanFlow's loss with the teacher's velocity."""
    x_t = interpolate(x0, z, t)
    return mse(u(x_t, t, r), mean_flow_target(u, x_t, teacher(x_t, t, t), t, r))


models["with a teacher"], _ = train("with a teacher", distillation, ring_batch, budget // 4)

# %%
many = lesson.rng("reflow").standard_normal((lesson.size(20_000, quick=500), 2), dtype=np.float32)
ends, many = reflow_pairs(lambda x, t: teacher(x, t, t), many, np.linspace(1, 0, 65))


def reflow_batch(rng):
    i = rng.integers(0, len(many), size)
    return ends[i], many[i], *pairs_of_times(rng, size, 1.0)


models["reflow"], _ = train("reflow", flow_matching, reflow_batch, budget // 4)

# %% [markdown]
# The judge is the sliced Wasserstein distance, divided by its *floor*, which is the distance
# between two sets of points of the ring. So 1 is perfect. As this distance is coarse, we also count
# *outliers*, points with a lower density than 99 % of the ring's points. A trivial rival that knows
# only the radius of the ring moves each noise to the *circle* through the modes.

# %%
lesson.predict(
    "Flow matching needs about 16 calls for good samples of the ring. How far from the ring are"
    " MeanFlow's samples in one call, compared with flow matching's in 16 calls?",
    ["nearer", "up to three times as far", "more than three times as far"],
)


# %%
def distance(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("directions"))


set_size, repeats = lesson.size(1000, quick=50), lesson.size(20, quick=2)
judge = OverFloor(distance, ring.sample, set_size, lesson.rng("floor"), repeats)
start = lesson.rng("start").standard_normal((lesson.size(4000, quick=200), 2), dtype=np.float32)
by_velocity = ("flow matching", "reflow")


def made_by(name, count):
    u = models[name]
    return steps_of((lambda x, t, r: u(x, t, t)) if name in by_velocity else u, start, count)


lowest = np.quantile(ring.log_prob(ring.sample(lesson.rng("typical"), 20_000)), 0.01)


def outliers(x):
    """The fraction whose log density is lower than that of 99 of 100 points of the ring."""
    return np.mean(ring.log_prob(x) < lowest)


# %%
counts = (1, 2, 4, 16)
order = ("flow matching", "no derivative", "reflow", "with a teacher", "MeanFlow")
over = {name: [judge(made_by(name, n), lesson.rng("judge")) for n in counts] for name in order}

# %%
points = ring.sample(lesson.rng("Gaussian"), 20_000)
gauss = (np.float32(points.std(axis=0)) * start + points.mean(axis=0)).astype(np.float32)
off = {name: [outliers(made_by(name, n)) for n in (1, 16)] for name in order}
ratio = over["MeanFlow"][0] / over["flow matching"][3]
lesson.outcome(
    f"MeanFlow's samples in one call are {over['MeanFlow'][0]:.2f} floors away, {ratio:.1f} times"
    " as far as flow matching's in 16 calls. In one call flow matching is"
    f" {over['flow matching'][0]:.0f} floors away, because there its step leads to the mean of the"
    " data.",
    answer="nearer"
    if ratio < 1
    else "up to three times as far"
    if ratio < 3
    else "more than three times as far",
)

# %%
header = ["", *(f"{n} call{'s' * (n > 1)}" for n in counts)]
lengths = np.linalg.norm(start, axis=1, keepdims=True)
circle = start / lengths * np.linalg.norm(ring.means[0]).astype(np.float32)
data = ring.sample(lesson.rng("data"), len(start))
rows = [
    [name, judge(x, lesson.rng("judge")), None, None, None, outliers(x), None]
    for name, x in (("data", data), ("one Gaussian", gauss), ("circle", circle))
]

# %%
rows += [[name, *over[name], *off[name]] for name in order]
columns = [*header, "outliers, 1 call", "16 calls"]
lesson.table(rows, columns, "distance to the ring over its floor, and outliers")

# %%
fig, axes = plot.figure(1, 4, size=(2.5, 2.5))
shown = (("flow matching", 1), ("flow matching", 16), ("MeanFlow", 1), ("reflow", 1))
for ax, (name, n) in zip(axes, shown):
    title = f"{name}, {n} call{'s' * (n > 1)}"
    plot.samples(made_by(name, n)[:1500], None, ax, title=title, bounds=2.5)
lesson.figure(
    fig,
    "ring",
    "1,500 samples in each panel: flow matching in 1 and in 16 calls, MeanFlow and reflow in 1."
    " Compare the space between the modes.",
)

# %%
lesson.claim(
    "MeanFlow, one call, over the floor",
    over["MeanFlow"][0],
    at_most=2.0,
    source="seeds 0, 1 and 3067: 1.48 to 1.83; one Gaussian: 5.1; for the circle see the outliers",
)
lesson.claim(
    "MeanFlow, one call: outliers",
    off["MeanFlow"][0],
    at_most=0.55,
    source="seeds 0, 1 and 3067: 0.38 to 0.46; the circle: 0.6; one Gaussian: 0.93",
)
# %%
lesson.claim(
    "one call: no derivative over MeanFlow",
    over["no derivative"][0] / over["MeanFlow"][0],
    at_least=5.0,
    source="seeds 0, 1 and 3067: 9.9 to 12.7; margin: a half; no effect: 1",
)

# %% [markdown]
# MeanFlow needs one call and no teacher, and it is far nearer than flow matching in one call. The
# control without the derivative fails as flow matching does, so it is the derivative that carries
# the velocity over a long step. But look at the outliers. Nearly half of MeanFlow's samples in one
# call are outliers, compared with a tenth for flow matching in 16 calls. Many lie between the
# modes, where the distance is hardly sensitive to them. The circle shows this, too. Its distance is
# only a little larger than MeanFlow's, although three fifths of its points are outliers.
#
# The two rows with a teacher are nearer in one call and have fewer outliers, and we saw the same
# with two other seeds. So a teacher is not necessary, but it helps.
#
# ## 5. How many pairs have equal times?
#
# What do the examples with $r = t$ do? A single large step never uses such a pair, so they may be a
# waste. But they are the only ones whose target does not depend on the network itself. We train
# with four fractions of equal times, half as long as above and two networks each.

# %%
fractions = (0.0, 0.25, 0.5, 0.75)
rows = []
for equal in fractions:
    found = []
    for k in range(2):
        u, _ = train(f"{equal:g} equal {k}", mean_flow, lambda g: ring_batch(g, equal), budget // 4)
        found.append([judge(steps_of(u, start, n), lesson.rng("judge")) for n in (1, 16)])
    rows.append([equal, *(number for pair in zip(*found) for number in pair)])
lesson.table(rows, ["fraction r = t", "1 call", "again", "16 calls", "again"], "distance / floor")

# %% [markdown]
# In one call the fraction makes no difference that two trainings each could show. In 16 calls half
# or three quarters of equal times are better than none in this run, and three quarters with two
# other seeds. Such a step covers a sixteenth of the path, where $u$ is close to the velocity.
#
# ## 6. Wrong turns
#
# Three mistakes raise no error. *The gradient flows through the target*, because somebody did not
# hold it constant. *The time is missing*: the derivative has $v \cdot \nabla u$ but not $\partial
# u/\partial t$. *The sign*: the target adds $(t - r)\,du/dt$ instead of subtracting it.

# %%
lesson.predict(
    "Without the stop gradient, the training minimizes the squared error of the identity itself."
    " What happens?",
    [
        "the loss and the samples get better",
        "the loss gets lower, but the samples get worse",
        "both get worse",
    ],
)


# %%
def error_of_identity(u, x, v, t, r):
    """The mean square of u + (t - r) du/dt - v, where everything takes part in the gradient."""
    h = np.float32(1e-2)  # du/dt by central differences
    du = (u(x + h * v, t + h, r) - u(x - h * v, t - h, r)) / (2 * h)
    return np.mean((u(x, t, r) + (t - r)[:, None] * du - v) ** 2)


def with_gradient(u, x0, z, t, r):
    return error_of_identity(u, interpolate(x0, z, t), z - x0, t, r)


def without_noise(u, x0, z, t, r):
    """The same mistake with the teacher's velocity, which has no noise."""
    x_t = interpolate(x0, z, t)
    return error_of_identity(u, x_t, teacher(x_t, t, t), t, r)


# %%
def no_time(u, x0, z, t, r):
    x_t, v = interpolate(x0, z, t), z - x0
    du = total_derivative(lambda x, s, r: u(x, t, r), x_t, v, t, r)
    return mse(u(x_t, t, r), v - (t - r)[:, None] * du)


def wrong_sign(u, x0, z, t, r):
    x_t, v = interpolate(x0, z, t), z - x0
    return mse(u(x_t, t, r), 2 * v - mean_flow_target(u, x_t, v, t, r))


# %%
wrong = {
    "right": mean_flow,
    "gradient through the target": with_gradient,
    "the same, teacher's velocity": without_noise,
    "time missing": no_time,
    "wrong sign": wrong_sign,
}
rows = []
for name, loss in wrong.items():
    u, last = train(name, loss, ring_batch, budget // 4)
    made = [steps_of(u, start, n) for n in (1, 16)]
    rows.append([name, last, *(judge(x, lesson.rng("judge")) for x in made), made[0].std()])

# %%
lower, worse = rows[1][1] < rows[0][1], rows[1][2] > rows[0][2]
lesson.outcome(
    f"The loss is {rows[1][1]:.2f} instead of {rows[0][1]:.2f}, and one call ends {rows[1][2]:.1f}"
    f" floors away instead of {rows[0][2]:.1f}. The noise of $z - x_0$ is a part of the loss, and a"
    " network that may change its target removes this noise by contracting its map: the samples"
    f" shrink, to a standard deviation of {rows[1][4]:.2f} instead of {rows[0][4]:.2f}.",
    answer="the loss and the samples get better"
    if not worse
    else "the loss gets lower, but the samples get worse"
    if lower
    else "both get worse",
)
header_of_wrong = ["target", "loss", "1 call", "16 calls", "deviation of the samples, 1 call"]
lesson.table(rows, header_of_wrong, "distance / floor, and standard deviation (data: 1)")

# %% [markdown]
# Why does the first mistake contract the map? Write $z - x_0 = v + e$ with a noise $e$ of mean 0.
# The error of the identity is $u + (t - r)\,du/dt - z + x_0$, and $e$ enters $du/dt$ as well, so
# its part of the error is $-\bigl(I - (t - r)\nabla u\bigr)\,e$. The matrix is the gradient of the
# flow map $X = x - (t - r)\,u$. So the noise disappears from the loss if all points are mapped to
# one. With a constant target the network has no such choice. And without noise the mistake costs
# little. With the teacher's velocity it has 1.4 floors, compared with 1.2 for the constant target
# of section 4 at equal steps.
#
# Without $\partial u/\partial t$, or with the wrong sign, the identity no longer holds, and one
# call is far from the ring. So if a MeanFlow network has a low loss and poor samples, look at the
# target first.
#
# ## 7. Digits
#
# Is this a trick for the plane? We take digits as 32 numbers, their first principal components
# (`vae/02`), which keep three quarters of the variance. All are divided by one number, so that
# their mean square is 1. The networks are wider, and MeanFlow again gets half as many steps. We
# judge the images by the Fréchet distance of a classifier's features (`gan/08`) from those of test
# digits that went through the same 32 components.

# %%
digits = mnist.load()
pixels = mnist.unit(digits.train_images[: lesson.size(60_000, quick=500)]).reshape(-1, 784)
components = pca(pixels, 32)
codes = components.encode(pixels)
scale = np.float32(codes.std())
codes = codes / scale


def images_of(codes):
    """Codes (N, 32) -> gray values (N, 28, 28, 1) in [0, 1]."""
    return np.clip(components.decode(codes * scale), 0, 1).reshape(-1, 28, 28, 1)


def code_batch(rng):
    x0 = codes[rng.integers(0, len(codes), size)]
    z = rng.standard_normal(x0.shape, dtype=np.float32)
    return x0, z, *pairs_of_times(rng, size)


# %%
of_codes = {"dim": 32, "width": 384, "lr": 2e-3}
digit_steps = lesson.steps(8000)
velocity, _ = train("digits, velocity", flow_matching, code_batch, digit_steps, **of_codes)
u_digits, _ = train("digits, MeanFlow", mean_flow, code_batch, digit_steps // 2, **of_codes)


def draw_digits(rng, n):
    z = rng.standard_normal((n, 32), dtype=np.float32)
    return images_of(steps_of(u_digits, z, 1))


lesson.sampler("digits", draw_digits)

# %%
lesson.predict(
    "How large is the Fréchet distance of digits drawn in one call of MeanFlow, compared with flow"
    " matching in 16 calls?",
    ["less than three times as large", "five times as large", "more than ten times as large"],
)

# %%
classifier = lesson.pretrained("digit_classifier")
n = lesson.size(2000, quick=20)
test = mnist.unit(digits.test_images[: lesson.size(10_000, quick=50)]).reshape(-1, 784)
real = images_of(components.encode(test) / scale)
z = lesson.rng("digits").standard_normal((n, 32), dtype=np.float32)


# %%
def frechet(codes):
    return judge_digits(classifier, images_of(codes), real).frechet


def by_velocity_only(x, t, r):
    return velocity(x, t, t)


made = {
    "flow matching": {k: steps_of(by_velocity_only, z, k) for k in counts},
    "MeanFlow": {k: steps_of(u_digits, z, k) for k in counts},
}
found = {name: [frechet(made[name][k]) for k in counts] for name in made}
factor = np.linalg.cholesky(np.cov(codes.T) + 1e-9 * np.eye(32)).T
gaussian = frechet((z @ factor + codes.mean(axis=0)).astype(np.float32))
copies = frechet(lesson.rng("copies").permutation(codes)[:n])

# %%
ratio = found["MeanFlow"][0] / found["flow matching"][3]
lesson.outcome(
    f"The distance is {found['MeanFlow'][0]:.0f} in one call of MeanFlow, and"
    f" {found['flow matching'][3]:.0f} in 16 calls of flow matching. In one call flow matching has"
    f" {found['flow matching'][0]:.0f}, because the exact step would lead to the mean of all"
    " digits.",
    answer="less than three times as large"
    if ratio < 3
    else "more than ten times as large"
    if ratio > 10
    else "five times as large",
)

# %%
rows = [
    [name, value, None, None, None]
    for name, value in (("one Gaussian", gaussian), ("training digits", copies))
]
rows += [[name, *row] for name, row in found.items()]
lesson.table(rows, header, "Fréchet distance")

# %%
cols = lesson.size(12, quick=4)
kinds = [("flow matching", 1), ("flow matching", 16), ("MeanFlow", 1), ("MeanFlow", 2)]
grid = np.concatenate([images_of(made[name][k][:cols]) for name, k in kinds])
names = [f"{name}, {k}" for name, k in kinds]
lesson.figure(
    plot.image_grid(grid, cols=cols, row_labels=names),
    "digits",
    "Digits of 32 components from the same noise, in as many calls as the numbers say, not"
    " selected. Compare the second row with the third.",
)

# %%
lesson.claim(
    "digits, one call: MeanFlow over one Gaussian",
    found["MeanFlow"][0] / gaussian,
    at_most=0.6,
    source="seeds 0, 1 and 3067: 0.19 to 0.21; one Gaussian: 1, untrained: above 1",
)
lesson.claim(
    "digits, one call: flow matching over MeanFlow",
    found["flow matching"][0] / found["MeanFlow"][0],
    at_least=10.0,
    source="seeds 0, 1 and 3067: 18.9 to 20.6; one Gaussian: 3.9; untrained: 1",
)

# %% [markdown]
# One call of MeanFlow draws digits that flow matching draws in between 4 and 16 calls. From one
# call to 16 its distance falls from 35 to 20, with 4 calls a little worse than 2. In 16 calls both
# methods are at 20, far from the 1.7 of training digits, so more than half of the distance in one
# call is not due to the long step. And no network restores what the 32 components have removed. All
# digits here are blurred.
#
# ## What this lesson leaves out
#
# We leave out guidance, which MeanFlow can learn into $u$ as well, images in full resolution, and
# the one-step methods that match distributions instead of paths. Geng et al. 2025 report an FID of
# 3.43 in one call for ImageNet at 256 × 256.
#
# **To remember:** The mean velocity of a path takes a sampler from noise to data in one call. It
# obeys an identity that can be checked at a single point, and so it can be learned from pairs of
# data and noise, without a teacher. A teacher helps, and the target must be held constant.
#
# **Your turn:** `minigen exercise start after/07`, then `minigen run after/07 --with
# exercises/after_07.py`.

# %%
lesson.finish()
