"""`minigen book`: the lessons with their results, as a web site to read, to predict in and to write exercises in."""

from __future__ import annotations

import functools
import http.server
from collections.abc import Sequence
from pathlib import Path

from minigen.course.book.browser.pyodide import PUBLIC, python_source
from minigen.course.book.build import build, check_out, check_tools
from minigen.course.book.results import known_results, results_of_runs
from minigen.course.console import UsageError, plural
from minigen.course.index.names import find_lessons
from minigen.course.lesson.options import Parser, add_lessons
from minigen.course.lesson.result import Result
from minigen.course.repository import book_address

__all__ = ["main", "parser"]

OUT = Path("build/book")
RUNS = Path("out")  # where `minigen run` puts its results, and --run too
PORT = 8000


def parser() -> Parser:
    """Return the arguments of `minigen book`."""
    result = Parser(
        prog="minigen book",
        description="Build the book: a web site of the lessons with their recorded results. It runs no lesson, unless"
        " --run is given.",
        example="minigen book gan/02 flow/05 --serve",
    )
    add_lessons(result)
    result.add_argument("--run", action="store_true", help="run the lessons again, but use runs of this code in --runs")
    result.add_argument("--quick", action="store_true", help="with --run: for a few seconds only")
    result.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"folder of the book (default {OUT})")
    result.add_argument(
        "--runs",
        type=Path,
        metavar="DIR",
        help=f"take the finished runs in this folder before the recorded ones (with --run: default {RUNS})",
    )
    result.add_argument(
        "--python",
        default=PUBLIC,
        metavar="URL|DIR|none",
        help="where a page gets Python for its exercises: an address or folder of Pyodide, or none (default: the public"
        " address; nothing is loaded before a reader begins to write)",
    )
    result.add_argument(
        "--address",
        metavar="URL",
        help="where the book will be published, for search engines and previews of links (default: the address that"
        " GitHub Pages gives to the repository of this checkout)",
    )
    result.add_argument("--serve", action="store_true", help="then show it on this machine, until Ctrl-C")
    result.add_argument("--port", type=int, default=PORT, metavar="N", help=f"port for --serve (default {PORT})")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen book ...`; returns 0. Raises UsageError if the book cannot be built."""
    args = parser().parse_args(argv)
    if args.quick and not args.run:
        raise UsageError("--quick goes with --run: without it the book is made of recorded results")
    check_tools()
    check_out(args.out)
    python = python_source(args.python)
    lessons = find_lessons(args.lessons)
    print(f"book of {plural(len(lessons), 'lesson')}", flush=True)
    results: list[Result | None] = (
        [*results_of_runs(lessons, args.runs or RUNS, args.quick)] if args.run else known_results(lessons, args.runs)
    )
    warnings = build(lessons, results, args.out, python, _address(args.address))
    quick = sum(result is not None and result.quick for result in results)
    if quick:
        print(f"  {plural(quick, 'page')} of {len(results)} from a quick run, and marked so")
    missing = results.count(None)
    if missing:
        print(f"  {plural(missing, 'page')} of {len(results)} without results: those lessons are not recorded yet")
    if warnings:
        print(f"  {plural(warnings, 'warning')} of Sphinx: see {args.out / '.build' / 'sphinx.log'}")
    if args.serve:
        _serve(args.out, args.port)
    else:
        print(f"{args.out / 'index.html'}: open it in a browser, or write its exercises too with --serve")
    return 0


def _address(given: str | None) -> str:
    """Return the address of the book with a slash at its end, "" if it is not known."""
    address = book_address() if given is None else given
    if address and not address.startswith(("http://", "https://")):
        raise UsageError(f"--address must begin with https://, got {address!r}")
    return address and f"{address.rstrip('/')}/"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the book's files, with the types that a browser requires of modules, without a line for each request."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".webp": "image/webp",
    }

    def log_message(self, format: str, *args: object) -> None:
        pass


def _serve(folder: Path, port: int) -> None:
    """Show the book to this machine only, until Ctrl-C."""
    handler = functools.partial(Handler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(f"cannot serve on port {port}: {error.strerror or error}; choose another --port") from None
    with server:
        print(f"http://127.0.0.1:{port}/  (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
