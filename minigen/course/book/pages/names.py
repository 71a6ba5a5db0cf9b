"""The page of names: every public function and class of the models and of what they build on, from the docstrings."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minigen.course.book.markup import html_block
from minigen.course.index.package import PACKAGE

__all__ = ["PARTS", "Name", "names_by_module", "names_page"]

PARTS = ("gan", "vae", "flow", "diffusion", "nn", "optim", "train", "data", "metrics")


@dataclass(frozen=True)
class Name:
    """A public function or class: its name, its arguments as they are written, the first sentence of its docstring."""

    name: str
    arguments: str
    about: str


def names_by_module(package: Path = PACKAGE) -> dict[str, list[Name]]:
    """{module: its public names, in the order of the file}; a module or a name with a leading underscore is private."""
    found = {}
    for part in PARTS:
        for path in sorted((package / part).rglob("*.py")):
            if not path.stem.startswith("_"):
                names = _public(ast.parse(path.read_text(encoding="utf-8")))
                if names:
                    found[".".join(path.relative_to(package.parent).with_suffix("").parts)] = names
    return found


def names_page(source_anchor: Callable[[str], str | None]) -> str:
    """The page. source_anchor: the address, from the book's first folder, of "minigen.gan.wgan:critic_loss"."""
    blocks = [
        "# Names",
        "Every public function and class, with the first sentence of its docstring. Shapes, units, errors and sources "
        "are in the whole docstring: a name leads to its source, where it has a page. Models, layers, losses and "
        "samplers are imported from their package, `from minigen.gan import critic_loss`; the headings name the files.",
    ]
    part = ""
    for module, names in names_by_module().items():
        if module.split(".")[1] != part:
            part = module.split(".")[1]
            blocks.append(f"## {part}")
        rows = [(each, source_anchor(f"{module}:{each.name}")) for each in names]
        blocks += [f"### {module}", html_block("references/names.html", rows=rows)]
    return "\n\n".join(blocks) + "\n"


def _public(tree: ast.Module) -> list[Name]:
    """The functions and classes that a module defines for others: those of its __all__, if it has one."""
    nodes = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assigned = [node for node in tree.body if isinstance(node, ast.Assign) and _is_all(node)]
    listed = ast.literal_eval(assigned[0].value) if assigned else None
    return [_name(node) for node in nodes if (node.name in listed if listed else not node.name.startswith("_"))]


def _is_all(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)


def _name(node: ast.FunctionDef | ast.ClassDef) -> Name:
    text = (ast.get_docstring(node) or "").split("\n\n")[0]
    return Name(node.name, _arguments(node), " ".join(text.split()))


def _arguments(node: ast.FunctionDef | ast.ClassDef) -> str:
    """ "real_scores, fake_scores", without annotations; of a class, those of its __init__ without self."""
    if isinstance(node, ast.ClassDef):
        inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        if not inits:
            return ""
        node = inits[0]
    given = [*node.args.posonlyargs, *node.args.args]
    defaults = [""] * (len(given) - len(node.args.defaults)) + [f"={ast.unparse(d)}" for d in node.args.defaults]
    words = [f"{argument.arg}{default}" for argument, default in zip(given, defaults, strict=True)]
    if node.args.vararg:
        words.append(f"*{node.args.vararg.arg}")
    elif node.args.kwonlyargs:
        words.append("*")
    for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        words.append(f"{argument.arg}={ast.unparse(value)}" if value else argument.arg)
    if node.args.kwarg:
        words.append(f"**{node.args.kwarg.arg}")
    return ", ".join(word for word in words if word != "self")
