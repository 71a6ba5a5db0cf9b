# %% [markdown]
# # VQ-VAE: a code made of integers
#
# This lesson runs the section *VQ-VAE and VQ-VAE-2* (vae.s10) of
# [From Autoencoder to Beta-VAE](https://lilianweng.github.io/posts/2018-08-12-vae/). Read `vae/08`
# first. In this lesson:
#
# 1. *Vector quantization* (VQ) replaces each vector by the nearest of a finite set of code vectors.
#    The code of an image is then a grid of integers.
# 2. The codebook and the encoder need training signals of their own. We derive where they come from
#    and remove them one at a time.
# 3. A prior over the integers is trained afterwards. With it the model generates images, and the
#    nats of the prior are the rate of a VAE.
#
# Discrete codes are a natural fit for language, speech and reasoning, which consist of words,
# phonemes and symbols. Models of sequences, such as transformers, are made for tokens. The grid of
# integers can be 1-D for speech, 2-D for images and 3-D for video. Here it is 2-D.

# %%
from minigen.course import Lesson

lesson = Lesson(
    "vae/10_vq_vae",
    title="VQ-VAE: a code made of integers",
    post="vae",
    sections=["vae.s10"],
    figures=["vae.f09", "vae.f10", "vae.f11"],
    equations=["vae.18", "vae.19", "vae.20"],
    pretrained=["digit_classifier"],
    minutes=4,
    picture="samples",
    sources=["weng2018vae", "vandenoord2017vqvae", "razavi2019vqvae2"],
)

# %%
import autograd.numpy as np

from minigen import plot
from minigen.data import mnist
from minigen.flow.pixel import CodePixelCNN
from minigen.optim import Adam, cosine
from minigen.plot import node
from minigen.tensor import batched, grad
from minigen.train import descend
from minigen.vae.code_prior import CausalTransformer
from minigen.vae.quantizer import VectorQuantizer, dead_share, ema_update, perplexity
from minigen.vae.quantizer import nearest, quantization_losses, straight_through

# %% [markdown]
# ## 1. Vector quantization by hand
# The *codebook* holds $K$ code vectors $e_i$ of length $D$, the *embedding size*. The encoder
# output $E(x) = z_e$ is replaced by its nearest neighbor in the codebook (Eq. vae.18):
#
# $$z_q(x) = \text{Quantize}(E(x)) = e_k \quad \text{where} \quad k = \arg\min_i \lVert E(x) - e_i
# \rVert_2 .$$
#
# This is the lookup of a nearest-neighbor classifier (KNN with one neighbor). The code vectors are
# also called *centroids*: the best code vector is the mean of the vectors that are mapped to it.

# %%
lesson.exercise("vae/10/nearest")

# %%
rng = np.random.default_rng(0)
vectors = rng.standard_normal((1500, 2))
centroids = np.array([[-1.2, 0.8], [0.9, 1.1], [0.0, 0.0], [1.3, -0.7], [-0.8, -1.2]])
ax = plot.samples(vectors, classes=nearest(vectors, centroids), title="1,500 vectors, 5 codes")
ax.plot(*centroids.T, "kX", markersize=9, zorder=10)
lesson.figure(
    ax,
    "nearest",
    "K = 5, D = 2. Crosses: code vectors. Each vector has the color of its nearest code vector. "
    "Numbers: the indices k, at the mean of these vectors.",
)

# %% [markdown]
# In one dimension: the encoder outputs $z = 4$, and the codebook holds $e_0 = 0$ and $e_1 = 5$, so
# $z$ becomes 5. The decoder doubles its input. The image is $x = 7$, so the error is $(7 - 2 \cdot
# 5)^2 = 9$.

# %%
z = np.array([[4.0]])
codebook = np.array([[0.0], [5.0]])
e = codebook[nearest(z, codebook)]  # [[5]]


def error(e):
    return np.sum((7 - 2 * e) ** 2)


lesson.check("the code of 4 and the error", [float(e[0, 0]), float(error(e))], equals=[5.0, 9.0])

# %%
lesson.change(
    "between two codes",
    "Change `z` to `np.array([[2.5]])`, equally far from both codes, and run again. Which code is "
    "chosen, and what is the error? What would 2.6 give?",
    answer="0, the first of two equally near codes, with an error of 49. At 2.6 the code is 5 and "
    "the error 9: it jumps by 40 at one point, and it is constant on both sides of that point.",
)

# %% [markdown]
# The encoder is trained with the derivative of the error with respect to $z$.

# %%
lesson.predict(
    "What is the derivative of the error with respect to z, at z = 4?",
    [
        "12: the error grows as z grows",
        "-12: the error shrinks as z grows",
        "0: a small step of z changes nothing",
        "infinite: quantization jumps",
    ],
)


# %%
def rounded(z):
    return error(codebook[nearest(z, codebook)])


slope_by_rounding = grad(rounded)(z)
print(f"  derivative of the error in z: {slope_by_rounding.item():g}")

# %%
lesson.outcome(
    "4 and 4.01 have the same code, so the error is 9 at both. (It jumps only at 2.5, midway"
    " between the codes.) With this gradient the encoder does not train.",
    answer="0: a small step of z changes nothing",
)
lesson.check(
    "derivative of the error in z, through the quantization", slope_by_rounding, equals=0.0
)

# %% [markdown]
# The decoder's input does have a gradient: at 5 the derivative of the error is 12, so a smaller
# input would lower it. The post says how VQ-VAE uses it: since argmin is not differentiable, the
# gradient of the decoder input $z_q$ is copied to the encoder output $z_e$. This is the
# *straight-through estimator*.

# %%
lesson.exercise("vae/10/straight_through")


# %%
def copied(z):
    return error(straight_through(z, e))


slopes = grad(error)(e).item(), grad(copied)(z).item()
lesson.check("slope at the decoder's input; in z, straight through", slopes, equals=[12.0, 12.0])

# %% [markdown]
# The copied gradient is not the gradient of the error in $z$, which is 0. It approximates the
# effect of moving the code vector itself, and it is useful as long as $z$ and its code are close.

