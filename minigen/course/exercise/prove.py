"""The author's proofs: that an exercise accepts what is right and catches what is wrong.

    form        at least one literal, one property, one mistake; the reference is one small function
    answers     every edit applies to the reference, every table names an exercise
    reference   passes every case on every seed, and leaves its inputs alone
    variants    get full points on every seed, with a factor 10 of tolerance to spare; hint three's code is one of them
    mistakes    each fails on every seed by a factor 100 of tolerance, with its own hint and no other
    clauses     the first clause of each hint has a verb, and no mistake with another hint has the same
    cases       each is failed by some mistake
    fixed       a table of what `check` shows passes these cases on secret seeds, and no others
    stub        fails cleanly, and holds no line of the answer
    mutants     at least 95 % of the mechanical mutants of the reference fail, and of each variant; those listed as
                equivalent do not

Everything runs in this process (these are the author's functions), with a time limit where the system has a timer.
"""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minigen.course.console import color, plural, print_json
from minigen.course.exercise import catalog, functions, stubs
from minigen.course.exercise.answers import TABLES, Answers, ListedAnswer, answers_of
from minigen.course.exercise.clauses import has_verb
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.compare import COARSEST, Verdict, compare, compare_all
from minigen.course.exercise.grading.drivers import drivers_of, load_drivers
from minigen.course.exercise.grading.explain import recognised
from minigen.course.exercise.grading.in_process import TooLong, time_limit
from minigen.course.exercise.grading.observe import Impl, observe, start_of
from minigen.course.exercise.grading.outcome import CaseOutcome
from minigen.course.exercise.grading.reference import (
    Reference,
    drawing_nothing,
    observe_case,
    quiet,
    reference_of,
    references,
)
from minigen.course.exercise.lookup import looked_up
from minigen.course.exercise.mutants import Mutant, mutants, mutants_of

__all__ = [
    "MARGIN_MISTAKE",
    "MARGIN_VARIANT",
    "MUTANTS_CAUGHT",
    "EquationProofs",
    "Proof",
    "has_literal",
    "hint_three",
    "prove",
    "run",
]

MARGIN_MISTAKE = 100.0  # a mistake misses by at least so many tolerances
MARGIN_VARIANT = 0.1  # a variant stays within this part of the tolerance
MUTANTS_CAUGHT = 0.95
LONGEST = 25  # lines of a reference, without its docstring, comments and blank lines


@dataclass
class Proof:
    """What was found about one exercise; it is sound if `problems` is empty."""

    exercise: Exercise
    problems: list[str] = field(default_factory=list)
    caught: int = 0
    total: int = 0
    survivors: list[str] = field(default_factory=list)
    equivalents: dict[str, str] = field(default_factory=dict)  # with the reasons
    mistakes: int = 0
    variants: int = 0
    seconds: float = 0.0

    @property
    def stands(self) -> bool:
        return not self.problems

    @property
    def score(self) -> float:
        """Fraction of the mutants caught, those known to be equivalent left out."""
        counted = self.total - len(self.equivalents)
        return self.caught / counted if counted else 1.0

    def to_json(self) -> dict[str, Any]:
        names = ("problems", "mistakes", "variants", "caught", "total", "survivors", "equivalents")
        return {
            "id": self.exercise.id,
            "stands": self.stands,
            **{name: getattr(self, name) for name in names},
            "score": round(self.score, 4),
            "seconds": round(self.seconds, 3),
        }


def _observe(
    exercise: Exercise,
    function: Callable,
    seed: int,
    wanted: Sequence[Reference],
    known: Mapping[int, CaseOutcome] | None = None,
) -> list[CaseOutcome]:
    """Run a function on every case but those whose outcome is known, quietly and within its limit of processor time."""
    known = known or {}
    try:
        with quiet(), time_limit(exercise.seconds * max(1, len(exercise.cases))):
            return [
                known[number] if number in known else observe_case(exercise, function, seed, number, row)
                for number, row in enumerate(wanted)
            ]
    except TooLong:
        return [CaseOutcome(status.TIMEOUT, "took too long") for _ in exercise.cases]


