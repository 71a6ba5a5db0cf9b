# %% [markdown]
# # Progressive distillation
#
# Sampling with DDIM takes tens of calls of a network, and with fewer the samples get worse
# (`diffusion/10`). But DDIM is deterministic. The noise alone determines the sample, so a second
# network, a *student*, could learn where its *teacher* ends and go there in one step. Why not show
# it pairs of noise and finished samples? Each pair costs a whole path of the teacher. Can a student
# learn from short pieces of a path instead?
#
# It can learn to replace two steps with one, and then it is the next teacher. We find the target of
# such a step (section 1), ask what the network should predict and how to weight its errors (2), and
# write the algorithm down (3). Then we halve 64 steps to one in the plane (4), try the wrong weight
# (5), and halve again for digits (6). This lesson follows the part on progressive distillation of
# the section *Fewer Sampling Steps & Distillation* of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/).
#
# Before this lesson: `diffusion/04` (DDPM's loss), `diffusion/10` (DDIM), and for the digits
# `diffusion/09` (classifier-free guidance).

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
from minigen.data.mixture import GaussianMixture
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
from minigen.metrics.digits import class_gaussian_digits, judge_digits
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend

# %% [markdown]
# ## 1. One step instead of two
#
# Each *iteration* of progressive distillation halves the number of sampling steps (figure f09). How
# does one step end where two would?

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
    "The steps of a teacher, of its student, and of the student's student, from noise (left) to"
    " data (right). Compare each arrow with the two arrows above it.",
)

# %% [markdown]
# A step of DDIM from time $t$ to an earlier time $s$ predicts the clean data, $\hat x_0$, and keeps
# the fraction $r$ of the noise in $x_t$ that belongs to time $s$:
#
# $$x_s = \sqrt{\bar\alpha_s}\, \hat x_0 + r\,\big(x_t - \sqrt{\bar\alpha_t}\, \hat x_0\big),
# \qquad r = \sqrt{\frac{1 - \bar\alpha_s}{1 - \bar\alpha_t}}.$$
#
# Let's take two such steps by hand. There are three times with $\sqrt{\bar\alpha} = 0.8,\ 0.6,\
# 0.28$, so that the noise has the standard deviations $0.6,\ 0.8,\ 0.96$. The teacher starts at
# $x_3 = 0.76$. It predicts the noise 0.5, so $\hat x_0 = (0.76 - 0.96 \cdot 0.5)/0.28 = 1$, and its
# first step leads to $x_2 = 0.6 + 0.8 \cdot 0.5 = 1$. There it predicts the noise $-0.25$, so $\hat
# x_0 = (1 + 0.8 \cdot 0.25)/0.6 = 2$, and its second step leads to $x_1 = 1.6 - 0.6 \cdot 0.25 =
# 1.45$. The student has a single step from $x_3$ to $x_1$, with one prediction of the clean data.

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
    f"The target is {target.item():.2f}, because with r = 0.6/0.96 = 0.625 the step has to solve"
    " 1.45 = 0.8 x + 0.625 (0.76 − 0.28 x).",
    answer="another number between them",
)

# %% [markdown]
# In general the target is (Salimans and Ho 2022, algorithm 2)
#
# $$\tilde x_0 = \frac{x_{t-2} - r\,x_t}{\sqrt{\bar\alpha_{t-2}} - r\,\sqrt{\bar\alpha_t}}, \qquad
# r = \sqrt{\frac{1 - \bar\alpha_{t-2}}{1 - \bar\alpha_t}},$$
#
# where $x_{t-2}$ is the end of the teacher's two steps. It is a weighted mean of the teacher's two
# predictions. Here the second one weighs more.
#
# <details><summary>Derivation: the target, and its weights on the two predictions</summary>
#
# One step with $\tilde x_0$ has to end at the teacher's end, $x_{t-2} =
# \sqrt{\bar\alpha_{t-2}}\,\tilde x_0 + r\,(x_t - \sqrt{\bar\alpha_t}\,\tilde x_0)$. Collect $\tilde
# x_0$ and divide. At $t = 2$, $\bar\alpha_0 = 1$ and $r = 0$, so $\tilde x_0$ is the teacher's end
# itself.
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
# the same units, $\sigma_t$. A step of DDIM is then a straight line whose slope is the predicted
# noise. The student's step is the straight line from the start of two such segments to their end.

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
    "The teacher's two steps (blue) and the student's step (orange, dashed), continued to σ = 0."
    " Look at where the dashed line meets the axis.",
)