# %%
lesson.change(
    "no gradient at the decoder",
    "At which image $x$ is the gradient at the decoder's input 0? Set the 7 in `(7 - 2 * e)` to "
    "it and run again.",
    answer="At $x = 10$, which the decoder reconstructs exactly: its gradient is 0, and so is the "
    "one that is copied to $z$. Yet $z = 4$ is not at its code, and nothing in this loss moves it "
    "there.",
)

# %% [markdown]
# Two more terms keep $z$ and its code close. Both are the squared distance of $z$ and $e$. The *VQ
# loss* moves the code toward $z$ and leaves $z$ unchanged. The *commitment loss*, with a weight
# $\beta$, moves $z$ toward its code and leaves the code unchanged. It is also meant to prevent $z$
# from fluctuating too frequently between codes; section 4 counts this. What must be held fixed in
# each term?

# %%
lesson.exercise("vae/10/quantization_losses")

# %% [markdown]
# The whole loss is (Eq. vae.19)
#
# $$L = \underbrace{\lVert x - D(e_k)\rVert_2^2}_{\text{reconstruction loss}} + \underbrace{\lVert
# \mathrm{sg}[E(x)] - e_k\rVert_2^2}_{\text{VQ loss}} + \underbrace{\beta\,\lVert E(x) -
# \mathrm{sg}[e_k]\rVert_2^2}_{\text{commitment loss}} ,$$
#
# where sg is the `stop_gradient` operator. With $z = 4$, $e = 5$, $\beta = \frac14$ the VQ loss is
# 1 and its derivative in $e$ is 2. The commitment loss is $\frac14$ and its derivative in $z$ is
# $-\frac12$.


# %%
def pull(z, e):
    return sum(np.sum(term) for term in quantization_losses(z, e))  # beta is 1/4 unless given


def pull_on_code(e):
    return pull(z, e)


terms = np.ravel(quantization_losses(z, e))
slopes = grad(pull)(z, e).item(), grad(pull_on_code)(e).item()
name = "codebook and commitment; slopes in z and e"
lesson.check(name, [*terms, *slopes], equals=[1.0, 0.25, -0.5, 2.0])
lesson.show_source(nearest, straight_through, quantization_losses)

# %%
lesson.change(
    "full commitment",
    "In `pull` change `quantization_losses(z, e))` to `quantization_losses(z, e, 1.0))` and run "
    "again. Which of the two slopes changes?",
    answer="The slope in $z$: it becomes -2, four times as large, and equal and opposite to that "
    "of the code, 2. $\\beta$ multiplies the commitment term only, and that term moves only $z$. "
    "The two terms, 1 and 0.25, are computed in another line and do not change.",
)

# %% [markdown]
# There is another way to move the codes. If all vectors of a code were known, its best position
# would be their mean. They come in batches. So keep two *exponential moving averages* (EMA), of the
# number of vectors of each code and of their sum, with the weight $\gamma$ for the past, and
# divide.

# %%
lesson.exercise("vae/10/ema_update")

# %% [markdown]
# Let the batch at time $t$ assign $n_i^{(t)}$ vectors $\mathbf{z}_{i,j}^{(t)}$ to code $i$. Then
# (Eq. vae.20)
#
# $$N_i^{(t)} = \gamma N_i^{(t-1)} + (1-\gamma)\, n_i^{(t)}, \qquad \mathbf{m}_i^{(t)} = \gamma
# \mathbf{m}_i^{(t-1)} + (1-\gamma) \sum_{j=1}^{n_i^{(t)}} \mathbf{z}_{i,j}^{(t)}, \qquad
# \mathbf{e}_i^{(t)} = \mathbf{m}_i^{(t)} / N_i^{(t)} .$$
#
# By hand: the code at 5 has $N = 1$, $m = 5$, and the batch assigns 4 and 7 to it. The code at 0
# has $N = 1$, $m = 0$ and is assigned no vector. Let $\gamma = \frac12$.

# %%
lesson.predict(
    "Where are the two codes after this batch?",
    [
        "at 5½, the mean of the batch, and at 0",
        "at 5¼, midway between 5 and the mean of the batch, and at 0",
        "at 5⅓ and at 0",
        "at 5⅓ and at 2¾",
    ],
)

# %%
batch = np.array([[4.0], [7.0]])
both_to_code_1 = np.array([1, 1])
counts, sums, moved = ema_update(
    np.ones(2), codebook.copy(), codebook, batch, both_to_code_1, gamma=0.5
)
print(f"  counts {counts}, sums {np.ravel(sums)}, codes {np.ravel(moved)}")

# %%
lesson.outcome(
    "The code at 5 has N = 1/2 + 1 and m = 5/2 + 11/2 = 8, and 8 / 1.5 is 5⅓: the two new vectors"
    " have twice the weight of the old one. For the code at 0 both averages are halved, so their"
    " ratio does not change.",
    answer="at 5⅓ and at 0",
)
lesson.check("new counts and codes", [*counts, *moved[:, 0]], equals=[0.5, 1.5, 0.0, 16 / 3])
lesson.show_source(ema_update, VectorQuantizer)

# %%
lesson.change(
    "without memory",
    "Change `gamma=0.5` to `gamma=0.0` and run again, after a prediction of the two codes.",
    answer="The code at 5 is at 5.5, the mean of the batch, with a count of 2. The code at 0 has "
    "the count 0, so it stays where it is instead of becoming 0/0. With `gamma=1.0` neither would "
    "move.",
)

