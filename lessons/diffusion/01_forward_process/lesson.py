# %% [markdown]
# # The forward process: adding noise in many small steps
#
# Ask a network for a photograph, and it has to do everything at once. Pure noise goes in, and a
# finished image should come out. Removing a *little* noise from an image that is almost clean is
# much easier. We would therefore like a path of many small steps from data to noise, and a network
# that learns the way back. The obvious path adds noise again and again. But then the numbers grow
# with every step, and if we take the steps one by one, an image at step 500 costs 500 draws. How do
# we make steps that keep the scale, end in the same noise for all data, and can be skipped?
#
# We build one step (section 1), jump over many (2), watch a spiral dissolve (3), ask what is left
# at the end (4), and see what happens to a density on the way (5). This lesson follows the sections
# *What are Diffusion Models?* and *Forward diffusion process* of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: mean, variance and the normal distribution, but nothing about networks. In the
# code, `lesson.rng` returns a random generator with a fixed seed, and `lesson.size` a number that
# becomes smaller in a quick run.

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
# Here is where we want to go, in eight images from a process of 1,000 steps:

# %%
schedule = Schedule.linear(1000)  # section 2 explains it

# %%
digit = mnist.symmetric(mnist.load().train_images[:1])  # (1, 28, 28, 1) in [-1, 1]
noise = lesson.rng("digit").standard_normal(digit.shape, dtype=np.float32)
ladder = [0, 20, 60, 120, 200, 300, 450, 1000]
images = np.concatenate([q_sample(digit, t, noise, schedule) for t in ladder])
grid = plot.image_grid(images, cols=8, limits=(-2, 2), col_labels=[f"t = {t}" for t in ladder])
lesson.figure(
    grid, "digit", "A digit after t steps of noise. At which t can you still read the digit?"
)

# %% [markdown]
# ## 1. One step
#
# A *diffusion model* consists of two Markov chains. The *forward process* starts at a data point
# $x_0$ and adds noise until nothing of the data is left in $x_T$. Nothing in it is learned. The
# *reverse process* starts at pure noise and removes it step by step, and its steps are learned.
# (The idea comes from non-equilibrium thermodynamics, where particles diffuse until they are spread
# evenly.)
#
# The reverse process can only begin where the forward process has ended. Therefore all data must
# end in the same noise, on a scale that we know beforehand. Let's try a recipe on a single number
# $x_0$, from data of mean 0 and variance 1. A step multiplies it by 0.8 and adds $0.6\,\epsilon$,
# where the *noise* $\epsilon$ is a new draw from $\mathcal N(0, 1)$.

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

# %%
lesson.outcome(
    f"The measured variance is {x.var():.3f}, because the variances of independent numbers add up "
    "and a factor enters squared, so that every step turns a variance of 1 into 0.64 + 0.36 = 1.",
    answer="1",
)

# %%
off = abs(x.var() - 1) / np.sqrt(2 / len(x))
lesson.check("variance after ten steps, off 1 by, in standard errors", off, at_most=5)

# %% [markdown]
# Without the factor 0.8 the variance would be $1 + 10 \cdot 0.36 = 4.6$ after ten steps, and would
# grow forever. Let $\beta_t$ be the variance of the noise that step $t$ adds, here 0.36. In general
# $\beta_t$ depends on $t$, but a variance of 1 should stay 1. By what factor must a step multiply
# the data?

# %%
lesson.exercise("diffusion/01/q_step")

# %%
lesson.show_source(q_step)
tiny = Schedule([0.19, 0.36])  # two steps
x0 = np.array([[5.0, -1.0]])
eps = np.array([[2.5, 3.0]])
x2 = q_step(x0, 2, eps, tiny)[0]
lesson.check("a step with beta = 0.36: 0.8 x + 0.6 eps", x2, equals=[5.5, 1.0])

