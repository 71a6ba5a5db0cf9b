"""Values against values: tolerance, the worst element, relations, and the frames that carry them."""

import io
import math
import struct
import sys
import types

import numpy as np
import pytest

from minigen.course.exercise.format import Case
from minigen.course.exercise.grading import protocol
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.compare import Pair, compare, compare_all, distance, relation
from minigen.course.exercise.grading.forms import magnitude
from minigen.course.exercise.grading.observe import Impl, observe, start_of
from minigen.course.exercise.grading.outcome import CaseOutcome


def case(**expect):
    return Case(lambda impl, rng: {}, 3, "equation", expect, False, 1e-6, 1e-9)


def judge(got, want, **expect):
    return compare(
        case(**expect),
        CaseOutcome(S.PASS, values={"y": np.asarray(got)}),
        CaseOutcome(S.PASS, values={"y": np.asarray(want)}),
    )


def test_distance_is_in_units_of_the_tolerance():
    got, want = (
        np.array([1.0 + 2e-6, 0.0, 2e-9, np.inf, np.nan, 1.0]),
        np.array([1.0, 0.0, 0.0, np.inf, np.nan, np.inf]),
    )
    ratio = distance(got, want, 1e-6, 1e-9)
    assert ratio[:5] == pytest.approx([2e-6 / (1e-6 + 1e-9), 0, 2, 0, 0])
    assert ratio[5] == np.inf


def test_distance_of_finite_numbers_does_not_depend_on_what_stands_beside_them():
    rng = np.random.default_rng(0)
    got, want = rng.standard_normal(50), rng.standard_normal(50)
    beside = distance(np.append(got, np.inf), np.append(want, np.nan), 1e-3, 1e-9)
    assert np.array_equal(distance(got, want, 1e-3, 1e-9), beside[:-1]) and beside[-1] == np.inf
    assert distance(np.array([0.0, 1.0, 0.0]), np.array([0.0, 1.0, 2.0]), 0.0, 0.0).tolist() == [0.0, 0.0, np.inf]


@pytest.mark.parametrize(
    ("array", "largest"),
    [
        ([1.0, -3.0], 3.0),
        ([1.0, np.nan, -3.0, np.inf], 3.0),
        ([np.nan], 0.0),
        (np.zeros(0), 0.0),
        ([-3, 2], 3.0),
        ([3 + 4j, np.inf], 5.0),
        ([True, False], 1.0),
        (np.float32([-2.5]), 2.5),
        (np.array(["a"]), 0.0),
    ],
)
def test_the_magnitude_is_that_of_the_finite_numbers(array, largest):
    assert magnitude(np.asarray(array)) == largest


def test_within_tolerance_passes_with_all_points():
    verdict = judge([1.0, 2.0 + 1e-6], [1.0, 2.0])
    assert verdict.passed and verdict.points == 3 and 0 < verdict.ratio < 1


@pytest.mark.parametrize(
    ("got", "want", "expected"),
    [
        ([1.0, 2.1], [1.0, 2.0], S.WRONG_VALUE),
        ([1.0, np.nan], [1.0, 2.0], S.NAN),
        ([1.0, -np.inf], [1.0, 2.0], S.INF),
        ([1.0, 2.0], [1.0, np.inf], S.WRONG_VALUE),
        ([-np.inf], [np.inf], S.WRONG_VALUE),
        ([np.inf], [np.inf], S.PASS),
        ([1.0], [1.0, 2.0], S.WRONG_SHAPE),
        ([[1.0, 2.0]], [1.0, 2.0], S.WRONG_SHAPE),
        ([1, 2], [1.0, 2.0], S.WRONG_DTYPE),
        ([1.0, 2.0], [1, 2], S.WRONG_DTYPE),
        (np.float32([1, 2]), [1.0, 2.0], S.PASS),
        (np.uint8([1, 2]), [1, 2], S.PASS),
        ([True], [False], S.WRONG_VALUE),
        ([1 + 2j], [1 - 2j], S.WRONG_VALUE),
        (np.zeros((0, 3)), np.zeros((0, 3)), S.PASS),
    ],
)
def test_each_way_to_differ(got, want, expected):
    assert judge(got, want).status == expected


