"""The author's proofs: that an exercise accepts what is right and catches what is wrong.

    form        at least one literal, one property, one mistake, one variant; the reference is one small function
    reference   passes every case on every seed, and leaves its inputs alone
    variants    get full points on every seed, with a factor 10 of tolerance to spare
    mistakes    each fails on every seed by a factor 100 of tolerance, with its own hint and no other
    cases       each is failed by some mistake
    stub        fails cleanly, and holds no line of the answer
    mutants     at least 95 % of the mechanical mutants of the reference fail, and of each variant; those listed as
                equivalent do not

Everything runs in this process (these are the author's functions), with a time limit where the system has a timer.
"""

from __future__ import annotations

import ast
import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from minigen.course.console import color
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.drivers import driver_source
from minigen.course.exercise.grading.grade import (
    Reference,
    compare_all,
    matching_mistakes,
    observe_here,
    quiet,
    references,
)
from minigen.course.exercise.grading.observe import Impl, Outcome, observe
from minigen.course.exercise.mutate import mutants

__all__ = ["MARGIN_MISTAKE", "MARGIN_VARIANT", "MUTANTS_CAUGHT", "Proof", "prove", "run"]

MARGIN_MISTAKE = 100.0  # a mistake misses by at least so many tolerances
MARGIN_VARIANT = 0.1  # a variant stays within this part of the tolerance
MUTANTS_CAUGHT = 0.95
LONGEST = 25  # lines of a reference, without its docstring, comments and blank lines


@dataclass
class Proof:
    """What was found about one exercise; it stands if `problems` is empty."""

    exercise: Exercise
    problems: list[str] = field(default_factory=list)
    caught: int = 0
    total: int = 0
    survivors: list[str] = field(default_factory=list)
    equivalents: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def stands(self) -> bool:
        return not self.problems

    @property
    def score(self) -> float:
        """Share of the mutants caught, those known to be equivalent left out."""
        counted = self.total - len(self.equivalents)
        return self.caught / counted if counted else 1.0

    def to_json(self) -> dict[str, Any]:
        names = ("problems", "caught", "total", "survivors", "equivalents")
        return {
            "id": self.exercise.id,
            "stands": self.stands,
            **{name: getattr(self, name) for name in names},
            "score": round(self.score, 4),
            "seconds": round(self.seconds, 3),
        }


class _TooLong(KeyboardInterrupt):
    """The timer went off: a mutant that does not end. Like Ctrl-C, it passes through what catches other exceptions."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise _TooLong after some seconds. Does nothing outside the main thread or where there is no timer (Windows)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number, frame):
        raise _TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _observe(exercise: Exercise, function: Callable, seed: int, wanted: Sequence[Reference]) -> list[Outcome]:
    """`observe_here`, quietly and against the clock."""
    try:
        with quiet(), time_limit(exercise.seconds * max(1, len(exercise.cases))):
            return observe_here(exercise, function, seed, wanted)
    except _TooLong:
        return [Outcome(status.TIMEOUT, "took too long") for _ in exercise.cases]


def prove(exercise: Exercise, seeds: int = 20) -> Proof:
    """All proofs of one exercise."""
    started, proof = time.monotonic(), Proof(exercise)
    try:
        proof.problems += _form(exercise) + _drivers(exercise)
        wanted = [references(exercise, seed) for seed in range(seeds)]
        proof.problems += _stub(exercise, wanted[0])
        problems = _reference(exercise, wanted)
        if not problems:
            problems = _variants(exercise, wanted) + _mistakes(exercise, wanted) + _mutants(exercise, wanted[0], proof)
        proof.problems += problems
    except (ImportError, AttributeError, OSError, ValueError) as error:
        proof.problems.append(f"{type(error).__name__}: {error}")
    proof.seconds = time.monotonic() - started
    return proof


# ------------------------------------------------------------------------------------------- the proofs


def _form(exercise: Exercise) -> list[str]:
    problems = []
    if not any(case.expect and not case.property for case in exercise.cases):
        problems.append("no case has a literal: give one `expect` worked by hand")
    if not any(case.property for case in exercise.cases):
        problems.append("no case has a property")
    if not exercise.mistakes:
        problems.append("it lists no mistake")
    if not exercise.variants:
        problems.append("it lists no variant")
    _, node = stubs.definition(exercise.reference)
    length = sum(len(ast.unparse(step).splitlines()) for step in _body(node))
    if length > LONGEST:
        problems.append(f"the reference has {length} lines, at most {LONGEST} make an exercise")
    return problems


def _body(node: ast.FunctionDef) -> list[ast.stmt]:
    """The statements of a function without its docstring."""
    return node.body[1:] if ast.get_docstring(node) is not None else node.body


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _drivers(exercise: Exercise) -> list[str]:
    """What a worker gets of the exercise's file runs on its own, and has every case."""
    found: dict[int, Callable] = {}
    try:
        code = compile(driver_source(exercise.path), str(exercise.path), "exec")
        exec(code, {"_case": lambda line: lambda function: found.setdefault(line, function), "__name__": "drivers"})
    except Exception as error:
        return [f"the drivers need something that a worker is not given: {type(error).__name__}: {error}"]
    problems = []
    for number, case in enumerate(exercise.cases):
        if case.line not in found:
            problems.append(f"a worker does not find the case {case.name}")
            continue
        with quiet():
            outcome = observe(found[case.line], Impl(exercise.reference, mutates=exercise.mutates), 0, number)
        if outcome.status == status.GRADER_ERROR:
            problems.append(f"the drivers need something that a worker is not given: {outcome.message}")
    return problems


