"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "no data in the middle": Change(
        old="x = np.array([-2.0, 0.0, 0.0, 2.0])",
        new="x = np.array([-2.0, -2.0, 2.0, 2.0])",
        shows={"mean log p, Gaussian": -2.112, "mean log p, Laplace": -2.386},
        fails=["mean log p, Gaussian", "mean log p, Laplace"],
    ),
    "moons twice as wide": Change(
        old="toy.two_moons(0.1)",
        new="toy.two_moons(0.2)",
        prints=[r"log p \(data -1\.[4-9]"],
    ),
}
