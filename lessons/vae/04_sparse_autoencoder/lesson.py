# %% [markdown]
# # The sparse autoencoder, and the k-sparse one
#
# The section *Sparse Autoencoder* (vae.s04) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/),
# run. To take away:
#
# 1. A code may be wide if only a few of its units speak at a time: a large vocabulary, and few
#    words for each digit.
# 2. One way to get there is a price on how often a unit is active, a KL divergence between two
#    coins.
# 3. The other is blunt: keep the k largest units and silence the rest. How small k is decides what
#    a unit stands for.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/04_sparse_autoencoder",
    title="The sparse autoencoder, and the k-sparse one",
    post="vae",
    sections=["vae.s04"],
    figures=["vae.f03", "vae.f04"],
    equations=["vae.03", "vae.04"],
    minutes=0.4,
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.optim import cosine
from minigen.tensor import grad
from minigen.train import descend
from minigen.vae.autoencoder import Autoencoder, autoencoder_loss, k_sparse, kl_bernoulli
from minigen.vae.autoencoder import reconstruction_loss, sparsity_penalty

# %% [markdown]
# ## 1. A price on being active
# A sigmoid unit that is near 1 is *active*, near 0 it is silent. Its average over the data (Eq.
# vae.03) says how often it speaks:
#
# $$\hat\rho_j = \frac1n \sum_{i=1}^n a_j(\mathbf{x}^{(i)}) .$$
#
# We should like $\hat\rho_j = \rho$, a small number. Think of two coins: one falls heads with
# probability $\rho$, the other with $\hat\rho_j$. Their KL divergence, summed over the units, is
# added to the loss (Eq. vae.04):
#
# $$L_{\mathrm{SAE}} = L + \beta \sum_j \Big[ \rho \log \frac{\rho}{\hat\rho_j}
# + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j} \Big] .$$
#
# By hand: on four digits a unit says 0, 0, 0, 1, so $\hat\rho = \frac14$. If $\rho = \frac14$ was
# asked for, it costs nothing. A unit that says 1, 0, 1, 0 has $\hat\rho = \frac12$ and costs
# $\frac14 \log \frac12 + \frac34 \log \frac32 = 0.131$. **Before you run the cell:** what is dearer
# at $\rho = \frac14$, a unit that is active half of the time or one that hardly ever is, $\hat\rho
# = 0.01$?

# %%
lesson.show_source(kl_bernoulli, sparsity_penalty)
quarter = np.array([[0.0], [0.0], [0.0], [1.0]])
half = np.array([[1.0], [0.0], [1.0], [0.0]])
lesson.check("cost of 0, 0, 0, 1", sparsity_penalty(quarter, 0.25), equals=0.0)
lesson.check("cost of 1, 0, 1, 0", sparsity_penalty(half, 0.25), equals=0.1308, atol=5e-5)

# %%
rate = np.linspace(0.01, 0.99, 197)
cost = kl_bernoulli(0.25, rate)
ax = plot.line(
    rate,
    cost,
    title="KL(ρ || ρ̂) at ρ = 0.25",
    xlabel="how often the unit is active, ρ̂",
    ylabel="nats",
)

# %%
lesson.figure(
    ax,
    "f03_kl",
    "It is 0 at 0.25 and only there. Never speaking is dear as well; always speaking is dearest.",
)
lesson.check("the curve is lowest at", rate[np.argmin(cost)], equals=0.25)

# %% [markdown]
# A gradient step follows the slope of this curve. Which way does it push a unit that is too rare,
# and how hard?


# %%
def cost_of(rate):
    return kl_bernoulli(0.25, rate)


slope_of = grad(cost_of)
lesson.table(
    [[r, cost_of(r), slope_of(r)] for r in (0.01, 0.25, 0.5, 0.99)],
    ["ρ̂", "cost", "slope: too rare pulls up, too often pulls down"],
)

# %% [markdown]
# Silence is dearer: 0.60 against 0.13. So no unit may die out, which a plain price on activity
# would allow.
#
# **A wrong turn on paper:** take the divergence of each single activation and average those. Then a
# unit pays least when it says $\frac14$ to *every* digit: never active, never silent, no use at
# all. First the average, then the divergence.

