"""The README names every public function and class and begins with what a newcomer needs; what CONTRIBUTING shows runs.

`python tests/test_readme.py` prints the README's table of names, and with `--write` puts it there.
"""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import minigen

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("gan", "vae", "flow", "diffusion", "nn", "optim", "train", "data", "metrics")
BLOCK = re.compile(r"(<!-- names:.*?-->\n)(.*?)(<!-- end of names -->)", re.S)


def public_names(source: str) -> list[str]:
    """The functions and classes that a module defines for others, in order: those of its __all__, if it has one."""
    tree = ast.parse(source)
    names = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            listed = ast.literal_eval(node.value)
            return [name for name in names if name in listed]
    return [name for name in names if not name.startswith("_")]


def names_by_module(root: Path = ROOT) -> dict[str, list[str]]:
    """{module: its public names} over PARTS; modules whose name begins with an underscore are private."""
    found = {}
    for part in PARTS:
        for path in sorted((root / "minigen" / part).rglob("*.py")):
            if path.stem.startswith("_"):
                continue
            names = public_names(path.read_text(encoding="utf-8"))
            if names:
                found[".".join(path.relative_to(root).with_suffix("").parts)] = names
    return found


def table(names: dict[str, list[str]]) -> str:
    rows = [f"| `{module}` | {', '.join(f'`{name}`' for name in listed)} |" for module, listed in names.items()]
    return "\n".join(["| module | functions and classes |", "| --- | --- |", *rows]) + "\n"


def with_table(readme: str, names: dict[str, list[str]]) -> str:
    """The text of the README with the table in its place."""
    return BLOCK.sub(lambda block: block[1] + table(names) + block[3], readme)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def contributing() -> str:
    return (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")


def readme_lines():
    return (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def run(*command, cwd):
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=cwd, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_names_every_public_function_and_class():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(BLOCK.findall(readme)) == 1
    assert readme == with_table(readme, names_by_module()), "run `python tests/test_readme.py --write`"


def test_what_counts_as_public(tmp_path):
    folder = tmp_path / "minigen" / "gan" / "networks"
    folder.mkdir(parents=True)
    (folder / "conv.py").write_text(
        "def f():\n    def inner(): pass\nclass C:\n    def method(self): pass\ndef _g(): pass", encoding="utf-8"
    )
    (folder.parent / "losses.py").write_text(
        '__all__ = ["a", "c"]\nfrom x import c\ndef a(): pass\ndef b(): pass', encoding="utf-8"
    )
    (folder / "_check.py").write_text("def a(): pass", encoding="utf-8")
    (folder / "__init__.py").write_text("from minigen.gan.losses import a", encoding="utf-8")
    (folder.parent / "constants.py").write_text("PI = 3", encoding="utf-8")
    found = names_by_module(tmp_path)
    assert found == {"minigen.gan.losses": ["a"], "minigen.gan.networks.conv": ["f", "C"]}
    before = "text\n<!-- names: how -->\nold\n<!-- end of names -->\nmore\n"
    after = with_table(before, {"m": [r"a\1"]})
    assert after == before.replace("old\n", "| module | functions and classes |\n| --- | --- |\n| `m` | `a\\1` |\n")


def test_the_first_screen_says_what_where_and_how():
    lines = readme_lines()[:40]
    first = "\n".join(lines)
    sentence = first.split("\n\n")[1].replace("\n", " ")
    assert lines[0] == "# minigen" and re.findall(r"[.?!](?= |$)", sentence) == ["."]
    order = [
        "![",
        "lessons/)",
        "minigen book --serve",
        "git clone",
        "pip install",
        "minigen run",
        "minigen exercise start",
    ]
    places = [first.index(word) for word in order]
    assert places == sorted(places)
    assert first.count("![") == 1 and not any(line.startswith("|") for line in lines)


def test_the_citation_is_complete_and_agrees_with_the_package():
    """The keys that the Citation File Format requires, and those that pyproject.toml gives as well."""
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    entries = dict(re.findall(r"^([a-z-]+): *(.*(?:\n .*)*)$", text, re.M))
    assert {"cff-version", "message", "title", "authors"} <= set(entries)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (entries["cff-version"], entries["version"], entries["type"]) == ("1.2.0", minigen.__version__, "software")
    assert entries["license"] == project["license"] == "MIT"
    assert entries["authors"].split('"')[1::2] == [author["name"] for author in project["authors"]]
    assert [line.strip(" -") for line in entries["keywords"].strip().splitlines()] == project["keywords"]
    assert "CITATION.cff" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_links_within_the_project_lead_somewhere():
    for path in (ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md"):
        text = path.read_text(encoding="utf-8")
        headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.M)}
        for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
            assert (path.parent / link).exists(), link
            assert link or anchor in headings, anchor


def test_the_model_of_contributing_trains(tmp_path):
    (model,) = (code for code in blocks(contributing(), "python") if "class Denoiser(Module)" in code)
    assert 0.01 < float(run("-c", model, cwd=tmp_path)) < 0.04


@pytest.mark.slow
def test_the_lesson_of_contributing_runs(tmp_path):
    (lesson,) = (code for code in blocks(contributing(), "python") if "Lesson(" in code)
    path = tmp_path / "gan" / "99_mean" / "lesson.py"
    path.parent.mkdir(parents=True)
    path.write_text(lesson, encoding="utf-8")
    assert "1 of 1 claim holds" in run(str(path), cwd=tmp_path)
    assert (tmp_path / "out/gan-99-mean/error.png").exists()


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        readme = ROOT / "README.md"
        readme.write_text(with_table(readme.read_text(encoding="utf-8"), names_by_module()), encoding="utf-8")
    else:
        print(table(names_by_module()), end="")