def _compare(exercise: Exercise, outcomes: Sequence[CaseOutcome], rows: Sequence[Reference]) -> list[Verdict]:
    return compare_all(exercise.cases, outcomes, [row.outcome for row in rows])


def _on_seeds(
    exercise: Exercise, function: Callable, wanted: Sequence[Sequence[Reference]], fixed: Iterable[int]
) -> Iterator[list[CaseOutcome]]:
    """Yield the outcomes on one seed after the other; those of cases with fixed inputs are found once."""
    known: dict[int, CaseOutcome] = {}
    for seed, rows in enumerate(wanted):
        outcomes = _observe(exercise, function, seed, rows, known)
        known = {number: outcomes[number] for number in fixed}
        yield outcomes


class EquationProofs:
    """The proofs that depend on where the equation is written: here it is the package's own function."""

    def form(self, exercise: Exercise) -> list[str]:
        """Return what its cases, and its texts, must have."""
        problems = [] if has_literal(exercise) else ["no case has a literal: give one `expect` worked by hand"]
        return problems if any(case.is_property for case in exercise.cases) else [*problems, "no case has a property"]

    def fixed(self, exercise: Exercise, right: Sequence[ListedAnswer], mistakes: Sequence[ListedAnswer]) -> list[str]:
        """Return the cases that are `fixed` and should not be, and the other way round."""
        found = looked_up(exercise, [answer.function for answer in right], [mistake.function for mistake in mistakes])
        problems = []
        for number, case in enumerate(exercise.cases):
            if number in found and not case.fixed:
                problems.append(
                    f"a table of what `check` shows passes {case.name} on a secret seed: it must be fixed=True"
                )
            elif case.fixed and number not in found:
                problems.append(
                    f"{case.name} is fixed=True, and no table of what `check` shows passes it on a secret seed"
                )
        return problems

    def mutants(self, exercise: Exercise, right: Sequence[ListedAnswer]) -> tuple[list[Mutant], list[ListedAnswer]]:
        """Return the mutants of the equation, and the other ways to write it whose mutants are tried, too."""
        return mutants(exercise.reference), list(right)

    def equivalents(self, exercise: Exercise, listed: Mapping[str, str]) -> Mapping[str, str]:
        """Return the mutants that compute the same, with the reasons; listed: those of the exercise's own answers."""
        return listed


def has_literal(exercise: Exercise) -> bool:
    """Return whether some case expects a number that was worked by hand."""
    return any(case.expect and not case.is_property for case in exercise.cases)


def prove(
    exercise: Exercise,
    seeds: int = 20,
    mistake_seeds: int | None = None,
    equation: EquationProofs | None = None,
) -> Proof:
    """All proofs of one exercise; the mistakes on the first `mistake_seeds` of the seeds, on all unless given.

    equation: the proofs that depend on where the equation is; by default, in the package.
    """
    equation = EquationProofs() if equation is None else equation
    started, proof = time.monotonic(), Proof(exercise)
    try:
        answers = answers_of(exercise)
        right = [*answers.variants, hint_three(exercise)]
        proof.mistakes, proof.variants = len(answers.mistakes), len(right)
        proof.problems += answers.problems + _form(exercise, answers, equation) + _drivers(exercise)
        unchanging = drawing_nothing(exercise)
        wanted = [references(exercise, 0)]
        for seed in range(1, seeds):
            rows = enumerate(wanted[0])
            wanted.append([row if n in unchanging else reference_of(exercise, seed, n) for n, row in rows])
        proof.problems += _stub(exercise, right, wanted[0])
        problems = _reference(exercise, wanted)
        if not problems:
            problems += _variants(exercise, right, wanted, unchanging)
            problems += _mistakes(exercise, answers.mistakes, wanted[:mistake_seeds], unchanging)
            problems += equation.fixed(exercise, right, answers.mistakes)
            problems += _mutants(exercise, right, answers.equivalents, equation, wanted[0], proof)
        proof.problems += problems
    except (ImportError, AttributeError, OSError, SyntaxError, ValueError) as error:
        proof.problems.append(f"{type(error).__name__}: {error}")
    proof.seconds = time.monotonic() - started
    return proof


# ------------------------------------------------------------------------------------------- the proofs