# %%
dense = np.full((4, 1), 0.25)


def each(a):
    return kl_bernoulli(0.25, np.clip(a, 0.01, 0.99)).mean()


lesson.table(
    [
        ["0, 0, 0, 1", sparsity_penalty(quarter, 0.25), each(quarter)],
        ["¼, ¼, ¼, ¼", sparsity_penalty(dense, 0.25), each(dense)],
    ],
    ["the unit says", "average first (right)", "divergence first"],
)

# %% [markdown]
# ## 2. Digits under a price
# Two autoencoders with 200 sigmoid units, one with the price ($\rho = 0.05$) and one without. The
# price is taken on each batch of a hundred. **Your guess:** how often are the units active without
# it? And will the mean come down to 0.05 all the way?

# %%
data = mnist.load()
n_test = lesson.size(10_000, quick=200)
test = mnist.unit(data.test_images[:n_test], flat=True)  # (N, 784), in [0, 1]
labels = data.test_labels[:n_test].astype(int)
cfg = lesson.configure(
    rho=0.05, beta=10.0, units=200, batch=100, lr=3e-3, wide=1000, ks=(70, 40, 25, 10), k_lr=1e-3
)


# %%
def shuffled_digits(label):
    order = lesson.rng(f"order {label}")
    return mnist.batches(data.train_images, size=cfg.batch, rng=order)


def unit_pixels(batches):
    for images, *_ in batches:
        yield mnist.unit(images, flat=True)


# %%
def learn_priced(model, beta, label):
    def price(model, x, z):
        return beta * sparsity_penalty(z, cfg.rho)

    def loss(model, x):
        return autoencoder_loss(model, x, penalty=price)

    steps = lesson.steps(800, quick=10)
    batches = shuffled_digits(label)
    step = descend(loss, model, unit_pixels(batches), lr=cosine(cfg.lr, steps))
    state = {**step.state, "batches": batches, "order": batches.rng}
    lesson.fit(step, steps, label=label, state=state)


# %% [markdown]
# Both start with biases of $-3$: $\sigma(-3) = 0.047$, near the goal from the start.

# %%
priced = {}
for name, beta in (("no price", 0.0), ("price", cfg.beta)):
    priced[name] = Autoencoder(
        lesson.rng("sigmoid"),
        dim_z=cfg.units,
        widths=(),
        code_activation="sigmoid",
        out_activation="sigmoid",
    )
    priced[name].encoder.b -= 3
    learn_priced(priced[name], beta, f"sigmoid units, {name}")

# %%
rows = []
rates = {}
for name, model in priced.items():
    code = model.encode(test)  # (N, 200)
    rates[name] = code.mean(axis=0)
    active = float((code > 0.5).sum(axis=1).mean())
    error = reconstruction_loss(test, model(test))
    rows.append([name, rates[name].mean(), rates[name].min(), rates[name].max(), active, error])

# %%
header = ["200 units", "mean activation", "lowest unit", "highest unit"]
lesson.table(rows, [*header, "units above ½ on a digit", "squared error"])

# %%
ax = plot.histogram(
    rates,
    bounds=(0, 1),
    title="how often the 200 units are active",
    xlabel="mean over the test digits",
)
lesson.figure(
    ax,
    "rates",
    "Without a price most units are active about half of the time. With it they crowd near 0.05,"
    " and none is at 0.",
)

# %%
with_price = rates["price"]
near = np.mean((with_price > 0.03) & (with_price < 0.07))
ratio = rates["no price"].mean() / with_price.mean()
lesson.claim(
    "mean activation under the price", with_price.mean(), between=(0.03, 0.07), source="ρ = 0.05"
)
lesson.claim("share of units between 0.03 and 0.07", near, at_least=0.9)
lesson.claim("mean activation without it, over that with it", ratio, at_least=2)

# %% [markdown]
# On one digit only a few of the 200 units are above ½. Rebuilding has become worse, as it must: the
# price buys sparsity for error.
#
# ## 3. Blunt: keep the k largest
# Makhzani and Frey (2013) do without a price. The code is linear; its $k$ largest numbers stay, all
# others become 0, and only the $k$ that stayed are corrected. By hand, with $k = 2$: of $(3, -5, 1,
# 2)$ stay 3 and 2. The $-5$ is the largest in size, but not in *value*. **What is the gradient of
# the sum of what stays?**

