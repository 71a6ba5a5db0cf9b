"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "sigmoid_penalty": Private(
        values=(3, 0.5, 2.5),
        says=r"the layer is $h = \mathrm{sigmoid}({k} (x w + b))$.",
        body="return {k} ** 2 * ordinary(h, w)",
        answer="return np.sum(({k} * h * (1 - h)) ** 2 * np.sum(w**2, axis=0)) / len(h)",
        text={"h (1 - h)": "{k} h (1 - h)"},
        expect={"one_unit": {"penalty": 9 * 1.5625}},
    ),
    "contractive_penalty": Private(
        says="the penalty is also divided by $H$, the number of components of a code.",
        body="return ordinary(encoder, x) / np.shape(encoder(x))[1]",
        answer="""
        units = np.shape(encoder(x))[1]

        def unit(x, j):
            return np.sum(encoder(x)[:, j])  # the gradient of the sum has one row for each example

        slopes = [grad(unit)(x, j) for j in range(units)]
        return sum(np.sum(s**2) for s in slopes) / (len(x) * units)
        """,
        expect={"linear": {"penalty": 15.0}},
    ),
}
