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
    prompt=r"""
    Return the contractive penalty of a layer $h = \mathrm{sigmoid}(x w + b)$: the sum of the
    squares of all derivatives $\mathrm{d}h_j/\mathrm{d}x_i$, averaged over the batch. It is a
    single number.

    `h` $(N, H)$ are the activations of the layer and `w` $(D, H)$ its weights. They are all that
    you need. The result must be differentiable with respect to `h` and `w`, even where all units
    are saturated and where all weights are 0.
    """,
    hints="""
    When x_i grows by a small amount, by how much does the argument of unit j grow? And by how much
    does h_j grow then?

    dh_j/dx_i = h_j (1 - h_j) w_ij. Its square is a product of two factors: one depends on the
    example, the other does not.

        return np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0)) / len(h)
    """,
)


def layer(rng, n=5, d=4, h=3):
    """Inputs, weights and activations of a layer of sigmoids."""
    x, w = rng.standard_normal((n, d)), 2 * rng.standard_normal((d, h))
    return x, w, 1 / (1 + np.exp(-x @ w))


@closed.case(points=1, kind="equation", expect={"penalty": 25 / 16})
def one_unit(impl, rng):
    """Weights 3 and 4 at h = 1/2, where the slope is 1/4: 9/16 + 16/16."""
    return {"penalty": impl(np.array([[0.5]]), np.array([[3.0], [4.0]]))}


@closed.case(points=1, kind="equation", expect={"penalty": 0.5})
def two_examples(impl, rng):
    """Two units with weights 4 and 0. The first unit is at 1/2 on the first example and saturated
    on the second: (4/4)^2 / 2."""
    return {"penalty": impl(np.array([[0.5, 0.5], [1.0, 0.5]]), np.array([[4.0, 0.0]]))}


@closed.case(points=2, kind="equation")
def random_layer(impl, rng):
    _, w, h = layer(rng)
    return {"penalty": impl(h, w)}


@closed.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-7)
def jacobians(impl, rng):
    """The penalty is the squared norm of the Jacobian, averaged over the batch."""
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
    fixed=True,
    property=True,
    expect={"penalty": [0.0, 0.0], "grad": 0.0, "grad in h": 0.0},
)
def no_slope_anywhere(impl, rng):
    """For saturated units, and for weights of 0, the penalty is 0, and its gradients with respect
    to the weights and the activations are 0, too."""
    _, w, h = layer(rng)
    saturated = np.round(h)
    return {
        "penalty": np.stack([impl(saturated, w), impl(h, 0 * w)]),
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
    prompt=r"""
    Return the contractive penalty of any encoder: the sum of the squares of all derivatives
    $\mathrm{d}z_j/\mathrm{d}x_i$, averaged over the batch. It is a single number.

    `encoder` is a function that maps `x` $(N, D)$ to codes $(N, H)$; the code of an example depends
    on no other example. `jacobian(f)(v)` is the matrix $(H, D)$ of all derivatives of a function
    $f$ of one vector $v$ $(D,)$. `grad(f)(v)` is the gradient of a function with a single value.
    Finite differences are not exact enough. The penalty must be differentiable with respect to the
    weights of the encoder; the gradient is 0 where the code is constant.
    """,
    hints="""
    Each unit of the code has one derivative with respect to each input. Which of them does one
    backward pass give, and how many backward passes are needed?

    Sum (dz_j/dx_i)^2 over i and j for each example: this is the squared Frobenius norm of its
    Jacobian. Then take the mean over the examples.

        def unit(x, j):
            return np.sum(encoder(x)[:, j])  # the gradient of the sum has one row for each example

        slopes = [grad(unit)(x, j) for j in range(np.shape(encoder(x))[1])]
        return sum(np.sum(s**2) for s in slopes) / len(x)
    """,
)


@general.case(points=1, kind="equation", fixed=True, expect={"penalty": 30.0})
def linear(impl, rng):
    """The derivatives of a linear code are its weights, at every x: 1 + 4 + 9 + 16."""
    return {
        "penalty": impl(
            lambda x: np.dot(x, np.array([[1.0, 2.0], [3.0, 4.0]])),
            np.array([[0.0, 0.0], [5.0, -1.0]]),
        )
    }


@general.case(points=1, kind="equation", fixed=True, expect={"penalty": 2.0})
def opposite_units(impl, rng):
    """The code (x, -x) depends on x, and the sum of its units does not: 1 + 1."""
    return {"penalty": impl(lambda x: np.concatenate([x, -x], axis=1), np.array([[3.0]]))}


@general.case(points=2, kind="equation")
def two_layers(impl, rng):
    a, b, x = rng.standard_normal((4, 5)), rng.standard_normal((5, 3)), rng.standard_normal((4, 4))
    return {"penalty": impl(lambda x: np.dot(np.tanh(np.dot(x, a)), b), x)}


@general.case(points=2, kind="equation")
def one_layer(impl, rng):
    """A layer of sigmoids, and a layer of tanh, for which h (1 - h) would be wrong."""
    penalties = {}
    for name in ("sigmoid", "tanh"):
        encoder = Linear(rng, 4, 3, name)
        encoder.w = rng.standard_normal((4, 3))
        penalties[name] = impl(encoder, rng.standard_normal((5, 4)))
    return penalties


@general.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def code_of_one_unit(impl, rng):
    """For a code of one unit the penalty is the squared norm of a gradient."""
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
    expect={"penalty of sin(3000 x), over its slope squared": 1.0, "penalty": 0.0, "grad": 0.0},
)
def steep_and_flat(impl, rng):
    """sin(3000 x) has slope 3000 cos(3000 x). A code with weights 0 is constant."""
    x = rng.standard_normal((1, 1))
    x3 = rng.standard_normal((4, 3))
    slope = 3000 * np.cos(3000 * x[0, 0])
    flat = np.zeros((3, 2))
    return {
        "penalty of sin(3000 x), over its slope squared": impl(lambda x: np.sin(3000 * x), x)
        / slope**2,
        "penalty": impl(lambda x: np.tanh(np.dot(x, flat)), x3),
        "grad": grad(lambda w: impl(lambda x: np.tanh(np.dot(x, w)), x3))(flat),
    }
