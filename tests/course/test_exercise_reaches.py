"""What in an answer is pointed out to the teacher: each way to the package's own function, and no ordinary code."""

import ast

import pytest

from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.grading.reaches import reaches

WAYS = {  # by which answers have found the package's own function, or the grader's secrets: what must be named
    "profile during an import": ("import sys\nsys.setprofile(print)\nimport minigen.gan.wgan", "setprofile"),
    "an audit hook": ("import sys\nsys.addaudithook(lambda e, a: None)", "addaudithook"),
    "the loader's closure": (
        "import sys\nsys.meta_path[0].find_spec.__closure__",
        "__closure__",
    ),
    "a folder's descriptor": ("import minigen\nminigen.files.os.open('wgan.py', 0, dir_fd=3)", "dir_fd="),
    "the counter of a closure": ("f.__closure__[0].cell_contents = 1", "cell_contents"),
    "a thread": ("import threading\nthreading.Thread(target=print).start()", "import threading"),
    "a thread, in C": ("__import__('_thread').start_new_thread(print, ())", "__import__"),
    "ctypes": ("import numpy\nnumpy.ctypeslib.ctypes.CDLL(None)", "ctypes"),
    "readline": ("import readline\nreadline.read_history_file('x')", "import readline"),
    "builtins": ('__builtins__["__import__"]("os")', "__builtins__"),
    "a module of the package": ("import minigen.files\nminigen.files.os.listdir()", ".os"),
    "a module of the package, imported": ("from minigen.files import os", "import os"),
    "frames": ("import sys\nsys._getframe().f_back.f_locals", "_getframe"),
    "frames of an exception": (
        "error.__traceback__.tb_frame.f_back",
        "tb_frame",
    ),
    "all objects": ("import gc\ngc.get_objects()", "import gc"),
    "inspect": ("import inspect\ninspect.stack()", "import inspect"),
    "proc": ("open('/proc/self/environ')", "'/proc' in a string"),
    "names in strings": ("getattr(f, '__globals__')", "'__globals__' in a string"),
    "classes": ("().__class__.__mro__[1].__subclasses__()", "__subclasses__"),
    "text that is run": ("eval('1')", "eval"),
}


@pytest.mark.parametrize("name", WAYS)
def test_each_way_is_named(name):
    source, word = WAYS[name]
    found = reaches(f"import autograd.numpy as np\n{source}\n")
    assert any(word in each for each in found), found
    assert all(" (line " in each for each in found)


@pytest.mark.slow
def test_ordinary_answers_are_not_pointed_out():
    """Stubs, hint three and the other right answers of all exercises."""
    for exercise in catalog.all_exercises():
        file = stubs.stub_file([exercise])
        texts = [file, stubs.completed(file, {exercise.name: exercise.hints[2]})]
        for variant in answers_of(exercise).variants:
            texts.append(ast.unparse(variant.tree))
        for text in texts:
            assert reaches(text) == [], (exercise.id, text)


def test_a_file_that_python_cannot_read():
    assert reaches("def f(:") == [] and reaches("(" * 5000) == []
