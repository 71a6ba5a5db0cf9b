# %% [markdown]
# # Beta schedules: when to add the noise
#
# The section "Parameterization of $\beta_t$" of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/) (diffusion.s08), run in
# the plane and on digits. It helps to have read `diffusion/04` (DDPM). To take away:
#
# 1. A schedule is a curve: how much of the signal is left after each step.
# 2. Two schedules spend their steps differently.
# 3. What that costs is measured, with many steps and with few.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/06_beta_schedules",
    title="Beta schedules: when to add the noise",
    post="diffusion",
    sections=["diffusion.s08"],
    figures=["diffusion.f05"],
    equations=["diffusion.18"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=4.0,
    sources=["weng2021diffusion", "ho2020ddpm", "nichol2021improved", "karras2022design"],
)

# %%
import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import toy
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.schedule import Schedule, cosine_beta, spaced_timesteps

# %% [markdown]
# ## 1. A curve, and the steps that follow it
#
# Step $t$ of the forward process shrinks the signal's variance by $\alpha_t = 1 - \beta_t$; after
# $t$ steps the share $\bar\alpha_t = \alpha_1 \cdots \alpha_t$ is left, and the rest is noise. Ho
# et al. let $\beta$ rise in a straight line, from 0.0001 to 0.02 in 1,000 steps.

# %%
lesson.predict(
    "After half of these steps, what share of the signal's variance is left?",
    ["about 50 %", "about 25 %", "less than 10 %"],
)