# %% [markdown]
# <details><summary>Derivation: the moving average minimizes the VQ loss over all batches</summary>
#
# Written out, with the start forgotten, the two recursions are sums with exponentially falling
# weights:
#
# $$N_i^{(t)} = (1 - \gamma) \sum_{s \le t} \gamma^{t-s} n_i^{(s)}, \qquad \mathbf{m}_i^{(t)} = (1 -
# \gamma) \sum_{s \le t} \gamma^{t-s} \sum_j \mathbf{z}_{i,j}^{(s)} .$$
#
# The weighted VQ loss of code $i$ is $\sum_{s \le t} \gamma^{t-s} \sum_j \lVert
# \mathbf{z}_{i,j}^{(s)} - \mathbf{e} \rVert^2$. Its gradient in $\mathbf{e}$ is 0 at $\mathbf{e}
# \sum_s \gamma^{t-s} n_i^{(s)} = \sum_s \gamma^{t-s} \sum_j \mathbf{z}_{i,j}^{(s)}$, which is
# $\mathbf{e} = \mathbf{m}_i^{(t)} / N_i^{(t)}$. With one batch this is the update of k-means.
#
# </details>

# %%
stream = rng.standard_normal((5, 8, 1))  # 5 batches of 8 vectors, all of one code
state = np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1))
for some in stream:
    state = ema_update(*state, some, np.zeros(8, int), gamma=0.9)
weights = 0.1 * 0.9 ** np.arange(4, -1, -1)
written_out = (weights[:, None, None] * stream).sum() / (8 * weights.sum())
lesson.check("the recursion, minus the weighted mean", state[2].item() - written_out, equals=0.0)

# %% [markdown]
# With this update the VQ loss is *dropped* from Eq. vae.19. Three choices are ours: $\gamma$ is
# 0.99; the codebook starts at encoder outputs of the first images; and a code without vectors is
# moved to a vector of the current batch (*revived*) every fifty steps. Without this it would never
# move again.
#
# ## 2. Digits as 49 integers
# The encoder maps 28×28 pixels to 7×7 vectors with $D = 16$. Each becomes one of $K = 64$ codes.
# The decoder ends in a sigmoid. Squared errors are summed over pixels and over the components of a
# code. (A mean over one of them and a sum over the other would hide a factor in $\beta$.) A digit
# becomes 49 integers, at most $49 \log_2 64 = 294$ bits.

# %%
data = mnist.load()
cfg = lesson.configure(
    codes=64, batch=32, lr=2e-3, prior_batch=32, prior_lr=3e-3, pixel_cnn_lr=6e-3
)
images = data.train_images[: lesson.size(60_000, quick=640)]  # (60000, 28, 28), bytes
n_test = lesson.size(10_000, quick=100)
test = mnist.unit(data.test_images[:n_test])  # (10000, 28, 28, 1) in [0, 1]
labels = data.test_labels[:n_test].astype(int)

# %% [markdown]
# The codebook starts at vectors of 256 digits. A step is more than a gradient step: the moving
# averages follow it, and every fifty steps a revival of dead codes, except in the last 30 % of the
# training, in which all codes settle.

# %%
from math import ceil

from minigen.vae.vq_vae import VQVAE, start, training_step


def begin(model, label):
    start(model, mnist.unit(images[:256]), lesson.rng("start " + label))


def every_fifty(steps):
    return range(49, ceil(0.7 * steps), 50)


# %%
def learn(model, steps, label, revivals, watched=None):
    rng = lesson.rng(label)
    optimizer = Adam(model, cfg.lr)
    lr = cosine(cfg.lr, steps, warmup=min(50, steps))
    batches = mnist.batches(images, size=cfg.batch, rng=rng)

    def step(i):
        optimizer.lr = lr(i)
        x = mnist.unit(next(batches)[0])  # (batch, 28, 28, 1)
        report = training_step(model, optimizer, x, rng if i in revivals else None)
        return report if watched is None else {**report, "changed": watched(model)}

    state = {"model": model, "optimizer": optimizer, "batches": batches, "rng": rng}
    return lesson.fit(step, steps, label=label, state=state)


# %%
lesson.predict(
    "How many of the 64 codes will be used, on the test digits?",
    ["at most 16", "17 to 57", "58 or more"],
)

# %%
model = VQVAE(lesson.rng("init"), codes=cfg.codes)
begin(model, "VQ-VAE")
steps = lesson.steps(2000, quick=4)
learn(model, steps, "VQ-VAE", every_fifty(steps))

# %%
(codes,) = model.codes(test)  # (10000, 7, 7)
decoded = model.images(codes)
in_use = round(64 * (1 - dead_share(codes, cfg.codes)))
alike = perplexity(codes, cfg.codes)
error_of_digits = np.mean((decoded - test) ** 2)

# %% [markdown]
# *Perplexity* is the exponential of the entropy of the code frequencies: $n$ equally frequent codes
# have perplexity $n$. A code is *dead* if none of the 490,000 vectors of the test digits is mapped
# to it.

# %%
answer = "58 or more" if in_use >= 58 else "17 to 57"
lesson.outcome(
    f"{in_use} of 64 are used; their perplexity is {alike:.0f}.",
    answer="at most 16" if in_use <= 16 else answer,
)

# %%
lesson.claim(
    "VQ-VAE: squared error per pixel",
    error_of_digits,
    at_most=0.0045,
    source="PCA with 64 components: 0.0090; one trial: 0.0035",
)
dead = dead_share(codes, cfg.codes)
lesson.claim(
    "VQ-VAE: dead codes, test digits",
    dead,
    at_most=0.05,
    source="codes without vectors are revived",
)
lesson.claim("VQ-VAE: perplexity of 64 codes", alike, at_least=25, source="one trial: 37")

# %% [markdown]
# Digits as integers are *compressed*: 294 bits in place of 6,272. How does that compare with JPEG?
# Many digits are stored in one large image, so that the header of the file is negligible. Each gets
# a black margin, so that the 8×8 blocks of JPEG fit. A higher *quality* costs more bits and leaves
# less error.

# %%
lesson.predict(
    "How many bits will JPEG need for a digit, at the same squared error?",
    ["fewer than 250", "250 to 350", "more than 350"],
)

# %%
from io import BytesIO

from PIL import Image

side = int(len(test) ** 0.5)
rim = np.pad(data.test_images[: side**2], ((0, 0), (2, 2), (2, 2)))  # (side², 32, 32), bytes
mosaic = rim.reshape(side, side, 32, 32).swapaxes(1, 2).reshape(32 * side, 32 * side)