def _form(exercise: Exercise, answers: Answers, equation: EquationProofs) -> list[str]:
    problems = equation.form(exercise)
    if not answers.mistakes:
        problems.append("it lists no mistake")
    problems += _clauses(answers.mistakes)
    problems += [f"answers.py has an entry for {name}, which is no exercise" for name in _strangers(exercise)]
    node = functions.definition(functions.source(exercise.reference))
    length = sum(len(ast.unparse(step).splitlines()) for step in functions.body(node))
    if length > LONGEST:
        problems.append(f"the reference has {length} lines, at most {LONGEST} make an exercise")
    return problems


def _clauses(mistakes: Sequence[ListedAnswer]) -> list[str]:
    """First clauses that do not tell a student what is wrong: they have no verb, or two mistakes share one.

    Two entries may have the same hint: they are one mistake, written in two ways.
    """
    problems = [f"the hint {m.note!r} begins with a clause without a verb" for m in mistakes if not has_verb(m.clause)]
    hints: dict[str, str] = {}
    for mistake in mistakes:
        other = hints.setdefault(mistake.clause.lower(), mistake.note)
        if other != mistake.note:
            problems.append(f"the hints {other!r} and {mistake.note!r} begin with the same clause")
    return problems


def _strangers(exercise: Exercise) -> set[str]:
    """Names in the tables of `answers.py` that no exercise of the lesson has."""
    assert exercise.path is not None, "the catalog sets the path of every exercise"
    path = exercise.path.with_name("answers.py")
    names = catalog.namespace(path) if path.exists() else {}
    return {name for table in TABLES for name in names.get(table, {})} - {e.name for e in catalog.load(exercise.path)}


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _drivers(exercise: Exercise) -> list[str]:
    """Return what a worker gets of the exercise's file runs on its own: no driver uses the exercise."""
    try:
        drivers = load_drivers(drivers_of(exercise), str(exercise.path), [case.name for case in exercise.cases])
    except Exception as error:
        return [f"the drivers cannot be loaded by a worker: {type(error).__name__}: {error}"]
    for number, driver in enumerate(drivers):
        impl = Impl(exercise.reference, mutates=exercise.mutates, renamed=exercise.renamed)
        with quiet():
            outcome = observe(driver, impl, start_of(0, number))
        if outcome.status == status.GRADER_ERROR:
            return [f"the drivers need something that a worker is not given: {outcome.message}"]
    return []


def _student(exercise: Exercise, codes: dict[str, str]) -> tuple[str, Callable]:
    """Return the text of a student's file, from the stubs of the lesson with some code typed in, and her function."""
    text = stubs.completed(stubs.stub_file(_beside(exercise)), codes)
    namespace: dict[str, Any] = {"__name__": "student"}
    exec(compile(text, "<student>", "exec"), namespace)
    return text, namespace[exercise.name]


def hint_three(exercise: Exercise) -> ListedAnswer:
    """Return the code of the last hint, typed into the unchanged stub, beside that of the lesson's other exercises."""
    text, function = _student(exercise, {other.name: other.hints[2] for other in _beside(exercise)})
    tree = functions.definition(stubs.function_source(text, exercise.name) or "")
    return ListedAnswer(exercise.hints[2], "hint three", tree, function)


def _beside(exercise: Exercise) -> list[Exercise]:
    """Return the exercises of the same file, which may use one another."""
    assert exercise.path is not None, "the catalog sets the path of every exercise"
    return [exercise if other.id == exercise.id else other for other in catalog.load(exercise.path)]


def _stub(exercise: Exercise, right: Sequence[ListedAnswer], rows: Sequence[Reference]) -> list[str]:
    """Return the stub fails as a stub, and shows nothing of the reference or of a variant."""
    problems = []
    text, function = _student(exercise, {})
    outcomes = _observe(exercise, function, 0, rows)
    if stubs.is_stub(text, exercise.name) is not True or any(outcome.status != status.STUB for outcome in outcomes):
        problems.append(f"the stub does not fail as one: {outcomes[0].status}, {outcomes[0].message}")
    shown = _squeeze("\n".join(line for line in text.splitlines() if not line.startswith("def ")))
    trees = [functions.definition(functions.source(exercise.reference)), *(answer.tree for answer in right)]
    for line in [line for tree in trees for line in _answer_lines(tree)]:
        if _squeeze(line) in shown:
            problems.append(f"the stub shows a line of the answer: {line}")
    return problems


