"""Exercises of the background: a loss from logits, and the step of Adam."""

from types import SimpleNamespace

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

bce = Exercise(
    "start/01/bce_with_logits",
    target="minigen.tensor.losses:bce_with_logits",
    minutes=10,
    blocked=["minigen.tensor.losses:cross_entropy"],
    prompt=r"""
    The binary cross-entropy in nats, for each element:
    $-t \log \mathrm{sigmoid}(l) - (1 - t) \log(1 - \mathrm{sigmoid}(l))$, where $l$ is a logit and
    $t$ its target.

    `logits`: float array of any shape. `targets`: an array of the same shape with values from 0 to
    1 (values between, such as 0.9, occur), or a single number for all. Return an array of the shape
    and dtype of `logits`: no mean and no sum. It must be right for any logit, such as 1000 or
    $-1000$, and in `float32` too, and so must its gradient with respect to the logits,
    $\mathrm{sigmoid}(l) - t$. Write it with `np`, which is autograd's.
    """,
    hints="""
    Do not compute the probability, because it is rounded to 0 or 1. Express both logarithms by the
    logit first.

    log sigmoid(l) = -log(1 + exp(-l)) and log(1 - sigmoid(l)) = -log(1 + exp(l)); their difference
    is l. So the loss is log(1 + exp(l)) - t l. np.logaddexp(a, b) is log(exp(a) + exp(b)), without
    overflow.

        return np.logaddexp(0, logits) - targets * logits
    """,
)


@bce.case(points=2, kind="equation", atol=1e-4, expect={"loss": [0.223144, 1.609438, 0.569717]})
def by_hand(impl, rng):
    """p = 0.8 with target 1 and with target 0; p = 0.2 with target 1/4."""
    return {"loss": impl(np.array([1.386294, 1.386294, -1.386294]), np.array([1.0, 0.0, 0.25]))}


@bce.case(points=2, kind="equation")
def between_the_classes(impl, rng):
    """Targets between 0 and 1."""
    return {"loss": impl(3 * rng.standard_normal((2, 3)), rng.random((2, 3)))}


@bce.case(points=1, kind="shapes")
def one_number_for_all(impl, rng):
    """The target is a number."""
    logits = 2 * rng.standard_normal((3, 2, 4))
    return {name: impl(logits, t) for name, t in [("zero", 0.0), ("one", 1.0), ("0.9", 0.9)]}


@bce.case(points=1, kind="extremes", expect={"loss": [0.0, 1000.0, 1000.0, 0.0, 500.0]})
def huge_logits(impl, rng):
    """Logits 1000 and -1000."""
    logits = np.array([1000.0, 1000.0, -1000.0, -1000.0, 1000.0])
    return {"loss": impl(logits, np.array([1.0, 0.0, 1.0, 0.0, 0.5]))}


@bce.case(points=1, kind="extremes", rtol=1e-5, exact_dtype=True)
def sure_in_single_precision(impl, rng):
    """Logits around 20 and -20, 200 and 1000 in float32, sure and wrong."""
    near = 20 + rng.standard_normal(6)
    logits = np.concatenate([near, [200.0, 1000.0]]).astype(np.float32)
    right = np.ones(8, np.float32)
    return {"too high": impl(logits, 0 * right), "too low": impl(-logits, right)}


@bce.case(points=2, kind="gradient")
def gradient(impl, rng):
    """The slopes of a weighted sum, at logits of all sizes, at 0 too, and in float32."""
    logits = np.concatenate([2 * rng.standard_normal(4), [-1000.0, 0.0, 800.0]])
    targets, weights = rng.random(7), rng.standard_normal(7)
    single = np.array([-1000.0, -200.0, 0.0, 200.0, 1000.0], np.float32)
    quarter = np.full(5, 0.25, np.float32)
    return {
        "slopes": grad(lambda l: np.sum(weights * impl(l, targets)))(logits),
        "float32 slopes": grad(lambda l: np.sum(impl(l, quarter)))(single),
    }


@bce.case(points=1, kind="equation", fixed=True, property=True, expect={"difference": 0.0})
def classes_exchanged(impl, rng):
    """The other class has the logit -l and the target 1 - t: the loss is the same."""
    logits, targets = 3 * rng.standard_normal(5), rng.random(5)
    return {"difference": np.abs(impl(logits, targets) - impl(-logits, 1 - targets)).max()}


adam = Exercise(
    "start/01/adam_update",
    target="minigen.optim.optimizers:Adam.update",
    minutes=20,
    mutates=["p", "mean", "square"],
    prompt=r"""
    One step of Adam for one array of parameters, in place; it returns nothing.

    `p` (any shape) holds the parameters and `g` their gradient. `mean` and `square` hold Adam's two
    running means, of the gradient and of its square, as they were after the last step. All four
    have the same shape and dtype. `self` is the optimizer, of which this is a method. Only its
    settings are needed: `self.lr`, `self.betas` (two numbers), `self.eps`, `self.weight_decay`, and
    `self.steps`, the number of this step: 1 in the first.

    First, if `weight_decay` is not zero, `p` loses the share `lr * weight_decay` of itself (AdamW).
    Then both running means move toward `g` and $g^2$, with $\beta_1$ and $\beta_2$. Then
    `lr * mean_hat / (sqrt(square_hat) + eps)` is subtracted from `p`, where the hats divide by
    `1 - beta**steps`, because both means began at 0. Change `p`, `mean` and `square` themselves
    (`p -= ...`, `p[...] = ...`), because the model and the optimizer keep these arrays. Leave `g`
    and the settings of `self` as they are.
    """,
    hints="""
    mean and square are kept for the next step without their corrections; the corrected ones are
    used in this step only.

    m <- beta_1 m + (1 - beta_1) g, s <- beta_2 s + (1 - beta_2) g^2, p <- p - lr (m / (1 -
    beta_1^t)) / (sqrt(s / (1 - beta_2^t)) + eps).

        beta1, beta2 = self.betas
        p *= 1 - self.lr * self.weight_decay
        mean[...] = beta1 * mean + (1 - beta1) * g
        square[...] = beta2 * square + (1 - beta2) * g**2
        mean_hat = mean / (1 - beta1**self.steps)
        square_hat = square / (1 - beta2**self.steps)
        p -= self.lr * mean_hat / (np.sqrt(square_hat) + self.eps)
    """,
)


