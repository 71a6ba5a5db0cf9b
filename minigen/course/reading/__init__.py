"""A lesson as its reader meets it: one sequence of blocks, from which the book and the pages in Markdown are written.

`composition.compose` makes the blocks of `blocks` from the file of a lesson and its results, if there are any. It
decides what is shown, what is folded, and what a prediction keeps closed. How a block looks is decided elsewhere.
"""
