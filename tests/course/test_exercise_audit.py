"""The audit hook of a worker: what it looks up, and that each of its events is handled."""

import dis
import os
import sys
import types

import pytest

from minigen.course.exercise.grading import audit


class Refused(Exception):
    pass


@pytest.fixture
def handlers(tmp_path):
    """The handlers of a worker whose folder is tmp_path, where what is refused raises `Refused` with the status."""

    def refuse(state, message):
        raise Refused(state)

    return audit._handlers([str(tmp_path / "package" / "answer.py")], str(tmp_path), [], 1000, refuse)


def functions(value, seen):
    """The audit module's functions that are reached from a value through closures and containers."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        for each in value:
            functions(each, seen)
    elif getattr(value, "__self__", None).__class__ is dict:  # the table's own `get`
        functions(value.__self__, seen)
    elif isinstance(value, types.FunctionType) and value.__module__ == audit.__name__ and value not in seen:
        seen.add(value)
        functions(tuple(cell.cell_contents for cell in value.__closure__ or ()), seen)


def codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere links are followed by os.path.realpath")
def test_the_hook_looks_up_no_global_name_and_no_builtin(tmp_path):
    """An answer can replace these, in the module and in `builtins`; a variable of a closure it has to dig for."""
    refuse = audit._refuser(lambda state, message: None)
    found = set()
    functions(audit._hook(audit._handlers([], str(tmp_path), [], 1000, refuse)), found)
    names = {function.__name__ for function in found}
    assert {"hook", "on_open", "on_change", "resolve", "known_by", "within", "refuse", "check_read"} <= names
    for function in found:
        for code in codes(function.__code__):
            looked_up = [i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
            assert not looked_up, (function.__qualname__, looked_up)


def test_an_event_without_a_handler_is_let_pass(handlers):
    assert audit._hook(handlers)("object.__getattr__", (1, "x")) is None


def test_the_table_names_each_event_once_and_the_hook_passes_its_arguments_on():
    seen = []
    audit._hook({"os.mkdir": lambda *given: seen.append(given)})("os.mkdir", ("a", 511, -1))
    assert seen == [("os.mkdir", ("a", 511, -1))]


@pytest.mark.skipif(sys.platform == "win32", reason="the paths are those of other systems")
@pytest.mark.parametrize(
    ("event", "arguments", "state"),
    [
        ("open", ("/etc/passwd", "r", 0), "outside"),
        ("open", ("package/answer.py", "r", 0), "package_answer"),
        ("open", ("mine.txt", "w", os.O_WRONLY), None),
        ("open", ("/etc/hostile.txt", "w", os.O_WRONLY), "outside"),
        ("open", ("/dev/null", "w", os.O_WRONLY), None),
        ("open", ("mine.txt", None, os.O_RDONLY), "outside"),  # os.open, from any folder
        ("open", (3, "r", 0), None),
        ("os.listdir", ("/etc",), "outside"),
        ("os.scandir", (None,), None),
        ("os.rename", ("mine.txt", "/etc/theirs.txt", -1, -1), "outside"),
        ("os.rename", ("package/answer.py", "mine.txt", -1, -1), "package_answer"),
        ("os.link", ("mine.txt", "other.txt", -1, -1), None),
        ("os.symlink", ("/etc/passwd", "link", -1), None),
        ("os.mkdir", ("/etc/hostile", 511, -1), "outside"),
        ("os.truncate", ("mine.txt", 0), None),
        ("import", ("math", None, [], [], []), None),
        ("os.kill", (os.getpid(), 0), None),
        ("os.kill", (os.getppid(), 0), "process"),
        ("os.system", ("true",), "process"),
        ("socket.connect", (None, ("localhost", 80)), "network"),
        ("sqlite3.connect", (":memory:",), "outside"),
        ("sys.addaudithook", (), "outside"),
        ("compile", (b"x", "<mine>"), None),
    ],
)
def test_each_kind_of_event_is_decided(handlers, tmp_path, monkeypatch, event, arguments, state):
    (tmp_path / "package").mkdir()
    monkeypatch.chdir(tmp_path)
    hook = audit._hook(handlers)
    if state is None:
        hook(event, arguments)
    else:
        with pytest.raises(Refused) as refused:
            hook(event, arguments)
        assert refused.value.args == (state,)


def test_a_module_that_would_open_files_without_an_event_is_missing(handlers):
    for name in (*audit.INTERPRETERS, *audit.WITHOUT_EVENTS):
        with pytest.raises(ImportError, match=f"{name} is not available"):
            handlers["import"]("import", (name, None))


def test_files_are_counted_together(handlers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        handlers["open"]("open", (name, "w", os.O_WRONLY))
        (tmp_path / name).write_bytes(bytes(600))
    with pytest.raises(Refused, match="disk"):
        handlers["open"]("open", ("three", "w", os.O_WRONLY))