# %% [markdown]
# The squares of the two factors must add up to 1, so the data are multiplied by $\sqrt{1 -
# \beta_t}$. As a distribution, for one step and for all together (Eq. diffusion.01):
#
# $$q(\mathbf x_t \mid \mathbf x_{t-1}) = \mathcal N\big(\mathbf x_t;\ \sqrt{1 - \beta_t}\,\mathbf
# x_{t-1},\ \beta_t \mathbf I\big), \qquad
# q(\mathbf x_{1:T} \mid \mathbf x_0) = \prod_{t=1}^T q(\mathbf x_t \mid \mathbf x_{t-1}).$$
#
# Bold letters are vectors, $\mathbf x_{1:T}$ is short for $\mathbf x_1, \ldots, \mathbf x_T$, and
# $q$ is always the forward process. In words, each step pulls a point a little toward 0 and then
# pushes it in a random direction. The product means that a step depends only on the point where the
# last one ended, which makes the process a *Markov chain*. The list $\beta_1, \ldots, \beta_T$ is
# the *variance schedule*.
#
# What if the data have another variance $v$? One step turns it into $(1 - \beta_t)\,v + \beta_t$,
# so the distance $v - 1$ shrinks by the factor $1 - \beta_t$, and the mean shrinks toward 0 as
# well. Whatever the mean and the variance of the data are, with enough noise the mean is nearly 0
# and the variance nearly 1 (section 4 asks how much is enough).
#
# ## 2. All steps at once
#
# Training will need many noisy images of every $t$. If each cost $t$ draws of noise, training with
# $t$ between 1 and 1,000 would need about 500 draws, on average, for every image. Can we skip
# steps? Let's take two in a row, with $\beta = (0.19, 0.36)$:
#
# $$x_2 = 0.8\,(0.9\,x_0 + \sqrt{0.19}\,\epsilon_1) + 0.6\,\epsilon_2 = 0.72\,x_0 +
# \underbrace{0.8\sqrt{0.19}\,\epsilon_1 + 0.6\,\epsilon_2}_{\text{noise}} .$$
#
# The factors of $x_0$ multiply. The noise is a sum of two independent normal numbers, which is
# itself normal, so a single draw $c\,\epsilon$ can take its place. What is $c$, and what are both
# factors after $t$ steps?

# %%
lesson.exercise("diffusion/01/q_sample")

# %%
lesson.show_source(q_sample)
at_once = q_sample(np.zeros((1, 1)), 2, np.ones((1, 1)), tiny)[0, 0]
variance = 0.64 * 0.19 + 0.36
lesson.check("variances add up: 0.64 · 0.19 + 0.36 is 1 - 0.72²", variance, equals=1 - 0.72**2)
lesson.check("the factor of eps in q_sample", at_once, equals=np.sqrt(variance))

# %% [markdown]
# Variances add up, and standard deviations do not. Therefore $c^2 = 0.64 \cdot 0.19 + 0.36$. This
# is exactly $1 - 0.72^2$, because every step keeps a variance of 1. For $t$ steps, let $\alpha_t =
# 1 - \beta_t$ and $\bar\alpha_t = \alpha_1 \alpha_2 \cdots \alpha_t$. Then (Eq. diffusion.02)
#
# $$\mathbf x_t = \sqrt{\alpha_t}\,\mathbf x_{t-1} + \sqrt{1 - \alpha_t}\,\epsilon_{t-1} =
# \sqrt{\bar\alpha_t}\,\mathbf x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon, \qquad
# q(\mathbf x_t \mid \mathbf x_0) = \mathcal N\big(\mathbf x_t; \sqrt{\bar\alpha_t}\,\mathbf x_0,
# (1 - \bar\alpha_t)\mathbf I\big).$$
#
# In words, shrink the data once, by the product of all factors, and fill the variance up to 1 with
# one draw of noise. The post calls this a *nice property*, and the way to write the draw is the
# *reparameterization trick* of the VAE (`vae/08`), which makes a draw from any Gaussian out of
# standard noise by a factor and a shift.

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
# We can run this induction with the two functions. Without noise they return the factor of the
# data, and for data 0 and noise 1 the factor of the noise.

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
# For data of variance 1, $\bar\alpha_t$ is the fraction of the variance of $x_t$ that comes from
# the data, and $1 - \bar\alpha_t$ comes from the noise. The digit above has the schedule of Ho et
# al. (2020). There $\beta_t$ rises in a straight line, from 0.0001 to 0.02 in 1,000 steps.

