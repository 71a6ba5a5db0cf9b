"""How an answer is graded: observe, then compare.

    status      the ways in which a case can end, with the words for each
    submission  the student's file, read once
    observe     run a driver on a function and record what comes out; used in the worker and in the parent
    drivers     the drivers of an exercise, without the rest of its file
    loading     the text of an answer, run in the worker or in this process
    protocol    frames of JSON and raw array bytes between worker and parent; no pickle
    sandbox     what surrounds the student's code in the worker: limits, the hidden reference, NumPy kept whole
    bubblewrap, docker  a sandbox or container around the whole worker, where the system has it
    worker      the program of the worker process
    runner      the parent's side: start a worker, follow it, end it, leave nothing behind
    compare     values against values: tolerance, worst element
    relations   how wrong values are related to the expected ones
    slips       which of the author's mistakes explains a failure
    grade       all of it for one exercise
    report      the result as text and as JSON

`worker` and what it imports (`sandbox`, `observe`, `loading`, `drivers`, `protocol`, `status`) need NumPy and the
standard library only, so that a worker starts in a tenth of a second.
"""
