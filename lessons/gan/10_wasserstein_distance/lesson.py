# %% [markdown]
# # What is the Wasserstein distance?
#
# This lesson runs the section *What is Wasserstein distance?* (gan.s14) of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/). The Wasserstein distance
# is also called the **Earth Mover's distance**, or EM distance: if each distribution is a pile of
# dirt, it is the least work that moves the dirt of one pile into the shape of the other. Work is
# the amount of dirt times the distance that it travels.
#
# In this lesson:
#
# 1. A *transport plan* states how much mass goes from each place to each other place. The
#    Wasserstein distance is the cost of the cheapest plan.
# 2. On a line, the cheapest plan follows from sorting. In the plane it is the solution of a linear
#    program.
# 3. The mean over many projections onto lines, the *sliced* distance, approximates the order of the
#    exact distances at a small part of their cost.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/10_wasserstein_distance",
    title="What is the Wasserstein distance?",
    post="gan",
    sections=["gan.s14"],
    figures=["gan.f07"],
    equations=["gan.10", "gan.11", "gan.12", "gan.13"],
    minutes=0.1,
    picture="plan_in_the_plane",
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
# ## 1. Mass in the wrong place
#
# Six places stand in a row, one step apart. All the dirt lies at place 1. It should lie at place 2
# in the first case, and at place 6 in the second.

# %%
place_1, place_2, place_6 = np.eye(6)[[0, 1, 5]]
fig, axes = plot.figure(1, 3, size=(2.9, 1.9), share="y")
names = [str(k) for k in range(1, 7)]
plot.bars(place_1, names, axes[0], colors=[plot.color.real] * 6, title="the dirt lies here")
for ax, wanted, case in zip(axes[1:], (place_2, place_6), ("first", "second")):
    title = f"{case} case: it belongs here"
    plot.bars(wanted, names, ax, colors=[plot.color.fake] * 6, title=title)
lesson.figure(fig, "six_places", "Left: the dirt as it lies. Middle and right: as it should lie.")

# %%
lesson.predict(
    "In which of the two cases is the JS divergence larger?",
    ["place 2", "place 6", "equal in both"],
)

# %% [markdown]
# For piles in a row, the Wasserstein distance is yours to write. Section 2 works it out.

# %%
lesson.exercise("gan/10/earth_mover_1d")

# %%
rows = []
for name, wanted in [("place 2", place_2), ("place 6", place_6)]:
    rows.append([name, js_divergence(place_1, wanted), earth_mover_1d(place_1, wanted).cost])
lesson.table(rows, ["it belongs at", "JS, nats", "Wasserstein, steps"])
lesson.outcome(
    f"JS: {rows[0][1]:.3f} and {rows[1][1]:.3f}. Wasserstein: {rows[0][2]:g} and {rows[1][2]:g}.",
    answer="equal in both",
)

# %% [markdown]
# JS compares the two probabilities of each place and ignores how far apart the places are. So does
# KL, which is infinite in both cases. The Wasserstein distance is defined by distances between
# places.
#
# ## 2. Piles of dirt, step by step
#
# The example of the post has ten shovelfuls of dirt in four piles, one step apart (Eq. gan.10):
#
# $$P_1 = 3,\ P_2 = 2,\ P_3 = 1,\ P_4 = 4; \qquad Q_1 = 1,\ Q_2 = 2,\ Q_3 = 4,\ Q_4 = 3 .$$
#
# The dirt lies as in $P$ and should lie as in $Q$. Carrying one shovelful one step costs 1. Three
# shovelfuls are in the wrong place. Work out the least cost with pencil and paper.

# %%
lesson.predict("What is the least cost?", ["3", "5", "6", "10"])

# %% [markdown]
# Go from left to right. The first pile has 2 shovelfuls too many, so 2 must go on to the second
# pile. The second pile then has 4 and needs 2, so again 2 must go on. The running surplus after
# pile $i$ is $\delta_i$ (Eq. gan.11):
#
# $$\delta_0 = 0, \qquad \delta_i = \delta_{i-1} + P_i - Q_i .$$
#
# It is the net amount that crosses the gap between piles $i$ and $i + 1$: forward if it is
# positive, backward if it is negative. Each shovelful that crosses a gap costs 1, so the least cost
# is $W = \sum_i |\delta_i|$.

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
lesson.outcome(
    "|delta| is 2, 2, 1 and 0. Of the three misplaced shovelfuls, two travel two steps and one "
    "travels one step.",
    answer="5",
)