# %%
lesson.show_source(k_sparse)
z = np.array([[3.0, -5.0, 1.0, 2.0]])
lesson.check("k_sparse of (3, -5, 1, 2), k = 2", k_sparse(z, 2), equals=[[3.0, 0.0, 0.0, 2.0]])


# %%
def sum_of_what_stays(z):
    return np.sum(k_sparse(z, 2))


lesson.check(
    "its gradient: 1 where a number stayed",
    grad(sum_of_what_stays)(z),
    equals=[[1.0, 0.0, 0.0, 1.0]],
)

# %% [markdown]
# Four such autoencoders with 1,000 units and tied weights, so that a unit's *filter* is what it
# looks for and what it draws. A unit that is never among the k never learns; therefore k starts at
# 200 and falls to its value over the first half of the training. **Predict:** one has 70 units to
# draw a digit with, one has 10. Whose filters will look like digits?


# %%
def k_autoencoder(k):
    return Autoencoder(lesson.rng("k-sparse"), dim_z=cfg.wide, widths=(), k=k, tied=True)


def falling_k(k, steps):
    def at(i):
        return max(k, round(200 * (1 - 2 * i / steps)))

    return at


# %%
def learn_k_sparse(model, label, k_at=None):
    k = model.k
    steps = lesson.steps(350, quick=2)
    batches = shuffled_digits(label)
    step = descend(autoencoder_loss, model, unit_pixels(batches), lr=cosine(cfg.k_lr, steps))

    def step_at_its_k(i):
        model.k = k if k_at is None else k_at(i)
        return step(i)

    state = {**step.state, "batches": batches, "order": batches.rng}
    lesson.fit(step_at_its_k, steps, label=label, state=state)
    model.k = k


# %%
kept = {}
for k in cfg.ks:
    kept[k] = k_autoencoder(k)
    learn_k_sparse(kept[k], f"k = {k}", falling_k(k, lesson.steps(350, quick=2)))

# %% [markdown]
# We show 36 filters of each: those of the units in most use, without the twenty busiest.

# %%
fig, axes = plot.figure(1, 4, size=(3.1, 3.3))
for ax, (k, model) in zip(axes, kept.items()):
    used = (model.encode(test) != 0).mean(axis=0)  # (1000,), the share of digits
    often = np.argsort(-used)[20:56]
    filters = model.encoder.w.T[often]
    plot.image_grid(filters, 6, 6, ax, shape=(28, 28), limits="signed", title=f"k = {k}")

# %%
lesson.figure(
    fig,
    "f04_filters",
    "From left to right: at 70 small pieces, many of them noisy still; at 40 and 25 strokes and"
    " arcs; at 10 most of a whole digit in one unit.",
)


# %%
def in_use(model):
    return np.mean((model.encode(test) != 0).any(axis=0))


rows = [[k, reconstruction_loss(test, m(test)), in_use(m)] for k, m in kept.items()]
lesson.table(rows, ["k of 1,000", "squared error, per test image", "share of units in use"])
lesson.claim(
    "error grows as k falls: smallest step", np.diff([row[1] for row in rows]).min(), at_least=0.2
)

# %% [markdown]
# Seventy small strokes make any digit. Ten must each say a lot.
#
# ## 4. What is such a code good for?
# A logistic regression draws one straight cut between any two classes. We give it 10,000 labeled
# digits, as pixels and as codes, and count how many of the test digits it gets right. **Which code
# serves best:** the one that rebuilds best?

# %%
from minigen.nn import Linear
from minigen.tensor import cross_entropy


def classification_loss(model, x, y):
    return np.sum(cross_entropy(model(x), y)) / len(y)


# %%
labeled = slice(0, lesson.size(10_000, quick=300))
train = mnist.unit(data.train_images[labeled], flat=True)
train_labels = data.train_labels[labeled].astype(int)

# %% [markdown]
# One number, the standard deviation of all features, brings pixels and codes to an equal footing.


