"""Exercises on the U-Net: the sizes of its feature maps, and the features of a time."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

sizes = Exercise(
    "diffusion/17/unet_sizes",
    target="minigen.diffusion.networks.unet:unet_sizes",
    minutes=12,
    prompt=r"""
    Compute the side lengths of the feature maps inside the original U-Net. A level has two 3×3
    convolutions without padding, each of which removes one pixel at every border. On the way down,
    a level is followed by pooling to half the side, `depth` times, and then by one more level, the
    bottom. On the way up, the side is doubled and a level follows, `depth` times.

    `size` is the side of the square input, a whole number; `depth` is 4 unless given. Return a
    tuple of two lists of whole numbers: `down`, the $\mathrm{depth} + 1$ side lengths after each
    level on the way down (the bottom last), and `up`, the `depth` side lengths after each level on
    the way up. In every size that is tried, each side that is halved is even.
    """,
    hints="""
    Follow a single number, the side, through all levels, and append it after each level.

    A level subtracts 4. Down: side/2 - 4 from one level to the next; up: 2 side - 4.

        down = [size - 4]
        for _ in range(depth):
            down.append(down[-1] // 2 - 4)
        up = []
        side = down[-1]
        for _ in range(depth):
            side = 2 * side - 4
            up.append(side)
        return down, up
    """,
)


@sizes.case(points=1, kind="equation", fixed=True, expect={"down": [40, 16, 4], "up": [4, 4]})
def two_levels(impl, rng):
    """44 - 4 = 40, 20 - 4 = 16, 8 - 4 = 4 at the bottom; then 8 - 4 = 4, and again 4."""
    down, up = impl(44, 2)
    return {"down": np.array(down), "up": np.array(up)}


@sizes.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"down": [568, 280, 136, 64, 28], "up": [52, 100, 196, 388]},
)
def original(impl, rng):
    """Without a depth it is 4: the sides that are printed in the figure of the paper."""
    down, up = impl(572)
    return {"down": np.array(down), "up": np.array(up)}


@sizes.case(points=2, kind="equation")
def other_depths(impl, rng):
    """Inputs that fit, made from the bottom up."""
    found = {}
    for depth in (1, 3, 5):
        size = int(rng.integers(12, 20))
        for _ in range(depth):
            size = 2 * size + 4
        down, up = impl(size, depth)
        found |= {f"down, depth {depth}": np.array(down), f"up, depth {depth}": np.array(up)}
    return found


@sizes.case(points=2, kind="equation", property=True, expect={"lost": [16, 40, 88, 184, 376]})
def lost_at_the_border(impl, rng):
    """What is lost between input and output depends on the depth alone."""
    lost = []
    for depth in range(1, 6):
        size = int(rng.integers(12, 20))
        for _ in range(depth):
            size = 2 * size + 4
        lost.append(size - impl(size, depth)[1][-1])
    return {"lost": np.array(lost)}


features = Exercise(
    "diffusion/17/sinusoidal",
    target="minigen.nn.layers:sinusoidal",
    minutes=15,
    prompt=r"""
    Turn times into features, the sines and cosines of many frequencies.

    `t` has shape $(N,)$; its entries need not be whole and may be negative. `dim` is an even
    number. Return an array of shape $(N, \mathrm{dim})$, `float32`. Its first half holds the sines
    of $t \omega_k$, $k = 0 \dots\, \mathrm{dim}/2 - 1$, its second half the cosines of the same
    angles. $\omega_0$ is 1, and the $\omega_k$ fall in equal ratios, such that $\omega$ with the
    index $\mathrm{dim}/2$, one past the last, would be $1/\mathrm{max\_period}$; `max_period` is
    10000 unless given. The result need not be differentiable.
    """,
    hints="""
    Each pair of features has a frequency. Form the outer product of times and frequencies, then
    its sines and its cosines, side by side.

    omega_k = max_period^(-k/(dim/2)); sin(t omega_k) for all k, then cos(t omega_k).

        half = dim // 2
        omega = max_period ** (-np.arange(half) / half)
        angle = np.asarray(t, dtype=float)[:, None] * omega  # (N, dim/2)
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
    """,
    rtol=1e-5,
    atol=1e-6,
)


ROOTS = [3**0.5 / 2, 3**0.5 / 2, 1 / 2, -1 / 2, 1 / 2, 3**0.5 / 2]


@features.case(
    points=1, kind="equation", expect={"features": [ROOTS, [0, -1, -(0.5**0.5), -1, 0, 0.5**0.5]]}
)
def six_features(impl, rng):
    """dim = 6 and max_period = 8: the frequencies are 1, 1/2, 1/4. The time 2 pi/3 has the angles
    120, 60 and 30 degrees, the time -pi has -180, -90 and -45."""
    return {"features": impl(np.array([2 * np.pi / 3, -np.pi]), 6, 8.0)}


@features.case(points=1, kind="equation", rtol=0, atol=1e-3)
def usual_period(impl, rng):
    """Without one, max_period is 10000; times up to 1000."""
    t = np.append(rng.integers(1, 1000, 4), 1000)
    return {"features": impl(t, 16)}


@features.case(points=1, kind="shapes", exact_dtype=True)
def in_single_precision(impl, rng):
    """The result is float32, whatever the dtype of the times; in one case all times are equal."""
    whole, same = impl(np.arange(3), 4), impl(np.full(3, 7), 6)
    return {"whole": whole, "the same": same, "float64": impl(np.array([0.5, 2.0]), 6)}


@features.case(points=1, kind="equation")
def fractions_of_a_step(impl, rng):
    return {"features": impl(rng.uniform(-5, 200, 7), 10, 500.0), "two": impl(np.array([0.3]), 2)}


@features.case(
    points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0}, rtol=0, atol=1e-4
)
def distance_in_time(impl, rng):
    """The inner product of the features of two times depends on their difference alone, and the
    features of a time have the squared length dim/2."""
    t, later = rng.uniform(0, 100, (2, 6))
    both = np.sum(impl(t, 12) * impl(t + 3, 12), axis=1)
    same = np.sum(impl(later, 12) * impl(later + 3, 12), axis=1)
    return {"gap": np.stack([both - same, np.sum(impl(t, 12) ** 2, axis=1) - 6])}
