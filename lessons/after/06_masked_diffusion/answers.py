"""Mistakes in the exercises of after/06, and other right answers."""

import autograd.numpy as np

from minigen.diffusion.masked import exact_denoiser


def agreeing_with(table, x_masked):
    """The probability of each configuration that agrees with an example, not normalized: (N, M)."""
    x = x_masked[:, None]
    return np.all((x == table.K) | (x == table.configurations), axis=2) * table.probabilities


def one_hot(table):
    """(M, D, K)"""
    return (table.configurations[:, :, None] == np.arange(table.K)).astype(float)


def joint(table, x_masked, S):
    """The combinations of symbols at S, (G, k), and their probabilities, (N, G)."""
    weights = agreeing_with(table, x_masked)
    weights = weights / weights.sum(axis=1, keepdims=True)
    parts, member = np.unique(table.configurations[:, S], axis=0, return_inverse=True)
    return parts, weights @ (member.reshape(-1, 1) == np.arange(len(parts)))


def products(table, x_masked, S, parts):
    """The product of the single probabilities of each combination, (N, G)."""
    single = exact_denoiser(table, x_masked)[:, S]  # (N, k, K)
    return np.prod(single[:, np.arange(len(S)), parts], axis=2)


def divergence(p, q):
    """KL of rows, where p = 0 adds nothing."""
    possible = p > 0
    return np.sum(p * np.log(np.where(possible, p, 1) / np.where(possible, q, 1)), axis=1)


