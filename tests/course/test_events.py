"""What each sink makes of each event, and which sinks the kinds of runs have."""

import inspect
import io
import json
from pathlib import Path

import numpy as np
import pytest

from minigen.cli import main
from minigen.course import Lesson, UsageError
from minigen.course.book.pages import lesson
from minigen.course.lesson import blocks, events
from minigen.course.lesson.claims import Bar, Claim, jsonable
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.play import film_of
from minigen.course.lesson.predict import Prediction
from minigen.course.lesson.sinks.jupyter import MARKDOWN
from minigen.course.lesson.sinks.record import output
from minigen.course.lesson.sinks.summary import Summary
from minigen.course.lesson.sinks.text import TEXTS, Log, Terminal, text_of
from minigen.course.reading import markdown
from minigen.course.reading.ipynb import RECORDED

OUT = Path("out")
HEADING = events.Declaration("gan/02_gan", "GANs", "gan", ["gan.s02"], ["gan.03"], 2.0)
ASKED = ("How many?", ["one", "two"])
CHOSEN, QUESTION = Prediction(*ASKED), blocks.Question(*ASKED)
HOLDS, FAILS = Claim("n", 2, Bar(target=2)), Claim("n", [1, 3], Bar(target=[1, 2]))
JUDGED = Claim("loss", 0.25, Bar(high=0.5), source="the paper")
FILM = film_of({"t": [1, 0]}, np.zeros((2, 3, 2)))
TABLE = "\n  claim  value  threshold  verdict  source\n  -----  -----  ---------  -------  ---------\n"
FAILED = "check failed: n: got 1, 3, must be = 1, 2 (largest difference 1, at (1,))"

