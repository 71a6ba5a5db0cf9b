"""Mistakes in the exercises of diffusion/09, and other right answers."""

import autograd.numpy as np

from minigen.tensor import stop_gradient


def lengths(rows):
    """The length of each row, (N, 1)."""
    return np.sqrt(np.sum(rows**2, axis=1, keepdims=True))


MISTAKES = {
    "classifier_free_eps": """
    # The weights are exchanged: w = 0 has to give the conditional prediction.
    return (1 + w) * eps_uncond - w * eps_cond
    # This leads away from the label: the conditional prediction has weight 1 + w.
    return w * eps_uncond - (1 + w) * eps_cond
    # The two weights have to add up to 1, or equal predictions would be changed: 1 + w and -w.
    (1 + w) * eps_cond -> w * eps_cond
    # The weights add up to -1 here; they have to be 1 + w and -w.
    return w * eps_cond - (1 + w) * eps_uncond
    # The scale is that of the other convention: here w = 0 is the conditional prediction.
    return w * eps_cond - (w - 1) * eps_uncond
    # The two predictions are added: subtract w times the unconditional one, which leads beyond the
    # conditional one.
    return (1 + w) * eps_cond + w * eps_uncond
    # From the conditional prediction this goes towards the other one; guidance goes away from it.
    return (1 - w) * eps_cond + w * eps_uncond
    # This is a mean of the two, and guidance goes beyond the conditional prediction.
    return (w * eps_cond + eps_uncond) / (1 + w)
    # A weighted mean, whose weights are those of the sum: do not divide.
    return ((1 + w) * eps_cond - w * eps_uncond) / (1 + 2 * w)
    # The difference is added to the conditional prediction, not to the unconditional one alone.
    return eps_uncond + (1 + 2 * w) * (eps_cond - eps_uncond)
    # Weights below zero are replaced by 0: such a weight leads back towards the unconditional
    # prediction.
    return (1 + max(w, 0)) * eps_cond - max(w, 0) * eps_uncond
    # The result is cut off at 1: predictions of noise may be of any size.
    return np.clip((1 + w) * eps_cond - w * eps_uncond, -1, 1)
    # The result is cut off at 10: predictions of noise may be of any size.
    return np.clip((1 + w) * eps_cond - w * eps_uncond, -10, 10)
    # The weight is a number as it is, not to be squared.
    return (1 + w**2) * eps_cond - w**2 * eps_uncond
    # Each prediction keeps its size: there is nothing to normalize.
    out = (1 + w) * eps_cond - w * eps_uncond
    return out / np.std(out) * np.std(eps_cond)
    # The weight loses its sign: a weight below zero leads back towards the unconditional
    # prediction.
    return (1 + abs(w)) * eps_cond - abs(w) * eps_uncond
    # What is added is the *difference* of the predictions, times w, not the unconditional one.
    return eps_cond + w * eps_uncond
    """,
    "drop_labels": """
    # A share p is to be left out, not kept: -1 where u is below p.
    u < p -> u > p
    # Where u is exactly p, the label stays (with p = 0 none is left out): below p, not up to it.
    u < p -> u <= p
    # The null label is -1: 0 is a digit like any other.
    return np.where(u < p, 0, y)
    # The null label is -1, not 10.
    return np.where(u < p, 10, y)
    # Labels and -1 have changed places: -1 is where u is below p, the label elsewhere.
    -1, y -> y, -1
    # Each label is left out or not by its own u, not by that of the first.
    u < p -> (u[0] < p) & (u > -1)
    # Which ones is left to chance: compare u with p, do not take the first ones of the batch.
    u < p -> np.arange(len(u)) < p * len(u)
    # Exactly a share p of each batch is not asked for: each label is left out by its own u.
    u < p -> np.argsort(np.argsort(u)) < round(p * len(u))
    # The share that is left out is p itself: u is uniform already.
    u < p -> u < p**2
    # The share that is left out is p, not its root: u is uniform already.
    u < p -> u < np.sqrt(p)
    # The share that is left out is p, not 1 - p.
    u < p -> u < 1 - p
    # All of p is left out, not half of it.
    u < p -> u < p / 2
    # The labels that are kept stay as they are.
    return np.where(u < p, -1, y + 1)
    # This leaves them out of the batch: the result has the shape of y.
    return y[u >= p]
    # Which labels are left out does not depend on the label.
    u < p -> (u < p) & (y > 0)
    # y must stay as it was: work on a copy.
    y[u < p] = -1
    return y
    # The caller draws the random numbers: use u.
    u < p -> np.random.default_rng(0).random(len(y)) < p
    # Exactly a share p of each batch is not asked for: each label is left out by its own u.
    u < p -> np.argsort(np.argsort(u)) < int(p * len(u))
    # No label is -1, whatever the label was: not its negative.
    return np.where(u < p, -y, y)
    # Labels are whole numbers, -1 too: they index rows.
    return np.where(u < p, -1.0, y)
    # Which labels are left out is decided by u as it is: labels and numbers stay in their order.
    return np.where(np.sort(u) < p, -1, y)
    # This says which ones are left out; asked for are the labels, with -1 there.
    return u < p
    """,
    "clip_similarity": """
    # The scalar product depends on the lengths: divide by both.
    return np.sum(image * text, axis=1)
    # The text's length has to be divided by as well.
    return np.sum(image / lengths(image) * text, axis=1)
    # The image's length has to be divided by as well.
    return np.sum(image * text / lengths(text), axis=1)
    # This sums over the images: the sum goes over the E numbers of an embedding, axis 1.
    axis=1 -> axis=0
    # A number for each image is asked for, not one for all.
    axis=1 -> axis=None
    # The scalar product is a sum over E, not a mean.
    np.sum -> np.mean
    # This has each image with each text; only those of a pair are asked for.
    a, b = image / lengths(image), text / lengths(text)
    return np.matmul(a, np.transpose(b))
    # This is the angle's distance: the cosine itself is asked for, large for what is alike.
    return 1 - np.sum(image / lengths(image) * (text / lengths(text)), axis=1)
    # The cosine has a sign, and -1 means the contrary.
    return np.abs(np.sum(image / lengths(image) * (text / lengths(text)), axis=1))
    # The cosine is asked for, not the angle.
    return np.arccos(np.clip(np.sum(image / lengths(image) * text / lengths(text), axis=1), -1, 1))
    # A length is the square root of the sum of squares.
    a, b = np.sum(image**2, axis=1), np.sum(text**2, axis=1)
    return np.sum(image * text, axis=1) / (a * b)
    # A length is the root of the sum of squares, not the sum of sizes.
    a, b = np.sum(np.abs(image), axis=1), np.sum(np.abs(text), axis=1)
    return np.sum(image * text, axis=1) / (a * b)
    # Each row has its own length; this is the length of the whole array.
    return np.sum(image * text, axis=1) / (np.sqrt(np.sum(image**2)) * np.sqrt(np.sum(text**2)))
    # The cosine is not squared.
    return np.sum(image / lengths(image) * (text / lengths(text)), axis=1) ** 2
    # The means of the embeddings are subtracted: take the cosines of the embeddings unchanged.
    a = image - np.mean(image, axis=1, keepdims=True)
    b = text - np.mean(text, axis=1, keepdims=True)
    return np.sum(a / lengths(a) * (b / lengths(b)), axis=1)
    # One text for all images (1, E) has to do as well.
    a, b = image / lengths(image), text / lengths(text)
    return np.array([np.sum(a[n] * b[n]) for n in range(len(image))])
    # The squares of very long rows do not fit into float32: divide by the largest entry first.
    return np.sum(image / lengths(image) * (text / lengths(text)), axis=1)
    # A small number in the divisor changes the cosine of short rows, which are as good as any.
    return np.sum(image / (lengths(image) + 1e-6) * (text / lengths(text)), axis=1)
    # The squares of very long rows do not fit into float32: divide by the largest entry first.
    both = np.sum(image**2, axis=1) * np.sum(text**2, axis=1)
    return np.sum(image * text, axis=1) / np.sqrt(both)
    # The smallest entry of a row may be 0: to keep the squares in range divide by the largest.
    a = image / np.min(np.abs(image), axis=1, keepdims=True)
    b = text / np.min(np.abs(text), axis=1, keepdims=True)
    return np.sum(a / lengths(a) * (b / lengths(b)), axis=1)
    # A length has no floor: very short rows are as good as any.
    a = image / np.maximum(lengths(image), 1e-8)
    return np.sum(a * (text / np.maximum(lengths(text), 1e-8)), axis=1)
    # A small number in the divisor changes the cosine of short rows, which are as good as any.
    return np.sum(image / (lengths(image) + 1e-8) * (text / (lengths(text) + 1e-8)), axis=1)
    # A small number in the divisor changes the cosine of short rows, which are as good as any.
    return np.sum(image * text, axis=1) / (lengths(image) * lengths(text) + 1e-8)[:, 0]
    # The length of a row goes over its E numbers, axis 1, not over the examples.
    a = image / np.sqrt(np.sum(image**2, axis=0))
    return np.sum(a * (text / np.sqrt(np.sum(text**2, axis=0))), axis=1)
    # One text for all images (1, E) has to do as well.
    a, b = image / lengths(image), text / lengths(text)
    return np.diag(np.matmul(a, np.transpose(b)))
    # The cosine is multiplied by 100: return it unchanged, without any temperature.
    a, b = image / lengths(image), text / lengths(text)
    return 100 * np.sum(a * b, axis=1)
    # Dividing by the largest entry is not enough: after it the length is not 1 yet.
    a = image / np.max(np.abs(image), axis=1, keepdims=True)
    b = text / np.max(np.abs(text), axis=1, keepdims=True)
    return np.sum(a * b, axis=1)
    # The cosine goes from -1 to 1: it is not brought to 0 ... 1.
    a, b = image / lengths(image), text / lengths(text)
    return (1 + np.sum(a * b, axis=1)) / 2
    # The length has a gradient, too: do not stop it.
    a = image / np.max(np.abs(image), axis=1, keepdims=True)
    b = text / np.max(np.abs(text), axis=1, keepdims=True)
    return np.sum(a / stop_gradient(lengths(a)) * (b / lengths(b)), axis=1)
    """,
}

