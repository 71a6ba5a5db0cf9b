"""The posts' sections with their lessons, for `minigen list`."""

from __future__ import annotations

from minigen.course.index import posts
from minigen.course.index.lessons import LessonInfo, all_lessons

__all__ = ["Group", "afterwards", "outline", "preparation"]

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
