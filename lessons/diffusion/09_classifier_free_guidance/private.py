"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

from minigen.course.exercise.private import Private

PRIVATE = {
    "classifier_free_eps": Private(
        says="the weight w is counted so that 0 gives the unconditional prediction and 1 the "
        "conditional prediction.",
        body="return ordinary(eps_cond, eps_uncond, w - 1)",
        answer="return eps_uncond + w * (eps_cond - eps_uncond)",
        expect={"by_hand": {"eps": [[1.85, -1.6]]}},
    ),
}
