"""Exercises of WaveNet: the causal dilated convolution and its cached step, the receptive field of
a stack, the gated unit, and the codes of a wave."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import conv1d, grad, jacobian

convolution = Exercise(
    "flow/10/causal_conv1d",
    target="minigen.tensor.conv:conv1d",
    minutes=20,
    blocked=["minigen.tensor.conv:conv2d"],
    prompt=r"""
    Return the causal, dilated convolution of sequences: `x` has shape $(N, T, c_\mathrm{in})$, the
    kernel `w` $(k, c_\mathrm{in}, c_\mathrm{out})$, the bias `b` $(c_\mathrm{out},)$ or `None`. The
    result has shape $(N, T, c_\mathrm{out})$.

    $y$ at step $t$ is `b` plus the sum over $a = 0 \dots k - 1$ of `x` at step
    $t - (k - 1 - a) \cdot \mathrm{dilation}$, times the matrix `w[a]`. So `w[k - 1]` multiplies the
    present step $t$, `w[k - 2]` the step $t - \mathrm{dilation}$, and `w[0]` the most distant past.
    Inputs before the first step count as zero; the kernel may reach back further than the sequence
    is long. The result must be differentiable with respect to `x`, `w` and `b`: write it with `np`,
    which is autograd's (a traced array cannot be assigned into).
    """,
    hints="""
    Put zeros in front of the sequence, as many steps as the kernel reaches back. Then every step
    can be treated in the same way.

    With p = (k - 1) dilation zeros in front, the step t - (k - 1 - a) dilation of x is step t + a
    dilation of the padded sequence: for each a that is a slice of length T.

        k = len(w)
        n, steps, channels = x.shape
        front = np.zeros((n, (k - 1) * dilation, channels), x.dtype)
        padded = np.concatenate([front, x], axis=1)
        y = 0.0 if b is None else b
        for a in range(k):
            start = a * dilation
            y = y + np.dot(padded[:, start : start + steps], w[a])
        return y
    """,
)


def layer(rng, n=2, steps=7, c_in=2, c_out=3, k=3):
    """x, w and b, none of them special."""
    x = rng.standard_normal((n, steps, c_in))
    return x, rng.standard_normal((k, c_in, c_out)), rng.standard_normal(c_out)


def column(*values):
    """One sequence of one channel, (1, T, 1)."""
    return np.reshape(np.array(values), (1, -1, 1))


@convolution.case(points=1, kind="equation", expect={"y": [[[3.25], [6.75], [11.75], [-1.0]]]})
def by_hand(impl, rng):
    """w = (0.5 for the step before, 3 for the present), b = 0.25: y_2 = 3 * 2 + 0.5 * 1 + 0.25."""
    w = np.array([0.5, 3.0]).reshape(2, 1, 1)
    return {"y": impl(column(1.0, 2.0, 3.5, -1.0), w, np.array([0.25]))}


@convolution.case(
    points=2, kind="equation", expect={"y": [[[3.0], [6.0], [11.0], [-2.0], [13.75]]]}
)
def dilation_two(impl, rng):
    """The same kernel with dilation 2, without bias: y_5 = 3 * 4 + 0.5 * 3.5."""
    w = np.array([0.5, 3.0]).reshape(2, 1, 1)
    return {"y": impl(column(1.0, 2.0, 3.5, -1.0, 4.0), w, None, 2)}


@convolution.case(
    points=2, kind="equation", expect={"y": [[[5.0], [13.0], [19.1], [-0.5], [30.16]]]}
)
def kernel_of_three(impl, rng):
    """w = (0.1, 3, 5), dilation 1: y_3 = 5 * 2.6 + 3 * 2 + 0.1 * 1."""
    w = np.array([0.1, 3.0, 5.0]).reshape(3, 1, 1)
    return {"y": impl(column(1.0, 2.0, 2.6, -1.7, 7.0), w)}


@convolution.case(points=2, kind="shapes")
def several_channels(impl, rng):
    return {"dilation 1": impl(*layer(rng)), "dilation 3": impl(*layer(rng, k=2), 3)}


@convolution.case(points=1, kind="shapes")
def reaches_before_the_start(impl, rng):
    """The kernel is longer than the sequence; a kernel of one step; a sequence of one step."""
    x, w, b = layer(rng, steps=3)
    one, v, c = layer(rng, steps=1, k=1)
    return {"dilation 4": impl(x, w, b, 4), "kernel 1": impl(one, v, c, 2)}


@convolution.case(points=2, kind="equation", property=True, expect={"gradient elsewhere": 0.0})
def sees_three_steps(impl, rng):
    """y at step 6 depends on x at steps 6, 4 and 2 (kernel 3, dilation 2), and on no other."""
    x, w, b = layer(rng, n=1, steps=8, c_in=1, c_out=1)
    J = jacobian(lambda x: impl(x, w, b, 2)[0, 5, 0])(x).ravel()
    seen = J[[1, 3, 5]] - w.ravel()
    return {"gradient elsewhere": J[[0, 2, 4, 6, 7]], "gradient minus the kernel": seen}


@convolution.case(points=2, kind="gradient")
def gradients(impl, rng):
    x, w, b = layer(rng)

    def total(x, w, b):
        return np.sum(np.tanh(impl(x, w, b, 2)))

    return {
        "grad_x": grad(total)(x, w, b),
        "grad_w": grad(lambda w: total(x, w, b))(w),
        "grad_b": grad(lambda b: total(x, w, b))(b),
    }


@convolution.case(points=1, kind="extremes", rtol=1e-4, atol=1e-5)
def float32(impl, rng):
    """A layer of the lesson's network, float32."""
    x, w, b = (a.astype(np.float32) for a in layer(rng, 2, 40, 8, 16, 2))
    return {"y": impl(x, w, b, 16)}


