"""The ways in which a case, or a whole file, can end. Only `PASS` passes.

A wrong shape may earn points, see `compare.earned`.
"""

PASS = "pass"
# the answer came, and it is not right
WRONG_VALUE, NAN, INF, WRONG_SHAPE, WRONG_DTYPE = "wrong_value", "nan", "inf", "wrong_shape", "wrong_dtype"
WRONG_TYPE, RETURNED_NONE, NO_GRADIENT = "wrong_type", "returned_none", "no_gradient"
CHANGED_INPUTS, PATCHED_NUMPY, PACKAGE_ANSWER = "changed_inputs", "patched_numpy", "package_answer"
# no answer came
STUB, RAISED, WRONG_ARITY, INPUT = "stub", "raised", "wrong_arity", "input"
TIMEOUT, EXITED, CRASHED, MEMORY, RECURSION = "timeout", "exited", "crashed", "memory", "recursion"
OUTPUT, BIG_FILE, DISK, PROCESS = "output", "big_file", "disk", "process"
OUTSIDE, NETWORK = "outside", "network"
# the file is not one that can be run
MISSING_FILE, NOT_A_FILE, SYMLINK, TOO_LARGE = "missing_file", "not_a_file", "symlink", "too_large"
NOT_UTF8, EMPTY, SYNTAX_ERROR, MISSING_FUNCTION = "not_utf8", "empty", "syntax_error", "missing_function"
FORBIDDEN_MODULE, WRONG_NAME = "forbidden_module", "wrong_name"
# the grader's own
GRADER_ERROR = "grader_error"

WORDS = {
    PASS: "pass",
    WRONG_VALUE: "wrong value",
    NAN: "not a number",
    INF: "infinite",
    WRONG_SHAPE: "wrong shape",
    WRONG_DTYPE: "wrong kind of number",
    WRONG_TYPE: "wrong type",
    RETURNED_NONE: "returned None",
    NO_GRADIENT: "no gradient",
    CHANGED_INPUTS: "changed its inputs",
    PATCHED_NUMPY: "replaced a part of NumPy",
    PACKAGE_ANSWER: "the package's own answer",
    STUB: "not written yet",
    RAISED: "raised an error",
    WRONG_ARITY: "wrong arguments",
    INPUT: "asked for input",
    TIMEOUT: "took too long",
    EXITED: "ended the program",
    CRASHED: "crashed",
    MEMORY: "out of memory",
    RECURSION: "called itself without end",
    OUTPUT: "printed too much",
    BIG_FILE: "wrote too large a file",
    DISK: "wrote too much",
    PROCESS: "started another process",
    OUTSIDE: "reached out of its folder",
    NETWORK: "used the network",
    MISSING_FILE: "no such file",
    NOT_A_FILE: "not a file",
    SYMLINK: "a symbolic link",
    TOO_LARGE: "file too large",
    NOT_UTF8: "not UTF-8 text",
    EMPTY: "empty file",
    SYNTAX_ERROR: "syntax error",
    MISSING_FUNCTION: "function missing",
    FORBIDDEN_MODULE: "a module that is not allowed",
    WRONG_NAME: "the function has another name",
    GRADER_ERROR: "the grader's own error",
}

# found by reading the file, before any of it runs: the messages are about its text
OF_THE_FILE = frozenset(
    [MISSING_FILE, NOT_A_FILE, SYMLINK, TOO_LARGE, NOT_UTF8, EMPTY, SYNTAX_ERROR, FORBIDDEN_MODULE, WRONG_NAME]
)