def stored(format, **options):
    """Bits per digit, and the squared error per pixel after decoding."""
    file = BytesIO()
    Image.fromarray(mosaic).save(file, format, optimize=True, **options)
    back = np.asarray(Image.open(file)) - mosaic.astype(float)
    return 8 * file.tell() / side**2, (back**2).sum() / 255**2 / side**2 / 784


# %%
qualities = (1, 3, 5, 8, 12, 20, 30, 50)
jpeg = np.array([stored("JPEG", quality=quality) for quality in qualities])  # (8, 2)
rows = [["PNG", *stored("PNG")]]
rows += [[f"JPEG, quality {q}", *each] for q, each in zip(qualities, jpeg)]
rows.append(["VQ-VAE", 49 * np.log2(cfg.codes), error_of_digits])
lesson.table(rows, ["test digits", "bits per digit", "squared error per pixel"])
as_good = np.interp(error_of_digits, jpeg[::-1, 1], jpeg[::-1, 0])

# %%
about, more = "250 to 350", "more than 350"
lesson.outcome(
    f"{as_good:.0f} bits, by interpolation between the rows.",
    answer="fewer than 250" if as_good < 250 else about if as_good <= 350 else more,
)

# %% [markdown]
# The comparison leaves out that JPEG needs no codebook and no decoder with thousands of weights,
# and that it compresses any image. Our model compresses digits only. Six bits for each integer are
# also more than needed: section 3 predicts the integers, and predictable ones cost fewer bits.

# %% [markdown]
# Check the copied gradient in the whole model: the gradient at the decoder's input must arrive at
# $E(x)$ unchanged.

# %%
z = model(test[:8]).levels[0].z
e = model.quantizer.look_up(codes[:8])


def squared_error(e):
    return np.sum((test[:8] - model.decode(e)) ** 2)


def through_rounding(z):
    return squared_error(straight_through(z, e))


# %%
at_decoder = grad(squared_error)(e)
at_encoder = grad(through_rounding)(z)
off = np.abs(at_encoder - at_decoder).max() / np.abs(at_decoder).max()
name = "gradient at E(x) minus that at the decoder's input, relative"
lesson.check(name, off, at_most=1e-4)

# %% [markdown]
# Figure f09 of the section, with the trained model:


# %%
def image_of(k, count=cfg.codes):  # integers as gray levels, 28×28
    size = 28 // len(k)
    return np.kron(k, np.ones((size, size))) / (count - 1)


boxes = {
    "x": node("image $x$", "data", (0, 0), image=test[0, :, :, 0]),
    "E": node(model.encoder, at=(1, 0), name="encoder $E$"),
    "z": node("$E(x)$\n7×7 vectors", "latent", (2, 0)),
    "k": node("7×7 integers", "data", (3, 0), image=image_of(codes[0])),
    "book": node(f"codebook\n{cfg.codes} vectors of 16", "frozen", (3, 1)),
    "e": node("$e_k$\n7×7 vectors", "latent", (2, 1)),
    "D": node(model.decoder, at=(1, 1), name="decoder $D$"),
    "out": node("$D(e_k)$", "fake", (0, 1), image=decoded[0, :, :, 0]),
}

# %%
arrows = ["x -> E -> z -> k -> book -> e -> D -> out"]
arrows += ["e --> z: gradient, copied", "out --> D --> e"]
lesson.figure(
    plot.schematic(boxes, arrows),
    "f09_vq_vae",
    "Dashed arrows show the gradient. It is copied from e to E(x), past the integers.",
)

# %%
integers = [image_of(k) for k in codes[:12]]
shown = np.concatenate([test[:12, ..., 0], integers, decoded[:12, ..., 0]])
lesson.figure(
    plot.image_grid(shown, 3, 12, row_labels=["test digit", "49 integers", "decoded"]),
    "reconstructions",
    "Row 2: the index of each code as a gray level. Row 3: the decoded images. In row 2 the"
    " empty background has more than one code, since each vector depends on its neighbors too.",
)

# %% [markdown]
# ## 3. A prior over the integers
# VQ-VAE is a VAE whose posterior is one-hot. With a uniform prior its rate is a constant,
# which is why no KL term occurs in Eq. vae.19.

# %% [markdown]
# <details><summary>Derivation: the KL divergence of a VQ-VAE is a constant</summary>
#
# At each of the 49 positions the posterior $q(k|x)$ is 1 for the nearest code and 0 for the others.
# Let the prior be uniform, $p(k) = 1/K$. Then
#
# $$D_{\mathrm{KL}}(q(k|x) \| p(k)) = \sum_k q(k|x) \log \frac{q(k|x)}{1/K} = 1 \cdot \log
# \frac{1}{1/K} = \log K .$$
#
# The sum over the positions is $49 \log 64 = 203.8$ nats. It has no gradient. The bound of `vae/07`
# is $\log p(x) \ge \log p(x|z_q(x)) - 49 \log K$. With any other prior over the grid the KL
# divergence is $-\log p(k_1, \ldots, k_{49})$ at the codes of $x$. So a prior that assigns higher
# probability to the codes of digits tightens the bound, and it may be trained after the rest.
#
# </details>

# %% [markdown]
# To generate a digit, 49 integers are sampled and decoded. With integers from the uniform prior the
# decoder receives grids that never occur in training. With a learned prior it receives vectors from
# a distribution similar to the one in training. The prior is an *autoregressive* model: it samples
# the integers row by row, each conditional on those before. We train two on the same integers.
#
# - A small *transformer*. Its input at each position are the integer to the left and three above;
#   attention reaches all earlier ones.
# - A gated *PixelCNN* (`flow/09`), the choice of the VQ-VAE paper: convolutions over the integers
#   above and to the left. In `flow/09` a pixel was 0 or 1 and had one logit. Here it is one of 64
#   codes and has 64 logits, and the first layer has a vector for each code at each position of its
#   window.
#
# VQ-VAE-2 combines the two: its PixelSNAIL is a PixelCNN with causal self-attention between layers.

