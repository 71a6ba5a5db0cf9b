"""The answers that authors list, written out as a reader could have typed them: files that stand alone.

A listed mistake is an edit of the reference and may use what the reference's module, `answers.py` and `exercise.py`
know by name. Here every such name is imported, or its source is put before the answer. Functions of the package that a
check hides are written out as well, and so are those of their module, which may call them.
"""

import ast
import builtins
import inspect
import sys
import types

from minigen.checks import unchecked
from minigen.course.exercise import functions
from minigen.course.exercise.format import resolve_target

LOCAL = ("minigen_answers_", "minigen_exercise_")  # modules of files beside a lesson, which cannot be imported by name


def answer_text(exercise, tree, names):
    """The text of a file that defines the function of a tree, with what it uses of `names` above it."""
    parts = _Parts(exercise)
    code = ast.unparse(tree)
    parts.need(ast.parse(code), names)
    return "\n\n".join(["\n".join(dict.fromkeys(parts.imports)), *parts.sources, code]).strip() + "\n"


def reference_text(exercise):
    """The package's own function as a text."""
    tree = functions.definition(functions.source(exercise.reference))
    tree.name = exercise.name
    return answer_text(exercise, tree, unchecked(exercise.reference).__globals__)


def mistake_text(exercise, mistake):
    """A listed mistake as a text."""
    mistake.tree.name = exercise.name
    return answer_text(exercise, mistake.tree, mistake.function.__globals__)


class _Parts:
    def __init__(self, exercise):
        targets = [resolve_target(target) for target in (exercise.target, *exercise.blocked)]
        self.hidden = [function for _, _, function in targets]
        self.modules = {function.__module__ for function in self.hidden}
        self.asked, self.imports, self.sources, self.known = exercise.name, [], [], {}

    def need(self, tree, names):
        """Import or write out every name that a tree reads, as it is known where the tree comes from."""
        for name in sorted(_free(tree)):
            if name in names and (name != self.asked or names[name] not in self.hidden[:1]):
                value = names[name]
                if getattr(builtins, name, None) is not value and self.known.get(name) is not value:
                    self.known[name] = value
                    self.one(name, value)

    def one(self, name, value):
        module = getattr(value, "__module__", None)
        if isinstance(value, types.ModuleType):
            self.imports.append(f"import {value.__name__} as {name}")
        elif isinstance(value, types.FunctionType) and (module in self.modules or module.startswith(LOCAL)):
            self.write_out(name, value)
        elif isinstance(value, type) and module.startswith(LOCAL):
            self.write_out(name, value)
        elif isinstance(value, types.FunctionType) and (halves := _halves(value)) and self.is_own(halves["forward"]):
            for half in halves.values():
                self.one(half.__name__, half)
            self.imports.append("from minigen.tensor.core import primitive")
            self.sources.append(f"{name} = primitive({halves['forward'].__name__}, {halves['backward'].__name__})")
        elif isinstance(value, tuple) and any(isinstance(each, type) for each in value):  # of exceptions
            self.sources.append(f"{name} = ({', '.join(each.__name__ for each in value)},)")
        elif isinstance(value, (bool, int, float, str, tuple, dict, type(None))) and not callable(value):
            self.sources.append(f"{name} = {value!r}")
        else:
            self.imports.append(_import_of(name, value))

    def is_own(self, function):
        """Whether a function stands in a module whose functions are hidden."""
        return function.__module__ in self.modules

    def write_out(self, name, value):
        text = inspect.getsource(inspect.unwrap(value))
        tree = ast.parse(text).body[0]
        space = inspect.getmodule(value).__dict__ if isinstance(value, type) else inspect.unwrap(value).__globals__
        for decorator in getattr(tree, "decorator_list", []):  # read outside of the function, whatever that binds
            self.need(decorator, space)
        self.need(tree, space)
        tree.name = name
        self.sources.append(ast.unparse(tree))


def _halves(function):
    """The two functions that a primitive of the package is made of; none of another function."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    return {name: cells[name].cell_contents for name in ("forward", "backward")} if "forward" in cells else {}


def _free(tree):
    """The names that a tree reads and does not bind itself."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in nodes if not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return {node.id for node in nodes} - bound


def _import_of(name, value):
    """A line that imports a value from where it is known by a name."""
    own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    known = [(module, name) for module in sorted(sys.modules) if module.partition(".")[0] in ("minigen", "autograd")]
    for module, there in [own, *known]:
        if there is not None and getattr(sys.modules.get(module), there, None) is value:
            return f"from {module} import {there} as {name}"
    raise AssertionError(f"cannot import {name} = {value!r}")
