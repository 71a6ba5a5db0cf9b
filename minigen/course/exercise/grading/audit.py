"""What an answer may do in a worker, by Python's audit hook: read the packages, write into its own folder, compute.

Refused are the files that hold the answer, reading and writing elsewhere, `/proc`, other processes and signals to them,
the network, native code (ctypes), further audit hooks, and modules that open files or start interpreters without an
event. Calls without an event of their own, such as `signal.pidfd_send_signal`, are replaced by ones that raise.

`_handlers` is the table of it all: what is done at each event. An audit hook cannot be removed, and this one looks up
nothing that an answer could replace, no global name and no builtin: all that it needs are variables of closures, which
each of the functions below makes. It is the second wall, because code that takes its own interpreter apart can reach
these too. The first wall is bubblewrap, in which the files are not there.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import Any, NoReturn

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.outcome import PackageAnswer, Stopped

__all__ = ["install"]

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
Refuse = Callable[[str, str], NoReturn]
Handler = Callable[[str, tuple], None]  # of an audit event and its arguments


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
    for name in (*INTERPRETERS, *WITHOUT_EVENTS):  # even where they are built in, whose import has no event
        sys.modules[name] = None  # type: ignore[assignment]
    sys.addaudithook(_hook(_handlers(hidden, folder, readable, disk_bytes, refuse)))


def _hook(handlers: dict[str, Handler]) -> Handler:
    """The audit hook, which is called for every event."""
    handler_of = handlers.get

    def hook(event: str, arguments: tuple) -> None:
        handler = handler_of(event)
        if handler is not None:
            handler(event, arguments)

    return hook


def _handlers(
    hidden: Iterable[str], folder: str, readable: Iterable[str], disk_bytes: int, refuse: Refuse
) -> dict[str, Handler]:
    """The handler of each event that matters."""
    resolve, known_by, within = _resolver(), _known_by(), _within()
    home, sources = resolve(folder, "/"), frozenset([known_by(resolve(file, "/")) for file in hidden])

    def is_source(where: str) -> bool:
        return known_by(where) in sources

    base_of, place = _places(resolve, home, refuse)
    check_read = _reading(resolve, within, is_source, home, readable, refuse)
    check_written = _writing(within, home, refuse)
    outside = status.OUTSIDE
    database = _never(outside, "your code opens a database, which a check does not allow", refuse)
    another_hook = _never(outside, "your code adds an audit hook, which a check does not allow", refuse)
    return {
        "open": _open(place, check_read, check_written, _sum_of_files(disk_bytes, refuse), refuse),
        **dict.fromkeys(("os.listdir", "os.scandir"), _list(place, check_read)),
        **dict.fromkeys(CHANGES, _change(base_of, place, is_source, check_written, refuse)),
        "import": _import(place, within, home, refuse),
        **dict.fromkeys(CODE, _code(home, refuse)),
        **dict.fromkeys(NATIVE, _native(home, refuse)),
        **dict.fromkeys(PROCESSES, _process(refuse)),
        **dict.fromkeys(SIGNALS, _signal(refuse)),
        **dict.fromkeys(NETWORK, _never(status.NETWORK, "your code uses the network; a check has none", refuse)),
        "sqlite3.connect": database,
        "sys.addaudithook": another_hook,
    }


def _replace(module: str, name: str, state: str, refuse: Refuse) -> None:
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


def _refuser(report: Report) -> Refuse:
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
    is_subclass, type_of, binary = issubclass, type, bytes
    no_link, too_many = (OSError, ValueError), OSError

    def resolve(path: Any, base: str) -> str:
        text = decode(path, encoding, "surrogateescape") if is_subclass(type_of(path), binary) else add("", path)
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
            except no_link:
                continue
            links += 1
            if links > 40:
                raise too_many("too many links")
            done = "" if target.startswith("/") else here.rpartition("/")[0]
            left += target.split("/")[::-1]
        return done or "/"

    return resolve


def _known_by() -> Callable[[str], tuple[str, ...]]:
    """A function that gives the end of a path by which a file is known, its compiled form and other copies of it too:
    its folder and name."""
    separator = os.sep

    def known_by(file: str) -> tuple[str, ...]:
        *folders, name = file.replace(separator, "/").split("/")
        folders = [folder for folder in folders if folder != "__pycache__"]
        return (*folders[-1:], name.partition(".")[0])

    return known_by


def _within() -> Callable[[str, str], bool]:
    """A function that says whether a path is a folder or something in it."""
    separator = os.sep

    def within(path: str, root: str) -> bool:
        return path == root or path.startswith(root.rstrip(separator) + separator)

    return within


def _places(
    resolve: Callable[[Any, str], str], home: str, refuse: Refuse
) -> tuple[Callable[[int], str], Callable[..., str]]:
    """Two functions: the folder of a descriptor, and where a path leads from a folder."""
    type_of, integer, is_subclass, binary, getcwd = type, int, issubclass, bytes, os.getcwd
    own_link, readlink = "/proc/self/fd/{}" if sys.platform == "linux" else "", getattr(os, "readlink", None)
    outside = status.OUTSIDE

    def base_of(descriptor: int) -> str:
        """The folder that a relative name starts from."""
        if descriptor == -1:
            return getcwd()
        if not own_link or readlink is None:
            refuse(outside, "your code names a file from the descriptor of a folder, which a check does not allow")
        return readlink(own_link.format(descriptor))

    def place(path: Any, base: str, of_the_name: bool = False) -> str:
        """Where a path leads; of_the_name: where the name itself is, if it is a link."""
        if type_of(path) is integer:
            return base_of(path) if own_link else home
        if of_the_name:
            text = path.decode("utf-8", "surrogateescape") if is_subclass(type_of(path), binary) else path
            parent, slash, name = text.rstrip("/").rpartition("/")
            if name not in ("", ".", ".."):
                return f"{resolve(parent or slash or '.', base)}/{name}"
        return resolve(path, base)

    return base_of, place


# ------------------------------------------------------------------------------------------- files


def _writing(within: Callable[[str, str], bool], home: str, refuse: Refuse) -> Callable[[str, Any], None]:
    """The check of a file that is written."""
    devices, outside = frozenset(DEVICES), status.OUTSIDE

    def check_written(where: str, path: Any) -> None:
        if not (within(where, home) or where in devices):
            refuse(outside, f"your code writes outside of its own folder: {path!r}")

    return check_written


def _sum_of_files(disk_bytes: int, refuse: Refuse) -> Callable[[str], None]:
    """The check of the size of all files together that were opened for writing."""
    lstat, error, devices, disk = os.lstat, OSError, frozenset(DEVICES), status.DISK
    written: dict[str, None] = {}

    def check_sum(where: str) -> None:
        total = 0
        for each in written:
            try:
                total += lstat(each).st_size
            except error:
                continue
        if total > disk_bytes:
            refuse(disk, f"your code wrote more than {disk_bytes // 2**20} MB of files")
        if where not in devices:
            written[where] = None

    return check_sum


def _reading(
    resolve: Callable[[Any, str], str],
    within: Callable[[str, str], bool],
    is_source: Callable[[str], bool],
    home: str,
    readable: Iterable[str],
    refuse: Refuse,
) -> Callable[..., None]:
    """The check of a file that is read, or of a folder that is listed."""
    library = (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.__file__))
    system = os.environ.get("SYSTEMROOT", "")
    roots = tuple({resolve(path, "/") for path in (*library, *readable, *SYSTEM, system) if path})
    entries = frozenset(resolve(path, "/") for path in sys.path)  # these may be listed, for imports
    lessons = resolve(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3, "_lessons"), "/")
    lstat, missing, devices = os.lstat, (OSError, ValueError), frozenset(DEVICES)
    outside, package_answer = status.OUTSIDE, status.PACKAGE_ANSWER

    def is_readable(where: str) -> bool:
        if within(where, home) or where in devices:
            return True
        for root in roots:
            if within(where, root):
                return True
        return False

    def exists(path: str) -> bool:
        try:
            lstat(path)
        except missing:
            return False
        return True

    def check_read(where: str, path: Any, listed: bool = False) -> None:
        if (is_source(where) or within(where, lessons)) and not listed:
            refuse(package_answer, "your code opens the file that holds the answer")
        if is_readable(where):
            return
        if within(where, "/proc"):
            refuse(outside, f"your code reads what the system tells of processes: {path!r}")
        if listed and where in entries or not exists(where):  # then the call itself raises FileNotFoundError
            return
        refuse(outside, f"your code reads outside of its own folder: {path!r}")

    return check_read


def _open(
    place: Callable[..., str],
    check_read: Callable[..., None],
    check_written: Callable[[str, Any], None],
    check_sum: Callable[[str], None],
    refuse: Refuse,
) -> Handler:
    type_of, integer, string, getcwd, separator = type, int, str, os.getcwd, os.sep
    writing, outside = WRITING, status.OUTSIDE

    def on_open(event: str, arguments: tuple) -> None:
        path, mode, flags = arguments[:3]
        if path is None or type_of(path) is integer:
            return
        where = place(path, getcwd())
        text = mode if type_of(mode) is string else ""
        if mode is None and not (path[:1] in ("/", b"/") or separator != "/"):  # it may start from any folder
            refuse(outside, f"your code opens {path!r} by os.open: give the whole path, or call open")
        if type_of(flags) is integer and flags & writing or "w" in text or "a" in text or "x" in text or "+" in text:
            check_written(where, path)
            check_sum(where)
        check_read(where, path)

    return on_open


def _list(place: Callable[..., str], check_read: Callable[..., None]) -> Handler:
    getcwd = os.getcwd

    def on_list(event: str, arguments: tuple) -> None:
        path = "." if arguments[0] is None else arguments[0]
        check_read(place(path, getcwd()), path, listed=True)

    return on_list


def _change(
    base_of: Callable[[int], str],
    place: Callable[..., str],
    is_source: Callable[[str], bool],
    check_written: Callable[[str, Any], None],
    refuse: Refuse,
) -> Handler:
    changes = {event: tuple(zip_longest(*places)) for event, places in CHANGES.items()}
    of_the_name, type_of, integer, getcwd = frozenset(OF_THE_NAME), type, int, os.getcwd
    package_answer = status.PACKAGE_ANSWER

    def on_change(event: str, arguments: tuple) -> None:
        for position, descriptor in changes[event]:
            path, given = arguments[position], -1 if descriptor is None else arguments[descriptor]
            base = base_of(given) if type_of(given) is integer else getcwd()
            where = place(path, base, event in of_the_name)
            if is_source(where):
                refuse(package_answer, "your code opens the file that holds the answer")
            check_written(where, path)
            if event == "os.link":  # a link to a file elsewhere would be a way to write to it
                check_written(place(path, base), path)

    return on_change


# ------------------------------------------------------------------------------------------- code


def _import(place: Callable[..., str], within: Callable[[str, str], bool], home: str, refuse: Refuse) -> Handler:
    missing, type_of, string, getcwd = frozenset((*INTERPRETERS, *WITHOUT_EVENTS)), type, str, os.getcwd
    error, outside = ImportError, status.OUTSIDE

    def on_import(event: str, arguments: tuple) -> None:
        if arguments[0] in missing:  # `concurrent.futures` looks for one, and does without
            raise error(f"{arguments[0]} is not available in a check")
        if type_of(arguments[1]) is string and within(place(arguments[1], getcwd()), home):
            refuse(outside, "your code loads a library of its own")

    return on_import


def _is_path() -> Callable[[str], bool]:
    """A function that says whether the name of a code's file is a whole path."""

    def is_path(file: str) -> bool:
        return file.startswith("/") or file[1:3] == ":\\"

    return is_path