def settings(lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, steps=1):
    return SimpleNamespace(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, steps=steps)


def arrays(p, mean, square):
    return {"p": p, "mean": mean, "square": square}


@adam.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"p": [0.6, -0.75], "mean": [0.3, -1.5], "square": [0.16, 10.24]},
)
def second_step(impl, rng):
    """Parameters 1 and -1, gradients 0.4 and -4, betas 0.5 and 0.6, lr 0.5, eps 0. The hats are
    0.3 / 0.75 and -1.5 / 0.75, and the roots of 0.16 / 0.64 and 10.24 / 0.64."""
    p, mean, square = np.array([1.0, -1.0]), np.array([0.2, 1.0]), np.array([0.16, 6.4])
    impl(settings(0.5, (0.5, 0.6), 0.0, steps=2), p, np.array([0.4, -4.0]), mean, square)
    return arrays(p, mean, square)


@adam.case(points=2, kind="equation")
def a_later_step(impl, rng):
    """Means that have seen six steps already, and a matrix of parameters."""
    p, g, mean = rng.standard_normal((3, 2, 3))
    square = mean**2 + rng.random((2, 3))
    impl(settings(0.03, (0.8, 0.95), steps=7), p, g, mean, square)
    return arrays(p, mean, square)


@adam.case(points=2, kind="equation")
def three_steps(impl, rng):
    """Three steps in a row with the usual betas."""
    p, mean, square = rng.standard_normal(4), np.zeros(4), np.zeros(4)
    for t in (1, 2, 3):
        impl(settings(steps=t), p, rng.standard_normal(4), mean, square)
    return arrays(p, mean, square)


@adam.case(points=1, kind="equation", property=True, expect={"step over lr": [-1.0, 1.0, -1.0]})
def size_cancels(impl, rng):
    """In the first step every parameter moves by lr, whatever the size of its gradient."""
    p, lr = np.zeros(3), 0.05 + 0.1 * rng.random()
    impl(settings(lr, eps=0.0), p, np.array([1e3, -0.7, 1e-4]), np.zeros(3), np.zeros(3))
    return {"step over lr": p / lr}


@adam.case(points=1, kind="equation")
def where_eps_counts(impl, rng):
    """eps is added to the root, not under it: eps 0.5, and gradients of 1e-5 with the usual eps."""
    p, g = rng.standard_normal((2, 5))
    mean, square = np.zeros(5), np.zeros(5)
    impl(settings(eps=0.5, steps=3), p, g, mean, square)
    small = np.zeros(2)
    impl(settings(), small, np.array([1e-5, -3e-5]), np.zeros(2), np.zeros(2))
    return {**arrays(p, mean, square), "p with small gradients": small}


@adam.case(points=1, kind="extremes")
def no_gradient(impl, rng):
    """Where the gradient has always been 0 nothing moves, and nothing is NaN."""
    p, mean, square = 1 + rng.random(3), np.zeros(3), np.zeros(3)
    impl(settings(), p, np.array([0.0, 1.0, 0.0]), mean, square)
    return arrays(p, mean, square)


@adam.case(points=1, kind="equation")
def with_weight_decay(impl, rng):
    """weight_decay 0.3: a fraction of p goes, whatever the gradient."""
    p, g, mean = rng.standard_normal((3, 4))
    square = 1 + rng.random(4)
    impl(settings(0.2, (0.9, 0.99), weight_decay=0.3, steps=4), p, g, mean, square)
    return arrays(p, mean, square)


@adam.case(points=1, kind="shapes", rtol=1e-4, atol=1e-6)
def in_single_precision(impl, rng):
    """float32 stays float32, also under a huge gradient."""
    p, g = rng.standard_normal((2, 3), dtype=np.float32)
    mean, square = np.zeros(3, np.float32), np.zeros(3, np.float32)
    g[0] *= 1e6
    impl(settings(), p, g, mean, square)
    return arrays(p, mean, square)


@adam.case(
    points=1,
    kind="shapes",
    fixed=True,
    property=True,
    expect={"returns nothing": True, "number of the step": 1},
)
def returns_nothing(impl, rng):
    """It returns nothing, and leaves the optimizer's settings as they are."""
    p, optimizer = np.ones(2), settings()
    returned = impl(optimizer, p, np.ones(2), np.zeros(2), np.zeros(2))
    return {"returns nothing": returned is None, "number of the step": optimizer.steps}
