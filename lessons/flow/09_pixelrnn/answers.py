"""Mistakes in the exercises of flow/09, and other right answers."""

import autograd.numpy as np

from minigen.tensor import sigmoid, tanh

MISTAKES = {
    "pixel_mask": """
    # The middle is the wrong way round: the first layer (A) must not read the current pixel.
    kind == "B" -> kind == "A"
    # With B the current pixel is read too.
    (kind == "B") -> 0
    # With A, the first layer, the current pixel must not be read: it is to be predicted.
    (kind == "B") -> 1
    # Rows come first: whole rows above, and the part of the middle row to the left. Here rows and
    # columns have changed places.
    return flat.reshape(kernel, kernel) -> return flat.reshape(kernel, kernel).T
    # Pixels come from left to right: those to the left are known, not those to the right.
    return flat.reshape(kernel, kernel) -> return flat.reshape(kernel, kernel)[:, ::-1]
    # Pixels come from the top down: the rows above are known, not those below.
    return flat.reshape(kernel, kernel) -> return flat.reshape(kernel, kernel)[::-1]
    # This is the future: 1 belongs where the pixels before are.
    return flat.reshape(kernel, kernel) -> return 1 - flat.reshape(kernel, kernel)
    # These are the pixels that come after; those before are known.
    return flat.reshape(kernel, kernel) -> return flat.reshape(kernel, kernel)[::-1, ::-1]
    # In the middle row, the pixels to the left are known too.
    mask = np.zeros((kernel, kernel))
    mask[: kernel // 2] = 1
    mask[kernel // 2, kernel // 2] = kind == "B"
    return mask
    # The whole rows above are known, not only the middle row to the left.
    mask = np.zeros((kernel, kernel))
    mask[kernel // 2, : kernel // 2 + (kind == "B")] = 1
    return mask
    # In the rows above, all columns are known, also those to the right.
    mask = np.zeros((kernel, kernel))
    mask[: kernel // 2, : kernel // 2 + 1] = 1
    mask[kernel // 2, : kernel // 2 + (kind == "B")] = 1
    return mask
    # In the rows above, all columns are known, also those to the right and the one of the pixel.
    mask = np.zeros((kernel, kernel))
    mask[: kernel // 2, : kernel // 2] = 1
    mask[kernel // 2, : kernel // 2 + (kind == "B")] = 1
    return mask
    # In the middle row only what is left of the middle is known.
    mask = np.zeros((kernel, kernel))
    mask[: kernel // 2 + 1] = 1
    mask[kernel // 2, kernel // 2] = kind == "B"
    return mask
    # The middle row is not known as a whole.
    mask = np.zeros((kernel, kernel))
    mask[: kernel // 2 + 1] = 1
    return mask
    # A triangle would let a pixel see columns to its left in the rows below.
    return np.tril(np.ones((kernel, kernel)), 0 if kind == "B" else -1)
    # A triangle of the kernel is not the order of the pixels: rows above are seen as a whole.
    return np.triu(np.ones((kernel, kernel)), 0 if kind == "B" else 1)
    # All rows above are seen, not only the nearest one.
    mask = np.zeros((kernel, kernel))
    mask[max(kernel // 2 - 1, 0) : kernel // 2] = 1
    mask[kernel // 2, : kernel // 2 + (kind == "B")] = 1
    return mask
    # The size is an argument: this is always 3 x 3.
    return np.array([[1.0, 1.0, 1.0], [1.0, float(kind == "B"), 0.0], [0.0, 0.0, 0.0]])
    # The shape is (kernel, kernel): rows and columns.
    return flat.reshape(kernel, kernel) -> return flat
    # A mask has two axes; those for the channels are added where it is used.
    return flat.reshape(kernel, kernel) -> return flat.reshape(kernel, kernel, 1, 1)
    # The mask is 0 and 1, not an average.
    return flat.reshape(kernel, kernel) -> return flat.reshape(kernel, kernel) / max(flat.sum(), 1)
    # One pixel of the middle row is missing: the one right before the current one.
    flat[: kernel * kernel // 2 + (kind == "B")] = 1 ->
        flat[: max(kernel * kernel // 2 - 1 + (kind == "B"), 0)] = 1
    # The mask includes one pixel too many: what comes after the current one is not known.
    flat[: kernel * kernel // 2 + (kind == "B")] = 1 ->
        flat[: kernel * kernel // 2 + 1 + (kind == "B")] = 1
    # This is the future, whatever the kind: 1 belongs where the pixels before are.
    return (np.arange(kernel * kernel) > kernel * kernel // 2).reshape(kernel, kernel) * 1.0
    # What comes after must not be seen; here all but the middle is.
    mask = np.ones((kernel, kernel))
    mask[kernel // 2, kernel // 2] = kind == "B"
    return mask
    # In the rows above all columns are known, and in the middle row what is to the left.
    mask = np.zeros((kernel, kernel))
    mask[: kernel // 2, : kernel // 2] = 1
    return mask
    # The shape is (kernel, kernel), without a batch axis.
    return flat.reshape(kernel, kernel) -> return flat.reshape(1, kernel, kernel)
    # With B the middle is seen, and nothing to the right of it.
    mask = np.zeros((kernel, kernel))
    mask[: kernel // 2 + (kind == "B")] = 1
    mask[kernel // 2, : kernel // 2] = 1
    return mask
    # A triangle is not the order of the pixels: rows above are seen as a whole, and of the rows
    # below nothing.
    return np.tri(kernel)
    # A mask of zeros and ones multiplies the kernel; minus infinity is for attention.
    mask = np.full((kernel, kernel), -np.inf)
    mask[: kernel // 2] = 0
    mask[kernel // 2, : kernel // 2 + (kind == "B")] = 0
    return mask
    """,
    "skew": """
    # Each row is moved one pixel too far: row 0 stays where it is, row i is moved by i.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, i], ((0, 0), (i + 1, h - 1 - i), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=1)[:, :, : w + h - 1]
    # Rows are moved to the right, not to the left: row i has its zeros in front.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, i], ((0, 0), (h - 1 - i, i), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=1)
    # Nothing goes around the edge: make the rows longer first.
    return np.stack([np.roll(x[:, i], i, axis=1) for i in range(x.shape[1])], axis=1)
    # The result is W + H - 1 wide: the last row begins at H - 1 and is W long. One column is too
    # many.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, i], ((0, 0), (i, h - i), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=1)
    # The last row is cut off: it begins at H - 1 and is W long, so the result is W + H - 1 wide.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, i], ((0, 0), (i, h - 1 - i), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=1)[:, :, :w]
    # Columns were moved down; it is rows that are moved to the right.
    n, h, w, c = x.shape
    columns = [np.pad(x[:, :, j], ((0, 0), (j, w - 1 - j), (0, 0))) for j in range(w)]
    return np.stack(columns, axis=2)
    # Row i is moved i places, here 2 i.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, i], ((0, 0), (2 * i, 2 * (h - 1 - i)), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=1)
    # Row i is moved i places, here 2 i.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, i], ((0, 0), (2 * i, 2 * (h - 1 - i)), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=1)[:, :, : w + h - 1]
    # The places that no pixel has are filled with zeros, not with the nearest pixel.
    n, h, w, c = x.shape
    rows = []
    for i in range(h):
        first, last = x[:, i, :1], x[:, i, -1:]
        rows.append(np.concatenate([first] * i + [x[:, i]] + [last] * (h - 1 - i), axis=1))
    return np.stack(rows, axis=1)
    # The places that no pixel has are filled with zeros, not with ones.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, i], ((0, 0), (i, h - 1 - i), (0, 0)), constant_values=1) for i in range(h)]
    return np.stack(rows, axis=1)
    # The axes are (N, H, W + H - 1, C): here rows and columns have changed places.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, i], ((0, 0), (i, h - 1 - i), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=2)
    # The number of zeros goes by the rows H, not by the columns W.
    n, h, w, c = x.shape
    size = 2 * w - 1
    wide = [np.pad(x[:, i], ((0, 0), (i, size), (0, 0)))[:, :size] for i in range(h)]
    return np.stack(wide, axis=1)
    # This takes the first image for all of them: N and C axes stay as they are.
    n, h, w, c = x.shape
    rows = [np.pad(x[:1, i], ((0, 0), (i, h - 1 - i), (0, 0))) for i in range(h)]
    return np.concatenate([np.stack(rows, axis=1)] * n, axis=0)
    # Rows keep their order from top to bottom; here the image is upside down.
    n, h, w, c = x.shape
    rows = [np.pad(x[:, h - 1 - i], ((0, 0), (i, h - 1 - i), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=1)
    # The values are right, but the gradient does not reach x.
    from minigen.tensor import stop_gradient
    n, h, w, c = x.shape
    rows = [np.pad(stop_gradient(x[:, i]), ((0, 0), (i, h - 1 - i), (0, 0))) for i in range(h)]
    return np.stack(rows, axis=1) + 0 * np.sum(x)
    # Nothing is moved: all zeros are after the row.
    n, h, w, c = x.shape
    return np.pad(x, ((0, 0), (0, 0), (0, h - 1), (0, 0)))
    # The rows of an image belong side by side on axis 1, not one after the other on the axis of the
    # batch.
    h = x.shape[1]
    rows = []
    for i in range(h):
        rows.append(np.pad(x[:, i : i + 1], ((0, 0), (0, 0), (i, h - 1 - i), (0, 0)), "constant"))
    return np.concatenate(rows, axis=0)
    # The rows of an image are on axis 1, after the axis of the batch: here they are before it.
    h = x.shape[1]
    rows = [np.pad(x[:, i], ((0, 0), (i, h - 1 - i), (0, 0)), "constant") for i in range(h)]
    return np.stack(rows, axis=0)
    # Every row was moved by H - 1 places; row i is moved by i.
    return np.pad(x, ((0, 0), (0, 0), (x.shape[1] - 1, 0), (0, 0)), "constant")
    # Rows are moved to the right; these go to the left, and around the edge.
    h = x.shape[1]
    wide = np.pad(x, ((0, 0), (0, 0), (0, h - 1), (0, 0)), "constant")
    return np.stack([np.roll(wide[:, i], -i, axis=1) for i in range(h)], axis=1)
    # The values are right, but nothing can be assigned from an array that is differentiated:
    # make each row by np.concatenate, or by np.pad.
    import numpy
    n, h, w, c = x.shape
    out = numpy.zeros((n, h, w + h - 1, c))
    for i in range(h):
        out[:, i, i : i + w] = x[:, i]
    return out
    # Each row is moved one pixel too far, and there is one column too many: row 0 stays where it
    # is.
    h = x.shape[1]
    rows = [np.pad(x[:, i], ((0, 0), (i + 1, h - 1 - i), (0, 0)), "constant") for i in range(h)]
    return np.stack(rows, axis=1)
    # All channels are kept; here only the first one is.
    h = x.shape[1]
    rows = [np.pad(x[:, i, :, :1], ((0, 0), (i, h - 1 - i), (0, 0)), "constant") for i in range(h)]
    return np.stack(rows, axis=1)
    # The first axis is the batch: here images were taken for rows.
    n, h, w, c = x.shape
    rows = [np.pad(x[i], ((0, 0), (i, h - 1 - i), (0, 0)), "constant") for i in range(n)]
    return np.stack(rows, axis=0)
    """,
    "unskew": """
    # All rows begin at column 0: row i begins at column i.
    w = y.shape[2] - y.shape[1] + 1
    return y[:, :, :w]
    # Row i begins at column i; this counts from the other end.
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[:, i, h - 1 - i : h - 1 - i + w] for i in range(h)], axis=1)
    # Row 0 begins at column 0, row i at column i: here one column too far to the right.
    h, v = y.shape[1:3]
    w = v - h + 1
    padded = np.pad(y, ((0, 0), (0, 0), (0, 1), (0, 0)))
    return np.stack([padded[:, i, i + 1 : i + 1 + w] for i in range(h)], axis=1)
    # One column of the image is missing: V = W + H - 1, so W = V - H + 1.
    h, v = y.shape[1:3]
    w = v - h
    return np.stack([y[:, i, i : i + w] for i in range(h)], axis=1)
    # There is one column too many: V = W + H - 1, so W = V - H + 1.
    h, v = y.shape[1:3]
    w = v - h + 2
    padded = np.pad(y, ((0, 0), (0, 0), (0, 1), (0, 0)))
    return np.stack([padded[:, i, i : i + w] for i in range(h)], axis=1)
    # This skews once more: rows go back to the left.
    n, h, v, c = y.shape
    w = v - h + 1
    rows = [np.pad(y[:, i], ((0, 0), (i, 0), (0, 0)))[:, :w] for i in range(h)]
    return np.stack(rows, axis=1)
    # Row i is moved back i places, here 2 i.
    h, v = y.shape[1:3]
    w = v - h + 1
    padded = np.pad(y, ((0, 0), (0, 0), (0, h), (0, 0)))
    return np.stack([padded[:, i, 2 * i : 2 * i + w] for i in range(h)], axis=1)
    # What belongs to no pixel is to be cut off: the result is W = V - H + 1 columns wide.
    h, v = y.shape[1:3]
    return np.stack([np.roll(y[:, i], -i, axis=1) for i in range(h)], axis=1)
    # Columns do not go around the edge in the other direction: row i begins at column i.
    h, v = y.shape[1:3]
    rolled = np.stack([np.roll(y[:, i], i, axis=1) for i in range(h)], axis=1)
    return rolled[:, :, : v - h + 1]
    # The axes are (N, H, W, C): here rows and columns have changed places.
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[:, i, i : i + w] for i in range(h)], axis=2)
    # Rows keep their order from top to bottom.
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[:, i, i : i + w] for i in reversed(range(h))], axis=1)
    # The number of rows is H, the second axis of y; here the image was taken for a square.
    h, v = y.shape[1:3]
    w = (v + 1) // 2
    padded = np.pad(y, ((0, 0), (0, 0), (0, h), (0, 0)))
    return np.stack([padded[:, i, i : i + w] for i in range(h)], axis=1)
    # Every image of the batch has pixels of its own: here the first stands for all.
    h, v = y.shape[1:3]
    w = v - h + 1
    image = np.stack([y[:1, i, i : i + w] for i in range(h)], axis=1)
    return np.concatenate([image] * y.shape[0], axis=0)
    # Pixels may be 0, and what is outside of the image may not be: go by place, not by value.
    n, h, v, c = y.shape
    w = v - h + 1
    order = np.argsort(np.sum(y != 0, axis=(0, 3)) == 0, axis=1, kind="stable")[:, :w]
    return np.stack([y[:, i][:, order[i]] for i in range(h)], axis=1)
    # The values are right, but the gradient does not reach y.
    from minigen.tensor import stop_gradient
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([stop_gradient(y[:, i, i : i + w]) for i in range(h)], axis=1) + 0 * np.sum(y)
    # The columns of the last row are not those of the others: row i begins at column i.
    return y[:, :, y.shape[1] - 1 :]
    # All rows are equally long: row i is the columns i ... i + W - 1.
    return np.stack([y[:, i, i:] for i in range(y.shape[1])], axis=1)
    # Two columns of the image are missing: V = W + H - 1, so W = V - H + 1.
    h, v = y.shape[1:3]
    w = v - h - 1
    return np.stack([y[:, i, i : i + w] for i in range(h)], axis=1)
    # From row 1 on the rows begin one column too early: row i begins at column i.
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[:, i, max(i - 1, 0) : max(i - 1, 0) + w] for i in range(h)], axis=1)
    # The rows of an image are on axis 1, after the axis of the batch: here they are before it.
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[:, i, i : i + w] for i in range(h)], axis=0)
    # Row i is taken from row i of y: here it comes from the row that is as far from the bottom.
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[:, h - 1 - i, i : i + w] for i in range(h)], axis=1)
    # The axis of the batch is lost: the result has shape (N, H, W, C).
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[0, i, i : i + w] for i in range(h)], axis=0)
    # All channels are kept; here only the first one is.
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[:, i, i : i + w, :1] for i in range(h)], axis=1)
    # Pixels keep their order from left to right.
    h, v = y.shape[1:3]
    w = v - h + 1
    return np.stack([y[:, i, i : i + w][:, ::-1] for i in range(h)], axis=1)
    # The argument belongs to the caller: move rows of a copy.
    h, v = y.shape[1:3]
    for i in range(h):
        y[:, i] = np.roll(y[:, i], -i, axis=1)
    return y[:, :, : v - h + 1]
    """,
    "lstm_step": """
    # The order of the blocks is input, forget, output, content; here forget comes first.
    c = f * c + i * g -> c = i * c + f * g
    # The order of the blocks is input, forget, output, content; here output and forget have changed
    # places.
    c = f * c + i * g -> c = o * c + i * g
    return o * tanh(c), c -> return f * tanh(c), c
    # The order of the blocks is input, forget, output, content; here content is before output.
    width = c.shape[1]
    i, f, g, o = (gates[:, k * width : (k + 1) * width] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c
    # The content has a sigmoid: it gets a tanh, because it lies between -1 and 1.
    g = tanh(gates[:, 3 * width :]) -> g = sigmoid(gates[:, 3 * width :])
    # The tanh of the content is missing: it lies between -1 and 1.
    g = tanh(gates[:, 3 * width :]) -> g = gates[:, 3 * width :]
    # The hidden state shows the tanh of the cell state, not the cell state itself.
    o * tanh(c) -> o * c
    # The hidden state shows the tanh of the cell state, not its sigmoid.
    o * tanh(c) -> o * sigmoid(c)
    # The tanh is of the new cell state alone; the output gate multiplies it afterward.
    o * tanh(c) -> tanh(o * c)
    # The hidden state is made of the new cell state, not of the old one.
    c = f * c + i * g -> old = c; c = f * c + i * g
    return o * tanh(c), c -> return o * tanh(old), c
    # The two results have changed places: h comes first, then c.
    return o * tanh(c), c -> return c, o * tanh(c)
    # The cell state is returned as it is; only h is multiplied by the output gate and has a tanh.
    return o * tanh(c), c -> return o * tanh(c), tanh(c)
    # The forget gate takes the place of the input gate, as in a GRU: they are two gates.
    c = f * c + i * g -> c = f * c + (1 - f) * g
    # Nothing of the old cell state is kept: f times c is missing.
    c = f * c + i * g -> c = i * g
    # The forget gate multiplies the old cell state: it is missing.
    c = f * c + i * g -> c = c + i * g
    # The input gate multiplies the content: it is missing.
    c = f * c + i * g -> c = f * c + g
    # An open forget gate (1) keeps the cell state: it is f times c, not 1 - f times c.
    c = f * c + i * g -> c = (1 - f) * c + i * g
    # What is written is added to what is kept, not subtracted.
    c = f * c + i * g -> c = f * c - i * g
    # The gates have no activation yet: i, f and o need a sigmoid.
    width = c.shape[1]
    i, f, o, g = (gates[:, k * width : (k + 1) * width] for k in range(4))
    c = f * c + i * tanh(g)
    return o * tanh(c), c
    # A gate lies between 0 and 1: it gets a sigmoid, not a tanh.
    width = c.shape[1]
    i, f, o, g = (tanh(gates[:, k * width : (k + 1) * width]) for k in range(4))
    c = f * c + i * g
    return o * tanh(c), c
    # A bias of the forget gate belongs into gates, where training can change it: add nothing here.
    width = c.shape[1]
    i, f, o, g = (gates[:, k * width : (k + 1) * width] for k in range(4))
    c = sigmoid(f + 1) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c
    # The four numbers of a unit are not side by side: first come all input gates, then all
    # forget gates.
    width = c.shape[1]
    i, f, o, g = (gates[:, k::4] for k in range(4))
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c
    # The values are right, but exp(1000) has no gradient: use `sigmoid` of minigen.tensor.
    width = c.shape[1]
    i, f, o, g = (gates[:, k * width : (k + 1) * width] for k in range(4))
    s = lambda a: 1 / (1 + np.exp(-a))
    c = s(f) * c + s(i) * np.tanh(g)
    return s(o) * np.tanh(c), c
    # A cell state may grow beyond 1: do not clip it.
    c = f * c + i * g -> c = np.clip(f * c + i * g, -1, 1)
    # Gradients must reach the state before: do not cut them off.
    from minigen.tensor import stop_gradient
    width = c.shape[1]
    i, f, o, g = (gates[:, k * width : (k + 1) * width] for k in range(4))
    c = sigmoid(f) * stop_gradient(c) + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c
    # The cell state that is returned is the old one: return the new one.
    c = f * c + i * g -> new = f * c + i * g
    return o * tanh(c), c -> return o * tanh(new), c
    # The forget gate multiplies the old cell state only, not what is written.
    c = f * c + i * g -> c = f * (c + i * g)
    # What the forget gate keeps is the cell state itself, without a tanh.
    c = f * c + i * g -> c = f * tanh(c) + i * g
    # What is kept depends on the input gate: the forget gate decides on it.
    c = f * c + i * g -> c = (1 - i) * c + i * g
    # The forget gate multiplies the old cell state; the input gate multiplies the content alone.
    c = f * c + i * g -> c = f + c * i * g
    # The output gate multiplies the tanh of the cell state; it is not added.
    o * tanh(c) -> o + tanh(c)
    # The result is a pair: h, and the new cell state c, which the next step needs.
    return o * tanh(c), c -> return o * tanh(c)
    # The argument c belongs to the caller: make a new array.
    c = f * c + i * g -> c *= f; c += i * g
    # The values are right, but np.where differentiates both sides, and exp(1000) has none:
    # use `sigmoid` of minigen.tensor.
    width = c.shape[1]
    i, f, o, g = (gates[:, k * width : (k + 1) * width] for k in range(4))
    s = lambda a: np.where(a > 0, 1 / (1 + np.exp(-a)), np.exp(a) / (1 + np.exp(a)))
    c = s(f) * c + s(i) * np.tanh(g)
    return s(o) * np.tanh(c), c
    # The values are right, but exp(1000) has no gradient, used or not: use `sigmoid` of
    # minigen.tensor.
    width = c.shape[1]
    s = 1 / (1 + np.exp(-gates))
    c = s[:, width : 2 * width] * c + s[:, :width] * np.tanh(gates[:, 3 * width :])
    return s[:, 2 * width : 3 * width] * np.tanh(c), c
    # SciPy's functions have no gradient here: use `sigmoid` of minigen.tensor.
    from scipy.special import expit
    width = c.shape[1]
    i, f, o, g = (gates[:, k * width : (k + 1) * width] for k in range(4))
    c = expit(f) * c + expit(i) * np.tanh(g)
    return expit(o) * np.tanh(c), c
    """,
}

