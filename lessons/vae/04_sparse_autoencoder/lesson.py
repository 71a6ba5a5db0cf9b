# %% [markdown]
# # The sparse autoencoder, and the k-sparse one
#
# A wide autoencoder can cheat. With one hidden unit for each pixel it can copy the image, and the
# code is then the image again. The obvious cure is a narrow code, as in `vae/02`. But a narrow code
# describes every digit with the same few numbers, whether they suit this digit or not. Could a code
# have many units, use only a few of them at a time, and choose other ones for another digit?
#
# We put a price on the mean activation of each unit (section 1), train with it (2), and test what
# the post promises of it (3). Then we drop the price and keep only the $k$ largest units (4 and 5).
# At the end we ask what such codes are good for (6), and why $k$ starts large (7). This lesson
# follows the section *Sparse Autoencoder* of [From Autoencoder to
# Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/).
#
# Before this lesson: `vae/02` (autoencoders), `gan/01` (the KL divergence).

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
from minigen.vae.autoencoder import Autoencoder, autoencoder_loss, corrupt, k_sparse, kl_bernoulli
from minigen.vae.autoencoder import reconstruction_loss, sparsity_penalty

# %% [markdown]
# ## 1. A price on the mean activation
#
# We would like each hidden unit to be inactive most of the time. "Most of the time" is a statement
# about many examples, so a price on it has to involve many examples, too. Our units are sigmoid
# units, *active* where their value is close to 1 and inactive where it is close to 0. Let layer $l$
# have $s_l$ units, and let $a_j^{(l)}(\mathbf{x})$ be the activation of unit $j$. Its mean over the
# data should be close to a small number $\rho$, the *sparsity parameter*, often 0.05 (Eq. vae.03):
#
# $$\hat\rho_j^{(l)} = \frac1n \sum_{i=1}^n \big[a_j^{(l)}(\mathbf{x}^{(i)})\big] \approx \rho .$$
#
# How can a loss demand this? The idea is to read $\rho$ and $\hat\rho_j$ as the probabilities of
# heads for two coins (two Bernoulli distributions). Their KL divergence is the mean of $\log p -
# \log q$ under the first coin (`gan/01`), and it has two terms because a coin has two sides. The
# sparse autoencoder adds these divergences for all units, with a weight $\beta$, to the
# reconstruction loss $L$ (Eq. vae.04):
#
# $$\begin{aligned}
# L_{\mathrm{SAE}}(\theta)
# &= L(\theta) + \beta \sum_{l} \sum_{j=1}^{s_l} D_{\mathrm{KL}}(\rho \,\|\, \hat\rho_j^{(l)}) \\
# &= L(\theta) + \beta \sum_{l} \sum_{j=1}^{s_l} \Big[ \rho \log \frac{\rho}{\hat\rho_j^{(l)}}
# + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j^{(l)}} \Big] .
# \end{aligned}$$
#
# In words, each unit pays for the distance of its own mean activation from the target. For example,
# let $\rho = \frac14$. If a unit's activations on four digits are 0, 0, 0, 1, then $\hat\rho =
# \frac14$, and it pays nothing. If they are 1, 0, 1, 0, then $\hat\rho = \frac12$, and it pays
# $\frac14 \log \frac12 + \frac34 \log \frac32 = 0.131$ nats.

# %%
lesson.exercise("vae/04/kl_bernoulli")
lesson.exercise("vae/04/sparsity_penalty")

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
    answer="It is 0.5493 nats, because $\\frac14 \\log \\frac13 + \\frac34 \\log 3 = \\frac12 "
    "\\log 3$. The penalty of a unit that is always active is infinite, since $\\frac34 \\log "
    "\\frac{3/4}{1 - \\hat\\rho}$ has no bound as $\\hat\\rho$ goes to 1. The check of 0, 0, "
    "0, 1 no longer holds.",
)

