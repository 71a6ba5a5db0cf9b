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
    # The root is missing in c_in: it divides by a standard deviation.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / total, np.log(sigma) / 4
    # c_out is a variance here: take its root.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, (sigma * d) ** 2 / total, 1 / np.sqrt(total), np.log(sigma) / 4
    # c_skip is a ratio of standard deviations: the best guess has a ratio of variances.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d / np.sqrt(total), sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 4
    # c_out lacks the standard deviation of the data: it multiplies the noise level.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 4
    # The noise level is squared in c_out: it is multiplied by that of the data.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma**2 / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 4
    # c_in is multiplied by the standard deviation of the data: then the variance of the input is
    # not 1.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), d / np.sqrt(total), np.log(sigma) / 4
    # The logarithm has base 2: the natural one is meant here.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log2(sigma) / 4
    # The quarter is inside the logarithm: divide the logarithm by 4.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma / 4)
    # c_noise lacks the logarithm: it is a quarter of log sigma.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), sigma / 4
    # c_noise is half of the logarithm: it is a quarter of it.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 2
    # The level is bounded below before the logarithm: levels of 0.002 occur.
    total, d = sigma**2 + sigma_data**2, sigma_data
    c_noise = np.log(np.maximum(sigma, 0.01)) / 4
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), c_noise
    # c_out and c_in are exchanged: the order is c_skip, c_out, c_in, c_noise.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, 1 / np.sqrt(total), sigma * d / np.sqrt(total), np.log(sigma) / 4
    # Standard deviations are added: of independent variables the variances add up.
    total, d = sigma + sigma_data, sigma_data
    return d / total, sigma * d / total, 1 / total, np.log(sigma) / 4
    # The standard deviation of the data is always 0.5 here: take the argument.
    total, d = sigma**2 + 0.25, 0.5
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 4
    # c_out is the rest to 1 of c_skip: it is a standard deviation, with a root.
    total = sigma**2 + sigma_data**2
    return sigma_data**2 / total, sigma**2 / total, 1 / np.sqrt(total), np.log(sigma) / 4
    # c_noise has 1 added inside of the logarithm: it is a quarter of log sigma.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log1p(sigma) / 4
    # The variance of the data is taken for 1 in c_in: it is the square of sigma_data.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(sigma**2 + 1), np.log(sigma) / 4
    # The variance of the data is taken for 1 in c_skip: it is the square of sigma_data.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return 1 / (1 + sigma**2), sigma * d / np.sqrt(total), 1 / np.sqrt(total), np.log(sigma) / 4
    # The product is under the root in c_out: only the sum of the squares is.
    total, d = sigma**2 + sigma_data**2, sigma_data
    c_out = np.sqrt(sigma * d / total)
    return d**2 / total, c_out, 1 / np.sqrt(total), np.log(sigma) / 4
    # c_noise is the fourth root of the level: it is a quarter of the logarithm.
    total, d = sigma**2 + sigma_data**2, sigma_data
    return d**2 / total, sigma * d / np.sqrt(total), 1 / np.sqrt(total), sigma**0.25
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
    # The root is missing in c_out: it is a standard deviation.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + s * z)) / (s * sigma_data / (s**2 + sigma_data**2))
    # c_skip is subtracted from the noisy point: F has to give the data.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 + s * z - c_skip * x0) / c_out
    # The target is the noise: it is only near it where the level is low.
    s = by_rows(sigma, x0)
    return z + 0 * s
    # The target is the data: this is the target of D, not of F.
    s = by_rows(sigma, x0)
    return x0 + 0 * s
    # The data is put into D in place of F: solve D = x_0 for F.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return c_skip * (x0 + s * z) + c_out * x0
    # The numerator of c_skip is sigma squared: it is the variance of the data.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - (1 - c_skip) * (x0 + s * z)) / c_out
    # Only the skip connection is divided by c_out: the whole difference is.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return x0 - c_skip * (x0 + s * z) / c_out
    # The noise is multiplied by the variance: its factor is sigma.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + s**2 * z)) / c_out
    # The noise is multiplied by the root of the level: its factor is sigma.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + np.sqrt(s) * z)) / c_out
    # The noise is subtracted from the data: y = x_0 + sigma z.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 - s * z)) / c_out
    # The skip connection is added: bring it to the other side of D = x_0.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 + c_skip * (x0 + s * z)) / c_out
    # The numerator of c_skip is not squared: it is the variance of the data.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip / sigma_data * (x0 + s * z)) / c_out
    # The difference is divided by the square of c_out: divide once.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + s * z)) / c_out**2
    # The standard deviation of the data is always 0.5 here: take the argument.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, 0.5)
    return (x0 - c_skip * (x0 + s * z)) / c_out
    # The noise is multiplied by the standard deviation of the data: its factor is sigma.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + sigma_data * z)) / c_out
    # The noisy point is multiplied by c_in: only the network's input is.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + s * z) / np.sqrt(s**2 + sigma_data**2)) / c_out
    # The level has a floor: levels of 0.05 occur.
    s = np.maximum(by_rows(sigma, x0), 0.1)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + s * z)) / c_out
    # The skip connection has no factor: c_skip multiplies the noisy point.
    s = by_rows(sigma, x0)
    return -s * z / factors(s, sigma_data)[1]
    # The target is the negative of the noise: it is only near it where the level is low.
    return -z + 0 * by_rows(sigma, x0)
    # The noise level is missing in c_out: it multiplies the standard deviation of the data.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - c_skip * (x0 + s * z)) / (c_out / s)
    # c_skip is a ratio of standard deviations: it is a ratio of variances.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (x0 - np.sqrt(c_skip) * (x0 + s * z)) / c_out
    # The target is what the skip connection leaves of the noisy point: D should be x_0.
    s = by_rows(sigma, x0)
    c_skip, c_out = factors(s, sigma_data)
    return (1 - c_skip) * (x0 + s * z) / c_out
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
    # The standard deviation of the data is taken for 1: it is an argument.
    return 1 + 1 / sigma**2 + 0 * sigma_data
    # The sum is squared as a whole: square each part, then add.
    return (sigma + sigma_data) ** 2 / (sigma * sigma_data) ** 2
    # The product below is not squared.
    return (sigma**2 + sigma_data**2) / (sigma * sigma_data)
    # The rates are added without squares: these are one over each standard deviation.
    return 1 / sigma + 1 / sigma_data
    # The product is left out of the weight: c_out has it above its root.
    return 1 / (sigma**2 + sigma_data**2)
    # Only sigma divides, because brackets are missing: a / b * c is (a / b) * c.
    return (sigma**2 + sigma_data**2) / sigma**2 * sigma_data**2
    # Only the standard deviation of the data is squared below: square the whole product.
    return (sigma**2 + sigma_data**2) / (sigma * sigma_data**2)
    # The squares are subtracted: variances of independent variables add up.
    return (sigma**2 - sigma_data**2) / (sigma * sigma_data) ** 2
    # This is the ratio of signal and noise: the weight has a second part, which is the same at all
    # levels.
    return sigma_data**2 / sigma**2
    # This is c_out itself: the weight is one over its square.
    return sigma * sigma_data / np.sqrt(sigma**2 + sigma_data**2)
    # The weight has the power 4 of c_out: the loss is squared once.
    return ((sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2) ** 2
    # The weight is halved: it is one over the square of c_out.
    return 0.5 * (sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2
    # Only the data's part is here: the noise level has a part of its own.
    return 1 / sigma_data**2 + 0 * sigma
    # The standard deviation of the data is always 0.5 here: take the argument.
    return 1 / sigma**2 + 4 + 0 * sigma_data
    # The sum is under a root: the weight is a ratio of variances.
    return np.sqrt(sigma**2 + sigma_data**2) / (sigma * sigma_data) ** 2
    # This is the reciprocal of the product without squares, and without the sum.
    return 1 / (sigma * sigma_data)
    # The sum is divided by the variance of the noise only: it is divided by that of the data, too.
    return (sigma**2 + sigma_data**2) / sigma**2
    # The whole ratio is squared, because c_out lacks its root: only the product is squared.
    return ((sigma**2 + sigma_data**2) / (sigma * sigma_data)) ** 2
    # This is c_skip: the weight is one over the square of c_out.
    return sigma_data**2 / (sigma**2 + sigma_data**2)
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
    # The weight of v divides by the clipped ratio plus 1: divide by SNR + 1.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (clipped + 1)}[target]
    # The weight of the noise divides by the clipped ratio: divide by SNR.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / clipped, "v": clipped / (snr + 1)}[target]
    # The weights are multiplied where they should be divided: an error of the noise makes a small
    # error of x_0 where SNR is large.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped * snr, "v": clipped * (snr + 1)}[target]
    # Roots divide the weights: the loss is squared, and so is the factor of the error.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / np.sqrt(snr), "v": clipped / np.sqrt(snr + 1)}[target]
    # A root divides the weight of v: the loss is squared, and so is the factor of the error.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / np.sqrt(snr + 1)}[target]
    # A root divides the weight of the noise: the loss is a square, and sigma^2 is 1/SNR.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / np.sqrt(snr), "v": clipped / (snr + 1)}[target]
    # The weight of x_0 is 1: it is the smaller of SNR and gamma.
    clipped = np.minimum(snr, gamma)
    return {"x0": np.ones_like(clipped), "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The ratio for v is clipped after 1 is added: clip SNR itself.
    clipped = np.minimum(snr, gamma)
    of_v = np.minimum(snr + 1, gamma) / (snr + 1)
    return {"x0": clipped, "eps": clipped / snr, "v": of_v}[target]
    # Nothing is clipped: gamma is the largest weight of an error of x_0.
    clipped = snr + 0 * gamma
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The weights of the noise and of v clip what divides: clip SNR first, then divide.
    factor = {"x0": snr, "eps": 1 / snr, "v": 1 / (snr + 1)}[target]
    return np.minimum(factor, gamma)
    # snr is taken for sigma: SNR is the ratio itself, 1/sigma^2.
    clipped = np.minimum(1 / snr**2, gamma)
    return {"x0": clipped, "eps": clipped * snr**2, "v": clipped / (1 / snr**2 + 1)}[target]
    # The weight of v divides by 1 + 1/SNR, which is 1 + sigma^2: divide by 1 + SNR.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped * snr / (snr + 1)}[target]
    # The ratio is bounded below by 1, too: only gamma bounds it, from above.
    clipped = np.clip(snr, 1, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The weights of the noise and of v are exchanged.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / (snr + 1), "v": clipped / snr}[target]
    # The ratio is bounded softly: take the smaller of SNR and gamma.
    clipped = snr * gamma / (snr + gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The ratio is squared before it is clipped: SNR is a ratio of variances already.
    clipped = np.minimum(snr**2, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # All three weights are roots: the weight multiplies the square of the error.
    clipped = np.minimum(snr, gamma)
    return np.sqrt({"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target])
    # The target is ignored, and this is always the weight of the noise.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped / snr, "eps": clipped / snr, "v": clipped / snr}[target]
    # The target is ignored, and this is always the weight of x_0.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped, "v": clipped}[target]
    # The weight of v is that of x_0: an error of v is a smaller error of x_0.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped}[target]
    # The weight of v divides by the square of SNR + 1: an error d of v is d/sqrt(1 + SNR) of x_0.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1) ** 2}[target]
    # The weight of the noise divides by the square of SNR: sigma^2 is 1/SNR.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr**2, "v": clipped / (snr + 1)}[target]
    # The weights of x_0 and of the noise are exchanged.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped / snr, "eps": clipped, "v": clipped / (snr + 1)}[target]
    # The ratio is not clipped in the weight of v: all three weights have the clipped ratio above.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": snr / (snr + 1)}[target]
    # The weights divide by gamma: they divide by SNR, and by SNR + 1.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / gamma, "v": clipped / (gamma + 1)}[target]
    # The bound is the reciprocal of gamma: it is gamma itself.
    clipped = np.minimum(snr, 1 / gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / (snr + 1)}[target]
    # The 1 is added to the weight of v: it is added to SNR, which divides.
    clipped = np.minimum(snr, gamma)
    return {"x0": clipped, "eps": clipped / snr, "v": clipped / snr + 1}[target]
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
    # The power has the wrong sign: v0 divides.
    return v1 ** (1 + w) * v0**w
    # This is the sum of the precisions, not turned over, and guidance does not reach that density.
    return (1 + w) / v1 - w / v0
    # This is a standard deviation: the variance is its square.
    return np.sqrt(v1 ** (1 + w) / v0**w)
    # This is the square of the variance: the powers of the path are halves.
    return (v1 ** (1 + w) / v0**w) ** 2
    # This is the logarithm of the variance: take its exponential.
    return (1 + w) * np.log(v1) - w * np.log(v0)
    # The guidance is left out: this is the variance of the first Gaussian.
    return v1 + 0 * w + 0 * v0
    # The variance is divided by 1 + w: the ratio of the two variances sets the power.
    with np.errstate(divide="ignore"):
        return v1 / (1 + w) + 0 * v0
    # The weight begins at the second Gaussian: w = 0 is the first one.
    return v0 * (v1 / v0) ** w
    # The two Gaussians are exchanged: D_1 has the factor 1 + w.
    return v0 ** (1 + w) / v1**w
    # The powers are subtracted: the path is a product of powers.
    return v1 ** (1 + w) - v0**w
    # The product of the densities has the weights 1 and w: here the second one has -w.
    return v1 * v0 / (v0 + w * v1)
    # The ratio is multiplied by w: it is raised to the power w.
    return v1 * (1 + w * (v1 / v0 - 1))
    # The standard deviations are mixed as the denoisers are: the path is a product, not a sum.
    return ((1 + w) * np.sqrt(v1) - w * np.sqrt(v0)) ** 2
    # The power of v1 is 1: it is 1 + w, because D_1 has the factor 1 + w.
    return v1 / v0**w
    # The precisions are added with the weights 1 + w and w: the path is a product of powers.
    with np.errstate(divide="ignore"):
        return 1 / ((1 + w) / v1 + w / v0)
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
