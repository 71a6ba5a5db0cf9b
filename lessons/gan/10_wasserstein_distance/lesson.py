# %% [markdown]
# # The Wasserstein distance: how much dirt, carried how far
#
# This lesson runs the section *What is Wasserstein distance?* (gan.s14) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). Three things to take away:
#
# 1. The Wasserstein distance is the least work that turns one distribution into another: mass times
#    distance.
# 2. A *plan* says how much goes from where to where. The distance is the cost of the best plan.
# 3. On a line it takes a sort. In the plane it takes a linear program, or many lines.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/10_wasserstein_distance",
    title="The Wasserstein distance: how much dirt, carried how far",
    post="gan",
    sections=["gan.s14"],
    figures=["gan.f07"],
    equations=["gan.10", "gan.11", "gan.12", "gan.13"],
    minutes=0.25,
    sources=["weng2017gan", "arjovsky2017wgan", "peyre2019transport"],
)

# %%
import autograd.numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from minigen import plot
from minigen.data import toy
from minigen.metrics import sampling_floor
from minigen.metrics.divergence import js_divergence

# %%
from minigen.metrics.transport import (
    earth_mover_1d,
    marginals,
    plan_cost,
    sliced_wasserstein,
    transport_plan,
    wasserstein,
    wasserstein_1d,
)

# %% [markdown]
# ## 1. Near or far?
#
# All dirt lies in the first of six holes. Should it have been in the second hole, the mistake is
# small; in the sixth, it is large.

# %%
lesson.predict(
    "Which of these two mistakes does JS call the larger?",
    ["the second hole", "the sixth hole", "neither"],
)

# %% [markdown]
# The other distance is yours to write, for piles in a row; section 2 works it out.

# %%
lesson.exercise("gan/10/earth_mover_1d")

# %%
first, second, sixth = np.eye(6)[[0, 1, 5]]
rows = []
for name, other in [("second hole", second), ("sixth hole", sixth)]:
    rows.append([name, js_divergence(first, other), earth_mover_1d(first, other).cost])
lesson.table(rows, ["all of it belongs in the", "JS, nats", "Wasserstein, steps"])
lesson.outcome(
    f"JS: {rows[0][1]:.3f} and {rows[1][1]:.3f}. Wasserstein: {rows[0][2]:g} and {rows[1][2]:g}.",
    answer="neither",
)

# %% [markdown]
# For JS (and KL, which is infinite both times) holes are just names: no two are closer than any
# others. The Wasserstein distance knows how far apart they are.
#
# ## 2. Piles of dirt, step by step
#
# Ten shovelfuls lie in four piles, one step apart, $P = (3, 2, 1, 4)$, and should lie as $Q = (1,
# 2, 4, 3)$ (Eq. gan.10). Carrying one shovelful one step costs 1. Three shovelfuls are in the wrong
# place. Take pencil and paper.

# %%
lesson.predict("What is the least cost?", ["3", "5", "6", "10"])

# %% [markdown]
# Walk from left to right. The first pile has 2 too many; they must go on to the second, whatever
# happens later. There they join the 2 that were right, and 2 must go on again. So keep a running
# surplus (Eq. gan.11):
#
# $$\delta_0 = 0, \qquad \delta_i = \delta_{i-1} + P_i - Q_i .$$
#
# Between piles $i$ and $i+1$, $|\delta_i|$ shovelfuls cross: forward if it is positive, backward if
# negative.

# %%
P = np.array([3.0, 2.0, 1.0, 4.0])
Q = np.array([1.0, 2.0, 4.0, 3.0])
before = 0.0
rows = []
for i, (have, need) in enumerate(zip(P, Q), start=1):
    delta = before + have - need
    rows.append([i, f"{before:g} + {have:g} - {need:g}", delta])
    before = delta
lesson.table(rows, ["pile", "surplus before + P - Q", "delta"])

