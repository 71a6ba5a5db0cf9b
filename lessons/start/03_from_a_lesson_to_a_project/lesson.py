# %% [markdown]
# # From a lesson to a project
#
# Every model of the lessons can be the start of a project of your own. This lesson takes the
# RealNVP that `flow/01` trains on two moons. You need to have read `start/01`; what a flow is comes
# from `flow/01`. In this lesson:
#
# 1. A lesson's trained model is loaded with all objects that its lesson made.
# 2. Its training is continued, and one part of it is replaced: first the loss, then the sampler.
# 3. Each change is compared with a control on three seeds, in pairs.
# 4. The result becomes a lesson of your own.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "start/03_from_a_lesson_to_a_project",
    title="From a lesson to a project",
    post="start",
    minutes=0.4,
    picture="loaded",
    sources=["kong1992note", "minka2005divergence", "dinh2017realnvp", "henderson2018matters"],
)

# %%
import autograd.numpy as np
from autograd.extend import defvjp, primitive

from minigen import plot
from minigen.metrics.comparison import effective_sample_size, paired_difference
from minigen.optim import cosine
from minigen.tensor import leaves
from minigen.train import descend

# %% [markdown]
# ## 1. Load a trained model
#
# `lesson.trained("flow/01", "flow")` runs the lesson up to the place where it offers its model
# "flow", without its figures. The weights are then kept, so the second call only loads them. In a
# script or a notebook of your own, `minigen.course.load_trained("flow/01", "flow")` does the same;
# `minigen sample --list` shows the models of all lessons. A result on one seed may be chance
# (Henderson et al. 2018), so we load three trainings of the same model, with three seeds.

# %%
seeds = [3 * lesson.seed + k for k in range(3)]
trained = {seed: lesson.trained("flow/01", "flow", seed=seed) for seed in seeds}
first = trained[seeds[0]]

# %% [markdown]
# What is in it? All that the lesson's cells have defined so far, by the lesson's own names:
# `first["flow"]` is the model, `first["moons"]` the density, `first["step"]` the training step with
# its optimizer. These are the models among them.

# %%
rows = []
for name, model in first.models.items():
    parameters = model.parameters()
    rows.append([name, type(model).__name__, len(parameters), sum(w.size for w in leaves(model))])
lesson.table(rows, ["name", "class", "arrays", "parameters"], "models of flow/01")

# %%
flow, moons = first["flow"], first["moons"]
x = first.sample(lesson.rng("look"), 2000)  # (2000, 2)
ax = plot.samples(x, moons, size=6, title="the flow of flow/01")
lesson.figure(
    ax,
    "loaded",
    "The density of the two moons (blue) and 2,000 samples of the loaded flow. Look at the gap "
    "between the moons: a few samples lie where the density is close to 0.",
)

# %% [markdown]
# ## 2. Continue the training
#
# The training step is an object. `flow/01` has called it as `step(0)`, `step(1)`, and so on, with a
# learning rate that begins at 0, rises to 0.004, and then follows half a cosine. It still holds the
# optimizer's running means. We call it ten more times.

# %%
lesson.predict(
    "How far does the weight that moves most move in these ten steps?",
    ["about as far as in the ten steps before", "about a tenth as far", "not at all"],
)

# %%
next_step = first["steps"]["flow"] + 1
before = [w.copy() for w in leaves(flow)]
for i in range(next_step, next_step + 10):
    first["step"](i)
largest = max(np.abs(w - old).max() for w, old in zip(leaves(flow), before))
lesson.check("largest change of a weight in ten more steps", float(largest), equals=0.0)
lesson.outcome(
    f"The largest change is {largest:g}: the cosine ends at 0, and the learning rate stays 0.",
    answer="not at all",
)

# %%
lesson.change(
    "the schedule starts again",
    'Change `next_step = first["steps"]["flow"] + 1` to `next_step = 0` and run again. Do the '
    "weights move now?",
    answer="They move: step 0 to step 9 have the learning rates of the warm-up, which are above 0, "
    "so the check no longer holds.",
)

