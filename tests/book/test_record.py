"""The record of a run: every output once, in order, in the cell that made it, however the lesson is run."""

import json
import re
import subprocess
import sys

import pytest

from minigen.cli import main
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.names import find_lesson
from minigen.course.lesson import blocks
from minigen.course.lesson.claims import Bar, Claim
from minigen.course.lesson.sinks.record import Recorder, read_record
from tests.costs import units_of

BODY = '''\
for word in ["one", "two"]:
    print(word, "and more")
print("three")

# %% [markdown]
# Text with `print("not an output")`.

# %%
lesson.predict("How many?", ["one", "two"])

# %%
def shown(n):
    """A helper: what it shows belongs to the cell that calls it."""
    for i in range(n):
        print("helper", i)
    lesson.check("n", n, equals=n)


# %%
shown(2)
from minigen import plot

fig, ax = plot.figure(1, 1)
lesson.figure(fig, "picture", "A caption.")
print("after the figure")

# %%
lesson.table([["a", 1.5], ["b", float("nan")]], ["name", "value"], "A table")
lesson.outcome(
    f"It was {2}.",
    answer="two",
)

# %%
from minigen.gan.losses import discriminator_loss

lesson.show_source(discriminator_loss)
history = lesson.fit(lambda i: 1.0, 3, label="quick")
lesson.claim("n is small", 2, at_most=3, source="the test")'''

EXPECTED = [  # (cell, kind)
    (2, "text"),
    (2, "text"),  # another statement
    (4, "predict"),
    (6, "text"),
    (6, "check"),
    (6, "figure"),
    (6, "text"),
    (7, "table"),
    (7, "outcome"),
    (8, "source"),
    (8, "text"),
    (9, "claims"),
]


def places(path):
    return [(entry["cell"], entry["kind"]) for entry in read_record(path)]


def payloads(path, kind):
    return [entry["payload"] for entry in read_record(path) if entry["kind"] == kind]


@pytest.mark.parametrize("quick", [False, True])
def test_every_output_once_in_order_in_its_cell(write_lesson, tmp_path, quick):
    write_lesson("gan/01_tiny", BODY)
    assert main(["run", "gan/01"] + ["--quick"] * quick) == 0
    path = tmp_path / "out" / ("gan-01-tiny" + "-quick" * quick) / "record.jsonl"
    assert places(path) == EXPECTED
    texts = [payload["text"] for payload in payloads(path, "text")]
    assert texts[:4] == ["one and more\ntwo and more", "three", "helper 0\nhelper 1", "after the figure"]
    assert texts[4].startswith("training quick: 3 steps in ") and len(texts) == 5
    assert payloads(path, "predict") == [{"question": "How many?", "choices": ["one", "two"]}]
    assert payloads(path, "figure") == [{"file": "picture.png", "caption": "A caption."}]
    short = {"text": "Not judged: this run is short. It gave: It was 2.", "answer": None}
    assert payloads(path, "outcome") == [short if quick else {"text": "It was 2.", "answer": "two"}]
    (table,) = payloads(path, "table")
    assert table == {"title": "A table", "header": ["name", "value"], "rows": [["a", 1.5], ["b", "nan"]]}
    assert payloads(path, "check") == [{"name": "n", "value": "2", "bar": "= 2", "status": "passed"}]
    (source,) = payloads(path, "source")
    assert source["where"].startswith("minigen/gan/losses.py:") and source["name"] == "discriminator_loss"
    assert source["code"].startswith("@checked(real_logits=") and source["exercises"] == []
    (claims,) = payloads(path, "claims")
    assert claims["header"] == ["claim", "value", "threshold", "verdict", "source"]
    assert claims["rows"] == [["n is small", "2", "≤ 3", "not judged" if quick else "passed", "the test"]]


@pytest.mark.slow
def test_a_script_and_a_resumed_run_record_the_same(write_lesson, tmp_path):
    path = write_lesson("gan/01_tiny", BODY)
    subprocess.run([sys.executable, str(path), "--quick"], check=True, capture_output=True, cwd=tmp_path)
    record = tmp_path / "out" / "gan-01-tiny-quick" / "record.jsonl"
    assert places(record) == EXPECTED
    assert main(["run", "gan/01", "--quick", "--resume"]) == 0
    assert places(record) == EXPECTED


def test_a_run_put_aside_takes_its_record_along(write_lesson, tmp_path):
    write_lesson("gan/01_tiny", 'print("seed", lesson.seed)')
    assert main(["run", "gan/01"]) == 0
    assert main(["run", "gan/01", "--seed", "1"]) == 0
    texts = {
        name: payloads(tmp_path / "out" / name / "record.jsonl", "text")[0]["text"]
        for name in ("gan-01-tiny", "gan-01-tiny.1")
    }
    assert texts == {"gan-01-tiny": "seed 1", "gan-01-tiny.1": "seed 0"}