# %% [markdown]
# A simpler price would be the mean activation itself. What does the divergence do that this price
# would not? Let $\rho = \frac14$ again.

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
    f"The penalty is {kl_bernoulli(0.25, 0.01):.2f} nats at 0.01 and only "
    f"{kl_bernoulli(0.25, 0.5):.2f} at 0.5, because the term ρ log(ρ/ρ̂) has no bound as ρ̂ goes to "
    "0.",
    answer="the one with 0.01",
)
lesson.figure(
    ax,
    "f03_kl",
    "The penalty of a unit (blue) against its mean activation. Compare how steeply it rises on the "
    "two sides of its minimum.",
)
lesson.check("mean activation with the smallest penalty", rate[np.argmin(penalty)], equals=0.25)

# %% [markdown]
# A price on the mean activation itself would be lowest for units that are never active. The
# divergence also charges a unit for its silence, and the charge grows without bound as $\hat\rho$
# approaches 0. Training follows its slope:
#
# $$\frac{\partial}{\partial \hat\rho}\, D_{\mathrm{KL}}(\rho \,\|\, \hat\rho)
# = \frac{\hat\rho - \rho}{\hat\rho\, (1 - \hat\rho)} .$$
#
# In words, gradient descent raises a mean activation below $\rho$ and lowers one above it, and near
# 0 and 1 the slope is unbounded.
#
# <details><summary>Derivation: the slope of the penalty, and its only minimum</summary>
#
# Only $-\rho \log \hat\rho - (1 - \rho) \log(1 - \hat\rho)$ depends on $\hat\rho$. Its derivative
# is
#
# $$-\frac{\rho}{\hat\rho} + \frac{1 - \rho}{1 - \hat\rho}
# = \frac{-\rho\, (1 - \hat\rho) + (1 - \rho)\, \hat\rho}{\hat\rho\, (1 - \hat\rho)}
# = \frac{\hat\rho - \rho}{\hat\rho\, (1 - \hat\rho)} .$$
#
# It is negative below $\rho$ and positive above. Therefore the divergence falls up to $\hat\rho =
# \rho$, where it is 0, and rises beyond: it is never negative. For a sigmoid unit with $\hat\rho =
# \sigma(u)$ on every example, $d\hat\rho/du = \hat\rho\, (1 - \hat\rho)$, and by the chain rule the
# slope with respect to $u$ is $\hat\rho - \rho$. A saturated unit therefore still receives a
# gradient.
#
# </details>


# %%
def penalty_of(rate):
    return kl_bernoulli(0.25, rate)


at = np.array([0.01, 0.25, 0.5, 0.99])
slopes = np.array([grad(penalty_of)(r) for r in at])
lesson.check("slope at ρ̂ = 0.01, 0.25, 0.5, 0.99", slopes, equals=(at - 0.25) / (at * (1 - at)))

# %% [markdown]
# One detail matters, the order of the mean and the divergence. Suppose that somebody takes the
# divergence of each single activation first, and then the mean of these divergences. It looks like
# the same thing. Watch what it prefers. (At 0 and at 1 a divergence is infinite, so we move these
# activations to 0.01 and 0.99 first.)

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
# The wrong order charges the sparse unit and lets the constant one go free, although a constant
# carries no information. But Eq. vae.04 charges neither of them. Only the reconstruction loss can
# make a unit differ from digit to digit. Do the two together give a sparse code?
#
# ## 2. Digits under the price
#
# To find out, we train the simplest network that has a code, with 200 sigmoid units, $\mathbf{z} =
# \sigma(W^\top \mathbf{x} + \mathbf{b})$, and one layer back, $\mathbf{x}' = \sigma(V^\top
# \mathbf{z} + \mathbf{c})$. It is trained twice from the same weights, once with the penalty ($\rho
# = 0.05$, $\beta = 10$) and once without. All biases $\mathbf{b}$ start at $-3$, so that the
# activations start near $\sigma(-3) = 0.047$.

# %%
data = mnist.load()
n_test = lesson.size(10_000, quick=200)
test = mnist.unit(data.test_images[:n_test], flat=True)  # (N, 784), in [0, 1]
labels = data.test_labels[:n_test].astype(int)
cfg = lesson.configure(
    rho=0.05, beta=10.0, units=200, batch=100, lr=3e-3, wide=1000, ks=(70, 40, 25, 10), k_lr=1e-3
)


