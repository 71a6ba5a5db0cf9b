"""From runs to a folder of HTML: which results are shown, what is made again, what is never touched."""

import json
import re
import time
import zipfile

import pytest

from minigen.cli import main
from minigen.course.book import build, results
from minigen.course.book.files import Files, archive, unpack
from minigen.course.book.formulas import KATEX
from minigen.course.index.lessons import all_lessons
from minigen.course.index.names import find_lesson, find_lessons
from minigen.course.lesson import recorded

DRAWING = """\
from minigen import plot

lesson.predict("How many?", ["one", "two"])
fig, ax = plot.figure(1, 1)
ax.plot([0, 1])
lesson.figure(fig, "line", "A line, see Eq. gan.07 and `gan/02`.")
lesson.outcome("Two.", answer="two")
print("seed", lesson.seed)"""


@pytest.fixture
def tiny(write_lesson, tmp_path):
    """Two lessons in a folder of their own, of which the first one draws."""
    write_lesson("gan/01_first", DRAWING, title="The first", sections=["gan.s01"], equations=["gan.01"])
    write_lesson("gan/02_second", 'print("hello")', title="The second", sections=["gan.s02"])
    return tmp_path


@pytest.fixture
def with_tools(monkeypatch):
    """As if Sphinx were installed, for what ends before it is called."""
    monkeypatch.setattr(build, "find_spec", lambda module: object())


def lesson(id="gan/01"):
    return find_lesson(id)


def text_of(result):
    return next(entry["payload"]["text"] for entry in result.entries if entry["kind"] == "text")


# -- which runs --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_full_run_that_fits_is_shown_and_a_quick_one_only_where_there_is_none(tiny):
    runs = tiny / "out"
    assert results.existing(lesson(), runs) is None and results.existing(lesson(), runs, quick=True) is None
    assert main(["run", "gan/01", "--quick"]) == 0
    assert results.existing(lesson(), runs) is None
    assert results.existing(lesson(), runs, quick=True).quick
    assert main(["run", "gan/01"]) == 0
    for quick in (False, True):
        assert not results.existing(lesson(), runs, quick).quick


@pytest.mark.slow
def test_a_run_of_other_code_of_a_student_or_with_a_file_missing_does_not_fit(tiny):
    runs = tiny / "out"
    assert main(["run", "gan/01"]) == 0
    folder = runs / "gan-01-first"
    marker, path = folder / ".minigen.json", lesson().path
    good = json.loads(marker.read_text(encoding="utf-8"))
    for change in [{"recipe": "0"}, {"recipe": None}, {"finished": False}]:
        marker.write_text(json.dumps(good | change), encoding="utf-8")
        assert results.existing(lesson(), runs) is None, change
    for change in [{"scale": 2.0}, {"with": "0123"}, {"lesson": "gan/02_second"}]:
        marker.write_text(json.dumps(good | {"run": good["run"] | change}), encoding="utf-8")
        assert results.existing(lesson(), runs) is None, change
    marker.write_text(json.dumps(good | {"run": good["run"] | {"seed": 3}}), encoding="utf-8")
    assert results.existing(lesson(), runs) is not None  # any seed will do
    source = path.read_text(encoding="utf-8")
    path.write_text(source + "\n# %% [markdown]\n# Another sentence.\n", encoding="utf-8")
    assert results.existing(lesson(), runs) is not None  # text is no code
    path.write_text(source + "\nmore = 1\n", encoding="utf-8")
    assert results.existing(lesson(), runs) is None
    path.write_text(source, encoding="utf-8")
    for name in ("line.png", "metrics.json", "record.jsonl"):
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        assert results.existing(lesson(), runs) is None, name
        (folder / name).write_bytes(kept)
    (folder / "record.jsonl").write_text("not a record\n", encoding="utf-8")
    assert results.existing(lesson(), runs) is None


@pytest.mark.slow
def test_what_is_missing_is_run_and_nothing_else(tiny, capfd):
    assert main(["run", "gan/01", "--seed", "5"]) == 0
    capfd.readouterr()
    found = results.results_of_runs(all_lessons(), tiny / "out", quick=True)
    assert [result.quick for result in found] == [False, True]
    assert [text_of(result) for result in found] == ["seed 5", "hello"]
    assert capfd.readouterr().out == "  run 1 of 1  gan/02_second (a few seconds)\n"
    results.results_of_runs(all_lessons(), tiny / "out", quick=True)
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_a_finished_run_without_a_record_is_resumed_in_its_place(write_lesson, tmp_path, capfd):
    body = """\
import numpy

def step(i):
    with open("steps.txt", "a") as file:
        file.write("a step\\n")
    return 1.0

lesson.fit(step, 4, state={"weights": numpy.zeros(2)}, label="a training")
print("seed", lesson.seed)"""
    write_lesson("gan/01_first", body)
    assert main(["run", "gan/01"]) == 0
    (tmp_path / "out" / "gan-01-first" / "record.jsonl").unlink()
    (found,) = results.results_of_runs([lesson()], tmp_path / "out")
    assert "its trainings are kept" in capfd.readouterr().out
    assert [entry["payload"]["text"] for entry in found.entries][-1] == "seed 0"
    assert (tmp_path / "steps.txt").read_text(encoding="utf-8") == "a step\n" * 4  # nothing was trained again
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["gan-01-first"]  # nothing was put aside


