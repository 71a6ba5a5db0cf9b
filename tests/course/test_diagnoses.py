"""What a report says of a wrong answer is true, is its second line, and shows the call that failed."""

import numpy as np
import pytest

from minigen.course import inputs
from minigen.course.console import UsageError
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.clauses import has_verb
from minigen.course.exercise.format import Case
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.compare import Pair, Verdict, compare_all, relation
from minigen.course.exercise.grading.explain import _is_form, _left_alone, recognised
from minigen.course.exercise.grading.in_process import grade_source
from minigen.course.exercise.grading.outcome import CaseOutcome
from minigen.course.exercise.grading.report import render


def graded(identity, body):
    """The report of an answer with this body, as a page grades it."""
    exercise = catalog.find(identity)[0]
    text = stubs.completed(stubs.stub_file(catalog.exercises_of(exercise.lesson)), {exercise.name: body})
    return grade_source(exercise, stubs.function_source(text, exercise.name))


EULER = """
times, start, slopes = np.asarray(times), x, []
for a, b in zip(times, times[1:]):
    slopes.append(velocity(x, np.full(len(x), a)))
    x = x + (b - a) * slopes[-1]
chord, shares = (x - start) / (times[-1] - times[0]), np.diff(times) / (times[-1] - times[0])
"""
NORMALISED_PROBE = """
from minigen.tensor import grad
t = np.broadcast_to(t, (len(x),))
e = probe / np.sqrt(np.sum(probe**2, axis=1, keepdims=True))
rows = grad(lambda x: np.sum(velocity(x, t) * e))(x)
return velocity(x, t), np.sum(rows * e, axis=1)"""
OTHER_ORDER = """
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
n = len(x0)
return x0[linear_sum_assignment(cdist(eps.reshape(n, -1), x0.reshape(n, -1), "sqeuclidean"))[1]], eps"""
NOT_ADDED_BACK = """
r, nats = log_p - log_q, dims * np.log(2)
return -r.mean(axis=1) / nats, -np.log(np.mean(np.exp(r - r.max(axis=1, keepdims=True)), axis=1)) / nats"""
TARGET = """
s = np.reshape(np.broadcast_to(sigma, (len(x0),)), (-1,) + (1,) * (x0.ndim - 1))
return -s * z / (s * sigma_data / np.sqrt(s**2 + sigma_data**2))"""
FORWARD = """
h = 1e-5
return np.stack([(f(x + h * e) - f(x)) / h for e in np.eye(len(x), dtype=x.dtype)], axis=1)"""
NO_BOUND = "return snr if target == 'x0' else snr / snr if target == 'eps' else snr / (snr + 1)"

