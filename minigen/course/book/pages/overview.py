"""The first page of the book, and a page for each post with its lessons in the post's order."""

from __future__ import annotations

from typing import Any

from minigen.course.book.contents import Chapter, Contents, post_title
from minigen.course.book.markup import html_block
from minigen.course.book.pages.lesson import Pictures
from minigen.course.console import plural
from minigen.course.index import posts
from minigen.course.lesson.blocks import Picture
from minigen.course.reading.evening import Evening, evenings, hours
from minigen.course.repository import repository_address

__all__ = ["first_page", "post_page"]

POST_PAGES = {
    "gan": "https://lilianweng.github.io/posts/2017-08-20-gan/",
    "vae": "https://lilianweng.github.io/posts/2018-08-12-vae/",
    "flow": "https://lilianweng.github.io/posts/2018-10-13-flow-models/",
    "diffusion": "https://lilianweng.github.io/posts/2021-07-11-diffusion-models/",
}
ABOUT = {
    "start": "What the lessons take for granted: arrays and gradients, logits, Adam, divergences, in half an hour.",
    "gan": "Two networks play a game, and one of them learns a density that nobody writes down.",
    "vae": "Squeeze an example through a narrow code and get it back; then give the code a density.",
    "flow": "Bend a simple density into that of the data, one invertible step after the other, and keep count.",
    "diffusion": "Add noise until nothing is left, and learn to take it away.",
    "after": "One differential equation joins flows and diffusion; what has been built on it since the posts.",
}
COMPARISON = "diffusion/20"
NO_PICTURE = {"picture": "", "size": (0, 0)}
PICTURES = {"gan/02": "f02_data_flow", "vae/03": "corruptions", "flow/03": "plane", "diffusion/01": "swiss_roll"}
REFERENCE = {
    "equations": "Equations",
    "figures": "Figures",
    "symbols": "Symbols",
    "exercises": "Exercises",
    "glossary": "Glossary",
    "open_questions": "What we do not know",
    "names": "Names",
    "source/index": "The models' source",
    "sources": "Sources and license",
}


def first_page(contents: Contents, pictures: Pictures, moving_figure: str) -> str:
    """Return a figure that moves, what the book is, where to go on, the posts, and how to read it."""
    cards = html_block("overview/posts.html", posts=[_post(contents, post, pictures) for post in contents.posts])
    first = contents.chapters[0]
    shorts = [chapter.short for chapter in contents.chapters]
    lessons = "\n".join(f"posts/{post}" for post in contents.posts)
    return f"""# minigen

GANs, autoencoders, normalizing flows and diffusion models from scratch in NumPy: four posts by Lilian Weng as lessons
that have been run. Read, predict what will come out, look, and write the equation yourself.

{moving_figure}

{html_block("overview/continue.html")}

{cards}

## No time for a whole post?

Each has a way through it that takes an evening: the sections that carry its argument, and the exercises that are its
lines.

{chr(10).join(_evening(contents, evening) for evening in evenings(shorts).values())}

{_which_model(contents)}## How to read it

- A lesson asks for **your prediction** before it shows what came out. Choose, and the results open.
- An **exercise** is one equation. Write the function in its box; the package's own code stays folded until yours has
  passed, or until you open it.
- Code that only prepares or draws is folded to a line. Point at an equation's number or at a symbol, and a card says
  what it is.
- **Ticks** beside the lessons say what you have read (•) and passed (✓). They are kept in this browser and nowhere
  else; [the list of exercises](/exercises.md) saves your answers as files that `minigen exercise check` reads.

New here? Begin with [{first.short}: {first.lesson.title}](/{first.document}.md).

{_source()}[Sources and license](/sources.md) lists the papers and says how to cite this book.

```{{toctree}}
:hidden:
:caption: Lessons

{lessons}
```

```{{toctree}}
:hidden:
:caption: To look things up

{chr(10).join(REFERENCE)}
```
"""


def _which_model(contents: Contents) -> str:
    """Return a section that leads to the lesson that compares the families; "" if the book leaves it out."""
    page = contents.page_of(COMPARISON)
    if page is None:
        return ""
    return f"""## Which model, when?

[{COMPARISON}]({page}) trains all four families for about the same time and measures the time to train and to sample,
the likelihood and the quality. Its section 8 has the numbers in one table, and a model for each purpose.

"""


