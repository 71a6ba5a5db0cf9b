"""The English of the project: the passages of its files, and constructions that do not belong into them.

A passage is a paragraph of Markdown, a text in quotation marks (a docstring, a message, a prompt), or a comment. What
a program puts into an f-string is "…" in its passage.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

QUANTITIES = (
    "mean|variance|loss|density|densities|determinant|weight|standard (?:error|deviation)|probability|probabilities"
    "|value|values|rank|activations?|error|shape|slope"
)
# What follows "gradients in" or "by" and is no variable: "by hand", "in the plane", "in Langevin dynamics".
NO_VARIABLE = (
    r"the (?:direction|plane|critic|order|whole|table|initial|first|last)|one |place|PyTorch|autograd|autodiff|Langevin"
    r"|least|finite|small|the root|its own|thread|hand|it\b|N\b|\d|a |each |every |operations|code|two|three|ten"
)


@dataclass(frozen=True)
class Construction:
    """Something that the text does not say, and what it says instead."""

    name: str
    pattern: re.Pattern
    instead: str


CONSTRUCTIONS = [
    Construction(name, re.compile(pattern), instead)
    for name, pattern, instead in [
        ("also if", r"\b[Aa]lso (?:if|where|when|at|in|through) ", "even if, even where; in X too"),
        (
            "gradient in x",
            rf"(?<!for )(?<!, )\b(?:[Gg]radients?|[Dd]erivatives?|[Ss]lopes?) (?:in|by) (?!{NO_VARIABLE})",
            "the gradient with respect to x",
        ),
        (
            "gradient is taken",
            r"[Gg]radients?(?: [a-z, ]{0,70})? (?:is|are) taken|takes the gradient|No gradient is taken",
            "must be differentiable with respect to x; need not be differentiable",
        ),
        (
            "has the variance 3",
            rf"\b(?:has|have|had) the (?:{QUANTITIES}) (?:-?\d|of \d|[$`(\\A-Zp]|[a-z]_)",
            "has variance 3",
        ),
        ("replace by", r"\b[Rr]eplac\w+ [^.:;]{1,50}? by\b", "replace A with B"),
        ("less the", r"\bless (?:that|those|half|a half|the (?!same))", "minus"),
        ("stands", r"\bstands?\b(?! for|-)", "is, appears; unchanged"),
        ("anew", r"\banew\b|\bin the mean\b(?! of| is)|as well as possible", "again; on average; optimally"),
        (
            "for it",
            r", for (?:it|they|there) ",
            "because it",
        ),
        (
            "which share",
            r"\b[Ww]hich (?:share|variance|weight|value|noise|dimension|rate|factor|size|number|velocity|sample)\b"
            r"[^.?]{0,80}\?",
            "what fraction",
        ),
    ]
]


@dataclass(frozen=True)
class Passage:
    """A piece of text; line: that of the file on which it begins."""

    line: int
    text: str


@dataclass(frozen=True)
class Hit:
    """What a rule found: its name, the line of the file, the words, and what to do."""

    rule: str
    line: int
    words: str
    instead: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.words}   [{self.rule}: {self.instead}]"


def passages_of_markdown(text: str, line: int = 1) -> Iterator[Passage]:
    """The paragraphs of a text, which begins on a line of its file."""
    for paragraph in re.finditer(r"(?:.*\S.*(?:\n|$))+", text):
        yield Passage(line + text.count("\n", 0, paragraph.start()), paragraph[0])


def passages_of_python(source: str) -> Iterator[Passage]:
    """The texts in quotation marks and the comments of a program, comments that follow each other as one passage.

    A single word is a key, not a text.
    """
    for node in _texts(ast.parse(source)):
        text = written(node)
        if len(text.split()) > 1:
            yield from passages_of_markdown(text, node.lineno)
    first, last, lines = 0, -1, []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1:
                yield from _comment(first, lines)
                first, lines = token.start[0], []
            last = token.start[0]
            lines.append(token.string.lstrip("# "))
    yield from _comment(first, lines)


def _comment(line: int, lines: list[str]) -> Iterator[Passage]:
    if lines:
        yield Passage(line, "\n".join(lines))


def _texts(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """The texts of a program, an f-string as one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    elif isinstance(node, ast.JoinedStr):
        yield node
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from _texts(part.value)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


def written(node: ast.AST | None, computed: Callable[[ast.AST], str] = lambda node: "…") -> str:
    """The text of an expression as the file has it; of two that a run chooses from, the first.

    computed: what stands in it for what the run computes.
    """
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(written(part, computed) for part in parts)
        case ast.FormattedValue(value=value) | ast.IfExp(body=value):
            return written(value, computed)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return written(left, computed) + written(right, computed)
    return "…" if node is None else computed(node)


def hits(passages: Iterable[Passage]) -> list[Hit]:
    """Where passages have one of the constructions."""
    found = []
    for passage in passages:
        text = " ".join(passage.text.split())
        found += [
            Hit(each.name, passage.line, text[max(0, match.start() - 40) : match.end() + 40], each.instead)
            for each in CONSTRUCTIONS
            for match in each.pattern.finditer(text)
        ]
    return found
