"""Folders of images: pixels arrive unchanged where nothing has to change, and an error names the file."""

import os
import sys

import numpy as np
import pytest
from PIL import Image

from minigen.data import images, to_pixels, to_range


def saved(folder, name, pixels, **options):
    Image.fromarray(pixels).save(folder / name, **options)


def random_pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_png_files_keep_their_pixels_and_come_by_name(tmp_path):
    first, second = random_pixels(20, 24, 3), random_pixels(20, 24, 3, seed=1)
    saved(tmp_path, "b.png", second)
    saved(tmp_path, "a.PNG", first)
    (tmp_path / "notes.txt").write_text("not an image")
    os.mkdir(tmp_path / "more")
    x = images(tmp_path, (20, 24))
    assert x.dtype == np.uint8
    np.testing.assert_array_equal(x, [first, second])


def test_gray_and_color(tmp_path):
    gray = random_pixels(6, 6)
    saved(tmp_path, "a.png", gray)
    np.testing.assert_array_equal(images(tmp_path, 6, channels=1), gray[None, ..., None])
    np.testing.assert_array_equal(images(tmp_path, 6), np.repeat(gray[None, ..., None], 3, axis=3))
    saved(tmp_path, "a.png", np.full((6, 6, 3), [255, 0, 0], np.uint8))
    assert np.unique(images(tmp_path, 6, channels=1)) == [76]  # 0.299 of red


def test_a_larger_image_is_cropped_about_its_center_and_reduced(tmp_path):
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 4:8], wide[:, 8:12] = [200, 0, 0], [0, 0, 200]  # the middle square: left half red, right half blue
    saved(tmp_path, "a.png", wide)
    x = images(tmp_path, 4)[0].astype(int)
    assert x.shape == (4, 4, 3)
    np.testing.assert_allclose(x[:, 0, 0] - x[:, 0, 2], 200, atol=30)
    np.testing.assert_allclose(x[:, 3, 2] - x[:, 3, 0], 200, atol=30)


def test_jpeg_files_are_read_as_the_camera_was_held(tmp_path):
    pixels = np.zeros((16, 8, 3), np.uint8)
    pixels[:8] = 255  # white on top
    turned = Image.Exif()
    turned[0x0112] = 3  # upside down
    saved(tmp_path, "a.jpeg", pixels, exif=turned, quality=95)
    x = images(tmp_path, (16, 8))[0].astype(int)
    np.testing.assert_allclose(x[:7], 0, atol=12)
    np.testing.assert_allclose(x[9:], 255, atol=12)


def test_transparent_parts_are_white(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2, :, 3] = 255  # black and opaque above, transparent below
    saved(tmp_path, "a.png", pixels)
    for channels in (1, 3):
        x = images(tmp_path, 4, channels)[0]
        assert (x[:2] == 0).all() and (x[2:] == 255).all()


def test_an_error_names_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="none, which is not there"):
        images(tmp_path / "none", 4)
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(FileNotFoundError, match="which is a file"):
        images(tmp_path / "notes.txt", 4)
    with pytest.raises(ValueError, match="expected files that end in .png, .jpg, .jpeg, got 1 other files"):
        images(tmp_path, 4)
    saved(tmp_path, "a.png", random_pixels(20, 20, 3))
    with pytest.raises(ValueError, match=r"a.png: expected at least 20 x 21 pixels \(size\), got 20 x 20"):
        images(tmp_path, (20, 21))
    saved(tmp_path, "b.png", random_pixels(20, 20).astype(np.uint16) * 257)
    with pytest.raises(ValueError, match="b.png: expected 8 bits a channel, got an image of Pillow's mode I;16"):
        images(tmp_path, 20)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:600])
    with pytest.raises(ValueError, match="b.png: expected a PNG or JPEG image, got a file that cannot be read"):
        images(tmp_path, 20)
    for size, channels, message in [
        (20, 2, "channels must be one of 1, 3, got 2"),
        (0, 3, "size must be a whole number of at least 1, got 0"),
        ((20, 20, 3), 3, r"size must be a whole number or \(H, W\), got \(20, 20, 3\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            images(tmp_path, size, channels)


def test_without_pillow_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    saved(tmp_path, "a.png", random_pixels(4, 4, 3))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match="needs Pillow: python -m pip install pillow"):
        images(tmp_path, 4)


@pytest.mark.parametrize("low, high", [(-1.0, 1.0), (0.0, 1.0), (-3.0, 0.5)])
def test_every_pixel_comes_back_from_a_range(low, high):
    pixels = np.arange(256, dtype=np.uint8).reshape(2, 8, 16, 1)
    x = to_range(pixels, low, high)
    assert x.dtype == np.float32 and x.shape == pixels.shape
    np.testing.assert_allclose(x.ravel(), np.linspace(low, high, 256), atol=1e-6)
    back = to_pixels(x, low, high)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, pixels)


def test_samples_are_rounded_to_the_nearest_pixel_and_clipped():
    x = np.array([-7.0, -1.0, -0.002, 0.0, 0.002, 0.9999, 1.0, 1.2, 3.0])
    np.testing.assert_array_equal(to_pixels(x), [0, 0, 127, 128, 128, 255, 255, 255, 255])
    with pytest.raises(ValueError, match="x must be finite, got 1 non-finite values"):
        to_pixels(np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="pixels must be uint8, 0 to 255, got float32"):
        to_range(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="high must be above low, 1, got -1"):
        to_range(np.zeros(3, np.uint8), 1, -1)
