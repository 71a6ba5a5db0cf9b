"""What a recipe depends on: the code of a name's home, however the name is imported, and no list of names."""

from pathlib import Path

import pytest

from minigen.course.lesson import recipe

LESSON = """# %% [markdown]
# # A title
# RealNVP and Glow are words here.

# %%
{imports}

flow = {call}(rng)
"""
WAYS = {  # to say RealNVP in a lesson: imports, and the name
    "its home": ("from minigen.flow.realnvp import RealNVP", "RealNVP"),
    "the home as a module": ("from minigen.flow import realnvp", "realnvp.RealNVP"),
    "the package's name": ("from minigen.flow import RealNVP", "RealNVP"),
    "under another name": ("from minigen.flow import RealNVP as Model, MAF", "Model"),
    "in brackets": ("from minigen.flow import (\n    MAF,\n    RealNVP,\n)", "RealNVP"),
    "of the package": ("from minigen import flow", "flow.RealNVP"),
    "of the package, renamed": ("import minigen.flow as f", "f.RealNVP"),
    "of the package by its whole name": ("import minigen.flow", "minigen.flow.RealNVP"),
    "of minigen": ("import minigen", "minigen.flow.RealNVP"),
    "over two lines": ("from minigen import flow", "flow.\\\n    RealNVP"),
    "all names": ("from minigen.flow import *", "RealNVP"),
}


@pytest.fixture
def recipe_with(tmp_path, monkeypatch):
    """The recipe of a lesson's text, while files of the package, {"flow/made.py": "x = 1"}, have more at their ends."""
    read, code_in = Path.read_bytes, recipe._code_in

    def made(text: str, **more: str) -> str | None:
        def end_of(path: Path) -> str:
            return next((code for file, code in more.items() if path.as_posix().endswith(f"minigen/{file}")), "")

        def code_with_end(path: Path) -> str:
            return recipe.code_without_text(path.read_bytes()) if end_of(path) else code_in(path)

        lesson = tmp_path / "lesson.py"
        lesson.write_text(text, encoding="utf-8")
        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_bytes", lambda path: read(path) + end_of(path).encode())
            patched.setattr(recipe, "_code_in", code_with_end)
            patched.setattr(recipe, "_homes", recipe._homes.__wrapped__)  # without what it has kept
            return recipe.recipe_of(lesson)

    return made


@pytest.mark.parametrize("way", WAYS)
def test_a_lesson_follows_the_home_of_a_name(recipe_with, way):
    imports, call = WAYS[way]
    text = LESSON.format(imports=imports, call=call)
    before = recipe_with(text)
    assert before == recipe_with(text) and len(before) == 16
    for file in ("flow/realnvp.py", "flow/coupling.py", "nn/layers.py"):  # the home, and what it imports
        assert recipe_with(text, **{file: "\nmore = 1\n"}) != before, file
        assert recipe_with(text, **{file: "\n# a remark\n"}) == before, file
    if way != "all names":
        for file in ("flow/glow.py", "vae/vae.py", "metrics/samples.py"):
            assert recipe_with(text, **{file: "\nmore = 1\n"}) == before, file


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_is_added_to_the_list_changes_no_recipe(recipe_with, way):
    imports, call = WAYS[way]
    text = LESSON.format(imports=imports, call=call)
    added = "from minigen.flow.nice import another as another\n"
    assert recipe_with(text, **{"flow/__init__.pyi": added}) == recipe_with(text) or way == "all names"
    assert recipe_with(text, **{"gan/__init__.pyi": added, "lazy.py": "\nmore = 1\n"}) == recipe_with(text)


def test_a_name_that_moves_to_another_home_takes_the_recipe_along(recipe_with):
    text = LESSON.format(imports="from minigen.flow import Novel", call="Novel")
    in_made, in_glow = (
        {"flow/__init__.pyi": f"from minigen.flow.{home} import Novel as Novel\n"} for home in ("made", "glow")
    )
    assert recipe_with(text, **in_made) != recipe_with(text, **in_glow)
    assert recipe_with(text, **in_made) != recipe_with(text, **in_made, **{"flow/made.py": "\nmore = 1\n"})
    assert recipe_with(text, **in_made) == recipe_with(text, **in_made, **{"flow/glow.py": "\nmore = 1\n"})


@pytest.mark.parametrize(
    ("imports", "call", "file"),
    [
        ("from minigen import data", "data.toy.get", "data/toy.py"),
        ("from minigen.data import toy", "toy.get", "data/toy.py"),
        ("from minigen import data", "data.points", "data/points.py"),
        ("from minigen.data import points", "points", "data/points.py"),
        ("import minigen", "minigen.data.mnist.load", "data/mnist.py"),
        ("from minigen.metrics import judge_digits", "judge_digits", "metrics/digits.py"),
        ("from minigen.diffusion import UNet", "UNet", "diffusion/networks/unet.py"),
        ("from minigen.flow import PixelCNN", "PixelCNN", "flow/pixel/pixelcnn.py"),
        ("from minigen.train import descend", "descend", "train/descend.py"),
    ],
)
def test_other_packages(recipe_with, imports, call, file):
    text = LESSON.format(imports=imports, call=call)
    assert recipe_with(text, **{file: "\nmore = 1\n"}) != recipe_with(text)


def test_a_name_in_a_sentence_is_no_dependence(recipe_with):
    """A lesson that has the package depends on the names that it takes from it, not on those that its text mentions."""
    text = LESSON.format(imports="from minigen import flow", call="flow.RealNVP")
    assert recipe_with(text, **{"flow/glow.py": "\nmore = 1\n"}) == recipe_with(text)
    text = LESSON.format(imports="from minigen import flow", call="flow.Glow")
    assert recipe_with(text, **{"flow/glow.py": "\nmore = 1\n"}) != recipe_with(text)


def test_a_function_of_a_notebook_follows_the_home_of_a_name(monkeypatch):
    """In cells the package, or the name, has been imported by another cell."""
    import linecache

    def modules_of(*cells: str) -> set[str]:
        space: dict = {"__name__": "__main__"}
        for text in cells:
            name = f"<cell {hash(text)}>"
            monkeypatch.setitem(linecache.cache, name, (len(text), None, text.splitlines(True), name))
            exec(compile(text, name, "exec"), space)
        return recipe._surroundings(space["build"])[1]

    for imports, call in [WAYS[way] for way in WAYS if way != "over two lines"]:
        modules = modules_of(imports, f"def build(rng):\n    return {call}(rng)\n")
        assert "minigen.flow.realnvp" in modules and ("minigen.flow.glow" in modules) == ("*" in imports), imports
