# %% [markdown]
# # The sparse autoencoder, and the k-sparse one
#
# This lesson runs the section *Sparse Autoencoder* (vae.s04) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/). In this
# lesson:
#
# 1. A code may have more units than the input has pixels, if only few units are active on each
#    example.
# 2. A sparse autoencoder adds a penalty to the loss: for each unit, the KL divergence between a
#    desired rate of activation and the unit's mean activation.
# 3. A k-sparse autoencoder has no penalty. It keeps k units of each code and sets the rest to 0.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/04_sparse_autoencoder",
    title="The sparse autoencoder, and the k-sparse one",
    post="vae",
    sections=["vae.s04"],
    figures=["vae.f03", "vae.f04"],
    equations=["vae.03", "vae.04"],
    minutes=0.3,
    picture="f04_filters",
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
# ## 1. A penalty on the mean activation
# The hidden units of this section are sigmoid units. A unit is *active* when its value is close to
# 1, and inactive when it is close to 0.

# %%
u = np.linspace(-7, 7, 141)
ax = plot.line(
    u,
    1 / (1 + np.exp(-u)),
    title="a sigmoid unit",
    xlabel="weighted sum of the pixels plus bias",
    ylabel="activation",
)
lesson.figure(ax, "sigmoid", "Near 0 a unit is inactive, near 1 it is active.")

# %% [markdown]
# Let layer $l$ have $s_l$ units, and let $a_j^{(l)}(\mathbf{x})$ be the activation of unit $j$. Its
# mean over the data should be close to a small number $\rho$, the *sparsity parameter*; a common
# value is 0.05 (Eq. vae.03):
#
# $$\hat\rho_j^{(l)} = \frac1n \sum_{i=1}^n \big[a_j^{(l)}(\mathbf{x}^{(i)})\big] \approx \rho .$$
#
# How can a loss demand this? Treat $\rho$ and $\hat\rho_j$ as the probabilities of two Bernoulli
# distributions, that is, of heads for two coins. The KL divergence between the two is the mean of
# $\log p - \log q$ under the first (`gan/01`). A coin has two sides, so the divergence has two
# terms. Write them down, and then their sum over the units:

# %%
lesson.exercise("vae/04/kl_bernoulli")
lesson.exercise("vae/04/sparsity_penalty")

# %% [markdown]
# The loss of the sparse autoencoder adds the sum over all units, with a weight $\beta$, to the
# reconstruction loss $L$ (Eq. vae.04):
#
# $$\begin{aligned}
# L_{\mathrm{SAE}}(\theta)
# &= L(\theta) + \beta \sum_{l} \sum_{j=1}^{s_l} D_{\mathrm{KL}}(\rho \,\|\, \hat\rho_j^{(l)}) \\
# &= L(\theta) + \beta \sum_{l} \sum_{j=1}^{s_l} \Big[ \rho \log \frac{\rho}{\hat\rho_j^{(l)}}
# + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j^{(l)}} \Big] .
# \end{aligned}$$
#
# Start with a number that you can compute by hand. A unit has the activations 0, 0, 0, 1 on four
# digits, so $\hat\rho = \frac14$. For $\rho = \frac14$ its penalty is 0. A unit with the
# activations 1, 0, 1, 0 has $\hat\rho = \frac12$, and its penalty is $\frac14 \log \frac12 +
# \frac34 \log \frac32 = 0.131$.

# %%
lesson.show_source(kl_bernoulli, sparsity_penalty)
quarter = np.array([[0.0], [0.0], [0.0], [1.0]])
half = np.array([[1.0], [0.0], [1.0], [0.0]])
lesson.check("penalty of 0, 0, 0, 1", sparsity_penalty(quarter, 0.25), equals=0.0)
lesson.check("penalty of 1, 0, 1, 0", sparsity_penalty(half, 0.25), equals=0.1308, atol=5e-5)

# %%
lesson.change(
    "active on three of four",
    "Change `quarter` to `np.array([[0.0], [1.0], [1.0], [1.0]])` and run again. What is the "
    "penalty of a unit that is active on three digits of four? What would it be on all four?",
    answer="0.5493 nats: $\\frac14 \\log \\frac13 + \\frac34 \\log 3 = \\frac12 \\log 3$. The "
    "penalty of a unit that is always active is infinite, since $\\frac34 \\log \\frac{3/4}{1 - "
    "\\hat\\rho}$ has no bound as $\\hat\\rho$ goes to 1. The check of 0, 0, 0, 1 no longer holds.",
)

