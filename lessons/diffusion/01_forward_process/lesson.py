# %% [markdown]
# # The forward process: adding noise in many small steps
#
# The sections *What are Diffusion Models?* and *Forward diffusion process* (diffusion.s01,
# diffusion.s02) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/). In this lesson:
#
# 1. The forward process is a fixed Markov chain: it adds Gaussian noise to the data in $T$ small
#    steps, and nothing in it is learned.
# 2. $x_t$ can be drawn from $x_0$ directly, with one draw of noise. Training a diffusion model
#    depends on this.
# 3. If the noise of all steps together is large enough, $x_T$ follows a standard normal
#    distribution, whatever the data are. A *diffusion model* learns the reverse steps.
#
# Needed: mean, variance, the normal distribution; nothing about neural networks.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/01_forward_process",
    title="The forward process: adding noise in many small steps",
    post="diffusion",
    sections=["diffusion.s01", "diffusion.s02"],
    figures=["diffusion.f02"],
    equations=["diffusion.01", "diffusion.02"],
    minutes=0.1,
    picture="dissolving",
    sources=[
        "weng2021diffusion",
        "sohldickstein2015thermo",
        "song2019ncsn",
        "ho2020ddpm",
        "nichol2021improved",
    ],
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
# Here is a digit, and the same digit with more and more noise. The numbers above the images are
# those of a process of 1,000 steps, which sections 1 and 2 explain.

# %%
schedule = Schedule.linear(1000)

# %%
digit = mnist.symmetric(mnist.load().train_images[:1])  # (1, 28, 28, 1) in [-1, 1]
noise = lesson.rng("digit").standard_normal(digit.shape, dtype=np.float32)
ladder = [0, 20, 60, 120, 200, 300, 450, 1000]
images = np.concatenate([q_sample(digit, t, noise, schedule) for t in ladder])

# %%
grid = plot.image_grid(images, cols=8, limits=(-2, 2), col_labels=[f"t = {t}" for t in ladder])
lesson.figure(grid, "digit", "At which t can you still read the digit?")

# %% [markdown]
# ## What are diffusion models?
#
# A diffusion model consists of two Markov chains. The *forward process* starts at a data point
# $x_0$ and adds noise, step by step, until nothing of the data is left in $x_T$. The *reverse
# process* starts at pure noise and removes it, step by step; its steps are learned. The idea comes
# from non-equilibrium thermodynamics, where particles diffuse until they are spread evenly:
# Sohl-Dickstein et al. (2015) introduced *diffusion probabilistic models*. *Noise-conditioned score
# networks* (NCSN; Song and Ermon 2019; lesson `diffusion/05`) and *denoising diffusion
# probabilistic models* (DDPM; Ho et al. 2020; `diffusion/04`) have similar ideas underneath.
#
# How is this different from the models of the other posts? A GAN's training can be unstable, and
# its samples less diverse than the data. A VAE maximizes a bound in place of the likelihood. A flow
# must be built from invertible parts. In a diffusion model the way from data to the latent variable
# is a fixed procedure, with no encoder to train; and the latent variable $x_T$ has as many
# dimensions as the data.
#
# ## 1. One step
#
# Take a number $x_0$ from data of mean 0 and variance 1. A *forward step* multiplies it by 0.8 and
# adds $0.6\,\epsilon$, where the *noise* $\epsilon$ is a new draw from $\mathcal N(0, 1)$. Repeat
# the step.

# %%
lesson.predict(
    "What is the variance of the data after ten such steps?",
    ["about 0.01: the factor 0.8 shrinks it", "1", "about 4.6: the noise adds up"],
)

# %%
rng = lesson.rng("one number")
x = rng.choice([-1.0, 1.0], size=(lesson.size(100_000), 1))  # mean 0, variance 1
for _ in range(10):
    x = 0.8 * x + 0.6 * rng.standard_normal(x.shape)
error = np.sqrt(2 / len(x))

# %%
lesson.outcome(
    f"{x.var():.3f}. The variances of independent numbers add up, and a factor enters squared: a"
    " step keeps 0.64 of the old variance and adds 0.36.",
    answer="1",
)
off = abs(x.var() - 1) / error
lesson.check("variance after ten steps, off 1 by, in standard errors", off, at_most=5)

# %% [markdown]
# Write $\beta_t$ for the variance of the noise that step $t$ adds. Above it is 0.36 at every step.
# In general $\beta_t$ depends on $t$, and every step must keep a variance of 1 at 1. By which
# factor must a step multiply the data?

