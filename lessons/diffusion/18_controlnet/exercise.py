"""Exercises on ControlNet: the gradients of a 1x1 convolution, and how a block and its copy are
joined."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

gradients = Exercise(
    "diffusion/18/conv1x1_gradients",
    target="minigen.diffusion.networks.controlnet:conv1x1_gradients",
    minutes=15,
    prompt="""
    The gradients of a 1x1 convolution, written by hand.

    At each position of each example, $y = x w + b$: `x` has shape $(N, H, W, C)$, `w` $(C, K)$, $b$
    $(K,)$, $y$ $(N, H, W, K)$. `g`, of the shape of $y$, is the gradient of a loss with respect to
    $y$. Return a tuple of three arrays: the gradients of the loss with respect to `w` $(C, K)$, $b$
    $(K,)$ and `x` $(N, H, W, C)$. `w` and $b$ are shared by all positions and examples. All of `w`
    may be zero, as in a zero convolution.
    """,
    hints="""
    w[c, k] connects x[..., c] with y[..., k], at every position. The gradient of a shared weight is
    the sum over all places where it is used.

    dw[c, k] = sum over n, h, w of x[n, h, w, c] g[n, h, w, k]; db[k] = the sum of g[..., k]; dx = g
    times the transpose of w, at each position.

        dw = np.einsum("nhwc,nhwk->ck", x, g)
        return dw, np.sum(g, axis=(0, 1, 2)), np.matmul(g, np.transpose(w))
    """,
)


@gradients.case(
    points=1,
    kind="equation",
    expect={"dw": [[10.0], [-3.0]], "db": [7.0], "dx": [[[[2.0, -6.0], [1.5, -4.5]]]]},
)
def two_positions(impl, rng):
    """One example, two positions, from two channels to one: x is (1, 3) and (2, -5), w is (0.5,
    -1.5), g is 4 and 3. dw is 1 * 4 + 2 * 3 and 3 * 4 - 5 * 3."""
    x = np.array([[[[1.0, 3.0], [2.0, -5.0]]]])
    dw, db, dx = impl(x, np.array([[0.5], [-1.5]]), np.array([[[[4.0], [3.0]]]]))
    return {"dw": dw, "db": db, "dx": dx}


@gradients.case(points=2, kind="equation")
def pictures(impl, rng):
    x, w, g = (rng.standard_normal(shape) for shape in [(2, 3, 4, 5), (5, 6), (2, 3, 4, 6)])
    dw, db, dx = impl(x, w, g)
    return {"dw": dw, "db": db, "dx": dx}


@gradients.case(points=1, kind="equation", property=True, expect={"dx": 0.0})
def weights_of_zero(impl, rng):
    """With w = 0 the gradient with respect to x is zero, and that with respect to w is not."""
    x, g = rng.standard_normal((2, 3, 3, 4)), rng.standard_normal((2, 3, 3, 2))
    dw, db, dx = impl(x, np.zeros((4, 2)), g)
    return {"dx": dx, "dw": dw, "db": db}


@gradients.case(points=1, kind="equation", property=True, expect={"difference": 0.0})
def a_small_change(impl, rng):
    """The loss sum(y * g) is linear in w and in x: it changes by the change of either times its
    gradient."""
    x, w, g = (rng.standard_normal(shape) for shape in [(2, 2, 3, 3), (3, 3), (2, 2, 3, 3)])
    change_w, change_x = rng.standard_normal((3, 3)), rng.standard_normal(x.shape)
    dw, db, dx = impl(x, w, g)
    by_w = np.sum(np.matmul(x, change_w) * g) - np.sum(np.asarray(dw) * change_w)
    by_x = np.sum(np.matmul(change_x, w) * g) - np.sum(np.asarray(dx) * change_x)
    return {"difference": np.array([by_w, by_x]), "db": db}


@gradients.case(points=1, kind="extremes", rtol=1e-4)
def in_single_precision(impl, rng):
    """Values of 1000 among them, in float32."""
    x, w, g = (
        rng.standard_normal(s).astype(np.float32) for s in [(1, 4, 4, 2), (2, 3), (1, 4, 4, 3)]
    )
    x[0, 0, 0] = [1000.0, -1000.0]
    dw, db, dx = impl(x, w, g)
    return {"dw": dw, "db": db, "dx": dx}


joined = Exercise(
    "diffusion/18/controlled",
    target="minigen.diffusion.networks.controlnet:controlled",
    minutes=5,
    prompt="""
    The output of a locked block with a condition.

    `frozen` is the block, `trained` its copy, `zero_in` and `zero_out` are the two zero
    convolutions: each a function of one array $(N, H, W, C)$ that returns one of the same shape.
    `x` is the block's input, `c` the condition, of the same shape. The condition passes `zero_in`
    and is added to the copy's input; the copy's output passes `zero_out` and is added to the
    block's output. The locked block does not receive the condition. Each function is called once.
    """,
    hints="""
    Draw the block and its copy: x is an input of both, c of the copy alone.

    frozen(x) + zero_out(trained(x + zero_in(c))).

        return frozen(x) + zero_out(trained(x + zero_in(c)))
    """,
)


@joined.case(points=1, kind="equation", expect={"y": [[[[25.125]]]]})
def four_numbers(impl, rng):
    """frozen doubles, trained squares, zero_in takes 3 times, zero_out half. x = 2 and c = 1.5: 2 *
    2 + (2 + 3 * 1.5)^2/2."""
    x, c = np.full((1, 1, 1, 1), 2.0), np.full((1, 1, 1, 1), 1.5)
    return {"y": impl(lambda a: 2 * a, lambda a: a**2, lambda a: 3 * a, lambda a: a / 2, x, c)}


def functions(rng, channels):
    """Four different functions: the block, the copy, and two 1x1 convolutions with biases."""
    mixes = rng.standard_normal((4, channels, channels))
    biases = rng.standard_normal((4, channels))

    def made(k, outer):
        return lambda a: outer(np.matmul(a, mixes[k]) + biases[k])

    return made(0, np.tanh), made(1, np.sin), made(2, lambda a: a), made(3, lambda a: a)


@joined.case(points=2, kind="equation")
def pictures_of_three_channels(impl, rng):
    x, c = rng.standard_normal((2, 2, 4, 5, 3))
    return {"y": impl(*functions(rng, 3), x, c)}


@joined.case(points=1, kind="equation", property=True, expect={"change": 0.0})
def silent_joints(impl, rng):
    """Zero convolutions whose weights are zero leave the output of the block, whatever the
    condition."""
    frozen, trained, zero_in, zero_out = functions(rng, 2)
    x, c = rng.standard_normal((2, 3, 2, 2, 2))
    silent = impl(frozen, trained, zero_in, lambda a: 0 * a, x, 1000 * c)
    return {"change": silent - frozen(x), "open": impl(frozen, trained, zero_in, zero_out, x, c)}


@joined.case(
    points=1, kind="shapes", expect={"frozen": 1, "trained": 1, "zero_in": 1, "zero_out": 1}
)
def called_once(impl, rng):
    """How often each of the four is called."""
    calls = {"frozen": 0, "trained": 0, "zero_in": 0, "zero_out": 0}

    def counted(name):
        def fn(a):
            calls[name] += 1
            return a + 1

        return fn

    impl(*(counted(name) for name in calls), *rng.standard_normal((2, 1, 2, 2, 3)))
    return calls
