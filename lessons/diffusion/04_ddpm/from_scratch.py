"""The diffusion model of this lesson, written from an empty file."""

from minigen.course.from_scratch.task import FromScratch
from minigen.data import toy
from minigen.data.mixture import GaussianMixture

RING = toy.ring(modes=8, radius=2.0, std=0.1)

TASK = FromScratch(
    "diffusion/04/from_scratch",
    title="a denoising diffusion model",
    prompt="""
    Eight Gaussians lie on a ring, some of them four times as probable as others. Learn to draw from
    them by removing noise. `train(x, rng)` gets 4,000 points $(N, 2)$ and a generator, and returns
    what `sample` needs; `sample(state, n, rng)` returns $n$ new points, $(n, 2)$. The schedule, the
    number of steps, the network that predicts the noise and the way back are yours;
    `minigen.nn.sinusoidal` turns a time step into features. We check that all eight modes are there
    in their proportions, their widths, and the distance of your samples to the data.
    """,
    density=GaussianMixture(
        RING.modes, std=0.1, weights=[1, 2, 3, 4, 1, 2, 3, 4], name="uneven ring"
    ),
    # No bar separates three things. With beta_t in place of alpha_bar_t in the loss, the sampler
    # becomes an annealed Langevin walk, with better numbers than the right one (rank 15 against
    # 22). Noise at the last step, too, has a standard deviation of 0.01 here. A kernel density
    # estimate is a good density in the plane. The small exercises see the first two.
    bars={
        "memo": (0.75, None),
        "modes": (8, None),
        "least": (0.3, None),
        "sw": (None, 8),
        "core": (0.5, 1.7),
    },
    last=("rank", 40, 15),
    lines=40,
)