# (event, text without its last line break or None, kind in the record or "", payload there)
EXAMPLES = [
    (
        events.Start(HEADING, RunOptions(seed=3, scale=0.5), OUT, "r"),
        "gan/02_gan  GANs  (seed 3, about 1 minute, out)",
        "",
        {},
    ),
    (
        events.Start(HEADING, RunOptions(quick=True, scale=2.0), OUT, None),
        "gan/02_gan  GANs  (seed 0, a few seconds, out)",
        "",
        {},
    ),
    (events.Note("a note"), "a note", "", {}),
    (events.ModelNote("  pretrained  m: loaded"), "  pretrained  m: loaded", "", {}),
    (blocks.Printed("from the lesson\n"), None, "", {}),
    (events.Configuration({"width": 3}), None, "", {}),
    (
        events.Training("VAE", 20, 1.26, {"loss": 0.123456, "kl": 2.0}),
        "  training  VAE: 20 steps in 1.3 s, loss 0.1235, kl 2",
        "text",
        {"text": "training VAE: 20 steps in 1.3 s, loss 0.1235, kl 2"},
    ),
    (events.Sampler("digits", np.ones, True), None, "", {}),
    (
        QUESTION,
        "  predict  How many?\n           a) one\n           b) two",
        "predict",
        {"question": "How many?", "choices": ["one", "two"]},
    ),
    (events.Chosen(CHOSEN, "one", 3.0), None, "", {}),
    (
        blocks.Outcome(*ASKED, "two", "Two."),
        "  answer  b) two. Two.",
        "outcome",
        {"text": "Two.", "answer": "two"},
    ),
    (
        blocks.Outcome(*ASKED, None, "Three."),
        "  answer  Three.",
        "outcome",
        {"text": "Three.", "answer": None},
    ),
    (
        blocks.ExerciseBox("gan/02/loss"),
        "  exercise  gan/02/loss: write it yourself before you read on: minigen exercise start gan/02",
        "exercise",
        {"id": "gan/02/loss"},
    ),
    (
        blocks.Invitation("three", "Take 3.", "It is 9."),
        "  try it  Take 3.",
        "change",
        {"name": "three", "sentence": "Take 3.", "answer": "It is 9."},
    ),
    (events.Edited(["- 2", "+ 3"], "  changed  1 line"), "  changed  1 line", "", {}),
    (
        blocks.Check.of(FAILS, before="1, 2"),
        "  changed  n: 1, 3, before 1, 2",
        "check",
        {"name": "n", "value": "1, 3", "bar": "= 1, 2", "status": "failed"},
    ),
    (
        blocks.Source("minigen/a.py:3", "f", "def f(): ...", ["gan/02/f"]),
        "  source  minigen/a.py:3 f",
        "source",
        {"where": "minigen/a.py:3", "name": "f", "code": "def f(): ...", "exercises": ["gan/02/f"]},
    ),
    (
        blocks.Table("Sizes", ["a", "b"], [["x", 1.5]]),
        "\n  Sizes\n  a    b\n  -  ---\n  x  1.5\n",
        "table",
        {"title": "Sizes", "header": ["a", "b"], "rows": [["x", 1.5]]},
    ),
    (
        blocks.Table("Sizes", ["a"], [[1]], run="in a full run"),
        "\n  Sizes (in a full run)\n  a\n  -\n  1\n",
        "table",
        {"title": "Sizes (in a full run)", "header": ["a"], "rows": [[1]]},
    ),
    (
        blocks.Figure(OUT / "a.png", "Look.", object()),
        "  figure  out/a.png: Look.",
        "figure",
        {"file": "a.png", "caption": "Look."},
    ),
    (
        blocks.Animation(OUT / "a.gif", "", [], {}),
        "  figure  out/a.gif",
        "animation",
        {"file": "a.gif", "caption": ""},
    ),
    (
        blocks.Play(OUT / "p.png", "Move.", "p", "p.js", "gan/p", FILM),
        "  figure  out/p.png: Move.",
        "play",
        {"name": "p", "file": "p.png", "data": "p.js", "caption": "Move."},
    ),
    (
        blocks.Check.of(HOLDS),
        "  check   n: 2 (= 2) ok",
        "check",
        {"name": "n", "value": "2", "bar": "= 2", "status": "passed"},
    ),
    (
        blocks.Check.of(FAILS),
        f"  {FAILED}",
        "check",
        {"name": "n", "value": "1, 3", "bar": "= 1, 2", "status": "failed"},
    ),
    (  # its error is the message
        blocks.Check.of(FAILS, stops=True),
        None,
        "check",
        {"name": "n", "value": "1, 3", "bar": "= 1, 2", "status": "failed"},
    ),
    (events.Claim(JUDGED), None, "", {}),
    (events.Sources(["Weng (2017).", "Lin (1991)."]), "\n  sources\n    Weng (2017).\n    Lin (1991).", "", {}),
    (
        events.Finish("passed", [JUDGED], [HOLDS], {}, "", 1.26, OUT),
        f"{TABLE}  loss   0.25   ≤ 0.5      passed   the paper\n\n1 of 1 claim holds, 1 check passed; 1.3 s; see out",
        "claims",
        {
            "header": ("claim", "value", "threshold", "verdict", "source"),
            "rows": [["loss", "0.25", "≤ 0.5", "passed", "the paper"]],
            "calls": [None],
        },
    ),
    (
        events.Finish("failed", [], [HOLDS, FAILS], {}, "quick run", 0.0, OUT),
        "no claims, 1 of 2 checks passed; 0.0 s; see out",
        "",
        {},
    ),
    (
        events.Finish("not judged", [], [], {"Take 3.": "It is 9."}, "changed", 0.0, OUT),
        "\n  What happens when you try it\n  Take 3.\n    → It is 9.\nno claims, 0 checks passed; 0.0 s; see out",
        "",
        {},
    ),
    (events.End("failed", FAILED), None, "", {}),
]

TABLES = {"text": TEXTS, "jupyter": MARKDOWN | RECORDED, "readme": markdown.RENDERED, "book": lesson.RENDERED}
NEEDED = {  # printed text is its own; single checks become lists of them on a page; claims are printed with the verdict
    blocks.Printed: {"jupyter", "readme", "book"},
    blocks.Check: {"text"},
    blocks.Checks: {"jupyter", "readme", "book"},
    blocks.Claims: {"jupyter", "readme", "book"},
}


def kinds():
    """The events that a lesson can emit: those of a run, and the outputs."""
    own = {kind for _, kind in inspect.getmembers(events, inspect.isclass) if issubclass(kind, events.Event)}
    return own - {events.Event} | set(blocks.OUTPUTS.values()) - {blocks.Claims}


