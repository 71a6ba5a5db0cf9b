"""How an answer is graded: observe, then compare.

    status      the ways in which a case can end, with the words for each
    submission  the student's file, read once
    outcome     what a case gives, exceptions that become that, and the incidents that decide it
    observe     run an answer's text, and drivers on its function; used in the worker and in the parent
    forms       the form of a returned value, and how it is compared with the reference's where it is returned
    drivers     the drivers of an exercise, without the rest of its file
    protocol    frames of JSON and raw array bytes between worker and parent; no pickle
    sandbox     what surrounds the student's code in the worker: limits, the hidden reference, NumPy kept whole
    audit       what an answer may do in the worker: the files, processes and network that an audit hook refuses
    bubblewrap  a sandbox around the whole worker, where the system has it
    worker      the program of the worker process
    runner      the parent's side: start a worker, follow it, end it, leave nothing behind
    reference   the package's own function, and others beside it, on the cases in this process
    compare     values against values: tolerance, worst element, how wrong ones are related to the expected ones
    secret      how answers are graded on secret seeds: shifted arguments, and what fixed cases count
    report      the result as data, as JSON and as text
    changes     changes of the equation that a wrong answer may be
    explain     what may help: the relation, the inputs, the listed mistake or the change that explains a failure
    grade       all of it for a student's file, in a worker
    in_process  the same for a text or a function in this process

`worker` and what it imports (`audit`, `sandbox`, `observe`, `forms`, `outcome`, `drivers`, `protocol`, `status`) need
NumPy and the standard library only, so that a worker starts in a tenth of a second.
"""