# %%
lesson.check("cost = sum of |delta|", sum(abs(row[-1]) for row in rows), equals=5.0)
lesson.check("wrong turn: shovelfuls in the wrong place", np.abs(P - Q).sum() / 2, equals=3.0)
lesson.outcome("|delta| is 2, 2, 1 and 0: two of the three travel two steps.", answer="5")

# %%
lesson.show_source(earth_mover_1d)
cost, deltas = earth_mover_1d(P, Q)
lesson.check("delta_0 to delta_4", deltas, equals=[0, 2, 2, -1, 0], atol=0)
lesson.claim(
    "cost of the dirt piles, shovelfuls x steps",
    cost,
    equals=5.0,
    atol=0,
    source="the post's example",
)

# %% [markdown]
# Three shovelfuls are misplaced, but two of them travel two steps: $2 + 2 + 1 = 5$. Now look at the
# three moves. A negative surplus means that the pile *after* has it: the post then moves dirt of
# $Q$ forward, which costs the same as moving dirt of $P$ back.

# %%
now_p = P.copy()
now_q = Q.copy()
pictures = [("before", P, Q)]
for i, d in enumerate(deltas[1:-1]):
    name, piles = ("P", now_p) if d > 0 else ("Q", now_q)
    piles[i] -= abs(d)
    piles[i + 1] += abs(d)
    title = f"{abs(d):g} from {name}{i + 1} to {name}{i + 2}"
    pictures.append((title, now_p.copy(), now_q.copy()))
lesson.check("after the moves P and Q are the same", now_p - now_q, equals=np.zeros(4))


# %%
def draw_piles(piles, letter, shade, ax):
    names = [f"{letter}{k}" for k in range(1, 5)]
    plot.bars(piles, names, ax, colors=[shade] * 4, numbers=True)


fig, axes = plot.figure(2, 4, size=(2.4, 1.9), share="y")
for (title, piles_p, piles_q), (upper, lower) in zip(pictures, axes.T):
    draw_piles(piles_p, "P", plot.color.real, upper)
    draw_piles(piles_q, "Q", plot.color.fake, lower)
    upper.set_title(title)
lesson.figure(
    fig,
    "f07_piles",
    "Compare the rows in each column: after k moves the first k piles agree, and after "
    "three moves all do. The moves carried 2, 2 and 1 shovelfuls one step each.",
)

# %%
lesson.change(
    "a shovelful too many",
    "Change the last pile of `Q = np.array([1.0, 2.0, 4.0, 3.0])` to 4.0 and run again. What does "
    "the last row of the table say, and what stops the run?",
    answer="The last surplus is -1: a shovelful is missing, and no pile is left to bring it. "
    "`earth_mover_1d` stops the run, since the two rows of piles must have the same total, and 10 "
    "is not 11.",
)

# %% [markdown]
# ## 3. Plans
#
# A *transport plan* is a table: $\gamma(x, y)$ is how much of the dirt at $x$ is brought to $y$.
# Its rows must sum to what is there, its columns to what is wanted; such a $\gamma$ is a *coupling*
# of $p$ and $q$. Its cost is the mean distance travelled (Eq. gan.13), and the Wasserstein distance
# is the least cost of all couplings, that of the *optimal transport* (Eq. gan.12):
#
# $$W(p, q) = \inf_{\gamma \in \Pi(p, q)} \sum_{x, y} \gamma(x, y) \, \|x - y\| .$$
#
# Shares instead of shovelfuls: $p = P/10$, $q = Q/10$. By hand, one plan keeps what it can in
# place; another lets the surplus wander from pile to pile. A third is careless: it spreads every
# pile over all places.

# %%
lesson.predict(
    "Which is cheapest?",
    ["keep what you can", "pass it on", "careless", "the first two, alike", "all three, alike"],
)

# %%
lesson.exercise("gan/10/marginals")

