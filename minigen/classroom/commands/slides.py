"""`minigen slides`: a lesson as slides, as Markdown to edit, or its figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigen.course.console import UsageError, create, plural
from minigen.course.index.names import find_lesson
from minigen.course.lesson.options import Parser, add_lesson
from minigen.course.reading.composition import recorded_reading

__all__ = ["main", "parser"]

FOLDER = Path("slides")
SOURCE = "slides.md"


def parser() -> Parser:
    """Return the arguments of `minigen slides`."""
    result = Parser(
        prog="minigen slides",
        description="Make slides of a lesson from its recorded run: the problem, and of each section that carries the "
        "argument its reason, equations and figures, and its predictions with each result one click later. The text is "
        "in the notes of the speaker (press S). They hold no code that an exercise asks for.",
        example="minigen slides gan/02\n  minigen slides gan/02 --markdown --out monday/\n"
        "  minigen slides monday/slides.md\n  minigen slides gan/02 --figures figures/",
    )
    add_lesson(result)
    add = result.add_argument
    add("--out", type=Path, metavar="DIR", help="the folder to write (default: slides/gan-02-gan)")
    add("--answers", action="store_true", help="also show the code that the exercises ask for")
    add("--markdown", action="store_true", help=f"write {SOURCE}, to edit, in place of the slides; its name makes them")
    add("--figures", type=Path, metavar="DIR", help="write the pictures alone, with captions and licence")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen slides ...`; returns 0. Raises UsageError if the slides cannot be made."""
    args = parser().parse_args(argv)
    from minigen.classroom.teaching import deck
    from minigen.classroom.teaching.slides import PICTURES, markdown_of, slides_of

    edited = Path(args.id)
    if edited.suffix == ".md":
        if args.answers or args.markdown or args.figures:
            raise UsageError("--answers, --markdown and --figures are for a lesson, not for slides that you edited")
        out = args.out or edited.parent / "html"
        return _built(deck.build(_text_of(edited), edited.parent / PICTURES, out), out)
    lesson = find_lesson(args.id)
    reading = recorded_reading(lesson)
    if args.figures is not None:
        count = deck.write_figures(reading, args.figures)
        print(f"{args.figures}: {plural(count, 'picture')}, and captions.md with their captions and licence")
        return 0
    out = args.out or FOLDER / lesson.id.replace("/", "-").replace("_", "-")
    text = markdown_of(slides_of(reading, args.answers))
    if not args.markdown:
        deck.write_pictures(reading, deck.begin(out) / deck.WORK / PICTURES)
        return _built(deck.build(text, out / deck.WORK / PICTURES, out), out)
    deck.write_pictures(reading, out / PICTURES)
    create(out / SOURCE, text)
    print(f"{out / SOURCE}: edit it, then: minigen slides {out / SOURCE}, or pandoc {out / SOURCE} -o slides.pptx")
    return 0


def _built(count: int, out: Path) -> int:
    print(f"{plural(count, 'slide')}: open {out / 'index.html'} in a browser; to print, add ?print-pdf to its address")
    return 0


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the slides {path}: {error}") from None