# %%
T = 1000
linear = Schedule.linear(T)
half = linear.alpha_bar[T // 2]
answer = "less than 10 %" if half < 0.1 else "about 25 %"
lesson.outcome(f"{half:.1%}: the exponent adds up, step by step.", answer=answer)

# %% [markdown]
# Nichol and Dhariwal turn the design round. First choose the curve, then take the steps that follow
# it. Their curve is
#
# $$\bar\alpha_t = \frac{f(t)}{f(0)}, \qquad f(t) = \cos^2\Big(\frac{t/T + s}{1 + s} \cdot
# \frac\pi2\Big),$$
#
# and no $\beta_t$ may be above 0.999. By hand, three steps and $s = 0$: the angles are 0, 30, 60
# and 90 degrees, and $f$ is 1, 3/4, 1/4 and 0. Which three $\beta_t$ lead along this curve?

# %%
lesson.exercise("diffusion/06/cosine_beta")

# %%
lesson.show_source(cosine_beta)
lesson.check("three steps, s = 0", cosine_beta(3, s=0.0), equals=[1 / 4, 2 / 3, 0.999])

# %% [markdown]
# A step multiplies $\bar\alpha_{t-1}$ by $\alpha_t = 1 - \beta_t$. So (Eq. diffusion.18)
#
# $$\beta_t = \min\Big(1 - \frac{\bar\alpha_t}{\bar\alpha_{t-1}},\ 0.999\Big):$$
#
# by hand $1 - 3/4$, $1 - 1/3$, and 1, which is cut off.

# %%
cosine = Schedule.cosine(T)
schedules = {"linear": linear, "cosine": cosine}
for name, schedule in schedules.items():
    wasted = (schedule.alpha_bar < 0.01).mean()
    print(f"{name}: {wasted:.0%} of the steps begin with less than 1 % of the signal")


# %%
fig, axes = plot.figure(1, 2, size=(4.2, 3.0))
time = numpy.arange(T + 1) / T
curves = {name: schedule.alpha_bar for name, schedule in schedules.items()}
title = "share of the signal that is left"
plot.line(time, curves, axes[0], xlabel="t / T", title=title)
ratios = {name: numpy.log10(schedule.snr[1:]) for name, schedule in schedules.items()}
title = "signal to noise, powers of ten"
plot.line(time[1:], ratios, axes[1], xlabel="t / T", title=title)
lesson.figure(
    fig,
    "f05_schedules",
    "Left: where do the two spend their steps, on what is nearly data, in the middle, on what is"
    " nearly noise? Right: the same as a ratio, on a scale of powers of ten.",
)

# %%
lesson.change(
    "another offset",
    "Change `Schedule.cosine(T)` to `Schedule.cosine(T, s=0.5)` and run again. Which end of the "
    "curve on the left changes its shape, and how many steps begin with less than 1 % of the "
    "signal?",
    answer="The end near the data, where the curve was flat: it now begins at an angle of 30 "
    "degrees, where the cosine falls, so the first steps already add much noise. At the other end "
    "little changes: 8 % of the steps begin with less than 1 % of the signal, and 6 % did before.",
)

# %% [markdown]
# ## 2. A few of the thousand steps
#
# A sampler need not visit all $T$ steps; it may jump, to every hundredth say. Then it matters where
# the jumps land. To see the schedule's error and no network's, the noise is predicted *exactly*:
# for a mixture of Gaussians, noised data is a mixture too, and its score a formula.

# %%
ring = toy.ring().standardized()
exact = {name: exact_eps_model(ring, schedule) for name, schedule in schedules.items()}

# %% [markdown]
# Distances between samples and data are sliced Wasserstein distances, over their *floor*: the
# distance between two sets of true points of the same size. Near 1 nothing can be told apart.

# %%
lesson.predict(
    "With 10 jumps instead of 1,000 steps, whose samples are nearer to the truth?",
    ["the linear schedule's", "the cosine's", "no difference"],
)

# %%
from minigen.diffusion.samplers import strided
from minigen.metrics import sliced_wasserstein

n = lesson.size(30_000, quick=200)


def distance(x, y):
    return sliced_wasserstein(x, y, 64, lesson.rng("directions"))


def true_points(label):
    return ring.sample(lesson.rng(label), n)


truth = true_points("truth")
floor = np.mean([distance(truth, true_points(f"again {k}")) for k in range(4)])


# %%
def over_floor(schedule, eps_model, jumps):
    """Samples by so many jumps: their distance from the truth over the floor."""
    rng = lesson.rng("jumps")
    noise = rng.standard_normal((n, 2), dtype=np.float32)
    return distance(truth, strided(eps_model, noise, schedule, jumps, rng)) / floor


# %%
rows = []
for jumps in (5, 10, 20, 50):
    each = [over_floor(schedules[name], exact[name], jumps) for name in schedules]
    rows.append([jumps, *each, each[1] / each[0]])
header = ["jumps", "linear", "cosine", "cosine / linear"]
lesson.table(rows, header, "distance over its floor, exact noise")
ratio = {row[0]: row[3] for row in rows}


def verdict(cosine_over_linear):
    """The choice that a ratio of two distances makes right; within a tenth they are the same."""
    if abs(np.log(cosine_over_linear)) < np.log(1.1):
        return "no difference"
    return "the cosine's" if cosine_over_linear < 1 else "the linear schedule's"


# %%
lesson.outcome(
    f"The cosine's distance is {ratio[10]:.2f} times the other's.",
    answer=verdict(ratio[10]),
)
lesson.claim("exact noise, 10 jumps: cosine over linear", ratio[10], at_most=0.5)
lesson.claim("exact noise, 20 jumps: cosine over linear", ratio[20], at_most=0.85)
for name, over in zip(schedules, rows[-1][1:3]):
    lesson.claim(f"exact noise, 50 jumps, {name}: distance over the floor", over, at_most=2.5)

# %% [markdown]
# Where do ten evenly spaced jumps land? Each one is asked to predict, from $x_t$, what $x$ was a
# whole jump earlier, as if it were a Gaussian. That is nearly true for small jumps, and for jumps
# from noise to noise, which are wasted. The modes are decided where the signal is between a tenth
# and nine tenths.

# %%
ax = plot.line(time, curves, title="ten jumps on the curves", xlabel="t / T")
deciding = {}
for name, schedule in schedules.items():
    stops = spaced_timesteps(T, 10)
    left = schedule.alpha_bar[stops]
    ax.plot(stops / T, left, "o", ms=4, color=plot.color.ink)
    deciding[name] = int(((left > 0.1) & (left < 0.9)).sum())
lesson.figure(
    ax,
    "jumps",
    f"Stops between a tenth and nine tenths of the signal: linear {deciding['linear']}, cosine"
    f" {deciding['cosine']} of ten.",
)
lesson.check("more stops of the cosine lie there", deciding["cosine"] > deciding["linear"])

# %% [markdown]
# ## 3. The likelihood
#
# The bound on $-\log p(x)$ of `diffusion/03` can be worked out with few steps too. With the exact
# noise, what it lies above the entropy is the price of the jumps alone. (Its steps back have the
# variance $\beta_t$.)

# %%
from minigen.diffusion.likelihood import vlb_terms

some = truth[: lesson.size(4000, quick=100)]


def bound_gap(schedule, eps_model, jumps):
    """Nats by which the bound with so many jumps exceeds -log p, on average over points."""
    shorter = schedule.subset(spaced_timesteps(T, jumps))
    terms = vlb_terms(eps_model, some, shorter, lesson.rng("bound"))
    return float(np.mean(terms.total + ring.log_prob(some)))


# %%
lesson.predict(
    "Which schedule's bound is tighter with 10 jumps?",
    ["the linear schedule's", "the cosine's", "no difference"],
)

# %%
gaps = {}
rows = []
for jumps in (5, 10, 20, 50):
    gaps[jumps] = [bound_gap(schedules[name], exact[name], jumps) for name in schedules]
    rows.append([jumps, *gaps[jumps]])
lesson.table(rows, ["jumps", "linear", "cosine"], "bound on -log p less -log p, nats")

# %%
of_linear, of_cosine = gaps[10]
lesson.outcome(
    f"{of_linear:.2f} nats above for the line, {of_cosine:.2f} for the cosine.",
    answer=verdict(of_cosine / of_linear),
)
lesson.claim("bound's gap, 10 jumps: cosine over linear", of_cosine / of_linear, at_most=0.8)

# %%
fig, axes = plot.figure(1, 4, size=(2.4, 2.5))
panels = [(name, jumps) for jumps in (10, 50) for name in schedules]
for ax, (name, jumps) in zip(axes, panels, strict=True):
    rng = lesson.rng(f"shown {name} {jumps}")
    noise = rng.standard_normal((1500, 2), dtype=np.float32)
    x = strided(exact[name], noise, schedules[name], jumps, rng)
    plot.samples(x, ring, ax, bounds=2.0, title=f"{name}, {jumps} jumps")
lesson.figure(
    fig,
    "samples",
    "Ten jumps on the left, fifty on the right, all with the exact noise. Look at the width of the"
    " modes and at what lies between them.",
)

# %% [markdown]
# ## 4. Digits, with a network
#
# The base model of the lessons on digits comes with the package: the U-Net of `diffusion/17`,
# trained as in `diffusion/04`, with labels, on the cosine schedule with 200 steps. Must it be
# trained anew for the line? A network knows nothing of schedules. It is told a time, and learns
# what level of noise that time stands for. So for each level of the line we tell it the time at
# which the *cosine* has this level, a fraction if need be. Then both schedules use one network, and
# only the stops differ.

# %%

base = lesson.pretrained("digit_diffusion")
steps = base.schedule.T
digit_schedules = {"linear": Schedule.linear(steps, 0.1 / steps, 20 / steps)}
digit_schedules["cosine"] = base.schedule


def same_level(schedule):
    """For each step of a schedule the time, (T,), at which the base model's has this noise."""
    levels = -numpy.log(base.schedule.snr[1:])
    return numpy.interp(-numpy.log(schedule.snr[1:]), levels, numpy.arange(1, steps + 1))


# %%
told = {name: same_level(schedule) for name, schedule in digit_schedules.items()}
lesson.check("the cosine's own times", told["cosine"], equals=numpy.arange(1, steps + 1))
for t in (1, steps // 2, steps):
    left = digit_schedules["linear"].alpha_bar[t]
    at = told["linear"][t - 1]
    print(f"step {t} of the line has {left:.4g} of the signal, as the cosine at {at:.1f}")

# %% [markdown]
# The network predicts $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$ (why,
# says `diffusion/11`), from which the noise is $\sqrt{1 - \bar\alpha_t}\, x_t +
# \sqrt{\bar\alpha_t}\, v$. Every digit is asked for by its label, all labels equally often. The
# steps back have the smaller variance, $\tilde\beta_t$, which suits pictures with a black
# background (`diffusion/07`).


# %%
from minigen.tensor import batched, parallel_call


def noise_of_digits(name, labels):
    """The model of the noise for one of the two schedules; two threads share its calls."""
    alpha_bar = digit_schedules[name].alpha_bar
    net = parallel_call(base.net)

    def eps_model(x, t):
        left = alpha_bar[t[0]]
        v = net(x, numpy.full(len(x), told[name][t[0] - 1]), labels)
        return np.float32(np.sqrt(1 - left)) * x + np.float32(np.sqrt(left)) * v

    return eps_model


# %%
def draw_digits(name, jumps, count, label="digits"):
    """Digits (count, 28, 28, 1) in [0, 1] in so many jumps, for labels 0 ... 9 in turn."""
    rng = lesson.rng(label)
    noise = rng.standard_normal((count, 28, 28, 1), dtype=np.float32)

    def some(x, labels):
        model = noise_of_digits(name, labels)
        return strided(model, x, digit_schedules[name], jumps, rng, "posterior")

    x = batched(some, noise, numpy.arange(count) % 10, size=250, progress="digits")
    return numpy.clip((x + 1) / 2, 0, 1)


# %%
def draw(rng, n, label=None, steps=20):
    """Digits (n, 28, 28, 1) in [0, 1] by the cosine, and their labels (n,)."""
    y = rng.integers(0, 10, n) if label is None else numpy.full(n, label)
    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    model = noise_of_digits("cosine", y)
    x = strided(model, noise, base.schedule, steps, rng, "posterior", progress="digits")
    return numpy.clip((x + 1) / 2, 0, 1), y


lesson.sampler("digits", draw)


# %% [markdown]
# The judge is the Fréchet distance between the features that a classifier finds in 2,000 digits and
# in the test set. It is not 0 for real digits either.

# %%
lesson.predict(
    "In 10 jumps, whose digits are nearer to real ones?",
    ["the linear schedule's", "the cosine's", "no difference"],
)

# %%
from minigen.data import mnist
from minigen.metrics.digits import digit_frechet_distance

classifier = lesson.pretrained("digit_classifier")
count = lesson.size(2000, quick=20)
real = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=100)])
others = mnist.unit(mnist.splits().validation.images[:count])
rows, digits = [], {}
for jumps in (10, 20, 50):
    for name in digit_schedules:
        digits[name, jumps] = draw_digits(name, jumps, count)
    each = [
        digit_frechet_distance(classifier, real, digits[name, jumps]) for name in digit_schedules
    ]
    rows.append([jumps, *each, each[1] / each[0]])

