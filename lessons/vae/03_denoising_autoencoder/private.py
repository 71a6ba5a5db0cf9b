"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "denoising_loss": Private(
        values=(0.2, 0.4, 3),
        says="the loss is divided by $2 s^2$ with $s = {k}$, the standard deviation of a Gaussian "
        "decoder.",
        body="return ordinary(autoencoder, x, corrupted) / (2 * {k}**2)",
        answer="return np.sum((x - autoencoder(corrupted)) ** 2) / (2 * {k}**2 * len(x))",
        expect={"copying": {"loss": 12.5}},
        without=["The squares are halved"],
    ),
}
