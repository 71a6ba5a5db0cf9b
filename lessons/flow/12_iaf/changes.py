"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "two samplers of one network": Change(
        old="sampled, _ = iaf.forward(v)",
        new="sampled, _ = maf.forward(v)",
        shows={"the IAF's sample minus the MAF's inference": {"at_least": 0.01}},
        fails=["the IAF's sample minus the MAF's inference", "log p~(x~) minus log π(z)"],
    ),
    "a gate that is less closed": Change(
        old="s = np.array([[-1000.0]])",
        new="s = np.array([[-30.0]])",
        shows={"log-det": -30},
        prints=[r"gives -30, where -30 is right"],
        fails=["log-det"],
    ),
}