# %%
rows.append(["real digits", *[digit_frechet_distance(classifier, real, others)] * 2, 1.0])
lesson.table(rows, header, "Fréchet distance of digits")
digit_ratio = {row[0]: row[3] for row in rows}
lesson.outcome(
    f"The cosine's Fréchet distance is {digit_ratio[10]:.2f} times the other's.",
    answer=verdict(digit_ratio[10]),
)
lesson.claim("digits, 10 jumps: cosine over linear", digit_ratio[10], at_most=0.9)

# %%
shown = [digits[name, jumps][:10] for jumps in (10, 20) for name in digit_schedules]
names = [f"{name}, {jumps}" for jumps in (10, 20) for name in digit_schedules]
ax = plot.image_grid(numpy.concatenate(shown), rows=4, row_labels=names, limits=(0, 1))
lesson.figure(ax, "digits", "The same start for each column, in 10 and in 20 jumps.")

# %% [markdown]
# ## 5. The two ends
#
# *The offset.* Without $s$ the curve starts flat and the first steps are minute. With so little
# noise at the start, say the authors, it is hard for the network to predict $\epsilon$ accurately
# enough; and they chose $s = 0.008$ so that $\sqrt{\beta_1}$ is a little below the width of one
# gray value, $1/127.5$. (Why that width, they do not say. It is that of the data: what is finer,
# the rounding of the pixels has hidden already.)

