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
    "min_snr_weight": """
    # by the error of x_0 that an error of the target makes
    error = {"x0": 1.0, "eps": 1 / snr, "v": 1 / (1 + snr)}[target]
    return np.where(snr < gamma, snr, gamma) * error
    """,
}

EQUIVALENT = {
    "min_snr_weight": """
    # where they are equal, both values are
    snr < gamma → snr <= gamma
    """,
}
