"""`minigen new`: a teacher's own lesson, outside of the package, with all that ours do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigen
from minigen import data
from minigen.classroom.assignment import load
from minigen.classroom.build import student_files
from minigen.cli import main
from minigen.course.commands.new import free_number, new_lesson, next_number
from minigen.course.console import UsageError
from minigen.course.exercise.stubs import RAISE
from minigen.course.index.lessons import read_lesson
from minigen.course.scripts import script_for, script_name
from minigen.flow import RealNVP
from minigen.vae import VAE

FILES = ["answers.py", "changes.py", "exercise.py", "lesson.py"]
ANSWER = "return np.mean((prediction - target) ** 2)"


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}


def test_the_files_of_a_new_lesson(tmp_path):
    files = new_lesson("spirals", next_number("own", tmp_path), tmp_path)
    assert sorted(contents(tmp_path)) == [
        *(f"own/01_spirals/{name}" for name in FILES),
        "spirals.py",
    ]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in files) == sorted(contents(tmp_path))
    assert not any("mylesson" in text for text in contents(tmp_path).values())
    new_lesson("waves", next_number("physics", tmp_path), tmp_path)
    assert set(contents(tmp_path / "physics")) == {f"01_waves/{name}" for name in FILES}
    assert not any(re.search(r"\bown[/_\"]", text) for text in contents(tmp_path / "physics").values())
    assert next_number("physics", tmp_path) == "physics/02"


def test_a_lesson_that_is_to_come_with_minigen(tmp_path):
    """Its id stands wherever a lesson of one's own has that of its own."""
    assert free_number("after/98", tmp_path) == "after/98"
    new_lesson("spline_flow", "after/98", tmp_path)
    new_lesson("waves", "own/01", tmp_path / "other")
    texts, ordinary = contents(tmp_path / "after"), contents(tmp_path / "other" / "own")
    assert set(texts) == {f"98_spline_flow/{name}" for name in FILES}
    for name in FILES:
        mine = texts[f"98_spline_flow/{name}"].replace("spline_flow", "waves")
        for old, new in {"after/98": "own/01", "after_98": "own_01", '"after"': '"own"'}.items():
            mine = mine.replace(old, new)
        assert mine == ordinary[f"01_waves/{name}"] and "98" not in mine
    declared = read_lesson(tmp_path / "after/98_spline_flow/lesson.py")
    assert (declared.id, declared.post) == ("after/98_spline_flow", "after")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("after/03", "after/03 is the id of after/03_design_space: choose another number"),
        ("after/98", "after/98 is the id of after/98_mine: choose another number"),
        ("after/4", "--as takes a family and two digits, family/NN, got 'after/4'"),
        ("after", "--as takes"),
        ("../04", "--as takes"),
    ],
)
def test_ids_that_are_not_free(number, message, tmp_path):
    (tmp_path / "after" / "98_mine").mkdir(parents=True)
    with pytest.raises(UsageError, match=re.escape(message)):
        free_number(number, tmp_path)


