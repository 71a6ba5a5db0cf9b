"""Grading: one submission by the grader, many by processes or a cluster, a class as a batch."""