# %%
lesson.exercise("diffusion/01/q_step")

# %%
lesson.show_source(q_step)
tiny = Schedule([0.19, 0.36])  # two steps
x0 = np.array([[5.0, -1.0]])
eps = np.array([[2.5, 3.0]])
x1 = q_step(x0, 1, eps, tiny)[0]
lesson.check("first step: 0.9 x + sqrt(0.19) eps", x1, equals=0.9 * x0[0] + np.sqrt(0.19) * eps[0])
x2 = q_step(x0, 2, eps, tiny)[0]
lesson.check("a step with beta = 0.36: 0.8 x + 0.6 eps", x2, equals=[5.5, 1.0])

# %% [markdown]
# The squares of the two factors add up to 1, so the factor of the data is $\sqrt{1 - \beta_t}$. As
# a distribution of $x_t$ given $x_{t-1}$, and for all steps together (Eq. diffusion.01):
#
# $$q(\mathbf x_t \mid \mathbf x_{t-1}) = \mathcal N\big(\mathbf x_t;\ \sqrt{1 - \beta_t}\,\mathbf
# x_{t-1},\ \beta_t \mathbf I\big), \qquad
# q(\mathbf x_{1:T} \mid \mathbf x_0) = \prod_{t=1}^T q(\mathbf x_t \mid \mathbf x_{t-1}).$$
#
# The product means that a step depends only on the point where the last step ended: the process is
# a *Markov chain*. The list $\beta_1, \ldots, \beta_T$ is the *variance schedule*. What happens to
# data with another variance $v$? One step turns it into $(1 - \beta)v + \beta$, which is closer to
# 1.

# %%
variances = [4.0]
for _ in range(5):
    variances.append(0.64 * variances[-1] + 0.36)
lesson.table(enumerate(variances), ["steps", "variance, from 4"])

# %% [markdown]
# ## 2. All steps at once
#
# Two steps in a row, $\beta = (0.19, 0.36)$, with noises $\epsilon_1$ and $\epsilon_2$:
#
# $$x_2 = 0.8\,(0.9\,x_0 + \sqrt{0.19}\,\epsilon_1) + 0.6\,\epsilon_2 = 0.72\,x_0 +
# \underbrace{0.8\sqrt{0.19}\,\epsilon_1 + 0.6\,\epsilon_2}_{\text{noise}} .$$
#
# The sum of two independent normal numbers is normal. The two noises can therefore be replaced by a
# single one, $c\,\epsilon$, for the right number $c$.

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
lesson.check("the factor of eps in q_sample", at_once, equals=np.sqrt(variance))

