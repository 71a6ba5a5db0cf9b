"""Mistakes in the exercises of gan/11, and other correct answers."""

import autograd.numpy as np


def units(x, y):
    """Unit vectors from x_i to y_j, (N, M, D), zero where they coincide."""
    steps = y[None] - x[:, None]
    length = np.sqrt(np.sum(steps**2, axis=2, keepdims=True))
    return steps / np.where(length > 0, length, 1.0)


MISTAKES = {
    "line_divergences": """
    np.log(2.0) -> 1  # JS is in nats: log 2, not one bit.
    # JS is the mean of the two divergences to the mixture: log 2, not 2 log 2.
    kl, js, w -> kl, 2 * js, w
    # Both lines count: a second sum over x = 0, where Q has nothing, loses half of the log 2.
    kl, js, w -> kl, js / 2, w
    # JS does not depend on how far apart the lines are: it is log 2 wherever they differ.
    np.where(apart, np.log(2.0), 0.0) -> np.log(2.0) * np.minimum(np.abs(theta), 1.0)
    # Lines that coincide are treated as disjoint: at theta = 0 KL and JS are 0.
    0 -> -1
    # KL is infinite wherever P has mass and Q has none, however close the lines are.
    kl -> js (everywhere)
    # The lines are equal only at theta = 0: do not treat a small theta as 0.
    theta != 0 -> np.abs(theta) > 1e-6
    # The lines are equal only at theta = 0: do not treat a small theta as 0.
    theta != 0 -> np.abs(theta) > 1e-12
    # theta may be negative: the lines differ on either side.
    theta != 0 -> theta > 0
    # W grows without bound: do not clip it.
    np.abs(theta) -> np.minimum(np.abs(theta), 1.0)
    np.abs(theta) -> theta  # A distance is not negative: |theta|.
    np.abs -> np.square  # W1 is the mean distance, not its square.
    # The heights need not change: each point goes straight across, so they add nothing to W.
    y = (np.arange(60) + 0.5) / 60
    gap = (y[:, None] - y).ravel()
    w = np.mean(np.sqrt(theta[..., None] ** 2 + gap**2), axis=-1)
    return np.where(theta != 0, np.inf, 0.0), np.where(theta != 0, np.log(2.0), 0.0), w
    """,
    "plan_gradient": """
    # The sign is reversed: the distance grows as y moves away from x, along y - x.
    plan[:, :, None] -> -plan[:, :, None]
    # Divide by the length: the cost is the distance, not its square.
    np.where(length > 0, length, np.inf) -> 1
    # Divide by the length itself, not by its square.
    np.where(length > 0, length, np.inf) -> np.where(length > 0, length**2, np.inf)
    # Where a target lies on its source, 0/0 is NaN: make the length 1 there before dividing.
    np.inf -> 0
    # Small distances are replaced by a larger one: a distance as small as 1e-9 has a direction too,
    # so use 0 only where it is exactly 0.
    np.where(length > 0, length, np.inf) -> np.maximum(length, 1e-3)
    # Small distances are replaced by a larger one: a distance as small as 1e-9 has a direction too,
    # so use 0 only where it is exactly 0.
    np.where(length > 0, length, np.inf) -> np.maximum(length, 1e-6)
    # A small number is added to the distances: a distance as small as 1e-9 has a direction too.
    np.where(length > 0, length, np.inf) -> (length + 1e-3)
    # Use 0 for the one term that has a kink, not for the whole sum of its target.
    steps = y[None] - x[:, None]
    length = np.sqrt(np.sum(steps**2, axis=2, keepdims=True))
    return np.nan_to_num(np.sum(plan[:, :, None] * steps / length, axis=0))
    # This is the gradient of the squared distance: divide by twice the length.
    return np.sum(plan[:, :, None] * 2 * (y[None] - x[:, None]), axis=0)
    # Do not divide by the mass that arrives: the plan's entries are the weights.
    return np.sum(plan[:, :, None] * units(x, y), axis=0) / np.sum(plan, axis=0)[:, None]
    # Do not divide by the total mass: the plan's entries are the weights, whatever their sum.
    return np.sum(plan[:, :, None] * units(x, y), axis=0) / np.sum(plan)
    # Each source has its own unit vector; here one unit vector from their mean replaces them.
    mass = np.sum(plan, axis=0)[:, None]
    steps = y - plan.T @ x / mass
    length = np.sqrt(np.sum(steps**2, axis=1, keepdims=True))
    return mass * steps / np.where(length > 1e-15, length, 1.0)
    # A target may receive from several sources: all of them count, not only the largest.
    most = np.argmax(plan, axis=0)
    steps = y - x[most]
    length = np.sqrt(np.sum(steps**2, axis=1, keepdims=True))
    return np.max(plan, axis=0)[:, None] * steps / np.where(length > 0, length, 1.0)
    # This is the gradient with respect to the sources x: sum over the sources instead, axis 0.
    return -np.sum(plan[:, :, None] * units(x, y), axis=1)
    # The weights of the plan are left out: each unit vector counts plan_ij.
    return np.mean(units(x, y), axis=0)
    np.sum -> np.mean  # Sum over the sources, do not average: the plan holds the weights already.
    # A unit vector divides by the Euclidean length, over all coordinates; this takes the sign of
    # each coordinate.
    plan[:, :, None] * direction -> plan[:, :, None] * np.sign(direction)
    # The targets are summed as well: each target has a vector of its own.
    return np.sum(plan[:, :, None] * units(x, y), axis=(0, 1))
    """,
}

VARIANTS = {
    "line_divergences": """
    # from the sign
    different = np.abs(np.sign(theta))
    return -np.log(1 - different), np.log(1 + different), np.sign(theta) * theta
    # entry by entry
    rows = [(np.inf, np.log(2.0), abs(t)) if t else (0.0, 0.0, 0.0) for t in theta.ravel()]
    kl, js, w = np.array(rows).T
    return kl.reshape(theta.shape), js.reshape(theta.shape), w.reshape(theta.shape)
    """,
    "plan_gradient": """
    # target by target
    rows = []
    for weights, point in zip(plan.T, y):
        length = np.linalg.norm(point - x, axis=1)
        apart = length > 0
        rows.append((weights[apart] / length[apart]) @ (point - x[apart]))
    return np.array(rows)
    # by einstein sum
    steps = y - x[:, None]
    length = np.sqrt(np.einsum("ijd,ijd->ij", steps, steps))
    return np.einsum("ij,ijd->jd", plan, np.nan_to_num(steps / length[:, :, None]))
    """,
}

EQUIVALENT = {
    "plan_gradient": """
    np.where(length > 0, length, 1.0) → np.where(length > 0, length, 2.0)  # the step there is 0
    """,
}
