"""The Wasserstein GAN of this lesson, written from an empty file."""

from minigen.course.from_scratch.task import FromScratch
from minigen.data import toy

TASK = FromScratch(
    "gan/12/from_scratch",
    title="a Wasserstein GAN with a gradient penalty",
    prompt="""
    Learn to draw two moons without a density. `train(x, rng)` gets 4,000 points (N, 2) and a
    generator of random numbers, and returns what `sample` needs; `sample(state, n, rng)`
    returns n new points, (n, 2). The discriminator is a critic, and a penalty at points between
    real and generated ones keeps its slope near 1 (`minigen.tensor.grad` works inside a loss).
    The critic takes several steps for each step of the generator. We check the distance of your
    samples to the data, and how sharp they are.
    """,
    density=toy.two_moons(noise=0.1),
    bars={"memo": (0.75, None), "sw": (None, 5), "rank": (None, 60)},
    last=("sw", 3.5, 2.5),
    lines=40,
)
