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
    sources=["weng2018vae", "ng2011sparse", "makhzani2013ksparse"],
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
# probability $\rho$, the other with $\hat\rho_j$. The KL divergence of the second coin from the
# first is the mean of $\log p - \log q$ under the first (`gan/01`). A coin has two sides: write the
# two terms down. The sum over the units is the price, which is added to the loss with a weight
# $\beta$.

# %%
lesson.exercise("vae/04/kl_bernoulli")
lesson.exercise("vae/04/sparsity_penalty")

# %% [markdown]
# The whole loss is (Eq. vae.04)
#
# $$L_{\mathrm{SAE}} = L + \beta \sum_j \Big[ \rho \log \frac{\rho}{\hat\rho_j}
# + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j} \Big] .$$
#
# By hand: on four digits a unit says 0, 0, 0, 1, so $\hat\rho = \frac14$. If $\rho = \frac14$ was
# asked for, it costs nothing. A unit that says 1, 0, 1, 0 has $\hat\rho = \frac12$ and costs
# $\frac14 \log \frac12 + \frac34 \log \frac32 = 0.131$.

# %%
lesson.show_source(kl_bernoulli, sparsity_penalty)
quarter = np.array([[0.0], [0.0], [0.0], [1.0]])
half = np.array([[1.0], [0.0], [1.0], [0.0]])
lesson.check("cost of 0, 0, 0, 1", sparsity_penalty(quarter, 0.25), equals=0.0)
lesson.check("cost of 1, 0, 1, 0", sparsity_penalty(half, 0.25), equals=0.1308, atol=5e-5)

# %%
lesson.change(
    "active on three of four",
    "Change `quarter` to `np.array([[0.0], [1.0], [1.0], [1.0]])` and run again. What does a unit "
    "cost that is active on three digits of four? What would one cost that is active on all four?",
    answer="0.5493 nats: $\\frac14 \\log \\frac13 + \\frac34 \\log 3 = \\frac12 \\log 3$. A unit "
    "that is always active would cost infinitely much, since $\\frac34 \\log \\frac{3/4}{1 - "
    "\\hat\\rho}$ has no bound as $\\hat\\rho$ goes to 1. The check of 0, 0, 0, 1 no longer holds.",
)

# %% [markdown]
# Now any rate, at $\rho = \frac14$.

# %%
lesson.predict(
    "What is dearer, a unit that is active half of the time, or one hardly ever (0.01)?",
    ["half of the time", "hardly ever", "both the same: each is off by about ¼"],
)

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
lesson.outcome(
    f"{kl_bernoulli(0.25, 0.01):.2f} nats for silence, {kl_bernoulli(0.25, 0.5):.2f} for one half."
    " So no unit may die out, which a plain price on activity would allow.",
    answer="hardly ever",
)
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
# price is taken on each batch of a hundred.

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
lesson.predict(
    "What mean activation will the units have without the price?",
    ["below 0.1: they start there", "0.1 to 0.35", "above 0.35"],
)


# %%
def sigmoid_units():
    activations = {"code_activation": "sigmoid", "out_activation": "sigmoid"}
    model = Autoencoder(lesson.rng("sigmoid"), dim_z=cfg.units, widths=(), **activations)
    model.encoder.b -= 3
    return model


priced = {}
for name, beta in (("no price", 0.0), ("price", cfg.beta)):
    priced[name] = sigmoid_units()
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
free = rates["no price"].mean()
answer = "above 0.35" if free > 0.35 else "0.1 to 0.35"
lesson.outcome(
    f"{free:.2f}, and {rates['price'].mean():.3f} with the price.",
    answer="below 0.1: they start there" if free < 0.1 else answer,
)

# %%
header = ["200 units", "mean activation", "lowest unit", "highest unit"]
lesson.table(rows, [*header, "units above ½ on a digit", "squared error"])

