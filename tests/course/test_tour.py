"""The tour: four families, one table, one picture, and the checks that a reader relies on."""

import json

import numpy as np
import pytest

from minigen.course.commands import tour
from minigen.course.console import UsageError
from minigen.data import toy
from minigen.train import fit
from minigen.zoo.four import Trained


@pytest.mark.slow
def test_a_quick_tour_leaves_a_table_a_picture_and_numbers(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tour, "SAMPLES", 1500)
    assert tour.tour(seed=1, out=tmp_path, quick=True) == 0
    printed = capsys.readouterr().out
    record = json.loads((tmp_path / "tour-quick" / "tour.json").read_text())
    entropy = toy.two_moons(0.1).standardized().entropy()
    assert record["entropy"] == pytest.approx(entropy) and f"{entropy:.3f} exact" in printed
    assert list(record["models"]) == ["GAN", "VAE", "RealNVP", "DDPM"]
    for name, numbers in record["models"].items():
        assert name in printed and f"{numbers['sliced_wasserstein']:.3f}" in printed
        assert numbers["sliced_wasserstein"] > 2 * record["floor"]  # after 20 steps nobody has learned it
    assert record["models"]["RealNVP"]["nll_gap"] > 0.1 and record["models"]["GAN"]["nll_gap"] is None
    from PIL import Image

    assert min(Image.open(tmp_path / "tour-quick" / "tour.png").size) > 300


@pytest.mark.slow
def test_the_tour_with_what_comes_after_the_posts(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tour, "SAMPLES", 1500)
    assert tour.main(["--after", "--quick", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "tour-after-quick" / "tour.json").read_text())
    assert list(record["models"]) == ["GAN", "VAE", "RealNVP", "DDPM", "flow matching"]
    assert "learned five ways" in capsys.readouterr().out


def test_the_tour_does_not_touch_a_stranger_folder(tmp_path):
    (tmp_path / "tour-quick").mkdir()
    (tmp_path / "tour-quick" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="minigen did not write"):
        tour.tour(out=tmp_path, quick=True)


def test_the_panels_are_aligned_and_the_losses_have_one_scale():
    density = toy.two_moons(0.1).standardized()
    history = fit(lambda i: {"loss": 10.0 / (1 + i)}, 60, label="a training", quiet=True)
    x = density.sample(np.random.default_rng(0), 100)
    models = {name: (x, Trained(lambda rng, n: x, history, "a loss")) for name in ("GAN", "VAE")}
    figure = tour.draw(density, x, models)
    figure.draw_without_rendering()
    axes = np.array(figure.axes).reshape(2, 3)
    boxes = np.array([[ax.get_position().bounds for ax in row] for row in axes])  # left, bottom, width, height
    np.testing.assert_allclose(boxes[0, :, ::2], boxes[1, :, ::2], atol=1e-6)  # a column
    np.testing.assert_allclose(boxes[:, :, 1::2], boxes[:, :1, 1::2].repeat(3, axis=1), atol=1e-6)  # a row
    np.testing.assert_allclose(boxes[..., 2], boxes[0, 0, 2], atol=1e-6)
    assert {ax.get_ylim() for ax in axes[1, 1:]} == {tour.LOSS_SCALE}
    assert len({(*ax.get_xlim(), *ax.get_ylim()) for ax in (*axes[0], axes[1, 0])}) == 1
    for ax, name in zip(axes[1, 1:], models, strict=True):
        heights = [line.get_ydata()[0] for line in ax.get_lines() if line.get_linestyle() != "-"]
        assert heights == list(tour.landmarks(name, density).values())
    assert (
        tour.landmarks("RealNVP", density)
        == tour.landmarks("VAE", density)
        == pytest.approx({"entropy of the truth": density.entropy()})
    )
    assert list(tour.landmarks("GAN", density).values()) == pytest.approx([1.386294, 0.693147], abs=1e-6)
