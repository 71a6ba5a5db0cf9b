def sigmoid_penalty(h, w):
    return np.sum((h * (1 - h)) ** 2 * np.sum(w**2, axis=0)) / len(h)


def contractive_penalty(encoder, x):
    total = 0.0
    for row in x:
        total = total + np.sum(jacobian(lambda v: encoder(v[None])[0])(row) ** 2)
    return total / len(x)
