def block_shape(shape, channels, kernel, stride, padding, transposed=False):
    def side(size):
        if transposed:
            return (size - 1) * stride + kernel - 2 * padding
        return (size + 2 * padding - kernel) // stride + 1

    return shape[0], side(shape[1]), side(shape[2]), channels


def interpolate_spherical(a, b, t):
    t = t[:, None]
    omega = np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))
    if np.sin(omega) < 1e-5:
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)
