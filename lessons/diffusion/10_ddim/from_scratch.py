"""The sampler of this lesson, written from an empty file."""

from minigen.course.from_scratch.task import FromScratch
from minigen.data import toy
from minigen.data.mixture import GaussianMixture
from minigen.diffusion.schedule import Schedule

RING = toy.ring(modes=8, radius=2.0, std=0.1)

TASK = FromScratch(
    "diffusion/10/from_scratch",
    title="a sampler of ten steps",
    prompt="""
    Eight Gaussians lie on a ring, some four times as probable as others, and the noise predictor is
    perfect. Draw from them in ten steps. `sample(state, x_T)` gets `state = (eps, alpha_bar)` and
    noise `x_T` $(n, 2)$, and returns $n$ points, $(n, 2)$. `eps(x, t)` is the mean of the noise in
    `x` at `t`, an integer from 1 to 1000 or $(n,)$ of them; `alpha_bar` has 1001 values, the first
    one 1. You may evaluate `eps` ten times for each point: choose the times. No fresh noise may
    enter, so that the same `x_T` gives the same sample. We check all that, the eight modes and the
    distance of your samples to the data.
    """,
    density=GaussianMixture(
        RING.modes, std=0.1, weights=[1, 2, 3, 4, 1, 2, 3, 4], name="uneven ring"
    ),
    alpha_bar=Schedule.linear(1000).alpha_bar,
    # On five seeds of noise, times even in t give sw 2.7 to 3.5 and rank 40 to 42, and times even
    # in the log of the signal-to-noise ratio sw 3.4 to 4.3 and rank 26 to 29. One step too few has
    # sw 14, no step 35. Fresh noise in place of eps has sw 3.8 and rank 42, with a fixed seed
    # as well: only `same` sees them, at 2.4, because the points come in another order.
    bars={"calls": (None, 10), "same": (None, 0.001), "modes": (8, None), "sw": (None, 7)},
    last=("rank", 60, 34),
    lines=15,
    minutes=25,
)
