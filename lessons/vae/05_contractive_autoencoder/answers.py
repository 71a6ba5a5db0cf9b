"""Mistakes in the exercises of vae/05, and other right answers."""

import autograd.numpy as np

from minigen.tensor import jacobian


def matrices(encoder, x):
    """One Jacobian for each example."""
    return [jacobian(lambda v: encoder(v[None])[0])(row) for row in x]


MISTAKES = {
    "sigmoid_penalty": """
    1 - h -> 1 / h  # The slope of the sigmoid is missing: h (1 - h), squared.
    # The derivative is squared as a whole: the slope h (1 - h) has to be squared too.
    (h * (1 - h)) ** 2 -> h * (1 - h)
    # The weights are squared one by one and then summed: here they are summed first.
    np.sum(w**2, axis=0) -> (np.sum(w, axis=0) ** 2)
    # Every unit gets the weights of all: those of unit j are column j of w, so sum over axis 0, the
    # inputs.
    w**2 -> np.sum(w**2)
    len(h) -> 1  # Average over the batch: divide by the number of examples.
    len(h) -> len(np.ravel(h))  # Sum over the units, do not average.
    # The squared norm is asked for: no root.
    (h * (1 - h)) ** 2 * np.sum(w**2, axis=0) ->
        np.sum(np.sqrt(np.sum((h * (1 - h)) ** 2 * np.sum(w ** 2, axis=0), axis=1) + 1e-30))
    # This takes the slope of tanh, 1 - h^2: that of the sigmoid is h (1 - h).
    (h * (1 - h)) ** 2 -> (1 - h ** 2) ** 2
    # The root of a norm has no slope where it is 0: sum the squares, and take no root first.
    return np.mean(np.sqrt(np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0), axis=1)) ** 2)
    # Squares, not magnitudes: the Frobenius norm is a sum of squares.
    return np.sum(h * (1 - h) * np.sum(np.abs(w), axis=0)) / len(h)
    # h is the activation already: do not put it through the sigmoid again.
    s = 1 / (1 + np.exp(-h))
    return np.sum((s * (1 - s)) ** 2 * np.sum(w**2, axis=0)) / len(h)
    """,
    "contractive_penalty": """
    # This differentiates the sum of the code: derivatives of opposite sign cancel. Each z_j needs
    # its own.
    return np.sum(grad(lambda x: np.sum(encoder(x)))(x) ** 2) / len(x)
    # Average over the batch: divide by the number of examples.
    return sum(np.sum(j**2) for j in matrices(encoder, x))
    # Squares of the derivatives, not their magnitudes.
    return sum(np.sum(np.abs(j)) for j in matrices(encoder, x)) / len(x)
    # The squared norm is asked for: no root.
    return sum(np.sqrt(np.sum(j**2)) for j in matrices(encoder, x)) / len(x)
    # The root of a norm has no slope where it is 0: sum the squares, and take no root first.
    return sum(np.sqrt(np.sum(j**2)) ** 2 for j in matrices(encoder, x)) / len(x)
    # Differences of the code are no derivatives: where it bends much they are far off.
    total, h = 0.0, 1e-5
    for i in range(x.shape[1]):
        step = h * (np.arange(x.shape[1]) == i)
        total = total + np.sum(((encoder(x + step) - encoder(x - step)) / (2 * h)) ** 2)
    return total / len(x)
    # Sum over all derivatives, do not average over them.
    return sum(np.mean(j**2) for j in matrices(encoder, x)) / len(x)
    # The derivatives are squared: this is their plain sum.
    return sum(np.sum(j) for j in matrices(encoder, x)) / len(x)
    return np.sum(matrices(encoder, x[:1])[0] ** 2)  # At every example, not at the first one only.
    # All numbers of the code count: this is the price of the first one alone.
    return np.sum(grad(lambda x: np.sum(encoder(x)[:, 0]))(x) ** 2) / len(x)
    return np.sum(encoder(x) ** 2) / len(x)  # This prices the size of the code, not how it moves.
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
    # A backward pass for each number of the code, for the whole batch at once
    total = 0.0
    for j in range(np.shape(encoder(x))[1]):
        total = total + np.sum(grad(lambda x: np.sum(encoder(x)[:, j]))(x) ** 2)
    return total / len(x)
    """,
}

EQUIVALENT = {
    "contractive_penalty": """
    # without the closed form the derivatives give the same number
    if isinstance(encoder, Linear) and activation_name(encoder.activation) == 'sigmoid' → if False
    """
}