# %%
def sigmoid_units():
    activations = {"code_activation": "sigmoid", "out_activation": "sigmoid"}
    model = Autoencoder(lesson.rng("sigmoid"), dim_z=cfg.units, widths=(), **activations)
    model.encoder.b -= 3
    return model


def loss_with(beta):
    def weighted_penalty(model, x, z):  # z (batch, units): the mean is over the batch
        return beta * sparsity_penalty(z, cfg.rho)

    def loss(model, x):
        return autoencoder_loss(model, x, penalty=weighted_penalty)

    return loss


# %%
def unit_pixels(batches):
    for images, *_ in batches:
        yield mnist.unit(images, flat=True)


def fit(model, loss, steps, lr, label, images=data.train_images):
    order = lesson.rng(f"order {label}")
    batches = mnist.batches(images, size=cfg.batch, rng=order)
    step = descend(loss, model, unit_pixels(batches), lr=cosine(lr, steps))
    state = {**step.state, "batches": batches, "order": batches.rng}
    return step, state


# %%
sigmoid = {}
for name, beta in (("no penalty", 0.0), ("penalty", cfg.beta)):
    label = f"sigmoid units, {name}"
    sigmoid[name] = sigmoid_units()
    steps = lesson.steps(800, quick=10)
    step, state = fit(sigmoid[name], loss_with(beta), steps, cfg.lr, label)
    lesson.fit(step, steps, label=label, state=state)

# %% [markdown]
# A unit that is at 0.05 on every digit would meet the target and be useless. We therefore also
# count the units above ½ on a digit.


# %%
def row_of(model):
    code = model.encode(test)  # (N, 200)
    mean = code.mean(axis=0)
    active = float((code > 0.5).sum(axis=1).mean())
    return [mean.mean(), mean.min(), mean.max(), active, reconstruction_loss(test, model(test))]


mean_digit = test.mean(axis=0)[None]
of_mean = reconstruction_loss(test, np.broadcast_to(mean_digit, test.shape))
rows = {name: row_of(model) for name, model in {"untrained": sigmoid_units(), **sigmoid}.items()}
lesson.table(
    [*[[name, *row] for name, row in rows.items()], ["the mean digit", *4 * [None], of_mean]],
    ["200 units", "mean activation", "lowest", "highest", "units above ½", "squared error"],
)

# %%
rates = {name: model.encode(test).mean(axis=0) for name, model in sigmoid.items()}
ax = plot.histogram(
    rates,
    bounds=(0, 1),
    title="mean activation of the 200 units",
    xlabel="mean activation over the test digits",
)
lesson.figure(
    ax,
    "rates",
    "The 200 units by their mean activation, without the penalty (blue) and with it (orange). "
    "Look at how much of the axis each of the two covers.",
)

# %%
with_penalty = rates["penalty"]
near = (with_penalty > 0.03) & (with_penalty < 0.07)
ever_active = sigmoid["penalty"].encode(test).max(axis=0) > 0.5  # on some digit
lesson.claim(
    "penalty: fraction of units with a mean of 0.03 to 0.07 that are above ½ on some digit",
    np.mean(near & ever_active),
    at_least=0.95,
    source="ρ = 0.05 ± 0.02; seeds 0, 1 and 2718: 0.99, 0.99, 1; untrained: 0",
)

# %%
lesson.claim(
    "mean activation without the penalty, over that with it",
    rates["no penalty"].mean() / with_penalty.mean(),
    at_least=6,
    source="seeds 0, 1 and 2718: 11.5, 11.7, 11.6, divided by 2",
)
lesson.claim(
    "penalty: squared error over that of the mean digit",
    rows["penalty"][-1] / of_mean,
    at_most=0.45,
    source="seeds 0, 1 and 2718: 0.400, 0.401, 0.401, plus a margin of 12 %; the mean digit: 1",
)

