"""The commands of `minigen` for a class, one file each."""

COMMANDS = {
    "syllabus": "plan the weeks of a class",
    "slides": "make slides of a lesson",
    "quiz": "export the predictions of lessons for Moodle and Canvas",
    "assignment": "make an assignment of exercises for a class",
    "grade": "grade what a class handed in",
}
