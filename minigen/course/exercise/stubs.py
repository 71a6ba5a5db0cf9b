"""The file that a student starts from, and small questions about the file that she makes of it."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping, Sequence

from minigen.course.console import plural
from minigen.course.exercise import functions
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.given import GivenExercise

__all__ = [
    "bare_stub",
    "completed",
    "function_source",
    "imports",
    "is_stub",
    "replace_function",
    "signature",
    "solution",
    "stub",
    "stub_file",
]

MARKER = "# minigen exercise "
RAISE = 'raise NotImplementedError("your turn")'
NUMPY = "import autograd.numpy as np"
WIDTH = 100


def signature(exercise: Exercise) -> str:
    """`name(arguments)` as the package has it, without annotations."""
    if isinstance(exercise, GivenExercise):
        return f"{exercise.name}({exercise.arguments})"
    arguments = functions.definition(functions.source(exercise.reference)).args
    return f"{exercise.name}({ast.unparse(arguments)})"


def stub(exercise: Exercise, width: int = WIDTH) -> str:
    """One function to fill in: signature, prompt as plain text in lines of at most `width`, and a line that raises."""
    from minigen.course.exercise import prompts  # here, since a check needs no prompt

    prompt = "\n\n".join(map(prompts.plain, prompts.paragraphs(exercise)))
    docstring = '"""' + prompt.replace("\\", "\\\\").replace('"""', "'''")
    wrapper = textwrap.TextWrapper(width - 4, break_long_words=False, break_on_hyphens=False)
    body = "\n\n".join(map(wrapper.fill, docstring.split("\n\n"))) + f'\n"""\n{RAISE}'
    return f"def {signature(exercise)}:\n{textwrap.indent(body, '    ')}\n"


def bare_stub(exercise: Exercise) -> str:
    """Return the stub of a reader who has the prompt before her eyes: the signature, and the line that raises."""
    return f"def {signature(exercise)}:\n    {RAISE}\n"


def imports(exercises: Sequence[Exercise]) -> list[str]:
    """Return the lines at the top of a file of stubs: what the answers to these exercises may use,
    autograd's np last.
    """
    return [*sorted({line for exercise in exercises for line in exercise.imports if line != NUMPY}), NUMPY]


def completed(text: str, codes: Mapping[str, str]) -> str:
    """Return a file of stubs with code typed in for the `raise` line of some functions, by name: hint three, or a
    variant.
    """
    for name, code in codes.items():
        before = function_source(text, name)
        if before is None:
            raise ValueError(f"the file has no function {name}")
        text = replace_function(text, name, before.replace(f"    {RAISE}", textwrap.indent(code, "    ")))
    return text


def solution(exercise: Exercise) -> str:
    """Return the function that answers an exercise: the package's own,
    or the last hint where an assignment changes it.
    """
    if not exercise.changed:
        return functions.source(exercise.reference)
    return f"def {signature(exercise)}:\n{textwrap.indent(exercise.hints[2], '    ')}\n"


def stub_file(exercises: Sequence[Exercise]) -> str:
    """Return the file that `minigen exercise start` writes for a lesson."""
    lesson = exercises[0].lesson
    minutes = sum(exercise.minutes for exercise in exercises)
    name = f"exercises/{lesson.replace('/', '_')}.py"
    commands = {
        f"minigen exercise check {lesson}": "try them (--watch: at each saving)",
        f"minigen exercise hint {exercises[0].id}": "one hint, then the next",
        f"minigen run {lesson} --with {name}": "train the lesson with them",
    }
    if any(exercise.changed for exercise in exercises):  # for an assignment: the lesson has another equation
        del commands[f"minigen run {lesson} --with {name}"]
    width = max(map(len, commands))
    head = [
        f"{MARKER}{lesson}: {plural(len(exercises), 'function')}, about {minutes:g} minutes.",
        "#",
        "# Replace each `raise NotImplementedError` with your answer. Then",
        *(f"#     {command.ljust(width)}   {what}" for command, what in commands.items()),
        "# Use np (autograd's NumPy) for arrays, so that gradients flow through what you write.",
        *(f"# Changed for an assignment: {exercise.address}" for exercise in exercises if exercise.changed),
    ]
    return "\n".join([*head, "", *imports(exercises), "", "", "\n\n".join(stub(exercise) for exercise in exercises)])


def _last_definition(source: str, name: str) -> ast.FunctionDef | None:
    """Return the last top-level definition of a function in a file, or None."""
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[-1] if found else None


def is_stub(source: str, name: str) -> bool | None:
    """Whether a function still only raises NotImplementedError; False for a name bound otherwise, None if absent."""
    node = _last_definition(source, name)
    if node is None:
        stores = [n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        imports = [
            alias.asname or alias.name
            for n in ast.parse(source).body
            if isinstance(n, (ast.Import, ast.ImportFrom))
            for alias in n.names
        ]
        return False if name in stores + imports else None
    body = [step for step in node.body if not (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    return ast.unparse(body[0].exc).partition("(")[0] == "NotImplementedError"


def function_source(source: str, name: str) -> str | None:
    """Return the lines of a function of a file, or None if it has none of that name."""
    node = _last_definition(source, name)
    if node is None:
        return None
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(source.split("\n")[first - 1 : node.end_lineno])


def replace_function(source: str, name: str, text: str) -> str:
    """Return the file with one function replaced by `text`, or with `text` added at its end."""
    node = _last_definition(source, name)
    if node is None:
        return source.rstrip("\n") + "\n\n\n" + text
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = source.removesuffix("\n").split("\n")
    return "\n".join([*lines[: first - 1], text.rstrip("\n"), *lines[node.end_lineno :]]) + "\n"
