"""What is said twice about versions agrees: in pyproject.toml, the list of lowest versions and the workflow."""

import re
import tomllib

import pytest

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
        name: release(version) for name, version in (re.fullmatch(r"([\w-]+)>=([\d.]+)", w).groups() for w in wanted)
    }
    lines = (root / ".github" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = {name: release(version) for name, _, version in (line.partition("==") for line in lines if line[0] != "#")}
    assert pinned == allowed


def test_the_workflow_runs_every_python_that_is_promised(root, project):
    promised = re.findall(r"Python :: (3\.\d+)", " ".join(project["project"]["classifiers"]))
    workflow = (root / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert re.search(r"python: \[(.*)\]", workflow)[1].replace('"', "").split(", ") == promised
    assert project["project"]["requires-python"] == f">={promised[0]}"
    assert project["tool"]["mypy"]["python_version"] == promised[0]
    assert project["tool"]["ruff"]["target-version"] == "py" + promised[0].replace(".", "")
    assert all(system in workflow for system in ("ubuntu-latest", "macos-latest", "windows-latest"))
