"""Mistakes in the exercises of diffusion/18, and other right answers."""

import autograd.numpy as np


def sums(x, w, g):
    """The three right gradients."""
    return np.einsum("nhwc,nhwk->ck", x, g), np.sum(g, axis=(0, 1, 2)), np.matmul(g, w.T)


MISTAKES = {
    "conv1x1_gradients": """
    # w is shared by all positions and examples: its gradient is their sum, not their mean.
    dw, db, dx = sums(x, w, g)
    return dw / x[..., 0].size, db / x[..., 0].size, dx
    # The bias is shared by all positions: its gradient is a sum, not a mean.
    dw, db, dx = sums(x, w, g)
    return dw, db / x[..., 0].size, dx
    # The gradient with respect to w is a sum over positions, not a mean.
    dw, db, dx = sums(x, w, g)
    return dw / x[..., 0].size, db, dx
    # Sums over examples are missing: a mean over them has been taken.
    dw, db, dx = sums(x, w, g)
    return dw / len(x), db / len(x), dx
    # The gradient with respect to w depends on w: y is linear in w, so that it depends on x and g
    # alone.
    dw, db, dx = sums(x, w, g)
    return w * np.sum(g, axis=(0, 1, 2)), db, dx
    # The gradient with respect to x depends on x: y is linear in x, so that it depends on w and g
    # alone.
    dw, db, dx = sums(x, w, g)
    return dw, db, dx * x
    # The bias is added to y: its gradient is the sum of g itself.
    dw, db, dx = sums(x, w, g)
    return dw, 0 * db, dx
    # y grows with b: the sign of its gradient is that of g.
    dw, db, dx = sums(x, w, g)
    return dw, -db, dx
    # These are the gradients with the opposite signs.
    dw, db, dx = sums(x, w, g)
    return -dw, -db, -dx
    # The gradient with respect to w is zero where w is: it does not depend on w, only on x and g.
    dw, db, dx = sums(x, w, g)
    return dw * np.any(w), db, dx
    # The sum has left out the rows: three axes are summed, examples, rows and columns.
    dw, db, dx = sums(x, w, g)
    return np.einsum("nwc,nwk->ck", x[:, 0], g[:, 0]), np.sum(g[:, 0], axis=(0, 1)), dx
    # This is y itself: the gradient with respect to x goes the other way, from g through w.
    dw, db, dx = sums(x, w, g)
    return dw, db, np.matmul(x, w)[..., :1] + 0 * x
    # All three axes of positions are summed for b: examples, rows and columns.
    dw, db, dx = sums(x, w, g)
    return dw, np.sum(g, axis=(1, 2)), dx
    # The gradient with respect to w has the shape of w, (C, K); this is its transpose.
    dw, db, dx = sums(x, w, g)
    return dw.T, db, dx
    # The gradients come in another order: in w, in b, in x.
    dw, db, dx = sums(x, w, g)
    return dx, dw, db
    # These are gradients of the single examples: sum over the examples too.
    dw, db, dx = sums(x, w, g)
    return np.einsum("nhwc,nhwk->nck", x, g), db, dx
    # The gradient with respect to x of each position is asked for, not the sum over positions.
    dw, db, dx = sums(x, w, g)
    return dw, db, np.sum(dx, axis=(1, 2), keepdims=True) + 0 * x
    # The gradients come in another order: in w, in b, in x.
    dw, db, dx = sums(x, w, g)
    return db, dw, dx
    # The sum of products is asked for, not the product of two sums: x and g meet at each position.
    dw, db, dx = sums(x, w, g)
    return np.outer(np.sum(x, axis=(0, 1, 2)), db), db, dx
    # g and w are summed over channels before they are multiplied: each channel of g has its own
    # column of w.
    dw, db, dx = sums(x, w, g)
    return dw, db, np.sum(g, axis=3, keepdims=True) * np.sum(w, axis=1)
    # The gradient with respect to b is the sum of g: y changes by 1 with b, and the loss by g.
    dw, db, dx = sums(x, w, g)
    return dw, np.ones(np.shape(db)), dx
    # The gradient with respect to w has y in it: it depends on x and g alone.
    dw, db, dx = sums(x, w, g)
    return np.einsum("nhwc,nhwk->ck", x, np.matmul(x, w) * g), db, dx
    # w is shared by all examples: their gradients are summed, not that of the last one taken.
    dw, db, dx = sums(x, w, g)
    return np.einsum("hwc,hwk->ck", x[-1], g[-1]), db, dx
    # b has a number for each of the K channels: sum over all axes but the last.
    dw, db, dx = sums(x, w, g)
    return dw, np.sum(g, axis=(1, 2, 3)), dx
    # b is shared by all positions: sum over rows and columns, too.
    dw, db, dx = sums(x, w, g)
    return dw, np.sum(g, axis=0), dx
    # Back from y to x it is the transpose of w, (K, C).
    dw, db, dx = sums(x, w, g)
    return dw, db, np.matmul(g, w)
    # w is shared by all rows and examples: sum over them, not over columns alone.
    dw, db, dx = sums(x, w, g)
    return np.matmul(np.swapaxes(x, -1, -2), g), db, dx
    # The gradient with respect to w has a square in it: x enters once.
    dw, db, dx = sums(x, w, g)
    return np.einsum("nhwc,nhwk->ck", x**2, g), db, dx
    # The gradient with respect to b has shape (K,): the three axes that are summed do not stay.
    dw, db, dx = sums(x, w, g)
    return dw, np.reshape(db, (1, 1, 1, -1)), dx
    """,
    "controlled": """
    # The condition joins the input of the copy only: the locked block gets x alone.
    return frozen(x + zero_in(c)) + zero_out(trained(x + zero_in(c)))
    # The copy gets the input x as well, not the condition alone.
    return frozen(x) + zero_out(trained(zero_in(c)))
    # The condition has to pass zero_in.
    return frozen(x) + zero_out(trained(x + c))
    # The condition is missing: it joins the input of the copy, through zero_in.
    return frozen(x) + zero_out(trained(x))
    # The copy's output has to pass zero_out.
    return frozen(x) + trained(x + zero_in(c))
    # The locked block's output is missing: frozen(x) is added.
    return zero_out(trained(x + zero_in(c)))
    # The block and its copy have changed places.
    return trained(x) + zero_out(frozen(x + zero_in(c)))
    # The two zero convolutions have changed places.
    return frozen(x) + zero_in(trained(x + zero_out(c)))
    # It is added to the block's output, not to its input.
    return frozen(x + zero_out(trained(x + zero_in(c))))
    # It is added, not multiplied.
    return frozen(x) * zero_out(trained(x + zero_in(c)))
    # zero_out is around the copy only, not around both.
    return zero_out(frozen(x) + trained(x + zero_in(c)))
    # zero_in is around the condition only, not around its sum with x.
    return frozen(x) + zero_out(trained(zero_in(x + c)))
    # The copy works on the block's input, not on its output.
    y = frozen(x)
    return y + zero_out(trained(y + zero_in(c)))
    # x itself has been added: only the outputs of the block and of the copy are added.
    return x + frozen(x) + zero_out(trained(x + zero_in(c)))
    # This is the mean of the two outputs: they are added.
    return (frozen(x) + zero_out(trained(x + zero_in(c)))) / 2
    # The condition is added to the copy's input, through zero_in, not to its output.
    return frozen(x) + zero_out(trained(x) + zero_in(c))
    # The copy's output without the condition has been subtracted: it stays.
    return frozen(x) + zero_out(trained(x + zero_in(c))) - zero_out(trained(x))
    # Each function is to be called once.
    frozen(x)
    return frozen(x) + zero_out(trained(x + zero_in(c)))
    # The input x is added in place of the locked block's output: add frozen(x).
    return x + zero_out(trained(x + zero_in(c)))
    # Each function is to be called once.
    h = trained(x + zero_in(c))
    return frozen(x) + zero_out(h) + 0 * zero_out(h)
    # The copy's output is subtracted: it is added.
    return frozen(x) - zero_out(trained(x + zero_in(c)))
    # The condition passes zero_in, and x does not.
    return frozen(x) + zero_out(trained(zero_in(x) + c))
    # The condition is added to the copy's input, not to the output.
    return frozen(x) + zero_out(trained(x)) + zero_in(c)
    # The copy's output is added to the block's output; the block does not get it as its input.
    return frozen(zero_out(trained(x + zero_in(c))))
    """,
}

VARIANTS = {
    "conv1x1_gradients": """
    # with all positions in one row
    rows, of_y = np.reshape(x, (-1, x.shape[3])), np.reshape(g, (-1, g.shape[3]))
    return rows.T @ of_y, of_y.sum(axis=0), np.reshape(of_y @ w.T, x.shape)
    # by tensordot
    dx = np.tensordot(g, w, axes=([3], [1]))
    return np.tensordot(x, g, axes=([0, 1, 2], [0, 1, 2])), np.einsum("nhwk->k", g), dx
    """,
    "controlled": """
    # step by step
    inner = trained(zero_in(c) + x)
    more = zero_out(inner)
    y = frozen(x)
    return more + y
    """,
}
