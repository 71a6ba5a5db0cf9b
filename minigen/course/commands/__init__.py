"""The commands of `minigen` for lessons and exercises, one file each."""

COMMANDS = {
    "list": "show the lessons by post and section",
    "run": "run a lesson, or all of them",
    "tour": "see four kinds of model learn the same density",
    "notebook": "write a lesson as a Jupyter notebook",
    "book": "build the lessons as they ran into a web site",
    "exercise": "write an equation yourself and have it checked",
    "change": "for authors: try the changes that lessons invite to",
    "sample": "save samples of a lesson's trained model",
    "new": "make a lesson of your own",
    "glossary": "explain a term of the lessons",
    "record": "keep the results of full runs beside the lessons",
    "cache": "show or remove the trained models that are kept",
    "bench": "measure the speed of this machine on minigen's workloads",
}
