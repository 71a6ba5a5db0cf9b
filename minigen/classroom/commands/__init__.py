"""The commands of `minigen` for a class, one file each."""

COMMANDS = {
    "syllabus": "plan the weeks of a class",
    "slides": "make slides of a lesson",
    "assignment": "make an assignment of exercises for a class",
    "grade": "grade what a class handed in",
}