def test_the_worst_element_is_named():
    verdict = judge([[1.0, 2.5], [3.0, 5.0]], [[1.0, 2.0], [3.0, 4.5]])
    assert (verdict.index, verdict.yours, verdict.expected) == ([0, 1], 2.5, 2.0)  # 25 % of it, against 11 %
    assert verdict.message == "2 of 4 values differ"


def test_a_literal_is_decisive_and_guards_the_reference():
    assert judge(4.0, 4.0, y=4.0).passed
    verdict = judge(4.0, 4.0, y=5.0)
    assert verdict.status == S.GRADER_ERROR and "not the literal" in verdict.message
    assert judge(4.0, 4.0, y=[4.0, 4.0]).status == S.GRADER_ERROR
    assert judge([4.0, 4.0], [4.0, 4.0], y=4.0).passed


def test_a_missing_value_is_a_wrong_answer():
    """The driver gave it for the reference; else it is a worker's message that no worker writes."""
    verdict = compare(case(), CaseOutcome(S.PASS, values={}), CaseOutcome(S.PASS, values={"y": np.zeros(1)}))
    assert verdict.status == S.WRONG_TYPE and "gives no 'y'" in verdict.message


WANT = np.array([[1.0, -2.0, 3.5], [0.25, 5.0, -7.0]])


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (-WANT, "opposite sign"),
        (2 * WANT, "twice"),
        (WANT / 2, "half"),
        (-2 * WANT, "twice the expected value (x 2), and with the opposite sign"),
        (WANT * 8, "8 times the expected value: a sum where a mean"),
        (WANT / 8, "1/8 of the expected value: a mean where a sum"),
        (WANT / math.log(2), "you returned bits, not nats"),
        (WANT * math.log(2), "you returned nats, not bits"),
        (WANT / math.log(10), "base 10"),
        (WANT + 0.75, "same constant everywhere (+0.75)"),
        (1.37 * WANT, "1.37 times"),
        (WANT**2, "the square of"),
        (1 / WANT, "1 divided by"),
        (WANT[::-1], "reverse order"),
        (np.zeros_like(WANT), "yours is zero"),
        (WANT + [[0, 0, 0], [0, 0, 1]], ""),
    ],
)
def test_relations_are_recognized(got, words):
    found = relation(pair(got, WANT, sizes=[8]))
    assert words in found and bool(found) == bool(words)


def pair(got, want, sizes=()):
    return Pair(np.asarray(got), np.asarray(want), 1e-6, 1e-9, sizes)


def test_more_relations():
    square = np.arange(9.0).reshape(3, 3)
    assert "transposed" in relation(pair(square.T, square))
    assert "square root" in relation(pair(np.sqrt(square), square))
    assert "exponential" in relation(pair(np.exp(square), square))
    assert relation(pair([np.nan], [1.0])) == relation(pair([1.0], [0.0])) == ""
    assert "transposed?" in judge(np.zeros((2, 3)), np.zeros((3, 2))).message


@pytest.mark.parametrize(
    ("got", "want", "again", "words"),
    [
        (2.6, 1.3, (5.0, 2.5), "twice"),
        (2.6, 1.3, (5.0, 1.0), ""),  # any two numbers have a ratio
        (2.6, 1.3, (2.6, 1.3), ""),  # the same case again confirms nothing
        (1.69, 1.3, (6.25, 2.5), "the square of"),
        (1.3 - math.log(2), 1.3, (2.5 - math.log(2), 2.5), "minus ln 2"),
        (-1.3, 1.3, (7.0, 1.0), "opposite sign"),
        ([2.6, 2.6], [1.3, 1.3], (1.0, 7.0), ""),
    ],
)
def test_a_relation_of_one_value_must_hold_in_two_cases(got, want, again, words):
    found = relation(pair(got, want), [pair(*again)])
    assert words in found and bool(found) == bool(words)
    assert relation(pair(got, want)) == (found if words == "opposite sign" else "")


