"""The text of an answer graded in this process: the same judgment as in a worker, and nothing left behind."""

import builtins
import signal
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from minigen.course import inputs
from minigen.course.commands import exercise as command
from minigen.course.exercise import catalog, stubs, substitute
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.grading import status as S
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.in_process import grade_function, grade_source, load_source
from minigen.course.exercise.grading.report import render
from minigen.course.exercise.grading.runner import Limits
from minigen.course.exercise.grading.submission import Submission
from minigen.course.exercise.progress import lesson_in_words

SAMPLE = ["gan/12/gradient_penalty", "vae/08/elbo", "flow/05/affine_forward"]
SAMPLE += ["start/01/bce_with_logits", "flow/09/lstm_step", "diffusion/01/q_step"]
CRITIC = "def critic_loss(real_scores, fake_scores):\n"
RIGHT = f"{CRITIC}    return np.mean(fake_scores) - np.mean(real_scores)\n"
INPUT = builtins.input
LESSON = catalog.exercises_of("gan/12")
HEAD = "import autograd.numpy as np\n"


@pytest.fixture(scope="module")
def texts(root):
    """The module that writes listed answers out as texts."""
    spec = util.spec_from_file_location("answer_text", root / "tests" / "answer_text.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def critic():
    return catalog.find("gan/12/critic_loss")[0]


def judged(report) -> dict:
    """A report but for the time that it took, and what differs by the machine: warnings of libraries."""
    document = report.to_json()
    return {name: value for name, value in document.items() if name not in ("seconds", "notes", "output")}


@pytest.mark.slow
@pytest.mark.parametrize("id", SAMPLE)
def test_the_verdicts_are_those_of_a_worker(id, texts):
    exercise = catalog.find(id)[0]
    listed = answers_of(exercise).mistakes
    mistakes = [listed[i] for i in sorted({0, len(listed) // 2, len(listed) - 1})]
    answers = [texts.reference_text(exercise), stubs.stub_file(catalog.exercises_of(exercise.lesson))]
    reports = []
    for text in [*answers, *(texts.mistake_text(exercise, mistake) for mistake in mistakes)]:
        report = grade_source(exercise, text)
        assert judged(report) == judged(grade_file(exercise, Submission("your answer", text)))
        assert render(report).startswith(exercise.id)
        reports.append(report)
    right, stub, *wrong = reports
    assert right.passed and right.points == exercise.points
    assert {verdict.status for verdict in stub.verdicts} == {S.STUB}
    assert grade_source(exercise, stubs.stub(exercise)).status == S.STUB
    for mistake, report in zip(mistakes, wrong, strict=True):
        assert not report.passed and report.listed and (report.cure or report.hint) == mistake.note


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "expected", "line"),
    [
        ("", S.EMPTY, None),
        ("def critic_loss(:\n    pass\n", S.SYNTAX_ERROR, 1),
        ("import sys\nsys.exit(0)\n", S.EXITED, 2),
        ("raise SystemExit\n", S.EXITED, 1),
        ("x = 1\n1 / 0\n", S.RAISED, 2),
        ("import nowhere\n", S.RAISED, 1),
        ("x = 1\n", S.MISSING_FUNCTION, None),
        ("critic_loss = 3\n", S.MISSING_FUNCTION, None),
        ("def criticloss(a, b):\n    return 0.0\n", S.MISSING_FUNCTION, None),
        (f"{CRITIC}    raise NotImplementedError\n", S.STUB, 2),
        (f"import sys\n{CRITIC}    sys.exit(1)\n", S.EXITED, 3),
        (f"{CRITIC}    return input()\n", S.INPUT, 2),
        (f"{CRITIC}    return critic_loss(real_scores, fake_scores)\n", S.RECURSION, 2),
        (f"{CRITIC}    pass\n", S.RETURNED_NONE, None),
        ("def critic_loss(scores):\n    return 0.0\n", S.WRONG_ARITY, 1),
        (f"{CRITIC}    real_scores[:] = 0\n    return 0.0\n", S.CHANGED_INPUTS, 2),
        ("from minigen.gan.wgan import critic_loss\n", S.PACKAGE_ANSWER, None),
        (
            f"from minigen.gan import wgan\n{CRITIC}    try:\n        wgan.critic_loss(1, 2)\n    except Exception:\n"
            "        return np.mean(fake_scores) - np.mean(real_scores)\n",
            S.PACKAGE_ANSWER,
            None,
        ),
        (f"np.mean = np.sum\n{RIGHT}", S.PATCHED_NUMPY, None),
        (f"{RIGHT}    np.sum = None\n".replace("return", "np.sum, x = None,"), S.PATCHED_NUMPY, None),
        (f"{CRITIC}    while True:\n        print('x' * 10000)\n", S.OUTPUT, 3),
    ],
)
def test_what_cannot_be_graded_has_the_verdict_of_a_worker(critic, text, expected, line):
    text = HEAD + text if text else text
    report = grade_source(critic, text)
    first = report.verdicts[0]
    assert (report.status, first.line and first.line - 1) == (expected, line) and report.points == 0
    if expected not in (S.EMPTY, S.SYNTAX_ERROR):  # no worker is started for these
        isolated = grade_file(critic, Submission("your answer", text))
        assert [v.status for v in report.verdicts] == [v.status for v in isolated.verdicts]
        assert first.message == isolated.verdicts[0].message
    assert np.mean([1.0, 2.0]) == 1.5 and np.sum([1.0, 2.0]) == 3.0 and builtins.input is INPUT


LOOP = "    while np.sum(real_scores) > 0:\n        pass\n    return np.mean(fake_scores) - np.mean(real_scores)\n"
ENDLESS = CRITIC + LOOP
# Twice what a case may print: the last 64 KiB may still wait in a pipe when a worker's answer arrives.
LONG = CRITIC + LOOP.replace("pass", "print('x' * 2**21)\n        break")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="nothing here counts processor time")
@pytest.mark.parametrize(("text", "expected", "line"), [(ENDLESS, S.TIMEOUT, {3, 4}), (LONG, S.OUTPUT, {4})])
def test_a_function_has_the_time_and_the_printing_of_a_worker(critic, monkeypatch, capsys, text, expected, line):
    """It is stopped in each case in which it does not end, or prints too much, and goes on with the next."""
    monkeypatch.setattr(critic, "seconds", 0.3)
    names: dict = {}
    exec(compile(HEAD + text, "notebook.py", "exec"), names)
    report = grade_function(critic, names["critic_loss"])
    isolated = grade_file(critic, Submission("notebook.py", HEAD + text), Limits(case=0.3))
    statuses = [verdict.status for verdict in report.verdicts]
    assert statuses == [verdict.status for verdict in isolated.verdicts] and report.points == isolated.points
    assert set(statuses) == {S.PASS, expected} and report.first_failure.line in line
    assert report.output.startswith("x") == (text is LONG) and capsys.readouterr() == ("", "")


def test_printing_that_adds_up_is_charged_to_one_case(critic):
    """Five cases print 215,000 characters each: the last one exceeds the limit, and may end before that is seen."""
    text = HEAD + CRITIC + "    print('x' * 215_000)\n    return np.mean(fake_scores) - np.mean(real_scores)\n"
    statuses = [verdict.status for verdict in grade_file(critic, Submission("notebook.py", text), Limits()).verdicts]
    assert statuses[:-1] == [S.PASS] * 4 and statuses[-1] in (S.PASS, S.OUTPUT)


def test_bytes_that_are_no_text(critic):
    assert grade_source(critic, "x = '\ud800'\n").status == S.NOT_UTF8
    assert grade_source(critic, "#" * 2**21).status == S.TOO_LARGE


def test_what_is_printed_is_told(critic, capsys):
    text = f"import sys\nprint('read')\n{CRITIC}    print('hello')\n    print('oh', file=sys.stderr)\n    return 1.0\n"
    report = grade_source(critic, text)
    assert report.output.splitlines()[:3] == ["read", "hello", "oh"] and "hello" in render(report)
    assert capsys.readouterr() == ("", "")


def test_an_answer_has_the_imports_of_its_lesson(critic):
    """Those of another exercise of the lesson, but not in a file, which has to import itself what it uses."""
    lines = {line for other in catalog.exercises_of("gan/12") for line in other.imports}
    assert "from minigen.tensor import leaves" in lines and not critic.imports
    text = RIGHT.replace("    return", "    leaves(0.0)\n    return")
    assert grade_source(critic, text).passed
    assert "NameError" in grade_source(critic, Submission("gan_12.py", text)).verdicts[0].message


def test_an_answer_may_call_the_others_of_its_lesson(hint_three):
    exercise = catalog.find("gan/12/penalized_critic_loss")[0]
    text = stubs.completed(stubs.stub(exercise), {exercise.name: exercise.hints[2]})
    report = grade_source(exercise, text)
    words = "your answer calls critic_loss, which is another exercise (gan/12/critic_loss): write that one first"
    assert report.status == S.RAISED and words in render(report)
    others = {other.id: stubs.completed(stubs.stub(other), {other.name: other.hints[2]}) for other in LESSON}
    assert grade_source(exercise, text, others=others).passed
    broken = grade_source(exercise, text, others={**others, "gan/12/critic_loss": "def"})
    assert "your answer to gan/12/critic_loss cannot be run, so it is not available here" in render(broken)
    elsewhere = grade_source(exercise, text, others={f"gan/99/{name}": text for name in others})
    assert not elsewhere.passed


def test_an_error_in_another_answer_is_shown_where_it_is_called():
    exercise = catalog.find("gan/12/penalized_critic_loss")[0]
    text = "def penalized_critic_loss(critic, real, fake, epsilon, penalty=10.0):\n    return critic_loss(1, 2)\n"
    report = grade_source(exercise, text, others={"gan/12/critic_loss": f"{CRITIC}    1 / 0\n"})
    assert (report.verdicts[0].line, report.verdicts[0].text) == (2, "return critic_loss(1, 2)")


def test_modules_loaded_meanwhile_keep_the_packages_function(monkeypatch):
    import minigen.diffusion.score as early
    from minigen.diffusion import langevin

    exercise, original = catalog.find("diffusion/02/langevin_step")[0], langevin.langevin_step
    monkeypatch.delitem(sys.modules, "minigen.diffusion.score")
    grade_source(exercise, f"import minigen.diffusion.score\n{stubs.stub(exercise)}")
    late = sys.modules["minigen.diffusion.score"]
    assert late is not early and late.langevin_step is langevin.langevin_step is original


def test_nothing_is_left_behind(critic):
    before = np.get_printoptions(), np.geterr(), dict(sys.modules)["sys"], np.random.get_state()[1].tolist()
    report = grade_source(
        critic, f"np.seterr(all='raise')\nnp.random.seed(1)\nnp.set_printoptions(precision=1)\n{RIGHT}"
    )
    assert report.passed
    assert before[:3] == (np.get_printoptions(), np.geterr(), dict(sys.modules)["sys"])
    assert "student" not in sys.modules


def noisy(real_scores, fake_scores):
    np.random.seed(3)
    return np.random.standard_normal()


@pytest.mark.parametrize(
    "run",
    [
        lambda critic: grade_source(critic, f"import numpy\n{CRITIC}    return numpy.random.standard_normal()\n"),
        lambda critic: grade_source(critic, f"np.random.seed(3)\n{RIGHT}"),
        lambda critic: grade_function(critic, noisy),
        lambda critic: grade_file(critic, Submission("gan_12.py", f"{HEAD}{RIGHT.replace('return', 'return -')}")),
        lambda critic: inputs(critic.id, critic.cases[0].name),
    ],
)
def test_numpys_own_generator_goes_on_as_before(critic, run):
    np.random.seed(1)
    np.random.standard_normal()  # of two that were drawn; the other is still there
    before = np.random.get_state()
    run(critic)
    after = np.random.get_state()
    assert np.array_equal(before[1], after[1]) and before[2:] == after[2:]


def test_a_dataclass_in_an_answer(critic):
    head = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass Pair:\n    a: float\n"
    )
    assert grade_source(critic, head + RIGHT).passed