# %%
lesson.outcome(
    "Variances add up, not standard deviations; and the second step also shrinks the noise of the"
    " first.",
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
# The post calls this the *nice property*. It is the *reparameterization trick* of the VAE
# (`vae/08`): a draw from a Gaussian, written as a mean plus a standard deviation times noise.

# %% [markdown]
# <details><summary>Derivation: t steps are one step, by induction</summary>
#
# For $t = 1$ the claim is the first step, since $\bar\alpha_1 = \alpha_1$. Suppose that it holds
# for $t - 1$: $\mathbf x_{t-1} = \sqrt{\bar\alpha_{t-1}}\,\mathbf x_0 + \sqrt{1 -
# \bar\alpha_{t-1}}\,\epsilon'$. Insert this into step $t$:
#
# $$\mathbf x_t = \sqrt{\alpha_t \bar\alpha_{t-1}}\,\mathbf x_0 + \sqrt{\alpha_t (1 -
# \bar\alpha_{t-1})}\,\epsilon' + \sqrt{1 - \alpha_t}\,\epsilon_{t-1} .$$
#
# The factor of $\mathbf x_0$ is $\sqrt{\bar\alpha_t}$. The two noises are independent of each other
# and of $\mathbf x_0$, so their sum is normal with mean 0, and its variance is the sum of the two
# variances:
#
# $$\alpha_t (1 - \bar\alpha_{t-1}) + 1 - \alpha_t = 1 - \alpha_t \bar\alpha_{t-1} = 1 -
# \bar\alpha_t .$$
#
# </details>
#
# We can run this induction with the package's two functions. Without noise, `q_step` returns the
# factor of the data; with data 0 and noise 1, it returns the factor of the noise.

# %%
one, zero = np.ones((1, 1)), np.zeros((1, 1))
factor, variance, gaps = 1.0, 0.0, []
for t in range(1, 1001):
    factor = factor * q_step(one, t, zero, schedule)[0, 0]
    variance = variance * schedule.alpha[t] + q_step(zero, t, one, schedule)[0, 0] ** 2
    gaps.append(factor - q_sample(one, t, zero, schedule)[0, 0])
    gaps.append(variance - q_sample(zero, t, one, schedule)[0, 0] ** 2)
lesson.check("t steps and one, t = 1 to 1,000: largest gap", np.abs(gaps).max(), at_most=1e-12)

# %% [markdown]
# For data of variance 1, $\bar\alpha_t$ is the share of the data in the variance of $x_t$, and $1 -
# \bar\alpha_t$ is the share of the noise. The schedule of Ho et al. (2020), which the digit above
# was drawn with, has $T = 1000$ steps, and $\beta_t$ rises in a straight line from 0.0001 to 0.02.

# %%
lesson.predict(
    "After how many of the 1,000 steps is half of the variance noise?",
    ["about 100", "about 260", "about 500", "about 740"],
)

# %%
half = int(np.argmax(schedule.alpha_bar < 0.5))
choices = {"about 100": 100, "about 260": 260, "about 500": 500, "about 740": 740}
total = schedule.beta[: half + 1].sum()
lesson.outcome(
    f"After {half}. The logarithm of alpha_bar is about minus the sum of the betas, and it must"
    f" fall to -log 2 = -0.693: the first {half} betas sum to {total:.3f}.",
    answer=min(choices, key=lambda name: abs(choices[name] - half)),
)

# %%
t = np.arange(1001)
shares = {"data: alpha_bar": schedule.alpha_bar, "noise: 1 - alpha_bar": 1 - schedule.alpha_bar}
ax = plot.line(t, shares, xlabel="t", title="The variance of x_t, for data of variance 1")
lesson.figure(
    ax,
    "shares",
    "Look at the right third: for hundreds of steps hardly any data is left. The lesson on"
    " schedules (`diffusion/06`) asks whether these steps are wasted.",
)

# %% [markdown]
# Usually $\beta_1 \le \beta_2 \le \ldots \le \beta_T$: where $x_t$ is noisier, a larger step costs
# little. `diffusion/06` compares schedules.
#
# ## 3. A swiss roll, step by step and at once (figure f02, left to right)
#
# Now data in the plane: points on a spiral. We draw $x_t$ in two ways, by $t$ small steps and
# directly.

# %%
roll = toy.swiss_roll().standardized()
n = lesson.size(50_000, quick=500)
marks = [0, 10, 50, 100, 200, 400, 1000]
rng = lesson.rng("walk")
x = roll.sample(rng, n)
stepped = {0: x}
for step in range(1, 1001):
    x = q_step(x, step, rng.standard_normal(x.shape, dtype=np.float32), schedule)
    if step in marks:
        stepped[step] = x

# %%
rng = lesson.rng("at once")
direct = {}
for mark in marks:
    x0 = roll.sample(rng, n)
    direct[mark] = q_sample(x0, mark, rng.standard_normal(x0.shape, dtype=np.float32), schedule)

# %%
fig, axes = plot.figure(2, 6, size=(1.9, 2.0))
for top, bottom, mark in zip(*axes, [0, 50, 100, 200, 400, 1000]):
    look = {"bounds": 3.2, "color": plot.color.real, "size": 2}
    plot.samples(stepped[mark][:2000], ax=top, title=f"t = {mark}", **look)
    plot.samples(direct[mark][:2000], ax=bottom, **look)
lesson.figure(
    fig,
    "swiss_roll",
    "Top: by small steps. Bottom: directly. The turns of the spiral merge long before the points"
    " look like a Gaussian.",
)

# %% [markdown]
# Do both rows follow the same distribution? We compare averages of six quantities: each coordinate,
# its square, the product of both, and the fourth power of the distance from the origin. The
# difference of two averages is divided by its standard error.


# %%
def moments(x):
    """Six quantities whose averages are compared, (N, 2) -> (N, 6)."""
    a, b = x.T.astype(float)
    return np.stack([a, b, a**2, b**2, a * b, (a**2 + b**2) ** 2], axis=1)


def difference(x, y):
    """The difference of the averages, in standard errors, (6,)."""
    p, q = moments(x), moments(y)
    error = np.sqrt(p.var(axis=0) / len(p) + q.var(axis=0) / len(q))
    return (p.mean(axis=0) - q.mean(axis=0)) / error


# %%
names = ["x", "y", "x²", "y²", "xy", "distance⁴"]
rows = [[mark, *difference(stepped[mark], direct[mark])] for mark in marks[1:]]
lesson.table(rows, ["t", *names], "small steps less direct, in standard errors")
largest = np.max(np.abs(np.array(rows)[:, 1:]))
lesson.claim(
    "small steps and direct: largest of 36 differences, in standard errors",
    largest,
    at_most=5,
    source="theory: one distribution; five standard errors",
)

# %% [markdown]
# A test is worth what it can detect. We plant two mistakes in the direct draw: an index that is off
# by ten, $\bar\alpha_{t+10}$ for $\bar\alpha_t$; and the factors without their roots, $\bar\alpha_t
# x_0 + (1 - \bar\alpha_t)\epsilon$.

# %%
lesson.predict(
    "Which of the two mistakes does this comparison of 50,000 points detect (a difference above 5"
    " standard errors)?",
    ["both", "only the missing roots", "only the index", "neither"],
)


# %%
def largest_difference(draw):
    """The largest difference at t = 50 ... 400 between small steps and draw(x0, t, eps)."""
    values = []
    for mark in marks[2:-1]:
        x0 = roll.sample(rng, n)
        x = draw(x0, mark, rng.standard_normal(x0.shape, dtype=np.float32))
        values.append(np.max(np.abs(difference(stepped[mark], x))))
    return max(values)


def off_by_ten(x0, t, eps):
    return q_sample(x0, t + 10, eps, schedule)


def without_roots(x0, t, eps):
    a = schedule.alpha_bar[t].astype(np.float32)
    return a * x0 + (1 - a) * eps


# %%
slips = {"index off by ten": off_by_ten, "without roots": without_roots}
seen = {name: largest_difference(draw) for name, draw in slips.items()}
exact = [draw(one, 100, zero)[0, 0] - np.sqrt(schedule.alpha_bar[100]) for draw in slips.values()]
rows = [[name, seen[name], gap] for name, gap in zip(slips, exact)]
lesson.table(rows, ["mistake", "largest difference, standard errors", "factor of x_0 at 100: gap"])

# %%
detected = [name for name in slips if seen[name] > 5]
answers = {0: "neither", 2: "both"}
single = "only the missing roots" if "without roots" in detected else "only the index"
lesson.outcome(
    f"{seen['without roots']:.0f} standard errors without the roots, {seen['index off by ten']:.1f}"
    " with the wrong index. The data have variance 1, so a wrong index leaves the variance at 1 and"
    " changes only the shape, a little. The exact check of section 2 detects an index that is off"
    " by one. Prefer exact checks to samples.",
    answer=answers.get(len(detected), single),
)
lesson.check("without roots, in standard errors", seen["without roots"], at_least=5)
lesson.check("factor of x_0 at t = 100, index off by ten: gap", abs(exact[0]), at_least=1e-3)

# %%
fixed = lesson.rng("frames").standard_normal((2000, 2), dtype=np.float32)


def frame(t):
    """One frame: the same points with the same noise, at time t."""
    fig, ax = plot.figure(size=(3.2, 3.2))
    x = q_sample(stepped[0][: len(fixed)], t, fixed[: len(stepped[0])], schedule)
    plot.samples(x, ax=ax, bounds=3.2, color=plot.color.real, size=2, title=f"t = {t}")
    return fig


times = np.linspace(0, 1, lesson.size(30, quick=3)) ** 1.5 * 1000
frames = [frame(int(t)) for t in times]
lesson.animation(frames, "dissolving", "The same 2,000 points, each with its own noise.")

# %% [markdown]
# How fast the data fades depends on the schedule. Move $t$ for two of them: the straight line, and
# the *cosine* schedule of Nichol and Dhariwal (2021).

# %%
stops = np.arange(0, 1001, 50)
few = stepped[0][:400]
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
# The figure of the post, with the names of the arrows. A model learns the *reverse* arrows,
# $p_\theta(x_{t-1}|x_t)$: one network for all of them, with the time $t$ as an input.


# %%
def noised_digit(t):
    """The digit after t steps, as the image of a box."""
    x = q_sample(digit, t, noise, schedule)[0, :, :, 0]
    return np.clip((x + 2) / 4, 0, 1)


boxes = {
    "x0": plot.node("$x_0$", "data", (0, 0), image=noised_digit(0)),
    "d1": plot.node("...", "text", (0.5, 0)),
    "before": plot.node("$x_{t-1}$", "plain", (1, 0), image=noised_digit(150)),
    "xt": plot.node("$x_t$", "plain", (2, 0), image=noised_digit(250)),
    "d2": plot.node("...", "text", (2.5, 0)),
    "xT": plot.node("$x_T$", "noise", (3, 0), image=noised_digit(1000)),
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
    "Solid arrows add noise and are known. Dashed arrows remove noise and must be learned. (The"
    " images show t = 0, 150, 250 and 1000.)",
)

# %% [markdown]
# ## 4. Is nothing left at the end?
#
# Sampling will start from pure noise, $\mathcal N(0, \mathbf I)$, in place of $x_T$. The forward
# process must therefore end there, wherever it started. We measure the gap by the KL divergence of
# $q(x_T | x_0)$ from $\mathcal N(0, \mathbf I)$ in nats, which has a formula for two Gaussians
# (`prior_term`), and compare 1,000 steps with a shortcut: only 100 steps, with the same range of
# $\beta$, 0.0001 to 0.02.

# %%
lesson.predict(
    "What is the factor of x_0 after those 100 steps?",
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
    f"{rows[1][1]:.2f}: the digit is still readable, and a sampler that starts from pure noise"
    " starts from an input that the forward process never produces. Fewer steps need larger betas:"
    " their sum decides.",
    answer="about 0.6",
)
lesson.check("factor after 1,000 steps", rows[0][1], at_most=0.01)
lesson.check("factor after 100 with the same betas", rows[1][1], equals=0.6, atol=0.02)

# %% [markdown]
# <details><summary>Derivation: the KL divergence of the last step from pure noise</summary>
#
# For one coordinate, $q = \mathcal N(m, v)$ with $m = \sqrt{\bar\alpha_T}\,x_0$ and $v = 1 -
# \bar\alpha_T$. The two log-densities are $\log q(x) = -\frac12\big(\log 2\pi v + (x - m)^2 /
# v\big)$ and $\log \mathcal N(x; 0, 1) = -\frac12\big(\log 2\pi + x^2\big)$. Under $q$, $(x - m)^2$
# has the mean $v$ and $x^2$ the mean $m^2 + v$, so
#
# $$D_\mathrm{KL} = \mathbb E_q[\log q(x) - \log \mathcal N(x; 0, 1)] = \tfrac12\big(m^2 + v - 1 -
# \log v\big) .$$
#
# The coordinates are independent, so their KL divergences add up. The first part, $\frac12
# \bar\alpha_T \sum x_0^2$, depends on the data.
#
# </details>

# %%
s = schedules["100 steps, β to 0.02"]
m, v = np.sqrt(s.alpha_bar[-1]) * digit.astype(float), 1 - s.alpha_bar[-1]
by_formula = 0.5 * np.sum(m**2 + v - 1 - np.log(v))
lesson.check("KL after 100 steps, two ways: ratio", rows[1][2] / by_formula, equals=1.0, atol=1e-5)

# %%
lesson.change(
    "twice the contrast",
    "Give the digit twice the contrast: in the loop over the schedules, change `prior_term(digit, "
    "s)` to `prior_term(2 * digit, s)`, and run again. By which factor does the KL divergence "
    "grow after 100 steps with β to 0.02?",
    answer="By 3.4, from 165.1 to 556.4 nats. The part of the mean, $\\frac12 \\bar\\alpha_T "
    "\\sum x_0^2$, grows by a factor of 4; the part of the variance does not depend on the data. "
    "Images are scaled to $[-1, 1]$ because the noise has variance 1.",
)

# %% [markdown]
# ## 5. What happens to a density
#
# Adding noise smooths a density. Two narrow Gaussians remain two for a while; each moves toward 0
# and widens. For a mixture of Gaussians the density of $x_t$ is again a mixture of Gaussians, with
# means $\sqrt{\bar\alpha_t}\,m$ and variances $\bar\alpha_t s^2 + 1 - \bar\alpha_t$. The next two
# lessons use this: for mixtures we know exactly what a network would have to learn.

# %%
lesson.predict(
    "Two equal Gaussians at -1 and 1, standard deviation 0.15. When half of the variance is noise,"
    " at t = 260, how many peaks does the density have?",
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
a = schedule.alpha_bar[260]
mean, std = np.sqrt(a), np.sqrt(a * 0.15**2 + 1 - a)
lesson.outcome(
    f"The two means are {2 * mean:.3f} apart, and the standard deviation is {std:.3f}. Two equal"
    " Gaussians merge into a single peak when their means are at most two standard deviations"
    f" apart; here it is {2 * mean / std:.2f}.",
    answer="one, flat on top" if peaks == 1 else "two",
)

# %%
ax = plot.line(line[:, 0], densities, xlabel="x", ylabel="density", title="Two Gaussians merge")
lesson.figure(
    ax,
    "two_gaussians",
    "The last curve is the standard normal density, whatever the first one was: the forward"
    " processes of all data end in this curve.",
)

# %% [markdown]
# The formula for the mixture and draws by `q_sample` must agree. We compare the share of $x_{260}$
# in $(-\frac12, \frac12)$ with the integral of the density.

# %%
rng = lesson.rng("bells")
x0 = mixture.sample(rng, lesson.size(100_000))
x260 = q_sample(x0, 260, rng.standard_normal(x0.shape, dtype=np.float32), schedule)
inside = np.mean(np.abs(x260) < 0.5)
exact = np.trapezoid(middle[np.abs(line[:, 0]) < 0.5001], dx=0.01)
error = np.sqrt(exact * (1 - exact) / len(x260))
off = abs(inside - exact) / error
lesson.check("share of |x| < 1/2 at t = 260: draws less integral, in errors", off, at_most=5)

# %% [markdown]
# ## 6. Leave one piece out
#
# Two wrong processes. In the first a step only adds noise and does not shrink the data: $x_t =
# x_{t-1} + \sqrt{\beta_t}\,\epsilon$. In the second $x_t$ is drawn directly, without the roots.

# %%
lesson.predict(
    "What is the variance of x_1000 if nothing is shrunk? (The betas rise from 0.0001 to 0.02.)",
    ["about 1", "about 11", "about 1,000"],
)

# %%
sums = np.cumsum(schedule.beta)
variances = {
    "as defined": np.ones(1001),
    "no shrinking": 1 + sums,
    "no roots": schedule.alpha_bar**2 + (1 - schedule.alpha_bar) ** 2,
}
lesson.outcome(
    f"{1 + sums[-1]:.2f}: 1, plus the sum of the betas. Such a process can be used (score models"
    " do, `diffusion/05`), but then the scale of the network's inputs depends on t.",
    answer="about 11",
)

# %%
least = variances["no roots"].min()
ax = plot.line(np.arange(1001), variances, log="y", xlabel="t", ylabel="variance of x_t")
lesson.figure(
    ax,
    "variances",
    "Data of variance 1. Without the roots the variance falls to"
    f" {least:.2f} on the way, and the contrast, the standard deviation, by"
    f" {100 * (1 - np.sqrt(least)):.0f} percent.",
)
lesson.check("no roots: the least variance, at alpha_bar = 1/2", least, equals=0.5, atol=1e-3)

# %% [markdown]
# ## 7. Where the post is loose
#
# - “Eventually when $T \to \infty$, $\mathbf{x}_T$ is equivalent to an isotropic Gaussian
#   distribution.” The number of steps is not enough: $\sum_t \beta_t$ must go to infinity (section
#   4). And a random variable is not a distribution: $\mathbf x_T$ *follows* it in the limit.
# - “Usually, we can afford a larger update step when the sample gets noisier, so” $\beta_1 \le
#   \beta_2 \le \ldots$ “and therefore” $\bar\alpha_1 > \ldots > \bar\alpha_T$. The $\bar\alpha_t$
#   fall for *every* schedule, because each $\alpha_t$ is less than 1; rising $\beta_t$ are not
#   needed for that.
# - In the last line of its derivation, $\epsilon$ without an index is the noise of all $t$ steps
#   together; $\epsilon_{t-1}$ in the first line is that of one step. They are different draws.
#
# **Left out:** other schedules (`diffusion/06`), processes in continuous time
# (`after/01`). **Next:** with noise and the gradient of $\log p$ one can *sample* from $p$
# (`diffusion/02`); and if a forward step is small, the reverse step is nearly Gaussian too
# (`diffusion/03`).
#
# **Your turn:** `minigen exercise start diffusion/01`, then `minigen run diffusion/01 --with
# exercises/diffusion_01.py`.

# %%
lesson.finish()
