"""Recorded runs: which runs are kept beside a lesson and in what form, what no longer fits, what a short run quotes."""

import json
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageSequence

from minigen.cli import main
from minigen.course.console import UsageError
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import scan_lessons
from minigen.course.index.names import find_lesson
from minigen.course.lesson import blocks, compress, recorded
from minigen.course.lesson.compress import compressed
from minigen.course.lesson.misfits import misfits
from minigen.course.lesson.sinks.record import read_record
from minigen.course.lesson.verdicts import judged
from minigen.plot.output import MOST_SVG

# Its results depend on the length of the run: the answer, a caption and a table are others under --quick.
BODY = """\
import numpy
from minigen import plot

lesson.predict("How many?", ["few", "many"])

# %%
steps = lesson.steps(400)
lesson.fit(lambda i: 0.0, steps, label="nothing")
lesson.table([["steps", steps]], ["name", "value"], "Length")
lesson.table([["always", 1]], ["name", "value"], "The same")
print("written to", lesson.out)

# %%
def draw(name):
    fig = plot.line(numpy.arange(3.0), numpy.arange(3.0))
    lesson.figure(fig, name, caption=f"{steps} steps.")

for name in ["first", "second"]:
    draw(name)
lesson.animation([numpy.full((8, 8), shade, numpy.uint8) for shade in (0, 255)], "fade", caption="It fades.")
lesson.play("walk", {"t": [0, 1]}, points=numpy.ones((2, 3, 2)), caption="It stands.")

# %%
lesson.outcome(f"It was {steps}.", answer="few" if steps < 100 else "many")

# %%
lesson.predict("Is it one?", ["yes", "no"])

# %%
lesson.outcome("One.", answer="yes")
lesson.check("one", 1, equals=1)
lesson.claim("steps", steps, at_least=LEAST)"""


@pytest.fixture
def tiny(write_lesson, tmp_path):
    """tiny(): a lesson of its own, "gan/01_tiny", and the folder of its full run, which has finished."""

    def make(least=400, run=True, body=BODY):
        write_lesson("gan/01_tiny", body.replace("LEAST", str(least)))
        if run:
            main(["run", "gan/01"])
        return find_lesson("gan/01"), tmp_path / "out" / "gan-01-tiny"

    return make


def edited(lesson, old, new):
    source = lesson.path.read_text(encoding="utf-8")
    assert source.count(old) == 1, old
    lesson.path.write_text(source.replace(old, new), encoding="utf-8")


# -- what is kept of a run ---------------------------------------------------------------------------------------------


def test_a_run_is_recorded_as_it_is_with_small_pictures_and_without_times_or_paths(tiny, tmp_path, capsys):
    lesson, run = tiny()
    capsys.readouterr()
    assert main(["record", "gan/01"]) == 0
    assert re.fullmatch(
        r"gan/01_tiny  fresh, \d+ KB\n1 of 1 lesson recorded, 0\.\d MB\n2 pages written\n", capsys.readouterr().out
    ), "nothing is trained"
    folder = lesson.path.parent / "recorded"
    names = {path.name for path in folder.iterdir()}
    pictures = "first.webp first.svg second.webp second.svg fade.webp walk.webp"
    assert names == {*f"record.jsonl metrics.json {pictures} walk.js".split()}
    assert (folder / "first.svg").read_bytes() == (run / "first.svg").read_bytes()
    assert (folder / "walk.js").read_bytes() == (run / "walk.js").read_bytes()

    was, now = read_record(run / "record.jsonl"), read_record(folder / "record.jsonl")
    assert [entry["kind"] for entry in now] == [entry["kind"] for entry in was]
    for old, new in zip(was, now, strict=True):
        expected = json.loads(re.sub(r'\.(png|gif)"', '.webp"', json.dumps(old)))
        expected["payload"] |= {"text": "written to gan-01-tiny"} if "written" in str(old) else {}
        assert new == expected

    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    of_run = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    same = ["seed", "recipe", "claims", "checks", "tables", "predictions", "machine", "timings"]
    assert {name: metrics[name] for name in same} == {name: of_run[name] for name in same}
    assert metrics["seed"] == 0 and metrics["recipe"] and metrics["machine"]["processor"]
    assert metrics["versions"]["numpy"] == np.__version__ and "-" not in metrics["versions"]["platform"]
    assert 0 <= metrics["minutes"] < 1
    assert [figure["file"] for figure in metrics["figures"]] == [f"{n}.webp" for n in "first second fade walk".split()]
    for name in ("record.jsonl", "metrics.json"):
        text = (folder / name).read_text(encoding="utf-8")
        assert str(tmp_path) not in text and not re.search(r"\d\d:\d\d", text), name


