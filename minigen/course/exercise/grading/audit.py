"""What an answer may do in a worker, by Python's audit hook: read the packages, write into its own folder, compute.

Refused are the files that hold the answer, reading and writing elsewhere, `/proc`, other processes and signals to them,
the network, native code (ctypes), further audit hooks, and modules that open files or start interpreters without an
event. Calls without an event of their own, such as `signal.pidfd_send_signal`, are replaced by ones that raise.

An audit hook cannot be removed, and this one looks up nothing that an answer could replace: all that it needs are
variables of its closure. It is the second wall, because code that takes its own interpreter apart can reach these too.
The first wall is bubblewrap, in which the files are not there.
"""

from __future__ import annotations

import os
import stat
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.outcome import PackageAnswer, Stopped

__all__ = ["install", "known_by"]

PROCESSES = (
    "subprocess.Popen",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.exec",
    "pty.spawn",
    "os.startfile",
    "os.startfile/2",
    "sys.remote_exec",
)
SIGNALS = ("os.kill", "os.killpg")
NETWORK = tuple(
    f"socket.{name}"
    for name in (
        "bind",
        "connect",
        "getaddrinfo",
        "gethostbyaddr",
        "gethostbyname",
        "getnameinfo",
        "getservbyname",
        "getservbyport",
        "sendmsg",
        "sendto",
        "sethostname",
    )
)
NATIVE = tuple(
    f"ctypes.{name}"
    for name in (
        "addressof",
        "call_function",
        "cdata",
        "cdata/buffer",
        "dlopen",
        "dlsym",
        "dlsym/handle",
        "memoryview_at",
        "PyObj_FromPtr",
        "string_at",
        "wstring_at",
    )
)
CODE = ("compile", "code.__new__", "marshal.loads")  # that make code, under the name of any file
CHANGES = {  # of files: the places of the paths in the event, and of the descriptors of folders that these start from
    "os.chflags": ((0,), ()),
    "os.chmod": ((0,), (2,)),
    "os.chown": ((0,), (3,)),
    "os.link": ((0, 1), (2, 3)),
    "os.mkdir": ((0,), (2,)),
    "os.remove": ((0,), (1,)),
    "os.removexattr": ((0,), ()),
    "os.rename": ((0, 1), (2, 3)),
    "os.rmdir": ((0,), (1,)),
    "os.setxattr": ((0,), ()),
    "os.symlink": ((1,), (2,)),
    "os.truncate": ((0,), ()),
    "os.utime": ((0,), (3,)),
}
OF_THE_NAME = {"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"}  # not of what a link leads to
WITHOUT_EVENTS = ("_dbm", "_gdbm", "_posixshmem", "_sqlite3", "readline")  # modules that open files, and raise none
INTERPRETERS = ("_interpreters", "_xxsubinterpreters", "_testcapi", "_testinternalcapi")
REPLACED = {  # calls that raise no event
    status.PROCESS: (
        ("signal", "pidfd_send_signal"),
        ("_signal", "pidfd_send_signal"),
        ("os", "pidfd_open"),
        ("posix", "pidfd_open"),
        ("_posixsubprocess", "fork_exec"),
    ),
    status.OUTSIDE: (("os", "mkfifo"), ("posix", "mkfifo"), ("os", "mknod"), ("posix", "mknod")),
}
DEVICES = (os.devnull, "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
SYSTEM = (  # what Python and its packages read of the system
    *("/bin", "/lib", "/lib32", "/lib64", "/sbin", "/sys", "/usr", "/Library", "/System"),
    *("/etc/fonts", "/etc/localtime", "/etc/mime.types", "/etc/os-release", "/etc/timezone"),
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

Report = Callable[[str, str], None]


def known_by(file: str) -> tuple[str, ...]:
    """The end of a path by which a file is known, its compiled form and other copies of it too: its folder and name."""
    *folders, name = file.replace(os.sep, "/").split("/")
    folders = [folder for folder in folders if folder != "__pycache__"]
    return (*folders[-1:], name.partition(".")[0])


def install(hidden: Iterable[str], folder: str, readable: Iterable[str], disk_bytes: int, report: Report) -> None:
    """Install the hook for the rest of this process.

    hidden: the files that hold the answer. folder: the only one that may be written into. readable: what may be read
    besides it and the system's files. disk_bytes: of all files together that are written. report: called with a status
    and a message for what is refused, so that a swallowed exception does not hide it.
    """
    refuse = _refuser(report)
    for state, names in REPLACED.items():
        for module, name in names:
            _replace(module, name, state, refuse)
    for name in (*INTERPRETERS, *WITHOUT_EVENTS):  # also where they are built in, whose import has no event
        sys.modules[name] = None  # type: ignore[assignment]
    sys.addaudithook(_hook(hidden, folder, readable, disk_bytes, refuse))


def _replace(module: str, name: str, state: str, refuse: Callable[..., NoReturn]) -> None:
    """Put a function that refuses in the place of one, in a module that is or can be loaded here."""
    try:
        home = __import__(module)
    except ImportError:  # on another system
        return

    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(state, f"your code calls {module.lstrip('_')}.{name}, which a check does not allow")

    if hasattr(home, name):
        refused.__name__ = name
        setattr(home, name, refused)


def _refuser(report: Report) -> Callable[..., NoReturn]:
    """A function that raises for what is refused, and reports it unless a library only tries it while it is imported.

    Libraries look at the machine and do without what they cannot have, so for them it is an OSError.
    """
    get_frame, error = sys._getframe, PermissionError
    stopped, answer, package_answer = Stopped, PackageAnswer, status.PACKAGE_ANSWER

    def refuse(state: str, message: str) -> NoReturn:
        frame = get_frame(1)
        while frame is not None:
            code = frame.f_code
            if code.co_filename == "<frozen importlib._bootstrap>" and state != package_answer:
                raise error(message)
            frame = frame.f_back
        report(state, message)
        raise answer(message) if state == package_answer else stopped(state, message)

    return refuse


def _resolver() -> Callable[[Any, str], str]:
    """A function that follows the links of a path, as `os.path.realpath` does, with nothing that could be replaced.

    It stops at /proc, whose links lead anywhere. On Windows it is `os.path.realpath` itself.
    """
    if os.name != "posix":
        realpath, fsdecode = os.path.realpath, os.fsdecode
        return lambda path, base: realpath(fsdecode(path))
    lstat, readlink, is_link = os.lstat, os.readlink, stat.S_ISLNK
    add, decode, encoding = str.__add__, bytes.decode, sys.getfilesystemencoding()

    def resolve(path: Any, base: str) -> str:
        text = decode(path, encoding, "surrogateescape") if issubclass(type(path), bytes) else add("", path)
        left, links = text.split("/")[::-1], 0
        done = "" if text.startswith("/") else base.rstrip("/")  # which the system gives without links
        if done == "/proc" or done.startswith("/proc/"):
            return "/proc"
        while left:
            name = left.pop()
            if name in ("", "."):
                continue
            if name == "..":
                done = done.rpartition("/")[0]
                continue
            here = f"{done}/{name}"
            if here == "/proc":
                return here
            done = here
            try:
                if not is_link(lstat(here).st_mode):
                    continue
                target = readlink(here)
            except (OSError, ValueError):
                continue
            links += 1
            if links > 40:
                raise OSError("too many links")
            done = "" if target.startswith("/") else here.rpartition("/")[0]
            left += target.split("/")[::-1]
        return done or "/"

    return resolve


def _hook(
    hidden: Iterable[str],
    folder: str,
    readable: Iterable[str],
    disk_bytes: int,
    refuse: Callable[..., NoReturn],
) -> Callable[[str, tuple], None]:
    """The audit hook."""
    resolve, getcwd, getpid, lstat = _resolver(), os.getcwd, os.getpid, os.lstat
    get_frame, own_link = sys._getframe, "/proc/self/fd/{}" if sys.platform == "linux" else ""
    readlink = getattr(os, "readlink", None)
    sources = frozenset(known_by(resolve(file, "/")) for file in hidden)
    home = resolve(folder, "/")
    library = (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__))
    system = os.environ.get("SYSTEMROOT", "")
    roots = tuple({resolve(path, "/") for path in (*library, *readable, *SYSTEM, system) if path})
    devices, separator = frozenset(DEVICES), os.sep
    entries = frozenset(resolve(path, "/") for path in sys.path)  # these may be listed, for imports
    modules_without = frozenset((*INTERPRETERS, *WITHOUT_EVENTS))
    changes, of_the_name, writing = dict(CHANGES), frozenset(OF_THE_NAME), WRITING
    kinds = {
        **dict.fromkeys(PROCESSES, "process"),
        **dict.fromkeys(SIGNALS, "signal"),
        **dict.fromkeys(NETWORK, "network"),
        **dict.fromkeys(NATIVE, "native"),
        **dict.fromkeys(CODE, "code"),
        **dict.fromkeys(CHANGES, "change"),
        **dict.fromkeys(("os.listdir", "os.scandir"), "list"),
        "open": "open",
        "import": "import",
        "sqlite3.connect": "module",
        "sys.addaudithook": "hook",
    }
    get_kind, tail = kinds.get, known_by
    outside, process, network, disk, package_answer = (
        status.OUTSIDE,
        status.PROCESS,
        status.NETWORK,
        status.DISK,
        status.PACKAGE_ANSWER,
    )
    written: dict[str, None] = {}  # the files that were opened for writing
    asks, is_library, denied, import_error = _asks_about_the_system, _is_library, PermissionError, ImportError
    is_path = _is_path
    lessons = resolve(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3, "_lessons"), "/")

    def within(path: str, root: str) -> bool:
        return path == root or path.startswith(root.rstrip(separator) + separator)

    def base_of(descriptor: int) -> str:
        """The folder that a relative name starts from."""
        if descriptor == -1:
            return getcwd()
        if not own_link or readlink is None:
            refuse(outside, "your code names a file from the descriptor of a folder, which a check does not allow")
        return readlink(own_link.format(descriptor))

    def place(path: Any, base: str, of_the_name: bool = False) -> str:
        """Where a path leads; of_the_name: where the name itself is, if it is a link."""
        if type(path) is int:
            return base_of(path) if own_link else home
        if of_the_name:
            text = path.decode("utf-8", "surrogateescape") if issubclass(type(path), bytes) else path
            parent, slash, name = text.rstrip("/").rpartition("/")
            if name not in ("", ".", ".."):
                return f"{resolve(parent or slash or '.', base)}/{name}"
        return resolve(path, base)

    def exists(path: str) -> bool:
        try:
            lstat(path)
        except (OSError, ValueError):
            return False
        return True

    def check_written(where: str, path: Any) -> None:
        if not (within(where, home) or where in devices):
            refuse(outside, f"your code writes outside of its own folder: {path!r}")

    def check_sum(where: str) -> None:
        total = 0
        for each in written:
            try:
                total += lstat(each).st_size
            except OSError:
                continue
        if total > disk_bytes:
            refuse(disk, f"your code wrote more than {disk_bytes // 2**20} MB of files")
        if where not in devices:
            written[where] = None

    def check_read(where: str, path: Any, listed: bool = False) -> None:
        if (tail(where) in sources or within(where, lessons)) and not listed:
            refuse(package_answer, "your code opens the file that holds the answer")
        if within(where, home) or where in devices or any(within(where, root) for root in roots):
            return
        if within(where, "/proc"):
            refuse(outside, f"your code reads what the system tells of processes: {path!r}")
        if listed and where in entries or not exists(where):  # then the call itself raises FileNotFoundError
            return
        refuse(outside, f"your code reads outside of its own folder: {path!r}")

    def check_open(path: Any, mode: Any, flags: Any) -> None:
        if path is None or type(path) is int:
            return
        where = place(path, getcwd())
        text = mode if type(mode) is str else ""
        if mode is None and not (path[:1] in ("/", b"/") or separator != "/"):  # it may start from any folder
            refuse(outside, f"your code opens {path!r} by os.open: give the whole path, or call open")
        if type(flags) is int and flags & writing or "w" in text or "a" in text or "x" in text or "+" in text:
            check_written(where, path)
            check_sum(where)
        check_read(where, path)

    def hook(event: str, arguments: tuple) -> None:
        kind = get_kind(event)
        if kind is None:
            return
        if kind == "open":
            check_open(*arguments[:3])
        elif kind == "import":
            if arguments[0] in modules_without:  # `concurrent.futures` looks for one, and does without
                raise import_error(f"{arguments[0]} is not available in a check")
            if type(arguments[1]) is str and within(place(arguments[1], getcwd()), home):
                refuse(outside, "your code loads a library of its own")
        elif kind == "change":
            paths, descriptors = changes[event]
            for number, position in enumerate(paths):
                given = arguments[descriptors[number]] if number < len(descriptors) else -1
                base = base_of(given) if type(given) is int else getcwd()
                where = place(arguments[position], base, event in of_the_name)
                if tail(where) in sources:
                    refuse(package_answer, "your code opens the file that holds the answer")
                check_written(where, arguments[position])
                if event == "os.link":  # a link to a file elsewhere would be a way to write to it
                    check_written(place(arguments[position], base), arguments[position])
        elif kind == "list":
            path = "." if arguments[0] is None else arguments[0]
            check_read(place(path, getcwd()), path, listed=True)
        elif kind == "network":
            refuse(network, "your code uses the network; a check has none")
        elif kind == "native":
            if not is_library(get_frame(1), home):
                refuse(outside, f"your code calls into native code by ctypes ({event}), which a check does not allow")
        elif kind == "code":
            file = get_frame(1).f_code.co_filename
            if file.startswith("<frozen ") or is_path(file) and not file.startswith(home):
                return  # a library makes it: for those, native code is allowed
            name = arguments[1] if event != "marshal.loads" else "<frozen "
            if type(name) is not str or name.startswith("<frozen ") or is_path(name) and not name.startswith(home):
                refuse(outside, "your code makes code under the name of another file, which a check does not allow")
        elif kind == "signal":
            if arguments[0] != getpid():
                refuse(process, "your code sends a signal to another process")
        elif kind == "process":
            message = "your code starts another process; a check runs in one"
            if asks(get_frame(1)):
                raise denied(message)  # which these modules expect, and do without
            refuse(process, message)
        elif kind == "module":
            refuse(outside, "your code opens a database, which a check does not allow")
        else:
            refuse(outside, "your code adds an audit hook, which a check does not allow")

    return hook


def _asks_about_the_system(frame: types.FrameType | None) -> bool:
    """Whether a process is started by a module that only queries the machine: its fonts, its processor."""
    while frame is not None and frame.f_globals.get("__name__") == "subprocess":
        frame = frame.f_back
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    return name == "platform" or name.partition(".")[0] == "matplotlib"


def _is_path(file: str) -> bool:
    """Whether the name of a code's file is a whole path."""
    return file.startswith("/") or file[1:3] == ":\\"


def _is_library(frame: types.FrameType | None, home: str) -> bool:
    """Whether native code is called by an installed package, and not by the answer or by a text without a file."""
    while frame is not None:
        file = frame.f_code.co_filename
        name = frame.f_globals.get("__name__")
        if not (file.startswith("<frozen importlib") or name in ("ctypes", "ctypes.util")):
            return _is_path(file) and not file.startswith(home)
        frame = frame.f_back
    return False