def _code(home: str, refuse: Refuse) -> Handler:
    get_frame, type_of, string, is_path, outside = sys._getframe, type, str, _is_path(), status.OUTSIDE

    def on_code(event: str, arguments: tuple) -> None:
        file = get_frame(2).f_code.co_filename
        if file.startswith("<frozen ") or is_path(file) and not file.startswith(home):
            return  # a library makes it: for those, native code is allowed
        name = arguments[1] if event != "marshal.loads" else "<frozen "
        if type_of(name) is not string or name.startswith("<frozen ") or is_path(name) and not name.startswith(home):
            refuse(outside, "your code makes code under the name of another file, which a check does not allow")

    return on_code


def _native(home: str, refuse: Refuse) -> Handler:
    """Allow native code where an installed package calls it, not an answer or a text without a file."""
    get_frame, is_path, outside = sys._getframe, _is_path(), status.OUTSIDE

    def on_native(event: str, arguments: tuple) -> None:
        frame = get_frame(2)
        while frame is not None:
            file, name = frame.f_code.co_filename, frame.f_globals.get("__name__")
            if not (file.startswith("<frozen importlib") or name in ("ctypes", "ctypes.util")):
                if is_path(file) and not file.startswith(home):
                    return
                break
            frame = frame.f_back
        refuse(outside, f"your code calls into native code by ctypes ({event}), which a check does not allow")

    return on_native


# ------------------------------------------------------------------------------------------- processes and the rest


def _process(refuse: Refuse) -> Handler:
    """Refuse other processes; a module that only queries the machine, its fonts, its processor, does without."""
    get_frame, denied, state = sys._getframe, PermissionError, status.PROCESS
    message = "your code starts another process; a check runs in one"

    def on_process(event: str, arguments: tuple) -> None:
        frame = get_frame(2)
        while frame is not None and frame.f_globals.get("__name__") == "subprocess":
            frame = frame.f_back
        name = frame.f_globals.get("__name__", "") if frame is not None else ""
        if name == "platform" or name.partition(".")[0] == "matplotlib":
            raise denied(message)
        refuse(state, message)

    return on_process


def _signal(refuse: Refuse) -> Handler:
    getpid, state = os.getpid, status.PROCESS

    def on_signal(event: str, arguments: tuple) -> None:
        if arguments[0] != getpid():
            refuse(state, "your code sends a signal to another process")

    return on_signal


def _never(state: str, message: str, refuse: Refuse) -> Handler:
    def on_event(event: str, arguments: tuple) -> None:
        refuse(state, message)

    return on_event
