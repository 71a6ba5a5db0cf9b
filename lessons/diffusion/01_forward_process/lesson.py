# %% [markdown]
# # The forward process: how data dissolves in noise
#
# The sections *What are Diffusion Models?* and *Forward diffusion process* (diffusion.s01,
# diffusion.s02) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), run. To take away:
#
# 1. A step shrinks the data a little and adds a little noise, and the two are matched.
# 2. All the steps up to $t$ can be done at once, with one draw of noise. Training rests on that.
# 3. After enough steps nothing of the data is left, and everybody knows how to draw pure noise. A
#    *diffusion model* learns the way back.
#
# Needed: mean, variance, the normal distribution; nothing about neural networks.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/01_forward_process",
    title="The forward process: how data dissolves in noise",
    post="diffusion",
    sections=["diffusion.s01", "diffusion.s02"],
    figures=["diffusion.f02"],
    equations=["diffusion.01", "diffusion.02"],
    minutes=0.4,
    sources=["weng2021diffusion", "sohldickstein2015thermo", "ho2020ddpm", "nichol2021improved"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import q_sample, q_step
from minigen.diffusion.likelihood import prior_term
from minigen.diffusion.schedule import Schedule

# %% [markdown]
# ## 1. One step
#
# A number $x_0$ from data of mean 0 and variance 1. A *forward step* multiplies it by 0.8 and adds
# $0.6\,\epsilon$, where $\epsilon$ is *noise*, a fresh draw from $\mathcal N(0, 1)$. Now do it
# again and again.

# %%
lesson.predict(
    "What is the variance of the data after ten such steps?",
    ["about 0.01: it shrinks away", "1", "about 4.6: noise piles up"],
)

# %%
rng = lesson.rng("one number")
x = rng.choice([-1.0, 1.0], size=(lesson.size(100_000), 1))  # mean 0, variance 1
for _ in range(10):
    x = 0.8 * x + 0.6 * rng.standard_normal(x.shape)
error = np.sqrt(2 / len(x))

# %%
lesson.outcome(
    f"{x.var():.3f}. Variances of independent numbers add up, and a factor counts squared: 0.64 of"
    " the old variance and 0.36 of new noise.",
    answer="1",
)
off = abs(x.var() - 1) / error
lesson.claim("variance after ten steps, off 1 by, in standard errors", off, at_most=5)

# %% [markdown]
# Write $\beta_t$ for the variance of the noise that step $t$ adds. Above it is 0.36 at every step.
# A process may have another $\beta_t$ at each step, and every step must leave data of variance 1 at
# variance 1. By which factor must a step multiply the data?

# %%
lesson.exercise("diffusion/01/q_step")

# %%
lesson.show_source(q_step)
tiny = Schedule([0.19, 0.36])  # two steps
x0 = np.array([[5.0, -1.0]])
eps = np.array([[2.5, 3.0]])
x1 = q_step(x0, 1, eps, tiny)
lesson.check(
    "first step: 0.9 x + sqrt(0.19) eps", x1[0], equals=0.9 * x0[0] + np.sqrt(0.19) * eps[0]
)
x2 = q_step(x0, 2, eps, tiny)
lesson.check("a step with beta = 0.36: 0.8 x + 0.6 eps", x2[0], equals=[5.5, 1.0])

# %% [markdown]
# The squares of the two factors add up to 1, so the factor of the data is $\sqrt{1 - \beta_t}$. As
# a distribution of $x_t$ given $x_{t-1}$, and for all steps together (Eq. diffusion.01):
#
# $$q(\mathbf x_t \mid \mathbf x_{t-1}) = \mathcal N\big(\mathbf x_t;\ \sqrt{1 - \beta_t}\,\mathbf
# x_{t-1},\ \beta_t \mathbf I\big), \qquad
# q(\mathbf x_{1:T} \mid \mathbf x_0) = \prod_{t=1}^T q(\mathbf x_t \mid \mathbf x_{t-1}).$$
#
# The product says that each step depends only on the point where the last one ended: a *Markov
# chain*. Data of another variance $v$ has the variance $(1 - \beta)v + \beta$ after a step, which
# is nearer to 1.
#
# ## 2. All steps at once
#
# Two steps after each other, $\beta = (0.19, 0.36)$, with noises $\epsilon_1$ and $\epsilon_2$:
#
# $$x_2 = 0.8\,(0.9\,x_0 + \sqrt{0.19}\,\epsilon_1) + 0.6\,\epsilon_2 = 0.72\,x_0 +
# \underbrace{0.8\sqrt{0.19}\,\epsilon_1 + 0.6\,\epsilon_2}_{\text{noise}} .$$
#
# The sum of two independent normal numbers is normal. So the two noises may be replaced by a single
# one, $c\,\epsilon$, if $c$ is right.

# %%
lesson.predict(
    "What is c?",
    [
        "0.8 √0.19 + 0.6 = 0.949",
        "the root of 0.19 + 0.36, 0.742",
        "the root of 1 - 0.72², 0.694",
    ],
)

# %%
lesson.exercise("diffusion/01/q_sample")

# %%
lesson.show_source(q_sample)
variance = 0.64 * 0.19 + 0.36
lesson.check("variances add up: 0.64 · 0.19 + 0.36 is 1 - 0.72²", variance, equals=1 - 0.72**2)
at_once = q_sample(np.zeros((1, 1)), 2, np.ones((1, 1)), tiny)[0, 0]
lesson.check("what the package multiplies eps by", at_once, equals=np.sqrt(variance))
lesson.outcome(
    f"{at_once:.3f}: again variances add up, not deviations; and the noise of the first step is"
    " itself shrunk by the second.",
    answer="the root of 1 - 0.72², 0.694",
)

# %% [markdown]
# In general, with $\alpha_t = 1 - \beta_t$ and the product $\bar\alpha_t = \alpha_1 \alpha_2 \cdots
# \alpha_t$ (Eq. diffusion.02):
#
# $$\mathbf x_t = \sqrt{\alpha_t}\,\mathbf x_{t-1} + \sqrt{1 - \alpha_t}\,\epsilon_{t-1} =
# \sqrt{\bar\alpha_t}\,\mathbf x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon, \qquad
# q(\mathbf x_t \mid \mathbf x_0) = \mathcal N\big(\mathbf x_t; \sqrt{\bar\alpha_t}\,\mathbf x_0,
# (1 - \bar\alpha_t)\mathbf I\big).$$
#
# $\bar\alpha_t$ is the share of the data in the variance of $x_t$, and $1 - \bar\alpha_t$ that of
# the noise. It all depends on the *schedule*, the list of the $\beta_t$. That of Ho et al. (2020)
# has $T = 1000$ steps, and $\beta_t$ rises in a straight line from 0.0001 to 0.02.

# %%
lesson.predict(
    "After how many of the 1,000 steps is half of the variance noise?",
    ["about 100", "about 260", "about 500", "about 740"],
)

# %%
schedule = Schedule.linear(1000)
half = int(np.argmax(schedule.alpha_bar < 0.5))
lesson.outcome(
    f"After {half}. The logarithm of alpha_bar is about minus the sum of the betas, and it needs to"
    f" come to log 2 = 0.693: the first {half} betas sum to {schedule.beta[: half + 1].sum():.3f}.",
    answer="about 260",
)

# %%
t = np.arange(1001)
shares = {"data: alpha_bar": schedule.alpha_bar, "noise: 1 - alpha_bar": 1 - schedule.alpha_bar}
ax = plot.line(t, shares, xlabel="t", title="What x_t is made of, in shares of its variance")
lesson.figure(
    ax,
    "shares",
    "Look at the right third: for hundreds of steps there is hardly any data left. The lesson on"
    " schedules (`diffusion/06`) asks whether these steps are wasted.",
)

# %% [markdown]
# ## 3. A swiss roll dissolves (figure f02, the way to the right)
#
# Two numbers now: points on a spiral. We let them walk, step by step, and on the way compare them
# with others that were brought to the same $t$ at once.

# %%
roll = toy.swiss_roll().standardized()
n = lesson.size(50_000, quick=500)
marks = [0, 10, 50, 100, 200, 400, 1000]
rng = lesson.rng("walk")
x = roll.sample(rng, n)
walked = {0: x}
for step in range(1, 1001):
    x = q_step(x, step, rng.standard_normal(x.shape, dtype=np.float32), schedule)
    if step in marks:
        walked[step] = x

# %%
rng = lesson.rng("at once")
jumped = {}
for mark in marks:
    x0 = roll.sample(rng, n)
    jumped[mark] = q_sample(x0, mark, rng.standard_normal(x0.shape, dtype=np.float32), schedule)

# %% [markdown]
# Are the two clouds alike? We compare averages of several things: each coordinate, its square, the
# product of both, and the fourth power of the distance from the middle, which would notice a wrong
# shape. Each average has a standard error; the difference of two is measured in it.


# %%
def moments(x):
    """Six things whose averages are compared, (N, 2) -> (N, 6)."""
    a, b = x.T.astype(float)
    return np.stack([a, b, a**2, b**2, a * b, (a**2 + b**2) ** 2], axis=1)


def difference(x, y):
    """The difference of the averages, in standard errors, (6,)."""
    p, q = moments(x), moments(y)
    error = np.sqrt(p.var(axis=0) / len(p) + q.var(axis=0) / len(q))
    return (p.mean(axis=0) - q.mean(axis=0)) / error


# %%
names = ["x", "y", "x²", "y²", "xy", "distance⁴"]
rows = [[mark, *difference(walked[mark], jumped[mark])] for mark in marks[1:]]
lesson.table(rows, ["t", *names], "walked less jumped, in standard errors")
largest = np.max(np.abs(np.array(rows)[:, 1:]))
lesson.claim("t small steps and one jump: largest of 36 differences", largest, at_most=4)

# %% [markdown]
# Would this test notice a mistake? Take $\bar\alpha_t$ where its root belongs, a common slip:

# %%
wrong = []
for mark in marks[2:-1]:
    a = schedule.alpha_bar[mark].astype(np.float32)
    x0 = roll.sample(rng, n)
    slip = a * x0 + (1 - a) * rng.standard_normal(x0.shape, dtype=np.float32)
    wrong.append(np.max(np.abs(difference(walked[mark], slip))))
    print(f"  t = {mark}: without roots the largest difference is {wrong[-1]:.0f} standard errors")
lesson.claim("without roots: largest difference at t = 50 to 400", wrong, at_least=8)

# %%
fig, axes = plot.figure(2, 6, size=(1.9, 2.0))
for top, bottom, mark in zip(*axes, [0, 50, 100, 200, 400, 1000]):
    look = {"bounds": 3.2, "color": plot.color.real, "size": 2}
    plot.samples(walked[mark][:2000], ax=top, title=f"t = {mark}", **look)
    plot.samples(jumped[mark][:2000], ax=bottom, **look)
lesson.figure(
    fig,
    "swiss_roll",
    "Above, one small step after another; below, all at once. The turns melt into one another long"
    " before the whole is round.",
)

# %%
fixed = lesson.rng("frames").standard_normal((2000, 2), dtype=np.float32)


def frame(t):
    """One picture: the same points with the same noise, at time t."""
    fig, ax = plot.figure(size=(3.2, 3.2))
    x = q_sample(walked[0][: len(fixed)], t, fixed[: len(walked[0])], schedule)
    plot.samples(x, ax=ax, bounds=3.2, color=plot.color.real, size=2, title=f"t = {t}")
    return fig


times = np.linspace(0, 1, lesson.size(30, quick=3)) ** 1.5 * 1000
frames = [frame(int(t)) for t in times]
lesson.animation(frames, "dissolving", "The same 2,000 points, each with a noise of its own.")

# %% [markdown]
# How fast the data fades depends on the schedule. Move $t$ for two of them: the straight line, and
# the *cosine* schedule of Nichol and Dhariwal (2021), which `diffusion/06` compares with others.

# %%
stops = np.arange(0, 1001, 50)
few = walked[0][:400]
noised = [
    [q_sample(few, t, fixed[: len(few)], one) for t in stops]
    for one in (schedule, Schedule.cosine(1000))
]
lesson.play(
    "two_schedules",
    {"schedule": ["linear", "cosine"], "t": stops},
    points=noised,
    bounds=3.2,
    time="t",
    caption="400 points of the swiss roll at time t, with the same noise at every t. With the"
    " cosine schedule the spiral is visible for longer.",
)

# %% [markdown]
# Now a picture, and the name of each arrow. The *reverse* arrows are what a model has to learn: one
# network, told the time $t$, for all of them.

# %%
digit = mnist.symmetric(mnist.load().train_images[:1])  # (1, 28, 28, 1) in [-1, 1]
noise = lesson.rng("digit").standard_normal(digit.shape, dtype=np.float32)


def picture(t):
    """The digit after t steps, for a box of the schematic."""
    x = q_sample(digit, t, noise, schedule)[0, :, :, 0]
    return np.clip((x + 2) / 4, 0, 1)


# %%
boxes = {
    "x0": plot.node("$x_0$", "data", (0, 0), image=picture(0)),
    "d1": plot.node("...", "text", (0.5, 0)),
    "before": plot.node("$x_{t-1}$", "plain", (1, 0), image=picture(150)),
    "xt": plot.node("$x_t$", "plain", (2, 0), image=picture(250)),
    "d2": plot.node("...", "text", (2.5, 0)),
    "xT": plot.node("$x_T$", "noise", (3, 0), image=picture(1000)),
}
# %%
arrows = [
    "x0 -> d1 -> before",
    "before -> xt: $q(x_t|x_{t-1})$",
    "xt -> d2 -> xT",
    "xT --> d2 --> xt",
    "xt --> before: $p_\\theta(x_{t-1}|x_t)$",
    "before --> d1 --> x0",
]
lesson.figure(
    plot.schematic(boxes, arrows),
    "f02_chain",
    "Solid arrows add noise, and are known. Dashed arrows take it away, and have to be learned."
    " (The pictures are those of t = 0, 150, 250 and 1000.)",
)

# %%
ladder = [0, 20, 60, 120, 200, 300, 450, 1000]
pictures = np.concatenate([q_sample(digit, t, noise, schedule) for t in ladder])
grid = plot.image_grid(pictures, cols=8, limits=(-2, 2), col_labels=[f"t = {t}" for t in ladder])
lesson.figure(grid, "digit", "At which t can you still read it? At which would you have guessed?")

# %% [markdown]
# ## 4. Is nothing left at the end?
#
# Sampling will begin with pure noise, $\mathcal N(0, \mathbf I)$, in the place of $x_T$. So the
# forward process must really end there, wherever it began. How far is it off? The KL divergence of
# $q(x_T | x_0)$ from $\mathcal N(0, \mathbf I)$, in nats, is the answer; here by a formula for two
# Gaussians (`prior_term`). We compare 1,000 steps with a short cut: someone takes 100 steps, and
# leaves the $\beta$ as they were, 0.0001 to 0.02.

# %%
lesson.predict(
    "Which factor still stands before x_0 after those 100 steps?",
    ["about 0.006", "about 0.06", "about 0.6"],
)

# %%
schedules = {
    "1,000 steps, β to 0.02": schedule,
    "100 steps, β to 0.02": Schedule.linear(100),
    "100 steps, β to 0.2": Schedule.linear(100, 1e-3, 0.2),
}
rows = []
for name, s in schedules.items():
    rows.append([name, np.sqrt(s.alpha_bar[-1]), prior_term(digit, s)[0]])
lesson.table(rows, ["schedule", "factor of x_0 at T", "KL for the digit, nats"])

# %%
lesson.outcome(
    f"{rows[1][1]:.2f}: the digit can still be read, and who begins with pure noise begins with"
    " something that never occurs. Fewer steps need larger betas: it is their sum that counts.",
    answer="about 0.6",
)
lesson.check("factor after 1,000 steps", rows[0][1], at_most=0.01)
lesson.check("factor after 100 with the same betas", rows[1][1], equals=0.6, atol=0.02)

# %%
lesson.change(
    "twice the contrast",
    "Give the digit twice the contrast: in the loop over the schedules, change `prior_term(digit, "
    "s)` to `prior_term(2 * digit, s)`, and run again. By which factor does the KL divergence "
    "grow after 100 steps with β to 0.02?",
    answer="By 3.4, from 165.1 to 556.4 nats. The part of the mean, $\\frac12 \\bar\\alpha_T "
    "\\sum x_0^2$, grows by a factor of 4; the part of the variance does not depend on the data. "
    "Images are scaled to $[-1, 1]$ because the noise has the variance 1.",
)

# %% [markdown]
# ## 5. What becomes of a density
#
# Adding noise blurs. Two narrow bells stay two bells for a while; each is moved toward 0 and
# widened. For such mixtures the density of $x_t$ is again a mixture, exactly, which will be of use:
# in the next two lessons we shall know all that a network would have to learn.

# %%
lesson.predict(
    "Two bells at -1 and 1, standard deviation 0.15. When half of the variance is noise, at t ="
    " 260, how many peaks has the density?",
    ["two", "one, flat on top"],
)

# %%
mixture = GaussianMixture([[-1.0], [1.0]], std=0.15)
line = np.linspace(-3, 3, 601)[:, None]
densities = {}
for t in (0, 50, 260, 1000):
    a = schedule.alpha_bar[t]
    densities[f"t = {t}"] = mixture.noised(np.sqrt(a), np.sqrt(1 - a)).prob(line)
middle = densities["t = 260"]
peaks = int(np.sum((middle[1:-1] > middle[:-2]) & (middle[1:-1] > middle[2:])))

# %%
lesson.outcome(
    "The bells stand at ±0.71, with a standard deviation of 0.71: as far apart as two bells may be"
    " before their sum has a dip. Then one is left.",
    answer="one, flat on top" if peaks == 1 else "two",
)

# %%
ax = plot.line(line[:, 0], densities, xlabel="x", ylabel="density", title="Two bells become one")
rng = lesson.rng("bells")
x0 = mixture.sample(rng, lesson.size(100_000))
a = schedule.alpha_bar[260]
x260 = q_sample(x0, 260, rng.standard_normal(x0.shape, dtype=np.float32), schedule)
lesson.figure(
    ax,
    "two_bells",
    "The last curve is the standard normal, whatever stood at the beginning. All forward processes"
    " of all data end in this one curve.",
)

# %%
inside = np.mean(np.abs(x260) < 0.5)
exact = np.sum(middle[np.abs(line[:, 0]) < 0.4999]) * 0.01 + middle[250] * 0.01
error = np.sqrt(exact * (1 - exact) / len(x260))
off = abs(inside - exact) / error
lesson.claim("share of |x| < 1/2 at t = 260: draws less the density, in errors", off, at_most=5)

# %% [markdown]
# ## 6. Leave a piece out
#
# Suppose that the step only adds noise, and does not shrink: $x_t = x_{t-1} + \sqrt{\beta_t}\,
# \epsilon$. And suppose, in a second process, that the jump is made without the roots.

# %%
lesson.predict(
    "What is the variance of x_1000 if nothing is shrunk? (The betas rise from 0.0001 to 0.02.)",
    ["about 1", "about 11", "about 1,000"],
)

# %%
sums = np.cumsum(schedule.beta)
variances = {
    "as it should be": np.ones(1001),
    "no shrinking": 1 + sums,
    "no roots in the jump": schedule.alpha_bar**2 + (1 - schedule.alpha_bar) ** 2,
}
lesson.outcome(
    f"{1 + sums[-1]:.2f}: 1, and the sum of the betas. It is not wrong (score models,"
    " `diffusion/05`, do it so), but a network must then cope with inputs of any size.",
    answer="about 11",
)

# %%
t = np.arange(1001)
ax = plot.line(t, variances, log="y", xlabel="t", ylabel="variance of x_t")
lesson.figure(
    ax,
    "variances",
    "Data of variance 1. Without the roots the picture loses half of its contrast on the way, just"
    " where the model has most to learn.",
)
lesson.check(
    "no roots: the least variance", variances["no roots in the jump"].min(), equals=0.5, atol=1e-3
)

# %% [markdown]
# ## 7. Where the post is loose
#
# - In Eq. diffusion.02 two noises have one letter: $\epsilon_{t-1}$ is that of the last step, the
#   $\epsilon$ on the right that of all steps together. They are different draws.
# - "When $T \to \infty$, $x_T$ is an isotropic Gaussian": what must go to infinity is the sum of
#   the $\beta_t$ (section 4). With $T$ of them so small that the sum stays finite, some data stays.
# - The $\beta_t$ need not rise. They do because a step may be longer where there is much noise
#   already.
#
# **Left out:** other schedules (`diffusion/06`), processes in continuous time. **Next:** with
# noise and a slope one can also *sample* (`diffusion/02`); and if a forward step is small, the step
# back is again nearly a Gaussian (`diffusion/03`).
#
# **Your turn:** `minigen exercise start diffusion/01`, then `minigen run diffusion/01 --with
# exercises/diffusion_01.py`.

# %%
lesson.finish()
