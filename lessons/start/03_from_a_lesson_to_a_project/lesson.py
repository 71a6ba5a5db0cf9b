# %% [markdown]
# # From a lesson to a project
#
# You have read a lesson, its model runs, and you have an idea: another loss might be better. The
# obvious next step is to change the line, train again, and compare two numbers. They will differ.
# But two trainings with different seeds differ as well, and so do a short and a long one. How do
# you find out what your idea alone has done?
#
# We load the RealNVP that `flow/01` trains on two moons (section 1), continue its training (2), and
# choose numbers that judge it (3). Then we replace its loss and keep a control (4), compare the two
# in pairs (5), replace its sampler (6), and hand the result on (7). This lesson belongs to no post.
# Before this lesson: `start/01`, and `flow/01` for what a flow is.

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

from minigen import plot, train
from minigen.flow import RealNVP
from minigen.metrics import effective_sample_size, paired_difference
from minigen.optim import cosine
from minigen.tensor import leaves

# %% [markdown]
# ## 1. Load a trained model
#
# A project begins with something that works. `lesson.trained("flow/01", "flow")` runs the lesson up
# to the place where it offers its model "flow", without its figures, and keeps the weights, so that
# the second call only loads them. In a script or a notebook of your own,
# `minigen.course.load_trained("flow/01", "flow")` does the same, and `minigen sample --list` shows
# the models of all lessons. One training could be luck: the mean of five seeds can differ so much
# from that of five others that one method looks like two (Henderson et al. 2018). So we load three
# trainings of the same model, with three seeds.

# %%
seeds = [3 * lesson.seed + k for k in range(3)]
trained = {seed: lesson.trained("flow/01", "flow", seed=seed) for seed in seeds}
first = trained[seeds[0]]

# %% [markdown]
# What did we get? Everything that the lesson's cells have defined so far, by the lesson's own
# names: `first["flow"]` is the model, `first["moons"]` the density, and `first["step"]` the
# training step with its optimizer. Here are the models among them, and samples of the flow.

# %%
rows = []
for name, model in first.models.items():
    rows.append([name, type(model).__name__, len(model.parameters()), model.num_parameters()])
lesson.table(rows, ["name", "class", "arrays", "parameters"], "models of flow/01")

# %%
flow, moons = first["flow"], first["moons"]
x = first.sample(lesson.rng("look"), 2000)  # (2000, 2)
ax = plot.samples(x, moons, size=6, title="the flow of flow/01")
lesson.figure(
    ax,
    "loaded",
    "The density of the two moons (blue) and 2,000 samples of the loaded flow (orange). Look at "
    "the samples where the density is close to 0.",
)

# %% [markdown]
# A few samples lie between the moons and around them, where there are hardly any data. Our project
# is to have fewer of these samples.
#
# ## 2. Continue the training
#
# Perhaps the flow was not trained for long enough. The training step is an object, so we can simply
# call it again. `flow/01` has called it as `step(0)`, `step(1)`, and so on, with a learning rate
# that rises to 0.004 and then falls along half a cosine. The step still holds the optimizer's
# running means. We call it ten more times.

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
    f"The largest change is {largest:g}, because the cosine ends at a learning rate of 0 and stays "
    "there.",
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
# There was no error and no warning, and a longer training would have changed nothing. A training
# that has ended needs a new schedule: we make a new step, `train.descend(...)`, on a copy of the
# model. (With a constant rate, `train.fit(step, 500, history=history)` goes on where the last call
# ended.)
#
# ## 3. Three numbers that judge a flow
#
# Before we change anything, we choose the numbers that will judge it. The order matters: whoever
# looks for a number afterwards will find one that has improved. The density $p$ of the moons and
# the density $q$ of the flow are both known, so three numbers can be estimated from samples:
#
# - $\mathrm{KL}(p \,\|\, q)$, in nats, is the mean of $\log p(x) - \log q(x)$ over points of the
#   data. It is large where the flow misses data.
# - The fraction of the flow's samples *off the data*: those whose $\log p(x)$ is below the 1 %
#   quantile of the data. A perfect flow has 1 %.
# - The *effective sample size*. Suppose each sample of the flow gets the weight $w = p(x) / q(x)$,
#   so that together they stand for samples of $p$. If a few weights dominate, most samples count
#   for nothing. $(\sum w)^2 / \sum w^2$ says how many equally weighted samples they are worth (Kong
#   1992). Divided by their number, it is the *effective fraction*.

# %%
lesson.exercise("start/03/effective_sample_size")

# %% [markdown]
# For two samples with the weights 3 and 1 we get (3 + 1)² / (3² + 1²) = 16 / 10, so the second
# sample adds 0.6 of a sample.

# %%
equal = effective_sample_size(np.log(np.array([1.0, 1.0, 1.0, 1.0])))
three_to_one = effective_sample_size(np.log(np.array([3.0, 1.0])))
lesson.check("four equal weights", equal, equals=4.0)
lesson.check("weights 3 and 1", three_to_one, equals=1.6)

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
    """KL(p || q) at each point of the data, the fraction off the data, the effective fraction."""
    x, log_p_x, log_q_x = samples_of(flow, lesson.size(20_000))
    effective = effective_sample_size(log_p_x - log_q_x) / len(x)
    return log_p - flow.log_prob(points), np.mean(log_p_x < lowest), effective