MISTAKES = {
    "mask": """
    # The masks are exchanged: the token belongs where keep is False.
    return np.where(keep, K if K is not None else np.max(x) + 1, x)
    # The token is K - 1, which is a symbol: with K symbols 0 to K - 1 the token is K.
    return np.where(keep, x, (int(np.max(x)) + 1 if K is None else K) - 1)
    # The token is the largest symbol of the batch plus one, even where K is given.
    return np.where(keep, x, np.max(x) + 1)
    # The token is 0, which is a symbol: an erased position could not be told from it.
    return np.where(keep, x, 0)
    # The token is -1: the mask token is K, one more than the largest symbol.
    return np.where(keep, x, -1)
    # The input is overwritten: return a new array.
    x[~keep] = int(np.max(x)) + 1 if K is None else K
    return x
    # The number of symbols in the batch is counted: symbols that do not occur count, too.
    return np.where(keep, x, len(np.unique(x)) if K is None else K)
    # Every symbol is moved by the token: replace the symbols, and do not add.
    return np.where(keep, x, x + (int(np.max(x)) + 1 if K is None else K))
    """,
    "order_weight": """
    # The number of masked positions is missing: the factor 1/t lowers the power of t by one.
    from scipy.special import comb
    return 1 / ((np.asarray(masked) * 0 + dim + 1) * comb(dim, masked))
    # The number of sets is missing: this is the weight of all sets of m positions together.
    return 1 / np.asarray(masked, float)
    # The m is missing: this spreads one order over the sets of m positions.
    from scipy.special import comb
    return 1 / comb(dim, masked) + 0 * np.asarray(masked, float)
    # The kept positions are counted: m is the number of those that are erased.
    from scipy.special import comb
    return 1 / ((dim - np.asarray(masked) + 1) * comb(dim, masked))
    # The factorials overflow for large D: take comb, or logarithms.
    from scipy.special import factorial
    m = np.asarray(masked)
    with np.errstate(all="ignore"):
        return factorial(m - 1) * factorial(dim - m) / factorial(dim)
    # The dimension takes the place of m: the erased positions are m.
    from scipy.special import comb
    return 1 / (dim * comb(dim, masked)) + 0 * np.asarray(masked, float)
    # The binomial of D - 1 is taken: the sets are of D positions.
    from scipy.special import comb
    return 1 / (np.asarray(masked) * comb(dim - 1, np.asarray(masked) - 1))
    # The weight is turned over: divide by the number of sets and by m.
    from scipy.special import comb
    return np.asarray(masked) * comb(dim, masked)
    # This is the number of sets over m: divide by both.
    from scipy.special import comb
    return comb(dim, masked) / np.asarray(masked)
    """,
    "exact_denoiser": """
    # The probabilities are not normalized: divide by the sum over the configurations that agree.
    return np.einsum("nm,mdk->ndk", agreeing_with(table, x_masked), one_hot(table))
    # The configurations that agree are only counted: weigh each of them with its probability.
    w = (agreeing_with(table, x_masked) > 0).astype(float)
    return np.einsum("nm,mdk->ndk", w / w.sum(axis=1, keepdims=True), one_hot(table))
    # What is visible is ignored: these are the marginals of the whole table.
    w = np.ones((len(x_masked), 1)) * table.probabilities
    return np.einsum("nm,mdk->ndk", w, one_hot(table))
    # A configuration counts if it agrees somewhere: it must agree with every visible position.
    x = x_masked[:, None]
    w = np.any((x == table.K) | (x == table.configurations), axis=2) * table.probabilities
    return np.einsum("nm,mdk->ndk", w / w.sum(axis=1, keepdims=True), one_hot(table))
    # A visible position has the uniform distribution: its own symbol is certain.
    w = agreeing_with(table, x_masked)
    p = np.einsum("nm,mdk->ndk", w / w.sum(axis=1, keepdims=True), one_hot(table))
    return np.where((x_masked == table.K)[:, :, None], p, 1 / table.K)
    # The most probable symbol is made certain: return the probabilities of all of them.
    w = agreeing_with(table, x_masked)
    p = np.einsum("nm,mdk->ndk", w / w.sum(axis=1, keepdims=True), one_hot(table))
    return (p == p.max(axis=2, keepdims=True)).astype(float)
    # Symbols and positions are exchanged: the result has shape (N, D, K).
    w = agreeing_with(table, x_masked)
    return np.einsum("nm,mdk->nkd", w / w.sum(axis=1, keepdims=True), one_hot(table))
    # The sum over the batch normalizes: each example has a sum of its own.
    w = agreeing_with(table, x_masked)
    return np.einsum("nm,mdk->ndk", w / w.sum(axis=0, keepdims=True).clip(1e-12), one_hot(table))
    # Logarithms are returned: return the probabilities.
    w = agreeing_with(table, x_masked)
    p = np.einsum("nm,mdk->ndk", w / w.sum(axis=1, keepdims=True), one_hot(table))
    return np.log(np.maximum(p, 1e-300))
    """,
    "total_correlation": """
    # What is visible is ignored: the configurations that agree with it count.
    S = list(positions)
    parts, p = joint(table, np.full_like(x_masked, table.K), S)
    return divergence(p, products(table, np.full_like(x_masked, table.K), S, parts))
    # The divergence is taken in the other direction: the joint distribution comes first.
    S = list(positions)
    parts, p = joint(table, x_masked, S)
    q = products(table, x_masked, S, parts)
    return np.sum(q * np.log(np.maximum(q, 1e-300) / np.maximum(p, 1e-300)), axis=1)
    # This is in bits: take the natural logarithm.
    S = list(positions)
    parts, p = joint(table, x_masked, S)
    return divergence(p, products(table, x_masked, S, parts)) / np.log(2)
    # The sum runs over configurations, and several of them have the same symbols at S.
    S = list(positions)
    w = agreeing_with(table, x_masked)
    w = w / w.sum(axis=1, keepdims=True)
    return divergence(w, products(table, x_masked, S, table.configurations[:, S]))
    # All positions are compared: only those of S are drawn at once.
    S = list(range(np.shape(x_masked)[1]))
    parts, p = joint(table, x_masked, S)
    return divergence(p, products(table, x_masked, S, parts))
    # The logarithms are not weighted with the joint probabilities: take their mean under it.
    S = list(positions)
    parts, p = joint(table, x_masked, S)
    q, possible = products(table, x_masked, S, parts), p > 0
    return np.sum(np.log(np.where(possible, p, 1) / np.where(possible, q, 1)), axis=1)
    # This is the entropy of the joint distribution: subtract it from the sum of the single ones.
    S = list(positions)
    parts, p = joint(table, x_masked, S)
    return -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)
    # The sign is reversed: a divergence is not negative.
    S = list(positions)
    parts, p = joint(table, x_masked, S)
    return -divergence(p, products(table, x_masked, S, parts))
    # The first two positions only are compared: S may have more.
    S = list(positions)[:2]
    parts, p = joint(table, x_masked, S)
    return divergence(p, products(table, x_masked, S, parts))
    # The single probabilities are added: the product belongs in the divergence.
    S = list(positions)
    parts, p = joint(table, x_masked, S)
    q = np.sum(exact_denoiser(table, x_masked)[:, S][:, np.arange(len(S)), parts], axis=2)
    return divergence(p, q)
    """,
}