VARIANTS = {
    "pixel_mask": """
    # by comparing the places of the pixels in their order
    place = np.arange(kernel * kernel).reshape(kernel, kernel)
    middle = place[kernel // 2, kernel // 2]
    return (place < middle if kind == "A" else place <= middle).astype(float)
    # row by row
    half = kernel // 2
    middle_row = [1.0] * half + [float(kind == "B")] + [0.0] * half
    return np.array([[1.0] * kernel] * half + [middle_row] + [[0.0] * kernel] * half)
    # zeros written into ones
    mask = np.ones((kernel, kernel))
    mask[kernel // 2 + 1 :] = 0
    mask[kernel // 2, kernel // 2 + (0 if kind == "A" else 1) :] = 0
    return mask
    """,
    "skew": """
    # row by row, with np.pad
    h = x.shape[1]
    rows = [np.pad(x[:, i], ((0, 0), (i, h - 1 - i), (0, 0)), "constant") for i in range(h)]
    return np.stack(rows, axis=1)
    # rolled, after zeros were appended to each row
    n, h, w, c = x.shape
    wide = np.concatenate([x, np.zeros((n, h, h - 1, c))], axis=2)
    return np.stack([np.roll(wide[:, i], i, axis=1) for i in range(h)], axis=1)
    # a product with a matrix of zeros and ones for each row
    h, w = x.shape[1:3]
    move = np.stack([np.eye(w, w + h - 1, i, dtype=x.dtype) for i in range(h)])
    return np.einsum("nhwc,hwv->nhvc", x, move)
    """,
    "unskew": """
    # row by row
    h, v = y.shape[1:3]
    return np.stack([y[:, i, i : i + v - h + 1] for i in range(h)], axis=1)
    # by an array of indices
    h, v = y.shape[1:3]
    columns = np.arange(h)[:, None] + np.arange(v - h + 1)
    return y[:, np.arange(h)[:, None], columns]
    # what is to be cut off at the end counts from the end
    h = y.shape[1]
    rows = [y[:, i, i : y.shape[2] - (h - 1 - i)] for i in range(h)]
    return np.concatenate([row[:, None] for row in rows], axis=1)
    """,
    "lstm_step": """
    # np.split
    i, f, o, g = np.split(gates, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c
    # the sigmoid by a tanh, the gates by an axis of their own
    n, width = c.shape
    blocks = np.reshape(gates, (n, 4, width))
    s = 0.5 + 0.5 * np.tanh(0.5 * blocks)
    new = s[:, 1] * c + s[:, 0] * np.tanh(blocks[:, 3])
    return s[:, 2] * np.tanh(new), new
    """,
}

EQUIVALENT = {
    "skew": """
    w + h - 1 → -1  # the padded rows are w + h long
    w + h - 1 → -1 (2)  # the last axis was not touched
    """,
    "unskew": """
    np.zeros((n, h, c), y.dtype) → np.ones((n, h, c), y.dtype)  # what is appended is cut off
    v + 1 - h → -h  # of v + 1 columns the same ones
    """,
}
