# %% [markdown]
# # Classifier-free guidance: one network that is told, or not
#
# The section *Classifier-Free Guidance* (diffusion.s12) of [What are Diffusion
# Models?](https://lilianweng.github.io/posts/2021-07-11-diffusion-models/): first in the plane,
# where the answer is known, then on digits. You should have read the lesson on classifier guidance.
# To take away:
#
# 1. A model of digits with labels and one without contain a classifier: the difference of their
#    guesses is its gradient.
# 2. One network can be both: in training its label is sometimes left out.
# 3. The weight $w$ trades variety for certainty. Which one is best is measured.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/09_classifier_free_guidance",
    title="Classifier-free guidance: one network that is told, or not",
    post="diffusion",
    sections=["diffusion.s12"],
    equations=["diffusion.23"],
    pretrained=["digit_classifier", "digit_diffusion"],
    minutes=7,
    sources=["weng2021diffusion", "ho2021classifierfree", "radford2021clip", "nichol2022glide"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import q_sample
from minigen.diffusion.guidance import classifier_free, classifier_free_eps, classifier_guided
from minigen.diffusion.guidance import clip_guided, clip_similarity, drop_labels
from minigen.diffusion.samplers import Trajectory, clipped, ddim
from minigen.diffusion.schedule import Schedule
from minigen.diffusion.text import contrastive_loss
from minigen.metrics.digits import judge_digits, label_accuracy
from minigen.nn import Conv2d, Embedding, Linear, Module, TimeEmbedding, space_to_depth
from minigen.optim import cosine
from minigen.tensor import batched, logsumexp, max_pool2d, silu
from minigen.train import descend

# %% [markdown]
# ## 1. By hand: two guesses
#
# A sampler is at $x_t = 0.6$, where $\sqrt{1 - \bar\alpha_t} = 0.8$. A model that has been told the
# label guesses the noise $0.5$; told nothing, it guesses $0.2$. Bayes' rule, read backwards, says
# what a classifier would have said:
#
# $$\nabla \log p(y \mid x_t) = \nabla \log p(x_t \mid y) - \nabla \log p(x_t) = -\frac{1}{\sqrt{1 -
# \bar\alpha_t}} \big(\epsilon_\theta(x_t, t, y) - \epsilon_\theta(x_t, t)\big),$$
#
# here $-(0.5 - 0.2)/0.8 = -0.375$: the label is more likely further to the left. Guidance adds that
# gradient $w$ more times to the score of the *conditional* model. As before, a noise prediction is
# $-\sqrt{1 - \bar\alpha_t}$ times a score.

# %%
lesson.predict(
    "With w = 2, what noise does the sampler get to hear?",
    ["0.35, between the two guesses", "0.8", "1.1, well outside of both"],
)

# %%
lesson.exercise("diffusion/09/classifier_free_eps")

# %%
told, not_told = np.array([[0.5]]), np.array([[0.2]])
weights = [-1.0, 0.0, 0.5, 2.0]
heard = {w: classifier_free_eps(told, not_told, w).item() for w in weights}
lesson.show_source(classifier_free_eps)
lesson.table([[w, heard[w]] for w in weights], ["w", "guided noise"])
lesson.check("w = 2: 3 x 0.5 - 2 x 0.2", heard[2.0], equals=1.1)
lesson.outcome(
    f"{heard[2.0]:.2g}. The weights 3 and -2 add up to 1, but it is no mean of the two: the line"
    " through both is followed beyond the conditional guess.",
    answer="1.1, well outside of both",
)

# %% [markdown]
# In the sum both roots cancel (Eq. diffusion.23):
#
# $$\bar\epsilon_\theta(x_t, t, y) = (w + 1)\,\epsilon_\theta(x_t, t, y) - w\,\epsilon_\theta(x_t,
# t).$$
#
# So $w = 0$ is the plain conditional model, and $w = -1$ the one without a label. (GLIDE and Imagen
# call $1 + w$ the scale of guidance: their 1 is the 0 here.)

# %%
lesson.change(
    "two equal guesses",
    "Let the two guesses be equal: change `np.array([[0.2]])` to `np.array([[0.5]])` and run "
    "again. What does a weight of 2 do now?",
    answer="Nothing: the guided noise is 0.5 with any weight. If the label changes nothing in the "
    "guess, the gradient of the classifier is 0: at this $x_t$ the label is as likely to the left "
    "as to the right.",
)

# %% [markdown]
# ## 2. In the plane: the classifier that nobody trained
#
# The five modes of the lesson before, three of class A and two of class B. The noise of the whole,
# and that of class A alone, are known exactly. The lesson before took the classifier's gradient by
# differentiating it; now we only subtract.

# %%
means = np.array([[-1.2, 0.2], [-0.3, -0.9], [-0.1, 0.8], [0.8, 0.5], [0.6, -0.6]])
shares = np.array([0.2, 0.25, 0.15, 0.25, 0.15])
width = 0.35
A = slice(0, 3)
everything = GaussianMixture(means, std=width, weights=shares)
only_A = GaussianMixture(means[A], std=width, weights=shares[A])
plane = Schedule.linear(100, 1e-3, 0.2)

# %% [markdown]
# A conditional model takes a third argument, `y`: here the label 0, which is class A. `None` is "no
# label". And the exact classifier, for comparison: the share of A's modes in the density at $x_t$.

# %%
from minigen.diffusion.exact import exact_eps_model

exact = exact_eps_model(everything, plane, by_label=[only_A])


def log_A(x, t):
    """log q(A | x_t), exactly."""
    a = plane.alpha_bar[t][:, None]  # (N, 1)
    far = np.sum((x[:, None] - np.sqrt(a)[:, :, None] * means) ** 2, axis=2)  # (N, 5)
    terms = np.log(shares) - far / (2 * (a * width**2 + 1 - a))
    return logsumexp(terms[:, A], axis=1) - logsumexp(terms, axis=1)


# %%
rng = lesson.rng("plane")
points, t = rng.standard_normal((300, 2)), np.full(300, 40)
lesson.show_source(classifier_free)
for w in (0.0, 1.5):
    without = classifier_free(exact, 0, w)(points, t)
    with_one = classifier_guided(exact, log_A, plane, 1 + w)(points, t)
    gap = np.abs(without - with_one).max()
    lesson.check(f"w = {w:g}: subtracted, and guided by the classifier", gap, at_most=1e-9)

# %% [markdown]
# The same noise, to the last digits: with exact models, guidance without a classifier *is* guidance
# by the classifier, with weight $1 + w$ on the model without a label. All that was said of large
# weights there holds here. The difference lies in what can be learned.
#
# Here are points, all of them with label A, sampled with eight weights. *Move $w$ first, at
# the end of sampling ($t = 0$). Which part of A do the points leave, and why that one? Then look,
# with a large $w$, at which $t$ they leave it.*

# %%
strengths = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0][: lesson.size(8, quick=2)]
from_noise = lesson.rng("watched").standard_normal((lesson.size(400), 2))
stops = np.unique((plane.T * np.linspace(0, 1, 25) ** 2).round())  # more of them near the data
walks = []
for w in strengths:
    path = Trajectory(times=stops)
    ddim(classifier_free(exact, 0, w), from_noise, plane, on_step=path)
    walks.append(path.states)