def _answer_lines(node: ast.FunctionDef) -> list[str]:
    """Statements of an answer, and what they return or assign, but for short ones."""
    lines = []
    for statement in ast.walk(node):
        if isinstance(statement, (ast.Return, ast.Assign, ast.AugAssign, ast.Expr)):
            lines.append(ast.unparse(statement))
            value = statement.value
            if isinstance(value, (ast.BinOp, ast.Call)):
                lines.append(ast.unparse(value))
    docstring = ast.get_docstring(node, clean=False)
    return [line for line in lines if len(_squeeze(line)) >= 8 and (docstring is None or docstring not in line)]


def _reference(exercise: Exercise, wanted: Sequence[Sequence[Reference]]) -> list[str]:
    for seed, rows in enumerate(wanted):
        verdicts = _compare(exercise, [row.outcome for row in rows], rows)
        for verdict in verdicts:
            if not verdict.passed:
                return [f"the reference fails {verdict.case} (seed {seed}): {verdict.status}, {verdict.message}"]
            if verdict.ratio > MARGIN_VARIANT:
                return [
                    f"the reference misses what {verdict.case} expects by {verdict.ratio:.2g} tolerances (seed {seed})"
                ]
    return []


def _variants(
    exercise: Exercise, right: Sequence[ListedAnswer], wanted: Sequence[Sequence[Reference]], fixed: frozenset[int]
) -> list[str]:
    problems = []
    for answer in right:
        for seed, outcomes in enumerate(_on_seeds(exercise, answer.function, wanted, fixed)):
            verdicts = _compare(exercise, outcomes, wanted[seed])
            bad = [verdict for verdict in verdicts if not verdict.passed or verdict.ratio > MARGIN_VARIANT]
            if bad:
                why = bad[0].message or f"off by {bad[0].ratio:.2g} tolerances"
                problems.append(f"the variant {answer.name} fails {bad[0].case} (seed {seed}): {bad[0].status}, {why}")
                break
    return problems


def _mistakes(
    exercise: Exercise, mistakes: list[ListedAnswer], wanted: Sequence[Sequence[Reference]], fixed: frozenset[int]
) -> list[str]:
    problems: list[str] = []
    useful: set[str] = set()
    answers = [list(_on_seeds(exercise, mistake.function, wanted, fixed)) for mistake in mistakes]
    for number, mistake in enumerate(mistakes):
        for seed, rows in enumerate(wanted):
            outcomes = answers[number][seed]
            verdicts = _compare(exercise, outcomes, rows)
            useful.update(verdict.case for verdict in verdicts if not verdict.passed)
            right = [row.outcome for row in rows]
            found = recognised(exercise.cases, outcomes, verdicts, mistakes, lambda m, c: answers[m][seed][c], right)
            problem = _mistake_problem(mistake, verdicts, found)
            if problem:
                problems.append(f"the mistake {mistake.name!r} (seed {seed}) {problem}")
                break
    problems += [f"no mistake fails the case {case.name}" for case in exercise.cases if case.name not in useful]
    return problems


def _mistake_problem(mistake: ListedAnswer, verdicts: Sequence[Verdict], found: Sequence[ListedAnswer]) -> str:
    """Return what is wrong with a mistake on one seed; "" if nothing is."""
    failed = [verdict for verdict in verdicts if not verdict.passed]
    broken = [verdict for verdict in failed if verdict.status == status.GRADER_ERROR]
    if broken:
        return f"breaks the driver of {broken[0].case}: {broken[0].message}"
    if not failed:
        return "passes"
    worst = max(verdict.ratio for verdict in failed)
    if worst < MARGIN_MISTAKE:
        return f"misses by {worst:.3g} tolerances only"
    names = [answer.name for answer in found]
    return "" if names == [mistake.name] else f"is taken for {', '.join(names) or 'none of the mistakes'}"