step = Exercise(
    "flow/10/causal_step",
    target="minigen.flow.wavenet:causal_step",
    minutes=10,
    prompt=r"""
    Return the output of a causal, dilated convolution at the present step alone, an array
    $(N, c_\mathrm{out})$, from stored inputs. The kernel `w` has shape
    $(k, c_\mathrm{in}, c_\mathrm{out})$, the bias `b` $(c_\mathrm{out},)$.

    `past` is a list of $(k - 1) \cdot \mathrm{dilation} + 1$ inputs, arrays $(N, c_\mathrm{in})$:
    the oldest first, and the input of the present step last. As in `causal_conv1d`, `w[k - 1]`
    multiplies the present input, `w[k - 2]` the input `dilation` steps before it, and `w[0]` the
    oldest. Leave `past` unchanged. The result need not be differentiable.
    """,
    hints="""
    The list is as long as the kernel reaches back. Which of its entries does the kernel use?

    w[a] multiplies the input (k - 1 - a) * dilation steps before the present. Counted from the
    oldest, this is entry a * dilation of the list.

        y = b
        for a in range(len(w)):
            y = y + past[a * dilation] @ w[a]
        return y
    """,
)


@step.case(points=2, kind="equation", expect={"y": [[11.25], [1.05]]})
def dilation_two_by_hand(impl, rng):
    """w = (0.5, 3) and b = 0.25. Of the first example: 3 * 3.5 for the present, 0.5 * 1 for two
    steps before it; of the second: 3 * 0.6 and 0.5 * -2."""
    w = np.array([0.5, 3.0]).reshape(2, 1, 1)
    past = [np.array([[1.0], [-2.0]]), np.array([[2.0], [0.7]]), np.array([[3.5], [0.6]])]
    return {"y": impl(past, w, np.array([0.25]), 2)}


@step.case(points=1, kind="equation", expect={"y": [[19.6], [2.2]]})
def three_neighbors(impl, rng):
    """w = (0.1, 3, 5), dilation 1: 5 * 2.6 + 3 * 2 + 0.1 * 1 + 0.5, and for the second example
    5 * 0.7 - 3 * 0.4 - 0.1 * 6 + 0.5."""
    w = np.array([0.1, 3.0, 5.0]).reshape(3, 1, 1)
    past = [np.array([[1.0], [-6.0]]), np.array([[2.0], [-0.4]]), np.array([[2.6], [0.7]])]
    return {"y": impl(past, w, np.array([0.5]))}


@step.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def every_step_of_a_convolution(impl, rng):
    """One step after the other, with zeros before the first, it is the whole convolution (kernel 3,
    dilation 2)."""
    x, w, b = layer(rng)
    before = [np.zeros((2, 2))] * 4
    steps = before + [x[:, t] for t in range(7)]
    found = [impl(steps[t : t + 5], w, b, 2) for t in range(7)]
    return {"gap": np.stack(found, axis=1) - conv1d(x, w, b, 2)}