# %% [markdown]
# So a training that has ended needs a new schedule. We make a new step, `descend(...)`, on a copy
# of the model. But first we need numbers that judge the result.
#
# ## 3. Three numbers that judge a flow
#
# The density of the moons $p$ and that of the flow $q$ are both known exactly. So three numbers can
# be estimated from samples:
#
# - $\mathrm{KL}(p \,\|\, q)$, in nats: the mean of $\log p(x) - \log q(x)$ over points of the data.
#   It is large where the flow misses data.
# - The share of the flow's samples *off the data*: those whose $\log p(x)$ is below the 1 %
#   quantile of the data. A perfect flow has 1 %.
# - The *effective sample size* of the flow's samples, weighted by $w = p(x) / q(x)$ so that they
#   stand for samples of $p$: $(\sum w)^2 / \sum w^2$ (Kong 1992).
#
# Take the last one by hand, with two samples of weights 3 and 1.

# %%
lesson.predict(
    "How many equally weighted samples are the weights 3 and 1 worth?", ["2", "1.6", "4", "1.33"]
)

# %%
lesson.exercise("start/03/effective_sample_size")

# %%
equal = effective_sample_size(np.log(np.array([1.0, 1.0, 1.0, 1.0])))
three_to_one = effective_sample_size(np.log(np.array([3.0, 1.0])))
lesson.check("four equal weights", equal, equals=4.0)
lesson.check("weights 3 and 1", three_to_one, equals=1.6)
lesson.outcome(f"(3 + 1)² / (3² + 1²) = 16 / 10 = {three_to_one:.1f}.", answer="1.6")

# %%
lesson.change(
    "a weight that dominates",
    "Change the weights `[3.0, 1.0]` to `[999.0, 1.0]` and run again. How many samples are they "
    "worth?",
    answer="1.002: the second sample counts almost nothing.",
)

# %%
points = moons.sample(lesson.rng("points"), lesson.size(20_000))
log_p = moons.log_prob(points)
lowest = np.quantile(log_p, 0.01)  # 1 % of the data lies below


def samples_of(flow, n):
    """Samples (n, 2) with their log-densities under the data and under the flow, (n,) each."""
    x = flow.sample(lesson.rng("samples"), n)
    return x, moons.log_prob(x), flow.log_prob(x)


# %%
def judge(flow):
    """KL(p || q) at each point of the data, the share off the data, the effective share."""
    x, log_p_x, log_q_x = samples_of(flow, lesson.size(20_000))
    effective = effective_sample_size(log_p_x - log_q_x) / len(x)
    return log_p - flow.log_prob(points), np.mean(log_p_x < lowest), effective


start = {seed: judge(trained[seed]["flow"]) for seed in seeds}
names = ["seed", "KL(p || q), nats", "off the data", "effective share"]
rows = [[seed, kl.mean(), off, share] for seed, (kl, off, share) in start.items()]
lesson.table(rows, names, "the loaded flows")

# %% [markdown]
# ## 4. Replace the loss, with a control
#
# The flow was trained to maximize the likelihood of data, which minimizes $\mathrm{KL}(p \,\|\,
# q)$. Because $p$ is known here, the *reverse* divergence $\mathrm{KL}(q \,\|\, p)$ can be
# minimized too. It needs no data: noise $z$ with density $\pi$ becomes $x = f(z)$, with
#
# $$\log q(x) = \log \pi(z) - \log |\det \partial f / \partial z|.$$
#
# The first term does not depend on the weights. So the loss is the mean over $z$ of
#
# $$-\log |\det \partial f / \partial z| - \log p(f(z)).$$
#
# The package's density computes $\log p$ in plain NumPy, and its gradient, the *score* $\nabla_x
# \log p(x)$, with `moons.score`. Two lines tell autograd that one is the derivative of the other.

# %%
known_log_p = primitive(lambda x: moons.log_prob(x).astype(np.float32))
defvjp(known_log_p, lambda _, x: lambda g: (g[:, None] * moons.score(x)).astype(np.float32))


def reverse_loss(flow, z):
    x, log_det = flow.bijection.forward(z)
    return np.mean(-log_det - known_log_p(x))


def likelihood_loss(flow, x):
    return flow.loss(x)


# %% [markdown]
# If the new loss changes a number, is it the loss, or only the additional steps? The *control*
# answers: a second copy of the flow gets the same number of steps, with the same schedule, and the
# old loss.


# %%
def noise(rng):
    return rng.standard_normal((256, 2), dtype=np.float32)


def data(rng):
    return moons.sample(rng, 256)


losses = {"control": (likelihood_loss, data), "reverse": (reverse_loss, noise)}
count = lesson.steps(600, quick=3)