# %%
without, with_offset = np.sqrt(cosine_beta(T, s=0.0)[0]), np.sqrt(cosine_beta(T)[0])
print(f"first noise {without:.5f} without s, {with_offset:.5f} with it; 1/127.5 is 0.00784")
lesson.check("with s, in gray values", with_offset * 127.5, between=(0.5, 1.0))
lesson.check("without, in gray values", without * 127.5, at_most=0.25)

# %% [markdown]
# *The clip.* At $t = T$ the curve is 0, so $\beta_T$ would be 1: all the signal gone in one step,
# and the step back would divide by $\sqrt{\alpha_T} = 0$.

# %%
try:
    Schedule(cosine_beta(T, largest=1.0))
except ValueError as error:
    print(error)
lesson.check("steps that are clipped", int((cosine.beta == 0.999).sum()), equals=1)
lesson.check("signal left at T, with the clip", cosine.alpha_bar[T], at_most=1e-8)

# %% [markdown]
# ## 6. Where the post is loose
#
# - "Clip" has no lower end in Eq. diffusion.18: it is a minimum.
# - It shows the curves for one $T$. The line of Ho et al. belongs to 1,000 steps: with fewer, the
#   last $\beta$ must be larger (about $20/T$), or $x_T$ is not yet noise. The cosine is a function
#   of $t/T$ and needs no such care.
# - The paper's gain was in the likelihood of small pictures. Here, in the plane, the gain in
#   samples is in few jumps; with fifty both schedules do. For digits in 20 jumps see the ratio in
#   the table of section 4: it differs from run to run.
#
# **Left out:** what the schedule does in training, where it also says how often each level of noise
# is shown to the network; other curves, such as that of Karras et al. (`Schedule.karras`); choosing
# the jumps instead of spacing them evenly. **Next:** `diffusion/07` lets the network choose the
# variance of the step back.
#
# **Your turn:** `minigen exercise start diffusion/06`, then `minigen run diffusion/06 --with
# exercises/diffusion_06.py`.

# %%
lesson.finish()
