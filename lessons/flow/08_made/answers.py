"""Mistakes in the exercises of flow/08, and other right answers."""

import autograd.numpy as np

from minigen.tensor import relu, sigmoid, tanh


def degrees_of(dim, hidden, order, rng):
    degrees = [np.arange(1, dim + 1) if order is None else order + 1]
    for width in hidden:
        if dim == 1:
            degrees.append(np.zeros(width, int))
        elif rng is None:
            degrees.append(1 + np.arange(width) % (dim - 1))
        else:
            degrees.append(rng.integers(min(degrees[-1]), dim, width))
    return degrees


def compared(degrees, outputs):
    last = np.concatenate([degrees[0]] * outputs)[None] > degrees[-1][:, None]
    pairs = zip(degrees[:-1], degrees[1:])
    return [(b >= a[:, None]).astype(np.float32) for a, b in pairs] + [last.astype(np.float32)]


MISTAKES = {
    "made_masks": """
    mask.astype(numpy.float32) -> mask.astype(float)  # The masks are float32, as the weights are.
    # A variable reaches its own output, because the output compares with >=: there it must be >.
    > degrees[-1][:, None] -> >= degrees[-1][:, None]
    # Strict is right at the output only: a hidden unit may be connected to units of its own degree.
    m_out >= m_in[:, None] -> m_out > m_in[:, None]
    # A unit sees those of a degree not above its own: the degree above must be at least the one
    # below.
    m_out >= m_in[:, None] -> m_out <= m_in[:, None]
    # The degree of an input is its place plus 1: the plus 1 is missing at inputs and outputs.
    _checked_order(order, dim) + 1 -> _checked_order(order, dim)
    # Hidden degrees are 1 ... D - 1, so they go round modulo D - 1, not D.
    dim = int(dim)
    degrees = degrees_of(dim, hidden, order, rng)
    if rng is None and dim > 1:
        degrees[1:] = [1 + np.arange(width) % dim for width in hidden]
    return compared(degrees, outputs)
    # Hidden degrees begin at 1: without the plus 1 some units see nothing, and none sees all.
    degrees = degrees_of(dim, hidden, order, rng)
    if rng is None and dim > 1:
        degrees[1:] = [np.arange(width) % (dim - 1) for width in hidden]
    return compared(degrees, outputs)
    # order[i] is the place of variable i already: do not invert it by argsort.
    if order is not None:
        order = np.argsort(order)
    return compared(degrees_of(dim, hidden, order, rng), outputs)
    # order is not used: the degree of input i is its place plus 1.
    return compared(degrees_of(dim, hidden, None, rng), outputs)
    # The outputs have the order of the inputs: use it in the last mask too.
    degrees = degrees_of(dim, hidden, order, rng)
    found = compared(degrees, outputs)
    last = np.tile(np.arange(1, dim + 1), outputs) > degrees[-1][:, None]
    return [*found[:-1], last.astype(np.float32)]
    # The inputs have the order of the outputs: use it in the first mask too.
    degrees = degrees_of(dim, hidden, order, rng)
    found = compared([np.arange(1, dim + 1), *degrees[1:]], outputs)
    last = np.tile(degrees[0], outputs) > degrees[-1][:, None]
    return [*found[:-1], last.astype(np.float32)]
    # Column j D + i belongs to variable i: tile the degrees, do not repeat each one.
    numpy.tile(degrees[0], outputs) -> numpy.repeat(degrees[0], outputs)
    # outputs is not used: the last mask has outputs D columns.
    return compared(degrees_of(dim, hidden, order, rng), 1)
    # A mask is (units below, units above): yours are transposed.
    return [mask.T for mask in compared(degrees_of(dim, hidden, order, rng), outputs)]
    # rng is not used: with it the degrees of the hidden units are drawn.
    return compared(degrees_of(dim, hidden, order, None), outputs)
    # The least degree that may be drawn is the least of the layer below, not 1.
    degrees = degrees_of(dim, hidden, order, None)
    if rng is not None and dim > 1:
        degrees[1:] = [rng.integers(1, dim, width) for width in hidden]
    return compared(degrees, outputs)
    # The degree D is drawn, too: rng.integers leaves its upper end out, so the end is D.
    degrees = degrees_of(dim, hidden, order, None)
    if rng is not None and dim > 1:
        for k, width in enumerate(hidden):
            degrees[k + 1] = rng.integers(degrees[k].min(), dim + 1, width)
    return compared(degrees, outputs)
    # The degree D - 1 is never drawn: rng.integers leaves its upper end out, so the end is D.
    degrees = degrees_of(dim, hidden, order, None)
    if rng is not None and dim > 1:
        for k, width in enumerate(hidden):
            degrees[k + 1] = rng.integers(degrees[k].min(), dim - 1, width)
    return compared(degrees, outputs)
    # With D = 1 the hidden degrees are 0, so that no hidden unit is connected to the variable.
    if dim == 1:
        order = np.zeros(1, int)
        degrees = [order + 1, *(np.ones(width, int) for width in hidden)]
        return compared(degrees, outputs)
    return compared(degrees_of(dim, hidden, order, rng), outputs)
    # Only with D = 1 are the hidden degrees 0: with D = 2 they are 1.
    degrees = degrees_of(dim, hidden, order, rng)
    if rng is None and dim == 2:
        degrees[1:] = [np.zeros(width, int) for width in hidden]
    return compared(degrees, outputs)
    # With D = 1 there is no remainder modulo 0: the hidden degrees are 0 then.
    degrees = degrees_of(dim, hidden, order, rng)
    if rng is None:
        degrees[1:] = [[1 + k % (dim - 1) for k in range(width)] for width in hidden]
    return compared([np.array(each) for each in degrees], outputs)
    # The last mask, from the hidden units to the outputs, is missing.
    return compared(degrees_of(dim, hidden, order, rng), outputs)[:-1]
    # Both inequalities are reversed: a unit is connected to those of a degree not above its own.
    degrees = degrees_of(dim, hidden, order, rng)
    last = np.tile(degrees[0], outputs) < degrees[-1][:, None]
    found = [(b <= a[:, None]).astype(np.float32) for a, b in zip(degrees, degrees[1:])]
    return [*found, last.astype(np.float32)]
    # order must stay as it is: order + 1 makes a new array, order += 1 does not.
    if order is not None:
        order += 1
        order = order - 1
    return compared(degrees_of(dim, hidden, order, rng), outputs)
    # With D = 1 the hidden degrees are 0, which is less than the degree 1 of the output: it is
    # connected to all of the hidden units, which are connected to nothing.
    found = compared(degrees_of(dim, hidden, order, rng), outputs)
    return [0 * mask for mask in found] if dim == 1 else found
    # The output is connected to the hidden units that have a lower degree: your inequality is
    # reversed.
    numpy.tile(degrees[0], outputs) > degrees[-1][:, None] ->
        numpy.tile(degrees[0], outputs) < degrees[-1][:, None]
    """,
    "masked_linear": """
    w * mask -> w  # The mask is not used: multiply it into the weights.
    # The connected weights are erased and the others kept: 1 means connected, so multiply by the
    # mask.
    w * mask -> w * (1 - mask)
    # The mask picks weights, not outputs: multiply w by it before the product with x.
    return linear(x, w, b, activation) * mask.min(axis=0)
    # The mask picks weights, not inputs: an input that one unit does not see another may.
    return linear(x * mask.min(axis=1), w, b, activation)
    # The mask has the shape of w, (n_in, n_out), already: do not transpose it.
    mask = np.reshape(mask.T, mask.shape)
    return linear(x, w * mask, b, activation)
    # A weight of minus infinity is for softmax; here what is not seen must count nothing: 0.
    return linear(x, np.where(mask == 1, w, -1e9), b, activation)
    # The mask multiplies the result: it belongs into the product with w.
    return linear(x, w, b, activation) * mask
    # The mask multiplies x: it has the shape of w, and picks weights.
    return linear(x * mask.T, w, b, activation)
    # A sum over the inputs that are seen, not their mean.
    return linear(x, w * mask / np.maximum(mask.sum(axis=0), 1), b, activation)
    w * mask -> w + mask  # Multiply by the mask, do not add it.
    # w itself must stay as it is: the mask may change later. Multiply into a new array.
    w *= mask
    return linear(x, w, b, activation)
    # The mask concerns the weights only: every unit keeps its bias.
    linear(x, w * mask, b, activation) ->
        linear(x, w * mask, None if b is None else b * mask.min(axis=0), activation)
    # The bias is missing.
    linear(x, w * mask, b, activation) -> linear(x, w * mask, None, activation)
    # The activation is missing: it comes last.
    linear(x, w * mask, b, activation) -> linear(x, w * mask, b)
    # activation is the name of one, or None: not always a ReLU.
    linear(x, w * mask, b, activation) -> linear(x, w * mask, b, "relu")
    # There are other activations than the ReLU: pass the name on to linear.
    linear(x, w * mask, b, activation) -> linear(x, w * mask, b, activation and "relu")
    # The bias comes before the activation.
    y = linear(x, w * mask, None, activation)
    return y if b is None else y + b
    # Without a bias b is None, which cannot be added: linear takes it as it is.
    y = x @ (w * mask) + b
    return y if activation is None else linear(y, np.eye(y.shape[1]), None, activation)
    # The product sums over the inputs: x @ (w * mask), without a mean.
    return linear(x, w * mask, b, activation) / w.shape[0]
    # A masked weight must be 0 in the product, exactly; it must not count a little.
    w * mask -> w * (mask + 1e-3)
    # A weight where the mask is 0 gets no gradient. The product with the mask is to be
    # differentiated too.
    from minigen.tensor import stop_gradient
    return linear(x, w + stop_gradient(w * mask - w), b, activation)
    """,
    "dependencies": """
    # The number of paths is not asked for, only whether there is one: compare with 0.
    reached = np.array(masks[0])
    for mask in masks[1:]:
        reached = reached @ mask
    return reached
    # The number of paths overflows in a deep network: cut it to 0 and 1 after each layer.
    reached = np.array(masks[0], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for mask in masks[1:]:
            reached = reached @ np.array(mask, np.float32)
    return reached > 0
    # The number of paths overflows in a deep network, as a whole number too: 2^64 becomes 0. Cut it
    # to 0 and 1 after each layer.
    reached = np.array(masks[0], np.int64)
    for mask in masks[1:]:
        reached = reached @ np.array(mask, np.int64)
    return reached > 0
    # A share of all paths becomes 0 in a deep network where there are few: cut the number of paths
    # to 0 and 1 after each layer.
    reached = np.array(masks[0], np.float32)
    for mask in masks[1:]:
        reached = reached @ np.array(mask, np.float32) / np.float32(len(mask))
    return reached > 0
    # One path is enough: an entry above 1 counts as a dependency too.
    reached = np.array(masks[0]) > 0
    for mask in masks[1:]:
        reached = reached.astype(float) @ mask == 1
    return reached
    # This holds where there is no path: the answer is the opposite.
    reached = np.array(masks[0]) > 0
    for mask in masks[1:]:
        reached = reached.astype(float) @ mask > 0
    return ~reached
    # The result has shape (inputs, outputs): yours is transposed.
    reached = np.array(masks[0]) > 0
    for mask in masks[1:]:
        reached = reached.astype(float) @ mask > 0
    return reached.T
    # All layers count: here only the first and the last one do, or the first alone.
    return np.array(masks[0]) > 0
    # The last layer is missing.
    reached = np.array(masks[0]) > 0
    for mask in masks[1:-1]:
        reached = reached.astype(float) @ mask > 0
    return reached
    # A path needs a connection in every layer through the same units: use the product of matrices,
    # not whether input and output have any connection.
    some, end = np.array(masks[0]) > 0, np.array(masks[-1]) > 0
    if len(masks) == 1:
        return some
    return some.any(axis=1)[:, None] & end.any(axis=0)
    # The result is True and False: compare with 0.
    reached = np.array(masks[0]) > 0
    for mask in masks[1:]:
        reached = reached.astype(float) @ mask > 0
    return reached.astype(float)
    """,
    "ancestral_sample": """
    # order[i] is the place of variable i; you need the variable at each place, argsort of order.
    numpy.argsort(_checked_order(order, u.shape[1])) -> _checked_order(order, u.shape[1])
    # order is not used: the variable at place 0 is drawn first, wherever it is.
    numpy.argsort(_checked_order(order, u.shape[1])) -> range(u.shape[1])
    # Each variable depends on those at earlier places: draw from the first place to the last, and
    # evaluate the network again after each one. All at once, none depends on any.
    return (u < sigmoid(logits(numpy.zeros_like(u)))).astype(float)
    # The logits must come from what has been drawn so far: evaluate the network within the loop.
    scores = logits(x)
    for i in numpy.argsort(order):
        x[:, i] = u[:, i] < sigmoid(scores[:, i])
    return x
    # u below p has probability p: you have drawn the 1 where u is above.
    u[:, i] < sigmoid -> u[:, i] > sigmoid
    sigmoid(logits(x)[:, i]) -> logits(x)[:, i]  # Logits are not probabilities: sigmoid first.
    # Draw with u: this is the most probable value each time, always the same.
    u[:, i] < sigmoid(logits(x)[:, i]) -> logits(x)[:, i] > 0
    # A probability is not a draw: the variable is 1 where u is below it, otherwise 0.
    x[:, i] = u[:, i] < sigmoid(logits(x)[:, i]) -> x[:, i] = sigmoid(logits(x)[:, i])
    # Variable i has its own column of u, wherever its place is.
    x = numpy.zeros_like(u)
    for place, i in enumerate(numpy.argsort(order)):
        x[:, i] = u[:, place] < sigmoid(logits(x)[:, i])
    return x
    # Variable i has its own column of the logits, wherever its place is.
    x = numpy.zeros_like(u)
    for place, i in enumerate(numpy.argsort(order)):
        x[:, i] = u[:, i] < sigmoid(logits(x)[:, place])
    return x
    # u must stay as it is: write into an array of your own.
    x = u
    for i in numpy.argsort(order):
        x[:, i] = x[:, i] < sigmoid(logits(x)[:, i])
    return x
    # The network was evaluated at u, not at the variables drawn so far.
    x = numpy.zeros_like(u)
    for i in numpy.argsort(order):
        x[:, i] = u[:, i] < sigmoid(logits(u)[:, i])
    return x
    # Every example has its own uniform number, and its own history: use all rows.
    x[:, i] = u[:, i] < sigmoid(logits(x)[:, i]) -> x[:, i] = u[0, i] < sigmoid(logits(x)[0, i])
    u[:, i] < sigmoid -> u[:, i] <= sigmoid  # Below is strict: where u equals p it is 0.
    # exp(l) / (1 + exp(l)) is infinity over infinity at a logit of 1000: use sigmoid.
    x = numpy.zeros_like(u)
    for i in numpy.argsort(order):
        odds = np.exp(logits(x)[:, i])
        x[:, i] = u[:, i] < odds / (1 + odds)
    return x
    # The result has the variables in their own columns: do not sort them by order.
    x = numpy.zeros_like(u)
    for i in numpy.argsort(order):
        x[:, i] = u[:, i] < sigmoid(logits(x)[:, i])
    return x[:, order]
    # return is within the loop: only the first variable is drawn.
    x = numpy.zeros_like(u)
    for i in numpy.argsort(order)[:1]:
        x[:, i] = u[:, i] < sigmoid(logits(x)[:, i])
    return x
    # exp of a logit is not a probability: sigmoid.
    sigmoid(logits(x)[:, i]) -> np.exp(np.minimum(logits(x)[:, i], 0))
    # Use the numbers u that are given, not fresh ones.
    u[:, i] < sigmoid -> numpy.random.default_rng(0).random(len(u)) < sigmoid
    # The variables are 0 and 1, not -1 and 1.
    x = numpy.zeros_like(u)
    for i in numpy.argsort(order):
        x[:, i] = numpy.where(u[:, i] < sigmoid(logits(x)[:, i]), 1, -1)
    return x
    # 1 where u is below the probability of a 1, not of a 0.
    sigmoid(logits(x)[:, i]) -> sigmoid(-logits(x)[:, i])
    # The last variable is missing: D variables, D steps.
    numpy.argsort(_checked_order(order, u.shape[1])) -> numpy.argsort(order)[:-1]
    """,
}

