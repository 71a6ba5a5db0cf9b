# %% [markdown]
# # Progressive distillation
#
# The first half of what the section *Fewer Sampling Steps & Distillation* (diffusion.s14) of [What
# are Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/) says on
# distillation (Salimans and Ho 2022). In this lesson:
#
# 1. Progressive distillation turns a trained deterministic sampler into one with half of its steps:
#    a *student* network learns to reach in one step of DDIM the point that its *teacher* reaches in
#    two. Then the student is the teacher of the next halving.
# 2. A student is trained as any diffusion model is, except for the *denoise target*: the teacher
#    computes it, where ordinary training takes the original sample $x_0$.
# 3. The quantity that the network predicts and the weights of its errors at different times matter
#    more for a student of few steps than for its teacher.
#
# Needed: DDIM (`diffusion/10`), DDPM's loss (`diffusion/04`), and for the digits classifier-free
# guidance (`diffusion/09`).

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/11_progressive_distillation",
    title="Progressive distillation",
    post="diffusion",
    sections=["diffusion.s14"],
    figures=["diffusion.f09", "diffusion.f10"],
    equations=[],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=4.5,
    picture="moons",
    sources=["weng2021diffusion", "salimans2022distillation", "meng2023guided"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.diffusion.ddpm import eps_model_from_v, predict_x0_from_eps, predict_x0_from_v
from minigen.diffusion.ddpm import q_sample, v_loss
from minigen.diffusion.guidance import classifier_free, conditional
from minigen.diffusion.distillation import distillation_loss, distillation_target, halved
from minigen.diffusion.distillation import student_loss, truncated_snr_weight, weight_of_v

# %%
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.samplers import Trajectory, ddim, ddim_step
from minigen.diffusion.schedule import Schedule, spaced_timesteps
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.metrics.digits import judge_digits
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend

# %% [markdown]
# DDIM is deterministic: the noise $x_T$ alone determines the sample. So a network can be trained to
# jump ahead on the path from $x_T$ to $x_0$. Each *iteration* of progressive distillation halves
# the number of sampling steps (figure f09):

# %%
boxes, arrows = {}, []
names = ("teacher\n4 steps", "student\n2 steps", "its student\n1 step")
for row, stride in enumerate((1, 2, 4)):
    for t in range(4, -1, -stride):
        look = ("data", "$x_0$") if t == 0 else ("noise", f"$x_{t}$")
        boxes[f"{row}.{t}"] = plot.node(look[1], look[0], (5 - t, row))
        if t < 4:
            arrows.append(f"{row}.{t + stride} -> {row}.{t}")
    boxes[f"{row}"] = plot.node(names[row], "frozen" if row == 0 else "model", (0, row))

# %%
lesson.figure(
    plot.schematic(boxes, arrows),
    "f09_halving",
    "From the top down: each row starts at the same noise and should end at the same data. An arrow"
    " of one row replaces two arrows of the row above.",
)

# %% [markdown]
# ## 1. By hand: one step in place of two
#
# A step of DDIM from time $t$ to an earlier time $s$ predicts the clean data, $\hat x_0$. Of the
# noise in $x_t$ it keeps the fraction $r$ that belongs to time $s$:
#
# $$x_s = \sqrt{\bar\alpha_s}\, \hat x_0 + r\,\big(x_t - \sqrt{\bar\alpha_t}\, \hat x_0\big),
# \qquad r = \sqrt{\frac{1 - \bar\alpha_s}{1 - \bar\alpha_t}}.$$
#
# Take three time steps with $\sqrt{\bar\alpha} = 0.8,\ 0.6,\ 0.28$, so that the noise has the
# standard deviations $0.6,\ 0.8,\ 0.96$. The teacher starts at $x_3 = 0.76$. It predicts the noise
# 0.5, so $\hat x_0 = (0.76 - 0.96 \cdot 0.5)/0.28 = 1$, and its first step leads to $x_2 = 0.6 +
# 0.8 \cdot 0.5 = 1$. There it predicts the noise $-0.25$, so $\hat x_0 = (1 + 0.8 \cdot 0.25)/0.6 =
# 2$, and its second step leads to $x_1 = 1.6 - 0.6 \cdot 0.25 = 1.45$.
#
# The student has a single step from $x_3$ to $x_1$, with one prediction of the clean data.

# %%
lesson.predict(
    "The teacher predicts the clean data 1 and then 2. Which clean data must the student predict at"
    " x_3, so that its one step ends at the same x_1 = 1.45?",
    [
        "1, the first prediction",
        "2, the second prediction",
        "1.5, their mean",
        "another number between them",
        "a number beyond both",
    ],
)

# %% [markdown]
# Solve the equation of the step for $\hat x_0$. Write it for whole batches, with a network as the
# teacher:

# %%
lesson.exercise("diffusion/11/distillation_target")

# %%
by_hand = Schedule.from_alpha_bar([0.64, 0.36, 0.0784])
x3 = np.array([[0.76]])


def two_predictions(x, t):
    """A teacher that predicts the noise 0.5 at t = 3 and -0.25 at t = 2."""
    return 0 * x + np.where(t == 3, 0.5, -0.25)[:, None]


target = distillation_target(two_predictions, x3, 3, by_hand)
noise = (x3 - 0.28 * target) / 0.96  # the prediction of the noise that belongs to the target
lesson.check("end of the student's step", ddim_step(x3, 3, 1, noise, None, by_hand), equals=1.45)

# %%
lesson.check("the target", target, equals=(1.45 - 0.625 * 0.76) / (0.8 - 0.625 * 0.28))
lesson.outcome(
    f"{target.item():.2f}: with r = 0.6/0.96 = 0.625 it is (1.45 - 0.625 · 0.76) / (0.8 - 0.625 ·"
    " 0.28).",
    answer="another number between them",
)

# %% [markdown]
# The target is (Salimans and Ho 2022, algorithm 2)
#
# $$\tilde x_0 = \frac{x_{t-2} - r\,x_t}{\sqrt{\bar\alpha_{t-2}} - r\,\sqrt{\bar\alpha_t}}, \qquad
# r = \sqrt{\frac{1 - \bar\alpha_{t-2}}{1 - \bar\alpha_t}},$$
#
# where $x_{t-2}$ is the end of the teacher's two steps. It is a weighted mean of the teacher's two
# predictions.
#
# <details><summary>Derivation: the target, and its weights on the two predictions</summary>
#
# One step with $\tilde x_0$ has to end at the teacher's end:
#
# $$x_{t-2} = \sqrt{\bar\alpha_{t-2}}\,\tilde x_0 + r\,\big(x_t - \sqrt{\bar\alpha_t}\,\tilde
# x_0\big) .$$
#
# Collect $\tilde x_0$ and divide. At $t = 2$, $\bar\alpha_0 = 1$ and $r = 0$, so $\tilde x_0$ is
# the teacher's end itself.
#
# Now write $y_t = x_t/\sqrt{\bar\alpha_t}$ and $\sigma_t = \sqrt{(1 - \bar\alpha_t)/\bar\alpha_t}$.
# A step divided by $\sqrt{\bar\alpha_s}$ is $y_s = (1 - a)\,\hat x_0 + a\,y_t$ with $a =
# \sigma_s/\sigma_t$. Two steps with the ratios $a$ and $b$ and the predictions $\hat x_0$, $\hat
# x_0'$ give
#
# $$y_{t-2} = (1 - b)\,\hat x_0' + b\,(1 - a)\,\hat x_0 + ab\,y_t ,$$
#
# and the student's step, whose ratio is $ab$, gives $(1 - ab)\,\tilde x_0 + ab\,y_t$. Therefore
#
# $$\tilde x_0 = \frac{b\,(1 - a)}{1 - ab}\,\hat x_0 + \frac{1 - b}{1 - ab}\,\hat x_0' ,$$
#
# with weights that are positive and sum to 1.
#
# </details>

# %%
sigma = by_hand.sigma
a, b = sigma[2] / sigma[3], sigma[1] / sigma[2]
weights = np.array([b * (1 - a), 1 - b]) / (1 - a * b)
lesson.check("weights of the two predictions", weights, equals=[0.44, 0.56])
lesson.check("weighted mean of 1 and 2", weights @ [1.0, 2.0], equals=target.item())

# %%
lesson.change(
    "the same noise twice",
    "Let the teacher predict the same noise at both times: in `two_predictions`, change the -0.25 "
    "to 0.5, and run again. What is the target now?",
    answer="It is 1, the teacher's prediction of the clean data at both times: from x_3 its steps "
    "lead to 1 and then to 1.1. The student's one step replaces the teacher's two without loss "
    "where the teacher does not change its prediction.",
)

# %% [markdown]
# A figure shows the same. Divide $x_t$ by $\sqrt{\bar\alpha_t}$ and measure time by the noise in
# the same units, $\sigma_t = \sqrt{(1 - \bar\alpha_t)/\bar\alpha_t}$. A step of DDIM is then a
# straight line whose slope is the predicted noise. Two steps are two line segments, and the
# student's step is the straight line from their start to their end. Continued to $\sigma = 0$, the
# student's line meets the target.

# %%
x2 = ddim_step(x3, 3, 2, two_predictions(x3, np.array([3])), None, by_hand)
x1 = ddim_step(x2, 2, 1, two_predictions(x2, np.array([2])), None, by_hand)
points = np.array([x3.item() / 0.28, x2.item() / 0.6, x1.item() / 0.8])  # divided by the root

# %%
fig, ax = plot.figure(size=(5.6, 3.4))
ax.plot(sigma[[3, 2, 1]], points, "o-", color=plot.color.real, label="teacher, two steps")
ends = [points[0], target.item()]
ax.plot([sigma[3], 0], ends, "--", color=plot.color.fake, label="student, one step; its target")
ax.plot(0, target.item(), "o", color=plot.color.fake)
for k, y, shift in zip((3, 2, 1), points, ((4, -14), (4, -14), (-14, 10))):
    ax.annotate(f"$t = {k}$", (sigma[k], y), shift, textcoords="offset points")
ax.set(xlabel="noise σ", ylabel=r"$x_t / \sqrt{\bar\alpha_t}$", title="two steps and one")
ax.legend()
lesson.figure(
    fig,
    "chord",
    "The student's line passes through the first and the last of the teacher's points.",
)

# %% [markdown]
# ## 2. What the student predicts, and the weight of its errors
#
# The network of `diffusion/04` predicts the noise. The clean data are then $\hat x_0 = (x_t -
# \sqrt{1 - \bar\alpha_t}\, \hat\epsilon)/\sqrt{\bar\alpha_t}$. So an error of $\hat\epsilon$ is
# multiplied by $\sigma_t = \sqrt{(1 - \bar\alpha_t)/\bar\alpha_t}$. This factor is large where
# almost all of $x_t$ is noise, and every student takes its first step there.

# %%
T = lesson.size(64, quick=8)
full = Schedule.cosine(T)
error = 0.001
rows = [[t, full.alpha_bar[t], error * full.sigma[t]] for t in (1, T // 2, T - 1, T)]
lesson.table(
    rows,
    ["t", "ᾱ_t", "error of the clean data"],
    f"A prediction of the noise with an error of {error}",
)

# %% [markdown]
# So the student predicts $v = \sqrt{\bar\alpha_t}\,\epsilon - \sqrt{1 - \bar\alpha_t}\,x_0$ instead
# (Salimans and Ho 2022). At small $t$ this is nearly the noise, and at large $t$ nearly minus the
# clean data. Together with $x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$ it
# gives
#
# $$\sqrt{\bar\alpha_t}\,x_t - \sqrt{1 - \bar\alpha_t}\,v = \big(\bar\alpha_t + 1 -
# \bar\alpha_t\big)\,x_0 = x_0 ,$$
#
# without a division. Which weight should the loss have? By the first formula of this section, an
# error of the noise is an error of the clean data divided by $\sigma_t$. So a plain squared error
# of the noise is a squared error of the clean data with the weight $1/\sigma_t^2 =
# \bar\alpha_t/(1 - \bar\alpha_t)$, the *signal-to-noise ratio* (SNR).

# %%
x, wrong = np.array([1.0, -2.0]), np.array([0.3, 0.1])  # x_2 by hand, and errors of its noise
errors = (x - 0.8 * wrong) / 0.6 - x / 0.6  # of the clean data
weighted = 0.36 / 0.64 * errors**2
lesson.check("SNR times the squared error of the clean data", weighted, equals=wrong**2)

# %%
lesson.predict(
    "Let the SNR weight the squared errors of the clean data. How much does an error at t = T"
    " count, compared with the same error at t = T/2?",
    ["more", "about half as much", "about a tenth", "less than a thousandth"],
)

# %%
half_and_end = np.array([T // 2, T])
at_half, at_end = full.snr[half_and_end]
share = at_end / at_half
lesson.outcome(
    f"The SNR is {at_half:.2f} at T/2 and {at_end:.1e} at T: the error at T counts {share:.1e}"
    " times as much.",
    answer="less than a thousandth" if share < 1e-3 else "about a tenth",
)

# %% [markdown]
# The loss would nearly ignore the step from pure noise, which is the only step of a one-step
# student. Salimans and Ho (2022) bound the weight from below: it is the SNR where that is large,
# and never less than 1.

# %%
lesson.exercise("diffusion/11/truncated_snr_weight")

# %%
lesson.check("weight at t = T", truncated_snr_weight(T, full), equals=1.0)
lesson.show_source(truncated_snr_weight)

# %% [markdown]
# This *truncated SNR*, $\max(\mathrm{SNR}, 1)$, is the weight of a squared error of the clean data.
# The network predicts $v$. Which weight of a squared error *of $v$* gives the same loss?

# %%
lesson.exercise("diffusion/11/weight_of_v")

# %% [markdown]
# It is $\max(\bar\alpha_t, 1 - \bar\alpha_t)$. In $\hat x_0 = \sqrt{\bar\alpha_t}\, x_t - \sqrt{1 -
# \bar\alpha_t}\, v$ an error of $v$ is multiplied by $\sqrt{1 - \bar\alpha_t}$, its square by $1 -
# \bar\alpha_t$, and $(1 - \bar\alpha_t) \max(\mathrm{SNR}, 1) = \max(\bar\alpha_t, 1 -
# \bar\alpha_t)$.

# %%
times = np.arange(1, T + 1)
of_v = truncated_snr_weight(times, full) * (1 - full.alpha_bar[1:])
lesson.check("(1 - ᾱ) times the truncated SNR", of_v, equals=weight_of_v(times, full))
lesson.show_source(weight_of_v)

# %% [markdown]
# In terms of $v$ the weight lies between one half and one: the loss is nearly a plain squared error
# of $v$. It is the loss of our students.

# %%
lesson.exercise("diffusion/11/student_loss")

# %%
x_t, v, wanted = np.array([[1.0, -1.0]]), np.array([[1.0, 2.0]]), np.array([[0.3, -2.0]])
predicted = predict_x0_from_v(x_t, 2, v, by_hand)
lesson.check("clean data from v at t = 2", predicted[0], equals=[0.6 - 0.8, -0.6 - 1.6])
loss = student_loss(v, wanted, x_t, 2, by_hand)
lesson.check("loss: the mean of 0.25 and 0.04, weight 1", loss, equals=0.145)

# %% [markdown]
# ## 3. The two algorithms (figure f10)
#
# Salimans and Ho (2022) print the training of a diffusion model that predicts clean data beside
# that of a student:
#
# | step | algorithm 1: diffusion | algorithm 2: progressive distillation |
# |---|---|---|
# | start | random weights | the teacher's weights |
# | draw | $x_0$ from the data | $x_0$ from the data |
# | draw | $t$ among all steps | $t$ among every second step |
# | draw | $\epsilon \sim \mathcal N(0, I)$ | $\epsilon \sim \mathcal N(0, I)$ |
# | add noise | $x_t = \sqrt{\bar\alpha_t} x_0 + \sqrt{1 - \bar\alpha_t} \epsilon$ | the same |
# | target | $x_0$ | $\tilde x_0$, from two DDIM steps of the teacher |
# | loss | $w_t \lVert x_0 - \hat x_0 \rVert^2$ | $w_t \lVert \tilde x_0 - \hat x_0 \rVert^2$ |
# | at the end | stop | the student becomes the teacher, with half of the steps; repeat |
#
# Many original samples $x_0$ can have led to the same $x_t$, and a network trained on them predicts
# their mean. The teacher's target $\tilde x_0$ is a function of $x_t$: the student can predict it
# without error, and its prediction need not be a blurred mean.

# %%
lesson.show_source(v_loss, distillation_target, student_loss, distillation_loss, halved)

# %% [markdown]
# ## 4. In the plane: from 64 steps to one
#
# First we train a teacher for each of two densities. Each teacher predicts $v$ on a cosine
# schedule.

# %%
densities = {name: toy.get(name).standardized() for name in ("two_moons", "ring")}


def noised_batch(name, times, rng, n=512):
    """Clean points, a time for each among those given, and noise."""
    x0 = densities[name].sample(rng, n)
    return x0, rng.choice(times, n), rng.standard_normal(x0.shape, dtype=np.float32)


def plain_loss(net, x0, t, eps):
    return v_loss(net, x0, t, eps, full)


# %%
def teacher_of(name, steps):
    """A model of v for a density: the moving average of its training."""
    rng = lesson.rng(f"teacher, {name}")
    net = EpsMLP(rng, width=128, layers=4)

    def batch(rng):
        return noised_batch(name, np.arange(1, T + 1), rng, 256)

    step = descend(plain_loss, net, batch, lr=cosine(5e-3, steps), ema=0.999, rng=rng)
    lesson.fit(step, steps, state=step.state, label=f"teacher, {name}")
    return step.averaged


teachers = {name: teacher_of(name, lesson.steps(12_000, quick=5)) for name in densities}

# %% [markdown]
# Then the students: one training for each halving. Each student starts with the weights of its
# teacher, and receives only the times that it keeps.


# %%
def student_of(name, teacher, schedule, label, steps, loss=distillation_loss):
    """A copy of the teacher, trained to need half of its schedule's steps."""
    student, teachers_noise = teacher.copy(), eps_model_from_v(teacher, full)

    def batch(rng):
        return noised_batch(name, np.arange(2, schedule.T + 1, 2), rng)

    def loss_of(student, x0, t, eps):
        return loss(student, teachers_noise, x0, t, eps, schedule)

    rng = lesson.rng(label)
    step = descend(loss_of, student, batch, lr=cosine(1e-3, steps), rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return student


# %%
def distilled(name, steps):
    """{number of steps: (model, schedule)}, from the teacher down to one step."""
    family, model, schedule = {T: (teachers[name], full)}, teachers[name], full
    while schedule.T > 1:
        label = f"{name}, {schedule.T // 2} steps"
        model = student_of(name, model, schedule, label, steps)
        schedule = halved(schedule)
        family[schedule.T] = model, schedule
    return family


families = {name: distilled(name, lesson.steps(1000, quick=3)) for name in densities}


# %%
def sample(name, steps, x):
    """Samples of the student of so many steps, from the noise x."""
    model, schedule = families[name][steps]
    return ddim(eps_model_from_v(model, full), x, schedule)


def draw(rng, n):
    return sample("two_moons", 1, rng.standard_normal((n, 2), dtype=np.float32))


lesson.sampler("two moons, one step", draw)

# %% [markdown]
# We measure the sliced Wasserstein distance between 1,000 samples and 1,000 data points, and divide
# it by its *floor*, the same distance between two sets of data points. The table gives the mean
# over ten sets; by chance such a mean can lie below 1, even for samples of the data. Beside each
# student stands the teacher's own DDIM with as many steps, from the same noise.

# %%
lesson.predict(
    "Samples of the moons in one step: which distances, in floors, will the teacher's DDIM and the"
    " student have?",
    [
        "both near 1",
        "both above 1.5",
        "the teacher's above 1.5, the student's near 1",
    ],
)

# %%
sets, n = lesson.size(10, quick=2), lesson.size(1000, quick=50)
start = lesson.rng("start").standard_normal((sets * n, 2), dtype=np.float32)


def over_floor(x, density):
    """Mean distance of sets of n samples to new sets of data, in units of the floor."""
    rng = lesson.rng("judge")

    def distance(a, b):
        return sliced_wasserstein(a, b, 100, rng)

    floor = sampling_floor(distance, density.sample, n, rng, repeats=lesson.size(40, quick=2)).mean
    parts = np.split(x, len(x) // n)
    return np.mean([distance(part, density.sample(rng, n)) for part in parts]) / floor


# %%
counts = list(families["two_moons"])
by_teacher, by_student, scores = {}, {}, {}
for name, density in densities.items():
    for k in counts:
        own = eps_model_from_v(teachers[name], full)
        by_teacher[name, k] = ddim(own, start, full, steps=k)
        by_student[name, k] = sample(name, k, start)
        scores[name, k] = [over_floor(x[name, k], density) for x in (by_teacher, by_student)]
lesson.table(
    [[k, *scores["two_moons", k], *scores["ring", k]] for k in counts],
    ["steps", "moons: teacher", "moons: student", "ring: teacher", "ring: student"],
    "distance / floor",
)

# %%
far, near = scores["two_moons", 1]
apart = "the teacher's above 1.5, the student's near 1"
lesson.outcome(
    f"{far:.1f} floors for the teacher, {near:.2f} floors for the student. One step of the teacher"
    " leads to its prediction of the clean data, and from pure noise the best prediction is the"
    " mean of all data.",
    answer=apart if near < 1.5 < far else "both above 1.5" if near >= 1.5 else "both near 1",
)

# %%
lesson.claim(
    "two_moons: one step, distance / floor",
    scores["two_moons", 1][1],
    at_most=1.6,
    source="seeds 0, 1, 4645: 0.83, 0.95, 1.25, plus a quarter; the teacher's 64 steps: up to 1.24",
)
lesson.claim(
    "ring: one step, distance / floor",
    scores["ring", 1][1],
    at_most=1.6,
    source="seeds 0, 1: 0.86, 1.19, plus a third; the teacher's 64 steps: 0.80, 1.16",
)

# %%
for name in densities:
    one_step = scores[name, 1][1]
    lesson.claim(
        f"{name}: one step of the student over {counts[0]} of the teacher",
        one_step / scores[name, counts[0]][0],
        at_most=1.2,
        source="seeds 0, 1: 1.01, 1.02 (moons), 1.07, 1.03 (ring), plus an eighth; without loss: 1",
    )
    lesson.claim(
        f"{name}: one step, the teacher's distance over the student's",
        scores[name, 1][0] / one_step,
        at_least=11,
        source="seeds 0, 1: 20.5, 18.4 (moons), 21.9, 16.9 (ring), less a third",
    )

# %%
fig, axes = plot.figure(2, 4, size=(2.3, 2.3))
for column, k in enumerate([k for k in counts if k <= 8]):
    for row, x in enumerate((by_teacher, by_student)):
        points, who = x["two_moons", k][:1500], ("teacher", "student")[row]
        title = f"{who}, {k} step{'s' * (k > 1)}"
        plot.samples(points, densities["two_moons"], axes[row, column], title=title, bounds=2.5)
lesson.figure(
    fig,
    "moons",
    "Top: the teacher's DDIM. The fewer its steps, the closer its samples are to their mean."
    " Bottom: the students.",
)

# %% [markdown]
# The students were trained to end where the teacher ends, which is more than to produce similar
# samples. How far are their samples from those of the teacher's 64 steps from the same noise?

# %%
goal = by_teacher["two_moons", T]
others = goal[lesson.rng("others").permutation(len(goal))]
unrelated = np.median(np.linalg.norm(goal - others, axis=1))
gaps = {k: np.median(np.linalg.norm(by_student["two_moons", k] - goal, axis=1)) for k in counts[1:]}
lesson.table(
    [[k, gap, gap / unrelated] for k, gap in gaps.items()],
    ["steps", "median distance", "divided by that of two unrelated samples"],
)

# %%
lesson.claim(
    "moons, same noise: median distance of one step to the teacher's sample",
    gaps[1],
    at_most=0.03,
    source="seeds 0, 1: 0.017, 0.021, plus nearly a half; unrelated samples: 1.7",
)

# %%
fig, axes = plot.figure(1, 3, size=(3.0, 2.9))
some = start[:12]
for ax, k in zip(axes, (T, 4, 1)):
    path = Trajectory()
    model, schedule = families["two_moons"][k]
    ddim(eps_model_from_v(model, full), some, schedule, on_step=path)
    title, shade = f"{k} step{'s' * (k > 1)}", plot.color.fake
    plot.trajectories(
        path.states, ax, density=densities["two_moons"], title=title, bounds=3.0, color=shade
    )
lesson.figure(
    fig,
    "paths",
    "Twelve starting points (open dots), the same in each panel. The teacher's paths curve; the"
    " students take straight steps to nearly the same ends.",
)

# %% [markdown]
# ## 5. Ablation: the plain SNR as weight
#
# We repeat the halving from four steps to two with the plain SNR as the weight. The student's two
# steps start at $t = T$ and $t = T/2$. Before training it is a copy of its teacher, and its
# prediction of the target from pure noise has an error.

# %%
lesson.predict(
    "By how much will training with the weight SNR reduce this error of the prediction at t = T?",
    ["by more than 80 %", "by about half", "by less than a quarter"],
)


# %%
def snr_loss(student, teachers_noise, x0, t, eps, schedule):
    """As `distillation_loss`, but an error of the clean data has the weight SNR."""
    x_t = q_sample(x0, t, eps, schedule)
    target = distillation_target(teachers_noise, x_t, t, schedule)
    predicted = predict_x0_from_v(x_t, t, student(x_t, schedule.times[t]), schedule)
    return np.mean(schedule.snr[t].astype("f4")[:, None] * (predicted - target) ** 2)


# %%
four, of_four = families["two_moons"][4]
steps = lesson.steps(1000, quick=3)
by_snr = student_of("two_moons", four, of_four, "two_moons, SNR alone", steps, snr_loss)
truncated = families["two_moons"][2][0]


def first_step_error(student):
    """Root mean square of the error of the prediction in the step from pure noise."""
    target = distillation_target(eps_model_from_v(four, full), start, 4, of_four)
    v = student(start, np.full(len(start), T))
    return np.sqrt(np.mean((predict_x0_from_v(start, T, v, full) - target) ** 2))


# %%
errors = {"teacher": first_step_error(four), "SNR": first_step_error(by_snr)}
errors["truncated SNR"] = first_step_error(truncated)
two = halved(of_four)
x = ddim(eps_model_from_v(by_snr, full), start, two)
snr_score = over_floor(x, densities["two_moons"])
lesson.table(
    [
        ["before training: the teacher", errors["teacher"], "-"],
        ["SNR", errors["SNR"], snr_score],
        ["truncated SNR", errors["truncated SNR"], scores["two_moons", 2][1]],
    ],
    ["weight", "error of the first step", "two steps: distance / floor"],
)

# %%
learned = 1 - errors["SNR"] / errors["teacher"]
lesson.outcome(
    f"From {errors['teacher']:.3f} to {errors['SNR']:.3f}; with the truncated SNR to"
    f" {errors['truncated SNR']:.3f}. The SNR at t = T is {full.snr[T]:.1e}, so the loss is nearly"
    " independent of the student's first step. The plain squared error of the noise is this loss,"
    " too.",
    answer="by more than 80 %"
    if learned > 0.8
    else "by about half"
    if learned > 0.25
    else "by less than a quarter",
)

# %%
lesson.claim(
    "error of the first step, SNR over truncated SNR",
    errors["SNR"] / errors["truncated SNR"],
    at_least=25,
    source="seeds 0, 1: 54, 53, less a half",
)
lesson.claim(
    "two steps: distance, SNR over truncated SNR",
    snr_score / scores["two_moons", 2][1],
    at_least=1.7,
    source="seeds 0, 1: 2.5, 2.6, less a third",
)

# %% [markdown]
# ## 6. Digits: from sixteen steps to one
#
# The teacher is the class-conditional base model of these lessons (pretrained; `diffusion/09` shows
# its training), a U-Net that predicts $v$ at 200 times. We keep 16 of them for DDIM and halve from
# there: four students, each trained for a few hundred steps, the last two for longer.
#
# The teacher uses classifier-free guidance (`diffusion/09`) with $w = 0.5$, which takes two calls
# of its network in each step:
#
# $$\bar\epsilon = 1.5\,\epsilon_\theta(x_t, t, y) - 0.5\,\epsilon_\theta(x_t, t).$$
#
# The student's target depends only on the point where the teacher's two steps end, and the student
# learns to reach that point with *one* call. So the first halving also distills the guidance, for
# this $w$. Meng et al. (2023) distill it in a separate first stage: a student that receives $w$ as
# an input learns to match the guided teacher at equal steps; only then are the steps halved.

# %%
base = lesson.pretrained("digit_diffusion")
split = mnist.splits()
pool = lesson.size(50_000, quick=500)
pixels = mnist.symmetric(split.train.images[:pool])
labels_of = split.train.labels[:pool].astype(int)
first = base.schedule.subset(spaced_timesteps(base.schedule.T, lesson.size(16, quick=4)))


def guided(x, t, y):
    """The noise in x by the teacher: the base model, guided to the labels y."""
    return classifier_free(base, y, w=0.5)(x, t)


# %%
lesson.predict(
    "One DDIM step of the guided teacher from pure noise, for the label y. With ideal predictions,"
    " which image results?",
    [
        "a random digit of class y",
        "the mean image of class y",
        "1.5 times the mean image of class y, less 0.5 times the mean of all digits",
    ],
)

# %%
digit = np.arange(10)
x = lesson.rng("one step").standard_normal((10, 28, 28, 1), dtype=np.float32)
end = np.full(10, base.schedule.T)
given, plain, both = (
    predict_x0_from_eps(x, end, noise, base.schedule)
    for noise in (base(x, end, digit), base(x, end), guided(x, end, digit))
)
gap = np.abs(both - (1.5 * given - 0.5 * plain)).max()
lesson.check("guided prediction less the mixture of the two: largest pixel", gap, at_most=0.02)

# %% [markdown]
# The clean data are linear in the predicted noise, so guidance mixes the two predictions of the
# clean data with the same weights, 1.5 and $-0.5$. The check above confirms it.

# %%
of_class = np.array([pixels[labels_of == y].mean(axis=0) for y in digit])
mixture = 1.5 * of_class - 0.5 * pixels.mean(axis=0)
rows = [
    [name, np.sqrt(np.mean((both - image) ** 2)), np.sqrt(np.mean((given - image) ** 2))]
    for name, image in (("mean of the class", of_class), ("1.5 and −0.5", mixture))
]
lesson.table(rows, ["image", "guided", "w = 0"], "root mean square difference of a pixel")
lesson.outcome(
    "The best prediction from pure noise is a mean: E[x | y] given the label, E[x] without it. So"
    " the guided teacher predicts 1.5 E[x | y] − 0.5 E[x]. Only without guidance (w = 0) does one"
    " step lead to the mean of the class.",
    answer="1.5 times the mean image of class y, less 0.5 times the mean of all digits",
)


# %%
def digit_batches(schedule, rng, n=64):
    """The source of digits, and a function that draws digits, times, noise and labels."""
    source = mnist.batches(pixels, labels_of, size=lesson.size(n, quick=8), rng=rng)

    def draw(rng):
        x0, y = next(source)
        t = rng.choice(np.arange(2, schedule.T + 1, 2), len(x0))
        return x0, t, rng.standard_normal(x0.shape, dtype=np.float32), y

    return source, draw


# %%
def digit_student(begin, teachers_noise, schedule, steps):
    """A network that starts as `begin`, trained to need half of its teacher's steps on digits."""
    label = f"digits, {schedule.T // 2} steps"
    rng = lesson.rng(label)
    student = begin.copy().freeze(False)
    source, draw = digit_batches(schedule, rng)

    def loss(student, x0, t, eps, y):
        return distillation_loss(student, teachers_noise, x0, t, eps, schedule, y)

    step = descend(loss, student, draw, lr=cosine(5e-4, steps), rng=rng, parallel=True)
    lesson.fit(step, steps, state={**step.state, "digits": source}, label=label)
    return student


# %%
digits = {first.T: (guided, first)}  # the noise by the model of so many steps, and its schedule
net, noise, schedule = base.net, guided, first
while schedule.T > 1:
    steps = lesson.steps(300 if schedule.T > 4 else 500, quick=1)
    net = digit_student(net, noise, schedule, steps)
    noise, schedule = eps_model_from_v(net, base.schedule), halved(schedule)
    digits[schedule.T] = noise, schedule


# %%
def in_parts(noise, schedule, x, y):
    """Digits in [0, 1] by DDIM with all steps of a schedule, of the labels y."""

    def some(x, y):
        return np.clip((ddim(conditional(noise, y), x, schedule) + 1) / 2, 0, 1)

    return batched(some, x, y, size=250, progress="digits")


def draw_digits(rng, n, label=None):
    y = rng.integers(0, 10, n) if label is None else np.full(n, label)
    x = rng.standard_normal((n, 28, 28, 1), dtype=np.float32)
    return in_parts(*digits[1], x, y), y


lesson.sampler("digits, one step", draw_digits, default=True)

# %% [markdown]
# We compute the *Fréchet distance* of 2,000 samples to the test digits, in the features of a
# classifier that was trained on real digits only, and the share of samples to which the classifier
# assigns their label. The first row gives both for 2,000 other real digits.

# %%
lesson.predict(
    "Digits in two steps: how large will the Fréchet distance of the teacher's DDIM be, compared"
    " with that of the student?",
    ["about the same", "2 to 4 times larger", "more than 4 times larger"],
)

# %%
judge, count = lesson.pretrained("digit_classifier"), lesson.size(2000, quick=20)
rng = lesson.rng("digits to judge")
y = np.arange(count) % 10
x_T = rng.standard_normal((count, 28, 28, 1), dtype=np.float32)
reference = mnist.unit(split.test.images)[: lesson.size(10_000, quick=50)]
own_steps = {k: base.schedule.subset(spaced_timesteps(base.schedule.T, k)) for k in digits}
by_base = {k: in_parts(guided, own_steps[k], x_T, y) for k in digits}
by_pupil = {k: in_parts(*digits[k], x_T, y) for k in digits if k < first.T}

# %%
reports = {("teacher", k): judge_digits(judge, x, reference, y) for k, x in by_base.items()}
reports |= {("student", k): judge_digits(judge, x, reference, y) for k, x in by_pupil.items()}
real = mnist.unit(split.validation.images[:count])
floor = judge_digits(judge, real, reference, split.validation.labels[:count].astype(int))
rows = [["real digits", "-", floor.frechet, "-", 100 * floor.accuracy]]
for (who, k), report in reports.items():
    rows.append([who, k, report.frechet, report.recall, 100 * report.accuracy])
lesson.table(rows, ["digits", "steps", "Fréchet distance", "recall", "class confirmed, %"])

# %%
ratios = {k: reports["teacher", k].frechet / reports["student", k].frechet for k in by_pupil}
answer = "more than 4 times larger" if ratios[2] > 4 else "2 to 4 times larger"
lesson.outcome(
    f"The distance is {reports['teacher', 2].frechet:.0f} for the teacher and"
    f" {reports['student', 2].frechet:.0f} for the student: {ratios[2]:.1f} times as large.",
    answer=answer if ratios[2] > 2 else "about the same",
)

# %%
one_step = reports["student", 1].frechet
lesson.claim(
    "digits, one step: Fréchet distance",
    one_step,
    at_most=37,
    source="seeds 0, 1: 27.5, 25.4, plus a third; DDIM: 358",
)
lesson.claim(
    "digits, two steps: Fréchet distance",
    reports["student", 2].frechet,
    at_most=19,
    source="seeds 0, 1: 14.5, 13.3, plus a third; DDIM: 67, 66",
)

# %%
if 4 in by_pupil:
    four_steps = reports["student", 4].frechet
    lesson.claim(
        "digits, four steps: Fréchet distance",
        four_steps,
        at_most=13,
        source="seeds 0, 1: 9.6, 8.7, plus a third; DDIM: 21.7, 20.3",
    )
lesson.claim(
    "digits, one step: Fréchet distance, teacher over student",
    ratios[1],
    at_least=8.5,
    source="seeds 0, 1: 13.0, 14.1, less a third",
)

# %%
lesson.claim(
    "digits, two steps: Fréchet distance, teacher over student",
    ratios[2],
    at_least=3,
    source="seeds 0, 1: 4.6, 5.0, less a third",
)

# %%
shown = [k for k in by_base if k <= 8]
pictures = [by_base[first.T][:10]]
names = [f"teacher, {first.T}"]
for k in shown:
    if k in by_pupil:
        pictures += [by_base[k][:10], by_pupil[k][:10]]
        names += [f"teacher, {k}", f"student, {k}"]
ax = plot.image_grid(np.concatenate(pictures), cols=10, row_labels=names, limits=(0, 1))
lesson.figure(
    ax,
    "digits",
    "Each column has one noise and one label. Compare each row of a student with the first row, the"
    " teacher's sixteen steps from the same noise.",
)

# %% [markdown]
# Each student costs a training, and the errors of each halving are passed on to the next. In
# exchange a sample takes fewer steps: with four steps or fewer, a student's Fréchet distance is
# less than half of that of the base teacher's DDIM with as many steps.
#
# ## 7. Where the post is loose
#
# The post's sentences on progressive distillation are right. They leave out two things that decide
# whether the method works:
#
# - “denoises towards a target where one student DDIM step matches 2 teacher steps”: the post does
#   not give a formula of this target. It is the $\tilde x_0$ of section 1.
# - “instead of using the original sample”: the post names neither the quantity that the student
#   predicts nor the weight of its errors. With DDPM's choice, the noise with a plain squared error,
#   the student hardly learns the step from pure noise (sections 2 and 5).
#
# *Our deviations.* We start with 64 steps in the plane and 16 on digits, Salimans and Ho (2022)
# with as many as 8,192. Our guided teacher has one fixed $w$.
#
# **Left out:** a student that receives $w$ (Meng et al. 2023). **Next:** consistency models
# (`diffusion/12`) learn the jump to the data in one training, without halvings.
#
# **Your turn:** `minigen exercise start diffusion/11`, then `minigen run diffusion/11 --with
# exercises/diffusion_11.py`.

# %%
lesson.finish()
