"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "feature_matching_loss": Private(
        values=(5, 0.3, 20),
        says="the squared distance is multiplied by {k}, its weight in a sum of losses.",
        body="return {k} * ordinary(real_features, fake_features)",
        answer="""
        gap = np.mean(real_features, axis=0) - np.mean(fake_features, axis=0)
        return {k} * np.sum(gap**2)
        """,
        expect={"means_by_hand": {"loss": 50.0}},
    ),
    "minibatch_closeness": Private(
        values=(0.5, 2, 3),
        says=r"the closeness is $\exp(-d/{k})$.",
        body="return ordinary(m / {k})",
        answer="""
        distance = np.sum(np.abs(m[:, None] - m[None, :]), axis=3)
        return np.sum(np.exp(-distance / {k}), axis=1)
        """,
        expect={"two_near_one_far": {"o": [[1.25], [1.25], [1.0]]}},
        equivalent="""
        # the distance is symmetric
        np.sum(np.exp(-distance / {k}), axis=1) → np.sum(np.exp(-distance / {k}), axis=0)
        """,
    ),
    "historical_penalty": Private(
        values=(5, 0.3, 20),
        says="the squared distance is multiplied by {k}, its weight in a sum of losses.",
        body="return {k} * ordinary(parameters, means)",
        answer="return {k} * sum(np.sum((p - m) ** 2) for p, m in zip(parameters, means))",
        expect={"three_numbers": {"penalty": 70.0}},
    ),
    "smoothed_loss": Private(
        values=(2, 10, 3),
        says="the logarithms have base {k}, in place of $e$.",
        body="return ordinary(real_logits, fake_logits, smooth) / np.log({k})",
        answer="""
        real = (1 - smooth) * softplus(-real_logits) + smooth * softplus(real_logits)
        return (np.mean(real) + np.mean(softplus(fake_logits))) / np.log({k})
        """,
        expect={"undecided": {"loss": [2.0, 2.0]}},
    ),
    "smoothed_optimum": Private(
        values=(0.25, 0.8, 0.6),
        says="a share {k} of all examples is real, in place of half.",
        body="return ordinary({k} * p_r, (1 - {k}) * p_g, smooth)",
        answer="return (1 - smooth) * {k} * p_r / ({k} * p_r + (1 - {k}) * p_g)",
        text={"divide by p_r + p_g": "divide by the sum of both terms"},
        expect={"a_tenth": {"D": [0.225, 0.45, 0.09]}},
    ),
    "virtual_moments": Private(
        says="the tuple is `(var, mean)`, in this order.",
        body="""
        mean, var = ordinary(x, reference)
        return var, mean
        """,
        answer="""
        means, variances = [], []
        axes = tuple(range(x.ndim - 1))
        for i in range(len(x)):
            both = np.concatenate([reference, x[i : i + 1]])
            mean = np.mean(both, axis=axes, keepdims=True)
            means.append(mean)
            variances.append(np.mean((both - mean) ** 2, axis=axes, keepdims=True))
        return np.concatenate(variances), np.concatenate(means)
        """,
        expect={"two_examples": {"mean": [[14 / 3], [2 / 3]], "var": [[2.0], [1.0]]}},
        without=["The mean comes first"],
    ),
}
