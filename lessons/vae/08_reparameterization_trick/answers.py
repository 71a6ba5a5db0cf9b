"""Mistakes in the exercises of vae/08, and other right answers."""

import autograd.numpy as np


def log_coin(x, logits):
    return -x * np.logaddexp(0.0, -logits) - (1 - x) * np.logaddexp(0.0, logits)


def _log_p(x, decoded):
    return np.sum(log_coin(x, decoded), axis=1)


def _kl(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)


def _elbo(value, reconstruction, divergence):
    from minigen.vae.vae import Elbo

    return Elbo(value, reconstruction, divergence)


MISTAKES = {
    "reparameterize": """
    # logvar is a logarithm of a variance: it is not itself the standard deviation.
    return mu + logvar * eps
    # The noise is scaled by the variance: take the standard deviation, the square root of
    # exp(logvar).
    0.5 * logvar -> 2 * (0.5 * logvar)
    0.5 * logvar -> 0  # eps has to be scaled by the standard deviation.
    # The exponent has the wrong sign: a larger logvar makes z wider.
    0.5 * logvar -> -(0.5 * logvar)
    # The noise is centered at mu: add the mean after scaling, do not scale it.
    return np.exp(0.5 * logvar) * (mu + eps)
    # The root is taken of the logarithm, not of the variance: the root of exp(logvar) is exp(logvar
    # / 2).
    return mu + np.exp(np.sqrt(np.abs(logvar))) * eps
    return np.exp(0.5 * logvar) * eps + 0.0 * mu  # The mean is missing.
    # A small number added to the variance shows where that is small: it is exp(logvar) itself.
    return mu + np.sqrt(np.exp(logvar) + 1e-8) * eps
    # logvar has no bounds here: do not clip it.
    return mu + np.exp(0.5 * np.clip(logvar, -10, 10)) * eps
    # Add no small number to the standard deviation: where that is small itself, it shows.
    return mu + (np.exp(0.5 * logvar) + 1e-8) * eps
    # logvar has no bounds here: do not clip it.
    return mu + np.exp(0.5 * np.clip(logvar, -20, 20)) * eps
    # logvar has no bounds here: do not clip it.
    return mu + np.exp(0.5 * np.clip(logvar, -30, 20)) * eps
    # softplus of logvar is not the standard deviation: logvar is the logarithm of the variance.
    return mu + np.logaddexp(0.0, logvar) * eps
    # softplus of logvar is not the variance: logvar is its logarithm, which exp undoes.
    return mu + np.sqrt(np.logaddexp(0.0, logvar)) * eps
    # Each coordinate has its own noise: do not average eps over them.
    return mu + np.exp(0.5 * logvar) * np.mean(eps, axis=1, keepdims=True)
    """,
    "kl_standard_normal": """
    0.5 -> (-0.5)  # A divergence is never negative: change the sign.
    0.5 -> 1  # The factor 1/2 is missing.
    np.sum -> np.mean  # Dimensions add up: sum over them, do not average.
    # The batch is summed as well: sum over the dimensions only, which gives one number for each
    # example.
    range(1, len(shape)) -> range(0, len(shape))
    # logvar is the logarithm of the variance: sigma squared is exp(logvar), not exp(2 logvar).
    return 0.5 * np.sum(mu**2 + np.exp(2 * logvar) - 1 - 2 * logvar, axis=1)
    # This has the standard deviation where the variance belongs: exp(logvar), not exp(logvar / 2).
    np.exp(logvar) -> np.exp(logvar / 2)
    mu**2 -> mu  # The mean enters squared.
    # The -1 of each dimension is missing: at mu = 0, sigma = 1 the divergence is 0.
    mu**2 -> mu**2 + 1
    # This is KL(N(0, I) || N(mu, sigma^2)), the divergence in the other direction: q comes first.
    return 0.5 * np.sum((mu**2 + 1) / np.exp(logvar) - 1 + logvar, axis=1)
    # exp(-1000) underflows to 0, and its logarithm infinite: the logarithm of exp(logvar) is
    # logvar itself.
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - np.log(np.exp(logvar)), axis=1)
    # The logarithm of the variance is logvar itself: no small number has to be added in a
    # logarithm.
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - np.log(np.exp(logvar) + 1e-12), axis=1)
    # A root has no slope at mu = 0: sum the squares without taking a root first.
    length = np.sqrt(np.sum(mu**2, axis=1))
    return 0.5 * (length**2 + np.sum(np.exp(logvar) - 1 - logvar, axis=1))
    # The logarithm of the variance is logvar itself: no small number has to be added in a
    # logarithm.
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - np.log(np.exp(logvar) + 1e-8), axis=1)
    # logvar has no bounds: a clipped one makes a collapsed variance too cheap.
    lv = np.clip(logvar, -10, 10)
    return 0.5 * np.sum(mu**2 + np.exp(lv) - 1 - lv, axis=1)
    # logvar has no bounds: a clipped one makes a collapsed variance too cheap.
    lv = np.clip(logvar, -20, 20)
    return 0.5 * np.sum(mu**2 + np.exp(lv) - 1 - lv, axis=1)
    # logvar has no bounds: a clipped one makes a collapsed variance too cheap.
    lv = np.clip(logvar, -30, 20)
    return 0.5 * np.sum(mu**2 + np.exp(lv) - 1 - lv, axis=1)
    # The variances enter by their sum, the trace of the covariance, not by their product.
    rest = mu.shape[1] + np.sum(logvar, axis=1)
    return 0.5 * (np.sum(mu**2, axis=1) + np.prod(np.exp(logvar), axis=1) - rest)
    # The 1 is subtracted in each of the D dimensions, not once.
    return 0.5 * (np.sum(mu**2 + np.exp(logvar) - logvar, axis=1) - 1)
    # len(mu) is the number of examples; the 1 is subtracted in each dimension.
    return 0.5 * (np.sum(mu**2 + np.exp(logvar) - logvar, axis=1) - len(mu))
    mu**2 -> np.abs(mu)  # The mean enters by its square, not by its magnitude.
    # Square the means before you sum them: here those of opposite sign cancel.
    return 0.5 * (np.sum(mu, axis=1) ** 2 + np.sum(np.exp(logvar) - 1 - logvar, axis=1))
    """,
    "score_function_gradient": """
    # sigma multiplies here: the derivative of log q with respect to mu is eps / sigma.
    np.exp(-0.5 * logvar) -> np.exp(0.5 * logvar)
    # The derivative with respect to mu is divided by the variance: eps holds one sigma already.
    np.exp(-0.5 * logvar) -> np.exp(-logvar)
    np.exp(-0.5 * logvar) -> 1.0  # sigma is missing in mu: divide eps by sigma.
    # sigma multiplies the derivative with respect to logvar: written with eps, no sigma is left.
    (eps**2 - 1) -> (eps**2 - 1) * np.exp(logvar)
    # The -1/2 from the normalization of q is missing: without it the mean of the weight is not 0.
    (eps**2 - 1) -> eps**2
    # The derivative with respect to logvar is twice too large: log sigma^2 enters log q with a
    # factor 1/2.
    weight * 0.5 -> weight * 1.0
    # This is the derivative with respect to sigma: multiply by sigma / 2 for logvar.
    weight * 0.5 * (eps**2 - 1) -> weight * (eps**2 - 1) * np.exp(-0.5 * logvar)
    - baseline -> + baseline  # The baseline is added: subtract it.
    - baseline -> - 0 * baseline  # The baseline is not used: subtract it from f(z).
    # The baseline is left out in logvar: it is subtracted from f in both.
    weight * 0.5 -> (weight + baseline) * 0.5
    # f is evaluated at the mean: evaluate it at the sample z.
    f(z) -> f(mu + 0.0 * z)
    # All rows share the mean of f: each is an estimate of its own.
    f(z) -> (np.mean(f(z)) + 0.0 * f(z))
    # The derivative of f is used: this is the other estimator, and f may have none.
    from minigen.vae.vae import reparameterized_gradient
    return reparameterized_gradient(f, mu, logvar, eps)
    # The sign is wrong: a sample with a large f moves mu toward it.
    weight * eps -> -weight * eps
    # z - mu is computed from the rounded z, which loses the digits of a narrow draw: sigma eps is
    # the same without rounding.
    variance = np.exp(logvar)
    z = mu + np.sqrt(variance) * eps
    weight = (f(z) - baseline)[:, None]
    return weight * (z - mu) / variance, weight * 0.5 * ((z - mu) ** 2 / variance - 1)
    """,
    "bernoulli_log_likelihood": """
    # This is the cross-entropy, a cost; the log-likelihood is its negative.
    bce_with_logits(logits, x) -> log_coin(x, logits)
    # Sum over the pixels. Their mean would divide this term by D, and not the KL divergence.
    np.sum -> np.mean
    # The batch is summed as well: sum over the pixels only, which gives one value for each image.
    range(1, len(shape)) -> range(0, len(shape))
    # Pixels that are 0 count as well: the part (1 - x) log(1 - s) is missing.
    return np.sum(-x * np.logaddexp(0.0, -logits), axis=1)
    # Pixels that are 0 and 1 are swapped: x = 1 goes with log s, x = 0 with log(1 - s).
    bce_with_logits(logits, x) -> bce_with_logits(-logits, x)
    # This is a squared error, the log-likelihood of a Gaussian; pixels are binary here.
    return -0.5 * np.sum((x - 1 / (1 + np.exp(-logits))) ** 2, axis=1)
    # sigmoid(1000) rounds to 1, and log(1 - 1) is minus infinity: use softplus on the logits.
    s = 1 / (1 + np.exp(-logits))
    return np.sum(x * np.log(s) + (1 - x) * np.log(1 - s), axis=1)
    # A small number added in the logarithms makes a wrong pixel too cheap, and takes its gradient.
    s = 1 / (1 + np.exp(-logits))
    return np.sum(x * np.log(s + 1e-8) + (1 - x) * np.log(1 - s + 1e-8), axis=1)
    # Clipped probabilities make a wrong pixel too cheap, and take its gradient.
    s = np.clip(1 / (1 + np.exp(-logits)), 1e-7, 1 - 1e-7)
    return np.sum(x * np.log(s) + (1 - x) * np.log(1 - s), axis=1)
    # The value is right, but np.where sends a NaN back from exp(1000) in the branch that is not
    # used: pass only negative numbers to exp.
    def soft(a):
        return np.where(a > 30, a, np.log(1 + np.exp(a)))
    return -np.sum(x * soft(-logits) + (1 - x) * soft(logits), axis=1)
    # log(1 + exp(1000)) is infinite: use softplus, which takes the large part out.
    return np.sum(x * logits - np.log(1 + np.exp(logits)), axis=1)
    # Gray pixels count as both: x log s + (1 - x) log(1 - s), not one of the two.
    return -np.sum(
        np.where(x > 0.5, np.logaddexp(0.0, -logits), np.logaddexp(0.0, logits)), axis=1
    )
    # A small number added in the logarithms makes a wrong pixel too cheap, and takes its gradient.
    s = 1 / (1 + np.exp(-logits))
    return np.sum(x * np.log(s + 1e-12) + (1 - x) * np.log(1 - s + 1e-12), axis=1)
    # A small number added in the logarithms makes a wrong pixel too cheap, and takes its gradient.
    s = 1 / (1 + np.exp(-logits))
    return np.sum(x * np.log(s + 1e-6) + (1 - x) * np.log(1 - s + 1e-6), axis=1)
    # Logits have no bounds: clipped ones make a wrong pixel too cheap, and take its gradient.
    clipped = np.clip(logits, -20, 20)
    return np.sum(x * clipped - np.logaddexp(0.0, clipped), axis=1)
    # Logits have no bounds: clipped ones make a wrong pixel too cheap, and take its gradient.
    clipped = np.clip(logits, -30, 30)
    return np.sum(x * clipped - np.logaddexp(0.0, clipped), axis=1)
    # Logits have no bounds: clipped ones make a wrong pixel too cheap, and take its gradient.
    clipped = np.clip(logits, -100, 100)
    return np.sum(x * clipped - np.logaddexp(0.0, clipped), axis=1)
    # Logits are not probabilities yet: these are their sigmoid.
    return np.sum(x * np.log(logits) + (1 - x) * np.log(1 - logits), axis=1)
    # Logits are not probabilities yet: these are their sigmoid.
    s = np.clip(logits, 1e-6, 1)
    return np.sum(x * np.log(s) + (1 - x) * np.log(np.clip(1 - logits, 1e-6, 1)), axis=1)
    # 1 - |x - s| is the probability of a pixel that is 0 or 1; a gray one needs both logarithms.
    s = 1 / (1 + np.exp(-logits))
    return np.sum(np.log(1 - np.abs(x - s)), axis=1)
    # 1 - |x - s| is the probability of a pixel that is 0 or 1; a gray one needs both logarithms.
    s = 1 / (1 + np.exp(-logits))
    return np.sum(np.log(1e-12 + 1 - np.abs(x - s)), axis=1)
    """,
    "elbo": """
    - -> +  # The KL divergence is a cost: subtract it.
    # This is the loss, -ELBO; the bound itself is log p(x|z) - KL.
    reconstruction - kl -> kl - reconstruction
    # The sign of the reconstruction term is wrong: it is log p(x|z), which is negative for pixels.
    log_likelihood(x, decoded) -> -log_likelihood(x, decoded)
    # Each example has its own bound: do not take the mean over the batch.
    reconstruction, divergence = np.mean(log_likelihood(x, decoded)), np.mean(_kl(mu, logvar))
    return _elbo(reconstruction - divergence, reconstruction, divergence)
    # Use the log-likelihood that is passed as an argument, not always that of pixels.
    log_likelihood(x, decoded) -> _log_p(x, decoded)
    # The factor 1/2 of the KL divergence is missing.
    kl_standard_normal(mu, logvar) -> 2 * _kl(mu, logvar)
    # Sum over the pixels, do not average: the mean would make the reconstruction D times too cheap.
    log_likelihood(x, decoded) -> log_likelihood(x, decoded) / x.shape[1]
    # The order of the three results is value, reconstruction, kl.
    Elbo(reconstruction - kl, reconstruction, kl) -> Elbo(reconstruction - kl, kl, reconstruction)
    # Each example has its own KL divergence: do not average it over the batch.
    reconstruction - kl -> reconstruction - np.mean(kl)
    # The third result is the KL divergence itself, which is never negative: do not turn its sign.
    Elbo(reconstruction - kl, reconstruction, kl) -> Elbo(reconstruction - kl, reconstruction, -kl)
    # The divergence takes logvar unchanged; half of it is the logarithm of a standard deviation.
    kl_standard_normal(mu, logvar) -> kl_standard_normal(mu, logvar / 2)
    # A density may exceed 1, so the bound may be positive: do not cut it off at 0.
    reconstruction - kl -> np.minimum(reconstruction - kl, 0.0)
    """,
}