# %%
ax = plot.histogram(
    rates,
    bounds=(0, 1),
    title="how active the 200 units are",
    xlabel="mean activation over the test digits",
)
lesson.figure(
    ax,
    "rates",
    f"Without a price the means of the units lie around {free:.2f}. With it they crowd near"
    f" {rates['price'].mean():.2f}; the quietest has {rates['price'].min():.3f}.",
)

# %%
with_price = rates["price"]
near = (with_price > 0.03) & (with_price < 0.07)
speaks = priced["price"].encode(test).max(axis=0) > 0.5  # on some digit
name = "under the price: units with a mean of 0.03 to 0.07 that are above ½ on some digit, share"
lesson.claim(name, np.mean(near & speaks), at_least=0.9, source="ρ = 0.05")
ratio = rates["no price"].mean() / with_price.mean()
lesson.claim("mean activation without it, over that with it", ratio, at_least=2)
of_mean_digit = rows[1][-1] / reconstruction_loss(test, test.mean(axis=0) + 0 * test)
lesson.claim("squared error under it, over that of the mean digit", of_mean_digit, at_most=0.5)

# %% [markdown]
# The columns at the right of the table say what it bought and what it cost: fewer units above ½ on
# a digit, and a larger error. With several hidden layers each can have such a price, and a $\rho$
# of its own; the sum of Eq. vae.04 then runs over the layers too.
#
# ## 3. Blunt: keep the k largest
# Makhzani and Frey (2013) do without a price. The code is linear; its $k$ largest numbers stay, all
# others become 0, and only the $k$ that stayed are corrected. It is a ReLU with a *moving
# threshold*, the $k$-th largest number of each example: what is below becomes 0. (What is above
# stays as it is; it is not lowered by the threshold.) By hand, with $k = 2$, take $(3, -5, 1, 2)$.

# %%
lesson.exercise("vae/04/k_sparse")

# %%
lesson.predict(
    "What stays of (3, -5, 1, 2), and what is the gradient of its sum?",
    [
        "(3, -5, 0, 0), gradient (1, 1, 0, 0)",
        "(3, 0, 0, 2), gradient (1, 0, 0, 1)",
        "(3, 0, 0, 2), gradient (1, 1, 1, 1)",
    ],
)

# %%
lesson.show_source(k_sparse)
z = np.array([[3.0, -5.0, 1.0, 2.0]])


def sum_of_what_stays(z):
    return np.sum(k_sparse(z, 2))


stays, slope = k_sparse(z, 2), grad(sum_of_what_stays)(z)
print(f"  stays {stays[0]}, gradient {slope[0]}")

# %%
lesson.outcome(
    "The -5 is the largest in size, but not in value. The gradient is 1 where a number stayed.",
    answer="(3, 0, 0, 2), gradient (1, 0, 0, 1)",
)
lesson.check("k_sparse of (3, -5, 1, 2), k = 2", stays, equals=[[3.0, 0.0, 0.0, 2.0]])
lesson.check("its gradient: 1 where a number stayed", slope, equals=[[1.0, 0.0, 0.0, 1.0]])

# %%
lesson.change(
    "only negative numbers",
    "Change `z` to `np.array([[-3.0, -5.0, -1.0, -2.0]])` and run again. What stays of a row in "
    "which every number is negative?",
    answer="(0, 0, -1, -2), with the gradient (0, 0, 1, 1). The two largest numbers stay, "
    "although each of them is smaller than the zeros that replace the others. Both checks were "
    "made for (3, -5, 1, 2).",
)

# %% [markdown]
# Four such autoencoders with 1,000 units and tied weights, so that a unit's *filter* is what it
# looks for and what it draws. A unit gets a gradient only on the digits for which it is among the
# $k$. One that is so for no digit stays as it is; so $k$ starts at 200 and falls to its value over
# the first half of the training. One autoencoder has 70 units to draw a digit with, one has 10. Let
# a filter be as *like a digit* as its largest cosine with any of 500 test digits.

# %%
lesson.predict(
    "Whose filters will be more like digits?",
    ["those at k = 70", "those at k = 10", "all alike, within 0.05"],
)


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
def shown_filters(model):
    used = (model.encode(test) != 0).mean(axis=0)  # (1000,), the share of digits
    often = np.argsort(-used)[20:56]
    return model.encoder.w.T[often]  # (36, 784)


