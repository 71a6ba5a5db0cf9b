"""The rules for the prose of a lesson, and the list of what lessons may still have of each.

`python -m tests.lessons.prose` lowers the numbers of the list to what the lessons have; it raises none.
"""

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from minigen.course.exercise import clauses
from minigen.course.index.lesson_source import Call, LessonSource
from minigen.course.index.lessons import scan_lessons, short_id
from minigen.course.reading.purposes import PageCell, page_cells
from tests.prose import CONSTRUCTIONS, Hit, Passage, hits, passages_of_markdown, passages_of_python, written

ALLOWED = Path(__file__).with_name("prose_allowed.toml")
HEAD = """\
# What the prose of lessons may still have of what `tests/lessons/prose.py` rules out, by lesson and rule. The numbers
# only shrink: mend a sentence, then lower its number (`python -m tests.lessons.prose` does it). Never raise one.
"""
LESSONS = Path(__file__).resolve().parents[2] / "lessons"

QUESTION = "prediction without a question mark"
NO_VERB = "outcome without a verb"
REPEATS = "outcome repeats its choice"
ENDS = "section ends without prose"
DIFFERENCES = "heading of differences"
PREREQUISITES = "form of prerequisites"
RULES = [*(each.name for each in CONSTRUCTIONS), QUESTION, NO_VERB, REPEATS, ENDS, DIFFERENCES, PREREQUISITES]

OTHER_HEADING = re.compile(
    r"^\W{0,4}(?:Here is different|Our deviations?|Ours(?=[:.])|What we do (?:otherwise|differently)"
    r"|What this lesson adds|What is different here)\b"
)
OTHER_PREREQUISITES = re.compile(
    r"\bNeeded:|\bIt (?:uses|needs)\b|\bRead (?:`\w+/\d\d`|[^.]*`\w+/\d\d`)[^.]* first\b|\bPrerequisites?\b"
)
# Finite verbs that outcomes have besides those of `clauses.VERBS`. A form that is also a noun is left out where a label
# may have it, as "sample" and "score".
FURTHER_VERBS = frozenset(
    """
    appears approaches aren't became behaves binds can't causes changed chose collapsed collapses concentrates
    contributes converges corrects corresponds crosses decreased deviates didn't disappears diverges doesn't don't
    dropped ended equal errs explodes explore explores favors fixes gained happened hasn't haven't helped helps
    identifies implies improved improves increased intersect intersects isn't lay learns left let's lost lowers meet
    meets moved reports needed oscillates outputs overlap overlaps overshoots prefers proves punishes rose saves
    separates shortens showed simplifies sits spends stayed suffice suffices wanders win wins won won't
    """.split()
)


def hits_of(source: LessonSource) -> list[Hit]:
    """All that the rules find in a lesson, by its lines."""
    found = [*hits(_passages(source)), *_of_questions(source), *_of_outcomes(source), *_of_sections(source)]
    return sorted([*found, *_of_forms(source)], key=lambda hit: hit.line)


def _passages(source: LessonSource) -> Iterator[Passage]:
    """The text of a lesson and what its code says, in messages and comments."""
    for cell in source.cells:
        if cell.is_text:
            yield from passages_of_markdown(cell.text, cell.line + 1)
        else:
            for passage in passages_of_python(cell.text):
                yield Passage(cell.line + passage.line, passage.text)


def _of_questions(source: LessonSource) -> Iterator[Hit]:
    """Predictions that do not end in a question mark; a remark in brackets may follow it."""
    for call in source.calls_of("predict"):
        question = written(call.argument("question", 0)).strip()
        if not re.search(r"\?(?: \([^()]*\))?$", question):
            yield Hit(QUESTION, call.node.lineno, question[-60:], "ask a question that a friend would understand")


