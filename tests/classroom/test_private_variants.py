"""Private variants of exercises: the author's proofs hold of each, and the exercise's own answer does not pass."""

import dataclasses

import autograd.numpy as np
import pytest

from minigen.classroom.private import variants
from minigen.classroom.private.declaration import addresses
from minigen.classroom.private.proofs import prove_variant
from minigen.course.console import UsageError
from minigen.course.exercise import catalog, prompts, stubs
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.in_process import grade_function, grade_source
from minigen.course.exercise.grading.submission import Submission

ADDRESSES = [address for exercise in catalog.all_exercises() for address in addresses(exercise)]
# a constant, arguments by other names, an argument changed in place, the order of a tuple
SAMPLE = ["gan/12/penalized_slope@1", "gan/08/frechet_distance@0", "gan/12/clip_weights@0", "gan/09/virtual_moments@0"]
HEAD = (
    "import autograd.numpy as np\nfrom minigen.metrics.samples import ModeCoverage\nfrom minigen.tensor import leaves\n"
)


def test_forty_exercises_of_all_posts_have_one():
    ids = {address.partition("@")[0] for address in ADDRESSES}
    assert len(ids) >= 40 and {"gan", "vae", "flow", "diffusion"} <= {id.partition("/")[0] for id in ids}


def states_the_change(variant):
    """The prompt and the hints of a variant are complete texts."""
    prompt = stubs.stub(variant)
    assert "Changed for this assignment:" in prompt and "ordinary" not in prompt
    assert variant.changed.endswith(".") and variant.changed[0] == variant.changed[0].lower()
    assert all("{k}" not in text for text in (prompt, *variant.hints))


def test_a_change_is_markdown_in_the_prompt_and_plain_text_elsewhere():
    """Files, hints and reports have no LaTeX: `changed` is what the prompt ends with, in ASCII."""
    for variant in map(variants.find, ADDRESSES):
        said = f"{variants.SAID} {variant.changed}"
        assert prompts.paragraphs(variant)[-1] == f"{variants.SAID} {variant.says}"
        assert said in " ".join(stubs.stub(variant).split()) and variant.hints[1].endswith(said)
    penalty = variants.find("gan/12/penalized_slope@0")
    assert penalty.says.startswith(r"the penalty is $\lambda (s - 3)^2$")
    assert penalty.changed.startswith("the penalty is lambda (s - 3)^2")


def test_a_renamed_argument_is_no_command_of_latex():
    variant = variants.find("vae/08/kl_standard_normal@0")
    variant.private = dataclasses.replace(variant.private, text={})
    variant.__dict__["renamed"] = {"mu": "mean"}
    assert variant.reworded(r"`mu` is $\mu$, and mu + 1") == r"`mean` is $\mu$, and mean + 1"


@pytest.mark.slow
@pytest.mark.parametrize("address", ADDRESSES)
def test_the_authors_proofs_stand(address):
    variant = variants.find(address)
    states_the_change(variant)
    proof = prove_variant(variant, seeds=10, mistake_seeds=3)
    assert proof.stands, proof.problems
    assert not proof.survivors


@pytest.mark.parametrize("address", SAMPLE)
def test_proofs_of_a_few(address):
    variant = variants.find(address)
    states_the_change(variant)
    proof = prove_variant(variant, seeds=2, mistake_seeds=1)
    assert proof.stands, proof.problems
    assert proof.mistakes >= len(answers_of(variant.ordinary).mistakes)  # and the exercise's own answer


@pytest.mark.parametrize("address", SAMPLE)
def test_only_its_own_answer_passes(address):
    """As a student's file would hold it: the third hint of the exercise fails, that of the variant passes."""
    variant = variants.find(address)
    for exercise, state in ((variant.ordinary, False), (variant, True)):
        text = f"def {stubs.signature(exercise)}:\n    " + exercise.hints[2].replace("\n", "\n    ")
        report = grade_source(variant, Submission("answer.py", f"{HEAD}\n\n{text}\n"))
        assert report.passed == state, [(each.case, each.status, each.message) for each in report.verdicts]
        assert report.listed != state
    assert report.points == variant.points == variant.ordinary.points


def test_a_worker_calls_it_by_its_own_names(tmp_path):
    """The drivers pass `min_count=...`, and the variant calls it `at_least`."""
    variant = variants.find("gan/07/mode_coverage@0")
    assert variant.renamed == {"min_count": "at_least"}
    assert "at_least good samples" in stubs.stub(variant) and "min_count" not in stubs.stub(variant)
    path = tmp_path / "gan_07.py"
    path.write_text(stubs.completed(stubs.stub_file([variant]), {variant.name: variant.hints[2]}))
    report = grade_file(variant, path)
    assert report.passed, [(each.case, each.status, each.message) for each in report.verdicts]


def test_literals_and_sentences_that_do_not_hold_are_left_out():
    variant = variants.find("gan/09/minibatch_closeness@0")
    cases = {case.name: case for case in variant.cases}
    assert cases["two_near_one_far"].expect == {"o": [[1.25], [1.25], [1.0]]} and not cases["two_near_one_far"].about
    assert cases["a_collapsed_batch"].expect  # the closeness of equal rows is 1, whatever the change
    other = variants.find("gan/09/minibatch_closeness@1")
    assert other.cases[0].expect == {} and other.cases[0].name == "two_near_one_far"


def test_the_package_is_no_answer():
    variant = variants.find("gan/12/penalized_slope@0")
    report = grade_function(variant, variant.ordinary.reference)
    assert {verdict.status for verdict in report.verdicts} == {status.PACKAGE_ANSWER}
    report = grade_function(variant, lambda distance, penalty=10.0: 3 + np.asarray(distance) / (2 * penalty))
    assert report.passed


def test_a_change_of_the_variants_equation_explains_an_answer():
    """What an answer has besides the variant's change is told, as with the exercise itself: 3 for 2."""
    variant = variants.find("gan/12/penalized_slope@0")
    report = grade_function(variant, lambda distance, penalty=10.0: 3 + np.asarray(distance) / (3 * penalty))
    assert report.hint.startswith("your values are those of the equation with") and not report.listed


def test_the_secret_chooses():
    choices = [variants.choice("gan/12/penalized_slope", f"secret {n}", "hw1") for n in range(40)]
    assert set(choices) == {0, 1, 2}
    assert choices == [variants.choice("gan/12/penalized_slope", f"secret {n}", "hw1") for n in range(40)]


@pytest.mark.parametrize(
    "address", ["gan/12/critic_loss@0", "gan/12/penalized_slope@3", "gan/12/clip_weights@x", "gan/12@0"]
)
def test_what_there_is_not(address):
    with pytest.raises(UsageError, match="private variant|say which"):
        variants.find(address)