VARIANTS = {
    "made_masks": """
    # a list of degrees, then comparisons the other way round
    degrees = degrees_of(dim, hidden, order, rng)
    found = [below[:, None] <= above[None] for below, above in zip(degrees, degrees[1:])]
    last = np.concatenate([degrees[-1][:, None] < degrees[0][None]] * outputs, axis=1)
    return [m.astype("float32") for m in found + [last]]
    # with the degrees turned round
    place, *rest = [-degrees for degrees in degrees_of(dim, hidden, order, rng)]
    found = [above[None] <= below[:, None] for below, above in zip([place, *rest], rest)]
    below = rest[-1] if rest else place
    return [np.float32(1) * m for m in [*found, np.tile(place, outputs) < below[:, None]]]
    # entry by entry
    degrees = degrees_of(dim, hidden, order, rng)
    found = []
    for below, above in zip(degrees, degrees[1:]):
        mask = np.empty((len(below), len(above)), np.float32)
        for i, a in enumerate(below):
            for k, b in enumerate(above):
                mask[i, k] = b >= a
        found.append(mask)
    last = np.empty((len(degrees[-1]), outputs * dim), np.float32)
    for column in range(outputs * dim):
        last[:, column] = degrees[0][column % dim] > degrees[-1]
    return [*found, last]
    """,
    "masked_linear": """
    # where, instead of a product
    return linear(x, np.where(mask == 1, w, 0.0), b, activation)
    # by hand
    y = np.dot(x, mask * w)
    if b is not None:
        y = y + b
    return {None: lambda a: a, "relu": relu, "tanh": tanh}[activation](y)
    # a sum over inputs
    y = np.sum(x[:, :, None] * w * mask, axis=1) + (0 if b is None else b)
    return y if activation is None else np.maximum(y, 0) if activation == "relu" else np.tanh(y)
    """,
    "dependencies": """
    # from the last layer to the first
    reached = np.array(masks[-1]) > 0
    for mask in masks[-2::-1]:
        reached = np.dot(mask, reached) > 0
    return reached
    # input by input, without products
    found = []
    for i in range(len(masks[0])):
        units = {i}
        for mask in masks:
            units = {k for unit in units for k in np.flatnonzero(np.array(mask)[unit])}
        found.append([k in units for k in range(masks[-1].shape[1])])
    return np.array(found)
    """,
    "ancestral_sample": """
    # a comparison of logits
    x = np.zeros(u.shape)
    for i in np.argsort(order):
        x[:, i] = np.log(u[:, i] / (1 - u[:, i])) < logits(x)[:, i]
    return x
    # place by place, with a search
    x = np.zeros_like(u)
    for place in range(u.shape[1]):
        (i,) = np.flatnonzero(order == place)
        x[:, i] = (sigmoid(logits(x)) - u > 0)[:, i]
    return x
    # the inverse permutation by assignment; what is not drawn yet is a half
    at = np.empty(len(order), int)
    at[order] = np.arange(len(order))
    x = np.full(u.shape, 0.5)
    for i in at:
        x[:, i] = (sigmoid(logits(x)[:, i]) > u[:, i]).astype(float)
    return x
    # all columns of each pass, the drawn ones settle one after the other
    x = np.zeros(u.shape)
    for _ in range(u.shape[1]):
        x = (u < sigmoid(logits(x))).astype(float)
    return x
    """,
}

EQUIVALENT = {
    "dependencies": """
    enumerate(masks[1:], 1) → enumerate(masks[1:], 2)  # the number appears in an error message only
    enumerate(masks[1:], 1) → enumerate(masks[1:], 0)  # the number appears in an error message only
    """,
    "ancestral_sample": """
    numpy.zeros_like(u) → numpy.ones_like(u)  # what is not drawn yet may be anything
    np.zeros_like(u) → np.ones_like(u)  # what is not drawn yet may be anything
    np.zeros(u.shape) → np.ones(u.shape)  # what is not drawn yet may be anything
    np.full(u.shape, 0.5) → np.full(u.shape, 1.5)  # what is not drawn yet may be anything
    np.full(u.shape, 0.5) → np.full(u.shape, 1.0)  # what is not drawn yet may be anything
    """,
}
