"""Lessons as notebooks: valid, with the outputs that the cells made, and nothing open that a prediction closes."""

import base64
import json
import re
import sys
from io import BytesIO
from itertools import chain

import pytest
from PIL import Image

from minigen.cli import main
from minigen.course import repository
from minigen.course.index.lessons import all_lessons
from minigen.course.index.names import find_lesson
from minigen.course.lesson import blocks, recorded
from minigen.course.reading.composition import compose
from minigen.course.reading.ipynb import notebook_of

nbformat = pytest.importorskip("nbformat")

RECORDED = [lesson for lesson in all_lessons() if recorded.read(lesson).result is not None]
ONE_OF_EACH_POST = {lesson.post: lesson for lesson in reversed(RECORDED)}
# A short lesson without a training, which gives the same on every processor.
SHORT = "start/01"

BODY = """\
lesson.predict("How many?", ["few", "many"])

# %%
lesson.table([["steps", 3]], ["name", "value"], "Length")
print("found", 3)

# %% [markdown]
# So it was three.
#
# ## And now
#
# In the open.

# %%
lesson.outcome("It was 3, in $n$ steps.", answer="many")

# %% [markdown]
# ## After it

# %%
lesson.check("one", 1, equals=1)
print("at the end")
lesson.claim("two", 2.0, at_least=1.0)
"""


@pytest.fixture
def made(write_lesson):
    """A lesson, the result of its run in full, and the notebook with its outputs."""
    write_lesson("gan/02_gan", BODY)
    assert main(["run", "gan/02"]) == 0
    assert main(["record", "gan/02"]) == 0
    lesson = find_lesson("gan/02")
    return lesson, notebook_of(lesson, compose(lesson, recorded.read(lesson).result))


def texts(cell):
    """What the outputs of a cell show, in text."""
    return [output.get("text") or output["data"]["text/markdown"] for output in cell["outputs"]]


def open_part(markdown):
    """Markdown without what is folded, also within another folded part."""
    while "<details>" in markdown:
        markdown = re.sub(r"<details>((?!<details>).)*?</details>", "", markdown, flags=re.S)
    return markdown


def test_the_outputs_stand_below_their_cells_and_what_gives_the_answer_away_is_folded(made):
    lesson, notebook = made
    top, title, _, ask, measure, so, outcome, after, checks, end = notebook["cells"]
    assert "recorded: they were made in a full run with seed 0, in" in top["source"]
    assert title["source"].startswith("# ") and after["source"] == "## After it"
    assert texts(ask) == ["**Before you run on: How many?**\n\n- a) few\n- b) many"]
    (shown,) = texts(measure)
    assert "question 1" in shown and "**Length**" in shown and "| steps | 3 |" in shown and "found 3" in shown
    assert open_part(shown) == ""
    assert so["source"] == "So it was three.\n\n## And now\n\nIn the open."
    (shown,) = texts(outcome)
    assert "It was 3, in $n$ steps." in shown and "It was" not in open_part(shown)
    assert outcome["metadata"]["jupyter"]["source_hidden"] and outcome["metadata"]["cellView"] == "form"
    assert "jupyter" not in checks["metadata"] and "jupyter" not in measure["metadata"]
    assert texts(checks) == ["  check   one: 1 (= 1) ok\n", "at the end\n"]
    assert "| two |" in texts(end)[0]
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_the_command_writes_it_again_to_the_same_file(made, tmp_path):
    lesson, notebook = made
    for _ in range(2):
        assert main(["notebook", "gan/02", "--executed", "--force"]) == 0
        written = nbformat.read(tmp_path / "notebooks" / "gan-02-gan.ipynb", as_version=4)
        assert written == notebook


def test_the_command_writes_cells_without_outputs(write_lesson, capsys, tmp_path, monkeypatch):
    write_lesson("gan/02_gan", "x = 1")
    assert main(["notebook", "gan/02"]) == 0
    path = tmp_path / "notebooks" / "gan-02-gan.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = notebook["cells"]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code", "code"]
    capsys.readouterr()

    path.write_text("my changes")
    assert main(["notebook", "gan/02"]) == 2
    assert "already exists" in capsys.readouterr().err and path.read_text() == "my changes"
    assert main(["notebook", "gan/02", "--force"]) == 0 and path.read_text() != "my changes"
    assert main(["notebook", "gan/02", "-o", "missing/x.ipynb"]) == 2
    assert main(["notebook", "gan/02", "-o", "x.ipynb"]) == 0 and (tmp_path / "x.ipynb").exists()
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr("minigen.course.commands.notebook.FOLDER", tmp_path / "file")
    assert main(["notebook", "gan/02"]) == 2