# %%
def continued(name, seed):
    """A copy of the flow of this seed, trained further with one of the two losses."""
    flow = trained[seed]["flow"].copy()
    loss, batches = losses[name]
    lr = cosine(2e-3, count, warmup=min(50, count))
    rng = lesson.rng(f"{name} {seed}")
    step = descend(loss, flow, batches, lr=lr, rng=rng, clip=1.0)
    lesson.fit(step, count, state=step.state, label=f"{name}, seed {seed}")
    return flow


# %%
lesson.predict(
    "Compared with the control, what does the reverse loss do?",
    [
        "KL(p || q) falls, and fewer samples lie off the data",
        "KL(p || q) rises, and fewer samples lie off the data",
        "KL(p || q) rises, and more samples lie off the data",
    ],
)

# %%
flows = {name: {seed: continued(name, seed) for seed in seeds} for name in losses}
judged = {name: {seed: judge(flows[name][seed]) for seed in seeds} for name in losses}
rows = []
for name, of_seed in {"loaded": start, **judged}.items():
    rows += [[name, seed, kl.mean(), off, share] for seed, (kl, off, share) in of_seed.items()]
lesson.table(rows, ["flow", *names], "three seeds")

# %%
mean = {
    name: [np.mean([np.mean(judged[name][seed][k]) for seed in seeds]) for k in range(3)]
    for name in losses
}
rises = mean["reverse"][0] > mean["control"][0]
fewer = mean["reverse"][1] < mean["control"][1]
lesson.outcome(
    f"KL(p || q) is {mean['reverse'][0]:.3f} nats with the reverse loss and "
    f"{mean['control'][0]:.3f} with the control; off the data lie {mean['reverse'][1]:.2%} and "
    f"{mean['control'][1]:.2%}. The reverse divergence averages over samples of the flow, so it "
    "punishes samples off the data, and does not depend on data that the flow misses (Minka 2005).",
    answer=f"KL(p || q) {'rises' if rises or not fewer else 'falls'}, and "
    f"{'fewer' if fewer else 'more'} samples lie off the data",
)

# %%
fig, axes = plot.figure(1, 3, size=(3.4, 2.7))
loaded = trained[seeds[0]]["flow"]
shown = {"loaded": loaded, "control": flows["control"][seeds[0]]}
shown["reverse loss"] = flows["reverse"][seeds[0]]
for ax, (name, one) in zip(axes, shown.items()):
    x, log_p_x, _ = samples_of(one, lesson.size(5000))
    plot.samples(x[log_p_x < lowest], moons, ax, size=8, title=name)
lesson.figure(
    fig,
    "off_the_data",
    "Of 5,000 samples, those off the data. Compare how many there are, and how many of them lie in "
    "the gap between the moons.",
)

# %% [markdown]
# ## 5. Three seeds, in pairs
#
# Are three seeds enough to say so? The seeds themselves differ, from luckier to less lucky ones.
# This part cancels when each changed model is compared with the control *of its own seed*. By hand:
# on three seeds a model scores 5, 1 and 3 before a change, and 6, 2 and 4 after it.

# %%
lesson.predict(
    "What is the standard error of the mean difference over the three pairs?",
    ["0", "about 1.2", "about 1.6"],
)

# %%
lesson.exercise("start/03/paired_difference")

# %%
by_hand = paired_difference(np.array([5.0, 1.0, 3.0]), np.array([6.0, 2.0, 4.0]))
lesson.check("mean difference and standard error", by_hand, equals=(1.0, 0.0))
apart = np.sqrt(2 * np.var([5.0, 1.0, 3.0], ddof=1) / 3)
lesson.check("standard error of the difference of two means", apart, equals=1.633, atol=1e-3)
lesson.outcome(
    f"Each pair differs by exactly 1, so the standard error is {by_hand[1]:g}; of six "
    f"numbers that are not paired it would be {apart:.2f}.",
    answer="0",
)

# %% [markdown]
# The same for the flows: "more steps" is the control minus the loaded flow, "new loss" the flow
# with the reverse loss minus the control. The points of the data are the same for all flows, so
# $\mathrm{KL}(p \,\|\, q)$ can be paired point by point within each seed as well.

# %%
rows = []
for seed in seeds:
    kl = paired_difference(judged["control"][seed][0], judged["reverse"][seed][0])
    gain = paired_difference(start[seed][0], judged["control"][seed][0])
    off = judged["reverse"][seed][1] - judged["control"][seed][1]
    rows.append([seed, *gain, *kl, off])