def _of_outcomes(source: LessonSource) -> Iterator[Hit]:
    """Outcomes whose first sentence has no verb, or that begin with the choice, which the page shows above them."""
    choices: list[str] = []
    for call in source.calls_of("predict", "outcome"):
        if call.method == "predict":
            choices = _choices(call)
            continue
        argument = call.argument("text", 0)
        text = written(argument)
        if text == "…":  # made elsewhere
            continue
        first = first_sentence(text)
        if not has_verb(first):
            yield Hit(NO_VERB, call.node.lineno, first[:80], "a full sentence about the measured quantity")
        answer = written(call.argument("answer", 1), ast.unparse)
        is_known = isinstance(call.argument("answer", 1), ast.Constant | ast.JoinedStr)
        exact = written(argument, ast.unparse)
        repeated = [choice for choice in ([answer] if is_known else choices) if begins_with(exact, choice)]
        if repeated:
            yield Hit(REPEATS, call.node.lineno, text[:80], f"the page shows “{repeated[0]}” before it; leave it out")


def _choices(call: Call) -> list[str]:
    given = call.argument("choices", 1)
    return [written(part, ast.unparse) for part in given.elts] if isinstance(given, ast.List) else []


def first_sentence(text: str) -> str:
    """The first sentence of a text; a point after a single letter ends none."""
    return re.split(r"(?<=\S\S[.!?]) +(?=[A-Z(…])|(?<=…[.!?]) +", text.strip(), maxsplit=1)[0]


def has_verb(sentence: str) -> bool:
    """Whether a sentence has a finite verb, or an equation, which is read as one.

    A verb that the lists do not have is added to FURTHER_VERBS.
    """
    words = re.findall(r"[a-z']+", sentence.lower())
    return " = " in sentence or clauses.has_verb(sentence) or not FURTHER_VERBS.isdisjoint(words)


def begins_with(text: str, choice: str) -> bool:
    """Whether a text begins with a choice, as a sentence or a part of one that a sign ends."""
    plain = [re.sub(r"[$`*\\“”'\"]", "", part).strip().lower() for part in (text, choice)]
    return plain[1] not in ("", "…") and bool(re.match(re.escape(plain[1]) + r"(?:[.,:;]| \(|$)(?!\d)", plain[0]))


# -- how sections end --------------------------------------------------------------------------------------------------


def _of_sections(source: LessonSource) -> Iterator[Hit]:
    """Sections whose last block is a table, a check, printed text or code.

    The outcome of a prediction, a figure with its caption, and what invites the reader (a question, an exercise, a
    change) may be the last. Claims are the end of a lesson, not of a section.
    """
    sections: list[tuple[str, list[tuple[PageCell, str]]]] = [("the opening", [])]
    for cell in page_cells(source):
        if not cell.is_text:
            sections[-1][1].append((cell, ""))
            continue
        for level, text in cell.cell.parts:
            if level > 1:
                sections.append((text, []))
            elif level == 0:
                sections[-1][1].append((cell, text))
    for heading, blocks in sections:
        shown = [(cell, text) for cell, text in blocks if cell.is_text or _is_shown(cell)]
        last = _end(source, *shown[-1]) if shown else ""
        if last:
            line = shown[-1][0].cell.line
            yield Hit(ENDS, line, f"“{heading}” ends with {last}", "say what it shows and what to remember")


def _is_shown(cell: PageCell) -> bool:
    """Whether a cell of code is a part of its section, and not the lesson's apparatus."""
    if cell.purpose in ("imports", "lesson"):
        return False
    return not (cell.purpose == "questions" and cell.methods <= {"claim", "finish", "sampler"})


PROSE = {"outcome", "figure", "animation", "play", "change", "predict", "exercise"}


def _end(source: LessonSource, cell: PageCell, text: str) -> str:
    """What a section ends with, in words, if that is no prose; otherwise ""."""
    if cell.is_text:
        line = text.rstrip().rsplit("\n", 1)[-1]
        return "code" if line.startswith("```") else "a table" if line.startswith("|") else ""
    statements = [statement for statement in source.statements if statement.cell == cell.index]
    methods = [statement.method for statement in statements if statement.method not in ("claim", "finish")]
    last = next(iter(methods[::-1]), "")
    if last in PROSE:
        return ""
    return {"table": "a table", "check": "a check"}.get(last, "code")