# %% [markdown]
# Without the penalty more than 120 of the 200 units are above ½ on a digit, and with it two or
# three. They are not always the same ones, because almost every unit exceeds ½ on some digit. (With
# $\rho = 0.05$ we might expect ten of 200. But $\hat\rho$ is a mean, and most of it comes from
# activations below ½.) The penalty limits how often a unit is active, and the reconstruction loss
# chooses the digits. The price is in the last column. The error is larger by more than a third,
# although still far below that of the mean digit.
#
# ## 3. Does it avoid overfitting?
#
# The post says what sparsity is for. It applies the constraint "to avoid overfitting and improve
# robustness". Both are promises that we can test. A network overfits most easily if examples are
# few. Therefore we train on 500 digits only, with the same 200 units and 314,584 parameters, for
# 600 steps, which is 120 passes over the digits, at three values of $\beta$. For the second promise
# we add Gaussian noise of standard deviation 0.4 to the test digits and ask how much the error
# grows.

# %%
lesson.predict(
    "Trained on 500 digits, how does the penalty with β = 10 change the squared error on test "
    "digits?",
    ["it lowers the error", "it changes the error by less than 5 %", "it raises the error"],
)

# %%
few = {}
for beta in (0, 1, 10):
    name = f"β = {beta}"
    few[name] = sigmoid_units()
    steps = lesson.steps(600, quick=5)
    images = data.train_images[:500]
    step, state = fit(few[name], loss_with(beta), steps, cfg.lr, "few", images)
    lesson.fit(step, steps, label=f"500 digits, {name}", state=state)

# %%
five_hundred = mnist.unit(data.train_images[:500], flat=True)
noisy = corrupt(test, lesson.rng("noise"), "gaussian", 0.4)


def errors_of(model):
    """On training digits, on test digits, and on test digits of which noisy copies are encoded."""
    pairs = (five_hundred, five_hundred), (test, test), (test, noisy)
    return [float(reconstruction_loss(x, model(seen))) for x, seen in pairs]


def the_mean(x):
    return np.broadcast_to(five_hundred.mean(axis=0), x.shape)


of_few = {name: errors_of(model) for name, model in few.items()}
compared = {"the mean of the 500 digits": errors_of(the_mean), **of_few}
lesson.table(
    [[name, *row, row[2] - row[1]] for name, row in compared.items()],
    ["squared error on", "500 training digits", "test digits", "noisy test digits", "growth"],
)

# %%
lowers, the_same, raises = lesson.predictions[-1].choices
plain, priced = of_few["β = 0"], of_few["β = 10"]
times = priced[1] / plain[1]
lesson.outcome(
    f"On test digits the error is {priced[1]:.1f} with the penalty and {plain[1]:.1f} without it. "
    f"The error on the training digits goes from {plain[0]:.1f} to {priced[0]:.1f}. A penalty that "
    "takes away only what was learned by heart would not raise the error on test digits.",
    answer=raises if times > 1.05 else lowers if times < 1 / 1.05 else the_same,
)

# %%
lesson.claim(
    "500 digits, no penalty: error on test digits over that on training digits",
    plain[1] / plain[0],
    at_least=1.15,
    source="seeds 0, 1 and 2718: 1.329, 1.306, 1.340, half of the excess over 1",
)
# %%
lesson.claim(
    "500 digits: error on test digits, β = 10 over β = 0",
    times,
    between=(1.2, 1.7),
    source="seeds 0, 1 and 2718: 1.397, 1.367, 1.422, plus and minus 20 %; the mean digit: 2.6",
)
lesson.claim(
    "500 digits, β = 10: growth of the error under noise over that for β = 0",
    (priced[2] - priced[1]) / (plain[2] - plain[1]),
    at_most=0.75,
    source="seeds 0, 1 and 2718: 0.622, 0.626, 0.591, plus a margin of a fifth",
)