FALSE = {  # an answer, and what it was told by a case in which two mistakes coincide
    "variance over root n": (
        "start/03/paired_difference",
        "d = after - before\nreturn np.mean(d), np.var(d, ddof=1) / np.sqrt(len(d))",
        "standard deviation",
    ),
    "sum over paths": (
        "after/02/straightness",
        f"{EULER}return sum(w * np.sum((v - chord) ** 2) for w, v in zip(shares, slopes))",
        "first velocity",
    ),
    "last step dropped": (
        "after/02/straightness",
        f"{EULER}return sum(w * np.sum((v - chord) ** 2) / len(x) for w, v in list(zip(shares, slopes))[:-1])",
        "mean over the coordinates",
    ),
    "a root too many": (
        "diffusion/04/bound_weight",
        "a = np.sqrt(1 - schedule.alpha_bar[t])\nreturn schedule.beta[t] ** 2 / (2 * variance * schedule.alpha[t] * a)",
        "two Gaussians",
    ),
    "the maximum is not added back": ("flow/14/dequantization_bits", NOT_ADDED_BACK, "not from its sum"),
    "d over a plus d": (
        "diffusion/12/boundary_scalings",
        "a, d = sigma - sigma_min, sigma_data\nreturn d / (a + d), a * d / np.sqrt(sigma**2 + d**2)",
        "difference of squares",
    ),
    "a normalised probe": ("after/01/hutchinson_divergence", NORMALISED_PROBE, "mean over the coordinates"),
    "half a step": ("gan/04/simultaneous_step", "return x - eta / 2 * y, y + eta / 2 * x", "a factor left out"),
    "an array for a pair": (
        "gan/04/simultaneous_step",
        "return np.array([x - eta * y, y + eta * x])",
        "bounded below",
    ),
    "forward differences": ("flow/02/jacobian_matrix", FORWARD, "float32"),
    "no sigma_data": ("after/03/edm_weight", "return 1 + 1 / sigma**2", "clipped"),
    "the mean subtracted": (
        "start/03/effective_sample_size",
        "w = np.exp(log_weights - np.mean(log_weights))\nreturn np.sum(w) ** 2 / np.sum(w**2)",
        "the smallest in",
    ),
    "the median subtracted": (
        "start/03/effective_sample_size",
        "w = np.exp(log_weights - np.median(log_weights))\nreturn np.sum(w) ** 2 / np.sum(w**2)",
        "the smallest in",
    ),
    "the data rearranged": ("after/02/ot_pairs", OTHER_ORDER, "minus `x0`"),
    "a point that is not scaled": ("after/03/edm_target", TARGET, "one less than"),
    "no bound": ("after/03/min_snr_weight", NO_BOUND, "The bound is squared"),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_mistake_that_other_cases_contradict_is_not_named(name):
    identity, body, words = FALSE[name]
    report = graded(identity, body)
    assert not report.passed and words not in report.hint, report.hint


@pytest.mark.parametrize(
    ("identity", "body", "words"),
    [
        ("gan/04/simultaneous_step", "return x - eta / 2 * y, y + eta / 2 * x", "half of `eta`"),
        (*FALSE["sum over paths"][:2], "The squared distances of all paths are added up"),
        ("after/03/min_snr_weight", NO_BOUND, "Nothing is clipped"),
    ],
)
def test_the_true_mistake_is_found_where_a_false_one_is_not_named(identity, body, words):
    assert words in graded(identity, body).hint


def test_what_an_answer_changes_in_one_case_is_not_said_to_be_left_alone():
    """Where the mean was 0, a step with the old mean leaves p as it was; another case shows that p is changed."""
    exercise = catalog.find("start/01/adam_update")[0]
    values = {"p": np.ones(2)}
    left, changed = CaseOutcome(S.PASS, values=values, untouched=("p",)), CaseOutcome(S.PASS, values=values)
    assert "`p` is not changed in place" in _left_alone(exercise, [left, changed], [changed, changed], [0])
    assert _left_alone(exercise, [left, changed], [changed, changed], [0, 1]) == ""


def test_a_wrong_type_is_not_explained_by_values():
    """An array for a pair holds the right numbers, which a change that has no effect on them gives as well."""
    assert _is_form(Verdict("by_hand", S.WRONG_TYPE, 0, 1, kind="equation"), CaseOutcome(S.WRONG_TYPE))
    assert not _is_form(Verdict("by_hand", S.WRONG_SHAPE, 0, 1, kind="equation"), CaseOutcome(S.WRONG_SHAPE))


def test_opposite_signs_are_not_named_where_the_array_is_reversed_as_well():
    reversed_pair = Pair(np.array([[1.0], [-1.0]]), np.array([[-1.0], [1.0]]), 1e-6, 0.0)
    assert relation(reversed_pair) == ""
    assert "opposite sign" in relation(Pair(np.array([1.0, -3.0]), np.array([-1.0, 3.0]), 1e-6, 0.0))


# ------------------------------------------------------------------------------------------- two cases and more


def outcomes(*values):
    return [CaseOutcome(S.PASS, values={"y": np.array(value)}) for value in values]


RIGHT = outcomes(7.3, 5.3, 1.3, 2.3)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ((4.1, 5.4, 1.4, 2.4), ["a"]),
        ((4.1, 5.4, 1.4, 2.9), ["a"]),  # two of three others agree
        ((4.1, 5.4, 1.9, 2.9), []),  # one of three
        ((4.1, 5.9, 1.9, 2.9), []),  # the first alone
        ((4.1, 5.4, 1.9, 2.3), ["a"]),  # one of two
        ((4.1, 5.9, 1.3, 2.4), ["a"]),
        ((4.1, 5.9, 1.3, 2.3), []),  # the only other one does not
        ((4.1, np.nan, 1.4, 2.3), ["a"]),  # NaN confirms nothing and contradicts nothing
        ((4.1, 0.0, 0.5, 2.4), ["a"]),  # nor do 0 and 1/2
    ],
)
def test_half_of_the_other_failing_cases_confirm_a_mistake(answer, found):
    mistake, cases = outcomes(4.1, 5.4, 1.4, 2.4), [Case(outcomes, 1, "equation", {}, False, 0.0, 0.0)] * 4
    mine = outcomes(*answer)
    verdicts = compare_all(cases, mine, RIGHT)
    assert recognised(cases, mine, verdicts, ["a"], lambda m, n: mistake[n], RIGHT) == found