# %%
lesson.play(
    "guidance",
    {"w": strengths, "t": path.times},
    points=walks,
    truth=everything.sample(lesson.rng("shown truth"), 800),
    bounds=3,
    start={"w": 0, "t": 0},
    time="t",
    still="w",
    caption="Points with label A, guided by the exact model. Underneath: all data, A and B.",
)

# %% [markdown]
# ## 3. One network for both
#
# Ho and Salimans (2021) train one network. In training, each label is left out with some
# probability (10 to 20 %), and the network gets the *null label* instead, here $-1$.

# %%
lesson.exercise("diffusion/09/drop_labels")

# %%
lesson.show_source(drop_labels)
labels = np.array([3, 1, 4, 1, 5, 9, 2, 6])
chances = np.array([0.62, 0.08, 0.91, 0.33, 0.14, 0.77, 0.50, 0.26])
print("labels     ", labels)
print("as trained ", drop_labels(labels, chances, 0.15))
many = drop_labels(np.full(100_000, 7), rng.random(100_000), 0.15)
lesson.check("share of labels left out", np.mean(many == -1), equals=0.15, atol=0.006)

# %% [markdown]
# Such a network comes with the package: the base model of these lessons, the U-Net of
# `diffusion/17`, trained as in `diffusion/04` for eight minutes on all training digits, with 15 %
# of the labels left out. (Its digits are judged by the classifier of `gan/08`.) It predicts
# $v = \sqrt{\bar\alpha_t}\,\epsilon - \sqrt{1 - \bar\alpha_t}\,x_0$, from which the noise follows.