def test_functions_in_use_do_not_grade(critic):
    def wrong(real_scores, fake_scores):
        return 0.0

    substitute.put(critic, wrong)
    try:
        assert grade_source(critic, RIGHT).passed
    finally:
        substitute.restore()


def test_a_check_that_was_left_in(critic, capsys):
    report = grade_source(critic, f"from minigen.course import check\n{RIGHT}check(critic_loss)\n")
    assert report.passed and "does not check itself" in report.output


def test_an_answer_to_train_with(critic):
    answer = load_source(critic, RIGHT)
    assert answer.function(np.array([3.0, 5.0]), np.array([1.0])) == -3.0
    assert load_source(critic, "def").function is None
    assert load_source(critic, "1 / 0").outcome.status == S.RAISED
    assert load_source(critic, "x = 1").outcome.status == S.MISSING_FUNCTION


def test_the_command_line_checks_in_this_process(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("exercises").mkdir()
    Path("exercises/gan_12.py").write_text(HEAD + RIGHT, encoding="utf-8")
    monkeypatch.setattr("minigen.course.exercise.grading.runner.run", lambda *a: pytest.fail("a worker was started"))
    assert command.main(["check", "gan/12/critic_loss", "--here"]) == 0
    assert "gan/12/critic_loss: pass, 8 of 8 points" in capsys.readouterr().out
    assert lesson_in_words("gan/12").startswith("1/")