# %%
lesson.check("KL divergence with a uniform prior, nats", 49 * np.log(64), equals=203.8, atol=0.05)
# %%
lesson.show_source(CausalTransformer.__call__, CausalTransformer.log_prob, CausalTransformer.sample)
lesson.show_source(CodePixelCNN)


def prior_loss(prior, tokens, *given):
    return -np.mean(prior.log_prob(tokens, *given))


# %%
def learn_prior(prior, steps, label, arrays, view=iter, lr=cfg.prior_lr):
    rng = lesson.rng(label)
    batches = mnist.batches(*arrays, size=cfg.prior_batch, rng=rng)
    lr = cosine(lr, steps, warmup=min(50, steps))
    step = descend(prior_loss, prior, view(batches), lr=lr, parallel=True)
    state = {**step.state, "batches": batches, "rng": rng}
    return lesson.fit(step, steps, label=label, state=state)


def codes_of_training_digits(model):
    levels = batched(lambda some: model.codes(mnist.unit(some)), images, size=5000)
    return [level.reshape(len(images), -1) for level in levels]


# %% [markdown]
# Both have 250,000 to 300,000 parameters. The PixelCNN is trained for fewer than half as many
# steps. Its five layers reach every earlier position of a 7×7 grid. The measure is the mean of
# $-\log p$ of the 49 integers of test digits, in nats: lower is better.

# %%
lesson.predict(
    "Which of the two will need fewer nats for the integers of a test digit?",
    [
        "the transformer, by more than 2 nats",
        "the PixelCNN, by more than 2 nats",
        "neither: they are within 2 nats",
    ],
)

# %%
size = dict(width=96, heads=4, layers=2)
prior = CausalTransformer(lesson.rng("init prior"), cfg.codes, 49, back=(1, 6, 7, 8), **size)
(tokens,) = codes_of_training_digits(model)  # (60000, 49)
history = learn_prior(prior, lesson.steps(3200, quick=2), "prior", [tokens])

# %%
pixel_cnn = CodePixelCNN(
    lesson.rng("init PixelCNN"), cfg.codes, width=48, layers=5, window=(2, 5), position_bias=(7, 7)
)
grids = tokens.reshape(-1, 7, 7)
steps = lesson.steps(1500, quick=2)
pixel_history = learn_prior(pixel_cnn, steps, "PixelCNN", [grids], lr=cfg.pixel_cnn_lr)


# %%
def draw_codes(rng, n):
    return prior.sample(rng, n).reshape(n, 7, 7)


def draw_digits(rng, n):
    return model.sample(rng, n, draw_codes)


def draw_by_pixel_cnn(rng, n):
    return model.sample(rng, n, pixel_cnn.sample)


lesson.sampler("vq_vae", draw_digits)
lesson.sampler("vq_vae_pixel_cnn", draw_by_pixel_cnn)

# %% [markdown]
# For comparison: the uniform prior, and a prior of independent integers with the frequency of each
# integer at each position.

# %%
some = codes.reshape(-1, 49)[:2000]
how_often = np.stack([np.bincount(column, minlength=cfg.codes) for column in tokens.T])  # (49, 64)
share = (how_often + 0.1) / (len(tokens) + 0.1 * cfg.codes)
nothing = 49 * np.log(cfg.codes)
by_place = -np.log(share[np.arange(49), some]).sum(axis=1).mean()
by_transformer = -prior.log_prob(some).mean()
by_pixel_cnn = -pixel_cnn.log_prob(some.reshape(-1, 7, 7)).mean()

# %%
known = {
    "uniform": [nothing, "", ""],
    "frequencies by position": [by_place, share.size, ""],
    "transformer": [by_transformer, prior.num_parameters(), history.seconds],
    "PixelCNN": [by_pixel_cnn, pixel_cnn.num_parameters(), pixel_history.seconds],
}
rows = [[name, nats, nats / np.log(2), *rest] for name, (nats, *rest) in known.items()]
header = ["prior of the 49 integers", "nats", "bits, to compare with JPEG"]
lesson.table(rows, header + ["parameters", "seconds of training"])

# %%
fewer = by_transformer - by_pixel_cnn  # nats that the PixelCNN saves over the transformer
better = "the PixelCNN" if fewer > 0 else "the transformer"
close = "neither: they are within 2 nats"
lesson.outcome(
    f"{by_transformer:.1f} nats for the transformer after {history.steps_done:,} steps,"
    f" {by_pixel_cnn:.1f} for the PixelCNN after {pixel_history.steps_done:,}.",
    answer=close if abs(fewer) <= 2 else f"{better}, by more than 2 nats",
)

# %%
name = "transformer: nats below the frequencies by position"
lesson.claim(
    name,
    by_place - by_transformer,
    at_least=20,
    unit="nats",
    source="neighboring codes depend on each other",
)
name = "PixelCNN: nats below the frequencies by position"
lesson.claim(
    name,
    by_place - by_pixel_cnn,
    at_least=20,
    unit="nats",
    source="neighboring codes depend on each other",
)

# %%
lesson.change(
    "sixteen codes",
    "Change `codes=64, batch=32` in `lesson.configure` to `codes=16, batch=32` and run again. "
    "What is the rate of a digit with the uniform prior?",
    answer="135.9 nats, which are $49 \\log_2 16$ = 196 bits, where 64 codes cost 294. No prior "
    "can save more than this. The reconstruction is worse, since each vector is replaced by one of "
    "16 instead of one of 64.",
)

# %% [markdown]
# How close are generated digits to real ones? We use the pretrained classifier of `gan/08`. The
# Fréchet distance compares its features of 5,000 generated and of all test digits; lower is better.
# The last row of the table has the distance of 5,000 other real digits. There are three ways to
# generate: integers from a learned prior (either one); integers from the uniform prior; and a
# plain VAE with a 20-dimensional Gaussian code and the networks of `vae/08`, trained once (15
# epochs, not 34) and kept. The two learned priors share codes and decoder, so only the prior
# differs between their rows. The plain VAE differs in more than its code: its layers are dense, not
# convolutions, and its prior is fixed, not learned.

