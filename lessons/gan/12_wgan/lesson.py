# %% [markdown]
# # Wasserstein GAN: a critic that measures a distance
#
# The section "Wasserstein GAN" of [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/) (gan.s13) and its
# end, "Use Wasserstein distance as GAN loss function" (gan.s16), run. To take away:
#
# 1. The Wasserstein distance is the largest gap in mean score that a critic can open if its slope is nowhere above 1.
# 2. Everything hangs on holding the slope. Clipping the weights is a crude way, a penalty on the gradient a better one.
# 3. A critic held well is a gauge: its loss goes down as the samples get better. A GAN's loss does not do that.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/12_wgan", title="Wasserstein GAN: a critic that measures a distance", post="gan",
    sections=["gan.s13", "gan.s16"], figures=["gan.f09"], equations=["gan.17", "gan.18", "gan.19"], minutes=5.0,
)

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from minigen import plot
from minigen.data import toy
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import wgan_gp_step, wgan_step
from minigen.gan.wgan import clip_weights, critic_loss, gradient_penalty_at, lipschitz_estimate
from minigen.metrics import mode_coverage, transport_plan, wasserstein
from minigen.optim import EMA, Adam, RMSProp, constant, linear_decay

# %% [markdown]
# ## 1. Two points
#
# One real point at (0, 0), one generated point at (3, 4). To carry one onto the other costs 5. Now forget carrying. Give
# each point of the plane a score $f(x) = w\cdot x$, and open as large a gap $f(\text{real}) - f(\text{fake})$ as you can.
#
# **Before you run the cell:** which $w$ is best, if its length may be at most 1? At most 2? Any?

# %%
real, fake = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
gap = lambda f: -critic_loss(f(real), f(fake))
for w in ([-1.0, 0.0], [0.0, -1.0], [-0.6, -0.8]):
    print(f"w = {w}: gap {gap(lambda x: x @ np.array(w)):.3g}")
lesson.check("the best w of length 1 points from fake to real", gap(lambda x: x @ np.array([-0.6, -0.8])), equals=5.0)
lesson.check("length 2: twice the gap", gap(lambda x: x @ np.array([-1.2, -1.6])), equals=10.0)

# %% [markdown]
# With slope at most 1 the best gap is 5, the cost of carrying. With slope at most $K$ it is $5K$, and without a bound it is
# infinite. This is the dual form of the distance (Eq. gan.17):
#
# $$W(p_r, p_g) = \frac1K \sup_{\|f\|_L \le K}\big(\mathbb E_{x\sim p_r}[f(x)] - \mathbb E_{x\sim p_g}[f(x)]\big), \qquad
# \|f\|_L \le K:\; |f(x_1) - f(x_2)| \le K|x_1 - x_2| \;\text{(Eq. gan.18)}.$$
#
# A smooth function is not enough, as the post suggests: $f(x) = x^2$ is smooth, and its slope $2x$ has no bound.

# %%
steepest = [lipschitz_estimate(lambda x: (x**2).sum(axis=1), np.array([[s]])) for s in (1.0, 10.0, 100.0)]
lesson.check("slope of x² at 1, 10, 100", steepest, equals=[2.0, 20.0, 200.0])

# %% [markdown]
# ## 2. The best critic of two samples
#
# Sixty points of a ring, sixty of two moons. The linear programme of `gan/10` finds the cheapest plan, and with it two
# potentials. They give a best critic $f(x) = \min_j(|x - y_j| - g_j)$. **Will its gap be the plan's cost, or only near it?**

# %%
n = 60
x, y = toy.ring().sample(lesson.rng("x"), n), toy.two_moons().sample(lesson.rng("y"), n)
weights = np.full(n, 1 / n)
_, cost, (_, g) = transport_plan(weights, weights, cdist(x, y))
best = lambda points: (cdist(points, y) - g).min(axis=1)  # (N,)
lesson.check("gap of the best critic is the plan's cost", -critic_loss(best(x), best(y)), equals=cost)
both = np.concatenate([x, y])
rise = np.abs(best(both)[:, None] - best(both)) - cdist(both, both)
lesson.check("no two scores differ by more than the distance", rise.max(), at_most=1e-6)

# %%
ax = plot.heatmap(best, (-3, 3, -3, 3), title="the best critic, exactly", label="score", levels=np.arange(-3, 3, 0.5))
ax.plot(*x.T, "o", color=plot.color.real, ms=4)
ax.plot(*y.T, "o", color=plot.color.fake, ms=4)
lesson.figure(ax, "best_critic", "Blue points are real, orange ones generated. Follow the level lines: between a cluster of "
              "one kind and one of the other they are evenly spaced, for there the slope is 1, no more and no less.")