@pytest.mark.filterwarnings("error")
def test_another_case_that_expects_zero_confirms_nothing():
    """An identity's case expects 0 everywhere: no factor can be seen in it, and no warning is printed."""
    assert relation(pair([3.0], [7.09]), [pair([0.5, 0.2], [0.0, 0.0])]) == ""


def test_float32_is_compared_at_its_own_precision():
    """A right answer in float32 passes; the same error in float64 does not."""
    want = np.array([0.3, 1000.0])
    for dtype, expected in ((np.float32, S.PASS), (np.float64, S.WRONG_VALUE)):
        rough = (want + [2e-5, 0.0]).astype(dtype)
        outcome = observe(lambda impl, rng: {"y": 1.0 * impl(want)}, Impl(lambda x: rough), start_of(0, 0))
        assert compare(case(), outcome, CaseOutcome(S.PASS, values={"y": want})).status == expected


def test_nothing_is_coarser_than_float32():
    want = np.array([0.3, 1000.0])
    for dtype in (np.float16, np.float32):
        outcome = observe(
            lambda impl, rng: {"y": impl(want)}, Impl(lambda x: (1.001 * x).astype(dtype)), start_of(0, 0)
        )
        assert compare(case(), outcome, CaseOutcome(S.PASS, values={"y": want})).status == S.WRONG_VALUE


def test_no_answer_says_how_closely_it_is_judged():
    """What its outcome claims of precision and magnitudes counts for nothing: the reference's run does."""
    want = CaseOutcome(
        S.PASS, values={"y": np.array([1.0, 2.0])}, precision=2.2e-16, scale=2.0, given=1.0, returned={"y": 0}
    )
    claims = {"precision": 1.0, "scale": 1e9, "given": 1e9, "returned": {}}
    assert (
        compare(case(), CaseOutcome(S.PASS, values={"y": np.array([1.0, 2.1])}, **claims), want).status == S.WRONG_VALUE
    )
    near = CaseOutcome(S.PASS, values={"y": np.array([1.0, 2.0 + 1e-5])}, **claims)
    assert compare(case(), near, want).status == S.WRONG_VALUE


def test_float32_that_one_driver_hides_is_seen_in_another_case():
    """A driver that adds a float64 of its own still gets the numbers of float32."""
    want, rows = np.array([0.3, 1000.0]), []
    drivers = [lambda impl, rng: {"y": impl(want)}, lambda impl, rng: {"y": impl(want) + np.zeros(2)}]
    for answer in (lambda x: x, lambda x: x.astype(np.float32) + np.float32(6e-5)):
        rows.append([observe(driver, Impl(answer), start_of(0, number)) for number, driver in enumerate(drivers)])
    assert [array.dtype for outcome in rows[1] for array in outcome.values.values()] == [np.float32, np.float64]
    assert [verdict.status for verdict in compare_all([case(), case()], rows[1], rows[0])] == [S.PASS, S.PASS]
    assert compare(case(), rows[1][1], rows[0][1]).status == S.WRONG_VALUE


def test_a_huge_result_is_no_excuse_for_another():
    """A log-determinant beside an x of 1e170 is compared at its own size, and at that of the arguments."""
    z, log_scale = np.ones(3), np.full(3, 400.0)
    want = CaseOutcome(S.PASS, values={"x": z * np.exp(log_scale), "log_det": np.array(1200.0)})

    def graded(log_det):
        def driver(impl, rng):
            x, found = impl(z, log_scale)
            return {"x": x, "log_det": found}

        outcome = observe(driver, Impl(lambda z, s: (z * np.exp(s), log_det)), start_of(0, 0))
        return compare(case(), outcome, want).status

    assert graded(1200.0) == graded(np.float32(1200.0)) == S.PASS
    assert graded(1201.0) == graded(np.float32(1201.0)) == S.WRONG_VALUE


