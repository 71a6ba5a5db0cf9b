"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "at the limit": Change(
        old="np.array([-3.0])",
        new="np.array([-1.0])",
        shows={"z that are sent to 0": 1},
        fails=["z that are sent to 0", "density at x = 0, counted, minus the sum"],
    ),
    "a product far above the limit": Change(
        old="[0.0], [3.0]]",
        new="[0.0], [30.0]]",
        shows={("30.0", "product after"): 29},
    ),
    "towards the center": Change(
        old="center, 1.0, 1.0)",
        new="center, 1.0, -0.5)",
        shows={"log-det at the center, divided by log 2": [-20]},
        fails=["log-det at the center, divided by log 2"],
    ),
}
