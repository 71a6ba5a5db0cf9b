"""The posts' sections with their lessons: for `minigen list` and the README."""

from __future__ import annotations

from collections.abc import Iterator

from minigen.course.console import markdown_table
from minigen.course.index import posts
from minigen.course.index.lessons import LessonInfo, all_lessons

__all__ = ["Group", "afterwards", "outline", "preparation", "markdown_tables"]

Row = tuple[dict[str, str], list[LessonInfo], bool]


def outline() -> list[tuple[str, list[Row]]]:
    """Post -> its sections, each with its lessons, and whether these are the lessons of its subsections only."""
    by_section: dict[str, list[LessonInfo]] = {}
    for lesson in all_lessons():
        for id in lesson.sections:
            by_section.setdefault(id, []).append(lesson)
    rows: dict[str, list[Row]] = {post: [] for post in posts.POSTS}
    for section in posts.sections():
        own = by_section.get(section["id"], [])
        below = [lesson for part in posts.subsections().get(section["id"], ()) for lesson in by_section.get(part, ())]
        rows[section["post"]].append((section, own or list(dict.fromkeys(below)), not own and bool(below)))
    return list(rows.items())


Group = tuple[str, list[LessonInfo]]


def preparation() -> list[Group]:
    """(heading, lessons) of the families that belong to no post: what comes before the posts, and further lessons."""
    return [group for family, group in _without_post() if family not in posts.AFTER]


def afterwards() -> list[Group]:
    """(heading, lessons) of what comes after the posts."""
    return [group for family, group in _without_post() if family in posts.AFTER]


def _without_post() -> list[tuple[str, Group]]:
    groups: dict[str, list[LessonInfo]] = {}
    for lesson in all_lessons():
        if lesson.post not in posts.POSTS:
            groups.setdefault(lesson.post, []).append(lesson)
    return [(family, (posts.heading(family), lessons)) for family, lessons in groups.items()]


def markdown_tables() -> str:
    """Return the guide's tables of sections and lessons, each with its folder,
    in Markdown (`minigen list --markdown`).
    """
    parts = list(_tables(preparation()))
    for post, rows in outline():
        cells = []
        for section, found, is_in_parts in rows:
            where = "in its parts: " if is_in_parts else ""
            links = ", ".join(f"[{lesson.id}](../lessons/{lesson.id}/)" for lesson in found)
            minutes = ", ".join(f"{lesson.minutes:g}" for lesson in found)
            cells.append([section["title"], f"{where}{links or 'planned'}", minutes])
        parts += [f"### {posts.POSTS[post]}", markdown_table(cells, ["section", "lesson", "minutes"])]
    return "\n\n".join([*parts, *_tables(afterwards())]) + "\n"


def _tables(groups: list[Group]) -> Iterator[str]:
    """Yield a heading and a table for each group of lessons that belong to no post."""
    for heading, group in groups:
        rows = [[lesson.title, f"[{lesson.id}](../lessons/{lesson.id}/)", f"{lesson.minutes:g}"] for lesson in group]
        yield f"### {heading}"
        yield markdown_table(rows, ["subject", "lesson", "minutes"])