# %% [markdown]
# The package's function returns the same deltas and their sum.

# %%
lesson.show_source(earth_mover_1d)
cost, deltas = earth_mover_1d(P, Q)
lesson.check("delta_0 to delta_4", deltas, equals=[0, 2, 2, -1, 0], atol=0)
lesson.check("cost of the dirt piles, shovelfuls x steps", cost, equals=5.0, atol=0)

# %% [markdown]
# <details><summary>Derivation: no plan costs less than the sum of the surpluses</summary>
#
# Take any way to move the dirt. Before it, piles 1 to $i$ hold $P_1 + \dots + P_i$ shovelfuls;
# after it they hold $Q_1 + \dots + Q_i$. The difference, $\delta_i$, has crossed the gap behind
# pile $i$, so at least $|\delta_i|$ shovelfuls crossed this gap in one direction or the other. A
# shovelful that travels $k$ steps crosses $k$ gaps, so the cost is the number of crossings:
#
# $$ \text{cost} = \sum_i (\text{shovelfuls that cross gap } i) \;\ge\; \sum_i |\delta_i| . $$
#
# The moves above carry exactly $|\delta_i|$ across gap $i$, so they attain this bound. Hence the
# least cost is $\sum_i |\delta_i|$.
#
# </details>
#
# To test the bound, pair the ten shovelfuls of $P$ with the ten of $Q$ at random, 2,000 times.

# %%
place = np.arange(4.0)
from_places = np.repeat(place, P.astype(int))  # (10,)
to_places = np.repeat(place, Q.astype(int))
rng = lesson.rng("pairings")
random_costs = [np.abs(from_places - rng.permutation(to_places)).sum() for _ in range(2000)]
lesson.check("cheapest of 2,000 random pairings", min(random_costs), at_least=5.0)

# %% [markdown]
# The post makes three moves. Where a surplus is negative, it moves dirt of $Q$ forward, which costs
# the same as moving dirt of $P$ back.

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
    "Compare the two rows in each column: after k moves the first k piles agree, and after "
    "three moves all four do. The moves carried 2, 2 and 1 shovelfuls one step each.",
)

# %%
lesson.change(
    "a shovelful too many",
    "Change the last pile of `Q = np.array([1.0, 2.0, 4.0, 3.0])` to 4.0 and run again. What is in "
    "the last row of the table, and what stops the run?",
    answer="The last surplus is -1: one shovelful is missing, and no pile is left that could "
    "supply it. `earth_mover_1d` stops the run, because both rows of piles must have the same "
    "total, and 10 is not 11.",
)

# %% [markdown]
# ## 3. Transport plans
#
# A *transport plan* is a table: the entry $\gamma(x, y)$ is the share of all dirt that goes from
# $x$ to $y$. All that leaves $x$ adds up to what lies there, and all that arrives at $y$ adds up to
# what is wanted there:
#
# $$\sum_y \gamma(x, y) = p_r(x), \qquad \sum_x \gamma(x, y) = p_g(y) .$$
#
# These sums are the *marginals* of $\gamma$. A joint distribution with the marginals $p_r$ and
# $p_g$ is a *coupling* of the two, and $\Pi(p_r, p_g)$ is the set of all couplings. A share
# $\gamma(x, y)$ that travels $\|x - y\|$ costs $\gamma(x, y) \cdot \|x - y\|$. The cost of the plan
# is the mean distance travelled (Eq. gan.13):
#
# $$\sum_{x, y} \gamma(x, y) \, \|x - y\| = \mathbb{E}_{x, y \sim \gamma} \|x - y\| .$$
#
# The Wasserstein distance is the least of these costs, that of *optimal transport* (Eq. gan.12):
#
# $$W(p_r, p_g) = \inf_{\gamma \in \Pi(p_r, p_g)} \mathbb{E}_{(x, y) \sim \gamma} [\|x - y\|] .$$
#
# The expectation makes sense for densities too, where the sum becomes an integral. The **infimum**
# $\inf$ is the *greatest lower bound*: no plan costs less than $W$, and some plans cost as little
# more as we like. With finitely many places some plan costs exactly $W$, so the infimum is a
# minimum.
#
# We turn shovelfuls into shares, $p = P / 10$ and $q = Q / 10$, and compare three plans. One keeps
# in place as much as possible. One passes each surplus on from pile to pile. One distributes every
# pile over all places in the proportions of $q$.