# %% [markdown]
# The network overfits. Its error is a third higher on test digits than on its own 500. But the
# penalty does not cure this. At $\beta = 1$ it even widens the gap in the recorded run: the network
# fits its 500 digits better than without the penalty, and all others worse. (With $\rho = 0.05$ a
# unit can be fully active on about 25 of the 500 digits at most, which may be few enough to learn
# them by heart.)
#
# The second promise is kept in part. The penalty reduces the growth of the error under noise by
# more than a third. However, the error of the mean digit does not grow at all, and on the noisy
# digits the network without the penalty still has the smallest error. What then is sparsity good
# for? We come back to this in section 6.
#
# ## 4. Keep the k largest
#
# A mean over many digits limits no single digit, which may still activate half of all units. Why
# not simply forbid more than $k$ active units? Makhzani and Frey (2013) do. Their units are linear,
# the loss has no sparsity term, and a training step has five parts:
#
# 1. Run the encoder: $\mathbf{z} = g(\mathbf{x})$.
# 2. Sort the entries of $\mathbf{z}$ by value.
# 3. Keep the $k$ largest and set the others to 0: $\mathbf{z}' = \text{Sparsify}(\mathbf{z})$.
# 4. Run the decoder, and compute $L = \|\mathbf{x} - f(\mathbf{z}')\|_2^2$.
# 5. Propagate the gradient back through the $k$ units that were kept, and through no others.
#
# For example, let $\mathbf{z} = (3, -5, 1, 2)$ and $k = 2$. Part 3 gives $(3, 0, 0, 2)$, because
# the $-5$ has the largest magnitude but the smallest value. The gradient of the sum of these
# entries with respect to $\mathbf{z}$ is $(1, 0, 0, 1)$, because an entry that was set to 0 does
# not change the sum. Now write part 3:

# %%
lesson.exercise("vae/04/k_sparse")

# %%
lesson.show_source(k_sparse)
z = np.array([[3.0, -5.0, 1.0, 2.0]])


def sum_of_what_remains(z):
    return np.sum(k_sparse(z, 2))


remains, slope = k_sparse(z, 2), grad(sum_of_what_remains)(z)
lesson.check("k_sparse of (3, -5, 1, 2), k = 2", remains, equals=[[3.0, 0.0, 0.0, 2.0]])
lesson.check("gradient of the sum of what remains", slope, equals=[[1.0, 0.0, 0.0, 1.0]])

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
# Part 5 needs no code of its own, because the gradient of a constant 0 is 0. Remember this part for
# section 7.
#
# ## 5. What the units draw
#
# What does a unit represent if only $k$ of them may be active? We train four autoencoders with
# 1,000 linear units. The decoder uses the encoder's weights, transposed (*tied* weights). A unit's
# weights, its *filter*, are then both the pattern that activates it and the image that it adds to
# the output. As in the paper, $k$ starts larger, here at 200, and falls to its final value in the
# first half of the training.


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
    step, state = fit(model, autoencoder_loss, steps, cfg.k_lr, label)

    def step_at_its_k(i):
        model.k = k if k_at is None else k_at(i)
        return step(i)

    lesson.fit(step_at_its_k, steps, label=label, state=state)
    model.k = k


# %%
kept = {}
for k in cfg.ks:
    kept[k] = k_autoencoder(k)
    learn_k_sparse(kept[k], f"k = {k}", falling_k(k, lesson.steps(350, quick=2)))

# %% [markdown]
# We show 36 filters of each, those of the units ranked 21st to 56th by how often they are kept. (A
# unit that is kept on nearly every digit tells us little about any, so we skip the first twenty.)


# %%
def shown_filters(model):
    often = (model.encode(test) != 0).mean(axis=0)  # (1000,), the fraction of digits
    order = np.argsort(-often)[20:56]
    return model.encoder.w.T[order]  # (36, 784)


filters = {k: shown_filters(model) for k, model in kept.items()}
fig, axes = plot.figure(1, 4, size=(3.1, 3.3))
for ax, (k, images) in zip(axes, filters.items()):
    plot.image_grid(images, 6, 6, ax, shape=(28, 28), limits="signed", title=f"k = {k}")

# %%
lesson.figure(
    fig,
    "f04_filters",
    "36 filters of each autoencoder. White is a weight of 0, and blue and orange are weights of "
    "opposite sign. Look for filters that resemble a whole digit.",
)

# %% [markdown]
# Two numbers make this precise. One is the largest cosine of a filter with any of 500 test digits.
# The other is its *effective number of pixels*, $(\sum_i w_i^2)^2 / \sum_i w_i^4$, which is $m$ if
# the filter has $m$ equal weights and is 0 elsewhere.


