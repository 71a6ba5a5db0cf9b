"""The pages to look things up: equations, figures, symbols, exercises, glossary."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import groupby
from typing import Any

from minigen.course.book.contents import Chapter, Contents, post_title
from minigen.course.book.markup import html_block
from minigen.course.book.pages.exercise_box import exercise_anchor
from minigen.course.book.pages.lesson import Pictures, figure_anchor
from minigen.course.exercise import stubs
from minigen.course.index import posts

__all__ = [
    "equations_page",
    "exercises_page",
    "figures_page",
    "glossary_page",
    "open_questions_page",
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
        "Every numbered equation of the four posts and of the lessons after them: what it says, the function that "
        "computes it, its test, its lesson.",
    ]
    for post, rows in groupby(contents.equations.values(), key=lambda row: row["post"]):
        blocks.append(f"## {post_title(post)}")
        blocks += [_equation(contents, row, source_anchor) for row in rows]
    return "\n\n".join(blocks) + "\n"


def _equation(contents: Contents, row: dict[str, str], source_anchor: Callable[[str], str | None]) -> str:
    use = contents.uses[row["id"]]
    facts = html_block(
        "references/equation.html",
        functions=[(_dotted(function), source_anchor(function)) for function in use.functions],
        tests=[test.removeprefix("tests/") for test in use.tests],
        lessons=[contents.chapter(id) or id for id in use.lessons],
        note=row["note"],
        equations=contents.equations,
    )
    place = f"(eq-{row['id'].replace('.', '-')})="
    return "\n".join([place, f"**Eq. {row['id']}** {row['states']}", f"\n$$\n{row['latex']}\n$$\n", facts])


def _dotted(function: str) -> str:
    """ "gan.wgan.critic_loss" of "minigen.gan.wgan:critic_loss"."""
    return function.removeprefix("minigen.").replace(":", ".")


def figures_page(contents: Contents, pictures: Pictures) -> str:
    """Every figure of the four posts, with the lesson that draws its own."""
    blocks = ["# Figures", "The figures of the four posts, and those that the lessons draw in their place."]
    for post, rows in groupby(contents.figures.values(), key=lambda row: row["post"]):
        blocks.append(f"## {post_title(post)}")
        for row in rows:
            id = row["id"]
            blocks.append(f"(fig-{id.replace('.', '-')})=\n**{id}** {row['shows']}")
            drawn = [_thumbnail(chapter, file, pictures) for chapter, file in contents.drawn[id]]
            lessons = [chapter for chapter in contents.chapters if id in chapter.lesson.figures]
            blocks.append(html_block("references/thumbnails.html", drawn=drawn, lessons=lessons))
    return "\n\n".join(blocks) + "\n"


def _thumbnail(chapter: Chapter, file: str, pictures: Pictures) -> dict[str, Any]:
    """Return the values of a picture that leads to its lesson."""
    picture, (width, height) = pictures(chapter, file)
    return {
        "title": f"{chapter.short} {chapter.lesson.title}",
        "address": f"{chapter.document}.html#{figure_anchor(chapter, file)}",
        "picture": picture,
        "width": width,
        "height": height,
    }


def symbols_page() -> str:
    """Return what the posts' symbols mean, and what they are called in the code."""
    blocks = ["# Symbols", "What the symbols of the posts mean and what they are called in the code."]
    titles = {"all": "In all posts", **posts.POSTS}
    for post, title in titles.items():
        rows = [row for row in posts.symbols() if post in row["posts"].split()]
        if rows:
            blocks += [f"## {title}", html_block("references/symbols.html", title=title, rows=rows)]
    return "\n\n".join(blocks) + "\n"


def exercises_page(contents: Contents) -> str:
    """Every exercise of the book, what it takes and whether it is passed; and the answers as files."""
    blocks = [
        "# Exercises",
        "One equation each. Your answers are kept in this browser only, so save them now and then.",
        html_block("references/save.html"),
    ]
    for post in contents.posts:
        chapters = [chapter for chapter in contents.of_post(post) if chapter.exercises]
        if not chapters:
            continue
        blocks.append(f"## {post_title(post)}")
        for chapter in chapters:
            blocks.append(html_block("references/exercises.html", chapter=chapter, anchor=exercise_anchor))
    return "\n\n".join(blocks) + "\n"


def glossary_page(contents: Contents) -> str:
    """Return the terms of the lessons in plain words, each with the lesson that explains it."""
    terms = {row["term"] for row in posts.glossary()}
    blocks = []
    for row in posts.glossary():
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


def open_questions_page(contents: Contents) -> str:
    """Return what the lessons leave open: numbers, what was tried, where to start."""
    return contents.linked(posts.open_questions())


def _see(contents: Contents, word: str, terms: Collection[str]) -> str:
    """Another term, an equation or a lesson, as a link if there is something to link to."""
    if word in terms:
        return f"{{term}}`{word}`"
    if word in contents.equations:
        return f"[Eq. {word}](#eq-{word.replace('.', '-')})"
    page = contents.page_of(word) if "/" in word else None
    return f"[{word}]({page})" if page else word


def script_data(contents: Contents) -> dict[str, Any]:
    """Return the data of the script of every page: lessons with their exercises,
    equations and symbols for the cards.
    """
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
        "symbols": [[row["code"], row["meaning"]] for row in posts.symbols()],
    }


def stub_files(contents: Contents) -> dict[str, Any]:
    """Return what the answers are put together with: file name, head, and the stub of each exercise, by lesson."""
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