# %% [markdown]
# Now let the mean activation vary, with $\rho = \frac14$.

# %%
lesson.predict(
    "Which unit has the larger penalty: one with mean activation 0.5, or one with 0.01?",
    ["the one with 0.5", "the one with 0.01", "both the same: each differs from ρ by about ¼"],
)

# %%
rate = np.linspace(0.01, 0.99, 197)
penalty = kl_bernoulli(0.25, rate)
ax = plot.line(
    rate,
    penalty,
    title="KL(ρ || ρ̂) at ρ = 0.25",
    xlabel="mean activation ρ̂ of a unit",
    ylabel="nats",
)

# %%
lesson.outcome(
    f"{kl_bernoulli(0.25, 0.01):.2f} nats at 0.01, and {kl_bernoulli(0.25, 0.5):.2f} at 0.5. A"
    " penalty on the mean activation itself would be smallest for units that are never active; this"
    " one keeps units in use.",
    answer="the one with 0.01",
)
lesson.figure(
    ax,
    "f03_kl",
    "The divergence is 0 at ρ̂ = 0.25 and positive elsewhere. It rises toward both ends.",
)
lesson.check("mean activation with the smallest penalty", rate[np.argmin(penalty)], equals=0.25)

# %% [markdown]
# A gradient step follows the slope of this curve.
#
# $$\frac{\partial}{\partial \hat\rho}\, D_{\mathrm{KL}}(\rho \,\|\, \hat\rho)
# = \frac{\hat\rho - \rho}{\hat\rho\, (1 - \hat\rho)} .$$

# %% [markdown]
# <details><summary>Derivation: the slope of the penalty, and its only minimum</summary>
#
# Only $-\rho \log \hat\rho - (1 - \rho) \log(1 - \hat\rho)$ depends on $\hat\rho$. Its derivative
# is
#
# $$-\frac{\rho}{\hat\rho} + \frac{1 - \rho}{1 - \hat\rho}
# = \frac{-\rho\, (1 - \hat\rho) + (1 - \rho)\, \hat\rho}{\hat\rho\, (1 - \hat\rho)}
# = \frac{\hat\rho - \rho}{\hat\rho\, (1 - \hat\rho)} .$$
#
# It is negative below $\rho$ and positive above. So the divergence falls up to $\hat\rho = \rho$,
# where it is 0, and rises beyond: it is never negative. For a sigmoid unit with
# $\hat\rho = \sigma(u)$ on every example, $d\hat\rho/du = \hat\rho\, (1 - \hat\rho)$, and the chain
# rule gives the slope $\hat\rho - \rho$ by $u$. A saturated unit therefore still receives a
# gradient.
#
# </details>

# %%


def penalty_of(rate):
    return kl_bernoulli(0.25, rate)


at = np.array([0.01, 0.25, 0.5, 0.99])
slopes = np.array([grad(penalty_of)(r) for r in at])
lesson.table(zip(at, penalty_of(at), slopes), ["ρ̂", "penalty, nats", "slope"])
lesson.check(
    "slope minus (ρ̂ - ρ) / (ρ̂ (1 - ρ̂))", slopes - (at - 0.25) / (at * (1 - at)), equals=0.0
)

# %% [markdown]
# **A wrong turn:** take the divergence of each single activation first, and then the mean of these
# divergences. The table compares a unit that is active on one digit of four with a unit whose
# activation is $\frac14$ on every digit.

# %%
dense = np.full((4, 1), 0.25)


def divergence_first(a):
    return kl_bernoulli(0.25, np.clip(a, 0.01, 0.99)).mean()


lesson.table(
    [
        ["0, 0, 0, 1", sparsity_penalty(quarter, 0.25), divergence_first(quarter)],
        ["¼, ¼, ¼, ¼", sparsity_penalty(dense, 0.25), divergence_first(dense)],
    ],
    ["activations", "mean first (Eq. vae.04)", "divergence first"],
)
lesson.check("penalty of ¼, ¼, ¼, ¼", sparsity_penalty(dense, 0.25), equals=0.0)

