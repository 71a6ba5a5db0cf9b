"""The pages in Markdown beside the lessons, which `minigen record` writes."""

from __future__ import annotations

from pathlib import Path

from minigen.course.console import UsageError
from minigen.course.index.lessons import all_lessons, lessons_root
from minigen.course.lesson import recorded
from minigen.course.reading.composition import compose
from minigen.course.reading.markdown import PAGE, contents_page, lesson_page
from minigen.files import write_text

__all__ = ["pages", "write_pages"]


def pages() -> dict[Path, str]:
    """Return the page of every lesson in the first folder of lessons, and that of their contents, by their files."""
    lessons = all_lessons()
    here = [lesson for lesson in lessons if lesson.path.is_relative_to(lessons_root())]
    readings = [compose(lesson, recorded.read(lesson).result) for lesson in here]
    found = {reading.lesson.path.with_name(PAGE): lesson_page(reading, lessons) for reading in readings}
    return {**found, lessons_root() / PAGE: contents_page(readings)}


def write_pages() -> list[Path]:
    """Write the pages that are not there as they should be; returns their files. UsageError if that cannot be done."""
    changed = {path: text for path, text in pages().items() if _read(path) != text}
    for path, text in changed.items():
        try:
            write_text(path, text)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    return list(changed)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