@pytest.mark.slow
def test_files_that_a_new_run_no_longer_has_are_removed(tiny):
    lesson, run = tiny()
    assert main(["record", "gan/01"]) == 0
    folder = lesson.path.parent / "recorded"
    edited(lesson, 'for name in ["first", "second"]', 'for name in ["first"]')
    assert main(["run", "gan/01"]) == 0 and main(["record", "gan/01"]) == 0
    assert (folder / "first.webp").exists() and not (folder / "second.webp").exists()
    assert recorded.read(lesson).status == "fresh"


COUNTED = """\
import numpy
from pathlib import Path

def step(i):
    with open("steps.txt", "a") as file:
        file.write(f"{i} ")
    if i == 5 and Path("stop").exists():
        raise KeyboardInterrupt
    return 1.0

lesson.fit(step, 8, state={"weights": numpy.zeros(2)}, label="a training", every=2)
print("seed", lesson.seed)"""


@pytest.mark.slow
def test_what_is_missing_is_trained_and_an_interrupted_training_goes_on(tiny, tmp_path, capfd):
    lesson, _ = tiny(body=COUNTED, run=False)
    (tmp_path / "stop").touch()
    assert main(["record", "gan/01"]) == 130
    assert recorded.read(lesson).status == "not recorded"
    (tmp_path / "stop").unlink()
    assert main(["record", "gan/01"]) == 0
    assert "gan/01_tiny  training, about 0.5 minutes\n" in capfd.readouterr().out
    steps = (tmp_path / "steps.txt").read_text(encoding="utf-8").split()
    assert steps[:6] == list("012345") and steps[-1] == "7" and "0" not in steps[6:]
    assert main(["record", "gan/01"]) == 0
    assert (tmp_path / "steps.txt").read_text(encoding="utf-8").split() == steps, "what is fresh stays"
    assert main(["run", "gan/01", "--seed", "1"]) == 0
    assert main(["record", "gan/01", "--again"]) == 0, "a run of another seed is not taken"
    metrics = json.loads((recorded.folder_of(lesson) / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["seed"] == 0


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_run_in_which_a_claim_failed_is_refused_and_not_repeated(tiny, capsys):
    lesson, run = tiny(least=401)
    trained = (run / "metrics.json").stat().st_mtime_ns
    capsys.readouterr()
    assert main(["record", "gan/01"]) == 1
    assert "cannot be recorded: it failed: steps\n0 of 1 lesson recorded" in capsys.readouterr().out
    assert not recorded.folder_of(lesson).exists()
    assert (run / "metrics.json").stat().st_mtime_ns == trained


@pytest.mark.slow
def test_quick_scaled_and_unfinished_runs_and_those_of_students_or_of_other_code_are_refused(tiny, tmp_path):
    lesson, run = tiny()
    assert recorded.refusal(lesson, run) == ""
    assert recorded.refusal(lesson, tmp_path) == "there is no run"
    assert main(["run", "gan/01", "--quick"]) == 0
    assert recorded.refusal(lesson, run.with_name("gan-01-tiny-quick")) == "it is a quick run"
    marker = run / ".minigen.json"
    good = json.loads(marker.read_text(encoding="utf-8"))
    cases = [
        ({"run": good["run"] | {"scale": 2.0}}, "it is a run with --scale 2"),
        ({"run": good["run"] | {"with": "0123"}}, "it is a run with functions of a student"),
        ({"run": good["run"] | {"train_shared": True}}, "it is a run with --train-shared"),
        ({"run": good["run"] | {"lesson": "gan/02_b"}}, "it is a run of gan/02_b"),
        ({"finished": False}, "it has not finished"),
        ({"recipe": None}, "the code has changed since"),
        ({"recipe": "0"}, "the code has changed since"),
    ]
    for change, reason in cases:
        marker.write_text(json.dumps(good | change), encoding="utf-8")
        assert recorded.refusal(lesson, run) == reason
        with pytest.raises(ValueError, match=reason):
            recorded.record(lesson, run)
    marker.write_text(json.dumps(good), encoding="utf-8")
    (run / "first.png").unlink()
    assert recorded.refusal(lesson, run) == "a file of it is missing or damaged"
    assert not recorded.folder_of(lesson).exists()


# -- how fresh it is ---------------------------------------------------------------------------------------------------


def status_of(lesson):
    return recorded.read(lesson).status


def test_fresh_then_its_text_then_its_code_changes(tiny, capsys):
    lesson, run = tiny()
    assert status_of(lesson) == "not recorded"
    assert main(["record", "gan/01"]) == 0 and status_of(lesson) == "fresh"
    run.rename(run.with_name("elsewhere"))  # there is nothing to record from
    edited(lesson, "# A small lesson for the tests.", "# Another sentence.\n\n# %% [markdown]\n# A new cell.")
    assert status_of(lesson) == "text changed"
    before = read_record(recorded.folder_of(lesson) / "record.jsonl")
    assert main(["record", "gan/01"]) == 0 and status_of(lesson) == "fresh"
    after = read_record(recorded.folder_of(lesson) / "record.jsonl")
    assert after == [{**entry, "cell": entry["cell"] + 1} for entry in before]
    edited(lesson, "minutes=0.5", "minutes=0.7")
    assert status_of(lesson) == "text changed"
    edited(lesson, "steps = lesson.steps(400)", "steps = lesson.steps(401)")
    assert status_of(lesson) == "code changed since"
    capsys.readouterr()
    assert main(["record", "--status"]) == 0, "numbers whose code changed may stand for a while"
    out = capsys.readouterr().out
    assert re.search(r"^gan/01_tiny  code changed since +0 .* KB$", out, re.M) and "MB in all" in out
    (recorded.folder_of(lesson) / "second.webp").unlink()
    assert status_of(lesson) == "not recorded", "a damaged record is none"


def test_a_threshold_is_no_code_and_what_is_recorded_is_judged_by_the_present_one(tiny, capsys):
    lesson, run = tiny()
    assert main(["record", "gan/01"]) == 0
    run.rename(run.with_name("elsewhere"))
    edited(lesson, "at_least=400", 'between=(390, 410), source="seeds 0, 1: 400", unit="steps"')
    assert status_of(lesson) == "text changed" and main(["record", "gan/01"]) == 0 and status_of(lesson) == "fresh"
    result = recorded.read(lesson).result
    row = ["steps", "400 steps", "390 … 410", "passed", "seeds 0, 1: 400"]
    assert [entry["payload"]["rows"] for entry in result.entries if entry["kind"] == "claims"] == [[row]]
    (claim,) = result.metrics["claims"]
    assert claim["between"] == [390, 410] and claim["status"] == "passed" and "at_least" not in claim
    edited(lesson, "between=(390, 410)", "at_most=399")
    capsys.readouterr()
    assert main(["record", "gan/01"]) == 1 and status_of(lesson) == "text changed"
    assert "does not meet the thresholds of the file; it failed: steps" in capsys.readouterr().out
    edited(lesson, "at_most=399", "at_most=[400][0]")
    assert status_of(lesson) == "code changed since", "what is no literal is code"


def test_a_run_is_recorded_by_the_thresholds_of_the_file_and_not_by_those_it_began_with(tiny, capsys):
    lesson, run = tiny(least=300)
    edited(lesson, "at_least=300", "at_least=401")
    assert main(["record", "gan/01"]) == 1 and status_of(lesson) == "not recorded"
    assert "it failed: steps" in capsys.readouterr().out
    edited(lesson, "at_least=401", "at_least=399")
    assert main(["record", "gan/01"]) == 0
    assert recorded.read(lesson).result.metrics["claims"][0]["bar"] == "≥ 399"


CLAIMS = """
lesson.claim("one", x, at_most=1)
for name in names:
    lesson.claim(f"{name}: error", x, at_most=4)
    lesson.claim(
        f"{name}: distance", x,
        at_most=limit, source="five")
def equal():
    lesson.claim("equal", x, equals=7, source="seven")
"""


def claim(name, **bar):
    recorded = {"name": name, "value": 1.5, "bar": "", "status": "passed", "source": "old", "unit": ""}
    return recorded | (bar or {"at_most": 9})


def test_a_claim_is_judged_by_the_threshold_of_the_call_that_made_it():
    """The calls of the two names of the loop look alike: only the record says which one made a claim."""
    names = ["one", "moons: error", "moons: distance", "rings: error"]
    claims = [claim(name) for name in names] + [claim("equal", equals=1.5, atol=0.1), claim("elsewhere", at_most=1.5)]
    found = judged(LessonSource(CLAIMS), claims, [0, 1, 2, 1, 3, None])
    assert [(one.name, str(one.bar), one.source, one.status) for one in found] == [
        ("one", "≤ 1", "old", "failed"),
        ("moons: error", "≤ 4", "old", "passed"),
        ("moons: distance", "≤ 9", "five", "passed"),
        ("rings: error", "≤ 4", "old", "passed"),
        ("equal", "= 1.5 ± 0.1", "seven", "passed"),
        ("elsewhere", "≤ 1.5", "old", "passed"),
    ]
    long = claim("long", equals="1, 2, 3, …", atol=0.1) | {"value": "1, 2.01, 3, …"}  # kept as texts
    source = LessonSource('lesson.claim("long", x, equals=y, source="new")')
    assert judged(source, [long], [0])[0].status == "passed"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('lesson.claim("new", x, at_most=1)\nlesson.claim("one", x, at_most=2)', "line 2: no value is recorded"),
        ('for k in y:\n    lesson.claim("new", x, at_most=1)', "no longer makes the claim 'one' where it was made"),
        ("x = 1", "no longer makes the claim 'one' where it was made"),
    ],
)
def test_claims_that_the_file_no_longer_makes_are_not_judged_by_others(source, says):
    with pytest.raises(UsageError, match=says):
        judged(LessonSource(source), [claim("one")], [0])