# %%
p = P / 10
q = Q / 10
place = np.arange(4.0)
steps = np.abs(place[:, None] - place)  # the distance from pile to place, (4, 4)
solved = transport_plan(p, q, steps)
plans = {
    "keep what you can": np.array([[1, 0, 2, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 1, 3]]) / 10,
    "pass it on": np.array([[1, 2, 0, 0], [0, 0, 2, 0], [0, 0, 1, 0], [0, 0, 1, 3]]) / 10,
    "careless, p q": np.outer(p, q),
    "linear program": solved.plan,
}

# %%
lesson.show_source(marginals, plan_cost)
for name, plan in plans.items():
    sums = np.array(marginals(plan))
    lesson.check(f"{name}: sums of rows and columns", sums, equals=np.array([p, q]))


# %%
def draw_plan(name, plan, ax):
    plot.matrix(
        10 * plan,
        ax,
        numbers=True,
        limits=(0, 4),
        row_labels=["P1", "P2", "P3", "P4"],
        col_labels=["Q1", "Q2", "Q3", "Q4"],
        title=f"{name}\ncost {10 * plan_cost(plan, steps):.3g}",
    )


# %%
fig, axes = plot.figure(1, 4, size=(2.6, 2.7))
for (name, plan), ax in zip(plans.items(), axes):
    draw_plan(name, plan, ax)
lesson.figure(
    fig,
    "four_plans",
    "Shovelfuls from each pile (row) to each place (column). All four have the same row and column"
    " sums. What lies on the diagonal stays; the first two cost 5, and so does the solver's.",
)

# %%
costs = {name: 10 * plan_cost(plan, steps) for name, plan in plans.items()}
lesson.outcome(
    ", ".join(f"{name}: {cost:.3g}" for name, cost in costs.items()),
    answer="the first two, alike",
)

# %% [markdown]
# Two different plans cost 5: the *distance* is unique, the plan need not be. And the program proves
# that nothing is cheaper: it comes with prices $f_i$, $g_j$ whose total value is the cost of the
# plan (`gan/12` lives on that).

# %%
f, g = solved.potentials
lesson.check("value of the prices, in shovelfuls x steps", 10 * (p @ f + q @ g), equals=5.0)
spare = (steps - f[:, None] - g).min()
lesson.check("no road costs less than its two prices", spare, at_least=-1e-12)
lesson.claim("linear program: cost of the piles / 10", solved.cost, equals=0.5, atol=1e-9)

# %% [markdown]
# ## 4. Samples on a line
#
# Two samples of numbers are piles too: small ones, at uneven places. Three ways to the distance:
#
# - carry the surplus along the line. It is $F - G$, the share of $x$ passed so far less that of
#   $y$: the area between;
# - sort both, and send the smallest to the smallest, the second to the second, and so on;
# - the linear program, which knows nothing of lines.
#
# By hand: $x = (0, 10)$, $y = (11, 1)$. Sorted, 0 goes to 1 and 10 to 11, so $W = 1$.

# %%
lesson.predict(
    "What does it cost in the order given, and what is the area between F and G?",
    ["10 and 1", "10 and 10", "1 and 1", "5.5 and 1"],
)

# %%
lesson.exercise("gan/10/wasserstein_1d")

# %%
x = np.array([0.0, 10.0])
y = np.array([11.0, 1.0])
as_given = np.abs(x - y).mean()
sorted_first = np.abs(np.sort(x) - np.sort(y)).mean()
area = wasserstein_1d(x, y)
lesson.table([[as_given, sorted_first, area]], ["in the order given", "sorted", "area"])

# %%
lesson.check("wrong turn: not sorted", as_given, equals=10.0)
lesson.check("sorted", sorted_first, equals=1.0)
lesson.check("the area between F and G", area, equals=1.0)
lesson.outcome("Unsorted, 0 goes to 11 and 10 to 1. The area needs no order.", answer="10 and 1")

