# %% [markdown]
# # Progressive distillation: halve the steps, again and again
#
# The first half of what *Fewer Sampling Steps & Distillation* (diffusion.s14) of [What are
# Diffusion Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/) says on
# distillation, run: Salimans and Ho, 2022. Read `diffusion/10` (DDIM) first. To take away:
#
# 1. A *student* learns to make in one step of DDIM what its *teacher* makes in two. Then it is the
#    teacher of the next. Six times over, 64 steps are one.
# 2. What it learns is an ordinary prediction of clean data; only the target is new.
# 3. The weight of the error decides what a student learns where all is noise.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/11_progressive_distillation",
    title="Progressive distillation: halve the steps, again and again",
    post="diffusion",
    sections=["diffusion.s14"],
    figures=["diffusion.f09", "diffusion.f10"],
    equations=[],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=8.0,
    sources=["weng2021diffusion", "salimans2022distillation", "meng2023guided"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist, toy
from minigen.diffusion.ddpm import eps_model_from_v, predict_x0_from_v, q_sample, v_loss
from minigen.diffusion.guidance import classifier_free, conditional
from minigen.diffusion.distillation import distillation_loss, distillation_target, halved
from minigen.diffusion.distillation import student_loss, truncated_snr_weight, weight_of_v
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.samplers import Trajectory, ddim, ddim_step
from minigen.diffusion.schedule import Schedule, spaced_timesteps
from minigen.metrics import sampling_floor, sliced_wasserstein
from minigen.metrics.digits import judge_digits
from minigen.optim import cosine
from minigen.tensor import batched
from minigen.train import descend

# %% [markdown]
# ## 1. By hand: two steps in one
#
# A step of DDIM from time $t$ to time $s$ guesses the clean data, $\hat x_0$, and goes there part
# of the way: it keeps of the noise in $x_t$ the share that fits time $s$.
#
# $$x_s = \sqrt{\bar\alpha_s}\, \hat x_0 + r\,\big(x_t - \sqrt{\bar\alpha_t}\, \hat x_0\big),
# \qquad r = \sqrt{\frac{1 - \bar\alpha_s}{1 - \bar\alpha_t}}.$$
#
# Take three time steps with the roots $\sqrt{\bar\alpha} = 0.8,\ 0.6,\ 0.28$ (so the noise is
# $0.6,\ 0.8,\ 0.96$), and the number $x_3 = 0.76$. The teacher first guesses that the noise is 0.5,
# that is $\hat x_0 = (0.76 - 0.96 \cdot 0.5)/0.28 = 1$, and goes to $x_2 = 0.6 + 0.8 \cdot 0.5 =
# 1$. There it thinks again, guesses the noise $-0.25$, that is $\hat x_0 = 2$, and ends at $x_1 =
# 1.45$.
#
# A student has one step for all that.

# %%
lesson.predict(
    "The teacher aimed at 1 and then at 2. At which clean data must one step from x_3 aim, to end"
    " at the same x_1 = 1.45?",
    [
        "1, the first guess",
        "2, the second guess",
        "1.5, their mean",
        "another number between",
        "a number beyond both",
    ],
)

# %% [markdown]
# Solve the step above for $\hat x_0$. For whole batches, with a teacher that is a network, it is
# yours to write:

# %%
lesson.exercise("diffusion/11/distillation_target")

# %%
by_hand = Schedule.from_alpha_bar([0.64, 0.36, 0.0784])
x3 = np.array([[0.76]])


def thoughtful(x, t):
    """A teacher that says 0.5 at t = 3 and -0.25 at t = 2."""
    return 0 * x + np.where(t == 3, 0.5, -0.25)[:, None]


aim = distillation_target(thoughtful, x3, 3, by_hand)
noise = (x3 - 0.28 * aim) / 0.96  # what the student has to guess as noise
lesson.check("the student's end", ddim_step(x3, 3, 1, noise, None, by_hand), equals=1.45)

# %%
lesson.check("where it aims", aim, equals=(1.45 - 0.625 * 0.76) / (0.8 - 0.625 * 0.28))
lesson.outcome(
    f"At {aim.item():.2f}: with r = 0.6/0.96 = 0.625, (1.45 - 0.625 · 0.76) / (0.8 - 0.625 · 0.28)."
    " Both guesses count, and how much each one does depends on how far its step went.",
    answer="another number between",
)

# %%
lesson.change(
    "the same noise twice",
    "Let the teacher give the same noise at both times: in `thoughtful`, change the -0.25 to 0.5, "
    "and run again. Where does the student aim now?",
    answer="At 1.0, where the teacher aims both times: from x_3 it goes to 1 and then to 1.1, and "
    "both steps keep the same guess of the clean data. A student loses something only where its "
    "teacher changes its prediction.",
)

# %% [markdown]
# There is a picture in which this is plain. Divide $x_t$ by $\sqrt{\bar\alpha_t}$, and measure time
# by the noise in the same units, $\sigma_t = \sqrt{(1 - \bar\alpha_t)/\bar\alpha_t}$. Then a step
# of DDIM is a straight line whose slope is the guessed noise. Two steps are two pieces of line, and
# the student's step is the straight line from the beginning to the end. Where it would meet $\sigma
# = 0$, there is its target.

# %%
sigma = by_hand.sigma
x2 = ddim_step(x3, 3, 2, thoughtful(x3, np.array([3])), None, by_hand)
x1 = ddim_step(x2, 2, 1, thoughtful(x2, np.array([2])), None, by_hand)
stops = np.array([x3.item() / 0.28, x2.item() / 0.6, x1.item() / 0.8])  # divided by the root

# %%
fig, ax = plot.figure(size=(5.6, 3.4))
ax.plot(sigma[[3, 2, 1]], stops, "o-", color=plot.color.real, label="teacher, two steps")
ends = [stops[0], aim.item()]
ax.plot([sigma[3], 0], ends, "--", color=plot.color.fake, label="student, one step, and its aim")
ax.plot(0, aim.item(), "o", color=plot.color.fake)
for k, y in zip((3, 2, 1), stops):
    ax.annotate(f"$t = {k}$", (sigma[k], y), (4, -14), textcoords="offset points")
ax.set(xlabel="noise σ", ylabel=r"$x_t / \sqrt{\bar\alpha_t}$", title="two steps and one")
ax.legend()
lesson.figure(
    fig,
    "chord",
    "The student's line goes through the first and the last of the teacher's points.",
)

# %% [markdown]
# That is one halving. Then the student becomes the teacher, and half of *its* steps fall away
# (figure f09).

# %%
boxes, arrows = {}, []
for row, stride in enumerate((1, 2, 4)):
    for t in range(4, -1, -stride):
        look = ("data", "$x_0$") if t == 0 else ("noise", f"$x_{t}$")
        boxes[f"{row}.{t}"] = plot.node(look[1], look[0], (5 - t, row))
        if t < 4:
            arrows.append(f"{row}.{t + stride} -> {row}.{t}")
    name = ("teacher\n4 steps", "student\n2 steps", "its student\n1 step")[row]
    boxes[f"{row}"] = plot.node(name, "frozen" if row == 0 else "model", (0, row))
fig = plot.schematic(boxes, arrows)
lesson.figure(
    fig,
    "f09_halving",
    "From the top down: each row begins at the same noise and ends, if all goes well, at the same"
    " data. An arrow of one row stands for two of the row above.",
)

# %% [markdown]
# ## 2. What to predict, and how much an error weighs
#
# The student could predict noise, as its teacher in `diffusion/04` did. But its last and longest
# step begins where $x_T$ is nothing but noise. There the noise is known (it is $x_T$), and a guess
# of it that is off by a little makes clean data that is off by much:

# %%
T = lesson.size(64, quick=8)
full = Schedule.cosine(T)
off_by = 0.001
rows = [[t, full.alpha_bar[t], off_by * full.sigma[t]] for t in (1, T // 2, T - 1, T)]
lesson.table(
    rows,
    ["t", "signal left", "error of the clean data"],
    f"A guess of the noise that is off by {off_by}",
)

# %% [markdown]
# So the student predicts (Salimans and Ho) $v = \sqrt{\bar\alpha_t}\,\epsilon - \sqrt{1 -
# \bar\alpha_t}\,x_0$, which is noise where there is little of it and (minus) clean data where all
# is noise. Then $\hat x_0 = \sqrt{\bar\alpha_t}\, x_t - \sqrt{1 - \bar\alpha_t}\, v$ divides by
# nothing.
#
# And the loss? A squared error of $\epsilon$ is, in terms of clean data, one with the weight
# $\bar\alpha_t/(1 - \bar\alpha_t)$, the *signal-to-noise ratio* (SNR).

# %%
lesson.predict(
    "With the SNR as its weight, how much does an error at t = T count, next to the same error at"
    " t = T/2?",
    ["more", "about half as much", "about a tenth", "less than a thousandth"],
)

# %%
half_and_end = np.array([T // 2, T])
at_half, at_end = full.snr[half_and_end]
share = at_end / at_half
lesson.outcome(
    f"The ratio is {at_half:.2f} at T/2 and {at_end:.1e} at T: {share:.1e} times as much.",
    answer="less than a thousandth" if share < 1e-3 else "about a tenth",
)

# %% [markdown]
# So the loss would hardly see the step from pure noise, and for a student of one step there is no
# other. The cure is to hold the weight up, by a floor: it is the SNR where that is large, and never
# below 1.

# %%
lesson.exercise("diffusion/11/truncated_snr_weight")

# %%
lesson.check("truncated", truncated_snr_weight(T, full), equals=1.0)
lesson.show_source(truncated_snr_weight)

# %% [markdown]
# This is $\max(\mathrm{SNR}, 1)$, the *truncated SNR*. It weighs an error of the clean data. The
# network predicts $v$: which weight of an *error of $v$* is the same?

# %%
lesson.exercise("diffusion/11/weight_of_v")

# %%
times = np.arange(1, T + 1)
of_v = truncated_snr_weight(times, full) * (1 - full.alpha_bar[1:])
lesson.check("weight of an error of v: max(signal, noise)", of_v, equals=weight_of_v(times, full))
lesson.show_source(weight_of_v)

# %% [markdown]
# In terms of $v$ that is a weight between one half and one: nearly a plain squared error. It is
# what we train with.

# %%
lesson.exercise("diffusion/11/student_loss")

# %%
x_t, v, wanted = np.array([[1.0, -1.0]]), np.array([[1.0, 2.0]]), np.array([[0.3, -2.0]])
guess = predict_x0_from_v(x_t, 2, v, by_hand)
lesson.check("clean data from v at t = 2", guess[0], equals=[0.6 - 0.8, -0.6 - 1.6])
loss = student_loss(v, wanted, x_t, 2, by_hand)
lesson.check("loss: the mean of 0.25 and 0.04, weight 1", loss, equals=0.145)

# %% [markdown]
# ## 3. The two algorithms (figure f10)
#
# Side by side: the training of any diffusion model that predicts clean data, and that of a student.
#
# | step | diffusion | distillation |
# |---|---|---|
# | begin | with random weights | with the teacher's weights |
# | draw | $x_0$ from the data | $x_0$ from the data |
# | draw | $t$ among all steps | $t$ among every second one |
# | draw | $\epsilon$ from $\mathcal N(0, I)$ | $\epsilon$ from $\mathcal N(0, I)$ |
# | noise | $x_t = \sqrt{\bar\alpha_t} x_0 + \sqrt{1 - \bar\alpha_t} \epsilon$ | the same |
# | target | $x_0$ | $\tilde x_0$: two steps of DDIM by the teacher, solved for the aim |
# | loss | $w_t \lVert x_0 - \hat x_0 \rVert^2$ | $w_t \lVert \tilde x_0 - \hat x_0 \rVert^2$ |
# | at the end | done | the student is the teacher, every second step is left; again |
#
# Why is the second one easier? Given $x_t$, the true $x_0$ is any of many, and the network can only
# learn their mean. The teacher's $\tilde x_0$ is *one*, a function of $x_t$: a student can be right
# about it, and sharp.

# %%
lesson.show_source(v_loss, distillation_target, student_loss, distillation_loss, halved)

# %% [markdown]
# ## 4. In the plane: 64 steps to one
#
# First a teacher for each of two densities: it predicts $v$ on a cosine schedule.

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
    """A model of v for a density, the moving average of its training."""
    rng = lesson.rng(f"teacher, {name}")
    net = EpsMLP(rng, width=128, layers=4)

    def batch(rng):
        return noised_batch(name, np.arange(1, T + 1), rng, 256)

    step = descend(plain_loss, net, batch, lr=cosine(5e-3, steps), ema=0.999, rng=rng)
    lesson.fit(step, steps, state=step.state, label=f"teacher, {name}")
    return step.averaged


teachers = {name: teacher_of(name, lesson.steps(12_000, quick=5)) for name in densities}

# %% [markdown]
# Now the students. One training for each halving, each begins where the last one ended.


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
    """Samples of the student of so many steps."""
    model, schedule = families[name][steps]
    return ddim(eps_model_from_v(model, full), x, schedule)


def draw(rng, n):
    return sample("two_moons", 1, rng.standard_normal((n, 2), dtype=np.float32))


lesson.sampler("two moons, one step", draw)

# %% [markdown]
# To judge them: the distance (sliced Wasserstein) between 1,000 samples and 1,000 true points, over
# its *floor*, which is what two sets of true points have between them. The mean of ten sets. Next
# to each student stands its teacher's own DDIM with as many steps, all from the same noise.

# %%
lesson.predict(
    "One step from noise to the moons. The teacher's DDIM and the student will be, in floors,",
    ["both near 1", "both far off", "the teacher far off, the student near 1"],
)

# %%
sets, n = lesson.size(10, quick=2), lesson.size(1000, quick=50)
start = lesson.rng("start").standard_normal((sets * n, 2), dtype=np.float32)


def over_floor(x, density):
    """Mean distance of sets of n samples to fresh sets of the truth, in units of the floor."""
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
    ["steps", "moons: teacher", "student", "ring: teacher", "student"],
    "distance / floor",
)

# %%
far, near = scores["two_moons", 1]
apart = "the teacher far off, the student near 1"
lesson.outcome(
    f"{far:.1f} floors for the teacher, {near:.2f} for the student. One step of the teacher leads"
    " to the mean of all data that its noise could have come from, and from pure noise that is the"
    " mean of everything.",
    answer=apart if near < 1.5 < far else "both far off" if near >= 1.5 else "both near 1",
)

# %%
for name in densities:
    one_step, all_steps = scores[name, 1][1], scores[name, counts[0]][0]
    lesson.claim(
        f"{name}: one step, distance / floor", one_step, at_most=1.4, source="the aim is 1.2"
    )
    lesson.claim(
        f"{name}: one step over the teacher's {counts[0]}", one_step / all_steps, at_most=1.2
    )
    ratio = scores[name, 1][0] / scores[name, 1][1]
    lesson.claim(f"{name}: one step, teacher's over student's", ratio, at_least=5)

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
    "Above, the teacher in a hurry: with ever fewer steps its samples shrink to their mean. Below,"
    " the students.",
)

# %% [markdown]
# The students were taught to end where the teacher ends, not only to look alike. From the same
# noise, how far from the teacher's 64-step sample do they come out?

# %%
goal = by_teacher["two_moons", T]
others = goal[lesson.rng("others").permutation(len(goal))]
strangers = np.median(np.linalg.norm(goal - others, axis=1))
gaps = {k: np.median(np.linalg.norm(by_student["two_moons", k] - goal, axis=1)) for k in counts[1:]}
lesson.table(
    [[k, gap, gap / strangers] for k, gap in gaps.items()],
    ["steps", "median distance", "over that of two samples"],
)
lesson.claim("moons: one step against the teacher's end, same noise", gaps[1], at_most=0.15)

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
    "Twelve starts (open dots), the same in each picture. The teacher's paths bend; the students"
    " cut their corners and come to the same ends.",
)

# %% [markdown]
# ## 5. Left out: the truncation
#
# The halving from four steps to two, once more, with the plain SNR as weight. The student's two
# steps begin at $t = T$ and $t = T/2$.

# %%
lesson.predict(
    "Of the error that an untrained copy of the teacher makes in the step from t = T, how much will"
    " this student unlearn?",
    ["nearly all", "about half", "next to nothing"],
)


# %%
def snr_loss(student, teachers_noise, x0, t, eps, schedule):
    """As `distillation_loss`, but an error of the clean data has the weight SNR."""
    x_t = q_sample(x0, t, eps, schedule)
    target = distillation_target(teachers_noise, x_t, t, schedule)
    guess = predict_x0_from_v(x_t, t, student(x_t, schedule.times[t]), schedule)
    return np.mean(schedule.snr[t].astype("f4")[:, None] * (guess - target) ** 2)


# %%
four, of_four = families["two_moons"][4]
steps = lesson.steps(1000, quick=3)
blind = student_of("two_moons", four, of_four, "two_moons, SNR alone", steps, snr_loss)
seen = families["two_moons"][2][0]


def first_step_error(student):
    """Root mean square of the error of the aim in the step from pure noise."""
    aim = distillation_target(eps_model_from_v(four, full), start, 4, of_four)
    v = student(start, np.full(len(start), T))
    return np.sqrt(np.mean((predict_x0_from_v(start, T, v, full) - aim) ** 2))


# %%
errors = {"teacher": first_step_error(four), "SNR": first_step_error(blind)}
errors["truncated SNR"] = first_step_error(seen)
two = halved(of_four)
x = ddim(eps_model_from_v(blind, full), start, two)
blind_score = over_floor(x, densities["two_moons"])
lesson.table(
    [
        ["not trained: its teacher", errors["teacher"], "-"],
        ["SNR", errors["SNR"], blind_score],
        ["truncated SNR", errors["truncated SNR"], scores["two_moons", 2][1]],
    ],
    ["weight", "error of the first step", "two steps: distance / floor"],
)

# %%
learned = 1 - errors["SNR"] / errors["teacher"]
good = 1 - errors["truncated SNR"] / errors["teacher"]
lesson.outcome(
    f"{100 * learned:.0f} % of it; with the truncated weight {100 * good:.0f} %.",
    answer="nearly all" if learned > 0.8 else "about half" if learned > 0.25 else "next to nothing",
)
lesson.claim(
    "error of the first step: with SNR alone over with the truncated SNR",
    errors["SNR"] / errors["truncated SNR"],
    at_least=5,
)
lesson.claim(
    "two steps: distance with SNR alone over that with the truncated SNR",
    blind_score / scores["two_moons", 2][1],
    at_least=1.2,
)

# %% [markdown]
# From pure noise the SNR's weight is a few millionths: the loss does not see the student's first
# step. Nor would a loss of $\epsilon$, which is the same.
#
# ## 6. Digits: sixteen steps to one
#
# The teacher is the class-conditional base model of these lessons, a U-Net that predicts $v$, with
# 200 steps; it comes with the package, trained as `diffusion/09` says. We let DDIM take 16 of them
# and halve from there: four students, trained for a few hundred steps each, the last two, whose
# task is the hardest, for longer.
#
# The teacher is guided, without a classifier (`diffusion/09`), since its digits are better so. That
# costs it two calls of its network for each step. Nothing in the algorithm minds: the student is
# shown where the teacher's two steps end, and answers with *one* call. Guidance is learned along
# with the first halving (Meng et al. 2023).

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
def digit_batches(schedule, rng, n=64):
    """A function that draws digits, their times, noise and labels, for one halving."""
    source = mnist.batches(pixels, labels_of, size=lesson.size(n, quick=8), rng=rng)

    def draw(rng):
        x0, y = next(source)
        t = rng.choice(np.arange(2, schedule.T + 1, 2), len(x0))
        return x0, t, rng.standard_normal(x0.shape, dtype=np.float32), y

    return source, draw


# %%
def digit_student(begin, teachers_noise, schedule, steps):
    """A network that begins as `begin` and learns to need half of its teacher's steps on digits."""
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
# The judge is a classifier that has never seen a generated digit. It gives the *Fréchet distance*
# of 2,000 samples to the test digits, in the classifier's features (for 2,000 other real digits it
# is a few units), and the share whose class it confirms.

# %%
lesson.predict(
    "The teacher's DDIM in 2 steps, against the student of 2 steps: its Fréchet distance will be",
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
floor = judge_digits(judge, real, reference).frechet
rows = [["real digits", "-", floor, "-", "-"]]
for (who, k), report in reports.items():
    accuracy = 100 * report.accuracy
    rows.append([who, k, report.frechet, report.recall, accuracy])
lesson.table(rows, ["digits", "steps", "Fréchet distance", "recall", "class confirmed, %"])

# %%
ratios = {k: reports["teacher", k].frechet / reports["student", k].frechet for k in by_pupil}
answer = "more than 4 times larger" if ratios[2] > 4 else "2 to 4 times larger"
lesson.outcome(
    f"{reports['teacher', 2].frechet:.0f} for the teacher, {reports['student', 2].frechet:.0f} for"
    f" the student: {ratios[2]:.1f} times.",
    answer=answer if ratios[2] > 2 else "about the same",
)
lesson.claim("digits, one step: Fréchet distance", reports["student", 1].frechet, at_most=70)
if 4 in by_pupil:
    lesson.claim("digits, four steps: Fréchet distance", reports["student", 4].frechet, at_most=25)
for k in (1, 2):
    lesson.claim(f"digits, {k} steps: teacher's over student's", ratios[k], at_least=4)

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
    "Each column is one noise and one label. Do the students make in one step what the teacher"
    " makes of the same noise in many? The teacher in one step makes the mean of its class.",
)

# %% [markdown]
# The students are not free: each halving loses a little, and its losses are handed on. Fewer steps
# are a trade, but a far better one than a teacher in a hurry.
#
# ## 7. Where the post is loose
#
# - The student "learns to match two steps of the teacher". What it regresses is not the teacher's
#   state at $t - 2$ but the $\tilde x_0$ that leads there (or the $v$ or $\epsilon$ of it), with a
#   weight that is at least 1.
# - The teacher's sampler must be deterministic. The two steps are DDIM; with fresh noise in between
#   there would be no one end to aim at.
# - The step that counts is the student's: it is told the times that it keeps, so that every
#   second time is forgotten.
#
# **Left out:** the teacher's guidance can be distilled too, into a student that is told $w$ (Meng
# et al. 2023). **Next:** `diffusion/12` goes to one step at once, without halvings: consistency
# models.
#
# **Your turn:** `minigen exercise start diffusion/11`, then `minigen run diffusion/11 --with
# exercises/diffusion_11.py`.

# %%
lesson.finish()