def directions(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


like = {}
for k, model in kept.items():
    cosines = directions(shown_filters(model)) @ directions(test[:500]).T  # (36, 500)
    like[k] = float(cosines.max(axis=1).mean())

# %%
of_70, of_10, alike = lesson.predictions[-1].choices
answer = of_10 if like[10] > like[70] else of_70
lesson.outcome(
    "Mean of the largest cosines: " + ", ".join(f"{e:.2f} at k = {k}" for k, e in like.items()),
    answer=alike if abs(like[10] - like[70]) < 0.05 else answer,
)

# %%
fig, axes = plot.figure(1, 4, size=(3.1, 3.3))
for ax, (k, model) in zip(axes, kept.items()):
    filters = shown_filters(model)
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
# digits, as pixels and as codes, and count how many of the test digits it gets right.

# %%
lesson.predict(
    "On what do straight cuts get most test digits right?",
    [
        "on pixels: nothing is lost there",
        "on the code of k = 70, which rebuilds best",
        "on the code of k = 40 or 25",
        "on the code of k = 10",
        "on the sigmoid units with a price",
    ],
)

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
# And any 1,000 bent features may help straight cuts, learned or not; so two *untrained* encoders
# take part.


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
untrained = {"k = 25": k_autoencoder(25), "sigmoid, price": sigmoid_units()}
for name, model in untrained.items():
    right[f"untrained\n{name}"] = logistic_regression(model.encode, f"untrained, {name}")

# %%
on_pixels, on_70, between, on_10, on_sigmoid = lesson.predictions[-1].choices
meant = {"pixels": on_pixels, "k = 70": on_70, "k = 40": between, "k = 25": between}
meant |= {"k = 10": on_10, "sigmoid, price": on_sigmoid}
lesson.outcome(
    ", ".join(f"{name}: {100 * share:.1f} %" for name, share in right.items()).replace("\n", ", ")
    + ".",
    answer=meant[max(right, key=right.get)],
)

# %%
_, ax = plot.figure(size=(6.4, 3.4))
plot.bars(
    {"": np.array(list(right.values()))},
    list(right),
    ax,
    title="test digits told apart by straight cuts",
    numbers="%.3f",
)
ax.set_ylim(0.8, 1.0)
lesson.figure(
    ax,
    "straight_cuts",
    "The scale starts at 0.8. The codes were learned without a label. Compare them with pixels, and"
    " with the same encoders untrained, at the right.",
)

# %%
gain = {name: share - right["pixels"] for name, share in right.items()}
some = ("k = 70", "k = 40", "k = 25", "sigmoid, price")
for name in some:
    lesson.claim(f"right answers: {name}, minus pixels", gain[name], at_least=0.01)
for name in untrained:
    over_untrained = right[name] - right[f"untrained\n{name}"]
    lesson.claim(f"right answers: {name}, minus untrained", over_untrained, at_least=0.01)

# %% [markdown]
# Silencing is a bend: which units survive depends on all the others. That is what turns straight
# cuts on the code into curved ones on pixels.
#
# ## 5. Two wrong turns
# First $k = 10$ from the start, without the slow fall.

# %%
lesson.predict(
    "How many of the 1,000 units will then ever be among the ten?",
    ["about as many as with the slow fall", "fewer, by a quarter or more", "more"],
)

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

# %%
as_many, fewer, more = lesson.predictions[-1].choices
answer = fewer if falling[2] / share > 4 / 3 else as_many
lesson.outcome(
    f"{1000 * share:.0f}, and {1000 * falling[2]:.0f} with the slow fall.",
    answer=more if share > 1.05 * falling[2] else answer,
)
lesson.claim(
    "share of units in use: k falling over k from the start", falling[2] / share, at_least=1.3
)

# %% [markdown]
# Then ReLU units under the price: what is a coin that falls heads with probability 3?

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
