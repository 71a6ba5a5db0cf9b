def kl_bernoulli(rho, rho_hat):
    return rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))


def k_sparse(z, k):
    order = np.argsort(-getval(z), axis=1, kind="stable")
    rank = np.argsort(order, axis=1)
    return np.where(rank < k, z, 0.0)


def sparsity_penalty(activations, rho):
    layers = activations if isinstance(activations, (list, tuple)) else [activations]
    return sum(np.sum(kl_bernoulli(rho, np.mean(a, axis=0))) for a in layers)
