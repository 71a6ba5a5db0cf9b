"""What there is, and how it is named: posts, lessons, equations. This is the one catalogue of lessons and exercises.

Nothing here runs a lesson or imports a model: files are read as text or with `ast`, so `minigen list` is quick.
"""
