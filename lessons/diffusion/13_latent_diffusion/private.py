"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "cross_attention": Private(
        values=(0.5, 2, 3),
        says="the scores are also divided by a temperature of {k} before the softmax.",
        body="return ordinary(q / {k}, k, v)",
        answer="""
        scores = np.matmul(q, np.swapaxes(k, -1, -2)) / ({k} * np.shape(q)[-1] ** 0.5)
        return np.matmul(softmax(scores), v)
        """,
        # the weights are 9/10 and 1/10, then 4/13 and 9/13
        expect={"two_queries_two_words": {"out": [[4.4, 0.2, 1.0], [88 / 13, 18 / 13, 1.0]]}},
    ),
}
