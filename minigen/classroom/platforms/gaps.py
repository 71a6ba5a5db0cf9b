"""What an assignment states and a platform does not do: said when it is built, and in the platform's README."""

from __future__ import annotations

from minigen.classroom.assignment import Assignment

__all__ = ["gaps", "section", "summary"]

IN_PROCESS = ("nbgrader", "otter")  # an answer runs in the grader's own process, with all modules that are installed
QUESTIONS = ("nbgrader",)  # has them


def gaps(assignment: Assignment, platform: str) -> list[str]:
    """Return what stays with the teacher on a platform, a sentence each."""
    found = []
    if assignment.due is not None and str(assignment.late):
        rule = str(assignment.late)
        found.append(f"Lateness costs nothing here. Subtract what `{assignment.slug}.toml` says yourself: {rule}.")
    if str(assignment.counting):
        found.append(f"All exercises count here. Apply your rule yourself: {assignment.counting}.")
    if assignment.questions and platform not in QUESTIONS:
        found.append(f"The questions are not here: {_questions(assignment)}. Ask and grade them on the platform.")
    if assignment.allowed_modules and platform in IN_PROCESS:
        found.append("Which modules an answer may use, and which files it reads, is not enforced here.")
        found.append("A module that a cell imports must be installed here, even if no answer uses it.")
    if platform in IN_PROCESS:
        found.append(f"A notebook that was cut off ends {platform} with an error and has no points. Ask for it again.")
    if platform == "nbgrader":
        found.append(
            f"nbgrader skips a notebook that is not called `{assignment.slug}.ipynb`. Rename it, and grade it again."
        )
    if platform == "otter":
        found.append("A Python file must be UTF-8 without a byte order mark. Save it as that, and grade it again.")
    found.append("Lines of `adjust.csv` are not applied here. Change points on the platform.")
    return found


def section(assignment: Assignment, platform: str) -> str:
    """Return the section of a platform's README."""
    return "\n## What you do yourself\n\n" + "".join(f"- {sentence}\n" for sentence in gaps(assignment, platform))


def summary(assignment: Assignment, platforms: list[str]) -> list[str]:
    """Return what the platforms do not do that costs or gives points, a line each."""
    lines: list[str] = []
    names = ", ".join(platforms)
    if platforms and assignment.due is not None and str(assignment.late):
        lines.append(f"{names}: lateness costs nothing there; subtract it yourself")
    if platforms and str(assignment.counting):
        lines.append(f"{names}: all exercises count there; {assignment.counting} with minigen grade only")
    without = ", ".join(name for name in platforms if name not in QUESTIONS)
    if assignment.questions:
        others = f"{without} and minigen grade" if without else "minigen grade"
        lines.append(f"{others}: without {_questions(assignment)}; ask and grade them on your platform")
    return lines


def _questions(assignment: Assignment) -> str:
    points = sum(question.points for question in assignment.questions)
    return f"{', '.join(question.id for question in assignment.questions)} ({points:g} points)"
