"""The digit classifier of the lessons: its training digits, and what the quick one has learned."""

import numpy as np

from minigen.data import mnist
from minigen.metrics.digits import label_accuracy
from minigen.train import fit
from minigen.zoo import digit_classifier
from minigen.zoo.digit_classifier import shifted


def test_the_quick_classifier_reads_digits():
    config = digit_classifier.QUICK
    model = digit_classifier.build(config)
    test = mnist.splits().test
    images, labels = mnist.unit(test.images[:1000]), test.labels[:1000]
    assert label_accuracy(model, images, labels) < 0.3
    assert digit_classifier.train(model, config, fit) is None, "it is trained in place"
    assert label_accuracy(model, images, labels) > 0.8  # full training: 0.99
    assert digit_classifier.ready(model, config) is model and model.parameters() == {}, "it is not trained any further"


def test_both_configurations_say_the_same_things():
    assert list(digit_classifier.FULL) == list(digit_classifier.QUICK)
    first, again = (digit_classifier.build(digit_classifier.FULL).state() for _ in range(2))
    assert all((first[name] == again[name]).all() for name in first), "one fixed seed"


def test_shifted_digits():
    rng = np.random.default_rng(0)
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 3:25, 3:25] = rng.integers(1, 255, (200, 22, 22))
    out = shifted(images, 2, rng)
    seen = set()
    for before, after in zip(images, out):
        (shift,) = [
            (i, j) for i in range(-2, 3) for j in range(-2, 3) if (np.roll(before, (i, j), (0, 1)) == after).all()
        ]
        seen.add(shift)
    assert len(seen) == 25  # each of the 25 shifts has been seen: missing one has a chance of 0.7 % in 200
    full = shifted(np.full((50, 28, 28), 9, np.uint8), 1, rng)
    assert set(np.unique(full)) == {0, 9}  # pixels moved in at the border are 0
    assert shifted(images, 0, rng) is images
