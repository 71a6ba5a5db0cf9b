"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "capacity_loss": Private(
        says="`capacity` is in bits, and `recon`, `kl` and the loss are in nats as before.",
        body="return ordinary(recon, kl, gamma, capacity * np.log(2.0))",
        answer="return recon + gamma * np.abs(kl - capacity * np.log(2.0))",
        expect={
            "on_both_sides": {
                "above": 290 - 150 * np.log(2.0),
                "below": 290 - 250 * np.log(2.0),
                "on": 290 - 200 * np.log(2.0),
            }
        },
    ),
}