@pytest.mark.parametrize(
    ("draw", "draws"),
    [
        (lambda rng: np.random.standard_normal(), True),
        (lambda rng: np.random.permutation(2)[0], True),
        (lambda rng: np.random.bytes(1)[0], True),
        (lambda rng: np.random.seed(0) or 1.0, True),
        (lambda rng: rng.standard_normal(), False),
        (lambda rng: 1.0, False),
    ],
)
def test_own_random_numbers_are_noticed(draw, draws):
    """They are the same whenever the case is run."""
    outcomes = [observe(lambda impl, rng: {"y": impl(rng)}, Impl(draw), start_of(0, 0)) for _ in range(2)]
    assert [outcome.draws for outcome in outcomes] == [draws] * 2
    assert outcomes[0].values == outcomes[1].values


@pytest.mark.parametrize("forms", [None, [{"form": "none"}]])
def test_only_the_calls_of_the_reference_are_kept(forms):
    """The arguments as they came: what a driver or the function does to them later is not seen."""
    x = np.zeros(3)
    impl = Impl(lambda x: x, forms)
    impl(x)
    x[0] = 1.0
    assert [call[0][0].tolist() for call in impl.calls] == ([[0.0, 0.0, 0.0]] if forms is None else [])


# ------------------------------------------------------------------------------------------- the driver's view


def test_the_function_sees_copies_and_aliases_stay_aliases():
    x = np.arange(3.0)
    seen = []
    impl = Impl(lambda a, b: seen.append((a, b)) or a + b)
    impl(x, x)
    assert seen[0][0] is seen[0][1] and seen[0][0] is not x
    assert impl.sizes == {3}


def test_arguments_that_may_change_are_passed_as_they_are():
    def clip(w, c):
        w[:] = np.clip(w, -c, c)

    w = np.array([3.0])
    Impl(clip, mutates=["w"])(w, 1.0)
    assert w[0] == 1.0


AT_ONCE = pytest.mark.skipif(sys.version_info < (3, 14), reason="before 3.14 annotations are evaluated at once")


@pytest.mark.parametrize("head", ["from __future__ import annotations\n", pytest.param("", marks=AT_ONCE)])
def test_annotations_may_name_what_is_not_there(head):
    names = {}
    exec(compile(f"{head}def reset(w: torch.Tensor): w[:] = 0.0", "answer.py", "exec", dont_inherit=True), names)
    w = np.array([3.0])
    Impl(names["reset"], mutates=["w"])(w)  # its argument is known by its name
    assert w[0] == 0.0


def test_a_driver_that_fails_is_not_the_students_fault():
    def driver(impl, rng):
        return {"y": impl(1.0) + [][0]}

    outcome = observe(driver, Impl(lambda x: x), start_of(0, 0))
    assert outcome.status == S.GRADER_ERROR and "IndexError" in outcome.message
    assert observe(lambda impl, rng: 3, Impl(lambda x: x), start_of(0, 0)).status == S.GRADER_ERROR
    assert observe(lambda impl, rng: {"y": "text"}, Impl(lambda x: x), start_of(0, 0)).status == S.GRADER_ERROR


def root(x):
    if x < 0:
        raise ValueError("there is none")
    return x**0.5


def without_one(x):
    return [0.0] if x < 0 else x**0.5


def another_error(x):
    raise KeyError(x)


def test_a_driver_can_ask_what_is_refused():
    """What is returned instead of the error has no form to be compared with, and moves no other."""

    def driver(impl, rng):
        return {"refused": impl.refuses(-1.0), "root": impl(4.0)}

    reference = Impl(root)
    right = observe(driver, reference, start_of(0, 0))
    assert right.values == {"refused": True, "root": 2.0} and len(reference.seen) == 1
    for answer, refused in ((root, True), (without_one, False)):
        outcome = observe(driver, Impl(answer, reference.seen), start_of(0, 0))
        assert outcome.values == {"refused": refused, "root": 2.0}
    assert observe(driver, Impl(another_error, reference.seen), start_of(0, 0)).status == S.RAISED


def test_the_same_seed_gives_the_same_inputs():
    def driver(impl, rng):
        return {"y": impl(rng.standard_normal(4))}

    first, again, other = (observe(driver, Impl(np.sin), start_of(seed, 1)).values["y"] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other)


# ------------------------------------------------------------------------------------------- frames