@step.case(points=2, kind="shapes")
def several_channels_of_a_step(impl, rng):
    """Kernels of 3 and of 2, dilations 1 and 4; and a kernel of 1, for which past is one input."""
    found = {}
    for k, dilation in ((3, 1), (2, 4), (1, 3)):
        past = list(rng.standard_normal(((k - 1) * dilation + 1, 2, 4)))
        w, b = rng.standard_normal((k, 4, 3)), rng.standard_normal(3)
        found[f"kernel {k}, dilation {dilation}"] = impl(past, w, b, dilation)
    return found


@step.case(points=1, kind="extremes", fixed=True, expect={"y": [[0.25, -3.0]]})
def silence(impl, rng):
    """Before the first step all inputs are zero, and the output is b."""
    past = [np.zeros((1, 3))] * 9
    return {"y": impl(past, rng.standard_normal((3, 3, 2)), np.array([0.25, -3.0]), 4)}


field = Exercise(
    "flow/10/receptive_field",
    target="minigen.flow.wavenet:receptive_field",
    minutes=5,
    prompt="""
    Return the number of input steps on which one output step depends, for a stack of causal
    convolutions: a whole number. `kernel` is the length $k$ of every layer's kernel, `dilations` a
    list of whole numbers, one for each layer, in any order. The present step counts. A stack
    without layers passes its input through. The result need not be differentiable.
    """,
    hints="""
    By how many steps does one more layer extend the reach of the stack?

    A layer reaches (k - 1) * dilation steps further back than the layers below it. The reaches
    add, and the present step is one more.

        return 1 + (kernel - 1) * sum(dilations)
    """,
)


@field.case(points=1, kind="equation", fixed=True, expect={"steps": 17})
def three_layers(impl, rng):
    """Kernel 3, dilations 1, 2 and 5: 1 + 2 + 4 + 10."""
    return {"steps": impl(3, [1, 2, 5])}


@field.case(points=1, kind="equation", fixed=True, expect={"steps": 16})
def doubling(impl, rng):
    """Kernel 2, dilations 1, 2, 4, 8."""
    return {"steps": impl(2, (1, 2, 4, 8))}


@field.case(
    points=1, kind="equation", fixed=True, expect={"dilation 1": 6, "two blocks": 61, "falling": 11}
)
def other_orders(impl, rng):
    """Five plain layers; 1, 2, 4, 8 twice, with a kernel of 3; and 7, 3 with a kernel of 2."""
    twice = [1, 2, 4, 8, 1, 2, 4, 8]
    return {
        "dilation 1": impl(2, [1] * 5),
        "two blocks": impl(3, twice),
        "falling": impl(2, [7, 3]),
    }


@field.case(
    points=1, kind="extremes", fixed=True, expect={"kernel 1": 1, "no layer": 1, "one layer": 37}
)
def edges(impl, rng):
    """A kernel of 1 uses the present step alone."""
    return {"kernel 1": impl(1, [4, 9]), "no layer": impl(4, []), "one layer": impl(5, [9])}


@field.case(points=2, kind="equation", property=True, expect={"difference": 0})
def length_of_the_response(impl, rng):
    """It is the length of the response to one impulse: the kernels, with their gaps, convolved."""
    kernel, dilations = int(rng.integers(2, 5)), rng.integers(1, 6, 4)
    response = np.ones(1)
    for d in dilations:
        taps = np.zeros((kernel - 1) * d + 1)
        taps[::d] = 1.0
        response = np.convolve(response, taps)
    return {"difference": impl(kernel, [int(d) for d in dilations]) - len(response)}


unit = Exercise(
    "flow/10/gated_unit",
    target="minigen.flow.wavenet:gated_unit",
    minutes=5,
    imports=["from minigen.tensor import sigmoid, tanh"],
    prompt="""
    Return WaveNet's gated activation: the hyperbolic tangent of `filter`, times the logistic
    sigmoid of `gate`.

    `filter`, `gate` and the result have one shape, $(N, T, C)$ or any other; compute entry by
    entry. Values of up to ±1000 occur. The result must be differentiable with respect to both, and
    its gradients must be right there too. The stub imports `sigmoid` and `tanh`.
    """,
    hints="""
    One half is the content, the other sets how much of it passes.

    tanh(filter) * sigmoid(gate), where sigmoid(g) = 1 / (1 + exp(-g)).

        return tanh(filter) * sigmoid(gate)
    """,
)


@unit.case(points=2, kind="equation", expect={"z": [0.45, -0.16]})
def logs(impl, rng):
    """tanh(log 2) = 0.6 and sigmoid(log 3) = 0.75; tanh(-log 3) = -0.8 and sigmoid(-log 4) =
    0.2."""
    return {"z": impl(np.log(np.array([2.0, 1 / 3])), np.log(np.array([3.0, 0.25])))}


