"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "the same change of area": Change(
        old="np.array([2.0, 0.25])",
        new="np.array([2.0, 0.5])",
        shows={"log |det du/dx| of each": [0, 0]},
        fails=["two points, standardized", "log |det du/dx| of each"],
    ),
    "too large a size": Change(
        old="pixels = data.images(folder, size=20)",
        new="pixels = data.images(folder, size=32)",
        raises=r"disc_000\.png: expected at least 32 x 32 pixels \(size\), got 20 x 20",
    ),
    "half a pixel": Change(
        old="by_hand = np.array([-0.3, 0.0, 0.5, 0.999, 1.2])",
        new="by_hand = np.array([-0.3, 0.0, 0.501, 0.999, 1.2])",
        shows={"five values as pixels": [0, 0, 128, 255, 255]},
    ),
}
