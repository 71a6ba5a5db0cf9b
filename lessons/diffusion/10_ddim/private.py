"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

from minigen.course.exercise.private import Private

PRIVATE = {
    "ddim_variance": Private(
        says="eta enters the variance as it is, and not by its square.",
        body="return ordinary(before, now, eta**0.5)",
        answer="return eta * (1 - before) / (1 - now) * (1 - now / before)",
        expect={"by_hand": {"variance": 0.15 * 0.35**0.5}},
    ),
}