# %%
base = lesson.pretrained("digit_diffusion")
classifier = lesson.pretrained("digit_classifier")
process, steps = base.schedule, lesson.size(20, quick=2)


# %%
def sample(w, y, rng, steps=steps, eta=0.0):
    """A digit (N, 28, 28, 1) in [0, 1] for each label (N,), with weight w, by DDIM."""
    noise = rng.standard_normal((len(y), 28, 28, 1), dtype=np.float32)

    def some(noise, y):
        guided = clipped(classifier_free(base, y, w), process)
        return ddim(guided, noise, process, steps, eta, rng)

    return (batched(some, noise, y, size=250, progress="digits").clip(-1, 1) + 1) / 2


def draw(rng, n, label=None, w=0.3, steps=steps):
    y = rng.integers(0, 10, n) if label is None else np.full(n, label)
    return sample(w, y, rng, steps), y


lesson.sampler("digits", draw)

# %% [markdown]
# DDIM is the sampler of the next lesson: few steps, no fresh noise. `clipped` corrects a guess that
# implies a pixel darker than black or lighter than white; without it large weights run away.
#
# The same noise, the same labels, several weights:

# %%
shown = np.arange(10)
strengths = [-1.0, -0.7, -0.4, 0.0, 1.0, 2.0, 4.0]
same_noise = {w: sample(w, shown, lesson.rng("same noise")) for w in strengths}
rows = [same_noise[w] for w in (-1.0, 0.0, 1.0, 4.0)]
grid = plot.image_grid(
    np.concatenate(rows)[..., 0],
    cols=10,
    limits=(0, 1),
    row_labels=["no label", "w = 0", "w = 1", "w = 4"],
)
lesson.figure(
    grid,
    "weights",
    "Columns: the labels 0 to 9, each column one noise. Without a label (w = -1) the noise alone"
    " decides which digit it becomes. As w rises, the digits become plainer, and more alike.",
)

# %% [markdown]
# And one picture for all weights. *Move $w$ from the left: which digits obey at once, and which
# last? And on the right, how much does a digit still change?*

# %%
lesson.play(
    "labels",
    {"w": strengths},
    images=[same_noise[w] for w in strengths],
    start={"w": 0.0},
    caption="Asked for: 0 to 4 above, 5 to 9 below. The noise of each place stays the same.",
)

# %% [markdown]
# ## 4. How much is best?
#
# Three measures, by a classifier that has nothing to do with the model: how many samples it reads
# as the label that was asked for; the *Fréchet distance* between its features of samples and of
# real digits (small if both quality and variety are right); and *recall*, the share of real digits
# that lie close to some sample. (Besides them the *inception score*, 1 to 10, of the same
# classifier: high if it is sure of each digit, and finds all of them equally often.) We go through
# the weights with one set of digits, and look at the best weight afterwards with fresh samples and
# other real digits: else the choice would flatter itself.

# %%
lesson.predict(
    "Which weight gives the smallest Fréchet distance?",
    [
        "0: the conditional model as it was trained",
        "something between 0 and 2",
        "2 or more: the surer, the better",
    ],
)

# %%
n = lesson.size(1000, quick=20)
splits = mnist.splits()
chosen_on = mnist.unit(splits.validation.images[: lesson.size(10_000, quick=500)])
asked = np.arange(n) % 10
reports = {}
for w in (-1.0, 0.0, 0.1, 0.3, 0.5, 1.0, 2.0, 4.0):
    images = sample(w, asked, lesson.rng(f"w = {w}"))
    reports[w] = judge_digits(classifier, images, chosen_on, asked)

# %%
real = splits.train.images[:n], splits.train.labels[:n].astype(int)
reference = judge_digits(classifier, mnist.unit(real[0]), chosen_on, real[1])


def row(name, report):
    shares = [f"{report.accuracy:.1%}", f"{report.recall:.3f}"]
    return [name, *shares, f"{report.inception:.2f}", f"{report.frechet:.1f}"]