# %%
lesson.predict(
    "Which way gives the smallest Fréchet distance, and which the largest?",
    [
        "smallest the plain VAE, largest the uniform prior",
        "smallest a learned prior, largest the plain VAE",
        "smallest a learned prior, largest the uniform prior",
    ],
)

# %%
from minigen.vae.vae import VAE, vae_loss


def new_vae(config):
    return VAE(np.random.default_rng(config["seed"]))


def train_vae(vae, config, fit):
    rng = np.random.default_rng(config["seed"])
    batches = mnist.batches(mnist.load().train_images, size=100, rng=rng)

    def digits_and_noise(rng):
        x = mnist.binarize(mnist.unit(next(batches)[0], flat=True), rng)
        return x, rng.standard_normal((100, 20), dtype=np.float32)

    steps = config["steps"]
    step = descend(vae_loss, vae, digits_and_noise, lr=cosine(3e-3, steps), rng=rng)
    fit(step, steps, state={**step.state, "batches": batches}, label="plain VAE")


# %%
config = {"steps": lesson.steps(9_000, quick=3), "seed": 0}
vae = lesson.train_once("plain VAE for digits", config, new_vae, train_vae)
n = lesson.size(5_000, quick=40)
rng = lesson.rng("samples")
drawn = {
    "VQ-VAE and transformer": draw_digits(rng, n),
    "VQ-VAE and PixelCNN": draw_by_pixel_cnn(lesson.rng("samples of the PixelCNN"), n),
    "uniform prior": model.images(rng.integers(0, 64, (n, 7, 7))),
    "plain VAE": vae.sample(rng, n, noise=False).reshape(n, 28, 28, 1),
    "decoded test digits": decoded[:n],
    "real": mnist.unit(images[:n]),
}

# %%
from minigen.metrics.digits import judge_digits, label_accuracy

judge = lesson.pretrained("digit_classifier")
frechet = {}
rows = []
for name, x in drawn.items():
    r = judge_digits(judge, x, test)
    frechet[name] = r.frechet
    rows.append([name, r.frechet, r.inception, r.precision, r.recall, r.confidence])

# %%
header = ["digits", "Fréchet distance", "inception score", "precision", "recall", "confidence"]
lesson.table(rows, header)

# %%
called = {
    "VQ-VAE and transformer": "a learned prior",
    "VQ-VAE and PixelCNN": "a learned prior",
    "uniform prior": "the uniform prior",
    "plain VAE": "the plain VAE",
}
smallest, *_, largest = sorted(called, key=frechet.get)
answer = f"smallest {called[smallest]}, largest {called[largest]}"
lesson.outcome(
    ", ".join(f"{name}: {frechet[name]:.1f}" for name in called) + ".",
    answer=answer if answer in lesson.predictions[-1].choices else None,
)

# %%
lesson.claim(
    "Fréchet distance, VQ-VAE with transformer",
    frechet["VQ-VAE and transformer"],
    at_most=75,
    source="one trial: 58",
)
ratio = frechet["VQ-VAE and transformer"] / frechet["plain VAE"]
name = "Fréchet distance, VQ-VAE with transformer / plain VAE"
lesson.claim(name, ratio, at_most=0.5, source="a learned prior against a fixed one")
ratio = frechet["VQ-VAE and PixelCNN"] / frechet["plain VAE"]
name = "Fréchet distance, VQ-VAE with PixelCNN / plain VAE"
lesson.claim(name, ratio, at_most=0.8, source="a learned prior against a fixed one")

# %%
by_attention, by_convolution, at_random, theirs, *_ = drawn.values()
shown = [by_attention[:24], by_convolution[:24], at_random[:12], theirs[:24]]
names = ["transformer"] * 2 + ["PixelCNN"] * 2 + ["uniform"] + ["plain VAE"] * 2
lesson.figure(
    plot.image_grid(np.concatenate(shown), 7, 12, row_labels=names),
    "samples",
    "Rows 1 to 5 have one decoder and differ in the prior. Row 5 shows strokes that form no digit."
    " Compare the edges with those of the plain VAE in rows 6 and 7.",
)

# %% [markdown]
# ## 4. One change at a time
# Smaller models are trained briefly, each with one change. "No copy" is Eq. vae.19 without the
# copied gradient: then the reconstruction loss trains only $e_k$ and the decoder.

# %%
from minigen.vae.vq_vae import Output


class NoCopy(VQVAE):
    def __call__(self, x):
        level = self.quantizer(self.encode(x))
        return Output(self.decode(self.quantizer.look_up(level.indices)), [level])


def small(kind=VQVAE, **options):
    return kind(lesson.rng("small"), codes=cfg.codes, width=32, **options)


# %% [markdown]
# A run has a model, a start of the codebook (at vectors of digits or at random), and the steps at
# which dead codes are revived. In each run we also count how often vectors change their code: for
# 64 fixed digits, the share of the vectors whose code differs from that of the step before.

# %%
fixed = mnist.unit(images[:64])


def count_changes():
    before = {}

    def share_changed(model):
        (now,) = model.codes(fixed)
        share = np.mean(now != before.get("codes", now))
        before["codes"] = now
        return share

    return share_changed


# %%
lesson.predict(
    "Which change gives the largest squared error of reconstructed test digits?",
    [
        "a random start, without revival",
        "the VQ loss in place of the moving average",
        "no copied gradient",
        "no commitment loss",
    ],
)

# %%
steps = lesson.steps(500, quick=1)
some_revivals = every_fifty(steps)
none = ()
runs = {
    "moving average": (small(), True, some_revivals),
    "... no revival": (small(), True, none),
    "... no revival, random start": (small(), False, none),
    "VQ loss": (small(learned=True), True, none),
    "no copy": (small(NoCopy, learned=True), True, none),
    "no commitment": (small(beta=0.0), True, some_revivals),
}

