"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "discriminator_loss": Private(
        values=(0.5, 0.8, 0.25),
        says="every logit is divided by a temperature of {k} before the sigmoid.",
        body="return ordinary(real_logits / {k}, fake_logits / {k}, smooth)",
        answer="""
        real_logits, fake_logits = real_logits / {k}, fake_logits / {k}
        real = (1 - smooth) * softplus(-real_logits) + smooth * softplus(real_logits)
        return np.mean(real) + np.mean(softplus(fake_logits))
        """,
        # D = 9/10 and 1/10 for the real examples, 1/10 for the fakes
        expect={"by_hand": {"loss": (np.log(10 / 9) + np.log(10.0)) / 2 + np.log(10 / 9)}},
    ),
    "generator_loss_minimax": Private(
        values=(2, 10, 3),
        says="the logarithm has base {k}, in place of $e$.",
        body="return ordinary(fake_logits) / np.log({k})",
        answer="return -np.mean(softplus(fake_logits)) / np.log({k})",
        expect={"undecided_about_fakes": {"loss": -1.0}},
        without=["Logarithms are natural"],
    ),
    "generator_loss_nonsaturating": Private(
        values=(0.5, 0.8, 0.25),
        says="every logit is divided by a temperature of {k} before the sigmoid.",
        body="return ordinary(fake_logits / {k})",
        answer="return np.mean(softplus(-fake_logits / {k}))",
        # D = 1/2 and 9/10
        expect={"two_fakes": {"loss": (np.log(2.0) + np.log(10 / 9)) / 2}},
    ),
}
