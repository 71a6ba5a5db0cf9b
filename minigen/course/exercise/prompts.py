"""The prompt of an exercise in Markdown: what its file says in plain text, with mathematics and code set as such.

A prompt is written for a file of Python: "x_t = sqrt(alpha_bar_t) x_0 + noise, of shape (N, D)". On a page formulas and
shapes become mathematics, names of Python code. A formula is read by a small grammar of atoms, calls, brackets and
operators; what the grammar does not know stays as it is, so that no word of prose becomes a product of letters.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from minigen.course.exercise.format import Exercise
from minigen.course.exercise.stubs import signature
from minigen.course.index.posts import FAMILIES

__all__ = ["markdown", "paragraphs"]

GREEK = frozenset(
    "alpha beta gamma delta epsilon eps eta theta lambda mu rho pi phi psi sigma tau omega Omega chi xi zeta".split()
)
FUNCTIONS = {"log", "exp", "sin", "cos", "tan", "tanh", "max", "min", "det"}
NAMED = {"sigmoid", "softplus", "softmax", "KL", "JS", "SNR", "diag", "logit", "sign", "tr"}
ACCENTS = {"bar": r"\bar", "hat": r"\hat"}
ARTICLES = {"a", "A", "I"}  # single letters that are words of English
RELATIONS = {"<=": r"\le", ">=": r"\ge", "->": r"\to", "~": r"\sim", "||": r"\,\|\,", "=": "=", "<": "<", ">": ">"}
SIGNS = {"+": "+", "-": "-", "*": r"\cdot", "/": "/", ".": r"\cdot"}
ESCAPED = re.compile(r"[\\*_<\[\]]")

# What is code: in backticks or quotation marks already, a lesson, an argument with its value, a dotted name.
CODE = re.compile(
    rf"`[^`]+`|\"\w+\"|\b(?:{'|'.join(FAMILIES)})/\d\d\b(?:/\w+)?"
    r"|\b[A-Za-z]\w*=(?:True|False|None|[\d.]+)(?!\w)|\b(?:True|False|None|NaN|float(?:16|32|64)|u?int(?:8|32|64))\b"
    r"|\b[A-Za-z]\w*(?:\.[A-Za-z_]\w*)+"
)
EMPHASIS = re.compile(r"\*[A-Za-z]+(?: [A-Za-z]+)*\*(?!\w)")
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9]|_(?=\w))*")
SHAPE = re.compile(r"\((?:\w+|\.\.\.)(?:, (?:\d+ )?(?:\w+|\.\.\.))+,?\)")
NUMBER = re.compile(r"\d+(?:,\d{3})+|\d+(?:\.\d+)?(?:e-?\d+)?")


@dataclass(frozen=True)
class Piece:
    """A formula, or a part of one: its LaTeX, where it ends in the text, and whether it is more than a lone atom."""

    latex: str
    end: int
    strong: bool = False


def paragraphs(exercise: Exercise) -> list[str]:
    """Return the paragraphs of the prompt of an exercise, in Markdown with `$` for mathematics."""
    arguments = _arguments(exercise)
    texts = [" ".join(text.split()) for text in re.split(r"\n\s*\n", exercise.prompt.strip())]
    return [markdown(text, arguments) for text in texts]


def markdown(text: str, arguments: Collection[str] = ()) -> str:
    """Return a paragraph of plain text as Markdown. arguments: the names that it says of a function's arguments."""
    return "".join(_parts(text, arguments))


def _arguments(exercise: Exercise) -> list[str]:
    """The names of the arguments of the function that the student writes."""
    (function,) = ast.parse(f"def {signature(exercise)}: ...").body
    return [node.arg for node in ast.walk(function) if isinstance(node, ast.arg)]


def _parts(text: str, arguments: Collection[str]) -> Iterator[str]:
    """The text, in which each part of code or mathematics is replaced."""
    formulas = _Formulas(text, arguments)
    at = 0
    while at < len(text):
        begins = at == 0 or not (text[at - 1].isalnum() or text[at - 1] in "_`'.")
        code, emphasis = _end_of_code(text, at, arguments) if begins else at, EMPHASIS.match(text, at)
        formula = formulas.at(at) if begins and not emphasis else None
        if formula and formula.strong and formula.end >= code:
            yield f"${formula.latex}$"
            at = formula.end
        elif code > at:
            yield text[at:code] if text[at] == "`" else f"`{text[at:code]}`"
            at = code
        elif emphasis and begins:
            yield emphasis[0]
            at = emphasis.end()
        elif formula:
            lone = text[at : formula.end]
            yield lone if NUMBER.fullmatch(lone) and "e" not in lone else f"${formula.latex}$"
            at = formula.end
        else:
            word = NAME.match(text, at) if begins else None
            end = word.end() if word else at + 1
            yield ESCAPED.sub(r"\\\g<0>", text[at:end])
            at = end


