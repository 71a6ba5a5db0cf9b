"""The small trainings of the book's pages, in which a reader's function takes the place of the package's.

Each builds a model of at most 64 units and trains it in a few seconds. It yields frames: what to draw, and a distance
that falls if the function is right. `table` says which training calls the function of an exercise. A training looks up
the package's functions when it calls them, not before: the reader's are in their place by then.
"""
