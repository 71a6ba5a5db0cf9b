def mode_coverage(samples, modes, std, k=3, min_count=1):
    distance = np.sqrt(np.sum((samples[:, None] - modes[None]) ** 2, axis=2))
    nearest, good = distance.argmin(axis=1), distance.min(axis=1) <= k * std
    counts = np.bincount(nearest[good], minlength=len(modes))
    return ModeCoverage(int(np.sum(counts >= min_count)), float(good.mean()))
