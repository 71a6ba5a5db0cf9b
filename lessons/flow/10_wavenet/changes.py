"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "sixteen codes": Change(
        old="levels = 256",
        new="levels = 16",
        shows={"error of evenly spaced codes over that of mu-law, |x| < 0.01": 6.85},
    ),
    "dilations that do not double": Change(
        old='"dilated: 1, 2, 4, 8": (1, 2, 4, 8)',
        new='"dilated: 1, 3, 3, 8": (1, 3, 3, 8)',
        shows={"inputs, dilated: 1, 3, 3, 8": 12},
        fails=["inputs, dilated: 1, 3, 3, 8"],
    ),
    "a shift at the top": Change(
        old="steps_back([0])",
        new="steps_back([3])",
        shows={("once", "nearest step"): 1, ("once", "furthest"): 16},
    ),
}