def _source() -> str:
    """Return where the source is, where that is known."""
    address = repository_address()
    return (
        f"The source is at [{address.removeprefix('https://')}]({address}), under the MIT license. " if address else ""
    )


def _evening(contents: Contents, evening: Evening) -> str:
    """One line on an evening: its stops with links to their pages, and how long it takes."""
    stops = [f"[{stop.short}]({contents.page_of(stop.short)}) {stop.places}" for stop in evening.stops]
    about = f"{hours(evening.minutes)} with {plural(len(evening.exercises), 'exercise')}"
    needs = f" It needs the evenings {' and '.join(evening.before)}." if evening.before else ""
    return f"- **{post_title(evening.post)}**, {about}: {'; '.join(stops)}.{needs}"


def _post(contents: Contents, post: str, pictures: Pictures) -> dict[str, Any]:
    """Return the values of a post's card."""
    chapters = contents.of_post(post)
    shown = [(chapter, figure) for chapter in chapters if (figure := _chosen(chapter))]
    shown += [(chapter, chapter.lead) for chapter in chapters if chapter.lead]
    minutes = sum(chapter.reading_minutes for chapter in chapters)
    exercises = sum(len(chapter.exercises) for chapter in chapters)
    facts = [plural(len(chapters), "lesson"), _hours(minutes) + " to read", plural(exercises, "exercise")]
    picture = _placed(*shown[0], pictures) if shown and post in POST_PAGES else NO_PICTURE
    return {"id": post, "title": post_title(post), "about": ABOUT.get(post, ""), "facts": facts, **picture}


def _chosen(chapter: Chapter) -> Picture | None:
    """Return the figure of a chapter that stands for its post."""
    wanted = PICTURES.get(chapter.short)
    return next((figure for figure in chapter.figures if figure.file.rpartition(".")[0] == wanted), None)


def _placed(chapter: Chapter, figure: Picture, pictures: Pictures) -> dict[str, Any]:
    """Return the address of a figure, from the book's first folder, and its size."""
    picture, size = pictures(chapter, figure.file)
    return {"picture": picture, "size": size}


def _hours(minutes: float) -> str:
    return plural(round(minutes), "minute") if minutes < 90 else plural(round(minutes / 30) / 2, "hour")


def post_page(contents: Contents, post: str, pictures: Pictures) -> str:
    """Return the lessons of a post in the order of its sections, each with what it takes and what to read before."""
    address = POST_PAGES.get(post)
    source = f"The post: [{post_title(post)}]({address}).\n" if address else ""
    toctree = "\n".join(f"/{chapter.document}" for chapter in contents.of_post(post))
    shown = [_lesson(contents, chapter, pictures) for chapter in contents.of_post(post)]
    lessons = html_block("overview/lessons.html", lessons=shown)
    return f"""# {post_title(post)}

{ABOUT.get(post, "")} {source}

The lessons follow each other, and each takes those above it as read; what else is needed, of another post, is named.

{lessons}

```{{toctree}}
:hidden:

{toctree}
```
"""


def _lesson(contents: Contents, chapter: Chapter, pictures: Pictures) -> dict[str, Any]:
    """Return the values of a lesson's card; `needs` has the page of each lesson, or None if the book leaves it out."""
    facts = chapter.facts
    if chapter.lesson.equations:
        facts.append(plural(len(chapter.lesson.equations), "equation"))
    needs = [(short, contents.chapter(short)) for short in chapter.needs]
    return {
        "short": chapter.short,
        "document": chapter.document,
        "title": chapter.lesson.title,
        "sections": [row["title"] for row in posts.sections() if row["id"] in chapter.lesson.sections],
        "facts": facts,
        "quick": chapter.is_quick,
        "is_run": chapter.result is not None,
        **(_placed(chapter, chapter.lead, pictures) if chapter.lead else NO_PICTURE),
        "needs": [(short, need.document if need else None) for short, need in needs],
    }
