"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "wide data": Change(
        old="(1, 0, 0.25)",
        new="(1, 0, 4)",
        shows={"data of variance 1/4": 0.4832},
        fails=["data of variance 1/4"],
    ),
    "beyond both ends": Change(
        old="np.array([[0.25, 0.75]])",
        new="np.array([[2.0, -1.0]])",
        shows={"v = 1/4 and 3/4": {"equals": [12.63158, 0.00308388], "atol": 1e-5}},
        fails=["v = 1/4 and 3/4"],
    ),
    "ten times the weight": Change(
        old="noise, sixteenth, weight=0.1)",
        new="noise, sixteenth, weight=1.0)",
        shows={"the noise learns from L_simple": -0.4144, "v learns from the bound": -1.824},
        fails=["v learns from the bound"],
    ),
    "some draws for every step": Change(
        old="uniform=0.0",
        new="uniform=0.5",
        shows={"p of the two": [0.6944, 0.3056], "the estimate, either way": [5.76, 1.636]},
        fails=["p of the two", "the estimate, either way"],
    ),
}
