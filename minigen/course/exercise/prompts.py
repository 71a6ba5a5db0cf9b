"""The prompt of an exercise: its paragraphs in Markdown, and as plain text for files, terminals and reports."""

from __future__ import annotations

import re

from minigen.course.exercise.format import Exercise

__all__ = ["paragraphs", "plain"]

LETTERS = "alpha beta gamma delta epsilon zeta eta theta lambda mu pi rho sigma tau phi chi psi omega Sigma Omega"
FUNCTIONS = "det exp log max min sin cos tan tanh"
SIGNS = {"le": "<=", "ge": ">=", "to": "->", "sim": "~", "mid": "|", "|": "||", "cdot": "*", "dots": "..."}
OTHERS = {"varepsilon": "eps", "bmod": "mod", "top": "T", "_": "_", ",": " "}
COMMANDS = {name: name for name in f"{LETTERS} {FUNCTIONS}".split()} | SIGNS | OTHERS
ACCENTS = {"bar": "_bar", "hat": "_hat", "tilde": "~"}
GROUPS = re.compile(
    r"\\(?P<accent>bar|hat|tilde) ?(?P<letter>\\[a-z]+|[A-Za-z]|\{[^{}]*\})|(?P<script>[_^])\{(?P<index>[^{}]*)\}"
    r"|\\mathrm\{(?P<word>[^{}]*)\}|\\sqrt\{(?P<root>[^{}]*)\}|\\frac\{(?P<above>[^{}]*)\}\{(?P<below>[^{}]*)\}"
)


def paragraphs(exercise: Exercise) -> list[str]:
    """Return the paragraphs of the prompt of an exercise, in Markdown with `$` for mathematics, each in one line."""
    return [" ".join(text.split()) for text in re.split(r"\n\s*\n", exercise.prompt.strip())]


def plain(markdown: str) -> str:
    r"""Return Markdown as plain text: formulas in ASCII, and code without its backticks.

    The LaTeX it knows is Greek letters, functions such as `\log`, the signs of SIGNS and OTHERS, accents
    (`\bar\alpha_t` becomes alpha_bar_t), indices and powers, `\mathrm`, `\sqrt` and `\frac`. Raises ValueError on any
    other command.
    """
    parts = re.split(r"(\$[^$]*\$|`[^`]*`)", markdown)
    if re.search(r"[\\$`]", "".join(parts[::2])):
        raise ValueError(f"a dollar, a backtick or a backslash is out of place in {markdown!r}")
    return "".join(_ascii(part[1:-1]) if part.startswith("$") else part.strip("`") for part in parts)


def _ascii(formula: str) -> str:
    text, count = formula, 1
    while count:  # from the innermost braces outwards
        text, count = GROUPS.subn(_group, text)
    text = re.sub(r"(?<=[A-Za-z])(?=\\[A-Za-z])", " ", text)  # \alpha\beta is alpha beta
    text = re.sub(r"\\([A-Za-z]+|.)", lambda found: _command(found[1], formula), text)
    if "{" in text or "}" in text:
        raise ValueError(f"the braces of ${formula}$ are not those of a command, an index or a power")
    return " ".join(text.replace("^*", "*").split())


def _group(found: re.Match[str]) -> str:
    if found["accent"]:
        return found["letter"].strip("{}") + ACCENTS[found["accent"]]
    if found["script"]:
        is_one = re.fullmatch(r"[-\\]?\w+", found["index"])
        return found["script"] + (found["index"] if is_one else f"({found['index']})")
    if found["root"]:
        return f"sqrt({found['root']})"
    if found["above"]:
        return f"{_bracketed(found['above'])} / {_bracketed(found['below'])}"
    return found["word"]


def _bracketed(part: str) -> str:
    return f"({part})" if " " in part else part


def _command(name: str, formula: str) -> str:
    if name not in COMMANDS:
        raise ValueError(rf"plain text has no \{name}, which is in ${formula}$")
    return COMMANDS[name]