header = ["weight", "read as asked", "recall", "inception score", "Fréchet distance"]
measured = [row(f"{w:g}", report) for w, report in reports.items()]
lesson.table([*measured, row(f"{n:,} training digits", reference)], header)

# %%
swept = [w for w in reports if w >= 0]
best = min(swept, key=lambda w: reports[w].frechet)
answers = {True: "something between 0 and 2", False: "2 or more: the surer, the better"}
lesson.outcome(
    f"w = {best:g}: a distance of {reports[best].frechet:.1f}, and {reports[0.0].frechet:.1f} at"
    f" w = 0, {reports[4.0].frechet:.1f} at w = 4. Guidance mends what the network gets wrong, and"
    " makes digits alike: the best weight is where the two balance.",
    answer="0: the conditional model as it was trained" if best == 0 else answers[best < 2],
)
recalls = [reports[w].recall for w in (0.0, 1.0, 2.0, 4.0)]
rises = [after - before for before, after in zip(recalls, recalls[1:])]
lesson.claim("recall at w = 0, 1, 2, 4: largest rise", max(rises), at_most=0.02)

# %%
fig, axes = plot.figure(1, 3, size=(2.9, 2.5))
curves = {
    "read as asked": [reports[w].accuracy for w in swept],
    "recall": [reports[w].recall for w in swept],
    "Fréchet distance": [reports[w].frechet for w in swept],
}
for ax, (name, values) in zip(axes, curves.items()):
    plot.line(swept, {name: values}, ax, markers=True, xlabel="w", title=name)
lesson.figure(
    fig,
    "trade",
    "Left and middle: more certain, less varied. Right: their sum has its best in between.",
)

# %% [markdown]
# Now the test digits, which have chosen nothing, and fresh samples.

# %%
test = mnist.unit(splits.test.images[: lesson.size(10_000, quick=500)])
fresh = {}
for w in (0.0, best):
    images = sample(w, asked, lesson.rng(f"fresh, w = {w}"))
    fresh[w] = judge_digits(classifier, images, test, asked)
lesson.table([row(f"{w:g}", report) for w, report in fresh.items()], header)

# %% [markdown]
# What is a label worth without guidance? Five thousand digits of labels drawn uniformly, and five
# thousand of the same network that is told nothing. Both with fresh noise in each step ($\eta = 1$,
# `diffusion/10`), which makes up for errors of the step before.

# %%
many = lesson.size(5000, quick=20)
drawn = lesson.rng("drawn labels").integers(0, 10, many)
told = sample(0.0, drawn, lesson.rng("told"), eta=1.0)
untold = sample(-1.0, drawn, lesson.rng("untold"), eta=1.0)
of_told = judge_digits(classifier, told, test, drawn)
of_untold = judge_digits(classifier, untold, test)
rows = [["labels drawn, w = 0", of_told.frechet], ["no label", of_untold.frechet]]
lesson.table(rows, [f"{many:,} digits", "Fréchet distance"])
lesson.claim("5,000 digits of drawn labels, w = 0: Fréchet distance", of_told.frechet, at_most=18)
lesson.claim(
    "the same, over that without a label", of_told.frechet / of_untold.frechet, at_most=0.5
)

# %%
share = fresh[best].frechet / fresh[0.0].frechet
lesson.claim("Fréchet distance at the best weight over that at w = 0", share, at_most=0.5)
lesson.claim("w = 1: share read as the label asked for", reports[1.0].accuracy, at_least=0.99)
lost = reports[0.0].recall - reports[4.0].recall
lesson.claim("recall lost from w = 0 to w = 4", lost, at_least=0.15)
overdone = reports[4.0].frechet / reports[best].frechet
lesson.claim("Fréchet distance at w = 4 over that at the best weight", overdone, at_least=3)

# %%
lesson.change(
    "without clipping",
    "Leave out the clipping: in `sample`, change `clipped(classifier_free(base, y, w), process)` "
    "to `classifier_free(base, y, w)`, and run again. Does the row of w = 4 change more than that "
    "of w = 0?",
    answer="Yes. At w = 4 the Fréchet distance grows by about a half, and at w = 0 it changes by "
    "a tenth. The guided noise lies outside of both guesses, and the data that it implies leaves "
    "the range of pixels the further, the larger the weight is.",
)