start = {seed: judge(trained[seed]["flow"]) for seed in seeds}
names = ["seed", "KL(p || q), nats", "off the data", "effective fraction"]
rows = [[seed, kl.mean(), off, effective] for seed, (kl, off, effective) in start.items()]
lesson.table(rows, names, "the loaded flows")

# %% [markdown]
# The three seeds differ although nothing was changed between them. This is the noise that any
# improvement has to beat.
#
# ## 4. Replace the loss, with a control
#
# The flow was trained to maximize the likelihood of data, which minimizes $\mathrm{KL}(p \,\|\,
# q)$. This divergence asks whether the flow covers the data. But our complaint is about samples
# where there are no data, and that is the question of the *reverse* divergence, $\mathrm{KL}(q
# \,\|\, p)$. Because $p$ is known here, it can be minimized, too. It needs no data: noise $z$ with
# density $\pi$ becomes $x = f(z)$, with
#
# $$\log q(x) = \log \pi(z) - \log |\det \partial f / \partial z|.$$
#
# The first term does not depend on the weights, so the loss is the mean over $z$ of
#
# $$-\log |\det \partial f / \partial z| - \log p(f(z)).$$
#
# In words, the second term pulls every sample to where the data are likely, and the first one keeps
# the flow from putting all of them onto one point.
#
# The package's density computes $\log p$ in plain NumPy, and its gradient, the *score* $\nabla_x
# \log p(x)$, with `moons.score`. Two lines tell autograd that one is the derivative of the other.

# %%
known_log_p = primitive(lambda x: moons.log_prob(x).astype(np.float32))
defvjp(known_log_p, lambda _, x: lambda g: (g[:, None] * moons.score(x)).astype(np.float32))


def reverse_loss(flow, z):
    x, log_det = flow.bijection.forward(z)
    return np.mean(-log_det - known_log_p(x))


# %% [markdown]
# If a number changes, is it the new loss, or only the additional steps? The *control* answers: a
# second copy of the flow gets the same number of steps, with the same schedule, and the old loss.
# Only the difference between the two copies belongs to the loss.


# %%
def noise(rng):
    return rng.standard_normal((256, 2), dtype=np.float32)


def data(rng):
    return moons.sample(rng, 256)


losses = {"control": (RealNVP.loss, data), "reverse": (reverse_loss, noise)}
count = lesson.steps(600, quick=3)


# %%
def continued(name, seed):
    """A copy of the flow of this seed, trained further with one of the two losses."""
    flow = trained[seed]["flow"].copy()
    loss, batches = losses[name]
    lr = cosine(2e-3, count, warmup=min(50, count))
    step = train.descend(loss, flow, batches, lr=lr, rng=lesson.rng(f"{name} {seed}"), clip=1.0)
    lesson.fit(step, count, label=f"{name}, seed {seed}")
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
    rows += [[name, seed, kl.mean(), off, part] for seed, (kl, off, part) in of_seed.items()]
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
    f"{mean['control'][0]:.3f} with the control, and {mean['reverse'][1]:.2%} and "
    f"{mean['control'][1]:.2%} of the samples lie off the data. The reverse divergence averages "
    "over samples of the flow, so it punishes samples off the data, and does not depend on data "
    "that the flow misses (Minka 2005).",
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
    "Of 5,000 samples of each flow of the first seed, only those off the data. Compare how many "
    "there are, and where.",
)

# %% [markdown]
# Fewer samples lie off the data, on every seed, and we have paid for it with less density on some
# of the data. But look at the single rows. In the recorded run, on two seeds $\mathrm{KL}(p \,\|\,
# q)$ rises only a little, to 0.031 and 0.021, and on the third to 0.579, where the effective
# fraction falls to 0.37. The mean describes none of the three.
#
# ## 5. Three seeds, in pairs
#
# Are three seeds enough to say what the loss does? Some seeds are luckier than others, and this
# luck is larger than many improvements. But a changed model and the control *of its own seed* begin
# from the same weights, so they share some of it. For example, on three seeds a model scores 5, 1
# and 3 before a change, and 6, 2 and 4 after it.

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
    f"The standard error is {by_hand[1]:g}, because each pair differs by exactly 1. Without "
    f"pairing it would be {apart:.2f}.",
    answer="0",
)

# %% [markdown]
# Now the same for the flows. "More steps" is the control minus the loaded flow, and "new loss" is
# the flow with the reverse loss minus the control. All flows are judged on the same points of the
# data, so $\mathrm{KL}(p \,\|\, q)$ can be paired point by point within each seed as well.

# %%
rows = []
for seed in seeds:
    kl = paired_difference(judged["control"][seed][0], judged["reverse"][seed][0])
    gain = paired_difference(start[seed][0], judged["control"][seed][0])
    off = judged["reverse"][seed][1] - judged["control"][seed][1]
    rows.append([seed, *gain, *kl, off])