def test_a_lesson_that_does_not_finish_is_named(write_lesson, tmp_path, with_tools, capsys):
    write_lesson("gan/01_first", 'raise RuntimeError("broken")')
    assert main(["book", "--run", "--quick"]) == 2
    error = capsys.readouterr().err
    assert "gan/01_first did not finish" in error and "log.txt" in error
    assert not (tmp_path / "build").exists()


# -- records -----------------------------------------------------------------------------------------------------------


def test_a_book_takes_the_records_and_runs_no_lesson(monkeypatch):
    monkeypatch.setattr(results.subprocess, "run", lambda *args, **kwargs: pytest.fail("a lesson was run"))
    lessons = find_lessons(["gan/02", "vae/07", "diffusion/18"])
    found = results.known_results(lessons)
    assert [result and result.folder.name for result in found[:2]] == ["recorded", "recorded"]
    assert found[0].metrics["lesson"] == "gan/02_gan" and not found[0].quick
    assert found == [recorded.read(one).result for one in lessons]


@pytest.mark.slow
def test_a_run_is_taken_before_the_record_where_it_is_asked_for_and_fits(tiny):
    runs = tiny / "out"
    for seed in ("1", "2"):
        assert main(["run", "gan/01", "--seed", seed]) == 0
        if seed == "1":
            recorded.record(lesson(), runs / "gan-01-first")

    def seed_of(result):
        return result.metrics["seed"]

    (known,) = results.known_results([lesson()])
    (run,) = results.known_results([lesson()], runs)
    assert (seed_of(known), seed_of(run)) == (1, 2)
    path = lesson().path
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace('print("seed"', 'more = 1\nprint("seed"'), encoding="utf-8")
    (after,) = results.known_results([lesson()], runs)
    assert seed_of(after) == 1, "a run of other code is no run; the record stays, and its page says so"
    path.write_text(source.replace('lesson.outcome("Two.", answer="two")\n', ""), encoding="utf-8")
    assert results.known_results([lesson()]) == [None], "a record that does not fit the file any more is not shown"


# -- what can be wrong with the command --------------------------------------------------------------------------------


def test_which_lessons(tiny):
    ids = ["gan/01_first", "gan/02_second"]
    assert [one.id for one in find_lessons([])] == ids
    assert [one.id for one in find_lessons(["gan/02", "gan/first"])] == ids
    assert [one.id for one in find_lessons(["gan"])] == ids
    assert [one.id for one in find_lessons(["gan/02", "gan/02"])] == ids[1:]


def test_clear_errors(tiny, with_tools, capsys, monkeypatch):
    assert main(["book", "gan/17"]) == 2
    assert "there is no lesson 'gan/17'" in capsys.readouterr().err
    mine = tiny / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert main(["book", "--quick"]) == 2
    assert "--quick goes with --run" in capsys.readouterr().err
    assert main(["book", "--run", "--quick", "--out", str(mine)]) == 2
    assert "has files that are not a book of minigen" in capsys.readouterr().err
    assert [path.name for path in mine.iterdir()] == ["thesis.txt"]
    assert main(["book", "--run", "--quick", "--out", str(mine / "thesis.txt")]) == 2
    assert "is a file, not a folder" in capsys.readouterr().err
    assert not (tiny / "out").exists()  # nothing was run for it
    monkeypatch.setattr(build, "find_spec", lambda module: None if module in ("sphinx", "furo") else object())
    assert main(["book"]) == 2
    error = capsys.readouterr().err
    assert "minigen book needs sphinx, furo, of the extra 'book': python -m pip install sphinx furo brings" in error


