"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "clip_weights": Private(
        says="`c` is the width of the interval: clip to $[-c/2, c/2]$.",
        body="return ordinary(critic, c / 2)",
        answer="""
        for w in leaves(critic):
            w[...] = np.clip(w, -c / 2, c / 2)
        """,
        text={
            "[-c, c]": "[-c/2, c/2]",
            "above c it becomes c, below -c it becomes -c.": "above c/2 it becomes c/2, below -c/2 "
            "it becomes -c/2.",
            "min(max(w, -c), c)": "min(max(w, -c/2), c/2)",
            "as low as -c;": "as low as -c/2;",
        },
        expect={"four_weights": {"w": [[0.25, -0.25], [0.25, 0.0]]}},
        equivalent="""
        # min(max(-c/2, w), c/2): the maximum commutes
        np.clip(w, -c / 2, c / 2) → np.clip(-c / 2, w, c / 2)
        """,
    ),
    "penalized_slope": Private(
        values=(3, 1.5, 0.4),
        says=r"the penalty is $\lambda (s - {k})^2$, in place of $\lambda (s - 1)^2$.",
        body="return {k} * ordinary(distance / {k}, penalty)",
        answer="return {k} + distance / (2 * penalty)",
        text={
            r"and the penalty $\lambda (s - 1)^2$": "and a penalty",
            r"so its loss is $\lambda (s - 1)^2 - s W$.": "so its loss is the penalty minus $s W$.",
            "The derivative of the loss is 2 lambda (s - 1) - W, and it is 0 at s = 1 + W / (2 "
            "lambda)": "The derivative of the loss is 2 lambda (s - {k}) - W, and it is 0 where "
            "s - {k} = W / (2 lambda)",
            "The penalty is 0 at slope 1, not at slope 0: it is on s - 1.": "The penalty is 0 at "
            "slope {k}, not at slope 0: it is on s - {k}.",
            "so the best slope is above 1": "so the best slope is above {k}",
            "keeps the slope closer to 1": "keeps the slope closer to {k}",
            "This treats 1 as a hard limit.": "This treats {k} as a hard limit.",
            "the slope exceeds 1": "the slope exceeds {k}",
        },
        expect={"the_papers_lambda": {"slope": 3.2}},
    ),
}
