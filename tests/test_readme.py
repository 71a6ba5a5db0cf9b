"""The README is short and begins with what a newcomer needs; its links lead somewhere; what CONTRIBUTING shows runs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import minigen

ROOT = Path(__file__).resolve().parent.parent
GUIDES = ("README.md", ".github/GUIDE.md", ".github/CONTRIBUTING.md", ".github/PERFORMANCE.md", ".github/TEACHERS.md")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def contributing() -> str:
    return (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")


def readme_lines():
    return (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def run(*command, cwd):
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=cwd, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_can_be_read_in_one_go():
    assert len(readme_lines()) <= 250


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
    for path in (ROOT / guide for guide in GUIDES):
        text = path.read_text(encoding="utf-8")
        headings = {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")  # as GitHub makes anchors
            for heading in re.findall(r"^#+ (.*)$", text, re.M)
        }
        for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
            assert (path.parent / link).exists(), link
            assert link or anchor in headings, anchor


def test_the_example_of_the_readme_trains(tmp_path):
    (code,) = blocks("\n".join(readme_lines()), "python")
    nats, stated = run("-c", code, cwd=tmp_path).split()[0], re.search(r"# (1\.\d\d) nats", code)[1]
    assert abs(float(nats) - float(stated)) < 0.05


def test_the_model_of_contributing_trains(tmp_path):
    (model,) = (code for code in blocks(contributing(), "python") if "class Denoiser(Module)" in code)
    assert 0.01 < float(run("-c", model, cwd=tmp_path)) < 0.04


@pytest.mark.slow
def test_the_lesson_of_contributing_runs(tmp_path):
    (lesson,) = (code for code in blocks(contributing(), "python") if "Lesson(" in code)
    path = tmp_path / "after" / "99_mean" / "lesson.py"
    path.parent.mkdir(parents=True)
    path.write_text(lesson, encoding="utf-8")
    assert "1 of 1 claim holds" in run(str(path), cwd=tmp_path)
    assert (tmp_path / "out/after-99-mean/error.png").exists()
