"""Private variants: exercises with one thing changed, so that an answer found elsewhere does not pass.

declaration  `private.py` beside an exercise's file, which says what changes
variants     the exercises made of that, which an assignment's secret chooses; what of them is handed out
proofs       that such a variant is sound

A student's side (`minigen.course`) only reads what was handed out: `minigen.course.exercise.given`.
"""