# %% [markdown]
# The dashed line is a chord of the teacher's path, and it meets $\sigma = 0$ at the target. If the
# path is straight, the chord is the path, and nothing is lost.
#
# ## 2. What the student predicts, and the weight of its errors
#
# Which network should hit this target? The network of `diffusion/04` predicts the noise. The clean
# data are then $\hat x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\, \hat\epsilon)/\sqrt{\bar\alpha_t}$, and
# an error of $\hat\epsilon$ is multiplied by $\sigma_t$. That is harmless for a sampler of many
# steps. But this factor is large where almost all of $x_t$ is noise, and every student takes its
# first step there. A one-step student takes no other.

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
# At $t = T$ a tiny error of the noise moves the clean data far away. Therefore the student predicts
# $v = \sqrt{\bar\alpha_t}\,\epsilon - \sqrt{1 - \bar\alpha_t}\,x_0$ instead (Salimans and Ho 2022).
# At small $t$ this is nearly the noise, and at large $t$ nearly minus the clean data. Together with
# $x_t = \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon$ it gives
#
# $$\sqrt{\bar\alpha_t}\,x_t - \sqrt{1 - \bar\alpha_t}\,v = \big(\bar\alpha_t + 1 -
# \bar\alpha_t\big)\,x_0 = x_0 ,$$
#
# without a division. The loss has the same weak spot. A plain squared error of the noise is a
# squared error of the clean data with the weight $1/\sigma_t^2 = \bar\alpha_t/(1 - \bar\alpha_t)$,
# the *signal-to-noise ratio* (SNR).

# %%
x, wrong = np.array([1.0, -2.0]), np.array([0.3, 0.1])  # x_2 by hand, and errors of its noise
errors = (x - 0.8 * wrong) / 0.6 - x / 0.6  # of the clean data
weighted = 0.36 / 0.64 * errors**2
lesson.check("SNR times the squared error of the clean data", weighted, equals=wrong**2)
print(f"SNR at T/2: {full.snr[T // 2]:.2f}, at T: {full.snr[T]:.1e}")

# %% [markdown]
# What that does to a student is the question of section 5. Salimans and Ho (2022) bound the weight
# from below. It is the SNR where that is large, and never less than 1.

# %%
lesson.exercise("diffusion/11/truncated_snr_weight")

# %%
lesson.check("weight at t = T", truncated_snr_weight(T, full), equals=1.0)
lesson.show_source(truncated_snr_weight)

# %% [markdown]
# This *truncated SNR*, $\max(\mathrm{SNR}, 1)$, is the weight of a squared error of the clean data.
# The network predicts $v$. What weight of a squared error *of $v$* gives the same loss?

# %%
lesson.exercise("diffusion/11/weight_of_v")

# %% [markdown]
# In $\hat x_0 = \sqrt{\bar\alpha_t}\, x_t - \sqrt{1 - \bar\alpha_t}\, v$ the square of an error of
# $v$ is multiplied by $1 - \bar\alpha_t$, and $(1 - \bar\alpha_t) \max(\mathrm{SNR}, 1) =
# \max(\bar\alpha_t, 1 - \bar\alpha_t)$.

# %%
times = np.arange(1, T + 1)
of_v = truncated_snr_weight(times, full) * (1 - full.alpha_bar[1:])
lesson.check("(1 - ᾱ) times the truncated SNR", of_v, equals=weight_of_v(times, full))
lesson.show_source(weight_of_v)

# %% [markdown]
# In terms of $v$ the weight lies between one half and one, so the loss is nearly a plain squared
# error of $v$. It is the loss of our students.

# %%
lesson.exercise("diffusion/11/student_loss")

# %%
x_t, v, wanted = np.array([[1.0, -1.0]]), np.array([[1.0, 2.0]]), np.array([[0.3, -2.0]])
predicted = predict_x0_from_v(x_t, 2, v, by_hand)
lesson.check("clean data from v at t = 2", predicted[0], equals=[0.6 - 0.8, -0.6 - 1.6])
loss = student_loss(v, wanted, x_t, 2, by_hand)
lesson.check("loss: the mean of 0.25 and 0.04, weight 1", loss, equals=0.145)

