"""Exercises on the contractive penalty: in closed form for a layer of sigmoids, and by
differentiation for any encoder."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.nn import Linear
from minigen.tensor import grad, jacobian

closed = Exercise(
    "vae/05/sigmoid_penalty",
    target="minigen.vae.autoencoder:sigmoid_penalty",
    minutes=10,
    prompt="""
    The contractive price of a layer h = sigmoid(x w + b): the sum of the squares of all derivatives
    dh_j/dx_i, averaged over the batch. A number.

    h (N, H) are the activations of the layer, w (D, H) its weights. Nothing else is needed. The
    gradients in h and w are taken, also where all units are saturated or all weights 0.
    """,
    hints="""
    If x_i grows a little, by how much does the argument of unit j grow, and by how much then h_j?

    dh_j/dx_i = h_j (1 - h_j) w_ij. Its square splits: one factor depends on the example, the other
    does not.

        return np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0)) / len(h)
    """,
)


def layer(rng, n=5, d=4, h=3):
    """Inputs, weights and activations of a layer of sigmoids."""
    x, w = rng.standard_normal((n, d)), 2 * rng.standard_normal((d, h))
    return x, w, 1 / (1 + np.exp(-x @ w))


@closed.case(points=1, kind="equation", expect={"price": 25 / 16})
def one_unit(impl, rng):
    """Weights 3 and 4 at h = 1/2, where the slope is 1/4: 9/16 + 16/16."""
    return {"price": impl(np.array([[0.5]]), np.array([[3.0], [4.0]]))}


@closed.case(points=1, kind="equation", expect={"price": 0.5})
def two_examples(impl, rng):
    """Two units with weights 4 and 0: the first example is in the middle, the second saturated.
    (4/4)^2 / 2."""
    return {"price": impl(np.array([[0.5, 0.5], [1.0, 0.5]]), np.array([[4.0, 0.0]]))}


@closed.case(points=2, kind="equation")
def random_layer(impl, rng):
    _, w, h = layer(rng)
    return {"price": impl(h, w)}


@closed.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-7)
def jacobians(impl, rng):
    """It is the squared norm of the Jacobian, averaged."""
    x, w, h = layer(rng)
    norms = [np.sum(jacobian(lambda v: 1 / (1 + np.exp(-(v @ w))))(row) ** 2) for row in x]
    return {"gap": impl(h, w) - np.mean(np.array(norms))}


@closed.case(points=2, kind="gradient")
def gradient(impl, rng):
    x, w, _ = layer(rng)
    return {"grad": grad(lambda w: impl(1 / (1 + np.exp(-x @ w)), w))(w)}


@closed.case(
    points=1,
    kind="extremes",
    property=True,
    expect={"price": [0.0, 0.0], "grad": 0.0, "grad in h": 0.0},
)
def no_slope_anywhere(impl, rng):
    """Saturated units, or weights of 0, have no price, and the price no slope in weights and
    activations."""
    _, w, h = layer(rng)
    saturated = np.round(h)
    return {
        "price": np.stack([impl(saturated, w), impl(h, 0 * w)]),
        "grad": np.stack(
            [grad(lambda w: impl(saturated, w))(w), grad(lambda w: impl(h, w))(0 * w)]
        ),
        "grad in h": np.stack(
            [grad(lambda h: impl(h, w))(saturated), grad(lambda h: impl(h, 0 * w))(h)]
        ),
    }


@closed.case(points=1, kind="gradient")
def gradient_in_the_activations(impl, rng):
    _, w, h = layer(rng)
    return {"grad": grad(lambda h: impl(h, w))(h)}


general = Exercise(
    "vae/05/contractive_penalty",
    target="minigen.vae.autoencoder:contractive_penalty",
    minutes=20,
    seconds=10.0,
    blocked=["minigen.vae.autoencoder:code_jacobian", "minigen.vae.autoencoder:sigmoid_penalty"],
    imports=["from minigen.tensor import grad, jacobian"],
    prompt="""
    The contractive price of any encoder: the sum of the squares of all derivatives dz_j/dx_i,
    averaged over the batch. A number.

    encoder is a function that maps x (N, D) to codes (N, H), each example by itself. jacobian(f)(v)
    is the matrix (H, D) of all derivatives of a function f of one vector v (D,); grad(f)(v) is the
    gradient of a function with a single value. Differences of values of the encoder are not exact
    enough. The gradient of the price in the weights of the encoder is taken; it is 0 where the
    code does not move.
    """,
    hints="""
    Each number of the code has its own slope in each input. What is one backward pass able to give,
    and how many are needed?

    For each example the sum over i and j of (dz_j/dx_i)^2: the squared Frobenius norm of its
    Jacobian. Then the mean.

        def unit(x, j):
            return np.sum(encoder(x)[:, j])  # examples do not mix: one gradient serves the batch

        slopes = [grad(unit)(x, j) for j in range(np.shape(encoder(x))[1])]
        return sum(np.sum(s**2) for s in slopes) / len(x)
    """,
)


@general.case(points=1, kind="equation", expect={"price": 30.0})
def linear(impl, rng):
    """The derivatives of a linear code are its weights, wherever one stands: 1 + 4 + 9 + 16."""
    return {
        "price": impl(
            lambda x: np.dot(x, np.array([[1.0, 2.0], [3.0, 4.0]])),
            np.array([[0.0, 0.0], [5.0, -1.0]]),
        )
    }


@general.case(points=1, kind="equation", expect={"price": 2.0})
def opposite_units(impl, rng):
    """The code (x, -x): its sum never moves, and it does."""
    return {"price": impl(lambda x: np.concatenate([x, -x], axis=1), np.array([[3.0]]))}


@general.case(points=2, kind="equation")
def two_layers(impl, rng):
    a, b, x = rng.standard_normal((4, 5)), rng.standard_normal((5, 3)), rng.standard_normal((4, 4))
    return {"price": impl(lambda x: np.dot(np.tanh(np.dot(x, a)), b), x)}


@general.case(points=2, kind="equation")
def one_layer(impl, rng):
    """A layer of sigmoids, and one of tanh, for which h (1 - h) would be wrong."""
    prices = {}
    for name in ("sigmoid", "tanh"):
        encoder = Linear(rng, 4, 3, name)
        encoder.w = rng.standard_normal((4, 3))
        prices[name] = impl(encoder, rng.standard_normal((5, 4)))
    return prices


@general.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def one_number(impl, rng):
    """For one number of code it is the squared length of a gradient."""
    w, x = rng.standard_normal((3, 1)), rng.standard_normal((5, 3))
    slopes = grad(lambda x: np.sum(np.sin(np.dot(x, w))))(x)
    return {"gap": impl(lambda x: np.sin(np.dot(x, w)), x) - np.sum(slopes**2) / 5}


@general.case(points=2, kind="gradient")
def gradient_in_the_weights(impl, rng):
    w, x = rng.standard_normal((3, 2)), rng.standard_normal((4, 3))
    return {"grad": grad(lambda w: impl(lambda x: np.tanh(np.dot(x, w)), x))(w)}


@general.case(
    points=1,
    kind="extremes",
    property=True,
    expect={"price of sin(3000 x), over its slope squared": 1.0, "price": 0.0, "grad": 0.0},
)
def steep_and_flat(impl, rng):
    """sin(3000 x) has the slope 3000 cos(3000 x); a code with weights 0 does not move."""
    x = rng.standard_normal((1, 1))
    x3 = rng.standard_normal((4, 3))
    slope = 3000 * np.cos(3000 * x[0, 0])
    flat = np.zeros((3, 2))
    return {
        "price of sin(3000 x), over its slope squared": impl(lambda x: np.sin(3000 * x), x)
        / slope**2,
        "price": impl(lambda x: np.tanh(np.dot(x, flat)), x3),
        "grad": grad(lambda w: impl(lambda x: np.tanh(np.dot(x, w)), x3))(flat),
    }