VARIANTS = {
    "mask": """
    # a copy, written into
    y = np.array(x)
    y[~np.asarray(keep)] = int(np.max(x)) + 1 if K is None else K
    return y
    # by arithmetic
    token = int(np.max(x)) + 1 if K is None else K
    return np.asarray(x) * keep + token * (1 - keep.astype(int))
    """,
    "order_weight": """
    # the beta function
    from scipy.special import beta
    m = np.asarray(masked)
    return beta(m, dim - m + 1)
    # by logarithms
    from scipy.special import gammaln
    m = np.asarray(masked)
    return np.exp(gammaln(m) + gammaln(dim - m + 1) - gammaln(dim + 1))
    """,
    "exact_denoiser": """
    # example by example
    c, K = table.configurations, table.K
    found = np.zeros((*np.shape(x_masked), K))
    for n, x in enumerate(x_masked):
        visible = x != K
        w = table.probabilities * np.all(c[:, visible] == x[visible], axis=1)
        for a in range(K):
            found[n, :, a] = w @ (c == a) / w.sum()
    return found
    # by a matrix product
    w = agreeing_with(table, x_masked)
    p = w @ one_hot(table).reshape(len(table.configurations), -1)
    return p.reshape(*np.shape(x_masked), table.K) / w.sum(axis=1)[:, None, None]
    """,
    "total_correlation": """
    # entropies: those of the single ones minus that of the joint distribution
    S = list(positions)
    _, p = joint(table, x_masked, S)
    single = exact_denoiser(table, x_masked)[:, S]
    H = -np.sum(single * np.log(np.where(single > 0, single, 1)), axis=(1, 2))
    return H + np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)
    # one divergence
    S = list(positions)
    parts, p = joint(table, x_masked, S)
    return divergence(p, products(table, x_masked, S, parts))
    """,
}

EQUIVALENT = {
    "mask": """
    x if wide_enough else x.astype(numpy.int64) → x.astype(numpy.int64)  # the same numbers
    K <= numpy.iinfo(x.dtype).max → K < numpy.iinfo(x.dtype).max  # the same numbers
    x if wide_enough else x.astype(numpy.int64) → x  # no symbols of one byte here
    -1 → 1  # an empty array has no symbol to erase
    x.max(initial=-1) → x.max(initial=-2)  # the same
    x.max(initial=-1) → x.max(initial=-0)  # the same
    """,
    "order_weight": """
    beta(m, dim - m + 1) → beta(dim - m + 1, m)  # the beta function is symmetric
    """,
    "exact_denoiser": """
    np.zeros((*np.shape(x_masked), K)) → np.ones((*np.shape(x_masked), K))  # every entry is set
    """,
    "total_correlation": """
    if len(S) < 2 → if False  # one position costs 0 by the formula, too
    len(S) < 2 → len(S) < 0  # the same
    numpy.maximum(numpy.sum(joint * (log_joint - log_product), axis=1), 0) → \
numpy.sum(joint * (log_joint - log_product), axis=1)  # a divergence is not negative
    numpy.where(possible, joint, 1) → numpy.where(possible, joint, 2)  # counts 0 times
    numpy.where(possible[..., None], each, 1) → \
numpy.where(possible[..., None], each, 2)  # the same
    -1 → 1  # the last axis is the only other one
    np.where(single > 0, single, 1) → np.where(single > 0, single, 2)  # counts 0 times
    np.where(p > 0, p, 1) → np.where(p > 0, p, 2)  # the same
    """,
}
