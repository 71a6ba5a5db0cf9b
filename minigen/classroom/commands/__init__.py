"""The commands of `minigen` for a class, one file each."""

COMMANDS = {
    "assignment": "make an assignment of exercises for a class",
    "grade": "grade what a class handed in",
}