# %%
lesson.predict(
    "After how many of the 1,000 steps is half of the variance noise?",
    ["about 100", "about 260", "about 500", "about 740"],
)

# %%
half = int(np.argmax(schedule.alpha_bar < 0.5))
choices = {"about 100": 100, "about 260": 260, "about 500": 500, "about 740": 740}
lesson.outcome(
    f"The curves cross at t = {half}, because the logarithm of alpha_bar is about minus the sum of "
    "the betas, and a straight line of betas has a sum of about t²/100,000, which reaches log 2 = "
    "0.693 at t = 263.",
    answer=min(choices, key=lambda name: abs(choices[name] - half)),
)

# %%
t = np.arange(1001)
shares = {"data: alpha_bar": schedule.alpha_bar, "noise: 1 - alpha_bar": 1 - schedule.alpha_bar}
ax = plot.line(t, shares, xlabel="t", title="The variance of x_t, for data of variance 1")
lesson.figure(
    ax,
    "shares",
    "The variance from the data (blue) and from the noise (orange) over the steps. Compare the "
    "left third with the right third.",
)

# %% [markdown]
# Look at the digit again. At $t = 300$ more than half of the variance is noise, and the eye still
# finds a 5. At $t = 450$ it is nearly lost, and more than half of the steps are still to come. Are
# they wasted? `diffusion/06` compares schedules.
#
# ## 3. A swiss roll, step by step and at once (figure f02)
#
# Do a thousand steps and one jump really do the same to a shape? Let's take points on a spiral, a
# *swiss roll*, and draw $x_t$ in both ways.

# %%
roll = toy.swiss_roll().standardized()  # mean 0, variance 1 in each coordinate
n = lesson.size(50_000, quick=500)
marks = [0, 50, 100, 200, 400, 1000]

# %%
rng = lesson.rng("walk")
x = roll.sample(rng, n)
stepped = {0: x}
for step in range(1, 1001):
    x = q_step(x, step, rng.standard_normal(x.shape, dtype=np.float32), schedule)
    if step in marks:
        stepped[step] = x

# %%
rng = lesson.rng("at once")


def draw_new(draw, t):
    """x_t for new points of the roll, by `draw(x0, t, eps)`."""
    x0 = roll.sample(rng, n)
    return draw(x0, t, rng.standard_normal(x0.shape, dtype=np.float32))


def jump(x0, t, eps):
    return q_sample(x0, t, eps, schedule)


direct = {t: draw_new(jump, t) for t in marks}

# %%
fig, axes = plot.figure(2, 6, size=(1.9, 2.0))
for top, bottom, mark in zip(*axes, marks):
    look = {"bounds": 3.2, "color": plot.color.real, "size": 2}
    plot.samples(stepped[mark][:2000], ax=top, title=f"t = {mark}", **look)
    plot.samples(direct[mark][:2000], ax=bottom, **look)
lesson.figure(
    fig,
    "swiss_roll",
    "The swiss roll after t small steps (top) and after one jump to t (bottom). Look for the first "
    "panel in which the spiral is gone.",
)

# %% [markdown]
# In each column the two rows are draws from the same distribution (section 6 tests it). Within 200
# steps the turns of the spiral merge, and what is left looks like a Gaussian. Now watch single
# points, each with its own noise:

# %%
fixed = lesson.rng("frames").standard_normal((2000, 2), dtype=np.float32)


def frame(t):
    """One frame: the same points with the same noise, at time t."""
    fig, ax = plot.figure(size=(3.2, 3.2))
    plot.samples(
        q_sample(stepped[0][: len(fixed)], t, fixed[: len(stepped[0])], schedule),
        ax=ax,
        bounds=3.2,
        color=plot.color.real,
        size=2,
        title=f"t = {t}",
    )
    return fig