# %%
def directions(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def likeness(images):
    """The mean largest cosine with a test digit, and the mean effective number of pixels."""
    cosines = directions(images) @ directions(test[:500]).T  # (n, 500)
    pixels = np.sum(images**2, axis=1) ** 2 / np.sum(images**4, axis=1)
    return float(cosines.max(axis=1).mean()), float(pixels.mean())


# %%
k_errors = [reconstruction_loss(test, model(test)) for model in kept.values()]
like = {k: likeness(images) for k, images in filters.items()}
untrained = {"k = 70": k_autoencoder(70), "k = 25": k_autoencoder(25), "sigmoid": sigmoid_units()}
lesson.table(
    [
        ["untrained, k = 70", None, *likeness(shown_filters(untrained["k = 70"]))],
        ["the mean digit, as a filter", of_mean, *likeness(mean_digit)],
        *[[f"k = {k}", error, *like[k]] for k, error in zip(kept, k_errors)],
    ],
    ["36 filters", "squared error of the test digits", "cosine", "effective pixels"],
)

# %%
lesson.claim(
    "mean cosine of a filter with its most similar digit: k = 10 minus k = 70",
    like[10][0] - like[70][0],
    at_least=0.15,
    source="Makhzani and Frey 2013; seeds 0, 1 and 2718: 0.234, 0.244, 0.243, minus a third",
)
lesson.claim(
    "smallest growth of the error from one k to the next, over the error at k = 70",
    np.diff(k_errors).min() / k_errors[0],
    at_least=0.15,
    source="seeds 0, 1 and 2718: 0.211, 0.217, 0.225, minus a margin of a quarter",
)

# %% [markdown]
# As $k$ falls, the filters become more similar to digits, and the error grows. (A large cosine
# alone proves little. The mean digit, one blurred image, has a larger one than any row of filters.)
# At $k = 10$ an output is a sum of only ten filters, and some of them are nearly whole digits. It
# is tempting to add that at $k = 70$ each unit is a small local stroke, as in the paper's figure,
# which the post reprints. Ours are not. A filter at $k = 70$ spreads over about 170 pixels, more
# than at $k = 10$, and looks like speckle. We trained for 350 steps only, and did not test whether
# more training would change that.
#
# ## 6. What are the codes good for?
#
# A code should help with another task. Ours is to classify digits with *logistic regression*, a
# linear classifier, trained on 10,000 labeled digits. Its input is either the pixels or one of the
# codes, divided by its standard deviation so that one learning rate suits all. Two rivals are
# easily forgotten. A random nonlinear map to many dimensions may already help a linear classifier,
# so three *untrained* encoders take part, and the sigmoid units without the penalty as well.

# %%
lesson.predict(
    "Which input gives logistic regression the highest accuracy?",
    [
        "pixels, which lose nothing",
        "the code of k = 70, which has the smallest error of the four",
        "the code of k = 40 or 25",
        "the code of k = 10",
        "the sigmoid units, with or without the penalty",
        "the code of an untrained encoder",
    ],
)

# %%
from minigen.nn import Linear
from minigen.tensor import cross_entropy


def classification_loss(model, x, y):
    return np.sum(cross_entropy(model(x), y)) / len(y)


labeled = slice(0, lesson.size(10_000, quick=300))
train = mnist.unit(data.train_images[labeled], flat=True)
train_labels = data.train_labels[labeled].astype(int)


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
    "no penalty": logistic_regression(sigmoid["no penalty"].encode, "sigmoid units without it"),
}
for k, model in kept.items():
    accuracy[f"k = {k}"] = logistic_regression(model.encode, f"codes of k = {k}")
for name, model in untrained.items():
    accuracy[f"untrained {name}"] = logistic_regression(model.encode, f"untrained, {name}")