def test_the_command_without_the_extra(write_lesson, capsys, monkeypatch, tmp_path):
    write_lesson("gan/02_gan")
    monkeypatch.setitem(sys.modules, "nbformat", None)
    assert main(["notebook", "gan/02"]) == 2
    assert "needs nbformat" in capsys.readouterr().err
    assert not (tmp_path / "notebooks").exists()


def test_without_a_record_the_command_says_how_to_make_one(write_lesson, capsys):
    path = write_lesson("gan/02_gan", BODY)
    assert main(["notebook", "gan/02", "--executed"]) == 2
    says = "gan/02_gan has no recorded run: make a record with  minigen record gan/02_gan  or run the notebook without"
    assert says in capsys.readouterr().err
    assert main(["notebook", "gan/02"]) == 0, "without outputs it needs none"
    assert main(["run", "gan/02"]) == 0 and main(["record", "gan/02"]) == 0
    path.write_text(path.read_text().replace('"How many?"', '"How few?"'))
    capsys.readouterr()
    assert main(["notebook", "gan/02", "--executed", "--force"]) == 2
    assert "the record of gan/02_gan no longer fits the lesson (" in capsys.readouterr().err


def test_colab_gets_a_button_and_a_cell_that_installs_the_package(write_lesson, monkeypatch):
    write_lesson("gan/02_gan", BODY)
    monkeypatch.setattr(repository, "repository", lambda: "ada/book")
    plain, colab = (notebook_of(find_lesson("gan/02"), colab=colab) for colab in (False, True))
    badge, install, *rest = colab["cells"]
    address = "https://colab.research.google.com/github/ada/book/blob/notebooks/gan-02-gan.ipynb"
    assert address in badge["source"]
    assert install["source"] == '%pip install "minigen-course @ git+https://github.com/ada/book"'
    assert [cell["source"] for cell in rest] == [cell["source"] for cell in plain["cells"]]
    assert all(cell.get("outputs", []) == [] for cell in colab["cells"])
    monkeypatch.setattr(repository, "repository", str)  # it is not known: no button that leads nowhere
    install, *rest = notebook_of(find_lesson("gan/02"), colab=True)["cells"]
    assert install["source"] == '%pip install "minigen-course"' and len(rest) == len(plain["cells"])


@pytest.mark.parametrize("lesson", ONE_OF_EACH_POST.values(), ids=ONE_OF_EACH_POST)
def test_one_of_each_post_is_valid_and_shows_its_record_cell_by_cell(lesson):
    check_against_record(lesson)


@pytest.mark.slow
@pytest.mark.parametrize("lesson", RECORDED, ids=lambda lesson: lesson.id)
def test_every_recorded_lesson_is_valid_and_shows_its_record_cell_by_cell(lesson):
    check_against_record(lesson)


def check_against_record(lesson):
    reading = compose(lesson, recorded.read(lesson).result)
    notebook = nbformat.reads(nbformat.writes(notebook_of(lesson, reading)), as_version=4)
    nbformat.validate(notebook)
    top, *cells = notebook["cells"]
    assert "recorded" in top["source"]
    if reading.sources:
        *cells, sources = cells
        assert sources["source"].startswith("**Sources**") and sources["source"].count("\n- ") == len(reading.sources)
    source = lesson.source.cells
    assert [cell["cell_type"] == "markdown" for cell in cells] == [cell.is_text for cell in source]
    for number, (cell, own) in enumerate(zip(cells, source)):
        if own.is_text:
            texts = (
                re.sub(r"</?details>|<summary>.*?</summary>", "", text, flags=re.S)
                for text in (cell["source"], own.text)
            )
            assert flat(next(texts)) == flat(next(texts))
            continue
        assert cell["source"] == own.text
        entries = [entry for entry in reading.result.entries if entry["cell"] == number]
        shown = json.dumps(texts_and_pictures(cell), ensure_ascii=False)
        pictures = re.findall(r"image/(?:png|webp)", shown)
        kinds = [entry["kind"] for entry in entries]
        assert len(pictures) == sum(kind in ("figure", "play", "animation") for kind in kinds), (number, kinds)
        for entry in entries:
            for words in words_of(entry):
                assert json.dumps(words, ensure_ascii=False)[1:-1] in shown, (number, words)
        assert bool(cell["outputs"]) == bool(entries) or set(kinds) <= {"exercise"}
    check_closed(reading, cells)


