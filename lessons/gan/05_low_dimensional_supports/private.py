"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "two_nn_dimension": Private(
        says="`ratios` holds the squares of the ratios, from squared distances; all are 1 or more.",
        body="return 2 * ordinary(ratios, discard)",
        answer="""
        n = len(ratios)
        kept = min(n - 1, int(n * (1 - discard)))
        x = np.log(np.sort(ratios)[:kept]) / 2
        y = -np.log(1 - np.arange(1, kept + 1) / n)
        return np.sum(x * y) / np.sum(x**2)
        """,
        expect={"four_points": {"d": 4.0}},
    ),
}