# %% [markdown]
# Every step has a weight of at least one half now. Section 5 tries what happens otherwise.
#
# ## 3. The two algorithms (figure f10)
#
# What has to change in the training of a diffusion model? Hardly anything. Salimans and Ho (2022)
# print the training of a model that predicts clean data beside the training of a student:
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

# %%
lesson.show_source(v_loss, distillation_target, student_loss, distillation_loss, halved)

# %% [markdown]
# The line that matters is the target. Many original samples $x_0$ can have led to the same $x_t$,
# and a network trained on them predicts their mean. The teacher's target $\tilde x_0$ is a function
# of $x_t$, so a student can predict it without error, and its prediction need not be a blurred
# mean.
#
# ## 4. In the plane: from 64 steps to one
#
# Does it work six times in a row? First we train a teacher for each of two densities, the two moons
# and a ring of eight narrow Gaussians. Each teacher predicts $v$ on a cosine schedule.

# %%
densities = {name: toy.get(name).standardized() for name in ("two_moons", "ring")}


def noised_batch(name, times, rng, n=512):
    """Clean points, a time for each among those given, and noise."""
    x0 = densities[name].sample(rng, n)
    return x0, rng.choice(times, n), rng.standard_normal(x0.shape, dtype=np.float32)


def teacher_of(name, steps):
    """A model of v for a density: the moving average of its training."""
    rng, lr = lesson.rng(f"teacher, {name}"), cosine(5e-3, steps)
    net = EpsMLP(rng, width=128, layers=4)

    def batch(rng):
        return noised_batch(name, np.arange(1, T + 1), rng, 256)

    def loss(net, x0, t, eps):
        return v_loss(net, x0, t, eps, full)

    step = descend(loss, net, batch, lr=lr, ema=0.999, rng=rng)
    lesson.fit(step, steps, state=step.state, label=f"teacher, {name}")
    return step.averaged


# %%
teachers = {name: teacher_of(name, lesson.steps(12_000, quick=5)) for name in densities}

# %% [markdown]
# Then the students, one training for each halving. Each student starts with the weights of its
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

# %% [markdown]
# We measure the sliced Wasserstein distance between 1,000 samples and 1,000 data points, and divide
# it by its *floor*, the same distance between two sets of data points. (All rows start from the
# same noise and are compared with the same ten sets of data. A common factor below 1 is chance, and
# only the differences between rows count.) Each student is compared with the teacher's own DDIM in
# as many steps from the same noise. We also count *outliers* of the students, samples with a lower
# density than 99 of 100 data points.


# %%
def sample(name, steps, x):
    """Samples of the student of so many steps, from the noise x."""
    model, schedule = families[name][steps]
    return ddim(eps_model_from_v(model, full), x, schedule)


def draw(rng, n):
    return sample("two_moons", 1, rng.standard_normal((n, 2), dtype=np.float32))


