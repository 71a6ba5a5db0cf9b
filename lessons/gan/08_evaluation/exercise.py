"""Exercises on evaluation: the Fréchet distance, the inception score, the maximum mean
discrepancy."""

import numpy as np

from minigen.course.exercise.format import Exercise


def covariance(rng, dim):
    """A covariance matrix whose axes are tilted."""
    a = rng.standard_normal((dim, dim))
    return a @ a.T / dim + 0.1 * np.eye(dim)


# -------------------------------------------------------------------------------------------
# Fréchet distance

frechet = Exercise(
    "gan/08/frechet_distance",
    target="minigen.metrics.samples:frechet_distance",
    minutes=20,
    rtol=1e-6,
    atol=1e-6,
    prompt="""
    The squared Fréchet distance of two Gaussians, one number: |mu1 - mu2|^2 + tr(cov1 + cov2 - 2
    (cov1 cov2)^(1/2)).

    mu1 and mu2 (D,) are the means, cov1 and cov2 (D, D) the covariances: symmetric, no negative
    eigenvalue, perhaps singular. (.)^(1/2) is the root of a matrix, R with R R = cov1 cov2, not the
    root of each entry.

    You need only the trace of R, and that is the sum of the square roots of the eigenvalues of cov1
    cov2. These are never negative but for rounding: cut what falls below 0.
    """,
    hints=[
        (
            "On a line the formula is (mu1 - mu2)^2 + (sigma1 - sigma2)^2, with sigma^2 written out"
            " as var1 + var2 - 2 sqrt(var1 var2). With matrices, products and roots become those of"
            " matrices."
        ),
        (
            "tr of (cov1 cov2)^(1/2) = sum over k of sqrt(lambda_k), with lambda_k the eigenvalues"
            " of cov1 cov2."
        ),
        (
            "np.linalg.eigvals(cov1 @ cov2).real gives the lambda_k; np.maximum(..., 0) cuts;"
            " np.trace adds a diagonal."
        ),
    ],
)


@frechet.case(points=1, expect={"distance": 10.0})
def on_a_line(impl, rng):
    """N(0, 1) and N(3, 4): 3^2 + (2 - 1)^2."""
    return {
        "distance": impl(np.array([0.0]), np.array([[1.0]]), np.array([3.0]), np.array([[4.0]]))
    }


@frechet.case(points=1, expect={"distance": 5.0})
def along_the_axes(impl, rng):
    """Standard deviations (2, 1) and (1, 3): 1^2 + 2^2."""
    return {"distance": impl(np.zeros(2), np.diag([4.0, 1.0]), np.zeros(2), np.diag([1.0, 9.0]))}


@frechet.case(points=2, expect={"distance": 2.8344749394039604})
def tilted(impl, rng):
    """A root R of a 2 x 2 matrix M has (tr R)^2 = tr M + 2 sqrt(det M): here 25 + 12. So 15 - 2
    sqrt(37)."""
    cov1, cov2 = np.diag([1.0, 4.0]), np.array([[5.0, 4.0], [4.0, 5.0]])
    return {"distance": impl(np.zeros(2), cov1, np.zeros(2), cov2)}


@frechet.case(points=2)
def in_five_dimensions(impl, rng):
    return {
        "distance": impl(
            rng.standard_normal(5), covariance(rng, 5), rng.standard_normal(5), covariance(rng, 5)
        )
    }


@frechet.case(points=1, expect={"flat": 2.0, "same": 0.0})
def singular(impl, rng):
    """Two Gaussians that are flat, one along each axis; and one that is flat, against itself."""
    flat = impl(np.zeros(2), np.diag([1.0, 0.0]), np.zeros(2), np.diag([0.0, 1.0]))
    return {
        "flat": flat,
        "same": impl(np.ones(2), np.diag([0.0, 4.0]), np.ones(2), np.diag([0.0, 4.0])),
    }


@frechet.case(points=1, atol=1e-5)
def of_few_points(impl, rng):
    """Covariances of three points in six dimensions: four of the six eigenvalues are 0, or a
    rounding error beside it."""
    clouds = rng.standard_normal((2, 3, 6))
    return {"distance": impl(np.zeros(6), np.cov(clouds[0].T), np.ones(6), np.cov(clouds[1].T))}


