"""Mistakes in the exercises of after/04, and other right answers."""

import autograd.numpy as np


def by_rows(values, x):
    """One number for each example, to go with x."""
    return np.reshape(values, np.shape(values) + (1,) * (np.ndim(x) - np.ndim(values)))


MISTAKES = {
    "karras_levels": """
    # The levels rise: a sampler begins with the highest.
    return np.append(0.0, np.linspace(low ** (1 / rho), high ** (1 / rho), steps) ** rho)
    # The powers are exchanged: space the roots evenly, and raise them afterwards.
    return np.append(np.linspace(high**rho, low**rho, steps) ** (1 / rho), 0.0)
    # The 0 is one of the evenly spaced roots: it is appended afterwards.
    return np.linspace(high ** (1 / rho), 0.0, steps + 1) ** rho
    # There is one level too few: the 0 comes after all of them.
    roots = np.linspace(high ** (1 / rho), low ** (1 / rho), max(steps - 1, 1))
    return np.append(roots**rho, 0.0)
    # The levels themselves are spaced evenly: it is their roots that are.
    return np.append(np.linspace(high, low, steps), 0.0)
    # The 0 at the end is missing.
    return np.linspace(high ** (1 / rho), low ** (1 / rho), steps) ** rho
    # The logarithms of the levels are spaced evenly: it is their roots that are.
    return np.append(np.exp(np.linspace(np.log(high), np.log(low), steps)), 0.0)
    # The levels rise before the 0: a sampler begins with the highest.
    return np.append(np.linspace(low ** (1 / rho), high ** (1 / rho), steps) ** rho, 0.0)
    # The roots are not raised to the power rho.
    return np.append(np.linspace(high ** (1 / rho), low ** (1 / rho), steps), 0.0)
    # The roots of evenly spaced levels are taken: space the roots, then raise them.
    return np.append(np.linspace(high, low, steps) ** (1 / rho), 0.0)
    # The power rho is always 2 here: it is an argument.
    return np.append(np.linspace(high**0.5, low**0.5, steps) ** 2, 0.0)
    # The power rho is always 7 here: it is an argument.
    return np.append(np.linspace(high ** (1 / 7), low ** (1 / 7), steps) ** 7, 0.0)
    # The level `low` comes twice, where the 0 should be.
    return np.append(np.linspace(high ** (1 / rho), low ** (1 / rho), steps) ** rho, low)
    # The level `low` is never reached: the distance of the roots divides by steps - 1.
    roots = np.linspace(high ** (1 / rho), low ** (1 / rho), steps, endpoint=False)
    return np.append(roots**rho, 0.0)
    # There is one level too many: `steps` levels come before the 0.
    return np.append(np.linspace(high ** (1 / rho), low ** (1 / rho), steps + 1) ** rho, 0.0)
    # With one step the only level is `low`: it should be `high`.
    return np.append(np.linspace(low ** (1 / rho), high ** (1 / rho), steps)[::-1] ** rho, 0.0)
    # The roots of the reciprocals are spaced evenly: the power is 1/rho, without a minus.
    return np.append(np.linspace(high ** (-1 / rho), low ** (-1 / rho), steps) ** -rho, 0.0)
    # The first level is one step below `high`: count from i = 0.
    a, b = high ** (1 / rho), low ** (1 / rho)
    i = np.arange(1, steps + 1) / max(steps - 1, 1)
    with np.errstate(invalid="ignore"):
        return np.append((a + i * (b - a)) ** rho, 0.0)
    # The levels are raised to the power rho without their roots: take the roots first.
    return np.append(np.linspace(high, low, steps) ** rho, 0.0)
    """,
    "churn": """
    # The levels are subtracted: of independent noises the variances add up.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise * (raised - sigma), y) * z, raised
    # The new level is not returned: the next step has to begin with it.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise * np.sqrt(raised**2 - sigma**2), y) * z, sigma
    # The factor of the noise is squared.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise**2 * np.sqrt(raised**2 - sigma**2), y) * z, raised
    # The root is missing: this is a variance.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise * (raised**2 - sigma**2), y) * z, raised
    # The point is scaled with the level: only noise is added to it.
    raised = (1 + gamma) * sigma
    return (1 + gamma) * y + by_rows(noise * np.sqrt(raised**2 - sigma**2), y) * z, raised
    # The factor `noise` is left out: it multiplies the noise that is added.
    raised = (1 + gamma) * sigma
    return y + by_rows(np.sqrt(raised**2 - sigma**2), y) * z, raised
    # The new level counts the factor `noise`: it is (1 + gamma) sigma at every factor.
    raised = (1 + gamma) * sigma
    added = noise * np.sqrt(raised**2 - sigma**2)
    return y + by_rows(added, y) * z, np.sqrt(sigma**2 + added**2)
    # The new level is raised by the factor `noise`, too: the factor changes only what is added.
    raised = (1 + gamma) * sigma * noise
    return y + by_rows(np.sqrt(np.abs(raised**2 - sigma**2)), y) * z, raised
    # The factor `noise` is under the root: square it there, or multiply the root by it.
    raised = (1 + gamma) * sigma
    return y + by_rows(np.sqrt(noise * (raised**2 - sigma**2)), y) * z, raised
    # The new level is gamma sigma alone: it is (1 + gamma) sigma.
    raised = gamma * sigma
    return y + by_rows(noise * np.sqrt(np.abs(raised**2 - sigma**2)), y) * z, raised
    # gamma is added to the level: multiply the level by 1 + gamma.
    raised = sigma + gamma
    return by_rows(noise * np.sqrt(raised**2 - sigma**2), y) * z + y, raised
    # The variance is raised by 1 + gamma: it is the level that is.
    raised = np.sqrt(1 + gamma) * sigma
    return by_rows(noise * np.sqrt(raised**2 - sigma**2), y) * z + y, raised
    # The whole new level is added as noise: y has noise already, whose variance is subtracted.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise * raised, y) * z, raised
    # The variances are added where they should be subtracted: what is added is what is missing.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise * np.sqrt(raised**2 + sigma**2), y) * z, raised
    # The old points are left out: fresh noise is added to y.
    raised = (1 + gamma) * sigma
    return by_rows(noise * np.sqrt(raised**2 - sigma**2), y) * z, raised
    # The new variance is returned: return its root, the level.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise * np.sqrt(raised**2 - sigma**2), y) * z, raised**2
    # The points are scaled back to their old size: only noise is added to y.
    raised = (1 + gamma) * sigma
    return (y + by_rows(noise * np.sqrt(raised**2 - sigma**2), y) * z) / (1 + gamma), raised
    # The results come in the other order: the points are first.
    raised = (1 + gamma) * sigma
    return raised, y + by_rows(noise * np.sqrt(raised**2 - sigma**2), y) * z
    # The root of the difference of the levels is added: take that of the difference of the squares.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise * np.sqrt(raised - sigma), y) * z, raised
    # The noise that is added is sigma times the root of gamma: (1 + gamma)^2 has a square of gamma,
    # too.
    raised = (1 + gamma) * sigma
    return y + by_rows(noise * np.sqrt(gamma) * sigma, y) * z, raised
    # The new level is multiplied by the factor `noise`: the factor changes only what is added.
    raised = (1 + gamma) * sigma
    added = noise * np.sqrt(raised**2 - sigma**2)
    return y + by_rows(added, y) * z, raised * noise
    """,
}

VARIANTS = {
    "karras_levels": """
    # from the formula, level by level
    a, b = high ** (1 / rho), low ** (1 / rho)
    found = [(a + i / max(steps - 1, 1) * (b - a)) ** rho for i in range(steps)]
    return np.array([*found, 0.0])
    """,
    "churn": """
    # by the fraction of the level
    added = noise * sigma * np.sqrt(2 * gamma + gamma**2)
    return y + by_rows(added, y) * z, sigma + gamma * sigma
    """,
}

EQUIVALENT = {
    "karras_levels": """
    # the same maximum
    max(steps - 1, 1) → max(1, steps - 1)
    """,
}