# %%
n = lesson.size(400, quick=60)
x = lesson.rng("x").standard_normal(n)
center = np.where(lesson.rng("side").random(n) < 0.5, -1.5, 2.5)
y = center + 0.5 * lesson.rng("y").standard_normal(n)
uniform = np.full(n, 1 / n)
between = wasserstein_1d(x, y)
by_sorting = np.abs(np.sort(x) - np.sort(y)).mean()
by_program = transport_plan(uniform, uniform, cdist(x[:, None], y[:, None])).cost

# %%
lesson.show_source(wasserstein_1d)
rows = [
    ["area between F and G", between],
    ["sorted differences", by_sorting],
    ["linear program", by_program],
]
lesson.table(rows, ["way", "distance"])
three = [between, by_sorting, by_program]
lesson.claim("line: largest difference of the three ways", max(three) - min(three), at_most=1e-9)

# %%
t = np.linspace(-4, 5, 600)
F = (t[:, None] >= x).mean(axis=1)
G = (t[:, None] >= y).mean(axis=1)
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.2))
plot.histogram({"x": x, "y": y}, left, bins=40, title="two samples")
plot.line(t, {"F, of x": F, "G, of y": G}, right, title=f"the area between is {between:.3f}")
right.fill_between(t, F, G, color=plot.color.accent, alpha=0.3)
right.set(xlabel="place", ylabel="share passed")
lesson.figure(
    fig,
    "area_between",
    "Right: at each place the height of the shaded band is the share that must cross. "
    "Read across, its width is how far each share travels.",
)

# %% [markdown]
# ## 5. In the plane
#
# Points in the plane cannot be sorted. With $n$ points a side and equal weights, some best plan
# pairs each $x$ with one $y$. A tempting shortcut sends each $x$ to the *nearest* $y$.

# %%
lesson.predict("What will the shortcut cost, next to the best plan?", ["less", "the same", "more"])

# %%
n = lesson.size(200, quick=40)
ring = toy.ring(modes=8)
moons = toy.get("two_moons").standardized()
x = ring.sample(lesson.rng("ring"), n)
y = moons.sample(lesson.rng("moons"), n)
distances = cdist(x, y)
uniform = np.full(n, 1 / n)
best = transport_plan(uniform, uniform, distances)
nearest = np.zeros((n, n))
nearest[np.arange(n), distances.argmin(axis=1)] = 1 / n


# %%
def draw_roads(plan, title, ax):
    """A line from each x to each y that gets something from it."""
    i, j = np.nonzero(plan)
    roads = np.stack([x[i], y[j]])
    plot.trajectories(roads, ax, bounds=ring.bounds, color=plot.color.noise, ends=False)
    plot.samples(x, ax=ax, bounds=ring.bounds, color=plot.color.real, size=14, label="x")
    plot.samples(y, ax=ax, bounds=ring.bounds, color=plot.color.fake, size=14, label="y")
    ax.set_title(f"{title}, cost {plan_cost(plan, distances):.3f}")


fig, (left, right) = plot.figure(1, 2, size=(4.6, 4.4))
draw_roads(best.plan, "best plan", left)
draw_roads(nearest, "wrong turn: to the nearest", right)

# %%
lesson.figure(
    fig,
    "plan_in_the_plane",
    "Left: each blue point has a line to one orange point, and no two lines cross. Right: shorter"
    " lines, but they crowd into a few orange points, and most of the others get nothing.",
)

# %%
error = np.abs(np.concatenate(marginals(best.plan)) - 1 / n).max()
lesson.claim("plan: rows sum to p, columns to q; largest error", error, at_most=1e-12)
empty = np.mean(marginals(nearest)[1] == 0)
lesson.claim("nearest: share of the targets that get nothing", empty, at_least=0.3)
lesson.check("linear program less best pairing", best.cost - wasserstein(x, y), equals=0.0)
cheaper = plan_cost(nearest, distances) / best.cost
lesson.check("nearest costs less, for it is no plan", cheaper, at_most=0.999)
lesson.outcome(
    f"{cheaper:.2f} times as much. It is no plan: {100 * empty:.0f} % of the places get nothing.",
    answer="less",
)

