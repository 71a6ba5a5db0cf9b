def optimal_discriminator(p_r, p_g):
    total = p_r + p_g
    some = total > 0
    return np.where(some, p_r / np.where(some, total, 1.0), 0.5)


def value_at_optimum(p_r, p_g, dx):
    value = 0.0
    for p in (p_r, p_g):
        some = p > 0
        value += np.sum(p[some] * np.log(p[some] / (p_r + p_g)[some])) * dx
    return value
