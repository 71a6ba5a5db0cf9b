"""The pages to look things up: equations, figures, symbols, exercises, glossary."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection
from itertools import groupby
from typing import Any

from minigen.course import index
from minigen.course.book import conf
from minigen.course.book.contents import Chapter, Contents, post_title
from minigen.course.book.markup import inline_html, raw
from minigen.course.book.pages.exercise_box import exercise_anchor
from minigen.course.book.pages.lesson import Pictures, figure_anchor
from minigen.course.exercise import stubs

__all__ = [
    "equations_page",
    "exercises_page",
    "figures_page",
    "glossary_page",
    "script_data",
    "stub_files",
    "symbols_page",
]


def equations_page(contents: Contents, source_anchor: Callable[[str], str | None]) -> str:
    """Every numbered equation with the function, the test and the lessons.

    source_anchor: the address, from the book's first folder, of "minigen.gan.wgan:critic_loss", or None.
    """
    blocks = [
        "# Equations",
        "Every numbered equation of the four posts: what it says, the function that computes it, its test, its lesson.",
    ]
    for post, rows in groupby(contents.equations.values(), key=lambda row: row["post"]):
        blocks.append(f"## {post_title(post)}")
        blocks += [_equation(contents, row, source_anchor) for row in rows]
    return "\n\n".join(blocks) + "\n"


def _equation(contents: Contents, row: dict[str, str], source_anchor: Callable[[str], str | None]) -> str:
    use = contents.uses[row["id"]]
    lines = [
        f"(eq-{row['id'].replace('.', '-')})=",
        f"**Eq. {row['id']}** {row['states']}",
        f"\n$$\n{row['latex']}\n$$\n",
    ]
    facts = []
    if use.functions:
        facts.append(("computed by", ", ".join(_function(name, source_anchor) for name in use.functions)))
    if use.tests:
        tests = [f"<code>{html.escape(test.removeprefix('tests/'))}</code>" for test in use.tests]
        facts.append(("tested by", ", ".join(tests[:3]) + (f" and {len(tests) - 3} more" if len(tests) > 3 else "")))
    if use.lessons:
        facts.append(("lesson", ", ".join(_lesson_link(contents, id) for id in use.lessons)))
    if row["note"]:
        facts.append(("note", inline_html(row["note"], equations=contents.equations)))
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return "\n".join([*lines, raw(f'<dl class="mg-facts-list">{items}</dl>')])


def _function(name: str, source_anchor: Callable[[str], str | None]) -> str:
    address = source_anchor(name)
    shown = f"<code>{html.escape(name.removeprefix('minigen.').replace(':', '.'))}</code>"
    return f'<a href="{address}">{shown}</a>' if address else shown


def _lesson_link(contents: Contents, id: str, root: str = "", place: str = "") -> str:
    chapter = contents.chapter(id)
    if chapter is None:
        return html.escape(id)
    return f'<a href="{root}{chapter.document}.html{place}">{chapter.short} {html.escape(chapter.lesson.title)}</a>'


def figures_page(contents: Contents, pictures: Pictures) -> str:
    """Every figure of the four posts, with the lesson that draws its own."""
    blocks = ["# Figures", "The figures of the four posts, and those that the lessons draw in their place."]
    for post, rows in groupby(contents.figures.values(), key=lambda row: row["post"]):
        blocks.append(f"## {post_title(post)}")
        for row in rows:
            id = row["id"]
            blocks.append(f"(fig-{id.replace('.', '-')})=\n**{id}** {row['shows']}")
            thumbnails = [_thumbnail(chapter, file, pictures) for chapter, file in contents.drawn[id]]
            drawn = "".join(thumbnails) or _not_drawn(contents, id)
            blocks.append(raw(f'<div class="mg-thumbnails">{drawn}</div>'))
    return "\n\n".join(blocks) + "\n"


def _thumbnail(chapter: Chapter, file: str, pictures: Pictures) -> str:
    picture, (width, height) = pictures(chapter, file)
    title = html.escape(f"{chapter.short} {chapter.lesson.title}")
    return (
        f'<a href="{chapter.document}.html#{figure_anchor(chapter, file)}">'
        f'<img src="{picture}" alt="drawn in {title}" width="{width}" height="{height}" loading="lazy">'
        f"<span>{title}</span></a>"
    )


def _not_drawn(contents: Contents, id: str) -> str:
    """Links to the lessons that treat a figure without drawing it, or a note that the book leaves them out."""
    lessons = [chapter for chapter in contents.chapters if id in chapter.lesson.figures]
    links = ", ".join(_lesson_link(contents, chapter.lesson.id) for chapter in lessons)
    return f"<p>in {links}</p>" if links else "<p>in a lesson that this book leaves out</p>"


def symbols_page() -> str:
    """What the posts' symbols mean, and what they are called in the code."""
    blocks = ["# Symbols", "What the symbols of the posts mean and what they are called in the code."]
    titles = {"all": "In all posts", **index.POSTS}
    for post, title in titles.items():
        rows = [row for row in index.symbols() if post in row["posts"].split()]
        if rows:
            cells = "".join(
                f'<tr><td data-label="in the posts">{inline_html("$" + row["latex"] + "$")}</td>'
                f'<td data-label="in the code"><code>{html.escape(row["code"])}</code></td>'
                f'<td data-label="what it is">{html.escape(row["meaning"])}</td></tr>'
                for row in rows
            )
            head = "".join(f'<th scope="col">{name}</th>' for name in ("in the posts", "in the code", "what it is"))
            table = f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"
            label = html.escape(f"symbols: {title}")
            blocks += [f"## {title}", raw(f'<div class="mg-table" role="region" aria-label="{label}">{table}</div>')]
    return "\n\n".join(blocks) + "\n"