# %%
def logistic_regression(features, label):
    x = features(train)
    scale = x.std()
    rng = lesson.rng(f"regression {label}")
    model = Linear(rng, x.shape[1], 10, scale=0.0)
    batches = mnist.batches(x / scale, train_labels, size=200, rng=rng)
    steps = lesson.steps(1200, quick=5)
    step = descend(classification_loss, model, batches, lr=cosine(3e-3, steps))
    state = {**step.state, "rng": rng}
    lesson.fit(step, steps, label=f"straight cuts through {label}", state=state)
    return float(np.mean(model(features(test) / scale).argmax(axis=1) == labels))


def pixels(x):
    return x


# %%
right = {
    "pixels": logistic_regression(pixels, "pixels"),
    "sigmoid, price": logistic_regression(priced["price"].encode, "sigmoid units with a price"),
}
for k, model in kept.items():
    right[f"k = {k}"] = logistic_regression(model.encode, f"codes of k = {k}")

# %%
ax = plot.bars(
    {"": np.array(list(right.values()))},
    list(right),
    title="test digits told apart by straight cuts",
    numbers="%.3f",
)
ax.set_ylim(0.88, 0.98)
lesson.figure(
    ax,
    "straight_cuts",
    "The scale starts at 0.88. The codes were learned without a label, and yet the same straight"
    " cuts do better on them than on pixels; least so at k = 10, which has too few words.",
)

# %%
gain = {name: share - right["pixels"] for name, share in right.items()}
lesson.claim("right answers: codes of k = 25 minus pixels", gain["k = 25"], at_least=0.01)
lesson.claim(
    "right answers: sigmoid units with a price minus pixels", gain["sigmoid, price"], at_least=0.0
)
lesson.claim(
    "right answers: codes of k = 70 and 40 minus pixels",
    [gain["k = 70"], gain["k = 40"]],
    at_least=0.01,
)

# %% [markdown]
# Silencing is a bend: which units survive depends on all the others. That is what turns straight
# cuts on the code into curved ones on pixels.
#
# ## 5. Two wrong turns
# **k from the start.** Leave out the slow fall of k. **And ReLU units under the price:** what is a
# coin that falls heads with probability 3?

# %%
abrupt = k_autoencoder(10)
learn_k_sparse(abrupt, "k = 10 from the start")
falling = rows[-1]  # k, error, share in use
share = float(in_use(abrupt))
lesson.table(
    [
        ["k falls from 200 to 10", falling[1], falling[2]],
        ["k = 10 from the start", reconstruction_loss(test, abrupt(test)), share],
    ],
    ["k = 10", "squared error", "share of units in use"],
)
lesson.claim(
    "share of units in use: k falling over k from the start", falling[2] / share, at_least=1.3
)

# %%
try:
    sparsity_penalty(np.array([[3.0], [0.2]]), 0.05)
except ValueError as error:
    print(f"  ReLU units: {error}")
else:
    lesson.check("ReLU units are refused", False)

# %% [markdown]
# The few units that win early are corrected, win again, and take all; the others stay noise for
# good. And the price has a meaning only for numbers between 0 and 1.
#
# ## 6. Where the post is loose
# - In Eq. vae.04 the double sum must cover *both* logarithms; as printed its second term seems to
#   stand outside.
# - It uses $L$ for the loss and for the number of layers.
# - It says that a unit should be inactive most of the time, and lists activations such as ReLU and
#   tanh. The price needs sigmoids.
# - $\hat\rho$ is an average over all data. In training it is one over a batch: with 100 digits and
#   $\rho = 0.05$ a unit is expected on five of them, give or take two.

# %%
spread = (100 * 0.05 * 0.95) ** 0.5
lesson.check("standard deviation of a count of 100 coins at 0.05", spread, equals=2.179, atol=1e-3)

# %% [markdown]
# **Left out:** at test time the paper keeps more units than in training, and fine-tunes with
# labels. **Next:** `vae/05` asks of a code that it should not move when the input moves a little.
#
# **Your turn:** `minigen exercise start vae/04`, then `minigen run vae/04 --with
# exercises/vae_04.py`.

# %%
lesson.finish()