def over_floor(x, density):
    """Mean distance of sets of n samples to new sets of data, in units of the floor."""
    rng = lesson.rng("judge")

    def distance(a, b):
        return sliced_wasserstein(a, b, 100, rng)

    floor = sampling_floor(distance, density.sample, n, rng, repeats=lesson.size(40, quick=2)).mean
    parts = np.split(x, len(x) // n)
    return np.mean([distance(part, density.sample(rng, n)) for part in parts]) / floor


# %%
sets, n = lesson.size(10, quick=2), lesson.size(1000, quick=50)
start = lesson.rng("start").standard_normal((sets * n, 2), dtype=np.float32)
rare, gaussians = {}, {}
for name, density in densities.items():
    many = density.sample(lesson.rng("many"), lesson.size(20_000, quick=1000)).astype(float)
    rare[name] = np.quantile(density.log_prob(many), 0.01)
    fit = GaussianMixture([many.mean(axis=0)], covariances=[np.cov(many.T)])
    gaussians[name] = fit.sample(lesson.rng("Gaussian"), len(start))


def outliers(x, name):
    """The percentage of x with a lower density than 99 of 100 data points."""
    return 100 * np.mean(densities[name].log_prob(x.astype(float)) < rare[name])


lesson.sampler("two moons, one step", draw)

# %%
lesson.predict(
    "From pure noise to the moons in a single step: how far from the data, in floors, do the"
    " teacher and the student end?",
    [
        "both near 1",
        "both above 1.5",
        "the teacher above 1.5, the student near 1",
    ],
)

# %%
counts = list(families["two_moons"])
by_teacher, by_student, scores, rows = {}, {}, {}, []
for k in counts:
    for name, density in densities.items():
        own = eps_model_from_v(teachers[name], full)
        by_teacher[name, k] = ddim(own, start, full, steps=k)
        by_student[name, k] = sample(name, k, start)
        scores[name, k] = [over_floor(x[name, k], density) for x in (by_teacher, by_student)]
    off = [outliers(by_student[name, k], name) for name in densities]
    rows.append([k, *scores["two_moons", k], off[0], *scores["ring", k], off[1]])
trivial = [
    (over_floor(gaussians[name], density), outliers(gaussians[name], name))
    for name, density in densities.items()
]

# %%
far, near = scores["two_moons", 1]
apart = "the teacher above 1.5, the student near 1"
lesson.outcome(
    f"The teacher ends {far:.1f} floors away, because from pure noise its one step leads to the"
    f" mean of all data, the best prediction there. The student ends {near:.2f} floors away.",
    answer=apart if near < 1.5 < far else "both above 1.5" if near >= 1.5 else "both near 1",
)
rows.append(["one Gaussian", trivial[0][0], "", trivial[0][1], trivial[1][0], "", trivial[1][1]])
who = ["teacher", "student", "student's outliers, %"]
columns = ["steps", *(f"moons: {name}" for name in who), *(f"ring: {name}" for name in who)]
lesson.table(rows, columns, "distance / floor")

# %%
lesson.claim(
    "two_moons: one step, distance / floor",
    scores["two_moons", 1][1],
    at_most=1.6,
    source="seeds 0, 1 and 7307: 0.82 to 0.96 (a fourth: 1.25); margin: a quarter; untrained: 13",
)
lesson.claim(
    "ring: one step, distance / floor",
    scores["ring", 1][1],
    at_most=1.6,
    source="seeds 0, 1 and 7307: 0.86 to 1.20; margin: a third; untrained: 17",
)

# %%
for name in densities:
    one_step = scores[name, 1][1]
    lesson.claim(
        f"{name}: one step of the student over {counts[0]} of the teacher",
        one_step / scores[name, counts[0]][0],
        at_most=1.2,
        source="seeds 0, 1 and 7307: 1.01 to 1.08; margin: a ninth; equal: 1; untrained: 3.1",
    )
    lesson.claim(
        f"{name}: one step, the teacher's distance over the student's",
        scores[name, 1][0] / one_step,
        at_least=11,
        source="seeds 0, 1 and 7307: 16.5 to 21.9; margin: a third; untrained: 1.2",
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
    "Samples (orange) over the density of the moons (blue) in 8, 4, 2 and 1 steps, by the teacher"
    " (top) and by the students (bottom). Compare the two rows from left to right.",
)

# %% [markdown]
# The teacher falls apart as its steps get fewer. On the moons it is as far away as one Gaussian
# with four steps already, and on both densities with two it is much farther. The students keep
# their distance all the way down to one step. But their outliers grow at each halving. On the ring
# 13 % of the samples are outliers in the end, after 1.4 % with 64 steps, and the distance has
# hardly noticed.
#
# The students were trained to end where the teacher ends, which is more than to produce similar
# samples. How far are their samples from those of the teacher's 64 steps from the same noise? And
# does each halving add its own error to what it was taught? We also measure how far each student is
# from its own teacher, the student with twice as many steps.

# %%
goal = by_teacher["two_moons", T]
others = goal[lesson.rng("others").permutation(len(goal))]


def median_distance(a, b):
    return np.median(np.linalg.norm(a - b, axis=1))


unrelated, gaps, rows = median_distance(goal, others), {}, []
for k in counts[1:]:
    gaps[k] = median_distance(by_student["two_moons", k], goal)
    own = median_distance(by_student["two_moons", k], by_student["two_moons", 2 * k])
    rows.append([k, gaps[k], own, gaps[k] / unrelated])
columns = [
    "steps",
    "to the 64 steps",
    "to its own teacher",
    "to the 64 steps, over unrelated samples",
]
lesson.table(rows, columns, "median distance from the same noise")

# %%
lesson.claim(
    "moons, same noise: median distance of one step to the teacher's sample",
    gaps[1],
    at_most=0.03,
    source="seeds 0, 1 and 7307: 0.018 to 0.023; margin: a third; untrained: 0.97; unrelated: 1.7",
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
    "Paths (orange) from twelve starting points (open dots), the same in each panel, over the"
    " density of the moons (blue). Follow one path from panel to panel.",
)

# %% [markdown]
# The one-step student ends within about a hundredth of the distance of unrelated samples. So it has
# learned the teacher's map, and not only its distribution. The first column grows at each halving,
# and the second shows that every student has an error of its own. The two do not simply add up. In
# the last row the student is even a little nearer to the 64 steps than to its own teacher. The last
# halving has the largest error. In the figure the paths of 64 steps curve, and the students take
# straight steps to nearly the same ends.
#
# ## 5. The wrong weight
#
# Was the weight worth a section? We repeat the halving from four steps to two with the plain SNR
# instead of the truncated one, and nothing else changed. The student's two steps start at $t = T$
# and $t = T/2$. Before training it is a copy of its teacher, and its prediction from pure noise has
# an error.

# %%
lesson.predict(
    "By how much will training with the weight SNR reduce this error of the prediction at t = T?",
    ["by more than 80 %", "by about half", "by less than a quarter"],
)


# %%
def snr_loss(student, teachers_noise, x0, t, eps, schedule):
    """As `distillation_loss`, but errors of the clean data are weighted by the SNR."""
    x_t = q_sample(x0, t, eps, schedule)
    target = distillation_target(teachers_noise, x_t, t, schedule)
    predicted = predict_x0_from_v(x_t, t, student(x_t, schedule.times[t]), schedule)
    return np.mean(schedule.snr[t].astype("f4")[:, None] * (predicted - target) ** 2)


# %%
four, of_four = families["two_moons"][4]
steps = lesson.steps(1000, quick=3)
by_snr = student_of("two_moons", four, of_four, "two_moons, SNR alone", steps, snr_loss)


def first_step_error(student):
    """Root mean square of the error of the prediction in the step from pure noise."""
    target = distillation_target(eps_model_from_v(four, full), start, 4, of_four)
    v = student(start, np.full(len(start), T))
    return np.sqrt(np.mean((predict_x0_from_v(start, T, v, full) - target) ** 2))


errors = {"teacher": first_step_error(four), "SNR": first_step_error(by_snr)}
errors["truncated SNR"] = first_step_error(families["two_moons"][2][0])
learned = 1 - errors["SNR"] / errors["teacher"]
by_two = [ddim(eps_model_from_v(v, full), start, halved(of_four)) for v in (four, by_snr)]
untrained, snr_score = (over_floor(x, densities["two_moons"]) for x in by_two)

# %%
lesson.outcome(
    f"The error goes from {errors['teacher']:.3f} to {errors['SNR']:.3f} with the SNR, and to"
    f" {errors['truncated SNR']:.3f} with the truncated SNR, because the SNR at t = T is only"
    f" {full.snr[T]:.1e} and the loss hardly depends on the first step.",
    answer="by more than 80 %"
    if learned > 0.8
    else "by about half"
    if learned > 0.25
    else "by less than a quarter",
)
rows = [
    ["before training: the teacher", errors["teacher"], untrained],
    ["SNR", errors["SNR"], snr_score],
    ["truncated SNR", errors["truncated SNR"], scores["two_moons", 2][1]],
]
lesson.table(rows, ["weight", "error of the first step", "two steps: distance / floor"])

# %%
lesson.claim(
    "error of the first step, SNR over truncated SNR",
    errors["SNR"] / errors["truncated SNR"],
    at_least=25,
    source="seeds 0, 1 and 7307: 52 to 63; margin: a half; untrained: 1",
)
lesson.claim(
    "two steps: distance, SNR over truncated SNR",
    snr_score / scores["two_moons", 2][1],
    at_least=1.7,
    source="seeds 0, 1 and 7307: 2.1 to 2.6; margin: a fifth; untrained: 1",
)

# %% [markdown]
# With the plain SNR the first step stays what it was. The second step has nearly its usual weight,
# so the samples come nearer than before the training, from 4.1 floors to 2.1. With the truncated
# SNR they come to 0.8. A plain squared error of the noise has the same weights as the SNR (section
# 2), so it would neglect the first step as well. The weight that lets the first step count is part
# of the method.
#
# ## 6. Digits: from sixteen steps to one
#
# Does it work for images, and for a guided teacher? The teacher is the class-conditional base model
# of these lessons (pretrained; `diffusion/09` shows its training), a U-Net that predicts $v$ at 200
# times. We keep 16 of them for DDIM and train four students, each for a few hundred steps, the last
# two for longer. The teacher uses classifier-free guidance with $w = 0.5$, which takes two calls of
# its network in each step:
#
# $$\bar\epsilon = 1.5\,\epsilon_\theta(x_t, t, y) - 0.5\,\epsilon_\theta(x_t, t).$$
#
# The student's target depends only on the point where the teacher's two steps end, and the student
# learns to reach that point with *one* call. So the first halving also distills the guidance, for
# this $w$. (Meng et al. 2023 distill it in a separate first stage, with a student that receives $w$
# as an input, and only then halve the steps.)

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
        "1.5 times the mean of class y minus 0.5 times the mean of all digits",
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
lesson.check("guided prediction minus the mixture: largest pixel", gap, at_most=0.02)

# %%
of_class = np.array([pixels[labels_of == y].mean(axis=0) for y in digit])
mixture = 1.5 * of_class - 0.5 * pixels.mean(axis=0)
rows = [
    [name, np.sqrt(np.mean((both - image) ** 2)), np.sqrt(np.mean((given - image) ** 2))]
    for name, image in (("mean of the class", of_class), ("1.5 and −0.5", mixture))
]
lesson.outcome(
    "The best prediction from pure noise is a mean, E[x | y] given the label and E[x] without it."
    " So the guided teacher predicts 1.5 E[x | y] − 0.5 E[x], because the clean data are linear in"
    " the predicted noise.",
    answer="1.5 times the mean of class y minus 0.5 times the mean of all digits",
)
lesson.table(rows, ["image", "guided", "w = 0"], "root mean square difference of a pixel")

# %% [markdown]
# One step of the teacher draws a blurred mean instead of a digit, with guidance or without. Now the
# students.


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


judge, count = lesson.pretrained("digit_classifier"), lesson.size(2000, quick=20)
rng, y = lesson.rng("digits to judge"), np.arange(count) % 10
x_T = rng.standard_normal((count, 28, 28, 1), dtype=np.float32)
reference = mnist.unit(split.test.images)[: lesson.size(10_000, quick=50)]

# %%
own_steps = {k: base.schedule.subset(spaced_timesteps(base.schedule.T, k)) for k in digits}
by_base = {k: in_parts(guided, own_steps[k], x_T, y) for k in digits}
by_pupil = {k: in_parts(*digits[k], x_T, y) for k in digits if k < first.T}
reports = {("teacher", k): judge_digits(judge, x, reference, y) for k, x in by_base.items()}
reports |= {("student", k): judge_digits(judge, x, reference, y) for k, x in by_pupil.items()}
some = mnist.unit(split.train.images[:10_000]), split.train.labels[:10_000]
drawn = class_gaussian_digits(*some, lesson.rng("class Gaussians"), count)
real = mnist.unit(split.validation.images[:count]), split.validation.labels[:count].astype(int)
for who, (x, labelled) in {"a Gaussian for each class": drawn, "real digits": real}.items():
    reports[who, ""] = judge_digits(judge, x, reference, labelled)
rows = [
    [who, k, report.frechet, report.recall, 100 * report.accuracy]
    for (who, k), report in reports.items()
]
lesson.sampler("digits, one step", draw_digits, default=True)

# %% [markdown]
# We compute the *Fréchet distance* of 2,000 samples to the test digits, in the features of a
# classifier that was trained on real digits only, the fraction of the test digits that the samples
# cover (recall), and the fraction of samples to which the classifier assigns their label. The last
# two rows give the same for digits without any network, a Gaussian for each class, and for 2,000
# other real digits.

# %%
columns = ["digits", "steps", "Fréchet distance", "recall", "class confirmed, %"]
lesson.table(rows, columns)
ratios = {k: reports["teacher", k].frechet / reports["student", k].frechet for k in by_pupil}

# %%
one_step = reports["student", 1].frechet
lesson.claim(
    "digits, one step: Fréchet distance",
    one_step,
    at_most=37,
    source="seeds 0, 1 and 7307: 25 to 29; margin: three tenths; DDIM: 358; untrained: 678",
)
lesson.claim(
    "digits, two steps: Fréchet distance",
    reports["student", 2].frechet,
    at_most=19,
    source="seeds 0, 1 and 7307: 13.2 to 15.4; margin: a quarter; DDIM: 67; untrained: 248",
)

# %%
if 4 in by_pupil:
    four_steps = reports["student", 4].frechet
    lesson.claim(
        "digits, four steps: Fréchet distance",
        four_steps,
        at_most=13,
        source="seeds 0, 1 and 7307: 8.7 to 10.2; margin: a quarter; DDIM: 22; untrained: 78",
    )
lesson.claim(
    "digits, one step: Fréchet distance, teacher over student",
    ratios[1],
    at_least=8.5,
    source="seeds 0, 1 and 7307: 12.6 to 14.1; margin: a third; untrained: 0.5",
)

# %%
lesson.claim(
    "digits, two steps: Fréchet distance, teacher over student",
    ratios[2],
    at_least=3,
    source="seeds 0, 1 and 7307: 4.4 to 5.0; margin: a third; untrained: 0.3",
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
    "Digits of the teacher and of the students in 16 to 1 steps; each column has one noise and one"
    " label. Compare each row of a student with the first row, the teacher's sixteen steps.",
)

# %% [markdown]
# With four steps or fewer, a student's distance is less than half of that of the guided base model
# in as many steps, although each of these takes two calls. With one step it is less than a tenth.
# Recall falls more slowly, too. The student of eight steps is about as good as the teacher's
# sixteen, each of which took two calls because of the guidance. (The last column rewards typical
# digits and does not measure quality. The classifier confirms every image that one step of the
# teacher draws.) The price is a training for each halving, and the distance still grows at each.
#
# ## Which of these would you use?
#
# - **You may not train anything.** Take DDIM with as many steps as you can afford (`diffusion/10`).
# - **You have a good teacher and want one to eight calls.** Take progressive distillation. Each
#   halving costs some quality, so stop where you can still afford the loss. The guidance of one
#   fixed $w$ then costs no extra calls.
# - **You have no teacher, or time for one training only.** Read on. A consistency model needs no
#   halvings (`diffusion/12`).
#
# ## What this lesson does differently
#
# We start with 64 steps in the plane and 16 on digits, Salimans and Ho (2022) with as many as
# 8,192. Our guided teacher has one fixed $w$, and we leave out a student that receives $w$ (Meng et
# al. 2023). We do not run the rival of the opening, a student of pairs of noise and finished
# samples.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# The post's sentences on progressive distillation are right. They are short, and two things that
# decide whether the method works are found only in the figure beside them, “Comparison of Algorithm
# 1 (diffusion model training) and Algorithm 2 (progressive distillation) side-by-side”:
#
# - “denoises towards a target where one student DDIM step matches 2 teacher steps”: the text has no
#   formula of this target. Algorithm 2 has it, and section 1 derives it.
# - “instead of using the original sample $\mathbf{x}_0$ as the denoise target”: the text does not
#   say how errors are weighted. The algorithms have a weight of an error of the clean data, without
#   saying which. Section 5 shows that it matters.
#
# ## To remember
#
# - A student learns to reach in one step of DDIM the point that its teacher reaches in two.
# - Its target is a weighted mean of the teacher's two predictions. It is a function of $x_t$, so a
#   student can reach it without error.
# - Predict $v$, and do not let the loss ignore the step from pure noise.
#
# **Next:** consistency models (`diffusion/12`) learn the jump to the data in one training, without
# halvings.
#
# **Your turn:** `minigen exercise start diffusion/11`, then `minigen run diffusion/11 --with
# exercises/diffusion_11.py`.

# %%
lesson.finish()
