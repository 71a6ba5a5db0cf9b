"""Exercises on the contractive penalty: in closed form for a layer of sigmoids, and by
differentiation for any encoder."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.nn import Linear
from minigen.tensor import grad, jacobian

# ------------------------------------------------------------------------------------------- the
# closed form

closed = Exercise(
    "vae/05/sigmoid_penalty",
    target="minigen.vae.autoencoder:sigmoid_penalty",
    minutes=10,
    prompt="""
    The contractive price of a layer h = sigmoid(x w + b): the sum of the squares of all derivatives
    dh_j/dx_i, averaged over the batch. A number.

    h (N, H) are the activations of the layer, w (D, H) its weights. Nothing else is needed.
    """,
    hints=[
        (
            "If x_i grows a little, by how much does the argument of unit j grow, and by how much"
            " then h_j?"
        ),
        (
            "dh_j/dx_i = h_j (1 - h_j) w_ij. Its square splits: one factor depends on the example,"
            " the other does not."
        ),
        (
            "(h * (1 - h))**2 has shape (N, H); multiply by the sum of w**2 over axis 0, sum all,"
            " and divide by len(h)."
        ),
    ],
)


def layer(rng, n=5, d=4, h=3):
    """Inputs, weights and activations of a layer of sigmoids."""
    x, w = rng.standard_normal((n, d)), 2 * rng.standard_normal((d, h))
    return x, w, 1 / (1 + np.exp(-x @ w))


@closed.case(points=1, expect={"price": 25 / 16})
def one_unit(impl, rng):
    """Weights 3 and 4 at h = 1/2, where the slope is 1/4: 9/16 + 16/16."""
    return {"price": impl(np.array([[0.5]]), np.array([[3.0], [4.0]]))}


@closed.case(points=1, expect={"price": 0.5})
def two_examples(impl, rng):
    """Two units with weights 4 and 0: the first example is in the middle, the second saturated.
    (4/4)^2 / 2."""
    return {"price": impl(np.array([[0.5, 0.5], [1.0, 0.5]]), np.array([[4.0, 0.0]]))}


@closed.case(points=2)
def random_layer(impl, rng):
    _, w, h = layer(rng)
    return {"price": impl(h, w)}


@closed.case(
    points=2,
    property="it is the squared norm of the Jacobian, averaged",
    expect={"gap": 0.0},
    atol=1e-7,
)
def jacobians(impl, rng):
    x, w, h = layer(rng)
    norms = [np.sum(jacobian(lambda v: 1 / (1 + np.exp(-(v @ w))))(row) ** 2) for row in x]
    return {"gap": impl(h, w) - np.mean(np.array(norms))}


@closed.case(points=2)
def gradient(impl, rng):
    x, w, _ = layer(rng)
    return {"grad": grad(lambda w: impl(1 / (1 + np.exp(-x @ w)), w))(w)}


@closed.mistake(hint="The slope of the sigmoid is missing: h (1 - h), squared.")
def no_slope(h, w):
    return np.sum(w**2) + 0 * np.sum(h)


@closed.mistake(
    hint="The derivative is squared as a whole: the slope h (1 - h) has to be squared too."
)
def slope_not_squared(h, w):
    return np.sum(h * (1 - h) * np.sum(w**2, axis=0)) / len(h)


@closed.mistake(
    hint="The weights are squared one by one and then summed: here they are summed first."
)
def weights_summed_first(h, w):
    return np.sum((h * (1 - h)) ** 2 * np.sum(w, axis=0) ** 2) / len(h)


@closed.mistake(
    hint="Wrong axis: the weights of unit j are column j of w, so sum over axis 0, the inputs."
)
def wrong_axis(h, w):
    return np.sum(np.sum((h * (1 - h)) ** 2, axis=1)[:, None] * np.sum(w**2, axis=1)) / len(h)


@closed.mistake(hint="Average over the batch: divide by the number of examples.")
def sum_over_the_batch(h, w):
    return np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0))


@closed.mistake(hint="Sum over the units, do not average.")
def mean_over_units(h, w):
    return np.mean((h * (1 - h)) ** 2 * np.sum(w**2, axis=0))


@closed.mistake(hint="The squared norm is asked for: no root.")
def root(h, w):
    return np.sum(np.sqrt(np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0), axis=1) + 1e-30)) / len(
        h
    )


@closed.mistake(hint="The slope of the sigmoid is h (1 - h); 1 - h^2 is that of tanh.")
def slope_of_tanh(h, w):
    return np.sum((1 - h**2) ** 2 * np.sum(w**2, axis=0)) / len(h)


@closed.mistake(hint="Squares, not magnitudes: the Frobenius norm is a sum of squares.")
def magnitudes(h, w):
    return np.sum(h * (1 - h) * np.sum(np.abs(w), axis=0)) / len(h)


@closed.mistake(hint="h is the activation already: do not put it through the sigmoid again.")
def sigmoid_twice(h, w):
    s = 1 / (1 + np.exp(-h))
    return np.sum((s * (1 - s)) ** 2 * np.sum(w**2, axis=0)) / len(h)


@closed.variant
def whole_jacobian(h, w):
    """The Jacobian of every example, (N, D, H)."""
    j = (h * (1 - h))[:, None, :] * w[None]
    return np.mean(np.sum(j**2, axis=(1, 2)))


@closed.variant
def as_a_product(h, w):
    return np.sum(np.dot(((h - h**2) ** 2), np.sum(w * w, axis=0))) / h.shape[0]


# ------------------------------------------------------------------------------------------- any
# encoder

general = Exercise(
    "vae/05/contractive_penalty",
    target="minigen.vae.autoencoder:contractive_penalty",
    minutes=20,
    prompt="""
    The contractive price of any encoder: the sum of the squares of all derivatives dz_j/dx_i,
    averaged over the batch. A number.

    encoder is a function that maps x (N, D) to codes (N, H), each example by itself. jacobian(f)(v)
    is the matrix (H, D) of all derivatives of a function f of one vector v (D,); grad(f)(v) is the
    gradient of a function with a single value.
    """,
    hints=[
        (
            "Each number of the code has its own slope in each input. What is one backward pass"
            " able to give, and how many are needed?"
        ),
        (
            "For each example the sum over i and j of (dz_j/dx_i)^2: the squared Frobenius norm of"
            " its Jacobian. Then the mean."
        ),
        (
            "For each row v: J = jacobian(lambda v: encoder(v[None])[0])(v). Add np.sum(J**2), and"
            " divide by len(x) at the end."
        ),
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import grad, jacobian"],
    blocked=["minigen.vae.autoencoder:code_jacobian", "minigen.vae.autoencoder:sigmoid_penalty"],
    seconds=10.0,
)


@general.case(points=1, expect={"price": 30.0})
def linear(impl, rng):
    """The derivatives of a linear code are its weights, wherever one stands: 1 + 4 + 9 + 16."""
    return {
        "price": impl(
            lambda x: np.dot(x, np.array([[1.0, 2.0], [3.0, 4.0]])),
            np.array([[0.0, 0.0], [5.0, -1.0]]),
        )
    }


@general.case(points=1, expect={"price": 2.0})
def opposite_units(impl, rng):
    """The code (x, -x): its sum never moves, and it does."""
    return {"price": impl(lambda x: np.concatenate([x, -x], axis=1), np.array([[3.0]]))}


@general.case(points=2)
def two_layers(impl, rng):
    a, b, x = rng.standard_normal((4, 5)), rng.standard_normal((5, 3)), rng.standard_normal((4, 4))
    return {"price": impl(lambda x: np.dot(np.tanh(np.dot(x, a)), b), x)}


@general.case(points=2)
def one_layer(impl, rng):
    """A layer of sigmoids, and one of tanh, for which h (1 - h) would be wrong."""
    prices = {}
    for name in ("sigmoid", "tanh"):
        encoder = Linear(rng, 4, 3, name)
        encoder.w = rng.standard_normal((4, 3))
        prices[name] = impl(encoder, rng.standard_normal((5, 4)))
    return prices


@general.case(
    points=2,
    property="for one number of code it is the squared length of a gradient",
    expect={"gap": 0.0},
)
def one_number(impl, rng):
    w, x = rng.standard_normal((3, 1)), rng.standard_normal((5, 3))
    slopes = grad(lambda x: np.sum(np.sin(np.dot(x, w))))(x)
    return {"gap": impl(lambda x: np.sin(np.dot(x, w)), x) - np.sum(slopes**2) / 5}


@general.case(points=2)
def gradient_in_the_weights(impl, rng):
    w, x = rng.standard_normal((3, 2)), rng.standard_normal((4, 3))
    return {"grad": grad(lambda w: impl(lambda x: np.tanh(np.dot(x, w)), x))(w)}


def matrices(encoder, x):
    """One Jacobian for each example."""
    return [jacobian(lambda v: encoder(v[None])[0])(row) for row in x]


@general.mistake(
    hint=(
        "This differentiates the sum of the code: derivatives of opposite sign cancel. Each z_j"
        " needs its own."
    )
)
def of_the_sum(encoder, x):
    return np.sum(grad(lambda x: np.sum(encoder(x)))(x) ** 2) / len(x)


@general.mistake(hint="Average over the batch: divide by the number of examples.")
def sum_over_the_batch_of_any(encoder, x):
    return sum(np.sum(j**2) for j in matrices(encoder, x))


@general.mistake(hint="Squares of the derivatives, not their magnitudes.")
def magnitudes_of_any(encoder, x):
    return sum(np.sum(np.abs(j)) for j in matrices(encoder, x)) / len(x)


@general.mistake(hint="The squared norm is asked for: no root.")
def root_of_any(encoder, x):
    return sum(np.sqrt(np.sum(j**2)) for j in matrices(encoder, x)) / len(x)


@general.mistake(hint="Sum over all derivatives, do not average over them.")
def mean_over_entries(encoder, x):
    return sum(np.mean(j**2) for j in matrices(encoder, x)) / len(x)


@general.mistake(hint="The derivatives are squared: this is their plain sum.")
def not_squared(encoder, x):
    return sum(np.sum(j) for j in matrices(encoder, x)) / len(x)


@general.mistake(hint="At every example, not at the first one only.")
def first_example(encoder, x):
    return np.sum(matrices(encoder, x[:1])[0] ** 2)


@general.mistake(hint="All numbers of the code count: this is the price of the first one alone.")
def first_number(encoder, x):
    return np.sum(grad(lambda x: np.sum(encoder(x)[:, 0]))(x) ** 2) / len(x)


@general.mistake(hint="This prices the size of the code, not how it moves.")
def size_of_the_code(encoder, x):
    return np.sum(encoder(x) ** 2) / len(x)


@general.variant
def example_by_example(encoder, x):
    total = 0.0
    for row in x:
        total = total + np.sum(jacobian(lambda v: encoder(v[None])[0])(row) ** 2)
    return total / len(x)


@general.variant
def number_by_number(encoder, x):
    """A backward pass for each number of the code, for the whole batch at once."""
    total = 0.0
    for j in range(np.shape(encoder(x))[1]):
        total = total + np.sum(grad(lambda x: np.sum(encoder(x)[:, j]))(x) ** 2)
    return total / len(x)


general.equivalent(
    "if isinstance(encoder, Linear) and activation_name(encoder.activation) == 'sigmoid' → if"
    " False",
    reason="without the closed form the derivatives give the same number",
)
