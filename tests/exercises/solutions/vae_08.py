def reparameterize(mu, logvar, eps):
    sigma = np.exp(0.5 * logvar)
    return mu + sigma * eps


def kl_standard_normal(mu, logvar):
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=1)


def bernoulli_log_likelihood(x, logits):
    return -np.sum(x * softplus(-logits) + (1 - x) * softplus(logits), axis=1)


def elbo(x, decoded, mu, logvar, log_likelihood=bernoulli_log_likelihood):
    reconstruction = log_likelihood(x, decoded)
    kl = packages_kl(mu, logvar)
    return Elbo(reconstruction - kl, reconstruction, kl)
