# %% [markdown]
# # The optimal discriminator and the global optimum
#
# This lesson runs three sections of
# [From GAN to WGAN](https://lilianweng.github.io/posts/2017-08-20-gan/): *What is the optimal value
# for D?* (gan.s03), *What is the global optimal?* (gan.s04) and *What does the loss function
# represent?* (gan.s05). It uses `gan/01` and `gan/02`. In this lesson:
#
# 1. At each point $x$ the optimal output of the discriminator has a closed form.
# 2. Against the optimal discriminator the generator minimizes a divergence between $p_g$ and $p_r$.
# 3. The loss of a well-trained discriminator is therefore an estimate of this divergence, and it
#    needs only samples.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "gan/03_optimal_discriminator",
    title="The optimal discriminator and the global optimum",
    post="gan",
    sections=["gan.s03", "gan.s04", "gan.s05"],
    equations=["gan.04", "gan.05", "gan.06", "gan.07", "gan.08", "gan.09"],
    minutes=0.1,
    picture="trained_discriminator",
    sources=["weng2017gan", "goodfellow2014gan"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data.toy import GaussianMixture
from minigen.gan.losses import discriminator_loss, optimal_discriminator, value_at_optimum
from minigen.gan.networks import Discriminator
from minigen.metrics import js_divergence, js_on_grid
from minigen.optim import Adam, cosine
from minigen.tensor import bce_with_logits, grad, sigmoid, value_and_grad
from minigen.train import descend

# %% [markdown]
# Here are the densities that the lesson uses: real data with two modes, and a generator with one.


# %%
p_r = GaussianMixture([[-2.0], [1.5]], std=[0.5, 0.8], weights=[0.4, 0.6])
p_g = GaussianMixture([[0.0]], std=1.5)
grid = np.linspace(-9, 9, 3601)
dx = 0.005
real = p_r.prob(grid[:, None])  # (3601,)
fake = p_g.prob(grid[:, None])
densities = {"$p_r$, real": real, "$p_g$, fake": fake}

# %%
ax = plot.line(grid, densities, fill=True, ylabel="density", title="two densities", xlabel="x")
ax.set_xlim(-7, 7)
lesson.figure(ax, "densities", "The density of the real examples, and that of the generator.")

# %% [markdown]
# ## 1. The optimal output at one point
#
# Suppose that four examples lie at the same $x$, three real and one fake. The discriminator
# receives $x$ without the label, so it outputs the same probability for all four. It gains the
# logarithm of this probability for each real example, and $\log(1 - D(x))$ for each fake. The post
# labels (Eq. gan.05)
#
# $$\tilde x = D(x), \qquad A = p_r(x), \qquad B = p_g(x) .$$
#
# Here $A$ and $B$ are in the ratio $3 : 1$, and the gain is
#
# $$f(\tilde x) = A \log\tilde x + B \log(1 - \tilde x), \qquad A = 3, \; B = 1 .$$

# %%
lesson.predict("Which of these outputs has the largest gain?", ["0.5", "0.75", "0.9", "0.99"])


# %%
def f(x, A=3.0, B=1.0):
    return A * np.log(x) + B * np.log(1 - x)


lesson.table([[x, f(x)] for x in (0.5, 0.75, 0.9, 0.99)], ["output", "gain"])
lesson.check("f at one half: 3 log 1/2 + log 1/2", f(0.5), equals=-4 * np.log(2))

# %%
lesson.outcome(
    f"Its gain is {f(0.75):.3f}. At 0.99 the fake alone contributes log 0.01 = -4.6: {f(0.99):.3f} "
    "in all.",
    answer="0.75",
)

# %% [markdown]
# The figure shows $f$ for three mixtures of real and fake, with a dot at $A / (A + B)$ on each.

# %%
output = np.linspace(0.005, 0.995, 199)
cases = {"A = 3, B = 1": (3, 1), "A = 2, B = 2": (2, 2), "A = 0.4, B = 3.6": (0.4, 3.6)}
curves = {name: f(output, A, B) for name, (A, B) in cases.items()}
ax = plot.line(output, curves, title="gain at one point")
ax.set(xlabel="output $\\tilde{x}$", ylabel="$A\\,\\log\\,\\tilde{x} + B\\,\\log(1 - \\tilde{x})$")
ax.set_ylim(-10, 0)
for A, B in cases.values():
    ax.plot(A / (A + B), f(A / (A + B), A, B), "o", color=plot.color.ink)
lesson.figure(
    ax,
    "one_point",
    "The maximum of each curve, the dot, is at the share of real examples: 3/4, 1/2, 1/10. At "
    "either edge the gain goes to minus infinity.",
)

# %%
lesson.change(
    "no fakes here",
    "Change `B=1.0` in `f` to `B=0.0`, so that no example at this point is fake, and run again. "
    "Which of the four outputs has the largest gain now?",
    answer="0.99, with a gain of $3 \\log 0.99 = -0.03015$. Without a fake, an output close to 1 "
    "costs nothing: the optimum $A / (A + B)$ is 1.",
)

# %% [markdown]
# The optimum follows from the derivative (Eq. gan.06):
#
# $$
# \frac{df}{d\tilde x} = \frac{A}{\tilde x} - \frac{B}{1 - \tilde x}
#   = \frac{A - (A + B)\tilde x}{\tilde x(1 - \tilde x)} = 0
# \quad\Rightarrow\quad \tilde x^* = \frac{A}{A + B}.
# $$
#
# With logarithms of base 10 the derivative has an additional factor $1/\ln 10$, and the same zero.

# %% [markdown]
# <details><summary>Derivation: the zero of the derivative is the maximum, also when A or B is 0
# </summary>
#
# For $A, B > 0$ the second derivative is negative everywhere,
#
# $$
# \frac{d^2 f}{d\tilde x^2} = -\frac{A}{\tilde x^2} - \frac{B}{(1 - \tilde x)^2} < 0 ,
# $$
#
# so $f$ is strictly concave and its only stationary point is its only maximum. If $B = 0 < A$, then
# $f = A \log \tilde x$ increases up to $\tilde x = 1 = A / (A + B)$. If $A = 0 < B$, then $f = B
# \log(1 - \tilde x)$ is largest at $\tilde x = 0 = A / (A + B)$. If $A = B = 0$, then $f = 0$ for
# every $\tilde x$: no example ever lies at such an $x$, and every output is optimal. The code
# returns $\frac12$ there.
#
# </details>


# %%
def f10(x):
    return 3 * np.log10(x) + np.log10(1 - x)


lesson.check("slope at 1/2: (3 - 2)/(1/4), natural", grad(f)(0.5), equals=4.0)
lesson.check("the same with base 10, times ln 10", grad(f10)(0.5) * np.log(10), equals=4.0)
lesson.check("slopes at 3/4, in both bases", [grad(f)(0.75), grad(f10)(0.75)], equals=[0.0, 0.0])

# %%
curvature = grad(grad(f))(0.75)
lesson.check("second derivative at 3/4", curvature, equals=-3 / 0.75**2 - 1 / 0.25**2)

# %% [markdown]
# ## 2. The optimal discriminator
#
# With $A = p_r(x)$ and $B = p_g(x)$ at every $x$, the game is an integral (Eq. gan.04):
#
# $$
# L(G, D) = \int_x \bigg( p_r(x) \log(D(x)) + p_g(x) \log(1 - D(x)) \bigg) dx .
# $$
#
# $D(x)$ can be chosen freely at each $x$. The integral is therefore largest when the integrand is
# largest at every $x$, and section 1 applies at every $x$. Sketch $D^*$ for the two densities of
# the first figure.

# %%
lesson.predict(
    "Where does D* cross one half?",
    ["at the two modes of p_r", "where the two densities are equal", "where p_g is largest"],
)

# %%
lesson.exercise("gan/03/optimal_discriminator")

# %%
lesson.show_source(optimal_discriminator)
D_star = optimal_discriminator(real, fake)

# %%
crossings = grid[1:][np.diff(np.sign(D_star - 0.5)) != 0]
gap = np.interp(crossings, grid, real - fake)
rows = [[x, np.interp(x, grid, real), np.interp(x, grid, fake)] for x in crossings]
lesson.table(rows, ["D* = 1/2 at x", "p_r there", "p_g there"])

# %%
lesson.check("the densities are equal where D* crosses 1/2", gap, equals=0.0, atol=5e-3)
lesson.outcome(
    f"At {', '.join(f'{x:.2f}' for x in crossings)}: where the two densities are equal.",
    answer="where the two densities are equal",
)

# %% [markdown]
# The optimal discriminator is
#
# $$D^*(x) = \frac{p_r(x)}{p_r(x) + p_g(x)} \in [0, 1] .$$
#
# It is the probability that an example at $x$ is real, when half of all examples are. If the
# generator is optimal, $p_g = p_r$, then $D^*(x) = \frac12$ everywhere.

# %% [markdown]
# In training a discriminator receives samples, not densities. We train a small network on samples,
# with the loss of `gan/02`.

# %%
lesson.predict(
    "Where is the largest difference between the trained D and D*?",
    ["where samples are frequent", "where samples are rare"],
)

# %% [markdown]
# Only one network is trained here, so the training loop is the usual one: draw a batch, compute the
# gradient of the loss, take a step. Here it is written out once.


# %%
def new_discriminator():
    return Discriminator(lesson.rng("init"), dim_x=1, width=64, depth=2)


def loss_of(D, x, y):
    return discriminator_loss(D(x), D(y))


# %%
steps = lesson.steps(3000)
D = new_discriminator()
rng = lesson.rng("data two bumps against one")  # the batches
optimizer = Adam(D, 5e-3)
lr = cosine(5e-3, steps)


def step(i):
    optimizer.lr = lr(i)
    x = p_r.sample(rng, 512)
    y = p_g.sample(rng, 512)
    value, grads = value_and_grad(loss_of)(D, x, y)
    optimizer.step(grads)
    return float(value)


# %%
state = {"D": D, "optimizer": optimizer, "rng": rng}
lesson.fit(step, steps, state=state, label="two modes against one")

# %% [markdown]
# The network outputs logits, and $D$ is their sigmoid. We compare it with $D^*$ on the grid. The
# mean difference is weighted by the density of all examples, $\frac12(p_r + p_g)$.


# %%
def logits(D, x):
    """The logits of points (N,), float64."""
    return D(x.astype(np.float32)[:, None]).astype(float)


def on_grid(D):
    """D as a probability at each point of the grid."""
    return sigmoid(D(grid.astype(np.float32)[:, None])).astype(float)


visited = (real + fake) / 2  # where examples fall


def distance(a, b):
    return np.sum(np.abs(a - b) * visited) * dx


# %%
D_trained = on_grid(D)
off = distance(D_trained, D_star)

lesson.claim(
    "trained D from p_r/(p_r + p_g), mean distance",
    off,
    at_most=0.015,
    source="seed 0: 0.0037; margin: 4",
)

# %%
both = {"$D^*$, exact": D_star, "$D$, trained on samples": D_trained}
shades = [plot.color.ink, plot.color.model]
dashed = {"$D^*$, exact": "--"}

# %%
fig, (top, bottom) = plot.figure(2, 1, size=(6.4, 2.3))
plot.line(grid, densities, top, fill=True, ylabel="density", title="two densities")
plot.line(grid, both, bottom, colors=shades, styles=dashed, reference={"1/2": 0.5})
top.set(xlim=(-7, 7))
bottom.set(xlim=(-7, 7), ylim=(0, 1.05), xlabel="x", ylabel="probability of real")
lesson.figure(
    fig,
    "trained_discriminator",
    "Where the density of the data is the larger one, D* is above 1/2. Compare the trained curve "
    "with the dashed one where both densities are close to zero.",
)

# %%
rare = visited < 0.02  # beyond about 3.5 on either side
near = np.abs(D_trained - D_star)[~rare].max()
far = np.abs(D_trained - D_star)[rare].max()
lesson.outcome(
    f"The largest difference is {near:.3f} where samples are frequent, and {far:.3f} where they "
    f"are rare (a mean density below 0.02). The mean difference is {off:.3f}.",
    answer="where samples are rare" if far > near else "where samples are frequent",
)

# %% [markdown]
# No other $D$ has a larger value $L(G, D)$. The table compares four discriminators.


# %%
def value_of(D):
    D = np.clip(D, 1e-12, 1 - 1e-12)
    return np.sum(real * np.log(D) + fake * np.log(1 - D)) * dx


discriminators = {
    "1/2 everywhere": np.full_like(grid, 0.5),
    "0.99 or 0.01": np.where(real > fake, 0.99, 0.01),
    "trained": D_trained,
    "D*": D_star,
}

# %%
lesson.exercise("gan/03/value_at_optimum")

# %%
most = value_of(D_star)
rows = [[name, value_of(each), most - value_of(each)] for name, each in discriminators.items()]
lesson.table(rows, ["discriminator", "L(G, D), nats", "below that of D*"])
spare = most - max(value_of(each) for each in discriminators.values())
lesson.check("the value at D* minus the largest other value", spare, at_least=0)
value = value_at_optimum(real, fake, dx)
lesson.check("value_at_optimum returns the value at D*", value, equals=most)

# %% [markdown]
# ## 3. A wrong turn: one mean over all examples
#
# Train on batches with three times as many real examples as fakes, and take *one* mean of all the
# cross-entropies. Every label is correct. With $A = 3p_r$ and $B = p_g$, section 1 predicts the
# result.

# %%
lesson.predict(
    "What is the optimal output of this D when p_g = p_r?",
    ["1/2", "3/4", "9/10", "1"],
)

# %%
n_real, n_fake = 1536, 512
labels = np.repeat(np.float32([1, 0]), [n_real, n_fake])


def one_mean(D, x, y):
    return np.mean(bce_with_logits(D(np.concatenate([x, y])), labels))


def three_to_one(rng):
    return p_r.sample(rng, n_real), p_g.sample(rng, n_fake)


# %% [markdown]
# The training loop is the one above, with another loss and other batches. From here on `descend`
# builds the function `step(i)` from a loss, a model, and a function that draws batches.


# %%
def train(label, batches, steps, loss=loss_of):
    D = new_discriminator()
    rng = lesson.rng(f"data {label}")
    step = descend(loss, D, batches, lr=cosine(5e-3, steps), rng=rng)
    lesson.fit(step, steps, state=step.state, label=label)
    return D


# %%
D_odd = on_grid(train("one mean for all", three_to_one, lesson.steps(1500), one_mean))
tilted = optimal_discriminator(3 * real, fake)
from_best = distance(D_odd, D_star)
from_tilted = distance(D_odd, tilted)
rows = [["D*", from_best], ["3 p_r / (3 p_r + p_g)", from_tilted]]
lesson.table(rows, ["this D from", "mean distance"])
lesson.check("3 p_r / (3 p_r + p_g) where p_g = p_r", optimal_discriminator(3.0, 1.0), equals=0.75)

# %%
closer = from_best / from_tilted
lesson.claim(
    "one mean: distance from 3 p_r / (3 p_r + p_g)",
    from_tilted,
    at_most=0.015,
    source="seed 0: 0.0035",
)
lesson.claim(
    "one mean: distance from D*, over that distance", closer, at_least=8, source="seed 0: 57"
)
lesson.outcome(
    "With p_g = p_r the fraction 3 p_r / (3 p_r + p_g) is 3/4 everywhere. For the two densities "
    f"above, the trained D has the distance {from_tilted:.3f} from this fraction, and "
    f"{from_best:.3f} from D*.",
    answer="3/4",
)

# %% [markdown]
# The trained $D$ approximates $3p_r/(3p_r + p_g)$. For this reason `discriminator_loss` takes a
# mean over each group and adds the two.

# %%
lesson.change(
    "as many reals as fakes",
    "Change `n_real, n_fake = 1536, 512` to `n_real, n_fake = 512, 512` and run again in full. "
    "Which of the two curves does the trained discriminator come close to now?",
    answer="$D^*$: its mean distance from $D^*$ is below 0.015. With as many real examples as "
    "fakes the mean of all cross-entropies is half the sum of the two groups' means, so one mean "
    "is wrong only when the groups differ in size.",
)

# %% [markdown]
# ## 4. The value of the game at D*
#
# Insert $D^*$ into the game. First by hand, with two outcomes in place of a line: data $(\frac34,
# \frac14)$ and generator $(\frac14, \frac34)$. Then $D^* = (\frac34, \frac14)$, and each of the two
# expectations is $\frac34\log\frac34 + \frac14\log\frac14 = -0.562$, so $L(G, D^*) = -1.125$.
#
# In general $L(G, D^*)$ is the JS divergence up to a factor and a constant (Eq. gan.08 and, solved
# for $L$, Eq. gan.09):
#
# $$
# D_\mathrm{JS}(p_r \| p_g) = \frac12 \bigg( \log 4 + L(G, D^*) \bigg), \qquad
# L(G, D^*) = 2\,D_\mathrm{JS}(p_r \| p_g) - 2\log 2 .
# $$

# %% [markdown]
# <details><summary>Derivation: the value at D* is 2 JS - 2 log 2</summary>
#
# Insert the mixture $m = (p_r + p_g)/2$ into the definition of JS (Eq. gan.02). Since $p_r + p_g =
# 2m$, we have $\log\frac{p_r}{m} = \log 2 + \log\frac{p_r}{p_r + p_g}$, and $p_r$ integrates to 1.
# The same holds for $p_g$:
#
# $$
# \begin{aligned}
# D_\mathrm{JS}(p_r \| p_g)
#   &= \frac12 D_\mathrm{KL}\Big(p_r \Big\| \frac{p_r + p_g}{2}\Big)
#     + \frac12 D_\mathrm{KL}\Big(p_g \Big\| \frac{p_r + p_g}{2}\Big) \\
#   &= \frac12 \bigg( \log 2 + \int_x p_r(x) \log\frac{p_r(x)}{p_r(x) + p_g(x)}\, dx \bigg)
#     + \frac12 \bigg( \log 2 + \int_x p_g(x) \log\frac{p_g(x)}{p_r(x) + p_g(x)}\, dx \bigg) \\
#   &= \frac12 \bigg( \log 4 + L(G, D^*) \bigg) .
# \end{aligned}
# $$
#
# The last step uses $D^* = p_r/(p_r + p_g)$ and $1 - D^* = p_g/(p_r + p_g)$. Solving for $L$ gives
# $L(G, D^*) = 2\,D_\mathrm{JS}(p_r \| p_g) - 2\log 2$. Because $D_\mathrm{JS} \ge 0$, and zero only
# for $p_g = p_r$ (`gan/01`), the global minimum is $-2 \log 2$, at $p_g = p_r$ only.
#
# </details>

# %%
lesson.show_source(value_at_optimum)
coin = np.array([0.75, 0.25])
other = np.array([0.25, 0.75])
value = value_at_optimum(coin, other, 1)
lesson.check("two outcomes by hand", value, equals=1.5 * np.log(3) - 4 * np.log(2))
lesson.check("(log 4 + L)/2 is JS", (np.log(4) + value) / 2, equals=js_divergence(coin, other))

# %% [markdown]
# Now on a line: the data are $\mathcal N(0, 1)$, the generator is $\mathcal N(s, 1)$, and the shift
# $s$ goes from 0 to 8. Sketch the value $L(G, D^*)$ against $s$.

# %%
lesson.predict(
    "How steep is this curve at s = 8, relative to its steepest point?",
    ["it is steepest there", "about half as steep", "about a thousandth as steep"],
)


# %%
def normal(s):
    return GaussianMixture([[s]], std=1.0)


line = np.linspace(-8, 16, 4801)
shifts = np.linspace(0, 8, 33)
moved = [normal(s).prob(line[:, None]) for s in shifts]
exact = np.array([value_at_optimum(moved[0], p, 0.005) for p in moved])
js = np.array([js_on_grid(np.log(moved[0]), np.log(p), 0.005) for p in moved])
formula = 2 * js - 2 * np.log(2)

# %%
gaps = np.abs(exact - formula)
lesson.check("L(G, D*) minus (2 JS - 2 log 2), all 33 shifts", gaps, at_most=1e-3)
least = -2 * np.log(2)
lesson.check("L(G, D*) where p_g = p_r, nats", exact[0], equals=least, atol=1e-3)
same = optimal_discriminator(moved[0], moved[0])
lesson.check("D* where p_g = p_r", same, equals=0.5)

# %%
slope = np.gradient(exact, shifts, edge_order=2)
lesson.outcome(
    f"The slope is {slope.max():.3f} at shift {shifts[slope.argmax()]:g} and {slope[-1]:.5f} at 8.",
    answer="about a thousandth as steep",
)

# %% [markdown]
# At $s = 0$, $p_g = p_r$ and $D^* = \frac12$, so the value is (Eq. gan.07)
#
# $$
# \begin{aligned}
# L(G^*, D^*) &= \int_x \bigg( p_r(x) \log(D^*(x)) + p_g(x) \log(1 - D^*(x)) \bigg) dx \\
#   &= \log\frac12 \int_x p_r(x)\, dx + \log\frac12 \int_x p_g(x)\, dx = -2 \log 2 .
# \end{aligned}
# $$
#
# This is the *global optimum* of the game.
#
# ## 5. The discriminator's loss as an estimate of JS
#
# Eq. gan.08 gives an estimator. Train a discriminator, evaluate its loss on new samples, and
# compute $\frac12(\log 4 + L(G, D))$. Remember from section 2 which $D$ has the largest value.

# %%
lesson.predict(
    "With infinitely many new samples, an estimate from a trained D is",
    ["at most JS", "equal to JS", "at least JS"],
)

# %%
shown = [0, 1, 2, 3, 4, 6]


def shifted_by(s):
    def batches(rng):
        return normal(0).sample(rng, 512), normal(s).sample(rng, 512)

    return batches


trained = {s: train(f"shift {s}", shifted_by(s), lesson.steps(500)) for s in shown}

# %% [markdown]
# We evaluate a discriminator on new examples, through its *logits*, which `discriminator_loss`
# accepts directly. Where two distributions are far apart a logit can exceed 20. Its sigmoid rounds
# to 1 in float32, and $\log(1 - D)$ of a single fake would be $-\infty$. Computed from the logit it
# is finite. By hand: if $D$ outputs the logit 200 for a real example and for a fake, its loss is 0
# + 200.


# %%
def js_estimate(real_logits, fake_logits):
    """JS estimated from a discriminator's loss, which is minus its value: Eq. gan.08."""
    return (np.log(4) - discriminator_loss(real_logits, fake_logits)) / 2


extreme = np.array([200.0])
lesson.check(
    "one real and one fake at logit 200",
    js_estimate(extreme, extreme),
    equals=(np.log(4) - 200) / 2,
)

# %%
n = lesson.size(100_000)
estimates = []
for s in shown:
    rng = lesson.rng(f"fresh {s}")
    real_logits = logits(trained[s], normal(0).sample(rng, n)[:, 0])
    fake_logits = logits(trained[s], normal(s).sample(rng, n)[:, 0])
    estimates.append(js_estimate(real_logits, fake_logits))

# %%
exact_js = js[[4 * s for s in shown]]
lesson.table(zip(shown, exact_js, estimates), ["shift", "JS, exact", "JS, estimated"])
worst = np.abs(estimates - exact_js).max()
lesson.claim(
    "estimated JS, largest error",
    worst,
    at_most=0.01,
    unit="nats",
    source="seed 0: 0.0022; margin: 4",
)

# %%
errors = ", ".join(f"{error:+.4f}" for error in np.array(estimates) - exact_js)
lesson.outcome(
    f"The value at D is at most the value at D*. The errors of this run, with {n:,} new samples of "
    f"each kind, are {errors}; a positive one is noise of sampling.",
    answer="at most JS",
)

# %%
one_curve = {"$L(G, D^*)$": exact, "2 JS - 2 log 2": formula}
shades = [plot.color.sky, plot.color.ink]
dashed = {"2 JS - 2 log 2": "--"}
read_off = {"trained D": 2 * np.array(estimates) - 2 * np.log(2)}
dots = {"colors": [plot.color.model], "markers": True, "styles": {"trained D": "none"}}

# %%
ax = plot.line(
    shifts, one_curve, colors=shades, styles=dashed, title="the value of the game at $D^*$"
)
plot.line(shown, read_off, ax, reference={"-2 log 2": least}, **dots)
ax.set(xlabel="shift s", ylabel="nats")
lesson.figure(
    ax,
    "value_along_shifts",
    "The minimum, -1.386, is at shift 0, and the two formulas give one curve. To the right the "
    "curve becomes flat: there a generator receives almost no gradient.",
)

# %% [markdown]
# The value of a trained discriminator is at most that of $D^*$. So the estimate is a *lower bound*
# of JS, up to the noise of sampling. JS itself is at most $\log 2$. Two distributions without a
# common outcome reach it, and the value of the game is then 0:

# %%
apart = js_divergence([1.0, 0.0], [0.0, 1.0])
lesson.check("JS of (1, 0) and (0, 1), nats", apart, equals=np.log(2))
value = value_at_optimum(np.array([1.0, 0]), np.array([0, 1.0]), 1)
lesson.check("the value of the game for them", value, equals=0.0)
lesson.table([[s, slope[4 * s]] for s in (1, 2, 4, 6, 8)], ["shift", "slope of L(G, D*)"])

# %% [markdown]
# The slope in the table is the gradient that a generator with the parameter $s$ receives. It is
# largest at a shift between 1.5 and 2, and at 8 about a thousandth of it is left.
#
# ## 6. Where the post is loose
#
# - "$A \frac{1}{ln10} \frac{1}{\tilde{x}} - B \frac{1}{ln10} \frac{1}{1 - \tilde{x}}$": the factor
#   $1/\ln 10$ belongs to logarithms of base 10, and the other equations of the section are
#   written without a base. The factor does not move the zero. But with base 10 the optimum $-2
#   \log 2$ is $-0.602$, and with natural logarithms $-1.386$.
# - "we can safely ignore the integral because $x$ is sampled over all the possible values": the
#   reason is another one. $D(x)$ can be chosen at each $x$ independently, so maximizing the
#   integrand at each $x$ maximizes the integral.
# - "$L(G, D^*)$" stands for two things: for $-2\log2$ in the section on the global optimum, and
#   for the value at any $G$ in the section after it. The post repairs this at the end with
#   "$L(G^*, D^*) = -2\log2$".
#
# **Left out:** to be $D^*$, a network must have unlimited capacity and be trained to convergence
# after each step of the generator. Algorithm 1 gives it one step. So no GAN descends the curve
# above: two networks take turns, and each changes the objective of the other. **Next:** do these
# turns converge to the equilibrium? `gan/04` studies the smallest such game. The flat part of the
# curve returns in `gan/05` and `gan/06`.
#
# **Your turn:** `minigen exercise start gan/03`, then `minigen run gan/03 --with
# exercises/gan_03.py`.

# %%
lesson.finish()
