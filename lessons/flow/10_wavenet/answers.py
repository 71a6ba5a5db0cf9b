"""Mistakes in the exercises of flow/10, and other right answers."""

import math

import numpy
import autograd.numpy as np

from minigen.tensor import linear, sigmoid


def padded(x, before, after=0):
    n, _, channels = x.shape
    zeros = [np.zeros((n, steps, channels)) for steps in (before, after)]
    return np.concatenate([zeros[0], x, zeros[1]], axis=1)


def added_up(x, w, b, steps, starts):
    """b plus the sum over a of x from starts[a] on, times w[a]."""
    y = 0.0 if b is None else b
    for start, matrix in zip(starts, w):
        y = y + np.dot(x[:, start : start + steps], matrix)
    return y


def compressed(x, mu):
    return np.sign(x) * np.log(1 + mu * np.abs(x)) / np.log(1 + mu)


def nearest(y, levels):
    return np.floor((y + 1) / 2 * (levels - 1) + 0.5).astype(int)


MISTAKES = {
    "causal_conv1d": """
    # The kernel is reversed: w[k - 1] multiplies the present, w[0] the most distant past.
    k, d = len(w), dilation
    return added_up(padded(x, (k - 1) * d), w[::-1], b, x.shape[1], [a * d for a in range(k)])
    # This is centered: it depends on the future. Put all zeros in front.
    k, d, before = len(w), dilation, (len(w) - 1) * dilation // 2
    x_padded = padded(x, before, (k - 1) * d - before)
    return added_up(x_padded, w, b, x.shape[1], [a * d for a in range(k)])
    # This looks ahead: the zeros belong in front of the sequence, not behind it.
    k, d = len(w), dilation
    return added_up(padded(x, 0, (k - 1) * d), w, b, x.shape[1], [a * d for a in range(k)])
    # The kernel reaches one step too far back: the present step must be included. (The shift of the
    # input is made once, by the network.)
    k, d = len(w), dilation
    return added_up(padded(x, (k - 1) * d + 1), w, b, x.shape[1], [a * d for a in range(k)])
    # The dilation is forgotten: neighbours in the kernel are `dilation` steps apart.
    k = len(w)
    return added_up(padded(x, k - 1), w, b, x.shape[1], list(range(k)))
    # Every step is late by one dilation: put (k - 1) * dilation zeros in front, not k * dilation.
    k, d = len(w), dilation
    return added_up(padded(x, k * d), w, b, x.shape[1], [a * d for a in range(k)])
    # Only the distance of the last step is dilated: step a of the kernel is (k - 1 - a) * dilation
    # back.
    k, d = len(w), dilation
    starts = [0, *((k - 1) * d - (k - 1 - a) for a in range(1, k))]
    return added_up(padded(x, (k - 1) * d), w, b, x.shape[1], starts)
    # The dilation is d, not d + 1: neighbours in the kernel are `dilation` steps apart.
    k, d = len(w), dilation + 1
    return added_up(padded(x, (k - 1) * d), w, b, x.shape[1], [a * d for a in range(k)])
    # The dilation is added to the distance of a step of the kernel: multiply k - 1 - a by it.
    k, d = len(w), dilation
    return added_up(padded(x, k - 1 + d), w, b, x.shape[1], list(range(k)))
    # The dilation is added to the distances of all steps but the present one: multiply k - 1 - a by
    # it.
    k, d = len(w), dilation
    return added_up(padded(x, k - 1 + d), w, b, x.shape[1], [*range(k - 1), k - 1 + d])
    # The bias is forgotten: add b to every step, if it is given.
    _conv(x, anp.reshape(w, (1, *w.shape)), b, geometry) ->
        _conv(x, anp.reshape(w, (1, *w.shape)), None, geometry)
    # The bias is added once, not once for every step of the kernel.
    k, d = len(w), dilation
    y = added_up(padded(x, (k - 1) * d), w, None, x.shape[1], [a * d for a in range(k)])
    return y if b is None else y + k * b
    # This is a mean over the kernel; a convolution is a sum.
    k, d = len(w), dilation
    y = added_up(padded(x, (k - 1) * d), w, None, x.shape[1], [a * d for a in range(k)]) / k
    return y if b is None else y + b
    # The inputs before the first step are zero, not the sequence's other end.
    k, d = len(w), dilation
    y = 0.0 if b is None else b
    for a in range(k):
        y = y + anp.dot(anp.roll(x, (k - 1 - a) * d, axis=1), w[a])
    return y
    # The inputs before the first step are zero, not the first step repeated.
    k, d, front = len(w), dilation, (len(w) - 1) * dilation
    x_padded = anp.concatenate([x[:, :1]] * front + [x], axis=1)
    return added_up(x_padded, w, b, x.shape[1], [a * d for a in range(k)])
    # The result is as long as the sequence: pad with zeros, do not leave out the first steps.
    k, d = len(w), dilation
    steps = max(x.shape[1] - (k - 1) * d, 0)
    return added_up(x, w, b, steps, [a * d for a in range(k)])
    # Each step's channels are multiplied by the matrix w[a], not by its transpose.
    k, d = len(w), dilation
    w = anp.swapaxes(w, 1, 2)
    return added_up(padded(x, (k - 1) * d), w, b, x.shape[1], [a * d for a in range(k)])
    # The oldest step of the kernel is left out: a runs from 0 to k - 1.
    k, d = len(w), dilation
    return added_up(padded(x, (k - 2) * d), w[1:], b, x.shape[1], [a * d for a in range(k - 1)])
    # Only the first and the last step of the kernel are used: a runs over all from 0 to k - 1.
    k, d = len(w), dilation
    starts = [0, (k - 1) * d] if k > 1 else [0]
    return added_up(padded(x, (k - 1) * d), w[[0, -1]] if k > 1 else w, b, x.shape[1], starts)
    # The derivative is cut off: np.array(...) or numpy lets no gradient through.
    from minigen.tensor import stop_gradient
    k, d = len(w), dilation
    x = stop_gradient(x)
    return added_up(padded(x, (k - 1) * d), w, b, x.shape[1], [a * d for a in range(k)])
    # This looks ahead, at later steps: move the sequence to the right, not to the left.
    y, steps = 0.0 if b is None else b, x.shape[1]
    for a in range(len(w)):
        back = (len(w) - 1 - a) * dilation
        y = y + anp.dot(padded(x, 0, back)[:, back : back + steps], w[a])
    return y
    # The first step of the sequence counts too: only inputs before it are zero.
    k, d = len(w), dilation
    start = (k - 1) * d
    x_padded = anp.concatenate([0 * padded(x, start)[:, : start + 1], x[:, 1:]], axis=1)
    y = added_up(x_padded, w, b, x.shape[1], [a * d for a in range(k)])
    return y + anp.concatenate([anp.dot(x[:, :1], w[-1]), 0 * y[:, 1:]], axis=1)
    # Here the sequence was thinned out; only the parts of the kernel are `dilation` steps apart.
    k, d, steps = len(w), dilation, x.shape[1]
    x_thin = padded(x, k - 1)[:, ::d]
    return added_up(padded(x_thin, 0, steps + k), w, b, steps, list(range(k)))
    # There is no activation in a convolution: it is linear.
    k, d = len(w), dilation
    y = added_up(padded(x, (k - 1) * d), w, b, x.shape[1], [a * d for a in range(k)])
    return anp.maximum(y, 0)
    # Add over c_in, the channels that come in; this adds over those that go out.
    k, d, steps = len(w), dilation, x.shape[1]
    y = 0.0
    for a in range(k):
        y = y + anp.sum(padded(x, (k - 1) * d)[:, a * d : a * d + steps, :, None] * w[a], axis=-1)
    return y if b is None else y + anp.mean(b)
    # Here are too many zeros in front, unless the dilation is 1: (k - 1) * dilation, not k *
    # dilation - 1.
    k, d = len(w), dilation
    return added_up(padded(x, k * d - 1), w, b, x.shape[1], [a * d for a in range(k)])
    # The first step, with index 0, is a step as any other: i >= 0, not i > 0.
    k, d = len(w), dilation
    x_padded = padded(anp.concatenate([0 * x[:, :1], x[:, 1:]], axis=1), (k - 1) * d)
    return added_up(x_padded, w, b, x.shape[1], [a * d for a in range(k)])
    """,
    "causal_step": """
    # The order is reversed: w[0] multiplies the oldest input, which is the first of the list, and
    # w[k - 1] the present one.
    past[k * dilation] @ w[k] -> past[k * dilation] @ w[len(w) - 1 - k]
    # The dilation is forgotten: the inputs of the kernel are `dilation` steps apart.
    return b + sum(past[len(past) - len(w) + a] @ w[a] for a in range(len(w)))
    # These are the oldest inputs: the inputs of the kernel are `dilation` steps apart.
    past[k * dilation] -> past[k]
    # The bias is forgotten: add b, once.
    y = b -> y = 0
    # The bias is added once, not once for every step of the kernel.
    return sum(past[a * dilation] @ w[a] + b for a in range(len(w)))
    # This is a mean over the kernel; a convolution is a sum.
    return b + sum(past[a * dilation] @ w[a] for a in range(len(w))) / len(w)
    # The present step is left out: a runs from 0 to k - 1.
    range(len(w)) -> range(len(w) - 1)
    # The oldest input is left out: a runs from 0 to k - 1.
    range(len(w)) -> range(1, len(w))
    # Only the oldest and the present input are used: a runs over all from 0 to k - 1.
    return b + (past[0] @ w[0] if len(w) > 1 else 0) + past[-1] @ w[-1]
    # This is the product with the present input alone: add those of the earlier ones.
    return b + past[-1] @ w[-1]
    # There is no activation in a convolution: it is linear.
    return np.maximum(b + sum(past[a * dilation] @ w[a] for a in range(len(w))), 0)
    # Stored inputs between those of the kernel do not enter: w[a] multiplies one input.
    y = b
    for a in range(len(w)):
        y = y + sum(past[max(0, (a - 1) * dilation + 1) : a * dilation + 1]) @ w[a]
    return y
    # The kernel multiplies the inputs, it is not added to them.
    return b + sum(np.sum(past[a * dilation], axis=1, keepdims=True) + np.sum(w[a], axis=0)
                   for a in range(len(w)))
    # The examples are separate: do not average over them.
    return b + sum(np.mean(past[a * dilation], axis=0, keepdims=True) @ w[a] for a in range(len(w)))
    # All of the kernel multiplies the present input: each w[a] has an input of its own.
    return b + sum(past[-1] @ w[a] for a in range(len(w)))
    # All of the kernel multiplies the oldest input: each w[a] has an input of its own.
    return b + sum(past[0] @ w[a] for a in range(len(w)))
    # Only the first input channel enters: the product adds up all of them.
    return b + sum(past[a * dilation][:, :1] @ w[a][:1] for a in range(len(w)))
    """,
    "receptive_field": """
    1 + (kernel - 1) -> (kernel - 1)  # The present step counts: add 1.
    # A kernel of k reaches k - 1 steps further back, not k: the first of its steps is the present.
    (kernel - 1) -> kernel
    # There is one 1, for the present; here one was added for each layer.
    return len(dilations) + (kernel - 1) * sum(dilations)
    return kernel * sum(dilations)  # One of the k steps of a layer is the present: k - 1.
    # The layers' reaches add: sum over all dilations, not the largest alone.
    return 1 + (kernel - 1) * max(dilations, default=0)
    # The reach of the last layer alone: all layers below it add theirs.
    return 1 + (kernel - 1) * (list(dilations) or [0])[-1]
    # The dilations are forgotten: this is a stack of plain layers.
    return 1 + (kernel - 1) * len(dilations)
    # The reaches add, they do not multiply.
    return 1 + (kernel - 1) * int(numpy.prod(dilations))
    # k^layers is right only if the dilations are 1, k, k^2 ...: sum the dilations that are given.
    return kernel ** len(dilations)
    # Twice the last dilation is right for a kernel of 2 and doubling dilations alone.
    return 2 * dilations[-1] if len(dilations) else 1
    # The kernel is forgotten: a layer reaches (k - 1) * dilation back.
    return 1 + sum(dilations)
    # Only one layer is counted: the reaches of all the layers add up.
    return 1 + (kernel - 1) * (dilations[0] if len(dilations) else 0)
    # A causal stack reaches to one side only.
    return 1 + 2 * (kernel - 1) * sum(dilations)
    # This is one step too many: the present counts once, and nothing is shifted here.
    return 2 + (kernel - 1) * sum(dilations)
    # A layer's dilation stays as it is, whatever the dilations below it: the reaches add.
    reach, step = 0, 1
    for d in dilations:
        step = step * d
        reach = reach + (kernel - 1) * step
    return 1 + reach
    # The present step counts once: add 1, not the kernel.
    return (kernel - 1) * sum(dilations) + kernel
    # The present counts once for the whole stack, not once for each layer as well.
    return 1 + sum((kernel - 1) * d + 1 for d in dilations)
    # The dilations are forgotten, and the present is one of the k steps of a layer.
    return 1 + kernel * len(dilations)
    # Only the largest dilation is counted: the reaches of all layers add up.
    return kernel * max(dilations) if len(dilations) else 1
    # The present is one step beside the reach, not one more dilation: 1 + (k - 1) times the sum.
    return (kernel - 1) * (sum(dilations) + 1)
    # 2 to the number of layers is right for a kernel of 2 and doubling dilations alone: add up what
    # each layer reaches.
    return 2 ** len(dilations)
    # The reaches of the layers add, they do not multiply.
    return int(numpy.prod([(kernel - 1) * d + 1 for d in dilations]))
    # The dilation of the first layer is left out: a layer reaches (k - 1) * dilation steps,
    # whatever its place.
    return kernel + (kernel - 1) * sum(dilations[1:])
    # A dilation of d puts neighbours d apart, not d - 1.
    return 1 + sum((kernel - 1) * (d - 1) for d in dilations)
    # A dilation that occurs twice counts twice.
    return 1 + (kernel - 1) * sum(set(dilations))
    # Each layer reaches too far back: (k - 1) * dilation steps, not k * dilation - 1.
    return kernel * sum(dilations) - len(dilations)
    # That sum is right for dilations 1, 2, 4 ... alone: add those that are given.
    return 1 + (kernel - 1) * (2 ** len(dilations) - 1)
    # A mean that is cut off to a whole number loses steps: sum the dilations.
    return 1 + (kernel - 1) * int(numpy.mean([*dilations, 0])) * len(dilations)
    """,
    "gated_unit": """
    # Filter and gate are exchanged: the tanh is of the filter, the sigmoid of the gate.
    np.tanh(filter) * sigmoid(like(gate, filter)) -> np.tanh(gate) * sigmoid(filter)
    np.tanh(filter) -> filter  # The tanh is missing: this is the gated linear unit.
    # Both are sigmoids here; the filter's is a tanh, which has a sign.
    np.tanh(filter) -> sigmoid(filter)
    # Both are tanh here; a gate opens from 0 to 1: a sigmoid.
    sigmoid(like(gate, filter)) -> np.tanh(gate)
    * -> +  # The gate multiplies: how much of the filter passes.
    sigmoid(like(gate, filter)) -> gate  # The sigmoid of the gate is missing.
    np.tanh(filter) -> np.maximum(filter, 0)  # The filter has a ReLU: it gets a tanh.
    # 1 / (1 + exp(g)) closes the gate where it should open: exp(-g).
    like(gate, filter) -> -gate
    # This sigmoid is too steep: 1/2 (1 + tanh(g)) is the sigmoid of 2 g.
    like(gate, filter) -> 2 * gate
    # This uses the filter twice; the gate has values of its own.
    sigmoid(like(gate, filter)) -> sigmoid(filter)
    # This uses the gate twice; the filter has values of its own.
    np.tanh(filter) -> np.tanh(gate)
    # The gates share 1 along the last axis, as in a softmax: each gate opens by itself.
    like(gate, filter) -> gate - np.log(np.sum(np.exp(gate), axis=-1, keepdims=True))
    # The exponential is infinite at a gate of -1000, and its derivative infinity / infinity: use
    # `sigmoid`, or tanh.
    return np.tanh(filter) / (1 + np.exp(-gate))
    # exp(g) is infinite at 1000: use `sigmoid`, or tanh.
    return np.tanh(filter) * np.exp(gate) / (1 + np.exp(gate))
    # exp(1000) is infinite, and infinity / infinity is NaN: use np.tanh.
    up, down = np.exp(filter), np.exp(-filter)
    return (up - down) / (up + down) * sigmoid(gate)
    # Large values are right as they are: clipped, the unit has no slope there, or a wrong value.
    return np.tanh(np.clip(filter, -10, 10)) * sigmoid(np.clip(gate, -10, 10))
    # This is one number; each entry keeps its own.
    return np.sum(np.tanh(filter) * sigmoid(gate))
    # The derivative is cut off: np.array(...) or numpy lets no gradient through.
    from minigen.tensor import stop_gradient
    return np.tanh(filter) * stop_gradient(sigmoid(gate))
    # The gate multiplies the tanh, not its argument.
    return np.tanh(filter * sigmoid(gate))
    # The filter is inside one tanh, the gate inside a sigmoid: this mixes them before the tanh.
    return np.tanh(filter + gate)
    # A gate opens smoothly, by the sigmoid; this one is open or shut.
    return np.tanh(filter) * (gate > 0)
    # Nothing is added in place of what the gate keeps out, as it would be in a GRU.
    return sigmoid(gate) * np.tanh(filter) + (1 - sigmoid(gate)) * filter
    # This is a straight line in place of the sigmoid: use 1 / (1 + exp(-gate)) itself.
    return np.tanh(filter) * np.clip(0.2 * gate + 0.5, 0, 1)
    # np.where computes both sides: exp(1000) is infinite, its derivative NaN, though not chosen.
    # Use `sigmoid`, or tanh.
    up = np.exp(gate)
    return np.tanh(filter) * np.where(gate > 0, 1 / (1 + np.exp(-gate)), up / (1 + up))
    sigmoid(like(gate, filter)) -> 2 * sigmoid(gate)  # An open gate is 1: nothing is doubled.
    # exp(2000) is infinite, and infinity / infinity is NaN: use `tanh`.
    up = np.exp(2 * filter)
    return (up - 1) / (up + 1) * sigmoid(gate)
    # exp(2000) is infinite, and infinity / infinity is NaN where the filter is -1000: use `tanh`.
    down = np.exp(-2 * filter)
    return (1 - down) / (1 + down) * sigmoid(gate)
    # The gate is its sigmoid; it is not multiplied by itself.
    return np.tanh(filter) * gate * sigmoid(gate)
    # tanh(g/2) goes from -1 to 1; the sigmoid is half of 1 + tanh(g/2).
    return np.tanh(filter) * np.tanh(gate / 2)
    # These are straight lines cut off; a tanh and a sigmoid are asked for.
    return np.clip(filter, -1, 1) * np.clip(gate, 0, 1)
    # The gates share 1 over the whole array, as in a softmax: each gate opens by itself.
    up = np.exp(gate - np.max(gate))
    return np.tanh(filter) * up / np.sum(up)
    """,
    "mu_law_encode": """
    astype(numpy.int64) -> astype(numpy.uint8)  # There may be more than 256 levels: codes are int.
    astype(numpy.int64) -> astype(numpy.int16)  # There may be 2^16 levels: codes are int.
    # Without the logarithm this is linear quantization: compress first.
    mu_law(numpy.asarray(x, numpy.float64), levels - 1) -> x
    # mu is always 255 here: it is the last code, levels - 1.
    mu_law(numpy.asarray(x, numpy.float64), levels - 1) -> compressed(x, 255)
    # mu is the number of codes here: it is the last code, levels - 1.
    mu_law(numpy.asarray(x, numpy.float64), levels - 1) -> compressed(x, levels)
    # Round to the nearest code: add 1/2 before cutting off.
    0.5 -> 0
    # This rounds a middle to the even code; it goes to the upper one: floor(... + 1/2).
    return np.round((compressed(x, levels - 1) + 1) / 2 * (levels - 1)).astype(int)
    # Codes are counted where steps should be: from the first code to the last there are levels - 1.
    (y + 1) / 2 * (levels - 1) -> (y + 1) / 2 * levels
    # This makes `levels` equal cells of [-1, 1]; the codes are at the ends and evenly between,
    # so the first and last cells are half as wide.
    y = compressed(x, levels - 1)
    return np.minimum(np.floor((y + 1) / 2 * levels), levels - 1).astype(int)
    # The codes are whole numbers: an integer array.
    return np.floor((compressed(x, levels - 1) + 1) / 2 * (levels - 1) + 0.5)
    # The sign is lost: negative amplitudes have codes of their own.
    y = np.log(1 + (levels - 1) * np.abs(x)) / np.log(levels)
    return nearest(y, levels)
    # The logarithm of a negative number is NaN: take |x| inside, and the sign in front.
    with numpy.errstate(invalid="ignore"):
        return nearest(np.nan_to_num(np.log(1 + (levels - 1) * x) / np.log(levels)), levels)
    # y runs from -1 to 1; move it to 0 ... 1 by (y + 1)/2 first.
    (y + 1) / 2 -> y
    # y is not brought between 0 and 1: it runs from -1 to 1, so (y + 1)/2, not y + 1/2.
    (y + 1) / 2 -> (y + 0.5)
    # 1 does not stay 1, for this divides by mu: divide by log(1 + mu).
    return nearest(np.sign(x) * np.log(1 + (levels - 1) * np.abs(x)) / (levels - 1), levels)
    # 1 does not stay 1, for a division is missing: divide by log(1 + mu).
    return nearest(np.sign(x) * np.log(1 + (levels - 1) * np.abs(x)), levels)
    # mu multiplies |x| inside the logarithm: 1 + mu |x|.
    y = np.sign(x) * np.log(1 + np.abs(x)) / np.log(2)
    return nearest(y, levels)
    # This is the way back, from y to x: compress by the logarithm.
    y = np.sign(x) * (levels ** np.abs(x) - 1) / (levels - 1)
    return nearest(y, levels)
    # The codes begin at 1: they begin at 0.
    return nearest(compressed(x, levels - 1), levels) + 1
    # The codes are taken relative to the middle: they begin at 0.
    return np.floor(compressed(x, levels - 1) * (levels - 1) / 2 + 0.5).astype(int)
    # This takes the next code above; the nearest one is asked for.
    return np.ceil((compressed(x, levels - 1) + 1) / 2 * (levels - 1)).astype(int)
    # Only two codes come out, for this rounds too early: scale by levels - 1 before rounding.
    return np.floor((compressed(x, levels - 1) + 1) / 2 + 0.5).astype(int) * (levels - 1)
    # The number of levels is an argument; here it is always 256.
    return nearest(compressed(x, 255), 256)
    # y runs over 2, from -1 to 1: divide y + 1 by 2.
    return np.floor((compressed(x, levels - 1) + 1) * (levels - 1) + 0.5).astype(int)
    # The 1/2 belongs inside: cut off last, so that whole numbers come out.
    return np.floor((compressed(x, levels - 1) + 1) / 2 * (levels - 1)) + 0.5
    # A root is no logarithm: y = sign(x) log(1 + mu |x|) / log(1 + mu).
    return nearest(np.sign(x) * np.sqrt(np.abs(x)), levels)
    # Compress |x|, on both sides of 0; here x was moved to 0 ... 1 before the logarithm.
    y = np.log(1 + (levels - 1) * (x + 1) / 2) / np.log(levels)
    return np.floor(y * (levels - 1) + 0.5).astype(int)
    # In the middle between two codes the upper one is asked for, by floor(... + 1/2); this takes
    # the lower one.
    numpy.floor -> numpy.ceil
    0.5 -> -0.5
    # This cuts [-1, 1] into equal cells and takes the number of the cell: there are levels - 1
    # steps, and the nearest code is asked for.
    y = compressed(x, levels - 1)
    return np.floor((y + 1) / 2 * levels).astype(int)
    # 1 does not stay 1, for this divides by log(mu): divide by log(1 + mu).
    return nearest(np.sign(x) * np.log(1 + (levels - 1) * np.abs(x)) / np.log(levels - 1), levels)
    # This takes the code below; the nearest one is asked for.
    return np.digitize(compressed(x, levels - 1), np.linspace(-1, 1, levels)) - 1
    # The 1/2 is half a code: add it after the multiplication by levels - 1.
    return np.floor((compressed(x, levels - 1) + 1.5) / 2 * (levels - 1)).astype(int)
    """,
    "mu_law_decode": """
    # mu is the number of codes here: it is the last code, one less.
    mu = levels - 1 -> mu = levels
    # The sign is lost: codes below the middle stand for negative amplitudes.
    y = 2 * codes / (levels - 1) - 1
    return (levels ** np.abs(y) - 1) / (levels - 1)
    # The place of a code is divided by the number of codes: from the first to the last there is one
    # step less.
    2 * codes / (levels - 1) - 1 -> 2 * codes / levels - 1
    # This is the place of the code: the compression has not been undone.
    return 2 * codes / (levels - 1) - 1
    # This compresses the place once more: solve the equation for x.
    y, mu = 2 * codes / (levels - 1) - 1, levels - 1
    return np.sign(y) * np.log(1 + mu * np.abs(y)) / np.log(1 + mu)
    # The 1 inside of the logarithm is not taken away: the place 0 must give the amplitude 0.
    numpy.expm1 -> numpy.exp
    # The division by mu is missing: the last code stands for 1.
    numpy.expm1(numpy.abs(y) * numpy.log1p(mu)) / mu -> numpy.expm1(numpy.abs(y) * numpy.log1p(mu))
    # The factor log(1 + mu) in the exponent is missing: the logarithm was divided by it.
    numpy.abs(y) * numpy.log1p(mu) -> numpy.abs(y)
    # The places run from 0 to 1 here: they run from -1, the first code, to 1, the last.
    2 * codes / (levels - 1) - 1 -> codes / (levels - 1)
    # The number of levels is an argument: here it is always 256.
    y = 2 * codes / 255 - 1
    return np.sign(y) * (256.0 ** np.abs(y) - 1) / 255
    # The sign of y is lost inside of a power: take it out, and put it before the result.
    y = 2 * codes / (levels - 1) - 1
    return (float(levels) ** y - 1) / (levels - 1)
    # Amplitudes are not rounded to whole numbers.
    y = 2 * codes / (levels - 1) - 1
    return np.round(np.sign(y) * (levels ** np.abs(y) - 1) / (levels - 1))
    """,
}

