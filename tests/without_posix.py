"""Loaded as `sitecustomize` by every Python that starts: takes away what Windows does not have.

A worker starts without `site`: its command is changed to run this file first, which then runs the worker.
"""

import faulthandler
import os
import signal
import subprocess
import sys
import sysconfig

SIGNALS = ("SIGALRM", "SIGXCPU", "SIGXFSZ", "SIGPROF", "SIGUSR1", "SIGHUP", "SIGPIPE", "setitimer", "pthread_sigmask")
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
    sys.modules[name] = None
for module, names in (
    (os, ("fork", "forkpty", "killpg", "getuid", "geteuid", "getpgid", "setsid", "wait4")),
    (signal, SIGNALS),
    (faulthandler, ("register", "unregister")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
sysconfig.get_config_vars()  # of a file that is called by the platform
sys.platform = "other"
_is_folder = os.path.isdir
os.path.isdir = lambda path: path != "/proc/self" and _is_folder(path)


class Popen(subprocess.Popen):
    """Starts a worker by this file."""

    def __init__(self, command, *rest, **given):
        if isinstance(command, list) and command[-1].endswith("worker.py"):
            command = [*command[:-1], __file__, command[-1]]
        super().__init__(command, *rest, **given)


subprocess.Popen = Popen
if __name__ == "__main__":
    import runpy

    sys.stderr.reconfigure(encoding="cp1252")
    sys.argv.pop(0)
    runpy.run_path(sys.argv[0], run_name="__main__")