def _end_of_code(text: str, at: int, arguments: Collection[str]) -> int:
    """Where the code ends that begins here; the same place if none does.

    Code is what CODE has, a call or a name with an index, and a lone name: of an argument, or one with an underscore.
    """
    found = CODE.match(text, at)
    name = NAME.match(text, at)
    end = found.end() if found else name.end() if name else at
    if found and found[0][0] in "`\"" or end == at:
        return end
    after = end
    while text[after : after + 1] in ("(", "["):
        after = _closed(text, after)
    if after > end or found:
        return after
    return end if name and (_is_code(name[0], arguments) or "_" in name[0]) else at


def _closed(text: str, at: int) -> int:
    """Where the bracket closes that opens here; the end of the text if it does not."""
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] in "([") - (text[end] in ")]")
        if depth == 0:
            return end + 1
    return len(text)


def _is_code(name: str, arguments: Collection[str]) -> bool:
    """Whether a name alone is code: an argument that is no word of English."""
    is_word = name.isalpha() and name.islower() and len(name) > 1 and name not in ABBREVIATIONS | GREEK
    return name in arguments and not is_word and name not in ARTICLES


# Arguments without underscore or digit that are no words of English.
ABBREVIATIONS = frozenset("fn std dim dims dx recon kl logvar rng snr probs net".split())