# %%
lesson.animation(
    [frame(int(1000 * u**1.5)) for u in np.linspace(0, 1, lesson.size(30, quick=3))],
    "dissolving",
    "2,000 points of the swiss roll. Follow the inner turn.",
)

# %%
stops = np.arange(0, 1001, 50)
few = stepped[0][:400]
lesson.play(
    "two_schedules",
    {"schedule": ["linear", "cosine"], "t": stops},
    points=[
        [q_sample(few, t, fixed[: len(few)], one) for t in stops]
        for one in (schedule, Schedule.cosine(1000))
    ],
    bounds=3.2,
    time="t",
    caption="400 points of the roll, with the betas above and with the *cosine* schedule of Nichol "
    "and Dhariwal (2021). Find the t at which the spiral is lost.",
)

# %% [markdown]
# The cosine schedule lets $\bar\alpha_t$ fall along nearly a squared cosine, slowly at first. It
# runs through nearly the same range of $\bar\alpha_t$, and therefore through nearly the same
# distributions, but until the last few steps it reaches each of them later. Half of the variance is
# noise at $t = 497$, not at 260.
#
# What about the way back? This is the post's figure of the whole model:

# %%
faces = dict(zip(ladder, np.clip((images[..., 0] + 2) / 4, 0, 1)))
boxes = {
    "x0": plot.node("$x_0$", "data", (0, 0), image=faces[0]),
    "d1": plot.node("...", "text", (0.5, 0)),
    "before": plot.node("$x_{t-1}$", "plain", (1, 0), image=faces[120]),
    "xt": plot.node("$x_t$", "plain", (2, 0), image=faces[200]),
    "d2": plot.node("...", "text", (2.5, 0)),
    "xT": plot.node("$x_T$", "noise", (3, 0), image=faces[1000]),
}

# %%
lesson.figure(
    plot.schematic(
        boxes,
        [
            "x0 -> d1 -> before",
            "before -> xt: $q(x_t|x_{t-1})$",
            "xt -> d2 -> xT",
            "xT --> d2 --> xt",
            "xt --> before: $p_\\theta(x_{t-1}|x_t)$",
            "before --> d1 --> x0",
        ],
    ),
    "f02_chain",
    "Solid arrows add noise and are known. Dashed arrows remove noise and must be learned. (The "
    "images have t = 0, 120, 200 and 1000.)",
)

# %% [markdown]
# A network with weights $\theta$ learns the dashed arrows, the reverse process $p_\theta$. It is
# one network for all of them, with $t$ as an input. *Diffusion probabilistic models*
# (Sohl-Dickstein et al., 2015), *noise-conditioned score networks* (NCSN; Song and Ermon, 2019;
# `diffusion/05`) and *denoising diffusion probabilistic models* (DDPM; Ho et al., 2020;
# `diffusion/04`) share this idea. A GAN's training can be unstable, a VAE trains an encoder as
# well, and a flow needs invertible layers. Here the way from data to noise costs no training at
# all. The price is a latent variable $x_T$ with as many dimensions as the data, and many steps for
# a sample.
#
# ## 4. Is nothing left at the end?
#
# A sampler will start from a draw of $\mathcal N(0, \mathbf I)$ in place of $x_T$, as if the two
# were the same. Are they? If not, the network receives at its first step an input that it was never
# trained for. Here is a tempting economy. We keep the betas between 0.0001 and 0.02, but take only
# 100 steps.

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

# %%
lesson.table(rows, ["schedule", "factor of x_0 at T", "KL for the digit, nats"])
lesson.outcome(
    f"The factor is {rows[1][1]:.2f}, because the logarithm of alpha_bar is about minus the sum of "
    "the betas, which is 100 times their mean of 0.01, and the root of exp(-1) is 0.61.",
    answer="about 0.6",
)
lesson.check("factor after 1,000 steps", rows[0][1], at_most=0.01)
lesson.check("factor after 100 with the same betas", rows[1][1], equals=0.6, atol=0.02)

