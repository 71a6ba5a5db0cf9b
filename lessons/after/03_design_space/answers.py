"""Mistakes in the exercises of after/03, and other right answers."""

import autograd.numpy as np


def by_rows(values, x):
    """One number for each example, to go with x."""
    return np.reshape(values, np.shape(values) + (1,) * (np.ndim(x) - np.ndim(values)))


def factors(sigma, data):
    """(c_skip, c_out)"""
    total = sigma**2 + data**2
    return data**2 / total, sigma * data / np.sqrt(total)


MISTAKES = {
    "preconditioning": """
    # The standard deviation of the data is not squared in c_skip: variances are added.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 4
    # The root is missing in c_out: it is a standard deviation.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / total, 1 / np.sqrt(total), np.log(sigma) / 4
    # c_in divides by the noise level alone: the data adds its own variance to the input.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / sigma, np.log(sigma) / 4
    # The logarithm has base 10: the natural one is meant.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log10(sigma) / 4
    # The factors are those of a consistency model: here no smallest level is subtracted.
    total, d, above = sigma**2 + sigma_data**2, sigma_data, sigma - 0.002
    c_skip = d**2 / (above**2 + d**2)
    return c_skip, above * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 4
    # The shares of data and noise are exchanged in c_skip: at a high level the guess is 0.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return sigma**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 4
    # c_noise is not divided by 4.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma)
    """,
    "edm_target": """
    # The skip connection takes the data: it takes the noisy point.
    c_skip, c_out = factors(by_rows(sigma, x0), sigma_data)
    return (x0 - c_skip * x0) / c_out
    # The difference is multiplied by c_out: divide by it.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + s * z)) * c_out
    # The noise is not scaled by its level.
    c_skip, c_out = factors(by_rows(sigma, x0), sigma_data)
    return (x0 - c_skip * (x0 + z)) / c_out
    # The skip connection is left out: the network has to predict only what the linear guess misses.
    c_skip, c_out = factors(by_rows(sigma, x0), sigma_data)
    return x0 / c_out
    # The sign is reversed.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (c_skip * (x0 + s * z) - x0) / c_out
    # The division by c_out is missing.
    s = by_rows(sigma, x0)
    return x0 - factors(s, sigma_data)[0] * (x0 + s * z)
    """,
    "edm_weight": """
    # This is the square of the factor itself: the weight has to undo it.
    return (sigma * sigma_data) ** 2 / (sigma**2 + sigma_data**2)
    # This is the weight of a network that predicts the noise: the data has a variance, too.
    return 1 / sigma**2 + 0 * sigma_data
    # The square is missing: the loss holds the square of the error.
    return np.sqrt(sigma**2 + sigma_data**2) / (sigma * sigma_data)
    # Only one factor of the product is squared.
    return (sigma**2 + sigma_data**2) / (sigma**2 * sigma_data)
    # The sum of the squares is left out.
    return 1 / (sigma * sigma_data) ** 2
    """,
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
    """,
    "min_snr_weight": """
    # The larger of the two is taken, as in progressive distillation: this weight takes the smaller.
    clipped = np.maximum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The weight of the noise is that of the data: its errors are other errors of the data.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped, "v": clipped / (snr + 1)}[target]
    # The inverse ratio is clipped.
    clipped = np.minimum(1 / snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The ratio may be one number, into which nothing can be assigned: take the minimum.
    clipped = snr.copy()
    clipped[clipped > gamma] = gamma
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The bound is squared.
    clipped = np.minimum(snr, gamma**2)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The weight of v is that of the noise: for v the ratio has 1 added.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / snr}[target]
    """,
    "guided_gaussian_variance": """
    # This is the variance of the tilted density, which guidance does not reach.
    return 1 / ((1 + w) / v1 - w / v0)
    # The power is too large by 1: without guidance the variance is v1.
    return v1 * (v1 / v0) ** (w + 1)
    # The ratio is upside down: guidance leads away from the second Gaussian.
    return v1 * (v0 / v1) ** w
    # This is the standard deviation's share: the powers of the path belong to its square.
    return v1 * (v1 / v0) ** (w / 2)
    # The two variances are mixed as the denoisers are: the path is a product, not a sum.
    return v1 + w * (v1 - v0)
    """,
}

VARIANTS = {
    "preconditioning": """
    # by the length of the hypotenuse
    length = np.sqrt(sigma**2 + sigma_data**2)
    sine, cosine = sigma / length, sigma_data / length
    return cosine**2, sigma_data * sine, 1 / length, 0.25 * np.log(sigma)
    """,
    "edm_target": """
    # with x_0 and z apart
    s = by_rows(sigma, x0)
    return (s * x0 / sigma_data - sigma_data * z) / np.sqrt(s**2 + sigma_data**2)
    """,
    "edm_weight": """
    # as a sum of two rates
    return sigma**-2.0 + sigma_data**-2.0
    """,
    "karras_levels": """
    # from the formula, level by level
    a, b = high ** (1 / rho), low ** (1 / rho)
    found = [(a + i / max(steps - 1, 1) * (b - a)) ** rho for i in range(steps)]
    return np.array([*found, 0.0])
    """,
    "churn": """
    # by the share of the level
    added = noise * sigma * np.sqrt(2 * gamma + gamma**2)
    return y + by_rows(added, y) * z, sigma + gamma * sigma
    """,
    "min_snr_weight": """
    # by the error of x_0 that an error of the target makes
    error = {"x0": 1.0, "eps": 1 / snr, "v": 1 / (1 + snr)}[target]
    return np.where(snr < gamma, snr, gamma) * error
    """,
    "guided_gaussian_variance": """
    # by logarithms
    return np.exp((1 + w) * np.log(v1) - w * np.log(v0))
    """,
}

EQUIVALENT = {
    "karras_levels": """
    # the same maximum
    max(steps - 1, 1) → max(1, steps - 1)
    """,
    "min_snr_weight": """
    # where they are equal, both values are
    snr < gamma → snr <= gamma
    """,
}
