"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "optimal_discriminator": Private(
        values=(0.25, 0.8, 0.6),
        says="a fraction {k} of all examples is real, in place of half; $D^*$ is still $1/2$ where "
        "both densities are 0.",
        body="return ordinary({k} * p_r, (1 - {k}) * p_g)",
        answer="""
        real = {k} * p_r
        total = real + (1 - {k}) * p_g
        some = total > 0
        return np.where(some, real / np.where(some, total, 1.0), 0.5)
        """,
        text={
            "divide by p_r + p_g": "divide by the sum of both terms",
            "divide p_r by p_r + p_g": "divide by the sum of both terms",
            "is log p_r - log p_g": "is the difference of the logarithms of both terms",
        },
        expect={"by_hand": {"D": [0.5, 0.25, 0.1, 0.75]}},
    ),
    "value_at_optimum": Private(
        values=(2, 10, 3),
        says="the logarithms have base {k}, in place of $e$.",
        body="return ordinary(p_r, p_g, dx) / np.log({k})",
        answer="""
        value = 0.0
        for p in (p_r, p_g):
            some = p > 0
            value += np.sum(p[some] * np.log(p[some] / (p_r + p_g)[some])) * dx / np.log({k})
        return value
        """,
        expect={"equal_densities": {"value": -2.0}},
        without=["The logarithm has base 10", "The logarithm has base 2"],
    ),
}
