def two_nn_dimension(ratios, discard=0.1):
    n = len(ratios)
    kept = min(n - 1, int(n * (1 - discard)))
    x = np.log(np.sort(ratios)[:kept])
    y = -np.log(1 - np.arange(1, kept + 1) / n)
    return np.sum(x * y) / np.sum(x**2)
