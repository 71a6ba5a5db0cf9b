"""How an answer is graded: observe, then compare.

    status    the ways in which a case can end, with the words for each
    observe   run a driver on a function and record what comes out; used in the worker and in the parent
    protocol  frames of JSON and raw array bytes between the two; no pickle
    sandbox   what surrounds the student's code in the worker: limits, the hidden reference, NumPy kept whole
    worker    the program of the worker process
    runner    the parent's side: start a worker, follow it, end it, leave nothing behind
    compare   values against values: tolerance, worst element, relations
    grade     all of it for one exercise
    report    the result as text and as JSON

`worker`, `sandbox`, `observe`, `protocol` and `status` need NumPy and the standard library only, so that a worker starts in
a tenth of a second.
"""
