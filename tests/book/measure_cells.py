"""Find the cells that can be run in a page, and write minigen/course/book/runnable.json.

    MINIGEN_PYODIDE=FOLDER python tests/book/measure_cells.py [gan/01 vae ...]

Each cell that shows something and needs no training is run in the browser's Python, in Node, after the cells that it
depends on. It is fit if that takes less than 2 s of computing and gives what is recorded, to rounding; where nothing
is recorded, what this machine's Python gives. Lessons that are not named keep what was measured before.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from minigen.course.book import runnable
from minigen.course.book.browser import page_cells, pyodide
from minigen.course.book.chains import Chains
from minigen.course.console import format_number
from minigen.course.index.lessons import all_lessons, short_id
from minigen.course.lesson import recorded

SCRIPT = Path(__file__).with_name("in_node.mjs")
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")
COMPARED = {"text", "check", "claim", "table", "figure", "outcome"}
LIMIT = 9.0  # seconds after which a cell is given up: the first that imports a module pays for it, once
RELATIVE, ABSOLUTE = 2e-3, 2e-6


def request(lesson, chain, code):
    return {"lesson": lesson, "edited": False, "cells": [{"number": cell, "text": code[cell]} for cell in chain]}


def in_node(requests, folder, limit=LIMIT):
    """The results of runs, in their order. A run whose chain holds a cell that was interrupted is skipped."""
    jobs = []
    for each in requests:
        names = [f"{each['lesson']}:{cell['number']}" for cell in each["cells"]]
        jobs.append({"call": "run", "request": each, "limit": limit, "name": names[-1], "skip_after": names})
    folder = Path(folder)
    pyodide.write_python(pyodide.python_source(os.environ["MINIGEN_PYODIDE"]), folder)
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    results = folder / "results.jsonl"
    command = ["node", str(SCRIPT), str(folder / "_python"), str(folder / "jobs.json"), str(results)]
    subprocess.run(command, check=True)
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()[1:]]


def expected(lesson):
    """expected(lesson)(cell, request): the outputs that a cell must give, and whether they are recorded."""
    record = recorded.read(lesson)
    if record.status not in (recorded.FRESH, recorded.TEXT_CHANGED):
        return lambda cell, asked: json.loads(page_cells.run(json.dumps(asked))).get("outputs", [])
    cells = [statement.cell for statement in lesson.source.statements]
    by_cell = {}
    for entry in record.result.entries:
        by_cell.setdefault(cells[entry["statement"]], []).append(entry)
    claims = {}
    for claim in record.result.metrics["claims"]:
        unit = f" {claim['unit']}" if claim["unit"] else ""
        claims[claim["name"]] = {**claim, "value": format_number(claim["value"]) + unit}

    def of_cell(cell, asked):
        """What is recorded of the cell; claims are recorded at the end, so their places are those of this machine's."""
        outputs = list(by_cell.get(cell, []))
        if "lesson.claim(" in asked["cells"][-1]["text"]:
            ours = json.loads(page_cells.run(json.dumps(asked))).get("outputs", [])
            names = [one["payload"]["name"] for one in ours if one["kind"] == "claim"]
            outputs += [{"kind": "claim", "payload": claims[name]} for name in names]
        return outputs

    return of_cell


def difference(outputs, wanted):
    """The first thing in which the outputs of a cell differ from those that are wanted; "" if in none."""
    ours, theirs = ([one for one in each if one["kind"] in COMPARED] for each in (outputs, wanted))
    ours, theirs = (sorted(each, key=lambda one: one["kind"]) for each in (ours, theirs))  # claims are recorded apart
    if [one["kind"] for one in ours] != [one["kind"] for one in theirs]:
        return f"{[one['kind'] for one in ours]}, not {[one['kind'] for one in theirs]}"
    for one, other in zip(ours, theirs):
        for name in ("text", "answer", "title", "header", "rows", "caption", "name", "value", "status"):
            mine, wants = one["payload"].get(name), other["payload"].get(name)
            if not same(mine, wants):
                return f"{one['kind']}: {name} is {mine!r}, not {wants!r}"
    return ""


def same(one, other):
    """Whether two values are equal to rounding: numbers, texts with numbers in them, and lists of those."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        numbers = [[float(found.replace(",", "")) for found in NUMBER.findall(text)] for text in (one, other)]
        return NUMBER.sub("#", one).strip() == NUMBER.sub("#", other).strip() and close(*numbers)
    if isinstance(one, int | float) and isinstance(other, int | float) and not isinstance(one, bool):
        return close(one, other)
    return one == other


def close(one, other):
    return np.shape(one) == np.shape(other) and np.allclose(one, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)


def candidates(lesson):
    """The requests of a lesson's cells that show something and need no training."""
    chains = Chains(lesson.source)
    for cell, code in chains.code.items():
        chain = chains.of(cell)
        if runnable.shows(code) and not any(map(chains.trains, chain)):
            yield request(short_id(lesson.path.parent), chain, chains.code)


def main(named):
    lessons = [one for one in all_lessons() if not named or any(short_id(one.path.parent).startswith(n) for n in named)]
    asked = {lesson: list(candidates(lesson)) for lesson in lessons}
    with tempfile.TemporaryDirectory() as folder:
        results = iter(in_node([each for requests in asked.values() for each in requests], folder))
    found = runnable.measured() if named and runnable.MEASURED.exists() else {}
    for lesson, requests in asked.items():
        short, wanted, fit = short_id(lesson.path.parent), expected(lesson), {}
        for each in requests:
            cell, result = each["cells"][-1]["number"], next(results)
            why = "skipped" if result.get("skipped") else result.get("crashed") or result.get("error")
            why = why or ("slow" if result["took"] >= runnable.LONGEST else "")
            why = why or difference(result["outputs"], wanted(cell, each))
            if why:
                print(f"{short} cell {cell}: {why[:150]}")
            else:
                fit[runnable.digest([one["text"] for one in each["cells"]])] = round(result["took"], 2)
        found[short] = fit
        print(f"{short}: {len(fit)} of {len(requests)}", flush=True)
    lines = [f"{json.dumps(short)}: {json.dumps(fit)}" for short, fit in sorted(found.items()) if fit]
    runnable.MEASURED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{sum(map(len, found.values()))} cells of {sum(map(bool, found.values()))} lessons")


if __name__ == "__main__":
    main(sys.argv[1:])