NONCE = bytes(range(16))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "u1", "?", "c16", ">f8"])
def test_frames_carry_arrays_exactly(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    frame = protocol.encode(
        NONCE, {"type": "outcome", "text": "é"}, {"y": array, "z": np.array(3.0), "e": np.zeros((0, 2))}
    )
    header, arrays = protocol.read(io.BytesIO(frame).read, NONCE)
    assert header == {"type": "outcome", "text": "é"}
    assert np.array_equal(arrays["y"], array) and arrays["y"].dtype.kind == array.dtype.kind
    assert arrays["z"].shape == () and arrays["e"].shape == (0, 2)


def test_frames_come_in_pieces():
    stream = io.BytesIO(protocol.encode(NONCE, {"a": 1}) * 2)

    def read(n):
        return stream.read(min(n, 3))

    assert protocol.read(read, NONCE) == protocol.read(read, NONCE) == ({"a": 1}, {})
    assert protocol.read(read, NONCE) is None


GOOD = protocol.encode(NONCE, {"a": 1}, {"y": np.zeros(2)})


@pytest.mark.parametrize(
    "data",
    [
        GOOD[:-1],
        GOOD[:20],
        bytes(16) + GOOD[16:],
        b"pass" * 100,
        NONCE + b"\xff" * 12 + b"{}",
        GOOD.replace(b'"<f8"', b'"|O8"'),
        GOOD.replace(b'"<f8"', b'"(2,"'),
        GOOD.replace(b"[2]", b"[9]"),
        GOOD.replace(b"[2]", b"[-]"),
        GOOD.replace(b'"arrays"', b'"arrayz"'),
    ],
)
def test_other_bytes_are_refused(data):
    with pytest.raises(protocol.ProtocolError):
        protocol.read(io.BytesIO(data).read, NONCE)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_header_nested_without_end_is_refused(opening):
    header = opening * 150_000
    data = NONCE + struct.pack(">IQ", len(header), 0) + header
    with pytest.raises(protocol.ProtocolError):
        protocol.read(io.BytesIO(data).read, NONCE)


OUTCOME = {"status": S.PASS, "message": "", "line": None, "text": "", "draws": False, "untouched": [], "call": None}


@pytest.mark.parametrize(
    "claim",
    [
        {"status": S.GRADER_ERROR},
        {"status": S.WRONG_VALUE},
        {"status": []},
        {"line": float("inf")},
        {"line": 10**400},
        {"line": -1},
        {"line": True},
        {"message": ["not", "words"]},
        {"text": None},
        {"untouched": 3},
        {"call": -1},
        {"call": True},
    ],
)
def test_an_outcome_that_no_worker_writes_is_refused(claim):
    assert protocol.outcome_of(OUTCOME, {}).answered
    with pytest.raises(protocol.ProtocolError):
        protocol.outcome_of({**OUTCOME, **claim}, {})


def test_words_of_an_outcome_can_be_written_to_a_file():
    assert protocol.outcome_of({**OUTCOME, "message": "a\ud800b"}, {}).message == "a\\ud800b"


def add_one_inside(parameters):
    for p in parameters:
        p += 1.0
    return 0.0


def empty_the_list(parameters):
    parameters.clear()
    return 0.0


def replace_inside(parameters):
    parameters[0] = np.zeros(2)
    return 0.0


@pytest.mark.parametrize("answer", [add_one_inside, empty_the_list, replace_inside])
def test_arrays_and_lists_inside_an_argument_are_inputs_too(answer):
    kept = [np.ones(2), np.ones(3)]
    outcome = observe(lambda impl, rng: {"y": impl(kept)}, Impl(answer), start_of(0, 0))
    assert outcome.status == S.CHANGED_INPUTS
    assert [a.tolist() for a in kept] == [[1, 1], [1, 1, 1]], "the driver's own arrays are whole"
    assert answer is not add_one_inside or "`parameters`" in outcome.message


def write_into_the_schedule(schedule):
    schedule.beta[1] = 0.5
    return 0.0


def give_it_another_array(schedule):
    schedule.beta = 2 * schedule.beta
    return 0.0


def take_one_away(schedule):
    del schedule.beta
    return 0.0


@pytest.mark.parametrize("answer", [write_into_the_schedule, give_it_another_array, take_one_away])
def test_the_arrays_of_an_object_are_inputs_too(answer):
    held = types.SimpleNamespace(T=2, beta=np.array([0.0, 0.1, 0.2]))
    outcome = observe(lambda impl, rng: {"y": impl(held)}, Impl(answer), start_of(0, 0))
    assert outcome.status == S.CHANGED_INPUTS
    assert "`schedule.beta`" in outcome.message


def test_an_object_may_keep_its_arrays_and_one_named_for_change_may_lose_them():
    held = types.SimpleNamespace(beta=np.array([0.0, 0.1, 0.2]))
    assert observe(
        lambda impl, rng: {"y": impl(held)}, Impl(lambda schedule: schedule.beta.sum()), start_of(0, 0)
    ).answered
    Impl(write_into_the_schedule, mutates=["schedule"])(held)
    assert held.beta[1] == 0.5


def test_what_an_argument_names_for_change_may_change_inside_a_list():
    kept = [np.ones(2)]
    Impl(add_one_inside, mutates=["parameters"])(kept)
    assert kept[0].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("got", "want", "words"),
    [
        (
            [[1.5, 2.3], [0.7, 4.1]],
            [[4.1, 0.7], [2.3, 1.5]],
            "numbers in other places: some have moved from one example",
        ),
        (
            [[2.3, 1.5], [0.7, 4.1]],
            [[1.5, 2.3], [4.1, 0.7]],
            "each example of yours has the expected numbers in other places",
        ),
        ([2.3, 0.7, 1.5], [1.5, 2.3, 0.7], "yours has the expected numbers in other places"),
        ([[1.5, 0.3], [1.5, 0.3]], [[2.5, 1.3], [1.5, 0.3]], "each row of yours is the last one expected"),
        ([1.3, 1.3, 1.3], [0.2, 0.9, 1.3], "each row of yours is the last one expected"),
        ([1.0, 1.0, 1.0], [0.2, 0.9, 1.0], ""),  # a 1 everywhere may have any reason
        ([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]], ""),  # as may zeros and ones
    ],
)
def test_the_expected_numbers_in_other_places(got, want, words):
    said = relation(pair(got, want))
    assert words in said and bool(said) == bool(words), said