header = ["seed", "more steps", "its s.e.", "new loss", "s.e. of it", "off the data"]
lesson.table(rows, header, "paired differences")

# %%
over_points = "three seeds on each of which the difference is above three of its standard errors"
lesson.claim(
    "reverse - control, KL(p || q) in standard errors, on each seed",
    [row[3] / row[4] for row in rows],
    at_least=3.0,
    source=over_points,
)
lesson.claim(
    "control - loaded, KL(p || q) in standard errors, mean of the seeds",
    np.mean([row[1] / row[2] for row in rows]),
    at_most=-2.0,
    source="more steps of the same loss lower it; two standard errors",
)

# %%
lesson.claim(
    "reverse - control, share off the data, mean of the seeds",
    np.mean([row[5] for row in rows]),
    at_most=-0.002,
    source="three standard errors of the mean difference of two shares of 20,000 samples",
)

# %% [markdown]
# ## 6. Replace the sampler
#
# The flow stays as it is, and its sampler changes: draw four times as many samples, give each the
# weight $w = p(x) / q(x)$, and pick a quarter of them at random, with probabilities in proportion
# to $w$. This is *sampling with importance resampling*. It is as good as the effective sample size
# allows.

# %%
lesson.predict(
    "What share of the control's resampled points lies off the data?",
    ["about 1 %", "about as many as before", "none"],
)


# %%
def resampled(flow, n, rng):
    """n points (n, 2), picked from 4 n samples of the flow by their weights, and their log p."""
    x, log_p_x, log_q_x = samples_of(flow, 4 * n)
    w = np.exp(log_p_x - log_q_x - np.max(log_p_x - log_q_x))
    picked = rng.choice(4 * n, n, p=w / w.sum())
    return x[picked], log_p_x[picked]


off = []
for seed in seeds:
    _, log_p_x = resampled(flows["control"][seed], lesson.size(20_000), lesson.rng(f"pick {seed}"))
    off.append(np.mean(log_p_x < lowest))

# %%
usual = mean["control"][1]
answer = "about 1 %" if 0.005 < np.mean(off) < 0.013 else "about as many as before"
lesson.outcome(
    f"{np.mean(off):.2%} on average, and {usual:.2%} before: the weights correct the flow's "
    "density, and 1 % of the data itself lies there.",
    answer=answer if np.mean(off) > 0 else "none",
)
rows = [[seed, judged["control"][seed][1], share] for seed, share in zip(seeds, off)]
lesson.table(rows, ["seed", "the flow's sampler", "resampled"], "share off the data")

# %%
lesson.check(
    "share off the data, resampled, mean of the seeds", np.mean(off), between=(0.003, 0.02)
)

# %%
lesson.change(
    "the worse proposal",
    'Change `resampled(flows["control"][seed]` to `resampled(flows["reverse"][seed]` and run '
    "again. Which flow has the smaller effective share in the table of three seeds, and why is its "
    "resampled share less certain?",
    answer="The flow with the reverse loss. It assigns too little density to some of the data, so "
    "a few samples get large weights, and they are picked several times.",
)

# %% [markdown]
# ## 7. Write it up
#
# What you have now is a question, a control, a measured answer and thresholds: a lesson.
#
# ```
# minigen new reverse_flows
# export MINIGEN_LESSONS=mylessons
# minigen run own/01
# ```
#
# makes a folder with a small lesson that is complete: `lesson.py` with a prediction, a figure, an
# invitation and a claim; `exercise.py` and `answers.py` with one exercise; `changes.py`; and a
# module for functions of your own. Replace it piece by piece, run it on three seeds (`minigen run
# own/01 --seeds 0-2`), and keep its results with `minigen record own/01`. Your lessons then work as
# all others do: `minigen book own` makes the pages, `minigen notebook own/01` the notebook, and
# `minigen exercise check own/01` checks the exercise.
#
# Before you write a claim, ask which wrong model would pass it. The third claim above, alone, would
# be passed by a flow that puts all samples onto one moon; the first one, alone, by any flow that
# has become worse. Together with the share off the data they say what the loss does.
#
# **Left out:** tests of significance for more than two variants; the choice of hyperparameters for
# each variant, which a fair comparison of losses needs too.
#
# **Your turn:** `minigen exercise start start/03`, then `minigen run start/03 --with
# exercises/start_03.py`.

# %%
lesson.finish()
