"""The figure with which the book opens: noise becomes two moons, with a slider for the time."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from minigen.course.book.files import Files
from minigen.course.book.pages import outputs
from minigen.course.lesson import blocks
from minigen.course.lesson.play import film_of
from minigen.zoo.demonstrations.reverse_process import reverse_process

__all__ = ["FRONT", "moving_figure"]

CAPTION = (
    "The reverse process of a diffusion model: 400 points move from noise, at t = 200, to two moons, at t = 0. Press"
    " Play, or move t. The prediction of the noise is exact here; the lessons train a network for it."
)
FOLDER, NAME = "front", "reverse-process"
FRONT = f"_figures/{FOLDER}/{NAME}.webp"  # the address of its still


def moving_figure(files: Files) -> str:
    """Return the figure as a block of the first page; its picture and its data are noted among the files of the
    book.
    """
    times, points, data = reverse_process()
    film = film_of({"t": times}, points=points, truth=data, bounds=3, time="t")
    still, drawn = BytesIO(), film.still
    drawn.savefig(still, format="webp", dpi=96)  # the film soon takes its place
    width, height = (round(96 * inches) for inches in drawn.get_size_inches())
    script = f"_play/{FOLDER}/{NAME}.js"
    files.own(FRONT, still.getvalue())
    files.own(script, film.script(f"{FOLDER}/{NAME}").encode())
    block = blocks.Play(Path(f"{NAME}.webp"), CAPTION, NAME, f"{NAME}.js")
    return outputs.play(block, NAME, FRONT, (width, height), script, CAPTION, plays_at_once=True)