def check_closed(reading, cells):
    """What a prediction closes stands in no open part: numbers and words of its outputs, and its code."""
    for block in reading.blocks:
        if block.closed_by is None or isinstance(block, blocks.Heading):
            continue
        cell = cells[block.cell]
        if isinstance(block, blocks.Code):
            assert cell["metadata"]["jupyter"]["source_hidden"]
            continue
        opened = cell["source"] if isinstance(block, blocks.Text) else "\n".join(texts_and_pictures(cell))
        opened = open_part(opened)
        if isinstance(block, blocks.Text):
            assert flat(block.text) not in flat(opened)
        elif isinstance(block, blocks.Picture):
            assert "image/" not in opened
        elif isinstance(block, blocks.Printed):
            assert block.text not in opened
        elif isinstance(block, blocks.Outcome):
            assert block.text not in opened
        elif isinstance(block, blocks.Table):
            assert " | ".join(map(str, block.header)) not in opened
        elif isinstance(block, blocks.Checks):
            assert not any(f"check   {check.name}:" in opened for check in block.checks)


def texts_and_pictures(cell):
    """The outputs of a cell in text, in which an open picture is its kind alone."""
    shown = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            picture = Image.open(BytesIO(base64.b64decode(data["image/png"])))
            width = output["metadata"].get("image/png", {"width": picture.width // 2})["width"]  # not in a run
            assert picture.format == "PNG" and picture.width // 2 == width
            shown.append("image/png")
        else:
            shown.append(output.get("text") or data["text/markdown"])
    return shown


def words_of(entry):
    """Words that the output of an entry must show."""
    payload = entry["payload"]
    match entry["kind"]:
        case "text":
            return payload["text"].split("\n")
        case "check":
            return [f"  check   {payload['name']}: {payload['value']} ({payload['bar']})"]
        case "table":
            return [payload["title"], *(str(name).replace("|", "\\|") for name in payload["header"])]
        case "predict":
            return [payload["question"], *payload["choices"]]
        case "outcome" | "figure" | "play" | "animation":
            return [payload.get("text", ""), payload.get("caption", "")]
        case "claims":
            return [row[0].replace("|", "\\|") for row in payload["rows"]]
        case "source":
            return [payload["code"]]
    return []


def flat(text):
    return " ".join(text.split())


def without_times(text):
    """A text with single spaces, and without the seconds of a training."""
    return re.sub(r" in [\d.]+ s\b", " in # s", " ".join(text.split()))


@pytest.mark.slow
def test_running_a_notebook_gives_the_outputs_that_are_recorded(tmp_path):
    """In a fresh kernel: the same questions, tables, outcomes, printed lines and checks, and as many pictures."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    lesson = find_lesson(SHORT)
    reading = compose(lesson, recorded.read(lesson).result)
    executed = notebook_of(lesson, reading)["cells"][1:]
    plain = notebook_of(lesson)
    place = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(plain, timeout=600, kernel_name="python3", resources=place).execute()
    *executed, sources = executed
    assert sources["source"].startswith("**Sources**")
    for ours, theirs in zip(executed, plain["cells"], strict=True):
        if ours["cell_type"] == "markdown":
            continue
        folded, live = ("\n".join(texts_and_pictures(cell)) for cell in (ours, theirs))
        assert len(re.findall("image/png", folded)) == len(re.findall("image/png", live))
        for output in theirs["outputs"]:
            markdown = output.get("data", {}).get("text/markdown")
            if markdown is not None:
                assert markdown in folded or markdown.startswith("`minigen/") or markdown == sources["source"], markdown
        lines = list(chain.from_iterable(entry_lines(reading, executed.index(ours))))
        assert all(without_times(line) in without_times(live) for line in lines), lines


def entry_lines(reading, cell):
    for entry in reading.result.entries:
        if entry["cell"] == cell and entry["kind"] in ("text", "check"):
            yield words_of(entry)