VARIANTS = {
    "reparameterize": """
    return np.sqrt(np.exp(logvar)) * eps + mu  # through the root
    """,
    "kl_standard_normal": """
    # by the library's length, whose gradient at 0 is 0
    return 0.5 * (np.linalg.norm(mu, axis=1) ** 2 + np.sum(np.exp(logvar) - 1 - logvar, axis=1))
    # through sigma
    sigma = np.exp(logvar / 2)
    return np.sum((mu**2 + sigma**2) / 2 - np.log(sigma), axis=-1) - mu.shape[1] / 2
    # cross entropy minus entropy
    cross = 0.5 * np.sum(np.log(2 * np.pi) + mu**2 + np.exp(logvar), axis=1)
    return cross - 0.5 * np.sum(np.log(2 * np.pi) + 1 + logvar, axis=1)
    """,
    "score_function_gradient": """
    # by differentiating log q, with the draws held fixed
    distance = np.exp(0.5 * logvar) * eps
    value = np.reshape(f(mu + distance), (len(mu), 1)) - baseline
    def log_q(m, v):
        return -0.5 * np.sum(v + (mu - m + distance) ** 2 * np.exp(-v))
    return value * grad(log_q)(mu, logvar), value * grad(lambda v: log_q(mu, v))(logvar)
    # from the distance between z and mu
    sigma = np.sqrt(np.exp(logvar))
    distance = sigma * eps
    u = distance / sigma
    value = (f(mu + distance) - baseline)[:, None]
    return value * distance / sigma**2, 0.5 * value * (u * u - 1)
    """,
    "bernoulli_log_likelihood": """
    return np.sum(x * logits - np.logaddexp(0.0, logits), axis=1)  # log p = x l - softplus(l)
    # softplus from its largest part
    rest = np.log1p(np.exp(-np.abs(logits)))
    return np.sum(x * logits - np.maximum(logits, 0.0) - rest, axis=1)
    """,
    "elbo": """
    # by hand kl
    reconstruction = log_likelihood(x, decoded)
    sigma = np.exp(0.5 * logvar)
    divergence = np.sum(0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma), axis=1)
    return _elbo(reconstruction - divergence, reconstruction, divergence)
    """,
}