def test_only_changed_pages_and_pictures_are_written(tmp_path):
    from PIL import Image

    pages = {"index": "# One\n", "lessons/gan/01": "# Two\n"}
    build._write_pages(pages, tmp_path)
    first = tmp_path / ".build" / "pages" / "index.md"
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / ".build").rglob("*.md")}
    assert len(times) == 2
    (tmp_path / "lessons" / "gan").mkdir(parents=True)
    (tmp_path / "lessons" / "gan" / "01.html").write_text("old", encoding="utf-8")
    build._write_pages({"index": "# One\n"}, tmp_path)
    assert first.stat().st_mtime_ns == times[first]
    assert not (tmp_path / "lessons" / "gan" / "01.html").exists()  # what is left out of the book is gone
    assert len(list((tmp_path / ".build").rglob("*.md"))) == 1

    run = tmp_path / "run"
    run.mkdir()
    Image.new("RGBA", (300, 150), (255, 0, 0, 255)).save(run / "a.png")
    chapter = type("Chapter", (), {"slug": "gan-01", "folder": run})
    for expected in ((150, 75), (300, 75)):
        files = Files(tmp_path)
        address, size = files.picture(chapter, "a.png")
        files.make()
        made = tmp_path / address
        assert address == "_figures/gan-01/a.webp" and size == expected
        with Image.open(made) as image:
            assert image.format == "WEBP" and image.size == (expected[0] * 2, expected[1] * 2)
        untouched = made.stat().st_mtime_ns
        files.make()
        assert made.stat().st_mtime_ns == untouched == (run / "a.png").stat().st_mtime_ns
        time.sleep(0.01)
        Image.new("RGB", (600, 150)).save(run / "a.png")
    files = Files(tmp_path)
    files.own("_play/front/a.js", b"one")
    files.make()
    assert not made.exists()  # no page shows it any more
    assert (tmp_path / "_play" / "front" / "a.js").read_bytes() == b"one"
    Files(tmp_path).make()
    assert not (tmp_path / "_play" / "front" / "a.js").exists()


# -- KaTeX -------------------------------------------------------------------------------------------------------------


def test_katex_is_one_archive_with_the_fonts_that_its_styles_name(root):
    with zipfile.ZipFile(KATEX) as packed:
        assert packed.testzip() is None
        files = {name: packed.read(name) for name in packed.namelist()}
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert list(files) == sorted(files)
    assert "MIT License" in files["LICENSE"].decode() and "KaTeX 0.19.1" in files["README.md"].decode()
    page_js = (root / "minigen/course/book/web/page.js").read_text(encoding="utf-8")
    assert set(re.findall(r'loadScript\("katex/([^"]+)"', page_js)) == {"katex.min.js"} <= set(files)
    named = set(re.findall(r"url\(([^)]*)\)", files["katex.min.css"].decode()))
    assert named == {name for name in files if name.startswith("fonts/")} and len(named) == 20
    assert all(files[name].startswith(b"wOF2") for name in named)


def test_an_archive_is_unpacked_where_it_has_changed(tmp_path):
    contents = {"a.txt": b"one\r\n", "below/b.bin": bytes(range(256))}
    assert archive(contents) == archive(dict(contents))
    packed, folder = tmp_path / "packed.zip", tmp_path / "folder"
    packed.write_bytes(archive(contents))

    def found():
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    unpack(packed, folder)
    assert found() == contents
    stamp = (folder / "a.txt").stat().st_mtime_ns
    (folder / "below" / "b.bin").write_bytes(bytes(256))
    (folder / "of_another_version.js").write_text("old", encoding="utf-8")
    unpack(packed, folder)
    assert found() == contents and (folder / "a.txt").stat().st_mtime_ns == stamp


# -- with Sphinx -------------------------------------------------------------------------------------------------------


@pytest.mark.book
def test_a_book_is_built_without_warnings_and_every_link_leads_somewhere(tiny, capsys, broken_links):
    pytest.importorskip("sphinx", reason="needs the extra 'book'")
    assert main(["book", "--run", "--quick"]) == 0
    told = capsys.readouterr().out
    assert "2 pages of 2 from a quick run" in told and "warning" not in told
    folder = tiny / "build" / "book"
    assert broken_links(folder) == []
    assert max(len(str(path.relative_to(folder))) for path in folder.rglob("*")) <= 150, "Windows allows 260 in all"
    page = (folder / "lessons" / "gan" / "01_first.html").read_text(encoding="utf-8")
    assert 'href="../../equations.html#eq-gan-07"' in page and "02_second.html" in page
    assert (folder / "_figures" / "gan-01-first" / "line.svg").is_file()
    equations = (folder / "equations.html").read_text(encoding="utf-8")
    assert equations.count('class="katex-display"') > 90 and "\\[" not in equations and "katex-error" not in equations
    assert (folder / "_static" / "katex" / "katex.min.css").is_file()

    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*.html")}
    assert main(["book", "--run", "--quick"]) == 0
    assert {path: path.stat().st_mtime_ns for path in files if path.name not in ("search.html", "genindex.html")} == {
        path: stamp for path, stamp in files.items() if path.name not in ("search.html", "genindex.html")
    }
    assert main(["book", "--run", "--quick", "gan/02"]) == 0
    assert not (folder / "lessons" / "gan" / "01_first.html").exists() and broken_links(folder) == []