def test_a_mistake_in_single_precision_is_compared_by_the_tolerance_of_the_case():
    """Otherwise it would explain every error of 1e-6."""
    cases = [Case(outcomes, 1, "equation", {}, False, 1e-8, 0.0)]
    right, wrong = outcomes(7.3)[0], 7.3 * (1 + 1e-6)
    single = CaseOutcome(S.PASS, values={"y": np.array(7.3 * (1 + 2e-6))}, precision=1.2e-7, scale=7.3)
    mine = outcomes(wrong)
    verdicts = compare_all(cases, mine, [right])
    assert recognised(cases, mine, verdicts, ["single"], lambda m, n: single, [right]) == []


# ------------------------------------------------------------------------------------------- the report


def test_the_diagnosis_is_the_second_line():
    report = graded("gan/12/critic_loss", "return np.mean(real_scores) - np.mean(fake_scores)")
    lines = render(report).splitlines()
    assert lines[0].startswith("gan/12/critic_loss: ") and lines[1].startswith("  known mistake: This is the gap")
    assert "minigen exercise hint" not in render(report), "the check says it once, below all reports"
    half = graded("gan/04/simultaneous_step", "return x - eta / 2 * y, y + eta / 2 * x")
    assert render(half).splitlines()[1].startswith("  your values are those of the equation with half of `eta`")
    right = graded("gan/12/critic_loss", "return np.mean(fake_scores) - np.mean(real_scores)")
    assert "mistake" not in render(right)


def test_the_inputs_shown_are_those_of_the_call_that_failed():
    """A time for each of three points does not broadcast with (3, 2); with a new axis it fails on images only."""
    verdict = graded("after/02/interpolate", "return (1 - t) * x0 + t * eps").first_failure
    assert verdict.status == S.RAISED and verdict.case == "a_time_for_each" and "(call 1 of 2)" in verdict.inputs
    body = "t = np.reshape(t, (-1, 1)) if np.ndim(t) and x0.ndim == 2 else t\nreturn (1 - t) * x0 + t * eps"
    verdict = graded("after/02/interpolate", body).first_failure
    assert verdict.inputs[0].startswith("x0 = array of shape (3, 2, 4, 1)") and verdict.inputs[-1] == "(call 2 of 2)"
    assert verdict.repeat.startswith('interpolate(*inputs("after/02/interpolate", "a_time_for_each", call=2))')
    assert inputs("after/02/interpolate", "a_time_for_each", call=2)[0].shape == (3, 2, 4, 1)
    with pytest.raises(UsageError, match="makes 2 calls, not 3"):
        inputs("after/02/interpolate", "a_time_for_each", call=3)


def test_the_inputs_shown_are_those_of_the_wrong_value():
    """The second of three results of a case is wrong."""
    body = "t = np.reshape(t, (-1,) + (1,) * (x0.ndim - 1)) if np.ndim(t) else t\n"
    body += "return ((1 - t) * x0 + t * eps) * (1.5 if np.ndim(t) == 0 and t == 0.6 else 1.0)"
    verdict = graded("after/02/interpolate", body).first_failure
    assert verdict.case == "random_points" and verdict.key == "t = 0.6"
    assert verdict.inputs[-2:] == ["t = 0.6", "(call 2 of 3)"] and "call=2" in verdict.repeat


# ------------------------------------------------------------------------------------------- clauses


@pytest.mark.parametrize(
    "clause",
    [
        "The root is missing.",
        "Sum the rows.",
        "The step is not exact, so take a smaller one.",
        "This sums the rows.",
        "The weights sum to 1 already.",
        "`target` is an argument; here it is always 1.",
        "The order stays as it is.",
        "All of W counts, not only its lower triangle.",
    ],
)
def test_a_clause_with_a_verb(clause):
    assert has_verb(clause)


@pytest.mark.parametrize(
    "clause",
    [
        "The order is.",
        "Salt and pepper.",
        "Side by side.",
        "The classic leak.",
        "Clean data from v.",
        "Half of the square.",
        "One layer alone.",
        "The wrong direction.",
        "The other way round.",
        "The cosine as it is.",
        "Squares, not absolute values.",
        "The mean over the rows, not their sum.",
        "The value `is` (this is no English).",
    ],
)
def test_a_clause_without_a_verb(clause):
    assert not has_verb(clause)