def test_a_dtype_counts_where_it_is_promised():
    exact = Case(lambda impl, rng: {}, 3, "shapes", {}, False, 1e-6, 1e-9, exact_dtype=True)
    single = CaseOutcome(S.PASS, values={"y": np.float32([1.0, 2.0])})
    double = CaseOutcome(S.PASS, values={"y": np.array([1.0, 2.0])})
    verdict = compare(exact, double, single)
    assert (verdict.status, verdict.message) == (S.WRONG_DTYPE, "y is float64, float32 was expected")
    assert verdict.relation == "" and verdict.yours is None
    assert compare(exact, single, single).passed and compare(case(), double, single).passed
    wrong = compare(exact, CaseOutcome(S.PASS, values={"y": np.array([1.0, 3.0])}), single)
    assert wrong.status == S.WRONG_VALUE, "a wrong value comes first"
    pixels, whole = (CaseOutcome(S.PASS, values={"y": np.array([1, 2], dtype)}) for dtype in (np.uint8, np.int64))
    assert compare(exact, whole, pixels).message == "y is int64, uint8 was expected"
    assert compare(exact, pixels, pixels).passed and compare(case(), whole, pixels).passed


def test_a_flag_has_words_and_no_numbers():
    verdict = judge(False, True)
    assert (verdict.status, verdict.message) == (S.WRONG_VALUE, "y is False, True was expected")
    assert verdict.yours is None and verdict.index is None
    assert judge(False, True, y=True).message == verdict.message
    assert judge(1j, 2j, y=2j).yours == 1j and judge(2j, 2j, y=2j).passed


def test_a_near_miss_has_no_relation():
    """Where both are nearly 0, each is as good as the other with the opposite sign."""
    assert relation(pair([1e-9, -3e-9, 2e-9], [4e-10, 1e-10, -2e-10])) == ""
    assert relation(pair([1.0, 2.0 + 1e-8], [1.0, 2.0])) == ""
