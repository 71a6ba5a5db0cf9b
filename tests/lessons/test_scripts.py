"""The two complete scripts of start/02, from files to results: they run as a reader copies them."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigen.flow import RealNVP
from minigen.vae import VAE

LESSON = Path(__file__).resolve().parents[2] / "lessons/start/02_your_own_data/lesson.py"


def scripts():
    """The blocks of Python in the lesson's text: that of the table, that of the images."""
    blocks = re.findall(r"^# ```python\n((?:#.*\n)+?)# ```", LESSON.read_text(encoding="utf-8"), flags=re.M)
    return ["".join(line[2:] or "\n" for line in block.splitlines(keepends=True)) for block in blocks]


def lines_of(script):
    return [line for line in script.splitlines() if line.strip()]


def test_the_way_from_a_file_to_results_is_short():
    table, images = scripts()
    assert len(lines_of(table)) <= 15 and len(lines_of(images)) <= 15
    assert max(map(len, lines_of(table) + lines_of(images))) <= 100


def run(script, folder):
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_script_of_a_table(tmp_path):
    """Five columns, of which one is of whole numbers; the last row breaks the relation of the first two."""
    rng = np.random.default_rng(0)
    size, distance = rng.lognormal(4, 0.4, 1001), rng.lognormal(1, 0.5, 1001)
    price = 20 * size * np.exp(0.1 * rng.standard_normal(1001))
    table = np.stack([size, price, distance, rng.standard_normal(1001), rng.poisson(size / 30)], axis=1)
    table[-1, :2] = 80, 500
    np.savetxt(tmp_path / "flats.csv", table, fmt="%.4f", delimiter=",", header="size,price,km,a,count", comments="")
    printed = run(scripts()[0], tmp_path)
    assert "1000" in printed.split("highest scores:")[1]
    flow = RealNVP.from_file(tmp_path / "flow.npz")
    right, wrong = (np.float32([[np.log(80), np.log(cost), 1, 0, 2.5]]) for cost in (1600, 500))
    assert flow.log_prob(wrong)[0] < flow.log_prob(right)[0] - 5


@pytest.mark.slow
def test_the_script_of_images(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    (tmp_path / "discs").mkdir()
    across = np.arange(20)
    for k in range(100):
        image = np.full((20, 20, 3), 255, np.uint8)
        image[:, across < rng.integers(5, 15), rng.integers(3)] = 0
        Image.fromarray(image).save(tmp_path / "discs" / f"{k:03}.png")
    run(scripts()[1], tmp_path)
    with Image.open(tmp_path / "samples.png") as samples:
        assert samples.size == (16 * 20, 20) and np.asarray(samples).std() > 30
    vae = VAE.from_file(tmp_path / "vae.npz")
    assert vae.sample(rng, 3).shape == (3, 1200)