def test_a_stopped_run_keeps_what_it_showed(write_lesson, tmp_path):
    write_lesson("gan/01_tiny", 'print("before")\nlesson.check("two", 1, equals=2)')
    assert main(["run", "gan/01"]) == 1
    record = tmp_path / "out" / "gan-01-tiny" / "record.jsonl"
    assert places(record) == [(2, "text"), (2, "check")]
    assert payloads(record, "check")[0]["status"] == "failed"


@pytest.mark.slow
def test_a_real_lesson_records_what_its_log_says(tmp_path, monkeypatch):
    """The log is written by another way; record and log must tell the same story, in the cells that say it."""
    monkeypatch.chdir(tmp_path)
    lesson = find_lesson("gan/04")
    assert main(["run", lesson.id, "--quick"]) == 0
    folder = tmp_path / "out" / "gan-04-nash-equilibrium-quick"
    log = (folder / "log.txt").read_text(encoding="utf-8")
    told = re.findall(r"^  (figure|check|predict|outcome|exercise|source|training)  ", log, re.M)
    entries = read_record(folder / "record.jsonl")
    kinds = {"animation": "figure", "text": "training"}
    recorded = [kinds.get(entry["kind"], entry["kind"]) for entry in entries]
    assert [kind for kind in recorded if kind in set(told)] == told and len(told) > 20
    source = lesson.path.read_text(encoding="utf-8")
    starts = [*(cell.line for cell in lesson.source.cells), len(source.splitlines()) + 1]
    statements = [statement.line for statement in lesson.source.statements]
    names = {"figure": "figure(", "table": "table(", "check": "check(", "predict": "predict(", "outcome": "outcome("}
    for entry in entries:
        first, end = starts[entry["cell"]], starts[entry["cell"] + 1]
        assert first < statements[entry["statement"]] < end
        cell = "\n".join(source.splitlines()[first - 1 : end - 1])
        assert names.get(entry["kind"], "") in cell
        if entry["kind"] == "figure":
            assert (
                f'"{entry["payload"]["file"].removesuffix(".png")}"' in cell
                and (folder / entry["payload"]["file"]).is_file()
            )
        if entry["kind"] == "predict":
            assert entry["payload"]["question"][:20] in cell
    assert entries == sorted(entries, key=lambda entry: (entry["cell"], entry["statement"]))


def test_what_the_machinery_says_is_no_output(write_lesson, tmp_path, capsys):
    """A path of this machine has no place in a book."""
    write_lesson(
        "gan/01_tiny",
        """\
from minigen.nn import Linear

def train(model, config): pass

for _ in range(2):
    lesson.train_once("a line", {}, lambda config: Linear(lesson.rng(), 1, 1), train)""",
    )
    assert main(["run", "gan/01"]) == 0
    assert "loaded from" in capsys.readouterr().out
    assert read_record(tmp_path / "out" / "gan-01-tiny" / "record.jsonl") == []


def test_the_place_survives_new_text_between_the_cells(write_lesson, tmp_path):
    path = write_lesson("gan/01_tiny", 'a = 1\n\n# %%\nprint("here")')
    assert main(["run", "gan/01"]) == 0
    (entry,) = read_record(tmp_path / "out" / "gan-01-tiny" / "record.jsonl")
    text = path.read_text(encoding="utf-8").replace("a = 1\n", "a = 1\n\n# %% [markdown]\n# More to read.\n")
    line = text.splitlines()[LessonSource(text).statements[entry["statement"]].line - 1]
    assert line == 'print("here")'


def test_recording_costs_nothing_noticeable(tmp_path):
    lesson = tmp_path / "lesson.py"
    lesson.write_text("# %%\npass\n", encoding="utf-8")
    record = Recorder(lesson, tmp_path / "record.jsonl")
    check = blocks.Check.of(Claim("n", 1, Bar(target=1)))

    def two_thousand():
        for i in range(1000):
            record(blocks.Printed(f"line {i}\n"))
            record(check)

    assert units_of(two_thousand) < 4  # 1 ms for an output, of which a lesson has about 50
    assert len(read_record(record.path)) == 2000


def test_what_is_no_record(tmp_path):
    path = tmp_path / "record.jsonl"
    good = {"cell": 0, "statement": 0, "kind": "text", "payload": {"text": "a"}}
    for bad in ["not JSON", "[]", json.dumps(good | {"kind": "song"}), json.dumps(good | {"payload": 1})]:
        path.write_text(json.dumps(good) + "\n" + bad + "\n", encoding="utf-8")
        with pytest.raises(ValueError, match="line 2"):
            read_record(path)
