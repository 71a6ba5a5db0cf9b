"""A small page with boxes of exercises, in the form that the book's pages have, served over http from a folder."""

import functools
import html
import http.server
import json
import shutil
import threading
from pathlib import Path

from minigen.course import book
from minigen.course.book.pages.exercise_box import exercise_data
from minigen.course.exercise import catalog

WEB = Path(book.__file__).with_name("web")
FILES = ("python.js", "editor.js", "exercise.js", "cell.js", "exercise.css", "book.css", "worker.mjs")
STYLE = """
:root { --color-foreground-primary: #000; --color-foreground-secondary: #5a5c63; --color-background-primary: #fff;
  --color-background-secondary: #f8f9fb; --color-background-border: #dcdfe4; --color-brand-primary: #0a4bff; }
@media (prefers-color-scheme: dark) { :root {
  --color-foreground-primary: #cfd0d0; --color-foreground-secondary: #9ca0a5;
  --color-background-primary: #131416; --color-background-secondary: #1a1c1e; --color-background-border: #303335;
  --color-brand-primary: #3d94ff; } }
body { margin: 0 auto; max-width: 46rem; padding: .5rem; font: 16px/1.5 sans-serif;
  background: var(--color-background-primary); color: var(--color-foreground-primary); }
pre { margin: 0; } .mg-stub { white-space: pre-wrap; }
"""


def box(identity):
    """One box, as a page of the book emits it."""
    data = exercise_data(next(found for found in catalog.find(identity) if found.id == identity))
    described = json.dumps(data).replace("</", "<\\/")
    return (
        f'<div class="mg-exercise" id="exercise-{identity.replace("/", "-")}" data-id="{identity}">'
        f'<pre class="mg-stub">{html.escape(data["stub"])}</pre>'
        f'<script type="application/json">{described}</script></div>'
    )


def write_page(out, identities, attributes=""):
    """The page, the files of the boxes in `_static`, as Sphinx puts them; Python is written by `write_python`."""
    (out / "_static").mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(WEB / name, out / "_static" / name)
    shutil.copytree(WEB / "bundles", out / "_static" / "bundles", dirs_exist_ok=True)
    boxes = "\n".join(f"<h2>{identity}</h2>\n{box(identity)}" for identity in identities)
    (out / "index.html").write_text(
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Exercises</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'<style>{STYLE}</style><link rel="stylesheet" href="_static/book.css">'
        f'<link rel="stylesheet" href="_static/exercise.css">'
        f'<script src="_static/python.js?v=1" defer {attributes}></script>'
        f'<script src="_static/editor.js?v=1" defer></script>'
        f'<script src="_static/exercise.js?v=1" defer></script></head>'
        f"<body><main>{boxes}</main></body></html>",
        encoding="utf-8",
    )


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def serve(folder):
    """A server of the folder on a free port; `shutdown` ends it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