def test_the_record_says_which_call_made_each_claim(write_lesson, tmp_path):
    write_lesson(
        "gan/01_tiny",
        """\
lesson.check("no claim", 1, equals=1)

def claims(name, value):
    lesson.claim(f"{name}: error", value, at_most=4)
    for k in range(2):
        lesson.claim(
            f"{name}: distance {k}",
            value, at_most=5,
        )

lesson.claim("one", 1, at_most=1)
claims("moons", 1.0)
for name, value in {"rings": 2.0}.items():
    claims(name, value)""",
    )
    assert main(["run", "gan/01"]) == 0
    _, entry = read_record(tmp_path / "out" / "gan-01-tiny" / "record.jsonl")
    assert entry["payload"]["calls"] == [2, 0, 1, 1, 0, 1, 1]


@pytest.mark.slow
def test_what_is_recorded_is_judged_as_it_was(records):
    for record in records:
        if record.status == "fresh":
            claims = record.result.metrics["claims"]
            (calls,) = [each["payload"]["calls"] for each in record.result.entries if each["kind"] == "claims"]
            assert [one.as_json() for one in judged(record.lesson.source, claims, calls)] == claims, record.lesson.id


FITTING = [
    ("fig = plot.line", "figure = plot.line"),  # another name inside a function
    ("400", "500"),
    ('f"It was {steps}."', '"It was so."'),
]
MISFITS = [
    ('"How many?"', '"How much?"', "predict 'How many?'"),
    ('["few", "many"]', '["few", "more"]', "predict 'How many?'"),
    ('lesson.outcome("One.", answer="yes")', "", "outcome 'One.'"),
    ('answer="yes"', 'answer="no"', "outcome 'One.'"),
    ('"Length")', '"Duration")', "table 'Length'"),
    ("    draw(name)", "    pass", "figure 'first.webp'"),
    ('"fade", caption', '"dissolve", caption', "animation 'fade.webp'"),
    ('lesson.check("one", 1, equals=1)', "checked = 1", "check 'one'"),
    ('lesson.predict("Is it one?", ["yes", "no"])', "", "predict 'Is it one?'"),
    ("steps = lesson.steps(400)", "more, steps = 1, lesson.steps(400)\nmore = 2", "table 'Length'"),
    ('lesson.table([["always"', 'lesson.table([[1]], ["a"], "New")\nlesson.table([["always"', "table 'New'"),
]