def _stub(exercise: Exercise, rows: Sequence[Reference]) -> list[str]:
    """The stub fails as a stub, and shows nothing of the reference or of a variant."""
    text, problems = stubs.stub_file(catalog.load(exercise.path)), []  # the file that a student gets
    namespace: dict[str, Any] = {"__name__": "stub"}
    exec(compile(text, "<stub>", "exec"), namespace)
    outcomes = _observe(exercise, namespace[exercise.name], 0, rows)
    if stubs.is_stub(text, exercise.name) is not True or any(outcome.status != status.STUB for outcome in outcomes):
        problems.append(f"the stub does not fail as one: {outcomes[0].status}, {outcomes[0].message}")
    shown = _squeeze("\n".join(line for line in text.splitlines() if not line.startswith("def ")))
    for function in (exercise.reference, *exercise.variants):
        for line in _answer_lines(stubs.definition(function)[1]):
            if _squeeze(line) in shown:
                problems.append(f"the stub shows a line of the answer: {line}")
    return problems


def _answer_lines(node: ast.FunctionDef) -> list[str]:
    """Statements of an answer, and what they return or assign, as far as they say anything."""
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
        verdicts = compare_all(exercise, [row.outcome for row in rows], rows)
        for verdict in verdicts:
            if not verdict.passed:
                return [f"the reference fails {verdict.case} (seed {seed}): {verdict.status}, {verdict.message}"]
            if verdict.ratio > MARGIN_VARIANT:
                return [
                    f"the reference misses what {verdict.case} expects by {verdict.ratio:.2g} tolerances (seed {seed})"
                ]
    return []


def _variants(exercise: Exercise, wanted: Sequence[Sequence[Reference]]) -> list[str]:
    problems = []
    for variant in exercise.variants:
        for seed, rows in enumerate(wanted):
            verdicts = compare_all(exercise, _observe(exercise, variant, seed, rows), rows)
            bad = [verdict for verdict in verdicts if not verdict.passed or verdict.ratio > MARGIN_VARIANT]
            if bad:
                why = bad[0].message or f"off by {bad[0].ratio:.2g} tolerances"
                problems.append(
                    f"the variant {variant.__name__} fails {bad[0].case} (seed {seed}): {bad[0].status}, {why}"
                )
                break
    return problems


