"""Pictures with sliders: what the data file holds, what the still shows, and what is refused."""

import base64
import json

import numpy as np
import pytest

from minigen.course import Lesson
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.play import film_of, read_axes
from minigen.course.lesson.run import Run
from minigen.course.lesson.sinks.jupyter import display_event

TIMES = [100, 50, 0]
WAYS = ["with noise", "without"]


@pytest.fixture
def make(tmp_path):
    def lesson(**options):
        options.setdefault("out", tmp_path / "out")
        return Lesson("gan/02_gan", title="GANs", post="gan", sections=["gan.s02"], options=RunOptions(**options))

    return lesson


def states(n=40, seed=0):
    """Points of two ways at three times, (2, 3, n, 2)."""
    return np.random.default_rng(seed).standard_normal((2, 3, n, 2)).astype(np.float32)


def read(path):
    """The key and the data of a data file."""
    text = path.read_text(encoding="ascii")
    assert text.startswith("minigenPlay(") and text.endswith(");\n")
    return json.loads(f"[{text.removeprefix('minigenPlay(').removesuffix(');' + chr(10))}]")


def coordinates(text, reach):
    return np.frombuffer(base64.b64decode(text), "<i2").reshape(-1, 2) / 32767 * reach


def pixels(text, shape):
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def test_points_come_back_in_their_order(make):
    points, truth = states(), 3 * states(seed=1)[0, 0]
    lesson = make()
    lesson.play("reverse", {"way": WAYS, "t": TIMES}, points=points, truth=truth, time="t", start={"t": 50})
    key, data = read(lesson.out / "reverse.js")
    assert key == "gan-02-gan/reverse"
    assert data["axes"] == [
        {"name": "way", "labels": WAYS, "kind": "choice", "start": 0},
        {"name": "t", "labels": ["100", "50", "0"], "kind": "time", "start": 1},
    ]
    assert data["shape"] == [2, 3, 40, 2]
    reach = np.abs(truth).max()
    assert data["reach"] == pytest.approx(reach)
    step = 1.001 * reach / 32767 / 2  # half a level
    assert np.abs(coordinates(data["points"], data["reach"]) - points.reshape(-1, 2)).max() <= step
    assert np.abs(coordinates(data["truth"], data["reach"]) - truth).max() <= step
    xmin, xmax, ymin, ymax = data["bounds"]
    everything = np.concatenate([points.reshape(-1, 2), truth])
    inside = (everything > [xmin, ymin]) & (everything < [xmax, ymax])
    assert xmax - xmin == pytest.approx(ymax - ymin) and 0.98 < inside.all(axis=1).mean()


def test_bounds_are_kept(make):
    lesson = make()
    lesson.play("seen", {"t": TIMES}, points=states()[0], bounds=(-1, 2, -3, 4))
    lesson.play("square", {"t": TIMES}, points=0 * states()[0], bounds=2)
    assert read(lesson.out / "seen.js")[1]["bounds"] == [-1, 2, -3, 4]
    data = read(lesson.out / "square.js")[1]
    assert data["bounds"] == [-2, 2, -2, 2]
    assert data["truth"] == "" and not coordinates(data["points"], data["reach"]).any()


def test_a_stray_point_costs_the_others_nothing(make):
    points = states()[0]
    points[1, 0] = [-1e9, 0.5]
    lesson = make()
    lesson.play("stray", {"t": TIMES}, points=points, bounds=2)
    data = read(lesson.out / "stray.js")[1]
    found = coordinates(data["points"], data["reach"])
    wanted = points.reshape(-1, 2).clip(-20, 20)
    assert np.abs(found - wanted).max() <= 20 / 32767 and found[40, 0] == -20


