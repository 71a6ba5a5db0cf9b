def line_divergences(theta):
    apart = theta != 0
    return np.where(apart, np.inf, 0.0), np.where(apart, np.log(2.0), 0.0), np.abs(theta)


def plan_gradient(plan, x, y):
    steps = y[None] - x[:, None]
    length = np.sqrt(np.sum(steps**2, axis=2, keepdims=True))
    return np.sum(plan[:, :, None] * steps / np.where(length > 0, length, 1.0), axis=0)
