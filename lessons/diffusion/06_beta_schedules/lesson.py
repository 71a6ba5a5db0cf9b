# %% [markdown]
# # Beta schedules: linear and cosine
#
# The section *Parameterization of $\beta_t$* (diffusion.s08) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/), in the plane and on
# digits. In this lesson:
#
# 1. A schedule is a curve: the share $\bar\alpha_t$ of the data's variance that is left after $t$
#    steps. Each $\beta_t$ follows from two neighboring points of that curve.
# 2. A good curve is nearly linear in the middle and changes little at both ends.
# 3. Even with the exact noise, long reverse steps have an error. It can be measured for samples and
#    for the likelihood, and it depends on the schedule.
#
# Needed: the forward process (`diffusion/01`), the bound on the likelihood (`diffusion/03`), DDPM
# (`diffusion/04`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/06_beta_schedules",
    title="Beta schedules: linear and cosine",
    post="diffusion",
    sections=["diffusion.s08"],
    figures=["diffusion.f05"],
    equations=["diffusion.18"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=1.2,
    picture="noisy_digit",
    sources=["weng2021diffusion", "ho2020ddpm", "nichol2021improved", "karras2022design"],
)

# %%
import autograd.numpy as np
import numpy

from minigen import plot
from minigen.data import mnist, toy
from minigen.diffusion.ddpm import q_sample
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.schedule import Schedule, cosine_beta, spaced_timesteps

# %% [markdown]
# ## 1. The linear schedule
#
# Ho et al. (2020) did not learn the variances of the forward process. They set them to constants
# that rise in a straight line, from $\beta_1 = 10^{-4}$ to $\beta_T = 0.02$ in $T = 1000$ steps.
# Step $t$ adds noise of standard deviation $\sqrt{\beta_t}$ to pixels between $-1$ and 1:

# %%
T = 1000
linear = Schedule.linear(T)
steps = numpy.arange(1, T + 1)
label = "standard deviation"
ax = plot.line(steps, {"linear": np.sqrt(linear.beta[1:])}, xlabel="t", ylabel=label)
lesson.figure(ax, "added_noise", "The noise that step t adds. The pixels have a range of 2.")

# %% [markdown]
# With this schedule their samples were of high quality, but their log-likelihood was not
# competitive with that of other generative models. Nichol and Dhariwal (2021) wanted to lower the
# negative log-likelihood (NLL). One of their changes is a new schedule.
#
# Step $t$ leaves the share $\alpha_t = 1 - \beta_t$ of the signal's variance, so after $t$ steps
# $\bar\alpha_t = \alpha_1 \cdots \alpha_t$ is left.

# %%
lesson.predict(
    "After half of these steps, what share of the signal's variance is left?",
    ["about 50 %", "about 25 %", "less than 10 %"],
)

