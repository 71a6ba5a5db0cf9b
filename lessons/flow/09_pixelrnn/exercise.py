"""Exercises of PixelRNN: the mask of a convolution, the skewed image, and one step of an LSTM."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

mask = Exercise(
    "flow/09/pixel_mask",
    target="minigen.flow.pixel.model:pixel_mask",
    minutes=10,
    prompt=r"""
    Return the mask of a convolution over an image whose pixels come row by row, from left to right:
    an array of floats $(\mathrm{kernel}, \mathrm{kernel})$, 1 where the kernel may read the image
    and 0 elsewhere.

    The middle of the kernel lies on the current pixel. The kernel may read the pixels that come
    before it. `kind` sets whether the mask includes the current pixel: `"A"` (first layer) excludes
    it, `"B"` (later layers) includes it. `kernel` is an odd number, 1 included.
    """,
    hints="""
    Which rows of the kernel are in the past as a whole, and which row only in part?

    1 in all rows above the middle one; in the middle row 1 left of the middle; the middle itself is
    0 for "A" and 1 for "B"; 0 in the rest.

        middle = kernel // 2
        mask = np.zeros((kernel, kernel))
        mask[:middle] = 1
        mask[middle, : middle + (kind == "B")] = 1
        return mask
    """,
)


@mask.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={
        "mask": [
            [1, 1, 1, 1, 1],
            [1, 1, 1, 1, 1],
            [1, 1, 0, 0, 0],
            [0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0],
        ]
    },
)
def five_by_five(impl, rng):
    """Kind A, 5 x 5: two whole rows, and two of the middle row."""
    return {"mask": impl(5, "A")}


@mask.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={
        "mask": [
            [1, 1, 1, 1, 1],
            [1, 1, 1, 1, 1],
            [1, 1, 1, 0, 0],
            [0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0],
        ]
    },
)
def the_middle_of_b(impl, rng):
    """Kind B, 5 x 5: the middle too."""
    return {"mask": impl(5, "B")}


@mask.case(points=1, kind="extremes", fixed=True, expect={"A": [[0.0]], "B": [[1.0]]})
def one_pixel(impl, rng):
    """A kernel of one pixel: the current one alone."""
    return {"A": impl(1, "A"), "B": impl(1, "B")}


@mask.case(points=1, kind="equation")
def other_sizes(impl, rng):
    sizes = [3, 7, 2 * int(rng.integers(4, 20)) + 1]
    return {f"{k} x {k}, {kind}": impl(k, kind) for k in sizes for kind in "AB"}


@mask.case(points=2, kind="equation", fixed=True, property=True, expect={"A": 0.0, "B": 0.0})
def either_before_or_after(impl, rng):
    """Rotated by 180 degrees, "before" becomes "after". So A and its rotation add up to 1,
    except in the middle, where both are 0; B and its rotation are both 1 in the middle."""
    k = 2 * int(rng.integers(1, 6)) + 1
    middle = np.zeros((k, k))
    middle[k // 2, k // 2] = 1
    a, b = np.array(impl(k, "A")), np.array(impl(k, "B"))
    return {"A": a + a[::-1, ::-1] - (1 - middle), "B": b + b[::-1, ::-1] - (1 + middle)}


skewed = Exercise(
    "flow/09/skew",
    target="minigen.flow.pixel.pixelrnn:skew",
    minutes=15,
    rtol=1e-7,
    prompt="""
    Return the skewed image: row $i$ of `x`, counted from 0, is moved $i$ places to the right. Zeros
    fill the places without a pixel.

    `x` has shape $(N, H, W, C)$, images of $H$ rows and $W$ columns; the result has shape
    $(N, H, W + H - 1, C)$. The result must be differentiable: nothing can be assigned into `x` or
    an array made of it. Use `np.concatenate`, or `np.pad` with its mode, `"constant"`, written out.
    """,
    hints="""
    How many zeros are there before row i, and how many after it? Make each row longer, then stack
    the rows.

    Row i is i columns of zeros, then the row, then H - 1 - i columns of zeros.

        n, h, w, c = x.shape
        rows = []
        for i in range(h):
            before = np.zeros((n, i, c), x.dtype)
            after = np.zeros((n, h - 1 - i, c), x.dtype)
            rows.append(np.concatenate([before, x[:, i], after], axis=1))
        return np.stack(rows, axis=1)
    """,
)


def images(rng, n=2, h=4, w=3, c=2):
    return 1 + rng.random((n, h, w, c))


@skewed.case(
    points=1,
    kind="equation",
    expect={
        "first": [[0.7, 2.2, 0, 0], [0, 3.1, 4.6, 0], [0, 0, 5.3, 9.4]],
        "second": [[1.7, 3.2, 0, 0], [0, 4.1, 5.6, 0], [0, 0, 6.3, 10.4]],
    },
)
def three_rows(impl, rng):
    """Two images of three rows of two: 0.7 2.2 / 3.1 4.6 / 5.3 9.4, and the same with 1 added."""
    x = np.array([[0.7, 2.2], [3.1, 4.6], [5.3, 9.4]])
    y = impl(np.stack([x, x + 1])[..., None])
    return {"first": y[0, :, :, 0], "second": y[1, :, :, 0]}


@skewed.case(points=1, kind="equation", expect={"skewed": [[1, 2, 3, 0], [0, 4, 5, 6]]})
def wider_than_high(impl, rng):
    """1 2 3 / 4 5 6."""
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    return {"skewed": np.reshape(impl(x.reshape(1, 2, 3, 1)), (2, 4))}


@skewed.case(points=2, kind="shapes")
def batches(impl, rng):
    return {
        "higher than wide": impl(images(rng)),
        "wider than high": impl(images(rng, 3, 2, 6, 1)),
        "of float32": impl(images(rng, 1, 5, 5, 3).astype(np.float32)),
    }


@skewed.case(points=1, kind="shapes")
def thin(impl, rng):
    """One row, one column, one pixel."""
    return {
        "one row": impl(images(rng, 2, 1, 4, 3)),
        "one column": impl(images(rng, 2, 4, 1, 3)),
        "one pixel": impl(images(rng, 2, 1, 1, 1)),
    }


@skewed.case(points=2, kind="equation", property=True, expect={"left": 0.0, "above": 0.0})
def neighbors(impl, rng):
    """The left and the upper neighbor of a pixel are in the column before it."""
    x = images(rng, 2, 4, 5, 2)
    y = np.array(impl(x))
    i, j = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    before = i + j - 1
    left, above = y[:, i, before] - x[:, i, j - 1], y[:, i - 1, before] - x[:, i - 1, j]
    return {"left": left, "above": above}


@skewed.case(points=1, kind="gradient")
def gradients(impl, rng):
    x, weights = images(rng, 2, 3, 4, 2), rng.standard_normal((2, 3, 6, 2))
    return {"gradient": grad(lambda x: np.sum(impl(x) ** 2 * weights))(x)}


straight = Exercise(
    "flow/09/unskew",
    target="minigen.flow.pixel.pixelrnn:unskew",
    minutes=15,
    rtol=1e-7,
    prompt="""
    Return the image of which `y` is the skewed one: row $i$ of `y`, counted from 0, is moved $i$
    places back to the left, and the places without a pixel are cut off.

    `y` has shape $(N, H, V, C)$ with $V = W + H - 1$; the result has shape $(N, H, W, C)$. Values
    outside of the image need not be 0 and must have no effect. The result must be differentiable:
    nothing can be assigned into `y` or an array made of it.
    """,
    hints="""
    How wide is the image, if V and H are known? Where does row i begin?

    W = V - H + 1, and row i of the image is columns i ... i + W - 1 of row i of y.

        h, v = y.shape[1:3]
        w = v - h + 1
        return np.stack([y[:, i, i : i + w] for i in range(h)], axis=1)
    """,
)


@straight.case(
    points=2,
    kind="equation",
    expect={
        "first": [[0.7, 2.2], [3.1, 4.6], [5.3, 9.4]],
        "second": [[1.7, 3.2], [4.1, 5.6], [6.3, 10.4]],
    },
)
def back_to_three_rows(impl, rng):
    """0.7 2.2 . . / . 3.1 4.6 . / . . 5.3 9.4 with other numbers where the dots are, and the same
    with 1 added."""
    y = np.array([[0.7, 2.2, 8.1, 8.3], [7.4, 3.1, 4.6, 6.2], [1.6, 1.7, 5.3, 9.4]])
    x = impl(np.stack([y, y + 1])[..., None])
    return {"first": x[0, :, :, 0], "second": x[1, :, :, 0]}


@straight.case(points=1, kind="shapes")
def batches_back(impl, rng):
    return {
        "higher than wide": impl(images(rng, 2, 4, 6, 2)),
        "wider than high": impl(images(rng, 3, 2, 7, 1)),
        "of float32": impl(images(rng, 1, 5, 9, 3).astype(np.float32)),
    }


@straight.case(points=1, kind="shapes")
def thin_back(impl, rng):
    """One row, one column, one pixel."""
    return {
        "one row": impl(images(rng, 2, 1, 4, 3)),
        "one column": impl(images(rng, 2, 4, 4, 3)),
        "one pixel": impl(images(rng, 2, 1, 1, 1)),
    }


@straight.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def columns_of_steps(impl, rng):
    """If column k of the skewed image holds k, pixel (i, j) gets i + j."""
    y = np.broadcast_to(np.arange(8.0)[:, None], (2, 3, 8, 1))
    steps = np.arange(3)[:, None] + np.arange(6)
    return {"gap": np.array(impl(y))[..., 0] - steps}


@straight.case(points=1, kind="gradient")
def gradients_back(impl, rng):
    """Of the pixels; what is outside of the image has none."""
    y, weights = images(rng, 2, 3, 6, 2), rng.standard_normal((2, 3, 4, 2))
    return {"gradient": grad(lambda y: np.sum(impl(y) ** 2 * weights))(y)}


lstm = Exercise(
    "flow/09/lstm_step",
    target="minigen.nn.recurrent:lstm_step",
    minutes=15,
    imports=("from minigen.tensor import sigmoid, tanh",),
    prompt=r"""
    Return one step of an LSTM, after the matrix products. `gates` $(N, 4\, \mathrm{width})$ is the
    sum of the products of the input and of the previous state with their weights, without
    activation. Its columns are first the $\mathrm{width}$ entries of the input gate $i$, then those
    of the forget gate $f$, of the output gate $o$, and of the content $g$. `c`
    $(N, \mathrm{width})$ is the previous cell state.

    The gates $i$, $f$ and $o$ lie between 0 and 1, the content between $-1$ and 1. The new cell
    state is $f$ times the previous one plus $i$ times the content; the new hidden state is $o$
    times the tanh of the new cell state. Return the new $h$ and the new `c`, both
    $(N, \mathrm{width})$, as a tuple.

    The result must be differentiable; entries of `gates` go as far as $-1000$ and 1000. `sigmoid`
    and `tanh` of `minigen.tensor` do not overflow there.
    """,
    hints="""
    Cut gates into four blocks of columns, each as wide as c. Which blocks get a sigmoid, and which
    a tanh?

    c' = f c + i g and h' = o tanh(c'), with i, f, o = sigmoid(...) and g = tanh(...).

        width = c.shape[1]
        i, f, o, g = (gates[:, k * width : (k + 1) * width] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c
    """,
)


def logit(p):
    return np.log(p / (1 - p))


@lstm.case(points=1, kind="equation", expect={"c": [[0.65]], "h": [[0.9 * np.tanh(0.65)]]})
def one_unit(impl, rng):
    """i = 0.2, f = 0.7, o = 0.9 and content 0.45; c was 0.8: 0.7 of it stays, 0.2 of 0.45 comes."""
    gates = np.array([[logit(0.2), logit(0.7), logit(0.9), np.arctanh(0.45)]])
    h, c = impl(gates, np.array([[0.8]]))
    return {"c": c, "h": h}


@lstm.case(points=2, kind="equation")
def several_units(impl, rng):
    gates, c = rng.standard_normal((5, 12)), rng.standard_normal((5, 3))
    h, c = impl(2 * gates, 2 * c)
    return {"c": c, "h": h}


@lstm.case(points=1, kind="equation", property=True, expect={"c": 0.0, "h": 0.0})
def kept(impl, rng):
    """With the forget gate open (40) and the input gate shut (-40) the cell state stays; with the
    output gate open too, the hidden state is its tanh."""
    c = 3 * rng.standard_normal((4, 2))
    gates = np.concatenate(
        [np.full((4, 2), -40.0), np.full((4, 4), 40.0), rng.standard_normal((4, 2))], axis=1
    )
    h, new = impl(gates, c)
    return {"c": new - c, "h": h - np.tanh(c)}


@lstm.case(points=1, kind="equation", property=True, expect={"c": 0.0, "h": 0.0})
def written_over(impl, rng):
    """With the forget gate shut and the input gate open, the new cell state is the content; with
    the output gate shut the hidden state is 0."""
    content, c = rng.standard_normal((4, 3)), 5 * rng.standard_normal((4, 3))
    shut = np.full((4, 3), -40.0)
    h, new = impl(np.concatenate([-shut, shut, shut, content], axis=1), c)
    return {"c": new - np.tanh(content), "h": h}


@lstm.case(points=2, kind="gradient")
def gradients_of_a_step(impl, rng):
    gates, c = rng.standard_normal((3, 8)), rng.standard_normal((3, 2))
    a, b = rng.standard_normal((2, 3, 2))

    def total(gates, c):
        h, new = impl(gates, c)
        return np.sum(a * h) + np.sum(b * new)

    return {
        "gradient with respect to the gates": grad(total)(gates, c),
        "gradient with respect to c": grad(lambda c: total(gates, c))(c),
    }


@lstm.case(points=1, kind="extremes")
def far_out(impl, rng):
    """Entries of -1000 and 1000, with their gradient."""
    gates = rng.choice([-1000.0, 1000.0, 0.3], (4, 8))
    c = rng.standard_normal((4, 2))

    def total(gates):
        h, new = impl(gates, c)
        return np.sum(h) + np.sum(new)

    h, new = impl(gates, c)
    return {"c": new, "h": h, "gradient": grad(total)(gates)}


@lstm.case(points=1, kind="extremes", rtol=1e-5)
def large_states(impl, rng):
    """A cell state may grow beyond 1: here to 4 and more; in float32."""
    gates = rng.standard_normal((6, 4)).astype(np.float32)
    h, c = impl(gates, np.linspace(-8, 8, 6, dtype=np.float32)[:, None])
    return {"c": c, "h": h}