# %% [markdown]
# ## 3. A network for a critic: clip its weights
#
# With thousands of fresh points at each step there is no time for a linear programme. So $f$ becomes a network $f_w$, and
# the two players meet in (Eq. gan.19)
#
# $$\max_{w}\; \mathbb E_{x\sim p_r}[f_w(x)] - \mathbb E_{z\sim p(z)}[f_w(g_\theta(z))].$$
#
# Two slips of the post: it draws $z$ from $p_r(z)$, but the noise has its own $p(z)$. And it equates the maximum with $W$;
# with slopes up to $K$ it is at most $KW$. The critic *minimizes* the negative, which is what `critic_loss` returns. To
# bound the slope, the first WGAN pushes every weight back into $[-c, c]$ after each step. The algorithm, and its code:

# %%
algorithm = [
    "repeat until $\\theta$ has converged:",
    "    repeat $n_{critic} = 5$ times:",
    "        draw $x$ from the data and $z$ from the noise  # a minibatch of each",
    "        $g_w$ = gradient of  mean $f_w(x)$ - mean $f_w(g_\\theta(z))$",
    "        $w$ = $w$ + lr RMSProp($g_w$)  # up: the critic opens the gap",
    "        $w$ = clip($w$, $-c$, $c$)  # c = 0.01",
    "    draw $z$ from the noise",
    "    $g_\\theta$ = gradient of  - mean $f_w(g_\\theta(z))$",
    "    $\\theta$ = $\\theta$ - lr RMSProp($g_\\theta$)",
]
lesson.figure(plot.algorithm(algorithm, title="WGAN (Arjovsky et al. 2017)"), "f09_algorithm",
              "Compare line by line with `wgan_step`. Line 6 is all that is there to bound the slope.")
lesson.show_source(wgan_step, clip_weights)

# %% [markdown]
# One function trains both kinds: clipping with RMSProp, or (section 4) a penalty with Adam. The learning rate falls to
# zero, and a moving average of the generator is what we sample from.

# %%
def train(density, label, steps, c=None, lr=2e-3, width=64, decay=0.999, slow=1.0, g_width=128, n_critic=5, watch=None, start=0.0):
    rng = lesson.rng(label)
    G, f = Generator(rng, width=g_width), Discriminator(rng, width=width)
    G.body.layers[-1].b[0] += start  # moves all that it generates to the right
    optimizers = [RMSProp(m, lr) if c else Adam(m, lr, betas=(0.0, 0.9)) for m in (G, f)]
    ema, rate = EMA(G, decay), (constant if slow < 1 else linear_decay)(lr, steps)
    draw = lambda n: density.sample(rng, n)

    def step(i):
        optimizers[0].lr, optimizers[1].lr = slow * rate(i), rate(i)
        if c:
            losses = wgan_step(G, f, *optimizers, draw, 128, rng, c=c)
        else:
            losses = wgan_gp_step(G, f, *optimizers, draw, 128, rng, penalty=1.0, n_critic=n_critic)
        ema.update(G)
        if watch:
            watch(i + 1, G, f)
        return losses

    state = {"G": G, "f": f, "g_opt": optimizers[0], "f_opt": optimizers[1], "ema": ema, "rng": rng}
    history = lesson.fit(step, steps, state=state, label=label)
    return ema.model, f, history


# %% [markdown]
# The paper recommends $c = 0.01$. **What do you expect of a $c$ ten times narrower, and of one that is a hundred times
# wider?** (Three hidden layers: the slope goes with the product of four matrices.)

# %%
ring, n = toy.ring(), lesson.size(1000, quick=100)
judge = lambda G, density, name: mode_coverage(G.sample(lesson.rng(f"judge {name}"), 10_000), density.modes, density.std)
clipped, rows = {}, []
for c in (0.001, 0.01, 0.1, 1.0):
    G, f, _ = clipped[c] = train(ring, f"clip {c}", lesson.steps(800, quick=4), c=c)
    x, y = ring.sample(lesson.rng("x"), n), G.sample(lesson.rng("y"), n)
    good = judge(G, ring, c)
    rows.append([c, lipschitz_estimate(f, x), -critic_loss(f(x), f(y)), wasserstein(x, y), good.covered, good.high_quality])
lesson.table(rows, ["c", "steepest slope", "critic's gap", "exact W", "modes of 8", "high quality"], "clipping, on the ring")

