"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "contrastive_loss": Private(
        values=(2, 10, 3),
        says="the cross-entropies have logarithms to base {k}; `log_scale` is natural, as before.",
        body="return ordinary(image, text, log_scale) / np.log({k})",
        answer="""
        image = image / np.sqrt(np.sum(image**2, axis=1, keepdims=True))
        text = text / np.sqrt(np.sum(text**2, axis=1, keepdims=True))
        logits = np.exp(log_scale) * np.matmul(image, np.transpose(text))
        pictures = np.mean(np.diag(log_softmax(logits)))
        texts = np.mean(np.diag(log_softmax(np.transpose(logits))))
        return -(pictures + texts) / (2 * np.log({k}))
        """,
        expect={"two_pairs": {"loss": 0.06262967204 / np.log(2.0)}},
    ),
}