# %% [markdown]
# With a factor of 0.6 the digit is where it was at $t = 314$ of the long schedule, and not lost.
# The last column of the table measures this by the KL divergence of $q(x_T | x_0)$ from $\mathcal
# N(0, \mathbf I)$, which is $\frac12 (m^2 + v - 1 - \log v)$ for a pixel with mean $m$ and variance
# $v$, and 0 only if nothing is left. Here it is 165 nats. But with ten times larger betas, in the
# last row, 100 steps suffice. Their sum counts, and not the number of steps.

# %%
lesson.change(
    "twice the contrast",
    "Give the digit twice the contrast: in the loop over the schedules, change `prior_term(digit, "
    "s)` to `prior_term(2 * digit, s)`, and run again. By what factor does the KL divergence grow "
    "after 100 steps with β to 0.02?",
    answer="By 3.4, from 165.1 to 556.4 nats. The part of the mean, $\\frac12 \\bar\\alpha_T "
    "\\sum x_0^2$, grows by a factor of 4, and the part of the variance does not depend on the "
    "data. This is one reason to scale images to $[-1, 1]$ before noise of variance 1 is added.",
)

# %% [markdown]
# In other words, $x_T$ is never exactly pure noise, but with enough noise in total the difference
# is about a hundredth of a nat for a whole digit.
#
# ## 5. What happens to a density
#
# So far we have moved points. But the way back depends on where points at time $t$ are likely to
# be, that is, on the *density* of $x_t$. For a mixture of Gaussians it can be written down, because
# $x_t$ is such a mixture again. By Eq. diffusion.02, mean $m$ and standard deviation $s$ become
# $\sqrt{\bar\alpha_t}\,m$ and $\sqrt{\bar\alpha_t s^2 + 1 - \bar\alpha_t}$.

# %%
lesson.predict(
    "Two equal Gaussians at -1 and 1 have standard deviation 0.15. When half of the variance is "
    "noise, at t = 260, how many peaks does the density have?",
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
    f"The number of peaks is {peaks}, because the means are {2 * mean:.3f} apart, which is only "
    f"{2 * mean / std:.2f} of the new standard deviations, and two equal Gaussians have two peaks "
    "only if their means are more than two standard deviations apart.",
    answer="one, flat on top" if peaks == 1 else "two",
)

# %%
ax = plot.line(line[:, 0], densities, xlabel="x", ylabel="density", title="Two Gaussians")
lesson.figure(
    ax,
    "two_gaussians",
    "The density of x_t at four times. Follow the valley at 0.",
)

# %% [markdown]
# Two peaks become one, and the eye cannot tell the last curve from the standard normal density. By
# section 4 it would look the same for other data. The reverse process must run this film backwards
# and send each point to one of the peaks. The next two lessons use such mixtures, because for them
# we know exactly what a network would have to learn.
#
# ## 6. Would we notice a mistake?
#
# *You may skip this section, because section 2 has checked the formula exactly. It is for readers
# who test their own code with samples.*
#
# The two rows of section 3 look alike, but the rows of a wrong formula might look alike, too. We
# compare the averages of six quantities, which are the two coordinates, their squares, their
# product, and the fourth power of the distance from the origin. Then we do the same with three
# wrong draws. The first is $\bar\alpha_t\,x_0 + (1 - \bar\alpha_t)\,\epsilon$, without the roots,
# the second is only noise, and the third takes $\bar\alpha$ ten steps late.


# %%
def moments(x):
    """Six quantities whose averages are compared, (N, 2) -> (N, 6)."""
    a, b = x.T.astype(float)
    return np.stack([a, b, a**2, b**2, a * b, (a**2 + b**2) ** 2], axis=1)


def difference(x, y):
    """The largest of the six differences of averages, in standard errors."""
    p, q = moments(x), moments(y)
    error = np.sqrt(p.var(axis=0) / len(p) + q.var(axis=0) / len(q))
    return np.max(np.abs(p.mean(axis=0) - q.mean(axis=0)) / error)