# -- one form for what every lesson has --------------------------------------------------------------------------------


def _of_forms(source: LessonSource) -> Iterator[Hit]:
    """Other headings than "What this lesson does differently", other words than "Before this lesson:"."""
    texts = [cell for cell in source.cells if cell.is_text]
    for cell in texts:
        for passage in passages_of_markdown(cell.text, cell.line + 1):
            for number, line in enumerate(passage.text.splitlines()):
                if OTHER_HEADING.match(line) and (number == 0 or line.startswith(("-", "*", "#"))):
                    instead = "What this lesson does differently"
                    yield Hit(DIFFERENCES, passage.line + number, line[:60], instead)
    for passage in passages_of_markdown(texts[0].text, texts[0].line + 1) if texts else ():
        found = OTHER_PREREQUISITES.search(" ".join(passage.text.split()))
        if found:
            yield Hit(PREREQUISITES, passage.line, found[0][:60], "Before this lesson: `gan/01`, ...")


# -- the list ----------------------------------------------------------------------------------------------------------


def sources() -> dict[str, LessonSource]:
    """The files of all lessons, by their short ids."""
    return {short_id(lesson.path.parent): lesson.source for lesson in scan_lessons(LESSONS)[0]}


def allowed() -> dict[str, dict[str, int]]:
    """How often each lesson may still have what each rule finds."""
    return tomllib.loads(ALLOWED.read_text(encoding="utf-8"))


def differences(lesson: str, found: list[Hit], allowed: dict[str, int]) -> list[str]:
    """What is to be done about a lesson, in words: a line for each rule whose number is not the allowed one."""
    counts = Counter(hit.rule for hit in found)
    lines = []
    for rule in RULES:
        has, may = counts[rule], allowed.get(rule, 0)
        if has > may:
            where = "\n    ".join(str(hit) for hit in found if hit.rule == rule)
            lines.append(f"{lesson} has {rule!r} {has} times, {may} allowed. Mend the new one of these:\n    {where}")
        elif has < may:
            lines.append(
                f'{lesson} has {rule!r} {has} times, and {may} are allowed: lower the number under ["{lesson}"] in'
                f" {ALLOWED.name}, or run  python -m tests.lessons.prose"
            )
    return lines


def lowered(before: dict[str, dict[str, int]], found: dict[str, list[Hit]]) -> dict[str, dict[str, int]]:
    """The list with each number at most as large as before and as what was found; zeros are left out."""
    after: dict[str, dict[str, int]] = {}
    for lesson, counts in before.items():
        has = Counter(hit.rule for hit in found.get(lesson, ()))
        kept = {rule: min(may, has[rule]) for rule, may in counts.items() if min(may, has[rule])}
        after |= {lesson: kept} if kept else {}
    return after


def text_of(numbers: dict[str, dict[str, int]]) -> str:
    """The file of the list."""
    tables = [
        "\n".join([f'["{lesson}"]', *(f'"{rule}" = {counts[rule]}' for rule in RULES if rule in counts)])
        for lesson, counts in numbers.items()
    ]
    return "\n\n".join([HEAD.rstrip(), *tables]) + "\n"


def main() -> None:
    """Lower the numbers, and name what is above them."""
    found = {lesson: hits_of(source) for lesson, source in sources().items()}
    numbers = lowered(allowed(), found)
    ALLOWED.write_text(text_of(numbers), encoding="utf-8")
    left = [line for lesson, its in found.items() for line in differences(lesson, its, numbers.get(lesson, {}))]
    print(*left, f"{sum(sum(counts.values()) for counts in numbers.values())} allowed in all", sep="\n")
    sys.exit(bool(left))


if __name__ == "__main__":
    main()