VARIANTS = {
    "classifier_free_eps": """
    # the conditional prediction and w times the way there
    return eps_cond + w * (eps_cond - eps_uncond)
    # from the unconditional one, with the other papers' scale
    scale = 1 + w
    return eps_uncond + scale * (eps_cond - eps_uncond)
    # a sum of what is the same and what differs
    return eps_cond - w * (eps_uncond - eps_cond)
    """,
    "drop_labels": """
    # a copy, changed
    labels = np.array(y)
    labels[u < p] = -1
    return labels
    # by arithmetic
    return (u >= p) * (y + 1) - 1
    # one by one
    return np.fromiter((-1 if chance < p else label for label, chance in zip(y, u)), dtype=int)
    """,
    "clip_similarity": """
    # with the library's length
    a = image / np.max(np.abs(image), axis=1, keepdims=True)
    b = text / np.max(np.abs(text), axis=1, keepdims=True)
    both = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.sum(a * b, axis=1) / both
    # from the distance of the two unit vectors
    a = image / np.max(np.abs(image), axis=1, keepdims=True)
    b = text / np.max(np.abs(text), axis=1, keepdims=True)
    return 1 - np.sum((a / lengths(a) - b / lengths(b)) ** 2, axis=1) / 2
    # by NumPy's norm
    a = image / np.max(np.abs(image), axis=1, keepdims=True)
    b = text / np.max(np.abs(text), axis=1, keepdims=True)
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    return np.sum(a * (b / np.linalg.norm(b, axis=1, keepdims=True)), axis=1)
    """,
}

EQUIVALENT = {
    "clip_similarity": """
    # the cosine is the same either way round
    (image, text) → (text, image)
    """
}