# %% [markdown]
# The wrong order penalizes the sparse unit and prefers the constant one, which carries no
# information. Eq. vae.04 gives 0 to both. Only the reconstruction loss makes a unit's activation
# differ from digit to digit.
#
# ## 2. Digits under the penalty
# We train two autoencoders with 200 sigmoid units: one with the penalty, at $\rho = 0.05$, and one
# without. The mean activation is taken over each batch of 100 digits. All biases start at $-3$, so
# that the activations start near $\sigma(-3) = 0.047$.

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
def learn_sigmoid(model, beta, label):
    def weighted_penalty(model, x, z):
        return beta * sparsity_penalty(z, cfg.rho)

    def loss(model, x):
        return autoencoder_loss(model, x, penalty=weighted_penalty)

    steps = lesson.steps(800, quick=10)
    batches = shuffled_digits(label)
    step = descend(loss, model, unit_pixels(batches), lr=cosine(cfg.lr, steps))
    state = {**step.state, "batches": batches, "order": batches.rng}
    lesson.fit(step, steps, label=label, state=state)


# %%
lesson.predict(
    "What is the mean activation of the units after training without the penalty?",
    ["below 0.1, as at the start", "0.1 to 0.35", "above 0.35"],
)


# %%
def sigmoid_units():
    activations = {"code_activation": "sigmoid", "out_activation": "sigmoid"}
    model = Autoencoder(lesson.rng("sigmoid"), dim_z=cfg.units, widths=(), **activations)
    model.encoder.b -= 3
    return model


sigmoid = {}
for name, beta in (("no penalty", 0.0), ("penalty", cfg.beta)):
    sigmoid[name] = sigmoid_units()
    learn_sigmoid(sigmoid[name], beta, f"sigmoid units, {name}")

# %%
rows = []
rates = {}
for name, model in sigmoid.items():
    code = model.encode(test)  # (N, 200)
    rates[name] = code.mean(axis=0)
    active = float((code > 0.5).sum(axis=1).mean())
    error = reconstruction_loss(test, model(test))
    rows.append([name, rates[name].mean(), rates[name].min(), rates[name].max(), active, error])

# %%
free = rates["no penalty"].mean()
answer = "above 0.35" if free > 0.35 else "0.1 to 0.35"
lesson.outcome(
    f"It is {free:.2f}, and {rates['penalty'].mean():.3f} with the penalty.",
    answer="below 0.1, as at the start" if free < 0.1 else answer,
)

# %%
header = ["200 units", "mean activation", "lowest unit", "highest unit"]
lesson.table(rows, [*header, "units above ½ on a digit", "squared error"])

# %%
ax = plot.histogram(
    rates,
    bounds=(0, 1),
    title="mean activation of the 200 units",
    xlabel="mean activation over the test digits",
)
lesson.figure(
    ax,
    "rates",
    f"Without the penalty the mean activation is {free:.2f} on average. With it all units lie"
    f" between {rates['penalty'].min():.3f} and {rates['penalty'].max():.3f}.",
)

# %%
with_penalty = rates["penalty"]
near = (with_penalty > 0.03) & (with_penalty < 0.07)
ever_active = sigmoid["penalty"].encode(test).max(axis=0) > 0.5  # on some digit
lesson.claim(
    "penalty: share of units with a mean of 0.03 to 0.07 that are above ½ on some digit",
    np.mean(near & ever_active),
    at_least=0.95,
    source="ρ = 0.05 ± 0.02; worst of seeds 0, 1, 2: 0.99",
)

# %%
lesson.claim(
    "mean activation without the penalty, over that with it",
    free / with_penalty.mean(),
    at_least=6,
    source="worst of seeds 0, 1, 2: 11.6",
)
of_mean_digit = rows[1][-1] / reconstruction_loss(test, test.mean(axis=0) + 0 * test)
lesson.claim(
    "penalty: squared error over that of the mean digit",
    of_mean_digit,
    at_most=0.45,
    source="worst of seeds 0, 1, 2: 0.405",
)

# %% [markdown]
# The last two columns of the table show the effect of the penalty: fewer units above ½ on a digit,
# and a larger squared error. With several hidden layers the sum of Eq. vae.04 runs over all of
# them.
#
# ## 3. Keep the k largest
# Makhzani and Frey (2013) use no penalty. The units of their autoencoder are linear. Of each code
# $\mathbf{z}$ they keep the $k$ largest entries and set the others to 0. Take
# $\mathbf{z} = (3, -5, 1, 2)$ and $k = 2$.

# %%
lesson.predict(
    "What remains of (3, -5, 1, 2), and what is the gradient of the sum of what remains?",
    [
        "(3, -5, 0, 0), gradient (1, 1, 0, 0)",
        "(3, 0, 0, 2), gradient (1, 0, 0, 1)",
        "(3, 0, 0, 2), gradient (1, 1, 1, 1)",
    ],
)

# %%
z = np.array([[3.0, -5.0, 1.0, 2.0]])