@unit.case(points=2, kind="equation")
def sequences(impl, rng):
    filter, gate = 2 * rng.standard_normal((2, 3, 5, 4))
    return {"z": impl(filter, gate)}


@unit.case(points=1, kind="equation", property=True, expect={"closed and open": 0.0, "odd": 0.0})
def halves(impl, rng):
    """The outputs of the gates g and -g sum to tanh(filter); -filter changes the sign."""
    filter, gate = rng.standard_normal((2, 6))
    z = impl(filter, gate)
    return {
        "closed and open": z + impl(filter, -gate) - np.tanh(filter),
        "odd": z + impl(-filter, gate),
    }


@unit.case(points=1, kind="extremes", expect={"z": [0.0, -0.5, 0.75, 0.0]}, atol=1e-12)
def far_out(impl, rng):
    """Filters -1000 and 1000, gates -1000 to 1000."""
    filter = np.array([1000.0, -1000.0, 1000.0, 0.0])
    return {"z": impl(filter, np.array([-1000.0, 0.0, np.log(3.0), 1000.0]))}


@unit.case(points=2, kind="gradient")
def gradients_of_both(impl, rng):
    filter, gate = 2 * rng.standard_normal((2, 4, 3))
    return {
        "grad_filter": grad(lambda f: np.sum(impl(f, gate) ** 2))(filter),
        "grad_gate": grad(lambda g: np.sum(impl(filter, g) ** 2))(gate),
    }


@unit.case(points=1, kind="extremes", atol=1e-7)
def gradients_far_out(impl, rng):
    """In float32, where exp(100) is infinite."""
    filter = np.array([100.0, -1000.0, 0.5, 0.5, -0.5], np.float32)
    gate = np.array([0.5, -0.5, -1000.0, 1000.0, -100.0], np.float32)
    return {
        "grad_filter": grad(lambda f: np.sum(impl(f, gate)))(filter),
        "grad_gate": grad(lambda g: np.sum(impl(filter, g)))(gate),
    }


encode = Exercise(
    "flow/10/mu_law_encode",
    target="minigen.flow.wavenet:mu_law_encode",
    minutes=10,
    blocked=["minigen.flow.wavenet:mu_law"],
    prompt=r"""
    Return the $\mu$-law codes of a wave, an array of int of the shape of `x`. `x` holds amplitudes
    in $[-1, 1]$. There are as many codes as `levels`; the first is 0.

    First compress: $y = \mathrm{sign}(x) \log(1 + \mu |x|)/\log(1 + \mu)$, where $\mu$ is the last
    code, one less than `levels` (255 for 256). Then round: $y = -1$ is the first code, $y = 1$ the
    last, and the others are evenly spaced between them. Each $y$ gets the nearest code; in the
    middle between two codes, the upper one. The result need not be differentiable.
    """,
    hints="""
    After the logarithm small amplitudes have most of the codes. What remains is to shift and
    stretch [-1, 1] to 0 ... mu, and to round.

    y = sign(x) log(1 + mu |x|) / log(1 + mu), and the code is floor((y + 1)/2 mu + 1/2).

        mu = levels - 1
        y = np.sign(x) * np.log(1 + mu * np.abs(x)) / np.log(1 + mu)
        return np.floor((y + 1) / 2 * mu + 0.5).astype(int)
    """,
)


@encode.case(points=1, kind="equation", fixed=True, expect={"codes": [11, 1, 8]})
def sixteen_levels(impl, rng):
    """0.2 compresses to log 4 / log 16 = 0.5, and 0.75 * 15 + 0.5 = 11.75."""
    return {"codes": impl(np.array([0.2, -0.6, 0.02]), 16)}


@encode.case(points=1, kind="equation", fixed=True, expect={"codes": [[218, 122], [144, 5]]})
def default_levels(impl, rng):
    """256 levels; amplitudes 0.2, -0.001, 0.004 and -0.8."""
    return {"codes": impl(np.array([[0.2, -0.001], [0.004, -0.8]]))}


@encode.case(
    points=1,
    kind="extremes",
    fixed=True,
    expect={"256": [0, 128, 255], "6": [0, 3, 5], "2": [0, 1, 1]},
)
def ends_and_middle(impl, rng):
    """-1, 0 and 1; with an even number of levels 0 is in the middle between two codes."""
    x = np.array([-1.0, 0.0, 1.0])
    return {"256": impl(x), "6": impl(x, 6), "2": impl(x, 2)}


