"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "ddim_variance": Private(
        values=(2, 4, 3),
        says=r"$\eta = {k}$, in place of $\eta = 1$, gives the variance of the posterior of DDPM: "
        "`eta` is divided by {k} first, and lies in $[0, {k}]$.",
        body="return ordinary(before, now, eta / {k})",
        answer="return (eta / {k}) ** 2 * (1 - before) / (1 - now) * (1 - now / before)",
        expect={"by_hand": {"variance": 0.0525 / 4}},
    ),
}