def sum_of_what_remains(z):
    return np.sum(k_sparse(z, 2))


remains, slope = k_sparse(z, 2), grad(sum_of_what_remains)(z)
print(f"  remains {remains[0]}, gradient {slope[0]}")

# %%
lesson.outcome(
    "The -5 has the largest magnitude, but the smallest value. An entry that is set to 0 does not"
    " change the sum, so its gradient is 0.",
    answer="(3, 0, 0, 2), gradient (1, 0, 0, 1)",
)
lesson.check("k_sparse of (3, -5, 1, 2), k = 2", remains, equals=[[3.0, 0.0, 0.0, 2.0]])
lesson.check("gradient of the sum of what remains", slope, equals=[[1.0, 0.0, 0.0, 1.0]])

# %% [markdown]
# A training step has five parts:
#
# 1. Run the encoder: $\mathbf{z} = g(\mathbf{x})$.
# 2. Sort the entries of $\mathbf{z}$ by value.
# 3. Keep the $k$ largest and set the others to 0: $\mathbf{z}' = \text{Sparsify}(\mathbf{z})$.
# 4. Run the decoder, and compute $L = \|\mathbf{x} - f(\mathbf{z}')\|_2^2$.
# 5. Propagate the gradient back through the $k$ units that were kept, and through no others.
#
# Write the third part:

# %%
lesson.exercise("vae/04/k_sparse")

# %%
lesson.show_source(k_sparse)

# %%
lesson.change(
    "only negative numbers",
    "Change `z` to `np.array([[-3.0, -5.0, -1.0, -2.0]])` and run again. What remains of a row in "
    "which every entry is negative?",
    answer="(0, 0, -1, -2), with the gradient (0, 0, 1, 1). The two largest entries remain, "
    "although each of them is smaller than the zeros that replace the others. Both checks were "
    "made for (3, -5, 1, 2).",
)

# %% [markdown]
# We train four k-sparse autoencoders with 1,000 units and different $k$. The decoder uses the
# encoder's weights, so a unit's *filter* is both the pattern that activates it and the image that
# it adds to the output. In each training $k$ starts at 200 and falls to its final value in the
# first half (section 5 compares this with a fixed $k$).
#
# At $k = 70$ an image is a sum of 70 filters, at $k = 10$ a sum of 10. To measure how much a filter
# resembles a digit, we take its largest cosine with any of 500 test digits.

# %%
lesson.predict(
    "Which filters have the larger mean of this cosine?",
    ["those at k = 70", "those at k = 10", "equal within 0.05"],
)


# %%
def k_autoencoder(k):
    return Autoencoder(lesson.rng("k-sparse"), dim_z=cfg.wide, widths=(), k=k, tied=True)


def falling_k(k, steps):
    def at(i):
        return max(k, round(200 * (1 - 2 * i / steps)))

    return at


# %%
def used(model):
    return (model.encode(test) != 0).any(axis=0)  # (1000,), on some test digit


# %%
def learn_k_sparse(model, label, k_at=None):
    k = model.k
    steps = lesson.steps(350, quick=2)
    batches = shuffled_digits(label)
    step = descend(autoencoder_loss, model, unit_pixels(batches), lr=cosine(cfg.k_lr, steps))
    used_early = used(model)

    def step_at_its_k(i):
        nonlocal used_early
        if i == steps // 7:
            used_early = used(model)
        model.k = k if k_at is None else k_at(i)
        return step(i)

    state = {**step.state, "batches": batches, "order": batches.rng}
    lesson.fit(step_at_its_k, steps, label=label, state=state)
    model.k = k
    return used_early


# %%
kept = {}
for k in cfg.ks:
    kept[k] = k_autoencoder(k)
    learn_k_sparse(kept[k], f"k = {k}", falling_k(k, lesson.steps(350, quick=2)))

# %% [markdown]
# We show 36 filters of each autoencoder: those of the units that are kept most often, without the
# first twenty.


# %%
def shown_filters(model):
    often = (model.encode(test) != 0).mean(axis=0)  # (1000,), the share of digits
    order = np.argsort(-often)[20:56]
    return model.encoder.w.T[order]  # (36, 784)


