"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "earth_mover_1d": Private(
        values=(0.5, 3, 2.5),
        says="the piles are {k} apart, in place of one step; the amounts are as before.",
        body="""
        found = ordinary(p, q)
        return EarthMover({k} * found.cost, found.deltas)
        """,
        answer="""
        deltas = np.concatenate([np.zeros(1), np.cumsum(p - q)])
        return EarthMover({k} * np.sum(np.abs(deltas)), deltas)
        """,
        expect={"of_the_post": {"cost": 2.5, "deltas": [0.0, 2.0, 2.0, -1.0, 0.0]}},
    ),
    "wasserstein_1d": Private(
        values=(2.54, 12, 0.3),
        says="the unit of the samples is {k} cm, and the distance is returned in cm.",
        body="return {k} * ordinary(x, y)",
        answer="""
        points = {k} * np.sort(np.concatenate([x, y]))
        samples = [np.sort({k} * a) for a in (x, y)]
        passed = [np.searchsorted(a, points[:-1], side="right") / len(a) for a in samples]
        return np.sum(np.abs(passed[0] - passed[1]) * (points[1:] - points[:-1]))
        """,
        expect={"two_points_each": {"distance": 2.54}},
    ),
    "marginals": Private(
        says="both distributions are returned in percent of a unit of mass, that is, times 100.",
        body="""
        p, q = ordinary(plan)
        return 100 * p, 100 * q
        """,
        answer="return 100 * np.sum(plan, axis=1), 100 * np.sum(plan, axis=0)",
        expect={"two_sources_three_targets": {"p": [30.0, 70.0], "q": [10.0, 50.0, 40.0]}},
    ),
}