def test_nothing_is_overwritten(tmp_path):
    new_lesson("spirals", "own/01", tmp_path)
    (tmp_path / "waves.py").write_text("mine", encoding="utf-8")
    before = contents(tmp_path)
    for name in ("spirals", "waves"):
        with pytest.raises(UsageError, match="already exists; I left it unchanged"):
            new_lesson(name, next_number("own", tmp_path), tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "family", "message"),
    [
        ("My lesson", "own", "a lesson's name has lower-case letters"),
        ("2d", "own", "begins with a letter"),
        ("numpy", "own", "name of a module"),
        ("spirals", "gan", "is none of start, gan"),
        ("spirals", "Own2", "lower-case letters"),
    ],
)
def test_names_that_cannot_be_used(name, family, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        new_lesson(name, next_number(family, tmp_path), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """run(words, code): a command in a folder with a new lesson; what it printed. Exit codes other than `code` fail."""
    home = tmp_path_factory.mktemp("own")
    environment = {**os.environ, "MINIGEN_LESSONS": f"mylessons{os.pathsep}-", "MINIGEN_CACHE": str(home / "cache")}
    environment |= {"PYTHONUTF8": "1"}

    def run(*words, code=0):
        command = [sys.executable, "-m", "minigen", *map(str, words)]
        done = subprocess.run(
            command, cwd=home, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=600
        )
        printed = done.stdout + done.stderr
        assert done.returncode == code and "Traceback" not in printed, printed
        return printed

    run("new", "spirals")
    run.home = home
    return run


@pytest.mark.slow
def test_it_runs_and_is_checked(own):
    assert "Further lessons: own" in own("list") and "own/01_spirals" in own("list")
    printed = own("run", "own/01", "--quick", "--seed", "1")
    assert "not judged" in printed and "own/01/mean_squared_error" in printed
    assert "1 of 1 claim holds" in own("run", "own/01", "--seed", "1")
    printed = own("run", "own/01", "--seed", "1", "--scale", "0.001", "--out", "short", code=1)
    assert "failed" in printed, "an untrained line must not pass the claim"
    assert "1 of 1 change as said" in own("change", "own/01")


@pytest.mark.slow
def test_its_exercise_is_proved_and_checked_and_trains_the_lesson(own):
    assert "1 of 1 exercise is sound" in own("exercise", "prove", "own/01")
    own("exercise", "start", "own/01")
    path = own.home / "exercises" / "own_01.py"
    stub = path.read_text(encoding="utf-8")
    path.write_text(stub.replace(RAISE, ANSWER.replace("mean(", "sum(")), encoding="utf-8")
    assert "This is the sum of the squared differences" in own("exercise", "check", "own/01", code=1)
    path.write_text(stub.replace(RAISE, "import spirals\n    return spirals.mean_squared_error(prediction, target)"))
    own("exercise", "check", "own/01", code=1)  # the reference cannot be imported
    path.write_text(stub.replace(RAISE, ANSWER), encoding="utf-8")
    assert "pass, 6 of 6 points" in own("exercise", "check", "own/01")
    assert "your mean_squared_error was called" in own("run", "own/01", "--quick", "--with", path, "--overwrite")


@pytest.mark.slow
def test_it_is_recorded_and_becomes_a_page_and_a_notebook(own):
    assert "1 of 1 lesson recorded" in own("record", "own/01")
    assert "own/01_spirals  fresh" in own("record", "--status")
    page = (own.home / "mylessons/own/01_spirals/README.md").read_text(encoding="utf-8")
    assert "# A line through noisy points" in page and "recorded/line.webp" in page
    assert "Further lessons: own" in (own.home / "mylessons/README.md").read_text(encoding="utf-8")
    own("notebook", "own/01", "--executed")
    notebook = json.loads((own.home / "notebooks/own-01-spirals.ipynb").read_text(encoding="utf-8"))
    assert any(cell.get("outputs") for cell in notebook["cells"])
    function = own.home / "mylessons" / "spirals.py"
    text = function.read_text(encoding="utf-8")
    function.write_text(text.replace("** 2)", "** 2 + 0)"), encoding="utf-8")
    assert "code changed since" in own("record", "--status")  # a result depends on the module beside the lesson
    function.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_it_is_graded(own):
    own("assignment", "new", "hw.toml", "--exercises", "own/01", "--due", "2099-01-01T12:00")
    for name, code in [("anna", ANSWER), ("ben", "return 0.0 * np.sum(prediction)")]:
        folder = own.home / "handed" / name
        folder.mkdir(parents=True)
        text = f"import autograd.numpy as np\n\n\ndef mean_squared_error(prediction, target):\n    {code}\n"
        (folder / "own_01.py").write_text(text, encoding="utf-8")
    (own.home / "roster.csv").write_text("student_id\nanna\nben\n", encoding="utf-8")
    own("grade", "handed", "--assignment", "hw.toml", "--roster", "roster.csv", "--seed", "S", "--out", "grades")
    wide = (own.home / "grades" / "gradebook-wide.csv").read_text(encoding="utf-8").splitlines()
    assert wide[1].startswith("anna,,,,6,6,") and wide[2].startswith("ben,,,,0,0,")
    own("assignment", "build", "hw.toml", "--out", "dist")
    assert (own.home / "dist/otter/spirals.py").exists()
    assert (own.home / "dist/otter/minigen/_lessons/own/01_spirals/exercise.py").exists()


@pytest.mark.slow
def test_it_is_a_chapter_of_the_book(own):
    pytest.importorskip("furo")
    own("book", "own", "--python", "none", "--out", "book")
    page = (own.home / "book/lessons/own/01_spirals.html").read_text(encoding="utf-8")
    assert "A line through noisy points" in page and "mean_squared_error" in page
    assert "Further lessons: own" in (own.home / "book/index.html").read_text(encoding="utf-8")


def test_the_pages_python_has_its_functions(tmp_path, monkeypatch):
    from minigen.course.book.browser.wheels import minigen_wheel

    new_lesson("spirals_in_a_page", "own/01", tmp_path)
    monkeypatch.setenv("MINIGEN_LESSONS", f"{tmp_path}{os.pathsep}-")
    names = minigen_wheel()
    assert b"spirals_in_a_page.py" in names and b"_lessons/own/01_spirals_in_a_page/exercise.py" in names


def test_the_command_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIGEN_LESSONS", raising=False)
    assert main(["new", "spirals"]) == 0
    printed = capsys.readouterr().out
    assert "export MINIGEN_LESSONS=mylessons" in printed and "minigen run own/01" in printed
    monkeypatch.setenv("MINIGEN_LESSONS", "others")
    assert main(["new", "waves"]) == 0 and Path("others/own/01_waves/lesson.py").exists()
    assert main(["new", "spline_flow", "--as", "after/98"]) == 0
    assert Path("others/after/98_spline_flow/lesson.py").exists()
    printed = capsys.readouterr().out
    assert "export MINIGEN_LESSONS=others " in printed and "minigen exercise prove after/98" in printed
    assert main(["exercise", "prove", "after/98", "--seeds", "2"]) == 0
    assert main(["new", "again", "--as", "after/98"]) == 2


def test_an_exercise_without_a_lesson(tmp_path, monkeypatch, capsys):
    """It is sound as it is written, beside the package's, and a class gets both in one assignment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIGEN_LESSONS", raising=False)
    assert main(["new", "--exercise", "my_error"]) == 0
    files = sorted(path.relative_to("mylessons").as_posix() for path in Path("mylessons").rglob("*.*"))
    assert files == ["my_error.py", "own/01_my_error/answers.py", "own/01_my_error/exercise.py"]
    assert "minigen exercise prove own/01" in capsys.readouterr().out
    assert "mean_squared_error" not in "".join(path.read_text() for path in Path("mylessons").rglob("*.py"))
    monkeypatch.setenv("MINIGEN_LESSONS", "mylessons")
    assert main(["exercise", "prove", "own/01", "--seeds", "2"]) == 0
    assert main(["assignment", "new", "hw1.toml", "--exercises", "own/01", "gan/12/critic_loss"]) == 0
    assignment = load(Path("hw1.toml"))
    assert assignment.parts == ["own/01/my_error", "gan/12/critic_loss"]
    readme = student_files(assignment, "minigen.whl")["README.md"].decode()
    assert "Read before: gan/12 " in readme and "| own/01/my_error | 6 | own_01.py |" in readme
    assert main(["assignment", "solutions", "hw1.toml"]) == 0
    for words in (["new", "a_name", "--exercise", "b"], ["new", "--exercise", "x", "--data", "t.csv"], ["new"]):
        assert main(words) == 2


# ------------------------------------------------------------------------------------------- a script for own data


def a_table(path: Path, rows: int = 120) -> Path:
    """Columns of five kinds: text, two that go together, whole numbers, one that does not vary. Row 7 is an outlier."""
    rng = np.random.default_rng(0)
    length = rng.standard_normal(rows)
    width = 2 * length + 0.2 * rng.standard_normal(rows)
    width[7] += 6
    count = rng.poisson(3, rows)
    lines = [f"r{i};{a:.3f};{b:.3f};{k};7".replace(".", ",") for i, (a, b, k) in enumerate(zip(length, width, count))]
    path.write_text("\n".join(["name;length;width in cm;count;lab", *lines]), encoding="utf-8")
    return path


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def run_script(path: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(minigen.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, path.name], cwd=path.parent, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def test_a_script_for_a_table_says_what_it_does_with_each_column(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    a_table(tmp_path / "table.csv")
    assert main(["new", "--data", "table.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "table.csv: 120 rows",
        "  name         left out: most of its cells are no numbers (dates can be written as numbers of days)",
        "  length       modelled as it is",
        "  width in cm  modelled as it is",
        "  count        whole numbers, made continuous by noise",
        "  lab          left out: it is 7 in every row",
        "table_flow.py: run it with  python table_flow.py",
    ]
    text = Path("table_flow.py").read_text(encoding="utf-8")
    assert '# without name, lab\nCOLUMNS = {"length": "%.3f", "width in cm": "%.3f", "count": "%.0f"}' in text
    assert "data.dequantize(table, rng, [2])" in text
    assert max(map(len, text.splitlines())) <= 100 and len(lines_of(text)) <= 25


@pytest.mark.slow
def test_a_script_for_a_table_runs_as_it_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    a_table(tmp_path / "table.csv")
    assert main(["new", "--data", "table.csv"]) == 0
    printed = run_script(tmp_path / "table_flow.py")
    cells = r"{'length': [-\d.]+, 'width in cm': [-\d.]+, 'count': \d+.0}"
    first = re.search(rf"^row (\d+): [\d.]+ nats: {cells}$", printed, re.M)
    assert first is not None and first[1] == "7", printed
    new = data.points("table_flow_new.csv", ["length", "width in cm", "count"])
    assert new.shape == (1000, 3) and np.array_equal(new[:, 2], np.rint(new[:, 2]))
    assert np.corrcoef(new[:, 0], new[:, 1])[0, 1] > 0.8  # an untrained flow knows the columns one by one only
    assert RealNVP.from_file("table_flow.npz").log_prob(new).shape == (1000,)
    assert main(["new", "--data", "table.csv"]) == 2
    assert "table_flow.py already exists; I left it unchanged" in capsys.readouterr().err


def test_a_script_says_what_it_does_with_each_column(tmp_path, monkeypatch, capsys):
    """Dates, one number among words, a header of numbers, amounts with a long tail, times."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    amounts, times = rng.lognormal(3, 1.2, 60), 1_700_000_000 + 1e5 * rng.random(60) // 1
    words = ["17" if k == 5 else "red" for k in range(60)]
    rows = zip(amounts, times, words, np.datetime64("2024-01-01") + np.arange(60), rng.random(60))
    lines = [f"{a:.2f},{t:.0f},{word},{day},{v:.6f}" for a, t, word, day, v in rows]
    Path("t.csv").write_text("\n".join(["amount,time,color,day,v", *lines]), encoding="utf-8")
    assert main(["new", "--data", "t.csv"]) == 0
    printed = capsys.readouterr().out
    assert "amount  positive with a long tail, modelled by its logarithm" in printed
    assert re.search(r"time    whole numbers, .* noise; modelled minus 17\d+, since float32", printed)
    assert printed.count("left out: most of its cells are no numbers (dates can be written as numbers of days)") == 2
    text = Path("t_flow.py").read_text(encoding="utf-8")
    assert "# without color, day\n" in text and "LOGS = [0]  # positive with a long tail" in text
    assert '"amount": "%.2f", "time": "%.0f", "v": "%.6f"' in text and len(lines_of(text)) <= 25
    assert lines_of(text).index("    scores[held_out] = -flow.log_prob(x[held_out])") < 18  # with docstring and comment
    Path("n.csv").write_text("\n".join(["2020,2021", *(f"{a},{v}" for a, v in rng.random((30, 2)))]), encoding="utf-8")
    assert main(["new", "--data", "n.csv", "--header", "--columns", "2021,2020"]) == 0
    text = Path("n_flow.py").read_text(encoding="utf-8")
    assert 'COLUMNS = {"2021": ' in text and "list(COLUMNS), header=True, dtype" in text


def test_new_rows_are_as_the_table_is(tmp_path, monkeypatch):
    """No negative counts and amounts, times to the second, the decimals of the table; no warning of whole numbers."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    columns = [rng.lognormal(3, 1.2, 200), rng.poisson(1, 200), 1_700_000_000 + 3e7 * rng.random(200) // 1]
    np.savetxt("t.csv", np.column_stack(columns), "%.2f,%d,%d", header="amount,count,time", comments="")
    text = script_for(Path("t.csv"), "t").text.replace("3000, held_out", "200, held_out")
    Path("t.py").write_text(text, encoding="utf-8")
    run_script(tmp_path / "t.py")  # which fails for what is printed to stderr
    new = data.points("t_new.csv", dtype=np.float64)
    table = data.points("t.csv", dtype=np.float64)
    assert np.all(new >= table.min(axis=0)) and np.all(new <= table.max(axis=0))
    assert np.array_equal(new[:, 1:], np.rint(new[:, 1:])) and len(np.unique(new[:, 2] % 64)) > 30
    assert re.fullmatch(r"\d+\.\d\d,\d+,\d{10}", Path("t_new.csv").read_text(encoding="utf-8").splitlines()[1])


@pytest.mark.slow
def test_a_script_for_times_keeps_their_seconds(tmp_path, monkeypatch):
    """float32 has every 128th second of our days only."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    seconds = 1_700_000_000 + np.cumsum(rng.integers(1, 9, 100))
    lines = [f"{t},{v:.3f}" for t, v in zip(seconds, rng.standard_normal(100))]
    Path("times.csv").write_text("\n".join(["t,v", *lines]), encoding="utf-8")
    assert main(["new", "times", "--data", "times.csv"]) == 0
    assert "x = data.dequantize(table - CENTER, rng, [0])" in Path("times.py").read_text(encoding="utf-8")
    printed = run_script(tmp_path / "times.py")
    shown = [int(text) for text in re.findall(r"nats: {'t': (\d+).0, 'v'", printed)]
    assert len(shown) == 10 and set(shown) <= set(seconds.tolist())
    new = data.points("times_new.csv", dtype=np.float64)
    assert np.array_equal(new[:, 0], np.rint(new[:, 0])) and len(np.unique(new[:, 0])) > 100
    assert new[:, 0].min() >= seconds.min() and new[:, 0].max() <= seconds.max()


@pytest.mark.slow
def test_a_script_for_images_runs_as_it_is_written(tmp_path, monkeypatch):
    """Small gray images keep their shape; number 7 of them is upside down."""
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, 8)[:, None] * np.ones(6)  # (8, 6)
    for number in range(40):
        pixels = (ramp[::-1] if number == 7 else ramp) + 40 * rng.random((8, 6))
        image.fromarray(pixels.astype(np.uint8)).save(f"photos/{number:02d}.png")
    assert main(["new", "outliers", "--data", "photos"]) == 0
    text = Path("outliers.py").read_text(encoding="utf-8")
    assert "SHAPE = (8, 6, 1)" in text and max(map(len, text.splitlines())) <= 100
    printed = run_script(tmp_path / "outliers.py")
    assert re.search(r"fit least: \[ ?7 ", printed), printed
    assert Path("outliers_new.png").stat().st_size > 1000
    assert VAE.from_file("outliers.npz").sample(rng, 2).shape == (2, 48)


def test_scripts_for_other_data(tmp_path, monkeypatch):
    """Columns without names, an array, names twice, large images in color."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((50, 3))
    np.savetxt(tmp_path / "bare.txt", rows)
    bare = script_for(tmp_path / "bare.txt", "s")
    assert "COLUMNS = {0: " in bare.text and "header" not in bare.text
    assert "if the first line holds names that are numbers, add --header" in bare.notes[1]
    np.save(tmp_path / "rows.npy", np.column_stack([rows, np.arange(50) % 4, 2**24 * np.arange(50)]))
    text = script_for(tmp_path / "rows.npy", "s").text
    assert '4: "%.0f"' in text and "dequantize(table - CENTER, rng, [3])" in text
    (tmp_path / "twice.csv").write_text("a,a,b\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows), encoding="utf-8")
    assert "COLUMNS = {0: " in script_for(tmp_path / "twice.csv", "s").text
    names = [f"a column with a long name, number {k}" for k in range(9)]
    wide = [";".join(names), *(";".join(f"{x:.4f}" for x in rng.standard_normal(9)) for _ in range(30))]
    (tmp_path / "wide.csv").write_text("\n".join(wide), encoding="utf-8")
    text = script_for(Path("wide.csv"), "s").text
    assert f'COLUMNS = {{\n    "{names[0]}": "%.4f",\n' in text and max(map(len, text.splitlines())) <= 100
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "photos").mkdir()
    for number in range(20):
        pixels = rng.integers(0, 256, (60, 48 + number, 3), dtype=np.uint8)
        image.fromarray(pixels).save(tmp_path / f"photos/{number}.png")
    assert "SHAPE = (32, 32, 3)" in script_for(tmp_path / "photos", "s").text
    for file in ("bare.txt", "rows.npy", "twice.csv", "wide.csv", "photos"):
        compile(script_for(tmp_path / file, "s").text, "s.py", "exec")


def test_the_name_of_a_script(tmp_path):
    (tmp_path / "2024").mkdir()
    assert script_name(tmp_path / "My table (2).csv") == "my_table_2_flow"
    assert script_name(tmp_path / "2024") == "data_2024_vae" and script_name(tmp_path / "?.csv") == "data_flow"


def test_no_script_is_written_for_an_image_that_cannot_be_read(tmp_path, monkeypatch, capsys):
    pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("photos/a.png").write_text("hi", encoding="utf-8")
    assert main(["new", "--data", "photos"]) == 2
    assert "photos/a.png: expected a PNG or JPEG image" in capsys.readouterr().err.replace(os.sep, "/")


@pytest.mark.parametrize(
    ("words", "content", "message"),
    [
        (["--data", "none.csv"], None, "none.csv: there is no such file or folder"),
        (["--data", "t.csv"], "a,b\n" + "1.5,2.5\n" * 5, "at least 20 rows are needed"),
        (["--data", "t.csv"], "a,b\n" + "1.5,x\n2.5,y\n" * 15, "at least two columns of numbers that vary, got ['a']"),
        (["--data", "t.csv"], "a,b\n" + "x,y\n" * 30, "expected a finite number in column 'a', got 'x'"),
        (["--data", "t.csv", "--columns", "a,c"], "a,b\n" + "1,2\n" * 30, "expected columns among a, b, got 'c'"),
        (["--data", "t.csv"], "a,2020\n" + "1.5,2.5\n" * 30, "got 'a'; --header takes this line for names"),
        (["x", "--columns", "a,c"], None, "--columns and --header are for a table: they need --data"),
        (["--data", "t.csv"], "a,b\n" + "1,2\n" * 30 + "3,NA\n", "line 32: expected a finite number in column 'b'"),
        (["--data", "t.doc"], "1", "must end in .csv"),
        (["--data", "."], None, "expected files that end in .png"),
        (["Bad name", "--data", "t.csv"], "", "a script's name has lower-case letters"),
        (["x", "--data", "t.csv", "--as", "after/98"], "", "--data writes a script"),
        ([], None, "needs the NAME of a lesson, --exercise NAME, or --data PATH"),
    ],
)
def test_what_no_script_is_written_for(words, content, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(words[words.index("--data") + 1]).write_text(content, encoding="utf-8")
    assert main(["new", *words]) == 2
    assert message in capsys.readouterr().err and not list(tmp_path.glob("*.py"))
