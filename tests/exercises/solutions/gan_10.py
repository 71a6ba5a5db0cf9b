def earth_mover_1d(p, q):
    deltas = np.concatenate([np.zeros(1), np.cumsum(p - q)])
    return EarthMover(np.sum(np.abs(deltas)), deltas)


def wasserstein_1d(x, y):
    points = np.sort(np.concatenate([x, y]))
    shares = [np.searchsorted(np.sort(a), points[:-1], side="right") / len(a) for a in (x, y)]
    return np.sum(np.abs(shares[0] - shares[1]) * (points[1:] - points[:-1]))


def marginals(plan):
    return np.sum(plan, axis=1), np.sum(plan, axis=0)