columns = ["more steps", "s.e. (more steps)", "new loss", "s.e. (new loss)", "new loss: off data"]
lesson.table(rows, ["seed", *columns], "paired differences")


# %%
def over_seeds(number):
    """The reverse loss minus its control over the three seeds: the mean and its standard error."""
    pairs = [[np.mean(judged[name][seed][number]) for seed in seeds] for name in losses]
    return paired_difference(*np.array(pairs))


lesson.table(
    [["KL(p || q), nats", *over_seeds(0)], ["fraction off the data", *over_seeds(1)]],
    ["new loss minus control", "mean of three seeds", "standard error"],
)

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
    "reverse - control, fraction off the data, mean of the seeds",
    np.mean([row[5] for row in rows]),
    at_most=-0.002,
    source="three standard errors of the mean difference of two fractions of 20,000 samples",
)

# %% [markdown]
# The signs of the two columns are opposite: more steps with the old loss lower $\mathrm{KL}(p
# \,\|\, q)$, and the new loss raises it. Without the control we would have added the two and called
# the sum the effect of the loss.
#
# What the two copies share has canceled, and the rest has not. On each seed the rise of
# $\mathrm{KL}(p \,\|\, q)$ is real, many times its standard error over the points. Over the seeds
# its standard error is as large as the mean, so three seeds do not tell us how large the rise
# usually is. That fewer samples lie off the data, they do tell.
#
# ## 6. Replace the sampler
#
# Can we have fewer samples off the data without paying for it? This time the flow stays, and only
# its sampler changes. We draw four times as many samples, give each the weight $w = p(x) / q(x)$,
# and pick a quarter of them at random, with probabilities in proportion to $w$. This is called
# *sampling importance resampling*. It is as good as the effective sample size allows.

# %%
lesson.predict(
    "What fraction of the control's resampled points lies off the data?",
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
    f"It is {np.mean(off):.2%} on average, where the flow's own sampler has {usual:.2%}, because "
    "the weights correct the flow's density, and 1 % of the data itself lies there.",
    answer=answer if np.mean(off) > 0 else "none",
)
rows = [[seed, judged["control"][seed][1], part] for seed, part in zip(seeds, off)]
lesson.table(rows, ["seed", "the flow's sampler", "resampled"], "fraction off the data")

# %%
lesson.check(
    "fraction off the data, resampled, mean of the seeds", np.mean(off), between=(0.003, 0.02)
)

# %%
lesson.change(
    "the worse proposal",
    'Change `resampled(flows["control"][seed]` to `resampled(flows["reverse"][seed]` and run '
    "again. Which flow has the smaller effective fraction in the table of three seeds, and why is "
    "its resampled fraction less certain?",
    answer="The flow with the reverse loss. It assigns too little density to some of the data, so "
    "a few samples get large weights, and they are picked several times.",
)

# %% [markdown]
# A sampler that uses $p$ corrects the errors that training has left. This remedy and that of
# section 4 have the same price: we need $p$ itself, which we have for moons and not for
# photographs.
#
# ## 7. Hand it on, and write it up
#
# A result that nobody else can load is lost. `save` writes the weights with the class and its
# settings, so a colleague needs two lines, `from minigen.flow import RealNVP` and the one below.

# %%
path = flows["control"][seeds[0]].save(lesson.out / "moons.npz")
colleague = RealNVP.from_file(path)
same = np.array_equal(colleague.log_prob(points), flows["control"][seeds[0]].log_prob(points))
lesson.check("the loaded flow is the saved one", same)

# %% [markdown]
# What you have now is a question, a control, a measured answer and thresholds. That is a lesson.
#
# ```
# minigen new reverse_flows
# export MINIGEN_LESSONS=mylessons
# minigen run own/01
# ```
#
# The first command makes a folder with a small lesson that is complete: `lesson.py` with a
# prediction, a figure, an invitation and a claim; `exercise.py` and `answers.py` with one exercise;
# `changes.py`; and a module for functions of your own. The other two run it. Exchange it piece by
# piece for your own, run it on three seeds (`minigen run own/01 --seeds 0-2`), and keep its results
# with `minigen record own/01`. Your lessons then work as all others do: `minigen book own` makes
# the pages, `minigen notebook own/01` the notebook, and `minigen exercise check own/01` checks the
# exercise.
#
# Before you write a claim, ask which wrong model would pass it. A flow that puts all samples onto
# one moon would pass the third claim in the table at the end of this page. Any flow that has become
# worse would pass the first one. Only together do they say what the loss does.
#
# ## To remember
#
# - Choose the numbers that judge a change before you make it.
# - A control gets everything but the change: the same start, steps and schedule.
# - Compare within pairs of the same seed, and give the standard error with the difference.
#
# **Left out:** tests of significance for more than two variants; the choice of hyperparameters for
# each variant, which a fair comparison of losses needs too.
#
# **Your turn:** `minigen exercise start start/03`, then `minigen run start/03 --with
# exercises/start_03.py`.

# %%
lesson.finish()
