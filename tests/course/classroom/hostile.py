"""Forty kinds of broken and hostile submissions of `critic_loss`, with the status that each must get."""

import os
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
