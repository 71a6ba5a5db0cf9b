def simple_loss(eps_model, x0, t, eps, schedule):
    alpha_bar = np.reshape(schedule.alpha_bar[t], (-1,) + (1,) * (np.ndim(x0) - 1)).astype(x0.dtype)
    x_t = np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * eps
    return np.mean((eps - eps_model(x_t, t)) ** 2)


def mean_from_eps(x_t, t, eps, schedule):
    a, ab = schedule.alpha[t], schedule.alpha_bar[t]
    if np.ndim(t):
        a, ab = a[:, None], ab[:, None]
    return (x_t - (1 - a) / np.sqrt(1 - ab) * eps) / np.sqrt(a)


def ancestral_step(x, t, eps, z, schedule, variance="beta"):
    mean = packages_mean(x, t, eps, schedule)
    if t == 1:
        return mean
    if isinstance(variance, str):
        variance = schedule.beta[t]
    return mean + np.sqrt(variance) * z