# %%
lesson.predict(
    "Which of the three plans is cheapest?",
    ["keep in place", "pass it on", "distribute", "the first two, equally", "all three, equally"],
)

# %%
lesson.exercise("gan/10/marginals")

# %%
p = P / 10
q = Q / 10
steps = np.abs(place[:, None] - place)  # the distance from pile to place, (4, 4)
solved = transport_plan(p, q, steps)
plans = {
    "keep in place": np.array([[1, 0, 2, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 1, 3]]) / 10,
    "pass it on": np.array([[1, 2, 0, 0], [0, 0, 2, 0], [0, 0, 1, 0], [0, 0, 1, 3]]) / 10,
    "distribute, p q": np.outer(p, q),
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
    "Shovelfuls from each pile (row) to each place (column). All four plans have the same row and "
    "column sums. The diagonal holds what stays in place.",
)

# %%
costs = {name: 10 * plan_cost(plan, steps) for name, plan in plans.items()}
lesson.outcome(
    ", ".join(f"{name}: {cost:.3g}" for name, cost in costs.items()),
    answer="the first two, equally",
)

# %% [markdown]
# Two different plans cost 5: the *distance* is unique, but the best plan need not be. The least
# cost is the value of a linear program: both the cost and the constraints are linear in $\gamma$.
# Its solution comes with a proof that no plan is cheaper: a price $f_i$ for each pile and a price
# $g_j$ for each place, with $f_i + g_j \le \|x_i - y_j\|$ for every pair.

# %%
f, g = solved.potentials
spare = (steps - f[:, None] - g).min()
lesson.check("distance minus the two prices, smallest", spare, at_least=-1e-12)
lesson.check("total of the prices, in shovelfuls x steps", 10 * (p @ f + q @ g), equals=5.0)
lesson.check("linear program: cost of p and q", solved.cost, equals=0.5, atol=1e-9)

# %% [markdown]
# <details><summary>Derivation: prices bound the cost of every plan from below</summary>
#
# Let $f_i + g_j \le \|x_i - y_j\|$ for all $i, j$, and let $\gamma$ be any coupling of $p$ and $q$.
# Its entries are not negative, its row sums are $p_i$ and its column sums $q_j$, so
#
# $$ \sum_{i,j} \gamma_{ij} \|x_i - y_j\| \;\ge\; \sum_{i,j} \gamma_{ij} (f_i + g_j)
#    = \sum_i p_i f_i + \sum_j q_j g_j . $$
#
# Here the right side is $0.5$, the cost of two of the plans. So these plans are optimal, and the
# prices are the best ones: no prices have a larger total.
#
# </details>
#
# So the least cost is also the **supremum** $\sup$ of such totals, their *least upper bound*: no
# prices have a total above it. That the two are always equal is a theorem, the duality of linear
# programs, which we use here without proof. `gan/12` builds the WGAN on it.
#
# ## 4. Two samples on a line
#
# A sample of numbers is a row of piles too: each number is a small pile, and the gaps between
# neighbors differ in length. There are three ways to the distance.
#
# - **Carry the surplus along the line.** At the place $t$ it is $F(t) - G(t)$, the share of $x$ up
#   to $t$ minus the share of $y$ up to $t$. The distance is the area between $F$ and $G$.
# - **Sort both samples** and pair the smallest with the smallest, the second with the second, and
#   so on.
# - **Solve the linear program**, which does not use the order of the line.
#
# Work out two of them by hand for $x = (0, 10)$ and $y = (11, 1)$.