def exercises_page(contents: Contents) -> str:
    """Every exercise of the book, what it takes and whether it is passed; and the answers as files."""
    blocks = [
        "# Exercises",
        "One equation each. Your answers are kept in this browser only, so save them now and then.",
        raw(
            '<div class="mg-export"><p class="mg-total" aria-live="polite"></p>'
            '<button type="button" class="mg-save" hidden>Save my answers as files</button> '
            '<span class="mg-meta">a zip file with <code>exercises/gan_02.py</code> and so on: unpack it where you run '
            "<code>minigen exercise check gan/02</code></span></div>"
        ),
    ]
    for post in contents.posts:
        chapters = [chapter for chapter in contents.of_post(post) if chapter.exercises]
        if not chapters:
            continue
        blocks.append(f"## {post_title(post)}")
        for chapter in chapters:
            items = "".join(
                f'<li data-exercise="{exercise.id}"><a href="{chapter.document}.html#{exercise_anchor(exercise.id)}">'
                f'<code>{exercise.name}</code></a> <span class="mg-meta">{exercise.minutes:g} minutes, '
                f"{exercise.points} points</span></li>"
                for exercise in chapter.exercises
            )
            title = f"{chapter.short} {html.escape(chapter.lesson.title)}"
            blocks.append(raw(f'<p class="mg-list-head">{title}</p><ul class="mg-list">{items}</ul>'))
    return "\n\n".join(blocks) + "\n"


def glossary_page(contents: Contents) -> str:
    """The terms of the lessons in plain words, each with the lesson that explains it."""
    terms = {row["term"] for row in index.glossary()}
    blocks = []
    for row in index.glossary():
        see = [_see(contents, word.strip(), terms) for word in row["see"].split(",") if word.strip()]
        page = contents.page_of(row["lesson"])
        more = [f"[{row['lesson']}]({page})" if page else row["lesson"], *(["see " + ", ".join(see)] if see else [])]
        blocks.append(f"{row['term']}\n  {contents.linked(row['meaning'])} ({'; '.join(more)})\n")
    return "\n\n".join(
        [
            "# Glossary",
            "The terms of the lessons in a sentence or two, each with the lesson where it is first used.",
            "````{glossary}\n" + "\n".join(blocks) + "````\n",
        ]
    )


def _see(contents: Contents, word: str, terms: Collection[str]) -> str:
    """Another term, an equation or a lesson, as a link if there is something to link to."""
    if word in terms:
        return f"{{term}}`{word}`"
    if word in contents.equations:
        return f"[Eq. {word}](#eq-{word.replace('.', '-')})"
    page = contents.page_of(word) if "/" in word else None
    return f"[{word}]({page})" if page else word


def script_data(contents: Contents) -> dict[str, Any]:
    """The data of the script of every page: lessons with their exercises, equations and symbols for the cards."""
    return {
        "lessons": [
            {
                "id": chapter.short,
                "title": chapter.lesson.title,
                "page": f"{chapter.document}.html",
                "exercises": [exercise.id for exercise in chapter.exercises],
            }
            for chapter in contents.chapters
        ],
        "equations": {id: [row["states"], row["latex"]] for id, row in contents.equations.items()},
        "mathjax": conf.mathjax4_config,
        "symbols": [[row["posts"], row["latex"], row["code"], row["meaning"]] for row in index.symbols()],
    }


def stub_files(contents: Contents) -> dict[str, Any]:
    """What the answers are put together with: file name, head, and the stub of each exercise, by lesson."""
    return {chapter.short: _stub_file(chapter) for chapter in contents.chapters if chapter.exercises}


def _stub_file(chapter: Chapter) -> dict[str, Any]:
    exercises = chapter.exercises
    text = stubs.stub_file(exercises)
    head = text[: text.index(stubs.stub(exercises[0]))].rstrip("\n")
    return {
        "file": f"exercises/{exercises[0].lesson.replace('/', '_')}.py",
        "head": head,
        "stubs": {exercise.id: stubs.stub(exercise) for exercise in exercises},
    }