@pytest.mark.parametrize(
    ("of_each", "shape"),
    [
        ((4, 6), (1, 4, 6, 1)),
        ((4, 6, 1), (1, 4, 6, 1)),
        ((4, 6, 3), (1, 4, 6, 3)),
        ((7, 4, 6), (7, 4, 6, 1)),
        ((7, 4, 6, 1), (7, 4, 6, 1)),
        ((7, 4, 6, 3), (7, 4, 6, 3)),
    ],
)
def test_images_come_back_in_their_order(make, of_each, shape):
    gray = np.random.default_rng(0).integers(0, 256, (3, 2, *of_each), dtype=np.uint8)
    lesson = make()
    axes = {"w": [0, 0.3, 1.0], "z": np.array([-1.5, 1e-3])}
    lesson.play("bytes", axes, images=list(gray))
    lesson.play("floats", axes, images=list(((gray - 0.4) / 255).clip(0).astype(np.float32)))
    for name in ("bytes", "floats"):
        _, data = read(lesson.out / f"{name}.js")
        assert data["shape"] == [3, 2, *shape]
        assert np.array_equal(pixels(data["images"], gray.shape), gray)
        assert data["cols"] == min(5, shape[0])
    assert [axis["labels"] for axis in data["axes"]] == [["0", "0.3", "1"], ["\N{MINUS SIGN}1.5", "0.001"]]
    assert [axis["kind"] for axis in data["axes"]] == ["slider", "slider"]


def test_cols(make):
    images = np.zeros((2, 6, 4, 4), np.uint8)
    lesson = make()
    lesson.play("wide", {"w": [0, 1]}, images=images, cols=6)
    assert read(lesson.out / "wide.js")[1]["cols"] == 6
    for cols in (0, 7, 2.0):
        with pytest.raises(ValueError, match="^cols must be a whole number"):
            lesson.play("other", {"w": [0, 1]}, images=images, cols=cols)