# %%
curves, changed = {}, {}
for name, (other, from_data, revivals) in runs.items():
    if from_data:
        begin(other, name)
    history = learn(other, steps, name, revivals, count_changes())
    curves[name] = history["perplexity"]
    changed[name] = np.mean(history["changed"][steps // 2 :])

# %%
rows = {}
for name, (other, *_) in runs.items():
    (k,) = other.codes(test[:2000])
    mse = np.mean((other.images(k) - test[:2000]) ** 2)
    size_of_z = other.encode(test[:500]).std()
    rows[name] = [mse, perplexity(k, cfg.codes), dead_share(k, cfg.codes), size_of_z, changed[name]]
lesson.table(
    [[name, *row] for name, row in rows.items()],
    ["run", "squared error", "perplexity", "dead codes", "std of z", "codes changed per step"],
)

# %%
ax = plot.curves(
    curves,
    smooth=20,
    title="perplexity during training",
    ylabel="perplexity of a batch",
    xlabel="step",
)
lesson.figure(
    ax,
    "codebooks",
    "Every curve is one run. Compare the run with revivals (every 50 steps) with those without, and"
    " look at the curves that stay at the bottom.",
)


# %%
def relative(name, to="moving average"):
    return rows[name][0] / rows[to][0]


by_choice = dict(
    zip(
        ["... no revival, random start", "VQ loss", "no copy", "no commitment"],
        lesson.predictions[-1].choices,
    )
)
worst = max(by_choice, key=relative)
lesson.outcome(
    f"'{worst}' has {relative(worst):.1f} times the error of the run with the moving average.",
    answer=by_choice[worst],
)

# %%
lesson.claim(
    "squared error, random start without revival / moving average",
    relative("... no revival, random start"),
    at_least=1.2,
    source="most codes of a random start stay dead",
)

# %%
both = [rows["VQ loss"][0], rows["... no revival"][0]]
name = "squared error: VQ loss, and moving average without revival"
lesson.claim(name, both, at_most=0.02, source="both minimize the VQ loss (section 1)")
name = "squared error, no copied gradient / moving average"
lesson.claim(
    name, relative("no copy"), at_least=3, source="the encoder has no gradient of the image"
)
name = "squared error, no commitment loss / moving average"
lesson.claim(
    name, relative("no commitment"), at_least=1.5, source="van den Oord et al. 2017, section 3.2"
)

# %% [markdown]
# - The *VQ loss* and the *moving average* do the same task. The start of the codebook and the
#   revival of dead codes matter more than the choice between them.
# - *No copy*: the encoder receives no gradient of the reconstruction, only that of the commitment
#   loss. This loss is smallest if the output is the same for every image. Then one code is used,
#   and the decoder outputs the mean digit.
# - *No commitment*: nothing holds the encoder outputs near their codes. See their standard
#   deviation in the table.

# %% [markdown]
# ## 5. Two levels: VQ-VAE-2
# VQ-VAE-2 (Razavi et al. 2019) separates local patterns (texture) from global information (the
# shapes of objects) with two grids. The *top*, 4×4, is encoded first. The *bottom*, 7×7, is encoded
# conditional on the top, so that it does not have to learn everything from scratch. Generation has
# stages too (figure f11 of the section; below as source): train the model, then a prior for each
# grid, then sample the top, the bottom given the top, and decode. The prior of the top has
# multi-headed self-attention, as in the paper, and is conditional on the label.
#
# For large photographs the sizes of the grids force the overall shape into the top. Our bottom
# could hold a whole digit alone. So, unlike the paper, every second image of a batch is decoded
# from the top only in training, and the bottom has only 32 codes.
#
# At the end we keep the top of a test digit and sample a new bottom for it.

# %%
lesson.predict(
    "For which share of the test digits does the classifier still predict their class, from their "
    "top and a new bottom?",
    ["below 30 %", "30 to 80 %", "above 80 %"],
)

# %%
from minigen.vae.vq_vae2 import HierarchicalVQVAE

levels = HierarchicalVQVAE(lesson.rng("init levels"), codes=(cfg.codes, 32))
begin(levels, "VQ-VAE-2")
steps = lesson.steps(1600, quick=2)
learn(levels, steps, "VQ-VAE-2", every_fifty(steps))
top, bottom = codes_of_training_digits(levels)  # (60000, 16), (60000, 49)

# %% [markdown]
# The top's prior: 16 integers, given the label.

# %%
kinds = data.train_labels[: len(images)].astype(int)
back = (1, 3, 4, 5)
rng = lesson.rng("init top")
top_prior = CausalTransformer(rng, cfg.codes, 16, classes=10, back=back, **size)
learn_prior(top_prior, lesson.steps(1500, quick=2), "top prior", [top, kinds])

# %% [markdown]
# The bottom's prior: 49 integers, given the vectors of the top, upsampled to 7×7 positions.


# %%
def context(top):
    return levels.context(top.reshape(-1, 4, 4)).reshape(-1, 49, 16)


def given_the_top(batches):
    for bottom, top in batches:
        yield bottom, None, context(top)


back = (1, 6, 7, 8)
bottom_prior = CausalTransformer(lesson.rng("init bottom"), 32, 49, context=16, back=back, **size)
steps = lesson.steps(1000, quick=2)
learn_prior(bottom_prior, steps, "bottom prior", [bottom, top], given_the_top)


# %%
def draw_top(rng, n):
    labels = np.arange(n) % 10  # 0, 1, ..., 9, 0, ...
    return top_prior.sample(rng, n, labels).reshape(-1, 4, 4)


def draw_bottom(rng, top):
    return bottom_prior.sample(rng, len(top), context=context(top)).reshape(-1, 7, 7)


def draw_labeled(rng, n):
    return levels.sample(rng, n, draw_top, draw_bottom), np.arange(n) % 10


lesson.sampler("vq_vae_2", draw_labeled)

# %%
lesson.show_source(HierarchicalVQVAE.__call__, training_step, HierarchicalVQVAE.sample)
test_top, test_bottom = levels.codes(test)  # (10000, 4, 4), (10000, 7, 7)
rebuilt = levels.images(test_top, test_bottom)
alone = levels.images(test_top)
redrawn = levels.images(test_top, draw_bottom(lesson.rng("redrawn"), test_top))

# %%
new_top = draw_top(lesson.rng("top"), n)
new_bottom = draw_bottom(lesson.rng("bottom"), new_top)
digits = levels.images(new_top, new_bottom)
report = judge_digits(judge, digits, test, np.arange(n) % 10)
print(f"  digits generated through two levels: Fréchet distance {report.frechet:.1f}")

# %%
decoder = node(levels.decoder, at=(3, 0.5), name="decoder")
training = {
    "x": node("$x$", "data", (0, 0.5), image=test[0, :, :, 0]),
    "E": node(levels.encoder, at=(1, 0.5), name="encoder"),
    "top": node("top", "data", (2, 0), image=image_of(test_top[0])),
    "low": node("bottom", "data", (2, 1), image=image_of(test_bottom[0], 32)),
    "D": decoder,
    "out": node("$D(e)$", "fake", (4, 0.5), image=rebuilt[0, :, :, 0]),
}
training_arrows = ["x -> E -> top -> low -> D -> out", "E -> low", "top -> D"]

# %%
drawing = {
    "c": node("label 3", "data", (0, 0)),
    "p": node(top_prior, at=(1, 0), name="top prior"),
    "q": node(bottom_prior, at=(1, 1), name="bottom prior"),
    "top": node("top", "fake", (2, 0), image=image_of(new_top[3])),
    "low": node("bottom", "fake", (2, 1), image=image_of(new_bottom[3], 32)),
    "D": decoder,
    "out": node("$D(e)$", "fake", (4, 0.5), image=digits[3, :, :, 0]),
}
drawing_arrows = ["c -> p -> top -> q -> low -> D -> out", "top -> D"]

# %%
fig, (above, below) = plot.figure(2, 1, size=(8, 2.6))
plot.schematic(training, training_arrows, above, title="training")
plot.schematic(drawing, drawing_arrows, below, title="generating a digit")
lesson.figure(
    fig,
    "f10_two_levels",
    "In both panels the top comes before the bottom, and the decoder receives both.",
)

# %% [markdown]
# What does each level represent? The table has the share of test digits that the classifier assigns
# to their class: decoded from both levels, from the top alone, and from their top with a new
# bottom.

# %%
kinds_of = {"top and bottom": rebuilt, "top alone": alone, "new bottom": redrawn}
mse = {name: np.mean((x - test) ** 2) for name, x in kinds_of.items()}
kept = {name: label_accuracy(judge, x, labels) for name, x in kinds_of.items()}
lesson.table(
    [[name, mse[name], kept[name]] for name in kinds_of],
    ["test digits from", "squared error", "classified correctly"],
)

# %%
share_kept = kept["new bottom"]
answer = "above 80 %" if share_kept > 0.8 else "30 to 80 %"
lesson.outcome(
    f"{100 * share_kept:.0f} % are still classified correctly.",
    answer="below 30 %" if share_kept < 0.3 else answer,
)

# %%
strips = [test, rebuilt, alone, redrawn, digits, digits[10:], digits[20:]]
shown = np.concatenate([x[:10] for x in strips])
names = ["test digit", "decoded", "top alone", "new bottom", "sample", "sample", "sample"]
lesson.figure(
    plot.image_grid(shown, 7, 10, row_labels=names),
    "levels",
    "Row 3: from the top alone. Row 4: new bottoms for the same tops; look for what stays and what"
    " changes. Rows 5 to 7: samples with the labels 0 to 9, one in each column.",
)

# %%
name = "VQ-VAE-2: classified correctly, top alone"
lesson.claim(
    name, kept["top alone"], at_least=0.8, source="every second image is decoded from the top"
)
name = "VQ-VAE-2: classified correctly, a bottom sampled for the top"
lesson.claim(
    name, kept["new bottom"], at_least=0.8, source="every second image is decoded from the top"
)

# %%
ratio = mse["top alone"] / mse["top and bottom"]
name = "VQ-VAE-2: squared error, top alone / both"
lesson.claim(name, ratio, at_least=1.5, source="the bottom has 49 codes more")
dead = [dead_share(test_top, cfg.codes), dead_share(test_bottom, 32)]
lesson.claim(
    "VQ-VAE-2: dead codes, top and bottom",
    dead,
    at_most=0.05,
    source="codes without vectors are revived",
)
name = "VQ-VAE-2: share of samples that are classified as their label"
lesson.claim(
    name, report.accuracy, at_least=0.77, source="the top prior is conditional on the label"
)

# %% [markdown]
# ## 6. Where the post is loose
# - "Vector quantisation (VQ) is a method to map $K$-dimensional vectors into a finite set of “code”
#   vectors." In the next paragraph "$K$ is the number of latent variable categories and $D$ is the
#   embedding size". The vectors are $D$-dimensional, and $K$ is the size of the set.
# - "The process is very much similar to KNN algorithm": KNN predicts a label from a vote of the $K$
#   nearest examples. Here there are no labels, one neighbor counts, and the codebook itself moves,
#   as in k-means.
# - The post lists the VQ loss among the terms that "VQ-VAE also optimizes", and then writes "The
#   embedding vectors in the codebook is updated through EMA". These are two alternatives. With the
#   moving average, the VQ loss is dropped (section 1; Razavi et al. 2019).
# - "$N_i$ and $\mathbf{m}_i$ are accumulated vector count and volume": $\mathbf{m}_i$ is a sum of
#   vectors, and both are averages, not accumulated totals.
# - "A powerful autoregressive model enhanced with multi-headed self-attention layers is used to
#   capture the prior distribution": there are two priors, and in the paper only that of the top has
#   self-attention. The bottom, a larger grid, does without. (Ours has it in both.)
#
# **Left out:** larger images, more levels, rejecting samples of which a classifier is uncertain.
# **Next:** *TD-VAE* (`vae/11`) models sequences, and infers a state from the observations up to a
# time.
#
# **Your turn:** `minigen exercise start vae/10`, then `minigen run vae/10 --with
# exercises/vae_10.py`.

# %%
lesson.finish()