# %%
lesson.predict(
    "What is the mean |x - y| in the order given, and what is the area between F and G?",
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
lesson.outcome(
    "In the order given, 0 is paired with 11 and 10 with 1. Sorted, 0 is paired with 1 and 10 with "
    "11. The area does not depend on the order.",
    answer="10 and 1",
)

# %% [markdown]
# Now two samples of a few hundred numbers: $x$ from a standard normal, $y$ from a mixture of two
# Gaussians. All three ways must agree to rounding error.

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
lesson.check("largest difference of the three ways", max(three) - min(three), at_most=1e-9)

# %% [markdown]
# <details><summary>Derivation: the area between F and G, and the sorted differences</summary>
#
# Cut the line at $t$. As with the piles, every plan carries the net share $F(t) - G(t)$ across the
# cut, so at least $|F(t) - G(t)|$ crosses it. A share that travels from $x$ to $y$ crosses all cuts
# between $x$ and $y$, a stretch of length $|x - y|$. So for every plan
#
# $$ \text{cost} = \int (\text{share that crosses } t)\, dt \;\ge\; \int |F(t) - G(t)|\, dt . $$
#
# Let $a$ of the sorted $x_{(i)}$ and $b \le a$ of the sorted $y_{(i)}$ lie at or below $t$. In the
# sorted pairing exactly the pairs $i = b + 1, \dots, a$ cross $t$, all of them forward: a share of
# $(a - b)/n = |F(t) - G(t)|$. The same holds for $a < b$, backward. So the sorted pairing attains
# the bound at every $t$, and
#
# $$ W = \int |F(t) - G(t)|\, dt = \frac1n \sum_i |x_{(i)} - y_{(i)}| . $$
#
# </details>

# %%
t = np.linspace(-4, 5, 600)
F = (t[:, None] >= x).mean(axis=1)
G = (t[:, None] >= y).mean(axis=1)
fig, (left, right) = plot.figure(1, 2, size=(4.4, 3.2))
plot.histogram({"x": x, "y": y}, left, bins=40, title="two samples")
plot.line(t, {"F, of x": F, "G, of y": G}, right, title=f"the area between is {between:.3f}")
right.fill_between(t, F, G, color=plot.color.accent, alpha=0.3)
right.set(xlabel="place t", ylabel="share up to t")
lesson.figure(
    fig,
    "area_between",
    "Right: the height of the shaded band at each place is the share that must cross this place. "
    "Its width at each height is the distance that this share travels.",
)

# %% [markdown]
# ## 5. Two samples in the plane
#
# Points in the plane have no order to sort by. For $n$ points on each side with equal weights, some
# best plan pairs each $x$ with exactly one $y$ (the theorem of Birkhoff and von Neumann, used here
# without proof). Finding the best of these pairings is an *assignment problem*. A tempting shortcut
# sends each $x$ to its *nearest* $y$.

# %%
lesson.predict(
    "How does the cost of the shortcut compare with that of the best plan?",
    ["lower", "equal", "higher"],
)

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
    """A line from each x to each y that receives mass from it."""
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
    "Left: each blue point has a line to one orange point, and no two lines cross. Right: the lines"
    " are shorter, but many of them end at the same orange points.",
)

# %%
error = np.abs(np.concatenate(marginals(best.plan)) - 1 / n).max()
lesson.check("best plan: row and column sums, largest error", error, at_most=1e-12)
lesson.check("linear program minus best pairing", best.cost - wasserstein(x, y), equals=0.0)
empty = np.mean(marginals(nearest)[1] == 0)
cheaper = plan_cost(nearest, distances) / best.cost
lesson.check("cost of the shortcut / cost of the best plan", cheaper, at_most=0.999)

# %%
lesson.claim(
    "shortcut: share of the targets that receive nothing",
    empty,
    at_least=0.5,
    source="worst of seeds 0, 1, 2: 0.89; a plan has 0",
)
lesson.outcome(
    f"{cheaper:.2f} times the cost. The shortcut is not a plan: {100 * empty:.0f} % of the targets "
    "receive nothing, so its column sums are wrong.",
    answer="lower" if cheaper < 0.999 else None,
)

# %% [markdown]
# A plan can also be animated: each point of the ring travels at constant speed along its line, and
# the slider sets the share of the way that all points have travelled. We compare the best plan, the
# shortcut, and a plan that draws the pairs at random.

# %%
lesson.predict(
    "In which of the three are the points closest together midway?",
    ["best plan", "to the nearest", "random pairs"],
)

