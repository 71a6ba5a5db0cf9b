"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "mode_coverage": Private(
        says="`high_quality` is in percent, from 0 to 100, and the last argument is named "
        "`at_least`.",
        arguments="samples, modes, std, k=3, at_least=1",
        body="""
        found = ordinary(samples, modes, std, k, at_least)
        return ModeCoverage(found.covered, 100 * found.high_quality)
        """,
        answer="""
        gaps = np.array(samples)[:, None] - modes[None]
        distance = np.sqrt(np.sum(gaps**2, axis=2))
        nearest, good = distance.argmin(axis=1), distance.min(axis=1) <= k * std
        counts = np.bincount(nearest[good], minlength=len(modes))
        return ModeCoverage(int(np.sum(counts >= at_least)), 100 * float(good.mean()))
        """,
        text={"a float from 0 to 1": "a float from 0 to 100"},
        expect={"six_of_eight": {"covered": 2, "high_quality": 75.0}},
        without=["high_quality is a fraction from 0 to 1"],
    ),
}