def directions(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


like = {}
for k, model in kept.items():
    cosines = directions(shown_filters(model)) @ directions(test[:500]).T  # (36, 500)
    like[k] = float(cosines.max(axis=1).mean())

# %%
of_70, of_10, equal = lesson.predictions[-1].choices
answer = of_10 if like[10] > like[70] else of_70
lesson.outcome(
    "Mean of the largest cosines: " + ", ".join(f"{e:.2f} at k = {k}" for k, e in like.items()),
    answer=equal if abs(like[10] - like[70]) < 0.05 else answer,
)
lesson.claim(
    "mean cosine of a filter with its most similar digit: k = 10 minus k = 70",
    like[10] - like[70],
    at_least=0.15,
    source="Makhzani and Frey 2013; worst of seeds 0, 1, 2: 0.24",
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
    "36 filters of each autoencoder. Mean cosine with the most similar digit, from left to right: "
    + ", ".join(f"{e:.2f}" for e in like.values())
    + ".",
)

# %%
rows = [[k, reconstruction_loss(test, m(test)), used(m).mean()] for k, m in kept.items()]
lesson.table(rows, ["k of 1,000", "squared error, per test image", "share of units in use"])
k_errors = [row[1] for row in rows]
lesson.claim(
    "smallest growth of the error from one k to the next, over the error at k = 70",
    np.diff(k_errors).min() / k_errors[0],
    at_least=0.15,
    source="worst of seeds 0, 1, 2: 0.21",
)

# %% [markdown]
# With many units per digit, filters are small local patterns that combine in many ways. With few
# units per digit, each filter has to cover a large part of a digit, and the error is larger.
#
# ## 4. Classification from codes
# Is a sparse code useful for another task? *Logistic regression* is a linear classifier. We train
# it on 10,000 labeled digits, once on their pixels and once on each kind of code, and compute its
# accuracy on the test digits. A random nonlinear map to many dimensions may already help a linear
# classifier. So we also give it the codes of three *untrained* encoders.

# %%
lesson.predict(
    "On which input has logistic regression the highest accuracy?",
    [
        "pixels, which lose nothing",
        "the code of k = 70, which has the smallest error",
        "the code of k = 40 or 25",
        "the code of k = 10",
        "the sigmoid units with the penalty",
        "the code of an untrained encoder",
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
# All inputs are divided by the standard deviation of their entries, so that the same learning rate
# suits them.


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
    lesson.fit(step, steps, label=f"logistic regression, {label}", state=state)
    return float(np.mean(model(features(test) / scale).argmax(axis=1) == labels))


def pixels(x):
    return x


# %%
accuracy = {
    "pixels": logistic_regression(pixels, "pixels"),
    "sigmoid": logistic_regression(sigmoid["penalty"].encode, "sigmoid units with the penalty"),
}
for k, model in kept.items():
    accuracy[f"k = {k}"] = logistic_regression(model.encode, f"codes of k = {k}")
untrained = {"k = 70": k_autoencoder(70), "k = 25": k_autoencoder(25), "sigmoid": sigmoid_units()}
for name, model in untrained.items():
    accuracy[f"untrained\n{name}"] = logistic_regression(model.encode, f"untrained, {name}")

# %%
on_pixels, on_70, between, on_10, on_sigmoid, on_untrained = lesson.predictions[-1].choices
choices = {"pixels": on_pixels, "k = 70": on_70, "k = 40": between, "k = 25": between}
choices |= {"k = 10": on_10, "sigmoid": on_sigmoid}
listed = [f"{name} {100 * share:.1f} %".replace("\n", ", ") for name, share in accuracy.items()]
lesson.outcome(
    "Accuracy: " + "; ".join(listed) + ".",
    answer=choices.get(max(accuracy, key=accuracy.get), on_untrained),
)

# %%
_, ax = plot.figure(size=(7.0, 3.4))
plot.bars(
    {"": np.array(list(accuracy.values()))},
    list(accuracy),
    ax,
    title="accuracy of logistic regression on test digits",
    numbers="%.3f",
)
ax.set_ylim(0.8, 1.0)
lesson.figure(
    ax,
    "straight_cuts",
    "The axis starts at 0.8. No code was trained with labels. The last three bars are the codes of"
    " untrained encoders.",
)

# %% [markdown]
# The gain of a trained code is its accuracy minus the higher of two others: that on pixels, and
# that on the same encoder untrained.

# %%
gains = {}
for name in untrained:
    baseline = max(accuracy["pixels"], accuracy[f"untrained\n{name}"])
    gains[name] = accuracy[name] - baseline
lesson.table(gains.items(), ["code", "gain in accuracy"])
lesson.claim(
    "smallest gain in accuracy of the three codes",
    min(gains.values()),
    at_least=0.015,
    source="lowest of seeds 0, 1, 2: 0.026",
)

# %% [markdown]
# ## 5. A fixed small k, and ReLU units
# What if $k$ is 10 from the first step on? A unit receives a gradient only from digits for which it
# is among the $k$ largest.

# %%
lesson.predict(
    "How many of the 1,000 units are then among the ten on at least one test digit?",
    ["about as many as with a falling k", "fewer, by a quarter or more", "more"],
)

# %%
fixed = k_autoencoder(10)
early = learn_k_sparse(fixed, "k = 10 from the start")
falling = rows[-1]  # k, error, share in use
late = used(fixed)
lesson.table(
    [
        ["k falls from 200 to 10", falling[1], falling[2]],
        ["k = 10 from the start", reconstruction_loss(test, fixed(test)), late.mean()],
    ],
    ["k = 10", "squared error", "share of units in use"],
)

# %%
as_many, fewer, more = lesson.predictions[-1].choices
share = float(late.mean())
answer = fewer if falling[2] / share > 4 / 3 else as_many
lesson.outcome(
    f"{1000 * share:.0f}, and {1000 * falling[2]:.0f} with a falling k.",
    answer=more if share > 1.05 * falling[2] else answer,
)
lesson.claim(
    "share of units in use: falling k over k = 10 from the start",
    falling[2] / share,
    at_least=2,
    source="worst of seeds 0, 1, 2: 3.2",
)

# %%
same = float(np.mean(early[late]))
lesson.table(
    [["after a seventh of the steps", early.sum()], ["at the end", late.sum()]],
    ["k = 10 from the start", "units in use"],
)
print(
    f"  of the units in use at the end, {100 * same:.0f} % were in use after a seventh of the steps"
)

# %% [markdown]
# Units that are never among the ten receive no gradient, so their weights remain random. A larger
# $k$ at the start gives more units a gradient.
#
# The second wrong turn: ReLU units under the penalty of section 1. A mean activation of 1.6 is not
# the probability of a Bernoulli distribution.

# %%
try:
    sparsity_penalty(np.array([[3.0], [0.2]]), 0.05)
except ValueError as error:
    print(f"  ReLU units: {error}")
else:
    lesson.check("ReLU units are refused", False)

# %% [markdown]
# ## 6. Where the post is loose
# - The post lists "sigmoid, tanh, relu, leaky relu, etc." and continues: "A neuron is activated
#   when the value is close to 1 and inactivate with a value close to 0". This fits sigmoid units
#   only. A tanh unit is at the lower end at $-1$, a ReLU unit has no upper end, and Eq. vae.04
#   needs means in $(0, 1)$.
# - It calls $\hat\rho_j$ "The fraction of activation of this neuron". It is the mean of the
#   activation, not the fraction of examples on which the unit is active: in section 1 the
#   activations ¼, ¼, ¼, ¼ have the same $\hat\rho$ as 0, 0, 0, 1.
# - In Eq. vae.04 the post prints no bracket after the sums, and the second logarithm stands outside
#   of them. And $L$ is both the loss and the number of layers.
# - Of the k-sparse code it writes: "This can be done in a ReLU layer with an adjustable threshold
#   too". Such a layer finds the same units, but it also subtracts the threshold from what it keeps:

# %%
threshold = 1.0  # the third largest entry of (3, -5, 1, 2)
relu = np.maximum(np.array([3.0, -5.0, 1.0, 2.0]) - threshold, 0)
lesson.check("ReLU with threshold 1 of (3, -5, 1, 2)", relu, equals=[2.0, 0.0, 0.0, 1.0])

# %% [markdown]
# - It keeps the largest activations "in the bottleneck layer", and its Fig. 5 has "1000 hidden
#   units" for 784 pixels. This layer is wider than the input, and only its sparsity limits the
#   code.
#
# **Here is different:** the post's $\hat\rho_j$ is a mean over all data, and our training uses the
# mean over a batch. Of 100 digits with $\rho = 0.05$ a unit is expected to be active on five, with
# a standard deviation of two:

# %%
deviation = (100 * 0.05 * 0.95) ** 0.5
lesson.check("standard deviation of the number of heads", deviation, equals=2.179, atol=1e-3)

# %% [markdown]
# **Left out:** at test time the paper keeps more units than in training, and it fine-tunes the
# network with labels. **Next:** `vae/05` penalizes a code that changes when its input changes a
# little.
#
# **Your turn:** `minigen exercise start vae/04`, then `minigen run vae/04 --with
# exercises/vae_04.py`.

# %%
lesson.finish()