# %% [markdown]
# Read the table from the top. At 0.001 and 0.01 the critic is all but flat. RMSProp divides by the size of the gradient,
# so the generator moves all the same, but along a surface with no detail left. At 0.1 it works, not because 0.1 is
# right but because it suits *this* depth and width. At 1.0 the slopes run away, and the generator is thrown about. And the
# gap is $K$ times something, with a $K$ that nobody knows.

# %%
shares = {row[0]: row[5] for row in rows}
slopes = {row[0]: row[1] for row in rows}
lesson.claim("c = 0.001, too narrow: high quality", shares[0.001], at_most=0.55)
lesson.claim("c = 1.0, too wide: high quality", shares[1.0], at_most=0.55)
lesson.claim("steepest slope grows from c = 0.01 to 1.0 by a factor of", slopes[1.0] / slopes[0.01], at_least=1e4)

# %% [markdown]
# ## 4. A penalty on the gradient
#
# The best critic of section 2 had slope 1 on the way between real and generated points. So ask for just that, at random
# points on such ways: $\hat x = \epsilon x + (1 - \epsilon) g_\theta(z)$, and a cost $\lambda(\|\nabla f(\hat x)\| - 1)^2$.
#
# By hand: $f(x) = \frac12|x|^2$ has slope $|x|$. Real (4, 0), fake (0, 0), $\epsilon$ = 3/4 and 1/2. **What is the penalty?**

# %%
bowl = lambda x: 0.5 * (x**2).sum(axis=1)
ends = np.array([[4.0, 0.0]] * 2), np.zeros((2, 2))
lesson.check("slopes 3 and 2: (4 + 1)/2", gradient_penalty_at(bowl, *ends, np.array([0.75, 0.5])), equals=2.5)
lesson.check("a slope of 1/2 is penalized as well", gradient_penalty_at(lambda x: 0.5 * x[:, 0], *ends, np.ones(2)), equals=0.25)
lesson.show_source(gradient_penalty_at, wgan_gp_step)

# %% [markdown]
# A penalty is soft. On a distance $W$ a slope $s$ earns $sW$ and pays $\lambda(s - 1)^2$; the best is $s = 1 + W/2\lambda$.
# For $W = 4$ that is a slope of 3 with our $\lambda = 1$, of 1.2 with the paper's $\lambda = 10$.
#
# Now the gauge. Start a generator 4 to the right of where it should be, and now and then compare the critic's gap with the
# exact $W$ of the same points. The generator walks at half the critic's pace (`slow`): a gauge must settle before
# it is read. **Will the two curves agree? Which will be the lower one?**

# %%
seen, steps = [], lesson.steps(250, quick=12)
marks = set(np.unique(np.geomspace(min(10, steps / 2), steps, 25).round().astype(int)))

def watch(i, G, f):
    if i in marks:
        rng = lesson.rng(f"watch {i}")
        x, y = ring.sample(rng, n), G.sample(rng, n)
        seen.append([i, float(-critic_loss(f(x), f(y))), wasserstein(x, y)])

train(ring, "a generator that starts off", steps, watch=watch, lr=1e-3, slow=0.5, g_width=64, n_critic=10, start=4.0)
at, estimate, exact = np.array(seen).T
lesson.claim("critic's estimate follows W, rank correlation", spearmanr(estimate, exact)[0], at_least=0.9,
             source="Arjovsky 2017, Fig. 3")

# %%
ax = plot.line(at, {"exact W": exact, "critic's gap": estimate}, xlabel="step of the generator", ylabel="distance",
               colors=[plot.color.ink, plot.color.model], markers=True, title="the critic as a gauge")
lesson.figure(ax, "gauge", "Both curves fall together. On the left the gap is about three times W, the slope worked out above; near "
              "the data it drops to W's own size. So it ranks models, in units that change with the distance.")

# %% [markdown]
# ## 5. Side by side
#
# Three densities, clipped with $c = 0.1$ (the best we found) and penalized. **Which row will look sharper, and where?**

# %%
sets = {"ring": ring, "grid": toy.grid(std=0.2), "two_moons": toy.two_moons()}
models = {"clipped": {}, "penalized": {}}
for name, density in sets.items():
    models["clipped"][name] = clipped[0.1] if name == "ring" else train(density, f"clip {name}", lesson.steps(800, quick=4), c=0.1)
    settings = dict(steps=lesson.steps(2600, quick=4), width=128) if name == "grid" else dict(steps=lesson.steps(800, quick=4))
    models["penalized"][name] = train(density, f"penalty {name}", **settings)

