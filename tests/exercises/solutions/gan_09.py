def feature_matching_loss(real_features, fake_features):
    gap = np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)
    return np.sum(gap**2)


def minibatch_closeness(m):
    distance = np.sum(np.abs(m[:, None] - m[None, :]), axis=3)
    return np.sum(np.exp(-distance), axis=1)


def running_mean(mean, value, count):
    return mean + (value - mean) / count


def historical_penalty(parameters, means):
    return sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means))


def smoothed_optimum(p_r, p_g, smooth):
    return (1 - smooth) * p_r / (p_r + p_g)


def virtual_moments(x, reference):
    means, variances = [], []
    axes = tuple(range(x.ndim - 1))
    for i in range(len(x)):
        both = np.concatenate([reference, x[i : i + 1]])
        mean = np.mean(both, axis=axes, keepdims=True)
        means.append(mean)
        variances.append(np.mean((both - mean) ** 2, axis=axes, keepdims=True))
    return np.concatenate(means), np.concatenate(variances)


def instance_noise(x, std, rng):
    return x + std * rng.standard_normal(np.shape(x), dtype=x.dtype)
