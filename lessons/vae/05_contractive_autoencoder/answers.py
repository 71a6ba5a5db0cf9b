"""Mistakes in the exercises of vae/05, and other correct answers."""

import autograd.numpy as np

from minigen.tensor import jacobian


def matrices(encoder, x):
    """One Jacobian for each example."""
    return [jacobian(lambda v: encoder(v[None])[0])(row) for row in x]


MISTAKES = {
    "sigmoid_penalty": """
    1 - h -> 1 / h  # The slope of the sigmoid is missing: h (1 - h), squared.
    # The whole derivative is squared: the slope h (1 - h) must be squared, too.
    (h * (1 - h)) ** 2 -> h * (1 - h)
    # Square each weight, then sum: here the weights are summed first.
    np.sum(w**2, axis=0) -> (np.sum(w, axis=0) ** 2)
    # Here every unit has the weights of all units. The weights of unit j are column j of w: sum
    # over axis 0, the inputs.
    w**2 -> np.sum(w**2)
    len(h) -> 1  # Average over the batch: divide by the number of examples.
    len(h) -> len(np.ravel(h))  # Sum over the units, do not average.
    # The penalty is the squared norm: take no root.
    (h * (1 - h)) ** 2 * np.sum(w**2, axis=0) ->
        np.sum(np.sqrt(np.sum((h * (1 - h)) ** 2 * np.sum(w ** 2, axis=0), axis=1) + 1e-30))
    # This is the slope of tanh, 1 - h^2. The slope of the sigmoid is h (1 - h).
    (h * (1 - h)) ** 2 -> (1 - h ** 2) ** 2
    # A norm has no derivative where it is 0: sum the squares without taking a root first.
    return np.mean(np.sqrt(np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0), axis=1)) ** 2)
    # The magnitudes are added: the Frobenius norm is a sum of squares.
    return np.sum(h * (1 - h) * np.sum(np.abs(w), axis=0)) / len(h)
    # h is the activation already: do not apply the sigmoid again.
    s = 1 / (1 + np.exp(-h))
    return np.sum((s * (1 - s)) ** 2 * np.sum(w**2, axis=0)) / len(h)
    """,
    "contractive_penalty": """
    # This differentiates the sum of all units: derivatives of opposite sign cancel. Differentiate
    # each z_j separately.
    return np.sum(grad(lambda x: np.sum(encoder(x)))(x) ** 2) / len(x)
    # Average over the batch: divide by the number of examples.
    return sum(np.sum(j**2) for j in matrices(encoder, x))
    # The magnitudes of the derivatives are added: take their squares.
    return sum(np.sum(np.abs(j)) for j in matrices(encoder, x)) / len(x)
    # The penalty is the squared norm: take no root.
    return sum(np.sqrt(np.sum(j**2)) for j in matrices(encoder, x)) / len(x)
    # A norm has no derivative where it is 0: sum the squares without taking a root first.
    return sum(np.sqrt(np.sum(j**2)) ** 2 for j in matrices(encoder, x)) / len(x)
    # Finite differences are not derivatives: where the code has a large curvature they are far off.
    total, h = 0.0, 1e-5
    for i in range(x.shape[1]):
        step = h * (np.arange(x.shape[1]) == i)
        total = total + np.sum(((encoder(x + step) - encoder(x - step)) / (2 * h)) ** 2)
    return total / len(x)
    # Sum over all derivatives, do not average over them.
    return sum(np.mean(j**2) for j in matrices(encoder, x)) / len(x)
    # The derivatives are squared: this is their sum without squares.
    return sum(np.sum(j) for j in matrices(encoder, x)) / len(x)
    return np.sum(matrices(encoder, x[:1])[0] ** 2)  # Use every example, not only the first.
    # The penalty has a term for every unit: this is the penalty of the first unit alone.
    return np.sum(grad(lambda x: np.sum(encoder(x)[:, 0]))(x) ** 2) / len(x)
    # This penalizes the size of the code, not its derivatives.
    return np.sum(encoder(x) ** 2) / len(x)
    """,
}

VARIANTS = {
    "sigmoid_penalty": """
    # the Jacobian of every example, (N, D, H)
    j = (h * (1 - h))[:, None, :] * w[None]
    return np.mean(np.sum(j**2, axis=(1, 2)))
    return np.sum(np.dot(((h - h**2) ** 2), np.sum(w * w, axis=0))) / h.shape[0]  # as a product
    """,
    "contractive_penalty": """
    # One backward pass for each unit, for the whole batch at once
    total = 0.0
    for j in range(np.shape(encoder(x))[1]):
        total = total + np.sum(grad(lambda x: np.sum(encoder(x)[:, j]))(x) ** 2)
    return total / len(x)
    """,
}

EQUIVALENT = {
    "contractive_penalty": """
    # without the closed form, automatic differentiation gives the same number
    if isinstance(encoder, Linear) and activation_name(encoder.activation) == 'sigmoid' → if False
    """
}
