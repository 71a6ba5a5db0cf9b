"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a mean of fewer coordinates": Change(
        old="first, first + second]",
        new="first, first]",
        shows={"(1, 2, -1) goes to (1, 5, 3)": [1, 5, -2]},
        prints=[r"called 3\s+times"],
        fails=["(1, 2, -1) goes to (1, 5, 3)"],
    ),
    "the last coordinate first": Change(
        old="[16], outputs=2, activation",
        new="[16], outputs=2, order=[4, 3, 2, 1, 0], activation",
        shows={"log-det minus that of the autodiff Jacobian, at most": {"at_most": 1e-9}},
    ),
}
