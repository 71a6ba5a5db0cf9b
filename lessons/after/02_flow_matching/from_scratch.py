"""Flow matching, written from an empty file."""

from minigen.course.from_scratch.task import FromScratch
from minigen.data import toy

TASK = FromScratch(
    "after/02/from_scratch",
    title="flow matching",
    prompt="""
    Learn the velocity of straight lines from noise to two moons, and follow it. `train(x, rng)`
    gets 4,000 points (N, 2) and a generator, and returns what `sample` needs; `sample(state, n,
    rng)` returns n new points, (n, 2), in as many steps as you like. The network, its loss and
    the solver are yours. We check the distance of your samples to the data, and how sharp they
    are.
    """,
    density=toy.two_moons(noise=0.1),
    bars={"memo": (0.75, None), "sw": (None, 4), "rank": (None, 60)},
    last=("rank", 30, 12),
    lines=35,
)
