"""The tour: four families, one table, one picture, and the checks that a reader relies on."""

import json

import pytest

from minigen.course.commands import tour
from minigen.course.console import UsageError
from minigen.data import toy


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


def test_the_tour_does_not_touch_a_stranger_folder(tmp_path):
    (tmp_path / "tour-quick").mkdir()
    (tmp_path / "tour-quick" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="minigen did not write"):
        tour.tour(out=tmp_path, quick=True)