@pytest.mark.slow
def test_a_change_of_code_leaves_the_outputs_where_they_were(tiny):
    lesson, _ = tiny()
    assert main(["record", "gan/01"]) == 0 and recorded.read(lesson).misfits == []
    source = lesson.path.read_text(encoding="utf-8")
    for old, new in FITTING:
        lesson.path.write_text(source.replace(old, new), encoding="utf-8")
        assert recorded.read(lesson).misfits == [] and status_of(lesson) == "code changed since", new


@pytest.mark.slow
def test_an_output_that_the_lesson_no_longer_makes_or_has_none_for_does_not_fit(tiny, capsys):
    lesson, _ = tiny()
    assert main(["record", "gan/01"]) == 0
    source = lesson.path.read_text(encoding="utf-8")
    for old, new, named in MISFITS:
        edited(lesson, old, new)
        sentences = recorded.read(lesson).misfits
        assert any(named in sentence for sentence in sentences), (new, sentences)
        lesson.path.write_text(source, encoding="utf-8")
    edited(lesson, '"Length")', '"Duration")')
    capsys.readouterr()
    assert main(["record", "--status"]) == 1
    out = capsys.readouterr().out
    assert "gan/01_tiny: the lesson no longer makes table 'Length' in the statement that made it\n" in out
    assert "table 'Duration' has no recorded output\n" in out