# %%
goals = {
    "best plan": best.plan.argmax(axis=1),
    "to the nearest": distances.argmin(axis=1),
    "random pairs": lesson.rng("lot").permutation(n),
}
share = np.linspace(0, 1, 21)
carried = [[(1 - s) * x + s * y[goal] for s in share] for goal in goals.values()]
lesson.play(
    "carried",
    {"pairs": list(goals), "share": share},
    points=carried,
    truth=y,
    time="share",
    caption="Points of the ring on their way to the moons; the small dots are the moons.",
)

# %% [markdown]
# The mean distance of the points from their common center measures how close together they are.

# %%
middle = {}
for name, goal in goals.items():
    midway = (x + y[goal]) / 2
    middle[name] = np.linalg.norm(midway - midway.mean(axis=0), axis=1).mean()
lesson.outcome(
    "Mean distance from the center midway: "
    + ", ".join(f"{name} {value:.2f}" for name, value in middle.items())
    + ". Random pairs average unrelated points, so their midpoints lie near the center.",
    answer=min(middle, key=middle.get),
)

# %% [markdown]
# ## 6. The sliced distance: many lines instead of the plane
#
# Pairing 2,000 points in the plane takes seconds. On a line the distance only needs a sort. The
# *sliced* Wasserstein distance projects both samples onto a line, computes the distance there, and
# takes the mean over random directions.
#
# A small exact example: shift a sample by a step of length 1. Then $W = 1$. On a line at the angle
# $\varphi$ to the step, the projections are shifted by $|\cos \varphi|$, on average by $2/\pi =
# 0.637$.

# %% [markdown]
# <details><summary>Derivation: in the plane the sliced distance is at most 2/π of the
# exact one</summary>
#
# Let $\gamma$ be the best plan, and $u$ a unit vector at a uniform angle. Projected onto $u$,
# $\gamma$ is a plan between the projected samples, so the distance $W_u$ on this line satisfies
# $W_u \le \mathbb{E}_\gamma |u \cdot (x - y)|$. If $\varphi$ is the angle between $u$ and $x - y$,
# then $|u \cdot (x - y)| = |\cos \varphi|\, \|x - y\|$. The mean over $u$ is
#
# $$ \mathbb{E}_u W_u \;\le\; \mathbb{E}_\gamma \|x - y\| \cdot
#    \frac{1}{2\pi} \int_0^{2\pi} |\cos \varphi| \, d\varphi
#    = \frac{4}{2\pi}\, W = \frac{2}{\pi}\, W . $$
#
# Equality holds where the projection of the best plan is the best plan on every line, as it is for
# a shift.
#
# </details>
#
# We now shift the ring, stretch it, leave out some of its modes, and replace it by the moons, and
# compare both distances on all of these samples.

# %%
lesson.predict(
    "How well do the two distances agree on the order of these samples, by rank correlation?",
    ["below 0.5", "0.5 to 0.9", "above 0.9"],
)

# %%
n = lesson.size(300, quick=40)
base = ring.sample(lesson.rng("base"), n)
other, labels = ring.sample_with_labels(lesson.rng("other"), n)
moon = moons.sample(lesson.rng("moon"), n)


def without_modes(k):
    """n points on all modes of the ring but the first k; points of the other modes are repeated."""
    kept = other[labels % 8 >= k]
    return kept[np.arange(n) % len(kept)]


