"""The pages of the models' source: each definition, and beside it the equations that it names."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from minigen.course.book.contents import Contents, root_of
from minigen.course.book.markup import code_block, html_around, html_block
from minigen.course.book.pages.outputs import details
from minigen.course.index.equations import EQUATION
from minigen.course.index.package import PACKAGE

__all__ = ["SourcePages"]

FAMILIES = ("gan", "vae", "flow", "diffusion")


@dataclass(frozen=True)
class Part:
    """Some lines of a file: a definition with what is above it, or what is between definitions.

    name: of the definition, "" for other lines; equations: the ids that its docstrings and comments name.
    """

    name: str
    first_line: int
    code: str
    equations: tuple[str, ...]


def parts_of(source: str) -> list[Part]:
    """A file without its docstring, cut at its top-level definitions."""
    tree, lines = ast.parse(source), source.splitlines()
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    parts: list[Part] = []
    last = tree.body[0].end_lineno or 1 if body is not tree.body else 0

    def add(name: str, start: int, end: int) -> None:
        """Lines start + 1 to end, without the empty ones around them."""
        while start < end and not lines[start].strip():
            start += 1
        code = "\n".join(lines[start:end]).rstrip()
        if code:
            parts.append(Part(name, start + 1, code, tuple(dict.fromkeys(EQUATION.findall(code)))))

    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            add("", last, first - 1)
            last = node.end_lineno or node.lineno
            add(node.name, first - 1, last)
    add("", last, len(lines))
    return parts


class SourcePages:
    """The files that have a page, those of the four families and others that name an equation, and their addresses."""

    def __init__(self, contents: Contents):
        self.contents = contents
        cited = {function.partition(":")[0] for use in contents.uses.values() for function in use.functions}
        files = [path for family in FAMILIES for path in sorted((PACKAGE / family).rglob("*.py"))]
        others = [module for module in sorted(cited) if not module.startswith("minigen.course.")]
        files += [PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py") for module in others]
        self.files = [path for path in dict.fromkeys(files) if path.is_file() and path.stem != "__init__"]
        self._documents = {_inside(path): f"source/{_inside(path)[8:-3]}" for path in self.files}

    def page(self, file: str) -> str | None:
        """The address of the page of a file, "minigen/gan/wgan.py", from the book's first folder."""
        return f"{self._documents[file]}.html" if file in self._documents else None

    def anchor(self, function: str) -> str | None:
        """The address of a definition, "minigen.gan.wgan:Critic.__call__" (the class's, of a method)."""
        module, _, name = function.partition(":")
        page = self.page(module.replace(".", "/") + ".py")
        return f"{page}#{_place(name.partition('.')[0])}" if page else None

    def render(self) -> dict[str, str]:
        """Document -> MyST page, the list of all files included."""
        pages = {self._documents[_inside(path)]: self._page(path) for path in self.files}
        pages["source/index"] = self._index()
        return pages

    def _index(self) -> str:
        files = [
            {"name": file, "address": f"{document.removeprefix('source/')}.html", "about": _first_sentence(file)}
            for file, document in self._documents.items()  # the list is in the folder `source`
        ]
        tree = "\n".join(f"/{document}" for document in self._documents.values())
        return (
            "# The models' source\n\nA model is a page of code that reads like its mathematics. Here each file is "
            "with the equations that it names beside it.\n\n"
            + html_block("sources/files.html", files=files)
            + f"\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
        )

    def _page(self, path: Path) -> str:
        file = _inside(path)
        source = path.read_text(encoding="utf-8")
        title = file.removeprefix("minigen/").removesuffix(".py")
        introduction = html_block(
            "sources/introduction.html",
            file=file,
            paragraphs=(ast.get_docstring(ast.parse(source)) or "").split("\n\n"),
            root=root_of(self._documents[file]),
            equations=self.contents.equations,
        )
        blocks = [f"# {title}", introduction, *(self._part(part, file) for part in parts_of(source))]
        return "\n\n".join(blocks) + "\n"

    def _part(self, part: Part, file: str) -> str:
        block = code_block(part.code, lineno_start=part.first_line, class_="mg-code-block")
        target = f"{file.removesuffix('.py').replace('/', '.')}:{part.name}"
        answered = [e.id for e in self.contents.exercises if part.name and f"{e.target}.".startswith(f"{target}.")]
        if answered:
            summary = f"`{part.name}` is an exercise: try it first, or open it"
            block = details(summary, block, "mg-source", exercise=" ".join(answered))
        elif not part.name and part.code.startswith(("from ", "import ", "__all__")):
            block = details("imports", block, "mg-code mg-plumbing")
        return html_around(
            "sources/part.html",
            block,
            id=_place(part.name) if part.name else "",
            equations=[self.contents.equations[id] for id in part.equations if id in self.contents.equations],
            root=root_of(self._documents[file]),
        )


def _inside(path: Path) -> str:
    """ "minigen/gan/wgan.py"."""
    return path.relative_to(PACKAGE.parent).as_posix()


def _place(name: str) -> str:
    return f"code-{name}"


def _first_sentence(file: str) -> str:
    text = ast.get_docstring(ast.parse((PACKAGE.parent / file).read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())