def test_it_is_recorded_as_a_figure(make, capsys):
    lesson = make()
    lesson.play("reverse", {"way": WAYS, "t": TIMES}, points=states(), caption="Move t.")
    lesson.finish()
    metrics = json.loads((lesson.out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["figures"] == [
        {"name": "reverse", "file": "reverse.png", "data": "reverse.js", "caption": "Move t."}
    ]
    assert (lesson.out / "reverse.png").stat().st_size > 1000
    said = capsys.readouterr().out
    assert "reverse.png: Move t." in said and "\nMove t." not in said
    marker = json.loads((lesson.out / ".minigen.json").read_text(encoding="utf-8"))
    assert {"reverse.png", "reverse.js"} <= set(marker["files"]), "or the next run finds somebody else's file"
    make(overwrite=True).play("reverse", {"t": TIMES}, points=states()[0])


def test_a_name_is_taken_once(make):
    lesson = make()
    lesson.play("reverse", {"t": TIMES}, points=states()[0])
    before = (lesson.out / "reverse.js").read_bytes()
    with pytest.raises(ValueError, match="two figures of a lesson are called 'reverse.png'"):
        lesson.play("reverse", {"t": TIMES}, points=states()[1])
    assert (lesson.out / "reverse.js").read_bytes() == before
    with pytest.raises(ValueError, match="the name of a figure must be"):
        lesson.play("../reverse", {"t": TIMES}, points=states()[0])


def test_the_same_call_gives_the_same_files(make, tmp_path):
    files = []
    for folder in ("one", "two"):
        lesson = make(out=tmp_path / folder)
        lesson.play("reverse", {"way": WAYS, "t": TIMES}, points=states(), truth=states()[0, 2], time="t")
        files.append([(lesson.out / name).read_bytes() for name in ("reverse.js", "reverse.png")])
    assert files[0] == files[1]


def test_a_notebook_shows_the_still(make, monkeypatch, tmp_path):
    shown = []
    monkeypatch.setattr("minigen.plot.show", shown.append)
    monkeypatch.setattr("minigen.course.lesson.sinks.jupyter.show_markdown", shown.append)
    make().play("reverse", {"t": TIMES}, points=states()[0], caption="Move t.")
    assert shown == []
    monkeypatch.setattr(Run, "current", Run(None, RunOptions(out=tmp_path), [display_event], repeats=True))
    lesson = make()
    for _ in range(2):  # the cell is run again
        lesson.play("reverse", {"t": TIMES}, points=states()[0], caption="Move t.")
    assert [ax.get_title() for ax in shown[0].axes] == ["t = 100", "t = 50", "t = 0"]
    assert shown[1::2] == ["Move t."] * 2 and len(lesson.summary.pictures) == 1


def test_without_a_sink_that_draws_there_is_no_file(make, monkeypatch, tmp_path):
    monkeypatch.setattr(Run, "current", Run(None, RunOptions(out=tmp_path), [], folder_sinks=lambda *_: []))
    lesson = make()
    lesson.play("reverse", {"t": TIMES}, points=states()[0])
    assert not list(lesson.out.glob("reverse*"))


# ------------------------------------------------------------------------------------------------ the still


def drawn_points(ax):
    """Points of the samples in a panel: the last of its collections."""
    return np.asarray(ax.collections[-1].get_offsets())


def test_labels():
    values = [100, 0.1 + 0.2, 1 / 3, -1.5, 1e-17, 1e-4, 12345.0, 2.5e7]
    labels = read_axes({"a": values})[0].labels
    assert labels == ["100", "0.3", "0.333", "\N{MINUS SIGN}1.5", "0", "0.0001", "12345", "2.5e+07"]
    assert read_axes({"a": np.linspace(-3, 3, 21)}, {"a": 0})[0].start == 10


def test_the_still_shows_positions_along_the_time():
    points = np.random.default_rng(0).standard_normal((9, 2, 30, 2)).astype(np.float32)
    times = np.arange(8, -1, -1)
    way = {"way": "without"}
    fig = film_of({"t": times, "way": WAYS}, points, truth=states()[0, 0], start=way, time="t").still
    assert [ax.get_title() for ax in fig.axes] == [f"t = {t}" for t in (8, 6, 4, 2, 0)]
    assert fig.get_suptitle() == "without"
    for ax, k in zip(fig.axes, (0, 2, 4, 6, 8)):
        assert np.allclose(drawn_points(ax), points[k, 1])
        assert np.allclose(ax.collections[0].get_offsets(), states()[0, 0])


def test_the_still_without_a_time_follows_the_last_axis_of_numbers():
    images = np.arange(2 * 3 * 2, dtype=np.uint8).reshape(2, 3, 2, 1, 1).repeat(4, 3).repeat(4, 4)
    axes = {"w": [0, 1], "z": [-1, 0, 1], "way": WAYS}
    fig = film_of(axes, images=images, start={"w": 1}).still
    assert [ax.get_title() for ax in fig.axes] == [f"z = {z}" for z in ("\N{MINUS SIGN}1", "0", "1")]
    assert fig.get_suptitle() == "w = 1, with noise"
    shown = [np.unique(ax.images[0].get_array()) * 255 for ax in fig.axes]
    assert np.allclose(shown, images[1, :, 0, 0, 0][:, None])
    along_w = film_of(axes, images=images, still="w").still
    assert [ax.get_title() for ax in along_w.axes] == ["w = 0", "w = 1"]
    only_names = film_of({"way": WAYS}, images=images[0, 0]).still
    assert [ax.get_title() for ax in only_names.axes] == WAYS


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("axes", "options", "message"),
    [
        ({}, {}, "axes must be a dictionary of one to three names"),
        ([("t", TIMES)], {}, "axes must be a dictionary"),
        ({name: [0, 1] for name in "abcd"}, {}, "axes must be a dictionary of one to three"),
        ({"t": [1]}, {}, r"axes\['t'\] must be a sequence of at least two values"),
        ({"t": "ab"}, {}, r"axes\['t'\] must be a sequence"),
        ({"t": 3}, {}, r"axes\['t'\] must be a sequence"),
        ({"t": [0, "one"]}, {}, r"axes\['t'\] must be all numbers or all names"),
        ({"t": [0, None]}, {}, r"axes\['t'\] must be all numbers or all names"),
        ({"t": [1.0001, 1.0002]}, {}, r"axes\['t'\] must be different values"),
        ({"t": TIMES}, {"start": {"w": 0}}, "start must be a dictionary of axes, 't'"),
        ({"t": TIMES}, {"start": 0}, "start must be a dictionary of axes, 't'"),
        ({"t": TIMES}, {"start": {"t": 60}}, r"start\['t'\] must be one of 100, 50, 0, got 60"),
        ({"t": TIMES}, {"time": "s"}, "time must be one of 't', got 's'"),
        ({"way": WAYS}, {"time": "way"}, "time must be an axis of numbers, got 'way'"),
    ],
)
def test_axes_that_are_refused(axes, options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        read_axes(axes, **options)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "points or images must be given"),
        ({"points": states()[0], "start": {"w": 0}}, "start must be a dictionary of axes, 't'"),
        ({"points": states()[0], "images": np.zeros((3, 4, 4))}, "points or images must be given, and not both"),
        ({"points": states()[0], "still": "w"}, "still must be one of 't', got 'w'"),
        ({"points": states()}, r"points must have shape \(3, N, 2\), got \(2, 3, 40, 2\)"),
        ({"points": states()[0, :2]}, r"points must have shape \(3, N, 2\), got \(2, 40, 2\)"),
        ({"points": np.zeros((3, 4, 3))}, r"points must have shape \(3, N, 2\)"),
        ({"points": np.full((3, 4, 2), np.nan)}, "points must be finite"),
        ({"points": np.zeros((3, 0, 2))}, "points must have shape"),
        ({"points": states()[0], "truth": np.zeros((4, 3))}, r"truth must have shape \(M, 2\)"),
        ({"points": states()[0], "bounds": (1, 0)}, "bounds must be"),
        ({"points": states()[0], "cols": 2}, "cols goes with images"),
        ({"images": np.zeros((3, 4, 4)), "truth": np.zeros((4, 2))}, "truth and bounds go with points"),
        ({"images": np.zeros((3, 4, 4)), "bounds": 2}, "truth and bounds go with points"),
        ({"images": np.zeros((2, 4, 4))}, r"images must have shape \(3, H, W\[, C\]\) or \(3, n, H, W\[, C\]\)"),
        ({"images": np.zeros((3, 4))}, "images must have shape"),
        ({"images": np.zeros((3, 2, 4, 4, 2))}, "images must have shape"),
        ({"images": np.zeros((3, 0, 4, 4))}, "images must have shape"),
        ({"images": np.full((3, 4, 4), 1.5)}, r"images must be in \[0, 1\], got values from 1.5 to 1.5"),
        ({"images": np.full((3, 4, 4), np.inf)}, "images must be finite"),
        ({"images": [[[0.0]], [[0.0, 1.0]]]}, "images must be an array of real numbers"),
        ({"images": [np.full((4, 4), 2)] * 3}, r"images must be in \[0, 1\]"),
        ({"images": np.zeros((3, 4, 4), complex)}, "images must be an array of real numbers"),
    ],
)
def test_data_that_are_refused(given, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        film_of({"t": TIMES}, **given)


@pytest.mark.parametrize(
    ("given", "what"),
    [({"points": np.zeros((3, 100_000, 2))}, "points"), ({"images": np.zeros((3, 600, 600))}, "images")],
)
def test_too_much_data_leave_no_file(make, given, what):
    lesson = make()
    with pytest.raises(ValueError, match=f"^{what} must fit into a data file of 1,000,000 bytes, got .*: give fewer"):
        lesson.play("reverse", {"t": TIMES}, **given)
    assert not list(lesson.out.glob("reverse*")) and lesson.summary.pictures == {}
