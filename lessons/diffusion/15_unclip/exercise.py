"""Exercises on unCLIP: the contrastive loss of CLIP and its gradient, and the loss of the prior."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule

contrastive = Exercise(
    "diffusion/15/contrastive_loss",
    target="minigen.diffusion.text:contrastive_loss",
    minutes=20,
    imports=["from minigen.tensor import log_softmax"],
    prompt=r"""
    The loss of CLIP for a batch of images and their texts, a scalar in nats.

    `image` and `text`, $(N, E)$, are embeddings; row $i$ of `text` belongs to row $i$ of `image`.
    Scale each row to length 1, take the scalar product of each image with each text, and multiply
    it by $\exp(\mathrm{log\_scale})$, a scalar: logits $(N, N)$, a row for each image, a column for
    each text. They classify, for each image, which of the $N$ texts is its own, and for each text
    which of the $N$ images. The loss is half of the sum of the two mean cross-entropies. The result
    must be differentiable with respect to all three arguments.

    `log_softmax(x)` of `minigen.tensor` is the logarithm of the softmax over the last axis, without
    overflow. `log_scale` may be 4.6 (a scale of 100) or more.
    """,
    hints="""
    The right answer for image i is number i: it is on the diagonal. Two softmaxes, one along the
    rows, one along the columns.

    logits = exp(log_scale) image textᵀ; - (mean of the diagonal of log softmax over rows + the same
    for the transposed logits)/2.

        image = image / np.sqrt(np.sum(image**2, axis=1, keepdims=True))
        text = text / np.sqrt(np.sum(text**2, axis=1, keepdims=True))
        logits = np.exp(log_scale) * np.matmul(image, np.transpose(text))
        images = np.mean(np.diag(log_softmax(logits)))
        texts = np.mean(np.diag(log_softmax(np.transpose(logits))))
        return -(images + texts) / 2
    """,
)


@contrastive.case(points=1, kind="equation", expect={"loss": 0.06262967204})
def two_pairs(impl, rng):
    """Rows of length 5 and 2, 10 and 1: the cosines are 1 and -0.28, -0.8 and 0.8, the scale is 2.
    By rows log(1 + exp(-2.56)) and log(1 + exp(-3.2)), by columns log(1 + exp(-3.6)) and log(1 +
    exp(-2.16)); a quarter of their sum."""
    image, text = np.array([[3.0, 4.0], [0.0, -2.0]]), np.array([[6.0, 8.0], [0.6, -0.8]])
    return {"loss": impl(image, text, np.log(2.0))}


@contrastive.case(points=1, kind="equation")
def a_batch(impl, rng):
    image, text = rng.standard_normal((2, 6, 4))
    return {f"scale {scale}": impl(image, text, np.log(scale)) for scale in (1.0, 14.0)}


@contrastive.case(
    points=1, kind="equation", property=True, expect={"turned": 0.0, "longer": 0.0, "one pair": 0.0}
)
def what_does_not_matter(impl, rng):
    """Images and texts may be exchanged, rows made longer; the loss of one pair alone is 0."""
    image, text = rng.standard_normal((2, 5, 3))
    loss = impl(image, text, 1.5)
    return {
        "turned": impl(text, image, 1.5) - loss,
        "longer": impl(image * np.array([[3.0], [1e-4], [7.0], [1.0], [20.0]]), text, 1.5) - loss,
        "one pair": impl(image[:1], text[:1], 1.5),
        "loss": loss,
    }


@contrastive.case(points=2, kind="gradient", rtol=1e-5)
def all_gradients(impl, rng):
    from minigen.tensor import value_and_grad

    image, text = rng.standard_normal((2, 5, 3))
    arguments = (image, text, np.array(0.7))
    value, gradients = value_and_grad(lambda arguments: impl(*arguments))(arguments)
    return {"loss": value, "image": gradients[0], "text": gradients[1], "scale": gradients[2]}


@contrastive.case(points=1, kind="extremes", rtol=1e-4, atol=1e-4)
def a_large_scale(impl, rng):
    """exp(7) is 1097, and exp(1097) is more than any float, in float32; the gradient is finite
    there too."""
    from minigen.tensor import value_and_grad

    image, text = rng.standard_normal((2, 4, 3)).astype(np.float32)
    slopes = value_and_grad(lambda pair: impl(*pair, np.array(7.0)))((image.astype(float), text))[1]
    return {"loss": impl(image, text, np.array(7.0, np.float32)), "gradient": slopes[0]}


slopes = Exercise(
    "diffusion/15/contrastive_gradient",
    target="minigen.diffusion.text:contrastive_gradient",
    minutes=15,
    imports=["from minigen.tensor import softmax"],
    prompt="""
    The gradient of CLIP's loss in its logits: how much the loss changes with each of them.

    `logits` is $(N, N)$, a row for each image, a column for each text; image $i$ and text $i$
    belong together. The loss is half of the sum of two mean cross-entropies: of the $N$ texts for
    each image (a softmax along its row), of the $N$ images for each text (a softmax along its
    column). Work out the derivative by hand; do not call autograd. The result has the shape of
    `logits`.

    `softmax(x)` of `minigen.tensor` is taken over the last axis, without overflow; `logits` may be
    as large as 1000 or as low as $-1000$, in `float32` too.
    """,
    hints="""
    The cross-entropy of one row is the logarithm of the sum of its exponentials, minus the logit of
    the right answer. What is the derivative of each of the two?

    (P + Q - 2 I) / (2 N), P the softmax along the rows, Q that along the columns, I the identity.

        n = len(logits)
        texts = softmax(logits)  # for each image
        images = np.transpose(softmax(np.transpose(logits)))  # for each text
        return (texts + images - 2 * np.eye(n)) / (2 * n)
    """,
)


@slopes.case(
    points=2,
    kind="equation",
    expect={"gradient": [[-11 / 48, 7 / 48], [17 / 48, -13 / 48]]},
)
def four_logits(impl, rng):
    """The exponentials are 3, 1 and 6, 2. By rows the probabilities are 3/4, 1/4 and 3/4, 1/4, by
    columns 1/3, 1/3 and 2/3, 2/3. Top left: (3/4 - 1 + 1/3 - 1) / 4."""
    return {"gradient": impl(np.log(np.array([[3.0, 1.0], [6.0, 2.0]])))}


@slopes.case(points=1, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-6)
def a_small_change(impl, rng):
    """A small change of all logits changes the loss by its product with the gradient."""
    logits, change = rng.standard_normal((2, 5, 5))

    def loss(logits):
        rows, columns = (np.log(np.sum(np.exp(logits), axis=axis)) for axis in (1, 0))
        return np.mean(rows + columns) / 2 - np.mean(np.diag(logits))

    found = (loss(logits + 1e-5 * change) - loss(logits - 1e-5 * change)) / 2e-5
    return {"difference": np.sum(impl(logits) * change) - found}


@slopes.case(
    points=1, kind="equation", property=True, expect={"sum": 0.0, "one pair": 0.0, "shift": 0.0}
)
def what_changes_nothing(impl, rng):
    """A constant added to all logits changes neither the loss, so that the gradient sums to 0, nor
    the gradient. For one pair alone it is 0."""
    logits = rng.standard_normal((4, 4))
    gradient = impl(logits)
    return {
        "sum": np.sum(gradient),
        "one pair": impl(logits[:1, :1]),
        "shift": impl(logits + 3) - gradient,
        "gradient": gradient,
    }


@slopes.case(points=1, kind="extremes", rtol=1e-4, atol=1e-6)
def very_large(impl, rng):
    """Logits of 1000 and -1000, in float32: right answers, wrong ones, and rows far apart."""
    right = (1000 * (2 * np.eye(3) - 1)).astype(np.float32)
    levels = np.array([[1000, 999, 998], [-998, -999, -1000], [1, 2, 0]], np.float32)
    return {"right": impl(right), "wrong": impl(-right), "rows far apart": impl(levels)}


prior = Exercise(
    "diffusion/15/prior_loss",
    target="minigen.diffusion.unclip:prior_loss",
    minutes=15,
    imports=["from minigen.diffusion.ddpm import q_sample"],
    prompt=r"""
    The loss of unCLIP's prior, a scalar: how far its prediction is from the clean embedding.

    `z` $(N, \dots)$ are embeddings of images, `eps` noise of the same shape, `y` the conditions,
    one for each example; `t` is a time step, or $(N,)$ of them, in $1 \dots T$. Noise the
    embeddings to time `t`: `q_sample(z, t, eps, schedule)`, or by hand with `schedule.alpha_bar`,
    indexed by `t`. `prior(z_t, t, y)`, called once, with `t` as an array $(N,)$, returns its
    prediction of the *clean* embedding. The loss is the mean of the squared error over examples and
    dimensions. The result must be differentiable with respect to the weights of the prior.
    """,
    hints="""
    As simple_loss of DDPM, but what is the target?

    mean of (prior(z_t, t, y) - z)^2, with z_t = sqrt(a_t) z + sqrt(1 - a_t) eps.

        t = np.broadcast_to(t, (len(z),))
        return np.mean((prior(q_sample(z, t, eps, schedule), t, y) - z) ** 2)
    """,
)

BY_HAND = Schedule.from_alpha_bar([0.64, 0.36])


def schedule():
    return Schedule.linear(10, 0.02, 0.3)


@prior.case(points=1, kind="equation", expect={"loss": 2.28125})
def one_embedding(impl, rng):
    """z = (1.5, -2) and eps = (0.5, 1) at t = 2 make z_t = (1.3, -0.4); the prior outputs half of
    it plus y = 0.25: (0.9, 0.05). The errors are -0.6 and 2.05."""

    def half(z_t, t, y):
        return 0.5 * z_t + y

    z, eps = np.array([[1.5, -2.0]]), np.array([[0.5, 1.0]])
    return {"loss": impl(half, z, np.array([[0.25]]), 2, eps, BY_HAND)}


def uses_all(z_t, t, y):
    """A prior that uses all it is given: z_t, the time of each, and the condition of each."""
    return np.tanh(z_t) * (1 + 0.1 * np.reshape(t, (-1, 1))) - y


@prior.case(points=1, kind="equation")
def one_time(impl, rng):
    """A prior that uses z_t, the time and the condition; the same time for all."""
    z, eps, y = rng.standard_normal((3, 5, 3))
    return {f"t = {t}": impl(uses_all, z, y, t, eps, schedule()) for t in (1, 6, 10)}


@prior.case(points=1, kind="shapes")
def a_time_for_each(impl, rng):
    z, eps, y = rng.standard_normal((3, 5, 3))
    return {"loss": impl(uses_all, z, y, np.array([1, 4, 10, 7, 2]), eps, schedule())}


@prior.case(points=1, kind="equation", property=True, expect={"exact": 0.0})
def the_exact_embedding(impl, rng):
    """A prior that outputs the clean embedding has loss 0; one that outputs the noise has not."""
    z, eps = rng.standard_normal((2, 6, 2))
    return {
        "exact": impl(lambda z_t, t, y: z, z, np.zeros((6, 1)), 5, eps, schedule()),
        "outputs the noise": impl(lambda z_t, t, y: eps, z, np.zeros((6, 1)), 5, eps, schedule()),
        "outputs zero": impl(lambda z_t, t, y: 0 * z_t, z, np.zeros((6, 1)), 5, eps, schedule()),
    }


@prior.case(points=1, kind="gradient", rtol=1e-5)
def gradient_in_the_prior(impl, rng):
    """Of a matrix; embeddings may have more axes, (N, 2, 3)."""
    from minigen.tensor import value_and_grad

    z, eps = rng.standard_normal((2, 4, 2, 3))
    w, t = rng.standard_normal((3, 3)), np.array([3, 8, 1, 6])
    y = rng.standard_normal((4, 1, 1))

    def loss(w):
        return impl(lambda z_t, t, y: np.matmul(z_t, w) + y, z, y, t, eps, schedule())

    value, gradient = value_and_grad(loss)(w)
    return {"loss": value, "gradient": gradient}


@prior.case(points=1, kind="shapes", expect={"calls": 1})
def called_once(impl, rng):
    calls = []

    def network(z_t, t, y):
        calls.append(np.shape(t))
        return z_t

    z, eps = rng.standard_normal((2, 3, 2))
    impl(network, z, np.zeros((3, 1)), 5, eps, schedule())
    return {"calls": len(calls), "shape of t": np.array(calls[0])}
