"""What differs on Windows and macOS, as far as it can be tried here; CI runs all tests on both.

Names of files (characters, case, length), text that is read and written with a given encoding, output that the console
cannot show, and a Python that lacks what only POSIX systems have.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest

from minigen.classroom import assignment as assignments
from minigen.classroom.results.documents import file_names
from minigen.classroom.roster import Student
from minigen.cli import main
from minigen.course.exercise import catalog
from minigen.course.exercise.grading.drivers import drivers_of
from minigen.course.exercise.grading.submission import read_submission
from minigen.course.index.lessons import all_lessons, read_lesson
from minigen.course.lesson import recorded
from minigen.course.lesson.changes import changes_of
from minigen.course.lesson.folder import slug
from minigen.course.lesson.recipe import recipe_of
from minigen.course.lesson.run import folder_name
from minigen.course.lesson.shipped import SHIPPED, origin_of

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
LONGEST = 120  # of the 260 characters that Windows allows, the rest is for the folder that a user chose
LONGEST_WRITTEN = 150  # the same of what is written below such a folder
UNFINISHED = ".{}.12345678.part"  # what a file is called until it is complete


def shipped(root):
    """Every file of the repository that a user gets, from its root."""
    for folder in ("minigen", "lessons", "tests", ".github", ".ci"):
        for path in (root / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root)


def test_names_of_files_are_allowed_on_windows(root):
    for path in shipped(root):
        assert len(str(path)) <= LONGEST, path
        for part in path.parts:
            assert not re.search(r'[<>:"|?*\\\x00-\x1f]|[. ]$', part), path
            assert not RESERVED.fullmatch(part), path


def test_no_two_names_differ_only_in_case(root):
    seen = {}
    for path in shipped(root):
        assert seen.setdefault(str(path).lower(), path) == path


@pytest.mark.parametrize("id", ["gan/02_gan", "own/01: what? *x*", "a\\b", "CON/nul", "été/ß"])
def test_a_run_gets_a_folder_that_windows_allows(id):
    name = slug(id)
    assert PureWindowsPath(name).name == name and not re.search(r'[<>:"|?*\\/]', name)


def test_paths_below_the_folder_of_runs_and_of_the_book_are_short():
    """Of every lesson, in the runs of a sweep, where a run before is kept."""
    for lesson in all_lessons():
        files = [path.name for path in (lesson.path.parent / "recorded").iterdir()]
        result = recorded.read(lesson).result
        trainings = result.metrics["timings"]["trainings"] if result is not None else []
        checkpoints = [UNFINISHED.format(f"{slug(one['label'])}.npz") for one in trainings]
        run = f"seed-1000/{folder_name(lesson.id, quick=True, notebook=True)}.10"
        paths = [f"{run}/{UNFINISHED.format(file)}" for file in files] + [f"{run}/checkpoints/{x}" for x in checkpoints]
        paths += [f".build/doctrees/lessons/{lesson.id}.doctree", *(f"_figures/{slug(lesson.id)}/{x}" for x in files)]
        assert all(len(path) <= LONGEST_WRITTEN for path in paths), max(paths, key=len)


def test_paths_whose_names_others_choose_are_short():
    """A training's label, a cached model's name, a student's id."""
    long = "An own lesson's training, labelled in a sentence that goes on and on " * 5
    assert len({slug(long), slug(f"{long}!"), slug(long[:-1])}) == 3
    path = UNFINISHED.format(f"{slug(long)}-0123456789abcdef.training-{slug(long)}.npz")
    assert len(path) <= LONGEST_WRITTEN
    students = [Student(long), Student(f"{long}!"), Student("con.")]
    for name in file_names(students).values():
        assert len(f"feedback/{UNFINISHED.format(name)}.html") <= LONGEST_WRITTEN


def text_files_without_encoding(path):
    """The lines where a file is opened as text, read or written, and no encoding is given."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = {keyword.arg for keyword in node.keywords}
        modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        on_text = (
            (name == "read_text" and not node.args)
            or (name == "write_text" and isinstance(node.func, ast.Attribute) and len(node.args) == 1)
            or (name == "open" and isinstance(node.func, ast.Name) and not any("b" in mode for mode in modes[-1:]))
            or (name in ("run", "Popen", "check_output") and given & {"text", "universal_newlines"})
        )
        if on_text and not given & {"encoding", None}:
            yield node.lineno


def test_text_is_read_and_written_as_utf8_whatever_the_system_prefers(root):
    """The default encoding is cp1252 on many a Windows, and formulas are not in it."""
    files = list((root / "minigen").rglob("*.py"))
    found = [f"{path.relative_to(root)}:{line}" for path in files for line in text_files_without_encoding(path)]
    assert found == []


def minigen(*words, folder, **environment):
    command = [sys.executable, "-m", "minigen", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=600, env={**os.environ, **environment})


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_console_that_lacks_most_symbols(tmp_path, encoding):
    """Symbols are replaced, nothing stops."""
    for words in (
        ["list"],
        ["glossary", "ELBO"],
        ["exercise", "start", "gan/12/critic_loss"],
        ["--version", "--verbose"],
    ):
        done = minigen(*words, folder=tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="0", LC_ALL="C")
        assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
        done.stdout.decode(encoding)
    assert "def critic_loss" in (tmp_path / "exercises" / "gan_12.py").read_text("utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_json_in_a_pipe_that_lacks_most_symbols(tmp_path, encoding):
    """The same as in UTF-8, also where the text has quotation marks that ASCII spells as those of JSON."""
    answer = "def critic_loss(real_scores, fake_scores):\n    print('“σ ≥ \N{GRINNING FACE}”')\n    return None\n"
    (tmp_path / "gan_12.py").write_text(answer, encoding="utf-8")
    for words in (["glossary"], ["exercise", "check", "gan/12/critic_loss", "gan_12.py"]):
        texts = [
            minigen(*words, "--json", folder=tmp_path, PYTHONIOENCODING=each, PYTHONUTF8="0").stdout
            for each in (encoding, "utf-8")
        ]
        here, wanted = (re.sub(rb'"seconds": [\d.]+', b'"seconds": 0', text) for text in texts)
        assert json.loads(here.decode(encoding)) == json.loads(here) == json.loads(wanted)
    assert "“σ ≥ \N{GRINNING FACE}”" in json.loads(here)["exercises"][0]["output"]


# ------------------------------------------------------------------------------------------- what Notepad saves


def as_notepad_saves_it(path):
    """With a byte order mark and the line ends of Windows."""
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))


def test_a_lesson_is_read_without_its_byte_order_mark(root):
    """Which Python's parser refuses in a text, and takes in a file."""
    for path in (root / "minigen").rglob("*.py"):
        assert '.path.read_text(encoding="utf-8")' not in path.read_text("utf-8"), path


