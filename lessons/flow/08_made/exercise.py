"""Exercises of MADE: masks, a layer that uses one, what they connect, and sampling."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

masks = Exercise(
    "flow/08/made_masks",
    target="minigen.flow.made:made_masks",
    minutes=25,
    prompt=r"""
    Return the masks of a MADE of $D = \mathrm{dim}$ variables, with hidden layers of the widths in
    the list `hidden`: a list of `float32` arrays of zeros and ones, one for each layer of weights,
    so one more than there are hidden layers. A mask has shape (units below, units above).

    `order` is an integer array $(D,)$, a permutation of $0, \dots, D - 1$: `order[i]` is the place
    of variable $i$. `None` means that variable $i$ has place $i$. Every unit has a degree. The
    degree of input $i$ is its place plus 1. Count the units of each hidden layer from 0. Hidden
    unit $k$ has degree $1 + (k \bmod (D - 1))$. With $D = 1$ all hidden units have degree 0.

    A hidden unit is connected to units below whose degree is not above its own. The output for
    variable $i$ has the degree of input $i$, and must not be connected to a unit that depends on
    variable $i$ itself. With $\mathrm{outputs} > 1$ there are $\mathrm{outputs} \cdot D$ columns in
    the last mask: column $j D + i$ belongs to variable $i$.

    With `rng` (a `numpy.random.Generator`) and $D > 1$ the degrees of the hidden units are random
    instead: for each hidden layer in turn `rng.integers(low, D, width)`, where `low` is the least
    degree of the layer below (of the inputs, for the first hidden layer).
    """,
    hints="""
    First make a list of the degrees, layer by layer, inputs first. Each mask compares two
    neighbors of this list. The outputs have the degrees of the inputs.

    Hidden: 1 where m_above >= m_below. Output: 1 where the degree of variable i is greater than
    m_below, strictly: a unit of the same degree depends on variable i.

        degrees = [1 + (np.arange(dim) if order is None else order)]
        for width in hidden:
            if dim == 1:
                degrees.append(np.zeros(width, int))
            elif rng is None:
                degrees.append(1 + np.arange(width) % (dim - 1))
            else:
                degrees.append(rng.integers(degrees[-1].min(), dim, width))
        last = np.tile(degrees[0], outputs) > degrees[-1][:, None]
        masks = [above >= below[:, None] for below, above in zip(degrees, degrees[1:])]
        return [mask.astype(np.float32) for mask in [*masks, last]]
    """,
)

FIRST = [[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]]
LAST = [[0, 1, 1], [0, 0, 1], [0, 1, 1], [0, 0, 1]]


def named(found):
    return {f"mask {k}": mask for k, mask in enumerate(found)}


@masks.case(
    points=2,
    kind="equation",
    fixed=True,
    expect={"mask 0": FIRST, "mask 1": LAST},
    exact_dtype=True,
)
def three_numbers(impl, rng):
    """Four hidden units of degrees 1, 2, 1, 2. Output 0 is connected to none of them, output 1 to
    two."""
    return named(impl(3, [4]))


@masks.case(points=2, kind="equation", fixed=True)
def three_hidden_layers(impl, rng):
    """Widths that D - 1 does not divide, wider and narrower than D."""
    return named(impl(6, [4, 9, 7]))


@masks.case(
    points=2,
    kind="equation",
    fixed=True,
    property=True,
    expect={"paths to itself or an earlier variable": 0},
)
def no_way_back(impl, rng):
    """The product of all masks counts the paths from input to output: none leads from a variable to
    itself or to an earlier one."""
    first, second, last = impl(5, [8, 6])
    return {"paths to itself or an earlier variable": np.sum(np.tril(first @ second @ last))}


@masks.case(
    points=2,
    kind="equation",
    fixed=True,
    expect={
        "mask 0": [[1, 1, 1], [0, 0, 1], [0, 0, 0], [0, 1, 1]],
        "mask 1": [[0, 1, 1, 1], [0, 1, 1, 0], [0, 0, 1, 0]],
    },
)
def another_order(impl, rng):
    """Variables 0 to 3 have the places 0, 2, 3, 1: variable 3 comes second."""
    return named(impl(4, [3], order=np.array([0, 2, 3, 1])))


@masks.case(points=2, kind="shapes", fixed=True)
def several_outputs(impl, rng):
    """Three columns for each variable; the variables of one output are side by side."""
    return named(impl(4, [5, 3], 3, np.array([2, 0, 3, 1])))


@masks.case(points=1, kind="shapes", fixed=True)
def without_hidden_layers(impl, rng):
    """One mask, from the inputs to the outputs."""
    return named(impl(5, [], order=np.array([2, 0, 4, 3, 1])))


@masks.case(
    points=1, kind="extremes", fixed=True, expect={"mask 0": [[0, 0, 0]], "mask 1": [[1], [1], [1]]}
)
def one_number(impl, rng):
    """A single variable has no past: no hidden unit is connected to it. Of two, every hidden unit
    has degree 1 and is connected to the first."""
    return named(impl(1, [3])) | {f"{k}, D = 2": mask for k, mask in named(impl(2, [3])).items()}


@masks.case(points=2, kind="equation")
def drawn_degrees(impl, rng):
    """With a generator, and the same again with one in the same state."""
    seeds = [rng.integers(10_000), rng.integers(10_000)]
    found = {}
    for k, seed in enumerate(seeds):
        drawn = impl(7, [3, 12, 5], 2, np.array([4, 0, 6, 2, 5, 1, 3]), np.random.default_rng(seed))
        found |= {f"mask {i}, generator {k}": mask for i, mask in enumerate(drawn)}
    return found


@masks.case(points=1, kind="equation", fixed=True)
def drawn_degrees_of_digits(impl, rng):
    """784 variables, as in the lesson; the degrees of the second layer are no lower than the least
    of the first. Counted by rows and columns."""
    found = impl(784, [4, 60], order=np.arange(784)[::-1], rng=np.random.default_rng(5))
    rows = {f"ones in the rows of mask {k}": mask.sum(axis=1) for k, mask in enumerate(found)}
    columns = {f"ones in the columns of mask {k}": mask.sum(axis=0) for k, mask in enumerate(found)}
    return rows | columns


layer = Exercise(
    "flow/08/masked_linear",
    target="minigen.nn.layers:masked_linear",
    minutes=5,
    imports=["from minigen.tensor import linear"],
    prompt=r"""
    Return the output of a layer with masked weights: `x` times (`w` times `mask`), plus `b`, then
    the activation.

    `x` has shape $(N, n_\mathrm{in})$, `w` and `mask` have $(n_\mathrm{in}, n_\mathrm{out})$, `b`
    has $(n_\mathrm{out},)$ or is `None` (no bias); the result has $(N, n_\mathrm{out})$. `mask`
    holds zeros and ones. `activation` is `None` or a name, `"relu"` or `"tanh"`.
    `linear(x, w, b, activation)` of `minigen.tensor` accepts `None` for both.

    Where `mask` is 0 a weight has no effect and gets no gradient, but keeps its value: the mask may
    change later, so do not change `w`. The result must be differentiable with respect to `x`, `w`
    and `b`.
    """,
    hints="""
    The mask belongs to the weights: what does a weight of zero do?

    y = a(x (w * mask) + b), where * is elementwise.

        return linear(x, w * mask, b, activation)
    """,
)

X = np.array([[2.0, 3.0]])
W = np.array([[0.5, -1.0], [1000.0, 2.0]])
B = np.array([0.25, -7.0])
SEEN = np.array([[1.0, 1.0], [0.0, 1.0]])


def random_layer(rng, n=4, n_in=5, n_out=3):
    x, w = rng.standard_normal((n, n_in)), rng.standard_normal((n_in, n_out))
    return x, w, rng.standard_normal(n_out), (rng.random((n_in, n_out)) < 0.6).astype(float)


@layer.case(points=1, kind="equation", expect={"y": [[1.25, -3.0]]})
def two_units(impl, rng):
    """Unit 0 is not connected to the 3: 0.5 * 2 + 0.25. Unit 1 is connected to both: -2 + 6 - 7."""
    return {"y": impl(X, W, B, SEEN)}


@layer.case(points=2, kind="equation")
def random_weights(impl, rng):
    return {"y": impl(*random_layer(rng))}


@layer.case(
    points=1, kind="equation", expect={"relu": [[1.25, 0.0]], "tanh": np.tanh([[1.25, -3.0]])}
)
def with_an_activation(impl, rng):
    """The same two units, with a ReLU and with tanh."""
    return {"relu": impl(X, W, B, SEEN, "relu"), "tanh": impl(X, W, B, SEEN, activation="tanh")}


@layer.case(points=1, kind="equation", expect={"y": [[1.0, 4.0]]})
def without_a_bias(impl, rng):
    return {"y": impl(X, W, None, SEEN)}


@layer.case(points=2, kind="gradient", property=True, expect={"gradient of masked weights": 0.0})
def gradients(impl, rng):
    """A weight where the mask is 0 gets no gradient."""
    x, w, b, mask = random_layer(rng)

    def total(x, w, b):
        return np.sum(impl(x, w, b, mask, "tanh") ** 2)

    slope = grad(lambda w: total(x, w, b))(w)
    return {
        "gradient of masked weights": slope * (1 - mask),
        "gradient of w": slope,
        "gradient of x": grad(lambda x: total(x, w, b))(x),
        "gradient of b": grad(lambda b: total(x, w, b))(b),
    }


@layer.case(points=1, kind="extremes", fixed=True, property=True, expect={"change": 0.0})
def masked_weights_have_no_effect(impl, rng):
    """Other values where the mask is 0, a million and more, change nothing. In float32."""
    x, w, b, mask = (a.astype(np.float32) for a in random_layer(rng))
    other = w + np.float32(1e6) * (1 - mask)
    return {"change": impl(x, other, b, mask) - impl(x, w, b, mask)}


connected = Exercise(
    "flow/08/dependencies",
    target="minigen.flow.made:dependencies",
    minutes=10,
    prompt="""
    Return which outputs of a network depend on which inputs, if all of its layers have masks: an
    array of bool (inputs, outputs), `True` where a path of connections leads from the input to the
    output.

    `masks` is a list of arrays, one for each layer, from the first to the last. Each has shape
    (units below, units above) and holds zeros and ones: 1 where there is a connection. A path uses
    one connection in each layer.

    The masks may be `float32`, and there may be many wide layers, so that the number of paths is
    larger than any `float32`. The result need not be differentiable.
    """,
    hints="""
    Go through the layers. Which units of layer 2 depend on input i, if you know which units of
    layer 1 depend on it?

    The product of the masks, first times second times ..., counts the paths. Its entry (i, j) is
    positive where output j depends on input i. Only this matters, so cut the counts to 0 and 1
    after each layer.

        reached = np.array(masks[0]) > 0
        for mask in masks[1:]:
            reached = reached.astype(float) @ mask > 0
        return reached
    """,
)


@connected.case(
    points=1, kind="equation", fixed=True, expect={"depends": [[0, 1, 1], [0, 0, 1], [0, 0, 0]]}
)
def masks_of_three_variables(impl, rng):
    """Four hidden units of degrees 1, 2, 1, 2: output 1 depends on input 0, output 2 on 0 and 1."""
    return {"depends": np.array(impl([np.array(FIRST), np.array(LAST)])) + 0}


@connected.case(points=2, kind="equation", fixed=True, expect={"depends": [[1, 0], [0, 0], [1, 1]]})
def two_routes(impl, rng):
    """Inputs 0 and 2 lead to unit 0, which leads to output 0. Input 2 also leads to unit 1, and
    this to output 1. Input 1 leads to unit 2, which ends there."""
    first = np.array([[1.0, 0, 0], [0, 0, 1], [1, 1, 0]])
    last = np.array([[1.0, 0], [0, 1], [0, 0]])
    return {"depends": np.array(impl([first, last])) + 0}


@connected.case(points=1, kind="shapes", exact_dtype=True)
def one_layer(impl, rng):
    """A single mask: its connections are the dependencies, as bool."""
    return {"depends": impl([(rng.random((4, 3)) < 0.5).astype(np.float32)])}


@connected.case(points=3, kind="equation", exact_dtype=True)
def random_masks(impl, rng):
    """Three layers of different widths, with few connections."""
    shapes = [(5, 7), (7, 4), (4, 6)]
    return {"depends": impl([(rng.random(s) < 0.35).astype(np.float32) for s in shapes])}


@connected.case(points=2, kind="equation", property=True, expect={"gap": 0})
def unit_by_unit(impl, rng):
    """With one hidden layer, an output depends on an input if they share some hidden unit."""
    first, last = rng.random((6, 9)) < 0.3, rng.random((9, 4)) < 0.3
    shared = np.any(first[:, :, None] & last[None], axis=1)
    return {"gap": np.array(impl([first + 0.0, last + 0.0])) * 1 - shared * 1}


@connected.case(points=1, kind="extremes", exact_dtype=True)
def deep(impl, rng):
    """Layers of 16 units, and a last one with few connections. All units are connected, in 17
    layers along 2^64 paths or more, in 40 along 2^156; or each with one unit of the next layer."""
    full, one = np.ones((16, 16), np.float32), np.eye(16, dtype=np.float32)
    last = (rng.random((16, 5)) < 0.06).astype(np.float32)
    return {
        "17 layers": impl([full] * 17 + [last]),
        "40 layers": impl([full] * 40 + [last]),
        "40 layers, one path": impl([one] * 40 + [last]),
    }


draw = Exercise(
    "flow/08/ancestral_sample",
    target="minigen.flow.made:ancestral_sample",
    minutes=15,
    imports=["from minigen.tensor import sigmoid"],
    prompt=r"""
    Return samples of $D$ variables, each 0 or 1, drawn one variable after the other from the
    conditionals of an autoregressive model.

    `logits` is a function (or a network) that maps $x$ $(n, D)$ to $(n, D)$. Column $i$ holds the
    logits of variable $i$, and depends on the variables at earlier places only; so entries of $x$
    that are not drawn yet may be anything. `order` is an integer array $(D,)$, a permutation of
    $0, \dots, D - 1$: `order[i]` is the place of variable $i$, and the variable at place 0 is drawn
    first. `u` $(n, D)$ are uniform random numbers: variable $i$ is 1 where `u[:, i]` is below its
    probability $\mathrm{sigmoid}(\mathrm{logit})$, and otherwise 0.

    The result $x$ $(n, D)$ holds zeros and ones as floats. Leave `u` as it is. The result need not
    be differentiable.
    """,
    hints="""
    A variable can be drawn only after those before it: evaluate the network again after each one.

    Which variable is at place 0, 1, 2, ...? The inverse of the permutation: np.argsort(order).

        x = np.zeros(u.shape)
        for i in np.argsort(order):
            x[:, i] = u[:, i] < sigmoid(logits(x)[:, i])
        return x
    """,
)


def follows(x):
    """Variable 1 is 1 with probability 0.6; variable 0 equals it with probability 0.9."""
    return np.stack([np.log(9.0) * (2 * x[:, 1] - 1), np.full(len(x), np.log(1.5))], axis=1)


def relay(x):
    """Variable 2 is 1 with probability 0.8. Variable 0 equals it, and variable 1 differs from
    variable 0, each with probability 0.75."""
    sure = np.log(3.0)
    first = np.full(len(x), np.log(4.0))
    return np.stack([sure * (2 * x[:, 2] - 1), sure * (1 - 2 * x[:, 0]), first], axis=1)


def network(rng, order):
    """A random autoregressive model without hidden units."""
    w = 2 * rng.standard_normal((len(order), len(order))) * (order > order[:, None])
    b = rng.standard_normal(len(order))
    return lambda x: (2 * x - 1) @ w + b


@draw.case(points=1, kind="equation", fixed=True, expect={"x": [[1, 1], [0, 1], [1, 0], [0, 0]]})
def two_numbers(impl, rng):
    """Variable 1 comes first, and is 1 with probability 0.6. Then variable 0 is 1 with probability
    0.9 or 0.1."""
    u = np.array([[0.89, 0.59], [0.91, 0.59], [0.09, 0.61], [0.11, 0.61]])
    return {"x": impl(follows, np.array([1, 0]), u)}


@draw.case(points=2, kind="equation", expect={"x": [[1, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 0]]})
def three_numbers_in_a_row(impl, rng):
    """Places 1, 2, 0: variable 2 comes first, then variable 0, then variable 1."""
    u = np.array([[0.7, 0.3, 0.79], [0.8, 0.7, 0.1], [0.3, 0.8, 0.85], [0.2, 0.2, 0.81]])
    return {"x": impl(relay, np.array([1, 2, 0]), u)}


@draw.case(points=2, kind="equation")
def random_model(impl, rng):
    order = rng.permutation(8)
    return {"x": impl(network(rng, order), order, rng.random((6, 8)))}


@draw.case(points=1, kind="equation")
def in_their_own_order(impl, rng):
    order = np.arange(5)
    return {"x": impl(network(rng, order), order, rng.random((7, 5), dtype=np.float32))}


@draw.case(points=1, kind="extremes", fixed=True, expect={"x": [[1, 0, 1, 0, 1], [1, 0, 0, 1, 0]]})
def quite_sure(impl, rng):
    """Logits of 1000 and -1000, of 1 and -1 (probabilities 0.731 and 0.269), and of 0: at u = 1/2
    the variable is 0."""
    u = np.array([[0.999, 0.001, 0.73, 0.27, 0.4999], [0.5, 0.5, 0.74, 0.26, 0.5]])
    sure = np.array([1000.0, -1000.0, 1.0, -1.0, 0.0])
    return {"x": impl(lambda x: np.tile(sure, (len(x), 1)), np.array([3, 0, 2, 1, 4]), u)}


@draw.case(
    points=1,
    kind="equation",
    property=True,
    expect={"share that equals the variable drawn before": 1.0},
)
def a_chain(impl, rng):
    """Where each variable equals the one drawn before it, all variables of an example are equal."""
    order = np.array([2, 0, 4, 3, 1, 5])
    before = np.argsort(order)[order - 1]  # the variable at the place before; the first has none

    def logits(x):
        return np.where(order == 0, 0.0, 1000.0 * (2 * x[:, before] - 1))

    x = impl(logits, order, rng.uniform(0.01, 0.99, (3, 6)))
    return {"share that equals the variable drawn before": np.mean(x == x[:, :1]), "x": x}
