def affine_forward(z, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, np.sum(np.reshape(s, (len(s), -1)), axis=1)


def affine_inverse(x, s, t, mask):
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x - t) * np.exp(-s), -np.sum(np.reshape(s, (len(s), -1)), axis=1)


def affine_log_det(s, mask):
    return np.sum(np.reshape((1 - mask) * s, (len(s), -1)), axis=1)