fig, axes = plot.figure(2, 3)
for row, (kind, trained) in zip(axes, models.items()):
    for ax, (name, density) in zip(row, sets.items()):
        plot.samples(trained[name][0].sample(lesson.rng("shown"), 2000), density, ax, title=f"{kind}: {name}")
lesson.figure(fig, "samples", "Orange points on the blue density. Above, bridges between the modes and points beside them; "
              "below, the modes have the right size and few points lie between.")

# %%
fig, axes = plot.figure(1, 2)
for ax, (kind, trained) in zip(axes, models.items()):
    f = trained["ring"][1]
    plot.heatmap(lambda p: f(p.astype(np.float32)), (-3, 3, -3, 3), ax, title=f"critic, {kind}", colorbar=False)
    values = f(np.stack(np.meshgrid(*2 * [np.linspace(-3, 3, 80, dtype=np.float32)]), -1).reshape(-1, 2)).reshape(80, 80)
    ax.contour(*2 * [np.linspace(-3, 3, 80)], values, 14, colors=plot.color.ink, linewidths=0.6)
lesson.figure(fig, "surfaces", "The scores of two trained critics. On the left a few straight folds: nearly all weights sit at "
              "one of the ends, and that is all they can draw. On the right hills stand on the eight modes.")

# %%
pushed = lambda f: np.mean(np.concatenate([abs(w.ravel()) > 0.099 for w in f.parameters().values()]))
lesson.table([[kind, pushed(m["ring"][1])] for kind, m in models.items()], ["critic", "weights of at least 0.099"])
good = {kind: judge(m["ring"][0], ring, kind) for kind, m in models.items()}
lesson.table([[kind, g.covered, g.high_quality] for kind, g in good.items()], ["on the ring", "modes of 8", "high quality"])
lesson.claim("penalty on the ring: modes of 8", good["penalized"].covered, equals=8)

# %% [markdown]
# ## 6. The hard grid
#
# Twenty-five modes, two apart. The thinner they are, the steeper the ground a generator must fold. VEEGAN and PacGAN are
# judged at a standard deviation of 0.05. **How thin can we go in a minute on a laptop?**

# %%
grids = {0.2: models["penalized"]["grid"][0]}
for std in (0.1, 0.05):
    grids[std] = train(toy.grid(std=std), f"penalty grid {std}", lesson.steps(3200, quick=3), width=128)[0]
scores = {std: judge(G, toy.grid(std=std), f"grid {std}") for std, G in grids.items()}
lesson.table([[std, s.covered, s.high_quality] for std, s in scores.items()], ["std", "modes of 25", "high quality"])
for std, bar in [(0.2, 0.9), (0.1, 0.8)]:
    lesson.claim(f"grid of std {std}: modes of 25", scores[std].covered, equals=25)
    lesson.claim(f"grid of std {std}: high quality", scores[std].high_quality, at_least=bar)

# %%
fig, axes = plot.figure(1, 3)
for ax, (std, G) in zip(axes, grids.items()):
    plot.samples(G.sample(lesson.rng("grid"), 2500), toy.grid(std=std), ax, title=f"std {std}")
lesson.figure(fig, "grids", "No mode is lost in any of the three. What gets worse to the right is what lies between the modes: "
              "a smooth map of one cloud of noise cannot tear, so some thread always joins its pieces.")

# %% [markdown]
# The numbers of the papers at 0.05, with other networks and far longer training, beside ours:

# %%
lesson.table(
    [["GAN", "VEEGAN paper", 3.3, 0.005], ["unrolled GAN", "VEEGAN paper", 23.6, 0.16], ["VEEGAN", "VEEGAN paper", 24.6, 0.40],
     ["GAN", "PacGAN paper", 17.3, 0.948], ["PacGAN2", "PacGAN paper", 23.8, 0.913],
     ["WGAN-GP", "here", *scores[0.05]]],
    ["model", "measured in", "modes of 25", "high quality"], "grid, std 0.05",
)

# %% [markdown]
# Look at the two rows named GAN: the same name, the same density, and results that have nothing to do with each other. A
# table of modes compares set-ups at least as much as methods. The penalized critic keeps all modes; to put nine tenths of
# its samples into modes this thin it would need more than a minute.
#
# **Left out:** the critic is never trained to the end, so its gap is a lower bound of $KW$, not $W$. The penalty looks at
# random places only. Spectral normalization, which holds the slope of each layer exactly, is not in the post.
# **Next:** `gan/13` leaves the plane: digits and sprites, with the same two training steps.
#
# **Your turn:** `minigen exercise start gan/12`, then `minigen run gan/12 --with exercises/gan_12.py`.

# %%
lesson.finish()