# %% [markdown]
# A plan can also be watched. Let each point of the ring travel along its road, all of them at
# steady speed: at the share 0.5 each has half of its way behind it. Take the best plan, the
# shortcut, and a plan that draws the pairs by lot. *Which of them piles the points up in the middle
# half-way, and why?*

# %%
goals = {
    "best plan": best.plan.argmax(axis=1),
    "to the nearest": distances.argmin(axis=1),
    "drawn by lot": lesson.rng("lot").permutation(n),
}
share = np.linspace(0, 1, 21)
carried = [[(1 - s) * x + s * y[goal] for s in share] for goal in goals.values()]
lesson.play(
    "carried",
    {"pairs": list(goals), "share": share},
    points=carried,
    truth=y,
    time="share",
    caption="Points of the ring on their way to the moons, the small dots underneath.",
)

# %% [markdown]
# ## 6. Many lines instead of one plane
#
# The pairing of 2,000 points takes seconds. Project both clouds on a line, and it takes a sort. The
# *sliced* distance is the mean over random directions. A projection only shortens ways. Move a
# cloud by a step of length 1: $W = 1$; a direction at the angle $\varphi$ to it sees
# $|\cos \varphi|$, on average $2/\pi = 0.64$. That is also the most: each point of the best plan
# goes some way, of which a direction sees that share on average, and on each line there may be a
# cheaper plan. We move, stretch and thin out the ring, and swap it for moons.

# %%
lesson.predict(
    "Will the two distances put these clouds in the same order? By rank correlation:",
    ["hardly: below 0.5", "roughly: 0.5 to 0.9", "nearly: above 0.9"],
)

# %%
n = lesson.size(300, quick=40)
base = ring.sample(lesson.rng("base"), n)
other, labels = ring.sample_with_labels(lesson.rng("other"), n)
moon = moons.sample(lesson.rng("moon"), n)


def without_modes(k):
    """n points on all modes of the ring but the first k; those that are left come again."""
    kept = other[labels % 8 >= k]
    return kept[np.arange(n) % len(kept)]


clouds = {
    "moved": [base + [t, 0] for t in np.linspace(0.2, 3, 8)],
    "stretched": [other * [s, 1] for s in np.linspace(0.1, 3, 8)],
    "modes lost": [without_modes(k) for k in range(1, 8)],
    "moons": [moon + [0, t] for t in np.linspace(0, 2, 8)],
}


# %%
def both_distances(cloud):
    exact = wasserstein(base, cloud)
    return exact, sliced_wasserstein(base, cloud, 4000, lesson.rng("lines"))


pairs = {}
for kind, some in clouds.items():
    pairs[kind] = np.array([both_distances(cloud) for cloud in some])  # (8, 2)
every = np.concatenate(list(pairs.values()))

# %%
reach = np.array([0, every.max()])
lines = {"sliced = exact": reach, "2/π of exact": 2 / np.pi * reach}
shades = (plot.color.real, plot.color.fake, plot.color.model, plot.color.accent)
gray = {"colors": [plot.color.noise] * 2, "styles": {"2/π of exact": "--"}}

# %%
ax = plot.line(reach, lines, title="two distances of the same clouds", **gray)
ax.set(xlabel="exact W", ylabel="sliced W")
with plot.style():
    for (kind, points), shade in zip(pairs.items(), shades):
        ax.scatter(*points.T, color=shade, label=kind, zorder=3)
    ax.legend(loc="upper left")
lesson.figure(
    ax,
    "sliced_and_exact",
    "No point lies above the dashed line. Clouds that were only moved lie on it, stretched ones "
    "below; from left to right nearly all are in the same order.",
)