VARIANTS = {
    "causal_conv1d": """
    # each step of the kernel on a sequence moved by itself
    steps = x.shape[1]
    y = 0.0 if b is None else b
    for a in range(len(w)):
        back = (len(w) - 1 - a) * dilation
        moved = padded(x, back)[:, :steps]
        y = y + anp.matmul(moved, w[a])
    return y
    # step by step in time
    columns = []
    for t in range(x.shape[1]):
        y = anp.zeros((x.shape[0], w.shape[2]))
        for back in range(len(w)):
            if t - back * dilation >= 0:
                y = y + anp.dot(x[:, t - back * dilation], w[len(w) - 1 - back])
        columns.append(y if b is None else y + b)
    return anp.stack(columns, axis=1)
    # one product with the kernel as one matrix
    k, steps = w.shape[0], x.shape[1]
    whole = padded(x, (k - 1) * dilation)
    windows = [whole[:, a * dilation : a * dilation + steps] for a in range(k)]
    return linear(anp.concatenate(windows, axis=-1), anp.reshape(w, (-1, w.shape[-1])), b)
    # by a matrix over time for each step of the kernel
    y, steps = 0.0 if b is None else b, x.shape[1]
    for a in range(len(w)):
        shift = anp.eye(steps, k=-(len(w) - 1 - a) * dilation)
        y = y + anp.einsum("st,ntc,co->nso", shift, x, w[a])
    return y
    # einsum over the whole kernel
    back = dilation * (len(w) - 1)
    x_padded = anp.concatenate([anp.zeros_like(anp.repeat(x[:, :1], back, axis=1)), x], axis=1)
    steps = range(len(w))
    views = anp.stack([x_padded[:, dilation * a :][:, : x.shape[1]] for a in steps])
    y = anp.einsum("antc,aco->nto", views, w)
    return y if b is None else b + y
    """,
    "causal_step": """
    # as one product of a wide matrix
    taps = [past[a * dilation] for a in range(len(w))]
    return np.concatenate(taps, axis=1) @ np.reshape(w, (-1, w.shape[2])) + b
    # by a slice of the list
    return b + sum(x @ matrix for x, matrix in zip(past[::dilation], w))
    # by einsum, from the present backwards
    newest_first = np.stack(past[::-1][::dilation])
    return np.einsum("anc,aco->no", newest_first, w[::-1]) + b
    """,
    "receptive_field": """
    # layer by layer
    steps = 1
    for d in dilations:
        steps += (kernel - 1) * d
    return steps
    return 1 + int(numpy.sum((kernel - 1) * numpy.array(dilations, int)))  # with an array
    return sum([kernel * d - d for d in dilations], 1)  # term by term
    # from the top down
    oldest = 0
    for d in reversed(list(dilations)):
        oldest = oldest - d * (kernel - 1)
    return 1 - oldest
    return (kernel - 1) * int(math.fsum(dilations)) + 1  # by math
    """,
    "gated_unit": """
    return np.tanh(filter) * 0.5 * (1 + np.tanh(0.5 * gate))  # the sigmoid by tanh
    return np.tanh(filter) * np.exp(-np.logaddexp(0.0, -gate))  # the sigmoid by its logarithm
    # both by sigmoids
    return (2 * sigmoid(2 * filter) - 1) * sigmoid(gate)
    return sigmoid(gate) * np.tanh(filter)  # the other way round
    # by the sign, so that exp is never large
    small = np.exp(-np.abs(gate))
    return np.tanh(filter) * np.where(gate >= 0, 1.0, small) / (1 + small)
    """,
    "mu_law_encode": """
    # with log1p
    mu = levels - 1
    y = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
    return np.floor((y + 1) * mu / 2 + 0.5).astype(np.int64)
    # the nearest in the table of all codes, from above
    places = np.linspace(-1, 1, levels)
    middles = (places[1:] + places[:-1]) / 2
    y = np.asarray(compressed(np.asarray(x, np.float64), levels - 1))
    return np.searchsorted(middles - 1e-12, y, side="right")
    # by where
    y = np.log(1 + (levels - 1) * np.abs(x)) / np.log(levels)
    y = np.where(x < 0, -y, y)
    return (0.5 * (levels - 1) * (1 + y) + 0.5).astype(int)
    # logarithms to base two
    y = np.log2(1 + (levels - 1) * np.abs(x)) / np.log2(levels)
    return np.int64(np.floor((np.copysign(y, x) + 1) / 2 * (levels - 1) + 0.5))
    # by floor division
    y = compressed(np.array(x, dtype=float), float(levels - 1))
    return (((y + 1) * (levels - 1) + 1) // 2).astype(np.int32)
    """,
    "mu_law_decode": """
    # with expm1
    mu = levels - 1
    y = np.linspace(-1, 1, levels)[codes]
    return np.sign(y) * np.expm1(np.abs(y) * np.log1p(mu)) / mu
    # both branches by where
    y = (2 * codes - (levels - 1)) / (levels - 1)
    size = (np.exp(np.log(levels) * np.abs(y)) - 1) / (levels - 1)
    return np.where(y < 0, -size, size)
    """,
}

