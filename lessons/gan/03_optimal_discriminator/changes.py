"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "no fakes here": Change(
        old="B=1.0",
        new="B=0.0",
        shows={("0.99", "gain"): -0.03015},
        fails=["f at one half: 3 log 1/2 + log 1/2"],
    ),
    "as many reals as fakes": Change(
        old="n_real, n_fake = 2048, 512",
        new="n_real, n_fake = 512, 512",
        shows={
            "one mean: distance from 4 p_r / (4 p_r + p_g)": {"at_least": 0.1},
            "one mean: distance from D*, over that distance": {"at_most": 0.15},
        },
        quick=False,
    ),
}
