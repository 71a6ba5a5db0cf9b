"""Forty kinds of broken and hostile submissions of `critic_loss`, with the status that each must get."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from minigen.course.exercise.grading import status as S

HEAD = "import autograd.numpy as np\n\n\n"
RIGHT = HEAD + "def critic_loss(real_scores, fake_scores):\n    return np.mean(fake_scores) - np.mean(real_scores)\n"
FILE = "gan_12.py"


def body(lines: str, head: str = HEAD) -> str:
    """A file whose function has this body before the right answer."""
    inner = "".join(f"    {line}\n" for line in lines.splitlines())
    right = "return np.mean(fake_scores) - np.mean(real_scores)"
    return f"{head}def critic_loss(real_scores, fake_scores):\n{inner}    {right}\n"


def written(data: str | bytes, name: str = FILE) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    return write


def _both(*writers: Callable[[Path], None]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for each in writers:
            each(folder)

    return write


def _loop_of_links(folder: Path) -> None:
    (folder / FILE).symlink_to(FILE)


def _zip_bomb(folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(folder / "hw1.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE, b"#" * (20 * 2**20))


FORK = "import os\nif os.fork() == 0:\n    while True: pass"
CRASH = "import faulthandler\nfaulthandler._sigsegv()"
LEAK = "import subprocess\ntry:\n    subprocess.Popen(['sleep', '1000'])\nexcept BaseException:\n    pass"
LIAR = """\
import sys, gc
for frame in list(sys._current_frames().values()):
    while frame is not None:
        for value in frame.f_locals.values():
            if hasattr(value, 'send'):
                value.send({'type': 'done'})
        frame = frame.f_back"""
LISTS = "a = []\na.append(a)\nreturn a"

# name: (what it writes into the student's folder, the status)
KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "right": (written(RIGHT), S.PASS),
    "bom and crlf": (written(b"\xef\xbb\xbf" + RIGHT.replace("\n", "\r\n").encode()), S.PASS),
    "in the wrong place": (written(RIGHT, "a/b/c/gan_12.py"), S.PASS),
    "under another name": (written(RIGHT, "solution final (2).py"), S.PASS),
    "two files": (_both(written(RIGHT.replace("mean", "sum"), "gan_12-1.py"), written(RIGHT, "gan_12-2.py")), S.PASS),
    "missing": (lambda folder: None, S.MISSING_FILE),
    "empty": (written(""), S.EMPTY),
    "blank": (written(" \n\n\t\n"), S.EMPTY),
    "a folder": (lambda folder: (folder / FILE).mkdir(), S.NOT_A_FILE),
    "a pipe": (lambda folder: os.mkfifo(folder / FILE), S.NOT_A_FILE),
    "a link": (lambda folder: (folder / FILE).symlink_to("/etc/passwd"), S.SYMLINK),
    "a link to itself": (_loop_of_links, S.SYMLINK),
    "50 MB": (written(b"#" * (50 * 2**20)), S.TOO_LARGE),
    "latin-1": (written("# caf\xe9\n".encode("latin-1") + RIGHT.encode()), S.NOT_UTF8),
    "null bytes": (written(b"\0" * 100), S.SYNTAX_ERROR),
    "syntax": (written(RIGHT.replace("):", ")")), S.SYNTAX_ERROR),
    "nested too deeply": (written("(" * 5000), S.SYNTAX_ERROR),
    "word document": (written(b"PK\x03\x04 not text", "gan_12.docx"), S.MISSING_FILE),
    "damaged notebook": (written(b'{"cells": [', "gan_12.ipynb"), S.SYNTAX_ERROR),
    "zip bomb": (_zip_bomb, S.TOO_LARGE),
    "another function": (written(RIGHT.replace("critic_loss", "critics_loss")), S.MISSING_FUNCTION),
    "not a function": (written("critic_loss = 3\n"), S.MISSING_FUNCTION),
    "stub": (written(body("raise NotImplementedError")), S.STUB),
    "wrong": (written(RIGHT.replace("-", "+")), S.WRONG_VALUE),
    "returns nothing": (written(body("return None")), S.RETURNED_NONE),
    "list without end": (written(body(LISTS)), S.WRONG_TYPE),
    "recursion": (written(body("return critic_loss(real_scores, fake_scores)")), S.RECURSION),
    "exits": (written(body("import sys\nsys.exit(0)", "import sys\n" + HEAD)), S.EXITED),
    "exits at once": (written(body("import os\nos._exit(0)")), S.EXITED),
    "reads input": (written(body("input()")), S.INPUT),
    "memory": (written(body("x = bytearray(10**12)")), S.MEMORY),
    "prints without end": (written(body("while True: print('x' * 10000)")), S.OUTPUT),
    "hangs": (written(body("while True: pass")), S.TIMEOUT),
    "hangs while it is read": (written(RIGHT + "while True: pass\n"), S.TIMEOUT),
    "sleeps": (written(body("import time\ntime.sleep(1000)")), S.TIMEOUT),
    "segmentation fault": (written(body(CRASH)), S.CRASHED),
    "forks": (written(body(FORK)), S.PROCESS),
    "starts a process and hides it": (written(body(LEAK)), S.PROCESS),
    "patches numpy": (written("import autograd.numpy as np\nnp.mean = lambda x: 0.0\n" + RIGHT), S.PATCHED_NUMPY),
    "takes the package's": (written("from minigen.gan.wgan import critic_loss\n"), S.PACKAGE_ANSWER),
    "writes into the channel": (written(body(LIAR)), S.CRASHED),
}
CHEAP = ("right", "in the wrong place", "two files", "missing", "a pipe", "a link", "damaged notebook", "zip bomb")
CHEAP += ("wrong", "exits at once", "memory", "starts a process and hides it", "patches numpy")


# ------------------------------------------------------------------------------------------- what reaches out
#
# Each of these tries to take more than it is given. None may pass that is not right, and nothing of what they find or
# write may be seen afterwards. MINE is another student's file, HOME a folder of the teacher's, PORT one that listens.

STEALS = {  # ways to the package's own function, as f; without it the answer is 0
    "the module's file": "exec(open(wgan).read(), names)\nf = names['critic_loss']",
    "os.open": "exec(os.read(os.open(wgan, os.O_RDONLY), 10**6), names)\nf = names['critic_loss']",
    "a folder's descriptor": (
        "d = os.open(os.path.dirname(wgan), os.O_RDONLY)\n"
        "exec(os.read(os.open('wgan.py', os.O_RDONLY, dir_fd=d), 10**6), names)\nf = names['critic_loss']"
    ),
    "a link": "os.symlink(wgan, 'w')\nexec(open('w').read(), names)\nf = names['critic_loss']",
    "a hard link": "os.link(wgan, 'w')\nexec(open('w').read(), names)\nf = names['critic_loss']",
    "a copy": "import shutil\nshutil.copy(wgan, 'w')\nexec(open('w').read(), names)\nf = names['critic_loss']",
    "a map": "import mmap\nd = os.open(wgan, 0)\nexec(mmap.mmap(d, 0, prot=1).read(), names)\nf = names['critic_loss']",
    "its compiled form": (
        "import glob, marshal\nfor p in glob.glob(os.path.dirname(wgan) + '/__pycache__/wgan.*'):\n"
        "    exec(marshal.loads(open(p, 'rb').read()[16:]), names)\n    f = names['critic_loss']"
    ),
    "readline": (
        "import readline\nreadline.read_history_file(wgan)\n"
        "text = [readline.get_history_item(n) or '' for n in range(1, readline.get_current_history_length() + 1)]\n"
        "exec('\\n'.join(text), names)\nf = names['critic_loss']"
    ),
    "ctypes": (
        "import ctypes\nc = ctypes.CDLL(None)\nb = ctypes.create_string_buffer(10**5)\n"
        "c.read(c.open(wgan.encode(), 0), b, 10**5)\nexec(b.value, names)\nf = names['critic_loss']"
    ),
    "numpy's ctypes": "import numpy\nnumpy.ctypeslib.load_library('libc.so.6', '/').open(wgan.encode(), 0)",
    "the loader": (
        "import importlib.machinery\nl = importlib.machinery.SourceFileLoader('again', wgan)\n"
        "exec(l.get_data(wgan), names)\nf = names['critic_loss']"
    ),
    "the path finder": (
        "import importlib.machinery, importlib.util\n"
        "s = importlib.machinery.PathFinder.find_spec('wgan', [os.path.dirname(wgan)])\n"
        "m = importlib.util.module_from_spec(s)\ns.loader.exec_module(m)\nf = m.critic_loss"
    ),
    "zipped": "import zipimport\nzipimport.zipimporter(os.path.dirname(wgan))",
    "its source by inspect": (
        "import inspect\nexec(inspect.getsource(minigen.gan.wgan), names)\nf = names['critic_loss']"
    ),
    "linecache": "import linecache\nexec(''.join(linecache.getlines(wgan)), names)\nf = names['critic_loss']",
    "a profile": (
        "import sys\nsys.modules.pop('minigen.gan.wgan')\nseen = []\n"
        "sys.setprofile(lambda frame, event, arg: seen.append(frame.f_code))\nimport minigen.gan.wgan\n"
        "sys.setprofile(None)\nimport types\n"
        "code = [c for s in seen for c in s.co_consts if getattr(c, 'co_name', '') == 'critic_loss'][0]\n"
        "f = types.FunctionType(code, {'np': np})"
    ),
    "an audit hook": (
        "import sys, types\nseen = []\n"
        "sys.addaudithook(lambda e, a: seen.append(a[0]) if e == 'exec' else None)\n"
        "sys.modules.pop('minigen.gan.wgan')\nimport minigen.gan.wgan\n"
        "code = [c for s in seen for c in s.co_consts if getattr(c, 'co_name', '') == 'critic_loss'][0]\n"
        "f = types.FunctionType(code, {'np': np})"
    ),
    "the finder's closure": (
        "import sys\nfinder = sys.meta_path[0]\ncells = [c.cell_contents for c in finder.find_spec.__closure__]\n"
        "texts = [c for c in cells if type(c) is dict][0]\nexec(texts['minigen.gan.wgan'], names)\n"
        "f = names['critic_loss']"
    ),
    "a thread while it is loaded": (
        "import sys, threading, importlib\ngot = []\n"
        "def read():\n"
        "    while not got:\n"
        "        try:\n"
        "            got.append(open(wgan).read())\n"
        "        except BaseException:\n"
        "            pass\n"
        "threading.Thread(target=read, daemon=True).start()\n"
        "for _ in range(20):\n"
        "    sys.modules.pop('minigen.gan.wgan', None)\n"
        "    importlib.import_module('minigen.gan.wgan')\n"
        "exec(got[0], names)\nf = names['critic_loss']"
    ),
    "all objects": (
        "import gc\n"
        "f = [o for o in gc.get_objects() if getattr(o, '__name__', '') == 'critic_loss' and o is not mine][0]"
    ),
    "builtins": '__builtins__["__import__"]("minigen.gan.wgan")\nf = minigen.gan.wgan.critic_loss',
    "a module of the package": (
        "import minigen.files\no = minigen.files.os\nd = o.open(o.path.dirname(wgan), 0)\n"
        "exec(o.read(o.open('wgan.py', 0, dir_fd=d), 10**6), names)\nf = names['critic_loss']"
    ),
    "another Python": (
        "import subprocess\nexec(subprocess.check_output(['cat', wgan]), names)\nf = names['critic_loss']"
    ),
    "os.path replaced": (
        "os.path.realpath = lambda p, **k: '/tmp/x'\nos.lstat = os.readlink = None\n"
        "exec(open(wgan).read(), names)\nf = names['critic_loss']"
    ),
    "a path of two minds": (
        "class P(str):\n    def split(self, *a): return ['x']\n    def startswith(self, *a): return False\n"
        "exec(open(P(wgan)).read(), names)\nf = names['critic_loss']"
    ),
    "proc": "exec(open('/proc/self/root' + wgan).read(), names)\nf = names['critic_loss']",
    "numpy's reader": "import numpy\nexec(bytes(numpy.fromfile(wgan, numpy.uint8)), names)\nf = names['critic_loss']",
    "the exercise's answers": (
        "import glob\nroot = os.path.dirname(os.path.dirname(os.path.dirname(wgan)))\n"
        "for p in glob.glob(root + '/lessons/gan/12*/*.py') + glob.glob(root + '/minigen/_lessons/gan/12*/*.py'):\n"
        "    exec(open(p).read(), names)\nf = names['critic_loss']"
    ),
}
FINDS = {  # what is to stay secret, as found
    "the command line": "found = open(f'/proc/{os.getppid()}/cmdline').read()",
    "its parent's environment": "found = open(f'/proc/{os.getppid()}/environ').read()",
    "its own environment": "found = repr(dict(os.environ))",
    "another's answer": "found = open(MINE).read()",
    "another's answer, by its folder": "os.chdir(os.path.dirname(MINE)); found = open(os.path.basename(MINE)).read()",
    "the folder of its parent": "found = repr(os.listdir(f'/proc/{os.getppid()}/cwd/submissions'))",
    "the teacher's folder": "found = ' '.join(open(os.path.join(HOME, n)).read() for n in os.listdir(HOME))",
    "the graded inputs": "found = f'inputs {real_scores!r} {fake_scores!r}'",
    "the seed": (
        "import gc, sys\nfound = 'inputs ' + ' '.join(str(v) for o in gc.get_objects() if type(o) is dict\n"
        "    for v in list(o.values()) if type(v) is int and v > 10**6)"
    ),
}
CHANNELS = {  # how it is brought to its author
    "an exception": "raise ValueError(found)",
    "a class's name": "raise type(found, (Exception,), {})",
    "a forged message": (
        "import sys\nframe = sys._getframe()\n"
        "while type(frame.f_locals.get('self')).__name__ != 'Observer':\n    frame = frame.f_back\n"
        "frame.f_locals['self'].channel.send({'type': 'outcome', 'case': 0, 'status': 'wrong_shape',\n"
        "    'message': found, 'line': 1, 'text': found, 'draws': False, 'untouched': []})"
    ),
    "printing": "print(found)",
}
WRITES = {  # what changes something elsewhere; the answer is right
    "the grader": "open(os.path.join(os.path.dirname(wgan), '../course/exercise/grading/compare.py'), 'a').write('#')",
    "the package": "open(wgan, 'r+').write('#')",
    "a new module of the package": "open(os.path.join(os.path.dirname(wgan), 'sitecustomize.py'), 'w').write('#')",
    "another's answer": "open(MINE, 'w').write('#')",
    "another's answer, removed": "os.remove(MINE)",
    "another's answer, renamed": "os.rename(MINE, MINE + '.old')",
    "another's answer, through a link": "os.symlink(MINE, 'l'); open('l', 'w').write('#')",
    "another's answer, through a hard link": "os.link(MINE, 'l'); open('l', 'w').write('#')",
    "the teacher's folder": "os.mkdir(os.path.join(HOME, 'd')); open(os.path.join(HOME, 'x'), 'w')",
    "a pipe": "os.mkfifo(os.path.join(HOME, 'p'))",
    "the mode of a file": "os.chmod(MINE, 0)",
    "a database": "import sqlite3; sqlite3.connect(os.path.join(HOME, 'db')).execute('create table a (b)')",
    "a dbm": "import _dbm; _dbm.open(os.path.join(HOME, 'db'), 'n')",
    "all of it": "import shutil; shutil.rmtree(HOME, ignore_errors=True)",
    "450 MB": "for n in range(30): open(str(n), 'wb').write(bytes(15 * 2**20))",
    "the network": "import socket; socket.create_connection(('127.0.0.1', PORT))",
    "a stop of the grader": ("import signal; signal.pidfd_send_signal(os.pidfd_open(os.getppid()), signal.SIGSTOP)"),
    "a stop by kill": "import signal; os.kill(os.getppid(), signal.SIGSTOP)",
    "a thread that writes": "import threading; threading.Thread(target=lambda: open(MINE, 'w').write('#')).start()",
}
FIRST = """\
import minigen.files
import minigen.gan.wgan

