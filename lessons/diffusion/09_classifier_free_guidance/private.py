"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "classifier_free_eps": Private(
        says="`w` is in percent: it is divided by 100 first.",
        body="return ordinary(eps_cond, eps_uncond, w / 100)",
        answer="return (1 + w / 100) * eps_cond - w / 100 * eps_uncond",
        expect={"by_hand": {"eps": [[1.4135, -0.921]]}},
    ),
}
