"""The flow of this lesson, written from an empty file."""

from minigen.course.from_scratch.task import FromScratch
from minigen.data import toy

TASK = FromScratch(
    "flow/05/from_scratch",
    title="a flow of affine couplings",
    prompt="""
    Learn the density of two moons with a flow. `train(x, rng)` gets 4,000 points $(N, 2)$ and a
    generator, and returns whatever the other two functions need. `log_prob(state, x)` returns the
    log-density of each point, $(N,)$ in nats, and `sample(state, n, rng)` returns $n$ new points,
    $(n, 2)$. Couplings, log-determinants and the training loop are yours; `minigen.nn.MLP`,
    `minigen.optim.Adam` and `minigen.tensor.value_and_grad` are allowed. We check how many nats you
    are above the entropy, that `exp(log_prob)` integrates to 1, and the distance of your samples to
    the data.
    """,
    density=toy.two_moons(noise=0.1),
    nats=True,
    bars={
        "memo": (0.75, None),
        "sw": (None, 7),
        "rank": (None, 50),
        "nats": (-0.02, 0.2),
        "mass": (0.98, 1.02),
    },
    last=("nats", 0.1, 0.05),
    lines=50,
)
