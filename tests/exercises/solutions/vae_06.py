def monte_carlo_log_likelihood(log_px_z):
    return logsumexp(log_px_z, axis=0) - np.log(len(log_px_z))


def importance_sampling_log_likelihood(log_px_z, log_pz, log_qz):
    log_w = log_px_z + log_pz - log_qz
    top = np.max(log_w, axis=0)
    return top + np.log(np.mean(np.exp(log_w - top), axis=0))