# %%
half = linear.alpha_bar[T // 2]
total = linear.beta[: T // 2 + 1].sum()
answer = "less than 10 %" if half < 0.1 else "about 25 %"
lesson.outcome(
    f"{half:.1%}. A product of many factors 1 - β is nearly exp(-sum of the β), and 500 small β add"
    f" up to {total:.2f}: exp(-{total:.2f}) = {np.exp(-total):.1%}.",
    answer=answer,
)

# %% [markdown]
# ## 2. The cosine schedule
#
# Nichol and Dhariwal choose the curve first, and then the steps that follow it. Their curve is
#
# $$\bar\alpha_t = \frac{f(t)}{f(0)}, \qquad f(t) = \cos^2\Big(\frac{t/T + s}{1 + s} \cdot
# \frac\pi2\Big),$$
#
# and no $\beta_t$ may exceed 0.999. By hand, with three steps and $s = 0$: the angles are 0, 30, 60
# and 90 degrees, and $f$ is 1, 3/4, 1/4 and 0. Which three $\beta_t$ follow this curve?

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
# by hand $1 - 3/4$, $1 - 1/3$, and 1, which is clipped. The reverse direction is a product, and it
# must return the curve:

# %%
cosine = Schedule.cosine(T)
angles = (numpy.arange(T) / T + 0.008) / 1.008 * np.pi / 2
curve = np.cos(angles) ** 2 / np.cos(angles[0]) ** 2
gap = np.abs(numpy.cumprod(1 - cosine.beta)[:-1] - curve).max()
lesson.check("product of 1 - β less the curve, t < T", gap, at_most=1e-10)

# %%
schedules = {"linear": linear, "cosine": cosine}
fig, axes = plot.figure(1, 2, size=(4.2, 3.0))
time = numpy.arange(T + 1) / T
curves = {name: schedule.alpha_bar for name, schedule in schedules.items()}
plot.line(time, curves, axes[0], xlabel="t / T", title="share of the signal that is left")
ratios = {name: numpy.log10(schedule.snr[1:]) for name, schedule in schedules.items()}
title = "signal-to-noise ratio, powers of ten"
plot.line(time[1:], ratios, axes[1], xlabel="t / T", title=title)
lesson.figure(
    fig,
    "f05_schedules",
    "Left: the two curves. Right: the same as a ratio of variances, on a scale of powers of ten.",
)

# %%
shown = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
digit = mnist.symmetric(mnist.splits().test.images[:1])
eps = lesson.rng("shown").standard_normal(digit.shape, dtype=np.float32)
noisy = [q_sample(digit, t, eps, schedule) for schedule in schedules.values() for t in shown]
labels = [f"{t / T:g}" for t in shown]
look = {"cols": len(shown), "row_labels": list(schedules), "col_labels": labels}
ax = plot.image_grid(np.concatenate(noisy), limits=(-1.5, 1.5), **look)
lesson.figure(ax, "noisy_digit", "A digit at t / T from 0 to 1, with the same noise throughout.")

# %% [markdown]
# The post names a criterion for a curve: a near-linear drop in the middle, and subtle changes near
# $t = 0$ and $t = T$. For each schedule we compute the change in the first and in the last
# twentieth of the steps; the steepest tenth over the flattest tenth between $0.3\,T$ and $0.7\,T$;
# and how many steps begin with less than 1 % of the signal.


# %%
def shape_of(alpha_bar):
    """The numbers of the criterion, for a curve (T + 1,)."""
    tenths = [alpha_bar[k * T // 10] - alpha_bar[(k + 1) * T // 10] for k in range(3, 7)]
    first, last = 1 - alpha_bar[T // 20], alpha_bar[-T // 20] - alpha_bar[-1]
    return first, max(tenths) / min(tenths), last, 100 * np.mean(alpha_bar < 0.01)


shapes = {name: shape_of(schedule.alpha_bar) for name, schedule in schedules.items()}
header = [
    "schedule",
    "first 5 %",
    "steepest / flattest",
    "last 5 %",
    "below 1 % of the signal, in %",
]
lesson.table([[name, *shape] for name, shape in shapes.items()], header)

# %%
lesson.check("cosine: steepest tenth over flattest", shapes["cosine"][1], at_most=1.2)
lesson.check("linear: steepest tenth over flattest", shapes["linear"][1], at_least=5)

# %% [markdown]
# Both curves change little at the ends. The linear schedule fails in the middle: most of the signal
# is lost early, and the last third of the steps only replaces noise by noise. The cosine schedule
# drops almost evenly.

# %%
lesson.change(
    "another offset",
    "Change `Schedule.cosine(T)` to `Schedule.cosine(T, s=0.5)` and run again. Which end of the "
    "curve changes its shape, and how many steps begin with less than 1 % of the signal?",
    answer="The end near the data, where the curve was flat: it now begins at an angle of 30 "
    "degrees, where the cosine falls, so the first steps already add much noise. At the other end "
    "little changes: 8.3 % of the steps begin with less than 1 % of the signal, and 6.5 % did "
    "before. (Two checks fail: the one of the curve is written for $s = 0.008$, and the middle is "
    "less linear than it was.)",
)

# %% [markdown]
# ## 3. Samples in a few steps
#
# A sampler need not visit all $T$ steps. It may jump, for example to every hundredth step, and then
# the positions of these stops matter. To separate the error of the jumps from the error of a
# network, we predict the noise *exactly*: the data are a mixture of Gaussians, so noisy data are a
# mixture too, and the score has a formula (`diffusion/03`).

# %%
ring = toy.ring().standardized()
exact = {name: exact_eps_model(ring, schedule) for name, schedule in schedules.items()}

# %% [markdown]
# We measure the sliced Wasserstein distance between samples and data, over its *floor*: the
# distance between two sets of data of the same size. Samples that follow the data density have a
# ratio of 1, to sampling error. Both schedules start from the same noise, in four sets.

# %%
lesson.predict(
    "With 10 jumps instead of 1,000 steps, which schedule's samples are closer to the data?",
    ["the linear schedule's", "the cosine schedule's", "no difference"],
)

# %%
from minigen.diffusion.samplers import strided
from minigen.metrics import sampling_floor, sliced_wasserstein

n, sets = lesson.size(30_000, quick=200), 4


def distance(x, y):
    return sliced_wasserstein(x, y, 64, lesson.rng("directions"))


truths = [ring.sample(lesson.rng(f"truth {k}"), n) for k in range(sets)]
floor = sampling_floor(distance, ring.sample, n, lesson.rng("floor"), repeats=20).mean


# %%
def over_floor(schedule, eps_model, jumps):
    """Samples by so many jumps: their distance to the data over the floor, for each set."""
    ratios = []
    for k, truth in enumerate(truths):
        rng = lesson.rng(f"jumps {k}")
        noise = rng.standard_normal((n, 2), dtype=np.float32)
        ratios.append(distance(truth, strided(eps_model, noise, schedule, jumps, rng)) / floor)
    return np.array(ratios)


# %%
far, rows = {}, []
for jumps in (5, 10, 20, 50):
    for name in schedules:
        far[name, jumps] = over_floor(schedules[name], exact[name], jumps)
    each = [far[name, jumps] for name in schedules]
    errors = [x.std(ddof=1) / np.sqrt(sets) for x in each]
    rows.append([jumps, each[0].mean(), errors[0], each[1].mean(), errors[1]])
header = ["jumps", "linear", "its standard error", "cosine", "its standard error "]
lesson.table(rows, header, "distance / floor, exact noise")
ratio = {row[0]: row[3] / row[1] for row in rows}


# %%
def verdict(cosine_over_linear):
    """The choice that a ratio of two distances makes right; within a tenth they are the same."""
    if abs(np.log(cosine_over_linear)) < np.log(1.1):
        return "no difference"
    return "the cosine schedule's" if cosine_over_linear < 1 else "the linear schedule's"


lesson.outcome(
    f"The distance of the cosine schedule is {ratio[10]:.2f} times that of the linear one.",
    answer=verdict(ratio[10]),
)

# %%
seeds = "seeds 0, 1, 2031: 0.30 to 0.32, plus a half"
lesson.claim("exact noise, 10 jumps: cosine / linear", ratio[10], at_most=0.5, source=seeds)
seeds = "seeds 0, 1, 2031: 0.46 to 0.59, plus a third"
lesson.claim("exact noise, 20 jumps: cosine / linear", ratio[20], at_most=0.8, source=seeds)
theory = "theory: 1 for many jumps; seeds 0 and 1: 0.9 to 1.1"
for name in schedules:
    reached = far[name, 50].mean()
    lesson.claim(f"exact noise, 50 jumps, {name}: / floor", reached, at_most=2.0, source=theory)

# %% [markdown]
# Where do ten evenly spaced jumps stop? Each jump models the density of the earlier $x$, given
# $x_t$, as a Gaussian. This is a good approximation for short jumps (`diffusion/03`). It is also
# good for jumps between two levels that are nearly pure noise, but those achieve little. The modes
# separate where the signal's share is between a tenth and nine tenths.

# %%
ax = plot.line(time, curves, title="ten jumps on the curves", xlabel="t / T")
deciding = {}
for name, schedule in schedules.items():
    stops = spaced_timesteps(T, 10)
    left = schedule.alpha_bar[stops]
    ax.plot(stops / T, left, "o", ms=4, color=plot.color.ink)
    deciding[name] = int(((left > 0.1) & (left < 0.9)).sum())
counts = f"linear {deciding['linear']}, cosine {deciding['cosine']} of ten"
lesson.figure(ax, "jumps", f"Stops between a tenth and nine tenths of the signal: {counts}.")
lesson.check("more stops of the cosine lie there", deciding["cosine"] > deciding["linear"])

# %%
fig, axes = plot.figure(1, 4, size=(2.4, 2.5))
panels = [(name, jumps) for jumps in (10, 50) for name in schedules]
for ax, (name, jumps) in zip(axes, panels, strict=True):
    rng = lesson.rng("shown samples")
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
# Is it the cosine that matters, or the criterion? We try two other curves of $u = t/T$.
# *Smoothstep*, $1 - 3u^2 + 2u^3$, meets the criterion without a cosine; the *straight line* $1 - u$
# is linear in the middle and at both ends.

# %%
u = numpy.arange(1, T + 1) / (T + 1)
others = {"smoothstep": 1 - 3 * u**2 + 2 * u**3, "straight line": 1 - u}
others = {name: Schedule.from_alpha_bar(curve) for name, curve in others.items()}
rows = [[name, far[name, 10].mean()] for name in schedules]
for name, schedule in others.items():
    far[name, 10] = over_floor(schedule, exact_eps_model(ring, schedule), 10)
    rows.append([name, far[name, 10].mean()])
lesson.table(rows, ["schedule", "distance / floor"], "10 jumps, exact noise")
seeds = "seeds 0, 1, 2031: 0.99 to 1.00, and 2.6 to 2.8"
base_line = far["cosine", 10].mean()
smooth, straight = (far[name, 10].mean() / base_line for name in others)
lesson.claim("10 jumps: smoothstep / cosine", smooth, between=(0.75, 1.33), source=seeds)
lesson.claim("10 jumps: straight line / cosine", straight, at_least=2, source=seeds)

# %% [markdown]
# The curve that meets the criterion has the cosine's distance to sampling error. The straight line
# has more than twice that distance: a tenth of the signal is lost in the first and in the last
# jump. So the criterion matters, not the cosine.
#
# ## 4. The likelihood in a few steps
#
# The bound on $-\log p(x)$ of `diffusion/03` can also be computed with few steps. With the exact
# noise, its distance from the entropy is the cost of the jumps alone. (The variance of the reverse
# steps is $\beta_t$.)

# %%
from minigen.diffusion.likelihood import vlb_terms

some = truths[0][: lesson.size(4000, quick=100)]


def bound_gap(schedule, eps_model, jumps):
    """Mean over points of the bound with so many jumps less -log p, nats; its standard error."""
    shorter = schedule.subset(spaced_timesteps(T, jumps))
    terms = vlb_terms(eps_model, some, shorter, lesson.rng("bound"))
    gap = terms.total + ring.log_prob(some)
    return float(np.mean(gap)), float(np.std(gap) / np.sqrt(len(some)))


# %%
lesson.predict(
    "Which schedule's bound is tighter with 10 jumps?",
    ["the linear schedule's", "the cosine schedule's", "no difference"],
)

# %%
gaps, rows = {}, []
for jumps in (5, 10, 20, 50):
    each = [bound_gap(schedules[name], exact[name], jumps) for name in schedules]
    gaps[jumps] = each[1][0] / each[0][0]
    rows.append([jumps, *each[0], *each[1]])
lesson.table(rows, header, "bound on -log p less -log p, nats")

# %%
at_ten = rows[1]
lesson.outcome(
    f"{at_ten[1]:.2f} nats above -log p for the linear schedule, {at_ten[3]:.2f} for the cosine.",
    answer=verdict(gaps[10]),
)
seeds = "seeds 0, 1, 2031: 0.69 to 0.70; standard error 0.01"
lesson.claim("bound less -log p, 10 jumps: cosine / linear", gaps[10], at_most=0.8, source=seeds)

# %% [markdown]
# ## 5. Digits, with a network
#
# The base model of the lessons on digits comes with the package: the U-Net of `diffusion/17`,
# trained as in `diffusion/04`, with labels, on the cosine schedule with 200 steps. It need not be
# trained again for the linear schedule. The network receives a time, and a time stands for a level
# of noise. So for each level of the linear schedule we pass the time at which the *cosine* schedule
# has this level, a fraction if necessary. Then both schedules use one network, and only the stops
# differ.

# %%
base = lesson.pretrained("digit_diffusion")
S = base.schedule.T
digit_schedules = {"linear": Schedule.linear(S, 0.1 / S, 20 / S), "cosine": base.schedule}


def same_level(schedule):
    """For each step of a schedule the time, (T,), at which the base model's has this noise."""
    levels = -numpy.log(base.schedule.snr[1:])
    return numpy.interp(-numpy.log(schedule.snr[1:]), levels, numpy.arange(1, S + 1))


# %%
passed = {name: same_level(schedule) for name, schedule in digit_schedules.items()}
lesson.check("the cosine's own times", passed["cosine"], equals=numpy.arange(1, S + 1))
rows = []
for t in (1, S // 2, S):
    rows.append([t, digit_schedules["linear"].alpha_bar[t], passed["linear"][t - 1]])
lesson.table(rows, ["linear: step", "share of the signal", "the same level: cosine step"])

# %% [markdown]
# The network predicts $v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$
# (`diffusion/11` explains why), from which the noise is $\sqrt{1 - \bar\alpha_t}\, x_t +
# \sqrt{\bar\alpha_t}\, v$. The labels 0 to 9 are passed equally often. The variance of the reverse
# steps is the smaller one, $\tilde\beta_t$, which suits images with a black background
# (`diffusion/07`).


# %%
from minigen.tensor import batched, parallel_call


def noise_of_digits(name, labels):
    """The model of the noise for one of the two schedules; two threads share its calls."""
    alpha_bar = digit_schedules[name].alpha_bar
    net = parallel_call(base.net)

    def eps_model(x, t):
        left = alpha_bar[t[0]]
        v = net(x, numpy.full(len(x), passed[name][t[0] - 1]), labels)
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
    """Digits (n, 28, 28, 1) in [0, 1] by the cosine schedule, and their labels (n,)."""
    y = rng.integers(0, 10, n) if label is None else numpy.full(n, label)
    noise = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    model = noise_of_digits("cosine", y)
    x = strided(model, noise, base.schedule, steps, rng, "posterior", progress="digits")
    return numpy.clip((x + 1) / 2, 0, 1), y


lesson.sampler("digits", draw)


# %% [markdown]
# We measure the Fréchet distance between the features that a classifier computes of 2,000 digits
# and of the test set. Real digits do not have the distance 0 either.

# %%
lesson.predict(
    "In 10 jumps, which schedule's digits have the smaller Fréchet distance?",
    ["the linear schedule's", "the cosine schedule's", "no difference"],
)

# %%
from minigen.metrics.digits import digit_frechet_distance

classifier = lesson.pretrained("digit_classifier")
count = lesson.size(2000, quick=20)
real = mnist.unit(mnist.splits().test.images[: lesson.size(10_000, quick=100)])
held_out = mnist.unit(mnist.splits().validation.images[:count])


def frechet(images):
    return digit_frechet_distance(classifier, real, images)


# %%
rows, digits, distances = [], {}, {}
for jumps in (10, 20, 50):
    for name in digit_schedules:
        digits[name, jumps] = draw_digits(name, jumps, count)
        distances[name, jumps] = frechet(digits[name, jumps])
    of_linear, of_cosine = (distances[name, jumps] for name in digit_schedules)
    rows.append([jumps, of_linear, of_cosine, of_cosine / of_linear])
rows.append(["real digits", *[frechet(held_out)] * 2, 1.0])
lesson.table(rows, ["jumps", "linear", "cosine", "cosine / linear"], "Fréchet distance")
digit_ratio = rows[0][3]

# %%
lesson.outcome(
    f"The Fréchet distance of the cosine schedule is {digit_ratio:.2f} times that of the linear"
    " one. Both start from the same noise.",
    answer=verdict(digit_ratio),
)
seeds = "seeds 0 and 1: 0.86 and 0.78; threshold: no effect"
lesson.claim("digits, 10 jumps: cosine / linear", digit_ratio, at_most=1.0, source=seeds)
seeds = "seeds 0 and 1: 7.8 and 9.1, plus a half; 236 for a Gaussian of each class"
reached = distances["cosine", 50]
lesson.claim("digits, 50 jumps, cosine: Fréchet distance", reached, at_most=14, source=seeds)

# %%
shown = [digits[name, jumps][:10] for jumps in (10, 20) for name in digit_schedules]
names = [f"{name}, {jumps}" for jumps in (10, 20) for name in digit_schedules]
ax = plot.image_grid(numpy.concatenate(shown), rows=4, row_labels=names, limits=(0, 1))
lesson.figure(ax, "digits", "The same start for each column, in 10 and in 20 jumps.")

# %% [markdown]
# The ratios have a sampling error, because each is computed from one set of 2,000 digits: between
# two runs with different seeds they differed by about 0.1.
#
# ## 6. The two ends
#
# *The offset $s$.* It prevents $\beta_t$ from being too small near $t = 0$. Without it the curve
# starts flat, and the first steps are minute. Nichol and Dhariwal found that with so little noise
# it is hard for the network to predict $\epsilon$ accurately enough. They chose $s = 0.008$ so that
# $\sqrt{\beta_1}$ is a little below the width of one gray value, $1/127.5$. (They do not say why
# that width. It is the resolution of the data: finer details were lost when the pixels were
# rounded.)

# %%
without, with_offset = np.sqrt(cosine_beta(T, s=0.0)[0]), np.sqrt(cosine_beta(T)[0])
rows = [["without s", without, without * 127.5], ["s = 0.008", with_offset, with_offset * 127.5]]
lesson.table(rows, ["T = 1000", "√β_1", "in gray values"])
lesson.check("with s, in gray values", with_offset * 127.5, between=(0.5, 1.0))
lesson.check("without, in gray values", without * 127.5, at_most=0.25)

# %% [markdown]
# *The clip.* At $t = T$ the curve is 0, so $\beta_T$ would be 1: all of the signal would be lost in
# one step, and the reverse step would divide by $\sqrt{\alpha_T} = 0$.

# %%
try:
    Schedule(cosine_beta(T, largest=1.0))
except ValueError as error:
    print(error)
lesson.check("steps that are clipped", int((cosine.beta == 0.999).sum()), equals=1)
lesson.check("signal left at T, with the clip", cosine.alpha_bar[T], at_most=1e-8)

# %% [markdown]
# ## 7. Where the post is loose
#
# - “linear and cosine-based scheduling of $\beta\_t$ during training”, in the caption of figure
#   f05, and “in the middle of the training process”: both mean the middle of the *forward* process,
#   from $t = 0$ to $T$. A schedule does not change in the course of training. And the figure shows
#   $\bar\alpha_t$, not $\beta_t$.
# - “The choice of the scheduling function can be arbitrary, as long as it provides a near-linear
#   drop in the middle”: of $\bar\alpha_t$, which the sentence does not name. The linear $\beta_t$
#   of the paragraph before are linear in another sense.
# - “They are relatively small compared to the normalized image pixel values”: the $\beta_t$ are
#   variances. Compare their roots with pixel values, up to $\sqrt{0.02} = 0.14$.
# - “clip” has no lower limit in Eq. diffusion.18: it is a minimum.
#
# Our deviations: the linear schedule for digits has 200 steps, so it ends at $\beta_T = 20/T$ in
# place of 0.02. With 0.02 as the last of 200 steps, $x_T$ would not be noise. The cosine is a
# function of $t/T$ and needs no such care. And the paper trained one network for each schedule, on
# small color images: with the cosine and $L_\mathrm{simple}$ both its NLL and its FID on ImageNet
# 64 × 64 were lower than with the linear schedule. We compare schedules for sampling alone.
#
# **Left out:** the effect of the schedule on training, where it also sets how often the network
# sees each level of noise; other curves, such as that of Karras et al. 2022 (`Schedule.karras`);
# jumps that are not evenly spaced. **Next:** in `diffusion/07` the network also predicts the
# variance of the reverse step.
#
# **Your turn:** `minigen exercise start diffusion/06`, then `minigen run diffusion/06 --with
# exercises/diffusion_06.py`.

# %%
lesson.finish()
