"""Exercise on mode collapse: how many modes are covered, and how many samples are near one."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

coverage = Exercise(
    "gan/07/mode_coverage",
    target="minigen.metrics.samples:mode_coverage",
    minutes=20,
    imports=["from minigen.metrics.samples import ModeCoverage"],
    prompt="""
    Measure samples of a mixture of Gaussians with known modes. Return
    `ModeCoverage(covered, high_quality)`, a named pair.

    `samples` $(N, D)$, `modes` $(K, D)$ the centers, `std` the standard deviation of a Gaussian
    along one axis. A sample is good if its Euclidean distance to the nearest mode is at most `k`
    times `std`. A mode is covered if at least `min_count` good samples have it as their nearest.
    `covered` is the number of covered modes, an int from 0 to $K$. `high_quality` is the fraction
    of all samples that are good, a float from 0 to 1.

    Modes may lie so close together that a sample is within reach of two of them: it counts for the
    nearer one only.
    """,
    hints="""
    For each sample: which mode is the nearest, how far is it, and is that within reach? Then count
    the good samples of each mode.

    d_ij = |x_i - m_j|; sample i belongs to the j with the smallest d_ij, and is good if this d_ij
    <= k std.

        gaps = np.array(samples)[:, None] - modes[None]
        distance = np.sqrt(np.sum(gaps**2, axis=2))
        nearest, good = distance.argmin(axis=1), distance.min(axis=1) <= k * std
        counts = np.bincount(nearest[good], minlength=len(modes))
        return ModeCoverage(int(np.sum(counts >= min_count)), float(good.mean()))
    """,
)


SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def parts(pair):
    covered, high_quality = pair
    return {"covered": int(covered), "high_quality": float(high_quality)}


@coverage.case(points=1, kind="equation", fixed=True, expect={"covered": 2, "high_quality": 0.75})
def six_of_eight(impl, rng):
    """Five samples at the first mode, one of them just within reach; one at the last mode; two far
    from all modes."""
    samples = np.array(
        [
            [0.0, 0.0],
            [1.0, 1.0],
            [-1.0, 0.0],
            [0.0, 3.0],
            [0.5, 0.5],
            [9.0, 9.0],
            [5.0, 5.0],
            [5.0, 0.0],
        ]
    )
    return parts(impl(samples, SQUARE, 1.0))


@coverage.case(points=1, kind="equation", fixed=True, expect={"covered": 1, "high_quality": 1.0})
def collapsed(impl, rng):
    """All samples at one mode: perfect quality, one mode of four."""
    return parts(impl(SQUARE[2] + 0.1 * rng.uniform(-1, 1, (12, 2)), SQUARE, 0.1))


@coverage.case(points=2, kind="equation")
def a_cloud(impl, rng):
    """Widely distributed samples over a grid of modes, in three dimensions; three samples are
    required."""
    modes = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
    samples = np.concatenate(
        [1.2 * rng.standard_normal((150, 3)), modes[0] + 0.1 * rng.standard_normal((9, 3))]
    )
    some = parts(impl(samples, modes, 0.2, 2.5, 3))
    return {
        "all": np.array(list(parts(impl(samples, modes, 0.2)).values())),
        "some": np.array(list(some.values())),
    }


@coverage.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"covered": [2, 1, 0], "high_quality": [1.0, 1.0, 1.0]},
)
def enough_of_them(impl, rng):
    """Three samples at one mode, two at another: with min_count 2, 3 and 4."""
    samples = np.repeat(SQUARE[:2], [3, 2], axis=0)
    found = [parts(impl(samples, SQUARE, 1.0, min_count=least)) for least in (2, 3, 4)]
    return {name: np.array([each[name] for each in found]) for name in ("covered", "high_quality")}


@coverage.case(
    points=1, kind="equation", fixed=True, expect={"covered": [1, 2], "high_quality": [0.5, 1.0]}
)
def another_reach(impl, rng):
    """Distances of 0.5 and 1.25 with std 0.5: the second is 2.5 of them, good for k = 3 and not
    for k = 2."""
    samples = np.array([[0.5, 0.0], [10.0, 1.25], [0.0, -0.5], [10.0, -1.25]])
    both = [parts(impl(samples, SQUARE, 0.5, k)) for k in (2.0, 3.0)]
    return {name: np.array([each[name] for each in both]) for name in ("covered", "high_quality")}


@coverage.case(points=2, kind="equation", fixed=True, expect={"covered": 3, "high_quality": 0.75})
def neighbors(impl, rng):
    """Two modes 2 apart with a reach of 3: four samples are within reach of both, and count for the
    nearer, the first. The last sample is 2.5 from the third mode and 2.1 from the fourth."""
    modes = np.array([[0.0, 0.0], [2.0, 0.0], [20.0, 0.0], [24.0, 1.5]])
    samples = [
        [0.0, 0.0],
        [0.9, 0.0],
        [-0.5, 1.0],
        [0.5, -2.0],
        [0.0, 3.2],
        [0.0, -3.2],
        [20.0, 1.0],
        [22.5, 0.0],
    ]
    return parts(impl(np.array(samples), modes, 1.0))


@coverage.case(
    points=1,
    kind="equation",
    fixed=True,
    property=True,
    expect={"covered": 0.0, "high_quality": [0.0, 0.5]},
)
def units_and_strays(impl, rng):
    """In units twice as small nothing changes; samples far from all count as not good."""
    samples = SQUARE[rng.integers(0, 4, 40)] + 1.5 * rng.standard_normal((40, 2))
    plain, doubled = (parts(impl(f * samples, f * SQUARE, f * 1.0, 2)) for f in (1.0, 2.0))
    diluted = parts(impl(np.concatenate([samples, np.full((40, 2), 99.0)]), SQUARE, 1.0, 2))
    return {
        "covered": float(doubled["covered"] - plain["covered"]),
        "high_quality": np.array(
            [
                doubled["high_quality"] - plain["high_quality"],
                diluted["high_quality"] / plain["high_quality"],
            ]
        ),
    }