class _Formulas:
    """The formulas of a text, by where they begin."""

    def __init__(self, text: str, arguments: Collection[str]):
        self.text, self.arguments = text, arguments

    def at(self, start: int) -> Piece | None:
        """The longest formula that begins here; None if there is none, or only a word."""
        text, name = self.text, NAME.match(self.text, start)
        after = text[name.end() :] if name else ""
        if name and name[0] in ARTICLES and not re.match(r" ?(?:[=<>+*/^~]|- )|\(", after):
            return None
        if name and name[0].isupper() and re.match(r"-[A-Za-z]", after):  # U-Net
            return None
        is_word = bool(name) and len(name[0]) > 1 and not self._is_symbol(name[0])
        if name and is_word and name[0] not in GREEK:
            is_function = name[0] in FUNCTIONS | NAMED | {"sqrt"}
            follows = r"\(| [=<>|/*+\w]|/" if is_function else r"[~/^]| [=<>/*+]"
            if not (is_function or name[0] in self.arguments) or not re.match(follows, after):
                return None
        piece = self._relation(start, inside="")
        if piece is None or re.match(r"\w", text[piece.end :]):
            return None
        if name and piece.end == name.end() and is_word:  # a word alone
            if re.match(r"-[A-Z]", after):  # beta-VAE
                return Piece(piece.latex, piece.end, strong=True)
            return piece if name[0] in GREEK and name[0] not in self.arguments else None
        if text[start] == "(" and NUMBER.fullmatch(text, start + 1, piece.end - 1):  # "kept (1) or changed (0)"
            return None
        return piece

    # -- the grammar ---------------------------------------------------------------------------------------------------

    def _relation(self, at: int, inside: str) -> Piece | None:
        """Sums that relations connect; inside: the bracket that closes what it stands for, or ""."""
        piece = self._sum(at, inside)
        while piece:
            relations = [*RELATIONS, "|"] if inside and inside != "|" else list(RELATIONS)
            sign = self._sign(piece.end, relations)
            right = self._sum(sign[1], inside) if sign else None
            if sign is None or right is None:
                return piece
            between = RELATIONS.get(sign[0], r"\mid")
            piece = Piece(f"{piece.latex} {between} {right.latex}", right.end, strong=True)
        return None

    def _sum(self, at: int, inside: str) -> Piece | None:
        """Terms that signs connect, or that stand next to each other, as a product."""
        piece = self._term(at, inside)
        while piece:
            sign = self._sign(piece.end, list(SIGNS))
            right = self._term(sign[1], inside) if sign else None
            if sign and right:
                space = "" if sign[0] == "/" else " "
                latex = f"{piece.latex}{space}{SIGNS[sign[0]]}{space}{right.latex}"
                piece = Piece(latex, right.end, strong=True)
                continue
            if self.text[piece.end : piece.end + 1] != " " or not self._may_follow(piece.end + 1, inside):
                return piece
            right = self._term(piece.end + 1, inside)
            if right is None:
                return piece
            piece = Piece(rf"{piece.latex}\, {right.latex}", right.end, strong=True)
        return None

    def _may_follow(self, at: int, inside: str) -> bool:
        """Whether what begins here may be the next factor of a product: a symbol, a function, a bracket, dots."""
        if self.text.startswith("...", at):
            return True
        if self.text.startswith("(", at):  # a shape is no factor: "x (N, D)"
            piece = self._bracket(at)
            return piece is not None and "," not in self.text[at : piece.end]
        if self.text.startswith("|", at):
            return inside != "|" and re.match(r"\|[^|()\[\]]+\|", self.text[at:]) is not None
        name = NAME.match(self.text, at)
        if name is None or (name[0] in ARTICLES and not inside):
            return NUMBER.match(self.text, at) is not None and self.text[at - 4 : at] == "... "
        if len(name[0]) == 1 or name[0] in GREEK | FUNCTIONS | NAMED or self._is_symbol(name[0]):
            return self.text[name.end() : name.end() + 1] != "-"
        return name[0] in self.arguments and (bool(inside) or _is_code(name[0], self.arguments))

    def _term(self, at: int, inside: str) -> Piece | None:
        """An atom with its sign and power."""
        text = self.text
        if text.startswith(("-", "+"), at) and re.match(r"[\w(|]", text[at + 1 : at + 2]):
            piece = self._term(at + 1, inside)
            return Piece(f"{text[at]}{piece.latex}", piece.end, strong=True) if piece else None
        piece = self._atom(at, inside)
        if piece is None:
            return None
        if text.startswith("^", piece.end):
            power = self._term(piece.end + 1, "")
            if power is None:
                return None
            latex = power.latex.removeprefix("(").removesuffix(")") if text[piece.end + 1] == "(" else power.latex
            return Piece(f"{piece.latex}^{{{latex}}}", power.end, strong=True)
        if text.startswith("ᵀ", piece.end):
            right = self._atom(piece.end + 1, inside)
            return Piece(rf"{piece.latex}^\top {right.latex}", right.end, strong=True) if right else None
        if text.startswith(("²", "³"), piece.end):
            return Piece(f"{piece.latex}^{'2' if text[piece.end] == '²' else '3'}", piece.end + 1, strong=True)
        return piece

    def _atom(self, at: int, inside: str) -> Piece | None:
        text = self.text
        if text.startswith("...", at):
            return Piece(r"\dots", at + 3, strong=True)
        if text.startswith(("(", "["), at):
            return self._bracket(at)
        if text.startswith("|", at) and not text.startswith("||", at):
            within = self._relation(at + 1, "|")
            closed = within and text.startswith("|", within.end)
            return Piece(rf"\lvert {within.latex} \rvert", within.end + 1, strong=True) if within and closed else None
        number = NUMBER.match(text, at)
        if number:
            factor, power, exponent = number[0].replace(",", "{,}").partition("e")
            tens = f"10^{{{exponent}}}"
            latex = tens if factor == "1" else rf"{factor} \cdot {tens}"
            return Piece(latex if power else factor, number.end())
        name = NAME.match(text, at)
        found = self._named(name[0], name.end()) if name else None
        if name and not found and inside.endswith("w") and not text.startswith(("(", "["), name.end()):
            return Piece(_word(name[0]), name.end())
        return found

    def _named(self, name: str, end: int) -> Piece | None:
        """A symbol, a function with its argument, or an argument's name."""
        text = self.text
        if name == "sqrt":
            within = self._bracket(end, words=True) if text.startswith("(", end) else None
            return Piece(rf"\sqrt{{{within.latex[1:-1]}}}", within.end, strong=True) if within else None
        if name in FUNCTIONS | NAMED:
            latex = rf"\{name}" if name in FUNCTIONS else rf"\mathrm{{{name}}}"
            if text.startswith("(", end):
                within = self._bracket(end, words=True)
                return Piece(f"{latex}{within.latex}", within.end, strong=True) if within else None
            may = text[end : end + 1] == " " and (NUMBER.match(text, end + 1) or self._may_follow(end + 1, ""))
            following = self._term(end + 1, "") if may else None
            if following:
                return Piece(f"{latex} {following.latex}", following.end, strong=True)
            return Piece(latex, end) if name in {"det", "logit", "SNR"} else None
        latex = self._symbol(name)
        if latex is None:
            if name not in self.arguments or text.startswith(("(", "["), end):
                return None
            latex = _word(name)
        elif text.startswith("(", end) and (name in self.arguments or re.search("_[a-z]{2,}", name)) and len(name) > 1:
            return None  # a function of Python
        strong = "_" in name and name not in self.arguments
        if text.startswith("_(", end):
            within = self._bracket(end + 1)
            if within is None:
                return None
            latex, end, strong = f"{latex}_{{{within.latex[1:-1].replace(' ', '')}}}", within.end, True
        accented = re.compile(r"([~*'])(?:_(\w+))?(?![\w*])").match(text, end)
        if accented:
            latex = {"~": rf"\tilde{{{latex}}}", "*": f"{latex}^*", "'": f"{latex}'"}[accented[1]]
            latex, end, strong = latex + (f"_{{{accented[2]}}}" if accented[2] else ""), accented.end(), True
        if text.startswith("(", end) and (len(name) == 1 or "_" in name or name in GREEK):
            within = self._bracket(end, words=True)
            if within:
                return Piece(f"{latex}{within.latex}", within.end, strong=True)
        if text.startswith("[", end) and name == "E":
            within = self._bracket(end)
            if within:
                return Piece(rf"\mathrm{{E}}{within.latex}", within.end, strong=True)
        return Piece(latex, end, strong)

    def _bracket(self, at: int, words: bool = False) -> Piece | None:
        """What is between brackets: one or several expressions. words: a word may be one of them, p(class | sample)."""
        text, latex, end = self.text, self.text[at], at + 1
        if text[at : at + 2] == "()":
            return Piece("()", at + 2, strong=True)
        shape = SHAPE.match(text, at)
        words = words or (shape is not None and re.search(r"\b[A-Zv]\b", shape[0]) is not None)
        inside = text[at] + ("w" if words else "")
        while True:
            piece = self._relation(end, inside)
            if piece is None:
                return None
            latex += piece.latex
            if text.startswith((")", "]"), piece.end):
                return Piece(latex + text[piece.end], piece.end + 1, strong=True)
            if text.startswith(",)", piece.end):
                return Piece(f"{latex},)", piece.end + 2, strong=True)
            if not text.startswith((", ", "; "), piece.end):
                return None
            latex += text[piece.end : piece.end + 2]
            end = piece.end + 2

    def _sign(self, at: int, signs: Collection[str]) -> tuple[str, int] | None:
        """The sign that comes next, with spaces on both sides or on none, and where its right side begins."""
        for sign in sorted(signs, key=len, reverse=True):
            if self.text.startswith(f" {sign} ", at):
                return sign, at + len(sign) + 2
        for sign in ("/", "|", "-", "+"):  # without spaces: 1/n, p(x|z), x_(t-1)
            tight = sign in signs and self.text.startswith(sign, at) and not self.text.startswith(sign * 2, at)
            if tight and (sign in "/|" or re.match(r"\d+\)", self.text[at + 1 :])):
                return sign, at + 1
        return None

    # -- names ---------------------------------------------------------------------------------------------------------

    def _is_symbol(self, name: str) -> bool:
        """Whether a name is a letter with an index or an accent: x_t, beta_1, c_skip, x0, dx."""
        return self._symbol(name) is not None

    def _symbol(self, name: str) -> str | None:
        """The LaTeX of a letter with its indices; None of another name."""
        head, *indices = name.split("_")
        joined = re.fullmatch(r"([A-Za-z]+?)(\d+)", head)
        if joined:
            head, indices = joined[1], [joined[2], *indices]
        if re.fullmatch(r"d(?:[a-z]|[a-z]+)", head) and (head[1:] in GREEK or head[1:] in set("xyzvuthw")):
            latex = rf"\mathrm{{d}}{_letter(head[1:])}"
        elif len(head) == 1 or head in GREEK:
            latex = _letter(head)
        elif indices[:1] == ["hat"]:
            return rf"\widehat{{\mathrm{{{head}}}}}"
        else:
            return None
        if indices and indices[0] in ACCENTS:
            latex, indices = f"{ACCENTS[indices[0]]}{{{latex}}}", indices[1:]
        if len(indices) > 1 and not indices[0].isdigit() or (indices and len(indices[-1]) > 6):
            return None
        if not indices:
            return latex
        index = ",".join(indices)
        if len(index) == 1 or re.fullmatch(r"[\d,]+[a-z]?|[a-z]\d|[ij]{2}", index):
            return f"{latex}_{index}" if len(index) == 1 else f"{latex}_{{{index}}}"
        return rf"{latex}_{{\mathrm{{{index}}}}}"


def _word(name: str) -> str:
    return r"\mathrm{" + name.replace("_", r"\_") + "}"


def _letter(name: str) -> str:
    if name == "eps":
        return r"\varepsilon"
    return rf"\{name}" if name in GREEK else name
