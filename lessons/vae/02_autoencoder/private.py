"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "reconstruction_loss": Private(
        values=(0.1, 0.3, 2),
        says="the loss is divided by $2 s^2$ with $s = {k}$: up to a constant it is minus the "
        "log-likelihood of a Gaussian decoder of standard deviation {k}.",
        body="return ordinary(x, decoded) / (2 * {k}**2)",
        answer="return np.sum((x - decoded) ** 2) / (2 * {k}**2 * len(x))",
        expect={"one_point": {"loss": 250.0}},
        without=["Equation vae.01 has no factor one half"],
    ),
}
