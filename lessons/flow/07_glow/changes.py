"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a matrix without an inverse": Change(
        old="W = np.array([[2.0, 1.0], [1.0, 3.0]])",
        new="W = np.array([[2.0, 4.0], [1.0, 2.0]])",
        raises="W must be invertible",
    ),
    "another unit": Change(
        old="[[1.0], [2.0], [6.0]]",
        new="[[10.0], [20.0], [60.0]]",
        shows={"shift, and exp(2 log_scale)": 30.0, "variance": 466.7},
        fails=["shift, and exp(2 log_scale)", "variance"],
    ),
    "channels without correlation": Change(
        old="rho = 0.8",
        new="rho = 0.0",
        shows={"gain of the rotation, nats": 0.0},
    ),
}