def _mistakes(exercise: Exercise, wanted: Sequence[Sequence[Reference]]) -> list[str]:
    problems, useful = [], set()
    functions = [mistake.function for mistake in exercise.mistakes]
    answers = [[_observe(exercise, f, seed, rows) for f in functions] for seed, rows in enumerate(wanted)]
    for number, mistake in enumerate(exercise.mistakes):
        for seed, rows in enumerate(wanted):
            outcomes = answers[seed][number]
            verdicts = compare_all(exercise, outcomes, rows)
            broken = [verdict for verdict in verdicts if verdict.status == status.GRADER_ERROR]
            failed = [verdict for verdict in verdicts if not verdict.passed]
            where = f"the mistake {mistake.name} (seed {seed})"
            if broken:
                problems.append(f"{where} breaks the driver of {broken[0].case}: {broken[0].message}")
            elif not failed:
                problems.append(f"{where} passes")
            elif max(verdict.ratio for verdict in failed) < MARGIN_MISTAKE:
                problems.append(f"{where} misses by {max(v.ratio for v in failed):.3g} tolerances only")
            else:
                useful.update(verdict.case for verdict in failed)
                names = [found.name for found in matching_mistakes(exercise, outcomes, verdicts, answers[seed])]
                if names == [mistake.name]:
                    continue
                problems.append(f"{where} is taken for {', '.join(names) or 'none of the mistakes'}")
            break
    problems += [f"no mistake fails the case {case.name}" for case in exercise.cases if case.name not in useful]
    return problems


def _mutants(exercise: Exercise, rows: Sequence[Reference], proof: Proof) -> list[str]:
    problems = []
    every, alive = _alive(exercise, exercise.reference, rows)
    proof.total, proof.caught = len(every), len(every) - len(alive)
    proof.equivalents = [name for name in alive if name in exercise.equivalents]
    proof.survivors = [name for name in alive if name not in exercise.equivalents]
    for variant in exercise.variants:  # other ways to write the equation, which often spell out more of it
        others, alive_too = _alive(exercise, variant, rows)
        survivors = [name for name in alive_too if name not in exercise.equivalents]
        proof.survivors += [f"{variant.__name__}: {name}" for name in survivors]
        if len(survivors) > (1 - MUTANTS_CAUGHT) * len(others):
            problems.append(f"too many mutants of the variant {variant.__name__} pass: {'; '.join(survivors[:10])}")
        every, alive = every + others, alive + alive_too
    for name in exercise.equivalents:
        if name not in alive:
            what = "is caught" if name in every else "does not exist"
            problems.append(f"listed as equivalent, but it {what}: {name}")
    if proof.score < MUTANTS_CAUGHT:
        shown = "; ".join(proof.survivors[:10])
        problems.append(f"only {proof.score:.0%} of the mutants are caught; these pass: {shown}")
    return problems


def _alive(exercise: Exercise, function: Callable, rows: Sequence[Reference]) -> tuple[list[str], list[str]]:
    """The names of all mutants of a function, and of those that pass every case."""
    every, alive = mutants(function), []
    for mutant in every:
        verdicts = compare_all(exercise, _observe(exercise, mutant.function, 0, rows), rows)
        if all(verdict.passed for verdict in verdicts):
            alive.append(mutant.name)
    return [mutant.name for mutant in every], alive


# ------------------------------------------------------------------------------------------- the command


def run(exercises: Sequence[Exercise], seeds: int = 20, as_json: bool = False) -> int:
    """Prove exercises and print what was found; 0 if all stand, 1 otherwise."""
    proofs = []
    for exercise in exercises:
        proof = prove(exercise, seeds)
        proofs.append(proof)
        if not as_json:
            print(_describe(proof), flush=True)
    if as_json:
        data = {"version": 1, "stands": all(p.stands for p in proofs), "exercises": [p.to_json() for p in proofs]}
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        stand = sum(proof.stands for proof in proofs)
        print(f"{stand} of {len(proofs)} exercises stand, on {seeds} seeds, in {sum(p.seconds for p in proofs):.1f} s")
    return 0 if all(proof.stands for proof in proofs) else 1


def _describe(proof: Proof) -> str:
    exercise = proof.exercise
    word = color("stands", "green", sys.stdout) if proof.stands else color("FAILS", "red", sys.stdout)
    counted = proof.total - len(proof.equivalents)
    lines = [
        f"{exercise.id}: {word}; {len(exercise.cases)} cases, {len(exercise.variants)} variants, "
        f"{len(exercise.mistakes)} mistakes, {proof.caught} of {counted} mutants caught ({proof.score:.0%})"
    ]
    lines += [f"  problem: {problem}" for problem in proof.problems]
    lines += [f"  survives: {name}" for name in proof.survivors]
    lines += [f"  equivalent: {name} ({exercise.equivalents[name]})" for name in proof.equivalents]
    return "\n".join(lines)
