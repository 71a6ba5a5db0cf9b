"""The weights that come with the package: what is said of them is true, and they are what is read without pickle."""

import numpy as np

from minigen.data import mnist
from minigen.metrics.digits import label_accuracy
from minigen.zoo import weights, weights_file

SHIPPED = ["digit_classifier"]


def test_every_pretrained_model_has_small_weights_and_a_description():
    assert sum(weights_file(name).stat().st_size for name in SHIPPED) < 4.5e6
    for name in SHIPPED:
        with np.load(weights_file(name), allow_pickle=False) as archive:
            assert all(archive[key].dtype == np.float16 for key in archive.files)
        known = weights.described(name)
        assert known["model"] == name and known["seed"] == known["config"]["seed"] and known["minutes"] > 0
        assert known["command"] == "minigen record --shared" and len(known["recipe"]) == 16 and known["processor"]


def test_the_accuracy_of_the_classifier_is_the_one_that_is_said_and_float16_costs_none():
    said, test = weights.described("digit_classifier")["quality"], mnist.splits().test
    accuracy = label_accuracy(weights.load("digit_classifier"), mnist.unit(test.images[:2000]), test.labels[:2000])
    error = (said["accuracy"] * (1 - said["accuracy"]) / 2000) ** 0.5
    assert abs(accuracy - said["accuracy"]) < 5 * error and said["digits"] == 10_000
    assert said["accuracy"] > 0.99 and abs(said["accuracy"] - said["accuracy_float32"]) < 0.0005
