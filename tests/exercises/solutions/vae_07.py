def kl_gaussians(mu, logvar, mu_p, logvar_p):
    distance = (mu - mu_p) ** 2
    return 0.5 * np.sum((np.exp(logvar) + distance) / np.exp(logvar_p) - 1 + logvar_p - logvar, axis=1)


def expected_log_likelihood(x, mu, logvar, w, b, std):
    residual = np.sum((x - (mu @ w + b)) ** 2, axis=1)
    spread = np.sum(np.exp(logvar) * np.sum(w**2, axis=1), axis=1)
    return -0.5 * (x.shape[1] * np.log(2 * np.pi * std**2) + (residual + spread) / std**2)