@pytest.mark.slow
def test_a_lesson_that_notepad_saved_runs_and_is_recorded_as_before(write_lesson, capsys):
    path = write_lesson("gan/01_tiny", 'print("é")\nlesson.check("one", 1, equals=1)')
    assert main(["run", "gan/01"]) == 0 and main(["record", "gan/01"]) == 0
    before, record = recipe_of(path), recorded.read(read_lesson(path))
    shown = [(path.parent / "recorded" / "record.jsonl").read_bytes()]
    copy = Path(shutil.copy(path, "copy.py"))
    as_notepad_saves_it(path)
    assert recipe_of(path) == before and record.status == recorded.read(read_lesson(path)).status == recorded.FRESH
    assert main(["run", "gan/01"]) == 0 and "changed" not in capsys.readouterr().out
    assert main(["record", "gan/01", "--again"]) == 0
    shown.append((path.parent / "recorded" / "record.jsonl").read_bytes())
    assert shown[0] == shown[1] and not recorded.read(read_lesson(path)).misfits
    assert main(["notebook", "gan/01", "-o", "tiny.ipynb"]) == 0
    assert "\ufeff" not in Path("tiny.ipynb").read_text("utf-8")
    assert main(["run", "gan/01", "--set", "n=1"]) == 2 and "--set n=1" in capsys.readouterr().err
    assert origin_of(copy, "gan/01_tiny") == SHIPPED


def test_the_exercises_of_such_a_lesson_are_the_same(root, write_lesson, tmp_path, capsys):
    """For a worker, for an assignment that was graded before, and for the changes that the lesson invites to."""
    folder = tmp_path / "lessons" / "gan" / "02_gan"
    shutil.copytree(root / "lessons" / "gan" / "02_gan", folder, ignore=shutil.ignore_patterns("recorded"))
    toml = tmp_path / "hw1.toml"
    toml.write_text('title = "é"\n[[exercise]]\nid = "gan/02/discriminator_loss"\npoints = 8\n', encoding="utf-8")

    def found():
        (exercise, *_), lesson = catalog.exercises_of("gan/02"), read_lesson(folder / "lesson.py")
        assert exercise.path.is_relative_to(tmp_path)
        return drivers_of(exercise), assignments.load(toml).sha256, lesson, changes_of(lesson)

    before = found()
    for path in [toml, *folder.glob("*.py")]:
        as_notepad_saves_it(path)
    assert found() == before
    assert main(["change", "gan/02", "--only", "none"]) == 2 and "no invitation" in capsys.readouterr().err


@pytest.mark.slow
def test_an_answer_that_notepad_saved(hint_three, tmp_path, monkeypatch, capsys):
    """It is checked, shown beside the package's and used in a lesson as any other."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "exercises" / "gan_01.py"
    path.parent.mkdir()
    path.write_text(hint_three("gan/01") + "# é\n", encoding="utf-8")

    def seen():
        capsys.readouterr()
        assert main(["exercise", "check", "gan/01"]) == main(["exercise", "diff", "gan/01"]) == 0
        assert main(["run", "gan/01", "--quick", "--no-ask", "--with", str(path)]) == 0
        out = re.sub(r"[\d.]+ s\b", "", capsys.readouterr().out)
        return out, read_submission(path).source

    before = seen()
    as_notepad_saves_it(path)
    assert seen() == before
    assert main(["exercise", "reset", "gan/01/kl_normal"]) == 0
    assert path.read_text("utf-8").endswith("# é\n") and b"\r" not in path.read_bytes()


@pytest.mark.slow
def test_a_python_without_what_only_posix_has(tmp_path, without_posix):
    """An exercise is checked, a wrong answer fails, and a lesson runs."""

    def run(*words):
        return minigen(*words, folder=tmp_path, **without_posix, MINIGEN_CACHE=str(tmp_path / "cache"))

    lacking = [sys.executable, "-c", "import os; print(hasattr(os, 'fork'))"]
    assert subprocess.check_output(lacking, env={**os.environ, **without_posix}).strip() == b"False"
    assert run("exercise", "start", "gan/12/critic_loss").returncode == 0
    assert run("exercise", "check", "gan/12/critic_loss").returncode == 1
    answer = tmp_path / "exercises" / "gan_12.py"
    body = "    return np.mean(fake_scores) - np.mean(real_scores)"
    text = re.sub(r"^    raise NotImplementedError.*$", body, answer.read_text("utf-8"), count=1, flags=re.MULTILINE)
    answer.write_text(text, encoding="utf-8")
    done = run("exercise", "check", "gan/12/critic_loss")
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert run("run", "gan/01", "--quick", "--no-ask").returncode == 0
    assert run("--version", "--verbose").returncode == 0