EQUIVALENT = {
    "causal_conv1d": """
    # the kernel is one row high, so nothing is dilated from row to row
    Geometry(padding=((0, 0), (d * (w.shape[0] - 1), 0)), dilation=(1, d)) →
    Geometry(padding=((0, 0), (d * (w.shape[0] - 1), 0)), dilation=(2, d))
    # the kernel is one row high, so nothing is dilated from row to row
    Geometry(padding=((0, 0), (d * (w.shape[0] - 1), 0)), dilation=(1, d)) →
    Geometry(padding=((0, 0), (d * (w.shape[0] - 1), 0)), dilation=(0, d))
    len(w) - 1 → -1  # an index below zero counts from the end
    """,
    "gated_unit": "gate >= 0 → gate > 0  # at 0 both give 1/2",
    "mu_law_decode": """
    numpy.clip(x, -1, 1) → x  # only rounding passes the ends, by a last digit
    numpy.clip(x, -1, 1) → numpy.clip(-1, x, 1)  # the same
    numpy.clip(x, -1, 1) → numpy.clip(x, -1, 2)  # the same
    numpy.clip(x, -1, 1) → numpy.clip(x, -2, 1)  # the same
    y < 0 → y <= 0  # at 0 the size is 0
    """,
    "mu_law_encode": """
    middles - 1e-12 → middles - 2e-12  # as small a part of a cell
    x < 0 → x <= 0  # 0 compresses to 0, of either sign
    """,
}
