"""Captions of made digits whose measures are known, and of MNIST."""

import numpy as np
import pytest

from minigen.data import mnist
from minigen.data.captions import (
    DIGITS,
    PROPERTIES,
    VOCABULARY,
    caption,
    captions,
    measure,
    obeyed,
    read,
    tokenize,
)


def stroke(thickness, slant=0.0, height=18):
    """A straight stroke of this width in pixels, which goes `slant` to the right for each pixel upwards."""
    x = np.zeros((28, 28, 1))
    columns = np.arange(28)
    for row in range(5, 5 + height):
        middle = 14 + slant * (5 + (height - 1) / 2 - row)
        x[row, :, 0] = np.clip(thickness / 2 + 0.5 - np.abs(columns - middle), 0, 1)
    return x


@pytest.mark.parametrize("thickness", [2.0, 3.0, 5.0])
def test_the_thickness_of_a_stroke(thickness):
    """The skeleton of a bar is shorter than the bar, by about its thickness: so a little more is measured."""
    measured = measure(stroke(thickness)[None]).thickness[0]
    assert thickness <= measured <= thickness * 18 / (18 - thickness - 1)


@pytest.mark.parametrize("slant", [-0.4, 0.0, 0.3])
def test_the_slant_of_a_stroke(slant):
    assert measure(stroke(3.0, slant)[None]).slant[0] == pytest.approx(slant, abs=0.02)


def test_the_width_of_a_box():
    x = np.zeros((1, 28, 28, 1))
    x[0, 8:20, 5:17] = 1
    assert measure(x).width[0] == 12
    x[0, 3, 25] = 0.25  # too faint to count: ink must be above a quarter
    assert measure(x).width[0] == 12
    x[0, 3, 25] = 0.26
    assert measure(x).width[0] == 26 - 5


def test_no_ink():
    assert all(np.array_equal(each, [0.0]) for each in measure(np.zeros((1, 28, 28, 1))))


def test_each_word_is_used():
    """Of the training digits each word of each property fits between a fifth and a half."""
    images = mnist.unit(mnist.splits().train.images[:3000])
    measures = measure(images)
    for name, each in PROPERTIES.items():
        shares = np.bincount(np.digitize(getattr(measures, name), each.bounds), minlength=3) / 3000
        assert np.all((shares > 0.2) & (shares < 0.5)), (name, shares)


def test_captions_say_what_is_there():
    thick_and_right = stroke(5.0, 0.4)
    assert captions(thick_and_right[None], [7]) == ["a thick seven leaning right, narrow"]
    assert captions(stroke(2.0)[None], [1]) == ["a thin one upright, narrow"]
    images = mnist.unit(mnist.splits().test.images[:100])
    labels = mnist.splits().test.labels[:100]
    texts = captions(images, labels)
    assert obeyed(images, texts) == {"thickness": 1.0, "slant": 1.0, "width": 1.0}
    assert [read(text)["digit"] for text in texts] == labels.tolist()
    assert obeyed(images[::-1], texts)["slant"] < 0.7, "another digit's caption is not obeyed"


def test_captions_that_leave_out():
    images, labels = mnist.unit(mnist.splits().test.images[:600]), mnist.splits().test.labels[:600]
    texts = captions(images, labels, np.random.default_rng(0))
    assert texts == captions(images, labels, np.random.default_rng(0)) != captions(images, labels)
    for name in PROPERTIES:
        share = np.mean([name in read(text) for text in texts])
        assert abs(share - 2 / 3) < 5 * np.sqrt(2 / 9 / 600)


def test_tokens():
    texts = ["a thin zero", "A thick seven leaning left, wide"]
    tokens = tokenize(texts)
    assert tokens.shape == (2, 8) and tokens.dtype == np.int64
    assert [VOCABULARY[k] for k in tokens[1, :6]] == ["a", "thick", "seven", "leaning", "left", "wide"]
    assert not tokens[0, 3:].any() and not tokens[1, 6:].any()
    assert tokenize(texts, length=6).shape == (2, 6)
    assert len(set(VOCABULARY)) == len(VOCABULARY)


def test_every_caption_can_be_read_back():
    for digit in range(10):
        for words in np.ndindex(3, 3, 3):
            text = caption(digit, *words)
            named = {name: each.words[k] for (name, each), k in zip(PROPERTIES.items(), words)}
            assert read(text) == {"digit": digit, **named} and len(text.split()) <= 8
        assert read(caption(digit)) == {"digit": digit} and DIGITS[digit] in caption(digit)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tokenize("a seven"), "texts must be a list of strings"),
        (lambda: tokenize(["a purple seven"]), "'purple'"),
        (lambda: tokenize(["a thin seven leaning right"], length=3), "at most 3 words, got 5"),
        (lambda: tokenize([7]), "text must be a string"),
        (lambda: read("a thin"), "must name a digit"),
        (lambda: read("a seven eight"), "one word for the digit"),
        (lambda: read("a thin thick eight"), "one word for the thickness"),
        (lambda: read("<end> seven"), "not in the vocabulary"),
        (lambda: measure(np.zeros((2, 28, 28))), "images must have shape"),
        (lambda: captions(np.zeros((2, 28, 28, 1)), [1]), "labels"),
        (lambda: captions(np.zeros((1, 28, 28, 1)), [10]), "labels"),
        (lambda: captions(np.zeros((1, 28, 28, 1)), [1], rng=3), "rng"),
        (lambda: obeyed(np.zeros((2, 28, 28, 1)), ["a seven"]), "one text for each of 2 images"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
