"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "two equal guesses": Change(
        old="without = np.array([[0.5]]), np.array([[0.2]])",
        new="without = np.array([[0.5]]), np.array([[0.5]])",
        shows={
            ("2.0", "guided noise"): 0.5,
            "w = 2: 3 x 0.5 - 2 x 0.2": 0.5,
        },
        fails=["w = 2: 3 x 0.5 - 2 x 0.2"],
    ),
    "without clipping": Change(
        old="clipped(guided_model(y, w), process)",
        new="guided_model(y, w)",
        shows={("0", "Fréchet distance"): None, ("4", "Fréchet distance"): None},
    ),
}