@encode.case(points=1, kind="equation", fixed=True, expect={"codes": [1, 1, 2, 0]})
def three_levels(impl, rng):
    """The cells of -1, 0 and 1 meet at y = 1/2, where x = (sqrt(3) - 1)/2 = 0.366."""
    return {"codes": impl(np.array([0.35, -0.35, 0.38, -0.38]), 3)}


def amplitudes(codes, levels):
    """The amplitudes that codes stand for."""
    y = 2 * codes / (levels - 1) - 1
    return np.clip(np.sign(y) * np.expm1(np.abs(y) * np.log(levels)) / (levels - 1), -1, 1)


@encode.case(points=2, kind="equation", fixed=True, property=True, expect={"difference": 0})
def there_and_back(impl, rng):
    """The amplitude that a code stands for has this code, for 64, 9 and 1024 levels, and for 2^16
    levels the codes in steps of 1000."""
    codes = {levels: np.arange(levels) for levels in (64, 9, 1024)}
    codes[2**16] = np.arange(0, 2**16, 1000)
    found = [impl(amplitudes(codes[n], n), n) - codes[n] for n in codes]
    return {"difference": np.concatenate(found)}


@encode.case(points=1, kind="shapes")
def waves(impl, rng):
    """Loud ones, quiet ones, and float32; each amplitude at a quarter of the way between codes."""
    y = 2 * (rng.integers(0, 254, (3, 20)) + rng.choice([0.25, 0.75], (3, 20))) / 255 - 1
    x = np.sign(y) * np.expm1(np.abs(y) * np.log(256)) / 255
    return {"float64": impl(x), "float32": impl(x.astype(np.float32))}


decode = Exercise(
    "flow/10/mu_law_decode",
    target="minigen.flow.wavenet:mu_law_decode",
    minutes=10,
    prompt=r"""
    Decode $\mu$-law codes: return the amplitudes $x$ that the codes stand for, an array of floats
    of the shape of `codes`. `codes` are whole numbers; there are as many as `levels`, and the first
    is 0.

    The codes are evenly spaced from $-1$, the place of the first, to 1, the place of the last. An
    amplitude $x$ has the place $y = \mathrm{sign}(x) \log(1 + \mu |x|)/\log(1 + \mu)$, where $\mu$
    is the last code. So find the place of each code, and solve this equation for $x$. The result
    need not be differentiable.
    """,
    hints="""
    x has the sign of y. For its size undo the steps in reverse order: the division, then the
    logarithm, then the 1 and mu.

    y = 2 code/mu - 1 and |x| = ((1 + mu)^|y| - 1)/mu.

        mu = levels - 1
        y = 2 * codes / mu - 1
        return np.sign(y) * ((1 + mu) ** np.abs(y) - 1) / mu
    """,
)


@decode.case(points=2, kind="equation", fixed=True, expect={"x": [-1.0, -0.25, 0.0, 0.25, 1.0]})
def nine_levels_back(impl, rng):
    """Codes 0, 2, 4, 6, 8 have the places -1, -1/2, 0, 1/2, 1, and (9^(1/2) - 1)/8 = 1/4."""
    return {"x": impl(np.array([0, 2, 4, 6, 8]), 9)}


@decode.case(points=1, kind="equation")
def default_levels_back(impl, rng):
    """256 levels."""
    return {"x": impl(rng.integers(0, 256, 12))}


@decode.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def evenly_spaced_again(impl, rng):
    """Compressed, the amplitudes of all codes are evenly spaced from -1 to 1."""
    levels = int(rng.integers(10, 100))
    x, mu = impl(np.arange(levels), levels), levels - 1
    y = np.sign(x) * np.log(1 + mu * np.abs(x)) / np.log(1 + mu)
    return {"gap": y - np.linspace(-1, 1, levels)}


@decode.case(points=1, kind="shapes")
def several_waves_back(impl, rng):
    """A batch of waves (3, 5), of 64 levels."""
    return {"x": impl(rng.integers(0, 64, (3, 5)), 64)}


@decode.case(points=1, kind="extremes", fixed=True, expect={"two": [-1.0, 1.0]}, atol=1e-14)
def few_and_many_levels(impl, rng):
    """2 levels, and 65,536, of which two are next to 0, at about -2.6e-9 and 2.6e-9."""
    return {"two": impl(np.array([0, 1]), 2), "many": impl(np.array([32767, 32768]), 65536)}