# %%
exact, sliced = every.T
shares = sliced / exact
lesson.claim(
    "sliced / exact, smallest and largest",
    [shares.min(), shares.max()],
    between=(0.3, 0.66),
    source="2/π = 0.637 in the plane, and 5 standard errors of 4,000 lines",
)
order = spearmanr(exact, sliced).statistic
lesson.claim("sliced and exact: rank correlation", order, at_least=0.9)
ratio = pairs["moved"][:, 1] / pairs["moved"][:, 0]
lesson.claim(
    "moved clouds: sliced / exact", ratio, equals=2 / np.pi, atol=0.025, source="mean of |cos|"
)

# %%
agreement = ["hardly: below 0.5", "roughly: 0.5 to 0.9", "nearly: above 0.9"]
lesson.outcome(
    f"Rank correlation {order:.3f}.",
    answer=agreement[np.searchsorted([0.5, 0.9], order)],
)

# %% [markdown]
# ## 7. What a sample can say
#
# Take two samples of the *same* ring, of 50 points each, and two more of 800.

# %%
lesson.predict(
    "The distance between the large samples, next to that between the small ones, will be",
    ["0, as the other", "a sixteenth of it", "about a quarter of it", "about the same"],
)


# %%
def sliced_w(a, b):
    return sliced_wasserstein(a, b, 100, lesson.rng("floor lines"))


def floor(distance, n):
    """The mean distance of two samples of n points of the ring, from eight pairs."""
    return sampling_floor(distance, ring.sample, n, lesson.rng("floor"), repeats=8).mean


sizes = [50, lesson.size(200, quick=60), lesson.size(800, quick=70)]
rows = [[n, floor(wasserstein, n), floor(sliced_w, n)] for n in sizes]
lesson.table(rows, ["points", "exact W", "sliced W"], "two samples of one ring")
fall = rows[2][1] / rows[0][1]
rate = "√(log N / N), the rate in the plane: 0.33"
lesson.claim("exact floor, 800 points / 50 points", fall, between=(0.12, 0.5), source=rate)

# %%
least = "a sixteenth of it" if fall < 0.12 else "about a quarter of it"
lesson.outcome(
    f"{rows[0][1]:.3f} with {sizes[0]} points, {rows[2][1]:.3f} with {sizes[2]}: {fall:.2f} of it.",
    answer="about the same" if fall > 0.7 else least if fall <= 0.5 else None,
)

# %% [markdown]
# Not zero, and slow to fall: as $N^{-1/2}$ on a line, as $\sqrt{\log N / N}$ in the plane, and only
# as $N^{-1/D}$ in more dimensions $D$. A distance between samples means little without this *floor*
# beside it.
#
# ## 8. Where the post is loose
#
# - Its text has $\delta_{i+1} = \delta_i + P_i - Q_i$; its numbers, and ours, use $P_{i+1}$ and
#   $Q_{i+1}$. Taken at its word the text would give $\delta_2 = \delta_1 + P_1 - Q_1 = 2 + 3 - 1 =
#   4$ where there are 2.
# - It writes $\gamma \sim \Pi$, as if plans were drawn at random. $\Pi$ is the *set* of plans, and
#   $\gamma$ is in it.
# - The sum in Eq. gan.13 is right for piles and samples. For the continuous case that it is
#   introduced for, it is an integral.
# - The piles cost 5 in shovelfuls; as a Wasserstein distance of probabilities it is 0.5.

# %%
lesson.check("the text at its word: delta_2", deltas[1] + P[0] - Q[0], equals=4.0)

# %% [markdown]
# **Left out:** other powers of the distance ($W_2$ and its geometry), and entropic regularization
# (Sinkhorn), which makes large problems fast and the answer slightly wrong. **Next:** `gan/11` asks
# what this distance is good for: it pulls where JS is silent.
#
# **Your turn:** `minigen exercise start gan/10`, then `minigen run gan/10 --with
# exercises/gan_10.py`.

# %%
lesson.finish()
