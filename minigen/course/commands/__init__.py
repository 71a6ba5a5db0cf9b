"""The commands of `minigen` for lessons and exercises, one file each, by who looks for them."""

LEARN = {
    "tour": "see four kinds of model learn the same density",
    "list": "show the lessons by post and section",
    "run": "run a lesson, or all of them",
    "exercise": "write an equation yourself and have it checked",
    "glossary": "explain a term of the lessons",
    "notebook": "write a lesson as a Jupyter notebook",
    "book": "build the lessons as they ran into a web site",
    "sample": "save samples of a lesson's trained model",
    "cache": "show or remove the trained models that are kept",
    "bench": "measure the speed of this machine on minigen's workloads",
}
WRITE = {
    "new": "make a lesson of your own",
    "change": "try the changes that a lesson invites to",
    "record": "keep the results of full runs beside the lessons",
}
COMMANDS = {**LEARN, **WRITE}
