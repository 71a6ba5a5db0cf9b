"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "an open gate": Change(
        old="fresh = DiTBlock(rng, 16, 4)",
        new="fresh = DiTBlock(rng, 16, 4)\nfresh.modulation.b[32:48] = 1",
        shows={"change by a fresh block": {"at_least": 0.01}},
        prints=[r"At first only these have a gradient: .*attention.*modulation"],
        fails=["change by a fresh block"],
    ),
}