def test_there_is_an_example_of_every_event():
    assert {type(event) for event, *_ in EXAMPLES} == kinds()
    assert {kind for _, _, kind, _ in EXAMPLES if kind} == set(blocks.OUTPUTS)


@pytest.mark.parametrize(("event", "text", "kind", "payload"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_text_and_record_of_an_event(event, text, kind, payload):
    assert text_of(event) == text
    shown = output(event)
    assert (shown and shown.kind or "", shown.payload if shown else {}) == (kind, payload)


@pytest.mark.parametrize(
    "event", [event for event, *_ in EXAMPLES if output(event)], ids=lambda one: type(one).__name__
)
def test_what_is_read_from_the_record_is_what_was_shown(event):
    """But for what exists only while the lesson runs; a table bears in its title which run it is of."""
    shown, folder = output(event), Path("recorded")
    payload = json.loads(json.dumps(jsonable(shown.payload)))
    again = type(shown).of_record(payload, folder, cell=3)
    assert (again.cell, again.closed_by) == (3, None)
    assert jsonable(again.payload) == payload
    if isinstance(shown, blocks.Picture):
        assert again.path == folder / shown.file
    if kind_of_text(shown):
        assert text_of(again) == text_of(shown)


def kind_of_text(shown):
    """Whether its text needs nothing but what is recorded."""
    live = isinstance(shown, blocks.Picture | blocks.Question | blocks.Outcome)
    return not live and not (
        isinstance(shown, blocks.Check) and (shown.stops or shown.before or shown.status == "failed")
    )


def test_every_kind_of_output_is_shown_by_every_renderer():
    """A new kind cannot be forgotten by a page, a notebook or a terminal."""
    for kind in (*blocks.OUTPUTS.values(), blocks.Checks):
        shown = {table for table in TABLES if any(one in TABLES[table] for one in kind.__mro__)}
        assert shown >= NEEDED.get(kind, set(TABLES)), (kind, shown)


def test_the_log_is_the_texts_with_printed_lines_sources_and_the_error(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("of the run before")
    log = Log(path)
    expected = ""
    for event, text, *_ in EXAMPLES:
        log(event)
        expected += "" if text is None else f"{text}\n"
        if isinstance(event, blocks.Printed):
            expected += event.text
        if isinstance(event, blocks.Source):
            expected += f"{event.code}\n"
        if isinstance(event, events.End):
            expected += f"{event.error}\n"
        assert path.read_text(encoding="utf-8") == expected


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_prints_the_texts_in_color(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, colored = io.StringIO(), Screen()
    for event, *_ in EXAMPLES:
        Terminal(plain)(event)
        Terminal(colored)(event)
    texts = [event.text if isinstance(event, blocks.Printed) else text and f"{text}\n" for event, text, *_ in EXAMPLES]
    assert plain.getvalue() == "".join(filter(None, texts))
    for shown in ["\x1b[1mgan/02_gan\x1b[0m", "\x1b[31mcheck failed", "\x1b[32mok", "\x1b[32m1 of 1 claim"]:
        assert shown in colored.getvalue()


def test_a_terminal_of_some_kinds():
    stream = io.StringIO()
    for event, *_ in EXAMPLES:
        Terminal(stream, only=(events.ModelNote, events.Training))(event)
    assert stream.getvalue().splitlines() == [
        "  pretrained  m: loaded",
        "  training  VAE: 20 steps in 1.3 s, loss 0.1235, kl 2",
    ]


def test_the_summary_of_two_of_a_name():
    """Of checks a run keeps both, and a notebook the second one; an answer belongs to its own question."""
    other = blocks.Question("And then?", ["more", "less"])
    for repeats in (False, True):
        summary = Summary(repeats)
        for event in [
            events.Start(HEADING, RunOptions(), OUT, None),
            blocks.Check.of(HOLDS),
            blocks.Check.of(FAILS),
            QUESTION,
            other,
            blocks.Outcome(*ASKED, "two", "Two."),
            events.Training("a", 1, 0.5, {}),
            events.Training("b", 2, 0.5, {}),
            events.Training("a", 3, 0.5, {}),
        ]:
            summary(event)
        metrics = summary.metrics({"more": 1})
        assert [check["status"] for check in metrics["checks"]] == (["failed"] if repeats else ["passed", "failed"])
        assert [training["steps"] for training in metrics["timings"]["trainings"]] == [2, 3]
        assert [(one["outcome"], one["answer"]) for one in metrics["predictions"]] == [("Two.", "two"), ("", None)]
        assert metrics["status"] == "running" and metrics["more"] == 1
        summary(QUESTION)
        assert summary.metrics({})["predictions"][-1]["outcome"] == "", "asked again, and not answered yet"


def test_sinks_are_called_in_their_order_and_stop_at_an_error():
    seen = []

    def refuse(event):
        raise UsageError("no")

    stream = events.Stream([seen.append, refuse, seen.append])
    with pytest.raises(UsageError):
        stream.emit(events.Note("a"))
    assert seen == [events.Note("a")]


# -- which sinks a run has ---------------------------------------------------------------------------------------------

BODY = """\
print("in the middle")
from minigen import plot
fig, ax = plot.figure(1, 1)
lesson.figure(fig, "picture", "A caption.")
lesson.table([[1]], ["a"])
lesson.fit(lambda i: 1.0, 3, label="quick")
lesson.check("one", 1, equals=1)
"""


def test_what_is_printed_around_a_lesson_is_seen_and_not_logged(write_lesson, tmp_path, capsys):
    """The folder belongs to the run from the lesson's beginning to its end; then others may write there."""
    path = write_lesson("gan/02_gan", BODY)
    text = path.read_text(encoding="utf-8").replace("# %%\nfrom", "# %%\nprint('before')\nfrom", 1)
    path.write_text(text + "\nprint('after')\nlesson.check('late', 1, equals=1)\n", encoding="utf-8")
    assert main(["run", "gan/02"]) == 0
    printed, out = capsys.readouterr().out, tmp_path / "out" / "gan-02-gan"
    log = (out / "log.txt").read_text(encoding="utf-8")
    assert printed == f"before\n{log}after\n  check   late: 1 (= 1) ok\n"
    assert "in the middle\n" in log and "picture.png: A caption." in log
    assert "late" not in (out / "metrics.json").read_text(encoding="utf-8")
    assert "late" not in (out / "record.jsonl").read_text(encoding="utf-8")


def test_a_lesson_made_by_other_code_is_recorded_but_for_what_that_code_prints(tmp_path, capsys):
    lesson = Lesson("gan/02_gan", title="GANs", post="gan", options=RunOptions(out=tmp_path))
    print("by the test")
    lesson.check("one", 1, equals=1)
    lesson.finish()
    printed, log = capsys.readouterr().out, (lesson.out / "log.txt").read_text(encoding="utf-8")
    assert printed.replace("by the test\n", "") == log
    (entry,) = (lesson.out / "record.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(entry)["kind"] == "check"


def test_a_run_for_its_models_only_draws_and_records_nothing(write_lesson, tmp_path, capsys):
    write_lesson("gan/02_gan", BODY + "import numpy as np\nlesson.sampler('points', lambda rng, n: np.ones((n, 2)))")
    assert main(["sample", "gan/02", "--n", "3", "--out", "x.npz"]) == 0
    (folder,) = (path.parent for path in (tmp_path / "cache").rglob("log.txt"))
    assert {path.name for path in folder.iterdir()} == {".minigen.json", ".minigen.lock", "log.txt", "metrics.json"}
    log = (folder / "log.txt").read_text(encoding="utf-8")
    assert "in the middle\n" in log and "training  quick" in log and "check   one" in log
    assert "figure" not in log and "  a\n" not in log
    out, err = capsys.readouterr()
    assert out == "x.npz: samples 3 x 2\n"
    assert [line.split()[0] for line in err.splitlines()] == ["minigen:", "training"]


def test_a_window_for_each_figure_under_show(write_lesson, monkeypatch):
    shown = []
    monkeypatch.setattr("minigen.plot.show", shown.append)
    body = BODY + "lesson.play('film', {'t': [0, 1]}, images=[[[0.0]], [[1.0]]])\n"
    write_lesson("gan/02_gan", body)
    assert main(["run", "gan/02"]) == 0 and shown == []
    assert main(["run", "gan/02", "--show"]) == 0
    assert [type(figure).__name__ for figure in shown] == ["StyledFigure"] * 2
