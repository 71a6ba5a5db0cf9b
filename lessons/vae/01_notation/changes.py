"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a point that vanishes": Change(
        old="np.array([2.0, 1, 0])",
        new="np.array([2.0, -1, 0])",
        shows={"x' of (2, 1, 0)": [0.0, 0.0, 0.0]},
        fails=["x' of (2, 1, 0)"],
    ),
    "a code of two numbers": Change(
        old='Autoencoder(lesson.rng("autoencoder"), dim_z=8, widths=(128,))',
        new='Autoencoder(lesson.rng("autoencoder"), dim_z=2, widths=(128,))',
        shows={"|x - x'|² over the squared distance of the mean image": {"at_least": 0.5}},
        figures=["functions"],
        quick=False,
    ),
}
