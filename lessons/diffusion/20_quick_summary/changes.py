"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "moons twice as wide": Change(
        old="toy.two_moons(0.1)",
        new="toy.two_moons(0.2)",
        prints=[r"log p \(truth -1\.[4-9]"],
    ),
}