# %% [markdown]
# ## 5. The other way: towards a text
#
# GLIDE (Nichol et al. 2022) compared this with guidance by CLIP. CLIP is a pair of networks, one
# for images and one for texts, trained so that an image and its own caption point the same way.
# How alike two directions are is their cosine:

# %%
lesson.exercise("diffusion/09/clip_similarity")

# %%
lesson.show_source(clip_similarity, clip_guided)
image, text = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[4.0, 3.0], [0.0, 2.0]])
lesson.check("by hand: 24/25, and a right angle", clip_similarity(image, text), equals=[0.96, 0])

# %% [markdown]
# At toy scale the texts are the ten words "zero" to "nine", each with a learned direction. The
# image network must know *noisy* images, since the sampler asks about those. Each batch holds the
# ten digits in several rounds, and within a round each image has to find its own word.


# %%
class NoisyImageEncoder(Module):
    """Noisy digits (N, 28, 28, 1) at times t (N,) -> embeddings (N, 32)."""

    def __init__(self, rng):
        self.conv1 = Conv2d(rng, 4, 24, 5, padding=2)
        self.conv2 = Conv2d(rng, 24, 48, 3, padding=1)
        self.time = TimeEmbedding(rng, 32, 48)
        self.hidden = Linear(rng, 7 * 7 * 48, 96, "silu")
        self.out = Linear(rng, 96, 32)

    def __call__(self, x, t):
        h = max_pool2d(silu(self.conv1(space_to_depth(x))), 2)  # (N, 7, 7, 24)
        h = silu(self.conv2(h) + self.time(t)[:, None, None, :])  # (N, 7, 7, 48)
        return self.out(self.hidden(np.reshape(h, (len(x), -1))))  # (N, 32)


# %%
images = mnist.symmetric(splits.train.images[: lesson.size(50_000, quick=2000)])
of_class = [np.flatnonzero(splits.train.labels[: len(images)] == k) for k in range(10)]
rounds = lesson.size(10, quick=2)


def clip_batch(rng):
    """Noisy digits in rounds of 0 ... 9, their times, and the round of each: (10 rounds, ...)."""
    rows = np.concatenate([[rng.choice(each) for each in of_class] for _ in range(rounds)])
    t = rng.integers(1, process.T + 1, len(rows))
    eps = rng.standard_normal(images[rows].shape, dtype=np.float32)
    return q_sample(images[rows], t, eps, process), t


def clip_loss(model, x, t):
    image = model["image"](x, t)  # (10 rounds, 32)
    text = model["text"](np.arange(10))  # (10, 32)
    each = [
        contrastive_loss(image[10 * k : 10 * k + 10], text, model["scale"]) for k in range(rounds)
    ]
    return sum(each) / rounds


# %%
rng = lesson.rng("clip")
clip = {
    "image": NoisyImageEncoder(rng),
    "text": Embedding(rng, 10, 32),
    "scale": np.array(2.0, np.float32),
}
clip_steps = lesson.steps(1000, quick=3)
step = descend(clip_loss, clip, clip_batch, lr=cosine(2e-3, clip_steps), rng=rng)
lesson.fit(step, clip_steps, state=step.state, label="clip")
words = clip["text"](np.arange(10))  # (10, 32)


# %% [markdown]
# GLIDE's authors suspected that guidance by CLIP is partly *adversarial*: the sampler finds images
# that CLIP likes, rather than images that fit. Here that can be measured. CLIP's own opinion is the
# cosine of the sample and its word; an independent opinion is the classifier's.

# %%
lesson.predict(
    "Guidance by CLIP is turned up until CLIP likes its samples as well as those of classifier-free"
    " guidance. The independent classifier reads them as asked",
    ["as often", "less often", "more often"],
)


# %%
def sample_by_clip(w, y, rng):
    """The same sampler, without a label; guided by CLIP towards the word."""
    noise = rng.standard_normal((len(y), 28, 28, 1), dtype=np.float32)

    def some(noise, y):
        guided = clip_guided(base, clip["image"], words[y], process, w)
        return ddim(clipped(guided, process), noise, process, steps)

    return (batched(some, noise, y, size=250, progress="digits").clip(-1, 1) + 1) / 2


