"""Exercises on the generator's gradient through a fixed discriminator: its norm, its signal
and its noise."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.nn import MLP, Linear

norm = Exercise(
    "gan/06/generator_gradient_norm",
    target="minigen.gan.gradient_diagnostics:generator_gradient_norm",
    minutes=15,
    blocked=["minigen.gan.gradient_diagnostics:generator_gradient"],
    imports=["from minigen.tensor import grad, leaves"],
    prompt="""
    Return the Euclidean norm of the gradient of `loss(D(G(z)))` with respect to the parameters of
    the generator, all of them taken together as one long vector. Return one float.

    `generator` and `discriminator` are models: `generator(z)` takes the latents $(N, D_z)$ to
    examples, `discriminator(x)` takes examples to logits $(N,)$, and `loss` takes these logits to
    one number, by a mean over the examples. Nothing is trained here, and the discriminator does not
    change.

    `grad`, from `minigen.tensor`, turns a function of a model into the function that returns its
    gradient: a model of the same form whose parameters are the derivatives. `leaves` returns the
    list of a model's parameters, arrays of different shapes. For a nearly perfect discriminator the
    derivatives can be as small as $10^{-30}$. `float32` cannot hold their squares: compute these in
    `float64`.
    """,
    hints="""
    Write loss(D(G(z))) as a function of the generator only. Its gradient has one component for each
    parameter of the generator: weights and biases of all layers.

    The squared norm is the sum of the squares of all components, over all arrays. Take the root of
    it.

        grads = grad(lambda g: loss(discriminator(g(z))))(generator)
        return float(np.sqrt(sum(np.sum(g.astype(float) ** 2) for g in leaves(grads))))
    """,
)


def pair(rng, sizes, slope=1.0):
    """A generator and a discriminator of the given sizes in float64, the latter with an output
    (N,)."""

    class Judge(MLP):
        def __call__(self, x):
            return slope * super().__call__(x)[:, 0]

    G, D = MLP(rng, sizes, "tanh"), Judge(rng, [sizes[-1], 5, 1], "tanh")
    return G.map(lambda p: p.astype(float)), D.map(lambda p: p.astype(float))


def straight(w, b, slope):
    """G(z) = w z + b and a discriminator whose logit is slope times x."""

    class Judge(Linear):
        def __call__(self, x):
            return super().__call__(x)[:, 0]

    rng = np.random.default_rng(0)
    G, D = (kind(rng, 1, 1).map(lambda p: p.astype(float)) for kind in (Linear, Judge))
    G.w[...], G.b[...], D.w[...] = w, b, slope
    return G, D


def minimax(logits):
    return -np.mean(np.logaddexp(0.0, logits))


def nonsaturating(logits):
    return np.mean(np.logaddexp(0.0, -logits))


@norm.case(points=1, kind="equation", expect={"length": 1.3})
def two_parameters(impl, rng):
    """The logit is 1.2 (w z + b). At z = 5/12 its derivatives are 0.5 for w and 1.2 for b."""
    return {"length": impl(*straight(2.0, 1.0, 1.2), np.array([[5 / 12]]), np.mean)}


@norm.case(points=1, kind="equation", fixed=True, expect={"length": 1.0})
def two_latents(impl, rng):
    """At z = 1 and z = -1 the slopes with respect to w cancel on average; the slope with respect to
    b is 1."""
    return {"length": impl(*straight(0.5, 0.0, 1.0), np.array([[1.0], [-1.0]]), np.mean)}


@norm.case(points=2, kind="equation")
def two_networks(impl, rng):
    G, D = pair(rng, [3, 6, 2])
    z = rng.standard_normal((7, 3))
    return {"minimax": impl(G, D, z, minimax), "nonsaturating": impl(G, D, z, nonsaturating)}


@norm.case(points=2, kind="equation", property=True, expect={"ratio": 2.0})
def twice_the_loss(impl, rng):
    """A loss twice as steep gives a gradient with twice the norm."""
    G, D = pair(rng, [2, 4, 4, 3])
    z = rng.standard_normal((5, 2))
    return {"ratio": impl(G, D, z, lambda l: 2 * minimax(l)) / impl(G, D, z, minimax)}


@norm.case(
    points=2, kind="equation", property=True, expect={"vanishing": 1.0, "staying": 1.0}, rtol=1e-5
)
def a_sure_discriminator(impl, rng):
    """For logits of about -30: e^-30 times the plain slope under log(1 - D), once that under
    -log D."""
    G, D = pair(rng, [2, 4, 3], slope=1e-3)

    def sure(loss):
        return lambda logits: loss(logits - 30.0)

    z = rng.standard_normal((6, 2))
    plain = impl(G, D, z, lambda l: np.mean(np.exp(l)))
    return {
        "vanishing": impl(G, D, z, sure(minimax)) / plain * np.exp(30.0),
        "staying": impl(G, D, z, sure(nonsaturating)) / impl(G, D, z, np.mean),
    }


@norm.case(points=1, kind="extremes", expect={"length": 5e-26, "no slope": 0.0}, rtol=1e-5, atol=0)
def too_small_to_square(impl, rng):
    """Slopes of 3e-26 and 4e-26 in float32: the loss is 1e-26 times the logit 4 (w z + b). And a
    loss of slope 0."""
    models = [model.map(lambda p: p.astype(np.float32)) for model in straight(2.0, 1.0, 4.0)]
    z = np.array([[0.75]], np.float32)
    return {
        "length": impl(*models, z, lambda logits: np.mean(logits) * np.float32(1e-26)),
        "no slope": impl(*models, z, lambda logits: np.mean(logits) * np.float32(0)),
    }


spread = Exercise(
    "gan/06/signal_and_noise",
    target="minigen.gan.gradient_diagnostics:signal_and_noise",
    minutes=10,
    prompt="""
    Return a tuple of two floats for the gradients of $K$ minibatches: the Euclidean norm of their
    mean, and the root of their total variance. `gradients` $(K, P)$ has one gradient in each row,
    $K$ at least 2.

    The total variance is the mean squared Euclidean distance of the rows from their mean, made
    unbiased: divide by $K - 1$, because the mean was computed from the same $K$ rows. Gradients may
    be `float32` and as small as $10^{-30}$, too small to be squared in `float32`: compute the
    squares in `float64`. The result need not be differentiable: plain NumPy will do.
    """,
    hints="""
    Each row is a point in a space of P dimensions. Compute the mean of the points, its distance
    from 0, and the distances of the points from it.

    signal = |g_mean|, noise^2 = sum_k |g_k - g_mean|^2 / (K - 1).

        gradients = gradients.astype(float)
        mean = np.mean(gradients, axis=0)
        variance = np.sum((gradients - mean) ** 2) / (len(gradients) - 1)
        return float(np.linalg.norm(mean)), float(np.sqrt(variance))
    """,
)


@spread.case(points=1, kind="equation", expect={"signal": 1.3, "noise": np.sqrt(0.98)})
def two_gradients(impl, rng):
    """Their mean is (0.5, 1.2); each is 0.7 away from it: (0.49 + 0.49) / 1."""
    signal, noise = impl(np.array([[0.5, 0.5], [0.5, 1.9]]))
    return {"signal": signal, "noise": noise}


@spread.case(points=1, kind="equation", expect={"signal": 0.0, "noise": 2.0})
def they_cancel(impl, rng):
    """Four gradients, 3 away from 0 on average of squares: (1 + 1 + 5 + 5) / 3 = 4."""
    signal, noise = impl(np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 2.0], [-1.0, -2.0]]))
    return {"signal": signal, "noise": noise}


@spread.case(points=2, kind="equation")
def many_gradients(impl, rng):
    signal, noise = impl(1 + rng.standard_normal((6, 11)))
    return {"signal": signal, "noise": noise}


@spread.case(
    points=1,
    kind="extremes",
    expect={"signal": 5e-26, "noise": 3e-26 * np.sqrt(2.0)},
    rtol=1e-5,
    atol=0,
)
def too_small_for_squares(impl, rng):
    """Gradients of about 1e-26 in float32: the mean is (3, 4), each is 3 away from it, in 1e-26."""
    signal, noise = impl(np.array([[3e-26, 1e-26], [3e-26, 7e-26]], np.float32))
    return {"signal": signal, "noise": noise}


@spread.case(points=1, kind="equation", property=True, expect={"shift": 0.0, "factor": [3.0, 3.0]})
def shift_and_factor(impl, rng):
    """A constant added to all changes the signal only; a factor changes both."""
    gradients = 0.5 + rng.standard_normal((5, 4))
    plain = np.array(impl(gradients))
    return {
        "shift": impl(gradients + rng.standard_normal(4))[1] - plain[1],
        "factor": np.array(impl(-3 * gradients)) / plain,
    }