def _mutants(
    exercise: Exercise,
    right: Sequence[ListedAnswer],
    listed: Mapping[str, str],
    equation: EquationProofs,
    rows: Sequence[Reference],
    proof: Proof,
) -> list[str]:
    problems = []
    first, spelled = equation.mutants(exercise, right)
    equivalents = equation.equivalents(exercise, listed)
    every, alive = _alive(exercise, first, rows)
    proof.total, proof.caught = len(every), len(every) - len(alive)
    proof.equivalents = {name: equivalents[name] for name in alive if name in equivalents}
    proof.survivors = [name for name in alive if name not in equivalents]
    for answer in spelled:  # they often write out more of the equation
        others, alive_too = _alive(exercise, mutants_of(answer.tree, answer.function.__globals__), rows)
        survivors = [name for name in alive_too if name not in equivalents]
        proof.survivors += [f"{answer.note}: {name}" for name in survivors]
        if len(survivors) > (1 - MUTANTS_CAUGHT) * len(others):
            problems.append(f"too many mutants of {answer.name} pass: {'; '.join(survivors[:10])}")
        every, alive = every + others, alive + alive_too
    for name in listed:
        if name not in alive:
            what = "is caught" if name in every else "does not exist"
            problems.append(f"listed as equivalent, but it {what}: {name}")
    if proof.score < MUTANTS_CAUGHT:
        shown = "; ".join(proof.survivors[:10])
        problems.append(f"only {proof.score:.0%} of the mutants are caught; these pass: {shown}")
    return problems


def _alive(exercise: Exercise, every: list[Mutant], rows: Sequence[Reference]) -> tuple[list[str], list[str]]:
    """Return the names of all mutants, and of those that pass every case."""
    alive = []
    for mutant in every:
        if _passes(exercise, mutant.function, rows):
            alive.append(mutant.name)
    return [mutant.name for mutant in every], alive


def _passes(exercise: Exercise, function: Callable, rows: Sequence[Reference]) -> bool:
    """Whether a function passes all cases; the first that fails at any precision decides.

    A case that float32 would explain is judged at the end, when the other cases have shown what the function computes
    in.
    """
    outcomes = []
    try:
        with quiet(), time_limit(exercise.seconds * max(1, len(exercise.cases))):
            for number, (case, row) in enumerate(zip(exercise.cases, rows, strict=True)):
                outcomes.append(observe_case(exercise, function, 0, number, row))
                if not compare(case, outcomes[-1], row.outcome, COARSEST).passed:
                    return False
    except TooLong:
        return False
    return all(verdict.passed for verdict in _compare(exercise, outcomes, rows))


# ------------------------------------------------------------------------------------------- the command


def run(exercises: Sequence[Exercise], seeds: int = 20, as_json: bool = False) -> int:
    """Prove exercises and print what was found; 0 if all are sound, 1 otherwise."""
    proofs = []
    for exercise in exercises:
        proof = prove(exercise, seeds)
        proofs.append(proof)
        if not as_json:
            print(_describe(proof), flush=True)
    if as_json:
        data = {"version": 1, "stands": all(p.stands for p in proofs), "exercises": [p.to_json() for p in proofs]}
        print_json(data)
    else:
        sound = f"{sum(proof.stands for proof in proofs)} of {plural(len(proofs), 'exercise')}"
        verb = "is" if len(proofs) == 1 else "are"
        print(f"{sound} {verb} sound, on {seeds} seeds, in {sum(p.seconds for p in proofs):.1f} s")
    return 0 if all(proof.stands for proof in proofs) else 1


def _describe(proof: Proof) -> str:
    exercise = proof.exercise
    word = color("sound", "green", sys.stdout) if proof.stands else color("FAILS", "red", sys.stdout)
    counted = proof.total - len(proof.equivalents)
    lines = [
        f"{exercise.id}: {word}; {len(exercise.cases)} cases, {proof.variants} variants, "
        f"{proof.mistakes} mistakes, {proof.caught} of {counted} mutants caught ({proof.score:.0%})"
    ]
    lines += [f"  problem: {problem}" for problem in proof.problems]
    lines += [f"  survives: {name}" for name in proof.survivors]
    lines += [f"  equivalent: {name} ({reason})" for name, reason in proof.equivalents.items()]
    return "\n".join(lines)