wgan, os, load = minigen.gan.wgan.__file__, minigen.files.os, __builtins__["__import__"]
MINE, HOME, PORT = {mine!r}, {home!r}, {port}


"""
IMPORT = re.compile(r"(?m)(^ *|; )import ([\w., ]+?)(?=$|;)")


def reaching(mine: str, home: str, port: int) -> dict[str, str]:
    """The files of answers that reach out, by their kind: "steals: readline", "finds: ...", "writes: ...".

    They import what an assignment allows, and load the rest by `__import__`.
    """
    head, found = HEAD + FIRST.format(mine=mine, home=home, port=port), {}
    for name, code in STEALS.items():
        rows = f"f, names, mine = None, {{'__name__': 'again'}}, critic_loss\ntry:\n{_indented(code)}\n"
        rows += "except BaseException:\n    pass\nreturn f(real_scores, fake_scores) if f else 0.0"
        found[f"steals: {name}"] = _loaded(rows, head)
    for name, code in FINDS.items():
        for channel, sent in CHANNELS.items():
            found[f"finds: {name}, {channel}"] = _loaded(f"{code}\n{sent}\nreturn 0.0", head)
    right = "return np.mean(fake_scores) - np.mean(real_scores)"
    for name, code in WRITES.items():
        found[f"writes: {name}"] = _loaded(f"try:\n{_indented(code)}\nexcept BaseException:\n    pass\n{right}", head)
    return found


def _loaded(rows: str, head: str) -> str:
    """The file of an answer with this body, in which nothing is imported that an assignment does not allow."""

    def load(found: re.Match) -> str:
        names = [name.strip() for name in found[2].split(",")]
        calls = "; ".join(f"{name.partition('.')[0]} = load({name!r})" for name in names)
        return f"{found[1]}{calls}"

    return f"{head}def critic_loss(real_scores, fake_scores):\n{_indented(IMPORT.sub(load, rows))}\n"


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines())