@frechet.case(points=2, property="stretching by s costs (s - 1)^2 tr cov", expect={"gap": 0.0})
def stretched(impl, rng):
    mu, cov, s = rng.standard_normal(4), covariance(rng, 4), 1.5 + rng.random()
    return {"gap": impl(mu, cov, mu, s**2 * cov) - (s - 1) ** 2 * np.trace(cov)}


def root_trace(matrix):
    return np.sum(np.sqrt(np.maximum(np.linalg.eigvals(matrix).real, 0)))


def symmetric_root(cov):
    values, vectors = np.linalg.eigh(cov)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


@frechet.mistake(hint="The covariances are missing: this compares the means alone.")
def means_alone(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2)


@frechet.mistake(hint="The means are missing: add |mu1 - mu2|^2.")
def covariances_alone(mu1, cov1, mu2, cov2):
    return np.trace(cov1 + cov2) - 2 * root_trace(cov1 @ cov2)


@frechet.mistake(
    hint="The last term is missing: without -2 tr (cov1 cov2)^(1/2) a Gaussian is far from itself."
)
def no_overlap(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2)


@frechet.mistake(hint="The root counts twice: -2 tr (cov1 cov2)^(1/2).")
def overlap_counted_once(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - root_trace(cov1 @ cov2)


@frechet.mistake(
    hint="Take the root of the product: cov1 cov2 itself has the unit to the fourth power."
)
def no_root(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2 - 2 * cov1 @ cov2)


@frechet.mistake(hint="These are covariances, not standard deviations: do not square them.")
def covariances_squared(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.sum((cov1 - cov2) ** 2)


@frechet.mistake(
    hint="The root of a matrix is not the root of each entry: use the eigenvalues of cov1 cov2."
)
def root_of_each_entry(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2 - 2 * np.sqrt(np.abs(cov1 @ cov2)))


@frechet.mistake(
    hint="The covariances are tilted: standard deviations along the axes do not tell all."
)
def diagonals_alone(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.sum((np.sqrt(np.diag(cov1)) - np.sqrt(np.diag(cov2))) ** 2)


@frechet.mistake(
    hint="The root of a product is not the product of the roots, unless the axes agree."
)
def product_of_roots(mu1, cov1, mu2, cov2):
    roots = symmetric_root(cov1) @ symmetric_root(cov2)
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2 - 2 * roots)


@frechet.mistake(hint="Multiply cov1 and cov2 as matrices, not entry by entry.")
def product_of_entries(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * root_trace(cov1 * cov2)


@frechet.mistake(hint="The wrong product: it needs both covariances, not one of them twice.")
def one_covariance_twice(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * root_trace(cov1 @ cov1)


@frechet.mistake(hint="The root is of the product, not of the sum.")
def root_of_the_sum(mu1, cov1, mu2, cov2):
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * root_trace(cov1 + cov2)


@frechet.mistake(hint="The distance of the means enters squared.")
def means_not_squared(mu1, cov1, mu2, cov2):
    return np.sqrt(np.sum((mu1 - mu2) ** 2)) + np.trace(cov1 + cov2) - 2 * root_trace(cov1 @ cov2)


@frechet.mistake(hint="|mu1 - mu2|^2 is the sum of the squares, not their mean.")
def mean_over_coordinates(mu1, cov1, mu2, cov2):
    return np.mean((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * root_trace(cov1 @ cov2)


@frechet.mistake(hint="Return the squared distance: no root at the end.")
def not_squared(mu1, cov1, mu2, cov2):
    return np.sqrt(
        max(np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * root_trace(cov1 @ cov2), 0.0)
    )


@frechet.variant
def by_a_symmetric_product(mu1, cov1, mu2, cov2):
    """cov1^(1/2) cov2 cov1^(1/2) has the eigenvalues of cov1 cov2, and is symmetric."""
    values, vectors = np.linalg.eigh(cov1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov2 @ root), 0))
    return np.dot(mu1 - mu2, mu1 - mu2) + np.trace(cov1) + np.trace(cov2) - 2 * np.sum(overlap)


@frechet.variant
def by_eigenvalues(mu1, cov1, mu2, cov2):
    values = np.linalg.eigvals(cov1 @ cov2)
    overlap = np.sqrt(values.astype(complex)).real.sum()
    return np.linalg.norm(mu1 - mu2) ** 2 + np.trace(cov1 + cov2) - 2 * overlap


frechet.equivalent(
    "max(spread, 0.0) → max(0.0, spread)", reason="the larger of two numbers, whichever comes first"
)
frechet.equivalent(
    "root1 @ root2 → root2 @ root1",
    reason="a matrix and its transpose have the same singular values",
)
frechet.equivalent("cov1 @ cov2 → cov2 @ cov1", reason="AB and BA have the same eigenvalues")


# -------------------------------------------------------------------------------------------
# inception score

inception = Exercise(
    "gan/08/inception_score",
    target="minigen.metrics.samples:inception_score",
    minutes=15,
    prompt="""
    How sure and how varied are a classifier's answers? The inception score, one number: the
    exponential of the mean over the samples of KL(p(class | sample) || p(class)).

    probs (N, C) holds p(class | sample), rows that sum to one; p(class) is the mean row. Logarithms
    are natural. A probability may be 0, and a class may never occur: such a term counts 0, never
    NaN.
    """,
    hints=[
        (
            "First the average answer. Then, for each sample, how far its own answer is from the"
            " average, in nats."
        ),
        "score = exp( 1/N sum_i sum_c p_ic log(p_ic / m_c) ) with m_c = 1/N sum_i p_ic.",
        (
            "Take p log(p / m) with np.where(probs > 0, ..., 0), but let the argument of the"
            " logarithm be 1 where p is 0 (a second np.where); sum over axis 1, then the mean, and"
            " np.exp last."
        ),
    ],
)


@inception.case(points=1, expect={"score": 4.0})
def sure_and_different(impl, rng):
    return {"score": impl(np.eye(4))}


@inception.case(points=1, expect={"score": 1.0})
def undecided(impl, rng):
    return {"score": impl(np.full((6, 5), 0.2))}


@inception.case(points=2, expect={"score": 1.2408064788027995})
def one_sure_one_not(impl, rng):
    """The average is (3/4, 1/4). The KLs are log(4/3)/2 and log(4/3), so the score is
    (4/3)^(3/4)."""
    return {"score": impl(np.array([[0.5, 0.5], [1.0, 0.0]]))}


@inception.case(points=2)
def random_answers(impl, rng):
    return {"score": impl(rng.dirichlet(np.full(4, 0.5), size=7) * 0.99 + 0.0025)}


@inception.case(points=1, expect={"score": 1.7547653506033232})
def a_class_that_never_occurs(impl, rng):
    """Sure answers, three of the first class, one of the second, none of the third: exp of the
    entropy of (3, 1)/4."""
    return {"score": impl(np.eye(3)[[0, 0, 0, 1]])}


@inception.case(
    points=1,
    property="seeing every sample twice, or renaming the classes, changes nothing",
    expect={"twice": 0.0, "renamed": 0.0},
)
def twice_and_renamed(impl, rng):
    probs = rng.dirichlet(np.ones(5), size=6)
    score = impl(probs)
    return {
        "twice": impl(np.repeat(probs, 2, axis=0)) - score,
        "renamed": impl(probs[:, ::-1]) - score,
    }


def divergences(p, q):
    """KL of each row, with 0 log 0 = 0."""
    p, q = np.broadcast_arrays(p, q)
    ratio = np.where(p > 0, p, 1.0) / np.where((p > 0) & (q > 0), q, 1.0)
    return np.sum(p * np.log(ratio), axis=1)


@inception.mistake(
    hint=(
        "The KL is the wrong way round: each sample's answer comes first, and weighs the"
        " logarithms."
    )
)
def reversed_divergence(probs):
    mean = np.mean(probs, axis=0, keepdims=True)
    tiny = 1e-300
    return np.exp(np.mean(np.sum(mean * (np.log(mean + tiny) - np.log(probs + tiny)), axis=1)))


@inception.mistake(
    hint="Average first, then exponentiate: exp of the mean, not the mean of the exps."
)
def mean_of_exponentials(probs):
    return np.mean(np.exp(divergences(probs, np.mean(probs, axis=0))))


@inception.mistake(hint="The exponential is missing.")
def no_exponential(probs):
    return np.mean(divergences(probs, np.mean(probs, axis=0)))


@inception.mistake(hint="Divide by the number of samples: the mean of the KLs, not their sum.")
def sum_over_samples(probs):
    return np.exp(np.sum(divergences(probs, np.mean(probs, axis=0))))


@inception.mistake(hint="A KL is a sum over the classes, not a mean.")
def mean_inside_the_divergence(probs):
    return np.exp(np.mean(divergences(probs, np.mean(probs, axis=0))) / probs.shape[1])


@inception.mistake(hint="0 log 0 is 0: the logarithm must not see the zeros, or NaN comes out.")
def zeros_not_masked(probs):
    with np.errstate(all="ignore"):
        return np.exp(np.mean(np.sum(probs * np.log(probs / np.mean(probs, axis=0)), axis=1)))


@inception.mistake(
    hint=(
        "This is the variety alone. Unsure answers must lower the score: compare each with the"
        " average."
    )
)
def variety_alone(probs):
    mean = np.mean(probs, axis=0)
    return np.exp(-np.sum(mean * np.log(np.where(mean > 0, mean, 1.0))))


@inception.mistake(
    hint=(
        "Compare with the average over the samples, axis 0. Over the classes each row averages to"
        " 1/C, whatever it is."
    )
)
def against_equal_shares(probs):
    return np.exp(np.mean(divergences(probs, np.full(probs.shape[1], 1 / probs.shape[1]))))


@inception.mistake(hint="Natural logarithms: exp undoes log, not log2.")
def bits(probs):
    return np.exp(np.mean(divergences(probs, np.mean(probs, axis=0))) / np.log(2))


@inception.mistake(hint="The sign: the more they differ, the higher the score.")
def turned_sign(probs):
    return np.exp(-np.mean(divergences(probs, np.mean(probs, axis=0))))


@inception.variant
def by_entropies(probs):
    """The entropy of the average less the average entropy."""
    mean, *each = [
        -sum(p * np.log(p) for p in row if p > 0) for row in (np.mean(probs, axis=0), *probs)
    ]
    return np.exp(mean - np.mean(each))


@inception.variant
def sample_by_sample(probs):
    total, mean = 0.0, probs.sum(axis=0) / len(probs)
    for row in probs:
        total += sum(p * np.log(p / m) for p, m in zip(row, mean) if p > 0)
    return np.exp(total / len(probs))


# -------------------------------------------------------------------------------------------
# maximum mean discrepancy

discrepancy = Exercise(
    "gan/08/mmd",
    target="minigen.metrics.samples:mmd",
    minutes=20,
    prompt="""
    The squared maximum mean discrepancy of two samples, one number: the mean of k(x, x') plus the
    mean of k(y, y') minus twice the mean of k(x, y), with the kernel k(a, b) = exp(-|a - b|^2 / (2
    bandwidth^2)).

    x (N, D) and y (M, D); N and M may differ. The means run over all pairs, those of a point with
    itself included. With unbiased=True the pairs of a point with itself are left out, which leaves
    N (N - 1) pairs of x's and M (M - 1) of y's; the result can then be negative, and stays so.
    bandwidth is a positive number here, never None.
    """,
    hints=[
        (
            "Three tables of likenesses: x with x, y with y, x with y. What is each mean if the"
            " samples are the same?"
        ),
        (
            "MMD^2 = 1/N^2 sum_ij k(x_i, x_j) + 1/M^2 sum_ij k(y_i, y_j) - 2/(N M) sum_ij k(x_i,"
            " y_j). Unbiased: the first two sums without i = j, over N (N - 1) and M (M - 1)."
        ),
        (
            "np.sum((a[:, None] - b[None]) ** 2, axis=2) has the squared distances (N, M). On the"
            " diagonal of a table with itself stand ones: the sum without it is the sum minus N."
        ),
    ],
)


@discrepancy.case(points=1, expect={"mmd": 0.7869386805747332})
def one_point_each(impl, rng):
    """One bandwidth apart: 2 - 2 exp(-1/2)."""
    return {"mmd": impl(np.array([[0.0]]), np.array([[0.5]]), bandwidth=0.5)}


@discrepancy.case(points=1, expect={"biased": 0.0, "unbiased": -0.3934693402873666})
def with_itself(impl, rng):
    """Two points one bandwidth apart, against themselves. Unbiased: 2 exp(-1/2) - (1 +
    exp(-1/2))."""
    x = np.array([[0.0, 0.0], [0.0, 2.0]])
    return {
        "biased": impl(x, x, bandwidth=2.0),
        "unbiased": impl(x, x, bandwidth=2.0, unbiased=True),
    }


@discrepancy.case(points=2)
def five_and_seven(impl, rng):
    x, y = rng.standard_normal((5, 3)), 1 + rng.standard_normal((7, 3))
    return {"mmd": impl(x, y, bandwidth=1.7)}


@discrepancy.case(points=2)
def unbiased(impl, rng):
    x, y = rng.standard_normal((5, 3)), rng.standard_normal((7, 3))
    return {"mmd": impl(x, y, bandwidth=1.7, unbiased=True)}


@discrepancy.case(
    points=2,
    property="another unit of length, or the samples exchanged, changes nothing",
    expect={"unit": 0.0, "exchanged": 0.0},
)
def another_unit(impl, rng):
    x, y = rng.standard_normal((6, 2)), 1 + rng.standard_normal((4, 2))
    value = impl(x, y, bandwidth=0.8)
    return {
        "unit": impl(3 * x, 3 * y, bandwidth=2.4) - value,
        "exchanged": impl(y, x, bandwidth=0.8) - value,
    }


def square(a, b):
    return np.sum((a[:, None] - b[None]) ** 2, axis=2)


def combine(kernel, x, y, unbiased, cross=2.0):
    """The three means of a kernel given as a function of two samples."""
    within = []
    for a in (x, y):
        n = len(a)
        within.append(
            (np.sum(kernel(a, a)) - n) / (n * (n - 1)) if unbiased else np.mean(kernel(a, a))
        )
    return within[0] + within[1] - cross * np.mean(kernel(x, y))


@discrepancy.mistake(hint="The pairs across the samples count twice: -2 mean k(x, y).")
def cross_once(x, y, bandwidth=None, unbiased=False):
    return combine(
        lambda a, b: np.exp(-square(a, b) / (2 * bandwidth**2)), x, y, unbiased, cross=1.0
    )


@discrepancy.mistake(
    hint="The sign: likeness across the samples brings them nearer, so it is subtracted."
)
def cross_added(x, y, bandwidth=None, unbiased=False):
    return combine(
        lambda a, b: np.exp(-square(a, b) / (2 * bandwidth**2)), x, y, unbiased, cross=-2.0
    )


@discrepancy.mistake(hint="The kernel's exponent has a 2 below: |a - b|^2 / (2 bandwidth^2).")
def no_two(x, y, bandwidth=None, unbiased=False):
    return combine(lambda a, b: np.exp(-square(a, b) / bandwidth**2), x, y, unbiased)


@discrepancy.mistake(hint="The bandwidth enters squared, as the distance does.")
def bandwidth_not_squared(x, y, bandwidth=None, unbiased=False):
    return combine(lambda a, b: np.exp(-square(a, b) / (2 * bandwidth)), x, y, unbiased)


@discrepancy.mistake(hint="The distance enters squared: this is another kernel, with a kink at 0.")
def distance_not_squared(x, y, bandwidth=None, unbiased=False):
    return combine(lambda a, b: np.exp(-np.sqrt(square(a, b)) / (2 * bandwidth**2)), x, y, unbiased)


@discrepancy.mistake(hint="This is the MMD itself: return its square.")
def root_taken(x, y, bandwidth=None, unbiased=False):
    value = combine(lambda a, b: np.exp(-square(a, b) / (2 * bandwidth**2)), x, y, unbiased)
    return np.sign(value) * np.sqrt(np.abs(value))


@discrepancy.mistake(
    hint="unbiased is not looked at: with it the pairs of a point with itself are left out."
)
def always_biased(x, y, bandwidth=None, unbiased=False):
    return combine(lambda a, b: np.exp(-square(a, b) / (2 * bandwidth**2)), x, y, False)


@discrepancy.mistake(
    hint="Without unbiased=True the pairs of a point with itself count too, over N^2."
)
def always_unbiased(x, y, bandwidth=None, unbiased=False):
    within = 0.0
    for a in (x, y):
        n = len(a)
        kernel = np.exp(-square(a, a) / (2 * bandwidth**2))
        within = within + (np.sum(kernel) - n) / max(n * (n - 1), 1)
    return within - 2 * np.mean(np.exp(-square(x, y) / (2 * bandwidth**2)))


@discrepancy.mistake(
    hint=(
        "Without the pairs of a point with itself there are N (N - 1) pairs left to divide by, not"
        " N^2."
    )
)
def unbiased_over_all_pairs(x, y, bandwidth=None, unbiased=False):
    value = combine(lambda a, b: np.exp(-square(a, b) / (2 * bandwidth**2)), x, y, False)
    return value - (1 / len(x) + 1 / len(y) if unbiased else 0.0)


@discrepancy.mistake(hint="The unbiased value may be negative: do not cut it at 0.")
def cut_at_zero(x, y, bandwidth=None, unbiased=False):
    return np.maximum(
        combine(lambda a, b: np.exp(-square(a, b) / (2 * bandwidth**2)), x, y, unbiased), 0.0
    )


@discrepancy.mistake(hint="Means, not sums: divide each table by the number of its pairs.")
def sums(x, y, bandwidth=None, unbiased=False):
    def kernel(a, b):
        return np.sum(np.exp(-square(a, b) / (2 * bandwidth**2)))

    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)


@discrepancy.mistake(hint="All pairs, N times M of them, not each x with the y of the same number.")
def matched_pairs(x, y, bandwidth=None, unbiased=False):
    n = min(len(x), len(y))
    value = combine(
        lambda a, b: np.exp(-square(a, b) / (2 * bandwidth**2)), x, y, unbiased, cross=0.0
    )
    return value - 2 * np.mean(np.exp(-np.sum((x[:n] - y[:n]) ** 2, axis=1) / (2 * bandwidth**2)))


@discrepancy.mistake(
    hint="This compares the means of the points; the kernel compares the whole samples."
)
def means_of_points(x, y, bandwidth=None, unbiased=False):
    return np.sum((np.mean(x, axis=0) - np.mean(y, axis=0)) ** 2) / bandwidth**2


@discrepancy.variant
def by_norms(x, y, bandwidth=None, unbiased=False):
    """|a - b|^2 = |a|^2 + |b|^2 - 2 a b, in one table of all points, with a weight for each
    pair."""
    points, n, m = np.concatenate([x, y]), len(x), len(y)
    norms = np.sum(points**2, axis=1)
    kernel = np.exp((2 * points @ points.T - norms[:, None] - norms) / (2 * bandwidth**2))
    if unbiased:
        kernel = kernel - np.diag(np.diag(kernel))
    left = 1 if unbiased else 0
    means = [np.sum(kernel[:n, :n]) / (n * (n - left)), np.sum(kernel[n:, n:]) / (m * (m - left))]
    return means[0] + means[1] - np.sum(kernel[:n, n:]) * 2 / (n * m)


@discrepancy.variant
def pair_by_pair(x, y, bandwidth=None, unbiased=False):
    total = 0.0
    for a in (x, y):
        pairs = [
            a[i] - a[j] for i in range(len(a)) for j in range(len(a)) if i != j or not unbiased
        ]
        total += np.mean([np.exp(-0.5 * np.sum((gap / bandwidth) ** 2)) for gap in pairs])
    return total - 2 * np.mean(
        [np.exp(-0.5 * np.sum(((a - b) / bandwidth) ** 2)) for a in x for b in y]
    )


symmetric = "MMD is the same in both directions, and so is the kernel"
discrepancy.equivalent(
    "(x, y, bandwidth=None, unbiased=False) → (y, x, bandwidth=None, unbiased=False)",
    reason=symmetric,
)
discrepancy.equivalent("(a, b, itself) → (b, a, itself)", reason=symmetric)
discrepancy.equivalent("mean_kernel(x, y, False) → mean_kernel(y, x, False)", reason=symmetric)
discrepancy.equivalent("_distances(a, b) → _distances(b, a)", reason=symmetric)
discrepancy.equivalent("_median_distance(x, y) → _median_distance(y, x)", reason=symmetric)
discrepancy.equivalent(
    "_median_distance(x, y) if bandwidth is None else _checks.positive('bandwidth', bandwidth) → "
    "_checks.positive('bandwidth', bandwidth)",
    reason="the exercise always gives a bandwidth",
)
discrepancy.equivalent(
    "value if unbiased else max(value, 0.0) → value", reason="never negative but for rounding"
)
discrepancy.equivalent(
    "max(value, 0.0) → max(0.0, value)", reason="the larger of two numbers, whichever comes first"
)
