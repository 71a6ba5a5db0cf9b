"""A lesson as a Jupyter notebook and, with the result of a run, with the outputs that its cells made.

Every cell of the lesson's file is a cell of the notebook, which can be run. Outputs stay below their cells. Therefore a
prediction closes more of them than on a page: all from the question to its outcome, folded in Markdown that opens on a
click, and code that says what must come out. That code, and code that only shows or checks something, is hidden by the
metadata with which Jupyter, VS Code and Colab do it.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

from minigen.course.console import plural
from minigen.course.index.lesson_source import Cell
from minigen.course.index.lessons import LessonInfo
from minigen.course.index.sources import reference
from minigen.course.lesson import blocks, events
from minigen.course.lesson.blocks import Block
from minigen.course.lesson.recorded import CODE_CHANGED
from minigen.course.lesson.result import Result
from minigen.course.lesson.sinks.jupyter import folded, markdown_of, source_markdown
from minigen.course.lesson.sinks.text import text_of
from minigen.course.reading.composition import Reading
from minigen.course.reading.descriptions import describe
from minigen.course.reading.purposes import TELLING
from minigen.course.repository import COLAB_BADGE, colab_address, install_command

__all__ = ["notebook_of"]

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}  # else Jupyter and VS Code ask for one
HIDDEN = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # code: for Jupyter and VS Code, for Colab
COLORS = 256  # of a figure


def notebook_of(lesson: LessonInfo, reading: Reading | None = None, colab: bool = False) -> Any:
    """Return the notebook, as `nbformat` has it.

    reading: the lesson composed with a result, whose outputs the cells get; without it they have none.
    colab:   put the button that opens the notebook in Colab, and the cell that installs the package, at its top.
    """
    from nbformat import v4

    made = list(_top(lesson, reading, colab))
    closed = _cells_of_predictions(reading) if reading else {}
    for number, cell in enumerate(lesson.source.cells):
        mine = [block for block in reading.blocks if block.cell == number] if reading else []
        made.append(v4.new_markdown_cell(cell.text) if cell.is_text else _code(cell, mine, reading, closed.get(number)))
    if reading and reading.sources:
        shown = markdown_of(events.Sources([reference(key) for key in reading.sources]))
        made.append(v4.new_markdown_cell(shown))
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    if reading:
        for count, cell in enumerate((cell for cell in made if cell["cell_type"] == "code"), 1):
            cell["execution_count"] = count
    return v4.new_notebook(cells=made, metadata={"kernelspec": KERNEL})


def _top(lesson: LessonInfo, reading: Reading | None, colab: bool) -> Iterator[Any]:
    """Yield the cells above those of the lesson."""
    from nbformat import v4

    lines = []
    if colab and colab_address(lesson.id):
        lines.append(f"[![Open in Colab]({COLAB_BADGE})]({colab_address(lesson.id)})")
    if reading and reading.result:
        lines.append(_provenance(reading.result, reading.status))
    if lines:
        yield v4.new_markdown_cell("\n\n".join(lines))
    if colab:
        yield v4.new_code_cell(f"%{install_command()}")


def _provenance(result: Result, status: str) -> str:
    """Where the outputs come from, in a sentence or two."""
    metrics = result.metrics
    minutes = plural(metrics.get("minutes", round(metrics["timings"]["total"] / 60, 2)), "minute")
    processor = metrics["machine"]["processor"]
    changed = " by an earlier version of the code" if status == CODE_CHANGED else ""
    return (
        f"*The outputs below are recorded: they were made{changed} in a full run with seed {metrics['seed']}, in"
        f" {minutes} on {processor}. Running the cells replaces them.*"
    )


# -- cells -------------------------------------------------------------------------------------------------------------


def _cells_of_predictions(reading: Reading) -> dict[int, int]:
    """Return the number of the prediction for each cell from a question to its outcome."""
    found: dict[int, int] = {}
    for question in reading.questions:
        outcomes = [block for block in reading.blocks if isinstance(block, blocks.Outcome)]
        mine = [block.cell for block in outcomes if block.closed_by == question.number]
        found |= dict.fromkeys(range(question.cell, max(mine, default=question.cell - 1) + 1), question.number)
    return found


def _code(cell: Cell, mine: Sequence[Block], reading: Reading | None, prediction: int | None) -> Any:
    """Return a cell of code with its outputs. Its code is hidden where it gives an answer away, or is plumbing."""
    from nbformat import v4

    made = v4.new_code_cell(cell.text)
    if reading is None:
        return made
    code = [block for block in mine if isinstance(block, blocks.Code)]
    tells = prediction is not None and any(TELLING & block.methods for block in code)
    if tells or all(block.is_plumbing for block in code):
        made["metadata"].update(HIDDEN)
    shown = takewhile(lambda block: not isinstance(block, blocks.Heading), mine)  # more exercises follow the last cell
    outputs = [block for block in shown if not isinstance(block, blocks.Code)]
    made["outputs"] = list(_outputs(outputs, prediction))
    return made


# -- outputs -----------------------------------------------------------------------------------------------------------


def _outputs(shown: Sequence[Block], prediction: int | None) -> Iterator[Any]:
    """Yield the outputs of a cell; the results that a prediction closes are one folded output, but for its outcome,
    which folds itself.
    """

    def key(block: Block) -> tuple[bool, bool]:
        closes = block.is_result and (prediction is not None or block.closed_by is not None)
        return closes, isinstance(block, blocks.Outcome)

    for (is_closed, is_outcome), group in groupby(shown, key=key):
        if not is_closed or is_outcome:
            for block in group:
                yield from _open(block)
        else:
            members = list(group)
            number = prediction if members[0].closed_by is None else members[0].closed_by
            assert number is not None, "it is closed by a prediction"
            yield _display(_closed(number, "\n\n".join(map(_in_markdown, members))))


def _open(block: Block) -> Iterator[Any]:
    """Yield an output that is open."""
    from nbformat import v4

    match block:
        case blocks.Printed() | blocks.Checks():
            yield v4.new_output("stream", name="stdout", text=f"{_printed(block)}\n")
        case blocks.Figure() | blocks.Play():
            content, width = _png(block.path)
            data = {"image/png": _base64(content), "text/plain": describe(block.file, block.caption)}
            yield v4.new_output("display_data", data, metadata={"image/png": {"width": width}})
            if block.caption:
                yield _display(block.caption)
        case _:
            yield _display(_in_markdown(block))


def _display(markdown: str) -> Any:
    from nbformat import v4

    return v4.new_output("display_data", {"text/markdown": markdown, "text/plain": markdown})


def _closed(number: int, markdown: str) -> str:
    """Markdown that a prediction closes, folded."""
    return folded(f"Open this after you have chosen an answer to question {number + 1}", markdown)


def _in_markdown(block: Block) -> str:
    """Return an output in Markdown: as a notebook shows it that runs or, where a run prints or draws, what came out."""
    render = blocks.of_kind(RECORDED, block)
    markdown = render(block) if render else markdown_of(block)
    assert markdown is not None, f"a notebook has no output for {block}"
    return markdown


def _printed(block: blocks.Printed | blocks.Checks) -> str:
    """Return the lines that were printed."""
    if isinstance(block, blocks.Printed):
        return block.text
    return "\n".join(str(text_of(check)) for check in block.checks)


def _still(block: blocks.Picture) -> str:
    content, width = _png(block.path)
    return _image("image/png", content, f' width="{width}"', block)


def _animation(block: blocks.Animation) -> str:
    return _image("image/webp", block.path.read_bytes(), "", block)  # as a GIF it would have megabytes


def _image(kind: str, content: bytes, width: str, picture: blocks.Picture) -> str:
    """Return a picture within Markdown, and its caption below it."""
    described = html.escape(describe(picture.file, picture.caption))
    image = f'<img src="data:{kind};base64,{_base64(content)}"{width} alt="{described}">'
    return f"{image}\n\n{picture.caption}" if picture.caption else image


def _png(path: Path) -> tuple[bytes, int]:
    """Return a recorded figure as a PNG, which every notebook can show, and its width on the page, half of its own."""
    from PIL import Image

    buffer = BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(buffer, "PNG")
        return buffer.getvalue(), picture.width // 2


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


RECORDED: dict[type, Callable[[Any], str]] = {
    blocks.Printed: lambda block: f"```text\n{_printed(block)}\n```",
    blocks.Checks: lambda block: f"```text\n{_printed(block)}\n```",
    blocks.Animation: _animation,
    blocks.Picture: _still,
    blocks.Source: lambda block: source_markdown(block, bool(block.exercises)),
}
