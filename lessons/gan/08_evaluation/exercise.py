"""Exercises on evaluation: the Fréchet distance, the inception score, the maximum mean
discrepancy."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise


def covariance(rng, dim):
    """A covariance matrix whose axes are tilted."""
    a = rng.standard_normal((dim, dim))
    return a @ a.T / dim + 0.1 * np.eye(dim)


frechet = Exercise(
    "gan/08/frechet_distance",
    target="minigen.metrics.samples:frechet_distance",
    minutes=20,
    rtol=1e-6,
    atol=1e-6,
    prompt=r"""
    Return the squared Fréchet distance of two Gaussians, one number:
    $|\mu_1 - \mu_2|^2 + \mathrm{tr}(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2})$.

    `mu1` and `mu2` $(D,)$ are the means $\mu_1$ and $\mu_2$, `cov1` and `cov2` $(D, D)$ the
    covariances $\Sigma_1$ and $\Sigma_2$: symmetric, without negative eigenvalues, possibly
    singular. The power $1/2$ is the square root of a matrix, $R$ with $R R = \Sigma_1 \Sigma_2$,
    not the root of each entry.

    You need only the trace of $R$, which is the sum of the square roots of the eigenvalues of
    $\Sigma_1 \Sigma_2$. Apart from rounding errors these are not negative: set negative ones to 0.
    The result need not be differentiable: plain NumPy and SciPy are enough.
    """,
    hints="""
    On a line the formula is (mu1 - mu2)^2 + (sigma1 - sigma2)^2, and the second square is var1 +
    var2 - 2 sqrt(var1 var2). For matrices, use matrix products and matrix roots.

    tr of (cov1 cov2)^(1/2) = sum over k of sqrt(lambda_k), with lambda_k the eigenvalues of cov1
    cov2.

        eigenvalues = np.linalg.eigvals(cov1 @ cov2).real
        overlap = np.sum(np.sqrt(np.maximum(eigenvalues, 0)))
        return np.sum((mu1 - mu2) ** 2) + np.trace(cov1) + np.trace(cov2) - 2 * overlap
    """,
)


@frechet.case(points=1, kind="equation", expect={"distance": 10.0})
def on_a_line(impl, rng):
    """N(0, 1) and N(3, 4): 3^2 + (2 - 1)^2."""
    return {
        "distance": impl(np.array([0.0]), np.array([[1.0]]), np.array([3.0]), np.array([[4.0]]))
    }


@frechet.case(points=1, kind="equation", expect={"distance": 5.0})
def along_the_axes(impl, rng):
    """Standard deviations (2, 1) and (1, 3): 1^2 + 2^2."""
    return {"distance": impl(np.zeros(2), np.diag([4.0, 1.0]), np.zeros(2), np.diag([1.0, 9.0]))}


@frechet.case(points=2, kind="equation", expect={"distance": 2.8344749394039604})
def tilted(impl, rng):
    """A root R of a 2 x 2 matrix M has (tr R)^2 = tr M + 2 sqrt(det M): here 25 + 12. So 15 - 2
    sqrt(37)."""
    cov1, cov2 = np.diag([1.0, 4.0]), np.array([[5.0, 4.0], [4.0, 5.0]])
    return {"distance": impl(np.zeros(2), cov1, np.zeros(2), cov2)}


@frechet.case(points=2, kind="equation")
def in_five_dimensions(impl, rng):
    return {
        "distance": impl(
            rng.standard_normal(5), covariance(rng, 5), rng.standard_normal(5), covariance(rng, 5)
        )
    }


@frechet.case(points=1, kind="extremes", expect={"flat": 2.0, "same": 0.0})
def singular(impl, rng):
    """Two Gaussians of variance 0 along one axis each; and one such Gaussian against itself."""
    flat = impl(np.zeros(2), np.diag([1.0, 0.0]), np.zeros(2), np.diag([0.0, 1.0]))
    return {
        "flat": flat,
        "same": impl(np.ones(2), np.diag([0.0, 4.0]), np.ones(2), np.diag([0.0, 4.0])),
    }


@frechet.case(points=1, kind="extremes", atol=1e-5)
def of_few_points(impl, rng):
    """Covariances of three points in six dimensions: four of the six eigenvalues are 0, up to
    rounding errors."""
    clouds = rng.standard_normal((2, 3, 6))
    return {"distance": impl(np.zeros(6), np.cov(clouds[0].T), np.ones(6), np.cov(clouds[1].T))}


@frechet.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def stretched(impl, rng):
    """Scaling a Gaussian by s about its mean gives the distance (s - 1)^2 tr cov."""
    mu, cov, s = rng.standard_normal(4), covariance(rng, 4), 1.5 + rng.random()
    return {"gap": impl(mu, cov, mu, s**2 * cov) - (s - 1) ** 2 * np.trace(cov)}


inception = Exercise(
    "gan/08/inception_score",
    target="minigen.metrics.samples:inception_score",
    minutes=15,
    prompt=r"""
    Return the inception score of a classifier's predictions, one number: the exponential of the
    mean over the samples of
    $\mathrm{KL}(p(\mathrm{class} \mid \mathrm{sample}) \| p(\mathrm{class}))$.

    `probs` $(N, C)$ holds $p(\mathrm{class} \mid \mathrm{sample})$, rows that sum to one;
    $p(\mathrm{class})$ is the mean row. Logarithms are natural. A probability may be 0, and a class
    may never occur: such a term counts 0, never `NaN`. The result need not be differentiable: plain
    NumPy and SciPy are enough.
    """,
    hints="""
    First compute the average prediction. Then, for each sample, the KL divergence of its own
    prediction from the average, in nats.

    score = exp( 1/N sum_i sum_c p_ic log(p_ic / m_c) ) with m_c = 1/N sum_i p_ic.

        ratio = np.where(probs > 0, probs, 1.0) / np.where(probs > 0, np.mean(probs, axis=0), 1.0)
        return np.exp(np.mean(np.sum(probs * np.log(ratio), axis=1)))
    """,
)


@inception.case(points=1, kind="equation", fixed=True, expect={"score": 4.0})
def certain_and_different(impl, rng):
    return {"score": impl(np.eye(4))}


@inception.case(points=1, kind="equation", fixed=True, expect={"score": 1.0})
def undecided(impl, rng):
    return {"score": impl(np.full((6, 5), 0.2))}


@inception.case(points=2, kind="equation", fixed=True, expect={"score": 1.2408064788027995})
def one_certain_one_not(impl, rng):
    """The average is (3/4, 1/4). The KLs are log(4/3)/2 and log(4/3), so the score is
    (4/3)^(3/4)."""
    return {"score": impl(np.array([[0.5, 0.5], [1.0, 0.0]]))}


@inception.case(points=2, kind="equation")
def random_predictions(impl, rng):
    return {"score": impl(rng.dirichlet(np.full(4, 0.5), size=7) * 0.99 + 0.0025)}


@inception.case(points=1, kind="extremes", fixed=True, expect={"score": 1.7547653506033232})
def a_class_that_never_occurs(impl, rng):
    """Certain predictions, three of the first class, one of the second, none of the third: exp of
    the entropy of (3, 1)/4."""
    return {"score": impl(np.eye(3)[[0, 0, 0, 1]])}


@inception.case(
    points=1, kind="equation", fixed=True, property=True, expect={"twice": 0.0, "renamed": 0.0}
)
def twice_and_renamed(impl, rng):
    """Repeating every sample, or permuting the classes, changes nothing."""
    probs = rng.dirichlet(np.ones(5), size=6)
    score = impl(probs)
    return {
        "twice": impl(np.repeat(probs, 2, axis=0)) - score,
        "renamed": impl(probs[:, ::-1]) - score,
    }


discrepancy = Exercise(
    "gan/08/mmd",
    target="minigen.metrics.samples:mmd",
    minutes=20,
    prompt=r"""
    Return the squared maximum mean discrepancy of two samples, one number: the mean of $k(x, x')$
    plus the mean of $k(y, y')$ minus twice the mean of $k(x, y)$, with the kernel
    $k(a, b) = \exp(-|a - b|^2/(2\, \mathrm{bandwidth}^2))$.

    `x` is $(N, D)$ and `y` is $(M, D)$; $N$ and $M$ may differ. The means are over all pairs,
    including those of a point with itself. With `unbiased=True` the pairs of a point with itself
    are left out, which leaves $N (N - 1)$ pairs of `x`'s and $M (M - 1)$ of `y`'s; the result can
    then be negative, and is returned as it is. Two points at the same place are still two points:
    their pair counts. `bandwidth` is a positive number here, never `None`. The result need not be
    differentiable: plain NumPy and SciPy are enough.
    """,
    hints="""
    Compute three tables of similarities: x with x, y with y, x with y. What is each mean if the
    samples are equal?

    MMD^2 = 1/N^2 sum_ij k(x_i, x_j) + 1/M^2 sum_ij k(y_i, y_j) - 2/(N M) sum_ij k(x_i, y_j).
    Unbiased: the first two sums without i = j, over N (N - 1) and M (M - 1).

        def similarity(a, b):
            return np.exp(-np.sum((a[:, None] - b[None]) ** 2, axis=2) / (2 * bandwidth**2))
        within = []
        for a in (x, y):
            n = len(a)
            own = n if unbiased else 0
            within.append((np.sum(similarity(a, a)) - own) / (n * n - own))
        return within[0] + within[1] - 2 * np.mean(similarity(x, y))
    """,
)


@discrepancy.case(points=1, kind="equation", expect={"mmd": 0.7869386805747332})
def one_point_each(impl, rng):
    """One bandwidth apart: 2 - 2 exp(-1/2)."""
    return {"mmd": impl(np.array([[0.0]]), np.array([[0.5]]), bandwidth=0.5)}


@discrepancy.case(
    points=1, kind="equation", expect={"biased": 0.0, "unbiased": -0.3934693402873666}
)
def with_itself(impl, rng):
    """Two points one bandwidth apart, against themselves. Unbiased: 2 exp(-1/2) - (1 +
    exp(-1/2))."""
    x = np.array([[0.0, 0.0], [0.0, 2.0]])
    return {
        "biased": impl(x, x, bandwidth=2.0),
        "unbiased": impl(x, x, bandwidth=2.0, unbiased=True),
    }


@discrepancy.case(points=2, kind="equation")
def five_and_seven(impl, rng):
    x, y = rng.standard_normal((5, 3)), 1 + rng.standard_normal((7, 3))
    return {"mmd": impl(x, y, bandwidth=1.7)}


@discrepancy.case(points=2, kind="equation")
def unbiased(impl, rng):
    x, y = rng.standard_normal((5, 3)), rng.standard_normal((7, 3))
    return {"mmd": impl(x, y, bandwidth=1.7, unbiased=True)}


@discrepancy.case(
    points=1, kind="extremes", fixed=True, expect={"mmd": -4 / 9 * (1 - np.exp(-0.5))}
)
def points_that_coincide(impl, rng):
    """x and y are 0, 0 and 1: of the three pairs within each, one is 0 apart and two are 1; of the
    nine across, five are 0 apart and four are 1. 2 (1 + 2 e)/3 - 2 (5 + 4 e)/9, e = exp(-1/2)."""
    x = np.array([[0.0], [0.0], [1.0]])
    return {"mmd": impl(x, x[::-1], bandwidth=1.0, unbiased=True)}


@discrepancy.case(
    points=2, kind="equation", fixed=True, property=True, expect={"unit": 0.0, "exchanged": 0.0}
)
def another_unit(impl, rng):
    """Changing the unit of length, or exchanging the samples, changes nothing."""
    x, y = rng.standard_normal((6, 2)), 1 + rng.standard_normal((4, 2))
    value = impl(x, y, bandwidth=0.8)
    return {
        "unit": impl(3 * x, 3 * y, bandwidth=2.4) - value,
        "exchanged": impl(y, x, bandwidth=0.8) - value,
    }