def test_a_lesson_that_has_become_shorter_than_its_record_still_has_a_page(tiny):
    lesson, _ = tiny()
    assert main(["record", "gan/01"]) == 0
    source = lesson.path.read_text(encoding="utf-8")
    lesson.path.write_text(source[: source.index('lesson.outcome(f"It was')] + "lesson.finish()\n", encoding="utf-8")
    assert recorded.read(lesson).misfits and main(["record", "--pages"]) == 0


def test_an_output_of_a_statement_that_is_gone_does_not_fit():
    entry = {"cell": 0, "statement": 3, "kind": "figure", "payload": {"file": "a.webp", "caption": ""}}
    assert misfits(LessonSource("x = 1"), [entry]) == ["the lesson has no statement 3, which made figure 'a.webp'"]


# -- pictures ----------------------------------------------------------------------------------------------------------


def decoded(content):
    return np.asarray(Image.open(BytesIO(content)).convert("RGB"))


def test_a_figure_of_few_colors_is_kept_exactly_and_a_wide_one_is_narrowed(tmp_path):
    digits = (np.random.default_rng(0).random((28, 28)) * 200).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(digits).convert("RGB").save(tmp_path / "digits.png")
    assert np.array_equal(decoded(compressed(tmp_path / "digits.png"))[..., 0], digits)
    ramp = np.linspace(0, 255, 2400).astype(np.uint8)[None, :, None].repeat(300, 0).repeat(3, 2)
    smooth = (ramp + np.linspace(0, 60, 300).astype(np.uint8)[:, None, None] // 2).clip(0, 255).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "wide.png")
    wide = decoded(compressed(tmp_path / "wide.png"))
    assert wide.shape in ((190, 1520, 3), (300, 2400, 3))
    expected = np.asarray(Image.fromarray(smooth).resize(wide.shape[1::-1]))
    assert np.abs(wide.astype(int) - expected).mean() < 3


@pytest.mark.slow
def test_figures_and_animations_of_noise_stay_below_their_limits(tmp_path):
    rng = np.random.default_rng(0)
    for side, widths in [(320, [1520]), (720, range(760, 1520))]:  # of the noisy part
        picture = Image.new("RGB", (1900, 800), "white")
        picture.paste(Image.fromarray(rng.integers(0, 256, (side // 4, side // 4, 3), np.uint8)).resize((side, side)))
        picture.save(tmp_path / "noise.png")
        small = compressed(tmp_path / "noise.png")
        assert len(small) <= compress.FIGURE_BYTES < len(compress._few_colors(picture))
        height, width, _ = decoded(small).shape
        assert width in widths and height == round(width * 800 / 1900)
        assert np.abs(decoded(small).astype(int) - np.asarray(picture.resize((width, height)))).mean() < 12

    frames = [Image.fromarray(rng.integers(0, 256, (60, 60), np.uint8)).resize((240, 240)) for _ in range(32)]
    durations = [100] * 31 + [1000]
    frames[0].save(tmp_path / "noise.gif", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    content = compressed(tmp_path / "noise.gif")
    assert len(content) <= compress.ANIMATION_BYTES
    with Image.open(BytesIO(content)) as film:
        kept = [frame.convert("RGB") and frame.info["duration"] for frame in ImageSequence.Iterator(film)]
    assert len(kept) < 32 and kept[-1] == 1000 and sum(kept[:-1]) == pytest.approx(3100, abs=kept[0])


# -- a short run -------------------------------------------------------------------------------------------------------

IN_FULL = "In a full run: It was 400. (In this short run: It was {}.)"


@pytest.mark.slow
@pytest.mark.parametrize(("options", "steps"), [(["--quick"], 20), (["--scale", "0.1"], 40), (["--scale", "0.5"], 200)])
def test_a_short_run_quotes_the_recorded_answer_captions_and_tables(tiny, tmp_path, capsys, options, steps):
    lesson, run = tiny()
    assert main(["record", "gan/01"]) == 0
    capsys.readouterr()
    assert main(["run", "gan/01", *options, "--out", "short"]) == (0 if options == ["--quick"] else 1)
    out = capsys.readouterr().out
    assert "what is marked 'in a full run' is recorded (seed 0, " in out and "the code changed" not in out
    assert f"  answer  b) many. {IN_FULL.format(steps)}\n" in out
    assert "  answer  a) yes. One. (A full run agrees.)\n" in out
    assert f"first.png: In a full run: 400 steps. (In this short run: {steps} steps.)\n" in out
    cause = " ".join(options)
    assert f"fade.gif: It fades. (This describes a full run; here the training was cut short by {cause}.)\n" in out
    tables = re.findall(r"^  (Length.*|The same.*)\n.*\n.*\n  \w+ +(\d+)", out, re.M)
    expected = [("Length (in this short run)", f"{steps}"), ("Length (in a full run)", "400"), ("The same", "1")]
    assert tables == expected

    (folder,) = (tmp_path / "short").iterdir()
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert [prediction["answer"] for prediction in metrics["predictions"]] == ["many", "yes"]
    assert [(table["title"], table["rows"]) for table in metrics["tables"]] == [
        ("Length", [["steps", steps]]),
        ("The same", [["always", 1]]),
    ], "what it measured itself"
    entries = read_record(folder / "record.jsonl")
    assert [entry["payload"]["answer"] for entry in entries if entry["kind"] == "outcome"] == ["many", "yes"]
    assert [entry["payload"]["title"] for entry in entries if entry["kind"] == "table"] == [
        name for name, _ in expected
    ]


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--scale", "2"], ["--seed", "3"]])
def test_a_full_run_speaks_for_itself(tiny, capsys, options):
    lesson, run = tiny()
    assert main(["record", "gan/01"]) == 0
    capsys.readouterr()
    assert main(["run", "gan/01", *options, "--out", "full"]) == 0
    out = capsys.readouterr().out
    assert "in a full run" not in out.lower() and f"b) many. It was {800 if '2' in options else 400}.\n" in out


@pytest.mark.slow
@pytest.mark.parametrize("change", ["nothing recorded", "another question", "other choices", "a damaged record"])
def test_without_an_answer_in_the_record_an_outcome_is_not_judged(tiny, capsys, change):
    lesson, _ = tiny()
    if change != "nothing recorded":
        assert main(["record", "gan/01"]) == 0
    if change == "another question":
        edited(lesson, '"How many?"', '"How much?"')
    elif change == "other choices":
        edited(lesson, '["few", "many"]', '["few", "many", "none"]')
    elif change == "a damaged record":
        (recorded.folder_of(lesson) / "metrics.json").write_text("{", encoding="utf-8")
    capsys.readouterr()
    assert main(["run", "gan/01", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "  answer  Not judged: this run is short. It gave: It was 20.\n" in out
    assert not re.search(r"outcome  .\) (few|many)", out)
    assert ("made before the code changed" in out) == (change in ("another question", "other choices"))
    assert ("no full run of this lesson is recorded" in out) == (change in ("nothing recorded", "a damaged record"))


def test_a_quick_notebook_quotes_the_record_too(tiny, monkeypatch):
    from minigen.course import Lesson
    from minigen.course.lesson.sinks import jupyter

    lesson, _ = tiny()
    assert main(["record", "gan/01"]) == 0
    shown = []
    monkeypatch.setattr("minigen.course.lesson.lesson.in_notebook", lambda: True)
    monkeypatch.setattr(jupyter, "show_markdown", shown.append)
    monkeypatch.setenv("MINIGEN_QUICK", "1")
    cell = Lesson("gan/01_tiny", title="A lesson", post="gan")
    cell.predict("How many?", ["few", "many"])
    cell.table([["steps", 20]], ["name", "value"], "Length")
    cell.outcome("It was 20.", answer="few")
    cell.finish()
    _, short, full, outcome = shown
    assert short.startswith("**Length (in this short run)**") and "20" in short
    assert full.startswith("**Length (in a full run)**") and "400" in full
    opened = dict(re.findall(r"(?s)<summary>(.*?)</summary>\s*(.*?)\s*</details>", outcome))
    assert opened == {
        "a) few": f"The answer is b) many. {IN_FULL.format(20)}",
        "b) many": f"This is the answer. {IN_FULL.format(20)}",
    }


# -- the lessons of the project ----------------------------------------------------------------------------------------

MOST_BYTES = 20_000_000  # of all recorded files


@pytest.fixture(scope="module")
def records(root):
    """The records of the lessons of the project that have one."""
    found = [recorded.read(lesson) for lesson in scan_lessons(root / "lessons")[0]]
    return [record for record in found if recorded.folder_of(record.lesson).exists()]


def test_what_is_recorded_fits_the_lessons(records):
    assert records
    for record in records:
        assert record.result is not None, f"{record.lesson.id}: a recorded file is missing or damaged"
        advice = f"minigen record {record.lesson.id} makes it anew, or remove its folder `recorded`"
        assert record.misfits == [], f"{record.lesson.id}: {advice}"


def test_recorded_files_are_small_and_all_are_used(records):
    for record in records:
        folder = recorded.folder_of(record.lesson)
        payloads = [(entry["kind"], entry["payload"]) for entry in record.result.entries]
        used = {payload[name] for _, payload in payloads for name in ("file", "data") if name in payload}
        vectors = {blocks.vector_name(payload["file"]) for kind, payload in payloads if kind == "figure"}
        there = {path.name for path in folder.iterdir()}
        assert there - vectors == used | {"record.jsonl", "metrics.json"}, record.lesson.id
        assert all((folder / name).stat().st_size <= MOST_SVG for name in vectors & there), record.lesson.id
        for kind, payload in payloads:
            if "file" in payload:
                limit = compress.ANIMATION_BYTES if kind == "animation" else compress.FIGURE_BYTES
                assert (folder / payload["file"]).stat().st_size <= limit, f"{record.lesson.id}: {payload['file']}"
    assert sum(record.size for record in records) <= MOST_BYTES


def test_a_record_is_of_a_full_run_in_which_all_held(records):
    for record in records:
        metrics = record.result.metrics
        assert (metrics["status"], metrics["quick"], metrics["scale"], metrics["with"]) == ("passed", False, 1.0, None)
        verdicts = {one["status"] for one in [*metrics["claims"], *metrics["checks"]]}
        assert verdicts == {"passed"}, record.lesson.id
