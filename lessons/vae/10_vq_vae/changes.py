"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "between two codes": Change(
        old="z = np.array([[4.0]])",
        new="z = np.array([[2.5]])",
        shows={"the code of 4 and the error": [0.0, 49.0]},
        fails=["the code of 4 and the error"],
    ),
    "no gradient at the decoder": Change(
        old="(7 - 2 * e)",
        new="(10 - 2 * e)",
        shows={"slope at the decoder's input, and copied to z": [0.0, 0.0]},
    ),
    "full commitment": Change(
        old="quantization_losses(z, e))  # beta",
        new="quantization_losses(z, e, 1.0))  # beta",
        shows={"codebook and commitment; slopes with respect to z and e": [1.0, 0.25, -2.0, 2.0]},
        fails=["codebook and commitment; slopes with respect to z and e"],
    ),
    "without memory": Change(
        old="gamma=0.5",
        new="gamma=0.0",
        shows={"new counts and codes": [0.0, 2.0, 0.0, 5.5]},
        fails=["new counts and codes"],
    ),
    "sixteen codes": Change(
        old="codes=64, batch=32",
        new="codes=16, batch=32",
        shows={("uniform", "nats"): 135.9, ("uniform", "bits"): 196.0},
    ),
}
