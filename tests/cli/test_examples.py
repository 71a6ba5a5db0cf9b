"""The commands that README, the guides and each command's -h show: all are understood, and the quick ones are run."""

import re
import shlex
from functools import cache

import pytest

from minigen.cli import COMMANDS, main
from minigen.course.from_scratch.task import find_task
from minigen.course.index.names import FROM_SCRATCH, find_lesson, resolve
from minigen.course.lesson.options import Parser

PAGES = ("README.md", ".github/GUIDE.md", ".github/TEACHERS.md", ".github/CONTRIBUTING.md", ".github/PERFORMANCE.md")
EXERCISE = ("list", "start", "check", "hint", "diff", "reset", "prove")
HELP = [[], *([name] for name in COMMANDS), *(["exercise", name] for name in EXERCISE)]
QUICK = (["list"], ["glossary"], ["exercise list"], ["exercise start", "exercise hint", "exercise reset"])
SLOWER = ("list --equations", "record --status", "exercise check", "assignment")  # what trains is not run


class Understood(BaseException):
    """Raised where a command would begin its work; not an Exception, which a command may catch."""


def commands_of(page):
    """The commands in the code blocks of a page, without their comments."""
    for block in re.findall(r"^```bash\n(.*?)^```$", page, re.S | re.M):
        for line in block.splitlines():
            for command in line.partition(" #")[0].split("&&"):
                if command.split()[:1] == ["minigen"]:
                    yield command.strip()


def examples_of_help(words, capsys):
    """The examples at the end of what `minigen WORDS -h` prints."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "-h"])
    assert ended.value.code == 0
    _, _, examples = capsys.readouterr().out.partition("example:\n")
    return [line.strip() for line in examples.splitlines() if line.strip()]


def shown(root):
    """Every command that a page shows, once; not `minigen COMMAND -h`."""
    pages = [(root / page).read_text(encoding="utf-8") for page in PAGES]
    return list(dict.fromkeys(command for page in pages for command in commands_of(page) if "COMMAND" not in command))


@cache
def assert_exists(name):
    """There is a lesson, an exercise or a whole model of this name: UsageError if not."""
    if name.endswith(FROM_SCRATCH):
        find_task(name)
        return
    resolve(name) if name.count("/") == 2 else find_lesson(name)


def assert_understood(command, monkeypatch):
    """The command's arguments are accepted, and the lessons and exercises that it names exist."""
    parse = Parser.parse_args

    def stop(self, args=None, namespace=None):
        parse(self, args, namespace)
        raise Understood

    words = shlex.split(command)[1:]
    with monkeypatch.context() as patch, pytest.raises(Understood):
        patch.setattr(Parser, "parse_args", stop)
        main(words)
        pytest.fail(f"not understood: {command}")
    for name in re.findall(r"(?<![\w/])[a-z]+/\d\d(?:/\w+)?(?![\w/])", command):
        assert_exists(name)


def run(command):
    """Run a command; it must not fail, but answers that are not written yet may be wrong (1)."""
    code = main(shlex.split(command)[1:])
    assert code == 0 or (code == 1 and " check " in f"{command} "), f"{command}: exit code {code}"


def test_what_counts_as_a_command():
    page = "`minigen no`\n```bash\nmake && minigen tour\nminigen list  # all\n```\n```python\nminigen no\n```\n"
    assert list(commands_of(page)) == ["minigen tour", "minigen list"]


def test_every_command_of_the_pages_is_understood(root, monkeypatch):
    commands = shown(root)
    assert len(commands) > 30 and any(command.startswith("minigen exercise check") for command in commands)
    for command in commands:
        assert_understood(command, monkeypatch)


@pytest.mark.parametrize("words", HELP, ids=" ".join)
def test_every_help_has_examples_that_are_understood(words, capsys, monkeypatch):
    examples = examples_of_help(words, capsys)
    assert examples
    for command in examples:
        assert command.startswith(" ".join(["minigen", *words])), command
        assert_understood(command, monkeypatch)


@pytest.mark.parametrize("broken", ["minigen walk", "minigen exercise start", "minigen run gan/02 --fast"])
def test_a_command_that_is_not_understood_is_found(broken, monkeypatch):
    with pytest.raises(SystemExit):
        assert_understood(broken, monkeypatch)


def all_examples(root, capsys, beginnings):
    """The commands of the pages, then those of every -h, that begin so."""
    asked = [words for words in HELP if any(start.split()[:1] == words[:1] for start in beginnings)]
    every = [*shown(root), *(command for words in asked for command in examples_of_help(words, capsys))]
    wanted = tuple(f"minigen {beginning} " for beginning in beginnings)
    return [command for command in dict.fromkeys(every) if f"{command} ".startswith(wanted)]


@pytest.mark.parametrize("beginnings", QUICK, ids=", ".join)
def test_the_quick_ones_run(beginnings, root, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = [one for one in all_examples(root, capsys, beginnings) if "--equations" not in one]
    assert commands
    for command in commands:
        run(command)


@pytest.mark.slow
def test_the_slower_ones_run(root, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["exercise", "start", "gan/02"])
    (tmp_path / "secret.txt").write_text("a sentence\n", encoding="utf-8")
    commands = all_examples(root, capsys, SLOWER)
    assert commands
    for command in commands:
        if "assignment new" in command:
            (tmp_path / "hw1.toml").unlink(missing_ok=True)
        if "--watch" not in command:  # it ends with Ctrl-C
            run(command)