def without_roots(x0, t, eps):
    a = schedule.alpha_bar[t].astype(np.float32)
    return a * x0 + (1 - a) * eps


def only_noise(x0, t, eps):
    return eps


def ten_steps_late(x0, t, eps):
    return q_sample(x0, t + 10, eps, schedule)


# %%
times = marks[1:-1]
wrong = {
    "without roots": without_roots,
    "only noise": only_noise,
    "ten steps late": ten_steps_late,
}
by_draw = {"q_sample": [difference(stepped[t], direct[t]) for t in times]}
for name, draw in wrong.items():
    by_draw[name] = [difference(stepped[t], draw_new(draw, t)) for t in times]
header = ["largest difference to small steps, in standard errors", *(f"t = {t}" for t in times)]
lesson.table([[name, *row] for name, row in by_draw.items()], header)

# %%
lesson.claim(
    "q_sample: largest of 24 differences, in standard errors",
    max(by_draw["q_sample"]),
    at_most=5,
    source="theory: one distribution; five standard errors",
)
lesson.claim(
    "without roots, and only noise: largest of 24 differences each",
    [max(by_draw[name]) for name in ("without roots", "only noise")],
    at_least=10,
    source="seeds 0, 1 and 7411: at least 31",
)
late = ten_steps_late(one, 100, zero)[0, 0] - np.sqrt(schedule.alpha_bar[100])
lesson.check("factor of x_0, ten steps late at t = 100: gap", abs(late), at_least=1e-3)

# %% [markdown]
# Missing roots are detected at once, because the variance then falls to $0.5^2 + 0.5^2 = 0.5$ on
# the way. Two rows should make us careful. At $t = 400$ the roll is so close to a Gaussian that
# even 50,000 points hardly reveal noise without any roll in it. And they hardly reveal an index
# that is ten steps late at any of these times, because data of variance 1 keep variance 1 at every
# index, and only the shape changes, a little. That is why section 2 checked the formula exactly.
# Prefer exact checks to samples.
#
# ## What this lesson does differently
#
# - The post leaves the betas open in this section. Ours are those of Ho et al. (2020).
# - All experiments are ours. In the post's figure of the chain the images are a face.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - “Eventually when $T \to \infty$, $\mathbf{x}_T$ is equivalent to an isotropic Gaussian
#   distribution.” More steps are not enough. The sum of the $\beta_t$ must go to infinity (section
#   4). It does so if they increase from a fixed $\beta_1$, but not always if a longer schedule has
#   smaller betas. And a random variable is not a distribution, it *follows* one.
# - “Usually, we can afford a larger update step when the sample gets noisier, so” $\beta_1 <
#   \beta_2 < \ldots$ “and therefore” $\bar\alpha_1 > \ldots > \bar\alpha_T$. The $\bar\alpha_t$
#   fall for *every* schedule, because each $\alpha_t$ is less than 1.
# - “Unlike VAE or flow models, diffusion models are learned with a fixed procedure and the latent
#   variable has high dimensionality (same as the original data).” The forward process is fixed, but
#   the reverse process is trained like any other network. And a flow's latent variable has the
#   dimension of the data, too.
#
# ## To remember
#
# - A step shrinks the data by $\sqrt{1 - \beta_t}$ and adds noise of variance $\beta_t$. Together
#   the two keep a variance of 1.
# - $t$ steps are one step, $\mathbf x_t = \sqrt{\bar\alpha_t}\,\mathbf x_0 + \sqrt{1 -
#   \bar\alpha_t}\,\epsilon$. Training depends on this.
# - $x_T$ is nearly pure noise only if the betas have a large sum.
# - Nothing in the forward process is learned.
#
# **Next:** with noise and the gradient of $\log p$ we can *sample* from $p$ (`diffusion/02`). And
# if a forward step is small, the step back is nearly Gaussian, too (`diffusion/03`).
#
# **Your turn:** `minigen exercise start diffusion/01`, then `minigen run diffusion/01 --with
# exercises/diffusion_01.py`.

# %%
lesson.finish()