# %%
names = {"pixels": "pixels", "sigmoid": "200 sigmoid units, with the penalty"}
names |= {"no penalty": "200 sigmoid units, without it"}
of_encoder = {"no penalty": "sigmoid", "pixels": "", "k = 40": "", "k = 10": ""}
lesson.table(
    [
        [names.get(name, name), value, accuracy.get(f"untrained {of_encoder.get(name, name)}")]
        for name, value in accuracy.items()
        if "untrained" not in name
    ],
    ["accuracy of logistic regression on", "trained encoder", "the same, untrained"],
)

# %%
on_pixels, on_70, between, on_10, on_sigmoid, on_untrained = lesson.predictions[-1].choices
choices = {"pixels": on_pixels, "k = 70": on_70, "k = 40": between, "k = 25": between}
choices |= {"k = 10": on_10, "sigmoid": on_sigmoid, "no penalty": on_sigmoid}
best = max(accuracy, key=accuracy.get)
lesson.outcome(
    f"The best accuracy is {100 * accuracy[best]:.1f} %, and on pixels it is "
    f"{100 * accuracy['pixels']:.1f} %. The code may lose part of a digit, but a linear classifier "
    "needs classes that a plane can separate, not all of the pixels.",
    answer=choices.get(best, on_untrained),
)

# %% [markdown]
# What did training add? From each accuracy we subtract the higher of two others, on the pixels and
# on the same encoder untrained.

# %%
gains = {}
for name in untrained:
    baseline = max(accuracy["pixels"], accuracy[f"untrained {name}"])
    gains[name] = accuracy[name] - baseline
lesson.claim(
    "smallest gain in accuracy of three codes: k = 70, k = 25, sigmoid units with the penalty",
    min(gains.values()),
    at_least=0.015,
    source="seeds 0, 1 and 2718: 0.0269, 0.0254, 0.0254, minus a margin of two fifths",
)
lesson.claim(
    "accuracy on the sigmoid units: with the penalty minus without it",
    accuracy["sigmoid"] - accuracy["no penalty"],
    at_least=0.02,
    source="seeds 0, 1 and 2718: 0.0367, 0.0381, 0.0414, minus a margin of two fifths",
)

# %% [markdown]
# A random map is not enough. The untrained code of $k = 70$ is about as good as the pixels, and the
# other two are worse. After training, each of the three is more than two percentage points above
# the better of its two rivals. Among the sigmoid units the penalty makes the difference, because
# nothing else changes between the two rows. Without it the code has the smaller squared error and
# the lower accuracy. (The classifiers have not converged. In a run with five times as many steps
# the difference was still about 0.04.)
#
# But more sparsity is not always better. From $k = 70$ to $k = 10$ the accuracy falls with each
# step. At the other end, with all 1,000 units kept, the code is a linear map of the pixels, and a
# linear classifier on it can compute nothing that it could not compute from the pixels. In our runs
# the penalty did not lower the squared error on test digits. In the right amount, sparsity gave a
# linear classifier features that it can use.
#
# ## 7. Why does k start large?
#
# So far $k$ fell from 200, which looks like a needless complication. Why not set $k = 10$ from the
# first step on? By part 5 of the training step, only the units that were kept receive a gradient.

# %%
lesson.predict(
    "With k = 10 from the start, how many of the 1,000 units are kept on at least one test digit, "
    "compared with a falling k?",
    ["about as many", "fewer, by a quarter or more", "more"],
)

# %%
fixed = k_autoencoder(10)
learn_k_sparse(fixed, "k = 10 from the start")


def used(model):
    return float((model.encode(test) != 0).any(axis=0).mean())


def unchanged(model):
    return float(np.all(model.encoder.w == k_autoencoder(10).encoder.w, axis=0).mean())


# %%
both = {"k falls from 200 to 10": kept[10], "k = 10 from the start": fixed}
rows = [
    [name, used(m), unchanged(m), reconstruction_loss(test, m(test))] for name, m in both.items()
]
lesson.table(
    rows,
    ["1,000 units", "fraction in use", "fraction with unchanged weights", "squared error"],
)

