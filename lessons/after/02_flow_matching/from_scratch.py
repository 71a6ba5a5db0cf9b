"""Flow matching, written from an empty file."""

from minigen.course.from_scratch.task import FromScratch
from minigen.data import toy

TASK = FromScratch(
    "after/02/from_scratch",
    title="flow matching",
    prompt="""
    Learn the velocity of straight lines from noise to two moons, and follow it. `train(x, rng)`
    gets 4,000 points $(N, 2)$ and a generator, and returns what `sample` needs;
    `sample(state, n, rng)` returns $n$ new points, $(n, 2)$, in as many steps as you like. The
    network, its loss and the solver are yours. We check the distance of your samples to the data,
    and how sharp they are.
    """,
    density=toy.two_moons(noise=0.1),
    # On five seeds two right models have sw 1.5 to 3.2 and rank 23 to 29 (six layers of default
    # scale) or 6 to 8; half of the steps sw 3.5 to 4.3, rank 54 to 56. One Gaussian has 9.1 to 9.7
    # and 99, an untrained model 11 and 106, copies memo 0, copies with jitter 0.4. A kernel density
    # estimate passes with ten points, as it should in the plane: it is a good density there.
    bars={"memo": (0.75, None), "sw": (None, 6), "rank": (None, 75)},
    last=("rank", 40, 15),
    lines=35,
)