clouds = {
    "shifted": [base + [t, 0] for t in np.linspace(0.2, 3, 8)],
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
ax = plot.line(reach, lines, title="two distances of the same samples", **gray)
ax.set(xlabel="exact W", ylabel="sliced W")
with plot.style():
    for (kind, points), shade in zip(pairs.items(), shades):
        ax.scatter(*points.T, color=shade, label=kind, zorder=3)
    ax.legend(loc="upper left")
lesson.figure(
    ax,
    "sliced_and_exact",
    "The dashed line is the upper bound, up to the sampling of the directions. Shifted samples lie "
    "on it, stretched ones below it.",
)

# %% [markdown]
# The standard deviation of $|\cos \varphi|$ is $\sqrt{1/2 - 4/\pi^2} = 0.308$, so a mean over 4,000
# directions has a standard error of 0.0049. The thresholds below allow five of them.

# %%
exact, sliced = every.T
ratio = pairs["shifted"][:, 1] / pairs["shifted"][:, 0]
order = spearmanr(exact, sliced).statistic
five_errors = 5 * np.sqrt(0.5 - 4 / np.pi**2) / np.sqrt(4000)

# %%
lesson.claim(
    "sliced / exact, largest of all samples",
    (sliced / exact).max(),
    at_most=2 / np.pi + five_errors,
    source="theory: at most 2/π in the plane, plus 5 standard errors of 4,000 directions",
)
lesson.claim(
    "sliced and exact: rank correlation",
    order,
    at_least=0.95,
    source="worst of seeds 0, 1, 2: 0.991; margin 0.04",
)

# %%
lesson.claim(
    "shifted samples: sliced / exact",
    ratio,
    equals=2 / np.pi,
    atol=five_errors,
    source="theory: the mean of |cos|, within 5 standard errors of 4,000 directions",
)
agreement = ["below 0.5", "0.5 to 0.9", "above 0.9"]
lesson.outcome(
    f"The rank correlation is {order:.3f}.",
    answer=agreement[np.searchsorted([0.5, 0.9], order)],
)

# %% [markdown]
# ## 7. The distance between two samples of one distribution
#
# Take two samples of the *same* ring, of 50 points each, and then two of 800 points each. The
# distributions are equal, so their distance is 0. The samples are not.

# %%
lesson.predict(
    "What is the distance with 800 points, as a share of the distance with 50 points?",
    ["below 0.12", "0.12 to 0.5", "0.5 to 0.9", "above 0.9"],
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
lesson.claim(
    "distance of two samples, 800 points / 50 points",
    fall,
    between=(0.12, 0.5),
    source="theory: √(log N / N) gives 0.33; seeds 0, 1, 2: 0.22 to 0.29, with a margin of 0.1",
)

# %%
shares = ["below 0.12", "0.12 to 0.5", "0.5 to 0.9", "above 0.9"]
lesson.outcome(
    f"{rows[0][1]:.3f} with {sizes[0]} points, {rows[2][1]:.3f} with {sizes[2]}: {fall:.2f} of it.",
    answer=shares[np.searchsorted([0.12, 0.5, 0.9], fall)],
)

# %% [markdown]
# The distance of two samples of one distribution is its *sampling floor*. It falls slowly: as
# $N^{-1/2}$ on a line, as $\sqrt{\log N / N}$ in the plane, and only as $N^{-1/D}$ in more
# dimensions $D$ (known results, used here without proof). Compare every distance between samples
# with this floor.
#
# ## 8. Where the post is loose
#
# - "we would have $\delta_{i+1} = \delta_i + P_i - Q_i$": the indices are shifted by one. The
#   numbers below this sentence, and ours, use $P_{i+1}$ and $Q_{i+1}$. With the indices of the
#   sentence, $\delta_2 = \delta_1 + P_1 - Q_1 = 2 + 3 - 1 = 4$; the post has 2.
# - "If we label the cost to pay to make $P_i$ and $Q_i$ match as $\delta_i$": a cost is not
#   negative, and $\delta_3 = -1$. $\delta_i$ is a signed surplus; the cost is $|\delta_i|$.
# - "can be easily computed as" $\sum_{x, y} \gamma(x, y) \| x-y \|$: the sum holds for piles and
#   samples. The paragraph is about "the continuous probability domain", where it is an integral.
# - $\inf_{\gamma \sim \Pi(p_r, p_g)}$: the sign $\sim$ reads as if plans were drawn at random. The
#   post's next sentences state what is meant: $\Pi$ is "the set of all possible joint probability
#   distributions", and "$\gamma \in \Pi(p_r, p_g)$".

# %%
lesson.check("delta_2 with the indices of the sentence", deltas[1] + P[0] - Q[0], equals=4.0)

# %% [markdown]
# **Here is different:** the post's piles hold ten shovelfuls, so their distance is 5 shovelfuls
# times steps. From section 3 on we use probabilities, and the distance is 0.5 steps.
#
# **Left out:** other powers of the distance, such as $W_2$, and entropic regularization (Sinkhorn),
# which solves large problems fast and approximately. **Next:** `gan/11` compares the gradients of
# KL, JS and the Wasserstein distance.
#
# **Your turn:** `minigen exercise start gan/10`, then `minigen run gan/10 --with
# exercises/gan_10.py`.

# %%
lesson.finish()