def opinions(images, y):
    """CLIP's cosine with the word, the share that the classifier confirms, and its distance."""
    embedded = batched(clip["image"], 2 * images - 1, np.ones(len(y), int))
    cosine_with_word = float(np.mean(clip_similarity(embedded, words[y])))
    report = judge_digits(classifier, images, chosen_on, y)
    return cosine_with_word, report.accuracy, report.frechet


# %%
few = np.arange(lesson.size(500, quick=10)) % 10
compared = {}
for w in (0.0, 0.3, 1.0):
    images_free = sample(w, few, lesson.rng("free"))
    compared[f"classifier-free, w = {w:g}"] = opinions(images_free, few)
for w in (10.0, 30.0, 100.0, 300.0):
    images_clip = sample_by_clip(w, few, lesson.rng("by clip"))
    compared[f"by CLIP, w = {w:g}"] = opinions(images_clip, few)

# %%
header = ["guidance", "CLIP's cosine", "classifier confirms", "Fréchet distance"]
rows = [[name, f"{c:.3f}", f"{a:.1%}", f"{f:.1f}"] for name, (c, a, f) in compared.items()]
lesson.table(rows, header)

# %%
free = compared["classifier-free, w = 0.3"]
by_clip = {name: numbers for name, numbers in compared.items() if "CLIP" in name}
nearest = min(by_clip, key=lambda name: abs(by_clip[name][0] - free[0]))
matched = by_clip[nearest]
difference = matched[1] - free[1]
said = "as often" if abs(difference) < 0.02 else "less often" if difference < 0 else "more often"
lesson.outcome(
    f"{said}: {matched[1]:.1%} against {free[1]:.1%}, with cosines of {matched[0]:.2f}"
    f" ({nearest}) and {free[0]:.2f}; Fréchet distances {matched[2]:.0f} and {free[2]:.0f}.",
    answer=said,
)

# %% [markdown]
# ## 6. Wrong turns
#
# - *The weights swapped*, $w\,\epsilon(y) - (1 + w)\,\epsilon$, do not add up to 1: even two equal
#   guesses are changed.
# - *The signs swapped*, $-w\,\epsilon(y) + (1 + w)\,\epsilon$: away from the label.
# - *Never leaving a label out*: then the null label means nothing to the network, and the
#   difference of the two guesses is no gradient of anything.

# %%
slips = {"right": (2, -1), "weights swapped": (1, -2), "signs swapped": (-1, 2)}  # at w = 1


def sample_with(slip, y, rng):
    """As `sample`, with other weights of the two guesses."""
    conditional, unconditional = slips[slip]

    def guided(x, t):
        return conditional * base(x, t, y) + unconditional * base(x, t)

    noise = rng.standard_normal((len(y), 28, 28, 1), dtype=np.float32)
    return (ddim(clipped(guided, process), noise, process, steps).clip(-1, 1) + 1) / 2


# %%
tried = np.arange(lesson.size(200, quick=10)) % 10
read = {}
for slip in slips:
    images_of_slip = sample_with(slip, tried, lesson.rng("slips"))
    read[slip] = label_accuracy(classifier, images_of_slip, tried)
lesson.table([[slip, f"{value:.0%}"] for slip, value in read.items()], ["formula", "read as asked"])
for slip in ("signs swapped", "weights swapped"):
    lost_by = read["right"] - read[slip]
    lesson.claim(
        f"{slip}: share read as asked, less than by the right formula", lost_by, at_least=0.5
    )

# %% [markdown]
# ## Where the post is loose
#
# - The equation is right as printed, but the conventions clash between papers: see section 1.
# - "No classifier" is not quite: the network *contains* one, and it can be no better than its two
#   guesses. Each step costs two calls of the network, one with and one without the label.
# - The balance that the post speaks of, between FID and IS, is that of the last two columns in the
#   table of section 4, with our classifier in the place of Inception. The *inception score* rewards
#   certainty and all classes alike, the Fréchet distance also variety within a class.
#
# **Left out:** captions in place of labels (a later lesson), and thresholds better than `clipped`
# (the lesson on Imagen). **Next:** `diffusion/10`, how to sample in few steps.
#
# **Your turn:** `minigen exercise start diffusion/09`, then `minigen run diffusion/09 --with
# exercises/diffusion_09.py`.

# %%
lesson.finish()
