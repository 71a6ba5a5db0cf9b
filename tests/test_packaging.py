"""What is said twice agrees (versions, the address of the notebooks), and the pretrained weights come with the code."""

import os
import re
import subprocess
import tomllib

import pytest

from minigen.course import repository
from minigen.course.console import INSTALL_CLASSROOM
from minigen.course.index.lessons import all_lessons
from minigen.zoo import PRETRAINED, description_file, weights_file

EXTRAS = ("test",)  # those that the tests are run with


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def release(version: str) -> tuple[int, ...]:
    """ "3.6" -> (3, 6, 0)"""
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


def test_the_lowest_versions_are_those_that_the_project_allows(root, project):
    wanted = [*project["project"]["dependencies"]]
    for extra in EXTRAS:
        wanted += project["project"]["optional-dependencies"][extra]
    allowed = {
        name: release(version) for name, version in (re.match(r"([\w-]+)>=([\d.]+)", w).groups() for w in wanted)
    }
    lines = (root / ".github" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = {name: release(version) for name, _, version in (line.partition("==") for line in lines if line[0] != "#")}
    assert pinned == allowed


def test_a_message_names_the_packages_of_the_extra(project):
    wanted = project["project"]["optional-dependencies"]["classroom"]
    assert INSTALL_CLASSROOM.removeprefix("python -m pip install ").split() == [name.split(">")[0] for name in wanted]


def test_the_distribution_has_one_name(root, project):
    """minigen on the package index is another project; what is uploaded, and what a message names, is this one."""
    name = project["project"]["name"]
    assert name == repository.DISTRIBUTION != "minigen"
    texts = {path: (root / path).read_text("utf-8") for path in ("README.md", ".github/PUBLISHING.md")}
    assert all(f"`{name}`" in text for text in texts.values())
    for path in (".ci/run", ".github/workflows/release.yml"):
        assert re.search(rf"/{name.replace('-', '_')}-\*", (root / path).read_text("utf-8")), path


def test_no_code_asks_for_the_other_project(root):
    """`importlib.metadata` would find that one, or nothing, and students' wheels would be taken for it."""
    wrong = re.compile(r"""(?:version|distribution)\(["']minigen["']\)|Name: minigen\\n|["']minigen-\{[\w.]*version""")
    code = [*(root / "minigen").rglob("*.py"), *(root / ".ci").glob("*")]
    assert not [path for path in code if path.is_file() and wrong.search(path.read_text("utf-8"))]


def test_publishing_takes_six_steps_at_most(root):
    text = (root / ".github" / "PUBLISHING.md").read_text("utf-8")
    assert 1 <= len(re.findall(r"^\d+\. ", text, re.M)) <= 6
    named = re.findall(r"\]\(((?!https?:)[^)]+)\)", text)
    assert named and all((root / ".github" / name).exists() for name in named)
    assert "environment: pypi" in (root / ".github/workflows/release.yml").read_text("utf-8")


def test_the_readme_knows_the_minutes_of_all_lessons(root):
    (stated,) = re.findall(r"all lessons in full take about (\d+) minutes", (root / "README.md").read_text("utf-8"))
    assert abs(sum(lesson.minutes for lesson in all_lessons()) - int(stated)) <= 2


def test_the_workflow_runs_every_python_that_is_promised(root, project):
    promised = re.findall(r"Python :: (3\.\d+)", " ".join(project["project"]["classifiers"]))
    workflow = (root / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert re.search(r"python: \[(.*)\]", workflow)[1].replace('"', "").split(", ") == promised
    assert project["project"]["requires-python"] == f">={promised[0]}"
    assert project["tool"]["mypy"]["python_version"] == promised[0]
    assert project["tool"]["ruff"]["target-version"] == "py" + promised[0].replace(".", "")
    assert all(system in workflow for system in ("ubuntu-latest", "macos-latest", "windows-latest"))


def test_the_weights_of_the_pretrained_models_and_nothing_larger_come_with_the_code(root):
    """A file that git ignores would be in neither the wheel nor the source distribution."""
    for file in (file for name in PRETRAINED for file in (weights_file(name), description_file(name))):
        assert file.is_file() and file.stat().st_size < 4.2e6
        ignored = subprocess.run(["git", "check-ignore", "-q", file], cwd=root).returncode
        assert ignored in (1, 128), "1: it is not ignored; 128: this is no checkout"


def test_notebooks_are_linked_where_the_workflow_writes_them(root, monkeypatch):
    monkeypatch.setattr(repository, "repository", lambda: "ada/book")
    workflow = (root / ".github/workflows/notebooks.yml").read_text(encoding="utf-8")
    branch, file = repository.colab_address("gan/02_gan").split("/blob/")[1].split("/")
    assert f"git init -q -b {branch}" in workflow and re.search(rf"\$.*@github.com/.* {branch}\n", workflow)
    assert file == "gan-02-gan.ipynb" and "cd notebooks" in workflow


def test_binder_installs_the_checkout_and_writes_the_notebooks(root, project):
    folder = root / ".binder"
    extra = re.fullmatch(r"-e \.\[(\w+)\]\n", (folder / "requirements.txt").read_text("utf-8"))[1]
    assert extra in project["project"]["optional-dependencies"]
    assert (folder / "postBuild").read_text("utf-8").endswith("\n.ci/write_notebooks\n")
    if os.name != "nt":  # Windows has no such bits
        assert all((root / name).stat().st_mode & 0o111 for name in (".ci/write_notebooks", ".binder/postBuild"))