# %%
as_many, fewer, more = lesson.predictions[-1].choices
falling, from_start = rows[0][1], rows[1][1]
answer = fewer if falling / from_start > 4 / 3 else as_many
lesson.outcome(
    f"There are {1000 * from_start:.0f} in use, and {1000 * falling:.0f} with a falling k. The "
    f"weights of {1000 * rows[1][2]:.0f} units are bit for bit those of the start, because a unit "
    "that is never kept never receives a gradient.",
    answer=more if from_start > 1.05 * falling else answer,
)
lesson.claim(
    "fraction of units in use: falling k over k = 10 from the start",
    falling / from_start,
    at_least=2,
    source="seeds 0, 1 and 2718: 3.2, 3.7, 3.6, minus a margin of a third",
)

# %% [markdown]
# A unit without a gradient cannot improve, and it returns only if others fall below it. We call it
# *dead*. Where $k$ falls from 200, hardly any unit is left as it started, although at the end more
# than half of the units are never kept on a test digit. The squared error gives little warning,
# because it is only a few percent higher. In a sparse model, count the units in use as well.
#
# ## What this lesson does differently
#
# - The post's $\hat\rho_j$ is a mean over all data, and our training uses the mean over a batch. Of
#   100 digits with $\rho = 0.05$ a unit is expected to be active on five, with a standard deviation
#   of about two.
# - The paper on $k$-sparse codes also fine-tunes its networks with labels, and keeps more units at
#   test time than in training. We do neither.

# %%
deviation = (100 * 0.05 * 0.95) ** 0.5
lesson.check("standard deviation of the number of heads", deviation, equals=2.179, atol=1e-3)

# %% [markdown]
# The mean over a batch is therefore a rough estimate of the mean over the data.
#
# ## Where the post is loose
#
# *You may skip this section, because the lesson does not need it. It is for readers who have the
# post open beside it.*
#
# - The post lists "sigmoid, tanh, relu, leaky relu, etc." and continues: "A neuron is activated
#   when the value is close to 1 and inactivate with a value close to 0". This fits sigmoid units
#   only. Eq. vae.04 needs means between 0 and 1, and `sparsity_penalty` refuses any others.
# - It calls $\hat\rho_j$ "The fraction of activation of this neuron". It is the mean of the
#   activation, not the fraction of examples on which the unit is active. The activations ¼, ¼, ¼, ¼
#   of section 1 have the same $\hat\rho$ as 0, 0, 0, 1.
# - In Eq. vae.04 the post prints no bracket after the sums, so that the second logarithm is outside
#   of them. And $L$ is both the loss and the number of layers.
# - Of part 3 it writes: "This can be done in a ReLU layer with an adjustable threshold too". For
#   finding the $k$ largest units, of which the paper speaks, this is right. But an ordinary ReLU,
#   with the threshold as its bias, also subtracts the threshold, and turns $(3, -5, 1, 2)$ into
#   $(2, 0, 0, 1)$.
# - "or in other words, one hidden neuron should be inactivate most of time": this is about one unit
#   and many examples. The words before it, "a small number of hidden units being activated at the
#   same time", are about one example and many units. Eq. vae.04 asks for the first only, and the
#   $k$-sparse code for the second.
# - It keeps the largest activations "in the bottleneck layer", and its caption of the filters has
#   "1000 hidden units", for 784 pixels. This layer is wider than the input, and only its sparsity
#   limits the code.

# %%
relu = np.maximum(np.array([3.0, -5.0, 1.0, 2.0]) - 1.0, 0)
lesson.check("ReLU with threshold 1 of (3, -5, 1, 2)", relu, equals=[2.0, 0.0, 0.0, 1.0])

# %% [markdown]
# Such a layer finds the right units, and one more step restores their values.
#
# ## To remember
#
# - A sparse code may have more units than the input has pixels, if few of them are active on each
#   example.
# - The penalty is a KL divergence between two coins, one for each unit. Average over the examples
#   first.
# - Or keep the $k$ largest entries, by value. No gradient reaches the others, and units can die.
# - Sparsity is a constraint with a price. Compare the error on test data with and without it.
#
# **Next:** `vae/05` puts the price on something else, a code that changes when its input changes a
# little.
#
# **Your turn:** `minigen exercise start vae/04`, then `minigen run vae/04 --with
# exercises/vae_04.py`.

# %%
lesson.finish()
